"""What the robust head gains by what cues tell, on scenes that nothing was learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metric_heads.cases import NEAR_CAP_M
from metric_heads.people import Scene
from metric_heads.scores import NEAREST_M
from metric_heads.worth import CHOSEN, COUNTS, CUES, OF_MESH, Learned, Sample, cues_of_all, learn
from mfh.evaluation import depth_errors
from mfh.head.expectations import Expectations
from mfh.head.robust import fit_robust
from mfh.head.votes import Votes
from mfh.records import MetricHead

NOTHING, SAME_ERROR, TRUTH, NO_FEET = "nothing", "same error", "truth", "no feet"
_WITHOUT_FEET = Expectations(stances=1e-6, camera_height=10.0)
_NEVER = 1e-3
"""The weight of somebody who is known to be none."""


@dataclass(frozen=True, eq=False)
class Gains:
    """AbsRel of each scene by what the head was told.

    abs_rel: by error model, number of paintings and what was told, then by the scene's seed.
    """

    abs_rel: Mapping[tuple[str, int, str], Mapping[int, float]]

    def mean(self, errors: str, paintings: int, told: str) -> float:
        """The mean over scenes."""
        return float(np.mean(list(self.abs_rel[errors, paintings, told].values())))

    def difference(self, errors: str, paintings: int, told: str, than: str) -> tuple[float, float]:
        """By how much AbsRel is larger than when told something else, with its standard error."""
        one, other = self.abs_rel[errors, paintings, told], self.abs_rel[errors, paintings, than]
        return paired([one[seed] for seed in one], [other[seed] for seed in one])


def paired(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error of the differences of pairs."""
    apart = np.subtract(one, other)
    return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart)))


def as_weight(cue: str) -> str:
    """The name of what a head is told by a cue's weight."""
    return f"weight by {cue}"


def as_error(cue: str) -> str:
    """The name of what a head is told by a cue's own error."""
    return f"error by {cue}"


def as_both(cue: str) -> str:
    """The name of what a head is told by a cue's weight and own error together."""
    return f"weight and error by {cue}"


TOGETHER = {
    name: [CUES.index(cue) for cue in cues]
    for name, cues in (("the first two", OF_MESH), ("the three chosen", CHOSEN), ("all", CUES))
}
"""Cues that are learned together."""


def learn_all(sample: Sample) -> dict[str, Learned]:
    """What each cue tells alone, and several together."""
    learned = {}
    for name, cues in {**{cue: [at] for at, cue in enumerate(CUES)}, **TOGETHER}.items():
        learned[as_weight(name)] = learn(sample, cues, odds=True)
        learned[as_error(name)] = learn(sample, cues, error=True)
        if name in TOGETHER:
            learned[as_both(name)] = learn(sample, cues, odds=True, error=True)
    return learned


def gains_of(scenes: Iterable[Scene], learned: Mapping[str, Learned]) -> Gains:
    """Fit each scene with what was learned, and with nothing."""
    abs_rel: dict[tuple[str, int, str], dict[int, float]] = {}
    for scene in scenes:
        for paintings in COUNTS:
            if scene.paintings < paintings:
                continue
            votes, cues = scene.votes(paintings), cues_of_all(scene, paintings)
            none = ~taken_rightly(scene)[scene.first(paintings)]
            usual = np.full(len(none), Expectations().painted_person)
            told: dict[str, Votes] = {
                NOTHING: votes,
                SAME_ERROR: replace(votes, relative_error=usual),
                TRUTH: replace(votes, weight=np.where(none, _NEVER, 1.0)),
                **{name: each.told(votes, cues) for name, each in learned.items()},
            }
            heads = {name: fit_robust(each, scene.spread) for name, each in told.items()}
            heads[NO_FEET] = fit_robust(votes, scene.spread, expectations=_WITHOUT_FEET)
            for name, head in heads.items():
                found = abs_rel.setdefault((scene.errors, paintings, name), {})
                found[scene.seed] = _abs_rel(head, scene)
    return Gains(abs_rel)


def taken_rightly(scene: Scene) -> NDArray[np.bool_]:
    """Who is a person about as tall as one, (O,)."""
    return np.isin(scene.outcome, ("person", "two people"))


def _abs_rel(head: MetricHead, scene: Scene) -> float:
    predicted_m = head.apply(scene.map_disparity).clip(NEAREST_M, NEAR_CAP_M)
    return float(depth_errors(predicted_m, scene.map_true_m)["abs_rel"])
