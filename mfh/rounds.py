"""How much is painted: what a run measures by, and when it has painted enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mfh.errors import InputError
from mfh.records import MetricHead
from mfh.settings import Paint

Stage = Literal["painted", "people", "disparity"]
Stopped = Literal["target reached", "nothing to gain", "all painted"]

# Painting is worth its time where it lessens the error by this share of itself.
WORTHWHILE = 0.1


def stages_needed(paint: Paint, *, known_distances: bool, painted_files: bool) -> tuple[Stage, ...]:
    """Which learned stages a run needs, in order.

    paint: the setting.
    known_distances: whether there are any.
    painted_files: whether the painted photos exist already; they are used whatever else there is.

    Raises `InputError` where painted photos are given and none are wanted.
    """
    if painted_files and paint == "never":
        raise InputError(
            "painted photos are given, but --paint never uses none; leave out one of the two"
        )
    if paint == "auto" and known_distances and not painted_files:
        return ("disparity",)
    if paint == "never":
        return ("people", "disparity")
    return ("painted", "people", "disparity")


@dataclass(frozen=True)
class Rounds:
    """When a run that paints in rounds has painted enough.

    at_most: N, how many paintings there may be; 0 where nothing is painted.
    first: how many there are when the error is first looked at.
    step: how many a further round adds.
    target_error: the relative error that is wanted; 0 paints all N.
    """

    at_most: int
    first: int
    step: int
    target_error: float

    @classmethod
    def all_at_once(cls, count: int) -> Rounds:
        """A single round, of all paintings."""
        return cls(at_most=count, first=count, step=max(1, count), target_error=0.0)

    @classmethod
    def until(cls, target_error: float, *, at_most: int, first: int, step: int) -> Rounds:
        """Rounds of `step` until the target is reached; all at once for a target of 0."""
        if target_error == 0:
            return cls.all_at_once(at_most)
        return cls(at_most, min(first, at_most), step, target_error)

    def after(self, painted: int) -> int:
        """How many paintings there are after one more round."""
        return min(painted + self.step, self.at_most)

    def stopped(self, head: MetricHead | None, painted: int) -> Stopped | None:
        """Why nothing more is painted after the fit to n of N paintings; None where more is.

        Painting the rest would bring the error e to `e_N^2 = shared^2 + (e^2 - shared^2) n / N`:
        what the landmarks do not share averages out. With n = 0 that says nothing, as painted
        people would be landmarks of another kind. The error of a head that does not know it ends
        nothing.

        head: None where nobody could be measured.
        """
        if head is not None and head.knows_error:
            if head.relative_error <= self.target_error:
                return "target reached"
            if 0 < painted < self.at_most and self._least_error(head, painted) > (
                (1 - WORTHWHILE) * head.relative_error
            ):
                return "nothing to gain"
        return "all painted" if painted >= self.at_most else None

    def _least_error(self, head: MetricHead, painted: int) -> float:
        """The error that painting the rest would bring; 0 where that is unknown."""
        if not math.isfinite(head.shared_error):
            return 0.0
        shared = head.shared_error**2
        own = max(head.relative_error**2 - shared, 0.0)
        return math.sqrt(shared + own * painted / self.at_most)


def paintings_to_reach(target_error: float, head: MetricHead, painted: int) -> float:
    """With how many paintings a target would be reached, by the formula of `Rounds.stopped`.

    Infinite where no number of them does.
    """
    shared = head.shared_error**2
    if not (painted > 0 and shared < target_error**2):
        return math.inf
    own = max(head.relative_error**2 - shared, 0.0)
    return painted * own / (target_error**2 - shared)
