"""The compact body posed, with the derivatives of its points; imports torch.

A point p of bone weights w_b is at `sum_b w_b (o_b + G_b (p - j_b))`: G_b is the rotation and o_b
the place of bone b, j_b its joint at rest. Points are linear in shape and in the place of the root,
and turning a bone turns what hangs on it, so their derivatives have closed forms.

Everything is in units of the stature: what a camera sees of a body depends on its place through
place / stature alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from mfh.people.anny.body import Body
from mfh.people.anny.rotations import rotation_matrix


@dataclass(frozen=True)
class Unknowns:
    """Where the D unknowns of a body with J bones and K shape coefficients are in a vector.

    In this order: place (3), see `Stance`; a small turn of each bone (3 J), a rotation vector in
    the axes of its parent, those of the camera for the root; shape (K); cover (1).
    """

    bones: int
    modes: int

    @property
    def count(self) -> int:
        """D."""
        return self.cover + 1

    @property
    def place(self) -> slice:
        """Of the place."""
        return slice(0, 3)

    @property
    def log_depth(self) -> int:
        """Of the last of the place."""
        return 2

    @property
    def turns(self) -> slice:
        """Of all bones, the root first."""
        return slice(3, 3 + 3 * self.bones)

    def turn(self, bone: int) -> slice:
        """Of one bone."""
        return slice(3 + 3 * bone, 6 + 3 * bone)

    @property
    def shape(self) -> slice:
        """Of the shape coefficients."""
        return slice(self.turns.stop, self.turns.stop + self.modes)

    @property
    def cover(self) -> int:
        """Of the cover."""
        return 3 + 3 * self.bones + self.modes


@dataclass(frozen=True, eq=False)
class Points:
    """Points of the body at rest: P of them, the same for all people or each one's own (B first).

    rest: (..., P, 3); modes: (..., P, K, 3), what each shape coefficient adds; weights:
        (..., P, J), of the bones.
    """

    rest: Tensor
    modes: Tensor
    weights: Tensor

    def chosen(self, index: Tensor) -> Points:
        """Those of an index (P,), or (B, P) of each person's own."""
        return Points(self.rest[index], self.modes[index], self.weights[index])


@dataclass(frozen=True, eq=False)
class Stance:
    """B bodies: where they are, how they are posed and shaped.

    place: (B, 3), x / z, y / z and log(z / stature) of the middle of the hips.
    turns: (B, J, 3, 3), rotations of each bone against its parent; of the root against the camera.
    shape: (B, K), coefficients as in `Body`.
    cover: (B,), how thick clothes and hair are, as a share of the mask's height.
    """

    place: Tensor
    turns: Tensor
    shape: Tensor
    cover: Tensor

    def __len__(self) -> int:
        return len(self.place)

    @property
    def unknowns(self) -> Unknowns:
        """Where they are in a step."""
        return Unknowns(self.turns.shape[1], self.shape.shape[1])

    def of(self, index: Tensor) -> Stance:
        """Those of an index (N,)."""
        return Stance(self.place[index], self.turns[index], self.shape[index], self.cover[index])

    def moved(self, step: Tensor) -> Stance:
        """After a step (B, D), see `Unknowns`."""
        at = self.unknowns
        spins = step[:, at.turns].reshape(-1, at.bones, 3)
        return Stance(
            self.place + step[:, at.place],
            rotation_matrix(spins) @ self.turns,
            self.shape + step[:, at.shape],
            self.cover + step[:, at.cover],
        )

    def where(self, chosen: Tensor, other: Stance) -> Stance:
        """The other one where `chosen` (B,)."""
        one = chosen[:, None]
        return Stance(
            torch.where(one, other.place, self.place),
            torch.where(one[..., None, None], other.turns, self.turns),
            torch.where(one, other.shape, self.shape),
            torch.where(chosen, other.cover, self.cover),
        )


@dataclass(frozen=True, eq=False)
class Frames:
    """Where the bones of B bodies are, in the camera's frame, in statures.

    turn: (B, J, 3, 3); place: (B, J, 3), of the joints; rest: (B, J, 3), the joints at rest.
    by_shape: (B, J, K, 3), how the places follow the shape. origin: (B, 3), the middle of the hips.
    """

    turn: Tensor
    place: Tensor
    rest: Tensor
    by_shape: Tensor
    origin: Tensor


