"""People found by torchvision's Mask R-CNN.

Imports torch and torchvision; `mfh.people.detectors` imports it only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import maskrcnn_resnet50_fpn_v2
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.transform import resize_boxes

from mfh.people.detection import Detections
from mfh.people.detectors.network import NetworkDetector, compute_in, fill
from mfh.people.detectors.torchvision_file import read_torchvision_file

PERSON = 1
"""Its place in the `categories` of the published weights; 0 is the background."""

_ADVICE = (
    "It must be torchvision's maskrcnn_resnet50_fpn_v2, COCO_V1; `mfh models get mask-rcnn` gets it"
)


def mask_rcnn_network(min_score: float) -> nn.Module:
    """The untrained Mask R-CNN with ResNet-50 and FPN of Li et al. 2021 (arXiv:2111.11429).

    min_score: of detections; lower ones never suppress higher ones, so it changes no other.
    """
    network: nn.Module = maskrcnn_resnet50_fpn_v2(
        weights=None, weights_backbone=None, box_score_thresh=min_score
    )
    return network


class MaskRCNN(NetworkDetector):
    """torchvision's Mask R-CNN, ResNet-50 FPN v2, trained on COCO.

    A detection counts where it is a person with a score above `settings.min_score`, a pixel where
    its mask probability, brought to the image's size, is above `settings.mask_threshold`. See
    `NetworkDetector` for the arguments; the weights are
    `maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth` as published.
    """

    part = "MaskRCNN"
    file = "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth"
    remedy = "use --device cpu"

    def _load(self, path: Path) -> nn.Module:
        network = (self._untrained or mask_rcnn_network)(self._settings.min_score)
        fill(network, read_torchvision_file(path, _ADVICE), path, _ADVICE)
        parts: Any = network
        # The box head sees up to 1000 proposals an image and costs more than the backbone.
        for part in (parts.backbone, parts.roi_heads.box_head, parts.roi_heads.mask_head):
            compute_in(part, self._placement)
        return network

    def _find(self, network: Any, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        with torch.inference_mode():
            # RGB in [0, 1], as the network was trained; it resizes and normalises by itself.
            tensors = [
                torch.tensor(image, device=self._placement.device).permute(2, 0, 1) / 255
                for image in images
            ]
            # Its forward() would also bring the masks of everything else to the image's size.
            batch, _ = network.transform(tensors)
            features = network.backbone(batch.tensors)
            proposals, _ = network.rpn(batch, features)
            found, _ = network.roi_heads(features, proposals, batch.image_sizes)
            return [
                self._people(each, size, image.shape[:2])
                for each, size, image in zip(found, batch.image_sizes, images, strict=True)
            ]

    def _people(
        self, found: dict[str, Tensor], network_size: tuple[int, int], size: tuple[int, int]
    ) -> Detections:
        """The people among what was found at the network's size, at the image's size (H, W)."""
        person = (found["labels"] == PERSON) & (found["scores"] > self._settings.min_score)
        boxes = resize_boxes(found["boxes"][person].cpu(), network_size, size)
        probabilities = found["masks"][person].cpu()
        masks = np.zeros((len(boxes), *size), np.bool_)
        # One by one: at the image's size a map of probabilities takes four times a mask.
        for mask, probability, box in zip(masks, probabilities, boxes, strict=True):
            pasted = paste_masks_in_image(probability[None], box[None], size)
            mask[:] = pasted[0, 0].numpy() > self._settings.mask_threshold
        return Detections(
            mask=masks,
            box_px=boxes.numpy().astype(np.float32),
            score=found["scores"][person].cpu().numpy().astype(np.float32),
        )
