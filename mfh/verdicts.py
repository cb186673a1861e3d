"""What became of the painted photos, and what the user should know about the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.camera import assumption_warning, is_off_centre, off_centre_warning
from mfh.disparity import NOT_POSITIVE, NOTHING_TO_ALIGN
from mfh.records import AlignedDisparity, Counts, Landmarks, MetricHead, People, Photo

# Fewer people than this leave the scale to one or two chance sizes.
_FEW_PEOPLE = 4
_LARGE_SHARE = 0.01

NOBODY = "nobody found"
NO_PIXEL = "no pixel to measure at"
_ADVICE = {
    NOBODY: "try another seed, more paintings, or a photo with room for a person to stand in",
    NO_PIXEL: "the meshes lie outside the repainted strips, or outside their masks: check the "
    "camera, and that the masks of repainting are white where it was repainted",
    NOT_POSITIVE: "outside the strips the painted photos' disparity runs against the photo's: "
    "check that both come from the same model and the same way round",
    NOTHING_TO_ALIGN: "outside the strips there is nothing to align by: check that the masks of "
    "repainting do not cover everything, and that the disparity is not constant",
}


def verdicts_of(
    people: Sequence[People], landmarks: Sequence[Landmarks], aligned: AlignedDisparity
) -> tuple[str, ...]:
    """For each image, why it takes no part in the fit; "" where it does."""
    return tuple(
        _verdict(measured, landmark, reason)
        for measured, landmark, reason in zip(people, landmarks, aligned.reason, strict=True)
    )


def _verdict(people: People, landmarks: Landmarks, misaligned: str) -> str:
    if len(people) == 0:
        return NOBODY
    if misaligned:
        return misaligned
    if not (landmarks.owner >= 0).any():
        return NO_PIXEL
    return ""


def counts_of(
    people: Sequence[People], landmarks: Sequence[Landmarks], verdicts: Sequence[str]
) -> Counts:
    """How many were painted, kept and rejected, and why; the first image is the photo itself."""
    used = [
        0 if verdict else len(np.unique(landmark.owner[landmark.owner >= 0]))
        for landmark, verdict in zip(landmarks, verdicts, strict=True)
    ]
    return Counts(
        painted=len(verdicts) - 1,
        with_people=sum(len(measured) > 0 for measured in people[1:]),
        kept=sum(not verdict for verdict in verdicts[1:]),
        people=sum(used),
        in_photo=used[0],
        rejected=Counter(verdict for verdict in verdicts[1:] if verdict),
    )


def nobody_message(verdicts: Sequence[str], sheet: Path | None = None) -> str:
    """Why there is no scale, with counts, and what to do.

    verdicts: of the painted photos; sheet: the contact sheet, where there is one.
    """
    counts = Counter(verdicts).most_common()
    reasons = ", ".join(f"{count} x {reason}" for reason, count in counts)
    advice = _ADVICE[counts[0][0]] if counts else "give at least one painted photo"
    look = "" if sheet is None else f"; {sheet} shows them"
    return (
        f"no metric scale: none of {len(verdicts)} painted photos gave a person to measure by "
        f"({reasons}){look}; {advice}"
    )


def warnings_of(
    photo: Photo, head: MetricHead, counts: Counts, depth_m: NDArray[np.float32]
) -> tuple[str, ...]:
    """What the user should know about a result, a sentence each."""
    warnings = []
    if photo.camera.source == "assumed":
        warnings.append(assumption_warning(photo.camera))
    if is_off_centre(photo.camera):
        warnings.append(off_centre_warning(photo.camera))
    if head.status == "offset held":
        warnings.append(
            "Scale and offset could not be told apart, and the offset was held at 0. Either the "
            "people stand at too similar distances, and far depths may be off; or the disparity "
            "runs the other way round (larger must be nearer, else --disparity-space depth), and "
            "every depth is wrong."
        )
    if head.status == "not converged":
        warnings.append("The fit of the metric head did not converge; take the depth with care.")
    if counts.people < _FEW_PEOPLE:
        warnings.append(
            f"Only {counts.people} {'person' if counts.people == 1 else 'people'} could be "
            "measured; the scale rests on their size alone."
        )
    beyond = float(np.mean(~np.isfinite(depth_m)))
    if beyond > _LARGE_SHARE:
        warnings.append(
            f"{100 * beyond:.1f} % of the photo is farther than the fit can tell; its depth is "
            "infinite."
        )
    return tuple(warnings)
