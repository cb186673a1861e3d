"""The records that stages hand to each other: frozen dataclasses of NumPy arrays.

Every record is checked once, when it is made, and its arrays are read-only from then on. Shapes use
H, W for the photo's height and width, N for painted photos and P for people. The frame is
OpenCV's: x right, y down, z forward, in metres; depth is z. Pixel (0, 0) covers [0, 1) x [0, 1), so
its centre is (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mfh.errors import CameraError, InputError

IntrinsicsSource = Literal["given", "exif", "field of view", "assumed"]
Space = Literal["disparity", "depth"]
LandmarkKind = Literal["painted person", "person", "measured point"]
FitStatus = Literal["converged", "offset held", "not converged"]

PlanT = TypeVar("PlanT", bound="PaintingPlan")

PHOTO_NAME = "photo"
"""What the photo itself is called among its painted photos."""

_VALUES_AT_ONCE = 2**18
"""Depth and its error are computed of so many pixels at once: what they take on the way is much."""


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera.

    fx, fy: focal lengths in px, positive.
    cx, cy: principal point in px, in the convention where the first pixel's centre is (0.5, 0.5).
    height, width: the image size in px these numbers hold for.
    source: where they come from.
    note: the details of that source in words, e.g. the EXIF tags used.

    Raises `CameraError` for a number that is not finite or a focal length that is not positive.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    height: int
    width: int
    source: IntrinsicsSource = "given"
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("fx", "fy", "cx", "cy"):
            value = float(getattr(self, name))
            object.__setattr__(self, name, value)
            if not np.isfinite(value):
                raise CameraError(
                    f"intrinsics: {name} is {value}; it must be a finite number of px"
                )
        for name in ("height", "width"):
            object.__setattr__(self, name, int(getattr(self, name)))
        if self.fx <= 0 or self.fy <= 0:
            raise CameraError(
                f"intrinsics: focal lengths fx = {self.fx:g}, fy = {self.fy:g} px; "
                "both must be positive"
            )
        if self.height < 1 or self.width < 1:
            raise CameraError(
                f"intrinsics: image size {self.width} x {self.height} px; both must be at least 1"
            )
        _one_of("intrinsics: source", self.source, get_args(IntrinsicsSource))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """K, (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    @property
    def horizontal_fov_deg(self) -> float:
        """Horizontal field of view in degrees, exact for an off-centre principal point too."""
        return _fov_deg(self.fx, self.cx, self.width)

    @property
    def vertical_fov_deg(self) -> float:
        """Vertical field of view in degrees, exact for an off-centre principal point too."""
        return _fov_deg(self.fy, self.cy, self.height)


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo and the camera that took it.

    image: (H, W, 3) uint8 RGB, orientation applied.
    camera: its intrinsics, for H x W.
    name: a short name, used for folders and titles.
    """

    image: NDArray[np.uint8]
    camera: Intrinsics
    name: str = "photo"

    def __post_init__(self) -> None:
        _set_array(self, "image", np.uint8, ("H", "W", 3))
        _size_agrees("photo", self.image.shape[:2], self.camera)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True, eq=False)
class PaintingPlan:
    """What is to be painted where: drawn once from the seed, before anything is painted.

    repainted: (N, H, W) bool, True where the painter paints.
    prompts: N texts.
    seeds: N integers; a painting depends on the photo, its mask, its prompt and its seed alone.
    names: N short names, the stems of its files; "0000", "0001", ... where none are given.
    """

    repainted: NDArray[np.bool_]
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _set_array(self, "repainted", np.bool_, ("N", "H", "W"))
        object.__setattr__(self, "prompts", tuple(self.prompts))
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in self.seeds))
        names = tuple(self.names) or tuple(f"{index:04d}" for index in range(len(self)))
        object.__setattr__(self, "names", names)
        _length_agrees(
            "painting plan", len(self), prompts=self.prompts, seeds=self.seeds, names=self.names
        )
        if len(set(self.names)) < len(self):
            raise InputError("painting plan: two painted photos have one name; names must differ")

    def __len__(self) -> int:
        return len(self.repainted)

    def rest(self: PlanT, start: int) -> PlanT:
        """The entries from `start` on."""
        return type(self)(**{f.name: getattr(self, f.name)[start:] for f in fields(self)})


@dataclass(frozen=True, eq=False)
class PaintedPhotos(PaintingPlan):
    """The painted photos of one photo, or with them the photo itself (`with_photo`).

    images: (N, H, W, 3) uint8 RGB; the other fields are their plan's.
    """

    images: NDArray[np.uint8] = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        _set_array(self, "images", np.uint8, ("N", "H", "W", 3))
        if self.images.shape[:3] != self.repainted.shape:
            raise InputError(
                f"painted photos: images {self.images.shape} and masks {self.repainted.shape} "
                "differ in number or size"
            )

    def with_photo(self, photo: Photo) -> PaintedPhotos:
        """The same with the photo first, as the painted photo in which nothing was repainted."""
        return PaintedPhotos(
            repainted=np.concatenate([np.zeros((1, *photo.shape), np.bool_), self.repainted]),
            prompts=("", *self.prompts),
            seeds=(0, *self.seeds),
            names=(PHOTO_NAME, *self.names),
            images=np.concatenate([photo.image[None], self.images]),
        )


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
        _set_array(self, "vertices_m", np.float32, ("P", "V", 3))
        _set_array(self, "faces", np.int32, ("F", 3))
        _set_array(self, "mask", np.bool_, ("P", "H", "W"))
        _set_array(self, "box_px", np.float32, ("P", 4))
        _set_array(self, "score", np.float32, ("P",))
        _length_agrees("people", len(self), mask=self.mask, box_px=self.box_px, score=self.score)
        _set_relative_error(self, len(self))
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
        _set_array(self, "depth_m", np.float32, ("H", "W"))
        _set_array(self, "owner", np.int16, ("H", "W"))
        _set_array(self, "weight", np.float32, ("P",))
        owners = len(self.weight)
        kind = tuple(self.kind)
        object.__setattr__(self, "kind", kind * owners if len(kind) == 1 else kind)
        _length_agrees("landmarks", owners, kind=self.kind)
        _set_relative_error(self, owners)
        for name in ("up", "foot_m"):
            _set_or_nan(self, name, owners, 3)
        for each in self.kind:
            _one_of("landmarks: kind", each, get_args(LandmarkKind))
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


@dataclass(frozen=True, eq=False)
class Disparity:
    """Relative disparity (or relative depth) of one or more images.

    values: (N, H, W) float32.
    space: "disparity" (larger = nearer) or "depth" (larger = farther).
    model: the name of what made it.
    """

    values: NDArray[np.float32]
    space: Space = "disparity"
    model: str = "unknown"

    def __post_init__(self) -> None:
        _set_array(self, "values", np.float32, ("N", "H", "W"))
        _one_of("disparity: space", self.space, get_args(Space))
        if not np.isfinite(self.values).all():
            raise InputError(f"disparity of {self.model}: holds NaN or infinite values")

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class AlignedDisparity:
    """The painted photos' disparity in the scale of the photo's: `scale * values + offset`.

    values: (N, H, W) float32.
    scale, offset: (N,) float64; NaN where the alignment had nothing to stand on.
    kept: (N,) bool; a painted photo that is not kept takes no part in the fit.
    reason: N texts, why a painted photo was dropped, "" where it was kept.
    space: as in `Disparity`.
    """

    values: NDArray[np.float32]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    kept: NDArray[np.bool_]
    reason: tuple[str, ...]
    space: Space = "disparity"

    def __post_init__(self) -> None:
        _set_array(self, "values", np.float32, ("N", "H", "W"))
        _set_array(self, "scale", np.float64, ("N",))
        _set_array(self, "offset", np.float64, ("N",))
        _set_array(self, "kept", np.bool_, ("N",))
        object.__setattr__(self, "reason", tuple(self.reason))
        _length_agrees(
            "aligned disparity",
            len(self),
            scale=self.scale,
            offset=self.offset,
            kept=self.kept,
            reason=self.reason,
        )
        _one_of("aligned disparity: space", self.space, get_args(Space))

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class MetricHead:
    """The two numbers that turn relative disparity d into metres.

    In disparity space `1 / depth_m = scale * d + offset`; in depth space
    `depth_m = scale * d + offset` (paper Sec. 3.3).

    scale, offset: in 1/m per unit of d and 1/m (disparity space), m per unit and m (depth space).
    space: which of the two.
    method: the loss that was minimised.
    loss: its value at the solution.
    relative_error: 1 sigma of the depth scale as a fraction; NaN where it cannot be told. Of method
        "robust" it is what the user may expect; of the paper's losses only how far the landmarks
        disagree.
    used: (O,) bool, for each owner that owns a pixel, in order of images and owners, whether the
        fit counts it as one of those that agree.
    status: "converged", "offset held" (the landmarks cannot determine both numbers) or
        "not converged".
    covariance: (2, 2) float64, of the errors of scale and offset; NaN where unknown.
    disparity_error: 1 sigma of what errors of the disparity itself add to a pixel's depth, as a
        fraction.
    shared_error: the part of `relative_error` that no more painted people would lessen; NaN where
        unknown.
    """

    scale: float
    offset: float
    space: Space
    method: str
    loss: float
    relative_error: float
    used: NDArray[np.bool_]
    status: FitStatus
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.full((2, 2), np.nan))
    disparity_error: float = 0.0
    shared_error: float = float("nan")

    def __post_init__(self) -> None:
        _set_array(self, "used", np.bool_, ("O",))
        _set_array(self, "covariance", np.float64, (2, 2))
        _one_of("metric head: space", self.space, get_args(Space))
        _one_of("metric head: status", self.status, get_args(FitStatus))
        if not (np.isfinite(self.scale) and np.isfinite(self.offset)):
            raise InputError(
                f"metric head: scale {self.scale} and offset {self.offset} must be finite"
            )

    @property
    def knows_error(self) -> bool:
        """Whether `relative_error` is what the user may expect.

        The paper's losses leave the covariance open: theirs is only how far the landmarks disagree.
        """
        return bool(np.isfinite(self.covariance).all() and np.isfinite(self.relative_error))

    def apply(self, disparity: ArrayLike) -> NDArray[np.float32]:
        """Depth in metres of relative disparity of any shape; NaN where that is NaN.

        Where the metric disparity is not positive the fit says "farther than can be told": the
        depth is `inf`. In depth space a depth that is not positive is NaN.
        """
        return _of_each(self._depth_m, disparity)

    def relative_error_of(self, disparity: ArrayLike) -> NDArray[np.float32]:
        """1 sigma of the depth that `apply` gives, as a fraction of it, in the same shape.

        `sqrt([d 1] C [d 1]^T / (scale * d + offset)^2 + disparity_error^2)` with the covariance C;
        `inf` where depth is `inf`, NaN where depth is NaN or C is unknown.
        """
        return _of_each(self._relative_error, disparity)

    def _depth_m(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        metric = self.scale * d + self.offset
        positive = metric > 0
        if self.space == "depth":
            return np.where(positive, metric, np.nan)
        beyond = np.where(np.isnan(metric), np.nan, np.inf)
        return np.divide(1.0, metric, out=beyond, where=positive)

    def _relative_error(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        metric = self.scale * d + self.offset
        (ss, so), (_, oo) = self.covariance
        variance = (ss * d + 2 * so) * d + oo
        beyond = np.where(np.isnan(metric) | (self.space == "depth"), np.nan, np.inf)
        squared = np.divide(variance, metric**2, out=beyond, where=metric > 0)
        error = np.sqrt(np.maximum(squared, 0) + self.disparity_error**2)
        return np.where(np.isnan(ss), np.nan, error)


@dataclass(frozen=True)
class Counts:
    """What became of the painted photos.

    painted: how many were painted.
    with_people: in how many somebody was measured.
    kept: how many took part in the fit.
    people: how many people the fit counts, those of the photo itself included.
    rejected: for each reason, how many painted photos it dropped.
    in_photo: how many of the people are in the photo itself.
    set_aside: how many people more took part, but do not agree with the others.
    points: how many known distances the fit counts.
    """

    painted: int
    with_people: int
    kept: int
    people: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    in_photo: int = 0
    set_aside: int = 0
    points: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rejected", MappingProxyType(dict(self.rejected)))

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain JSON values."""
        return {**vars(self), "rejected": dict(self.rejected)}


@dataclass(frozen=True, eq=False)
class MetricDepth:
    """Depth of every pixel of a photo, in metres.

    depth_m: (H, W) float32, z in the camera frame; `inf` where no more is known than "far".
    camera: the photo's intrinsics, with their source.
    head: the fit that gave the scale; None where a model gave metres by itself.
    relative_error: 1 sigma of the depth scale as a fraction, see `MetricHead`; NaN where unknown.
    counts: what was painted, kept and rejected, and why; None where nothing is ever painted.
    parts: for each stage, the part that did it ("simulated: ..." where it knew the truth).
    device: where the learned parts computed, in words; "" where there were none.
    warnings: what the user should know, in sentences.
    relative_error_map: (H, W) float32, 1 sigma of each pixel's depth as a fraction of it; None
        where the method cannot tell.
    painting: how much was painted, and why no more, in words.
    """

    depth_m: NDArray[np.float32]
    camera: Intrinsics
    head: MetricHead | None = None
    relative_error: float = float("nan")
    counts: Counts | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    warnings: tuple[str, ...] = ()
    relative_error_map: NDArray[np.float32] | None = None
    painting: str = ""

    def __post_init__(self) -> None:
        _set_array(self, "depth_m", np.float32, ("H", "W"))
        _size_agrees("metric depth", self.depth_m.shape, self.camera)
        if self.relative_error_map is not None:
            _set_array(self, "relative_error_map", np.float32, ("H", "W"))
            _size_agrees("relative error map", self.relative_error_map.shape, self.camera)
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))
        object.__setattr__(self, "warnings", tuple(self.warnings))

    @property
    def simulated(self) -> bool:
        """Whether any part knew the truth instead of estimating it."""
        return any(part.startswith("simulated") for part in self.parts.values())

    @property
    def knows_error(self) -> bool:
        """Whether `relative_error` is what the user may expect.

        With a head, where that says so; without one, where there is a number.
        """
        if self.head is None:
            return bool(np.isfinite(self.relative_error))
        return self.head.knows_error


