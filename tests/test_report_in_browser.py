"""The report in a real browser: what it measures, by mouse, finger and keyboard, in both themes."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import PHONE_PX, Theme, accessibility_violations, show
from fake_results import robust_depth
from test_report import EVIL, SHAPE, estimate, evil_records, planted

from mfh.pipeline import MetricFromHuman
from mfh.records import Intrinsics, MetricDepth, Photo
from mfh.results.asked import AskedPoint
from mfh.results.report import write_report
from mfh.settings import settings_from
from mfh.simulation import SimulatedErrors, SimulatedWorld, load_demo_scene, simulated_parts

HEIGHT, WIDTH = 96, 128
CAMERA = Intrinsics(151.3, 149.7, 60.2, 50.9, HEIGHT, WIDTH)
ASKED = [
    AskedPoint(30.5, 20.5, text, 2.4, 2.3, "", used=False)
    for text in ("It is 2.4 m away, judging by the chairs, which are about 0.9 m high.", "3" * 600)
]


def slanted() -> MetricDepth:
    """Depth that is different everywhere, infinite in the left column and unknown in the right."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    depth_m = (2 + 0.11 * rows + 0.05 * columns + 0.02 * np.sin(rows * columns)).astype(np.float32)
    depth_m[:, 0], depth_m[:, -1] = np.inf, np.nan
    return robust_depth(depth_m, camera=CAMERA)


def opened(page: Any, folder: Path, result: MetricDepth, **shown: Any) -> None:
    image = np.full((*result.depth_m.shape, 3), 120, np.uint8)
    path = write_report(folder, Photo(image, result.camera, "wall"), result)
    open_report(page, path, **shown)


def open_report(page: Any, path: Path, **shown: Any) -> None:
    page.on("pageerror", lambda error: pytest.fail(f"error in the page: {error}"))
    show(page, path, **shown)
    page.wait_for_selector("#stage[data-ready]")


def click(page: Any, x: int, y: int, result: MetricDepth, *, tap: bool = False) -> None:
    """Press on the middle of a pixel."""
    height, width = result.depth_m.shape
    box = page.locator("#stage").bounding_box()
    at = {"x": (x + 0.5) * box["width"] / width, "y": (y + 0.5) * box["height"] / height}
    (page.locator("#stage").tap if tap else page.locator("#stage").click)(position=at)


def places_of(page: Any) -> list[tuple[int, ...]]:
    """The pixels of the photo that the page says its two points are at."""
    words = [page.inner_text(cell) for cell in ("#at-a", "#at-b")]
    return [tuple(map(int, re.findall(r"x (\d+), y (\d+)", each)[0])) for each in words]


def metres(length: float) -> str:
    return f"{length:.{2 if length < 10 else 1 if length < 100 else 0}f} m"


def numeric_sigma(result: MetricDepth, p: tuple[int, int], q: tuple[int, int]) -> float:
    """One sigma of a distance, by moving scale, offset and each depth a little."""
    head = result.head
    assert head is not None
    ends = [(x, y, float(result.at(x, y))) for x, y in (p, q)]
    relative = [(1 / z - head.offset) / head.scale for _, _, z in ends]

    def distance(scale: float, offset: float, factors: tuple[float, float]) -> float:
        points = []
        for (x, y, _), d, factor in zip(ends, relative, factors):
            z = factor / (scale * d + offset)
            u, v = (x + 0.5 - CAMERA.cx) / CAMERA.fx, (y + 0.5 - CAMERA.cy) / CAMERA.fy
            points.append(np.array([u * z, v * z, z]))
        return float(np.linalg.norm(points[0] - points[1]))

    step, one = 1e-6, (1.0, 1.0)
    here = distance(head.scale, head.offset, one)
    by_scale = (distance(head.scale + step, head.offset, one) - here) / step
    by_offset = (distance(head.scale, head.offset + step, one) - here) / step
    gradient = np.array([by_scale, by_offset])
    alone = [
        (distance(head.scale, head.offset, factors) - here) / step * head.disparity_error
        for factors in ((1 + step, 1.0), (1.0, 1 + step))
    ]
    return math.sqrt(gradient @ head.covariance @ gradient + sum(each**2 for each in alone))


