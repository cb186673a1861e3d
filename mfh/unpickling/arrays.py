"""NumPy arrays in a pickle, made of what it holds by functions that trust none of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.unpickling.values import Instance, Role

ARRAY_NAMES: Mapping[str, Role] = MappingProxyType(
    {
        "numpy._core.multiarray._reconstruct": "function",
        "numpy._core.multiarray.scalar": "function",
        "numpy._core.numeric._frombuffer": "function",
        "numpy.dtype": "function",
        "numpy.ndarray": "argument",
        "_codecs.encode": "function",
        "builtins.bytes": "function",
    }
)
"""What a pickle has to name for arrays and scalars of NumPy, in protocols 0 to 5."""

_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")
_MOST_AXES = 4


def array_of(value: Any) -> NDArray[Any]:
    """The array of numbers that a value of a pickle stands for, read-only.

    Raises `ValueError`, in words that follow the value's name, for any other value, and for an
    array whose declared size is not that of its data.
    """
    if not isinstance(value, Instance):
        raise ValueError(f"is a {type(value).__name__}, not an array")
    if value.name == "numpy._core.multiarray._reconstruct":
        # Its state is (version, shape, dtype, whether the order is Fortran's, data).
        if isinstance(value.state, tuple) and len(value.state) == 5:
            _, shape, dtype, fortran, data = value.state
            return _from_data(data, dtype, shape, "F" if fortran else "C")
    elif value.name == "numpy._core.numeric._frombuffer":
        if len(value.arguments) == 4:
            data, dtype, shape, order = value.arguments
            return _from_data(data, dtype, shape, order)
    else:
        raise ValueError(f"is a {value.name}, which mfh cannot turn into an array")
    raise ValueError("is an array without its data")


def shape_of(value: Any) -> tuple[int, ...]:
    """A value of a pickle as an array's shape. Raises `ValueError` for any other value."""
    if not isinstance(value, tuple) or len(value) > _MOST_AXES:
        raise ValueError(f"has a shape that is no tuple of up to {_MOST_AXES} numbers")
    # Larger ones would overflow in NumPy.
    if not all(type(size) is int and 0 <= size < 1 << 62 for size in value):
        raise ValueError("has a shape that no array has")
    return value


def _from_data(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    shape, numbers = shape_of(shape), _dtype(dtype)
    if order not in ("C", "F"):
        raise ValueError("has neither C's nor Fortran's order")
    buffer = _bytes(data)
    declared = math.prod(shape) * numbers.itemsize
    if declared != len(buffer):
        raise ValueError(
            f"declares {shape} {numbers}, {declared} bytes, but holds {len(buffer)} bytes"
        )
    array: NDArray[Any] = np.frombuffer(buffer, numbers).reshape(shape, order=order)
    return array


def _dtype(value: Any) -> np.dtype[Any]:
    """The arguments are (type code, ...); the state's second entry is the order of its bytes."""
    if not (isinstance(value, Instance) and value.name == "numpy.dtype" and value.arguments):
        raise ValueError("has no NumPy type")
    code, state = value.arguments[0], value.state
    if not (isinstance(code, str) and _NUMBERS.fullmatch(code)):
        kind = code[:8] if isinstance(code, str) else "unknown"
        what = "Python objects" if kind.startswith("O") else f"the type {kind!a}"
        raise ValueError(f"is an array of {what}, not of numbers")
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
    if order not in ("<", ">", "|", "="):
        raise ValueError("has an unknown byte order")
    return np.dtype(f"{order}{code}")


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, Instance) and value.name == "builtins.bytes" and not value.arguments:
        return b""
    # Python 3 writes bytes as text for Python 2.
    if isinstance(value, Instance) and value.name == "_codecs.encode":
        if len(value.arguments) != 2 or value.arguments[1] not in ("latin1", "latin-1"):
            raise ValueError("has data that is not Latin-1")
        value = value.arguments[0]
    if not isinstance(value, str):
        raise ValueError(f"has a {type(value).__name__} for data")
    return value.encode("latin-1")
