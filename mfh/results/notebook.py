"""A result as a notebook shows it: a small picture, and what it says in words."""

from __future__ import annotations

from PIL import Image

from mfh.html.markup import element
from mfh.html.pictures import data_uri
from mfh.records import MetricDepth
from mfh.results.picture import depth_picture
from mfh.results.summary import summary_lines

_LONG_SIDE_PX = 480
_HEADER = "text-align: left; vertical-align: top; padding-right: 1em"


def notebook_html(result: MetricDepth) -> str:
    """Give a piece of HTML that needs nothing besides itself; all text in it is escaped.

    Where Matplotlib, which has the colours and the font, is not installed, it has no picture.
    """
    camera, lines = result.camera, summary_lines(result)
    parts = [element("p", element("strong", f"Metric depth, {camera.width} x {camera.height} px"))]
    try:
        picture = _small_picture(result)
    except ImportError:
        parts.append(element("p", "No picture without Matplotlib: pip install matplotlib"))
    else:
        parts.append(
            element(
                "img",
                src=data_uri(picture),
                alt=f"Depth in colours: {dict(lines)['Depth']}",
                width=picture.width,
                height=picture.height,
                style="max-width: 100%; height: auto",
            )
        )
    rows = [
        element(
            "tr",
            element("th", label, scope="row", style=_HEADER),
            element("td", words, style="text-align: left"),
        )
        for label, words in lines
    ]
    parts.append(element("table", element("tbody", *rows)))
    if result.warnings:
        warnings = [element("li", warning) for warning in result.warnings]
        parts += [element("p", element("strong", "Warnings")), element("ul", *warnings)]
    return str(element("div", *parts, class_="mfh-metric-depth", style="max-width: 45em"))


def _small_picture(result: MetricDepth) -> Image.Image:
    height, width = result.depth_m.shape
    ratio = min(1.0, _LONG_SIDE_PX / max(height, width))
    small = result.resize(max(1, round(height * ratio)), max(1, round(width * ratio)))
    return depth_picture(small.depth_m)
