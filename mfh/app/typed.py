"""What is typed into the page: places and numbers, as texts."""

from __future__ import annotations

import math
import re

from mfh.errors import InputError

Point = tuple[float, float]


def point_from(text: str | None, what: str) -> Point | None:
    """The place (x, y) that a text tells, such as "320, 240"; None for an empty one.

    what: what the place is, for the message. Raises `InputError` for anything else.
    """
    if not (text or "").strip():
        return None
    parts = [part for part in re.split(r"[\s,;]+", (text or "").strip("() \t")) if part]
    try:
        x, y = map(float, parts)
    except ValueError as error:
        raise InputError(
            f'{what}: {text!r}; expected x and y in px of the photo, e.g. "320, 240"'
        ) from error
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError(f'{what}: {text!r}; expected two finite numbers of px, e.g. "320, 240"')
    return x, y


def number_from(text: str | None, what: str) -> float | None:
    """The number a text tells, with a decimal point or comma; None for an empty one.

    what: what the number is, for the message. Raises `InputError` for anything else.
    """
    stripped = (text or "").strip()
    if not stripped:
        return None
    try:
        return float(stripped.replace(",", "."))
    except ValueError as error:
        raise InputError(f"{what}: {text!r}; expected a number, e.g. 2.40") from error


def text_of(point: Point) -> str:
    """A place as it is typed."""
    return f"{point[0]:g}, {point[1]:g}"
