"""The stage that fits the metric head to the landmarks of the painted photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfh.errors import NoLandmarksError
from mfh.head.fitting import fit
from mfh.records import AlignedDisparity, Landmarks, MetricHead
from mfh.settings import HeadMethod


class LandmarkHead:
    """The paper's metric head (Sec. 3.3): every landmark pixel of every kept image counts.

    method, fit_scale, fit_offset: as in `mfh.head.fit`.
    """

    def __init__(
        self, method: HeadMethod = "silog", *, fit_scale: bool = True, fit_offset: bool = True
    ) -> None:
        self.name = f"{method} over all landmark pixels"
        self._options: dict[str, Any] = {
            "method": method,
            "fit_scale": fit_scale,
            "fit_offset": fit_offset,
        }
        self.fingerprint = {"part": "landmark head", **self._options}

    def fit(self, aligned: AlignedDisparity, landmarks: Sequence[Landmarks]) -> MetricHead:
        """Fit to the landmarks of the images that were kept.

        Raises `NoLandmarksError` where no pixel is left.
        """
        used = [
            index
            for index, landmark in enumerate(landmarks)
            if aligned.kept[index] and (landmark.owner >= 0).any()
        ]
        if not used:
            raise NoLandmarksError("no image has a landmark to fit the metric head to")
        return fit(
            aligned.values[used],
            np.stack([landmarks[index].depth_m for index in used]),
            np.stack([landmarks[index].owner for index in used]),
            space=aligned.space,
            **self._options,
        )
