"""The demo room: its walls and windows, and where the furniture stands.

World axes: x right, y up, z away from the camera; the camera stands at x = z = 0.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from demo_room import furniture as fu
from demo_room import objects as ob
from demo_room.scene import Material, Scene
from demo_room.shapes import box, drape, quad, tube

LEFT, RIGHT, FRONT, BACK, HEIGHT = -2.75, 2.9, -1.7, 7.4, 2.7
WALL = 0.22  # thickness of the walls with windows
WARM, SAGE, WHITE = "#e6d9c3", "#8b9d88", "#f1ebe0"
SUN = (-0.80, 0.60, -0.26)
SUN_LIGHT = (8.6, 6.9, 4.9)


def make_room(seed: int) -> Scene:
    """The whole scene; the seed arranges books, leaves and flowers."""
    rng = np.random.default_rng(seed)
    scene = Scene()
    _shell(scene)
    for z in (1.75, 4.55):
        _window(scene, z, z + 1.6)
    _furnish(scene, rng)
    return scene


def _shell(scene: Scene) -> None:
    wide, deep = RIGHT - LEFT, BACK - FRONT
    scene.add(quad((LEFT, 0, FRONT), (wide, 0, 0), (0, 0, deep)), Material.FLOOR, "#ac845a")
    scene.add(quad((LEFT, HEIGHT, FRONT), (wide, 0, 0), (0, 0, deep)), Material.PLASTER, WHITE)
    scene.add(quad((LEFT, 0, BACK), (wide, 0, 0), (0, HEIGHT, 0)), Material.PLASTER, SAGE)
    scene.add(quad((RIGHT, 0, FRONT), (0, 0, deep), (0, HEIGHT, 0)), Material.BRICK, "#9c5438")
    # The left wall around its two windows, and the wall behind the camera around a large one.
    low, high = 0.62, 2.36
    edges = [FRONT, 1.75, 3.35, 4.55, 6.15, BACK]
    for k, (start, end) in enumerate(pairwise(edges)):
        spans = ((0, low), (high, HEIGHT)) if k % 2 else ((0, HEIGHT),)
        for bottom, top in spans:
            wall = quad((LEFT, bottom, start), (0, 0, end - start), (0, top - bottom, 0))
            scene.add(wall, Material.PLASTER, WARM)
    scene.add(quad((LEFT, 0, FRONT), (wide, 0, 0), (0, HEIGHT, 0)), Material.PLASTER, WARM)
    pane = quad((-1.5, 0.9, FRONT + 0.02), (3.0, 0, 0), (0, 1.5, 0))
    scene.add(pane, Material.WINDOW, (0.9, 0.96, 1.0), 4.2)
    # Skirting and cornice.
    for size, at in (
        ((wide, 0.11, 0.018), ((LEFT + RIGHT) / 2, 0, BACK - 0.009)),
        ((0.018, 0.11, deep), (RIGHT - 0.009, 0, (FRONT + BACK) / 2)),
        ((0.018, 0.11, deep), (LEFT + 0.009, 0, (FRONT + BACK) / 2)),
    ):
        scene.add(box(size, 0.006).at(*at), Material.PLAIN, WHITE)
    for size, at in (
        ((wide, 0.08, 0.07), ((LEFT + RIGHT) / 2, HEIGHT - 0.08, BACK - 0.035)),
        ((0.07, 0.08, deep), (RIGHT - 0.035, HEIGHT - 0.08, (FRONT + BACK) / 2)),
        ((0.07, 0.08, deep), (LEFT + 0.035, HEIGHT - 0.08, (FRONT + BACK) / 2)),
    ):
        scene.add(box(size, 0.03, 4).at(*at), Material.PLAIN, WHITE)


def _window(scene: Scene, start: float, end: float) -> None:
    """A casement with glazing bars, a sill, curtains and daylight behind the glass."""
    low, high, outside = 0.62, 2.36, LEFT - WALL
    middle, wide, tall = (start + end) / 2, end - start, high - low
    pane = quad((outside, low, start), (0, 0, wide), (0, tall, 0))
    scene.add(pane, Material.WINDOW, (0.92, 0.97, 1.0), 5.2)
    for corner, u, v in (
        ((outside, low, start), (WALL, 0, 0), (0, 0, wide)),
        ((outside, high, start), (WALL, 0, 0), (0, 0, wide)),
        ((outside, low, start), (WALL, 0, 0), (0, tall, 0)),
        ((outside, low, end), (WALL, 0, 0), (0, tall, 0)),
    ):
        scene.add(quad(corner, u, v), Material.PLAIN, WHITE)
    x = outside + 0.035
    for z, thick in ((start, 0.07), (middle, 0.09), (end, 0.07)):
        scene.add(box((0.05, tall, thick), 0.008).at(x, low, z), Material.PLAIN, WHITE)
    for y in (low - 0.02, high - 0.05):
        scene.add(box((0.05, 0.07, wide), 0.008).at(x, y, middle), Material.PLAIN, WHITE)
    for y in (low + tall * 0.34, low + tall * 0.67):
        scene.add(box((0.03, 0.024, wide), 0.004).at(x, y, middle), Material.PLAIN, WHITE)
    scene.add(
        box((0.3, 0.035, wide + 0.14), 0.012, 3).at(LEFT - 0.05, low - 0.03, middle),
        Material.PLAIN,
        WHITE,
    )
    rod = tube(
        [(LEFT + 0.1, high + 0.12, start - 0.35), (LEFT + 0.1, high + 0.12, end + 0.35)], 0.013, 4
    )
    scene.add(rod, Material.METAL, fu.BRASS)
    for at, seed in ((start - 0.3, 1), (end - 0.08, 2)):
        cloth = drape(0.4, high + 0.1, 5, 0.045, seed).turned(-90)
        scene.add(cloth.at(LEFT + 0.1, 0.02, at), Material.FABRIC, "#d8c7a6")


def _furnish(scene: Scene, rng: np.random.Generator) -> None:
    pieces: list[fu.Part] = []
    pieces += fu.placed(fu.sofa("#61777f", "#c2703d", "#e0cfae"), RIGHT - 0.52, 5.05, 90)
    pieces += fu.placed(fu.coffee_table(), 1.42, 5.0)
    pieces += fu.placed(
        ob.books_flat(rng, 3, ["#27485b", "#c89b4a", "#7b2d26"]), 1.4, 4.75, 25, 0.413
    )
    pieces += fu.placed(ob.mug("#e6dfd2"), 1.52, 5.22, 30, 0.413)
    pieces += fu.placed(ob.floor_lamp(15.0), 2.5, 6.42)
    pieces += fu.placed(ob.bookshelf(rng), 1.75, BACK - 0.18)
    pieces += fu.placed(fu.sideboard(), -0.15, BACK - 0.24)
    pieces += fu.placed(ob.table_lamp(17.0), -0.72, BACK - 0.24, 0, 0.648)
    pieces += fu.placed(
        ob.books_flat(rng, 4, ["#a5582f", "#3c5140", "#dfd3bd"]), 0.35, BACK - 0.24, 10, 0.648
    )
    pieces += fu.placed(ob.vase(rng, 0.3), 0.58, BACK - 0.22, 0, 0.648)
    pieces += fu.placed(ob.picture(1.0, 0.66, 1, "#a9793f"), 0.0, BACK - 0.03, 0, 1.55)
    pieces += fu.placed(fu.door(), -1.8, BACK - 0.02)
    pieces += fu.placed(ob.plant(rng, 1.55, 7, 0.34), -2.2, 6.55)
    pieces += fu.placed(fu.armchair("#b9884a"), -1.42, 2.1, 215)
    pieces += fu.placed(fu.round_table(0.46, 0.74, fu.OAK), 1.02, 1.62)
    pieces += fu.placed(ob.flowers(rng), 0.93, 1.8, 0, 0.74)
    pieces += fu.placed(ob.fruit_bowl(rng), 0.76, 1.53, 0, 0.74)
    pieces += fu.placed(fu.chair(), -2.2, 5.15, 250)
    pieces += fu.placed(ob.pendant(5.5, HEIGHT, 2.2), 0.1, 4.9)
    for k, (z, y, kind) in enumerate(((4.55, 1.72, 2), (5.3, 1.72, 3), (6.05, 1.72, 2))):
        frame = ob.picture(0.5, 0.62, kind, fu.BLACK if k != 1 else fu.OAK)
        pieces += fu.placed(frame, RIGHT - 0.03, z, 90, y)
    for shape, material, colour, emits in pieces:
        scene.add(shape, material, colour, emits)
    scene.add(quad((-1.15, 0.004, 3.2), (2.0, 0, 0), (0, 0, 2.9)), Material.RUG)
