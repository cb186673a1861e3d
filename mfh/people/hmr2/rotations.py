"""Rotation matrices from the continuous 6D representation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

# Vectors whose directions differ by less (in radians) span no plane that float32 could tell.
_PARALLEL = 1e-6

# Shorter vectors have no direction (`normalize` divides by no less).
_ZERO = 1e-12


def rotations_from_6d(numbers: Tensor) -> Tensor:
    """Give the rotation matrices (..., 3, 3) of six numbers (..., 6) each.

    The numbers are two vectors in a row; Gram-Schmidt makes the first two columns of them, and
    their cross product is the third (Zhou et al., "On the Continuity of Rotation Representations in
    Neural Networks", CVPR 2019, Eq. 15). Where the two are parallel or zero, axes stand in for what
    is missing, so that the result is always a rotation.
    """
    first, second = numbers.reshape(*numbers.shape[:-1], 2, 3).unbind(-2)
    zero = first.norm(dim=-1, keepdim=True) < _ZERO
    x = normalize(torch.where(zero, torch.eye(3)[0].to(first), first), dim=-1)
    rest = _without(second, x)
    least = (_PARALLEL * second.norm(dim=-1, keepdim=True)).clamp(min=_ZERO)
    parallel = rest.norm(dim=-1, keepdim=True) < least
    # The axis farthest from x always leaves a long remainder.
    axis = one_hot(x.abs().argmin(dim=-1), 3).to(x)
    rest = normalize(torch.where(parallel, _without(axis, x), rest), dim=-1)
    # Of a short remainder rounding has left little; a second pass makes it orthogonal again.
    y = normalize(_without(rest, x), dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def _without(vector: Tensor, direction: Tensor) -> Tensor:
    """The part of `vector` orthogonal to the unit vector `direction`."""
    return vector - (vector * direction).sum(dim=-1, keepdim=True) * direction
