"""Metric depth in Matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mfh.errors import MissingPartError
from mfh.records import MetricDepth
from mfh.results.colour_scale import DEPTH, ColourScale, depth_scale, in_colours
from mfh.results.uncertainty import error_in_words, percent_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

_BAR = (1.03, 0.0, 0.04, 1.0)  # left, bottom, width and height in axes
_LEAST_GAP = 0.07  # between two labels of a bar in a figure of the usual size


def plot(result: MetricDepth, ax: Axes | None = None) -> Axes:
    """Draw depth as `MetricDepth.plot` describes it."""
    try:
        from matplotlib import colormaps, colors  # noqa: PLC0415 - takes a fifth of a second
        from matplotlib import pyplot as plt  # noqa: PLC0415 - and half a second more
    except ImportError as error:
        raise MissingPartError(
            f"plot: Matplotlib cannot be imported ({error}); get it with: pip install matplotlib"
        ) from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    height, width = result.depth_m.shape
    sides = (0, width, height, 0)  # pixel (0, 0) covers [0, 1) x [0, 1)
    ax.imshow(in_colours(result.depth_m, None), extent=sides, interpolation="nearest")
    scale = depth_scale(result.depth_m)
    if scale is not None:
        norm = colors.LogNorm if scale.logarithmic else colors.Normalize
        drawn = ax.imshow(
            np.ma.masked_invalid(result.depth_m),
            cmap=colormaps[DEPTH.colormap],
            norm=norm(scale.low, scale.high),
            extent=sides,
            interpolation="nearest",
        )
        _add_bar(ax, drawn, scale, width / height)
    ax.set(xlabel="x in px", ylabel="y in px")
    ax.set_title(_title(result), fontsize="medium", wrap=True)
    return ax


def _add_bar(ax: Axes, drawn: ScalarMappable, scale: ColourScale, aspect: float) -> None:
    """Add a bar as high as the map, with the labels of the depth picture."""
    bar = ax.figure.colorbar(drawn, cax=ax.inset_axes(_BAR), label="Depth in metres")
    ticks = scale.ticks(min_gap=_LEAST_GAP * max(1.0, aspect))
    values = bar.norm.inverse(np.array([fraction for fraction, _ in ticks]))
    bar.set_ticks(values, labels=[label for _, label in ticks])
    bar.minorticks_off()


def _title(result: MetricDepth) -> str:
    simulated = "Simulated. " if result.simulated else ""
    if result.knows_error:
        return f"{simulated}{percent_in_words(result.relative_error)} (1 sigma)"
    return f"{simulated}{error_in_words(result)}"
