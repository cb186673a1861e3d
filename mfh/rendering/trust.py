"""How far somebody is to be trusted: whether mask and mesh are of one and the same body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.camera import project
from mfh.records import Intrinsics, People

_ODDS = -15.6
_BY_MASK = 14.4
_BY_IMAGE = 6.4
"""The log odds of being a person of usual size, and what each share adds to them: learned from
simulated people (docs/person_worth.md)."""
_MASK = (0.48, 0.96)
_IMAGE = (0.4, 1.0)
"""The shares it was learned from; beyond, nothing more is told."""
_USUAL = 0.9
"""How many of all measured people are what they are taken for; a weight is relative to that."""


def trust(
    people: People,
    depth_m: NDArray[np.floating],
    camera: Intrinsics,
    within: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """How likely each person is what it is taken for, compared with people at large.

    A thing taken for a person, a child, or two people taken for one have a mask that reaches
    beyond the silhouette of the body measured; of somebody who is drawn too large the image shows
    less.

    depth_m: (P, H, W), each person's rendered depth in metres, NaN off the silhouette.
    within: (P, H, W) bool, where each can be at all; everywhere where it is None.

    Returns (P,) in (0, 1]: 1 for people as usual, and for those whose mask is everywhere (nothing
    found it) or nowhere.
    """
    weight = np.ones(len(people), np.float32)
    for person, person_depth_m in enumerate(depth_m):
        mask = people.mask[person]
        if mask.all():
            continue
        if within is not None:
            mask = mask & within[person]
        if not mask.any():
            continue
        in_silhouette = float(np.isfinite(person_depth_m[mask]).mean())
        odds = (
            _ODDS
            + _BY_MASK * np.clip(in_silhouette, *_MASK)
            + _BY_IMAGE * np.clip(share_inside(people.vertices_m[person], camera), *_IMAGE)
        )
        weight[person] = min(1.0, 1 / (1 + np.exp(-odds)) / _USUAL)
    return weight


def share_inside(vertices_m: NDArray[np.floating], camera: Intrinsics) -> float:
    """The share of a mesh's vertices (V, 3) that are in the image."""
    at_px = project(vertices_m[vertices_m[:, 2] > 0], camera)
    inside = (at_px >= 0) & (at_px < (camera.width, camera.height))
    return float(inside.all(axis=1).sum() / len(vertices_m))
