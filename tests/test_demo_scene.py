import json
from importlib import resources

import numpy as np
import pytest

from mfh.simulation.demo_scene import load_demo_scene

CAMERA_HEIGHT_M = 1.5
PITCH_RAD = np.radians(8.5)
UP = np.array([0.0, -np.cos(PITCH_RAD), -np.sin(PITCH_RAD)])
FORWARD_ON_FLOOR = np.array([0.0, -np.sin(PITCH_RAD), np.cos(PITCH_RAD)])


@pytest.fixture(scope="module")
def points_m() -> np.ndarray:
    """Every pixel's point in the camera frame, (H, W, 3)."""
    photo, depth_m = load_demo_scene()
    x, y = np.meshgrid(np.arange(photo.shape[1]) + 0.5, np.arange(photo.shape[0]) + 0.5)
    camera = photo.camera
    rays = np.stack(
        [(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=-1
    )
    return rays * depth_m[..., None].astype(float)


def height_m(points_m: np.ndarray) -> np.ndarray:
    return points_m @ UP + CAMERA_HEIGHT_M


@pytest.mark.parametrize("name", ["demo_photo.png", "demo_depth.png", "demo_camera.json"])
def test_files_are_small(name):
    assert resources.files("mfh.simulation.data").joinpath(name).stat().st_size < 2**20


def test_photo_and_camera():
    photo, depth_m = load_demo_scene()
    assert photo.name == "demo room"
    assert photo.image.shape == (480, 640, 3)
    assert photo.camera.source == "given"
    assert depth_m.shape == photo.shape
    assert depth_m.dtype == np.float32
    # A real camera's principal point is not quite in the middle.
    assert (photo.camera.cx, photo.camera.cy) != (320.0, 240.0)
    # Neither black nor burnt out.
    assert 80 < photo.image.mean() < 180
    assert (photo.image == 255).all(axis=-1).mean() < 0.02


def test_camera_file_has_what_a_user_would_write():
    text = resources.files("mfh.simulation.data").joinpath("demo_camera.json").read_text("utf-8")
    assert set(json.loads(text)) == {"fx", "fy", "cx", "cy", "width", "height"}


def test_depth_is_complete_and_indoors():
    _, depth_m = load_demo_scene()
    assert np.isfinite(depth_m).all()
    assert 1.0 < depth_m.min() < 1.5
    assert 7.0 < depth_m.max() < 8.0
    assert not depth_m.flags.writeable


def test_the_floor_is_a_plane_below_the_camera(points_m):
    height = height_m(points_m)
    assert height.min() > -0.001
    boards = points_m[410:475, 200:480].reshape(-1, 3)
    assert np.abs(height_m(boards)).max() < 0.001
    # Fitted without knowing the camera's pose, the plane is the same.
    middle = boards.mean(axis=0)
    normal = np.linalg.svd(boards - middle, full_matrices=False)[2][2]
    assert np.abs((boards - middle) @ normal).max() < 0.001
    assert abs(normal @ middle) == pytest.approx(CAMERA_HEIGHT_M, abs=0.001)
    assert abs(normal @ UP) == pytest.approx(1.0, abs=1e-6)
    # It is where people can stand: a fifth of the photo shows floor or rug.
    assert (height < 0.005).mean() > 0.2


def test_ceiling_and_back_wall_are_where_the_room_has_them(points_m):
    height = height_m(points_m)
    assert height.max() == pytest.approx(2.7, abs=0.001)
    assert np.median(height[:20, 250:320]) == pytest.approx(2.7, abs=0.001)
    away = points_m @ FORWARD_ON_FLOOR
    assert np.median(away[90:110, 200:270]) == pytest.approx(7.4, abs=0.001)


def test_people_find_room_to_stand(points_m):
    # The middle of the room, 2.5 x 4 m, holds nothing but floor and rug: no pixel's point stands
    # out of it, up to the height of a person.
    height, away = height_m(points_m), points_m @ FORWARD_ON_FLOOR
    inside = (np.abs(points_m[..., 0] + 0.4) < 1.25) & (away > 2.6) & (away < 6.7)
    assert height[inside & (height < 1.9)].max() < 0.01
    assert inside.mean() > 0.1


def test_depth_edges_and_photo_edges_agree():
    photo, depth_m = load_demo_scene()
    # Where the disparity jumps, the photo should have an edge more often than elsewhere.
    grey = photo.image.astype(float).mean(axis=-1)
    contrast = np.abs(np.diff(grey, axis=1))
    jump = np.abs(np.diff(1 / depth_m.astype(float), axis=1)) > 0.02
    assert jump.sum() > 500
    assert np.median(contrast[jump]) > 3 * np.median(contrast[~jump])
