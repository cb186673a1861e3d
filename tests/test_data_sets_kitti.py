"""KITTI in the layouts people have on disk."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter

import numpy as np
import pytest
from data_set_trees import colours, planted, write_kitti, write_photo, write_png, write_text

from mfh.datasets import open_data_set
from mfh.datasets.kitti import Kitti
from mfh.datasets.kitti_frames import (
    eigen_test_drives,
    eigen_test_split,
    is_for_training,
    read_split,
)
from mfh.errors import CameraError, InputError

TRUTH = "proj_depth/groundtruth/image_02"

# Of each date: a frame of the split that has truth, size, and by hand the crop's first pixel (rows
# above the bottom 352, half the columns beyond 1216, rounded down) and the camera in the crop.
DATES = {
    "2011_09_26": (
        "2011_09_26_drive_0002",
        69,
        (375, 1242),
        (23, 13),
        (721.5377, 596.5593, 149.854),
    ),
    "2011_09_28": (
        "2011_09_28_drive_0002",
        54,
        (370, 1224),
        (18, 4),
        (707.0493, 600.0814, 162.5066),
    ),
    "2011_09_29": (
        "2011_09_29_drive_0071",
        540,
        (374, 1238),
        (22, 11),
        (718.3351, 589.3891, 159.5122),
    ),
    "2011_09_30": (
        "2011_09_30_drive_0016",
        33,
        (370, 1226),
        (18, 5),
        (707.0912, 596.8873, 165.1104),
    ),
    "2011_10_03": (
        "2011_10_03_drive_0027",
        181,
        (376, 1241),
        (24, 12),
        (718.856, 595.1928, 161.2157),
    ),
}

CALIBRATION = """calib_time: 09-Jan-2012 13:57:47
S_02: 1.392000e+03 5.120000e+02
K_02: 9.597910e+02 0 6.960217e+02 0 9.569251e+02 2.241806e+02 0 0 1
S_rect_02: 1.242000e+03 3.750000e+02
P_rect_02: 7.3e+02 0 6.1e+02 4.5e+01 0 7.4e+02 1.7e+02 2.1e-01 0 0 1 2.7e-03
"""


def add(root, drive, frame, size, *, truths="gts", raw="raw"):
    """A photo and its truth, with 20 m at the crop's first pixel and 5 m at its last."""
    height, width = size
    folder = root / raw / drive[:10] / f"{drive}_sync" / "image_02" / "data"
    write_photo(folder / f"{frame:010d}.png", *size)
    top, left = height - 352, (width - 1216) // 2
    depth = planted(
        height,
        width,
        first=(top, left, 20 * 256),
        last=(height - 1, left + 1215, 5 * 256 + 64),
        above=(top - 1, left, 1000),
        beside=(top, left - 1, 1000),
    )
    write_png(root / truths / f"{drive}_sync" / TRUTH / f"{frame:010d}.png", depth)


def sample_of(data_set, drive, frame):
    name = f"{drive}_sync/{frame:010d}"
    return next(sample for sample in data_set.samples() if sample.name == name)


def test_eigens_split_has_652_photos_with_truth():
    split = eigen_test_split()
    assert len(split) == len(set(split)) == 652
    assert ("2011_09_26_drive_0002", 69) in split
    assert ("2011_09_26_drive_0002", 0) not in split  # KITTI gives no truth for a drive's ends
    assert split == sorted(split)
    assert len({drive for drive, _ in split}) == 28
    assert Counter(drive[:10] for drive, _ in split) == {
        "2011_09_26": 487,
        "2011_09_28": 23,
        "2011_09_29": 23,
        "2011_09_30": 71,
        "2011_10_03": 48,
    }


