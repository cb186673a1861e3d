"""Depth of meshes by PyTorch3D's rasterizer, for comparison with work that is built on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.errors import MissingPartError
from mfh.records import Intrinsics
from mfh.rendering.meshes import NEAR_M, checked_meshes, takes_cuda
from mfh.settings import Device

try:
    import torch
    from pytorch3d.renderer import MeshRasterizer, RasterizationSettings
    from pytorch3d.structures import Meshes
    from pytorch3d.utils import cameras_from_opencv_projection
except ImportError as error:
    raise MissingPartError(
        f"rendering with pytorch3d: PyTorch3D cannot be imported ({error}). It is not on PyPI; "
        "get it with: conda install -c conda-forge pytorch3d, or build it from source as "
        "https://github.com/facebookresearch/pytorch3d says. "
        'The backend "warp" gives the same depth without it'
    ) from error

_CHUNK_BYTES = 2**29
# Working memory of the rasterizer. Per pixel: a face's index and depth, its three weights and
# distance, some of them twice. Per face: its corners before and after clipping, and on CUDA room in
# each of at most 16 x 16 bins.
_BYTES_PER_PIXEL = 64
_BYTES_PER_FACE = 256 + 16 * 16 * 2 * 4
# Projection divides by z before anything is clipped.
_SMALLEST_Z_M = 1e-6


def depth(
    vertices_m: ArrayLike, faces: ArrayLike, intrinsics: Intrinsics, device: Device = "auto"
) -> NDArray[np.float32]:
    """Rasterize as many meshes at a time as fit into half a gibibyte.

    Arguments, result and errors are those of `mfh.rendering.render_depth`.
    """
    vertices, triangles = checked_meshes(vertices_m, faces)
    on = "cuda" if takes_cuda(device, torch.cuda.is_available(), "PyTorch") else "cpu"
    size_px = (intrinsics.height, intrinsics.width)
    depth_m = np.full((len(vertices), *size_px), np.nan, np.float32)
    if depth_m.size == 0 or triangles.size == 0:
        return depth_m

    reaches_near = bool((vertices[..., 2] < NEAR_M).any())
    if reaches_near:
        vertices = vertices.copy()
        vertices[np.abs(vertices[..., 2]) < _SMALLEST_Z_M, 2] = _SMALLEST_Z_M
    rasterizer = _rasterizer(intrinsics, len(triangles), reaches_near, on)
    shared_faces = torch.tensor(triangles, dtype=torch.int64, device=on)
    bytes_each = _BYTES_PER_PIXEL * size_px[0] * size_px[1] + _BYTES_PER_FACE * len(triangles)
    step = max(1, _CHUNK_BYTES // bytes_each)
    for start in range(0, len(vertices), step):
        chunk = torch.tensor(vertices[start : start + step], device=on)
        with torch.no_grad():
            fragments = rasterizer(Meshes(chunk, shared_faces.expand(len(chunk), -1, -1)))
        z_buffer_m = fragments.zbuf[..., 0].cpu().numpy()
        np.copyto(depth_m[start : start + step], z_buffer_m, where=z_buffer_m > 0)
    return depth_m


def _rasterizer(intrinsics: Intrinsics, face_count: int, reaches_near: bool, on: str) -> Any:
    cameras = cameras_from_opencv_projection(
        R=torch.eye(3, device=on)[None],
        tvec=torch.zeros(1, 3, device=on),
        camera_matrix=torch.tensor(intrinsics.matrix, dtype=torch.float32, device=on)[None],
        image_size=torch.tensor([[intrinsics.height, intrinsics.width]], device=on),
    )
    settings = RasterizationSettings(
        image_size=(intrinsics.height, intrinsics.width),
        blur_radius=0.0,
        faces_per_pixel=1,
        perspective_correct=True,
        # On CUDA faces are sorted into bins, and those beyond a bin's room are dropped. A far
        # person lies in one bin as a whole, and clipping may make two faces of one.
        max_faces_per_bin=2 * face_count,
        z_clip_value=NEAR_M if reaches_near else None,
    )
    return MeshRasterizer(cameras, settings)
