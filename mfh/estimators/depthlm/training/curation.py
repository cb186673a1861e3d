"""Labelled pixels of any data set, as the JSON lines that DepthLM is trained on and scored with.

A line a photo, as `mfh.datasets.labels` reads it: `image`, `intrinsics`, `pixel_coords`
and `depth`, and besides `labelled`, which says what `depth` is, `camera`, how its intrinsics are
known, and `data_set`, where it is from.
`depth` is the straight distance from the camera, as DepthLM's own scripts write it
(facebookresearch/DepthLM_Official, `utils/curate_*.py`), with pixels counted as they do, whole.

Photos are named where they are. What methods get of some data sets is no file, as the KB crop of
KITTI; such a photo is written beside the labels. Naming KITTI's whole photo with other intrinsics
would be right, too, but only for crops, and would show a model other pixels than it is scored with.
Importing this loads no model library.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mfh.datasets.base import DataSet, Sample
from mfh.datasets.missing import missing_files
from mfh.decoding import decode
from mfh.errors import InputError, MfhError, SettingsError
from mfh.estimators.depthlm.training.label_lines import LabelLines
from mfh.files import atomic_path, make_folder
from mfh.files.locks import file_locked
from mfh.records import Photo
from mfh.training.splits import not_for_training

_DECIMALS = 6
"""Micrometres: more than any truth has, and as many as float32 keeps."""

_IMAGES = "_images"
_UNREADABLE = "unreadable"
"""What is wrong with a photo, in its line while others are read."""


@dataclass(frozen=True)
class Curated:
    """What was written.

    photos, labels: how many. written: photos that are no files of their own, written beside.
    without_labels: photos without any depth that counts, by name, which are left out.
    missing: the first missing file of each photo that lacks any, by the photo's name.
    assumed: how many of the photos have a camera of which nothing is known.
    unreadable: what is wrong with photos that cannot be read, or whose depth cannot, by name; they
        are left out.
    not_for_training: the names of photos that are not for training, see
        `mfh.training.splits.not_for_training`.
    """

    photos: int
    labels: int
    written: int
    without_labels: tuple[str, ...]
    missing: Mapping[str, str]
    assumed: int
    unreadable: Mapping[str, str]
    not_for_training: tuple[str, ...]


def curate(
    data_set: DataSet,
    out: Path,
    *,
    pixels: int = 100,
    seed: int = 0,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Curated:
    """Write the labels of a data set's photos to `out`, a .jsonl file, whole or not at all.

    pixels: how many of each photo, drawn evenly from those that count by the data set's protocol;
        all where it has fewer. seed: which ones; they depend on the photo's name and it alone.
    limit: so many photos, spread evenly over the data set; None takes all.
    progress: told how many photos are done, and of how many.

    A file that was cut short is gone on with by the same call. Other processes are kept from
    writing the same file meanwhile, by a hidden file beside it, which stays.

    Raises `SettingsError` for numbers out of their range, `InputError` where no photo can be read
    or none has labels, and `OutputError`, also where another process writes to `out`.
    """
    _require(pixels, seed, limit, out)
    samples = data_set.samples()
    missing = missing_files(data_set, samples)
    there = [sample for sample in samples if sample.name not in missing]
    if limit is not None and limit < len(there):
        there = [there[number * len(there) // limit] for number in range(limit)]
    if not there:
        raise InputError(
            f"{data_set.title}: none of its {len(samples)} photos is there with its depth, e.g. "
            f"{next(iter(missing.values()), data_set.root)}"
        )
    with file_locked(out, "writing labels there"):
        lines = LabelLines(out, _identity(data_set, there, pixels, seed))
        without: list[Sample] = []
        written_of: list[Sample] = []
        unreadable: dict[str, str] = {}
        labels = written = assumed = 0
        try:
            for number, sample in enumerate(there):
                line = lines.get(number)
                if line is None:
                    try:
                        line = _line(data_set, sample, out, pixels, seed)
                    except InputError as error:
                        line = {_UNREADABLE: str(error)}
                    lines.add(line)
                if progress is not None:
                    progress(number + 1, len(there))
                if _UNREADABLE in line:
                    unreadable[sample.name] = line[_UNREADABLE]
                    continue
                if not line:
                    without.append(sample)
                    continue
                written_of.append(sample)
                labels += len(line["depth"])
                written += line["image"].startswith(f"{_images(out).name}/")
                assumed += line["camera"] == "assumed"
        finally:
            lines.close()
        if not written_of:
            lines.discard()
            raise InputError(_without_labels(data_set, without, unreadable))
        lines.finish()
        return Curated(
            photos=len(written_of),
            labels=labels,
            written=written,
            without_labels=tuple(sample.name for sample in without),
            missing=missing,
            assumed=assumed,
            unreadable=unreadable,
            not_for_training=tuple(not_for_training(data_set, written_of)),
        )


def _without_labels(
    data_set: DataSet, without: Sequence[Sample], unreadable: Mapping[str, str]
) -> str:
    """Why none of the photos has labels."""
    first = next(iter(unreadable.values()), "")
    if not without:
        return f"{data_set.title}: none of {len(unreadable)} photos can be read, e.g. {first}"
    also = f"; {len(unreadable)} more cannot be read, e.g. {first}" if unreadable else ""
    return (
        f"{data_set.title}: none of {len(without)} photos has depth that counts, e.g. "
        f"{without[0].truth}; check its unit and the range that counts{also}"
    )


def _require(pixels: int, seed: int, limit: int | None, out: Path) -> None:
    for name, value, least in (
        ("pixels", pixels, 1),
        ("seed", seed, 0),
        ("limit", 1 if limit is None else limit, 1),
    ):
        if value < least:
            raise SettingsError(f"{name} is {value}; it must be at least {least}")
    if out.suffix.lower() != ".jsonl":
        raise SettingsError(f"{out}: labels are written to a .jsonl file; give such a name")


def _identity(
    data_set: DataSet, samples: Sequence[Sample], pixels: int, seed: int
) -> dict[str, Any]:
    """What the lines depend on; plain JSON."""
    digest = hashlib.sha256()
    for sample in samples:
        stats = [path.stat() for path in data_set.files(sample)]
        told = [sample.name, sample.stated, *([s.st_size, s.st_mtime_ns] for s in stats)]
        digest.update(json.dumps(told).encode())
    return {
        "data_set": data_set.name,
        "root": os.path.realpath(data_set.root),
        "options": dict(data_set.options),
        "samples": digest.hexdigest(),
        "pixels": pixels,
        "seed": seed,
    }


def _line(data_set: DataSet, sample: Sample, out: Path, pixels: int, seed: int) -> dict[str, Any]:
    """What is written of a photo; {} where nothing of it counts."""
    depth_m = data_set.truth(sample)
    try:
        valid = data_set.protocol.valid(depth_m)
    except InputError as error:
        raise InputError(f"{sample.truth}: {error}") from error
    counted = np.flatnonzero(valid)
    if not counted.size:
        return {}
    photo = data_set.photo(sample)
    camera = photo.camera
    name = hashlib.sha256(sample.name.encode()).digest()
    random = np.random.default_rng([seed, *np.frombuffer(name, np.uint32).tolist()])
    chosen = random.choice(counted, min(pixels, counted.size), replace=False)
    rows, columns = np.divmod(chosen, depth_m.shape[1])
    # Depth of another size than the photo: the photo's pixel in which the centre of its own lies.
    y_px = (2 * rows + 1) * camera.height // (2 * depth_m.shape[0])
    x_px = (2 * columns + 1) * camera.width // (2 * depth_m.shape[1])
    # Each pixel once, row by row.
    _, first = np.unique(y_px * camera.width + x_px, return_index=True)
    x_px, y_px, z_m = x_px[first], y_px[first], depth_m.flat[chosen[first]].astype(np.float64)
    x, y = (x_px - camera.cx) / camera.fx, (y_px - camera.cy) / camera.fy
    distance_m = z_m * np.sqrt(x**2 + y**2 + 1)
    return {
        "image": _image(photo, sample, out),
        "camera": camera.source,
        "intrinsics": [camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height],
        "pixel_coords": np.stack([x_px, y_px], axis=-1).tolist(),
        "depth": [max(round(each, _DECIMALS), 10**-_DECIMALS) for each in distance_m.tolist()],
        "labelled": "distance",
        "data_set": data_set.title,
    }


def _image(photo: Photo, sample: Sample, out: Path) -> str:
    """The path of a photo, relative to the labels; the photo is written if it has to be."""
    file = Path(os.path.realpath(sample.photo.parent), sample.photo.name)
    if _holds(file, photo):
        try:
            return Path(os.path.relpath(file, os.path.realpath(out.parent))).as_posix()
        except ValueError:
            pass  # another drive of Windows, to which there is no relative path
    path = _images(out) / f"{sample.name}.png"
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        Image.fromarray(photo.image).save(temporary, compress_level=1)
    return path.relative_to(out.parent).as_posix()


def _holds(file: Path, photo: Photo) -> bool:
    """Whether a file is the photo as it is; that of some data sets holds many, or more of it."""
    try:
        return np.array_equal(decode(file).pixels, photo.image)
    except MfhError:
        return False


def _images(out: Path) -> Path:
    return out.with_name(out.stem + _IMAGES)
