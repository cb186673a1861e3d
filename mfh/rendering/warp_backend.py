"""Depth of meshes by casting one ray through each pixel centre, with NVIDIA Warp on CPU or CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.records import Intrinsics
from mfh.rendering import warp_kernels
from mfh.rendering.meshes import NEAR_M, checked_meshes, pixel_boxes, takes_cuda
from mfh.settings import Device
from mfh.warp_runtime import kernel_cache, wp


@dataclass(frozen=True, eq=False)
class Hits:
    """What the rays through the pixel centres meet first.

    depth_m: (P, H, W) float32, z in metres, NaN off the mesh.
    face: (P, H, W) int32, index of the face, -1 off the mesh.
    barycentric: (P, H, W, 2) float32, weights of the face's first and second vertex; the third's is
        one minus their sum. They hold on the surface itself, not in the image. 0 off the mesh.
    """

    depth_m: NDArray[np.float32]
    face: NDArray[np.int32]
    barycentric: NDArray[np.float32]


def cast(
    vertices_m: ArrayLike, faces: ArrayLike, intrinsics: Intrinsics, device: Device = "auto"
) -> Hits:
    """Cast to P meshes and tell what each pixel sees of them, for shading.

    The arguments are those of `mfh.rendering.render_depth`.

    Raises `InputError` for malformed arrays and for a device that is not there.
    """
    return Hits(*_cast(vertices_m, faces, intrinsics, device, with_surface=True))


def depth(
    vertices_m: ArrayLike, faces: ArrayLike, intrinsics: Intrinsics, device: Device = "auto"
) -> NDArray[np.float32]:
    """Cast as `cast` does and keep the depth (P, H, W) alone, for a quarter of the memory."""
    hits = _cast(vertices_m, faces, intrinsics, device, with_surface=False)
    depth_m: NDArray[np.float32] = hits[0]
    return depth_m


def _cast(
    vertices_m: ArrayLike,
    faces: ArrayLike,
    intrinsics: Intrinsics,
    device: Device,
    *,
    with_surface: bool,
) -> tuple[Any, Any, Any]:
    """Give depth, face and barycentric coordinates, the latter two empty unless `with_surface`."""
    vertices, triangles = checked_meshes(vertices_m, faces)
    on = "cuda" if takes_cuda(device, wp.is_cuda_available(), "warp-lang") else "cpu"
    shape = (len(vertices), intrinsics.height, intrinsics.width)
    surface_shape = shape if with_surface else (0, 0, 0)
    depth_m = wp.full(shape, np.nan, dtype=wp.float32, device=on)
    face = wp.full(surface_shape, -1, dtype=wp.int32, device=on)
    barycentric = wp.zeros(surface_shape, dtype=wp.vec2, device=on)

    boxes_px = pixel_boxes(vertices, intrinsics)
    columns, rows = (boxes_px[:, 2:] - boxes_px[:, :2]).max(axis=0, initial=0)
    if len(triangles) and rows and columns:
        indices = wp.array(triangles.ravel(), dtype=wp.int32, device=on)
        meshes = [
            wp.Mesh(wp.array(points, dtype=wp.vec3, device=on), indices) for points in vertices
        ]
        with kernel_cache():
            wp.launch(
                warp_kernels.cast_pixels,
                dim=(len(meshes), int(rows), int(columns)),
                inputs=[
                    wp.array([mesh.id for mesh in meshes], dtype=wp.uint64, device=on),
                    wp.array(boxes_px, dtype=wp.int32, device=on),
                    wp.vec4(intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy),
                    NEAR_M,
                    with_surface,
                ],
                outputs=[depth_m, face, barycentric],
                device=on,
            )
    return depth_m.numpy(), face.numpy(), barycentric.numpy()
