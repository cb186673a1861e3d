"""Photos on their way to the network: read, mirrored, brought to its input, put together.

Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from mfh.errors import MfhError
from mfh.training.interruption import leave_to_main_process
from mfh.training.order import is_flipped
from mfh.training.photos import TrainingPhoto

ToPixels = Callable[[NDArray[np.uint8]], torch.Tensor]


@dataclass(frozen=True)
class Item:
    """One photo: pixels (3, S, S) float32, depth (H, W) float32, NaN where it does not count."""

    pixels: torch.Tensor
    true_m: torch.Tensor
    name: str


@dataclass(frozen=True)
class Batch:
    """Several photos: pixels (B, 3, S, S), and the depth of each, at its own size."""

    pixels: torch.Tensor
    true_m: tuple[torch.Tensor, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Flips:
    """Which photos are mirrored left to right: those that seed and epoch say."""

    seed: int
    epoch: int


@dataclass(frozen=True)
class Items(Dataset[Item | MfhError]):
    """Photos as the network takes them, read when asked for.

    to_pixels: an image (H, W, 3) uint8 as the network's input (3, S, S).
    flips: None mirrors no photo.
    """

    photos: Sequence[TrainingPhoto]
    to_pixels: ToPixels
    flips: Flips | None = None

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Item | MfhError:
        # Raised in another process, an error would come with that process's traceback as its text.
        try:
            photo = self.photos[index]
        except MfhError as error:
            return error
        image, true_m = photo.image, photo.true_m
        flips = self.flips
        if flips is not None and is_flipped(index, seed=flips.seed, epoch=flips.epoch):
            image, true_m = image[:, ::-1], true_m[:, ::-1]
        return Item(
            self.to_pixels(np.ascontiguousarray(image)),
            torch.from_numpy(np.ascontiguousarray(true_m, np.float32)),
            photo.name,
        )


def load_batches(items: Items, indices: Sequence[Sequence[int]], workers: int) -> Iterator[Batch]:
    """Batches of the photos with these indices, in this order.

    workers: processes that read ahead; 0 reads in this one.

    Raises what reading a photo raises.
    """
    loader: DataLoader[Item | MfhError] = DataLoader(
        items,
        batch_sampler=[list(batch) for batch in indices],
        num_workers=workers,
        collate_fn=_as_read,
        worker_init_fn=leave_to_main_process,
    )
    for read in loader:
        yield _together(read)


def _as_read(read: list[Item | MfhError]) -> list[Item | MfhError]:
    return read


def _together(read: Sequence[Item | MfhError]) -> Batch:
    items = []
    for each in read:
        if isinstance(each, MfhError):
            raise each
        items.append(each)
    return Batch(
        torch.stack([item.pixels for item in items]),
        tuple(item.true_m for item in items),
        tuple(item.name for item in items),
    )
