"""NYU Depth V2 in the layouts people have on disk."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter

import numpy as np
import pytest
from data_set_trees import colours, planted, write_nyu, write_photo, write_png, write_text
from mfh_cli.data_set_check import check_lines
from PIL import Image

from mfh.datasets import open_data_set
from mfh.datasets.nyu import Nyu
from mfh.datasets.nyu_splits import (
    official_test_split,
    official_training_split,
    scene_of,
    training_videos,
)
from mfh.errors import InputError

NYU_K = (518.8579, 519.46961, 325.58245, 253.73617)


@pytest.fixture
def bts(tmp_path):
    """Frames 0 (kitchen) and 45 (bathroom) of BTS's test folder, and one of its training folder."""
    test = tmp_path / "nyu_depth_v2" / "official_splits" / "test"
    for scene, frame in (("kitchen", 0), ("bathroom", 45)):
        write_photo(test / scene / f"rgb_{frame:05d}.jpg", 480, 640)
        depth = planted(480, 640, near=(100, 200, 1500), far=(101, 200, 12345), eps=(102, 5, 1))
        write_png(test / scene / f"sync_depth_{frame:05d}.png", depth)
    write_photo(test.with_name("train") / "kitchen" / "rgb_00002.jpg", 480, 640)
    return test


@pytest.fixture
def marigold(tmp_path):
    """The same two frames as Marigold has them: counted from 1, by scene."""
    test = tmp_path / "nyuv2" / "test"
    for scene, number in (("kitchen_0004", 1), ("bathroom_0001", 46)):
        write_photo(test / scene / f"rgb_{number:04d}.png", 480, 640)
        write_png(test / scene / f"depth_{number:04d}.png", planted(480, 640, a=(9, 8, 2500)))
        write_png(test / scene / f"filled_{number:04d}.png", planted(480, 640, a=(9, 8, 9999)))
    return test


def sample_named(data_set, name):
    return next(sample for sample in data_set.samples() if sample.name == name)


def test_the_official_split_has_654_frames():
    split = official_test_split()
    assert len(split) == len({frame for frame, _ in split}) == 654
    assert (split[0], split[1], split[-1]) == (
        (0, "kitchen"),
        (1, "kitchen"),
        (1448, "dining_room"),
    )
    counts = Counter(scene for _, scene in split)
    assert len(counts) == 16
    assert (counts["bedroom"], counts["bathroom"], counts["foyer"]) == (191, 58, 2)


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_bts_layout_from_any_folder_above(bts, levels):
    data_set = open_data_set("nyu", [bts, *bts.parents][levels])
    samples = data_set.samples()
    assert len(samples) == 654
    assert samples[0].name == "kitchen/rgb_00000"
    assert samples[0].photo == bts / "kitchen" / "rgb_00000.jpg"
    assert samples[0].truth == bts / "kitchen" / "sync_depth_00000.png"
    assert sample_named(data_set, "bathroom/rgb_00045").photo.is_file()


def test_depth_is_in_millimetres_and_zero_is_unknown(bts):
    data_set = Nyu(bts)
    truth = data_set.truth(data_set.samples()[0])
    assert truth.dtype == np.float32
    assert truth.shape == (480, 640)
    assert truth[100, 200] == np.float32(1.5)
    assert truth[101, 200] == np.float32(12.345)  # beyond the cap: the protocol leaves it out
    assert truth[102, 5] == np.float32(0.001)
    assert np.isfinite(truth).sum() == 3


def test_photo_and_camera(bts):
    data_set = Nyu(bts)
    photo = data_set.photo(data_set.samples()[0])
    assert photo.shape == (480, 640)
    assert photo.name == "kitchen_rgb_00000"
    camera = photo.camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == NYU_K
    assert (camera.height, camera.width, camera.source) == (480, 640, "given")
    assert np.abs(photo.image.astype(int) - colours(480, 640)).mean() < 8  # JPEG


def test_exif_orientation_is_not_applied(bts):
    path = bts / "kitchen" / "rgb_00000.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(colours(480, 640)).save(path, exif=exif)
    data_set = Nyu(bts)
    assert data_set.photo(data_set.samples()[0]).shape == (480, 640)


