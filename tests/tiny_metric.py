"""Metric depth models of a few thousand random weights, in the folders the real ones come in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tiny_disparity import write_tiny_depth_anything

# Of apple/DepthPro-hf, smaller.
DEPTH_PRO_PROCESSOR: Mapping[str, Any] = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "DepthProImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 64, "width": 64},
}
# Of vinvino02/glpn-nyu.
GLPN_PROCESSOR: Mapping[str, Any] = {
    "do_rescale": True,
    "do_resize": True,
    "image_processor_type": "GLPNImageProcessor",
    "resample": 2,
    "size_divisor": 32,
}
# Of google/tipsv2-b14-dpt, smaller.
TIPS_PROCESSOR: Mapping[str, Any] = {
    "do_convert_rgb": True,
    "do_normalize": False,
    "do_rescale": True,
    "do_resize": True,
    "image_processor_type": "Tipsv2DptImageProcessor",
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 56, "width": 56},
}


def write_tiny_metric_depth_anything(folder: Path) -> Path:
    """Write a Depth Anything of metric depth, at most 20 m."""
    return write_tiny_depth_anything(folder, depth_estimation_type="metric", max_depth=20)


def write_tiny_depth_pro(folder: Path) -> Path:
    """Write a Depth Pro with a field of view of its own, on patches of 16 px in an image of 64."""
    from transformers import DepthProConfig, DepthProForDepthEstimation

    torch.manual_seed(0)
    encoder = {
        "model_type": "dinov2",
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "patch_size": 4,
        "image_size": 16,
    }
    config = DepthProConfig(
        fusion_hidden_size=8,
        patch_size=16,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.25, 0.5, 1.0],
        scaled_images_overlap_ratios=[0.0, 0.5, 0.25],
        scaled_images_feature_dims=[8, 8, 8],
        merge_padding_value=0,
        use_fov_model=True,
        num_fov_head_layers=0,
        image_model_config=encoder,
        patch_model_config=encoder,
        fov_model_config=encoder,
    )
    network = DepthProForDepthEstimation(config)
    _enliven(network)
    last = [each for each in network.head.modules() if isinstance(each, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight.abs_()
        last.bias.fill_(0.1)
    return _write(folder, network, DEPTH_PRO_PROCESSOR)


def write_tiny_glpn(folder: Path) -> Path:
    """Write a GLPN of at most 10 m."""
    from transformers import GLPNConfig, GLPNForDepthEstimation

    torch.manual_seed(0)
    config = GLPNConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=8,
        mlp_ratios=[2, 2, 2, 2],
        max_depth=10,
    )
    network = GLPNForDepthEstimation(config)
    _enliven(network)
    return _write(folder, network, GLPN_PROCESSOR)


def write_tiny_tips(folder: Path) -> Path:
    """Write a TIPSv2 with its DPT head for depth, of at most 10 m."""
    from transformers import Tipsv2DptConfig, Tipsv2DptForDepthEstimation

    torch.manual_seed(0)
    backbone = {
        "model_type": "tipsv2_vision_model",
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "mlp_ratio": 2,
        "image_size": 56,
        "patch_size": 14,
        "out_indices": [1, 2, 3, 4],
        "reshape_hidden_states": False,
    }
    config = Tipsv2DptConfig(
        backbone_config=backbone,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        num_depth_bins=4,
    )
    network = Tipsv2DptForDepthEstimation(config)
    _enliven(network)
    return _write(folder, network, TIPS_PROCESSOR)


def _enliven(network: torch.nn.Module) -> None:
    """Weights large enough that the image shows in the output."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)


def _write(folder: Path, network: Any, processor: Mapping[str, Any]) -> Path:
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return folder
