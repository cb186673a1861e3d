"""The compact body fitted to what is seen of people; imports torch.

Minimised over place, pose and shape of each person is minus the log of

    prod_k t((u(p_k) - y_k) / s_k)^(c_k)  prod_m t(n_m . (u(v_m) - e_m) / s_e)
    prod_v t(d(u(v)) / s_d)  p(pose) p(shape)

with keypoints y_k of confidence c_k; points e_m of the mask's outline and their normals n_m, each
with the vertex v_m of the body's own outline that is nearest to it (chosen anew at each step); and
the distance d to the mask of vertices outside of it. t is Student's density, whose tails forgive
what is wrong; u is the projection. Steps are Levenberg-Marquardt's, of all people at once.

How tall somebody is cannot be seen, but for what shape tells: the stature follows from the shape by
the population (`Population`), and its spread is part of the stated error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mfh.people.anny.expected import Bearing
from mfh.people.anny.posing import (
    PLACE,
    Frames,
    Points,
    PosableBody,
    Stance,
    by_spin,
    rotation_vector,
)
from mfh.people.detection import KEYPOINTS
from mfh.people.anny.seen import FIELD_SIZE, Seen, stacked
from mfh.records import Intrinsics

_FREEDOM = 4.0
KEYPOINT_PX = 3.0
_KEYPOINT_SHARES = [0.026, 0.025, 0.025, 0.035, 0.035] + [
    share for share in (0.079, 0.072, 0.062, 0.107, 0.087, 0.089) for _ in range(2)
]
"""How far COCO's annotators differ about each keypoint, as a share of the root of the mask's area
(the constants of object keypoint similarity, cocodataset.org/#keypoints-eval)."""
_DETECTOR = 0.5
"""A detector, which knows no single annotator, is as far from what they agree on."""
OUTLINE_PX = 1.0
OUTLINE_SHARE = 0.01
OUTSIDE_SHARE = 0.01
_OUTLINE_WEIGHT = 0.25
_OUTSIDE_WEIGHT = 0.15
"""Neighbouring points of an outline err together: so much does each of them count."""
_NEAREST_SHARE = 0.15
"""An outline point farther than this share of the mask's height from the body's says nothing."""
_OUTSIDE_POINTS = 160
_RIM = 0.3
"""How far, as a cosine, a vertex may face the camera or away to be on the body's outline."""
_DAMPING = (1e-3, 0.3, 8.0)
"""At the start, and what a step that helps or does not help multiplies it by."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What is seen of B people, as tensors; see `Seen`.

    keypoints_px: (B, 17, 2); confidence: (B, 17).
    height_px: (B,), of the mask; size_px: (B,), the root of its area; each at least 10.
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

    def of(self, index: Tensor) -> Targets:
        """Some of them."""
        return Targets(**{name: value[index] for name, value in vars(self).items()})


def targets_of(people: Sequence[Seen], device: torch.device) -> Targets:
    """The targets of people, on a device."""

    def tensor(name: str) -> Tensor:
        return torch.as_tensor(stacked(people, name), device=device)

    return Targets(
        keypoints_px=tensor("keypoints_px"),
        confidence=tensor("keypoint_score"),
        outline_px=tensor("outline_px"),
        outwards=tensor("outwards"),
        outline_weight=tensor("outline_weight"),
        outside_px=tensor("outside_px"),
        field_px=tensor("field_px"),
        height_px=tensor("height_px").clamp_min(10.0),
        size_px=tensor("area_px").sqrt().clamp_min(10.0),
    )


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected of B people: their bearing, and their shape's mean and precision.

    bearing: of the tensors of `Bearing`, each with B first; shape_mean: (B, K); shape_precision:
        (B, K, K); cost: (B,), minus the log of how likely their kind is.
    """

    axes: Tensor
    mean: Tensor
    precision: Tensor
    stiff: Tensor
    lean: Tensor
    shape_mean: Tensor
    shape_precision: Tensor
    cost: Tensor

    def of(self, index: Tensor) -> Expected:
        """Some of them."""
        return Expected(**{name: value[index] for name, value in vars(self).items()})


def expected_of(
    bearings: Sequence[Bearing], shape_mean: Tensor, shape_precision: Tensor, cost: Tensor
) -> Expected:
    """One bearing a person, and their shapes."""

    def stack(name: str) -> Tensor:
        return torch.stack([getattr(each, name) for each in bearings])

    return Expected(
        stack("axes"),
        stack("mean"),
        stack("precision"),
        stack("stiff"),
        stack("lean"),
        shape_mean,
        shape_precision,
        cost + torch.tensor([each.cost for each in bearings], device=cost.device),
    )


@dataclass(frozen=True, eq=False)
class Fit:
    """B fits: stance, cost (B,) and information (B, D, D) of the unknowns at it."""

    stance: Stance
    cost: Tensor
    information: Tensor


class Fitter:
    """Fits the body to people seen by one camera."""

    def __init__(self, body: PosableBody, camera: Intrinsics) -> None:
        self._body = body
        device = body.joints.device
        self._focal = torch.tensor([camera.fx, camera.fy], device=device)
        self._centre = torch.tensor([camera.cx, camera.cy], device=device)
        self._spread_out = _spread_out(body.vertices.rest, _OUTSIDE_POINTS)
        self._carried = _carried(body)
        self._shares = _DETECTOR * torch.tensor(_KEYPOINT_SHARES, device=device)

    def fit(
        self, start: Stance, targets: Targets, expected: Expected, steps: int, *, masks: bool
    ) -> Fit:
        """Steps from a start; without masks keypoints alone are fitted."""
        stance = start
        damping = torch.full((len(start),), _DAMPING[0], device=start.place.device)
        chosen = self._matched(stance, targets) if masks else None
        cost, gradient, information = self._linearised(stance, targets, expected, chosen)
        for step in range(steps):
            damped = information + torch.diag_embed(
                damping[:, None] * information.diagonal(dim1=1, dim2=2)
            )
            move = torch.linalg.solve(damped, -gradient[..., None])[..., 0]
            tried = stance.moved(move.clamp(-0.6, 0.6))
            tried_cost, tried_gradient, tried_information = self._linearised(
                tried, targets, expected, chosen
            )
            better = tried_cost < cost
            stance = stance.where(better, tried)
            damping = damping * torch.where(better, _DAMPING[1], _DAMPING[2])
            damping = damping.clamp(1e-6, 1e4)
            if masks and step < steps - 1:
                chosen = self._matched(stance, targets)
                cost, gradient, information = self._linearised(stance, targets, expected, chosen)
            else:
                cost = torch.where(better, tried_cost, cost)
                gradient = torch.where(better[:, None], tried_gradient, gradient)
                information = torch.where(better[:, None, None], tried_information, information)
        return Fit(stance, cost, information)

    def project(self, points: Tensor) -> Tensor:
        """Points (B, P, 3) in px, (B, P, 2)."""
        return points[..., :2] / points[..., 2:].clamp_min(1e-2) * self._focal + self._centre

    def place(self, at: Tensor, targets: Targets) -> Tensor:
        """Where bodies must be for their keypoints (B, 17, 3) to be seen as they are, (B, 3).

        Least squares of `x - X z / Z` times Z, linear in the place (X, Y, Z); see `Stance.place`.
        """
        seen = (targets.keypoints_px - self._centre) / self._focal
        weight = targets.confidence.clamp_min(1e-3)[..., None, None]
        zero, one = torch.zeros_like(seen[..., 0]), torch.ones_like(seen[..., 0])
        rows = torch.stack(
            [
                torch.stack([one, zero, -seen[..., 0]], dim=-1),
                torch.stack([zero, one, -seen[..., 1]], dim=-1),
            ],
            dim=-2,
        )
        right = (seen * at[..., 2:] - at[..., :2])[..., None]
        normal = (weight * rows.transpose(2, 3) @ rows).sum(1)
        normal = normal + 1e-6 * torch.eye(3, device=at.device)
        found = torch.linalg.solve(normal, (weight * rows.transpose(2, 3) @ right).sum(1))[..., 0]
        # Where keypoints tell nothing of the size, that of the mask does.
        usual = self._focal[1] / targets.height_px
        depth = found[:, 2].clamp(min=0.3 * usual, max=4 * usual)
        return torch.cat([found[:, :2] / depth[:, None], depth.log()[:, None]], dim=1)

    def misfit(self, stance: Stance, targets: Targets) -> Tensor:
        """How far keypoints are off, the median of those that count, as a share of the height."""
        frames = self._body.frames(stance)
        at = self._body.place_points(self._body.keypoints, stance, frames)
        away = (self.project(at) - targets.keypoints_px).norm(dim=-1)
        away = torch.where(targets.confidence > 0.2, away, torch.nan)
        return away.nanmedian(dim=1).values / targets.height_px

    def _linearised(
        self, stance: Stance, targets: Targets, expected: Expected, matched: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cost (B,), its gradient (B, D) and information (B, D, D)."""
        frames = self._body.frames(stance)
        cost, gradient, information = self._prior(stance, expected)
        at_px, by = self._seen_from(self._body.keypoints, stance, frames)
        scale = _hypot(KEYPOINT_PX, targets.size_px[:, None] * self._shares)
        residual = (at_px - targets.keypoints_px) / scale[..., None]
        squared = residual.square().sum(-1)
        weight = targets.confidence * _weight(squared, 2)
        cost = cost + (targets.confidence * _cost(squared, 2)).sum(1)
        by = by / scale[..., None, None]
        rows = [by.flatten(1, 2)]
        residuals = [residual.flatten(1)]
        weights = [weight.repeat_interleave(2, dim=1)]
        if matched is not None:
            for each in (
                self._outline(stance, frames, targets, matched),
                self._outside(stance, frames, targets),
            ):
                residual, by, weight = each
                squared = residual.square()
                cost = cost + (weight * _cost(squared, 1)).sum(1)
                rows.append(by)
                residuals.append(residual)
                weights.append(weight * _weight(squared, 1))
        jacobian = torch.cat(rows, dim=1)
        weighted = torch.cat(weights, dim=1)[..., None] * jacobian
        gradient = gradient + (weighted * torch.cat(residuals, dim=1)[..., None]).sum(1)
        information = information + weighted.transpose(1, 2) @ jacobian
        return cost, gradient, information

    def _seen_from(
        self, points: Points, stance: Stance, frames: Frames
    ) -> tuple[Tensor, Tensor]:
        """Points in px (B, P, 2) and how they follow the unknowns (B, P, 2, D)."""
        at, by = self._body.derivatives(points, stance, frames)
        depth = at[..., 2:].clamp_min(1e-2)
        flat = at[..., :2] / depth
        by_px = (by[..., :2, :] - flat[..., None] * by[..., 2:, :]) / depth[..., None]
        return flat * self._focal + self._centre, by_px * self._focal[:, None]

    def _outline(
        self, stance: Stance, frames: Frames, targets: Targets, matched: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Residuals (B, M), their derivatives (B, M, D) and weights (B, M) along the outline."""
        at_px, by = self._seen_from(self._body.vertices.chosen(matched), stance, frames)
        scale = _scale(targets, OUTLINE_SHARE)[:, None]
        away = at_px - targets.outline_px
        cover_px = stance.cover * targets.height_px
        residual = ((away * targets.outwards).sum(-1) + cover_px[:, None]) / scale
        by = (by * targets.outwards[..., None]).sum(2) / scale[..., None]
        by[..., -1] = targets.height_px[:, None] / scale
        near = away.norm(dim=-1) < _NEAREST_SHARE * targets.height_px[:, None]
        shown = self._shown(targets).gather(1, matched)
        return residual, by, _OUTLINE_WEIGHT * targets.outline_weight * near * shown

    def _outside(
        self, stance: Stance, frames: Frames, targets: Targets
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same of vertices outside of the mask."""
        vertices = self._body.vertices
        some = Points(*(each[self._spread_out] for each in vars(vertices).values()))
        at_px, by = self._seen_from(some, stance, frames)
        distance, slope = _looked_up(targets.outside_px, targets.field_px, at_px)
        scale = _scale(targets, OUTSIDE_SHARE)[:, None]
        by = (by * slope[..., None]).sum(2) / scale[..., None]
        return distance / scale, by, _OUTSIDE_WEIGHT * self._shown(targets)[:, self._spread_out]

    def _shown(self, targets: Targets) -> Tensor:
        """How far each vertex can be expected to show, (B, V): as far as the joints next to it."""
        of_bones = targets.confidence @ self._carried
        return (of_bones / SURE).clamp(max=1).square() @ self._body.vertices.weights.T

    @torch.no_grad()
    def _matched(self, stance: Stance, targets: Targets) -> Tensor:
        """The vertex of the body's outline that is nearest to each point of the mask's, (B, M)."""
        frames = self._body.frames(stance)
        at = self._body.place_points(self._body.vertices, stance, frames)
        normals = torch.nn.functional.normalize(self._body.place_normals(frames), dim=-1)
        sight = torch.nn.functional.normalize(at, dim=-1)
        facing = (normals * sight).sum(-1)
        at_px = self.project(at)
        height = targets.height_px[:, None, None]
        away = torch.cdist(targets.outline_px, at_px) / height
        across = torch.nn.functional.normalize(normals[..., :2], dim=-1)
        turned = 1 - targets.outwards @ across.transpose(1, 2)
        rim = (facing.abs() > _RIM)[:, None]
        return (away.square() + 0.01 * turned.square() + 100.0 * rim).argmin(dim=2)

    def _prior(self, stance: Stance, expected: Expected) -> tuple[Tensor, Tensor, Tensor]:
        """What pose and shape cost beforehand."""
        vectors = rotation_vector(stance.turns[:, 1:])
        own = (expected.axes @ vectors[..., None])[..., 0] - expected.mean
        by = expected.axes @ by_spin(vectors)
        stretched = (own[..., 0] + expected.mean[..., 0] - expected.stiff).clamp(max=0)
        stiff = (stretched < 0) * _STIFFNESS
        precision = expected.precision.clone()
        pull = precision * own
        pull[..., 0] += stiff * stretched
        precision[..., 0] += stiff
        cost = (expected.precision * own.square()).sum((1, 2)) / 2
        cost = cost + (stiff * stretched.square()).sum(1) / 2

        bones = stance.turns.shape[1]
        unknowns = self._body.unknowns
        gradient = torch.zeros(len(stance), unknowns, device=cost.device)
        information = torch.zeros(len(stance), unknowns, unknowns, device=cost.device)
        blocks = by.transpose(2, 3) @ (precision[..., None] * by)
        first = PLACE + 3
        gradient[:, first : PLACE + 3 * bones] = (
            (by.transpose(2, 3) @ pull[..., None])[..., 0].flatten(1)
        )
        for bone in range(bones - 1):
            here = slice(first + 3 * bone, first + 3 * bone + 3)
            information[:, here, here] = blocks[:, bone]

        # The root's own axes, right and up, against the camera's up: how far it leans.
        root = stance.turns[:, 0]
        lean = torch.stack([root[:, 1, 2], root[:, 1, 0]], dim=1) / expected.lean
        by_root = torch.stack(
            [_spun_y(root[:, :, 2]), _spun_y(root[:, :, 0])], dim=1
        ) / expected.lean[..., None]
        fallen = (root[:, 1, 1] < 0).float() * 50.0
        cost = cost + lean.square().sum(1) / 2 + fallen
        here = slice(PLACE, PLACE + 3)
        gradient[:, here] = (by_root * lean[..., None]).sum(1)
        information[:, here, here] = by_root.transpose(1, 2) @ by_root

        shape = stance.shape - expected.shape_mean
        pulled = (expected.shape_precision @ shape[..., None])[..., 0]
        cost = cost + (shape * pulled).sum(1) / 2 + expected.cost
        gradient[:, PLACE + 3 * bones : -1] = pulled
        information[:, PLACE + 3 * bones : -1, PLACE + 3 * bones : -1] = expected.shape_precision

        cover = (stance.cover - _COVER[0]) / _COVER[1]
        cost = cost + cover.square() / 2
        gradient[:, -1] = cover / _COVER[1]
        information[:, -1, -1] = _COVER[1] ** -2
        return cost, gradient, information


_STIFFNESS = 400.0
_COVER = (0.006, 0.005)
"""How thick clothes, shoes and hair are, and how far that varies, as a share of the height."""
SURE = 0.6
"""How confident a detector is of a joint that shows."""
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
"""The joints next to each bone."""


def _carried(body: PosableBody) -> Tensor:
    """(17, J): of which keypoints' confidence it is the mean whether a bone shows."""
    carried = torch.zeros(len(KEYPOINTS), len(body.bones), device=body.joints.device)
    for bone, name in enumerate(body.bones):
        side, _, one = name.partition("_") if name.startswith(("left_", "right_")) else ("", "", name)
        for keypoint, called in enumerate(KEYPOINTS):
            carried[keypoint, bone] = called.startswith(side) and called.endswith(_NEXT_TO[one])
    return carried / carried.sum(0)


def _spun_y(axis: Tensor) -> Tensor:
    """How the y of a direction (B, 3) follows a small turn of it, (B, 3): y of e_a x axis."""
    return torch.stack([-axis[:, 2], torch.zeros_like(axis[:, 0]), axis[:, 0]], dim=1)


def _scale(targets: Targets, share: float) -> Tensor:
    return _hypot(OUTLINE_PX, share * targets.height_px)


def _hypot(one: float, others: Tensor) -> Tensor:
    return (one**2 + others.square()).sqrt()


def _cost(squared: Tensor, dimensions: int) -> Tensor:
    return (_FREEDOM + dimensions) / 2 * torch.log1p(squared / _FREEDOM)


def _weight(squared: Tensor, dimensions: int) -> Tensor:
    return (_FREEDOM + dimensions) / (_FREEDOM + squared)


def _looked_up(field: Tensor, window: Tensor, at_px: Tensor) -> tuple[Tensor, Tensor]:
    """A field (B, S, S) at points (B, P, 2), bilinearly, and its slope there, (B, P) and (..., 2).

    Beyond the window it is as at its border.
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
    """The indices of points (V, 3) that lie far from each other: each the farthest from those before."""
    chosen = [0]
    distance = (points - points[0]).norm(dim=1)
    for _ in range(count - 1):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).norm(dim=1))
    return torch.tensor(chosen, device=points.device)
