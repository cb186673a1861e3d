"""`mfh ask`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperCommand

from mfh.errors import SettingsError

from .options import DeviceOption, FovOption, IntrinsicsOption, SetOption, changes_of, settings_of
from .words import NO_NUMBER, counted

if TYPE_CHECKING:
    from mfh.estimators.depthlm.answers import Answer
    from mfh.estimators.depthlm.asking import Asked, PointTask
    from mfh.estimators.depthlm.questions import Point, Task
    from mfh.estimators.depthlm.vlm import Answerer
    from mfh.records import Photo

_TaskName = Literal["distance", "depth", "speed", "time", "two-points", "camera-motion"]
_DISTANCES = ("distance", "depth")
_UNITS = {"speed": "m/s", "time": "s"}
# Of the settings of asking those that are of a dense map or of an evaluation.
_TAKEN = ("precision", "depthlm.focal_px", "depthlm.batch", "depthlm.max_new_tokens")
_NEGATIVE_POINT = re.compile(r"-[\d.]+\s*,.*")


class AskCommand(TyperCommand):
    """A command that takes "-5,10" for a point, not for an option that there is not."""

    # typer's contexts are of click's class or, where it brings its own click, of that one's.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put such points behind "--", so that they are judged where all points are."""
        points = [each for each in args if _NEGATIVE_POINT.fullmatch(each)]
        if points and "--" not in args:
            args = [*(each for each in args if each not in points), "--", *points]
        return super().parse_args(ctx, args)


