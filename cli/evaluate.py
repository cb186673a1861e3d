"""`mfh evaluate`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mfh.errors import InputError, MissingPartError, SettingsError

from .options import (
    DataOption,
    DeviceOption,
    ErrorOption,
    ErrorsOption,
    JobsOption,
    LowMemoryOption,
    PaintingsOption,
    SetOption,
    data_options_of,
    errors_from,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mfh.evaluation.engines.base import Engine
    from mfh.evaluation.methods.base import Row


def evaluate(
    data_set: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="nyu, kitti, ibims, diode, eth3d, folder (photos with depth maps) or labels "
            "(labelled pixels).",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", help="Where the data set lies.", show_default=False),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Only say what of it is there, and what is missing; with a folder in place of "
            "DATASET, of what that or the folders in it look like.",
        ),
    ] = False,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            "-m",
            metavar="[KEY=]METHOD",
            help="mfh, simulated, hub:MODEL, metric3d[:SIZE], unidepth[:MODEL], clip2depth:DIR, "
            "depthlm[:MODEL], depthlm-pixels[:MODEL] or files:DIR; repeatable, each is a row, "
            "which KEY names; mfh if none is given.",
            show_default=False,
        ),
    ] = None,
    ablation: Annotated[
        str | None,
        typer.Option(
            "--ablation",
            help="All rows of one of the paper's: table3, table4, table5, table7, table8, table9 "
            "or figure5.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="Settings to start from: paper, default, fast; default if none is given, paper "
            "with --ablation.",
            show_default=False,
        ),
    ] = None,
    changes: SetOption = None,
    paintings: PaintingsOption = None,
    seed: Annotated[int, typer.Option("--seed", help="The first seed.")] = 0,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            help="How many seeds, from the first on; 1 if none is given, 5 of figure5.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only the first so many photos.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="RUN",
            help="Folder of the run; mfh_out/eval_DATASET if none is given, of folder and "
            "labels with the name of their folder.",
            show_default=False,
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="DIR",
            help="Where paintings and other records go, which rows share; RUN/work if none is "
            "given. Runs that are given the same share them, too.",
            show_default=False,
        ),
    ] = None,
    records: Annotated[
        bool,
        typer.Option(
            "--records/--no-records",
            help="Whether paintings and other records are kept at all: some 60 MB for a photo of "
            "480 x 640 px painted 32 times.",
        ),
    ] = True,
    people: Annotated[
        list[str] | None,
        typer.Option(
            "--people",
            metavar="ROW=DIR",
            help="Of table9: the meshes that another regressor made, in DIR/PHOTO/PAINTING.npz; "
            "repeatable.",
            show_default=False,
        ),
    ] = None,
    data_option: DataOption = None,
    errors: ErrorsOption = "default",
    error: ErrorOption = None,
    engine: Annotated[
        Literal["serial", "ray"],
        typer.Option("--engine", help="serial: in this process; ray: by workers of a cluster."),
    ] = "serial",
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            help="Of a Ray cluster that runs: auto or HOST:PORT; one of this machine is started if "
            "none is given.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="How many Ray workers.", show_default=False),
    ] = None,
    device: DeviceOption = None,
    low_memory: LowMemoryOption = False,
    jobs: JobsOption = 0,
) -> None:
    """Predict the photos of a data set, and score them against the measured depth.

    What is there already is not predicted again: the same command goes on where it stopped, and
    one with more rows, seeds or photos adds to the run.
    """
    # Imported here, `mfh --help` stays quick.
    from mfh.datasets import open_data_set, require_data_set  # noqa: PLC0415

    options = data_options_of(data_option)
    if check:
        raise typer.Exit(_check(data_set, data, options))
    if data is None:
        require_data_set(data_set)
        raise InputError(f"--data is missing: say where {data_set} lies, --data DIR")
    opened = open_data_set(data_set, data, **options)

    from mfh.evaluation.methods.ablations import ablation as find_ablation  # noqa: PLC0415
    from mfh.evaluation.runs.running import evaluate as run_evaluation  # noqa: PLC0415

    from .evaluation_progress import TerminalEvaluation, show_missing, show_unfinished  # noqa: PLC0415
    from .evaluation_rows import rows_of  # noqa: PLC0415
    from .scoring import score_and_show  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    table = find_ablation(ablation) if ablation else None
    rows = rows_of(
        method or [],
        table,
        data_set=data_set,
        preset=preset,
        changes=changes,
        options={"paintings": paintings, "device": device, "low_memory": low_memory or None},
        errors=errors_from(errors, error),
        people=people or [],
        names=[sample.name for sample in opened.samples()],
    )
    usual = table.seeds if table else 1
    count = usual if seeds is None else seeds
    if count < 1 or seed < 0:
        raise SettingsError(f"--seed {seed} --seeds {count}: expected 0 or more, and 1 or more")
    if people and count > 1:
        raise SettingsError(
            "--people: meshes belong to the paintings of one seed; leave out --seeds"
        )
    chosen = _engine(engine, address, workers)
    folder = out or _folder_for(data_set, data)
    with interruptible():
        _download(rows)
        with TerminalEvaluation() as progress:
            result = run_evaluation(
                opened,
                rows,
                range(seed, seed + count),
                folder,
                chosen,
                work=work,
                records=records,
                limit=limit,
                ablation=ablation or "",
                progress=progress,
            )
        show_missing(opened, result.missing)
        scored = bool(result.run.rows) and score_and_show(result.run, opened, jobs)
    kept = work or folder / "work"
    if records and any(kept.glob("*/*")):
        typer.echo(f"paintings and other records that more rows can share are in {kept}")
    show_unfinished(result)
    if result.failed or result.skipped or not scored:
        raise typer.Exit(1)


def _check(data_set: str, data: Path | None, options: Mapping[str, str]) -> int:
    """Print what of a data set is there, or of those that a folder holds; the exit status."""
    from mfh.datasets import open_data_set  # noqa: PLC0415

    from .data_set_check import check_lines, recognised  # noqa: PLC0415

    found = recognised(Path(data_set)) if data is None else [(data_set, data)]
    complete = True
    for number, (name, folder) in enumerate(found):
        opened = open_data_set(name, folder, **options)
        checked = None
        with suppress(InputError):  # which the lines tell of
            checked = opened.check()
        if number:
            typer.echo()
        for line in check_lines(opened, checked):
            typer.echo(line)
        complete &= checked is not None and checked.found == checked.expected
    return 0 if complete else 1


def _folder_for(data_set: str, data: Path) -> Path:
    """Where a run goes by default: that of a user's own data is told from those of others."""
    from mfh.photos import safe_name  # noqa: PLC0415

    own = f"_{safe_name(data.resolve().name)}" if data_set in ("folder", "labels") else ""
    return Path("mfh_out") / f"eval_{data_set}{own}"


def _engine(name: str, address: str | None, workers: int | None) -> Engine:
    if name == "ray":
        from mfh.evaluation.engines.ray_engine import RayEngine  # noqa: PLC0415

        return RayEngine(address=address, workers=workers)
    if address is not None or workers is not None:
        raise SettingsError("--address and --workers are for --engine ray")
    from mfh.evaluation.engines.serial_engine import SerialEngine  # noqa: PLC0415

    return SerialEngine()


def _download(rows: Sequence[Row]) -> None:
    """Get what rows need, showing it; what cannot be got is named later."""
    from .downloads import TerminalDownloads  # noqa: PLC0415

    with TerminalDownloads() as progress:
        for row in rows:
            with suppress(MissingPartError, SettingsError):
                row.spec.prepare(progress)
