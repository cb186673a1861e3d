"""What a training goes on from: tensors and plain values in one safetensors file.

One file is written whole or not at all, so that its parts always belong together. Importing this
module imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mfh.errors import InputError
from mfh.files import atomic_path

_VALUES = "values"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training.

    tensors: by name, e.g. "weights/mirror"; `group` gives those of one prefix.
    values: plain JSON; numbers come back bit for bit.
    """

    tensors: Mapping[str, torch.Tensor]
    values: Mapping[str, Any] = field(default_factory=dict)

    def group(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors whose names begin with `prefix` and "/", by the rest of their names."""
        start = f"{prefix}/"
        return {
            name.removeprefix(start): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(start)
        }

    def write(self, path: Path) -> None:
        """Write it, atomically. Raises `OutputError`."""
        tensors = {name: each.detach().cpu().contiguous() for name, each in self.tensors.items()}
        content = save(tensors, {_VALUES: json.dumps(self.values)})
        with atomic_path(path) as temporary:
            # Not by safetensors, whose errors do not say what to do, and whose own temporary file
            # would stay behind a process that is killed.
            temporary.write_bytes(content)

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read it back, on the CPU. Raises `InputError` for a file that is damaged."""
        try:
            with safe_open(path, framework="pt") as file:
                values = json.loads((file.metadata() or {})[_VALUES])
                return cls({name: file.get_tensor(name) for name in file.keys()}, values)  # noqa: SIM118 - not a mapping
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise InputError(
                f"{path}: not a checkpoint that can be read ({error}); remove it to train from "
                "the beginning, or restore it"
            ) from error


def named(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors under a prefix, as `Checkpoint.group` finds them."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What an optimizer has gathered of each parameter, all of it tensors, as AdamW keeps it."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}/{name}": tensor
        for number, of_parameter in state.items()
        for name, tensor in of_parameter.items()
    }


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]
) -> None:
    """Put back what `optimizer_tensors` gave, into an optimizer of the same parameters."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition("/")
        state.setdefault(int(number), {})[name] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
