"""What is expected of people before anything is seen of them; imports torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mfh.people.anny.posing import Stance
from mfh.people.anny.postures import Postures
from mfh.people.anny.quadratic import Quadratic
from mfh.people.anny.rotations import left_jacobian_inverse, rotation_vector

_STIFFNESS = 400.0
"""The precision, per square rad, beyond which hinges do not bend: a spread of 3 degrees."""
_COVER, _COVER_SPREAD = 0.006, 0.005
"""How thick clothes, shoes and hair are, and how far that varies, as shares of the height."""
_FALLEN = 50.0
"""What it costs to be upside down, where the lean alone would be as small as upright."""


@dataclass(frozen=True, eq=False)
class Prior:
    """Normal distributions of the pose, shape and cover of B people.

    postures: one for each. shape_mean: (B, K); shape_precision: (B, K, K).
    cost: (B,), minus the log of the normalisation of those of the shape.
    """

    postures: Postures
    shape_mean: Tensor
    shape_precision: Tensor
    cost: Tensor

    def of(self, stance: Stance) -> Quadratic:
        """What a stance costs; where somebody is costs nothing."""
        bones = self._of_bones(stance)
        return bones + self._of_root(stance) + self._of_shape(stance) + _of_cover(stance)

    def _of_bones(self, stance: Stance) -> Quadratic:
        """Of all bones but the root, in the axes of their own."""
        at = self.postures
        vectors = rotation_vector(stance.turns[:, 1:])
        own = (at.axes @ vectors[..., None])[..., 0]
        away = own - at.mean
        beyond = (own[..., 0] - at.stiff).clamp(max=0)
        stiff = (beyond < 0) * _STIFFNESS
        cost = (at.precision * away.square()).sum((1, 2)) / 2 + at.cost
        cost = cost + (stiff * beyond.square()).sum(1) / 2
        pull, precision = at.precision * away, at.precision.clone()
        pull[..., 0] += stiff * beyond
        precision[..., 0] += stiff

        by = at.axes @ left_jacobian_inverse(vectors)
        found = _flat(stance, cost)
        blocks = by.transpose(2, 3) @ (precision[..., None] * by)
        pulls = (by.transpose(2, 3) @ pull[..., None])[..., 0]
        for bone in range(1, stance.unknowns.bones):
            here = stance.unknowns.turn(bone)
            found.gradient[:, here] = pulls[:, bone - 1]
            found.information[:, here, here] = blocks[:, bone - 1]
        return found

    def _of_root(self, stance: Stance) -> Quadratic:
        """Of the hips' lean: how far their axes ahead and to the side are from level."""
        root = stance.turns[:, 0]
        side, down, ahead = root.unbind(2)
        spread = self.postures.lean
        lean = torch.stack([ahead[:, 1], side[:, 1]], dim=1) / spread
        by = torch.stack([_spun_y(ahead), _spun_y(side)], dim=1) / spread[..., None]
        found = _flat(stance, lean.square().sum(1) / 2 + (down[:, 1] < 0) * _FALLEN)
        here = stance.unknowns.turn(0)
        found.gradient[:, here] = (by * lean[..., None]).sum(1)
        found.information[:, here, here] = by.transpose(1, 2) @ by
        return found

    def _of_shape(self, stance: Stance) -> Quadratic:
        away = stance.shape - self.shape_mean
        pull = (self.shape_precision @ away[..., None])[..., 0]
        found = _flat(stance, (away * pull).sum(1) / 2 + self.cost)
        here = stance.unknowns.shape
        found.gradient[:, here] = pull
        found.information[:, here, here] = self.shape_precision
        return found


def _of_cover(stance: Stance) -> Quadratic:
    away = (stance.cover - _COVER) / _COVER_SPREAD
    found = _flat(stance, away.square() / 2)
    here = stance.unknowns.cover
    found.gradient[:, here] = away / _COVER_SPREAD
    found.information[:, here, here] = _COVER_SPREAD**-2
    return found


def _flat(stance: Stance, cost: Tensor) -> Quadratic:
    """Costs that no unknown changes."""
    count, device = stance.unknowns.count, cost.device
    return Quadratic(
        cost,
        torch.zeros(len(stance), count, device=device, dtype=cost.dtype),
        torch.zeros(len(stance), count, count, device=device, dtype=cost.dtype),
    )


def _spun_y(axis: Tensor) -> Tensor:
    """How the y of a direction (B, 3) follows a small turn of it, (B, 3): y of e_a x axis."""
    return torch.stack([-axis[:, 2], torch.zeros_like(axis[:, 0]), axis[:, 0]], dim=1)
