"""Options that several commands share, and turning their texts into settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from mfh.errors import InputError, SettingsError
from mfh.settings import PRESETS, Device, Paint, Settings, default_settings, settings_from

if TYPE_CHECKING:
    from mfh.simulation import SimulatedErrors

IntrinsicsOption = Annotated[
    Path | None,
    typer.Option(
        "--intrinsics",
        "-k",
        help="Camera file: JSON (3x3, fx fy cx cy, K, transforms.json), cameras.txt, .npy or .txt.",
        show_default=False,
    ),
]
FovOption = Annotated[
    float | None,
    typer.Option("--fov", help="Horizontal field of view in degrees.", show_default=False),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="Folder for results; mfh_out/NAME if none is given.", show_default=False
    ),
]
PresetOption = Annotated[
    str, typer.Option("--preset", help=f"Settings to start from: {', '.join(PRESETS)}.")
]
PaintingsOption = Annotated[
    int | None,
    typer.Option("--paintings", "-n", help="How many photos to paint at most.", show_default=False),
]
PaintOption = Annotated[
    str | None,
    typer.Option(
        "--paint",
        help=f"Whether people are painted: {', '.join(get_args(Paint))}; as the preset says if "
        "none is given.",
        show_default=False,
    ),
]
TargetErrorOption = Annotated[
    float | None,
    typer.Option(
        "--target-error",
        help="Paint until the error is no larger: 0.1 is 10 %, 0 paints all; as the preset says "
        "if none is given.",
        show_default=False,
    ),
]
LandmarkOption = Annotated[
    list[str] | None,
    typer.Option(
        "--landmark",
        metavar="X,Y=METRES|FILE",
        help="A known distance: a pixel of the upright photo, and metres straight from the camera; "
        "or a .json or .csv file of some. Repeatable. Nobody is painted then, unless --paint "
        "always.",
        show_default=False,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed", help="Seed of every random choice; 0 if none is given.", show_default=False
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        help=f"Where to compute: {', '.join(get_args(Device))}; chosen if none is given.",
        show_default=False,
    ),
]
LowMemoryOption = Annotated[
    bool,
    typer.Option("--low-memory", help="Take less GPU memory (8 GB) and more time."),
]
OfflineOption = Annotated[
    bool,
    typer.Option("--offline", help="Never use the network: weights must be there already."),
]
FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME[,NAME]",
        help="What to write: npz, png, png16, ply, glb (mesh), exr, colmap, nerfstudio; "
        "npz,png,png16,ply if none is given. Repeatable.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Change any setting; repeatable.", show_default=False
    ),
]
ErrorsOption = Annotated[
    str,
    typer.Option("--errors", help="How wrong the stand-ins are: none, mild, default or strong."),
]
ErrorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--error",
        metavar="NAME=VALUE",
        help="Set one error, e.g. person_size=0.2; repeatable.",
        show_default=False,
    ),
]
DataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data-option",
        metavar="NAME=VALUE",
        help="What else the data set takes, e.g. max_m=10 of folder; repeatable.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int, typer.Option("--jobs", min=0, help="Threads that score; 0 is one for each processor.")
]
PeopleInPhotoOption = Annotated[
    int,
    typer.Option(
        "--people-in-photo",
        metavar="K",
        help="How many people stand in the photo already, at their true size.",
    ),
]


def settings_of(preset: str, changes: list[str] | None, **options: Any) -> Settings:
    """The settings of a preset, changed by `--set` and by options of their own that are given."""
    return settings_from(preset, **changes_of(changes, **options))


def changes_of(changes: list[str] | None, **options: Any) -> dict[str, Any]:
    """The settings that `--set` and options of their own change."""
    chosen: dict[str, Any] = {}
    for change in changes or []:
        name, value = pair(change, "--set", "paintings=8")
        chosen[name] = parsed(name, value, default_settings().get(name))
    chosen.update({name: value for name, value in options.items() if value is not None})
    return chosen


def errors_from(strength: str, changes: list[str] | None) -> SimulatedErrors:
    """The simulated errors the options ask for."""
    from mfh.simulation import SimulatedErrors  # noqa: PLC0415 - keeps `mfh --help` quick

    errors = SimulatedErrors.strength(strength)
    known = errors.as_dict()
    chosen: dict[str, float] = {}
    for change in changes or []:
        name, value = pair(change, "--error", "person_size=0.2")
        if name not in known:
            raise SettingsError(f"--error {name}: there are {', '.join(known)}")
        try:
            chosen[name] = float(value)
        except ValueError as error:
            raise SettingsError(f"--error {name}={value}: expected a number") from error
    return replace(errors, **chosen)


def formats_of(texts: list[str] | None) -> tuple[str, ...]:
    """The formats that --format names, or the default ones. Raises `SettingsError`."""
    from mfh.results.formats import (  # noqa: PLC0415 - keeps `mfh --help` quick
        DEFAULT_FORMATS,
        format_names,
    )

    if texts is None:
        return DEFAULT_FORMATS
    try:
        return format_names(texts)
    except InputError as error:
        raise SettingsError(f"--format {','.join(texts)}: {error}") from error


def data_options_of(texts: list[str] | None) -> dict[str, str]:
    """What --data-option gives, by name. Raises `SettingsError`."""
    return dict(pair(text, "--data-option", "max_m=10") for text in texts or [])


def pair(text: str, option: str, example: str, *, dashes: bool = False) -> tuple[str, str]:
    """NAME=VALUE in two; dashes in the name are underscores, unless they are to stay."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise SettingsError(f"{option} {text}: expected NAME=VALUE, e.g. {option} {example}")
    name = name.strip()
    return name if dashes else name.replace("-", "_"), value.strip()


def parsed(name: str, text: str, default: object) -> Any:
    """What --set gives a setting, as the type its default has. Raises `SettingsError`."""
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(","))
    if isinstance(default, bool):
        words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        if text.lower() not in words:
            raise SettingsError(f"--set {name}={text}: expected true or false")
        return words[text.lower()]
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError as error:
            kind = "a whole number" if isinstance(default, int) else "a number"
            raise SettingsError(f"--set {name}={text}: expected {kind}") from error
    return text


def folder_for(out: Path | None, name: str, several: bool = False) -> Path:
    """Where a photo's results go."""
    if out is None:
        return Path("mfh_out") / name
    return out / name if several else out
