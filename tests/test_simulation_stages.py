"""The simulated stages: exact without errors, and the same in every order, process and size."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_room import (
    disparity_of,
    line_through,
    people_of,
    plan_of,
    room,
    scenes_of,
    unpainted,
)

from mfh.errors import InputError
from mfh.photos import resize_photo
from mfh.records import Intrinsics, PaintedPhotos, PaintingPlan, People, Photo
from mfh.rendering import render_depth
from mfh.simulation import (
    SimulatedDetector,
    SimulatedErrors,
    SimulatedWorld,
    load_truth,
    simulated_parts,
)

REPOSITORY = Path(__file__).resolve().parent.parent


def _depth_of_landmarks(people: Sequence[People], camera: Intrinsics) -> list[NDArray[np.float32]]:
    """For each painting, the depth (H, W) of people where mask and mesh agree, NaN elsewhere."""
    landmarks = []
    for measured in people:
        mesh_m = render_depth(measured.vertices_m, measured.faces, camera)
        mesh_m[~measured.mask] = np.nan
        landmarks.append(np.fmin.reduce(mesh_m, axis=0, initial=np.nan))
    return landmarks


def _recovered_abs_rel(photo: Photo, depth_m: NDArray[np.float32], plan: PaintingPlan) -> float:
    """AbsRel of depth found from people and disparity alone, with least squares."""
    people = people_of(photo, depth_m, plan)
    of_photo, of_painted = disparity_of(photo, depth_m, plan)
    landmarks = np.stack(_depth_of_landmarks(people, photo.camera))
    found = np.isfinite(landmarks)
    assert found.any(axis=(1, 2)).mean() > 0.8
    slope, intercept, _ = line_through(of_painted[found], 1 / landmarks[found])
    known = np.isfinite(depth_m)
    predicted_m = 1 / (slope * of_photo + intercept)
    return float(np.mean(np.abs(predicted_m - depth_m)[known] / depth_m[known]))


def test_without_errors_everything_is_exact() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 8)
    scenes = scenes_of(photo, depth_m, plan)
    people = people_of(photo, depth_m, plan)
    of_photo, of_painted = disparity_of(photo, depth_m, plan)
    affine = line_through(1 / depth_m, of_photo)
    assert affine[0] > 0
    assert affine[2] < 1e-6
    assert of_photo.min() > 0
    for scene, measured, values, strip in zip(
        scenes, people, of_painted, plan.repainted, strict=True
    ):
        assert scene.outcome == "person"
        (figure,) = scene.figures
        np.testing.assert_array_equal(measured.vertices_m, [figure.vertices_m])
        np.testing.assert_array_equal(measured.mask, [figure.visible])
        mesh_m = render_depth(measured.vertices_m, measured.faces, photo.camera)[0]
        np.testing.assert_array_equal(scene.depth_m[figure.visible], mesh_m[figure.visible])
        np.testing.assert_array_equal(figure.visible, strip & (mesh_m < depth_m))
        np.testing.assert_array_equal(scene.depth_m[~figure.visible], depth_m[~figure.visible])
        own = line_through(1 / scene.depth_m, values)
        assert own[:2] == pytest.approx(affine[:2], rel=1e-5)
        assert own[2] < 1e-6
    assert _recovered_abs_rel(photo, depth_m, plan) < 1e-5


def test_boxes_hold_the_masks_and_scores_are_confident() -> None:
    photo, depth_m = room()
    for measured in people_of(photo, depth_m, plan_of(photo, 4)):
        x0, y0, x1, y1 = measured.box_px[0].astype(int)
        rows, columns = np.nonzero(measured.mask[0])
        assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (y0, y1, x0, x1)
        assert 0.5 < measured.score[0] < 1


def test_outside_the_strip_a_painting_is_the_photo() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 6)
    parts = simulated_parts(
        SimulatedWorld(photo, depth_m, SimulatedErrors(nobody=0.3, non_human=0.3))
    )
    images = list(parts["painter"].paint(photo, plan))
    for image, strip in zip(images, plan.repainted, strict=True):
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image[~strip], photo.image[~strip])
        assert (image[strip] != photo.image[strip]).any()


def test_the_person_is_drawn_where_the_mask_is() -> None:
    photo, depth_m = room()
    plan = plan_of(photo, 4)
    parts = simulated_parts(SimulatedWorld(photo, depth_m))
    for image, scene in zip(
        parts["painter"].paint(photo, plan), scenes_of(photo, depth_m, plan), strict=True
    ):
        changed = np.abs(image.astype(int) - photo.image).max(axis=2) > 12
        assert changed[scene.figures[0].visible].mean() > 0.85
        assert changed[~scene.figures[0].silhouette].mean() < 0.08


def _records(
    order: Sequence[int], seed: int = 5
) -> dict[int, tuple[NDArray[np.uint8], People, NDArray[np.float32]]]:
    photo, depth_m = room()
    whole = plan_of(photo, 6)
    plan = PaintingPlan(
        whole.repainted[list(order)],
        tuple(whole.prompts[i] for i in order),
        tuple(whole.seeds[i] for i in order),
    )
    parts = simulated_parts(SimulatedWorld(photo, depth_m, SimulatedErrors.strong(), seed))
    images = np.stack(list(parts["painter"].paint(photo, plan)))
    painted = PaintedPhotos(plan.repainted, plan.prompts, plan.seeds, images=images)
    # A world of its own for each stage, as in a run that is resumed.
    others = [
        simulated_parts(SimulatedWorld(photo, depth_m, SimulatedErrors.strong(), seed))
        for _ in range(2)
    ]
    people = others[0]["people"].measure(photo, painted)
    maps = [each.values for each in others[1]["disparity"].estimate(photo, painted)]
    return dict(zip(order, zip(images, people, maps, strict=True), strict=True))


def test_order_and_number_do_not_matter() -> None:
    forwards, backwards = _records(range(6)), _records([4, 2])
    for index, (image, people, disparity) in backwards.items():
        np.testing.assert_array_equal(image, forwards[index][0])
        np.testing.assert_array_equal(people.vertices_m, forwards[index][1].vertices_m)
        np.testing.assert_array_equal(people.mask, forwards[index][1].mask)
        np.testing.assert_array_equal(disparity, forwards[index][2])
    other = _records(range(6), seed=6)
    assert not all(np.array_equal(other[i][0], forwards[i][0]) for i in range(6))


def test_another_process_finds_the_same() -> None:
    script = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "import hashlib, test_simulation_stages as t\n"
        "for index, (image, people, disparity) in t._records([1, 3]).items():\n"
        "    arrays = image, people.vertices_m, people.mask, disparity\n"
        "    print(hashlib.sha256(b''.join(a.tobytes() for a in arrays)).hexdigest())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY,
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].split()) == 2


def test_people_seen_at_a_reduced_size_stand_in_the_same_world() -> None:
    photo, depth_m = room(480, 640)
    small = resize_photo(photo, 240)
    parts = simulated_parts(SimulatedWorld(photo, depth_m))
    plan = plan_of(small, 6)
    image = next(iter(parts["painter"].paint(small, plan)))
    assert image.shape == small.image.shape
    of_photo = next(
        iter(parts["disparity"].estimate(small, unpainted(small, plan).with_photo(small)))
    )
    picked = depth_m[1::2, 1::2]
    assert line_through(1 / picked, of_photo.values[0])[2] < 1e-6
    assert _recovered_abs_rel(small, picked, plan) < 1e-5


def test_sparse_truth_with_holes_is_exact_where_it_is_known() -> None:
    photo, depth_m = room()
    rng = np.random.default_rng(2)
    sparse_m = np.where(rng.uniform(size=depth_m.shape) < 0.1, depth_m, np.float32(np.nan))
    sparse_m[60:100, 100:160] = np.nan
    assert _recovered_abs_rel(photo, sparse_m, plan_of(photo, 6)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "truth", "camera"),
    [
        (
            "nyu/rgb_00000.jpg",
            "nyu/sync_depth_00000.png",
            (518.8579, 519.46961, 325.58245, 253.73617),
        ),
        (
            "nyu/living_room_rgb.png",
            "nyu/living_room_depth.png",
            (518.8579, 519.46961, 325.58245, 253.73617),
        ),
        (
            "kitti/rgb_0000000005.png",
            "kitti/depth_0000000005.png",
            (707.0493, 707.0493, 604.0814, 180.5066),
        ),
    ],
)
def test_real_photos_are_recovered_without_errors(
    shared: Path, image: str, truth: str, camera: tuple[float, float, float, float]
) -> None:
    from PIL import Image

    with Image.open(shared / "data" / image) as file:
        pixels = np.asarray(file.convert("RGB"))
    height, width = pixels.shape[:2]
    photo = Photo(pixels, Intrinsics(*camera, height=height, width=width))
    depth_m = load_truth(shared / "data" / truth, photo.shape).depth_m
    assert _recovered_abs_rel(photo, depth_m, plan_of(photo, 10)) < 1e-4


def test_stages_name_themselves_and_what_they_depend_on() -> None:
    photo, depth_m = room(96, 128)
    fingerprints = {}
    for key, part in simulated_parts(
        SimulatedWorld(photo, depth_m, SimulatedErrors.default(), 7)
    ).items():
        assert part.name.startswith("simulated")  # type: ignore[attr-defined]
        fingerprints[key] = json.loads(json.dumps(part.fingerprint))  # type: ignore[attr-defined]
        assert fingerprints[key]["seed"] == 7
    errors = {key: set(value["errors"]) for key, value in fingerprints.items()}
    assert errors["painter"] == errors["people"] & errors["disparity"]
    world = SimulatedWorld(photo, depth_m)
    of_keypoints = set(SimulatedDetector(world).fingerprint["errors"]) - errors["people"]
    assert of_keypoints == {"keypoint_px", "keypoint_wrong"}
    assert errors["people"] | errors["disparity"] | of_keypoints == set(SimulatedErrors().as_dict())
    other = simulated_parts(
        SimulatedWorld(photo, depth_m * np.float32(1.1), SimulatedErrors.default(), 7)
    )
    assert other["painter"].fingerprint != fingerprints["painter"]  # type: ignore[attr-defined]


def test_truth_of_another_photo_is_refused() -> None:
    photo, depth_m = room(96, 128)
    with pytest.raises(InputError, match=r"truth is \(95, 128\) but the photo \(96, 128\)"):
        simulated_parts(SimulatedWorld(photo, depth_m[1:]))
    with pytest.raises(InputError, match="no pixel of the truth has a known depth"):
        simulated_parts(SimulatedWorld(photo, np.zeros_like(depth_m)))
    parts = simulated_parts(SimulatedWorld(photo, depth_m))
    wide, _ = room(64, 128)
    with pytest.raises(InputError, match="128 x 64 px, and its truth of 128 x 96 px"):
        next(iter(parts["painter"].paint(wide, plan_of(wide, 1))))
