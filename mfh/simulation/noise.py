"""Smooth random fields, which errors over an image are made of."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def smooth_field(
    shape: tuple[int, int], length_px: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a random field (H, W) of mean 0 and standard deviation 1 that varies over `length_px`.

    White noise on a coarse grid, interpolated with Gaussian weights along each axis.
    """
    nodes = [math.ceil(size / length_px) + 4 for size in shape]
    rows, columns = (
        _weights(size, count, length_px) for size, count in zip(shape, nodes, strict=True)
    )
    field = rows @ rng.standard_normal(nodes) @ columns.T
    field -= field.mean()
    deviation = field.std()
    return np.asarray(field / deviation if deviation > 0 else field)


def _weights(size: int, nodes: int, length_px: float) -> NDArray[np.float64]:
    pixel = (np.arange(size) + 0.5) / length_px
    node = np.arange(nodes) - 1.5
    weights: NDArray[np.float64] = np.exp(-0.5 * ((pixel[:, None] - node) / 0.7) ** 2)
    return weights
