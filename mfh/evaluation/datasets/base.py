"""What a data set gives: its photos with their cameras, and the truth of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from mfh.evaluation.protocol import Protocol
from mfh.records import Photo


@dataclass(frozen=True)
class Sample:
    """One photo of a data set that has truth.

    name: unique in the data set; folders and names without suffix, joined by "/", of letters,
        digits, ".", "-" and "_", e.g. "basement_0001a/rgb_00000". Predictions are filed under it.
    photo, truth: the files.
    extra: what else the data set needs to know about it, plain values.
    """

    name: str
    photo: Path
    truth: Path
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """What of a data set is on disk.

    lines: in words, for people: what was found, what is missing, where to get it.
    expected, found: photos of the split, and those of them whose files are all there.
    missing: each missing file, or what stands for many of them, by the name of its sample.
    """

    lines: tuple[str, ...]
    expected: int
    found: int
    missing: Mapping[str, str] = field(default_factory=dict)


class DataSet(Interface):
    """A data set in a folder.

    An instance is cheap, holds no pixels, and can be pickled.
    """

    @property
    def name(self) -> str:
        """As on the command line, "nyu"."""
        ...

    @property
    def title(self) -> str:
        """As in tables, "NYU Depth V2"."""
        ...

    @property
    def root(self) -> Path:
        """The folder."""
        ...

    @property
    def protocol(self) -> Protocol:
        """How it is scored."""
        ...

    def samples(self) -> Sequence[Sample]:
        """The photos of the split, in its order, whether their files are there or not.

        Raises `InputError` where the folder is not laid out as this data set.
        """
        ...

    def photo(self, sample: Sample) -> Photo:
        """The photo as methods get it, cropped as the protocol says, with its own camera.

        Raises `InputError` naming the file.
        """
        ...

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Its depth in metres, z, NaN where there is none (official masks applied).

        (H, W) at the size of the photo, or of the photo before it was reduced: the same view.
        Raises `InputError` naming the file.
        """
        ...

    def check(self) -> Checked:
        """What is there, what is missing, and where to get it; opens few files."""
        ...
