"""How far the depth of one photo is from its truth, where that is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.evaluation.metrics import depth_errors

_FARTHEST_M = 80.0


def errors_against_truth(
    depth_m: NDArray[np.floating], true_m: NDArray[np.floating]
) -> dict[str, float]:
    """Compare predicted with true depth, where the truth is known.

    depth_m, true_m: (H, W) metres; truth that is NaN, infinite or not positive is unknown. A
        prediction beyond 80 m (or the farthest truth, where that is farther) counts as that.

    Returns the metrics of `mfh.evaluation.depth_errors`, `scale_aligned_abs_rel` (AbsRel once the
    prediction is scaled by the median of true / predicted: what is wrong with its shape),
    `scale_error` (the median of predicted / true, less 1), `known`, the fraction of pixels that
    were compared, `cap_m`, and `capped`, the fraction of those that were beyond it. Raises
    `InputError` where the shapes differ, no truth is known, or a prediction is NaN or not positive.
    """
    if depth_m.shape != true_m.shape:
        raise InputError(
            f"errors against truth: depth is {depth_m.shape} but the truth {true_m.shape} (H, W); "
            "give both at the photo's size"
        )
    known = np.isfinite(true_m) & (true_m > 0)
    if not known.any():
        raise InputError("errors against truth: no pixel of the truth has a known depth")
    farthest_m = max(_FARTHEST_M, float(true_m[known].max()))
    true = true_m[known]
    capped = depth_m[known] > farthest_m
    predicted = np.where(capped, np.float32(farthest_m), depth_m[known])
    errors = depth_errors(predicted, true)
    to_scale = np.median(true / predicted)
    errors["scale_aligned_abs_rel"] = float(np.mean(np.abs(to_scale * predicted / true - 1)))
    errors["scale_error"] = float(np.median(predicted / true) - 1)
    errors["known"] = float(known.mean())
    errors["cap_m"] = farthest_m
    errors["capped"] = float(capped.mean())
    return errors
