"""Measured depth that belongs to a photo: read from files, resized, and its holes filled."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt
from scipy.spatial import Delaunay, QhullError

from mfh.camera import backproject
from mfh.errors import InputError, SettingsError
from mfh.files.user_files import check_same_picture, read_map
from mfh.records import Intrinsics
from mfh.rendering import render_depth

DEPTH_SCALES = {"mm": 0.001, "kitti": 1 / 256}
"""Metres per unit of the integer formats that have a name."""

_KITTI_HEIGHTS_PX = range(352, 377)
_KITTI_WIDTHS_PX = range(1216, 1243)
_PLAUSIBLE_MEDIAN_M = (0.02, 1000.0)
_WIDEST_GAP = 1 / 16
"""The longest gap that is interpolated, as a fraction of the image diagonal."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Measured depth of a photo.

    depth_m: (H, W) float32, z in metres, NaN where unknown.
    note: how the file was understood, in a sentence.
    """

    depth_m: NDArray[np.float32]
    note: str


def load_truth(
    path: str | os.PathLike[str],
    shape: tuple[int, int] | None,
    *,
    scale: str | float | None = None,
) -> Truth:
    """Read measured depth for a photo of `shape` (H, W), or at its own size if that is None.

    path: a 16-bit PNG, an .npy, or an .npz holding `depth_m`, `depth` or a single array. Values
        that are 0, negative, NaN or infinite are unknown. A map of another size but the same aspect
        is resized without mixing pixels.
    scale: metres per unit: a number or its text, "mm" (NYU's PNG files) or "kitti" (1/256 m). None
        takes floating-point files as metres, integers of a KITTI photo's size as "kitti" and other
        PNG files as "mm"; the note says so.

    Raises `InputError` for a file that cannot be used, and `SettingsError` for an unknown scale.
    """
    path = Path(path)
    stored = _as_map(path, read_map(path, "depth_m", "depth"))
    metres, note = _scale(path, stored, scale)
    with np.errstate(invalid="ignore"):
        depth_m = (stored * np.float32(metres)).astype(np.float32, copy=False)
        depth_m[~(np.isfinite(depth_m) & (depth_m > 0))] = np.nan
    _require_plausible(path, depth_m)
    if shape is not None and depth_m.shape != shape:
        height, width = depth_m.shape
        check_same_picture(f"truth {path}", depth_m.shape, shape)
        depth_m = resize_truth(depth_m, shape)
        note += f", resized from {width} x {height} px"
    return Truth(depth_m, f"truth {path.name}: {note}")


def metres_per_unit(scale: str | float) -> float:
    """What a number, its text, or a name of `DEPTH_SCALES` stands for.

    Raises `SettingsError` for anything else.
    """
    try:
        metres = DEPTH_SCALES.get(str(scale)) or float(scale)
    except (TypeError, ValueError):
        metres = math.nan
    if not (math.isfinite(metres) and metres > 0):
        raise SettingsError(
            f"depth scale {scale!r}; accepted: {', '.join(DEPTH_SCALES)}, or a positive number of "
            "metres per unit"
        )
    return metres


def resize_truth(depth_m: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize depth (h, w) to `shape` (H, W), each pixel taking one known value of its own area.

    Values are never mixed, so edges stay edges; a pixel is unknown (NaN) only where all of its area
    is, so that sparse depth survives being reduced.
    """
    if depth_m.shape == shape:
        return depth_m
    steps = [max(1, math.ceil(old / new)) for old, new in zip(depth_m.shape, shape, strict=True)]
    # The places inside a pixel to look at, from its centre outwards.
    places = sorted(
        (
            ((row + 0.5) / steps[0], (column + 0.5) / steps[1])
            for row in range(steps[0])
            for column in range(steps[1])
        ),
        key=lambda place: (place[0] - 0.5) ** 2 + (place[1] - 0.5) ** 2,
    )
    resized = np.full(shape, np.nan, np.float32)
    for place in [(0.5, 0.5), *places]:
        rows, columns = (
            np.minimum(((np.arange(new) + at) * old / new).astype(np.intp), old - 1)
            for at, old, new in zip(place, depth_m.shape, shape, strict=True)
        )
        resized = np.where(np.isnan(resized), depth_m[np.ix_(rows, columns)], resized)
        if not np.isnan(resized).any():
            break
    return resized


def densify(depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill the unknown pixels of a depth map (H, W); known pixels keep their value.

    Between known pixels 1 / depth is interpolated linearly over their Delaunay triangulation, as it
    is linear on a plane. Outside their hull, and in gaps too wide to lie between samples of one
    surface (sky, a window, a mirror), the nearest known pixel counts. Sparse LiDAR and dense maps
    with holes go the same way, since only the pixels at the rim of a hole matter to it.

    Raises `InputError` where no pixel is known.
    """
    known = np.isfinite(depth_m)
    if known.all():
        return depth_m
    if not known.any():
        raise InputError(
            "truth: no pixel has a known depth, so there is nothing to fill holes from"
        )
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    dense: NDArray[np.float32] = depth_m[tuple(nearest)]
    rim = np.argwhere(known & binary_dilation(~known))
    try:
        triangles = Delaunay(rim).simplices
    except (QhullError, ValueError):
        # Too few pixels, or all on one line: they span no triangle.
        return dense
    corners_px = rim[triangles]
    sides_px = np.linalg.norm(corners_px - np.roll(corners_px, 1, axis=1), axis=2)
    height, width = depth_m.shape
    narrow = sides_px.max(axis=1) <= _WIDEST_GAP * np.hypot(height, width)
    # Any pinhole will do: what is flat in space is linear in 1 / depth in every image.
    pinhole = Intrinsics(width, width, width / 2, height / 2, height, width)
    points_m = backproject(depth_m, pinhole)[tuple(rim.T)]
    surface_m = render_depth(points_m[None], triangles[narrow], pinhole, device="cpu")[0]
    filled = ~known & np.isfinite(surface_m)
    dense[filled] = surface_m[filled]
    return dense


def _as_map(path: Path, stored: NDArray[Any]) -> NDArray[Any]:
    if stored.dtype.kind not in "uif":
        raise InputError(f"truth {path}: holds {stored.dtype} values; depth must be real numbers")
    if stored.ndim == 3 and 1 in (stored.shape[0], stored.shape[2]):
        stored = stored.reshape([n for i, n in enumerate(stored.shape) if i == 1 or n != 1])
    if stored.ndim != 2 or 0 in stored.shape:
        raise InputError(f"truth {path}: array of shape {stored.shape}; expected (H, W)")
    return stored


def _scale(path: Path, stored: NDArray[Any], scale: str | float | None) -> tuple[float, str]:
    height, width = stored.shape
    if scale is not None:
        metres = metres_per_unit(scale)
        return metres, f"{metres:g} m per unit, as given"
    if stored.dtype.kind == "f":
        return 1.0, "taken as metres"
    if height in _KITTI_HEIGHTS_PX and width in _KITTI_WIDTHS_PX:
        return DEPTH_SCALES["kitti"], "taken as 1/256 m per unit, as its size is that of KITTI"
    if path.suffix.lower() != ".png":
        raise InputError(
            f"truth {path}: holds {stored.dtype} values, whose unit is unknown; give a depth scale "
            f"({', '.join(DEPTH_SCALES)}, or metres per unit)"
        )
    return DEPTH_SCALES["mm"], "taken as millimetres"


def _require_plausible(path: Path, depth_m: NDArray[np.float32]) -> None:
    known = depth_m[np.isfinite(depth_m)]
    if not known.size:
        raise InputError(f"truth {path}: no pixel holds a positive, finite depth")
    median_m = float(np.median(known))
    lowest, highest = _PLAUSIBLE_MEDIAN_M
    if median_m > highest:
        raise InputError(
            f"truth {path}: the median depth would be {median_m:g} m, which looks like millimetres "
            'read as metres; give the depth scale, e.g. "mm"'
        )
    if median_m < lowest:
        raise InputError(
            f"truth {path}: the median depth would be {median_m:g} m, too near for a scene with "
            "people; give the depth scale in metres per unit"
        )
