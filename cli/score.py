"""`mfh score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfh.errors import InputError

from .options import DataOption, JobsOption, data_options_of


def score(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders that `mfh evaluate` wrote.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "-d",
            help="Where the data set lies, if not where it was predicted.",
            show_default=False,
        ),
    ] = None,
    data_option: DataOption = None,
    jobs: JobsOption = 0,
) -> None:
    """Score the predictions of runs again, without any model, on any machine.

    The data set is opened as it was for the prediction, but for what is given here.
    """
    from mfh.datasets import open_data_set  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.evaluation.consistency.kitti_drive import KittiDrive  # noqa: PLC0415
    from mfh.evaluation.consistency.kitti_objects import KittiObjects  # noqa: PLC0415
    from mfh.evaluation.runs.run_file import RunInfo  # noqa: PLC0415

    from .scoring import score_and_show  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    measures = {KittiDrive.name: "temporal", KittiObjects.name: "spatial"}
    options = data_options_of(data_option)
    complete = True
    with interruptible():
        for folder in runs:
            run = RunInfo.read(folder)
            measure = measures.get(run.data_set)
            if measure is not None:
                raise InputError(
                    f"{folder}: a run of `mfh consistency {measure}`, which is scored by that "
                    "command alone; give it again with the same --out and --method: what is there "
                    "is not predicted anew"
                )
            data_set = open_data_set(run.data_set, data or run.root, **{**run.options, **options})
            complete &= score_and_show(run, data_set, jobs)
    if not complete:
        raise typer.Exit(1)
