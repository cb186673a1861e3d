"""What a data set was made with, and every file that a sample of one needs."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from data_set_trees import planted, write_npy, write_photo, write_png, write_text

from mfh.datasets import DATA_SETS, open_data_set
from mfh.datasets.folder import Folder
from mfh.datasets.index_file import sample_name
from mfh.datasets.missing import missing_files
from mfh.errors import InputError, SettingsError
from mfh.evaluation.runs.predictions import PredictionFolder

DRIVE = "2011_09_26_drive_0002_sync"


def add_nyu(root):
    write_photo(root / "bathroom" / "rgb_00045.jpg", 480, 640)
    write_png(root / "bathroom" / "sync_depth_00045.png", planted(480, 640, a=(9, 9, 2000)))
    return {"rgb_00045.jpg", "sync_depth_00045.png"}


def add_kitti(root):
    write_photo(root / "raw/2011_09_26" / DRIVE / "image_02/data/0000000069.png", 375, 1242)
    truth = planted(375, 1242, a=(99, 99, 2560))
    write_png(root / "gts" / DRIVE / "proj_depth/groundtruth/image_02/0000000069.png", truth)
    return {"0000000069.png"}


def add_ibims(root):
    for folder in ("rgb", "depth", "mask_invalid", "mask_transp"):
        write_png(root / folder / "x_01.png", np.full((480, 640), 255, np.uint16))
    for folder in ("mask_invalid", "mask_transp"):
        write_png(root / folder / "x_01.png", np.full((480, 640), 255, np.uint8))
    write_photo(root / "rgb" / "x_01.png", 480, 640)
    write_text(root / "calib" / "x_01.txt", "559.62,558.14,361.87,241.99\n")
    return {"x_01.png", "x_01.txt"}


def add_diode(root):
    scan = root / "scene_00019" / "scan_00183"
    write_photo(scan / "a.png", 768, 1024)
    for name in ("a_depth.npy", "a_depth_mask.npy"):
        write_npy(scan / name, np.ones((768, 1024), np.float32))
    return {"a.png", "a_depth.npy", "a_depth_mask.npy"}


def add_eth3d(root):
    scene = root / "office"
    write_photo(scene / "images" / "dslr_images" / "a.JPG", 240, 360)
    truth = scene / "ground_truth_depth" / "dslr_images" / "a.JPG"
    truth.parent.mkdir(parents=True)
    np.ones((240, 360), "<f4").tofile(truth)
    camera = "0 THIN_PRISM_FISHEYE 360 240 204 205 180 120 0 0 0 0 0 0 0 0\n"
    write_text(scene / "dslr_calibration_jpg" / "cameras.txt", camera)
    image = "0 1 0 0 0 0 0 0 0 dslr_images/a.JPG\n\n"
    write_text(scene / "dslr_calibration_jpg" / "images.txt", image)
    return {"a.JPG", "cameras.txt"}


def add_folder(root):
    write_photo(root / "a.jpg", 48, 64)
    write_npy(root / "a.npy", np.full((48, 64), 2, np.float32))
    write_png(root / "mask.png", np.full((48, 64), 255, np.uint8))
    write_text(root / "k.json", '{"fx": 70, "fy": 71, "cx": 31, "cy": 23}')
    write_text(root / "index.csv", "photo,depth,mask,camera\na.jpg,a.npy,mask.png,k.json\n")
    return {"a.jpg", "a.npy", "mask.png", "k.json"}


def add_labels(root):
    write_photo(root / "a.png", 48, 64)
    line = {"image": "a.png", "intrinsics": [50, 50, 32, 24, 64, 48]}
    line |= {"pixel_coords": [[3, 4]], "depth": [2.0]}
    write_text(root / "all.jsonl", json.dumps(line))
    return {"a.png"}


ADD = {
    "nyu": add_nyu,
    "kitti": add_kitti,
    "ibims": add_ibims,
    "diode": add_diode,
    "eth3d": add_eth3d,
    "folder": add_folder,
    "labels": add_labels,
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_file_of_a_sample_is_needed(tmp_path, name):
    root = tmp_path / name
    expected = ADD[name](root)
    data = open_data_set(name, root)
    sample = next(s for s in data.samples() if s.photo.is_file() and s.truth.is_file())
    files = data.files(sample)
    assert files[0] == sample.photo
    assert {path.name for path in files} == expected
    assert missing_files(data, [sample]) == {}
    data.photo(sample)
    assert np.isfinite(data.truth(sample)).any()
    for path in files:
        content = path.read_bytes()
        path.unlink()
        assert missing_files(data, [sample]) == {sample.name: str(path)}
        with pytest.raises(InputError, match=path.name):
            _ = data.photo(sample), data.truth(sample)
        path.write_bytes(content)


def test_kittis_calibration_counts_where_it_is_there_or_nothing_else_is_known(tmp_path):
    add_kitti(tmp_path)
    data = open_data_set("kitti", tmp_path)
    sample = next(s for s in data.samples() if s.photo.is_file())
    calibration = tmp_path / "raw" / "2011_09_26" / "calib_cam_to_cam.txt"
    assert calibration not in data.files(sample)
    write_text(calibration, "")
    assert calibration in data.files(sample)
    drive = "2011_10_04/2011_10_04_drive_0001_sync"
    write_text(tmp_path / "list.txt", f"{drive} 0000000007 l")
    unknown = open_data_set("kitti", tmp_path, split=tmp_path / "list.txt")
    files = unknown.files(unknown.samples()[0])
    assert tmp_path / "raw" / "2011_10_04" / "calib_cam_to_cam.txt" in files


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("nyu", {}, {}),
        ("ibims", {}, {}),
        ("kitti", {}, {}),
        ("folder", {}, {"max_m": 80.0, "min_m": 1e-3, "crop": "none"}),
        (
            "folder",
            {"max_m": "10", "crop": "eigen", "depth_scale": "mm", "camera": "k.json"},
            {"max_m": 10.0, "min_m": 1e-3, "crop": "eigen", "depth_scale": 0.001}
            | {"camera": "k.json"},
        ),
        (
            "labels",
            {"max_m": "1e1", "labelled": "depth", "images": "../photos"},
            {"max_m": 10.0, "min_m": 1e-3, "labelled": "depth", "images": "../photos"},
        ),
    ],
)
def test_options_make_the_same_data_set_again(tmp_path, name, options, expected):
    data = open_data_set(name, tmp_path, **options)
    assert data.options == expected
    stored = json.loads(json.dumps(data.options))
    assert open_data_set(name, tmp_path, **stored) == data
    assert type(data.options.get("max_m", 0.0)) is float


def test_one_option_in_two_spellings_is_the_same(tmp_path):
    spellings = [{"max_m": m, "depth_scale": s} for m, s in (("10", "mm"), ("10.0", "1e-3"))]
    first, second = (open_data_set("folder", tmp_path, **each).options for each in spellings)
    assert first == second == open_data_set("folder", tmp_path, max_m=10, depth_scale="mm").options


def test_a_split_is_found_from_any_folder(tmp_path, monkeypatch):
    add_kitti(tmp_path)
    write_text(tmp_path / "list.txt", f"2011_09_26/{DRIVE} 0000000069 l")
    monkeypatch.chdir(tmp_path)
    data = open_data_set("kitti", Path("raw").parent, split="list.txt")
    assert data.options == {"split": str(tmp_path / "list.txt")}
    monkeypatch.chdir(tmp_path / "raw")
    again = open_data_set("kitti", tmp_path, **data.options)
    assert [sample.name for sample in again.samples()] == [f"{DRIVE}/0000000069"]


def test_options_of_a_wrong_kind(tmp_path):
    with pytest.raises(InputError, match=r"option 'max_m' .* is \[10\]; it must be a number"):
        open_data_set("folder", tmp_path, max_m=[10])
    with pytest.raises(SettingsError, match="depth scale 'inch'; accepted: mm, kitti"):
        open_data_set("folder", tmp_path, depth_scale="inch")


@pytest.mark.parametrize(
    ("photo", "name"),
    [
        ("Küche/Süd_1.jpg", "Küche/Süd_1"),
        (unicodedata.normalize("NFD", "Küche/Süd_1.jpg"), "Küche/Süd_1"),
        ("数据/中.png", "数据/中"),
        ("con/nul.tar/a..jpg", "_con/_nul.tar/a"),
        ("d:/..//.a (1)+.jpg", "a__1__"),
    ],
)
def test_names_of_samples_name_files_on_any_system(tmp_path, photo, name):
    assert sample_name(photo) == name
    PredictionFolder(tmp_path).failed(name, "why")
    assert PredictionFolder(tmp_path).failure(name) == "why"


def test_one_name_in_two_spellings_is_refused(tmp_path):
    write_text(
        tmp_path / "index.csv",
        "photo,depth\nü.jpg,a.png\n" + unicodedata.normalize("NFD", "ü.jpg,b.png\n"),
    )
    with pytest.raises(InputError, match="line 3: 'ü' is there already"):
        Folder(tmp_path).samples()


def test_the_map_is_read_once_and_the_photo_not_decoded(tmp_path, monkeypatch):
    add_folder(tmp_path)
    data = Folder(tmp_path)
    (sample,) = data.samples()
    loads = []
    load = np.load
    monkeypatch.setattr(np, "load", lambda path, **kw: loads.append(path) or load(path, **kw))
    content = sample.photo.read_bytes()
    # The header alone: the pixels are gone.
    sample.photo.write_bytes(content[: content.index(b"\xff\xda") + 16])
    assert data.truth(sample).shape == (48, 64)
    assert loads == [sample.truth]
