"""Which frames of KITTI are for testing, and which for training."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from mfh.datasets.stored_files import read_list, subfolders
from mfh.errors import InputError

LEFT, RIGHT = "image_02", "image_03"
"""The folders of the two colour cameras."""

_DRIVE = r"(\d{4}_\d\d_\d\d_drive_\d{4})_sync"


class Frame(NamedTuple):
    """A frame: drive ("2011_09_26_drive_0002"), number, and the camera that took it."""

    drive: str
    number: int
    camera: str = LEFT

    @property
    def name(self) -> str:
        """As samples are called; those of the left camera without its name."""
        camera = "" if self.camera == LEFT else f"{self.camera}/"
        return f"{self.drive}_sync/{camera}{self.number:010d}"


def eigen_test_split() -> list[tuple[str, int]]:
    """Drive and frame of the 652 photos with truth, by drive and frame."""
    return [
        (drive, int(frame))
        for drive, frames in _eigen()
        for frame in frames
        if not frame.endswith("-")
    ]


@cache
def eigen_test_drives() -> frozenset[str]:
    """The 28 drives that the test split is of."""
    return frozenset(drive for drive, _ in _eigen())


def is_for_training(name: str) -> bool:
    """Whether a sample of this name is of a drive that has no photo of Eigen's test split."""
    drive = re.match(_DRIVE, name)
    return drive is not None and drive[1] not in eigen_test_drives()


def training_frames(places: Iterable[Path]) -> list[Frame]:
    """Every frame of the left camera that has annotated depth, of drives that are not tested on.

    places: the folders that may hold drives with truth; of a drive that is in several the first
        counts. Ordered by drive and frame.
    """
    frames: dict[str, list[Frame]] = {}
    for place in places:
        for folder in subfolders(place):
            drive = re.fullmatch(_DRIVE, folder.name)
            if drive is None or drive[1] in eigen_test_drives() or drive[1] in frames:
                continue
            truths = (folder / "proj_depth" / "groundtruth" / LEFT).glob("*.png")
            numbers = sorted(int(path.stem) for path in truths if re.fullmatch(r"\d+", path.stem))
            if numbers:
                frames[drive[1]] = [Frame(drive[1], number) for number in numbers]
    return [frame for drive in sorted(frames) for frame in frames[drive]]


def read_split(path: Path) -> list[Frame]:
    """The frames of a list file, once each, as `Kitti.split` describes it.

    Raises `InputError` for a file that cannot be read, and for a line that names none.
    """
    frames: dict[Frame, None] = {}
    for number, line in enumerate(read_list(path), start=1):
        words = line.split()
        if not words or line.lstrip().startswith("#") or "None" in words[1:]:
            continue
        frame = _frame_in(words)
        if frame is None:
            raise InputError(
                f"{path}, line {number}: {line.strip()[:80]!r} names no drive and frame; expected "
                "e.g. 2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.png"
            )
        frames[frame] = None
    if not frames:
        raise InputError(f"{path}: names no photo with truth; expected one a line")
    return list(frames)


def _frame_in(words: list[str]) -> Frame | None:
    """The first frame that a line names: BTS's paths, or Monodepth2's drive, number and l or r."""
    drive = re.search(_DRIVE, " ".join(words))
    if drive is None:
        return None
    if len(words) == 3 and words[1].isdecimal() and words[2] in ("l", "r"):
        return Frame(drive[1], int(words[1]), LEFT if words[2] == "l" else RIGHT)
    for word in words:
        if found := re.search(r"(?<!\d)(\d{10})(?!\d)", word):
            return Frame(drive[1], int(found[1]), RIGHT if RIGHT in word else LEFT)
    return None


def _eigen() -> list[tuple[str, list[str]]]:
    text = resources.files(__package__).joinpath("kitti_eigen_test.txt").read_text(encoding="utf-8")
    found = re.findall(r"^(\w+):((?:\s+\d+-?)+)$", text, re.MULTILINE)
    return [(drive, frames.split()) for drive, frames in found]
