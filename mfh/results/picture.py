"""A picture of metric depth, in colours with a scale bar in metres."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mfh.results.colour_scale import ColourScale, colours_of, scale_of
from mfh.results.typography import INK, MUTED_INK, PAPER, fitted, font, line_height

_MAX_SIDE_PX = 1600
_MIN_SIDE_PX = 480
_MIN_TEXT_PX = 13
_UNKNOWN = (200, 203, 208)
# Photos wider than this have the scale bar below them instead of beside them.
_WIDE_ASPECT = 1.8


def depth_picture(
    depth_m: NDArray[np.float32],
    *,
    title: str = "",
    note: str = "",
    max_m: float | None = None,
) -> Image.Image:
    """Draw depth (H, W) in metres, with a scale bar and a caption.

    The colours span what `scale_of` chooses; an end beyond which something lies is marked "≤" or
    "≥". Infinite depth is drawn as the far end, NaN in grey. The map is drawn with its long side
    between 480 and 1600 px.

    title, note: the caption's bold line and its plain one; an empty one takes no room.
    """
    scale = scale_of(depth_m, max_m)
    unknown = bool(np.isnan(depth_m).any())
    painted = _in_colour(depth_m, scale)
    size = max(_MIN_TEXT_PX, round(math.sqrt(painted.width * painted.height) / 46))
    gap = round(1.2 * size)
    caption_height = _caption_height(title, note, size)
    wide = painted.width > _WIDE_ASPECT * painted.height
    bar_room = gap + (round(2.8 * size) if wide else round(6.6 * size))
    sheet = Image.new(
        "RGB",
        (
            painted.width + 2 * gap + (0 if wide else bar_room),
            painted.height + 2 * gap + caption_height + (bar_room if wide else 0),
        ),
        PAPER,
    )
    _draw_caption(sheet, gap, title, note, size)
    left, top = gap, gap + caption_height
    sheet.paste(painted, (left, top))
    if wide:
        place = (left, top + painted.height + gap, painted.width)
        _draw_bar_below(sheet, place, scale, unknown, size)
    else:
        place = (left + painted.width + gap, top, painted.height)
        _draw_bar_beside(sheet, place, scale, unknown, size)
    return sheet


def _in_colour(depth_m: NDArray[np.float32], scale: ColourScale | None) -> Image.Image:
    """Draw the map at its size in the picture.

    Colours are averaged, not depths: between a near and a far depth there is nothing.
    """
    height, width = depth_m.shape
    longest = max(height, width)
    ratio = min(max(longest, _MIN_SIDE_PX), _MAX_SIDE_PX) / longest
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    thinned = depth_m[:: max(1, int(0.5 / ratio)), :: max(1, int(0.5 / ratio))]
    colours = np.empty((*thinned.shape, 3), np.uint8)
    colours[:] = _UNKNOWN
    known = ~np.isnan(thinned)
    if scale is None:
        colours[known] = colours_of(np.ones(1))[0]
    else:
        colours[known] = colours_of(scale.fraction(thinned[known]))
    method = Image.Resampling.NEAREST if ratio >= 1 else Image.Resampling.BOX
    return Image.fromarray(colours).resize(size, method)


def _caption_height(title: str, note: str, size: int) -> int:
    height = 0
    if title:
        height += line_height(font(round(1.25 * size), bold=True))
    if note:
        height += line_height(font(size))
    return height + (round(0.5 * size) if height else 0)


def _draw_caption(sheet: Image.Image, gap: int, title: str, note: str, size: int) -> None:
    draw = ImageDraw.Draw(sheet)
    x, y = gap, gap
    width = sheet.width - 2 * gap
    if title:
        bold = font(round(1.25 * size), bold=True)
        draw.text((x, y), fitted(title, bold, width), INK, bold)
        y += line_height(bold)
    if note:
        plain = font(size)
        draw.text((x, y), fitted(note, plain, width), MUTED_INK, plain)


def _draw_bar_beside(
    sheet: Image.Image,
    place: tuple[int, int, int],
    scale: ColourScale | None,
    unknown: bool,
    size: int,
) -> None:
    """Draw the bar upright at (left, top, height): what is far lies higher in most photos."""
    draw = ImageDraw.Draw(sheet)
    label_font = font(size)
    left, top, height = place
    width = round(1.2 * size)
    if unknown:
        swatch = top + height - width
        draw.rectangle((left, swatch, left + width - 1, top + height - 1), _UNKNOWN)
        middle = swatch + width / 2
        draw.text((left + 1.5 * width, middle), "unknown", MUTED_INK, label_font, anchor="lm")
        height -= 2 * width
    if scale is None:
        return
    ramp = colours_of(np.linspace(1, 0, height))
    sheet.paste(Image.fromarray(np.repeat(ramp[:, None], width, axis=1)), (left, top))
    half = 0.5 * size
    for fraction, label in scale.ticks(min_gap=1.7 * size / height):
        y = top + (1 - fraction) * (height - 1)
        draw.line((left + width, y, left + 1.25 * width, y), MUTED_INK, max(1, size // 12))
        # The labels of the ends stay within the bar's length.
        y = min(max(y, top + half), top + height - half)
        draw.text((left + 1.5 * width, y), label, INK, label_font, anchor="lm")


def _draw_bar_below(
    sheet: Image.Image,
    place: tuple[int, int, int],
    scale: ColourScale | None,
    unknown: bool,
    size: int,
) -> None:
    """Draw the bar lying at (left, top, width)."""
    draw = ImageDraw.Draw(sheet)
    label_font = font(size)
    left, top, width = place
    height = round(1.2 * size)
    if unknown:
        room = round(label_font.getlength("unknown")) + 2 * height
        swatch = left + width - room
        draw.rectangle((swatch, top, swatch + height - 1, top + height - 1), _UNKNOWN)
        middle = top + height / 2
        draw.text((swatch + 1.5 * height, middle), "unknown", MUTED_INK, label_font, anchor="lm")
        width -= room + 2 * height
    if scale is None:
        return
    ramp = colours_of(np.linspace(0, 1, width))
    sheet.paste(Image.fromarray(np.repeat(ramp[None], height, axis=0)), (left, top))
    for fraction, label in scale.ticks(min_gap=6.5 * size / width):
        x = left + fraction * (width - 1)
        draw.line((x, top + height, x, top + 1.25 * height), MUTED_INK, max(1, size // 12))
        half = label_font.getlength(label) / 2
        x = min(max(x, left + half), left + width - half)
        draw.text((x, top + 1.45 * height), label, INK, label_font, anchor="ma")
