"""The size a painting has, and pasting it back."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.painting.pasting import painting_size, paste_back, resize_image


@pytest.mark.parametrize(
    ("photo", "short_side_px", "multiple", "expected"),
    [
        ((480, 640), 512, 8, (512, 688)),  # 682.7, rounded up
        ((640, 480), 512, 8, (688, 512)),
        ((352, 1216), 512, 8, (512, 1776)),  # 1768.7
        ((480, 640), 1024, 8, (1024, 1368)),  # 1365.3
        ((480, 640), 512, 16, (512, 688)),
        ((500, 500), 512, 8, (512, 512)),
        ((100, 1600), 512, 8, (256, 4096)),  # a panorama: four squares of 512
    ],
)
def test_painting_size(
    photo: tuple[int, int], short_side_px: int, multiple: int, expected: tuple[int, int]
) -> None:
    assert painting_size(*photo, short_side_px, multiple) == expected


def test_a_strip_is_blended_in_along_its_own_edges_alone() -> None:
    photo = np.full((6, 40, 3), 100, np.uint8)
    painted = np.full((6, 40, 3), 200, np.uint8)
    strip = np.zeros((6, 40), np.bool_)
    strip[:, 10:30] = True
    pasted = paste_back(painted, photo, strip)
    row = [*[100] * 10, 120, 140, 160, 180, *[200] * 12, 180, 160, 140, 120, *[100] * 10]
    np.testing.assert_array_equal(pasted, np.broadcast_to(np.array(row)[None, :, None], (6, 40, 3)))


def test_the_border_of_the_photo_is_no_edge() -> None:
    photo = np.full((6, 20, 3), 100, np.uint8)
    painted = np.full((6, 20, 3), 200, np.uint8)
    strip = np.zeros((6, 20), np.bool_)
    strip[:, :10] = True
    pasted = paste_back(painted, photo, strip)[0, :, 0].tolist()
    assert pasted == [*[200] * 6, 180, 160, 140, 120, *[100] * 10]
    np.testing.assert_array_equal(paste_back(painted, photo, np.ones_like(strip)), painted)
    np.testing.assert_array_equal(paste_back(painted, photo, np.zeros_like(strip)), photo)


def test_resizing_averages_what_it_reduces() -> None:
    stripes = np.zeros((8, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    reduced = resize_image(stripes, 4, 16)
    assert reduced.shape == (4, 16, 3)
    assert np.abs(reduced[:, 2:-2].astype(int) - 100).max() <= 3
    assert resize_image(stripes, 8, 64) is stripes
