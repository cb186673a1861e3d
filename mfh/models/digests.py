"""Digests of files, and whether a file is what it is expected to be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfh.models.catalogue import ModelFile

_BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Digests:
    """Size and digests of a file; `md5` and `git_oid` are "" where they were not asked for."""

    bytes: int
    sha256: str
    md5: str = ""
    git_oid: str = ""


def read_digests(
    path: Path, file: ModelFile | None = None, advance: Callable[[int], None] | None = None
) -> Digests:
    """Read a file once, and give its SHA-256 and what else `file` has to be compared with.

    advance: is told how many more bytes were read.
    """
    size = path.stat().st_size
    sums: dict[str, Any] = {"sha256": hashlib.sha256()}
    if file is not None and file.md5:
        sums["md5"] = hashlib.md5(usedforsecurity=False)
    if file is not None and file.git_oid:
        # Git hashes a header before the content.
        sums["git_oid"] = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            for each in sums.values():
                each.update(block)
            if advance is not None:
                advance(len(block))
    return Digests(bytes=size, **{name: each.hexdigest() for name, each in sums.items()})


def difference(found: Digests, expected: ModelFile) -> str:
    """What tells a file from the one expected, in words; "" where nothing does."""
    if expected.bytes is not None and found.bytes != expected.bytes:
        return f"has {found.bytes} bytes, expected {expected.bytes}"
    for name, words in (("sha256", "SHA-256"), ("md5", "MD5"), ("git_oid", "Git object id")):
        wanted = getattr(expected, name)
        given = getattr(found, name)
        if not given.startswith(wanted):
            return f"has {words} {given[:16]}, expected {wanted[:16]}"
    return ""
