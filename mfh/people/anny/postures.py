"""How people hold themselves, before anything is seen of them: three postures; imports torch.

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
from mfh.people.anny.rotations import rotation_matrix


class _Angles(NamedTuple):
    """Mean of the hinge, and the standard deviations about the three axes, in degrees."""

    hinge: float
    spread: tuple[float, float, float]


_UPRIGHT: Mapping[str, _Angles] = {
    "spine1": _Angles(0, (9, 7, 7)),
    "spine2": _Angles(0, (9, 7, 7)),
    "chest": _Angles(0, (9, 7, 7)),
    "neck": _Angles(0, (14, 20, 10)),
    "head": _Angles(0, (14, 22, 10)),
    "clavicle": _Angles(0, (8, 8, 8)),
    "upper_arm": _Angles(5, (45, 40, 40)),
    "forearm": _Angles(0, (45, 40, 8)),
    "hand": _Angles(0, (25, 15, 15)),
    "thigh": _Angles(5, (18, 18, 10)),
    "shin": _Angles(10, (18, 6, 4)),
    "foot": _Angles(0, (18, 12, 10)),
}
_SEATED: Mapping[str, _Angles] = {
    **_UPRIGHT,
    "spine1": _Angles(6, (12, 9, 9)),
    "thigh": _Angles(80, (22, 25, 18)),
    "shin": _Angles(80, (30, 10, 6)),
}
_CROUCHED: Mapping[str, _Angles] = {
    **_UPRIGHT,
    "spine1": _Angles(12, (15, 10, 10)),
    "spine2": _Angles(10, (12, 9, 9)),
    "thigh": _Angles(65, (45, 30, 22)),
    "shin": _Angles(75, (45, 12, 8)),
    "foot": _Angles(0, (25, 12, 10)),
}


class _Posture(NamedTuple):
    """Angles of bones by name, how many people are like this, and how far their hips lean.

    lean_deg: the standard deviations of it, forwards or backwards, and sideways.
    """

    angles: Mapping[str, _Angles]
    share: float
    lean_deg: tuple[float, float]


_POSTURES = (
    _Posture(_UPRIGHT, 0.75, (8.0, 7.0)),
    _Posture(_SEATED, 0.15, (20.0, 12.0)),
    _Posture(_CROUCHED, 0.1, (28.0, 16.0)),
)

_STIFF_DEG = {"shin": -2.0, "forearm": -45.0}
"""How far hinges that bend one way only can be bent the other way."""


@dataclass(frozen=True, eq=False)
class Postures:
    """What is expected of the angles of all bones but the root, for each of B, in rad.

    axes: (B, J - 1, 3, 3), rows are each bone's axes.
    mean, precision: (B, J - 1, 3), of the rotation vectors in those axes.
    stiff: (B, J - 1), the least hinge angle; -inf where there is none.
    lean: (B, 2), the standard deviations of the root's lean, forwards and sideways.
    cost: (B,), minus the log of how likely the posture is, with the log of its spreads.
    """

    axes: Tensor
    mean: Tensor
    precision: Tensor
    stiff: Tensor
    lean: Tensor
    cost: Tensor

    def __len__(self) -> int:
        return len(self.cost)

    def of(self, index: Tensor) -> Postures:
        """Those of an index (N,)."""
        return Postures(**{name: value[index] for name, value in vars(self).items()})

    @property
    def turns(self) -> Tensor:
        """The mean rotations of the bones but the root, (B, J - 1, 3, 3)."""
        return rotation_matrix((self.axes.transpose(2, 3) @ self.mean[..., None])[..., 0])


def postures_of(body: Body, device: torch.device) -> Postures:
    """All postures there are, for the bones of a body: upright, seated, crouched."""
    axes = np.stack([bone_axes(body, bone) for bone in range(1, len(body.bones))])
    names = [name.removeprefix("left_").removeprefix("right_") for name in body.bones[1:]]
    stiff = np.radians([_STIFF_DEG.get(name, -math.inf) for name in names])
    spread = np.radians([[p.angles[name].spread for name in names] for p in _POSTURES])
    hinge = np.radians([[p.angles[name].hinge for name in names] for p in _POSTURES])
    lean = np.radians([p.lean_deg for p in _POSTURES])
    share = np.array([p.share for p in _POSTURES])

    def tensor(values: NDArray[np.float64]) -> Tensor:
        return torch.as_tensor(values.astype(np.float32), device=device)

    return Postures(
        axes=tensor(axes).expand(len(_POSTURES), -1, -1, -1),
        mean=tensor(np.stack([hinge, np.zeros_like(hinge), np.zeros_like(hinge)], axis=-1)),
        precision=tensor(spread**-2.0),
        stiff=tensor(stiff).expand(len(_POSTURES), -1),
        lean=tensor(lean),
        cost=tensor(np.log(spread).sum((1, 2)) + np.log(lean).sum(1) - np.log(share)),
    )


def bone_axes(body: Body, bone: int) -> NDArray[np.float64]:
    """The axes (3, 3) of a bone: the rows are its hinge, along it at rest, and across both.

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
