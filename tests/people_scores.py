"""How well people were measured, against the truth of `people_observations`.

Errors of depth are logarithms of ratios, so that a body twice as far and one half as far are as
wrong as each other. The depth of a body is that of its surface's centre.

What stature leaves open: the same picture is seen of a body of e^s times the size at e^s times the
distance. Whoever measures everything but the size, and takes everybody for as tall as the mean of
men or of women (of both where it is not told which), is wrong by log(mean stature / stature). The
error "beyond stature" is the error against that; it is not defined for children, whose size shows
in their proportions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from people_observations import Observation, ObservedPhoto, Shot
from people_truth import STATURE_M

from mfh.people.detection import MeshRegressor
from mfh.rendering import render_depth


@dataclass(frozen=True)
class Score:
    """One person's result.

    error: log of measured by true depth; beyond_stature: see above, NaN for children.
    stated: the relative error (1 sigma) that the regressor gives. iou: of both whole silhouettes.
    refused: why nothing was measured, "" where it was; the numbers are NaN where it was not.
    """

    shot: Shot
    distance_m: float
    focal_px: float
    height_px: float
    refused: str
    error: float = np.nan
    beyond_stature: float = np.nan
    stated: float = np.nan
    iou: float = np.nan


def score_all(regressor: MeshRegressor, photos: Sequence[ObservedPhoto]) -> list[Score]:
    """Let a regressor measure everybody, the people of a photo at once, and score each."""
    scores = []
    for photo in photos:
        measured = regressor.regress(photo.images, photo.found, photo.camera, photo.prompts)
        for observation, meshes in zip(photo.observations, measured, strict=True):
            scores.append(
                score(
                    photo,
                    observation,
                    meshes.vertices_m[0],
                    regressor.faces,
                    float(meshes.relative_error[0]),
                    meshes.refused[0],
                )
            )
    return scores


def score(
    photo: ObservedPhoto,
    observation: Observation,
    vertices_m: NDArray[np.float32],
    faces: NDArray[np.int32],
    stated: float,
    refused: str,
) -> Score:
    """Compare one mesh (V, 3) with the truth."""
    person = observation.shot.person
    true_m = centre_depth_m(observation.vertices_m, person.faces)
    rows = np.flatnonzero(observation.silhouette.any(axis=1))
    seen = (true_m, photo.camera.fx, float(rows[-1] - rows[0] + 1))
    if refused:
        return Score(observation.shot, *seen, refused)
    error = float(np.log(centre_depth_m(vertices_m, faces) / true_m))
    taken_for_m = _taken_for_m(observation.shot)
    beyond = error - float(np.log(taken_for_m / person.stature_m))
    drawn = np.isfinite(render_depth(vertices_m[None], faces, photo.camera, device="cpu")[0])
    union = int((drawn | observation.silhouette).sum())
    iou = int((drawn & observation.silhouette).sum()) / union
    return Score(observation.shot, *seen, "", error, beyond, stated, iou)


def _taken_for_m(shot: Shot) -> float:
    """The mean stature of such people, as far as one is told; NaN for children."""
    if shot.person.is_child:
        return np.nan
    if shot.told:
        return STATURE_M[shot.person.prompt][0]
    return float(np.mean([mean_m for mean_m, _ in STATURE_M.values()]))


def centre_depth_m(vertices_m: NDArray[np.float32], faces: NDArray[np.int32]) -> float:
    """Mean depth over the surface of a mesh."""
    corner = vertices_m.astype(np.float64)[faces]
    area = np.linalg.norm(
        np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1
    )
    return float(np.average(corner[..., 2].mean(axis=1), weights=area))


def measured(scores: Sequence[Score]) -> list[Score]:
    """Those who were not refused."""
    return [each for each in scores if not each.refused]


def absolute_percentile(values: Sequence[float], percent: float) -> float:
    """A percentile of absolute values."""
    return float(np.percentile(np.abs(values), percent))


def coverage(scores: Sequence[Score], sigmas: float) -> float:
    """The share whose error is within so many of their own stated errors."""
    return float(np.mean([abs(each.error) <= sigmas * each.stated for each in scores]))
