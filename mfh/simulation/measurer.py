"""The simulated measurer: finds who was drawn, and measures them as well as it is told to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

from mfh.masks import window_of
from mfh.records import PaintedPhotos, People, Photo
from mfh.simulation.bodies import load_bodies
from mfh.simulation.figures import MIN_VISIBLE, Figure
from mfh.simulation.noise import smooth_field
from mfh.simulation.scene import Painting, paintings_of
from mfh.simulation.world import SimulatedView, SimulatedWorld

_MERGED_LOG_SD = 0.15
"""How badly people who are painted into each other are measured: log-sd of each one's size."""
_BOUNDARY_LENGTH_PX = 5.0
_COMMON_TILT = 0.2
"""The share of a tilt's variance that all meshes of a photo have in common."""
_SCORE = (0.8, 0.999)


class SimulatedMeasurer:
    """Measures people, knowing who was drawn and who stands there (`mfh.stages.PeopleMeasurer`).

    Without errors a person's mesh is the drawn one and their mask is what is visible of it. A
    person drawn e^x too large is taken for one of their own size: the mesh that fits the same
    silhouette lies at e^-x of the distance from the camera.
    """

    name = "simulated: drawn bodies"

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the measurements depend on besides the painted photos."""
        return self._world.fingerprint("mesh_scale", "mesh_tilt_deg", "ragged_mask_px")

    def measure(self, photo: Photo, images: PaintedPhotos) -> Iterator[People]:
        """Give the people drawn into each image, in order; see `mfh.stages.PeopleMeasurer`.

        Those who stand in the photo itself come last. In a painting they are found where its strip
        leaves enough of them, and are measured as in the photo, since their pixels are the same.
        """
        view = self._world.at(photo)
        for painting in paintings_of(images):
            found = [*_people_of_photo(view, painting)]
            if not painting.is_photo:
                found = [*_painted_people(view, painting), *found]
            yield _as_people(found, photo.shape)


@dataclass(frozen=True, eq=False)
class _Measured:
    """Somebody who was found: mesh (V, 3), mask (H, W), score."""

    vertices_m: NDArray[np.float32]
    mask: NDArray[np.bool_]
    score: float


def _as_people(found: Sequence[_Measured], shape: tuple[int, int]) -> People:
    if not found:
        return People.nobody(*shape)
    return People(
        vertices_m=np.stack([each.vertices_m for each in found]),
        faces=load_bodies().faces,
        mask=np.stack([each.mask for each in found]),
        box_px=np.array([_box_px(each.mask) for each in found], np.float32),
        score=np.array([each.score for each in found], np.float32),
    )


def _people_of_photo(view: SimulatedView, painting: Painting) -> Iterator[_Measured]:
    errors = view.errors
    scale_rng, mask_rng, score_rng, tilt_rng = (
        view.stream(f"{what} of the people of the photo")
        for what in ("mesh scale", "mask", "score", "mesh tilt")
    )
    for figure in view.people:
        log_scale = errors.mesh_scale * scale_rng.standard_normal()
        whole = _ragged(figure.visible, errors.ragged_mask_px, mask_rng)
        score = score_rng.uniform(*_SCORE)
        tilted_m = _tilted(figure.vertices_m, view, tilt_rng)
        mask = whole & ~painting.strip
        if mask.any() and mask.sum() >= MIN_VISIBLE * whole.sum():
            yield _Measured(tilted_m * np.float32(np.exp(log_scale)), mask, score)


def _painted_people(view: SimulatedView, painting: Painting) -> Iterator[_Measured]:
    scene, errors = view.scene(painting), view.errors
    scale_rng = view.stream("mesh scale", painting)
    mask_rng = view.stream("mask", painting)
    merged = scene.outcome == "two people"
    masks = _parted(scene.figures, mask_rng) if merged else [f.visible for f in scene.figures]
    score_rng, tilt_rng = view.stream("score", painting), view.stream("mesh tilt", painting)
    for figure, mask in zip(scene.figures, masks, strict=True):
        log_scale = errors.mesh_scale * scale_rng.standard_normal()
        if merged:
            log_scale += _MERGED_LOG_SD * scale_rng.standard_normal()
        ragged = _ragged(mask, errors.ragged_mask_px, mask_rng)
        if figure.fitted_m is None or not ragged.any():
            continue
        # The silhouette stays the same when a mesh is scaled about the camera.
        vertices_m = _tilted(figure.fitted_m, view, tilt_rng)
        vertices_m = vertices_m * np.float32(np.exp(log_scale) / figure.size_factor)
        yield _Measured(vertices_m, ragged, score_rng.uniform(*_SCORE))


def _tilted(
    vertices_m: NDArray[np.float32], view: SimulatedView, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Let a mesh (V, 3) lean, about its own middle: a little as all of the photo do."""
    own = rng.standard_normal(2)
    if view.errors.mesh_tilt_deg == 0:
        return vertices_m
    common = view.stream("mesh tilt, common").standard_normal(2)
    lean = np.sqrt(_COMMON_TILT) * common + np.sqrt(1 - _COMMON_TILT) * own
    forward, sideways = np.radians(view.errors.mesh_tilt_deg) * lean
    turn = Rotation.from_euler("xz", (forward, sideways)).as_matrix()
    middle_m = vertices_m.mean(axis=0)
    return np.asarray((vertices_m - middle_m) @ turn.T + middle_m, np.float32)


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


def _box_px(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Give the box x0, y0, x1, y1 around a mask's pixels, the last two exclusive."""
    rows, columns = window_of(mask)
    return columns.start, rows.start, columns.stop, rows.stop
