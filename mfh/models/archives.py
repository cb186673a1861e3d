"""Taking one file out of a .tar.gz, as a stream: nothing else is unpacked."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path
from typing import IO

from mfh.models.download import TransferError, require_room, writing
from mfh.models.progress import DownloadProgress

_BLOCK_BYTES = 4 * 2**20


def extract_member(
    archive: Path, member: str, target: Path, label: str, progress: DownloadProgress
) -> None:
    """Write the file `member` of an archive, at its top or in any folder, to `target`.

    The archive decides neither where the file is written nor what else is: links, devices and
    paths that lead elsewhere have no effect.

    Raises `TransferError` where the archive is damaged or holds no such file, and `OutputError`
    where there is no room for it, or it cannot be written.
    """
    try:
        with tarfile.open(archive, mode="r|gz") as opened:
            for each in opened:
                name = each.name.removeprefix("./")
                if name == member or name.endswith(f"/{member}"):
                    _copy(opened, each, target, label, progress)
                    return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise TransferError(f"{archive}: is damaged ({error})") from error
    raise TransferError(f"{archive}: holds no {member}")


def _copy(
    opened: tarfile.TarFile,
    entry: tarfile.TarInfo,
    target: Path,
    label: str,
    progress: DownloadProgress,
) -> None:
    source = opened.extractfile(entry) if entry.isreg() else None
    if source is None:
        raise TransferError(f"{opened.name!r}: {entry.name} is no plain file")
    require_room(target.parent, entry.size)
    progress.start(f"{label} (unpacking)", entry.size, 0)
    with source, writing(target), target.open("wb") as stream:
        while block := _read(opened, source):
            stream.write(block)
            progress.advance(f"{label} (unpacking)", len(block))
    progress.finish(f"{label} (unpacking)")


def _read(opened: tarfile.TarFile, source: IO[bytes]) -> bytes:
    try:
        return source.read(_BLOCK_BYTES)
    except OSError as error:
        raise TransferError(f"{opened.name!r}: cannot be read ({error.strerror})") from error
