"""How a result came about: the camera, the parts and their time, the settings, the files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mfh.html.document import facts
from mfh.html.markup import Html, element, joined
from mfh.records import Intrinsics, IntrinsicsSource
from mfh.results.formats import FORMATS
from mfh.results.report.subject import Subject
from mfh.settings import default_settings

_SOURCES: Mapping[IntrinsicsSource, str] = {
    "given": "given with the photo",
    "exif": "the photo's EXIF data",
    "field of view": "a field of view that was given",
    "assumed": "assumed, for nothing is known of it",
}
_STAGES: Mapping[str, tuple[str, str]] = {
    "painted": ("Painting people", "painter"),
    "people": ("Measuring people", "people"),
    "landmarks": ("Placing landmarks", "renderer"),
    "disparity": ("Estimating disparity", "disparity"),
    "questions": ("Asking for distances", "answerer"),
    "aligned": ("Aligning", ""),
    "head": ("Fitting the metric head", "head"),
    "depth": ("Depth at full size", ""),
    "estimated": ("Estimating depth", "estimator"),
}
_FILES: Mapping[str, str] = {
    **{each.key: each.what for each in FORMATS.values()},
    "error_picture": "error of the depth in colours",
    "contact_sheet": "the photo and its painted photos with what was measured in them",
    "summary": "this page's numbers, for programs",
}


def camera_section(camera: Intrinsics, *, by_people: bool) -> Html:
    """The camera and where it is known from.

    by_people: whether the scale rests on people.
    """
    focal = f"{camera.fx:.1f} px"
    if not math.isclose(camera.fx, camera.fy, rel_tol=1e-3):
        focal = f"{camera.fx:.1f} px across, {camera.fy:.1f} px down"
    known_from = _SOURCES[camera.source] + (f": {camera.note}" if camera.note else "")
    told = [
        ("Known from", known_from),
        ("Focal length", focal),
        (
            "Field of view",
            f"{camera.horizontal_fov_deg:.1f}° wide, {camera.vertical_fov_deg:.1f}° high",
        ),
        ("Principal point", f"x {camera.cx:.1f}, y {camera.cy:.1f} px"),
        ("Photo", f"{camera.width} x {camera.height} px"),
    ]
    parts = [facts(told)]
    if by_people:
        words = (
            "People of known size tell how far away they are by the focal length: if the camera's "
            "is 10 % longer than given here, everything is 10 % farther."
        )
        parts.append(element("p", words, class_="muted"))
    return joined(parts)


def making_section(subject: Subject) -> Html:
    """Which part did what, and how long each stage took."""
    result, seconds = subject.result, subject.timings or {}
    parts = dict(result.parts)
    rows = []
    longest = max(seconds.values(), default=0.0)
    for stage, (title, part) in _STAGES.items():
        if stage in seconds or part in parts:
            rows.append((title, parts.pop(part, ""), seconds.get(stage)))
    rows += [(stage, "", taken) for stage, taken in seconds.items() if stage not in _STAGES]
    told = []
    if result.head is None:
        # What an estimator tells of itself is no stage.
        told += [(name.capitalize(), text.removeprefix(f"{name} ")) for name, text in parts.items()]
    else:
        rows += [(name, part, None) for name, part in parts.items()]
    if result.device:
        told.append(("Computed on", result.device))
    if seconds:
        told.append(("Altogether", f"{sum(seconds.values()):.1f} s"))
    body = [
        element(
            "tr",
            element("th", title, scope="row"),
            element("td", part, class_="text"),
            element("td", *_seconds(taken, longest)),
        )
        for title, part, taken in rows
    ]
    head = [("Stage", "text"), ("Done by", "text"), ("Time", "")]
    return joined((_table(head, body) if body else "", facts(told) if told else ""))


def settings_section(subject: Subject) -> Html:
    """The settings, those that are not the default first; empty where they are not known."""
    parts = []
    if subject.simulated_errors:
        listed = [(name, _value(value)) for name, value in subject.simulated_errors.items()]
        title = element("summary", element("h3", "Errors the simulated stages made"))
        parts.append(element("details", title, facts(listed, class_="many")))
    if subject.settings is not None:
        defaults = default_settings()
        chosen = dict(_flat(subject.settings.as_dict()))
        changed = {name for name in chosen if chosen[name] != _plain(defaults[name])}
        rows = [
            element(
                "tr",
                element("th", name, scope="row"),
                element("td", _value(chosen[name]), class_="text"),
                element("td", _value(_plain(defaults[name])), class_="text"),
                class_="changed" if name in changed else None,
            )
            for name in sorted(chosen, key=lambda name: name not in changed)
        ]
        count = f"{len(changed)} changed" if changed else "all at their defaults"
        title = element("summary", element("h3", f"All settings ({count})"))
        head = [("Setting", "text"), ("Value", "text"), ("Default", "text")]
        parts.append(element("details", title, _table(head, rows)))
    return joined(parts)


def files_section(subject: Subject) -> Html:
    """Links to the files beside the report; empty where there are none."""
    listed = [
        element(
            "li",
            element("a", path.name, href=path.name),
            f": {_FILES[what]}" if what in _FILES else "",
        )
        for what, path in subject.files.items()
        if what != "report"
    ]
    if not listed:
        return Html("")
    return joined(
        (
            element("p", "In the folder of this page:", class_="muted"),
            element("ul", *listed, class_="files"),
        )
    )


def _seconds(taken: float | None, longest: float) -> list[Html]:
    if taken is None:
        return []
    share = taken / longest if longest > 0 else 0.0
    bar = element("i", class_="time", style=f"width:{5 * share:.2f}rem", aria_hidden="true")
    return [bar, Html(f"{taken:.1f} s")]


def _table(head: Sequence[tuple[str, str]], rows: Sequence[Html]) -> Html:
    cells = [element("th", title, scope="col", class_=kind or None) for title, kind in head]
    table = element("table", element("thead", element("tr", *cells)), element("tbody", *rows))
    return element("div", table, class_="table", tabindex=0, role="group", aria_label=head[0][0])


def _flat(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", _plain(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return "\u2013" if value in (None, "") else str(value)
