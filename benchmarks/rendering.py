"""How long rendering people takes: `python benchmarks/rendering.py` prints a Markdown table.

Ellipsoids with as many faces as a body model, standing at various depths, seen at 480 x 640. Warp
renders them all in one call, from an empty kernel cache the first time. PyTorch3D, where it is
installed, renders one of them, as its CPU rasterizer takes seconds for each.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.records import Intrinsics
from mfh.rendering import render_depth
from mfh.settings import RenderBackend

PEOPLE = 32
LATER_CALLS = 5
CAMERA = Intrinsics(fx=519.0, fy=519.0, cx=320.0, cy=240.0, height=480, width=640)


def bodies(count: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Stand ellipsoids of 1.7 m, 13 806 vertices and 27 608 faces, 2 to 10 m away on one floor."""
    rings, around = 118, 117
    polar = np.linspace(0, np.pi, rings + 2)[1:-1, None]
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    unit = np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.cos(turn), -np.cos(polar), np.sin(polar) * np.sin(turn)
        ),
        axis=-1,
    ).reshape(-1, 3)
    body_m = np.concatenate([unit, [[0, -1, 0], [0, 1, 0]]]) * [0.22, 0.85, 0.15]

    grid = np.arange(rings * around, dtype=np.int32).reshape(rings, around)
    a, b = grid[:-1].ravel(), np.roll(grid, -1, axis=1)[:-1].ravel()
    c, d = grid[1:].ravel(), np.roll(grid, -1, axis=1)[1:].ravel()
    top, bottom = np.full(around, rings * around), np.full(around, rings * around + 1)
    triangles = [(a, b, c), (b, d, c), (top, np.roll(grid[0], -1), grid[0])]
    triangles.append((bottom, grid[-1], np.roll(grid[-1], -1)))
    faces = np.concatenate([np.stack(corners, axis=1) for corners in triangles])

    rng = np.random.default_rng(0)
    z_m = np.linspace(2.0, 10.0, count)
    x_m = rng.uniform(-0.5, 0.5, count) * z_m
    places_m = np.stack([x_m, np.full(count, 0.5), z_m], axis=1)
    return (body_m + places_m[:, None]).astype(np.float32), faces.astype(np.int32)


def measure() -> list[dict[str, Any]]:
    """Time every backend that is installed; one row each.

    A row has `backend`, `people`, `first_s` (the first call of a new process), `later_s` (the
    median of later ones) and `later_s_per_person`.
    """
    jobs: list[tuple[RenderBackend, int, int]] = [("warp", PEOPLE, LATER_CALLS)]
    if importlib.util.find_spec("pytorch3d"):
        jobs.append(("pytorch3d", 1, 1))
    rows: list[dict[str, Any]] = []
    for backend, people, later_calls in jobs:
        with tempfile.TemporaryDirectory() as cache:
            # A process of its own, so that Warp finds its kernel cache empty.
            os.environ["WARP_CACHE_PATH"] = cache
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                first_s, later_s = process.submit(_time, backend, people, later_calls).result()
            del os.environ["WARP_CACHE_PATH"]
        rows.append(
            {
                "backend": backend,
                "people": people,
                "first_s": first_s,
                "later_s": later_s,
                "later_s_per_person": later_s / people,
            }
        )
    return rows


def _time(backend: RenderBackend, people: int, later_calls: int) -> tuple[float, float]:
    vertices_m, faces = bodies(people)
    seconds = []
    for _ in range(1 + later_calls):
        start = time.perf_counter()
        render_depth(vertices_m, faces, CAMERA, backend=backend, device="cpu")
        seconds.append(time.perf_counter() - start)
    return seconds[0], statistics.median(seconds[1:])


def markdown(rows: list[dict[str, Any]]) -> str:
    """Lay out what `measure` gave; times relative to Warp's where there is another backend."""
    base = rows[0]["later_s_per_person"]
    lines = [
        f"Rendering {CAMERA.width} x {CAMERA.height} px on {os.cpu_count()} CPU cores:",
        "",
        "| backend | people | first call, s | later calls, s | s a person | relative |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        each_s = row["later_s_per_person"]
        lines.append(
            f"| {row['backend']} | {row['people']} | {row['first_s']:.2f} | {row['later_s']:.2f} "
            f"| {each_s:.4f} | {each_s / base:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(measure()))
