"""ETH3D's high-resolution photos, in Marigold's layout and as ETH3D's own archives unpack."""

from __future__ import annotations

import numpy as np
import pytest
from data_set_trees import write_photo, write_text
from PIL import Image

from mfh.datasets import open_data_set
from mfh.datasets.eth3d import SHORT_SIDE_PX, Eth3d
from mfh.errors import CameraError, InputError

# Smaller than the DSLR's 6048 x 4032 px, of which the reader knows nothing.
H, W = 240, 360

CAMERAS = f"""# Camera list with one line of data per camera:
#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]
0 THIN_PRISM_FISHEYE {W} {H} 204.25 204.5 180.5 119.75 0.1 -0.2 0.01 0.02 0.3 0.4 0.001 -0.002
1 THIN_PRISM_FISHEYE {W} {H} 210.0 211.0 181.0 121.0 0.1 -0.2 0.01 0.02 0.3 0.4 0.001 -0.002
"""

IMAGES = """# Image list with two lines of data per image:
0 1 0 0 0 0.5 0.5 0.5 0 dslr_images/DSC_0219.JPG
100.5 200.5 -1 300 400 17
1 1 0 0 0 0.5 0.5 0.5 1 dslr_images/DSC_0220.JPG

"""


def add_scene(photos, depth, names=("DSC_0219", "DSC_0220"), size=(H, W)):
    for name in names:
        write_photo(photos / "images" / "dslr_images" / f"{name}.JPG", *size)
        truth = np.full(size, np.inf, "<f4")
        truth[5, 7], truth[5, 8], truth[5, 9] = 3.25, 0.0, 95.5
        path = depth / "ground_truth_depth" / "dslr_images" / f"{name}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        truth.tofile(path)
    write_text(photos / "dslr_calibration_jpg" / "cameras.txt", CAMERAS)
    write_text(photos / "dslr_calibration_jpg" / "images.txt", IMAGES)


@pytest.fixture
def marigold(tmp_path):
    root = tmp_path / "eth3d"
    add_scene(root / "rgb" / "office", root / "depth" / "office_dslr_depth" / "office")
    return root


@pytest.mark.parametrize("levels", [0, 1])
def test_marigold_layout(marigold, levels):
    data_set = open_data_set("eth3d", [marigold, marigold.parent][levels])
    first, second = data_set.samples()
    assert (first.name, second.name) == ("office/DSC_0219", "office/DSC_0220")
    assert data_set.photo(first).shape == data_set.truth(first).shape == (H, W)


@pytest.mark.parametrize(
    ("photos", "depth"),
    [
        ("office", "office"),
        ("office", "office_dslr_depth/office"),
        ("multi_view_training_dslr_jpg/office", "multi_view_training_dslr_jpg/office"),
        ("rgb/office", "rgb/office"),
    ],
)
def test_layouts_of_the_archives(tmp_path, photos, depth):
    add_scene(tmp_path / photos, tmp_path / depth)
    data_set = open_data_set("eth3d", tmp_path)
    assert [sample.name for sample in data_set.samples()] == ["office/DSC_0219", "office/DSC_0220"]
    assert data_set.check().found == 2
    assert data_set.truth(data_set.samples()[1])[5, 7] == 3.25


@pytest.mark.parametrize(
    "truths",
    [
        "depth/office_dslr_depth/office",
        "office",
        "office_dslr_depth/office",
        "x/depth/T",
        "x/office",
    ],
)
def test_truth_is_enough_to_score_on(tmp_path, truths):
    truths = truths.replace("T", "office_dslr_depth/office")
    path = tmp_path / truths / "ground_truth_depth" / "dslr_images" / "DSC_0219.JPG"
    path.parent.mkdir(parents=True)
    # Of the DSLR's size, as no calibration says otherwise.
    truth = np.full((4032, 6048), np.inf, "<f4")
    truth[4000, 6000] = 2.5
    truth.tofile(path)
    data_set = open_data_set("eth3d", tmp_path)
    (sample,) = data_set.samples()
    assert sample.name == "office/DSC_0219"
    read = data_set.truth(sample)
    assert (read.shape, read[4000, 6000]) == ((4032, 6048), 2.5)
    assert data_set.check().missing[sample.name] == str(sample.photo)


def test_depth_is_float32_without_header(marigold):
    data_set = Eth3d(marigold)
    truth = data_set.truth(data_set.samples()[0])
    assert (truth.dtype, truth.shape) == (np.float32, (H, W))
    assert (truth[5, 7], truth[5, 9]) == (3.25, 95.5)  # row by row
    assert np.isfinite(truth).sum() == 2  # neither inf nor 0 is a depth
    assert np.isnan(truth[5, 8])


