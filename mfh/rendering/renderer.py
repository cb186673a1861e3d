"""The stage that rasterizes people's meshes."""

from __future__ import annotations

import importlib

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics
from mfh.rendering import render_depth
from mfh.settings import Device, RenderBackend


class MeshRenderer:
    """`render_depth` with its backend and device chosen once.

    Raises `MissingPartError` where the backend's package is not installed.
    """

    def __init__(self, backend: RenderBackend = "warp", device: Device = "auto") -> None:
        if backend == "pytorch3d":
            # Not found out only when everybody is painted and measured.
            importlib.import_module("mfh.rendering.pytorch3d_backend")
        self.name = backend
        self.fingerprint = {"part": "mesh renderer", "backend": backend}
        self._backend: RenderBackend = backend
        self._device: Device = device

    def __call__(
        self, vertices_m: NDArray[np.float32], faces: NDArray[np.int32], intrinsics: Intrinsics
    ) -> NDArray[np.float32]:
        """Depth (P, H, W) in metres of P meshes; NaN off them."""
        return render_depth(vertices_m, faces, intrinsics, self._backend, self._device)
