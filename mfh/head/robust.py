"""The robust metric head: people vote, and physics says what they leave open.

docs/metric_head.md has the mathematics with its assumptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mfh.head.expectations import Expectations
from mfh.head.scatter import (
    guess_cost,
    likeliest_scatter,
    scatter_beside_painter,
    t_cost,
    t_weight,
)
from mfh.head.votes import Vector, Votes
from mfh.records import FitStatus, MetricHead, Space

Matrix = NDArray[np.floating]

# The unknowns: log level, log rest, biases of painter and body, log camera height, tilt, and the
# bias of the model that was asked.
_UNKNOWNS = 7
_LEVEL, _REST, _PAINTER, _BODY, _HEIGHT, _TILT, _ASKED = range(_UNKNOWNS)
_STEPS = 60
_CONVERGED = 1e-4
_LARGEST_STEP = 0.7
_STARTS = (0.0, -1.0, 0.8)
"""Where the search for the offset starts, in standard deviations of what is expected."""
_LOWEST_TANGENT = 0.03
"""Feet nearer to the horizon than this say nothing of how far they are."""
_TINY = 1e-3


def fit_robust(
    votes: Votes,
    spread: Vector,
    space: Space = "disparity",
    expectations: Expectations | None = None,
) -> MetricHead:
    """Maximise p(scale, offset | votes) weighted by 1 / depth, over scale and offset.

    The metric disparity (or depth) is `m(d) = e^level (d' + e^rest) / (d'_mid + e^rest)` with
    `d' = (d - d_min) / range` over the photo, which is positive everywhere. Each owner votes for
    `log m` at its place, up to biases that owners of its kind share; where people stand, their feet
    give depth up to the camera's height; the rest is expected as `Expectations` says. The weight
    1 / depth makes the answer the one of least expected relative error.

    votes: at least one.
    spread: sorted values of the photo's disparity, the first the least of all.
    """
    model = _Model(votes, spread, space, expectations or Expectations())
    found = min(
        (model.search(start, trusted) for trusted in model.trusted() for start in _STARTS),
        key=lambda state: state.cost,
    )
    return model.head(found)


@dataclass(frozen=True, eq=False)
class _State:
    """A point of the search.

    free: (7,) the unknowns; scatter: of painted people and of stances, (2,).
    cost: minus the log of what is maximised; step: the Newton step from here.
    information: (7, 7), the inverse of the unknowns' covariance.
    good: (O,) the probability that an owner is what it is taken for; feet: (S,) how much those who
        stand count, in [0, 1].
    """

    free: Vector
    scatter: Vector
    cost: float
    step: Vector
    information: Matrix
    good: Vector
    feet: Vector
    converged: bool = False


class _Model:
    def __init__(self, votes: Votes, spread: Vector, space: Space, expected: Expectations) -> None:
        self._expected = expected
        self._space: Space = space
        # log m is minus the log of depth in disparity space, and the log of depth in depth space.
        self._sign = 1.0 if space == "disparity" else -1.0
        self._least = float(spread[0])
        self._range = (
            max(
                float(np.quantile(spread, 0.99)) - self._least,
                1e-6 * float(np.abs(spread).max()),
            )
            or 1.0
        )
        # Whoever seems farther than all of the photo counts as at its farthest: beyond, metric
        # disparity need not be positive.
        self._x = np.maximum((votes.disparity - self._least) / self._range, 0.0)
        self._map = np.maximum((spread - self._least) / self._range, 0.0)
        self._mid = float(np.median(self._x))
        self._log_depth = np.log(votes.depth_m)

        kind = np.array(votes.kind)
        self._painted = kind == "painted person"
        self._measured = kind == "measured point"
        self._asked = kind == "asked point"
        self._point = self._measured | self._asked
        self._beside = scatter_beside_painter(votes, expected)
        usual = np.where(self._painted, expected.painted_person, expected.person)
        self._usual = np.where(self._point, self._beside, usual)
        # Errors of their own let people's votes scatter more, but not along x.
        self._along_x = np.minimum(1.0, self._usual / self._own(expected.painted_person)) ** 2
        self._doubt = np.where(self._measured, expected.doubt_distance, expected.doubt)
        self._doubt[self._asked] = expected.doubt_answer
        self._doubt = 1 - np.maximum(votes.weight, _TINY) * (1 - self._doubt)
        self._tangent = _tangents(votes)
        self._stands = self._tangent > _LOWEST_TANGENT
        self._together = min(1.0, expected.stances / max(int(self._stands.sum()), 1))

        rest = [math.log(1 / (ratio - 1)) for ratio in expected.depth_range]
        self._centre = np.zeros(_UNKNOWNS)
        self._centre[_REST] = sum(rest) / 2
        self._centre[_HEIGHT] = math.log(expected.camera_height_m)
        self._precision = np.array(
            [
                0.0,
                (2 * 1.645 / (rest[0] - rest[1])) ** 2,
                expected.painted_bias**-2,
                expected.body_bias**-2,
                expected.camera_height**-2,
                expected.tilt**-2,
                expected.asked_bias**-2,
            ]
        )

    def trusted(self) -> tuple[NDArray[np.bool_], ...]:
        """Whose level the search may start from, (O,) each: everybody's, and that of the surest.

        Many who are wrong together would otherwise hide one who is right.
        """
        # People of a kind go together: one of them alone, however sure, may be none.
        surest = self._usual <= self._usual.min()
        everybody = np.ones(len(surest), np.bool_)
        return (everybody,) if surest.all() else (everybody, surest)

    def search(self, start: float, trusted: NDArray[np.bool_]) -> _State:
        """Newton steps from an offset; each takes the doubts and scatters of the last."""
        free = self._centre.copy()
        free[_REST] += start / math.sqrt(self._precision[_REST])
        level = -self._sign * self._log_depth - self._log_metric(free, self._x)
        free[_LEVEL] = np.median(level[trusted])
        scatter = np.array([self._expected.painted_person, self._expected.stance])
        state = self._evaluate(free, scatter, 1 - self._doubt, np.ones(int(self._stands.sum())))
        for _ in range(_STEPS):
            if float(np.abs(state.step).max()) < _CONVERGED:
                return replace(state, converged=True)
            state = self._better(state)
        return state

    def _better(self, state: _State) -> _State:
        """The state a Newton step away, or nearer where that would be worse."""
        step = state.step * min(1.0, _LARGEST_STEP / float(np.abs(state.step).max()))
        for _ in range(8):
            nearby = self._evaluate(state.free + step, state.scatter, state.good, state.feet)
            if nearby.cost <= state.cost + 1e-12:
                break
            step = step / 2
        return self._evaluate(nearby.free, self._scatter(nearby), nearby.good, nearby.feet)

    def _log_metric(self, free: Vector, x: Vector) -> Vector:
        rest = math.exp(free[_REST])
        return np.asarray(free[_LEVEL] + np.log(x + rest) - math.log(self._mid + rest))

    def _by_rest(self, free: Vector, x: Vector) -> Vector:
        """Derivative of `_log_metric` by the log of the rest."""
        rest = math.exp(free[_REST])
        return np.asarray(rest / (x + rest) - rest / (self._mid + rest))

    def _own(self, painter: float) -> Vector:
        """What each vote scatters by, (O,), where painted people scatter by `painter`."""
        return np.asarray(np.hypot(np.where(self._painted, painter, 0.0), self._beside))

    def _residuals(self, free: Vector) -> tuple[Vector, Vector]:
        """By how much votes, and feet, put each owner too far, in the log of depth."""
        log_depth = -self._sign * self._log_metric(free, self._x)
        biases = (
            free[_PAINTER] * self._painted + free[_BODY] * ~self._point + free[_ASKED] * self._asked
        )
        feet_log_depth = free[_HEIGHT] - np.log(
            np.maximum(self._tangent[self._stands] + free[_TILT], _TINY)
        )
        return (
            self._log_depth - log_depth - biases,
            feet_log_depth - log_depth[self._stands],
        )

    def _slopes(self, free: Vector) -> tuple[Matrix, Matrix]:
        """Derivatives of `_residuals` by the unknowns, (O, 7) and (S, 7)."""
        votes = np.zeros((len(self._x), _UNKNOWNS))
        votes[:, _LEVEL] = self._sign
        votes[:, _REST] = self._sign * self._by_rest(free, self._x)
        feet = votes[self._stands]
        votes[:, _PAINTER] = -1.0 * self._painted
        votes[:, _BODY] = -1.0 * ~self._point
        votes[:, _ASKED] = -1.0 * self._asked
        feet[:, _HEIGHT] = 1.0
        feet[:, _TILT] = -1 / np.maximum(self._tangent[self._stands] + free[_TILT], _TINY)
        return votes, feet

    def _evaluate(self, free: Vector, scatter: Vector, good: Vector, feet: Vector) -> _State:
        """The state at some unknowns; `good` and `feet` are those of the state before."""
        expected = self._expected
        own = self._own(scatter[0])
        vote, foot = self._residuals(free)
        log_good = np.log1p(-self._doubt) - 0.5 * (vote / own) ** 2 - np.log(own)
        doubtful = np.where(self._asked, expected.doubtful_answer, expected.doubtful)
        wide = np.hypot(doubtful, own)
        too_far = np.where(self._point, 0.0, expected.doubtful_too_far)
        log_bad = np.log(self._doubt) - 0.5 * ((vote - too_far) / wide) ** 2 - np.log(wide)
        now_good = 1 / (1 + np.exp(np.clip(log_bad - log_good, -700, 700)))
        bad_weight = (1 - now_good) / wide**2
        vote_weight = now_good / own**2 + bad_weight
        vote_pull = vote - too_far * bad_weight / vote_weight
        foot_weight = self._together * t_weight(foot, scatter[1])

        away = free - self._centre
        precision = self._precision.copy()
        precision[_HEIGHT] = t_weight(away[_HEIGHT], expected.camera_height)
        if not self._measured.any():
            # A painter whose people agree is taken to read the scene as well as that, unless a
            # known distance can tell.
            precision[_PAINTER] *= (expected.painted_person / scatter[0]) ** 2
        vote_slopes, foot_slopes = self._slopes(free)
        information = np.diag(precision)
        gradient = precision * away
        for slopes, weight, residual in (
            (vote_slopes, vote_weight, vote_pull),
            (foot_slopes, foot_weight, foot),
        ):
            weighted = slopes * weight[:, None]
            information += weighted.T @ slopes
            gradient += weighted.T @ residual
        steepness = self._steepness(free, good, feet)
        gradient[_REST] += steepness[1]
        nearness = np.zeros(_UNKNOWNS)
        nearness[_LEVEL] = self._sign
        nearness[_REST] = self._sign * self._by_rest(free, self._map).mean()
        gradient -= nearness
        cost = (
            -np.logaddexp(log_good, log_bad).sum()
            + self._together * t_cost(foot, scatter[1]).sum()
            + t_cost(away[_HEIGHT], expected.camera_height)
            + 0.5 * (np.delete(precision, _HEIGHT) * np.delete(away, _HEIGHT) ** 2).sum()
            - self._sign * self._log_metric(free, self._map).mean()
            + steepness[0]
            + math.log(scatter[0])
            + guess_cost(scatter[0], expected.painted_person)
            + guess_cost(scatter[1], expected.stance)
        )
        step = -np.linalg.solve(information, gradient)
        now_feet = foot_weight * scatter[1] ** 2
        return _State(free, scatter, float(cost), step, information, now_good, now_feet)

    def _steepness(self, free: Vector, good: Vector, feet: Vector) -> tuple[float, float]:
        """What errors of the disparity under the landmarks add to cost and gradient.

        A line through points that scatter along x comes out too flat. This is the corrected score
        for it (Nakamura, "Corrected score function for errors-in-variables models", Biometrika
        1990), for errors that are a given share of the landmarks' scatter.

        good: (O,), feet: (S,), how much each vote and each foot counts, in [0, 1].
        """
        expected, rest = self._expected, math.exp(free[_REST])
        cost = slope = 0.0
        for count, x, scatter in (
            (good * self._along_x, self._x, expected.painted_person),
            (feet, self._x[self._stands], expected.stance),
        ):
            share = (expected.landmark / scatter) ** 2 * max(0.0, 1 - 1 / max(len(x), 1))
            place = np.maximum(x + rest, _TINY)
            cost += share * float(count @ np.log(place))
            slope += share * float(count @ (rest / place))
        return cost, slope

    def _scatter(self, state: _State) -> Vector:
        """The scatters of people and of stances that fit the residuals best."""
        expected = self._expected
        vote, foot = self._residuals(state.free)
        painter = float(state.scatter[0])
        # Each counts by the share of its variance that is the painter's: where that no longer
        # changes, it is the likeliest.
        share = (painter / self._own(painter)[self._painted]) ** 2
        count = state.good[self._painted] * share
        squares = float((count * share) @ vote[self._painted] ** 2)
        return np.array(
            [
                likeliest_scatter(expected.painted_person, squares, count.sum()),
                likeliest_scatter(
                    expected.stance, float(state.feet @ foot**2), self._together * len(foot)
                ),
            ]
        )

    def head(self, state: _State) -> MetricHead:
        """The metric head at a state."""
        free = state.free
        rest = math.exp(free[_REST])
        unit = math.exp(free[_LEVEL]) / (self._mid + rest)
        scale = unit / self._range
        offset = unit * (rest - self._least / self._range)
        share = rest / (self._mid + rest)
        by_free = np.array([[scale, -scale * share], [offset, unit * rest - offset * share]])
        covariance = np.linalg.inv(state.information)[:2, :2]
        status: FitStatus = "converged" if state.converged else "not converged"
        return MetricHead(
            scale=scale,
            offset=offset,
            space=self._space,
            method="robust",
            loss=state.cost,
            relative_error=self._error(free, covariance),
            used=state.good > 0.5,
            status=status,
            covariance=by_free @ covariance @ by_free.T,
            disparity_error=self._expected.disparity,
            shared_error=self._error(free, self._covariance_of_many(state)),
        )

    def _error(self, free: Vector, covariance: Matrix) -> float:
        """1 sigma of the photo's mean log depth."""
        slope = np.array([1.0, self._by_rest(free, self._map).mean()])
        return float(np.sqrt(slope @ covariance @ slope))

    def _covariance_of_many(self, state: _State) -> Matrix:
        """The covariance if any number of painted people joined those there are.

        Where there are none, if any number of asked points did.
        """
        vote_slopes, foot_slopes = self._slopes(state.free)
        information = state.information.copy()
        many = vote_slopes[self._painted if self._painted.any() else self._asked]
        information += 1e6 * many.T @ many
        if self._painted.any() and len(foot_slopes):
            more = self._expected.stances / (self._together * len(foot_slopes)) - 1
            weight = more * self._together / state.scatter[1] ** 2
            information += weight * foot_slopes.T @ foot_slopes
        return np.linalg.inv(information)[:2, :2]


def _tangents(votes: Votes) -> Vector:
    """How far below the horizon each one's feet are, as a tangent; NaN for who does not stand.

    Depth is the camera's height over it. Up is what most of those who stand agree on.
    """
    if np.isnan(votes.up).all():
        return np.full(len(votes.up), np.nan)
    up = np.nanmedian(votes.up, axis=0)
    return np.asarray(-(votes.foot_m @ (up / np.linalg.norm(up))) / votes.depth_m)
