"""What every rendering backend needs to know of its meshes: that they are right, and where."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.camera import project
from mfh.errors import InputError
from mfh.records import Intrinsics
from mfh.settings import Device

NEAR_M = 0.01
"""Surfaces nearer to the camera than this are not rendered, in metres."""


def checked_meshes(
    vertices_m: ArrayLike, faces: ArrayLike
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Check vertices (P, V, 3) and faces (F, 3); give them contiguous, as float32 and int32.

    Raises `InputError` for another shape or type, for coordinates that are not finite, and for a
    face that refers to a vertex that is not there.
    """
    vertices = as_array(vertices_m)
    triangles = as_array(faces)
    for name, array, expected, fits in (
        ("vertices_m", vertices, "(P, V, 3)", vertices.ndim == 3 and vertices.shape[2] == 3),
        ("faces", triangles, "(F, 3)", triangles.ndim == 2 and triangles.shape[1] == 3),
    ):
        if not fits:
            raise InputError(f"render: {name} has shape {array.shape}; expected {expected}")
    if not np.can_cast(vertices.dtype, np.float32, "same_kind"):
        raise InputError(f"render: vertices_m is {vertices.dtype}; expected real numbers, metres")
    if not np.issubdtype(triangles.dtype, np.integer):
        raise InputError(f"render: faces is {triangles.dtype}; expected integers")
    vertices = np.ascontiguousarray(vertices, np.float32)
    finite = np.isfinite(vertices).all(axis=(1, 2))
    if not finite.all():
        raise InputError(
            f"render: vertices_m of mesh {int(np.flatnonzero(~finite)[0])} holds NaN or infinite "
            "coordinates"
        )
    count = vertices.shape[1]
    if len(vertices) and triangles.size and not 0 <= triangles.min() <= triangles.max() < count:
        raise InputError(
            f"render: faces refer to vertices {triangles.min()}..{triangles.max()}, "
            f"but each mesh has {count} vertices, counted from 0"
        )
    return vertices, np.ascontiguousarray(triangles, np.int32)


def pixel_boxes(vertices_m: NDArray[np.float32], intrinsics: Intrinsics) -> NDArray[np.int32]:
    """Bound the pixels each mesh can cover: (P, 4) x0, y0, x1, y1, the last two exclusive.

    A mesh that reaches the near plane may cover the whole image, as projection has no meaning
    there; one entirely nearer than that covers nothing.
    """
    size_px = np.array([intrinsics.width, intrinsics.height])
    boxes_px = np.zeros((len(vertices_m), 4), np.int32)
    if vertices_m.shape[1] == 0:
        return boxes_px
    nearest_m, farthest_m = vertices_m[..., 2].min(axis=1), vertices_m[..., 2].max(axis=1)
    boxes_px[farthest_m >= NEAR_M, 2:] = size_px
    in_front = nearest_m > NEAR_M
    projected_px = project(vertices_m[in_front], intrinsics)
    # One pixel of margin absorbs the rounding of the rays themselves.
    first = np.clip(np.floor(projected_px.min(axis=1)) - 1, 0, size_px)
    last = np.clip(np.ceil(projected_px.max(axis=1)) + 1, 0, size_px)
    boxes_px[in_front] = np.concatenate([first, last], axis=1)
    return boxes_px


def takes_cuda(device: Device, available: bool, package: str) -> bool:
    """Say whether to compute with CUDA.

    Raises `InputError` where it is asked for and not available, and for an unknown device.
    """
    if device not in get_args(Device):
        raise InputError(
            f"render: device {device!r} is unknown; there are {', '.join(get_args(Device))}"
        )
    if device == "cuda" and not available:
        raise InputError(
            f'render: device "cuda" was asked for, but {package} finds no CUDA device; '
            'use device "cpu" or "auto", or check the GPU and its driver with nvidia-smi'
        )
    # What only PyTorch can use renders on the CPU.
    return available and device in ("auto", "cuda")
