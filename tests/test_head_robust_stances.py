"""What feet on the ground tell the robust head, and who is believed about up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted_votes import (
    SPREAD,
    depths_of,
    ground,
    joined,
    log_ratio,
    noisy,
    robust,
    votes_of,
)

NAN = np.nan


def test_feet_on_the_ground_tell_what_peoples_sizes_do_not():
    """With one size error for all, the ground tells depth better than the people do."""
    errors = {True: [], False: []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        disparity = rng.uniform(0.1, 0.9, 8)
        true_m = depths_of(disparity)
        said_m = true_m * 1.3 * np.exp(0.17 * rng.standard_normal(8))
        for standing, found in errors.items():
            stance = ground(true_m, said_m) if standing else {}
            head = robust(votes_of(disparity, said_m, **stance))
            found.append(log_ratio(head, depths_of(SPREAD)))
    with_feet, without = (np.array(errors[standing]) for standing in (True, False))
    assert np.abs(with_feet).mean() < 0.8 * np.abs(without).mean()
    # What is near against what is far: the offset alone.
    with_feet, without = (e[:, 0] - e[:, -1] for e in (with_feet, without))
    assert np.sqrt(np.mean(with_feet**2)) < 0.8 * np.sqrt(np.mean(without**2))


def test_people_who_stand_lessen_the_error():
    standing, not_standing = (robust(noisy(standing=each)) for each in (True, False))
    assert standing.relative_error < not_standing.relative_error


@pytest.mark.parametrize("height_m", [1.0, 2.0])
def test_the_camera_may_be_at_another_height(height_m):
    """Known distances tell the height, and it does not disturb them."""
    disparity = np.linspace(0.1, 0.9, 9)
    depth_m = depths_of(disparity)
    people = votes_of(disparity, depth_m, "person", **ground(depth_m, height_m=height_m))
    points = votes_of([0.2, 0.8], depths_of([0.2, 0.8]), "measured point", 0.02)
    head = robust(joined(people, points))
    np.testing.assert_allclose(head.apply(SPREAD), depths_of(SPREAD), rtol=0.04)


def test_a_camera_pitched_down_sees_the_same_ground():
    disparity = np.linspace(0.1, 0.9, 9)
    depth_m = depths_of(disparity)
    level = votes_of(disparity, 1.2 * depth_m, **ground(depth_m, 1.2 * depth_m))
    turn = np.array([[1, 0, 0], [0, 0.96, -0.28], [0, 0.28, 0.96]])
    # The feet lie where the ground, pitched, has the depth of those who stand on it.
    up = turn @ [0, -1, 0]
    ray = np.stack([np.zeros(9), np.full(9, 0.0), np.ones(9)], axis=1)
    ray[:, 1] = (1.4 / depth_m + up[2]) / -up[1]
    pitched = replace(level, up=np.tile(up, (9, 1)), foot_m=ray * level.depth_m[:, None])
    np.testing.assert_allclose(
        robust(pitched).apply(SPREAD), robust(level).apply(SPREAD), rtol=1e-4
    )


@pytest.mark.parametrize("lie", [[1, 0, 0], [0, 1, 0], [0, -0.6, 0.8]], ids=str)
def test_up_is_what_most_agree_on(lie):
    votes = noisy()
    lying = replace(votes, up=np.concatenate([[lie], votes.up[1:]]).astype(float))
    head, other = robust(votes), robust(lying)
    assert np.abs(log_ratio(other, head)).max() < 1e-6


def test_who_does_not_stand_votes_all_the_same():
    votes = noisy()
    sitting = np.arange(10) % 2 == 0
    up, foot_m = votes.up.copy(), votes.foot_m.copy()
    up[sitting] = foot_m[sitting] = NAN
    head = robust(replace(votes, up=up, foot_m=foot_m))
    assert head.status == "converged"
    assert len(head.used) == 10
    assert np.isfinite([head.scale, head.offset, head.relative_error]).all()
    assert np.isfinite(head.covariance).all()
    between = sorted([robust(votes).relative_error, robust(noisy(standing=False)).relative_error])
    assert between[0] < head.relative_error < between[1]


def test_feet_on_the_horizon_say_nothing():
    votes = noisy()
    level = replace(votes, foot_m=votes.foot_m * [1, 0, 1])
    without = robust(noisy(standing=False))
    np.testing.assert_allclose(robust(level).apply(SPREAD), without.apply(SPREAD), rtol=1e-6)
