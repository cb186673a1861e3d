"""What every record checks about its fields when it is made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from mfh.arrays import as_array
from mfh.errors import InputError


def set_array(record: Any, name: str, dtype: DTypeLike, shape: tuple[str | int, ...]) -> None:
    """Replace a field by a read-only array of the right type, or say what is wrong with it."""
    value = as_array(getattr(record, name))
    title = f"{words(type(record).__name__)}: {name}"
    wanted = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    fits = value.ndim == len(shape) and all(
        isinstance(want, str) or have == want
        for have, want in zip(value.shape, shape, strict=False)
    )
    if not fits:
        raise InputError(f"{title} has shape {value.shape}; expected {wanted}")
    if value.dtype != dtype:
        if not np.can_cast(value.dtype, dtype, casting="same_kind"):
            raise InputError(f"{title} is {value.dtype}; expected {np.dtype(dtype)}")
        value = value.astype(dtype)
    value = value.view()
    value.setflags(write=False)
    object.__setattr__(record, name, value)


def set_or_nan(record: Any, name: str, length: int, *rest: int) -> None:
    """Set a field (length, *rest) as `set_array` does, to NaN where it is not given."""
    if len(getattr(record, name)) == 0:
        object.__setattr__(record, name, np.full((length, *rest), np.nan, np.float32))
    set_array(record, name, np.float32, ("P", *rest))
    length_agrees(words(type(record).__name__), length, **{name: getattr(record, name)})


def set_relative_error(record: Any, length: int) -> None:
    """Set `relative_error` (length,): positive, NaN where it is not given."""
    set_or_nan(record, "relative_error", length)
    error = record.relative_error
    if ((error <= 0) | np.isinf(error)).any():
        raise InputError(
            f"{words(type(record).__name__)}: relative_error {error.tolist()}; each must be "
            "positive and finite, or NaN where unknown"
        )


def length_agrees(what: str, length: int, **others: Any) -> None:
    """Refuse a field that has not one entry for each of `length`."""
    for name, value in others.items():
        if len(value) != length:
            raise InputError(f"{what}: {len(value)} {name} for {length} entries")


def one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a value that is none of those allowed."""
    if value not in allowed:
        raise InputError(f"{what} is {value!r}; expected one of {', '.join(map(repr, allowed))}")


def words(name: str) -> str:
    """A class's name as words: "MetricDepth" is "metric depth"."""
    return "".join(" " + c.lower() if c.isupper() else c for c in name).strip()
