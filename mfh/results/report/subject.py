"""What a report is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.records import AlignedDisparity, Landmarks, MetricDepth, PaintedPhotos, Photo
from mfh.results.asked import AskedPoint
from mfh.settings import Settings

_WIDE_ASPECT = 1.9


@dataclass(frozen=True)
class Subject:
    """One photo's result, with the records it was made from as far as there are any.

    The fields are the options of `mfh.results.folder.write_results`; `aligned` is None where the
    votes on the scale are not known.
    """

    photo: Photo
    result: MetricDepth
    images: PaintedPhotos | None = None
    landmarks: Sequence[Landmarks] = ()
    verdicts: Sequence[str] = ()
    set_aside: Sequence[NDArray[np.bool_]] | None = None
    aligned: AlignedDisparity | None = None
    errors: Mapping[str, float] | None = None
    timings: Mapping[str, float] | None = None
    settings: Settings | None = None
    simulated_errors: Mapping[str, float] | None = None
    asked: Sequence[AskedPoint] = ()
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def is_wide(self) -> bool:
        """Whether pictures of the photo want the width of the page."""
        height, width = self.photo.shape
        return width > _WIDE_ASPECT * height

    def aside(self, image: int) -> NDArray[np.bool_]:
        """Which landmarks of an image the fit set aside."""
        if self.set_aside is None:
            return np.zeros(len(self.landmarks[image].weight), np.bool_)
        return self.set_aside[image]
