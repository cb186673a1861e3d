"""What a text states of quantities: single ones joined, and those that are no answer set aside.

"5 ft 11 in" is one length, "2 to 3 m" a range, "7.23 / 4.0" part of a sum, and "pixel 320" a name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace

from mfh.estimators.depthlm.quantities import Quantity, find_quantities
from mfh.estimators.depthlm.units import FOOT_M, INCH_M

_HEDGE = r"(?:about|approximately|approx\.?|around|roughly|nearly|almost|maybe|perhaps|some|~)"
_BETWEEN = re.compile(rf"\b(?:between|from) ?(?:{_HEDGE} ?)?$")
_RANGE = re.compile(rf"(?:-|to|~|or|through|up to|and)(?: ?{_HEDGE})?")
_TOLERANCE = frozenset(("±", "plus or minus", "plus/minus", "give or take"))
_OPERATORS = frozenset("+-*/x÷^")
_COMPOUND = frozenset(("", "and", ","))
_EQUALS = frozenset(("=", "=~", "is", "equals", "is equal to", "is about", "is approximately"))

_NAMED = re.compile(
    r"(?:\b(?:pixels?|px|coordinates?|coords?|rows?|columns?|points?|images?|photos?|pictures?|steps?"
    r"|figures?|frames?|arrows?|lines?|option|label|marker)(?: (?:at|of|no\.?|number))? ?[:=#(]? ?"
    r"|\b[xyuvfwh] ?[:=] ?|\b[fc][xy] ?[:=] ?|#)$"
)
_NEGATED = re.compile(rf"\b(?:not|isn't|instead of|rather than) (?:{_HEDGE} ?)?$")
_LISTED = re.compile(r"(?:^|\n)[-*]? ?$")
_AFTER_LISTED = re.compile(r"[.)] ?[^\W\d_*]")
_ERROR = re.compile(
    r"\b(?:error|margin|uncertainty|tolerance|accuracy|precision|deviation|resolution)s?\b[^.\d\n]{0,20}$"
)
_SIZE = re.compile(r" ?(?:wide|tall|thick|high|above|below|in (?:width|height|size|diameter))\b")
_NEARLY_BOUND = r"(?<!just )(?<!bit )(?<!slightly )(?<!little )(?<!barely )"
_AT_LEAST = re.compile(
    r"(?:\b(?:no|not) (?:less|fewer|closer|nearer) than"
    rf"|(?<!no )(?<!not ){_NEARLY_BOUND}\b(?:(?:more|greater|farther|further|longer|larger) than"
    r"|over|above|beyond|exceeding|exceeds)"
    rf"|\bat least|\bminimum(?: of)?|[>≥]=?) ?(?:{_HEDGE} ?)?$"
)
_AT_MOST = re.compile(
    r"(?:\b(?:no|not) (?:more|greater|farther|further|longer|larger) than"
    rf"|(?<!no )(?<!not ){_NEARLY_BOUND}\b(?:(?:less|fewer|closer|nearer|shorter|smaller) than"
    r"|under|below|within|up to)"
    rf"|\bat most|\bmaximum(?: of)?|[<≤]=?) ?(?:{_HEDGE} ?)?$"
)
_OR_MORE = re.compile(r" ?[<≤]| or (?:more|farther|further|greater|longer|over|above)\b")
_OR_LESS = re.compile(r" ?[>≥]| or (?:less|nearer|closer|fewer|shorter|under|below)\b")

_SAME_LENGTH = 1.06
"""How far the same quantity in another unit may be off, of rounding."""


def statements(text: str) -> list[Quantity]:
    """Give what a text, as `number_words.in_plain_characters` has it, states of quantities."""
    joined: list[Quantity] = []
    for found in find_quantities(text):
        joined[-1:] = _joined(joined[-1:], _set_aside(found, joined, text), text)
    return _once([_bounded(quantity, text) for quantity in joined])


def _set_aside(found: Quantity, earlier: list[Quantity], text: str) -> Quantity:
    """Set aside bare numbers that name something, sizes of things, and errors."""
    before, after = text[max(0, found.start - 48) : found.start], text[found.end : found.end + 24]
    if found.dimension:
        aside = bool(_ERROR.search(before) or _NEGATED.search(before) or _SIZE.match(after))
    else:
        aside = bool(
            _NAMED.search(before)
            or (_LISTED.search(before) and _AFTER_LISTED.match(after))
            or (
                earlier
                and earlier[-1].aside
                and not earlier[-1].dimension
                and text[earlier[-1].end : found.start].strip() in (",", ";", "and", "x")
            )
        )
    return replace(found, aside=aside)


def _joined(earlier: list[Quantity], found: Quantity, text: str) -> list[Quantity]:
    """Join a quantity to the one before it, or give both."""
    if not earlier:
        return [found]
    a, b = earlier[0], found
    gap = text[a.end : b.start].strip(" ()[]")
    if a.aside or (b.aside and not b.dimension) or "\n" in gap:
        goes_on = a.aside and gap in _OPERATORS and not (a.dimension or b.dimension)
        return [a, replace(b, aside=b.aside or goes_on)]
    if gap in _TOLERANCE:
        return [_with_tolerance(a, b)]
    joined = _compound(a, b, gap, text) or _range(a, b, gap, text)
    if joined:
        return [joined]
    converts = gap in _EQUALS and a.value == a.factor and _repeats(a, b)
    if converts or (gap in _OPERATORS and not _same(a, b)):
        return [replace(a, aside=True), replace(b, aside=True)]
    return [a, b]


def _compound(a: Quantity, b: Quantity, gap: str, text: str) -> Quantity | None:
    """Add up "5 ft 11 in", "2 m and 40 cm", "1 min 30 s", 5'11 and "2 m 40"."""
    if gap == b.dimension == "" and a.dimension == "m" and (a.factor == FOOT_M or b.value >= 10):
        factor = {FOOT_M: INCH_M, 1.0: 0.01}.get(a.factor, a.factor)
        b = replace(b, value=b.value * factor, dimension="m", factor=factor)
    if gap not in _COMPOUND or a.dimension != b.dimension or a.dimension in ("", "other"):
        return None
    if gap == "and" and _after_between(a, text):
        return None
    if not (b.factor < a.factor and 0 <= b.value < a.factor):
        return None
    return replace(a, value=a.value + b.value, factor=b.factor, end=b.end)