@pytest.mark.parametrize("date", DATES)
def test_crop_and_camera_of_each_date(tmp_path, date):
    drive, frame, size, (top, left), (f, cx, cy) = DATES[date]
    add(tmp_path, drive, frame, size)
    data_set = Kitti(tmp_path)
    sample = sample_of(data_set, drive, frame)
    photo, truth = data_set.photo(sample), data_set.truth(sample)
    assert photo.shape == truth.shape == (352, 1216)
    np.testing.assert_array_equal(photo.image, colours(*size)[top : top + 352, left : left + 1216])
    camera = photo.camera
    assert (camera.fx, camera.fy) == (f, f)
    assert (camera.cx, camera.cy) == (pytest.approx(cx), pytest.approx(cy))
    assert truth.dtype == np.float32
    assert (truth[0, 0], truth[351, 1215]) == (20.0, 5.25)
    assert np.isfinite(truth).sum() == 2  # those above and beside the crop are cut off


def test_calibration_on_disk_goes_before_the_known_one(tmp_path):
    drive, frame, size, *_ = DATES["2011_09_26"]
    add(tmp_path, drive, frame, size)
    write_text(tmp_path / "raw" / "2011_09_26" / "calib_cam_to_cam.txt", CALIBRATION)
    data_set = Kitti(tmp_path)
    camera = data_set.photo(sample_of(data_set, drive, frame)).camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (730.0, 740.0, 597.0, 147.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("P_rect_02", "P_rect_99"), "P_rect_02 is missing"),
        (("7.3e+02 0", "7.3e+02"), "P_rect_02 has 11 numbers; expected 12"),
        (("1.242000e+03", "wide"), "S_rect_02 is missing or no numbers"),
        (("1.242000e+03 3.75", "1.2e+02 3.75"), "smaller than the KB crop"),
        (("7.3e+02", "-7.3e+02"), "must be positive"),
    ],
)
def test_broken_calibration_is_named(tmp_path, change, message):
    drive, frame, size, *_ = DATES["2011_09_26"]
    add(tmp_path, drive, frame, size)
    path = tmp_path / "raw" / "2011_09_26" / "calib_cam_to_cam.txt"
    write_text(path, CALIBRATION.replace(*change))
    data_set = Kitti(tmp_path)
    with pytest.raises(CameraError, match=message) as caught:
        data_set.photo(sample_of(data_set, drive, frame))
    if "positive" not in message:
        assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("raw", "truths"),
    [
        ("raw", "gts"),
        ("raw", "data_depth_annotated/val"),
        ("raw", "data_depth_annotated/train"),
        ("raw", "data_depth_annotated"),
        ("raw", "val"),
        (".", "."),
        (".", "train"),
        ("raw_data", "depth_completion_prediction/val"),
        ("kitti/raw", "kitti/gts"),
        ("kitti", "kitti/data_depth_annotated/train"),
        (".", "2011_09_26"),
    ],
)
def test_layouts(tmp_path, raw, truths):
    drive, frame, size, *_ = DATES["2011_09_26"]
    add(tmp_path, drive, frame, size, raw=raw, truths=truths)
    data_set = open_data_set("kitti", tmp_path)
    assert len(data_set.samples()) == 652
    checked = data_set.check()
    assert (checked.expected, checked.found, len(checked.missing)) == (652, 1, 651)
    assert data_set.truth(sample_of(data_set, drive, frame)).shape == (352, 1216)


def test_a_photo_has_one_name_in_every_layout(tmp_path):
    drive, frame, size, *_ = DATES["2011_09_26"]
    add(tmp_path / "bts", drive, frame, size)
    add(tmp_path / "own", drive, frame, size, raw=".", truths="data_depth_annotated/val")
    bts, own = ([s.name for s in Kitti(tmp_path / each).samples()] for each in ("bts", "own"))
    assert bts == own


@pytest.mark.parametrize(
    "truths",
    ["gts", "data_depth_annotated/val", "train", ".", "kitti/gts", "raw/2011_09_26", "2011_09_26"],
)
@pytest.mark.parametrize("calibration", [True, False])
def test_truth_is_enough_to_score_on(tmp_path, truths, calibration):
    drive, frame, size, *_ = DATES["2011_09_26"]
    add(tmp_path / "away", drive, frame, size)
    expected = Kitti(tmp_path / "away").truth(sample_of(Kitti(tmp_path / "away"), drive, frame))
    root = tmp_path / "root"
    source = tmp_path / "away" / "gts" / f"{drive}_sync"
    shutil.copytree(source, root / truths / f"{drive}_sync")
    if calibration:
        text = CALIBRATION.replace("7.3e+02", "7.5e+02")
        write_text(root / "raw" / "2011_09_26" / "calib_cam_to_cam.txt", text)
    data_set = open_data_set("kitti", root)
    assert len(data_set.samples()) == 652
    sample = sample_of(data_set, drive, frame)
    np.testing.assert_array_equal(data_set.truth(sample), expected)
    checked = data_set.check()
    assert (checked.found, checked.missing[sample.name]) == (0, str(sample.photo))


