"""Photos with their truth, predictions and errors side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mfh.evaluation.page.numbers import percent, ratio_text
from mfh.evaluation.page.photos.drawing import PhotoPictures, PredictionPictures
from mfh.evaluation.page.photos.ratio_scale import RatioScale
from mfh.evaluation.scoring.scores import PhotoScore
from mfh.evaluation.tables.quantities import QUANTITIES
from mfh.html.markup import Html, element
from mfh.html.scale_bar import scale_bar

_WIDE_ASPECT = 2.0
_TICK_GAP = 0.28  # of a bar some 200 px wide, and of a wide photo's
_WIDE_TICK_GAP = 0.14


def photo_panel(
    score: PhotoScore, pictures: PhotoPictures | None, ratio_scale: RatioScale, *, seed: bool
) -> Html:
    """One prediction: photo, truth, prediction, error, and its numbers.

    pictures: None where they could not be drawn. seed: whether to name it.
    """
    title = f"{score.name} (seed {score.seed})" if seed else score.name
    heading = element("h5", title)
    numbers = element("p", _numbers(score), class_="muted")
    if pictures is None:
        return element("article", heading, numbers, class_="photo")
    key = (score.row, score.seed)
    figures = [
        *_photo_and_truth(score.name, pictures),
        *_prediction(score.name, "", pictures, pictures.predictions[key], ratio_scale),
    ]
    return _article(pictures, heading, numbers, figures)


def comparison_panel(
    of_rows: Mapping[str, PhotoScore],
    labels: Mapping[str, str],
    pictures: PhotoPictures | None,
    ratio_scale: RatioScale,
) -> Html:
    """The predictions of several rows of one photo; labels: by the rows' keys."""
    name = next(iter(of_rows.values())).name
    heading = element("h4", name)
    told = [
        f"{label}: AbsRel {percent(of_rows[row].values['abs_rel'], 1)}"
        for row, label in labels.items()
    ]
    numbers = element("p", " · ".join(told), class_="muted")
    if pictures is None:
        return element("article", heading, numbers, class_="photo")
    pairs = [_photo_and_truth(name, pictures)]
    for row, label in labels.items():
        prediction = pictures.predictions[row, of_rows[row].seed]
        pairs.append(_prediction(name, label, pictures, prediction, ratio_scale))
    columns = [element("div", *pair, class_="pair") for pair in pairs]
    return _article(pictures, heading, numbers, columns)


def _article(
    pictures: PhotoPictures, heading: Html, numbers: Html, figures: Sequence[Html]
) -> Html:
    grid = element("div", *figures, class_="pictures")
    return element(
        "article", heading, numbers, grid, class_="photo wide" if _wide(pictures) else "photo"
    )


def _wide(pictures: PhotoPictures) -> bool:
    width, height = pictures.size
    return width > _WIDE_ASPECT * height


def _numbers(score: PhotoScore) -> str:
    values = score.values
    told = []
    for name in ("abs_rel", "delta1", "rmse"):
        quantity = QUANTITIES[name]
        told.append(f"{quantity.title} {quantity.text(values.get(name, math.nan))} {quantity.unit}")
    told.append(f"scale {ratio_text(values.get('scale_error', math.nan))} of the truth's")
    if "scaled_abs_rel" in values:
        told.append(f"AbsRel at the right scale {percent(values['scaled_abs_rel'], 1)}")
    expected = values.get("relative_error", math.nan)
    if math.isfinite(expected):
        told.append(f"expected ± {percent(expected)}")
    return " · ".join(told)


def _photo_and_truth(name: str, pictures: PhotoPictures) -> list[Html]:
    return [
        _figure(pictures, pictures.photo, f"Photo {name}", "photo"),
        _figure(
            pictures,
            pictures.truth,
            f"True depth of {name}: {pictures.truth_words}",
            "true depth",
            _depth_bar(pictures),
        ),
    ]


def _prediction(
    name: str,
    label: str,
    pictures: PhotoPictures,
    prediction: PredictionPictures,
    ratio_scale: RatioScale,
) -> list[Html]:
    before = f"{label}: " if label else ""
    return [
        _figure(
            pictures,
            prediction.predicted,
            f"{before}Predicted depth of {name}: {prediction.predicted_words}",
            f"{before}predicted",
            _depth_bar(pictures),
        ),
        _figure(
            pictures,
            prediction.error,
            f"{before}Predicted / true depth of {name}: {prediction.error_words}",
            f"{before}predicted / true",
            scale_bar("ratio", ratio_scale.ticks(), "Colours of predicted / true"),
        ),
    ]


def _depth_bar(pictures: PhotoPictures) -> Html:
    gap = _WIDE_TICK_GAP if _wide(pictures) else _TICK_GAP
    return scale_bar("depth", pictures.scale.ticks(gap), "Colours of depth")


def _figure(
    pictures: PhotoPictures, picture: str, description: str, caption: str, *bar: Html
) -> Html:
    width, height = pictures.size
    image = element(
        "img",
        src=picture,
        alt=description,
        width=width,
        height=height,
        loading="lazy",
        decoding="async",
    )
    return element("figure", image, *bar, element("figcaption", caption))
