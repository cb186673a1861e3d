"""Which models settings need on this machine, and which packages models need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mfh.errors import SettingsError
from mfh.models.catalogue import (
    Model,
    ModelFile,
    Part,
    catalogue,
    default_model,
    find_model,
    folder_model,
    hub_model,
    is_hub_id,
)
from mfh.part_settings import PeopleSettings
from mfh.settings import Settings

if TYPE_CHECKING:
    from mfh.models.store import ModelStore

_SETTINGS: Mapping[Part, str] = {
    "painter": "painter.model",
    "detector": "people.detector",
    "keypoints": "people.keypoints",
    "mesh": "people.model",
    "body": "people.body_model",
    "disparity": "disparity.model",
}
# The parts of people are read by loaders of mfh's own, each of one kind of file.
_OWN_FORMAT: tuple[Part, ...] = ("detector", "keypoints", "mesh", "body")

# How packages are installed that pip does not find by their names.
_INSTALL = {
    "detectron2": "conda install -c conda-forge detectron2, or from source, with a C++ compiler, "
    "pip install --no-build-isolation git+https://github.com/facebookresearch/detectron2",
}


def needed(settings: Settings, store: ModelStore) -> tuple[Model, ...]:
    """The models that settings need, in the order in which they work.

    store: what is here, which tells what "auto" is, see `resolved`.

    Raises `SettingsError` for a name that is unknown.
    """
    people = resolved(settings, store).people
    mesh = named_model(people.model, "mesh")
    return (
        named_model(settings.painter.model, "painter"),
        named_model(people.detector, "detector"),
        *([named_model(people.keypoints, "keypoints")] if mesh.name == "anny" else []),
        mesh,
        *([named_model(people.body_model, "body")] if mesh.name != "anny" else []),
        named_model(settings.disparity.model, "disparity"),
    )


def resolved(settings: Settings, store: ModelStore) -> Settings:
    """The settings with what "auto" is on this machine in its place, where it is a model.

    Raises `SettingsError` for the name of a body that is unknown, where that decides.
    """
    people = settings.people
    return replace(
        settings,
        people=replace(
            people, detector=detector_name(people.detector), model=_mesh_name(people, store)
        ),
    )


def detector_name(text: str) -> str:
    """The detector that a setting names: "auto" is the paper's where its packages are installed."""
    if text != "auto":
        return text
    return "mask-rcnn" if missing_packages(find_model("vitdet-h")) else "vitdet-h"


def _mesh_name(people: PeopleSettings, store: ModelStore) -> str:
    """The mesh regressor that settings name: "auto" is the paper's where the body for it is."""
    if people.model != "auto":
        return people.model
    return "hmr2" if store.state(named_model(people.body_model, "body")).ready else "anny"


def named_model(text: str, part: Part | None = None) -> Model:
    """The model of a catalogue's name or id, of a folder, or of another id on the hub.

    part: what it is for; a folder is one only where this is given. The parts of people are not
        got from the hub by id, and a folder of one holds the file that mfh reads of such a part,
        of a mesh regressor that of HMR 2.0.

    Raises `SettingsError` for anything else.
    """
    if any(text in (model.name, model.id) for model in catalogue()):
        return find_model(text, part)
    path = Path(text).expanduser()
    if part is not None and path.is_dir():
        return folder_model(path, part, _own_files(part))
    if is_hub_id(text):
        if part in _OWN_FORMAT:
            raise _not_taken(text, part)
        return hub_model(text, part)
    if path.is_absolute() or len(path.parts) > 1 or text.startswith((".", "~")):
        raise SettingsError(f"{text}: there is no such folder, and it is no name of a model")
    return find_model(text, part)


def missing_packages(model: Model) -> tuple[str, ...]:
    """The packages that a model needs and that are not installed."""
    return tuple(name for name in model.packages if find_spec(name) is None)


def install_commands(packages: Iterable[str]) -> tuple[str, ...]:
    """What a user types to install packages, in words where there is a choice."""
    named = sorted(packages)
    plain = [name for name in named if name not in _INSTALL]
    others = tuple(_INSTALL[name] for name in named if name in _INSTALL)
    return (*others, f"pip install {' '.join(plain)}") if plain else others


def packages_remedy(model: Model) -> str:
    """Which packages of a model are missing, and what to do about it; "" where none is."""
    missing = missing_packages(model)
    if not missing:
        return ""
    steps = list(install_commands(missing))
    if model.part in _SETTINGS and model != (other := default_model(model.stage, model.part)):
        steps.append(f"or use --set {_SETTINGS[model.part]}={other.name}")
    return f"{model.title} needs {' and '.join(missing)}, not found here: {'; '.join(steps)}"


def _own_files(part: Part) -> tuple[ModelFile, ...]:
    """The files that a folder of the user's own has to hold, where a loader of mfh reads them."""
    if part not in _OWN_FORMAT:
        return ()
    # Of the detectors the default's; what mfh includes is not to be had in another folder.
    models = [each for each in catalogue() if each.part == part and each.obtain != "included"]
    model = min(models, key=lambda each: not each.default)
    return tuple(ModelFile(path=file.path) for file in model.files)


def _not_taken(text: str, part: Part) -> SettingsError:
    names = ", ".join(model.name for model in catalogue() if model.part == part)
    files = ", ".join(file.path for file in _own_files(part))
    return SettingsError(
        f"{text}: {_SETTINGS[part]} takes {names}, or a folder here that holds {files}; other "
        "models are not read, on the model hub or not"
    )
