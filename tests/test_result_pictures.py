"""A result in a notebook and in Matplotlib axes."""

from __future__ import annotations

import base64
import io
import re
import sys
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest
from fake_results import SIMULATED, metric_depth, robust_depth
from PIL import Image

from mfh import Intrinsics
from mfh.errors import MissingPartError
from mfh.results.summary import summary_lines

mpl.use("Agg")

DEPTH_M = np.linspace(1.5, 6, 60 * 90).reshape(60, 90)


class Seen(HTMLParser):
    """Tags with their attributes, and the text, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def picture_of(seen: Seen) -> Image.Image:
    (attributes,) = [attributes for tag, attributes in seen.tags if tag == "img"]
    start, encoded = str(attributes["src"]).split(",", 1)
    assert re.fullmatch(r"data:image/\w+;base64", start)
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def test_a_notebook_shows_picture_scale_camera_and_error() -> None:
    depth = robust_depth(DEPTH_M)
    seen = Seen(depth._repr_html_())
    for label, words in summary_lines(depth):
        assert label in seen.text
        assert words in seen.text
    assert "± 9 % (1 sigma" in seen.text
    assert "fx 500.5 px" in seen.text
    picture = np.asarray(picture_of(seen).convert("RGB"), int)
    # Yellow near the top left, dark blue near the bottom right of the map.
    height, width = picture.shape[:2]
    near, far = picture[height // 6, width // 6], picture[height * 3 // 4, width // 2]
    assert near[0] > near[2] + 100
    assert far[2] > far[0]


def test_a_notebook_shows_a_large_map_small() -> None:
    depth = robust_depth(np.tile(np.linspace(1, 9, 2400, dtype=np.float32), (1800, 1)))
    html = depth._repr_html_()
    assert len(html) < 100_000
    assert max(picture_of(Seen(html)).size) < 700


def test_nothing_in_a_result_becomes_markup_in_a_notebook() -> None:
    evil = '<script>alert(1)</script><img src=x onerror="alert(2)">" onload="'
    depth = metric_depth(
        DEPTH_M,
        warnings=(evil,),
        parts={"painter": f"simulated: {evil}", evil: "simulated"},
        device=evil,
        painting=evil,
        camera=Intrinsics(500, 500, 45, 30, 60, 90, "given", evil),
    )
    seen = Seen(depth._repr_html_())
    tags = {tag for tag, _ in seen.tags}
    assert tags <= {"div", "p", "strong", "img", "table", "tbody", "tr", "th", "td", "ul", "li"}
    names = {name for _, attributes in seen.tags for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert seen.text.count("<script>") >= 4


def test_a_notebook_does_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    from mfh.results import colour_scale, typography

    colour_scale._table.cache_clear()
    typography.font.cache_clear()
    seen = Seen(robust_depth(DEPTH_M)._repr_html_())
    assert "img" not in {tag for tag, _ in seen.tags}
    assert "pip install matplotlib" in seen.text
    assert "± 9 % (1 sigma" in seen.text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_notebook_shows_a_result_without_finite_depth(value: float) -> None:
    seen = Seen(metric_depth(np.full((40, 50), value))._repr_html_())
    assert "no finite depth" in seen.text
    picture_of(seen)


def test_the_plot_shows_depth_where_at_finds_it() -> None:
    depth_m = DEPTH_M.copy()
    depth_m[2:5, 3:9], depth_m[10, 80] = np.nan, np.inf
    depth = robust_depth(depth_m)
    ax = depth.plot()
    backdrop, drawn = ax.get_images()
    assert drawn.get_extent() == backdrop.get_extent() == [0, 90, 60, 0]
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 90), (60, 0))
    shown = drawn.get_array()
    np.testing.assert_array_equal(shown.mask, ~np.isfinite(depth_m))
    np.testing.assert_allclose(shown.compressed(), depth_m[np.isfinite(depth_m)], rtol=1e-6)
    assert backdrop.get_array()[3, 5].tolist() == [150, 152, 156]
    assert backdrop.get_array()[10, 80].tolist() == [198, 216, 236]
    assert ax.get_title() == "± 9 % (1 sigma)"


def test_the_bar_of_a_plot_tells_metres() -> None:
    depth = robust_depth(np.linspace(0.8, 40, 60 * 90).reshape(60, 90))
    ax = depth.plot()
    (bar,) = ax.child_axes
    assert bar.get_ylabel() == "Depth in metres"
    labels = [label.get_text() for label in bar.get_yticklabels()]
    assert labels[-1].endswith("40 m")
    for place, label in zip(bar.get_yticks(), labels):
        assert float(re.search(r"[\d.]+", label)[0]) == pytest.approx(place)


def test_a_plot_goes_into_given_axes() -> None:
    from matplotlib import pyplot as plt

    _, (left, right) = plt.subplots(1, 2)
    assert metric_depth(DEPTH_M, parts=SIMULATED).plot(right) is right
    assert not left.get_images()
    assert right.get_title().startswith("Simulated. the people agree to")
    nothing = metric_depth(np.full((4, 5), np.nan)).plot(left)
    assert len(nothing.get_images()) == 1
    plt.close("all")


def test_without_matplotlib_plot_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPartError, match="pip install matplotlib$"):
        metric_depth(DEPTH_M).plot()