def test_protocol():
    assert (Nyu.protocol.min_m, Nyu.protocol.max_m, Nyu.protocol.crop) == (1e-3, 10.0, "eigen")


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_marigold_layout(marigold, levels):
    data_set = open_data_set("nyu", [marigold, *marigold.parents][levels])
    samples = data_set.samples()
    assert len(samples) == len({sample.name for sample in samples}) == 654
    assert samples[0].photo == marigold / "kitchen_0004" / "rgb_0001.png"
    sample = sample_named(data_set, "bathroom/rgb_00045")
    assert data_set.photo(sample).shape == (480, 640)
    truth = data_set.truth(sample)
    assert truth[9, 8] == np.float32(2.5)  # as measured, not as filled
    assert np.isfinite(truth).sum() == 1
    # Its folder is not known.
    with pytest.raises(InputError, match=r"rgb_0002\.png: there is no such file"):
        data_set.photo(samples[1])


def test_marigold_scene_of_a_photo_that_is_missing_is_known_from_its_depth(marigold):
    (marigold / "kitchen_0004" / "rgb_0001.png").unlink()
    first = Nyu(marigold).samples()[0]
    assert first.photo == marigold / "kitchen_0004" / "rgb_0001.png"


def test_a_photo_has_one_name_in_both_layouts(bts, marigold):
    first, second = ([s.name for s in Nyu(root).samples()] for root in (bts, marigold))
    assert first == second
    assert first[:2] == ["kitchen/rgb_00000", "kitchen/rgb_00001"]


@pytest.mark.parametrize("layout", ["bts", "marigold"])
def test_truth_is_enough_to_score_on(layout, request):
    root = request.getfixturevalue(layout)
    whole = Nyu(root)
    samples = whole.samples()
    truths = [whole.truth(samples[0]), whole.truth(sample_named(whole, "bathroom/rgb_00045"))]
    for path in root.glob("*/rgb_*"):
        path.unlink()
    alone = Nyu(root)
    assert alone.samples() == samples
    np.testing.assert_array_equal(alone.truth(samples[0]), truths[0])
    np.testing.assert_array_equal(alone.truth(sample_named(alone, "bathroom/rgb_00045")), truths[1])
    assert alone.check().found == 0  # of those that can be predicted
    assert f"{layout.capitalize() if layout == 'marigold' else 'BTS'} layout" in alone.layout()


def test_check_counts_and_names_what_is_missing(bts):
    (bts / "bathroom" / "sync_depth_00045.png").unlink()
    data_set = Nyu(bts)
    checked = data_set.check()
    assert (checked.expected, checked.found, len(checked.missing)) == (654, 1, 653)
    assert checked.missing["bathroom/rgb_00045"].endswith("sync_depth_00045.png")
    assert "kitchen/rgb_00000" not in checked.missing
    text = "\n".join(check_lines(data_set, checked))
    assert f"NYU Depth V2 in {bts}" in text
    assert "BTS layout" in text
    assert "1 of 654" in text
    assert "missing: kitchen/rgb_00001.jpg" in text
    assert "nyu_depth_v2_labeled.mat" in text


def test_a_missing_file_is_named_with_a_remedy(bts):
    data_set = Nyu(bts)
    with pytest.raises(InputError, match=r"rgb_00001\.jpg: .* mfh evaluate nyu --check --data "):
        data_set.photo(data_set.samples()[1])
    with pytest.raises(InputError, match=r"sync_depth_00001\.png: there is no such file"):
        data_set.truth(data_set.samples()[1])


def test_depth_of_8_bits_or_in_colours_is_refused(bts):
    data_set = Nyu(bts)
    sample = data_set.samples()[0]
    write_png(sample.truth, np.full((480, 640), 15, np.uint8))
    with pytest.raises(InputError, match=r"sync_depth_00000\.png: the PNG is 8-bit grey.*16-bit"):
        data_set.truth(sample)
    write_photo(sample.truth, 480, 640)
    with pytest.raises(InputError, match="the PNG is of mode RGB"):
        data_set.truth(sample)


def test_other_sizes_are_refused(bts):
    data_set = Nyu(bts)
    sample = data_set.samples()[0]
    write_photo(sample.photo, 240, 320)
    write_png(sample.truth, planted(427, 561))
    with pytest.raises(InputError, match=r"rgb_00000\.jpg: 320 x 240 px, but .* 640 x 480 px"):
        data_set.photo(sample)
    with pytest.raises(InputError, match=r"sync_depth_00000\.png: 561 x 427 px"):
        data_set.truth(sample)


