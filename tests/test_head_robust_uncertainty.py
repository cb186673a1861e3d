"""How sure the robust head says it is, and whether its search finds what it looks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted_votes import (
    EXPECTED,
    SPREAD,
    depths_of,
    draw,
    ground,
    log_ratio,
    robust,
    votes_of,
)

from mfh.head.robust import _STARTS, _Model


def hostile(name, rng, spread):
    """Votes that no scene would give."""
    count = int(rng.integers(2, 30))
    low, size = spread[0], spread[-1] - spread[0]
    disparity = low + size * rng.uniform(0, 1, count)
    true_m = depths_of((disparity - low) / size)
    outliers = rng.random(count) < 0.4
    error = np.where(outliers, 1.5, 0.1) * rng.standard_normal(count)
    kinds = ["painted person", "person", "measured point", "asked point"]
    up = rng.normal(size=(count, 3))
    votes = {
        "one": lambda: votes_of(disparity[:1], 10 ** rng.uniform(-1, 3, 1)),
        "anything": lambda: votes_of(disparity, 10 ** rng.uniform(-1, 2.5, count)),
        "one depth": lambda: votes_of(disparity, 3.0),
        "one place": lambda: votes_of(np.full(count, disparity[0]), true_m),
        "outliers": lambda: votes_of(disparity, true_m * np.exp(error)),
        "the other way round": lambda: votes_of(disparity[:7], 1 / true_m[:7]),
        "beyond the photo": lambda: votes_of(disparity - 2 * size, true_m),
        "far before it": lambda: votes_of(disparity + 1e3 * size, true_m),
        "doubtful": lambda: votes_of(
            disparity, true_m * np.exp(error), weight=rng.uniform(0, 1, count)
        ),
        "all kinds": lambda: votes_of(
            disparity,
            true_m * np.exp(error),
            rng.choice(kinds, count).tolist(),
            rng.choice([np.nan, 1e-3, 0.5], count),
        ),
        "feet anywhere": lambda: votes_of(
            disparity,
            true_m,
            up=up / np.linalg.norm(up, axis=1)[:, None],
            foot_m=rng.normal(size=(count, 3)) * true_m[:, None],
        ),
        "feet at the horizon": lambda: votes_of(
            disparity, true_m, **ground(true_m, height_m=true_m * rng.uniform(0.02, 0.05, count))
        ),
    }
    return votes[name]()


HOSTILE = [
    *("one", "anything", "one depth", "one place", "outliers", "the other way round"),
    *("beyond the photo", "far before it", "doubtful", "all kinds", "feet anywhere"),
    "feet at the horizon",
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("space", ["disparity", "depth"])
@pytest.mark.parametrize("name", HOSTILE)
def test_every_pixel_has_a_depth_and_an_error_whatever_the_votes(name, space):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        spread = np.sort(rng.uniform(0, 1, 65) ** rng.choice([0.3, 1, 4]))
        spread = spread * 10 ** rng.uniform(-3, 3) + rng.normal()
        head = robust(hostile(name, rng, spread), spread, space)
        assert (head.scale * spread + head.offset > 0).all()
        assert np.isfinite(head.apply(spread)).all()
        nearer = np.diff(head.apply(spread)) <= 0
        assert nearer.all() if space == "disparity" else not nearer[np.diff(spread) > 1e-3].any()
        least, most = np.linalg.eigvalsh(head.covariance)
        assert np.isfinite(most)
        assert least >= -1e-9 * most
        assert 0 <= head.shared_error <= head.relative_error < np.inf
        error = head.relative_error_of(spread)
        assert np.isfinite(error).all()
        assert (error >= np.float32(EXPECTED.disparity)).all()


def test_the_more_painted_people_agree_the_less_the_error():
    heads = []
    for pairs in (1, 2, 4, 8, 16):
        disparity = np.tile([0.2, 0.8], pairs)
        heads.append(robust(votes_of(disparity, depths_of(disparity))))
    errors = [head.relative_error for head in heads]
    assert errors == sorted(errors, reverse=True)
    # What is left is more and more what all share.
    ratios = [head.relative_error / head.shared_error for head in heads]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 1.3
    assert ratios[-1] < 1.15


@pytest.mark.parametrize("pairs", [2, 4, 8])
def test_people_who_disagree_raise_the_error(pairs):
    disparity = np.tile([0.2, 0.2, 0.8, 0.8], pairs)
    sides = np.tile([1, -1, 1, -1], pairs)
    errors = [
        robust(votes_of(disparity, depths_of(disparity) * np.exp(by * sides))).relative_error
        for by in (0, 0.1, 0.2, 0.3, 0.4)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > 1.3 * errors[0]


@pytest.mark.parametrize("kind", ["person", "measured point"])
def test_where_nobody_is_painted_painting_more_is_not_counted_on(kind):
    disparity = np.linspace(0.1, 0.9, 6)
    head = robust(votes_of(disparity, depths_of(disparity), kind, 0.02))
    assert head.shared_error == pytest.approx(head.relative_error)


def test_painted_people_beside_others_share_what_those_leave_open():
    """More painted people would tell the offset, not what painter and body are wrong by."""
    disparity = np.linspace(0.1, 0.9, 6)
    kinds = ["painted person"] * 3 + ["person"] * 3
    head = robust(votes_of(disparity, depths_of(disparity), kinds))
    alone = robust(votes_of(disparity[3:], depths_of(disparity)[3:], "person"))
    assert EXPECTED.body_bias < head.shared_error < head.relative_error < alone.relative_error


@pytest.mark.slow
def test_truth_lies_within_the_error_as_often_as_it_says():
    """Votes drawn from what is expected: 68 and 90 % intervals hold about so many truths.

    A little fewer, in fact: the intervals are those of a normal distribution about the mode.
    """
    rng = np.random.default_rng(0)
    disparity = np.array([0.05, 0.3, 0.7, 1.0])
    of_photos, of_pixels = [], []
    for landmarks in (
        {"painted": 16},
        {"painted": 16, "space": "depth"},
        {"painted": 8, "people": 3, "points": 1},
        {"people": 6},
        {"points": 4},
        {"painted": 8, "standing": True},
    ):
        of_photo, of_pixel = [], []
        for _ in range(150):
            votes, scale, offset = draw(rng, **landmarks)
            space = landmarks.get("space", "disparity")
            head = robust(votes, space=space)
            off = log_ratio(head, depths_of(SPREAD, scale, offset, space))
            of_photo.append(off.mean() / head.relative_error)
            off = log_ratio(head, depths_of(disparity, scale, offset, space), disparity)
            # The disparity of these draws has no error of its own.
            error = replace(head, disparity_error=0.0).relative_error_of(disparity)
            of_pixel.append(off / error)
        for sigmas in (np.abs(of_photo), np.abs(of_pixel)):
            assert (sigmas < 1).mean() > 0.55, landmarks
            assert (sigmas < 1.645).mean() > 0.79, landmarks
        of_photos.append(of_photo)
        of_pixels.append(of_pixel)
    for sigmas in (np.abs(of_photos), np.abs(of_pixels)):
        assert 0.60 <= (sigmas < 1).mean() <= 0.76
        assert 0.85 <= (sigmas < 1.645).mean() <= 0.94


# The search


def some_votes(seed):
    rng = np.random.default_rng(seed)
    return draw(rng, painted=6, people=2, points=1, standing=True)[0]


@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_the_step_follows_the_slope_of_the_cost(space):
    rng = np.random.default_rng(3)
    for seed in range(5):
        model = _Model(some_votes(seed), SPREAD, space, replace(EXPECTED, landmark=0.05))
        found = model.search(0.0, model.trusted()[0])
        free = found.free + 0.1 * rng.standard_normal(7)

        def at(free, model=model, found=found):
            return model._evaluate(free, np.array([0.15, 0.12]), found.good, found.feet)

        slope = [(at(free + by).cost - at(free - by).cost) / 2e-5 for by in 1e-5 * np.eye(7)]
        gradient = -at(free).information @ at(free).step
        np.testing.assert_allclose(gradient, slope, atol=1e-4 * np.abs(slope).max())


def test_all_starts_end_at_one_place():
    for seed in range(20):
        model = _Model(some_votes(seed), SPREAD, "disparity", EXPECTED)
        found = [model.search(start, model.trusted()[0]) for start in _STARTS]
        assert all(state.converged for state in found)
        for state in found[1:]:
            np.testing.assert_allclose(state.free, found[0].free, atol=1e-3)


def test_a_search_says_that_it_has_converged():
    rng = np.random.default_rng(4)
    for _ in range(60):
        votes, _, _ = draw(rng, painted=int(rng.integers(1, 20)), standing=bool(rng.integers(2)))
        assert robust(votes).status == "converged"
