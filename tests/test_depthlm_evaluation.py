"""DepthLM evaluated at the pixels it is asked about: what it says there, scored there alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from commands import run_here
from PIL import Image
from small_rooms import rooms
from tiny_vlm import tiny_pixtral

from mfh.datasets.labels import Labels
from mfh.datasets.protocol import Protocol
from mfh.errors import InputError, MissingPartError, SettingsError
from mfh.estimators import estimator_spec
from mfh.estimators.depthlm.asking import ray_length
from mfh.estimators.depthlm.canonical import canonical_view
from mfh.estimators.depthlm.marker import with_arrows
from mfh.evaluation.engines.serial_engine import SerialEngine
from mfh.evaluation.methods.asked_pixels import AskedPixels
from mfh.evaluation.methods.base import Case, PixelDepth, Row
from mfh.evaluation.methods.rivals import method_spec
from mfh.evaluation.runs.predictions import PredictionFolder, StoredPrediction
from mfh.evaluation.runs.running import evaluate, photo_seed
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.score import score, score_run
from mfh.models import DownloadProgress
from mfh.parts import LearnedParts
from mfh.photos import load_photo
from mfh.records import Intrinsics, Photo
from mfh.results import read_depth_npz
from mfh.settings import settings_from
from mfh.simulation import SimulatedDisparity, SimulatedErrors, SimulatedWorld
from mfh.simulation.answerer import SimulatedAnswerer
from mfh.simulation.rooms import random_scene

HEIGHT, WIDTH = 48, 64
CAMERA = Intrinsics(60, 50, 33, 21, HEIGHT, WIDTH)
PHOTO = Photo(
    np.random.default_rng(0).integers(0, 200, (HEIGHT, WIDTH, 3), np.uint8), CAMERA, "noise"
)
PROTOCOL = Protocol(80.0)


class Planted:
    """Knows the depth of each pixel of the truth, and says it of the pixels in their order."""

    name = "planted"
    device = ""
    fingerprint: dict = {}
    focal_px = 55.0

    def __init__(self, truth_m, camera, *, factor=1.0, says="distance", refuses=()):
        counted = np.argwhere(np.isfinite(truth_m) & (truth_m > 0))
        self.asked = 0
        self.texts = []
        for row, column in counted:
            metres = float(truth_m[row, column]) * factor
            if says == "distance":
                metres *= ray_length(camera, column + 0.5, row + 0.5)
            self.texts.append(f"<answer> {metres:.2f} </answer>")
        for index in refuses:
            self.texts[index] = "I cannot tell."

    def answer(self, questions, progress=None):
        first, self.asked = self.asked, self.asked + len(questions)
        return self.texts[first : self.asked]


def sparse_truth(count=40, low=2.0, high=9.0, seed=1):
    rng = np.random.default_rng(seed)
    truth_m = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    at = rng.choice(HEIGHT * WIDTH, count, replace=False)
    truth_m.ravel()[at] = rng.uniform(low, high, count)
    return truth_m


def scored(method, truth_m, seed=0):
    depth = method.predict(Case("a", PHOTO, seed, truth=truth_m, protocol=PROTOCOL))
    return score(StoredPrediction(depth.depth_m, sparse=True), truth_m, PROTOCOL), depth


@pytest.mark.parametrize("task", ["distance", "depth"])
def test_what_is_asked_for_is_what_is_scored(task):
    truth_m = sparse_truth()
    values, depth = scored(AskedPixels(Planted(truth_m, CAMERA, says=task), 100, task), truth_m)
    assert isinstance(depth, PixelDepth)
    assert (np.isnan(depth.depth_m) == np.isnan(truth_m)).all()
    assert values["delta1"] == 1 and values["abs_rel"] < 0.005 / 2
    assert values["pixels"] == 40 and values["unusable"] == 0


@pytest.mark.parametrize(("task", "says"), [("distance", "depth"), ("depth", "distance")])
def test_a_distance_that_is_taken_for_a_depth_is_wrong_by_the_ray(task, says):
    truth_m = sparse_truth()
    values, _ = scored(AskedPixels(Planted(truth_m, CAMERA, says=says), 100, task), truth_m)
    length = [ray_length(CAMERA, x + 0.5, y + 0.5) for y, x in np.argwhere(truth_m > 0)]
    ratio = np.array(length) if task == "depth" else 1 / np.array(length)
    assert values["abs_rel"] == pytest.approx(np.abs(ratio - 1).mean(), abs=0.002)
    assert values["abs_rel"] > 0.05


def test_answers_too_far_and_none_are_wrong():
    truth_m = sparse_truth()
    far, _ = scored(AskedPixels(Planted(truth_m, CAMERA, factor=1.3), 100), truth_m)
    assert far["delta1"] == 0 and far["delta2"] == 1
    assert far["abs_rel"] == pytest.approx(0.3, abs=0.005)
    assert far["scaled_delta1"] == 1

    some, depth = scored(AskedPixels(Planted(truth_m, CAMERA, refuses=range(10)), 100), truth_m)
    assert some["delta1"] == 0.75 == some["delta3"] == some["scaled_delta1"]
    assert some["unusable"] == 0.25 and some["pixels"] == 40
    assert depth.warnings == ("10 of 40 answers hold no distance",)
    assert some["abs_rel"] > 1, "scored as the cap"

    none, _ = scored(AskedPixels(Planted(truth_m, CAMERA, refuses=range(40)), 100), truth_m)
    assert none["delta1"] == 0 and none["unusable"] == 1
    assert math.isnan(none["scaled_abs_rel"]) and math.isnan(none["scaled_delta1"])


def test_a_refusal_is_wrong_also_where_the_truth_is_near_the_cap():
    truth_m = sparse_truth(low=70, high=79)
    values, _ = scored(AskedPixels(Planted(truth_m, CAMERA, refuses=range(12)), 100), truth_m)
    assert values["delta1"] == values["delta2"] == values["delta3"] == 0.7
    # The same file without the mark of a sparse one is scored as it always was.
    depth_m = np.where(np.isnan(truth_m), 1, np.nan).astype(np.float32)
    assert score(StoredPrediction(depth_m), truth_m, PROTOCOL)["delta1"] == 1


def test_pixels_are_drawn_by_the_cases_seed_among_those_that_count():
    truth_m = np.random.default_rng(2).uniform(1, 20, (HEIGHT, WIDTH)).astype(np.float32)
    protocol = Protocol(10.0)

    class Says:
        name, device, fingerprint, focal_px = "says", "", {}, 55.0

        def answer(self, questions, progress=None):
            return ["5.00"] * len(questions)

    def asked(seed, pixels=30):
        case = Case("a", PHOTO, seed, truth=truth_m, protocol=protocol)
        return ~np.isnan(AskedPixels(Says(), pixels).predict(case).depth_m)

    first = asked(photo_seed(0, "a"))
    assert first.sum() == 30 and (truth_m[first] < 10).all()
    assert (first == asked(photo_seed(0, "a"))).all()
    assert (first != asked(photo_seed(0, "b"))).any()
    assert (first != asked(photo_seed(1, "a"))).any()
    assert (asked(0, 10**6) == (truth_m < 10)).all()
    assert abs(np.argwhere(first).mean(axis=0) - (HEIGHT / 2, WIDTH / 2)).max() < 12


def test_a_larger_truth_is_asked_about_at_its_own_pixels():
    """The pixel of the truth that is asked about is the one whose arrow the model sees."""
    truth_m = np.full((3 * HEIGHT, 3 * WIDTH), np.nan, np.float32)
    truth_m[100, 50], truth_m[20, 170] = 4.0, 6.0
    seen = []

    class Sees(Planted):
        focal_px = 600.0  # tells the middle of a pixel of the truth from its corner

        def answer(self, questions, progress=None):
            seen.extend(question.images[0] for question in questions)
            return ["4", "6"]

    method = AskedPixels(Sees(truth_m, CAMERA), 5, "depth")
    depth = method.predict(Case("a", PHOTO, truth=truth_m, protocol=PROTOCOL))
    view = canonical_view(PHOTO, 600.0)
    points = [(170.5 / 3, 20.5 / 3), (50.5 / 3, 100.5 / 3)]
    for image, point in zip(seen, points, strict=True):
        np.testing.assert_array_equal(image, with_arrows(view.image, [view.point(*point)]))
    assert (depth.depth_m[20, 170], depth.depth_m[100, 50]) == (4, 6)
    assert depth.camera.fx == 3 * CAMERA.fx
    stored = StoredPrediction(depth.depth_m, sparse=True)
    with pytest.raises(InputError, match="some pixels of 192 x 144 px, but the truth is 64 x 48"):
        score(stored, sparse_truth(), PROTOCOL)


def test_what_cannot_be_asked_about():
    method = AskedPixels(Planted(sparse_truth(), CAMERA), 5)
    with pytest.raises(InputError, match="a: has no truth"):
        method.predict(Case("a", PHOTO))
    with pytest.raises(InputError, match="no pixel of its truth counts"):
        method.predict(Case("a", PHOTO, truth=sparse_truth() * 20 + 80, protocol=PROTOCOL))


def test_a_sparse_prediction_is_read_as_it_was_written(tmp_path):
    folder = PredictionFolder(tmp_path)
    folder.write("a", StoredPrediction(sparse_truth(), sparse=True))
    folder.write("b", StoredPrediction(sparse_truth()))
    assert folder.read("a").sparse and not folder.read("b").sparse
    assert "sparse" not in np.load(tmp_path / "b.npz")


@dataclass(frozen=True)
class PlantedSpec:
    """Asks an answerer that knows the labels of each photo of a data set."""

    data_set: Labels
    factor: float = 1.0
    refuses: int = 0
    needs_truth = True
    seeded = True

    def as_dict(self):
        return {"method": "planted", "factor": self.factor, "refuses": self.refuses}

    def make(self):
        return self

    def predict(self, case):
        answerer = Planted(
            case.truth, case.photo.camera, factor=self.factor, refuses=range(self.refuses)
        )
        return AskedPixels(answerer, 10**6).predict(case)


def test_the_labels_of_ibims(shared, tmp_path):
    data_set = Labels(shared / "data" / "ibims1")
    rows = [
        Row("truth", "truth", PlantedSpec(data_set)),
        Row("far", "far", PlantedSpec(data_set, factor=1.3)),
        Row("shy", "shy", PlantedSpec(data_set, refuses=20)),
    ]
    evaluated = evaluate(data_set, rows, [0], tmp_path / "run", SerialEngine(), limit=6)
    results = Results.of(evaluated.run, data_set, score_run(evaluated.run, data_set))
    truth, far, shy = (row.means for row in results.rows)
    assert truth["delta1"].value == 1 and truth["delta1"].photos == (1, 1)
    assert 0 < truth["abs_rel"].value < 0.002 and truth["pixels"].value >= 99
    assert far["delta1"].value == 0 and far["abs_rel"].value == pytest.approx(0.3, abs=0.002)
    assert shy["unusable"].value == pytest.approx(0.2, abs=0.003)
    assert shy["delta1"].value == pytest.approx(0.8, abs=0.003)
    low, high = shy["abs_rel"].photos
    assert low < shy["abs_rel"].value < high


@pytest.mark.parametrize("labelled", ["distance", "depth"])
def test_labels_are_what_they_are_said_to_be(tmp_path, labelled):
    Image.fromarray(PHOTO.image).save(tmp_path / "a.png")
    pixels = [[3, 4], [60, 40], [33, 21], [5, 44]]
    values = [2.0, 3.5, 4.0, 2.5]
    line = {
        "image": "a.png",
        "intrinsics": [60, 50, 33, 21, WIDTH, HEIGHT],
        "pixel_coords": pixels,
        "depth": values,
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(line))
    data_set = Labels(tmp_path, labelled=labelled)
    (sample,) = data_set.samples()
    truth_m = data_set.truth(sample)

    class Says:
        """The label of a pixel, whichever was asked for."""

        name, device, fingerprint, focal_px = "says", "", {}, 55.0

        def answer(self, questions, progress=None):
            in_order = sorted(zip(pixels, values, strict=True), key=lambda each: each[0][::-1])
            return [f"{value}" for _, value in in_order]

    for task in ("distance", "depth"):
        case = Case("a", data_set.photo(sample), truth=truth_m, protocol=data_set.protocol)
        depth = AskedPixels(Says(), 9, task).predict(case)
        values_ = score(StoredPrediction(depth.depth_m, sparse=True), truth_m, data_set.protocol)
        # The ray of labels goes through a pixel's corner, as DepthLM's scripts count it.
        assert (values_["abs_rel"] < 0.01) == (task == labelled)


def test_a_tiny_model_is_evaluated_by_the_command(tmp_path, capsys):
    """On dense depth, with the page and the tables, and a second time without a question."""
    model, data = tiny_pixtral(tmp_path / "model"), rooms(tmp_path / "data")
    words = (
        *("evaluate", "folder", "--data", data.root, "--method", f"depthlm-pixels:{model}"),
        *("--set", "depthlm.pixels=3", "--set", "depthlm.max_new_tokens=4", "--device", "cpu"),
        *("--set", "depthlm.focal_px=100", "--limit", 2, "--out", tmp_path / "run", "--no-records"),
    )
    status, printed = run_here(capsys, *words)
    assert status == 0, printed
    files = sorted((tmp_path / "run" / "predictions").rglob("*.npz"))
    depths = [np.load(path)["depth_m"] for path in files]
    assert [int((~np.isnan(depth_m)).sum()) for depth_m in depths] == [3, 3]
    method = json.loads((tmp_path / "run" / "run.json").read_text())["rows"][0]["method"]
    assert method["method"] == "depthlm-pixels" and method["pixels"] == 3
    assert (tmp_path / "run" / "page.html").is_file()
    before = [path.stat().st_mtime_ns for path in files]
    assert run_here(capsys, *words)[0] == 0
    assert [path.stat().st_mtime_ns for path in files] == before


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("depthlm-pixels", {"pixels": 5, "task": "depth"}),
        ("depthlm", {"questions": 5, "question_round": 3}),
    ],
)
def test_predictions_of_other_settings_are_others(text, names):
    told = {"precision": "bfloat16", "focal_px": 700.0, "max_new_tokens": 9, **names}
    usual = method_spec(text, settings_from()).as_dict()
    for name, value in told.items():
        key = name if name == "precision" else f"depthlm.{name}"
        changed = method_spec(text, settings_from(**{key: value})).as_dict()
        assert changed == {**usual, name: value} != usual


@pytest.mark.parametrize("text", ["depthlm", "depthlm-pixels"])
def test_methods_that_ask_are_named_and_need_their_model(text, tmp_path, monkeypatch):
    monkeypatch.setenv("MFH_MODELS", str(tmp_path))
    settings = settings_from(**{"depthlm.pixels": 7, "depthlm.questions": 9})
    spec = method_spec(text, settings)
    values = spec.as_dict()
    json.dumps(values, allow_nan=False)
    assert values["method"] == text and values["model"] == "facebook/DepthLM"
    assert values.get("pixels", 7) == 7 and values.get("questions", 9) == 9
    for act in (spec.make, lambda: spec.prepare(DownloadProgress())):
        with pytest.raises(MissingPartError, match=r"mfh models get depthlm \(25.4 GB\)"):
            act()
    with pytest.raises(SettingsError, match="a model that answers questions is an id"):
        method_spec(f"{text}:nonsense")
    assert method_spec(f"{text}:a/b").as_dict()["model"] == "a/b"
    assert not list(tmp_path.iterdir())


def test_a_runs_model_is_found_and_told_from_others(tmp_path):
    model = tiny_pixtral(tmp_path / "run" / "model")
    for folder in (tmp_path / "run", model):
        spec = estimator_spec(f"depthlm:{folder}")
        assert Path(spec.as_dict()["model"]) == model.resolve()
        assert "config.json" in spec.as_dict()["files"]
    before = spec.as_dict()
    (model / "config.json").write_text((model / "config.json").read_text() + " ")
    assert spec.as_dict() != before


def test_dense_depth_is_predicted_and_evaluated_by_its_name(tmp_path, monkeypatch, capsys):
    """With a simulated model and simulated disparity in the places of the learned ones."""
    photo, depth_m = random_scene(2, height=120, width=160)
    Image.fromarray(photo.image).save(tmp_path / "room.png")
    np.savetxt(tmp_path / "K.txt", photo.camera.matrix)
    loaded = load_photo(tmp_path / "room.png", tmp_path / "K.txt")
    answerer = SimulatedAnswerer(loaded, depth_m, focal_px=100.0, relative_error=0.02, nonsense=0)
    world = SimulatedWorld(loaded, depth_m, SimulatedErrors.none())
    opened = []

    def open_model(model, settings, store):
        opened.append((model, settings.depthlm.batch))
        return answerer

    monkeypatch.setattr("mfh.estimators.depthlm.spec.open_model", open_model)
    monkeypatch.setattr("mfh.estimators.depthlm.spec.answerer_weights", lambda *_: None)
    monkeypatch.setattr(LearnedParts, "prepare", lambda *_: None)
    monkeypatch.setattr(LearnedParts, "disparity", SimulatedDisparity(world))
    words = ("predict", tmp_path / "room.png", "-k", tmp_path / "K.txt", "--out", tmp_path / "out")
    changed = ("--set", "depthlm.questions=12", "--set", "depthlm.batch=3", "--target-error", 0)
    status, printed = run_here(capsys, *words, "-m", "depthlm:a/b", *changed, "-f", "npz")
    assert status == 0, printed
    assert opened == [("a/b", 3)] and "12 of at most 12 questions" in printed
    result = read_depth_npz(tmp_path / "out" / "depth.npz")
    np.testing.assert_allclose(result.depth_m, depth_m, rtol=0.1)
    assert result.relative_error < 0.1
    method = json.loads((tmp_path / "out" / "summary.json").read_text())["method"]
    assert (method["method"], method["questions"], method["target_error"]) == ("depthlm", 12, 0)
    status, printed = run_here(capsys, *words, "-m", "depthlm", "--landmark", "3,4=2", "-n", 8)
    assert status == 1 and "--landmark, --paintings: method 'depthlm' does not take" in printed