def test_the_distance_of_two_clicked_points_is_the_api_s(page, tmp_path: Path) -> None:
    result = slanted()
    opened(page, tmp_path, result)
    generator = np.random.default_rng(5)
    for _ in range(12):
        (x0, x1), (y0, y1) = generator.integers(1, WIDTH - 1, 2), generator.integers(0, HEIGHT, 2)
        click(page, int(x0), int(y0), result)
        click(page, int(x1), int(y1), result)
        told, sigma = page.inner_text("#between").split(" ± ")
        assert told == metres(result.distance((x0, y0), (x1, y1)))
        assert sigma == metres(numeric_sigma(result, (x0, y0), (x1, y1)))
        assert page.inner_text("#stage .length") == told
        for cell, x, y in (("#at-a", x0, y0), ("#at-b", x1, y1)):
            words = page.inner_text(cell)
            assert words.startswith(f"{metres(result.at(x, y))} ± ")
            assert words.endswith(f"x {x}, y {y}")


def test_the_pointer_reads_depth_and_its_error(page, tmp_path: Path) -> None:
    result = slanted()
    opened(page, tmp_path, result)
    box = page.locator("#stage").bounding_box()

    def words_at(x: int, y: int) -> str:
        left = box["x"] + (x + 0.5) * box["width"] / WIDTH
        page.mouse.move(left, box["y"] + (y + 0.5) * box["height"] / HEIGHT)
        return page.inner_text("#at-cursor")

    assert result.relative_error_map is not None
    error_m = result.at(40, 70) * float(result.relative_error_map[70, 40])
    point = result.points()[70, 40]
    assert words_at(40, 70) == (
        f"{metres(result.at(40, 70))} ± {metres(error_m)} deep\n"
        f"{metres(float(np.linalg.norm(point)))} from the camera · x 40, y 70"
    )
    assert words_at(0, 5).startswith("farther than the fit can tell")
    assert words_at(WIDTH - 1, 5).startswith("depth unknown")
    page.mouse.move(2, 2)
    assert page.inner_text("#at-cursor") == "\u2013"


def test_points_without_depth_have_no_distance(page, tmp_path: Path) -> None:
    result = slanted()
    opened(page, tmp_path, result)
    click(page, 0, 10, result)
    click(page, 50, 10, result)
    assert page.inner_text("#between") == "unknown: a point has no depth"


