"""What is really in one painted photo: who stands where, how large, and what of them shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics, PaintingPlan
from mfh.rendering import render_depth
from mfh.simulation.bodies import load_bodies
from mfh.simulation.error_model import SimulatedErrors
from mfh.simulation.placement import Standing
from mfh.simulation.things import make_thing
from mfh.simulation.wardrobe import dress

Outcome = Literal["person", "two people", "thing", "nobody"]

_RENDERINGS = 4
"""How many places are tried before nobody is painted."""
_MIN_VISIBLE = 0.4
_MIN_AREA = 0.001
"""What must show: a share of the silhouette, and of each figure a share of the image."""
_TURNED_SD = 0.6
"""Standard deviation in radians of how far people are turned away from the camera."""
_FOOLED = 0.5
"""The share of painted things that the detector takes for a person."""


@dataclass(frozen=True, eq=False)
class Painting:
    """One painting of a plan.

    strip: (H, W) bool, True where it is painted; prompt and seed as in `PaintingPlan`.
    """

    strip: NDArray[np.bool_]
    prompt: str
    seed: int

    @property
    def is_photo(self) -> bool:
        """Whether this is the photo itself, in which nothing was painted."""
        return not self.strip.any()

    @cached_property
    def key(self) -> tuple[str, str, int]:
        """Tell this painting from others of the same photo."""
        return hashlib.sha256(np.packbits(self.strip).tobytes()).hexdigest(), self.prompt, self.seed


def paintings_of(plan: PaintingPlan) -> Iterator[Painting]:
    """Give the paintings of a plan, or of painted photos, in order."""
    for strip, prompt, seed in zip(plan.repainted, plan.prompts, plan.seeds, strict=True):
        yield Painting(strip, prompt, seed)


@dataclass(frozen=True, eq=False)
class Figure:
    """A person or a thing as it was drawn.

    vertices_m: (V, 3) float32, camera frame; faces: (F, 3) int32.
    face_colour: (F, 3) float32, linear RGB albedo.
    fitted_m: (V', 3) float32, the body of `BodyLibrary` that a detector sees in it, where it was
        drawn and as large; None where no detector sees a person.
    size_factor: how much larger than life that body is.
    silhouette: (H, W) bool, its pixels in the strip; visible: those that nothing hides.
    """

    vertices_m: NDArray[np.float32]
    faces: NDArray[np.int32]
    face_colour: NDArray[np.float32]
    fitted_m: NDArray[np.float32] | None
    size_factor: float
    silhouette: NDArray[np.bool_]
    visible: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PaintedScene:
    """What is really in a painted photo.

    outcome: what was painted; "nobody" also where nothing finds a place in the strip.
    figures: the people, or the thing.
    depth_m: (H, W) float32, true depth of what the painted photo shows.
    """

    outcome: Outcome
    figures: tuple[Figure, ...]
    depth_m: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Shape:
    """A figure in the axes of `BodyLibrary`, before it is put somewhere."""

    vertices_m: NDArray[np.float32]
    faces: NDArray[np.int32]
    face_colour: NDArray[np.float32]
    fitted_m: NDArray[np.float32] | None
    size_factor: float = 1.0

    def scaled(self, factor: float) -> _Shape:
        """Make it larger about its feet."""
        factor_32 = np.float32(factor)
        return replace(
            self,
            vertices_m=self.vertices_m * factor_32,
            fitted_m=None if self.fitted_m is None else self.fitted_m * factor_32,
            size_factor=self.size_factor * factor,
        )


def make_scene(
    painting: Painting,
    *,
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
    standing: Standing,
    errors: SimulatedErrors,
    stream: Callable[..., np.random.Generator],
) -> PaintedScene:
    """Decide what a painting shows.

    depth_m: (H, W) dense depth of the photo; standing: where in it somebody can stand.
    stream: gives random numbers for a purpose, the painting's own or (own=False) the photo's. Each
        decision has a stream of its own, so that turning one error on leaves the others' draws.
    """
    outcome = _outcome(errors, stream("outcome").uniform())
    log_size = (
        errors.person_size * stream("person size").standard_normal()
        + errors.scene_size_bias * stream("scene size", own=False).standard_normal()
    )
    shapes = [
        shape.scaled(float(np.exp(log_size)))
        for shape in _shapes(outcome, painting.prompt, stream("shape"))
    ]
    if shapes and painting.strip.any():
        together_m = np.concatenate([shape.vertices_m for shape in shapes])
        spots = standing.spots(together_m, painting.strip, stream("place"))
        for foot_m in islice(spots, _RENDERINGS):
            figures, painted_m = _drawn(shapes, standing, foot_m, painting.strip, depth_m, camera)
            if _show_enough(figures):
                return PaintedScene(outcome, figures, painted_m)
    return PaintedScene("nobody", (), depth_m)


def _outcome(errors: SimulatedErrors, lot: float) -> Outcome:
    thresholds = np.cumsum([errors.nobody, errors.non_human, errors.interpenetrating])
    outcomes: tuple[Outcome, ...] = ("nobody", "thing", "two people", "person")
    return outcomes[int((lot >= thresholds).sum())]


def _shapes(outcome: Outcome, prompt: str, rng: np.random.Generator) -> list[_Shape]:
    if outcome == "nobody":
        return []
    if outcome == "thing":
        return [_thing(prompt, rng)]
    person = _person(prompt, rng)
    if outcome == "person":
        return [person]
    other = _person(prompt, rng)
    beside_m = np.array(
        [rng.choice([-1, 1]) * rng.uniform(0.12, 0.3), 0, rng.uniform(-0.15, 0.15)], np.float32
    )
    vertices_m = other.vertices_m + beside_m
    return [person, replace(other, vertices_m=vertices_m, fitted_m=vertices_m)]


def _person(prompt: str, rng: np.random.Generator) -> _Shape:
    bodies = load_bodies()
    vertices_m = _turned(bodies.vertices_m[_pick_body(prompt, rng)], rng)
    return _Shape(vertices_m, bodies.faces, dress(bodies, rng), fitted_m=vertices_m)


def _thing(prompt: str, rng: np.random.Generator) -> _Shape:
    thing = make_thing(rng)
    shape = _Shape(_turned(thing.vertices_m, rng), thing.faces, thing.face_colour, fitted_m=None)
    if rng.uniform() >= _FOOLED:
        return shape
    body_m = _turned(load_bodies().vertices_m[_pick_body(prompt, rng)], rng)
    as_high = float(thing.vertices_m[:, 1].min() / body_m[:, 1].min())
    return replace(shape, fitted_m=body_m * np.float32(as_high), size_factor=as_high)


def _pick_body(prompt: str, rng: np.random.Generator) -> int:
    """Pick somebody the prompt asks for; anybody where it names none of them."""
    asked = [index for index, known in enumerate(load_bodies().prompt) if known == prompt]
    return int(rng.choice(asked or range(len(load_bodies()))))


def _turned(vertices_m: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Turn a shape about its upright axis, usually not far: painted people face the camera."""
    angle = rng.normal(0, _TURNED_SD)
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]], np.float32)
    return np.asarray(vertices_m @ turn)


