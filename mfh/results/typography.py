"""Text in pictures: the font, and lines that fit."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import ImageFont

INK = (28, 32, 38)
MUTED_INK = (98, 106, 116)
PAPER = (255, 255, 255)

_ELLIPSIS = "…"


@cache
def font(size_px: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Load DejaVu Sans, which Matplotlib ships and which has ±, ≤ and ≥."""
    import matplotlib  # noqa: PLC0415 - takes a fifth of a second

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), size_px)


def line_height(text_font: ImageFont.FreeTypeFont) -> int:
    """Give the distance from one baseline to the next, in px."""
    return round(1.3 * text_font.size)


def fitted(text: str, text_font: ImageFont.FreeTypeFont, width_px: float) -> str:
    """Cut one line of text to a width, with an ellipsis where something is missing."""
    text = " ".join(text.split())
    if text_font.getlength(text) <= width_px:
        return text
    length = len(text)
    while length and text_font.getlength(text[:length].rstrip() + _ELLIPSIS) > width_px:
        length -= 1
    return text[:length].rstrip() + _ELLIPSIS


def wrapped(
    text: str, text_font: ImageFont.FreeTypeFont, width_px: float, max_lines: int
) -> list[str]:
    """Break text into lines of a width, at most `max_lines`; the last is cut where it must be."""
    words = text.split()
    lines: list[str] = []
    while words and len(lines) < max_lines - 1:
        count = 1
        while count < len(words) and text_font.getlength(" ".join(words[: count + 1])) <= width_px:
            count += 1
        lines.append(fitted(" ".join(words[:count]), text_font, width_px))
        words = words[count:]
    if words:
        lines.append(fitted(" ".join(words), text_font, width_px))
    return lines
