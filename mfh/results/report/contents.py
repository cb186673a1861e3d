"""What is in a report, from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from mfh.html.document import asset, document, facts, navigation, section
from mfh.html.markup import Html, element, joined
from mfh.html.pictures import gradient
from mfh.results.colour_scale import DEPTH, ColourScale
from mfh.results.percentiles import finite_percentiles
from mfh.results.report.measuring import measuring_section
from mfh.results.report.paintings import own_section, painted_section
from mfh.results.report.particulars import (
    camera_section,
    files_section,
    making_section,
    settings_section,
)
from mfh.results.report.questions import questions_section
from mfh.results.report.subject import Subject
from mfh.results.report.vote_charts import fit_chart, ratio_chart
from mfh.results.report.votes import Vote, how_known, votes_of
from mfh.results.summary import summary_lines

# So many votes are a chart of their own.
_FEW_VOTES = 3
# They have sections of their own.
_ELSEWHERE = {"Simulated", "Camera", "Time", "Computed on"}


def report_html(subject: Subject) -> str:
    """The whole page."""
    result = subject.result
    votes: tuple[Vote, ...] = ()
    if result.head is not None and subject.aligned is not None:
        votes = votes_of(result.head, subject.aligned, subject.landmarks)
    counts = result.counts
    by_people = counts is not None and counts.people > 0 and counts.points == 0
    sections = {
        "Depth": measuring_section(subject),
        "Votes": _vote_section(subject, votes),
        "Questions": questions_section(subject),
        "In the photo itself": own_section(subject, votes),
        "Painted photos": painted_section(subject, votes),
        "Camera": camera_section(result.camera, by_people=by_people),
        "How it was made": joined((making_section(subject), settings_section(subject))),
        "Files": files_section(subject),
    }
    sections = {title: content for title, content in sections.items() if content}
    colours = gradient(ColourScale(0.0, 1.0, quantity=DEPTH).colours)
    body = [
        element("header", *_head(subject), navigation(sections)),
        element("main", *(section(title, content) for title, content in sections.items())),
        element("footer", element("p", f"Made by mfh {version('mfh')}.", class_="muted")),
    ]
    return document(
        f"{subject.photo.name}: metric depth",
        body,
        style=(asset(__package__, "report.css"), f".depth{{--colours:{colours}}}"),
        script=asset(__package__, "viewer.js"),
    )


def _head(subject: Subject) -> list[Html]:
    result = subject.result
    lines = summary_lines(result, errors=subject.errors)
    told = dict(lines)
    parts = [element("h1", subject.photo.name)]
    if result.simulated:
        words = element("strong", "Simulated."), f" {_sentence(told['Simulated'])}"
        parts.append(element("p", *words, class_="note"))
    parts.append(facts((name, text) for name, text in lines if name not in _ELSEWHERE))
    if result.warnings:
        listed = [element("li", warning) for warning in result.warnings]
        parts.append(
            element(
                "div",
                element("strong", "Please note"),
                element("ul", *listed),
                class_="note",
                role="note",
            )
        )
    return parts


def _vote_section(subject: Subject, votes: Sequence[Vote]) -> Html:
    head = subject.result.head
    if head is None or not votes:
        return Html("")
    near, far = finite_percentiles(subject.result.depth_m, (5, 95))
    band = "; the band: one sigma of it" if head.knows_error else ""
    figures = [
        _figure(
            "The fit",
            fit_chart(votes, head, (near, far)),
            f"Each mark is a landmark: where the relative {head.space} has it, and the depth that "
            f"was {how_known(votes)}. The line: the fit, which gives every pixel its depth{band}.",
        )
    ]
    if sum(vote.ratio > 0 for vote in votes) >= _FEW_VOTES:
        figures.append(
            _figure(
                "Each vote on the scale",
                ratio_chart(votes, head),
                "Left of the line are those that would bring everything nearer, right of it those "
                f"that would put it farther{band and '; the band: one sigma of the scale'}.",
            )
        )
    return element("div", *figures, class_="charts")


def _figure(title: str, chart: Html, caption: str) -> Html:
    return element("figure", element("h3", title), chart, element("figcaption", caption))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
