"""Training CLIP2Depth: loss, schedule, order, resuming, logs; on a tiny CLIPSeg."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import readers_ignore_interrupts
from filelock import FileLock
from small_rooms import write_rooms
from tiny_clipseg import tiny_clipseg

from mfh.datasets import open_data_set
from mfh.errors import (
    InputError,
    NotEnoughMemoryError,
    NumericsError,
    OutputError,
    RunFolderError,
    SettingsError,
)
from mfh.estimators.clip2depth import CLIP2Depth, Clip2DepthConfig, load_config
from mfh.estimators.clip2depth.network import Clip2DepthNetwork
from mfh.estimators.clip2depth.training import trainer as trainer_module
from mfh.estimators.clip2depth.training import training as training_module
from mfh.estimators.clip2depth.training.data import TrainingData, training_data
from mfh.estimators.clip2depth.training.loss import resized, scale_invariant_loss
from mfh.estimators.clip2depth.training.schedule import Schedule
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.estimators.clip2depth.training.training import train
from mfh.evaluation.metrics import depth_errors
from mfh.models import Weights
from mfh.training.checkpoint import Checkpoint
from mfh.training.order import epoch_batches, is_flipped
from mfh.training.photos import TrainingPhotos
from mfh.training.progress import EpochScores, TimeLeft, TrainingProgress

# Seven photos in batches of two are three steps an epoch, and one photo is left out of each.
_SHORT = TrainingSettings(epochs=2, batch=2, learning_rate=0.003)
_STEPS = 6


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights.local(tiny_clipseg(tmp_path_factory.mktemp("clipseg")))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """Eight photos: the first seven to train on, the last held out."""
    root = write_rooms(tmp_path_factory.mktemp("data") / "rooms", 8, 48, 64)
    data_set = open_data_set("folder", root, max_m=12.0)
    samples = data_set.samples()
    return TrainingData(
        data_set, TrainingPhotos(data_set, samples[:7]), TrainingPhotos(data_set, samples[7:])
    )


@pytest.fixture(scope="module")
def uninterrupted(
    one_thread: None, base: Weights, data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a short run that nothing stopped."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    train(data, base, folder, _SHORT)
    return folder


def model_bytes(folder: Path) -> tuple[bytes, bytes]:
    model = folder / "model"
    return (model / "clip2depth.safetensors").read_bytes(), (model / "config.json").read_bytes()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class StoppedError(Exception):
    """What stops a training in these tests."""


class StopsAfter(TrainingProgress):
    def __init__(self, steps: int) -> None:
        self.steps = steps

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        if done == self.steps:
            raise StoppedError


# The loss


def test_loss_of_two_pixels_worked_by_hand() -> None:
    # g is (1, 2) log 2: variance 0.5 (log 2)^2, mean 1.5 log 2.
    predicted, true = torch.tensor([2.0, 4.0]), torch.ones(2)
    loss = scale_invariant_loss(predicted, true, torch.tensor([True, True]))
    expected = 10 * math.log(2) * math.sqrt(0.5 + 0.15 * 1.5**2)
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert expected == pytest.approx(6.3433, abs=1e-4)


def test_loss_is_numpys_over_the_valid_pixels_of_the_whole_batch() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(1, 9, (3, 20, 30)).astype(np.float32)
    predicted = (true * rng.lognormal(0.2, 0.3, true.shape)).astype(np.float32)
    valid = rng.random(true.shape) < 0.4
    true[~valid] = np.nan
    g = np.log(predicted[valid].astype(np.float64)) - np.log(true[valid].astype(np.float64))
    expected = 7 * math.sqrt(np.var(g, ddof=1) + (1 - 0.6) * np.mean(g) ** 2)
    given = torch.from_numpy(predicted).requires_grad_()
    loss = scale_invariant_loss(
        given, torch.from_numpy(true), torch.from_numpy(valid), variance_focus=0.6, alpha=7.0
    )
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert given.grad is not None
    assert torch.isfinite(given.grad).all()
    assert not given.grad[torch.from_numpy(~valid)].any()


def test_gradient_of_the_loss_is_right_by_finite_differences() -> None:
    torch.manual_seed(0)
    true = torch.rand(12, dtype=torch.float64) + 1
    valid = torch.arange(12) % 3 > 0
    predicted = (true * (1 + 0.3 * torch.rand(12))).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda depth: scale_invariant_loss(depth, true, valid), predicted
    )


def test_a_perfect_prediction_has_a_gradient_that_is_finite() -> None:
    true = torch.linspace(1, 5, 10)
    predicted = true.clone().requires_grad_()
    scale_invariant_loss(predicted, true, true > 0).backward()
    assert predicted.grad is not None
    assert torch.equal(predicted.grad, torch.zeros(10))


@pytest.mark.parametrize("size", [(48, 64), (64, 64), (30, 200), (16, 16)])
def test_resizing_is_bilinear_interpolation(size: tuple[int, int]) -> None:
    depth_m = torch.rand(64, 64)
    expected = torch.nn.functional.interpolate(depth_m[None, None], size=size, mode="bilinear")
    torch.testing.assert_close(resized(depth_m, *size), expected[0, 0])


# Schedule and order


def test_learning_rate_is_pytorchs_cosine_annealing() -> None:
    schedule = Schedule.of(TrainingSettings(epochs=5, batch=10), photos=105)
    assert (schedule.steps_per_epoch, schedule.steps) == (10, 50)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=0.003)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    for step in range(50):
        assert schedule.learning_rate_of(step) == pytest.approx(
            optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12
        )
        optimizer.step()
        annealing.step()
    assert schedule.learning_rate_of(50) == 0


def test_steps_are_limited_and_validated_at_epochs_and_at_the_end() -> None:
    schedule = Schedule.of(TrainingSettings(epochs=3, batch=4, steps=7), photos=13)
    assert (schedule.steps_per_epoch, schedule.steps) == (3, 7)
    assert [schedule.validations(done) for done in range(8)] == [0, 0, 0, 1, 1, 1, 2, 3]
    few = Schedule.of(TrainingSettings(epochs=3, batch=32), photos=5)
    assert (few.steps_per_epoch, few.steps) == (1, 3)


def test_each_epoch_has_an_order_of_its_own_that_comes_again() -> None:
    first = epoch_batches(10, 3, seed=1, epoch=0)
    assert [len(batch) for batch in first] == [3, 3, 3]
    assert len({index for batch in first for index in batch}) == 9
    assert first == epoch_batches(10, 3, seed=1, epoch=0)
    assert first != epoch_batches(10, 3, seed=1, epoch=1)
    assert first != epoch_batches(10, 3, seed=2, epoch=0)
    assert sorted(epoch_batches(2, 32, seed=1, epoch=0)[0]) == [0, 1]


def test_half_of_the_photos_are_mirrored() -> None:
    flipped = [is_flipped(index, seed=0, epoch=3) for index in range(1000)]
    assert 450 < sum(flipped) < 550
    assert flipped == [is_flipped(index, seed=0, epoch=3) for index in range(1000)]
    assert flipped != [is_flipped(index, seed=0, epoch=4) for index in range(1000)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate is 0.0; accepted: above 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"mirror": "random"}, "accepted: trained, detached"),
        ({"validation_fraction": 0.9}, "above 0, to 0.5"),
        ({"batch": 2.5}, "a whole number"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainingSettings(**changes)


def test_defaults_are_the_papers() -> None:
    settings = TrainingSettings()
    assert (settings.epochs, settings.batch, settings.learning_rate) == (25, 32, 0.003)
    assert (settings.weight_decay, settings.variance_focus, settings.alpha) == (0.01, 0.85, 10.0)
    assert settings.tokens == 64


def test_time_left_counts_what_lies_between_steps() -> None:
    now = [0.0]
    left = TimeLeft(4, clock=lambda: now[0])
    now[0] = 10.0
    assert left.taken() == 30.0
    now[0] = 14.0
    assert left.taken() == 14.0


def test_best_is_the_lowest_product() -> None:
    def scores(loss: float, abs_rel: float) -> EpochScores:
        return EpochScores(1, 1, loss, abs_rel)

    assert scores(2.0, 0.1).product < scores(1.5, 0.2).product


# Training


@pytest.mark.slow
def test_eight_photos_are_learned_by_heart(
    base: Weights, data: TrainingData, tmp_path: Path
) -> None:
    data_set = data.data_set
    samples = list(data_set.samples())
    # Each photo many times an epoch, as validation takes time, too.
    by_heart = TrainingData(
        data_set, TrainingPhotos(data_set, samples * 20), TrainingPhotos(data_set, samples)
    )
    settings = TrainingSettings(epochs=7, batch=8, flip=False)
    trained = train(by_heart, base, tmp_path / "run", settings)
    assert trained.best.abs_rel < 0.05
    model = CLIP2Depth(trained.model, base=base, device="cpu")
    for sample in samples:
        depth_m = model.predict(data_set.photo(sample)).depth_m
        true_m = data_set.truth(sample)
        errors = depth_errors(depth_m, true_m, data_set.protocol.valid(true_m))
        assert errors["abs_rel"] < 0.05


@pytest.mark.parametrize(
    "choices",
    [{}, {"mirror": "detached"}, {"decoder": "scratch"}, {"conditioning": "similarity"}],
    ids=lambda choices: "-".join(choices.values()) or "default",
)
def test_what_should_train_changes_and_nothing_else(
    choices: dict[str, Any],
    base: Weights,
    data: TrainingData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Clip2DepthNetwork] = []

    class Kept(Clip2DepthNetwork):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(training_module, "Clip2DepthNetwork", Kept)
    settings = TrainingSettings(batch=4, steps=2, seed=3, **choices)
    train(data, base, tmp_path, settings)
    config = Clip2DepthConfig(settings.conditioning, 64, 1e-3, 12.0)
    fresh = Clip2DepthNetwork.from_clipseg(
        base, config, decoder=settings.decoder, mirror=settings.mirror, seed=3
    )
    trained_ones = {id(each) for each in made[0].trained_parameters().values()}
    before = dict(fresh.named_parameters())
    counts = {True: 0, False: 0}
    for name, after in made[0].named_parameters():
        trains = id(after) in trained_ones
        assert torch.equal(after, before[name]) != trains, name
        counts[trains] += 1
    assert min(counts.values()) > 5
    assert ("mirror" in made[0].trained_parameters()) == (settings.mirror == "trained")


@pytest.mark.parametrize("stop", [1, 3, 4])
def test_interrupted_and_gone_on_with_is_the_same_to_the_bit(
    stop: int, base: Weights, data: TrainingData, tmp_path: Path, uninterrupted: Path
) -> None:
    with pytest.raises(StoppedError):
        train(data, base, tmp_path, _SHORT, checkpoint_s=0, progress=StopsAfter(stop))
    trained = train(data, base, tmp_path, _SHORT)
    assert trained.steps == _STEPS
    assert model_bytes(tmp_path) == model_bytes(uninterrupted)
    for log in ("steps.csv", "epochs.csv"):
        assert (tmp_path / log).read_bytes() == (uninterrupted / log).read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_killed_or_shared_by_two_processes_the_result_is_the_same(
    base: Weights, data: TrainingData, tmp_path: Path, uninterrupted: Path
) -> None:
    root, (killed, shared) = data.data_set.root, (tmp_path / "killed", tmp_path / "shared")
    script = Path(__file__).with_name("forked_trainings.py")
    subprocess.run([sys.executable, script, root, base.folder, killed, shared], check=True)
    assert len(rows_of(killed / "steps.csv")) == 4
    assert any(path.name.startswith(".mfh-") for path in killed.iterdir())
    train(data, base, killed, _SHORT)
    assert model_bytes(killed) == model_bytes(uninterrupted)
    assert not any(path.name.startswith(".mfh-") for path in killed.iterdir())

    for log in ("steps.csv", "epochs.csv"):
        for ours, theirs in zip(rows_of(shared / log), rows_of(uninterrupted / log), strict=True):
            for column, text in ours.items():
                assert float(text) == pytest.approx(float(theirs[column]), rel=1e-3), column


def test_a_run_that_is_done_is_not_trained_again(
    base: Weights, data: TrainingData, tmp_path: Path
) -> None:
    settings = TrainingSettings(batch=4, steps=2)
    first = train(data, base, tmp_path, settings)
    before = model_bytes(tmp_path)
    again = train(data, base, tmp_path, settings, progress=StopsAfter(2))
    assert (again, model_bytes(tmp_path)) == (first, before)


def test_readers_in_other_processes_make_no_difference(
    base: Weights, data: TrainingData, tmp_path: Path, uninterrupted: Path
) -> None:
    class Readers(TrainingProgress):
        def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
            if done == 1 and sys.platform == "linux":
                assert readers_ignore_interrupts()

    train(data, base, tmp_path, _SHORT, workers=1, progress=Readers())
    assert model_bytes(tmp_path) == model_bytes(uninterrupted)


def test_logs_have_a_line_for_each_step_and_each_epoch(uninterrupted: Path) -> None:
    steps = rows_of(uninterrupted / "steps.csv")
    assert [row["step"] for row in steps] == [str(step) for step in range(1, 7)]
    assert [row["epoch"] for row in steps] == ["1", "1", "1", "2", "2", "2"]
    schedule = Schedule(3, _STEPS, 0.003)
    for number, row in enumerate(steps):
        rate = schedule.learning_rate_of(number)
        assert float(row["learning_rate"]) == pytest.approx(rate, rel=1e-6)
        assert 0 < float(row["loss"]) < 100
    epochs = rows_of(uninterrupted / "epochs.csv")
    assert [(row["epoch"], row["step"]) for row in epochs] == [("1", "3"), ("2", "6")]


def test_a_model_says_what_it_was_trained_on(
    uninterrupted: Path, data: TrainingData, base: Weights
) -> None:
    saved = load_config(uninterrupted / "model")
    told = saved.trained_on
    epochs = rows_of(uninterrupted / "epochs.csv")
    products = [float(row["loss"]) * float(row["abs_rel"]) for row in epochs]
    best = epochs[int(np.argmin(products))]
    assert told["data_set"] == data.data_set.title
    assert told["training_photos"].startswith("7 (")
    assert told["epochs"] == int(best["epoch"])
    assert told["validation"]["abs_rel"] == pytest.approx(float(best["abs_rel"]), rel=1e-6)
    assert told["focal_length_widths"] == pytest.approx(0.8)
    assert told["settings"]["precision"] == "float32"
    assert saved.base["id"] == str(base.folder.resolve())
    assert (saved.config.min_depth_m, saved.config.max_depth_m) == (1e-3, 12.0)


def test_progress_tells_steps_epochs_and_checkpoints(
    base: Weights, data: TrainingData, tmp_path: Path
) -> None:
    told: list[tuple[Any, ...]] = []

    class Told(TrainingProgress):
        def begin(self, done: int, total: int, photos: int, held_out: int) -> None:
            told.append(("begin", done, total, photos, held_out))

        def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
            assert (seconds_left == 0) == (done == total)
            told.append(("step", done))

        def validated(self, scores: EpochScores, best: bool) -> None:
            told.append(("validated", scores.epoch, best))

        def saved(self, step: int) -> None:
            told.append(("saved", step))

    settings = TrainingSettings(batch=4, steps=2)
    train(data, base, tmp_path, settings, progress=Told())
    epochs = [each for each in told if each[0] == "validated"]
    assert told[0] == ("begin", 0, 2, 7, 1)
    assert [each for each in told if each[0] == "step"] == [("step", 1), ("step", 2)]
    assert epochs[0] == ("validated", 1, True)
    assert told[-1] == ("saved", 2)


def test_tensorboard_gets_the_same_numbers(
    base: Weights, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scalars: list[tuple[str, int]] = []
    opened: list[tuple[str, int]] = []

    class SummaryWriter:
        def __init__(self, folder: str, purge_step: int) -> None:
            opened.append((folder, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            assert math.isfinite(value)
            scalars.append((name, step))

        def close(self) -> None:
            opened.append(("closed", 0))

    fake = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    train(data, base, tmp_path, TrainingSettings(batch=4, steps=1))
    assert opened == [(str(tmp_path / "tensorboard"), 1), ("closed", 0)]
    assert scalars == [
        ("training/loss", 1),
        ("training/learning_rate", 1),
        ("validation/loss", 1),
        ("validation/abs_rel", 1),
    ]


# What goes wrong


def test_a_run_of_other_settings_is_refused(
    base: Weights, data: TrainingData, uninterrupted: Path
) -> None:
    other = TrainingSettings(epochs=2, batch=2, learning_rate=0.001, tokens=32)
    with pytest.raises(
        RunFolderError, match=r"learning_rate is 0.003 there and 0.001 here; tokens is 64 there"
    ):
        train(data, base, uninterrupted, other)


def test_a_run_of_other_photos_is_refused(
    base: Weights, data: TrainingData, uninterrupted: Path
) -> None:
    fewer = TrainingData(data.data_set, data.training[:6], data.validation)
    with pytest.raises(RunFolderError, match=r"training_photos is 7 \(\w+\) there and 6 \(\w+\)"):
        train(fewer, base, uninterrupted, _SHORT)


def test_an_evaluation_is_no_training(base: Weights, data: TrainingData, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"format": 1, "rows": []}))
    with pytest.raises(RunFolderError, match="a run that is no training"):
        train(data, base, tmp_path, _SHORT)


def test_two_processes_do_not_train_in_one_folder(
    base: Weights, data: TrainingData, tmp_path: Path
) -> None:
    with FileLock(tmp_path / "run.lock"), pytest.raises(RunFolderError, match="another process"):
        train(data, base, tmp_path, _SHORT)


def test_a_loss_that_is_not_finite_ends_the_training_and_spoils_nothing(
    base: Weights,
    data: TrainingData,
    tmp_path: Path,
    uninterrupted: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = [0]

    def running_away(*args: Any, **options: Any) -> torch.Tensor:
        calls[0] += 1
        return scale_invariant_loss(*args, **options) * (math.nan if calls[0] == 3 else 1)

    with monkeypatch.context() as patched:
        patched.setattr(trainer_module, "scale_invariant_loss", running_away)
        with pytest.raises(
            NumericsError, match="step 3: the loss is nan.*is sound.*lower --learning-rate"
        ):
            train(data, base, tmp_path, _SHORT, checkpoint_s=0)
    assert (tmp_path / "checkpoint.safetensors").is_file()
    train(data, base, tmp_path, _SHORT)
    assert model_bytes(tmp_path) == model_bytes(uninterrupted)


def test_weights_that_are_not_finite_are_never_written(
    base: Weights, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        trainer_module,
        "sum_gradients",
        lambda _, parameters: [each.grad.fill_(math.nan) for each in parameters],
    )
    with pytest.raises(NumericsError, match="after step 1 weights are not finite"):
        train(data, base, tmp_path, _SHORT, checkpoint_s=0)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_a_batch_that_does_not_fit_says_so(
    base: Weights, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainer_module, "scale_invariant_loss", full)
    with pytest.raises(NotEnoughMemoryError, match="a batch of 2 photos.*smaller --batch"):
        train(data, base, tmp_path, _SHORT)


def test_a_batch_without_depth_that_counts_is_refused(
    base: Weights, data: TrainingData, tmp_path: Path
) -> None:
    near = open_data_set("folder", data.data_set.root, max_m=0.01)
    samples = near.samples()
    none = TrainingData(near, TrainingPhotos(near, samples[:7]), TrainingPhotos(near, samples[7:]))
    with pytest.raises(InputError, match=r"step 1: no photo of it has depth that counts: rgb/room"):
        train(none, base, tmp_path, _SHORT)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_photo_that_cannot_be_read_is_named(workers: int, base: Weights, tmp_path: Path) -> None:
    root = write_rooms(tmp_path / "rooms", 4, 48, 64)
    (root / "rgb/room_2.png").write_bytes(b"no picture")
    data_set = open_data_set("folder", root)
    samples = data_set.samples()
    broken = TrainingData(
        data_set, TrainingPhotos(data_set, samples[:3]), TrainingPhotos(data_set, samples[3:])
    )
    with pytest.raises(InputError, match=r"room_2\.png") as refused:
        train(broken, base, tmp_path / "run", _SHORT, workers=workers)
    assert "Traceback" not in str(refused.value)


def test_a_damaged_checkpoint_is_named(base: Weights, data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train(data, base, tmp_path, _SHORT, checkpoint_s=0, progress=StopsAfter(2))
    checkpoint = tmp_path / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: not a checkpoint.*remove it"):
        train(data, base, tmp_path, _SHORT)


def test_a_checkpoint_is_a_file_like_any_other(tmp_path: Path) -> None:
    written = Checkpoint({"a": torch.arange(3.0)}, {"done": 0.1})
    with pytest.raises(OutputError, match="make its folder first"):
        written.write(tmp_path / "none" / "checkpoint.safetensors")
    path = tmp_path / "checkpoint.safetensors"
    written.write(path)
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name, "other"]
    read = Checkpoint.read(path)
    assert (read.values, read.tensors["a"].tolist()) == ({"done": 0.1}, [0, 1, 2])


def test_half_precision_needs_a_gpu(base: Weights, data: TrainingData, tmp_path: Path) -> None:
    settings = TrainingSettings(precision="float16")
    with pytest.raises(
        SettingsError, match="^setting precision is .*needs a CUDA GPU, and this is cpu"
    ):
        train(data, base, tmp_path, settings, device="cpu")


def test_a_limit_takes_photos_from_everywhere(data: TrainingData) -> None:
    with pytest.warns(UserWarning, match="of one scene"):
        few = training_data(data.data_set, TrainingSettings(limit=4, crop="none"))
    assert {few.training.crop, few.validation.crop} == {"none"}
    names = [sample.name for sample in (*few.training.samples, *few.validation.samples)]
    assert sorted(names) == ["rgb/room_0", "rgb/room_2", "rgb/room_4", "rgb/room_6"]
