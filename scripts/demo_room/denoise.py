"""Removes the grain of a few hundred samples, guided by what is known without any.

Edge-avoiding a-trous wavelets (H. Dammertz et al., High Performance Graphics 2010) on light divided
by reflectance, so that textures stay as sharp as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def denoise(
    light: Array, variance: Array, normal: Array, height_m: Array, strength: float, rounds: int = 5
) -> Array:
    """Smooth light (H, W, 3) within surfaces.

    variance: (H, W) of its luminance's mean; normal: (H, W, 3); height_m: (H, W, 3) places in the
    room; strength: how many standard deviations may be averaged away.
    """
    result, noise = light.astype(np.float32), variance.astype(np.float32)
    for k in range(rounds):
        step = 2**k
        total = np.zeros_like(result)
        total_noise = np.zeros_like(noise)
        weight_sum = np.zeros_like(noise)
        spread = np.sqrt(np.maximum(_blurred(noise), 1e-10))
        value = result.mean(axis=-1)
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                shift = (dy * step, dx * step)
                there = _shifted(result, shift)
                same = np.clip((normal * _shifted(normal, shift)).sum(axis=-1), 0, 1) ** 64
                away = _shifted(height_m, shift) - height_m
                off = np.abs((away * normal).sum(axis=-1))
                near = np.exp(-off / 0.02 - np.linalg.norm(away, axis=-1) / (0.12 * step + 0.08))
                differ = np.abs(there.mean(axis=-1) - value) / (strength * spread + 1e-6)
                weight = _KERNEL[dy + 2] * _KERNEL[dx + 2] * same * near * np.exp(-differ)
                total += weight[..., None] * there
                total_noise += weight**2 * _shifted(noise, shift)
                weight_sum += weight
        result = total / weight_sum[..., None]
        noise = total_noise / weight_sum**2
    return result


def _shifted(image: Array, shift: tuple[int, int]) -> Array:
    height, width = image.shape[:2]
    rows = np.clip(np.arange(height) + shift[0], 0, height - 1)
    columns = np.clip(np.arange(width) + shift[1], 0, width - 1)
    return image[rows[:, None], columns]


def _blurred(image: Array) -> Array:
    total = np.zeros_like(image)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            total += (2 - abs(dy)) * (2 - abs(dx)) * _shifted(image, (dy, dx))
    return total / 16
