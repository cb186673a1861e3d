"""Mask R-CNN, HMR 2.0 and a body of SMPL's size, with random weights, in the published files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mfh.people.detection import Detections, Detector
from mfh.people.detectors import MaskRCNN
from mfh.people.detectors.mask_rcnn import mask_rcnn_network
from mfh.people.hmr2 import HMR2
from mfh.people.hmr2.checkpoint import CHECKPOINT
from mfh.people.hmr2.regressor import BODY_FILE

# A sphere of latitudes and longitudes with SMPL's 6890 vertices.
_RINGS, _COLUMNS = 82, 84
_JOINTS = 24


def write_full_size_detector(folder: Path) -> int:
    """Write the detector's file; returns how many parameters it has."""
    torch.manual_seed(0)
    network = mask_rcnn_network(0.5)
    folder.mkdir(parents=True)
    torch.save(network.state_dict(), folder / MaskRCNN.file)
    return sum(each.numel() for each in network.parameters())


def write_full_size_hmr2(folder: Path) -> int:
    """Write HMR 2.0's checkpoint; returns how many parameters it has.

    Its readout is small, so that it takes everybody to stand upright in the middle of the crop.
    """
    torch.manual_seed(0)
    network = HMR2()
    head = network.smpl_head
    for readout in (head.decpose, head.decshape, head.deccam):
        torch.nn.init.normal_(readout.weight, std=1e-4)
        torch.nn.init.zeros_(readout.bias)
    path = folder / CHECKPOINT
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": network.state_dict()}, path)
    return sum(each.numel() for each in network.parameters())


def write_body(folder: Path) -> None:
    """Write an egg as tall as a person, of SMPL's arrays."""
    rng = np.random.default_rng(0)
    latitude = np.linspace(0, np.pi, _RINGS + 2)[1:-1, None]
    longitude = np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False)
    ring = [
        np.sin(latitude) * np.cos(longitude),
        np.cos(latitude) + 0 * longitude,
        np.sin(latitude) * np.sin(longitude),
    ]
    points = np.stack(ring, axis=-1).reshape(-1, 3)
    vertices = np.concatenate([[(0, 1, 0)], points, [(0, -1, 0)]]) * (0.25, 0.85, 0.15)
    corner = np.arange((_RINGS - 1) * _COLUMNS).reshape(-1, _COLUMNS)
    a, b = 1 + corner, 1 + np.roll(corner, -1, axis=1)
    faces = [np.stack(each, -1).reshape(-1, 3) for each in ((a, b, a + _COLUMNS),)]
    faces += [np.stack([b, b + _COLUMNS, a + _COLUMNS], -1).reshape(-1, 3)]
    weights = rng.random((len(vertices), _JOINTS)) ** 8
    regressor = rng.random((_JOINTS, len(vertices))) ** 8
    folder.mkdir(parents=True)
    np.savez(
        folder / BODY_FILE,
        v_template=vertices.astype(np.float32),
        shapedirs=rng.normal(0, 1e-3, (len(vertices), 3, 10)).astype(np.float32),
        posedirs=rng.normal(0, 1e-4, (len(vertices), 3, 207)).astype(np.float32),
        J_regressor=(regressor / regressor.sum(1, keepdims=True)).astype(np.float32),
        weights=(weights / weights.sum(1, keepdims=True)).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        parents=np.array([-1, *np.arange(_JOINTS - 1) // 2], np.int32),
    )


class OneEach:
    """A detector that does all its work, and then finds one person in the middle of each image.

    Random weights find nobody, which would leave nothing to measure.
    """

    def __init__(self, detector: Detector) -> None:
        self.name = f"{detector.name}, one person planted in each image"
        self.fingerprint = {"planted": True, **detector.fingerprint}
        self.device = detector.device
        self._detector = detector

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Detections]:
        """Give the planted person of each image."""
        for image, _ in zip(images, self._detector.detect(images), strict=True):
            height, width = image.shape[:2]
            box = np.array([0.4 * width, 0.2 * height, 0.6 * width, 0.9 * height], np.float32)
            mask = np.zeros((1, height, width), np.bool_)
            x0, y0, x1, y1 = box.astype(int)
            mask[0, y0:y1, x0:x1] = True
            yield Detections(mask=mask, box_px=box[None], score=np.ones(1, np.float32))
