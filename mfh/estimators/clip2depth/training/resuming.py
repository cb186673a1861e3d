"""Going on from a checkpoint, all of which is checked before any is taken over.

Importing this module imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mfh.errors import InputError
from mfh.estimators.clip2depth.network import Clip2DepthNetwork
from mfh.estimators.clip2depth.training.schedule import Schedule
from mfh.training.checkpoint import Checkpoint, load_optimizer_tensors
from mfh.training.progress import EpochScores

_OF_ADAMW = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Resumed:
    """Where a training is.

    done: steps that are taken. history: the scores of the epochs that are validated.
    best_weights: as `Clip2DepthNetwork.trained_state` has them; none before the first validation.
    """

    done: int
    history: list[EpochScores]
    best_weights: dict[str, torch.Tensor]


def resume(
    path: Path,
    network: Clip2DepthNetwork,
    parameters: Sequence[torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    scaler: Any,
    schedule: Schedule,
) -> Resumed:
    """Bring network, optimizer and scaler to where a checkpoint was written.

    parameters: those that the AdamW `optimizer` trains, in its order. scaler: of the gradients in
    half precision, or None.

    Raises `InputError`, naming the file and what is wrong in it, for another training's checkpoint,
    and one that is damaged.
    """
    read = Checkpoint.read(path)
    weights, best = read.group("weights"), read.group("best")
    try:
        done = _done(read.values, schedule)
        history = _history(read.values, schedule, done)
        own = {name: tensor.shape for name, tensor in network.trained_state().items()}
        _require_like("weights", weights, own)
        _require_like("best", best, own if history else {})
        gathered = {f"{n}/{name}": p.shape for n, p in enumerate(parameters) for name in _OF_ADAMW}
        steps = {f"{n}/step": torch.Size() for n in range(len(parameters))}
        _require_like("optimizer", read.group("optimizer"), {**gathered, **steps})
        network.load_trained_state(weights)
        load_optimizer_tensors(optimizer, read.group("optimizer"))
        if scaler is not None:
            scaler.load_state_dict(read.values["scaler"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"{path}: is no checkpoint of this training ({what}); remove it to train from the "
            "beginning"
        ) from error
    return Resumed(done, history, best)


def _done(values: Mapping[str, Any], schedule: Schedule) -> int:
    done = values["done"]
    if type(done) is not int or not 0 <= done <= schedule.steps:
        raise ValueError(f"{done!r} steps are done of {schedule.steps}")
    return done


def _history(values: Mapping[str, Any], schedule: Schedule, done: int) -> list[EpochScores]:
    """The scores of all validations that were due, of which one after the last step may lack."""
    history = [EpochScores(**scores) for scores in values["history"]]
    least, due = schedule.validations(max(done - 1, 0)), schedule.validations(done)
    if not least <= len(history) <= due:
        raise ValueError(f"{len(history)} epochs are validated, and {due} should be")
    for scores in history:
        if not (math.isfinite(scores.loss) and math.isfinite(scores.abs_rel)):
            raise ValueError(f"the scores of epoch {scores.epoch} are not finite")
    return history


def _require_like(
    group: str, tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size]
) -> None:
    """Raise `ValueError` unless tensors are those of these names and shapes, and finite."""
    for name in sorted(set(tensors) ^ set(shapes)):
        fault = "is missing" if name in shapes else "does not belong there"
        raise ValueError(f"{group}/{name} {fault}")
    for name, tensor in tensors.items():
        if tensor.shape != shapes[name]:
            was, own = tuple(tensor.shape), tuple(shapes[name])
            raise ValueError(f"{group}/{name} is {was}, expected {own}")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{group}/{name} holds NaN or infinite values")
