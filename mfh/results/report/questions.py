"""What a model was asked about a photo, what it said, and what became of that."""

from __future__ import annotations

from mfh.html.markup import Html, element
from mfh.results.asked import AskedPoint
from mfh.results.report.subject import Subject

_HEAD = (
    ("Point (px)", "text"),
    ("Distance", ""),
    ("Depth", ""),
    ("The fit's depth", ""),
    ("In the fit", "text"),
)


def questions_section(subject: Subject) -> Html:
    """Two rows for each point, numbers and words; empty where no model was asked."""
    if not subject.asked:
        return Html("")
    cells = [element("th", title, scope="col", class_=kind or None) for title, kind in _HEAD]
    table = element(
        "table",
        element("thead", element("tr", *cells)),
        element("tbody", *(row for point in subject.asked for row in _rows(subject, point))),
    )
    return element("div", table, class_="table", tabindex=0, role="group", aria_label="Questions")


def _rows(subject: Subject, point: AskedPoint) -> tuple[Html, Html]:
    row, column = int(point.y_px), int(point.x_px)
    numbers = element(
        "tr",
        element("th", f"{point.x_px:.1f},\u00a0{point.y_px:.1f}", scope="row", rowspan=2),
        element("td", _metres(point.distance_m)),
        element("td", _metres(point.depth_m)),
        element("td", _metres(float(subject.result.depth_m[row, column]))),
        element("td", _became(point), class_="text"),
        class_="asked",
    )
    said = element("small", "The model said: "), " ".join(point.text.split())
    return numbers, element("tr", element("td", *said, colspan=len(_HEAD) - 1, class_="answer"))


def _became(point: AskedPoint) -> str:
    if point.distance_m is None:
        return f"✕ no distance: {point.refused}"
    return "✓ used" if point.used else "✕ set aside: disagrees with the others"


def _metres(value: float | None) -> str:
    return "\u2013" if value is None else f"{value:.2f}\u00a0m"
