"""The people of one image merged into landmarks (paper Eq. 4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.errors import InputError
from mfh.masks import window_of
from mfh.records import LandmarkKind, Landmarks, People
from mfh.rendering.stance import stance


def landmarks_from_people(
    people: People,
    depth_m: ArrayLike,
    *,
    erosion_px: int = 3,
    weight: ArrayLike | None = None,
    kind: LandmarkKind = "painted person",
) -> Landmarks:
    """D = min_k erode(M_k ∘ S_k) ∘ D_k over the people k of one image (paper Eq. 4).

    M is the instance mask, S the silhouette and D the depth of a person's mesh. Of people who
    overlap the nearest counts, and owns the pixel.

    people: P people; their masks, number, and errors of measuring are used.
    depth_m: (P, H, W), each person's rendered depth in metres, NaN off the silhouette.
    erosion_px: side of the square that erodes, odd; 1 does not erode. What lies beyond the image
        counts as inside, so that a person whom the border cuts off is not eroded there (as the
        reference's `Erode2D`).
    weight: (P,) in [0, 1], how far each is to be trusted (`mfh.rendering.trust`); 1 where it is
        None. Who has 0 owns no pixel, but still hides whoever is behind: those pixels stay unknown.
    kind: what the people are.

    Returns landmarks with everybody's stance. Raises `InputError` for arrays that do not belong to
    these people, for weights that are none, and for an even or negative `erosion_px`.
    """
    depths_m = as_array(depth_m)
    if depths_m.shape != people.mask.shape:
        raise InputError(
            f"landmarks: depth_m has shape {depths_m.shape}; expected {people.mask.shape} "
            "as the people's masks, one depth map a person"
        )
    given = np.ones(len(people)) if weight is None else as_array(weight)
    trusted = np.asarray(given, np.float32)
    if trusted.shape != (len(people),):
        raise InputError(
            f"landmarks: weight has shape {trusted.shape}; expected ({len(people)},), one a person"
        )
    if erosion_px < 1 or erosion_px % 2 == 0:
        raise InputError(
            f"landmarks: erosion_px is {erosion_px}; expected an odd number, at least 1"
        )

    nearest_m = np.full(people.mask.shape[1:], np.inf, np.float32)
    owner = np.full(people.mask.shape[1:], -1, np.int16)
    for person, (mask, person_depth_m) in enumerate(zip(people.mask, depths_m, strict=True)):
        inside = mask & np.isfinite(person_depth_m) & (person_depth_m > 0)
        if not inside.any():
            continue
        # What is eroded away lies within the person's own box, so the rest of the image can wait.
        box = window_of(inside, margin_px=erosion_px // 2)
        nearer = _erode(inside[box], erosion_px) & (person_depth_m[box] < nearest_m[box])
        nearest_m[box][nearer] = person_depth_m[box][nearer]
        owner[box][nearer] = person

    owner[np.isin(owner, np.flatnonzero(trusted == 0))] = -1
    up, foot_m = stance(people)
    return Landmarks(
        depth_m=np.where(owner >= 0, nearest_m, np.float32(np.nan)),
        owner=owner,
        weight=trusted,
        kind=(kind,),
        relative_error=people.relative_error,
        up=up,
        foot_m=foot_m,
    )


def _erode(inside: NDArray[np.bool_], side_px: int) -> NDArray[np.bool_]:
    from scipy import ndimage  # noqa: PLC0415 - slow to import

    square = np.ones((side_px, side_px), np.bool_)
    eroded: NDArray[np.bool_] = ndimage.binary_erosion(inside, square, border_value=1)
    return eroded
