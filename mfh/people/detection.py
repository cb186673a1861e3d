"""What a detector of people gives, and what one must offer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics


@dataclass(frozen=True, eq=False)
class Detections:
    """The people found in one image, the most certain first.

    mask: (P, H, W) bool, instance masks at the image's size.
    box_px: (P, 4) float32, x0 y0 x1 y1 in px of the image, (0, 0) the corner of its first pixel.
    score: (P,) float32, confidence in [0, 1].
    keypoints_px: (P, 17, 2) float32, x y of COCO's keypoints (`KEYPOINTS`), in the frame of
        `box_px`; None where they were not looked for.
    keypoint_score: (P, 17) float32, confidence in each, in [0, 1]; None with `keypoints_px`.
    """

    mask: NDArray[np.bool_]
    box_px: NDArray[np.float32]
    score: NDArray[np.float32]
    keypoints_px: NDArray[np.float32] | None = None
    keypoint_score: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True, eq=False)
class Meshes:
    """The people of one image as a mesh regressor measured them.

    vertices_m: (P, V, 3) float32, in metres in the camera's frame; NaN for who was not measured.
    relative_error: (P,) float32, 1 sigma of each mesh's distance as a fraction; NaN where the
        regressor cannot tell.
    refused: P texts, why somebody was not measured, in words that follow "somebody"; "" for who
        was.
    """

    vertices_m: NDArray[np.float32]
    relative_error: NDArray[np.float32]
    refused: tuple[str, ...]


KEYPOINTS = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
"""COCO's keypoints, in its order; left is the person's own."""


class Detector(Protocol):
    """Finds people."""

    name: str

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its result depends on besides its inputs, plain JSON."""
        ...

    @property
    def device(self) -> str:
        """Where it computes, in words."""
        ...

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> Iterable[Detections]:
        """Give the people of each image (H, W, 3) RGB, in order; images may differ in size."""
        ...


class MeshRegressor(Protocol):
    """Measures the people that a detector found."""

    name: str

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its result depends on besides its inputs, plain JSON."""
        ...

    @property
    def device(self) -> str:
        """Where it computes, in words."""
        ...

    @property
    def faces(self) -> NDArray[np.int32]:
        """(F, 3), the triangles that all its meshes share."""
        ...

    def regress(
        self,
        images: Sequence[NDArray[np.uint8]],
        found: Sequence[Detections],
        camera: Intrinsics,
        prompts: Sequence[str] = (),
    ) -> list[Meshes]:
        """The meshes of the people of each image; all people of all images are done together.

        prompts: what each image's painting was asked for, "" for the photo itself.
        """
        ...
