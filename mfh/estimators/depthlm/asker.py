"""Asking one model about one photo: the view it sees, a few questions at a time.

Importing this loads no model library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from mfh.camera import crop_intrinsics
from mfh.errors import InputError
from mfh.estimators.depthlm.answers import Answer, parse_answer
from mfh.estimators.depthlm.canonical import CanonicalView, canonical_view
from mfh.estimators.depthlm.questions import Point, Question
from mfh.estimators.depthlm.vlm import STAGE, Answerer
from mfh.progress import Progress, Within
from mfh.records import Photo

ItemT = TypeVar("ItemT")

# Marked views that are in memory at once: ten of the largest, hundreds of most.
_BYTES_AT_ONCE = 400_000_000


class Asker:
    """Asks one answerer about one photo."""

    def __init__(self, photo: Photo, answerer: Answerer) -> None:
        self._photo = photo
        self._answerer = answerer
        # One window after the other: all of them at once may be as many as there are points.
        self._latest: tuple[tuple[int, int], CanonicalView] | None = None

    def view(self, points: Sequence[Point]) -> tuple[CanonicalView, list[Point]]:
        """A view that the answerer takes and that holds the points, and those in the px it takes.

        Where it takes no view of the whole photo, that is of a window: the most central one in
        which the points are a quarter of its sides from its borders, or as far as they can be.

        Raises `InputError` where no window holds the points.
        """
        (height, width), (most_height, most_width) = self._photo.shape, self._largest()
        top = _start(height, most_height, [y for _, y in points])
        left = _start(width, most_width, [x for x, _ in points])
        if top is None or left is None:
            raise InputError(
                f"{self._photo.name}: the points lie too far from each other: of the photo, "
                f"{self._answerer.name} takes {most_width} x {most_height} px at once; choose "
                "points closer together"
            )
        if self._latest is None or self._latest[0] != (top, left):
            window = self._photo
            if (most_height, most_width) != (height, width):
                window = _crop(self._photo, top, left, most_height, most_width)
            self._latest = (top, left), canonical_view(window, self._answerer.focal_px)
        return self._latest[1], [(x - left, y - top) for x, y in points]

    def answers(
        self,
        items: Sequence[ItemT],
        question: Callable[[ItemT], Question],
        progress: Progress | None,
    ) -> list[Answer]:
        """The answer about each item, a few questions at a time."""
        progress = progress or Progress()
        within = Within(progress)
        progress.start(STAGE, len(items))
        answers: list[Answer] = []
        waiting: list[Question] = []
        waiting_bytes = 0
        for item in items:
            waiting.append(question(item))
            waiting_bytes += sum(image.nbytes for image in waiting[-1].images)
            if waiting_bytes >= _BYTES_AT_ONCE:
                answers += self._said(waiting, within)
                waiting, waiting_bytes = [], 0
        if waiting:
            answers += self._said(waiting, within)
        said = sum(each.value is not None for each in answers)
        progress.finish(STAGE, f"{said} of {len(answers)} answered")
        return answers

    def _said(self, questions: Sequence[Question], progress: Progress) -> list[Answer]:
        texts = self._answerer.answer(questions, progress)
        return [parse_answer(text, each.unit) for text, each in zip(texts, questions, strict=True)]

    def _largest(self) -> tuple[int, int]:
        """The largest part of the photo (H, W), in its px, whose view the answerer takes."""
        height, width = self._photo.shape
        longest_px: int = getattr(self._answerer, "longest_px", 0)
        if longest_px <= 0:
            return height, width
        camera, focal_px = self._photo.camera, self._answerer.focal_px
        return (
            min(height, max(1, math.floor(longest_px * camera.fy / focal_px))),
            min(width, max(1, math.floor(longest_px * camera.fx / focal_px))),
        )


def _start(length: int, most: int, places: Sequence[float]) -> int | None:
    """Where the most central window of `most` px with room around all places begins.

    The room is for the arrow, and for what is around it: a quarter of the window, or what the
    places leave. Only the photo's own border may be nearer. None where no window holds them all.
    """
    centred = (length - most) // 2
    if not places:
        return centred
    first, last = math.floor(min(places)), math.floor(max(places))
    spare = most - (last - first + 1)
    if spare < 0:
        return None
    room = min(most // 4, spare // 2)
    start = min(max(centred, last + 1 + room - most), first - room)
    return min(max(start, 0), length - most)


def _crop(photo: Photo, top: int, left: int, height: int, width: int) -> Photo:
    return Photo(
        photo.image[top : top + height, left : left + width],
        crop_intrinsics(photo.camera, top, left, height, width),
        photo.name,
    )
