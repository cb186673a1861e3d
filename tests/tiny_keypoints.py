"""A tiny random Keypoint R-CNN in the official format, and a stand-in whose heat maps are planted.

`write_tiny_keypoint_rcnn(folder)` writes the weights file; the class reads it when it is told the
tiny network: `KeypointRCNN(Weights.local(folder), settings, network=tiny_keypoint_network)`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.detection import KeypointRCNN as TorchvisionKeypointRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.ops.misc import FrozenBatchNorm2d

from mfh.people.detectors import KeypointRCNN

_CHANNELS = 16
_SHORT_SIDE_PX = 160


def tiny_keypoint_network() -> nn.Module:
    """The official architecture with fewer layers and channels."""
    resnet = ResNet(Bottleneck, [1, 1, 1, 1], width_per_group=4, norm_layer=FrozenBatchNorm2d)
    del resnet.fc
    backbone = BackboneWithFPN(
        resnet,
        return_layers={f"layer{level}": str(level - 1) for level in (1, 2, 3, 4)},
        in_channels_list=[256, 512, 1024, 2048],
        out_channels=_CHANNELS,
    )
    anchors = AnchorGenerator(
        sizes=tuple((size,) for size in (60, 65, 70, 75, 80)), aspect_ratios=((2.0,),) * 5
    )
    return TorchvisionKeypointRCNN(
        backbone,
        min_size=_SHORT_SIDE_PX,
        max_size=2 * _SHORT_SIDE_PX,
        rpn_anchor_generator=anchors,
        rpn_pre_nms_top_n_test=100,
        rpn_post_nms_top_n_test=50,
        box_head=TwoMLPHead(_CHANNELS * 7**2, 32),
        box_predictor=FastRCNNPredictor(32, 2),
        keypoint_head=KeypointRCNNHeads(_CHANNELS, (_CHANNELS,) * 8),
        keypoint_predictor=KeypointRCNNPredictor(_CHANNELS, 17),
        box_nms_thresh=0.3,
        box_detections_per_img=4,
    )


def write_tiny_keypoint_rcnn(folder: Path, *, seed: int = 0) -> Path:
    """Write the weights of a `tiny_keypoint_network` into a folder, under the official name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = tiny_keypoint_network()
    tensors = network.state_dict()
    tensors["roi_heads.box_predictor.cls_score.bias"].copy_(torch.tensor([0.0, 8.0]))
    # Heat maps with peaks, as training makes them.
    tensors["roi_heads.keypoint_predictor.kps_score_lowres.weight"].mul_(40)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KeypointRCNN.file
    torch.save(tensors, path)
    return path


# Heat maps (P, 17, S, S), given boxes (P, 4) at the size (h, w) that the network sees.
PlantedHeatmaps = Callable[[Tensor, tuple[int, int]], Tensor]


class PlantedKeypoints(nn.Module):
    """The real preprocessing and decoding, between them heat maps that a test plants."""

    def __init__(self, planted: PlantedHeatmaps, short_side_px: int = 200) -> None:
        super().__init__()
        self.transform = GeneralizedRCNNTransform(
            short_side_px, 4 * short_side_px, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        )
        self.backbone = nn.Identity()
        self.roi_heads = nn.Module()
        self.roi_heads.keypoint_roi_pool = _PlantedPool(planted)
        self.roi_heads.keypoint_head = nn.Identity()
        self.roi_heads.keypoint_predictor = nn.Identity()
        self.weight = nn.Parameter(torch.ones(1))


class _PlantedPool(nn.Module):
    def __init__(self, planted: PlantedHeatmaps) -> None:
        super().__init__()
        self.planted = planted

    def forward(self, images: Tensor, boxes: list[Tensor], sizes: list[tuple[int, int]]) -> Tensor:
        return torch.cat([self.planted(*pair) for pair in zip(boxes, sizes, strict=True)])
