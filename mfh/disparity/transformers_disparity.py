"""Relative disparity by a model of the transformers library; importing this loads no library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mfh.compute import Placement, in_batches
from mfh.disparity.checked_map import disparity_of
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Disparity, PaintedPhotos, Photo
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    from mfh.disparity.transformers_network import RelativeModel

_BATCH = 8
_REMEDY = "use a smaller --set disparity.short_side_px=... or --device cpu"


class TransformersDisparity:
    """Depth Anything, DPT (MiDaS) or ZoeDepth (paper Sec. 3.3 and 4.3).

    Photos go in as `settings` say, normalised by the model's own preprocessing; DPT without a
    backbone of its own takes squares of one size only, and gets them. Depth Anything's metric
    models give depth; ZoeDepth gives the relative output of its backbone, not its metric one.

    weights: config.json, preprocessor_config.json and weights, as the model hub arranges them.
    They are loaded at first use and kept.

    Raises (at use) `InputError` for files that cannot be used and for maps that are not finite or
    are the same everywhere, and `NotEnoughMemoryError`.
    """

    def __init__(
        self,
        weights: Weights,
        settings: DisparitySettings = DisparitySettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        self._weights, self._settings = weights, settings
        self._placement = Placement(device, precision)
        self.name = weights.name

    @property
    def device(self) -> str:
        """The device in words."""
        return self._placement.device_name

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything a map depends on besides its image."""
        return {
            "part": "transformers disparity",
            "weights": dict(self._weights.identity),
            "short_side_px": self._settings.short_side_px,
            "aspect": self._settings.aspect,
            "precision": self._placement.dtype_name,
        }

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the relative disparity of each image, in order, each (1, H, W)."""
        run = partial(self._run, self._model)
        batch = self._placement.batch(self._settings.batch, on_gpu=_BATCH)
        yield from in_batches(list(images.images), batch, run, remedy=_REMEDY)

    def _run(self, model: RelativeModel, images: Sequence[NDArray[np.uint8]]) -> list[Disparity]:
        return [
            disparity_of(values, model.space, self.name, self._placement)
            for values in model.predict(images, self._settings)
        ]

    @cached_property
    def _model(self) -> RelativeModel:
        from mfh.disparity.transformers_network import load  # noqa: PLC0415 - heavy

        with self._placement.loading(self.name, _REMEDY):
            return load(self._weights, self._placement)
