"""`mfh consistency` as a user types it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from commands import run_here
from kitti_trees import DRIVE, label, write_drive, write_objects
from PIL import Image


@pytest.fixture
def drive(tmp_path):
    """Frames 3 to 9 towards a wall; saved predictions, perfect ones and some a quarter larger."""
    folder = write_drive(tmp_path, range(3, 10), annotated=range(4, 9))
    for name, scale in (("perfect", 1), ("larger", 1.25)):
        (tmp_path / name / DRIVE).mkdir(parents=True)
        for frame in range(3, 10):
            depth_m = np.full((352, 1216), scale * (40.0 - frame), np.float32)
            np.save(tmp_path / name / DRIVE / f"{frame:010d}.npy", depth_m)
    return folder


def lines_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_temporal_from_drive_to_table(capsys, drive, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    run = tmp_path / "run"
    saved = tmp_path / "perfect"
    command = ("consistency", "temporal", drive, "--out", run)
    status, printed = run_here(capsys, *command, "--method", f"ours=files:{saved}")
    assert status == 0, printed
    assert "7 predictions to make" in printed
    assert "0.0000" in printed
    # Another row is added; what is there is not predicted again.
    status, printed = run_here(
        capsys,
        *(*command, "--method", f"ours=files:{saved}"),
        *("--method", f"larger=files:{tmp_path / 'larger'}"),
    )
    assert status == 0, printed
    assert "7 predictions to make, 7 there already" in printed
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    ours, larger = summary["rows"]
    assert ours["inconsistency"] == pytest.approx(0, abs=1e-6)
    assert (larger["frames"], larger["pairs"], summary["failed"]) == (5, 10, [])
    expected = {
        frame: np.mean([0.25 * (40 - s) / (2.25 * (40 - s) - 2 * (frame - s)) for s in around])
        for frame, around in ((f, (f - 1, f + 1)) for f in range(4, 9))
    }
    assert larger["inconsistency"] == pytest.approx(np.mean(list(expected.values())), abs=1e-6)
    low, high = larger["interval"]
    assert low < larger["inconsistency"] < high
    frames = {int(x["frame"]): float(x["inconsistency"]) for x in lines_of(run / "frames.csv")[5:]}
    assert frames == pytest.approx(expected, abs=1e-6)
    assert len(lines_of(run / "pairs.csv")) == 20
    assert Image.open(run / "temporal.png").width > 500
    assert f"{larger['inconsistency']:.4f}" in printed
    assert "pairs.csv, frames.csv, summary.json, temporal.png" in printed
    status, printed = run_here(capsys, "score", run)
    assert status == 1
    assert f"{run}: a run of `mfh consistency temporal`" in " ".join(printed.split())


def test_frames_are_added_to_a_run(capsys, drive, tmp_path):
    run = tmp_path / "run"
    command = ("consistency", "temporal", drive, "--out", run, "-m", f"files:{tmp_path / 'larger'}")
    assert run_here(capsys, *command, "--frames", "5:7")[0] == 0
    assert [(x["frame"], x["neighbour"]) for x in lines_of(run / "pairs.csv")] == [
        ("5", "6"),
        ("6", "5"),
    ]
    status, printed = run_here(capsys, *command, "--frames", ":7")
    assert (status, "2 predictions to make, 2 there already" in printed) == (0, True), printed
    assert json.loads((run / "summary.json").read_text("utf-8"))["frames"] == [None, 7]
    # Frames that are added for one row are no failures of the others.
    other = (*command[:-1], f"ours=files:{tmp_path / 'perfect'}")
    status, printed = run_here(capsys, *other)
    assert (status, "not predicted" in printed) == (0, False), printed
    first, second = json.loads((run / "summary.json").read_text("utf-8"))["rows"]
    assert (first["pairs"], second["pairs"]) == (6, 10)


def test_one_frame_has_no_interval(capsys, drive, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    command = ("consistency", "temporal", drive, "--out", tmp_path / "run", "--frames", "3:5")
    status, printed = run_here(capsys, *command, "-m", f"ours=files:{tmp_path / 'perfect'}")
    assert (status, " 0.0000 \u2013 1 1 " in " ".join(printed.split())) == (0, True), printed


def test_a_frame_that_fails_is_named(capsys, drive, tmp_path):
    (tmp_path / "larger" / DRIVE / "0000000006.npy").unlink()
    status, printed = run_here(
        capsys,
        *("consistency", "temporal", drive, "--out", tmp_path / "run"),
        *("-m", f"files:{tmp_path / 'larger'}"),
    )
    assert status == 1
    assert "holds no prediction of" in printed
    assert "1 prediction failed" in printed
    summary = json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))
    assert [failure[1:3] for failure in summary["failed"]] == [[5, 6], [7, 6]]
    assert summary["rows"][0]["pairs"] == 8


def test_temporal_says_what_is_wrong(capsys, drive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "no models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    for arguments, message in (
        ((tmp_path,), "not a drive of KITTI's raw data"),
        ((drive, "--frames", "5"), "--frames 5: expected A:B"),
        ((drive, "--frames", "7:7"), "B has to be larger than A"),
        ((drive, "--frames", "3:4"), "ask for more (--frames)"),
        ((drive, "--frames", "90:95"), "there are no frames 90 to 94; the drive has 3 to 9:"),
        ((drive, "--frames", "90:"), "no frames from 90 on; the drive has 3 to 9: ask for some"),
        ((drive, "--frames", ":3"), "no frames up to 2; the drive has 3 to 9"),
        ((drive, "--method", "zoe"), "method 'zoe' is unknown"),
        ((drive, "--method", "simulated"), "needs a depth map of every photo, which KITTI drive"),
        ((drive,), "row mfh was skipped"),
    ):
        status, printed = run_here(capsys, "consistency", "temporal", *arguments)
        assert (status, message in " ".join(printed.split())) == (1, True), printed


def test_spatial_from_labels_to_table(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    heights = {6: 35.0, 12: 17.5, 20: 10.5, 30: 7.0}
    labels = [
        [label("Car", (20, 5, 60, 5 + height), z_m), label("Cyclist", (90, 5, 99, 5 + height), z_m)]
        for height, z_m in heights.items()
    ]
    root = write_objects(tmp_path / "kitti", [*labels, [label("Van", (1, 1, 9, 9), 5)]])
    (tmp_path / "saved").mkdir()
    for number, z_m in enumerate(heights.values()):
        depth_m = np.full((48, 160), 1.2 * z_m, np.float32)
        np.save(tmp_path / "saved" / f"{number:06d}.npy", depth_m)
    run = tmp_path / "run"
    command = ("consistency", "spatial", root, "--out", run, "-m", f"files:{tmp_path / 'saved'}")
    status, printed = run_here(capsys, *command)
    assert status == 0, printed
    assert "4 predictions to make" in printed, "photos without objects are not predicted"
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    car, cyclist, person = summary["classes"]
    assert car["abs_rel"] == cyclist["abs_rel"] == pytest.approx(0.2, abs=1e-6)
    assert car["rank_correlation"] == car["true_rank_correlation"] == pytest.approx(-1)
    assert (car["count"], person["count"], person["abs_rel"]) == (4, 0, None)
    objects = lines_of(run / "objects.csv")
    assert len(objects) == 8
    assert objects[0]["class"] == "Car"
    assert float(objects[0]["predicted_m"]) == pytest.approx(42)
    assert (float(objects[0]["height_px"]), float(objects[0]["true_m"])) == (6, 35)
    assert Image.open(run / "spatial.png").height > 500
    dash = "\N{EN DASH}"
    assert f"Pedestrian 0 {dash} {dash} {dash}" in " ".join(printed.split())
    shown_too = ("Spearman of labels", "objects.csv, summary.json, spatial.png")
    for shown in ("Car", "-1.000", "20.0", *shown_too):
        assert shown in printed
    status, printed = run_here(capsys, *command, "--limit", 2)
    assert (status, len(lines_of(run / "objects.csv"))) == (0, 4), printed
    status, printed = run_here(capsys, "score", run)
    assert (status, "a run of `mfh consistency spatial`" in " ".join(printed.split())) == (1, True)


def test_spatial_says_what_is_wrong(capsys, tmp_path):
    root = write_objects(tmp_path / "kitti", [[label("Car", (1, 1, 9, 9), 5)]])
    for arguments, message in (
        ((tmp_path,), "not laid out as KITTI's object benchmark"),
        ((root, "--max-occlusion", 4), "expected 0 (fully visible) to 3"),
        (
            (root, "--method", "simulated"),
            "needs a depth map of every photo, which KITTI objects lacks",
        ),
    ):
        status, printed = run_here(capsys, "consistency", "spatial", *arguments)
        assert (status, message in " ".join(printed.split())) == (1, True), printed
