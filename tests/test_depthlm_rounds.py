"""Rounds of questions: where the next one goes, when there is none, and which answers are kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mfh.estimators.depthlm import record
from mfh.estimators.depthlm.answers import Answer
from mfh.estimators.depthlm.asking import Asked, ask_points
from mfh.estimators.depthlm.dense import _fitted, _stopped, ask_and_fit
from mfh.estimators.depthlm.marker import LENGTH_PX
from mfh.estimators.depthlm.placement import Placement
from mfh.estimators.depthlm.record import QuestionRecord
from mfh.photos import resize_photo
from mfh.progress import Progress
from mfh.records import Disparity, Intrinsics, MetricHead, Photo
from mfh.rounds import Rounds
from mfh.taking_part import owners_of

HEIGHT, WIDTH = 120, 160
PHOTO = Photo(
    np.random.default_rng(0).integers(0, 200, (HEIGHT, WIDTH, 3), np.uint8),
    Intrinsics(130, 130, 80, 60, HEIGHT, WIDTH),
    "noise",
)
TARGET = Rounds(at_most=32, first=8, step=8, target_error=0.05)


def disparity(height: int = HEIGHT, width: int = WIDTH, near: float = 2.0) -> Disparity:
    """Falls evenly from left to right, to 1."""
    values = np.broadcast_to(np.linspace(near, 1, width, dtype=np.float32), (1, height, width))
    return Disparity(values.copy(), "disparity")


def a_head(used=(True,), **values) -> MetricHead:
    error = values.pop("relative_error", float("nan"))
    return MetricHead(
        1.0, 0.0, "disparity", "planted", 0.0, error, np.array(used), "converged", **values
    )


class SetsAside:
    """A fit that sets some of the answers aside, by their place among those that have pixels."""

    def __init__(self, *aside: int):
        self.aside = list(aside)

    def fit(self, aligned, landmarks):
        used = np.ones(len(owners_of(landmarks[0])), bool)
        used[self.aside] = False
        return a_head(used)


class Says:
    """Says the same of every point; nothing of the first."""

    name, device, fingerprint = "says", "", {"part": "says"}

    def __init__(self, focal_px: float = 130.0):
        self.focal_px = focal_px
        self.silent = True

    def answer(self, questions, progress=None):
        texts = ["I cannot tell." if self.silent else "2"] + ["2"] * (len(questions) - 1)
        self.silent = False
        return texts


def asked(photo, answerer, *, working_short_side_px=HEIGHT, rounds, head=None):
    working = resize_photo(photo, working_short_side_px)
    return ask_and_fit(
        photo,
        working,
        disparity(*working.shape),
        answerer,
        head or SetsAside(),
        rounds,
        record=QuestionRecord(None, photo, answerer),
        progress=Progress(),
    ).asked


def test_the_next_round_goes_by_the_answers_that_the_fit_counts(monkeypatch):
    given = []
    places = Placement.places

    def noting(self, count, **options):
        given.append(options)
        return places(self, count, **options)

    monkeypatch.setattr(Placement, "places", noting)
    rounds = Rounds(at_most=8, first=4, step=4, target_error=0.0)
    said = asked(PHOTO, Says(), working_short_side_px=60, rounds=rounds, head=SetsAside(0))
    at_half = [(each.x_px / 2, each.y_px / 2) for each in said]
    assert given[0]["counted"] == given[0]["avoided"] == []
    assert given[1]["counted"] == at_half[2:4]
    assert given[1]["avoided"] == at_half[:2], "the silent one, and the one set aside"


def test_a_model_that_sees_a_smaller_photo_needs_more_room_for_its_arrow():
    rounds = Rounds(at_most=32, first=32, step=32, target_error=0.0)
    for focal_px in (130.0, 43.4):
        room_px = (LENGTH_PX + 1) * 130 / focal_px
        said = asked(PHOTO, Says(focal_px), rounds=rounds)
        assert len(said) == 32
        assert min(min(each.x_px, WIDTH - each.x_px) for each in said) >= room_px
        assert min(min(each.y_px, HEIGHT - each.y_px) for each in said) >= room_px


def test_an_answer_without_pixels_of_its_own_has_no_vote():
    """Of two about one place one has the pixels: votes are of owners, not of answers in order."""
    points = [(20.5, 20.5), (20.5, 20.5), (80.5, 60.5), (120.5, 90.5)]
    said = [Asked(*at, "distance", Answer(2.0, None, None, "2", ""), 2.0, 1.9) for at in points]
    fit = _fitted(PHOTO, PHOTO, disparity(), SetsAside(1), said)
    assert fit.used == (True, False, False, True)
    assert fit.counted == {points[0], points[3]}


@pytest.mark.parametrize(
    ("of_scale", "of_offset", "of_disparity", "why"),
    [
        (0.1, 0.0, 0.0, "nothing to gain"),
        (0.1, 0.3, 0.0, None),
        (0.1, 0.0, 0.3, "nothing to gain"),
    ],
)
def test_what_there_is_to_gain_is_counted_over_the_pixels(of_scale, of_offset, of_disparity, why):
    """The scale's error is shared by all answers; more of them lessen the offset's."""
    head = a_head(
        relative_error=0.1,
        shared_error=0.099,
        covariance=np.diag([of_scale**2, of_offset**2]),
        disparity_error=of_disparity,
    )
    assert _stopped(TARGET, head, disparity(near=1.0), 8) == why


def test_answers_are_kept_for_the_same_question_alone(tmp_path, monkeypatch):
    answerer, other = Says(), Says()
    other.fingerprint = {"part": "says", "seed": 1}
    (said,) = ask_points(PHOTO, [(10.5, 20.5)], answerer)
    QuestionRecord(tmp_path, PHOTO, answerer).add([said])

    def known(photo, by=answerer):
        return QuestionRecord(tmp_path, photo, by).get((10.5, 20.5))

    assert known(PHOTO) == said
    wider = Intrinsics(100, 130, 80, 60, HEIGHT, WIDTH)
    for photo, by in (
        (Photo(PHOTO.image, wider, "noise"), answerer),
        (Photo(PHOTO.image[::-1].copy(), PHOTO.camera, "noise"), answerer),
        (PHOTO, other),
    ):
        assert known(photo, by) is None
    monkeypatch.setattr(record, "version", lambda name: "0.0.0")
    assert known(PHOTO) is None
    kept = json.loads((tmp_path / record.FILE).read_text())
    assert kept["asked"][0]["x_px"] == 10.5, "what is of no use here is left as it is"
