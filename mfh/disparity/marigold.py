"""Relative depth by Marigold; importing this module loads no model library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.compute import Placement, in_batches
from mfh.disparity.checked_map import disparity_of
from mfh.errors import ModelError
from mfh.models.diffusers_folder import INDEX, read_folder
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Disparity, PaintedPhotos, Photo
from mfh.settings import Device, Precision

MARIGOLD = "MarigoldDepthPipeline"

OTHER_MODEL = "give another with --set disparity.model=..., e.g. depth-anything-large"

_BATCH = 8
_REMEDY = "use --device cpu"
# Every map starts from the same noise, so that it depends on its image alone.
_SEED = 0


class MarigoldDisparity:
    """Marigold, a diffusion model of relative depth (paper Sec. 4.3 and Table 3).

    Denoising steps and processing resolution are the model's own, one sample an image. Of the
    settings only `batch` counts.

    weights: model_index.json and the parts' folders, as the model hub arranges them. They are
    loaded at first use and kept.

    Raises (at use) `ModelError` for files that cannot be used and for maps that are not finite or
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
            "part": "marigold disparity",
            "weights": dict(self._weights.identity),
            "precision": self._placement.dtype_name,
        }

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the relative depth of each image, in order, each (1, H, W)."""
        run = partial(self._run, self._pipeline)
        batch = self._placement.batch(self._settings.batch, on_gpu=_BATCH)
        yield from in_batches(list(images.images), batch, run, remedy=_REMEDY)

    def _run(self, pipeline: Any, images: Sequence[NDArray[np.uint8]]) -> list[Disparity]:
        import torch  # noqa: PLC0415 - heavy
        from torch.nn.functional import interpolate  # noqa: PLC0415 - heavy

        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255
        # Resized here, as the pipeline does it, because not every device can in every precision.
        reduced = pipeline.image_processor.resize_to_max_edge(
            pixels, pipeline.default_processing_resolution, "bilinear"
        )
        predicted = pipeline(
            reduced.clamp(0, 1),
            processing_resolution=0,
            match_input_resolution=False,
            output_type="pt",
            generator=[torch.Generator("cpu").manual_seed(_SEED) for _ in images],
            batch_size=len(images),
        ).prediction
        maps = interpolate(predicted.float(), pixels.shape[-2:], mode="bilinear")[:, 0]
        # The names of the pipeline's two kinds of prediction are those of our spaces.
        space = pipeline.config.prediction_type
        place = self._placement
        return [disparity_of(values, space, self.name, place) for values in maps.cpu().numpy()]

    @cached_property
    def _pipeline(self) -> Any:
        import diffusers  # noqa: PLC0415 - heavy

        from mfh.models.diffusers_loading import load_pipeline  # noqa: PLC0415 - heavy

        folder = read_folder(self._weights, OTHER_MODEL)
        with self._placement.loading(self.name, _REMEDY):
            pipeline = load_pipeline(
                folder, diffusers.MarigoldDepthPipeline, self._placement.dtype
            ).to(self._placement.device, silence_dtype_warnings=True)
        for setting in ("default_denoising_steps", "default_processing_resolution"):
            if not getattr(pipeline, setting):
                raise ModelError(f"{self.name}: {self._weights.folder / INDEX} has no {setting}")
        return pipeline
