"""The section of charts: what each shows, in words, and which a run has."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mfh.evaluation.page.charts.photo_charts import (
    AtN,
    abs_rel_distribution,
    against_paintings,
    calibration,
    scale_distribution,
)
from mfh.evaluation.page.charts.pixel_charts import bias_by_depth, error_by_depth, scatter
from mfh.evaluation.page.charts.reading import RowPixels
from mfh.evaluation.page.tables import Scored
from mfh.evaluation.runs.run_file import RowInfo
from mfh.evaluation.scoring.scores import PhotoScore
from mfh.evaluation.tables.quantities import QUANTITIES
from mfh.html.axes import dashes
from mfh.html.markup import Html, element
from mfh.html.svg import ROW_COLOURS

_N = "N"
_PAINTINGS = "paintings"
_AGAINST_N = ("abs_rel", "delta1", "silog", "rmse")


def chart_section(
    rows: Sequence[Scored], scores: Sequence[PhotoScore], pixels: Mapping[str, RowPixels]
) -> Html:
    """The charts of a run; empty where nothing was scored."""
    labels = [row.label for row, _ in rows]
    figures = [
        *_paintings_figures(rows),
        *_photo_figures(rows, scores, labels),
        *_pixel_figures(rows, pixels, labels),
    ]
    return element("div", *figures, class_="charts") if figures else Html("")


def _photo_figures(
    rows: Sequence[Scored], scores: Sequence[PhotoScore], labels: Sequence[str]
) -> list[Html]:
    keys = [row.key for row, _ in rows]
    abs_rel = _values(scores, keys, "abs_rel")
    scale = _values(scores, keys, "scale_error")
    several_seeds = any(len(row.seeds) > 1 for row, _ in rows)
    photos = "photos (each seed by itself)" if several_seeds else "photos"
    figures = []
    if abs_rel:
        figures.append(
            _figure(
                "AbsRel of the photos",
                abs_rel_distribution(abs_rel, labels),
                f"How many {photos} have at most that AbsRel: the farther left, the better.",
                _legend(labels, abs_rel),
            )
        )
    if scale:
        ratios = {number: 1 + values for number, values in scale.items()}
        figures.append(
            _figure(
                "Scale of the photos",
                scale_distribution(ratios, labels),
                f"How many {photos} are too near (left) or too far (right) as a whole; the mark is "
                "the median. What lies outside counts at the end.",
            )
        )
    quotients = _quotients(scores, keys)
    if quotients:
        figures.append(
            _figure(
                "Calibration of the expected error",
                calibration(quotients, labels),
                "Above the diagonal a method expects more error of scale than it makes, below it "
                "less. In the grey band lies what chance explains.",
                _legend(labels, quotients),
            )
        )
    return figures


def _pixel_figures(
    rows: Sequence[Scored], pixels: Mapping[str, RowPixels], labels: Sequence[str]
) -> list[Html]:
    read = {
        number: pixels[row.key]
        for number, (row, _) in enumerate(rows)
        if row.key in pixels and pixels[row.key].errors.count
    }
    bins = {number: found.errors.by_depth() for number, found in read.items()}
    bins = {number: some for number, some in bins.items() if some}
    figures = []
    if bins:
        legend = _legend(labels, bins)
        figures += [
            _figure(
                "Error against depth",
                error_by_depth(bins, labels),
                "AbsRel of the pixels of each true depth, of some pixels of each photo; grey bars: "
                "how many there are.",
                legend,
            ),
            _figure(
                "Too near or too far, against depth",
                bias_by_depth(bins, labels),
                "Median of predicted / true of the pixels of each true depth, and the middle half.",
                legend,
            ),
        ]
    for number, found in read.items():
        figures.append(
            _figure(
                f"Predicted against true depth{f': {labels[number]}' if len(rows) > 1 else ''}",
                scatter(found.errors, number, labels[number]),
                f"{_counted(found.errors.count, 'pixel')} of {_counted(found.photos, 'photo')}; "
                "light: many; the line: right.",
            )
        )
    return figures


def _paintings_figures(rows: Sequence[Scored]) -> list[Html]:
    figures = []
    for name in _AGAINST_N:
        series = _against_paintings(rows, name)
        if series:
            figures.append(
                _figure(
                    f"{QUANTITIES[name].title} against N",
                    against_paintings(series, name),
                    "Bars: standard deviation over seeds; diamonds: the paper's figures.",
                    _legend(list(series), range(len(series))) if len(series) > 1 else "",
                )
            )
    return figures


def painting_count(row: RowInfo) -> int | None:
    """How many painted photos a row has at most; None where it paints none."""
    settings = row.method.get("settings")
    for where in (row.method, settings if isinstance(settings, Mapping) else {}):
        if isinstance(where.get(_PAINTINGS), int):
            return int(where[_PAINTINGS])
    text = row.group.get(_N, "")
    return int(text) if text.isdecimal() else None


def _against_paintings(rows: Sequence[Scored], name: str) -> dict[str, list[AtN]]:
    """Series of rows that differ in nothing but N, by what tells them from others."""
    series: dict[str, list[AtN]] = {}
    titles: dict[str, str] = {}
    for row, score in rows:
        count = painting_count(row)
        mean = score.means.get(name)
        if count is None or mean is None or not math.isfinite(mean.value):
            continue
        key = _besides_paintings(row)
        titles[key] = ", ".join(text for title, text in row.group.items() if title != _N)
        published = row.published.get(name, math.nan)
        series.setdefault(key, []).append(AtN(count, mean.value, mean.seed_std, published))
    several = {
        key: sorted(points, key=lambda point: point.paintings)
        for key, points in series.items()
        if len({point.paintings for point in points}) > 1
    }
    if len(several) == 1:  # one line alone needs no name
        return {"": next(iter(several.values()))}
    alike = Counter(titles[key] for key in several)
    named = {}
    for place, (key, points) in enumerate(several.items(), 1):
        # Rows may differ in what their groups do not tell.
        number = "" if titles[key] and alike[titles[key]] == 1 else f"series {place}"
        named[", ".join(filter(None, (titles[key], number)))] = points
    return named


def _besides_paintings(row: RowInfo) -> str:
    method = {name: value for name, value in row.method.items() if name != _PAINTINGS}
    if isinstance(method.get("settings"), Mapping):
        method["settings"] = {
            name: value for name, value in method["settings"].items() if name != _PAINTINGS
        }
    return json.dumps(method, sort_keys=True, default=str)


def _values(
    scores: Sequence[PhotoScore], keys: Sequence[str], name: str
) -> dict[int, NDArray[np.float64]]:
    """The finite values of each row's photos (and seeds), by the row's number."""
    found: dict[str, list[float]] = {}
    for score in scores:
        if math.isfinite(score.values.get(name, math.nan)):
            found.setdefault(score.row, []).append(score.values[name])
    return {number: np.array(found[key]) for number, key in enumerate(keys) if key in found}


def _quotients(scores: Sequence[PhotoScore], keys: Sequence[str]) -> dict[int, NDArray[np.float64]]:
    """|log scale error| over the expected relative error, where a method expects one."""
    found: dict[str, list[float]] = {}
    for score in scores:
        ratio = 1 + score.values.get("scale_error", math.nan)
        expected = score.values.get("relative_error", math.nan)
        if ratio > 0 and expected > 0:
            quotient = abs(math.log(ratio)) / expected
            if math.isfinite(quotient):
                found.setdefault(score.row, []).append(quotient)
    return {number: np.array(found[key]) for number, key in enumerate(keys) if key in found}


def _figure(title: str, chart: Html, caption: str, legend: str = "") -> Html:
    return element("figure", element("h3", title), chart, legend, element("figcaption", caption))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _legend(labels: Sequence[str], numbers: Mapping[int, object] | range) -> Html | str:
    """What each line is; nothing where there is one alone."""
    if len(labels) < 2:
        return ""
    items = []
    for number in numbers:
        pattern = " ".join(f"{2 * length:g}" for length in dashes(number))
        stroke = element(
            "path",
            d="M0 5H30",
            stroke=f"var(--row{number % ROW_COLOURS})",
            stroke_width="2.5",
            stroke_dasharray=pattern or None,
        )
        swatch = element("svg", stroke, viewBox="0 0 30 10", aria_hidden="true")
        items.append(element("li", swatch, labels[number]))
    return element("ul", *items, class_="legend")
