"""Tables of scores as HTML that can be sorted, and the list of failures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from mfh.evaluation.runs.run_file import RowInfo
from mfh.evaluation.scoring.scores import RowScore
from mfh.evaluation.tables.tables import Table
from mfh.html.markup import Html, element, joined

_MOST_NAMES = 200

Scored = tuple[RowInfo, RowScore]


def table_html(table: Table) -> Html:
    """A table that is sorted by pressing a heading, and scrolls on a narrow screen.

    Each of its sections is sorted by itself; its notes are the caller's.
    """
    kind = dict.fromkeys(table.text_columns, "text")
    head = [
        element("th", _heading(name), scope="col", class_=kind.get(column))
        for column, name in enumerate(table.columns)
    ]
    bodies = []
    for section, rows in groupby(table.rows, lambda row: row.section):
        if section:
            title = element("th", section, scope="rowgroup", colspan=len(table.columns))
            bodies.append(element("tbody", element("tr", title), class_="title"))
        lines = [
            element(
                "tr",
                element("th", _breakable(row.cells[0]), scope="row"),
                *(
                    element("td", _unbroken(cell), class_=kind.get(column))
                    for column, cell in enumerate(row.cells[1:], 1)
                ),
            )
            for row in rows
        ]
        bodies.append(element("tbody", *lines))
    whole = element("table", element("thead", element("tr", *head)), *bodies)
    return element("div", whole, class_="table", role="region", aria_label=table.title, tabindex=0)


def _heading(name: str) -> Html:
    """A button; what the column is a form of stands in a line of its own, to be no wider."""
    quantity, line_break, form = re.sub(r", | (?=\(paper\))", r"\g<0>\n", name).partition("\n")
    parts = (quantity, element("br"), form) if line_break else (name,)
    return element("button", *parts, type="button")


def _breakable(label: str) -> Html:
    """A label that a narrow column breaks between the names of a path before it breaks one."""
    first, *others = re.split(r"(?<=[:/\\])", label)
    return joined([first, *(part for name in others for part in (element("wbr"), name))])


def _unbroken(cell: str) -> str:
    """A cell that a narrow screen breaks before its interval alone."""
    mean, sign, interval = cell.partition(" ± ")
    return f"{mean} {sign.strip()}\N{NO-BREAK SPACE}{interval}" if sign else cell


def failure_list(rows: Sequence[Scored]) -> Html:
    """Photos without a score, by row and reason; empty where all have one."""
    parts = []
    for row, score in rows:
        reasons: dict[str, list[str]] = {}
        for name, seed, reason in score.failed:
            which = f"{name} (seed {seed})" if len(row.seeds) > 1 else name
            reasons.setdefault(reason, []).append(which)
        items = []
        for reason, names in reasons.items():
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            listed = ", ".join(names[:_MOST_NAMES]) + more
            items.append(element("li", element("strong", listed), f": {reason}"))
        if items:
            parts.append(element("h3", f"{row.label}: {len(score.failed)} without a score"))
            parts.append(element("ul", *items))
    return joined(parts)
