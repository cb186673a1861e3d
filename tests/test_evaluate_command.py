"""`mfh evaluate` and `mfh score` as a user types them, on simulated stages."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from commands import run_here, start
from PIL import Image
from small_rooms import write_rooms

from mfh.datasets.nyu import official_test_split
from mfh.evaluation.runs.predictions import PredictionFolder

# Small stages on photos of any size.
QUICK = ("--method", "simulated", "--preset", "paper", "--set", "working_short_side_px=64")
RESULTS = {"run.json", "scores.csv", "summary.json", "table.md", "table.tex", "page.html"}


@pytest.fixture
def data(tmp_path):
    return write_rooms(tmp_path / "data", 2)


@pytest.fixture(scope="module")
def nyu(shared, tmp_path_factory):
    """Two photos of NYU Depth V2 under the names of two of the official test split."""
    root = tmp_path_factory.mktemp("nyu")
    frames = [official_test_split()[index] for index in (0, 100)]
    for (number, scene), (photo, depth) in zip(
        frames,
        (
            ("rgb_00000.jpg", "sync_depth_00000.png"),
            ("living_room_rgb.png", "living_room_depth.png"),
        ),
        strict=True,
    ):
        folder = root / "official_splits" / "test" / scene
        folder.mkdir(parents=True)
        image = Image.open(shared / "data" / "nyu" / photo).convert("RGB")
        image.save(folder / f"rgb_{number:05d}.jpg", quality=95)
        shutil.copy(shared / "data" / "nyu" / depth, folder / f"sync_depth_{number:05d}.png")
    return root


def predictions(run):
    return {
        str(path.relative_to(run)): PredictionFolder(path.parent).read(path.stem).depth_m
        for path in sorted((run / "predictions").rglob("*.npz"))
    }


def summary(run):
    stored = json.loads((run / "summary.json").read_text())
    return {row["key"]: row for row in stored["rows"]}


def test_the_whole_path(capsys, data, tmp_path):
    run = tmp_path / "run"
    command = ("evaluate", "folder", "--data", data, *QUICK, "-n", 2, "--out", run)
    status, printed = run_here(capsys, *command, "--errors", "none")
    assert status == 0, printed
    assert "2 predictions to make" in printed
    assert {path.name for path in run.iterdir()} >= RESULTS
    means = summary(run)["simulated"]["means"]
    assert means["delta1"]["value"] > 0.99
    assert means["abs_rel"]["value"] < 0.02
    assert "photos with depth maps" in printed
    assert "| simulated, N = 2, silog |" in (run / "table.md").read_text(encoding="utf-8")

    # Nothing is predicted again; scoring works elsewhere, and gives the same.
    before = {name: (run / name).read_bytes() for name in ("scores.csv", "table.md")}
    status, printed = run_here(capsys, *command, "--errors", "none")
    assert (status, "0 predictions to make, 2 there already" in printed) == (0, True)
    moved = shutil.move(data, tmp_path / "moved")
    status, printed = run_here(capsys, "score", run, "--data", moved)
    assert status == 0, printed
    assert {name: (run / name).read_bytes() for name in before} == before
    status, printed = run_here(capsys, "score", run)
    assert (status, f"{data}: there is no such folder" in printed) == (1, True)


def test_an_ablation_with_another_row_beside_it(capsys, data, tmp_path):
    run, saved = tmp_path / "run", tmp_path / "saved" / "rgb"
    saved.mkdir(parents=True)
    for name in ("room_0", "room_1"):
        np.save(saved / f"{name}.npy", np.load(data / "depth" / f"{name}.npy"))
    status, printed = run_here(
        capsys,
        *("evaluate", "folder", "--data", data, "--ablation", "table5", *QUICK, "-n", 2),
        *(
            "--method",
            f"files:{saved.parent}",
            "--out",
            run,
            "--limit",
            1,
            "--work",
            tmp_path / "w",
        ),
    )
    assert status == 0, printed
    rows = summary(run)
    assert list(rows)[:4] == ["l1", "l2", "mse-log", "silog"]
    assert list(rows.values())[4]["means"]["abs_rel"]["value"] == pytest.approx(0, abs=1e-6)
    assert "66.8" not in printed, "the paper's figures are on NYU Depth V2"
    assert "Table 5: losses" in printed
    assert "The paper's figures stand beside rows on its data set" in " ".join(printed.split())
    assert len(list((tmp_path / "w").rglob("painted/????.png"))) == 2, "painted once for all rows"
    assert json.loads((run / "run.json").read_text())["ablation"] == "table5"


def test_what_is_wrong_is_said(capsys, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "no models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    base = ("evaluate", "folder", "--data", data)
    for arguments, message in (
        (("evaluate", "nyuv2", "--data", data), "data set 'nyuv2': did you mean 'nyu'?"),
        (("evaluate", "rooms"), "data set 'rooms': there are nyu, kitti, ibims, diode, eth3d"),
        (("evaluate", "nyu"), "--data is missing: say where nyu lies"),
        ((*base, "--ablation", "table6"), "ablation 'table6' is unknown"),
        ((*base, "--method", "zoe"), "method 'zoe' is unknown"),
        ((*base, "--ablation", "figure5", "-n", 3), "it is what the rows of figure5 differ in"),
        ((*base, "--people", "hmar=x"), "--people hmar=x: there is no folder"),
        (
            (*base, "--people", f"hmar={data}"),
            "--people gives the meshes of a row of --ablation table9",
        ),
        (
            (*base, "--ablation", "table9", "--method", "simulated", "--people", f"hmar={data}"),
            "--people gives meshes for paintings, but --method simulated measures its own",
        ),
        ((*base, "--workers", 2), "--address and --workers are for --engine ray"),
        ((*base, "--seeds", 0), "--seeds 0: expected"),
        ((*base, "--data-option", "cap=3"), "option 'cap' of data set 'folder'"),
    ):
        status, printed = run_here(capsys, *arguments)
        assert (status, message in printed) == (1, True), printed
    assert not list(tmp_path.glob("mfh_out/**/run.json"))


def test_rows_whose_models_are_not_here_are_named(capsys, data, tmp_path, monkeypatch):
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "no models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    command = ("evaluate", "folder", "--data", data, "--out", tmp_path / "run")
    # With no other there is nothing to score.
    status, printed = run_here(capsys, *command)
    assert status == 1
    assert "MfH, N = 32, robust: skipped, it cannot run here" in printed
    assert "row mfh was skipped: models that this needs are missing" in printed
    # Those that lack the same are named together, and what predict could be given is left out.
    rows = ("--method", "mfh", "--method", "again=mfh", "--method", "mfh:oracle", *QUICK, "-n", 1)
    status, printed = run_here(capsys, *command, *rows)
    assert status == 1
    assert "rows mfh, again were skipped: models that this needs are missing" in printed
    assert "row mfh-oracle was skipped" in printed
    assert printed.count("mfh models get") == 2
    for option in ("--use", "--landmark", "mfh demo"):
        assert option not in printed
    assert summary(tmp_path / "run").keys() == {"simulated"}


def test_failures_end_with_exit_status_1(capsys, data, tmp_path):
    (data / "rgb" / "room_0.png").write_bytes(b"no picture")
    run = tmp_path / "run"
    status, printed = run_here(
        capsys, "evaluate", "folder", "--data", data, *QUICK, "-n", 1, "--out", run
    )
    assert status == 1
    assert "simulated, seed 0, rgb/room_0: failed" in printed
    assert "1 prediction failed; the same command tries again" in printed
    assert summary(run)["simulated"]["count"] == 1
    status, printed = run_here(capsys, "score", run)
    assert (status, "1 of 2 have no score" in printed) == (1, True)


def test_photos_added_for_one_row_are_no_failures_of_the_others(capsys, data, tmp_path):
    run = tmp_path / "run"
    command = ("evaluate", "folder", "--data", data, *QUICK[2:], "-n", 1, "--out", run)
    assert run_here(capsys, *command, "--method", "simulated", "--limit", 1)[0] == 0
    status, printed = run_here(capsys, *command, "--method", "simulated:oracle")
    assert (status, "have no score" in printed) == (0, False), printed
    assert "1 (1 not predicted)" in (run / "table.md").read_text(encoding="utf-8")
    assert run_here(capsys, "score", run)[0] == 0
    status, printed = run_here(capsys, "score", run, "--jobs", -1)
    assert (status, "Traceback" in printed) == (2, False), printed


def test_check_says_what_is_there(capsys, nyu):
    status, printed = run_here(capsys, "evaluate", "nyu", "--data", nyu, "--check")
    assert status == 1
    assert "2 of 654 photos are there" in printed
    assert "https://cs.nyu.edu" in printed


def test_check_of_a_folder_tells_which_data_set_it_is(capsys, nyu, data, tmp_path):
    status, printed = run_here(capsys, "evaluate", "--check", nyu)
    assert (status, "2 of 654 photos" in printed) == (1, True)
    status, printed = run_here(capsys, "evaluate", "--check", data)
    assert (status, "2 of 2 photos" in printed) == (0, True)
    (tmp_path / "empty").mkdir()
    for folder, message in (
        (tmp_path / "empty", "looks like none of the data sets"),
        (tmp_path / "none", "there is no such folder"),
        (Path("kitti"), "say where it lies, --data DIR"),
    ):
        status, printed = run_here(capsys, "evaluate", "--check", folder)
        assert status == 1
        assert message in printed


def test_without_records_nothing_but_predictions_is_kept(capsys, data, tmp_path):
    run = tmp_path / "run"
    command = ("evaluate", "folder", "--data", data, *QUICK, "-n", 2, "--limit", 1)
    assert run_here(capsys, *command, "--out", run, "--no-records")[0] == 0
    assert not (run / "work").exists()
    kept = tmp_path / "kept"
    assert run_here(capsys, *command, "--out", kept)[0] == 0
    for name, depth_m in predictions(kept).items():
        np.testing.assert_array_equal(predictions(run)[name], depth_m)


def test_scoring_imports_no_model_library(data, tmp_path):
    code = (
        "import sys\n"
        "from mfh_cli.main import run\n"
        "sys.argv = ['mfh', *sys.argv[1:]]\n"
        "try:\n    run()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'torchvision', 'diffusers', 'transformers', 'ray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = ("evaluate", "folder", "--data", data, *QUICK, "-n", 1, "--out", tmp_path / "run")
    for arguments in (command, ("score", tmp_path / "run")):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _killed_command(nyu, run):
    return (
        *("evaluate", "nyu", "--data", nyu, *QUICK, "-n", 5, "--seeds", 2, "--out", run),
        *("--method", "simulated:oracle"),
    )


@pytest.fixture(scope="module")
def whole(nyu, tmp_path_factory):
    """The predictions of a run that nobody disturbed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    process = start(*_killed_command(nyu, run))
    printed = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    return predictions(run)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_over_real_photos_goes_on_with_nothing_lost_or_doubled(
    capsys, nyu, whole, tmp_path, how
):
    run = tmp_path / "run"
    command = _killed_command(nyu, run)
    # Killed in the middle of the second photo's paintings.
    process = start(*command)
    found = _wait_for(process, run)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == (-9 if how == signal.SIGKILL else 130)
    done = {path: path.read_bytes() for path in run.rglob("predictions/**/*.npz")}
    assert 1 <= len(done) < 8

    status, printed = run_here(capsys, *command)
    assert status == 0, printed
    assert f"{8 - len(done)} predictions to make, {len(done)} there already" in printed
    for path, content in done.items():
        assert path.read_bytes() == content
    for path, (name, when) in found.items():
        assert (path.parent.parent / "painted" / name).stat().st_mtime_ns == when, "painted again"
    resumed = predictions(run)
    assert resumed.keys() == whole.keys()
    for name, depth_m in whole.items():
        assert resumed[name].tobytes() == depth_m.tobytes(), name
    assert not list(run.rglob(".mfh-*"))
    assert summary(run)["simulated"]["count"] == 2
    page = (run / "page.html").read_text(encoding="utf-8")
    assert "simulated" in page
    assert (run / "table.md").read_text(encoding="utf-8").count("simulated") >= 2


def _wait_for(process: subprocess.Popen[str], run: Path) -> dict[Path, tuple[str, int]]:
    """The paintings of a photo that is being painted once another one is predicted."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        # Folders come and go while they are looked through.
        with suppress(FileNotFoundError):
            if list((run / "predictions").rglob("[a-z]*.npz")):
                painted = list(run.rglob("painted.partial/000[0-4].png"))
                if len(painted) >= 2:
                    return {path: (path.name, path.stat().st_mtime_ns) for path in painted[:1]}
        time.sleep(0.002)
    raise AssertionError(f"ended, or too slow: {process.communicate()}")
