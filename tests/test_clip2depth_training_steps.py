"""What each step and each validation of CLIP2Depth's training computes, on a tiny CLIPSeg."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from small_rooms import write_rooms
from tiny_clipseg import tiny_clipseg

from mfh.datasets import open_data_set
from mfh.estimators.clip2depth import Clip2DepthConfig, load_config, load_network
from mfh.estimators.clip2depth.network import Clip2DepthNetwork
from mfh.estimators.clip2depth.training import trainer as trainer_module
from mfh.estimators.clip2depth.training.batches import Flips, Items
from mfh.estimators.clip2depth.training.data import TrainingData
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.estimators.clip2depth.training.training import train
from mfh.models import Weights
from mfh.records import Intrinsics
from mfh.training.order import epoch_batches, is_flipped
from mfh.training.photos import TrainingPhoto, TrainingPhotos
from mfh.training.progress import EpochScores, TrainingProgress

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights.local(tiny_clipseg(tmp_path_factory.mktemp("clipseg")))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """Four photos to train on and three held out, of which no half is the mirror of the other."""
    root = write_rooms(tmp_path_factory.mktemp("data") / "rooms", 7, 48, 64)
    for number in range(7):
        path = root / f"depth/room_{number}.npy"
        np.save(path, np.load(path) * np.linspace(0.5, 1.5, 64, dtype=np.float32))
    data_set = open_data_set("folder", root, max_m=12.0, min_m=0.0)
    samples = data_set.samples()
    return TrainingData(
        data_set, TrainingPhotos(data_set, samples[:4]), TrainingPhotos(data_set, samples[4:])
    )


def loss_of(pairs: list[tuple[np.ndarray, np.ndarray]], focus: float, alpha: float) -> float:
    """The scale-invariant loss over all pixels of (predicted, true), in NumPy's float64."""
    logs = [np.log(np.float64(p)) - np.log(np.float64(t)) for p, t in pairs]
    g = np.concatenate([each[np.isfinite(each)] for each in logs])
    return float(alpha * np.sqrt(np.var(g, ddof=1) + (1 - focus) * np.mean(g) ** 2))


def predicted(network: Clip2DepthNetwork, photo: TrainingPhoto, mirrored: bool) -> np.ndarray:
    """The depth of a photo at its size, seen mirrored where that is asked for."""
    image = photo.image[:, ::-1] if mirrored else photo.image
    with torch.no_grad():
        small = network(network.pixels([np.ascontiguousarray(image)]))[:, None]
        full = torch.nn.functional.interpolate(small, photo.true_m.shape, mode="bilinear")
    return full[0, 0].numpy()


def test_losses_of_a_step_and_of_a_validation_are_numpys(
    base: Weights, data: TrainingData, tmp_path: Path
) -> None:
    class Told(TrainingProgress):
        def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
            losses.append(loss)

        def validated(self, scores: EpochScores, best: bool) -> None:
            epochs.append(scores)

    losses: list[float] = []
    epochs: list[EpochScores] = []
    settings = TrainingSettings(batch=2, steps=1, variance_focus=0.3, alpha=4.0, seed=5)
    train(data, base, tmp_path, settings, progress=Told())

    indices = epoch_batches(4, 2, seed=5, epoch=0)[0]
    flipped = {index: is_flipped(index, seed=5, epoch=0) for index in range(4)}
    assert {flipped[index] for index in indices} == {True, False}, "the seed shows both"
    fresh = Clip2DepthNetwork.from_clipseg(base, Clip2DepthConfig(max_depth_m=12.0), seed=5)
    pairs = []
    for index in indices:
        photo = data.training[index]
        true_m = photo.true_m[:, ::-1] if flipped[index] else photo.true_m
        pairs.append((predicted(fresh, photo, flipped[index]), true_m))
    assert losses == pytest.approx([loss_of(pairs, 0.3, 4.0)], rel=1e-4)

    trained = load_network(tmp_path / "model", base)
    held_out = [(predicted(trained, photo, False), photo.true_m) for photo in data.validation]
    abs_rels = [np.nanmean(np.abs(p - t) / t) for p, t in held_out]
    assert epochs[0].abs_rel == pytest.approx(np.mean(abs_rels), rel=1e-4)
    expected = np.mean([loss_of([pair], 0.3, 4.0) for pair in held_out])
    assert epochs[0].loss == pytest.approx(expected, rel=1e-4)


