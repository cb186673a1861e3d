"""What each measured person is worth: which cues tell, and what the robust head gains by them.

    python benchmarks/person_worth.py [--scenes 150] [--fitted 100] [--keep FOLDER] [--write]

Random rooms with simulated people. On some of them it is learned what each cue tells of a vote's
error; on others the head is told so, and its AbsRel compared with that of the head that is told
nothing. `--keep` keeps what was seen of each scene, and does not simulate again those it has.
`--write` puts the tables into docs/person_worth.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from metric_heads.cases import ERRORS, Case
from metric_heads.people import Scene, observe
from metric_heads.worth import learn, sample_of
from metric_heads.worth_gains import gains_of, learn_all
from metric_heads.worth_tables import sections

from mfh.errors import NoLandmarksError

_DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "person_worth.md"
_BEGIN, _END = "<!-- tables: begin -->", "<!-- tables: end -->"
_MODELS = ("default", "30 % outliers")
_T = TypeVar("_T")
_FITTED_FROM, _JUDGED_FROM = 5_000, 200_000


def scenes_of(first_seed: int, count: int, height: int, keep: Path | None) -> list[Scene]:
    """The scenes of both error models in which somebody was measured."""
    cases = [
        Case("room", errors, first_seed + index, height)
        for errors in _MODELS
        for index in range(count)
    ]
    scenes = []
    for case in _with_progress(cases, "scenes"):
        path = None if keep is None else keep / _file_name(case)
        if path is not None and path.exists():
            scenes.append(Scene.load(path))
            continue
        try:
            scene = observe(case)
        except NoLandmarksError:
            continue
        if path is not None:
            scene.save(path)
        scenes.append(scene)
    return scenes


def put_between_marks(text: str, tables: str) -> str:
    """The text with what is between its marks replaced. Raises `ValueError` where they lack."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{_DOCUMENT.name}: expected the lines {_BEGIN} and {_END}")
    return f"{before}{begin}\n{tables}\n{end}{after}"


def _file_name(case: Case) -> str:
    """A name that changes with the scene's errors."""
    errors = json.dumps(ERRORS[case.errors].as_dict(), sort_keys=True)
    digest = hashlib.sha256(errors.encode()).hexdigest()[:12]
    return f"{case.seed}_{case.height}_{digest}.npz"


def _with_progress(items: Sequence[_T], what: str) -> Iterator[_T]:
    started = time.monotonic()
    for done, item in enumerate(items):
        left = (time.monotonic() - started) / max(done, 1) * (len(items) - done) / 60
        print(f"\r{done} of {len(items)} {what}, {left:.1f} min left  ", end="", file=sys.stderr)
        yield item
    print(file=sys.stderr)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scenes", type=int, default=150, help="to judge by, of each error model")
    parser.add_argument("--fitted", type=int, default=100, help="to learn from, of each")
    parser.add_argument("--height", type=int, default=240, help="of the photos, in px")
    parser.add_argument(
        "--keep",
        type=Path,
        help="folder to keep scenes in; empty it when the simulation has changed",
    )
    parser.add_argument("--write", action="store_true", help=f"into docs/{_DOCUMENT.name}")
    return parser.parse_args()


def main() -> None:
    """Simulate, learn, fit, and print or write the tables."""
    asked = _asked()
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    fitted = scenes_of(_FITTED_FROM, asked.fitted, asked.height, asked.keep)
    judged = scenes_of(_JUDGED_FROM, asked.scenes, asked.height, asked.keep)
    sample = sample_of(fitted)
    learned = learn_all(sample)
    gains = gains_of(_with_progress(judged, "scenes fitted"), learned)
    tables = "\n".join(sections(judged, gains, learned, learn(sample, [0]).likelihood))
    if asked.write:
        text = _DOCUMENT.read_text(encoding="utf-8")
        _DOCUMENT.write_text(put_between_marks(text, tables), encoding="utf-8")
        print(f"wrote {_DOCUMENT}")
    else:
        print(tables)


if __name__ == "__main__":
    main()
