"""Where the camera of a KITTI drive is at each frame, from its GPS and IMU (OXTS).

Conventions: dataformat.txt and the matlab code (`convertOxtsToPose`) of KITTI's raw data
development kit; Geiger et al., IJRR 2013.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.evaluation.consistency.kitti_calibration import read_matrix, rigid
from mfh.files.reading import read_text_file

# The radius that the development kit takes.
_EARTH_RADIUS_M = 6378137.0
_PACKET = 30
"""Numbers of a packet, of which the first six are latitude, longitude, altitude and attitude."""


def camera_poses(drive: Path, frames: Iterable[int]) -> dict[int, NDArray[np.float64]]:
    """The transform (4, 4) from the left colour camera's frame to the world's, by frame.

    drive: the folder DATE/DRIVE_sync, which holds `oxts`; the date's folder holds the calibration.

    The camera's frame is that of the rectified photos: x right, y down, z forward, metres. The
    world's is x east, y north, z up, metres from Mercator's origin, its scale that of the latitude
    at the drive's first frame, whichever frames are asked for.

    Raises `InputError` naming the file that is missing or cannot be read.
    """
    folder = drive / "oxts" / "data"
    wanted = sorted(set(frames))
    first = next(iter(sorted(folder.glob("*.txt"))), None)
    if first is None:
        raise InputError(f"{folder}: holds no poses; get the drive's synced data with its oxts")
    scale = mercator_scale(float(_read_packet(first)[0]))
    imu_from_camera = np.linalg.inv(camera_from_imu(drive.parent))
    packets = ((frame, _read_packet(folder / f"{frame:010d}.txt")) for frame in wanted)
    return {frame: imu_pose(packet, scale) @ imu_from_camera for frame, packet in packets}


def mercator_scale(latitude_deg: float) -> float:
    """What a metre of Mercator's map at the equator is on the ground at a latitude."""
    return float(np.cos(np.radians(latitude_deg)))


def imu_pose(packet: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """The transform (4, 4) from the frame of GPS and IMU to the world's.

    packet: latitude and longitude in degrees, altitude in m, then roll, pitch and yaw in radians.
        The IMU's frame is x forward, y left, z up; yaw is counted from east, counterclockwise.
    scale: as of `mercator_scale`.
    """
    latitude, longitude = np.radians(packet[:2])
    roll, pitch, yaw = packet[3:6]
    east_m = scale * _EARTH_RADIUS_M * longitude
    north_m = scale * _EARTH_RADIUS_M * np.log(np.tan(np.pi / 4 + latitude / 2))
    rotation = _about(2, yaw) @ _about(1, pitch) @ _about(0, roll)
    return rigid(rotation, np.array([east_m, north_m, packet[2]]))


def camera_from_imu(date: Path) -> NDArray[np.float64]:
    """The transform (4, 4) from the frame of GPS and IMU to the rectified left colour camera's.

    date: the folder of a date, with calib_imu_to_velo.txt, calib_velo_to_cam.txt and
        calib_cam_to_cam.txt. The last has the turn by which camera 0 was rectified, and in the last
        column of P_rect_02 = K [I | t] how far camera 2 is from it.
    """
    cameras = date / "calib_cam_to_cam.txt"
    projection = read_matrix(cameras, "P_rect_02", (3, 4))
    beside = np.asarray(np.linalg.solve(projection[:, :3], projection[:, 3]), np.float64)
    rectified = rigid(read_matrix(cameras, "R_rect_00", (3, 3)), np.zeros(3))
    camera_from_velodyne = _read_rigid(date / "calib_velo_to_cam.txt")
    velodyne_from_imu = _read_rigid(date / "calib_imu_to_velo.txt")
    return rigid(np.eye(3), beside) @ rectified @ camera_from_velodyne @ velodyne_from_imu


def calibration_files(date: Path) -> tuple[Path, ...]:
    """The files of a date's folder that `camera_from_imu` reads."""
    names = ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt", "calib_imu_to_velo.txt")
    return tuple(date / name for name in names)


def _read_rigid(path: Path) -> NDArray[np.float64]:
    return rigid(read_matrix(path, "R", (3, 3)), read_matrix(path, "T", (3, 1)))


def _read_packet(path: Path) -> NDArray[np.float64]:
    """The numbers (30,) of an OXTS packet."""
    try:
        packet = np.array([float(word) for word in read_text_file(path).split()])
    except ValueError as error:
        raise InputError(f"{path}: holds what is no number ({error}); unpack it again") from error
    if len(packet) != _PACKET or not np.isfinite(packet[:6]).all():
        raise InputError(
            f"{path}: not a packet of {_PACKET} numbers with latitude, longitude, altitude, roll, "
            "pitch and yaw; unpack it again"
        )
    return packet


def _about(axis: int, angle_rad: float) -> NDArray[np.float64]:
    """The rotation (3, 3) about an axis, counterclockwise as seen from its tip."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = np.cos(angle_rad)
    rotation[second, first] = np.sin(angle_rad)
    rotation[first, second] = -rotation[second, first]
    return rotation
