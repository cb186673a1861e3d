"""Photos with depth maps in a folder, listed in an index file or matched by their names.

`index.csv` or `index.jsonl` has a line a photo (`mfh.datasets.index_file`), with paths
relative to its folder:

- `photo`, `depth`: the photo, and its depth as `mfh simulate --depth` takes it: a 16-bit PNG, .npy
  or .npz file of the same view.
- the camera, one of: `camera`, a file as `--intrinsics` takes it (in JSON lines also a 3 x 3
  matrix); `fx`, `fy`, `cx`, `cy` in px of the photo; `fov_deg`, the horizontal field of view. With
  none of them the photo's EXIF data count, and without those an assumption.
- `depth_scale`: metres per unit of an integer depth file, a number, `mm` or `kitti` (1/256 m).
- `mask`: an image or array of that view; depth counts where it is not zero.
- `name`: what the photo is called; its path without suffix where none is given.

Without an index, photos lie in `rgb/` or `images/` and their depth in `depth/`, by the same name.
Depth that has no photo is enough to score on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import Checked, LayoutError, Sample
from mfh.datasets.checking import count_line, missing_lines
from mfh.datasets.index_file import (
    INDEX_SUFFIXES,
    Row,
    path_in,
    read_index,
    require_unique,
    sample_name,
)
from mfh.datasets.missing import missing_files
from mfh.datasets.protocol import Crop, Protocol
from mfh.decoding import read_image, read_shape
from mfh.errors import InputError, SettingsError
from mfh.files.user_files import (
    MAP_SUFFIXES,
    check_same_picture,
    files_in,
    read_map,
    resize_mask,
)
from mfh.photos import find_photos, load_photo
from mfh.records import Photo
from mfh.simulation.truth import load_truth, metres_per_unit

_NUMBERS = ("fx", "fy", "cx", "cy")
_COLUMNS = ("photo", "depth", "camera", *_NUMBERS, "fov_deg", "depth_scale", "mask", "name")
_PHOTO_FOLDERS = ("rgb", "images")
_LAYOUT = (
    "expected index.csv or index.jsonl with photo, depth and a camera (camera, fx fy cx cy, or "
    "fov_deg) a line, or photos in rgb/ or images/ with depth maps of the same names in depth/"
)


@dataclass(frozen=True)
class Folder:
    """Photos with depth maps of any origin.

    root: the folder, or the index file itself.
    max_m, min_m, crop: which truth counts, as `Protocol` says.
    depth_scale, camera: those of all photos whose line in the index gives none; the camera file is
        relative to the folder.

    Raises `SettingsError` for values out of their range.
    """

    root: Path
    max_m: float = 80.0
    min_m: float = 1e-3
    crop: Crop = "none"
    depth_scale: str | float | None = None
    camera: str | None = None

    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "photos with depth maps"
    where: ClassVar[str] = "your own photos; " + _LAYOUT

    def __post_init__(self) -> None:
        require_range(self.min_m, self.max_m)
        if self.crop not in get_args(Crop):
            raise SettingsError(f"crop {self.crop!r}; accepted: {', '.join(get_args(Crop))}")
        if self.depth_scale is not None:
            object.__setattr__(self, "depth_scale", metres_per_unit(self.depth_scale))

    @property
    def protocol(self) -> Protocol:
        """The range and crop that were asked for."""
        return Protocol(self.max_m, self.min_m, self.crop, source="as asked for")

    @property
    def options(self) -> Mapping[str, Any]:
        """The range, and what else was asked for; a camera file stays relative to the folder."""
        camera = None if self.camera is None else str(self.camera)
        others = {"depth_scale": self.depth_scale, "camera": camera}
        return {"max_m": self.max_m, "min_m": self.min_m, "crop": self.crop} | {
            name: value for name, value in others.items() if value is not None
        }

    def samples(self) -> Sequence[Sample]:
        """The photos in the order of the index, or by name.

        Raises `InputError`, with the file and the line, for an index that cannot be understood, and
        `LayoutError` where there is neither an index nor depth.
        """
        index = self._index()
        return list(self._by_name() if index is None else self._listed(index))

    def photo(self, sample: Sample) -> Photo:
        """The photo with the camera of its line. Raises `InputError` naming the line and file."""
        camera = sample.extra.get("camera")
        try:
            return load_photo(
                sample.photo, camera, fov_deg=sample.extra.get("fov_deg"), name=sample.name
            )
        except InputError as error:
            raise InputError(f"{sample.extra['where']}: {error}") from error

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """The depth (H, W) in metres, z, NaN where unknown or masked, at the size of the map.

        Raises `InputError` naming the line and the file, also for a map of another aspect than the
        photo's, where that is there.
        """
        try:
            return self._truth(sample)
        except InputError as error:
            raise InputError(f"{sample.extra['where']}: {error}") from error

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Photo, depth, and the mask and camera file that its line names."""
        named = (sample.extra.get(key) for key in ("mask", "camera"))
        return sample.photo, sample.truth, *(Path(each) for each in named if isinstance(each, str))

    def check(self) -> Checked:
        """Which files are there; opens the index alone. Raises `InputError` as `samples` does."""
        samples = self.samples()
        missing = missing_files(self, samples)
        found = len(samples) - len(missing)
        index = self._index()
        how = "rgb/ or images/ and depth/, by name" if index is None else f"listed in {index.name}"
        lines = [f"layout: {how}", count_line(found, len(samples))]
        unknown = sum(not {"camera", "fov_deg"} & sample.extra.keys() for sample in samples)
        if unknown:
            lines.append(
                f"{unknown} of {len(samples)} photos have no camera: EXIF data count, or else an "
                "assumed field of view; depth is proportional to the focal length"
            )
        lines += missing_lines(missing, self._base)
        return Checked(tuple(lines), len(samples), found, missing)

    @property
    def _base(self) -> Path:
        return self.root.parent if self.root.is_file() else self.root

    def _index(self) -> Path | None:
        """The index file, None where there is none."""
        if self.root.is_file():
            if self.root.suffix.lower() not in INDEX_SUFFIXES:
                raise InputError(
                    f"{self.root}: is no index file ({', '.join(INDEX_SUFFIXES)}); {_LAYOUT}"
                )
            return self.root
        found = [path for s in INDEX_SUFFIXES if (path := self.root / f"index{s}").is_file()]
        if len(found) > 1:
            raise InputError(
                f"{self.root}: holds {' and '.join(path.name for path in found)}; give the path of "
                "the one that counts"
            )
        return found[0] if found else None

    def _listed(self, index: Path) -> Iterator[Sample]:
        rows = read_index(index, _COLUMNS, ("photo", "depth"))
        names = [sample_name(row.text("photo") or "", row.text("name")) for row in rows]
        require_unique(
            zip(names, (row.where for row in rows), strict=True),
            "give each photo once, or names that differ in a column name",
        )
        for name, row in zip(names, rows, strict=True):
            camera, scale = _camera(row, self._base), _depth_scale(row)
            extra = {"where": row.where, **(camera or self._camera_of_all())}
            extra["depth_scale"] = self.depth_scale if scale is None else scale
            if mask := row.text("mask"):
                extra["mask"] = str(path_in(self._base, mask))
            photo, depth = (path_in(self._base, row.text(key) or "") for key in ("photo", "depth"))
            # The files of a camera and a mask tell themselves whether they are others now.
            given = (("camera", camera.get("camera")), ("fov_deg", camera.get("fov_deg")))
            stated = {k: v for k, v in (*given, ("depth_scale", scale)) if v is not None}
            if isinstance(stated.get("camera"), str):
                del stated["camera"]
            yield Sample(name, photo, depth, extra, json.dumps(stated) if stated else "")

    def _by_name(self) -> Iterator[Sample]:
        folders = [folder for n in _PHOTO_FOLDERS if (folder := self.root / n).is_dir()]
        if len(folders) > 1 or not (self.root / "depth").is_dir():
            raise LayoutError(f"{self.root}: holds no photos with depth maps; {_LAYOUT}")
        photos = find_photos(folder for folder in folders if any(folder.iterdir()))
        depths: dict[str, Path] = {}
        for path in files_in(self.root / "depth", MAP_SUFFIXES, "depth maps"):
            if path.stem in depths:
                raise InputError(
                    f"{self.root}: {depths[path.stem].name} and {path.name} in depth/ have one "
                    "name; keep one of them, or write an index.csv"
                )
            depths[path.stem] = path
        stems = {path.stem for path in photos}
        if photos and not depths.keys() & stems:
            raise InputError(
                f"{self.root}: no photo of {folders[0].name}/ ({photos[0].name}, ...) has a depth "
                f"map of its name in depth/ ({next(iter(depths.values())).name}, ...); rename "
                "them, or write an index.csv with the columns photo and depth"
            )
        expected = self.root / (folders[0].name if folders else _PHOTO_FOLDERS[0])
        photos += [expected / f"{stem}.png" for stem in depths if stem not in stems]
        photos.sort()
        names = [sample_name(path.name) for path in photos]
        require_unique(
            zip(names, map(str, photos), strict=True), "keep one of them, or write an index.csv"
        )
        for name, path in zip(names, photos, strict=True):
            depth = depths.get(path.stem, self.root / "depth" / f"{path.stem}.png")
            extra = {"where": f"photo {path.name}", "depth_scale": self.depth_scale}
            yield Sample(name, path, depth, extra | self._camera_of_all())

    def _camera_of_all(self) -> dict[str, Any]:
        return {} if self.camera is None else {"camera": str(self._base / self.camera)}

    def _truth(self, sample: Sample) -> NDArray[np.float32]:
        depth_m = load_truth(sample.truth, None, scale=sample.extra["depth_scale"]).depth_m
        shape = (depth_m.shape[0], depth_m.shape[1])
        if sample.photo.is_file():
            check_same_picture(f"truth {sample.truth}", shape, read_shape(sample.photo))
        if "mask" in sample.extra:
            depth_m = np.where(_mask(Path(sample.extra["mask"]), shape), depth_m, np.nan)
        return depth_m


