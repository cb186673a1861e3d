"""Reprojection, OXTS poses and the temporal measure, on scenes of which the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from data_set_trees import write_png, write_text
from kitti_trees import CALIBRATION, DRIVE, EARTH_M, SIZE, packet, write_drive

from mfh.datasets.base import LayoutError
from mfh.errors import CameraError, InputError
from mfh.evaluation.consistency.kitti_drive import KittiDrive
from mfh.evaluation.consistency.kitti_motion import (
    camera_from_imu,
    camera_poses,
    imu_pose,
    mercator_scale,
)
from mfh.evaluation.consistency.reprojection import inconsistency, reproject
from mfh.evaluation.consistency.temporal import (
    camera_motions,
    frame_scores,
    row_consistencies,
    score_drive,
)
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.statistics import mean_interval
from mfh.records import Intrinsics

CAMERA = Intrinsics(60, 60, 40, 30, 60, 80)


def motion(x=0.0, y=0.0, z=0.0):
    """From the source's frame to that of a target which is at (x, y, z) in it."""
    transform = np.eye(4)
    transform[:3, 3] = (-x, -y, -z)
    return transform


def turn(yaw):
    transform = np.eye(4)
    c, s = math.cos(yaw), math.sin(yaw)
    transform[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    return transform


def test_without_motion_depth_stays_where_it_is():
    depth_m = np.random.default_rng(1).uniform(2, 50, (60, 80)).astype(np.float32)
    depth_m[5, 7], depth_m[6, 8], depth_m[7, 9] = np.nan, 0, np.inf
    seen = reproject(depth_m, CAMERA, np.eye(4))
    known = np.isfinite(depth_m) & (depth_m > 0)
    np.testing.assert_array_equal(seen[known], depth_m[known])
    assert np.isnan(seen[~known]).all()


@pytest.mark.parametrize(("x", "y", "z"), [(0.7, 0, 0), (0, 0.4, 0), (0.3, -0.2, 2), (0, 0, -3)])
@pytest.mark.parametrize("scale", [1.0, 0.8, 1.5])
def test_a_wall_seen_from_elsewhere(x, y, z, scale):
    wall_m = 12.0
    predicted = np.full((60, 80), scale * wall_m, np.float32)
    seen = reproject(predicted, CAMERA, motion(x, y, z))
    found = inconsistency(seen, np.full((60, 80), wall_m - z))
    expected = abs(scale - 1) * wall_m / ((scale + 1) * wall_m - 2 * z)
    if z == 0:
        assert expected == pytest.approx(abs(scale - 1) / (scale + 1))
    known = ~np.isnan(found)
    assert known.mean() > 0.5
    np.testing.assert_allclose(found[known], expected, atol=1e-6)


def test_a_point_lands_where_it_is_seen_from_the_target():
    depth_m = np.full((60, 80), np.nan, np.float32)
    depth_m[30, 40] = 10  # its ray leaves at (0.5 / 60, 0.5 / 60, 1): the point (1/12, 1/12, 10)
    seen = reproject(depth_m, CAMERA, motion(x=1, z=2))
    # (1/12 - 1, 1/12, 8) is seen at 40 - 60 * 11/96 = 33.1 and 30 + 60 / 96 = 30.6.
    assert seen[30, 33] == pytest.approx(8)
    assert np.isfinite(seen).sum() == 1


def test_of_several_points_the_nearest_is_seen():
    depth_m = np.full((60, 80), np.nan, np.float32)
    depth_m[30, 40], depth_m[30, 50] = 20, 5
    # At 5 m a step of 1 m to the right is 12 px, at 20 m 3 px: 50.5 -> 38.5, 40.5 -> 37.5.
    assert np.isfinite(reproject(depth_m, CAMERA, motion(x=1))).sum() == 2
    # 50.5 -> 37.3 and 40.5 -> 37.2: one pixel.
    seen = reproject(depth_m, CAMERA, motion(x=1.1))
    assert np.isfinite(seen).sum() == 1
    assert seen[30, 37] == 5


def test_what_is_behind_the_target_is_not_seen():
    depth_m = np.full((60, 80), 3, np.float32)
    assert np.isnan(reproject(depth_m, CAMERA, motion(z=4))).all()
    assert np.isnan(reproject(depth_m, CAMERA, turn(math.pi))).all()


def test_a_slanted_road_differs_by_less_than_a_pixel():
    rows = np.arange(60) + 0.5
    below = np.where(rows > 34, rows - 30, np.nan)
    road_m = np.repeat((60 * 1.65 / below)[:, None], 80, axis=1)
    seen = reproject(road_m, CAMERA, motion(z=0.8))
    found = inconsistency(seen, road_m)
    # Depth is f h / (y - cy), and a point is off by half a pixel at most.
    bound = np.broadcast_to((0.5 / (2 * below - 1))[:, None], found.shape)
    known = ~np.isnan(found)
    assert known.sum() > 1000
    assert (found[known] <= bound[known] + 1e-6).all()


def test_mercator_and_attitude_by_hand():
    one_metre = math.degrees(1 / EARTH_M)
    level = imu_pose(np.array([0, 0, 0, 0, 0, 0.0]), 1.0)
    np.testing.assert_allclose(level, np.eye(4), atol=1e-8)
    # At 60 degrees a degree of longitude is half as long.
    scale = mercator_scale(60)
    assert scale == pytest.approx(0.5)
    here, east, north = (
        imu_pose(np.array([60 + up, right, 100, 0, 0, 0]), scale)[:3, 3]
        for up, right in ((0, 0), (0, 2 * one_metre), (one_metre, 0))
    )
    np.testing.assert_allclose(east - here, (1, 0, 0), atol=1e-6)
    np.testing.assert_allclose(north - here, (0, 1, 0), atol=1e-6)
    assert here[2] == 100
    # Yaw is counterclockwise from east, pitch lowers the front, roll lifts the left side.
    forward, left = np.array([1, 0, 0]), np.array([0, 1, 0])
    for attitude, axis, expected in (
        ((0, 0, math.pi / 2), forward, (0, 1, 0)),
        ((0, math.pi / 6, 0), forward, (math.cos(math.pi / 6), 0, -0.5)),
        ((math.pi / 6, 0, 0), left, (0, math.cos(math.pi / 6), 0.5)),
        # Yaw last: the front is lowered, and then turned to the north.
        ((0, math.pi / 6, math.pi / 2), forward, (0, math.cos(math.pi / 6), -0.5)),
        # Roll first: the left side is lifted, and what was lifted leans forward.
        (
            (math.pi / 6, math.pi / 6, 0),
            left,
            (0.25, math.cos(math.pi / 6), 0.5 * math.cos(math.pi / 6)),
        ),
    ):
        pose = imu_pose(np.array([0, 0, 0, *attitude]), 1.0)
        np.testing.assert_allclose(pose[:3, :3] @ axis, expected, atol=1e-12)


def test_from_the_imu_to_the_camera_by_hand(tmp_path):
    for name, text in CALIBRATION.items():
        write_text(tmp_path / name, text)
    # A point 10 m before the IMU, 1 m left, 2 m up: (9.5, 1.25, 1.25) of the Velodyne, then
    # (-1.25, -1.25, 9.25) of camera 0, which camera 2 sees by K^-1 (35, 7, 0) = (0.05, 0.01, 0).
    point = camera_from_imu(tmp_path) @ (10, 1, 2, 1)
    np.testing.assert_allclose(point, (-1.2, -1.24, 9.25, 1), atol=1e-12)
    # A quarter of a turn by rectification, before the step to camera 2: (1.25, -1.25, 9.25).
    text = CALIBRATION["calib_cam_to_cam.txt"]
    turned = text.replace("R_rect_00: 1 0 0 0 1 0 0 0 1", "R_rect_00: 0 -1 0 1 0 0 0 0 1")
    write_text(tmp_path / "calib_cam_to_cam.txt", turned)
    point = camera_from_imu(tmp_path) @ (10, 1, 2, 1)
    np.testing.assert_allclose(point, (1.3, -1.24, 9.25, 1), atol=1e-12)


def test_poses_of_a_drive_that_turns(tmp_path):
    drive = write_drive(tmp_path, range(3), annotated=[])
    oxts = drive / "oxts" / "data"
    # Frame 1 is a metre to the east of frame 0; frame 2 is where 1 is, and has turned to the north.
    write_text(
        oxts / "0000000002.txt",
        packet(longitude=math.degrees(1 / EARTH_M), yaw=math.pi / 2),
    )
    poses = camera_poses(drive, (0, 1, 2))
    np.testing.assert_allclose(np.linalg.solve(poses[1], poses[0]), motion(z=1), atol=1e-7)
    turned = np.linalg.solve(poses[2], poses[1])
    # What was ahead of the IMU is on its right now: 10 m ahead is z = 9.25, now it is x = 10 + ...
    imu = camera_from_imu(drive.parent)
    ahead, right = (imu @ (*point, 1) for point in ((10, 0, 0), (0, -10, 0)))
    np.testing.assert_allclose(turned @ ahead, right, atol=1e-7)
    # Which frames are asked for makes no difference: the scale is that of the drive's first one.
    write_text(oxts / "0000000000.txt", packet(latitude=60))
    halved = camera_poses(drive, [2])[2]
    np.testing.assert_array_equal(camera_poses(drive, (0, 1, 2))[2], halved)
    np.testing.assert_allclose(halved[0, 3] - poses[2][0, 3], -0.5, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda d: (d / "oxts/data/0000000001.txt").unlink(), InputError, r"0000000001\.txt"),
        (
            lambda d: write_text(d / "oxts/data/0000000001.txt", "1 2 3"),
            InputError,
            "not a packet of 30 numbers",
        ),
        (
            lambda d: write_text(d / "oxts/data/0000000001.txt", "one"),
            InputError,
            "holds what is no number",
        ),
        (
            lambda d: write_text(d.parent / "calib_velo_to_cam.txt", "R: 1 0\nT: 0 0 0\n"),
            CameraError,
            r"calib_velo_to_cam\.txt: R is not 3 x 3 numbers",
        ),
        (
            lambda d: write_text(d.parent / "calib_imu_to_velo.txt", "T: 0 0 0\n"),
            CameraError,
            r"calib_imu_to_velo\.txt: holds no R",
        ),
    ],
)
def test_broken_poses_are_named(tmp_path, change, error, message):
    drive = write_drive(tmp_path, range(3))
    change(drive)
    with pytest.raises(error, match=message):
        camera_poses(drive, (0, 1))


