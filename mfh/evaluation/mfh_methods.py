"""Metric from Human predicting the photos of a data set, as `mfh.evaluation.mfh_specs` asks.

What is written beside a photo are records alone, never pictures of the result.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from mfh.disparity import unaligned
from mfh.errors import InputError, MissingPartError
from mfh.evaluation.methods import Case
from mfh.evaluation.settings_keys import name_of_paintings
from mfh.head import LandmarkHead
from mfh.parts import LearnedParts
from mfh.photos import resize_photo
from mfh.pipeline import MetricFromHuman
from mfh.progress import Progress
from mfh.records import Counts, Landmarks, MetricDepth
from mfh.rendering.renderer import MeshRenderer
from mfh.runs import RunFolder, StageRunner, part_name
from mfh.runs.photo_run import PhotoRun, digests_of
from mfh.settings import Settings
from mfh.simulation import SimulatedDisparity, SimulatedErrors, SimulatedWorld, simulated_parts
from mfh.simulation.truth import resize_truth
from mfh.stages import DisparityEstimator

if TYPE_CHECKING:
    from mfh.evaluation.mfh_specs import MfhSpec, OracleSpec, SimulatedSpec

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
        self._parts = _shared_parts(spec.settings)
        self._parts.prepare(spec.learned)

    @property
    def name(self) -> str:
        """What it is, for people."""
        return _title(self._spec.settings)

    @property
    def device(self) -> str:
        """Where its models compute."""
        return _device(self._parts.disparity)

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size."""
        settings = replace(self._spec.settings, seed=case.seed)
        own = {"people": Path(self._spec.meshes) / case.name} if self._spec.meshes else {}
        method = MetricFromHuman.from_settings(settings, use=own, learned=self._parts)
        run = method.run(case.photo, folder=_folder(case, settings), pictures=False)
        return run.depth


class SimulatedMethod:
    """With stand-ins for the learned parts."""

    device = ""

    def __init__(self, spec: SimulatedSpec) -> None:
        self._spec = spec

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"simulated: {_title(self._spec.settings)}"

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size."""
        settings, errors = replace(self._spec.settings, seed=case.seed), self._spec.errors
        world = SimulatedWorld(case.photo, _truth_m(case), errors, case.seed)
        method = MetricFromHuman(**simulated_parts(world), settings=settings)
        run = method.run(case.photo, folder=_folder(case, settings, errors), pictures=False)
        return run.depth


class OracleMethod:
    """The relative model, and a metric head fitted to the truth, at the size of the stages."""

    def __init__(self, spec: OracleSpec) -> None:
        self._settings = replace(spec.settings, paint="never")
        self._errors = spec.errors
        self._parts = None
        if spec.errors is None:
            self._parts = _shared_parts(spec.settings)
            self._parts.prepare(spec.learned)
        self._head = LandmarkHead(
            spec.settings.head_method,
            fit_scale=spec.settings.fit_scale,
            fit_offset=spec.settings.fit_offset,
            space=spec.settings.head_space,
        )

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"{'' if self._errors is None else 'simulated: '}oracle, {self._head.name}"

    @property
    def device(self) -> str:
        """Where its models compute."""
        return "" if self._parts is None else _device(self._parts.disparity)

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size."""
        photo, settings = case.photo, replace(self._settings, seed=case.seed)
        working = resize_photo(photo, settings.working_short_side_px)
        truth_m = _truth_m(case)
        part: DisparityEstimator
        if self._parts is None:
            part = SimulatedDisparity(SimulatedWorld(photo, truth_m, self._errors, case.seed))
        else:
            part = self._parts.disparity
        path = _folder(case, settings, self._errors)
        runner = StageRunner(
            digests_of(photo, working, ()),
            settings,
            None if path is None else RunFolder(path),
            Progress(),
        )
        run = PhotoRun(
            photo,
            working,
            (),
            settings,
            runner,
            painter=None,
            people=None,
            renderer=MeshRenderer(settings.renderer, settings.device),
            disparity=part,
            head=self._head,
        )
        disparity = run.estimate(run.paint(0))
        landmarks = _landmarks_of_truth(resize_truth(truth_m, working.shape))
        head = self._head.fit(unaligned(disparity), [landmarks])
        depth_m, _ = run.apply(head, disparity)
        return MetricDepth(
            depth_m=depth_m,
            camera=photo.camera,
            head=head,
            relative_error=head.relative_error,
            counts=Counts(painted=0, with_people=0, kept=0, people=0),
            parts={"disparity": part_name(part), "head": f"{settings.head_method} over the truth"},
            device=_device(part),
        )


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
    truth_m = resize_truth(case.truth(), case.photo.shape)
    known = np.isfinite(truth_m) & (truth_m > 0)
    if not known.any():
        raise InputError(f"{case.name}: no pixel of the truth has a known depth")
    return np.where(known, truth_m, np.float32(np.nan))


def _shared_parts(settings: Settings) -> LearnedParts:
    """The learned parts of settings: the same as long as another method uses them."""
    key = Settings(
        painter=settings.painter,
        people=settings.people,
        disparity=settings.disparity,
        device=settings.device,
        precision=settings.precision,
        low_memory=settings.low_memory,
    )
    return _parts_in_use.setdefault(key, LearnedParts(key))


def _folder(case: Case, settings: Settings, errors: SimulatedErrors | None = None) -> Path | None:
    """Where a case's records go."""
    return None if case.work is None else case.work / name_of_paintings(settings, errors)


def _title(settings: Settings) -> str:
    return f"Metric from Human, N = {settings.paintings}, {settings.head_method} head"


def _device(part: object) -> str:
    return str(getattr(part, "device", ""))
