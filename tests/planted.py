"""A small planted world: boxes for people, exact disparity, everything known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfh.progress import Progress
from mfh.records import Disparity, Intrinsics, People, Photo

HEIGHT, WIDTH = 96, 128
SCALE, OFFSET = 40.0, 3.0  # the photo's relative disparity is SCALE / depth + OFFSET


def camera() -> Intrinsics:
    return Intrinsics(fx=110, fy=115, cx=60, cy=50, height=HEIGHT, width=WIDTH)


def photo(seed: int = 0) -> Photo:
    rng = np.random.default_rng(seed)
    return Photo(rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), camera(), "planted")


def scene_depth(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A ramp from 8 m at the top to 3 m at the bottom, linear in disparity."""
    rows = (np.arange(height) + 0.5) / height
    return np.broadcast_to(1 / (1 / 8 + (1 / 3 - 1 / 8) * rows)[:, None], (height, width)).copy()


def box(k: Intrinsics, left_px: float, depth_m: float) -> tuple[np.ndarray, np.ndarray]:
    """A tilted rectangle a quarter of the image wide and 60 % high, seen by the camera `k`."""
    right_px, top_px, bottom_px = left_px + k.width / 4, 0.2 * k.height, 0.8 * k.height
    corners = [(left_px, top_px), (right_px, top_px), (right_px, bottom_px), (left_px, bottom_px)]
    depths = [depth_m, depth_m * 1.1, depth_m * 1.1, depth_m]
    vertices = np.array(
        [((u - k.cx) / k.fx * z, (v - k.cy) / k.fy * z, z) for (u, v), z in zip(corners, depths)],
        np.float32,
    )
    return vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def rendered(k: Intrinsics, left_px: float, depth_m: float) -> np.ndarray:
    from mfh.rendering import render_depth

    vertices, faces = box(k, left_px, depth_m)
    return render_depth(vertices[None], faces, k)[0]


class World:
    """A painter, measurer and disparity estimator in one, that know what is in each strip."""

    name = "planted"

    def __init__(self, *, empty=(), flipped=()):
        self.empty, self.flipped = set(empty), set(flipped)
        self.fingerprint = {"empty": sorted(self.empty), "flipped": sorted(self.flipped)}
        self.painted: list[int] = []

    def place(self, strip, seed):
        """Where the left edge of the box is, and how far it is."""
        columns = np.flatnonzero(strip.any(axis=0))
        return float(columns.mean() + 0.5) - strip.shape[1] / 8, 1.5 + seed % 7 * 0.2

    def paint(self, photo, plan):
        for strip, seed in zip(plan.repainted, plan.seeds, strict=True):
            self.painted.append(seed)
            yield np.where(strip[..., None], np.uint8(seed % 251), photo.image)

    def measure(self, photo, painted):
        for name, strip, seed in zip(painted.names, painted.repainted, painted.seeds, strict=True):
            if name == "photo" or int(name) in self.empty:
                yield People.nobody(*photo.shape)
                continue
            place = self.place(strip, seed)
            vertices, faces = box(photo.camera, *place)
            mask = np.isfinite(rendered(photo.camera, *place))
            yield People(
                vertices[None], faces, mask[None], np.zeros((1, 4)), np.ones(1, np.float32)
            )

    def estimate(self, photo, painted):
        def relative(depth):
            return (SCALE / depth + OFFSET).astype(np.float32)

        for name, strip, seed in zip(painted.names, painted.repainted, painted.seeds, strict=True):
            depth = scene_depth(*photo.shape)
            if name == "photo":
                yield Disparity(relative(depth)[None], model="planted")
                continue
            if int(name) not in self.empty:
                person = rendered(photo.camera, *self.place(strip, seed))
                depth = np.where(np.isfinite(person), person, depth)
            sign = -1 if int(name) in self.flipped else 1
            values = sign * (0.5 + seed % 5) * relative(depth) + seed % 3
            yield Disparity(values[None], model="planted")


class Inhabited(World):
    """Somebody is in the photo already, at the left edge, 5 m away."""

    def measure(self, photo, painted):
        vertices, faces = box(photo.camera, 0, 5.0)
        seen = np.isfinite(rendered(photo.camera, 0, 5.0))
        for strip, people in zip(painted.repainted, super().measure(photo, painted)):
            own = People(vertices[None], faces, (seen & ~strip)[None], [[0] * 4], [1])
            both = (people, own) if len(people) else (own,)
            yield People(
                np.concatenate([p.vertices_m for p in both]),
                faces,
                np.concatenate([p.mask for p in both]),
                np.concatenate([p.box_px for p in both]),
                np.concatenate([p.score for p in both]),
            )

    def estimate(self, photo, painted):
        own = rendered(photo.camera, 0, 5.0)
        for strip, seed, name, disparity in zip(
            painted.repainted, painted.seeds, painted.names, super().estimate(photo, painted)
        ):
            gain, shift = (1, 0) if name == "photo" else (0.5 + seed % 5, seed % 3)
            there = gain * (SCALE / own + OFFSET) + shift
            values = np.where(np.isfinite(own) & ~strip, there, disparity.values[0])
            yield replace(disparity, values=values[None])


class Notes(Progress):
    """Everything a run says of its progress."""

    def __init__(self):
        self.notes, self.advanced, self.totals, self.remarks = {}, {}, {}, {}
        self.warnings, self.finished = [], []

    def start(self, stage, total):
        self.totals[stage] = total

    def advance(self, stage):
        self.advanced[stage] = self.advanced.get(stage, 0) + 1

    def remark(self, stage, words):
        self.remarks.setdefault(stage, []).append(words)

    def finish(self, stage, note):
        self.finished.append(stage)
        self.notes[stage] = note

    def warn(self, message):
        self.warnings.append(message)
