"""The compact Anny body as a mesh regressor; imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

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

_LEAST_CONFIDENCE = 0.2
_LEAST_KEYPOINTS = 5
_LEAST_HEIGHT_PX = 16
_LARGEST_ERROR = 0.25
_LARGEST_MISFIT = 0.12


class AnnyRegressor:
    """Measures people by fitting Anny's body to keypoints and masks.

    settings: `regressor_batch`, how many people are fitted at once.
    device: where the fit computes; it is in float32 whatever `precision` says.

    Somebody is refused, with the reason, of whom too little is seen to tell their distance, and
    whom no body fits.
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
        """What its result depends on besides its inputs."""
        return {"part": "anny", "body": "compact"}

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

        Raises `InputError` for detections without keypoints, and `NotEnoughMemoryError`.
        """
        people: list[tuple[Seen, str]] = []
        reasons: list[list[str]] = []
        for each, prompt in zip(found, prompts or [""] * len(found), strict=True):
            if len(each) and each.keypoints_px is None:
                raise InputError(
                    "Anny: people have no keypoints; find them with KeypointDetector(detector, "
                    "KeypointRCNN(...))"
                )
            seen = look(each, camera)
            reasons.append([_too_little(one) for one in seen])
            people += [
                (one, prompt) for one, no in zip(seen, reasons[-1], strict=True) if not no
            ]
        measured = in_batches(people, self._batch, lambda some: self._measure(some, camera))
        return [self._meshes(refused, measured) for refused in reasons]

    def _meshes(
        self, refused: Sequence[str], measured: Iterator[tuple[NDArray[np.float32], float, str]]
    ) -> Meshes:
        vertices_m = np.full((len(refused), *load_body().vertices.shape), np.nan, np.float32)
        error = np.full(len(refused), np.nan, np.float32)
        why = list(refused)
        for person, reason in enumerate(refused):
            if reason:
                continue
            mesh_m, log_error, why[person] = next(measured)
            if not why[person]:
                vertices_m[person], error[person] = mesh_m, log_error
        return Meshes(vertices_m=vertices_m, relative_error=error, refused=tuple(why))

    def _measure(
        self, people: Sequence[tuple[Seen, str]], camera: Intrinsics
    ) -> list[tuple[NDArray[np.float32], float, str]]:
        """Mesh (V, 3), standard error and perhaps the reason for refusal of each person."""
        found = self._ruler.measure(
            [seen for seen, _ in people], camera, [prompt for _, prompt in people]
        )
        meshes_m = found.vertices_m.cpu().numpy()
        errors, misfits = found.log_error.tolist(), found.misfit.tolist()
        return [
            (mesh_m, error, _not_to_be_trusted(error, misfit))
            for mesh_m, error, misfit in zip(meshes_m, errors, misfits, strict=True)
        ]

    @cached_property
    def _ruler(self) -> Ruler:
        return Ruler(load_body(), self._placement.device)


def _too_little(seen: Seen) -> str:
    if seen.height_px < _LEAST_HEIGHT_PX:
        return "is too small to measure"
    if (seen.keypoint_score > _LEAST_CONFIDENCE).sum() < _LEAST_KEYPOINTS:
        return "shows too few joints"
    return ""


def _not_to_be_trusted(error: float, misfit: float) -> str:
    # A fit that ran away has NaN, which compares as false.
    if not misfit <= _LARGEST_MISFIT:
        return "fits no body"
    if not error <= _LARGEST_ERROR:
        return "shows too little to tell how far they are"
    return ""
