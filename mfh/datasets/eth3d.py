"""ETH3D, high-resolution multi-view training set: 454 photos (Schöps et al., CVPR 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mfh.camera.files import read_calibration
from mfh.datasets.base import Sample
from mfh.datasets.official_set import OfficialSet, gaps_of
from mfh.datasets.protocol import Protocol
from mfh.datasets.stored_files import places_below, require_size, subfolders
from mfh.errors import CameraError, InputError
from mfh.photos import resize_photo
from mfh.records import Intrinsics, Photo

# Scenes, and how many photos each has.
_SCENES: Mapping[str, int] = MappingProxyType(
    {
        "courtyard": 38,
        "delivery_area": 44,
        "electro": 45,
        "facade": 76,
        "kicker": 31,
        "meadow": 15,
        "office": 26,
        "pipes": 14,
        "playground": 38,
        "relief": 31,
        "relief_2": 31,
        "terrace": 23,
        "terrains": 42,
    }
)

_PHOTOS = "dslr_images"

# Of all photos and depth maps, px.
_SIZE = (4032, 6048)

SHORT_SIDE_PX = 1008
"""A quarter of the photos' 4032 px. Methods work at 400 to 1000 px a side; 24 megapixels would only
cost them memory and time. The camera is reduced with the photo, the truth stays as it is."""


@dataclass(frozen=True)
class Eth3d(OfficialSet):
    """The photos of the DSLR as taken (not undistorted), in Marigold's layout or ETH3D's own.

    Their lenses are fisheye models in `cameras.txt`, whose fx, fy, cx, cy are used as a pinhole's,
    as the paper's code does. No mask is read: the depth maps are made with the official masks and
    occlusions applied, as ETH3D's `dataset-pipeline` (`ground_truth_creator.cc`) shows.

    root: the folder of the scenes; in Marigold's layout that of `rgb` and `depth`; or one above it.
    """

    name: ClassVar[str] = "eth3d"
    title: ClassVar[str] = "ETH3D"
    protocol: ClassVar[Protocol] = Protocol(
        max_m=80.0, source="Metric from Human, its code (cap of 80 m, no crop)"
    )
    where: ClassVar[str] = (
        "Get multi_view_training_dslr_jpg.7z (5 GB) and the SCENE_dslr_depth.7z of the 13 scenes "
        "(6 GB, unpacked 44 GB) from https://www.eth3d.net/datasets, and unpack the first into "
        "rgb/, each of the others into depth/SCENE_dslr_depth/, or all into one folder."
    )
    expected: ClassVar[str] = (
        "rgb/SCENE/{images/dslr_images,dslr_calibration_jpg} and "
        "depth/SCENE_dslr_depth/SCENE/ground_truth_depth/dslr_images (Marigold), or "
        "SCENE/{images,dslr_calibration_jpg,ground_truth_depth} (ETH3D)"
    )

    def samples(self) -> Sequence[Sample]:
        """The photos by scene and name: those that are there, or their depth is."""
        folder = self._folder()
        samples = []
        for scene in _SCENES:
            photos = folder / scene / "images" / _PHOTOS
            truths = self._truths(folder, scene)
            calibration = folder / scene / "dslr_calibration_jpg" / "cameras.txt"
            names = {path.name for place in (photos, truths) for path in place.glob("*.JPG")}
            samples += [
                Sample(
                    f"{scene}/{Path(name).stem}",
                    photos / name,
                    truths / name,
                    {"calibration": str(calibration)},
                )
                for name in sorted(name for name in names if not name.startswith("."))
            ]
        return samples

    def photo(self, sample: Sample) -> Photo:
        """The photo, reduced to a short side of `SHORT_SIDE_PX`, with its own camera."""
        image = self._colours(sample)
        camera = self._camera(sample)
        require_size(sample.photo, image, (camera.height, camera.width), "photos of its camera")
        return resize_photo(self._named(sample, image, camera), SHORT_SIDE_PX)

    def truth(self, sample: Sample) -> NDArray[np.float32]:
        """Depth at full size: float32 without a header, row by row; inf where there is none.

        ETH3D documentation, "Format of multi-view data: Training data". Where no calibration is
        there, as photos come with it, the size is that of the DSLR.
        """
        height, width = _SIZE
        if Path(sample.extra["calibration"]).is_file():
            camera = self._camera(sample)
            height, width = camera.height, camera.width
        path = self._there(sample.truth)
        size = path.stat().st_size
        if size != 4 * height * width:
            raise InputError(
                f"{path}: has {size} bytes; {width} x {height} px of float32, the size of its "
                f"photo, take {4 * height * width}: unpack it again"
            )
        try:
            depth_m = np.fromfile(path, "<f4").astype(np.float32, copy=False)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
        depth_m = depth_m.reshape(height, width)
        depth_m[~(np.isfinite(depth_m) & (depth_m > 0))] = np.nan
        return depth_m

    def files(self, sample: Sample) -> tuple[Path, ...]:
        """Photo, depth, and the calibration of its scene."""
        return sample.photo, sample.truth, Path(sample.extra["calibration"])

    def gaps(self, samples: Sequence[Sample]) -> tuple[int, Mapping[str, str]]:
        """Scenes that have fewer photos than they should."""
        return gaps_of(self._folder(), _SCENES, samples)

    def layout(self) -> str:
        """Where the scenes are."""
        return f"scenes in {self._folder()}"

    def _folder(self) -> Path:
        """The folder of the scenes' photos; with truth alone, that in which they are expected."""
        for folder in places_below(self.root, ("rgb", ".", "*/rgb", "*")):
            if any((folder / scene / "images" / _PHOTOS).is_dir() for scene in _SCENES):
                return folder
        for home in (self.root, *subfolders(self.root)):
            for folder in (home / "rgb", home):
                if any(self._truths(folder, scene).is_dir() for scene in _SCENES):
                    return folder
        raise self._unlike()

    def _truths(self, folder: Path, scene: str) -> Path:
        """Where the depth of a scene is, or is expected to be."""
        inside = Path(scene, "ground_truth_depth", _PHOTOS)
        unpacked = f"{scene}_dslr_depth"
        marigold = folder.parent / "depth" / unpacked / inside
        places = (marigold, folder / inside, folder / unpacked / inside)
        expected = marigold if folder.name == "rgb" else folder / inside
        return next((place for place in places if place.is_dir()), expected)

    def _camera(self, sample: Sample) -> Intrinsics:
        """The camera of a photo, at full size."""
        path = self._there(Path(sample.extra["calibration"]))
        image = f"{_PHOTOS}/{sample.photo.name}"
        # The size is the file's; the one given here is asked of files of angles of view only.
        calibration = read_calibration(path, 0, 0, image)
        if calibration.size is None:
            raise CameraError(f"{path}: states no image size; expected COLMAP's cameras.txt")
        height, width = calibration.size
        return Intrinsics(
            calibration.fx,
            calibration.fy,
            calibration.cx,
            calibration.cy,
            height,
            width,
            note=calibration.note,
        )
