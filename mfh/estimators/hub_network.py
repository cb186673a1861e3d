"""Metric depth models of the transformers library.

Importing this module imports torch and transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from mfh.compute import Placement
from mfh.disparity.input_size import input_size, zoedepth_margin
from mfh.estimators.hub_kinds import DEPTH_PRO, ZOEDEPTH, MetricKind
from mfh.loading.pretrained import load_pretrained
from mfh.models.weights import Weights
from mfh.records import Photo

# Depth Pro's own limits of inverse depth, in 1/m.
_LEAST_INVERSE, _MOST_INVERSE = 1e-4, 1e4


@dataclass(frozen=True)
class MetricNetwork:
    """A model that is loaded.

    network: takes images (B, 3, h, w), gives an output with `predicted_depth` (B, h', w').
    processor: its own preprocessing.
    """

    kind: MetricKind
    network: torch.nn.Module
    processor: Any

    def predict(self, photo: Photo) -> NDArray[np.float32]:
        """Depth (H, W) in metres, resized bilinearly to the photo's size."""
        height, width = photo.shape
        pixels = self._pixels(photo)
        with torch.inference_mode():
            values = self._values(pixels)
            if self.kind.mirrored:
                values = (values + self._values(pixels.flip(-1)).flip(-1)) / 2
            padded = self.kind is ZOEDEPTH and self.processor.do_pad
            top, left = (zoedepth_margin(side) if padded else 0 for side in (height, width))
            full = (height + 2 * top, width + 2 * left)
            values = interpolate(values[:, None], full, mode="bilinear")[0, 0]
            values = values[top : top + height, left : left + width]
            if self.kind.inverse:
                inverse = values * (width / photo.camera.fx)
                values = 1 / inverse.clamp(_LEAST_INVERSE, _MOST_INVERSE)
        depth_m: NDArray[np.float32] = values.cpu().numpy()
        return depth_m

    def _pixels(self, photo: Photo) -> torch.Tensor:
        options: dict[str, Any] = {}
        if self.kind.multiple_px:
            height, width = input_size(*photo.shape, min(photo.shape), self.kind.multiple_px)
            options = {
                "do_resize": True,
                "size": {"height": height, "width": width},
                "keep_aspect_ratio": False,
                "ensure_multiple_of": 1,
            }
        # A copy: torch warns about arrays that it could write to and must not.
        pixels: torch.Tensor = self.processor(
            [photo.image.copy()],
            return_tensors="pt",
            input_data_format="channels_last",
            **options,
        ).pixel_values
        weight = next(self.network.parameters())
        return pixels.to(weight.device, weight.dtype)

    def _values(self, pixels: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.network(pixel_values=pixels).predicted_depth.float()
        return values


def load(weights: Weights, kind: MetricKind, placement: Placement) -> MetricNetwork:
    """Load a model from files in the layout of the model hub, from safetensors only.

    Raises what `mfh.loading.pretrained.load_pretrained` does.
    """
    # The photo's own camera stands in for the one that Depth Pro would guess.
    without: dict[str, Any] = {"use_fov_model": False} if kind is DEPTH_PRO else {}
    network, processor = load_pretrained(
        weights, kind.network, kind.processor, use_safetensors=True, **without
    )
    return MetricNetwork(kind, network.to(placement.device, placement.dtype).eval(), processor)
