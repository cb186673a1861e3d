"""What a text states of quantities: single ones joined, and those that are no answer set aside.

"5 ft 11 in" is one length, and so is "2 m (7 ft)"; "2 to 3 m" is a range, "7.23 / 4.0" part of a
sum, "pixel 320" a name, and of "2 m and 5 m" neither is the answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mfh.estimators.depthlm.quantities import Quantity, find_quantities
from mfh.estimators.depthlm.units import FOOT_M, IMPERIAL_M, INCH_M

_HEDGE = r"(?:about|approximately|approx\.?|around|roughly|nearly|almost|maybe|perhaps|some|~)"
_BETWEEN = re.compile(rf"\b(?:between|from) ?(?:{_HEDGE} ?)?$")
_RANGE = re.compile(rf"(?:-|to|~|or|through|up to|and)(?: ?{_HEDGE})?")
_TOLERANCE = re.compile(
    rf"(?:±|plus or minus|plus/minus|give or take|accurate to(?: within)?)(?: ?{_HEDGE})?"
)
_OPERATORS = frozenset((*"+-*/x÷^", "plus", "minus"))
_COMPOUND = frozenset(("", "and", ","))
_EQUALS = frozenset(("=", "=~", "is", "equals", "is equal to", "is about", "is approximately"))
_RESTATED = re.compile(
    rf"(?:[^.;:\n()]{{0,40}}(?:\(|\bor\b|\bi\.?e\.?,?|\bthat is,?|\bwhich is)|,| ?[\[/=])"
    rf" ?(?:{_HEDGE} ?|=~ ?){{0,2}}"
)
_LISTED_WITH = re.compile(rf"(?:,|;|/|,? ?and\b|,? ?or\b|[(\[]) ?(?:{_HEDGE} ?)?")

_NAMED = re.compile(
    r"(?:\b(?:pixels?|px|coordinates?|coords?|rows?|columns?|points?|images?|photos?|pictures?|steps?"
    r"|figures?|frames?|arrows?|lines?|option|label|marker)(?: (?:at|of|no\.?|number))? ?[:=#(]? ?"
    r"|\b(?:confidence|certainty|probability)(?: (?:is|of))? ?[:=]? ?"
    r"|\b[xyuvfwh] ?[:=] ?|\b[fc][xy] ?[:=] ?|#)$"
)
_NEGATED = re.compile(rf"\b(?:not|isn't|instead of|rather than) (?:{_HEDGE} ?)?$")
_LISTED = re.compile(r"(?:^|\n)[-*]? ?$")
_AFTER_LISTED = re.compile(r"[.)] ?[^\W\d_*]")
_ERROR = re.compile(
    r"\b(?:error|margin|uncertainty|tolerance|accuracy|precision|deviation|resolution)s?\b[^.\d\n]{0,20}$"
)
_SIZE = re.compile(
    r"[ -]?(?:wide|tall|thick|high|above|below|in (?:width|height|size|diameter)|lens|focal length"
    r"|sensor|film|equivalent)\b"
)
_SIZE_OF = re.compile(
    r"\b(?:heights?|widths?|thickness|diameter|radius|focal length|altitude|elevation)"
    r"(?: of(?: (?:the|an?|its) [a-z]{1,20})?)?(?: (?:is|was|being))? ?[:=]?"
    rf" ?(?:{_HEDGE} ?)?$"
)
_COMPARED = re.compile(
    r" (?:more|less|further|farther|closer|nearer|longer|shorter|off|either way|in either)\b"
)
_NEARLY_BOUND = r"(?<!just )(?<!bit )(?<!slightly )(?<!little )(?<!barely )"
_OR_EQUAL = "(?: or equal to)?"
_AT_LEAST = re.compile(
    r"(?:\b(?:no|not) (?:less|fewer|closer|nearer) than"
    rf"|(?<!no )(?<!not ){_NEARLY_BOUND}\b(?:(?:more|greater|farther|further|longer|larger) than"
    rf"{_OR_EQUAL}|over|above|beyond|exceeding|exceeds|in excess of|upwards? of)"
    rf"|\bas (?:little|close|near) as|\bat least|\bminimum(?: of)?|[>≥]=?) ?(?:{_HEDGE} ?)?$"
)
_AT_MOST = re.compile(
    r"(?:\b(?:no|not) (?:more|greater|farther|further|longer|larger) than"
    rf"|(?<!no )(?<!not ){_NEARLY_BOUND}\b(?:(?:less|fewer|closer|nearer|shorter|smaller) than"
    rf"{_OR_EQUAL}|under|below|within|up to)"
    rf"|\bas (?:much|far|many) as|\bat most|\bmaximum(?: of)?|[<≤]=?) ?(?:{_HEDGE} ?)?$"
)
_OR_MORE = re.compile(
    r" ?[<≤]| ?\+(?! ?[\d.])|,? (?:or (?:more|farther|further|greater|longer|over|above)"
    r"|at (?:the )?least|(?:at )?min(?:imum)?)\b"
)
_OR_LESS = re.compile(
    r" ?[>≥]|,? (?:or (?:less|nearer|closer|fewer|shorter|under|below)"
    r"|at (?:the )?most|(?:at )?max(?:imum)?|tops)\b"
)

_SAME_LENGTH = 1.06
"""How far the same quantity in another unit may be off, of rounding."""
_SAME_LENGTH_RESTATED = 1.25
"""The same where a length is at once said again in feet, or in metres, mostly in whole ones."""


def statements(text: str) -> list[Quantity]:
    """Give what a text, as `number_words.in_plain_characters` has it, states of quantities."""
    joined: list[Quantity] = []
    for found in find_quantities(text):
        named = replace(found, aside=_is_name(found, joined, text))
        joined[-1:] = _joined(joined[-1:], named, text)
    return _each_once([_bounded(_set_aside(each, text), text) for each in joined], text)


def _is_name(found: Quantity, earlier: list[Quantity], text: str) -> bool:
    """Whether a bare number names something, or follows one that does."""
    if found.dimension:
        return False
    before, after = _around(found, text)
    return bool(
        _NAMED.search(before)
        or (_LISTED.search(before) and _AFTER_LISTED.match(after))
        or (
            earlier
            and earlier[-1].aside
            and not earlier[-1].dimension
            and text[earlier[-1].end : found.start].strip() in (",", ";", "and", "x")
        )
    )


def _set_aside(quantity: Quantity, text: str) -> Quantity:
    """Set aside sizes of things, errors, differences and what something is not."""
    before, after = _around(quantity, text)
    aside = quantity.aside or _SIZE_OF.search(before)
    if quantity.dimension:
        aside = (
            aside
            or _ERROR.search(before)
            or _NEGATED.search(before)
            or _SIZE.match(after)
            or _COMPARED.match(after)
        )
    return replace(quantity, aside=bool(aside))


def _around(quantity: Quantity, text: str) -> tuple[str, str]:
    before = text[max(0, quantity.start - 48) : quantity.start]
    return before, text[quantity.end : quantity.end + 24]


def _joined(earlier: list[Quantity], found: Quantity, text: str) -> list[Quantity]:
    """Join a quantity to the one before it, or give both."""
    if not earlier:
        return [found]
    a, b = earlier[0], found
    between = text[a.end : b.start]
    gap = between.strip(" ()[]")
    if a.aside or (b.aside and not b.dimension) or "\n" in gap:
        goes_on = a.aside and gap in _OPERATORS and not (a.dimension or b.dimension)
        return [a, replace(b, aside=b.aside or goes_on)]
    if _TOLERANCE.fullmatch(gap.lstrip(", (")):
        return [_with_tolerance(a, b)]
    in_brackets = "(" in between or "[" in between
    joined = (not in_brackets and _compound(a, b, gap, text)) or _range(a, b, gap, text)
    if joined:
        return [joined]
    converts = gap in _EQUALS and a.value == a.factor and _repeats(a, b)
    if converts or (gap in _OPERATORS and not _restates(a, b)):
        return [replace(a, aside=True), replace(b, aside=True)]
    return [a, b]


def _compound(a: Quantity, b: Quantity, gap: str, text: str) -> Quantity | None:
    """Add up "5 ft 11 in", "2 m and 40 cm", "1 min 30 s", 5'11, 5'-11" and "2 m 40"."""
    if gap == b.dimension == "" and a.dimension == "m" and (a.factor == FOOT_M or b.value >= 10):
        factor = {FOOT_M: INCH_M, 1.0: 0.01}.get(a.factor, a.factor)
        b = replace(b, value=b.value * factor, dimension="m", factor=factor)
    if a.dimension != b.dimension or a.dimension in ("", "other") or not _one_system(a, b):
        return None
    if not (gap in _COMPOUND or text[a.end - 1 : b.start] == "'-"):
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
    if difference or _repeats(a, b) or (gap.startswith("or") and _restates(a, b)):
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
    before, after = _around(quantity, text)
    if quantity.low is not None or quantity.high is not None:
        return quantity
    if _AT_LEAST.search(before) or _OR_MORE.match(after):
        return replace(quantity, low=quantity.value)
    if _AT_MOST.search(before) or _OR_LESS.match(after):
        return replace(quantity, high=quantity.value)
    return quantity


