"""Predictions and `run.json` on disk."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mfh.errors import InputError, OutputError
from mfh.evaluation.runs.predictions import PredictionFolder, StoredPrediction
from mfh.evaluation.runs.run_file import RowInfo, RunInfo


def _prediction() -> StoredPrediction:
    depth_m = np.random.default_rng(0).uniform(1, 9, (30, 40)).astype(np.float32)
    depth_m[0, 0] = np.inf
    return StoredPrediction(depth_m, 0.07, 12.5, {"device": "CPU", "counts": {"kept": 3}})


def test_a_prediction_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = PredictionFolder(tmp_path / "row" / "seed_0")
    assert not folder.has("scene/rgb.1")
    folder.write("scene/rgb.1", _prediction())
    assert folder.has("scene/rgb.1")
    read = folder.read("scene/rgb.1")
    assert np.array_equal(read.depth_m, _prediction().depth_m)
    assert read.depth_m.dtype == np.float32
    assert (read.relative_error, read.seconds) == (0.07, 12.5)
    assert read.report == {"device": "CPU", "counts": {"kept": 3}}
    assert [path.name for path in (tmp_path / "row" / "seed_0" / "scene").iterdir()] == [
        "rgb.1.npz"
    ]


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    PredictionFolder(tmp_path).write("a", _prediction())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["depth_m"], _prediction().depth_m)
        assert json.loads(str(stored["report"]))["device"] == "CPU"


def test_equal_predictions_give_equal_files(tmp_path: Path) -> None:
    folder = PredictionFolder(tmp_path)
    folder.write("a", _prediction())
    folder.write("b", _prediction())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_is_not_known_is_nan(tmp_path: Path) -> None:
    folder = PredictionFolder(tmp_path)
    folder.write("a", StoredPrediction(np.ones((2, 3), np.float32)))
    read = folder.read("a")
    assert math.isnan(read.relative_error)
    assert math.isnan(read.seconds)
    assert read.report == {}


def test_a_failure_is_kept_until_there_is_a_prediction(tmp_path: Path) -> None:
    folder = PredictionFolder(tmp_path)
    assert folder.failure("a") == ""
    folder.failed("a", "nobody was found\udcff")
    assert folder.failure("a") == "nobody was found?"
    assert not folder.has("a")
    folder.write("a", _prediction())
    assert folder.failure("a") == ""


@pytest.mark.parametrize("name", ["", "../a", "a/../b", "a//b", "/a", "a\\b", "C:a", ".", "a/.."])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"sample .*: names are letters, digits"):
        PredictionFolder(tmp_path).has(name)


def test_a_file_that_is_no_prediction_is_named(tmp_path: Path) -> None:
    folder = PredictionFolder(tmp_path)
    with pytest.raises(InputError, match=r"a\.npz: there is no such file"):
        folder.read("a")
    np.savez(tmp_path / "a.npz", depth_m=np.ones((2, 2)))
    with pytest.raises(InputError, match=r"a\.npz: not a prediction of an evaluation"):
        folder.read("a")
    about = {"relative_error": 0.1, "seconds": 1.0, "report": "{}"}
    np.savez(tmp_path / "a.npz", depth_m=np.ones((2, 2)), format=1, **about)
    with pytest.raises(InputError, match=r"a\.npz: depth_m is float64 \(2, 2\), not float32"):
        folder.read("a")
    np.savez(tmp_path / "a.npz", depth_m=np.ones((2, 2), np.float32), format=7, **about)
    with pytest.raises(InputError, match=r"a\.npz: a prediction in format 7"):
        folder.read("a")
    np.savez(tmp_path / "a.npz", depth_m=np.array([{}], object), format=1, **about)
    with pytest.raises(InputError, match=r"a\.npz: not a readable \.npz file of plain arrays"):
        folder.read("a")


@pytest.mark.parametrize("damage", ["empty", "half", "middle", "text", "array", "zeros"])
def test_a_damaged_prediction_is_none_and_is_named(tmp_path: Path, damage: str) -> None:
    folder = PredictionFolder(tmp_path)
    folder.write("a", _prediction())
    content = folder.file("a").read_bytes()
    half = len(content) // 2
    damaged = {
        "empty": b"",
        "half": content[:half],
        "middle": content[: half - 500] + content[half:],
        "text": b"no prediction",
        "zeros": bytes(1000) + content[1000:],
    }
    if damage == "array":
        np.save(tmp_path / "a.npy", np.ones(3))
        (tmp_path / "a.npy").replace(folder.file("a"))
    else:
        folder.file("a").write_bytes(damaged[damage])
    assert not folder.has("a")
    with pytest.raises(
        InputError, match=r"a\.npz: .*; remove it and run mfh evaluate again"
    ) as said:
        folder.read("a")
    assert "allow_pickle" not in str(said.value)
    folder.failed("a", "nobody was found")
    assert not folder.file("a").exists()


def test_a_few_bytes_that_changed_show_when_it_is_read(tmp_path: Path) -> None:
    folder = PredictionFolder(tmp_path)
    folder.write("a", _prediction())
    content = bytearray(folder.file("a").read_bytes())
    content[len(content) // 2] ^= 255
    folder.file("a").write_bytes(content)
    assert folder.has("a")
    with pytest.raises(InputError, match=r"a\.npz: .*; remove it and run mfh evaluate again"):
        folder.read("a")


def test_a_prediction_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "scene").write_text("a file")
    with pytest.raises(OutputError, match="cannot make folder"):
        PredictionFolder(tmp_path).write("scene/a", _prediction())
    with pytest.raises(ValueError, match="not JSON compliant"):
        bad = StoredPrediction(np.ones((2, 2), np.float32), report={"x": math.nan})
        PredictionFolder(tmp_path).write("a", bad)
    assert [path.name for path in tmp_path.iterdir()] == ["scene"]


def _run(folder: Path) -> RunInfo:
    rows = (
        RowInfo("mfh", "MfH, N = 32", (0, 1), {"name": "mfh", "paintings": 32}),
        RowInfo("zoe", "ZoeDepth", (0,), {}, {"delta1": 0.388}, {"Model": "ZoeDepth"}),
    )
    return RunInfo(
        folder,
        "nyu",
        Path("/data/nyu"),
        rows,
        names=("a/b", "c"),
        options={"layout": "bts"},
        ablation="table3",
        files={"a/b": ("1000-0012abcd", "2000-00000000"), "c": ("", "10-ffffffff")},
    )


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    run = _run(tmp_path / "new" / "run")
    run.write()
    assert RunInfo.read(run.folder) == run
    assert run.predictions("mfh", 1).path == run.folder / "predictions" / "mfh" / "seed_1"
    stored = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert stored["format"] == 1
    assert Path(stored["root"]) == Path("/data/nyu")


def test_a_run_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not an evaluation run, it holds no run\.json"):
        RunInfo.read(tmp_path)
    run = _run(tmp_path)
    run.write()
    path = tmp_path / "run.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    for change, message in (
        ({"format": 2, "mfh": "9.0"}, r"in format 2, written by mfh 9\.0, but this version reads"),
        ({"names": [3]}, "not the file of an evaluation run .*should be text"),
        ({"rows": [{}]}, "not the file of an evaluation run .*key"),
        ({"rows": [{**stored["rows"][0], "key": ".."}]}, "cannot name a folder"),
    ):
        path.write_text(json.dumps({**stored, **change}))
        with pytest.raises(InputError, match=message):
            RunInfo.read(tmp_path)
    path.write_text("[1]")
    with pytest.raises(InputError, match="not the file of an evaluation run"):
        RunInfo.read(tmp_path)
    path.write_text("{")
    with pytest.raises(InputError, match="not a readable JSON file"):
        RunInfo.read(tmp_path)
