"""Six numbers always become a rotation."""

from __future__ import annotations

import pytest
import torch

from mfh.people.hmr2.rotations import rotations_from_6d


def assert_rotations(matrices: torch.Tensor) -> None:
    product = matrices.mT @ matrices
    torch.testing.assert_close(product, torch.eye(3).expand_as(product), atol=1e-5, rtol=0)
    determinants = torch.linalg.det(matrices)
    torch.testing.assert_close(determinants, torch.ones_like(determinants), atol=1e-5, rtol=0)


def test_random_numbers() -> None:
    numbers = torch.randn(4, 500, 6, generator=torch.Generator().manual_seed(0))
    matrices = rotations_from_6d(numbers)
    assert matrices.shape == (4, 500, 3, 3)
    assert_rotations(matrices)
    # The first column is the first vector's direction, the second lies in the plane of both.
    first, second = numbers[..., :3], numbers[..., 3:]
    cosine = torch.cosine_similarity(matrices[..., 0], first, dim=-1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    assert (matrices[..., 2] * first).sum(-1).abs().max() < 1e-5
    assert (matrices[..., 2] * second).sum(-1).abs().max() < 1e-5
    assert ((matrices[..., 1] * second).sum(-1) > 0).all()


def test_columns_of_a_rotation_give_it_back() -> None:
    rotation = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    numbers = rotation[:, :2].T.reshape(6)
    torch.testing.assert_close(rotations_from_6d(numbers), rotation)
    torch.testing.assert_close(rotations_from_6d(torch.tensor([3.0, 0, 0, 5, 2, 0])), torch.eye(3))


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 1, 2, 3],
        [1, 2, 3, 0, 0, 0],
        [1, 2, 3, 1, 2, 3],
        [1, 2, 3, -2, -4, -6],
        [1, 2, 3, 1, 2, 3.00001],
        [1, 2, 3, 1, 2.0000005, 3],
        [1e-20, 0, 0, 0, 1e-20, 0],
        [1e15, 0, 0, 0, -1e15, 1],
    ],
)
def test_degenerate_numbers(numbers: list[float]) -> None:
    assert_rotations(rotations_from_6d(torch.tensor([numbers], dtype=torch.float32)))