def _each_once(stated: Iterable[Quantity], text: str) -> list[Quantity]:
    """Make one of what is said twice, "2.34 m (7.7 ft)", and set aside the items of lists."""
    kept: list[Quantity] = []
    listed = False
    for quantity in stated:
        gap = text[kept[-1].end : quantity.start] if kept else ""
        if kept and _says_again(kept[-1], quantity, gap):
            kept[-1] = _clearest((kept[-1], quantity))
        elif kept and _another(kept[-1], quantity, gap, listed):
            kept[-1:] = [replace(each, aside=True) for each in (kept[-1], quantity)]
            listed = True
        else:
            kept.append(quantity)
            listed = False
    return kept


def _says_again(a: Quantity, b: Quantity, gap: str) -> bool:
    if _RESTATED.fullmatch(gap):
        return _restates(a, b)
    return _repeats(a, b) and not (a.aside or b.aside) and a.is_bound == b.is_bound


def _clearest(alike: Sequence[Quantity]) -> Quantity:
    """Give the one in the unit that is asked for, else a metric one, else the first."""
    best = min(alike, key=lambda each: (each.factor != 1, each.factor in IMPERIAL_M))
    low = best.value if any(each.is_bound and each.low is not None for each in alike) else best.low
    high = (
        best.value if any(each.is_bound and each.high is not None for each in alike) else best.high
    )
    return replace(
        best, low=low, high=high, start=alike[0].start, end=alike[-1].end, aside=alike[0].aside
    )


