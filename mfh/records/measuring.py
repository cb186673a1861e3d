"""Looking up depth at places of a photo: which pixel, which point in space.

A place (x, y) stands for the pixel it lies in, and a pixel for the point that its centre sees:
depth is known pixel by pixel, and between a near and a far one there is nothing to interpolate.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.errors import InputError
from mfh.records.camera import Intrinsics


def depth_at(
    depth_m: NDArray[np.float32], x: ArrayLike, y: ArrayLike, camera: Intrinsics
) -> NDArray[np.float32]:
    """Depth (...) in metres at places x, y (...) in px, which broadcast.

    Raises `InputError` for a place outside the photo, and for one whose depth is NaN.
    """
    columns, rows = _numbers(x, "x"), _numbers(y, "y")
    try:
        columns, rows = np.broadcast_arrays(columns, rows)
    except ValueError as error:
        raise InputError(
            f"x has shape {columns.shape} and y {rows.shape}; they must belong together"
        ) from error
    _refuse(
        ~((columns >= 0) & (columns < camera.width) & (rows >= 0) & (rows < camera.height)),
        columns,
        rows,
        f"outside the photo of {camera.width} x {camera.height} px; x runs to the right from 0 to "
        f"below {camera.width} and y down from 0 to below {camera.height}",
    )
    found = depth_m[rows.astype(np.intp), columns.astype(np.intp)]
    _refuse(
        np.isnan(found), columns, rows, "where the depth is unknown (NaN); choose another place"
    )
    return np.asarray(found)


def points_at(
    depth_m: NDArray[np.float32], places_px: ArrayLike, camera: Intrinsics
) -> NDArray[np.float64]:
    """Points (..., 3) in metres in the camera frame, of the pixels that places (..., 2) lie in.

    Raises `InputError` as `depth_at` does, and for a place whose depth is infinite.
    """
    places = _numbers(places_px, "a point")
    if places.ndim == 0 or places.shape[-1] != 2:
        raise InputError(
            f"a point of the photo has shape {places.shape}; expected x and y in px, (2,) or "
            "(..., 2) for several"
        )
    x, y = places[..., 0], places[..., 1]
    z = depth_at(depth_m, x, y, camera).astype(np.float64)
    _refuse(
        np.isinf(z), x, y, "where the depth is infinite: farther than can be told; choose a nearer"
    )
    along_x = (np.floor(x) + 0.5 - camera.cx) / camera.fx
    along_y = (np.floor(y) + 0.5 - camera.cy) / camera.fy
    return np.stack([along_x * z, along_y * z, z], axis=-1)


def nearest_pixels(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize a map (H, W): each new pixel takes the value of the old one its centre lies in."""
    rows, columns = (
        ((np.arange(new) + 0.5) * (old / new)).astype(np.intp)
        for new, old in ((height, values.shape[0]), (width, values.shape[1]))
    )
    resized: NDArray[np.float32] = values[rows[:, None], columns]
    return resized


def whole_px(value: Any, what: str) -> int:
    """Give a size in px as a Python integer; raise `InputError` where it is none from 1 on."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise InputError(f"{what} is {value!r}; it must be a whole number of at least 1 px")
    return int(value)


def _numbers(value: ArrayLike, what: str) -> NDArray[np.float64]:
    try:
        numbers = as_array(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what} is {value!r}; it must be of numbers of px") from error
    if numbers.dtype.kind not in "iuf":
        raise InputError(f"{what} is {value!r}; it must be of numbers of px")
    return numbers.astype(np.float64)


def _refuse(
    refused: NDArray[Any], x: NDArray[np.float64], y: NDArray[np.float64], where: str
) -> None:
    """Raise `InputError` naming the first place that is refused."""
    count = int(np.count_nonzero(refused))
    if not count:
        return
    first = int(np.argmax(refused))
    of_all = f" (the first of {count} such)" if count > 1 else ""
    raise InputError(f"({x.flat[first]:g}, {y.flat[first]:g}){of_all} lies {where}")
