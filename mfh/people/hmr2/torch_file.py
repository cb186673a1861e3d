"""The tensors of a file written by `torch.save`, and nothing else of it.

Checkpoints of training frameworks hold objects of many packages beside their tensors. PyTorch's
own restricted reader refuses such files whole; here every foreign object becomes an inert
stand-in, nothing is imported and nothing of the file is run. The layout is documented in PyTorch's
notes, "Serialization semantics: torch.save file format".
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mfh.errors import InputError

# What reading damaged files raises; the unpickler meets arbitrary bytes.
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
        "FloatStorage": torch.float32,
        "DoubleStorage": torch.float64,
        "HalfStorage": torch.float16,
        "BFloat16Storage": torch.bfloat16,
        "LongStorage": torch.int64,
        "IntStorage": torch.int32,
        "ShortStorage": torch.int16,
        "CharStorage": torch.int8,
        "ByteStorage": torch.uint8,
        "BoolStorage": torch.bool,
    }
)


class StoredTensor(NamedTuple):
    """Where a tensor lies in its file: its storage, and the view of it that the tensor is."""

    storage: str
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_content(path: Path) -> Any:
    """Read what was saved: plain containers and values.

    Tensors are `StoredTensor`s, objects of any other kind are stand-ins.

    Raises `InputError` for a file that is not one of `torch.save`, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            folder = _folder(archive)
            byte_order = f"{folder}byteorder"
            if byte_order in archive.namelist() and archive.read(byte_order) != b"little":
                raise ValueError("it was written on a big-endian machine")
            pickled = _record(archive, f"{folder}{_PICKLED}")
            _require_small_memo(pickled)
            return _TensorsOnly(io.BytesIO(pickled)).load()
    except DAMAGE as error:
        raise damaged(path, str(error)) from error


def read_stored(path: Path, stored: Mapping[str, StoredTensor]) -> dict[str, Tensor]:
    """Read some of a file's tensors. Raises `InputError` where one is damaged."""
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


def _require_small_memo(pickled: bytes) -> None:
    """Refuse a place in the unpickler's memo that no pickle of this length needs.

    The memo is as long as its highest place, so that a few bytes could take all memory.
    """
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name.endswith("PUT") and int(argument or 0) > len(pickled):
            raise ValueError(f"place {argument} in the memo of {len(pickled)} bytes")


def damaged(path: Path, reason: str) -> InputError:
    """Say that a file cannot be read, and what to do."""
    return InputError(
        f"{path}: not a readable checkpoint{f' ({reason})' if reason else ''}; if it was cut off "
        "or damaged on the way, get it again"
    )


class _StandIn:
    """An object of a class that is not looked up; takes whatever is done to it and keeps nothing.

    The methods are those that unpickling calls: on objects, and on the class itself.
    """

    def __new__(cls, *_: object, **__: object) -> _StandIn:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> _StandIn:
        return self

    def __setstate__(self, *_: object) -> None:
        pass

    def __setitem__(self, *_: object) -> None:
        pass

    def append(self, *_: object) -> None:
        """Take an element of a list."""

    def extend(self, *_: object) -> None:
        """Take elements of a list."""

    def add(self, *_: object) -> None:
        """Take an element of a set."""


class _BuildTensor:
    """In place of `torch._utils._rebuild_tensor_v2`; without attributes that a file could set."""

    __slots__ = ()

    def __call__(
        self,
        storage: tuple[str, torch.dtype],
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
        *_: object,
    ) -> StoredTensor:
        return StoredTensor(*storage, offset, tuple(size), tuple(stride))


class _BuildParameter:
    """In place of `torch._utils._rebuild_parameter`."""

    __slots__ = ()

    def __call__(self, data: StoredTensor, *_: object) -> StoredTensor:
        return data


class _TensorsOnly(pickle.Unpickler):
    """Reads containers, plain values and tensors."""

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _BuildTensor()
            case "torch._utils", "_rebuild_parameter":
                return _BuildParameter()
            case "torch", _ if name in _DTYPES:
                return _DTYPES[name]
            case _:
                return _StandIn

    def persistent_load(self, pid: Any) -> tuple[str, torch.dtype]:
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(key, str):
            raise pickle.UnpicklingError(f"unknown kind of storage {pid!r}")
        return key, dtype
