"""Fitting every method to the same landmarks, and scoring what comes of it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metric_heads.cases import FIRST_SEED, PAINTINGS, Case, Stages, head_of, run_stages
from mfh.errors import MfhError, NoLandmarksError
from mfh.evaluation import depth_errors
from mfh.head import fit
from mfh.records import AlignedDisparity, Landmarks, MetricHead
from mfh.settings import HeadMethod

METHODS: Mapping[str, HeadMethod | None] = {
    "SILog (paper)": "silog",
    "log L2": "log_l2",
    "median ratio": None,
    "robust": "robust",
}
"""The methods by their name in tables, and the setting `head_method` of those that have one."""
CATASTROPHIC = 0.5
"""An AbsRel beyond this is no depth at all."""
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6827, 0.8, 0.9, 0.95)
"""The probabilities that intervals are looked at for; 68 % is one sigma."""
SIGMAS = np.array([statistics.NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS])
NEAREST_M = 1e-3

Fitter = Callable[[AlignedDisparity, Sequence[Landmarks]], MetricHead]


@dataclass(frozen=True)
class Score:
    """How a method did on one scene with so many paintings.

    refused: why there is no answer, or ""; the other fields are then NaN.
    abs_rel, delta1: with the prediction clamped to what counts of the scene.
    log_bias: median of log(predicted / true); relative_error: what the head expects of it.
    covered: for each of `LEVELS`, the share of pixels whose own interval holds the truth.
    """

    group: str
    errors: str
    seed: int
    paintings: int
    method: str
    refused: str = ""
    abs_rel: float = math.nan
    delta1: float = math.nan
    log_bias: float = math.nan
    relative_error: float = math.nan
    covered: tuple[float, ...] = (math.nan,) * len(LEVELS)
    floor: float = math.nan

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Score:
        """The score that `as_json` gave."""
        return cls(**{**values, "covered": tuple(values["covered"])})


def fit_median_ratio(aligned: AlignedDisparity, landmarks: Sequence[Landmarks]) -> MetricHead:
    """One number only: the median over people of each one's median of 1 / (disparity * depth)."""
    votes = []
    for values, kept, landmark in zip(aligned.values, aligned.kept, landmarks, strict=True):
        for owner in range(len(landmark.weight)) if kept else ():
            own = (landmark.owner == owner) & (values > 0)
            if own.any():
                votes.append(float(np.median(1 / (values[own] * landmark.depth_m[own]))))
    if not votes:
        raise NoLandmarksError("nobody to take a ratio of")
    return MetricHead(
        scale=statistics.median(votes),
        offset=0.0,
        space=aligned.space,
        method="median ratio",
        loss=math.nan,
        relative_error=math.nan,
        used=np.ones(len(votes), np.bool_),
        status="converged",
    )


def score_case(case: Case, names: Sequence[str]) -> list[Score]:
    """Run a scene once, and fit every method to the first 1, 2, 4, ... of its paintings."""
    key: dict[str, Any] = {"group": case.group, "errors": case.errors, "seed": case.seed}
    try:
        stages = run_stages(case)
    except NoLandmarksError:
        return [
            Score(**key, paintings=count, method=name, refused="nobody")
            for count in PAINTINGS
            for name in names
        ]
    floor = _floor(stages)
    scores = []
    for count in PAINTINGS:
        for name in names:
            where: dict[str, Any] = {**key, "paintings": count, "method": name, "floor": floor}
            try:
                head = _fitter(name, stages)(*stages.first(count))
            except NoLandmarksError:
                scores.append(Score(**where, refused="nobody"))
            except MfhError as error:
                scores.append(Score(**where, refused=str(error)))
            else:
                scores.append(Score(**where, **_figures(head, stages)))
    return scores


def _fitter(name: str, stages: Stages) -> Fitter:
    method = METHODS[name]
    return fit_median_ratio if method is None else head_of(stages.method, method).fit


def _figures(head: MetricHead, stages: Stages) -> dict[str, Any]:
    known = np.isfinite(stages.true_m)
    disparity, true_m = stages.disparity[known], stages.true_m[known]
    predicted_m = head.apply(disparity)
    errors = _errors(predicted_m, true_m, stages.cap_m)
    log_ratio = np.log(predicted_m) - np.log(true_m)
    own = head.relative_error_of(disparity)
    # An interval without end says nothing, so it holds nothing.
    with np.errstate(invalid="ignore"):
        off = np.where(np.isfinite(own), np.abs(log_ratio) / own, np.inf)
    unknown = bool(np.isnan(own).all())
    return {
        "abs_rel": errors["abs_rel"],
        "delta1": errors["delta1"],
        "log_bias": float(np.median(log_ratio)),
        "relative_error": head.relative_error,
        "covered": tuple(
            math.nan if unknown else float(np.mean(off <= sigmas)) for sigmas in SIGMAS
        ),
    }


def _errors(
    predicted_m: NDArray[np.float32], true_m: NDArray[np.float32], cap_m: float
) -> dict[str, float]:
    return depth_errors(predicted_m.clip(NEAREST_M, cap_m), true_m)


def _floor(stages: Stages) -> float:
    """AbsRel of the photo's own disparity fitted to all of its truth, by log L2."""
    known = np.isfinite(stages.true_m)
    head = fit(stages.disparity[None], stages.true_m[None], method="log_l2")
    predicted_m = head.apply(stages.disparity[known])
    return _errors(predicted_m, stages.true_m[known], stages.cap_m)["abs_rel"]


def fit_seconds(names: Sequence[str], scenes: int = 5, repeats: int = 5) -> dict[str, float]:
    """Median time of a fit to all paintings of 480 x 640 px, with default errors."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for index in range(scenes):
        stages = run_stages(Case("room", "default", FIRST_SEED + index, 480))
        given = stages.first(max(PAINTINGS))
        for name in names:
            fit_by = _fitter(name, stages)
            for _ in range(repeats):
                started = time.perf_counter()
                fit_by(*given)
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}
