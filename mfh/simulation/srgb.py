"""sRGB colours and linear light (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def to_linear(srgb: ArrayLike) -> NDArray[np.float64]:
    """Convert sRGB values in [0, 1] to linear light in [0, 1]."""
    value = np.asarray(srgb, np.float64)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: ArrayLike) -> NDArray[np.float64]:
    """Convert linear light, clipped to [0, 1], to sRGB values in [0, 1]."""
    value = np.asarray(linear, np.float64).clip(0, 1)
    return np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
