"""The two numbers that turn relative disparity into metres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.errors import InputError
from mfh.records.checks import one_of, set_array
from mfh.records.disparity import Space

FitStatus = Literal["converged", "offset held", "not converged"]

_VALUES_AT_ONCE = 2**18
"""Depth and its error are computed of so many pixels at once: what they take on the way is much."""


@dataclass(frozen=True, eq=False)
class MetricHead:
    """The two numbers that turn relative disparity d into metres.

    In disparity space `1 / depth_m = scale * d + offset`; in depth space
    `depth_m = scale * d + offset` (paper Sec. 3.3).

    scale, offset: in 1/m per unit of d and 1/m (disparity space), m per unit and m (depth space).
    space: which of the two.
    method: the loss that was minimised.
    loss: its value at the solution.
    relative_error: 1 sigma of the depth scale as a fraction; NaN where it cannot be told. Of method
        "robust" it is what the user may expect; of the paper's losses only how far the landmarks
        disagree.
    used: (O,) bool, for each owner that owns a pixel, in order of images and owners, whether the
        fit counts it as one of those that agree.
    status: "converged", "offset held" (the landmarks cannot determine both numbers) or
        "not converged".
    covariance: (2, 2) float64, of the errors of scale and offset; NaN where unknown.
    disparity_error: 1 sigma of what errors of the disparity itself add to a pixel's depth, as a
        fraction.
    shared_error: the part of `relative_error` that no more painted people would lessen, or where
        there are none no more asked points; NaN where unknown.
    """

    scale: float
    offset: float
    space: Space
    method: str
    loss: float
    relative_error: float
    used: NDArray[np.bool_]
    status: FitStatus
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.full((2, 2), np.nan))
    disparity_error: float = 0.0
    shared_error: float = float("nan")

    def __post_init__(self) -> None:
        set_array(self, "used", np.bool_, ("O",))
        set_array(self, "covariance", np.float64, (2, 2))
        one_of("metric head: space", self.space, get_args(Space))
        one_of("metric head: status", self.status, get_args(FitStatus))
        if not (np.isfinite(self.scale) and np.isfinite(self.offset)):
            raise InputError(
                f"metric head: scale {self.scale} and offset {self.offset} must be finite"
            )

    @property
    def knows_error(self) -> bool:
        """Whether `relative_error` is what the user may expect.

        The paper's losses leave the covariance open: theirs is only how far the landmarks disagree.
        """
        return bool(np.isfinite(self.covariance).all() and np.isfinite(self.relative_error))

    def apply(self, disparity: ArrayLike) -> NDArray[np.float32]:
        """Depth in metres of relative disparity of any shape; NaN where that is NaN.

        Where the metric disparity is not positive the fit says "farther than can be told": the
        depth is `inf`. In depth space a depth that is not positive is NaN.
        """
        return _of_each(self._depth_m, disparity)

    def relative_error_of(self, disparity: ArrayLike) -> NDArray[np.float32]:
        """1 sigma of the depth that `apply` gives, as a fraction of it, in the same shape.

        `sqrt([d 1] C [d 1]^T / (scale * d + offset)^2 + disparity_error^2)` with the covariance C;
        `inf` where depth is `inf`, NaN where depth is NaN or C is unknown.
        """
        return _of_each(self._relative_error, disparity)

    def _depth_m(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        metric = self.scale * d + self.offset
        positive = metric > 0
        if self.space == "depth":
            return np.where(positive, metric, np.nan)
        beyond = np.where(np.isnan(metric), np.nan, np.inf)
        return np.divide(1.0, metric, out=beyond, where=positive)

    def _relative_error(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        metric = self.scale * d + self.offset
        (ss, so), (_, oo) = self.covariance
        variance = (ss * d + 2 * so) * d + oo
        beyond = np.where(np.isnan(metric) | (self.space == "depth"), np.nan, np.inf)
        squared = np.divide(variance, metric**2, out=beyond, where=metric > 0)
        error = np.sqrt(np.maximum(squared, 0) + self.disparity_error**2)
        return np.where(np.isnan(ss), np.nan, error)


def _of_each(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], values: ArrayLike
) -> NDArray[np.float32]:
    """A function of each value, in float64, of some at a time."""
    given = as_array(values)
    result = np.empty(given.shape, np.float32)
    flat, flat_result = given.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, _VALUES_AT_ONCE):
        some = slice(start, start + _VALUES_AT_ONCE)
        flat_result[some] = function(flat[some].astype(np.float64))
    return result
