"""The report of a run: what it says, what it holds, and that nothing in it is taken for markup."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_results import known_distances, painted_photos, robust_depth
from numpy.typing import NDArray
from parsed_html import Parsed

from mfh.disparity import unaligned
from mfh.records import Counts, Disparity, Intrinsics, Landmarks, MetricDepth, Photo
from mfh.results.report import write_report
from mfh.results.report.overlays import with_bodies
from mfh.results.report.packing import PackedDepth, pack_depth
from mfh.results.report.votes import votes_of
from mfh.settings import settings_from

SHAPE = (48, 64)


def unpacked(packed: PackedDepth) -> NDArray[np.float32]:
    """What `PackedDepth` says it holds."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(packed.text)), np.uint8)
    folded = np.ascontiguousarray(raw.reshape(4, -1).T).view("<u4")[:, 0].astype(np.int64)
    differences = np.where(folded & 1, -(folded >> 1) - 1, folded >> 1)
    bits = np.cumsum(np.cumsum(differences.reshape(packed.height, packed.width), 0), 1)
    return ((bits << packed.dropped_bits) % 2**32).astype(np.uint32).view(np.float32)


def planted(kind: str = "photo") -> dict[str, Any]:
    """Records of a photo with one known distance and two painted photos, whose fit is planted.

    In the first painted photo one of two people was set aside; in the second nobody was found.
    """
    depth_m = np.repeat(np.linspace(12, 2, SHAPE[0], dtype=np.float32)[:, None], SHAPE[1], 1)
    result = robust_depth(depth_m)
    assert result.head is not None
    painted, landmarks = painted_photos(2, *SHAPE)
    nobody = known_distances({}, *SHAPE)
    landmarks = [known_distances({(30, 40): 2.0}, *SHAPE), landmarks[0], nobody]
    head = replace(result.head, used=np.array([True, True, False]))
    # The first person stands where the fit says 2 m, the second where it says 5 m.
    fitted_m = np.full((3, *SHAPE), 2.0)
    fitted_m[1][landmarks[1].owner == 1] = 5.0
    aligned = unaligned(Disparity((1 / fitted_m - head.offset) / head.scale))
    photo = Photo(np.full((*SHAPE, 3), 90, np.uint8), result.camera, kind)
    owners = [np.array([False]), np.array([False, True]), np.zeros(0, np.bool_)]
    return {
        "photo": photo,
        "result": replace(result, head=head),
        "images": painted.with_photo(photo),
        "landmarks": landmarks,
        "verdicts": ["", "", "nobody found"],
        "set_aside": owners,
        "aligned": aligned,
    }


def report(folder: Path, **records: Any) -> Parsed:
    path = write_report(folder, **records)
    assert path == folder / "report.html"
    return Parsed(path.read_text(encoding="utf-8"))


def estimate(photo: Photo, **changes: Any) -> MetricDepth:
    depth_m = np.linspace(1, 5, photo.image[..., 0].size).reshape(photo.shape).astype(np.float32)
    return MetricDepth(depth_m, photo.camera, parts={"estimator": "some model"}, **changes)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (33, 50)])
def test_depth_is_packed_exactly(shape: tuple[int, int]) -> None:
    depth_m = np.exp(np.random.default_rng(3).normal(1, 3, shape)).astype(np.float32)
    depth_m.flat[::5], depth_m.flat[1::7] = np.inf, np.nan
    packed = pack_depth(depth_m)
    assert (packed.step, packed.dropped_bits) == (1, 0)
    np.testing.assert_array_equal(unpacked(packed), depth_m)


