"""Room on the disk that models are written to, and what is said where they cannot be."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mfh.errors import OutputError

_ROOM_LEFT_BYTES = 100 * 2**20


def require_room(folder: Path, needed_bytes: float) -> None:
    """Raise `OutputError` where the disk of a folder has not that much room."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if free < needed_bytes + _ROOM_LEFT_BYTES:
        raise OutputError(
            f"{folder}: {needed_bytes / 1e9:.2f} GB are needed, and {free / 1e9:.2f} GB are free; "
            "free some space, or keep models elsewhere: set MFH_MODELS to a folder on another disk"
        )


@contextmanager
def writing(part: Path) -> Iterator[None]:
    """Raise `OutputError` in the place of an `OSError`, e.g. where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise OutputError(f"cannot write {part}: {error.strerror or error}") from error
        raise OutputError(
            f"cannot write {part}: no space left; free some, and the same command goes on from "
            "there, or set MFH_MODELS to a folder on another disk"
        ) from error
