"""Random scenes: their depth is exact, and people can stand in them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_room import plan_of, scenes_of

from mfh.camera import backproject
from mfh.errors import InputError
from mfh.records import Intrinsics
from mfh.rendering import render_depth
from mfh.simulation.floor import find_floor
from mfh.simulation.rooms import Boxes, SceneKind, random_scene

CAMERA = Intrinsics(80, 90, 61, 44, height=90, width=120)
KINDS: tuple[SceneKind, ...] = ("room", "street")
# An empty room of 4 x 2.5 x 6 m, and the same with a table-high box in it.
EMPTY = [[0, -2.5, 0], [4, 0, 6]]
BOX = [[1.5, -0.8, 3], [2.5, 0, 4]]
EYE = np.array([2.0, -1.5, 0.5])


def _depth(*boxes: list[list[float]], yaw: float = 0.0, pitch: float = 0.0) -> NDArray[np.float32]:
    return Boxes(np.array(boxes, np.float64), EYE, yaw, pitch).depth_m(CAMERA)


def _rays() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.meshgrid(
        (np.arange(CAMERA.width) + 0.5 - CAMERA.cx) / CAMERA.fx,
        (np.arange(CAMERA.height) + 0.5 - CAMERA.cy) / CAMERA.fy,
    )
    return x, y


def test_walls_and_floor_are_planes() -> None:
    x, y = _rays()
    floor_m = 1.5 / y
    ceiling_m = -1.0 / y
    beside_m = 2.0 / np.abs(x)
    expected_m = np.where(y > 0, floor_m, ceiling_m)
    expected_m = np.minimum(np.minimum(expected_m, beside_m), 5.5)
    np.testing.assert_allclose(_depth(EMPTY), expected_m, rtol=1e-6)


def test_a_camera_that_looks_down_sees_the_floor_nearer() -> None:
    pitch = np.radians(30)
    depth_m = _depth(EMPTY, pitch=float(pitch))
    _, y = _rays()
    down = np.sin(pitch) + y * np.cos(pitch)
    lowest = depth_m[-1, CAMERA.width // 2]
    assert lowest == pytest.approx(1.5 / down[-1, 0], rel=1e-6)


def test_a_box_hides_what_is_behind_it() -> None:
    x, y = _rays()
    empty_m, depth_m = _depth(EMPTY), _depth(EMPTY, BOX)
    assert (depth_m <= empty_m).all()
    on_front = (np.abs(2.5 * x) < 0.5) & (2.5 * y > 0.7) & (2.5 * y < 1.5)
    np.testing.assert_allclose(depth_m[on_front], 2.5, rtol=1e-6)
    on_top = (0.7 / y > 2.5) & (0.7 / y < 3.5) & (np.abs(x * 0.7 / y) < 0.5) & (y > 0)
    np.testing.assert_allclose(depth_m[on_top], (0.7 / y)[on_top], rtol=1e-6)
    assert on_front.sum() > 100
    assert on_top.sum() > 100


def test_a_turned_camera_sees_what_the_renderer_sees() -> None:
    yaw, pitch = 0.3, 0.2
    depth_m = _depth(EMPTY, BOX, yaw=yaw, pitch=pitch)
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], bool)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [[a, b, c] for q in quads for a, b, c in (q[:3], (q[0], q[2], q[3]))]
    right = np.array([np.cos(yaw), 0, -np.sin(yaw)])
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    axes = np.stack([right, np.cross(forward, right), forward])
    meshes = [(np.where(corners, box[1], box[0]) - EYE) @ axes.T for box in (EMPTY, BOX)]
    rendered_m = render_depth(np.stack(meshes), np.array(triangles, np.int32), CAMERA, device="cpu")
    np.testing.assert_allclose(depth_m, np.fmin(*rendered_m), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_scene_at_any_size(kind: SceneKind) -> None:
    photo, depth_m = random_scene(7, kind, height=120, width=160)
    again, again_m = random_scene(7, kind, height=120, width=160)
    np.testing.assert_array_equal(depth_m, again_m)
    np.testing.assert_array_equal(photo.image, again.image)
    assert photo.camera == again.camera
    # Every pixel of an odd multiple of a size has its centre where one of the smaller has it.
    _, large_m = random_scene(7, kind, height=360, width=480)
    np.testing.assert_allclose(large_m[1::3, 1::3], depth_m, rtol=1e-6)
    assert not np.array_equal(depth_m, random_scene(8, kind, height=120, width=160)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_depth_is_known_everywhere_and_as_deep_as_its_kind(kind: SceneKind) -> None:
    deepest, below_floor_m = [], []
    for seed in range(20):
        photo, depth_m = random_scene(seed, kind, height=60, width=80)
        assert depth_m.dtype == np.float32
        assert np.isfinite(depth_m).all()
        assert depth_m.min() > 0.2
        assert photo.image.std() > 5
        floor = find_floor(depth_m, np.isfinite(depth_m), photo.camera)
        below_floor_m.append(-floor.height_m(backproject(depth_m, photo.camera)).min())
        deepest.append(float(depth_m.max()))
    # Where furniture hides the floor, a table is taken for it.
    assert np.mean(np.array(below_floor_m) < 0.02) >= 0.85
    low, high = (2.5, 13) if kind == "room" else (15, 130)
    assert low < min(deepest) <= max(deepest) < high
    assert max(deepest) > 1.5 * min(deepest)


@pytest.mark.parametrize("kind", KINDS)
def test_people_find_a_place_in_most_scenes(kind: SceneKind) -> None:
    shares = []
    for seed in range(12):
        photo, depth_m = random_scene(seed, kind, height=120, width=160)
        scenes = scenes_of(photo, depth_m, plan_of(photo, 8, seed), seed)
        shares.append(np.mean([scene.outcome == "person" for scene in scenes]))
    assert np.mean(np.array(shares) >= 0.5) > 0.7


def test_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="kind 'garden'; expected one of room, street"):
        random_scene(0, "garden")  # type: ignore[arg-type]
