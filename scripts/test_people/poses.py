"""Postures of people who stand, walk, sit and crouch, drawn within the limits of their joints.

They are made for the test of the people fitter and used for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar

import numpy as np

from test_people.anatomy import Arm, Leg, Posture

KINDS = ("standing", "walking", "sitting", "sitting on the floor", "crouching")
Rng = np.random.Generator
Triple = tuple[float, float, float]
Limits = tuple[int, int]
LimbT = TypeVar("LimbT", Leg, Arm)

# In degrees; after the ranges of motion that textbooks of anatomy give for healthy adults.
_LEG_LIMITS = {
    "flex": (-20, 125),
    "abduct": (-15, 50),
    "turn_out": (-40, 60),
    "knee": (0, 150),
    "raise_toes": (-45, 25),
}
_ARM_LIMITS = {
    "flex": (-50, 175),
    "abduct": (-10, 170),
    "turn_in": (-80, 80),
    "elbow": (0, 145),
    "pronate": (-75, 75),
    "wrist": (-55, 55),
    "curl": (0, 75),
    "shrug": (-5, 15),
}
_PELVIS_LIMITS = ((-30, 60), (-30, 30), (-20, 20))
_SPINE_LIMITS = ((-20, 60), (-40, 40), (-25, 25))
_NECK_LIMITS = ((-40, 45), (-65, 65), (-30, 30))

_ARMS = {
    "hanging": Arm(2, 11, 10, 16),
    "swinging forwards": Arm(28, 8, 12, 32),
    "swinging backwards": Arm(-26, 9, 10, 18),
    "out to the side": Arm(0, 82, 0, 12, 60),
    "overhead": Arm(158, 12, 0, 22),
    "greeting": Arm(35, 75, -55, 95, 50),
    "reaching": Arm(78, 8, 5, 22, 60),
    "hand at the hip": Arm(-22, 42, 48, 98, 30),
    "across the belly": Arm(18, 18, 66, 88, 45),
    "at the ear": Arm(48, 38, 5, 138),
    "at the chin": Arm(42, 12, 34, 132),
    "carrying": Arm(14, 14, 12, 84, -60),
    "behind the back": Arm(-32, 18, 52, 52, 30),
    "pointing up": Arm(118, 30, -10, 14),
    "throwing": Arm(-18, 92, -68, 92),
}
_EVERYDAY = ("hanging", "carrying", "across the belly", "hand at the hip", "behind the back")
_SEATED_ARMS = {
    "on the thigh": Arm(26, 10, 26, 52, 60),
    "on the armrest": Arm(14, 24, 12, 78, 60),
    "on the table": Arm(44, 18, 32, 62, 60),
    "in the lap": Arm(20, 10, 48, 62, 45),
    **{name: _ARMS[name] for name in ("overhead", "at the chin", "at the ear", "greeting")},
}


def draw(kind: str, rng: Rng) -> Posture:
    """A posture of a kind, every angle of it perturbed."""
    posture = {
        "standing": _standing,
        "walking": _walking,
        "sitting": _sitting,
        "sitting on the floor": _on_the_floor,
        "crouching": _crouching,
    }[kind](rng)
    if rng.random() < 0.5:
        posture = _mirrored(posture)
    return _perturbed(posture, 4.0 if kind in ("standing", "walking") else 6.0, rng)


def _standing(rng: Rng) -> Posture:
    everyday = rng.random() < 0.55
    names = rng.choice(_EVERYDAY if everyday else tuple(_ARMS), 2)
    bent = rng.uniform(0, 14)
    stance = rng.choice(["straight", "apart", "one leg", "bowing"], p=[0.4, 0.25, 0.25, 0.1])
    left = right = Leg(bent / 2, 3, 8, bent, bent / 2)
    pelvis = spine = (0.0, 0.0, 0.0)
    if stance == "apart":
        abduct = rng.uniform(8, 18)
        left = right = Leg(bent / 2, abduct, 12, bent, bent / 2)
    elif stance == "one leg":
        right = Leg(rng.uniform(12, 24), rng.uniform(5, 16), 20, rng.uniform(20, 34), 8)
        pelvis, spine = (0.0, 0.0, 5.0), (0.0, 0.0, -8.0)
    elif stance == "bowing":
        hips = rng.uniform(10, 30)
        left = right = Leg(hips + bent / 2, 4, 6, bent, bent / 2)
        pelvis, spine = (hips, 0.0, 0.0), (14.0, 0.0, 0.0)
    return Posture(
        pelvis, spine, left_leg=left, right_leg=right, left_arm=_ARMS[names[0]],
        right_arm=_ARMS[names[1]],
    )  # fmt: skip


def _walking(rng: Rng) -> Posture:
    stride, push = rng.uniform(12, 32), rng.uniform(0, 1)
    front = Leg(stride, 1, 5, 4 + 10 * push, 4)
    swinging = rng.random() < 0.4
    back = (
        Leg(stride * 0.3, 1, 4, rng.uniform(40, 68), 0)
        if swinging
        else Leg(-0.6 * stride, 1, 6, 12 + 22 * push, -8 - 12 * push)
    )
    arms = [_ARMS["swinging backwards"], _ARMS["swinging forwards"]]
    if rng.random() < 0.35:
        arms[int(rng.integers(2))] = _ARMS[str(rng.choice(["carrying", "at the ear", "greeting"]))]
    lean = rng.uniform(0, 8)
    return Posture(
        (lean, -6, 0), (lean / 2, 10, 0), (-lean, -4, 0), front, back, arms[0], arms[1]
    )  # fmt: skip


def _sitting(rng: Rng) -> Posture:
    back = rng.uniform(-22, 12)  # leaning back to leaning forwards
    thigh = rng.uniform(82, 98)
    knees = thigh + rng.uniform(-30, 18)
    spread = rng.uniform(0, 22)
    legs = [Leg(thigh + back, spread, spread, knees, knees - thigh) for _ in range(2)]
    if rng.random() < 0.25:  # one leg over the other
        legs[0] = Leg(thigh + back + 16, -10, -4, rng.uniform(75, 95), -10)
    names = rng.choice(tuple(_SEATED_ARMS), 2, p=[0.26, 0.12, 0.2, 0.18, 0.06, 0.06, 0.06, 0.06])
    return Posture(
        (back, 0, 0), (rng.uniform(0, 24), 0, 0), (-back, 0, 0), legs[0], legs[1],
        _SEATED_ARMS[names[0]], _SEATED_ARMS[names[1]],
    )  # fmt: skip


def _on_the_floor(rng: Rng) -> Posture:
    way = rng.choice(["cross-legged", "legs out", "knees up", "kneeling"])
    back = rng.uniform(-20, 5)
    arms = [_SEATED_ARMS[str(name)] for name in rng.choice(("on the thigh", "in the lap"), 2)]
    if way == "cross-legged":
        legs = [Leg(92 + back, 42, 48, 128, -20) for _ in range(2)]
    elif way == "legs out":
        legs = [Leg(88 + back, rng.uniform(2, 14), 10, rng.uniform(4, 30), -15) for _ in range(2)]
        arms[0] = Arm(-28, 26, -10, 8, 40)  # leaning on it
    elif way == "knees up":
        legs = [Leg(118 + back, 6, 2, rng.uniform(96, 118), -2) for _ in range(2)]
        arms = [_ARMS["reaching"], Arm(60, 6, 20, 30)]
    else:
        back = rng.uniform(0, 10)
        legs = [Leg(68 + back, 8, -4, 146, -42) for _ in range(2)]
    return Posture(
        (back, 0, 0), (rng.uniform(2, 26), 0, 0), (-back, 0, 0), legs[0], legs[1], arms[0], arms[1]
    )


def _crouching(rng: Rng) -> Posture:
    lean = rng.uniform(18, 40)
    deep = rng.uniform(0.6, 1.0)
    legs = [Leg(108 * deep + 0.4 * lean, 14, 16, 132 * deep, 22 * deep) for _ in range(2)]
    arms = [_ARMS["reaching"], _SEATED_ARMS["on the thigh"]]
    return Posture((lean, 0, 0), (18, 0, 0), (-lean, 0, 0), legs[0], legs[1], arms[0], arms[1])


def _mirrored(posture: Posture) -> Posture:
    def flipped(angles: tuple[float, float, float]) -> tuple[float, float, float]:
        return angles[0], -angles[1], -angles[2]

    return Posture(
        flipped(posture.pelvis), flipped(posture.spine), flipped(posture.neck),
        posture.right_leg, posture.left_leg, posture.right_arm, posture.left_arm,
    )  # fmt: skip


def _perturbed(posture: Posture, sd: float, rng: Rng) -> Posture:
    """Perturb every angle: trunk and legs by `sd` degrees, arms by twice that, the neck freely."""
    return Posture(
        _moved(posture.pelvis, _PELVIS_LIMITS, (0.75 * sd, 0.75 * sd, 0.5 * sd), rng),
        _moved(posture.spine, _SPINE_LIMITS, (1.2 * sd, 1.5 * sd, 0.8 * sd), rng),
        _moved(posture.neck, _NECK_LIMITS, (11.0, 22.0, 6.0), rng),
        left_leg=_jittered(posture.left_leg, _LEG_LIMITS, sd, rng),
        left_arm=_jittered(posture.left_arm, _ARM_LIMITS, 2 * sd, rng),
        right_leg=_jittered(posture.right_leg, _LEG_LIMITS, sd, rng),
        right_arm=_jittered(posture.right_arm, _ARM_LIMITS, 2 * sd, rng),
    )


def _moved(angles: Triple, limits: Sequence[Limits], spreads: Triple, rng: Rng) -> Triple:
    drawn = np.add(angles, spreads * rng.standard_normal(3))
    forwards, turned, leaning = np.clip(drawn, *np.transpose(limits)).tolist()
    return forwards, turned, leaning


def _jittered(limb: LimbT, limits: Mapping[str, Limits], sd: float, rng: Rng) -> LimbT:
    return type(limb)(
        **{
            name: float(np.clip(angle + sd * rng.standard_normal(), *limits[name]))
            for name, angle in asdict(limb).items()
        }
    )
