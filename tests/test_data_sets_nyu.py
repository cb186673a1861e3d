"""NYU Depth V2 in the layouts people have on disk."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pytest
from data_set_trees import colours, planted, write_photo, write_png
from mfh_cli.data_set_check import check_lines
from PIL import Image

from mfh.errors import InputError
from mfh.evaluation.datasets import open_data_set
from mfh.evaluation.datasets.nyu import Nyu, official_test_split

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