def test_the_keyboard_does_all_of_it(page, tmp_path: Path) -> None:
    result = slanted()
    opened(page, tmp_path, result)
    page.focus("#stage")
    page.keyboard.press("ArrowLeft")
    x, y = WIDTH // 2 - 1, HEIGHT // 2
    assert page.inner_text("#at-cursor").endswith(f"x {x}, y {y}")
    assert f"x {x}, y {y}" in page.inner_text("#told")
    page.keyboard.press("Enter")
    for key in ("Shift+ArrowRight", "Shift+ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    to = (x + WIDTH // 32, y + WIDTH // 32 - 1)
    page.keyboard.press("Space")
    expected = metres(result.distance((x, y), to))
    assert page.inner_text("#between").startswith(expected)
    assert expected in page.inner_text("#told")
    page.keyboard.press("Enter")  # a third point begins anew
    assert page.inner_text("#at-b") == "\u2013"
    page.keyboard.press("Escape")
    assert page.inner_text("#at-a") == "\u2013" and page.is_disabled("#clear")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "divider"
    before = page.evaluate("getComputedStyle(document.querySelector('.depth-side')).clipPath")
    page.keyboard.press("End")
    after = page.evaluate("getComputedStyle(document.querySelector('.depth-side')).clipPath")
    assert before != after
    assert page.get_attribute("#divider", "aria-valuetext") == "100 % photo, 0 % depth"


def test_without_a_head_depth_is_told_without_its_error(page, tmp_path: Path) -> None:
    result = estimate(Photo(np.zeros((*SHAPE, 3), np.uint8), Intrinsics(90, 90, 32, 24, *SHAPE)))
    opened(page, tmp_path, result)
    click(page, 10, 10, result)
    click(page, 50, 30, result)
    assert page.inner_text("#between") == metres(result.distance((10, 10), (50, 30)))


def test_a_photo_too_large_for_all_of_its_depth(
    page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mfh.results.report.packing._MOST_CHARACTERS", 9000)
    result = slanted()
    opened(page, tmp_path, result)
    click(page, 40, 70, result)
    click(page, 90, 11, result)
    places = places_of(page)
    assert places != [(40, 70), (90, 11)]
    np.testing.assert_allclose(places, [(40, 70), (90, 11)], atol=2)
    told = page.inner_text("#between").split(" ± ")[0]
    assert told == metres(result.distance(*places))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size_px", [(1280, 900), PHONE_PX], ids=["desktop", "phone"])
def test_axe_finds_nothing(page, tmp_path: Path, theme: Theme, size_px: tuple[int, int]) -> None:
    given = planted()
    result = replace(given["result"], warnings=("Take care.",), parts={"head": "simulated: x"})
    path = write_report(
        tmp_path,
        **{**given, "result": result},
        settings=settings_from("default", seed=3),
        timings={"head": 0.5},
        simulated_errors={"person_size": 0.17},
        files={"depth": tmp_path / "depth.npz"},
        asked=ASKED,
    )
    open_report(page, path, theme=theme, size_px=size_px)
    for details in page.locator("details").all():
        details.locator("summary").click()
    click(page, 10, 10, result)
    click(page, 50, 30, result)
    assert accessibility_violations(page) == []


def test_a_phone_needs_no_scrolling_sideways_and_measures_by_finger(
    browser, page, tmp_path: Path
) -> None:
    result = slanted()
    opened(page, tmp_path, result)
    context = browser.new_context(
        viewport={"width": PHONE_PX[0], "height": PHONE_PX[1]}, has_touch=True, is_mobile=True
    )
    phone = context.new_page()
    open_report(phone, write_report(tmp_path, **planted()), size_px=PHONE_PX)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE_PX[0]
    depth = planted()["result"]
    click(phone, 10, 10, depth, tap=True)
    click(phone, 50, 30, depth, tap=True)
    assert phone.inner_text("#between").startswith(metres(depth.distance((10, 10), (50, 30))))
    context.close()


def test_an_answer_of_any_length_leaves_all_numbers_in_view(page, tmp_path: Path) -> None:
    open_report(page, write_report(tmp_path, asked=ASKED, **planted()), size_px=(600, 900))
    table = page.locator(".table[aria-label=Questions]")
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")
    sentence = table.locator("tbody tr").nth(1).bounding_box()
    assert sentence["height"] < 4 * 24, "in px, so much as three lines"
    assert table.inner_text().count("set aside") == 2


def test_on_paper_photo_and_depth_stand_side_by_side_and_whole(page, tmp_path: Path) -> None:
    opened(page, tmp_path, slanted())
    page.emulate_media(media="print")
    photo, depth = (page.locator(f".{side}-side").bounding_box() for side in ("photo", "depth"))
    assert depth["x"] >= photo["x"] + photo["width"]
    assert depth["width"] == pytest.approx(photo["width"], abs=1)
    clip = page.evaluate("getComputedStyle(document.querySelector('.depth-side')).clipPath")
    assert clip == "none"
    assert not page.is_visible("#divider") and not page.is_visible("#clear")


def test_names_run_no_script(page, tmp_path: Path) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    open_report(page, write_report(tmp_path, **evil_records()))
    assert page.inner_text("h1") == EVIL
    assert page.locator("img[onerror], [src='x']").count() == 0


@pytest.mark.slow
def test_a_whole_run_is_small_and_measures_as_the_api(page, tmp_path: Path) -> None:
    """640 x 480 px, and all 32 painted."""
    settings = settings_from("default", target_error=0.0)
    world = SimulatedWorld(*load_demo_scene(), SimulatedErrors.strength("default"), settings.seed)
    method = MetricFromHuman(**simulated_parts(world), settings=settings)
    prediction = method.run(world.photo)
    paths = prediction.write(tmp_path, settings=settings)
    assert prediction.depth.depth_m.shape == (480, 640) and len(prediction.images) == 33
    assert paths["report"].stat().st_size < 2_000_000
    open_report(page, paths["report"])
    assert page.locator(".cards .card").count() == 32
    result = prediction.depth
    for p, q in (((100, 400), (500, 350)), ((320, 240), (330, 250))):
        click(page, *p, result)
        click(page, *q, result)
        # A pixel of the photo is hardly larger than one of the screen.
        places = places_of(page)
        np.testing.assert_allclose(places, [p, q], atol=1)
        told = page.inner_text("#between").split(" ± ")[0]
        assert told == metres(result.distance(*places))