def test_drives_may_be_in_different_parts_of_the_download(tmp_path):
    for (drive, frame, size, *_), part in zip(DATES.values(), ["train", "val", "val", "train"]):
        add(tmp_path, drive, frame, size, truths=f"data_depth_annotated/{part}")
    assert Kitti(tmp_path).check().found == 4


def test_the_root_may_be_the_raw_folder_beside_the_truth(tmp_path):
    drive, frame, size, *_ = DATES["2011_09_30"]
    add(tmp_path, drive, frame, size)
    assert Kitti(tmp_path / "raw").check().found == 1


def test_check_names_what_is_missing(tmp_path):
    drive, frame, size, *_ = DATES["2011_09_26"]
    add(tmp_path, drive, frame, size)
    truth = tmp_path / "gts" / f"{drive}_sync" / TRUTH / f"{frame:010d}.png"
    truth.unlink()
    checked = Kitti(tmp_path).check()
    assert checked.found == 0
    assert checked.missing[f"{drive}_sync/{frame:010d}"] == str(truth)
    text = "\n".join(checked.lines)
    assert "652 of 697" in text
    assert "0 of 652" in text
    assert "data_depth_annotated.zip (14 GB)" in text


@pytest.mark.parametrize(
    "lines",
    [
        "2011_09_28/2011_09_28_drive_0002_sync/image_02/data/0000000054.png "
        "2011_09_28_drive_0002_sync/proj_depth/groundtruth/image_02/0000000054.png 707.0493\n"
        "2011_09_28/2011_09_28_drive_0002_sync/image_02/data/0000000000.png None 707.0493\n"
        "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.png "
        "2011_09_26_drive_0002_sync/proj_depth/groundtruth/image_02/0000000069.png 721.5377\n",
        "2011_09_28/2011_09_28_drive_0002_sync 0000000054 l\n\n# twice:\n"
        "2011_09_26/2011_09_26_drive_0002_sync 0000000069 l\n"
        "2011_09_26/2011_09_26_drive_0002_sync 0000000069 l",
    ],
    ids=["BTS", "Monodepth2"],
)
def test_a_list_file_instead_of_eigens_split(tmp_path, lines):
    write_text(tmp_path / "list.txt", lines)
    drive, frame, size, *_ = DATES["2011_09_28"]
    add(tmp_path, drive, frame, size)
    data_set = open_data_set("kitti", tmp_path, split=str(tmp_path / "list.txt"))
    names = [sample.name for sample in data_set.samples()]
    assert names == [
        "2011_09_28_drive_0002_sync/0000000054",
        "2011_09_26_drive_0002_sync/0000000069",
    ]
    checked = data_set.check()
    assert (checked.expected, checked.found) == (2, 1)
    assert "list.txt" in checked.lines[0]


def test_bad_list_files(tmp_path):
    with pytest.raises(InputError, match=r"list\.txt: there is no such list"):
        read_split(tmp_path / "list.txt")
    write_text(tmp_path / "list.txt", "\nkitchen/rgb_00001.jpg\n")
    with pytest.raises(InputError, match=r"list\.txt, line 2: 'kitchen/rgb_00001.jpg' names no"):
        read_split(tmp_path / "list.txt")
    write_text(tmp_path / "list.txt", "2011_09_26_drive_0002_sync/0000000000.png None 721.5377\n")
    with pytest.raises(InputError, match="names no photo with truth"):
        read_split(tmp_path / "list.txt")