def _drawn(
    shapes: list[_Shape],
    standing: Standing,
    foot_m: NDArray[np.float64],
    strip: NDArray[np.bool_],
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
) -> tuple[tuple[Figure, ...], NDArray[np.float32]]:
    """Draw shapes at a point of the floor; give the figures and the depth of the painted scene."""
    vertices_m = [standing.stand(shape.vertices_m, foot_m) for shape in shapes]
    surface_m = np.stack(
        [
            render_depth(placed[None], shape.faces, camera, device="cpu")[0]
            for shape, placed in zip(shapes, vertices_m, strict=True)
        ]
    )
    silhouette = np.isfinite(surface_m) & strip
    surface_m[~silhouette] = np.inf
    front_m, front = surface_m.min(axis=0), surface_m.argmin(axis=0)
    shown = front_m < depth_m
    figures = tuple(
        Figure(
            vertices_m=vertices_m[index],
            faces=shape.faces,
            face_colour=shape.face_colour,
            fitted_m=None if shape.fitted_m is None else standing.stand(shape.fitted_m, foot_m),
            size_factor=shape.size_factor,
            silhouette=silhouette[index],
            visible=shown & (front == index),
        )
        for index, shape in enumerate(shapes)
    )
    return figures, np.where(shown, front_m, depth_m)


def _show_enough(figures: tuple[Figure, ...]) -> bool:
    visible = np.array([figure.visible for figure in figures])
    silhouette = np.array([figure.silhouette for figure in figures])
    return bool(
        visible.any(axis=0).sum() >= _MIN_VISIBLE * silhouette.any(axis=0).sum()
        and visible.mean(axis=(1, 2)).min() >= _MIN_AREA
    )