def _range(a: Quantity, b: Quantity, gap: str, text: str) -> Quantity | None:
    """Give the range from a to b; None where they make none."""
    if not _RANGE.fullmatch(gap):
        return None
    if gap.startswith("and") and not _after_between(a, text):
        return None
    a, b = _alike(a, b)
    alike = a.dimension == b.dimension != "other" and a.spelled == b.spelled
    single = a.low is a.high is b.low is b.high is None
    if not (alike and single and a.value > 0 and b.value > 0):
        return None
    difference = gap == "-" and a.value >= b.value
    if difference or _repeats(a, b):
        return None
    low, high = sorted((a.value, b.value))
    # Rounding must not take the middle of "7 to 7" out of it.
    middle = min(max(math.sqrt(low) * math.sqrt(high), low), high)
    return replace(b, value=middle, low=low, high=high, start=a.start)


def _after_between(quantity: Quantity, text: str) -> bool:
    return _BETWEEN.search(text[max(0, quantity.start - 24) : quantity.start]) is not None


def _with_tolerance(a: Quantity, b: Quantity) -> Quantity:
    a, b = _alike(a, b)
    if a.dimension != b.dimension or not 0 <= b.value < a.value:
        return replace(a, end=b.end)
    return replace(a, low=a.value - b.value, high=a.value + b.value, end=b.end)


def _alike(a: Quantity, b: Quantity) -> tuple[Quantity, Quantity]:
    """Give the one that has no unit that of the other."""
    if a.dimension and not b.dimension:
        b, a = _alike(b, a)
    elif b.dimension and not a.dimension:
        a = replace(
            a, value=a.value * b.factor, dimension=b.dimension, factor=b.factor, spelled=b.spelled
        )
    return a, b


def _bounded(quantity: Quantity, text: str) -> Quantity:
    """Mark what is only said to be more or less than a quantity."""
    before = text[max(0, quantity.start - 40) : quantity.start]
    after = text[quantity.end : quantity.end + 16]
    if quantity.low is not None or quantity.high is not None:
        return quantity
    if _AT_LEAST.search(before) or _OR_MORE.match(after):
        return replace(quantity, low=quantity.value)
    if _AT_MOST.search(before) or _OR_LESS.match(after):
        return replace(quantity, high=quantity.value)
    return quantity


def _once(stated: Iterable[Quantity]) -> list[Quantity]:
    """Leave out what repeats the quantity before it in another unit: "2.34 m (7.7 ft)"."""
    kept: list[Quantity] = []
    for quantity in stated:
        if not (kept and _repeats(kept[-1], quantity)):
            kept.append(quantity)
    return kept


def _repeats(a: Quantity, b: Quantity) -> bool:
    return a.factor != b.factor and _same(a, b)


def _same(a: Quantity, b: Quantity) -> bool:
    """Whether two quantities with units are one, but for rounding."""
    if a.dimension != b.dimension or a.dimension in ("", "other"):
        return False
    if not (a.value > 0 and b.value > 0):
        return False
    return max(a.value, b.value) <= _SAME_LENGTH * min(a.value, b.value)
