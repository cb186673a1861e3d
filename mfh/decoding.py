"""Pixels of a photo from whatever holds it: an image file, a PIL image or an array."""

from __future__ import annotations

import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base

from mfh.arrays import as_array, is_tensor
from mfh.camera.exif import flat_tags
from mfh.errors import InputError

PhotoLike = str | os.PathLike[str] | Image.Image | ArrayLike
"""What a photo can be given as."""

MIN_SIDE_PX = 32
"""The shortest side a photo may have: less shows no scene."""

MAX_MEGAPIXELS = 120
"""The largest photo accepted; phones and medium format cameras take up to 108 megapixels."""

# Formats of photos; those that run other programs (EPS) or hold no photos (icons) stay out.
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PPM", "AVIF")
SUPPORTED = f"supported: {', '.join(_FORMATS)}; export others, such as HEIC, as JPEG or PNG"
"""Which formats of photos can be read, in words."""

# Transparent pixels are laid on white, as on a page.
_BACKGROUND = (255, 255, 255)

# What PIL raises on broken files.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)

# What makes a picture upright, by its EXIF orientation. `PIL.ImageOps.exif_transpose` does the
# same, but also writes the EXIF data anew, and fails on photos where those are broken.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = (5, 6, 7, 8)


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """An image as it is to be seen.

    pixels: (H, W, 3) uint8 RGB, EXIF orientation applied.
    exif: its EXIF tags as stored, empty where it has none that can be read.
    file_name: the path it was read from, None for arrays.
    """

    pixels: NDArray[np.uint8]
    exif: Mapping[int, Any] = field(default_factory=dict)
    file_name: str | None = None


def decode(image: PhotoLike) -> DecodedImage:
    """Decode a photo.

    image: the path of an image file; a PIL image; or an array (H, W, 3) RGB, (H, W) grey or
        (H, W, 4) RGBA, of uint8, uint16, or floats in [0, 1]. A torch tensor may also have its
        channels first, (3, H, W) as torchvision has them; its shape tells. Of 16 bits the upper 8
        are kept, transparency is laid on white, and of an animation the first frame counts.

    Raises `InputError`, opening with the file, for what cannot be read, has a side shorter than
    `MIN_SIDE_PX` or more than `MAX_MEGAPIXELS` (found before it is decoded), and for arrays of
    another shape, type or range.
    """
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        with _explained(str(path)), _open(path) as picture:
            return _decode_picture(picture, str(path))
    if isinstance(image, Image.Image):
        file_name = str(getattr(image, "filename", "")) or None
        with _explained(file_name or "image"):
            return _decode_picture(image, file_name)
    return DecodedImage(_from_array(image))


def read_image(path: Path) -> Image.Image:
    """Read an image file as it is stored, in its own mode and way round.

    Raises `InputError`, opening with the file, for what cannot be read.
    """
    with _explained(str(path)), _open(path) as picture:
        stored: Image.Image = picture.copy()
        return stored


def read_shape(path: Path) -> tuple[int, int]:
    """The height and width that `decode` gives an image file, of its header alone.

    Raises `InputError` as `decode` does, but for pixels that are broken.
    """
    with _explained(str(path)), _open(path) as picture:
        _require_size(str(path), picture.height, picture.width)
        turned = _exif(picture).get(Base.Orientation) in _ON_THEIR_SIDE
        return (picture.width, picture.height) if turned else (picture.height, picture.width)


def photo_suffixes() -> set[str]:
    """The suffixes of files that can be photos, in lower case, with their dots."""
    return {suffix for suffix, kind in Image.registered_extensions().items() if kind in _FORMATS}


def _open(path: Path) -> Image.Image:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give an image file")
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    Image.init()
    return Image.open(path, formats=[name for name in _FORMATS if name in Image.OPEN])


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn what PIL raises into `InputError`, and its warnings into nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        # PIL refuses before it tells the size, except in this message.
        pixels = re.search(r"\d+", str(error))
        raise _too_large(where, int(pixels.group()) if pixels else None) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{where}: is not an image of a known format; {SUPPORTED}") from error
    except PermissionError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from error
    except _DECODING_ERRORS as error:
        raise InputError(
            f"{where}: the image is broken or incomplete ({error}); copy or export it again"
        ) from error


