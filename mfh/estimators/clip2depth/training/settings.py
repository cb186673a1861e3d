"""The settings of a training, with the paper's values; importing this loads no model library."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from mfh.estimators.clip2depth.config import Conditioning, Decoder, Mirror
from mfh.setting_checks import require, require_choice, set_typed
from mfh.settings import Precision
from mfh.training import TrainingCrop


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Everything a training depends on besides photos and CLIPSeg's weights (paper appendix A).

    epochs: how often each photo is trained on.
    steps: the most steps in all, for trials; 0 is as many as the epochs have.
    batch: photos of a step, over all GPUs together.
    learning_rate: of the first step; it falls as a half cosine, to zero after the last.
    weight_decay: of AdamW.
    variance_focus, alpha: lambda and alpha of the scale-invariant loss (paper Sec. 3.2).
    flip: half of the photos, drawn anew in each epoch, are mirrored left to right. The paper does
        not tell of augmentation.
    crop: where depth counts, as in `TrainingPhotos`. Of KITTI's photos Eigen's crop leaves out the
        28 lowest rows of Garg's, in which they are scored.
    limit: take only so many photos, spread evenly over the data set; 0 takes all.
    validation_fraction: what part of the photos is held out, in whole scenes; the paper does not
        say what it validates on.
    seed: of every random choice.
    precision: "auto" is half precision on CUDA, else float32.
    mirror: "trained", or "detached": left as it was drawn (ablation).
    decoder: "clipseg" begins with CLIPSeg's weights, "scratch" with random ones.
    conditioning: "modulation" by the mirror's embedding, or "similarity" with those of its tokens.
    tokens: rows of the mirror.
    """

    epochs: int = 25
    steps: int = 0
    batch: int = 32
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    variance_focus: float = 0.85
    alpha: float = 10.0
    flip: bool = True
    crop: TrainingCrop = "eigen"
    limit: int = 0
    validation_fraction: float = 0.05
    seed: int = 0
    precision: Precision = "auto"
    mirror: Mirror = "trained"
    decoder: Decoder = "clipseg"
    conditioning: Conditioning = "modulation"
    tokens: int = 64

    def __post_init__(self) -> None:
        set_typed(self)
        for name, least, most in (
            ("epochs", 1, 10_000),
            ("steps", 0, 10**9),
            ("batch", 1, 65_536),
            ("limit", 0, 10**9),
            ("seed", 0, 2**63 - 1),
            ("tokens", 1, 77),
        ):
            value = getattr(self, name)
            require(least <= value <= most, name, value, f"{least} to {most}")
        rate, decay = self.learning_rate, self.weight_decay
        require(0 < rate <= 1, "learning_rate", rate, "above 0, to 1")
        require(0 <= decay < 1, "weight_decay", decay, "0 to below 1")
        focus = self.variance_focus
        require(0 <= focus <= 1, "variance_focus", focus, "0 to 1")
        require(0 < self.alpha <= 1e6, "alpha", self.alpha, "above 0, to 1e6")
        fraction = self.validation_fraction
        require(0 < fraction <= 0.5, "validation_fraction", fraction, "above 0, to 0.5")
        for name, kind in (
            ("crop", TrainingCrop),
            ("precision", Precision),
            ("mirror", Mirror),
            ("decoder", Decoder),
            ("conditioning", Conditioning),
        ):
            require_choice(name, getattr(self, name), kind)

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return asdict(self)


def default_training_settings() -> dict[str, Any]:
    """The default of every setting by name."""
    return {field.name: field.default for field in fields(TrainingSettings)}
