"""Telling the files of photos apart, so that no prediction is taken for that of another photo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from zlib import crc32

from mfh.datasets.base import DataSet, Sample

# Reading all of a large data set takes minutes. Blocks from all over a file tell other depth, also
# where files have no compression and thus one size.
_BLOCKS = 8
_BLOCK_BYTES = 4096


def identities(data_set: DataSet, samples: Iterable[Sample]) -> dict[str, tuple[str, ...]]:
    """What tells the files of each sample from others, by its name, in the order of `files`.

    That is "SIZE-CRC", the size in bytes and a checksum of parts: where files lie, and when they
    were written, makes no difference. "" stands for a file that cannot be read. What an index file
    states of the sample comes last, where it states anything.
    """
    known: dict[Path, str] = {}
    found = {}
    for sample in samples:
        paths = data_set.files(sample)
        for path in paths:
            if path not in known:
                known[path] = _identity(path)
        stated = [f"stated-{crc32(sample.stated.encode()):08x}"] if sample.stated else []
        found[sample.name] = (*(known[path] for path in paths), *stated)
    return found


def differing(
    before: Mapping[str, tuple[str, ...]], now: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, str]]:
    """The samples that both have, with other files: name, and which, "photo" or "truth".

    A file that could not be read counts as another one.
    """
    differ = []
    for name in now:
        if name in before and before[name] != now[name]:
            same_photo = before[name][:1] == now[name][:1]
            differ.append((name, "truth" if same_photo else "photo"))
    return differ


def _identity(path: Path) -> str:
    try:
        size = path.stat().st_size
        crc = 0
        with path.open("rb") as file:
            for block in range(_BLOCKS):
                file.seek(max(0, size - _BLOCK_BYTES) * block // (_BLOCKS - 1))
                crc = crc32(file.read(_BLOCK_BYTES), crc)
    except OSError:
        return ""
    return f"{size}-{crc:08x}"
