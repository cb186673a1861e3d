"""Units of length, speed and time in text, and patterns that find them.

Texts are those of `number_words.in_plain_characters`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Dimension = Literal["m", "m/s", "s", "", "other"]
"""The unit that a quantity is turned into; "" where it has none, "other" where it is another's."""

FOOT_M, INCH_M = 0.3048, 0.0254
_YARD_M, _MILE_M = 0.9144, 1609.344

IMPERIAL_M = frozenset((FOOT_M, INCH_M, _YARD_M, _MILE_M))
"""The factors of the units of length that are not metric."""

_METRES: dict[str, float] = {
    **dict.fromkeys(("ft", "foot", "feet"), FOOT_M),
    **dict.fromkeys(("inch", "inches"), INCH_M),
    **dict.fromkeys(("yd", "yds", "yard", "yards"), _YARD_M),
    **dict.fromkeys(("mi", "mile", "miles"), _MILE_M),
}
for _prefix, _symbol, _factor in (
    ("", "", 1.0),
    ("kilo", "k", 1e3),
    ("deci", "d", 0.1),
    ("centi", "c", 0.01),
    ("milli", "m", 1e-3),
):
    for _name in ("meter", "metre", "meters", "metres"):
        _METRES[_prefix + _name] = _factor
    _METRES[f"{_symbol}m"] = _factor
_SECONDS: dict[str, float] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
}
_METRES_PER_SECOND: dict[str, float] = {
    "mps": 1.0,
    "fps": FOOT_M,
    "mph": 0.44704,
    **dict.fromkeys(("kmh", "kph", "kmph"), 1 / 3.6),
    **dict.fromkeys(("kn", "kt", "knot", "knots"), 1852 / 3600),
}
_MARKS = {"'": FOOT_M, '"': INCH_M}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_WHOLE = r"(?![a-z0-9_])"
_LENGTH, _TIME = _any_of(_METRES), _any_of(_SECONDS)

LENGTH_WORD = rf"(?:{_LENGTH}){_WHOLE}"
"""A unit of length in letters."""

# "in" is far more often the word than the unit, and a quotation mark belongs to a number only where
# it touches it. The point of "7 ft. 8 in." ends no sentence.
UNIT = (
    rf"(?:(?P<speed>{_any_of(_METRES_PER_SECOND)}){_WHOLE}"
    rf"|(?P<per_length>{_LENGTH})(?: ?(?:/|\bper\b|\ban?\b) ?(?P<per_time>{_TIME}){_WHOLE}"
    rf"|[ *.]?(?P<times_time>{_TIME}) ?\^ ?\(?-1\b\)?)"
    rf"|(?P<length>{_LENGTH}){_WHOLE}(?:(?<=ft)\.(?= ?\d[\d ./]{{0,6}}(?:in\b|\")))?"
    r"|(?P<inch>in)(?=\.?(?: ?[,;:)\]<]|\n|$)|\. "
    r"| (?:above|across|away|below|deep|from|high|in front|long|or|tall|thick|to|wide)\b)"
    rf"|(?P<time>{_TIME}){_WHOLE}"
    rf"|(?<=\d)(?P<mark>['\"])(?![a-z]))"
)
"""A unit, with named groups for `read_unit`."""

_GOES_ON = re.compile(r" ?\^| ?/ ?[a-z]| per [a-z]")


def read_unit(match: re.Match[str]) -> tuple[Dimension, float] | None:
    """Give the dimension and factor of what `UNIT` matched; None where it matched nothing.

    A quotation mark that closes a quotation is no unit.
    """
    dimension: Dimension
    if match["speed"]:
        dimension, factor = "m/s", _METRES_PER_SECOND[match["speed"]]
    elif match["per_length"]:
        seconds = _SECONDS[match["per_time"] or match["times_time"]]
        dimension, factor = "m/s", _METRES[match["per_length"]] / seconds
    elif match["length"] or match["inch"]:
        dimension, factor = "m", _METRES.get(match["length"], INCH_M)
    elif match["time"]:
        dimension, factor = "s", _SECONDS[match["time"]]
    elif match["mark"] and not _closes_quotation(match.string, match.start("mark")):
        dimension, factor = "m", _MARKS[match["mark"]]
    else:
        return None
    # An area or an acceleration, or metres per something else.
    return ("other", 1.0) if _GOES_ON.match(match.string, match.end()) else (dimension, factor)


def _closes_quotation(text: str, position: int) -> bool:
    if text[position] == '"':
        return text.count('"', 0, position) % 2 == 1
    return re.search(r"(?<![a-z0-9])'", text[:position]) is not None
