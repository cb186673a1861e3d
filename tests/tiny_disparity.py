"""Relative depth models of a few thousand random weights, in the folders the real ones come in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

# The preprocessing of LiheYoung/depth-anything-*-hf and depth-anything/Depth-Anything-V2-*-hf.
DEPTH_ANYTHING_PROCESSOR: Mapping[str, Any] = {
    "do_normalize": True,
    "do_pad": False,
    "do_rescale": True,
    "do_resize": True,
    "ensure_multiple_of": 14,
    "image_mean": [0.485, 0.456, 0.406],
    "image_processor_type": "DPTImageProcessor",
    "image_std": [0.229, 0.224, 0.225],
    "keep_aspect_ratio": True,
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 518, "width": 518},
    "size_divisor": None,
}
# Of Intel/dpt-large, with its name for the class, older than the class's own.
DPT_PROCESSOR: Mapping[str, Any] = {
    **DEPTH_ANYTHING_PROCESSOR,
    "ensure_multiple_of": 1,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "DPTFeatureExtractor",
    "image_std": [0.5, 0.5, 0.5],
    "keep_aspect_ratio": False,
    "resample": 2,
    "size": {"height": 64, "width": 64},
}
# Of Intel/dpt-beit-large-384, smaller.
DPT_BEIT_PROCESSOR: Mapping[str, Any] = {
    **DPT_PROCESSOR,
    "ensure_multiple_of": 32,
    "image_processor_type": "DPTImageProcessor",
}
# Of facebook/dpt-dinov2-*-nyu.
DPT_DINOV2_PROCESSOR: Mapping[str, Any] = {
    **DPT_PROCESSOR,
    "do_pad": True,
    "do_rescale": False,
    "do_resize": False,
    "image_mean": [123.675, 116.28, 103.53],
    "image_processor_type": "DPTImageProcessor",
    "image_std": [58.395, 57.12, 57.375],
    "size_divisor": 14,
}
# Of Intel/zoedepth-*, smaller.
ZOEDEPTH_PROCESSOR: Mapping[str, Any] = {
    "do_normalize": True,
    "do_pad": True,
    "do_rescale": True,
    "do_resize": True,
    "ensure_multiple_of": 32,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "ZoeDepthImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "keep_aspect_ratio": True,
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 64, "width": 96},
}

_WIDTH = 24
_VIT = {
    "hidden_size": _WIDTH,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 2 * _WIDTH,
}
_NECK = {"neck_hidden_sizes": [8, 8, 8, 8], "fusion_hidden_size": 8}


def write_tiny_depth_anything(folder: Path, *, seed: int = 0, **config: Any) -> Path:
    """Write a Depth Anything; `config` changes its configuration."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation

    torch.manual_seed(seed)
    settings = {
        "backbone_config": _dinov2(),
        "reassemble_hidden_size": _WIDTH,
        "head_hidden_size": 4,
        **_NECK,
        **config,
    }
    network = DepthAnythingForDepthEstimation(DepthAnythingConfig(**settings))
    _enliven(network, network.head.conv3)
    return _write(folder, network, DEPTH_ANYTHING_PROCESSOR)


def write_tiny_dpt(folder: Path, *, seed: int = 0) -> Path:
    """Write a DPT (MiDaS 3.0) of one input size, 64 x 64; like its kind without unused weights."""
    from transformers import DPTConfig, DPTForDepthEstimation

    torch.manual_seed(seed)
    settings = {"image_size": 64, "patch_size": 16, "backbone_out_indices": [0, 1, 2, 3]}
    network = DPTForDepthEstimation(DPTConfig(**_VIT, **_NECK, **settings))
    _enliven(network, network.head.head[4])
    unused = "neck.fusion_stage.layers.0.residual_layer1."
    kept = {key: t for key, t in network.state_dict().items() if not key.startswith(unused)}
    return _write(folder, network, DPT_PROCESSOR, state_dict=kept)


def write_tiny_dpt_beit(folder: Path, *, seed: int = 0) -> Path:
    """Write a DPT on BEiT (MiDaS 3.1), whose input may have any size."""
    return _write_dpt_with_backbone(folder, seed, _beit(), DPT_BEIT_PROCESSOR)


def write_tiny_dpt_dinov2(folder: Path, *, seed: int = 0) -> Path:
    """Write a DPT on DINOv2 of the kind that gives depth."""
    return _write_dpt_with_backbone(folder, seed, _dinov2(), DPT_DINOV2_PROCESSOR)


def write_tiny_zoedepth(folder: Path, *, seed: int = 0, heads: int = 1) -> Path:
    """Write a ZoeDepth with one metric head (N or K) or two (NK)."""
    from transformers import ZoeDepthConfig, ZoeDepthForDepthEstimation

    torch.manual_seed(seed)
    bins = {"n_bins": 4, "min_depth": 1e-3, "max_depth": 10.0}
    config = ZoeDepthConfig(
        backbone_config=_beit(),
        bottleneck_features=8,
        num_relative_features=4,
        bin_embedding_dim=8,
        num_attractors=[2, 2, 1, 1],
        bin_configurations=[{"name": name, **bins} for name in ("nyu", "kitti")[:heads]],
        num_patch_transformer_layers=4,
        patch_transformer_hidden_size=128,
        patch_transformer_intermediate_size=16,
        patch_transformer_num_attention_heads=2,
        **_NECK,
    )
    network = ZoeDepthForDepthEstimation(config)
    _enliven(network, network.relative_head.conv3)
    return _write(folder, network, ZOEDEPTH_PROCESSOR)


def write_tiny_marigold(
    folder: Path, *, seed: int = 0, prediction_type: str = "depth", variant: str | None = None
) -> Path:
    """Write a Marigold of 2 denoising steps and a processing resolution of 64 px."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(seed)
    tokens = folder.parent / f"{folder.name} tokens"
    tokens.mkdir(parents=True)
    vocabulary = {"<|startoftext|>": 0, "<|endoftext|>": 1}
    (tokens / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (tokens / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    text = CLIPTextConfig(
        vocab_size=2, bos_token_id=0, eos_token_id=1, pad_token_id=1, num_hidden_layers=1,
        hidden_size=16, intermediate_size=16, num_attention_heads=2,
    )  # fmt: skip
    pipeline = diffusers.MarigoldDepthPipeline(
        unet=diffusers.UNet2DConditionModel(
            sample_size=8, in_channels=8, out_channels=4, block_out_channels=(8, 16),
            layers_per_block=1, norm_num_groups=4, attention_head_dim=8, cross_attention_dim=16,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        vae=diffusers.AutoencoderKL(
            block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        ),
        scheduler=diffusers.DDIMScheduler(
            beta_schedule="scaled_linear", prediction_type="v_prediction", clip_sample=False,
            set_alpha_to_one=False, steps_offset=1, timestep_spacing="trailing",
            rescale_betas_zero_snr=True,
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer.from_pretrained(tokens, model_max_length=77),
        prediction_type=prediction_type,
        default_denoising_steps=2,
        default_processing_resolution=64,
    )  # fmt: skip
    pipeline.save_pretrained(folder, variant=variant)
    return folder


def _dinov2() -> dict[str, Any]:
    return {
        "model_type": "dinov2",
        **_VIT,
        "image_size": 70,
        "patch_size": 14,
        "out_indices": [1, 2, 3, 4],
        "reshape_hidden_states": False,
    }


def _beit() -> dict[str, Any]:
    return {
        "model_type": "beit",
        **_VIT,
        "image_size": 64,
        "patch_size": 16,
        "out_indices": [1, 2, 3, 4],
        "reshape_hidden_states": False,
        "use_relative_position_bias": True,
    }


def _write_dpt_with_backbone(
    folder: Path, seed: int, backbone: dict[str, Any], processor: Mapping[str, Any]
) -> Path:
    from transformers import DPTConfig, DPTForDepthEstimation

    torch.manual_seed(seed)
    config = DPTConfig(backbone_config=backbone, neck_ignore_stages=[], **_NECK)
    network = DPTForDepthEstimation(config)
    _enliven(network, network.head.head[4])
    return _write(folder, network, processor)


def _enliven(network: torch.nn.Module, last: torch.nn.Conv2d) -> None:
    """Weights large enough that the image shows in the output, and an output above 0 (ReLU)."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
        last.weight.abs_()
        last.bias.fill_(0.1)


def _write(
    folder: Path,
    network: Any,
    processor: Mapping[str, Any],
    state_dict: dict[str, torch.Tensor] | None = None,
) -> Path:
    network.save_pretrained(folder, state_dict=state_dict)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return folder
