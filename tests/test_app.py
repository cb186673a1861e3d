"""The app without a browser: cameras, typed numbers, what it says, its files, and its refusals."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from mfh.app import SimulatedMethods, markup, serving
from mfh.app.camera_choice import chosen_camera
from mfh.app.methods import truth_of
from mfh.app.pictures import Mark, clicked_point, depth_map_picture, photo_picture, write_marked
from mfh.app.sessions import Sessions
from mfh.app.typed import number_from, point_from, text_of
from mfh.app.watching import StageState, Stopped, Watch, WatchedPainter, watched
from mfh.camera import assumed_intrinsics
from mfh.errors import CameraError, InputError, MissingPartError, SettingsError
from mfh.known_distances import KnownDistance
from mfh.records import MetricDepth, PaintingPlan, Photo
from mfh.settings import Settings
from mfh.simulation import load_demo_scene

CAMERA = assumed_intrinsics(480, 640)


def test_cameras_are_those_of_the_number_given() -> None:
    assert chosen_camera("photo", None, CAMERA) is CAMERA
    assert chosen_camera("f_px", 600, CAMERA).fx == 600
    assert chosen_camera("fov", 60, CAMERA).horizontal_fov_deg == pytest.approx(60)
    # 800 px of diagonal stand for the 43.27 mm of a film frame's.
    f_px = chosen_camera("f_35mm", 43.2666, CAMERA).fx
    assert f_px == pytest.approx(800, rel=1e-4)
    assert chosen_camera("f_35mm", 28, CAMERA).source == "given"


@pytest.mark.parametrize("value", [None, 0, -3, float("nan"), 1e9])
def test_impossible_cameras_are_refused(value: float | None) -> None:
    for choice in ("f_px", "f_35mm", "fov"):
        with pytest.raises(CameraError, match=r"positive number|field of view"):
            chosen_camera(choice, value, CAMERA)


def test_places_and_numbers_are_read_as_people_type_them() -> None:
    for text in ("320, 240", "320 240", "(320; 240)", " 320,240 "):
        assert point_from(text, "point A") == (320, 240)
    assert point_from(text_of((320.5, 240)), "point A") == (320.5, 240)
    assert point_from(" ", "point A") is None
    assert number_from("2,40", "distance") == number_from("2.40", "distance") == 2.4
    assert number_from("", "distance") is None
    for text in ("320", "1, 2, 3", "here", "nan, 1"):
        with pytest.raises(InputError, match="point A"):
            point_from(text, "point A")
    with pytest.raises(InputError, match="distance: '2 m'; expected a number"):
        number_from("2 m", "distance")


def test_the_truth_of_a_simulated_photo_is_its_own_or_invented() -> None:
    demo, depth_m = load_demo_scene()
    np.testing.assert_array_equal(truth_of(demo), depth_m)
    hall_m = truth_of(Photo(np.zeros((480, 640, 3), np.uint8), CAMERA))
    assert hall_m.shape == (480, 640)
    assert 1 < hall_m.min() < hall_m.max() < 9
    assert SimulatedMethods(Settings()).notice.startswith("Simulated: no model looks at")


@pytest.mark.parametrize(("height", "width"), [(480, 640), (3000, 4000)])
def test_a_click_means_the_pixel_that_is_marked(height: int, width: int, tmp_path: Path) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    shown = photo_picture(image)
    assert max(shown.size) <= 1280
    x, y = clicked_point((shown.width // 3, shown.height // 4), height, width)
    assert (x, y) == pytest.approx((width / 3, height / 4), abs=width / shown.width)
    assert clicked_point((0, 0), height, width) == pytest.approx((0.5, 0.5), abs=2)
    path = write_marked(tmp_path / "a.png", shown, [Mark(x, y, "A")], (height, width))
    from PIL import Image

    drawn = np.asarray(Image.open(path))
    assert (drawn[shown.height // 4, shown.width // 3] == 255).all()


def test_a_depth_map_is_the_map_alone() -> None:
    depth_m = np.array([[1, np.nan], [np.inf, 2]], np.float32).repeat(50, 0).repeat(50, 1)
    picture = np.asarray(depth_map_picture(depth_m, None))
    assert picture.shape == (100, 100, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2


def test_texts_from_outside_are_no_markup() -> None:
    bad = "<img src=x onerror=alert(1)>"
    for made in (
        markup.refused(InputError(bad)),
        markup.said(bad),
        markup.notice(bad),
        markup.progress([StageState(bad, note=bad)]),
        markup.camera(assumed_intrinsics(480, 640, bad)),
    ):
        assert "<img" not in made
        assert "&lt;img" in made


def test_a_reading_is_what_the_api_gives() -> None:
    depth = MetricDepth(np.full((480, 640), 3, np.float32), CAMERA)
    points = [(100.0, 200.0), (500.0, 210.0)]
    said = markup.measurement(depth, points)
    assert f"A to B: {depth.distance(*points):.3f} m<" in said
    assert "3.000 m deep" in said
    with pytest.raises(InputError, match="outside the photo"):
        markup.measurement(depth, [(100.0, 200.0), (5000.0, 210.0)])


def test_a_watched_run_tells_how_far_it_is_and_stops() -> None:
    seen: list[str] = []
    watch = Watch(lambda name, image: seen.append(name))
    begun = threading.Event()

    class Painter:
        name = "a painter"

        def paint(self, photo, plan):
            for mask in plan.repainted:
                yield np.zeros((*mask.shape, 3), np.uint8)

    def work() -> None:
        plan = PaintingPlan(np.ones((2, 8, 8), np.bool_), ("a", "b"), (0, 1))
        painter = WatchedPainter(Painter(), watch)
        assert painter.name == "a painter"
        watch.start("painted", 2)
        for _ in painter.paint(None, plan):
            watch.advance("painted")
        begun.set()
        while True:
            watch.remark("painted", "still going")

    running = watched(work, watch)
    next(running)
    begun.wait(10)
    assert seen == ["0000", "0001"]
    (stage,) = watch.stages
    assert (stage.done, stage.total) == (2, 2)
    watch.stop()
    with pytest.raises(Stopped):
        for _ in running:
            pass


def test_files_of_photos_that_are_closed_are_removed(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    photo = load_demo_scene()[0]
    session = sessions.of("tab")
    assert sessions.of("tab") is session
    first = session.open(photo).folder
    watch = Watch(lambda name, image: None)
    session.expect(watch)
    with session.writing(watch):
        second = session.open(photo).folder
        assert first.is_dir(), "the run may still write there"
        with pytest.raises(Stopped):
            watch.start("painted", 1)
    assert not first.exists()
    assert second.is_dir()
    sessions.close("tab")
    assert not list(tmp_path.iterdir())


def test_known_distances_are_listed() -> None:
    assert "(320, 240): 2.4 m" in markup.distances([KnownDistance(320, 240, 2.4)])


def test_what_cannot_be_served_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    methods = SimulatedMethods(Settings())
    with (
        pytest.raises(SettingsError, match="largest upload: 0 MB"),
        serving(methods, max_upload_mb=0),
    ):
        pass
    with (
        pytest.raises(SettingsError, match="port: 70000; expected 1 to 65535"),
        serving(methods, port=70000),
    ):
        pass
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    with pytest.raises(MissingPartError, match=r'pip install "gradio>=6.28"'), serving(methods):
        pass
