"""The arrays of an SMPL model that is pickled, as data: nothing in the file is run.

The official files are pickles of Python 2. They hold a dictionary of NumPy arrays, a SciPy sparse
matrix (the joint regressor) and chumpy arrays: `chumpy.ch.Ch`, which keeps its values in `x`, and
expressions that reorder other ones, such as `chumpy.reordering.Select`. Files pickled again by
Python 3, with NumPy 1 or 2, name the same things differently.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.unpickling import ARRAY_NAMES, Global, Instance, Role, array_of, run_pickle, shape_of

REMEDY = (
    "download the model again from https://smpl.is.tue.mpg.de, or SMPLify's neutral one from "
    "https://smplify.is.tue.mpg.de"
)

_ROLES: Mapping[str, Role] = {
    **ARRAY_NAMES,
    "numpy.matrix": "argument",
    "scipy.sparse.csc_matrix": "class",
    "scipy.sparse.csr_matrix": "class",
    "scipy.sparse.csc_array": "class",
    "scipy.sparse.csr_array": "class",
    "copyreg._reconstructor": "function",
    "builtins.object": "argument",
    "builtins.set": "function",
}

# Any class of chumpy: what is kept is its state, and only the ones in `_MAKERS` become arrays.
_CHUMPY = re.compile(r"chumpy(\.\w+)*\.\w+")

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
        model = run_pickle(io.BytesIO(data), _role_of, lambda what: _refuse(path, what))
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


def _role_of(name: str) -> Role | None:
    return "class" if _CHUMPY.fullmatch(name) else _ROLES.get(name)


def _array(value: Any, depth: int = 0) -> NDArray[Any]:
    """The array that a value of the pickle stands for. Raises `ValueError` for any other value."""
    if depth > _DEEPEST:
        raise ValueError(f"is an expression of more than {_DEEPEST} terms, or refers to itself")
    make = _MAKERS.get(value.name) if isinstance(value, Instance) else None
    return array_of(value) if make is None else make(value, depth)


def _sparse(value: Instance, depth: int) -> NDArray[Any]:
    """A compressed sparse matrix, dense.

    SciPy's own routines trust the indices, and write outside the matrix where they lie.
    """
    state = _state(value, "data", "indices", "indptr")
    shape = shape_of(state.get("_shape", state.get("shape")))
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
    # One of the sizes may be -1, which is the one that fits.
    sizes: Any = shape if isinstance(shape, tuple) else (shape,)
    shape_of(tuple(0 if size == -1 else size for size in sizes))
    reshaped: NDArray[Any] = array.reshape(sizes)
    return reshaped


def _transpose(value: Instance, depth: int) -> NDArray[Any]:
    state = _state(value, "a")
    axes = None if state.get("axes") is None else shape_of(state["axes"])
    transposed: NDArray[Any] = _array(state["a"], depth + 1).transpose(axes)
    return transposed


_MAKERS: Mapping[str, Callable[[Instance, int], NDArray[Any]]] = {
    "scipy.sparse.csc_matrix": _sparse,
    "scipy.sparse.csr_matrix": _sparse,
    "scipy.sparse.csc_array": _sparse,
    "scipy.sparse.csr_array": _sparse,
    "chumpy.ch.Ch": _ch,
    "chumpy.reordering.Select": _select,
    "chumpy.reordering.Reshape": _reshape,
    "chumpy.reordering.transpose": _transpose,
}
