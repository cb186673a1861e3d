"""Where fits start from: postures turned to all sides, placed in closed form; imports torch."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from mfh.people.anny.posing import PosableBody, Stance
from mfh.people.anny.postures import Postures
from mfh.people.anny.rotations import rotation_matrix
from mfh.people.anny.targets import Targets

_YAWS = (0.0, 0.5 * math.pi, math.pi, 1.5 * math.pi)
"""Turns about the upright axis, in rad: facing the camera, to a side, away."""
_LEAST_CONFIDENCE, _RIDGE = 1e-3, 1e-6
"""So that there is a solution even where no keypoint counts."""
_DEPTH_RANGE = (0.3, 4.0)
"""How far depths may be from that at which a stature is as high as the mask, as factors."""


class Starts:
    """Stances to start from; their number is `len`."""

    def __init__(self, body: PosableBody, postures: Postures) -> None:
        self._body = body
        self._postures = postures
        device = body.joints.device
        yaws = torch.tensor([[0.0, yaw, 0.0] for yaw in _YAWS], device=device)
        # The posture changes first.
        roots = rotation_matrix(yaws).repeat_interleave(len(postures), dim=0)
        others = postures.turns.repeat(len(_YAWS), 1, 1, 1)
        self._turns = torch.cat([roots[:, None], others], dim=1)

    def __len__(self) -> int:
        return len(self._turns)

    def postures(self, start: Tensor) -> Postures:
        """Those of starts (B,)."""
        return self._postures.of(start % len(self._postures))

    def stances(self, start: Tensor, shape: Tensor, targets: Targets) -> Stance:
        """Starts (B,) of shapes (B, K) where their keypoints agree best with those seen."""
        ahead = torch.zeros(len(start), 3, device=shape.device)
        stance = Stance(ahead, self._turns[start], shape, torch.zeros_like(shape[:, 0]))
        frames = self._body.frames(stance)
        keypoints = self._body.place_points(self._body.keypoints, stance, frames)
        return replace(stance, place=_place(keypoints - frames.origin[:, None], targets))


def _place(keypoints: Tensor, targets: Targets) -> Tensor:
    """Places (B, 3), as in `Stance`, at which keypoints (B, 17, 3) about the hips are as seen.

    For a point p about the hips at (X, Y, Z), seen at (u, v) of the camera's plane at depth 1, the
    least squares of `p_x + X - u (p_z + Z)` and alike in y, linear in X, Y and Z.
    """
    seen = (targets.keypoints_px - targets.centre_px[:, None]) / targets.focal_px[:, None]
    weight = targets.confidence.clamp_min(_LEAST_CONFIDENCE)[..., None, None]
    zero, one = torch.zeros_like(seen[..., 0]), torch.ones_like(seen[..., 0])
    rows = torch.stack(
        [
            torch.stack([one, zero, -seen[..., 0]], dim=-1),
            torch.stack([zero, one, -seen[..., 1]], dim=-1),
        ],
        dim=-2,
    )
    right = (seen * keypoints[..., 2:] - keypoints[..., :2])[..., None]
    weighted = weight * rows.transpose(2, 3)
    normal = (weighted @ rows).sum(1) + _RIDGE * torch.eye(3, device=seen.device)
    found = torch.linalg.solve(normal, (weighted @ right).sum(1))[..., 0]
    # Where keypoints tell nothing of the size, that of the mask does.
    usual = targets.focal_px[:, 1] / targets.height_px
    depth = found[:, 2].clamp(min=_DEPTH_RANGE[0] * usual, max=_DEPTH_RANGE[1] * usual)
    return torch.cat([found[:, :2] / depth[:, None], depth.log()[:, None]], dim=1)
