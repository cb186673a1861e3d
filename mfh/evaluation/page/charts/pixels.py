"""Pixels of many photos, counted by true and by predicted depth instead of kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PER_DECADE = 48
_NEAREST, _FARTHEST = -2, 4  # powers of ten of metres; what lies beyond counts in the last bin
_BINS = _PER_DECADE * (_FARTHEST - _NEAREST)
_BINS_TOGETHER = 6  # a chart's depth bins: ratios of 1.33
_RATIO_STEP = 0.01  # of the log ratio
_RATIO_BINS = 400  # from 1/7.4 to 7.4
_SMALLEST_SHARE = 1e-3
_FEWEST = 50


@dataclass(frozen=True)
class DepthBin:
    """Errors of the pixels whose true depth lies between `low_m` and `high_m`.

    share: of all pixels. abs_rel: their mean. log_ratio: the 25th, 50th and 75th percentile of
    log(predicted / true).
    """

    low_m: float
    high_m: float
    share: float
    abs_rel: float
    log_ratio: tuple[float, float, float]


class PixelErrors:
    """Predicted against true depth of the pixels of a row.

    density: (T, P) counts by true and predicted depth, `edges_m` (T + 1, the same for both).
    """

    def __init__(self) -> None:
        self.edges_m: NDArray[np.float64] = np.logspace(_NEAREST, _FARTHEST, _BINS + 1)
        self.density = np.zeros((_BINS, _BINS), np.int64)
        self._abs_rel = np.zeros(_BINS)
        self._ratios = np.zeros((_BINS, _RATIO_BINS), np.int64)

    @property
    def count(self) -> int:
        """How many pixels there are."""
        return int(self.density.sum())

    def add(self, predicted_m: NDArray[np.floating], true_m: NDArray[np.floating]) -> None:
        """Count pixels (K,), finite and positive both."""
        predicted, true = predicted_m.astype(np.float64), true_m.astype(np.float64)
        at = _bin(true)
        np.add.at(self.density, (at, _bin(predicted)), 1)
        self._abs_rel += np.bincount(at, np.abs(predicted - true) / true, _BINS)
        ratio = np.floor(np.log(predicted / true) / _RATIO_STEP).astype(np.intp) + _RATIO_BINS // 2
        np.add.at(self._ratios, (at, np.clip(ratio, 0, _RATIO_BINS - 1)), 1)

    def by_depth(self) -> list[DepthBin]:
        """The errors by true depth, of bins that hold enough pixels to say something."""
        bins = []
        counts = self.density.sum(axis=1)
        fewest = max(_FEWEST, _SMALLEST_SHARE * counts.sum())
        for start in range(0, _BINS, _BINS_TOGETHER):
            some = slice(start, start + _BINS_TOGETHER)
            count = int(counts[some].sum())
            if count < fewest:
                continue
            bins.append(
                DepthBin(
                    low_m=float(self.edges_m[start]),
                    high_m=float(self.edges_m[start + _BINS_TOGETHER]),
                    share=count / counts.sum(),
                    abs_rel=float(self._abs_rel[some].sum() / count),
                    log_ratio=_quartiles(self._ratios[some].sum(axis=0)),
                )
            )
        return bins

    def filled_bins(self) -> tuple[int, int]:
        """The first and last bin between which nearly all depths lie, true and predicted alike."""
        counts = self.density.sum(axis=0) + self.density.sum(axis=1)
        cumulated = np.cumsum(counts) / counts.sum()
        first = int(np.searchsorted(cumulated, 5e-4, side="right"))
        last = int(np.searchsorted(cumulated, 1 - 5e-4))
        return first, min(last, _BINS - 1)

    def true_percentile_m(self, percent: float) -> float:
        """A percentile of true depth, as exactly as the bins tell."""
        cumulated = np.cumsum(self.density.sum(axis=1)) / self.count
        return float(self.edges_m[np.searchsorted(cumulated, percent / 100) + 1])


def _bin(depth_m: NDArray[np.float64]) -> NDArray[np.intp]:
    at = np.floor((np.log10(depth_m) - _NEAREST) * _PER_DECADE).astype(np.intp)
    clipped: NDArray[np.intp] = np.clip(at, 0, _BINS - 1)
    return clipped


def _quartiles(counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """Quartiles of log ratios counted in bins; within a bin they are taken as spread evenly."""
    cumulated = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    edges = (np.arange(_RATIO_BINS + 1) - _RATIO_BINS // 2) * _RATIO_STEP
    low, middle, high = np.interp((0.25, 0.5, 0.75), cumulated, edges)
    return float(low), float(middle), float(high)