def require_range(min_m: float, max_m: float) -> None:
    """Refuse a range of depth that is none. Raises `SettingsError`."""
    if not (math.isfinite(max_m) and 0 <= min_m < max_m):
        raise SettingsError(
            f"depth counts between min_m = {min_m:g} and max_m = {max_m:g} m; give metres with "
            "0 <= min_m < max_m"
        )


def _camera(row: Row, base: Path) -> dict[str, Any]:
    """What a line says of the camera. Raises `InputError` for half a camera, and for several."""
    numbers = {key: value for key in _NUMBERS if (value := row.number(key)) is not None}
    fov_deg = row.number("fov_deg")
    camera = row.values.get("camera")
    if 0 < len(numbers) < len(_NUMBERS):
        lacking = [key for key in _NUMBERS if key not in numbers]
        raise InputError(
            f"{row.where}: gives {', '.join(numbers)} without {', '.join(lacking)}; give all four, "
            "or fov_deg"
        )
    if sum((bool(numbers), fov_deg is not None, camera is not None)) > 1:
        raise InputError(
            f"{row.where}: gives its camera twice; keep one of camera, fx fy cx cy, and fov_deg"
        )
    if numbers:
        fx, fy, cx, cy = (numbers[key] for key in _NUMBERS)
        return {"camera": [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]}
    if fov_deg is not None:
        return {"fov_deg": fov_deg}
    if isinstance(camera, str):
        camera = str(path_in(base, camera))
    return {} if camera is None else {"camera": camera}


def _depth_scale(row: Row) -> str | float | None:
    """What a line says of its depth map's unit; a text is understood when the map is read."""
    scale = row.values.get("depth_scale")
    if not isinstance(scale, str):
        return row.number("depth_scale")
    return scale.replace(",", ".") if row.decimal_comma else scale


def _mask(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Where depth counts, (H, W) of `shape`: not zero in any colour."""
    array = path.suffix.lower() in (".npy", ".npz")
    stored = read_map(path, "mask") if array else np.asarray(read_image(path))
    mask = np.asarray(stored != 0)
    if mask.ndim == 3:
        # An image's fourth channel is how opaque it is, which is no matter of validity.
        mask = np.asarray(mask[..., :3].any(axis=-1))
    if mask.ndim != 2 or 0 in mask.shape:
        raise InputError(f"{path}: array of shape {stored.shape}; expected a mask (H, W)")
    check_same_picture(f"mask {path}", (mask.shape[0], mask.shape[1]), shape)
    return resize_mask(mask, *shape)
