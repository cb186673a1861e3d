"""Resizing, cropping and resolving intrinsics."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.camera import (
    assumed_intrinsics,
    assumption_warning,
    crop_intrinsics,
    intrinsics_from,
    intrinsics_from_fov,
    is_off_centre,
    off_centre_warning,
    resize_intrinsics,
)
from mfh.errors import CameraError
from mfh.records import Intrinsics

# fx != fy and a principal point off the centre, so that no axis can stand in for the other.
CAMERA = Intrinsics(500.0, 540.0, 300.0, 260.0, 480, 640, "given", "a note")
POINT_M = np.array([0.4, -0.3, 2.5])


def project(camera: Intrinsics, point_m: np.ndarray = POINT_M) -> np.ndarray:
    x, y, w = camera.matrix @ point_m
    return np.array([x / w, y / w])


def test_a_point_stays_on_its_spot_when_the_image_is_resized():
    resized = resize_intrinsics(CAMERA, height=131, width=200)
    assert project(resized) == pytest.approx(project(CAMERA) * [200 / 640, 131 / 480], abs=1e-12)
    assert (resized.height, resized.width) == (131, 200)
    assert (resized.source, resized.note) == ("given", "a note")


def test_a_point_stays_on_its_spot_when_the_image_is_cropped():
    cropped = crop_intrinsics(CAMERA, top=30, left=45, height=400, width=500)
    assert project(cropped) == pytest.approx(project(CAMERA) - [45, 30], abs=1e-12)
    assert (cropped.fx, cropped.fy) == (CAMERA.fx, CAMERA.fy)
    assert (cropped.height, cropped.width, cropped.note) == (400, 500, "a note")


@pytest.mark.parametrize("size", [(240, 320), (131, 200), (1000, 37)])
def test_resizing_there_and_back_changes_nothing(size):
    back = resize_intrinsics(resize_intrinsics(CAMERA, *size), CAMERA.height, CAMERA.width)
    assert back.matrix == pytest.approx(CAMERA.matrix, rel=1e-12)
    assert resize_intrinsics(CAMERA, *size).horizontal_fov_deg == pytest.approx(
        CAMERA.horizontal_fov_deg
    )


def test_cropping_then_resizing_is_the_crop_of_the_resized():
    one = resize_intrinsics(crop_intrinsics(CAMERA, 20, 40, 240, 320), 480, 640)
    other = crop_intrinsics(resize_intrinsics(CAMERA, 960, 1280), 40, 80, 480, 640)
    assert one.matrix == pytest.approx(other.matrix, rel=1e-12)


def test_the_first_pixels_centre_follows_a_reduction_by_blocks():
    # A ray through the middle of the first 2 x 2 block goes through the first pixel of the half.
    x_ray, y_ray = (1.0 - CAMERA.cx) / CAMERA.fx, (1.0 - CAMERA.cy) / CAMERA.fy
    half = resize_intrinsics(CAMERA, 240, 320)
    assert project(half, np.array([x_ray, y_ray, 1.0])) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    "value",
    [
        CAMERA.matrix,
        CAMERA.matrix.astype(np.float32),
        CAMERA.matrix.tolist(),
        [[500, 0, 300], [0, 540, 260], [0, 0, 1]],
        CAMERA,
    ],
)
def test_a_matrix_is_for_the_photos_size(value):
    camera = intrinsics_from(value, 480, 640)
    assert camera.matrix == pytest.approx(CAMERA.matrix)
    assert (camera.height, camera.width, camera.source) == (480, 640, "given")


def test_anything_numpy_reads_is_a_matrix():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.asarray(CAMERA.matrix, dtype)

    assert intrinsics_from(Tensor(), 480, 640).fy == 540


def test_a_tensor_that_numpy_cannot_read_is_refused():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")

    with pytest.raises(CameraError, match="cannot be read as a 3 x 3 matrix .*cuda"):
        intrinsics_from(Tensor(), 480, 640)


def matrix(**changes: float) -> np.ndarray:
    K = CAMERA.matrix
    for name, value in changes.items():
        K[int(name[1]), int(name[2])] = value
    return K


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((3, 3)), r"last row is \(0, 0, 0\); expected \(0, 0, 1\)"),
        (matrix(k00=0), "fx is 0; it must be a positive number of px"),
        (matrix(k11=-540), "fy is -540; it must be a positive"),
        (matrix(k02=np.nan), r"K\[0\]\[2\] is nan; it must be finite"),
        (matrix(k11=np.inf), r"K\[1\]\[1\] is inf"),
        (np.eye(4), r"has shape \(4, 4\); expected \(3, 3\)"),
        (CAMERA.matrix[:2], r"has shape \(2, 3\)"),
        (CAMERA.matrix.T, "the matrix is transposed: give its transpose"),
        (matrix(k22=2), r"last row is \(0, 0, 2\)"),
        (matrix(k01=3), r"K\[0\]\[1\] is 3; cameras with skew"),
        (matrix(k10=3), r"K\[1\]\[0\] is 3; cameras with skew"),
        ([["500", 0, 300], [0, 540, 260], [0, 0, 1]], "matrix of numbers, not of type <U"),
        ([[500, 0, None], [0, 540, 260], [0, 0, 1]], "matrix of numbers, not of type object"),
        (np.eye(3, dtype=bool), "matrix of numbers, not of type bool"),
        ([[500, 0, 300], [0, 540], [0, 0, 1]], "cannot be read as a 3 x 3 matrix"),
        (500.0, r"has shape \(\)"),
        (
            matrix(k00=2, k11=2),
            "horizontal field of view of 179 degrees on 640 x 480 px; plausible: 1 to 179",
        ),
        (matrix(k00=1e6, k11=1e6), "field of view of 0.0367 degrees"),
    ],
)
def test_a_matrix_that_is_no_pinholes_is_refused(value, message):
    with pytest.raises(CameraError, match=message):
        intrinsics_from(value, 480, 640)


def test_a_solvers_rounding_is_no_skew():
    assert intrinsics_from(matrix(k01=-2.6e-4), 480, 640).fx == 500


@pytest.mark.parametrize(
    ("given", "photo"),
    [
        ((3024, 4032), (480, 640)),
        ((4032, 6048), (427, 640)),  # 426.67 rounded
        ((4032, 6048), (424, 640)),  # a multiple of 8
        ((375, 1242), (480, 1590)),
        ((640, 480), (4032, 3024)),
    ],
)
def test_intrinsics_of_another_size_and_the_same_aspect_are_scaled(given, photo):
    wide = Intrinsics(0.9 * given[1], 0.9 * given[1], given[1] / 2, given[0] / 2, *given)
    camera = intrinsics_from(wide, *photo)
    assert camera.fx == pytest.approx(0.9 * photo[1])
    assert camera.fy == pytest.approx(0.9 * given[1] / given[0] * photo[0])
    assert (camera.cx, camera.cy) == pytest.approx((photo[1] / 2, photo[0] / 2))
    assert camera.note == f"scaled from {given[1]} x {given[0]} px"


def test_intrinsics_of_another_aspect_are_refused():
    message = "for 640 x 480 px, which differs in aspect from the photo's 1280 x 720 px; if the"
    with pytest.raises(CameraError, match=message):
        intrinsics_from(CAMERA, 720, 1280)


def test_intrinsics_of_the_photo_lying_on_its_side_are_refused():
    with pytest.raises(CameraError, match="before its EXIF orientation was applied"):
        intrinsics_from(CAMERA, 640, 480)


@pytest.mark.parametrize(
    ("K", "message"),
    [
        (
            matrix(k02=1504, k12=1000),
            r"\(1504, 1000\) is far off the middle of .* 3008 x 2000 px: state",
        ),
        (matrix(k02=-3), r"far off the middle of the photo of 640 x 480 px"),
        (matrix(k12=460), r"far off the middle of"),
        (matrix(k02=160, k12=120), r"far off the middle of .* 320 x 240 px: state the size"),
        (matrix(k02=480, k12=360), r"far off the middle of .* 960 x 720 px: state the size"),
        (matrix(k00=0.8, k11=1.1, k02=0.5, k12=0.5), "normalised: multiply fx, cx by the width"),
    ],
)
def test_a_matrix_evidently_for_another_size_is_refused(K, message):
    with pytest.raises(CameraError, match=message):
        intrinsics_from(K, 480, 640)


def test_a_stated_size_vouches_for_any_principal_point():
    corner = Intrinsics(500, 500, 640, 480, 480, 640)  # the upper left quarter of a photo
    assert intrinsics_from(corner, 480, 640) == corner


def test_a_shifted_principal_point_is_accepted():
    assert intrinsics_from(matrix(k02=150, k12=230), 480, 640).cx == 150


def test_a_field_of_view_makes_a_centred_camera():
    camera = intrinsics_from_fov(90, 480, 640)
    assert (camera.fx, camera.fy) == pytest.approx((320, 320))
    assert (camera.cx, camera.cy) == (320, 240)
    assert (camera.source, camera.note) == ("field of view", "90 degrees")
    assert camera.horizontal_fov_deg == pytest.approx(90)


@pytest.mark.parametrize("fov_deg", [0, 0.9, 179.5, -60, np.nan, np.inf])
def test_an_impossible_field_of_view_is_refused(fov_deg):
    with pytest.raises(CameraError, match="accepted: 1 to 179, the horizontal one"):
        intrinsics_from_fov(fov_deg, 480, 640)


def test_the_assumed_lens_is_28_mm_on_film():
    camera = assumed_intrinsics(2000, 3000, "no tags")
    assert camera.fx == camera.fy == pytest.approx(3000 * 28 / 36)
    assert (camera.cx, camera.cy, camera.source) == (1500, 1000, "assumed")
    assert camera.note == "horizontal field of view of 65 degrees (28 mm lens); no tags"


def test_the_warning_names_the_assumption_and_the_ways_out():
    warning = assumption_warning(assumed_intrinsics(2000, 3000))
    assert "field of view of 65 degrees is assumed" in warning
    assert "proportional to the focal length" in warning
    assert "--intrinsics FILE" in warning
    assert "--fov DEGREES" in warning
    assert assumption_warning(CAMERA) == ""


def test_a_principal_point_far_off_the_centre_is_noted():
    centred = Intrinsics(500, 500, 310, 250, 480, 640)
    kitti_crop = Intrinsics(721.5, 721.5, 609.6, 172.9, 375, 1242)
    other_camera = Intrinsics(518.9, 519.5, 325.6, 253.7, 375, 1242)
    assert [is_off_centre(each) for each in (centred, kitti_crop, other_camera)] == [
        *(False, False, True)
    ]
    assert "(326, 254), far from the photo's centre (621, 188)" in off_centre_warning(other_camera)
