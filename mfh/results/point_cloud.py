"""A coloured point cloud of a photo and its metric depth."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.files import atomic_path
from mfh.records import Intrinsics
from mfh.results.depth_range import depth_percentiles_m

# Sky and other places of hardly any disparity would shrink the scene to a speck in a viewer.
_FARTHEST_IN_MEDIANS = 20.0
_CHUNK_POINTS = 1_000_000

_POINT = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)])


def write_point_cloud(
    path: Path,
    image: NDArray[np.uint8],
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
    *,
    max_points: int = 2_000_000,
    simulated: bool = False,
) -> int:
    """Write a binary little-endian PLY of x, y, z (float, metres) and red, green, blue (uchar).

    Frame: the camera's, x right, y down, z forward. Unknown and infinite depth is left out, and
    what is farther than 20 times the median depth. Where more than `max_points` would remain, the
    points lie on an even grid over the photo. The header's comments say all this.

    image: (H, W, 3) uint8 RGB; depth_m: (H, W), metres along z; camera: for H x W.
    Returns the number of points. Raises `InputError` for sizes that differ and for a
    `max_points` below 1, `OutputError` where it cannot be written.
    """
    size = (camera.height, camera.width)
    if image.shape[:2] != size or depth_m.shape != size:
        raise InputError(
            f"point cloud: image {image.shape[:2]}, depth {depth_m.shape} and camera {size} differ "
            "in size (height, width)"
        )
    if max_points < 1:
        raise InputError(f"point cloud: max_points is {max_points}; it must be at least 1")
    farthest_m = _FARTHEST_IN_MEDIANS * depth_percentiles_m(depth_m, (50,))[0]
    rows, columns, count, step = _grid(depth_m, farthest_m, max_points)
    thinned = ""
    if step > 1:
        everything = np.count_nonzero(_kept(depth_m, farthest_m))
        thinned = (
            f"every {step:.3g}-th pixel in both directions (on average); "
            f"{count} of {everything} pixels"
        )
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_header(count, farthest_m, camera, thinned, simulated).encode("ascii"))
        chunk_rows = max(1, _CHUNK_POINTS // len(columns))
        for top in range(0, len(rows), chunk_rows):
            chunk = np.ix_(rows[top : top + chunk_rows], columns)
            z = depth_m[chunk]
            kept = _kept(z, farthest_m)
            points = np.empty(np.count_nonzero(kept), _POINT)
            row, column = np.nonzero(kept)
            z = z[kept]
            x = (columns[column] + 0.5 - camera.cx) / camera.fx * z
            y = (rows[top + row] + 0.5 - camera.cy) / camera.fy * z
            points["xyz"] = np.stack([x, y, z], axis=1)
            points["rgb"] = image[chunk][kept]
            file.write(points.tobytes())
    return count


def _kept(depth_m: NDArray[np.float32], farthest_m: float) -> NDArray[np.bool_]:
    return (depth_m > 0) & (depth_m <= farthest_m)


def _grid(
    depth_m: NDArray[np.float32], farthest_m: float, max_points: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], int, float]:
    """Choose the densest even grid within `max_points`: rows, columns, points and step in px."""
    step = 1.0
    while True:
        rows, columns = (
            ((np.arange(int(length / step)) + 0.5) * step).astype(np.intp)
            if length >= step
            else np.array([length // 2])
            for length in depth_m.shape
        )
        count = sum(int(np.count_nonzero(_kept(depth_m[row, columns], farthest_m))) for row in rows)
        if count <= max_points or step > max(depth_m.shape):
            return rows, columns, count, step
        step *= max(1.01, math.sqrt(count / max_points))


def _header(
    count: int, farthest_m: float, camera: Intrinsics, thinned: str, simulated: bool
) -> str:
    limit = f" Farther than {farthest_m:.4g} m is left out." if math.isfinite(farthest_m) else ""
    comments = [
        "comment Made by mfh: metric depth of one photo.",
        f"comment Frame: x right, y down, z forward, in metres.{limit}",
        f"comment Camera: fx {camera.fx:.6g}, fy {camera.fy:.6g}, cx {camera.cx:.6g}, "
        f"cy {camera.cy:.6g}, {camera.width} x {camera.height} px ({camera.source}).",
    ]
    if thinned:
        comments.append(f"comment Thinned: {thinned}.")
    if simulated:
        comments.append("comment Simulated: a stand-in that knows the truth took part.")
    properties = [f"property float {name}" for name in "xyz"]
    properties += [f"property uchar {name}" for name in ("red", "green", "blue")]
    lines = ["ply", "format binary_little_endian 1.0", *comments, f"element vertex {count}"]
    return "\n".join([*lines, *properties, "end_header"]) + "\n"
