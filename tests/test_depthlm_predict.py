"""`mfh predict --method depthlm` and `mfh.metric_depth`: records, going on, and what is told."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from commands import run_here
from PIL import Image

import mfh
from mfh import api
from mfh.estimators.depthlm.estimator import DepthLM
from mfh.estimators.depthlm.questions import Question
from mfh.estimators.depthlm.spec import DepthLMSpec
from mfh.models import DownloadProgress, ModelStore
from mfh.photos import load_photo
from mfh.progress import Progress
from mfh.records import Counts
from mfh.results.summary import summary_lines
from mfh.results.uncertainty import kinds_in_words, landmarks_in_words
from mfh.simulation import SimulatedDisparity, SimulatedWorld
from mfh.simulation.answerer import SimulatedAnswerer
from mfh.simulation.rooms import random_scene

OPTIONS = ("--set", "depthlm.questions=16", "--target-error", "0", "--format", "npz")


class Asking:
    """A simulated model that counts what it is asked, and may be interrupted."""

    device = "a CPU"
    name = "model"

    def __init__(self, model: SimulatedAnswerer) -> None:
        self.model = model
        self.fingerprint, self.focal_px = model.fingerprint, model.focal_px
        self.asked = 0
        self.interrupted_at = -1

    def answer(self, questions: Sequence[Question], progress: Progress | None = None) -> list[str]:
        texts = []
        for text in self.model.answer(questions, progress):
            if self.asked == self.interrupted_at:
                self.interrupted_at = -1
                raise KeyboardInterrupt
            texts.append("<b>I cannot</b> tell." if self.asked == 2 else text)
            self.asked += 1
        return texts


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    """A folder with two photos of a room, and the model that `depthlm` asks about them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    room, depth_m = random_scene(0, height=120, width=160)
    Path("photos").mkdir()
    for name in ("a", "b"):
        Image.fromarray(room.image).save(f"photos/{name}.png")
    Path("K.json").write_text(json.dumps(room.camera.matrix.tolist()))
    photo = load_photo("photos/a.png", "K.json")
    perfect = {"relative_error": 0.0, "nonsense": 0.0}
    asking = Asking(SimulatedAnswerer(photo, depth_m, focal_px=photo.camera.fx, **perfect))
    disparity = SimulatedDisparity(SimulatedWorld(photo, depth_m, None, 0))

    def make(spec: DepthLMSpec, store: ModelStore | None = None) -> DepthLM:
        own = spec.settings
        return DepthLM(
            asking,
            disparity,
            questions=own.depthlm.questions,
            target_error=own.target_error,
            settings=own,
        )

    def prepare(
        spec: DepthLMSpec, progress: DownloadProgress, store: ModelStore | None = None
    ) -> None:
        """There is nothing to download."""

    monkeypatch.setattr(DepthLMSpec, "make", make)
    monkeypatch.setattr(DepthLMSpec, "prepare", prepare)
    api._estimator.cache_clear()
    yield asking
    api._estimator.cache_clear()


def predict(capsys: pytest.CaptureFixture[str], *photos: str) -> tuple[int, str]:
    return run_here(
        capsys, *("predict", *photos, "-m", "depthlm", "-k", "K.json", "--out", "out"), *OPTIONS
    )


def test_a_run_goes_on_and_results_tell_what_was_said(
    model: Asking, capsys: pytest.CaptureFixture[str]
) -> None:
    model.interrupted_at = 11
    status, printed = predict(capsys, "photos/a.png")
    assert status == 130
    assert "interrupted; the same command goes on where this one stopped" in printed
    assert model.asked == 11

    status, printed = predict(capsys, "photos/a.png")
    assert status == 0, printed
    # The round that was interrupted is asked again, the one before it is not.
    assert model.asked == 11 + 8
    assert "Answers of a model  15 used" in printed
    assert "Asked               16 of at most 16 questions" in printed
    assert "Painted" not in printed
    assert "Known distances" not in printed
    assert "1 of 16 answers of model hold no distance" in printed

    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["counts"]["points"] == summary["counts"]["asked"] == 15
    assert summary["method"]["method"] == "depthlm"
    assert summary["head"] is not None
    assert summary["seconds"]["questions"] > 0
    assert len(summary["asked"]) == 16
    silent = [point for point in summary["asked"] if point["distance_m"] is None]
    assert [point["text"] for point in silent] == ["<b>I cannot</b> tell."]
    assert sum(point["used"] for point in summary["asked"]) == 15
    report = Path("out/report.html").read_text()
    assert "&lt;b&gt;I cannot&lt;/b&gt; tell." in report
    assert "The model said" in report
    assert "Each vote on the scale" in report
    assert "the depth that was answered" in report
    assert "Answered depth over the fit&#x27;s of 15 landmarks" in report
    assert "Placing landmarks" in report
    assert "painted.png</a>: the photo and its painted photos with what was measured" in report
    assert "Painted" not in report and "Rendering people" not in report
    assert "15 answers of a model" in report
    assert "known distance" not in report

    status, printed = predict(capsys, "photos/a.png")
    assert (status, model.asked) == (0, 19)
    assert "placing landmarks: reused" in printed
    assert json.loads(Path("out/summary.json").read_text())["asked"] == summary["asked"]


def test_several_photos_go_on_too(model: Asking, capsys: pytest.CaptureFixture[str]) -> None:
    model.interrupted_at = 20
    status, printed = predict(capsys, "photos")
    assert status == 130
    assert "goes on where this one stopped" in printed
    status, printed = predict(capsys, "photos")
    assert status == 0, printed
    assert model.asked == 20 + 16
    for name in ("a", "b"):
        assert len(json.loads(Path(f"out/{name}/questions.json").read_text())["asked"]) == 16
        assert len(json.loads(Path(f"out/{name}/summary.json").read_text())["asked"]) == 16


def test_metric_depth_keeps_records_in_its_folder(model: Asking) -> None:
    def depth() -> mfh.MetricDepth:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return mfh.metric_depth(
                "photos/a.png", "K.json", method="depthlm", folder="kept", target_error=0.0
            )

    first, again = depth(), depth()
    assert model.asked == 32
    np.testing.assert_array_equal(first.depth_m, again.depth_m)
    assert Path("kept/questions.json").is_file()
    assert json.loads(Path("kept/summary.json").read_text())["method"]["method"] == "depthlm"
    assert dict(summary_lines(first))["Answers of a model"] == "31 used"


@pytest.mark.parametrize(
    ("counts", "landmarks", "kinds"),
    [
        (Counts(0, 0, 0, 0, points=1, asked=1), "one answer of a model", "answers of a model"),
        (
            Counts(0, 0, 0, 2, in_photo=2, points=4, asked=3),
            "2 people, one known distance and 3 answers of a model",
            "people, known distances and answers of a model",
        ),
    ],
)
def test_what_was_measured_by_is_called_what_it_is(
    counts: Counts, landmarks: str, kinds: str
) -> None:
    assert landmarks_in_words(counts) == landmarks
    assert kinds_in_words(counts) == kinds
