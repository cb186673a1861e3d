"""What a user or a file says of a camera, checked number by number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mfh.arrays import as_array
from mfh.errors import CameraError

SKEW_TOLERANCE = 1e-4
"""Skew up to this fraction of fx is a solver's rounding: it moves no pixel by more than 0.1 px."""


@dataclass(frozen=True)
class Calibration:
    """The numbers of a pinhole camera, not yet tied to a photo.

    fx, fy, cx, cy: in px.
    size: (H, W) of the images they hold for, None where it is not stated.
    note: what else was said and is not used, in words.
    where: the file, entry or argument they come from; errors open with it.

    Raises `CameraError` for a number that is not finite or a focal length that is not positive.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    size: tuple[int, int] | None = None
    note: str = ""
    where: str = "intrinsics"

    def __post_init__(self) -> None:
        for name in ("fx", "fy", "cx", "cy"):
            value = float(getattr(self, name))
            object.__setattr__(self, name, value)
            focal = name in ("fx", "fy")
            if not math.isfinite(value) or (focal and value <= 0):
                raise CameraError(
                    f"{self.where}: {name} is {value:g}; it must be a "
                    f"{'positive' if focal else 'finite'} number of px"
                )

    @property
    def numbers(self) -> tuple[object, ...]:
        """Everything but where it was said: equal for the same camera said twice."""
        return self.fx, self.fy, self.cx, self.cy, self.size, self.note


def calibration_from_matrix(
    matrix: ArrayLike, where: str = "intrinsics", size: tuple[int, int] | None = None
) -> Calibration:
    """Read a 3 x 3 pinhole matrix K.

    matrix: array, torch tensor or nested lists.

    Raises `CameraError`, opening with `where`, for another shape, values that are no finite
    numbers, skew beyond `SKEW_TOLERANCE`, and a last row other than (0, 0, 1).
    """
    try:
        K = as_array(matrix)
    except (TypeError, ValueError, RuntimeError) as error:
        # Ragged lists; lists of tensors that are on a GPU or require gradients.
        raise CameraError(f"{where}: cannot be read as a 3 x 3 matrix ({error})") from error
    if K.dtype.kind not in "iuf":
        raise CameraError(f"{where}: expected a 3 x 3 matrix of numbers, not of type {K.dtype}")
    if K.shape != (3, 3):
        raise CameraError(f"{where}: the matrix has shape {K.shape}; expected (3, 3)")
    K = K.astype(np.float64)
    if not np.isfinite(K).all():
        row, column = np.argwhere(~np.isfinite(K))[0]
        raise CameraError(f"{where}: K[{row}][{column}] is {K[row, column]}; it must be finite")
    if not _is_unit(K[2]):
        last_row = ", ".join(f"{value:g}" for value in K[2])
        hint = "; the matrix is transposed: give its transpose" if _is_unit(K[:, 2]) else ""
        raise CameraError(f"{where}: the last row is ({last_row}); expected (0, 0, 1){hint}")
    for row, column in ((0, 1), (1, 0)):
        if abs(K[row, column]) > SKEW_TOLERANCE * abs(K[0, 0]):
            raise CameraError(
                f"{where}: K[{row}][{column}] is {K[row, column]:g}; cameras with skew are not "
                "supported, it must be 0"
            )
    return Calibration(K[0, 0], K[1, 1], K[0, 2], K[1, 2], size=size, where=where)


def number(data: Mapping[str, Any], key: str, where: str) -> float:
    """Return the number under a key that is there; raise `CameraError` for anything else."""
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CameraError(f"{where}: {key} is {value!r}; it must be a number")
    try:
        return float(value)
    except OverflowError as error:
        raise CameraError(f"{where}: {key} is too large to be a number of px") from error


def image_size(
    data: Mapping[str, Any], where: str, height_key: str = "height", width_key: str = "width"
) -> tuple[int, int] | None:
    """(H, W) in px under the two keys, None where neither is there.

    Raises `CameraError` where one of the two is missing or is no whole, positive number.
    """
    present = [key for key in (height_key, width_key) if key in data]
    if not present:
        return None
    if len(present) == 1:
        raise CameraError(
            f"{where}: states {present[0]} alone; {height_key} and {width_key} are needed"
        )
    for key in present:
        value = number(data, key, where)
        if not (value >= 1 and value.is_integer()):
            raise CameraError(f"{where}: {key} is {value:g}; it must be a whole number of px")
    return int(data[height_key]), int(data[width_key])


def _is_unit(row: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    return bool(np.allclose(row, (0, 0, 1), rtol=0, atol=1e-6))
