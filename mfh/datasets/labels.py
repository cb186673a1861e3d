"""Photos with labelled pixels, as DepthLM's JSON lines: sparse truth.

A line a photo (facebookresearch/DepthLM_Official, `examples/ibims1/ibims1_val.jsonl` and
`utils/curate_*.py`): `image`, its path; `intrinsics`, [fx, fy, cx, cy, width, height] in px;
`pixel_coords`, pixels [x, y]; `depth`, metres, one a pixel.

What `depth` is differs between DepthLM's files. Its model is asked how far a point is from the
camera, and its evaluation compares the answer with `depth` as it is (`eval.py`,
`utils/metrics.py`). The scripts that make the files of NYU, SUN RGB-D, ScanNet++, Matterport3D,
ETH3D and Argoverse write the distance from the camera, sqrt(x^2 + y^2 + z^2); that of nuScenes
writes z; what the libraries give that those of DDAD and Waymo call is unverified. The iBims-1 file
comes without a script: all its values are whole numbers of that data set's own unit, 50 / 65535 m,
which computed distances are not, and walls and floors are flat when they are taken for z, not when
taken for distances. So they are z.

DepthLM's figure is delta1 over labels. Its evaluation of all of them (`dataset_inference`) gives
each one weight, which is the mean over photos where all photos have equally many, 100 in its
files. The ratio of two distances along one ray is that of their z, so delta1 is the same either
way. Two differences remain: DepthLM leaves labels out that lie too near the photo's border for the
arrow it draws (5 px at a focal length of 750 px), and its `eval.sh` takes 128 labels at random.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mfh.datasets.base import Checked, LayoutError, Sample
from mfh.datasets.checking import count_line, missing_lines
from mfh.datasets.folder import require_range
from mfh.datasets.index_file import (
    Row,
    is_number,
    path_in,
    read_json_lines,
    require_unique,
    sample_name,
)
from mfh.datasets.missing import missing_files
from mfh.datasets.protocol import Protocol
from mfh.decoding import MAX_MEGAPIXELS, decode
from mfh.errors import InputError, SettingsError
from mfh.photos import load_photo
from mfh.records import Intrinsics, Photo

Labelled = Literal["auto", "distance", "depth"]

IBIMS_UNIT_M = 50 / 65535
"""What one unit of iBims-1's 16-bit depth maps is, of which 65535 are 50 m."""

_KEYS = ("image", "intrinsics", "pixel_coords", "depth")
_EXPECTED = (
    'expected lines {"image": "rgb/a.png", "intrinsics": [fx, fy, cx, cy, width, height], '
    '"pixel_coords": [[x, y], ...], "depth": [metres, ...]}'
)


