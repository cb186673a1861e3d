"""Which method a text of the command line names; importing this loads no model library."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfh.errors import InputError, SettingsError
from mfh.estimators import Estimator, HubEstimator, Metric3D, UniDepth
from mfh.estimators.hub import hub_weights
from mfh.estimators.metric3d import SIZES
from mfh.estimators.unidepth import MODELS, require_unidepth
from mfh.evaluation.methods.base import Case, Method, MethodSpec
from mfh.evaluation.methods.saved_predictions import PNG_SCALES, SavedPredictions
from mfh.models import DownloadProgress, Weights
from mfh.models.catalogue import is_hub_id
from mfh.records import MetricDepth
from mfh.settings import Device, Precision, Settings

if TYPE_CHECKING:
    from mfh.simulation.error_model import SimulatedErrors

_FORMS = (
    "mfh[:oracle]",
    "simulated[:oracle]",
    "hub:MODEL",
    "metric3d[:SIZE][@CLONE]",
    "unidepth[:MODEL]",
    "files:[SCALE@]DIR",
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

    def prepare(self, progress: DownloadProgress) -> None:
        """Nothing is downloaded."""


@dataclass(frozen=True)
class HubSpec(_OfPhotoAlone):
    """A metric depth model of transformers: an id of the model hub, or a folder.

    device, precision: as in `mfh.Settings`.
    """

    model: str
    device: Device = "auto"
    precision: Precision = "auto"

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on; of a folder also its files' sizes and times."""
        values = {"method": "hub", "model": self.model, "precision": self.precision}
        return {**values, **_local_files(self.model)}

    def prepare(self, progress: DownloadProgress) -> None:
        """Download a model that is not here. Raises `MissingPartError` or `SettingsError`."""
        hub_weights(self.model, progress=progress)

    def make(self) -> Method:
        """The method; a model that is not here is downloaded."""
        weights = hub_weights(self.model)
        return EstimatorMethod(HubEstimator(weights, device=self.device, precision=self.precision))


