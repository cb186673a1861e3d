"""Pictures of a result as PNG files that say in their text what they show."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mfh.files import atomic_path
from mfh.records import MetricDepth
from mfh.results.captions import caption
from mfh.results.picture import depth_picture, error_picture


def write_depth_picture(path: Path, result: MetricDepth, title: str = "") -> Path:
    """Write `depth_picture` of a result, with what it rests on; return the path.

    title: its bold line, e.g. the photo's name. Raises `OutputError`.
    """
    what = "Depth in metres"
    note = caption(result, what, briefly=True)
    picture = depth_picture(result.depth_m, title=title, note=note)
    return save_picture(path, picture, caption(result, what))


def write_error_picture(path: Path, result: MetricDepth, title: str = "") -> Path | None:
    """Write `error_picture` of a result likewise; None where no error of each pixel is known."""
    if result.relative_error_map is None:
        return None
    what = "Error of the depth in per cent"
    note = caption(result, what, briefly=True)
    picture = error_picture(result.relative_error_map, title=title, note=note)
    return save_picture(path, picture, caption(result, what))


def save_picture(path: Path, picture: Image.Image, description: str = "") -> Path:
    """Save a picture with a text that travels with it, its "Description". Raises `OutputError`."""
    text = PngInfo()
    if description:
        text.add_text("Description", description)
    with atomic_path(path) as temporary:
        picture.save(temporary, pnginfo=text)
    return path
