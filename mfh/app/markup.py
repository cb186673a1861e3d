"""What the page says, as HTML; every text from outside is escaped here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from mfh.app.methods import DOWNLOAD
from mfh.app.typed import Point
from mfh.app.watching import StageState
from mfh.camera import assumption_warning
from mfh.errors import MfhError
from mfh.known_distances import KnownDistance
from mfh.records import Intrinsics, MetricDepth
from mfh.results import summary_lines
from mfh.results.colour_scale import ColourScale
from mfh.results.uncertainty import percent_in_words

_STAGES = {
    DOWNLOAD: "Downloading models",
    "painted": "Painting people",
    "people": "Measuring people",
    "landmarks": "Placing landmarks",
    "disparity": "Estimating disparity",
    "aligned": "Aligning",
    "head": "Fitting the metric head",
    "depth": "Depth at full size",
    "results": "Writing results",
}
_SOURCES = {
    "given": "given",
    "exif": "read from the photo's EXIF data",
    "field of view": "from the field of view, as set",
    "assumed": "assumed",
}
_SCALE_STOPS = 17


def notice(text: str) -> str:
    """What must not be overlooked."""
    return f'<p class="mfh-notice" role="note">{escape(text)}</p>'


def said(text: str) -> str:
    """A sentence on how things are."""
    return f'<p class="mfh-said">{escape(text)}</p>' if text else ""


def refused(error: MfhError | str, *hidden: str) -> str:
    """What went wrong, in the words of the error, line by line.

    hidden: texts to leave out, such as the folder an upload lies in.
    """
    text = str(error)
    for each in hidden:
        text = text.replace(each, "")
    lines = "<br>".join(escape(line) for line in text.splitlines())
    return f'<p class="mfh-error" role="alert">{lines}</p>'


def camera(intrinsics: Intrinsics) -> str:
    """Where the intrinsics come from, and what they are."""
    f_px = (
        f"{intrinsics.fx:.1f} px"
        if math.isclose(intrinsics.fx, intrinsics.fy, rel_tol=1e-3)
        else f"{intrinsics.fx:.1f} x {intrinsics.fy:.1f} px"
    )
    source = _SOURCES[intrinsics.source]
    note = f" ({intrinsics.note})" if intrinsics.note else ""
    rows = [
        ("Photo", f"{intrinsics.width} x {intrinsics.height} px"),
        ("Focal length", f_px),
        ("Field of view", f"{intrinsics.horizontal_fov_deg:.1f}° wide"),
        ("Known from", f"{source}{note}"),
    ]
    warning = ""
    if intrinsics.source == "assumed":
        warning = notice(
            "The photo does not tell its focal length, and every depth is proportional to it. "
            "Set it below if you know it."
        )
    return _list(rows) + warning


def distances(known: Sequence[KnownDistance]) -> str:
    """The known distances so far."""
    if not known:
        return said("None yet: people are the ruler.")
    items = "".join(
        f"<li>({each.x_px:g}, {each.y_px:g}): {each.distance_m:g} m</li>" for each in known
    )
    return f"<ol>{items}</ol>"


def progress(stages: Sequence[StageState]) -> str:
    """A bar for each stage."""
    rows = []
    for each in stages:
        title = escape(_STAGES.get(each.name, each.name))
        done = each.total if each.finished else min(each.done, each.total)
        value = f' value="{done}" max="{each.total}"' if each.total else ""
        count = f"{done} of {each.total}" if each.total > 1 else ""
        if each.finished and not each.total:
            value = ' value="1" max="1"'
        note = escape(" · ".join(filter(None, (count, each.note))))
        rows.append(
            f"<li><span>{title}</span><progress{value} aria-label='{title}'></progress>"
            f"<small>{note}</small></li>"
        )
    return f'<ul class="mfh-progress">{"".join(rows)}</ul>'


def result(depth: MetricDepth, notes: Sequence[str]) -> str:
    """What a result says of itself; notes: what to say besides its own warnings."""
    lines = [(name, value) for name, value in summary_lines(depth)]
    assumed = assumption_warning(depth.camera)
    warnings = [each for each in (*notes, *depth.warnings) if each != assumed]
    said_of_camera = (
        [notice("The focal length is assumed, and every depth is proportional to it.")]
        if assumed
        else []
    )
    return _list(lines) + "".join([*said_of_camera, *map(notice, warnings)])


def scale_bar(scale: ColourScale | None) -> str:
    """The colours of the depth map, in metres."""
    if scale is None:
        return ""
    stops = scale.colours(np.linspace(0, 1, _SCALE_STOPS))
    gradient = ",".join("#{:02x}{:02x}{:02x}".format(*stop) for stop in stops)
    ticks = "".join(
        f'<span style="left:{100 * fraction:.2f}%">{escape(label)}</span>'
        for fraction, label in scale.ticks(min_gap=0.22)
    )
    return (
        f'<div class="mfh-scale" style="--colours:linear-gradient(to right,{gradient})" '
        f'role="img" aria-label="Colours of depth, from {escape(scale.ticks(1.0)[0][1])} to '
        f'{escape(scale.ticks(1.0)[-1][1])}">{ticks}</div>'
    )


def measurement(depth: MetricDepth, points: Sequence[Point]) -> str:
    """The distance between two points, or the depth of one; an invitation without any.

    Raises `InputError` for a point whose depth is unknown, or infinite and to be measured from.
    """
    if not points:
        return said("Click a point, then another: the distance between them is measured in 3D.")
    named = [
        f"{name} ({x:g}, {y:g}): {_metres(float(depth.at(x, y)))} deep"
        for name, (x, y) in zip("AB", points, strict=False)
    ]
    details = "<br>".join(map(escape, named))
    if len(points) < 2:
        details += "<br>Now click the other point."
        return f'<p class="mfh-measure" role="status">{details}</p>'
    distance_m = float(depth.distance(points[0], points[1]))
    error = f" {percent_in_words(depth.relative_error)}" if depth.knows_error else ""
    read = escape(f"A to B: {_metres(distance_m)}{error}")
    return f'<p class="mfh-measure" role="status"><strong>{read}</strong><br>{details}</p>'


def _metres(value: float) -> str:
    return f"{value:.3f} m" if math.isfinite(value) else "farther than can be told"


def _list(rows: Sequence[tuple[str, str]]) -> str:
    entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f'<dl class="mfh-facts">{entries}</dl>'
