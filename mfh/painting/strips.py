"""Where people are painted: vertical strips of random width and place (paper Sec. 3.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.records import PaintingPlan


def plan_paintings(
    height: int,
    width: int,
    count: int,
    *,
    seed: int,
    prompts: tuple[str, ...] = ("a man", "a woman"),
    min_ratio: float = 0.2,
    max_ratio: float = 0.8,
) -> PaintingPlan:
    """Draw strips, prompts and seeds for `count` paintings of a photo of height x width px.

    A strip is as high as the photo; its width is uniform in [min_ratio, max_ratio] times the
    photo's shorter side and its place is uniform among those inside the photo (reference
    `random_mask`). Each painting has a random stream of its own, so the first n of a longer plan
    are the plan of n.
    """
    shorter = min(height, width)
    narrowest = max(1, round(min_ratio * shorter))
    widest = max(narrowest, round(max_ratio * shorter))
    repainted = np.zeros((count, height, width), np.bool_)
    drawn_prompts: list[str] = []
    seeds: list[int] = []
    for index in range(count):
        stream = np.random.SeedSequence(seed, spawn_key=(index,))
        rng = np.random.default_rng(stream)
        strip_width = int(rng.integers(narrowest, widest + 1))
        left = int(rng.integers(0, width - strip_width + 1))
        repainted[index, :, left : left + strip_width] = True
        drawn_prompts.append(prompts[int(rng.integers(len(prompts)))])
        seeds.append(int(stream.generate_state(1)[0]))
    return PaintingPlan(repainted, tuple(drawn_prompts), tuple(seeds))


def strip_share(mask: NDArray[np.bool_], repainted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each instance mask (P, H, W), the share of it in the strip (H, W); 0 if it is empty."""
    area = mask.sum(axis=(1, 2))
    inside = (mask & repainted).sum(axis=(1, 2))
    share: NDArray[np.float64] = inside / np.maximum(area, 1)
    return share