def test_depth_that_does_not_fit_is_rounded_and_then_thinned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    depth_m = np.exp(np.random.default_rng(3).normal(1, 1, (90, 120))).astype(np.float32)
    depth_m[:3] = np.inf
    exact = len(pack_depth(depth_m).text)
    monkeypatch.setattr("mfh.results.report.packing._MOST_CHARACTERS", exact - 1)
    rounded = pack_depth(depth_m)
    assert (rounded.step, rounded.dropped_bits) == (1, 8)
    np.testing.assert_allclose(unpacked(rounded), depth_m, rtol=2**-16)
    monkeypatch.setattr("mfh.results.report.packing._MOST_CHARACTERS", exact // 6)
    thinned = pack_depth(depth_m)
    assert thinned.step == 3 and len(thinned.text) <= exact // 6
    np.testing.assert_allclose(unpacked(thinned), depth_m[1::3, 1::3], rtol=2**-16)


def test_votes_are_told_against_the_fit() -> None:
    given = planted()
    votes = votes_of(given["result"].head, given["aligned"], given["landmarks"])
    assert [(vote.image, vote.number, vote.used) for vote in votes] == [
        (0, 0, True), (1, 0, True), (1, 1, False),
    ]  # fmt: skip
    np.testing.assert_allclose([vote.measured_m for vote in votes], [2.0, 2.0, 4.0], rtol=1e-6)
    np.testing.assert_allclose([vote.fitted_m for vote in votes], [2.0, 2.0, 5.0], rtol=1e-4)
    np.testing.assert_allclose([vote.ratio for vote in votes], [1.0, 1.0, 0.8], rtol=1e-4)


def test_votes_of_a_head_of_the_other_space() -> None:
    given = planted()
    head = replace(given["result"].head, space="depth", scale=2.0, offset=0.5)
    votes = votes_of(head, given["aligned"], given["landmarks"])
    relative = [1 / given["aligned"].values[0, 0, 0]]
    assert votes[0].fitted_m == pytest.approx(2 * relative[0] + 0.5, rel=1e-5)


def test_everything_about_a_run_is_told(tmp_path: Path) -> None:
    given = planted()
    result = replace(
        given["result"],
        parts={"painter": "simulated: bodies", "head": "robust"},
        warnings=("The focal length was assumed.",),
        device="CPU",
    )
    page = report(
        tmp_path,
        **{**given, "result": result},
        settings=settings_from("default", seed=7),
        timings={"painted": 1.25, "head": 0.5},
        errors={"abs_rel": 0.0512},
        simulated_errors={"person_size": 0.17},
        files={"depth": tmp_path / "depth.npz", "report": tmp_path / "report.html"},
    )
    for words in (
        "Simulated. Painter: stand-ins that know the truth.",
        "The focal length was assumed.",
        "AbsRel 5.12 %",
        "✓ kept",
        "✕ dropped: nobody found",
        "2.0 m, as the fit says",
        "4.0 m, 20 % nearer than the fit; set aside",
        "2.0 m deep, as the fit says",
        "the photo's EXIF data: 35 mm film: 28 mm",
        "Painting people simulated: bodies 1.2 s",
        "All settings (1 changed)",
        "Computed on CPU",
        "Each vote on the scale",
        "one sigma",
    ):
        assert words in page.text, words
    links = [link["href"] for link in page.all("a")]
    assert "depth.npz" in links and "report.html" not in links
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert all(image["alt"] for image in page.all("img"))
    # Photo and depth, the known distance in the photo, and two painted photos.
    assert len(page.all("img")) == 5


def test_without_an_error_there_is_no_band(tmp_path: Path) -> None:
    given = planted()
    head = replace(given["result"].head, covariance=np.full((2, 2), np.nan), method="silog")
    page = report(tmp_path, **{**given, "result": replace(given["result"], head=head)})
    assert "The fit" in page.text and "one sigma" not in page.text.replace("1 sigma", "")
    assert data_of(tmp_path)["fit"] is None


def test_estimates_without_a_head(tmp_path: Path) -> None:
    camera = Intrinsics(100, 100, 32, 24, *SHAPE)
    photo = Photo(np.zeros((*SHAPE, 3), np.uint8), camera, "street")
    page = report(tmp_path, photo=photo, result=estimate(photo))
    assert "Estimated by some model" in page.text
    assert "Estimating depth some model" in page.text
    assert "Votes" not in page.text and "Painted photos" not in page.text
    assert data_of(tmp_path)["fit"] is None


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_no_finite_depth_at_all(tmp_path: Path, value: float) -> None:
    camera = Intrinsics(100, 100, 32, 24, *SHAPE)
    photo = Photo(np.zeros((*SHAPE, 3), np.uint8), camera, "fog")
    result = replace(estimate(photo), depth_m=np.full(SHAPE, value, np.float32))
    assert "no finite depth" in report(tmp_path, photo=photo, result=result).text
    assert data_of(tmp_path)["scale"] is None


def test_painted_photos_whose_votes_are_not_known(tmp_path: Path) -> None:
    page = report(tmp_path, **{**planted(), "aligned": None})
    assert "Votes" not in page.text and "✓ kept 2.0 m 4.0 m; set aside" in page.text


def test_very_many_painted_photos_are_thinned(tmp_path: Path) -> None:
    painted, landmarks = painted_photos(130, *SHAPE)
    given = planted()
    nobody = known_distances({}, *SHAPE)
    page = report(
        tmp_path,
        photo=given["photo"],
        result=given["result"],
        images=painted.with_photo(given["photo"]),
        landmarks=[nobody, *landmarks],
        verdicts=[""] * 131,
    )
    assert "64 of 130 are shown, evenly spaced" in page.text
    assert len(page.all("figure")) == 64


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def evil_records() -> dict[str, Any]:
    given = planted(EVIL)
    camera = replace(given["photo"].camera, note=EVIL)
    result = replace(
        given["result"], camera=camera, parts={EVIL: f"simulated {EVIL}"}, device=EVIL,
        warnings=(EVIL,), painting=EVIL,
        counts=Counts(2, 1, 1, 1, {EVIL: 1}),
    )  # fmt: skip
    images = replace(given["images"], prompts=(EVIL,) * 3, names=("photo", EVIL, EVIL + "2"))
    return {
        **given,
        "photo": replace(given["photo"], camera=camera),
        "result": result,
        "images": images,
        "verdicts": ["", EVIL, "nobody found"],
        "settings": settings_from("default", prompts=(EVIL,)),
        "timings": {EVIL: 1.0},
        "simulated_errors": {EVIL: 1.0},
        "errors": {EVIL: 1.0, "abs_rel": 0.1},
        "files": {EVIL: Path(f"a/{EVIL.replace('/', '')}")},
    }


def test_nothing_given_becomes_markup(tmp_path: Path) -> None:
    page = report(tmp_path, **evil_records())
    assert len(page.all("script")) == 2  # the script, and what it measures by
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        if tag == "img":
            assert attributes["src"].startswith("data:image/")
    assert page.text.count("alert(1)") >= 12
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text


def test_it_allows_its_own_script_alone_and_loads_nothing(tmp_path: Path) -> None:
    page = report(tmp_path, **planted())
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:", text.replace("http://www.w3.org", ""))
    policy = page.all("meta")[2]
    assert policy["http-equiv"] == "Content-Security-Policy"
    expected = r"default-src 'none'; img-src data:; .*; script-src 'sha256-[\w+/]{43}='"
    assert re.fullmatch(expected, policy["content"])


def test_bodies_are_shaded_and_leave_the_rest_alone() -> None:
    image = np.full((40, 40, 3), 120, np.uint8)
    owner = np.full((40, 40), -1, np.int16)
    owner[10:30, 10:30] = 0
    # A cylinder that faces the camera in the middle.
    across = np.linspace(-0.95, 0.95, 20)
    depth_m = np.full((40, 40), np.nan, np.float32)
    depth_m[10:30, 10:30] = 3 - 0.2 * np.sqrt(1 - across**2)
    landmarks = Landmarks(depth_m, owner, np.ones(1, np.float32))
    camera = Intrinsics(150, 150, 20, 20, 40, 40)
    drawn = with_bodies(image, landmarks, camera, np.array([False]))
    assert (drawn[owner < 0] == 120).all()
    brightness = drawn[20, 10:30].astype(int).sum(-1)
    assert brightness[10] > brightness[0] + 60 and brightness[9] > brightness[-1] + 60
    aside = with_bodies(image, landmarks, camera, np.array([True]))
    assert aside[20, 20, 0] > aside[20, 20, 1] + 60


def test_a_large_photo_stays_below_5_mb(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(1, 0.3, (3000, 4000))
    camera = Intrinsics(3000, 3000, 2000, 1500, 3000, 4000)
    image = np.random.default_rng(1).integers(0, 255, (3000, 4000, 3), np.uint8)
    photo = Photo(image, camera, "large")
    page = report(tmp_path, photo=photo, result=MetricDepth(np.exp(noise).astype("f4"), camera))
    assert (tmp_path / "report.html").stat().st_size < 5_000_000
    step = data_of(tmp_path)["step"]
    assert step > 1 and "pixel of the photo's 4000 x 3000" in page.text


def data_of(folder: Path) -> dict[str, Any]:
    text = (folder / "report.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found
    return json.loads(found[1])
