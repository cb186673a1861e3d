"""Files that hold the cameras of a whole scene: `transforms.json` and COLMAP's `cameras.txt`.

Lens distortion is not modelled by `mfh`: coefficients other than zero are named in the note.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mfh.camera.calibration import Calibration, image_size, number
from mfh.errors import CameraError

# Number of focal lengths (1: f, 2: fx, fy) and of all parameters of COLMAP's camera models; the
# principal point follows the focal lengths (COLMAP `src/colmap/sensor/models.h`).
_COLMAP_MODELS = {
    "SIMPLE_PINHOLE": (1, 3),
    "PINHOLE": (2, 4),
    "SIMPLE_RADIAL": (1, 4),
    "RADIAL": (1, 5),
    "OPENCV": (2, 8),
    "OPENCV_FISHEYE": (2, 8),
    "FULL_OPENCV": (2, 12),
    "FOV": (2, 5),
    "SIMPLE_RADIAL_FISHEYE": (1, 4),
    "RADIAL_FISHEYE": (1, 5),
    "THIN_PRISM_FISHEYE": (2, 12),
    "RAD_TAN_THIN_PRISM_FISHEYE": (2, 16),
    "SIMPLE_DIVISION": (1, 4),
    "DIVISION": (2, 5),
    "SIMPLE_FISHEYE": (1, 3),
    "FISHEYE": (2, 4),
    "EUCM": (2, 6),
}

# Those of nerfstudio (`CAMERA_MODEL_TO_TYPE`) that no photo of a pinhole with distortion has.
_NOT_PINHOLES = ("EQUIRECTANGULAR", "ORTHOPHOTO", "OMNIDIRECTIONAL", "VR180")

# Distortion coefficients of transforms.json (nerfstudio "Data conventions").
_DISTORTION_KEYS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")


def calibration_from_transforms(
    data: Mapping[str, Any], where: str, photo_size: tuple[int, int], image_name: str | None
) -> Calibration:
    """Read the camera of a photo from a `transforms.json` of nerfstudio or instant-ngp.

    data: the file's JSON object.
    where: the file, for messages.
    photo_size: (H, W) of the photo; an angle of view holds for any size.
    image_name: the photo's file name or path. The frame it fits is read, whose own values go before
        the file's common ones; without such a frame the common ones are.

    Raises `CameraError` for missing or malformed values, and where the frames have intrinsics of
    their own that differ and the photo fits none or several of them.
    """
    frames = data.get("frames", [])
    if not (isinstance(frames, list) and all(isinstance(frame, dict) for frame in frames)):
        raise CameraError(f"{where}: frames is not a list of objects")
    names = [str(frame.get("file_path", "")) for frame in frames]
    found = _best_matches(names, image_name)
    if not found and any(key in data for key in ("fl_x", "camera_angle_x")):
        return _from_transforms_entry(data, where, photo_size)
    if not frames:
        raise CameraError(f"{where}: fl_x or camera_angle_x missing")
    cameras = [
        _from_transforms_entry(
            {**data, **frames[index]}, f"{where}: frame {names[index]!r}", photo_size
        )
        for index in found or range(len(frames))
    ]
    if len({camera.numbers for camera in cameras}) > 1:
        raise CameraError(
            f"{where}: its frames ({_few(names)}) have different intrinsics, and "
            f"{_which(image_name, found)}; give the intrinsics of this photo alone"
        )
    return cameras[0]


def _from_transforms_entry(
    entry: Mapping[str, Any], where: str, photo_size: tuple[int, int]
) -> Calibration:
    """Read one frame; fy defaults to fx, the principal point to the centre, as in instant-ngp."""
    model = str(entry.get("camera_model", "OPENCV")).upper()
    if model.startswith(_NOT_PINHOLES):
        raise CameraError(f"{where}: camera_model {model} has no pinhole intrinsics")
    size = image_size(entry, where, "h", "w")
    height, width = size or photo_size
    if "fl_x" in entry:
        fx = number(entry, "fl_x", where)
        fy = number(entry, "fl_y", where) if "fl_y" in entry else fx
    elif "camera_angle_x" in entry:
        fx = _focal_length_px(entry, "camera_angle_x", width, where)
        angle_y = "camera_angle_y"
        fy = _focal_length_px(entry, angle_y, height, where) if angle_y in entry else fx
    else:
        raise CameraError(f"{where}: fl_x or camera_angle_x missing")
    cx = number(entry, "cx", where) if "cx" in entry else width / 2
    cy = number(entry, "cy", where) if "cy" in entry else height / 2
    return Calibration(fx, fy, cx, cy, size, distortion_note(entry, where), where)


def _focal_length_px(entry: Mapping[str, Any], key: str, length_px: int, where: str) -> float:
    angle = number(entry, key, where)
    if not 0 < angle < math.pi:
        raise CameraError(f"{where}: {key} is {angle:g}; it must be between 0 and pi radians")
    return length_px / 2 / math.tan(angle / 2)


def distortion_note(data: Mapping[str, Any], where: str) -> str:
    """Name the distortion coefficients in a JSON object that are not zero; "" without any."""
    used = [key for key in _DISTORTION_KEYS if key in data and number(data, key, where)]
    if "FISHEYE" in str(data.get("camera_model", "")).upper():
        used.append("fisheye")
    return f"the lens distortion ({', '.join(used)}) is ignored" if used else ""


def calibration_from_colmap(
    lines: Sequence[str], path: Path, image_name: str | None
) -> Calibration:
    """Read the camera of a photo from COLMAP's `cameras.txt`.

    lines: the file's lines without comments: CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]
        (COLMAP "Output Format").
    path: the file; `images.txt` beside it says which camera took which image.
    image_name: the photo's file name or path.

    Raises `CameraError` for malformed lines, for several cameras that differ and no image to pick
    one by, and for models that are no pinhole with distortion.
    """
    cameras: dict[str, Calibration] = {}
    for line in lines:
        camera_id, *fields = line.split()
        cameras[camera_id] = _from_colmap_fields(fields, f"{path}: camera {camera_id}")
    if len({camera.numbers for camera in cameras.values()}) == 1:
        return next(iter(cameras.values()))
    used = _colmap_camera_ids(path.with_name("images.txt"))
    names = list(used)
    found = {used[names[index]] for index in _best_matches(names, image_name)}
    chosen = [cameras[camera_id] for camera_id in found if camera_id in cameras]
    if len({camera.numbers for camera in chosen}) == 1:
        return chosen[0]
    raise CameraError(
        f"{path}: holds several cameras ({_few(list(cameras))}) for the images of images.txt "
        f"beside it ({_few(names) or 'missing'}), and {_which(image_name, list(found))}; give a "
        "file with this photo's camera alone"
    )


def _from_colmap_fields(fields: Sequence[str], where: str) -> Calibration:
    model, *words = fields or [""]
    if model not in _COLMAP_MODELS:
        known = ", ".join(_COLMAP_MODELS)
        raise CameraError(f"{where}: model {model!r} is not supported; supported: {known}")
    focal_count, count = _COLMAP_MODELS[model]
    try:
        width, height, *values = (float(word) for word in words)
    except ValueError as error:
        raise CameraError(f"{where}: expected MODEL WIDTH HEIGHT PARAMS[] ({error})") from error
    if len(values) != count:
        raise CameraError(f"{where}: {model} takes {count} parameters, there are {len(values)}")
    size = image_size({"WIDTH": width, "HEIGHT": height}, where, "HEIGHT", "WIDTH")
    cx, cy, *distortion = values[focal_count:]
    distorted = "FISHEYE" in model or any(distortion)
    note = f"the lens distortion ({model}) is ignored" if distorted else ""
    return Calibration(values[0], values[focal_count - 1], cx, cy, size, note, where)


def _colmap_camera_ids(path: Path) -> dict[str, str]:
    """Read the camera id of each image from COLMAP's `images.txt`; none where there is no file.

    An image is the line IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of points, which
    may be empty.
    """
    used: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                words = line.split(maxsplit=9)
                if not words or words[0].startswith("#"):
                    continue
                if len(words) < 10:
                    raise CameraError(f"{path}: {line.strip()[:60]!r} describes no image")
                used[words[9].strip()] = words[8]
                next(file, None)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CameraError(f"{path}: cannot be read ({error})") from error
    return used


def _best_matches(names: Sequence[str], image_name: str | None) -> list[int]:
    """Find the image's names: equal but for the suffix, and in the most folders above it."""
    if image_name is None:
        return []
    wanted = _parts(image_name)
    agreeing = []
    for name in names:
        equal = [a == b for a, b in zip(_parts(name), wanted, strict=False)]
        agreeing.append(equal.index(False) if False in equal else len(equal))
    best = max(agreeing, default=0)
    return [index for index, count in enumerate(agreeing) if count == best > 0]


def _parts(name: str) -> list[str]:
    """Split a path of any system, the file's stem first, then its folders upwards."""
    path = PurePosixPath(name.replace("\\", "/"))
    return [path.stem, *(folder.name for folder in path.parents if folder.name)]


def _few(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _which(image_name: str | None, found: Sequence[object]) -> str:
    if image_name is None:
        return "the photo has no file name to pick one by"
    name = PurePosixPath(image_name.replace("\\", "/")).name
    return f"{name!r} fits {'several' if found else 'none'} of them"
