"""Charts of photos: how their scores spread, and what they owe to the number of paintings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.evaluation.tables.quantities import QUANTITIES
from mfh.html.axes import new_axes, row_line, set_log_axis, set_ratio_axis
from mfh.html.markup import Html
from mfh.html.svg import GRID, INK, MUTED, as_svg, row_colour

Values = Mapping[int, NDArray[np.float64]]
"""A number a photo, by the number of the row; one photo of each row at least."""

_LEAST_ABS_REL = 1e-3
_MOST_SCALE = 10.0


def abs_rel_distribution(abs_rel: Values, labels: Sequence[str]) -> Html:
    """The share of photos whose AbsRel is no larger than x."""
    axes = new_axes("AbsRel of a photo, % (log)", "photos with no more, %")
    shown = {number: 100 * np.maximum(some, _LEAST_ABS_REL) for number, some in abs_rel.items()}
    low = min(float(some.min()) for some in shown.values()) / 1.2
    high = max(float(some.max()) for some in shown.values()) * 1.2
    for number, values in shown.items():
        places = [low, *np.sort(values), high]
        shares = [*np.linspace(0, 100, len(values) + 1), 100]
        axes.step(places, shares, where="post", **row_line(number))
    set_log_axis(axes.xaxis, low, high)
    axes.set_ylim(0, 102)
    medians = _each(labels, abs_rel, lambda values: f"{100 * np.median(values):.1f} %")
    text = f"Distribution of AbsRel over photos. Medians: {medians}."
    return as_svg(axes.figure, "ecdf", text)


def scale_distribution(ratios: Values, labels: Sequence[str]) -> Html:
    """How the photos' scales (median of predicted / true) spread: a histogram a row."""
    height_pt = 70 + 46 * len(ratios)
    axes = new_axes("scale of a photo: predicted / true, median (log)", "", height_pt)
    logs = {number: np.log(np.maximum(some, 1e-6)) for number, some in ratios.items()}
    farthest = float(np.quantile(np.abs(np.concatenate(list(logs.values()))), 0.99))
    reach = min(max(0.12, 1.1 * farthest), math.log(_MOST_SCALE))
    edges = np.linspace(-reach, reach, 42)
    axes.axvline(0, color=MUTED, linewidth=1)
    for place, (number, values) in enumerate(logs.items()):
        counts, _ = np.histogram(np.clip(values, -reach, reach), edges)
        base = -float(place)
        top = base + 0.6 * counts / counts.max()
        axes.stairs(top, edges, baseline=base, fill=True, color=row_colour(number), alpha=0.4)
        axes.stairs(top, edges, baseline=base, color=row_colour(number), linewidth=1.2)
        median = float(np.clip(np.median(values), -reach, reach))
        axes.plot([median, median], [base, base + 0.66], color=INK, linewidth=1.8)
        axes.text(
            0.01,
            base + 0.76,
            labels[number],
            transform=axes.get_yaxis_transform(),
            parse_math=False,
            color=INK,
            verticalalignment="center",
        )
    axes.set_ylim(0.95 - len(logs), 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    set_ratio_axis(axes.xaxis, reach)
    medians = _each(labels, ratios, lambda values: f"{np.median(values):.2f}")
    text = f"Distribution of the photos' scales, predicted / true. Medians: {medians}."
    return as_svg(axes.figure, "scale", text)


def calibration(quotients: Values, labels: Sequence[str]) -> Html:
    """How many photos lie within an interval, against how many the method expects there.

    quotients: |log(predicted / true)| of the photo's scale over what is expected, 1 sigma.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - takes a tenth of a second

    axes = new_axes("photos expected within an interval, %", "photos found within it, %")
    expected = np.linspace(0, 0.995, 200)
    sigmas = ndtri((1 + expected) / 2)
    fewest = min(len(values) for values in quotients.values())
    chance = 1.96 * np.sqrt(expected * (1 - expected) / fewest)
    low, high = (np.clip(expected + sign * chance, 0, 1) for sign in (-1, 1))
    axes.fill_between(100 * expected, 100 * low, 100 * high, color=GRID, linewidth=0)
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1)
    for number, values in quotients.items():
        found = np.searchsorted(np.sort(values), sigmas, side="right") / len(values)
        axes.plot(100 * expected, 100 * found, **row_line(number))
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_xticks((0, 25, 50, 68, 90))
    axes.set_yticks((0, 25, 50, 68, 90))
    shares = _each(labels, quotients, lambda values: f"{100 * np.mean(values <= 1):.0f} %")
    text = f"Calibration. Found within 1 sigma, where 68 % are expected: {shares}."
    return as_svg(axes.figure, "calibration", text)


@dataclass(frozen=True)
class AtN:
    """A score with N painted photos, its standard deviation over seeds, and the paper's figure.

    In the unit of the score; std, published: NaN where there is none.
    """

    paintings: int
    value: float
    std: float
    published: float


def against_paintings(series: Mapping[str, Sequence[AtN]], name: str) -> Html:
    """A score against the number of painted photos, a line a series, as in the paper's Figure 5."""
    quantity = QUANTITIES[name]
    better = f" ({quantity.better} is better)" if quantity.better else ""
    axes = new_axes("painted photos N (log)", quantity.heading + better)
    words = []
    for number, (label, points) in enumerate(series.items()):
        counts = [point.paintings for point in points]
        values = [quantity.factor * point.value for point in points]
        bars = [quantity.factor * np.nan_to_num(point.std) for point in points]
        axes.errorbar(counts, values, bars, marker="o", markersize=4, capsize=3, **row_line(number))
        published = [quantity.factor * point.published for point in points]
        axes.plot(counts, published, "D", color=row_colour(number), fillstyle="none")
        told = ", ".join(f"{quantity.text(point.value)} at {point.paintings}" for point in points)
        words.append(f"{label} {told}".strip())
    every = sorted({point.paintings for points in series.values() for point in points})
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(every, [str(count) for count in every])
    text = f"{quantity.heading} against N. {'; '.join(words)}."
    return as_svg(axes.figure, f"n-{name}", text)


def _each(
    labels: Sequence[str], values: Values, words: Callable[[NDArray[np.float64]], str]
) -> str:
    return "; ".join(f"{labels[number]} {words(some)}" for number, some in values.items())
