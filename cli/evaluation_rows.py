"""From the options of `mfh evaluate` to the rows that are to be evaluated."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfh.errors import InputError, SettingsError
from mfh.settings import Settings

from .options import changes_of, pair, settings_of

if TYPE_CHECKING:
    from mfh.evaluation.methods.ablations import Ablation
    from mfh.evaluation.methods.base import MethodSpec, Row
    from mfh.simulation import SimulatedErrors

_SIMULATED = "simulated"
# The methods that the rows of an ablation may be run by.
_TITLES = {"mfh": "MfH", _SIMULATED: "simulated"}
_KEY = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST = 80


def rows_of(
    methods: Sequence[str],
    table: Ablation | None,
    *,
    data_set: str,
    preset: str | None,
    changes: list[str] | None,
    options: Mapping[str, Any],
    errors: SimulatedErrors,
    people: Sequence[str],
    names: Sequence[str],
) -> list[Row]:
    """The rows of methods and of an ablation.

    An ablation is run by "mfh", or by "simulated" where that is among the methods; the other
    methods are rows beside its own, and so is whatever is given a key.

    methods: METHOD or KEY=METHOD.
    data_set: the name of that which they are run on.
    changes, options: as of `settings_of`.
    people: ROW=DIR texts, the meshes of rows that need the user's own.
    names: of all samples of the data set.
    """
    from mfh.evaluation.methods.mfh_specs import mfh_spec  # noqa: PLC0415 - keeps `mfh --help` quick

    meshes = dict(_meshes(text) for text in people)
    if table is None:
        if meshes:
            raise SettingsError("--people gives the meshes of a row of --ablation table9")
        settings = settings_of(preset or "default", changes, **options)
        return _method_rows(methods or ["mfh"], settings, errors, names)
    stages = _SIMULATED if _SIMULATED in methods else "mfh"
    if meshes and stages == _SIMULATED:
        raise SettingsError(
            "--people gives meshes for paintings, but --method simulated measures its own people; "
            "leave out one of them"
        )

    def spec_of(variant: str, settings: Settings, folder: str, regressor: str) -> MethodSpec:
        text = f"{stages}:{variant}" if variant else stages
        return mfh_spec(text, settings, errors, meshes=folder, regressor=regressor)

    rows = table.runnable(
        spec_of,
        data_set=data_set,
        preset=preset or "paper",
        changes=changes_of(changes, **options),
        meshes=meshes,
    )
    settings = settings_of(preset or "paper", changes, **options)
    others = [text for text in methods if text not in _TITLES]
    return [*rows, *_method_rows(others, settings, errors, names)]


def _meshes(text: str) -> tuple[str, str]:
    """A row's key and its folder of meshes."""
    key, given = pair(text, "--people", "tokenhmr=DIR", dashes=True)
    folder = Path(given).expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"--people {text}: there is no folder {folder}")
    return key, str(folder)


def _method_rows(
    methods: Sequence[str], settings: Settings, errors: SimulatedErrors, names: Sequence[str]
) -> list[Row]:
    """The rows of single methods: named as the user wants it, or by their texts."""
    from mfh.evaluation.methods.base import Row  # noqa: PLC0415
    from mfh.evaluation.methods.rivals import method_spec  # noqa: PLC0415

    given = [_key_and_method(text) for text in methods]
    own = Counter(_key_of(text).casefold() for key, text in set(given) if not key)
    rows = []
    for key, text in given:
        spec = method_spec(text, settings, errors, names=names)
        made = key or _key_of(text)
        if not key and own[made.casefold()] > 1:
            made = _hashed(made, text)
        rows.append(Row(key=made, label=key or _label(text, settings), spec=spec))
    return rows


def _key_and_method(text: str) -> tuple[str, str]:
    """KEY=METHOD in two; the key is "" where none is given."""
    key, equals, method = text.partition("=")
    # What comes before the first "=" of METHOD alone holds ":" or "@".
    if not equals or ":" in key or "@" in key:
        return "", text
    if not (method and _KEY.fullmatch(key)):
        raise SettingsError(
            f"--method {text}: expected METHOD or KEY=METHOD, KEY being letters from A to Z, "
            "digits, '.', '-' and '_', e.g. --method ours=files:DIR"
        )
    return key, method


def _key_of(text: str) -> str:
    """A key made of a method's text, with a hash where it would not tell enough of it."""
    key = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    return key if text.isascii() and len(key) <= _LONGEST else _hashed(key, text)


def _hashed(key: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{key[-_LONGEST:].strip('-.')}-{digest}".lstrip("-")


def _label(text: str, settings: Settings) -> str:
    from mfh.evaluation.methods.mfh_specs import oracle_settings  # noqa: PLC0415 - keeps `mfh --help` quick

    kind, _, oracle = text.partition(":")
    if kind not in _TITLES:
        return text.removeprefix("hub:")
    if oracle:
        return f"{_TITLES[kind]} oracle, {oracle_settings(settings).head_method}"
    return f"{_TITLES[kind]}, N = {settings.paintings}, {settings.head_method}"
