"""Metric depth, and what became of the painted photos."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.records.camera import Intrinsics, size_agrees
from mfh.records.checks import set_array
from mfh.records.head import MetricHead
from mfh.records.measuring import depth_at, nearest_pixels, points_at, whole_px

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mfh.decoding import PhotoLike

RecordT = TypeVar("RecordT")


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
    points: how many known distances the fit counts, answers of a model included.
    asked: how many of these are answers of a model.
    """

    painted: int
    with_people: int
    kept: int
    people: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    in_photo: int = 0
    set_aside: int = 0
    points: int = 0
    asked: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rejected", MappingProxyType(dict(self.rejected)))

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain JSON values."""
        return {**vars(self), "rejected": dict(self.rejected)}

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _remade, (type(self), self.as_dict())


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
        set_array(self, "depth_m", np.float32, ("H", "W"))
        size_agrees("metric depth", self.depth_m.shape, self.camera)
        if self.relative_error_map is not None:
            set_array(self, "relative_error_map", np.float32, ("H", "W"))
            size_agrees("relative error map", self.relative_error_map.shape, self.camera)
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

    def points(self) -> NDArray[np.float32]:
        """The point in space that each pixel's centre sees, (H, W, 3) in metres.

        Frame: the camera's, x right, y down, z forward. NaN, all three, where depth is NaN or
        infinite.
        """
        from mfh.camera import backproject  # noqa: PLC0415 - it needs the records

        known = np.where(np.isfinite(self.depth_m), self.depth_m, np.float32(np.nan))
        return backproject(known, self.camera)

    @overload
    def at(self, x: float, y: float) -> float: ...

    @overload
    def at(self, x: ArrayLike, y: ArrayLike) -> float | NDArray[np.float32]: ...

    def at(self, x: ArrayLike, y: ArrayLike) -> float | NDArray[np.float32]:
        """Depth z in metres of the pixel that (x, y) lies in.

        x, y: in px of the photo, to the right and down; numbers, or arrays that broadcast. Pixel
            (0, 0) covers [0, 1) x [0, 1), so whole numbers count pixels. Nothing is interpolated:
            between a near and a far pixel there is nothing.

        Returns a number for numbers, else float32 of the arrays' shape; `inf` where no more is
        known than "far". Raises `InputError` for a place outside the photo, and where depth is
        unknown.
        """
        found = depth_at(self.depth_m, x, y, self.camera)
        return float(found) if found.ndim == 0 else found

    @overload
    def distance(self, p: tuple[float, float], q: tuple[float, float]) -> float: ...

    @overload
    def distance(self, p: ArrayLike, q: ArrayLike) -> float | NDArray[np.float64]: ...

    def distance(self, p: ArrayLike, q: ArrayLike) -> float | NDArray[np.float64]:
        """Straight distance in metres between what two pixels see, `|points[p] - points[q]|`.

        p, q: (x, y) in px as for `at`, or arrays (..., 2) of many, which broadcast.

        Returns a number for two points, else float64 (...). Its relative error is that of the depth
        scale, `relative_error`, and that of the two depths against each other on top. Raises
        `InputError` for a point outside the photo, and where depth is unknown or infinite.
        """
        between = points_at(self.depth_m, p, self.camera) - points_at(self.depth_m, q, self.camera)
        distance_m = np.linalg.norm(between, axis=-1)
        return float(distance_m) if distance_m.ndim == 0 else np.asarray(distance_m)

    def resize(self, height: int, width: int) -> MetricDepth:
        """The same result at another size: depth, its error and the camera.

        height, width: in px. Each new pixel takes the depth of the old pixel that its centre lies
            in: depths are neither averaged nor interpolated, which would make up points between a
            near and a far surface.

        Raises `InputError` for a size that is no whole number of at least 1 px.
        """
        from mfh.camera import resize_intrinsics  # noqa: PLC0415 - it needs the records

        height, width = whole_px(height, "height"), whole_px(width, "width")
        error = self.relative_error_map
        return replace(
            self,
            depth_m=nearest_pixels(self.depth_m, height, width),
            camera=resize_intrinsics(self.camera, height, width),
            relative_error_map=None if error is None else nearest_pixels(error, height, width),
        )

    def save(
        self,
        path: str | os.PathLike[str],
        formats: str | Sequence[str] | None = None,
        *,
        image: PhotoLike | None = None,
    ) -> dict[str, Path]:
        """Write the result into a file, or in several formats into a folder.

        path: a file whose suffix tells the format, such as "room.npz", "room.ply" or "room.png" (a
            picture in colours); or a folder, which is made where it is not there.
        formats: names of `mfh.results.formats.FORMATS`, one or several, also as "npz,ply"; a folder
            without them gets the default ones. With one format, a path of its suffix is a file.
        image: the photo, as `mfh.metric_depth` takes it, for the formats that show its colours.
            Without it points and meshes have the colours of the depth picture; "colmap" and
            "nerfstudio" hold the photo itself.

        Returns the path of each format's file or folder. Raises `InputError` for a format or suffix
        that is not known, an image of another size and one that is needed and not given;
        `OutputError` where a file cannot be written.
        """
        from mfh.results.saving import save  # noqa: PLC0415 - it needs the records

        return save(self, Path(path), formats, image)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw depth with a scale in metres into Matplotlib axes, and return them.

        ax: the axes; None makes a figure. Their coordinates are those of `at`, in px. Colours are
            those of the depth picture: infinite depth light blue, unknown depth grey.

        Raises `MissingPartError` where Matplotlib is not installed.
        """
        from mfh.results.plotting import plot  # noqa: PLC0415 - it needs the records

        return plot(self, ax)

    def _repr_html_(self) -> str:
        """What a notebook shows: a small picture with a scale in metres, and what it rests on."""
        from mfh.results.notebook import notebook_html  # noqa: PLC0415 - it needs the records

        return notebook_html(self)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _remade, (type(self), {**vars(self), "parts": dict(self.parts)})


def _remade(kind: type[RecordT], fields: dict[str, Any]) -> RecordT:
    """Make a record of its pickled fields: a view of a mapping cannot be pickled itself."""
    return kind(**fields)
