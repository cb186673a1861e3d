"""How likely what is seen of people is, for a body before the camera; imports torch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mfh.people.anny.posing import Frames, PosableBody, Stance
from mfh.people.anny.quadratic import Quadratic, Residuals, student_cost
from mfh.people.anny.seen import FIELD_SIZE
from mfh.people.anny.targets import Targets
from mfh.people.detection import KEYPOINTS

# Keypoints.
_ANNOTATION_SHARES = [0.026, 0.025, 0.025, 0.035, 0.035] + [
    share for share in (0.079, 0.072, 0.062, 0.107, 0.087, 0.089) for _ in range(2)
]
"""How far COCO's annotators differ about each keypoint, as a share of the root of the person's area
(the constants of object keypoint similarity, cocodataset.org/#keypoints-eval)."""
_DETECTOR_SHARE = 0.5
"""Of that, how far a detector is off: it has learned what many annotators agree on."""
_KEYPOINT_PX = 3.0
"""How far it is off however small somebody is."""

# The mask's outline, and what is outside of the mask.
_OUTLINE_PX, _OUTLINE_SHARE = 1.0, 0.01
"""How far a mask's outline is off: in px, and as a share of its height; added in quadrature."""
_OUTLINE_WEIGHT, _OUTSIDE_WEIGHT = 0.25, 0.15
"""As how many independent points each counts: neighbours err together."""
_FARTHEST_SHARE = 0.15
"""A point of the outline farther than this share of the height from the body's says nothing."""
_OUTSIDE_VERTICES = 160
"""How many vertices are to be inside of the mask: spread over the body, a hand has several."""

# The body's own outline.
_RIM_COSINE = 0.3
"""How far a vertex may face the camera, or away from it, to be on the outline."""
_TURNED_COST = 0.01
"""What normals of opposite directions (times 4) add to the squared distance, in squared heights."""
_NOT_RIM_COST = 100.0
"""What not being on the outline adds: more than any distance in the image."""

_FACE = ("nose", "eye", "ear")
_TRUNK = ("shoulder", "hip")
_NEXT_TO: Mapping[str, tuple[str, ...]] = {
    "pelvis": _TRUNK,
    "spine1": _TRUNK,
    "spine2": _TRUNK,
    "chest": _TRUNK,
    "neck": (*_FACE, "shoulder"),
    "head": _FACE,
    "clavicle": ("shoulder",),
    "upper_arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "hand": ("wrist",),
    "thigh": ("hip", "knee"),
    "shin": ("knee", "ankle"),
    "foot": ("ankle",),
}
"""The keypoints by which it is known whether a bone shows."""


class Likelihood:
    """What keypoints and masks cost, given where a body is."""

    def __init__(self, body: PosableBody) -> None:
        self._body = body
        device = body.joints.device
        self._spread_out = _spread_out(body.vertices.rest, _OUTSIDE_VERTICES)
        self._next_to = _next_to(body)
        self._error_shares = _DETECTOR_SHARE * torch.tensor(_ANNOTATION_SHARES, device=device)

    def of(self, stance: Stance, targets: Targets, matched: Tensor | None) -> Quadratic:
        """What the targets cost about a stance.

        matched: (B, M), for each point of the outline a vertex, see `match`; None where keypoints
            alone are to count.
        """
        frames = self._body.frames(stance)
        terms = [self._keypoints(stance, frames, targets)]
        if matched is not None:
            terms.append(self._outline(stance, frames, targets, matched))
            terms.append(self._outside(stance, frames, targets))
        return student_cost(terms)

    def match(self, stance: Stance, targets: Targets) -> Tensor:
        """The vertex of the body's outline that is nearest to each point of the mask's, (B, M).

        Near is what is close in the image and faces as the mask's outline does.
        """
        frames = self._body.frames(stance)
        at = self._body.place_points(self._body.vertices, stance, frames)
        normals = normalize(self._body.place_normals(frames), dim=-1)
        facing = (normals * normalize(at, dim=-1)).sum(-1)
        away = torch.cdist(targets.outline_px, targets.project(at))
        away = away / targets.height_px[:, None, None]
        across = normalize(normals[..., :2], dim=-1)
        turned = 1 - targets.outwards @ across.transpose(1, 2)
        beside = (facing.abs() > _RIM_COSINE)[:, None]
        cost = away.square() + _TURNED_COST * turned.square() + _NOT_RIM_COST * beside
        return cost.argmin(dim=2)

    def misfit(self, stance: Stance, targets: Targets) -> Tensor:
        """How far keypoints that count are off, the median as a share of the mask's height, (B,).

        NaN where none counts.
        """
        at = self._body.place_points(self._body.keypoints, stance, self._body.frames(stance))
        away = (targets.project(at) - targets.keypoints_px).norm(dim=-1)
        away = torch.where(targets.confidence > 0, away, torch.nan)
        return away.nanmedian(dim=1).values / targets.height_px

    def _keypoints(self, stance: Stance, frames: Frames, targets: Targets) -> Residuals:
        at_px, by = targets.project_slopes(
            *self._body.derivatives(self._body.keypoints, stance, frames)
        )
        scale = _hypot(_KEYPOINT_PX, targets.size_px[:, None] * self._error_shares)
        away = (at_px - targets.keypoints_px) / scale[..., None]
        return Residuals(away, by / scale[..., None, None], targets.confidence)

    def _outline(
        self, stance: Stance, frames: Frames, targets: Targets, matched: Tensor
    ) -> Residuals:
        """How far the body with its cover reaches beyond each point of the outline."""
        at_px, by = targets.project_slopes(
            *self._body.derivatives(self._body.vertices.chosen(matched), stance, frames)
        )
        scale = _outline_scale(targets)
        away = at_px - targets.outline_px
        cover_px = stance.cover * targets.height_px
        beyond = ((away * targets.outwards).sum(-1) + cover_px[:, None]) / scale
        by = (by * targets.outwards[..., None]).sum(2) / scale[..., None]
        by[..., stance.unknowns.cover] = targets.height_px[:, None] / scale
        near = away.norm(dim=-1) < _FARTHEST_SHARE * targets.height_px[:, None]
        shown = self._shown(targets).gather(1, matched)
        weight = _OUTLINE_WEIGHT * targets.outline_weight * near * shown
        return Residuals(beyond[..., None], by[..., None, :], weight)

    def _outside(self, stance: Stance, frames: Frames, targets: Targets) -> Residuals:
        """How far vertices are outside of the mask."""
        some = self._body.vertices.chosen(self._spread_out)
        at_px, by = targets.project_slopes(*self._body.derivatives(some, stance, frames))
        distance, slope = _looked_up(targets.outside_px, targets.field_px, at_px)
        scale = _outline_scale(targets)
        by = (by * slope[..., None]).sum(2) / scale[..., None]
        weight = _OUTSIDE_WEIGHT * self._shown(targets)[:, self._spread_out]
        return Residuals((distance / scale)[..., None], by[..., None, :], weight)

    def _shown(self, targets: Targets) -> Tensor:
        """How far each vertex can be expected to show, (B, V): as far as the joints next to it."""
        of_bones = targets.confidence @ self._next_to
        return of_bones.square() @ self._body.vertices.weights.T


def _next_to(body: PosableBody) -> Tensor:
    """(17, J): the weights with which keypoints' confidence tells whether each bone shows."""
    counts = torch.zeros(len(KEYPOINTS), len(body.bones), device=body.joints.device)
    for bone, name in enumerate(body.bones):
        side = next((side for side in ("left", "right") if name.startswith(f"{side}_")), "")
        part = name.removeprefix(f"{side}_")
        for keypoint, called in enumerate(KEYPOINTS):
            counts[keypoint, bone] = called.startswith(side) and called.endswith(_NEXT_TO[part])
    return counts / counts.sum(0)


def _outline_scale(targets: Targets) -> Tensor:
    """How far outlines are off, (B, 1), in px."""
    return _hypot(_OUTLINE_PX, _OUTLINE_SHARE * targets.height_px)[:, None]


def _hypot(one: float, others: Tensor) -> Tensor:
    return (one**2 + others.square()).sqrt()


def _looked_up(field: Tensor, window: Tensor, at_px: Tensor) -> tuple[Tensor, Tensor]:
    """Fields (B, S, S) at points (B, P, 2), bilinearly, (B, P), and the slopes there, (B, P, 2).

    window: (B, 4), see `Seen.field_px`. Beyond it a field is as at its border.
    """
    cell = (at_px - window[:, None, :2]) / window[:, None, 2:]
    cell = cell.clamp(0, FIELD_SIZE - 1.001)
    low = cell.floor()
    part = cell - low
    index = low.long()
    flat = field.flatten(1)

    def value(down: int, right: int) -> Tensor:
        return flat.gather(1, (index[..., 1] + down) * FIELD_SIZE + index[..., 0] + right)

    a, b, c, d = value(0, 0), value(0, 1), value(1, 0), value(1, 1)
    x, y = part[..., 0], part[..., 1]
    top, bottom = a + (b - a) * x, c + (d - c) * x
    slope = torch.stack([(b - a) * (1 - y) + (d - c) * y, bottom - top], dim=-1)
    return top + (bottom - top) * y, slope / window[:, None, 2:]


def _spread_out(points: Tensor, count: int) -> Tensor:
    """The indices (count,) of points (V, 3), each the farthest from those before it."""
    chosen = [0]
    distance = (points - points[0]).norm(dim=1)
    for _ in range(count - 1):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).norm(dim=1))
    return torch.tensor(chosen, device=points.device)
