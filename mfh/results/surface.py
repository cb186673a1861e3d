"""The surface that a depth map shows, as triangles between neighbouring pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records import Intrinsics
from mfh.results.thinning import even_positions, farthest_shown_m, is_shown

# Less than what cameras see of any surface but the ground far away: 2 degrees leave the first
# 43 m of that below a camera at 1.5 m.
_LEAST_ANGLE_DEG = 2.0


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles, and where in the photo their corners are.

    points_m: (V, 3) float32, camera frame: x right, y down, z forward.
    uv: (V, 2) float32, x and y as fractions of the photo's width and height.
    faces: (F, 3) int32, indices of points; counterclockwise as the camera sees them.
    """

    points_m: NDArray[np.float32]
    uv: NDArray[np.float32]
    faces: NDArray[np.int32]


def surface_of(depth_m: NDArray[np.float32], camera: Intrinsics, max_vertices: int) -> Surface:
    """Join the pixels of a depth map (H, W) to a surface, cut at depth edges.

    The vertices are pixel centres, of all pixels or of those of an even grid of at most
    `max_vertices`. Four neighbours make two triangles, along the diagonal of the smaller step in
    log depth. A triangle is left out where one of its depths is not shown (`is_shown`), and where
    the camera would see it at less than 2 degrees: then it is no surface, but joins a near thing
    to what is behind it.

    Raises `InputError` for a `max_vertices` below 1.
    """
    if max_vertices < 1:
        raise InputError(f"mesh: max_vertices is {max_vertices}; it must be at least 1")
    height, width = depth_m.shape
    step = max(1.0, math.sqrt(height * width / max_vertices))
    rows, columns = even_positions(height, step), even_positions(width, step)
    z = depth_m[np.ix_(rows, columns)]
    z = np.where(is_shown(z, farthest_shown_m(depth_m)), z, np.float32(np.nan))
    x, y = columns + 0.5, rows + 0.5
    points = np.stack(
        np.broadcast_arrays(
            z * ((x - camera.cx) / camera.fx),
            z * ((y - camera.cy) / camera.fy)[:, None],
            z,
        ),
        axis=-1,
    ).astype(np.float32)
    points = points.reshape(-1, 3)
    uv = np.stack(np.meshgrid(x / width, y / height), axis=-1).astype(np.float32).reshape(-1, 2)

    faces = _triangles(z)
    faces = faces[_seen_at(points, faces) >= math.radians(_LEAST_ANGLE_DEG)]
    used = np.unique(faces)
    number = np.empty(len(points), np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    return Surface(points[used], uv[used], number[faces])


def _triangles(z: NDArray[np.float32]) -> NDArray[np.int32]:
    """Give the triangles (F, 3) between neighbours of a grid (h, w) all of whose depths are known.

    z: NaN where it is not.
    """
    index = np.arange(z.size, dtype=np.int32).reshape(z.shape)
    corners = [index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]]
    top_left, top_right, bottom_left, bottom_right = (corner.ravel() for corner in corners)
    log_z = np.log(z).ravel()
    known = np.isfinite(log_z)

    def jump(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.float32]:
        between: NDArray[np.float32] = np.abs(log_z[one] - log_z[other])
        return np.where(np.isnan(between), np.float32(np.inf), between)

    rising = jump(bottom_left, top_right) <= jump(top_left, bottom_right)
    first = np.stack([top_left, bottom_left, np.where(rising, top_right, bottom_right)], axis=1)
    second = np.stack([np.where(rising, bottom_left, top_left), bottom_right, top_right], axis=1)
    faces = np.concatenate([first, second])
    whole = known[faces].all(axis=1)
    return np.asarray(faces[whole], np.int32)


def _seen_at(points_m: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Give the angle, in radians, between each triangle's plane and the ray to its middle."""
    a, b, c = (points_m[faces[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    ray = a + b + c
    lengths = np.linalg.norm(normal, axis=1) * np.linalg.norm(ray, axis=1)
    along = np.abs(np.einsum("ij,ij->i", normal, ray))
    sine = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
    return np.asarray(np.arcsin(np.minimum(sine, 1)), np.float32)
