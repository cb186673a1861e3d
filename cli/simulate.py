"""`mfh simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from .options import (
    ErrorOption,
    ErrorsOption,
    FormatOption,
    FovOption,
    IntrinsicsOption,
    LandmarkOption,
    OutOption,
    PaintingsOption,
    PaintOption,
    PeopleInPhotoOption,
    PresetOption,
    SeedOption,
    SetOption,
    TargetErrorOption,
    errors_from,
    folder_for,
    formats_of,
    settings_of,
)


def _filled(depth_m: NDArray[np.float32]) -> str:
    unknown = float(np.isnan(depth_m).mean())
    return f"; {100 * unknown:.0f} % of it is unknown and filled in" if unknown > 0 else ""


def simulate(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo of known depth.")],
    depth: Annotated[
        Path,
        typer.Option("--depth", "-d", help="Its true depth: 16-bit PNG, .npy or .npz."),
    ],
    depth_scale: Annotated[
        str | None,
        typer.Option(
            help="Metres per unit of an integer file: a number, mm, or kitti (1/256 m).",
            show_default=False,
        ),
    ] = None,
    intrinsics: IntrinsicsOption = None,
    fov: FovOption = None,
    errors: ErrorsOption = "default",
    error: ErrorOption = None,
    people_in_photo: PeopleInPhotoOption = 0,
    out: OutOption = None,
    formats: FormatOption = None,
    preset: PresetOption = "default",
    landmark: LandmarkOption = None,
    paint: PaintOption = None,
    target_error: TargetErrorOption = None,
    paintings: PaintingsOption = None,
    seed: SeedOption = None,
    changes: SetOption = None,
) -> None:
    """The whole flow on a photo of known depth, with simulated stages.

    The painter, the people measurer and the disparity model are stand-ins that know the truth and
    make the errors asked for. This proves everything but the learned models.
    """
    from mfh.known_distances import load_distances  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.photos import load_photo, resize_photo  # noqa: PLC0415
    from mfh.simulation import SimulatedWorld, load_truth  # noqa: PLC0415

    from .running import run_simulated  # noqa: PLC0415

    written = formats_of(formats)
    settings = settings_of(
        preset, changes, paint=paint, target_error=target_error, paintings=paintings, seed=seed
    )
    chosen = errors_from(errors, error)
    loaded = load_photo(photo, intrinsics, fov_deg=fov)
    truth = load_truth(depth, loaded.shape, scale=depth_scale)
    world = SimulatedWorld(
        loaded, truth.depth_m, chosen, settings.seed, people_in_photo=people_in_photo
    )
    floor = world.at(resize_photo(loaded, settings.working_short_side_px)).floor
    run_simulated(
        world,
        settings,
        folder_for(out, f"{loaded.name}_simulated"),
        landmarks=load_distances(landmark or []),
        formats=written,
        notes=(
            f"{truth.note}{_filled(truth.depth_m)}",
            f"simulated people stand on the {floor.note}",
        ),
    )
