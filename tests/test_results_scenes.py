from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from depth_scenes import CAMERA, HEIGHT, WIDTH, photo, random_depth, result
from numpy.typing import NDArray
from PIL import Image

from mfh.camera import intrinsics_from
from mfh.errors import InputError
from mfh.results.scenes import write_colmap, write_nerfstudio


def lines_of(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in text if not line.startswith("#")]


def rotation(w: float, x: float, y: float, z: float) -> NDArray[np.float64]:
    """The matrix of a unit quaternion."""
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_points_of_colmap_project_onto_their_pixels(tmp_path: Path) -> None:
    depth_m, image = random_depth(), photo()
    assert write_colmap(tmp_path / "colmap", result(depth_m), image) == tmp_path / "colmap"
    model = tmp_path / "colmap" / "sparse" / "0"
    (camera,) = lines_of(model / "cameras.txt")
    assert camera[:2] == ["1", "PINHOLE"]
    assert camera[2:4] == [str(WIDTH), str(HEIGHT)]
    fx, fy, cx, cy = map(float, camera[4:])
    pose, observed = lines_of(model / "images.txt")
    stored = np.asarray(Image.open(tmp_path / "colmap" / "images" / pose[9]))
    assert np.array_equal(stored, image)
    assert pose[0] == pose[8] == "1"
    world_to_camera = rotation(*map(float, pose[1:5]))
    seen = np.array(observed, np.float64).reshape(-1, 3)
    points = {int(words[0]): words[1:] for words in lines_of(model / "points3D.txt")}
    assert len(points) == len(seen) == HEIGHT * WIDTH - 3
    for x_px, y_px, number in seen:
        *xyz, red, green, blue, _, image_id, observation = map(float, points[int(number)])
        x, y, z = world_to_camera @ xyz + np.array(pose[5:8], np.float64)
        assert (fx * x / z + cx, fy * y / z + cy) == pytest.approx((x_px, y_px), abs=1e-4)
        row, column = int(y_px), int(x_px)
        assert (x_px, y_px) == (column + 0.5, row + 0.5)
        assert z == pytest.approx(depth_m[row, column], rel=1e-7)
        assert [red, green, blue] == image[row, column].tolist()
        assert image_id == 1
        assert seen[int(observation), 2] == number


def test_large_photos_give_colmap_a_grid_of_points(tmp_path: Path) -> None:
    write_colmap(tmp_path, result(random_depth()), photo(), max_points=100)
    points = lines_of(tmp_path / "sparse" / "0" / "points3D.txt")
    assert 50 <= len(points) <= 100


def test_where_nothing_is_known_colmap_has_the_camera_alone(tmp_path: Path) -> None:
    write_colmap(tmp_path, result(np.full((HEIGHT, WIDTH), np.nan)), photo())
    model = tmp_path / "sparse" / "0"
    assert lines_of(model / "points3D.txt") == []
    text = (model / "images.txt").read_text(encoding="utf-8")
    assert text.endswith(" 1 photo.png\n\n")  # an image is two lines, the second may be empty
    assert intrinsics_from(model / "cameras.txt", HEIGHT, WIDTH).fx == CAMERA.fx


def test_rays_of_nerfstudio_end_at_the_points(tmp_path: Path) -> None:
    depth_m, image = random_depth(), photo()
    depth = result(depth_m)
    write_nerfstudio(tmp_path, depth, image)
    scene = json.loads((tmp_path / "transforms.json").read_text(encoding="utf-8"))
    (frame,) = scene["frames"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / frame["file_path"])), image)
    assert (scene["w"], scene["h"]) == (WIDTH, HEIGHT)
    millimetres = np.asarray(Image.open(tmp_path / frame["depth_file_path"]))
    unknown = np.isnan(depth_m) | (depth_m > 65)
    assert np.count_nonzero(unknown) == 3
    assert np.array_equal(millimetres == 0, unknown)
    z = millimetres * 1e-3
    np.testing.assert_allclose(z[~unknown], depth_m[~unknown], atol=5.1e-4)
    # A pixel's ray goes through its centre, in axes x right, y up, z backward.
    x_px, y_px = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    x, y = (x_px - scene["cx"]) / scene["fl_x"], -(y_px - scene["cy"]) / scene["fl_y"]
    ray = np.stack([x, y, -np.ones_like(x)], axis=-1)
    camera_to_world = np.array(frame["transform_matrix"], np.float64)
    points = (z[..., None] * ray) @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]
    np.testing.assert_allclose(points[~unknown], depth.points()[~unknown], atol=1e-3)


def test_both_cameras_are_read_back_as_they_were(tmp_path: Path) -> None:
    depth = result(random_depth())
    write_colmap(tmp_path / "c", depth, photo())
    write_nerfstudio(tmp_path / "n", depth, photo())
    for path in ("c/sparse/0/cameras.txt", "n/transforms.json"):
        camera = intrinsics_from(tmp_path / path, HEIGHT, WIDTH, image_name="photo.png")
        read = camera.fx, camera.fy, camera.cx, camera.cy, camera.height, camera.width
        assert read == (52.5, 61.25, 21.3, 13.7, HEIGHT, WIDTH)
        assert "distortion" not in camera.note


def test_they_say_what_they_are(tmp_path: Path) -> None:
    depth = result(random_depth(), parts={"painter": "simulated: rendered bodies"})
    write_colmap(tmp_path / "c", depth, photo())
    write_nerfstudio(tmp_path / "n", depth, photo())
    for name in ("cameras.txt", "images.txt", "points3D.txt"):
        text = (tmp_path / "c" / "sparse" / "0" / name).read_text(encoding="utf-8")
        assert text.startswith("# Simulated. Metric depth of one photo")
    scene = json.loads((tmp_path / "n" / "transforms.json").read_text(encoding="utf-8"))
    assert scene["comment"].startswith("Simulated. Metric depth of one photo")
    with Image.open(tmp_path / "n" / "depth" / "photo.png") as picture:
        assert "0: unknown, or 65.535 m or farther." in picture.info["Description"]


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    for write in (write_colmap, write_nerfstudio):
        with pytest.raises(InputError, match=r"\(30, 40, 3\) uint8 RGB"):
            write(tmp_path / "scene", result(random_depth()), photo()[:, 1:])
    assert list(tmp_path.iterdir()) == []
