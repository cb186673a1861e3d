"""What cues tell of the error of a person's vote, learned from scenes where the truth is known.

A vote's error e is taken to be what the robust head takes it to be,

    p(e | x) = P(x) Normal(e; s(x)) + (1 - P(x)) Normal(e; sqrt(s(x)^2 + 0.6^2)),
    P(x) = 1 / (1 + exp(-a - b x)),  s(x) = s exp(c x),

with x the standardized cues. a and s, one of each for every error model, and b, c or both maximise
the likelihood of the errors. The head is then told the weight that P gives where one in ten is not
what it is taken for, as it expects; or the own error that s(x) gives; or both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from metric_heads.cues import SLOPE
from metric_heads.people import Scene
from mfh.head.expectations import Expectations
from mfh.head.robust import fit_robust
from mfh.head.votes import Votes

Vector = NDArray[np.float64]

WORSE = {
    "score": "low",
    "IoU of mask and silhouette": "low",
    "share of silhouette shown": "low",
    "share of mask within silhouette": "low",
    "share of mesh in the image": "low",
    "slenderness": "low",
    "relief, correlation": "low",
    "relief, slope": "high",
    "tilt": "high",
    "people in the painting": "high",
    "overlap of two": "high",
    "disagreement of two": "high",
}
"""The cues, and which end of each is expected to be the worse."""
CUES = tuple(WORSE)
OF_MESH = ("share of mesh in the image", "share of mask within silhouette")
CHOSEN = (*OF_MESH, "relief, slope")
"""Those that make the errors they were learned from by far the likeliest, and of these the two that
need no disparity."""
COUNTS = (4, 8, 32)
"""N, numbers of paintings."""
_EXPECTED = Expectations()
_LEAST_SLOPE = 0.05
"""Slopes are told apart down to this part of the median; what is less may as well be negative."""
_CLIPPED = 0.01
"""So much of either end of a cue counts as where that end begins."""
_RIDGE = 1e-3
_SURE = 30.0


def cues_of_all(scene: Scene, paintings: int) -> NDArray[np.float64]:
    """`CUES` (O, C) of those in the first so many paintings, as far as a run with no more can tell.

    NaN where a cue says nothing.
    """
    who = scene.first(paintings)
    slope = scene.cues[who, SLOPE]
    usual = np.nanmedian(slope)
    ratio = slope / usual if usual > 0 else np.full(len(slope), np.nan)
    painting = scene.painting[who]
    together = np.bincount(painting)[painting]
    return np.column_stack(
        [
            scene.cues[who, :SLOPE],
            np.abs(np.log(np.maximum(ratio, _LEAST_SLOPE))),
            tilt_deg(scene.up[who]),
            together,
            np.where(together > 1, scene.overlap[who], np.nan),
            disagreement(residuals(scene, paintings), painting),
        ]
    )


def tilt_deg(up: Vector) -> Vector:
    """By how many degrees each (O, 3) leans from what most take for up."""
    if np.isnan(up).all():
        return np.full(len(up), np.nan)
    most = np.nanmedian(up, axis=0)
    cosine = up @ most / np.linalg.norm(most)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def disagreement(residual: Vector, painting: NDArray[np.integer]) -> Vector:
    """By how much the votes of those who share a painting differ, (O,); NaN for who is alone."""
    apart = np.full(len(residual), np.nan)
    for number in np.flatnonzero(np.bincount(painting) > 1):
        own = painting == number
        apart[own] = np.ptp(residual[own])
    return apart


def residuals(scene: Scene, paintings: int) -> Vector:
    """By how much each vote is farther than the head that all of them make, in the log of depth."""
    votes = scene.votes(paintings)
    return np.log(votes.depth_m) - np.log(fit_robust(votes, scene.spread).apply(votes.disparity))


@dataclass(frozen=True, eq=False)
class Sample:
    """Votes of many scenes: their cues (K, C), errors (K,), and each one's error model (K,)."""

    cues: NDArray[np.float64]
    error: Vector
    model: NDArray[np.integer]


