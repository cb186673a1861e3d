"""The kinematics that put a MakeHuman skeleton into a pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from bodies.poses import Arm, Foot, Pose, Triple

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Skeleton:
    """labels, parents: bones, parents first; heads: (J, 3) joints at rest; feet: (K, 3) soles."""

    labels: list[str]
    parents: list[int]
    heads: Array
    stature: float
    sole_points: dict[str, Array]

    def head(self, label: str) -> Array:
        """A bone's joint at rest, (3,)."""
        return self.heads[self.labels.index(label)]


def bone_transforms(
    skeleton: Skeleton, pose: Pose, nudge_m: Mapping[str, Array] | None = None
) -> tuple[Array, Array]:
    """Rotation (J, 3, 3) and translation (J, 3) of every bone: posed = R @ rest + t.

    nudge_m: for side "L" or "R", by how much its wrist is moved from where the pose has it.
    """
    nudge_m = nudge_m or {}
    turns = _Turns(skeleton)
    hips = (skeleton.head("upperleg01.L") + skeleton.head("upperleg01.R")) / 2
    turns.turn(["root"], _euler(pose.pelvis))
    for chain, angles in (
        (["spine05", "spine04", "spine03", "spine02", "spine01"], pose.spine),
        (["neck01", "neck02", "neck03", "head"], pose.head),
    ):
        turns.turn(chain, _euler(tuple(a / len(chain) for a in angles)))

    # The pelvis stands as high as the more stretched leg lets it; feet are given from its middle.
    root = skeleton.head("root")
    pelvis_turn = _euler(pose.pelvis)
    sway = np.array([pose.swayed * skeleton.stature, 0.0, 0.0])
    pelvis_y = -np.inf
    ankles = {}
    for side, foot in (("L", pose.left_foot), ("R", pose.right_foot)):
        ankle, foot_turn = _ankle(skeleton, foot, side)
        hip = pelvis_turn @ (skeleton.head(f"upperleg01.{side}") - hips) + sway
        reach = _leg_length(skeleton, side) * (1 - pose.bent_knees)
        across = np.hypot(*(ankle - hip)[[0, 2]])
        pelvis_y = max(pelvis_y, ankle[1] - hip[1] - np.sqrt(reach**2 - across**2))
        ankles[side] = (ankle, foot_turn)
    middle = np.array([sway[0], pelvis_y, 0.0])
    turns.place_root(middle - pelvis_turn @ (hips - root))

    for side, arm in (("L", pose.left_arm), ("R", pose.right_arm)):
        _bend_leg(turns, side, *ankles[side])
        _bend_arm(turns, side, arm, middle, pelvis_turn, nudge_m.get(side, np.zeros(3)))
    return turns.transforms()


class _Turns:
    """Rotations of bones relative to their parents, in rest axes, and what follows from them."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.local = np.tile(np.eye(3), (len(skeleton.labels), 1, 1))
        self.root_at = skeleton.heads[0].copy()

    def turn(self, labels: list[str], rotation: Array) -> None:
        for label in labels:
            index = self.skeleton.labels.index(label)
            self.local[index] = self.local[index] @ rotation

    def place_root(self, at: Array) -> None:
        self.root_at = at

    def transforms(self) -> tuple[Array, Array]:
        turn = self.local.copy()
        at = self.skeleton.heads.copy()
        at[0] = self.root_at
        for bone, parent in enumerate(self.skeleton.parents):
            if parent >= 0:
                turn[bone] = turn[parent] @ self.local[bone]
                at[bone] = at[parent] + turn[parent] @ (
                    self.skeleton.heads[bone] - self.skeleton.heads[parent]
                )
        return turn, at - np.einsum("jab,jb->ja", turn, self.skeleton.heads)

    def world(self, label: str) -> tuple[Array, Array]:
        """A bone's rotation and where its joint is."""
        turn, move = self.transforms()
        index = self.skeleton.labels.index(label)
        return turn[index], turn[index] @ self.skeleton.heads[index] + move[index]

    def aim(self, label: str, rotation: Array) -> None:
        """Gives a bone a rotation in the world, whatever its parents do."""
        parent = self.skeleton.parents[self.skeleton.labels.index(label)]
        parent_turn, _ = self.world(self.skeleton.labels[parent])
        self.local[self.skeleton.labels.index(label)] = parent_turn.T @ rotation


