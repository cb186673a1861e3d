import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mfh.people import DetectedPeople
from mfh.people.detection import Detections, Meshes
from mfh.records import Intrinsics, PaintedPhotos, Photo

HEIGHT, WIDTH = 30, 40
FACES = np.array([[0, 1, 2]], np.int32)


class PlantedDetector:
    """Finds as many people in an image as its first pixel says, each person `n` in column `n`."""

    name = "planted detector"
    device = "CPU"

    def __init__(self):
        self.fingerprint = {"detector": 1}
        self.asked = []

    def detect(self, images):
        self.asked.append(len(images))
        for image in images:
            count = int(image[0, 0, 0])
            mask = np.zeros((count, HEIGHT, WIDTH), np.bool_)
            for person in range(count):
                mask[person, 5:25, person] = True
            box_px = np.array([[n, 5, n + 1, 25] for n in range(count)], np.float32)
            score = np.linspace(0.9, 0.6, count, dtype=np.float32)
            yield Detections(mask=mask, box_px=box_px.reshape(count, 4), score=score)


class PlantedRegressor:
    """Puts person `n` of an image at a depth of 2 + n metres."""

    name = "planted meshes"
    device = "CPU"
    faces = FACES

    def __init__(self):
        self.fingerprint = {"regressor": 1}
        self.people = []
        self.cameras = []
        self.prompts = []

    def regress(self, images, found, camera, prompts=()):
        assert len(images) == len(found) == len(prompts)
        self.prompts += prompts
        self.people.append([len(each) for each in found])
        self.cameras.append(camera)
        return [self.regressed(each) for each in found]

    def regressed(self, found):
        unknown = np.full(len(found), np.nan, np.float32)
        return Meshes(self.meshes(len(found)), unknown, ("",) * len(found))

    def meshes(self, count):
        vertices_m = np.zeros((count, 3, 3), np.float32)
        vertices_m[:, :, 2] = 2 + np.arange(count)[:, None]
        return vertices_m


def photo_and_images(counts, prompts=None):
    camera = Intrinsics(50, 50, WIDTH / 2, HEIGHT / 2, HEIGHT, WIDTH)
    photo = Photo(np.zeros((HEIGHT, WIDTH, 3), np.uint8), camera)
    images = np.zeros((len(counts), HEIGHT, WIDTH, 3), np.uint8)
    images[:, 0, 0, 0] = counts
    painted = PaintedPhotos(
        repainted=np.zeros((len(counts), HEIGHT, WIDTH), np.bool_),
        prompts=prompts or ("",) * len(counts),
        seeds=(0,) * len(counts),
        images=images,
    )
    return photo, painted


def measured(counts, detector=None, regressor=None):
    photo, images = photo_and_images(counts)
    people = DetectedPeople(detector or PlantedDetector(), regressor or PlantedRegressor())
    return list(people.measure(photo, images))


def test_people_of_each_image_in_order():
    counts = [2, 0, 1, 3]
    people = measured(counts)
    assert [len(each) for each in people] == counts
    assert people[0].vertices_m[:, 0, 2] == pytest.approx([2, 3])
    assert people[3].score == pytest.approx([0.9, 0.75, 0.6])
    assert people[3].mask[2, 10].tolist().index(True) == 2
    np.testing.assert_array_equal(people[3].faces, FACES)
    assert people[1].mask.shape == (0, HEIGHT, WIDTH)


def test_all_people_of_a_group_are_regressed_in_one_call():
    detector, regressor = PlantedDetector(), PlantedRegressor()
    counts = [i % 3 for i in range(37)]
    people = measured(counts, detector, regressor)
    assert [len(each) for each in people] == counts
    assert detector.asked == [16, 16, 5]
    assert regressor.people == [counts[:16], counts[16:32], counts[32:]]
    assert all(camera.fx == 50 for camera in regressor.cameras)


def test_a_group_is_given_before_the_next_one_is_searched():
    detector = PlantedDetector()
    photo, images = photo_and_images([1] * 20)
    people = DetectedPeople(detector, PlantedRegressor()).measure(photo, images)
    for _ in range(16):
        next(people)
    assert detector.asked == [16]


def test_meshes_are_not_asked_for_where_nobody_is():
    regressor = PlantedRegressor()
    people = measured([0, 0], regressor=regressor)
    assert [len(each) for each in people] == [0, 0]
    assert regressor.people == []


def test_a_regressor_is_told_what_each_image_was_asked_for():
    detector, regressor = PlantedDetector(), PlantedRegressor()
    prompts = tuple(f"prompt {n}" for n in range(20))
    photo, images = photo_and_images([1] * 20, prompts)
    people = DetectedPeople(detector, regressor)
    list(people.measure(photo, images.with_photo(photo).rest(1)))
    assert regressor.prompts == list(prompts)
    regressor.prompts = []
    photo, images = photo_and_images([1, 1], ("a man", "a woman"))
    asked = Photo(images.images[0], photo.camera)
    list(people.measure(asked, images.with_photo(asked)))
    assert regressor.prompts == ["", "a man", "a woman"]


