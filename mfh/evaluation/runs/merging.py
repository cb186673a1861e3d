"""Going on with an evaluation run: what may be added to it, and what would mix two runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mfh.datasets.photo_files import differing
from mfh.errors import RunFolderError
from mfh.evaluation.runs.run_file import RowInfo, RunInfo

_MOST_NAMED = 5


def merged(earlier: RunInfo, asked: RunInfo, order: Sequence[str]) -> RunInfo:
    """The run that holds what an earlier one has and what is asked for now.

    order: the names of the data set's photos, in its order.

    Raises `RunFolderError` where the two are of different data sets, a photo that was predicted has
    other files now, or a row of one key is of different methods, naming what differs.
    """
    _require_same_data(earlier, asked)
    _require_same_photos(earlier, asked)
    rows = {row.key: row for row in earlier.rows}
    folders = {row.key.casefold(): row.key for row in earlier.rows}
    for row in asked.rows:
        before = rows.get(row.key)
        if before is None:
            like = folders.get(row.key.casefold())
            if like is not None:
                raise RunFolderError(
                    f"{asked.folder}: has a row {like!r}, whose folder would be that of "
                    f"{row.key!r} on some systems; spell it as before, or name it otherwise"
                )
            rows[row.key] = row
            continue
        _require_same_method(asked, before, row)
        seeds = tuple(sorted({*before.seeds, *row.seeds}))
        rows[row.key] = replace(row, seeds=seeds)
    place = {name: index for index, name in enumerate(order)}
    names = sorted({*earlier.names, *asked.names}, key=lambda name: place.get(name, len(place)))
    return replace(
        asked,
        rows=tuple(rows.values()),
        names=tuple(names),
        ablation=asked.ablation or earlier.ablation,
        files={**earlier.files, **asked.files},
    )


def _require_same_data(earlier: RunInfo, asked: RunInfo) -> None:
    pairs: dict[str, tuple[Any, Any]] = {"data set": (earlier.data_set, asked.data_set)}
    before, now = _plain(earlier.options), _plain(asked.options)
    pairs.update({name: (before.get(name), now.get(name)) for name in {**before, **now}})
    if earlier.ablation and asked.ablation:
        pairs["ablation"] = (earlier.ablation, asked.ablation)
    differ = [f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new]
    if differ:
        raise RunFolderError(
            f"{asked.folder}: holds another evaluation ({', '.join(differ)}); choose another "
            "folder with --out"
        )


def _require_same_photos(earlier: RunInfo, asked: RunInfo) -> None:
    for name, file in differing(earlier.files, asked.files):
        # Files that were broken may be replaced.
        if any(
            earlier.predictions(row.key, seed).has(name)
            for row in earlier.rows
            for seed in row.seeds
        ):
            raise RunFolderError(
                f"{asked.folder}: holds predictions of photo {name!r} with another {file} file "
                f"than the one in {asked.root}; choose another folder with --out, or get the files "
                "it was begun with"
            )


def _require_same_method(run: RunInfo, before: RowInfo, row: RowInfo) -> None:
    old, new = _plain(before.method), _plain(row.method)
    if old == new:
        return
    differ = list(_differences(old, new))
    more = f" and {len(differ) - _MOST_NAMED} more" if len(differ) > _MOST_NAMED else ""
    raise RunFolderError(
        f"{run.folder}: its row {row.key!r} is of another method "
        f"({', '.join(differ[:_MOST_NAMED])}{more}); choose another folder with --out or another "
        "name for the row (--method KEY=METHOD), or give the settings that it was begun with"
    )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name in {**old, **new}:
        before, now = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            inner = "" if name in ("settings", "errors") else f"{prefix}{name}."
            yield from _differences(before, now, inner)
        elif before != now:
            yield f"{prefix}{name} {before} -> {now}"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON gives them back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values)))
    return plain
