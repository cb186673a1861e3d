"""Dense depth from few answers: questions in rounds, and the metric head through the answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfh.disparity import unaligned
from mfh.errors import NoLandmarksError
from mfh.estimators.depthlm.asking import Asked, ask_points
from mfh.estimators.depthlm.marker import LENGTH_PX
from mfh.estimators.depthlm.placement import Placement
from mfh.estimators.depthlm.questions import Point
from mfh.estimators.depthlm.record import QuestionRecord
from mfh.estimators.depthlm.vlm import STAGE, Answerer
from mfh.head import Expectations
from mfh.known_distances import RELATIVE_ERROR, KnownDistance, landmarks_with_distances
from mfh.progress import Progress, Within
from mfh.records import Disparity, Landmarks, MetricHead, Photo
from mfh.results.asked import AskedPoint
from mfh.rounds import Rounds, Stopped
from mfh.stages import HeadFitter
from mfh.taking_part import owners_of

_LARGEST_ERROR = 0.9
_LONGEST_TOLD = 160
_MOST_REASONS = 3


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said about a photo, and the fit through it.

    asked: every question with its answer, in the order they were placed.
    distances: the answers that hold a distance, as known distances.
    used: for each of these, whether the fit counts it.
    head: the fit.
    stopped: why nothing more was asked.
    """

    asked: tuple[Asked, ...]
    distances: tuple[KnownDistance, ...]
    used: tuple[bool, ...]
    head: MetricHead
    stopped: Stopped

    @property
    def refused(self) -> int:
        """How many answers hold no distance."""
        return len(self.asked) - len(self.distances)

    @property
    def points(self) -> tuple[AskedPoint, ...]:
        """The questions as results tell of them."""
        both = zip(self.distances, self.used, strict=True)
        used = {(each.x_px, each.y_px) for each, is_used in both if is_used}
        return tuple(
            AskedPoint(
                each.x_px,
                each.y_px,
                each.answer.text,
                each.distance_m,
                each.depth_m,
                each.answer.refused,
                _place(each) in used,
            )
            for each in self.asked
        )


def ask_and_fit(
    photo: Photo,
    working: Photo,
    disparity: Disparity,
    answerer: Answerer,
    head: HeadFitter,
    rounds: Rounds,
    *,
    record: QuestionRecord,
    progress: Progress,
    expectations: Expectations | None = None,
) -> Answers:
    """Ask a model for distances, a round at a time, until the fit is as good as wanted.

    photo: as given, which the model is asked about; working: as the disparity stage sees it.
    disparity: (1, H, W) of the working photo.
    rounds: how many questions there are at most and in a round, and the error that is wanted; for
        an error of 0 all are asked.
    record: has the answers of earlier runs, and keeps those of this one.
    expectations: those of the head, by which questions are placed.

    Each round goes to where its questions tell most beside the answers that the fit so far counts
    (`Placement`). An answer without a distance counts as asked.

    Raises `NoLandmarksError` where no answer holds a distance, and what the answerer raises.
    """
    ratio = working.shape[1] / photo.shape[1], working.shape[0] / photo.shape[0]
    working_px = max(working.camera.fx, working.camera.fy) / answerer.focal_px
    margin_px = (LENGTH_PX + 1) * working_px
    values, space = disparity.values[0], disparity.space
    placement = Placement(values, space, margin_px, expectations or Expectations())
    asked: tuple[Asked, ...] = ()
    fit = _Fit()
    target, stopped = rounds.first, None
    while stopped is None:
        counted = [_at(each, ratio) for each in asked if _place(each) in fit.counted]
        avoided = [_at(each, ratio) for each in asked if _place(each) not in fit.counted]
        places = placement.places(
            target - len(asked), counted=counted, avoided=avoided, head=fit.head
        )
        points = [_pixel_centre(x / ratio[0], y / ratio[1]) for x, y in places]
        asked += _ask(photo, points, answerer, record, progress, len(asked))
        fit = _fitted(photo, working, disparity, head, asked)
        stopped = _stopped(rounds, fit.head, disparity, len(asked))
        if stopped is None and len(asked) < target:
            stopped = "all painted"  # the photo has no more places to ask about
        target = rounds.after(len(asked))
    progress.finish(STAGE, f"{len(asked)} asked, {len(fit.distances)} answered")
    if fit.head is None:
        raise NoLandmarksError(_nothing_said(asked, answerer.name))
    return Answers(asked, fit.distances, fit.used, fit.head, stopped)


