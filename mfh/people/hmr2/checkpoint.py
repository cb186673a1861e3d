"""Loading HMR 2.0's weights: the published Lightning checkpoint, or a plain state dict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mfh.errors import ModelError
from mfh.files.reading import absent
from mfh.people.hmr2.config import HMR2Config
from mfh.people.hmr2.network import HMR2
from mfh.people.hmr2.torch_file import DAMAGE, damaged, read_index, read_stored, state_dict_of

CHECKPOINT = "logs/train/multiruns/hmr2/0/checkpoints/epoch=35-step=1000000.ckpt"
"""The published checkpoint's place in its archive, `hmr2_data.tar.gz`."""

# What training kept beside the network: the adversary, a body model, a flag.
_OF_TRAINING = ("discriminator.", "smpl.", "initialized")

_T = TypeVar("_T")

_FULL = HMR2Config()
_NAMED = 5


def load_checkpoint(path: str | Path, config: HMR2Config | None = None) -> HMR2:
    """Load a network in float32 on the CPU, ready for inference.

    path: a Lightning checkpoint or a state dict written by `torch.save`, or a `.safetensors` file.
        Only its tensors are read: nothing of it is run, and other objects in it are passed over.
    config: the network's sizes. By default they are told from the tensors; attention heads, which
        leave no trace in them, are then as wide as the published network's.

    Raises `InputError` for a file that is missing, and `ModelError` for one that is damaged or no
    checkpoint, and for tensors of `backbone` or `smpl_head` that are missing, unexpected or of
    another shape.
    """
    path = Path(path)
    if not path.is_file():
        raise absent(path)
    tensors = {
        name: tensor
        for name, tensor in _read_tensors(path).items()
        if not name.startswith(_OF_TRAINING)
    }
    config = config or _told_from(path, tensors)
    with torch.device("meta"):
        network = HMR2(config)
    _require_same(path, network.state_dict(), tensors)
    network.load_state_dict({name: t.float() for name, t in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """The file's tensors by name, without those of training where they can be left unread."""
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (*DAMAGE, SafetensorError) as error:
            raise damaged(path, str(error)) from error
    with path.open("rb") as stream:
        is_zip = stream.read(2) == b"PK"
    if not is_zip:
        return _read_legacy(path)
    stored = _require_named(path, read_index(path))
    return read_stored(path, {n: s for n, s in stored.items() if not n.startswith(_OF_TRAINING)})


def _read_legacy(path: Path) -> dict[str, Tensor]:
    """Read a file of PyTorch before 1.6, which may hold tensors only."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGE as error:
        # PyTorch's own message recommends to switch its safety off.
        reason = "neither a zip file nor tensors that PyTorch before 1.6 has written"
        raise damaged(path, reason) from error
    named = state_dict_of(content).items()
    return _require_named(path, {name: each for name, each in named if isinstance(each, Tensor)})


def _require_named(path: Path, tensors: dict[str, _T]) -> dict[str, _T]:
    if not tensors:
        raise ModelError(
            f"{path}: holds no tensors by name; expected HMR 2.0's checkpoint, {CHECKPOINT} of "
            "hmr2_data.tar.gz"
        )
    return tensors


def _told_from(path: Path, tensors: Mapping[str, Tensor]) -> HMR2Config:
    """The sizes that the tensors have."""

    def width(name: str, axis: int) -> int:
        if name not in tensors or tensors[name].ndim <= axis:
            raise ModelError(
                f"{path}: lacks {name}, and with it what tells the network's sizes; expected HMR "
                f"2.0's checkpoint, {CHECKPOINT} of hmr2_data.tar.gz"
            )
        return tensors[name].shape[axis]

    decoder = "smpl_head.transformer.transformer.layers"
    embed_dim = width("backbone.pos_embed", 2)
    if embed_dim == _FULL.embed_dim:
        return _FULL
    attention_dim = width(f"{decoder}.0.1.fn.to_q.weight", 0)
    head_dim = _FULL.embed_dim // _FULL.num_heads
    if embed_dim % head_dim or attention_dim % _FULL.decoder_dim_head:
        raise ModelError(
            f"{path}: its attention is {embed_dim} and {attention_dim} wide, which does not tell "
            f"how many heads it has; expected multiples of {head_dim} and "
            f"{_FULL.decoder_dim_head}, or pass config="
        )
    return HMR2Config(
        embed_dim=embed_dim,
        depth=_count(tensors, r"backbone\.blocks\.(\d+)\."),
        num_heads=embed_dim // head_dim,
        decoder_dim=width("smpl_head.transformer.pos_embedding", 2),
        decoder_depth=_count(tensors, re.escape(decoder) + r"\.(\d+)\."),
        decoder_heads=attention_dim // _FULL.decoder_dim_head,
        decoder_dim_head=_FULL.decoder_dim_head,
        decoder_mlp_dim=width(f"{decoder}.0.2.fn.net.0.weight", 0),
    )


def _count(names: Iterable[str], pattern: str) -> int:
    """How many blocks the names number, at least one."""
    return max((1 + int(m[1]) for m in map(re.compile(pattern).match, names) if m), default=1)


def _require_same(path: Path, expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not exactly the network's."""
    wrong = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "of another shape": [
            f"{name} {tuple(found[name].shape)} for {tuple(expected[name].shape)}"
            for name in expected
            if name in found and found[name].shape != expected[name].shape
        ],
        "not of real numbers": [
            f"{name} {found[name].dtype}"
            for name in expected
            if name in found and not found[name].is_floating_point()
        ],
    }
    problems = [
        f"{len(names)} {what} ({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})"
        for what, names in wrong.items()
        if names
    ]
    if problems:
        raise ModelError(
            f"{path}: not the tensors of HMR 2.0: {'; '.join(problems)}; expected its checkpoint, "
            f"{CHECKPOINT} of hmr2_data.tar.gz, unchanged"
        )
