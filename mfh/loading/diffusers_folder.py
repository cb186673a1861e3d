"""What the index of a folder of diffusers says; importing this module loads no model library."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfh.errors import ModelError
from mfh.files.reading import read_json
from mfh.loading.foreign_code import refuse_code
from mfh.models.weights import Weights

INDEX = "model_index.json"

GET_AGAIN = (
    "`mfh models check` tells which files are wrong, and `mfh models get` gets them again; for a "
    "folder of your own, compare it with where it came from"
)

LIBRARIES = ("diffusers", "transformers")
"""Where components come from; besides, from the packages in `diffusers.pipelines`."""


@dataclass(frozen=True)
class DiffusersFolder:
    """A folder in the layout of diffusers.

    weights: where it is.
    pipeline: the name of the pipeline's class.
    components: library and class of each part that lies in a folder of its own.
    absent: components that the pipeline goes without.
    """

    weights: Weights
    pipeline: str
    components: Mapping[str, tuple[str, str]]
    absent: tuple[str, ...]


def read_folder(weights: Weights, other_model: str) -> DiffusersFolder:
    """Read a folder's index, and make sure that the folder is data alone.

    other_model: what to do where this is no model of diffusers.

    diffusers imports whatever module an index names, so none but its own and those of transformers
    may be named. Raises `ModelError` for others, for an index that is missing or is none, and for a
    folder with code in it (`refuse_code`).
    """
    path = weights.folder / INDEX
    if not path.is_file():
        raise ModelError(
            f"{weights.name}: {path} is missing, so {weights.folder} is not a model of diffusers; "
            + other_model
        )
    index = read_json(path)
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise ModelError(f"{weights.name}: {path} names no pipeline of diffusers; {GET_AGAIN}")
    components = {}
    absent = []
    for name, value in index.items():
        if value == [None, None]:
            absent.append(name)
        elif isinstance(value, list):
            components[name] = _component(weights, name, value, other_model)
    refuse_code(weights)
    return DiffusersFolder(weights, index["_class_name"], components, tuple(absent))


def _component(weights: Weights, name: str, value: list[Any], remedy: str) -> tuple[str, str]:
    path = weights.folder / INDEX
    if len(value) != 2 or not all(isinstance(each, str) for each in value):
        raise ModelError(f"{weights.name}: {path} has no library and class for {name}; {GET_AGAIN}")
    library, kind = value
    if library not in LIBRARIES and not _is_pipeline_package(library):
        raise ModelError(
            f"{weights.name}: {path} takes {name} from {library!r}; only parts of diffusers and "
            f"transformers are loaded; {remedy}"
        )
    return library, kind


def _is_pipeline_package(name: str) -> bool:
    """Whether diffusers has such a package of pipelines; asked without importing anything."""
    diffusers = importlib.util.find_spec("diffusers")
    places = (diffusers and diffusers.submodule_search_locations) or ()
    return name.isidentifier() and any(
        Path(place, "pipelines", name, "__init__.py").is_file() for place in places
    )
