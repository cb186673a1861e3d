"""What a model gave, made a record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records import Disparity, Space


def disparity_of(
    values: NDArray[np.float32], space: Space, model: str, precision: str
) -> Disparity:
    """The map (H, W) of one image as a record.

    precision: in what the model computed.

    Raises `InputError` for a map with values that are not finite, and for one that is the same
    everywhere: an overflow or underflow in half precision, or weights that are not what they seem.
    """
    finite = bool(np.isfinite(values).all())
    if finite and values.min() < values.max():
        return Disparity(values[None], space, model)
    remedy = (
        "check its files with `mfh models check`"
        if precision == "float32"
        else "use --precision float32"
    )
    fault = f"is {values.flat[0]:g} everywhere" if finite else "holds NaN or infinite values"
    raise InputError(f"{model}: its map, computed in {precision}, {fault}; {remedy}")
