"""What is asked about points of a photo, and what answers mean, with answerers that are told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from mfh.camera.projection import backproject, project
from mfh.errors import InputError, SettingsError
from mfh.estimators.depthlm import asker
from mfh.estimators.depthlm.asking import (
    ask_camera_motion,
    ask_points,
    ask_tasks,
    ask_two_points,
    ray_length,
)
from mfh.estimators.depthlm.questions import Question
from mfh.estimators.depthlm.vlm import STAGE
from mfh.progress import Progress
from mfh.records import Intrinsics, Photo

CAMERA = Intrinsics(90, 110, 70.5, 35.25, 90, 160)
RED = (255, 0, 0)


@dataclass
class Told:
    """Says what it is told, and keeps what it was asked."""

    texts: Sequence[str] = ()
    focal_px: float = 100
    longest_px: int = 0
    name: str = "told"
    device: str = "CPU"
    fingerprint: dict = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)

    def answer(self, questions, progress=None) -> list[str]:
        first = len(self.asked)
        self.asked += questions
        self.at_once.append(len(questions))
        progress.start(STAGE, len(questions))
        progress.warn("a warning")
        for _ in questions:
            progress.advance(STAGE)
        progress.finish(STAGE, "")
        texts = self.texts or ["1"] * (first + len(questions))
        return list(texts[first : first + len(questions)])


class Events(Progress):
    def __init__(self):
        self.events = []

    def start(self, stage, total):
        self.events.append(("start", total))

    def advance(self, stage):
        self.events.append("advance")

    def finish(self, stage, note):
        self.events.append(("finish", note))

    def warn(self, message):
        self.events.append(message)


def a_photo(camera: Intrinsics = CAMERA) -> Photo:
    return Photo(np.full((camera.height, camera.width, 3), 128, np.uint8), camera, "a photo")


def coded_photo(height: int, width: int) -> Photo:
    """Each pixel's colour says where it is: column in green and in half of red, row in blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = (np.arange(width) // 256)[None]
    image[..., 1] = (np.arange(width) % 256)[None]
    image[..., 2] = np.arange(height)[:, None]
    return Photo(image, Intrinsics(100, 100, width / 2, height / 2, height, width), "coded")


def pixels_beside_arrow(image: np.ndarray) -> set[tuple[int, int]]:
    """The photo's pixels, as (x, y), at both ends of the red arrow in a coded photo."""
    red = (image == RED).all(-1)
    row = int(red.sum(1).argmax())
    columns = np.flatnonzero(red[row])
    ends = [x for x in (columns[0] - 1, columns[-1] + 1) if 0 <= x < image.shape[1]]
    pixels = image[row, ends].astype(int)
    return {(int(r * 256 + g), int(b)) for r, g, b in pixels}


# --- what an answer means in metres --------------------------------------------------------------


def test_the_length_of_a_ray():
    assert ray_length(CAMERA, 70.5, 35.25) == 1
    assert ray_length(CAMERA, 70.5 + 90, 35.25) == pytest.approx(math.sqrt(2))
    assert ray_length(CAMERA, 70.5, 35.25 - 110) == pytest.approx(math.sqrt(2))
    depth_m = np.random.default_rng(0).uniform(1, 9, (90, 160)).astype(np.float32)
    points_m = backproject(depth_m, CAMERA)
    for x, y in [(0, 0), (159, 3), (80, 89)]:
        distance_m = np.linalg.norm(points_m[y, x])
        assert ray_length(CAMERA, x + 0.5, y + 0.5) * depth_m[y, x] == pytest.approx(distance_m)


def test_planted_distances_and_depths_come_back():
    points_m = np.array([[0.4, -0.5, 3.0], [-2.0, 0.2, 4.5], [0, 0, 1.25]])
    points_px = [tuple(point) for point in project(points_m, CAMERA)]
    distances_m, depths_m = np.linalg.norm(points_m, axis=1), points_m[:, 2]
    for task, planted in [("distance", distances_m), ("depth", depths_m)]:
        told = Told([repr(float(value)) for value in planted])
        asked = ask_points(a_photo(), points_px, told, task=task)
        assert [each.task for each in asked] == [task] * 3
        assert [(each.x_px, each.y_px) for each in asked] == points_px
        assert [each.distance_m for each in asked] == pytest.approx(distances_m)
        assert [each.depth_m for each in asked] == pytest.approx(depths_m)


def test_no_answer_is_no_distance():
    (asked,) = ask_points(a_photo(), [(3, 4)], Told(["I cannot tell."]))
    assert asked.answer.value is None and asked.answer.refused
    assert asked.distance_m is None and asked.depth_m is None
    assert asked.answer.text == "I cannot tell."


def test_speed_and_time_are_no_distances():
    told = Told(["1.5", "4"])
    photo, point = a_photo(), (3, 4)
    (speed,) = ask_points(photo, [point], told, task="speed", seconds=2.5)
    (time,) = ask_points(photo, [point], told, task="time", metres_per_second=0.75)
    assert [each.unit for each in told.asked] == ["m/s", "s"]
    assert "2.5 seconds" in told.asked[0].text and "0.75 meters per second" in told.asked[1].text
    assert (speed.answer.value, time.answer.value) == (1.5, 4)
    assert {speed.distance_m, speed.depth_m, time.distance_m, time.depth_m} == {None}
    with pytest.raises(SettingsError, match="'speed' needs seconds"):
        ask_points(photo, [point], told, task="speed")
    with pytest.raises(SettingsError, match="'time' needs metres_per_second"):
        ask_points(photo, [point], told, task="time")
    with pytest.raises(SettingsError, match="'colour' is none of a point"):
        ask_points(photo, [point], told, task="colour")


