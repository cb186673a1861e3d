"""docs/measuring_people.md and docs/when_people_do_not_fit.md: what they tell is so in the code."""

from __future__ import annotations

import inspect
import re

from docs_pages import DOCS

from mfh.disparity import NOT_POSITIVE, NOTHING_TO_ALIGN
from mfh.people.anny import regressor
from mfh.settings import Settings
from mfh.verdicts import DISAGREES, NO_PIXEL, NOBODY, OUTSIDE, SOMEBODY

_MEASURING = (DOCS / "measuring_people.md").read_text("utf-8")
_ADVICE = (DOCS / "when_people_do_not_fit.md").read_text("utf-8")


def _rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first row is that."""
    table = re.search(rf"^{re.escape(heading)}\n\|[-| ]+\|\n((?:\|.*\|\n)+)", text, re.M)
    assert table, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def test_every_verdict_has_advice() -> None:
    told = [row[0] for row in _rows(_ADVICE, "| verdict | what happened | what to do |")]
    assert told[1:6] == [f"{SOMEBODY}{reason}" for reason in _refusals()]
    others = [NOBODY, OUTSIDE, NO_PIXEL, NOTHING_TO_ALIGN, NOT_POSITIVE, DISAGREES]
    assert told[:1] + told[6:] == others


def test_reasons_for_refusal_are_those_of_the_code() -> None:
    rows = dict(_rows(_MEASURING, "| reason | why |"))
    assert list(rows) == _refusals()
    assert str(regressor._LEAST_HEIGHT_PX) in rows["is too small to measure"]
    assert str(regressor._LEAST_KEYPOINTS) in rows["shows too few joints"]
    assert f"{100 * regressor._LARGEST_MISFIT:.0f} %" in rows["fits no body"]
    child = rows["may be a child, whose size is not known"]
    assert f"{100 * regressor._LARGEST_CHILD:.0f} %" in child
    last = rows["shows too little to tell how far they are"]
    assert f"{100 * regressor._LARGEST_ERROR:.0f} %" in last


def _refusals() -> list[str]:
    """The reasons for which Anny's regressor refuses somebody, in the order of its code."""
    source = "".join(map(inspect.getsource, (regressor._too_little, regressor._not_to_be_trusted)))
    return re.findall(r'return "(.+)"', source)


def test_errors_are_those_of_the_benchmark() -> None:
    """The page repeats some of what `benchmarks/people_fitting.py --write` writes."""
    text = (DOCS / "benchmarks_people.md").read_text("utf-8")
    (heading,) = re.findall(r"^\| people \| count .*\|$", text, re.M)
    columns = [cell.strip() for cell in heading.strip("|").split("|")]
    measured = {row[0]: dict(zip(columns, row, strict=True)) for row in _rows(text, heading)}
    (quoted,) = re.findall(r"^\| people \| .*\|$", _MEASURING, re.M)
    names = [cell.strip() for cell in quoted.strip("|").split("|")]
    for row in _rows(_MEASURING, quoted):
        assert row == [row[0], *(measured[row[0]][name] for name in names[1:])]


def test_strips_and_people_are_asked_for_as_it_says() -> None:
    usual = Settings()
    text = " ".join(_ADVICE.split())
    asked = " or ".join(f'"{prompt}"' for prompt in usual.prompts)
    assert f"The painter is asked for {asked}." in text
    share = f"{100 * usual.strip_min_ratio:.0f} to {100 * usual.strip_max_ratio:.0f} %"
    assert f"vertical strips, {share} of the photo's shorter side wide" in text
