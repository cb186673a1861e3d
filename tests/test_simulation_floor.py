"""Finding the floor, and standing people on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_room import CAMERA_HEIGHT_M, PITCH_DEG, WALL_M, room

from mfh.camera import backproject
from mfh.records import Intrinsics
from mfh.simulation import load_demo_scene, load_truth
from mfh.simulation.bodies import load_bodies
from mfh.simulation.floor import Floor, find_floor
from mfh.simulation.placement import Standing
from mfh.simulation.truth import densify

UP = np.array([0, -np.cos(np.radians(PITCH_DEG)), -np.sin(np.radians(PITCH_DEG))])
NYU = Intrinsics(518.8579, 519.46961, 325.58245, 253.73617, height=480, width=640)
KITTI = Intrinsics(707.0493, 707.0493, 604.0814, 180.5066, height=375, width=1242)


def _tilt_deg(floor: Floor, up: NDArray[np.float64] = UP) -> float:
    return float(np.degrees(np.arccos(min(1.0, floor.up @ up))))


def test_a_rooms_floor_is_found() -> None:
    photo, depth_m = room()
    floor = find_floor(depth_m, np.isfinite(depth_m), photo.camera)
    assert _tilt_deg(floor) < 0.2
    assert floor.camera_height_m == pytest.approx(CAMERA_HEIGHT_M, abs=0.01)
    assert "lowest level surface" in floor.note
    np.testing.assert_allclose(floor.ground_axes @ floor.up, 0, atol=1e-12)
    np.testing.assert_allclose(floor.ground_axes @ floor.ground_axes.T, np.eye(2), atol=1e-12)
    assert floor.ground_axes[0, 0] > 0.99


def test_the_demo_rooms_floor_is_where_it_was_built() -> None:
    photo, depth_m = load_demo_scene()
    floor = find_floor(depth_m, np.isfinite(depth_m), photo.camera)
    assert floor.camera_height_m == pytest.approx(1.5, abs=0.01)
    assert _tilt_deg(floor, np.array([0.0, -1.0, 0.0])) == pytest.approx(8.5, abs=0.1)


def test_a_noisy_sparse_room_keeps_its_floor() -> None:
    photo, depth_m = room()
    rng = np.random.default_rng(1)
    known = rng.uniform(size=depth_m.shape) < 0.3
    noisy_m = depth_m * (1 + 0.01 * rng.standard_normal(depth_m.shape)).astype(np.float32)
    sparse_m = np.where(known, noisy_m, np.float32(np.nan))
    floor = find_floor(densify(sparse_m), known, photo.camera)
    assert _tilt_deg(floor) < 3
    assert floor.camera_height_m == pytest.approx(CAMERA_HEIGHT_M, abs=0.08)


def test_a_hidden_floor_is_as_low_as_the_lowest_points() -> None:
    photo, depth_m = room()
    heights_m = backproject(depth_m, photo.camera) @ UP + CAMERA_HEIGHT_M
    above = heights_m > 0.2
    floor = find_floor(depth_m, above, photo.camera)
    assert floor.camera_height_m == pytest.approx(CAMERA_HEIGHT_M - 0.2, abs=0.05)
    assert _tilt_deg(floor) < 3


def test_a_bare_wall_is_seen_by_an_upright_camera() -> None:
    photo, depth_m = room()
    wall_m = np.full_like(depth_m, 3.0)
    floor = find_floor(wall_m, np.ones(wall_m.shape, np.bool_), photo.camera)
    assert _tilt_deg(floor, np.array([0.0, -1.0, 0.0])) < 1
    lowest_m = 3.0 * (photo.camera.height - photo.camera.cy) / photo.camera.fy
    assert floor.camera_height_m == pytest.approx(lowest_m, abs=0.1)
    assert "taken from the lowest points" in floor.note


def test_without_surfaces_a_floor_is_assumed_and_said_to_be() -> None:
    photo, depth_m = room()
    few = np.zeros(depth_m.shape, np.bool_)
    few[::60, ::60] = True
    floor = find_floor(depth_m, few, photo.camera)
    assert floor.camera_height_m == 1.5
    assert "too little depth is known to find the floor; assumed 1.5 m" in floor.note


@pytest.mark.parametrize(
    ("file", "camera", "height_m", "tolerance_m", "pitch_deg"),
    [
        # KITTI's cameras are mounted 1.65 m above the road, level.
        ("kitti/depth_0000000005.png", KITTI, 1.65, 0.1, (0, 3)),
        # Hand-held Kinects, tilted a little down; a man's chest is 1.2 to 1.6 m up.
        ("nyu/sync_depth_00000.png", NYU, 1.4, 0.2, (5, 20)),
        ("nyu/living_room_depth.png", NYU, 1.4, 0.2, (5, 20)),
    ],
)
def test_real_floors_are_plausible(
    shared: Path,
    file: str,
    camera: Intrinsics,
    height_m: float,
    tolerance_m: float,
    pitch_deg: tuple[float, float],
) -> None:
    depth_m = load_truth(shared / "data" / file, (camera.height, camera.width)).depth_m
    floor = find_floor(densify(depth_m), np.isfinite(depth_m), camera)
    assert floor.camera_height_m == pytest.approx(height_m, abs=tolerance_m)
    assert pitch_deg[0] <= _tilt_deg(floor, np.array([0.0, -1.0, 0.0])) <= pitch_deg[1]


def test_people_stand_on_the_floor_inside_the_strip_where_nothing_is_in_the_way() -> None:
    photo, depth_m = room()
    camera, known = photo.camera, np.ones(depth_m.shape, np.bool_)
    floor = find_floor(depth_m, known, camera)
    standing = Standing(depth_m, known, camera, floor)
    strip = np.zeros(depth_m.shape, np.bool_)
    strip[:, 150:270] = True
    body_m = load_bodies().vertices_m[0]
    depths_m = []
    for seed in range(10):
        foot_m = next(standing.spots(body_m, strip, np.random.default_rng(seed)))
        vertices_m = standing.stand(body_m, foot_m)
        heights_m = floor.height_m(vertices_m)
        assert heights_m.min() == pytest.approx(0, abs=1e-3)
        assert heights_m.max() == pytest.approx(-body_m[:, 1].min(), abs=1e-3)
        u = vertices_m[:, 0] / vertices_m[:, 2] * camera.fx + camera.cx
        assert ((u > 150) & (u < 270)).mean() > 0.96
        ground = floor.ground_axes @ foot_m
        assert ground[1] < WALL_M - 0.25
        # The cupboard's front is at 3.5 m.
        assert not (0.7 < ground[0] < 2.0 and 3.3 < ground[1] < 3.7)
        depths_m.append(ground[1])
    assert np.ptp(depths_m) > 1
    assert len(set(depths_m)) == 10


def test_nobody_stands_where_nothing_fits() -> None:
    photo, depth_m = room()
    near_m = np.full_like(depth_m, 0.5)
    known = np.ones(depth_m.shape, np.bool_)
    floor = find_floor(depth_m, known, photo.camera)
    standing = Standing(near_m, known, photo.camera, floor)
    body_m = load_bodies().vertices_m[0]
    assert not list(standing.spots(body_m, known, np.random.default_rng(0)))
