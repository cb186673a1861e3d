"""Relative depth by Marigold; importing this module loads no model library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.disparity.learned import LearnedDisparity
from mfh.errors import ModelError
from mfh.loading.diffusers_folder import INDEX, read_folder
from mfh.records import Space

MARIGOLD = "MarigoldDepthPipeline"

OTHER_MODEL = "give another with --set disparity.model=..., e.g. depth-anything-large"

# Every map starts from the same noise, so that it depends on its image alone.
_SEED = 0


class MarigoldDisparity(LearnedDisparity):
    """Marigold, a diffusion model of relative depth (paper Sec. 4.3 and Table 3).

    Denoising steps and processing resolution are the model's own, one sample an image. Of the
    settings only `batch` counts.

    weights: model_index.json and the parts' folders, as the model hub arranges them.
    """

    part = "marigold disparity"
    remedy = "use --device cpu"

    def _depends_on(self) -> Mapping[str, Any]:
        return {}

    def _predict(
        self, model: Any, images: Sequence[NDArray[np.uint8]]
    ) -> tuple[Space, NDArray[np.float32]]:
        import torch  # noqa: PLC0415 - heavy
        from torch.nn.functional import interpolate  # noqa: PLC0415 - heavy

        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255
        # Resized here, as the pipeline does it, because not every device can in every precision.
        reduced = model.image_processor.resize_to_max_edge(
            pixels, model.default_processing_resolution, "bilinear"
        )
        predicted = model(
            reduced.clamp(0, 1),
            processing_resolution=0,
            match_input_resolution=False,
            output_type="pt",
            generator=[torch.Generator("cpu").manual_seed(_SEED) for _ in images],
            batch_size=len(images),
        ).prediction
        maps = interpolate(predicted.float(), pixels.shape[-2:], mode="bilinear")[:, 0]
        # The names of the pipeline's two kinds of prediction are those of our spaces.
        return model.config.prediction_type, maps.cpu().numpy()

    def _load(self) -> Any:
        import diffusers  # noqa: PLC0415 - heavy

        from mfh.loading.diffusers_pipeline import load_pipeline  # noqa: PLC0415 - heavy

        folder = read_folder(self._weights, OTHER_MODEL)
        pipeline = load_pipeline(folder, diffusers.MarigoldDepthPipeline, self._placement.dtype)
        pipeline.to(self._placement.device, silence_dtype_warnings=True)
        for setting in ("default_denoising_steps", "default_processing_resolution"):
            if not getattr(pipeline, setting):
                raise ModelError(f"{self.name}: {self._weights.folder / INDEX} has no {setting}")
        return pipeline
