"""Known distances as landmarks of the photo."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mfh.errors import InputError
from mfh.known_distances.distance import KnownDistance, require_inside
from mfh.records import Intrinsics, Landmarks

_RADIUS_PX = 1.6
"""7 to 12 pixels: no single one's noise decides, and little else than the point is seen."""


def landmarks_with_distances(
    landmarks: Landmarks,
    distances: Sequence[KnownDistance],
    photo_camera: Intrinsics,
    working_camera: Intrinsics,
) -> Landmarks:
    """Add known distances to a photo's own landmarks, each as one owner more.

    landmarks: of the photo at its working size, perhaps nobody.
    distances: P' known distances, in px of the photo as loaded.
    photo_camera, working_camera: the intrinsics of the photo as loaded and at its working size.

    A known distance is an owner of its own kind and relative error and of weight 1, numbered on
    from the owners there are. It has the pixels whose centres are within 1.6 px
    of it at the working size, all at its depth; it takes them from people, and from another known
    distance where it is nearer. Of those at one place the surer one has them.

    Raises `InputError` for landmarks of another size than the working camera's, for a point outside
    the photo, and where there are more owners than landmarks can number.
    """
    height, width = working_camera.height, working_camera.width
    if landmarks.owner.shape != (height, width):
        raise InputError(
            f"known distances: the landmarks have shape {landmarks.owner.shape}; expected "
            f"{(height, width)}, the working size"
        )
    people = len(landmarks.weight)
    most = np.iinfo(landmarks.owner.dtype).max - people
    if len(distances) > most:
        raise InputError(
            f"known distances: {len(distances)} are given; at most {most} can be used, so leave "
            "some out"
        )
    depth_m, owner = landmarks.depth_m.copy(), landmarks.owner.copy()
    squared_px = np.full((height, width), np.inf)  # to the known distance that has a pixel
    surest_first = sorted(range(len(distances)), key=lambda i: distances[i].relative_error)
    for index in surest_first:
        each = distances[index]
        require_inside(each, photo_camera)
        x = each.x_px * (width / photo_camera.width)
        y = each.y_px * (height / photo_camera.height)
        columns, rows = _window(x, width), _window(y, height)
        across, down = (np.arange(s.start, s.stop) + 0.5 for s in (columns, rows))
        to_point_px = (across - x) ** 2 + (down[:, None] - y) ** 2
        here = rows, columns
        taken = (to_point_px <= _RADIUS_PX**2) & (to_point_px < squared_px[here])
        squared_px[here][taken] = to_point_px[taken]
        owner[here][taken] = people + index
        depth_m[here][taken] = each.depth_at(photo_camera)
    not_standing = np.full((len(distances), 3), np.nan, np.float32)
    return Landmarks(
        depth_m=depth_m,
        owner=owner,
        weight=np.append(landmarks.weight, np.ones(len(distances), np.float32)),
        kind=(*landmarks.kind, *(each.kind for each in distances)),
        relative_error=np.append(
            landmarks.relative_error,
            np.array([each.relative_error for each in distances], np.float32),
        ),
        up=np.concatenate([landmarks.up, not_standing]),
        foot_m=np.concatenate([landmarks.foot_m, not_standing]),
    )


def _window(centre_px: float, length_px: int) -> slice:
    """The pixels of a row or column that a disc around a point may reach."""
    first = max(math.floor(centre_px - _RADIUS_PX), 0)
    return slice(first, min(math.ceil(centre_px + _RADIUS_PX), length_px))
