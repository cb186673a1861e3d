"""Axes of the page's charts: their look, and ticks at round numbers of logarithmic ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mfh.html.svg import GRID, INK, MUTED, ROW_COLOURS, SETTINGS, row_colour

WIDTH_PT, HEIGHT_PT = 400.0, 280.0  # legible on a phone, where a chart is about 340 px wide
_MOST_TICKS = 7

# Lengths of dashes and gaps in widths of the line.
_DASHES: Sequence[tuple[float, ...]] = ((), (5, 2), (1.5, 1.5), (5, 1.5, 1.5, 1.5))
_RATIOS: Sequence[tuple[float, ...]] = (
    (1.05, 1.1),
    (1.1, 1.25),
    (1.25, 1.5),
    (1.25, 1.5, 2),
    (1.5, 2, 4),
    (2, 4, 8),
)


def dashes(number: int) -> tuple[float, ...]:
    """How the line of row `number` is broken: rows differ in more than colour."""
    return _DASHES[(number + number // ROW_COLOURS) % len(_DASHES)]


def row_line(number: int) -> dict[str, Any]:
    """How the line of row `number` is drawn."""
    pattern = (0, dashes(number)) if dashes(number) else "-"
    return {"color": row_colour(number), "linestyle": pattern, "linewidth": 1.8}


def new_axes(x_label: str, y_label: str, height_pt: float = HEIGHT_PT) -> Any:
    """Matplotlib `Axes` in a figure of their own."""
    from matplotlib import rc_context  # noqa: PLC0415 - takes a fifth of a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context(SETTINGS):
        size = (WIDTH_PT / 72, height_pt / 72)
        axes = Figure(figsize=size, layout="constrained", facecolor="none").add_subplot()
        axes.set_facecolor("none")
        axes.set_axisbelow(True)
        axes.grid(color=GRID, linewidth=0.8)
        axes.tick_params(color=MUTED, labelcolor=INK, which="both")
        axes.set_xlabel(x_label, color=INK)
        axes.set_ylabel(y_label, color=INK)
    for side, spine in axes.spines.items():
        spine.set_color(MUTED)
        spine.set_visible(side in {"left", "bottom"})
    return axes


def set_log_axis(axis: Any, low: float, high: float, *, as_log10: bool = False) -> None:
    """Span `low` to `high` by equal ratios, with ticks at 1, 2 and 5 times powers of ten.

    as_log10: whether the axis is linear, of log10 of the values.
    """
    ticks = _round_values(low, high)
    places = [math.log10(tick) for tick in ticks] if as_log10 else ticks
    if not as_log10:
        _set_scale(axis, "log")
        axis.axes.minorticks_off()
    axis.set_ticks(places, [f"{tick:.3g}" for tick in ticks])
    ends = (math.log10(low), math.log10(high)) if as_log10 else (low, high)
    _set_limits(axis, *ends)


def set_ratio_axis(axis: Any, reach: float) -> None:
    """Span log ratios from -reach to reach, with ticks at round ratios and their inverses."""
    steps = next((some for some in _RATIOS if math.log(some[-1]) > 0.62 * reach), _RATIOS[-1])
    above = [ratio for ratio in steps if math.log(ratio) <= reach]
    ratios = [*(1 / ratio for ratio in reversed(above)), 1.0, *above]
    labels = [f"{round(ratio, 2):g}" for ratio in ratios]
    axis.set_ticks([math.log(ratio) for ratio in ratios], labels)
    _set_limits(axis, -reach, reach)


def _round_values(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        values = [m * 10.0**k for k in decades for m in mantissas if low <= m * 10.0**k <= high]
        if len(values) <= _MOST_TICKS:
            break
    return values if len(values) > 1 else [low, high]


def _set_scale(axis: Any, scale: str) -> None:
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)(scale)


def _set_limits(axis: Any, low: float, high: float) -> None:
    (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(low, high)
