"""What each stage of the flow must offer: protocols of one method each.

Anything with the method will do. A part may also carry `fingerprint`, a JSON-ready mapping of
everything its result depends on besides its inputs (weights' revision, settings); a part without
one works, but what it made is never reused from a run folder. A part's `name` says in results what
it was; without one its class name does. A part that computes on a device of its own choice says in
`device` which. A painter that paints several photos at once as quickly as one may say in `at_once`
how many; a run that paints in rounds then paints no fewer in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mfh.records import (
    AlignedDisparity,
    Disparity,
    Intrinsics,
    Landmarks,
    MetricHead,
    PaintedPhotos,
    PaintingPlan,
    People,
    Photo,
)


class Painter(Protocol):
    """Paints people into a photo (paper Sec. 3.2, Eq. 3)."""

    def paint(self, photo: Photo, plan: PaintingPlan) -> Iterable[NDArray[np.uint8]]:
        """Give the painted photos one by one, in the plan's order, each (H, W, 3) RGB.

        A painting depends on the photo and on its own mask, prompt and seed, never on its
        neighbours: a run that is resumed, or paints in rounds, asks for the missing ones only.
        """
        ...


@runtime_checkable
class PlannedPainter(Painter, Protocol):
    """A painter whose painted photos exist already, and with them what was painted where."""

    def plan(self, photo: Photo) -> PaintingPlan:
        """The plan its painted photos were made by, at the photo's size."""
        ...


class PeopleMeasurer(Protocol):
    """Finds people and measures them in metres (paper Sec. 3.1.2)."""

    def measure(self, photo: Photo, images: PaintedPhotos) -> Iterable[People]:
        """Give the people of each image, in order; nobody is an empty `People`.

        The images are the photo itself, in which nothing is repainted, and its painted photos; a
        run that is resumed, or paints in rounds, asks for the missing ones only.
        """
        ...


class DepthRenderer(Protocol):
    """Rasterizes meshes to depth."""

    def __call__(
        self, vertices_m: NDArray[np.float32], faces: NDArray[np.int32], intrinsics: Intrinsics
    ) -> NDArray[np.float32]:
        """Depth (P, H, W) in metres of P meshes (P, V, 3) that share faces (F, 3); NaN off them."""
        ...


class DisparityEstimator(Protocol):
    """Estimates relative disparity."""

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterable[Disparity]:
        """Give the relative disparity of each image, in order, each (1, H, W).

        The images are the photo itself, in which nothing is repainted, and its painted photos; a
        run that is resumed, or paints in rounds, asks for the missing ones only.
        """
        ...


class HeadFitter(Protocol):
    """Fits the metric head (paper Sec. 3.3, Eq. 5 and 8)."""

    def fit(self, aligned: AlignedDisparity, landmarks: Sequence[Landmarks]) -> MetricHead:
        """Fit to the landmarks of all images; the first is the photo itself.

        Who takes part is what `mfh.taking_part` says; `used` of the head is about their owners. A
        run that paints in rounds fits after each, and stops by the head's `relative_error` where it
        `knows_error`. Raises `NoLandmarksError` where nobody takes part.
        """
        ...
