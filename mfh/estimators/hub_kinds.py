"""Which depth models of transformers give metres, by what their configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mfh.errors import ModelError
from mfh.files.reading import read_json
from mfh.models.weights import Weights


@dataclass(frozen=True)
class MetricKind:
    """A kind of model whose depth is in metres.

    title: its name, for people.
    network, processor: its classes in transformers.
    inverse: it gives the inverse depth that a camera of a focal length of one image width would
        see, so that metres take the photo's own focal length.
    mirrored: depth is the mean of the photo's and of its mirror image's.
    needs_float32: "auto" does not take float16 for it, whatever the device.
    multiple_px: the sides of its input, where its processor would pad them to multiples of this,
        are resized to them instead; 0 leaves all to the processor.
    """

    title: str
    network: str
    processor: str
    inverse: bool = False
    mirrored: bool = False
    needs_float32: bool = False
    multiple_px: int = 0


ZOEDEPTH = MetricKind(
    "ZoeDepth",
    "ZoeDepthForDepthEstimation",
    "ZoeDepthImageProcessor",
    # `DepthModel.infer` of its authors, by which they evaluate; the processor pads as that does.
    mirrored=True,
    # Its log-binomial divides sums of hundreds by temperatures down to 0.02: half precision would
    # be off by whole units in the exponents of its bins.
    needs_float32=True,
)
DEPTH_PRO = MetricKind(
    "Depth Pro",
    "DepthProForDepthEstimation",
    "DepthProImageProcessor",
    inverse=True,  # arXiv 2410.02073, Sec. 3.1
)
DEPTH_ANYTHING = MetricKind(
    "Depth Anything, metric", "DepthAnythingForDepthEstimation", "DPTImageProcessor"
)
DPT_DINOV2 = MetricKind(
    "DPT on DINOv2", "DPTForDepthEstimation", "DPTImageProcessor", multiple_px=14
)
GLPN = MetricKind("GLPN", "GLPNForDepthEstimation", "GLPNImageProcessor")
TIPS = MetricKind("TIPSv2 DPT", "Tipsv2DptForDepthEstimation", "Tipsv2DptImageProcessor")

_ALWAYS_METRIC: Mapping[str, MetricKind] = {
    "zoedepth": ZOEDEPTH,
    "depth_pro": DEPTH_PRO,
    "glpn": GLPN,  # trained on NYU or KITTI, a sigmoid times the farthest depth
    "tipsv2_dpt": TIPS,  # trained on NYU, bins up to 10 m
}
_NOT_DEPTH_OF_A_PHOTO: Mapping[str, str] = {
    "prompt_depth_anything": "it refines a depth map of a sensor, which photos have none of",
    "chmv2": "it gives the height of trees in aerial photos",
}


def metric_kind(weights: Weights) -> MetricKind:
    """What kind of model lies in a folder.

    Raises `ModelError` where it is none that gives metric depth of a photo alone.
    """
    path = weights.file("config.json")
    config = read_json(path)
    name = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(name, str):
        raise ModelError(
            f"{weights.name}: {path} is no model's configuration; it has no model_type"
        )
    told = f"{weights.name}: {path} tells of a model of type {name!r}"
    if name in _NOT_DEPTH_OF_A_PHOTO:
        raise ModelError(f"{told}: {_NOT_DEPTH_OF_A_PHOTO[name]}; give another model")
    if name in ("depth_anything", "dpt"):
        kind = _metric_or_none(name, config)
        if kind is None:
            raise ModelError(
                f"{told} that gives relative depth, which has no metres; such models have their "
                "place inside this method: --set disparity.model=..."
            )
    elif name in _ALWAYS_METRIC:
        kind = _ALWAYS_METRIC[name]
    else:
        known = ", ".join(sorted(("depth_anything", "dpt", *_ALWAYS_METRIC)))
        raise ModelError(f"{told}, and whether that gives metres is not known; known are {known}")
    if config.get("backbone"):
        raise ModelError(
            f"{weights.name}: {path} takes its backbone from elsewhere ({config['backbone']!r}); "
            "give a model that has its own, as backbone_config"
        )
    return kind


def _metric_or_none(name: str, config: Mapping[str, Any]) -> MetricKind | None:
    if name == "depth_anything":
        return DEPTH_ANYTHING if config.get("depth_estimation_type") == "metric" else None
    # Of all DPTs those on DINOv2 were trained to give metres, on NYU or KITTI (arXiv 2304.07193).
    backbone = config.get("backbone_config")
    is_dinov2 = isinstance(backbone, dict) and backbone.get("model_type") == "dinov2"
    return DPT_DINOV2 if is_dinov2 else None
