"""Meshes whose depth is known in closed form, for the tests of every rendering backend.

Each case gives (vertices_m (1, V, 3), faces, intrinsics, expected depth_m (H, W)).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics

SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
CAMERA = Intrinsics(fx=40.0, fy=50.0, cx=13.0, cy=21.0, height=30, width=40)


class Case(NamedTuple):
    vertices_m: NDArray[np.float32]
    faces: NDArray[np.int32]
    intrinsics: Intrinsics
    expected_m: NDArray[np.float64]


def rays(camera: Intrinsics) -> NDArray[np.float64]:
    """(H, W, 3), with z = 1."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    x = (columns - camera.cx) / camera.fx
    y = (rows - camera.cy) / camera.fy
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def square_px(x0: float, y0: float, x1: float, y1: float, z_m: float) -> NDArray[np.float32]:
    """A square facing the camera whose edges project to the given pixel coordinates."""
    corners_px = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    xy_m = (corners_px - [CAMERA.cx, CAMERA.cy]) / [CAMERA.fx, CAMERA.fy] * z_m
    return np.column_stack([xy_m, np.full(4, z_m)]).astype(np.float32)


def facing_square() -> Case:
    """Columns 5..11 and rows 20..27 at 2 m: covers pixels by their centres, to the pixel."""
    expected = np.full((30, 40), np.nan)
    expected[20:28, 5:12] = 2.0
    return Case(square_px(5, 20, 12, 28, 2.0)[None], SQUARE_FACES, CAMERA, expected)


def cut_off_square() -> Case:
    """Reaches beyond two borders of the image."""
    expected = np.full((30, 40), np.nan)
    expected[:4, 33:] = 1.5
    return Case(square_px(33, -9, 70, 4, 1.5)[None], SQUARE_FACES, CAMERA, expected)


def slanted_plane() -> Case:
    """n . p = 1 m, larger than the view: depth is z, not the distance along the ray."""
    normal = np.array([0.3, -0.2, 1.0])
    xy = np.array([[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]])
    z = 1.0 - xy @ normal[:2]
    corners = np.column_stack([xy, z])
    assert (corners[:, 2] < 0).any(), "part of it lies behind the camera"
    return Case(
        corners[None].astype(np.float32), SQUARE_FACES, CAMERA, 1.0 / (rays(CAMERA) @ normal)
    )


def floor_under_camera() -> Case:
    """A floor 1.5 m below the camera, from 5 m behind it to 20 m ahead."""
    corners = np.array([[-50, 1.5, -5], [50, 1.5, -5], [50, 1.5, 20], [-50, 1.5, 20]], np.float32)
    y = rays(CAMERA)[..., 1]
    depth = np.divide(1.5, y, out=np.full_like(y, np.inf), where=y > 0)
    return Case(corners[None], SQUARE_FACES, CAMERA, np.where(depth < 20, depth, np.nan))


def room_around_camera() -> Case:
    """The camera inside a cube of half side 2 m, seen from within; two corners share its z."""
    corners = np.array([[x, y, z] for x in (-2, 2) for y in (-2, 2) for z in (-2, 2)], np.float32)
    quads = [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]]
    faces = [[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)]
    longest = np.abs(rays(CAMERA)).max(axis=-1)
    return Case(corners[None], np.array(faces, np.int32), CAMERA, 2.0 / longest)


def wall_across_camera() -> Case:
    """A wall 0.1 m to the right with vertices at z = 0 exactly."""
    corners = np.array([[0.1, -9, 0], [0.1, -9, 9], [0.1, 9, 9], [0.1, 9, 0]], np.float32)
    x = rays(CAMERA)[..., 0]
    depth = np.divide(0.1, x, out=np.full_like(x, np.inf), where=x > 0)
    return Case(corners[None], SQUARE_FACES, CAMERA, np.where(depth < 9, depth, np.nan))


def behind_camera() -> Case:
    corners = square_px(5, 20, 12, 28, 2.0) * [1, 1, -1]
    return Case(corners[None].astype(np.float32), SQUARE_FACES, CAMERA, np.full((30, 40), np.nan))


def too_near_hides_nothing() -> Case:
    """A square half a centimetre away, before one at 2 m."""
    corners = np.concatenate([square_px(0, 0, 40, 30, 0.005), square_px(5, 20, 12, 28, 2.0)])
    faces = np.concatenate([SQUARE_FACES, SQUARE_FACES + 4])
    return Case(corners[None], faces, CAMERA, facing_square().expected_m)


CASES = (
    facing_square,
    cut_off_square,
    slanted_plane,
    floor_under_camera,
    room_around_camera,
    wall_across_camera,
    behind_camera,
    too_near_hides_nothing,
)


def assert_depth(
    actual: NDArray[np.float32], expected_m: NDArray[np.float64], rtol: float = 1e-5
) -> None:
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(np.isfinite(actual), np.isfinite(expected_m), "silhouettes")
    np.testing.assert_allclose(actual, expected_m, rtol=rtol, atol=0, equal_nan=True)
