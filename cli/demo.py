"""`mfh demo`."""

from __future__ import annotations

from .options import (
    ErrorOption,
    ErrorsOption,
    LandmarkOption,
    OutOption,
    PaintingsOption,
    PaintOption,
    PresetOption,
    SeedOption,
    SetOption,
    TargetErrorOption,
    errors_from,
    folder_for,
    settings_of,
)


def demo(
    errors: ErrorsOption = "default",
    error: ErrorOption = None,
    out: OutOption = None,
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
    from mfh.pipeline import MetricFromHuman  # noqa: PLC0415
    from mfh.simulation import SimulatedWorld, load_demo_scene, simulated_parts  # noqa: PLC0415

    from .running import run_and_write  # noqa: PLC0415

    settings = settings_of(
        preset, changes, paint=paint, target_error=target_error, paintings=paintings, seed=seed
    )
    photo, truth_m = load_demo_scene()
    world = SimulatedWorld(photo, truth_m, errors_from(errors, error), settings.seed)
    run_and_write(
        MetricFromHuman(**simulated_parts(world), settings=settings),
        photo,
        folder_for(out, "demo"),
        landmarks=load_distances(landmark or []),
        truth_m=truth_m,
        simulated_errors=world.errors,
    )
