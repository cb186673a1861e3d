"""Metric from Human predicting the photos of a data set, as `mfh_specs` asks.

What is written beside a photo are records alone, never pictures of the result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError, MissingPartError
from mfh.evaluation.methods.base import Case
from mfh.evaluation.methods.painting_key import name_of_paintings
from mfh.files import make_folder
from mfh.files.locks import locked
from mfh.parts import LearnedParts
from mfh.photos import resize_photo
from mfh.pipeline import MetricFromHuman
from mfh.records import Landmarks, MetricDepth
from mfh.settings import Settings
from mfh.simulation import SimulatedDisparity, SimulatedErrors, SimulatedWorld, simulated_parts
from mfh.simulation.truth import resize_truth
from mfh.stages import DisparityEstimator

if TYPE_CHECKING:
    from mfh.evaluation.methods.mfh_specs import MfhSpec, OracleSpec, SimulatedSpec

_parts_in_use: WeakValueDictionary[Settings, LearnedParts] = WeakValueDictionary()


class LearnedMethod:
    """With learned parts."""

    def __init__(self, spec: MfhSpec) -> None:
        if spec.regressor and not spec.meshes:
            raise MissingPartError(
                f"people are to be measured by {spec.regressor}, which is not part of mfh: let it "
                "measure those in the paintings, WORK/DATASET/PHOTO/.../painted once another row "
                "has painted them, and give its meshes, DIR/PHOTO/PAINTING.npz as "
                "docs/your_own_parts.md tells, with --people ROW=DIR"
            )
        self._spec = spec
        self._parts = _shared_parts(spec.settings, spec.learned)

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size."""
        settings = replace(self._spec.settings, seed=case.seed)
        own = {"people": Path(self._spec.meshes) / case.name} if self._spec.meshes else {}
        method = MetricFromHuman.from_settings(settings, use=own, learned=self._parts)
        with _records(case, settings) as folder:
            return method.run(case.photo, folder=folder, pictures=False).depth


class SimulatedMethod:
    """With stand-ins for the learned parts."""

    def __init__(self, spec: SimulatedSpec) -> None:
        self._spec = spec

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size."""
        settings, errors = replace(self._spec.settings, seed=case.seed), self._spec.errors
        world = SimulatedWorld(case.photo, _truth_m(case), errors, case.seed)
        method = MetricFromHuman(**simulated_parts(world), settings=settings)
        with _records(case, settings, errors) as folder:
            return method.run(case.photo, folder=folder, pictures=False).depth


class OracleMethod:
    """The relative model, and a metric head fitted to the truth, at the size of the stages."""

    def __init__(self, spec: OracleSpec) -> None:
        self._settings = replace(spec.settings, paint="never")
        self._errors = spec.errors
        self._parts = None
        if spec.errors is None:
            self._parts = _shared_parts(spec.settings, spec.learned)

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size."""
        photo, settings = case.photo, replace(self._settings, seed=case.seed)
        truth_m = _truth_m(case)
        part: DisparityEstimator
        if self._parts is None:
            part = SimulatedDisparity(SimulatedWorld(photo, truth_m, self._errors, case.seed))
        else:
            part = self._parts.disparity
        working = resize_photo(photo, settings.working_short_side_px)
        landmarks = _landmarks_of_truth(resize_truth(truth_m, working.shape))
        method = MetricFromHuman(None, None, part, settings=settings)
        with _records(case, settings, self._errors) as folder:
            depth = method.fit_to(photo, landmarks, folder=folder)
        head = f"{settings.head_method} over the truth"
        return replace(depth, parts={**depth.parts, "head": head})


def _landmarks_of_truth(truth_m: NDArray[np.float32]) -> Landmarks:
    known = np.isfinite(truth_m)
    return Landmarks(
        depth_m=truth_m,
        owner=np.where(known, np.int16(0), np.int16(-1)),
        weight=np.ones(1, np.float32),
        kind=("measured point",),
    )


def _truth_m(case: Case) -> NDArray[np.float32]:
    """The truth (H, W) at the photo's size, NaN where unknown."""
    if case.truth is None:
        raise InputError(f"{case.name}: this method needs the true depth, and there is none")
    truth_m = resize_truth(case.truth, case.photo.shape)
    known = np.isfinite(truth_m) & (truth_m > 0)
    if not known.any():
        raise InputError(f"{case.name}: no pixel of the truth has a known depth")
    return np.where(known, truth_m, np.float32(np.nan))


def _shared_parts(settings: Settings, stages: Collection[str]) -> LearnedParts:
    """The learned parts of settings, whose weights for these stages are here.

    They are the same as long as another method uses them.
    """
    key = Settings(
        painter=settings.painter,
        people=settings.people,
        disparity=settings.disparity,
        device=settings.device,
        precision=settings.precision,
        low_memory=settings.low_memory,
    )
    parts = _parts_in_use.setdefault(key, LearnedParts(key))
    parts.prepare(stages)
    return parts


@contextmanager
def _records(
    case: Case, settings: Settings, errors: SimulatedErrors | None = None
) -> Iterator[Path | None]:
    """Where a case's records go, which no other process uses meanwhile; None where none are kept.

    Raises `OutputError` where it cannot be written or locked.
    """
    if case.work is None:
        yield None
        return
    folder = make_folder(case.work / name_of_paintings(settings, errors))
    remedy = "keep records on another drive with --work, or none with --no-records"
    with locked(folder / ".lock", remedy=remedy):
        yield folder
