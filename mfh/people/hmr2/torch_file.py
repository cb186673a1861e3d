"""The tensors of a file written by `torch.save`, and nothing else of it.

Checkpoints of training frameworks hold objects of many packages beside their tensors. PyTorch's
own restricted reader refuses such files whole; here every foreign object is passed over. The layout
is documented in PyTorch's notes, "Serialization semantics: torch.save file format".
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mfh.errors import ModelError
from mfh.unpickling import Global, Instance, Role, run_pickle

# What reading damaged files raises: zip archives, PyTorch's own formats, views of storages.
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    MemoryError,
    RuntimeError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

_PICKLED = "data.pkl"

_DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "torch.FloatStorage": torch.float32,
        "torch.DoubleStorage": torch.float64,
        "torch.HalfStorage": torch.float16,
        "torch.BFloat16Storage": torch.bfloat16,
        "torch.LongStorage": torch.int64,
        "torch.IntStorage": torch.int32,
        "torch.ShortStorage": torch.int16,
        "torch.CharStorage": torch.int8,
        "torch.ByteStorage": torch.uint8,
        "torch.BoolStorage": torch.bool,
    }
)

_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_ROLES: Mapping[str, Role] = {
    _TENSOR: "function",
    _PARAMETER: "function",
    "collections.OrderedDict": "dict",
    **dict.fromkeys(_DTYPES, "argument"),
}


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: torch.dtype


class StoredTensor(NamedTuple):
    """Where a tensor lies in its file: its storage, and the view of it that the tensor is."""

    storage: str
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_index(path: Path) -> dict[str, StoredTensor]:
    """Where the tensors of a saved state dict, or of a checkpoint's `state_dict`, lie, by name.

    Empty where there is no such dictionary. Raises `ModelError` for a file that is not one of
    `torch.save`, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            folder = _folder(archive)
            byte_order = f"{folder}byteorder"
            if byte_order in archive.namelist() and archive.read(byte_order) != b"little":
                raise ValueError("it was written on a big-endian machine")
            content = run_pickle(
                io.BytesIO(_record(archive, f"{folder}{_PICKLED}")),
                _ROLES.get,
                lambda what: damaged(path, f"it holds {what}"),
                foreign=True,
                persistent=_storage,
            )
        found = {name: _stored(value) for name, value in state_dict_of(content).items()}
        return {name: stored for name, stored in found.items() if stored is not None}
    except ModelError:
        raise
    except DAMAGE as error:
        raise damaged(path, str(error)) from error


def state_dict_of(content: Any) -> dict[str, Any]:
    """What content has by names: a state dict's, or that of a checkpoint's `state_dict`."""
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    named = state.items() if isinstance(state, dict) else ()
    return {name: value for name, value in named if isinstance(name, str)}


def read_stored(path: Path, stored: Mapping[str, StoredTensor]) -> dict[str, Tensor]:
    """Read some of a file's tensors. Raises `ModelError` where one is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            folder = _folder(archive)
            return {name: _read_tensor(archive, folder, each) for name, each in stored.items()}
    except DAMAGE as error:
        raise damaged(path, str(error)) from error


def _folder(archive: zipfile.ZipFile) -> str:
    """The one folder in which all records lie; it has the name of the file that was saved to."""
    for name in archive.namelist():
        folder, _, file = name.rpartition("/")
        if file == _PICKLED:
            return f"{folder}/"
    raise ValueError(f"a zip file without {_PICKLED}")


def _read_tensor(archive: zipfile.ZipFile, folder: str, stored: StoredTensor) -> Tensor:
    if math.prod(stored.size) == 0:
        return torch.empty(stored.size, dtype=stored.dtype)
    # A copy, as tensors want memory that can be written to.
    data = bytearray(_record(archive, f"{folder}data/{stored.storage}"))
    storage = torch.frombuffer(data, dtype=stored.dtype)
    if math.prod(stored.size) > len(storage):
        raise ValueError(f"a tensor {stored.size} of {len(storage)} numbers")
    return storage.as_strided(stored.size, stored.stride, stored.offset).contiguous()


def _record(archive: zipfile.ZipFile, name: str) -> bytes:
    """One of the files, which are stored as they are: a small one cannot unfold to a huge one."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, which torch.save does not do")
    return archive.read(name)


def _storage(persistent_id: Any) -> _Storage:
    """The storage of an id ("storage", type, key, place, count)."""
    match persistent_id:
        case ("storage", Global(name=name), str(key), *_) if name in _DTYPES:
            return _Storage(key, _DTYPES[name])
    raise ValueError("a storage of an unknown kind")


def _stored(value: Any) -> StoredTensor | None:
    """The tensor that a value of the pickle is; None for what is no tensor."""
    if isinstance(value, Instance) and value.name == _PARAMETER and value.arguments:
        value = value.arguments[0]
    if not isinstance(value, Instance) or value.name != _TENSOR:
        return None
    match value.arguments:
        case (_Storage(key=key, dtype=dtype), int(offset), tuple(size), tuple(stride), *_):
            if all(type(number) is int for number in (*size, *stride)):
                return StoredTensor(key, dtype, offset, size, stride)
    raise ValueError("a tensor that is no view of a storage")


def damaged(path: Path, reason: str) -> ModelError:
    """Say that a file cannot be read, and what to do."""
    return ModelError(
        f"{path}: not a readable checkpoint{f' ({reason})' if reason else ''}; if it was cut off "
        "or damaged on the way, get it again"
    )
