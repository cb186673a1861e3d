"""Runs that share records: each photo's are written by one process at a time."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from commands import start
from filelock import FileLock
from simulated_room import room
from small_rooms import write_rooms

from mfh.errors import OutputError
from mfh.evaluation.methods.base import Case
from mfh.evaluation.methods.mfh_specs import mfh_spec
from mfh.evaluation.runs.run_file import RunInfo
from mfh.settings import settings_from

SETTINGS = settings_from("paper", paintings=1, working_short_side_px=64)


def case(work: Path | None) -> Case:
    photo, depth_m = room(96, 128)
    return Case("room", photo, work=work, truth=depth_m)


@pytest.mark.parametrize("text", ["simulated", "simulated:oracle"])
def test_a_photo_waits_for_another_process_to_let_go_of_its_records(
    tmp_path: Path, text: str
) -> None:
    method = mfh_spec(text, SETTINGS).make()
    expected = method.predict(case(None)).depth_m
    np.testing.assert_array_equal(method.predict(case(tmp_path)).depth_m, expected)
    (folder,) = tmp_path.iterdir()
    found = []
    waiting = threading.Thread(target=lambda: found.append(method.predict(case(tmp_path)).depth_m))
    with FileLock(folder / ".lock"):
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert not found
    waiting.join(30)
    np.testing.assert_array_equal(found[0], expected)


def test_records_that_cannot_be_locked_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: FileLock) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(FileLock, "acquire", refused)
    method = mfh_spec("simulated", SETTINGS).make()
    with pytest.raises(OutputError, match="cannot be locked .no locks.*--work, or none with --no-"):
        method.predict(case(tmp_path))
    assert method.predict(case(None)).depth_m.shape == (96, 128)


def test_two_runs_at_once_may_share_their_work(tmp_path: Path) -> None:
    data, runs = write_rooms(tmp_path / "data"), [tmp_path / "one", tmp_path / "two"]
    command = ("evaluate", "folder", "--data", data, "--preset", "paper", "--seeds", 2, "-n", 3)
    stages = (
        "--method",
        "simulated",
        "--set",
        "working_short_side_px=64",
        "--work",
        tmp_path / "w",
    )
    processes = [start(*command, *stages, "--out", run) for run in runs]
    for process in processes:
        printed = process.communicate(timeout=120)
        assert process.returncode == 0, printed
    one, two = map(RunInfo.read, runs)
    for seed in (0, 1):
        for name in one.names:
            first, second = (run.predictions("simulated", seed).read(name) for run in (one, two))
            np.testing.assert_array_equal(first.depth_m, second.depth_m)
    counts = json.loads((runs[0] / "summary.json").read_text())["rows"][0]["count"]
    assert counts == len(one.names)
