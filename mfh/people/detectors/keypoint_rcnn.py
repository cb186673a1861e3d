"""Keypoints of people whom a detector found, by torchvision's Keypoint R-CNN.

Imports torch and torchvision; `mfh.people.detectors` imports it only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import KeypointRCNN as TorchvisionKeypointRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.roi_heads import keypointrcnn_inference
from torchvision.models.detection.transform import resize_boxes, resize_keypoints
from torchvision.ops.misc import FrozenBatchNorm2d

from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people.detection import KEYPOINTS, Detections
from mfh.people.detectors.network import ImageNetwork, compute_in, fill
from mfh.people.detectors.torchvision_file import read_torchvision_file
from mfh.settings import Device, Precision

# Per-keypoint standard deviation of COCO's annotators, as a fraction of the square root of the
# person's area, in the order of `KEYPOINTS` (cocodataset.org/#keypoints-eval, Sec. 1.3).
_ANNOTATOR_SIGMA = (
    *(0.026, 0.025, 0.025, 0.035, 0.035),
    *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
    *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)

_ADVICE = (
    "It must be torchvision's keypointrcnn_resnet50_fpn, COCO_V1; "
    "`mfh models get keypoint-rcnn` gets it"
)

_ImagePeople = tuple[NDArray[np.uint8], Detections]


def keypoint_rcnn_network() -> nn.Module:
    """The untrained Keypoint R-CNN with ResNet-50 and FPN of He et al. 2017 (arXiv:1703.06870)."""
    # The published weights were trained with frozen batch normalisation that adds nothing to the
    # variance; torchvision sets that only where it loads them itself (`overwrite_eps`).
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=partial(FrozenBatchNorm2d, eps=0.0)
    )
    network: nn.Module = TorchvisionKeypointRCNN(
        backbone, num_classes=2, num_keypoints=len(KEYPOINTS)
    )
    return network


class KeypointRCNN(ImageNetwork):
    """The keypoint branch of torchvision's Keypoint R-CNN, ResNet-50 FPN, trained on COCO.

    It looks into the boxes that a detector found, so its own proposals and boxes are not made. See
    `ImageNetwork` for the arguments; the weights are
    `keypointrcnn_resnet50_fpn_coco-fc266e95.pth` as published.

    network: makes the untrained network whose weights the file holds; by default the published one.
    """

    part = "KeypointRCNN"
    file = "keypointrcnn_resnet50_fpn_coco-fc266e95.pth"
    remedy = "use --device cpu"

    def __init__(
        self,
        weights: Weights,
        settings: PeopleSettings = PeopleSettings(),
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        network: Callable[[], nn.Module] | None = None,
    ) -> None:
        super().__init__(weights, settings, device, precision)
        self._untrained = network

    def _depends_on(self) -> Mapping[str, Any]:
        return {}

    def keypoints(
        self, images: Sequence[NDArray[np.uint8]], found: Sequence[Detections]
    ) -> Iterator[Detections]:
        """Give each image's people again, with keypoints and their scores (`keypoint_score`).

        images: (H, W, 3) RGB; they may differ in size.

        Each keypoint is given a place within its person's box, seen or not: one that lies outside
        gets the likeliest place inside. Images without people do not go through the network.

        Raises what `NetworkDetector.detect` raises.
        """
        somebody = [pair for pair in zip(images, found, strict=True) if len(pair[1])]
        located = self._look_at(somebody, lambda pair: pair[0], self._locate)
        return (next(located) if len(each) else _without_people(each) for each in found)

    def _load(self, path: Path) -> nn.Module:
        network = (self._untrained or keypoint_rcnn_network)()
        fill(network, read_torchvision_file(path, _ADVICE), path, _ADVICE)
        parts: Any = network
        for part in (parts.backbone, parts.roi_heads.keypoint_head):
            compute_in(part, self._placement)
        return network

    def _locate(self, network: Any, people: Sequence[_ImagePeople]) -> list[Detections]:
        device = self._placement.device
        heads = network.roi_heads
        counts = [len(found) for _, found in people]
        with torch.inference_mode():
            # RGB in [0, 1], as the network was trained; it resizes and normalises by itself.
            batch, _ = network.transform(
                [torch.tensor(image, device=device).permute(2, 0, 1) / 255 for image, _ in people]
            )
            size, network_size = people[0][0].shape[:2], batch.image_sizes[0]
            boxes_px = torch.cat([torch.tensor(found.box_px) for _, found in people]).to(device)
            boxes = list(torch.split(resize_boxes(boxes_px, size, network_size), counts))
            features = network.backbone(batch.tensors)
            pooled = heads.keypoint_roi_pool(features, boxes, batch.image_sizes)
            heatmaps = heads.keypoint_predictor(heads.keypoint_head(pooled))
            # In the frame of the boxes: the centre of the first pixel is at (0.5, 0.5).
            located, _ = keypointrcnn_inference(heatmaps, boxes)
            keypoints_px = resize_keypoints(torch.cat(located), network_size, size)[..., :2]
            areas_px = torch.cat([_areas_px(found) for _, found in people]).to(device)
            scores = keypoint_score(heatmaps, boxes_px, keypoints_px, areas_px)
        return [
            replace(found, keypoints_px=xy.numpy(), keypoint_score=score.numpy())
            for (_, found), xy, score in zip(
                people,
                torch.split(keypoints_px.cpu(), counts),
                torch.split(scores.cpu(), counts),
                strict=True,
            )
        ]


def keypoint_score(
    heatmaps: Tensor, boxes_px: Tensor, keypoints_px: Tensor, areas_px: Tensor
) -> Tensor:
    """E[exp(-d^2 / (2 area k^2))], the object keypoint similarity to be expected: (P, 17).

    d is the distance in px from where a keypoint was put to where it is, k COCO's tolerance for it
    (cocodataset.org/#keypoints-eval). The probability of each place is the softmax of the heat map,
    as the network learns by cross-entropy; the height of its peak, torchvision's own score, is left
    free by that.

    In [0, 1]: 0.9 where the network is as sure as annotators agree among themselves, about half
    where two places far apart are equally likely. It presumes a keypoint in the box, as training
    does.

    heatmaps: (P, 17, S, S), logits. boxes_px: (P, 4). keypoints_px: (P, 17, 2).
    areas_px: (P,), of each person's mask.
    """
    side = heatmaps.shape[-1]
    probability = heatmaps.flatten(2).softmax(-1).reshape(heatmaps.shape)
    cell = (torch.arange(side, device=heatmaps.device) + 0.5) / side
    corner_px, extent_px = boxes_px[:, :2], boxes_px[:, 2:] - boxes_px[:, :2]
    centres_px = corner_px[..., None] + extent_px[..., None] * cell  # (P, 2, S)
    k = 2 * torch.tensor(_ANNOTATOR_SIGMA, device=heatmaps.device)
    tolerance_px = areas_px.clamp(min=1).sqrt()[:, None] * k  # (P, 17)
    away = (centres_px[:, None] - keypoints_px[..., None]) / tolerance_px[..., None, None]
    across, down = torch.exp(-(away**2) / 2).unbind(2)
    return torch.einsum("pkyx,pky,pkx->pk", probability, down, across)


def _areas_px(found: Detections) -> Tensor:
    return torch.tensor(found.mask.sum(axis=(1, 2), dtype=np.float32))


def _without_people(found: Detections) -> Detections:
    return replace(
        found,
        keypoints_px=np.zeros((0, len(KEYPOINTS), 2), np.float32),
        keypoint_score=np.zeros((0, len(KEYPOINTS)), np.float32),
    )
