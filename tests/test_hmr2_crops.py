"""Person crops are those the network was trained on."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from mfh.errors import InputError
from mfh.people.hmr2.crops import crop_person, crop_squares

MEAN = np.array([0.485, 0.456, 0.406])[:, None, None]
STD = np.array([0.229, 0.224, 0.225])[:, None, None]


def colours(crop: np.ndarray) -> np.ndarray:
    """Undo the normalisation: (3, 256, 256), 0 to 255."""
    return 255 * (crop * STD + MEAN)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_crops_are_upstreams(shared: Path) -> None:
    with np.load(shared / "vectors/hmr2_crops.npz") as vectors:
        image = np.ascontiguousarray(vectors["image_bgr"][..., ::-1])
        centre_px, side_px = crop_squares(vectors["boxes"])
        np.testing.assert_allclose(centre_px, vectors["box_center"], atol=1e-4)
        np.testing.assert_allclose(side_px, vectors["box_size"], atol=1e-4)
        for centre, side, expected in zip(centre_px, side_px, vectors["crops"]):
            crop = crop_person(image, centre, side)
            assert crop.dtype == np.float32
            # Far inside what is asked: crops shifted by 1/100 px, or not rounded, are beyond it.
            assert np.abs(crop - expected.astype(np.float32)).mean() < 1e-3


@pytest.mark.parametrize(
    "box_px, side_px",
    [
        ((0, 0, 30, 100), 100),  # narrower than 192:256, so as high as it is
        ((0, 0, 75, 100), 100),
        ((0, 0, 90, 100), 120),  # wider, so 4/3 of its width
        ((0, 0, 90, 0), 120),
    ],
)
def test_squares(box_px: tuple[float, ...], side_px: float) -> None:
    centre, side = crop_squares([box_px])
    np.testing.assert_allclose(centre, [[box_px[2] / 2, box_px[3] / 2]])
    np.testing.assert_allclose(side, [side_px])


def test_nobodys_squares() -> None:
    centre, side = crop_squares(np.zeros((0, 4), np.float32))
    assert centre.shape == (0, 2) and side.shape == (0,)


@pytest.mark.parametrize(
    "box_px", [(5, 5, 5, 5), (10, 0, 5, 20), (0, 20, 5, 10), (0, 0, np.nan, 5), (0, 0, np.inf, 5)]
)
def test_boxes_that_are_none(box_px: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="person 1: box .* expected finite x0 y0 x1 y1"):
        crop_squares([(0, 0, 10, 10), box_px])


def test_a_square_of_256_px_is_cut_out_as_it_is() -> None:
    image = noise(300, 400)
    crop = colours(crop_person(image, (200, 150), 256))
    expected = image[150 - 128 : 150 + 128, 200 - 128 : 200 + 128].transpose(2, 0, 1)
    np.testing.assert_allclose(crop, expected, atol=1e-3)


def test_beyond_the_image_is_black() -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    crop = colours(crop_person(image, (0, 100), 256))
    np.testing.assert_allclose(crop[:, 28:128, 128:228], 200, atol=1e-3)
    np.testing.assert_allclose(crop[:, 128:], 0, atol=1e-3)
    np.testing.assert_allclose(crop[:, :, :128], 0, atol=1e-3)
    np.testing.assert_allclose(colours(crop_person(image, (900, -900), 50)), 0, atol=1e-3)


@pytest.mark.parametrize("side", [130.5, 256, 560, 570, 700, 2500])
def test_agrees_with_blurring_and_sampling_the_whole_image(side: float) -> None:
    """The matrices are the Gaussian filter and linear interpolation of SciPy."""
    image = noise(700, 900).astype(np.float64)
    x, y = 430.3, 255.7
    factor = side / 256 / 2
    if factor > 1.1:
        sigma = (factor - 1) / 2
        image = gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4)
    steps = (np.arange(256) - 128) * side / 256
    grid = np.meshgrid(y + steps, x + steps, indexing="ij")
    # One more black px around it, as `map_coordinates` does not blend with what is beyond.
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    expected = np.stack(
        [
            map_coordinates(padded[..., channel], np.add(grid, 1), order=1, mode="constant")
            for channel in range(3)
        ]
    )
    crop = colours(crop_person(noise(700, 900), (x, y), side))
    np.testing.assert_allclose(crop, expected, atol=1e-2 if factor > 1.1 else 0.51)


def test_32_people_take_well_under_a_second() -> None:
    image = noise(480, 640)
    centres, sides = crop_squares([(10 * i, 5 * i, 10 * i + 200, 5 * i + 300) for i in range(32)])
    start = time.perf_counter()
    for centre, side in zip(centres, sides):
        crop_person(image, centre, side)
    assert time.perf_counter() - start < 0.8
