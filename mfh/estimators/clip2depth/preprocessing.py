"""Photos as CLIPSeg takes them. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image


def to_pixels(
    image: NDArray[np.uint8], size_px: int, mean: Sequence[float], std: Sequence[float]
) -> torch.Tensor:
    """A photo (H, W, 3) RGB as (3, size_px, size_px) float32, whatever its aspect.

    mean, std: of each channel of the training images, in [0, 1].

    Resized bilinearly with antialiasing, as CLIPSeg's own processor does.
    """
    resized = Image.fromarray(image).resize((size_px, size_px), Image.Resampling.BILINEAR)
    scaled = np.asarray(resized, np.float32) / 255
    normal = (scaled - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1)))
