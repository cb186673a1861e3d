"""Training CLIP2Depth on a data set, in a folder of its own.

```
RUN/run.json                 what is trained on what, written first
RUN/checkpoint.safetensors   what the training goes on from
RUN/steps.csv, epochs.csv    the logs; RUN/tensorboard/ where TensorBoard is installed
RUN/model/                   the best model so far, as `CLIP2Depth` takes it
```
Importing this module imports torch, transformers and accelerate.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from mfh.compute import choose_device
from mfh.errors import SettingsError
from mfh.estimators.clip2depth.clipseg import load_clipseg
from mfh.estimators.clip2depth.config import Clip2DepthConfig
from mfh.estimators.clip2depth.files import MODEL_NAME, save_model
from mfh.estimators.clip2depth.network import Clip2DepthNetwork
from mfh.estimators.clip2depth.preprocessing import to_pixels
from mfh.estimators.clip2depth.training.data import TrainingData
from mfh.estimators.clip2depth.training.logs import FileLogs, Logs
from mfh.estimators.clip2depth.training.schedule import Schedule
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.estimators.clip2depth.training.trainer import Trainer
from mfh.models.weights import Weights
from mfh.settings import Device, Precision
from mfh.training.determinism import deterministic
from mfh.training.processes import in_all_processes
from mfh.training.progress import EpochScores, TrainingProgress
from mfh.training.run_folder import training_folder

CHECKPOINT_NAME = "checkpoint.safetensors"

_MIXED = {"float32": "no", "float16": "fp16", "bfloat16": "bf16"}


@dataclass(frozen=True)
class Trained:
    """What became of a training.

    model: the folder of the best model.
    best: its scores. history: those of all epochs.
    steps: how many were taken in all.
    main: whether this is the process that writes and reports; of several, one is.
    """

    model: Path
    best: EpochScores
    history: tuple[EpochScores, ...]
    steps: int
    main: bool


def train(
    data: TrainingData,
    base: Weights,
    folder: Path,
    settings: TrainingSettings | None = None,
    *,
    device: Device = "auto",
    workers: int = 0,
    checkpoint_s: float = 120.0,
    progress: TrainingProgress | None = None,
) -> Trained:
    """Train a model, or go on with it; the result is the same however often it was stopped.

    base: CLIPSeg.
    folder: the run. One that is there must be of the same data and settings.
    workers: processes that read photos ahead, for each GPU; 0 reads them in this one.
    checkpoint_s: seconds between two checkpoints; there is one at each epoch's end besides.

    Started by `accelerate launch`, several processes share each batch; one of them writes.

    Raises `RunFolderError` for a folder that another process writes, or in which something else is
    trained; `NumericsError` where the training runs away; `SettingsError`, `ModelError`,
    `InputError`, `NotEnoughMemoryError` and `OutputError`.
    """
    settings = settings or TrainingSettings()
    accelerator = _accelerator(settings, device, len(data.training))
    settings = replace(settings, precision=_precision(settings, accelerator.device))
    clipseg = load_clipseg(base)
    low_m, high_m = data.depth_range_m
    network = Clip2DepthNetwork(
        clipseg,
        Clip2DepthConfig(settings.conditioning, settings.tokens, low_m, high_m),
        decoder=settings.decoder,
        mirror=settings.mirror,
        seed=settings.seed,
    )
    schedule = Schedule.of(settings, len(data.training))
    identity = {
        "method": "clip2depth",
        "clipseg": clipseg.sha256,
        **data.as_dict(),
        **settings.as_dict(),
    }
    main = accelerator.is_main_process
    with ExitStack() as held:
        if main:
            held.enter_context(training_folder(folder, identity))
        accelerator.wait_for_everyone()
        focal_length_widths = data.focal_length_widths() if main else 0.0

        def save() -> None:
            told = _trained_on(data, settings, trainer, schedule, focal_length_widths)
            save_model(folder / MODEL_NAME, network, trained_on=told, base=_told(base))

        trainer = Trainer(
            network,
            data.training,
            data.validation,
            settings=settings,
            schedule=schedule,
            accelerator=accelerator,
            to_pixels=partial(
                to_pixels, size_px=clipseg.size_px, mean=clipseg.mean, std=clipseg.std
            ),
            checkpoint=folder / CHECKPOINT_NAME,
            checkpoint_s=checkpoint_s,
            workers=workers,
            progress=progress or TrainingProgress(),
            improved=save,
        )
        trainer.resume()
        # No process may write before all have read.
        accelerator.wait_for_everyone()
        held.enter_context(deterministic())
        done, validated = trainer.done, len(trainer.history)
        logs = FileLogs(folder, done=done, validated=validated) if main else Logs()
        trainer.run(held.enter_context(logs))
        network.load_trained_state(trainer.best_weights)
        if main:
            save()
        accelerator.wait_for_everyone()
    return Trained(folder / MODEL_NAME, trainer.best, tuple(trainer.history), trainer.done, main)


def _accelerator(settings: TrainingSettings, device: Device, photos: int) -> Accelerator:
    chosen = choose_device(device)
    mixed_precision = _MIXED[_precision(settings, chosen)]
    try:
        accelerator = Accelerator(mixed_precision=mixed_precision, cpu=chosen.type == "cpu")
    except ValueError as error:
        raise SettingsError(
            f"accelerate cannot compute on {chosen} in {settings.precision} precision ({error}); "
            "start a new process for another device or precision"
        ) from error
    if min(settings.batch, photos) < accelerator.num_processes:
        raise in_all_processes(
            accelerator,
            SettingsError(
                f"batch is {settings.batch}, and the number of training photos {photos}: fewer "
                f"than the {accelerator.num_processes} processes that share a step; use a larger "
                "--batch, more photos, or fewer processes"
            ),
        )
    return accelerator


def _precision(settings: TrainingSettings, device: torch.device) -> Precision:
    """The precision of the network; "auto" is half precision on CUDA alone."""
    if settings.precision == "float16" and device.type != "cuda":
        raise SettingsError(
            f"setting precision is 'float16', which needs a CUDA GPU, and this is {device}; "
            "use float32"
        )
    if settings.precision != "auto":
        return settings.precision
    return "float16" if device.type == "cuda" else "float32"


def _told(base: Weights) -> dict[str, Any]:
    """The CLIPSeg, as a saved model tells of it."""
    model_id = base.identity.get("id")
    return {
        "id": str(model_id) if model_id else str(base.folder.resolve()),
        "identity": dict(base.identity),
    }


def _trained_on(
    data: TrainingData,
    settings: TrainingSettings,
    trainer: Trainer,
    schedule: Schedule,
    focal_length_widths: float,
) -> dict[str, Any]:
    """What the best model learned from."""
    best = trainer.best
    return {
        **data.as_dict(),
        "data_set": data.data_set.title,
        "focal_length_widths": focal_length_widths,
        "settings": settings.as_dict(),
        "epochs": best.epoch,
        "steps": best.step,
        "of_steps": schedule.steps,
        "validation": {"loss": best.loss, "abs_rel": best.abs_rel},
    }
