"""Photos to train on: which depth counts, what is held out, and that none is for testing."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from data_set_trees import planted, write_kitti, write_npy, write_nyu, write_photo, write_png
from data_set_trees import write_text as write

from mfh.datasets import open_data_set
from mfh.datasets.base import DataSet, Sample
from mfh.errors import InputError, SettingsError
from mfh.training.photos import TrainingPhoto, TrainingPhotos
from mfh.training.splits import hold_out, scene_of

DRIVE, TEST_DRIVE = "2011_09_26_drive_0001", "2011_09_26_drive_0002"


def all_of(data_set: DataSet, crop: str = "eigen") -> TrainingPhotos:
    return TrainingPhotos(data_set, data_set.samples(), crop)  # type: ignore[arg-type]


def counted(photo: TrainingPhoto) -> np.ndarray:
    return np.isfinite(photo.true_m)


@pytest.fixture
def nyu(tmp_path: Path) -> DataSet:
    write_nyu(tmp_path / "sync", "kitchen_0003/00001", "kitchen_0028a/00002", "cafe_0001a/00003")
    return open_data_set("nyu", tmp_path, split="train")


def named(*names: str) -> list[Sample]:
    return [Sample(name, Path(f"{name}.jpg"), Path(f"{name}.png")) for name in names]


def test_nyu_counts_inside_the_eigen_crop(nyu: DataSet) -> None:
    photo = all_of(nyu)[1]
    assert photo.name == "kitchen_0003/rgb_00001"
    assert photo.image.shape == (480, 640, 3)
    assert photo.image.dtype == np.uint8
    assert photo.true_m.dtype == np.float32
    assert photo.camera.fx == 518.8579
    inside = np.zeros((480, 640), bool)
    inside[45:471, 41:601] = True
    np.testing.assert_array_equal(counted(photo), inside)
    assert (photo.true_m[inside] == 2).all()
    assert counted(all_of(nyu, "none")[1]).all()


def test_kitti_counts_inside_eigens_fractions(tmp_path: Path) -> None:
    write_kitti(tmp_path, (DRIVE, 5))
    photo = all_of(open_data_set("kitti", tmp_path, split="train"))[0]
    inside = np.zeros((352, 1216), bool)
    inside[117:321, 43:1172] = True
    np.testing.assert_array_equal(counted(photo), inside)
    assert photo.image.shape == (352, 1216, 3)


def test_depth_counts_strictly_within_the_range(nyu: DataSet, tmp_path: Path) -> None:
    at = {"near": (100, 200, 1), "in": (100, 201, 2), "far": (100, 202, 9999)}
    truth = planted(480, 640, **at, cap=(100, 203, 10000), beyond=(100, 204, 12000))
    write_png(tmp_path / "sync" / "kitchen_0003" / "sync_depth_00001.png", truth)
    row = all_of(nyu)[1].true_m[100, 199:206]
    nan = np.nan
    expected = np.array([nan, nan, 0.002, 9.999, nan, nan, nan], np.float32)
    np.testing.assert_array_equal(row, expected)


def ramp(shape: tuple[int, int]) -> np.ndarray:
    """Depth that tells where it is: 1 mm a pixel, row by row; 0 is unknown."""
    return np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape) / 1000


def folder_of(root: Path, *names: str, shape: tuple[int, int] = (48, 64)) -> DataSet:
    lines = ["photo,depth,fx,fy,cx,cy"]
    for name in names:
        write_photo(root / f"{name}.png", 48, 64)
        write_npy(root / f"{name}.npy", ramp(shape))
        lines.append(f"{name}.png,{name}.npy,60,60,32,24")
    write(root / "index.csv", "\n".join(lines))
    return open_data_set("folder", root)


def test_photos_of_any_folder(tmp_path: Path) -> None:
    photo = all_of(folder_of(tmp_path, "a/1", "b/1"))[0]
    assert photo.camera.fx == 60
    assert counted(photo).sum() == 48 * 64 - 2  # strictly beyond 1 mm
    garg = open_data_set("folder", tmp_path, crop="garg")
    assert counted(all_of(garg)[0]).sum() < counted(all_of(garg, "none")[0]).sum()


def test_depth_of_another_size_is_brought_to_the_photos(tmp_path: Path) -> None:
    photo = all_of(folder_of(tmp_path, "a/1", shape=(24, 32)))[0]
    expected = np.repeat(np.repeat(ramp((24, 32)), 2, axis=0), 2, axis=1)
    expected[:2, :4] = np.nan
    np.testing.assert_array_equal(photo.true_m, expected)
    large = all_of(folder_of(tmp_path, "a/1", shape=(144, 192)))[0]
    assert large.true_m[1, 2] == ramp((144, 192))[4, 7]  # the middle of 3 x 3


def test_it_is_a_sequence_and_can_be_pickled(nyu: DataSet) -> None:
    photos = all_of(nyu)
    assert len(photos) == len(list(photos)) == 3
    assert [photo.name for photo in photos[1:]] == [s.name for s in nyu.samples()[1:]]
    assert photos[-1].name == nyu.samples()[-1].name
    with pytest.raises(IndexError):
        photos[3]
    again = pickle.loads(pickle.dumps(photos))
    assert again == photos
    np.testing.assert_array_equal(again[0].true_m, photos[0].true_m)


def test_errors_name_the_file(nyu: DataSet, tmp_path: Path) -> None:
    photos = all_of(nyu)
    nyu.samples()[1].truth.unlink()
    with pytest.raises(InputError, match=r"kitchen_0003.sync_depth_00001\.png: there is no such"):
        photos[1]
    photos[0]
    with pytest.raises(SettingsError, match="crop 'garg'; accepted: eigen, none"):
        all_of(nyu, "garg")
    with pytest.raises(InputError, match="no photos to train on"):
        TrainingPhotos(nyu, [])
    folder_of(tmp_path / "own", "a/1")
    eigen = open_data_set("folder", tmp_path / "own", crop="eigen")
    with pytest.raises(InputError, match=r"1\.npy: Eigen crop: the truth is 64 x 48 px"):
        all_of(eigen)[0]


def test_test_photos_are_refused_whoever_lists_them(tmp_path: Path) -> None:
    write_nyu(tmp_path / "official_splits" / "test", "kitchen/00000")
    test = open_data_set("nyu", tmp_path)
    with pytest.raises(InputError, match=r"654 of 654 photos are not for training .*split=train"):
        all_of(test)
    line = "kitchen/rgb_00000.jpg kitchen/sync_depth_00000.png 518.8579\n"
    # A video of a scene that is tested on.
    line += "kitchen_0004/rgb_00000.jpg kitchen_0004/sync_depth_00000.png 518.8579\n"
    line += "kitchen_0003/rgb_00000.jpg kitchen_0003/sync_depth_00000.png 518.8579\n"
    write(tmp_path / "list.txt", line)
    listed = open_data_set("nyu", tmp_path, split=tmp_path / "list.txt")
    with pytest.raises(InputError, match=r"2 of 3 .*\(kitchen/rgb_00000, kitchen_0004/rgb_00000\)"):
        all_of(listed)

    write_kitti(tmp_path / "kitti", (DRIVE, 5), (TEST_DRIVE, 70))
    # No photo of the test split, but of one of its drives.
    write(tmp_path / "kitti.txt", f"{TEST_DRIVE}_sync 70 l\n{DRIVE}_sync 5 l\n")
    listed = open_data_set("kitti", tmp_path / "kitti", split=tmp_path / "kitti.txt")
    with pytest.raises(InputError, match=r"1 of 2 .*0002_sync/0000000070\).* Eigen's test split"):
        all_of(listed)


ROOMS = [f"room_{scene}/{number}" for scene in range(20) for number in range(5)]


def test_whole_scenes_are_held_out(tmp_path: Path) -> None:
    data_set = open_data_set("folder", tmp_path)
    samples = named(*ROOMS)
    train, validation = hold_out(data_set, samples, 0.1, seed=0)
    assert len(validation) == 10
    assert sorted(train + validation, key=samples.index) == samples
    assert train == [sample for sample in samples if sample in train]
    scenes = [{scene_of(data_set, sample) for sample in part} for part in (train, validation)]
    assert not scenes[0] & scenes[1]
    assert len(scenes[1]) == 2


def test_what_is_held_out_depends_on_names_and_seed_alone(tmp_path: Path) -> None:
    data_set = open_data_set("folder", tmp_path)
    held = [
        {s.name for s in hold_out(data_set, order, 0.2, seed)[1]}
        for order, seed in ((named(*ROOMS), 3), (named(*reversed(ROOMS)), 3), (named(*ROOMS), 4))
    ]
    assert held[0] == held[1] != held[2]


@pytest.mark.parametrize("fraction", [0.001, 0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("names", [["a/1", "b/1"], ["a/1", "a/2", "a/3", "b/1"], ROOMS])
def test_neither_part_is_empty(tmp_path: Path, fraction: float, names: list[str]) -> None:
    train, validation = hold_out(open_data_set("folder", tmp_path), named(*names), fraction, 0)
    assert train
    assert validation


def test_the_number_of_photos_held_out_is_rounded(tmp_path: Path) -> None:
    data_set = open_data_set("folder", tmp_path)
    scenes = named(*(f"{scene}/1" for scene in range(10)))
    held = [len(hold_out(data_set, scenes, fraction, 0)[1]) for fraction in (0.24, 0.25, 0.34)]
    assert held == [2, 3, 3]


def test_a_large_scene_is_not_held_out_for_a_small_fraction(tmp_path: Path) -> None:
    samples = named(*(f"a/{n}" for n in range(90)), *(f"b/{n}" for n in range(10)))
    for seed in range(5):
        validation = hold_out(open_data_set("folder", tmp_path), samples, 0.05, seed)[1]
        assert {sample.name[0] for sample in validation} == {"b"}


def test_photos_of_one_scene_are_split_with_a_warning(tmp_path: Path) -> None:
    data_set = open_data_set("folder", tmp_path)
    with pytest.warns(UserWarning, match=r"all 10 photos are of one scene \(rgb\)"):
        train, validation = hold_out(data_set, named(*(f"rgb/{n}" for n in range(10))), 0.2, 0)
    assert (len(train), len(validation)) == (8, 2)


def test_nothing_to_hold_out(tmp_path: Path) -> None:
    data_set = open_data_set("folder", tmp_path)
    with pytest.raises(InputError, match="1 photos to train on; there must be at least two"):
        hold_out(data_set, named("a/1"), 0.5, 0)
    for fraction in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(SettingsError, match="between 0 and 1"):
            hold_out(data_set, named("a/1", "b/1"), fraction, 0)


@pytest.mark.parametrize(
    ("data_set", "name", "scene"),
    [
        ("nyu", "kitchen_0028b/rgb_00045", "kitchen_0028"),
        ("nyu", "bathroom_0001/rgb_00045", "bathroom_0001"),
        ("nyu", "office/rgb_00002", "office_0003"),
        ("kitti", f"{DRIVE}_sync/0000000005", f"{DRIVE}_sync"),
        ("kitti", f"{DRIVE}_sync/image_03/0000000005", f"{DRIVE}_sync"),
        ("diode", "scene_00019/scan_00183/a", "scene_00019"),
        ("folder", "rgb/kitchen/1", "rgb/kitchen"),
        ("folder", "1", ""),
    ],
)
def test_scenes_by_name(tmp_path: Path, data_set: str, name: str, scene: str) -> None:
    assert scene_of(open_data_set(data_set, tmp_path), named(name)[0]) == scene
