"""Votes whose metric head is known, and votes drawn from the robust head's own model."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np

from mfh.head import Expectations
from mfh.head.robust import fit_robust
from mfh.head.votes import Votes

EXPECTED = Expectations(
    depth_range=(1.5, 20.0),
    painted_person=0.19,
    painted_bias=0.13,
    person=0.08,
    body=0.04,
    body_bias=0.04,
    doubt=0.1,
    doubtful=0.6,
    camera_height_m=1.4,
    camera_height=0.2,
    tilt=0.045,
    stance=0.1,
    stances=8.0,
    disparity=0.057,
    landmark=0.0,
)
"""What these tests expect, whatever the head expects by default."""

SPREAD = np.linspace(0.0, 1.0, 65)
"""The values that the planted photo's disparity takes."""


def votes_of(
    disparity,
    depth_m,
    kind="painted person",
    relative_error=np.nan,
    weight=1.0,
    up=None,
    foot_m=None,
):
    """Votes; what is one value holds for all, and nobody stands where `up` is None."""
    disparity = np.asarray(disparity, np.float64)
    count = len(disparity)

    def of_each(value, *rest):
        return np.broadcast_to(np.asarray(value, np.float64), (count, *rest)).copy()

    return Votes(
        disparity,
        of_each(depth_m),
        (kind,) * count if isinstance(kind, str) else tuple(kind),
        of_each(relative_error),
        of_each(weight),
        of_each(np.nan if up is None else up, 3),
        of_each(np.nan if foot_m is None else foot_m, 3),
    )


def depths_of(disparity, scale=0.4, offset=0.1, space="disparity"):
    """What a head says of the depth."""
    metric = scale * np.asarray(disparity) + offset
    return 1 / metric if space == "disparity" else metric


def ground(depth_m, said_m=None, *, height_m=1.4):
    """Who stands on level ground under a level camera: `up` and `foot_m` of their votes.

    depth_m: where they are; said_m: where their meshes are, bigger or smaller bodies at the same
    place in the picture.
    """
    depth_m = np.asarray(depth_m, np.float64)
    said_m = depth_m if said_m is None else np.asarray(said_m)
    foot_m = np.zeros((len(depth_m), 3))
    foot_m[:, 1], foot_m[:, 2] = height_m * said_m / depth_m, said_m
    return {"up": [0.0, -1.0, 0.0], "foot_m": foot_m}


def robust(votes, spread=SPREAD, space="disparity", expected=EXPECTED):
    return fit_robust(votes, spread, space, expected)


def log_ratio(head, other, disparity=SPREAD):
    """By how much the depths of two heads differ, or those of a head and given ones."""
    depth_m = other.apply(disparity) if hasattr(other, "apply") else other
    return np.log(head.apply(disparity) / depth_m)


def noisy(seed=0, count=10, error=0.15, standing=True):
    """Votes with errors of their own, and the camera 1.4 m above the ground."""
    rng = np.random.default_rng(seed)
    disparity = rng.uniform(0.1, 0.9, count)
    said_m = depths_of(disparity) * np.exp(error * rng.standard_normal(count))
    return votes_of(disparity, said_m, **(ground(depths_of(disparity), said_m) if standing else {}))


def changed(votes, which):
    """The votes of some owners, or in another order."""
    kind = tuple(np.array(votes.kind)[which].tolist())
    arrays = {f.name: getattr(votes, f.name)[which] for f in fields(Votes) if f.name != "kind"}
    return Votes(kind=kind, **arrays)


def joined(one, other):
    """The votes of both."""
    arrays = {
        f.name: np.concatenate([getattr(one, f.name), getattr(other, f.name)])
        for f in fields(Votes)
        if f.name != "kind"
    }
    return Votes(kind=one.kind + other.kind, **arrays)


def draw(
    rng, *, painted=0, people=0, points=0, standing=False, space="disparity", measured_to=None
):
    """Votes drawn from what `EXPECTED` says, and the head they are of: (votes, scale, offset).

    measured_to: the least and the largest error of measuring somebody, which people then know.
    """
    e = EXPECTED
    kind = np.repeat(["painted person", "person", "measured point"], [painted, people, points])
    is_painted, is_point = kind == "painted person", kind == "measured point"
    own = np.where(is_painted, e.painted_person, e.person)
    error = np.where(is_point, 0.02, np.nan)
    if measured_to is not None:
        error = np.where(is_point, error, np.exp(rng.uniform(*np.log(measured_to), len(kind))))
        own = np.sqrt(own**2 - e.body**2 + error**2)
    own = np.where(is_point, math.hypot(0.02, e.disparity), own)
    doubt = np.where(is_point, 0.1 * e.doubt, e.doubt)
    own = np.where(rng.random(len(kind)) < doubt, np.hypot(own, e.doubtful), own)

    farthest, nearest = (math.log(1 / (ratio - 1)) for ratio in e.depth_range)
    log_rest = rng.normal((farthest + nearest) / 2, (farthest - nearest) / (2 * 1.645))
    scale = math.exp(rng.normal())
    offset = scale * math.exp(log_rest)
    disparity = rng.uniform(0, 1, len(kind))
    true_m = depths_of(disparity, scale, offset, space)
    biases = rng.normal(0, e.painted_bias) * is_painted + rng.normal(0, e.body_bias) * ~is_point
    said_m = true_m * np.exp(biases + own * rng.standard_normal(len(kind)))

    stance = {}
    if standing:
        height_m = e.camera_height_m * math.exp(e.camera_height * rng.standard_t(4))
        feet_m = true_m * np.exp(e.stance * rng.standard_t(4, len(kind)))
        tangent = height_m / feet_m - rng.normal(0, e.tilt)
        stance = ground(np.ones(len(kind)), said_m, height_m=tangent)
    return votes_of(disparity, said_m, kind, error, **stance), scale, offset
