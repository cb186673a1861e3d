"""One picture of all painted photos: what was measured in them, what was kept and what was not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mfh.camera import resize_intrinsics
from mfh.errors import InputError
from mfh.records import POINT_KINDS, Intrinsics, LandmarkKind, Landmarks, PaintedPhotos
from mfh.results.tiles import tile
from mfh.results.typography import INK, MUTED_INK, PAPER, fitted, font, line_height, wrapped
from mfh.taking_part import owners_of
from mfh.verdicts import DISAGREES

_MAX_WIDTH_PX = 1800
_MIN_WIDTH_PX = 760
_GAP_PX = 22
_BORDER_PX = 5
_TILE_AREA_PX = 300 * 225
_MAX_TILE_PX = 640

_TEXT_PX = 16
_TITLE_PX = 26
_VERDICT_LINES = 3
_KEPT = (18, 132, 68)
_DROPPED = (200, 36, 48)

_Line = tuple[str, tuple[int, int, int]]


def contact_sheet(
    painted: PaintedPhotos,
    landmarks: Sequence[Landmarks],
    verdicts: Sequence[str],
    *,
    set_aside: Sequence[NDArray[np.bool_]] | None = None,
    camera: Intrinsics | None = None,
    title: str = "",
    simulated: bool = False,
    max_tiles: int = 64,
) -> Image.Image:
    """Draw the painted photos in a grid, at most 1800 px wide; the photo itself may be among them.

    Each shows its repainted strip (white outline), the people measured in it (coloured outlines
    with their median depth), its known distances (crosses), its name and prompt, and whether it
    was kept (green) or why not (red). Whoever the fit set aside is red. Of more than `max_tiles`,
    that many are shown, evenly spaced, and the sheet says so.

    landmarks: for each painted photo; verdicts: for each, why it was not kept, "" where it was.
    set_aside: for each, which of its landmarks the fit set aside (`mfh.taking_part.set_aside`);
        none where it is not given.
    camera: the photo's, of any size; with it known distances are told straight from the camera, as
        they were measured.
    Raises `InputError` where their numbers differ or are 0.
    """
    if set_aside is None:
        set_aside = [np.zeros(len(each.weight), np.bool_) for each in landmarks]
    if not len(painted) == len(landmarks) == len(verdicts) == len(set_aside) or len(painted) == 0:
        raise InputError(
            f"contact sheet: {len(painted)} painted photos, {len(landmarks)} landmarks, "
            f"{len(verdicts)} verdicts and {len(set_aside)} arrays of what was set aside; there "
            "must be one of each for every painted photo"
        )
    count = min(len(painted), max_tiles)
    shown = [index * len(painted) // count for index in range(count)]
    height, width = painted.repainted.shape[1:]
    if camera is not None:
        camera = resize_intrinsics(camera, height, width)
    columns, tile_size = _grid(count, width / height)
    captions = [
        _caption(painted, index, verdicts[index], set_aside[index], landmarks[index], tile_size[0])
        for index in shown
    ]
    cell_width = tile_size[0] + _GAP_PX
    header = _header(
        _header_lines(painted, landmarks, verdicts, set_aside, count, title, simulated),
        max(_MIN_WIDTH_PX, columns * cell_width + _GAP_PX),
    )
    rows = [range(start, min(start + columns, count)) for start in range(0, count, columns)]
    spacing = line_height(font(_TEXT_PX))
    heights = [
        tile_size[1] + _BORDER_PX + max(len(captions[k]) for k in row) * spacing + _GAP_PX
        for row in rows
    ]
    sheet = Image.new("RGB", (header.width, header.height + sum(heights)), PAPER)
    sheet.paste(header, (0, 0))
    draw = ImageDraw.Draw(sheet)
    y = header.height
    for row, row_height in zip(rows, heights, strict=True):
        for column, k in enumerate(row):
            x = _GAP_PX + column * cell_width
            index = shown[k]
            picture = tile(
                painted.images[index],
                painted.repainted[index],
                landmarks[index],
                tile_size,
                set_aside=set_aside[index],
                camera=camera,
            )
            frame = (x - _BORDER_PX, y - _BORDER_PX)
            draw.rectangle(
                (
                    *frame,
                    x + tile_size[0] + _BORDER_PX - 1,
                    y + tile_size[1] + _BORDER_PX - 1,
                ),
                _DROPPED if verdicts[index] else _KEPT,
            )
            sheet.paste(picture, (x, y))
            for number, (text, colour) in enumerate(captions[k]):
                text_y = y + tile_size[1] + 2 * _BORDER_PX + number * spacing
                draw.text((x, text_y), text, colour, font(_TEXT_PX))
        y += row_height
    return sheet


def _grid(count: int, aspect: float) -> tuple[int, tuple[int, int]]:
    """Choose the number of columns and the size of a tile: as many as stay easy to read."""
    wanted_width = math.sqrt(_TILE_AREA_PX * aspect)
    columns = min(count, max(1, round(_MAX_WIDTH_PX / (wanted_width + _GAP_PX))))
    width = min(_MAX_TILE_PX, (_MAX_WIDTH_PX - _GAP_PX) // columns - _GAP_PX)
    width = min(width, round(_MAX_TILE_PX * aspect))
    return columns, (width, max(1, round(width / aspect)))


def _caption(
    painted: PaintedPhotos,
    index: int,
    verdict: str,
    set_aside: NDArray[np.bool_],
    landmarks: Landmarks,
    width: int,
) -> list[_Line]:
    text_font = font(_TEXT_PX)
    parts = [painted.names[index], painted.prompts[index]]
    name = fitted(" · ".join(filter(None, parts)), text_font, width)
    is_photo = not painted.repainted[index].any()
    kept, dropped = ("used", "not used") if is_photo else ("kept", "dropped")
    if not verdict:
        some = np.count_nonzero(set_aside)
        of_all = f", {some} of {len(owners_of(landmarks))} set aside" if some else ""
        return [(name, INK), (f"{kept}{of_all}", _KEPT)]
    lines = wrapped(f"{dropped}: {verdict}", text_font, width, _VERDICT_LINES)
    return [(name, INK), *((line, _DROPPED) for line in lines)]


def _header_lines(
    painted: PaintedPhotos,
    landmarks: Sequence[Landmarks],
    verdicts: Sequence[str],
    set_aside: Sequence[NDArray[np.bool_]],
    shown: int,
    title: str,
    simulated: bool,
) -> list[str]:
    """Give the title, what became of the painted photos, and what the outlines mean."""
    everything = len(verdicts)
    verdicts = [
        verdict
        for verdict, strip in zip(verdicts, painted.repainted, strict=True)
        if strip.any()  # else it is the photo itself
    ]
    kept = sum(not verdict for verdict in verdicts)
    summary = f"{kept} of {len(verdicts)} painted photos kept" if verdicts else "Nothing painted"
    if shown < everything:
        summary += f" ({shown} shown, evenly spaced)"
    dropped = Counter(verdict for verdict in verdicts if verdict).most_common()
    if dropped:
        summary += "; dropped: " + ", ".join(f"{reason} ({count})" for reason, count in dropped)
    kinds = {each.kind[owner] for each in landmarks for owner in owners_of(each)}
    legend = [
        "Simulated: a stand-in that knows the truth took part." if simulated else "",
        "White outline: repainted." if verdicts else "",
        "Coloured outlines: measured people and their depth." if kinds - POINT_KINDS else "",
        _crosses_in_words(kinds),
        f"Red and in brackets: {DISAGREES}, and was set aside."
        if any(each.any() for each in set_aside)
        else "",
    ]
    return [title, summary, " ".join(filter(None, legend))]


def _crosses_in_words(kinds: Collection[LandmarkKind]) -> str:
    told = {"measured point": "known distances", "asked point": "answers of a model"}
    points = " and ".join(words for kind, words in told.items() if kind in kinds)
    return f"Crosses: {points}, straight from the camera." if points else ""


def _header(lines: Sequence[str], width: int) -> Image.Image:
    title, *others = lines
    bold, plain = font(_TITLE_PX, bold=True), font(_TEXT_PX)
    room = width - 2 * _GAP_PX
    wrapped_lines = [line for text in others for line in wrapped(text, plain, room, 4)]
    height = _GAP_PX + len(wrapped_lines) * line_height(plain) + _GAP_PX
    if title:
        height += line_height(bold)
    header = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(header)
    y = _GAP_PX
    if title:
        draw.text((_GAP_PX, y), fitted(title, bold, room), INK, bold)
        y += line_height(bold)
    for line in wrapped_lines:
        draw.text((_GAP_PX, y), line, MUTED_INK, plain)
        y += line_height(plain)
    return header
