"""The furniture of the demo room, each piece standing on y = 0 around the origin.

A piece is a list of parts: shape, material, colour and, for lamps, radiance.
"""

from __future__ import annotations

import numpy as np

from demo_room.scene import Material
from demo_room.shapes import (
    Shape,
    box,
    cushion,
    lathe,
    roll,
    tube,
)

Part = tuple[Shape, Material, str, float]

OAK, WALNUT, BLACK, BRASS = "#b98a55", "#7a4e2e", "#26221f", "#d8b46a"


def placed(
    parts: list[Part], x: float, z: float, yaw_deg: float = 0.0, y: float = 0.0
) -> list[Part]:
    """A piece turned and put at a place of the room."""
    return [(shape.turned(yaw_deg).at(x, y, z), *rest) for shape, *rest in parts]


def sofa(colour: str, accent: str, second: str) -> list[Part]:
    """A three-seater 2.1 m wide that faces -z."""
    parts: list[Part] = [
        (box((2.06, 0.2, 0.86), 0.035, 4, 0.004).at(y=0.16, z=0.02), Material.FABRIC, colour, 0),
        (box((2.06, 0.62, 0.2), 0.07, 5, 0.01).at(y=0.2, z=0.37), Material.FABRIC, colour, 0),
    ]
    for sign in (-1, 1):
        parts.append(
            (
                box((0.19, 0.44, 0.9), 0.075, 6, 0.008).at(sign * 0.97, 0.16, 0.01),
                Material.FABRIC,
                colour,
                0,
            )
        )
        for z in (-0.33, 0.36):
            leg = lathe([(0.0, 0), (0.014, 0), (0.024, 0.17), (0.0, 0.17)], 20)
            parts.append((leg.at(sign * 0.93, 0, z), Material.WOOD, WALNUT, 0))
    for k in range(3):
        x = (k - 1) * 0.577
        parts.append(
            (
                box((0.572, 0.17, 0.68), 0.055, 5, 0.028).at(x, 0.34, -0.1),
                Material.FABRIC,
                colour,
                0,
            )
        )
        back = box((0.56, 0.44, 0.2), 0.075, 6, 0.04).turned(0, -12)
        parts.append((back.at(x, 0.47, 0.2), Material.FABRIC, colour, 0))
    for x, turn, tint, size in (
        (-0.68, 14, accent, 0.44),
        (-0.4, -8, second, 0.38),
        (0.7, -14, accent, 0.44),
    ):
        pillow = cushion(size, size, 0.17).turned(turn, -22, 6)
        parts.append((pillow.at(x, 0.515, 0.0), Material.FABRIC, tint, 0))
    return parts


def armchair(colour: str) -> list[Part]:
    """A round-backed easy chair that faces -z."""
    angles = np.linspace(-0.12 * np.pi, 1.12 * np.pi, 25)
    shell = roll(
        [(0.36 * np.cos(a), 0.5 + 0.1 * max(np.sin(a), 0), 0.36 * np.sin(a)) for a in angles],
        0.15,
        0.5,
        count=120,
    )
    seat = box((0.58, 0.18, 0.62), 0.07, 6, 0.04).at(y=0.32, z=-0.08)
    pillow = cushion(0.42, 0.42, 0.16).turned(0, -16).at(y=0.5, z=0.14)
    base = lathe([(0, 0.2), (0.36, 0.2), (0.385, 0.24), (0.385, 0.36), (0.36, 0.4), (0, 0.4)], 56)
    parts: list[Part] = [(part, Material.FABRIC, colour, 0) for part in (shell, seat, base)]
    parts.append((pillow, Material.FABRIC, "#e3d6bd", 0))
    for x in (-0.24, 0.24):
        for z in (-0.24, 0.24):
            leg = tube([(x, 0.22, z), (x * 1.15, 0.0, z * 1.15)], [0.02, 0.012], 6)
            parts.append((leg.grain(0), Material.WOOD, WALNUT, 0))
    return parts


def chair() -> list[Part]:
    """A bentwood chair that faces -z."""
    wood = []
    wood.append(
        lathe(
            [
                (0, 0.44),
                (0.19, 0.44),
                (0.205, 0.45),
                (0.205, 0.462),
                (0.19, 0.472),
                (0.1, 0.466),
                (0, 0.464),
            ],
            48,
        )
    )
    hoop = [(-0.185, 0.45, 0.13), (-0.2, 0.66, 0.19), (-0.17, 0.85, 0.225), (0, 0.92, 0.24)]
    hoop += [(-x, y, z) for x, y, z in hoop[-2::-1]]
    wood.append(tube(hoop, 0.015, 60))
    inner = [(-0.1, 0.46, 0.16), (-0.105, 0.65, 0.2), (-0.085, 0.76, 0.215), (0, 0.8, 0.225)]
    inner += [(-x, y, z) for x, y, z in inner[-2::-1]]
    wood.append(tube(inner, 0.011, 50))
    for x, z in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        wood.append(tube([(x * 0.13, 0.45, z * 0.13), (x * 0.19, 0.0, z * 0.2)], [0.018, 0.012], 8))
    ring = [(0.145 * np.cos(a), 0.24, 0.145 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)]
    wood.append(tube(ring, 0.009, 60, 10))
    return [(part, Material.WOOD, WALNUT, 0) for part in wood]


