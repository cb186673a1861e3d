"""Skinning, and moving arms out of the body they would sink into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bodies.kinematics import Skeleton, bone_transforms
from bodies.mesh import Array, Faces, depth_inside
from bodies.poses import Pose
from bodies.wardrobe import Wardrobe

CLEARANCE_M = 0.004
ROUNDS = 40


@dataclass(frozen=True)
class Posed:
    """The dressed mesh in its pose.

    vertices: (V, 3); hips: the middle of the hips, (3,); joints: (J, 3), the heads of the bones.
    """

    vertices: Array
    hips: Array
    joints: Array


class Poser:
    """Puts dressed figures into poses."""

    def __init__(self, wardrobe: Wardrobe) -> None:
        self.weights = wardrobe.weights()
        arm, sleeve = wardrobe.arm, wardrobe.fields["sleeve"]
        tights = wardrobe.tights
        self.trunk = tights[(arm[tights] < 0.3).all(axis=1)]
        x = wardrobe.mean.vertices[:, 0]
        self.arms: dict[str, Faces] = {}
        self.probes: dict[str, Faces] = {}
        hand = wardrobe.makehuman.share("wrist", "finger", "metacarpal") > 0.5
        for side, sign in (("L", 1.0), ("R", -1.0)):
            on_side = x * sign > 0
            lower = (arm > 0.9) & (sleeve > -0.04) & on_side
            self.arms[side] = tights[lower[tights].all(axis=1)]
            fingers = np.unique(wardrobe.body)[(hand & on_side)[np.unique(wardrobe.body)]]
            self.probes[side] = np.concatenate([np.unique(self.arms[side]), fingers])

    def pose(self, vertices: Array, skeleton: Skeleton, pose: Pose) -> Posed:
        """The dressed figure in a pose, its arms just out of its trunk and of each other."""
        nudge = {"L": np.zeros(3), "R": np.zeros(3)}
        for _ in range(ROUNDS):
            posed = self._skin(vertices, skeleton, pose, nudge)
            clear = True
            # The left arm gives way to the right one too, so that crossed arms lie on each other.
            for side, obstacle in (
                ("R", self.trunk),
                ("L", np.concatenate([self.trunk, self.arms["R"]])),
            ):
                depth, way_out = depth_inside(posed.vertices, obstacle, self.probes[side])
                inside = depth > CLEARANCE_M
                if inside.sum() > 2:
                    clear = False
                    way = (way_out * depth[:, None])[inside].sum(axis=0)
                    way /= np.linalg.norm(way)
                    nudge[side] = nudge[side] + way * (0.35 * depth.max() + 0.001)
            if clear:
                break
        return posed

    def _skin(
        self, vertices: Array, skeleton: Skeleton, pose: Pose, nudge: dict[str, Array]
    ) -> Posed:
        turn, move = bone_transforms(skeleton, pose, nudge)
        blended = np.einsum("vj,jab->vab", self.weights, turn, optimize=True)
        posed = np.einsum("vab,vb->va", blended, vertices) + self.weights @ move
        joints = np.einsum("jab,jb->ja", turn, skeleton.heads) + move
        legs = [skeleton.labels.index(f"upperleg01.{side}") for side in "LR"]
        hips = np.mean([turn[k] @ skeleton.heads[k] + move[k] for k in legs], axis=0)
        return Posed(posed, hips, joints)
