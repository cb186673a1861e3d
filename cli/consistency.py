"""`mfh consistency`: whether depth agrees from frame to frame, and with the size of objects."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from mfh.errors import SettingsError

from .consistency_runs import new_table, number, predicted, rows_for, show_end
from .options import DeviceOption, LowMemoryOption, PaintingsOption, SetOption
from .words import NO_NUMBER

consistency = typer.Typer(
    help="Whether depth agrees from frame to frame, and with the size of what it is of.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_MethodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "-m",
        metavar="[KEY=]METHOD",
        help="As of `mfh evaluate`; repeatable, each is a row, which KEY names.",
        show_default=False,
    ),
]
_PresetOption = Annotated[
    str, typer.Option("--preset", help="Settings to start from: paper, default, fast.")
]
_OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="RUN",
        help="Folder of the run; mfh_out/MEASURE_NAME if none is given.",
        show_default=False,
    ),
]
_RecordsOption = Annotated[
    bool,
    typer.Option(
        "--records/--no-records",
        help="Whether paintings and other records are kept, so that a photo can be gone on with.",
    ),
]


@consistency.command()
def temporal(
    drive: Annotated[
        Path,
        typer.Argument(
            metavar="DRIVE",
            help="A drive of KITTI's raw data: DATE/DRIVE_sync with image_02 and oxts, the "
            "calibration of the date beside it; annotated depth as of `mfh evaluate kitti`.",
        ),
    ],
    method: _MethodOption = None,
    frames: Annotated[
        str | None,
        typer.Option(
            "--frames",
            metavar="A:B",
            help="Only frames from A up to, not including, B; either may be left out.",
            show_default=False,
        ),
    ] = None,
    out: _OutOption = None,
    preset: _PresetOption = "default",
    changes: SetOption = None,
    paintings: PaintingsOption = None,
    device: DeviceOption = None,
    low_memory: LowMemoryOption = False,
    records: _RecordsOption = True,
) -> None:
    """Compare what is predicted of a frame with the truth of its neighbours (CLIP2Depth, 4.2).

    The same command goes on where it stopped, and one with more methods or frames adds to the run.
    """
    # Imported here, `mfh --help` stays quick.
    from mfh.evaluation.consistency.charts import draw_temporal  # noqa: PLC0415
    from mfh.evaluation.consistency.kitti_drive import KittiDrive  # noqa: PLC0415
    from mfh.evaluation.consistency.results import write_temporal  # noqa: PLC0415
    from mfh.evaluation.consistency.temporal import (  # noqa: PLC0415
        camera_motions,
        row_consistencies,
        score_drive,
    )

    from .terminal import TerminalProgress, interruptible  # noqa: PLC0415

    data_set = KittiDrive.of(drive, _frames(frames))
    pairs = data_set.pairs()
    motions = camera_motions(data_set, pairs)
    options = {"paintings": paintings, "device": device, "low_memory": low_memory or None}
    rows = rows_for(method, data_set, preset, changes, options)
    folder = out or Path("mfh_out") / f"temporal_{data_set.drive.name}"
    with interruptible():
        result = predicted(data_set, rows, folder, records=records)
        with TerminalProgress(transient=True) as progress:
            scores = score_drive(result.run, data_set, pairs, motions, progress)
    found = row_consistencies(result.run.rows, scores)
    paths = write_temporal(folder, data_set, scores, found)
    title = f"Temporal inconsistency, {data_set.drive.name}"
    draw_temporal(folder / "temporal.png", result.run.rows, scores, title)
    table = new_table(title, ("Method", "Inconsistency", "95 %", "Frames", "Pairs", "Covered"))
    for row in found:
        low, high = row.interval
        interval = NO_NUMBER if math.isnan(low) else f"{low:.4f} to {high:.4f}"
        covered = number(100 * row.covered, 0, " %")
        table.add_row(
            *(escape(row.label), number(row.mean, 4), interval),
            *(str(row.frames), str(row.pairs), covered),
        )
    Console(highlight=False).print(table)
    show_end(
        result,
        [(s.row, f"frame {s.target} from {s.source}", s.failure) for s in scores if s.failure],
        (*paths, folder / "temporal.png"),
    )


@consistency.command()
def spatial(
    root: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="KITTI's object benchmark: training/image_2, training/label_2, training/calib.",
        ),
    ],
    method: _MethodOption = None,
    max_occlusion: Annotated[
        int,
        typer.Option(
            "--max-occlusion",
            help="Objects count up to this: 0 fully visible, 1 partly, 2 largely occluded, 3 all.",
        ),
    ] = 1,
    max_truncation: Annotated[
        float,
        typer.Option("--max-truncation", help="Objects count of which no more lies outside."),
    ] = 0.3,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only the first so many photos.", show_default=False),
    ] = None,
    out: _OutOption = None,
    preset: _PresetOption = "default",
    changes: SetOption = None,
    paintings: PaintingsOption = None,
    device: DeviceOption = None,
    low_memory: LowMemoryOption = False,
    records: _RecordsOption = True,
) -> None:
    """Compare the depth inside the boxes of cars and people with their height (CLIP2Depth, 4.2).

    The same command goes on where it stopped, and one with more methods or photos adds to the run.
    """
    from mfh.evaluation.consistency.charts import draw_spatial  # noqa: PLC0415
    from mfh.evaluation.consistency.kitti_objects import KittiObjects  # noqa: PLC0415
    from mfh.evaluation.consistency.results import write_spatial  # noqa: PLC0415
    from mfh.evaluation.consistency.spatial import class_scores, object_depths  # noqa: PLC0415

    from .terminal import TerminalProgress, interruptible  # noqa: PLC0415

    data_set = KittiObjects(root, max_occlusion, max_truncation)
    data_set.require_photos()
    options = {"paintings": paintings, "device": device, "low_memory": low_memory or None}
    rows = rows_for(method, data_set, preset, changes, options)
    folder = out or Path("mfh_out") / "spatial_kitti_objects"
    with interruptible():
        result = predicted(data_set, rows, folder, records=records, limit=limit)
        there = [each.name for each in data_set.samples() if each.name not in result.missing]
        with TerminalProgress(transient=True) as progress:
            depths, failed = object_depths(result.run, data_set, there[:limit], progress)
    scores = class_scores(result.run, depths)
    paths = write_spatial(folder, data_set, depths, scores, failed)
    draw_spatial(folder / "spatial.png", result.run.rows, depths)
    table = new_table(
        "Depth of objects against their height, KITTI",
        ("Method", "Class", "Objects", "Spearman", "Spearman of labels", "AbsRel, %"),
    )
    for score in scores:
        table.add_row(
            *(escape(score.label), score.kind, str(score.count)),
            number(score.rank_correlation, 3),
            number(score.true_rank_correlation, 3),
            number(100 * score.abs_rel, 1),
        )
    Console(highlight=False).print(table)
    show_end(result, failed, (*paths, folder / "spatial.png"))


def _frames(text: str | None) -> tuple[int | None, int | None]:
    """The first frame, and that after the last; None where the drive's own end is meant."""
    found = re.fullmatch(r"(\d*):(\d*)", text if text is not None else ":")
    if not found:
        raise SettingsError(f"--frames {text}: expected A:B, e.g. --frames 100:200, 100: or :200")
    first, end = (int(each) if each else None for each in found.groups())
    if first is not None and end is not None and end <= first:
        raise SettingsError(f"--frames {text}: holds no frame; B has to be larger than A")
    return first, end
