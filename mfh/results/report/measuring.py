"""The photo and its depth, one over the other, to read depth from and to measure in."""

from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mfh.html.markup import Html, element
from mfh.html.pictures import map_picture, photo_picture, picture_size
from mfh.html.scale_bar import scale_bar
from mfh.records import Intrinsics, MetricHead
from mfh.results.colour_scale import ColourScale, depth_scale
from mfh.results.percentiles import finite_percentiles
from mfh.results.report.packing import PackedDepth, pack_depth
from mfh.results.report.subject import Subject

_NOTHING = "\u2013"
_AREA_PX = 1_300_000.0
_TICK_GAP = 0.13
_KEYS = (
    "Point at the photo to read its depth, and click two points to measure between them. With the "
    "keyboard: arrow keys move the cursor (with Shift in larger steps), Enter sets a point, Escape "
    "clears both."
)


def measuring_section(subject: Subject) -> Html:
    """The two pictures with what is read from them, and the depth itself as data."""
    photo, result = subject.photo, subject.result
    size = picture_size(result.depth_m.shape, _AREA_PX)
    scale = depth_scale(result.depth_m)
    packed = pack_depth(result.depth_m)
    stage = element(
        "div",
        _image(photo_picture(photo.image, size), "The photo", size, "photo-side"),
        _image(
            _depth_picture(result.depth_m, scale, size), _words(result.depth_m), size, "depth-side"
        ),
        Html('<svg class="line" aria-hidden="true"><line></line></svg>'),
        element("span", class_="divider", aria_hidden="true"),
        element("span", "Photo", class_="side left", aria_hidden="true"),
        element("span", "Depth", class_="side right", aria_hidden="true"),
        element("span", class_="cursor", hidden=True, aria_hidden="true"),
        *(
            element("span", name, class_="point", hidden=True, aria_hidden="true")
            for name in ("A", "B")
        ),
        element("span", class_="length", hidden=True, aria_hidden="true"),
        id="stage",
        class_="stage",
        tabindex=0,
        role="application",
        aria_label="Photo and depth map, to measure in",
        aria_describedby="keys",
    )
    slider = element(
        "input",
        id="divider",
        type="range",
        min="0",
        max="100",
        value="50",
        aria_label="How much of the photo is shown; the rest is the depth map",
    )
    bar = (
        []
        if scale is None
        else [
            element(
                "div",
                scale_bar("depth", scale.ticks(_TICK_GAP), "Colours of depth"),
                element("span", class_="here", hidden=True, aria_hidden="true"),
                class_="scale",
            )
        ]
    )
    left = element("div", stage, element("div", slider, class_="slider"), *bar, class_="pictures")
    return element(
        "div",
        element(
            "div",
            left,
            _readings(packed, subject),
            class_="viewer wide" if subject.is_wide else "viewer",
        ),
        element(
            "script",
            _data(packed, result.camera, result.head, scale),
            type="application/json",
            id="data",
        ),
    )


def _image(source: str, words: str, size: tuple[int, int], kind: str) -> Html:
    return element("img", src=source, alt=words, width=size[0], height=size[1], class_=kind)


def _depth_picture(
    depth_m: NDArray[np.float32], scale: ColourScale | None, size: tuple[int, int]
) -> str:
    shown = scale or ColourScale(1.0, 2.0)  # of colours that nothing has
    return map_picture(
        depth_m,
        size,
        partial(_colours, shown),
    )


def _colours(scale: ColourScale, depth_m: NDArray[np.floating]) -> NDArray[np.uint8]:
    return scale.colours(scale.fraction(depth_m))


def _words(depth_m: NDArray[np.float32]) -> str:
    near, median, far = finite_percentiles(depth_m, (5, 50, 95))
    if math.isnan(median):
        return "Depth map: no finite depth"
    return f"Depth map: {near:.1f} m to {far:.1f} m, median {median:.1f} m"


def _readings(packed: PackedDepth, subject: Subject) -> Html:
    """What is read from the pictures, and how to."""
    rows = [
        element("div", element("dt", title), element("dd", _NOTHING, id=key), class_=kind)
        for key, title, kind in (
            ("at-cursor", "Pointer", ""),
            ("at-a", "Point A", ""),
            ("at-b", "Point B", ""),
            ("between", "From A to B", "result"),
        )
    ]
    return element(
        "div",
        element("dl", *rows),
        element("button", "Clear points", id="clear", type="button", disabled=True),
        element("p", _KEYS, id="keys", class_="muted"),
        *(element("p", words, class_="muted") for words in _limits(packed, subject)),
        element("noscript", element("p", "Measuring needs JavaScript.")),
        element("p", id="told", role="status", class_="hidden"),
        class_="readings",
    )


def _limits(packed: PackedDepth, subject: Subject) -> list[str]:
    words = []
    if subject.result.head is not None and subject.result.knows_error:
        words.append("± is one sigma, of the scale and of single points together.")
    if packed.step > 1:
        camera = subject.photo.camera
        words.append(
            f"To keep this page small it holds the depth of every {_ordinal(packed.step)} pixel of "
            f"the photo's {camera.width} x {camera.height}; the files beside it hold all."
        )
    return words


def _ordinal(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def _data(
    packed: PackedDepth, camera: Intrinsics, head: MetricHead | None, scale: ColourScale | None
) -> Html:
    """What the script measures by, as JSON."""
    fit = None
    if head is not None and head.knows_error and head.scale:
        fit = {
            "space": head.space,
            "scale": head.scale,
            "offset": head.offset,
            "covariance": head.covariance.tolist(),
            "pointError": head.disparity_error,
        }
    data = {
        "width": packed.width,
        "height": packed.height,
        "step": packed.step,
        "dropped": packed.dropped_bits,
        "photo": [camera.width, camera.height],
        "focal": [camera.fx, camera.fy],
        "centre": [camera.cx, camera.cy],
        "fit": fit,
        "scale": None if scale is None else [scale.low, scale.high, scale.logarithmic],
        "depth": packed.text,
    }
    return Html(json.dumps(data).replace("<", "\\u003c"))
