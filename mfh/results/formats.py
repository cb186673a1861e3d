"""The formats a result can be written in, by the names that `--format` takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.files import remove_file
from mfh.records import MetricDepth
from mfh.results.depth_files import write_depth_npz, write_depth_png_mm
from mfh.results.exr import write_depth_exr
from mfh.results.mesh import write_mesh
from mfh.results.picture_files import write_depth_picture
from mfh.results.point_cloud import write_point_cloud
from mfh.results.scenes import COLMAP_FILES, NERFSTUDIO_FILES, write_colmap, write_nerfstudio
from mfh.results.uncertainty import error_in_words


class Writer(Protocol):
    """What writes a result in one format."""

    def __call__(
        self, path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = ""
    ) -> Path:
        """Write it and return `path`, a file, or a folder that is made where it is not there.

        image: the photo, (H, W, 3) uint8 RGB of the depth's size. title: the photo's name.

        Raises `InputError` for an image of another size, and `OutputError`.
        """


@dataclass(frozen=True)
class Format:
    """One format.

    name: what `--format` calls it.
    what: what is written, in a few words.
    key: what the file is called in `summary.json` and among the paths of `write_results`.
    filename: its file, or its folder, in the folder of a result.
    write: writes it.
    has_colours: whether the photo's colours are in it.
    files: of a folder, the files in it.
    """

    name: str
    what: str
    key: str
    filename: str
    write: Writer
    has_colours: bool = False
    files: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """That of the file, such as ".ply"; "" for a folder."""
        return Path(self.filename).suffix

    def remove(self, folder: Path) -> None:
        """Remove from a result's folder what `write` writes there. Raises `OutputError`."""
        path = folder / self.filename
        if not self.files:
            remove_file(path)
            return
        inside = [path / name for name in self.files]
        for file in inside:
            remove_file(file)
        # Folders in which something else was put stay.
        folders = {parent for file in inside for parent in file.parents}
        for inner in sorted(folders - set(path.parents), reverse=True):
            with suppress(OSError):
                inner.rmdir()


def _npz(path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = "") -> Path:
    write_depth_npz(path, depth)
    return path


def _ply(path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = "") -> Path:
    write_point_cloud(
        path,
        image,
        depth.depth_m,
        depth.camera,
        relative_error=depth.relative_error_map,
        error=error_in_words(depth),
        simulated=depth.simulated,
    )
    return path


def _png(path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = "") -> Path:
    return write_depth_picture(path, depth, title)


def _png16(path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = "") -> Path:
    write_depth_png_mm(
        path,
        depth.depth_m,
        camera=depth.camera,
        error=error_in_words(depth),
        simulated=depth.simulated,
    )
    return path


def _exr(path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = "") -> Path:
    return write_depth_exr(path, depth)


def _glb(path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = "") -> Path:
    return write_mesh(path, depth, image)


def _colmap(path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = "") -> Path:
    return write_colmap(path, depth, image)


def _nerfstudio(
    path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, title: str = ""
) -> Path:
    return write_nerfstudio(path, depth, image)


_ALL = (
    Format("npz", "depth in metres and everything known about it", "depth", "depth.npz", _npz),
    Format("png", "picture of the depth in colours", "picture", "depth.png", _png),
    Format("png16", "depth in millimetres, 16-bit PNG", "depth_mm", "depth_mm.png", _png16),
    Format("ply", "coloured point cloud", "point_cloud", "points.ply", _ply, has_colours=True),
    Format("glb", "mesh with the photo on it", "mesh", "mesh.glb", _glb, has_colours=True),
    Format("exr", "depth in metres, OpenEXR", "depth_exr", "depth.exr", _exr),
    Format(
        "colmap",
        "photo, camera and points as a COLMAP text model",
        "colmap",
        "colmap",
        _colmap,
        has_colours=True,
        files=COLMAP_FILES,
    ),
    Format(
        "nerfstudio",
        "photo, camera and depth as nerfstudio reads them",
        "nerfstudio",
        "nerfstudio",
        _nerfstudio,
        has_colours=True,
        files=NERFSTUDIO_FILES,
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType({format_.name: format_ for format_ in _ALL})

DEFAULT_FORMATS = ("npz", "png", "png16", "ply")


def format_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Read names of formats, such as "npz,ply" or ["npz", "glb,exr"]; each once, in that order.

    Raises `InputError` for one that is not in `FORMATS`, and where there is none at all.
    """
    texts = [names] if isinstance(names, str) else names
    chosen = [name.strip().lower() for text in texts for name in text.split(",")]
    known = ", ".join(FORMATS)
    for name in chosen:
        if name not in FORMATS:
            raise InputError(f"format {name!r} is unknown; there are {known}")
    if not chosen:
        raise InputError(f"no format is given; there are {known}")
    return tuple(dict.fromkeys(chosen))
