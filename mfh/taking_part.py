"""Which images and owners take part in the fit of the metric head.

One rule, for the fit itself and for all that is said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records import AlignedDisparity, LandmarkKind, Landmarks, MetricHead


def images_taking_part(
    aligned: AlignedDisparity, landmarks: Sequence[Landmarks]
) -> NDArray[np.bool_]:
    """Which images take part, (N,): those that were kept and have a pixel of somebody trusted.

    aligned, landmarks: of N images.
    """
    trusted = [bool((each.weight[owners_of(each)] > 0).any()) for each in landmarks]
    return aligned.kept & np.array(trusted, np.bool_)


def owners_of(landmarks: Landmarks) -> NDArray[np.integer]:
    """The owners that own a pixel, in order."""
    owner = landmarks.owner
    return np.flatnonzero(np.bincount(owner[owner >= 0]))


@dataclass(frozen=True)
class Owner:
    """An owner that took part in a fit.

    image: in which image; 0 is the photo itself.
    number: which of that image's landmarks it is.
    kind: what it is.
    used: whether the fit counts it; else it was set aside.
    """

    image: int
    number: int
    kind: LandmarkKind
    used: bool


def owners_taking_part(
    head: MetricHead, aligned: AlignedDisparity, landmarks: Sequence[Landmarks]
) -> tuple[Owner, ...]:
    """What a fit says of each owner that took part, in the order of `MetricHead.used`.

    Raises `InputError` where the head is about another number of them.
    """
    part = images_taking_part(aligned, landmarks)
    found = [
        (image, int(number))
        for image in np.flatnonzero(part).tolist()
        for number in owners_of(landmarks[image])
    ]
    if len(head.used) != len(found):
        raise InputError(
            f"metric head: used is about {len(head.used)} owners; in the images that take part "
            f"{len(found)} have a pixel of their own"
        )
    return tuple(
        Owner(image, number, landmarks[image].kind[number], bool(used))
        for (image, number), used in zip(found, head.used, strict=True)
    )


def set_aside(
    owners: Sequence[Owner], landmarks: Sequence[Landmarks]
) -> tuple[NDArray[np.bool_], ...]:
    """For each image (P,) bool: which of its landmarks took part in the fit and were set aside."""
    aside = tuple(np.zeros(len(each.weight), np.bool_) for each in landmarks)
    for owner in owners:
        aside[owner.image][owner.number] = not owner.used
    return aside