def test_truncated_files_are_named(bts):
    data_set = Nyu(bts)
    sample = data_set.samples()[0]
    for path in (sample.photo, sample.truth):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"rgb_00000\.jpg: the image is broken or incomplete"):
        data_set.photo(sample)
    with pytest.raises(InputError, match=r"sync_depth_00000\.png: the image is broken"):
        data_set.truth(sample)


def test_the_training_split_is_not_the_test_split(bts):
    with pytest.raises(InputError, match="none of the photos and depth maps there is of the offic"):
        Nyu(bts.with_name("train")).samples()


def test_real_photo_in_bts_layout(shared, tmp_path):
    scene = tmp_path / "official_splits" / "test" / "kitchen"
    scene.mkdir(parents=True)
    for name in ("rgb_00000.jpg", "sync_depth_00000.png"):
        shutil.copy(shared / "data" / "nyu" / name, scene)
    data_set = open_data_set("nyu", tmp_path)
    sample = data_set.samples()[0]
    truth = data_set.truth(sample)
    # The stored value there is 3015; 225121 pixels are not 0, and average 3578.238 mm.
    assert truth[240, 320] == np.float32(3.015)
    assert np.isfinite(truth).sum() == 225121
    assert np.nanmean(truth, dtype=np.float64) == pytest.approx(3.578238, abs=1e-6)
    photo = data_set.photo(sample)
    assert photo.camera.horizontal_fov_deg == pytest.approx(63.3, abs=0.1)
    with Image.open(shared / "data" / "nyu" / "rgb_00000.jpg") as stored:
        np.testing.assert_array_equal(photo.image, np.asarray(stored))
    assert data_set.check().found == 1


VIDEO_FRAMES = ("kitchen_0028b/00045", "bathroom_0001/00003", "bathroom_0001/00002")


@pytest.fixture
def videos(tmp_path):
    """Frames of two training videos, and of a video that is not for training."""
    sync = tmp_path / "nyu_depth_v2" / "sync"
    write_nyu(sync, *VIDEO_FRAMES, "kitchen_0004/00000")
    return sync


def names_of(data_set):
    return [sample.name for sample in data_set.samples()]


def test_training_lists_are_whole_and_apart_from_the_test_split():
    labelled, test = official_training_split(), official_test_split()
    numbers = {frame for frame, _ in labelled}
    assert len(labelled) == len(numbers) == 795
    assert numbers | {frame for frame, _ in test} == set(range(1449))
    assert len({scene for _, scene in labelled}) == 249
    videos = training_videos()
    assert len(videos) == len(set(videos)) == 284
    # No name of a test photo, in either layout, is taken for one to train on.
    for frame, kind in test:
        assert scene_of(f"{kind}/rgb_{frame:05d}") is None
        assert scene_of(f"{kind}_0004/rgb_{frame + 1:04d}") is None


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_training_videos_from_any_folder_above(videos, levels):
    data_set = open_data_set("nyu", [videos, *videos.parents][levels], split="train")
    assert names_of(data_set) == [
        "bathroom_0001/rgb_00002",
        "bathroom_0001/rgb_00003",
        "kitchen_0028b/rgb_00045",
    ]
    assert data_set.options == {"split": "train"}
    sample = data_set.samples()[0]
    assert data_set.photo(sample).camera.fx == NYU_K[0]
    assert data_set.truth(sample)[9, 9] == np.float32(2.0)
    checked = data_set.check()
    assert (checked.expected, checked.found) == (3, 3)
    assert "2 of 284 videos; 1 other folders there are no training videos" in checked.lines[0]


def test_a_frame_with_half_its_files_is_missing(videos):
    (videos / "bathroom_0001" / "sync_depth_00002.png").unlink()
    data_set = Nyu(videos, "train")
    checked = data_set.check()
    assert (checked.expected, checked.found) == (3, 2)
    assert checked.missing["bathroom_0001/rgb_00002"].endswith("sync_depth_00002.png")
    assert "sync.zip" in checked.lines[-1]
    with pytest.raises(InputError, match=r"--check --data .* --data-option split=train"):
        data_set.truth(data_set.samples()[0])


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_labelled_training_photos_where_there_are_no_videos(bts, levels):
    train = bts.with_name("train")
    write_nyu(train, "office/00002", "exercise_room/00427")
    data_set = open_data_set("nyu", [train, *train.parents][levels], split="train")
    samples = data_set.samples()
    assert len(samples) == len({sample.name for sample in samples}) == 795
    assert samples[0].photo == train / "office" / "rgb_00002.jpg"
    checked = data_set.check()
    assert (checked.expected, checked.found) == (795, 2)
    assert "labelled training photos, BTS layout" in checked.lines[0]
    numbers = {int(sample.name[-5:]) for sample in samples}
    assert not numbers & {frame for frame, _ in official_test_split()}


