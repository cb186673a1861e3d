"""The settings of a prediction, and their presets."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, Literal

from mfh.errors import SettingsError
from mfh.part_settings import (
    DepthLMSettings,
    DisparitySettings,
    PainterSettings,
    PeopleSettings,
)
from mfh.setting_checks import require, require_choice, set_typed

RenderBackend = Literal["warp", "pytorch3d"]
HeadMethod = Literal["robust", "silog", "log_l2", "l1", "l2"]
HeadSpace = Literal["model", "disparity", "depth"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]
PhotoPeople = Literal["once", "repeated"]
Paint = Literal["auto", "always", "never"]

MOST_PAINTINGS = 4096

# The groups of settings, by the name of their field.
GROUPS: Mapping[str, type] = MappingProxyType(
    {
        "painter": PainterSettings,
        "people": PeopleSettings,
        "disparity": DisparitySettings,
        "depthlm": DepthLMSettings,
    }
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a prediction depends on besides the photo, its camera and the parts.

    paintings: N, how many painted photos there are at most (paper Sec. 4.1).
    paint: whether people are painted: "auto", where known distances or the photo's own people do
        not do; "always"; or "never".
    target_error: painting stops when the depth's relative error is no larger; 0 paints all N.
    painting_round: how many are painted before that is looked at again.
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
    align: whether the painted photos' disparity is brought into the scale of the photo's (paper
        Eq. 7 and Table 4); else it is used as the model gave it.
    erosion_px: side of the square that erodes mask and silhouette (reference `Erode2D`), odd.
    renderer: what rasterizes the meshes.
    head_method: how the metric head is fitted: "robust", or by one of the losses of the paper's
        Table 5.
    head_space: where the head is fitted (paper Table 3): in "model", the space of the relative
        model's output; in "disparity"; or in "depth". Output of the other space is inverted for it
        (reference `AffineOptimizer`, `inverse` and `inverse_gt`), which "robust" does without.
    fit_scale, fit_offset: which of the head's two numbers are fitted (paper Table 4); one that is
        not stays at 1 or 0.
    device: where the parts compute; "auto" takes CUDA, else Apple's MPS, else the CPU.
    precision: of the learned parts; "auto" is float16 on a GPU (reference), float32 on the CPU.
    low_memory: learned parts take less GPU memory and more time.
    painter, people, disparity: settings of the learned parts, see `mfh.part_settings`.
    depthlm: of asking a vision language model, which other methods do, see there.
    """

    paintings: int = 32
    paint: Paint = "auto"
    target_error: float = 0.1
    painting_round: int = 4
    seed: int = 0
    strip_min_ratio: float = 0.2
    strip_max_ratio: float = 0.8
    prompts: tuple[str, ...] = ("a man", "a woman")
    working_short_side_px: int = 480
    photo_people: PhotoPeople = "once"
    align: bool = True
    erosion_px: int = 3
    renderer: RenderBackend = "warp"
    head_method: HeadMethod = "robust"
    head_space: HeadSpace = "model"
    fit_scale: bool = True
    fit_offset: bool = True
    device: Device = "auto"
    precision: Precision = "auto"
    low_memory: bool = False
    painter: PainterSettings = PainterSettings()
    people: PeopleSettings = PeopleSettings()
    disparity: DisparitySettings = DisparitySettings()
    depthlm: DepthLMSettings = field(default_factory=DepthLMSettings)

    def __post_init__(self) -> None:
        set_typed(self)
        for name, group in GROUPS.items():
            value = getattr(self, name)
            require(isinstance(value, group), name, value, f"{group.__name__}(...)")
        for name in ("paintings", "painting_round"):
            value, most = getattr(self, name), MOST_PAINTINGS
            require(1 <= value <= most, name, value, f"1 to {most}")
        require(
            0 <= self.target_error < 1,
            "target_error",
            self.target_error,
            "0 to below 1, e.g. 0.1 for 10 %; 0 paints all",
        )
        require(0 <= self.seed < 2**63, "seed", self.seed, "0 to 2^63 - 1")
        require(
            0 < self.strip_min_ratio <= self.strip_max_ratio <= 1,
            "strip_min_ratio, strip_max_ratio",
            (self.strip_min_ratio, self.strip_max_ratio),
            "0 < min <= max <= 1",
        )
        require(len(self.prompts) > 0, "prompts", self.prompts, "at least one text")
        require(
            self.working_short_side_px == 0 or 64 <= self.working_short_side_px <= 16384,
            "working_short_side_px",
            self.working_short_side_px,
            "64 to 16384, or 0 for the photo's own size",
        )
        require(
            self.erosion_px >= 1 and self.erosion_px % 2 == 1,
            "erosion_px",
            self.erosion_px,
            "an odd number, at least 1",
        )
        require(
            self.fit_scale or self.fit_offset,
            "fit_scale, fit_offset",
            (self.fit_scale, self.fit_offset),
            "at least one of the two must be fitted",
        )
        require(
            self.head_space == "model" or self.head_method != "robust",
            "head_space",
            self.head_space,
            "model, with head_method=robust; another one with a loss of the paper's, e.g. silog",
        )
        for name, kind in (
            ("renderer", RenderBackend),
            ("head_method", HeadMethod),
            ("head_space", HeadSpace),
            ("device", Device),
            ("precision", Precision),
            ("photo_people", PhotoPeople),
            ("paint", Paint),
        ):
            require_choice(name, getattr(self, name), kind)

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values, those of a group in a mapping of their own."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


