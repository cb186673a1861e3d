"""The charts of the measures, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from mfh.evaluation.consistency.kitti_objects import CLASSES
from mfh.evaluation.consistency.spatial import ObjectDepth
from mfh.evaluation.consistency.temporal import PairScore, frame_scores
from mfh.evaluation.runs.run_file import RowInfo
from mfh.files import atomic_path

_DPI = 144
_WIDEST = 30  # letters above a panel
_TRUE_COLOUR = "0.35"
_DASHES: Sequence[Any] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 1.5, 1.5, 1.5)))


def draw_temporal(
    path: Path, rows: Sequence[RowInfo], scores: Sequence[PairScore], title: str
) -> None:
    """Inconsistency of each frame, a line a row, as the paper's Figure 5. Raises `OutputError`.

    Where a frame has none the line is broken.
    """
    figure = _figure(7.2, 4.2)
    axes = figure.add_subplot()
    for number, row in enumerate(rows):
        by_frame = {s.frame: s.inconsistency for s in frame_scores(scores) if s.row == row.key}
        if not by_frame:
            continue
        frames = np.arange(min(by_frame), max(by_frame) + 1)
        values = [by_frame.get(int(frame), np.nan) for frame in frames]
        axes.plot(
            frames,
            values,
            color=f"C{number % 10}",
            linestyle=_DASHES[number % len(_DASHES)],
            linewidth=1.6,
            marker="." if len(by_frame) < 60 else None,
            clip_on=False,
            label=_plain(row.label),
        )
    axes.set(xlabel="frame", ylabel="|d' - d| / |d' + d|, mean over pixels")
    axes.set_title(_plain(title), fontsize="medium")
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(frameon=False, loc="outside lower center")
    _finish(axes)
    _save(figure, path)


def draw_spatial(path: Path, rows: Sequence[RowInfo], depths: Sequence[ObjectDepth]) -> None:
    """Height of each box against depth, as the paper's Figures 4 and 7. Raises `OutputError`.

    A line of panels a class: the label's depth first, then the median of each row.
    """
    columns = 1 + len(rows)
    figure = _figure(1.2 + 2.6 * columns, 7.2)
    grid = figure.subplots(len(CLASSES), columns, sharex=True, sharey="row", squeeze=False)
    for kind, panels in zip(CLASSES, grid, strict=True):
        of_kind = [each for each in depths if each.labelled.kind == kind]
        # Rows may lack photos: what is true of an object is drawn once.
        labelled = list(dict.fromkeys(each.labelled for each in of_kind))
        _scatter(
            panels[0],
            [each.z_m for each in labelled],
            [each.height_px for each in labelled],
            _TRUE_COLOUR,
        )
        panels[0].set_ylabel(f"{kind}\nheight of the box, px")
        for number, (row, panel) in enumerate(zip(rows, panels[1:], strict=True)):
            of_row = [each for each in of_kind if each.row == row.key]
            _scatter(
                panel,
                [each.predicted_m for each in of_row],
                [each.labelled.height_px for each in of_row],
                f"C{number % 10}",
            )
        for panel in panels:
            _finish(panel)
    titles = ("label", *(row.label for row in rows))
    for panel, title in zip(grid[0], titles, strict=True):
        panel.set_title(_plain(fill(title, _WIDEST)), fontsize="medium")
    for panel in grid[-1]:
        panel.set_xlabel("depth, m")
    grid[0, 0].set_xlim(left=0)
    _save(figure, path)


def _figure(width_in: float, height_in: float) -> Any:
    """A figure apart from pyplot, which would open a window somewhere."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - takes a fifth of a second

    return Figure(figsize=(width_in, height_in), layout="constrained")


def _scatter(axes: Any, depth_m: Sequence[float], height_px: Sequence[float], colour: str) -> None:
    opacity = min(0.8, max(0.08, 10 / (len(depth_m) + 1) ** 0.5))
    axes.scatter(depth_m, height_px, s=7, color=colour, alpha=opacity, linewidths=0, clip_on=False)
    axes.set_ylim(bottom=0)


def _finish(axes: Any) -> None:
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _plain(text: str) -> str:
    """A text in which nothing is taken for a formula."""
    return text.replace("$", r"\$")


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DPI)
