"""The whole method on tiny random models of all real classes: no network, no real weights."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from commands import run_here
from tiny_detector import tiny_network
from tiny_keypoints import tiny_keypoint_network, write_tiny_keypoint_rcnn
from tiny_models import K, write_models, write_photo

import mfh
from mfh.runs.record_files import read_landmarks, read_people

PAINTINGS = 4


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return folder, write_models(folder)


@pytest.fixture(autouse=True)
def here(monkeypatch, models, tmp_path_factory):
    """An empty store, no network, and the tiny architecture where torchvision's would be made."""
    store = models[0] / "store"
    monkeypatch.setenv("MFH_MODELS", str(store))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    monkeypatch.setattr("mfh.people.detectors.mask_rcnn.mask_rcnn_network", tiny_network)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return write_photo(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def body(capsys, models):
    if not (models[0] / "store" / "smpl").is_dir():
        status, printed = run_here(capsys, "models", "add", "smpl", models[0] / "SMPL_NEUTRAL.pkl")
        assert status == 0, printed


def predict(capsys, photos, models, out, *arguments, **changes):
    settings = {**models[1], **{name.replace("__", "."): v for name, v in changes.items()}}
    return run_here(
        capsys,
        *("predict", *photos, "-k", photos[0].parent / "K.json", "--out", out),
        *("--paintings", PAINTINGS, "--target-error", 0),
        *(f"--set={name}={value}" for name, value in settings.items()),
        *arguments,
    )


@pytest.fixture
def run_folder(capsys, models, photo, body, tmp_path_factory):
    """The results of one run, made once; tests that change it copy it."""
    folder = models[0] / "run"
    if not folder.is_dir():
        status, printed = predict(capsys, [photo], models, folder)
        assert status == 0, printed
    return folder


def test_every_record_and_result_is_saved(run_folder):
    names = ["photo", *(f"{index:04d}" for index in range(PAINTINGS))]
    found = {path.relative_to(run_folder).as_posix() for path in run_folder.rglob("*")}
    for stage in ("people", "disparity", "landmarks"):
        assert {f"{stage}/{name}.npz" for name in names} <= found
    for name in names[1:]:
        assert {f"painted/{name}.png", f"painted/{name}_repainted.png"} <= found
    results = ("depth.npz", "depth_mm.png", "depth.png", "points.ply", "painted.png")
    assert {*results, "summary.json", "aligned/aligned.json", "head/head.json"} <= found
    depth_m = np.load(run_folder / "depth.npz")["depth_m"]
    assert depth_m.shape == (120, 160)
    assert (depth_m > 0).all()


def test_what_was_computed_where_is_said(run_folder):
    summary = json.loads((run_folder / "summary.json").read_text())
    assert summary["simulated"] is False
    assert summary["device"] == "CPU"
    assert summary["parts"]["painter"] == "painter"
    assert summary["parts"]["people"] == "hmr2, detector"
    assert summary["counts"]["painted"] == PAINTINGS
    # Random weights find no bodies that fit their masks, so some may be set aside.
    assert summary["counts"]["people"] + summary["counts"]["set_aside"] > 0
    versions = json.loads((run_folder / "run.json").read_text())["versions"]
    assert {"torch", "diffusers", "transformers", "torchvision"} <= set(versions)


def test_people_are_the_body_model_in_front_of_the_camera(run_folder):
    """SMPL's mesh, as tall as it is, at the distance at which it is seen in its box."""
    people = read_people(run_folder / "people", "0000")
    assert people.vertices_m.shape[1:] == (6890, 3)
    assert people.faces.shape == (13776, 3)
    for mesh_m, box_px in zip(people.vertices_m, people.box_px):
        assert 1.4 < np.ptp(mesh_m[:, 1]) < 2.0
        u = K["fx"] * mesh_m[:, 0] / mesh_m[:, 2] + K["cx"]
        v = K["fy"] * mesh_m[:, 1] / mesh_m[:, 2] + K["cy"]
        centre = (np.array([u.min() + u.max(), v.min() + v.max()])) / 2
        side = max(box_px[3] - box_px[1], (box_px[2] - box_px[0]) / 0.75)
        assert np.abs(centre - (box_px[:2] + box_px[2:]) / 2).max() < 0.1 * side
        assert 0.6 < np.ptp(v) / side < 1
    landmarks = read_landmarks(run_folder / "landmarks", "0000")
    known = np.isfinite(landmarks.depth_m)
    assert known.sum() > 50
    assert np.isin(landmarks.owner[known], np.arange(len(people))).all()


def test_a_second_run_reuses_everything_whatever_the_batches(
    capsys, models, photo, run_folder, monkeypatch
):
    def never(*_):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("mfh.painting.loading.load_pipeline", never)
    monkeypatch.setattr("mfh.people.detectors.mask_rcnn.mask_rcnn_network", never)
    before = np.load(run_folder / "depth.npz")["depth_m"]
    changes = {"painter__batch": 3, "people__detector_batch": 1, "disparity__batch": 2}
    status, printed = predict(capsys, [photo], models, run_folder, **changes)
    assert status == 0, printed
    for stage in ("painting people", "measuring people", "estimating disparity"):
        assert f"{stage}: reused" in printed
    np.testing.assert_array_equal(np.load(run_folder / "depth.npz")["depth_m"], before)


def test_settings_of_a_part_concern_its_stage_and_those_after(
    capsys, models, photo, run_folder, tmp_path
):
    shutil.copytree(run_folder, tmp_path / "run")
    status, printed = predict(capsys, [photo], models, tmp_path / "run", people__min_score=0.4)
    assert status == 0, printed
    assert "painting people: reused" in printed
    assert "measuring people: recomputed: min_score 0.5 -> 0.4" in printed
    assert "estimating disparity: reused" in printed


def test_nobody_found_is_said_with_counts(capsys, models, photo, body, tmp_path):
    status, printed = predict(
        capsys, [photo], models, tmp_path, people__detector=models[0] / "nobody"
    )
    assert status == 1
    said = " ".join(printed.split())
    assert f"none of {PAINTINGS} painted photos gave a person" in said
    assert f"({PAINTINGS} x nobody found)" in said
    for record in ("painted/0003.png", "people/0003.npz", "disparity/0003.npz", "painted.png"):
        assert (tmp_path / record).is_file()
    assert not (tmp_path / "depth.npz").exists()


@pytest.mark.parametrize("model", ["anny", "auto"])
def test_people_are_measured_without_smpl(
    capsys, models, photo, tmp_path, monkeypatch, model, run_folder
):
    """Random keypoints are nobody's, so all are refused; paintings are those of any measurer."""
    made = "mfh.people.detectors.keypoint_rcnn.keypoint_rcnn_network"
    monkeypatch.setattr(made, tiny_keypoint_network)
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "no_models"))
    write_tiny_keypoint_rcnn(tmp_path / "keypoints")
    out = tmp_path / "run"
    shutil.copytree(run_folder, out)
    status, printed = predict(
        capsys,
        [photo],
        models,
        out,
        people__model=model,
        people__keypoints=tmp_path / "keypoints",
    )
    assert status == 1
    said = " ".join(printed.split())
    assert "painting people: reused" in said
    assert "measuring people: recomputed" in said
    assert f"none of {PAINTINGS} painted photos gave a person to measure by" in said
    assert "somebody" in said
    assert read_people(out / "people", "0000").refused


