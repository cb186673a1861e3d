"""What stands for a pickle's names, calls and objects, which are never looked up or made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Role = Literal["function", "class", "dict", "argument"]


@dataclass(frozen=True)
class Global:
    """A name that a pickle refers to, e.g. "numpy.ndarray"; what it names is never imported.

    role: what the pickle may do with it: "function" (call it with arguments), "class" (make an
        instance), "dict" (make an empty dictionary) or "argument" (hand it to a function).
    """

    name: str
    role: Role


@dataclass(eq=False)
class Instance:
    """What a pickle wants made: by which name, from which arguments, with which state set."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


class Foreign:
    """See `FOREIGN`; without attributes that a pickle could set."""

    __slots__ = ()


FOREIGN: Final = Foreign()
"""In the place of all that a pickle has by names its caller does not know, and passes over.

It takes whatever a pickle does to it, keeps nothing, and gives itself when it is called.
"""
