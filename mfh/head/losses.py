"""The losses of the metric head, and the (scale, offset) that minimise each.

x is relative disparity and y its target, both (K,) float64: `1 / depth_m` in disparity space,
`depth_m` in depth space. The prediction is `max(scale * x + offset, 1e-12)`, as the reference's
`AffineOptimizer` clips it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

Loss = Literal["silog", "log_l2", "l1", "l2"]
Vector = NDArray[np.float64]

LOG_EPSILON = 1e-7
SILOG_BETA = 0.15
_FLOOR = 1e-12
_CONVERGED_GRADIENT = 1e-6
_THINNED_PIXELS = 20_000


def loss(method: Loss, scale: float, offset: float, x: Vector, y: Vector) -> float:
    """The loss of a head.

    silog: `10 sqrt(var(g) + 0.15 mean(g)^2)` with `g = log(prediction) - log(y)`, unbiased
    variance, 1e-7 added in both logs (paper Eq. 5 in ZoeDepth's form).
    log_l2: `mean(g^2)`. l1, l2: mean absolute and mean squared difference (paper Table 5).
    """
    predicted = np.maximum(scale * x + offset, _FLOOR)
    if method == "l1":
        return float(np.abs(predicted - y).mean())
    if method == "l2":
        return float(np.square(predicted - y).mean())
    g = np.log(predicted + LOG_EPSILON) - np.log(y + LOG_EPSILON)
    if method == "log_l2":
        return float(np.square(g).mean())
    return float(10 * np.sqrt(_silog_radicand(g)))


def minimise(
    method: Loss, x: Vector, y: Vector, *, fit_scale: bool, fit_offset: bool
) -> tuple[float, float, bool]:
    """The (scale, offset) of lowest loss, and whether the search converged.

    A number that is not fitted stays where the paper starts it: scale 1, offset 0.
    """
    solve = _LINEAR_SOLVERS.get(method)
    if solve is not None:
        return *solve(x, y, fit_scale, fit_offset), True
    return _minimise_log(method, x, y, fit_scale=fit_scale, fit_offset=fit_offset)


def _silog_radicand(g: Vector) -> float:
    variance = g.var(ddof=1) if len(g) > 1 else 0.0
    return float(variance + SILOG_BETA * g.mean() ** 2)


def _minimise_log(
    method: Loss, x: Vector, y: Vector, *, fit_scale: bool, fit_offset: bool
) -> tuple[float, float, bool]:
    """Minimise a loss of log ratios by Newton steps in a trust region.

    The search runs over (a, b) with `scale * x + offset = y_mid * (a * (x - x_mid) / x_unit + b)`:
    in the paper's own (scale, offset) the two directions differ by orders of magnitude, and
    L-BFGS from (1, 0), which the paper uses, stalls. Many pixels are first thinned to find where to
    start.
    """
    both = fit_scale and fit_offset
    x_mid = float(x.mean()) if fit_offset else 0.0
    x_unit = float(x.std()) if both else 1.0
    y_mid = float(np.exp(np.log(y).mean()))

    def to_head(free: Vector) -> tuple[float, float]:
        if both:
            scale = float(y_mid * free[0] / x_unit)
            return scale, float(y_mid * free[1]) - scale * x_mid
        if fit_scale:
            return float(y_mid * free[0]), 0.0
        return 1.0, float(y_mid * free[0]) - x_mid

    def directions(x: Vector) -> NDArray[np.float64]:
        """Derivatives of the prediction by each free number, (len(free), K)."""
        constant = np.full_like(x, y_mid)
        if both:
            return np.stack([y_mid * (x - x_mid) / x_unit, constant])
        return np.stack([y_mid * x if fit_scale else constant])

    thinning = max(1, len(x) // _THINNED_PIXELS)
    free = _log_start(
        x[::thinning], y[::thinning], y_mid, x_unit, fit_scale=fit_scale, fit_offset=fit_offset
    )
    for step in sorted({thinning, 1}, reverse=True):
        objective = _LogObjective(method, x[::step], y[::step], to_head, directions)
        found = minimize(
            objective.value,
            free,
            jac=objective.gradient,
            hess=objective.hessian,
            method="trust-exact",
            options={"gtol": 1e-9, "maxiter": 200, "initial_trust_radius": 0.5},
        )
        free = found.x
    converged = bool(found.success) or float(np.abs(found.jac).max()) < _CONVERGED_GRADIENT
    return *to_head(free), converged


class _LogObjective:
    """A loss of log ratios with its derivatives; silog as the square of a tenth of it.

    That square has the same minimum, and a gradient that stays finite there.
    """

    def __init__(
        self,
        method: Loss,
        x: Vector,
        y: Vector,
        to_head: Callable[[Vector], tuple[float, float]],
        directions: Callable[[Vector], NDArray[np.float64]],
    ) -> None:
        self._silog = method == "silog"
        self._x = x
        self._log_y = np.log(y + LOG_EPSILON)
        self._to_head = to_head
        self._directions = directions(x)
        self._free: Vector | None = None
        self._value: float
        self._gradient: Vector
        self._hessian: NDArray[np.float64]

    def value(self, free: Vector) -> float:
        self._evaluate(free)
        return self._value

    def gradient(self, free: Vector) -> Vector:
        self._evaluate(free)
        return self._gradient

    def hessian(self, free: Vector) -> NDArray[np.float64]:
        self._evaluate(free)
        return self._hessian

    def _evaluate(self, free: Vector) -> None:
        if self._free is not None and np.array_equal(free, self._free):
            return
        self._free = free.copy()
        scale, offset = self._to_head(free)
        linear = scale * self._x + offset
        predicted = np.maximum(linear, _FLOOR) + LOG_EPSILON
        g = np.log(predicted) - self._log_y
        # g' = h and g'' = -h h^T, with h = 0 where the prediction is clipped.
        h = self._directions * np.where(linear > _FLOOR, 1 / predicted, 0.0)
        count = len(g)
        if not self._silog:
            self._value = _dot(g, g) / count
            self._gradient = 2 / count * _dots(h, g)
            self._hessian = 2 / count * _outer_dots(h, h * (1 - g))
            return
        mean, mean_h = float(g.mean()), h.mean(axis=1)
        others = max(count - 1, 1)
        centred = g - mean
        outer = np.outer(mean_h, mean_h)
        squares = _outer_dots(h, h)
        self._value = _dot(centred, centred) / others + SILOG_BETA * mean**2
        self._gradient = 2 / others * _dots(h, centred) + 2 * SILOG_BETA * mean * mean_h
        spread = squares - count * outer - _outer_dots(h, h * centred)
        tilt = outer - mean * squares / count
        self._hessian = 2 / others * spread + 2 * SILOG_BETA * tilt


# Sums without BLAS, whose threads wait for each other when the machine has other work.
def _dot(a: Vector, b: Vector) -> float:
    return float(np.einsum("k,k->", a, b))


def _dots(a: NDArray[np.float64], b: Vector) -> Vector:
    sums: Vector = np.einsum("ik,k->i", a, b)
    return sums


def _outer_dots(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.einsum("ik,jk->ij", a, b)
    return sums


def _log_start(
    x: Vector, y: Vector, y_mid: float, x_unit: float, *, fit_scale: bool, fit_offset: bool
) -> Vector:
    """A start at which every prediction is positive, so that no gradient is cut off."""
    if fit_scale and fit_offset:
        slope = np.polyfit((x - x.mean()) / x_unit, np.log(y), 1)[0]
        deepest = max(float((x.mean() - x.min()) / x_unit), 1e-9)
        return np.array([np.clip(slope, -0.5 / deepest, 0.5 / deepest), 1.0])
    if fit_scale:
        return np.array([float(np.exp(-np.log(np.abs(x) + _FLOOR).mean()))])
    # Just above the offset at which the smallest x would be predicted at zero.
    return np.array([max(1.0, float(x.mean() - x.min()) / y_mid * 1.01)])


def _minimise_l2(x: Vector, y: Vector, fit_scale: bool, fit_offset: bool) -> tuple[float, float]:
    if not fit_offset:
        return float(x @ y / (x @ x)), 0.0
    if not fit_scale:
        return 1.0, float((y - x).mean())
    centred = x - x.mean()
    scale = float(centred @ y / (centred @ centred))
    return scale, float(y.mean() - scale * x.mean())


def _minimise_l1(x: Vector, y: Vector, fit_scale: bool, fit_offset: bool) -> tuple[float, float]:
    if not fit_offset:
        # sum |s x - y| = sum |x| |s - y / x|: a weighted median.
        used = x != 0
        return _weighted_median(y[used] / x[used], np.abs(x[used])), 0.0
    if not fit_scale:
        return 1.0, float(np.median(y - x))
    # For a given slope the best intercept is a median; what is left is convex in the slope alone.
    centre, unit = x.mean(), x.std()
    u = (x - centre) / unit
    least_squares = float(u @ y / (u @ u))
    reach = 4 * float(np.abs(y - y.mean() - least_squares * u).max()) + np.finfo(float).tiny

    def best_for(slope: float) -> float:
        rest = y - slope * u
        return float(np.abs(rest - np.median(rest)).mean())

    found = minimize_scalar(
        best_for,
        bounds=(least_squares - reach, least_squares + reach),
        method="bounded",
        options={"xatol": 1e-9 * max(abs(least_squares), reach), "maxiter": 200},
    )
    scale = float(found.x) / unit
    return scale, float(np.median(y - scale * x))


def _weighted_median(values: Vector, weights: Vector) -> float:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])])


_LINEAR_SOLVERS: dict[str, Callable[[Vector, Vector, bool, bool], tuple[float, float]]] = {
    "l1": _minimise_l1,
    "l2": _minimise_l2,
}
