"""The loop: steps, validations, checkpoints. Importing this module imports torch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from mfh.compute import is_out_of_memory
from mfh.errors import InputError, MfhError, NotEnoughMemoryError, NumericsError
from mfh.estimators.clip2depth.network import Clip2DepthNetwork
from mfh.estimators.clip2depth.training.batches import Batch, Flips, Items, ToPixels, load_batches
from mfh.estimators.clip2depth.training.logs import Logs
from mfh.estimators.clip2depth.training.loss import resized, scale_invariant_loss
from mfh.estimators.clip2depth.training.resuming import resume
from mfh.estimators.clip2depth.training.schedule import Schedule
from mfh.estimators.clip2depth.training.settings import TrainingSettings
from mfh.training.checkpoint import Checkpoint, named, optimizer_tensors
from mfh.training.interruption import Interruption
from mfh.training.order import epoch_batches
from mfh.training.photos import TrainingPhoto
from mfh.training.processes import in_all_processes, sum_gradients, sum_over_processes
from mfh.training.progress import EpochScores, TimeLeft, TrainingProgress


class Trainer:
    """A training from wherever its checkpoint is to its end.

    network: on the accelerator's device; it has no layer that trains otherwise than it predicts.
    training, validation: the photos.
    to_pixels: an image as the network's input; runs in the workers, too.
    checkpoint: the file. checkpoint_s: the seconds between two writings of it.
    improved: called in the main process with the network when it is the best so far.
    """

    def __init__(
        self,
        network: Clip2DepthNetwork,
        training: Sequence[TrainingPhoto],
        validation: Sequence[TrainingPhoto],
        *,
        settings: TrainingSettings,
        schedule: Schedule,
        accelerator: Accelerator,
        to_pixels: ToPixels,
        checkpoint: Path,
        checkpoint_s: float,
        workers: int,
        progress: TrainingProgress,
        improved: Callable[[], None],
    ) -> None:
        self._network = network.to(accelerator.device).eval()
        self._training, self._validation = training, validation
        self._settings, self._schedule = settings, schedule
        self._accelerator = accelerator
        self._to_pixels = to_pixels
        self._checkpoint, self._checkpoint_s = checkpoint, checkpoint_s
        self._workers = workers
        self._progress = progress if accelerator.is_main_process else TrainingProgress()
        self._improved = improved
        self._parameters = list(network.trained_parameters().values())
        self._optimizer = accelerator.prepare(
            torch.optim.AdamW(
                self._parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
            )
        )
        self._total = sum_over_processes(accelerator)
        self.done = 0
        self.history: list[EpochScores] = []
        self.best_weights: dict[str, torch.Tensor] = {}
        self._saved_at_s = time.monotonic()

    @property
    def best(self) -> EpochScores:
        """The scores of the best epoch, the first of equals."""
        return min(self.history, key=lambda scores: scores.product)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one. Raises `InputError` where it is damaged."""
        if not self._checkpoint.is_file():
            return
        resumed = resume(
            self._checkpoint,
            self._network,
            self._parameters,
            self._optimizer,
            self._accelerator.scaler,
            self._schedule,
        )
        self.done, self.history = resumed.done, resumed.history
        self.best_weights = resumed.best_weights

    def run(self, logs: Logs) -> None:
        """Train to the end.

        Raises `NumericsError` where loss or weights are not finite, `NotEnoughMemoryError`, and
        what reading photos and writing files raise. The checkpoint stays sound, whatever ends it;
        Ctrl-C ends it with one of the step it is taking.
        """
        schedule = self._schedule
        self._progress.begin(self.done, schedule.steps, len(self._training), len(self._validation))
        left = TimeLeft(schedule.steps - self.done)
        with Interruption(self._progress.interrupted) as interruption:
            while True:
                if len(self.history) < schedule.validations(self.done):
                    self._validate(logs)
                if self.done == schedule.steps:
                    return
                self._train_epoch(logs, left, interruption)

    def _train_epoch(self, logs: Logs, left: TimeLeft, interruption: Interruption) -> None:
        """Take the steps that are left of an epoch."""
        settings, schedule = self._settings, self._schedule
        epoch = schedule.epoch_of(self.done)
        begun = self.done - epoch * schedule.steps_per_epoch
        end = min(schedule.steps_per_epoch, begun + schedule.steps - self.done)
        batches = epoch_batches(
            len(self._training), settings.batch, seed=settings.seed, epoch=epoch
        )
        flips = Flips(settings.seed, epoch) if settings.flip else None
        items = Items(self._training, self._to_pixels, flips)
        shares = [self._share(batch) for batch in batches[begun:end]]
        for batch in load_batches(items, shares, self._workers):
            rate = schedule.learning_rate_of(self.done)
            loss = self._step(batch, rate)
            self.done += 1
            logs.step(self.done, epoch + 1, loss, rate)
            self._progress.step(self.done, schedule.steps, loss, left.taken())
            interrupted = interruption.asked()
            if interrupted or time.monotonic() - self._saved_at_s >= self._checkpoint_s:
                self._save(logs)
            if interrupted:
                self._accelerator.wait_for_everyone()
                raise KeyboardInterrupt
        self._save(logs)

    def _step(self, batch: Batch, rate: float) -> float:
        """Take one step; gives the loss before it."""
        settings = self._settings
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        try:
            predicted_m, true_m = self._maps(self._predict(batch.pixels), batch)
            predicted, true = _one(predicted_m), _one(true_m)
            loss = scale_invariant_loss(
                predicted,
                true,
                true.isfinite(),
                variance_focus=settings.variance_focus,
                alpha=settings.alpha,
                total=self._total,
            )
            value = float(loss.item())
            if not math.isfinite(value):
                raise in_all_processes(self._accelerator, self._not_finite(batch, value, true))
            self._optimizer.zero_grad()
            self._accelerator.backward(loss)
            sum_gradients(self._accelerator, self._parameters)
            self._optimizer.step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise NotEnoughMemoryError(
                f"a batch of {settings.batch} photos does not fit into the memory of "
                f"{self._accelerator.device}; share it among several GPUs with accelerate launch, "
                "or train into another folder with a smaller --batch"
            ) from error
        return value

    def _validate(self, logs: Logs) -> None:
        """Score the photos that are held out, and keep the best weights."""
        sums = torch.zeros(3, device=self._accelerator.device)
        indices = self._share(range(len(self._validation)))
        size = self._settings.batch
        shares = [indices[at : at + size] for at in range(0, len(indices), size)]
        with torch.no_grad():
            condition = self._condition()
            for batch in load_batches(
                Items(self._validation, self._to_pixels), shares, self._workers
            ):
                predicted_m = self._predict(batch.pixels, condition)
                for predicted, true in zip(*self._maps(predicted_m, batch), strict=True):
                    sums += self._scores(predicted, true)
        count, loss, abs_rel = self._accelerator.reduce(sums, "sum").tolist()
        if not count:
            raise in_all_processes(
                self._accelerator,
                InputError(
                    f"none of the {len(self._validation)} photos held out has depth that counts, "
                    f"e.g. {self._validation[0].name}; check the unit of its depth, and the range "
                    "that counts"
                ),
            )
        epoch = self._schedule.epoch_of(self.done - 1) + 1
        scores = EpochScores(epoch, self.done, loss / count, abs_rel / count)
        if not (math.isfinite(scores.loss) and math.isfinite(scores.abs_rel)):
            what = f"after step {self.done} the validation loss is {scores.loss}"
            raise in_all_processes(self._accelerator, NumericsError(self._run_away(what)))
        best = not self.history or scores.product < self.best.product
        self.history.append(scores)
        if best:
            self.best_weights = self._network.trained_state()
            if self._accelerator.is_main_process:
                self._improved()
        logs.epoch(scores)
        self._progress.validated(scores, best)
        self._save(logs)

    def _scores(self, predicted_m: torch.Tensor, true_m: torch.Tensor) -> torch.Tensor:
        """1, loss and AbsRel of a photo, or zeros where nothing of it counts."""
        valid = true_m.isfinite()
        if not valid.any():
            return torch.zeros(3, device=predicted_m.device)
        loss = scale_invariant_loss(
            predicted_m,
            true_m,
            valid,
            variance_focus=self._settings.variance_focus,
            alpha=self._settings.alpha,
        )
        relative = (predicted_m[valid] - true_m[valid]).abs() / true_m[valid]
        return torch.stack([torch.ones_like(loss), loss, relative.mean()])

    def _predict(self, pixels: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        """Depth (B, S, S) float32 in metres."""
        with self._accelerator.autocast():
            depth_m: torch.Tensor = self._network(pixels.to(self._accelerator.device), condition)
        return depth_m.float()

    def _condition(self) -> torch.Tensor:
        with self._accelerator.autocast():
            return self._network.condition()

    def _maps(
        self, predicted_m: torch.Tensor, batch: Batch
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Prediction and truth of each photo, at the size of its labels."""
        true_m = [each.to(predicted_m.device) for each in batch.true_m]
        sizes = [(each.shape[0], each.shape[1]) for each in true_m]
        return [resized(each, *size) for each, size in zip(predicted_m, sizes, strict=True)], true_m

    def _share(self, indices: Sequence[int]) -> list[int]:
        """What of a batch is this process's."""
        return list(indices[self._accelerator.process_index :: self._accelerator.num_processes])

    def _save(self, logs: Logs) -> None:
        """Write the checkpoint, whole or not at all, and never one that is spoiled."""
        self._saved_at_s = time.monotonic()
        if not self._accelerator.is_main_process:
            return
        tensors = {
            **named("weights", self._network.trained_state()),
            **named("optimizer", optimizer_tensors(self._optimizer)),
        }
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise NumericsError(self._run_away(f"after step {self.done} weights are not finite"))
        scaler = self._accelerator.scaler
        values: Mapping[str, Any] = {
            "done": self.done,
            "history": [asdict(scores) for scores in self.history],
            "scaler": {} if scaler is None else scaler.state_dict(),
        }
        logs.sync()
        best = named("best", self.best_weights)
        Checkpoint({**tensors, **best}, values).write(self._checkpoint)
        self._progress.saved(self.done)

    def _not_finite(self, batch: Batch, loss: float, true_m: torch.Tensor) -> MfhError:
        """Why the loss, which all processes share, is no number."""
        counted: torch.Tensor = self._accelerator.reduce(true_m.isfinite().sum(), "sum")
        if not counted.item():
            return InputError(
                f"step {self.done + 1}: no photo of it has depth that counts: "
                f"{', '.join(batch.names[:3])}{', ...' if len(batch.names) > 3 else ''}; check the "
                "unit of their depth and the range that counts, or leave such photos out"
            )
        return NumericsError(self._run_away(f"step {self.done + 1}: the loss is {loss}"))

    def _run_away(self, what: str) -> str:
        """Say what is wrong, what is still sound, and what to do."""
        sound = (
            f"{self._checkpoint} is sound, and leads here again"
            if self._checkpoint.is_file()
            else "nothing of it was written"
        )
        lower = self._settings.learning_rate / 3
        precise = (
            "" if self._settings.precision == "float32" else ", or with --set precision=float32"
        )
        return (
            f"{what}: the training has run away; {sound}. Train into another folder (--out) with a "
            f"lower --learning-rate, e.g. {lower:.1g}{precise}"
        )


def _one(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """All pixels of several maps, which may differ in size."""
    return torch.cat([each.flatten() for each in maps])
