"""Everyday standing poses.

Directions are written for a person who faces -z: x is the person's left,
y down, z backwards. Arm directions are written as (outwards, forwards, upwards) so that one line
serves both sides. Angles are in degrees, lengths in fractions of the stature.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Arm:
    """Directions, each (out, forwards, up), of the two bones and of where the palm faces.

    wrist: if given, the wrist's place instead, from the middle of the hips, as (out, forwards, up)
    in fractions of the stature; `upper` then only says which way the elbow points.
    curl: how far each finger joint is bent.
    """

    upper: Triple = (0.13, -0.02, -1.0)
    fore: Triple = (0.05, 0.2, -1.0)
    palm: Triple = (-1.0, -0.15, 0.0)
    wrist: Triple | None = None
    curl: float = 16.0


@dataclass(frozen=True)
class Foot:
    """Where the ankle stands, (out, forwards) from the pelvis; toes turned out; heel raised."""

    out: float = 0.052
    forwards: float = 0.0
    toes_out: float = 8.0
    heel_up: float = 0.0
    lift: float = 0.0


@dataclass(frozen=True)
class Pose:
    """A standing pose. Euler triples are (nod forwards, turn to the left, lean to the left)."""

    name: str
    left_arm: Arm = field(default_factory=Arm)
    right_arm: Arm = field(default_factory=Arm)
    left_foot: Foot = field(default_factory=Foot)
    right_foot: Foot = field(default_factory=Foot)
    pelvis: Triple = (0.0, 0.0, 0.0)
    spine: Triple = (0.0, 0.0, 0.0)
    head: Triple = (0.0, 0.0, 0.0)
    bent_knees: float = 0.004
    swayed: float = 0.0


RELAXED = Arm()
LOOSE = Arm(upper=(0.17, -0.05, -1.0), fore=(0.08, 0.3, -1.0))
ON_HIP = Arm(upper=(1.0, -0.45, 0.0), wrist=(0.115, -0.005, 0.085), palm=(-0.4, 0.2, -1.0), curl=30)
FORWARD = Arm(upper=(0.12, 0.38, -1.0), fore=(0.0, 0.75, -1.0), curl=26)
BACKWARD = Arm(upper=(0.13, -0.42, -1.0), fore=(0.07, -0.12, -1.0), curl=26)
PHONE = Arm(upper=(0.16, 0.25, -1.0), fore=(-0.42, 0.75, 0.55), palm=(-0.2, -1.0, 0.3), curl=34)
TALKING = Arm(upper=(0.3, 0.1, -1.0), fore=(0.15, 1.0, 0.25), palm=(-0.5, 0.0, 1.0), curl=18)
WAVING = Arm(upper=(0.95, 0.15, -0.25), fore=(0.25, 0.2, 1.0), palm=(0.0, 1.0, 0.0), curl=4)
BEHIND = Arm(upper=(0.35, -0.5, -0.6), wrist=(0.06, -0.1, 0.03), palm=(0.0, -1.0, 0.2), curl=22)
IN_FRONT = Arm(
    upper=(0.6, -0.2, -0.6), wrist=(0.062, 0.12, -0.005), palm=(-0.5, -1.0, 0.0), curl=30
)
CROSSED_UNDER = Arm(
    upper=(0.7, 0.1, -0.7), wrist=(-0.058, 0.108, 0.2), palm=(0.0, -1.0, 0.1), curl=22
)
CROSSED_OVER = Arm(
    upper=(0.7, 0.2, -0.7), wrist=(-0.052, 0.142, 0.222), palm=(0.0, -1.0, -0.1), curl=22
)
RAISED = Arm(upper=(0.1, 0.3, -1.0), fore=(-0.38, 0.42, 1.0), palm=(-0.2, -1.0, 0.3), curl=42)
POCKET = Arm(upper=(0.7, -0.6, -0.3), wrist=(0.132, 0.035, 0.02), palm=(-1.0, -0.3, 0.0), curl=8)
BAG = Arm(upper=(0.13, 0.02, -1.0), fore=(0.07, 0.12, -1.0), curl=62)
POINTING = Arm(upper=(0.55, 0.55, -0.35), fore=(0.75, 0.6, 0.05), palm=(0.0, 0.3, -1.0), curl=14)
STRAP = Arm(upper=(0.25, -0.05, -1.0), fore=(-0.28, 0.5, 1.0), palm=(-0.2, -1.0, 0.2), curl=60)

NEAR = Foot(out=0.045, toes_out=6)
WIDE = Foot(out=0.085, toes_out=14)


def _walk(name: str, stride: float, **changes: object) -> Pose:
    """Mid-stride, left foot ahead; `stride` is the distance between the ankles."""
    pose = Pose(
        name,
        left_arm=BACKWARD,
        right_arm=FORWARD,
        left_foot=Foot(0.035, stride / 2, 5, -14.0),
        right_foot=Foot(0.035, -stride / 2, 5, 32.0),
        pelvis=(0.0, -5.0, 0.0),
        spine=(4.0, 9.0, 0.0),
        head=(0.0, -4.0, 0.0),
        bent_knees=0.006,
    )
    return replace(pose, **changes)


POSES: tuple[Pose, ...] = (
    Pose("standing, arms down"),
    Pose("standing, feet apart", LOOSE, LOOSE, WIDE, WIDE, head=(4, 0, 0)),
    Pose(
        "contrapposto, weight on the left leg",
        RELAXED,
        LOOSE,
        Foot(0.03, -0.005, 8),
        Foot(0.085, 0.055, 22),
        pelvis=(0, 4, -5),
        spine=(2, -6, 7),
        head=(0, 8, -3),
        swayed=0.022,
        bent_knees=0.002,
    ),
    Pose(
        "contrapposto, hand on the hip",
        LOOSE,
        ON_HIP,
        Foot(0.085, 0.05, 22),
        Foot(0.03, -0.005, 8),
        pelvis=(0, -4, 5),
        spine=(0, 6, -7),
        head=(0, -10, 4),
        swayed=-0.022,
        bent_knees=0.002,
    ),
    _walk("walking, heel strike", 0.36),
    _walk(
        "walking, mid-stance",
        0.0,
        left_arm=LOOSE,
        right_arm=Arm(upper=(0.13, 0.12, -1.0), fore=(0.02, 0.4, -1.0)),
        left_foot=Foot(0.03, 0.0, 5),
        right_foot=Foot(0.035, -0.13, 4, 42.0, 0.075),
        pelvis=(3, 0, 0),
    ),
    _walk("walking, short step", 0.22, bent_knees=0.004),
    Pose("arms crossed", CROSSED_OVER, CROSSED_UNDER, WIDE, WIDE, head=(3, 6, 0)),
    Pose("hands on the hips", ON_HIP, ON_HIP, WIDE, WIDE, head=(0, -8, 0)),
    Pose("waving", RELAXED, WAVING, NEAR, WIDE, spine=(0, 0, 3), head=(0, 4, 4)),
    Pose(
        "reading a phone",
        LOOSE,
        PHONE,
        Foot(0.07, 0.03, 16),
        NEAR,
        spine=(5, 0, 0),
        head=(24, 6, 0),
    ),
    Pose("looking to the left", LOOSE, RELAXED, spine=(0, 12, 0), head=(0, 42, 0)),
    Pose("looking to the right", RELAXED, LOOSE, WIDE, NEAR, spine=(0, -10, 0), head=(-4, -38, 0)),
    Pose(
        "talking, one hand raised", RELAXED, TALKING, NEAR, WIDE, spine=(2, 5, 0), head=(0, 10, 3)
    ),
    Pose("talking, both hands raised", TALKING, TALKING, WIDE, NEAR, head=(2, -8, -2)),
    Pose("hands behind the back", BEHIND, BEHIND, NEAR, NEAR, spine=(-3, 0, 0), head=(-6, 0, 0)),
    Pose("arms held in front", IN_FRONT, IN_FRONT, NEAR, NEAR, head=(8, 5, 0)),
    Pose("one forearm raised", LOOSE, RAISED, WIDE, NEAR, spine=(3, 0, 0), head=(12, -6, 0)),
    Pose(
        "hands at the pockets",
        POCKET,
        POCKET,
        Foot(0.075, 0.03, 18),
        WIDE,
        pelvis=(0, 3, -2),
        spine=(3, -3, 3),
        head=(0, 12, 0),
    ),
    _walk("walking, carrying a bag", 0.26, right_arm=BAG),
    Pose("pointing", POINTING, RELAXED, WIDE, NEAR, spine=(0, 6, 0), head=(0, 26, 0)),
    Pose("hand on a strap", LOOSE, STRAP, NEAR, Foot(0.07, 0.04, 14), head=(0, 12, 0)),
)


def mirrored(pose: Pose) -> Pose:
    """The same pose with left and right exchanged."""

    def flip(angles: Triple) -> Triple:
        return (angles[0], -angles[1], -angles[2])

    return replace(
        pose,
        left_arm=pose.right_arm,
        right_arm=pose.left_arm,
        left_foot=pose.right_foot,
        right_foot=pose.left_foot,
        pelvis=flip(pose.pelvis),
        spine=flip(pose.spine),
        head=flip(pose.head),
        swayed=-pose.swayed,
    )
