from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_results import known_distances, painted_photos, recorded_texts
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, label

from mfh.camera import resize_intrinsics
from mfh.errors import InputError
from mfh.records import Intrinsics, Landmarks
from mfh.results import contact_sheet
from mfh.results.tiles import PEOPLE, SET_ASIDE, tile
from mfh.verdicts import DISAGREES

KEPT, DROPPED = (18, 132, 68), (200, 36, 48)


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return recorded_texts(monkeypatch)


def test_each_photo_says_what_became_of_it(texts: list[str]) -> None:
    painted, landmarks = painted_photos(3)
    sheet = contact_sheet(
        painted, landmarks, ["", "nobody found", ""], title="street", simulated=True
    )
    assert texts[0] == "street"
    words = " ".join(texts)
    assert "2 of 3 painted photos kept; dropped: nobody found (1)" in words
    assert "Simulated" in words
    for number, verdict in enumerate(["kept", "dropped: nobody found", "kept"]):
        assert texts[texts.index(f"000{number} · a man") + 1] == verdict
    assert {"2.0 m", "4.0 m", "3.0 m", "6.0 m", "8.0 m"} <= set(texts)
    pixels = np.asarray(sheet).reshape(-1, 3)
    borders = [int((pixels == colour).all(1).sum()) for colour in (KEPT, DROPPED)]
    assert borders[0] > 1.8 * borders[1] > 0


def test_who_was_refused_is_told_with_the_reason(texts: list[str]) -> None:
    reason = "somebody sits behind a table: too little of them is seen"
    painted, landmarks = painted_photos(3)
    contact_sheet(painted, landmarks, ["", reason, ""])
    words = " ".join(texts)
    assert f"2 of 3 painted photos kept; dropped: {reason} (1)" in words
    assert f"dropped: {reason}" in " ".join(texts[texts.index("0001 · a man") :])


def test_of_very_many_some_are_shown_and_it_says_so(texts: list[str]) -> None:
    painted, landmarks = painted_photos(200, 12, 64)
    contact_sheet(painted, landmarks, [""] * 200)
    names = [text for text in texts if text.endswith("· a man")]
    assert len(names) == 64
    assert names[0].startswith("0000")
    assert names[-1].startswith("0196")
    assert any("64 shown, evenly spaced" in text for text in texts)


@pytest.mark.parametrize("count", [1, 2, 5, 32])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (75, 248), (96, 64), (400, 64), (41, 900)])
def test_sheets_fit_a_screen(count: int, height: int, width: int) -> None:
    painted, landmarks = painted_photos(count, height, width)
    sheet = contact_sheet(painted, landmarks, ["a long reason to drop it " * 9] * count)
    assert 700 <= sheet.width <= 1800
    assert sheet.height <= 5000


def test_a_tile_outlines_the_strip_and_the_people() -> None:
    painted, landmarks = painted_photos(1)
    drawn = np.asarray(
        tile(painted.images[0], painted.repainted[0], landmarks[0], (640, 480)), np.int32
    )
    assert (np.abs(drawn[450, 200:204] - 255).sum(-1) < 60).any()  # the strip's left border
    assert (np.abs(drawn[300, 220:224] - PEOPLE[0]).sum(-1) < 60).any()
    assert (np.abs(drawn[300, 320:324] - PEOPLE[1]).sum(-1) < 60).any()
    assert np.array_equal(drawn[300, 250], [128] * 3)  # people themselves are left as painted
    assert np.array_equal(drawn[:, 500:].min((0, 1)), [128] * 3)


def test_who_was_set_aside_is_red_and_in_brackets(texts: list[str]) -> None:
    painted, landmarks = painted_photos(2)
    aside = [np.array([False, True]), np.array([True, True])]
    sheet = contact_sheet(painted, landmarks, ["", DISAGREES], set_aside=aside, title="street")
    assert {"2.0 m", "(4.0 m)", "(3.0 m)", "(6.0 m)"} <= set(texts)
    assert texts[texts.index("0000 · a man") + 1] == "kept, 1 of 2 set aside"
    assert texts[texts.index("0001 · a man") + 1] == "dropped: disagrees with the others"
    legend = "Red and in brackets: disagrees with the others, and was set aside."
    assert any(legend in text for text in texts)
    pixels = np.asarray(sheet).reshape(-1, 3)
    assert (pixels == SET_ASIDE).all(1).sum() > 100

    texts.clear()
    contact_sheet(painted, landmarks, ["", ""])
    assert not any("set aside" in text for text in texts)


@pytest.mark.parametrize(("verdict", "said"), [("", "used"), (DISAGREES, f"not used: {DISAGREES}")])
def test_the_photo_itself_is_used_or_not(verdict: str, said: str, texts: list[str]) -> None:
    painted, landmarks = painted_photos(1)
    photo = replace(painted, repainted=np.zeros_like(painted.repainted), prompts=("",))
    contact_sheet(photo, landmarks, [verdict])
    assert texts[texts.index("0000") + 1] == said
    assert "Nothing painted" in texts


