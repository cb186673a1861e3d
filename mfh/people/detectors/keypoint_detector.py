"""A detector that gives keypoints, too: one part finds people, another their keypoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mfh.people.detection import Detections, Detector


class KeypointFinder(Protocol):
    """Finds keypoints of people who were found."""

    name: str

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its result depends on besides its inputs, plain JSON."""
        ...

    @property
    def device(self) -> str:
        """Where it computes, in words."""
        ...

    def keypoints(
        self, images: Sequence[NDArray[np.uint8]], found: Sequence[Detections]
    ) -> Iterator[Detections]:
        """Give each image's people again, with keypoints and their scores."""
        ...


class KeypointDetector:
    """People as one part finds them, with keypoints as another does (`Detector`).

    detector: finds people, their masks and boxes.
    keypoints: finds the keypoints of these, in their boxes.
    """

    def __init__(self, detector: Detector, keypoints: KeypointFinder) -> None:
        self.name = f"{detector.name}, {keypoints.name}"
        self._detector = detector
        self._keypoints = keypoints

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything the detections depend on besides the images."""
        return {
            "part": "people with keypoints",
            "detector": self._detector.fingerprint,
            "keypoints": self._keypoints.fingerprint,
        }

    @property
    def device(self) -> str:
        """Where it computes, in words."""
        return ", ".join(dict.fromkeys((self._detector.device, self._keypoints.device)))

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Detections]:
        """Give the people of each image (H, W, 3) RGB, with keypoints, in order.

        Raises what the two parts raise: weights or packages that are missing, too little memory.
        """
        return self._keypoints.keypoints(images, list(self._detector.detect(images)))
