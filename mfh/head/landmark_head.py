"""The stage that fits the metric head to the landmarks of the photo and its painted photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mfh.errors import NoLandmarksError
from mfh.head.expectations import Expectations
from mfh.head.fitting import check_method, fit
from mfh.head.robust import fit_robust
from mfh.head.votes import gather_votes, require_same_direction, spread_of
from mfh.records import AlignedDisparity, Landmarks, MetricHead
from mfh.settings import HeadMethod
from mfh.taking_part import images_taking_part


class LandmarkHead:
    """The metric head of landmarks: robust, or by one of the paper's losses (Sec. 3.3).

    method, fit_scale, fit_offset: as in `mfh.head.fit`. With a loss every landmark pixel counts,
    whatever it is of.
    expectations: of the robust head.
    """

    def __init__(
        self,
        method: HeadMethod = "robust",
        *,
        fit_scale: bool = True,
        fit_offset: bool = True,
        expectations: Expectations | None = None,
    ) -> None:
        check_method(method, fit_scale=fit_scale, fit_offset=fit_offset)
        self._method = method
        self._expectations = expectations or Expectations()
        over = "one vote a landmark" if method == "robust" else "all landmark pixels"
        self.name = f"{method} over {over}"
        self._options: dict[str, Any] = {
            "method": method,
            "fit_scale": fit_scale,
            "fit_offset": fit_offset,
        }
        self.fingerprint = {"part": "landmark head", **self._options}
        if method == "robust":
            self.fingerprint["expectations"] = asdict(self._expectations)

    def fit(self, aligned: AlignedDisparity, landmarks: Sequence[Landmarks]) -> MetricHead:
        """Fit to the landmarks of the images that take part; the first is the photo itself.

        Raises `NoLandmarksError` where no pixel is left.
        """
        used = np.flatnonzero(images_taking_part(aligned, landmarks)).tolist()
        if not used:
            raise NoLandmarksError("no image has a landmark to fit the metric head to")
        if self._method == "robust":
            votes = gather_votes((aligned.values[index], landmarks[index]) for index in used)
            require_same_direction(votes, aligned.space)
            spread = spread_of(aligned.values[:1])
            return fit_robust(votes, spread, aligned.space, self._expectations)
        return fit(
            aligned.values[used],
            np.stack([landmarks[index].depth_m for index in used]),
            np.stack([landmarks[index].owner for index in used]),
            space=aligned.space,
            **self._options,
        )
