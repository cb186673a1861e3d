"""The network of ViTDet (Li et al. 2022, arXiv:2203.16527), put together from detectron2's parts.

detectron2 is on no package registry, and so is imported only when the network is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mfh.errors import MissingPartError
from mfh.models import find_model
from mfh.models.needs import packages_remedy

if TYPE_CHECKING:
    from torch import nn

_LEVELS = ("p2", "p3", "p4", "p5")
_STRIDES = (4, 8, 16, 32)


@dataclass(frozen=True, kw_only=True)
class ViTDetConfig:
    """Sizes of a ViTDet cascade Mask R-CNN; the defaults are the published ViTDet-H's.

    image_px: side of the square that images are padded to.
    embed_dim, depth, num_heads: of the plain vision transformer; after each quarter of the depth a
        block attends globally, the others within windows.
    channels, box_features: of the feature pyramid and of the box heads' last layer.
    proposals: regions an image that the box heads look at.
    """

    image_px: int = 1024
    embed_dim: int = 1280
    depth: int = 32
    num_heads: int = 16
    channels: int = 256
    box_features: int = 1024
    proposals: int = 1000


def vitdet_network(min_score: float, config: ViTDetConfig = ViTDetConfig()) -> nn.Module:
    """The untrained cascade Mask R-CNN with a plain vision transformer as its backbone.

    Structure and constants are those of detectron2's
    `projects/ViTDet/configs/COCO/cascade_mask_rcnn_vitdet_h_75ep.py` and the files it refers to;
    what matters in training alone is left at its default.

    min_score: of detections; lower ones never suppress higher ones, so it changes no other.

    Raises `MissingPartError` where detectron2, or timm, of which its blocks are made, is not
    installed.
    """
    remedy = packages_remedy(find_model("vitdet-h"))
    if remedy:
        raise MissingPartError(remedy)
    from detectron2.modeling import GeneralizedRCNN  # noqa: PLC0415 - see the module's docstring

    network: nn.Module = GeneralizedRCNN(
        backbone=_backbone(config),
        proposal_generator=_proposal_generator(config),
        roi_heads=_roi_heads(config, min_score),
        pixel_mean=(123.675, 116.28, 103.53),
        pixel_std=(58.395, 57.12, 57.375),
        input_format="RGB",
    )
    return network


def _backbone(config: ViTDetConfig) -> Any:
    from detectron2.modeling import SimpleFeaturePyramid, ViT  # noqa: PLC0415
    from detectron2.modeling.backbone.fpn import LastLevelMaxPool  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    quarter = config.depth // 4
    vit = ViT(
        img_size=config.image_px,
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.num_heads,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=14,
        window_block_indexes=[i for i in range(config.depth) if (i + 1) % quarter],
        out_feature="last_feat",
    )
    return SimpleFeaturePyramid(
        net=vit,
        in_feature="last_feat",
        out_channels=config.channels,
        scale_factors=(4.0, 2.0, 1.0, 0.5),
        top_block=LastLevelMaxPool(),
        norm="LN",
        square_pad=config.image_px,
    )


def _proposal_generator(config: ViTDetConfig) -> Any:
    from detectron2.modeling.anchor_generator import DefaultAnchorGenerator  # noqa: PLC0415
    from detectron2.modeling.box_regression import Box2BoxTransform  # noqa: PLC0415
    from detectron2.modeling.matcher import Matcher  # noqa: PLC0415
    from detectron2.modeling.proposal_generator import RPN, StandardRPNHead  # noqa: PLC0415

    return RPN(
        in_features=[*_LEVELS, "p6"],
        head=StandardRPNHead(in_channels=config.channels, num_anchors=3, conv_dims=[-1, -1]),
        anchor_generator=DefaultAnchorGenerator(
            sizes=[[32], [64], [128], [256], [512]],
            aspect_ratios=[0.5, 1.0, 2.0],
            strides=[*_STRIDES, 64],
            offset=0.0,
        ),
        anchor_matcher=Matcher([0.3, 0.7], [0, -1, 1], allow_low_quality_matches=True),
        box2box_transform=Box2BoxTransform(weights=(1.0, 1.0, 1.0, 1.0)),
        batch_size_per_image=256,
        positive_fraction=0.5,
        pre_nms_topk=(2 * config.proposals, config.proposals),
        post_nms_topk=(config.proposals, config.proposals),
        nms_thresh=0.7,
    )


def _roi_heads(config: ViTDetConfig, min_score: float) -> Any:
    from detectron2.layers import ShapeSpec  # noqa: PLC0415
    from detectron2.modeling.box_regression import Box2BoxTransform  # noqa: PLC0415
    from detectron2.modeling.matcher import Matcher  # noqa: PLC0415
    from detectron2.modeling.poolers import ROIPooler  # noqa: PLC0415
    from detectron2.modeling.roi_heads import (  # noqa: PLC0415
        CascadeROIHeads,
        FastRCNNConvFCHead,
        FastRCNNOutputLayers,
        MaskRCNNConvUpsampleHead,
    )

    classes, channels = 80, config.channels
    pooler = partial(
        ROIPooler,
        scales=[1 / stride for stride in _STRIDES],
        sampling_ratio=0,
        pooler_type="ROIAlignV2",
    )
    box_heads = [
        FastRCNNConvFCHead(
            ShapeSpec(channels=channels, height=7, width=7),
            conv_dims=[channels] * 4,
            fc_dims=[config.box_features],
            conv_norm="LN",
        )
        for _ in range(3)
    ]
    box_predictors = [
        FastRCNNOutputLayers(
            ShapeSpec(channels=config.box_features),
            box2box_transform=Box2BoxTransform(weights=weights),
            num_classes=classes,
            cls_agnostic_bbox_reg=True,
            test_score_thresh=min_score,
        )
        for weights in ((10, 10, 5, 5), (20, 20, 10, 10), (30, 30, 15, 15))
    ]
    matchers = [Matcher([iou], [0, 1], allow_low_quality_matches=False) for iou in (0.5, 0.6, 0.7)]
    return CascadeROIHeads(
        num_classes=classes,
        batch_size_per_image=512,
        positive_fraction=0.25,
        box_in_features=list(_LEVELS),
        box_pooler=pooler(output_size=7),
        box_heads=box_heads,
        box_predictors=box_predictors,
        proposal_matchers=matchers,
        mask_in_features=list(_LEVELS),
        mask_pooler=pooler(output_size=14),
        mask_head=MaskRCNNConvUpsampleHead(
            ShapeSpec(channels=channels, height=14, width=14),
            num_classes=classes,
            conv_dims=[channels] * 5,
            conv_norm="LN",
        ),
    )
