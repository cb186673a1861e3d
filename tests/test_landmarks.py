"""People merged into landmarks, on cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mfh.errors import InputError
from mfh.records import Landmarks, People
from mfh.rendering import landmarks_from_people

NAN = np.nan


def people_with(masks) -> People:
    masks = np.asarray(masks, bool)
    return People(
        vertices_m=np.zeros((len(masks), 1, 3), np.float32),
        faces=np.zeros((0, 3), np.int32),
        mask=masks,
        box_px=np.zeros((len(masks), 4), np.float32),
        score=np.ones(len(masks), np.float32),
    )


def rectangle(rows: slice, columns: slice, height: int = 9, width: int = 12):
    mask = np.zeros((height, width), bool)
    mask[rows, columns] = True
    return mask


def merge(masks, depths_m, **options) -> Landmarks:
    return landmarks_from_people(people_with(masks), np.asarray(depths_m, np.float32), **options)


def assert_owner(landmarks: Landmarks, expected: str) -> None:
    """`expected` draws the owners, a row of digits or dots (nobody) for each row of the image."""
    rows = expected.split()
    drawn = ["".join("." if o < 0 else str(o) for o in row) for row in landmarks.owner]
    assert drawn == rows


def test_one_pixel_is_eroded_all_round():
    mask = rectangle(slice(2, 7), slice(3, 9))
    landmarks = merge([mask], [np.where(mask, 2.5, NAN)])
    assert_owner(
        landmarks,
        """
        ............
        ............
        ............
        ....0000....
        ....0000....
        ....0000....
        ............
        ............
        ............
        """,
    )
    assert (landmarks.depth_m[landmarks.owner == 0] == 2.5).all()
    assert np.isnan(landmarks.depth_m[landmarks.owner < 0]).all()
    assert landmarks.weight.tolist() == [1.0]
    assert landmarks.kind == ("painted person",)


def test_erosion_takes_corners_and_holes():
    """The square is full: a hole one pixel wide costs the 3 x 3 pixels around it."""
    mask = rectangle(slice(0, 9), slice(0, 12))
    mask[4, 5] = False
    assert_owner(
        merge([mask], [np.ones((9, 12))]),
        """
        000000000000
        000000000000
        000000000000
        0000...00000
        0000...00000
        0000...00000
        000000000000
        000000000000
        000000000000
        """,
    )


def test_the_image_border_does_not_erode():
    mask = rectangle(slice(4, 9), slice(0, 4))
    assert_owner(
        merge([mask], [np.ones((9, 12))]),
        """
        ............
        ............
        ............
        ............
        ............
        000.........
        000.........
        000.........
        000.........
        """,
    )


def test_mask_and_silhouette_are_intersected_before_they_are_eroded():
    """Paper Eq. 4 erodes the intersection: the silhouette's edge is eroded too."""
    mask = rectangle(slice(1, 6), slice(1, 8))
    silhouette = rectangle(slice(1, 9), slice(4, 12))
    assert_owner(
        merge([mask], [np.where(silhouette, 3.0, NAN)]),
        """
        ............
        ............
        .....00.....
        .....00.....
        .....00.....
        ............
        ............
        ............
        ............
        """,
    )


@pytest.mark.parametrize("nearer_first", [True, False])
def test_the_nearer_person_hides_the_farther(nearer_first):
    """Masks overlap in columns 4..7; the eroded ones in columns 5..6."""
    left, right = rectangle(slice(0, 9), slice(0, 8)), rectangle(slice(0, 9), slice(4, 12))
    depth_left_m, depth_right_m = (2.0, 3.0) if nearer_first else (3.0, 2.0)
    landmarks = merge(
        [left, right],
        [np.where(left, depth_left_m, NAN), np.where(right, depth_right_m, NAN)],
    )
    row = "000000011111" if nearer_first else "000001111111"
    assert_owner(landmarks, "\n".join([row] * 9))
    assert (landmarks.depth_m == np.where(landmarks.owner == 0, depth_left_m, depth_right_m)).all()


def test_depth_decides_pixel_by_pixel():
    """Two people who cross each other own what is nearer of each."""
    masks = [np.ones((1, 5), bool)] * 2
    depths_m = [[[1, 2, 3, 4, 5]], [[5, 4, 3, 2, 1]]]
    landmarks = merge(masks, depths_m)
    assert landmarks.owner.tolist() == [[0, 0, 0, 1, 1]]
    assert landmarks.depth_m.tolist() == [[1, 2, 3, 2, 1]]


