"""Where in a scene a body can stand and be seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mfh.camera import backproject
from mfh.records import Intrinsics
from mfh.simulation.floor import Floor

NEAREST_M = 0.9
"""Nobody stands nearer to the camera than this."""
FARTHEST_M = 25.0
_TALLEST = 1.5
_SMALLEST = 1 / 6
"""The height of a standing body in the image, as fractions of the image's height."""
_CANDIDATES = 256
_TRIES = 12
_ADULT_M = 1.7
_COMMON = (0.25, 0.75)
"""A distance that many people keep to lies in this part of the (logarithmic) range of one's."""
_CLEARANCE_M = 0.28
"""Nothing else may be this near to where a body stands."""
_BODY_LEVELS = np.linspace(0.1, 0.95, 8)
"""Where along a body it is tested roughly, as fractions of its height; the last is its head."""
_MIN_SEEN = 0.4
_MIN_IN_IMAGE = 0.45
_MIN_IN_STRIP = 0.97
"""Shares of a body: seen of what is in the image, in the image, and within the strip's sides."""


class Standing:
    """The places of one scene where somebody can stand.

    depth_m: (H, W) dense depth of the scene; known: (H, W), where it was measured.
    """

    def __init__(
        self,
        depth_m: NDArray[np.float32],
        known: NDArray[np.bool_],
        camera: Intrinsics,
        floor: Floor,
    ) -> None:
        self._depth_m = depth_m
        self._camera = camera
        self._floor = floor
        # Every third pixel is dense enough to find what stands in the way of a body.
        points_m = backproject(depth_m, camera)[::3, ::3][known[::3, ::3]]
        height_m = floor.height_m(points_m)
        noise_m = 0.2 + 0.02 * points_m[:, 2]
        in_the_way = (height_m > noise_m) & (height_m < np.maximum(1.9, noise_m))
        self._obstacles = cKDTree(points_m[in_the_way] @ floor.ground_axes.T)

    def spots(
        self,
        shape_m: NDArray[np.float32],
        strip: NDArray[np.bool_],
        rng: np.random.Generator,
        *,
        towards_m: float = 1.0,
        pull: float = 0.0,
    ) -> Iterator[NDArray[np.float64]]:
        """Give points (3,) of the floor, in the camera frame, where a body stands and shows.

        shape_m: (V, 3) metres, x right, y down with the feet at 0, z away from the camera.
        strip: (H, W), where it may be painted; it fits in nearly whole, though feet may be below
            the photo.
        towards_m, pull: a depth that bodies are drawn to, and how far, from 0 to 1, where all
            stand as near it as the strip lets them.

        The logarithm of depth is uniform between where the body is half as tall again as the photo
        and where it is a sixth of it, within what the strip is wide enough for and the scene deep
        enough for: painters like people large. Its head is in the photo. Spots with nothing in the
        way come first; then any, as a last resort. At most 24 are tried.
        """
        foot_m = self._candidates(shape_m, strip, rng, towards_m, pull)
        foot_m = foot_m[self._seems_visible(foot_m, -float(shape_m[:, 1].min()))]
        ground = foot_m @ self._floor.ground_axes.T
        crowded = self._obstacles.query_ball_point(ground, _CLEARANCE_M, return_length=True) > 2
        for chosen in (foot_m[~crowded][:_TRIES], foot_m[crowded][:_TRIES]):
            for foot in chosen:
                if self._shows(self.stand(shape_m, foot), strip):
                    yield foot

    def stand(
        self, shape_m: NDArray[np.float32], foot_m: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Move a body to stand upright with its feet at a point (3,) of the camera frame."""
        right, forward = self._floor.ground_axes
        axes = np.stack([right, -self._floor.up, forward])
        return np.asarray(shape_m @ axes + foot_m, np.float32)

    def some_distance_m(self, lot: float) -> float:
        """Give a depth at which adults can stand somewhere in the photo, by a lot in [0, 1]."""
        nearest, farthest = self._adult_range_m
        low, high = _COMMON
        return float(nearest * (farthest / nearest) ** (low + (high - low) * lot))

    @cached_property
    def _adult_range_m(self) -> tuple[float, float]:
        return self._range_m(_ADULT_M, slice(None))

    def _range_m(
        self, size_m: float, columns: slice, at_least_m: float = 0.0
    ) -> tuple[float, float]:
        """Between which depths a body of a height is neither too large nor too small."""
        camera = self._camera
        tallest_m = camera.fy * size_m / camera.height
        nearest_m = max(NEAREST_M, tallest_m / _TALLEST, at_least_m)
        scene_m = float(np.percentile(self._depth_m[:, columns], 98))
        farthest_m = min(FARTHEST_M, tallest_m / _SMALLEST, scene_m)
        return nearest_m, max(farthest_m, 1.1 * nearest_m)

    def _candidates(
        self,
        shape_m: NDArray[np.float32],
        strip: NDArray[np.bool_],
        rng: np.random.Generator,
        towards_m: float,
        pull: float,
    ) -> NDArray[np.float64]:
        """Random points (M, 3) of the floor at which the body's middle is in the strip."""
        camera = self._camera
        columns = np.flatnonzero(strip.any(axis=0))
        first, last = columns[0], columns[-1] + 1
        size_m = -float(shape_m[:, 1].min())
        left_m, right_m = float(shape_m[:, 0].min()), float(shape_m[:, 0].max())
        nearest, farthest = self._range_m(
            size_m, slice(first, last), camera.fx * (right_m - left_m) / (last - first)
        )
        z = nearest * (farthest / nearest) ** rng.uniform(size=_CANDIDATES)
        z = (z ** (1 - pull) * towards_m**pull).clip(nearest, farthest)
        lowest_u = first - camera.fx * left_m / z
        highest_u = last - camera.fx * right_m / z
        u = lowest_u + rng.uniform(size=_CANDIDATES) * (highest_u - lowest_u)
        # The middle of the body is at depth z, half its size above the floor.
        a = (u - camera.cx) / camera.fx
        up = self._floor.up
        half_m = size_m / 2
        b = (half_m - self._floor.camera_height_m - z * (up[0] * a + up[2])) / (z * up[1])
        return np.stack([z * a, z * b, z], axis=1) - half_m * up

    def _seems_visible(self, foot_m: NDArray[np.float64], size_m: float) -> NDArray[np.bool_]:
        """For each foot, whether enough of an upright line above it is in the image and seen."""
        line_m = foot_m[:, None] + size_m * _BODY_LEVELS[:, None] * self._floor.up
        in_image, seen = self._seen(line_m)
        enough = (in_image.mean(axis=1) >= _MIN_IN_IMAGE) & in_image[:, -1]
        return np.asarray(enough & (seen.sum(axis=1) >= _MIN_SEEN * in_image.sum(axis=1)))

    def _shows(self, vertices_m: NDArray[np.float32], strip: NDArray[np.bool_]) -> bool:
        if vertices_m[:, 2].min() < NEAREST_M / 2:
            return False
        columns = np.flatnonzero(strip.any(axis=0))
        u = vertices_m[:, 0] / vertices_m[:, 2] * self._camera.fx + self._camera.cx
        in_strip = (u >= columns[0]) & (u < columns[-1] + 1)
        in_image, seen = self._seen(vertices_m)
        return bool(
            in_strip.mean() >= _MIN_IN_STRIP
            and in_image.mean() >= _MIN_IN_IMAGE
            and seen.sum() >= _MIN_SEEN * in_image.sum()
        )

    def _seen(self, points_m: NDArray[np.floating]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell of points (..., 3) which are in the image, and which of those nothing hides."""
        camera = self._camera
        z = np.maximum(points_m[..., 2], 1e-3)
        u = np.floor(points_m[..., 0] / z * camera.fx + camera.cx).astype(np.intp)
        v = np.floor(points_m[..., 1] / z * camera.fy + camera.cy).astype(np.intp)
        in_image = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        scene_m = self._depth_m[v.clip(0, camera.height - 1), u.clip(0, camera.width - 1)]
        return in_image, in_image & (z < scene_m)
