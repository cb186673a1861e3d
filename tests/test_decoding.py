"""Image files, PIL images and arrays as pixels."""

from __future__ import annotations

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, features
from PIL.ExifTags import Base

from mfh.decoding import decode, read_shape
from mfh.errors import InputError

H, W = 48, 64


@pytest.fixture
def pixels() -> np.ndarray:
    """Smooth colours, none alike in two corners or two channels."""
    y, x = np.mgrid[0:H, 0:W]
    return np.stack([x * 255 // (W - 1), y * 255 // (H - 1), 128 - x], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "ppm", "webp", "jp2", "jpg", "avif"])
def test_each_format(tmp_path, pixels, suffix):
    if suffix == "avif" and not ("avif" in features.modules and features.check("avif")):
        pytest.skip("this Pillow has no AVIF")
    path = tmp_path / f"a photo.{suffix}"
    Image.fromarray(pixels).save(path, quality=95)
    photo = decode(path)
    exact = suffix in ("png", "tif", "bmp", "ppm")
    difference = np.abs(photo.pixels.astype(int) - pixels)
    assert difference.mean() <= (0 if exact else 6)
    assert photo.file_name == str(path)
    assert np.array_equal(decode(str(path)).pixels, photo.pixels)


def test_the_suffix_does_not_matter(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", "PNG")
    assert np.array_equal(decode(tmp_path / "photo.jpg").pixels, pixels)


def grey_to_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=-1)


def test_grey_and_one_bit(tmp_path, pixels):
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png")
    assert np.array_equal(decode(tmp_path / "grey.png").pixels, grey_to_rgb(pixels[..., 0]))
    bits = pixels[..., 0] > 100
    Image.fromarray(bits).save(tmp_path / "bits.png")
    expected = grey_to_rgb(bits.astype(np.uint8) * 255)
    assert np.array_equal(decode(tmp_path / "bits.png").pixels, expected)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path, suffix):
    grey = np.linspace(0, 65535, H * W).reshape(H, W).astype(np.uint16)
    path = tmp_path / f"grey.{suffix}"
    Image.fromarray(grey).save(path)
    image = decode(path).pixels
    assert np.array_equal(image, grey_to_rgb((grey // 256).astype(np.uint8)))
    assert (image.min(), image.max()) == (0, 255)


def test_big_endian_sixteen_bit_tiff(tmp_path):
    grey = np.linspace(0, 65535, H * W).reshape(H, W).astype(">u2")
    Image.frombytes("I;16B", (W, H), grey.tobytes()).save(tmp_path / "grey.tif")
    assert np.array_equal(decode(tmp_path / "grey.tif").pixels[..., 1], grey // 256)


def sixteen_bit_rgb_png(values: np.ndarray) -> bytes:
    """A PNG by hand: PIL cannot write one of 16 bits a channel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_sixteen_bit_rgb_png(tmp_path, pixels):
    path = tmp_path / "photo.png"
    path.write_bytes(sixteen_bit_rgb_png(pixels.astype(np.uint16) * 257))
    assert np.array_equal(decode(path).pixels, pixels)


def test_cmyk_keeps_its_colours(tmp_path, pixels):
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "cmyk.tif")
    difference = np.abs(decode(tmp_path / "cmyk.tif").pixels.astype(int) - pixels)
    assert difference.max() <= 2
    red = np.broadcast_to(np.array([200, 30, 30], np.uint8), (H, W, 3))
    Image.fromarray(red).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert decode(tmp_path / "cmyk.jpg").pixels.mean((0, 1)) == pytest.approx(red[0, 0], abs=4)


def test_transparency_is_laid_on_white(tmp_path, pixels):
    alpha = np.full((H, W), 255, np.uint8)
    alpha[:10], alpha[10:20] = 0, 128
    rgba = np.dstack([pixels, alpha])
    Image.fromarray(rgba).save(tmp_path / "photo.png")
    for photo in (decode(tmp_path / "photo.png"), decode(rgba)):
        assert (photo.pixels[:10] == 255).all()
        half = (pixels[10:20].astype(int) + 255) / 2
        assert np.abs(photo.pixels[10:20] - half).max() <= 1
        assert np.array_equal(photo.pixels[20:], pixels[20:])


def test_palettes_with_and_without_transparency(tmp_path, pixels):
    indexed = Image.fromarray(pixels[..., 0] // 64).convert("P")
    indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    indexed.save(tmp_path / "opaque.png")
    assert tuple(decode(tmp_path / "opaque.png").pixels[0, 0]) == (255, 0, 0)
    indexed.save(tmp_path / "holes.png", transparency=0)
    assert tuple(decode(tmp_path / "holes.png").pixels[0, 0]) == (255, 255, 255)
    assert tuple(decode(tmp_path / "holes.png").pixels[0, W // 3]) == (0, 255, 0)


def test_the_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("RGB", (W, H), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert (decode(tmp_path / "moving.gif").pixels == (255, 0, 0)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path, pixels, orientation):
    turned = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, 2).transpose(1, 0, 2),
        8: np.rot90(pixels),
    }[orientation]
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(decode(tmp_path / "photo.png").pixels, turned)
    assert read_shape(tmp_path / "photo.png") == turned.shape[:2]
    with Image.open(tmp_path / "photo.png") as picture:
        assert np.array_equal(decode(picture).pixels, turned)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_arrays(pixels, dtype):
    as_type = {
        "u": lambda a: a.astype(dtype) * (257 if dtype == np.uint16 else 1),
        "f": lambda a: (a / 255).astype(dtype),
    }[np.dtype(dtype).kind]
    assert np.array_equal(decode(as_type(pixels)).pixels, pixels)
    grey = decode(as_type(pixels[..., 0])).pixels
    assert np.array_equal(grey, grey_to_rgb(pixels[..., 0]))
    assert decode(pixels).file_name is None


def test_later_changes_to_the_array_do_not_reach_the_photo(pixels):
    photo = decode(pixels)
    pixels[:] = 0
    assert photo.pixels.any()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, H, W), np.uint8), "channels come first: transpose it to"),
        (np.zeros((H, W, 2), np.uint8), r"shape \(48, 64, 2\); accepted: \(H, W, 3\) RGB"),
        (np.zeros((1, H, W, 3), np.uint8), r"shape \(1, 48, 64, 3\)"),
        (np.zeros((H,), np.uint8), r"shape \(48,\)"),
        (np.zeros((31, W, 3), np.uint8), "64 x 31 px; photos need at least 32 px a side"),
        (np.zeros((0, W, 3), np.uint8), "64 x 0 px; photos need"),
        (np.zeros((H, W, 3), np.int64), "holds int64; accepted: uint8, uint16, and floats"),
        (np.zeros((H, W, 3), bool), "holds bool; accepted"),
        (np.full((H, W, 3), "x"), "holds <U1; accepted"),
        (np.full((H, W, 3), 200.0), r"floats from 200 to 200; accepted are floats in \[0, 1\]"),
        (np.full((H, W), -0.1), "floats from -0.1 to -0.1"),
        (np.full((H, W, 3), np.nan), "floats from nan to nan; .* without NaN"),
        ([[1, 2], [3]], "cannot be read as an array"),
        (np.broadcast_to(np.uint8(0), (11_000, 11_000, 3)), "has 121 megapixels; .* up to 120"),
    ],
)
def test_arrays_that_are_no_photo_are_refused(array, message):
    with pytest.raises(InputError, match=message):
        decode(array)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"photo.jpg: there is no such file"):
        decode(tmp_path / "photo.jpg")
    with pytest.raises(InputError, match="is a folder; give an image file"):
        decode(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"just text, no image", b"\xff\xd8", b"%!PS-Adobe-3.0 EPSF"]
)
def test_what_is_no_image_is_refused(tmp_path, content):
    (tmp_path / "photo.jpg").write_bytes(content)
    message = r"photo.jpg: is not an image of a known format; supported: JPEG, PNG, .* such as HEIC"
    with pytest.raises(InputError, match=message):
        decode(tmp_path / "photo.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp", "gif"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_image_is_refused(tmp_path, suffix, share):
    path = tmp_path / f"photo.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=rf"photo.{suffix}: .*(broken or incomplete|not an image)"):
        decode(path)


def png_header(width: int, height: int) -> bytes:
    """A PNG that states its size and holds no pixels: reading one would fail otherwise."""
    return sixteen_bit_rgb_png(np.zeros((1, 1, 3)))[:16] + struct.pack(">II", width, height)


@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (20000, 20000, "photo.png: has 400 megapixels; accepted are up to 120: reduce it first"),
        (12000, 10100, "has 121 megapixels"),
        (1, 1, "photo.png: has 1 x 1 px; photos need at least 32 px a side"),
        (4000, 31, "has 4000 x 31 px"),
    ],
)
def test_sizes_are_refused_before_decoding(tmp_path, width, height, message):
    header = png_header(width, height) + b"\x08\x02\0\0\0"
    check = struct.pack(">I", zlib.crc32(header[12:]))
    end = b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "photo.png").write_bytes(header + check + end)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message):
            decode(tmp_path / "photo.png")
