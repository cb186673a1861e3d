"""Which method a text of the command line names; importing this loads no model library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mfh.estimators import Estimator, EstimatorSpec, estimator_spec
from mfh.estimators.specs import FORMS, existing_folder, kind_and_rest, unknown_method
from mfh.evaluation.methods.asked_pixels import AskedPixelsSpec
from mfh.evaluation.methods.base import Case, Method, MethodSpec
from mfh.evaluation.methods.saved_predictions import PNG_SCALES, SavedPredictions
from mfh.models import DownloadProgress
from mfh.records import MetricDepth
from mfh.settings import Settings

if TYPE_CHECKING:
    from mfh.simulation.error_model import SimulatedErrors

_FORMS = (
    *("mfh[:oracle]", "simulated[:oracle]"),
    *FORMS,
    *(AskedPixelsSpec.form, "files:[SCALE@]DIR"),
)


@dataclass(frozen=True)
class EstimatorMethod:
    """An estimator as a method that is evaluated; of a case it uses the photo alone."""

    estimator: Estimator

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size."""
        return self.estimator.predict(case.photo)


class _OfPhotoAlone:
    """What methods that need neither truth nor seed have in common."""

    needs_truth = False
    seeded = False


@dataclass(frozen=True)
class EstimatorMethodSpec(_OfPhotoAlone):
    """An estimator's spec as that of a method."""

    estimator: EstimatorSpec

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on."""
        return self.estimator.as_dict()

    def prepare(self, progress: DownloadProgress) -> None:
        """Download what the estimator needs and is not here."""
        self.estimator.prepare(progress)

    def make(self) -> Method:
        """The method; what is not here is downloaded."""
        return EstimatorMethod(self.estimator.make())


@dataclass(frozen=True)
class FilesSpec(_OfPhotoAlone):
    """Saved predictions of any method, see `mfh.evaluation.methods.saved_predictions`.

    names: of all samples of the data set, by which it is told whose a file is.
    """

    folder: str
    png_units_per_m: float | None = None
    names: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The folder and its scale; not its files, so that missing ones may be added to it."""
        scale = {"png_units_per_m": self.png_units_per_m}
        return {"method": "files", "folder": self.folder, **scale}

    def prepare(self, progress: DownloadProgress) -> None:
        """Nothing is downloaded."""

    def make(self) -> Method:
        """The method."""
        return SavedPredictions(self.folder, self.names, png_units_per_m=self.png_units_per_m)


def method_spec(
    text: str,
    settings: Settings | None = None,
    errors: SimulatedErrors | None = None,
    *,
    names: Sequence[str] = (),
) -> MethodSpec:
    """The method that a text names.

    text: "mfh" or "simulated", with ":oracle" as `mfh_spec` has it; an estimator, as
        `mfh.estimators.estimator_spec` has it; "depthlm-pixels", with ":MODEL" as of "depthlm"; or
        "files:DIR", for PNGs with what they hold for a metre before the folder: "files:mm@DIR",
        "files:kitti@DIR" or "files:NUMBER@DIR". Folders are made absolute, so that workers in other
        folders find them.
    settings: of "mfh" and "simulated"; estimators take some of them. None takes the default ones.
    errors: of "simulated"; the default strength where none are given.
    names: of all samples of the data set, for "files" that are named by less than the whole name.

    Raises `SettingsError` for any other text, and `InputError` for a folder that is not there.
    """
    kind, rest = kind_and_rest(text)
    if kind in ("mfh", "simulated"):
        from mfh.evaluation.methods.mfh_specs import mfh_spec  # noqa: PLC0415 - imports all its stages

        return mfh_spec(text, settings, errors)
    if kind == AskedPixelsSpec.kind:
        return AskedPixelsSpec.from_text(rest, settings or Settings())
    if kind == "files" and rest:
        return _files_spec(rest, tuple(names))
    estimator = estimator_spec(text, settings)
    if estimator is None:
        raise unknown_method(text, _FORMS)
    return EstimatorMethodSpec(estimator)


def _files_spec(text: str, names: tuple[str, ...]) -> FilesSpec:
    """Saved predictions from "DIR" or "SCALE@DIR"."""
    scale, at, folder = text.partition("@")
    units = _units_per_m(scale) if at else None
    if units is None:
        return FilesSpec(str(existing_folder(text)), names=names)
    return FilesSpec(str(existing_folder(folder)), units, names)


def _units_per_m(text: str) -> float | None:
    """A scale's number; None where the text is none, but part of a folder's name."""
    if text in PNG_SCALES:
        return PNG_SCALES[text]
    try:
        units = float(text)
    except ValueError:
        return None
    return units if 0 < units < float("inf") else None
