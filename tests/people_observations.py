"""What a camera and a detector would make of the people of `people_truth`, with known truth.

A photo here is a camera in somebody's hand and several people, each alone in an image of their own,
so that a regressor gets them as it gets the people of painted photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from people_truth import Person
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

from mfh.camera import project
from mfh.masks import window_of
from mfh.people.detection import Detections
from mfh.records import Intrinsics
from mfh.rendering import render_depth
from mfh.simulation.noise import smooth_field

Condition = Literal["facing", "turned", "truncated", "occluded"]
"""Facing: within 50 degrees, all of the body in the image. The others are that, but for: turned,
75 to 180 degrees; truncated by the image's border; occluded by something that hides about half."""

FOCAL_PX = (300.0, 2000.0)
DISTANCE_M = (1.0, 15.0)
KEYPOINT_PX = (2.0, 6.0)
MASK_PX = (1.0, 2.0)
MIN_HEIGHT_PX = 30.0
LOST_OR_WRONG = 0.1
_SIDES_PX = (480, 640)
_PLACEMENTS = 4000
_FACE = np.arange(17) < 5
# How far behind the surface a keypoint may lie and still count as seen: joints are inside limbs.
_SEEN_M = np.where(_FACE, 0.04, 0.16)


class Shot(NamedTuple):
    """Whom to see and how; told: whether the regressor is told "a man", "a woman", "a child"."""

    person: Person
    condition: Condition = "facing"
    told: bool = True


@dataclass(frozen=True, eq=False)
class Observation:
    """One person in one image.

    vertices_m: (V, 3) in the camera's frame; silhouette: (H, W), what the image would show of them
    with nothing in front; keypoints_px: (17, 2), the true ones; found: what the detector says.
    """

    shot: Shot
    vertices_m: NDArray[np.float32]
    silhouette: NDArray[np.bool_]
    keypoints_px: NDArray[np.float64]
    noise_px: float
    found: Detections


@dataclass(frozen=True, eq=False)
class ObservedPhoto:
    """A camera and the people it saw, an image each."""

    camera: Intrinsics
    observations: tuple[Observation, ...]

    @property
    def images(self) -> list[NDArray[np.uint8]]:
        """Grey images: nothing is to be learned from the pixels."""
        return [np.full((self.camera.height, self.camera.width, 3), 128, np.uint8)] * len(
            self.observations
        )

    @property
    def found(self) -> list[Detections]:
        """What the detector found in each image: one person."""
        return [each.found for each in self.observations]

    @property
    def prompts(self) -> list[str]:
        """What each image's painting was asked for."""
        return [each.shot.person.prompt if each.shot.told else "" for each in self.observations]


def observe_all(shots: Sequence[Shot], seed: int, photos: int) -> list[ObservedPhoto]:
    """Deal shots to photos whose focal lengths cover `FOCAL_PX` evenly in their logarithms.

    Each shot has a seed of its own.
    """
    dealt: list[list[Observation]] = [[] for _ in range(photos)]
    cameras = [_camera(k, photos, np.random.default_rng([seed, 0, k])) for k in range(photos)]
    shuffled = np.random.default_rng([seed, 1]).permutation(len(shots))
    for place, index in enumerate(shuffled):
        rng = np.random.default_rng([seed, 2, int(index)])
        dealt[place % photos].append(observe(shots[index], cameras[place % photos], rng))
    return [ObservedPhoto(camera, tuple(seen)) for camera, seen in zip(cameras, dealt, strict=True)]


