"""What is on the page, from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import DataSet
from mfh.datasets.protocol import Protocol
from mfh.evaluation.methods.ablations import title_of
from mfh.evaluation.page.charts.reading import gather
from mfh.evaluation.page.charts.section import chart_section
from mfh.evaluation.page.photos.ratio_scale import RatioScale
from mfh.evaluation.page.photos.section import photo_section
from mfh.evaluation.page.tables import failure_list, table_html
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.scores import METRICS, PREFIXES, PhotoScore
from mfh.evaluation.tables.tables import difference_table, score_table, truth_note
from mfh.html.document import asset, document, facts, navigation, section
from mfh.html.markup import Html, element, joined
from mfh.html.pictures import gradient
from mfh.results.colour_scale import DEPTH, ColourScale

_CROPS = {
    "none": "no crop",
    "eigen": "within the crop of Eigen et al. (2014)",
    "eigen-kitti": "within the crop of Eigen et al. (2014) for KITTI",
    "garg": "within the crop of Garg et al. (2016)",
}
_SHAPE = tuple(f"{prefix}{metric}" for metric in ("abs_rel", "delta1") for prefix in PREFIXES)
_OWN = ("scale_error", "relative_error", "interval68", "interval90", "unusable", "seconds")
# The median AbsRel of the worst row up to which the colours of predicted / true end at a ratio.
_RATIO_ENDS = ((0.06, 1.25), (0.25, 1.25**2))
_WIDEST_RATIO = 1.25**3


def page_html(results: Results, shown: int) -> str:
    """The whole page."""
    rows = list(zip(results.run.rows, results.rows, strict=True))
    gathered = gather(results)
    ratio_scale = _ratio_scale(results.scores)
    photos, undrawn = photo_section(results, shown, ratio_scale)
    unreadable = dict.fromkeys([*gathered.unreadable, *undrawn])
    sections = {
        "Scores": _score_section(results),
        "Charts": chart_section(rows, results.scores, gathered.rows),
        "Photos": photos,
        "Without a score": failure_list(rows),
        "Not shown": joined(element("p", reason) for reason in unreadable),
    }
    sections = {title: content for title, content in sections.items() if content}
    title = f"{results.data_set.title}: evaluation"
    body = [
        element("header", *_head(results.run, results.data_set, title), navigation(sections)),
        element("main", *(section(title, content) for title, content in sections.items())),
    ]
    colours = (
        f".depth{{--colours:{_depth_gradient()}}}.ratio{{--colours:{_ratio_gradient(ratio_scale)}}}"
    )
    return document(
        title,
        body,
        style=(asset(__package__, "page.css"), colours),
        script=asset(__package__, "sorting.js"),
    )


def _head(run: RunInfo, data_set: DataSet, title: str) -> list[Html]:
    count = len(run.names)
    facts_told = {
        "data set": data_set.title,
        "split": str(run.options.get("split", "")),
        "photos": f"{count:,}",
        "scored": _protocol_words(data_set.protocol),
        "protocol": data_set.protocol.source,
        "ablation": title_of(run.ablation),
        "methods": "; ".join(row.label for row in run.rows),
        "seeds": _seed_words(run),
    }
    listed = [(name, text) for name, text in facts_told.items() if text]
    parts = [element("h1", title), facts(listed)]
    note = truth_note(run.rows)
    if note:
        parts.append(element("p", element("strong", note), class_="note"))
    return parts


def _score_section(results: Results) -> Html:
    difference = difference_table(results)
    tables = {
        "": score_table(results),
        "All metrics": score_table(results, METRICS),
        "How much is scale, how much is shape": score_table(results, _SHAPE),
        "What the methods expect of themselves, and their time": score_table(results, _OWN),
    }
    if difference is not None:
        tables[difference.title] = difference
    parts = []
    # That rows know the truth stands at the top already.
    notes = {truth_note(results.run.rows): None}
    for title, table in tables.items():
        parts += [element("h3", title)] if title else []
        parts.append(table_html(table))
        # Tables of one run share most of their notes.
        parts += [element("p", note, class_="muted") for note in table.notes if note not in notes]
        notes |= dict.fromkeys(table.notes)
    return joined(parts)


def _protocol_words(protocol: Protocol) -> str:
    return (
        f"pixels with a true depth between {protocol.min_m:g} m and {protocol.max_m:g} m, "
        f"{_CROPS[protocol.crop]}; predictions clipped to that range"
    )


def _seed_words(run: RunInfo) -> str:
    counts = sorted({len(row.seeds) for row in run.rows})
    if counts in ([], [1]):
        return ""
    return f"{' to '.join(str(count) for count in (counts[0], counts[-1])[: len(counts)])} a method"


def _ratio_scale(scores: Sequence[PhotoScore]) -> RatioScale:
    """One scale of predicted / true for all photos of the page.

    Wide enough for most photos of the worst row: narrower, its maps would have no shades.
    """
    of_rows: dict[str, list[float]] = {}
    for score in scores:
        abs_rel = score.values.get("abs_rel", math.nan)
        if math.isfinite(abs_rel):
            of_rows.setdefault(score.row, []).append(abs_rel)
    median = max((float(np.median(values)) for values in of_rows.values()), default=0.0)
    return RatioScale(next((end for most, end in _RATIO_ENDS if median <= most), _WIDEST_RATIO))


def _depth_gradient() -> str:
    return gradient(ColourScale(0.0, 1.0, quantity=DEPTH).colours)


def _ratio_gradient(scale: RatioScale) -> str:
    def colours(fraction: NDArray[np.float64]) -> NDArray[np.uint8]:
        return scale.colours((2 * fraction - 1) * math.log(scale.most))

    return gradient(colours)
