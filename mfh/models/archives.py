"""Taking one file out of a .tar.gz, as a stream: nothing else is unpacked."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mfh.errors import OutputError
from mfh.models.disk import require_room, writing
from mfh.models.download import TransferError
from mfh.models.progress import DownloadProgress

_BLOCK_BYTES = 4 * 2**20


def extract_member(
    archive: Path, member: str, target: Path, label: str, progress: DownloadProgress
) -> None:
    """Write the file `member` of an archive, at its top or in any folder, to `target`.

    All of the archive is read: what tells whether it is damaged, gzip's CRC-32, is at its end.
    The archive decides neither where the file is written nor what else is: links, devices and
    paths that lead elsewhere have no effect.

    Raises `TransferError` where the archive is damaged or holds no such file, and `OutputError`
    where there is no room for it, or it cannot be written.
    """
    label = f"{label} (unpacking)"
    # `tarfile` itself takes a stream apart without ever comparing its CRC-32.
    with _reading(archive), gzip.open(archive) as plain:
        with tarfile.open(fileobj=plain, mode="r|") as opened:
            entry = _find(opened, member)
            if entry is None:
                raise TransferError(f"{archive}: holds no {member}")
            source = opened.extractfile(entry) if entry.isreg() else None
            if source is None:
                raise TransferError(f"{archive}: {entry.name} is no plain file")
            require_room(target.parent, entry.size)
            progress.start(label, entry.size, 0)
            with source, writing(target), target.open("wb") as stream:
                while block := _read(source, archive):
                    stream.write(block)
                    progress.advance(label, len(block))
        while _read(plain, archive):
            pass
    progress.finish(label)


def _find(opened: tarfile.TarFile, member: str) -> tarfile.TarInfo | None:
    for entry in opened:
        name = entry.name.removeprefix("./")
        if name == member or name.endswith(f"/{member}"):
            return entry
    return None


def _read(source: IO[bytes] | gzip.GzipFile, archive: Path) -> bytes:
    with _reading(archive):
        return source.read(_BLOCK_BYTES)


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Raise `TransferError` where an archive is damaged, or its drive does not give it."""
    try:
        yield
    except OutputError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TransferError(f"{archive}: is damaged ({error})") from error
    except OSError as error:
        raise TransferError(f"{archive}: cannot be read ({error.strerror or error})") from error