def test_pairs_are_neighbours_of_frames_with_truth(tmp_path):
    data_set = KittiDrive.of(write_drive(tmp_path, range(3, 8), annotated=(4, 5)))
    frames = [(p.target.extra["frame"], p.source.extra["frame"]) for p in data_set.pairs()]
    assert frames == [(4, 3), (4, 5), (5, 4), (5, 6)]
    assert [s.name[-2:] for s in data_set.samples()] == ["03", "04", "05", "06"]
    assert all(path.is_file() for s in data_set.samples() for path in data_set.files(s))
    sample = data_set.samples()[1]
    photo = data_set.photo(sample)
    assert photo.shape == data_set.truth(sample).shape == (352, 1216)
    assert (photo.camera.fx, photo.camera.cx, photo.camera.cy) == (700, 596, 162)
    some = KittiDrive.of(data_set.drive, (4, 6))
    assert [p.target.extra["frame"] for p in some.pairs()] == [4, 5]


@pytest.mark.parametrize("place", ["data_depth_annotated/train", "train", "raw/2011_09_28", "raw"])
def test_truth_is_found_as_that_of_the_data_set_is(tmp_path, place):
    drive = write_drive(tmp_path, range(2))
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    source = tmp_path / "gts" / DRIVE
    if place == "raw/2011_09_28":
        (source / "proj_depth").rename(drive / "proj_depth")
    else:
        source.rename(tmp_path / place / DRIVE)
    assert len(KittiDrive.of(drive).pairs()) == 2