def _of_each(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], values: ArrayLike
) -> NDArray[np.float32]:
    """A function of each value, in float64, of some at a time."""
    given = np.asarray(values)
    result = np.empty(given.shape, np.float32)
    flat, flat_result = given.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, _VALUES_AT_ONCE):
        some = slice(start, start + _VALUES_AT_ONCE)
        flat_result[some] = function(flat[some].astype(np.float64))
    return result


def _fov_deg(f_px: float, centre_px: float, length_px: int) -> float:
    return float(np.degrees(np.arctan2(centre_px, f_px) + np.arctan2(length_px - centre_px, f_px)))


def _set_array(record: Any, name: str, dtype: DTypeLike, shape: tuple[str | int, ...]) -> None:
    """Replace a field by a read-only array of the right type, or say what is wrong with it."""
    value = np.asarray(getattr(record, name))
    title = f"{_words(type(record).__name__)}: {name}"
    wanted = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    fits = value.ndim == len(shape) and all(
        isinstance(want, str) or have == want
        for have, want in zip(value.shape, shape, strict=False)
    )
    if not fits:
        raise InputError(f"{title} has shape {value.shape}; expected {wanted}")
    if value.dtype != dtype:
        if not np.can_cast(value.dtype, dtype, casting="same_kind"):
            raise InputError(f"{title} is {value.dtype}; expected {np.dtype(dtype)}")
        value = value.astype(dtype)
    value = value.view()
    value.setflags(write=False)
    object.__setattr__(record, name, value)


