"""Random furnished rooms and streets whose depth is known exactly, as many as anybody wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.camera import backproject
from mfh.errors import InputError
from mfh.records import Intrinsics, Photo

SceneKind = Literal["room", "street"]
Rng = np.random.Generator

_CLEARANCE_M, _TALL_CLEARANCE_M = 0.7, 2.0
"""No furniture is nearer to the camera than this; what is as tall would hide the room."""


def random_scene(
    seed: int, kind: SceneKind = "room", *, height: int = 480, width: int = 640
) -> tuple[Photo, NDArray[np.float32]]:
    """Give the photo of a random scene and its depth (height, width) float32 in metres.

    "room": a room of 2.4 to 10 m with furniture, seen from inside by somebody who stands or sits;
    what the photos of NYU Depth V2 show. "street": house fronts, cars and posts along a street that
    is closed 40 to 120 m away, without sky. The depth is that of the rays through the pixels'
    centres. The photo is shaded in greys: no learned model would make anything of it, and no
    simulated one looks at it. The same seed gives the same scene.

    Raises `InputError` for another kind.
    """
    kinds = get_args(SceneKind)
    if kind not in kinds:
        raise InputError(f"random scene: kind {kind!r}; expected one of {', '.join(kinds)}")
    rng = np.random.default_rng([seed, kinds.index(kind)])
    narrowest, widest = _FOCAL_LENGTH[kind]
    f_px = width * rng.uniform(narrowest, widest)
    camera = Intrinsics(f_px, f_px, width / 2, height / 2, height, width, note="random scene")
    scene = _room(rng) if kind == "room" else _street(rng)
    depth_m = scene.depth_m(camera)
    return Photo(_shaded(depth_m, camera, rng), camera, f"{kind} {seed}"), depth_m


_FOCAL_LENGTH: Mapping[SceneKind, tuple[float, float]] = {
    "room": (0.72, 0.95),
    "street": (0.55, 0.9),
}
"""In widths of the photo."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """A box seen from inside, with smaller ones in it; x right, y down, z away, the floor at y = 0.

    boxes_m: (B, 2, 3), the lowest and highest x, y, z of each; the first is the one around all.
    eye_m: (3,), where the camera is, outside the smaller boxes.
    yaw, pitch: radians, how far it is turned to the right and then tilted down.
    """

    boxes_m: NDArray[np.float64]
    eye_m: NDArray[np.float64]
    yaw: float
    pitch: float

    def depth_m(self, camera: Intrinsics) -> NDArray[np.float32]:
        """Depth (H, W) where the rays through the pixels' centres leave the room or meet a box."""
        ones = np.ones((camera.height, camera.width), np.float32)
        # The rays' z is 1, so that what is measured along them is depth.
        rays = backproject(ones, camera).astype(np.float64) @ _camera_axes(self.yaw, self.pitch)
        with np.errstate(divide="ignore"):
            inverse = 1 / np.ascontiguousarray(np.moveaxis(rays, 2, 0))
        relative_m = self.boxes_m - self.eye_m
        _, nearest = _slabs(relative_m[0], inverse)
        for low_high in relative_m[1:]:
            enters, leaves = _slabs(low_high, inverse)
            hit = (enters > 0) & (enters <= leaves) & (enters < nearest)
            nearest[hit] = enters[hit]
        return nearest.astype(np.float32)


def _slabs(
    low_high: NDArray[np.float64], inverse: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where lines enter and leave a box (2, 3), as multiples (H, W) of their directions.

    inverse: (3, H, W), one over the directions. The line meets the box where it enters before it
    leaves (Kay and Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986).
    """
    enters, leaves = np.full(inverse.shape[1:], -np.inf), np.full(inverse.shape[1:], np.inf)
    for low, high, along in zip(*low_high, inverse, strict=True):
        at_low, at_high = low * along, high * along
        np.maximum(enters, np.minimum(at_low, at_high), out=enters)
        np.minimum(leaves, np.maximum(at_low, at_high), out=leaves)
    return enters, leaves


def _box(low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """The box (2, 3) between two corners."""
    return np.array([low, high], np.float64)


def _room(rng: Rng) -> Boxes:
    width, length = rng.uniform(2.4, 6.0), rng.uniform(3.5, 10.0)
    tall = rng.uniform(2.4, 3.2)
    eye = np.array([rng.uniform(0.2, 0.8) * width, -rng.uniform(1.1, 1.7), 0.4])
    boxes = [_box((0, -tall, 0), (width, 0, length))]
    for _ in range(rng.integers(5, 15)):
        size = rng.uniform((0.3, 0.3, 0.3), (1.8, 1.0, 1.8))
        tall_thing = rng.uniform() < 0.3
        if tall_thing:  # Wardrobes, shelves, doors that stand open.
            size = rng.uniform((0.4, 1.6, 0.3), (1.4, 2.2, 0.7))
        at_wall = tall_thing or rng.uniform() < 0.6
        clearance_m = _TALL_CLEARANCE_M if tall_thing else _CLEARANCE_M
        _put(boxes, size, eye, (width, length), clearance_m, rng, at_wall=at_wall)
    aim = np.array([rng.uniform(0.2, 0.8) * width, 0, rng.uniform(0.6, 1.0) * length])
    yaw = float(np.arctan2(aim[0] - eye[0], aim[2] - eye[2]))
    return Boxes(np.stack(boxes), eye, yaw, float(np.radians(rng.uniform(2, 20))))


def _put(
    boxes: list[NDArray[np.float64]],
    size_m: NDArray[np.float64],
    eye_m: NDArray[np.float64],
    room_m: tuple[float, float],
    clearance_m: float,
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
    if np.hypot(*(nearest - eye_m[[0, 2]])) > clearance_m:
        low = (corner[0], -size_m[1], corner[1])
        boxes.append(_box(low, (corner[0] + size_m[0], 0, corner[1] + size_m[2])))


def _street(rng: Rng) -> Boxes:
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
    yaw, pitch = float(np.radians(rng.normal(0, 8))), float(np.radians(rng.uniform(-1, 6)))
    return Boxes(np.stack(boxes), eye, yaw, pitch)


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
