"""The catalogue of upstream models: one TOML file each, in `third_party/`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, kw_only=True)
class Model:
    """One upstream model.

    stage: what it is for: "painted", "people" or "disparity".
    title: its name in words.
    id: where its publisher keeps it.
    licence: the licence's name; `commercial`: whether that allows commercial use.
    packages: Python packages it needs.
    source: the page that says all this.
    default: whether it is what `mfh predict` will use for its stage.
    note: what a user has to know or do.
    """

    stage: str
    title: str
    id: str
    licence: str
    commercial: bool
    packages: tuple[str, ...]
    source: str
    default: bool = False
    note: str = ""


@cache
def catalogue() -> tuple[Model, ...]:
    """All models, by the names of their files."""
    folder = files("mfh_third_party")
    texts = {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    models = []
    for name in sorted(texts):
        values = tomllib.loads(texts[name])
        values["packages"] = tuple(values["packages"])
        models.append(Model(**values))
    return tuple(models)


def default_model(stage: str) -> Model:
    """The model that `mfh predict` is to use for a stage."""
    return next(model for model in catalogue() if model.stage == stage and model.default)
