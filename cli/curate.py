"""`mfh curate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import DataOption, data_options_of
from .words import counted

_MOST_NAMED = 5


def curate(
    data_set: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="nyu, kitti, ibims, diode, eth3d, folder (photos with depth maps) or labels "
            "(labelled pixels).",
        ),
    ],
    data: Annotated[Path, typer.Option("--data", "-d", help="Where the data set lies.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="LABELS.jsonl",
            help="Where the labels go; photos are named relative to it, and written into "
            "LABELS_images beside it where they are parts of files.",
        ),
    ],
    pixels: Annotated[
        int, typer.Option("--pixels", min=1, help="How many pixels of each photo.")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which pixels.")] = 0,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help="Only so many photos, spread evenly.", show_default=False
        ),
    ] = None,
    data_option: DataOption = None,
) -> None:
    """Turn a data set into labelled pixels, as `mfh train depthlm` takes them.

    The pixels are drawn from those that are scored.

    What is written are straight distances from the camera, not z.

    Of nyu and kitti the photos to train on are those of --data-option split=train.
    """
    # Imported here, `mfh --help` stays quick.
    from mfh.datasets import open_data_set  # noqa: PLC0415
    from mfh.datasets.recognise import quoted  # noqa: PLC0415
    from mfh.estimators.depthlm.training.curation import curate as write_labels  # noqa: PLC0415
    from mfh.training.splits import TESTED  # noqa: PLC0415

    from .curation_progress import CurationProgress  # noqa: PLC0415
    from .evaluation_progress import show_missing  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    opened = open_data_set(data_set, data, **data_options_of(data_option))
    with interruptible(), CurationProgress() as progress:
        curated = write_labels(
            opened, out, pixels=pixels, seed=seed, limit=limit, progress=progress.advance
        )
    show_missing(opened, curated.missing)
    if curated.unreadable:
        photos = counted(len(curated.unreadable), "photo")
        typer.echo(f"{photos} left out, as they cannot be read:", err=True)
        for name, why in list(curated.unreadable.items())[:_MOST_NAMED]:
            typer.echo(f"  {name}: {why}", err=True)
        if len(curated.unreadable) > _MOST_NAMED:
            typer.echo(f"  and {len(curated.unreadable) - _MOST_NAMED} more", err=True)
    if curated.without_labels:
        typer.echo(
            f"{counted(len(curated.without_labels), 'photo')} left out, without depth that counts, "
            f"e.g. {curated.without_labels[0]}",
            err=True,
        )
    if curated.assumed:
        typer.echo(
            f"the focal length of {counted(curated.assumed, 'photo')} is assumed, and metres "
            "learned there are wrong by as much as it is; see mfh evaluate --check",
            err=True,
        )
    typer.echo(
        f"{counted(curated.labels, 'label')} of {counted(curated.photos, 'photo')} of "
        f"{opened.title}: straight distances from the camera, in {out}"
    )
    if curated.written:
        photos = counted(curated.written, "photo")
        typer.echo(f"{photos} written beside it, each a part of a file")
    if curated.not_for_training:
        typer.secho(
            f"{len(curated.not_for_training)} of {curated.photos} photos are not for "
            f"training: {TESTED[opened.name]}; for labels to train on: --data-option split=train",
            fg="yellow",
            err=True,
        )
        typer.echo(
            f"to evaluate on them: mfh evaluate labels --data {quoted(out)} --method "
            "depthlm-pixels:MODEL"
        )
    else:
        typer.echo(f"to train on them: mfh train depthlm {quoted(out)} --base MODEL --out RUN")
