"""Smooth shapes as triangle meshes: rounded boxes, lathed profiles, tubes, cushions, leaves.

World axes of the demo room: x right, y up, z away from the camera, metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """vertices, normals, local: (V, 3); faces: (F, 3). `local` is where textures are evaluated."""

    vertices: Array
    normals: Array
    local: Array
    faces: Faces

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Shape:
        """Moved by metres."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def turned(self, yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Shape:
        """Rolled about z, pitched about x, then turned about y."""
        c, s = (
            np.cos(np.radians([yaw_deg, pitch_deg, roll_deg])),
            np.sin(np.radians([yaw_deg, pitch_deg, roll_deg])),
        )
        yaw = np.array([[c[0], 0, s[0]], [0, 1, 0], [-s[0], 0, c[0]]])
        pitch = np.array([[1, 0, 0], [0, c[1], -s[1]], [0, s[1], c[1]]])
        roll = np.array([[c[2], -s[2], 0], [s[2], c[2], 0], [0, 0, 1]])
        turn = (yaw @ pitch @ roll).T
        return replace(self, vertices=self.vertices @ turn, normals=self.normals @ turn)

    def grain(self, axis: int) -> Shape:
        """Textures that run along their own x run along this axis instead."""
        order = {0: [0, 1, 2], 1: [1, 2, 0], 2: [2, 0, 1]}[axis]
        return replace(self, local=self.local[:, order])


def joined(shapes: Sequence[Shape]) -> Shape:
    """Several shapes as one."""
    start = np.cumsum([0] + [len(shape.vertices) for shape in shapes])
    return Shape(
        np.concatenate([shape.vertices for shape in shapes]),
        np.concatenate([shape.normals for shape in shapes]),
        np.concatenate([shape.local for shape in shapes]),
        np.concatenate([s.faces + k for s, k in zip(shapes, start[:-1], strict=True)]),
    )


def smooth(vertices: Array, faces: Faces, local: Array | None = None) -> Shape:
    """A shape with area-weighted vertex normals; copies of a point share theirs."""
    corner = vertices[faces]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    _, same = np.unique(np.round(vertices, 6), axis=0, return_inverse=True)
    same = same.ravel()
    total = np.zeros((same.max() + 1, 3))
    for k in range(3):
        np.add.at(total, same[faces[:, k]], face)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-15)
    return Shape(vertices, total[same], vertices.copy() if local is None else local, faces)


def grid_faces(rows: int, columns: int) -> Faces:
    """Triangles of a grid of rows x columns points, row by row."""
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    return np.concatenate(
        [np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([a, c, d], axis=-1).reshape(-1, 3)]
    )


