"""Reading weights of detectron2's model zoo, which are pickles, as data: nothing in them is run."""

from __future__ import annotations

import collections
import pickle
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfh.errors import InputError

_NUMBERS = re.compile(r"f[248]|i[1248]|[bu]1")

# All that reading bytes that are no such pickle runs into.
_UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
)


class _Dtype:
    """Stands in for `numpy.dtype`: a type of numbers, and nothing else."""

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        if not _NUMBERS.fullmatch(code):
            raise pickle.UnpicklingError(f"it holds an array of {code}, not of numbers")
        self.value = np.dtype(code)

    def __setstate__(self, state: Sequence[Any]) -> None:
        if state[1] in ("<", ">"):
            self.value = self.value.newbyteorder(state[1])


class _Array:
    """Stands in for `numpy.ndarray`."""

    value: NDArray[Any] | None = None

    def __setstate__(self, state: Sequence[Any]) -> None:
        _, shape, dtype, column_major, numbers = state
        order: Any = "F" if column_major else "C"
        self.value = np.frombuffer(numbers, dtype.value).reshape(shape, order=order)


def _reconstruct(*of_no_use: object) -> _Array:
    """Give an array whose state follows (protocols up to 4)."""
    return _Array()


def _frombuffer(numbers: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    """Give an array (protocol 5)."""
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", numbers))
    return array


def _scalar(dtype: _Dtype, number: bytes) -> Any:
    return np.frombuffer(number, dtype.value)[0]


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    """Give the bytes that protocol 2 holds as text, or as a call without arguments where empty."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it holds bytes as {encoding}")
    return text.encode("latin1")


# What a file may ask for, and what it gets. NumPy 2 moved its functions; a pickle names them where
# its writer had them.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "multiarray._reconstruct": _reconstruct,
    "multiarray.scalar": _scalar,
    "numeric._frombuffer": _frombuffer,
}
_STAND_INS = MappingProxyType(
    {
        "numpy.dtype": _Dtype,
        "numpy.ndarray": _Array,
        "collections.OrderedDict": collections.OrderedDict,
        "_codecs.encode": _bytes,
        "__builtin__.bytes": _bytes,
        **{f"numpy.core.{name}": function for name, function in _FUNCTIONS.items()},
        **{f"numpy._core.{name}": function for name, function in _FUNCTIONS.items()},
    }
)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays of numbers, texts and plain containers, and refuses anything else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[f"{module}.{name}"]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, and only arrays of numbers are read"
            ) from None


def read_model_zoo_file(path: Path) -> dict[str, Tensor]:
    """The tensors of a detectron2 model zoo file (`.pkl`), by name.

    Raises `InputError` for a file that is not one, or that asks for anything but arrays of numbers,
    naming it.
    """
    try:
        with path.open("rb") as file:
            content = _ArrayUnpickler(file, encoding="latin1").load()
    except _UNREADABLE as error:
        raise InputError(f"{path}: not a readable weights file: {error}") from error
    arrays = content.get("model") if isinstance(content, dict) else None
    if not isinstance(arrays, dict):
        raise InputError(f"{path}: holds no 'model'; expected a file of detectron2's model zoo")
    # One by one, each array let go of when it is copied: the file may hold gigabytes.
    return {str(name): _tensor(path, name, arrays.pop(name)) for name in list(arrays)}


def _tensor(path: Path, name: object, array: object) -> Tensor:
    if not isinstance(array, _Array) or array.value is None:
        raise InputError(f"{path}: {name} is not an array of numbers")
    # In this machine's byte order, and in memory that may be written to, as tensors need it.
    return torch.from_numpy(np.array(array.value, array.value.dtype.newbyteorder("=")))
