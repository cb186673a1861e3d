"""What a measurer of people costs: AbsRel with fitted bodies against that with perfect ones.

    python benchmarks/people_in_paintings.py [--scenes 30] [--errors NAME ...] [--height 240]
        [--jobs 1] [--write]

Random rooms with simulated people; in the same paintings, everybody is measured perfectly, with the
simulated errors of HMR 2.0, and by fitting Anny's body to simulated keypoints and masks.
`--write` puts the tables into docs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from metric_heads.cases import FIRST_SEED, NEAR_CAP_M
from metric_heads.measurers import ERRORS, FITTED, HEADS, HMR2, PERFECT, Comparison, Room, compare
from numpy.typing import NDArray
from tables import markdown

from mfh.errors import NoLandmarksError
from mfh.simulation import SimulatedErrors

_DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks_people_in_paintings.md"
_RESAMPLED = 2000
ERRORS_IN_WORDS: Mapping[str, str] = {
    "default": "What `mfh simulate` does by default",
    "no painter errors": "A painter without errors",
    "keypoints twice as wrong": "The default, with keypoints twice as wrong",
}


def rows_of_depth(comparisons: Sequence[Comparison], errors: str) -> list[dict[str, str]]:
    """The table of AbsRel for one error model: a row for each head and number of paintings."""
    own = [each for each in comparisons if each.room.errors == errors]
    counts = sorted({count for each in own for _, count, _ in each.abs_rel})
    rows = []
    for head in HEADS:
        for count in counts:
            given = [each.abs_rel for each in own if (head, count, PERFECT) in each.abs_rel]
            figures = np.array(
                [[each[head, count, name] for name in (PERFECT, HMR2, FITTED)] for each in given]
            )
            answered = np.isfinite(figures).all(axis=1)
            perfect, hmr2, fitted = figures[answered].T
            rows.append(
                {
                    "head": head,
                    "N": str(count),
                    "rooms": str(answered.sum()),
                    "without an answer": str((~answered).sum()),
                    PERFECT: f"{perfect.mean():.3f}",
                    HMR2: f"{hmr2.mean():.3f}",
                    FITTED: f"{fitted.mean():.3f}",
                    f"{HMR2}: loss": _loss_in_words(hmr2, perfect),
                    f"{FITTED}: loss": _loss_in_words(fitted, perfect),
                }
            )
    return rows


def loss(figures: NDArray[np.float64], perfect: NDArray[np.float64]) -> tuple[float, float, float]:
    """By what share the mean of figures is worse than that of perfect ones, and 95 % bounds.

    The bounds are quantiles over resampled rooms (Efron, Annals of Statistics 7, 1979).
    """
    rng = np.random.default_rng(0)
    chosen = rng.integers(len(figures), size=(_RESAMPLED, len(figures)))
    resampled = figures[chosen].mean(axis=1) / perfect[chosen].mean(axis=1) - 1
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(figures.mean() / perfect.mean() - 1), float(low), float(high)


def _loss_in_words(figures: NDArray[np.float64], perfect: NDArray[np.float64]) -> str:
    return "{:+.0%} ({:+.0%} to {:+.0%})".format(*loss(figures, perfect))


def rows_of_people(comparisons: Sequence[Comparison], errors: str) -> list[dict[str, str]]:
    """The table of measured distances for one error model: a row for each measurer."""
    own = [each for each in comparisons if each.room.errors == errors]
    rows = []
    for name in (HMR2, FITTED):
        log_error, expected = np.concatenate([each.people[name] for each in own]).T
        refused = sum(each.refused[name] for each in own)
        within = np.mean(np.abs(log_error) <= expected)
        rows.append(
            {
                "measured by": name,
                "people": str(len(log_error)),
                "refused": str(refused),
                "median": f"{np.median(log_error):+.1%}",
                "standard deviation": f"{log_error.std():.1%}",
                "off by more than 15 %": f"{np.mean(np.abs(log_error) > np.log(1.15)):.1%}",
                "within their own 1 sigma": "" if np.isnan(expected).all() else f"{within:.0%}",
            }
        )
    return rows


def document(comparisons: Sequence[Comparison], height: int) -> str:
    """The page, from title to last table."""
    default = SimulatedErrors.default()
    parts = [
        f"""# People measured in paintings

Written by `benchmarks/people_in_paintings.py --write`. Random rooms (`mfh.simulation.rooms`, photos
{height} px high, seeds from {FIRST_SEED}) with simulated people painted into them. In the same
paintings, with the same masks and scores, everybody is measured in three ways:

- "{PERFECT}": the drawn body itself, as somebody measures it who knows how large people are: one
  who was drawn too large is taken for nearer.
- "{HMR2}": the same with the errors `mesh_scale` and `mesh_tilt_deg`.
- "{FITTED}": the measurer without registration, which fits a body to keypoints and masks. Where
  nothing else is said, keypoints are off by {default.keypoint_px:g} px (standard deviation) of
  somebody 300 px tall, and {default.keypoint_wrong:.0%} of them are lost or of the other side.

AbsRel is over the whole room up to {NEAR_CAP_M:g} m. N counts painted photos in which the perfect
measurer finds people; rooms with place for fewer are left out. "loss" is how much larger the mean
AbsRel is than with perfect meshes, with its 95 % interval over rooms.

What these figures cannot tell: the drawn bodies and the fitted one come from one family of shapes
(MakeHuman's) and have their keypoints at the same places of the body, so how much real people, and
the keypoints of a real detector, differ from that is not in them. The drawn ones stand or walk.
"""
    ]
    for errors in dict.fromkeys(each.room.errors for each in comparisons):
        parts += [
            f"## {ERRORS_IN_WORDS[errors]}\n",
            markdown(rows_of_depth(comparisons, errors)),
            "\nHow far off each one's distance is, against the perfect mesh:\n",
            markdown(rows_of_people(comparisons, errors)) + "\n",
        ]
    return "\n".join(parts)


def run(rooms: Sequence[Room], jobs: int) -> list[Comparison]:
    """Compare in all rooms, in processes of their own."""
    # Each process does its sums alone.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    with get_context("spawn").Pool(jobs) as pool:
        each = pool.imap(_compare_where_possible, rooms)
        return [found for found in _with_progress(each, len(rooms)) if found is not None]


def _compare_where_possible(room: Room) -> Comparison | None:
    try:
        return compare(room)
    except NoLandmarksError:
        return None


def _with_progress(
    comparisons: Iterator[Comparison | None], total: int
) -> Iterator[Comparison | None]:
    started = time.monotonic()
    for done, each in enumerate(comparisons, 1):
        left = (time.monotonic() - started) / done * (total - done) / 60
        print(f"\r{done} of {total} rooms, {left:.1f} min left  ", end="", file=sys.stderr)
        yield each
    print(file=sys.stderr)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scenes", type=int, default=30, help="of each error model")
    parser.add_argument("--errors", nargs="*", default=list(ERRORS), choices=list(ERRORS))
    parser.add_argument("--height", type=int, default=240, help="of the photos, in px")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", action="store_true", help=f"into docs/{_DOCUMENT.name}")
    return parser.parse_args()


def main() -> None:
    """Compare, and print or write the page."""
    asked = _asked()
    rooms = [
        Room(errors, FIRST_SEED + index, asked.height)
        for errors in asked.errors
        for index in range(asked.scenes)
    ]
    text = document(run(rooms, asked.jobs), asked.height)
    if asked.write:
        _DOCUMENT.write_text(text, encoding="utf-8")
        print(f"wrote {_DOCUMENT}")
    else:
        print(text)


if __name__ == "__main__":
    main()
