"""Inpainting models of a few thousand random weights, in the folders diffusers' own come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

TINY_SIZE_PX = 64
_WIDTH = 32
_TOKENS = 77
# What CLIP's vocabulary opens with: bytes as printable characters, inside and at a word's end.
_BYTES = [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]
_LETTERS = [chr(code) for code in _BYTES]
_SPECIAL = ["<|startoftext|>", "<|endoftext|>"]
_VOCABULARY = [*_LETTERS, *(letter + "</w>" for letter in _LETTERS), *_SPECIAL]


def write_tiny_sd_inpainting(
    folder: Path, *, seed: int = 0, in_channels: int = 9, safety_checker: bool = False
) -> Path:
    """Write a Stable Diffusion of either kind: 9 channels for inpainting, 4 for text to image.

    safety_checker: the index names one, as that of Stable Diffusion 1.5 does; it is not written.
    """
    import diffusers

    torch.manual_seed(seed)
    _save(folder, "unet", _unet(in_channels, cross_attention_dim=_WIDTH))
    _save(folder, "vae", _vae())
    _save_text_encoder(folder, "text_encoder", "CLIPTextModel")
    _write_tokenizer(folder / "tokenizer")
    _save(folder, "scheduler", diffusers.PNDMScheduler(**_NOISE, skip_prk_steps=True))
    checker = ["stable_diffusion", "StableDiffusionSafetyChecker"] if safety_checker else [None] * 2
    kind = "StableDiffusionInpaintPipeline" if in_channels == 9 else "StableDiffusionPipeline"
    _write_index(
        folder,
        kind,
        feature_extractor=["transformers", "CLIPImageProcessor"],
        requires_safety_checker=safety_checker,
        safety_checker=checker,
        scheduler=["diffusers", "PNDMScheduler"],
        text_encoder=["transformers", "CLIPTextModel"],
        tokenizer=["transformers", "CLIPTokenizer"],
        unet=["diffusers", "UNet2DConditionModel"],
        vae=["diffusers", "AutoencoderKL"],
    )
    return folder


def write_tiny_sdxl_inpainting(folder: Path, *, seed: int = 0) -> Path:
    """Write a Stable Diffusion XL for inpainting: two text encoders, pooled embeddings."""
    import diffusers

    torch.manual_seed(seed)
    unet = _unet(
        9,
        cross_attention_dim=2 * _WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + _WIDTH,
        transformer_layers_per_block=(1, 2),
        use_linear_projection=True,
    )
    _save(folder, "unet", unet)
    _save(folder, "vae", _vae())
    _save_text_encoder(folder, "text_encoder", "CLIPTextModel")
    _save_text_encoder(folder, "text_encoder_2", "CLIPTextModelWithProjection")
    _write_tokenizer(folder / "tokenizer")
    _write_tokenizer(folder / "tokenizer_2")
    _save(folder, "scheduler", diffusers.EulerDiscreteScheduler(**_NOISE))
    _write_index(
        folder,
        "StableDiffusionXLInpaintPipeline",
        force_zeros_for_empty_prompt=True,
        requires_aesthetics_score=False,
        scheduler=["diffusers", "EulerDiscreteScheduler"],
        text_encoder=["transformers", "CLIPTextModel"],
        text_encoder_2=["transformers", "CLIPTextModelWithProjection"],
        tokenizer=["transformers", "CLIPTokenizer"],
        tokenizer_2=["transformers", "CLIPTokenizer"],
        unet=["diffusers", "UNet2DConditionModel"],
        vae=["diffusers", "AutoencoderKL"],
    )
    return folder


def write_tiny_sd3(folder: Path, *, seed: int = 0) -> Path:
    """Write a Stable Diffusion 3: a transformer that matches flow, and no T5 text encoder."""
    import diffusers

    torch.manual_seed(seed)
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=TINY_SIZE_PX // 8,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=_WIDTH,
        joint_attention_dim=4 * _WIDTH,
        pooled_projection_dim=2 * _WIDTH,
        pos_embed_max_size=48,
    )
    _save(folder, "transformer", transformer)
    _save(folder, "vae", _vae(latent_channels=16, shift_factor=0.06))
    for name in ("text_encoder", "text_encoder_2"):
        _save_text_encoder(folder, name, "CLIPTextModelWithProjection")
    for name in ("tokenizer", "tokenizer_2"):
        _write_tokenizer(folder / name)
    _save(folder, "scheduler", diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0))
    _write_index(
        folder,
        "StableDiffusion3Pipeline",
        scheduler=["diffusers", "FlowMatchEulerDiscreteScheduler"],
        text_encoder=["transformers", "CLIPTextModelWithProjection"],
        text_encoder_2=["transformers", "CLIPTextModelWithProjection"],
        text_encoder_3=[None, None],
        tokenizer=["transformers", "CLIPTokenizer"],
        tokenizer_2=["transformers", "CLIPTokenizer"],
        tokenizer_3=[None, None],
        transformer=["diffusers", "SD3Transformer2DModel"],
        vae=["diffusers", "AutoencoderKL"],
    )
    return folder


_NOISE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
}


def _unet(in_channels: int, **extra: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=TINY_SIZE_PX // 8,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **extra,
    )


def _vae(latent_channels: int = 4, **extra: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        sample_size=TINY_SIZE_PX,
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        latent_channels=latent_channels,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        **extra,
    )


def _save_text_encoder(folder: Path, name: str, kind: str) -> None:
    import transformers

    config = transformers.CLIPTextConfig(
        vocab_size=len(_VOCABULARY),
        hidden_size=_WIDTH,
        intermediate_size=_WIDTH,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=_TOKENS,
        projection_dim=_WIDTH,
        bos_token_id=len(_VOCABULARY) - 2,
        eos_token_id=len(_VOCABULARY) - 1,
        pad_token_id=len(_VOCABULARY) - 1,
    )
    model = getattr(transformers, kind)(config)
    _save(folder, name, model)
    # transformers 5 drops the prefix that the published files have; they also hold positions.
    tensors = {
        key if key.startswith("text_") else f"text_model.{key}": value.contiguous()
        for key, value in model.state_dict().items()
        if "position_ids" not in key
    }
    tensors["text_model.embeddings.position_ids"] = torch.arange(_TOKENS)[None]
    save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})


def _write_tokenizer(folder: Path) -> None:
    folder.mkdir(parents=True)
    vocabulary = {token: index for index, token in enumerate(_VOCABULARY)}
    _write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    start, end = _SPECIAL
    special = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end}
    _write_json(folder / "special_tokens_map.json", special)
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": _TOKENS}
    _write_json(folder / "tokenizer_config.json", {**special, **settings})


def _write_index(folder: Path, kind: str, **components: Any) -> None:
    index = {"_class_name": kind, "_diffusers_version": "0.33.0", **components}
    _write_json(folder / "model_index.json", index)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _save(folder: Path, name: str, part: Any) -> None:
    part.save_pretrained(folder / name)
