"""The people of the same simulated paintings, measured in three ways, and what comes of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metric_heads.cases import NEAR_CAP_M, Stages, flow, head_of
from metric_heads.scores import NEAREST_M
from mfh import MetricFromHuman
from mfh.errors import NoLandmarksError
from mfh.evaluation import depth_errors
from mfh.people.detection import MeshRegressor
from mfh.prediction import Prediction
from mfh.settings import HeadMethod
from mfh.simulation import (
    SimulatedErrors,
    SimulatedKeypointMeasurer,
    SimulatedMeasurer,
    SimulatedWorld,
)
from mfh.simulation.rooms import random_scene
from mfh.stages import PeopleMeasurer
from mfh.taking_part import images_taking_part

PAINTINGS = (4, 8, 32)
_TRIES = 1.25
"""So many paintings are made for each that is wanted; a room with place for too few is left out."""
HEADS: Mapping[str, HeadMethod] = {"robust": "robust", "SILog (paper)": "silog"}
PERFECT, HMR2, FITTED = "perfect meshes", "HMR 2.0, simulated", "Anny, fitted"

_DEFAULT = SimulatedErrors.default()
_OF_DETECTOR_AND_DISPARITY = ("ragged_mask_px", "keypoint_px", "keypoint_wrong", "disparity_")
ERRORS: Mapping[str, SimulatedErrors] = {
    "default": _DEFAULT,
    "no painter errors": SimulatedErrors(
        mesh_scale=_DEFAULT.mesh_scale,
        mesh_tilt_deg=_DEFAULT.mesh_tilt_deg,
        **{
            name: value
            for name, value in _DEFAULT.as_dict().items()
            if name.startswith(_OF_DETECTOR_AND_DISPARITY)
        },
    ),
    "keypoints twice as wrong": replace(
        _DEFAULT,
        keypoint_px=2 * _DEFAULT.keypoint_px,
        keypoint_wrong=2 * _DEFAULT.keypoint_wrong,
    ),
}


@dataclass(frozen=True)
class Room:
    """One room with one error model; height: of the photo in px."""

    errors: str
    seed: int
    height: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of one room.

    abs_rel: by head, paintings and measurer; NaN where there is no answer. Rooms without place for
        so many people have none.
    people: by measurer, for each of P people the log of the measured distance over that of the
        perfect mesh, and the error that the measurer expected, NaN where it cannot tell: (P, 2).
    refused: by measurer, how many were found and not measured.
    """

    room: Room
    abs_rel: Mapping[tuple[str, int, str], float]
    people: Mapping[str, NDArray[np.float64]]
    refused: Mapping[str, int]


def compare(
    room: Room,
    regressor: Callable[[SimulatedWorld], MeshRegressor] | None = None,
    paintings: Sequence[int] = PAINTINGS,
) -> Comparison:
    """Measure the people of one room's paintings in three ways, and fit heads to each.

    regressor: makes what `FITTED` measures with; by default `AnnyRegressor`.

    Raises `NoLandmarksError` where nobody finds a place.
    """
    photo, depth_m = random_scene(room.seed, height=room.height, width=round(room.height * 4 / 3))
    true_m = np.where(depth_m <= NEAR_CAP_M, depth_m, np.float32(np.nan))
    errors = ERRORS[room.errors]
    world = SimulatedWorld(photo, depth_m, errors, room.seed)
    exact = SimulatedWorld(
        photo, depth_m, replace(errors, mesh_scale=0.0, mesh_tilt_deg=0.0), room.seed
    )
    measurers: dict[str, PeopleMeasurer] = {
        PERFECT: SimulatedMeasurer(exact),
        HMR2: SimulatedMeasurer(world),
        FITTED: SimulatedKeypointMeasurer(world, (regressor or _anny)(world)),
    }
    simulated = flow(world, math.ceil(_TRIES * max(paintings)), room.seed)
    found: dict[str, Prediction] = {}
    stages: dict[str, Stages] = {}
    for name, people in measurers.items():
        method = MetricFromHuman(
            simulated.painter, people, simulated.disparity, settings=simulated.settings
        )
        found[name] = done = method.run(photo)
        # All are given the paintings in which the perfect measurer finds somebody.
        perfect = found[PERFECT]
        with_people = images_taking_part(perfect.aligned, perfect.landmarks)[1:]
        stages[name] = Stages(
            method=method,
            with_people=tuple(np.flatnonzero(with_people) + 1),
            aligned=done.aligned,
            landmarks=tuple(done.landmarks),
            disparity=done.disparity.values[0],
            true_m=true_m,
            cap_m=NEAR_CAP_M,
        )
    return Comparison(
        room=room,
        abs_rel={
            (head, count, name): _abs_rel(each, method, count)
            for head, method in HEADS.items()
            for count in paintings
            if count <= len(stages[PERFECT].with_people)
            for name, each in stages.items()
        },
        people={name: _people(done, found[PERFECT]) for name, done in found.items()},
        refused={
            name: sum(len(each.refused) for each in done.people) for name, done in found.items()
        },
    )


def _anny(_: SimulatedWorld) -> MeshRegressor:
    from mfh.people.anny import AnnyRegressor  # noqa: PLC0415 - imports torch

    return AnnyRegressor(device="cpu")


def _abs_rel(stages: Stages, method: HeadMethod, paintings: int) -> float:
    """AbsRel over the room, as `metric_head.py` has it; NaN where there is no answer."""
    try:
        head = head_of(stages.method, method).fit(*stages.first(paintings))
    except NoLandmarksError:
        return math.nan
    known = np.isfinite(stages.true_m)
    predicted_m = head.apply(stages.disparity[known]).clip(NEAREST_M, stages.cap_m)
    return depth_errors(predicted_m, stages.true_m[known])["abs_rel"]


def _people(done: Prediction, perfect: Prediction) -> NDArray[np.float64]:
    """Log of the measured over the perfect mesh's distance of each person, and expected error."""
    rows = []
    for people, exact in zip(done.people, perfect.people, strict=True):
        # The detections are the same, and no two have the same score.
        for score, mesh_m, expected in zip(
            people.score, people.vertices_m, people.relative_error, strict=True
        ):
            (same,) = np.flatnonzero(exact.score == score)
            true_m = exact.vertices_m[same]
            rows.append((np.log(mesh_m[:, 2].mean() / true_m[:, 2].mean()), expected))
    return np.array(rows, np.float64).reshape(-1, 2)
