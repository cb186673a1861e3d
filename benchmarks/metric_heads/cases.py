"""The scenes and the error models that metric heads are compared on, and what the stages see there.

Random scenes or real photos with truth, simulated stages, and the flow of `mfh.MetricFromHuman` up
to the landmarks and the aligned disparity that a head is fitted to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh import MetricFromHuman, settings_from
from mfh.errors import NoLandmarksError
from mfh.photos import load_photo, resize_photo
from mfh.records import AlignedDisparity, Landmarks, PaintingPlan, Photo
from mfh.settings import HeadMethod
from mfh.simulation import (
    SimulatedDisparity,
    SimulatedErrors,
    SimulatedMeasurer,
    SimulatedWorld,
    load_truth,
)
from mfh.simulation.rooms import random_scene
from mfh.simulation.truth import resize_truth
from mfh.stages import HeadFitter
from mfh.taking_part import images_taking_part

FIRST_SEED = 100_000
"""Scenes below are for setting what a method assumes; those from here on for testing it alone."""
PAINTINGS = (1, 2, 4, 8, 16, 32)
"""N, counted as the paper counts: painted photos with people in them that take part in a fit."""
_TRIES = 1.5
"""So many paintings are made for each that is wanted; a scene with room for too few is left out."""
NEAR_CAP_M, FAR_CAP_M = 10.0, 80.0
"""How deep a scene counts, as in the protocols of NYU Depth V2 and KITTI (Eigen et al., 2014)."""

_DEFAULT = SimulatedErrors.default()
_OUTLIERS = {"wrong_size": 0.15, "non_human": 0.12, "interpenetrating": 0.06}
"""Half of the things fool the detector: 30 % of the paintings in which somebody is found."""
_CLEAN = {
    name: value for name, value in _DEFAULT.as_dict().items() if name.startswith("disparity_")
}
ERRORS: Mapping[str, SimulatedErrors] = {
    "clean people": SimulatedErrors(**_CLEAN),
    "mild": SimulatedErrors.mild(),
    "no scene bias": replace(_DEFAULT, scene_size_bias=0.0),
    "default": _DEFAULT,
    "one distance": replace(_DEFAULT, same_distance=0.9),
    "30 % outliers": replace(_DEFAULT, **_OUTLIERS),
    "strong": SimulatedErrors.strong(),
}
ERRORS_IN_WORDS: Mapping[str, str] = {
    "clean people": "people without any error, disparity with those of `default`",
    "mild": "half of `default` throughout",
    "no scene bias": "`default` without the size error that all people of a photo share",
    "default": "what `mfh simulate` does by default",
    "one distance": "`default`, with all people at nearly the same distance",
    "30 % outliers": "`default`, and three in ten people found are children, giants, things, or "
    "merged with another",
    "strong": "twice `default` throughout",
}


@dataclass(frozen=True)
class RealPhoto:
    """Files of a real photo with truth."""

    photo: Path
    depth: Path
    intrinsics: Path | None


@dataclass(frozen=True)
class Case:
    """One scene with one error model.

    source: "room", "street", or a real photo; height: of the photo in px, 4:3 unless it is real.
    """

    source: str | RealPhoto
    errors: str
    seed: int
    height: int

    @property
    def group(self) -> str:
        """What scenes it is averaged with."""
        return self.source if isinstance(self.source, str) else self.source.photo.stem


@dataclass(frozen=True, eq=False)
class Stages:
    """What the stages before the head made of a scene: the photo itself and what was painted.

    with_people: the painted photos that take part in a fit, in order.
    method: the flow they are stages of.
    disparity: (H, W) of the photo; true_m: (H, W), NaN where unknown or beyond `cap_m`.
    """

    method: MetricFromHuman
    with_people: tuple[int, ...]
    aligned: AlignedDisparity
    landmarks: tuple[Landmarks, ...]
    disparity: NDArray[np.float32]
    true_m: NDArray[np.float32]
    cap_m: float

    def first(self, paintings: int) -> tuple[AlignedDisparity, tuple[Landmarks, ...]]:
        """What a run has once so many painted photos have people in them.

        Raises `NoLandmarksError` where there are not so many.
        """
        if len(self.with_people) < paintings:
            raise NoLandmarksError(f"people in {len(self.with_people)} painted photos only")
        images = [0, *self.with_people[:paintings]]
        a = self.aligned
        return (
            AlignedDisparity(
                values=a.values[images],
                scale=a.scale[images],
                offset=a.offset[images],
                kept=a.kept[images],
                reason=tuple(a.reason[image] for image in images),
                space=a.space,
            ),
            tuple(self.landmarks[image] for image in images),
        )


class _Undrawn:
    """A painter that leaves the photo as it is: no simulated stage looks at its pixels."""

    name = "simulated: nothing drawn"

    def paint(self, photo: Photo, plan: PaintingPlan) -> Iterator[NDArray[np.uint8]]:
        for _ in plan.names:
            yield photo.image


def flow(world: SimulatedWorld, paintings: int, seed: int) -> MetricFromHuman:
    """The flow with simulated stages and nothing drawn; it paints all whatever comes of the first.

    The preset "paper" does, with the people of the photo counted once as in the others.
    """
    return MetricFromHuman(
        painter=_Undrawn(),
        people=SimulatedMeasurer(world),
        disparity=SimulatedDisparity(world),
        settings=settings_from(
            "paper",
            photo_people="once",
            paintings=paintings,
            seed=seed,
            working_short_side_px=0,
        ),
    )


def run_stages(case: Case) -> Stages:
    """Run everything up to the head. Raises `NoLandmarksError` where nobody finds a place."""
    photo, depth_m = _scene(case)
    world = SimulatedWorld(photo, depth_m, ERRORS[case.errors], case.seed)
    method = flow(world, round(_TRIES * max(PAINTINGS)), case.seed)
    done = method.run(photo)
    cap_m = _cap_m(case, depth_m)
    part = images_taking_part(done.aligned, done.landmarks)
    return Stages(
        method=method,
        with_people=tuple(np.flatnonzero(part[1:]) + 1),
        aligned=done.aligned,
        landmarks=tuple(done.landmarks),
        disparity=done.disparity.values[0],
        true_m=np.where(depth_m <= cap_m, depth_m, np.float32(np.nan)),
        cap_m=cap_m,
    )


def head_of(method: MetricFromHuman, head_method: HeadMethod) -> HeadFitter:
    """The head that the flow has with another setting `head_method`."""
    settings = replace(method.settings, head_method=head_method)
    return MetricFromHuman(method.painter, method.people, method.disparity, settings=settings).head


def _scene(case: Case) -> tuple[Photo, NDArray[np.float32]]:
    source = case.source
    if isinstance(source, RealPhoto):
        whole = load_photo(source.photo, source.intrinsics)
        photo = resize_photo(whole, case.height)
        truth = load_truth(source.depth, whole.shape)
        return photo, resize_truth(truth.depth_m, photo.shape)
    width = round(case.height * 4 / 3)
    return random_scene(case.seed, source, height=case.height, width=width)  # type: ignore[arg-type]


def _cap_m(case: Case, depth_m: NDArray[np.float32]) -> float:
    if isinstance(case.source, str):
        return NEAR_CAP_M if case.source == "room" else FAR_CAP_M
    return NEAR_CAP_M if np.nanmax(depth_m) <= NEAR_CAP_M else FAR_CAP_M