def _decode_picture(picture: Image.Image, file_name: str | None) -> DecodedImage:
    where = file_name or "image"
    _require_size(where, picture.height, picture.width)
    exif = _exif(picture)
    rgb = _to_rgb(picture, where)
    orientation = exif.get(Base.Orientation)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    return DecodedImage(np.asarray(rgb), exif, file_name)


def _exif(picture: Image.Image) -> Mapping[int, Any]:
    """Read the tags, or none where they are broken: a photo can do without them."""
    try:
        return flat_tags(picture.getexif())
    except _DECODING_ERRORS:
        return {}


def _to_rgb(picture: Image.Image, where: str) -> Image.Image:
    """Convert any of PIL's modes to RGB."""
    if picture.mode.startswith("I") or picture.mode == "F":
        # 16 bits are "I;16", or "I" in older versions of PIL; its own conversion clips at 255.
        values = np.asarray(picture)
        if values.dtype.kind == "i" and values.min() >= 0 and values.max() <= np.iinfo("u2").max:
            values = values.astype(np.uint16)
        picture = Image.fromarray(_to_uint8(values, where))
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    picture = picture.convert("RGBA")
    page = Image.new("RGB", picture.size, _BACKGROUND)
    page.paste(picture, mask=picture.getchannel("A"))
    return page


def _from_array(image: ArrayLike) -> NDArray[np.uint8]:
    where = "image tensor" if is_tensor(image) else "image array"
    try:
        values = as_array(image)
    except (TypeError, ValueError, RuntimeError) as error:
        # Ragged lists; lists of tensors that are on a GPU or require gradients.
        raise InputError(f"{where}: cannot be read as an array ({error})") from error
    if is_tensor(image) and values.ndim == 3 and values.shape[0] in (1, 3, 4):
        # No photo is as small as four pixels, so this can be nothing but its channels.
        values = values.transpose(1, 2, 0)
        values = values[..., 0] if values.shape[2] == 1 else values
    channels = values.shape[2] if values.ndim == 3 else 1
    if values.ndim not in (2, 3) or (values.ndim == 3 and channels not in (3, 4)):
        hint = ""
        if values.ndim == 3 and values.shape[0] in (1, 3, 4):
            hint = "; its channels come first: transpose it to (H, W, C)"
        elif is_tensor(image):
            hint = ", also with the channels first; of a batch give one image"
        raise InputError(
            f"{where}: has shape {values.shape}; accepted: (H, W, 3) RGB, (H, W) grey and "
            f"(H, W, 4) RGBA{hint}"
        )
    _require_size(where, *values.shape[:2])
    pixels = _to_uint8(values, where)
    if channels == 3:
        return np.array(pixels, order="C")
    return np.asarray(_to_rgb(Image.fromarray(pixels), where))


def _to_uint8(values: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        upper: NDArray[np.uint8] = np.right_shift(values, 8).astype(np.uint8)
        return upper
    if values.dtype.kind != "f":
        raise InputError(
            f"{where}: holds {values.dtype}; accepted: uint8, uint16, and floats in [0, 1]"
        )
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN fails this, too.
        raise InputError(
            f"{where}: holds floats from {low:g} to {high:g}; accepted are floats in [0, 1] "
            "without NaN, or uint8"
        )
    scale, half = values.dtype.type(255), values.dtype.type(0.5)
    rounded: NDArray[np.uint8] = (values * scale + half).astype(np.uint8)
    return rounded


def _require_size(where: str, height: int, width: int) -> None:
    if height * width > MAX_MEGAPIXELS * 1_000_000:
        raise _too_large(where, height * width)
    if min(height, width) < MIN_SIDE_PX:
        raise InputError(
            f"{where}: has {width} x {height} px; photos need at least {MIN_SIDE_PX} px a side"
        )


def _too_large(where: str, pixels: int | None) -> InputError:
    found = f"{pixels / 1e6:.0f}" if pixels else "too many"
    return InputError(
        f"{where}: has {found} megapixels; accepted are up to {MAX_MEGAPIXELS}: reduce it first"
    )
