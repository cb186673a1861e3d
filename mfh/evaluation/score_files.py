"""What scoring leaves in a run's folder: a line a photo, a summary, and tables."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mfh.errors import InputError
from mfh.evaluation.datasets.base import DataSet
from mfh.evaluation.run_file import RunInfo
from mfh.evaluation.scores import VALUES, Mean, PhotoScore, RowScore
from mfh.evaluation.statistics import common_photos, compare, row_scores
from mfh.evaluation.table_text import latex, markdown
from mfh.evaluation.tables import Table, difference_table, score_table
from mfh.files import atomic_path, json_number, write_json, write_text
from mfh.files.reading import read_json

FORMAT = 1
"""The version of `summary.json`: what another version wrote is refused."""

_HEADER = ["row", "seed", "name", *VALUES, "failure"]


def write_scores(run: RunInfo, scores: Sequence[PhotoScore], data_set: DataSet) -> dict[str, Path]:
    """Write `scores.csv`, `summary.json`, `table.md` and `table.tex` into the run's folder.

    Returns their paths by name. Raises `OutputError`.
    """
    paths = {
        name: run.folder / name for name in ("scores.csv", "summary.json", "table.md", "table.tex")
    }
    tables = run_tables(run, scores, data_set)
    write_csv(paths["scores.csv"], scores)
    write_json(paths["summary.json"], summary(run, scores, data_set))
    write_text(paths["table.md"], "\n".join(markdown(table) for table in tables))
    write_text(
        paths["table.tex"],
        "% \\usepackage{booktabs}\n" + "\n".join(latex(table) for table in tables),
    )
    return paths


def run_tables(run: RunInfo, scores: Sequence[PhotoScore], data_set: DataSet) -> list[Table]:
    """The tables of a run: its scores, the same on the photos that all rows have, differences."""
    summaries = row_scores(scores, run.names)
    tables = [score_table(run, summaries, data_set)]
    if len({each.count for each in summaries}) > 1:
        common = common_photos(scores)
        title = f"{data_set.title}, on the photos that every row has ({len(common)})"
        on_common = row_scores(scores, common)
        tables.append(score_table(run, on_common, data_set, title=title, with_published=False))
    differences = difference_table(run, scores)
    return [*tables, *([differences] if differences else [])]


def write_csv(path: Path, scores: Sequence[PhotoScore]) -> None:
    """Write scores as CSV (RFC 4180), every digit of them, NaN as nothing. Raises `OutputError`."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(_HEADER)
    for score in scores:
        values = [_cell(score.values.get(name, math.nan)) for name in VALUES]
        lines.writerow([score.row, score.seed, score.name, *values, score.failure])
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.getvalue().encode("utf-8"))


def read_csv(path: Path) -> list[PhotoScore]:
    """Read scores back. Raises `InputError` naming the file and the line."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; `mfh score` writes it") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a readable CSV file ({error})") from error
    if not lines or lines[0] != _HEADER:
        raise InputError(f"{path}: not the scores of this version of mfh; run `mfh score` again")
    scores = []
    for number, line in enumerate(lines[1:], 2):
        try:
            row, seed, name, *cells, failure = line
            numbers = [float(cell) if cell else math.nan for cell in cells]
            values = {} if failure else dict(zip(VALUES, numbers, strict=True))
            scores.append(PhotoScore(row, int(seed), name, values, failure))
        except ValueError as error:
            raise InputError(f"{path}: line {number} holds no score ({error})") from error
    return scores


def summary(run: RunInfo, scores: Sequence[PhotoScore], data_set: DataSet) -> dict[str, Any]:
    """What `summary.json` holds; null stands for what is not known."""
    common = common_photos(scores)
    first = run.rows[0].key if run.rows else ""
    scored = {score.row for score in scores}
    return {
        "format": FORMAT,
        "mfh": version("mfh"),
        "data_set": data_set.name,
        "title": data_set.title,
        "protocol": asdict(data_set.protocol),
        "ablation": run.ablation,
        "rows": _rows(run, row_scores(scores, run.names)),
        "common": {"photos": len(common), "rows": _rows(run, row_scores(scores, common))},
        "differences": [
            {
                "row": row.key,
                "other": first,
                "value": name,
                "mean": json_number(difference.mean),
                "photos": _pair(difference.photos),
                "count": difference.count,
                "better": difference.better,
            }
            for row in run.rows[1:]
            if {row.key, first} <= scored
            for name in ("delta1", "abs_rel", "silog", "rmse", "scaled_abs_rel", "affine_abs_rel")
            for difference in [compare(scores, row.key, first, name)]
        ],
    }


def read_summary(path: Path) -> list[RowScore]:
    """Read the rows of a `summary.json` back. Raises `InputError` naming the file."""
    stored = read_json(path)
    try:
        if stored["format"] != FORMAT:
            raise InputError(
                f"{path}: in format {stored['format']}, but this version reads {FORMAT}; run "
                "`mfh score` again"
            )
        return [
            RowScore(
                row["key"],
                int(row["count"]),
                {name: _mean(mean) for name, mean in row["means"].items()},
                tuple((name, int(seed), reason) for name, seed, reason in row["failed"]),
            )
            for row in stored["rows"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: not the summary of an evaluation ({error!r}); run `mfh score` again"
        ) from error


def _rows(run: RunInfo, summaries: Sequence[RowScore]) -> list[dict[str, Any]]:
    infos = {row.key: row for row in run.rows}
    return [
        {
            "key": each.row,
            "label": infos[each.row].label,
            "seeds": list(infos[each.row].seeds),
            "group": dict(infos[each.row].group),
            "published": dict(infos[each.row].published),
            "count": each.count,
            "means": {
                name: {
                    "value": json_number(mean.value),
                    "photos": _pair(mean.photos),
                    "seeds": _pair(mean.seeds),
                    "seed_std": json_number(mean.seed_std),
                }
                for name, mean in each.means.items()
            },
            "failed": [list(failure) for failure in each.failed],
        }
        for each in summaries
    ]


def _pair(interval: tuple[float, float]) -> list[float | None]:
    return [json_number(interval[0]), json_number(interval[1])]


def _mean(stored: dict[str, Any]) -> Mean:
    low, high = map(_number, stored["photos"])
    seeds_low, seeds_high = map(_number, stored["seeds"])
    return Mean(
        _number(stored["value"]), (low, high), (seeds_low, seeds_high), _number(stored["seed_std"])
    )


def _number(stored: float | None) -> float:
    return math.nan if stored is None else float(stored)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))
