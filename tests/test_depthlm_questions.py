"""The questions of each task: what is shown, what is asked, in which unit."""

import math

import numpy as np
import pytest

from mfh.errors import InputError, SettingsError
from mfh.estimators.depthlm.canonical import canonical_view
from mfh.estimators.depthlm.marker import with_arrows
from mfh.estimators.depthlm.questions import (
    camera_motion_question,
    depth_question,
    distance_question,
    speed_question,
    time_question,
    two_points_question,
)
from mfh.records import Intrinsics, Photo

POINT = (40.5, 30.5)


def view_of(seed=0):
    image = np.random.default_rng(seed).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    return canonical_view(Photo(image, Intrinsics(300.0, 310.0, 60.0, 45.0, 90, 120)), 750)


@pytest.fixture(scope="module")
def view():
    return view_of()


@pytest.mark.parametrize(
    ("ask", "task", "unit", "asked_for"),
    [
        (distance_question, "distance", "m", "in a straight line"),
        (depth_question, "depth", "m", "the direction in which the camera looks"),
        (lambda *at: speed_question(*at, 4.0), "speed", "m/s", "after exactly 4 seconds"),
        (lambda *at: time_question(*at, 0.25), "time", "s", "at 0.25 meters per second"),
    ],
)
def test_one_point_is_asked_about_with_a_red_arrow(view, ask, task, unit, asked_for):
    question = ask(view, POINT)
    assert (question.task, question.unit) == (task, unit)
    assert asked_for in question.text
    assert "red arrow" in question.text
    assert "blue" not in question.text
    (image,) = question.images
    # In the view, 2.5 and 75 / 31 times as large as the photo.
    assert view.image.shape == (218, 300, 3)
    assert np.array_equal(image, with_arrows(view.image, [(101.25, 30.5 * 218 / 90)]))
    assert not np.array_equal(image, view.image)


def test_all_questions_ask_for_a_number_in_tags(view):
    for question, words in (
        (distance_question(view, POINT), "number of meters,"),
        (speed_question(view, POINT, 4), "number of meters per second,"),
        (time_question(view, POINT, 6), "number of seconds,"),
    ):
        assert words in question.text
        assert "inside <answer> </answer>" in question.text


def test_distance_and_depth_are_not_one_question(view):
    assert distance_question(view, POINT).text != depth_question(view, POINT).text


def test_two_points_have_two_arrows(view):
    question = two_points_question(view, POINT, (80.5, 60.5))
    assert (question.task, question.unit) == ("two points", "m")
    assert "red arrow" in question.text
    assert "blue arrow" in question.text
    points = [view.point(*POINT), view.point(80.5, 60.5)]
    assert np.array_equal(question.images[0], with_arrows(view.image, points))


def test_two_points_must_be_two(view):
    with pytest.raises(InputError, match="one pixel of the image that the model sees"):
        two_points_question(view, POINT, (40.6, 30.5))


def test_camera_motion_shows_both_photos_as_they_are(view):
    other = view_of(1)
    question = camera_motion_question(view, other)
    assert (question.task, question.unit) == ("camera motion", "m")
    assert "both images" in question.text
    assert "arrow" not in question.text
    assert [id(image) for image in question.images] == [id(view.image), id(other.image)]


def test_small_and_large_numbers_are_written_out(view):
    assert "after exactly 0.00005 seconds" in speed_question(view, POINT, 5e-5).text
    assert "after exactly 20000000 seconds" in speed_question(view, POINT, 2e7).text


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf])
def test_times_and_speeds_must_be_positive(view, value):
    with pytest.raises(SettingsError, match="seconds is .* positive"):
        speed_question(view, POINT, value)
    with pytest.raises(SettingsError, match="metres_per_second is .* positive"):
        time_question(view, POINT, value)


def test_points_outside_the_photo_are_refused(view):
    with pytest.raises(InputError, match="outside the photo of 120 x 90 px"):
        distance_question(view, (120, 5))
