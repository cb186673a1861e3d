"""Known distances through the whole flow: alone, with people, from Python and the command line."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import planted
import pytest
from commands import run_here
from PIL import Image

import mfh
from mfh.errors import InputError, MissingPartError
from mfh.head import LandmarkHead
from mfh.known_distances import KnownDistance
from mfh.models import ModelStore
from mfh.parts import LearnedParts, learned_stages
from mfh.pipeline import MetricFromHuman
from mfh.runs.record_files import read_landmarks
from mfh.settings import Settings

PLACES = ((30, 12), (90, 80), (64, 48))


def distance(x, y):
    """What a tape measures from the camera to the planted scene at a pixel."""
    camera = planted.camera()
    across, down = (x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy
    row = int(y)
    return float(planted.scene_depth()[row, int(x)] * math.hypot(across, down, 1))


KNOWN = [(x + 0.5, y + 0.5, distance(x + 0.5, y + 0.5)) for x, y in PLACES]


def method(world=None, *, people=True, **settings):
    world = world or planted.World()
    part = world if people else None
    chosen = {"paintings": 4, "target_error": 0, "strip_min_ratio": 0.4}
    return MetricFromHuman(part, part, world, settings=Settings(**{**chosen, **settings}))


def test_known_distances_alone_need_no_people():
    world = planted.World()
    run = method(world, people=False).run(planted.photo(), landmarks=KNOWN)
    np.testing.assert_allclose(run.depth.depth_m, planted.scene_depth(), rtol=0.02)
    assert run.depth.counts.points == 3
    assert run.depth.counts.people == run.depth.counts.painted == 0
    assert set(run.depth.parts) == {"disparity", "head"}
    assert run.depth.painting == "none: known distances are given"
    assert run.verdicts == ("",)
    assert world.painted == []
    assert set(run.landmarks[0].kind) == {"measured point"}


def test_parts_that_are_there_are_not_asked_when_known_distances_do():
    class Never(planted.World):
        def measure(self, photo, images):
            raise AssertionError("measured")

        def paint(self, photo, plan):
            raise AssertionError("painted")

    depth = method(Never()).predict(planted.photo(), landmarks=KNOWN)
    assert depth.counts.points == 3


def test_one_known_distance_gives_a_depth():
    x, y = PLACES[0]
    for head_method in ("robust", "silog"):
        depth = method(head_method=head_method).predict(planted.photo(), landmarks=KNOWN[0])
        assert depth.depth_m[y, x] == pytest.approx(planted.scene_depth()[y, x], rel=0.02)
    assert any("known distances are at too similar" in warning for warning in depth.warnings)
    asked = KnownDistance(*KNOWN[0], kind="asked point")
    depth = method(head_method="silog").predict(planted.photo(), landmarks=asked)
    assert any("points asked about are at too similar" in each for each in depth.warnings)


def test_people_and_known_distances_together():
    always = method(paint="always").run(planted.photo(), landmarks=KNOWN)
    assert always.depth.counts.points == 3
    assert always.depth.counts.people == always.depth.counts.painted == 4
    np.testing.assert_allclose(always.depth.depth_m, planted.scene_depth(), rtol=0.02)
    never = method(planted.Inhabited(), paint="never").run(planted.photo(), landmarks=KNOWN)
    assert (never.depth.counts.points, never.depth.counts.in_photo) == (3, 1)
    assert never.depth.counts.painted == 0
    assert never.landmarks[0].kind == ("person", *["measured point"] * 3)
    repeated = method(planted.Inhabited(), paint="always", photo_people="repeated").run(
        planted.photo(), landmarks=KNOWN
    )
    assert repeated.depth.counts.points == 3
    assert repeated.depth.counts.in_photo == 0
    assert repeated.depth.counts.people > 4


def test_known_distances_are_in_px_of_the_photo_as_given():
    whole = planted.photo()
    half = method(working_short_side_px=64, people=False).run(whole, landmarks=KNOWN)
    assert half.working.shape == (64, 85)
    assert half.depth.depth_m.shape == whole.shape
    for (x, y), _ in zip(PLACES, KNOWN):
        assert half.depth.depth_m[y, x] == pytest.approx(planted.scene_depth()[y, x], rel=0.05)


def test_a_known_distance_that_does_not_agree_is_said():
    class Doubtful(LandmarkHead):
        def fit(self, aligned, landmarks):
            head = super().fit(aligned, landmarks)
            return replace(head, used=np.array([True, False, True]))

    run = method(people=False)
    run.head = Doubtful("silog")
    depth = run.predict(planted.photo(), landmarks=KNOWN)
    assert depth.counts.points == 2
    assert any("1 of 3 known distances did not agree" in said for said in depth.warnings)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        ([(500, 20, 2.0)], "outside the photo of 128 x 96 px"),
        ([(5, 20, -2.0)], "a positive number"),
        ("here=2", "expected x,y=METRES"),
        ([(5.2, 20.2, 2.0), (5.4, 20.4, 4.0)], "contradict each other"),
    ],
)
def test_known_distances_that_cannot_be_used(tmp_path, landmarks, message):
    with pytest.raises(InputError, match=message):
        method().run(planted.photo(), landmarks=landmarks, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_records_depend_on_the_known_distances(tmp_path):
    def notes(landmarks, photo=None):
        progress = planted.Notes()
        method(paint="always").run(
            photo or planted.photo(), landmarks=landmarks, folder=tmp_path, progress=progress
        )
        return progress.notes

    notes(KNOWN)
    described = json.loads((tmp_path / "run.json").read_text())["known_distances"]
    assert [each["x_px"] for each in described] == [30.5, 90.5, 64.5]
    assert "measured point" in read_landmarks(tmp_path / "landmarks", "photo").kind
    assert set(notes(KNOWN).values()) == {"reused", "computed"}
    changed = notes(KNOWN[:2])
    assert changed["landmarks"] == "recomputed: known distances changed"
    assert changed["head"].startswith("recomputed")
    for stage in ("painted", "people", "disparity", "aligned"):
        assert changed[stage] == "reused"
    assert notes([])["landmarks"] == "recomputed: known distances changed"


def test_a_known_distance_after_painting_reuses_the_photos_disparity(tmp_path):
    method().run(planted.photo(), folder=tmp_path)
    progress, world = planted.Notes(), planted.World()
    method(world, people=False).run(
        planted.photo(), landmarks=KNOWN, folder=tmp_path, progress=progress
    )
    assert progress.notes["disparity"] == "reused"
    assert "painted" not in progress.notes
    assert (tmp_path / "painted" / "0003.png").is_file()
    progress = planted.Notes()
    method(world).run(planted.photo(), folder=tmp_path, progress=progress)
    assert world.painted == []
    for stage in ("painted", "people", "disparity"):
        assert progress.notes[stage] == "reused"


@pytest.mark.parametrize(
    ("paint", "known_distances", "use", "stages"),
    [
        ("auto", True, (), ["disparity"]),
        ("auto", True, ("disparity",), []),
        ("auto", False, (), ["painted", "people", "disparity"]),
        ("never", False, (), ["people", "disparity"]),
        ("always", True, ("people",), ["painted", "disparity"]),
        ("auto", True, ("painted",), ["people", "disparity"]),
    ],
)
def test_learned_parts_are_asked_for_by_need(paint, known_distances, use, stages):
    assert learned_stages(paint, use, known_distances=known_distances) == stages


def test_files_that_would_not_be_looked_at_are_refused(tmp_path):
    with pytest.raises(InputError, match="files for people are given, but with known distances"):
        learned_stages("auto", ["people"], known_distances=True)
    with pytest.raises(InputError, match="--paint never uses none"):
        learned_stages("never", ["painted"])


@pytest.fixture
def looked_for(monkeypatch):
    """The models that are looked for, none of which is there."""
    found = []

    def state(_, model):
        found.append(model.part)
        return type("State", (), {"ready": False, "model": model})()

    monkeypatch.setattr(ModelStore, "state", state)
    monkeypatch.setenv("MFH_OFFLINE", "1")
    return found


def test_only_the_disparity_model_is_looked_for(looked_for):
    by_name = {"model": "hmr2"}  # "auto" looks whether SMPL is here
    photo, camera = planted.photo().image, planted.camera().matrix
    with pytest.raises(MissingPartError):
        mfh.metric_depth(photo, camera, landmarks=KNOWN, people=by_name)
    assert looked_for == ["disparity"]
    looked_for.clear()
    with pytest.raises(MissingPartError, match="--landmark x,y=METRES"):
        mfh.metric_depth(photo, camera, paint="never", people=by_name)
    assert set(looked_for) == {"disparity", "detector", "mesh", "body"}


def test_distances_are_checked_before_anything_is_looked_for(looked_for):
    with pytest.raises(InputError, match="outside the photo"):
        mfh.metric_depth(planted.photo().image, planted.camera(), landmarks=[(900, 2, 1.0)])
    assert looked_for == []


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A photo, its camera, and a folder of disparity for it."""
    world = planted.World()
    method(world).run(planted.photo(), folder=tmp_path / "run")
    Image.fromarray(planted.photo().image).save(tmp_path / "photo.png")
    camera = {"fx": 110, "fy": 115, "cx": 60, "cy": 50}
    (tmp_path / "K.json").write_text(json.dumps(camera))
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "no models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    return tmp_path


