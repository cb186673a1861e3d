"""Masks of pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def window_of(mask: NDArray[np.bool_], margin_px: int = 0) -> tuple[slice, slice]:
    """Give the rows and columns of the smallest rectangle around a mask (H, W) that is not empty.

    margin_px: how much wider it is on every side, where the image goes on.
    """
    rows, columns = (
        slice(max(int(hit[0]) - margin_px, 0), min(int(hit[-1]) + 1 + margin_px, size))
        for hit, size in zip(
            (np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))),
            mask.shape,
            strict=True,
        )
    )
    return rows, columns
