"""A small room of known depth for the tests of the simulation, and what each stage makes of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.painting import plan_paintings
from mfh.records import Intrinsics, PaintedPhotos, PaintingPlan, People, Photo
from mfh.simulation import SimulatedErrors, SimulatedWorld, simulated_parts
from mfh.simulation.scene import PaintedScene, paintings_of

CAMERA_HEIGHT_M = 1.5
PITCH_DEG = 8.0
WALL_M = 6.0


def room(height: int = 240, width: int = 320) -> tuple[Photo, NDArray[np.float32]]:
    """A room seen from 1.5 m, tilted down by 8 degrees: floor, wall 6 m off, cupboard at 3.5 m."""
    camera = Intrinsics(
        0.8 * width, 0.82 * width, 0.51 * width, 0.48 * height, height=height, width=width
    )
    x, y = np.meshgrid(
        (np.arange(width) + 0.5 - camera.cx) / camera.fx,
        (np.arange(height) + 0.5 - camera.cy) / camera.fy,
    )
    sine, cosine = np.sin(np.radians(PITCH_DEG)), np.cos(np.radians(PITCH_DEG))
    down, forward = cosine * y + sine, cosine - sine * y
    with np.errstate(divide="ignore"):
        floor_m = np.where(down > 0, CAMERA_HEIGHT_M / down, np.inf)
    depth_m = np.minimum(floor_m, WALL_M / forward)
    cupboard_m = 3.5 / forward
    at_height = CAMERA_HEIGHT_M - cupboard_m * down
    in_cupboard = (cupboard_m * x > 0.9) & (cupboard_m * x < 1.8) & (at_height < 1.1)
    depth_m = np.where(in_cupboard & (cupboard_m < depth_m), cupboard_m, depth_m)

    rng = np.random.default_rng(0)
    image = 90 + 60 * np.sin(8 * x)[..., None] + rng.normal(0, 4, (height, width, 3))
    photo = Photo(image.clip(0, 255).astype(np.uint8), camera, "room")
    return photo, depth_m.astype(np.float32)


def plan_of(photo: Photo, count: int, seed: int = 0) -> PaintingPlan:
    """Strips wide enough for somebody to fit into each."""
    return plan_paintings(*photo.shape, count, seed=seed, min_ratio=0.5)


def unpainted(photo: Photo, plan: PaintingPlan) -> PaintedPhotos:
    """What measurer and disparity estimator need of painted photos; they never see the pixels."""
    return PaintedPhotos(
        plan.repainted, plan.prompts, plan.seeds, images=np.stack([photo.image] * len(plan))
    )


def scenes_of(
    photo: Photo, depth_m: NDArray[np.float32], plan: PaintingPlan, seed: int = 0, **errors: float
) -> list[PaintedScene]:
    view = SimulatedWorld(photo, depth_m, SimulatedErrors(**errors), seed).at(photo)
    return [view.scene(painting) for painting in paintings_of(plan)]


def people_of(
    photo: Photo, depth_m: NDArray[np.float32], plan: PaintingPlan, seed: int = 0, **errors: float
) -> list[People]:
    parts = simulated_parts(SimulatedWorld(photo, depth_m, SimulatedErrors(**errors), seed))
    return list(parts["people"].measure(photo, unpainted(photo, plan)))


def disparity_of(
    photo: Photo, depth_m: NDArray[np.float32], plan: PaintingPlan, seed: int = 0, **errors: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts = simulated_parts(SimulatedWorld(photo, depth_m, SimulatedErrors(**errors), seed))
    images = unpainted(photo, plan).with_photo(photo)
    maps = [each.values[0] for each in parts["disparity"].estimate(photo, images)]
    return maps[0].astype(np.float64), np.stack(maps[1:]).astype(np.float64)


def line_through(x: NDArray[np.floating], y: NDArray[np.floating]) -> tuple[float, float, float]:
    """Slope, intercept and largest relative residual of the least-squares line through (x, y)."""
    slope, intercept = np.polyfit(x.ravel().astype(np.float64), y.ravel().astype(np.float64), 1)
    residual = np.abs(slope * x + intercept - y).max() / np.ptp(y)
    return float(slope), float(intercept), float(residual)