def test_what_is_eroded_away_hides_nobody():
    """The minimum is over eroded depths, so a nearer person's seam shows who is behind."""
    near, far = rectangle(slice(0, 9), slice(0, 6)), rectangle(slice(0, 9), slice(0, 12))
    landmarks = merge([near, far], [np.full((9, 12), 1.0), np.full((9, 12), 4.0)])
    assert_owner(landmarks, "\n".join(["000001111111"] * 9))


def test_a_person_of_weight_0_owns_nothing_and_still_hides():
    left, right = rectangle(slice(0, 9), slice(0, 8)), rectangle(slice(0, 9), slice(4, 12))
    depths_m = [np.where(left, 2.0, NAN), np.where(right, 3.0, NAN)]
    landmarks = merge([left, right], depths_m, weight=[0, 1], kind="person")
    assert_owner(landmarks, "\n".join([".......11111"] * 9))
    assert landmarks.weight.tolist() == [0.0, 1.0]
    assert landmarks.kind == ("person", "person")


def test_wider_erosion_and_none():
    mask = rectangle(slice(2, 7), slice(3, 9))
    depth_m = np.ones((9, 12))
    none = merge([mask], [depth_m], erosion_px=1)
    np.testing.assert_array_equal(none.owner == 0, mask)
    wide = merge([mask], [depth_m], erosion_px=5)
    np.testing.assert_array_equal(wide.owner == 0, rectangle(slice(4, 5), slice(5, 7)))
    assert (merge([mask], [depth_m], erosion_px=7).owner == -1).all()


def test_erosion_is_the_definition():
    """On random masks: a pixel stays where every pixel of the square around it is inside."""
    rng = np.random.default_rng(0)
    for erosion_px in (3, 5):
        mask = rng.random((40, 50)) < 0.95
        owner = merge([mask], [np.ones(mask.shape)], erosion_px=erosion_px).owner
        padded = np.pad(mask, erosion_px // 2, constant_values=True)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (erosion_px, erosion_px))
        assert (owner == 0).any()
        np.testing.assert_array_equal(owner == 0, windows.all(axis=(2, 3)))


@pytest.mark.parametrize("depth_m", [NAN, 0.0, -1.0, np.inf], ids=str)
def test_depths_that_are_none_make_no_landmarks(depth_m):
    landmarks = merge([np.ones((4, 4), bool)], [np.full((4, 4), depth_m)])
    assert (landmarks.owner == -1).all()


def test_nobody():
    landmarks = landmarks_from_people(People.nobody(4, 6), np.zeros((0, 4, 6), np.float32))
    assert landmarks.owner.shape == (4, 6)
    assert (landmarks.owner == -1).all()
    assert len(landmarks.weight) == 0


def test_errors_of_measuring_become_those_of_the_landmarks():
    masks = [rectangle(slice(0, 9), slice(0, 5)), rectangle(slice(0, 9), slice(6, 12))]
    depths_m = np.full((2, 9, 12), 2, np.float32)
    assert np.isnan(merge(masks, depths_m).relative_error).all()
    people = replace(people_with(masks), relative_error=[NAN, 0.2])
    landmarks = landmarks_from_people(people, depths_m)
    np.testing.assert_array_equal(landmarks.relative_error, np.float32([NAN, 0.2]))


def test_a_person_without_a_mask_owns_nothing():
    masks = [np.zeros((3, 3), bool), np.ones((3, 3), bool)]
    landmarks = merge(masks, np.ones((2, 3, 3)))
    assert (landmarks.owner == 1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth_m": np.ones((1, 4, 6))}, r"depth_m has shape \(1, 4, 6\); expected \(1, 4, 5\)"),
        ({"depth_m": np.ones((2, 4, 5))}, r"depth_m has shape \(2, 4, 5\); expected \(1, 4, 5\)"),
        ({"erosion_px": 2}, "erosion_px is 2; expected an odd number"),
        ({"erosion_px": -1}, "erosion_px is -1; expected an odd number"),
        ({"weight": [1, 1]}, r"weight has shape \(2,\); expected \(1,\), one a person"),
        ({"weight": [1.5]}, r"weight \[1.5\]; expected 0 to 1"),
        ({"kind": "ghost"}, "kind is 'ghost'"),
    ],
)
def test_refuses(change, message):
    arguments = {"depth_m": np.ones((1, 4, 5)), **change}
    with pytest.raises(InputError, match=message):
        landmarks_from_people(people_with(np.ones((1, 4, 5), bool)), **arguments)
