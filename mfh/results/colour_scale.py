"""From depth in metres to colours, and the round numbers to label them by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.results.depth_range import depth_percentiles_m

_COLORMAP = "plasma_r"  # perceptually uniform; near is warm and light
# Over a range wider than this, even steps would spend most colours on what is far.
_LOG_RATIO = 5.0
_FARTHEST_MEDIANS = 8.0
_MAX_TICKS = 9
_MANTISSAS = ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))


@dataclass(frozen=True)
class ColourScale:
    """A range of depth to draw.

    near_m, far_m: its ends, 0 < near_m < far_m.
    near_clipped, far_clipped: whether some finite depth lies beyond them.
    """

    near_m: float
    far_m: float
    near_clipped: bool = False
    far_clipped: bool = False

    @property
    def logarithmic(self) -> bool:
        """Whether equal steps along the scale are equal ratios of depth."""
        return self.far_m > _LOG_RATIO * self.near_m

    def fraction(self, depth_m: ArrayLike) -> NDArray[np.float64]:
        """Where on the scale depths lie, from 0 (near) to 1 (far), clipped to it."""
        clipped = np.clip(np.asarray(depth_m, np.float64), self.near_m, self.far_m)
        if self.logarithmic:
            return np.asarray(np.log(clipped / self.near_m) / np.log(self.far_m / self.near_m))
        return (clipped - self.near_m) / (self.far_m - self.near_m)

    def ticks(self, min_gap: float) -> list[tuple[float, str]]:
        """Give (fraction, label) of both ends and of round depths between them.

        min_gap: the least difference of two fractions whose labels do not collide.
        """
        near = ("≤ " if self.near_clipped else "") + f"{self.near_m:g} m"
        far = ("≥ " if self.far_clipped else "") + f"{self.far_m:g} m"
        for candidates in self._round_depths():
            inner = [(float(self.fraction(m)), f"{m:g} m") for m in candidates]
            inner = [tick for tick in inner if min_gap <= tick[0] <= 1 - min_gap]
            gaps = np.diff([fraction for fraction, _ in inner])
            if len(inner) <= _MAX_TICKS and (gaps >= min_gap).all():
                break
        return [(0.0, near), *inner, (1.0, far)]

    def _round_depths(self) -> list[list[float]]:
        """Give round depths within the range, the closest spacing first, nothing at all last."""
        finest = min(self.near_m, self.far_m - self.near_m)
        decades = [10.0**k for k in range(math.floor(math.log10(finest)) - 1, 6)]
        if self.logarithmic:
            spaced = [[d * m for d in decades for m in mantissas] for mantissas in _MANTISSAS]
        else:
            steps = [d * m for d in decades for m in (1, 2, 5)]
            spaced = [
                [k * step for k in range(1, math.ceil(self.far_m / step))]
                for step in steps
                if step > (self.far_m - self.near_m) / (2 * _MAX_TICKS)
            ]
        inside = [
            [round(m, 9) for m in depths if self.near_m < m < self.far_m] for depths in spaced
        ]
        return [*inside, []]


def scale_of(depth_m: NDArray[np.float32], max_m: float | None = None) -> ColourScale | None:
    """Choose the scale of a depth map (H, W), or of its part up to `max_m`.

    It spans the 1st to the 99th percentile, and at most eight medians: a sky at a thousand metres
    would leave no colours for the street. The ends are rounded outwards to two digits. None where
    no depth is finite and positive.
    """
    low, median, high = depth_percentiles_m(depth_m, (1, 50, 99))
    high = min(high, _FARTHEST_MEDIANS * median)
    if not high > 0:
        return None
    high = max_m if max_m is not None else high
    low = min(max(low, 1e-3 * high), high)
    near, far = _two_digits(low, math.floor), _two_digits(high, math.ceil)
    if max_m is not None:
        far = max_m
    if near >= 0.98 * far:
        near, far = 0.9 * far, 1.1 * far
    beyond = (depth_m > far) & (depth_m < np.inf)
    return ColourScale(near, far, bool((depth_m < near).any()), bool(beyond.any()))


def _two_digits(value: float, towards: Callable[[float], int]) -> float:
    """Round to two significant digits, down with `math.floor` or up with `math.ceil`."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    # Values that have two digits already must survive their binary rounding.
    return float(f"{towards(round(value / unit, 6)) * unit:.3g}")


@cache
def _table() -> NDArray[np.uint8]:
    from matplotlib import colormaps  # noqa: PLC0415 - takes a fifth of a second

    return np.asarray(colormaps[_COLORMAP](np.linspace(0, 1, 1024), bytes=True)[:, :3])


def colours_of(fraction: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Look up RGB colours (..., 3) of fractions (...) of a scale, near = 0, far = 1."""
    table = _table()
    return table[np.rint(fraction * (len(table) - 1)).astype(np.intp)]