def test_metric_depth_takes_known_distances_and_files(here):
    (here / "known.csv").write_text(
        "x,y,distance_m\n" + "".join(f"{x},{y},{m}\n" for x, y, m in KNOWN)
    )
    for landmarks in (KNOWN, np.array(KNOWN), here / "known.csv"):
        depth = mfh.metric_depth(
            here / "photo.png",
            here / "K.json",
            landmarks=landmarks,
            use={"disparity": here / "run" / "disparity"},
        )
        np.testing.assert_allclose(depth.depth_m, planted.scene_depth(), rtol=0.02)


def predict(capsys, here, *arguments):
    return run_here(
        capsys,
        *("predict", here / "photo.png", "-k", here / "K.json", "--out", here / "out"),
        *arguments,
    )


def test_the_command_takes_known_distances(capsys, here):
    options = [f"--landmark={x},{y}={metres:.4f}" for x, y, metres in KNOWN]
    status, printed = predict(
        capsys, here, *options, "--use", f"disparity={here / 'run' / 'disparity'}"
    )
    assert status == 0, printed
    assert "none: known distances are given" in printed
    stored = np.load(here / "out" / "depth.npz")
    np.testing.assert_allclose(stored["depth_m"], planted.scene_depth(), rtol=0.02)
    summary = json.loads((here / "out" / "summary.json").read_text())
    assert summary["counts"]["points"] == 3
    assert (here / "out" / "painted.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--landmark", "5,5=2m", "--landmark", "500,5=2"], "outside the photo of 128 x 96 px"),
        (["--landmark", "5,5"], "expected x,y=METRES"),
        (["--landmark", "absent.csv"], "absent.csv"),
        (["--landmark", "5,5=2"], "Depth Anything"),
        (["--paint", "sometimes"], "auto, always, never"),
        (["--target-error", "10"], "0 to below 1, e.g. 0.1 for 10 %"),
        (["--target-error", "nan"], "0 to below 1"),
        (["--paint", "never", "--use", "painted=run/painted"], "--paint never uses none"),
        (["--target-error", "0.2", "--use", "painted=run/painted"], "leave them out"),
        (["--landmark", "5,5=2", "--use", "people=run/people"], "nobody is measured"),
    ],
)
def test_options_that_cannot_be_meant(capsys, here, monkeypatch, arguments, said):
    monkeypatch.chdir(here)
    status, printed = predict(capsys, here, *arguments)
    text = " ".join(printed.split())
    assert status == 1
    assert said in text
    assert "Traceback" not in text
    assert not (here / "out").exists()


def test_known_distances_belong_to_one_photo(capsys, here):
    Image.fromarray(planted.photo().image).save(here / "other.png")
    status, printed = predict(capsys, here, here / "other.png", "--landmark", "5,5=2")
    assert status == 1
    assert "a known distance belongs to one photo" in " ".join(printed.split())
    assert not (here / "out").exists()


def test_simulated_runs_take_known_distances(capsys, tmp_path):
    status, printed = run_here(
        capsys,
        *("demo", "--errors", "none", "--landmark", "320,400=3.0", "--out", tmp_path / "out"),
    )
    assert status == 0, printed
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["counts"]["points"] == 1
    assert summary["simulated"] is True
    assert not (tmp_path / "out" / "painted").exists()


def test_one_learned_part_alone_is_made(monkeypatch):
    monkeypatch.setattr(LearnedParts, "prepare", lambda *_: None)
    monkeypatch.setattr(LearnedParts, "disparity", planted.World())
    made = MetricFromHuman.from_settings(Settings(), known_distances=True)
    assert made.painter is None
    assert made.people is None
    assert made.predict(planted.photo(), landmarks=KNOWN).counts.points == 3
