"""A MakeHuman skeleton moved by the angles of anatomy, all bones of the rig included.

Angles are in degrees from standing straight with the arms hanging, forearms pointing forwards when
bent. x is the person's left, y down, z backwards. Right limbs mirror left ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from bodies.kinematics import Skeleton
from bodies.mesh import Array
from scipy.spatial.transform import Rotation

_DOWN = np.array([0.0, 1.0, 0.0])
_FORWARDS = np.array([0.0, 0.0, -1.0])
_RIGHT = np.array([-1.0, 0.0, 0.0])
# The lower back bends more than the chest, the upper neck nods more than the lower one.
_SPINE = {"spine05": 0.14, "spine04": 0.26, "spine03": 0.26, "spine02": 0.2, "spine01": 0.14}
_NECK = {"neck01": 0.2, "neck02": 0.2, "neck03": 0.2, "head": 0.4}


@dataclass(frozen=True)
class Leg:
    """Hip (flexed forwards, abducted, turned outwards), knee flexed, foot raised at the ankle."""

    flex: float = 0.0
    abduct: float = 3.0
    turn_out: float = 5.0
    knee: float = 3.0
    raise_toes: float = 3.0


@dataclass(frozen=True)
class Arm:
    """Shoulder (flexed forwards, abducted, turned inwards), elbow flexed, hand turned, wrist."""

    flex: float = 3.0
    abduct: float = 10.0
    turn_in: float = 10.0
    elbow: float = 15.0
    pronate: float = 0.0
    wrist: float = 0.0
    curl: float = 18.0
    shrug: float = 0.0


@dataclass(frozen=True)
class Posture:
    """pelvis, spine, neck: (bent forwards, turned to the left, leaning to the left)."""

    pelvis: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spine: tuple[float, float, float] = (0.0, 0.0, 0.0)
    neck: tuple[float, float, float] = (0.0, 0.0, 0.0)
    left_leg: Leg = field(default_factory=Leg)
    right_leg: Leg = field(default_factory=Leg)
    left_arm: Arm = field(default_factory=Arm)
    right_arm: Arm = field(default_factory=Arm)


def bone_transforms(skeleton: Skeleton, posture: Posture) -> Array:
    """(J, 4, 4): how every bone moves its vertices from rest, the root staying where it is."""
    local = _turns_about_parents(skeleton, _world_turns(skeleton, posture))
    turn = local.copy()
    at = skeleton.heads.copy()
    for bone, parent in enumerate(skeleton.parents):
        if parent >= 0:
            turn[bone] = turn[parent] @ local[bone]
            at[bone] = at[parent] + turn[parent] @ (skeleton.heads[bone] - skeleton.heads[parent])
    transforms = np.tile(np.eye(4), (len(turn), 1, 1))
    transforms[:, :3, :3] = turn
    transforms[:, :3, 3] = at - np.einsum("jab,jb->ja", turn, skeleton.heads)
    return transforms


def _world_turns(skeleton: Skeleton, posture: Posture) -> dict[str, Array]:
    """The rotations in the world of the bones that move of themselves."""
    turns = {"root": _bent(posture.pelvis)}
    trunk = turns["root"]
    for label, share in _SPINE.items():
        trunk = trunk @ _bent(tuple(share * angle for angle in posture.spine))
        turns[label] = trunk
    head = trunk
    for label, share in _NECK.items():
        head = head @ _bent(tuple(share * angle for angle in posture.neck))
        turns[label] = head
    for side, arm, leg in (
        ("L", posture.left_arm, posture.left_leg),
        ("R", posture.right_arm, posture.right_leg),
    ):
        turns.update(_leg(skeleton, leg, side, turns["root"]))
        turns.update(_arm(skeleton, arm, side, trunk))
    return turns


def _leg(skeleton: Skeleton, leg: Leg, side: str, pelvis: Array) -> dict[str, Array]:
    out = 1.0 if side == "L" else -1.0
    hip, knee, ankle = (
        skeleton.head(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot")
    )
    straight = _frame(_DOWN, _FORWARDS)
    thigh_rest = straight @ _frame(knee - hip, _FORWARDS).T
    shin_rest = straight @ _frame(ankle - knee, _FORWARDS).T
    swing = pelvis @ _about("x", -leg.flex) @ _about("z", -out * leg.abduct)
    # Half of the turn of a thigh happens along it.
    half, whole = (swing @ _about("y", -out * share * leg.turn_out) for share in (0.5, 1.0))
    shin = whole @ _about("x", leg.knee)
    return {
        f"upperleg01.{side}": half @ thigh_rest,
        f"upperleg02.{side}": whole @ thigh_rest,
        f"lowerleg01.{side}": shin @ shin_rest,
        f"foot.{side}": shin @ _about("x", -leg.raise_toes),
    }


def _arm(skeleton: Skeleton, arm: Arm, side: str, chest: Array) -> dict[str, Array]:
    out = 1.0 if side == "L" else -1.0
    shoulder, elbow, wrist, finger = (
        skeleton.head(f"{bone}.{side}")
        for bone in ("upperarm01", "lowerarm01", "wrist", "finger3-1")
    )
    hinge = np.cross(elbow - shoulder, wrist - elbow)
    straight = _frame(_DOWN, _RIGHT)
    upper_rest = straight @ _frame(elbow - shoulder, hinge).T
    fore_rest = straight @ _frame(wrist - elbow, hinge).T
    hand_rest = straight @ _frame(finger - wrist, hinge).T
    swing = chest @ _about("z", -out * arm.abduct) @ _about("x", -arm.flex)
    half, whole = (swing @ _about("y", out * share * arm.turn_in) for share in (0.5, 1.0))
    fore = whole @ _about("x", -arm.elbow)
    forearm_turned, hand = (fore @ _about("y", out * share * arm.pronate) for share in (0.5, 1.0))
    hand = hand @ _about("z", out * arm.wrist)
    # A raised arm takes the shoulder blade with it.
    lifted = np.degrees(np.arccos(np.clip((swing @ _DOWN) @ (chest @ _DOWN), -1, 1)))
    shrug = arm.shrug + 0.3 * max(0.0, lifted - 40.0)
    turns = {
        f"clavicle.{side}": chest @ _about("z", -out * shrug),
        f"upperarm01.{side}": half @ upper_rest,
        f"upperarm02.{side}": whole @ upper_rest,
        f"lowerarm01.{side}": fore @ fore_rest,
        f"lowerarm02.{side}": forearm_turned @ fore_rest,
        f"wrist.{side}": hand @ hand_rest,
    }
    little, index = (skeleton.head(f"finger{k}-1.{side}") for k in (5, 2))
    across = (little - index) * out / np.linalg.norm(little - index)
    for k in range(2, 6):
        curled = turns[f"wrist.{side}"]
        for joint in range(1, 4):
            curled = curled @ Rotation.from_rotvec(-np.radians(arm.curl) * across).as_matrix()
            turns[f"finger{k}-{joint}.{side}"] = curled
    return turns


def _turns_about_parents(skeleton: Skeleton, world: dict[str, Array]) -> Array:
    """(J, 3, 3); bones that are not named keep their rest angle to their parent."""
    turn = np.tile(np.eye(3), (len(skeleton.labels), 1, 1))
    local = turn.copy()
    for bone, (label, parent) in enumerate(zip(skeleton.labels, skeleton.parents, strict=True)):
        above = turn[parent] if parent >= 0 else np.eye(3)
        turn[bone] = world.get(label, above)
        local[bone] = above.T @ turn[bone]
    return np.asarray(local)


def _bent(angles: tuple[float, ...]) -> Array:
    """Turned to the left, leaning to the left, bent forwards, in this order from outside in."""
    forwards, turned, leaning = angles
    return np.asarray(_about("y", -turned) @ _about("z", leaning) @ _about("x", forwards))


def _about(axis: str, degrees: float) -> Array:
    return np.asarray(Rotation.from_euler(axis, degrees, degrees=True).as_matrix())


def _frame(along: Array, towards: Array) -> Array:
    """Columns: `along`, what of `towards` is square to it, and their cross product."""
    first = along / np.linalg.norm(along)
    second = towards - (towards @ first) * first
    second = second / np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)], axis=1)
