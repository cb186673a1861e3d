"""Charts of pixels: how wrong they are at which depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfh.evaluation.page.charts.pixels import DepthBin, PixelErrors
from mfh.html.axes import (
    WIDTH_PT,
    new_axes,
    row_line,
    set_log_axis,
    set_ratio_axis,
)
from mfh.html.markup import Html
from mfh.html.svg import GRID, MUTED, as_svg, row_colour

Bins = Mapping[int, Sequence[DepthBin]]
"""Errors by true depth, by the number of the row; some bin of each row at least."""

_DEPTH_LABEL = "true depth, m (log)"


def error_by_depth(bins: Bins, labels: Sequence[str]) -> Html:
    """AbsRel of the pixels of each true depth, over bars of how many there are."""
    axes = new_axes(_DEPTH_LABEL, "AbsRel, %")
    _depth_axis(axes, bins)
    words = []
    for number, some in bins.items():
        values = [100 * each.abs_rel for each in some]
        axes.plot(_middles(some), values, marker="o", markersize=3.5, **row_line(number))
        worst = max(some, key=lambda each: each.abs_rel)
        words.append(
            f"{labels[number]} {100 * worst.abs_rel:.1f} % "
            f"at {worst.low_m:.2g} to {worst.high_m:.2g} m"
        )
    axes.set_ylim(bottom=0)
    return as_svg(axes.figure, "depth", f"AbsRel by true depth. Highest: {'; '.join(words)}.")


def bias_by_depth(bins: Bins, labels: Sequence[str]) -> Html:
    """Predicted / true of the pixels of each true depth: median and middle half."""
    axes = new_axes(_DEPTH_LABEL, "predicted / true (log)")
    _depth_axis(axes, bins)
    axes.axhline(0, color=MUTED, linewidth=1)
    words = []
    reach = 0.12
    for number, some in bins.items():
        low, median, high = np.transpose([each.log_ratio for each in some])
        middles = _middles(some)
        axes.fill_between(middles, low, high, color=row_colour(number), alpha=0.15, linewidth=0)
        axes.plot(middles, median, marker="o", markersize=3.5, **row_line(number))
        words.append(
            f"{labels[number]} {math.exp(median[0]):.2f} near, {math.exp(median[-1]):.2f} far"
        )
        reach = max(reach, 1.05 * float(np.abs([low, high]).max()))
    set_ratio_axis(axes.yaxis, reach)
    text = f"Median of predicted / true by true depth: {'; '.join(words)}."
    return as_svg(axes.figure, "bias", text)


def scatter(errors: PixelErrors, number: int, label: str) -> Html:
    """Predicted against true depth of the pixels of one row, as their density."""
    axes = new_axes(_DEPTH_LABEL, "predicted depth, m (log)", height_pt=0.88 * WIDTH_PT)
    first, last = errors.filled_bins()
    counts = errors.density[first : last + 1, first : last + 1].T
    low_m, high_m = float(errors.edges_m[first]), float(errors.edges_m[last + 1])
    ends = (math.log10(low_m), math.log10(high_m))
    # Half a pixel where there is none: the lowest colour.
    density = np.log10(np.maximum(counts, 0.5))
    axes.imshow(density, "viridis", origin="lower", extent=(*ends, *ends), interpolation="nearest")
    axes.grid(False)
    axes.plot(ends, ends, color="white", linewidth=1, linestyle=(0, (4, 3)))
    for axis in (axes.xaxis, axes.yaxis):
        set_log_axis(axis, low_m, high_m, as_log10=True)
    near, far = (errors.true_percentile_m(percent) for percent in (5, 95))
    description = (
        f"{label}: density of predicted against true depth, {errors.count} pixels, "
        f"most of them {near:.2g} to {far:.2g} m away."
    )
    return as_svg(axes.figure, f"scatter{number}", description)


def _middles(bins: Sequence[DepthBin]) -> list[float]:
    return [math.sqrt(each.low_m * each.high_m) for each in bins]


def _depth_axis(axes: Any, bins: Bins) -> None:
    """Span the depths, with bars, on a scale of their own, of how many pixels there are at each."""
    widest = max(bins.values(), key=len)
    shares = axes.twinx()
    shares.set_axis_off()
    shares.bar(
        [each.low_m for each in widest],
        [each.share for each in widest],
        width=[0.94 * (each.high_m - each.low_m) for each in widest],
        align="edge",
        color=GRID,
    )
    shares.set_ylim(0, 3 * max(each.share for each in widest))
    axes.set_zorder(shares.get_zorder() + 1)
    every = [each for some in bins.values() for each in some]
    low, high = min(each.low_m for each in every), max(each.high_m for each in every)
    set_log_axis(axes.xaxis, low, high)