def observe(shot: Shot, camera: Intrinsics, rng: np.random.Generator) -> Observation:
    """Put a person before a camera at random and let a detector find them."""
    person, condition, _ = shot
    rotation, move_m = _place(person, camera, condition, rng)
    vertices_m = (person.vertices_m @ rotation.T + move_m).astype(np.float32)
    keypoints_m = person.keypoints_m @ rotation.T + move_m
    depth_m = render_depth(vertices_m[None], person.faces, camera, device="cpu")[0]
    silhouette = np.isfinite(depth_m)
    visible = silhouette & ~_occluder(silhouette, rng) if condition == "occluded" else silhouette
    mask = _wandering(visible, rng.uniform(*MASK_PX), rng)
    keypoints_px = project(keypoints_m, camera)
    noise_px = float(rng.uniform(*KEYPOINT_PX))
    box_px = _box_px(mask)
    noisy_px, score = _detected(
        keypoints_px, _seen(keypoints_px, keypoints_m, depth_m, visible), box_px, noise_px, rng
    )
    size_px = np.tile(box_px[2:] - box_px[:2], 2)
    edge_px = np.tile((camera.width, camera.height), 2)
    jittered_px = np.clip(box_px + 0.02 * size_px * rng.standard_normal(4), 0, edge_px)
    found = Detections(
        mask=mask[None],
        box_px=jittered_px[None].astype(np.float32),
        score=rng.uniform(0.8, 0.999, 1).astype(np.float32),
        keypoints_px=noisy_px[None].astype(np.float32),
        keypoint_score=score[None].astype(np.float32),
    )
    return Observation(shot, vertices_m, silhouette, keypoints_px, noise_px, found)


def _camera(index: int, count: int, rng: np.random.Generator) -> Intrinsics:
    low, high = np.log(FOCAL_PX)
    f_px = float(np.exp(low + (high - low) * (index + rng.uniform()) / count))
    height, width = _SIDES_PX if rng.random() < 0.5 else _SIDES_PX[::-1]
    cx, cy = np.array([width, height]) / 2 + 5 * rng.standard_normal(2)
    return Intrinsics(f_px, f_px, cx, cy, height, width)


