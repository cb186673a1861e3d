"""Where to ask a model for distances, so that few answers tell most of a whole photo's depth.

The metric head fits two numbers, and every answer has one vote. A vote is wrong by the error of the
answer and by that of the disparity map at its place, which bends over the photo: neighbours tell
the same. What is wanted is the fit that answers at all pixels would give, so each question stands
for an equal part of the photo: the places are its principal points (Flury, "Principal Points",
Biometrika 1990), which lie the least mean squared distance from its pixels, given those that were
asked about before.

Asking where disparity is least and largest would tell the offset with fewer answers if the map were
true. It is not: pixels chosen for their extreme disparity are those at which the map is off most,
and the fit is worse for it, however good the answers are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.estimators.depthlm.questions import Point
from mfh.head import Expectations
from mfh.records import MetricHead, Space

Matrix = NDArray[np.float64]

_CANDIDATES = 3000
_PIXELS = 800
"""So many pixels, evenly spread, stand for all."""
_SOME = 250
"""So many of these may be where points start one after the other."""
_STARTS, _STEPS = 4, 12
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

        counted: the points whose answers the fit counts, which stand for the pixels around them;
            avoided: others, of which nothing is known and around which nothing is asked again.
        head: the fit so far, by which surfaces are told; without one, depth ranges as photos' do.

        There are fewer than `count` where the photo has no more to ask about.
        """
        candidates_px = self._candidates(self._ratio(head))
        apart_px = 2 * max(_LEAST_AROUND_PX, _AROUND * min(self.values.shape))
        for point in (*counted, *avoided):
            candidates_px = _away_from(point, candidates_px, apart_px)
        found: list[Point] = []
        for centre in _principal_points(_even(self.values.shape), count, _points(counted)):
            if len(candidates_px) == 0:
                break
            x, y = candidates_px[np.argmin(((candidates_px - centre) ** 2).sum(axis=1))]
            found.append((float(x), float(y)))
            candidates_px = _away_from(found[-1], candidates_px, apart_px)
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
        nearest, farthest = (each - 1 for each in self.expectations.depth_range)
        rest = 1 / math.sqrt(nearest * farthest)
        return np.asarray(rest / ((values - least) / span + rest))

    def _candidates(self, ratio: Matrix) -> Matrix:
        """The centres of the pixels that may be asked about, in px, (C, 2)."""
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
        row, column = np.nonzero(smooth)
        return np.stack([columns[column], rows[row]], axis=1) + 0.5


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


def _principal_points(pixels: Matrix, count: int, given: Matrix) -> Matrix:
    """Points (count, 2) that lie nearest to pixels (P, 2) together with given ones (K, 2).

    The best of a few starts, each improved by Lloyd's algorithm: one where each next point lessens
    the mean squared distance most, and random ones.
    """
    rng = np.random.default_rng(0)
    starts = [_greedy(pixels, count, given)]
    starts += [rng.choice(pixels, min(count, len(pixels)), replace=False) for _ in range(_STARTS)]
    return min((_moved(pixels, start, given) for start in starts), key=lambda found: found[0])[1]


def _greedy(pixels: Matrix, count: int, given: Matrix) -> Matrix:
    """Of some pixels the `count` that lessen the distance most, one after the other."""
    some = pixels[:: -(-len(pixels) // _SOME)]
    from_some = _squared(some, pixels)
    # Before there is a point, all are equally far.
    nearest = _squared(pixels, given).min(axis=1, initial=4 * float(from_some.max()))
    chosen = []
    for _ in range(min(count, len(some))):
        best = int(np.maximum(nearest - from_some, 0).sum(axis=1).argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, from_some[best])
    return np.asarray(some[chosen])


def _moved(pixels: Matrix, points: Matrix, given: Matrix) -> tuple[float, Matrix]:
    """Points moved by Lloyd's algorithm, after the mean squared distance that they leave."""
    for _ in range(_STEPS):
        owner = _squared(pixels, np.concatenate([given, points])).argmin(axis=1) - len(given)
        own = owner[:, None] == np.arange(len(points))
        size = own.sum(axis=0)[:, None]
        points = np.where(size > 0, own.T @ pixels / np.maximum(size, 1), points)
    left = _squared(pixels, np.concatenate([given, points])).min(axis=1)
    return float(left.mean()), points


def _squared(one: Matrix, other: Matrix) -> Matrix:
    """The squared distances between points (K, 2) and points (L, 2), (K, L)."""
    across, down = (one[:, None, axis] - other[:, axis] for axis in (0, 1))
    return np.asarray(across * across + down * down)


def _even(shape: tuple[int, ...]) -> Matrix:
    """The centres of pixels all over a photo, evenly spread, (P, 2)."""
    height, width = shape
    step = max(1, math.isqrt(height * width // _PIXELS))
    rows, columns = (np.arange((length - 1) % step // 2, length, step) for length in shape)
    across, down = np.meshgrid(columns, rows)
    return np.asarray(np.stack([across.ravel(), down.ravel()], axis=1) + 0.5, np.float64)


def _points(points: Sequence[Point]) -> Matrix:
    return np.array(points, np.float64).reshape(-1, 2)


def _away_from(point: Point, points: Matrix, apart_px: float) -> Matrix:
    """Those of points (K, 2) that are farther than that from a point."""
    return np.asarray(points[np.linalg.norm(points - point, axis=1) > apart_px])
