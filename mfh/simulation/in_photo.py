"""People who stand in the photo itself, at their true size."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics
from mfh.simulation.figures import Shape, drawn, person, show_enough
from mfh.simulation.floor import Floor
from mfh.simulation.placement import Standing
from mfh.simulation.scene import RENDERINGS


def people_of_photo(
    count: int,
    depth_m: NDArray[np.float32],
    known: NDArray[np.bool_],
    camera: Intrinsics,
    floor: Floor,
    stream: Callable[[str], np.random.Generator],
) -> tuple[Shape, ...]:
    """Stand people in a scene, in the camera frame; fewer than asked for where it has no place.

    depth_m: (H, W) dense depth of the scene without them; known: (H, W), where it was measured.
    stream: gives random numbers for a purpose.

    Enough of each shows, those who stand behind others included. Nobody changes where another one
    is added.
    """
    everywhere = np.ones(depth_m.shape, np.bool_)
    people: tuple[Shape, ...] = ()
    for index in range(count):
        _, occupied_m = drawn(people, everywhere, depth_m, camera)
        standing = Standing(occupied_m, known | (occupied_m < depth_m), camera, floor)
        somebody = person("", stream(f"person {index} of the photo"))
        spots = standing.spots(
            somebody.vertices_m, everywhere, stream(f"place of person {index} of the photo")
        )
        for foot_m in islice(spots, RENDERINGS):
            together = (*people, somebody.placed(standing, foot_m))
            figures, _ = drawn(together, everywhere, depth_m, camera)
            if all(show_enough([figure]) for figure in figures):
                people = together
                break
    return people