def test_two_points_and_the_camera():
    told = Told(["0.8", "1.1"])
    (pair,) = ask_two_points(a_photo(), [((10, 20), (100, 70))], told)
    assert (pair.a_px, pair.b_px, pair.distance_m) == ((10, 20), (100, 70), 0.8)
    moved = ask_camera_motion(a_photo(), a_photo(), told)
    assert moved.distance_m == 1.1
    assert [len(each.images) for each in told.asked] == [1, 2]


# --- which points, which part of the photo -------------------------------------------------------


@pytest.mark.parametrize("point", [(-0.1, 5), (160, 5), (5, 90), (5, -1), (math.nan, 5)])
def test_points_outside_the_photo_are_refused(point):
    told = Told()
    with pytest.raises(InputError, match="outside the photo of 160 x 90 px"):
        ask_points(a_photo(), [(1, 1), point], told)
    with pytest.raises(InputError, match="outside the photo of 160 x 90 px"):
        ask_two_points(a_photo(), [((1, 1), point)], told)
    assert not told.asked


def test_arrows_point_at_the_pixels_asked_for():
    points = [(5, 5), (150.9, 60.2), (299.5, 99.9), (0, 0)]
    told = Told()
    ask_points(coded_photo(100, 300), points, told)
    for point, question in zip(points, told.asked):
        assert question.images[0].shape == (100, 300, 3)
        assert (int(point[0]), int(point[1])) in pixels_beside_arrow(question.images[0])


def test_a_view_too_large_is_cut_near_its_middle_with_room_around_the_point():
    points = [(5, 5), (150.9, 60.2), (299.5, 99.9), (90, 50)]
    told = Told(longest_px=120)
    ask_points(coded_photo(100, 300), points, told)
    begins = []
    for point, question in zip(points, told.asked):
        image = question.images[0]
        assert image.shape == (100, 120, 3)
        assert (int(point[0]), int(point[1])) in pixels_beside_arrow(image)
        begins.append(int(image[-1, 0, 0]) * 256 + int(image[-1, 0, 1]))
    assert begins == [0, 90, 180, 60]


@pytest.mark.parametrize(
    ("height", "width", "focal_px"), [(352, 1216, 721.5), (1500, 2000, 750.0), (2000, 500, 400.0)]
)
def test_only_the_photos_own_border_is_near_a_point(height, width, focal_px):
    """As in training: arrows are neither mirrored nor clipped where the photo has room for them."""
    photo = a_photo(Intrinsics(focal_px, focal_px, width / 2, height / 2, height, width))
    shown = asker.Asker(photo, Told(focal_px=750, longest_px=1024))
    for x, y in np.random.default_rng(0).uniform((0, 0), (width, height), (60, 2)).tolist():
        view, (shifted,) = shown.view([(x, y)])
        places = zip(view.point(*shifted), view.image.shape[1::-1], view.scale, strict=True)
        for (at, side, scale), in_photo, length in zip(places, (x, y), (width, height)):
            for to_border, to_photos in ((at, in_photo), (side - at, length - in_photo)):
                assert to_border >= min(side / 4, to_photos * scale) - 2 * scale


def test_what_is_cut_keeps_its_rays():
    """Metres of a point do not depend on the part of the photo that it was asked about in."""
    points = [(2, 3), (150, 80), (80, 45)]
    whole = ask_points(a_photo(), points, Told(["4"] * 3))
    cut = ask_points(a_photo(), points, Told(["4"] * 3, longest_px=60))
    assert cut == whole
    for longest_px in (60, 61, 99):
        told = Told(longest_px=longest_px)
        ask_points(a_photo(), points, told)
        assert max(max(each.images[0].shape) for each in told.asked) <= longest_px


def test_two_points_that_no_view_holds():
    photo, told = coded_photo(100, 300), Told(longest_px=120)
    ask_two_points(photo, [((10, 10), (129, 10))], told)
    assert told.asked[0].images[0].shape == (100, 120, 3)
    with pytest.raises(InputError, match="points lie too far from each other.*120 x 100 px"):
        ask_two_points(photo, [((10, 10), (130, 10))], told)
    ask_camera_motion(photo, photo, told)
    assert int(told.asked[-1].images[1][0, 0, 1]) == 90


# --- many questions ------------------------------------------------------------------------------


def test_many_questions_are_one_stage_of_a_few_at_a_time(monkeypatch):
    view_bytes = 82 * 178 * 3
    monkeypatch.setattr(asker, "_BYTES_AT_ONCE", 64 * view_bytes - 1)
    points = [(index % 160, index // 2) for index in range(150)]
    told, events = Told([str(index + 1) for index in range(150)]), Events()
    asked = ask_points(a_photo(), points, told, progress=events)
    assert [each.answer.value for each in asked] == list(range(1, 151))
    assert told.at_once == [64, 64, 22]
    assert events.events[0] == ("start", 150)
    assert events.events[-1] == ("finish", "150 of 150 answered")
    assert events.events.count("advance") == 150
    assert events.events.count("a warning") == 1


def test_tasks_of_a_point_follow_each_other():
    told = Told()
    points, tasks = [(10, 20), (30, 40)], ("distance", "depth")
    asked = ask_tasks(a_photo(), points, told, tasks)
    assert [(each.x_px, each.task) for each in asked] == [
        (10, "distance"),
        (10, "depth"),
        (30, "distance"),
        (30, "depth"),
    ]
    first, second, third, _ = (each.images[0] for each in told.asked)
    assert (first == second).all() and (first != third).any()
    assert ask_points(a_photo(), [], told) == ()
