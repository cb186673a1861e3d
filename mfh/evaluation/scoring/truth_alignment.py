"""What is left of an error once scale, or scale and offset, are taken from the truth.

The difference tells how much of an error is scale and how much is shape, as the paper's Table 6
("MRDE setting") has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.evaluation.metrics import PIECE

# A pixel that is, at the right scale, said to be so many times beyond the cap says "far" rather
# than how far. It would bend the line through all others, so it takes no part in its fit.
_FAR = 10.0


@dataclass(frozen=True)
class TruthAlignment:
    """The best scale, and the best scale and offset, of a prediction.

    ratio: the median of predicted / true; NaN where nothing finite is predicted.
    scale: the median of true / predicted, which the prediction is to be multiplied by.
    slope, offset: minimise the sum of (slope * scale * predicted + offset - true)^2; offset in
        metres.
    farthest_m: the cap, metres; `scale * predicted` beyond 10 times it counts as infinite.
    """

    ratio: float
    scale: float
    slope: float
    offset: float
    farthest_m: float

    def affine(self, scaled_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """`scale * predicted` with the best slope and offset; what is infinite is the cap."""
        with np.errstate(invalid="ignore"):  # infinity times a slope of 0
            line = self.slope * scaled_m + self.offset
        return np.where(scaled_m <= _FAR * self.farthest_m, line, self.farthest_m)


def align_to_truth(
    predicted_m: NDArray[np.float32], true_m: NDArray[np.float32], farthest_m: float
) -> TruthAlignment:
    """Find the best scale, and the best scale and offset, of a prediction.

    predicted_m, true_m: (n,), the pixels that count; predictions are positive, or `inf`, which
        takes no part.
    farthest_m: the cap of the protocol.
    """
    said = np.isfinite(predicted_m)
    if not said.all():
        predicted_m, true_m = predicted_m[said], true_m[said]
    if not len(predicted_m):
        return TruthAlignment(math.nan, math.nan, math.nan, math.nan, farthest_m)
    ratio, scale = _medians(predicted_m, true_m)
    return TruthAlignment(ratio, scale, *_line(predicted_m, true_m, scale, farthest_m), farthest_m)


def _medians(predicted_m: NDArray[np.float32], true_m: NDArray[np.float32]) -> tuple[float, float]:
    """The medians of predicted / true and of true / predicted, from one partial sort."""
    ratio = predicted_m.astype(np.float64) / true_m
    low, high = (len(ratio) - 1) // 2, len(ratio) // 2
    ratio.partition((low, high))
    lower, upper = float(ratio[low]), float(ratio[high])
    return (lower + upper) / 2, (1 / lower + 1 / upper) / 2


def _line(
    predicted_m: NDArray[np.float32], true_m: NDArray[np.float32], scale: float, farthest_m: float
) -> tuple[float, float]:
    """Slope and offset of the least-squares line from scaled prediction to truth.

    The line is fitted to what the truth differs by, about numbers near the middle, so that sums of
    squares lose no digits.
    """
    middle_m = float(np.median(true_m[:: max(1, len(true_m) // 1000)]))
    sums = np.zeros(5)
    for start in range(0, len(predicted_m), PIECE):
        scaled = scale * predicted_m[start : start + PIECE].astype(np.float64)
        true = true_m[start : start + PIECE].astype(np.float64)
        near = scaled <= _FAR * farthest_m
        if not near.all():
            scaled, true = scaled[near], true[near]
        missing = true - scaled
        scaled -= middle_m
        sums += (
            len(scaled),
            scaled.sum(),
            missing.sum(),
            np.square(scaled).sum(),
            (scaled * missing).sum(),
        )
    _, mean, mean_missing, square, product = (sums / sums[0]).tolist()
    variance = square - mean**2
    if variance <= 1e-12 * middle_m**2:  # a constant, but for rounding: only the offset can be told
        return 0.0, middle_m + mean + mean_missing
    slope = 1 + (product - mean * mean_missing) / variance
    return slope, middle_m + mean + mean_missing - slope * (middle_m + mean)
