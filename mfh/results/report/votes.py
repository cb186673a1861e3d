"""What each landmark says of the scale, beside what the fit says at its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfh.head.spaces import inverted
from mfh.head.votes import gather_votes
from mfh.records import AlignedDisparity, LandmarkKind, Landmarks, MetricHead
from mfh.taking_part import owners_taking_part


@dataclass(frozen=True)
class Vote:
    """One landmark's vote.

    image: in which image; 0 is the photo itself.
    number: which of that image's landmarks it is.
    kind: what it is.
    used: whether the fit counts it; else it was set aside.
    disparity: the relative disparity (or depth) the landmark is at, in the head's space.
    measured_m: the depth it was measured at.
    fitted_m: the depth that the fit gives there; not finite where it can give none.
    """

    image: int
    number: int
    kind: LandmarkKind
    used: bool
    disparity: float
    measured_m: float
    fitted_m: float

    @property
    def ratio(self) -> float:
        """How many times as far as the fit says it was measured: its vote on the scale."""
        return self.measured_m / self.fitted_m if np.isfinite(self.fitted_m) else float("nan")


def votes_of(
    head: MetricHead, aligned: AlignedDisparity, landmarks: Sequence[Landmarks]
) -> tuple[Vote, ...]:
    """The votes of all landmarks that took part in the fit, in the order of `MetricHead.used`."""
    owners = owners_taking_part(head, aligned, landmarks)
    if not owners:
        return ()
    images = sorted({owner.image for owner in owners})
    votes = gather_votes((aligned.values[image], landmarks[image]) for image in images)
    places = votes.disparity if head.space == aligned.space else inverted(votes.disparity)
    fitted_m = head.apply(places)
    return tuple(
        Vote(
            owner.image,
            owner.number,
            owner.kind,
            owner.used,
            float(place),
            float(measured),
            float(fitted),
        )
        for owner, place, measured, fitted in zip(
            owners, places, votes.depth_m, fitted_m, strict=True
        )
    )


def how_known(votes: Sequence[Vote]) -> str:
    """How depths are known that votes are of: "measured", "answered" (by a model), or both."""
    answers = [vote.kind == "asked point" for vote in votes]
    if all(answers):
        return "answered"
    return "measured or answered" if any(answers) else "measured"