def _place(
    person: Person, camera: Intrinsics, condition: Condition, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation (3, 3) and translation (3,) into the camera's frame, as the condition wants it."""
    away_deg = rng.uniform(75, 180) if condition == "turned" else rng.uniform(0, 50)
    turn = Rotation.from_euler("y", away_deg * rng.choice([-1, 1]), degrees=True)
    half_view = np.arctan(np.array([camera.width, camera.height]) / 2 / camera.fx)
    for _ in range(_PLACEMENTS):
        distance_m = np.exp(rng.uniform(*np.log(DISTANCE_M)))
        camera_height_m = rng.uniform(0.8, 1.9)
        bearing = rng.uniform(-0.9, 0.9) * half_view[0]
        down_m = camera_height_m + float(person.vertices_m[:, 1].mean())
        pitch = np.arctan2(down_m, distance_m) + rng.uniform(-0.7, 0.7) * half_view[1]
        if abs(pitch) > np.radians(25):
            continue
        # A hand-held camera: it looks down by `pitch`, and is rolled a little.
        held = Rotation.from_euler("xz", (pitch, np.radians(3) * rng.standard_normal()))
        stands_m = np.array([distance_m * np.tan(bearing), camera_height_m, distance_m])
        rotation = (held * turn).as_matrix()
        move_m = held.apply(stands_m)
        if _is_placed(person.vertices_m @ rotation.T + move_m, camera, condition):
            return rotation, move_m
    raise RuntimeError(f"{person.kind}: no place found before a camera of f = {camera.fx:.0f} px")


def _is_placed(vertices_m: NDArray[np.float64], camera: Intrinsics, condition: Condition) -> bool:
    centre_m = float(vertices_m[:, 2].mean())
    if vertices_m[:, 2].min() < 0.2 or not DISTANCE_M[0] <= centre_m <= DISTANCE_M[1]:
        return False
    points_px = project(vertices_m, camera)
    inside = ((points_px > 2) & (points_px < (camera.width - 2, camera.height - 2))).all(axis=1)
    if condition == "truncated":
        shown = points_px[inside]
        return 0.3 <= inside.mean() <= 0.85 and float(np.ptp(shown[:, 1])) >= MIN_HEIGHT_PX
    return bool(inside.all()) and float(np.ptp(points_px[:, 1])) >= MIN_HEIGHT_PX


def _occluder(silhouette: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Everything beyond a line that leaves 45 to 70 % of somebody (H, W), mostly the upper part."""
    side = rng.choice(["below", "above", "left", "right"], p=[0.5, 0.1, 0.2, 0.2])
    axis = 0 if side in ("below", "above") else 1
    hidden = rng.uniform(0.3, 0.55)
    at = np.nonzero(silhouette)[axis]
    along = np.indices(silhouette.shape)[axis]
    if side in ("below", "right"):
        return np.asarray(along > np.quantile(at, 1 - hidden))
    return np.asarray(along < np.quantile(at, hidden))


def _wandering(
    mask: NDArray[np.bool_], wander_px: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """A mask (H, W) whose border wanders in and out by so much, smoothly along it."""
    window = window_of(mask, margin_px=int(4 * wander_px) + 2)
    inside = np.pad(mask[window], 1, mode="edge")
    signed_px = (distance_transform_edt(inside) - distance_transform_edt(~inside))[1:-1, 1:-1]
    signed_px -= 0.5 * np.sign(signed_px)
    wandered = np.zeros_like(mask)
    wandered[window] = signed_px + wander_px * smooth_field(signed_px.shape, 6.0, rng) > 0
    return wandered if wandered.any() else mask


def _box_px(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = window_of(mask)
    return np.array([columns.start, rows.start, columns.stop, rows.stop], np.float64)


def _seen(
    keypoints_px: NDArray[np.float64],
    keypoints_m: NDArray[np.float64],
    depth_m: NDArray[np.float32],
    visible: NDArray[np.bool_],
) -> NDArray[np.str_]:
    """(17,) "yes"; "self-hidden" behind the body's own surface; "no" outside what is visible."""
    height, width = visible.shape
    x, y = np.floor(keypoints_px).astype(int).T
    in_image = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    behind = keypoints_m[:, 2] - depth_m[y, x] > _SEEN_M
    # Ankles, ears and the nose lie on the outline; the border of the visible part is no hindrance.
    away_px = distance_transform_edt(~visible)[y, x]
    gone = ~in_image | (away_px > 0.02 * np.ptp(np.nonzero(visible)[0]) + 2)
    return np.select([gone, behind], ["no", "self-hidden"], "yes")


def _detected(
    true_px: NDArray[np.float64],
    seen: NDArray[np.str_],
    box_px: NDArray[np.float64],
    noise_px: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keypoints (17, 2) and scores (17,) as a detector gives them, some of them lost or wrong.

    What it does not see it guesses, and mostly knows that: limbs behind the own body rather well,
    the far side of a face and what is outside the mask badly. "Lost" ones it knows nothing of;
    "wrong" ones it puts somewhere else in the box, and is as sure of as of the right ones.
    """
    low_px, high_px = box_px[:2], box_px[2:]
    sure = np.clip(0.93 - 0.03 * noise_px + 0.07 * rng.standard_normal(17), 0.4, 0.99)
    score = np.select(
        [seen == "no", (seen == "self-hidden") & _FACE, seen == "self-hidden"],
        [rng.uniform(0, 0.2, 17), rng.uniform(0.03, 0.3, 17), rng.uniform(0.3, 0.75, 17)],
        sure,
    )
    worse = np.select([seen == "no", (seen == "self-hidden") & _FACE, seen == "self-hidden"],
                      [4.0, 2.0, 1.5], 1.0)  # fmt: skip
    keypoints_px = true_px + (noise_px * worse)[:, None] * rng.standard_normal((17, 2))
    keypoints_px = np.where(
        (seen == "no")[:, None], np.clip(keypoints_px, low_px, high_px), keypoints_px
    )
    for joint in np.flatnonzero(rng.random(17) < LOST_OR_WRONG):
        far_px = max(0.2 * float(high_px[1] - low_px[1]), 4 * noise_px)
        elsewhere_px = _elsewhere(true_px[joint], low_px, high_px, far_px, rng)
        wrong = rng.random() < 0.5
        keypoints_px[joint] = elsewhere_px
        score[joint] = rng.uniform(0.5, 0.95) if wrong else rng.uniform(0, 0.12)
    return keypoints_px, score


def _elsewhere(
    true_px: NDArray[np.float64],
    low_px: NDArray[np.float64],
    high_px: NDArray[np.float64],
    far_px: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The first of some places in the box that is far enough off, or the farthest of them."""
    places_px = rng.uniform(low_px, high_px, (20, 2))
    off_px = np.linalg.norm(places_px - true_px, axis=1)
    far = np.flatnonzero(off_px >= far_px)
    return np.asarray(places_px[far[0] if len(far) else int(np.argmax(off_px))])
