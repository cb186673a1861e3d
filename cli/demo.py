"""`mfh demo`."""

from __future__ import annotations

from .options import (
    ErrorOption,
    ErrorsOption,
    FormatOption,
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


def demo(
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
    """The whole flow on an example scene, with simulated stages: no download, no registration."""
    from mfh.known_distances import load_distances  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.simulation import SimulatedWorld, load_demo_scene  # noqa: PLC0415

    from .running import run_simulated  # noqa: PLC0415

    written = formats_of(formats)
    settings = settings_of(
        preset, changes, paint=paint, target_error=target_error, paintings=paintings, seed=seed
    )
    world = SimulatedWorld(
        *load_demo_scene(),
        errors_from(errors, error),
        settings.seed,
        people_in_photo=people_in_photo,
    )
    run_simulated(
        world,
        settings,
        folder_for(out, "demo"),
        landmarks=load_distances(landmark or []),
        formats=written,
    )