def distances_of(asked: Sequence[Asked]) -> tuple[KnownDistance, ...]:
    """The answers that hold a distance, as known distances of kind "asked point".

    Of an answer that is a range, its width, as of an even distribution, adds to the usual error.
    """
    distances = []
    for each in asked:
        if each.distance_m is None:
            continue
        error, answer = RELATIVE_ERROR["asked point"], each.answer
        if answer.low and answer.high:
            error = math.hypot(error, math.log(answer.high / answer.low) / math.sqrt(12))
        distances.append(
            KnownDistance(
                each.x_px,
                each.y_px,
                distance_m=each.distance_m,
                relative_error=min(error, _LARGEST_ERROR),
                kind="asked point",
            )
        )
    return tuple(distances)


@dataclass(frozen=True, eq=False)
class _Fit:
    """The fit so far; without a head where no answer holds a distance."""

    distances: tuple[KnownDistance, ...] = ()
    used: tuple[bool, ...] = ()
    head: MetricHead | None = None

    @property
    def counted(self) -> set[Point]:
        """The points of the photo whose answers it counts."""
        both = zip(self.distances, self.used, strict=True)
        return {(each.x_px, each.y_px) for each, used in both if used}


def _fitted(
    photo: Photo, working: Photo, disparity: Disparity, head: HeadFitter, asked: Sequence[Asked]
) -> _Fit:
    distances = distances_of(asked)
    if not distances:
        return _Fit()
    shape = working.shape
    nobody = Landmarks(
        np.full(shape, np.nan, np.float32), np.full(shape, -1, np.int16), np.zeros(0, np.float32)
    )
    landmarks = landmarks_with_distances(nobody, distances, photo.camera, working.camera)
    fit = head.fit(unaligned(disparity), [landmarks])
    used = np.zeros(len(distances), np.bool_)
    used[owners_of(landmarks)] = fit.used
    return _Fit(distances, tuple(used.tolist()), fit)


def _stopped(
    rounds: Rounds, head: MetricHead | None, disparity: Disparity, asked: int
) -> Stopped | None:
    """Why no more is asked, by the rule of painting (`Rounds.stopped`); None where more is.

    What there is to gain is counted over all pixels: questions tell the offset, too, which the
    error of the scale does not have in it.
    """
    if head is None or not head.knows_error or rounds.target_error == 0:
        return "all painted" if asked >= rounds.at_most else None
    if head.relative_error <= rounds.target_error:
        return "target reached"
    of_pixels = head.relative_error_of(disparity.values).astype(np.float64)
    mean = float(np.sqrt(max(np.mean(of_pixels**2) - head.disparity_error**2, 0.0)))
    return rounds.stopped(replace(head, relative_error=mean), asked)


def _ask(
    photo: Photo,
    points: Sequence[Point],
    answerer: Answerer,
    record: QuestionRecord,
    progress: Progress,
    before: int,
) -> tuple[Asked, ...]:
    """Ask about the points of a round, but for those that the record has answers about.

    before: how many were asked in the rounds before.
    """
    progress.start(STAGE, before + len(points))
    known = {point: said for point in points if (said := record.get(point)) is not None}
    for _ in known:
        progress.advance(STAGE)
    new = [point for point in points if point not in known]
    if new:
        answers = ask_points(photo, new, answerer, progress=Within(progress))
        record.add(answers)
        known.update({_place(each): each for each in answers})
    return tuple(known[point] for point in points)


def _place(asked: Asked) -> Point:
    return asked.x_px, asked.y_px


def _at(asked: Asked, ratio: tuple[float, float]) -> Point:
    """Where a question is at the working size."""
    return asked.x_px * ratio[0], asked.y_px * ratio[1]


def _pixel_centre(x_px: float, y_px: float) -> Point:
    return math.floor(x_px) + 0.5, math.floor(y_px) + 0.5


def _nothing_said(asked: Sequence[Asked], name: str) -> str:
    """Why there is no scale, what the model said, and what to do."""
    if not asked:
        return f"no metric scale: the photo is too small to ask {name} about"
    counts = Counter(each.answer.refused for each in asked).most_common()
    told = [f"{count} x {reason}" for reason, count in counts[:_MOST_REASONS]]
    others = len(asked) - sum(count for _, count in counts[:_MOST_REASONS])
    reasons = ", ".join([*told, *([f"{others} more"] if others else [])])
    said = " ".join(asked[0].answer.text.split())
    said = said if len(said) <= _LONGEST_TOLD else said[:_LONGEST_TOLD] + "..."
    return (
        f"no metric scale: none of {len(asked)} answers of {name} holds a distance ({reasons}); to "
        f'the first question it said "{said}"; ask a model that was trained to tell distances, '
        "such as facebook/DepthLM, or measure one distance in the photo yourself: `mfh predict "
        "--landmark x,y=METRES`, without --method"
    )
