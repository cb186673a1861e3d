"""Which part does each stage: the user's files where they are given, else a learned one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from mfh.compute import choose_device
from mfh.disparity import DisparityFiles
from mfh.errors import InputError, MissingPartError
from mfh.missing_models import MissingModelsError, with_what_else
from mfh.models import DownloadProgress, Model, ModelStore, Weights, needed
from mfh.models.catalogue import Part
from mfh.models.needs import missing_packages, named_model, packages_remedy
from mfh.models.store import UnreachableModelError, remedy
from mfh.painting import PaintedFiles
from mfh.people import PeopleFiles
from mfh.people.detection import Detector, MeshRegressor
from mfh.records import Space
from mfh.rounds import stages_needed
from mfh.settings import Device, Paint, Precision, Settings
from mfh.stages import DisparityEstimator, Painter, PeopleMeasurer

STAGES = ("painted", "people", "disparity")


class Parts(TypedDict):
    """The parts of a `MetricFromHuman` that have no default; None where a run does without."""

    painter: Painter | None
    people: PeopleMeasurer | None
    disparity: DisparityEstimator


class _Placement(TypedDict):
    """Where and how learned parts compute."""

    device: Device
    precision: Precision


class LearnedParts:
    """The learned parts that settings name; each is made once, and loads its weights at first use.

    store: where the weights lie. What is there when it is first asked for tells what "auto" is.
    progress: is told of downloads.
    """

    def __init__(
        self,
        settings: Settings,
        store: ModelStore | None = None,
        progress: DownloadProgress | None = None,
    ) -> None:
        self.settings = settings
        self.store = store or ModelStore()
        self._progress = progress
        self._prepared: set[str] = set()

    def prepare(self, stages: Collection[str]) -> None:
        """Download what these stages need and what is not there yet; each is looked at once.

        Raises `SettingsError` for a device that is not here, and `MissingPartError` where not
        everything can be downloaded, before anything is, naming all that is missing with the
        commands that get it (`MissingModelsError` where models are).
        """
        new = set(stages) - self._prepared
        if not new:
            return
        choose_device(self.settings.device)
        needs = [model for model in self._models.values() if model.stage in new]
        remedies = [packages_remedy(model) for model in needs if missing_packages(model)]
        if remedies:
            raise MissingPartError("\n".join(remedies))
        states = [self.store.state(model) for model in needs]
        missing = [state for state in states if not state.ready]
        if missing and (self.store.offline or not all(s.model.downloadable for s in missing)):
            raise MissingModelsError(missing)
        for index, state in enumerate(missing):
            try:
                self.store.get(state.model, self._progress)
            except UnreachableModelError as error:
                raise MissingModelsError(missing[index:], error.why) from error
        self._prepared |= new

    def prepare_for(
        self, paint: Paint, use: Collection[str] = (), *, known_distances: bool = False
    ) -> None:
        """Prepare what a run of Metric from Human needs, by the arguments of `learned_stages`.

        Raises what `learned_stages` and `prepare` do, with what else could stand in for models.
        """
        stages = learned_stages(paint, use, known_distances=known_distances)
        try:
            self.prepare(stages)
        except MissingModelsError as error:
            raise with_what_else(error, paint, use, known_distances=known_distances) from error

    @cached_property
    def painter(self) -> Painter:
        """The painter."""
        from mfh.painting import DiffusionPainter  # noqa: PLC0415 - keeps simulated runs light

        settings = self.settings
        return DiffusionPainter(
            self._weights("painter"),
            settings.painter,
            device=settings.device,
            precision=settings.precision,
            low_memory=settings.low_memory,
        )

    @cached_property
    def people(self) -> PeopleMeasurer:
        """The detector and the mesh regressor."""
        from mfh.people import DetectedPeople  # noqa: PLC0415

        return DetectedPeople(self._detector, self._regressor)

    @cached_property
    def disparity(self) -> DisparityEstimator:
        """The model of relative disparity."""
        from mfh.disparity import disparity_model  # noqa: PLC0415

        settings = self.settings
        return disparity_model(
            self._weights("disparity"),
            settings.disparity,
            device=settings.device,
            precision=settings.precision,
        )

    def notes(self, stages: Collection[str]) -> tuple[str, ...]:
        """What the user should know about how these stages were understood, in sentences."""
        people = self.settings.people
        notes = []
        if "people" in stages and people.detector == "auto" and not self._is_vitdet:
            notes.append(
                "people are found by Mask R-CNN, not by the paper's ViTDet-H, which needs "
                "detectron2 and timm"
            )
        if "people" in stages and people.model == "auto" and self._is_anny:
            notes.append(
                "people are measured by fitting the Anny body to them, which nobody has to "
                "register for; how tall each of them is remains open, by about 5 % of an adult's "
                f"height. {self._instead_of_anny}"
            )
        return tuple(notes)

    @cached_property
    def _models(self) -> Mapping[Part, Model]:
        """The model of each part."""
        return {model.part: model for model in needed(self.settings, self.store)}

    def _weights(self, part: Part) -> Weights:
        return self.store.weights(self._models[part])

    @property
    def _is_vitdet(self) -> bool:
        return self._models["detector"].name == "vitdet-h"

    @property
    def _is_anny(self) -> bool:
        return self._models["mesh"].name == "anny"

    @property
    def _instead_of_anny(self) -> str:
        """What it takes that "auto" is the paper's measurer."""
        body = named_model(self.settings.people.body_model, "body")
        state = self.store.state(body)
        if state.status == "absent" and body.obtain == "register":
            how = f"mfh models add {body.name} FILE"
            return f"The paper's HMR 2.0 does it once {body.title} is here: {how}"
        return f"The paper's HMR 2.0 cannot do it: {state}; {remedy(body)}"

    @property
    def _detector(self) -> Detector:
        from mfh.people.detectors import (  # noqa: PLC0415
            KeypointDetector,
            KeypointRCNN,
            MaskRCNN,
            ViTDet,
        )

        settings, where = self.settings.people, self._placement
        kind = ViTDet if self._is_vitdet else MaskRCNN
        detector = kind(self._weights("detector"), settings, **where)
        if not self._is_anny:
            return detector
        return KeypointDetector(
            detector, KeypointRCNN(self._weights("keypoints"), settings, **where)
        )

    @property
    def _regressor(self) -> MeshRegressor:
        settings, where = self.settings.people, self._placement
        if self._is_anny:
            from mfh.people.anny.regressor import AnnyRegressor  # noqa: PLC0415

            return AnnyRegressor(settings, **where)
        from mfh.people.hmr2 import HMR2Regressor  # noqa: PLC0415

        return HMR2Regressor(self._weights("mesh"), self._weights("body"), settings, **where)

    @property
    def _placement(self) -> _Placement:
        return {"device": self.settings.device, "precision": self.settings.precision}


