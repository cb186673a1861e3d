"""The metrics of monocular metric depth, as Eigen et al. (2014) and KITTI define them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.errors import InputError

PIECE = 2**15
"""Pixels taken at a time: their float64 terms stay in a processor's cache."""


def depth_errors(
    predicted_m: ArrayLike, true_m: ArrayLike, valid: ArrayLike | None = None
) -> dict[str, float]:
    """Compute the nine usual errors of a depth map, over its valid pixels.

    With r = max(predicted / true, true / predicted) and e = log predicted - log true:
    `delta1`, `delta2`, `delta3`: the fraction of pixels with r < 1.25, 1.25^2, 1.25^3;
    `abs_rel` = mean(|predicted - true| / true); `sq_rel` = mean((predicted - true)^2 / true) in m;
    `rmse` = sqrt(mean((predicted - true)^2)) in m; `rmse_log` = sqrt(mean(e^2));
    `log10` = mean(|e|) / log 10; `silog` = 100 sqrt(mean(e^2) - mean(e)^2).

    predicted_m, true_m: depth in metres, of one shape. A protocol's clipping of the prediction to
        its range is the caller's, and comes first.
    valid: bool of that shape, the pixels that count; None takes those whose truth is finite and
        positive.

    Raises `InputError` when the shapes differ, no pixel is valid, or a valid pixel holds a depth
    that is not finite and positive.
    """
    predicted, true = as_array(predicted_m), as_array(true_m)
    known = np.isfinite(true) & (true > 0) if valid is None else as_array(valid)
    counted = np.asarray(known, np.bool_)
    if not predicted.shape == true.shape == counted.shape:
        raise InputError(
            f"depth errors: predicted_m is {predicted.shape}, true_m {true.shape} and valid "
            f"{counted.shape}; all three must have one shape"
        )
    count = int(counted.sum())
    if not count:
        raise InputError("depth errors: no valid pixel; truth and mask leave nothing to score")
    predicted, true, counted = predicted.ravel(), true.ravel(), counted.ravel()
    first = int(counted.argmax())
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = float(np.log(np.float64(predicted[first])) - np.log(np.float64(true[first])))
    totals = np.zeros(10)
    for start in range(0, len(counted), PIECE):
        inside = counted[start : start + PIECE]
        if inside.any():
            p = predicted[start : start + PIECE][inside].astype(np.float64)
            t = true[start : start + PIECE][inside].astype(np.float64)
            _require_depth("true_m", t, "leave these pixels out of `valid`")
            _require_depth("predicted_m", p, "clip it to the range that is scored")
            totals += error_sums(p, t, np.log(p) - np.log(t), shift)
    return errors_from_sums(totals, count)


def error_sums(
    predicted: NDArray[np.float64],
    true: NDArray[np.float64],
    log_difference: NDArray[np.float64],
    shift: float,
) -> NDArray[np.float64]:
    """Sum the terms of every metric over some pixels (n,), as `errors_from_sums` takes them.

    predicted, true: depth in metres, finite and positive.
    log_difference: log predicted - log true.
    shift: any number near the mean of the log difference, which is what its variance is taken about
        so that no digits are lost.
    """
    ratio = np.maximum(predicted / true, true / predicted)
    difference = np.abs(predicted - true)
    relative = difference / true
    shifted = log_difference - shift
    return np.array(
        [
            np.count_nonzero(ratio < 1.25),
            np.count_nonzero(ratio < 1.25**2),
            np.count_nonzero(ratio < 1.25**3),
            relative.sum(),
            (relative * difference).sum(),
            np.square(difference).sum(),
            np.square(log_difference).sum(),
            np.abs(log_difference).sum(),
            shifted.sum(),
            np.square(shifted).sum(),
        ],
        np.float64,
    )


def errors_from_sums(totals: NDArray[np.float64], count: int) -> dict[str, float]:
    """Give the nine errors of `depth_errors` from the sums of `error_sums` over `count` pixels."""
    means = (totals / count).tolist()
    delta1, delta2, delta3, abs_rel, sq_rel, square, log_square, log_size, first, second = means
    return {
        "delta1": delta1,
        "delta2": delta2,
        "delta3": delta3,
        "abs_rel": abs_rel,
        "sq_rel": sq_rel,
        "rmse": math.sqrt(square),
        "rmse_log": math.sqrt(log_square),
        "log10": log_size / math.log(10),
        # A variance is never negative, but its rounding is.
        "silog": 100 * math.sqrt(max(0.0, second - first**2)),
    }


def _require_depth(name: str, depth_m: NDArray[np.float64], advice: str) -> None:
    bad = ~(np.isfinite(depth_m) & (depth_m > 0))
    if bad.any():
        raise InputError(
            f"depth errors: {name} is {depth_m[bad][0]} at a valid pixel; depths must be finite "
            f"and positive: {advice}"
        )
