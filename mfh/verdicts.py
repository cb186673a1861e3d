"""What became of the painted photos, and what the user should know about the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.camera import assumption_warning, is_off_centre, off_centre_warning
from mfh.disparity import NOT_POSITIVE, NOTHING_TO_ALIGN
from mfh.records import (
    POINT_KINDS,
    AlignedDisparity,
    Counts,
    Landmarks,
    MetricHead,
    People,
    Photo,
)
from mfh.taking_part import Owner, images_taking_part

# Fewer people than this leave the scale to one or two chance sizes.
_FEW_PEOPLE = 4
_LARGE_SHARE = 0.01
_MANY_ANSWERS = 0.25
"""A model of which more answers disagree than this share does not see the photo as it is."""

NOBODY = "nobody found"
OUTSIDE = "people found outside the strip only"
SOMEBODY = "somebody "
"""Begins the verdict on an image whose people were found and refused; the reason follows."""
NO_PIXEL = "no pixel to measure at"
DISAGREES = "disagrees with the others"
_ADVICE = {
    NOBODY: "try another seed, more paintings, or a photo with room for a person to stand in",
    OUTSIDE: "nobody was painted beside those of the photo itself: try another seed or more "
    "paintings; of your own files, check that the masks of repainting are white where it was "
    "repainted",
    NO_PIXEL: "the meshes lie outside their masks, or are too small: check the camera",
    NOT_POSITIVE: "outside the strips the painted photos' disparity runs against the photo's: "
    "check that both come from the same model and the same way round",
    NOTHING_TO_ALIGN: "outside the strips there is nothing to align by: check that the masks of "
    "repainting do not cover everything, and that the disparity is not constant",
}
_REFUSED_ADVICE = (
    "try another seed, more paintings, or a photo with room for a person to stand in full view"
)
_KNOWN_DISTANCE = "or measure one distance in it yourself: --landmark x,y=METRES"


def verdicts_of(
    people: Sequence[People],
    landmarks: Sequence[Landmarks],
    aligned: AlignedDisparity,
    owners: Sequence[Owner] | None = None,
) -> tuple[str, ...]:
    """For each image, why it takes no part in the fit; "" where it does.

    The first image is the photo itself. Where nobody was measured but somebody was found, or where
    the only people measured stand outside the strip, it is why the most certain was refused; in the
    latter case only of those who are not refused in the photo itself, too.

    owners: what the fit says of them, once there is one: an image counts for nothing whose owners
        were all set aside.
    """
    part = images_taking_part(aligned, landmarks)
    used = part
    if owners is not None:
        used = np.isin(np.arange(len(part)), [owner.image for owner in owners if owner.used])
    apart = [
        _verdict(measured, landmark, misaligned, people[0].refused)
        for measured, landmark, misaligned in zip(people, landmarks, aligned.reason, strict=True)
    ]
    return tuple(
        "" if counted else DISAGREES if own else verdict
        for counted, own, verdict in zip(used, part, apart, strict=True)
    )


def _verdict(
    people: People, landmarks: Landmarks, misaligned: str, refused_in_photo: Sequence[str]
) -> str:
    """Why an image takes no part in the fit, if it does not."""
    if len(people) == 0 and len(landmarks.weight) == 0:
        return _refused(people.refused) or NOBODY
    if misaligned:
        return misaligned
    if (landmarks.weight > 0).any():
        return NO_PIXEL
    return _refused(tuple(Counter(people.refused) - Counter(refused_in_photo))) or OUTSIDE


def _refused(reasons: Sequence[str]) -> str:
    """What is told of those who were refused: the reason of the most certain of them."""
    return f"{SOMEBODY}{reasons[0]}" if reasons else ""


def _advice(verdict: str) -> str:
    return _REFUSED_ADVICE if verdict.startswith(SOMEBODY) else _ADVICE[verdict]


def counts_of(people: Sequence[People], verdicts: Sequence[str], owners: Sequence[Owner]) -> Counts:
    """How many were painted, kept and rejected, and why; the first image is the photo itself."""
    persons = [owner for owner in owners if owner.kind not in POINT_KINDS]
    return Counts(
        painted=len(verdicts) - 1,
        with_people=sum(len(measured) > 0 for measured in people[1:]),
        kept=sum(not verdict for verdict in verdicts[1:]),
        people=sum(owner.used for owner in persons),
        in_photo=sum(owner.used for owner in persons if owner.image == 0),
        set_aside=sum(not owner.used for owner in persons),
        points=sum(owner.used for owner in owners if owner.kind in POINT_KINDS),
        asked=sum(owner.used for owner in owners if owner.kind == "asked point"),
        rejected=Counter(verdict for verdict in verdicts[1:] if verdict),
    )


def nobody_message(verdicts: Sequence[str], sheet: Path | None = None) -> str:
    """Why there is no scale, with counts, and what to do.

    verdicts: of the photo itself and its painted photos; sheet: the contact sheet, where there is
        one.
    """
    photo, *painted = verdicts
    if not painted:
        advice = "let people be painted into it: --paint auto"
        if photo in (NOT_POSITIVE, NOTHING_TO_ALIGN):
            advice = _advice(photo)
        return (
            f"no metric scale: the photo itself gave nothing to measure by ({photo}), and nothing "
            f"was painted; {advice}, {_KNOWN_DISTANCE}"
        )
    counts = Counter(painted).most_common()
    reasons = ", ".join(f"{count} x {reason}" for reason, count in counts)
    look = "" if sheet is None else f"; {sheet} shows them"
    return (
        f"no metric scale: none of {len(painted)} painted photos gave a person to measure by "
        f"({reasons}){look}; {_advice(counts[0][0])}, {_KNOWN_DISTANCE}"
    )


def warnings_of(
    photo: Photo,
    head: MetricHead,
    counts: Counts,
    owners: Sequence[Owner],
    depth_m: NDArray[np.float32],
) -> tuple[str, ...]:
    """What the user should know about a result, a sentence each."""
    warnings = []
    if photo.camera.source == "assumed":
        warnings.append(assumption_warning(photo.camera))
    if is_off_centre(photo.camera):
        warnings.append(off_centre_warning(photo.camera))
    if head.status == "offset held":
        known = "points asked about" if counts.asked == counts.points else "known distances"
        who = "people stand" if counts.people else f"{known} are"
        warnings.append(
            f"Scale and offset could not be told apart, and the offset was held at 0. Either the "
            f"{who} at too similar distances, and far depths may be off; or the disparity "
            "runs the other way round (larger must be nearer, else --disparity-space depth), and "
            "every depth is wrong."
        )
    if head.status == "not converged":
        warnings.append("The fit of the metric head did not converge; take the depth with care.")
    if np.isnan(head.relative_error) and counts.people < _FEW_PEOPLE and not counts.points:
        warnings.append(
            f"Only {counts.people} {'person' if counts.people == 1 else 'people'} could be "
            "measured; the scale rests on their size alone."
        )
    measured = [owner.used for owner in owners if owner.kind == "measured point"]
    if not all(measured):
        warnings.append(
            f"{measured.count(False)} of {len(measured)} known distances did not agree with "
            "the rest and took no part; check where they are and how many metres."
        )
    asked = [owner.used for owner in owners if owner.kind == "asked point"]
    if asked.count(False) > _MANY_ANSWERS * len(asked):
        warnings.append(
            f"{asked.count(False)} of {len(asked)} answers of the model that was asked did not "
            "agree with the rest and took no part: take the depth with care, or ask another model."
        )
    beyond = float(np.mean(~np.isfinite(depth_m)))
    if beyond > _LARGE_SHARE:
        warnings.append(
            f"{100 * beyond:.1f} % of the photo is farther than the fit can tell; its depth is "
            "infinite."
        )
    return tuple(warnings)