def _set_or_nan(record: Any, name: str, length: int, *rest: int) -> None:
    """Set a field (length, *rest) as `_set_array` does, to NaN where it is not given."""
    if len(getattr(record, name)) == 0:
        object.__setattr__(record, name, np.full((length, *rest), np.nan, np.float32))
    _set_array(record, name, np.float32, ("P", *rest))
    _length_agrees(_words(type(record).__name__), length, **{name: getattr(record, name)})


def _set_relative_error(record: Any, length: int) -> None:
    _set_or_nan(record, "relative_error", length)
    error = record.relative_error
    if ((error <= 0) | np.isinf(error)).any():
        raise InputError(
            f"{_words(type(record).__name__)}: relative_error {error.tolist()}; each must be "
            "positive and finite, or NaN where unknown"
        )


def _size_agrees(what: str, shape: tuple[int, ...], camera: Intrinsics) -> None:
    if shape != (camera.height, camera.width):
        raise CameraError(
            f"{what}: {shape[1]} x {shape[0]} px, but its intrinsics are for "
            f"{camera.width} x {camera.height} px"
        )


def _length_agrees(what: str, length: int, **others: Any) -> None:
    for name, value in others.items():
        if len(value) != length:
            raise InputError(f"{what}: {len(value)} {name} for {length} entries")


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{what} is {value!r}; expected one of {', '.join(map(repr, allowed))}")


def _words(name: str) -> str:
    return "".join(" " + c.lower() if c.isupper() else c for c in name).strip()
