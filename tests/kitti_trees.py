"""A small drive of KITTI's raw data, and a small object benchmark, of which all is known."""

from __future__ import annotations

import numpy as np
from data_set_trees import write_photo, write_png, write_text

DRIVE = "2011_09_28_drive_0038_sync"
SIZE = (370, 1224)
EARTH_M = 6378137.0

# Velodyne and IMU: x forward, y left, z up; camera: x right, y down, z forward.
_TURN = "R: 0 -1 0 0 0 -1 1 0 0"
CALIBRATION = {
    "calib_cam_to_cam.txt": "calib_time: 09-Jan-2012 13:57:47\n"
    "R_rect_00: 1 0 0 0 1 0 0 0 1\n"
    "S_rect_02: 1.224000e+03 3.700000e+02\n"
    "P_rect_02: 700 0 600 35 0 700 180 7 0 0 1 0\n",
    "calib_velo_to_cam.txt": f"{_TURN}\nT: 0 0 -0.25\n",
    "calib_imu_to_velo.txt": "R: 1 0 0 0 1 0 0 0 1\nT: -0.5 0.25 -0.75\n",
}


def packet(latitude=0.0, longitude=0.0, altitude=0.0, roll=0.0, pitch=0.0, yaw=0.0):
    """A line of OXTS: degrees, m, radians, and 24 numbers that nothing reads."""
    values = (latitude, longitude, altitude, roll, pitch, yaw, *[0] * 24)
    return " ".join(repr(float(value)) for value in values)


def write_drive(root, frames, *, wall_m=40.0, annotated=None, drive=DRIVE):
    """A drive at 1 m a frame, eastwards at the equator, towards a wall that is `wall_m` from the
    camera at frame 0; gives its folder."""
    folder = root / "raw" / drive[:10] / drive
    for name, text in CALIBRATION.items():
        write_text(folder.parent / name, text)
    for frame in frames:
        write_photo(folder / "image_02" / "data" / f"{frame:010d}.png", *SIZE)
        east_deg = float(np.degrees(frame / EARTH_M))
        write_text(folder / "oxts" / "data" / f"{frame:010d}.txt", packet(longitude=east_deg))
    truth = root / "gts" / drive / "proj_depth" / "groundtruth" / "image_02"
    for frame in frames if annotated is None else annotated:
        depth = np.full(SIZE, round((wall_m - frame) * 256), np.uint16)
        write_png(truth / f"{frame:010d}.png", depth)
    return folder


def label(kind, box, z_m, *, truncated=0.0, occluded=0):
    """A line of an object's label."""
    left, top, right, bottom = box
    return (
        f"{kind} {truncated:.2f} {occluded} -1.59 {left} {top} {right} {bottom} "
        f"1.50 1.60 3.90 0.20 1.60 {z_m} -1.58"
    )


def write_objects(root, labels, *, size=(48, 160)):
    """Photos 000000, 000001, ... with the lines of each; gives the root."""
    for number, lines in enumerate(labels):
        name = f"{number:06d}"
        write_photo(root / "training" / "image_2" / f"{name}.png", *size)
        write_text(root / "training" / "label_2" / f"{name}.txt", "\n".join(lines) + "\n")
        text = "P2: 700 0 80 45 0 710 24 0.2 0 0 1 0.003\n"
        write_text(root / "training" / "calib" / f"{name}.txt", text)
    return root
