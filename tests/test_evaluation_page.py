"""The page of an evaluation run: what it says, that it needs nothing else, and that it is whole."""

from __future__ import annotations

import base64
import io
import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from parsed_html import Parsed
from PIL import Image

from mfh.datasets.base import Checked, Sample
from mfh.datasets.protocol import Protocol
from mfh.errors import InputError
from mfh.evaluation.page import write_page
from mfh.evaluation.page.charts.pixels import PixelErrors
from mfh.evaluation.page.charts.reading import gather
from mfh.evaluation.page.charts.section import painting_count
from mfh.evaluation.page.photos.choosing import most_different, worst_and_best
from mfh.evaluation.page.photos.ratio_scale import RatioScale
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.score import score_run
from mfh.evaluation.scoring.scores import PhotoScore
from mfh.evaluation.tables.tables import score_table
from mfh.html.markup import Html, element, joined
from mfh.html.pictures import map_picture, picture_size
from mfh.records import Intrinsics, Photo

_SHAPE = (48, 64)


@dataclass(frozen=True)
class Planted:
    """A data set of planted depth, whose photos are half the truth's size."""

    root: Path
    truths: Mapping[str, NDArray[np.float32]]
    protocol: Protocol = field(default_factory=lambda: Protocol(10.0, source="planted"))
    name: str = "planted"
    title: str = "Planted <depth> & more"

    def samples(self) -> Sequence[Sample]:
        return [Sample(name, self.root / name, self.root / name) for name in self.truths]

    def photo(self, sample: Sample) -> Photo:
        height, width = (side // 2 for side in self.truths[sample.name].shape)
        camera = Intrinsics(50, 50, width / 2, height / 2, height, width)
        return Photo(np.full((height, width, 3), 90, np.uint8), camera, sample.name)

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        return self.truths[sample.name]

    def check(self) -> Checked:
        return Checked((), len(self.truths), len(self.truths))


def ramp(low_m: float = 1.0, high_m: float = 7.0, shape: tuple[int, int] = _SHAPE) -> NDArray:
    return np.linspace(low_m, high_m, math.prod(shape), dtype=np.float32).reshape(shape)


def make_run(
    folder: Path,
    data_set: Planted,
    factors: Mapping[str, Mapping[str, float]],
    *,
    seeds: tuple[int, ...] = (0,),
    relative_error: float = math.nan,
    report: Mapping[str, object] | None = None,
    methods: Mapping[str, Mapping[str, object]] | None = None,
    **row_values: Mapping[str, str],
) -> tuple[RunInfo, list[PhotoScore]]:
    """Predict each photo's truth times a factor, by row and photo; where there is none, fail."""
    rows = tuple(
        RowInfo(key, f"Row {key}", seeds, (methods or {}).get(key, {"method": key}), **row_values)
        for key in factors
    )
    run = RunInfo(folder, data_set.name, data_set.root, rows, tuple(data_set.truths))
    for row in rows:
        for seed in seeds:
            predictions = run.predictions(row.key, seed)
            for name, truth in data_set.truths.items():
                truth_file = data_set.root / name
                truth_file.parent.mkdir(parents=True, exist_ok=True)
                truth_file.touch()
                if name in factors[row.key]:
                    depth_m = (truth * factors[row.key][name]).astype(np.float32)
                    stored = StoredPrediction(depth_m, relative_error, 0.5, report or {})
                    predictions.write(name, stored)
                else:
                    predictions.failed(name, "nobody <was> found & measured")
    return run, score_run(run, data_set, jobs=1)


def page_of(run: RunInfo, scores: Sequence[PhotoScore], data_set: Planted) -> Parsed:
    path = write_page(Results.of(run, data_set, scores), shown=2)
    assert path == run.folder / "page.html"
    return Parsed(path.read_text("utf-8"))


@pytest.fixture
def three_photos(tmp_path: Path) -> Planted:
    return Planted(tmp_path, {f"scene/photo_{k}": ramp() for k in range(3)})


@pytest.fixture
def two_rows(tmp_path: Path, three_photos: Planted) -> tuple[RunInfo, list[PhotoScore]]:
    names = list(three_photos.truths)
    return make_run(
        tmp_path / "run",
        three_photos,
        {
            "a": {names[0]: 1.1, names[1]: 0.8, names[2]: 1.3},
            "b": {names[0]: 1.02, names[1]: 1.0},
        },
        relative_error=0.15,
        published={"abs_rel": 0.137},
    )


def test_needs_nothing_from_elsewhere(
    three_photos: Planted, two_rows: tuple[RunInfo, list[PhotoScore]]
) -> None:
    page = page_of(*two_rows, three_photos)
    text = (two_rows[0].folder / "page.html").read_text("utf-8")
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert all(ref.startswith("#") for ref in re.findall(r"url\(([^)]*)\)", text))
    for _, attributes in page.elements:
        for name in ("src", "href"):
            if name in attributes:
                assert attributes[name].startswith(("data:image/", "#"))
        assert "srcset" not in attributes
    assert not page.all("link")
    policy = page.all("meta")[2]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"].startswith("default-src 'none'; img-src data:;")


def test_ids_are_unique_and_every_reference_leads_somewhere(
    three_photos: Planted, two_rows: tuple[RunInfo, list[PhotoScore]]
) -> None:
    page = page_of(*two_rows, three_photos)
    text = (two_rows[0].folder / "page.html").read_text("utf-8")
    ids = Counter(values["id"] for _, values in page.elements if "id" in values)
    assert ids and set(ids.values()) == {1}
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert references and references <= ids.keys()


def test_pictures_and_charts_are_told_in_words(
    three_photos: Planted, two_rows: tuple[RunInfo, list[PhotoScore]]
) -> None:
    page = page_of(*two_rows, three_photos)
    assert page.all("html") == [{"lang": "en"}]
    assert [tag for tag, _ in page.elements if tag == "h1"] == ["h1"]
    pictures = page.all("img")
    assert pictures and all(picture["alt"] for picture in pictures)
    alts = {picture["alt"] for picture in pictures}
    assert "True depth of scene/photo_0: 1.1 to 6.9 m, median 4.0 m" in alts
    assert "Predicted / true depth of scene/photo_2: median 1.30, middle half 1.30 to 1.30" in alts
    charts = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    assert len(charts) == 7  # ecdf, scale, calibration, depth, bias and a scatter a row
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    ecdf = charts[0]["aria-label"]
    assert ecdf == "Distribution of AbsRel over photos. Medians: Row a 20.0 %; Row b 1.0 %."
    shown = {legend["class"] for legend in page.all("ul") if "class" in legend}
    assert shown == {"legend"}


def test_shows_the_figures_of_the_table_and_of_each_photo(
    three_photos: Planted, two_rows: tuple[RunInfo, list[PhotoScore]]
) -> None:
    run, scores = two_rows
    text = page_of(run, scores, three_photos).text
    table = score_table(Results.of(run, three_photos, scores))
    for row in table.rows:
        for cell in row.cells:
            assert cell in text
    assert "AbsRel % (paper)" in text and "13.7" in text
    assert "AbsRel 30.0 %" in text  # the worst photo of row a
    assert "scale 1.30 of the truth's" in text
    assert "AbsRel at the right scale 0.0 %" in text
    assert "expected ± 15 %" in text
    assert "Row a: AbsRel 20.0 % · Row b: AbsRel 0.0 %" in text  # side by side
    assert "between 0.001 m and 10 m, no crop" in text


def test_a_label_that_is_a_path_is_broken_between_its_names(
    tmp_path: Path, three_photos: Planted
) -> None:
    run, scores = make_run(tmp_path / "run", three_photos, {"a": {}})
    run = replace(run, rows=(replace(run.rows[0], label="clip2depth:<RUN>/model"),))
    path = write_page(Results.of(run, three_photos, scores), shown=2)
    label = "clip2depth:<wbr>&lt;RUN&gt;/<wbr>model"
    assert f'<th scope="row">{label}</th>' in path.read_text("utf-8")


def test_failures_are_listed_by_reason_and_escaped(
    three_photos: Planted, two_rows: tuple[RunInfo, list[PhotoScore]]
) -> None:
    page = page_of(*two_rows, three_photos)
    assert "Row b: 1 without a score" in page.text
    assert "scene/photo_2 : nobody <was> found & measured" in page.text
    assert "Planted <depth> & more: evaluation" in page.text
    assert not page.all("was") and not page.all("depth")


def test_a_name_that_is_markup_stays_text(tmp_path: Path) -> None:
    name = "a&<b onclick=x>"
    data_set = Planted(tmp_path, {name: ramp()})
    row = RowInfo("r", "<i>Row</i>", (0,), {})
    run = RunInfo(tmp_path / "run", "planted", tmp_path, (row,), (name,))
    run.folder.mkdir()
    values = {"abs_rel": 0.1, "delta1": 1.0, "rmse": 0.3, "scale_error": 0.1}
    page = page_of(run, [PhotoScore("r", 0, name, values)], data_set)
    assert not page.all("b") and not page.all("i")
    assert name in page.text and "<i>Row</i>: worst and best photos" in page.text
    assert "Not shown" in page.text  # no file can have that name


def test_one_photo_one_row_and_no_expected_error(tmp_path: Path) -> None:
    data_set = Planted(tmp_path, {"only": ramp()})
    run, scores = make_run(tmp_path / "run", data_set, {"a": {"only": 1.2}})
    page = page_of(run, scores, data_set)
    assert "AbsRel 20.0 %" in page.text
    assert "Calibration" not in page.text and "expected ±" not in page.text
    assert "differ most" not in page.text and "Best photos" not in page.text
    assert len(page.all("img")) == 4
    assert "legend" not in {legend.get("class") for legend in page.all("ul")}


def test_a_run_in_which_everything_failed(tmp_path: Path, three_photos: Planted) -> None:
    run, scores = make_run(tmp_path / "run", three_photos, {"a": {}, "b": {}})
    page = page_of(run, scores, three_photos)
    assert "Row a: 3 without a score" in page.text
    titles = [link["href"] for link in page.all("a")]
    assert titles == ["#scores", "#without-a-score"]
    assert not page.all("img") and not page.all("svg")


def test_photos_without_pixels_that_count_or_with_few(tmp_path: Path) -> None:
    few = np.full(_SHAPE, np.nan, np.float32)
    few[3, 5] = 2.0
    data_set = Planted(tmp_path, {"few": few, "none": np.full(_SHAPE, np.nan, np.float32)})
    run, scores = make_run(tmp_path / "run", data_set, {"a": {"few": 1.5, "none": 1.0}})
    page = page_of(run, scores, data_set)
    assert "no pixel of the truth counts" in page.text
    assert "1 pixel of 1 photo;" in page.text
    assert "Error against depth" not in page.text


@pytest.mark.parametrize("method", ["simulated", "simulated:oracle", "mfh:oracle"])
def test_rows_that_know_the_truth_are_told_once(
    tmp_path: Path, three_photos: Planted, method: str
) -> None:
    factors = {key: dict.fromkeys(three_photos.truths, 1.1) for key in ("a", "b")}
    methods = {"a": {"method": method}}
    run, scores = make_run(tmp_path / "one", three_photos, factors, methods=methods)
    text = page_of(run, scores, three_photos).text
    assert text.count("Simulated, or given the truth: Row a. Such figures say nothing") == 1
    run, scores = make_run(tmp_path / "two", three_photos, factors)
    assert "given the truth" not in page_of(run, scores, three_photos).text


def test_a_truth_that_is_gone_is_told_and_the_rest_is_shown(
    tmp_path: Path, three_photos: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, scores = make_run(
        tmp_path / "run", three_photos, {"a": dict.fromkeys(three_photos.truths, 1.1)}
    )

    def truth(self: Planted, sample: Sample) -> NDArray[np.float32]:
        if sample.name.endswith("1"):
            raise InputError("photo_1.png: no such file; restore it")
        return self.truths[sample.name]

    monkeypatch.setattr(Planted, "truth", truth)
    page = page_of(run, scores, three_photos)
    assert page.text.count("photo_1.png: no such file; restore it") == 1
    assert len(page.all("img")) == 4 * 2


def test_the_same_run_gives_the_same_page(
    three_photos: Planted, two_rows: tuple[RunInfo, list[PhotoScore]]
) -> None:
    run, scores = two_rows
    first = write_page(Results.of(run, three_photos, scores)).read_bytes()
    assert write_page(Results.of(run, three_photos, scores)).read_bytes() == first


def test_several_seeds_and_numbers_of_paintings(tmp_path: Path, three_photos: Planted) -> None:
    factors = {
        "few": dict.fromkeys(three_photos.truths, 1.3),
        "many": dict.fromkeys(three_photos.truths, 1.1),
    }
    methods = {
        "few": {"method": "mfh", "settings": {"paintings": 4}},
        "many": {"method": "mfh", "settings": {"paintings": 32}},
    }
    run, scores = make_run(tmp_path / "run", three_photos, factors, seeds=(0, 1), methods=methods)
    assert [painting_count(row) for row in run.rows] == [4, 32]
    page = page_of(run, scores, three_photos)
    alts = [chart.get("aria-label", "") for chart in page.all("svg")]
    assert "AbsRel % against N. 30.0 at 4, 10.0 at 32." in alts
    assert "2 a method" in page.text
    assert "(seed 0)" in page.text


def test_rows_that_differ_in_more_than_n_are_not_one_line(
    tmp_path: Path, three_photos: Planted
) -> None:
    factors = {key: dict.fromkeys(three_photos.truths, 1.1) for key in ("few", "many")}
    methods = {
        "few": {"method": "mfh", "settings": {"paintings": 4, "head_method": "l1"}},
        "many": {"method": "mfh", "settings": {"paintings": 32, "head_method": "l2"}},
    }
    run, scores = make_run(tmp_path / "run", three_photos, factors, methods=methods)
    assert "against N" not in page_of(run, scores, three_photos).text


def test_lines_of_one_title_are_both_drawn(tmp_path: Path, three_photos: Planted) -> None:
    """Rows may differ in settings that their groups do not tell."""
    methods = {
        f"{head}-{count}": {"method": "mfh", "settings": {"paintings": count, "head_method": head}}
        for head in ("l1", "l2")
        for count in (4, 32)
    }
    factors = {key: dict.fromkeys(three_photos.truths, 1.1) for key in methods}
    run, scores = make_run(tmp_path / "run", three_photos, factors, methods=methods)
    (told,) = (
        chart["aria-label"]
        for chart in page_of(run, scores, three_photos).all("svg")
        if chart.get("aria-label", "").startswith("AbsRel % against N.")
    )
    assert told == (
        "AbsRel % against N. series 1 10.0 at 4, 10.0 at 32; series 2 10.0 at 4, 10.0 at 32."
    )


def test_a_prediction_without_any_depth_is_told_in_words(
    tmp_path: Path, three_photos: Planted
) -> None:
    factors = {"a": dict.fromkeys(three_photos.truths, math.inf)}
    run, scores = make_run(tmp_path / "run", three_photos, factors)
    page = page_of(run, scores, three_photos)
    alts = {picture["alt"] for picture in page.all("img")}
    assert "Predicted depth of scene/photo_0: no finite depth" in alts
    assert not any("nan" in alt for alt in alts)


def test_photos_that_were_added_for_another_row_have_not_failed(
    tmp_path: Path, three_photos: Planted
) -> None:
    names = list(three_photos.truths)
    run, _ = make_run(
        tmp_path / "run", three_photos, {"a": dict.fromkeys(names, 1.1), "b": {names[0]: 1.0}}
    )
    for path in run.folder.rglob("*.failed.txt"):
        path.unlink()
    text = page_of(run, score_run(run, three_photos, jobs=1), three_photos).text
    assert "1 (2 not predicted)" in text
    assert "Without a score" not in text


def test_an_ablation_is_named_by_its_title(
    three_photos: Planted, two_rows: tuple[RunInfo, list[PhotoScore]]
) -> None:
    run, scores = two_rows
    text = page_of(replace(run, ablation="table5"), scores, three_photos).text
    assert "ablation Table 5: losses" in text


def test_shown_limits_the_photos(tmp_path: Path) -> None:
    data_set = Planted(tmp_path, {f"p{k}": ramp() for k in range(9)})
    factors = {"a": {name: 1 + 0.05 * k for k, name in enumerate(data_set.truths)}}
    run, scores = make_run(tmp_path / "run", data_set, factors)
    page = Parsed(write_page(Results.of(run, data_set, scores), shown=1).read_text("utf-8"))
    assert [img["alt"] for img in page.all("img") if img["alt"].startswith("Photo")] == [
        "Photo p8",
        "Photo p0",
    ]


def test_worst_and_best_hold_each_photo_once() -> None:
    def score(name: str, seed: int, abs_rel: float) -> PhotoScore:
        return PhotoScore("a", seed, name, {"abs_rel": abs_rel})

    scores = [score("x", 0, 0.1), score("x", 1, 0.5), score("y", 0, 0.2), score("z", 0, 0.3)]
    scores.append(PhotoScore("a", 0, "failed", {}, "why"))
    worst, best = worst_and_best(scores, 2)
    assert [(s.name, s.seed) for s in worst] == [("x", 1), ("z", 0)]
    assert [(s.name, s.seed) for s in best] == [("x", 0)]
    assert worst_and_best([], 2) == ([], [])


def test_most_different_compares_what_every_row_has() -> None:
    values = {("a", "x"): 0.1, ("b", "x"): 0.2, ("a", "y"): 0.3, ("b", "y"): 0.1, ("a", "z"): 0.9}
    scores = [PhotoScore(row, 0, name, {"abs_rel": v}) for (row, name), v in values.items()]
    chosen = most_different(scores, ["a", "b"], 5)
    assert [next(iter(of_rows.values())).name for of_rows in chosen] == ["y", "x"]


def test_errors_by_depth_are_those_planted() -> None:
    rng = np.random.default_rng(0)
    true_m = np.concatenate([rng.uniform(1.05, 1.3, 5000), rng.uniform(20, 23, 5000)])
    predicted_m = np.where(true_m < 10, 1.1 * true_m, 0.5 * true_m)
    errors = PixelErrors()
    for part in np.array_split(np.arange(10_000), 7):
        errors.add(predicted_m[part], true_m[part])
    assert errors.count == 10_000
    near, far = errors.by_depth()
    assert near.abs_rel == pytest.approx(0.1) and far.abs_rel == pytest.approx(0.5)
    assert near.share == far.share == 0.5
    assert near.log_ratio[1] == pytest.approx(math.log(1.1), abs=0.01)
    assert far.log_ratio[1] == pytest.approx(math.log(0.5), abs=0.01)
    assert near.low_m <= 1.05 and near.high_m >= 1.3
    first, last = errors.filled_bins()
    assert errors.edges_m[first] == pytest.approx(1.05, rel=0.05)
    assert errors.edges_m[last + 1] == pytest.approx(23, rel=0.05)


def test_depths_beyond_the_bins_count_in_the_last_ones() -> None:
    errors = PixelErrors()
    errors.add(np.array([1e-6, 1e9]), np.array([1e-6, 1e9]))
    assert errors.density[0, 0] == errors.density[-1, -1] == 1


def test_some_pixels_of_each_photo_are_read_the_seeds_taking_turns(tmp_path: Path) -> None:
    data_set = Planted(tmp_path, {f"p{k}": ramp(shape=(120, 160)) for k in range(4)})
    run, scores = make_run(
        tmp_path / "run", data_set, {"a": dict.fromkeys(data_set.truths, 1.0)}, seeds=(3, 5)
    )
    twice = run.predictions("a", 5)
    for name, truth in data_set.truths.items():
        twice.write(name, StoredPrediction(2 * truth))
    found = gather(Results.of(run, data_set, scores)).rows["a"]
    assert found.photos == 4 and found.errors.count == 4 * 2000
    on_the_line = int(np.trace(found.errors.density))
    assert on_the_line == 2 * 2000


def test_an_ablation_with_many_rows_is_read_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set = Planted(tmp_path, {f"p{k}": ramp() for k in range(10)})
    same = dict.fromkeys(data_set.truths, 1.0)
    run, scores = make_run(tmp_path / "run", data_set, {"a": same, "b": same})
    monkeypatch.setattr("mfh.evaluation.page.charts.reading._MOST_PREDICTIONS", 6)
    assert [row.photos for row in gather(Results.of(run, data_set, scores)).rows.values()] == [3, 3]


def _decoded(uri: str) -> NDArray[np.int64]:
    assert re.match("data:image/(webp|jpeg);base64,", uri)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))).astype(int)


