"""Relative depth by Marigold; importing this module loads no model library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.compute import choose_device, choose_dtype, device_name, in_batches
from mfh.disparity.model_output import disparity_of
from mfh.disparity.quiet_loading import quiet
from mfh.errors import InputError
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Disparity, PaintedPhotos, Photo
from mfh.settings import Device, Precision

# Every map starts from the same noise, so that it depends on its image alone.
_SEED = 0


class MarigoldDisparity:
    """Marigold, a diffusion model of relative depth (paper Sec. 4.3 and Table 3).

    Denoising steps and processing resolution are the model's own, one sample an image. Of the
    settings only `batch` counts.

    weights: model_index.json and the parts' folders, as the model hub arranges them. They are
    loaded at first use and kept.

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
            "part": "marigold disparity",
            "weights": dict(weights.identity),
            "precision": self._precision,
        }

    def estimate(self, photo: Photo, images: PaintedPhotos) -> Iterator[Disparity]:
        """Give the relative depth of each image, in order, each (1, H, W)."""
        yield from in_batches(
            list(images.images),
            self._settings.batch,
            self._run,
            remedy="use --device cpu",
        )

    def _run(self, images: Sequence[NDArray[np.uint8]]) -> list[Disparity]:
        import torch  # noqa: PLC0415 - heavy
        from torch.nn.functional import interpolate  # noqa: PLC0415 - heavy

        pipeline = self._pipeline
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
        return [
            disparity_of(values, space, self.name, self._precision) for values in maps.cpu().numpy()
        ]

    @cached_property
    def _pipeline(self) -> Any:
        import diffusers  # noqa: PLC0415 - heavy
        import transformers  # noqa: PLC0415 - heavy
        from safetensors import SafetensorError  # noqa: PLC0415 - heavy

        folder = self._weights.folder
        self._weights.file("model_index.json")
        pipeline_class: Any = diffusers.MarigoldDepthPipeline
        half_only = not _has_weights(self._weights, "") and _has_weights(self._weights, ".fp16")
        with quiet(transformers.utils.logging, diffusers.utils.logging):
            try:
                pipeline = pipeline_class.from_pretrained(
                    folder, variant="fp16" if half_only else None, local_files_only=True
                )
            except (OSError, ValueError, RuntimeError, SafetensorError) as error:
                raise InputError(
                    f"{self.name}: {folder} cannot be loaded: {error}\n"
                    "get the files again, or see `mfh models check`"
                ) from error
            for setting in ("default_denoising_steps", "default_processing_resolution"):
                if not getattr(pipeline, setting):
                    raise InputError(f"{self.name}: {folder / 'model_index.json'} has no {setting}")
            pipeline.set_progress_bar_config(disable=True)
            return pipeline.to(self._torch_device, self._dtype)


def _has_weights(weights: Weights, variant: str) -> bool:
    return (weights.folder / "unet" / f"diffusion_pytorch_model{variant}.safetensors").is_file()
