"""What a CLIP2Depth is; importing this module loads no model library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mfh.setting_checks import require, require_choice, set_typed

Conditioning = Literal["modulation", "similarity"]
Decoder = Literal["clipseg", "scratch"]
Mirror = Literal["trained", "detached"]


@dataclass(frozen=True)
class Clip2DepthConfig:
    """The parts of the model that are free to choose.

    conditioning: how the mirror acts on the photo (Table 5 of the paper). "modulation": it is one
        prompt, whose embedding scales and shifts the decoder's activations by FiLM. "similarity":
        each of its rows is a prompt of one token, and the decoder sees how similar each patch of
        the photo is to each of them, in place of the patch itself.
    tokens: rows of the mirror; for "similarity" as many as the decoder has channels.
    min_depth_m, max_depth_m: the range of the depth, which a sigmoid of CLIPSeg's logits fills.

    Raises `SettingsError` for values that are out of range.
    """

    conditioning: Conditioning = "modulation"
    tokens: int = 64
    min_depth_m: float = 1e-3
    max_depth_m: float = 10.0

    def __post_init__(self) -> None:
        set_typed(self)
        require_choice("conditioning", self.conditioning, Conditioning)
        require(self.tokens >= 1, "tokens", self.tokens, "a whole number from 1")
        low, high = self.min_depth_m, self.max_depth_m
        require(low > 0, "min_depth_m", low, "a number above 0")
        require(low < high < math.inf, "max_depth_m", high, f"a number above {low:g}")
