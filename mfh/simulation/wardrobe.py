"""Colours of skin, hair and clothes for the bodies that are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfh.simulation.bodies import BodyLibrary
from mfh.simulation.srgb import to_linear

# sRGB, chosen by eye; faces are lit in linear light.
_SKIN = ("f1cdb5", "e6b795", "d9a27c", "c68863", "a86d4a", "8a5636", "6b402a", "4a2d20")
_HAIR = ("17120f", "2b1d14", "4a2f1b", "6d4a2a", "a17a4a", "8c8780", "3a1810")
_UPPER = (
    "f0efec", "d8d9d6", "1d1f24", "2f3b52", "5a7392", "8fb0c9", "7c2a2a", "b3483a", "3e5a45",
    "7d8a5b", "c9a352", "8a8d92", "5d4a6d", "c58a94", "40322a", "dcd0b8", "2c6e74",
)  # fmt: skip
_LOWER = (
    "22252c", "2b3750", "3f5170", "5f7390", "4b4a48", "7b6a52", "b09a78", "1a1a1b", "5b5f4a",
    "8d8f90",
)  # fmt: skip
_SHOES = ("1b1a19", "3b2719", "6a4528", "e6e4df", "8c8c8a", "232c40", "a7a39a")
_EYES = "2a2320"
_SHORT_SLEEVES = 0.45
_SHORTS = 0.12


def dress(bodies: BodyLibrary, rng: np.random.Generator) -> NDArray[np.float32]:
    """Choose colours for one person: linear RGB albedo (F, 3) of the faces of a body."""
    skin = _linear(str(rng.choice(_SKIN)))
    upper = _linear(str(rng.choice(_UPPER)))
    lower = _linear(str(rng.choice(_LOWER)))
    bare_arms, bare_legs = rng.uniform() < _SHORT_SLEEVES, rng.uniform() < _SHORTS
    colour_of = {
        "skin": skin,
        "eyes": _linear(_EYES),
        "hair": _linear(str(rng.choice(_HAIR))),
        "upper": upper,
        "upper_arm": upper,
        "forearm": skin if bare_arms else upper,
        "lower": lower,
        "shin": skin if bare_legs else lower,
        "shoes": _linear(str(rng.choice(_SHOES))),
    }
    palette = np.array([colour_of[name] for name in bodies.region_names], np.float32)
    return np.asarray(palette[bodies.region])


def _linear(srgb: str) -> NDArray[np.float64]:
    """Convert a hexadecimal sRGB colour to linear light."""
    return to_linear([int(srgb[i : i + 2], 16) / 255 for i in (0, 2, 4)])
