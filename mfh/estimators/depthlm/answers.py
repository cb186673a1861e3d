"""A model's free text, read for the one number that was asked for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from mfh.estimators.depthlm.number_words import in_plain_characters
from mfh.estimators.depthlm.quantities import Quantity
from mfh.estimators.depthlm.questions import UNIT_NAMES, Unit
from mfh.estimators.depthlm.statements import statements
from mfh.estimators.depthlm.units import UNIT

_LONGEST = 4000
"""How many characters are read, the last ones: what counts stands at the end."""

_POSSIBLE: dict[Unit, tuple[float, float]] = {
    "m": (1e-3, 1e5),
    "m/s": (1e-4, 1e4),
    "s": (1e-3, 1e7),
}
"""Values outside are no answer about anything a photo shows."""

_ANSWER_TAG = re.compile(r"<\s?(/?)\s?answer\s?>", re.IGNORECASE)
_REASONING_TAG = re.compile(
    r"[<\[\u25c1]\s?(/?)\s?(?:think|thinking|thoughts?|reasoning)\s?[>\]\u25b7]", re.IGNORECASE
)
"""As Qwen and many write it; in brackets as Mistral's models, in triangles as Kimi's."""
_BOXED = re.compile(r"\\f?boxed ?\{((?:[^{}]|\{[^{}]*\})*)\}")
_UNIT_AFTER_BOX = re.compile(rf"(?:\\(?:text|mathrm|mbox|rm|[,;:! ])|[ $~{{}}])*({UNIT})")
_NUMBER = r"-?\d{1,6}(?:\.\d{1,6})?"
_REPLACED = (
    (re.compile(r"\\(?:times|cdot)\b"), "*"),
    (re.compile(r"\\[dt]?frac ?\{ ?(\d{1,6}) ?\} ?\{ ?(\d{1,6}) ?\}"), r" \1/\2 "),
    (re.compile(r"\\[dt]?frac ?(\d) ?(\d)"), r" \1/\2 "),
    (re.compile(r"\\pm\b|\+ ?/ ?-|\+-"), "±"),
    (re.compile(r"\\[a-z]{1,20}|\\[^a-z0-9]?|</?[|a-z_]{1,30}>|\*\*|[`${}]"), " "),
    (re.compile(r"(?<![a-z0-9])_|_(?![a-z0-9])"), " "),
    (re.compile(r"\.{2,}"), " to "),
    (re.compile(rf"[(\[<] ?{_NUMBER}(?: ?[,;] ?{_NUMBER}){{1,5}} ?[)\]>]"), " ; "),  # coordinates
    (re.compile(" {2,}"), " "),
    (re.compile(r"(?<![\d.,])(\d{1,3}) ?m ?(\d{1,2}(?:\.\d{1,6})? ?s(?:ec)?\b)"), r"\1 min \2"),
)
_CANNOT = (
    r"\b(?:cannot|can ?not|can't|could not|couldn't|unable to|impossible to|not (?:able|possible|"
    r"feasible) to|do not|don't|no way to)(?: be| really| reliably)? "
)
_DECLINED = re.compile(
    _CANNOT
    + r"(?:determin|tell|estimat|measur|know|say|answer|provid|calculat|comput|assess|judg|infer)"
    r"(?![^.,;\n]{0,40}(?:exact|precise|accurate|certain))"
)
_UNWILLING = re.compile(
    _CANNOT + r"|\b(?:sorry|no idea|unknown|n/a|none|not (?:available|visible|enough))\b"
)
_AT_LAST_UNKNOWN = re.compile(
    r"(?:[.?!:;] ?|\b(?:distance|depth|point) is )(?:unknown|not known|n/a|no idea)[ .!]*$"
)
_NOT_FINITE = re.compile(r"\b(?:inf|infinit(?:e|y|ely)|nan)\b|∞")
_ANSWER_IS = re.compile(
    r"(?:\b(?:answer|result)(?: is| would be)?[\"']? ?[:=]?"
    r"|\b(?:distance|depth|speed|time|value)(?:_[a-z_]{1,12})?[\"']? ?[:=]) ?[\"']?"
    r"(?:about|approximately|around|roughly|~)? ?$"
)
_OF_THE_POINT = (
    r"(?: (?:of|to|from|at|between|and) (?:(?:the|this|that) )?(?:(?:marked|red|indicated) )?"
    r"(?:camera|point|tip|arrow|pixel|spot|location)){0,3}"
)
_DISTANCE_IS = re.compile(
    rf"\b(?:distance|depth){_OF_THE_POINT} (?:is|would be|should be)"
    r" ?(?:about|approximately|around|roughly|~)? ?$"
)
_ENDS_CLAUSE = re.compile(r"(?: away)?(?: from the camera)? ?[.,;!\n]")
_CONCLUDES = re.compile(
    r"\b(?:so|hence|thus|therefore|total|plus|add(?:ed|ing)?|actually|wait|but|however|correct\w*)\b|="
)
_EQUALS = re.compile(r"= ?~? ?$")
_BREAK = re.compile(r"[,;:.!?\n]|\b(?:but|however|though)\b")


class CutText(str):
    """A text that a model did not end itself: it was not allowed to write any more.

    It is a text like any other for those that only show it; `parse_answer` looks at the difference.

    tokens: how many it was allowed.
    """

    tokens: int

    def __new__(cls, text: str, tokens: int) -> CutText:
        """Give a text that was cut off after so many tokens."""
        cut = super().__new__(cls, text)
        cut.tokens = tokens
        return cut


@dataclass(frozen=True)
class Answer:
    """What a model's text says.

    value: the number in the question's unit, positive and finite; None where there is none. Of a
        range it is the geometric middle, as errors of distances are relative.
    low, high: the range where one is stated; one of them where only a bound is, which is no value.
    refused: why there is no value; "" where there is one.
    text: the text itself.
    """

    value: float | None
    low: float | None
    high: float | None
    refused: str
    text: str


def parse_answer(text: str, unit: Unit) -> Answer:
    """Read the number of `unit` that a text states; whatever the text, nothing is raised.

    What stands in the last <answer> tags counts, without them what follows the reasoning in <think>
    or similar tags, and there the last quantity of the unit asked for: reasoning comes before its
    conclusion. Other units of the same kind are converted; of a length in several units, that in
    metres counts. A number without a unit is taken for the unit asked for if it is the only one, or
    is said to be the answer.

    No value is given for what is negative, zero, not finite or absurd, for another kind of unit, a
    mere bound ("more than 5 m"), several numbers of which none is the answer, and where the model
    declines. What names something is no answer: coordinates, "point 2", the sizes of things, errors
    of measurement. A `CutText` has a value only in <answer> tags that are closed, or in a box of
    LaTeX: its last number may lack digits, and its conclusion may be missing.
    """
    try:
        found = _chosen(_final_part(text), unit)
    except _NoValueError as reason:
        return Answer(None, reason.low, reason.high, str(reason), str(text))
    return Answer(found.value, found.low, found.high, "", str(text))


def reasoning_begun(prompt: str) -> str:
    """The tag at the end of a prompt that has a model begin within its reasoning; "" for none."""
    last = next(reversed(list(_REASONING_TAG.finditer(prompt))), None)
    return last[0] if last and not last[1] and not prompt[last.end() :].strip() else ""


def is_reasoning_tag(text: str) -> bool:
    """Whether a text is a tag that begins or ends reasoning, and nothing else."""
    return _REASONING_TAG.fullmatch(text) is not None


class _NoValueError(Exception):
    """Why a text gives no value, and the bound it gives instead."""

    def __init__(self, reason: str, bound: Quantity | None = None) -> None:
        super().__init__(reason)
        self.low = bound.low if bound else None
        self.high = bound.high if bound else None


def _final_part(text: str) -> str:
    """Give the part of a text that is its answer, in plain characters and without markup."""
    part = text
    reasoning = list(_REASONING_TAG.finditer(text))
    if reasoning and text[reasoning[-1].end() :].strip():
        part = text[reasoning[-1].end() :]
    within = bool(reasoning and not reasoning[-1][1])
    if isinstance(text, CutText) and (within or not _is_closed(part)):
        raise _NoValueError(
            f"the model was cut off after {text.tokens} tokens; raise depthlm.max_new_tokens"
        )
    if within:
        raise _NoValueError("it ends within its reasoning; let the model write more tokens")
    parts = _ANSWER_TAG.split(part)[1:]
    tagged = [content for slash, content in zip(parts[::2], parts[1::2], strict=True) if not slash]
    if tagged:
        part = next((content for content in reversed(tagged) if content.strip()), "")
        if not part:
            raise _NoValueError("its <answer> is empty")
    elif reasoning and part is text:
        raise _NoValueError("nothing follows its reasoning")
    part = in_plain_characters(part[-_LONGEST:])
    boxed = list(_BOXED.finditer(part))
    if boxed:
        unit = _UNIT_AFTER_BOX.match(part, boxed[-1].end())
        part = f"{boxed[-1][1]} {unit[1]}" if unit else boxed[-1][1]
    for pattern, replacement in _REPLACED:
        part = pattern.sub(replacement, part)
    return part.strip(" \n")


def _is_closed(part: str) -> bool:
    """Whether the last <answer> of a text has its end, or there is none but a box of LaTeX."""
    tags = list(_ANSWER_TAG.finditer(part))
    return bool(tags[-1][1] if tags else _BOXED.search(part))


def _chosen(part: str, unit: Unit) -> Quantity:
    """Choose the quantity that is the answer."""
    stated = statements(part)
    usable = [
        quantity
        for quantity in stated
        if quantity.dimension in (unit, "")
        and not (quantity.aside or math.isnan(quantity.value) or quantity.is_bound)
        and (not quantity.spelled or part.strip(" .!") == part[quantity.start : quantity.end])
    ]
    found = _final(usable, stated, part) or _between_bounds(stated, unit)
    if found is None:
        raise _why_none(stated, usable, part, unit)
    declined = list(_DECLINED.finditer(part))
    declines = declined and not _BREAK.search(part[declined[-1].end() : found.start])
    if declines or _AT_LAST_UNKNOWN.search(part, found.end):
        raise _NoValueError("the model declines to say")
    least, most = _POSSIBLE[unit]
    if found.value <= 0:
        raise _NoValueError(f"{found.value:g} {UNIT_NAMES[unit]} is not more than 0")
    if not least <= found.value <= most:
        raise _NoValueError(
            f"{found.value:g} {UNIT_NAMES[unit]} is absurd; accepted are {least:g} to {most:g}"
        )
    return found


def _final(usable: list[Quantity], stated: list[Quantity], part: str) -> Quantity | None:
    """Give the last quantity said to be the answer, else the last with its unit, else a number."""
    before = {quantity: part[max(0, quantity.start - 40) : quantity.start] for quantity in usable}
    called = [quantity for quantity in usable if _ANSWER_IS.search(before[quantity])]
    explained = [quantity for quantity in usable if _is_explained_after(quantity, part)]
    in_unit = [quantity for quantity in usable if quantity.dimension]
    for best in (called, explained, in_unit):
        if best:
            return best[-1]
    if not usable:
        return None
    others = any(quantity.dimension in UNIT_NAMES for quantity in stated)
    alone = len({quantity.value for quantity in usable}) == 1 and not others
    return usable[-1] if alone or _EQUALS.search(before[usable[-1]]) else None


def _is_explained_after(quantity: Quantity, part: str) -> bool:
    """Whether it is "The distance is 3 m." and what follows is no further step to the answer."""
    before, after = part[max(0, quantity.start - 100) : quantity.start], part[quantity.end :]
    return bool(
        _DISTANCE_IS.search(before) and _ENDS_CLAUSE.match(after) and not _CONCLUDES.search(after)
    )


def _between_bounds(stated: list[Quantity], unit: Unit) -> Quantity | None:
    """Give the range that "more than 2 m and less than 3 m", or "2 < d < 3", makes."""
    bounds = [each for each in stated if each.dimension in (unit, "") and each.is_bound]
    lows = [each.low for each in bounds if each.low is not None]
    highs = [each.high for each in bounds if each.high is not None]
    alike = len({each.dimension for each in bounds}) == 1
    if not (alike and len(lows) == len(highs) == 1 and 0 < lows[0] <= highs[0]):
        return None
    middle = min(max(math.sqrt(lows[0]) * math.sqrt(highs[0]), lows[0]), highs[0])
    return replace(bounds[-1], value=middle, low=lows[0], high=highs[0])


def _why_none(
    stated: list[Quantity], usable: list[Quantity], part: str, unit: Unit
) -> _NoValueError:
    told = [quantity for quantity in stated if not quantity.aside]
    bounds = [each for each in told if each.dimension in (unit, "") and each.is_bound]
    kinds = {UNIT_NAMES.get(each.dimension, repr(each.counts)) for each in told if each.dimension}
    kinds -= {UNIT_NAMES[unit]}
    if bounds:
        reason = "it states a bound and no value"
    elif _NOT_FINITE.search(part):
        reason = "it states no finite number"
    elif _UNWILLING.search(part):
        reason = "the model declines to say"
    elif kinds:
        reason = f"it is in {' and '.join(sorted(kinds))}, not in {UNIT_NAMES[unit]}"
    elif usable:
        reason = "it states several numbers, none of them with a unit or as the answer"
    elif any(math.isnan(quantity.value) for quantity in told):
        reason = "its number cannot be read"
    elif stated:
        reason = "its numbers are names, sizes or parts of sums or lists"
    else:
        reason = "it states no number"
    return _NoValueError(reason, bounds[-1] if bounds else None)
