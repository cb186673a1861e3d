"""A photo whose depth is known, as the one source that all simulated stages share."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.camera import same_aspect
from mfh.errors import InputError
from mfh.photos import resize_photo
from mfh.records import Intrinsics, Photo
from mfh.simulation.bodies import load_bodies
from mfh.simulation.error_model import SimulatedErrors
from mfh.simulation.figures import Figure, Shape, drawn
from mfh.simulation.floor import find_floor
from mfh.simulation.in_photo import people_of_photo
from mfh.simulation.placement import Standing
from mfh.simulation.scene import PaintedScene, Painting, make_scene
from mfh.simulation.shading import draw, light_of
from mfh.simulation.truth import densify, resize_truth

_T = TypeVar("_T")

_CACHED_BYTES = 128 * 2**20
_BYTES_PER_PIXEL = 8
_PLACING_SIDE_PX = 480
"""The short side at which people of the photo are placed, whatever size it has."""
_PAINTER_ERRORS = (
    "person_size",
    "scene_size_bias",
    "nobody",
    "non_human",
    "interpenetrating",
    "wrong_size",
    "same_distance",
)


class SimulatedWorld:
    """A photo whose depth is known, and everything that may be painted into it.

    photo: the photo; depth_m: (H, W) its depth in metres, NaN where unknown, sparse or dense.
    errors: what the simulated stages do wrong; seed: every random choice descends from it.
    people_in_photo: how many people are to stand in the photo before anything is painted, at their
        true size; fewer where there is no place. The photo and the depth with them are the world's
        `photo` and `depth_m`: a prediction must be given that photo.

    What is in a painted photo is a pure function of these and of the painting's strip, prompt and
    seed, so that painter, measurer and disparity estimator agree without talking to each other,
    in one process or in several.

    Raises `InputError` where depth and photo differ in size or no depth is known.
    """

    def __init__(
        self,
        photo: Photo,
        depth_m: NDArray[np.floating],
        errors: SimulatedErrors | None = None,
        seed: int = 0,
        *,
        people_in_photo: int = 0,
    ) -> None:
        if depth_m.shape != photo.shape:
            raise InputError(
                f"simulation: the truth is {depth_m.shape} but the photo {photo.shape} (H, W)"
            )
        if people_in_photo < 0:
            raise InputError(
                f"simulation: {people_in_photo} people in the photo; expected 0 or more"
            )
        known = np.isfinite(depth_m) & (depth_m > 0)
        if not known.any():
            raise InputError("simulation: no pixel of the truth has a known depth")
        self._empty_photo = photo
        self._empty_depth_m = np.where(known, depth_m, np.nan).astype(np.float32)
        self._truth_sha256 = hashlib.sha256(self._empty_depth_m.data).hexdigest()
        self._views: _Recent[SimulatedView] = _Recent(2)
        self.people_in_photo = people_in_photo
        self.errors = errors or SimulatedErrors.none()
        self.seed = seed

    @cached_property
    def photo(self) -> Photo:
        """The photo, with the people who stand in it."""
        if not self.people:
            return self._empty_photo
        view = self.at(self._empty_photo)
        image = draw(
            self._empty_photo.image,
            view.people,
            np.ones(view.known.shape, np.bool_),
            view.empty_depth_m,
            view.camera,
            view.floor,
            light_of(self._empty_photo.image, view.floor),
            self.stream("draw the people of the photo"),
        )
        return replace(self._empty_photo, image=image)

    @cached_property
    def depth_m(self) -> NDArray[np.float32]:
        """The depth (H, W) of `photo`, NaN where unknown."""
        if not self.people:
            return self._empty_depth_m
        view = self.at(self._empty_photo)
        known = view.known | np.any([figure.visible for figure in view.people], axis=0)
        return np.where(known, view.depth_m, np.float32(np.nan))

    @cached_property
    def people(self) -> tuple[Shape, ...]:
        """The people who stand in the photo, in the camera frame."""
        if not self.people_in_photo:
            return ()
        view = self.at(resize_photo(self._empty_photo, _PLACING_SIDE_PX))
        return people_of_photo(
            self.people_in_photo,
            view.empty_depth_m,
            view.known,
            view.camera,
            view.floor,
            self.stream,
        )

    def at(self, photo: Photo) -> SimulatedView:
        """Give the world as seen in `photo`, which may be a reduced copy of the world's own.

        Raises `InputError` where its aspect is another.
        """
        height, width = self._empty_depth_m.shape
        if not same_aspect(photo.shape, (height, width)):
            raise InputError(
                f"simulation: the photo is {photo.shape[1]} x {photo.shape[0]} px, and its truth "
                f"of {width} x {height} px has another aspect"
            )
        camera = photo.camera
        return self._views.get(
            (photo.shape, camera.matrix.tobytes()),
            lambda: SimulatedView(self, resize_truth(self._empty_depth_m, photo.shape), camera),
        )

    def empty_image(self, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Give the photo (H, W, 3) at a size (H, W), without the people who stand in it."""
        image = self._empty_photo.image
        if image.shape[:2] == shape:
            return image
        # As `resize_photo` does it.
        resized = Image.fromarray(image).resize(
            (shape[1], shape[0]), Image.Resampling.LANCZOS, reducing_gap=3.0
        )
        return np.asarray(resized)

    def stream(self, purpose: str, painting: Painting | None = None) -> np.random.Generator:
        """Give the random numbers for one purpose, of the photo or of one of its paintings."""
        name = json.dumps([purpose, *(painting.key if painting else ())])
        digest = hashlib.sha256(name.encode()).digest()
        words = np.frombuffer(digest, "<u4").tolist()
        return np.random.default_rng(np.random.SeedSequence([self.seed, *words]))

    def fingerprint(self, *own_errors: str) -> dict[str, Any]:
        """Name everything that a stage with these errors of its own depends on, JSON-ready."""
        errors = self.errors.as_dict()
        return {
            "errors": {name: errors[name] for name in (*_PAINTER_ERRORS, *own_errors)},
            "seed": self.seed,
            "people_in_photo": self.people_in_photo,
            "camera": self._empty_photo.camera.matrix.tolist(),
            "truth_sha256": self._truth_sha256,
            "bodies_sha256": hashlib.sha256(load_bodies().vertices_m.tobytes()).hexdigest(),
        }


