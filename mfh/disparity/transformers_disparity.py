"""Relative disparity by a model of the transformers library; importing this loads no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mfh.disparity.learned import LearnedDisparity
from mfh.records import Space

if TYPE_CHECKING:
    from mfh.disparity.transformers_network import RelativeModel


class TransformersDisparity(LearnedDisparity):
    """Depth Anything, DPT (MiDaS) or ZoeDepth (paper Sec. 3.3 and 4.3).

    Photos go in as `settings` say, normalised by the model's own preprocessing; DPT without a
    backbone of its own takes squares of one size only, and gets them. Depth Anything's metric
    models give depth; ZoeDepth gives the relative output of its backbone, not its metric one.

    weights: config.json, preprocessor_config.json and weights, as the model hub arranges them.
    """

    part = "transformers disparity"
    remedy = "use a smaller --set disparity.short_side_px=... or --device cpu"

    def _depends_on(self) -> Mapping[str, Any]:
        return {
            "short_side_px": self._settings.short_side_px,
            "aspect": self._settings.aspect,
        }

    def _load(self) -> RelativeModel:
        from mfh.disparity.transformers_network import load  # noqa: PLC0415 - heavy

        return load(self._weights, self._placement)

    def _predict(
        self, model: RelativeModel, images: Sequence[NDArray[np.uint8]]
    ) -> tuple[Space, NDArray[np.float32]]:
        return model.space, model.predict(images, self._settings)
