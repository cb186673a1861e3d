"""Settings of the learned parts, one group for each stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mfh.setting_checks import require, require_choice, set_typed

Scheduler = Literal["model", "ddim", "pndm", "euler", "dpm++"]
InputAspect = Literal["kept", "reference"]
AskedFor = Literal["distance", "depth"]


@dataclass(frozen=True, kw_only=True)
class PainterSettings:
    """Settings of the generative painter (paper Sec. 3.2).

    model: a painter's name in `mfh models list`, an id on the model hub, or a folder.
    scheduler: "model" is the one the model comes with.
    steps: denoising steps.
    guidance_scale: of classifier-free guidance (reference `mfh/pipeline.py`: 20).
    short_side_px: size at which is painted; 0 is the size the model was made for.
    batch: paintings at once; 0 is 8 on a GPU, 1 on the CPU. Halved where memory does not suffice.
    paste_back: unpainted pixels are the photo's own; else they are the model's rendering of them,
        as in the reference.
    """

    model: str = "sd2-inpainting"
    scheduler: Scheduler = "model"
    steps: int = 50
    guidance_scale: float = 20.0
    short_side_px: int = 0
    batch: int = 0
    paste_back: bool = True

    def __post_init__(self) -> None:
        set_typed(self, "painter")
        require_choice("painter.scheduler", self.scheduler, Scheduler)
        require(1 <= self.steps <= 1000, "painter.steps", self.steps, "1 to 1000")
        require(
            0 <= self.guidance_scale <= 100,
            "painter.guidance_scale",
            self.guidance_scale,
            "0 to 100",
        )
        require(
            self.short_side_px == 0 or 64 <= self.short_side_px <= 4096,
            "painter.short_side_px",
            self.short_side_px,
            "64 to 4096, or 0 for the model's own size",
        )
        require(0 <= self.batch <= 1024, "painter.batch", self.batch, "1 to 1024, or 0")


@dataclass(frozen=True, kw_only=True)
class PeopleSettings:
    """Settings of finding people and measuring them (paper Sec. 3.1.2).

    detector: a detector's name in `mfh models list`, or "auto": vitdet-h, the paper's, where
        detectron2 and timm are installed, else mask-rcnn.
    model: the mesh regressor's name, "hmr2", the paper's, or "anny"; or "auto": hmr2 where
        `body_model` is on this machine, else anny, which nobody has to register for.
    body_model: the name of the body that hmr2 poses.
    keypoints: the name of what finds the joints that anny is fitted to.
    min_score: detections must be more certain (reference `HMR2Pipeline`: 0.5).
    mask_threshold: a pixel belongs to a person whose mask probability there is above it.
    detector_batch: images at once; 0 is 4 on a GPU, 1 on the CPU. regressor_batch: people at once.
        Both are halved where memory does not suffice.
    """

    detector: str = "mask-rcnn"
    model: str = "auto"
    body_model: str = "smpl"
    keypoints: str = "keypoint-rcnn"
    min_score: float = 0.5
    mask_threshold: float = 0.5
    detector_batch: int = 0
    regressor_batch: int = 64

    def __post_init__(self) -> None:
        set_typed(self, "people")
        for name in ("min_score", "mask_threshold"):
            value = getattr(self, name)
            require(0 <= value < 1, f"people.{name}", value, "0 to below 1")
        batch = self.detector_batch
        require(0 <= batch <= 1024, "people.detector_batch", batch, "1 to 1024, or 0")
        batch = self.regressor_batch
        require(1 <= batch <= 4096, "people.regressor_batch", batch, "1 to 4096")


@dataclass(frozen=True, kw_only=True)
class DisparitySettings:
    """Settings of relative disparity (paper Sec. 3.3).

    model: a name in `mfh models list`, an id on the model hub, or a folder.
    short_side_px: the photo's short side at the model's input; 0 is the size the model was made
        for, with Depth Anything 518, as in the paper.
    aspect: "kept", or "reference": 392 x 518 px whatever the photo's shape, as the reference
        evaluates Depth Anything.
    batch: images at once; 0 is 8 on a GPU, 1 on the CPU. Halved where memory does not suffice.
    """

    model: str = "depth-anything-large"
    short_side_px: int = 0
    aspect: InputAspect = "kept"
    batch: int = 0

    def __post_init__(self) -> None:
        set_typed(self, "disparity")
        require(
            self.short_side_px == 0 or 56 <= self.short_side_px <= 4096,
            "disparity.short_side_px",
            self.short_side_px,
            "56 to 4096, or 0 for the model's own size",
        )
        require_choice("disparity.aspect", self.aspect, InputAspect)
        require(0 <= self.batch <= 1024, "disparity.batch", self.batch, "1 to 1024, or 0")


@dataclass(frozen=True, kw_only=True)
class DepthLMSettings:
    """Settings of asking a vision language model for metres (`mfh.estimators.depthlm`).

    questions: how many pixels of a photo dense depth asks about at most; question_round: how many
        before the error is looked at again.
    pixels: how many pixels of a photo the evaluation asks about at most; task: what it asks there,
        the distance from the camera or depth along the principal axis.
    focal_px: what photos are resized to; 0 is what the model was trained at.
    batch: questions at once; 0 is 8 on a GPU, 1 on the CPU. Halved where memory does not suffice.
    max_new_tokens: the longest answer; those of DepthLM have about 50.
    """

    questions: int = 32
    question_round: int = 8
    pixels: int = 100
    task: AskedFor = "distance"
    focal_px: float = 0.0
    batch: int = 0
    max_new_tokens: int = 256

    def __post_init__(self) -> None:
        set_typed(self, "depthlm")
        for name in ("questions", "question_round"):
            require(
                1 <= getattr(self, name) <= 4096,
                f"depthlm.{name}",
                getattr(self, name),
                "1 to 4096",
            )
        require(1 <= self.pixels <= 10**6, "depthlm.pixels", self.pixels, "1 to a million")
        require_choice("depthlm.task", self.task, AskedFor)
        require(
            self.focal_px == 0 or 10 <= self.focal_px <= 1e5,
            "depthlm.focal_px",
            self.focal_px,
            "10 to 100000, or 0 for what the model was trained at",
        )
        require(0 <= self.batch <= 1024, "depthlm.batch", self.batch, "1 to 1024, or 0")
        tokens = self.max_new_tokens
        require(1 <= tokens <= 4096, "depthlm.max_new_tokens", tokens, "1 to 4096")
