"""Which photos a step trains on: it follows from seed and epoch, however often it was stopped."""

from __future__ import annotations

import numpy as np

_ORDER, _FLIP = 0, 1


def epoch_batches(count: int, batch: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Every batch of an epoch, as indices of photos in a random order.

    count: how many photos there are. batch: how many a step takes; all of them where there are
        fewer. What does not fill a batch is left out of the epoch, and drawn anew in the next.
    """
    order = np.random.default_rng([seed, _ORDER, epoch]).permutation(count).tolist()
    size = min(batch, count)
    return [order[at : at + size] for at in range(0, count - size + 1, size)]


def is_flipped(index: int, *, seed: int, epoch: int) -> bool:
    """Whether a photo is mirrored left to right in an epoch: half of them are."""
    return bool(np.random.default_rng([seed, _FLIP, epoch, index]).random() < 0.5)
