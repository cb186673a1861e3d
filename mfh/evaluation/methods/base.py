"""What is evaluated: anything that turns the photo of a data set into metric depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.protocol import Protocol
from mfh.models import DownloadProgress
from mfh.records import MetricDepth, Photo


@dataclass(frozen=True, eq=False)
class Case:
    """One photo to predict.

    name: of its sample. seed: every random choice of the method descends from it.
    work: a folder for records that may be reused by other rows; None keeps nothing.
    truth: the true depth (H, W) in metres at the photo's size or above, NaN where unknown, for
        simulated stages and oracles; None for methods that do not need it.
    protocol: which pixels of the truth count; None where there is no truth.
    """

    name: str
    photo: Photo
    seed: int = 0
    work: Path | None = None
    truth: NDArray[np.float32] | None = None
    protocol: Protocol | None = None


@dataclass(frozen=True, eq=False)
class PixelDepth(MetricDepth):
    """Depth of some pixels of the truth alone, which are scored alone.

    depth_m: (H, W) of the truth, NaN at all other pixels; 0 where the method was asked for a depth
        and has none.
    camera: that of the photo at the truth's size.
    """


class Method(Interface):
    """A metric depth method, with its models loaded at first use and kept."""

    def predict(self, case: Case) -> MetricDepth:
        """The depth of one photo, at its size, or a `PixelDepth`. Raises errors of `mfh.errors`."""
        ...


class MethodSpec(Interface):
    """Which method, as a frozen dataclass of plain values that can be pickled and compared."""

    @property
    def needs_truth(self) -> bool:
        """Whether its cases need `truth` (simulated stages, oracles)."""
        ...

    @property
    def seeded(self) -> bool:
        """Whether its result depends on the seed."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Everything its predictions depend on besides the case, as plain JSON values."""
        ...

    def prepare(self, progress: DownloadProgress) -> None:
        """Download what it needs and is not here, telling of it, so that `make` finds it there.

        Raises `MissingPartError`, `SettingsError` or `OutputError` where that cannot be done.
        """
        ...

    def make(self) -> Method:
        """The method; no model is loaded before the first prediction.

        Raises `MissingPartError` or `SettingsError` where it cannot run here.
        """
        ...


@dataclass(frozen=True)
class Row:
    """One line of a table: a method with a name.

    key: names its folder; letters, digits, ".", "-" and "_".
    label: as in tables.
    published: figures of the paper's own table for this row, by metric name as `depth_errors`
        gives them (fractions, not percent).
    group: what else tells it from other rows, for tables, e.g. {"Model": ..., "Target": ...}.
    """

    key: str
    label: str
    spec: MethodSpec
    published: Mapping[str, float] = field(default_factory=dict)
    group: Mapping[str, str] = field(default_factory=dict)
