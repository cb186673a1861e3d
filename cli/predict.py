"""`mfh predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mfh.errors import InputError

from .options import (
    DeviceOption,
    FormatOption,
    FovOption,
    IntrinsicsOption,
    LandmarkOption,
    LowMemoryOption,
    OfflineOption,
    OutOption,
    PaintingsOption,
    PaintOption,
    PresetOption,
    SeedOption,
    SetOption,
    TargetErrorOption,
    folder_for,
    formats_of,
    pair,
    settings_of,
)


def predict(
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO...", help="Photos, folders of photos, or patterns."),
    ],
    intrinsics: IntrinsicsOption = None,
    fov: FovOption = None,
    landmark: LandmarkOption = None,
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
    formats: FormatOption = None,
    preset: PresetOption = "default",
    paint: PaintOption = None,
    target_error: TargetErrorOption = None,
    paintings: PaintingsOption = None,
    seed: SeedOption = None,
    device: DeviceOption = None,
    low_memory: LowMemoryOption = False,
    offline: OfflineOption = False,
    changes: SetOption = None,
) -> None:
    """Metric depth of photos."""
    from mfh.known_distances import (  # noqa: PLC0415 - keeps `mfh --help` quick
        check_distances,
        load_distances,
    )
    from mfh.models import ModelStore  # noqa: PLC0415
    from mfh.parts import LearnedParts, learned_stages  # noqa: PLC0415
    from mfh.photos import find_photos, load_photo  # noqa: PLC0415
    from mfh.pipeline import MetricFromHuman  # noqa: PLC0415

    from .downloads import TerminalDownloads  # noqa: PLC0415
    from .running import run_and_write  # noqa: PLC0415
    from .several import run_several  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    written = formats_of(formats)
    settings = settings_of(
        preset,
        changes,
        paint=paint,
        target_error=target_error,
        paintings=paintings,
        seed=seed,
        device=device,
        low_memory=low_memory or None,
    )
    chosen = _files_of(use or [])
    if "painted" in chosen and not (paintings is None and seed is None and target_error is None):
        raise InputError(
            "--paintings, --seed and --target-error say what to paint, but --use painted=... gives "
            "painted photos; leave them out"
        )
    if intrinsics is not None and fov is not None:
        raise InputError("--intrinsics and --fov are both given; give one of them")
    if disparity_space != "disparity" and "disparity" not in chosen:
        raise InputError("--disparity-space says what --use disparity=... holds; give both")
    paths = find_photos(photos)
    # A folder of one photo is laid out as one of many: more may come.
    several = paths != list(photos) or len(paths) > 1
    distances = load_distances(landmark or [])
    if several and distances:
        raise InputError(
            "--landmark: a known distance belongs to one photo; give that photo alone, by its name"
        )
    known = bool(distances)
    store = ModelStore(offline=offline or None)
    learned = LearnedParts(settings, store, TerminalDownloads())
    stages = learned_stages(settings.paint, chosen, known_distances=known)

    def method_for(path: Path) -> MetricFromHuman:
        own = {s: Path(p) / path.stem if several else Path(p) for s, p in chosen.items()}
        return MetricFromHuman.from_settings(
            settings,
            use=own,
            disparity_space=disparity_space,
            known_distances=known,
            learned=learned,
        )

    if not several:
        photo = load_photo(paths[0], intrinsics, fov_deg=fov)
        check_distances(distances, photo)
        with interruptible():
            method = method_for(paths[0])
        run_and_write(
            method,
            photo,
            folder_for(out, photo.name),
            landmarks=distances,
            formats=written,
            notes=learned.notes(stages),
        )
        return
    # Once for all photos: what is missing is missing for each of them.
    with interruptible():
        learned.prepare(stages)
    run_several(
        paths,
        load=lambda path: load_photo(path, intrinsics, fov_deg=fov),
        method_for=method_for,
        folder_for=lambda name: folder_for(out, name, several=True),
        formats=written,
        notes=learned.notes(stages),
    )


def _files_of(options: list[str]) -> dict[str, str]:
    """The path of each stage that is given one."""
    from mfh.parts import STAGES  # noqa: PLC0415

    chosen: dict[str, str] = {}
    for text in options:
        stage, given = pair(text, "--use", "painted=DIR")
        if stage not in STAGES:
            raise InputError(
                f"--use {text}: stage {stage!r} is unknown; there are {', '.join(STAGES)}"
            )
        if stage in chosen:
            raise InputError(f"--use {stage}=... is given twice; each stage takes one PATH")
        chosen[stage] = given
    return chosen