class SimulatedView:
    """A `SimulatedWorld` at the size of one photo.

    camera: that photo's; errors: the world's.
    known: (H, W) bool, where the truth is known; empty_depth_m: (H, W) float32, the truth without
        holes and without the people who stand in the photo.
    floor: the floor people stand on.
    """

    def __init__(
        self, world: SimulatedWorld, depth_m: NDArray[np.float32], camera: Intrinsics
    ) -> None:
        self.camera = camera
        self.errors = world.errors
        self.known = np.isfinite(depth_m)
        self.empty_depth_m = densify(depth_m)
        self.floor = find_floor(self.empty_depth_m, self.known, camera)
        self.stream = world.stream
        self._world = world
        self._standing = Standing(self.empty_depth_m, self.known, camera, self.floor)
        self._scenes: _Recent[PaintedScene] = _Recent(
            max(1, _CACHED_BYTES // (_BYTES_PER_PIXEL * depth_m.size))
        )

    @property
    def people(self) -> tuple[Figure, ...]:
        """The people who stand in the photo."""
        return self._inhabited[0]

    @property
    def depth_m(self) -> NDArray[np.float32]:
        """The depth (H, W) of the photo with them, without holes."""
        return self._inhabited[1]

    def scene(self, painting: Painting) -> PaintedScene:
        """Give what is really in a painting.

        What it repaints holds none of the photo's people: they are painted over.
        """
        return self._scenes.get(painting.key, lambda: self._scene(painting))

    @cached_property
    def _inhabited(self) -> tuple[tuple[Figure, ...], NDArray[np.float32]]:
        everywhere = np.ones(self.known.shape, np.bool_)
        return drawn(self._world.people, everywhere, self.empty_depth_m, self.camera)

    def _scene(self, painting: Painting) -> PaintedScene:
        scene = make_scene(
            painting,
            depth_m=self.empty_depth_m,
            camera=self.camera,
            standing=self._standing,
            errors=self.errors,
            stream=lambda purpose, own=True: self.stream(purpose, painting if own else None),
        )
        if not self.people:
            return scene
        return replace(scene, depth_m=np.where(painting.strip, scene.depth_m, self.depth_m))


class _Recent(Generic[_T]):
    """The results of the last few calls, by key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, _T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        if key not in self._values:
            self._values[key] = make()
            if len(self._values) > self._size:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]
