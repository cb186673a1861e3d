"""Photos whose names have letters beyond ASCII, from the index file to the scores and the page."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from commands import run_here
from data_set_trees import write_npy, write_photo, write_text
from test_evaluate_running import Constant

from mfh.datasets import open_data_set
from mfh.errors import InputError
from mfh.evaluation.engines.serial_engine import SerialEngine
from mfh.evaluation.methods.base import Row
from mfh.evaluation.runs.predictions import PredictionFolder
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.runs.running import evaluate

NAMES = ("Küche/Süd", "数据/中")


def test_a_run_of_photos_with_any_letters(capsys, tmp_path):
    root = tmp_path / "测试 ü"
    lines = []
    for name in NAMES:
        write_photo(root / f"{name}.png", 48, 64)
        write_npy(root / f"{name}.npy", np.full((48, 64), 2, np.float32))
        lines.append(json.dumps({"photo": f"{name}.png", "depth": f"{name}.npy", "fov_deg": 60}))
    write_text(root / "index.jsonl", "\n".join(lines))
    data = open_data_set("folder", root, max_m="10")
    row = Row("constant", "Constant", Constant())
    result = evaluate(data, [row], (0,), tmp_path / "run", SerialEngine())
    assert (result.made, result.failed, result.run.names) == (2, (), NAMES)

    run = RunInfo.read(tmp_path / "run")
    again = open_data_set(run.data_set, run.root, **run.options)
    assert again == data
    status, printed = run_here(capsys, "score", tmp_path / "run")
    assert status == 0, printed
    with (tmp_path / "run" / "scores.csv").open(encoding="utf-8", newline="") as file:
        scores = {line["name"]: float(line["abs_rel"]) for line in csv.DictReader(file)}
    assert scores == dict.fromkeys(NAMES, 0.0)
    page = (tmp_path / "run" / "page.html").read_text(encoding="utf-8")
    assert all(name in page for name in NAMES)


@pytest.mark.parametrize(
    "name",
    ["a.", ".a", "a./b", "nul", "scene/CON.x", "lpt1", "a b", "a\n", "a:b", "x" * 101, "u\u0308"],
)
def test_names_that_are_none_of_a_file_everywhere(tmp_path, name):
    with pytest.raises(InputError, match="letters, digits, .* device's name on Windows"):
        PredictionFolder(tmp_path).has(name)
