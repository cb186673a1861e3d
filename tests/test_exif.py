"""Intrinsics from EXIF."""

from __future__ import annotations

import math

import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from mfh.camera.exif import intrinsics_from_exif
from mfh.errors import CameraError

# A full-frame camera: 36 mm on 5616 px, i.e. 3962.3 px an inch, with a 50 mm lens.
FOCAL_PLANE = {
    Base.FocalLength: 50.0,
    Base.FocalPlaneXResolution: 5616 / 36 * 25.4,
    Base.FocalPlaneYResolution: 3744 / 24 * 25.4,
    Base.FocalPlaneResolutionUnit: 2,
    Base.ExifImageWidth: 5616,
    Base.ExifImageHeight: 3744,
}


def test_35_mm_equivalents_refer_to_36_mm_of_width_at_3_to_2():
    camera = intrinsics_from_exif({Base.FocalLengthIn35mmFilm: 50}, 2000, 3000)
    assert camera.fx == camera.fy == pytest.approx(50 / 36 * 3000)
    assert (camera.cx, camera.cy) == (1500, 1000)
    assert (camera.source, camera.note) == ("exif", "FocalLengthIn35mmFilm 50 mm")


@pytest.mark.parametrize(("height", "width"), [(3024, 4032), (4032, 3024), (1080, 1920)])
def test_35_mm_equivalents_refer_to_the_diagonal_at_other_aspects(height, width):
    camera = intrinsics_from_exif({Base.FocalLengthIn35mmFilm: 26}, height, width)
    diagonal_fov = 2 * math.atan(math.hypot(height, width) / 2 / camera.fx)
    assert diagonal_fov == pytest.approx(2 * math.atan(math.hypot(36, 24) / 2 / 26))


def test_35_mm_equivalents_hold_for_reduced_photos():
    tags = {
        Base.FocalLengthIn35mmFilm: 50,
        Base.ExifImageWidth: 6000,
        Base.ExifImageHeight: 4000,
    }
    camera = intrinsics_from_exif(tags, 427, 640)
    assert camera.fx == pytest.approx(50 / 36 * 640, rel=1e-3)


@pytest.mark.parametrize(
    ("unit", "unit_mm"), [(2, 25.4), (3, 10.0), (4, 1.0), (5, 0.001), (None, 25.4)]
)
def test_focal_plane_resolution(unit, unit_mm):
    tags = {
        **FOCAL_PLANE,
        Base.FocalPlaneXResolution: 5616 / 36 * unit_mm,
        Base.FocalPlaneYResolution: 3744 / 24 * unit_mm,
        Base.FocalPlaneResolutionUnit: unit,
    }
    if unit is None:
        del tags[Base.FocalPlaneResolutionUnit]
    camera = intrinsics_from_exif(tags, 3744, 5616)
    assert (camera.fx, camera.fy) == pytest.approx((50 / 36 * 5616, 50 / 24 * 3744))
    assert camera.source == "exif"


def test_focal_plane_resolution_is_of_the_size_at_capture():
    camera = intrinsics_from_exif(FOCAL_PLANE, 374, 561)
    assert (camera.fx, camera.fy) == pytest.approx((50 / 36 * 561, 50 / 24 * 374))
    assert camera.note == (
        "FocalLength 50 mm, FocalPlaneXResolution 3962.4, FocalPlaneYResolution 3962.4 "
        "per 25.4 mm, taken at 5616 x 3744 px"
    )


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_turned_photo_swaps_the_axes(orientation):
    tags = {
        **FOCAL_PLANE,
        Base.FocalPlaneYResolution: FOCAL_PLANE[Base.FocalPlaneXResolution] * 1.05,
        Base.Orientation: orientation,
    }
    camera = intrinsics_from_exif(tags, 5616, 3744)
    assert camera.fy == pytest.approx(50 / 36 * 5616)
    assert camera.fx == pytest.approx(50 / 36 * 5616 * 1.05)
    assert (camera.cx, camera.cy, camera.height, camera.width) == (1872, 2808, 5616, 3744)


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, None])
def test_a_mirrored_photo_does_not(orientation):
    camera = intrinsics_from_exif({**FOCAL_PLANE, Base.Orientation: orientation}, 3744, 5616)
    assert camera.fx == pytest.approx(50 / 36 * 5616)


