"""Trainings of DepthLM for the tests: labels, tiny models, settings and what is told of steps."""

from __future__ import annotations

import json
import signal
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file
from tiny_vlm import tiny_pixtral, tiny_qwen

from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.training.progress import TrainingProgress

MODELS = {"qwen": tiny_qwen, "pixtral": tiny_pixtral}
BOTH = pytest.mark.parametrize("model", list(MODELS))
# Older versions have Pixtral take one image at a time.
AT_ONCE = 1 + ("image_sizes" in signature(transformers.PixtralVisionModel.forward).parameters)
TASKS = ("distance", "depth", "speed", "time", "two points")
HEIGHT, WIDTH, FOCAL = 40, 60, 1000.0


def write_labels(root: Path, count: int = 4, labels: int = 5, **changed: object) -> Path:
    """Photos of noise with random labels; at focal 1000 px they are seen as they are."""
    random = np.random.default_rng(0)
    (root / "rgb").mkdir(parents=True)
    lines = []
    for number in range(count):
        image = random.integers(0, 200, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(image).save(root / f"rgb/{number}.png")
        line = {
            "image": f"rgb/{number}.png",
            "intrinsics": [FOCAL, FOCAL, 31.0, 19.0, WIDTH, HEIGHT],
            "pixel_coords": random.integers((6, 6), (WIDTH - 6, HEIGHT - 6), (labels, 2)).tolist(),
            "depth": random.uniform(1, 9, labels).tolist(),
        }
        lines.append(json.dumps({**line, **changed}))
    (root / "labels.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "labels.jsonl"


class Bases:
    """The tiny models, each written when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> Path:
        if name == "qwen" and not hasattr(transformers, "Qwen2_5_VLForConditionalGeneration"):
            pytest.skip("this transformers has no Qwen2.5-VL")
        path = self.folder / name
        return path if path.is_dir() else MODELS[name](path)


def settings_of(**changes: object) -> TrainingSettings:
    usual = {"epochs": 99, "steps": 4, "batch": 2, "learning_rate": 1e-3, "max_gradient_norm": 1.0}
    return TrainingSettings(**{**usual, **changes})  # type: ignore[arg-type]


class Steps(TrainingProgress):
    """Keeps the losses; ends the training at once after a step, or has it sent a signal there."""

    def __init__(self, stop_at: int = 0, *, signal_at: int = 0) -> None:
        self.stop_at, self.signal_at = stop_at, signal_at
        self.saved_at: list[int] = []
        self.losses: dict[int, float] = {}
        self.begun = (0, 0, 0)

    def begin(self, done: int, total: int, photos: int, held_out: int) -> None:
        self.begun = (done, total, photos)
        assert held_out == 0

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        assert seconds_left >= 0
        self.losses[done] = loss
        if done == self.stop_at:
            raise KeyboardInterrupt
        if done == self.signal_at:
            signal.raise_signal(signal.SIGINT)

    def saved(self, step: int) -> None:
        self.saved_at.append(step)


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")
