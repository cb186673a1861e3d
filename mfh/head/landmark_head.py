"""The stage that fits the metric head to the landmarks of the photo and its painted photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import NoLandmarksError
from mfh.head.expectations import Expectations
from mfh.head.fitting import check_method, fit, fit_either_way
from mfh.head.robust import fit_robust
from mfh.head.spaces import inverted
from mfh.head.votes import gather_votes, require_same_direction, spread_of
from mfh.records import AlignedDisparity, Landmarks, MetricHead, Space
from mfh.settings import HeadMethod, HeadSpace
from mfh.taking_part import images_taking_part, owners_of


class LandmarkHead:
    """The metric head of landmarks: robust, or by one of the paper's losses (Sec. 3.3).

    method, fit_scale, fit_offset: as in `mfh.head.fit`. With a loss every landmark pixel counts
        alike, whatever it is of: `weight` and `relative_error` of landmarks are for "robust" alone.
    space: where a loss compares: "model" is the space of the relative disparity (or depth) given;
        values of the other space are inverted first (`mfh.head.spaces.inverted`), and the scale
        found may be negative, as the reference's may. Pixels that are not positive then take no
        part (reference `infer_image`), and `space` of the head tells that `apply` wants inverted
        values, too.
    expectations: of the robust head.

    Raises `InputError` for a method that cannot do what is asked.
    """

    def __init__(
        self,
        method: HeadMethod = "robust",
        *,
        fit_scale: bool = True,
        fit_offset: bool = True,
        space: HeadSpace = "model",
        expectations: Expectations | None = None,
    ) -> None:
        check_method(method, fit_scale=fit_scale, fit_offset=fit_offset, space=space)
        self._method = method
        self._space = space
        self._expectations = expectations or Expectations()
        over = "one vote a landmark" if method == "robust" else "all landmark pixels"
        self.name = f"{method} over {over}"
        self._options: dict[str, Any] = {
            "method": method,
            "fit_scale": fit_scale,
            "fit_offset": fit_offset,
        }
        self.fingerprint = {"part": "landmark head", "space": space, **self._options}
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
        values, taking_part = aligned.values[used], [landmarks[index] for index in used]
        if self._space not in ("model", aligned.space):
            return self._fit_inverted(values, taking_part, aligned.space)
        return fit(
            values,
            np.stack([each.depth_m for each in taking_part]),
            np.stack([each.owner for each in taking_part]),
            space=aligned.space,
            **self._options,
        )

    def _fit_inverted(
        self, values: NDArray[np.float32], landmarks: Sequence[Landmarks], space: Space
    ) -> MetricHead:
        """Fit to values (N, H, W) of one space in the other."""
        depth_m = np.stack([each.depth_m for each in landmarks])
        depth_m[values <= 0] = np.nan
        owner = np.stack([each.owner for each in landmarks])
        known = np.isfinite(depth_m)
        if not known.any():
            raise NoLandmarksError(
                f"no landmark lies where the relative {space} is positive, so that none can be "
                "inverted; fit the metric head with --set head_space=model"
            )
        head = fit_either_way(
            inverted(values),
            depth_m,
            owner,
            space="depth" if space == "disparity" else "disparity",
            **self._options,
        )
        left = [
            np.isin(owners_of(each), numbers[pixels])
            for each, numbers, pixels in zip(landmarks, owner, known, strict=True)
        ]
        used = np.concatenate(left)
        used[used] = head.used
        return replace(head, used=used)
