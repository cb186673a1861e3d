"""The losses of the metric head, and the (scale, offset) that minimise each.

x is relative disparity and y its target, both (K,) float64: `1 / depth_m` in disparity space,
`depth_m` in depth space. The prediction is `max(scale * x + offset, 1e-12)`, as the reference's
`AffineOptimizer` clips it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from mfh.settings import HeadMethod

Vector = NDArray[np.float64]

LOG_EPSILON = 1e-7
SILOG_BETA = 0.15
_FLOOR = 1e-12
_CONVERGED_GRADIENT = 1e-6


def loss(method: HeadMethod, scale: float, offset: float, x: Vector, y: Vector) -> float:
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
    method: HeadMethod, x: Vector, y: Vector, *, fit_scale: bool, fit_offset: bool
) -> tuple[float, float, bool]:
    """The (scale, offset) of lowest loss, and whether the search converged.

    A number that is not fitted stays where the paper starts it: scale 1, offset 0.
    """
    solve = _LINEAR_SOLVERS.get(method)
    if solve is not None:
        return *solve(x, y, fit_scale, fit_offset), True
    return _minimise_log(method, x, y, fit_scale=fit_scale, fit_offset=fit_offset)


def _silog_radicand(g: Vector) -> float:
    return float(g.var(ddof=1) + SILOG_BETA * g.mean() ** 2)


def _minimise_log(
    method: HeadMethod, x: Vector, y: Vector, *, fit_scale: bool, fit_offset: bool
) -> tuple[float, float, bool]:
    """Minimise a loss of log ratios by L-BFGS.

    The search runs over (a, b) with `scale * x + offset = y_mid * (a * (x - x_mid) / x_unit + b)`:
    in the paper's own (scale, offset) the two directions differ by orders of magnitude and L-BFGS
    stalls; here both are near 1.
    """
    x_mid = float(x.mean()) if fit_offset else 0.0
    x_unit = float(x.std()) if fit_offset and fit_scale else 1.0
    y_mid = float(np.exp(np.log(y).mean()))
    log_y = np.log(y + LOG_EPSILON)
    u = (x - x_mid) / x_unit

    def to_head(free: Vector) -> tuple[float, float]:
        if fit_scale and fit_offset:
            scale = y_mid * free[0] / x_unit
            return scale, y_mid * free[1] - scale * x_mid
        if fit_scale:
            return float(np.exp(free[0])), 0.0
        return 1.0, y_mid * free[0] - x_mid

    def derivative(free: Vector) -> NDArray[np.float64]:
        """D prediction / d free, (len(free), K)."""
        if fit_scale and fit_offset:
            return np.stack([y_mid * u, np.full_like(u, y_mid)])
        if fit_scale:
            return (np.exp(free[0]) * x)[None]
        return np.full((1, len(x)), y_mid)

    def objective(free: Vector) -> tuple[float, Vector]:
        scale, offset = to_head(free)
        linear = scale * x + offset
        predicted = np.maximum(linear, _FLOOR) + LOG_EPSILON
        g = np.log(predicted) - log_y
        count, mean = len(g), g.mean()
        if method == "silog":
            # The square of silog / 10 has the same minimum and a gradient that stays finite there.
            value = _silog_radicand(g)
            slope = 2 * (g - mean) / (count - 1) + 2 * SILOG_BETA * mean / count
        else:
            value = float(np.square(g).mean())
            slope = 2 * g / count
        slope = np.where(linear > _FLOOR, slope / predicted, 0.0)
        return value, derivative(free) @ slope

    start: Vector = _log_start(x, y, y_mid, x_unit, fit_scale=fit_scale, fit_offset=fit_offset)
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 200, "ftol": 1e-15, "gtol": 1e-10, "maxls": 50},
    )
    converged = bool(found.success) or float(np.abs(found.jac).max()) < _CONVERGED_GRADIENT
    return *to_head(found.x), converged


def _log_start(
    x: Vector, y: Vector, y_mid: float, x_unit: float, *, fit_scale: bool, fit_offset: bool
) -> Vector:
    """A start at which every prediction is positive, so that no gradient is cut off."""
    if fit_scale and fit_offset:
        slope = np.polyfit((x - x.mean()) / x_unit, np.log(y), 1)[0]
        deepest = max(float((x.mean() - x.min()) / x_unit), 1e-9)
        return np.array([np.clip(slope, -0.5 / deepest, 0.5 / deepest), 1.0])
    if fit_scale:
        return np.array([float(np.log(y_mid) - np.log(np.abs(x) + _FLOOR).mean())])
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
