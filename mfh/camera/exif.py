"""Intrinsics from the EXIF data cameras write into photos."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

from mfh.camera.intrinsics import focal_length_px, require_plausible, same_aspect
from mfh.errors import CameraError
from mfh.records import Intrinsics

# EXIF 2.32, tag 0xA210: 2 inch (also when the tag is absent), 3 cm; ExifTool adds 4 mm and 5 um.
_UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}

# Orientations (EXIF tag 0x0112) that swap the stored picture's rows and columns.
_TURNED = (5, 6, 7, 8)

# Pixels of sensors are square to well under a per cent; tags that say otherwise are broken.
_SQUARE_TOLERANCE = 0.1


def intrinsics_from_exif(
    exif: Image.Exif | Mapping[int, Any], height: int, width: int
) -> Intrinsics:
    """Read the intrinsics EXIF tells of, a centred camera.

    exif: the tags of the photo as stored, its orientation among them; `PIL.Image.Exif`, or a
        mapping of tag numbers to values.
    height, width: the photo's size in px with its orientation applied.

    The 35 mm equivalent focal length is used first: it holds for any size the photo was reduced to.
    Next is the focal length with the resolution of the focal plane, scaled from the size the photo
    was taken at. A photo that has another aspect than it was taken with has been cropped, so that
    neither says anything about it.

    Raises `CameraError`, which says why, where the tags are absent, broken or implausible.
    """
    tags = flat_tags(exif)
    if not tags:
        raise CameraError("EXIF: the photo has none")
    turned = tags.get(Base.Orientation) in _TURNED
    stored = (width, height) if turned else (height, width)
    captured = _captured_size(tags, stored)
    reasons = []
    for read in (
        partial(_from_35mm, tags, stored),
        partial(_from_focal_plane, tags, stored, captured),
    ):
        try:
            fx, fy, note = read()
            if turned:
                fx, fy = fy, fx
            camera = Intrinsics(fx, fy, width / 2, height / 2, height, width, "exif", note)
            return require_plausible(camera, note)
        except CameraError as error:
            reasons.append(str(error))
    raise CameraError(f"EXIF: {'; '.join(reasons)}")


def flat_tags(exif: Image.Exif | Mapping[int, Any]) -> dict[int, Any]:
    """Put all tags in one mapping; PIL keeps those about the capture apart."""
    tags = dict(exif)
    if isinstance(exif, Image.Exif):
        tags.update(exif.get_ifd(IFD.Exif))
    return tags


def _from_35mm(tags: Mapping[int, Any], stored: tuple[int, int]) -> tuple[float, float, str]:
    """Give fx, fy of the stored picture in px, and the tag they come from."""
    focal_length_35mm = _positive(tags, Base.FocalLengthIn35mmFilm)
    f_px = focal_length_px(focal_length_35mm, *stored)
    return f_px, f_px, f"FocalLengthIn35mmFilm {focal_length_35mm:g} mm"


def _from_focal_plane(
    tags: Mapping[int, Any], stored: tuple[int, int], captured: tuple[int, int]
) -> tuple[float, float, str]:
    focal_length_mm = _positive(tags, Base.FocalLength)
    x_resolution = _positive(tags, Base.FocalPlaneXResolution)
    y_resolution = (
        _positive(tags, Base.FocalPlaneYResolution)
        if Base.FocalPlaneYResolution in tags
        else x_resolution
    )
    unit = tags.get(Base.FocalPlaneResolutionUnit, 2)
    if not isinstance(unit, int) or unit not in _UNIT_MM:
        raise CameraError(f"FocalPlaneResolutionUnit is {unit!r}, which is no unit")
    if abs(x_resolution / y_resolution - 1) > _SQUARE_TOLERANCE:
        raise CameraError(
            f"FocalPlaneXResolution {x_resolution:g} and FocalPlaneYResolution {y_resolution:g} "
            "disagree"
        )
    f_units = focal_length_mm / _UNIT_MM[unit]
    fx = f_units * x_resolution * stored[1] / captured[1]
    fy = f_units * y_resolution * stored[0] / captured[0]
    note = (
        f"FocalLength {focal_length_mm:g} mm, FocalPlaneXResolution {x_resolution:g}, "
        f"FocalPlaneYResolution {y_resolution:g} per {_UNIT_MM[unit]:g} mm, "
        f"taken at {captured[1]} x {captured[0]} px"
    )
    return fx, fy, note


def _captured_size(tags: Mapping[int, Any], stored: tuple[int, int]) -> tuple[int, int]:
    """(H, W) the photo was taken at, the way round it is stored; as stored where not told.

    Programs that turn a photo upright often leave the tags of its size as they were.
    """
    try:
        captured = (
            math.ceil(_positive(tags, Base.ExifImageHeight)),
            math.ceil(_positive(tags, Base.ExifImageWidth)),
        )
    except CameraError:
        return stored
    for size in (captured, captured[::-1]):
        if same_aspect(size, stored):
            return size
    raise CameraError(
        f"EXIF: the photo was taken at {captured[1]} x {captured[0]} px and cropped since to "
        f"{stored[1]} x {stored[0]} px"
    )


def _positive(tags: Mapping[int, Any], tag: Base) -> float:
    if tag not in tags:
        raise CameraError(f"no {tag.name}")
    try:
        value = float(tags[tag])
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise CameraError(f"{tag.name} is {tags[tag]!r}, which is no number") from error
    if not (math.isfinite(value) and value > 0):
        raise CameraError(f"{tag.name} is {value:g}, which means unknown")
    return value