def test_each_photo_has_the_camera_that_images_txt_names(marigold):
    data_set = Eth3d(marigold)
    cameras = [data_set.photo(sample).camera for sample in data_set.samples()]
    assert [(c.fx, c.fy, c.cx, c.cy) for c in cameras] == [
        (204.25, 204.5, 180.5, 119.75),
        (210.0, 211.0, 181.0, 121.0),
    ]
    assert "THIN_PRISM_FISHEYE" in cameras[0].note


def test_a_large_photo_is_reduced_with_its_camera_and_its_truth_is_not(tmp_path):
    height, width = 1260, 1890
    add_scene(tmp_path / "office", tmp_path / "office", ["DSC_0219"], size=(height, width))
    path = tmp_path / "office" / "dslr_calibration_jpg" / "cameras.txt"
    write_text(path, CAMERAS.replace(f"{W} {H}", f"{width} {height}"))
    data_set = Eth3d(tmp_path)
    sample = data_set.samples()[0]
    photo = data_set.photo(sample)
    assert SHORT_SIDE_PX == 4032 / 4
    assert photo.shape == (1008, 1512)
    camera = photo.camera
    numbers = (camera.fx, camera.fy, camera.cx, camera.cy)
    assert numbers == pytest.approx((163.4, 163.6, 144.4, 95.8))  # four fifths
    assert data_set.truth(sample).shape == (1260, 1890)


def test_exif_orientation_is_not_applied(marigold):
    data_set = Eth3d(marigold)
    sample = data_set.samples()[0]
    exif = Image.Exif()
    exif[0x0112] = 8
    with Image.open(sample.photo) as image:
        image.load()
        image.save(sample.photo, exif=exif)
    assert data_set.photo(sample).shape == (H, W)


def test_protocol():
    protocol = Eth3d.protocol
    assert (protocol.min_m, protocol.max_m, protocol.crop) == (1e-3, 80.0, "none")


def test_check_counts_the_13_scenes(marigold):
    truths = marigold / "depth/office_dslr_depth/office/ground_truth_depth/dslr_images"
    (truths / "DSC_0220.JPG").unlink()
    checked = Eth3d(marigold).check()
    assert (checked.expected, checked.found) == (454, 1)
    assert checked.missing["office/DSC_0220"] == str(truths / "DSC_0220.JPG")
    assert checked.missing["office"] == f"{marigold / 'rgb' / 'office'}: 2 of 26 photos"
    assert checked.missing["facade"].endswith("0 of 76 photos")
    text = "\n".join(checked.lines)
    assert "1 of 454" in text
    assert "SCENE_dslr_depth.7z" in text


def test_a_scene_without_depth_is_missing_where_it_is_expected(marigold):
    add_scene(marigold / "rgb" / "pipes", marigold / "elsewhere")
    sample = next(s for s in Eth3d(marigold).samples() if s.name == "pipes/DSC_0219")
    expected = "depth/pipes_dslr_depth/pipes/ground_truth_depth/dslr_images/DSC_0219.JPG"
    assert sample.truth == marigold / expected
    with pytest.raises(InputError, match=r"DSC_0219\.JPG: .* mfh evaluate eth3d --check"):
        Eth3d(marigold).truth(sample)


def test_truncated_depth_and_a_photo_in_its_place(marigold):
    data_set = Eth3d(marigold)
    first, second = data_set.samples()
    first.truth.write_bytes(first.truth.read_bytes()[:-4])
    with pytest.raises(
        InputError, match=rf"DSC_0219\.JPG: has {4 * H * W - 4} bytes; {W} x {H} px of float32"
    ):
        data_set.truth(first)
    second.truth.write_bytes(second.photo.read_bytes())
    with pytest.raises(InputError, match=r"DSC_0220\.JPG: has \d+ bytes"):
        data_set.truth(second)


def test_a_photo_of_another_size_and_missing_calibration(marigold):
    data_set = Eth3d(marigold)
    first, second = data_set.samples()
    write_photo(first.photo, 120, 180)
    with pytest.raises(InputError, match=r"DSC_0219\.JPG: 180 x 120 px, but .* 360 x 240 px"):
        data_set.photo(first)
    calibration = marigold / "rgb" / "office" / "dslr_calibration_jpg"
    (calibration / "images.txt").unlink()
    with pytest.raises(CameraError, match=r"cameras\.txt: holds several cameras .* \(missing\)"):
        data_set.photo(second)
    (calibration / "cameras.txt").unlink()
    with pytest.raises(InputError, match=r"cameras\.txt: there is no such file"):
        data_set.photo(first)
    # Nothing says then that the photos are smaller than the DSLR's.
    with pytest.raises(InputError, match=r"DSC_0220\.JPG: has \d+ bytes; 6048 x 4032 px"):
        data_set.truth(second)
    assert data_set.check().missing["office/DSC_0220"] == str(calibration / "cameras.txt")
