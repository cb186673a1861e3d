"""Trainings of DepthLM that are stopped and gone on with, and what they go on from."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import killed_depthlm
import numpy as np
import pytest
import shared_depthlm
import torch
import transformers
from commands import readers_ignore_interrupts
from depthlm_runs import (
    AT_ONCE,
    BOTH,
    TASKS,
    Bases,
    Steps,
    settings_of,
    tensors,
    write_labels,
)

from mfh.errors import (
    InputError,
    RunFolderError,
)
from mfh.estimators.depthlm.training.checkpoints import complete, latest_checkpoint
from mfh.estimators.depthlm.training.labelled import labelled_files
from mfh.estimators.depthlm.training.training import train
from mfh.estimators.depthlm.training.unreadable import UnreadablePhotos
from mfh.models import Weights


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labels(tmp_path_factory.mktemp("labels") / "set")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("models"))


@BOTH
def test_stopped_it_comes_to_the_same_model(
    model: str, tmp_path: Path, labels: Path, bases: Bases
) -> None:
    files, base = labelled_files([labels]), Weights.local(bases[model])
    settings = settings_of(steps=3, batch=4, tasks=TASKS)
    options = {"device": "cpu", "save_every": 2, "at_once": AT_ONCE}
    train(files, base, tmp_path / "whole", settings, **options)
    stopped = tmp_path / "stopped"
    # Ctrl-C in step 2, of which there is a checkpoint then.
    told, before = Steps(signal_at=1), signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        train(files, base, stopped, settings, progress=told, **{**options, "save_every": 99})
    signal.signal(signal.SIGINT, before)
    assert list(told.losses) == [1, 2] and told.saved_at == [2]
    with pytest.raises(KeyboardInterrupt):
        train(files, base, stopped, settings, progress=Steps(stop_at=3), **options)
    assert not (stopped / "model").exists()
    assert [path.name for path in (stopped / "checkpoints").iterdir()] == ["checkpoint-2"]
    told = Steps()
    train(files, base, stopped, settings, progress=told, **options)
    assert told.begun[0] == 2 and list(told.losses) == [3]
    for name in ("model/model.safetensors", "steps.csv", "model/config.json"):
        assert (stopped / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not any((stopped / "checkpoints").iterdir())
    # Killed before it could remove it.
    (stopped / "checkpoints/checkpoint-2").mkdir()
    (stopped / "checkpoints/checkpoint-2/complete.json").touch()
    told = Steps()
    train(files, base, stopped, settings, progress=told, **options)
    assert told.begun[0] == 3 and not told.losses
    assert not any((stopped / "checkpoints").iterdir())
    with pytest.raises(RunFolderError, match="learning_rate is 0.001 there and 0.002 here"):
        train(files, base, stopped, replace(settings, learning_rate=2e-3), device="cpu")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="needs fork")
@pytest.mark.usefixtures("one_thread")
def test_killed_it_comes_to_the_same_model(tmp_path: Path, labels: Path, bases: Bases) -> None:
    run = tmp_path / "killed"
    program = Path(killed_depthlm.__file__)
    subprocess.run([sys.executable, program, labels, bases["pixtral"], run], check=True)
    # Killed after step 3, and then when the checkpoint of step 4 was not yet known to be whole.
    there = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert there == ["checkpoint-2", "checkpoint-4"]
    files, base = labelled_files([labels]), Weights.local(bases["pixtral"])
    told = Steps()
    for folder in (run, tmp_path / "whole"):
        train(
            files,
            base,
            folder,
            killed_depthlm.SETTINGS,
            device="cpu",
            save_every=2,
            progress=told if folder == run else None,
        )
    assert told.begun[0] == 2
    for name in ("model/model.safetensors", "steps.csv"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="needs fork")
@pytest.mark.skipif(
    int(transformers.__version__.partition(".")[0]) < 5,
    reason="this transformers goes on with no training of several processes on a CPU",
)
@BOTH
def test_two_processes_that_share_it_come_to_the_model_of_one(
    tmp_path: Path, labels: Path, bases: Bases, model: str
) -> None:
    runs = alone, copied, sharded = [tmp_path / name for name in ("alone", "copied", "sharded")]
    program = Path(shared_depthlm.__file__)
    subprocess.run([sys.executable, program, labels, bases[model], copied, sharded], check=True)
    train(
        labelled_files([labels]),
        Weights.local(bases[model]),
        alone,
        shared_depthlm.SETTINGS,
        device="cpu",
    )
    ones, *others = (tensors(run / "model") for run in runs)
    for other, dtype, rounding in zip(
        others, (torch.float32, torch.bfloat16), (1e-3, 5e-3), strict=True
    ):
        assert other.keys() == ones.keys()
        for name, values in ones.items():
            assert other[name].dtype == dtype
            torch.testing.assert_close(other[name].float(), values, rtol=rounding, atol=1e-4)
    config = json.loads((sharded / "model/config.json").read_text())
    assert config.get("dtype", config.get("torch_dtype")) == "bfloat16"
    logs = [np.loadtxt(run / "steps.csv", delimiter=",", skiprows=1) for run in runs]
    for log in logs[1:]:
        np.testing.assert_allclose(log, logs[0], rtol=1e-3)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, labels: Path, bases: Bases) -> Path:
    """A run that was stopped after step 3, with the checkpoint of step 2."""
    run = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.raises(KeyboardInterrupt):
        go_on(run, labels, bases, Steps(stop_at=3))
    return run


def go_on(run: Path, labels: Path, bases: Bases, progress: Steps) -> None:
    files, base = labelled_files([labels]), Weights.local(bases["pixtral"])
    train(files, base, run, settings_of(), device="cpu", save_every=2, progress=progress)


def test_a_damaged_checkpoint_is_not_gone_on_from(
    tmp_path: Path, interrupted: Path, labels: Path, bases: Bases
) -> None:
    written = {path.name for path in (interrupted / "checkpoints/checkpoint-2").iterdir()}
    parts = {"weights.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"}
    parts |= {"trainer_state.json"}
    assert parts | {"complete.json"} <= written

    def removed(file: Path) -> str:
        file.unlink()
        return f"{file.name} is missing"

    def cut(file: Path) -> str:
        size = file.stat().st_size
        file.write_bytes(file.read_bytes()[: size // 2])
        return f"{file.name} has {size // 2} bytes of {size}"

    def overwritten(file: Path) -> str:
        file.write_bytes(b"x" * file.stat().st_size)
        return f"{file.name} cannot be read"

    def emptied(file: Path) -> str:
        file.write_text("{}")
        return f"{file.name} does not say which files there are"

    damages = [(part, damage) for part in sorted(parts) for damage in (removed, cut)]
    damages += [("weights.safetensors", overwritten)]
    damages += [("complete.json", overwritten), ("complete.json", emptied)]
    for number, (part, damage) in enumerate(damages):
        run = tmp_path / f"run{number}"
        shutil.copytree(interrupted, run)
        checkpoint = run / "checkpoints/checkpoint-2"
        what = damage(checkpoint / part)
        with pytest.raises(InputError) as error:
            go_on(run, labels, bases, Steps())
        assert str(error.value) == (
            f"{checkpoint}: the checkpoint is damaged: {what}; restore it, or remove the folder "
            f"{checkpoint} to train from the beginning"
        )
    shutil.rmtree(checkpoint)
    told = Steps(stop_at=1)
    with pytest.raises(KeyboardInterrupt):
        go_on(run, labels, bases, told)
    assert told.begun[0] == 0 and list(told.losses) == [1]


def test_a_checkpoint_of_another_launch_is_no_damaged_one(
    tmp_path: Path,
    interrupted: Path,
    labels: Path,
    bases: Bases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "run"
    shutil.copytree(interrupted, run)
    with monkeypatch.context() as launched:
        launched.setenv("ACCELERATE_USE_FSDP", "true")
        with pytest.raises(InputError, match=r"hold all weights .*; go on with the same launch"):
            go_on(run, labels, bases, Steps())
    checkpoint = run / "checkpoints/checkpoint-2"
    (checkpoint / "weights.safetensors").rename(checkpoint / "model.distcp")
    complete(run / "checkpoints", 2)
    with pytest.raises(InputError, match=r"share the weights \(FSDP\); go on with the same launch"):
        go_on(run, labels, bases, Steps())


def test_the_disk_has_a_checkpoint_before_the_last_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the folders that processes write together in a sharded training."""
    part = tmp_path / "checkpoint-4/optimizer_0/__1_0.distcp"
    for path in (tmp_path / "checkpoint-2/scheduler.pt", part, part.parents[1] / "scheduler.pt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a" * 9)
    synced, sync = set(), os.fsync
    checkpoint = tmp_path / "checkpoint-4"
    said_whole = []

    def note(file: int) -> None:
        assert (tmp_path / "checkpoint-2/scheduler.pt").exists()
        synced.add(os.fstat(file).st_ino)
        if os.fstat(file).st_ino == checkpoint.stat().st_ino:
            said_whole.append((checkpoint / "complete.json").exists())
        sync(file)

    monkeypatch.setattr(os, "fsync", note)
    complete(tmp_path, 4)
    assert latest_checkpoint(tmp_path) == (4, tmp_path / "checkpoint-4")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]
    kept = [path for path in tmp_path.rglob("*") if path.is_file() or os.name == "posix"]
    assert {path.stat().st_ino for path in kept} <= synced
    assert os.name != "posix" or said_whole[-1]
    part.write_bytes(b"a" * 8)
    with pytest.raises(InputError, match="optimizer_0/__1_0.distcp has 8 bytes of 9"):
        latest_checkpoint(tmp_path)