@dataclass(frozen=True)
class Labels:
    """Photos with labelled pixels.

    root: a folder with one .jsonl file, or that file.
    labelled: what `depth` is: "distance" from the camera along the ray, which is turned into z with
        the photo's intrinsics, or "depth", z. "auto" takes it for z where all values of the file
        are whole numbers of `IBIMS_UNIT_M`, else for the distance, which is what DepthLM asks for.
    images: the folder that `image` is relative to; the .jsonl file's own if None.
    max_m, min_m: the range of z that counts. The default leaves no label of iBims-1 out; DepthLM
        itself has no cap.

    Raises `SettingsError` for values out of their range.
    """

    root: Path
    max_m: float = 80.0
    min_m: float = 1e-3
    labelled: Labelled = "auto"
    images: str | None = None

    name: ClassVar[str] = "labels"
    title: ClassVar[str] = "labelled pixels"
    where: ClassVar[str] = (
        "examples/ibims1 of https://github.com/facebookresearch/DepthLM_Official, whose "
        "prepare_data.sh makes those of other data sets"
    )

    def __post_init__(self) -> None:
        require_range(self.min_m, self.max_m)
        if self.labelled not in get_args(Labelled):
            raise SettingsError(
                f"labelled {self.labelled!r}; accepted: {', '.join(get_args(Labelled))}"
            )

    @property
    def protocol(self) -> Protocol:
        """The range that was asked for."""
        return Protocol(self.max_m, self.min_m, source="as asked for; DepthLM has no cap")

    @property
    def options(self) -> Mapping[str, Any]:
        """The range and what was asked for; a folder of images stays relative to the file's."""
        asked = {"max_m": self.max_m, "min_m": self.min_m, "labelled": self.labelled}
        return asked if self.images is None else {**asked, "images": str(self.images)}

    def samples(self) -> Sequence[Sample]:
        """The photos in the order of the file.

        Raises `InputError`, with the file and the line, for lines that are no JSON objects or lack
        a key, and for a photo that is listed twice. Wrong values are left to `photo` and `truth`.
        """
        index = self._index()
        rows = read_json_lines(index)
        for row in rows:
            lacking = [key for key in _KEYS if key not in row.values]
            if lacking:
                raise InputError(f"{row.where}: {' and '.join(lacking)} missing; {_EXPECTED}")
        if not rows:
            raise InputError(f"{index}: holds no photo; {_EXPECTED}")
        names = [sample_name(_image(row)) for row in rows]
        require_unique(
            zip(names, (row.where for row in rows), strict=True), "keep one line a photo"
        )
        ibims = all(_in_ibims_units(row.values["depth"]) for row in rows)
        usual = "depth" if ibims else "distance"
        labelled = [self._labelled(row, usual) for row in rows]
        folder = index.parent if self.images is None else index.parent / self.images
        return [
            Sample(
                name=name,
                photo=path_in(folder, _image(row)),
                truth=index,
                extra={"where": row.where, "labelled": what}
                | {key: row.values[key] for key in _KEYS[1:]},
                stated=json.dumps([what, *(row.values[key] for key in _KEYS[1:])]),
            )
            for name, row, what in zip(names, rows, labelled, strict=True)
        ]

    def photo(self, sample: Sample) -> Photo:
        """The photo with its intrinsics.

        Raises `InputError` naming the line, also for a photo of another size than they state.
        """
        where = sample.extra["where"]
        camera = _intrinsics(sample.extra)
        try:
            image = decode(sample.photo).pixels
            height, width = image.shape[:2]
            if (height, width) != (camera.height, camera.width):
                raise InputError(
                    f"{sample.photo} is {width} x {height} px, but its intrinsics and pixel_coords "
                    f"are for {camera.width} x {camera.height} px; give the photo that was labelled"
                )
            return load_photo(image, camera, name=sample.name)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Depth in metres, z, at the labelled pixels, NaN elsewhere, (H, W) as the intrinsics say.

        Where labels share a pixel, the nearest counts. Raises `InputError` as `points` does.
        """
        x_px, y_px, depth_m = self.points(sample)
        camera = _intrinsics(sample.extra)
        truth_m = np.full((camera.height, camera.width), np.nan, np.float32)
        truth_m[y_px, x_px] = depth_m
        return truth_m

    def points(
        self, sample: Sample
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """What `truth` holds, without its map: x and y in px and z in metres, each (N,), by rows.

        Raises `InputError` naming the line for pixels outside the photo, depth that is no positive
        number, and lists of unequal length.
        """
        camera = _intrinsics(sample.extra)
        x_px, y_px, depth_m = _labels(sample.extra, camera)
        if sample.extra["labelled"] == "distance":
            depth_m = depth_m / _ray_lengths(x_px, y_px, camera)
        # The nearest of those that share a pixel comes first.
        order = np.lexsort((depth_m, x_px, y_px))
        pixels, first = np.unique((y_px * camera.width + x_px)[order], return_index=True)
        rows, columns = np.divmod(pixels, camera.width)
        nearest_m = depth_m[order][first].astype(np.float32)
        return columns.astype(np.int32), rows.astype(np.int32), nearest_m

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """The photo; what the .jsonl file says of it is in the sample."""
        return (sample.photo,)

    def check(self) -> Checked:
        """Which photos are there and which lines are wrong; opens the .jsonl file alone.

        Raises `InputError` as `samples` does.
        """
        samples = self.samples()
        missing = missing_files(self, samples)
        wrong: dict[str, str] = {}
        count = beyond = 0
        for sample in samples:
            try:
                _, _, known = self.points(sample)
            except InputError as error:
                wrong[sample.name] = str(error)
                continue
            count += len(known)
            beyond += int((known >= self.max_m).sum())
        lacking = wrong | missing
        found = len(samples) - len(lacking)
        labelled = dict.fromkeys(sample.extra["labelled"] for sample in samples)
        lines = [
            f"layout: DepthLM's labelled pixels in {samples[0].truth.name}",
            count_line(found, len(samples)),
            f"{count} labelled pixels, taken for {' and '.join(_WORDS[each] for each in labelled)} "
            f"(labelled = {', '.join(labelled)})",
        ]
        if beyond:
            lines.append(f"{beyond} of them lie beyond max_m = {self.max_m:g} m and do not count")
        lines += missing_lines(missing, samples[0].truth.parent)
        lines += missing_lines(wrong, samples[0].truth.parent, "wrong")
        if missing:
            lines.append(f"Where to get it: {self.where}.")
        return Checked(tuple(lines), len(samples), found, lacking)

    def _labelled(self, row: Row, usual: str) -> str:
        """What the labels of a line are; usual: where neither the user nor the line says so."""
        if self.labelled != "auto":
            return self.labelled
        said = row.values.get("labelled", usual)
        if said not in _WORDS:
            raise InputError(
                f"{row.where}: labelled is {said!r:.80}; it must be {' or '.join(_WORDS)}"
            )
        return str(said)

    def _index(self) -> Path:
        if self.root.is_file():
            return self.root
        found = sorted(self.root.glob("*.jsonl"))
        if len(found) != 1:
            holds = f"{', '.join(path.name for path in found)}" if found else "no .jsonl file"
            raise LayoutError(
                f"{self.root}: holds {holds}; give the path of one file of labels; {_EXPECTED}"
            )
        return found[0]


_WORDS: Mapping[str, str] = {
    "distance": "distances from the camera",
    "depth": "z, along the optical axis",
}


def _image(row: Row) -> str:
    """The photo's path as DepthLM reads it: relative, whatever it begins with."""
    image = row.text("image")
    if not image or not image.strip("/\\"):
        raise InputError(f"{row.where}: image is {image!r}; it must be a path")
    return image.lstrip("/\\")