def test_each_step_has_its_learning_rate_and_flips_and_the_best_epoch_is_kept(
    base: Weights, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[tuple[float, float]] = []
    loaded: list[tuple[Any, Flips | None]] = []
    kept: list[tuple[bool, bytes]] = []
    planted = [2.0, 2.0, 3.0]  # the second epoch is as good as the first
    adamw, load = torch.optim.AdamW, trainer_module.load_batches

    class Spied(adamw):  # type: ignore[misc, valid-type]
        def step(self, closure: Any = None) -> None:
            held.extend((group["lr"], group["weight_decay"]) for group in self.param_groups)
            super().step(closure)

    def spied(items: Items, *args: Any) -> Any:
        loaded.append((items.photos, items.flips))
        return load(items, *args)

    class Kept(TrainingProgress):
        def validated(self, scores: EpochScores, best: bool) -> None:
            kept.append((best, (tmp_path / "model/clip2depth.safetensors").read_bytes()))

    def scores(self: Any, predicted_m: torch.Tensor, true_m: torch.Tensor) -> torch.Tensor:
        return torch.tensor([1.0, planted[len(kept)], 0.1])

    monkeypatch.setattr(torch.optim, "AdamW", Spied)
    monkeypatch.setattr(trainer_module, "load_batches", spied)
    monkeypatch.setattr(trainer_module.Trainer, "_scores", scores)
    settings = TrainingSettings(epochs=3, batch=2, learning_rate=0.002, weight_decay=0.25, seed=7)
    trained = train(data, base, tmp_path, settings, progress=Kept())

    cosine = [0.002 * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert [rate for rate, _ in held] == pytest.approx(cosine, rel=1e-9)
    assert {decay for _, decay in held} == {0.25}
    assert loaded == [
        each
        for epoch in range(3)
        for each in ((data.training, Flips(7, epoch)), (data.validation, None))
    ]
    assert [best for best, _ in kept] == [True, False, False]
    assert (tmp_path / "model/clip2depth.safetensors").read_bytes() == kept[0][1]
    assert trained.best.epoch == load_config(tmp_path / "model").trained_on["epochs"] == 1


def test_a_photo_is_mirrored_with_its_depth() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    photo = TrainingPhoto(
        image, image[..., 0].astype(np.float32), "a", Intrinsics(6, 6, 3, 2, 6, 4)
    )
    seen = set()
    for epoch in range(8):
        items = Items([photo] * 4, torch.from_numpy, Flips(3, epoch))  # type: ignore[arg-type]
        for index in range(4):
            item = items[index]
            flipped = is_flipped(index, seed=3, epoch=epoch)
            expected = image[:, ::-1] if flipped else image
            np.testing.assert_array_equal(item.pixels, expected)
            np.testing.assert_array_equal(item.true_m, expected[..., 0])
            seen.add((epoch, flipped))
    assert len(seen) > 8, "each epoch has photos of both kinds"


def test_flips_and_order_are_drawn_apart() -> None:
    flips = [is_flipped(0, seed=2, epoch=epoch) for epoch in range(64)]
    of_order = [np.random.default_rng([2, 0, epoch]).random() < 0.5 for epoch in range(64)]
    assert flips != of_order


def test_depth_begins_at_a_millimetre_where_the_data_sets_range_begins_at_none(
    data: TrainingData,
) -> None:
    assert data.data_set.protocol.min_m == 0
    assert data.depth_range_m == (1e-3, 12.0)


def test_it_trains_in_bfloat16(base: Weights, data: TrainingData, tmp_path: Path) -> None:
    losses = {}
    for precision in ("float32", "bfloat16"):
        # Accelerate takes one precision a process.
        AcceleratorState._reset_state(reset_partial_state=True)
        folder = tmp_path / precision
        settings = TrainingSettings(batch=4, steps=2, precision=precision)  # type: ignore[arg-type]
        train(data, base, folder, settings, device="cpu")
        rows = (folder / "steps.csv").read_text().splitlines()[1:]
        losses[precision] = [float(row.split(",")[2]) for row in rows]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)
    assert losses["bfloat16"] != losses["float32"]
