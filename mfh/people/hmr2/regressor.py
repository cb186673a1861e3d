"""The mesh regressor of the method: HMR 2.0 and the SMPL body, in the photo's camera frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mfh.compute import LearnedPart, in_batches
from mfh.errors import InputError, NumericsError
from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people.detection import Detections, Meshes
from mfh.people.hmr2.camera import translation_m
from mfh.people.hmr2.checkpoint import CHECKPOINT, load_checkpoint
from mfh.people.hmr2.crops import crop_person, crop_squares
from mfh.people.hmr2.network import HMR2
from mfh.people.smpl import SmplBody, load_body
from mfh.records import Intrinsics
from mfh.settings import Device, Precision

BODY_FILE = "smpl.npz"

_NO_DISTANCE = "was given no distance by HMR 2.0"
_REMEDY = "use --device cpu, or a GPU with more memory (4 GB suffice)"


class HMR2Regressor(LearnedPart):
    """Measures people with HMR 2.0 (paper Sec. 3.1.2).

    weights: hold the network's checkpoint at `CHECKPOINT`.
    body: hold the SMPL body at `BODY_FILE`.
    settings: `regressor_batch`, how many people go through the network at once.
    device, precision: where and how the network computes; rotations, camera and body are in
        float32 at any rate.

    Network and body are loaded when first used, and kept.
    """

    part = "hmr2"

    def __init__(
        self,
        weights: Weights,
        body: Weights,
        settings: PeopleSettings = PeopleSettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        super().__init__(weights, device, precision)
        self._body_weights = body
        self._batch = settings.regressor_batch

    def _depends_on(self) -> Mapping[str, Any]:
        return {"body": dict(self._body_weights.identity)}

    @property
    def faces(self) -> NDArray[np.int32]:
        """(F, 3), the triangles of the body."""
        return self._body.faces

    def regress(
        self,
        images: Sequence[NDArray[np.uint8]],
        found: Sequence[Detections],
        camera: Intrinsics,
        prompts: Sequence[str] = (),
    ) -> list[Meshes]:
        """The meshes of the people of each image; what was asked for does not matter.

        A person for whom the network gives no camera (its scale is not positive) is refused. How
        wrong a mesh may be the network does not tell.

        Raises `InputError` where an image has not the camera's size or a box is no box, and for
        weights that are missing or damaged, and `NotEnoughMemoryError`.
        """
        for image in images:
            if image.shape != (camera.height, camera.width, 3):
                raise InputError(
                    f"HMR 2.0: an image is {image.shape}; expected {camera.height, camera.width, 3}"
                    ", the camera's size, RGB"
                )
        squares = [crop_squares(each.box_px) for each in found]
        people = [
            (image, centre, side)
            for image, (centres, sides) in zip(images, squares, strict=True)
            for centre, side in zip(centres, sides, strict=True)
        ]
        if people:
            self._load()
        estimates = in_batches(people, self._batch, self._estimate, remedy=_REMEDY)
        return [
            self._meshes([next(estimates) for _ in sides], centres, sides, camera)
            for centres, sides in squares
        ]

    def _meshes(
        self,
        estimates: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
        centres: NDArray[np.float32],
        sides: NDArray[np.float32],
        camera: Intrinsics,
    ) -> Meshes:
        """The meshes of one image, each moved to where its camera sees it."""
        unknown = np.full(len(estimates), np.nan, np.float32)
        if not estimates:
            return Meshes(np.zeros((0, len(self._body.weights), 3), np.float32), unknown, ())
        cameras = np.stack([crop_camera for _, crop_camera in estimates])
        shift_m = translation_m(cameras, centres, sides, camera)
        meshes_m = np.stack([mesh_m for mesh_m, _ in estimates])
        vertices_m = (meshes_m + shift_m[:, None]).astype(np.float32)
        refused = tuple("" if np.isfinite(each).all() else _NO_DISTANCE for each in shift_m)
        return Meshes(vertices_m, unknown, refused)

    @torch.inference_mode()
    def _estimate(
        self, people: Sequence[tuple[NDArray[np.uint8], NDArray[np.float32], np.float32]]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Mesh (V, 3) about its own origin and crop camera (3,) of each person."""
        crops = np.stack([crop_person(image, centre, side) for image, centre, side in people])
        estimate = self._network(torch.from_numpy(crops).to(self._placement.device))
        if not all(torch.isfinite(numbers).all() for numbers in estimate):
            raise NumericsError(
                f"{self.name}: gave NaN or infinite numbers in {self._placement.dtype_name}; "
                f"{self._placement.remedy}"
            )
        vertices_m = self._body.vertices(estimate.global_orient, estimate.body_pose, estimate.betas)
        return list(zip(vertices_m.cpu().numpy(), estimate.cam.cpu().numpy(), strict=True))

    def _load(self) -> None:
        """Load what is not loaded yet, so that lack of memory for it is no matter of the batch."""
        _ = self._network, self._body

    @cached_property
    def _network(self) -> HMR2:
        path = self._weights.file(CHECKPOINT)
        with self._placement.loading(self.name, _REMEDY):
            network = load_checkpoint(path).set_precision(self._placement.dtype)
            return network.to(self._placement.device)

    @cached_property
    def _body(self) -> SmplBody:
        path = self._body_weights.file(BODY_FILE)
        with self._placement.loading(self._body_weights.name, _REMEDY):
            return load_body(path, self._placement.device)