def test_labelled_training_photos_of_marigold(marigold):
    train = marigold.with_name("train") / "office_0003"
    write_photo(train / "rgb_0003.png", 480, 640)
    write_png(train / "depth_0003.png", planted(480, 640, a=(9, 8, 2500)))
    data_set = Nyu(marigold.parent, "train")
    assert data_set.check().found == 1
    assert data_set.truth(data_set.samples()[0])[9, 8] == np.float32(2.5)
    assert data_set.samples()[0].name == "office/rgb_00002"


def test_videos_go_before_the_labelled_photos(videos):
    write_nyu(videos.with_name("official_splits") / "train", "office/00002")
    assert len(Nyu(videos.parent, "train").samples()) == 3


def test_test_photos_are_no_training_photos(bts, marigold):
    for test in (bts, marigold):
        with pytest.raises(InputError, match=r"holds no training photos of NYU .* sync\.zip"):
            Nyu(test, "train").samples()


def test_videos_are_not_tested_on(videos):
    with pytest.raises(InputError, match="none of the photos and depth maps there is of the offic"):
        Nyu(videos).samples()


def test_a_list_file_names_photos_of_the_videos(videos, tmp_path):
    lines = (
        "/kitchen_0028b/rgb_00045.jpg /kitchen_0028b/sync_depth_00045.png 518.8579\n\n"
        "# of another\nbathroom_0001/rgb_00009.jpg None 518.8579\n"
        "bathroom_0001/rgb_00003.jpg bathroom_0001/sync_depth_00003.png 518.8579\n"
    )
    write_text(tmp_path / "list.txt", lines)
    data_set = open_data_set("nyu", videos.parents[1], split=str(tmp_path / "list.txt"))
    assert names_of(data_set) == ["kitchen_0028b/rgb_00045", "bathroom_0001/rgb_00003"]
    assert data_set.samples()[0].photo == videos / "kitchen_0028b" / "rgb_00045.jpg"
    assert data_set.options == {"split": str((tmp_path / "list.txt").absolute())}
    checked = data_set.check()
    assert checked.found == checked.expected == 2
    assert f"list.txt, of {videos}" in checked.lines[0]
    assert pickle.loads(pickle.dumps(data_set)) == data_set


def test_a_list_file_of_test_photos_is_a_part_of_the_test_split(bts, tmp_path):
    line = "bathroom/rgb_00045.jpg bathroom/sync_depth_00045.png 518.8579"
    write_text(tmp_path / "list.txt", line)
    data_set = Nyu(bts.parents[1], tmp_path / "list.txt")
    assert names_of(data_set) == ["bathroom/rgb_00045"]
    assert data_set.check().found == 1
    assert Nyu(bts, "test") == Nyu(bts)


def test_bad_list_files(videos, tmp_path):
    data_set = Nyu(videos, tmp_path / "list.txt")
    with pytest.raises(InputError, match=r"list\.txt: there is no such list .*train or test"):
        data_set.samples()
    write_text(tmp_path / "list.txt", "\nkitchen_0028b/rgb_00045.jpg\n")
    with pytest.raises(InputError, match=r"list\.txt, line 2: .* names no photo and depth"):
        data_set.samples()
    write_text(tmp_path / "list.txt", "a/rgb_00001.jpg None 518.8\n")
    with pytest.raises(InputError, match="names no photo with truth"):
        data_set.samples()
    write_text(tmp_path / "list.txt", 2 * "a/rgb_00001.jpg a/sync_depth_00001.png\n")
    with pytest.raises(InputError, match=r"line 2: 'a/rgb_00001' is there already"):
        data_set.samples()
    write_text(tmp_path / "list.txt", "a/rgb_00001.jpg a/sync_depth_00001.png\n")
    assert (data_set.check().expected, data_set.check().found) == (1, 0)
