"""From depth or its error to colours, and the round numbers to label them by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.results.percentiles import finite_percentiles

# Neither is a colour of a scale, and they differ in lightness for whoever sees no blue.
UNKNOWN = (150, 152, 156)
INFINITE = (198, 216, 236)
# Over a range wider than this, even steps would spend most colours on what is far.
_LOG_RATIO = 5.0
_FARTHEST_MEDIANS = 8.0
_LARGEST_ERROR_MEDIANS = 4.0
_LARGEST_ERROR = 1.0  # beyond it an error says no more than "hardly known"
_SMALLEST_ERROR = 1e-3
_MAX_TICKS = 9
_MANTISSAS = ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))


@dataclass(frozen=True)
class Quantity:
    """What is drawn in colours.

    unit, factor: what a value times the factor is told in.
    colormap: its colours, by Matplotlib's name.
    """

    unit: str
    factor: float
    colormap: str


# Both are perceptually uniform, and they share no colours. Near is warm and light, and so is a
# large error.
DEPTH = Quantity("m", 1.0, "plasma_r")
ERROR = Quantity("%", 100.0, "viridis")


@dataclass(frozen=True)
class ColourScale:
    """A range of depth in metres, or of relative error, to draw.

    low, high: its ends, 0 <= low < high.
    low_clipped, high_clipped: whether some finite value lies beyond them.
    """

    low: float
    high: float
    low_clipped: bool = False
    high_clipped: bool = False
    quantity: Quantity = DEPTH

    @property
    def logarithmic(self) -> bool:
        """Whether equal steps along the scale are equal ratios."""
        return self.low > 0 and self.high > _LOG_RATIO * self.low

    def fraction(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where on the scale values lie, from 0 (low) to 1 (high), clipped to it."""
        clipped = np.clip(np.asarray(values, np.float64), self.low, self.high)
        if self.logarithmic:
            return np.asarray(np.log(clipped / self.low) / np.log(self.high / self.low))
        return (clipped - self.low) / (self.high - self.low)

    def colours(self, fraction: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Look up RGB colours (..., 3) of fractions (...) of the scale."""
        table = _table(self.quantity.colormap)
        return table[np.rint(fraction * (len(table) - 1)).astype(np.intp)]

    def ticks(self, min_gap: float) -> list[tuple[float, str]]:
        """Give (fraction, label) of both ends and of round values between them.

        min_gap: the least difference of two fractions whose labels do not collide.
        """
        low = ("≤ " if self.low_clipped else "") + self._label(self.low)
        high = ("≥ " if self.high_clipped else "") + self._label(self.high)
        for candidates in self._round_values():
            inner = [(float(self.fraction(value)), self._label(value)) for value in candidates]
            inner = [tick for tick in inner if min_gap <= tick[0] <= 1 - min_gap]
            gaps = np.diff([fraction for fraction, _ in inner])
            if len(inner) <= _MAX_TICKS and (gaps >= min_gap).all():
                break
        return [(0.0, low), *inner, (1.0, high)]

    def _label(self, value: float) -> str:
        return f"{self.quantity.factor * value:g} {self.quantity.unit}"

    def _round_values(self) -> list[list[float]]:
        """Give round values within the range, the closest spacing first, nothing at all last."""
        span = self.high - self.low
        finest = min(self.low, span) if self.logarithmic else span / 10
        decades = [10.0**k for k in range(math.floor(math.log10(finest)) - 1, 6)]
        if self.logarithmic:
            spaced = [[d * m for d in decades for m in mantissas] for mantissas in _MANTISSAS]
        else:
            steps = [d * m for d in decades for m in (1, 2, 5)]
            spaced = [
                [k * step for k in range(1, math.ceil(self.high / step))]
                for step in steps
                if step > span / (2 * _MAX_TICKS)
            ]
        inside = [
            [round(value, 9) for value in values if self.low < value < self.high]
            for values in spaced
        ]
        return [*inside, []]


def depth_scale(depth_m: NDArray[np.float32], max_m: float | None = None) -> ColourScale | None:
    """Choose the scale of a depth map (H, W), or of its part up to `max_m`.

    It spans the 1st to the 99th percentile, and at most eight medians: a sky at a thousand metres
    would leave no colours for the street. The ends are rounded outwards to two digits. None where
    no depth is finite and positive.
    """
    low, median, high = finite_percentiles(depth_m, (1, 50, 99))
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


def error_scale(relative_error: NDArray[np.float32]) -> ColourScale | None:
    """Choose the scale of a map (H, W) of relative errors: from 0 to the 99th percentile.

    It starts at 0, so that an error that is alike everywhere looks alike everywhere. It ends at a
    whole number of per cent, at most 100, and at most at four medians: the error of a sky would
    leave no colours for the street. None where no error is finite.
    """
    median, high = finite_percentiles(relative_error, (50, 99))
    if math.isnan(high):
        return None
    high = min(high, _LARGEST_ERROR_MEDIANS * median, _LARGEST_ERROR)
    high = max(high, _SMALLEST_ERROR)
    high = math.ceil(round(100 * high, 3)) / 100 if high > 0.01 else _two_digits(high, math.ceil)
    beyond = (relative_error > high) & (relative_error < np.inf)
    return ColourScale(0.0, high, high_clipped=bool(beyond.any()), quantity=ERROR)


def _two_digits(value: float, towards: Callable[[float], int]) -> float:
    """Round to two significant digits, down with `math.floor` or up with `math.ceil`."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    # Values that have two digits already must survive their binary rounding.
    return float(f"{towards(round(value / unit, 6)) * unit:.3g}")


@cache
def _table(colormap: str) -> NDArray[np.uint8]:
    from matplotlib import colormaps  # noqa: PLC0415 - takes a fifth of a second

    return np.asarray(colormaps[colormap](np.linspace(0, 1, 1024), bytes=True)[:, :3])


def in_colours(values: NDArray[np.floating], scale: ColourScale | None) -> NDArray[np.uint8]:
    """Colours (H, W, 3) of a map (H, W): unknown is grey, infinite light blue.

    Without a scale, as where nothing is finite, the rest is grey, too.
    """
    colours = np.empty((*values.shape, 3), np.uint8)
    colours[:] = UNKNOWN
    colours[np.isposinf(values)] = INFINITE
    if scale is not None:
        known = np.isfinite(values)
        colours[known] = scale.colours(scale.fraction(values[known]))
    return colours
