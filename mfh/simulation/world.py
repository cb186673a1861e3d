"""A photo whose depth is known, as the one source that all simulated stages share."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mfh.camera import same_aspect
from mfh.errors import InputError
from mfh.records import Intrinsics, Photo
from mfh.simulation.bodies import load_bodies
from mfh.simulation.error_model import SimulatedErrors
from mfh.simulation.floor import find_floor
from mfh.simulation.placement import Standing
from mfh.simulation.scene import PaintedScene, Painting, make_scene
from mfh.simulation.truth import densify, resize_truth

_T = TypeVar("_T")

_CACHED_BYTES = 128 * 2**20
_BYTES_PER_PIXEL = 8
_PAINTER_ERRORS = ("person_size", "scene_size_bias", "nobody", "non_human", "interpenetrating")


class SimulatedWorld:
    """A photo whose depth is known, and everything that may be painted into it.

    photo: the photo; depth_m: (H, W) its depth in metres, NaN where unknown, sparse or dense.
    errors: what the simulated stages do wrong; seed: every random choice descends from it.

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
    ) -> None:
        if depth_m.shape != photo.shape:
            raise InputError(
                f"simulation: the truth is {depth_m.shape} but the photo {photo.shape} (H, W)"
            )
        known = np.isfinite(depth_m) & (depth_m > 0)
        if not known.any():
            raise InputError("simulation: no pixel of the truth has a known depth")
        self._depth_m = np.where(known, depth_m, np.nan).astype(np.float32)
        self._camera = photo.camera
        self._truth_sha256 = hashlib.sha256(self._depth_m.data).hexdigest()
        self._views: _Recent[SimulatedView] = _Recent(2)
        self.errors = errors or SimulatedErrors.none()
        self.seed = seed

    def at(self, photo: Photo) -> SimulatedView:
        """Give the world as seen in `photo`, which may be a reduced copy of the world's own.

        Raises `InputError` where its aspect is another.
        """
        height, width = self._depth_m.shape
        if not same_aspect(photo.shape, (height, width)):
            raise InputError(
                f"simulation: the photo is {photo.shape[1]} x {photo.shape[0]} px, and its truth "
                f"of {width} x {height} px has another aspect"
            )
        camera = photo.camera
        return self._views.get(
            (photo.shape, camera.matrix.tobytes()),
            lambda: SimulatedView(self, resize_truth(self._depth_m, photo.shape), camera),
        )

    def fingerprint(self, *own_errors: str) -> dict[str, Any]:
        """Name everything that a stage with these errors of its own depends on, JSON-ready."""
        errors = self.errors.as_dict()
        return {
            "errors": {name: errors[name] for name in (*_PAINTER_ERRORS, *own_errors)},
            "seed": self.seed,
            "camera": self._camera.matrix.tolist(),
            "truth_sha256": self._truth_sha256,
            "bodies_sha256": hashlib.sha256(load_bodies().vertices_m.tobytes()).hexdigest(),
        }


class SimulatedView:
    """A `SimulatedWorld` at the size of one photo.

    camera: that photo's; errors: the world's.
    known: (H, W) bool, where the truth is known; depth_m: (H, W) float32, the truth without holes.
    floor: the floor people stand on.
    """

    def __init__(
        self, world: SimulatedWorld, depth_m: NDArray[np.float32], camera: Intrinsics
    ) -> None:
        self.camera = camera
        self.errors = world.errors
        self.known = np.isfinite(depth_m)
        self.depth_m = densify(depth_m)
        self.floor = find_floor(self.depth_m, self.known, camera)
        self._seed = world.seed
        self._standing = Standing(self.depth_m, self.known, camera, self.floor)
        self._scenes: _Recent[PaintedScene] = _Recent(
            max(1, _CACHED_BYTES // (_BYTES_PER_PIXEL * depth_m.size))
        )

    def stream(self, purpose: str, painting: Painting | None = None) -> np.random.Generator:
        """Give the random numbers for one purpose, of the photo or of one of its paintings."""
        name = json.dumps([purpose, *(painting.key if painting else ())])
        digest = hashlib.sha256(name.encode()).digest()
        words = np.frombuffer(digest, "<u4").tolist()
        return np.random.default_rng(np.random.SeedSequence([self._seed, *words]))

    def scene(self, painting: Painting) -> PaintedScene:
        """Give what is really in a painting."""
        return self._scenes.get(
            painting.key,
            lambda: make_scene(
                painting,
                depth_m=self.depth_m,
                camera=self.camera,
                standing=self._standing,
                errors=self.errors,
                stream=lambda purpose, own=True: self.stream(purpose, painting if own else None),
            ),
        )


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