class PosableBody:
    """The compact body on a device."""

    def __init__(self, body: Body, device: torch.device) -> None:
        def tensor(array: ArrayLike) -> Tensor:
            return torch.tensor(np.asarray(array), dtype=torch.float32, device=device)

        self.bones = body.bones
        self.parents = [int(parent) for parent in body.parents]
        self.joints, self.joint_modes = tensor(body.joints), tensor(body.joint_modes).movedim(0, 1)
        self.vertices = Points(
            tensor(body.vertices), tensor(body.vertex_modes).movedim(0, 1), tensor(body.weights)
        )
        one_bone = torch.eye(len(self.parents), device=device)
        self.keypoints = Points(
            tensor(body.keypoints),
            tensor(body.keypoint_modes).movedim(0, 1),
            one_bone[torch.tensor(body.keypoint_bone.tolist(), device=device)],
        )
        self.normals = _vertex_normals(body).to(device)
        self._below = tensor(_below(self.parents))

    def frames(self, stance: Stance) -> Frames:
        """Where the bones are."""
        rest = self.joints + torch.einsum("bk,jkd->bjd", stance.shape, self.joint_modes)
        depth = stance.place[:, 2:].exp()
        origin = torch.cat([stance.place[:, :2], torch.ones_like(depth)], dim=1) * depth
        turn, place = [stance.turns[:, 0]], [origin + rest[:, 0]]
        by_shape = [self.joint_modes[0].expand(len(stance), -1, -1)]
        for bone, parent in enumerate(self.parents[1:], start=1):
            turn.append(turn[parent] @ stance.turns[:, bone])
            arm = (rest[:, bone] - rest[:, parent])[..., None]
            place.append(place[parent] + (turn[parent] @ arm)[..., 0])
            arm_modes = self.joint_modes[bone] - self.joint_modes[parent]
            by_shape.append(by_shape[parent] + arm_modes @ turn[parent].transpose(1, 2))
        return Frames(
            torch.stack(turn, dim=1),
            torch.stack(place, dim=1),
            rest,
            torch.stack(by_shape, dim=1),
            origin,
        )

    def place_points(self, points: Points, stance: Stance, frames: Frames) -> Tensor:
        """Where points are, (B, P, 3)."""
        turn, move, rest = self._blended(points, stance, frames)
        at: Tensor = (turn @ rest[..., None])[..., 0] + move
        return at

    def place_normals(self, frames: Frames) -> Tensor:
        """The directions of the vertices' normals, (B, V, 3), not of unit length."""
        turn = torch.einsum("vj,bjde->bvde", self.vertices.weights, frames.turn)
        return (turn @ self.normals[..., None])[..., 0]

    def derivatives(self, points: Points, stance: Stance, frames: Frames) -> tuple[Tensor, Tensor]:
        """Where points are, (B, P, 3), and how they follow the unknowns, (B, P, 3, D).

        They do not follow the cover.
        """
        turn, move, rest = self._blended(points, stance, frames)
        at = (turn @ rest[..., None])[..., 0] + move
        count = at.shape[1]
        weights = points.weights.expand(len(stance), count, -1)

        depth = stance.place[:, 2].exp()
        by_place = torch.zeros(*at.shape, 3, device=at.device)
        by_place[..., 0, 0] = by_place[..., 1, 1] = depth[:, None]
        by_place[..., 2] = frames.origin[:, None]

        # By bone b alone the point would be at c_b; below bone j, w and w c are summed.
        offset = frames.place - (frames.turn @ frames.rest[..., None])[..., 0]
        by_bone = torch.einsum("bjde,bpe->bpjd", frames.turn, rest) + offset[:, None]
        hanging = torch.einsum("bpj,ji->bpi", weights, self._below)
        lever = torch.einsum("bpjd,ji->bpid", by_bone * weights[..., None], self._below)
        lever = lever - hanging[..., None] * frames.place[:, None]
        before = self._parent_turns(frames)
        # Columns e_a of the parent's axes turn the lever by e_a x lever.
        by_turn = torch.linalg.cross(
            before.transpose(2, 3)[:, None].expand(-1, count, -1, -1, -1),
            lever[..., None, :].expand(-1, -1, -1, 3, -1),
        )
        by_turn = by_turn.permute(0, 1, 4, 2, 3).reshape(*at.shape, -1)

        own = torch.einsum("jkd,bjed->bjke", self.joint_modes, frames.turn)
        moves = torch.einsum("bpj,bjkd->bpkd", weights, frames.by_shape - own)
        modes = points.modes.expand(len(stance), count, -1, -1)
        by_shape = (modes @ turn.transpose(2, 3) + moves).transpose(2, 3)
        by_cover = torch.zeros_like(by_place[..., :1])
        return at, torch.cat([by_place, by_turn, by_shape, by_cover], dim=3)

    def _blended(
        self, points: Points, stance: Stance, frames: Frames
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Turn (B, P, 3, 3) and move (B, P, 3) of points, and where they are at rest (B, P, 3)."""
        weights = points.weights.expand(len(stance), -1, -1)
        turn = torch.einsum("bpj,bjde->bpde", weights, frames.turn)
        offset = frames.place - (frames.turn @ frames.rest[..., None])[..., 0]
        modes = points.modes.expand(len(stance), -1, -1, -1)
        rest = points.rest + torch.einsum("bk,bpkd->bpd", stance.shape, modes)
        return turn, weights @ offset, rest

    def _parent_turns(self, frames: Frames) -> Tensor:
        """The turn of each bone's parent; of the root's, the camera's axes."""
        camera = torch.eye(3, device=frames.turn.device).expand(len(frames.turn), 1, 3, 3)
        return torch.cat([camera, frames.turn[:, self.parents[1:]]], dim=1)


def _vertex_normals(body: Body) -> Tensor:
    """Outward unit normals (V, 3) of the mean body at rest, of the faces weighted by area."""
    vertices = torch.tensor(body.vertices)
    faces = torch.tensor(body.faces).long()
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = torch.zeros_like(vertices)
    of_faces = torch.linalg.cross(b - a, c - a)
    for corner in range(3):
        normals.index_add_(0, faces[:, corner], of_faces)
    volume = (a * of_faces).sum()
    outwards: Tensor = torch.nn.functional.normalize(normals, dim=1) * torch.sign(volume)
    return outwards


def _below(parents: list[int]) -> list[list[float]]:
    """(J, J): 1 where the bone of the row hangs on that of the column, or is it."""
    rows = [[0.0] * len(parents) for _ in parents]
    for bone in range(len(parents)):
        above = bone
        while above >= 0:
            rows[bone][above] = 1.0
            above = parents[above]
    return rows