def test_what_is_no_drive_is_told_where_to_get_one(tmp_path):
    with pytest.raises(LayoutError, match=r"not a drive .*raw_data\.php"):
        KittiDrive.of(tmp_path)
    drive = write_drive(tmp_path, range(2), annotated=[])
    with pytest.raises(LayoutError, match=r"no annotated depth .*eval_depth\.php"):
        KittiDrive.of(drive).pairs()
    truth = tmp_path / "gts" / DRIVE / "proj_depth" / "groundtruth" / "image_02"
    write_png(truth / "0000000001.png", np.full(SIZE, 256, np.uint16))
    assert len(KittiDrive.of(drive).pairs()) == 1
    with pytest.raises(InputError, match="ask for more"):
        KittiDrive.of(drive, (1, 2)).pairs()
    (drive.parent / "calib_velo_to_cam.txt").unlink()
    with pytest.raises(InputError, match=r"calib_velo_to_cam\.txt: .* calibration of 2011_09_28"):
        KittiDrive.of(drive)


def test_scores_of_a_drive_towards_a_wall(tmp_path):
    data_set = KittiDrive.of(write_drive(tmp_path, range(4), annotated=(1, 2)))
    pairs = data_set.pairs()
    rows = [
        RowInfo(key, key, (0,), {"method": key}) for key in ("perfect", "larger", "nothing", "far")
    ]
    names = tuple(sample.name for sample in data_set.samples())
    run = RunInfo(tmp_path / "run", data_set.name, data_set.root, tuple(rows), names)
    for name in names:
        wall_m = 40.0 - int(name[-2:])
        for key, depth_m in (("perfect", wall_m), ("larger", 1.25 * wall_m), ("far", np.inf)):
            stored = StoredPrediction(np.full((352, 1216), depth_m, np.float32))
            run.predictions(key, 0).write(name, stored)
    run.predictions("nothing", 0).failed(names[0], "the sun was too bright")
    scores = score_drive(run, data_set, pairs, camera_motions(data_set, pairs))
    by_row = {key: [s for s in scores if s.row == key] for key in ("perfect", "larger", "nothing")}
    assert [(s.target, s.source) for s in by_row["larger"]] == [(1, 0), (1, 2), (2, 1), (2, 3)]
    assert all(s.inconsistency == pytest.approx(0, abs=1e-6) for s in by_row["perfect"])
    for s in by_row["larger"]:
        source_m, ahead_m = 40 - s.source, s.target - s.source
        expected = 0.25 * source_m / (2.25 * source_m - 2 * ahead_m)
        assert s.inconsistency == pytest.approx(expected, abs=1e-6)
        assert 0.9 < s.covered <= 1
        assert s.pixels == round(s.covered * (349 - 143) * (1172 - 43))  # Garg's crop
    assert by_row["nothing"][0].failure == "the sun was too bright"
    assert by_row["nothing"][1].failure == "not predicted yet"
    # What says no more than "far" is scored as the cap.
    far = next(s for s in scores if (s.row, s.target, s.source) == ("far", 1, 2))
    assert far.inconsistency == pytest.approx((81 - 39) / (81 + 39), abs=1e-6)
    frames = {s.frame: s.inconsistency for s in frame_scores(by_row["larger"])}
    assert frames[1] == pytest.approx(np.mean([s.inconsistency for s in by_row["larger"][:2]]))
    perfect, larger, nothing, _ = row_consistencies(rows, scores)
    assert (perfect.frames, perfect.pairs) == (2, 4)
    assert larger.mean == pytest.approx(np.mean(list(frames.values())))
    assert math.isnan(larger.interval[0])
    assert (nothing.frames, math.isnan(nothing.mean)) == (0, True)


def test_the_interval_is_that_of_a_mean():
    values = np.random.default_rng(3).normal(0.2, 0.05, 400)
    low, high = mean_interval(values)
    reach = 1.96 * values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - reach, abs=0.15 * reach)
    assert high == pytest.approx(values.mean() + reach, abs=0.15 * reach)
    assert mean_interval(values) == (low, high)
    assert all(map(math.isnan, mean_interval(values[:4])))
