"""The arrays of an SMPL model that is pickled, as data: nothing in the file is run.

The official files are pickles of Python 2. They hold a dictionary of NumPy arrays, a SciPy sparse
matrix (the joint regressor) and chumpy arrays: `chumpy.ch.Ch`, which keeps its values in `x`, and
expressions that reorder other ones, such as `chumpy.reordering.Select`. Files pickled again by
Python 3, with NumPy 1 or 2, name the same things differently.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.people.smpl.pickle_machine import Global, Instance, Role, run_pickle

REMEDY = (
    "download the model again from https://smpl.is.tue.mpg.de, or SMPLify's neutral one from "
    "https://smplify.is.tue.mpg.de"
)

# Modules that were moved or renamed, as they are called here.
_RENAMED = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
    "numpy.matrixlib.defmatrix": "numpy",
    "scipy.sparse.csc": "scipy.sparse",
    "scipy.sparse._csc": "scipy.sparse",
    "scipy.sparse.csr": "scipy.sparse",
    "scipy.sparse._csr": "scipy.sparse",
}

_ROLES: Mapping[str, Role] = {
    "numpy._core.multiarray._reconstruct": "function",
    "numpy._core.multiarray.scalar": "function",
    "numpy._core.numeric._frombuffer": "function",
    "numpy.dtype": "function",
    "numpy.ndarray": "argument",
    "numpy.matrix": "argument",
    "scipy.sparse.csc_matrix": "class",
    "scipy.sparse.csr_matrix": "class",
    "scipy.sparse.csc_array": "class",
    "scipy.sparse.csr_array": "class",
    "_codecs.encode": "function",
    "copyreg._reconstructor": "function",
    "builtins.object": "argument",
    "builtins.set": "function",
    "builtins.bytes": "function",
}

# Any class of chumpy: what is kept is its state, and only the ones in `_MAKERS` become arrays.
_CHUMPY = re.compile(r"chumpy(\.\w+)*\.\w+")

_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")

# More than the joint regressor of any body model of SMPL's family.
_LARGEST_DENSE = 10_000_000

# Chumpy's expressions hold others; the official files go one deep.
_DEEPEST = 16


def read_pickled_arrays(
    data: bytes, wanted: Iterable[str], path: Path
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """The wanted arrays of a pickled SMPL model, those that it has, and the names of all it has.

    data: the file's content; path: where it is from, for messages.

    Raises `InputError` for anything in the file but plain values and the arrays above, for damaged
    data, and for an array whose declared size is not that of its data.
    """
    try:
        model = run_pickle(data, lambda *name: _find(path, *name), lambda what: _refuse(path, what))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is {error}; {REMEDY}") from error
    if not isinstance(model, dict):
        what = model.name if isinstance(model, Instance | Global) else type(model).__name__
        raise InputError(
            f"{path}: holds a {what}; an SMPL model is a dictionary of arrays; {REMEDY}"
        )
    arrays = {}
    for name in wanted:
        if name in model:
            try:
                arrays[name] = _array(model[name])
            except ValueError as error:
                raise InputError(f"{path}: {name} {error}; {REMEDY}") from error
    return arrays, tuple(str(name) for name in model)


def _refuse(path: Path, what: str) -> InputError:
    return InputError(
        f"{path}: holds {what}, which mfh does not run; an SMPL model holds NumPy, SciPy and "
        f"chumpy arrays only: {REMEDY}"
    )


def _find(path: Path, module: str, name: str) -> Global:
    known = f"{_RENAMED.get(module, module)}.{name}"
    role = "class" if _CHUMPY.fullmatch(known) else _ROLES.get(known)
    if role is None:
        shown = f"{module}.{name}"
        raise _refuse(path, shown if re.fullmatch(r"[\w.]{1,80}", shown) else ascii(shown)[:80])
    return Global(known, role)


def _array(value: Any, depth: int = 0) -> NDArray[Any]:
    """The array that a value of the pickle stands for. Raises `ValueError` for any other value."""
    if depth > _DEEPEST:
        raise ValueError(f"is an expression of more than {_DEEPEST} terms, or refers to itself")
    if not isinstance(value, Instance):
        raise ValueError(f"is a {type(value).__name__}, not an array")
    make = _MAKERS.get(value.name)
    if make is None:
        raise ValueError(f"is a {value.name}, which mfh cannot turn into an array")
    return make(value, depth)


def _ndarray(value: Instance, _: int) -> NDArray[Any]:
    """The state is (version, shape, dtype, whether the order is Fortran's, data)."""
    if not (isinstance(value.state, tuple) and len(value.state) == 5):
        raise ValueError("is an array without its data")
    _, shape, dtype, fortran, data = value.state
    return _from_data(data, dtype, shape, "F" if fortran else "C")


def _frombuffer(value: Instance, _: int) -> NDArray[Any]:
    if len(value.arguments) != 4:
        raise ValueError("is an array without its data")
    data, dtype, shape, order = value.arguments
    return _from_data(data, dtype, shape, order)


def _from_data(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    shape, numbers = _shape(shape), _dtype(dtype)
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


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > 4:
        raise ValueError("has a shape that is no tuple of up to 4 numbers")
    if not all(_is_size(size) and size >= 0 for size in value):
        raise ValueError("has a shape that no array has")
    return value


def _is_size(value: Any) -> bool:
    # Larger ones would overflow in NumPy.
    return type(value) is int and -1 <= value < 1 << 62


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


def _sparse(value: Instance, depth: int) -> NDArray[Any]:
    """A compressed sparse matrix, dense.

    SciPy's own routines trust the indices, and write outside the matrix where they lie.
    """
    state = _state(value, "data", "indices", "indptr")
    shape = _shape(state.get("_shape", state.get("shape")))
    if len(shape) != 2 or math.prod(shape) > _LARGEST_DENSE:
        raise ValueError(f"is a sparse matrix of {shape}, more than an SMPL model holds")
    values, minor, starts = (
        _array(state[name], depth + 1) for name in ("data", "indices", "indptr")
    )
    major_axis = 1 if "csc" in value.name else 0
    typed = values.dtype.kind == "f" and minor.dtype.kind == starts.dtype.kind == "i"
    if not typed or values.ndim != 1 or starts.shape != (shape[major_axis] + 1,):
        raise ValueError("is a sparse matrix whose parts are of the wrong type or size")
    starts = starts.astype(np.int64)
    counts = starts[1:] - starts[:-1]
    if (
        minor.shape != values.shape
        or starts[0] != 0
        or starts[-1] != len(minor)
        or (counts < 0).any()
        or not ((minor >= 0) & (minor < shape[1 - major_axis])).all()
    ):
        raise ValueError("is a sparse matrix whose indices lie outside it")
    major = np.repeat(np.arange(shape[major_axis]), counts)
    dense = np.zeros(shape, values.dtype)
    np.add.at(dense, (minor, major) if major_axis else (major, minor), values)
    return dense


def _state(value: Instance, *names: str) -> dict[str, Any]:
    state = value.state
    lacking = [name for name in names if not isinstance(state, dict) or name not in state]
    if lacking:
        raise ValueError(f"is a {value.name} without {', '.join(lacking)}")
    return dict(state)


def _ch(value: Instance, depth: int) -> NDArray[Any]:
    return _array(_state(value, "x")["x"], depth + 1)


def _select(value: Instance, depth: int) -> NDArray[Any]:
    """Entries of `a`, counted along all its dimensions, in a new shape."""
    state = _state(value, "a", "idxs")
    source, indices = (_array(state[name], depth + 1) for name in ("a", "idxs"))
    if indices.dtype.kind not in "iu":
        raise ValueError("selects by what are no whole numbers")
    if indices.size and not 0 <= indices.min() <= indices.max() < source.size:
        raise ValueError(f"selects entries outside the {source.size} there are")
    selected: NDArray[Any] = source.reshape(-1)[indices]
    return _reshaped(selected, state.get("preferred_shape", selected.shape))


def _reshape(value: Instance, depth: int) -> NDArray[Any]:
    state = _state(value, "a", "newshape")
    return _reshaped(_array(state["a"], depth + 1), state["newshape"])


def _reshaped(array: NDArray[Any], shape: Any) -> NDArray[Any]:
    sizes: Any = shape if isinstance(shape, tuple) else (shape,)
    if len(sizes) > 4 or not all(_is_size(size) for size in sizes):
        raise ValueError("has a shape that no array has")
    reshaped: NDArray[Any] = array.reshape(sizes)
    return reshaped


def _transpose(value: Instance, depth: int) -> NDArray[Any]:
    state = _state(value, "a")
    axes = None if state.get("axes") is None else _shape(state["axes"])
    transposed: NDArray[Any] = _array(state["a"], depth + 1).transpose(axes)
    return transposed


_MAKERS: Mapping[str, Callable[[Instance, int], NDArray[Any]]] = {
    "numpy._core.multiarray._reconstruct": _ndarray,
    "numpy._core.numeric._frombuffer": _frombuffer,
    "scipy.sparse.csc_matrix": _sparse,
    "scipy.sparse.csr_matrix": _sparse,
    "scipy.sparse.csc_array": _sparse,
    "scipy.sparse.csr_array": _sparse,
    "chumpy.ch.Ch": _ch,
    "chumpy.reordering.Select": _select,
    "chumpy.reordering.Reshape": _reshape,
    "chumpy.reordering.transpose": _transpose,
}
