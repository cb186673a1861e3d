"""Which checkpoints of transformers' `Trainer` are whole, as it does not tell.

```
checkpoints/checkpoint-500/                 what it writes, its processes together
checkpoints/checkpoint-500/complete.json    written last: all other files with their sizes
```
Importing this loads no model library.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mfh.errors import InputError
from mfh.files import write_json
from mfh.files.reading import read_json
from mfh.files.syncing import sync_folder, sync_names

WEIGHTS_NAME = "weights.safetensors"
"""The weights that learn, in checkpoints of processes that hold all of them (without FSDP)."""

_COMPLETE = "complete.json"
_CHECKPOINT = "checkpoint-"


def complete(folder: Path, step: int) -> None:
    """Say that the checkpoint of a step is whole, and only then remove the others.

    Every process has written its part. Raises `OSError` and `OutputError`.
    """
    checkpoint = folder / f"{_CHECKPOINT}{step}"
    sync_folder(checkpoint)
    write_json(checkpoint / _COMPLETE, {"bytes": _sizes(checkpoint)})
    sync_names(checkpoint)
    remove_others(folder, step)


def latest_checkpoint(folder: Path) -> tuple[int, Path | None]:
    """The steps of the last whole checkpoint, and where it is; 0 and None where there is none.

    Raises `InputError` where a file of it has gone, or has another size than it was written with.
    """
    whole = {n: p for n, p in _checkpoints(folder).items() if (p / _COMPLETE).is_file()}
    step, checkpoint = max(whole.items(), default=(0, None))
    if checkpoint is not None:
        _require_undamaged(checkpoint)
    return step, checkpoint


def remove_others(folder: Path, step: int) -> None:
    """Remove all checkpoints but that of a step, also those that were cut short; 0 is none."""
    for number, path in _checkpoints(folder).items():
        if number != step:
            shutil.rmtree(path, ignore_errors=True)


def require_sharded_alike(checkpoint: Path | None, sharded: bool) -> None:
    """Raise `InputError` where a whole checkpoint is of a training that was launched otherwise.

    sharded: whether each process holds a part of the weights (FSDP) now.
    """
    if checkpoint is None:
        return
    was_sharded = not (checkpoint / WEIGHTS_NAME).is_file()
    if was_sharded != sharded:
        written = "share the weights (FSDP)" if was_sharded else "hold all weights (without FSDP)"
        raise InputError(
            f"{checkpoint}: was written by processes that {written}; go on with the same launch "
            "command, or train into another folder (--out)"
        )


def damaged(checkpoint: Path, what: str) -> InputError:
    """Say that a checkpoint cannot be gone on from. what: which of its files is wrong, and how."""
    return InputError(
        f"{checkpoint}: the checkpoint is damaged: {what}; restore it, or remove the folder "
        f"{checkpoint} to train from the beginning"
    )


def _require_undamaged(checkpoint: Path) -> None:
    try:
        stored = read_json(checkpoint / _COMPLETE)
    except InputError as error:
        raise damaged(checkpoint, f"{_COMPLETE} cannot be read") from error
    written = stored.get("bytes") if isinstance(stored, dict) else None
    if not isinstance(written, dict):
        raise damaged(checkpoint, f"{_COMPLETE} does not say which files there are")
    found = _sizes(checkpoint)
    for name, size in written.items():
        if name not in found:
            raise damaged(checkpoint, f"{name} is missing")
        if found[name] != size:
            raise damaged(checkpoint, f"{name} has {found[name]} bytes of {size}")


def _sizes(checkpoint: Path) -> dict[str, int]:
    """The files below a checkpoint, by their paths in it, in bytes."""
    return {
        path.relative_to(checkpoint).as_posix(): path.stat().st_size
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != _COMPLETE
    }


def _checkpoints(folder: Path) -> dict[int, Path]:
    found = {}
    for path in folder.glob(f"{_CHECKPOINT}*"):
        number = path.name.removeprefix(_CHECKPOINT)
        if path.is_dir() and number.isdigit():
            found[int(number)] = path
    return found
