"""The app in a real browser, with simulated stages: what a user does from a photo to a distance."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import DESKTOP_PX, PHONE_PX, accessibility_violations
from commands import start
from PIL import Image

from mfh.results import read_depth_npz
from mfh.simulation import load_demo_scene

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

_UPLOAD_MB = 3
# What axe-core finds in Gradio's own components, and nothing of ours can change: its gallery's
# pictures are described by their captions, and its 3D viewer's canvas comes first for the Tab key.
_OF_GRADIO = ("image-redundant-alt", "tabindex")


@dataclass(frozen=True)
class App:
    """A running app, and the folder its temporary files are in."""

    url: str
    temporary: Path


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    pytest.importorskip("gradio", reason="Gradio is not installed")
    temporary = tmp_path_factory.mktemp("temporary")
    code = f"import tempfile\ntempfile.tempdir = {str(temporary)!r}"
    options = ("--simulated", "--max-upload-mb", _UPLOAD_MB, "--set", "paintings=6")
    process = start("app", *options, "--port", _free_port(), code=code)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line + process.communicate()[1]
        yield App(found[0], temporary)
    finally:
        process.send_signal(subprocess.signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert not list(temporary.iterdir())


@pytest.fixture
def opened(app: App, page: Page) -> Page:
    """The page of the app."""
    page.goto(app.url)
    page.wait_for_selector("#mfh-predict")
    return page


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _upload(page: Page, path: Path) -> None:
    page.set_input_files("#mfh-upload input[type=file]", path)


def _upload_demo(page: Page, folder: Path, name: str = "room.png") -> None:
    path = folder / name
    Image.fromarray(load_demo_scene()[0].image).save(path)
    _upload(page, path)
    page.wait_for_selector("#mfh-photo img")


def _predict(page: Page) -> None:
    page.click("#mfh-predict")
    page.wait_for_selector("#mfh-measure img", timeout=120_000)


# A picture whose address is not that of the one before; until it is loaded, clicks get lost.
_IS_SHOWN = """([where, before]) => {
    const image = document.querySelector(where);
    return image && image.src !== before && image.complete && image.naturalWidth > 0;
}"""


def _click(page: Page, where: str, x: float, y: float) -> None:
    """Click a picture at fractions of its width and height, as soon as it is shown."""
    page.wait_for_function(_IS_SHOWN, arg=[f"{where} img", ""])
    picture = page.locator(f"{where} img").first
    box = picture.bounding_box()
    picture.click(position={"x": x * box["width"], "y": y * box["height"]})


def _download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.click(f'#mfh-files a[download="{name}"]')
    waiting.value.save_as(folder / name)
    return folder / name


def _typed(page: Page, where: str) -> tuple[float, ...]:
    return tuple(map(float, page.input_value(f"{where} :is(input, textarea)").split(",")))


def _type(page: Page, where: str, text: str) -> None:
    page.fill(f"{where} :is(input, textarea)", text)
    page.press(f"{where} :is(input, textarea)", "Enter")


def test_from_an_upload_to_a_distance_and_files(opened: Page, tmp_path: Path) -> None:
    page = opened
    assert page.inner_text("#mfh-simulated").startswith("Simulated: no model looks at your photo")
    _upload_demo(page, tmp_path, "room <b>x.png" if _takes_markup(tmp_path) else "room.png")
    assert "assumed" in page.inner_text("#mfh-camera")
    page.click("text=Horizontal field of view in degrees")
    page.fill("#mfh-camera-value :is(input, textarea)", "61.3")
    page.wait_for_selector("#mfh-camera >> text=from the field of view, as set")

    page.click("#mfh-predict")
    page.wait_for_selector("#mfh-gallery img")
    page.wait_for_selector("#mfh-measure img", timeout=120_000)
    assert "stand-ins that know the truth" in page.inner_text("#mfh-summary")
    assert page.locator("#mfh-gallery img").count() > 1

    before = page.eval_on_selector("#mfh-measure img", "image => image.src")
    _click(page, "#mfh-measure", 0.25, 0.8)
    page.wait_for_selector("#mfh-reading >> text=Now click the other point")
    page.wait_for_function(_IS_SHOWN, arg=["#mfh-measure img", before])
    _click(page, "#mfh-measure", 0.7, 0.6)
    page.wait_for_selector("#mfh-reading >> text=A to B")
    points = [_typed(page, f"#mfh-point-{name}") for name in "AB"]
    np.testing.assert_allclose(points, [(160, 384), (448, 288)], atol=1.5)

    depth = read_depth_npz(_download(page, "depth.npz", tmp_path))
    reading = page.inner_text("#mfh-reading")
    assert f"A to B: {depth.distance(*points):.3f} m" in reading
    assert f"{depth.at(*points[0]):.3f} m deep" in reading

    summary = json.loads(_download(page, "summary.json", tmp_path).read_text(encoding="utf-8"))
    assert summary["simulated"] is True
    assert summary["camera"]["source"] == "field of view"
    assert _download(page, "mesh.glb", tmp_path).read_bytes()[:4] == b"glTF"
    page.wait_for_selector("#mfh-model canvas")


def test_points_are_typed_as_well(opened: Page) -> None:
    page = opened
    page.click("#mfh-demo")
    page.wait_for_selector("#mfh-photo img")
    _predict(page)
    _type(page, "#mfh-point-A", "100, 400")
    _type(page, "#mfh-point-B", "500, 300")
    page.wait_for_selector("#mfh-reading >> text=B (500, 300)")
    _type(page, "#mfh-point-B", "500, 3000")
    page.wait_for_selector("#mfh-reading [role=alert] >> text=outside the photo of 640 x 480 px")
    _type(page, "#mfh-point-B", "here")
    page.wait_for_selector("#mfh-reading [role=alert] >> text=expected x and y in px")


def test_a_bad_upload_is_explained_and_the_app_lives_on(opened: Page, tmp_path: Path) -> None:
    page = opened
    broken = tmp_path / "holiday<i>.jpg" if _takes_markup(tmp_path) else tmp_path / "holiday.jpg"
    broken.write_bytes(b"no picture")
    _upload(page, broken)
    page.wait_for_selector("#mfh-upload-said [role=alert] >> text=is not an image")
    said = page.inner_text("#mfh-upload-said")
    assert said.startswith("holiday"), "the name alone, without the folder it lies in"
    assert page.locator("#mfh-upload-said i").count() == 0

    large = tmp_path / "large.jpg"
    large.write_bytes(b"\xff\xd8" + bytes((_UPLOAD_MB + 1) * 2**20))
    _upload(page, large)
    page.wait_for_selector("text=/maximum allowed size/i")

    _upload_demo(page, tmp_path)
    assert page.inner_text("#mfh-upload-said").strip() == ""


def test_a_clicked_known_distance_is_what_depth_rests_on(opened: Page, tmp_path: Path) -> None:
    page = opened
    page.click("#mfh-demo")
    page.wait_for_selector("#mfh-photo img")
    page.click("#mfh-known-add")
    page.wait_for_selector("#mfh-known [role=alert] >> text=Click the point in the photo")
    _click(page, "#mfh-photo", 0.5, 0.9)
    page.wait_for_function(
        "document.querySelector('#mfh-known-place :is(input, textarea)').value !== ''"
    )
    place = _typed(page, "#mfh-known-place")
    page.fill("#mfh-known-metres :is(input, textarea)", "2,40")
    page.click("#mfh-known-add")
    page.wait_for_selector("#mfh-known li >> text=2.4 m")
    _predict(page)
    assert "one used" in page.inner_text("#mfh-summary")
    depth = read_depth_npz(_download(page, "depth.npz", tmp_path))
    straight = np.linalg.norm(depth.points()[int(place[1]), int(place[0])])
    assert straight == pytest.approx(2.4, rel=0.05)


def test_a_prediction_can_be_stopped_and_begun_again(opened: Page) -> None:
    page = opened
    page.click("#mfh-demo")
    page.wait_for_selector("#mfh-photo img")
    page.click("#mfh-predict")
    page.wait_for_selector("#mfh-progress progress")
    page.click("#mfh-stop")
    page.wait_for_selector("#mfh-progress >> text=Stopped", timeout=60_000)
    _predict(page)


def test_predictions_wait_for_their_turn(app: App, opened: Page) -> None:
    first, second = opened, opened.context.new_page()
    second.goto(app.url)
    for page in (first, second):
        page.click("#mfh-demo")
        page.wait_for_selector("#mfh-photo img")
        page.click("#mfh-predict")
        page.wait_for_selector("#mfh-progress .mfh-said, #mfh-progress progress")
    assert "one prediction at a time" in second.inner_text("#mfh-progress")
    for page in (first, second):
        page.wait_for_selector("#mfh-measure img", timeout=120_000)


def test_the_files_of_a_closed_tab_are_removed(app: App, opened: Page, tmp_path: Path) -> None:
    def tabs() -> set[Path]:
        return set(app.temporary.glob("*/tab-*"))

    before = tabs()
    page = opened.context.new_page()
    page.goto(app.url)
    _upload_demo(page, tmp_path)
    (own,) = tabs() - before
    assert not list(app.temporary.rglob("room.png")), "the uploaded file is not kept"
    page.close()
    for _ in range(100):
        if not own.exists():
            break
        opened.wait_for_timeout(100)
    assert not own.exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size_px", [DESKTOP_PX, PHONE_PX])
def test_axe_finds_nothing_in_what_is_ours(
    app: App, page: Page, theme: str, size_px: tuple[int, int]
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": size_px[0], "height": size_px[1]})
    page.goto(app.url)
    page.click("#mfh-demo")
    page.wait_for_selector("#mfh-photo img")
    _predict(page)
    _click(page, "#mfh-measure", 0.4, 0.8)
    page.wait_for_selector("#mfh-reading >> text=Now click the other point")
    found = accessibility_violations(page)
    assert [each for each in found if not each.startswith(_OF_GRADIO)] == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size_px[0], "nothing to scroll sideways"


def test_it_listens_to_this_machine_alone(app: App) -> None:
    port = int(app.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(OSError), socket.create_connection((_own_address(), port), timeout=2):
        pass


def _own_address() -> str:
    """An address of this machine by which others reach it; none where it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no other address than the loopback's")
        address: str = sock.getsockname()[0]
    return address


def _takes_markup(folder: Path) -> bool:
    """Whether files here can have names with < and >, which those of Windows cannot."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, suffix="<b>"):
            return True
    except OSError:
        return False
