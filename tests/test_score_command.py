"""`mfh score` with the data set elsewhere, and `mfh evaluate --check` of folders of several."""

from __future__ import annotations

import json
import shutil

import pytest
from commands import run_here
from data_set_trees import planted, write_photo, write_png, write_text
from small_rooms import write_rooms

QUICK = ("--method", "simulated", "--preset", "paper", "--set", "working_short_side_px=64")
RESULTS = ("scores.csv", "summary.json", "table.md", "table.tex", "page.html")


@pytest.fixture
def scored(capsys, tmp_path):
    """A run over two rooms, its data set, and what was written."""
    data, run = write_rooms(tmp_path / "data", 2), tmp_path / "run"
    command = ("evaluate", "folder", "--data", data, *QUICK, "-n", 1, "--out", run)
    status, printed = run_here(capsys, *command, "--data-option", "max_m=9")
    assert status == 0, printed
    return run, data, {name: (run / name).read_bytes() for name in RESULTS}


def test_data_of_other_photos_leaves_the_results_alone(capsys, scored, tmp_path):
    run, data, before = scored
    other = write_rooms(tmp_path / "other", 1)
    (other / "rgb" / "room_0.png").rename(other / "rgb" / "hall.png")
    index = other / "index.csv"
    index.write_text(index.read_text().replace("rgb/room_0", "rgb/hall"))
    shutil.rmtree(data / "depth")
    for arguments in ((), ("--data", other)):
        status, printed = run_here(capsys, "score", run, *arguments)
        assert (status, "of none of the 2 photos of" in " ".join(printed.split())) == (1, True)
        assert {name: (run / name).read_bytes() for name in RESULTS} == before


def test_scores_need_no_photo(capsys, scored):
    run, data, before = scored
    shutil.rmtree(data / "rgb")
    status, printed = run_here(capsys, "score", run)
    assert status == 0, printed
    assert (run / "scores.csv").read_bytes() == before["scores.csv"]


def test_options_of_the_data_set_may_be_given_anew(capsys, scored):
    run, _, before = scored
    means = [json.loads(before["summary.json"])["rows"][0]["means"]["pixels"]["value"]]
    for text in ("max_m=2.8", "max_m=9"):
        status, printed = run_here(capsys, "score", run, "--data-option", text)
        assert status == 0, printed
        stored = json.loads((run / "summary.json").read_text())
        means.append(stored["rows"][0]["means"]["pixels"]["value"])
    assert means[0] == means[2] > means[1]
    assert (run / "scores.csv").read_bytes() == before["scores.csv"]
    status, printed = run_here(capsys, "score", run, "--data-option", "split=x")
    assert (status, "option 'split' of data set 'folder'" in printed) == (1, True)


def test_every_data_set_in_a_folder_is_checked(capsys, tmp_path):
    write_rooms(tmp_path / "rooms", 2)
    kitchen = tmp_path / "nyu" / "official_splits" / "test" / "kitchen"
    write_photo(kitchen / "rgb_00000.jpg", 480, 640)
    write_png(kitchen / "sync_depth_00000.png", planted(480, 640, a=(99, 99, 2000)))
    write_text(tmp_path / "notes" / "readme.txt", "")
    status, printed = run_here(capsys, "evaluate", "--check", tmp_path)
    assert status == 1, printed
    assert f"NYU Depth V2 in {tmp_path / 'nyu'}" in printed
    assert "1 of 654 photos are there" in printed
    assert f"photos with depth maps in {tmp_path / 'rooms'}" in printed
    assert "2 of 2 photos are there" in printed
    shutil.rmtree(tmp_path / "nyu")
    assert run_here(capsys, "evaluate", "--check", tmp_path)[0] == 0
