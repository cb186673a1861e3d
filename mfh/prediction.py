"""A result with every record it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfh.records import (
    AlignedDisparity,
    Disparity,
    Landmarks,
    MetricDepth,
    MetricHead,
    PaintedPhotos,
    People,
    Photo,
)
from mfh.results.folder import write_results
from mfh.taking_part import Owner, set_aside


@dataclass(frozen=True, eq=False)
class Prediction:
    """A result with every record it was made from.

    photo: the photo as given; `working`: as the stages saw it.
    images: the working photo itself, in which nothing was repainted, and its N painted photos;
        people, landmarks, disparity, aligned and verdicts have 1 + N entries, one for each image.
    verdicts: why an image took no part in the fit, "" where it did.
    owners: everybody and everything that took part, and whom the fit set aside.
    seconds: how long each stage took.
    """

    photo: Photo
    working: Photo
    images: PaintedPhotos
    people: tuple[People, ...]
    landmarks: tuple[Landmarks, ...]
    disparity: Disparity
    aligned: AlignedDisparity
    head: MetricHead
    depth: MetricDepth
    verdicts: tuple[str, ...]
    owners: tuple[Owner, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def write(self, folder: str | Path, **options: Any) -> dict[str, Path]:
        """Write every result file into a folder; options are those of `results.write_results`.

        Returns the paths, by what they are. Raises `OutputError`.
        """
        return write_results(
            folder,
            self.photo,
            self.depth,
            images=self.images,
            landmarks=self.landmarks,
            verdicts=self.verdicts,
            set_aside=set_aside(self.owners, self.landmarks),
            aligned=self.aligned,
            timings=self.seconds,
            **options,
        )
