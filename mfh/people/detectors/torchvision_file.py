"""Reading torchvision's weights files."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor

from mfh.compute import is_out_of_memory
from mfh.errors import ModelError


def read_torchvision_file(path: Path, advice: str) -> dict[str, Tensor]:
    """The tensors of a weights file (`.pth`), by name; no code in it is run.

    advice: what to do where it is not one.

    Raises `ModelError` for a file that is damaged, or that holds anything but named tensors.
    """
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path}: not a readable weights file ({reason}). {advice}") from error
    if not isinstance(tensors, dict) or not all(
        isinstance(tensor, Tensor) for tensor in tensors.values()
    ):
        raise ModelError(f"{path}: holds something else than named tensors. {advice}")
    return tensors
