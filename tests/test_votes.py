"""One vote for each landmark: what is taken of it, and what the photo's disparity is like."""

from __future__ import annotations

import numpy as np
import pytest
from planted_votes import votes_of

from mfh.errors import InputError
from mfh.head.votes import gather_votes, medians, painted_votes, require_same_direction, spread_of
from mfh.records import Landmarks

NAN = np.nan


def landmarks(depth_m, owner, **fields):
    """Landmarks of weight 1, as many as there are owners."""
    owner = np.asarray(owner, np.int16)
    fields.setdefault("weight", np.ones(int(owner.max()) + 1, np.float32))
    return Landmarks(np.where(owner >= 0, np.float32(depth_m), np.float32(NAN)), owner, **fields)


def two_images():
    """In the first, owner 1 has pixels before owner 0 and owner 2 has none; in the second, one."""
    first = landmarks(
        [[4, 4, 2], [2, 9, 9]],
        [[1, 1, 0], [0, -1, -1]],
        kind=("person", "measured point", "person"),
        weight=np.float32([0.5, 1.0, 1.0]),
        relative_error=np.float32([NAN, 0.02, NAN]),
        up=np.float32([[0, -1, 0], [NAN] * 3, [1, 0, 0]]),
        foot_m=np.float32([[0.1, 1.5, 2], [NAN] * 3, [9, 9, 9]]),
    )
    second = landmarks([[NAN, 3, NAN], [NAN, 3, NAN]], [[-1, 0, -1], [-1, 0, -1]])
    disparity = np.float32([[[1, 3, 5], [7, 100, 100]], [[0, 10, 0], [0, 20, 0]]])
    return zip(disparity, (first, second))


def test_each_owner_of_a_pixel_votes_in_order_of_images_and_owners():
    votes = gather_votes(two_images())
    assert votes.disparity.tolist() == [6, 2, 15]
    assert votes.depth_m.tolist() == [2, 4, 3]
    assert votes.kind == ("person", "measured point", "painted person")


def test_weight_error_and_stance_come_along():
    votes = gather_votes(two_images())
    assert votes.weight.tolist() == [0.5, 1, 1]
    np.testing.assert_array_equal(votes.relative_error, np.float32([NAN, 0.02, NAN]))
    np.testing.assert_array_equal(votes.up, [[0, -1, 0], [NAN] * 3, [NAN] * 3])
    np.testing.assert_array_equal(votes.foot_m, np.float32([[0.1, 1.5, 2], [NAN] * 3, [NAN] * 3]))


def test_depth_is_the_median_in_disparity():
    """Of two pixels at 1 and 3 m the median of 1 / depth is 2 / 3, so the vote is 1.5 m."""
    votes = gather_votes([(np.float32([[1, 2]]), landmarks([[1, 3]], [[0, 0]]))])
    assert votes.depth_m[0] == pytest.approx(1.5)
    assert votes.disparity[0] == 1.5


def test_pixels_where_a_mask_leaks_do_not_matter():
    rng = np.random.default_rng(0)
    disparity = rng.normal(8, 0.01, (60, 60)).astype(np.float32)
    depth_m = rng.normal(2, 0.002, (60, 60)).astype(np.float32)
    owner = np.zeros((60, 60))
    clean = gather_votes([(disparity, landmarks(depth_m, owner))])
    leaks = rng.random((60, 60)) < 0.2
    leaked = gather_votes([(np.where(leaks, 1, disparity), landmarks(depth_m, owner))])
    assert leaked.disparity[0] == pytest.approx(clean.disparity[0], abs=0.005)
    assert leaked.depth_m[0] == clean.depth_m[0]
    assert clean.disparity[0] == pytest.approx(8, abs=0.001)


def test_so_many_pixels_that_some_will_do_give_the_median_of_all():
    rng = np.random.default_rng(1)
    disparity = rng.normal(8, 1, (300, 300)).astype(np.float32)
    votes = gather_votes([(disparity, landmarks(np.full((300, 300), 2), np.zeros((300, 300))))])
    # The standard error of a median of 1000 is 0.04.
    assert votes.disparity[0] == pytest.approx(np.median(disparity), abs=0.15)


def test_votes_of_pixels_are_those_of_painted_people():
    x = np.array([1.0, 9.0, 3.0, 5.0, 7.0])
    depth_m = np.array([2.0, 4.0, 2.0, 1.0, 4.0])
    group = np.array([1, 0, 1, 1, 0])
    assert medians(x, group).tolist() == [8, 3]
    votes = painted_votes(x, depth_m, group)
    assert votes.disparity.tolist() == [8, 3]
    assert votes.depth_m.tolist() == [4, 2]
    assert votes.kind == ("painted person", "painted person")
    assert votes.weight.tolist() == [1, 1]
    assert np.isnan(votes.relative_error).all()
    assert np.isnan(votes.up).all()
    assert votes.foot_m.shape == (2, 3)


@pytest.mark.parametrize("shape", [(3, 4), (480, 640), (1, 1)])
def test_spread_begins_with_the_least_value_of_all(shape):
    """However few pixels have it: metric disparity must be positive at them, too."""
    values = np.random.default_rng(2).uniform(3, 9, (1, *shape)).astype(np.float32)
    values[0, -1, -1] = -2
    spread = spread_of(values)
    assert spread[0] == -2
    assert spread.dtype == np.float64
    assert (np.diff(spread) >= 0).all()
    if values.size > 1:
        assert spread[len(spread) // 2] == pytest.approx(np.median(values), abs=0.3)


def test_spread_is_over_all_maps():
    spread = spread_of([np.full((4, 5), 1.0), np.full((4, 5), 3.0), np.float64([[-7.0]])])
    assert spread[0] == -7
    assert spread[-1] == 3


def planted(owners, *, falling, space):
    """Votes whose disparity rises with 1 / depth, or falls."""
    rng = np.random.default_rng(3)
    depth_m = rng.uniform(2, 9, owners)
    target = 1 / depth_m if space == "disparity" else depth_m
    return votes_of((-1 if falling else 1) * target * rng.normal(1, 0.05, owners), depth_m)


@pytest.mark.parametrize(("space", "other"), [("disparity", "depth"), ("depth", "disparity")])
def test_values_the_other_way_round_are_refused(space, other):
    wrong = planted(8, falling=True, space=space)
    message = rf"given as {space} run the other way round.*8 people.*--disparity-space {other}"
    with pytest.raises(InputError, match=message):
        require_same_direction(wrong, space)


@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_other_values_are_not(space):
    require_same_direction(planted(30, falling=False, space=space), space)
    # Too few people to tell it from chance, and people at one place or one depth.
    require_same_direction(planted(7, falling=True, space=space), space)
    require_same_direction(votes_of(np.full(9, 5.0), np.arange(1.0, 10)), space)
    require_same_direction(votes_of(np.arange(1.0, 10), np.full(9, 5.0)), space)
    # Depth that people's sizes hide.
    rng = np.random.default_rng(4)
    require_same_direction(votes_of(rng.normal(size=40), rng.uniform(1, 9, 40)), space)


def test_two_wild_votes_among_eight_do_not_turn_the_direction():
    disparity = np.arange(1.0, 9)
    depth_m = 4 / disparity
    depth_m[:2] = 0.05  # the two farthest, said to be at hand
    assert np.corrcoef(disparity, 1 / depth_m)[0, 1] < -0.7
    require_same_direction(votes_of(disparity, depth_m), "disparity")
