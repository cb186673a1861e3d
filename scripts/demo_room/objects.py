"""Lamps, plants and small things of the demo room, made as the furniture is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from demo_room.furniture import BLACK, BRASS, WALNUT, Part, placed
from demo_room.scene import Material
from demo_room.shapes import Shape, box, joined, lathe, leaf, quad, sphere, tube


def books_flat(rng: np.random.Generator, count: int, colours: list[str]) -> list[Part]:
    """A few books lying on each other."""
    parts: list[Part] = []
    y = 0.0
    for _ in range(count):
        w, d, h = rng.uniform(0.15, 0.2), rng.uniform(0.21, 0.27), rng.uniform(0.015, 0.035)
        turn = rng.uniform(-20, 20)
        cover = str(rng.choice(colours))
        for part, colour in (
            (box((w, 0.003, d), 0.001, 1), cover),
            (box((w, 0.003, d), 0.001, 1).at(y=h - 0.003), cover),
            (box((0.003, h, d), 0.001, 1).at(x=-w / 2), cover),
            (box((w - 0.008, h - 0.006, d - 0.008), 0.0005, 1).at(y=0.003), "#e9e0cc"),
        ):
            parts.append((part.turned(turn).at(y=y), Material.PRINT, colour, 0))
        y += h
    return parts


def vase(rng: np.random.Generator, height: float) -> list[Part]:
    """A glazed pot of some shape."""
    belly, neck, rim = rng.uniform(0.3, 0.42), rng.uniform(0.1, 0.22), rng.uniform(0.14, 0.24)
    points = [(0, 0), (belly * 0.6, 0), (belly, 0.4), (belly * 0.8, 0.7), (neck, 0.88), (rim, 1.0)]
    t = np.linspace(0, 1, 40)
    r = np.interp(t, [p[1] for p in points[1:]], [p[0] for p in points[1:]])
    r = np.convolve(np.pad(r, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    profile = [
        (0.0, 0.0),
        *[(float(a) * height, float(b) * height) for a, b in zip(r, t, strict=True)],
    ]
    profile += [(float(r[-1]) * height * 0.86, height), (float(r[-4]) * height * 0.8, height * 0.9)]
    colour = str(rng.choice(["#d9cdb8", "#31545c", "#a35a3a", "#e6dfd2", "#3d4a38", "#203346"]))
    return [(lathe(profile, 40, 50), Material.GLAZED, colour, 0)]


def table_lamp(glow: float) -> list[Part]:
    """A ceramic foot and a conical shade."""
    foot = lathe(
        [
            (0, 0),
            (0.075, 0),
            (0.08, 0.01),
            (0.1, 0.06),
            (0.105, 0.11),
            (0.085, 0.17),
            (0.04, 0.22),
            (0.018, 0.25),
            (0.012, 0.34),
        ],
        48,
        60,
    )
    shade = lathe([(0.165, 0.32), (0.115, 0.53)], 56)
    return [(foot, Material.GLAZED, "#2f5a5f", 0), (shade, Material.LAMP, "#ffca8a", glow)]


def floor_lamp(glow: float) -> list[Part]:
    """A brass pole with a drum shade."""
    base = lathe(
        [(0, 0), (0.15, 0), (0.155, 0.008), (0.14, 0.022), (0.03, 0.03), (0.012, 0.05), (0, 0.05)],
        48,
    )
    pole = tube([(0, 0.04, 0), (0, 0.8, 0), (0, 1.5, 0)], 0.011, 8, 16)
    shade = lathe([(0.2, 1.36), (0.16, 1.68)], 56)
    return [
        (base, Material.METAL, BRASS, 0),
        (pole, Material.METAL, BRASS, 0),
        (shade, Material.LAMP, "#ffc684", glow),
    ]


def pendant(glow: float, ceiling: float, height: float) -> list[Part]:
    """A paper lantern on a cord."""
    t = np.linspace(-0.47 * np.pi, 0.47 * np.pi, 57)
    ribs = 1 + 0.006 * np.cos(t * 36)
    globe = lathe(
        [(0.22 * np.cos(a) * k, height + 0.19 * np.sin(a)) for a, k in zip(t, ribs, strict=True)],
        56,
    )
    cord = tube([(0, height + 0.18, 0), (0, ceiling, 0)], 0.004, 4, 8)
    rose = lathe([(0, ceiling - 0.03), (0.05, ceiling - 0.025), (0.06, ceiling)], 32)
    return [
        (globe, Material.LAMP, "#ffe0b5", glow),
        (cord, Material.PLAIN, BLACK, 0),
        (rose, Material.METAL, BRASS, 0),
    ]


def plant(rng: np.random.Generator, height: float, leaves: int, size: float) -> list[Part]:
    """A pot with a few stems of large leaves."""
    pot = lathe(
        [
            (0, 0),
            (0.14, 0),
            (0.15, 0.012),
            (0.19, 0.3),
            (0.2, 0.34),
            (0.185, 0.345),
            (0.175, 0.3),
            (0, 0.3),
        ],
        48,
    )
    parts: list[Part] = [
        (pot, Material.GLAZED, "#d8cbb6", 0),
        (lathe([(0.178, 0.298), (0.0, 0.31)], 32), Material.FABRIC, "#3a2a1e", 0),
    ]
    stems, foliage = [], []
    for k in range(4):
        turn = 2 * np.pi * (k + rng.uniform(-0.2, 0.2)) / 4
        lean = rng.uniform(0.08, 0.26)
        top = height * rng.uniform(0.72, 1.0)
        ends = np.array([np.cos(turn), 0, np.sin(turn)])
        path = [
            0.03 * ends + [0, 0.28, 0],
            0.35 * lean * ends + [0, 0.28 + 0.45 * (top - 0.28), 0],
            lean * ends + [0, top, 0],
        ]
        stems.append(tube(path, [0.014, 0.006], 20, 10))
        at = np.array(path)
        for i in range(leaves):
            t = 0.28 + 0.72 * (i + 0.5) / leaves
            place = at[0] * (1 - t) ** 2 + 2 * at[1] * t * (1 - t) + at[2] * t**2
            yaw = np.degrees(turn) + 137.5 * i + rng.uniform(-25, 25)
            scale = size * rng.uniform(0.75, 1.15) * (1.15 - 0.45 * t)
            blade = leaf(scale, 0.62 * scale, rng.uniform(0.4, 1.1))
            blade = blade.turned(0, -rng.uniform(15, 55) * (0.4 + t), rng.uniform(-25, 25))
            foliage.append(blade.turned(float(yaw)).at(*place))
    parts.append((joined(stems), Material.WOOD, "#6b5138", 0))
    greens = ["#3f6b2c", "#4f7d35", "#2f5a2a"]
    for k, green in enumerate(greens):
        parts.append((joined(foliage[k::3]), Material.LEAF, green, 0))
    return parts


def fruit_bowl(rng: np.random.Generator) -> list[Part]:
    """A shallow bowl of oranges and apples."""
    bowl = lathe(
        [
            (0, 0),
            (0.06, 0),
            (0.065, 0.008),
            (0.11, 0.03),
            (0.15, 0.07),
            (0.165, 0.085),
            (0.158, 0.086),
            (0.14, 0.066),
            (0.1, 0.034),
            (0, 0.016),
        ],
        56,
        50,
    )
    parts: list[Part] = [(bowl, Material.GLAZED, "#2e4f63", 0)]
    tints = ["#e0862a", "#d7691f", "#b8322a", "#e6962f", "#8da33a", "#e07c22", "#c23a2c"]
    places = [(0.065 * np.cos(a), 0.062, 0.065 * np.sin(a)) for a in np.arange(5) * 2 * np.pi / 5]
    places += [(0.0, 0.108, 0.015), (0.045, 0.1, -0.03)]
    for place, tint in zip(places, tints, strict=True):
        radius = rng.uniform(0.034, 0.039)
        parts.append((sphere(radius, 0.93).at(*place), Material.FRUIT, tint, 0))
    return parts


def flowers(rng: np.random.Generator) -> list[Part]:
    """A slim vase with a loose bunch of blossoms."""
    glass = lathe(
        [
            (0, 0),
            (0.045, 0),
            (0.055, 0.01),
            (0.062, 0.07),
            (0.045, 0.15),
            (0.03, 0.19),
            (0.038, 0.22),
            (0.034, 0.22),
            (0.027, 0.19),
        ],
        40,
        60,
    )
    parts: list[Part] = [(glass, Material.GLAZED, "#e9e2d6", 0)]
    stems, leaves = [], []
    for k in range(13):
        turn, lean = 2.4 * k + rng.uniform(-0.3, 0.3), rng.uniform(0.02, 0.15)
        top = rng.uniform(0.32, 0.46) - 0.4 * lean
        x, z = lean * np.cos(turn), lean * np.sin(turn)
        stems.append(
            tube([(0, 0.17, 0), (0.5 * x, 0.6 * top + 0.07, 0.5 * z), (x, top, z)], 0.0025, 12, 8)
        )
        tint = str(rng.choice(["#e9c9bd", "#d98c86", "#f0e3d2", "#c9645d"]))
        petals = []
        for ring, count in ((0, 6), (1, 8)):
            for p in range(count):
                petal = leaf(0.034 + 0.008 * ring, 0.028, 0.5 - ring, 0.4, 6)
                petal = petal.turned(0, -60 + 40 * ring).turned(p * 360 / count + 20 * ring)
                petals.append(petal)
        head = joined(petals).turned(float(np.degrees(turn)), float(rng.uniform(0, 35)))
        parts.append((head.at(x, top, z), Material.PLAIN, tint, 0))
        parts.append((sphere(0.008).at(x, top + 0.006, z), Material.PLAIN, "#d8a83e", 0))
        blade = leaf(0.09, 0.03, 0.8).turned(float(np.degrees(turn) + 40), -20)
        leaves.append(blade.at(0.4 * x, 0.24, 0.4 * z))
    parts.append((joined(stems), Material.LEAF, "#55763f", 0))
    parts.append((joined(leaves), Material.LEAF, "#4f7d35", 0))
    return parts


def mug(colour: str) -> list[Part]:
    """A mug with its handle."""
    cup = lathe(
        [
            (0, 0),
            (0.036, 0),
            (0.04, 0.006),
            (0.041, 0.09),
            (0.037, 0.092),
            (0.036, 0.01),
            (0, 0.008),
        ],
        40,
    )
    handle = tube(
        [(0.039, 0.075, 0), (0.066, 0.07, 0), (0.066, 0.03, 0), (0.039, 0.022, 0)], 0.006, 20, 10
    )
    return [(cup, Material.GLAZED, colour, 0), (handle, Material.GLAZED, colour, 0)]


def picture(width: float, height: float, kind: int, frame: str) -> list[Part]:
    """A framed picture whose middle is at the origin, facing -z."""
    parts: list[Part] = []
    rim = 0.035
    for x in (-1, 1):
        bar = box((rim, height + 2 * rim, 0.035), 0.007, 3).grain(1)
        parts.append((bar.at(x * (width + rim) / 2, -height / 2 - rim), Material.WOOD, frame, 0))
    for y in (-height / 2 - rim, height / 2):
        parts.append((box((width, rim, 0.035), 0.007, 3).at(y=y), Material.WOOD, frame, 0))
    mat = 0.0 if kind == 1 else 0.06
    if mat:
        card = quad((-width / 2, -height / 2, 0.004), (width, 0, 0), (0, height, 0))
        parts.append((card, Material.PLAIN, "#efe8da", 0))
    w, h = width - 2 * mat, height - 2 * mat
    canvas = quad((-w / 2, -h / 2, 0), (w, 0, 0), (0, h, 0))
    unit = Shape(canvas.vertices, canvas.normals, canvas.local / [w, h, 1], canvas.faces)
    parts.append((unit, Material.PAINTING, (kind / 10, 0, 0), 0))
    return parts


def bookshelf(rng: np.random.Generator) -> list[Part]:
    """1.25 m wide, 2.15 m high, open towards -z, full of books and a few pots."""
    width, height, depth, board = 1.25, 2.15, 0.32, 0.028
    parts: list[Part] = [
        (box((width, height, 0.012), 0.002, 1).at(z=depth / 2), Material.WOOD, "#6b4529", 0)
    ]
    for x in (-1, 0, 1):
        upright = box((board, height, depth), 0.004).grain(1)
        parts.append((upright.at(x=x * (width - board) / 2), Material.WOOD, WALNUT, 0))
    levels = [0.06, 0.47, 0.83, 1.17, 1.5, 1.82, height - board]
    for y in levels:
        parts.append((box((width, board, depth), 0.004).at(y=y), Material.WOOD, WALNUT, 0))
    colours = [
        "#7b2d26",
        "#27485b",
        "#c89b4a",
        "#dfd3bd",
        "#3c5140",
        "#a5582f",
        "#1e2b3d",
        "#8b8378",
        "#55382b",
        "#b7b09f",
        "#6d7f86",
        "#4b2236",
    ]
    half = (width - 3 * board) / 2
    for low, high in pairwise(levels):
        for side in (-1, 1):
            left = side * (half + board) / 2 - half / 2
            x = 0.006
            kind = rng.random()
            limit = half - (0.17 if kind < 0.45 else 0.01)
            space = high - low - board
            while True:
                w = rng.uniform(0.018, 0.046)
                if x + w > limit:
                    break
                h = min(space - 0.03, rng.uniform(0.19, 0.27))
                d = rng.uniform(0.17, 0.23)
                lean = 0.0 if rng.random() < 0.93 else rng.uniform(3, 8)
                book = box((w, h, d), 0.003, 1).turned(0, 0, lean)
                colour = str(rng.choice(colours))
                at = (left + x + w / 2, low + board, -depth / 2 + 0.03 + d / 2)
                parts.append((book.at(*at), Material.PRINT, colour, 0))
                if rng.random() < 0.5:  # a title on the spine
                    label = box((w * 0.72, 0.012, 0.002), 0.0004, 1).turned(0, 0, lean)
                    at = (at[0], low + board + h * 0.74, -depth / 2 + 0.029)
                    parts.append((label.at(*at), Material.PRINT, "#e8d9a8", 0))
                x += w + 0.002 + (0.02 if lean else 0.0)
            if kind < 0.45:
                at = (left + half - 0.09, low + board, 0.0)
                parts += placed(vase(rng, 0.13), at[0], at[2], 0, at[1])
    return parts
