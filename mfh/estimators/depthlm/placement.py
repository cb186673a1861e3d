"""Where to ask a model for distances, so that few answers tell most of a whole photo's depth.

Minimises, over the places of the questions, what is expected to be off at the photo's pixels:

    mean over pixels p of E[(phi_p . delta - e_p)^2],    phi_p = (1, m_min / m_p)

With m the metric disparity (or depth) s d + t, an error of the two numbers of the metric head
changes the log of depth at p by delta_1 + delta_2 m_min / m_p: by its level, and by what the least
m of the photo is off (`mfh.head.robust`). So a scale is told anywhere, and an offset by the nearest
and the farthest together. The head gives every answer one vote, independent of others. What it does
not know, and what is assumed here, is that the errors e of a disparity map and those of answers
bend over the photo, so that neighbours tell the same: questions spread, and stand for the pixels
around them. This is V-optimal design (Welch, "Computer-aided design of experiments for response
estimation", Technometrics 1984) with correlated errors, taken greedily, question by question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.head import Expectations
from mfh.records import MetricHead, Space

Point = tuple[float, float]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_CANDIDATES = 3000
_PIXELS = 1000
"""So many pixels, evenly spread, stand for all."""
_ALIKE = 0.2
"""Over this share of the photo's longer side errors are alike."""
_SHARED = 0.5
"""The share of the variance of an answer's error that answers about its neighbours share."""
_AROUND = 0.01
"""A question must be of one surface this far around, as a share of the photo's shorter side: a
model that looks a little beside the tip of the arrow then still sees it."""
_LEAST_AROUND_PX = 2
_BENT, _STEEP = 0.03, 0.25
"""That far around, a surface may be bent by this share of its depth, and its depth change by this
share from one side to the other."""
_LEAST_SHARE = 0.2
"""Where less of the photo is so smooth, this share of it is asked about, the smoothest."""


