"""The robust head: planted answers, what must not change it, who counts how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted_votes import (
    EXPECTED,
    SPREAD,
    changed,
    depths_of,
    ground,
    joined,
    log_ratio,
    noisy,
    robust,
    votes_of,
)

from mfh.head import Expectations

NAN = np.nan
KINDS = ["painted person", "person", "measured point", "asked point"]
ANY_HEIGHT = replace(EXPECTED, camera_height=1e4)


# Planted answers


@pytest.mark.parametrize("standing", [False, True])
@pytest.mark.parametrize("space", ["disparity", "depth"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("planted", [(0.4, 0.1), (2.0, 0.3), (0.1, 0.05)], ids=str)
def test_clean_votes_give_the_planted_head(planted, kind, space, standing):
    disparity = np.random.default_rng(0).uniform(0.05, 0.95, 24)
    depth_m = depths_of(disparity, *planted, space)
    stance = ground(depth_m) if standing else {}
    head = robust(votes_of(disparity, depth_m, kind, **stance), space=space)
    assert head.scale == pytest.approx(planted[0], rel=0.03)
    assert head.offset == pytest.approx(planted[1], rel=0.03)
    np.testing.assert_allclose(head.apply(SPREAD), depths_of(SPREAD, *planted, space), rtol=0.03)
    assert head.used.all()
    assert head.status == "converged"
    assert (head.method, head.space) == ("robust", space)
    assert head.disparity_error == EXPECTED.disparity


def test_one_person_gives_a_depth():
    """All that one vote cannot tell is expected: its own depth is near, and the error says so."""
    head = robust(votes_of([0.5], [3.0]))
    assert np.log(head.apply(0.5) / 3) == pytest.approx(0, abs=0.15)
    assert 1 < head.apply(0.0) / head.apply(1.0) < 30
    assert 0.1 < head.relative_error < 0.5


@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_values_that_are_the_same_everywhere_give_the_votes_depth(space):
    for value in (8.0, 0.0, -3.0):
        votes = votes_of(np.full(6, value), np.full(6, 2.5))
        head = robust(votes, np.full(65, value), space)
        assert head.apply(value) == pytest.approx(2.5, rel=0.05)


# What must not change it


@pytest.mark.parametrize("space", ["disparity", "depth"])
@pytest.mark.parametrize(("gain", "shift"), [(3, 1), (0.001, -0.02), (2e4, 7e5), (1, 100)])
def test_the_scale_of_the_disparity_does_not_matter(gain, shift, space):
    votes = noisy()
    head = robust(votes, space=space)
    other = robust(
        replace(votes, disparity=gain * votes.disparity + shift), gain * SPREAD + shift, space
    )
    np.testing.assert_allclose(other.apply(gain * SPREAD + shift), head.apply(SPREAD), rtol=1e-4)
    assert other.relative_error == pytest.approx(head.relative_error, rel=1e-4)
    assert other.shared_error == pytest.approx(head.shared_error, rel=1e-4)
    np.testing.assert_allclose(
        other.relative_error_of(gain * SPREAD + shift), head.relative_error_of(SPREAD), rtol=1e-4
    )


@pytest.mark.parametrize("space", ["disparity", "depth"])
@pytest.mark.parametrize("factor", [0.2, 7.0])
def test_where_no_camera_height_is_expected_depth_is_in_the_unit_of_the_votes(factor, space):
    votes = noisy()
    scaled = replace(votes, depth_m=factor * votes.depth_m, foot_m=factor * votes.foot_m)
    head, other = (robust(each, space=space, expected=ANY_HEIGHT) for each in (votes, scaled))
    np.testing.assert_allclose(other.apply(SPREAD), factor * head.apply(SPREAD), rtol=1e-3)
    assert other.relative_error == pytest.approx(head.relative_error, rel=1e-3)
    # An expected height holds it back.
    held = robust(scaled, space=space)
    assert abs(np.log(held.apply(0.5) / head.apply(0.5))) < abs(np.log(factor))


def test_the_order_of_the_owners_does_not_matter():
    votes = joined(noisy(), votes_of([0.3, 0.7], [2.0, 9.0], KINDS[1:3], [NAN, 0.02]))
    order = np.random.default_rng(1).permutation(len(votes.kind))
    head, other = robust(votes), robust(changed(votes, order))
    np.testing.assert_allclose(other.apply(SPREAD), head.apply(SPREAD), rtol=1e-5)
    assert other.relative_error == pytest.approx(head.relative_error, rel=1e-5)
    np.testing.assert_array_equal(other.used, head.used[order])


# Who counts how much


def told(one, other, ratio, errors=(NAN, NAN)):
    """Where the depth comes to lie between one owner's vote (0) and another's (1)."""
    votes = votes_of([0.5, 0.5], [3.0, 3.0 * ratio], [one, other], errors)
    return float(np.log(robust(votes).apply(0.5) / 3) / np.log(ratio))


@pytest.mark.parametrize("ratio", [1.2, 1 / 1.2])
def test_a_known_distance_counts_more_than_a_person_and_a_person_more_than_a_painted_one(ratio):
    assert told("measured point", "painted person", ratio, (0.02, NAN)) < 0.25
    assert told("measured point", "person", ratio, (0.02, NAN)) < 0.45
    assert told("person", "painted person", ratio) < 0.3
    assert told("painted person", "painted person", ratio) == pytest.approx(0.5, abs=0.25)


def test_a_known_distance_is_doubted_less_than_a_person_as_sure():
    as_sure = float(np.hypot(0.02, EXPECTED.disparity))
    assert told("measured point", "person", 1.5, (0.02, as_sure)) < 0.1
    assert told("person", "measured point", 1.5, (as_sure, 0.02)) > 0.9


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_known_distance_is_right_whatever_size_painted_people_have(factor):
    rng = np.random.default_rng(2)
    disparity = np.append(rng.uniform(0.1, 0.9, 12), 0.5)
    true_m = depths_of(disparity)
    said_m = np.append(factor * true_m[:12] * np.exp(0.17 * rng.standard_normal(12)), true_m[12])
    kinds = ["painted person"] * 12 + ["measured point"]
    head = robust(votes_of(disparity, said_m, kinds, [NAN] * 12 + [0.02]))
    assert head.used[12]
    assert abs(np.log(head.apply(0.5) / true_m[12])) < np.hypot(0.02, EXPECTED.disparity)
    without = robust(votes_of(disparity[:12], said_m[:12]))
    assert abs(np.log(without.apply(0.5) / true_m[12])) > 0.1
    assert head.relative_error < 0.65 * without.relative_error


@pytest.mark.parametrize("factor", [0.65, 1.5])
def test_a_known_distance_is_not_set_aside_for_people_of_an_unlikely_size(factor):
    """That the painter misreads the scene is likelier than that a tape does."""
    disparity = np.append(np.linspace(0.1, 0.9, 4), 0.5)
    true_m = depths_of(disparity)
    said_m = true_m * [factor, factor, factor, factor, 1]
    kinds = ["painted person"] * 4 + ["measured point"]
    head = robust(votes_of(disparity, said_m, kinds, [NAN] * 4 + [0.02]))
    assert head.used[4]
    assert head.apply(0.5) == pytest.approx(true_m[4], rel=0.1)


def test_an_error_of_its_own_counts_instead_of_what_is_usual():
    def head(error):
        return robust(votes_of([0.5, 0.5], [3.0, 3.6], "person", [error, NAN]))

    nearer = [float(head(error).apply(0.5)) for error in (0.02, 0.08, 0.3)]
    assert nearer == sorted(nearer)
    assert head(0.02).relative_error < head(0.3).relative_error


def test_errors_of_the_disparity_under_people_do_not_flatten_the_scene():
    """A line through points that scatter along x, too, comes out too flat; expecting it helps."""
    flatter = {0.0: [], 0.2: []}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        disparity = rng.uniform(0.05, 1, 24)
        said_m = depths_of(disparity) * np.exp(0.15 * rng.standard_normal(24))
        seen = disparity + 0.2 * (disparity + 0.25) * rng.standard_normal(24)
        for landmark, found in flatter.items():
            expected = replace(
                EXPECTED, landmark=landmark, painted_person=0.25, depth_range=(1.2, 60.0)
            )
            off = log_ratio(robust(votes_of(seen, said_m), expected=expected), depths_of(SPREAD))
            found.append(off[0] - off[-1])
    assert np.mean(flatter[0.0]) < -0.2
    assert np.mean(flatter[0.2]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("factor", [0.3, 3.0, 10.0])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_an_outlier_is_set_aside(place, factor):
    disparity = np.linspace(0.1, 0.9, 12)
    said_m = depths_of(disparity) * np.exp(0.08 * np.random.default_rng(1).standard_normal(12))
    clean = votes_of(disparity, said_m)
    outlier = votes_of([place], [factor * depths_of(place)])
    head = robust(joined(clean, outlier))
    assert head.used.tolist() == [True] * 12 + [False]
    # A mean of logarithms would move by 0.09 to 0.18.
    assert np.abs(log_ratio(head, robust(clean))).max() < 0.08
    assert abs(log_ratio(head, robust(clean), 0.5)) < 0.03


def test_of_two_equal_parties_that_disagree_the_farther_is_doubted():
    """What is taken for a person and is none (a child, a thing) is mostly smaller than one."""
    place = np.linspace(0.2, 0.8, 6)
    near_m = depths_of(place, 0.4, 0.1)
    said_m = np.concatenate([near_m, 5 * near_m])
    votes = votes_of(np.tile(place, 2), said_m, "person")
    wide = replace(ANY_HEIGHT, person=0.19)
    assert robust(votes, expected=wide).used.tolist() == [True] * 6 + [False] * 6
    the_other_way = replace(wide, doubtful_too_far=-0.2)
    assert robust(votes, expected=the_other_way).used.tolist() == [False] * 6 + [True] * 6


def test_the_less_weight_the_less_influence():
    disparity = np.linspace(0.1, 0.9, 7)
    said_m = depths_of(disparity) * [1, 1, 1, 1.5, 1, 1, 1]
    others = np.arange(7) != 3
    without = robust(changed(votes_of(disparity, said_m), others))
    moved = []
    for weight in (1, 0.5, 0.2, 0.05):
        votes = votes_of(disparity, said_m, weight=np.where(others, 1, weight))
        moved.append(abs(log_ratio(robust(votes), without, 0.5)))
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 2 * moved[-1]


@pytest.mark.filterwarnings("error")
def test_somebody_of_no_weight_is_set_aside_without_a_warning():
    disparity = np.linspace(0.1, 0.9, 7)
    weight = np.ones(7)
    weight[2] = 0
    head = robust(votes_of(disparity, depths_of(disparity), weight=weight))
    assert head.used.tolist() == (weight > 0).tolist()


def test_who_is_farther_than_all_of_the_photo_counts_as_at_its_farthest():
    at_farthest = robust(votes_of([0.0, 0.4], [3.0, 2.0]))
    for beyond in (-0.02, -0.3, -50):
        head = robust(votes_of([beyond, 0.4], [3.0, 2.0]))
        np.testing.assert_allclose(head.apply(SPREAD), at_farthest.apply(SPREAD), rtol=1e-5)


def test_what_is_expected_is_a_matter_of_the_caller():
    votes = votes_of([0.4, 0.6], depths_of([0.4, 0.6]))
    sure = robust(votes, expected=replace(EXPECTED, painted_person=0.02, painted_bias=0.02))
    assert sure.relative_error < robust(votes).relative_error
    assert robust(votes, expected=None).relative_error == pytest.approx(
        robust(votes, expected=Expectations()).relative_error
    )
