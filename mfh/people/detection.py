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
    """

    mask: NDArray[np.bool_]
    box_px: NDArray[np.float32]
    score: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.score)


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
    ) -> list[NDArray[np.float32]]:
        """Meshes (P, V, 3) in metres in the camera's frame, for the people of each image.

        Who cannot be measured has NaN for all vertices. All people of all images go through the
        network together.
        """
        ...
