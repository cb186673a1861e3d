"""How well people are measured from keypoints and masks, against rendered bodies of known depth.

    python benchmarks/people_fitting.py                 the bodies that judge; prints the tables
    python benchmarks/people_fitting.py --write         and writes docs/benchmarks_people.md
    python benchmarks/people_fitting.py --development   other bodies, to work on the fitter with

Bodies, cameras, keypoints and masks are those of `tests/people_truth.py` and
`tests/people_observations.py`; what the columns mean is in `tests/people_scores.py`.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from tables import markdown

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from people_observations import ObservedPhoto, Shot, observe_all
from people_scores import Score, absolute_percentile, coverage, measured, score_all
from people_truth import Person, Split, load_people

from mfh.people.anny import AnnyRegressor

_DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks_people.md"
_PHOTOS = 12
_SEEDS: dict[Split, int] = {"held out": 9_000, "development": 100}
_TIMED = 32
_SITTING = ("sitting", "sitting on the floor", "crouching")

Kind = tuple[str, Callable[[Score], bool]]


def _facing(*kinds: str) -> Callable[[Score], bool]:
    return lambda s: (
        s.shot.condition == "facing"
        and s.shot.told
        and not s.shot.person.is_child
        and s.shot.person.kind in kinds
    )


def _as(condition: str) -> Callable[[Score], bool]:
    return lambda s: s.shot.condition == condition and not s.shot.person.is_child


def _plain(score: Score) -> bool:
    """The kinds of which the first row speaks: adults, all in the image, nothing before them."""
    shot = score.shot
    return shot.told and not shot.person.is_child and shot.condition in ("facing", "turned")


KINDS: tuple[Kind, ...] = (
    ("**all of standing, walking, sitting, turned**", _plain),
    ("standing", _facing("standing")),
    ("walking", _facing("walking")),
    ("sitting, crouching", _facing(*_SITTING)),
    ("turned away, all poses", _as("turned")),
    ("truncated by the image's border", _as("truncated")),
    ("about half hidden", _as("occluded")),
    ("standing, sex not told", lambda s: not s.shot.told and not s.shot.person.is_child),
    ("child", lambda s: s.shot.person.is_child and s.shot.told),
    ("child, not told", lambda s: s.shot.person.is_child and not s.shot.told),
)


def shots_of(people: Sequence[Person], repeats: int) -> list[Shot]:
    """Everybody facing, turned, truncated and hidden; children facing, announced and not."""
    shots = []
    for person in people:
        if person.is_child:
            shots += [Shot(person), Shot(person, told=False)]
            continue
        shots += [Shot(person), Shot(person, "turned"), Shot(person, "truncated")]
        shots.append(Shot(person, "occluded"))
        if person.kind == "standing":
            shots += [Shot(person), Shot(person, told=False)]
    return shots * repeats


def table(scores: Sequence[Score]) -> str:
    """A row a kind; shares and errors in per cent."""
    rows = []
    for name, belongs in KINDS:
        of_kind = [each for each in scores if belongs(each)]
        if not of_kind:
            continue
        kept = measured(of_kind)
        row = {"people": name, "count": str(len(of_kind))}
        row["refused"] = f"{100 * (1 - len(kept) / len(of_kind)):.0f} %"
        if kept:
            row |= _figures(kept)
        rows.append(row)
    columns = max(rows, key=len)
    return markdown([dict.fromkeys(columns, "-") | row for row in rows])


def _figures(kept: Sequence[Score]) -> dict[str, str]:
    errors = [each.error for each in kept]
    beyond = [each.beyond_stature for each in kept]
    children = bool(np.isnan(beyond).any())
    return {
        "median error": f"{100 * absolute_percentile(errors, 50):.1f} %",
        "beyond stature": "-" if children else f"{100 * absolute_percentile(beyond, 50):.1f} %",
        "95th percentile": f"{100 * absolute_percentile(errors, 95):.1f} %",
        "bias": f"{100 * float(np.median(errors)):+.1f} %",
        "stated, median": f"{100 * float(np.median([each.stated for each in kept])):.1f} %",
        "within 1 sigma": f"{100 * coverage(kept, 1):.0f} %",
        "within 2 sigma": f"{100 * coverage(kept, 2):.0f} %",
        "median IoU": f"{np.median([each.iou for each in kept]):.2f}",
    }


def refusals(scores: Sequence[Score]) -> str:
    """How often each reason was given, by the words before its first figure."""
    counts: dict[str, int] = {}
    for each in scores:
        if each.refused:
            words = each.refused.split("(")[0].strip()
            counts[words] = counts.get(words, 0) + 1
    if not counts:
        return "Nobody was refused."
    often = sorted(counts.items(), key=lambda item: -item[1])
    return "Refused: " + "; ".join(f"{count} x {words}" for words, count in often) + "."


def seconds_for(regressor: AnnyRegressor, people: Sequence[Person]) -> float:
    """Seconds to measure `_TIMED` people of one photo's paintings at once, after a first call."""
    adults = [each for each in people if not each.is_child]
    shots = [Shot(adults[index % len(adults)]) for index in range(_TIMED)]
    (photo,) = observe_all(shots, 77, 1)
    warm = ObservedPhoto(photo.camera, photo.observations[:1])
    regressor.regress(warm.images, warm.found, warm.camera, warm.prompts)
    started = time.perf_counter()
    regressor.regress(photo.images, photo.found, photo.camera, photo.prompts)
    return time.perf_counter() - started


def main() -> None:
    """Measure everybody, print the tables, and write the document if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--development", action="store_true", help="bodies that do not judge")
    parser.add_argument("--repeats", type=int, default=1, help="of every shot, placed anew")
    parser.add_argument("--seed", type=int, help="of cameras, places and errors")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--write", action="store_true", help=f"into {_DOCUMENT.name}")
    asked = parser.parse_args()
    if asked.write and asked.development:
        parser.error("--write is for the bodies that judge: leave out --development")
    split: Split = "development" if asked.development else "held out"
    people = load_people(split)
    regressor = AnnyRegressor(device=asked.device)
    seed = _SEEDS[split] if asked.seed is None else asked.seed
    scores = score_all(regressor, observe_all(shots_of(people, asked.repeats), seed, _PHOTOS))
    seconds = seconds_for(regressor, people)
    text = f"""# Measuring people without registration

Written by `benchmarks/people_fitting.py --write`: {len(people)} {split} bodies, \
{len(scores)} images of one person,
{_PHOTOS} cameras of f = 300 to 2000 px at 480x640 px, 1 to 15 m away and at least 30 px high, \
camera in the hand,
keypoint noise of 2 to 6 px, 10 % of the keypoints lost or wrong, mask borders off by 1 to 2 px.
This run: {regressor.device}; {os.cpu_count()} CPU cores ({platform.machine()}), \
PyTorch {version("torch")}, {torch.get_num_threads()} threads.

{markdown([{"people": str(_TIMED), "seconds": f"{seconds:.1f}"}])}

Errors are of the depth of the body's centre, as logarithms of ratios. "Beyond stature" is the \
median error
against that of someone who measures all but the size, and takes everybody for as tall as the \
mean man or woman.
The stated error is calibrated where 68 % are within 1 sigma, and 95 % within 2. The IoU is that \
of the whole
silhouettes, hidden parts included.

{table(scores)}

{refusals(scores)}
"""
    print(text)
    if asked.write:
        _DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
