"""The vision language model that a text names; importing this loads no model library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mfh.errors import SettingsError
from mfh.estimators.depthlm.models import OWN_FILE
from mfh.models import ModelStore, Weights
from mfh.models.catalogue import Model, named_folder
from mfh.models.needs import named_model
from mfh.settings import Settings

if TYPE_CHECKING:
    from mfh.estimators.depthlm.vlm import VisionLanguageModel

DEFAULT_MODEL = "facebook/DepthLM"
"""The model that the authors of DepthLM released."""

_IN_RUN = "model"
_CONFIG = "config.json"


def model_text(model: str | Path) -> str:
    """A model's text, of a folder its absolute path; of a training's run the model in it.

    What is a name or an id of the catalogue is no folder, see `named_folder`.
    """
    path = named_folder(model)
    if path is None:
        return str(model)
    in_run = path / _IN_RUN
    is_run = not (path / _CONFIG).is_file() and (in_run / _CONFIG).is_file()
    return str((in_run if is_run else path).resolve())


def require_model(text: str) -> None:
    """Raise `SettingsError` for a text that names no model, wherever its files are."""
    if named_folder(text) is None:
        _model(text)


def answerer_weights(model: str | Path, store: ModelStore | None = None) -> Weights:
    """The files of an image-text model that is on this machine.

    model: a name in `mfh models list`, an id of the model hub as "facebook/DepthLM", a folder, or
        the run of `mfh train depthlm` with the model in it; a folder that is called as a model of
        that list is "./NAME".
    store: where models are kept; by default the user's own.

    Nothing is downloaded: these models have 7 to 25 GB. Raises `MissingPartError` where the files
    are not here, with the command that gets them, and `SettingsError` for a text that names none.
    """
    text = model_text(model)
    if named_folder(text):
        weights = Weights.local(text)
        in_run = weights.folder.name == _IN_RUN and (weights.folder / OWN_FILE).is_file()
        # All runs' models lie in folders of one name.
        return replace(weights, name=weights.folder.parent.name) if in_run else weights
    return (store or ModelStore()).weights(_model(text))


def open_model(
    model: str | Path = DEFAULT_MODEL,
    settings: Settings | None = None,
    store: ModelStore | None = None,
) -> VisionLanguageModel:
    """The model of a text, as `answerer_weights` finds it; its weights are loaded at first use.

    settings: of which device, precision and those of `depthlm` count.

    Raises what `answerer_weights` does, `ModelError` for files that are no such model's, and
    `SettingsError` for a device that is not here.
    """
    from mfh.estimators.depthlm.vlm import VisionLanguageModel  # noqa: PLC0415 - imports Pillow

    settings = settings or Settings()
    own = settings.depthlm
    return VisionLanguageModel(
        answerer_weights(model, store),
        focal_px=own.focal_px or None,
        batch=own.batch,
        max_new_tokens=own.max_new_tokens,
        device=settings.device,
        precision=settings.precision,
    )


def _model(text: str) -> Model:
    try:
        return named_model(text, "vision language model")
    except SettingsError as error:
        raise SettingsError(
            f"{error}; a model that answers questions is an id as {DEFAULT_MODEL}, a name, a "
            "folder, or a run of `mfh train depthlm`"
        ) from error
