"""The table of scores in the terminal: columns are left out before a number is broken."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_run import PlantedSet, photo_score
from rich.cells import cell_len
from rich.console import Console

from mfh.evaluation.methods.ablations import ablation
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.tables.tables import score_table

_NAMES = tuple(f"p{i}" for i in range(6))
_LABELS = ("Metric from Human, N = 32, robust", "files: a_folder_of_a_long_name", "ZoeDepth")
_SHOWN = ("delta1", "abs_rel", "silog", "rmse", "scaled_abs_rel")


def _results(rows: Sequence[RowInfo], ablation_name: str = "") -> Results:
    run = RunInfo(Path("run"), "nyu", Path("data"), tuple(rows), _NAMES, ablation=ablation_name)
    rng = np.random.default_rng(0)
    scores = [
        photo_score(row.key, seed, name, **{each: rng.uniform(0.1, 0.9) for each in _SHOWN})
        for row in rows
        for seed in row.seeds
        for name in _NAMES
    ]
    return Results.of(run, replace(PlantedSet(Path("data"), _NAMES), name="nyu"), scores)


def _rows(count: int, seeds: int) -> list[RowInfo]:
    return [
        RowInfo(f"row{i}", f"{_LABELS[i % 3]} {i}", tuple(range(seeds)), {}) for i in range(count)
    ]


def _of_table3(seeds: int) -> list[RowInfo]:
    return [
        RowInfo(row.key, row.label, tuple(range(seeds)), {}, row.published, row.group)
        for row in ablation("table3").rows
    ]


def _printed(results: Results, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    from mfh_cli import scoring

    file = io.StringIO()
    monkeypatch.setattr(scoring, "Console", lambda **given: Console(file=file, **given))
    scoring._print_scores(Console(file=file, width=width), results)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("rows", [1, 3, 8, "table3"])
def test_every_number_that_is_shown_is_whole(
    width: int, seeds: int, rows: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(rows, str):
        results = _results(_of_table3(seeds), rows)
    else:
        results = _results(_rows(rows, seeds))
    text = _printed(results, width, monkeypatch)
    assert max(map(cell_len, text.splitlines())) <= width
    table = score_table(results, _SHOWN)
    numbers = {
        heading: [row.cells[column] for row in table.rows]
        for column, heading in enumerate(table.columns)
        if column not in table.text_columns
    }
    shown = [heading for heading, cells in numbers.items() if all(cell in text for cell in cells)]
    assert shown[0] == "δ₁ %"
    assert "Photos" in shown
    told = " ".join(text.split())
    for name, heading in zip(
        _SHOWN, ("δ₁ %", "AbsRel %", "SIlog", "RMSE m", "AbsRel %, scaled"), strict=True
    ):
        left_out = "No room here" in told and heading in told.split("No room here for")[1]
        assert left_out or heading in shown, name
    assert ("No room here" in told) == (shown != list(numbers))


def test_a_terminal_too_narrow_for_one_score_loses_no_digit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = _results(_rows(1, 3))
    text = _printed(results, 20, monkeypatch)
    assert score_table(results, ("delta1",)).rows[0].cells[1] in text


def test_labels_are_wrapped_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(_results(_rows(2, 3)), 80, monkeypatch)
    first = [re.split(" {2,}", line)[0] for line in text.splitlines()]
    letters = "".join(first).replace(" ", "")
    assert "files:a_folder_of_a_long_name1" in letters
    assert "MetricfromHuman,N=32,robust0" in letters
    assert "…" not in text
