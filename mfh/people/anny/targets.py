"""What is seen of people as tensors, and the camera that sees them; imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mfh.people.anny.seen import Seen, stacked
from mfh.records import Intrinsics

_GUESSED_SCORE, _SURE_SCORE = 0.2, 0.6
"""A detector's score of a joint that it guesses, and of one that shows: confidence 0 and 1."""
_LEAST_SIZE_PX = 10.0
"""Errors are shares of a person's size, down to this one."""
_NEAREST = 1e-2
"""The least depth, in statures, of what is projected: nothing flips from behind the camera."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What is seen of B people; see `Seen` for what is not said here.

    keypoints_px: (B, 17, 2); confidence: (B, 17), in [0, 1].
    outline_px: (B, M, 2); outwards: (B, M, 2); outline_weight: (B, M).
    outside_px: (B, S, S); field_px: (B, 4).
    height_px: (B,), of the mask; size_px: (B,), the root of its area.
    focal_px: (B, 2), centre_px: (B, 2), of the camera.
    """

    keypoints_px: Tensor
    confidence: Tensor
    outline_px: Tensor
    outwards: Tensor
    outline_weight: Tensor
    outside_px: Tensor
    field_px: Tensor
    height_px: Tensor
    size_px: Tensor
    focal_px: Tensor
    centre_px: Tensor

    def of(self, index: Tensor) -> Targets:
        """Those of an index (N,)."""
        return Targets(**{name: value[index] for name, value in vars(self).items()})

    def project(self, points: Tensor) -> Tensor:
        """Where points (B, P, 3) in the camera's frame are seen, (B, P, 2) in px."""
        flat = points[..., :2] / points[..., 2:].clamp_min(_NEAREST)
        return flat * self.focal_px[:, None] + self.centre_px[:, None]

    def project_slopes(self, points: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and how it follows what points follow by slopes (B, P, 3, D): (B, P, 2, D)."""
        depth = points[..., 2:].clamp_min(_NEAREST)
        flat = points[..., :2] / depth
        by = (slopes[..., :2, :] - flat[..., None] * slopes[..., 2:, :]) / depth[..., None]
        at_px = flat * self.focal_px[:, None] + self.centre_px[:, None]
        return at_px, by * self.focal_px[:, None, :, None]


def targets_of(people: Sequence[Seen], camera: Intrinsics, device: torch.device) -> Targets:
    """The targets of people seen by one camera, on a device."""

    def tensor(name: str) -> Tensor:
        return torch.as_tensor(stacked(people, name), device=device)

    def of_camera(x: float, y: float) -> Tensor:
        return torch.tensor([x, y], device=device).expand(len(people), 2)

    guess = (tensor("keypoint_score") - _GUESSED_SCORE) / (_SURE_SCORE - _GUESSED_SCORE)
    return Targets(
        keypoints_px=tensor("keypoints_px"),
        confidence=guess.clamp(0, 1),
        outline_px=tensor("outline_px"),
        outwards=tensor("outwards"),
        outline_weight=tensor("outline_weight"),
        outside_px=tensor("outside_px"),
        field_px=tensor("field_px"),
        height_px=tensor("height_px").clamp_min(_LEAST_SIZE_PX),
        size_px=tensor("area_px").sqrt().clamp_min(_LEAST_SIZE_PX),
        focal_px=of_camera(camera.fx, camera.fy),
        centre_px=of_camera(camera.cx, camera.cy),
    )
