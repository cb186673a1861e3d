"""DIODE's indoor validation set as `val.tar.gz` unpacks."""

from __future__ import annotations

import numpy as np
import pytest
from data_set_trees import colours, write_npy, write_photo

from mfh.datasets import open_data_set
from mfh.datasets.diode import Diode
from mfh.errors import InputError

SCAN = "scene_00021/scan_00189"


def add(indoors, scan, view):
    scene, number = scan[6:11], scan[-5:]
    place = indoors / scan / f"{scene}_{number}_indoors_{view}"
    write_photo(place.with_suffix(".png"), 768, 1024)
    depth = np.zeros((768, 1024, 1), np.float32)
    depth[10, 20], depth[11, 20], depth[12, 20], depth[13, 20] = 2.5, 31.25, 4.0, np.inf
    write_npy(place.with_name(f"{place.name}_depth.npy"), depth)
    mask = np.ones((768, 1024), np.float32)
    mask[12, 20] = 0
    write_npy(place.with_name(f"{place.name}_depth_mask.npy"), mask)


@pytest.fixture
def indoors(tmp_path):
    indoors = tmp_path / "diode" / "val" / "indoors"
    add(indoors, SCAN, "240_030")
    add(indoors, SCAN, "200_010")
    add(indoors, "scene_00019/scan_00183", "000_000")
    return indoors


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_photos_by_name_from_any_folder_above(indoors, levels):
    data_set = open_data_set("diode", [indoors, *indoors.parents][levels])
    assert [sample.name for sample in data_set.samples()] == [
        "scene_00019/scan_00183/00019_00183_indoors_000_000",
        "scene_00021/scan_00189/00021_00189_indoors_200_010",
        "scene_00021/scan_00189/00021_00189_indoors_240_030",
    ]


def test_truth_is_enough_to_score_on(indoors):
    whole = Diode(indoors)
    samples = whole.samples()
    truth = whole.truth(samples[0])
    for sample in samples:
        sample.photo.unlink()
    assert Diode(indoors).samples() == samples
    np.testing.assert_array_equal(Diode(indoors).truth(samples[0]), truth)


def test_depth_counts_where_the_mask_says(indoors):
    data_set = Diode(indoors)
    truth = data_set.truth(data_set.samples()[0])
    assert (truth.dtype, truth.shape) == (np.float32, (768, 1024))
    assert (truth[10, 20], truth[11, 20]) == (2.5, 31.25)
    assert np.isnan(truth[12, 20])  # masked
    assert np.isfinite(truth).sum() == 2  # neither 0 nor inf is a depth


def test_photo_and_camera_of_pixels_that_are_not_square(indoors):
    data_set = Diode(indoors)
    photo = data_set.photo(data_set.samples()[0])
    np.testing.assert_array_equal(photo.image, colours(768, 1024))
    camera = photo.camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (886.81, 927.06, 512.0, 384.0)
    assert (camera.height, camera.width) == (768, 1024)


def test_protocol():
    protocol = Diode.protocol
    assert (protocol.min_m, protocol.max_m, protocol.crop) == (1e-3, 10.0, "none")


def test_check_counts_the_ten_scans(indoors):
    gone = next((indoors / SCAN).glob("*200_010_depth_mask.npy"))
    gone.unlink()
    checked = Diode(indoors).check()
    assert (checked.expected, checked.found) == (325, 2)
    assert checked.missing[f"{SCAN}/00021_00189_indoors_200_010"] == str(gone)
    assert checked.missing[SCAN] == f"{indoors / SCAN}: 2 of 22 photos"
    assert checked.missing["scene_00020/scan_00184"].endswith("0 of 27 photos")
    text = "\n".join(checked.lines)
    assert "2 of 325" in text
    assert "val.tar.gz (2.6 GB)" in text


def test_a_photo_that_is_missing_beside_its_depth_is_listed(indoors):
    next((indoors / SCAN).glob("*200_010.png")).unlink()
    data_set = Diode(indoors)
    sample = data_set.samples()[1]
    assert sample.name == f"{SCAN}/00021_00189_indoors_200_010"
    with pytest.raises(InputError, match=r"200_010\.png: .* mfh evaluate diode --check"):
        data_set.photo(sample)


def test_the_training_set_is_not_read(tmp_path):
    add(tmp_path / "train" / "indoors", "scene_00000/scan_00000", "000_000")
    with pytest.raises(InputError, match="not those of the indoor validation set .scene_00019"):
        Diode(tmp_path / "train" / "indoors").samples()


def test_wrong_arrays_are_named(indoors):
    data_set = Diode(indoors)
    sample = data_set.samples()[0]
    write_npy(sample.truth, np.zeros((3, 768, 1024), np.float32))
    with pytest.raises(InputError, match=r"_depth\.npy: an array \(3, 768, 1024\) of float32"):
        data_set.truth(sample)
    write_npy(sample.truth, np.zeros((384, 512, 1), np.float32))
    with pytest.raises(InputError, match=r"_depth\.npy: 512 x 384 px, but depth maps of DIODE"):
        data_set.truth(sample)
    write_npy(sample.truth, np.full((768, 1024), "deep"))
    with pytest.raises(InputError, match=r"_depth\.npy: an array \(768, 1024\) of <U4"):
        data_set.truth(sample)
    sample.truth.write_bytes(sample.truth.read_bytes()[:500])
    with pytest.raises(InputError, match=r"_depth\.npy: not a readable \.npy file"):
        data_set.truth(sample)
    sample.truth.unlink()
    with pytest.raises(InputError, match=r"_depth\.npy: there is no such file"):
        data_set.truth(sample)
    write_photo(sample.photo, 480, 640)
    with pytest.raises(InputError, match=r"\.png: 640 x 480 px, but photos of DIODE"):
        data_set.photo(sample)
