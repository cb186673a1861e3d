"""Where the weights of one model lie, and what names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfh.errors import InputError, ModelError


@dataclass(frozen=True)
class Weights:
    """The files of one model on this machine.

    name: its name in words, for results.
    folder: where its files lie, as its publisher arranges them.
    identity: what tells these weights from others, plain JSON: id and revision, or digests.
    """

    name: str
    folder: Path
    identity: Mapping[str, Any] = field(default_factory=dict)

    def file(self, path: str) -> Path:
        """One of the files, by its path in the folder.

        Raises `ModelError` where it is not there.
        """
        found = self.folder / path
        if not found.is_file():
            raise ModelError(f"{self.name}: {found} is missing")
        return found

    @classmethod
    def local(cls, folder: str | Path) -> Weights:
        """A folder of the user's own, told from others by names, sizes and times of its files.

        Raises `InputError` where there is no such folder.
        """
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise InputError(f"{path}: is not a folder")
        files = sorted(each for each in path.rglob("*") if each.is_file())
        stats = {each: each.stat() for each in files}
        identity = {
            each.relative_to(path).as_posix(): [stat.st_size, stat.st_mtime_ns]
            for each, stat in stats.items()
        }
        return cls(name=path.name, folder=path, identity={"files": identity})
