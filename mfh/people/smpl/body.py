"""The SMPL body in PyTorch (Loper et al., "SMPL: A Skinned Multi-Person Linear Model", 2015).

With shape coefficients b and joint rotations R (the paper's section 3, Eqs. 2 to 10):

    v_shaped = v_template + shapedirs b                            (Eq. 8)
    J        = J_regressor v_shaped                                (Eq. 10)
    v_posed  = v_shaped + posedirs vec(R_1 - I, ..., R_K - I)      (Eqs. 6, 9)
    G_k      = G_parent(k) [R_k | J_k - J_parent(k)]               (Eq. 4)
    v        = sum_k w_k (G_k v_posed - G_k,rotation J_k)          (Eqs. 2, 3, 7)

This module imports torch; `mfh.people.smpl` imports it when it is first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfh.errors import InputError, ModelError
from mfh.files.reading import read_npz

_REMEDY = "make it again with `mfh models add smpl FILE`"


@dataclass(frozen=True, eq=False)
class SmplBody:
    """A body: V vertices, J joints, B shape coefficients; all tensors float32 on one device.

    faces: (F, 3) int32, indices of vertices.
    template_m: (V * 3,), the mean body at rest, in metres.
    shape_directions: (B, V * 3), metres for one unit of each coefficient.
    pose_directions: (9 (J - 1), V * 3), metres for one unit of each entry of R - I.
    joints_m: (J * 3,) and joint_directions: (B, J * 3), the joints of the mean body, and how they
        move with shape: the joint regressor, applied once.
    weights: (V, J), how far each vertex follows each joint.
    levels: the joints with their parents, one pair of index tensors for each step away from the
        root.
    """

    faces: NDArray[np.int32]
    template_m: Tensor
    shape_directions: Tensor
    pose_directions: Tensor
    joints_m: Tensor
    joint_directions: Tensor
    weights: Tensor
    levels: tuple[tuple[Tensor, Tensor], ...]

    @property
    def device(self) -> torch.device:
        """Where the body computes."""
        return self.template_m.device

    @torch.no_grad()
    def vertices(self, global_orient: Tensor, body_pose: Tensor, betas: Tensor) -> Tensor:
        """Vertices (P, V, 3) float32 in metres of P people.

        global_orient: (P, 1, 3, 3), rotation of the root joint, out of SMPL's frame: x to the
            person's left, y up, z ahead.
        body_pose: (P, J - 1, 3, 3), rotation of each other joint in its parent's frame.
        betas: (P, B), shape coefficients.

        Computed in float32 whatever the precision of the arguments or of the caller's autocast.
        Raises `InputError` for other shapes.
        """
        count, joints = len(betas), self.weights.shape[1]
        expected = {
            "global_orient": (global_orient, (count, 1, 3, 3)),
            "body_pose": (body_pose, (count, joints - 1, 3, 3)),
            "betas": (betas, (count, len(self.shape_directions))),
        }
        for name, (given, size) in expected.items():
            if given.shape != size:
                raise InputError(f"SMPL: {name} is {tuple(given.shape)}; expected {size}")
        with torch.autocast(self.device.type, enabled=False):
            rotations, shape = (
                tensor.to(self.device, torch.float32)
                for tensor in (torch.cat([global_orient, body_pose], dim=1), betas)
            )
            joints_m = (self.joints_m + shape @ self.joint_directions).reshape(count, joints, 3)
            bent = rotations[:, 1:] - torch.eye(3, device=self.device)
            posed_m = self.template_m + shape @ self.shape_directions
            posed_m = posed_m + bent.reshape(count, 9 * (joints - 1)) @ self.pose_directions
            transforms = self._transforms(rotations, joints_m)
            blended = self.weights @ transforms.reshape(count, joints, 12)
            blended = blended.reshape(count, len(self.weights), 3, 4)
            posed_m = posed_m.reshape(count, len(self.weights), 3)
            return _turn(blended[..., :3], posed_m) + blended[..., 3]

    def _transforms(self, rotations: Tensor, joints_m: Tensor) -> Tensor:
        """How each joint moves the vertices of the body at rest, (P, J, 3, 4) [rotation | m]."""
        turned = rotations.clone()
        placed_m = joints_m.clone()
        for children, parents in self.levels:
            bone_m = joints_m[:, children] - joints_m[:, parents]
            placed_m[:, children] = placed_m[:, parents] + _turn(turned[:, parents], bone_m)
            turned[:, children] = turned[:, parents] @ rotations[:, children]
        moved_m = placed_m - _turn(turned, joints_m)
        return torch.cat([turned, moved_m[..., None]], dim=-1)


def load_body(path: Path, device: torch.device | str = "cpu") -> SmplBody:
    """The body in an `.npz` that `convert_smpl` wrote, on a device.

    The numbers of vertices, joints, faces and coefficients are the file's.

    Raises `InputError` where the file is missing or damaged, or its arrays do not fit together.
    """
    path = Path(path)
    arrays = read_npz(path)
    _check(arrays, path)
    vertices, joints = arrays["weights"].shape
    # The joints are linear in the shape: regressed here once, in double precision.
    template_m, shapedirs, regressor = (
        arrays[name].astype(np.float64) for name in ("v_template", "shapedirs", "J_regressor")
    )
    posedirs = arrays["posedirs"].reshape(vertices * 3, -1)

    def tensor(array: NDArray[Any]) -> Tensor:
        return torch.tensor(np.ascontiguousarray(array, np.float32), device=device)

    return SmplBody(
        faces=arrays["faces"].astype(np.int32),
        template_m=tensor(template_m.reshape(-1)),
        shape_directions=tensor(shapedirs.reshape(vertices * 3, -1).T),
        pose_directions=tensor(posedirs.T),
        joints_m=tensor((regressor @ template_m).reshape(-1)),
        joint_directions=tensor(
            np.tensordot(regressor, shapedirs, axes=1).reshape(joints * 3, -1).T
        ),
        weights=tensor(arrays["weights"]),
        levels=tuple(
            (torch.tensor(children, device=device), torch.tensor(parents, device=device))
            for children, parents in _levels(arrays["parents"])
        ),
    )


def _check(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Refuse arrays that are not all there or do not fit together."""
    names = "v_template", "shapedirs", "posedirs", "J_regressor", "weights", "faces", "parents"
    lacking = [name for name in names if name not in arrays]
    if lacking:
        raise ModelError(f"{path}: lacks {', '.join(lacking)}; {_REMEDY}")
    vertices, joints, faces = (
        arrays[name].shape[0] if arrays[name].ndim else 0
        for name in ("v_template", "parents", "faces")
    )
    expected: dict[str, tuple[int, ...]] = {
        "v_template": (vertices, 3),
        "shapedirs": (
            vertices,
            3,
            arrays["shapedirs"].shape[-1] if arrays["shapedirs"].ndim else 0,
        ),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
        "faces": (faces, 3),
        "parents": (joints,),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ModelError(
                f"{path}: {name} is {arrays[name].shape}, but of {vertices} vertices and {joints} "
                f"joints it is {shape}; {_REMEDY}"
            )
        if arrays[name].dtype.kind != ("i" if name in ("faces", "parents") else "f"):
            raise ModelError(f"{path}: {name} is of type {arrays[name].dtype}; {_REMEDY}")
    indices, parents = arrays["faces"], arrays["parents"]
    if not joints or not (
        parents[0] == -1 and ((parents >= 0) & (parents < np.arange(joints)))[1:].all()
    ):
        raise ModelError(
            f"{path}: parents is {parents.tolist()}; expected -1, then earlier joints; {_REMEDY}"
        )
    if indices.size and not 0 <= indices.min() <= indices.max() < vertices:
        raise ModelError(f"{path}: faces refer to vertices that are not there; {_REMEDY}")


def _levels(parents: NDArray[np.int32]) -> list[tuple[list[int], list[int]]]:
    """The joints one step from the root and their parents, those two steps from it, ..."""
    steps = [0] * len(parents)
    for joint in range(1, len(parents)):
        steps[joint] = steps[parents[joint]] + 1
    levels = []
    for step in range(1, max(steps) + 1):
        children = [joint for joint, its_step in enumerate(steps) if its_step == step]
        levels.append((children, [int(parents[joint]) for joint in children]))
    return levels


def _turn(rotations: Tensor, vectors: Tensor) -> Tensor:
    """Rotations (..., 3, 3) applied to vectors (..., 3)."""
    # Neither a matrix product, slow for many small ones, nor open to reduced precision on a GPU.
    return (rotations * vectors[..., None, :]).sum(dim=-1)
