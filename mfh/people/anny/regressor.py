"""The compact Anny body as a mesh regressor; imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfh.compute import Placement, in_batches
from mfh.errors import InputError
from mfh.part_settings import PeopleSettings
from mfh.people.anny.body import load_body
from mfh.people.anny.measuring import Ruler
from mfh.people.anny.seen import Seen, look
from mfh.people.detection import Detections, Meshes
from mfh.records import Intrinsics
from mfh.settings import Device, Precision

_FIT_VERSION = 2
"""Counted up with every change of what is measured, so that older measurements are not reused."""

# Who is not measured: below the first three a fit is not worth trying, beyond the others it failed.
_LEAST_HEIGHT_PX = 16
_LEAST_KEYPOINTS, _LEAST_SCORE = 7, 0.2
"""How many joints must show, and the score from which one does: fewer leave the pose open."""
_LARGEST_MISFIT = 0.12
"""Of the height: keypoints that far off, as a median, are not those of the body that was fitted."""
_LARGEST_ERROR = 0.16
"""Of the distance: twice as far off as knowing nothing but that somebody is grown up."""

_LARGEST_CHILD = 0.15
"""How likely somebody of whom nothing is told may be a child: its size would be off by a third."""


class _Measurement(NamedTuple):
    """One person's mesh (V, 3) in metres, its relative error, and why it is refused, or ""."""

    vertices_m: NDArray[np.float32]
    relative_error: float
    refused: str


class AnnyRegressor:
    """Measures people by fitting Anny's body to keypoints and masks.

    settings: `regressor_batch`, how many people are fitted at once.
    device: where the fit computes; it is in float32 whatever `precision` says.

    Refused, with the reason, is somebody of whom too little is seen to tell their distance, and
    whom no body fits. A keypoint that is not finite counts as one that does not show.
    """

    name = "Anny, fitted"

    def __init__(
        self,
        settings: PeopleSettings = PeopleSettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        self._batch = settings.regressor_batch
        self._placement = Placement(device, precision)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the measurements depend on besides detections, camera and prompts."""
        return {"part": "anny", "body_sha256": load_body().sha256, "fit": _FIT_VERSION}

    @property
    def device(self) -> str:
        """The device in words."""
        return self._placement.device_name

    @property
    def faces(self) -> NDArray[np.int32]:
        """(F, 3), the triangles that all its meshes share."""
        return load_body().faces

    def regress(
        self,
        images: Sequence[NDArray[np.uint8]],
        found: Sequence[Detections],
        camera: Intrinsics,
        prompts: Sequence[str] = (),
    ) -> list[Meshes]:
        """The meshes of the people of each image; see `mfh.people.detection.MeshRegressor`.

        The images' pixels are not looked at.

        Raises `InputError` for detections without keypoints, and `NotEnoughMemoryError`.
        """
        looked = [_look(each) for each in found]
        people = [
            (person, prompt)
            for each, prompt in zip(looked, prompts or [""] * len(found), strict=True)
            for person in each
            if isinstance(person, Seen)
        ]
        measured = in_batches(people, self._batch, lambda some: self._measure(some, camera))
        return [_meshes(each, measured) for each in looked]

    def _measure(
        self, people: Sequence[tuple[Seen, str]], camera: Intrinsics
    ) -> list[_Measurement]:
        found = self._ruler.measure(
            [seen for seen, _ in people], camera, [prompt for _, prompt in people]
        )
        meshes_m = found.vertices_m.cpu().numpy()
        told = (found.log_error.tolist(), found.misfit.tolist(), found.child.tolist())
        return [
            _Measurement(mesh_m, error, _not_to_be_trusted(error, misfit, child))
            for mesh_m, error, misfit, child in zip(meshes_m, *told, strict=True)
        ]

    @cached_property
    def _ruler(self) -> Ruler:
        return Ruler(load_body(), self._placement.device)


def _look(found: Detections) -> list[Seen | str]:
    """What is seen of each of the people of an image, or why they are not measured."""
    points_px, scores = found.keypoints_px, found.keypoint_score
    if points_px is None or scores is None:
        if not len(found):
            return []
        raise InputError(
            "Anny: people have no keypoints; find them with KeypointDetector(detector, "
            "KeypointRCNN(...))"
        )
    known = np.isfinite(points_px).all(axis=2) & np.isfinite(scores)
    points_px, scores = np.where(known[..., None], points_px, 0), np.where(known, scores, 0)
    looked: list[Seen | str] = []
    for person in range(len(found)):
        reason = _too_little(found.mask[person], scores[person])
        looked.append(reason or look(found.mask, person, points_px[person], scores[person]))
    return looked


def _too_little(mask: NDArray[np.bool_], keypoint_score: NDArray[np.float32]) -> str:
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows) or rows[-1] - rows[0] + 1 < _LEAST_HEIGHT_PX:
        return "is too small to measure"
    if (keypoint_score > _LEAST_SCORE).sum() < _LEAST_KEYPOINTS:
        return "shows too few joints"
    return ""


def _not_to_be_trusted(error: float, misfit: float, child: float) -> str:
    # A fit that ran away has NaN, which is not at most anything.
    if not misfit <= _LARGEST_MISFIT:
        return "fits no body"
    if child > _LARGEST_CHILD:
        return "may be a child, whose size is not known"
    if not error <= _LARGEST_ERROR:
        return "shows too little to tell how far they are"
    return ""


def _meshes(looked: Sequence[Seen | str], measured: Iterator[_Measurement]) -> Meshes:
    """The meshes of the people of an image, taken from those of all that are measured."""
    vertices_m = np.full((len(looked), *load_body().vertices.shape), np.nan, np.float32)
    error = np.full(len(looked), np.nan, np.float32)
    refused: list[str] = []
    for person, each in enumerate(looked):
        if isinstance(each, str):
            refused.append(each)
            continue
        mesh_m, relative_error, reason = next(measured)
        refused.append(reason)
        if not reason:
            vertices_m[person], error[person] = mesh_m, relative_error
    return Meshes(vertices_m=vertices_m, relative_error=error, refused=tuple(refused))
