"""What a data set gives: its photos with their cameras, and the truth of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.protocol import Protocol
from mfh.errors import InputError
from mfh.records import Photo


class LayoutError(InputError):
    """A folder is not laid out as the data set that was looked for in it."""


@dataclass(frozen=True)
class Sample:
    """One photo of a data set that has truth.

    name: unique in the data set, and the same in each of its layouts; folders and names without
        suffix, joined by "/", of letters of any script (NFC), digits, ".", "-" and "_", e.g.
        "kitchen/rgb_00000". Each part is a file's name on any system, as `mfh.photos.safe_name` has
        it. Predictions are filed under it.
    photo, truth: the files.
    extra: what else the data set needs to know about it, plain values.
    stated: what an index file says of its camera and its truth, as text; another text is another
        photo. "" where files say all of it.
    """

    name: str
    photo: Path
    truth: Path
    extra: Mapping[str, Any] = field(default_factory=dict)
    stated: str = ""


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
    def options(self) -> Mapping[str, Any]:
        """What else it was made with, as `open_data_set` takes it.

        Plain JSON values, equal for equal data sets. Paths are absolute, or relative to the root.
        """
        ...

    @property
    def protocol(self) -> Protocol:
        """How it is scored."""
        ...

    def samples(self) -> Sequence[Sample]:
        """The photos of the split, in its order, whether their files are there or not.

        Truth is enough: a folder without photos can be scored on.

        Raises `LayoutError` where the folder is not laid out as this data set, and `InputError` for
        an index or a list that cannot be understood.
        """
        ...

    def photo(self, sample: Sample) -> Photo:
        """The photo as methods get it, cropped as the protocol says, with its own camera.

        Raises `InputError` naming the file.
        """
        ...

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Its depth in metres, z, NaN where there is none (official masks applied).

        (H, W) of the photo's view, at the size it was stored at. Needs no photo.
        Raises `InputError` naming the file.
        """
        ...

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Every file that `photo` and `truth` read of a sample, the photo first, there or not.

        Calibration and masks are among them; an index file, which `samples` reads, is not.
        """
        ...

    def check(self) -> Checked:
        """What is there, what is missing, and where to get it; opens few files.

        Raises what `samples` raises.
        """
        ...
