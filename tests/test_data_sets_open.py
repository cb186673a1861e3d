"""Opening data sets by name, and what a check says of their folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import start
from mfh_cli.data_set_check import check_lines, recognised
from PIL import Image

from mfh.datasets import DATA_SETS, Checked, open_data_set
from mfh.datasets.checking import missing_lines
from mfh.datasets.folder import Folder
from mfh.datasets.recognise import looks_like, recognise
from mfh.errors import InputError


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_name_opens_its_data_set(tmp_path, name):
    data = open_data_set(name, tmp_path)
    assert data.name == name
    assert data.title == DATA_SETS[name]
    assert data.root == tmp_path
    assert data.protocol.min_m < data.protocol.max_m


def test_options_reach_the_data_set_also_as_texts(tmp_path):
    data = open_data_set("folder", str(tmp_path), max_m="10", crop="eigen", depth_scale="mm")
    assert data == Folder(tmp_path, max_m=10.0, crop="eigen", depth_scale="mm")
    assert data.protocol.max_m == 10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nyuu", r"data set 'nyuu': did you mean 'nyu'\? there are nyu, kitti, ibims"),
        ("scannet", r"data set 'scannet': there are nyu, kitti"),
    ],
)
def test_unknown_names(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        open_data_set(name, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"maxm": 10}, r"option 'maxm' of data set 'folder': did you mean 'max_m'\? there are max"),
        ({"index": 1}, "option 'index' of data set 'folder': there are max_m, min_m"),
        ({"max_m": "ten"}, "option 'max_m' of data set 'folder' is 'ten'; it must be a number"),
    ],
)
def test_unknown_options(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        open_data_set("folder", tmp_path, **options)


def test_roots_that_are_no_folders(tmp_path):
    file = tmp_path / "labels.jsonl"
    with pytest.raises(InputError, match=r"labels.jsonl: there is no such folder; of NYU .* give"):
        open_data_set("nyu", file)
    file.write_text("")
    with pytest.raises(InputError, match=r"is a file; of NYU .* give its folder .--data"):
        open_data_set("nyu", file)
    assert open_data_set("labels", file).root == file
    with pytest.raises(InputError, match="give its folder, or its index file"):
        open_data_set("folder", tmp_path / "none")


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


LAYOUTS = {
    "nyu": ["official_splits/test/bathroom/sync_depth_00045.png", "test/kitchen/filled_0001.png"],
    "kitti": ["raw/2011_09_26/x", "gts/2011_09_26_drive_0002_sync/proj_depth/x"],
    "ibims": ["ibims1_core_raw/rgb/corridor_01.png", "mask_invalid/corridor_01.png"],
    "diode": ["val/indoors/scene_00019/scan_00183/x", "scene_1/scan_2/a_depth_mask.npy"],
    "eth3d": ["rgb/delivery_area/dslr_calibration_jpg/cameras.txt", "depth/pipes_dslr_depth/x"],
    "folder": ["index.csv", "index.jsonl"],
}


@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name, files in LAYOUTS.items() for file in files]
)
def test_folders_are_recognised(tmp_path, name, file):
    assert recognise(tmp_path) is None
    touch(tmp_path / file)
    found = recognise(tmp_path)
    assert found is not None and found[0] == name


def test_labels_and_pairs_of_folders_are_recognised(tmp_path):
    (tmp_path / "val.jsonl").write_text("no json\n")
    assert recognise(tmp_path) is None
    (tmp_path / "val.jsonl").write_text(json.dumps({"image": "a", "pixel_coords": []}) + "\n")
    assert recognise(tmp_path) == ("labels", "labelled pixels")
    pairs = tmp_path / "pairs"
    (pairs / "rgb").mkdir(parents=True)
    (pairs / "depth").mkdir()
    assert recognise(pairs) == ("folder", "a folder of photos with depth maps")


def test_a_check_names_the_data_set_that_a_folder_looks_like(tmp_path):
    root = tmp_path / "my data"
    touch(root / "ibims1_core_raw" / "rgb" / "x.png")
    lines = check_lines(open_data_set("folder", root))
    assert lines[0] == f"photos with depth maps in {root}"
    assert "holds no photos with depth maps" in lines[1]
    assert lines[2] == f'this looks like iBims-1: mfh evaluate ibims --data "{root}"'


def test_a_check_names_the_folder_inside_that_is_meant(tmp_path):
    touch(tmp_path / "sets" / "index.csv")
    assert looks_like("folder", tmp_path) == (
        "the folder sets in it looks like a folder of photos with depth maps: "
        f"mfh evaluate folder --data {tmp_path / 'sets'}"
    )
    assert looks_like("folder", tmp_path / "sets") == ""
    assert looks_like("folder", tmp_path / "none") == ""


def test_a_check_that_fails_for_its_options_looks_for_no_other_data_set(tmp_path):
    touch(tmp_path / "raw/2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.png")
    data = open_data_set("kitti", tmp_path, split=tmp_path / "none.txt")
    assert looks_like("kitti", tmp_path)
    lines = check_lines(data)
    assert len(lines) == 2
    assert lines[1].startswith(f"{tmp_path / 'none.txt'}: there is no such list of photos")


def test_all_data_sets_in_a_folder_are_recognised(tmp_path):
    touch(tmp_path / "a_nyu" / "test" / "kitchen" / "filled_0001.png")
    touch(tmp_path / "b_kitti" / "raw" / "2011_09_26" / "x")
    touch(tmp_path / "c" / "beach.jpg")
    assert recognised(tmp_path) == [
        ("nyu", tmp_path / "a_nyu"),
        ("kitti", tmp_path / "b_kitti"),
    ]
    assert recognised(tmp_path / "a_nyu") == [("nyu", tmp_path / "a_nyu")]
    with pytest.raises(InputError, match="looks like none of the data sets; say which"):
        recognised(tmp_path / "c")


def test_a_check_of_a_data_set_that_is_there_says_what_it_found(tmp_path):
    for name in ("photo", "depth"):
        Image.new("RGB", (64, 48)).save(tmp_path / f"{name}.png")
    (tmp_path / "index.csv").write_text("photo,depth,fov_deg\nphoto.png,depth.png,60\n")
    data = open_data_set("folder", tmp_path)
    expected = [
        f"photos with depth maps in {tmp_path}",
        "layout: listed in index.csv",
        "1 of 1 photos are there with all that belongs to them",
    ]
    assert check_lines(data) == expected
    assert check_lines(data, Checked(("seen",), 1, 1)) == [expected[0], "seen"]


def test_missing_files_are_told_in_few_lines(tmp_path):
    missing = {str(i): str(tmp_path / "a" / f"{i}.png") for i in range(7)}
    assert missing_lines(missing, tmp_path) == [
        *(f"  missing: a/{i}.png" for i in range(5)),
        "  and 2 more",
    ]
    assert missing_lines({"x": "elsewhere/x.png"}, tmp_path) == ["  missing: elsewhere/x.png"]
    assert missing_lines({}, tmp_path) == []


def test_naming_data_sets_loads_nothing_heavy():
    code = (
        "import sys, mfh.datasets\n"
        "loaded = {'torch', 'scipy', 'PIL', 'warp', 'transformers'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    process = start("--version", code=code)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
