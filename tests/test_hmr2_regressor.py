"""The regressor: from images and boxes to meshes in metres in the camera's frame."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_hmr2 import tiny_network, write_tiny_hmr2, write_tiny_smpl

from mfh.camera import project
from mfh.errors import InputError, NotEnoughMemoryError, NumericsError
from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people.detection import Detections
from mfh.people.hmr2 import HMR2, HMR2Regressor
from mfh.people.hmr2.crops import crop_person, crop_squares
from mfh.people.smpl import load_body
from mfh.records import Intrinsics

CAMERA = Intrinsics(fx=210, fy=210, cx=110, cy=70, height=150, width=200)
VERTICES = 60


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_tiny_hmr2(tmp_path_factory.mktemp("hmr2"))


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_tiny_smpl(tmp_path_factory.mktemp("smpl"), VERTICES)


def images(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (150, 200, 3), np.uint8) for _ in range(count)]


def detections(*boxes_px: tuple[float, ...]) -> Detections:
    return Detections(
        mask=np.ones((len(boxes_px), 150, 200), np.bool_),
        box_px=np.array(boxes_px, np.float32).reshape(-1, 4),
        score=np.ones(len(boxes_px), np.float32),
    )


def meshes_of(regressor: HMR2Regressor, *given: object) -> list[np.ndarray]:
    """The meshes alone of what the regressor gives."""
    return [each.vertices_m for each in regressor.regress(*given)]


FOUND = [
    detections((10, 20, 60, 140), (100, 10, 180, 130.5)),
    detections(),
    detections((-5, -5, 190, 150)),
]


def test_meshes_do_not_depend_on_the_batch(weights: Weights, body: Weights) -> None:
    given = images(3)
    meshes = {
        batch: meshes_of(
            HMR2Regressor(weights, body, PeopleSettings(regressor_batch=batch), device="cpu"),
            given,
            FOUND,
            CAMERA,
        )
        for batch in (1, 2, 64)
    }
    for each in meshes.values():
        assert [mesh.shape for mesh in each] == [
            (2, VERTICES, 3),
            (0, VERTICES, 3),
            (1, VERTICES, 3),
        ]
        assert all(mesh.dtype == np.float32 for mesh in each)
        for mesh, first in zip(each, meshes[1]):
            np.testing.assert_allclose(mesh, first, atol=1e-4)
    # The third person's box is more than twice as high as the first's.
    first, third = (float(meshes[1][index][0, :, 2].mean()) for index in (0, 2))
    assert first / third == pytest.approx(260 / 120, rel=0.1)


def test_a_person_is_where_the_network_saw_it(weights: Weights, body: Weights) -> None:
    """Each step done here once more, one person at a time."""
    given = images(3)
    regressor = HMR2Regressor(weights, body, device="cpu")
    meshes = meshes_of(regressor, given, FOUND, CAMERA)
    network, smpl = tiny_network(), load_body(body.file("smpl.npz"))
    np.testing.assert_array_equal(regressor.faces, smpl.faces)
    for image, found, measured in zip(given, FOUND, meshes):
        for box_px, mesh_m in zip(found.box_px, measured):
            (centre_px,), (side_px,) = crop_squares(box_px)
            crop = torch.from_numpy(crop_person(image, centre_px, side_px))
            with torch.inference_mode():
                estimate = network(crop[None])
            own_m = smpl.vertices(*estimate[:3])[0].numpy()
            shift_m = mesh_m - own_m
            assert np.ptp(shift_m, axis=0).max() < 1e-4
            s, tx, ty = estimate.cam[0].tolist()
            assert shift_m[0, 2] == pytest.approx(2 * CAMERA.fx / (side_px * s), rel=1e-4)
            seen_px = project(shift_m[0], CAMERA)
            np.testing.assert_allclose(
                seen_px, centre_px + side_px / 2 * s * np.array([tx, ty]), atol=1e-2
            )


def test_another_camera_moves_the_same_mesh(weights: Weights, body: Weights) -> None:
    regressor = HMR2Regressor(weights, body, device="cpu")
    given, found = images(1), FOUND[:1]
    (near,) = meshes_of(regressor, given, found, CAMERA)
    (far,) = meshes_of(regressor, given, found, replace(CAMERA, fx=420, fy=420))
    shift_m = far - near
    assert np.ptp(shift_m, axis=1).max() < 1e-4
    root_m = 420 / 210 - 1
    np.testing.assert_allclose(
        shift_m[:, 0, 2] / root_m, far[:, :, 2].mean(1) - near[:, :, 2].mean(1), rtol=1e-3
    )


def test_nobody_at_all(weights: Weights, body: Weights) -> None:
    regressor = HMR2Regressor(weights, body, device="cpu")
    assert regressor.regress([], [], CAMERA) == []
    (nobody,) = regressor.regress(images(1), [detections()], CAMERA)
    assert nobody.vertices_m.shape == (0, VERTICES, 3)
    assert (nobody.relative_error.shape, nobody.refused) == ((0,), ())


def test_the_network_tells_no_error_and_what_was_asked_for_does_not_matter(
    weights: Weights, body: Weights
) -> None:
    regressor = HMR2Regressor(weights, body, device="cpu")
    given = images(3)
    measured = regressor.regress(given, FOUND, CAMERA, ["a man", "a woman", ""])
    for each, same, found in zip(measured, meshes_of(regressor, given, FOUND, CAMERA), FOUND):
        np.testing.assert_array_equal(each.vertices_m, same)
        assert each.relative_error.shape == (len(found),)
        assert np.isnan(each.relative_error).all()
        assert each.refused == ("",) * len(found)


def test_a_camera_that_is_none_leaves_no_mesh(tmp_path: Path, body: Weights) -> None:
    network = tiny_network()
    network.smpl_head.init_cam[0, 0] = -0.9
    regressor = HMR2Regressor(write_tiny_hmr2(tmp_path, network), body, device="cpu")
    meshes = regressor.regress(images(3), FOUND, CAMERA)
    assert [np.isnan(each.vertices_m).all() for each in meshes] == [True, True, True]
    assert [len(each.vertices_m) for each in meshes] == [2, 0, 1]
    assert [len(each.refused) for each in meshes] == [2, 0, 1]
    assert set(meshes[0].refused) == {"was given no distance by HMR 2.0"}


def test_half_precision_is_close(weights: Weights, body: Weights) -> None:
    given = images(3)
    exact, half = (
        HMR2Regressor(weights, body, device="cpu", precision=precision)
        for precision in ("float32", "bfloat16")
    )
    for one, other in zip(
        meshes_of(exact, given, FOUND, CAMERA), meshes_of(half, given, FOUND, CAMERA)
    ):
        assert other.dtype == np.float32
        np.testing.assert_allclose(other, one, atol=0.1)


def test_what_the_result_depends_on(weights: Weights, body: Weights, tmp_path: Path) -> None:
    regressor = HMR2Regressor(weights, body, device="cpu")
    assert regressor.name == weights.name
    assert regressor.device == "CPU"
    assert regressor.fingerprint == {
        "part": "hmr2",
        "weights": weights.identity,
        "body": body.identity,
        "precision": "float32",
    }
    json.dumps(regressor.fingerprint)
    batch = PeopleSettings(regressor_batch=2, detector_batch=9)
    assert HMR2Regressor(weights, body, batch, device="cpu").fingerprint == regressor.fingerprint
    half = HMR2Regressor(weights, body, device="cpu", precision="bfloat16")
    assert half.fingerprint["precision"] == "bfloat16"
    others = write_tiny_smpl(tmp_path, VERTICES, seed=1)
    assert HMR2Regressor(weights, others, device="cpu").fingerprint != regressor.fingerprint


def test_weights_are_loaded_when_used_and_kept(
    tmp_path: Path, weights: Weights, body: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = replace(weights, folder=tmp_path)
    regressor = HMR2Regressor(absent, body, device="cpu")
    with pytest.raises(InputError, match=r"epoch=35-step=1000000.ckpt is missing"):
        regressor.regress(images(1), FOUND[:1], CAMERA)
    regressor = HMR2Regressor(weights, replace(body, folder=tmp_path), device="cpu")
    with pytest.raises(InputError, match=r"smpl.npz is missing"):
        regressor.regress(images(1), FOUND[:1], CAMERA)

    regressor = HMR2Regressor(weights, body, device="cpu")
    first = meshes_of(regressor, images(1), FOUND[:1], CAMERA)
    monkeypatch.setattr(regressor, "_weights", absent)
    monkeypatch.setattr(regressor, "_body_weights", absent)
    np.testing.assert_array_equal(meshes_of(regressor, images(1), FOUND[:1], CAMERA), first)


def test_images_of_another_size_and_impossible_boxes(weights: Weights, body: Weights) -> None:
    regressor = HMR2Regressor(weights, body, device="cpu")
    with pytest.raises(InputError, match=r"\(100, 200, 3\); expected \(150, 200, 3\)"):
        regressor.regress([images(1)[0][:100]], FOUND[:1], CAMERA)
    with pytest.raises(InputError, match="person 0: box"):
        regressor.regress(images(1), [detections((5, 5, 5, 5))], CAMERA)


def test_a_batch_that_does_not_fit_is_halved(
    weights: Weights, body: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = images(3)
    expected = meshes_of(HMR2Regressor(weights, body, device="cpu"), given, FOUND, CAMERA)
    regressor = HMR2Regressor(weights, body, device="cpu")
    sizes = []
    forward = type(regressor._network).forward

    def little_memory(self: torch.nn.Module, crops: torch.Tensor) -> object:
        sizes.append(len(crops))
        if len(crops) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, crops)

    monkeypatch.setattr(type(regressor._network), "forward", little_memory)
    found = meshes_of(regressor, given, FOUND, CAMERA)
    assert sizes == [3, 2, 1, 1, 1]
    for mesh, same in zip(found, expected):
        np.testing.assert_allclose(mesh, same, atol=1e-4)


def test_a_network_that_does_not_fit_is_loaded_once_and_named(
    weights: Weights, body: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def move(*_: object) -> None:
        tried.append(1)
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(HMR2, "to", move)
    regressor = HMR2Regressor(weights, body, device="cpu")
    message = f"^{weights.name} does not fit into the memory of CPU; use --device cpu"
    with pytest.raises(NotEnoughMemoryError, match=message):
        regressor.regress(images(3), FOUND, CAMERA)
    assert len(tried) == 1


def test_numbers_that_overflow_are_said_with_what_to_do(body: Weights, tmp_path: Path) -> None:
    """In float16 a projection that is large gives infinities, which would find nobody."""
    network = tiny_network()
    with torch.no_grad():
        network.backbone.patch_embed.proj.weight.mul_(1e9)
    weights = write_tiny_hmr2(tmp_path, network)
    regressor = HMR2Regressor(weights, body, device="cpu", precision="float16")
    with pytest.raises(NumericsError, match=r"NaN or infinite numbers in float16; .*bfloat16"):
        regressor.regress(images(1), FOUND[:1], CAMERA)
