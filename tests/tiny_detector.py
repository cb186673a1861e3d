"""A tiny random Mask R-CNN in the official format, and stand-ins whose detections are planted.

`write_tiny_mask_rcnn(folder)` writes the weights file; the class reads it when it is told the tiny
network: `MaskRCNN(Weights.local(folder), settings, network=tiny_network)`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN as TorchvisionMaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import Bottleneck, ResNet

from mfh.people.detectors import MaskRCNN

_CHANNELS = 16
_CLASSES = 91
_SHORT_SIDE_PX = 160
_PEOPLE = 4


def tiny_network(min_score: float) -> nn.Module:
    """The official architecture with fewer layers and channels, for people upright and tall."""
    resnet = ResNet(Bottleneck, [1, 1, 1, 1], width_per_group=4)
    del resnet.fc
    backbone = BackboneWithFPN(
        resnet,
        return_layers={f"layer{level}": str(level - 1) for level in (1, 2, 3, 4)},
        in_channels_list=[256, 512, 1024, 2048],
        out_channels=_CHANNELS,
        norm_layer=nn.BatchNorm2d,
    )
    # Anchors alone decide how large these detections are: about half as wide as tall.
    anchors = AnchorGenerator(
        sizes=tuple((size,) for size in (60, 65, 70, 75, 80)), aspect_ratios=((2.0,),) * 5
    )
    return TorchvisionMaskRCNN(
        backbone,
        min_size=_SHORT_SIDE_PX,
        max_size=2 * _SHORT_SIDE_PX,
        rpn_anchor_generator=anchors,
        rpn_head=RPNHead(_CHANNELS, 1, conv_depth=2),
        rpn_pre_nms_top_n_test=100,
        rpn_post_nms_top_n_test=50,
        box_head=FastRCNNConvFCHead((_CHANNELS, 7, 7), [_CHANNELS] * 4, [32], nn.BatchNorm2d),
        box_predictor=FastRCNNPredictor(32, _CLASSES),
        mask_head=MaskRCNNHeads(_CHANNELS, [_CHANNELS] * 4, 1, norm_layer=nn.BatchNorm2d),
        mask_predictor=MaskRCNNPredictor(_CHANNELS, _CHANNELS, _CLASSES),
        box_score_thresh=min_score,
        box_nms_thresh=0.3,
        box_detections_per_img=_PEOPLE,
    )


def write_tiny_mask_rcnn(folder: Path, *, finds_people: bool = True, seed: int = 0) -> Path:
    """Write the weights of a `tiny_network` into a folder, under the official name.

    finds_people: four people in every image, somewhere, masks filling most of their boxes; else
        nobody.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = tiny_network(0.5)
    tensors = network.state_dict()
    certain = tensors["roi_heads.box_predictor.cls_score.bias"]
    certain.zero_()
    certain[1 if finds_people else 0] = 8
    tensors["roi_heads.mask_predictor.mask_fcn_logits.bias"].fill_(2)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MaskRCNN.file
    torch.save(tensors, path)
    return path


def blocks(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """An image of coloured blocks, in which a random network finds something."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)
    return np.kron(colours, np.ones((20, 20, 1), np.uint8))


# Boxes, labels, scores and 28 x 28 mask probabilities, given the image as the network sees it.
Planted = Callable[[Tensor], dict[str, Tensor]]


class PlantedNetwork(nn.Module):
    """The real preprocessing, and then what a test plants, at the size the network sees.

    planted: told each image (3, h, w) as it is after preprocessing.
    """

    def __init__(self, planted: Planted, short_side_px: int = 200) -> None:
        super().__init__()
        self.transform = GeneralizedRCNNTransform(
            short_side_px, 4 * short_side_px, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        )
        self.backbone = _Images()
        self.rpn = _NoProposals()
        self.roi_heads = _PlantedHeads(planted)
        self.weight = nn.Parameter(torch.ones(1))


class _Images(nn.Module):
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"images": images}


class _NoProposals(nn.Module):
    def forward(self, images: object, features: object) -> tuple[None, dict[str, Tensor]]:
        return None, {}


class _PlantedHeads(nn.Module):
    def __init__(self, planted: Planted) -> None:
        super().__init__()
        self.planted = planted
        self.box_head = nn.Identity()
        self.mask_head = nn.Identity()

    def forward(
        self, features: dict[str, Tensor], proposals: None, sizes: list[tuple[int, int]]
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        images = features["images"]
        found = [
            self.planted(image[:, :height, :width])
            for image, (height, width) in zip(images, sizes, strict=True)
        ]
        return found, {}