def test_a_known_distance_is_a_cross_with_what_a_tape_would_tell(texts: list[str]) -> None:
    painted, _ = painted_photos(1, 480, 640)
    points = known_distances({(420, 90): 2.4, (100, 300): 31.25}, 480, 640)
    camera = Intrinsics(500, 500, 320, 240, 480, 640)
    contact_sheet(painted, [points], [""], camera=resize_intrinsics(camera, 1440, 1920))
    straight_m = 2.4 * np.sqrt((100.5 / 500) ** 2 + (149.5 / 500) ** 2 + 1)
    assert f"{straight_m:.2f} m" == "2.55 m"
    assert {"2.55 m", "34.3 m"} <= set(texts)
    assert any("Crosses: known distances, straight from the camera." in text for text in texts)
    assert not any("people" in text for text in texts)

    texts.clear()
    nothing = np.zeros((480, 640), np.bool_)
    drawn = np.asarray(tile(painted.images[0], nothing, points, (320, 240)), np.int32)
    assert {"2.40 m", "31.2 m"} <= set(texts)  # without a camera, depth
    for x, y in ((210, 45), (50, 150)):
        assert (drawn[y, x - 4 : x + 4] == 255).all()
        assert (drawn[y - 4 : y + 4, x] == 255).all()
        assert np.array_equal(drawn[y + 4, x + 4], [128] * 3)

    red = tile(painted.images[0], nothing, points, (320, 240), set_aside=np.array([True, False]))
    assert red.getpixel((210, 45)) == SET_ASIDE
    assert red.getpixel((50, 150)) == (255, 255, 255)


@pytest.mark.parametrize("place", [(0, 0), (63, 47), (63, 0), (0, 47)])
def test_a_cross_at_the_border(place: tuple[int, int], texts: list[str]) -> None:
    painted, _ = painted_photos(1)
    tile(painted.images[0], painted.repainted[0], known_distances({place: 2.4}), (90, 68))
    assert texts == ["2.40 m"]


def test_of_very_many_known_distances_some_are_labelled(texts: list[str]) -> None:
    painted, _ = painted_photos(1, 240, 320)
    points = {(x, y): 1 + 0.01 * x for x in range(0, 320, 4) for y in range(0, 240, 4)}
    drawn = tile(
        painted.images[0], painted.repainted[0], known_distances(points, 240, 320), (320, 240)
    )
    assert drawn.size == (320, 240)
    assert len(texts) < 50
    few = {(40 + 60 * k, 120): 2.0 + k for k in range(5)}
    texts.clear()
    tile(painted.images[0], painted.repainted[0], known_distances(few, 240, 320), (320, 240))
    assert texts == ["2.00 m", "3.00 m", "4.00 m", "5.00 m", "6.00 m"]


def drawn_tile(owner: NDArray[np.int16]) -> NDArray[np.int32]:
    """The tile of a grey photo of these people, as large as the photo."""
    height, width = owner.shape
    depth_m = np.where(owner < 0, np.nan, 3.0).astype(np.float32)
    landmarks = Landmarks(depth_m, owner, np.ones(owner.max() + 1, np.float32))
    image = np.full((height, width, 3), 128, np.uint8)
    nothing = np.zeros((height, width), np.bool_)
    drawn = tile(image, nothing, landmarks, (width, height))
    return np.asarray(drawn, np.int32)


def visible(drawn: NDArray[np.int32], inside: NDArray[np.bool_]) -> float:
    """The share of pixels that are left as they were."""
    return float((drawn[inside] == 128).all(-1).mean())


@pytest.mark.parametrize("top", [0, 5, 15, 40])
def test_labels_leave_heads_free(top: int) -> None:
    owner = np.full((240, 320), -1, np.int16)
    owner[top : top + 90, 100:130] = 0
    owner[top + 4 : top + 94, 140:170] = 1
    drawn = drawn_tile(owner)
    for person in (0, 1):
        inner = binary_erosion(owner == person, iterations=4)
        assert visible(drawn, inner) == 1
    # Both labels are whole: the ink of neither lies under the other.
    white = (drawn == 255).all(-1)
    assert label(binary_dilation(white, iterations=4))[1] == 2


def test_a_crowd_is_drawn_wherever_it_stands() -> None:
    owner = np.full((60, 40), -1, np.int16)
    for person in range(8):
        owner[5 * person : 5 * person + 20, 5 * person : 5 * person + 5] = person
    assert drawn_tile(owner).shape == (60, 40, 3)


@pytest.mark.parametrize(("height", "thin"), [(40, True), (58, True), (62, False)])
def test_small_people_stay_visible(height: int, thin: bool) -> None:
    owner = np.full((240, 320), -1, np.int16)
    owner[100 : 100 + height, 150:156] = 0
    drawn = drawn_tile(owner)
    assert (visible(drawn, owner == 0) == 1) == thin
    row = drawn[100 + height // 2]
    painted_columns = np.flatnonzero((row != 128).any(-1))
    if thin:
        assert painted_columns.tolist() == [149, 156]
        assert (row[painted_columns] == PEOPLE[0]).all()


def test_numbers_must_agree() -> None:
    painted, landmarks = painted_photos(2)
    with pytest.raises(
        InputError,
        match="2 painted photos, 2 landmarks, 1 verdicts and 2 arrays of what was set aside",
    ):
        contact_sheet(painted, landmarks, [""])
    nothing, _ = painted_photos(0)
    with pytest.raises(InputError, match="0 painted photos"):
        contact_sheet(nothing, [], [])