def _red(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.broadcast_to(np.array([220, 20, 20], np.uint8), (len(values), 3)).copy()


def test_labelled_pixels_become_dots_and_the_rest_is_grey() -> None:
    values = np.full((240, 320), np.nan, np.float32)
    values[50::100, 60::100] = 3.0
    picture = _decoded(map_picture(values, (320, 240), _red))
    is_red = (picture[..., 0] > 180) & (picture[..., 1] < 80)
    dots = np.count_nonzero(values == 3.0)
    assert 50 * dots < is_red.sum() < 120 * dots  # discs of 5 px radius: 79 px
    assert is_red[50, 60] and not is_red[100, 110]
    assert np.abs(picture[120, 10] - (150, 152, 156)).max() < 8


def test_reduced_maps_mix_no_unknown_pixels_in() -> None:
    values = np.full((200, 400), np.nan, np.float32)
    values[::2, ::2] = 1.0  # a quarter of the pixels is known
    picture = _decoded(map_picture(values, (100, 50), _red))
    assert np.abs(picture - (220, 20, 20)).max() < 12


def test_infinite_depth_has_a_colour_of_its_own() -> None:
    picture = _decoded(map_picture(np.full((40, 40), np.inf, np.float32), (40, 40), _red))
    assert np.abs(picture - (198, 216, 236)).max() < 8


def test_pictures_are_jpeg_where_pillow_lacks_webp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mfh.html.pictures.features.check", lambda name: False)
    uri = map_picture(np.ones((40, 40), np.float32), (40, 40), _red)
    assert uri.startswith("data:image/jpeg;base64,")
    assert np.abs(_decoded(uri) - (220, 20, 20)).max() < 8


def test_picture_sizes_keep_the_aspect_and_never_grow() -> None:
    assert picture_size((480, 640), 132_000) == (420, 315)
    assert picture_size((375, 1242), 132_000) == (661, 200)
    assert picture_size((6, 8), 132_000) == (8, 6)
    assert picture_size((1, 10_000), 1000) == (3162, 1)


@pytest.mark.parametrize("most", [1.25, 1.25**2, 1.25**3])
def test_ratios_have_no_colour_where_prediction_and_truth_agree(most: float) -> None:
    scale = RatioScale(most)
    too_near, right, too_far = scale.colours(np.log([1 / most, 1.0, most])).astype(int)
    assert right.min() > 240
    assert too_near[0] > too_near[2] + 50 and too_far[2] > too_far[0] + 50
    places, labels = zip(*scale.ticks(), strict=True)
    assert (places[0], places[len(places) // 2], places[-1]) == pytest.approx((0, 0.5, 1))
    assert labels[0].startswith("≤") and labels[-1].startswith("≥")
    assert list(places) == sorted(places)


def test_the_worst_row_has_shades_beside_one_that_is_right(
    tmp_path: Path, three_photos: Planted
) -> None:
    factors = {key: dict.fromkeys(three_photos.truths, x) for key, x in (("a", 1.0), ("b", 1.2))}
    run, scores = make_run(tmp_path / "run", three_photos, factors)
    alone = [score for score in scores if score.row == "a"]
    assert page_of(run, alone, three_photos).text.count("≥ 1.25") > 0
    page = page_of(run, scores, three_photos)
    # AbsRel is 20 % in one row, and 10 % if rows were taken together.
    assert "≥ 1.56" in page.text and "≥ 1.25" not in page.text


def test_headings_and_intervals_break_where_they_may(tmp_path: Path) -> None:
    data_set = Planted(tmp_path, {f"p{k}": ramp() for k in range(5)})
    factors = {"a": {name: 1 + 0.05 * k for k, name in enumerate(data_set.truths)}}
    run, scores = make_run(tmp_path / "run", data_set, factors, published={"abs_rel": 0.1})
    page_of(run, scores, data_set)
    text = (run.folder / "page.html").read_text("utf-8")
    assert "AbsRel %, <br>scaled</button>" in text
    assert "AbsRel % <br>(paper)</button>" in text
    assert re.search(r">10\.0 ±\s\d", text)


def test_markup_escapes_everything_but_markup() -> None:
    made = element("p", "<&>", element("b", '"'), class_='a"<', hidden=True, title=None)
    assert made == '<p class="a&quot;&lt;" hidden>&lt;&amp;&gt;<b>&quot;</b></p>'
    assert isinstance(joined(["<", Html("<br>")]), Html)
    assert joined(["<", Html("<br>")]) == "&lt;<br>"


def test_real_photos(tmp_path: Path, shared: Path) -> None:
    """Dense, sparse and wide: pictures of all are drawn."""
    dense = np.asarray(Image.open(shared / "data/nyu/sync_depth_00000.png")).astype(np.float32)
    sparse = np.asarray(Image.open(shared / "data/kitti/depth_0000000005.png")).astype(np.float32)
    dense, sparse = dense / 1000, sparse / 256
    for truth in (dense, sparse):
        truth[truth == 0] = np.nan
    data_set = Planted(tmp_path, {"nyu": dense, "kitti": sparse}, Protocol(80.0))
    run, scores = make_run(tmp_path / "run", data_set, {"a": {"nyu": 1.1, "kitti": 0.9}})
    page = page_of(run, scores, data_set)
    sizes = {(img["width"], img["height"]) for img in page.all("img")}
    assert sizes == {("420", "315"), ("661", "200")}
    assert {"photo", "photo wide"} == {found["class"] for found in page.all("article")}
    assert (run.folder / "page.html").stat().st_size < 1_000_000


def test_importing_the_page_loads_no_model_library_and_no_plots() -> None:
    code = (
        "import sys, mfh.evaluation.page; "
        "print([m for m in ('torch', 'matplotlib', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
