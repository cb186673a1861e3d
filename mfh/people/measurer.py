"""People found in images and measured in metres: a detector and a mesh regressor in a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.people.detection import Detections, Detector, MeshRegressor
from mfh.records import Intrinsics, PaintedPhotos, People, Photo

# Images whose people are regressed in one call. What an interrupted run loses, and how long a slow
# machine is silent, grows with it; beyond this many a fast one gains nothing.
_IMAGES = 16


class DetectedPeople:
    """People found by a detector and measured by a mesh regressor (`mfh.stages.PeopleMeasurer`).

    Images go through in groups: all are searched first, and then all people found in them are
    regressed together. Left out is who cannot be measured:

    - a detection whose mask is empty, or whose box does not reach into the image,
    - a mesh with a vertex that is not finite, or whose mean depth is not positive.

    detector: finds people and their masks; boxes are cut at the image's border.
    regressor: makes a mesh in metres, in the camera's frame, of each.
    """

    def __init__(self, detector: Detector, regressor: MeshRegressor) -> None:
        self.name = f"{regressor.name}, {detector.name}"
        self._detector = detector
        self._regressor = regressor

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the measurements depend on besides the images and the camera."""
        return {
            "part": "detected people",
            "detector": self._detector.fingerprint,
            "regressor": self._regressor.fingerprint,
        }

    @property
    def device(self) -> str:
        """Where it computes, in words."""
        return ", ".join(dict.fromkeys((self._detector.device, self._regressor.device)))

    def measure(self, photo: Photo, images: PaintedPhotos) -> Iterator[People]:
        """Give the people of each image, in order, the most certain first.

        Raises what the two parts raise: weights or packages that are missing, too little memory.
        """
        for start in range(0, len(images), _IMAGES):
            group = list(images.images[start : start + _IMAGES])
            yield from self._measure_group(group, photo.camera)

    def _measure_group(
        self, images: Sequence[NDArray[np.uint8]], camera: Intrinsics
    ) -> Iterator[People]:
        found = [_inside(each) for each in self._detector.detect(images)]
        if not any(map(len, found)):
            yield from (_nobody(image) for image in images)
            return
        meshes = self._regressor.regress(images, found, camera)
        for image, detections, vertices_m in zip(images, found, meshes, strict=True):
            measured = _measurable(vertices_m)
            if not measured.any():
                yield _nobody(image)
                continue
            people = _only(detections, measured)
            yield People(
                vertices_m=vertices_m[measured],
                faces=self._regressor.faces,
                mask=people.mask,
                box_px=people.box_px,
                score=people.score,
            )


def _nobody(image: NDArray[np.uint8]) -> People:
    return People.nobody(*image.shape[:2])


def _inside(found: Detections) -> Detections:
    """Those seen in the image, their boxes cut at its border."""
    height, width = found.mask.shape[1:]
    box_px = np.clip(found.box_px, 0, (width, height, width, height)).astype(np.float32)
    seen = np.array([mask.any() for mask in found.mask], np.bool_)
    seen &= (box_px[:, 2:] > box_px[:, :2]).all(axis=1)
    return _only(Detections(mask=found.mask, box_px=box_px, score=found.score), seen)


def _only(found: Detections, chosen: NDArray[np.bool_]) -> Detections:
    return Detections(
        mask=found.mask[chosen], box_px=found.box_px[chosen], score=found.score[chosen]
    )


def _measurable(vertices_m: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the meshes (P, V, 3) are in front of the camera, and finite."""
    finite = np.isfinite(vertices_m).all(axis=(1, 2))
    ahead = np.zeros(len(vertices_m), np.bool_)
    ahead[finite] = vertices_m[finite, :, 2].mean(axis=1, dtype=np.float64) > 0
    return ahead