def test_with_a_broken_photo_it_comes_to_the_same_model(
    tmp_path: Path, bases: Bases, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_labels(tmp_path / "set")
    (tmp_path / "set/rgb/2.png").write_bytes(b"no photo")
    runs = whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    files, base = labelled_files([path]), Weights.local(bases["pixtral"])

    class Readers(Steps):
        def step(self, done: int, *rest: Any) -> None:
            if done == 1 and sys.platform == "linux":
                assert readers_ignore_interrupts()

    options = {"device": "cpu", "save_every": 2, "workers": 1, "progress": Readers()}
    trained = train(files, base, whole, settings_of(), **options)
    with pytest.raises(KeyboardInterrupt):
        go_on(stopped, path, bases, Steps(stop_at=3))
    go_on(stopped, path, bases, Steps())
    for name in ("model/model.safetensors", "steps.csv", "unreadable.txt"):
        first, second = ((run / name).read_bytes() for run in runs)
        assert first == second, name
    assert trained.unreadable.count() == 1
    assert re.fullmatch(r".*line 3: .*2\.png.*\n", (whole / "unreadable.txt").read_text())
    monkeypatch.setattr("mfh.estimators.depthlm.training.unreadable._MOST", 0)
    with pytest.raises(InputError, match=r"1 of 4 photos cannot be read, .*; the last is .*line 3"):
        go_on(tmp_path / "too many", path, bases, Steps())
    for photo in (tmp_path / "set/rgb").iterdir():
        photo.write_bytes(b"no photo")
    with pytest.raises(InputError, match="nor can 9 others be read"):
        go_on(tmp_path / "all", path, bases, Steps())


def test_a_hundred_photos_or_one_per_cent_may_be_unreadable(tmp_path: Path) -> None:
    for photos, most in ((500, 100), (20_000, 200)):
        unreadable = UnreadablePhotos(tmp_path / f"{photos}.txt", photos)
        assert unreadable.count() == 0
        lines = [f"line {number}: a.png\nis damaged" for number in range(most)]
        unreadable.add(lines)
        unreadable.add(lines[:3])
        assert unreadable.count() == most
        with pytest.raises(InputError, match=f"{most + 1} of {photos} photos cannot be read"):
            unreadable.add(["another"])
