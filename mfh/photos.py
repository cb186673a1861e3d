"""Loading photos with their cameras, and reducing them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from mfh.camera import (
    IntrinsicsLike,
    assumed_intrinsics,
    intrinsics_from,
    intrinsics_from_exif,
    intrinsics_from_fov,
    resize_intrinsics,
)
from mfh.decoding import MIN_SIDE_PX, SUPPORTED, DecodedImage, PhotoLike, decode, photo_suffixes
from mfh.errors import CameraError, InputError
from mfh.records import Intrinsics, Photo

__all__ = ["PhotoLike", "find_photos", "load_photo", "resize_photo", "safe_name"]

_MOST_SQUARES = 4
# Names that Windows keeps for devices, whatever the suffix.
_DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def load_photo(
    image: PhotoLike,
    intrinsics: IntrinsicsLike | None = None,
    *,
    fov_deg: float | None = None,
    name: str | None = None,
) -> Photo:
    """Load a photo and its camera, with its EXIF orientation applied.

    image: the path of an image file, a PIL image, or an array, as `mfh.decoding.decode` takes it.
    intrinsics: the camera, as `mfh.camera.intrinsics_from` takes it, for the photo with its
        orientation applied. Without it and `fov_deg`, EXIF tells, and without that a camera is
        assumed (`mfh.camera.assumption_warning` says so).
    fov_deg: the horizontal field of view in degrees, instead of `intrinsics`.
    name: what folders and titles are to call the photo; the file's name without suffix if None.

    Raises `InputError` for a photo that cannot be used, and for `intrinsics` and `fov_deg`
    together; `CameraError` for intrinsics that are not this photo's.
    """
    if intrinsics is not None and fov_deg is not None:
        raise InputError("intrinsics and a field of view are both given; give one of them")
    decoded = decode(image)
    height, width = decoded.pixels.shape[:2]
    if intrinsics is not None:
        camera = intrinsics_from(intrinsics, height, width, image_name=decoded.file_name)
    elif fov_deg is not None:
        camera = intrinsics_from_fov(fov_deg, height, width)
    else:
        camera = _camera_of(decoded)
    if name is None:
        name = Path(decoded.file_name or "").stem
    return Photo(decoded.pixels, camera, safe_name(name))


def find_photos(paths: Iterable[str | Path]) -> list[Path]:
    """The photos that paths stand for, each once, in order.

    A folder stands for the photos in it, by name, and a pattern (`*`, `?`, `[...]`) for those it
    matches; other paths are kept as they are, whether they are photos or not.

    Raises `InputError` where a folder or a pattern gives no photo.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside: Iterable[Path] = _listed(path)
        elif not path.exists() and glob.has_magic(str(path)):
            # Unlike `Path.glob` it takes patterns that begin at a root.
            inside = map(Path, glob.glob(str(path), recursive=True))  # noqa: PTH207
        else:
            found[path] = None
            continue
        # Hidden files are no photos: macOS keeps its own beside each photo of a foreign drive.
        photos = sorted(
            each
            for each in inside
            if each.suffix.lower() in photo_suffixes()
            and not each.name.startswith(".")
            and each.is_file()
        )
        if not photos:
            raise InputError(f"{path}: no photo there; {SUPPORTED}")
        found.update(dict.fromkeys(photos))
    return list(found)


def resize_photo(photo: Photo, short_side_px: int) -> Photo:
    """Reduce a photo to a short side of `short_side_px`, and its camera with it.

    A panorama is reduced further, to at most four squares of that side. The aspect is kept to the
    nearest pixel. A photo that is no larger is returned as it is, and so is any for 0, as in
    `Settings.working_short_side_px`.

    Raises `InputError` for any other size below `MIN_SIDE_PX`.
    """
    if short_side_px != 0 and short_side_px < MIN_SIDE_PX:
        raise InputError(
            f"short side of {short_side_px} px: accepted are {MIN_SIDE_PX} px and more, or 0 to "
            "keep the photo's size"
        )
    if short_side_px == 0:
        return photo
    factor = min(
        short_side_px / min(photo.shape),
        short_side_px * (_MOST_SQUARES / (photo.shape[0] * photo.shape[1])) ** 0.5,
    )
    if factor >= 1:
        return photo
    height, width = (max(1, round(side * factor)) for side in photo.shape)
    # With a reducing gap PIL averages whole blocks first: close to the same, and much faster.
    reduced = Image.fromarray(photo.image).resize(
        (width, height), Image.Resampling.LANCZOS, reducing_gap=3.0
    )
    return Photo(np.asarray(reduced), resize_intrinsics(photo.camera, height, width), photo.name)


def safe_name(text: str) -> str:
    """Make `text` a folder's name on any system; "photo" where nothing is left of it."""
    name = re.sub(r"[^\w .+-]", "_", text)[:100].strip(" .")
    if _DEVICE_NAMES.fullmatch(name):
        name = f"_{name}"
    return name or "photo"


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror or error})") from error


def _camera_of(decoded: DecodedImage) -> Intrinsics:
    """Take what EXIF tells, or else an assumption that says why EXIF does not."""
    height, width = decoded.pixels.shape[:2]
    try:
        return intrinsics_from_exif(decoded.exif, height, width)
    except CameraError as reason:
        return assumed_intrinsics(height, width, str(reason))
