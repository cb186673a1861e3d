"""Files that hold a camera's intrinsics.

The format is told by the content, so suffixes do not matter:

- JSON: a 3 x 3 matrix; `{"K": 3 x 3}` or `{"fx", "fy", "cx", "cy"}`, each with `width` and `height`
  or without; a `transforms.json` of nerfstudio or instant-ngp.
- COLMAP's `cameras.txt`, with `images.txt` beside it when it holds several cameras.
- Text: a 3 x 3 matrix, blanks or commas between the numbers, or the one line `fx, fy, cx, cy`.
- NumPy `.npy`: a 3 x 3 matrix.

COLMAP, instant-ngp and nerfstudio count pixels as this project does, the first one's centre at
(0.5, 0.5) (COLMAP `src/colmap/sensor/models.h`; nerfstudio "Data conventions"). The other files do
not say how they count; the conventions in use differ by half a pixel of principal point.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from mfh.camera.calibration import Calibration, calibration_from_matrix, image_size, number
from mfh.camera.scenes import calibration_from_colmap, calibration_from_transforms, distortion_note
from mfh.errors import CameraError
from mfh.files.reading import NUMPY_ERRORS

_ACCEPTED = (
    "accepted: JSON (3 x 3 list, {fx, fy, cx, cy[, width, height]}, {K[, width, height]}, "
    "transforms.json), COLMAP cameras.txt, and text or .npy with a 3 x 3 matrix"
)


def read_calibration(
    path: Path, height: int, width: int, image_name: str | None = None
) -> Calibration:
    """Read the camera of a photo of `height` x `width` px from a file.

    image_name: the photo's file name or path, for files that hold several cameras.

    Raises `CameraError`, with the file and the field, for what cannot be read or understood.
    """
    where = str(path)
    content = _read(path)
    if content.startswith(b"\x93NUMPY"):
        return calibration_from_matrix(_load_npy(content, where), where)
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        hint = (
            "export COLMAP's binary model as text: colmap model_converter --output_type TXT"
            if path.suffix == ".bin"
            else _ACCEPTED
        )
        raise CameraError(f"{where}: is not a file of intrinsics; {hint}") from error
    if not text:
        raise CameraError(f"{where}: is empty; {_ACCEPTED}")
    if text[0] in "{[" or path.suffix.lower() == ".json":
        return _from_json(text, where, (height, width), image_name)
    lines = [line for line in map(str.strip, text.splitlines()) if line and line[0] != "#"]
    if any(word.isupper() for line in lines for word in line.split()[1:2]):
        return calibration_from_colmap(lines, path, image_name)
    return _from_text(lines, where)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise CameraError(f"{path}: is a folder; give a file, such as the cameras.txt in it")
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CameraError(f"{path}: there is no such file of intrinsics") from error
    except OSError as error:
        raise CameraError(f"{path}: cannot be read ({error.strerror or error})") from error


def _load_npy(content: bytes, where: str) -> ArrayLike:
    try:
        matrix: ArrayLike = np.load(io.BytesIO(content), allow_pickle=False)
    except NUMPY_ERRORS as error:
        raise CameraError(f"{where}: is not a readable .npy file ({error})") from error
    return matrix


def _from_text(lines: Sequence[str], where: str) -> Calibration:
    rows = [line.replace(",", " ").split() for line in lines]
    try:
        numbers = [[float(word) for word in row] for row in rows]
    except ValueError as error:
        raise CameraError(f"{where}: is not a file of intrinsics ({error}); {_ACCEPTED}") from error
    lengths = [len(row) for row in numbers]
    if lengths == [4]:
        fx, fy, cx, cy = numbers[0]
        return Calibration(fx, fy, cx, cy, where=where)
    if lengths != [3, 3, 3]:
        raise CameraError(
            f"{where}: holds {sum(lengths)} numbers in {len(lengths)} lines; expected 3 lines of 3 "
            "(the matrix K) or one line fx, fy, cx, cy"
        )
    return calibration_from_matrix(numbers, where)


def _from_json(
    text: str, where: str, photo_size: tuple[int, int], image_name: str | None
) -> Calibration:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CameraError(f"{where}: is not valid JSON ({error})") from error
    if isinstance(data, list):
        return calibration_from_matrix(data, where)
    if not isinstance(data, dict):
        raise CameraError(f"{where}: holds neither a matrix nor an object; {_ACCEPTED}")
    if "K" in data:
        return calibration_from_matrix(data["K"], f"{where}: K", image_size(data, where))
    if any(key in data for key in ("frames", "fl_x", "camera_angle_x")):
        return calibration_from_transforms(data, where, photo_size, image_name)
    missing = [key for key in ("fx", "fy", "cx", "cy") if key not in data]
    if missing:
        raise CameraError(f"{where}: {', '.join(missing)} missing; {_ACCEPTED}")
    fx, fy, cx, cy = (number(data, key, where) for key in ("fx", "fy", "cx", "cy"))
    note = distortion_note(data, where)
    return Calibration(fx, fy, cx, cy, image_size(data, where), note, where)
