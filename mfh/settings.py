"""The settings of a prediction, and their presets."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, get_args

from mfh.errors import SettingsError

RenderBackend = Literal["warp", "pytorch3d"]
HeadMethod = Literal["silog", "log_l2", "l1", "l2"]
Device = Literal["auto", "cpu", "cuda"]
PhotoPeople = Literal["once", "repeated"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a prediction depends on besides the photo, its camera and the parts.

    paintings: N, how many painted photos (paper Sec. 4.1).
    seed: the one seed every random choice descends from.
    strip_min_ratio, strip_max_ratio: width of a repainted strip, as fractions of the photo's
        shorter side (reference `random_mask`).
    prompts: what a painting is asked for, one drawn for each (paper Sec. 3.2).
    working_short_side_px: photos with a longer short side are reduced to it for the stages; the
        result comes back at the photo's own size. Panoramas are reduced to at most four squares of
        that side. 0 keeps every photo as it is.
    photo_people: what people who are in the photo already count for: "once", measured in the photo
        itself; or "repeated", in every painted photo in which they are found, and not in the photo
        (Eq. 4 takes all the people of a painted photo).
    erosion_px: side of the square that erodes mask and silhouette (reference `Erode2D`), odd.
    renderer: what rasterizes the meshes.
    head_method: the loss of the metric head (paper Table 5).
    fit_scale, fit_offset: which of the head's two numbers are fitted (paper Table 4); one that is
        not stays at 1 or 0.
    device: where the parts compute; "auto" takes CUDA where there is one.
    """

    paintings: int = 32
    seed: int = 0
    strip_min_ratio: float = 0.2
    strip_max_ratio: float = 0.8
    prompts: tuple[str, ...] = ("a man", "a woman")
    working_short_side_px: int = 480
    photo_people: PhotoPeople = "once"
    erosion_px: int = 3
    renderer: RenderBackend = "warp"
    head_method: HeadMethod = "silog"
    fit_scale: bool = True
    fit_offset: bool = True
    device: Device = "auto"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = _typed(field.name, getattr(self, field.name), field.default)
            object.__setattr__(self, field.name, value)
        _require(1 <= self.paintings <= 4096, "paintings", self.paintings, "1 to 4096")
        _require(0 <= self.seed < 2**63, "seed", self.seed, "0 to 2^63 - 1")
        _require(
            0 < self.strip_min_ratio <= self.strip_max_ratio <= 1,
            "strip_min_ratio, strip_max_ratio",
            (self.strip_min_ratio, self.strip_max_ratio),
            "0 < min <= max <= 1",
        )
        _require(len(self.prompts) > 0, "prompts", self.prompts, "at least one text")
        _require(
            self.working_short_side_px == 0 or 64 <= self.working_short_side_px <= 16384,
            "working_short_side_px",
            self.working_short_side_px,
            "64 to 16384, or 0 for the photo's own size",
        )
        _require(
            self.erosion_px >= 1 and self.erosion_px % 2 == 1,
            "erosion_px",
            self.erosion_px,
            "an odd number, at least 1",
        )
        _require(
            self.fit_scale or self.fit_offset,
            "fit_scale, fit_offset",
            (self.fit_scale, self.fit_offset),
            "at least one of the two must be fitted",
        )
        for name, kind in (
            ("renderer", RenderBackend),
            ("head_method", HeadMethod),
            ("device", Device),
            ("photo_people", PhotoPeople),
        ):
            value = getattr(self, name)
            _require(value in get_args(kind), name, value, ", ".join(get_args(kind)))

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": MappingProxyType({"photo_people": "repeated"}),
        "default": MappingProxyType({}),
        "fast": MappingProxyType({"paintings": 8, "working_short_side_px": 384}),
    }
)


def settings_from(preset: str = "default", **overrides: Any) -> Settings:
    """The settings of a preset ("paper", "default" or "fast") with some of them changed.

    Raises `SettingsError` for an unknown preset or setting, naming the closest one, and for a value
    outside its range.
    """
    if preset not in PRESETS:
        raise SettingsError(f"preset {preset!r} is unknown; there are {', '.join(PRESETS)}")
    known = [f.name for f in fields(Settings)]
    for name in overrides:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
            raise SettingsError(f"setting {name!r} is unknown{hint}")
    return Settings(**{**PRESETS[preset], **overrides})


def _typed(name: str, value: Any, default: object) -> Any:
    """A setting's value, if it is of its default's type; NumPy's numbers and lists serve, too."""
    if isinstance(default, tuple):
        texts = isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)
        _require(texts, name, value, "a tuple of texts")
        return tuple(value)
    if isinstance(default, bool):
        _require(isinstance(value, bool), name, value, "True or False")
    elif isinstance(default, int):
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        _require(whole, name, value, "a whole number")
        return int(value)
    elif isinstance(default, float):
        real = isinstance(value, Real) and not isinstance(value, bool)
        _require(real, name, value, "a number")
        return float(value)
    return value


def _require(holds: bool, name: str, value: object, accepted: str) -> None:
    if not holds:
        raise SettingsError(f"setting {name} is {value!r}; accepted: {accepted}")
