"""The simulated detector: who is found in painted photos, their masks, and their keypoints."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from mfh.camera import project
from mfh.masks import window_of
from mfh.people.detection import Detections
from mfh.records import PaintedPhotos, Photo
from mfh.simulation.bodies import load_bodies
from mfh.simulation.figures import MIN_VISIBLE, Figure, Fitted
from mfh.simulation.noise import smooth_field
from mfh.simulation.scene import Painting, paintings_of
from mfh.simulation.world import SimulatedView, SimulatedWorld

_BOUNDARY_LENGTH_PX = 5.0
_SCORE = (0.8, 0.999)
_SURE, _UNSURE = (0.6, 0.99), (0.0, 0.2)
"""The scores of keypoints that are seen, and of those that are not."""
_USUAL_HEIGHT_PX = 300.0
"""How tall the people are in the image that `SimulatedErrors.keypoint_px` is about."""
_ANNOTATION_SD = np.repeat(
    (0.026, 0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089), (1, *[2] * 8)
)
"""How far human annotators of COCO scatter about each keypoint, as fractions of the person's size:
the constants of its object keypoint similarity (cocodataset.org, "Keypoint evaluation")."""
_RELATIVE_SD = _ANNOTATION_SD / np.sqrt(np.mean(_ANNOTATION_SD**2))
_COUNTERPART = np.array([0, *(index + 1 if index % 2 else index - 1 for index in range(1, 17))])
"""The same keypoint of the other side of the body; the nose has none."""
_PAIRED = np.arange(17) > 0
_REACH = 0.01
"""How far outside a mask a keypoint still counts as seen, in heights of the person: nose, ears and
ankles lie on the outline."""


class SimulatedDetector:
    """Finds people and their keypoints, knowing who was drawn and who stands there.

    What `mfh.people.detection.Detector` is for images, this is for painted photos: it must be told
    which painting an image is. Without errors the keypoints are those of the drawn body, each in
    its place in the image. A keypoint that does not show, being outside the image or the painting's
    strip or behind something, is placed in the person's box, and its score says that it was not
    seen; one behind the person's own body counts as seen.

    Somebody who was drawn e^x too large looks as tall as one of their own size at e^-x of the
    distance, in the keypoints as in the mask.
    """

    name = "simulated: keypoints of drawn bodies"

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the detections depend on besides the painted photos."""
        keypoints_m = load_bodies().keypoints_m
        return {
            **self._world.fingerprint("ragged_mask_px", "keypoint_px", "keypoint_wrong"),
            "keypoints_sha256": hashlib.sha256(keypoints_m.tobytes()).hexdigest(),
        }

    def detect(self, photo: Photo, images: PaintedPhotos) -> Iterator[Detections]:
        """Give the people of each image, in order, the most certain first.

        They are those that `SimulatedMeasurer` measures, with the same masks, boxes and scores.
        """
        view = self._world.at(photo)
        for painting in paintings_of(images):
            found = []
            for people, purpose, own in (
                (seen_painted(view, painting), "keypoints", painting),
                (seen_of_photo(view, painting), "keypoints of the people of the photo", None),
            ):
                rng = view.stream(purpose, own)
                for seen in people:
                    noise = _Noise.drawn(rng)
                    if seen.fitted is not None:
                        found.append((seen, *_keypoints(seen, seen.fitted, view, noise)))
            yield _as_detections(found, photo.shape)


@dataclass(frozen=True, eq=False)
class Seen:
    """A figure of an image, as a detector sees it.

    fitted: whom it finds in it; None where it finds nobody.
    mask: (H, W) bool, what shows; score: how sure the detector is.
    merged: whether it was painted into somebody else.
    """

    figure: Figure
    fitted: Fitted | None
    mask: NDArray[np.bool_]
    score: float
    merged: bool = False

    @property
    def box_px(self) -> tuple[int, int, int, int]:
        """The box x0, y0, x1, y1 around the mask's pixels, the last two exclusive."""
        rows, columns = window_of(self.mask)
        return columns.start, rows.start, columns.stop, rows.stop


def seen_painted(view: SimulatedView, painting: Painting) -> Iterator[Seen]:
    """Give how a detector sees each figure of a painting, in order; none in the photo itself."""
    if painting.is_photo:
        return
    scene = view.scene(painting)
    mask_rng, score_rng = view.stream("mask", painting), view.stream("score", painting)
    merged = scene.outcome == "two people"
    masks = _parted(scene.figures, mask_rng) if merged else [f.visible for f in scene.figures]
    for figure, mask in zip(scene.figures, masks, strict=True):
        ragged = _ragged(mask, view.errors.ragged_mask_px, mask_rng)
        fitted = figure.fitted if ragged.any() else None
        score = 0.0 if fitted is None else score_rng.uniform(*_SCORE)
        yield Seen(figure, fitted, ragged, score, merged)


def seen_of_photo(view: SimulatedView, painting: Painting) -> Iterator[Seen]:
    """Give how a detector sees each of those who stand in the photo itself, in order.

    In a painting they are found where its strip leaves enough of them.
    """
    mask_rng, score_rng = (
        view.stream(f"{what} of the people of the photo") for what in ("mask", "score")
    )
    for figure in view.people:
        whole = _ragged(figure.visible, view.errors.ragged_mask_px, mask_rng)
        mask = whole & ~painting.strip
        enough = mask.any() and mask.sum() >= MIN_VISIBLE * whole.sum()
        yield Seen(figure, figure.fitted if enough else None, mask, score_rng.uniform(*_SCORE))


