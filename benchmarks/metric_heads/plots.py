"""Plots of the metric heads' figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from metric_heads.cases import PAINTINGS
from metric_heads.cells import Cells
from metric_heads.scores import LEVELS, SIGMAS

_LINES: Mapping[str, Mapping[str, Any]] = {
    "SILog (paper)": {"color": "#c44e52", "marker": "o"},
    # With scale and offset both free, SILog and log L2 have one minimum: the lines coincide.
    "log L2": {"color": "#e6b422", "marker": ".", "ls": "--"},
    "median ratio": {"color": "#8c8c8c", "marker": "o"},
    "robust": {"color": "#2f6db3", "marker": "o"},
}
_PANELS = ("default", "one distance", "30 % outliers")
_HIGHEST = 0.6
_STYLE: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9}


def plot_errors(cells: Cells, group: str, path: Path) -> None:
    """AbsRel against the number of paintings, a line for each method."""
    panels = [errors for errors in _PANELS if errors in cells.errors]
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(2.8 * len(panels) + 1.5, 3.0), sharey=True, squeeze=False
        )
        for axis, errors in zip(axes[0], panels, strict=True):
            for method in cells.methods:
                means = [cells.cell(group, errors, n, method).mean("abs_rel") for n in PAINTINGS]
                axis.plot(PAINTINGS, means, ms=3, label=method, **_LINES[method])
            axis.axhline(cells.floor(group, errors), color="black", lw=0.8, ls=":", label="floor")
            axis.set_xscale("log", base=2)
            axis.set_xticks(PAINTINGS, [str(n) for n in PAINTINGS])
            axis.set_title(errors, fontsize=9)
            axis.set_xlabel("N, paintings")
            axis.grid(axis="y", lw=0.3)
        axes[0, 0].set_ylim(0, min(axes[0, 0].get_ylim()[1], _HIGHEST))
        axes[0, 0].set_ylabel("AbsRel")
        axes[0, -1].legend(frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5))
        figure.savefig(path, dpi=130, bbox_inches="tight")
        plt.close(figure)


def plot_coverage(cells: Cells, group: str, path: Path, method: str = "robust") -> None:
    """How often intervals hold the truth against how often they should, of maps and of pixels."""
    panels = [errors for errors in _PANELS if errors in cells.errors]
    shades = plt.get_cmap("viridis")(np.linspace(0.05, 0.85, len(PAINTINGS)))
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            2, len(panels), figsize=(2.9 * len(panels) + 0.4, 5.6), sharex=True, sharey=True,
            squeeze=False,
        )  # fmt: skip
        for column, errors in enumerate(panels):
            for count, colour in zip(PAINTINGS, shades, strict=True):
                cell = cells.cell(group, errors, count, method)
                maps = [cell.map_coverage(sigmas) for sigmas in SIGMAS]
                for axis, covered in zip(axes[:, column], (maps, cell.pixel_coverage), strict=True):
                    axis.plot(LEVELS, covered, color=colour, lw=1.2, label=f"N = {count}")
            for axis in axes[:, column]:
                axis.plot([0, 1], [0, 1], color="black", lw=0.7, ls=":")
                axis.set_aspect("equal")
            axes[0, column].set_title(errors, fontsize=9)
            axes[1, column].set_xlabel("probability of the interval")
        axes[0, 0].set_ylabel("whole maps covered")
        axes[1, 0].set_ylabel("pixels covered")
        axes[0, 0].legend(frameon=False, fontsize=8)
        figure.tight_layout()
        figure.savefig(path, dpi=130)
        plt.close(figure)
