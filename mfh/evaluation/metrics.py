"""The metrics of monocular metric depth, as Eigen et al. (2014) and KITTI define them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.errors import InputError

_PIECE = 2**20


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
    predicted, true = np.asarray(predicted_m), np.asarray(true_m)
    counted = np.isfinite(true) & (true > 0) if valid is None else np.asarray(valid, np.bool_)
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
    # Pieces keep the float64 copies of large maps small.
    total = np.sum(
        [
            _sums(predicted[piece][inside], true[piece][inside], shift)
            for piece in (slice(i, i + _PIECE) for i in range(0, len(counted), _PIECE))
            if (inside := counted[piece]).any()
        ],
        axis=0,
    )
    delta1, delta2, delta3, abs_rel, sq_rel, square, log_square, log10, shifted, shifted_square = (
        total / count
    ).tolist()
    return {
        "delta1": delta1,
        "delta2": delta2,
        "delta3": delta3,
        "abs_rel": abs_rel,
        "sq_rel": sq_rel,
        "rmse": math.sqrt(square),
        "rmse_log": math.sqrt(log_square),
        "log10": log10,
        # A variance is never negative, but its rounding is.
        "silog": 100 * math.sqrt(max(0.0, shifted_square - shifted**2)),
    }


def _sums(
    predicted_m: NDArray[np.floating], true_m: NDArray[np.floating], shift: float
) -> NDArray[np.float64]:
    """Sum the terms of every metric over some pixels, in the order `depth_errors` reads them.

    shift: any number near the mean of the log difference, which is what its variance is taken about
        so that no digits are lost.
    """
    predicted, true = predicted_m.astype(np.float64), true_m.astype(np.float64)
    _require_depth("true_m", true, "leave these pixels out of `valid`")
    _require_depth("predicted_m", predicted, "clip it to the range that is scored")
    ratio = np.maximum(predicted / true, true / predicted)
    difference = predicted - true
    log_difference = np.log(predicted) - np.log(true)
    shifted = log_difference - shift
    terms = (
        ratio < 1.25,
        ratio < 1.25**2,
        ratio < 1.25**3,
        np.abs(difference) / true,
        difference**2 / true,
        difference**2,
        log_difference**2,
        np.abs(log_difference) / np.log(10),
        shifted,
        shifted**2,
    )
    return np.array([term.sum() for term in terms], np.float64)


def _require_depth(name: str, depth_m: NDArray[np.float64], advice: str) -> None:
    bad = ~(np.isfinite(depth_m) & (depth_m > 0))
    if bad.any():
        raise InputError(
            f"depth errors: {name} is {depth_m[bad][0]} at a valid pixel; depths must be finite "
            f"and positive: {advice}"
        )
