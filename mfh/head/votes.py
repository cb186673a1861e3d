"""What each landmark says of the depth: one vote for an owner, however many pixels it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.records import LandmarkKind, Landmarks, Space

Vector = NDArray[np.float64]

_PIXELS = 1024
"""Of an owner with more pixels, that many, evenly spread, give the median."""
_MAP_PIXELS = 20_000
# Chance alone gives this many owners a rank correlation this low in about 3 % of cases.
_ENOUGH_OWNERS = 8
_REVERSED = -0.7


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes of O owners, in order of images and owners.

    disparity: (O,) relative disparity (or depth) of each, in the photo's scale.
    depth_m: (O,) the depth each says is there.
    kind: what each is.
    relative_error: (O,) 1 sigma of the error of measuring its distance, as in `Landmarks`; NaN for
        what is usual for its kind.
    weight: (O,) how far it is to be trusted, in (0, 1].
    up, foot_m: (O, 3) the stance of each, as in `Landmarks`.
    """

    disparity: Vector
    depth_m: Vector
    kind: tuple[LandmarkKind, ...]
    relative_error: Vector
    weight: Vector
    up: NDArray[np.float64]
    foot_m: NDArray[np.float64]


def gather_votes(images: Iterable[tuple[NDArray[np.floating], Landmarks]]) -> Votes:
    """Take the vote of each owner that owns a pixel: medians over its pixels.

    images: the relative disparity (H, W) of each image, in the photo's scale, and its landmarks.

    1 / depth is affine in disparity, and medians of the two belong together as far as a person is
    flat; they do not follow the few pixels at which a mask leaks onto the background.
    """
    found = [vote for disparity, landmarks in images for vote in _votes(disparity, landmarks)]
    x, depth_m, kind, error, weight, up, foot_m = zip(*found, strict=True)
    return Votes(
        np.array(x),
        np.array(depth_m),
        kind,
        np.array(error, np.float64),
        np.array(weight, np.float64),
        np.array(up, np.float64),
        np.array(foot_m, np.float64),
    )


def _votes(disparity: NDArray[np.floating], landmarks: Landmarks) -> Iterator[tuple[object, ...]]:
    pixels = np.flatnonzero(landmarks.owner >= 0)
    owner = landmarks.owner.ravel()[pixels]
    values, depths_m = disparity.ravel(), landmarks.depth_m.ravel()
    for number in np.flatnonzero(np.bincount(owner)).tolist():
        own = pixels[owner == number]
        own = own[:: max(1, len(own) // _PIXELS)]
        yield (
            float(np.median(values[own])),
            float(1 / np.median(1 / depths_m[own].astype(np.float64))),
            landmarks.kind[number],
            landmarks.relative_error[number],
            landmarks.weight[number],
            landmarks.up[number],
            landmarks.foot_m[number],
        )


def spread_of(maps: Sequence[NDArray[np.floating]] | NDArray[np.floating]) -> Vector:
    """The values that the photo's disparity takes, sorted: its least, and quantiles of the rest.

    maps: (H, W) each.
    """
    each = max(1, _MAP_PIXELS // len(maps))
    thinned = [values.ravel()[:: max(1, values.size // each)] for values in maps]
    quantiles = np.quantile(np.concatenate(thinned).astype(np.float64), np.linspace(0, 1, 65))
    quantiles[0] = min(float(values.min()) for values in maps)
    return quantiles


def painted_votes(x: Vector, depth_m: Vector, group: NDArray[np.integer]) -> Votes:
    """Take the votes of pixels (K,) that belong to painted people `group` (K,), 0 to O - 1."""
    count = int(group.max()) + 1
    kind: tuple[LandmarkKind, ...] = ("painted person",)
    nothing = np.full((count, 3), np.nan)
    return Votes(
        medians(x, group),
        1 / medians(1 / depth_m, group),
        kind * count,
        np.full(count, np.nan),
        np.ones(count),
        nothing,
        nothing,
    )


def medians(values: Vector, group: NDArray[np.integer]) -> Vector:
    """The median of each group's values, (O,)."""
    ends = np.cumsum(np.bincount(group))[:-1]
    parts = np.split(values[np.argsort(group, kind="stable")], ends)
    return np.array([np.median(part) for part in parts])


def require_same_direction(votes: Votes, space: Space) -> None:
    """Refuse values that fall, owner by owner, where they should rise with their target.

    By ranks (Spearman), so that a few votes that are far off cannot make it seem so.

    Raises `InputError`.
    """
    owners = len(votes.disparity)
    if owners < _ENOUGH_OWNERS or np.ptp(votes.disparity) == 0 or np.ptp(votes.depth_m) == 0:
        return
    target = 1 / votes.depth_m if space == "disparity" else votes.depth_m
    correlation = float(np.corrcoef(_ranks(votes.disparity), _ranks(target))[0, 1])
    if correlation < _REVERSED:
        other = "depth" if space == "disparity" else "disparity"
        raise InputError(
            f"fit: the values given as {space} run the other way round (rank "
            f"correlation {correlation:.2f} with the {space} of {owners} people or points); if "
            f"they are {other}, give "
            f'them as that: space="{other}", or --disparity-space {other}'
        )


def _ranks(values: Vector) -> Vector:
    """The rank of each value, equal ones sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Vector = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks
