"""What the parts of the stages must give, checked as it comes: `InputError` says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records import Disparity, People, Photo


def checked_paintings(
    images: Iterable[NDArray[np.uint8]], photo: Photo
) -> Iterator[NDArray[np.uint8]]:
    """Painted photos (H, W, 3), each at the photo's size."""
    for image in images:
        if image.shape != photo.image.shape or image.dtype != np.uint8:
            raise InputError(
                f"painted photo: {image.shape} {image.dtype}; the painter must give "
                f"{photo.image.shape} uint8, the photo's size"
            )
        yield image


def checked_people(people: Iterable[People], photo: Photo) -> Iterator[People]:
    """People, each with masks at the photo's size."""
    for measured in people:
        height, width = measured.mask.shape[1:]
        if (height, width) != photo.shape:
            raise InputError(
                f"people: masks of {width} x {height} px for a photo of {photo.shape[1]} x "
                f"{photo.shape[0]} px; the measurer must give them at the photo's size"
            )
        yield measured


def checked_disparity(maps: Iterable[Disparity], photo: Photo) -> Iterator[Disparity]:
    """Disparity (1, H, W) of one image after the other, at the photo's size, in one space."""
    spaces = set()
    for disparity in maps:
        spaces.add(disparity.space)
        if disparity.values.shape != (1, *photo.shape) or len(spaces) > 1:
            raise InputError(
                f"disparity: {disparity.values.shape} in {' and '.join(sorted(spaces))}; the "
                f"estimator must give {(1, *photo.shape)} for each image, all in one space"
            )
        yield disparity