def default_settings() -> dict[str, Any]:
    """The default of every setting by name; those of a group as "painter.steps"."""
    return dict(_flat(Settings()))


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": MappingProxyType(
            {
                "paint": "always",
                "target_error": 0.0,
                "head_method": "silog",
                "photo_people": "repeated",
                "painter.paste_back": False,
                "people.detector": "auto",
                "people.model": "hmr2",
            }
        ),
        "default": MappingProxyType({}),
        "fast": MappingProxyType(
            {"paintings": 8, "working_short_side_px": 384, "painter.steps": 25}
        ),
    }
)


def settings_from(preset: str = "default", **overrides: Any) -> Settings:
    """The settings of a preset ("paper", "default" or "fast") with some of them changed.

    overrides: fields of `Settings`; those of a group as a mapping, `painter={"steps": 30}`, or with
        the group's name in front, `**{"painter.steps": 30}`.

    Raises `SettingsError` for an unknown preset or setting, naming the closest one, and for a value
    outside its range.
    """
    if preset not in PRESETS:
        raise SettingsError(f"preset {preset!r} is unknown; there are {', '.join(PRESETS)}")
    known = default_settings()
    chosen: dict[str, Any] = dict(PRESETS[preset])
    for name, value in overrides.items():
        chosen.update(_spread(name, value))
    groups: dict[str, dict[str, Any]] = {name: {} for name in GROUPS}
    plain: dict[str, Any] = {}
    for name, value in chosen.items():
        if name not in known:
            raise SettingsError(f"setting {name!r} is unknown{_nearest(name, list(known))}")
        group, dot, own = name.rpartition(".")
        (groups[group] if dot else plain)[own] = value
    return Settings(**plain, **{name: GROUPS[name](**values) for name, values in groups.items()})


def _flat(settings: Settings) -> Iterator[tuple[str, Any]]:
    for each in fields(settings):
        value = getattr(settings, each.name)
        yield from _spread(each.name, value)


def _spread(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A setting, or each one of a group."""
    if name not in GROUPS:
        yield name, value
        return
    if is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in fields(value)}
    if not isinstance(value, Mapping):
        raise SettingsError(f"setting {name} is {value!r}; expected a mapping of its settings")
    yield from ((f"{name}.{own}", each) for own, each in value.items())


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