def quad(corner: ArrayLike, u: ArrayLike, v: ArrayLike) -> Shape:
    """A flat parallelogram; its local coordinates are metres along u and v."""
    corner, u, v = (np.asarray(x, float) for x in (corner, u, v))
    vertices = np.stack([corner, corner + u, corner + u + v, corner + v])
    normal = np.cross(u, v)
    lu, lv = np.linalg.norm(u), np.linalg.norm(v)
    local = np.array([[0, 0, 0], [lu, 0, 0], [lu, lv, 0], [0, lv, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return Shape(vertices, np.tile(normal / np.linalg.norm(normal), (4, 1)), local, faces)


def box(size: Sequence[float], radius: float = 0.004, steps: int = 2, bulge: float = 0.0) -> Shape:
    """A box centred on x and z that stands on y = 0, its edges rounded.

    bulge: how far the middles of its sides swell, in metres, as upholstery does.
    """
    half = np.asarray(size, float) / 2
    radius = min(radius, float(half.min()) * 0.999)
    # Points along one side: those of the two rounded ends, and a few between for the swelling.
    ends = np.tan(np.linspace(0, np.pi / 4, steps + 1))
    between = np.linspace(-1, 1, 9)[1:-1] if bulge > 0 else np.array([])
    shapes = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            a, b = (axis + 1) % 3, (axis + 2) % 3
            if sign < 0:
                a, b = b, a
            ua, da = _side(half[a] - radius, ends, between)
            ub, db = _side(half[b] - radius, ends, between)
            inner = np.zeros((len(ua), len(ub), 3))
            inner[..., axis] = sign * (half[axis] - radius)
            inner[..., a] = ua[:, None]
            inner[..., b] = ub[None, :]
            out = np.zeros_like(inner)
            out[..., axis] = sign
            out[..., a] = da[:, None]
            out[..., b] = db[None, :]
            out /= np.linalg.norm(out, axis=-1, keepdims=True)
            swell = np.prod(
                1 - (np.abs(inner) / np.maximum(half, 1e-9)) ** 2.5 * (np.arange(3) != axis),
                axis=-1,
            )
            points = inner + radius * out
            points[..., axis] += sign * bulge * np.clip(swell, 0, 1)
            faces = grid_faces(len(ua), len(ub))
            flat = points.reshape(-1, 3)
            if bulge > 0:
                shapes.append((flat, None, faces))
            else:
                shapes.append((flat, out.reshape(-1, 3), faces))
    start = np.cumsum([0] + [len(s[0]) for s in shapes])
    vertices = np.concatenate([s[0] for s in shapes])
    faces = np.concatenate([s[2] + k for s, k in zip(shapes, start[:-1], strict=True)])
    lift = np.array([0, half[1], 0])
    if bulge > 0:
        made = smooth(vertices, faces)
    else:
        made = Shape(vertices, np.concatenate([s[1] for s in shapes]), vertices.copy(), faces)
    return replace(made, vertices=made.vertices + lift)


def _side(flat: float, ends: Array, between: Array) -> tuple[Array, Array]:
    at = np.concatenate([np.full(len(ends), -flat), between * flat, np.full(len(ends), flat)])
    out = np.concatenate([-ends[::-1], np.zeros(len(between)), ends])
    return at, out


def lathe(
    profile: Sequence[tuple[float, float]], segments: int = 48, crease_deg: float = 35
) -> Shape:
    """A (radius, height) profile, from below upwards, turned about the y axis."""
    points = np.asarray(profile, float)
    step = np.diff(points, axis=0)
    direction = np.arctan2(step[:, 1], step[:, 0])
    pieces: list[list[int]] = [[0, 1]]
    for k in range(1, len(step)):
        turn = (direction[k] - direction[k - 1] + np.pi) % (2 * np.pi) - np.pi
        if abs(turn) > np.radians(crease_deg):
            pieces.append([k, k + 1])
        else:
            pieces[-1].append(k + 1)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    made = []
    for piece in pieces:
        r, y = points[piece].T
        ring = np.stack(
            [
                r[:, None] * np.cos(angle),
                np.repeat(y[:, None], len(angle), axis=1),
                r[:, None] * np.sin(angle),
            ],
            axis=-1,
        )
        tangent = np.gradient(points[piece], axis=0)
        nr, ny = tangent[:, 1], -tangent[:, 0]
        normal = np.stack(
            [
                nr[:, None] * np.cos(angle),
                np.repeat(ny[:, None], len(angle), axis=1),
                nr[:, None] * np.sin(angle),
            ],
            axis=-1,
        ).reshape(-1, 3)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-15)
        vertices = ring.reshape(-1, 3)
        made.append(Shape(vertices, normal, vertices.copy(), grid_faces(len(r), len(angle))))
    return joined(made)


def sphere(radius: float, squash: float = 1.0, segments: int = 32) -> Shape:
    """A sphere about the origin, its height scaled."""
    t = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    return lathe([(max(radius * np.cos(a), 0.0), squash * radius * np.sin(a)) for a in t], segments)


def curve(points: ArrayLike, count: int) -> Array:
    """A Catmull-Rom curve through the points, (count, 3)."""
    p = np.asarray(points, float)
    p = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    s = np.linspace(0, len(p) - 3 - 1e-9, count)
    k, t = s.astype(int), (s % 1)[:, None]
    a, b, c, d = p[k], p[k + 1], p[k + 2], p[k + 3]
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )


def tube(
    points: ArrayLike, radius: float | Sequence[float], count: int = 24, segments: int = 14
) -> Shape:
    """A round rod along a smooth curve, closed at both ends; the radius may vary along it."""
    path = curve(points, count)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    r = np.interp(
        np.linspace(0, 1, count), np.linspace(0, 1, np.size(radius)), np.atleast_1d(radius)
    )
    side = np.cross(along[0], [0.31, 0.2, 0.93])
    sides = []
    for a in along:  # carried along without twisting
        side = side - a * (side @ a)
        side = side / np.linalg.norm(side)
        sides.append(side)
    u = np.array(sides)
    v = np.cross(along, u)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    out = u[:, None] * np.cos(angle)[:, None] + v[:, None] * np.sin(angle)[:, None]
    vertices = path[:, None] + r[:, None, None] * out
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    local = np.concatenate(
        [np.repeat(length[:, None, None], segments + 1, axis=1), (r[:, None, None] * out)[..., :2]],
        axis=-1,
    )
    body = Shape(
        vertices.reshape(-1, 3),
        out.reshape(-1, 3),
        local.reshape(-1, 3),
        grid_faces(count, segments + 1),
    )
    caps = []
    for end, way in ((0, -1.0), (-1, 1.0)):
        rim = np.concatenate([[path[end]], vertices[end]])
        fan = np.stack(
            [np.zeros(segments, int), np.arange(1, segments + 1), np.arange(2, segments + 2)],
            axis=1,
        )
        caps.append(Shape(rim, np.tile(way * along[end], (len(rim), 1)), rim.copy(), fan))
    return joined([body, *caps])


def roll(
    path: ArrayLike, width: float, height: float, power: float = 3.0, count: int = 80
) -> Shape:
    """Upholstery along a curve: its section is a rounded rectangle, upright, with round ends."""
    middle = curve(path, count)
    along = np.gradient(middle, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, along)
    angle = np.linspace(0, 2 * np.pi, 41)
    c, s = np.cos(angle), np.sin(angle)
    u = np.sign(c) * np.abs(c) ** (2 / power) * width / 2
    v = np.sign(s) * np.abs(s) ** (2 / power) * height / 2
    # Towards each end the section shrinks along a quarter circle.
    length = np.linalg.norm(np.diff(middle, axis=0), axis=1).sum()
    at = np.linspace(0, length, count)
    end = np.minimum(at, length - at)
    shrink = np.sqrt(1 - np.clip(1 - end / (width / 2), 0, 1) ** 2)
    inset = (height - width) / 2 * (1 - shrink)
    u_ = shrink[:, None] * u
    v_ = np.sign(v) * np.maximum(np.abs(v) - inset[:, None] - (1 - shrink)[:, None] * width / 4, 0)
    points = middle[:, None] + u_[..., None] * side[:, None] + v_[..., None] * up[:, None]
    return smooth(points.reshape(-1, 3), grid_faces(count, len(angle)))


def cushion(width: float, height: float, thickness: float, n: int = 20) -> Shape:
    """A throw pillow standing on its edge in the x-y plane, its seams at the rim."""
    u = np.sin(np.linspace(-np.pi / 2, np.pi / 2, n))
    x, y = np.meshgrid(u, u, indexing="ij")
    pull = 1 - 0.07 * (
        1 - np.abs(x[..., None] * y[..., None]) ** 0.5
    )  # sides curve in, corners stay
    body = ((1 - x**2) * (1 - y**2)) ** 0.38
    sides = []
    for sign in (-1.0, 1.0):
        flat = np.stack([x * width / 2, y * height / 2], axis=-1) * pull
        points = np.concatenate([flat, (sign * body * thickness / 2)[..., None]], axis=-1)
        faces = grid_faces(n, n)
        sides.append((points.reshape(-1, 3), faces if sign < 0 else faces[:, ::-1]))
    vertices = np.concatenate([s[0] for s in sides])
    faces = np.concatenate([sides[0][1], sides[1][1] + n * n])
    return smooth(vertices, faces).at(y=height / 2)


def leaf(length: float, width: float, droop: float, fold: float = 0.25, n: int = 9) -> Shape:
    """A leaf that starts at the origin along +z, bent downwards, folded along its middle."""
    t = np.linspace(0, 1, n)
    half = width / 2 * np.sin(np.pi * t**0.8) ** 0.75
    bend = droop * t
    z = length * np.cumsum(np.cos(bend)) / n
    y = -length * np.cumsum(np.sin(bend)) / n
    s = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    points = np.stack(
        [
            half[:, None] * s,
            y[:, None] + fold * half[:, None] * np.abs(s),
            np.repeat(z[:, None], len(s), axis=1),
        ],
        axis=-1,
    )
    local = np.stack(
        [np.repeat(t[:, None], len(s), 1), np.tile(s, (n, 1)), np.zeros((n, len(s)))], axis=-1
    )
    return smooth(points.reshape(-1, 3), grid_faces(n, len(s)), local.reshape(-1, 3))


def drape(width: float, height: float, folds: int, depth: float, seed: int) -> Shape:
    """A hanging curtain in the x-y plane, its folds opening towards the bottom."""
    rng = np.random.default_rng(seed)
    n, rows = folds * 16 + 1, 24
    t = np.linspace(0, 1, n)
    phase = 2 * np.pi * folds * (t + 0.012 * np.sin(2 * np.pi * t * 3 + rng.uniform(0, 6)))
    down = np.linspace(0, 1, rows)[:, None]
    wave = np.sin(phase + 0.5 * np.sin(2.2 * down + 5 * t))
    points = np.stack(
        [
            np.repeat((t * width)[None], rows, 0) + 0.01 * np.sin(phase * 2) * down,
            height * (1 - down) + 0 * t,
            depth * (0.55 + 0.45 * down) * wave,
        ],
        axis=-1,
    )
    return smooth(points.reshape(-1, 3), grid_faces(rows, n))
