"""Make docs/images/how_*: each step of the method, drawn from a simulated run over the demo's room.

    python scripts/make_docs_pictures.py

Pictures are made of what the stages hand to each other, so that they show what the text says.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

import mfh
from mfh.errors import NoLandmarksError
from mfh.head.votes import gather_votes
from mfh.people.anny import AnnyRegressor, load_body
from mfh.prediction import Prediction
from mfh.rendering import render_depth
from mfh.simulation import (
    SimulatedDetector,
    SimulatedErrors,
    SimulatedWorld,
    load_demo_scene,
    simulated_parts,
)

_IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
_SHOWN = (1, 2, 7)
"""Which paintings are shown: two of people in full view, and a near one."""
_DPI = 110
_QUALITY = 84
_VOTE = "#0b7285"
_ASIDE = "#c92a2a"
_FIT = "#d9480f"
_LIMBS = (
    (5, 7), (7, 9), (6, 8), (8, 10), (5, 6), (5, 11), (6, 12), (11, 12),
    (11, 13), (13, 15), (12, 14), (14, 16), (0, 5), (0, 6),
)  # fmt: skip


def simulated_run(errors: SimulatedErrors) -> tuple[SimulatedWorld, Prediction]:
    """A run over the demo's room."""
    world = SimulatedWorld(*load_demo_scene(), errors, seed=0)
    method = mfh.MetricFromHuman(**simulated_parts(world))
    return world, method.run(world.photo)


def painted(run: Prediction) -> Figure:
    """The photo, and people painted into strips of it."""
    figure, axes = _row(1 + len(_SHOWN), "the photo", *(f"“{_prompt(run, k)}”" for k in _SHOWN))
    axes[0].imshow(run.working.image)
    for axis, index in zip(axes[1:], _SHOWN, strict=True):
        axis.imshow(run.images.images[index])
        _show_strip(axis, run.images.repainted[index])
    return figure


def measured(run: Prediction) -> Figure:
    """The depth of the meshes where they count."""
    figure, axes = _row(len(_SHOWN), *("" for _ in _SHOWN))
    nearest = min(float(np.nanmin(run.landmarks[index].depth_m)) for index in _SHOWN)
    farthest = max(float(np.nanmax(run.landmarks[index].depth_m)) for index in _SHOWN)
    span = Normalize(nearest, farthest)
    colours = ScalarMappable(span, "plasma_r")
    for axis, index in zip(axes, _SHOWN, strict=True):
        axis.imshow(_faded(run.images.images[index]))
        depth_m = run.landmarks[index].depth_m
        axis.imshow(depth_m, cmap=colours.cmap, norm=span)
        axis.set_title(f"median {np.nanmedian(depth_m):.1f} m", fontsize=11)
    figure.colorbar(colours, ax=axes, label="depth of the mesh, m", shrink=0.86, pad=0.015)
    return figure


def aligned(run: Prediction) -> Figure:
    """Disparity of the photo and of a painted one, before and after the alignment."""
    index = _SHOWN[1]
    maps = (run.disparity.values[0], run.disparity.values[index], run.aligned.values[index])
    titles = ("of the photo", "of a painted photo, as the model gives it", "the same, aligned")
    figure, axes = _row(3, *titles)
    low, high = np.percentile(np.stack([maps[0], maps[1]]), (0, 99.5))
    span = Normalize(low, high)
    colours = ScalarMappable(span, "magma")
    for axis, values in zip(axes, maps, strict=True):
        axis.imshow(values, cmap=colours.cmap, norm=span)
    for axis in axes[1:]:
        _show_strip(axis, run.images.repainted[index])
    figure.colorbar(colours, ax=axes, label="relative disparity", shrink=0.86, pad=0.015)
    return figure


def votes(run: Prediction) -> Figure:
    """The vote of each person, and the line that the metric head puts through them."""
    images = [k for k, landmarks in enumerate(run.landmarks) if len(landmarks.weight)]
    own = gather_votes((run.aligned.values[k], run.landmarks[k]) for k in images)
    used = run.head.used
    d = np.linspace(0, 1.05 * max(own.disparity.max(), float(run.disparity.values[0].max())), 200)
    line = run.head.scale * d + run.head.offset
    # Of the fit alone: what the disparity itself adds to a pixel is not of the line.
    sigma = np.sqrt(np.einsum("ki,ij,kj->k", _rows(d), run.head.covariance, _rows(d)))
    figure = Figure(figsize=(8.2, 4.4), dpi=_DPI, layout="constrained")
    axis = figure.subplots()
    axis.fill_between(
        d, line - sigma, line + sigma, color=_FIT, alpha=0.18, lw=0, label="± 1 sigma"
    )
    axis.plot(d, line, color=_FIT, lw=2, label="the metric head: scale · disparity + offset")
    axis.scatter(
        own.disparity[used], 1 / own.depth_m[used], color=_VOTE, zorder=3, label="a person's vote"
    )
    axis.scatter(
        own.disparity[~used],
        1 / own.depth_m[~used],
        color=_ASIDE,
        marker="x",
        s=60,
        zorder=3,
        label="set aside: contradicts the others",
    )
    axis.set_xlim(0, d[-1])
    axis.set_ylim(0, 1.15 * max((1 / own.depth_m).max(), line.max()))
    axis.set_xlabel("relative disparity where the person stands (larger is nearer)")
    axis.set_ylabel("1 / depth of the mesh, 1/m")
    metres = axis.secondary_yaxis("right")
    ticks_m = np.array([0.8, 1, 1.5, 2, 3, 5, 10])
    ticks_m = ticks_m[1 / ticks_m < axis.get_ylim()[1]]
    metres.set_yticks(1 / ticks_m, [f"{tick:g} m" for tick in ticks_m])
    axis.spines["top"].set_visible(False)
    axis.legend(frameon=False, loc="upper left")
    return figure


