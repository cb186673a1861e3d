"""One known distance, and whether several of them fit a photo and each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

from mfh.errors import InputError
from mfh.records import Intrinsics, Photo
from mfh.records.checks import one_of

DistanceKind = Literal["measured point", "asked point"]

RELATIVE_ERROR: Mapping[DistanceKind, float] = MappingProxyType(
    {"measured point": 0.02, "asked point": 0.15}
)
"""What is expected of a tape or a laser that somebody points at what a pixel shows, and of a vision
language model that is asked about a pixel (`mfh.head.Expectations.asked_point`)."""

_USUAL = float("nan")
"""The default of `relative_error`, told from a NaN that is given by its identity."""

# A millimetre to a thousand kilometres.
_RANGE_M = (1e-3, 1e6)
_ERROR_RANGE = (1e-6, 1.0)
# Chance puts two measurements of one point further apart than this many sigma in 0.3 % of cases.
_CONTRADICTION_SIGMAS = 3


@dataclass(frozen=True)
class KnownDistance:
    """A point of a photo whose distance is known.

    x_px, y_px: where it is, in px of the photo as loaded, with its orientation applied; pixel
        (0, 0) covers [0, 1) x [0, 1).
    distance_m: straight from the camera to the point, as a tape or a laser measures it.
    depth_m: z in the camera frame, along the optical axis; exactly one of the two is given.
    relative_error: 1 sigma of either, as a fraction; by default `RELATIVE_ERROR` of its kind. Of
        an asked point it is the error of this answer alone: what all answers of a model may be
        wrong by together is expected besides.
    kind: "measured point", by a tape or a laser, or "asked point", told by a vision language model,
        which now and then says something quite wrong.

    Raises `InputError` for a number that is none or outside its range, for both or neither of
    `distance_m` and `depth_m`, and for another kind.
    """

    x_px: float
    y_px: float
    distance_m: float | None = None
    depth_m: float | None = None
    relative_error: float = _USUAL
    kind: DistanceKind = "measured point"

    def __post_init__(self) -> None:
        for name, what in (("x_px", "x"), ("y_px", "y")):
            value = _number(getattr(self, name))
            if not math.isfinite(value):
                raise InputError(
                    f"known distance: {what} is {getattr(self, name)!r}; it must be a number of "
                    "px, e.g. 320"
                )
            object.__setattr__(self, name, value)
        given = [name for name in ("distance_m", "depth_m") if getattr(self, name) is not None]
        if len(given) != 1:
            raise InputError(
                f"{self}: gives {' and '.join(given) or 'no distance'}; give either distance_m "
                "(straight from the camera, as a tape measures it) or depth_m (z)"
            )
        low, high = _RANGE_M
        value = _number(getattr(self, given[0]))
        if not low <= value <= high:
            raise InputError(
                f"{self}: {given[0]} is {getattr(self, given[0])!r}; it must be a positive number "
                f"of metres, e.g. 2.40, from {low:g} to {high:g}"
            )
        object.__setattr__(self, given[0], value)
        one_of("known distance: kind", self.kind, get_args(DistanceKind))
        if self.relative_error is _USUAL:
            object.__setattr__(self, "relative_error", RELATIVE_ERROR[self.kind])
        low, high = _ERROR_RANGE
        error = _number(self.relative_error)
        if not low <= error < high:
            raise InputError(
                f"{self}: relative_error is {self.relative_error!r}; it must be a fraction from "
                f"{low:g} to below {high:g}, e.g. 0.02 for 2 %"
            )
        object.__setattr__(self, "relative_error", error)

    def __str__(self) -> str:
        return f"known distance at ({self.x_px:g}, {self.y_px:g})"

    def depth_at(self, camera: Intrinsics) -> float:
        """Depth z of the point in metres: `distance_m / |((x - cx) / fx, (y - cy) / fy, 1)|`.

        camera: the intrinsics of the photo as loaded, which x and y are in px of.
        """
        if self.depth_m is not None:
            return self.depth_m
        x = (self.x_px - camera.cx) / camera.fx
        y = (self.y_px - camera.cy) / camera.fy
        return cast(float, self.distance_m) / math.hypot(x, y, 1)


def check_distances(distances: Sequence[KnownDistance], photo: Photo) -> None:
    """Check that every known distance lies inside a photo, and that none contradicts another.

    Two measured ones contradict each other that lie in one pixel and whose depths are further apart
    than three sigma of both their errors; asked ones may be anything. Raises `InputError`, naming
    the point and the photo's size.
    """
    in_pixel: dict[tuple[int, int], list[KnownDistance]] = {}
    for each in distances:
        require_inside(each, photo.camera)
        if each.kind == "measured point":
            in_pixel.setdefault((math.floor(each.x_px), math.floor(each.y_px)), []).append(each)
    for (x, y), several in in_pixel.items():
        for one, other in combinations(several, 2):
            depths_m = one.depth_at(photo.camera), other.depth_at(photo.camera)
            sigma = math.hypot(one.relative_error, other.relative_error)
            if abs(math.log(depths_m[0] / depths_m[1])) > _CONTRADICTION_SIGMAS * sigma:
                raise InputError(
                    f"known distances: two at pixel ({x}, {y}) of the photo, which has "
                    f"{_size(photo.camera)}, contradict each other: depth {depths_m[0]:.4g} m and "
                    f"{depths_m[1]:.4g} m; "
                    "leave one out, or give them a larger relative_error"
                )


def require_inside(distance: KnownDistance, camera: Intrinsics) -> None:
    """Refuse a known distance that lies outside the photo of this camera."""
    x, y = distance.x_px, distance.y_px
    if 0 <= x < camera.width and 0 <= y < camera.height:
        return
    turned = 0 <= y < camera.width and 0 <= x < camera.height
    raise InputError(
        f"{distance}: lies outside the photo of {_size(camera)}; x runs to the right from 0 to "
        f"below {camera.width} and y down from 0 to below {camera.height}, in px of the upright "
        "photo at its full size"
        + (f"; if x and y are the wrong way round, write {y:g},{x:g}" if turned else "")
    )


def fingerprint(distances: Sequence[KnownDistance]) -> list[dict[str, Any]]:
    """All that known distances say, as plain JSON values; the kind only where it is not measured.

    Run folders that were made before there were kinds thus stay valid.
    """
    said = [asdict(each) for each in distances]
    for each in said:
        if each["kind"] == "measured point":
            del each["kind"]
    return said


def _number(value: Any) -> float:
    """A value as a float; NaN where it is no number, infinite where it is too large for one."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _size(camera: Intrinsics) -> str:
    return f"{camera.width} x {camera.height} px"
