"""What is seen of people, as the fit needs it: keypoints, outlines and how far masks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mfh.masks import window_of

OUTLINE_POINTS = 96
"""M: enough for limbs to be told apart, few enough to match each with all vertices."""
FIELD_SIZE = 96
"""S: a cell is about 2 % of a person's height, twice the scale of the errors it is for."""
_FIELD_MARGIN = 0.5
"""How far around a mask's box distances to it are known, as a share of the box's longer side."""
_UNSEEN_PX = 2
"""A border this near to what is unseen is where the view ends, not the person."""
_SMOOTHING_PX = 1.0
"""Of a mask before its normals are taken, which would be of whole pixels else."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One person in one image.

    keypoints_px: (17, 2), x y; keypoint_score: (17,), in [0, 1].
    outline_px: (M, 2), points of the mask's border; outwards: (M, 2), unit normals; outline_weight:
        (M,), 1, or 0 for padding.
    outside_px: (S, S), the distance to the mask over a window of the image; field_px: x0, y0, dx,
        dy, the middle of cell (row i, column j) is at (x0 + j dx, y0 + i dy).
    height_px: of the mask; area_px: of the mask, in square pixels.
    """

    keypoints_px: NDArray[np.float32]
    keypoint_score: NDArray[np.float32]
    outline_px: NDArray[np.float32]
    outwards: NDArray[np.float32]
    outline_weight: NDArray[np.float32]
    outside_px: NDArray[np.float32]
    field_px: NDArray[np.float32]
    height_px: float
    area_px: float


def look(
    masks: NDArray[np.bool_],
    person: int,
    keypoints_px: NDArray[np.float32],
    keypoint_score: NDArray[np.float32],
) -> Seen:
    """What is seen of one of the people of an image.

    masks: (P, H, W), of all of them, this one's not empty; keypoints_px: (17, 2) and
    keypoint_score: (17,), this one's, finite.
    """
    mask = masks[person]
    rows, columns = window_of(mask)
    margin = int(_FIELD_MARGIN * max(rows.stop - rows.start, columns.stop - columns.start)) + 2
    y0, x0 = rows.start - margin, columns.start - margin
    height, width = rows.stop - rows.start + 2 * margin, columns.stop - columns.start + 2 * margin
    inside = np.zeros((height, width), np.bool_)
    # What lies behind somebody else, or beyond the image, may be there unseen.
    unseen = np.ones((height, width), np.bool_)
    top, left = max(y0, 0), max(x0, 0)
    bottom, right = min(y0 + height, mask.shape[0]), min(x0 + width, mask.shape[1])
    here = (slice(top - y0, bottom - y0), slice(left - x0, right - x0))
    inside[here] = mask[top:bottom, left:right]
    unseen[here] = masks[:, top:bottom, left:right].any(axis=0) & ~inside[here]
    outside = ndimage.distance_transform_edt(~(inside | unseen))
    outline, outwards = _outline(inside, unseen)
    step = np.array([width, height]) / FIELD_SIZE
    corner = np.array([x0, y0], np.float64)
    return Seen(
        keypoints_px=keypoints_px,
        keypoint_score=keypoint_score,
        outline_px=_padded(outline + corner),
        outwards=_padded(outwards),
        outline_weight=_padded(np.ones(len(outline))),
        outside_px=_reduced(outside),
        field_px=np.array([*(corner + step / 2), *step], np.float32),
        height_px=float(rows.stop - rows.start),
        area_px=float(mask.sum()),
    )


def _outline(
    inside: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (M, 2) of a mask's border, x y, and its normals, but where it ends at the unseen.

    inside, unseen: (H, W).
    """
    border = inside & ~ndimage.binary_erosion(inside)
    border &= ~ndimage.binary_dilation(unseen, iterations=_UNSEEN_PX)
    y, x = np.nonzero(border)
    if not len(x):
        return np.zeros((0, 2)), np.zeros((0, 2))
    chosen = np.linspace(0, len(x) - 1, min(OUTLINE_POINTS, len(x))).round().astype(int)
    y, x = y[chosen], x[chosen]
    smooth = ndimage.gaussian_filter(inside.astype(np.float32), _SMOOTHING_PX)
    normals = -np.stack([ndimage.sobel(smooth, axis)[y, x] for axis in (1, 0)], axis=1)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    # A border pixel's middle is half a pixel within the border.
    return np.stack([x, y], axis=1) + 0.5 + 0.5 * normals, normals


def _padded(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows (N, ...) with zeros added up to M."""
    padding = [(0, OUTLINE_POINTS - len(points))] + [(0, 0)] * (points.ndim - 1)
    return np.pad(points, padding).astype(np.float32)


def _reduced(field: NDArray[np.floating]) -> NDArray[np.float32]:
    """A field (H, W) resampled to (S, S), bilinearly."""
    scale = (FIELD_SIZE / field.shape[0], FIELD_SIZE / field.shape[1])
    at = [(np.arange(FIELD_SIZE) + 0.5) / each - 0.5 for each in scale]
    grid = np.meshgrid(*at, indexing="ij")
    return np.asarray(ndimage.map_coordinates(field, grid, order=1, mode="nearest"), np.float32)


def stacked(people: Sequence[Seen], name: str) -> NDArray[np.float32]:
    """One field of B people, (B, ...)."""
    return np.stack([np.asarray(getattr(each, name), np.float32) for each in people])
