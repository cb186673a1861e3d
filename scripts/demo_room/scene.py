"""The triangles of a scene: normals and texture places of corners, materials of faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from demo_room.shapes import Array, Shape


class Material(IntEnum):
    """What a face is made of; the texture functions and `GLOSS` know them by number."""

    PLAIN = 0
    FLOOR = 1
    WOOD = 2
    PLASTER = 3
    BRICK = 4
    RUG = 5
    FABRIC = 6
    LEAF = 7
    PAINTING = 8
    GLAZED = 9
    METAL = 10
    LAMP = 11
    WINDOW = 12
    FRUIT = 13
    PRINT = 14


# Reflectance at normal incidence, and roughness, of the clear coat.
GLOSS = {
    Material.PLAIN: (0.02, 0.5),
    Material.FLOOR: (0.04, 0.16),
    Material.WOOD: (0.035, 0.25),
    Material.PLASTER: (0.0, 1.0),
    Material.BRICK: (0.0, 1.0),
    Material.RUG: (0.0, 1.0),
    Material.FABRIC: (0.0, 1.0),
    Material.LEAF: (0.04, 0.3),
    Material.PAINTING: (0.03, 0.15),
    Material.GLAZED: (0.05, 0.06),
    Material.METAL: (0.75, 0.2),
    Material.LAMP: (0.0, 1.0),
    Material.WINDOW: (0.0, 1.0),
    Material.FRUIT: (0.04, 0.2),
    Material.PRINT: (0.03, 0.3),
}


def srgb(code: str) -> tuple[float, float, float]:
    """Linear RGB of a colour written as in a style sheet, "#c08040"."""
    value = np.array([int(code[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return (float(linear[0]), float(linear[1]), float(linear[2]))


@dataclass
class Scene:
    """Collects shapes; the arrays are read with `arrays`."""

    shapes: list[tuple[Shape, Material, tuple[float, float, float], float]] = field(
        default_factory=list
    )

    def add(
        self,
        shape: Shape,
        material: Material,
        colour: str | tuple[float, float, float] = "#ffffff",
        emits: float = 0.0,
    ) -> None:
        """One shape of one material; `emits` is its radiance, times its colour."""
        rgb = srgb(colour) if isinstance(colour, str) else colour
        self.shapes.append((shape, material, rgb, emits))

    def arrays(self) -> dict[str, Array]:
        """vertices, normals, local (F*3, 3); material (F,); colour (F, 3); emits (F,)."""
        corners = [shape.faces.ravel() for shape, *_ in self.shapes]
        count = [len(shape.faces) for shape, *_ in self.shapes]
        return {
            "vertices": np.concatenate(
                [s[0].vertices[c] for s, c in zip(self.shapes, corners, strict=True)]
            ),
            "normals": np.concatenate(
                [s[0].normals[c] for s, c in zip(self.shapes, corners, strict=True)]
            ),
            "local": np.concatenate(
                [s[0].local[c] for s, c in zip(self.shapes, corners, strict=True)]
            ),
            "material": np.repeat([int(s[1]) for s in self.shapes], count),
            "colour": np.repeat([s[2] for s in self.shapes], count, axis=0),
            "emits": np.repeat([s[3] for s in self.shapes], count),
        }