def _another(a: Quantity, b: Quantity, gap: str, listed: bool) -> bool:
    """Whether a text says b beside a and does not say which of the two it means."""
    if (a.aside and not listed) or b.aside or a.is_bound or b.is_bound or a.spelled:
        return False
    alike = a.dimension in (b.dimension, "") and b.dimension not in ("", "other")
    return alike and not _overlap(a, b) and _LISTED_WITH.fullmatch(gap.strip()) is not None


def _overlap(a: Quantity, b: Quantity) -> bool:
    """Whether a value is the other's, or in its range."""
    (low_a, high_a), (low_b, high_b) = (
        (
            each.value if each.low is None else each.low,
            each.value if each.high is None else each.high,
        )
        for each in (a, b)
    )
    return low_a <= high_b and low_b <= high_a


def _one_system(a: Quantity, b: Quantity) -> bool:
    return (a.factor in IMPERIAL_M) == (b.factor in IMPERIAL_M)


def _restates(a: Quantity, b: Quantity) -> bool:
    """Whether b may be a in another unit, rounded to whole feet where it is in those."""
    return _repeats(a, b) or (not _one_system(a, b) and _same(a, b, _SAME_LENGTH_RESTATED))


def _repeats(a: Quantity, b: Quantity) -> bool:
    return a.factor != b.factor and _same(a, b, _SAME_LENGTH)


def _same(a: Quantity, b: Quantity, within: float) -> bool:
    """Whether two quantities with units are one, but for rounding."""
    if a.dimension != b.dimension or a.dimension in ("", "other"):
        return False
    if not (a.value > 0 and b.value > 0):
        return False
    return max(a.value, b.value) <= within * min(a.value, b.value)
