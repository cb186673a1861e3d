"""Reading weights of detectron2's model zoo, which are pickles, as data: nothing in them is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mfh.errors import ModelError
from mfh.files.reading import absent
from mfh.unpickling import ARRAY_NAMES, Role, array_of, run_pickle

_ROLES: Mapping[str, Role] = {**ARRAY_NAMES, "collections.OrderedDict": "dict"}


def read_model_zoo_file(path: Path) -> dict[str, Tensor]:
    """The tensors of a detectron2 model zoo file (`.pkl`), by name.

    Raises `ModelError` for a file that is not one, or that holds anything but plain values and
    arrays of numbers, naming it, and `InputError` for one that is not there.
    """
    arrays = _arrays(path)
    # One by one, each array let go of when it is copied: the file may hold gigabytes.
    return {str(name): _tensor(path, name, arrays.pop(name)) for name in list(arrays)}


def _arrays(path: Path) -> dict[Any, Any]:
    try:
        with path.open("rb") as stream:
            content = run_pickle(
                stream, _ROLES.get, lambda what: _unreadable(path, f"it holds {what}")
            )
    except FileNotFoundError:
        raise absent(path) from None
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise _unreadable(path, f"it is {error}") from error
    arrays = content.get("model") if isinstance(content, dict) else None
    if not isinstance(arrays, dict):
        raise ModelError(f"{path}: holds no 'model'; expected a file of detectron2's model zoo")
    return arrays


def _tensor(path: Path, name: object, value: object) -> Tensor:
    try:
        array = array_of(value)
    except ValueError as error:
        raise _unreadable(path, f"{name} {error}") from error
    # In this machine's byte order, and in memory that may be written to, as tensors need it.
    return torch.from_numpy(np.array(array, array.dtype.newbyteorder("=")))


def _unreadable(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"{path}: not a readable weights file: {reason}; a file of detectron2's model zoo holds "
        "arrays of numbers: `mfh models get vitdet-h` gets it"
    )