def test_models_are_loaded_once_for_several_photos(
    capsys, models, photo, body, tmp_path, monkeypatch
):
    from mfh.painting import loading

    loads = []
    load_pipeline = loading.load_pipeline
    monkeypatch.setattr(
        loading, "load_pipeline", lambda *given: loads.append(1) or load_pipeline(*given)
    )
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(photo.parent / "K.json", tmp_path / "K.json")
    for name in ("a.png", "c.png"):
        shutil.copy(photo, folder / name)
    (folder / "b.jpg").write_text("not a photo")
    status, printed = predict(capsys, [folder], models, tmp_path / "out")
    assert status == 1
    assert loads == [1]
    said = " ".join(printed.split())
    assert "1/3 a.png: " in said
    assert "2/3 b.jpg: failed" in said
    assert "3/3 c.png: " in said
    assert "1 of 3 photos failed: " in said
    assert "b.jpg: is not an image" in said
    for name in ("a", "c"):
        assert (tmp_path / "out" / name / "summary.json").is_file()
    assert not (tmp_path / "out" / "b").exists()


def test_missing_models_are_all_named_before_anything_is_done(capsys, photo, tmp_path, monkeypatch):
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "empty"))
    monkeypatch.setattr("mfh.models.needs.detector_name", lambda _: "mask-rcnn")
    status, printed = run_here(capsys, "predict", photo, "--out", tmp_path / "out")
    assert status == 1
    said = " ".join(printed.split())
    got = "mfh models get sd2-inpainting mask-rcnn keypoint-rcnn depth-anything-large (6.9 GB)"
    assert got in said
    assert "smpl" not in said
    status, printed = run_here(
        capsys, "predict", photo, "--out", tmp_path / "out", "--preset", "paper"
    )
    assert status == 1
    said = " ".join(printed.split())
    for words in (
        "Stable Diffusion 2 inpainting (sd2-inpainting) is not on this machine",
        "mfh models get sd2-inpainting mask-rcnn hmr2 depth-anything-large (9.2 GB)",
        "https://smpl.is.tue.mpg.de",
        "mfh models add smpl FILE",
        "--set people.model=anny",
        "--use painted=PATH --use people=PATH --use disparity=PATH",
        "mfh demo",
    ):
        assert words in said
    assert not (tmp_path / "out").exists()


def test_one_call_in_python(models, photo, body, run_folder):
    settings = {**models[1], "painter.steps": 2, "painter.short_side_px": 64}
    settings |= {"disparity.short_side_px": 112, "strip_min_ratio": 0.5, "paintings": PAINTINGS}
    settings |= {"target_error": 0}
    depth = mfh.metric_depth(photo, photo.parent / "K.json", **settings)
    np.testing.assert_array_equal(depth.depth_m, np.load(run_folder / "depth.npz")["depth_m"])
    assert depth.device == "CPU"