def round_table(radius: float, height: float, colour: str) -> list[Part]:
    """A pedestal table."""
    top = lathe(
        [
            (0, height - 0.03),
            (radius - 0.02, height - 0.03),
            (radius, height - 0.018),
            (radius, height - 0.008),
            (radius - 0.008, height),
            (0, height),
        ],
        72,
    )
    foot = lathe(
        [
            (0, 0),
            (0.24, 0),
            (0.25, 0.012),
            (0.2, 0.03),
            (0.06, 0.06),
            (0.035, 0.14),
            (0.03, height * 0.6),
            (0.06, height - 0.06),
            (0.12, height - 0.03),
        ],
        48,
        60,
    )
    return [(top, Material.WOOD, colour, 0), (foot.grain(1), Material.WOOD, colour, 0)]


def coffee_table() -> list[Part]:
    """A low oval table with a shelf, long in z."""
    slab = lathe([(0, 0), (0.38, 0), (0.4, 0.008), (0.4, 0.02), (0.388, 0.028), (0, 0.028)], 72)
    top = Shape(
        slab.vertices * [0.82, 1, 1.4], slab.normals, slab.local * [0.82, 1, 1.4], slab.faces
    )
    shelf = Shape(slab.vertices * [0.62, 0.7, 1.1], slab.normals, slab.local, slab.faces)
    parts: list[Part] = [
        (top.grain(2).at(y=0.385), Material.WOOD, OAK, 0),
        (shelf.grain(2).at(y=0.14), Material.WOOD, OAK, 0),
    ]
    for x in (-1, 1):
        for z in (-1, 1):
            leg = tube([(x * 0.2, 0.39, z * 0.36), (x * 0.26, 0, z * 0.44)], [0.018, 0.011], 8)
            parts.append((leg, Material.WOOD, OAK, 0))
    return parts


def sideboard() -> list[Part]:
    """1.7 m wide on thin legs, its four doors towards -z."""
    width, height, depth, leg = 1.7, 0.62, 0.42, 0.17
    parts: list[Part] = [
        (box((width, height - leg, depth), 0.006).at(y=leg), Material.WOOD, WALNUT, 0),
        (box((width + 0.03, 0.028, depth + 0.03), 0.01, 3).at(y=height), Material.WOOD, WALNUT, 0),
    ]
    for k in range(4):
        x = (k - 1.5) * (width - 0.05) / 4
        door = box(((width - 0.05) / 4 - 0.012, height - leg - 0.05, 0.02), 0.004)
        parts.append(
            (door.grain(1).at(x, leg + 0.025, -depth / 2 - 0.008), Material.WOOD, "#8a5b37", 0)
        )
        knob = lathe(
            [(0, 0), (0.006, 0), (0.006, 0.012), (0.014, 0.02), (0.012, 0.027), (0, 0.03)], 24
        )
        side = 0.15 if k % 2 == 0 else -0.15
        parts.append(
            (
                knob.turned(0, -90).at(x + side, leg + 0.25, -depth / 2 - 0.018),
                Material.METAL,
                BRASS,
                0,
            )
        )
    for x in (-1, 1):
        for z in (-1, 1):
            foot = tube([(x * 0.72, leg, z * 0.13), (x * 0.76, 0, z * 0.16)], [0.022, 0.012], 6)
            parts.append((foot, Material.WOOD, WALNUT, 0))
    return parts


def door(width: float = 0.86, height: float = 2.05) -> list[Part]:
    """A white panelled door in its frame, facing -z."""
    white = "#ece6da"
    parts: list[Part] = [(box((width, height, 0.04), 0.003).at(z=0.012), Material.PLAIN, white, 0)]
    for x in (-1, 1):
        jamb = box((0.09, height + 0.09, 0.06), 0.012, 3)
        parts.append((jamb.at(x * (width / 2 + 0.05)), Material.PLAIN, white, 0))
    parts.append(
        (box((width + 0.19, 0.09, 0.065), 0.012, 3).at(y=height + 0.005), Material.PLAIN, white, 0)
    )
    rows = ((0.14, 0.62), (0.86, 0.38), (1.34, 0.6))
    for x in (-1, 1):
        for y, h in rows:
            w = width / 2 - 0.14
            at = (x * (width / 4 - 0.015), y, -0.012)
            for bar, dx, dy in (
                (box((w, 0.022, 0.02), 0.006), 0, 0),
                (box((w, 0.022, 0.02), 0.006), 0, h - 0.022),
                (box((0.022, h, 0.02), 0.006), -w / 2 + 0.011, 0),
                (box((0.022, h, 0.02), 0.006), w / 2 - 0.011, 0),
            ):
                parts.append((bar.at(at[0] + dx, at[1] + dy, at[2]), Material.PLAIN, white, 0))
            panel = box((w - 0.09, h - 0.09, 0.012), 0.005)
            parts.append((panel.at(at[0], at[1] + 0.045, at[2]), Material.PLAIN, white, 0))
    plate = box((0.036, 0.2, 0.008), 0.003)
    parts.append((plate.at(width / 2 - 0.07, 0.93, -0.014), Material.METAL, BRASS, 0))
    lever = tube(
        [
            (width / 2 - 0.07, 1.05, -0.02),
            (width / 2 - 0.07, 1.05, -0.06),
            (width / 2 - 0.09, 1.05, -0.066),
            (width / 2 - 0.19, 1.05, -0.066),
        ],
        0.009,
        24,
    )
    parts.append((lever, Material.METAL, BRASS, 0))
    return parts