def _in_ibims_units(depth: Any) -> bool:
    if not (isinstance(depth, list) and depth and all(map(is_number, depth))):
        return False
    units = np.asarray(depth, np.float64) / IBIMS_UNIT_M
    return bool((np.abs(units - units.round()) < 1e-6).all())


def _intrinsics(extra: Mapping[str, Any]) -> Intrinsics:
    where, values = extra["where"], extra["intrinsics"]
    if not (isinstance(values, list) and len(values) == 6 and all(map(is_number, values))):
        raise InputError(
            f"{where}: intrinsics are {values!r:.80}; they must be six numbers "
            "[fx, fy, cx, cy, width, height]"
        )
    fx, fy, cx, cy, width, height = values
    whole = float(width).is_integer() and float(height).is_integer()
    if not (whole and width > 0 and 0 < width * height <= MAX_MEGAPIXELS * 1e6):
        raise InputError(
            f"{where}: width {width:g} and height {height:g}; they must be whole, positive numbers "
            f"of px, and at most {MAX_MEGAPIXELS} megapixels"
        )
    # A focal length of 0 stands for the other one (DepthLM, `utils/datasets.py`).
    try:
        return Intrinsics(fx or fy, fy or fx, cx, cy, int(height), int(width), "given", where)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _labels(
    extra: Mapping[str, Any], camera: Intrinsics
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Columns, rows and labels, checked."""
    where, pixels, depth = extra["where"], extra["pixel_coords"], extra["depth"]
    if not (isinstance(pixels, list) and isinstance(depth, list)):
        raise InputError(f"{where}: pixel_coords and depth must be lists; {_EXPECTED}")
    if len(pixels) != len(depth) or not depth:
        raise InputError(
            f"{where}: {len(pixels)} pixel_coords for {len(depth)} depth; there must be one a pixel"
        )
    for number, (pixel, value) in enumerate(zip(pixels, depth, strict=True)):
        if not (isinstance(pixel, list) and len(pixel) == 2 and all(map(is_number, pixel))):
            raise InputError(f"{where}: pixel_coords[{number}] is {pixel!r:.80}; expected [x, y]")
        if not (0 <= pixel[0] < camera.width and 0 <= pixel[1] < camera.height):
            raise InputError(
                f"{where}: pixel_coords[{number}] is {pixel}, outside the photo of {camera.width} "
                f"x {camera.height} px; coordinates are [x, y] from 0"
            )
        if not (is_number(value) and value > 0):
            raise InputError(
                f"{where}: depth[{number}] is {value!r:.80}; it must be a positive number of metres"
            )
    columns, rows = np.asarray(pixels, np.float64).astype(np.intp).T
    return columns, rows, np.asarray(depth, np.float64)


def _ray_lengths(
    x_px: NDArray[np.intp], y_px: NDArray[np.intp], camera: Intrinsics
) -> NDArray[np.float64]:
    """The distance of points at z = 1, with pixels as DepthLM's scripts count them: whole."""
    x = (x_px - camera.cx) / camera.fx
    y = (y_px - camera.cy) / camera.fy
    return np.asarray(np.sqrt(x**2 + y**2 + 1))
