"""Pictures of metric depth and of its error, in colours with a scale bar."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mfh.results.colour_scale import (
    INFINITE,
    UNKNOWN,
    ColourScale,
    depth_scale,
    error_scale,
    in_colours,
)
from mfh.results.typography import INK, MUTED_INK, PAPER, fitted, font, line_height, wrapped

_MAX_SIDE_PX = 1600
_MIN_SIDE_PX = 480
_MIN_TEXT_PX = 13
# Photos wider than this have the scale bar below them instead of beside them.
_WIDE_ASPECT = 1.8

_Colour = tuple[int, int, int]


def depth_picture(
    depth_m: NDArray[np.float32],
    *,
    title: str = "",
    note: str = "",
    max_m: float | None = None,
) -> Image.Image:
    """Draw depth (H, W) in metres, with a scale bar and a caption.

    The colours span what `depth_scale` chooses; an end beyond which something lies is marked "≤" or
    "≥". Infinite depth is drawn in a light grey-blue, NaN in grey, and a legend says so. The map
    is drawn with its long side between 480 and 1600 px.

    title, note: the caption's bold line and its plain ones; an empty one takes no room.
    """
    return _map_picture(depth_m, depth_scale(depth_m, max_m), title, note)


def error_picture(
    relative_error: NDArray[np.float32], *, title: str = "", note: str = ""
) -> Image.Image:
    """Draw the relative error (H, W) of depth as `depth_picture` does, with a scale in per cent.

    The colours span what `error_scale` chooses. An infinite error is drawn as infinite depth is.
    """
    return _map_picture(relative_error, error_scale(relative_error), title, note)


def _map_picture(
    values: NDArray[np.float32], scale: ColourScale | None, title: str, note: str
) -> Image.Image:
    painted = _in_colour(values, scale)
    size = max(_MIN_TEXT_PX, round(math.sqrt(painted.width * painted.height) / 46))
    gap = round(1.2 * size)
    wide = painted.width > _WIDE_ASPECT * painted.height
    width = painted.width + (0 if wide else gap + round(6.6 * size))
    height = painted.height + (gap + round(2.8 * size) if wide else 0)
    caption = _caption(title, note, width, size)
    body = Image.new("RGB", (width, height), PAPER)
    body.paste(painted, (0, 0))
    if scale is not None:
        draw_bar = _draw_bar_below if wide else _draw_bar_beside
        draw_bar(body, painted.size, gap, scale, size)
    blocks = [caption, body, _legend(_legend_entries(values), width, size)]
    height = sum(block.height for block in blocks)
    sheet = Image.new("RGB", (width + 2 * gap, height + 2 * gap), PAPER)
    y = gap
    for block in blocks:
        sheet.paste(block, (gap, y))
        y += block.height
    return sheet


def _in_colour(values: NDArray[np.float32], scale: ColourScale | None) -> Image.Image:
    """Draw the map at its size in the picture.

    Colours are averaged, not values: between a near and a far depth there is nothing.
    """
    height, width = values.shape
    longest = max(height, width)
    ratio = min(max(longest, _MIN_SIDE_PX), _MAX_SIDE_PX) / longest
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    thinned = values[:: max(1, int(0.5 / ratio)), :: max(1, int(0.5 / ratio))]
    method = Image.Resampling.NEAREST if ratio >= 1 else Image.Resampling.BOX
    return Image.fromarray(in_colours(thinned, scale)).resize(size, method)


def _caption(title: str, note: str, width: int, size: int) -> Image.Image:
    """Draw the title, cut to one line, and the note on as many lines as it takes."""
    bold, plain = font(round(1.25 * size), bold=True), font(size)
    lines = [(fitted(title, bold, width), INK, bold)] if title else []
    max_lines = len(note.split())
    lines += [(line, MUTED_INK, plain) for line in wrapped(note, plain, width, max_lines)]
    height = sum(line_height(line_font) for _, _, line_font in lines)
    caption = Image.new("RGB", (width, height + round(0.5 * size) if lines else 0), PAPER)
    draw = ImageDraw.Draw(caption)
    y = 0
    for text, ink, line_font in lines:
        draw.text((0, y), text, ink, line_font)
        y += line_height(line_font)
    return caption


def _legend_entries(values: NDArray[np.float32]) -> list[tuple[_Colour, str]]:
    """Give the colours that are not on the scale, and what they mean."""
    entries = []
    if np.isposinf(values).any():
        entries.append((INFINITE, "farther than the fit can tell"))
    if np.isnan(values).any():
        entries.append((UNKNOWN, "unknown"))
    return entries


def _legend(entries: Sequence[tuple[_Colour, str]], width: int, size: int) -> Image.Image:
    """Draw entries next to each other where they fit, else below each other."""
    text_font = font(size)
    swatch, spacing = size, line_height(text_font)
    indent, between = round(1.8 * size), round(2.4 * size)
    placed: list[tuple[int, int, _Colour, list[str]]] = []
    x = y = 0
    for colour, text in entries:
        lines = wrapped(text, text_font, width - indent, len(text.split()))
        length = indent + math.ceil(max(text_font.getlength(line) for line in lines))
        if x and x + length > width:
            x, y = 0, placed[-1][1] + spacing * len(placed[-1][3])
        placed.append((x, y, colour, lines))
        x += length + between
    bottom = max((y + spacing * len(lines) for _, y, _, lines in placed), default=0)
    top = round(0.8 * size) if placed else 0
    legend = Image.new("RGB", (width, top + bottom), PAPER)
    draw = ImageDraw.Draw(legend)
    for x, y, colour, lines in placed:
        draw.rectangle((x, top + y, x + swatch - 1, top + y + swatch - 1), colour)
        for number, line in enumerate(lines):
            middle = top + y + swatch / 2 + number * spacing
            draw.text((x + indent, middle), line, MUTED_INK, text_font, anchor="lm")
    return legend


def _draw_bar_beside(
    body: Image.Image, map_size: tuple[int, int], gap: int, scale: ColourScale, size: int
) -> None:
    """Draw the bar upright: what is far lies higher in most photos."""
    draw = ImageDraw.Draw(body)
    left, height = map_size[0] + gap, map_size[1]
    width = round(1.2 * size)
    ramp = scale.colours(np.linspace(1, 0, height))
    body.paste(Image.fromarray(np.repeat(ramp[:, None], width, axis=1)), (left, 0))
    half = 0.5 * size
    for fraction, label in scale.ticks(min_gap=1.7 * size / height):
        y = (1 - fraction) * (height - 1)
        draw.line((left + width, y, left + 1.25 * width, y), MUTED_INK, max(1, size // 12))
        # The labels of the ends stay within the bar's length.
        y = min(max(y, half), height - half)
        draw.text((left + 1.5 * width, y), label, INK, font(size), anchor="lm")


def _draw_bar_below(
    body: Image.Image, map_size: tuple[int, int], gap: int, scale: ColourScale, size: int
) -> None:
    """Draw the bar lying."""
    draw = ImageDraw.Draw(body)
    width, top = map_size[0], map_size[1] + gap
    height = round(1.2 * size)
    ramp = scale.colours(np.linspace(0, 1, width))
    body.paste(Image.fromarray(np.repeat(ramp[None], height, axis=0)), (0, top))
    for fraction, label in scale.ticks(min_gap=6.5 * size / width):
        x = fraction * (width - 1)
        draw.line((x, top + height, x, top + 1.25 * height), MUTED_INK, max(1, size // 12))
        half = font(size).getlength(label) / 2
        x = min(max(x, half), width - half)
        draw.text((x, top + 1.45 * height), label, INK, font(size), anchor="ma")
