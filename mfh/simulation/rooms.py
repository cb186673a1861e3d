"""Random furnished rooms and streets whose depth is known exactly, as many as anybody wants."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mfh.camera import backproject
from mfh.records import Intrinsics, Photo
from mfh.rendering import render_depth

SceneKind = Literal["room", "street"]
Rng = np.random.Generator

_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
_BOX_FACES = np.array(
    [
        *([0, 1, 3], [0, 3, 2]), *([4, 6, 7], [4, 7, 5]), *([0, 4, 5], [0, 5, 1]),
        *([2, 3, 7], [2, 7, 6]), *([0, 2, 6], [0, 6, 4]), *([1, 5, 7], [1, 7, 3]),
    ]
)  # fmt: skip
_CLEARANCE_M = 0.9
"""Nothing stands nearer to the camera than this."""


def random_scene(
    seed: int, kind: SceneKind = "room", *, height: int = 480, width: int = 640
) -> tuple[Photo, NDArray[np.float32]]:
    """Give the photo of a random scene and its depth (height, width) float32 in metres.

    "room": a room of 2.6 to 9 m with furniture, seen from inside by somebody who stands or sits;
    what the photos of NYU Depth V2 show. "street": house fronts, cars and posts along a street that
    is closed 40 to 120 m away, without sky. The photo is shaded in greys: no learned model would
    make anything of it, and no simulated one looks at it. The same seed gives the same scene.
    """
    rng = np.random.default_rng([seed, 0 if kind == "room" else 1])
    if kind == "room":
        f_px = width * rng.uniform(0.72, 0.95)
        boxes, eye_m, yaw, pitch = _room(rng)
    else:
        f_px = width * rng.uniform(0.55, 0.9)
        boxes, eye_m, yaw, pitch = _street(rng)
    camera = Intrinsics(f_px, f_px, width / 2, height / 2, height, width, note="random scene")
    vertices = np.concatenate(boxes) - eye_m
    faces = np.concatenate([_BOX_FACES + 8 * index for index in range(len(boxes))])
    placed = (vertices @ _camera_axes(yaw, pitch).T).astype(np.float32)
    depth_m = render_depth(placed[None], faces.astype(np.int32), camera, device="cpu")[0]
    # A ray can slip through the seam of two faces; its neighbour saw what is there.
    depth_m = np.where(np.isfinite(depth_m), depth_m, np.nanmax(depth_m)).astype(np.float32)
    return Photo(_shaded(depth_m, camera, rng), camera, f"{kind} {seed}"), depth_m


def _box(low: tuple[float, float, float], high: tuple[float, float, float]) -> NDArray[np.float64]:
    """The corners (8, 3) of a box; x right, y down, z away, the floor at y = 0."""
    return np.asarray(np.array(low) + _CORNERS * (np.array(high) - np.array(low)))


def _room(rng: Rng) -> tuple[list[NDArray[np.float64]], NDArray[np.float64], float, float]:
    width, length = rng.uniform(2.6, 7.0), rng.uniform(3.2, 9.0)
    tall = rng.uniform(2.4, 3.2)
    eye = np.array([rng.uniform(0.2, 0.8) * width, -rng.uniform(1.1, 1.7), 0.4])
    boxes = [_box((0, -tall, 0), (width, 0, length))]
    for _ in range(rng.integers(5, 15)):
        size = rng.uniform((0.3, 0.3, 0.3), (1.8, 1.0, 1.8))
        if rng.uniform() < 0.35:  # Wardrobes, shelves, doors that stand open.
            size = rng.uniform((0.4, 1.6, 0.3), (1.4, 2.2, 0.7))
        _put(boxes, size, eye, (width, length), rng, at_wall=rng.uniform() < 0.6)
    aim = np.array([rng.uniform(0.2, 0.8) * width, 0, rng.uniform(0.6, 1.0) * length])
    yaw = float(np.arctan2(aim[0] - eye[0], aim[2] - eye[2]))
    return boxes, eye, yaw, float(np.radians(rng.uniform(2, 20)))


def _put(
    boxes: list[NDArray[np.float64]],
    size_m: NDArray[np.float64],
    eye_m: NDArray[np.float64],
    room_m: tuple[float, float],
    rng: Rng,
    *,
    at_wall: bool,
) -> None:
    """Put a thing of a size (3,) on the floor, where it does not stand before the camera."""
    free = np.maximum(np.array(room_m) - size_m[[0, 2]], 0.05)
    corner = rng.uniform(0, free)
    if at_wall:
        side = rng.integers(2)
        corner[side] = rng.choice([0.0, free[side]])
    nearest = np.clip(eye_m[[0, 2]], corner, corner + size_m[[0, 2]])
    if np.hypot(*(nearest - eye_m[[0, 2]])) > _CLEARANCE_M:
        low = (corner[0], -size_m[1], corner[1])
        boxes.append(_box(low, (corner[0] + size_m[0], 0, corner[1] + size_m[2])))


def _street(rng: Rng) -> tuple[list[NDArray[np.float64]], NDArray[np.float64], float, float]:
    half, length = rng.uniform(4, 12), rng.uniform(40, 120)
    boxes = [_box((-half - 8, -60, -2), (half + 8, 0, length))]
    for side in (-1, 1):
        z = 0.0
        while z < length:
            front, along = half + rng.uniform(-1, 2), rng.uniform(5, 18)
            low, high = sorted((side * front, side * (half + 8)))
            boxes.append(_box((low, -rng.uniform(4, 15), z), (high, 0, z + along)))
            z += along + rng.choice([0.0, rng.uniform(1, 6)])
    eye = np.array([rng.uniform(-0.5, 0.5) * half, -rng.uniform(1.4, 1.8), 0.0])
    for _ in range(rng.integers(4, 14)):
        size = rng.uniform((1.6, 1.3, 3.5), (2.0, 2.0, 5.0))
        if rng.uniform() < 0.4:  # Posts, trees, bins.
            size = rng.uniform((0.15, 1.0, 0.15), (0.6, 5.0, 0.6))
        x, z = rng.uniform(-half, half - size[0]), 4 * (length / 8) ** rng.uniform()
        boxes.append(_box((x, -size[1], z), (x + size[0], 0, z + size[2])))
    return boxes, eye, float(np.radians(rng.normal(0, 8))), float(np.radians(rng.uniform(-1, 6)))


def _camera_axes(yaw: float, pitch: float) -> NDArray[np.float64]:
    """Rows: right, down and forward of a camera turned to the right, then tilted down."""
    turn = np.array(
        [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]], np.float64
    )
    tilt = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    )
    return np.asarray(tilt @ turn)


def _shaded(depth_m: NDArray[np.float32], camera: Intrinsics, rng: Rng) -> NDArray[np.uint8]:
    """A grey picture (H, W, 3): each surface as bright as the light falls on it."""
    points = backproject(depth_m, camera)
    normals = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12
    light = rng.normal((0.0, -1.5, -1.5), 1.0)
    bright = 0.35 + 0.6 * np.abs(normals @ (light / np.linalg.norm(light)))
    grey = (255 * bright.clip(0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
