"""The method with landmarks that are given: the relative model alone, fitted to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from simulated_room import room

from mfh.errors import InputError, NoLandmarksError
from mfh.photos import resize_photo
from mfh.pipeline import MetricFromHuman
from mfh.progress import Progress
from mfh.records import Landmarks, Photo
from mfh.settings import settings_from
from mfh.simulation import SimulatedDisparity, SimulatedErrors, SimulatedWorld
from mfh.simulation.truth import resize_truth

SETTINGS = settings_from("paper", working_short_side_px=64)


class Said(Progress):
    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def finish(self, stage: str, note: str) -> None:
        self.notes[stage] = note


@pytest.fixture
def scene():
    photo, depth_m = room(96, 128)
    world = SimulatedWorld(photo, depth_m, SimulatedErrors.none(), 0)
    return photo, depth_m, MetricFromHuman(None, None, SimulatedDisparity(world), settings=SETTINGS)


def landmarks(photo: Photo, depth_m, known=None) -> Landmarks:
    small = resize_truth(depth_m, resize_photo(photo, SETTINGS.working_short_side_px).shape)
    small = small if known is None else np.where(known(small), small, np.float32(np.nan))
    owner = np.where(np.isfinite(small), 0, -1).astype(np.int16)
    return Landmarks(small, owner, np.ones(1, np.float32), ("measured point",))


def test_a_part_of_the_truth_gives_all_of_it(scene):
    photo, depth_m, method = scene
    near = landmarks(photo, depth_m, lambda small: small < np.nanmedian(small))
    result = method.fit_to(photo, near)
    assert result.depth_m.shape == photo.shape
    np.testing.assert_allclose(np.median(result.depth_m / depth_m), 1, rtol=2e-3)
    assert np.mean(np.abs(result.depth_m / depth_m - 1) < 0.02) > 0.9
    assert result.counts.painted == result.counts.people == 0
    assert result.parts.keys() == {"disparity", "head"}
    assert result.simulated


def test_its_records_are_reused(scene, tmp_path: Path):
    photo, depth_m, method = scene
    first, again = (
        (said, method.fit_to(photo, landmarks(photo, depth_m), folder=tmp_path, progress=said))
        for said in (Said(), Said())
    )
    assert (first[0].notes["disparity"], again[0].notes["disparity"]) == ("computed", "reused")
    np.testing.assert_array_equal(first[1].depth_m, again[1].depth_m)
    assert not (tmp_path / "painted").exists() and not (tmp_path / "people").exists()


def test_landmarks_are_of_the_size_of_the_stages(scene):
    photo, depth_m, method = scene
    large = Landmarks(depth_m, np.zeros(depth_m.shape, np.int16), np.ones(1, np.float32))
    with pytest.raises(InputError, match=r"\(96, 128\), but stages see the photo at \(64, 85\)"):
        method.fit_to(photo, large)
    nothing = landmarks(photo, depth_m, lambda small: np.zeros(small.shape, bool))
    with pytest.raises(NoLandmarksError):
        method.fit_to(photo, nothing)
