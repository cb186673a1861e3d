"""Which models settings need, and which packages models need."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from mfh.errors import SettingsError
from mfh.models.catalogue import (
    Model,
    Part,
    catalogue,
    find_model,
    folder_model,
    hub_model,
    is_hub_id,
)
from mfh.settings import PRESETS, Settings, settings_from


def needed(settings: Settings) -> tuple[Model, ...]:
    """The models that settings need, in the order in which they work.

    Raises `SettingsError` for a name that is unknown.
    """
    chosen: tuple[tuple[str, Part], ...] = (
        (settings.painter.model, "painter"),
        (detector_name(settings.people.detector), "detector"),
        (settings.people.model, "mesh"),
        (settings.people.body_model, "body"),
        (settings.disparity.model, "disparity"),
    )
    return tuple(named_model(text, part) for text, part in chosen)


def detector_name(text: str) -> str:
    """The detector that a setting names: "auto" is the paper's where detectron2 is installed."""
    if text != "auto":
        return text
    return "mask-rcnn" if find_spec("detectron2") is None else "vitdet-h"


def named_model(text: str, part: Part | None = None) -> Model:
    """The model of a catalogue's name or id, of a folder, or of another id on the hub.

    part: what it is for; a folder is one only where this is given.

    Raises `SettingsError` for anything else.
    """
    if any(text in (model.name, model.id) for model in catalogue()):
        return find_model(text, part)
    path = Path(text).expanduser()
    if part is not None and path.is_dir():
        return folder_model(path, part)
    if is_hub_id(text):
        return hub_model(text, part)
    if path.is_absolute() or len(path.parts) > 1 or text.startswith((".", "~")):
        raise SettingsError(f"{text}: there is no such folder, and it is no name of a model")
    return find_model(text, part)


def presets_needing(model: Model) -> tuple[str, ...]:
    """The presets that need a model on this machine."""
    return tuple(name for name in PRESETS if model in needed(settings_from(name)))


def missing_packages(model: Model) -> tuple[str, ...]:
    """The packages that a model needs and that are not installed."""
    return tuple(name for name in model.packages if find_spec(name) is None)
