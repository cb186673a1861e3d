"""What is noted beside a model's files when they are got: which they are, and their digests.

A receipt makes it possible to tell, without the network, whether a model is whole and unchanged.
A folder of models with its receipts, copied or served as it is, is also a mirror for others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mfh.errors import InputError
from mfh.files import write_json
from mfh.files.reading import read_json
from mfh.models.catalogue import ModelFile

RECEIPT = "mfh_model.json"


@dataclass(frozen=True)
class Entry:
    """One file: its size, its SHA-256, and whether it is whole here."""

    bytes: int | None
    sha256: str
    done: bool


@dataclass(frozen=True)
class Receipt:
    """What was got: of which id and revision, from where, and its files by path."""

    id: str
    revision: str
    origin: str
    files: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """SHA-256 over the files' paths and digests: the same files, wherever they came from."""
        listed = {path: entry.sha256 for path, entry in sorted(self.files.items())}
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write it into a model's folder. Raises `OutputError`."""
        write_json(folder / RECEIPT, asdict(self))


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt in a model's folder, if there is one.

    Raises `InputError` where it is damaged.
    """
    path = folder / RECEIPT
    if not path.is_file():
        return None
    return parse_receipt(read_json(path), str(path))


def parse_receipt(values: Any, where: str) -> Receipt:
    """A receipt from JSON. Raises `InputError`, naming `where`, for anything else."""
    try:
        entries = {
            # As a `ModelFile` its path and digest are checked: receipts come from mirrors, too.
            ModelFile(path=path, sha256=each["sha256"]).path: Entry(
                bytes=None if each["bytes"] is None else int(each["bytes"]),
                sha256=each["sha256"],
                done=bool(each["done"]),
            )
            for path, each in values["files"].items()
        }
        model_id, revision, origin = (str(values[name]) for name in ("id", "revision", "origin"))
        return Receipt(model_id, revision, origin, entries)
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: is not what was noted when the model was got") from error
