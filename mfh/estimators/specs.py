"""The estimators that a text of the command line names; importing this loads no model library."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mfh.errors import InputError, SettingsError
from mfh.estimators.clip2depth.estimator import CLIP2Depth, MirrorAtPrediction
from mfh.estimators.clip2depth.files import (
    CONFIG_FILE,
    STATE_FILE,
    base_weights,
    load_config,
)
from mfh.estimators.depthlm.spec import DepthLMSpec
from mfh.estimators.estimator import Estimator
from mfh.estimators.hub import HubEstimator, hub_weights
from mfh.estimators.metric3d import SIZES, Metric3D
from mfh.estimators.spec import EstimatorSpec, model_identity, refuse_untaken
from mfh.estimators.unidepth import MODELS, UniDepth, require_unidepth
from mfh.models import DownloadProgress, ModelStore, Weights
from mfh.models.catalogue import is_hub_id, named_folder
from mfh.models.digests import read_digests
from mfh.settings import Device, Precision, Settings

_OWN = "mfh"
_RANDOMISED = "randomised@"
_SAVED = (CONFIG_FILE, STATE_FILE)


@dataclass(frozen=True)
class HubSpec(EstimatorSpec):
    """A metric depth model of transformers: an id of the model hub, or a folder.

    device, precision: as in `mfh.Settings`.
    """

    form = "hub:MODEL"

    model: str
    device: Device = "auto"
    precision: Precision = "auto"

    @classmethod
    def from_text(cls, rest: str, settings: Settings) -> HubSpec | None:
        """From "MODEL"."""
        return cls(_absolute(rest), settings.device, settings.precision) if rest else None

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on; of a folder also its files' sizes and times."""
        return {"method": "hub", "precision": self.precision, **model_identity(self.model)}

    def prepare(self, progress: DownloadProgress, store: ModelStore | None = None) -> None:
        """Download a model that is not here. Raises `MissingPartError` or `SettingsError`."""
        hub_weights(self.model, store, progress)

    def make(self, store: ModelStore | None = None) -> Estimator:
        """The estimator; a model that is not here is downloaded."""
        weights = hub_weights(self.model, store)
        return HubEstimator(weights, device=self.device, precision=self.precision)


@dataclass(frozen=True)
class Metric3DSpec(EstimatorSpec):
    """Metric3D v2; clone: a folder with its code, "" takes the one in torch.hub's cache."""

    form = "metric3d[:SIZE][@CLONE]"

    size: str = "vit_large"
    clone: str = ""
    device: Device = "auto"

    @classmethod
    def from_text(cls, rest: str, settings: Settings) -> Metric3DSpec:
        """From "", "SIZE", "@CLONE" or "SIZE@CLONE"."""
        _require_own_precision("metric3d", settings.precision, ("auto", "float32"))
        size, _, clone = rest.partition("@")
        size = size or cls.size
        if size not in SIZES:
            raise SettingsError(
                f"metric3d:{rest}: {size!r} is no size; there are {', '.join(SIZES)}"
            )
        return cls(size, str(existing_folder(clone)) if clone else "", settings.device)

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on."""
        return {"method": "metric3d", "size": self.size}

    def prepare(self, progress: DownloadProgress, store: ModelStore | None = None) -> None:
        """Nothing is downloaded: code and weights have a place of their own."""

    def make(self, store: ModelStore | None = None) -> Estimator:
        """The estimator, from the clone."""
        return Metric3D(self.size, self.clone or None, device=self.device)


@dataclass(frozen=True)
class UniDepthSpec(EstimatorSpec):
    """UniDepthV2; model: a size of `mfh.estimators.unidepth.MODELS`, an id, or a folder."""

    form = "unidepth[:MODEL]"

    model: str = "vitl14"
    device: Device = "auto"

    @classmethod
    def from_text(cls, rest: str, settings: Settings) -> UniDepthSpec:
        """From "" or "MODEL"."""
        _require_own_precision("unidepth", settings.precision, ("auto",))
        model = rest or cls.model
        if model not in MODELS:
            model = _absolute(model)
        if model not in MODELS and not is_hub_id(model) and not Path(model).is_dir():
            raise SettingsError(
                f"unidepth:{rest}: {model!r} is no size ({', '.join(MODELS)}), no folder, and no "
                "id of the model hub"
            )
        return cls(model, settings.device)

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on; of a folder also its files' sizes and times."""
        return {"method": "unidepth", **model_identity(self.model)}

    def prepare(self, progress: DownloadProgress, store: ModelStore | None = None) -> None:
        """Download weights that are not here. Raises `MissingPartError` or `SettingsError`."""
        self._weights(store, progress)

    def make(self, store: ModelStore | None = None) -> Estimator:
        """The estimator; weights that are not here are downloaded."""
        return UniDepth(self._weights(store), device=self.device)

    def _weights(
        self, store: ModelStore | None, progress: DownloadProgress | None = None
    ) -> Weights:
        require_unidepth()
        return hub_weights(MODELS.get(self.model, self.model), store, progress)


