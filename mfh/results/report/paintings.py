"""The photo and its painted photos: who was measured in them, and what each says of the scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfh.camera import resize_intrinsics
from mfh.html.markup import Html, element, joined
from mfh.html.pictures import data_uri, picture_size
from mfh.records import POINT_KINDS, Landmarks, PaintedPhotos
from mfh.results.report.overlays import with_bodies
from mfh.results.report.subject import Subject
from mfh.results.report.votes import Vote
from mfh.results.tiles import PEOPLE, SET_ASIDE, tile
from mfh.taking_part import owners_of
from mfh.verdicts import DISAGREES

_AREA_PX = 340 * 255.0
_PHOTO_AREA_PX = 640 * 480.0
_MOST_SHOWN = 64
_MOST_LISTED = 12
_QUALITY = 72
_ALIKE = 0.005


def own_section(subject: Subject, votes: Sequence[Vote]) -> Html:
    """The photo itself, where something was measured in it; else nothing."""
    if subject.images is None or not owners_of(subject.landmarks[0]).size:
        return Html("")
    card = _card(subject, subject.images, 0, votes, _PHOTO_AREA_PX)
    return element("div", card, class_="own")


def painted_section(subject: Subject, votes: Sequence[Vote]) -> Html:
    """The painted photos, at most 64 of them, evenly spaced; nothing where there are none."""
    images = subject.images
    if images is None or len(images) < 2:
        return Html("")
    painted = len(images) - 1
    count = min(painted, _MOST_SHOWN)
    shown = [1 + number * painted // count for number in range(count)]
    some = "" if count == painted else f" {count} of {painted} are shown, evenly spaced."
    legend = (
        "White lines: what was repainted. Bodies: who was measured, as they were measured. In red "
        f"is whoever {DISAGREES} and was set aside.{some}"
    )
    cards = [element("li", _card(subject, images, image, votes, _AREA_PX)) for image in shown]
    return joined(
        (
            element("p", legend, class_="muted"),
            element("ul", *cards, class_="cards wide" if subject.is_wide else "cards"),
        )
    )


def _card(
    subject: Subject, images: PaintedPhotos, image: int, votes: Sequence[Vote], area_px: float
) -> Html:
    """One image with its bodies, whether it was kept, and its votes."""
    landmarks, verdict = subject.landmarks[image], subject.verdicts[image]
    own = {vote.number: vote for vote in votes if vote.image == image}
    listed = owners_of(landmarks)
    lines = [_line(subject, image, int(owner), own.get(int(owner))) for owner in listed]
    more = len(lines) - _MOST_LISTED
    if more > 0:
        lines = [*lines[:_MOST_LISTED], element("li", f"and {more} more")]
    name = " · ".join(filter(None, (images.names[image], images.prompts[image])))
    told = _verdict(verdict, is_photo=image == 0)
    size = picture_size(landmarks.depth_m.shape, area_px)
    picture = element(
        "img",
        src=_picture(subject, images, image, size),
        alt=f"{name}: {_alt(landmarks)}",
        width=size[0],
        height=size[1],
    )
    return element(
        "figure",
        picture,
        element(
            "figcaption",
            *([element("strong", name)] if image else []),
            element("span", told, class_="dropped" if verdict else "kept"),
            *([element("ul", *lines)] if lines else []),
        ),
        class_="card",
    )


def _picture(subject: Subject, images: PaintedPhotos, image: int, size: tuple[int, int]) -> str:
    landmarks, aside = subject.landmarks[image], subject.aside(image)
    camera = resize_intrinsics(subject.photo.camera, *landmarks.depth_m.shape)
    drawn = with_bodies(images.images[image], landmarks, camera, aside)
    marked = tile(drawn, images.repainted[image], landmarks, size, set_aside=aside, camera=camera)
    return data_uri(marked, _QUALITY)


def _alt(landmarks: Landmarks) -> str:
    points = sum(kind in POINT_KINDS for kind in landmarks.kind)
    answers = sum(kind == "asked point" for kind in landmarks.kind)
    people = len(owners_of(landmarks)) - points
    words = []
    if people:
        words.append("one person measured" if people == 1 else f"{people} people measured")
    for count, one, many in (
        (points - answers, "one known distance", "known distances"),
        (answers, "one answer of a model", "answers of a model"),
    ):
        if count:
            words.append(one if count == 1 else f"{count} {many}")
    return ", ".join(words) or "nobody measured"


def _verdict(verdict: str, *, is_photo: bool) -> str:
    kept, dropped = ("used", "not used") if is_photo else ("kept", "dropped")
    return f"✕ {dropped}: {verdict}" if verdict else f"✓ {kept}"


def _line(subject: Subject, image: int, owner: int, vote: Vote | None) -> Html:
    """What one landmark says, beside its colour in the picture."""
    landmarks = subject.landmarks[image]
    aside = bool(subject.aside(image)[owner])
    point = landmarks.kind[owner] in POINT_KINDS
    if vote is None:
        mask = landmarks.owner == owner
        words = f"{float(np.median(landmarks.depth_m[mask])):.1f} m"
    else:
        words = f"{vote.measured_m:.1f} m{' deep' if point else ''}, {_against_fit(vote)}"
    words += "; set aside" if aside else ""
    red, green, blue = SET_ASIDE if aside else PEOPLE[owner % len(PEOPLE)]
    swatch = element(
        "i",
        class_="swatch cross" if point else "swatch",
        style="" if point else f"background:rgb({red},{green},{blue})",
        aria_hidden="true",
    )
    return element("li", swatch, words)


def _against_fit(vote: Vote) -> str:
    ratio = vote.ratio
    if not ratio > 0:
        return "where the fit gives no depth"
    if abs(ratio - 1) < _ALIKE:
        return "as the fit says"
    percent = 100 * abs(ratio - 1)
    return f"{percent:.0f} % {'farther' if ratio > 1 else 'nearer'} than the fit"
