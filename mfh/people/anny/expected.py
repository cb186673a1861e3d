"""How people hold themselves, before anything is seen of them: three ways of being; imports torch.

Angles are rotation vectors of each bone against its parent, in axes of the bone's own: the first is
its hinge (bending forwards of spine, neck, hip and shoulder; of knees and elbows as they bend), the
second runs along the bone, the third is across both. Means and standard deviations are in degrees
and are rough by intent: they are to keep limbs within reach, what is seen decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfh.people.anny.body import Body


class _Angle(NamedTuple):
    """Mean of the hinge, and the standard deviations about the three axes, in degrees."""

    hinge: float
    spread: tuple[float, float, float]


_UPRIGHT: Mapping[str, _Angle] = {
    "spine1": _Angle(0, (9, 7, 7)),
    "spine2": _Angle(0, (9, 7, 7)),
    "chest": _Angle(0, (9, 7, 7)),
    "neck": _Angle(0, (14, 20, 10)),
    "head": _Angle(0, (14, 22, 10)),
    "clavicle": _Angle(0, (8, 8, 8)),
    "upper_arm": _Angle(5, (45, 40, 40)),
    "forearm": _Angle(0, (45, 40, 8)),
    "hand": _Angle(0, (25, 15, 15)),
    "thigh": _Angle(5, (18, 18, 10)),
    "shin": _Angle(10, (18, 6, 4)),
    "foot": _Angle(0, (18, 12, 10)),
}
_SEATED: Mapping[str, _Angle] = {
    **_UPRIGHT,
    "spine1": _Angle(6, (12, 9, 9)),
    "thigh": _Angle(80, (22, 25, 18)),
    "shin": _Angle(80, (30, 10, 6)),
}
_CROUCHED: Mapping[str, _Angle] = {
    **_UPRIGHT,
    "spine1": _Angle(12, (15, 10, 10)),
    "spine2": _Angle(10, (12, 9, 9)),
    "thigh": _Angle(65, (45, 30, 22)),
    "shin": _Angle(75, (45, 12, 8)),
    "foot": _Angle(0, (25, 12, 10)),
}

BEARINGS: tuple[tuple[str, Mapping[str, _Angle], float, tuple[float, float]], ...] = (
    ("upright", _UPRIGHT, 0.75, (8.0, 7.0)),
    ("seated", _SEATED, 0.15, (20.0, 12.0)),
    ("crouched", _CROUCHED, 0.1, (28.0, 16.0)),
)
"""Name, angles, how many people, and how far the hips lean: forwards or backwards, and sideways."""

_STIFF = {"shin": -2.0, "forearm": -45.0}
"""How far, in degrees, hinges that bend one way only can be bent the other way."""


@dataclass(frozen=True, eq=False)
class Bearing:
    """What is expected of the angles of all bones but the root, with torch tensors.

    axes: (J - 1, 3, 3), rows are each bone's axes; mean, precision: (J - 1, 3), in those axes, rad.
    stiff: (J - 1,), the least hinge angle; -inf where there is none.
    lean: (2,), the standard deviations of the root's lean in rad, forwards and sideways.
    cost: minus the log of how likely people are like this, with the log of the spreads.
    """

    axes: Tensor
    mean: Tensor
    precision: Tensor
    stiff: Tensor
    lean: Tensor
    cost: float


def bearings(body: Body, device: torch.device) -> tuple[Bearing, ...]:
    """The three ways people are expected to be, for the bones of a body."""
    axes = np.stack([bone_axes(body, bone) for bone in range(1, len(body.bones))])
    names = [name.removeprefix("left_").removeprefix("right_") for name in body.bones[1:]]

    def tensor(values: object) -> Tensor:
        return torch.as_tensor(np.asarray(values, np.float32), device=device)

    found = []
    for _, angles, share, lean in BEARINGS:
        spread = np.radians([angles[name].spread for name in names])
        lean_rad = np.radians(lean)
        found.append(
            Bearing(
                axes=tensor(axes),
                mean=tensor([[math.radians(angles[name].hinge), 0, 0] for name in names]),
                precision=tensor(spread**-2.0),
                stiff=tensor([math.radians(_STIFF.get(name, -math.inf)) for name in names]),
                lean=tensor(lean_rad),
                cost=float(np.log(spread).sum() + np.log(lean_rad).sum() - math.log(share)),
            )
        )
    return tuple(found)


def bone_axes(body: Body, bone: int) -> NDArray[np.float64]:
    """The rows are a bone's hinge, its own direction at rest, and what is across both.

    A positive angle about the hinge bends forwards (towards -z), that of a knee or foot backwards.
    """
    name = body.bones[bone]
    below = [child for child, parent in enumerate(body.parents) if parent == bone]
    joint = body.joints[bone].astype(np.float64)
    if below:
        along = body.joints[below].astype(np.float64).mean(axis=0) - joint
    else:
        along = _end_of(body, bone) - joint
    if not name.startswith(("left", "right")):
        along[0] = 0.0
    along /= np.linalg.norm(along)
    forwards = np.array([0.0, 0.0, -1.0])
    if name.endswith("foot"):
        hinge = np.array([1.0, 0.0, 0.0])
    else:
        hinge = np.cross(along, forwards)
        hinge /= np.linalg.norm(hinge)
    if name.endswith("shin"):
        hinge = -hinge
    across = np.cross(hinge, along)
    across /= np.linalg.norm(across)
    return np.stack([hinge, np.cross(across, hinge), across])


def _end_of(body: Body, bone: int) -> NDArray[np.float64]:
    """The middle of what a bone without others below it carries."""
    weight = body.weights[:, bone].astype(np.float64)
    return np.asarray((body.vertices * weight[:, None]).sum(axis=0) / weight.sum(), np.float64)
