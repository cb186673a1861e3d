"""The arrow: pixel by pixel, at borders and corners too."""

import numpy as np
import pytest

from mfh.errors import InputError
from mfh.estimators.depthlm.marker import with_arrows

GREY = 77

# Rows from two above the asked pixel "o" to two below.
POINTS_RIGHT = """
..#...
...#..
#####o
...#..
..#...
"""
POINTS_LEFT = """
...#..
..#...
o#####
..#...
...#..
"""


def offsets(drawing):
    rows = drawing.strip().splitlines()
    tip = rows[2].index("o")
    return {
        (column - tip, row - 2)
        for row, line in enumerate(rows)
        for column, mark in enumerate(line)
        if mark == "#"
    }


def red(image):
    y, x = np.nonzero((image == (255, 0, 0)).all(axis=2))
    return set(zip(x.tolist(), y.tolist()))


def plain(height=20, width=24):
    return np.full((height, width, 3), GREY, np.uint8)


@pytest.mark.parametrize("size", [(20, 24), (3, 10), (1, 10), (28, 28)])
def test_every_pixel_of_an_image_gets_its_arrow(size):
    height, width = size
    image = plain(height, width)
    for x in range(width):
        for y in range(height):
            arrow = offsets(POINTS_RIGHT if x >= 5 else POINTS_LEFT)
            expected = {(x + dx, y + dy) for dx, dy in arrow if 0 <= y + dy < height}
            marked = with_arrows(image, [(x + 0.5, y + 0.5)])
            assert red(marked) == expected
            rest = (marked != (255, 0, 0)).any(axis=2)
            assert (marked[rest] == GREY).all()
            assert marked[y, x].tolist() == [GREY] * 3
    assert (image == GREY).all()


@pytest.mark.parametrize(
    ("point", "pixel"),
    [
        ((10.0, 7.0), (10, 7)),
        ((10.999, 7.999), (10, 7)),
        ((23.5, 19.5), (23, 19)),
        ((0, 0), (0, 0)),
    ],
)
def test_a_point_lies_in_the_pixel_that_covers_it(point, pixel):
    assert np.array_equal(
        with_arrows(plain(), [point]), with_arrows(plain(), [(pixel[0] + 0.5, pixel[1] + 0.5)])
    )


def test_of_two_arrows_the_second_is_blue():
    marked = with_arrows(plain(), [(10.5, 4.5), (15.5, 14.5)])
    assert red(marked) == {(10 + dx, 4 + dy) for dx, dy in offsets(POINTS_RIGHT)}
    y, x = np.nonzero((marked == (0, 0, 255)).all(axis=2))
    assert set(zip(x.tolist(), y.tolist())) == {
        (15 + dx, 14 + dy) for dx, dy in offsets(POINTS_RIGHT)
    }


@pytest.mark.parametrize("dx", range(-7, 8))
@pytest.mark.parametrize("dy", range(-3, 4))
@pytest.mark.parametrize("x", [2, 12, 21])
def test_asked_pixels_stay_as_they_are_beside_each_other(x, dx, dy):
    if not 0 <= x + dx < 24 or (dx, dy) == (0, 0):
        return
    first, second = (x, 10), (x + dx, 10 + dy)
    marked = with_arrows(plain(), [(px + 0.5, py + 0.5) for px, py in (first, second)])
    for column, row in (first, second):
        assert marked[row, column].tolist() == [GREY] * 3
        neighbours = [marked[row, side] for side in (column - 1, column + 1) if 0 <= side < 24]
        assert any((colour != GREY).any() for colour in neighbours) or abs(dx) == 1


def test_an_arrow_keeps_clear_of_another_point():
    # Left of the second point lies the first, so the second arrow comes from the right.
    marked = with_arrows(plain(), [(10.5, 10.5), (13.5, 10.5)])
    assert red(marked) == {(10 + dx, 10 + dy) for dx, dy in offsets(POINTS_RIGHT)}
    assert marked[10, 14].tolist() == [0, 0, 255]
    assert (marked[10, 11:13] == GREY).all()


def test_colours_can_be_chosen():
    marked = with_arrows(plain(), [(10.5, 10.5)], colours=("blue",))
    assert marked[10, 9].tolist() == [0, 0, 255]


def test_no_point_is_no_arrow():
    assert np.array_equal(with_arrows(plain(), []), plain())


@pytest.mark.parametrize(
    "point", [(-0.01, 3), (3, -0.01), (24, 3), (3, 20), (float("nan"), 3), (3, float("inf"))]
)
def test_points_outside_are_refused(point):
    with pytest.raises(InputError, match="outside the image of 24 x 20 px"):
        with_arrows(plain(), [point])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((20, 24), np.uint8), r"uint8 of shape \(20, 24\)"),
        (np.zeros((20, 24, 4), np.uint8), r"shape \(20, 24, 4\)"),
        (np.zeros((20, 24, 3), np.float32), "image is float32"),
        (np.zeros((20, 9, 3), np.uint8), "9 px wide, which has no room for an arrow"),
    ],
)
def test_other_images_are_refused(image, message):
    with pytest.raises(InputError, match=message):
        with_arrows(image, [(3, 3)])


def test_more_points_than_colours_are_refused():
    with pytest.raises(InputError, match="3 points for arrows of 2 colours"):
        with_arrows(plain(), [(3, 3), (9, 9), (15, 15)])
    with pytest.raises(InputError, match="colour is 'green'"):
        with_arrows(plain(), [(3, 3)], colours=("green",))