def _bend_leg(turns: _Turns, side: str, ankle: Array, foot_turn: Array) -> None:
    skeleton = turns.skeleton
    hip, knee, rest_ankle = (
        skeleton.head(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot")
    )
    _, hip_now = turns.world(f"upperleg01.{side}")
    forwards = np.array([0.0, 0.0, -1.0])
    knee_way = foot_turn @ forwards
    knee_way[1] = 0.0
    thigh, shin = _two_bones(hip_now, ankle, _norm(knee - hip), _norm(rest_ankle - knee), knee_way)
    thigh_turn = _frame(thigh, knee_way) @ _frame(knee - hip, forwards).T
    turns.aim(f"upperleg01.{side}", thigh_turn)
    turns.aim(f"lowerleg01.{side}", _frame(shin, knee_way) @ _frame(rest_ankle - knee, forwards).T)
    turns.aim(f"foot.{side}", foot_turn)


def _bend_arm(
    turns: _Turns, side: str, arm: Arm, hips: Array, pelvis_turn: Array, nudge_m: Array
) -> None:
    skeleton = turns.skeleton
    mirror = np.array([1.0 if side == "L" else -1.0, -1.0, -1.0])  # (out, forwards, up) -> x, y, z

    def way(triple: Triple, frame: Array) -> Array:
        return frame @ (np.array([triple[0], triple[2], triple[1]]) * mirror)

    chest, _ = turns.world("spine01")
    shoulder, elbow, wrist = (
        skeleton.head(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist")
    )
    _, shoulder_now = turns.world(f"upperarm01.{side}")
    first, second = _norm(elbow - shoulder), _norm(wrist - elbow)
    elbow_way = way(arm.upper, chest)
    if arm.wrist is None:
        fore_way = way(arm.fore, chest)
        target = shoulder_now + elbow_way / _norm(elbow_way) * first
        target = target + fore_way / _norm(fore_way) * second
    else:
        target = hips + way(arm.wrist, pelvis_turn) * skeleton.stature
    upper, fore = _two_bones(shoulder_now, target + nudge_m, first, second, elbow_way)
    parent, _ = turns.world(f"shoulder01.{side}")
    swing = _between(parent @ (elbow - shoulder), upper) @ parent
    turns.aim(f"upperarm01.{side}", swing)
    # The elbow is a hinge: the upper arm twists, half in each of its bones, until it fits.
    hinge = np.cross(swing @ (elbow - shoulder), swing @ (wrist - elbow))
    twist = _angle_about(upper, hinge, np.cross(upper, fore))
    turns.aim(f"upperarm01.{side}", _about(upper, twist / 2) @ swing)
    turns.aim(f"upperarm02.{side}", _about(upper, twist) @ swing)
    upper_turn = _about(upper, twist) @ swing
    fore_turn = _between(upper_turn @ (wrist - elbow), fore) @ upper_turn
    turns.aim(f"lowerarm01.{side}", fore_turn)

    index, little, middle = (
        skeleton.head(f"{bone}.{side}") for bone in ("finger2-1", "finger5-1", "finger3-1")
    )
    palm = np.cross(middle - wrist, little - index) * mirror[0]
    palm *= np.sign(palm[1])
    turn = np.clip(_angle_about(fore, fore_turn @ palm, way(arm.palm, chest)), -1.9, 1.9)
    turns.aim(f"lowerarm02.{side}", _about(fore, turn / 2) @ fore_turn)
    turns.aim(f"wrist.{side}", _about(fore, turn) @ fore_turn)
    axis = np.cross(middle - wrist, palm)
    for finger in range(2, 6):
        for joint in range(1, 4):
            turns.turn([f"finger{finger}-{joint}.{side}"], _about(axis, np.radians(arm.curl)))
    turns.turn([f"finger1-2.{side}"], _about(axis, np.radians(arm.curl * 0.6)))


def _ankle(skeleton: Skeleton, foot: Foot, side: str) -> tuple[Array, Array]:
    """Where the ankle is, the floor being y = 0, and the foot's rotation."""
    sign = 1.0 if side == "L" else -1.0
    heading = Rotation.from_euler("y", -sign * foot.toes_out, degrees=True).as_matrix()
    pitch = Rotation.from_euler("x", foot.heel_up, degrees=True).as_matrix()
    turn = heading @ pitch
    below = (skeleton.sole_points[side] - skeleton.head(f"foot.{side}")) @ turn.T
    y = -below[:, 1].max() - foot.lift * skeleton.stature
    return np.array(
        [sign * foot.out * skeleton.stature, y, -foot.forwards * skeleton.stature]
    ), turn


def _leg_length(skeleton: Skeleton, side: str) -> float:
    hip, knee, ankle = (
        skeleton.head(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot")
    )
    return _norm(knee - hip) + _norm(ankle - knee)


def _two_bones(
    start: Array, end: Array, first: float, second: float, bend: Array
) -> tuple[Array, Array]:
    """Directions of two bones from `start` to `end`, their joint on the side of `bend`."""
    line = end - start
    distance = np.clip(_norm(line), abs(first - second) + 1e-3, (first + second) * 0.9995)
    line = line / _norm(line)
    along = (first**2 - second**2 + distance**2) / (2 * distance)
    side = bend - line * (bend @ line)
    joint = line * along + side / _norm(side) * np.sqrt(max(first**2 - along**2, 0.0))
    return joint, line * distance - joint


def _norm(vector: Array) -> float:
    return float(np.linalg.norm(vector))


def _euler(angles: Triple) -> Array:
    nod, turn, lean = angles
    return Rotation.from_euler("YZX", [-turn, lean, nod], degrees=True).as_matrix()


def _about(axis: Array, angle: float) -> Array:
    return Rotation.from_rotvec(axis / _norm(axis) * angle).as_matrix()


def _between(a: Array, b: Array) -> Array:
    """The smallest rotation that takes the direction of `a` to that of `b`."""
    a, b = a / _norm(a), b / _norm(b)
    axis = np.cross(a, b)
    return Rotation.from_rotvec(
        axis / max(_norm(axis), 1e-12) * np.arctan2(_norm(axis), a @ b)
    ).as_matrix()


def _angle_about(axis: Array, a: Array, b: Array) -> float:
    """The signed angle from `a` to `b`, both seen along `axis`."""
    axis = axis / _norm(axis)
    a, b = a - axis * (a @ axis), b - axis * (b @ axis)
    return float(np.arctan2(np.cross(a, b) @ axis, a @ b))


def _frame(first: Array, second: Array) -> Array:
    """Orthonormal columns: `first`, what is left of `second`, and their cross product."""
    x = first / _norm(first)
    y = second - x * (second @ x)
    y = y / _norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)
