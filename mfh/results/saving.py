"""Saving a result: as one file, whose suffix tells the format, or in several formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.decoding import PhotoLike, decode
from mfh.errors import InputError
from mfh.files import make_folder
from mfh.records import MetricDepth
from mfh.results.checks import same_size
from mfh.results.colour_scale import depth_scale
from mfh.results.formats import DEFAULT_FORMATS, FORMATS, Format, format_names


def save(
    result: MetricDepth,
    path: Path,
    formats: str | Sequence[str] | None = None,
    image: PhotoLike | None = None,
) -> dict[str, Path]:
    """Save as `MetricDepth.save` describes it."""
    chosen, is_file = _chosen(path, formats)
    scenes = [each.name for each in chosen if each.files]
    if image is None and scenes:
        raise InputError(f"format {scenes[0]!r} holds the photo: give it as image")
    pixels = _colours(result, chosen) if image is None else decode(image).pixels
    same_size("save", result, pixels)
    if is_file:
        return {each.name: each.write(path, result, pixels) for each in chosen}
    folder = make_folder(path)
    return {each.name: each.write(folder / each.filename, result, pixels) for each in chosen}


def _chosen(path: Path, formats: str | Sequence[str] | None) -> tuple[list[Format], bool]:
    """The formats to write, and whether `path` is the one file of the only one."""
    suffix = "" if path.is_dir() else path.suffix.lower()
    of_suffix = [each for each in FORMATS.values() if suffix and each.suffix == suffix]
    if formats is None:
        if suffix and not of_suffix:
            raise InputError(
                f"{path}: no format has the suffix {path.suffix}; there are {_suffixes()}, and for "
                "a folder of that name give formats"
            )
        return of_suffix[:1] or [FORMATS[name] for name in DEFAULT_FORMATS], bool(of_suffix)
    chosen = [FORMATS[name] for name in format_names(formats)]
    if not of_suffix:
        return chosen, False
    if len(chosen) > 1:
        raise InputError(
            f"{path}: is one file for {len(chosen)} formats; give a folder, or a format at a time"
        )
    if chosen[0] not in of_suffix:
        suits = chosen[0].suffix or "no suffix: it is a folder"
        raise InputError(f"{path}: format {chosen[0].name!r} has {suits}")
    return chosen, True


def _suffixes() -> str:
    return ", ".join(dict.fromkeys(each.suffix for each in FORMATS.values() if each.suffix))


def _colours(result: MetricDepth, formats: Sequence[Format]) -> NDArray[np.uint8]:
    """What stands in for the photo (H, W, 3): the colours of the depth picture."""
    colours = np.zeros((*result.depth_m.shape, 3), np.uint8)
    scale = depth_scale(result.depth_m)
    if scale is not None and any(each.has_colours for each in formats):
        known = np.isfinite(result.depth_m)
        colours[known] = scale.colours(scale.fraction(result.depth_m[known]))
    return colours
