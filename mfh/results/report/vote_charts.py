"""Charts of the votes on the scale, and of the fit with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.html.axes import new_axes, set_log_axis, set_ratio_axis
from mfh.html.markup import Html
from mfh.html.svg import INK, MUTED, as_svg, row_colour
from mfh.records import LandmarkKind, MetricHead
from mfh.results.report.votes import Vote, how_known

_MARKS: dict[LandmarkKind, tuple[str, int, str]] = {
    "painted person": ("o", 0, "painted person"),
    "person": ("s", 2, "person in the photo"),
    "measured point": ("D", 3, "known distance"),
    "asked point": ("^", 4, "answer of a model"),
}
_SET_ASIDE = ("x", 1, "set aside")
_MARGIN = 1.25
_LEAST_REACH, _WIDEST_REACH = math.log(1.3), math.log(4.0)
_BAND = 0.14


def fit_chart(votes: Sequence[Vote], head: MetricHead, range_m: tuple[float, float]) -> Html:
    """Depth against relative disparity: the votes, the fit, and one sigma of it where known.

    range_m: the nearest and the farthest depth of the photo to show.
    """
    measured = [vote.measured_m for vote in votes]
    low = min(*measured, range_m[0]) / _MARGIN
    high = max(*measured, range_m[1]) * _MARGIN
    axes = new_axes(f"relative {head.space}", "depth (m)", height_pt=300)
    line_m = np.geomspace(low, high, 200)
    metric = 1 / line_m if head.space == "disparity" else line_m
    if head.scale:
        places = (metric - head.offset) / head.scale
        if head.knows_error:
            error = head.relative_error_of(places).astype(np.float64)
            band = line_m * np.exp(-error), line_m * np.exp(error)
            axes.fill_between(places, *band, color=INK, alpha=_BAND, linewidth=0)
        axes.plot(places, line_m, color=INK, linewidth=1.8)
    _draw(axes, votes, [vote.disparity for vote in votes], measured)
    set_log_axis(axes.yaxis, low, high)
    shown = [vote.disparity for vote in votes]
    if head.scale:
        shown += [float(places[0]), float(places[-1])]
    room = 0.03 * (max(shown) - min(shown)) or 1.0
    axes.set_xlim(min(shown) - room, max(shown) + room)
    _legend(axes, votes, "upper right" if head.space == "disparity" else "upper left")
    words = (
        f"{how_known(votes).capitalize()} depth of {len(votes)} landmarks against relative "
        f"{head.space}, with the fit; they lie between {min(measured):.1f} m and "
        f"{max(measured):.1f} m."
    )
    return as_svg(axes.figure, "fit", words)


def ratio_chart(votes: Sequence[Vote], head: MetricHead) -> Html:
    """Measured over fitted depth of each vote, sorted, and one sigma of the scale where known."""
    known = sorted((vote for vote in votes if vote.ratio > 0), key=lambda vote: vote.ratio)
    ratios = np.log([vote.ratio for vote in known])
    reach = float(np.clip(1.15 * np.abs(ratios).max(initial=0), _LEAST_REACH, _WIDEST_REACH))
    axes = new_axes(f"{how_known(votes)} depth / the fit's", "landmarks, sorted", height_pt=300)
    if head.knows_error:
        error = min(head.relative_error, reach)
        axes.axvspan(-error, error, color=INK, alpha=_BAND, linewidth=0)
    axes.axvline(0, color=INK, linewidth=1.8)
    places = np.arange(1, len(known) + 1)
    clipped: NDArray[np.float64] = np.clip(ratios, -reach, reach)
    axes.hlines(places, 0, clipped, color=MUTED, linewidth=0.8)
    _draw(axes, known, clipped, places)
    set_ratio_axis(axes.xaxis, reach)
    axes.set_ylim(0, len(known) + 1)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    spread = np.exp(np.median(np.abs(ratios))) - 1 if known else math.nan
    words = (
        f"{how_known(votes).capitalize()} depth over the fit's of {len(known)} landmarks, "
        f"sorted; half of them lie within {100 * spread:.0f} % of the fit."
    )
    return as_svg(axes.figure, "ratios", words)


def _draw(axes: Any, votes: Sequence[Vote], x: Any, y: Any) -> None:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    for style, numbers in _by_style(votes).items():
        marker, colour, label = style
        line = {"marker": marker, "color": row_colour(colour), "label": label, "linestyle": "none"}
        axes.plot(x[numbers], y[numbers], markersize=6.5, markeredgewidth=1.8, alpha=0.85, **line)


def _by_style(votes: Sequence[Vote]) -> dict[tuple[str, int, str], list[int]]:
    styles: dict[tuple[str, int, str], list[int]] = {}
    for number, vote in enumerate(votes):
        styles.setdefault(_MARKS[vote.kind] if vote.used else _SET_ASIDE, []).append(number)
    return styles


def _legend(axes: Any, votes: Sequence[Vote], place: str) -> None:
    if len(_by_style(votes)) > 1:
        axes.legend(loc=place, frameon=False, labelcolor=INK, handletextpad=0.3)
