"""HTML that is escaped because of how it is made."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"br", "img", "input", "meta", "wbr"})


class Html(str):
    """Text that is markup already; every other string is escaped where it becomes part of some."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | int | bool | None) -> Html:
    """Make an element of its children and attributes.

    An attribute's underscores are hyphens, and one at its end (`class_`) is left out. One that is
    None or False is left out, one that is True has no value.
    """
    opening = tag
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        opening += " " + name.rstrip("_").replace("_", "-")
        if value is not True:
            opening += f'="{escape(str(value))}"'
    if tag in _VOID:
        return Html(f"<{opening}>")
    return Html(f"<{opening}>{joined(children)}</{tag}>")


def joined(parts: Iterable[str]) -> Html:
    """Join parts, escaping those that are plain text."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))
