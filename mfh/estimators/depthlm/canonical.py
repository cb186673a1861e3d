"""The photo as the model is used to seeing it: resized to one focal length.

How large a thing looks in px tells its distance only where the focal length is known. DepthLM
therefore resizes every photo to one focal length, in training and when asked
(facebookresearch/DepthLM_Official, `utils/datasets.py`: 750 px for the released Pixtral 12B, 1000
px for Qwen2.5-VL).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.camera import resize_intrinsics
from mfh.errors import InputError, SettingsError
from mfh.records import Intrinsics, Photo

MIN_VIEW_SIDE_PX = 28
"""The least side of a view: one token of Qwen2.5-VL's vision encoder."""

MAX_VIEW_MEGAPIXELS = 12.8
"""The most of a view: 16384 tokens of 28 x 28 px, the most that Qwen2.5-VL takes."""

MAX_VIEW_ASPECT = 200
"""The most that a view may be longer than it is narrow, as Qwen2.5-VL's image processor has it."""

MAX_ENLARGEMENT = 32
"""A photo enlarged more than this shows nothing but blur."""


@dataclass(frozen=True, eq=False)
class CanonicalView:
    """A photo resized to the model's focal length, with square pixels.

    image: (H', W', 3) uint8 RGB.
    camera: its own intrinsics; fx and fy are the focal length asked for, but for the rounding of
        the sides to whole pixels.
    scale: how many of its px one px of the photo became, along x and along y: the exact ratios of
        the sizes.
    """

    image: NDArray[np.uint8]
    camera: Intrinsics
    scale: tuple[float, float]

    def point(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Give the view's px of a point in the photo's px; both look along the same ray.

        Raises `InputError` for a point outside the photo.
        """
        height, width = self.image.shape[:2]
        # The sides came from these ratios, so that rounding gives them back exactly.
        photo_width, photo_height = round(width / self.scale[0]), round(height / self.scale[1])
        if not (0 <= x_px < photo_width and 0 <= y_px < photo_height):
            raise InputError(
                f"point ({x_px:g}, {y_px:g}) px lies outside the photo of {photo_width} x "
                f"{photo_height} px; x must be from 0 up to below {photo_width}, y up to below "
                f"{photo_height}"
            )
        # Just below the far border, the product may round up to it.
        return (
            min(x_px * self.scale[0], math.nextafter(width, 0)),
            min(y_px * self.scale[1], math.nextafter(height, 0)),
        )


def canonical_view(photo: Photo, focal_px: float) -> CanonicalView:
    """Resize a photo so that both its focal lengths become `focal_px`.

    Each axis has its own factor, focal_px / fx and focal_px / fy, so that pixels become square.
    Pillow's bicubic filter does both: it averages over all the pixels that become one where the
    photo gets smaller, and interpolates where it gets larger.

    Raises `SettingsError` for a focal length that is not positive, and `InputError` where the view
    would be too small, too large or too long for the models, or nothing but blur.
    """
    if not (math.isfinite(focal_px) and focal_px > 0):
        raise SettingsError(f"focal_px is {focal_px}; it must be a positive number of px")
    height, width = photo.shape
    camera = photo.camera
    sides_px = width * focal_px / camera.fx, height * focal_px / camera.fy
    _require_usable(photo, focal_px, *sides_px)
    view_width, view_height = round(sides_px[0]), round(sides_px[1])
    image = Image.fromarray(photo.image).resize((view_width, view_height), Image.Resampling.BICUBIC)
    return CanonicalView(
        np.asarray(image),
        resize_intrinsics(camera, view_height, view_width),
        (view_width / width, view_height / height),
    )


def _require_usable(photo: Photo, focal_px: float, width_px: float, height_px: float) -> None:
    (height, width), camera = photo.shape, photo.camera
    short_px, long_px = sorted((width_px, height_px))
    if round(short_px) < MIN_VIEW_SIDE_PX:
        wrong = f"smaller than {MIN_VIEW_SIDE_PX} px on a side"
    elif short_px * long_px > MAX_VIEW_MEGAPIXELS * 1e6:
        wrong = f"larger than {MAX_VIEW_MEGAPIXELS} megapixels"
    elif long_px > MAX_VIEW_ASPECT * short_px:
        wrong = f"more than {MAX_VIEW_ASPECT} times as long as it is narrow"
    elif max(width_px / width, height_px / height) > MAX_ENLARGEMENT:
        wrong = f"enlarged more than {MAX_ENLARGEMENT} times, which shows nothing but blur"
    else:
        return
    raise InputError(
        f"{photo.name}: {width} x {height} px with focal lengths {camera.fx:g} and {camera.fy:g} "
        f"px would become {width_px:.4g} x {height_px:.4g} px at the model's {focal_px:g} px, "
        f"{wrong}; check the intrinsics, or crop the photo"
    )
