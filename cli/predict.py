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
    changes_of,
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
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="mfh, Metric from Human; or hub:MODEL, metric3d[:SIZE], unidepth[:MODEL], "
            "clip2depth:DIR or depthlm[:MODEL]. Those take a photo and its camera alone.",
        ),
    ] = "mfh",
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
    from mfh.estimators.specs import other_method  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.known_distances import check_distances, load_distances  # noqa: PLC0415
    from mfh.models import ModelStore  # noqa: PLC0415
    from mfh.photos import find_photos, load_photo  # noqa: PLC0415

    from .photo_methods import OtherMethod, OwnMethod  # noqa: PLC0415
    from .running import run_and_write  # noqa: PLC0415
    from .several import run_several  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    written = formats_of(formats)
    own = {
        "paint": paint,
        "target_error": target_error,
        "paintings": paintings,
        "seed": seed,
        "low_memory": low_memory or None,
    }
    settings = settings_of(preset, changes, device=device, **own)
    given = {
        "--landmark": bool(landmark),
        "--use": bool(use),
        "--disparity-space": disparity_space != "disparity",
        f"--preset {preset}": preset != "default",
    }
    other = other_method(
        method,
        settings,
        {option: option for option, is_given in given.items() if is_given}
        | {_option(name): name for name, value in own.items() if value is not None}
        | {f"--set {name}=...": name for name in changes_of(changes)},
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
    store = ModelStore(offline=offline or None)
    predicting: OwnMethod | OtherMethod
    if other is not None:
        predicting = OtherMethod(other, settings, store)
    else:
        predicting = OwnMethod(
            settings,
            store,
            chosen,
            disparity_space=disparity_space,
            known_distances=bool(distances),
            several=several,
        )
    if not several:
        photo = load_photo(paths[0], intrinsics, fov_deg=fov)
        check_distances(distances, photo)
        with interruptible():
            made = predicting.of(paths[0])
        run_and_write(
            made,
            photo,
            folder_for(out, photo.name),
            landmarks=distances,
            formats=written,
            notes=predicting.notes,
            resumes=predicting.resumes,
        )
        return
    # Once for all photos: what is missing is missing for each of them.
    with interruptible():
        predicting.prepare()
    run_several(
        paths,
        load=lambda path: load_photo(path, intrinsics, fov_deg=fov),
        method_for=predicting.of,
        folder_for=lambda name: folder_for(out, name, several=True),
        formats=written,
        notes=predicting.notes,
        resumes=predicting.resumes,
    )


def _option(name: str) -> str:
    """The option of a setting."""
    return f"--{name.replace('_', '-')}"


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
