"""Fitting the metric head to landmarks, in float64 on the gathered pixels."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfh.arrays import as_array
from mfh.errors import InputError, NoLandmarksError
from mfh.head.losses import Loss, loss, minimise
from mfh.head.robust import fit_robust
from mfh.head.votes import medians, painted_votes, require_same_direction, spread_of
from mfh.records import FitStatus, MetricHead, Space
from mfh.settings import HeadMethod, HeadSpace

# Spread (log-sd) of landmark depths, or of their disparity, under which the two numbers of the head
# cannot be told apart. What is seen of one body at 20 m, as the simulation renders them, spreads by
# 0.18 % at least.
_FLAT = 1e-3
_FEWEST_VOTES = 4


def fit(
    disparity: ArrayLike,
    depth_m: ArrayLike,
    owner: ArrayLike | None = None,
    *,
    method: HeadMethod = "robust",
    space: Space = "disparity",
    fit_scale: bool = True,
    fit_offset: bool = True,
) -> MetricHead:
    """Fit `1 / depth = scale * d + offset` (disparity space) or `depth = scale * d + offset`.

    disparity: (N, H, W), relative disparity (or depth) in one common scale.
    depth_m: (N, H, W), metres, NaN where unknown.
    owner: (N, H, W) integers, which person or point a pixel belongs to within its image; without
        it each image is one owner.
    method: "robust" gives each owner one vote (`mfh.head.robust.fit_robust`), taking all of them
        for painted people; the paper's losses (Eq. 5, Table 5) "silog", "log_l2", "l1" and "l2"
        count pixels (`mfh.head.losses.loss`).
    fit_scale, fit_offset: which numbers are fitted; the other stays at 1 or 0 (paper Table 4).
        "robust" fits both.

    `relative_error` of "robust" is what the user may expect. That of the losses is the standard
    error of the owners' mean vote on the depth scale (a vote is an owner's median log ratio); it is
    NaN with fewer than four owners, whose agreement may be chance, and it cannot see an error that
    all owners share. Where for a loss the landmarks lie at one depth, or the fit turns near and far
    around, scale and offset cannot be told apart: the offset is held at 0 and the status says so.

    Raises `NoLandmarksError` where no depth is known, `InputError` for arrays that do not belong
    together, depths that are not positive, an unknown method, and a disparity that clearly is a
    depth or the other way round.
    """
    return fit_either_way(
        disparity,
        depth_m,
        owner,
        method=method,
        space=space,
        fit_scale=fit_scale,
        fit_offset=fit_offset,
        negative_scale=False,
    )


def fit_either_way(
    disparity: ArrayLike,
    depth_m: ArrayLike,
    owner: ArrayLike | None,
    *,
    method: HeadMethod,
    space: Space,
    fit_scale: bool,
    fit_offset: bool,
    negative_scale: bool = True,
) -> MetricHead:
    """`fit`, of which a loss may turn near and far around.

    negative_scale: whether such a fit stays as it is.
    """
    d, depth = as_array(disparity), as_array(depth_m)
    owners = None if owner is None else as_array(owner)
    check_method(method, fit_scale=fit_scale, fit_offset=fit_offset)
    if space not in get_args(Space):
        raise InputError(f"fit: space {space!r}; expected one of {', '.join(get_args(Space))}")
    if d.ndim != 3 or depth.shape != d.shape or (owners is not None and owners.shape != d.shape):
        shapes = f"disparity {d.shape}, depth_m {depth.shape}"
        shapes += "" if owners is None else f", owner {owners.shape}"
        raise InputError(f"fit: {shapes}; all must be the same (N, H, W)")
    known = np.isfinite(depth)
    if not known.any():
        raise NoLandmarksError(
            "fit: no pixel has a known depth; landmarks must cover at least one pixel"
        )
    x = d[known].astype(np.float64)
    target_m = depth[known].astype(np.float64)
    if not (target_m > 0).all():
        raise InputError("fit: depth_m must be positive where it is known, NaN elsewhere")
    if not np.isfinite(x).all():
        raise InputError("fit: disparity is NaN or infinite where depth_m is known")
    if owners is not None and owners[known].min() < 0:
        raise InputError("fit: owner is negative where depth_m is known; every depth needs one")
    group = _owner_index(known, owners)
    if method == "robust":
        votes = painted_votes(x, target_m, group)
        require_same_direction(votes, space)
        return fit_robust(votes, spread_of(d), space)
    y = 1 / target_m if space == "disparity" else target_m
    return _minimised(
        method,
        x,
        y,
        group,
        space,
        fit_scale=fit_scale,
        fit_offset=fit_offset,
        negative_scale=negative_scale,
    )


def check_method(
    method: str, *, fit_scale: bool, fit_offset: bool, space: HeadSpace = "model"
) -> None:
    """Raise `InputError` for a method that is unknown, or cannot leave out what it should."""
    known = get_args(HeadMethod)
    if method not in known:
        raise InputError(f"fit: method {method!r}; expected one of {', '.join(known)}")
    if not (fit_scale or fit_offset):
        raise InputError("fit: fit_scale and fit_offset are both off; nothing is left to fit")
    if method == "robust" and not (fit_scale and fit_offset):
        raise InputError(
            'fit: method "robust" fits scale and offset; leave fit_scale and fit_offset on, or '
            "take one of the paper's losses, such as silog"
        )
    if space not in get_args(HeadSpace):
        raise InputError(f"fit: space {space!r}; expected one of {', '.join(get_args(HeadSpace))}")
    if method == "robust" and space != "model":
        raise InputError(
            'fit: method "robust" is fitted in the space of the relative model; leave head_space '
            "at model, or take one of the paper's losses, such as silog"
        )


def _minimised(
    method: Loss,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    group: NDArray[np.integer],
    space: Space,
    *,
    fit_scale: bool,
    fit_offset: bool,
    negative_scale: bool,
) -> MetricHead:
    """The head of lowest loss on pixels x (K,) with targets y (K,) of owners `group` (K,)."""
    status: FitStatus
    both = fit_scale and fit_offset
    if both and _is_flat(x, y):
        scale, offset, converged = minimise(method, x, y, fit_scale=True, fit_offset=False)
        status = "offset held"
    else:
        scale, offset, converged = minimise(
            method, x, y, fit_scale=fit_scale, fit_offset=fit_offset
        )
        status = "converged"
        if both and scale <= 0 and not negative_scale:
            target_m = 1 / y if space == "disparity" else y
            require_same_direction(painted_votes(x, target_m, group), space)
            scale, offset, converged = minimise(method, x, y, fit_scale=True, fit_offset=False)
            status = "offset held"
    return MetricHead(
        scale=scale,
        offset=offset,
        space=space,
        method=method,
        loss=loss(method, scale, offset, x, y),
        relative_error=_standard_error(scale * x + offset, y, group),
        used=np.ones(int(group.max()) + 1, np.bool_),
        status=status if converged else "not converged",
    )


def _is_flat(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    return bool(x.std() <= _FLAT * np.abs(x).mean() or np.log(y).std() <= _FLAT)


def _owner_index(
    known: NDArray[np.bool_], owner: NDArray[np.integer] | None
) -> NDArray[np.integer]:
    """For each gathered pixel, the running number of its owner over all images, (K,)."""
    label = np.repeat(np.arange(len(known)), known.sum(axis=(1, 2)))
    if owner is not None:
        gathered = owner[known].astype(np.int64)
        label = label * (int(gathered.max()) + 1) + gathered
    present = np.bincount(label) > 0
    # The narrowest type, so that sorting by it is a radix sort.
    number = (np.cumsum(present) - 1).astype(np.min_scalar_type(int(present.sum())))
    return number[label]


def _standard_error(
    predicted: NDArray[np.float64], y: NDArray[np.float64], group: NDArray[np.integer]
) -> float:
    sizes = np.bincount(group)
    if len(sizes) < _FEWEST_VOTES:
        return float("nan")
    votes = np.log(medians(np.maximum(predicted, np.finfo(np.float64).tiny) / y, group))
    return float(votes.std(ddof=1) / np.sqrt(len(sizes)))
