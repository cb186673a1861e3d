"""The pictures of a tab's page, as files in the folder of the photo that is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mfh.app.pictures import (
    Mark,
    depth_map_picture,
    photo_picture,
    shown_size,
    write_marked,
)
from mfh.app.sessions import OpenPhoto
from mfh.app.typed import Point
from mfh.prediction import Prediction
from mfh.records import MetricDepth
from mfh.results.colour_scale import depth_scale
from mfh.results.tiles import tile
from mfh.taking_part import set_aside

_TILE_WIDTH_PX = 480


def photo_with_distances(opened: OpenPhoto) -> Path:
    """The photo, with its known distances."""
    marks = [Mark(each.x_px, each.y_px, f"{each.distance_m:g} m") for each in opened.distances]
    picture = photo_picture(opened.photo.image)
    return write_marked(opened.picture_path("photo"), picture, marks, opened.photo.shape)


def result_with_points(
    opened: OpenPhoto, depth: MetricDepth, what: str, points: Sequence[Point]
) -> Path:
    """The depth, or for `what` = "photo" the photo, with the points A and B."""
    if what == "photo":
        picture = photo_picture(opened.photo.image)
    else:
        picture = depth_map_picture(depth.depth_m, depth_scale(depth.depth_m))
    marks = [Mark(x, y, name) for name, (x, y) in zip("AB", points, strict=False)]
    path = opened.picture_path("result")
    return write_marked(path, picture, marks, opened.photo.shape, joined=True)


def tiles(opened: OpenPhoto, prediction: Prediction) -> list[tuple[str, str]]:
    """Each image with the people measured in it, and what became of it: (file, caption)."""
    aside = set_aside(prediction.owners, prediction.landmarks)
    height, width = shown_size(*prediction.working.shape)
    size = (_TILE_WIDTH_PX, max(1, round(_TILE_WIDTH_PX * height / width)))
    entries = []
    for index, name in enumerate(prediction.images.names):
        picture = tile(
            prediction.images.images[index],
            prediction.images.repainted[index],
            prediction.landmarks[index],
            size,
            set_aside=aside[index],
            camera=prediction.working.camera,
        )
        path = opened.picture_path("tile")
        picture.save(path, compress_level=1)
        entries.append((str(path), _caption(index, name, prediction.verdicts[index])))
    return entries


def _caption(index: int, name: str, verdict: str) -> str:
    """What became of an image; the first is the photo itself."""
    used, unused = ("used", "not used") if index == 0 else ("kept", "dropped")
    return f"{name}: {unused}, {verdict}" if verdict else f"{name}: {used}"