def test_a_photo_turned_upright_by_a_program_keeps_its_focal_length():
    # Its pixels are turned and its orientation is reset, the size at capture is not.
    camera = intrinsics_from_exif({**FOCAL_PLANE, Base.Orientation: 1}, 561, 374)
    assert camera.fx == pytest.approx(50 / 36 * 561, rel=1e-6)


def test_a_missing_y_resolution_means_square_pixels():
    tags = dict(FOCAL_PLANE)
    del tags[Base.FocalPlaneYResolution]
    camera = intrinsics_from_exif(tags, 3744, 5616)
    assert camera.fx == camera.fy


@pytest.mark.parametrize("unknown", [0, 65535, 43280])
def test_an_unknown_or_broken_35_mm_equivalent_gives_way_to_the_focal_plane(unknown):
    camera = intrinsics_from_exif({**FOCAL_PLANE, Base.FocalLengthIn35mmFilm: unknown}, 3744, 5616)
    assert camera.fx == pytest.approx(50 / 36 * 5616)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({Base.FocalLength: 0.0}, "FocalLength is 0, which means unknown"),
        ({Base.FocalLength: math.nan}, "FocalLength is nan, which means unknown"),
        ({Base.FocalLength: IFDRational(50, 0)}, "FocalLength is nan, which"),
        ({Base.FocalLength: "fifty"}, "FocalLength is 'fifty', which is no number"),
        ({Base.FocalLength: (50, 1)}, r"FocalLength is \(50, 1\), which is no number"),
        ({Base.FocalPlaneXResolution: math.inf}, "FocalPlaneXResolution is inf"),
        ({Base.FocalPlaneXResolution: -3.0}, "FocalPlaneXResolution is -3"),
        ({Base.FocalPlaneYResolution: 1981.2}, "FocalPlaneYResolution 1981.2 disagree"),
        ({Base.FocalPlaneResolutionUnit: 1}, "FocalPlaneResolutionUnit is 1, which is no unit"),
        ({Base.FocalPlaneResolutionUnit: 5}, "field of view of 0.00162 degrees"),
        ({Base.FocalLength: 0.01}, "field of view of 180 degrees"),
        ({Base.ExifImageWidth: 3744}, "taken at 3744 x 3744 px and cropped since to 5616 x 3744"),
    ],
)
def test_broken_or_implausible_tags_say_nothing(changes, message):
    tags = {**FOCAL_PLANE, **changes}
    with pytest.raises(CameraError, match=f"EXIF: .*{message}"):
        intrinsics_from_exif(tags, 3744, 5616)


def test_a_cropped_photos_35_mm_equivalent_says_nothing():
    tags = {
        Base.FocalLengthIn35mmFilm: 26,
        Base.ExifImageWidth: 4032,
        Base.ExifImageHeight: 3024,
    }
    with pytest.raises(CameraError, match="taken at 4032 x 3024 px and cropped since"):
        intrinsics_from_exif(tags, 2000, 2000)
    camera = intrinsics_from_exif({**tags, Base.ExifImageWidth: 0}, 2000, 2000)
    assert camera.note == "FocalLengthIn35mmFilm 26 mm"


def test_no_tags():
    with pytest.raises(CameraError, match="EXIF: the photo has none"):
        intrinsics_from_exif({}, 480, 640)
    with pytest.raises(CameraError, match="no FocalLengthIn35mmFilm; no FocalLength"):
        intrinsics_from_exif({Base.Orientation: 1}, 480, 640)
    with pytest.raises(CameraError, match="no FocalPlaneXResolution"):
        intrinsics_from_exif({Base.FocalLength: 4.25}, 480, 640)


def test_pils_own_record():
    written = Image.Exif()
    written[Base.Orientation] = 6
    written[IFD.Exif] = {Base.FocalLengthIn35mmFilm: 26}
    exif = Image.Exif()
    exif.load(written.tobytes())
    camera = intrinsics_from_exif(exif, 4032, 3024)
    assert camera.fx == pytest.approx(26 * 5040 / math.hypot(36, 24))
