"""Things a painter paints when it was asked for a person: turned or boxy shapes about as tall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUND_SIDES = 24

# Outlines from the floor up: (height as a fraction of the whole, radius in m, colour index).
_OUTLINES: dict[str, tuple[tuple[float, float, int], ...]] = {
    "lamp": (
        (0.0, 0.16, 0), (0.02, 0.16, 0), (0.03, 0.02, 0), (0.72, 0.02, 0),
        (0.73, 0.24, 1), (1.0, 0.13, 1),
    ),
    "coat stand": (
        (0.0, 0.22, 0), (0.03, 0.2, 0), (0.05, 0.03, 0), (0.42, 0.03, 0), (0.44, 0.22, 1),
        (0.7, 0.2, 1), (0.86, 0.14, 1), (0.89, 0.03, 0), (0.97, 0.03, 0), (0.98, 0.07, 0),
        (1.0, 0.03, 0),
    ),
    "column": (
        (0.0, 0.26, 0), (0.06, 0.26, 0), (0.08, 0.2, 1), (0.92, 0.17, 1), (0.94, 0.23, 0),
        (1.0, 0.23, 0),
    ),
    "box": ((0.0, 0.3, 0), (0.96, 0.3, 0), (0.965, 0.31, 1), (1.0, 0.31, 1)),
}  # fmt: skip
_HEIGHT_M = {"lamp": (1.2, 1.9), "coat stand": (1.5, 2.0), "column": (0.9, 2.2), "box": (0.4, 1.4)}
_COLOURS = np.array(
    [[0.1, 0.09, 0.08], [0.5, 0.47, 0.42], [0.3, 0.18, 0.1], [0.62, 0.6, 0.55], [0.2, 0.25, 0.3],
     [0.45, 0.3, 0.16], [0.72, 0.68, 0.58], [0.25, 0.08, 0.07]],
    np.float32,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Thing:
    """A thing standing at the origin, with the axes of `BodyLibrary`.

    vertices_m: (V, 3) float32; faces: (F, 3) int32; face_colour: (F, 3) float32, linear RGB albedo.
    """

    kind: str
    vertices_m: NDArray[np.float32]
    faces: NDArray[np.int32]
    face_colour: NDArray[np.float32]


def make_thing(rng: np.random.Generator) -> Thing:
    """Make a lamp, coat stand, column or box of random height and colours."""
    kind = str(rng.choice(list(_OUTLINES)))
    height_m = rng.uniform(*_HEIGHT_M[kind])
    outline = np.array(_OUTLINES[kind])
    colours = _COLOURS[rng.choice(len(_COLOURS), 2, replace=False)]
    sides = 4 if kind == "box" else _ROUND_SIDES
    widths = rng.uniform(0.8, 1.2, 2)

    angle = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    rings = len(outline)
    vertices_m = np.zeros((rings * sides + 2, 3), np.float32)
    around = vertices_m[:-2].reshape(rings, sides, 3)
    around[..., 0] = outline[:, 1:2] * widths[0] * np.cos(angle)
    around[..., 1] = -height_m * outline[:, 0:1]
    around[..., 2] = outline[:, 1:2] * widths[1] * np.sin(angle)
    vertices_m[-1, 1] = -height_m

    here, beside = np.arange(sides), np.roll(np.arange(sides), -1)
    faces, part = [], []
    for ring in range(rings - 1):
        low, high = ring * sides, (ring + 1) * sides
        faces += [
            np.stack([low + here, low + beside, high + beside], axis=1),
            np.stack([low + here, high + beside, high + here], axis=1),
        ]
        part += [outline[ring + 1, 2]] * (2 * sides)
    for ring, middle in ((0, rings * sides), (rings - 1, rings * sides + 1)):
        first = ring * sides
        faces.append(np.stack([first + here, first + beside, np.full(sides, middle)], axis=1))
        part += [outline[ring, 2]] * sides
    triangles = np.concatenate(faces).astype(np.int32)
    if kind == "box":
        # Without shared vertices its edges stay sharp when normals are smoothed.
        vertices_m = vertices_m[triangles].reshape(-1, 3)
        triangles = np.arange(len(vertices_m), dtype=np.int32).reshape(-1, 3)
    return Thing(kind, vertices_m, triangles, colours[np.array(part, np.intp)])
