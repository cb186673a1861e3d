"""The simulated measurer: finds who was drawn, and measures them as well as it is told to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mfh.people import DetectedPeople
from mfh.people.detection import Detections, MeshRegressor
from mfh.records import PaintedPhotos, People, Photo
from mfh.simulation.bodies import load_bodies
from mfh.simulation.detector import Seen, SimulatedDetector, seen_of_photo, seen_painted
from mfh.simulation.scene import Painting, paintings_of
from mfh.simulation.world import SimulatedView, SimulatedWorld

_MERGED_LOG_SD = 0.15
"""How badly people who are painted into each other are measured: log-sd of each one's size."""
_COMMON_TILT = 0.2
"""The share of a tilt's variance that all meshes of a photo have in common."""

_Measured = tuple[Seen, NDArray[np.float32]]
"""Somebody who was found, and their mesh (V, 3)."""


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
            found = [*_measured_painted(view, painting), *_measured_of_photo(view, painting)]
            yield _as_people(found, photo.shape)


class SimulatedKeypointMeasurer:
    """Measures people by a real mesh regressor, to whom simulated detections are given.

    People, masks and keypoints are those of `SimulatedDetector`; meshes are the regressor's
    (`mfh.stages.PeopleMeasurer`). The painted photos' pixels are as the painter left them, so that
    only a regressor that measures by keypoints, masks and boxes is judged fairly.
    """

    def __init__(self, world: SimulatedWorld, regressor: MeshRegressor) -> None:
        self._detector = SimulatedDetector(world)
        self._regressor = regressor
        self.name = f"{self._detector.name}, {regressor.name}"

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the measurements depend on besides the painted photos."""
        return {
            "part": "simulated detections",
            "detector": self._detector.fingerprint,
            "regressor": self._regressor.fingerprint,
        }

    @property
    def device(self) -> str:
        """Where the regressor computes, in words."""
        return self._regressor.device

    def measure(self, photo: Photo, images: PaintedPhotos) -> Iterator[People]:
        """Give the people of each image, in order, the most certain first; see `DetectedPeople`.

        Raises what the regressor raises.
        """
        detector = _OfPaintings(self._detector, self._detector.detect(photo, images))
        yield from DetectedPeople(detector, self._regressor).measure(photo, images)


class _OfPaintings:
    """Simulated detections of painted photos, for whoever asks for those of images, in order.

    An image does not say which painting it is; that they are asked for in order does.
    """

    device = ""

    def __init__(self, detector: SimulatedDetector, detections: Iterator[Detections]) -> None:
        self.name = detector.name
        self.fingerprint = detector.fingerprint
        self._detections = detections

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Detections]:
        return islice(self._detections, len(images))


def _measured_of_photo(view: SimulatedView, painting: Painting) -> Iterator[_Measured]:
    scale_rng, tilt_rng = (
        view.stream(f"{what} of the people of the photo") for what in ("mesh scale", "mesh tilt")
    )
    for seen in seen_of_photo(view, painting):
        log_scale = view.errors.mesh_scale * scale_rng.standard_normal()
        tilted_m = _tilted(seen.figure.vertices_m, view, tilt_rng)
        if seen.fitted is not None:
            yield seen, tilted_m * np.float32(np.exp(log_scale))


def _measured_painted(view: SimulatedView, painting: Painting) -> Iterator[_Measured]:
    scale_rng, tilt_rng = view.stream("mesh scale", painting), view.stream("mesh tilt", painting)
    for seen in seen_painted(view, painting):
        log_scale = view.errors.mesh_scale * scale_rng.standard_normal()
        if seen.merged:
            log_scale += _MERGED_LOG_SD * scale_rng.standard_normal()
        if seen.fitted is None:
            continue
        # The silhouette stays the same when a mesh is scaled about the camera.
        vertices_m = _tilted(seen.fitted.vertices_m, view, tilt_rng)
        yield seen, vertices_m * np.float32(np.exp(log_scale) / seen.figure.size_factor)


def _as_people(found: Sequence[_Measured], shape: tuple[int, int]) -> People:
    if not found:
        return People.nobody(*shape)
    return People(
        vertices_m=np.stack([vertices_m for _, vertices_m in found]),
        faces=load_bodies().faces,
        mask=np.stack([seen.mask for seen, _ in found]),
        box_px=np.array([seen.box_px for seen, _ in found], np.float32),
        score=np.array([seen.score for seen, _ in found], np.float32),
    )


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
