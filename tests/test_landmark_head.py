"""The robust head on arrays and on records, and what a run folder keeps of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from planted_votes import EXPECTED, SPREAD, depths_of

from mfh.errors import InputError, NoLandmarksError
from mfh.head import Expectations, LandmarkHead, fit
from mfh.records import AlignedDisparity, Landmarks, MetricHead
from mfh.runs.record_files import read_head, read_landmarks, write_head, write_landmarks
from mfh.taking_part import owners_taking_part

NAN = np.float32(np.nan)
GAIN, SHIFT = 30.0, -4.0
"""The planted disparity is GAIN times that of `planted_votes`, plus SHIFT."""


def planted(count=8, *, error=0.0, space="disparity", seed=0):
    """Images of one photo, a ramp, each with one person: disparity and depth, (N, 20, 65)."""
    rng = np.random.default_rng(seed)
    disparity = np.broadcast_to(SPREAD, (count, 20, 65)).copy()
    depth_m = np.full(disparity.shape, np.nan)
    for image, place in enumerate(np.linspace(0.1, 0.9, count)):
        person = image, slice(5, 15), slice(10, 20)
        disparity[person] = place + rng.normal(0, 0.01, (10, 10))
        size = np.exp(error * rng.standard_normal())
        depth_m[person] = size * depths_of(disparity[person], space=space)
    return (GAIN * disparity + SHIFT).astype(np.float32), depth_m


def records(disparity, depth_m, kind="painted person", **fields):
    """The same as records; the first image is the photo itself."""
    count = len(disparity)
    aligned = AlignedDisparity(
        disparity, np.ones(count), np.zeros(count), np.ones(count, bool), ("",) * count
    )
    owner = np.where(np.isfinite(depth_m), 0, -1).astype(np.int16)
    landmarks = [
        Landmarks(depth.astype(np.float32), each, np.ones(1, np.float32), (kind,), **fields)
        for depth, each in zip(depth_m, owner)
    ]
    return aligned, landmarks


# Arrays


@pytest.mark.parametrize("space", ["disparity", "depth"])
def test_robust_is_what_arrays_are_fitted_by(space):
    disparity, depth_m = planted(space=space)
    head = fit(disparity, depth_m, space=space)
    assert (head.method, head.space, head.status) == ("robust", space, "converged")
    np.testing.assert_allclose(
        head.apply(GAIN * SPREAD + SHIFT), depths_of(SPREAD, space=space), rtol=0.1
    )
    assert head.used.tolist() == [True] * 8
    assert head.shared_error < head.relative_error < 0.2
    assert np.isfinite(head.covariance).all()
    assert head.disparity_error == Expectations().disparity


def test_depth_is_positive_at_every_pixel_however_few_are_so_far():
    disparity, depth_m = planted()
    disparity[3, 0, 0] = -40
    head = fit(disparity, depth_m)
    assert head.scale * -40 + head.offset > 0
    assert np.isfinite(head.apply(disparity)).all()


def test_a_mask_that_leaks_and_a_person_of_many_pixels_count_no_more():
    disparity, depth_m = planted(error=0.1)
    head = fit(disparity, depth_m)
    leaking = disparity.copy()
    leaking[:, 5, 10:20] = disparity.min()
    np.testing.assert_allclose(
        fit(leaking, depth_m).apply(disparity), head.apply(disparity), rtol=0.02
    )
    # The last image's person at twice the size, beside everybody as they are.
    large, large_m = disparity.copy(), depth_m.copy()
    large[-1, :, 5:40], large_m[-1, :, 5:40] = disparity[-1, 8, 12], depth_m[-1, 8, 12]
    np.testing.assert_allclose(
        fit(large, large_m).apply(disparity), head.apply(disparity), rtol=0.02
    )


@pytest.mark.parametrize("left_out", ["fit_scale", "fit_offset"])
def test_robust_leaves_out_neither_number(left_out):
    message = "fits scale and offset; leave fit_scale and fit_offset on, .* such as silog"
    with pytest.raises(InputError, match=message):
        fit(*planted(), **{left_out: False})
    with pytest.raises(InputError, match=message):
        LandmarkHead(**{left_out: False})
    LandmarkHead("silog", **{left_out: False})


# Records


def test_records_give_what_their_arrays_do():
    disparity, depth_m = planted(error=0.1)
    of_arrays = fit(disparity, depth_m)
    of_records = LandmarkHead().fit(*records(disparity, depth_m))
    np.testing.assert_allclose(of_records.apply(disparity), of_arrays.apply(disparity), rtol=0.02)
    assert of_records.relative_error == pytest.approx(of_arrays.relative_error, rel=0.02)


def test_only_who_takes_part_is_asked_and_in_order():
    disparity, depth_m = planted(error=0.05)
    aligned, landmarks = records(disparity, depth_m)
    # A child, a photo that was dropped, one in which nobody is trusted, and one with nobody.
    landmarks[2] = replace(landmarks[2], depth_m=landmarks[2].depth_m * 4)
    aligned = replace(aligned, kept=np.arange(8) != 4, reason=("",) * 8)
    landmarks[5] = replace(landmarks[5], weight=np.zeros(1, np.float32))
    landmarks[6] = Landmarks(np.full((20, 65), NAN), np.full((20, 65), -1), np.ones(1))
    head = LandmarkHead().fit(aligned, landmarks)
    owners = owners_taking_part(head, aligned, landmarks)
    assert [(owner.image, owner.used) for owner in owners] == [
        *((0, True), (1, True), (2, False), (3, True), (7, True))
    ]


@pytest.mark.parametrize("kind", ["person", "measured point"])
def test_the_kind_of_a_landmark_counts(kind):
    disparity, depth_m = planted(error=0.05)
    painted = LandmarkHead().fit(*records(disparity, depth_m))
    other = LandmarkHead().fit(
        *records(disparity, depth_m, kind, relative_error=np.full(1, 0.02, np.float32))
    )
    assert other.relative_error < 0.7 * painted.relative_error


def test_known_errors_of_measuring_count_in_the_robust_head_and_in_no_loss():
    disparity, depth_m = planted(error=0.05)
    depth_m[3] *= 1.2
    aligned, usual = records(disparity, depth_m)
    known = [*usual]
    known[3] = replace(usual[3], relative_error=[0.5])
    robust = [LandmarkHead().fit(aligned, each).apply(disparity[3]) for each in (usual, known)]
    right = LandmarkHead().fit(aligned, [*usual[:3], without(usual[3]), *usual[4:]])
    off = [np.abs(np.log(each / right.apply(disparity[3]))).mean() for each in robust]
    assert off[1] < 0.5 * off[0]
    losses = [LandmarkHead("silog").fit(aligned, each) for each in (usual, known)]
    assert (losses[0].scale, losses[0].offset) == (losses[1].scale, losses[1].offset)


def without(landmarks):
    """The same image without its landmark."""
    return replace(
        landmarks, depth_m=np.full_like(landmarks.depth_m, NAN), owner=landmarks.owner * 0 - 1
    )


def test_the_stance_of_people_counts():
    disparity, depth_m = planted(error=0.15)
    aligned, landmarks = records(disparity, depth_m)
    standing = []
    for each, place in zip(landmarks, np.linspace(0.1, 0.9, 8)):
        said_m = np.nanmedian(each.depth_m)
        foot_m = said_m * np.array([[0, 1.4 / depths_of(place), 1]])
        up = np.float32([[0, -1, 0]])
        standing.append(replace(each, up=up, foot_m=foot_m.astype(np.float32)))
    floating = LandmarkHead().fit(aligned, landmarks)
    assert LandmarkHead().fit(aligned, standing).relative_error < floating.relative_error


def test_how_far_the_photo_reaches_counts_and_not_how_far_a_painting_does():
    disparity, depth_m = planted(error=0.1)
    head = LandmarkHead().fit(*records(disparity, depth_m))
    for image in (0, 3):
        farther = disparity.copy()
        farther[image, 0, 0] = -40
        other = LandmarkHead().fit(*records(farther, depth_m))
        assert (other.scale * -40 + other.offset > 0) == (image == 0)
        assert (other.offset == head.offset) == (image == 3)


def test_nobody_at_all():
    disparity, depth_m = planted(2)
    aligned, landmarks = records(disparity, depth_m)
    with pytest.raises(NoLandmarksError, match="no image has a landmark"):
        LandmarkHead().fit(replace(aligned, kept=np.zeros(2, bool)), landmarks)


def test_a_fingerprint_holds_what_is_expected():
    robust = LandmarkHead()
    assert robust.fingerprint["method"] == "robust"
    assert robust.fingerprint["expectations"] == asdict(Expectations())
    other = LandmarkHead(expectations=replace(EXPECTED, camera_height_m=2.5))
    assert other.fingerprint["expectations"]["camera_height_m"] == 2.5
    assert json.dumps(robust.fingerprint) != json.dumps(other.fingerprint)
    assert "expectations" not in LandmarkHead("silog").fingerprint
    assert robust.name != LandmarkHead("silog").name


def test_what_a_head_is_given_to_expect_counts():
    disparity, depth_m = planted(4, error=0.1)
    surer = replace(EXPECTED, painted_person=0.05, painted_bias=0.02)
    heads = [
        LandmarkHead(expectations=each).fit(*records(disparity, depth_m))
        for each in (surer, EXPECTED)
    ]
    assert heads[0].relative_error < 0.8 * heads[1].relative_error


# Run folders


def test_a_run_folder_keeps_the_stance(tmp_path):
    _, (landmarks, *_) = records(*planted(1))
    standing = replace(
        landmarks,
        up=np.float32([[0.1, -0.99, 0.02]]),
        foot_m=np.float32([[0.3, 1.4, 4.2]]),
        relative_error=np.float32([0.05]),
    )
    for written in (landmarks, standing):
        write_landmarks(tmp_path, "0000", written)
        read = read_landmarks(tmp_path, "0000")
        for name, value in vars(written).items():
            np.testing.assert_array_equal(getattr(read, name), value)


@pytest.mark.parametrize("method", ["robust", "silog"])
def test_a_run_folder_keeps_the_covariance(tmp_path, method):
    head = fit(*planted(error=0.1), method=method)
    assert np.isfinite(head.covariance).all() == (method == "robust")
    write_head(tmp_path, head)
    read = read_head(tmp_path)
    assert isinstance(read, MetricHead)
    for name, value in vars(head).items():
        np.testing.assert_array_equal(getattr(read, name), value)
    disparity = GAIN * SPREAD + SHIFT
    np.testing.assert_array_equal(
        read.relative_error_of(disparity), head.relative_error_of(disparity)
    )
