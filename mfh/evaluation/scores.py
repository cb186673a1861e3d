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
"""The nine metrics, as `depth_errors` names them; also behind "scaled_" (once the prediction is
multiplied by the median of true / predicted) and "affine_" (once depth is replaced by the best
scale and offset of it, least squares, as the paper's Table 6): how much is shape, and how much is
scale."""

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


@dataclass(frozen=True)
class PhotoScore:
    """The scores of one prediction.

    row, seed, name: whose.
    values: the metrics, their "scaled_" and "affine_" forms, `scale_error` (the median of predicted
        / true, less 1), `pixels` that counted, `unusable`, the share of them where the prediction
        is NaN, zero or less, `relative_error` and `seconds` of the prediction, `interval68`,
        `interval90`: whether |log(1 + scale error)| is within 1 and 1.645 of `relative_error` (NaN
        where unknown).
    failure: why there is none; `values` is empty then.
    """

    row: str
    seed: int
    name: str
    values: Mapping[str, float]
    failure: str = ""


@dataclass(frozen=True)
class Mean:
    """A mean over photos (and seeds) with its 95 % confidence intervals.

    photos: (low, high), were other photos drawn (bootstrap over photos).
    seeds: (low, high), were other seeds drawn (Student's t over the seeds' means); NaN with one.
    """

    value: float
    photos: tuple[float, float]
    seeds: tuple[float, float]
    seed_std: float


@dataclass(frozen=True)
class RowScore:
    """What a row comes to: a `Mean` for each value of `PhotoScore`.

    count: photos scored (with every seed); failed: (name, seed, reason) of the others.
    """

    row: str
    count: int
    means: Mapping[str, Mean]
    failed: Sequence[tuple[str, int, str]] = ()