def sample_of(scenes: Sequence[Scene]) -> Sample:
    """All votes of scenes, with the cues that runs of each of `COUNTS` have."""
    models = sorted({scene.errors for scene in scenes})
    parts = [
        (
            cues_of_all(scene, count),
            (scene.vote_error - np.median(scene.vote_error))[scene.first(count)],
            np.full(scene.first(count).sum(), models.index(scene.errors)),
        )
        for scene in scenes
        for count in COUNTS
        if scene.paintings >= count
    ]
    return Sample(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@dataclass(frozen=True, eq=False)
class Learned:
    """What some of the cues tell; the formulas are at the top of this file.

    chosen: (C',) which of `CUES`; low, high: (C',) between what they count.
    mean, deviation: (C',) that standardize them.
    of_odds, of_error: (C',) b and c; odds: what is added to b x for the log of how much likelier
        such cues are of one that is what it is taken for than of another.
    likelihood: the mean log of the errors' likelihood.
    """

    chosen: NDArray[np.integer]
    low: Vector
    high: Vector
    mean: Vector
    deviation: Vector
    of_odds: Vector
    of_error: Vector
    odds: float
    likelihood: float

    def told(self, votes: Votes, cues: NDArray[np.float64]) -> Votes:
        """The votes with what their cues (O, C) tell."""
        x = self._standardized(cues)
        if self.of_odds.any():
            prior = np.log((1 - _EXPECTED.doubt) / _EXPECTED.doubt)
            good = 1 / (1 + np.exp(-(prior + self.odds + x @ self.of_odds)))
            votes = replace(votes, weight=np.minimum(good / (1 - _EXPECTED.doubt), 1.0))
        if self.of_error.any():
            own = _EXPECTED.painted_person * np.exp(x @ self.of_error)
            votes = replace(votes, relative_error=own)
        return votes

    def _standardized(self, cues: NDArray[np.float64]) -> NDArray[np.float64]:
        x = (np.clip(cues[:, self.chosen], self.low, self.high) - self.mean) / self.deviation
        return np.nan_to_num(x)


def learn(
    sample: Sample, chosen: Sequence[int], *, odds: bool = False, error: bool = False
) -> Learned:
    """Maximise the likelihood of a sample's errors, with some of its cues."""
    cues = sample.cues[:, list(chosen)]
    low, high = np.nanquantile(cues, [_CLIPPED, 1 - _CLIPPED], axis=0)
    clipped = np.clip(cues, low, high)
    mean, deviation = np.nanmean(clipped, axis=0), np.nanstd(clipped, axis=0)
    x = np.nan_to_num((clipped - mean) / np.maximum(deviation, 1e-9))
    models, count = int(sample.model.max()) + 1, len(chosen)

    def parts(free: Vector) -> tuple[Vector, Vector, Vector, Vector]:
        level, scatter, rest = np.split(free, [models, 2 * models])
        of_odds = rest[:count] if odds else np.zeros(count)
        of_error = rest[-count:] if error else np.zeros(count)
        log_odds = level[sample.model] + x @ of_odds
        own = np.exp(scatter[sample.model] + x @ of_error)
        return log_odds, own, of_odds, of_error

    def cost(free: Vector) -> float:
        log_odds, own, of_odds, of_error = parts(free)
        wide = np.hypot(own, _EXPECTED.doubtful)
        good = -np.logaddexp(0, -log_odds) - 0.5 * (sample.error / own) ** 2 - np.log(own)
        bad = -np.logaddexp(0, log_odds) - 0.5 * (sample.error / wide) ** 2 - np.log(wide)
        ridge = _RIDGE * float(of_odds @ of_odds + of_error @ of_error)
        return float(-np.logaddexp(good, bad).mean()) + ridge

    start = np.concatenate(
        [
            np.full(models, 2.0),
            np.full(models, np.log(_EXPECTED.painted_person)),
            np.zeros((odds + error) * count),
        ]
    )
    solution = minimize(cost, start, method="BFGS", options={"gtol": 1e-4})
    found = solution.x
    log_odds, _, of_odds, of_error = parts(found)
    # What is beyond the odds of all votes of an error model is what cues tell.
    beyond = []
    for model in range(models):
        good = 1 / (1 + np.exp(-log_odds[sample.model == model].clip(-_SURE, _SURE)))
        beyond.append(found[model] - np.log(good.mean() / (1 - good).mean()))
    return Learned(
        chosen=np.array(chosen),
        low=low,
        high=high,
        mean=mean,
        deviation=np.maximum(deviation, 1e-9),
        of_odds=of_odds,
        of_error=of_error,
        odds=float(np.mean(beyond)) if odds else 0.0,
        likelihood=-float(solution.fun),
    )
