"""A real browser for tests of pages: fixtures `browser` and `page`, and what they share.

The browser is Chromium: `MFH_CHROMIUM`, or `chromium` on the path. Tests that ask for one skip
where it, or Playwright, is absent.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Theme = Literal["light", "dark"]

DESKTOP_PX = (1280, 900)
PHONE_PX = (390, 844)

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_LOCAL_SCHEMES = {"file", "data", "blob", "about"}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def chromium() -> str | None:
    """Where Chromium is; None where there is none."""
    return os.environ.get("MFH_CHROMIUM") or shutil.which("chromium")


# Of a module, not of the session: while it is open, an event loop runs in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, shared by the tests of a module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium: neither MFH_CHROMIUM nor `chromium` on the path")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page that reaches this machine alone.

    Whatever else it asks for is refused, and the test fails in the end, naming the addresses.
    """
    context = browser.new_context(viewport=_size(DESKTOP_PX), color_scheme="light")
    refused: list[str] = []

    def refuse(route: Any) -> None:
        refused.append(route.request.url)
        route.abort()

    def refuse_socket(socket: Any) -> None:
        refused.append(socket.url)
        socket.close()

    context.route(lambda url: not is_local(url), refuse)
    context.route_web_socket(lambda url: not is_local(url), refuse_socket)
    yield context.new_page()
    context.close()
    assert not refused, f"the page asked for {', '.join(refused)}"


def is_local(url: str) -> bool:
    """Whether an address is a file, part of the page itself, or served by this machine."""
    parts = urlsplit(url)
    return parts.scheme in _LOCAL_SCHEMES or parts.hostname in _LOOPBACK


def show(
    page: Page, path: Path, *, theme: Theme = "light", size_px: tuple[int, int] = DESKTOP_PX
) -> None:
    """Open an HTML file."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(_size(size_px))
    page.goto(path.resolve().as_uri())


def screenshot(page: Page, path: Path) -> Path:
    """Save all of the page as it is, however long, as a PNG file."""
    page.screenshot(path=path, full_page=True, animations="disabled")
    return path


def accessibility_violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is: rule, what it asks, and where."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']} ({', '.join(str(node['target']) for node in rule['nodes'])})"
        for rule in found
    ]


def _size(size_px: tuple[int, int]) -> Any:
    return {"width": size_px[0], "height": size_px[1]}