def ask(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")],
    points: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="X,Y...", help="Points of the upright photo, in px.", show_default=False
        ),
    ] = None,
    intrinsics: IntrinsicsOption = None,
    fov: FovOption = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="What is asked: a name in `mfh models list`, an id of the model hub, a folder, or "
            "a run of `mfh train depthlm`; ./NAME is always a folder.",
        ),
    ] = "facebook/DepthLM",
    task: Annotated[
        _TaskName,
        typer.Option(
            "--task",
            help="Asked of each point: distance from the camera, depth along the principal axis, "
            "the speed that reaches it in --seconds, the time to it at --metres-per-second; of "
            "each two points, how far they are from each other; of two photos, how far the camera "
            "moved.",
        ),
    ] = "distance",
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="For --task speed.", show_default=False)
    ] = None,
    metres_per_second: Annotated[
        float | None,
        typer.Option("--metres-per-second", help="For --task time.", show_default=False),
    ] = None,
    second_photo: Annotated[
        Path | None,
        typer.Option(
            "--second-photo",
            help="For --task camera-motion: another photo, by the same camera.",
            show_default=False,
        ),
    ] = None,
    points_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--points",
            metavar="FILE",
            help="A .csv with columns x and y, or a .json list of points; repeatable.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the distances as a .json or .csv file that `mfh predict --landmark` takes.",
            show_default=False,
        ),
    ] = None,
    marked: Annotated[
        Path | None,
        typer.Option(
            "--marked",
            metavar="DIR",
            help="Write the images that the model is shown, with their arrows.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = None,
    changes: SetOption = None,
) -> None:
    """Ask a vision language model how far points of a photo are (DepthLM).

    The model has to be on this machine: `mfh models get depthlm`, 25 GB.
    """
    # Imported here, `mfh --help` stays quick.
    from mfh.estimators.depthlm.api import camera_warnings, check_points, pairs  # noqa: PLC0415
    from mfh.estimators.depthlm.asked_files import (  # noqa: PLC0415
        MarkedViews,
        load_points,
        require_out,
        write_asked,
    )
    from mfh.estimators.depthlm.asking import (  # noqa: PLC0415
        ask_camera_motion,
        ask_points,
        ask_two_points,
    )
    from mfh.estimators.depthlm.loading import open_model  # noqa: PLC0415
    from mfh.files import require_writable  # noqa: PLC0415
    from mfh.photos import load_photo  # noqa: PLC0415

    from .asking_progress import AskingProgress  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    named = cast("Task", task.replace("-", " "))
    _check_options(task, seconds, metres_per_second, out, changes)
    if out is not None:
        require_out(out)
    places = load_points([*(points or []), *(points_file or [])])
    loaded = load_photo(photo, intrinsics, fov_deg=fov)
    other = load_photo(second_photo, intrinsics, fov_deg=fov) if second_photo else None
    check_points(named, places, loaded, other)
    answerer: Answerer = open_model(model, settings_of("default", changes, device=device))
    if out is not None:
        require_writable(out)  # asking takes long: what cannot be written is said before
    if marked is not None:
        answerer = MarkedViews(answerer, marked, loaded.name)
    again = "asks everything again, as nothing was kept"
    with (
        interruptible(resumes=False, again=again),
        AskingProgress(camera_warnings(loaded, other)) as progress,
    ):
        if other is not None:
            motion = ask_camera_motion(loaded, other, answerer, progress=progress)
            rows = [("camera motion", motion.answer)]
        elif named == "two points":
            found = ask_two_points(loaded, pairs(places), answerer, progress=progress)
            rows = [(f"{_px(pair.a_px)} to {_px(pair.b_px)}", pair.answer) for pair in found]
        else:
            asked = ask_points(
                loaded,
                places,
                answerer,
                task=cast("PointTask", named),
                seconds=seconds,
                metres_per_second=metres_per_second,
                progress=progress,
            )
            rows = [(_px((each.x_px, each.y_px)), each.answer) for each in asked]
    console = Console(highlight=False)
    if task in _DISTANCES:
        console.print(_distances(loaded, asked, answerer.name))
    else:
        console.print(_answers(loaded, rows, answerer.name, _UNITS.get(task, "m")))
    for warning in progress.warnings:
        console.print(f"[yellow]note:[/] {escape(warning)}")
    answered = any(answer.value is not None for _, answer in rows)
    if marked is not None:
        console.print(f"what the model was shown is in [bold]{escape(str(marked))}[/]")
    if out is not None:
        count = len(write_asked(out, asked, answerer.name)) if answered else 0
        console.print(_wrote(out, count))
    if not answered:
        raise typer.Exit(1)


def _check_options(
    task: _TaskName,
    seconds: float | None,
    metres_per_second: float | None,
    out: Path | None,
    changes: list[str] | None,
) -> None:
    for option, value, of in (
        ("--seconds", seconds, "speed"),
        ("--metres-per-second", metres_per_second, "time"),
    ):
        if value is None and task == of:
            raise SettingsError(f"--task {of} needs {option} NUMBER; see mfh ask --help")
        if value is not None and task != of:
            raise SettingsError(f"{option} is of --task {of} alone; leave it out")
    if out is not None and task not in _DISTANCES:
        raise SettingsError(
            f"--out writes known distances, which --task {task} does not ask for; leave it out, or "
            "take distance or depth"
        )
    for name in changes_of(changes):
        if name not in _TAKEN:
            raise SettingsError(f"--set {name}: mfh ask takes {', '.join(_TAKEN)}")


def _distances(photo: Photo, asked: Sequence[Asked], model: str) -> Table:
    """A line a point: distance, depth, and what was said."""
    table = _table(photo, model, "point", "distance, m", "depth z, m")
    for each in asked:
        point, said = _px((each.x_px, each.y_px)), _said(each.answer)
        if each.distance_m is None or each.depth_m is None:
            table.add_row(point, NO_NUMBER, NO_NUMBER, said)
        else:
            table.add_row(point, f"{each.distance_m:.2f}", f"{each.depth_m:.2f}", said)
    return table


def _answers(photo: Photo, rows: Sequence[tuple[str, Answer]], model: str, unit: str) -> Table:
    """A line a question: the number, and what was said."""
    table = _table(photo, model, "of", f"answer, {unit}")
    for title, answer in rows:
        value = NO_NUMBER if answer.value is None else f"{answer.value:.2f}"
        table.add_row(title, value, _said(answer))
    return table


def _table(photo: Photo, model: str, first: str, *numbers: str) -> Table:
    table = Table(title=escape(f"{photo.name}, asked of {model}"), title_justify="left")
    table.title_style, table.box, table.pad_edge = "bold", None, False
    table.add_column(first, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right")
    table.add_column("what the model said", overflow="fold")
    return table


def _wrote(out: Path, count: int) -> str:
    """What became of --out, given how many distances there are."""
    if not count:
        return f"no answer, so {escape(str(out))} was not written"
    distances = counted(count, "distance")
    return f"{distances} in [bold]{escape(str(out))}[/], for mfh predict --landmark"


def _said(answer: Answer) -> str:
    """The text on one line, without what would steer the terminal; before it why no value is."""
    shown = "".join(each if each.isprintable() else " " for each in answer.text)
    text = escape(" ".join(shown.split()))
    if not answer.refused:
        return text
    return f"[red]no answer: {escape(answer.refused)}[/]; it said: [dim]{text}[/]"


def _px(point: Point) -> str:
    return f"{point[0]:g}, {point[1]:g}"
