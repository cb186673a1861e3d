"""Saving a result by its own method: which files, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from fake_results import robust_depth
from PIL import Image

from mfh.errors import InputError, OutputError
from mfh.results import read_depth_npz
from mfh.results.colour_scale import depth_scale
from mfh.results.formats import DEFAULT_FORMATS, FORMATS

DEPTH = robust_depth(np.linspace(1.5, 6, 40 * 60).reshape(40, 60))
IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".npz", ".NPZ", ".ply", ".png", ".glb", ".exr"])
def test_the_suffix_tells_the_format_of_a_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"room{suffix}"
    assert DEPTH.save(path) == {suffix[1:].lower(): path}
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    DEPTH.save(str(tmp_path / "room.npz"))
    again = read_depth_npz(tmp_path / "room.npz")
    np.testing.assert_array_equal(again.depth_m, DEPTH.depth_m)
    assert again.camera == DEPTH.camera
    p, q = (3.2, 4), (50, 38.5)
    assert again.distance(p, q) == DEPTH.distance(p, q)


def test_a_folder_gets_the_default_formats(tmp_path: Path) -> None:
    paths = DEPTH.save(tmp_path / "new" / "room")
    assert tuple(paths) == DEFAULT_FORMATS
    for name, path in paths.items():
        assert path == tmp_path / "new" / "room" / FORMATS[name].filename
        assert path.is_file()


def test_a_folder_gets_the_formats_that_are_named(tmp_path: Path) -> None:
    expected = {"exr": tmp_path / "depth.exr", "npz": tmp_path / "depth.npz"}
    for formats in (["exr", "npz"], "exr,npz", ("exr", "npz", "exr")):
        assert DEPTH.save(tmp_path, formats) == expected
    (only,) = DEPTH.save(tmp_path / "v1.2", "npz").values()
    assert only == tmp_path / "v1.2" / "depth.npz"


def test_one_format_goes_into_a_file_of_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "mm.png"
    assert DEPTH.save(path, "png16") == {"png16": path}
    stored = np.asarray(Image.open(path))
    np.testing.assert_allclose(stored / 1000, DEPTH.depth_m, atol=5.1e-4)


def test_a_folder_may_have_a_suffix_if_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "room.ply"
    folder.mkdir()
    assert set(DEPTH.save(folder, "ply,npz").values()) == {
        folder / "points.ply",
        folder / "depth.npz",
    }


@pytest.mark.parametrize(
    "image", [IMAGE, torch.from_numpy(IMAGE).permute(2, 0, 1), Image.fromarray(IMAGE)]
)
def test_points_have_the_photos_colours(image: Any, tmp_path: Path) -> None:
    DEPTH.save(tmp_path / "room.ply", image=image)
    cloud = trimesh.load(tmp_path / "room.ply")
    np.testing.assert_allclose(cloud.vertices, DEPTH.points().reshape(-1, 3), rtol=1e-6)
    np.testing.assert_array_equal(cloud.colors[:, :3], IMAGE.reshape(-1, 3))


def test_without_a_photo_points_have_the_pictures_colours(tmp_path: Path) -> None:
    DEPTH.save(tmp_path / "room.ply")
    cloud = trimesh.load(tmp_path / "room.ply")
    scale = depth_scale(DEPTH.depth_m)
    expected = scale.colours(scale.fraction(DEPTH.depth_m.ravel()))
    np.testing.assert_array_equal(cloud.colors[:, :3], expected)


def test_formats_that_hold_the_photo_ask_for_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^format 'colmap' holds the photo: give it as image$"):
        DEPTH.save(tmp_path / "scene", "npz,colmap")
    assert not (tmp_path / "scene").exists()
    paths = DEPTH.save(tmp_path / "scene", "colmap,nerfstudio", image=IMAGE)
    assert all(path.is_dir() for path in paths.values())
    stored = Image.open(paths["nerfstudio"] / "images" / "photo.png")
    np.testing.assert_array_equal(np.asarray(stored), IMAGE)


@pytest.mark.parametrize(
    ("name", "formats", "told"),
    [
        ("room.tif", None, r"room\.tif: no format has the suffix \.tif; there are \.npz, \.png"),
        ("room.ply", "ply,npz", r"room\.ply: is one file for 2 formats; give a folder"),
        ("room.ply", "npz", r"room\.ply: format 'npz' has \.npz"),
        ("room.ply", "colmap", r"room\.ply: format 'colmap' has no suffix: it is a folder"),
        ("room", "jpg", r"format 'jpg' is unknown; there are npz"),
        ("room", (), r"no format is given"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    name: str, formats: Any, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told):
        DEPTH.save(tmp_path / name, formats, image=IMAGE)
    assert not list(tmp_path.iterdir())


def test_a_photo_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="60 x 40 px"):
        DEPTH.save(tmp_path, image=np.zeros((50, 60, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_a_file_in_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="make its folder first"):
        DEPTH.save(tmp_path / "nowhere" / "room.npz")
