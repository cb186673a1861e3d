"""The simulated measurer: finds who was drawn, and measures them as well as it is told to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from mfh.masks import window_of
from mfh.records import PaintedPhotos, People, Photo
from mfh.simulation.bodies import load_bodies
from mfh.simulation.noise import smooth_field
from mfh.simulation.scene import Figure, Painting, paintings_of
from mfh.simulation.world import SimulatedView, SimulatedWorld

_MERGED_LOG_SD = 0.15
"""How badly people who are painted into each other are measured: log-sd of each one's size."""
_BOUNDARY_LENGTH_PX = 5.0
_SCORE = (0.8, 0.999)


class SimulatedMeasurer:
    """Measures the people of painted photos, knowing what was drawn (`mfh.stages.PeopleMeasurer`).

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
        return self._world.fingerprint("mesh_scale", "ragged_mask_px")

    def measure(self, photo: Photo, images: PaintedPhotos) -> Iterator[People]:
        """Give the people drawn into each image, in order; see `mfh.stages.PeopleMeasurer`.

        Nobody is known to be in the photo itself.
        """
        view = self._world.at(photo)
        for painting in paintings_of(images):
            yield People.nobody(*photo.shape) if painting.is_photo else _people(view, painting)


def _people(view: SimulatedView, painting: Painting) -> People:
    scene, errors = view.scene(painting), view.errors
    scale_rng = view.stream("mesh scale", painting)
    mask_rng = view.stream("mask", painting)
    merged = scene.outcome == "two people"
    masks = _parted(scene.figures, mask_rng) if merged else [f.visible for f in scene.figures]
    vertices_m, seen = [], []
    for figure, mask in zip(scene.figures, masks, strict=True):
        log_scale = errors.mesh_scale * scale_rng.standard_normal()
        if merged:
            log_scale += _MERGED_LOG_SD * scale_rng.standard_normal()
        ragged = _ragged(mask, errors.ragged_mask_px, mask_rng)
        if figure.fitted_m is None or not ragged.any():
            continue
        # The silhouette stays the same when a mesh is scaled about the camera.
        vertices_m.append(figure.fitted_m * np.float32(np.exp(log_scale) / figure.size_factor))
        seen.append(ragged)
    if not seen:
        return People.nobody(*scene.depth_m.shape)
    return People(
        vertices_m=np.stack(vertices_m),
        faces=load_bodies().faces,
        mask=np.stack(seen),
        box_px=np.array([_box_px(mask) for mask in seen], np.float32),
        score=view.stream("score", painting).uniform(*_SCORE, len(seen)).astype(np.float32),
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


def _box_px(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Give the box x0, y0, x1, y1 around a mask's pixels, the last two exclusive."""
    rows, columns = window_of(mask)
    return columns.start, rows.start, columns.stop, rows.stop
