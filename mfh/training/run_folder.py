"""The folder of a training: written by one process at a time, and by one training alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mfh.errors import RunFolderError
from mfh.files import remove_temporaries, write_json
from mfh.files.locks import run_locked
from mfh.files.reading import read_json, read_text_file

NAME = "run.json"
FORMAT = 1
"""The version of a training's `run.json`: what another version wrote is refused."""

_MOST_DIFFERENCES = 5
# In the folder of any training.
_LOG = "steps.csv"
_GONE_ON_WITH = ("checkpoint.safetensors", "checkpoints/*", "model/*")


@contextmanager
def training_folder(folder: Path, training: Mapping[str, Any]) -> Iterator[None]:
    """Hold the folder of a training, made or gone on with.

    training: everything its result depends on, plain JSON; kept in `run.json`.

    What failed before its first step, and left nothing to go on with, may be begun otherwise.

    Raises `RunFolderError` where another process writes there, or what is there was trained
    otherwise, with what differs; `OutputError` where it cannot be written.
    """
    with run_locked(folder, "training there"):
        is_there = (folder / NAME).is_file()
        if is_there:
            _require_training(folder)
        if is_there and _has_begun(folder):
            _require_same(folder, training)
        else:
            stored = {"format": FORMAT, "mfh": version("mfh"), "training": dict(training)}
            write_json(folder / NAME, stored)
        remove_temporaries(folder)
        yield


def _has_begun(folder: Path) -> bool:
    """Whether there is a checkpoint, a model, or a step in the log."""
    log = folder / _LOG
    logged = len(read_text_file(log).splitlines()) > 1 if log.is_file() else False
    return logged or any(any(folder.glob(pattern)) for pattern in _GONE_ON_WITH)


def _require_training(folder: Path) -> None:
    stored = read_json(folder / NAME)
    if not isinstance(stored, dict) or not isinstance(stored.get("training"), dict):
        raise RunFolderError(
            f"{folder}: holds a run that is no training; choose another folder with --out"
        )
    if stored.get("format") != FORMAT:
        raise RunFolderError(
            f"{folder}: in format {stored.get('format')}, written by mfh {stored.get('mfh')}, but "
            f"this version writes format {FORMAT}; use that version, or another folder with --out"
        )


def _require_same(folder: Path, training: Mapping[str, Any]) -> None:
    before = _flat(read_json(folder / NAME)["training"])
    # As JSON has it, in which tuples are lists.
    now = _flat(json.loads(json.dumps(training)))
    differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if differing:
        shown = [
            f"{key} is {_text(before, key)} there and {_text(now, key)} here"
            for key in differing[:_MOST_DIFFERENCES]
        ]
        more = len(differing) - len(shown)
        raise RunFolderError(
            f"{folder}: what is there is trained otherwise: {'; '.join(shown)}"
            f"{f'; and {more} more' if more else ''}. Go on with what it was begun with, or choose "
            "another folder with --out"
        )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _text(values: Mapping[str, Any], key: str) -> str:
    return str(values[key]) if key in values else "not set"