@dataclass(frozen=True)
class Metric3DSpec(_OfPhotoAlone):
    """Metric3D v2; clone: a folder with its code, "" takes the one in torch.hub's cache."""

    size: str = "vit_large"
    clone: str = ""
    device: Device = "auto"

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on."""
        return {"method": "metric3d", "size": self.size}

    def make(self) -> Method:
        """The method."""
        return EstimatorMethod(Metric3D(self.size, self.clone or None, device=self.device))


@dataclass(frozen=True)
class UniDepthSpec(_OfPhotoAlone):
    """UniDepthV2; model: a size of `mfh.estimators.unidepth.MODELS`, an id, or a folder."""

    model: str = "vitl14"
    device: Device = "auto"

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on; of a folder also its files' sizes and times."""
        return {"method": "unidepth", "model": self.model, **_local_files(self.model)}

    def prepare(self, progress: DownloadProgress) -> None:
        """Download weights that are not here. Raises `MissingPartError` or `SettingsError`."""
        self._weights(progress)

    def make(self) -> Method:
        """The method; weights that are not here are downloaded."""
        return EstimatorMethod(UniDepth(self._weights(), device=self.device))

    def _weights(self, progress: DownloadProgress | None = None) -> Weights:
        require_unidepth()
        return hub_weights(MODELS.get(self.model, self.model), progress=progress)


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

    text: "mfh" or "simulated", with ":oracle" as `mfh_spec` has it; "hub:MODEL", an id of the model
        hub or a folder; "metric3d", with ":SIZE" and "@CLONE" where they differ from vit_large and
        torch.hub's cache; "unidepth", with ":MODEL", a size, an id or a folder, other than vitl14;
        or "files:DIR", for PNGs with what they hold for a metre before the folder:
        "files:mm@DIR", "files:kitti@DIR" or "files:NUMBER@DIR". Folders are made absolute, so that
        workers in other folders find them.
    settings: of "mfh" and "simulated"; of the others their device, and of "hub" their precision:
        "metric3d" and "unidepth" have one of their own. None takes the default ones.
    errors: of "simulated"; the default strength where none are given.
    names: of all samples of the data set, for "files" that are named by less than the whole name.

    Raises `SettingsError` for any other text, and `InputError` for a folder that is not there.
    """
    settings = settings or Settings()
    device, precision = settings.device, settings.precision
    kind = re.split("[:@]", text, maxsplit=1)[0]
    rest = text[len(kind) :].removeprefix(":")
    if kind in ("mfh", "simulated"):
        from mfh.evaluation.methods.mfh_specs import mfh_spec  # noqa: PLC0415 - imports all its stages

        return mfh_spec(text, settings, errors)
    if kind == "metric3d":
        _require_own_precision(kind, precision, ("auto", "float32"))
        return _metric3d_spec(text, rest, device)
    if kind == "unidepth":
        _require_own_precision(kind, precision, ("auto",))
        return _unidepth_spec(text, rest or UniDepthSpec.model, device)
    if kind == "hub" and rest:
        return HubSpec(_absolute(rest), device, precision)
    if kind == "files" and rest:
        return _files_spec(rest, tuple(names))
    raise SettingsError(
        f"method {text!r} is unknown{_hint(text, kind)}; there are {', '.join(_FORMS)}"
    )


def _hint(text: str, kind: str) -> str:
    """What was probably meant."""
    kinds = [form.partition("[")[0].partition(":")[0] for form in _FORMS]
    near = difflib.get_close_matches(kind, kinds, n=1, cutoff=0.75)
    meant = f"hub:{text}" if is_hub_id(text) else near[0] if near else ""
    return f"; did you mean {meant!r}?" if meant and kind not in kinds else ""


def _files_spec(text: str, names: tuple[str, ...]) -> FilesSpec:
    """Saved predictions from "DIR" or "SCALE@DIR"."""
    scale, at, folder = text.partition("@")
    units = _units_per_m(scale) if at else None
    if units is None:
        return FilesSpec(str(_folder(text)), names=names)
    return FilesSpec(str(_folder(folder)), units, names)


def _units_per_m(text: str) -> float | None:
    """A scale's number; None where the text is none, but part of a folder's name."""
    if text in PNG_SCALES:
        return PNG_SCALES[text]
    try:
        units = float(text)
    except ValueError:
        return None
    return units if 0 < units < float("inf") else None


def _metric3d_spec(text: str, rest: str, device: Device) -> Metric3DSpec:
    """Metric3D from "", "SIZE", "@CLONE" or "SIZE@CLONE"."""
    size, _, clone = rest.partition("@")
    size = size or Metric3DSpec.size
    if size not in SIZES:
        raise SettingsError(f"{text}: {size!r} is no size; there are {', '.join(SIZES)}")
    return Metric3DSpec(size, str(_folder(clone)) if clone else "", device)


def _unidepth_spec(text: str, model: str, device: Device) -> UniDepthSpec:
    model = _absolute(model)
    if model not in MODELS and not is_hub_id(model) and not Path(model).is_dir():
        raise SettingsError(
            f"{text}: {model!r} is no size ({', '.join(MODELS)}), no folder, and no id of the "
            "model hub"
        )
    return UniDepthSpec(model, device)


def _require_own_precision(method: str, precision: Precision, own: tuple[Precision, ...]) -> None:
    if precision not in own:
        raise SettingsError(
            f"{method}: precision is {precision!r}, but its package has one of its own; leave it "
            f"at {' or '.join(own)}"
        )


def _absolute(text: str) -> str:
    path = Path(text).expanduser()
    return str(path.resolve()) if path.is_dir() else text


def _folder(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder")
    return path


def _local_files(model: str) -> dict[str, Any]:
    return dict(Weights.local(model).identity) if Path(model).is_dir() else {}
