"""A photo, what is to be painted into it, and the painted photos."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records.camera import Intrinsics, size_agrees
from mfh.records.checks import length_agrees, set_array

PlanT = TypeVar("PlanT", bound="PaintingPlan")

PHOTO_NAME = "photo"
"""What the photo itself is called among its painted photos."""


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo and the camera that took it.

    image: (H, W, 3) uint8 RGB, orientation applied.
    camera: its intrinsics, for H x W.
    name: a short name, used for folders and titles.
    """

    image: NDArray[np.uint8]
    camera: Intrinsics
    name: str = "photo"

    def __post_init__(self) -> None:
        set_array(self, "image", np.uint8, ("H", "W", 3))
        size_agrees("photo", self.image.shape[:2], self.camera)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True, eq=False)
class PaintingPlan:
    """What is to be painted where: drawn once from the seed, before anything is painted.

    repainted: (N, H, W) bool, True where the painter paints.
    prompts: N texts.
    seeds: N integers; a painting depends on the photo, its mask, its prompt and its seed alone.
    names: N short names, the stems of its files; "0000", "0001", ... where none are given.
    """

    repainted: NDArray[np.bool_]
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        set_array(self, "repainted", np.bool_, ("N", "H", "W"))
        object.__setattr__(self, "prompts", tuple(self.prompts))
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in self.seeds))
        names = tuple(self.names) or tuple(f"{index:04d}" for index in range(len(self)))
        object.__setattr__(self, "names", names)
        length_agrees(
            "painting plan", len(self), prompts=self.prompts, seeds=self.seeds, names=self.names
        )
        if len(set(self.names)) < len(self):
            raise InputError("painting plan: two painted photos have one name; names must differ")

    def __len__(self) -> int:
        return len(self.repainted)

    def rest(self: PlanT, start: int) -> PlanT:
        """The entries from `start` on."""
        return type(self)(**{f.name: getattr(self, f.name)[start:] for f in fields(self)})


@dataclass(frozen=True, eq=False)
class PaintedPhotos(PaintingPlan):
    """The painted photos of one photo, or with them the photo itself (`with_photo`).

    images: (N, H, W, 3) uint8 RGB; the other fields are their plan's.
    """

    images: NDArray[np.uint8] = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        set_array(self, "images", np.uint8, ("N", "H", "W", 3))
        if self.images.shape[:3] != self.repainted.shape:
            raise InputError(
                f"painted photos: images {self.images.shape} and masks {self.repainted.shape} "
                "differ in number or size"
            )

    def with_photo(self, photo: Photo) -> PaintedPhotos:
        """The same with the photo first, as the painted photo in which nothing was repainted."""
        return PaintedPhotos(
            repainted=np.concatenate([np.zeros((1, *photo.shape), np.bool_), self.repainted]),
            prompts=("", *self.prompts),
            seeds=(0, *self.seeds),
            names=(PHOTO_NAME, *self.names),
            images=np.concatenate([photo.image[None], self.images]),
        )
