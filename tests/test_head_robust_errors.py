"""The robust head with people who know how far they may be mismeasured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted_votes import EXPECTED, SPREAD, depths_of, draw, log_ratio, robust, votes_of
from scipy.optimize import minimize_scalar

from mfh.head.robust import _Model
from mfh.head.scatter import guess_cost, scatter_beside_painter

NAN = np.nan
SURE = replace(EXPECTED, doubt=1e-15)
"""Everybody is what they are taken for."""


def same(one, other):
    """Whether two heads are the same to the bit."""
    values = [
        [head.scale, head.offset, head.loss, head.relative_error, head.shared_error]
        for head in (one, other)
    ]
    return values[0] == values[1] and np.array_equal(one.covariance, other.covariance)


def test_what_votes_scatter_by_beside_the_painter():
    kinds = ["painted person"] * 4 + ["person"] * 3 + ["measured point"] * 2
    error = [NAN, 0.01, 0.04, 0.3, NAN, 0.01, 0.3, NAN, 0.02]
    beside = scatter_beside_painter(votes_of(np.ones(9), 2.0, kinds, error), EXPECTED)
    expected = [
        *(0, 0, 0, np.sqrt(0.3**2 - 0.04**2)),
        *(0.08, np.sqrt(0.08**2 - 0.04**2 + 0.01**2), np.sqrt(0.08**2 - 0.04**2 + 0.3**2)),
        *(0.057, np.hypot(0.02, 0.057)),
    ]
    np.testing.assert_allclose(beside, expected, rtol=1e-12)
    assert (beside[0], beside[1], beside[4], beside[7]) == (0, 0, 0.08, 0.057)
    no_body = replace(EXPECTED, person=0.03)
    assert scatter_beside_painter(votes_of([1], 2.0, "person", 0.1), no_body) == [0.1]


@pytest.mark.parametrize("error", [0.001, 0.02, 0.04])
def test_painted_people_measured_better_than_usual_count_as_usual(error):
    """What is more exact than usual hides behind what the painter gets wrong."""
    rng = np.random.default_rng(0)
    disparity = rng.uniform(0.1, 0.9, 9)
    said_m = depths_of(disparity) * np.exp(0.2 * rng.standard_normal(9))
    usual = robust(votes_of(disparity, said_m))
    assert same(usual, robust(votes_of(disparity, said_m, relative_error=[error] + [NAN] * 8)))
    assert same(usual, robust(votes_of(disparity, said_m, relative_error=error)))
    more = robust(votes_of(disparity, said_m, relative_error=[0.1] + [NAN] * 8))
    assert not same(usual, more)


@pytest.mark.parametrize("error", [0.01, 0.08, 0.3])
@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_two_people_pull_by_their_variances(error, space):
    """Of two in one place who say e^0.1 and e^-0.1 of a depth, and the other way round."""
    heads = []
    for side in (0.1, -0.1):
        said_m = 3 * np.exp([side, -side])
        votes = votes_of([0.4, 0.4], said_m, "person", [NAN, error])
        heads.append(robust(votes, space=space, expected=SURE))
    variances = np.array([0.08**2, 0.08**2 - 0.04**2 + error**2])
    weights = 1 / variances / (1 / variances).sum()
    moved = float(log_ratio(heads[0], heads[1], 0.4)) / 2
    assert moved == pytest.approx(0.1 * (weights[0] - weights[1]), abs=1e-5)


@pytest.mark.parametrize("scatter", [0.1, 0.19, 0.3])
def test_a_painted_person_counts_by_painter_and_own_error_together(scatter):
    disparity = np.linspace(0.1, 0.9, 5)
    error = np.array([NAN, 0.02, 0.1, 0.3, 0.9])
    information = []
    for known in (error, np.full(5, NAN)):
        # The depths that unknowns of 0 stand for.
        votes = votes_of(disparity, 1.5 / (disparity + 1), relative_error=known)
        model = _Model(votes, SPREAD, "disparity", SURE)
        state = model._evaluate(np.zeros(7), np.array([scatter, 0.1]), np.ones(5), np.ones(0))
        information.append(state.information[0, 0])
    variance = scatter**2 + np.array([0, 0, *(error[2:] ** 2 - 0.04**2)])
    assert information[0] == pytest.approx((1 / variance).sum(), rel=1e-6)
    assert information[1] == pytest.approx(5 / scatter**2, rel=1e-6)


@pytest.mark.parametrize("kind", ["painted person", "person"])
def test_the_larger_the_error_the_less_a_person_pulls_and_the_less_is_known(kind):
    disparity = np.linspace(0.1, 0.9, 7)
    said_m = depths_of(disparity) * np.where(np.arange(7) == 3, 1.3, 1)
    heads = [
        robust(votes_of(disparity, said_m, kind, np.where(np.arange(7) == 3, error, NAN)))
        for error in (0.04, 0.1, 0.2, 0.4, 0.8)
    ]
    without = robust(votes_of(np.delete(disparity, 3), np.delete(said_m, 3), kind))
    moved = [abs(float(log_ratio(head, without, 0.5))) for head in heads]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 3 * moved[-1]
    errors = [
        robust(votes_of(disparity, depths_of(disparity), kind, error)).relative_error
        for error in (0.04, 0.1, 0.2, 0.4, 0.8)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > 1.5 * errors[0]


def test_who_may_be_far_off_is_not_set_aside_for_it():
    disparity = np.linspace(0.1, 0.9, 9)
    last = np.arange(9) == 8
    said_m = depths_of(disparity) * np.where(last, 2.2, 1)
    assert not robust(votes_of(disparity, said_m)).used[last]
    assert robust(votes_of(disparity, said_m, relative_error=np.where(last, 0.6, NAN))).used[last]


def test_the_painters_scatter_is_the_likeliest_whatever_the_errors_of_measuring():
    """Against a search over the likelihood itself; those far off do not make a painter worse."""
    rng = np.random.default_rng(5)
    disparity = rng.uniform(0.1, 0.9, 24)
    error = np.repeat([0.04, 0.2, 0.4], 8)
    beside = np.sqrt(error**2 - 0.04**2)
    said_m = depths_of(disparity) * np.exp(np.hypot(0.08, beside) * rng.standard_normal(24))
    found = {}
    for known in (error, np.full(24, NAN)):
        votes = votes_of(disparity, said_m, relative_error=known)
        model = _Model(votes, SPREAD, "disparity", SURE)
        state = model.search(0.0, model.trusted()[0])
        assert state.converged
        residual = model._residuals(state.free)[0]
        more = scatter_beside_painter(votes, EXPECTED)

        def cost(log_scatter, state=state, residual=residual, more=more):
            own = np.hypot(np.exp(log_scatter), more)
            misfit = 0.5 * (residual / own) ** 2 + np.log(own)
            return state.good @ misfit + guess_cost(np.exp(log_scatter), SURE.painted_person)

        likeliest = np.exp(minimize_scalar(cost, bounds=(-5, 1), method="bounded").x)
        assert state.scatter[0] == pytest.approx(likeliest, rel=5e-3)
        found[bool(np.isnan(known).any())] = state.scatter[0]
    assert found[False] < 0.13
    assert found[True] > 0.18


@pytest.mark.slow
def test_truth_lies_within_the_error_as_often_as_it_says_and_nearer_for_it():
    """People measured to between 4 and 40 %: known errors make the head better and truthful."""
    rng = np.random.default_rng(1)
    off, ignorant = [], []
    for landmarks in (
        {"painted": 16},
        {"painted": 8, "standing": True},
        {"painted": 8, "people": 3, "points": 1},
        {"people": 6},
    ):
        for _ in range(150):
            votes, scale, offset = draw(rng, **landmarks, measured_to=(0.04, 0.4))
            of_points = np.where(np.array(votes.kind) == "measured point", 0.02, NAN)
            for known, found in (
                (votes, off),
                (replace(votes, relative_error=of_points), ignorant),
            ):
                head = robust(known)
                error = log_ratio(head, depths_of(SPREAD, scale, offset)).mean()
                found.append((error, error / head.relative_error))
    errors, sigmas = np.abs(off).T
    assert 0.60 <= (sigmas < 1).mean() <= 0.76
    assert 0.82 <= (sigmas < 1.645).mean() <= 0.94
    errors_ignored, sigmas_ignored = np.abs(ignorant).T
    assert errors.mean() < 0.95 * errors_ignored.mean()
    assert (sigmas[-150:] < 1).mean() > (sigmas_ignored[-150:] < 1).mean() + 0.1
