"""What the data sets of the paper have in common: a layout to be found, files to be counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import Checked, LayoutError, Sample
from mfh.datasets.checking import count_line, missing_lines
from mfh.datasets.missing import missing_files
from mfh.datasets.protocol import Protocol
from mfh.datasets.recognise import quoted
from mfh.datasets.stored_files import (
    content_in_words,
    read_colours,
    read_depth_png,
    require_file,
    require_size,
)
from mfh.photos import safe_name
from mfh.records import Intrinsics, Photo


@dataclass(frozen=True)
class OfficialSet(ABC):
    """A published data set in a folder; a `DataSet`.

    root: the folder, or one that holds it.
    """

    root: Path

    name: ClassVar[str]
    title: ClassVar[str]
    protocol: ClassVar[Protocol]
    where: ClassVar[str]
    """Where to get it, what to unpack where, and how big it is."""
    expected: ClassVar[str]
    """The layouts that are read, in words."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    @property
    def options(self) -> Mapping[str, Any]:
        """None, unless a data set has some."""
        return {}

    @abstractmethod
    def samples(self) -> Sequence[Sample]:
        """The photos of the split, in its order, whether their files are there or not.

        Raises `LayoutError` where the folder is not laid out as this data set.
        """

    @abstractmethod
    def photo(self, sample: Sample) -> Photo:
        """The photo as methods get it, with its own camera. Raises `InputError` for its file."""

    @abstractmethod
    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Its depth in metres, z, NaN where there is none. Raises `InputError` for its file."""

    @abstractmethod
    def layout(self) -> str:
        """Which layout was found, in words. Raises `LayoutError` where there is none."""

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Photo and depth."""
        return sample.photo, sample.truth

    def remedy(self) -> str:
        """Where to get what is missing."""
        return self.where

    def gaps(self, samples: Sequence[Sample]) -> tuple[int, Mapping[str, str]]:
        """How many photos the split has, and what is missing of it besides files of `samples`."""
        return len(samples), {}

    def check(self) -> Checked:
        """What is there, what is missing, and where to get it; opens no photo and no truth.

        Raises what `samples` raises.
        """
        samples = self.samples()
        expected, gaps = self.gaps(samples)
        missing = {**gaps, **missing_files(self, samples)}
        found = sum(sample.name not in missing for sample in samples)
        lines = [self.layout(), count_line(found, expected), *missing_lines(missing, self.root)]
        return Checked((*lines, *([self.remedy()] if missing else [])), expected, found, missing)

    def _unlike(self) -> LayoutError:
        """Say that the folder is not this data set: what was expected, what was found."""
        return LayoutError(
            f"{self.root}: not laid out as {self.title}: expected {self.expected}; "
            f"{content_in_words(self.root)}. {self.remedy()}"
        )

    def _there(self, path: Path) -> Path:
        """The path of a file that is there, or an `InputError` with what to do."""
        options = "".join(f" --data-option {name}={value}" for name, value in self.options.items())
        return require_file(
            path,
            "unpack it again, or see what else is missing: "
            f"mfh evaluate {self.name} --check --data {quoted(self.root)}{options}",
        )

    def _colours(self, sample: Sample) -> NDArray[np.uint8]:
        return read_colours(self._there(sample.photo))

    def _depth_png(self, sample: Sample, units_per_m: float) -> NDArray[np.float32]:
        return read_depth_png(self._there(sample.truth), units_per_m)

    def _photo(self, sample: Sample, camera: Intrinsics) -> Photo:
        """The photo as it is stored, which must be of its camera's size."""
        image = self._colours(sample)
        size = (camera.height, camera.width)
        require_size(sample.photo, image, size, f"photos of {self.title}")
        return self._named(sample, image, camera)

    @staticmethod
    def _named(sample: Sample, image: NDArray[np.uint8], camera: Intrinsics) -> Photo:
        return Photo(np.ascontiguousarray(image), camera, safe_name(sample.name))


def split_named(split: str | Path | None) -> str | Path | None:
    """The option `split` of a data set: None for testing, "train", or the path of a list file."""
    if split is None or split == "test":
        return None
    return split if split == "train" else Path(split).absolute()


def gaps_of(
    folder: Path, parts: Mapping[str, int], samples: Sequence[Sample]
) -> tuple[int, Mapping[str, str]]:
    """What `OfficialSet.gaps` says of a data set in parts: scenes, scans.

    parts: how many photos each folder below `folder` should have; samples are named after it.
    """
    counts = Counter(sample.name.rpartition("/")[0] for sample in samples)
    return sum(parts.values()), {
        part: f"{folder / part}: {counts[part]} of {count} photos"
        for part, count in parts.items()
        if counts[part] < count
    }
