"""People found by detectron2's ViTDet, the paper's detector.

Imports torch; `mfh.people.detectors` imports it only when it is asked for, and detectron2 only when
its network is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from mfh.people.detection import Detections
from mfh.people.detectors.model_zoo_file import read_model_zoo_file
from mfh.people.detectors.network import NetworkDetector, compute_in, fill
from mfh.people.detectors.vitdet_network import vitdet_network

PERSON = 0
"""COCO's first class; detectron2 puts the background last."""

_ADVICE = (
    "It must be cascade_mask_rcnn_vitdet_h, model_final_f05665.pkl, of detectron2's model zoo; "
    "`mfh models get vitdet-h` gets it"
)
# Constants that checkpoints of older versions of detectron2 hold beside the weights.
_CONSTANTS = ("pixel_mean", "pixel_std", "proposal_generator.anchor_generator.cell_anchors")


class ViTDet(NetworkDetector):
    """detectron2's cascade Mask R-CNN with ViTDet-H, trained on COCO (reference `HMR2Pipeline`).

    A detection counts where it is a person with a score above `settings.min_score`, a pixel where
    its mask probability, brought to the image's size, is at least `settings.mask_threshold`. See
    `NetworkDetector` for the arguments; the weights are `model_final_f05665.pkl` as published, a
    pickle that is read without running anything in it.

    Detecting raises `MissingPartError` where detectron2 is not installed.
    """

    part = "ViTDet"
    file = "model_final_f05665.pkl"
    remedy = "use --set people.detector=mask-rcnn, or --device cpu"

    def _load(self, path: Path) -> nn.Module:
        network = (self._untrained or vitdet_network)(self._settings.min_score)
        tensors = read_model_zoo_file(path)
        weights = {name: t for name, t in tensors.items() if not name.startswith(_CONSTANTS)}
        fill(network, weights, path, _ADVICE)
        parts: Any = network
        # Upstream trains it in mixed precision.
        for part in (parts.backbone, *parts.roi_heads.box_head):
            compute_in(part, self._placement)
        return network

    def _find(self, network: Any, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        side_px = network.backbone.padding_constraints["square_size"]
        with torch.inference_mode():
            # Without its own postprocessing, which would bring the masks of everything else to the
            # image's size, too.
            found = network.inference(
                [{"image": _network_input(image, side_px)} for image in images],
                do_postprocess=False,
            )
            return [
                self._people(each, image.shape[:2])
                for each, image in zip(found, images, strict=True)
            ]

    def _people(self, found: Any, size: tuple[int, int]) -> Detections:
        """The people among what was found at the network's size, at the image's size (H, W)."""
        from detectron2.modeling.postprocessing import detector_postprocess  # noqa: PLC0415

        person = (found.pred_classes == PERSON) & (found.scores > self._settings.min_score)
        people = detector_postprocess(
            found[person].to("cpu"), *size, mask_threshold=self._settings.mask_threshold
        )
        return Detections(
            mask=people.pred_masks.numpy().astype(np.bool_),
            box_px=people.pred_boxes.tensor.numpy().astype(np.float32),
            score=people.scores.numpy().astype(np.float32),
        )


def _network_input(image: NDArray[np.uint8], side_px: int) -> Tensor:
    """An image (3, h, w) in RGB, 0 to 255, its longer side `side_px`, as upstream tests with.

    Upstream resizes with Pillow (`ResizeShortestEdge` with equal limits for both sides).
    """
    height, width = image.shape[:2]
    scale = side_px / max(height, width)
    size = (int(width * scale + 0.5), int(height * scale + 0.5))
    resized = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    return torch.tensor(np.asarray(resized)).permute(2, 0, 1).float()
