"""A photo at the model's focal length: its camera, its points, its pixels."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from mfh.errors import InputError, SettingsError
from mfh.estimators.depthlm.canonical import CanonicalView, canonical_view
from mfh.estimators.depthlm.marker import with_arrows
from mfh.records import Intrinsics, Photo

CAMERAS = [
    # fx, fy, cx, cy, H, W
    (500.0, 500.0, 160.0, 120.0, 240, 320),
    (886.81, 927.06, 512.0, 384.0, 768, 1024),
    (518.8579, 519.46961, 325.58245, 253.73617, 480, 640),
    (707.0493, 707.0493, 604.0814, 180.5066, 375, 1242),
    (2111.0, 2035.5, 311.3, 420.9, 801, 601),
    (100.0, 140.0, 40.0, 50.0, 97, 83),
]


def photo_of(fx, fy, cx, cy, height, width, image=None):
    if image is None:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Photo(image, Intrinsics(fx, fy, cx, cy, height, width))


def ray(camera, x_px, y_px):
    return np.array([(x_px - camera.cx) / camera.fx, (y_px - camera.cy) / camera.fy])


@pytest.mark.parametrize("focal_px", [750.0, 1000.0])
@pytest.mark.parametrize("numbers", CAMERAS)
def test_points_keep_their_rays(numbers, focal_px):
    photo = photo_of(*numbers)
    view = canonical_view(photo, focal_px)
    height, width = photo.shape
    for x_px in (0.0, 0.5, 17.25, width / 2, width - 0.5, math.nextafter(width, 0)):
        for y_px in (0.0, 0.5, 31.75, height / 2, height - 0.5, math.nextafter(height, 0)):
            x, y = view.point(x_px, y_px)
            assert 0 <= x < view.image.shape[1]
            assert 0 <= y < view.image.shape[0]
            there, here = ray(photo.camera, x_px, y_px), ray(view.camera, x, y)
            assert np.abs(here - there).max() <= 1e-6 * max(1.0, np.abs(there).max())


@pytest.mark.parametrize("focal_px", [750.0, 1000.0])
@pytest.mark.parametrize("numbers", CAMERAS)
def test_pixels_become_square_but_for_the_rounding_of_the_sides(numbers, focal_px):
    view = canonical_view(photo_of(*numbers), focal_px)
    height, width = view.image.shape[:2]
    assert (view.camera.height, view.camera.width) == (height, width)
    assert abs(view.camera.fx / focal_px - 1) <= 0.5 / width + 1e-12
    assert abs(view.camera.fy / focal_px - 1) <= 0.5 / height + 1e-12
    assert view.scale == (width / numbers[5], height / numbers[4])
    assert view.image.dtype == np.uint8


def test_a_photo_of_the_focal_length_stays_as_it_is():
    photo = photo_of(750.0, 750.0, 60.0, 40.0, 80, 120)
    view = canonical_view(photo, 750)
    assert np.array_equal(view.image, photo.image)
    assert view.scale == (1.0, 1.0)
    assert view.camera == photo.camera
    assert view.point(119.5, 0.5) == (119.5, 0.5)


def test_smaller_views_are_averages_of_the_photo():
    # A chequerboard of single pixels is grey from afar; picking pixels would keep black and white.
    board = np.indices((256, 320)).sum(axis=0) % 2 * 255
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    view = canonical_view(photo_of(4000.0, 4000.0, 160.0, 128.0, 256, 320, image), 1000)
    assert view.image.shape == (64, 80, 3)
    assert np.abs(view.image[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_larger_views_are_interpolated():
    ramp = np.linspace(20, 220, 64).astype(np.uint8)
    image = np.broadcast_to(ramp[None, :, None], (48, 64, 3)).copy()
    view = canonical_view(photo_of(250.0, 250.0, 32.0, 24.0, 48, 64, image), 1000)
    steps = np.diff(view.image[96, :, 0].astype(int))
    assert steps.min() >= 0
    assert steps.max() <= 2  # the photo's own steps are 3 to 4


def test_a_point_just_inside_the_photo_is_inside_the_view():
    """28 px that become 29: the product of the last number below 28 rounds up to 29."""
    last = math.nextafter(28, 0)
    assert last * (29 / 28) == 29
    image = np.zeros((29, 29, 3), np.uint8)
    view = CanonicalView(image, Intrinsics(29, 29, 14, 14, 29, 29), (29 / 28, 29 / 28))
    assert view.point(last, last) == (math.nextafter(29, 0),) * 2


@pytest.mark.parametrize("point", [(-0.1, 5), (5, -1e-9), (320, 5), (5, 240), (math.nan, 5)])
def test_points_outside_the_photo_are_refused(point):
    view = canonical_view(photo_of(*CAMERAS[0]), 750)
    with pytest.raises(InputError, match="outside the photo of 320 x 240 px"):
        view.point(*point)


@pytest.mark.parametrize(
    ("focal", "size", "wrong"),
    [
        (2000.0, (240, 60), "smaller than 28 px on a side"),
        (100_000.0, (3000, 4000), "smaller than 28 px on a side"),
        (100.0, (480, 640), "larger than 12.8 megapixels"),
        (750.0, (32, 8000), "more than 200 times as long as it is narrow"),
        (750.0, (8000, 32), "more than 200 times as long as it is narrow"),
        (10.0, (32, 40), "enlarged more than 32 times, which shows nothing but blur"),
    ],
)
def test_views_that_no_model_can_use_are_refused(focal, size, wrong):
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    photo = photo_of(focal, focal, width / 2, height / 2, height, width, image)
    with pytest.raises(InputError, match=wrong) as refused:
        canonical_view(photo, 750)
    assert f"{width} x {height} px" in str(refused.value)
    assert "check the intrinsics" in str(refused.value)


@pytest.mark.parametrize("focal_px", [0, -750, math.nan, math.inf])
def test_the_focal_length_must_be_one(focal_px):
    with pytest.raises(SettingsError, match="focal_px"):
        canonical_view(photo_of(*CAMERAS[0]), focal_px)


@pytest.mark.parametrize("focal_px", [750.0, 1000.0])
@pytest.mark.parametrize("numbers", CAMERAS)
def test_the_tip_is_at_the_planted_point(numbers, focal_px):
    *_, height, width = numbers
    for x in (0, 1, width // 3, width - 1):
        for y in (0, 1, height // 2, height - 1):
            image = np.zeros((height, width, 3), np.uint8)
            image[y, x] = 255
            view = canonical_view(photo_of(*numbers, image), focal_px)
            found = centre_of(view.image[..., 1])
            at = view.point(x + 0.5, y + 0.5)
            pixel = np.floor(at) + 0.5
            assert np.abs(pixel - found).max() <= 1
            # The arrow ends right beside it, and does not cover it.
            marked = with_arrows(view.image, [at])
            column, row = np.floor(at).astype(int)
            assert np.array_equal(marked[row, column], view.image[row, column])
            beside = column - 1 if column >= 5 else column + 1
            assert marked[row, beside].tolist() == [255, 0, 0]


def test_labels_of_real_photos_are_under_the_tip(shared):
    folder = shared / "data" / "ibims1"
    lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    for line, focal_px in zip(lines[:4], (750, 1000, 750, 1000)):
        labels = json.loads(line)
        fx, fy, cx, cy, width, height = labels["intrinsics"]
        with Image.open(folder / labels["image"]) as opened:
            image = np.asarray(opened.convert("RGB")) // 4
        assert image.shape == (height, width, 3)
        for x, y in labels["pixel_coords"][::9]:
            planted = image.copy()
            top, left = max(0, y - 1), max(0, x - 1)
            planted[top : y + 2, left : x + 2] = (0, 255, 255)
            view = canonical_view(photo_of(fx, fy, cx, cy, height, width, planted), focal_px)
            at = view.point(x + 0.5, y + 0.5)
            column, row = map(math.floor, at)
            marked = with_arrows(view.image, [at])
            colour = marked[row, column].astype(int)
            assert colour[0] < 60
            assert colour[1:].min() > 200
            scene = view.image.astype(int)
            block = np.where((scene[..., 1:].min(axis=2) > 150) & (scene[..., 0] < 60), 255, 0)
            assert np.abs(np.floor(at) + 0.5 - centre_of(block)).max() <= 1


def centre_of(bright):
    """Give x and y of the centre of what is bright."""
    y, x = np.indices(bright.shape) + 0.5
    weight = bright / bright.sum()
    return np.array([(x * weight).sum(), (y * weight).sum()])


def test_the_view_is_its_own_record():
    view = canonical_view(photo_of(*CAMERAS[0]), 750)
    assert isinstance(view, CanonicalView)
    assert view.image.shape == (360, 480, 3)