def test_errors_and_refusals_of_a_regressor_come_along():
    class Careful(PlantedRegressor):
        def regressed(self, found):
            refused = tuple("is too small" if n == 1 else "" for n in range(len(found)))
            error = np.array([0.05, 0.9, np.nan, 0.2], np.float32)[: len(found)]
            return Meshes(self.meshes(len(found)), error, refused)

    first, second, third = measured([4, 1, 0], regressor=Careful())
    np.testing.assert_array_equal(first.relative_error, np.float32([0.05, np.nan, 0.2]))
    assert first.vertices_m[:, 0, 2] == pytest.approx([2, 4, 5])
    assert first.refused == ("is too small",)
    assert (second.relative_error.tolist(), second.refused) == ([np.float32(0.05)], ())
    assert third.refused == ()


def test_keypoints_stay_with_their_people():
    """Of four found in an image, one of whom has no mask."""

    class Keypoints(PlantedDetector):
        def detect(self, images):
            for found in super().detect(images):
                found.mask[1] = False
                points = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 17, 2))
                yield replace(found, keypoints_px=points, keypoint_score=points[..., 0] / 10)

    class Reading(PlantedRegressor):
        def regressed(self, found):
            self.found = found
            return super().regressed(found)

    regressor = Reading()
    measured([4], Keypoints(), regressor)
    assert regressor.found.keypoints_px[:, 16, 1].tolist() == [0, 2, 3]
    assert regressor.found.keypoint_score[:, 0] == pytest.approx([0, 0.2, 0.3])
    measured([4], regressor=regressor)
    assert regressor.found.keypoints_px is None


def test_who_cannot_be_measured_is_refused():
    class Failing(PlantedRegressor):
        def meshes(self, count):
            vertices_m = super().meshes(count)
            vertices_m[0, 1, 0] = np.nan
            vertices_m[1, 2, 2] = np.inf
            # Behind the camera on the whole, though not everywhere.
            vertices_m[2, :, 2] = [-2, -2, 3]
            # In front of it on the whole.
            vertices_m[3, :, 2] = [-0.5, 1, 1]
            return vertices_m

    (people,) = measured([5], regressor=Failing())
    assert people.score == pytest.approx([0.675, 0.6])
    assert people.box_px[:, 0] == pytest.approx([3, 4])
    assert people.mask[:, 10, 3:5].tolist() == [[True, False], [False, True]]
    assert people.refused == (
        *("got a mesh that is not finite", "got a mesh that is not finite"),
        "was placed behind the camera",
    )


def test_nobody_where_no_mesh_is_left():
    class Behind(PlantedRegressor):
        def meshes(self, count):
            return -super().meshes(count)

    (people,) = measured([2], regressor=Behind())
    assert len(people) == 0
    assert people.mask.shape == (0, HEIGHT, WIDTH)
    assert people.refused == ("was placed behind the camera",) * 2


def test_detections_outside_the_image_or_without_a_mask():
    class Untidy(PlantedDetector):
        def detect(self, images):
            mask = np.ones((4, HEIGHT, WIDTH), np.bool_)
            mask[1] = False
            box_px = np.array(
                [[-3, -2, 20, 35], [5, 5, 9, 9], [45, 3, 60, 9], [10, 10, 50, 20]], np.float32
            )
            score = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
            return [Detections(mask=mask, box_px=box_px, score=score)]

    regressor = PlantedRegressor()
    (people,) = measured([4], Untidy(), regressor)
    assert regressor.people == [[2]]
    assert people.score == pytest.approx([0.9, 0.6])
    assert people.box_px.tolist() == [[0, 0, 20, HEIGHT], [10, 10, WIDTH, 20]]


def test_name_fingerprint_and_device():
    people = DetectedPeople(PlantedDetector(), PlantedRegressor())
    assert people.name == "planted meshes, planted detector"
    assert json.loads(json.dumps(people.fingerprint)) == {
        "part": "detected people",
        "detector": {"detector": 1},
        "regressor": {"regressor": 1},
    }
    assert people.device == "CPU"
    elsewhere = PlantedDetector()
    elsewhere.device = "CUDA (fast)"
    assert DetectedPeople(elsewhere, PlantedRegressor()).device == "CUDA (fast), CPU"


def test_the_package_is_light_and_has_its_parts():
    code = (
        "import sys, mfh; mfh.people.PeopleFiles, mfh.people.DetectedPeople, mfh.people.detectors;"
        "assert 'torch' not in sys.modules and 'torchvision' not in sys.modules;"
        "mfh.people.hmr2, mfh.people.smpl;"
        "assert mfh.people.MaskRCNN is mfh.people.detectors.MaskRCNN;"
        "assert mfh.people.ViTDet is mfh.people.detectors.ViTDet;"
        "assert 'detectron2' not in sys.modules;"
        "assert set(mfh.people.__all__) <= set(dir(mfh.people))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        import mfh

        mfh.people.nothing  # noqa: B018
