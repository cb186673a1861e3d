"""Files of intrinsics."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mfh.camera import intrinsics_from
from mfh.errors import CameraError
from mfh.records import Intrinsics

K = [[500, 0, 300], [0, 540, 260], [0, 0, 1]]
NUMBERS = {"fx": 500, "fy": 540, "cx": 300, "cy": 260}
SIZE = {"width": 640, "height": 480}
TRANSFORMS = {"fl_x": 500, "fl_y": 540, "cx": 300, "cy": 260, "w": 640, "h": 480}


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
    return path


def numbers(camera: Intrinsics) -> tuple[float, float, float, float]:
    return camera.fx, camera.fy, camera.cx, camera.cy


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("K.json", K),
        ("K.json", NUMBERS),
        ("K.json", {**NUMBERS, **SIZE, "camera": "left"}),
        ("K.json", {"K": K}),
        ("K.json", {"K": K, **SIZE}),
        ("K.json", "\ufeff" + json.dumps(K)),
        ("no_suffix", NUMBERS),
        ("transforms.json", TRANSFORMS),
        ("transforms.json", {**TRANSFORMS, "frames": []}),
        ("K.txt", "500 0 300\n0 540 260\n0 0 1\n"),
        ("K.txt", "# left camera\n5e2, 0, 300\n0, 540, 260\n0, 0, 1"),
        ("calib.txt", "500,540,300,260\n"),
        ("calib.txt", "500.0 540.0 300.0 260.0"),
        ("cameras.txt", "# CAMERA_ID, MODEL\n1 PINHOLE 640 480 500 540 300 260\n"),
    ],
)
def test_each_format(tmp_path, name, content):
    path = write(tmp_path, name, content)
    camera = intrinsics_from(path, 480, 640)
    assert numbers(camera) == (500, 540, 300, 260)
    assert (camera.height, camera.width, camera.source) == (480, 640, "given")
    assert camera.note == name
    assert intrinsics_from(str(path), 480, 640) == camera


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_npy(tmp_path, dtype):
    np.save(tmp_path / "K.npy", np.array(K, dtype))
    assert numbers(intrinsics_from(tmp_path / "K.npy", 480, 640)) == (500, 540, 300, 260)


@pytest.mark.parametrize(
    "content",
    [
        {**NUMBERS, **SIZE},
        {"K": K, **SIZE},
        TRANSFORMS,
        "1 PINHOLE 640 480 500 540 300 260",
    ],
)
def test_a_size_in_the_file_scales_to_the_photo(tmp_path, content):
    camera = intrinsics_from(write(tmp_path, "camera", content), 1200, 1600)
    assert numbers(camera) == pytest.approx((1250, 1350, 750, 650))
    assert camera.note == "camera; scaled from 640 x 480 px"
    with pytest.raises(CameraError, match=r"camera.*: the intrinsics are for 640 x 480 px, which"):
        intrinsics_from(tmp_path / "camera", 1080, 1920)


def test_angles_of_view_hold_for_any_size(tmp_path):
    angles = {"camera_angle_x": math.radians(90), "camera_angle_y": math.radians(60)}
    camera = intrinsics_from(write(tmp_path, "t.json", angles), 480, 640)
    assert numbers(camera) == pytest.approx((320, 240 * math.sqrt(3), 320, 240))
    nerf = {"camera_angle_x": math.radians(90), "frames": [{"file_path": "./train/r_0"}]}
    camera = intrinsics_from(write(tmp_path, "t.json", nerf), 800, 800, image_name="r_0.png")
    assert numbers(camera) == pytest.approx((400, 400, 400, 400))
    sized = {**angles, "w": 1280, "h": 960, "cx": 600, "cy": 500}
    camera = intrinsics_from(write(tmp_path, "t.json", sized), 480, 640)
    assert numbers(camera) == pytest.approx((320, 240 * math.sqrt(3), 300, 250))


def test_a_frames_own_intrinsics_go_first(tmp_path):
    frames = [
        {"file_path": "images/a.png", "fl_x": 510},
        {"file_path": "images/b.png", "cx": 310},
        {"file_path": "images/c.png"},
    ]
    path = write(tmp_path, "transforms.json", {**TRANSFORMS, "frames": frames})

    def read(name: str | None) -> tuple[float, ...]:
        return numbers(intrinsics_from(path, 480, 640, image_name=name))

    assert read("a.png") == (510, 540, 300, 260)
    assert read("/photos/b.jpg") == (500, 540, 310, 260)
    assert read("C:\\photos\\c") == (500, 540, 300, 260)
    assert read("elsewhere.png") == (500, 540, 300, 260)
    assert read(None) == (500, 540, 300, 260)


def test_frames_alone_need_the_photos_name(tmp_path):
    frames = [{**TRANSFORMS, "file_path": f"images/{n}.png", "fl_x": 500 + n} for n in range(5)]
    path = write(tmp_path, "transforms.json", {"frames": frames})
    assert intrinsics_from(path, 480, 640, image_name="images/3.png").fx == 503
    with pytest.raises(
        CameraError, match=r"images/0.png, .*, \.\.\.\) have .* no file name to pick"
    ):
        intrinsics_from(path, 480, 640)
    with pytest.raises(CameraError, match=r"'photo.jpg' fits none of them; give the intrinsics of"):
        intrinsics_from(path, 480, 640, image_name="/x/photo.jpg")


def test_frames_that_agree_need_no_name(tmp_path):
    frames = [{**TRANSFORMS, "file_path": f"images/{n}.png"} for n in range(3)]
    path = write(tmp_path, "transforms.json", {"frames": frames})
    assert intrinsics_from(path, 480, 640).fx == 500


def test_folders_tell_equal_file_names_apart(tmp_path):
    frames = [
        {**TRANSFORMS, "file_path": "left/0.png", "fl_x": 501},
        {**TRANSFORMS, "file_path": "right/0.png", "fl_x": 502},
    ]
    path = write(tmp_path, "transforms.json", {"frames": frames})
    assert intrinsics_from(path, 480, 640, image_name="/scan/right/0.png").fx == 502
    with pytest.raises(CameraError, match=r"'0.png' fits several of them"):
        intrinsics_from(path, 480, 640, image_name="0.png")


@pytest.mark.parametrize(
    ("extra", "note"),
    [
        ({"k1": 0.0, "k2": 0}, "t.json"),
        ({"k1": 0.03, "k2": 0, "p2": -1e-4}, "t.json; the lens distortion (k1, p2) is ignored"),
        ({"camera_model": "OPENCV_FISHEYE"}, "t.json; the lens distortion (fisheye) is ignored"),
    ],
)
def test_distortion_is_noted(tmp_path, extra, note):
    path = write(tmp_path, "t.json", {**TRANSFORMS, **extra})
    assert intrinsics_from(path, 480, 640).note == note
    path = write(tmp_path, "t.json", {**NUMBERS, **extra})
    assert intrinsics_from(path, 480, 640).note == note


ONE_F = (500, 500, 300, 260)
TWO_F = (500, 540, 300, 260)


@pytest.mark.parametrize(
    ("model", "parameters", "expected", "noted"),
    [
        ("SIMPLE_PINHOLE", "500 300 260", ONE_F, False),
        ("PINHOLE", "500 540 300 260", TWO_F, False),
        ("SIMPLE_RADIAL", "500 300 260 -0.02", ONE_F, True),
        ("SIMPLE_RADIAL", "500 300 260 0", ONE_F, False),
        ("RADIAL", "500 300 260 0.1 0", ONE_F, True),
        ("OPENCV", "500 540 300 260 0 0 0 1e-4", TWO_F, True),
        ("OPENCV", "500 540 300 260 0 0 0 0", TWO_F, False),
        ("OPENCV_FISHEYE", "500 540 300 260 0 0 0 0", TWO_F, True),
        ("FULL_OPENCV", "500 540 300 260 1 2 3 4 5 6 7 8", TWO_F, True),
        ("FOV", "500 540 300 260 0.9", TWO_F, True),
        ("SIMPLE_RADIAL_FISHEYE", "500 300 260 0.1", ONE_F, True),
        ("RADIAL_FISHEYE", "500 300 260 0.1 0.2", ONE_F, True),
        ("THIN_PRISM_FISHEYE", "500 540 300 260 1 2 3 4 5 6 7 8", TWO_F, True),
        ("RAD_TAN_THIN_PRISM_FISHEYE", "500 540 300 260" + 12 * " 0", TWO_F, True),
        ("SIMPLE_DIVISION", "500 300 260 0.1", ONE_F, True),
        ("DIVISION", "500 540 300 260 0.1", TWO_F, True),
        ("SIMPLE_FISHEYE", "500 300 260", ONE_F, True),
        ("FISHEYE", "500 540 300 260", TWO_F, True),
        ("EUCM", "500 540 300 260 0.5 1", TWO_F, True),
    ],
)
def test_colmap_models(tmp_path, model, parameters, expected, noted):
    path = write(tmp_path, "cameras.txt", f"7 {model} 640 480 {parameters}\n")
    camera = intrinsics_from(path, 480, 640)
    assert numbers(camera) == expected
    assert (f"the lens distortion ({model}) is ignored" in camera.note) == noted


CAMERAS = "1 PINHOLE 640 480 500 540 300 260\n4 SIMPLE_PINHOLE 640 480 520 300 260\n"
# The second image has no points, so that an empty line follows it.
IMAGES = (
    "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n"
    "1 1 0 0 0 0 0 0 4 dslr/my photo.JPG\n2362.39 248.498 58396 1784.7 268.254 59027\n"
    "2 1 0 0 0 0 0 0 1 dslr/DSC_2.JPG\n\n"
    "3 1 0 0 0 0 0 0 4 dslr/DSC_3.JPG\n\n"
)


def test_colmap_picks_the_photos_camera(tmp_path):
    path = write(tmp_path, "cameras.txt", CAMERAS)
    write(tmp_path, "images.txt", IMAGES)
    for name, fx in (("my photo.jpg", 520), ("x/dslr/DSC_2.JPG", 500), ("DSC_3.png", 520)):
        assert intrinsics_from(path, 480, 640, image_name=name).fx == fx
    with pytest.raises(CameraError, match=r"several cameras \(1, 4\).*'a.jpg' fits none of them"):
        intrinsics_from(path, 480, 640, image_name="a.jpg")


def test_colmap_without_images_needs_cameras_that_agree(tmp_path):
    path = write(tmp_path, "cameras.txt", CAMERAS)
    with pytest.raises(CameraError, match=r"several cameras \(1, 4\) .* \(missing\)"):
        intrinsics_from(path, 480, 640, image_name="DSC_2.JPG")
    same = "1 PINHOLE 640 480 500 540 300 260\n2 PINHOLE 640 480 500 540 300 260\n"
    assert intrinsics_from(write(tmp_path, "cameras.txt", same), 480, 640).fx == 500


def test_colmap_images_that_are_none(tmp_path):
    path = write(tmp_path, "cameras.txt", CAMERAS)
    write(tmp_path, "images.txt", "1 2 3\n")
    with pytest.raises(CameraError, match=r"images.txt: '1 2 3' describes no image"):
        intrinsics_from(path, 480, 640, image_name="a.jpg")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("K.json", "", r"K.json: is empty; accepted: JSON"),
        ("K.json", "fx = 3", r"K.json: is not valid JSON \(Expecting value"),
        ("K.json", "[[500, 0, 300], [0, 540, 260]", "is not valid JSON"),
        ("K.json", "[" * 100_000, "is not valid JSON"),
        ("K.json", "3", "holds neither a matrix nor an object; accepted: JSON"),
        ("K.json", {"fx": 500, "cx": 300}, "K.json: fy, cy missing; accepted: JSON"),
        ("K.json", {}, "fx, fy, cx, cy missing"),
        ("K.json", {**NUMBERS, "fx": "500"}, "K.json: fx is '500'; it must be a number"),
        ("K.json", {**NUMBERS, "cy": None}, "cy is None; it must be a number"),
        ("K.json", {**NUMBERS, "fx": True}, "fx is True; it must be a number"),
        ("K.json", {**NUMBERS, "fy": 0}, "K.json: fy is 0; it must be a positive"),
        ("K.json", {**NUMBERS, "cx": math.nan}, "cx is nan; it must be a finite"),
        ("K.json", {**NUMBERS, "cx": 10**400}, "cx is too large"),
        ("K.json", {**NUMBERS, "width": 640}, "states width alone; height and width are needed"),
        (
            "K.json",
            {**NUMBERS, "width": 640, "height": 0},
            "height is 0; it must be a whole number",
        ),
        (
            "K.json",
            {**NUMBERS, "width": 640.5, "height": 480},
            "width is 640.5; it must be a whole",
        ),
        ("K.json", {**NUMBERS, "width": math.inf, "height": 480}, "width is inf"),
        ("K.json", {**NUMBERS, "k1": "much"}, "k1 is 'much'"),
        ("K.json", {"K": [[1, 2], [3, 4]]}, r"K.json: K: the matrix has shape \(2, 2\)"),
        ("K.json", [["500", 0, 0]] * 3, "K.json: expected a 3 x 3 matrix of numbers"),
        ("K.json", np.transpose(K).tolist(), "K.json: .* the matrix is transposed"),
        ("t.json", {"fl_x": "500"}, "t.json: fl_x is '500'"),
        ("t.json", {"frames": []}, "t.json: fl_x or camera_angle_x missing"),
        ("t.json", {"frames": 3}, "frames is not a list of objects"),
        ("t.json", {"frames": [{"file_path": "a"}]}, "frame 'a': fl_x or camera_angle_x missing"),
        ("t.json", {**TRANSFORMS, "fl_y": -1}, "t.json: fl_y?|fy is -1"),
        ("t.json", {"camera_angle_x": 60}, "camera_angle_x is 60; .* between 0 and pi radians"),
        ("t.json", {**TRANSFORMS, "camera_model": "EQUIRECTANGULAR"}, "no pinhole intrinsics"),
        ("c.txt", "1 EQUIRECTANGULAR 640 480 640 480", "camera 1: model 'EQUIRECTANGULAR' is not"),
        ("c.txt", "1 PINHOLE 640 480 500 540 300", "camera 1: PINHOLE takes 4 parameters, .* 3"),
        (
            "c.txt",
            "1 PINHOLE 640 480 500 a 300 260",
            "camera 1: expected MODEL WIDTH HEIGHT PARAMS",
        ),
        ("c.txt", "1 PINHOLE", "camera 1: expected MODEL WIDTH"),
        ("c.txt", "1 PINHOLE 640 -480 500 540 300 260", "HEIGHT is -480; it must be a whole"),
        ("c.txt", "1 PINHOLE 640 480 0 540 300 260", "camera 1: fx is 0; it must be a positive"),
        ("c.txt", "1 PINHOLE 640 480 1 2 3 4\nfree text", "camera free: model 'text' is not"),
        ("K.txt", "500 0 300\n0 540 260\n", "6 numbers in 2 lines; expected 3 lines of 3"),
        ("K.txt", "500 0 300 0 0 540 260 0 0 0 1 0", "12 numbers in 1 lines"),
        ("K.txt", "500 0 abc\n0 540 260\n0 0 1", "K.txt: is not a file of intrinsics .*'abc'"),
        ("K.txt", "nan 0 300\n0 540 260\n0 0 1", r"K\[0\]\[0\] is nan"),
        ("K.txt", "# nothing but a comment", "0 numbers in 0 lines"),
        ("K.npy", b"\x93NUMPY\x01\x00v", "K.npy: is not a readable .npy file"),
        ("K.npy", b"\x93NUMPY\x01\x00\x0a\x00{'descr': (", "K.npy: is not a readable .npy file"),
        ("cameras.bin", b"\x01\x00\x00\xff\xfe", "colmap model_converter --output_type TXT"),
        ("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "photo.jpg: is not a file of intrinsics"),
    ],
)
def test_files_that_cannot_be_used_are_refused(tmp_path, name, content, message):
    with pytest.raises(CameraError, match=message) as caught:
        intrinsics_from(write(tmp_path, name, content), 480, 640)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_pickled_npy_is_refused(tmp_path):
    np.save(tmp_path / "K.npy", np.array([{"fx": 500}], object), allow_pickle=True)
    with pytest.raises(CameraError, match=r"K.npy: is not a readable .npy file"):
        intrinsics_from(tmp_path / "K.npy", 480, 640)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(CameraError, match=r"K.json: there is no such file of intrinsics"):
        intrinsics_from(tmp_path / "K.json", 480, 640)
    with pytest.raises(CameraError, match=r"is a folder; give a file, such as the cameras.txt"):
        intrinsics_from(tmp_path, 480, 640)
