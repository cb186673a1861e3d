"""`mfh predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mfh.errors import InputError, MfhError

from .options import (
    FovOption,
    IntrinsicsOption,
    OutOption,
    PaintingsOption,
    PresetOption,
    SeedOption,
    SetOption,
    folder_for,
    pair,
    settings_of,
)


def predict(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="One or more photos.")],
    intrinsics: IntrinsicsOption = None,
    fov: FovOption = None,
    use: Annotated[
        list[str] | None,
        typer.Option(
            "--use",
            metavar="STAGE=PATH",
            help="Your own files for a stage: painted=DIR, people=DIR, disparity=FILE or DIR; of "
            "several photos in DIR/NAME, NAME being the photo's without its suffix.",
            show_default=False,
        ),
    ] = None,
    disparity_space: Annotated[
        Literal["disparity", "depth"],
        typer.Option(help="What --use disparity=... holds: larger = nearer, or larger = farther."),
    ] = "disparity",
    out: OutOption = None,
    preset: PresetOption = "default",
    paintings: PaintingsOption = None,
    seed: SeedOption = None,
    changes: SetOption = None,
) -> None:
    """Metric depth of photos."""
    from mfh.parts import parts_from  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.photos import load_photo  # noqa: PLC0415
    from mfh.pipeline import MetricFromHuman  # noqa: PLC0415

    from .running import run_and_write  # noqa: PLC0415

    settings = settings_of(preset, paintings, seed, changes)
    chosen: dict[str, str] = {}
    for text in use or []:
        stage, given = pair(text, "--use", "painted=DIR")
        if stage in chosen:
            raise InputError(f"--use {stage}=... is given twice; each stage takes one PATH")
        chosen[stage] = given
    if "painted" in chosen and (paintings is not None or seed is not None):
        raise InputError(
            "--paintings and --seed say what to paint, but --use painted=... gives painted photos; "
            "leave them out"
        )
    several = len(photos) > 1
    failed = 0
    path_of: dict[Path, Path] = {}
    for path in photos:
        try:
            own = {s: Path(p) / path.stem if several else Path(p) for s, p in chosen.items()}
            parts = parts_from(own, disparity_space)
            photo = load_photo(path, intrinsics, fov_deg=fov)
            folder = folder_for(out, photo.name, several)
            if path_of.setdefault(folder, path) != path:
                raise InputError(
                    f"its results would replace those of {path_of[folder]} in {folder}; rename one "
                    "of the two, or run it alone with another --out"
                )
            run_and_write(MetricFromHuman(**parts, settings=settings), photo, folder)
        except MfhError as error:
            if not several:
                raise
            failed += 1
            typer.secho(f"{path}: {error}", fg="red", err=True)
    if failed:
        typer.echo(f"{failed} of {len(photos)} photos failed", err=True)
        raise typer.Exit(1)