def depth(world: SimulatedWorld, run: Prediction) -> Figure:
    """Photo, depth and its error."""
    figure, axes = _row(3, "the photo", "its depth", "the error to expect (1 sigma)")
    axes[0].imshow(world.photo.image)
    shown = axes[1].imshow(run.depth.depth_m, cmap="plasma_r")
    figure.colorbar(shown, ax=axes[1], label="m", shrink=0.7, pad=0.02)
    error = axes[2].imshow(
        100 * run.head.relative_error_of(run.disparity.values[0]), cmap="viridis"
    )
    figure.colorbar(error, ax=axes[2], label="per cent", shrink=0.7, pad=0.02)
    return figure


def fitted(world: SimulatedWorld, run: Prediction) -> Figure:
    """What is seen of people, and the body that is fitted to it."""
    photo = run.working
    detections = list(SimulatedDetector(world).detect(photo, run.images))
    meshes = AnnyRegressor().regress(
        list(run.images.images), detections, photo.camera, run.images.prompts
    )
    figure, axes = _row(2 * len(_SHOWN), *(["seen", "fitted"] * len(_SHOWN)), aspect=0.52)
    for place, index in enumerate(_SHOWN):
        image, found, mesh = run.images.images[index], detections[index], meshes[index]
        if found.keypoints_px is None or not len(found) or mesh.refused[0]:
            raise NoLandmarksError(f"painting {index}: nobody is fitted; show another one")
        _show_seen(axes[2 * place], image, found.mask[0], found.keypoints_px[0])
        depth_m = render_depth(mesh.vertices_m[:1], load_body().faces, photo.camera)[0]
        axes[2 * place + 1].imshow(_faded(image))
        axes[2 * place + 1].imshow(depth_m, cmap="plasma_r")
        distance_m, error = mesh.vertices_m[0, :, 2].mean(), 100 * mesh.relative_error[0]
        axes[2 * place + 1].set_title(f"{distance_m:.1f} m ± {error:.0f} %", fontsize=11)
        for axis in axes[2 * place : 2 * place + 2]:
            _show_around(axis, found.box_px[0], photo.shape)
    return figure


def _show_seen(
    axis: Axes, image: NDArray[np.uint8], mask: NDArray[np.bool_], points: NDArray[np.float32]
) -> None:
    axis.imshow(_faded(image))
    axis.contour(mask, levels=[0.5], colors=[_VOTE], linewidths=1.6)
    for start, end in _LIMBS:
        axis.plot(*points[[start, end]].T, color="white", lw=2.6)
        axis.plot(*points[[start, end]].T, color=_FIT, lw=1.4)
    axis.scatter(
        points[:, 0], points[:, 1], s=13, color=_FIT, edgecolors="white", linewidths=0.6, zorder=3
    )


def _show_around(axis: Axes, box_px: NDArray[np.float32], shape: tuple[int, int]) -> None:
    """Show a window of one aspect around a box."""
    x0, y0, x1, y1 = box_px
    tall = 1.14 * max(y1 - y0, (x1 - x0) / 0.52)
    middle = np.clip((y0 + y1) / 2, tall / 2, max(tall / 2, shape[0] - tall / 2))
    axis.set_xlim((x0 + x1) / 2 - 0.26 * tall, (x0 + x1) / 2 + 0.26 * tall)
    axis.set_ylim(middle + tall / 2, middle - tall / 2)


def _rows(d: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([d, np.ones_like(d)], axis=1)


def _prompt(run: Prediction, index: int) -> str:
    return run.images.prompts[index]


def _faded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image that leaves the eye to what is drawn over it."""
    grey: NDArray[np.uint8] = (0.35 * image.mean(axis=2) + 155).astype(np.uint8)
    return np.stack([grey] * 3, axis=2)


def _show_strip(axis: Axes, repainted: NDArray[np.bool_]) -> None:
    columns = np.flatnonzero(repainted.any(axis=0))
    for column in (columns[0], columns[-1] + 1):
        axis.axvline(column - 0.5, color="black", lw=2.4)
        axis.axvline(column - 0.5, color="white", lw=1.2)


def _row(count: int, *titles: str, aspect: float = 4 / 3) -> tuple[Figure, Sequence[Axes]]:
    """Images side by side, 10 inches wide."""
    height = 10 / count / aspect + 0.35
    figure = Figure(figsize=(10, height), dpi=_DPI, layout="constrained")
    axes = figure.subplots(1, count)
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=11)
        axis.set_axis_off()
    return figure, axes


def _save(figure: Figure, name: str) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight", pad_inches=0.06)
    path = _IMAGES / f"how_{name}.jpg"
    Image.open(drawn).convert("RGB").save(path, quality=_QUALITY, optimize=True)
    print(f"wrote {path} ({path.stat().st_size / 1000:.0f} kB)")


def main() -> None:
    """Make every picture."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    mpl.rcParams["font.family"] = "DejaVu Sans"
    world, run = simulated_run(SimulatedErrors.default())
    _save(painted(run), "painted")
    _save(measured(run), "measured")
    _save(aligned(run), "aligned")
    _save(votes(run), "votes")
    _save(depth(world, run), "depth")
    _save(fitted(world, run), "fitted")


if __name__ == "__main__":
    main()
