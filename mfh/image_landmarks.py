"""The landmarks of one image: who of its people counts, and the known distances of the photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mfh.painting import strip_share
from mfh.records import POINT_KINDS, Intrinsics, Landmarks, People
from mfh.rendering import landmarks_from_people, trust
from mfh.settings import PhotoPeople

# A person counts as painted when most of what is seen of it lies where the painter painted.
_PAINTED_SHARE = 0.5


def landmarks_of_photo(
    people: People, depth_m: NDArray[np.float32], camera: Intrinsics, *, erosion_px: int
) -> Landmarks:
    """The landmarks of the photo itself: everybody who was measured in it.

    depth_m: (P, H, W), each person's rendered depth in metres, NaN off the silhouette.
    """
    return landmarks_from_people(
        people,
        depth_m,
        erosion_px=erosion_px,
        weight=trust(people, depth_m, camera),
        kind="person",
    )


def landmarks_of_painting(
    people: People,
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
    strip: NDArray[np.bool_],
    *,
    photo_people: PhotoPeople,
    erosion_px: int,
) -> Landmarks:
    """The landmarks of a painted photo: the people who were painted into it.

    depth_m: as for the photo; strip: (H, W), where it was repainted.
    photo_people: "repeated" counts those who are in the photo already, too.
    """
    # Without a mask of its own a person's mask is everywhere.
    seen = people.mask & np.isfinite(depth_m)
    painted = strip_share(seen, strip) >= _PAINTED_SHARE
    # Of somebody painted nothing shows beyond the strip, however far mask and mesh go.
    within = strip | ~painted[:, None, None]
    weight = trust(people, depth_m, camera, within)
    return landmarks_from_people(
        replace(people, mask=people.mask & within),
        depth_m,
        erosion_px=erosion_px,
        weight=np.where(painted | (photo_people == "repeated"), weight, 0),
        kind="painted person",
    )


def without_people(landmarks: Landmarks) -> Landmarks:
    """The same landmarks without those that are people: their pixels are unknown."""
    people = np.array([kind not in POINT_KINDS for kind in landmarks.kind], np.bool_)
    gone = np.isin(landmarks.owner, np.flatnonzero(people))
    return replace(
        landmarks,
        depth_m=np.where(gone, np.float32(np.nan), landmarks.depth_m),
        owner=np.where(gone, np.int16(-1), landmarks.owner),
        weight=np.where(people, np.float32(0), landmarks.weight),
    )
