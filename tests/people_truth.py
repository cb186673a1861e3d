"""The people on whom the people fitter is judged, as `scripts/make_test_people.py` made them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_FILE = Path(__file__).resolve().parent / "data" / "people.npz"

Split = Literal["development", "held out"]
"""Those of "held out" judge and do nothing else; the others are for working on the fitter."""

STATURE_M = {"a man": (1.75, 0.07), "a woman": (1.62, 0.065)}
"""Mean and standard deviation of the adults' statures."""


@dataclass(frozen=True, eq=False)
class Person:
    """A posed body: x right, y down, z back; it faces -z, its feet on y = 0, hips over the origin.

    vertices_m: (V, 3) float32; faces: (F, 3) int32, the same for everybody.
    keypoints_m: (17, 3) float32, COCO's: tip of the nose, pupils, middles of the ears, then the
        joints of the skeleton.
    stature_m: standing height, whatever the pose.
    prompt: "a man", "a woman" or "a child".
    kind: "standing", "walking", "sitting", "sitting on the floor" or "crouching".
    """

    vertices_m: NDArray[np.float32] = field(repr=False)
    faces: NDArray[np.int32] = field(repr=False)
    keypoints_m: NDArray[np.float32] = field(repr=False)
    stature_m: float
    years: float
    prompt: str
    kind: str

    @property
    def is_child(self) -> bool:
        """Whether they are 3 to 13 years old; everybody else is an adult."""
        return self.prompt == "a child"


@functools.cache
def load_people(split: Split) -> tuple[Person, ...]:
    """Everybody of a split; read once."""
    with np.load(_FILE, allow_pickle=False) as stored:
        steps = np.cumsum(stored["vertex_difference"], axis=1, dtype=np.int32)
        vertices_m = (steps.transpose(2, 1, 0) * stored["step_m"]).astype(np.float32)
        faces = stored["faces"].astype(np.int32)
        return tuple(
            Person(
                vertices_m[i],
                faces,
                stored["keypoints_m"][i],
                float(stored["stature_m"][i]),
                float(stored["years"][i]),
                str(stored["prompt"][i]),
                str(stored["kind"][i]),
            )
            for i in np.flatnonzero(stored["split"] == split)
        )
