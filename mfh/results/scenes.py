"""The photo and its camera as the scene folders that COLMAP and nerfstudio read.

Both count pixels as this project does: the first one's centre is (0.5, 0.5) (`mfh.camera.files`).
The world of both is the camera frame, x right, y down, z forward, in metres.

Sources: COLMAP "Output Format"; nerfstudio "Data conventions" and its `nerfstudio-data` parser.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.files import atomic_path, make_folder, write_json, write_text
from mfh.records import Intrinsics, MetricDepth
from mfh.results.captions import caption
from mfh.results.checks import same_size
from mfh.results.depth_files import write_depth_png_mm
from mfh.results.thinning import densest_grid, farthest_shown_m, is_shown
from mfh.results.uncertainty import error_in_words

_PHOTO = "photo.png"
COLMAP_FILES = (
    f"images/{_PHOTO}",
    "sparse/0/points3D.txt",
    "sparse/0/cameras.txt",
    "sparse/0/images.txt",
)
NERFSTUDIO_FILES = (f"images/{_PHOTO}", f"depth/{_PHOTO}", "transforms.json")

_FRAME = "x right, y down, z forward, in metres"


def write_colmap(
    folder: Path, depth: MetricDepth, image: NDArray[np.uint8], *, max_points: int = 20_000
) -> Path:
    """Write `images/photo.png` and the text model `sparse/0/` of COLMAP, and return the folder.

    One PINHOLE camera and one image, whose pose is the identity: the world is the camera frame. The
    points lie on an even grid over the photo, at most `max_points` of them, each seen at its
    pixel's centre; unknown and infinite depth is left out, and what is farther than 20 times the
    median depth.

    image: (H, W, 3) uint8 RGB. Raises `InputError` for an image of another size, `OutputError`.
    """
    same_size("COLMAP", depth, image)
    photo, points_file, cameras_file, images_file = (folder / name for name in COLMAP_FILES)
    _write_photo(photo, image)
    note = caption(depth, "Metric depth of one photo")
    camera = depth.camera
    farthest_m = farthest_shown_m(depth.depth_m)
    rows, columns, _, _ = densest_grid(depth.depth_m, farthest_m, max_points)
    z = depth.depth_m[np.ix_(rows, columns)]
    row, column = np.nonzero(is_shown(z, farthest_m))
    z = z[row, column].astype(np.float64)
    row, column = rows[row], columns[column]
    x_px, y_px = column + 0.5, row + 0.5
    x_m, y_m = (x_px - camera.cx) / camera.fx * z, (y_px - camera.cy) / camera.fy * z
    points = [
        f"{number} {x:.9g} {y:.9g} {depth_m:.9g} {red} {green} {blue} 0 1 {number - 1}"
        for number, (x, y, depth_m, (red, green, blue)) in enumerate(
            zip(x_m, y_m, z, image[row, column].tolist(), strict=True), start=1
        )
    ]
    seen = " ".join(
        f"{x} {y} {number}" for number, (x, y) in enumerate(zip(x_px, y_px, strict=True), start=1)
    )
    make_folder(points_file.parent)
    _write_lines(
        points_file,
        note,
        f"POINT3D_ID X Y Z R G B ERROR TRACK[] as (IMAGE_ID, POINT2D_IDX); {_FRAME}",
        points,
    )
    _write_lines(
        cameras_file, note, "CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]", [f"1 {_pinhole(camera)}"]
    )
    _write_lines(
        images_file,
        note,
        "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then POINTS2D[] as (X, Y, POINT3D_ID)",
        [f"1 1 0 0 0 0 0 0 1 {_PHOTO}", seen],
    )
    return folder


def write_nerfstudio(folder: Path, depth: MetricDepth, image: NDArray[np.uint8]) -> Path:
    """Write `images/photo.png`, `depth/photo.png` and `transforms.json`; return the folder.

    One frame, whose camera looks along the world's z. `transform_matrix` takes nerfstudio's camera
    axes (OpenGL's: x right, y up, z backward) to the world. The depth is a 16-bit PNG in
    millimetres, nerfstudio's default unit; 0, which it passes over, where depth is unknown,
    infinite, or 65.535 m or more.

    image: (H, W, 3) uint8 RGB. Raises `InputError` for an image of another size, `OutputError`.
    """
    same_size("nerfstudio", depth, image)
    photo, depth_file, transforms = (folder / name for name in NERFSTUDIO_FILES)
    _write_photo(photo, image)
    make_folder(depth_file.parent)
    write_depth_png_mm(
        depth_file,
        depth.depth_m,
        camera=depth.camera,
        error=error_in_words(depth),
        simulated=depth.simulated,
        mark_too_far=False,
    )
    camera = depth.camera
    frame = {
        "file_path": NERFSTUDIO_FILES[0],
        "depth_file_path": NERFSTUDIO_FILES[1],
        "transform_matrix": [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]],
    }
    scene = {
        "comment": f"{caption(depth, 'Metric depth of one photo')}; world: {_FRAME}; depth in mm",
        "camera_model": "OPENCV",
        "fl_x": camera.fx,
        "fl_y": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        "w": camera.width,
        "h": camera.height,
        **dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0),
        "frames": [frame],
    }
    write_json(transforms, scene)
    return folder


def _pinhole(camera: Intrinsics) -> str:
    parameters = (camera.fx, camera.fy, camera.cx, camera.cy)
    words = " ".join(f"{value!r}" for value in parameters)
    return f"PINHOLE {camera.width} {camera.height} {words}"


def _write_photo(path: Path, image: NDArray[np.uint8]) -> None:
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary)


def _write_lines(path: Path, note: str, columns: str, lines: list[str]) -> None:
    comments = [" ".join(note.split()), columns]
    write_text(path, "\n".join([*(f"# {text}" for text in comments), *lines]) + "\n")
