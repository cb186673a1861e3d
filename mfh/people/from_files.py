"""People measured by any other tool: meshes in the camera frame, from files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.camera import project
from mfh.errors import InputError
from mfh.files.reading import read_npz
from mfh.files.user_files import (
    belong_to_a_run,
    check_same_picture,
    content_hash,
    files_in,
    name_of_files,
    resize_mask,
)
from mfh.records import PHOTO_NAME, Intrinsics, PaintedPhotos, People, Photo

_SUFFIXES = (".npz", ".obj", ".ply")
_NUMBERED = re.compile(r"(?P<name>.+)_(?P<person>\d+)")

# Nobody is larger or smaller than this, but meshes in other units are.
_EXTENTS_M = (0.2, 4.0)


class PeopleFiles:
    """A folder of meshes, named after the images they were measured in.

    For a painted photo `NAME.png` the folder holds one `NAME.npz` (vertices_m (P, V, 3) or (V, 3),
    faces (F, 3); optionally mask (P, H, W), box_px (P, 4), score (P,), relative_error (P,), with
    (V, 3) also without the P; and refused, texts; all as in `People`), or `NAME.obj`/`NAME.ply` for
    one person, or `NAME_0.obj`, `NAME_1.obj`, ... for several; and the same under the name `photo`
    for the photo itself. Nobody was found in an image without a file. Vertices are in metres in the
    camera frame: x right, y down, z forward. Without a mask a person counts wherever the mesh is
    seen, of a painted one in the strip.

    names: all the painted photos there are, where that is known; a file named after none of them
        is then refused, not overlooked, but for those that a run has left of more painted photos.

    Raises `InputError` for unreadable files, meshes behind the camera or not in metres, and people
    of one painted photo with different faces.
    """

    def __init__(self, folder: str | Path, names: Sequence[str] | None = None) -> None:
        self.folder = Path(folder)
        self.name = name_of_files(self.folder, "people")
        self._files = files_in(self.folder, _SUFFIXES, "meshes of people")
        if names is not None:
            self._require_names(names)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """Names and contents of the files, as a hash."""
        return {"part": "files", "sha256": content_hash(self._files)}

    def measure(self, photo: Photo, images: PaintedPhotos) -> Iterator[People]:
        """Give the people of each image, in order."""
        names = set(images.names)
        files: dict[str, list[Path]] = defaultdict(list)
        for path in self._files:
            name = _photo_name(path, names)
            if name is not None:
                files[name].append(path)
        for name in images.names:
            yield _read_people(files[name], photo.camera)

    def _require_names(self, names: Sequence[str]) -> None:
        known = {PHOTO_NAME, *names}
        unknown = [path for path in self._files if _photo_name(path, known) is None]
        if belong_to_a_run(self.folder) and any(_photo_name(p, set(names)) for p in self._files):
            # A run with fewer painted photos than the one before keeps what that one measured.
            unknown = [path for path in unknown if not path.stem.isdecimal()]
        if unknown:
            photos = f"photos are {names[0]} ... {names[-1]}"
            raise InputError(
                f"{self.folder}: {', '.join(path.name for path in unknown[:3])} "
                f"{'matches' if len(unknown) == 1 else 'match'} no painted photo; the painted "
                f"{photos if len(names) > 1 else f'photo is {names[0]}'}, so a mesh is named "
                f"{names[0]}.obj, or {names[0]}_0.obj for the first of several people"
            )


def _photo_name(path: Path, names: AbstractSet[str]) -> str | None:
    """Tell which of the painted photos a file belongs to; None where it is none of them."""
    if path.stem in names:
        return path.stem
    numbered = _NUMBERED.fullmatch(path.stem)
    return numbered["name"] if numbered and numbered["name"] in names else None


def _read_people(paths: list[Path], camera: Intrinsics) -> People:
    if not paths:
        return People.nobody(camera.height, camera.width)
    parts = [_read_file(path, camera) for path in paths]
    faces = parts[0].faces
    for path, part in zip(paths, parts, strict=True):
        if not np.array_equal(part.faces, faces):
            raise InputError(
                f"{path}: its faces differ from those of {paths[0].name}; people of one painted "
                "photo must share one mesh topology"
            )
    return People(
        vertices_m=np.concatenate([part.vertices_m for part in parts]),
        faces=faces,
        mask=np.concatenate([part.mask for part in parts]),
        box_px=np.concatenate([part.box_px for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        relative_error=np.concatenate([part.relative_error for part in parts]),
        refused=tuple(reason for part in parts for reason in part.refused),
    )


def _read_file(path: Path, camera: Intrinsics) -> People:
    arrays = read_npz(path) if path.suffix.lower() == ".npz" else _read_mesh(path)
    lacking = [name for name in ("vertices_m", "faces") if name not in arrays]
    if lacking:
        raise InputError(
            f"{path}: holds {', '.join(arrays) or 'nothing'}; expected vertices_m (P, V, 3) and "
            "faces (F, 3)"
        )
    vertices_m = np.asarray(arrays["vertices_m"])
    if vertices_m.ndim == 2:
        vertices_m = vertices_m[None]
        arrays = {name: _of_one_person(name, array) for name, array in arrays.items()}
    if vertices_m.ndim != 3 or vertices_m.shape[2] != 3 or vertices_m.dtype.kind not in "iuf":
        raise InputError(
            f"{path}: vertices_m is {vertices_m.shape} {vertices_m.dtype}; expected (P, V, 3) real "
            "numbers"
        )
    shape = (camera.height, camera.width)
    count = len(vertices_m)
    if "mask" in arrays:
        mask = np.asarray(arrays["mask"])
        if mask.ndim != 3 or len(mask) != count or mask.dtype.kind not in "biuf":
            raise InputError(
                f"{path}: mask is {mask.shape} {mask.dtype}; expected ({count}, H, W) bool"
            )
        check_same_picture(f"{path}: mask", mask.shape[1:], shape)
        mask = np.stack([resize_mask(m.astype(np.bool_), *shape) for m in mask]) if count else mask
    else:
        mask = np.ones((count, *shape), np.bool_)
    try:
        people = People(
            vertices_m=vertices_m,
            faces=arrays["faces"],
            mask=mask.reshape(count, *shape),
            box_px=arrays["box_px"] if "box_px" in arrays else _boxes(vertices_m, camera),
            score=arrays.get("score", np.ones(count, np.float32)),
            relative_error=arrays.get("relative_error", np.full(count, np.nan, np.float32)),
            refused=_texts(arrays.get("refused")),
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    behind = [index for index, person in enumerate(vertices_m) if not (person[:, 2] > 0).any()]
    if behind:
        raise InputError(
            f"{path}: person {behind[0]} lies behind the camera (all z <= 0); the frame is x "
            "right, y down, z forward, in metres: flip y and z of an OpenGL or Blender mesh"
        )
    _require_metres(path, people)
    return people


def _texts(array: NDArray[Any] | None) -> tuple[str, ...]:
    if array is None:
        return ()
    if array.ndim != 1 or array.dtype.kind != "U":
        raise InputError(f"refused is {array.shape} {array.dtype}; expected (R,) texts")
    return tuple(array.tolist())


def _of_one_person(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """An array about the only person, as one about P = 1 people."""
    dimensions = {"mask": 2, "box_px": 1, "score": 0, "relative_error": 0}.get(name)
    return array[None] if array.ndim == dimensions else array


def _require_metres(path: Path, people: People) -> None:
    smallest_m, largest_m = _EXTENTS_M
    for index, vertices_m in enumerate(people.vertices_m.astype(np.float64)):
        extent_m = float(np.ptp(vertices_m, axis=0).max())
        if not smallest_m <= extent_m <= largest_m:
            raise InputError(
                f"{path}: person {index} is {extent_m:.4g} m long; meshes are in metres, and a "
                f"person's largest extent is {smallest_m} to {largest_m:.0f} m: divide millimetres "
                "by 1000, centimetres by 100"
            )


def _read_mesh(path: Path) -> dict[str, NDArray[Any]]:
    import trimesh  # noqa: PLC0415 - slow to import, and only these files need it

    try:
        mesh: Any = trimesh.load(path, force="mesh", process=False)
    except Exception as error:  # trimesh's readers raise whatever their parsing ran into
        raise InputError(f"{path}: not a readable mesh ({error})") from error
    # Vertices alone are read as a point cloud, which has no faces at all.
    if len(getattr(mesh, "faces", ())) == 0:
        raise InputError(f"{path}: holds no faces; expected a triangle mesh in metres")
    return {
        "vertices_m": np.asarray(mesh.vertices, np.float32),
        "faces": np.asarray(mesh.faces, np.int32),
    }


def _boxes(vertices_m: NDArray[Any], camera: Intrinsics) -> NDArray[np.float32]:
    """Boxes around the projected vertices, cut at the image border."""
    boxes = np.zeros((len(vertices_m), 4), np.float32)
    limit_px = (camera.width, camera.height)
    for box, person in zip(boxes, np.asarray(vertices_m, np.float64), strict=True):
        ahead = person[person[:, 2] > 0]
        if not len(ahead):
            continue
        pixels = np.clip(project(ahead, camera), 0, limit_px)
        box[:] = [*pixels.min(axis=0), *pixels.max(axis=0)]
    return boxes
