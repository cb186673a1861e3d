"""Made-up results to write and draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import ImageDraw

from mfh.records import (
    Counts,
    Intrinsics,
    Landmarks,
    MetricDepth,
    MetricHead,
    PaintedPhotos,
)

SIMULATED = {"painter": "simulated: rendered bodies", "people": "hmr2"}


def metric_depth(depth_m: ArrayLike, **changes: Any) -> MetricDepth:
    depth_m = np.asarray(depth_m, np.float32)
    height, width = depth_m.shape
    fields: dict[str, Any] = {
        "depth_m": depth_m,
        "camera": Intrinsics(
            500.5, 501.25, width / 2 + 3, height / 2 - 2, height, width, "exif", "35 mm film: 28 mm"
        ),
        "head": MetricHead(
            scale=0.4,
            offset=0.01,
            space="disparity",
            method="silog",
            loss=0.123,
            relative_error=0.04,
            used=np.array([True, False, True]),
            status="converged",
        ),
        "relative_error": 0.09,
        "counts": Counts(8, 6, 5, 7, {"nobody found": 2, "alignment scale not positive": 1}),
        "parts": {"painter": "sd2", "people": "hmr2"},
        "warnings": ("The camera was assumed.",),
    }
    return MetricDepth(**{**fields, **changes})


def robust_depth(depth_m: ArrayLike, **changes: Any) -> MetricDepth:
    """A result whose error is known: of the depth scale 6 %, of the offset 0.02 1/m."""
    depth_m = np.asarray(depth_m, np.float32)
    head = MetricHead(
        scale=0.4,
        offset=0.01,
        space="disparity",
        method="robust",
        loss=1.5,
        relative_error=0.09,
        used=np.array([True, False, True, True]),
        status="converged",
        covariance=np.array([[(0.06 * 0.4) ** 2, 0], [0, 0.02**2]]),
        disparity_error=0.05,
        shared_error=0.07,
    )
    with np.errstate(divide="ignore"):
        disparity = (1 / depth_m - head.offset) / head.scale
    error = head.relative_error_of(np.where(depth_m == np.inf, -1, disparity))
    fields = {
        "head": head,
        "relative_error": head.relative_error,
        "relative_error_map": np.where(np.isnan(depth_m), np.nan, error).astype(np.float32),
        "counts": Counts(8, 6, 5, 3, {"nobody found": 2}, set_aside=1),
        "parts": {"painter": "sd2", "people": "hmr2"},
    }
    return metric_depth(depth_m, **{**fields, **changes})


def painted_photos(
    count: int, height: int = 48, width: int = 64
) -> tuple[PaintedPhotos, list[Landmarks]]:
    """Grey photos with a strip of 20 px; photo n has people 2 + n m away and twice as far."""
    repainted = np.zeros((count, height, width), np.bool_)
    repainted[:, :, 20:40] = True
    painted = PaintedPhotos(
        repainted=repainted,
        prompts=("a man",) * count,
        seeds=tuple(range(count)),
        images=np.full((count, height, width, 3), 128, np.uint8),
    )
    landmarks = []
    for index in range(count):
        owner = np.full((height, width), -1, np.int16)
        owner[10:40, 22:28] = 0
        owner[20:40, 32:36] = 1
        depth_m = np.where(owner == 0, 2.0 + index, 2 * (2.0 + index))
        depth_m[owner < 0] = np.nan
        landmarks.append(Landmarks(depth_m.astype(np.float32), owner, np.ones(2, np.float32)))
    return painted, landmarks


def known_distances(
    points: Mapping[tuple[int, int], float], height: int = 48, width: int = 64
) -> Landmarks:
    """The landmarks of a photo without people: depths in metres at the pixels (x, y)."""
    owner = np.full((height, width), -1, np.int16)
    depth_m = np.full((height, width), np.nan, np.float32)
    for number, ((x, y), metres) in enumerate(points.items()):
        owner[y, x], depth_m[y, x] = number, metres
    weight = np.ones(len(points), np.float32)
    return Landmarks(depth_m, owner, weight, ("measured point",) * len(points))


def recorded_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that fills with what is written into pictures from here on."""
    written: list[str] = []
    draw_text = ImageDraw.ImageDraw.text

    def text(self: ImageDraw.ImageDraw, xy: Any, words: str, *rest: Any, **named: Any) -> None:
        written.append(words)
        draw_text(self, xy, words, *rest, **named)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return written
