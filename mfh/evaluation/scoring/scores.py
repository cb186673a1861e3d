"""Scores of a run: one a photo, row and seed, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

METRICS = (
    "delta1",
    "delta2",
    "delta3",
    "abs_rel",
    "sq_rel",
    "rmse",
    "rmse_log",
    "log10",
    "silog",
)
"""The nine metrics, as `depth_errors` names them: fractions (delta, AbsRel), metres (SqRel, RMSE),
natural logarithms (RMSE log), decimal ones (log10), and 100 times natural ones (SIlog).

Also behind "scaled_" (once the prediction is multiplied by the median of true / predicted) and
"affine_" (once depth is replaced by the best scale and offset of it, least squares, as the paper's
Table 6): how much is shape, and how much is scale."""

PREFIXES = ("", "scaled_", "affine_")

VALUES = (
    *(prefix + metric for prefix in PREFIXES for metric in METRICS),
    "scale_error",
    "pixels",
    "unusable",
    "relative_error",
    "seconds",
    "interval68",
    "interval90",
)
"""Every value of a `PhotoScore`, in the order of files."""

NOT_PREDICTED = "not predicted yet"
"""The `failure` of a score where there is neither a prediction nor the reason for having none."""


@dataclass(frozen=True)
class PhotoScore:
    """The scores of one prediction.

    row, seed, name: whose.
    values: the metrics, their "scaled_" and "affine_" forms, `scale_error` (the median of predicted
        / true, less 1), `pixels` that counted, `unusable`, the share of them where the prediction
        is NaN, zero or less, `relative_error` (a fraction) and `seconds` (s) of the prediction,
        `interval68`, `interval90`: whether |log(1 + scale error)| is within 1 and 1.645 of
        `relative_error`. NaN where unknown. Units as of `METRICS`, fractions and counts.
    failure: why there is none; `values` is empty then. `NOT_PREDICTED` where nothing was tried.
    version: of mfh that made the prediction; "" where it does not say.
    """

    row: str
    seed: int
    name: str
    values: Mapping[str, float]
    failure: str = ""
    version: str = ""


@dataclass(frozen=True)
class Mean:
    """A mean over photos (and seeds) with its 95 % confidence intervals.

    photos: (low, high), were other photos drawn (bootstrap over photos); NaN of fewer than 5.
    seeds: (low, high), were other seeds drawn (Student's t over the seeds' means); NaN of fewer
        than 3.
    seed_std: the standard deviation (n - 1) of the seeds' means; NaN with one.

    In the unit of the value.
    """

    value: float
    photos: tuple[float, float]
    seeds: tuple[float, float]
    seed_std: float


@dataclass(frozen=True)
class RowScore:
    """What a row comes to: a `Mean` for each value of `PhotoScore`.

    count: photos scored (with every seed).
    failed: (name, seed, reason) of those that could not be; not_predicted: (name, seed) of those
        that nothing was tried with, e.g. photos that were added for another row.
    versions: of mfh that made the predictions.
    """

    row: str
    count: int
    means: Mapping[str, Mean]
    failed: Sequence[tuple[str, int, str]] = ()
    not_predicted: Sequence[tuple[str, int]] = ()
    versions: Sequence[str] = ()