def test_a_date_without_known_camera_needs_its_calibration(tmp_path):
    add(tmp_path, "2011_10_04_drive_0001", 7, (375, 1242))
    write_text(tmp_path / "list.txt", "2011_10_04/2011_10_04_drive_0001_sync 0000000007 l")
    data_set = Kitti(tmp_path, tmp_path / "list.txt")
    with pytest.raises(CameraError, match=r"calib_cam_to_cam\.txt: .* calibration of 2011_10_04"):
        data_set.photo(data_set.samples()[0])


def test_resized_and_8_bit_files_are_refused(tmp_path):
    drive, frame, size, *_ = DATES["2011_09_26"]
    add(tmp_path, drive, frame, size)
    data_set = Kitti(tmp_path)
    sample = sample_of(data_set, drive, frame)
    write_photo(sample.photo, 370, 1224)
    write_png(sample.truth, np.zeros(size, np.uint8))
    with pytest.raises(InputError, match=r"0000000069\.png: 1224 x 370 px, but .* 1242 x 375 px"):
        data_set.photo(sample)
    with pytest.raises(InputError, match="8-bit grey"):
        data_set.truth(sample)
    write_png(sample.truth, planted(352, 1216))
    with pytest.raises(InputError, match="1216 x 352 px, but"):
        data_set.truth(sample)
    sample.photo.unlink()
    with pytest.raises(InputError, match=r"0000000069\.png: .* mfh evaluate kitti --check"):
        data_set.photo(sample)


def test_protocol_and_pickle(tmp_path):
    assert (Kitti.protocol.min_m, Kitti.protocol.max_m, Kitti.protocol.crop) == (1e-3, 80.0, "garg")
    data_set = Kitti(tmp_path, tmp_path / "list.txt")
    assert pickle.loads(pickle.dumps(data_set)) == data_set


def test_real_photo_in_bts_layout(shared, tmp_path):
    # Of 1242 x 375 px, as all photos of 2011_09_26.
    drive, frame = "2011_09_26_drive_0002", 69
    folders = {
        "rgb": tmp_path / "raw" / "2011_09_26" / f"{drive}_sync" / "image_02" / "data",
        "depth": tmp_path / "gts" / f"{drive}_sync" / TRUTH,
    }
    for kind, folder in folders.items():
        folder.mkdir(parents=True)
        stored = shared / "data" / "kitti" / f"{kind}_0000000005.png"
        shutil.copy(stored, folder / f"{frame:010d}.png")
    data_set = open_data_set("kitti", tmp_path)
    sample = sample_of(data_set, drive, frame)
    truth = data_set.truth(sample)
    # Stored at row 120, column 1216 of the whole map: 2882 / 256 m; 90839 pixels are not 0, all in
    # the crop, 17.898388 m on average.
    assert truth[120 - 23, 1216 - 13] == np.float32(11.2578125)
    assert np.isfinite(truth).sum() == 90839
    assert np.nanmean(truth, dtype=np.float64) == pytest.approx(17.898388, abs=1e-6)
    photo = data_set.photo(sample)
    assert photo.shape == (352, 1216)
    assert (photo.camera.cx, photo.camera.cy) == (pytest.approx(596.5593), pytest.approx(149.854))


TRAINED, OTHER, TESTED = "2011_09_26_drive_0001", "2011_09_28_drive_0001", "2011_09_26_drive_0002"


@pytest.fixture
def drives(tmp_path):
    """Frames of two drives to train on, in both parts of the download, and of one to test on."""
    write_kitti(tmp_path, (TRAINED, 7), (TRAINED, 5), (TESTED, 70))
    part = "data_depth_annotated/val"
    write_kitti(tmp_path, (OTHER, 5), truths=part, size=(370, 1224))
    return tmp_path


