"""`mfh models`: which learned models there are, and getting, checking and adding them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from mfh.errors import MfhError
from mfh.settings import PRESETS, settings_from

from .options import OfflineOption

if TYPE_CHECKING:
    from mfh.models import Model, ModelState, ModelStore

models = typer.Typer(help="The learned models: list, get, check, add.", no_args_is_help=True)

_PARTS = {
    "painter": "paints people",
    "detector": "finds people",
    "keypoints": "finds their joints",
    "mesh": "measures people",
    "body": "their body",
    "disparity": "tells near from far",
    "vision language model": "is asked for distances, optional",
    "estimator": "other methods, optional",
}
_STYLES = {"ready": "green", "partial": "yellow", "damaged": "red", "absent": "dim"}
# What of a table does not fit into a narrow terminal is folded, never cut off.
_FOLDED_WIDTH = 16
# From here on the presets fit in, too.
_WIDE = 118

_NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Names in `mfh models list`, or ids on the model hub.",
        show_default=False,
    ),
]


@models.command(name="list")
def list_models(
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only those whose licence allows commercial use.")
    ] = False,
) -> None:
    """Which models there are, which are here, and under which licences."""
    from mfh.models import ModelStore, catalogue, needed  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.models.store import remedy  # noqa: PLC0415

    store = ModelStore()
    used = {preset: needed(settings_from(preset), store) for preset in PRESETS}
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, title_justify="left", title_style="bold")
    table.title = "models"
    table.add_column("name", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("licence", overflow="fold", min_width=_FOLDED_WIDTH)
    table.add_column("commercial", no_wrap=True)
    wide = console.width >= _WIDE
    if wide:
        table.add_column("presets", no_wrap=True)
    others = store.others()
    for part, purpose in _PARTS.items():
        rows = [m for m in catalogue() if m.part == part and (m.commercial or not commercial)]
        if rows:
            table.add_row(f"[bold]{part}[/]", "", "", f"[dim]{purpose}[/]")
        for model in sorted(rows, key=lambda each: (each not in used["default"], not each.default)):
            _add_row(table, model, store.state(model), used, wide=wide)
    if others and not commercial:
        table.add_row("[bold]others")
        for model in others:
            _add_row(table, model, store.state(model), used, wide=wide)
    console.print(table)
    for model in catalogue():
        by_hand = model.obtain == "register" and model.default and not commercial
        if by_hand and not store.state(model).ready:
            console.print(f"{model.name}: {remedy(model)}; hmr2 is used then", markup=False)
    console.print("* is used unless settings name another; get one with: mfh models get NAME")
    console.print(f"models are kept in {store.folder}", markup=False, soft_wrap=True)
    if commercial:
        console.print(_of_presets(used))


def _add_row(
    table: Table,
    model: Model,
    state: ModelState,
    used: Mapping[str, Sequence[Model]],
    *,
    wide: bool,
) -> None:
    size = f"{model.download_gb:.1f} GB" if model.download_gb else ""
    included = model.obtain == "included" and state.ready
    table.add_row(
        f"  {model.name}{' *' if model in used['default'] else ''}",
        f"[{_STYLES[state.status]}]{'included' if included else state.status}[/]",
        size,
        model.licence,
        "yes" if model.commercial else "no",
        *([", ".join(preset for preset in used if model in used[preset])] if wide else []),
    )


def _of_presets(used: Mapping[str, Sequence[Model]]) -> Table:
    """Whether all that each preset uses on this machine allows commercial use."""
    table = Table(box=None, pad_edge=False, title_justify="left", title_style="bold")
    table.title = "commercial use of all that a preset uses on this machine"
    table.caption = "OpenRAIL licences allow it, but forbid the uses that they list"
    table.caption_justify = "left"
    table.add_column("presets", no_wrap=True)
    table.add_column("allowed", no_wrap=True)
    table.add_column("by the licences of", overflow="fold")
    presets: dict[tuple[Model, ...], list[str]] = {}
    for preset, models in used.items():
        presets.setdefault(tuple(models), []).append(preset)
    for models, alike in presets.items():
        against = [model for model in models if not model.commercial]
        named = ", ".join(f"{model.name} ({model.licence})" for model in against or models)
        table.add_row(", ".join(alike), "[red]no[/]" if against else "[green]yes[/]", named)
    return table


@models.command()
def get(
    names: _NamesArgument = None,
    preset: Annotated[
        str,
        typer.Option(help=f"Without names: all that a preset needs ({', '.join(PRESETS)})."),
    ] = "default",
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL|DIR",
            help="Get everything from here: another machine's folder of models, or a copy of the "
            "model hub.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="Take it from a folder or file you have, e.g. a clone of its repository.",
            show_default=False,
        ),
    ] = None,
    offline: OfflineOption = False,
) -> None:
    """Download models, or take them from a folder; what is there is verified, and gone on with."""
    from mfh.models import ModelStore, needed  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.models.hosts import remembering_unknown_hosts  # noqa: PLC0415
    from mfh.models.needs import named_model  # noqa: PLC0415
    from mfh.models.store import UnreachableModelError, remedy  # noqa: PLC0415

    from .downloads import TerminalDownloads  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    store = ModelStore(offline=offline or None, mirror=mirror)
    if source is not None or mirror:
        # What is wrong with these concerns every model.
        store.source(source)
    chosen = tuple(named_model(name) for name in names or ())
    wanted = chosen or needed(settings_from(preset), store)
    by_hand = [each for each in wanted if not (names or each.downloadable or _ready(store, each))]
    failed = False
    unreachable = []
    with TerminalDownloads() as progress, interruptible(), remembering_unknown_hosts():
        for model in wanted:
            if model in by_hand:
                continue
            try:
                weights = store.get(model, progress, source)
            except MfhError as error:
                progress.close()
                if len(wanted) == 1:
                    raise
                failed = True
                why = str(error)
                if isinstance(error, UnreachableModelError):
                    unreachable.append(model.name)
                    why = error.why
                typer.secho(f"error: {why}", fg="red", err=True)
            else:
                included = model.obtain == "included"
                where = "comes with mfh" if included else f"ready in {weights.folder}"
                typer.echo(f"{model.name}: {where}")
    if unreachable:
        joined = " ".join(unreachable)
        typer.echo(f"on a machine with a network: mfh models get {joined}", err=True)
        typer.echo(f"then copy their folders into {store.folder} here", err=True)
        typer.echo(f"or: mfh models get {joined} --mirror DIR|URL", err=True)
    for model in by_hand:
        typer.echo(f"{model.name}: cannot be downloaded; {remedy(model)}")
    if failed:
        raise typer.Exit(1)


@models.command()
def check(names: _NamesArgument = None) -> None:
    """Verify the models that are here, file by file, against their digests (SHA-256)."""
    from mfh.models import ModelStore, catalogue  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.models.needs import named_model  # noqa: PLC0415
    from mfh.models.store import remedy  # noqa: PLC0415

    from .downloads import TerminalDownloads  # noqa: PLC0415
    from .terminal import interruptible  # noqa: PLC0415

    store = ModelStore()
    chosen = tuple(named_model(name) for name in names or ())
    failed = False
    found = 0
    with TerminalDownloads() as progress, interruptible():
        for model in chosen or (*catalogue(), *store.others()):
            state = store.state(model, thorough=True, progress=progress)
            progress.close()
            included = model.obtain == "included" and state.ready
            if not chosen and (state.status == "absent" or included):
                continue
            found += 1
            if state.ready:
                found_so = "comes with mfh" if included else "whole and unchanged"
                typer.echo(f"{model.name}: {found_so}")
                continue
            failed = True
            typer.secho(f"{model.name}: {state.status}", fg="red")
            for fault in state.faults:
                typer.echo(f"  {fault}")
            typer.echo(f"  {remedy(model)}")
    if not found:
        typer.echo(f"no models in {store.folder} yet; get them with: mfh models get")
    if failed:
        raise typer.Exit(1)


@models.command()
def add(
    name: Annotated[str, typer.Argument(help="smpl, smpl-male or smpl-female.")],
    file: Annotated[Path, typer.Argument(help="The file you downloaded after registering.")],
) -> None:
    """Take a model's file that you registered for and downloaded. Nothing in it is run."""
    from mfh.models import ModelStore, find_model  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.models.store import remedy  # noqa: PLC0415
    from mfh.people.smpl import convert_smpl  # noqa: PLC0415

    store, model = ModelStore(), find_model(name)
    weights = store.add(model, file, convert_smpl)
    typer.echo(f"{name}: ready in {weights.folder}")
    regressor = find_model("hmr2")
    if model.default:
        then = "" if _ready(store, regressor) else f"; {remedy(regressor)}"
        typer.echo(f"people are measured by {regressor.title} from now on{then}")


def _ready(store: ModelStore, model: Model) -> bool:
    return store.state(model).ready
