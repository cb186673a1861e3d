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

from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.scores import VALUES, PhotoScore, RowScore
from mfh.evaluation.tables.table_text import latex, markdown
from mfh.evaluation.tables.tables import Table, difference_table, score_table
from mfh.files import atomic_path, json_number, write_json, write_text

FORMAT = 1
"""The version of `summary.json`."""

_PREAMBLE = (
    "% \\usepackage{booktabs}\n"
    '% For any LaTeX: what its fonts lack stands as "?" here, and as it is in table.md.\n'
)
_HEADER = ["row", "seed", "name", *VALUES, "failure", "version"]


def write_scores(results: Results) -> dict[str, Path]:
    """Write `scores.csv`, `summary.json`, `table.md` and `table.tex` into the run's folder.

    Returns their paths by name. Raises `OutputError`.
    """
    folder = results.run.folder
    paths = {
        name: folder / name for name in ("scores.csv", "summary.json", "table.md", "table.tex")
    }
    tables = run_tables(results)
    write_csv(paths["scores.csv"], results.scores)
    write_json(paths["summary.json"], summary(results))
    write_text(paths["table.md"], "\n".join(markdown(table) for table in tables))
    write_text(
        paths["table.tex"],
        _PREAMBLE + "\n".join(latex(table) for table in tables),
    )
    return paths


def run_tables(results: Results) -> list[Table]:
    """The tables of a run: its scores, the same on the photos that all rows have, differences."""
    tables = [score_table(results)]
    if len({each.count for each in results.rows}) > 1:
        tables.append(score_table(results, common=True))
    differences = difference_table(results)
    return [*tables, *([differences] if differences else [])]


def write_csv(path: Path, scores: Sequence[PhotoScore]) -> None:
    """Write scores as CSV (RFC 4180), every digit of them, NaN as nothing. Raises `OutputError`."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(_HEADER)
    for score in scores:
        values = [_cell(score.values.get(name, math.nan)) for name in VALUES]
        lines.writerow([score.row, score.seed, score.name, *values, score.failure, score.version])
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.getvalue().encode("utf-8"))


def summary(results: Results) -> dict[str, Any]:
    """What `summary.json` holds; null stands for what is not known."""
    data_set = results.data_set
    return {
        "format": FORMAT,
        "mfh": version("mfh"),
        "data_set": data_set.name,
        "title": data_set.title,
        "protocol": asdict(data_set.protocol),
        "ablation": results.run.ablation,
        "rows": _rows(results.run, results.rows),
        "common": {
            "photos": len(results.common),
            "rows": _rows(results.run, results.on_common),
        },
        "differences": [
            {
                "row": difference.row,
                "other": difference.other,
                "value": name,
                "mean": json_number(difference.mean),
                "photos": _pair(difference.photos),
                "count": difference.count,
                "better": difference.better,
            }
            for of_row in results.differences.values()
            for name, difference in of_row.items()
        ],
    }


def _rows(run: RunInfo, summaries: Sequence[RowScore]) -> list[dict[str, Any]]:
    return [
        {
            "key": row.key,
            "label": row.label,
            "seeds": list(row.seeds),
            "group": dict(row.group),
            "published": dict(row.published),
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
            "not_predicted": [list(which) for which in each.not_predicted],
            "versions": list(each.versions),
        }
        for row, each in zip(run.rows, summaries, strict=True)
    ]


def _pair(interval: tuple[float, float]) -> list[float | None]:
    return [json_number(interval[0]), json_number(interval[1])]


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))
