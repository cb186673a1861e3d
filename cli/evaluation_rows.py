"""From the options of `mfh evaluate` to the rows that are to be evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfh.errors import InputError, SettingsError
from mfh.settings import Settings

from .options import changes_of, pair, settings_of

if TYPE_CHECKING:
    from mfh.evaluation.ablations import Ablation
    from mfh.evaluation.methods import MethodSpec, Row
    from mfh.simulation import SimulatedErrors

_SIMULATED = "simulated"
_ALONE = ("mfh", _SIMULATED)


def rows_of(
    methods: Sequence[str],
    table: Ablation | None,
    *,
    preset: str | None,
    changes: list[str] | None,
    options: Mapping[str, Any],
    errors: SimulatedErrors,
    people: Sequence[str],
) -> list[Row]:
    """The rows of methods and of an ablation.

    An ablation is run by "mfh", or by "simulated" where that is among the methods; the other
    methods are rows beside its own.

    changes, options: as of `settings_of`.
    people: ROW=DIR texts, the meshes of rows that need the user's own.
    """
    from mfh.evaluation.ablations import SpecOf  # noqa: PLC0415 - keeps `mfh --help` quick
    from mfh.evaluation.mfh_specs import mfh_spec  # noqa: PLC0415

    meshes = dict(_meshes(text) for text in people)
    if table is None:
        if meshes:
            raise SettingsError("--people gives the meshes of a row of --ablation table9")
        settings = settings_of(preset or "default", changes, **options)
        return [_method_row(text, settings, errors) for text in methods or ["mfh"]]
    stages = _SIMULATED if _SIMULATED in methods else "mfh"

    def spec_of(variant: str, settings: Settings, folder: str, regressor: str) -> MethodSpec:
        text = f"{stages}:{variant}" if variant else stages
        return mfh_spec(text, settings, errors, meshes=folder, regressor=regressor)

    made: SpecOf = spec_of
    rows = table.runnable(
        made, preset=preset or "paper", changes=changes_of(changes, **options), meshes=meshes
    )
    settings = settings_of(preset or "paper", changes, **options)
    others = [text for text in methods if text not in _ALONE]
    return [*rows, *(_method_row(text, settings, errors) for text in others)]


def _meshes(text: str) -> tuple[str, str]:
    """A row's key and its folder of meshes."""
    key, given = pair(text, "--people", "tokenhmr=DIR", dashes=True)
    folder = Path(given).expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"--people {text}: there is no folder {folder}")
    return key, str(folder)


def _method_row(text: str, settings: Settings, errors: SimulatedErrors) -> Row:
    """The row of a single method, its key made of its text."""
    from mfh.evaluation.methods import Row  # noqa: PLC0415
    from mfh.evaluation.mfh_specs import METHODS, mfh_spec  # noqa: PLC0415
    from mfh.evaluation.specs import method_spec  # noqa: PLC0415

    if text in METHODS:
        spec = mfh_spec(text, settings, errors)
    else:
        spec = method_spec(text, device=settings.device, precision=settings.precision)
    key = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[-80:]
    return Row(key=key, label=_label(text, settings), spec=spec)


def _label(text: str, settings: Settings) -> str:
    if text in _ALONE:
        prefix = "simulated, " if text == _SIMULATED else ""
        return f"{prefix}N = {settings.paintings}, {settings.head_method}"
    return text.removeprefix("hub:")
