"""The settings of a training, with DepthLM's values; importing this loads no model library."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from mfh.setting_checks import require, require_choice, set_typed
from mfh.settings import Precision

TrainedTask = Literal["distance", "depth", "speed", "time", "two points"]
"""The tasks of one photo, whose answers follow from labelled distances."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Everything a training depends on besides labels and the model it begins with.

    Learning rate, its schedule (a warm-up, then a half cosine to zero), the gradient norm, the
    focal length and the crops are those of DepthLM (facebookresearch/DepthLM_Official, `train.sh`
    and `utils/datasets.py`). It does not tell how many photos a step takes; for other batches it
    advises to scale the learning rate with the square root.

    epochs: how often each photo is asked about.
    steps: the most steps in all; 0 is as many as the epochs have.
    batch: questions of a step, over all GPUs together.
    learning_rate: the highest; 0 is DepthLM's 1e-5, or with adapters 1e-4, as is customary: they
        begin at nothing, and 1e-5 hardly moves them.
    warmup: the share of the steps in which the learning rate rises to its highest.
    max_gradient_norm: gradients are scaled down to it.
    weight_decay: of AdamW.
    focal_px: the focal length photos are resized to; 0 is the model's own.
    crop_height_min_px, crop_height_max_px, crop_width_min_px, crop_width_max_px: the sides of the
        crops, in px of the resized photo, are drawn evenly from these ranges.
    tasks: what is asked, each as often.
    lora: the rank of low-rank adapters (LoRA, arXiv 2106.09685); 0 trains the weights themselves.
    lora_alpha: adapters are scaled by lora_alpha / lora.
    freeze_vision: whether the vision tower stays as it is. DepthLM trains all.
    seed: of every random choice.
    precision: "auto" is bfloat16 on a GPU that has it, else float32.
    stored: in which precision the model is written, "bfloat16" or "float32"; "auto" is the one that
        the base is stored in. Of steps as small as DepthLM's, bfloat16 rounds a part away.
    """

    epochs: int = 1
    steps: int = 0
    batch: int = 32
    learning_rate: float = 0.0
    warmup: float = 0.1
    max_gradient_norm: float = 0.1
    weight_decay: float = 0.0
    focal_px: float = 0.0
    crop_height_min_px: int = 700
    crop_height_max_px: int = 1200
    crop_width_min_px: int = 1000
    crop_width_max_px: int = 1400
    tasks: tuple[str, ...] = ("distance",)
    lora: int = 0
    lora_alpha: int = 32
    freeze_vision: bool = False
    seed: int = 0
    precision: Precision = "auto"
    stored: Precision = "auto"

    def __post_init__(self) -> None:
        set_typed(self)
        for name, least, most in (
            ("epochs", 1, 10_000),
            ("steps", 0, 10**9),
            ("batch", 1, 65_536),
            ("crop_height_min_px", 56, 10_000),
            ("crop_height_max_px", self.crop_height_min_px, 10_000),
            ("crop_width_min_px", 56, 10_000),
            ("crop_width_max_px", self.crop_width_min_px, 10_000),
            ("lora", 0, 1024),
            ("lora_alpha", 1, 10**6),
            ("seed", 0, 2**32 - 1),
        ):
            value = getattr(self, name)
            require(least <= value <= most, name, value, f"{least} to {most}")
        rate, norm = self.learning_rate, self.max_gradient_norm
        require(0 <= rate <= 1, "learning_rate", rate, "0 to 1")
        require(0 < norm <= 1e6, "max_gradient_norm", norm, "above 0, to 1e+06")
        require(0 <= self.warmup < 1, "warmup", self.warmup, "0 to below 1")
        require(0 <= self.weight_decay < 1, "weight_decay", self.weight_decay, "0 to below 1")
        focal = self.focal_px
        require(focal == 0 or 50 <= focal <= 10_000, "focal_px", focal, "50 to 10000, or 0")
        require(len(set(self.tasks)) == len(self.tasks) > 0, "tasks", self.tasks, "each task once")
        for task in self.tasks:
            require_choice("tasks", task, TrainedTask)
        choices = [each for each in get_args(Precision) if each != "float16"]
        for name in ("precision", "stored"):
            value = getattr(self, name)
            require(value in choices, name, value, ", ".join(choices))

    @property
    def highest_rate(self) -> float:
        """The highest learning rate: that of the settings, or the usual one of what is trained."""
        return self.learning_rate or (1e-4 if self.lora else 1e-5)

    def steps_of(self, photos: int) -> int:
        """How many steps a training on so many photos takes."""
        of_epochs = max(1, self.epochs * photos // self.batch)
        return min(of_epochs, self.steps or of_epochs)

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return {**asdict(self), "tasks": list(self.tasks)}


def default_training_settings() -> dict[str, Any]:
    """The default of every setting by name."""
    return {field.name: field.default for field in fields(TrainingSettings)}
