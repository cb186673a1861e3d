"""How well metric heads do with few people, bad people, and people at one distance.

    python benchmarks/metric_head.py [--scenes 200] [--kind room street] [--errors NAME ...]
        [--photo PHOTO --depth TRUTH --intrinsics K.json ...] [--results FILE] [--write]

Simulated scenes of known depth, with named error models from none to strong; for each, the stages
are run once and every method is fitted to the first 1, 2, 4, ... 32 of the same paintings.
`--results` keeps the figures of each scene, and does not run again those it has. `--write` puts
tables and plots into docs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from metric_heads.cases import (
    ERRORS,
    ERRORS_IN_WORDS,
    FAR_CAP_M,
    FIRST_SEED,
    NEAR_CAP_M,
    PAINTINGS,
    Case,
    RealPhoto,
)
from metric_heads.cells import Cells, sections
from metric_heads.plots import plot_coverage, plot_errors
from metric_heads.scores import METHODS, NEAREST_M, Score, fit_seconds, score_case

_DOCS = Path(__file__).resolve().parent.parent / "docs"
_DOCUMENT = _DOCS / "benchmarks_metric_head.md"
_KEPT_EVERY = 100

Pictures = dict[str, list[tuple[str, str]]]
"""For each group, the titles and file names of its plots."""


def cases_of(asked: argparse.Namespace) -> list[Case]:
    """The scenes that were asked for."""
    photos = [
        RealPhoto(*files) for files in zip(asked.photo, asked.depth, asked.intrinsics, strict=True)
    ]
    return [
        Case(source, errors, FIRST_SEED + index, asked.height)
        for source in [*asked.kind, *photos]
        for errors in asked.errors
        for index in range(asked.scenes)
    ]


def run(
    cases: Sequence[Case], methods: Sequence[str], jobs: int, results: Path | None
) -> list[Score]:
    """Score all scenes, in processes of their own; those that `results` holds are done."""
    scores = _read(results)
    done = {(score.group, score.errors, score.seed) for score in scores}
    cases = [case for case in cases if (case.group, case.errors, case.seed) not in done]
    # Each process does its sums alone.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    with get_context("spawn").Pool(jobs) as pool:
        each = pool.imap_unordered(partial(score_case, names=methods), cases)
        for index, found in enumerate(_with_progress(each, len(cases)), 1):
            scores += found
            if index % _KEPT_EVERY == 0:
                _keep(results, scores)
    _keep(results, scores)
    return scores


def document(
    cells: Cells, asked: argparse.Namespace, seconds: dict[str, float], pictures: Pictures
) -> str:
    """The page, from title to last table."""
    names = "\n".join(f"- `{name}`: {ERRORS_IN_WORDS[name]}." for name in cells.errors)
    parts = [
        f"""# Metric heads compared

Written by `benchmarks/metric_head.py --write`; every method is fitted to the same people of the
same simulated runs. Photos are {asked.height} px high: a random room or street each, of seed
{FIRST_SEED} or above (those below are for setting what a method assumes), or a real photo with
truth, where every seed stands for other paintings and errors. What the simulated stages do wrong is
one of these:

{names}

N counts painted photos with people in them, as the paper does; with a smaller N they are the first
of the same, and a scene with room for too few is left out. Predictions are clamped to
{1000 * NEAREST_M:g} mm .. {NEAR_CAP_M:g} m in rooms and {FAR_CAP_M:g} m in streets, and farther
truth does not count, as for NYU Depth V2 and KITTI (a real photo is a room where its truth is that
near); what a head calls "farther than can be told" counts as the farthest. Every figure is over the
scenes in which all methods gave an answer. SILog and log L2 have one and the same minimum where
scale and offset are both fitted. "median ratio" has no offset: its scale is the median over people
of each one's median of 1 / (disparity * depth).

A fit to {max(PAINTINGS)} paintings of 480x640 px takes {_times(seconds)}: medians of this run, on
{os.cpu_count()} CPU cores ({platform.machine()}), Python {platform.python_version()}, NumPy \
{version("numpy")}, SciPy {version("scipy")}.
"""
    ]
    for group in cells.groups:
        parts.append(f"## {group.capitalize()}: {cells.scenes(group)} scenes an error model\n")
        parts += [f"![{alt}](images/{name})\n" for alt, name in pictures[group]]
        parts += sections(cells, group)
    return "\n".join(parts)


def draw(cells: Cells, folder: Path) -> Pictures:
    """Draw the plots of every group."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures: Pictures = {}
    for group in cells.groups:
        name = f"metric_head_{group}.png"
        plot_errors(cells, group, folder / name)
        pictures[group] = [(f"AbsRel against N, {group}", name)]
        if "robust" in cells.methods:
            name = f"metric_head_coverage_{group}.png"
            plot_coverage(cells, group, folder / name)
            pictures[group].append((f"How often intervals hold the truth, {group}", name))
    return pictures


def _times(seconds: dict[str, float]) -> str:
    return ", ".join(f"{1000 * value:.0f} ms by {name}" for name, value in seconds.items())


def _with_progress(scores: Iterator[list[Score]], total: int) -> Iterator[list[Score]]:
    started = time.monotonic()
    for done, each in enumerate(scores, 1):
        left = (time.monotonic() - started) / done * (total - done)
        print(f"\r{done} of {total} scenes, {left / 60:.1f} min left  ", end="", file=sys.stderr)
        yield each
    print(file=sys.stderr)


def _read(results: Path | None) -> list[Score]:
    if results is None or not results.exists():
        return []
    return [Score.from_json(each) for each in json.loads(results.read_text(encoding="utf-8"))]


def _keep(results: Path | None, scores: Sequence[Score]) -> None:
    if results is not None:
        unfinished = results.with_name(results.name + ".part")
        unfinished.write_text(json.dumps([score.as_json() for score in scores]), encoding="utf-8")
        unfinished.replace(results)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scenes", type=int, default=200, help="of each kind and error model")
    parser.add_argument("--kind", nargs="*", default=["room", "street"], choices=["room", "street"])
    parser.add_argument("--errors", nargs="*", default=list(ERRORS), choices=list(ERRORS))
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--height", type=int, default=240, help="of the photos, in px")
    parser.add_argument("--photo", type=Path, action="append", default=[])
    parser.add_argument("--depth", type=Path, action="append", default=[])
    parser.add_argument("--intrinsics", type=Path, action="append", default=[])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, help="JSON file to keep each scene's figures in")
    parser.add_argument("--write", action="store_true", help=f"into docs/{_DOCUMENT.name}")
    asked = parser.parse_args()
    if not len(asked.photo) == len(asked.depth) == len(asked.intrinsics):
        parser.error("give --depth and --intrinsics once for each --photo")
    return asked


def main() -> None:
    """Run, print, and write what is asked for."""
    asked = _asked()
    cells = Cells(run(cases_of(asked), asked.methods, asked.jobs, asked.results))
    seconds = fit_seconds(asked.methods)
    if asked.write:
        text = document(cells, asked, seconds, draw(cells, _DOCS / "images"))
        _DOCUMENT.write_text(text, encoding="utf-8")
        print(f"wrote {_DOCUMENT}")
    else:
        for group in cells.groups:
            print(f"## {group}\n", *sections(cells, group), sep="\n")
        print(f"Fitting {max(PAINTINGS)} paintings of 480x640 px: {_times(seconds)}")


if __name__ == "__main__":
    main()
