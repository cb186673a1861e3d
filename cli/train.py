"""`mfh train`: the methods that have something to learn."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from mfh.estimators.clip2depth.config import Conditioning, Decoder, Mirror
from mfh.estimators.clip2depth.training.settings import (
    TrainingSettings,
    default_training_settings,
)
from mfh.settings import Precision

from .launched import is_main_process
from .options import DataOption, DeviceOption, OfflineOption, SeedOption, data_options_of
from .train_depthlm import depthlm
from .training_options import (
    StepsOption,
    WorkersOption,
    chosen_settings,
    device_of,
    interruptible_training,
)
from .words import counted

if TYPE_CHECKING:
    from mfh.estimators.clip2depth.training.data import TrainingData
    from mfh.estimators.clip2depth.training.training import Trained

train = typer.Typer(
    help="Train a method on photos with depth.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DEFAULT = default_training_settings()
_SET_HELP = (
    f"Change any setting: weight_decay ({_DEFAULT['weight_decay']:g}), variance_focus "
    f"({_DEFAULT['variance_focus']:g}), alpha ({_DEFAULT['alpha']:g}), flip (true; or false), crop "
    f"({_DEFAULT['crop']}; or none: depth counts everywhere), validation_fraction "
    f"({_DEFAULT['validation_fraction']:g}), precision ({', '.join(get_args(Precision))}); "
    "repeatable."
)
_BASE = "CIDAS/clipseg-rd64-refined"
# Of whom there are a training and a test split; of others all photos are trained on.
_SPLIT = ("nyu", "kitti")


train.command()(depthlm)


@train.command()
def clip2depth(
    data_set: Annotated[
        Literal["nyu", "kitti", "folder"],
        typer.Argument(
            metavar="DATASET",
            help="nyu, kitti (their training splits) or folder (photos with depth maps).",
        ),
    ],
    data: Annotated[Path, typer.Option("--data", "-d", help="Where the data set lies.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="RUN",
            help="Folder of the run; mfh_out/clip2depth_DATASET if none is given.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        str, typer.Option("--base", help="CLIPSeg: an id on the model hub, or a folder.")
    ] = _BASE,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", help="How often each photo is seen; 25.", show_default=False),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", help="Photos of a step, over all GPUs; 32.", show_default=False),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", help="Of the first step; 0.003.", show_default=False),
    ] = None,
    mirror: Annotated[
        Mirror, typer.Option("--mirror", help="Whether the mirror learns, or stays random.")
    ] = "trained",
    decoder: Annotated[
        Decoder, typer.Option("--decoder", help="What the decoder begins with.")
    ] = "clipseg",
    conditioning: Annotated[
        Conditioning, typer.Option("--conditioning", help="How the mirror acts on the photo.")
    ] = "modulation",
    tokens: Annotated[
        int | None,
        typer.Option("--tokens", help="Rows of the mirror; 64.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=2, help="Only so many photos, spread evenly.", show_default=False
        ),
    ] = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    device: DeviceOption = None,
    workers: WorkersOption = 4,
    checkpoint_s: Annotated[
        float, typer.Option("--checkpoint-s", min=0, help="Seconds between two checkpoints.")
    ] = 120.0,
    offline: OfflineOption = False,
    data_option: DataOption = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help=_SET_HELP,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train CLIP2Depth (arXiv 2402.03251): a mirror and a decoder on a frozen CLIP.

    The same command goes on where it stopped, to the same result.

    On several GPUs: accelerate launch -m mfh train clip2depth ...

    TensorBoard gets the logs, too, where it is installed: pip install tensorboard
    """
    settings = settings_of(
        changes,
        epochs=epochs,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        limit=limit,
        seed=seed,
        mirror=mirror,
        decoder=decoder,
        conditioning=conditioning,
        tokens=tokens,
    )
    where = device_of(device)
    folder = out or Path("mfh_out") / f"clip2depth_{data_set}"
    # Imported here, `mfh --help` stays quick.
    from mfh.datasets import open_data_set  # noqa: PLC0415
    from mfh.estimators.hub import hub_weights  # noqa: PLC0415
    from mfh.models import ModelStore  # noqa: PLC0415

    from .downloads import TerminalDownloads  # noqa: PLC0415

    options = data_options_of(data_option)
    if data_set in _SPLIT:
        options.setdefault("split", "train")
    photos = _photos(open_data_set(data_set, data, **options), settings)
    with TerminalDownloads() as downloads:
        weights = hub_weights(base, ModelStore(offline=offline or None), downloads)

    from mfh.estimators.clip2depth.training.training import train as run_training  # noqa: PLC0415

    from .training_progress import TerminalTraining  # noqa: PLC0415

    with TerminalTraining() as progress, interruptible_training(progress):
        trained = run_training(
            photos,
            weights,
            folder,
            settings,
            device=where,
            workers=workers,
            checkpoint_s=checkpoint_s,
            progress=progress,
        )
    if trained.main:
        _show(trained, photos, data_set, data)


def settings_of(changes: list[str] | None, **options: Any) -> TrainingSettings:
    """The settings that `--set` and options of their own ask for. Raises `SettingsError`."""
    return TrainingSettings(**chosen_settings(changes, _DEFAULT, "weight_decay=0.1", **options))


def _photos(data_set: Any, settings: TrainingSettings) -> TrainingData:
    """The photos, saying which are not there, and what there is to know of them."""
    from mfh.estimators.clip2depth.training.data import training_data  # noqa: PLC0415

    from .evaluation_progress import show_missing  # noqa: PLC0415

    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", UserWarning)
        photos = training_data(data_set, settings)
    if is_main_process():
        for note in noted:
            typer.echo(f"note: {note.message}", err=True)
        show_missing(data_set, photos.missing)
    return photos


def _show(trained: Trained, photos: TrainingData, data_set: str, data: Path) -> None:
    """Print the scores, and the commands that use the model."""
    from mfh.datasets.recognise import quoted  # noqa: PLC0415

    best, model = trained.best, quoted(trained.model)
    typer.echo(
        f"trained {counted(trained.steps, 'step')} on {counted(len(photos.training), 'photo')} of "
        f"{photos.data_set.title}; the best model is that of epoch {best.epoch}: validation loss "
        f"{best.loss:.3f}, AbsRel {best.abs_rel:.3f} on "
        f"{counted(len(photos.validation), 'photo')} held out"
    )
    typer.echo(f"the model is in {trained.model}")
    typer.echo(f"to use it:   mfh predict photo.jpg --method clip2depth:{model}")
    typer.echo(
        f"to score it: mfh evaluate {data_set} --data {quoted(data)} --method clip2depth:{model}"
    )