def test_training_photos_are_of_drives_that_are_not_tested_on(drives):
    data_set = open_data_set("kitti", drives, split="train")
    samples = data_set.samples()
    assert [sample.name for sample in samples] == [
        f"{TRAINED}_sync/0000000005",
        f"{TRAINED}_sync/0000000007",
        f"{OTHER}_sync/0000000005",
    ]
    assert data_set.options == {"split": "train"}
    assert data_set.photo(samples[2]).shape == (352, 1216)
    assert np.unique(data_set.truth(samples[2])) == [10.0]
    checked = data_set.check()
    assert (checked.expected, checked.found) == (3, 3)
    assert "of 2 drives that are not Eigen's test drives" in checked.lines[0]


def test_no_photo_of_a_test_drive_is_trained_on(tmp_path):
    assert len(eigen_test_drives()) == 28
    # Frames that are no test photos themselves, of all 28 drives.
    for drive in eigen_test_drives():
        folder = tmp_path / "gts" / f"{drive}_sync" / TRUTH
        folder.mkdir(parents=True)
        (folder / "0000004321.png").touch()
        assert not is_for_training(f"{drive}_sync/0000004321")
    (tmp_path / "raw" / "2011_09_26" / f"{TESTED}_sync" / "image_02").mkdir(parents=True)
    with pytest.raises(InputError, match=r"holds no training photos of KITTI.* than the 28 of Eig"):
        Kitti(tmp_path, "train").samples()


def test_a_training_photo_that_is_not_there_is_named(drives):
    photo = drives / "raw" / TRAINED[:10] / f"{TRAINED}_sync" / "image_02/data/0000000005.png"
    photo.unlink()
    checked = Kitti(drives, "train").check()
    assert (checked.expected, checked.found) == (3, 2)
    assert checked.missing == {f"{TRAINED}_sync/0000000005": str(photo)}
    assert "eigen_train_files_with_gt.txt" in checked.lines[-1]


@pytest.mark.parametrize("truths", ["gts", "train", ".", "raw/2011_09_26", "kitti/gts"])
def test_training_photos_in_other_layouts(tmp_path, truths):
    write_kitti(tmp_path, (TRAINED, 5), truths=truths)
    assert Kitti(tmp_path, "train").check().found == 1


@pytest.mark.parametrize(
    "line",
    [
        f"2011_09_26/{TRAINED}_sync/image_03/data/0000000005.png "
        f"{TRAINED}_sync/proj_depth/groundtruth/image_03/0000000005.png 721.5377",
        f"2011_09_26/{TRAINED}_sync 5 r",
    ],
    ids=["BTS", "Monodepth2"],
)
@pytest.mark.parametrize("calibration", [True, False])
def test_the_right_camera_where_a_list_names_it(tmp_path, line, calibration):
    write_kitti(tmp_path, (TRAINED, 5), camera="image_03")
    write_kitti(tmp_path, (TRAINED, 5), (TRAINED, 6))
    if calibration:
        right = CALIBRATION.replace("_02:", "_03:").replace("7.3e+02", "7.2e+02")
        write_text(tmp_path / "raw/2011_09_26/calib_cam_to_cam.txt", CALIBRATION + right)
    left = f"2011_09_26/{TRAINED}_sync 6 l"
    write_text(tmp_path / "list.txt", f"{line}\n{left}\n")
    data_set = Kitti(tmp_path, tmp_path / "list.txt")
    right, left = data_set.samples()
    assert (right.name, left.name) == (
        f"{TRAINED}_sync/image_03/0000000005",
        f"{TRAINED}_sync/0000000006",
    )
    assert all("image_03" in str(path) for path in data_set.files(right)[:2])
    assert data_set.check().found == 2
    cameras = [data_set.photo(sample).camera.fx for sample in (right, left)]
    assert cameras == ([720.0, 730.0] if calibration else [721.5377, 721.5377])


def test_all_lines_of_eigens_training_list_are_understood(tmp_path):
    numbers = range(5, 45)
    lines = [
        f"{TRAINED[:10]}/{TRAINED}_sync/image_02/data/{number:010d}.png "
        f"{TRAINED}_sync/proj_depth/groundtruth/image_02/{number:010d}.png 721.5377"
        for number in numbers
    ]
    write_text(tmp_path / "list.txt", "\n".join(lines))
    assert read_split(tmp_path / "list.txt") == [(TRAINED, n, "image_02") for n in numbers]
