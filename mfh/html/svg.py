"""A Matplotlib figure as SVG that lies within the page and takes its colours from it.

A chart is drawn in placeholder colours, which become CSS variables: it is as readable on a dark
page, and on paper, as on a light one. Text stays text, in the page's font.
"""

from __future__ import annotations

import io
import re
from typing import Any

from mfh.html.markup import Html, element

ROW_COLOURS = 8
# No chart needs these colours for themselves.
INK, MUTED, GRID = "#010101", "#020202", "#030303"
_ROWS = tuple(f"#0000{number + 1:02x}" for number in range(ROW_COLOURS))
_VARIABLES = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    **{placeholder: f"var(--row{number})" for number, placeholder in enumerate(_ROWS)},
}
SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "mfh", "font.size": 11.5}
_UNWANTED = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", re.DOTALL)


def row_colour(number: int) -> str:
    """The placeholder of the colour of row `number`; the style sheet has the colours."""
    return _ROWS[number % ROW_COLOURS]


def as_svg(figure: Any, name: str, description: str) -> Html:
    """A Matplotlib `Figure` as an inline SVG element that is read out as its description.

    name: tells its ids from those of the page's other charts.
    """
    from matplotlib import rc_context  # noqa: PLC0415 - takes a fifth of a second

    file = io.StringIO()
    with rc_context(SETTINGS):
        figure.savefig(file, format="svg", dpi=144)
    text = _UNWANTED.sub("", file.getvalue()).replace("xlink:href", "href")
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    referenced = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))

    def own_id(found: re.Match[str]) -> str:
        return f' id="{name}-{found[1]}"' if found[1] in referenced else ""

    body = re.sub(r' id="([^"]*)"', own_id, body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{name}-", body)
    body = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", body)
    for placeholder, variable in _VARIABLES.items():
        body = body.replace(placeholder, variable)
    width, height = 72 * figure.get_size_inches()
    return element(
        "svg",
        Html(re.sub(r"\s*\n\s*", "\n", body)),
        class_="chart",
        role="img",
        aria_label=description,
        viewBox=f"0 0 {width:g} {height:g}",
    )
