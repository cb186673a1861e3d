"""Torch tensors where arrays are taken: the same results, whatever their gradient or type."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from fake_results import robust_depth

import mfh
from mfh.arrays import as_array, is_tensor
from mfh.camera import intrinsics_from, project
from mfh.disparity import align
from mfh.errors import CameraError, InputError
from mfh.evaluation import depth_errors
from mfh.head import fit
from mfh.known_distances import load_distances
from mfh.records import Landmarks
from mfh.rendering import render_depth

K = [[300.0, 0, 40], [0, 280, 24], [0, 0, 1]]


def pixels(*channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 80, *channels), np.uint8)


def test_any_tensor_is_an_array() -> None:
    values = torch.tensor([1.5, -2.0], requires_grad=True)
    np.testing.assert_array_equal(as_array(values), [1.5, -2])
    assert as_array(values.to(torch.bfloat16)).dtype == np.float32
    assert as_array(torch.tensor([True])).dtype == np.bool_
    shared = torch.zeros(3)
    assert np.shares_memory(as_array(shared), shared.numpy())
    assert as_array([1, 2]).tolist() == [1, 2]
    assert not is_tensor(np.zeros(2))


def test_arrays_are_known_while_another_thread_imports_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    assert as_array([1.0]).tolist() == [1]


def test_arrays_do_not_load_torch() -> None:
    program = (
        "import sys; from mfh.arrays import as_array; import mfh.records; as_array([1.0]); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_photo_is_the_same_with_its_channels_first_or_last() -> None:
    image = pixels(3)
    for tensor in (torch.from_numpy(image), torch.from_numpy(image).permute(2, 0, 1)):
        photo = mfh.load_photo(tensor, torch.tensor(K))
        np.testing.assert_array_equal(photo.image, image)
        assert photo.image.flags.c_contiguous
        np.testing.assert_array_equal(photo.camera.matrix, K)


def test_photos_of_floats_grey_and_transparent() -> None:
    image = pixels(3)
    floats = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    np.testing.assert_array_equal(mfh.load_photo(floats.requires_grad_()).image, image)
    for dtype, most in ((torch.float16, 1), (torch.bfloat16, 1)):
        off = mfh.load_photo(floats.to(dtype)).image.astype(int) - image
        assert np.abs(off).max() <= most
    grey = torch.from_numpy(image[..., 0])
    for tensor in (grey, grey[None]):
        np.testing.assert_array_equal(mfh.load_photo(tensor).image, image[..., :1].repeat(3, -1))
    opaque = np.dstack([image, np.full((48, 80), 255, np.uint8)])
    tensor = torch.from_numpy(opaque).permute(2, 0, 1)
    np.testing.assert_array_equal(mfh.load_photo(tensor).image, image)


def test_a_batch_of_photos_is_refused() -> None:
    batch = torch.zeros(2, 3, 48, 80)
    with pytest.raises(InputError, match=r"^image tensor: has shape \(2, 3, 48, 80\); .*one image"):
        mfh.load_photo(batch)
    with pytest.raises(InputError, match="^image tensor: holds floats from 2 to 2"):
        mfh.load_photo(torch.full((3, 48, 80), 2.0))


def test_a_matrix_that_is_none_is_refused() -> None:
    with pytest.raises(CameraError, match=r"shape \(1, 3, 3\)"):
        intrinsics_from(torch.tensor([K]), 48, 80)


def test_known_distances() -> None:
    rows = [[32.0, 24.0, 2.5], [10.0, 20.0, 4.0]]
    expected = load_distances(rows)
    tensor = torch.tensor(rows)
    for given in (
        tensor,
        list(tensor),
        tuple(tensor),
        [(x, y, float(z)) for x, y, z in tensor],
        [{"x": x, "y": y, "distance_m": z} for x, y, z in tensor],
        list(tensor.numpy()),
    ):
        assert load_distances(given) == expected
    assert load_distances(tensor[0]) == expected[:1]
    assert load_distances(tuple(tensor[0])) == expected[:1]
    assert load_distances(torch.zeros(0, 3)) == ()


def test_records_hold_what_tensors_hold() -> None:
    owner = np.full((48, 80), -1, np.int16)
    owner[3:9, 4:7] = 0
    depth_m = np.where(owner == 0, 2.0, np.nan).astype(np.float32)
    landmarks = Landmarks(*map(torch.from_numpy, (depth_m, owner, np.ones(1, np.float32))))
    assert isinstance(landmarks.depth_m, np.ndarray)
    np.testing.assert_array_equal(landmarks.depth_m, depth_m)
    assert landmarks.kind == ("painted person",)
    camera = intrinsics_from(torch.tensor(K), 48, 80)
    depth = mfh.MetricDepth(torch.full((48, 80), 2.0, requires_grad=True), camera)
    assert depth.at(1, 1) == 2.0


def test_functions_give_the_same() -> None:
    rng = np.random.default_rng(1)
    disparity = rng.uniform(1, 9, (4, 20, 30)).astype(np.float32)
    depth_m = (1 / (0.3 * disparity + 0.02)).astype(np.float32)
    owner = np.zeros(depth_m.shape, np.int64)
    arrays = (disparity, depth_m, owner)
    for method in ("robust", "silog"):
        head = fit(*map(torch.tensor, arrays), method=method)
        assert head.scale == fit(*arrays, method=method).scale
    assert head.scale == pytest.approx(0.3, rel=1e-3)
    np.testing.assert_array_equal(
        head.apply(torch.tensor(disparity, requires_grad=True)), head.apply(disparity)
    )
    mask = np.zeros(disparity.shape, np.bool_)
    arrays = (2 * disparity + 1, disparity[0], mask)
    np.testing.assert_array_equal(align(*map(torch.tensor, arrays)), align(*arrays))
    true = depth_m[0] * 1.1
    assert depth_errors(torch.tensor(depth_m[0]), torch.tensor(true)) == depth_errors(
        depth_m[0], true
    )
    camera = robust_depth(np.ones((4, 6))).camera
    points = rng.uniform(1, 2, (5, 3))
    np.testing.assert_array_equal(project(torch.tensor(points), camera), project(points, camera))


def test_meshes_of_tensors_are_rendered() -> None:
    camera = intrinsics_from(K, 48, 80)
    board = torch.tensor([[[-1.0, -1, 2], [1, -1, 2], [1, 1, 2], [-1, 1, 2]]], requires_grad=True)
    depth_m = render_depth(board, torch.tensor([[0, 1, 2], [0, 2, 3]]), camera)
    np.testing.assert_allclose(depth_m, 2.0, rtol=1e-6)
