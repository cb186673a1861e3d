"""`mfh score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    from mfh.evaluation.runs.run_file import RunInfo  # noqa: PLC0415

    from .scoring import score_and_show  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    options = data_options_of(data_option)
    complete = True
    with interruptible():
        for folder in runs:
            run = RunInfo.read(folder)
            data_set = open_data_set(run.data_set, data or run.root, **{**run.options, **options})
            complete &= score_and_show(run, data_set, jobs)
    if not complete:
        raise typer.Exit(1)
