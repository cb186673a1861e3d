"""The people measured in one image, and what is known in metres about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records.checks import length_agrees, one_of, set_array, set_or_nan, set_relative_error

LandmarkKind = Literal["painted person", "person", "measured point", "asked point"]

POINT_KINDS: frozenset[LandmarkKind] = frozenset({"measured point", "asked point"})
"""Kinds that are points of known distance, measured or told by a model; the others are people."""


@dataclass(frozen=True, eq=False)
class People:
    """The people measured in one image.

    vertices_m: (P, V, 3) float32, camera frame, metres.
    faces: (F, 3) int32, shared by all.
    mask: (P, H, W) bool, the instance masks.
    box_px: (P, 4) float32, x0 y0 x1 y1.
    score: (P,) float32, the detector's confidence in [0, 1].
    relative_error: (P,) float32, 1 sigma of each mesh's distance as a fraction, positive: the error
        of measuring, not of the size somebody was painted at. NaN, as everywhere where it is not
        given, is what is usual.
    refused: for everybody who was found and not measured, why, in words that follow "somebody", the
        most certain first: a few words, the same for the same reason, as results count them. Who
        was refused is in none of the arrays.
    """

    vertices_m: NDArray[np.float32]
    faces: NDArray[np.int32]
    mask: NDArray[np.bool_]
    box_px: NDArray[np.float32]
    score: NDArray[np.float32]
    relative_error: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    refused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        set_array(self, "vertices_m", np.float32, ("P", "V", 3))
        set_array(self, "faces", np.int32, ("F", 3))
        set_array(self, "mask", np.bool_, ("P", "H", "W"))
        set_array(self, "box_px", np.float32, ("P", 4))
        set_array(self, "score", np.float32, ("P",))
        length_agrees("people", len(self), mask=self.mask, box_px=self.box_px, score=self.score)
        set_relative_error(self, len(self))
        refused: Any = self.refused
        if isinstance(refused, str) or not all(
            isinstance(reason, str) and reason.strip() for reason in refused
        ):
            raise InputError(
                f"people: refused is {refused!r}; expected a text for each who was found and "
                "not measured, in words that follow 'somebody'"
            )
        object.__setattr__(self, "refused", tuple(refused))
        if not np.isfinite(self.vertices_m).all():
            raise InputError("people: vertices_m holds NaN or infinite coordinates")
        vertex_count = self.vertices_m.shape[1]
        if (
            len(self)
            and self.faces.size
            and not (self.faces.min() >= 0 and self.faces.max() < vertex_count)
        ):
            raise InputError(
                f"people: faces refer to vertices {self.faces.min()}..{self.faces.max()}, "
                f"but each mesh has vertices 0..{vertex_count - 1}"
            )

    def __len__(self) -> int:
        return len(self.vertices_m)

    @classmethod
    def nobody(cls, height: int, width: int, refused: Sequence[str] = ()) -> People:
        """An image of the given size in which nobody was measured.

        refused: why not, for everybody who was found.
        """
        return cls(
            vertices_m=np.zeros((0, 0, 3), np.float32),
            faces=np.zeros((0, 3), np.int32),
            mask=np.zeros((0, height, width), np.bool_),
            box_px=np.zeros((0, 4), np.float32),
            score=np.zeros((0,), np.float32),
            refused=tuple(refused),
        )


@dataclass(frozen=True, eq=False)
class Landmarks:
    """What is known in metres about one image.

    depth_m: (H, W) float32, NaN where unknown.
    owner: (H, W) int16, the person or point a pixel belongs to, -1 for none.
    weight: (P,) float32, one for each owner, in [0, 1]: how far it is to be trusted, 1 as others of
        its kind are; 0 where it only hides others.
    kind: what each owner is, P of them; a single one holds for all.
    relative_error: (P,) float32, 1 sigma of the error of measuring each owner's distance, as a
        fraction, positive; of painted people, too, without that of the size they were painted at.
        NaN, as everywhere where it is not given, is what is usual for its kind.
    up: (P, 3) float32, unit vectors in the camera frame, which way up each owner stands; NaN for
        one that does not stand, or where it is not given.
    foot_m: (P, 3) float32, the lowest point of each that stands, in the camera frame.
    """

    depth_m: NDArray[np.float32]
    owner: NDArray[np.int16]
    weight: NDArray[np.float32]
    kind: tuple[LandmarkKind, ...] = ("painted person",)
    relative_error: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    up: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    foot_m: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))

    def __post_init__(self) -> None:
        set_array(self, "depth_m", np.float32, ("H", "W"))
        set_array(self, "owner", np.int16, ("H", "W"))
        set_array(self, "weight", np.float32, ("P",))
        owners = len(self.weight)
        kind = tuple(self.kind)
        object.__setattr__(self, "kind", kind * owners if len(kind) == 1 else kind)
        length_agrees("landmarks", owners, kind=self.kind)
        set_relative_error(self, owners)
        for name in ("up", "foot_m"):
            set_or_nan(self, name, owners, 3)
        for each in self.kind:
            one_of("landmarks: kind", each, get_args(LandmarkKind))
        if not ((self.weight >= 0) & (self.weight <= 1)).all():
            raise InputError(f"landmarks: weight {self.weight.tolist()}; expected 0 to 1")
        if self.depth_m.shape != self.owner.shape:
            raise InputError(
                f"landmarks: depth_m is {self.depth_m.shape} but owner is {self.owner.shape}"
            )
        known = self.owner >= 0
        if not np.array_equal(known, np.isfinite(self.depth_m)):
            raise InputError("landmarks: depth_m must be finite exactly where owner is not -1")
        if known.any() and not (self.depth_m[known] > 0).all():
            raise InputError("landmarks: depth_m must be positive where it is known")
        if self.owner.max(initial=-1) >= len(self.weight):
            raise InputError(
                f"landmarks: owner {int(self.owner.max())} has no weight; "
                f"there are {len(self.weight)} weights"
            )
