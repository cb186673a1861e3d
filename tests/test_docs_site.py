"""The documentation as a site: it builds without a warning, and fetches nothing from elsewhere."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import accessibility_violations, show
from docs_pages import DOCS, REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("mkdocs", reason='MkDocs is not installed: pip install -e ".[docs]"')
pytest.importorskip(
    "mkdocstrings", reason='mkdocstrings is not installed: pip install -e ".[docs]"'
)

_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
_NOT_FETCHED = {"canonical", "next", "prev"}
_OF_THE_THEME = "landmark-unique"
"""The theme gives the buttons of every block of code one and the same name."""
_PUBLIC = (
    "mfh",
    "mfh.camera",
    "mfh.datasets",
    "mfh.estimators",
    "mfh.estimators.clip2depth",
    "mfh.estimators.depthlm",
    "mfh.estimators.depthlm.training",
    "mfh.evaluation",
    "mfh.evaluation.consistency",
    "mfh.evaluation.methods",
    "mfh.head",
    "mfh.simulation",
)
"""The packages of which every name is for other code."""
_PAGES = ("index.html", "how_it_works.html", "api/records.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning ends the build."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        # The theme's own notice about versions to come is no warning about these pages.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = built.stdout + built.stderr
    assert built.returncode == 0, printed
    assert "WARNING" not in printed, printed
    return folder


class _Fetched(HTMLParser):
    """Collects what a browser gets by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") in _NOT_FETCHED:
            return
        address = values.get(_FETCHED.get(tag, ""))
        if address:
            self.addresses.append(address)


def test_every_page_is_there(site: Path) -> None:
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert pages <= {path.relative_to(site) for path in site.rglob("*.html")}


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = _Fetched()
        page.feed(path.read_text("utf-8"))
        assert page.addresses
        outside = [each for each in page.addresses if re.match(r"(?i)(\w+:)?//", each)]
        assert not outside, f"{path.name}: {outside}"
    for path in site.rglob("*.css"):
        assert not re.search(r"(?i)(url\(|@import)\s*['\"]?(\w+:)?//", path.read_text("utf-8"))


def test_the_reference_has_the_public_names(site: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in (site / "api").glob("*.html"))
    # Several packages have a name such as `train`: it counts where it is that package's.
    lacking = [
        f"{package}.{name}"
        for package in _PUBLIC
        for name in importlib.import_module(package).__all__
        if not re.search(rf'id="{re.escape(package)}\.(\w+\.)*{name}"', text)
    ]
    assert not lacking


def test_fields_of_docstrings_are_lists(site: Path) -> None:
    page = (site / "api/records.html").read_text("utf-8")
    assert "<li><code>fx, fy</code>: focal lengths in px, positive.</li>" in page


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", _PAGES)
def test_pages_open_from_disk_and_can_be_read_by_all(
    site: Path, page: Page, name: str, theme: str
) -> None:
    show(page, site / name, theme=theme)
    assert page.locator("h1").count() == 1
    found = accessibility_violations(page)
    assert [each for each in found if not each.startswith(_OF_THE_THEME)] == []
