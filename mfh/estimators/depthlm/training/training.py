"""Teaching a vision language model metres, in a folder of its own.

```
RUN/run.json        what is trained on what, written first
RUN/checkpoints/    what the training goes on from
RUN/steps.csv       the log
RUN/unreadable.txt  photos that could not be read, where there are any
RUN/model/          the model, in the model hub's layout, with mfh.json
```
The loop, its optimizer and its checkpoints are those of transformers' `Trainer`, on Accelerate.
Importing this module imports torch, transformers and accelerate.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import PartialState

from mfh.compute import choose_device, is_out_of_memory
from mfh.errors import NotEnoughMemoryError, OutputError, SettingsError
from mfh.estimators.depthlm.models import OWN_FILE, ModelKind
from mfh.estimators.depthlm.training.batches import Batches
from mfh.estimators.depthlm.training.checkpoints import (
    latest_checkpoint,
    remove_others,
    require_sharded_alike,
)
from mfh.estimators.depthlm.training.examples import Examples
from mfh.estimators.depthlm.training.labelled import LabelledFile
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.training.steps import (
    COLUMNS,
    OrderedTrainer,
    Reporter,
    arguments,
    is_writing,
)
from mfh.estimators.depthlm.training.unreadable import UnreadablePhotos
from mfh.estimators.depthlm.training.weights import (
    load_to_train,
    save_model,
    share_tied,
    stored_dtype,
    to_store,
    trained_kind,
)
from mfh.estimators.depthlm.vlm_network import ImageTextNetwork
from mfh.files import make_folder
from mfh.loading.quiet import quiet_loading
from mfh.models.weights import Weights
from mfh.settings import Device
from mfh.training.csv_log import CsvLog
from mfh.training.determinism import deterministic
from mfh.training.progress import TrainingProgress
from mfh.training.run_folder import training_folder

MODEL_NAME, CHECKPOINTS_NAME, STEPS_NAME = "model", "checkpoints", "steps.csv"
UNREADABLE_NAME = "unreadable.txt"

_SHARDED = "ACCELERATE_USE_FSDP"
# Of one GPU; a canonical view is about 2000 tokens.
_AT_ONCE_ON_GPU = 4


@dataclass(frozen=True)
class Trained:
    """What became of a training.

    model: its folder. steps: how many were taken in all. focal_px: the canonical focal length.
    main: whether this is the process that writes and reports; of several, one is.
    unreadable: the photos in whose place others were asked about.
    """

    model: Path
    steps: int
    focal_px: float
    main: bool
    unreadable: UnreadablePhotos


def train(
    files: Sequence[LabelledFile],
    base: Weights,
    folder: Path,
    settings: TrainingSettings | None = None,
    *,
    device: Device = "auto",
    at_once: int = 0,
    workers: int = 0,
    save_every: int = 500,
    keep_activations: bool = False,
    progress: TrainingProgress | None = None,
) -> Trained:
    """Train a model, or go on with it; the result is the same however often it was stopped.

    base: Qwen2.5-VL, or Pixtral as a Llava, as the model hub has it.
    folder: the run. One that is there must be of the same labels, model and settings.
    at_once: questions that one GPU computes at once; a step adds up as many such parts as its batch
        needs. 0 chooses.
    workers: processes that read photos ahead, for each GPU, no more than there are CPU cores; 0
        reads them in this one.
    save_every: steps between two checkpoints.
    keep_activations: faster, and takes far more memory than computing them again for the gradient
        (gradient checkpointing).

    Started by `accelerate launch`, several processes share each batch; with its options of FSDP
    each holds a part of the weights alone.

    Raises `RunFolderError` for a folder that another process writes, or in which something else is
    trained; `NumericsError` where the training runs away; `MissingPartError` where LoRA is wanted
    and peft is not installed; `SettingsError`, `ModelError`, `InputError`, `NotEnoughMemoryError`
    and `OutputError`.
    """
    settings = settings or TrainingSettings()
    progress = progress or TrainingProgress()
    chosen = choose_device(device)
    kind = trained_kind(base, settings.focal_px)
    settings = replace(
        settings,
        precision=_precision(settings, chosen),
        focal_px=kind.focal_px,
        learning_rate=settings.highest_rate,
    )
    if settings.lora and _is_sharded():
        raise SettingsError(
            "setting lora does not go with FSDP: adapters are small and the model is kept whole on "
            "each GPU; launch without FSDP, or train the weights themselves"
        )
    photos = sum(len(each.photos) for each in files)
    steps = settings.steps_of(photos)
    identity = {
        "method": "depthlm",
        "base": dict(base.identity),
        "files": {f"{n}": each.as_dict() for n, each in enumerate(files)},
        "steps_in_all": steps,
        **settings.as_dict(),
    }
    state = PartialState(cpu=chosen.type == "cpu")
    at_once = _at_once(settings, at_once, state.num_processes, _most_at_once(kind, chosen))
    with ExitStack() as held:
        if state.is_main_process:
            held.enter_context(training_folder(folder, identity))
        state.wait_for_everyone()
        checkpoints = make_folder(folder / CHECKPOINTS_NAME)
        unreadable = UnreadablePhotos(folder / UNREADABLE_NAME, photos)
        trained = Trained(
            folder / MODEL_NAME, steps, kind.focal_px, state.is_main_process, unreadable
        )
        finished = (trained.model / OWN_FILE).is_file()
        done, checkpoint = (0, None) if finished else latest_checkpoint(checkpoints)
        require_sharded_alike(checkpoint, _is_sharded())
        state.wait_for_everyone()
        if state.is_main_process:
            progress.begin(steps if finished else done, steps, photos, 0)
            remove_others(checkpoints, done)
        if finished:
            return trained
        held.enter_context(quiet_loading("transformers"))
        held.enter_context(deterministic())
        log = None
        if state.is_main_process:
            log = held.enter_context(CsvLog(folder / STEPS_NAME, COLUMNS, last_step=done))
        try:
            loaded = load_to_train(
                base, kind, settings, _dtype(settings), keep_activations=keep_activations
            )
            trainer = OrderedTrainer(
                model=loaded.network,
                args=arguments(
                    settings,
                    checkpoints,
                    steps=steps,
                    parts=settings.batch // (state.num_processes * at_once),
                    at_once=at_once,
                    # More than there are cores slow each other down, and torch warns of them.
                    workers=min(workers, os.cpu_count() or 1),
                    on_cpu=chosen.type == "cpu",
                ),
                unreadable=unreadable.add,
                train_dataset=Examples(
                    files, steps * settings.batch, settings, kind.focal_px, kind.longest_px
                ),
                data_collator=Batches.of(loaded),
                reporter=Reporter(
                    log,
                    progress,
                    done=done,
                    total=steps,
                    every=save_every,
                    run_away=lambda what: _run_away(what, settings, checkpoints),
                ),
            )
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.run(checkpoint)
            _save(trainer, loaded, base, files, settings, trained)
        except (RuntimeError, MemoryError, OSError) as error:
            if is_writing(error):
                raise OutputError(
                    f"cannot write in {folder}: {error}; free some space there, or allow writing, "
                    "and run the same command again"
                ) from error
            if not is_out_of_memory(error):
                raise
            raise NotEnoughMemoryError(
                f"{base.name}: training {at_once} questions at once does not fit into the memory "
                f"of {chosen}; use --at-once 1, no --keep-activations, several GPUs with a part "
                "of the weights each (FSDP, see docs/depthlm.md), or in another folder (--out) "
                "--lora 16"
            ) from error
        if state.is_main_process:
            remove_others(checkpoints, 0)
        state.wait_for_everyone()
    return trained


def _save(
    trainer: OrderedTrainer,
    loaded: ImageTextNetwork,
    base: Weights,
    files: Sequence[LabelledFile],
    settings: TrainingSettings,
    trained: Trained,
) -> None:
    state = None
    if trainer.is_fsdp_enabled:  # all processes have to take part
        state = trainer.accelerator.get_state_dict(trainer.model)
    if not trainer.accelerator.is_main_process:
        return
    dtype = stored_dtype(base) if settings.stored == "auto" else getattr(torch, settings.stored)
    network = trainer.accelerator.unwrap_model(trainer.model)
    if state is not None:
        state = share_tied(network, {name: each.to(dtype) for name, each in state.items()})
    network = to_store(network, dtype)
    said = {
        "focal_px": trained.focal_px,
        "base": {"name": base.name, "id": base.identity.get("id")},
        "trained_on": [each.as_dict() for each in files],
        "steps": trained.steps,
        "settings": settings.as_dict(),
    }
    save_model(trained.model, network, loaded.processor, base, state=state, said=said)


def _at_once(settings: TrainingSettings, wanted: int, processes: int, most: int) -> int:
    """How many questions a process computes at once; most: that suit, where none are wanted."""
    share, rest = divmod(settings.batch, processes)
    if rest or (wanted and share % wanted):
        raise SettingsError(
            f"setting batch is {settings.batch}, which is not {processes} processes times whole "
            f"parts of {wanted or 1}; change --batch or --at-once"
        )
    most = wanted or most
    return max(part for part in range(1, min(most, share) + 1) if share % part == 0)


def _most_at_once(kind: ModelKind, device: torch.device) -> int:
    tower = transformers.PixtralVisionModel.forward
    alone = kind.model_type == "llava" and "image_sizes" not in signature(tower).parameters
    # Before 4.49, transformers has Pixtral take one image at a time.
    return 1 if alone or device.type == "cpu" else _AT_ONCE_ON_GPU


def _precision(settings: TrainingSettings, device: torch.device) -> Any:
    if settings.precision != "auto":
        return settings.precision
    has_it = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return "bfloat16" if has_it else "float32"


def _dtype(settings: TrainingSettings) -> torch.dtype:
    return torch.bfloat16 if settings.precision == "bfloat16" else torch.float32


def _is_sharded() -> bool:
    return os.environ.get(_SHARDED, "").lower() in ("1", "true", "yes", "on")


def _run_away(what: str, settings: TrainingSettings, checkpoints: Path) -> str:
    step, _ = latest_checkpoint(checkpoints)
    sound = (
        f"the checkpoint of step {step} is sound, and leads here again" if step else "it is lost"
    )
    return (
        f"{what}: the training has run away; {sound}. Train into another folder (--out) with a "
        f"lower --learning-rate, e.g. {settings.learning_rate / 3:.1g}"
    )
