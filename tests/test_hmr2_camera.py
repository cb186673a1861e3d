"""A mesh stands where the crop's camera saw it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mfh.camera import project
from mfh.people.hmr2.camera import translation_m
from mfh.records import Intrinsics

CROP_CAMERA = np.array([[0.9, 0.05, -0.1], [1.2, -0.3, 0.2]])
CENTRE_PX = np.array([[410.0, 260.0], [100.0, 150.0]])
SIDE_PX = np.array([300.0, 120.0])


def test_translations_are_upstreams(shared: Path) -> None:
    with np.load(shared / "vectors/cam_crop_to_full.npz") as vectors:
        focal_px = float(vectors["focal"])
        width, height = vectors["img_size"][0]
        camera = Intrinsics(focal_px, focal_px, width / 2, height / 2, height, width)
        found = translation_m(vectors["cam"], vectors["box_center"], vectors["box_size"], camera)
        np.testing.assert_allclose(found, vectors["translation"], atol=1e-5, rtol=0)


def seen_in_crop_px(points_m: np.ndarray, person: int) -> np.ndarray:
    """Where the weak-perspective camera sees points (N, 3), in px of the photo."""
    s, tx, ty = CROP_CAMERA[person]
    return CENTRE_PX[person] + SIDE_PX[person] / 2 * s * (points_m[:, :2] + (tx, ty))


@pytest.mark.parametrize("person", [0, 1])
def test_points_in_the_origins_plane_are_seen_where_the_crop_sees_them(person: int) -> None:
    camera = Intrinsics(700, 700, 330, 230, 480, 640)
    shift_m = translation_m(CROP_CAMERA, CENTRE_PX, SIDE_PX, camera)[person]
    points_m = np.random.default_rng(0).uniform(-1, 1, (20, 3)) * (1, 1, 0)
    np.testing.assert_allclose(
        project(points_m + shift_m, camera), seen_in_crop_px(points_m, person), atol=1e-9
    )


@pytest.mark.parametrize("person", [0, 1])
def test_uneven_focal_lengths(person: int) -> None:
    """The origin is seen where the crop sees it; the size is right in the geometric mean."""
    camera = Intrinsics(720, 680, 330, 230, 480, 640)
    shift_m = translation_m(CROP_CAMERA, CENTRE_PX, SIDE_PX, camera)[person]
    origin = np.zeros((1, 3))
    np.testing.assert_allclose(
        project(origin + shift_m, camera), seen_in_crop_px(origin, person), atol=1e-9
    )
    corner = np.array([[1.0, 1.0, 0.0]])
    seen_px = project(corner + shift_m, camera) - project(origin + shift_m, camera)
    crop_px = seen_in_crop_px(corner, person) - seen_in_crop_px(origin, person)
    assert np.prod(seen_px) == pytest.approx(np.prod(crop_px))


def test_depth_is_linear_in_the_focal_length() -> None:
    near = translation_m(CROP_CAMERA, CENTRE_PX, SIDE_PX, Intrinsics(500, 500, 320, 240, 480, 640))
    far = translation_m(CROP_CAMERA, CENTRE_PX, SIDE_PX, Intrinsics(1500, 1500, 320, 240, 480, 640))
    np.testing.assert_allclose(far[:, 2], 3 * near[:, 2])
    np.testing.assert_allclose(far[:, :2], near[:, :2])


@pytest.mark.parametrize("s", [0.0, -0.5, np.nan, np.inf])
def test_a_camera_that_is_none(s: float) -> None:
    cameras = CROP_CAMERA.copy()
    cameras[0, 0] = s
    camera = Intrinsics(700, 700, 330, 230, 480, 640)
    found = translation_m(cameras, CENTRE_PX, SIDE_PX, camera)
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(
        found[1], translation_m(CROP_CAMERA, CENTRE_PX, SIDE_PX, camera)[1]
    )


def test_nobody() -> None:
    camera = Intrinsics(700, 700, 330, 230, 480, 640)
    assert translation_m(np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0), camera).shape == (0, 3)
