"""Depth of meshes in the photo's camera, people merged into landmarks (paper Eq. 4), their trust.

`render_depth` has two interchangeable backends; neither is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.errors import InputError
from mfh.records import Intrinsics
from mfh.rendering.landmarks import landmarks_from_people
from mfh.rendering.trust import trust
from mfh.settings import Device, RenderBackend

__all__ = ["landmarks_from_people", "render_depth", "trust"]


def render_depth(
    vertices_m: ArrayLike,
    faces: ArrayLike,
    intrinsics: Intrinsics,
    backend: RenderBackend = "warp",
    device: Device = "auto",
) -> NDArray[np.float32]:
    """Depth of P meshes seen by a pinhole camera, each mesh alone.

    vertices_m: (P, V, 3), camera frame (x right, y down, z forward), metres; P may be 0.
    faces: (F, 3), indices of vertices, shared by all meshes. Both sides of a face are seen.
    intrinsics: the camera; it gives H and W.
    backend: "warp" casts rays (NVIDIA Warp); "pytorch3d" rasterizes with PyTorch3D, without blur
        and with one face a pixel.
    device: "cpu", "cuda", or "auto" for CUDA where there is one.

    Returns (P, H, W) float32: z in metres at the pixel centres, NaN off the mesh. Surfaces nearer
    than 1 cm are not seen, so a mesh may reach behind the camera.

    Raises `InputError` for malformed arrays, for an unknown backend and for a device that is not
    there, and `MissingPartError` where the backend's package is not installed.
    """
    known = get_args(RenderBackend)
    if backend not in known:
        raise InputError(f"render: backend {backend!r} is unknown; there are {', '.join(known)}")
    module: Any = importlib.import_module(f"mfh.rendering.{backend}_backend")
    depth_m: NDArray[np.float32] = module.depth(vertices_m, faces, intrinsics, device)
    return depth_m