@dataclass(frozen=True, eq=False)
class Placement:
    """What is known of a photo before it is decided where to ask.

    values: (H, W) relative disparity or depth, as `space` says.
    margin_px: the least distance of a question from the photo's border, in px of `values`.
    expectations: those of the head.
    """

    values: NDArray[np.float32]
    space: Space
    margin_px: float
    expectations: Expectations

    def places(
        self,
        count: int,
        *,
        counted: Sequence[Point] = (),
        avoided: Sequence[Point] = (),
        head: MetricHead | None = None,
    ) -> tuple[Point, ...]:
        """Give the centres of the `count` pixels to ask about next, in order, in px of `values`.

        counted: the points whose answers the fit counts; avoided: others not to be asked again.
        head: the fit so far; without one, depth ranges as photos' do.

        There are fewer than `count` where the photo has no more to ask about.
        """
        ratio = self._ratio(head)
        candidates = self._candidates(ratio)
        step = max(1, ratio.size // _PIXELS)
        pixels = np.arange(step // 2, ratio.size, step)
        design = _Design(self, _Points.at(ratio, candidates), _Points.at(ratio, pixels))
        height, width = ratio.shape
        for x, y in counted:
            inside = min(int(y), height - 1) * width + min(int(x), width - 1)
            design.add(_Points.at(ratio, np.array([inside])))
        for point in (*counted, *avoided):
            design.close(np.array(point))
        found: list[Point] = []
        while len(found) < count and (best := design.best()) is not None:
            design.add(best)
            design.close(best.px[0])
            found.append((float(best.px[0, 0]), float(best.px[0, 1])))
        return tuple(found)

    def _ratio(self, head: MetricHead | None) -> Matrix:
        """m_min / m of every pixel, (H, W), in (0, 1]."""
        values = self.values.astype(np.float64)
        if head is not None and head.space == self.space:
            metric = head.scale * values + head.offset
            if metric.min() > 0:
                return np.asarray(metric.min() / metric)
        least = values.min()
        span = float(np.quantile(values, 0.99) - least) or 1.0
        rest = math.exp(_log_rest(self.expectations)[0])
        return np.asarray(rest / ((values - least) / span + rest))

    def _candidates(self, ratio: Matrix) -> NDArray[np.intp]:
        """The pixels that may be asked about, by their number."""
        height, width = ratio.shape
        around = max(_LEAST_AROUND_PX, round(_AROUND * min(height, width)))
        margin = min(max(around, math.ceil(self.margin_px)), (min(height, width) - 1) // 2)
        step = max(1, math.isqrt(height * width // _CANDIDATES))
        rows, columns = (
            np.arange(margin + (length - 2 * margin - 1) % step // 2, length - margin, step)
            for length in (height, width)
        )
        edge = _edges(1 / ratio, rows, columns, min(around, margin))
        smooth = edge <= max(1.0, float(np.quantile(edge, _LEAST_SHARE)))
        return np.asarray((rows[:, None] * width + columns)[smooth])


def _edges(
    metric: Matrix, rows: NDArray[np.integer], columns: NDArray[np.integer], around_px: int
) -> Matrix:
    """How much of an edge is near each pixel of a grid (R, C); up to 1 it is one surface.

    metric: (H, W), linear on planes, so that its second differences are 0 there, however steep
        they are. In the middle of a blurred edge they are 0, too, but it is steeper than planes.
    """
    centre = metric[np.ix_(rows, columns)]
    edge = np.zeros_like(centre)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        for px in range(1, around_px + 1):
            one, other = (
                metric[np.ix_(rows + side * down, columns + side * right)] for side in (-px, px)
            )
            bend = np.abs(one + other - 2 * centre) / (_BENT * centre)
            steep = np.abs(np.log(one / other)) / _STEEP
            edge = np.maximum(edge, np.maximum(bend, steep))
    return np.asarray(edge)


def _log_rest(expected: Expectations) -> tuple[float, float]:
    """Mean and standard deviation of the log of m_min in units of the photo's range of m.

    Nine photos of ten have a farthest over nearest depth `1 + 1 / rest` within `depth_range`.
    """
    nearest, farthest = (math.log(1 / (ratio - 1)) for ratio in expected.depth_range)
    return (nearest + farthest) / 2, (nearest - farthest) / (2 * 1.645)


@dataclass(frozen=True, eq=False)
class _Points:
    """K pixels: their centres px (K, 2) and their phi (K, 2)."""

    px: Matrix
    phi: Matrix

    @classmethod
    def at(cls, ratio: Matrix, number: NDArray[np.integer]) -> _Points:
        row, column = np.divmod(number, ratio.shape[1])
        each = ratio.ravel()[number]
        return cls(
            np.stack([column, row], axis=1) + 0.5, np.stack([np.ones_like(each), each], axis=1)
        )


class _Design:
    """The questions so far, and what each candidate would add to them.

    The estimate is delta = w G sum_i phi_i y_i with G = (P + w sum_i phi_i phi_i^T)^-1 over the
    questions i, where w is one over the variance of a vote, and P what is expected of delta
    beforehand. With c_ij the covariance of two votes' errors, k_ip that of the disparity's errors
    at a question and a pixel, and V = mean_p phi_p phi_p^T, the mean of (phi_p . delta - e_p)^2 is

        tr(V G (P + w^2 sum_ij c_ij phi_i phi_j^T) G) - 2 w tr(G sum_i phi_i mean_p k_ip phi_p^T)

    but for what does not depend on the questions.
    """

    def __init__(self, placement: Placement, candidates: _Points, pixels: _Points) -> None:
        expected, shape = placement.expectations, placement.values.shape
        self._candidates, self._pixels = candidates, pixels
        self._length_px = _ALIKE * max(shape)
        self._apart_px = 2 * max(_LEAST_AROUND_PX, _AROUND * min(shape))
        self._bends = expected.landmark**2
        self._alike = self._bends + _SHARED * expected.asked_point**2
        self._vote = expected.asked_point**2 + expected.disparity**2
        self._beforehand = np.diag([0.0, _log_rest(expected)[1] ** -2])
        self._mean = pixels.phi.T @ pixels.phi / len(pixels.phi)
        self._stands_for = self._mean_near(candidates)
        # Of the questions there are: sum phi phi^T, sum c phi phi^T, sum phi mean k phi^T, and for
        # each candidate sum c phi.
        self._information, self._scatter, self._near = np.zeros((3, 2, 2))
        self._beside = np.zeros_like(candidates.phi)
        self._asked: list[_Points] = []
        self._open = np.ones(len(candidates.phi), np.bool_)

    def add(self, question: _Points) -> None:
        """Count a question, which is one point."""
        (phi,) = question.phi
        beside = np.zeros(2)
        for earlier in self._asked:
            beside += self._alike * self._kernel(earlier, question)[0, 0] * earlier.phi[0]
        cross = np.outer(phi, beside)
        self._scatter += cross + cross.T + self._vote * np.outer(phi, phi)
        self._information += np.outer(phi, phi)
        self._near += np.outer(phi, self._mean_near(question)[0])
        self._beside += self._alike * self._kernel(self._candidates, question) * phi
        self._asked.append(question)

    def close(self, px: Vector) -> None:
        """Ask nothing more around a point (2,)."""
        away_px = np.linalg.norm(self._candidates.px - px, axis=1)
        self._open &= away_px > self._apart_px

    def best(self) -> _Points | None:
        """The candidate with which least is expected to be off; None where none is left."""
        number = np.flatnonzero(self._open)
        if len(number) == 0:
            return None
        phi, beside = self._candidates.phi[number], self._beside[number]
        own = phi[:, :, None] * phi[:, None]
        cross = phi[:, :, None] * beside[:, None]
        weight = 1 / self._vote
        inverse = np.linalg.inv(self._beforehand + weight * (self._information + own))
        scatter = self._scatter + cross + cross.transpose(0, 2, 1) + self._vote * own
        spread = inverse @ (self._beforehand + weight**2 * scatter) @ inverse
        near = self._near + phi[:, :, None] * self._stands_for[number][:, None]
        off = np.einsum("ij,kji->k", self._mean, spread)
        off -= 2 * weight * np.einsum("kij,kji->k", inverse, near)
        best = number[[int(np.argmin(off))]]
        return _Points(self._candidates.px[best], self._candidates.phi[best])

    def _mean_near(self, points: _Points) -> Matrix:
        """The mean over pixels p of k_ip phi_p, for each point i, (K, 2)."""
        near = self._kernel(points, self._pixels) @ self._pixels.phi
        return np.asarray(self._bends * near / len(self._pixels.phi))

    def _kernel(self, one: _Points, other: _Points) -> Matrix:
        """How much alike errors at two places are, in (0, 1], (K, L)."""
        squared = ((one.px[:, None] - other.px) ** 2).sum(axis=2)
        return np.asarray(np.exp(-squared / (2 * self._length_px**2)))
