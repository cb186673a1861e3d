"""What a model predicted, checked and made a record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.compute import Placement
from mfh.errors import InputError, SettingsError
from mfh.records import Disparity, Space


def disparity_of(
    values: NDArray[np.float32], space: Space, model: str, placement: Placement
) -> Disparity:
    """The map (H, W) of one image as a record.

    placement: where the model computed, and in which precision.

    Raises `SettingsError` for a map with values that are not finite, and `InputError` for one that
    is the same everywhere: overflow or underflow, or weights that are not what they seem.
    """
    finite = bool(np.isfinite(values).all())
    if finite and values.min() < values.max():
        return Disparity(values[None], space, model)
    fault = f"is {values.flat[0]:g} everywhere" if finite else "holds NaN or infinite values"
    message = f"{model}: its map, computed in {placement.dtype_name}, {fault}; {placement.remedy}"
    raise InputError(message) if finite else SettingsError(message)
