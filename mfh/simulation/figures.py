"""Figures: people and things as shapes, and as they are drawn where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics
from mfh.rendering import render_depth
from mfh.simulation.bodies import load_bodies
from mfh.simulation.placement import Standing
from mfh.simulation.things import make_thing
from mfh.simulation.wardrobe import dress

MIN_VISIBLE = 0.4
"""The share of a silhouette that must show, for a painting to be kept and a person to be found."""
_MIN_AREA = 0.001
"""What must show of each figure, as a share of the image."""
_TURNED_SD = 0.6
"""Standard deviation in radians of how far people are turned away from the camera."""
_FOOLED = 0.5
"""The share of painted things that the detector takes for a person."""

_Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A body of `BodyLibrary` that a detector sees in a shape.

    vertices_m: (V', 3) float32; keypoints_m: (17, 3) float32, its COCO keypoints.
    """

    vertices_m: NDArray[np.float32]
    keypoints_m: NDArray[np.float32]

    def changed(self, change: _Change) -> Fitted:
        """Change all its points (..., 3) alike."""
        return Fitted(change(self.vertices_m), change(self.keypoints_m))


@dataclass(frozen=True, eq=False, kw_only=True)
class Shape:
    """A person or a thing, in the axes of `BodyLibrary` or where it stands in the camera frame.

    vertices_m: (V, 3) float32; faces: (F, 3) int32.
    face_colour: (F, 3) float32, linear RGB albedo.
    fitted: the body that a detector sees in it, at the same place and as large; None where no
        detector sees a person.
    size_factor: how much larger than life that body is.
    """

    vertices_m: NDArray[np.float32]
    faces: NDArray[np.int32]
    face_colour: NDArray[np.float32]
    fitted: Fitted | None
    size_factor: float = 1.0

    def scaled(self, factor: float) -> Shape:
        """Make it larger about its feet."""
        factor_32 = np.float32(factor)
        larger = self._changed(lambda points_m: points_m * factor_32)
        return replace(larger, size_factor=self.size_factor * factor)

    def moved(self, by_m: NDArray[np.float32]) -> Shape:
        """Move it in its own axes."""
        return self._changed(lambda points_m: points_m + by_m)

    def placed(self, standing: Standing, foot_m: NDArray[np.float64]) -> Shape:
        """Stand it upright at a point (3,) of the floor; the result is in the camera frame."""
        return self._changed(lambda points_m: standing.stand(points_m, foot_m))

    def _changed(self, change: _Change) -> Shape:
        return replace(
            self,
            vertices_m=change(self.vertices_m),
            fitted=None if self.fitted is None else self.fitted.changed(change),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Figure(Shape):
    """A shape as it was drawn.

    silhouette: (H, W) bool, its pixels where it may be drawn; visible: those that nothing hides.
    """

    silhouette: NDArray[np.bool_]
    visible: NDArray[np.bool_]


def person(prompt: str, rng: np.random.Generator) -> Shape:
    """Make somebody whom the prompt asks for, anybody where it names none of `BodyLibrary`."""
    fitted = _somebody(prompt, rng)
    return Shape(
        vertices_m=fitted.vertices_m,
        faces=load_bodies().faces,
        face_colour=dress(load_bodies(), rng),
        fitted=fitted,
    )


def thing(prompt: str, rng: np.random.Generator) -> Shape:
    """Make a thing; half of them pass for somebody of their height whom the prompt asks for."""
    made = make_thing(rng)
    shape = Shape(
        vertices_m=made.vertices_m @ _some_turn(rng),
        faces=made.faces,
        face_colour=made.face_colour,
        fitted=None,
    )
    if rng.uniform() >= _FOOLED:
        return shape
    body = _somebody(prompt, rng)
    as_high = float(made.vertices_m[:, 1].min() / body.vertices_m[:, 1].min())
    factor_32 = np.float32(as_high)
    fitted = body.changed(lambda points_m: points_m * factor_32)
    return replace(shape, fitted=fitted, size_factor=as_high)


def drawn(
    shapes: Sequence[Shape],
    within: NDArray[np.bool_],
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
) -> tuple[tuple[Figure, ...], NDArray[np.float32]]:
    """Draw shapes that stand in the camera frame.

    within: (H, W) bool, where they may be drawn; depth_m: (H, W) dense depth of what is there.

    Returns the figures, and the depth (H, W) with them.
    """
    if not shapes:
        return (), depth_m
    surface_m = np.stack(
        [
            render_depth(shape.vertices_m[None], shape.faces, camera, device="cpu")[0]
            for shape in shapes
        ]
    )
    silhouette = np.isfinite(surface_m) & within
    surface_m[~silhouette] = np.inf
    front_m, front = surface_m.min(axis=0), surface_m.argmin(axis=0)
    shown = front_m < depth_m
    figures = tuple(
        Figure(**vars(shape), silhouette=silhouette[index], visible=shown & (front == index))
        for index, shape in enumerate(shapes)
    )
    return figures, np.where(shown, front_m, depth_m)


def show_enough(figures: Sequence[Figure]) -> bool:
    """Tell whether enough is seen of figures together, and something of each."""
    visible = np.array([figure.visible for figure in figures])
    silhouette = np.array([figure.silhouette for figure in figures])
    return bool(
        visible.any(axis=0).sum() >= MIN_VISIBLE * silhouette.any(axis=0).sum()
        and visible.mean(axis=(1, 2)).min() >= _MIN_AREA
    )


def _somebody(prompt: str, rng: np.random.Generator) -> Fitted:
    """Pick a body that the prompt asks for, and turn it."""
    bodies = load_bodies()
    asked = [index for index, known in enumerate(bodies.prompt) if known == prompt]
    index = int(rng.choice(asked or range(len(bodies))))
    turn = _some_turn(rng)
    body = Fitted(bodies.vertices_m[index], bodies.keypoints_m[index])
    return body.changed(lambda points_m: points_m @ turn)


def _some_turn(rng: np.random.Generator) -> NDArray[np.float32]:
    """A turn (3, 3) about the upright axis, usually not far: painted people face the camera.

    Points (..., 3) are turned by `points @ turn`.
    """
    angle = rng.normal(0, _TURNED_SD)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]], np.float32)
