"""Rotations as matrices and as vectors, in batches; imports torch.

A rotation vector is the axis times the angle in rad (the exponential map of SO(3)).
"""

from __future__ import annotations

import torch
from torch import Tensor

_LARGEST_ANGLE = 3.1
"""Beyond it, near a half turn, the inverse of the left Jacobian grows without bound."""


def rotation_matrix(vectors: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), by Rodrigues' formula."""
    angle = vectors.norm(dim=-1)[..., None, None].clamp_min(1e-8)
    cross = _cross_matrix(vectors)
    eye = torch.eye(3, device=vectors.device)
    matrices: Tensor = (
        eye + angle.sin() / angle * cross + (1 - angle.cos()) / angle**2 * (cross @ cross)
    )
    return matrices


def rotation_vector(matrices: Tensor) -> Tensor:
    """Rotation vectors (..., 3) of rotation matrices (..., 3, 3), of angles below pi."""
    trace = matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
    twice_sine = torch.stack(
        [
            matrices[..., 2, 1] - matrices[..., 1, 2],
            matrices[..., 0, 2] - matrices[..., 2, 0],
            matrices[..., 1, 0] - matrices[..., 0, 1],
        ],
        dim=-1,
    )
    sine = twice_sine.norm(dim=-1) / 2
    angle = torch.atan2(sine, (trace - 1) / 2)
    ratio = torch.where(sine > 1e-6, angle / (2 * sine.clamp_min(1e-6)), 0.5)
    return twice_sine * ratio[..., None]


def left_jacobian_inverse(vectors: Tensor) -> Tensor:
    """How rotation vectors (..., 3) follow a small turn applied after them, (..., 3, 3).

    The inverse of the left Jacobian of SO(3): J. Solà et al., A micro Lie theory for state
    estimation in robotics, 2018, equation 146.
    """
    angle = vectors.norm(dim=-1)[..., None, None].clamp(1e-4, _LARGEST_ANGLE)
    cross = _cross_matrix(vectors)
    eye = torch.eye(3, device=vectors.device)
    second = 1 / angle**2 - (1 + angle.cos()) / (2 * angle * angle.sin())
    inverse: Tensor = eye - cross / 2 + second * (cross @ cross)
    return inverse


def _cross_matrix(vectors: Tensor) -> Tensor:
    """The matrices (..., 3, 3) that multiply as the cross product with vectors (..., 3) does."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, dim=-1).reshape(*vectors.shape[:-1], 3, 3)
