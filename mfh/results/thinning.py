"""Which pixels of a depth map a point cloud or mesh shows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mfh.results.percentiles import finite_percentiles

# Sky and other places of hardly any disparity would shrink the scene to a speck in a viewer.
FARTHEST_IN_MEDIANS = 20.0


def farthest_shown_m(depth_m: NDArray[np.float32]) -> float:
    """Give the depth beyond which nothing is shown: 20 medians; NaN where no depth is finite."""
    return FARTHEST_IN_MEDIANS * finite_percentiles(depth_m, (50,))[0]


def is_shown(depth_m: NDArray[np.float32], farthest_m: float) -> NDArray[np.bool_]:
    """Tell which depths are known, finite, positive and not beyond `farthest_m`."""
    return (depth_m > 0) & (depth_m <= farthest_m)


def even_positions(length: int, step: float) -> NDArray[np.intp]:
    """Choose from `length` pixels about every `step`-th, at least one, centred as a whole."""
    if length < step:
        return np.array([length // 2])
    return ((np.arange(int(length / step)) + 0.5) * step).astype(np.intp)


def densest_grid(
    depth_m: NDArray[np.float32], farthest_m: float, max_points: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], int, float]:
    """Choose the densest even grid of at most `max_points` shown pixels.

    Returns its rows, its columns, how many pixels of it are shown, and its step in px.
    """
    step = 1.0
    while True:
        rows, columns = (even_positions(length, step) for length in depth_m.shape)
        count = sum(
            int(np.count_nonzero(is_shown(depth_m[row, columns], farthest_m))) for row in rows
        )
        if count <= max_points or step > max(depth_m.shape):
            return rows, columns, count, step
        step *= max(1.01, math.sqrt(count / max_points))
