from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_results import recorded_texts
from numpy.typing import NDArray
from PIL import Image

from mfh.results import depth_picture, error_picture
from mfh.results.colour_scale import ERROR, ColourScale, depth_scale, error_scale
from mfh.results.typography import fitted, font, wrapped

UNKNOWN, INFINITE = (150, 152, 156), (198, 216, 236)
ANY_DEPTH, ANY_ERROR = ColourScale(1, 2), ColourScale(0, 1, quantity=ERROR)


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return recorded_texts(monkeypatch)


def ramp(near_m: float, far_m: float, height: int = 480, width: int = 640) -> NDArray[np.float32]:
    return np.repeat(np.linspace(far_m, near_m, height, dtype=np.float32)[:, None], width, 1)


def labels_of(texts: list[str]) -> set[str]:
    return {text for text in texts if text.endswith(" m")}


def test_round_metres_along_the_bar(texts: list[str]) -> None:
    depth_picture(ramp(1.0, 4.0), title="room", note="Simulated.")
    assert texts[:2] == ["room", "Simulated."]
    assert labels_of(texts) == {"1 m", "1.5 m", "2 m", "2.5 m", "3 m", "3.5 m", "4 m"}


def test_a_wide_range_has_ratios_along_the_bar(texts: list[str]) -> None:
    depth_m = ramp(4.0, 90.0)
    depth_m[:20] = np.inf
    depth_picture(depth_m)
    labels = labels_of(texts)
    assert {"10 m", "20 m", "50 m"} <= labels
    assert any(label.startswith("≥ ") for label in labels)
    assert any(label.startswith("≤ ") for label in labels)


def test_colours_are_those_of_the_bar_and_holes_are_grey() -> None:
    depth_m = np.full((480, 640), 2.0, np.float32)
    depth_m[:, 320:] = 4.0
    depth_m[:100] = np.nan
    depth_m[100:200] = np.inf
    picture = np.asarray(depth_picture(depth_m))
    near, far = ANY_DEPTH.colours(np.array([0.0, 1.0]))
    left, top = 16, 16
    assert tuple(picture[top + 50, left + 50]) == UNKNOWN
    assert tuple(picture[top + 150, left + 50]) == INFINITE
    assert np.array_equal(picture[top + 400, left + 50], near)
    assert np.array_equal(picture[top + 400, left + 600], far)


def test_max_m_sets_the_far_end(texts: list[str]) -> None:
    depth_picture(ramp(1.0, 40.0), max_m=7.5)
    assert "≥ 7.5 m" in texts


@pytest.mark.parametrize(
    ("height", "width", "map_size"),
    [
        (480, 640, (640, 480)),
        (375, 1242, (1242, 375)),
        (6016, 4016, (1068, 1600)),
        (60, 80, (480, 360)),
        (1, 1, (480, 480)),
    ],
)
def test_any_photo_makes_a_picture_of_bounded_size(
    height: int, width: int, map_size: tuple[int, int]
) -> None:
    picture = depth_picture(ramp(1.0, 9.0, height, width), title="photo " * 60, note="note")
    assert picture.mode == "RGB"
    assert map_size[0] < picture.width < map_size[0] + 0.35 * max(map_size)
    assert map_size[1] < picture.height < map_size[1] + 0.35 * max(map_size)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0])
@pytest.mark.parametrize("shape", [(300, 400), (300, 900)])
def test_nothing_known_and_one_depth_alone(value: float, shape: tuple[int, int]) -> None:
    picture = np.asarray(depth_picture(np.full(shape, value, np.float32)))
    middle = picture[16 + 150, 16 + 200]
    if np.isnan(value):
        assert tuple(middle) == UNKNOWN
    elif np.isinf(value):
        assert tuple(middle) == INFINITE
    else:
        assert np.abs(middle.astype(int) - ANY_DEPTH.colours(np.array([0.5]))[0]).max() <= 12


def test_the_scale_spans_the_percentiles_and_ignores_outliers() -> None:
    depth_m = np.linspace(1, 3, 10_000, dtype=np.float32).reshape(100, 100)
    depth_m[0, 0], depth_m[0, 1] = 0.01, 500
    scale = depth_scale(depth_m)
    assert scale == ColourScale(1.0, 3.0, low_clipped=True, high_clipped=True)
    assert np.allclose(scale.fraction([0.01, 1, 2, 3, np.inf]), [0, 0, 0.5, 1, 1])


def test_equal_ratios_are_equal_steps_on_a_wide_scale() -> None:
    scale = ColourScale(1.0, 100.0)
    assert np.allclose(scale.fraction([1, 10, 100]), [0, 0.5, 1])


@pytest.mark.parametrize("near_m", [0.02, 0.9, 1.0, 3.3, 47.0])
@pytest.mark.parametrize("ratio", [1.05, 1.5, 4.9, 5.1, 30.0, 2000.0])
@pytest.mark.parametrize("min_gap", [0.03, 0.08, 0.3])
def test_ticks_never_collide(near_m: float, ratio: float, min_gap: float) -> None:
    ticks = ColourScale(near_m, near_m * ratio).ticks(min_gap)
    fractions = [fraction for fraction, _ in ticks]
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert (np.diff(fractions) >= min_gap - 1e-9).all()
    assert len({label for _, label in ticks}) == len(ticks)
    if min_gap < 0.05:
        assert 4 <= len(ticks) <= 12


