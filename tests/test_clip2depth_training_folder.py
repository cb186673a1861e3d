"""The folder of CLIP2Depth's training: what is gone on with there, and what is not."""

from __future__ import annotations

import json
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from small_rooms import write_rooms
from tiny_clipseg import tiny_clipseg

from mfh.datasets import open_data_set
from mfh.errors import InputError, NumericsError, RunFolderError, SettingsError
from mfh.estimators.clip2depth.training import trainer as trainer_module
from mfh.estimators.clip2depth.training.data import TrainingData
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.estimators.clip2depth.training.training import train
from mfh.models import Weights
from mfh.training.checkpoint import Checkpoint
from mfh.training.csv_log import CsvLog
from mfh.training.photos import TrainingPhotos
from mfh.training.progress import ToldByMainError, TrainingProgress
from mfh.training.run_folder import training_folder

_SHORT = TrainingSettings(epochs=2, batch=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights.local(tiny_clipseg(tmp_path_factory.mktemp("clipseg")))


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rooms(tmp_path_factory.mktemp("data") / "rooms", 5, 48, 64)


def data_of(rooms: Path, max_m: float = 12.0) -> TrainingData:
    """Four photos to train on, and one that is held out: two steps an epoch."""
    data_set = open_data_set("folder", rooms, max_m=max_m)
    samples = data_set.samples()
    return TrainingData(
        data_set, TrainingPhotos(data_set, samples[:4]), TrainingPhotos(data_set, samples[4:])
    )


class StoppedError(Exception):
    """What stops a training in these tests."""


class StopsAfterStep3(TrainingProgress):
    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        if done == 4:
            raise StoppedError


@pytest.fixture(scope="module")
def stopped(base: Weights, rooms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was stopped after three of its four steps."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(StoppedError):
        train(data_of(rooms), base, folder, _SHORT, checkpoint_s=0, progress=StopsAfterStep3())
    return folder


Change = Callable[[dict[str, torch.Tensor], dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, v: v.update(done=-4), "-4 steps are done of 4"),
        (lambda t, v: v.update(done=999), "999 steps are done of 4"),
        (lambda t, v: v.update(done=2.5), "2.5 steps are done"),
        (lambda t, v: v.pop("done"), "'done' is missing"),
        (lambda t, v: v.update(history=[]), "0 epochs are validated, and 1 should be"),
        (lambda t, v: v["history"][0].update(loss=float("nan")), "scores of epoch 1 are not fin"),
        (lambda t, v: t.pop("weights/mirror"), "weights/mirror is missing"),
        (lambda t, v: t.update({"weights/mirror": torch.ones(3)}), r"mirror is \(3,\), expected"),
        (lambda t, v: t.pop("best/mirror"), "best/mirror is missing"),
        (lambda t, v: t["best/mirror"].fill_(torch.nan), "best/mirror holds NaN"),
        (lambda t, v: t.pop("optimizer/3/exp_avg"), "optimizer/3/exp_avg is missing"),
        (lambda t, v: t.update({"optimizer/0/exp_avg": torch.ones(3)}), r"exp_avg is \(3,\), exp"),
        (lambda t, v: t.update({"optimizer/99/step": torch.ones(())}), "99/step does not belong"),
    ],
)
def test_a_checkpoint_of_something_else_is_named_with_what_is_wrong(
    change: Change, message: str, base: Weights, rooms: Path, stopped: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    path = folder / "checkpoint.safetensors"
    read = Checkpoint.read(path)
    tensors, values = dict(read.tensors), dict(read.values)
    change(tensors, values)
    Checkpoint(tensors, values).write(path)
    with pytest.raises(
        InputError, match=rf"checkpoint\.safetensors: is no .*{message}.*; remove it to train"
    ):
        train(data_of(rooms), base, folder, _SHORT)


def test_a_run_of_another_format_is_refused(base: Weights, rooms: Path, stopped: Path) -> None:
    path = stopped / "run.json"
    before = path.read_text()
    path.write_text(json.dumps({**json.loads(before), "format": 2, "mfh": "9.9"}))
    with pytest.raises(RunFolderError, match=r"in format 2, written by mfh 9\.9"):
        train(data_of(rooms), base, stopped, _SHORT)
    path.write_text(before)


@pytest.mark.parametrize("changed", ["rgb/room_1.png", "depth/room_1.npy", "depth/room_4.npy"])
def test_other_photos_or_depth_by_the_same_names_are_another_training(
    changed: str, base: Weights, rooms: Path, stopped: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(rooms, tmp_path / "rooms")
    assert data_of(other).as_dict() == data_of(rooms).as_dict(), "a copy is the same"
    path = other / changed
    if path.suffix == ".npy":
        np.save(path, np.load(path) * 3)  # of the same size
    else:
        path.write_bytes(path.read_bytes() + b"\0")
    which = "validation" if "4" in changed else "training"
    with pytest.raises(RunFolderError, match=rf"trained otherwise: {which}_photos is \d \("):
        train(data_of(other), base, stopped, _SHORT)


def test_sizes_tell_photos_apart_that_are_not_looked_into(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mfh.estimators.clip2depth.training import data as data_module

    monkeypatch.setattr(data_module, "_LOOKED_INTO", 1)
    other = shutil.copytree(rooms, tmp_path / "rooms")
    path = other / "depth/room_3.npy"
    np.save(path, np.load(path).astype(np.float64))
    assert data_of(other).as_dict() != data_of(rooms).as_dict()


def test_what_failed_before_its_first_step_may_be_begun_otherwise(
    base: Weights, rooms: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="step 1: no photo of it has depth that counts"):
        train(data_of(rooms, max_m=0.01), base, tmp_path, _SHORT)
    trained = train(data_of(rooms), base, tmp_path, TrainingSettings(batch=4, steps=1))
    assert trained.steps == 1
    assert json.loads((tmp_path / "run.json").read_text())["training"]["options"]["max_m"] == 12


@pytest.mark.parametrize(
    ("left", "text"),
    [
        ("checkpoint.safetensors", ""),
        ("checkpoints/checkpoint-2/complete.json", "{}"),
        ("model/config.json", "{}"),
        ("steps.csv", "step,loss\n1,0.5\n"),
    ],
)
def test_what_was_begun_is_gone_on_with_alone(left: str, text: str, tmp_path: Path) -> None:
    def begin(rate: float) -> float:
        with training_folder(tmp_path, {"learning_rate": rate}):
            stored = json.loads((tmp_path / "run.json").read_text())
            return float(stored["training"]["learning_rate"])

    assert begin(0.1) == 0.1
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "steps.csv").write_text("step,loss\n")
    assert begin(0.2) == 0.2
    (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / left).write_text(text)
    assert begin(0.2) == 0.2
    with pytest.raises(RunFolderError, match=r"learning_rate is 0\.2 there and 0\.3 here"):
        begin(0.3)


def test_a_log_loses_lines_that_were_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    path.write_text("step,loss\n1,0.5\n2\n")
    with CsvLog(path, ("step", "loss"), last_step=2) as log:
        log.add({"step": 2, "loss": 0.25})
    assert path.read_text() == "step,loss\n1,0.5\n2,0.25\n"


def test_a_training_that_has_ended_gets_no_further_file_of_tensorboard(
    base: Weights, rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    class SummaryWriter:
        def __init__(self, folder: str, purge_step: int) -> None:
            opened.append(purge_step)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            pass

        def close(self) -> None:
            pass

    fake = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    for _ in range(2):
        train(data_of(rooms), base, tmp_path, TrainingSettings(batch=4, steps=1))
    assert opened == [1]


def test_processes_without_a_photo_are_refused(
    base: Weights, rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Accelerator, "num_processes", 3)
    with pytest.raises(SettingsError, match="batch is 2, and the number .* photos 4: fewer"):
        train(data_of(rooms), base, tmp_path / "run", _SHORT)
    monkeypatch.setattr(Accelerator, "num_processes", 5)
    with pytest.raises(
        SettingsError, match="photos 4: fewer than the 5 processes that share a step"
    ):
        train(data_of(rooms), base, tmp_path / "run", TrainingSettings(batch=32))
    monkeypatch.setattr(Accelerator, "is_main_process", False)
    with pytest.raises(
        ToldByMainError, match="photos 4: fewer than the 5 processes that share a step"
    ):
        train(data_of(rooms), base, tmp_path / "run", TrainingSettings(batch=32))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("elsewhere", "main", "error", "message"),
    [
        (0, True, InputError, "no photo of it has depth that counts"),
        (0, False, ToldByMainError, "no photo of it has depth that counts"),
        (5, True, NumericsError, "the loss is nan: the training has run away"),
    ],
)
def test_depth_that_counts_is_looked_for_in_all_processes(
    elsewhere: int,
    main: bool,
    error: type[Exception],
    message: str,
    base: Weights,
    rooms: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reduced(self: Accelerator, values: torch.Tensor, reduction: str) -> torch.Tensor:
        return values + elsewhere

    def not_a_number(*args: Any, **options: Any) -> torch.Tensor:
        return torch.tensor(torch.nan)

    monkeypatch.setattr(Accelerator, "num_processes", 2)
    monkeypatch.setattr(Accelerator, "is_main_process", main)
    monkeypatch.setattr(Accelerator, "reduce", reduced)
    monkeypatch.setattr(trainer_module, "scale_invariant_loss", not_a_number)
    with pytest.raises(error, match=message):
        train(data_of(rooms, max_m=0.01), base, tmp_path, _SHORT)
