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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mfh.datasets.base import DataSet, Sample
from mfh.datasets.missing import missing_files
from mfh.decoding import decode
from mfh.errors import InputError, MfhError, OutputError, SettingsError
from mfh.files import atomic_path, make_folder
from mfh.records import Photo

_DECIMALS = 6
"""Micrometres: more than any truth has, and as many as float32 keeps."""

_IMAGES = "_images"


@dataclass(frozen=True)
class Curated:
    """What was written.

    photos, labels: how many. written: photos that are no files of their own, written beside.
    without_labels: photos without any depth that counts, by name, which are left out.
    missing: the first missing file of each photo that lacks any, by the photo's name.
    assumed: how many of the photos have a camera of which nothing is known.
    """

    photos: int
    labels: int
    written: int
    without_labels: tuple[str, ...]
    missing: Mapping[str, str]
    assumed: int


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

    A file that was cut short is gone on with by the same call.

    Raises `SettingsError` for numbers out of their range, `InputError` for photos and truth that
    cannot be read and where no photo has labels, and `OutputError`.
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
    make_folder(out.parent)
    lines = _Lines(out, _identity(data_set, there, pixels, seed))
    without = []
    labels = written = assumed = 0
    try:
        for number, sample in enumerate(there):
            line = lines.get(number)
            if line is None:
                line = _line(data_set, sample, out, pixels, seed)
                lines.add(line)
            if progress is not None:
                progress(number + 1, len(there))
            if not line:
                without.append(sample.name)
                continue
            labels += len(line["depth"])
            written += line["image"].startswith(f"{_images(out).name}/")
            assumed += line["camera"] == "assumed"
    finally:
        lines.close()
    if len(without) == len(there):
        lines.discard()
        raise InputError(
            f"{data_set.title}: none of {len(there)} photos has depth that counts, e.g. "
            f"{there[0].truth}; check its unit and the range that counts"
        )
    lines.finish()
    return Curated(len(there) - len(without), labels, written, tuple(without), missing, assumed)


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
    chosen = np.sort(random.choice(counted, min(pixels, counted.size), replace=False))
    rows, columns = np.divmod(chosen, depth_m.shape[1])
    # Depth of another size than the photo: the photo's pixel in which the centre of its own lies.
    y_px = (2 * rows + 1) * camera.height // (2 * depth_m.shape[0])
    x_px = (2 * columns + 1) * camera.width // (2 * depth_m.shape[1])
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


class _Lines:
    """The lines of a file that is being written, under another name until it is whole.

    Its first line says what it is of; what is there of the same is gone on with. A photo without
    labels has an empty line, so that lines can be counted.
    """

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        self._out = out
        self._path = out.with_name(f"{out.name}.part")
        begin = json.dumps(identity)
        self._there = self._whole_lines(begin)
        kept = [begin, *(json.dumps(line) for line in self._there)]
        try:
            self._path.write_bytes("".join(f"{line}\n" for line in kept).encode())
            self._file = self._path.open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            raise self._failed(error) from error

    def get(self, number: int) -> dict[str, Any] | None:
        """The line of a photo, None where it is not there yet."""
        return self._there[number] if number < len(self._there) else None

    def add(self, line: Mapping[str, Any]) -> None:
        """Add the next line. Raises `OutputError`."""
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the file, which stays to be gone on with."""
        self._file.close()

    def discard(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Write the lines of photos with labels to where they belong. Raises `OutputError`."""
        with atomic_path(self._out) as temporary, temporary.open("wb") as file:
            for line in self._stored():
                if line != "{}":
                    file.write(f"{line}\n".encode())
        self.discard()

    def _stored(self) -> Iterator[str]:
        with self._path.open(encoding="utf-8", newline="\n") as file:
            next(file)
            for line in file:
                yield line.removesuffix("\n")

    def _whole_lines(self, begin: str) -> list[dict[str, Any]]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return []
        first, *rest = text.split("\n")[:-1] or [""]
        if first != begin:
            return []
        return [json.loads(line) for line in rest]

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self._path}: {error.strerror or error}; free some space there, or "
            "choose another place with --out"
        )
