"""Measured bodies drawn into a picture, as solid as they were measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.camera.projection import backproject
from mfh.records import POINT_KINDS, Intrinsics, Landmarks
from mfh.results.tiles import PEOPLE, SET_ASIDE
from mfh.taking_part import owners_of

_OPACITY = 0.55
_DARKEST = 0.35


def with_bodies(
    image: NDArray[np.uint8],
    landmarks: Landmarks,
    camera: Intrinsics,
    set_aside: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """An image (H, W, 3) with everybody who was measured in it over it, shaded by their depth.

    camera: for H x W. set_aside: for each owner, whether the fit set it aside; it is red.
    """
    drawn = np.array(image)
    for owner in owners_of(landmarks):
        if landmarks.kind[owner] in POINT_KINDS:
            continue
        rows, columns = np.nonzero(landmarks.owner == owner)
        box = (
            slice(rows.min(), rows.max() + 1),
            slice(columns.min(), columns.max() + 1),
        )
        inside = landmarks.owner[box] == owner
        points = backproject(np.where(landmarks.owner == owner, landmarks.depth_m, np.nan), camera)
        light = _light(points[box])[inside, None]
        colour = np.array(SET_ASIDE if set_aside[owner] else PEOPLE[int(owner) % len(PEOPLE)])
        mixed = (1 - _OPACITY) * drawn[box][inside] + _OPACITY * light * colour
        drawn[box][inside] = np.rint(mixed).astype(np.uint8)
    return drawn


def _light(points_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """How bright a surface (H, W, 3) is in the light of a lamp at the camera; NaN beside it."""
    across, down = (_slope(points_m, axis) for axis in (1, 0))
    normal = np.cross(across, down)
    length = np.linalg.norm(normal, axis=-1) * np.linalg.norm(points_m, axis=-1)
    facing = np.abs(np.einsum("hwc,hwc->hw", normal, points_m))
    light = np.divide(facing, length, out=np.ones_like(length), where=length > 0)
    return np.asarray(_DARKEST + (1 - _DARKEST) * light, np.float32)


def _slope(points_m: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Differences along an axis: central, one-sided at a border, and 0 where there are none."""
    step = np.diff(points_m, axis=axis)
    nothing = np.full_like(np.take(points_m, [0], axis), np.nan)
    before = np.concatenate([nothing, step], axis)
    after = np.concatenate([step, nothing], axis)
    known = np.isfinite(np.stack([before, after]))
    total = np.where(known, np.stack([before, after]), 0).sum(axis=0)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1), np.float32)
