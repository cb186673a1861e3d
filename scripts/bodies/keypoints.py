"""COCO's 17 keypoints of a posed body."""

from __future__ import annotations

import numpy as np

from bodies.mesh import Array, Faces
from bodies.posing import Posed
from bodies.wardrobe import Wardrobe

# After nose, eyes and ears, in COCO's order: joints of the MakeHuman skeleton, each at the head of
# the bone that it starts.
BONES = ("upperarm01", "lowerarm01", "wrist", "upperleg01", "lowerleg01", "foot")


class Keypoints:
    """Where COCO's keypoints are: on the face points of the mesh, elsewhere joints.

    Nose: its tip. Eyes: the middle of the pupil's place, the foremost point of the eyeball. Ears:
    the middle of the ear.
    """

    def __init__(self, wardrobe: Wardrobe) -> None:
        makehuman, mean = wardrobe.makehuman, wardrobe.mean.vertices
        body = np.unique(wardrobe.body)
        # Nothing of a standing body's head reaches farther forward, which is -z, than the nose.
        head = body[makehuman.share("head")[body] > 0.5]
        ears = np.intersect1d(body, np.flatnonzero(wardrobe.ears))
        eyes = [np.unique(makehuman.quads[f"helper-{side}-eye"]) for side in "lr"]
        self._points: list[Faces] = [
            _foremost(head, mean),
            *(_foremost(eye, mean) for eye in eyes),
            ears[mean[ears, 0] > 0],
            ears[mean[ears, 0] < 0],
        ]
        labels = list(makehuman.model.bone_labels)
        self._joints = [labels.index(f"{bone}.{side}") for bone in BONES for side in "LR"]

    def of(self, posed: Posed) -> Array:
        """The keypoints (17, 3) of a posed body, in its frame; left is the person's own."""
        face = [posed.vertices[points].mean(axis=0) for points in self._points]
        return np.concatenate([face, posed.joints[self._joints]])


def _foremost(chosen: Faces, vertices: Array) -> Faces:
    """The one of the chosen vertices that is farthest forward, (1,)."""
    return chosen[[vertices[chosen, 2].argmin()]]