@dataclass(frozen=True, eq=False)
class _Noise:
    """The random numbers of one person's keypoints, whatever comes of them.

    offset: (17, 2), of standard deviation 1; elsewhere: (17, 2), lot: (17,), doubt: (17,), in
        [0, 1).
    """

    offset: NDArray[np.float64]
    elsewhere: NDArray[np.float64]
    lot: NDArray[np.float64]
    doubt: NDArray[np.float64]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> _Noise:
        return cls(rng.standard_normal((17, 2)), *(rng.uniform(size=s) for s in ((17, 2), 17, 17)))


def _keypoints(
    seen: Seen, fitted: Fitted, view: SimulatedView, noise: _Noise
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the keypoints (17, 2) of somebody who was found, and their scores (17,)."""
    errors, box_px = view.errors, np.array(seen.box_px, np.float64)
    height_px = float(np.ptp(project(fitted.vertices_m, view.camera)[:, 1]))
    place_px = project(fitted.keypoints_m, view.camera)
    shown = _distance_px(seen.mask, place_px) <= _REACH * height_px

    sd_px = errors.keypoint_px * height_px / _USUAL_HEIGHT_PX * _RELATIVE_SD
    wrong = shown & (noise.lot < errors.keypoint_wrong)
    lost = wrong & ((noise.lot < errors.keypoint_wrong / 2) | ~_PAIRED)
    taken_for = np.where((wrong & ~lost)[:, None], place_px[_COUNTERPART], place_px)
    found_px = taken_for + sd_px[:, None] * noise.offset
    corner_px, size_px = box_px[:2], box_px[2:] - box_px[:2]
    found_px[lost] = (corner_px + size_px * noise.elsewhere)[lost]
    elsewhere = wrong | ~shown
    found_px[elsewhere] = found_px[elsewhere].clip(box_px[:2], box_px[2:])
    low, high = np.where((shown & ~lost)[:, None], _SURE, _UNSURE).T
    return found_px, low + (high - low) * noise.doubt


def _distance_px(mask: NDArray[np.bool_], points_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far outside a mask (H, W) points (N, 2) are; infinite for those outside the image."""
    column, row = np.floor(points_px).astype(np.intp).T
    in_image = (row >= 0) & (row < mask.shape[0]) & (column >= 0) & (column < mask.shape[1])
    distance_px = np.full(len(points_px), np.inf)
    distance_px[in_image] = distance_transform_edt(~mask)[row[in_image], column[in_image]]
    return distance_px


def _as_detections(
    found: Sequence[tuple[Seen, NDArray[np.float64], NDArray[np.float64]]], shape: tuple[int, int]
) -> Detections:
    ordered = sorted(found, key=lambda each: -each[0].score)
    count = len(ordered)
    return Detections(
        mask=np.array([each.mask for each, _, _ in ordered], np.bool_).reshape(count, *shape),
        box_px=np.array([each.box_px for each, _, _ in ordered], np.float32).reshape(count, 4),
        score=np.array([each.score for each, _, _ in ordered], np.float32),
        keypoints_px=np.array([at for _, at, _ in ordered], np.float32).reshape(count, 17, 2),
        keypoint_score=np.array([each for _, _, each in ordered], np.float32).reshape(count, 17),
    )


def _parted(figures: Sequence[Figure], rng: np.random.Generator) -> list[NDArray[np.bool_]]:
    """Part two merged people by a ragged upright line where their silhouettes overlap."""
    first, second = figures
    both = first.silhouette & second.silhouette & (first.visible | second.visible)
    if not both.any():
        return [first.visible, second.visible]
    middle_px = [float(np.nonzero(f.silhouette)[1].mean()) for f in figures]
    columns = np.nonzero(both)[1]
    width_px = float(np.ptp(columns)) + 1
    wander_px = 0.12 * width_px * smooth_field(both.shape, max(2.0, 0.25 * width_px), rng)
    left = np.arange(both.shape[1]) + wander_px < np.median(columns)
    to_first = left if middle_px[0] <= middle_px[1] else ~left
    return [
        (first.visible & ~both) | (both & to_first),
        (second.visible & ~both) | (both & ~to_first),
    ]


def _ragged(
    mask: NDArray[np.bool_], noise_px: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Let the boundary of a mask (H, W) wander in and out, smoothly along it."""
    if noise_px == 0 or not mask.any():
        return mask
    window = window_of(mask, margin_px=math.ceil(4 * noise_px) + 1)
    inside = np.pad(mask[window], 1)
    distance_px = (distance_transform_edt(inside) - distance_transform_edt(~inside))[1:-1, 1:-1]
    # A pixel's centre is half a pixel from a boundary that distances between centres put at 1.
    distance_px -= 0.5 * np.sign(distance_px)
    ragged = np.zeros_like(mask)
    wander_px = noise_px * smooth_field(distance_px.shape, _BOUNDARY_LENGTH_PX, rng)
    ragged[window] = distance_px + wander_px > 0
    return ragged