def test_infinite_depth_is_not_beyond_the_far_end() -> None:
    depth_m = np.full((10, 10), 2.0, np.float32)
    depth_m[5:] = 4.0
    depth_m[0] = np.inf
    assert depth_scale(depth_m) == ColourScale(2.0, 4.0)


def test_errors_are_drawn_in_per_cent_from_zero(texts: list[str]) -> None:
    error = np.full((480, 640), 0.05, np.float32)
    error[:, 320:] = 0.10
    error[:100] = np.inf
    picture = np.asarray(error_picture(error, title="room", note="± 9 %"))
    assert texts[:2] == ["room", "± 9 %"]
    labels = {text for text in texts if text.endswith(" %")} - {"± 9 %"}
    assert labels == {f"{percent} %" for percent in range(11)}
    assert "farther than the fit can tell" in texts
    half, most = ANY_ERROR.colours(np.array([0.5, 1.0]))
    assert tuple(picture[16 + 50, 16 + 50]) == INFINITE
    assert np.abs(picture[16 + 400, 16 + 50].astype(int) - half).max() <= 1
    assert np.array_equal(picture[16 + 400, 16 + 600], most)


@pytest.mark.parametrize(
    ("low", "high", "end", "clipped"),
    [
        (0.081, 0.1412, 0.15, False),
        (0.02, 0.03, 0.03, False),
        (0.0012, 0.0034, 0.0034, False),
        (0.3, 25.0, 1.0, True),
        (0.1, 0.9, 0.4, True),
        (0.0, 0.0, 0.001, False),
    ],
)
def test_the_scale_of_errors_ends_at_a_whole_number(
    low: float, high: float, end: float, clipped: bool
) -> None:
    error = np.array([[low] * 60 + [high] * 40 + [np.inf] * 9], np.float32)
    scale = error_scale(error)
    assert scale == ColourScale(0.0, pytest.approx(end), high_clipped=clipped, quantity=ERROR)
    labels = [label for _, label in scale.ticks(0.05)]
    assert labels[0] == "0 %"
    assert labels[-1] == f"{'≥ ' * clipped}{100 * end:g} %"
    assert 4 <= len(labels) <= 12
    assert len(set(labels)) == len(labels)


def test_no_error_known() -> None:
    error = np.full((300, 400), np.nan, np.float32)
    assert error_scale(error) is None
    assert tuple(np.asarray(error_picture(error))[16 + 150, 16 + 200]) == UNKNOWN


@pytest.mark.parametrize("shape", [(375, 1242), (900, 506), (600, 600), (800, 100)])
def test_a_legend_names_the_colours_off_the_scale(texts: list[str], shape: tuple[int, int]) -> None:
    depth_m = ramp(1.0, 9.0, *shape)
    depth_picture(depth_m)
    assert labels_of(texts) == set(texts)
    depth_m[:50] = np.inf
    depth_picture(depth_m)
    assert "farther than the fit can tell" in texts
    assert "unknown" not in texts
    depth_m[50:80] = np.nan
    picture = np.asarray(depth_picture(depth_m))
    assert "unknown" in texts
    bottom = picture[-50:]
    for colour in (INFINITE, UNKNOWN):
        assert (bottom == colour).all(-1).sum() >= 10 * 10


def test_the_colours_off_the_scale_differ_in_lightness() -> None:
    luma = np.array([0.299, 0.587, 0.114])
    assert np.dot(INFINITE, luma) - np.dot(UNKNOWN, luma) > 50
    for scale in (ANY_DEPTH, ANY_ERROR):
        colours = scale.colours(np.linspace(0, 1, 256)).astype(int)
        for colour in (INFINITE, UNKNOWN):
            assert np.linalg.norm(colours - colour, axis=1).min() > 60


@pytest.mark.parametrize(("width", "count"), [(1242, 1), (506, 2), (100, 5)])
def test_the_note_is_wrapped_not_cut(texts: list[str], width: int, count: int) -> None:
    note = (
        "Simulated. Depth in metres; the people agree to ± 3 % (1 sigma of their mean); "
        "camera: given"
    )
    depth_picture(ramp(1.0, 9.0, 900, width), note=note)
    lines = [text for text in texts if text not in labels_of(texts)]
    assert " ".join(lines) == note
    assert len(lines) <= count


def test_text_fits() -> None:
    text_font = font(16)
    long = "the scale of the alignment is negative " * 5
    assert text_font.getlength(fitted(long, text_font, 200)) <= 200
    assert fitted("short", text_font, 200) == "short"
    lines = wrapped(long, text_font, 200, 3)
    assert len(lines) == 3
    assert all(text_font.getlength(line) <= 200 for line in lines)
    assert lines[-1].endswith("…")
    assert wrapped("one two", text_font, 200, 3) == ["one two"]
    assert wrapped("w" * 80, text_font, 200, 3)[0].endswith("…")


def test_a_measured_room(shared: Path, texts: list[str]) -> None:
    depth = np.asarray(Image.open(shared / "data" / "nyu" / "living_room_depth.png"))
    depth_m = np.where(depth > 0, depth / 1000, np.nan).astype(np.float32)
    depth_picture(depth_m)
    assert "unknown" in texts
    assert {"2 m", "3 m", "5 m"} <= labels_of(texts)
