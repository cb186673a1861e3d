"""A coloured point cloud of a photo and its metric depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.files import atomic_path
from mfh.records import Intrinsics
from mfh.results.thinning import densest_grid, farthest_shown_m, is_shown

_CHUNK_POINTS = 1_000_000

_POINT = [("xyz", "<f4", 3), ("rgb", "u1", 3)]
_ERROR = ("relative_error", "<f4")


def write_point_cloud(
    path: Path,
    image: NDArray[np.uint8],
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
    *,
    relative_error: NDArray[np.float32] | None = None,
    max_points: int = 2_000_000,
    error: str = "",
    simulated: bool = False,
) -> int:
    """Write a binary little-endian PLY of x, y, z (float, metres) and red, green, blue (uchar).

    With `relative_error` each point has a further float of that name. Readers give it as an
    attribute of their own (Open3D, trimesh) or pass over it (MeshLab).

    Frame: the camera's, x right, y down, z forward. Unknown and infinite depth is left out, and
    what is farther than 20 times the median depth. Where more than `max_points` would remain, the
    points lie on an even grid over the photo. The header's comments say all this.

    image: (H, W, 3) uint8 RGB; depth_m: (H, W), metres along z; camera: for H x W.
    relative_error: (H, W), 1 sigma of each depth as a fraction of it; error: that of the whole, in
        words.
    Returns the number of points. Raises `InputError` for sizes that differ and for a
    `max_points` below 1, `OutputError` where it cannot be written.
    """
    size = (camera.height, camera.width)
    sizes = {"image": image.shape[:2], "depth": depth_m.shape, "camera": size}
    if relative_error is not None:
        sizes["relative error"] = relative_error.shape
    if set(sizes.values()) != {size}:
        told = ", ".join(f"{what} {shape}" for what, shape in sizes.items())
        raise InputError(f"point cloud: {told} differ in size (height, width)")
    if max_points < 1:
        raise InputError(f"point cloud: max_points is {max_points}; it must be at least 1")
    farthest_m = farthest_shown_m(depth_m)
    rows, columns, count, step = densest_grid(depth_m, farthest_m, max_points)
    thinned = ""
    if step > 1:
        everything = np.count_nonzero(is_shown(depth_m, farthest_m))
        thinned = (
            f"every {step:.3g}-th pixel in both directions (on average); "
            f"{count} of {everything} pixels"
        )
    point = np.dtype(_POINT if relative_error is None else [*_POINT, _ERROR])
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        comments = _comments(farthest_m, camera, thinned, error, simulated)
        file.write(_header(count, comments, relative_error is not None).encode("ascii"))
        chunk_rows = max(1, _CHUNK_POINTS // len(columns))
        for top in range(0, len(rows), chunk_rows):
            chunk = np.ix_(rows[top : top + chunk_rows], columns)
            z = depth_m[chunk]
            kept = is_shown(z, farthest_m)
            points = np.empty(np.count_nonzero(kept), point)
            row, column = np.nonzero(kept)
            z = z[kept]
            x = (columns[column] + 0.5 - camera.cx) / camera.fx * z
            y = (rows[top + row] + 0.5 - camera.cy) / camera.fy * z
            points["xyz"] = np.stack([x, y, z], axis=1)
            points["rgb"] = image[chunk][kept]
            if relative_error is not None:
                points["relative_error"] = relative_error[chunk][kept]
            file.write(points.tobytes())
    return count


def _comments(
    farthest_m: float, camera: Intrinsics, thinned: str, error: str, simulated: bool
) -> list[str]:
    limit = f" Farther than {farthest_m:.4g} m is left out." if math.isfinite(farthest_m) else ""
    comments = [
        "Made by mfh: metric depth of one photo.",
        f"Frame: x right, y down, z forward, in metres.{limit}",
        f"Camera: fx {camera.fx:.6g}, fy {camera.fy:.6g}, cx {camera.cx:.6g}, "
        f"cy {camera.cy:.6g}, {camera.width} x {camera.height} px ({camera.source}).",
    ]
    if error:
        comments.append(f"Error: {error.replace('±', '+/-')}.")  # PLY headers are ASCII
    if thinned:
        comments.append(f"Thinned: {thinned}.")
    if simulated:
        comments.append("Simulated: a stand-in that knows the truth took part.")
    return comments


def _header(count: int, comments: Sequence[str], with_error: bool) -> str:
    properties = [f"property float {name}" for name in "xyz"]
    properties += [f"property uchar {name}" for name in ("red", "green", "blue")]
    if with_error:
        comments = [
            *comments,
            "relative_error: 1 sigma of the distance from the camera, as a fraction of it.",
        ]
        properties.append("property float relative_error")
    lines = ["ply", "format binary_little_endian 1.0", *(f"comment {text}" for text in comments)]
    return "\n".join([*lines, f"element vertex {count}", *properties, "end_header"]) + "\n"