def learned_stages(
    paint: Paint, use: Collection[str] = (), *, known_distances: bool = False
) -> list[str]:
    """The stages that a run needs a learned part for.

    paint: the setting; use: the stages that files stand in for; known_distances: whether there are
        any.

    Raises `InputError` for files for a stage that there is not, or that the run does without.
    """
    unknown = [stage for stage in use if stage not in STAGES]
    if unknown:
        raise InputError(f"use: stage {unknown[0]!r} is unknown; there are {', '.join(STAGES)}")
    needed = stages_needed(paint, known_distances=known_distances, painted_files="painted" in use)
    unneeded = [stage for stage in use if stage not in needed]
    if unneeded:
        raise InputError(
            f"use: files for {unneeded[0]} are given, but with known distances and --paint auto "
            "nobody is measured; --paint never counts the photo's own people, too, and --paint "
            "always also those who are painted into it"
        )
    return [stage for stage in needed if stage not in use]


def parts_from(
    learned: LearnedParts,
    use: Mapping[str, str | Path] | None = None,
    disparity_space: Space = "disparity",
    paint: Paint = "auto",
    known_distances: bool = False,
) -> Parts:
    """The parts of a run: files for the stages that `use` gives a path, learned ones for the rest.

    use: "painted", "people" and "disparity" to a path each.
    disparity_space: what the files for "disparity" hold.
    paint, known_distances: what the run needs follows from them; the parts it does without are
        None.

    Raises `InputError` for another stage or unusable files, and `MissingPartError`, naming
    everything that is missing and the commands that get it, where weights are not there.
    """
    use = use or {}
    stages = learned_stages(paint, use, known_distances=known_distances)
    painted = PaintedFiles(use["painted"]) if "painted" in use else None
    names = None if painted is None else painted.names
    people = PeopleFiles(use["people"], names) if "people" in use else None
    disparity = None
    if "disparity" in use:
        disparity = DisparityFiles(use["disparity"], disparity_space, names)
    # Asked last: files that are given and wrong are named whatever else is missing.
    learned.prepare_for(paint, use, known_distances=known_distances)
    return Parts(
        painter=learned.painter if "painted" in stages else painted,
        people=learned.people if "people" in stages else people,
        disparity=disparity or learned.disparity,
    )
