"""Cues to what a measured person is worth, each computed from what a real run has, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics
from mfh.rendering.trust import share_inside

SLOPE = 7
"""Where `cues_of_one` has the slope of the relief, the last of them."""


def cues_of_one(
    *,
    score: float,
    mask: NDArray[np.bool_],
    silhouette: NDArray[np.bool_],
    vertices_m: NDArray[np.float32],
    faces: NDArray[np.int32],
    camera: Intrinsics,
    disparity: NDArray[np.floating],
    depth_m: NDArray[np.floating],
) -> NDArray[np.float64]:
    """The cues to one person that need nobody else, (8,).

    Score; agreement of mask and silhouette (3); share inside the image; slenderness; correlation
    and slope of the relief.

    mask, silhouette: (H, W) bool, of the detector and of the mesh, where it may have been painted.
    disparity, depth_m: (K,) relative disparity and the mesh's depth at the pixels it votes with.
    """
    return np.array(
        [
            score,
            *agreement(mask, silhouette),
            share_inside(vertices_m, camera),
            slenderness(vertices_m, faces),
            *relief(disparity, depth_m),
        ]
    )


def agreement(mask: NDArray[np.bool_], silhouette: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Intersection over union, the share of the silhouette in the mask, and the mask's in it."""
    both, in_mask, in_silhouette = (
        int(each.sum()) for each in (mask & silhouette, mask, silhouette)
    )
    union = in_mask + in_silhouette - both
    return both / max(union, 1), both / max(in_silhouette, 1), both / max(in_mask, 1)


def overlap_of_two(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """The pixels that two silhouettes share, as a share of the smaller."""
    smaller = min(int(one.sum()), int(other.sum()))
    return int((one & other).sum()) / max(smaller, 1)


def slenderness(vertices_m: NDArray[np.floating], faces: NDArray[np.integer]) -> float:
    """How much longer than wide a mesh's surface is, as a ratio of standard deviations."""
    corners_m = vertices_m[faces].astype(np.float64)
    sides_m = corners_m[:, 1:] - corners_m[:, :1]
    area = np.linalg.norm(np.cross(sides_m[:, 0], sides_m[:, 1]), axis=1)
    centres_m = corners_m.mean(axis=1)
    variance = np.linalg.eigvalsh(np.cov(centres_m.T, aweights=area))
    return float(np.sqrt(variance[2] / variance[1]))


def relief(disparity: NDArray[np.floating], depth_m: NDArray[np.floating]) -> tuple[float, float]:
    """Correlation, and slope, of a person's disparity (K,) against its own 1 / depth."""
    inverse = 1 / depth_m.astype(np.float64)
    if len(inverse) < 3 or np.ptp(inverse) == 0 or np.ptp(disparity) == 0:
        return np.nan, np.nan
    (variance, covariance), (_, other) = np.cov(inverse, disparity)
    return float(covariance / np.sqrt(variance * other)), float(covariance / variance)
