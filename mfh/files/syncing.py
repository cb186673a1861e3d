"""Having the disk take a folder with all that is in it, before something counts on it."""

from __future__ import annotations

import os
from pathlib import Path

_HAS_FOLDERS_TO_SYNC = os.name == "posix"


def sync_folder(folder: Path) -> None:
    """Have the disk take every file below a folder, and their names.

    Also the folder's own name, in its parent. Raises `OSError`.
    """
    paths = list(folder.rglob("*"))
    for path in paths:
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    sync_names(folder.parent, folder, *(path for path in paths if path.is_dir()))


def sync_names(*folders: Path) -> None:
    """Have the disk take the names in folders, such as one that a file was renamed to.

    Windows has no call for that. Raises `OSError`.
    """
    if _HAS_FOLDERS_TO_SYNC:
        for folder in folders:
            opened = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
