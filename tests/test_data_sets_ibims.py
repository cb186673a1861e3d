"""iBims-1 as `ibims1_core_raw` unpacks."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from data_set_trees import planted, write_photo, write_png, write_text

from mfh.datasets import open_data_set
from mfh.datasets.ibims import Ibims
from mfh.errors import CameraError, InputError


@pytest.fixture
def core(tmp_path):
    """Two photos; of the first one, two known depths are masked."""
    core = tmp_path / "ibims" / "ibims1_core_raw"
    for name in ("corridor_02", "corridor_01"):
        write_photo(core / "rgb" / f"{name}.png", 480, 640)
        depth = planted(
            480, 640, a=(50, 60, 13107), b=(51, 60, 65535), c=(52, 60, 500), d=(53, 60, 600)
        )
        write_png(core / "depth" / f"{name}.png", depth)
        valid = np.full((480, 640), 255, np.uint8)
        valid[52, 60] = 0
        write_png(core / "mask_invalid" / f"{name}.png", valid)
        opaque = np.ones((480, 640), np.uint8)
        opaque[53, 60] = 0
        write_png(core / "mask_transp" / f"{name}.png", opaque)
        write_text(core / "calib" / f"{name}.txt", "559.62,558.14,361.87,241.99\n")
    write_text(core / "imagelist.txt", "corridor_02\ncorridor_01\n")
    return core


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_photos_in_the_order_of_the_list(core, levels):
    data_set = open_data_set("ibims", [core, *core.parents][levels])
    assert [sample.name for sample in data_set.samples()] == ["corridor_02", "corridor_01"]
    assert data_set.samples()[0].truth == core / "depth" / "corridor_02.png"


def test_truth_is_enough_to_score_on(core):
    whole = Ibims(core)
    truth = whole.truth(whole.samples()[0])
    for name in ("rgb", "calib"):
        shutil.rmtree(core / name)
    assert Ibims(core.parent).samples() == whole.samples()
    np.testing.assert_array_equal(Ibims(core).truth(whole.samples()[0]), truth)
    assert Ibims(core).check().found == 0


def test_depth_units_and_masks(core):
    data_set = Ibims(core)
    truth = data_set.truth(data_set.samples()[0])
    assert truth.dtype == np.float32
    assert truth[50, 60] == np.float32(10.0)  # a fifth of the range of 50 m
    assert truth[51, 60] == np.float32(50.0)
    assert np.isnan(truth[52, 60])  # invalid
    assert np.isnan(truth[53, 60])  # transparent
    assert np.isfinite(truth).sum() == 2


def test_each_photo_has_its_own_camera(core):
    write_text(core / "calib" / "corridor_01.txt", "600.5,601.5,320.25,240.75")
    data_set = Ibims(core)
    cameras = [data_set.photo(sample).camera for sample in data_set.samples()]
    assert [(c.fx, c.fy, c.cx, c.cy) for c in cameras] == [
        (559.62, 558.14, 361.87, 241.99),
        (600.5, 601.5, 320.25, 240.75),
    ]
    assert (cameras[0].height, cameras[0].width) == (480, 640)


def test_protocol():
    protocol = Ibims.protocol
    assert (protocol.min_m, protocol.max_m, protocol.crop) == (1e-3, 10.0, "eigen")


@pytest.mark.parametrize("gone", ["rgb", "depth", "mask_invalid", "mask_transp"])
def test_missing_files_are_named(core, gone):
    path = core / gone / "corridor_01.png"
    path.unlink()
    data_set = Ibims(core)
    checked = data_set.check()
    assert (checked.expected, checked.found) == (2, 1)
    assert checked.missing == {"corridor_01": str(path)}
    sample = data_set.samples()[1]
    read = data_set.photo if gone == "rgb" else data_set.truth
    with pytest.raises(InputError, match=r"corridor_01\.png: there is no such file; unpack it"):
        read(sample)
    read(data_set.samples()[0])


def test_missing_and_broken_calibration(core):
    (core / "calib" / "corridor_01.txt").unlink()
    write_text(core / "calib" / "corridor_02.txt", "559.62,558.14")
    data_set = Ibims(core)
    first, second = data_set.samples()
    with pytest.raises(CameraError, match=r"corridor_02\.txt"):
        data_set.photo(first)
    with pytest.raises(InputError, match=r"corridor_01\.txt: there is no such file"):
        data_set.photo(second)
    assert data_set.check().missing["corridor_01"].endswith("corridor_01.txt")


def test_without_the_list_the_100_photos_are_counted(core):
    (core / "imagelist.txt").unlink()
    (core / "rgb" / "corridor_02.png").unlink()
    data_set = Ibims(core)
    assert [sample.name for sample in data_set.samples()] == ["corridor_01", "corridor_02"]
    checked = data_set.check()
    assert (checked.expected, checked.found) == (100, 1)
    assert checked.missing["rgb"] == f"{core / 'rgb'}: 2 of 100 photos"
    assert checked.missing["corridor_02"] == str(core / "rgb" / "corridor_02.png")
    text = "\n".join(checked.lines)
    assert "without imagelist.txt" in text
    assert "1 of 100" in text
    assert "ibims1_core_raw.zip (55 MB)" in text


def test_a_list_of_something_else_is_refused(core):
    write_text(core / "imagelist.txt", "rgb/corridor_01.png depth/corridor_01.png\n")
    with pytest.raises(InputError, match=r"imagelist\.txt: expected the names of the photos"):
        Ibims(core).samples()


def test_wrong_depth_masks_and_sizes(core):
    data_set = Ibims(core)
    sample = data_set.samples()[0]
    write_photo(core / "mask_transp" / "corridor_02.png", 480, 640)
    with pytest.raises(InputError, match=r"corridor_02\.png: has shape .* expected a grey mask"):
        data_set.truth(sample)
    write_png(core / "mask_invalid" / "corridor_02.png", np.ones((240, 320), np.uint8))
    with pytest.raises(InputError, match=r"320 x 240 px, but masks of iBims-1 have 640 x 480 px"):
        data_set.truth(sample)
    write_png(sample.truth, np.ones((480, 640), np.uint8))
    with pytest.raises(InputError, match="8-bit grey"):
        data_set.truth(sample)
    write_photo(sample.photo, 240, 320)
    with pytest.raises(InputError, match=r"corridor_02\.png: 320 x 240 px"):
        data_set.photo(sample)


def test_real_photos_and_cameras(shared, core):
    labels = shared / "data" / "ibims1" / "labels.jsonl"
    rows = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        name = row["image"].removeprefix("rgb/").removesuffix(".png")
        shutil.copy(shared / "data" / "ibims1" / row["image"], core / "rgb")
        write_text(core / "calib" / f"{name}.txt", ",".join(map(str, row["intrinsics"][:4])))
    data_set = Ibims(core)
    write_text(core / "imagelist.txt", "\n".join(row["image"][4:-4] for row in rows))
    samples = data_set.samples()
    assert len(samples) == len(rows) == 30
    for sample, row in zip(samples, rows):
        photo = data_set.photo(sample)
        camera = photo.camera
        stated = [camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height]
        assert stated == row["intrinsics"]
