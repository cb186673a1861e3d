"""The quantities that a text names, each by itself: a number and its unit.

Texts are those of `number_words.in_plain_characters`. No pattern can repeat in two ways over the
same characters, so that reading takes time linear in the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mfh.estimators.depthlm.number_words import AND_A_PART, SPELLED, part_of_one, spelled_number
from mfh.estimators.depthlm.units import LENGTH_WORD, UNIT, Dimension, read_unit

_FRACTION = (
    rf"(?:(?:\d{{1,3}}[ -])?[1-9]/[2-9](?=[ -]?(?:of an? )?(?:{LENGTH_WORD}|in\b|\"))"
    r"|\d{1,3} [1-9]/[2-9](?![\d/]|[.,]\d))"
)
_DIGITS = (
    rf"(?:{_FRACTION}"
    r"|\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?![.,:]?\d)"
    r"|\d{1,3}(?:'\d{3})+(?:[.,]\d+)?(?![.,:]?\d)"
    r"|\.?\d+(?:[.,:]\d+)*)"
)
_POWER_OF_TEN = (
    r"(?: ?[x*] ?10 ?\^ ?\(?(?P<power>[+-]?\d{1,3})\)?|e(?P<e>[+-]?\d{1,3})(?![a-z0-9])"
    r"| (?P<round>hundred|thousand)\b)"
)
_ROUND = {"hundred": "2", "thousand": "3"}
_NEGATIVE = re.compile(r"(?<!or )(?<!plus/)\b(?:minus|negative) $")
_QUANTITY = re.compile(
    rf"(?P<number>(?:(?<![a-z0-9_.])(?P<digits>{_DIGITS}){_POWER_OF_TEN}?(?P<plus>\+(?! ?\d))?"
    rf"|(?P<spelled>{SPELLED})"
    r"|\ban?(?= (?:kilo|deci|centi|milli)?met(?:er|re)\b))"
    rf"(?P<and_before>{AND_A_PART})?)"
    rf"(?: ?[-(\[]?(?:in |of an? )?{UNIT}(?P<and_after>{AND_A_PART}(?! of))?)?"
)
_UNIT_BEFORE = re.compile(
    rf"(?:\bin |[(\[_]){UNIT}[)\]]?[\"']? ?(?:is|are|was|[:=])? ?"
    r"(?:about|approximately|around|roughly|~)? ?[\"']?-?$"
)
_UNIT_KEY = re.compile(rf"[\"']?[,;]? ?[\"']?units?[\"']? ?(?:is|[:=]) ?[\"']?{UNIT}")
_WORD = re.compile(r" ?-?(?!in (?:front|total|the|this|a|real|metric|depth)\b)(%|°|[^\W\d_]+)")
_PLAIN_WORD = re.compile(
    "about|according|and|approximately|as|assuming|at|away|based|because|before|between|but|by|for"
    "|from|given|however|is|it|not|or|plus|since|so|straight|the|then|therefore|thus|to|which|with"
    "|would"
)
"""What may follow a number that stands alone; any other word is what the number counts."""


@dataclass(frozen=True)
class Quantity:
    """A quantity in a text.

    value: in the unit of its dimension; the number itself where it has none; NaN where it cannot be
        read. Of a range it is the geometric middle.
    dimension: what it is a quantity of.
    factor: its own unit in that of its dimension.
    start, end: where it stands in the text.
    counts: what it counts where the dimension is "other", such as "px" or "steps".
    low, high: the range it is in, or the bound it is.
    spelled: it is a number in words without a unit, which mostly means no number: "this one".
    aside: it is not a statement of its own but part of something else, such as a sum.
    """

    value: float
    dimension: Dimension
    factor: float
    start: int
    end: int
    counts: str = ""
    low: float | None = None
    high: float | None = None
    spelled: bool = False
    aside: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether it is only said to be more, or less, than something."""
        return (self.low is None) != (self.high is None)


def find_quantities(text: str) -> Iterator[Quantity]:
    """Give the quantities of a text in its order."""
    end = 0
    for match in _QUANTITY.finditer(text):
        start = match.start()
        sign = _sign(text, start, end)
        if sign == 0:
            continue
        unit = read_unit(match)
        end = match.end() if unit else match.end("number")
        parts = part_of_one(match["and_before"]) + part_of_one(unit and match["and_after"])
        number = sign * (_number(match) + parts)
        dimension, factor = unit or _unit_apart(text, start, end)
        counts = "" if unit or dimension else _counted(text, end)
        if counts:
            dimension = "other"
        elif dimension == "other":
            counts = text[match.end("number") : end + 12].strip().split("\n")[0]
        value = number * factor
        yield Quantity(
            value,
            dimension,
            factor,
            start,
            end,
            counts,
            low=value if match["plus"] else None,
            spelled=not match["digits"] and dimension in ("", "other"),
        )


def read_number(digits: str) -> float:
    """Read digits with their decimal and thousands separators; NaN where they make no number.

    Of two different marks the last is the decimal one. A comma alone parts thousands where it can,
    as in English, and is a decimal comma elsewhere.
    """
    if "/" in digits:
        whole, _, fraction = digits.replace("-", " ").rpartition(" ")
        numerator, denominator = map(int, fraction.split("/"))
        return int(whole or 0) + numerator / denominator if numerator < denominator else math.nan
    digits = digits.replace(" ", "").replace("'", "")
    if ":" in digits:
        return math.nan
    marks = [mark for mark in digits if mark in ".,"]
    if len(set(marks)) == 2:
        thousands, decimal = marks[0], marks[-1]
        if marks.count(decimal) > 1:
            return math.nan
        whole, decimals = digits.split(decimal)
    elif marks and (len(marks) > 1 or re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits)):
        thousands, whole, decimals = marks[0], digits, ""
    else:
        return float(digits.replace(",", "."))
    groups = whole.split(thousands)
    if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
        return math.nan
    return float(f"{''.join(groups)}.{decimals}")


def _number(match: re.Match[str]) -> float:
    if match["spelled"]:
        return spelled_number(match["spelled"])
    if not match["digits"]:
        return 1.0
    mantissa = read_number(match["digits"])
    power = match["power"] or match["e"] or _ROUND.get(match["round"])
    return mantissa * float(f"1e{power}") if power else mantissa


def _sign(text: str, start: int, previous_end: int) -> int:
    """Give 1 or -1, or 0 where it is an exponent or part of a name such as "GPT-5"."""
    before = text[start - 1] if start else ""
    if _NEGATIVE.search(text[max(0, start - 16) : start]):
        return -1
    if before != "-":
        return 0 if before == "^" else 1
    if previous_end and not text[previous_end : start - 1].strip(" "):
        return 1  # the dash of a range
    return 0 if text[start - 2 : start - 1].isalnum() and start > 1 else -1


def _unit_apart(text: str, start: int, end: int) -> tuple[Dimension, float]:
    """Find the unit of a number where it is not next to it.

    It may be named before ("distance (cm): 234"), or as in JSON ("value": 234, "unit": "cm").
    """
    match = _UNIT_BEFORE.search(text[max(0, start - 48) : start]) or _UNIT_KEY.match(text, end)
    return (match and read_unit(match)) or ("", 1.0)


def _counted(text: str, end: int) -> str:
    """Give what a number without a unit counts, "" where it stands alone."""
    match = _WORD.match(text, end)
    if match is None or (match[0] != match[1] and _PLAIN_WORD.fullmatch(match[1])):
        return ""
    return match[1]
