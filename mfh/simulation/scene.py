"""What is really in one painted photo: who stands where, how large, and what of them shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics, PaintingPlan
from mfh.simulation.error_model import SimulatedErrors
from mfh.simulation.figures import Figure, Shape, drawn, person, show_enough, thing
from mfh.simulation.placement import Standing

Outcome = Literal["person", "two people", "wrong size", "thing", "nobody"]

RENDERINGS = 4
"""How many places are tried before nobody is painted."""
_SMALLER, _LARGER = (0.35, 0.75), (1.3, 1.6)
_LARGER_SHARE = 0.25
"""Sizes of those who are no adults, as multiples of an adult's, and how many are the larger."""


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
class PaintedScene:
    """What is really in a painted photo.

    outcome: what was painted; "nobody" also where nothing finds a place in the strip.
    figures: the people, or the thing.
    depth_m: (H, W) float32, true depth of the scene with them.
    """

    outcome: Outcome
    figures: tuple[Figure, ...]
    depth_m: NDArray[np.float32]


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

    depth_m: (H, W) dense depth of the scene; standing: where in it somebody can stand.
    stream: gives random numbers for a purpose, the painting's own or (own=False) the photo's. Each
        decision has a stream of its own, so that turning one error on leaves the others' draws.
    """
    outcome = _outcome(errors, stream("outcome").uniform())
    log_size = (
        errors.person_size * stream("person size").standard_normal()
        + errors.scene_size_bias * stream("scene size", own=False).standard_normal()
    )
    if outcome == "wrong size":
        log_size += _wrong_log_size(stream("wrong size"))
    life_size = _shapes(outcome, painting.prompt, stream("shape"))
    shapes = [shape.scaled(float(np.exp(log_size))) for shape in life_size]
    if shapes and painting.strip.any():
        # Where somebody stands does not depend on how wrong their size is.
        spots = standing.spots(
            np.concatenate([shape.vertices_m for shape in life_size]),
            painting.strip,
            stream("place"),
            towards_m=standing.some_distance_m(stream("distance", own=False).uniform()),
            pull=errors.same_distance,
        )
        for foot_m in islice(spots, RENDERINGS):
            placed = [shape.placed(standing, foot_m) for shape in shapes]
            figures, painted_m = drawn(placed, painting.strip, depth_m, camera)
            if show_enough(figures):
                return PaintedScene(outcome, figures, painted_m)
    return PaintedScene("nobody", (), depth_m)


def _outcome(errors: SimulatedErrors, lot: float) -> Outcome:
    thresholds = np.cumsum(
        [errors.nobody, errors.non_human, errors.interpenetrating, errors.wrong_size]
    )
    outcomes: tuple[Outcome, ...] = ("nobody", "thing", "two people", "wrong size", "person")
    return outcomes[int((lot >= thresholds).sum())]


def _wrong_log_size(rng: np.random.Generator) -> float:
    low, high = _LARGER if rng.uniform() < _LARGER_SHARE else _SMALLER
    return float(rng.uniform(np.log(low), np.log(high)))


def _shapes(outcome: Outcome, prompt: str, rng: np.random.Generator) -> list[Shape]:
    if outcome == "nobody":
        return []
    if outcome == "thing":
        return [thing(prompt, rng)]
    somebody = person(prompt, rng)
    if outcome != "two people":
        return [somebody]
    other = person(prompt, rng)
    beside_m = np.array(
        [rng.choice([-1, 1]) * rng.uniform(0.12, 0.3), 0, rng.uniform(-0.15, 0.15)], np.float32
    )
    return [somebody, other.moved(beside_m)]