@dataclass(frozen=True)
class Clip2DepthSpec(EstimatorSpec):
    """A CLIP2Depth that `mfh train clip2depth` wrote into a folder.

    mirror: as in `CLIP2Depth`. device, precision: as in `mfh.Settings`.
    """

    form = "clip2depth:[randomised@]DIR"

    folder: str
    mirror: MirrorAtPrediction = "trained"
    device: Device = "auto"
    precision: Precision = "auto"

    @classmethod
    def from_text(cls, rest: str, settings: Settings) -> Clip2DepthSpec:
        """From "DIR" or "randomised@DIR".

        Raises `ModelError` where that is no CLIP2Depth, `InputError` for a folder that is not
        there, and `SettingsError` for another word before "@".
        """
        given = rest.removeprefix(_RANDOMISED)
        if not given:
            raise SettingsError(
                "clip2depth: names no folder of a trained model, and there are no published "
                "weights; `mfh train clip2depth` makes them: give its folder, clip2depth:DIR"
            )
        prefix, at, _ = given.partition("@")
        if at and not Path(given).expanduser().is_dir():
            raise SettingsError(
                f"clip2depth:{rest}: {prefix!r} is unknown, and there is no folder {given}; all "
                f"that may stand before a model's folder is {_RANDOMISED!r}"
            )
        folder = existing_folder(given, instead="`mfh train clip2depth` writes it, as RUN/model")
        load_config(folder)
        mirror: MirrorAtPrediction = "trained" if given == rest else "randomised"
        return cls(str(folder), mirror, settings.device, settings.precision)

    def as_dict(self) -> dict[str, Any]:
        """What predictions depend on, with the digests of the folder's files."""
        files = {name: read_digests(Path(self.folder) / name).sha256 for name in _SAVED}
        values = {"method": "clip2depth", "model": self.folder, "mirror": self.mirror}
        return {**values, "precision": self.precision, "sha256": files}

    def prepare(self, progress: DownloadProgress, store: ModelStore | None = None) -> None:
        """Download its CLIPSeg if it is not here. Raises `MissingPartError` or `ModelError`."""
        base_weights(load_config(self.folder), store, progress)

    def make(self, store: ModelStore | None = None) -> Estimator:
        """The estimator; a CLIPSeg that is not here is downloaded."""
        return CLIP2Depth(
            self.folder,
            base=base_weights(load_config(self.folder), store),
            mirror=self.mirror,
            device=self.device,
            precision=self.precision,
        )


SPECS: Mapping[str, type[EstimatorSpec]] = MappingProxyType(
    {
        "hub": HubSpec,
        "metric3d": Metric3DSpec,
        "unidepth": UniDepthSpec,
        "clip2depth": Clip2DepthSpec,
        "depthlm": DepthLMSpec,
    }
)
"""The estimators there are, by the kind that a text begins with."""

FORMS: Sequence[str] = tuple(each.form for each in SPECS.values())
"""The texts that name them."""


def estimator_spec(text: str, settings: Settings | None = None) -> EstimatorSpec | None:
    """The estimator that a text names; None where it names none of them.

    text: "hub:MODEL", an id of the model hub or a folder; "metric3d", with ":SIZE" and "@CLONE"
        where they differ from vit_large and torch.hub's cache; "unidepth", with ":MODEL", a size,
        an id or a folder, other than vitl14; "clip2depth:DIR", a model that was trained here,
        with its mirror replaced by random numbers "clip2depth:randomised@DIR"; or "depthlm", with
        ":MODEL", an id, a folder or a training's run, other than facebook/DepthLM. Folders are
        made absolute, so that workers in other folders find them.
    settings: each takes those that its `EstimatorSpec.takes` names; None takes the default ones.

    Raises `SettingsError` for a model, size or precision that the estimator does not have,
    `InputError` for a folder that is not there, and `ModelError` for one that holds no model.
    """
    kind, rest = kind_and_rest(text)
    spec = SPECS.get(kind)
    return None if spec is None else spec.from_text(rest, settings or Settings())


def other_method(text: str, settings: Settings, given: Mapping[str, str]) -> EstimatorSpec | None:
    """The estimator that a text names for a photo; None for "mfh", Metric from Human.

    settings: as for `estimator_spec`. given: what the user gave, as for `refuse_untaken`.

    Raises what `estimator_spec` and `refuse_untaken` do, and `SettingsError` for any other text.
    """
    if text == _OWN:
        return None
    spec = estimator_spec(text, settings)
    if spec is None:
        raise unknown_method(text, (_OWN, *FORMS))
    refuse_untaken(text, spec, given)
    return spec


def kind_and_rest(text: str) -> tuple[str, str]:
    """A method's text in two: "hub:MODEL" in "hub" and "MODEL"."""
    kind = re.split("[:@]", text, maxsplit=1)[0]
    return kind, text[len(kind) :].removeprefix(":")


def unknown_method(text: str, forms: Sequence[str]) -> SettingsError:
    """The error that names the methods there are, and what was probably meant.

    forms: how texts name them, e.g. "metric3d[:SIZE][@CLONE]".
    """
    kind, _ = kind_and_rest(text)
    kinds = [re.split(r"[\[:@]", form, maxsplit=1)[0] for form in forms]
    near = difflib.get_close_matches(kind, kinds, n=1, cutoff=0.75)
    meant = f"hub:{text}" if is_hub_id(text) else near[0] if near else ""
    hint = f"; did you mean {meant!r}?" if meant and kind not in kinds else ""
    return SettingsError(f"method {text!r} is unknown{hint}; there are {', '.join(forms)}")


def existing_folder(text: str, *, instead: str = "") -> Path:
    """A folder's absolute path. Raises `InputError` where it is not there, with what to do."""
    path = Path(text).expanduser().resolve()
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder{f'; {instead}' if instead else ''}")
    return path


def _require_own_precision(method: str, precision: Precision, own: tuple[Precision, ...]) -> None:
    if precision not in own:
        raise SettingsError(
            f"{method}: precision is {precision!r}, but its package has one of its own; leave it "
            f"at {' or '.join(own)}"
        )


def _absolute(text: str) -> str:
    path = named_folder(text)
    return str(path.resolve()) if path else text
