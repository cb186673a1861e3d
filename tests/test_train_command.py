"""`mfh train clip2depth` on a small tree, end to end, and what it says."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from commands import files_under, run_here
from small_rooms import write_rooms
from tiny_clipseg import tiny_clipseg

from mfh.estimators.clip2depth import CLIP2Depth
from mfh.models import Weights
from mfh.photos import load_photo


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clipseg(tmp_path_factory.mktemp("clipseg"))


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rooms(tmp_path_factory.mktemp("data") / "rooms", 5, 48, 64)


def arguments(rooms: Path, base: Path, run: Path) -> list[object]:
    given: list[object] = ["train", "clip2depth", "folder", "--data", rooms, "--base", base]
    given += ["--out", run, "--epochs", 2, "--batch", 2, "--workers", 0, "--device", "cpu"]
    return [*given, "--data-option", "max_m=12"]


def test_it_trains_and_says_how_to_use_the_model(
    rooms: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = [*arguments(rooms, base, run), "--learning-rate", "0.001", "--set", "flip=no"]
    status, printed = run_here(capsys, *command)
    assert status == 0, printed
    assert "note: " in printed
    assert "of one scene" in printed
    assert "4 steps, on 4 photos; 1 held out for validation" in printed
    assert "1/4 loss " in printed
    assert " left" in printed
    assert "epoch 2: validation loss " in printed
    assert "trained 4 steps on 4 photos of photos with depth maps; the best model is" in printed
    assert f"mfh predict photo.jpg --method clip2depth:{run / 'model'}" in printed
    assert f"mfh evaluate folder --data {rooms} --method clip2depth:{run / 'model'}" in printed
    # Some versions of filelock leave the lock's file, which is empty, and some do not.
    assert [name for name in files_under(run) if name != "run.lock"] == [
        "checkpoint.safetensors",
        "epochs.csv",
        "model/clip2depth.safetensors",
        "model/config.json",
        "run.json",
        "steps.csv",
    ]
    model = CLIP2Depth(run / "model", base=Weights.local(base), device="cpu")
    depth = model.predict(load_photo(rooms / "rgb/room_0.png"))
    assert depth.depth_m.shape == (48, 64)
    assert depth.parts["trained on"] == "photos with depth maps"

    status, printed = run_here(capsys, *command)
    assert status == 0
    assert "4 steps, 4 of them done already" in printed

    status, printed = run_here(capsys, *command, "--set", "weight_decay=0.1")
    assert status == 1
    assert "weight_decay is 0.01 there and 0.1 here" in printed
    assert "another folder with --out" in printed


def test_interrupted_it_tells_the_command_that_goes_on(
    rooms: Path,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mfh_cli.training_progress import TerminalTraining

    def interrupted(self: TerminalTraining, done: int, *rest: object) -> None:
        if done == 3:
            raise KeyboardInterrupt

    command = arguments(rooms, base, tmp_path / "run")
    with monkeypatch.context() as patched:
        patched.setattr(TerminalTraining, "step", interrupted)
        status, printed = run_here(capsys, *command)
    assert status == 130
    words = " ".join(map(str, command))
    assert f"interrupted; it goes on after step 2 with: mfh {words}" in printed
    status, printed = run_here(capsys, *command)
    assert status == 0
    assert "4 steps, 2 of them done already" in printed


def test_a_signal_ends_it_after_the_step_with_a_checkpoint(
    rooms: Path,
    base: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mfh_cli.training_progress import TerminalTraining

    def signalled(self: TerminalTraining, done: int, *rest: object) -> None:
        if done == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(TerminalTraining, "step", signalled)
    command = [*arguments(rooms, base, tmp_path / "run"), "--epochs", 3]
    status, printed = run_here(capfd, *command)
    assert status == 130
    assert "ending after this step, with a checkpoint" in printed
    assert "interrupted; it goes on after step 3 with: mfh " in printed
    monkeypatch.setenv("RANK", "1")
    TerminalTraining().interrupted()
    assert capfd.readouterr().err == ""


def test_of_several_processes_one_speaks(
    rooms: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mfh_cli import train as command
    from mfh_cli import training_options
    from mfh_cli.training_progress import TerminalTraining

    from mfh.datasets import open_data_set
    from mfh.estimators.clip2depth.training.settings import TrainingSettings
    from mfh.training.progress import ToldByMainError

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(training_options, "_TELLING_S", 0.0)
    printed = {}
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        progress = TerminalTraining()
        command._photos(open_data_set("folder", rooms), TrainingSettings(crop="none"))
        with pytest.raises(typer.Exit) as ended, training_options.interruptible_training(progress):
            raise KeyboardInterrupt
        assert ended.value.exit_code == 130
        printed[rank] = capsys.readouterr().err
    assert printed["1"] == ""
    assert "note: " in printed["0"]
    assert "with: accelerate launch -m mfh " in printed["0"]
    assert "launched with the same options as before" in printed["0"]

    with pytest.raises(typer.Exit) as ended, training_options.interruptible_training(progress):
        raise ToldByMainError("the same as the main process says")
    assert ended.value.exit_code == 1
    progress.begin(0, 4, 4, 1)
    assert "1 held out for validation; shared by 2 processes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (["--set", "momentum=0.9"], "--set momentum: there are epochs, steps, batch"),
        (["--set", "flip=perhaps"], "--set flip=perhaps: expected true or false"),
        (["--set", "alpha=much"], "--set alpha=much: expected a number"),
        (["--learning-rate", "2"], "learning_rate is 2.0; accepted: above 0, to 1"),
        (["--device", "tpu"], "--device tpu: accepted: auto, cpu"),
        (["--tokens", "78"], "tokens is 78"),
        (["--base", "nowhere"], "nowhere: there is no such folder"),
        (["--data-option", "crop=eigen"], "64 x 48 px, but the crop is defined for 640 x 480"),
        (["--data-option", "crop=eigen"], "--data-option crop=none, or in a training --set crop"),
    ],
)
def test_what_cannot_be_is_refused(
    added: list[str],
    message: str,
    rooms: Path,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, printed = run_here(capsys, *arguments(rooms, base, tmp_path / "run"), *added)
    assert status == 1
    assert message in printed
    assert not (tmp_path / "run").exists()


def test_photos_that_are_not_there_are_told(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms = write_rooms(tmp_path / "rooms", 5, 48, 64)
    (rooms / "depth/room_1.npy").unlink()
    command = arguments(rooms, base, tmp_path / "run")
    status, printed = run_here(capsys, *command, "--steps", 1)
    assert status == 0
    assert "1 photo of photos with depth maps left out; not there:" in printed
    assert "room_1.npy" in printed
    assert "1 step, on 3 photos" in printed
    assert "trained 1 step on 3 photos" in printed
    assert "on 1 photo held out" in printed


def test_without_clipseg_it_says_how_to_get_it(
    rooms: Path,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    command = arguments(rooms, "CIDAS/clipseg-rd64-refined", tmp_path / "run")  # type: ignore[arg-type]
    status, printed = run_here(capsys, *command, "--offline")
    assert status == 1
    assert "get it with: mfh models get" in printed


def test_nyu_is_trained_on_its_training_split(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = run_here(
        capsys, "train", "clip2depth", "nyu", "--data", tmp_path, "--base", base
    )
    assert status == 1
    assert "holds no training photos of NYU Depth V2" in printed


def test_help_loads_no_model_library() -> None:
    code = (
        "import sys\nfrom mfh_cli.main import app\n"
        "try:\n    app(['train', 'clip2depth', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'transformers', 'accelerate'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "--learning-rate" in done
    assert "pip install tensorboard" in done
    # Broken into lines, with a frame around them.
    words = " ".join(done.replace("│", " ").split())
    assert "weight_decay (0.01)" in words
    assert "crop (eigen; or none" in words
