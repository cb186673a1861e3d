"""What holds for every data set of the paper."""

from __future__ import annotations

import pickle

import pytest
from data_set_trees import write_text
from mfh_cli.data_set_check import check_lines

from mfh.datasets import DATA_SETS, open_data_set
from mfh.errors import InputError

OFFICIAL = {
    "nyu": ("rgb_NNNNN.jpg", "nyu_depth_v2_labeled.mat (2.8 GB)"),
    "kitti": ("image_02/data", "data_depth_annotated.zip (14 GB)"),
    "ibims": ("mask_transp", "ibims1_core_raw.zip (55 MB)"),
    "diode": ("NAME_depth_mask.npy", "val.tar.gz (2.6 GB)"),
    "eth3d": ("dslr_calibration_jpg", "multi_view_training_dslr_jpg.7z (5 GB)"),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_wrong_folder_says_what_was_expected_found_and_where_to_get_it(name, tmp_path):
    write_text(tmp_path / "holiday" / "beach.jpg", "")
    write_text(tmp_path / "notes.txt", "")
    data_set = open_data_set(name, tmp_path)
    layout, archive = OFFICIAL[name]
    for ask in (data_set.samples, data_set.check):
        with pytest.raises(InputError) as caught:
            ask()
        message = str(caught.value)
        assert message.startswith(f"{tmp_path}: not laid out as {DATA_SETS[name]}: expected ")
        assert layout in message
        assert "; it holds holiday, notes.txt. Get " in message
        assert archive in message
        assert "http" in message
    assert any(archive in line for line in check_lines(data_set))


@pytest.mark.parametrize("name", OFFICIAL)
def test_an_empty_folder(name, tmp_path):
    with pytest.raises(InputError, match="it is empty"):
        open_data_set(name, tmp_path).samples()


@pytest.mark.parametrize("name", OFFICIAL)
def test_instances_are_plain_values(name, tmp_path):
    data_set = open_data_set(name, tmp_path)
    assert pickle.loads(pickle.dumps(data_set)) == data_set == open_data_set(name, str(tmp_path))
    assert (data_set.name, data_set.title, data_set.root) == (name, DATA_SETS[name], tmp_path)
    assert data_set.protocol.source


def test_many_entries_are_not_all_listed(tmp_path):
    for number in range(20):
        write_text(tmp_path / f"file_{number:02d}.txt", "")
    with pytest.raises(InputError, match=r"it holds file_00\.txt, .*file_05\.txt and 14 more\."):
        open_data_set("nyu", tmp_path).samples()


def test_splits_are_read_without_a_checkout(tmp_path):
    """They are package data, found through the package and not the working folder."""
    from importlib import resources

    names = {entry.name for entry in resources.files("mfh.datasets").iterdir()}
    assert {"nyu_test.txt", "kitti_eigen_test.txt"} <= names
