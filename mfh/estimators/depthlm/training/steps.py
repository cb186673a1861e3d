"""The loop is transformers' `Trainer`; what it is told, and what it tells.

Importing this module imports torch, transformers and accelerate.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from accelerate import PartialState
from torch.utils.data import DataLoader, Dataset

from mfh.errors import InputError, MfhError, NumericsError
from mfh.estimators.depthlm.training.batches import FAILED, UNREADABLE
from mfh.estimators.depthlm.training.checkpoints import (
    WEIGHTS_NAME,
    complete,
    damaged,
)
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.files import make_folder
from mfh.training.checkpoint import Checkpoint
from mfh.training.csv_log import CsvLog
from mfh.training.interruption import Interruption, leave_to_main_process
from mfh.training.progress import TimeLeft, TrainingProgress

COLUMNS = ("step", "loss", "learning_rate", "gradient_norm")


def arguments(
    settings: TrainingSettings,
    folder: Path,
    *,
    steps: int,
    parts: int,
    at_once: int,
    workers: int,
    on_cpu: bool,
) -> transformers.TrainingArguments:
    """What `Trainer` is told.

    folder: where checkpoints go. steps: all of them. at_once: questions that are computed at once;
    parts: how many times that a step of a process has. workers: as `train` has it.
    """
    told = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=parts,
        learning_rate=settings.highest_rate,
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(settings.warmup * steps),
        max_grad_norm=settings.max_gradient_norm,
        weight_decay=settings.weight_decay,
        optim="adamw_torch",
        bf16=settings.precision == "bfloat16",
        use_cpu=on_cpu,
        seed=settings.seed,
        dataloader_num_workers=workers,
        dataloader_pin_memory=not on_cpu,
        remove_unused_columns=False,
        logging_steps=1,
        logging_nan_inf_filter=False,
        # The reporter says when.
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        log_level_replica="error",
    )
    # It would spread a single process over all GPUs, which images of several sizes do not allow.
    told._n_gpu = min(1, told.n_gpu)
    return told


class OrderedTrainer(transformers.Trainer):  # type: ignore[misc, unused-ignore]
    """Takes the examples in their order, and raises what is wrong with one of them.

    Its checkpoints hold the weights that learn, by the names they have in memory: transformers
    would write all, by the names they have on the model hub, and then find some of them no more.

    reporter: told of each step. unreadable: told of the photos that could not be read, in the step
    that learns from others.
    """

    def __init__(
        self, *, reporter: Reporter, unreadable: Callable[[Sequence[str]], None], **kwargs: Any
    ) -> None:
        super().__init__(callbacks=[reporter], **kwargs)
        self._reporter = reporter
        self._unreadable = unreadable

    def run(self, checkpoint: Path | None) -> None:
        """Take all steps that are left.

        Raises `KeyboardInterrupt` for Ctrl-C, when the checkpoint of the step it came in is whole.
        """
        with self._reporter.interruption:
            self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if self._reporter.interrupted:
            PartialState().wait_for_everyone()
            raise KeyboardInterrupt

    def get_train_dataloader(self) -> Any:
        """The examples in their order, by readers that ignore Ctrl-C and draw nothing."""
        return self.accelerator.prepare(
            DataLoader(
                cast("Dataset[Any]", self.train_dataset),
                batch_size=self._train_batch_size,
                num_workers=self.args.dataloader_num_workers,
                collate_fn=self.data_collator,
                pin_memory=self.args.dataloader_pin_memory,
                worker_init_fn=leave_to_main_process,
            )
        )

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Raise what is wrong with the batch, or learn from it."""
        if FAILED in inputs:
            raise inputs[FAILED]
        self._unreadable(inputs.pop(UNREADABLE, ()))
        return super().training_step(model, inputs, *args, **kwargs)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if self.is_fsdp_enabled:
            super()._save(output_dir, state_dict)
            return
        if not self.args.should_save:
            return
        folder = make_folder(str(output_dir or self.args.output_dir))
        Checkpoint(dict(self._learning(self.model))).write(folder / WEIGHTS_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        checkpoint = Path(resume_from_checkpoint)
        try:
            stored = Checkpoint.read(checkpoint / WEIGHTS_NAME).tensors
        except InputError as error:
            raise damaged(checkpoint, f"{WEIGHTS_NAME} cannot be read") from error
        with torch.no_grad():
            for name, parameter in self._learning(self.model if model is None else model):
                if name not in stored or stored[name].shape != parameter.shape:
                    raise damaged(checkpoint, f"{WEIGHTS_NAME} has no weights {name} of this model")
                parameter.copy_(stored[name])

    def _learning(self, model: Any) -> Iterator[tuple[str, torch.nn.Parameter]]:
        return ((name, each) for name, each in model.named_parameters() if each.requires_grad)


class Reporter(transformers.TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Logs and tells of each step, and has checkpoints written that are known to be whole.

    done, total: the steps taken before, and all of them.
    every: after how many steps a checkpoint is written; none is after the last step.

    interruption: in its context Ctrl-C ends the training with a checkpoint, unless all steps are
        taken; interrupted: whether it did.
    """

    def __init__(
        self,
        log: CsvLog | None,
        progress: TrainingProgress,
        *,
        done: int,
        total: int,
        every: int,
        run_away: Callable[[str], str],
    ) -> None:
        self._log, self._progress = log, progress
        self._every, self._total = every, total
        self._left = TimeLeft(total - done)
        self.interruption = Interruption(progress.interrupted)
        self.interrupted = False
        self._run_away = run_away

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Log a step. Raises `NumericsError` where its loss is not finite."""
        if "loss" not in logs:  # the summary of the whole training
            return
        loss = float(logs["loss"])
        norm = float(logs.get("grad_norm", math.nan))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise NumericsError(
                self._run_away(f"step {state.global_step}: loss {loss}, gradient norm {norm}")
            )
        if self._log is not None:
            values = (state.global_step, loss, float(logs["learning_rate"]), norm)
            self._log.add(dict(zip(COLUMNS, values, strict=True)))
            self._progress.step(state.global_step, self._total, loss, self._left.taken())

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask for a checkpoint when one is due, and for the end when it is interrupted."""
        if state.global_step == self._total:
            return
        self.interrupted = self.interruption.asked()
        control.should_save = self.interrupted or state.global_step % self._every == 0
        control.should_training_stop = self.interrupted

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say that a checkpoint is whole, once every process has written its part."""
        PartialState().wait_for_everyone()
        if self._log is None:
            return
        self._log.sync()
        complete(Path(args.output_dir), state.global_step)
        self._progress.saved(state.global_step)


def is_writing(error: BaseException) -> bool:
    """Whether an error says that a file could not be written; those of `mfh` say so themselves."""
    if isinstance(error, MfhError):
        return False
    is_file = isinstance(error, OSError) and error.errno != errno.ENOMEM
    return is_file or "PytorchStreamWriter" in str(error)
