"""Relative disparity by a model of the transformers library; importing this loads no library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mfh.compute import choose_device, choose_dtype, device_name, in_batches
from mfh.disparity.model_output import disparity_of
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Disparity, PaintedPhotos, Photo
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    from mfh.disparity.transformers_models import RelativeModel


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
        self._torch_device = choose_device(device)
        self._dtype = choose_dtype(precision, self._torch_device)
        self._precision = str(self._dtype).removeprefix("torch.")
        self.name = weights.name
        self.device = device_name(self._torch_device)
        self.fingerprint: Mapping[str, Any] = {
            "part": "transformers disparity",
            "weights": dict(weights.identity),
            "short_side_px": settings.short_side_px,
            "aspect": settings.aspect,
            "precision": self._precision,
        }

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the relative disparity of each image, in order, each (1, H, W)."""
        yield from in_batches(
            list(images.images),
            self._settings.batch,
            self._run,
            remedy="use a smaller --set disparity.short_side_px=... or --device cpu",
        )

    def _run(self, images: Sequence[NDArray[np.uint8]]) -> list[Disparity]:
        return [
            disparity_of(values, self._model.space, self.name, self._precision)
            for values in self._model.predict(images, self._settings)
        ]

    @cached_property
    def _model(self) -> RelativeModel:
        from mfh.disparity.transformers_models import load  # noqa: PLC0415 - heavy

        return load(self._weights, self._torch_device, self._dtype)
