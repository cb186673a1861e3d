"""Keeping code that lies beside weights from being run.

diffusers and transformers run Python files that a model's folder or its configuration names, some
versions without asking. A folder of weights is data here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mfh.errors import ModelError
from mfh.files.reading import read_json
from mfh.models.weights import Weights

# What tells the libraries of code elsewhere; the last is passed on when a backbone is looked up.
_KEYS = frozenset({"auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code"})


def refuse_code(weights: Weights) -> None:
    """Make sure that a folder for diffusers or transformers brings no code and names none.

    Raises `ModelError` for a Python file, at whatever depth, and for a configuration that says
    where code is to be had.
    """
    for path in _files(weights.folder):
        if path.suffix.lower() == ".py":
            raise ModelError(
                f"{weights.name}: {path} is a program, and a folder of weights that brings its own "
                "is not loaded; give a copy of the folder without it, or another model"
            )
        if path.suffix.lower() == ".json" and _is_configuration(path):
            for key, value in _entries(read_json(path)):
                if _names_code(key, value):
                    raise ModelError(
                        f"{weights.name}: {path} names code of its own ({key!r}), which is not "
                        "run; give another model"
                    )


def _files(folder: Path) -> Iterator[Path]:
    """All files, those behind linked folders included, each folder once."""
    seen = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        yield from (Path(parent, name) for name in sorted(names))


def _is_configuration(path: Path) -> bool:
    """Whether the libraries read settings from it; vocabularies may have any word as a key."""
    return "config" in path.name.lower() or path.name.lower() == "model_index.json"


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """The entries of all mappings in a JSON value."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _names_code(key: str, value: Any) -> bool:
    # Attention and others are named, or are the address of a compiled kernel.
    kernel = key.endswith("_implementation") and "/" in str(value)
    return key in _KEYS or key.startswith("_custom") or kernel
