"""`mfh train depthlm`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from mfh.errors import SettingsError
from mfh.estimators.depthlm.training.settings import (
    TrainedTask,
    TrainingSettings,
    default_training_settings,
)

from .launched import is_main_process
from .options import DeviceOption, OfflineOption, SeedOption
from .training_options import (
    StepsOption,
    WorkersOption,
    chosen_settings,
    device_of,
    interruptible_training,
)
from .words import counted

if TYPE_CHECKING:
    from mfh.estimators.depthlm.training.labelled import LabelledFile
    from mfh.estimators.depthlm.training.training import Trained

# The points and options that `mfh ask` needs for a task.
_ASKED = {
    "distance": '"320,240"',
    "depth": '"320,240" --task depth',
    "speed": '"320,240" --task speed --seconds 10',
    "time": '"320,240" --task time --metres-per-second 2',
    "two points": '"320,240" "480,240" --task two-points',
}


def depthlm(
    labels: Annotated[
        list[Path],
        typer.Argument(
            metavar="LABELS.jsonl...", help="Labelled pixels, as `mfh curate` writes them."
        ),
    ],
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="MODEL",
            help="What is trained: Qwen2.5-VL or Pixtral, a name in `mfh models list`, an id of "
            "the model hub or a folder, e.g. Qwen/Qwen2.5-VL-3B-Instruct; ./NAME is always a "
            "folder.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUN", help="Folder of the run.")
    ] = Path("mfh_out/depthlm"),
    weight: Annotated[
        list[float] | None,
        typer.Option(
            "--weight",
            help="How often a file is asked about, compared with the others; once a file. As often "
            "as it has photos if none is given.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            "--images",
            help="Folder that the photos' paths are relative to; the labels' own if none is given.",
            show_default=False,
        ),
    ] = None,
    labelled: Annotated[
        Literal["auto", "distance", "depth"],
        typer.Option("--labelled", help="What is labelled: straight distances, or depth (z)."),
    ] = "auto",
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            metavar="NAME[,NAME]",
            help="What is asked: distance, depth, speed, time, two-points; distance if none is "
            "given. Repeatable.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", help="How often each photo is asked about; 1.", show_default=False
        ),
    ] = None,
    steps: StepsOption = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", help="Questions of a step, over all GPUs; 32.", show_default=False),
    ] = None,
    at_once: Annotated[
        int,
        typer.Option("--at-once", min=0, help="Of these, how many on a GPU at once; 0 chooses."),
    ] = 0,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate", help="The highest; 1e-5, with --lora 1e-4.", show_default=False
        ),
    ] = None,
    focal_px: Annotated[
        float | None,
        typer.Option(
            "--focal-px",
            help="Focal length that photos are resized to; 1000 of Qwen2.5-VL, 750 of Pixtral.",
            show_default=False,
        ),
    ] = None,
    lora: Annotated[
        int | None,
        typer.Option(
            "--lora",
            metavar="RANK",
            help="Train low-rank adapters, e.g. of rank 16, merged in the end; all weights if none "
            "is given. Needs peft.",
            show_default=False,
        ),
    ] = None,
    freeze_vision: Annotated[
        bool, typer.Option("--freeze-vision", help="Leave the vision tower as it is.")
    ] = False,
    keep_activations: Annotated[
        bool,
        typer.Option(
            "--keep-activations", help="Faster, and far more memory: no gradient checkpointing."
        ),
    ] = False,
    seed: SeedOption = None,
    device: DeviceOption = None,
    workers: WorkersOption = 4,
    save_every: Annotated[
        int, typer.Option("--save-every", min=1, help="Steps between two checkpoints.")
    ] = 500,
    offline: OfflineOption = False,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change any setting: warmup, max_gradient_norm, weight_decay, lora_alpha, "
            "crop_height_min_px, crop_height_max_px, crop_width_min_px, crop_width_max_px, "
            "precision, stored; repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train DepthLM (arXiv 2509.25413): a vision language model learns metres from text alone.

    The same command goes on where it stopped, to the same result.

    On several GPUs: accelerate launch -m mfh train depthlm ...
    """
    settings = TrainingSettings(
        **chosen_settings(
            changes,
            default_training_settings(),
            "warmup=0.05",
            epochs=epochs,
            steps=steps,
            batch=batch,
            learning_rate=learning_rate,
            focal_px=focal_px,
            tasks=_tasks(task),
            lora=lora,
            freeze_vision=freeze_vision or None,
            seed=seed,
        )
    )
    where = device_of(device)
    # Imported here, `mfh --help` stays quick.
    from mfh.estimators.depthlm.training.labelled import labelled_files  # noqa: PLC0415
    from mfh.estimators.hub import hub_weights  # noqa: PLC0415
    from mfh.models import ModelStore  # noqa: PLC0415

    from .downloads import TerminalDownloads  # noqa: PLC0415
    from .evaluation_progress import show_missing  # noqa: PLC0415

    files = labelled_files(labels, weight or (), images=images, labelled=labelled)
    if is_main_process():
        for each in files:
            show_missing(each.data_set, each.missing)
    with TerminalDownloads() as downloads:
        weights = hub_weights(base, ModelStore(offline=offline or None), downloads)

    from mfh.estimators.depthlm.training.training import train  # noqa: PLC0415

    from .training_progress import TerminalTraining  # noqa: PLC0415

    with TerminalTraining() as progress, interruptible_training(progress):
        trained = train(
            files,
            weights,
            out,
            settings,
            device=where,
            at_once=at_once,
            workers=workers,
            save_every=save_every,
            keep_activations=keep_activations,
            progress=progress,
        )
    if trained.main:
        _show(trained, files, out, settings.tasks)


def _tasks(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    """The tasks that --task names, as settings have them. Raises `SettingsError`."""
    if texts is None:
        return None
    names = [name.strip().replace("-", " ") for text in texts for name in text.split(",")]
    if not all(names):
        raise SettingsError(f"--task {','.join(texts)}: expected names with commas between them")
    known = get_args(TrainedTask)
    unknown = [name for name in names if name not in known]
    if unknown:
        there = ", ".join(name.replace(" ", "-") for name in known)
        raise SettingsError(f"--task {unknown[0]}: there are {there}")
    return tuple(dict.fromkeys(names))


def _show(trained: Trained, files: Sequence[LabelledFile], run: Path, tasks: Sequence[str]) -> None:
    """Print what was trained on, and the command that asks the model."""
    from mfh.datasets.recognise import quoted  # noqa: PLC0415
    from mfh.models.catalogue import named_folder  # noqa: PLC0415

    count = sum(len(each.photos) for each in files)
    typer.echo(
        f"trained {counted(trained.steps, 'step')} on {counted(count, 'photo')}, at a focal length "
        f"of {trained.focal_px:g} px; the model is in {trained.model}"
    )
    if unreadable := trained.unreadable.count():
        typer.echo(
            f"{unreadable} of these photos could not be read, and others were asked about in their "
            f"place; {trained.unreadable.path} lists them"
        )
    # A run that is called as a model of the catalogue is that one without a path.
    model = quoted(run if named_folder(str(run)) else f"./{run}")
    asked = _ASKED["distance" if "distance" in tasks else tasks[0]]
    typer.echo(f"to ask it: mfh ask photo.jpg {asked} --intrinsics K.json --model {model}")
