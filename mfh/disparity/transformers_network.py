"""Relative depth models of the transformers library.

Importing this module imports torch and transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from mfh.compute import Placement
from mfh.disparity.input_size import input_size, reference_size, zoedepth_margin
from mfh.errors import ModelError, SettingsError
from mfh.files.reading import read_json
from mfh.loading.pretrained import load_pretrained
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Space


@dataclass(frozen=True)
class RelativeModel:
    """A model that is loaded.

    network: takes images (B, 3, h, w), gives an output with `predicted_depth` (B, h', w').
    processor: its own preprocessing.
    space: of what it predicts.
    multiple_px: both sides of its input are multiples of this.
    one_size: it takes the size its processor gives and no other.
    short_side_px: it was made for photos with this short side, whatever their shape; None where its
        processor has a rule of its own.
    mirrored: its processor extends photos by mirroring.
    """

    network: torch.nn.Module
    processor: Any
    space: Space
    multiple_px: int
    one_size: bool
    short_side_px: int | None
    mirrored: bool

    def predict(self, images: Sequence[NDArray[Any]], settings: DisparitySettings) -> NDArray[Any]:
        """Maps (B, H, W) float32 of images (H, W, 3) uint8 RGB of one size.

        Resized to the images' size bilinearly between pixel centres, as Depth Anything's own code
        and the reference do (`infer_depth`); unlike bicubic it never leaves the range of what was
        predicted, so that a disparity stays at or above 0.
        """
        height, width = images[0].shape[:2]
        margin_y = zoedepth_margin(height) if self.mirrored else 0
        margin_x = zoedepth_margin(width) if self.mirrored else 0
        full = (height + 2 * margin_y, width + 2 * margin_x)
        pixels = self.processor(
            # Copies: torch warns about arrays that it could write to and must not.
            [image.copy() for image in images],
            return_tensors="pt",
            input_data_format="channels_last",
            **self._size_options(full, settings),
        ).pixel_values
        weight = next(self.network.parameters())
        with torch.inference_mode():
            predicted = self.network(pixel_values=pixels.to(weight.device, weight.dtype))
            maps = interpolate(predicted.predicted_depth[:, None].float(), full, mode="bilinear")
        maps = maps[:, 0, margin_y : margin_y + height, margin_x : margin_x + width]
        array: NDArray[Any] = maps.cpu().numpy()
        return array

    def _size_options(self, full: tuple[int, int], settings: DisparitySettings) -> dict[str, Any]:
        """Options of the processor that give the size the settings ask for."""
        if self.one_size:
            if settings.aspect == "reference":
                raise SettingsError(
                    "disparity.aspect is 'reference', but this model takes images of "
                    f"{self.processor.size['width']} x {self.processor.size['height']} px only; "
                    "leave it at 'kept'"
                )
            return {}
        # A processor that does not resize leaves images as they are but for multiples.
        own = self.short_side_px if self.processor.do_resize else min(full)
        short_side_px = settings.short_side_px or own
        if settings.aspect == "reference":
            height, width = reference_size(self.multiple_px)
        elif short_side_px:
            height, width = input_size(*full, short_side_px, self.multiple_px)
        else:
            return {}
        return {
            "do_resize": True,
            "size": {"height": height, "width": width},
            "keep_aspect_ratio": False,
            "ensure_multiple_of": 1,
        }


class _RelativeDepth(torch.nn.Module):
    """Stands where ZoeDepth has its metric head, and hands on the relative depth that one gets."""

    def forward(self, *, relative_depth: torch.Tensor, **_: Any) -> tuple[torch.Tensor, None]:
        return relative_depth[:, None], None


def load(weights: Weights, placement: Placement) -> RelativeModel:
    """Load a model from files in the layout of the model hub.

    Depth Anything (relative: disparity; metric: depth), DPT (MiDaS: disparity; on DINOv2, trained
    on NYU or KITTI: depth) and ZoeDepth (the relative output of its backbone: disparity, paper
    Sec. 4.3).

    Raises `ModelError` for another kind of model, for files that are missing or damaged, and for
    code in the folder. Lack of memory is passed on as it is.
    """
    kind = _kind(weights)
    network, processor = load_pretrained(
        weights,
        _CLASSES[kind],
        "ZoeDepthImageProcessor" if kind == "zoedepth" else "DPTImageProcessor",
        unused=["metric_head."] if kind == "zoedepth" else [],
    )
    if kind == "zoedepth":
        network.metric_head = _RelativeDepth()
    config = network.config
    backbone = getattr(config, "backbone_config", None)
    patch_px = config.patch_size if kind == "depth_anything" else getattr(backbone, "patch_size", 1)
    return RelativeModel(
        network=network.to(placement.device, placement.dtype).eval(),
        processor=processor,
        space=_SPACES[kind](config),
        # 32 px is what DPT and ZoeDepth take as multiple: every patch of ViT, BEiT and Swin, and
        # the stride of their coarsest level, divides it.
        multiple_px=patch_px if 32 % patch_px else 32,
        one_size=kind == "dpt" and (config.is_hybrid or backbone is None),
        # Its processor says 518 for both sides, and resizes to the nearer of them; the model's own
        # code, which the paper uses, always to the short one.
        short_side_px=processor.size["height"] if kind == "depth_anything" else None,
        mirrored=kind == "zoedepth" and bool(processor.do_pad),
    )


def _depth_anything_space(config: Any) -> Space:
    metric = getattr(config, "depth_estimation_type", "relative") == "metric"
    return "depth" if metric else "disparity"


def _dpt_space(config: Any) -> Space:
    backbone = getattr(config, "backbone_config", None)
    return "depth" if getattr(backbone, "model_type", "") == "dinov2" else "disparity"


def _zoedepth_space(config: Any) -> Space:
    return "disparity"


_CLASSES = {
    "depth_anything": "DepthAnythingForDepthEstimation",
    "dpt": "DPTForDepthEstimation",
    "zoedepth": "ZoeDepthForDepthEstimation",
}
_SPACES: dict[str, Callable[[Any], Space]] = {
    "depth_anything": _depth_anything_space,
    "dpt": _dpt_space,
    "zoedepth": _zoedepth_space,
}


def _kind(weights: Weights) -> str:
    path = weights.file("config.json")
    config = read_json(path)
    kind = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(kind, str):
        raise ModelError(
            f"{weights.name}: {path} is no model's configuration; it has no model_type"
        )
    if kind not in _SPACES:
        raise ModelError(
            f"{weights.name}: {path} tells of a model of type {kind!r}, and which way the output "
            f"of those runs is not known here; known are {', '.join(_SPACES)}"
        )
    if config.get("backbone"):
        raise ModelError(
            f"{weights.name}: {path} takes its backbone from elsewhere ({config['backbone']!r}); "
            "give a model that has its own, as backbone_config"
        )
    return kind
