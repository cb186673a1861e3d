"""A drive of KITTI's raw data: every frame of it, and annotated depth where there is some."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mfh.datasets.base import LayoutError, Sample
from mfh.datasets.kitti import Kitti, truth_folder
from mfh.datasets.kitti_frames import LEFT
from mfh.datasets.stored_files import content_in_words, require_file
from mfh.errors import InputError
from mfh.evaluation.consistency.kitti_motion import calibration_files

_DRIVE = re.compile(r"\d{4}_\d\d_\d\d_drive_\d{4}_sync")
_RAW_DATA = "https://www.cvlibs.net/datasets/kitti/raw_data.php"
_DEPTH = "https://www.cvlibs.net/datasets/kitti/eval_depth.php"


@dataclass(frozen=True)
class Pair:
    """Two neighbouring frames: what is predicted of `source` is seen from where `target` was."""

    target: Sample
    source: Sample


@dataclass(frozen=True)
class KittiDrive(Kitti):
    """The frames of one drive that are neighbours of one with annotated depth; a `DataSet`.

    Photos, cameras and truth are those of `Kitti`: the KB crop, 352 x 1216 px.

    root: the folder above that of the dates, near which annotated depth is looked for as `Kitti`
        looks for it.
    drive: the folder DATE/DRIVE_sync. frames: the first, and that after the last, None for all.
    """

    drive: Path = Path()
    frames: tuple[int | None, int | None] = (None, None)

    name: ClassVar[str] = "kitti_drive"
    title: ClassVar[str] = "KITTI drive"

    @classmethod
    def of(cls, drive: Path, frames: tuple[int | None, int | None] = (None, None)) -> KittiDrive:
        """The data set of a drive's folder.

        Raises `LayoutError` where that is not one, or lacks what its measure needs, with where to
        get it.
        """
        drive = drive.absolute()
        made = cls(drive.parent.parent.parent, drive=drive, frames=frames)
        if not _DRIVE.fullmatch(drive.name) or not made._photo_folder.is_dir():
            raise LayoutError(
                f"{drive}: not a drive of KITTI's raw data: expected a folder such as "
                "2011_09_28/2011_09_28_drive_0038_sync with image_02/data; "
                f"{content_in_words(drive)}. Get synced and rectified data from {_RAW_DATA}"
            )
        for path in calibration_files(drive.parent):
            require_file(path, f"get the calibration of {drive.name[:10]} from {_RAW_DATA}")
        return made

    @property
    def options(self) -> Mapping[str, Any]:
        """The drive; frames may be added to a run."""
        return {"drive": self.drive.name}

    def samples(self) -> Sequence[Sample]:
        """The frames to be predicted, in order: those that a pair has for its source."""
        return sorted({pair.source.name: pair.source for pair in self.pairs()}.values(), key=_name)

    def pairs(self) -> list[Pair]:
        """Each frame with truth, and each neighbour of it (the one before, the one after).

        Raises `LayoutError` where the drive has no annotated depth, and `InputError` where no two
        neighbours are among the frames asked for.
        """
        folder = self._truth_of_drive()
        frames = {frame: self._sample(frame, folder) for frame in self._frames_asked()}
        pairs = [
            Pair(target, frames[neighbour])
            for frame, target in frames.items()
            for neighbour in (frame - 1, frame + 1)
            if neighbour in frames and target.truth.is_file()
        ]
        if not pairs:
            raise InputError(
                f"{self.drive}: of frames {self._asked()} no one has both annotated depth in "
                f"{folder} and a neighbour; KITTI annotates none of the first and last five of a "
                "drive: ask for more (--frames)"
            )
        return pairs

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """The photo and the calibration of its date; truth is not needed to predict."""
        photo, _, *calibration = super().files(sample)
        return photo, *calibration

    def layout(self) -> str:
        """Which drive, and which frames of it."""
        return f"{self.drive}, frames {self._asked()}"

    @property
    def _photo_folder(self) -> Path:
        return self.drive / LEFT / "data"

    def _frames_asked(self) -> list[int]:
        """The frames of the drive that there are photos of and that are asked for, in order.

        Raises `InputError` where there are photos, but none of what is asked for.
        """
        first, end = self.frames
        stems = (path.stem for path in self._photo_folder.glob("*.png"))
        numbers = sorted(int(stem) for stem in stems if stem.isdigit())
        asked = [
            number
            for number in numbers
            if (first is None or number >= first) and (end is None or number < end)
        ]
        if numbers and not asked:
            raise InputError(
                f"{self.drive}: there are no frames {_range(first, end)}; the drive has "
                f"{numbers[0]} to {numbers[-1]}: ask for some of those, e.g. --frames "
                f"{numbers[0]}:{numbers[-1] + 1}"
            )
        return asked

    def _truth_of_drive(self) -> Path:
        """The folder of the drive's annotated depth."""
        raw = self.drive.parent.parent
        drive = self.drive.name.removesuffix("_sync")
        folder = truth_folder(drive, LEFT, raw, self.truth_places(raw))
        if folder.is_dir():
            return folder
        raise LayoutError(
            f"{self.drive}: there is no annotated depth of it; expected "
            f"{self.drive.name}/proj_depth/groundtruth/{LEFT} in "
            f"{raw.parent / 'data_depth_annotated'} (train/ or val/), in {raw.parent / 'gts'}, or "
            f"in {self.drive.parent}. Get data_depth_annotated.zip (14 GB) from {_DEPTH}"
        )

    def _sample(self, frame: int, truth: Path) -> Sample:
        file = f"{frame:010d}.png"
        name = f"{self.drive.name}/{frame:010d}"
        extra = {"date": self.drive.name[:10], "camera": LEFT, "frame": frame}
        return Sample(name, self._photo_folder / file, truth / file, extra)

    def _there(self, path: Path) -> Path:
        return require_file(path, f"unpack the drive again, or get it from {_RAW_DATA}")

    def _asked(self) -> str:
        first, end = ("" if each is None else str(each) for each in self.frames)
        return f"{first}:{end}" if first or end else "all"


def _range(first: int | None, end: int | None) -> str:
    """Frames in words, of which one end at least is given."""
    if end is None:
        return f"from {first} on"
    return f"up to {end - 1}" if first is None else f"{first} to {end - 1}"


def _name(sample: Sample) -> str:
    return sample.name
