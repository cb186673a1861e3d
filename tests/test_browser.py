"""The fixture `page` itself: that a page which asks for something from elsewhere does not pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser import accessibility_violations, is_local, show


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("file:///a/report.html", True),
        ("data:image/png;base64,AA", True),
        ("http://127.0.0.1:7860/queue", True),
        ("ws://localhost:1/x", True),
        ("http://[::1]/", True),
        ("https://example.org/a.js", False),
        ("http://127.0.0.1.example.org/", False),
        ("ws://example.org/localhost", False),
    ],
)
def test_what_is_local(url: str, local: bool) -> None:
    assert is_local(url) == local


def test_axe_finds_a_picture_without_words(page, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text('<!DOCTYPE html><html lang="en"><title>t</title><img src="data:,">')
    show(page, bad)
    assert any(found.startswith("image-alt") for found in accessibility_violations(page))


@pytest.mark.usefixtures("browser")  # skips where there is none
def test_a_page_that_asks_for_something_elsewhere_fails(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from browser import browser, page")
    (tmp_path / "test_asking.py").write_text(
        """
def test_asks(page):
    page.set_content("<img src='https://example.org/a.png'>")
    page.wait_for_timeout(300)
"""
    )
    found = filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(found)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed, 1 error" in result.stdout
    assert "the page asked for https://example.org/a.png" in result.stdout
