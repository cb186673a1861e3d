"""Checking values of settings: type, range, choice."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from typing import Any, get_args

from mfh.errors import SettingsError


def set_typed(settings: Any, group: str = "") -> None:
    """Bring every field of a frozen settings object to its default's type, or refuse it.

    group: the name of the group the object is, for messages.
    """
    for field in fields(settings):
        if not is_dataclass(field.default):
            name = f"{group}.{field.name}" if group else field.name
            value = _typed(name, getattr(settings, field.name), field.default)
            object.__setattr__(settings, field.name, value)


def require(holds: bool, name: str, value: object, accepted: str) -> None:
    """Raise `SettingsError`, naming what is accepted, unless the value holds."""
    if not holds:
        raise SettingsError(f"setting {name} is {value!r}; accepted: {accepted}")


def require_choice(name: str, value: object, kind: Any) -> None:
    """Raise `SettingsError` unless the value is one of a `Literal`'s."""
    choices = get_args(kind)
    require(value in choices, name, value, ", ".join(choices))


def _typed(name: str, value: Any, default: object) -> Any:
    """A setting's value, if it is of its default's type; NumPy's numbers and lists serve, too."""
    if isinstance(default, tuple):
        texts = isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)
        require(texts, name, value, "a tuple of texts")
        return tuple(value)
    if isinstance(default, bool):
        require(isinstance(value, bool), name, value, "True or False")
    elif isinstance(default, int):
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        require(whole, name, value, "a whole number")
        return int(value)
    elif isinstance(default, float):
        real = isinstance(value, Real) and not isinstance(value, bool)
        require(real, name, value, "a number")
        return float(value)
    elif isinstance(default, str):
        require(isinstance(value, str), name, value, "a text")
    return value
