"""The pictures of the photos that the page shows, one photo after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import DataSet, Sample
from mfh.errors import InputError, MfhError
from mfh.evaluation.page.photos.ratio_scale import RatioScale
from mfh.evaluation.runs.run_file import RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.score import at_size, scored_pixels
from mfh.html.pictures import map_picture, photo_picture, picture_size
from mfh.results.colour_scale import ColourScale, depth_scale
from mfh.results.percentiles import finite_percentiles

Key = tuple[str, int]
"""A row and a seed."""

_AT_ONCE = 2
# A picture of 420 x 315 px; smaller ones where there are many, so that a page has few megabytes.
_AREA_PX = 132_000.0
_LEAST_AREA_PX = 24_000.0
_ALL_PX = 26_000_000.0


@dataclass(frozen=True)
class PredictionPictures:
    """Data URIs of a prediction and of its error, and what they show in words."""

    predicted: str
    error: str
    predicted_words: str
    error_words: str


@dataclass(frozen=True)
class PhotoPictures:
    """The pictures of one photo, all of one size (width, height) in px.

    scale: of depth, the truth's and the predictions' alike.
    """

    photo: str
    truth: str
    truth_words: str
    size: tuple[int, int]
    scale: ColourScale
    predictions: Mapping[Key, PredictionPictures]


def draw(
    results: Results,
    wanted: Mapping[str, Sequence[Key]],
    ratio_scale: RatioScale,
) -> tuple[dict[str, PhotoPictures], list[str]]:
    """Draw photos with some of their predictions; also says, in words, what could not be read."""
    pictures = sum(2 + 2 * len(keys) for keys in wanted.values())
    area_px = min(_AREA_PX, max(_LEAST_AREA_PX, _ALL_PX / max(1, pictures)))
    drawn, unreadable = {}, []

    def work(name: str) -> PhotoPictures | str:
        try:
            return _draw(
                results.run,
                results.data_set,
                results.samples[name],
                wanted[name],
                ratio_scale,
                area_px,
            )
        except MfhError as error:
            return str(error)

    names = [name for name in wanted if name in results.samples]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for name, result in zip(names, threads.map(work, names), strict=True):
            if isinstance(result, str):
                unreadable.append(result)
            else:
                drawn[name] = result
    return drawn, unreadable


def _draw(
    run: RunInfo,
    data_set: DataSet,
    sample: Sample,
    keys: Sequence[Key],
    ratio_scale: RatioScale,
    area_px: float,
) -> PhotoPictures:
    true_m = data_set.truth(sample)
    known = data_set.protocol.valid(true_m)
    scale = depth_scale(np.where(known, true_m, np.float32(np.nan)))
    if scale is None:
        raise InputError(f"{sample.truth}: no pixel of the truth counts")
    size = picture_size(true_m.shape, area_px)

    colours = partial(_depth_colours, scale)
    predictions = {}
    for key in keys:
        prediction = run.predictions(*key).read(sample.name)
        depth_m = at_size(prediction, true_m.shape)
        counted = scored_pixels(prediction, depth_m, true_m, data_set.protocol)
        shown_m = np.where(depth_m > 0, depth_m, np.float32(np.nan))
        log_ratio = np.full(true_m.shape, np.nan, np.float32)
        log_ratio[counted] = np.log(data_set.protocol.scored(depth_m[counted]) / true_m[counted])
        predictions[key] = PredictionPictures(
            predicted=map_picture(shown_m, size, colours),
            error=map_picture(log_ratio, size, ratio_scale.colours),
            predicted_words=_depth_words(shown_m),
            error_words=_ratio_words(log_ratio[counted]),
        )
        beyond = (shown_m > scale.high) & (shown_m < np.inf)
        scale = replace(
            scale,
            low_clipped=scale.low_clipped or bool((shown_m < scale.low).any()),
            high_clipped=scale.high_clipped or bool(beyond.any()),
        )
    return PhotoPictures(
        photo=photo_picture(data_set.photo(sample).image, size),
        truth=map_picture(true_m, size, colours),
        truth_words=_depth_words(true_m[known]),
        size=size,
        scale=scale,
        predictions=predictions,
    )


def _depth_colours(scale: ColourScale, depth_m: NDArray[np.floating]) -> NDArray[np.uint8]:
    return scale.colours(scale.fraction(depth_m))


def _depth_words(depth_m: NDArray[np.floating]) -> str:
    low, median, high = finite_percentiles(np.atleast_2d(depth_m), (1, 50, 99))
    if math.isnan(median):
        return "no finite depth"
    return f"{low:.1f} to {high:.1f} m, median {median:.1f} m"


def _ratio_words(log_ratio: NDArray[np.floating]) -> str:
    low, median, high = np.exp(np.percentile(log_ratio, (25, 50, 75)))
    return f"median {median:.2f}, middle half {low:.2f} to {high:.2f}"
