"""The fitted body as a mesh regressor: who is refused, in which order, and what it depends on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from people_observations import Shot, observe
from people_truth import load_people

from mfh.errors import InputError
from mfh.part_settings import PeopleSettings
from mfh.people.anny import AnnyRegressor, load_body, regressor
from mfh.people.anny.measuring import Measured
from mfh.people.detection import Detections
from mfh.records import Intrinsics

CAMERA = Intrinsics(600.0, 600.0, 320.0, 240.0, 480, 640)
IMAGE = np.zeros((480, 640, 3), np.uint8)
NOBODY = Detections(
    mask=np.zeros((0, 480, 640), np.bool_),
    box_px=np.zeros((0, 4), np.float32),
    score=np.zeros(0, np.float32),
)


@pytest.fixture(scope="module")
def standing() -> Detections:
    """One rendered person, standing, as a detector finds them."""
    person = next(each for each in load_people("held out") if each.kind == "standing")
    return observe(Shot(person), CAMERA, np.random.default_rng(3)).found


@pytest.fixture
def told(monkeypatch):
    """What rulers are asked, and answer at once: a body as far away as the mask is high."""
    asked = []

    def measure(_, people, camera, prompts):
        asked.append(([each.height_px for each in people], camera, list(prompts)))
        depth = torch.tensor([each.height_px for each in people])
        meshes = (
            torch.tensor(load_body().vertices)
            + torch.tensor([0.0, 0.0, 1.0]) * depth[:, None, None]
        )
        return Measured(
            meshes,
            torch.full_like(depth, 0.05),
            torch.full_like(depth, 0.01),
            torch.zeros_like(depth),
        )

    monkeypatch.setattr(regressor.Ruler, "measure", measure)
    return asked


def high(*heights_px: int) -> Detections:
    """People side by side who are so high in the image."""
    count = len(heights_px)
    mask = np.zeros((count, 480, 640), np.bool_)
    for person, height_px in enumerate(heights_px):
        mask[person, 20 : 20 + height_px, 40 * person : 40 * person + 20] = True
    return Detections(
        mask=mask,
        box_px=np.array(
            [[40 * n, 20, 40 * n + 20, 20 + h] for n, h in enumerate(heights_px)], np.float32
        ),
        score=np.full(count, 0.9, np.float32),
        keypoints_px=np.full((count, 17, 2), 30, np.float32),
        keypoint_score=np.full((count, 17), 0.9, np.float32),
    )


def regress(found: list[Detections], prompts=(), batch: int = 4):
    part = AnnyRegressor(PeopleSettings(regressor_batch=batch), device="cpu")
    return part.regress([IMAGE] * len(found), found, CAMERA, prompts)


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_each_has_the_mesh_that_is_theirs(told, batch):
    few, seen = replace(high(60), keypoint_score=np.zeros((1, 17), np.float32)), high(100, 10, 120)
    first, nobody, second, third = regress([seen, NOBODY, few, high(80)], batch=batch)
    assert first.refused == ("", "is too small to measure", "")
    assert second.refused == ("shows too few joints",)
    assert nobody.refused == ()
    assert nobody.vertices_m.shape == (0, *load_body().vertices.shape)
    assert first.vertices_m.dtype == first.relative_error.dtype == np.float32
    middle = load_body().vertices[:, 2].mean()
    depths = first.vertices_m[:, :, 2].mean(axis=1) - middle
    np.testing.assert_allclose(depths, [100, np.nan, 120], rtol=1e-5)
    np.testing.assert_allclose(first.relative_error, [0.05, np.nan, 0.05])
    assert third.vertices_m[0, :, 2].mean() == pytest.approx(80 + middle, rel=1e-5)
    assert np.isnan(second.vertices_m).all()
    assert [height for heights, _, _ in told for height in heights] == [100, 120, 80]


def test_people_come_with_the_prompt_of_their_image(told):
    regress([high(100, 90), NOBODY, high(80)], ("a man", "a child", "a woman"), batch=8)
    assert told == [([100, 90, 80], CAMERA, ["a man", "a man", "a woman"])]


def test_without_prompts_nothing_is_told_of_anybody(told):
    regress([high(100), high(80)], batch=8)
    assert told[0][2] == ["", ""]


def test_nobody_in_any_image_is_nobody_measured(told):
    assert [each.refused for each in regress([NOBODY, NOBODY])] == [(), ()]
    assert told == []


def test_an_empty_mask_is_too_small():
    (found,) = regress([replace(high(50), mask=np.zeros((1, 480, 640), np.bool_))])
    assert found.refused == ("is too small to measure",)


def test_people_without_keypoints_are_an_error_that_says_what_to_do():
    bare = replace(high(50), keypoints_px=None, keypoint_score=None)
    with pytest.raises(InputError, match=r"no keypoints; find them with KeypointDetector\("):
        regress([bare])


def test_keypoints_elsewhere_fit_no_body(standing):
    rng = np.random.default_rng(5)
    scattered = rng.uniform((0, 0), (640, 480), (1, 17, 2)).astype(np.float32)
    (found,) = regress([replace(standing, keypoints_px=scattered)], ["a man"])
    assert found.refused == ("fits no body",)
    assert np.isnan(found.relative_error).all()


def test_a_few_joints_that_are_guessed_tell_too_little(standing):
    score = np.where(np.arange(17) < 7, 0.25, 0.05).astype(np.float32)[None]
    (found,) = regress([replace(standing, keypoint_score=score)], ["a man"])
    assert found.refused == ("shows too little to tell how far they are",)


def test_who_may_be_a_child_is_refused_unless_a_child_was_asked_for(standing):
    score = np.where(np.arange(17) < 7, 0.25, 0.05).astype(np.float32)[None]
    vague = replace(standing, keypoint_score=score)
    (untold,) = regress([vague], [""])
    (told,) = regress([vague], ["a child"])
    assert untold.refused == ("may be a child, whose size is not known",)
    assert told.refused != untold.refused


def test_keypoints_that_are_not_finite_count_as_unseen(standing):
    points, score = standing.keypoints_px.copy(), standing.keypoint_score.copy()
    points[0, 9], score[0, 10] = np.nan, np.nan
    (found,) = regress([replace(standing, keypoints_px=points, keypoint_score=score)], ["a man"])
    assert found.refused == ("",)
    assert np.isfinite(found.vertices_m).all()
    assert 0.03 < found.relative_error[0] < 0.16
    nothing = replace(standing, keypoints_px=np.full_like(points, np.nan))
    assert regress([nothing])[0].refused == ("shows too few joints",)


def test_a_fit_that_ran_away_refuses_only_its_own(monkeypatch):
    def measure(_, people, camera, prompts):
        lost = torch.tensor([float("nan"), 0.01])
        vertices = torch.tensor(load_body().vertices) + torch.tensor([0.0, 0.0, 4.0])
        return Measured(
            vertices * torch.ones(2, 1, 1), torch.tensor([0.05, 0.05]), lost, torch.zeros(2)
        )

    monkeypatch.setattr(regressor.Ruler, "measure", measure)
    (found,) = regress([high(100, 90)])
    assert found.refused == ("fits no body", "")
    assert np.isnan(found.vertices_m[0]).all()
    assert np.isfinite(found.vertices_m[1]).all()


def test_the_fingerprint_is_of_the_body_and_of_the_fit(monkeypatch):
    part = AnnyRegressor(device="cpu")
    before = json.loads(json.dumps(part.fingerprint))
    assert before["part"] == "anny"
    assert before["body_sha256"] == load_body().sha256
    monkeypatch.setattr(regressor, "load_body", lambda: replace(load_body(), sha256="0" * 64))
    other = part.fingerprint
    assert other["body_sha256"] != before["body_sha256"]
    monkeypatch.setattr(regressor, "_FIT_VERSION", before["fit"] + 1)
    assert part.fingerprint["fit"] != other["fit"]


def test_batch_and_device_do_not_count(told):
    alone = AnnyRegressor(PeopleSettings(regressor_batch=1), device="cpu")
    assert alone.fingerprint == AnnyRegressor(device="cpu").fingerprint
    assert alone.device == "CPU"
    np.testing.assert_array_equal(alone.faces, load_body().faces)
