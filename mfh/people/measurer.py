"""People found in images and measured in metres: a detector and a mesh regressor in a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.people.detection import Detections, Detector, Meshes, MeshRegressor
from mfh.records import Intrinsics, PaintedPhotos, People, Photo

# Images whose people are regressed in one call. What an interrupted run loses, and how long a slow
# machine is silent, grows with it; beyond this many a fast one gains nothing.
_IMAGES = 16

_NOT_FINITE = "got a mesh that is not finite"
_BEHIND = "was placed behind the camera"


class DetectedPeople:
    """People found by a detector and measured by a mesh regressor (`mfh.stages.PeopleMeasurer`).

    Images go through in groups: all are searched first, and then all people found in them are
    regressed together. A detection whose mask is empty, or whose box does not reach into the image,
    is left out. Refused, with the reason in `People.refused`, is

    - who the regressor refuses,
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
            group = slice(start, start + _IMAGES)
            yield from self._measure_group(
                list(images.images[group]), images.prompts[group], photo.camera
            )

    def _measure_group(
        self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[str], camera: Intrinsics
    ) -> Iterator[People]:
        found = [_inside(each) for each in self._detector.detect(images)]
        if not any(map(len, found)):
            yield from (People.nobody(*image.shape[:2]) for image in images)
            return
        meshes = self._regressor.regress(images, found, camera, prompts)
        for image, detections, regressed in zip(images, found, meshes, strict=True):
            reasons = _refusals(regressed)
            refused = tuple(filter(None, reasons))
            measured = np.array([not reason for reason in reasons], np.bool_)
            if not measured.any():
                yield People.nobody(image.shape[0], image.shape[1], refused)
                continue
            people = _only(detections, measured)
            yield People(
                vertices_m=regressed.vertices_m[measured],
                faces=self._regressor.faces,
                mask=people.mask,
                box_px=people.box_px,
                score=people.score,
                relative_error=regressed.relative_error[measured],
                refused=refused,
            )


def _inside(found: Detections) -> Detections:
    """Those seen in the image, their boxes cut at its border."""
    height, width = found.mask.shape[1:]
    box_px = np.clip(found.box_px, 0, (width, height, width, height)).astype(np.float32)
    seen = np.array([mask.any() for mask in found.mask], np.bool_)
    seen &= (box_px[:, 2:] > box_px[:, :2]).all(axis=1)
    return _only(replace(found, box_px=box_px), seen)


def _only(found: Detections, chosen: NDArray[np.bool_]) -> Detections:
    points, scores = found.keypoints_px, found.keypoint_score
    return Detections(
        mask=found.mask[chosen],
        box_px=found.box_px[chosen],
        score=found.score[chosen],
        keypoints_px=None if points is None else points[chosen],
        keypoint_score=None if scores is None else scores[chosen],
    )


def _refusals(meshes: Meshes) -> list[str]:
    """Why each of P people is not measured; "" for who is."""
    return [
        reason or _fault(vertices_m)
        for reason, vertices_m in zip(meshes.refused, meshes.vertices_m, strict=True)
    ]


def _fault(vertices_m: NDArray[np.float32]) -> str:
    """What is wrong with a mesh (V, 3), in words that follow "somebody"."""
    if not np.isfinite(vertices_m).all():
        return _NOT_FINITE
    return "" if vertices_m[:, 2].mean(dtype=np.float64) > 0 else _BEHIND
