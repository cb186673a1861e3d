"""Time of alignment and metric head, N = 32 painted photos of 480x640 px.

    python benchmarks/alignment_and_head.py

Prints a Markdown table: medians of several runs, and for comparison, in the same run, the same two
steps written as the reference does them (a pseudo-inverse over all pixels for each painted photo;
L-BFGS with 50 outer steps over full-size maps), in NumPy and SciPy.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from tables import markdown

from mfh.disparity import align_painted
from mfh.head import fit
from mfh.painting import plan_paintings
from mfh.records import Disparity

COUNT, HEIGHT, WIDTH = 32, 480, 640
REPEATS = 5


def planted_inputs(seed: int = 0) -> tuple[Disparity, np.ndarray, np.ndarray]:
    """Disparity of a photo and of its painted photos, their strips, people's depth (NaN off them).

    All three have 1 + N entries; the first is the photo itself, in which nobody is painted.
    """
    rng = np.random.default_rng(seed)
    repainted = plan_paintings(HEIGHT, WIDTH, COUNT, seed=seed).repainted
    scene = np.linspace(8, 30, HEIGHT)[:, None] + rng.normal(0, 0.5, (HEIGHT, WIDTH))
    painted = np.repeat(scene[None], COUNT, axis=0)
    depth_m = np.full(painted.shape, np.nan, np.float32)
    for index, strip in enumerate(repainted):
        columns = np.flatnonzero(strip.any(axis=0))
        person = np.s_[index, 60:460, columns[0] : columns[0] + max(20, len(columns) // 2)]
        shape = painted[person].shape
        distance_m = rng.uniform(1.5, 6) * (1 + 0.03 * rng.standard_normal(shape))
        depth_m[person] = distance_m
        painted[person] = 40 / distance_m + rng.normal(0, 0.5, shape)
    gain = rng.uniform(0.8, 1.25, COUNT)[:, None, None]
    painted = gain * painted + rng.normal(0, 1, (COUNT, 1, 1))
    return (
        Disparity(np.concatenate([scene[None], painted]).astype(np.float32)),
        np.concatenate([np.zeros((1, HEIGHT, WIDTH), np.bool_), repainted]),
        np.concatenate([np.full((1, HEIGHT, WIDTH), np.nan, np.float32), depth_m]),
    )


def as_the_reference(
    disparity: Disparity, repainted: np.ndarray, depth_m: np.ndarray
) -> tuple[float, float]:
    """Both steps as the reference takes them: pseudo-inverse, then L-BFGS over full maps."""
    photo = disparity.values[0]
    aligned = np.empty_like(disparity.values)
    for index, values in enumerate(disparity.values):
        outside = ~repainted[index]
        design = np.stack([values[outside], np.ones(outside.sum(), np.float32)])
        scale, offset = photo[outside] @ np.linalg.pinv(design)
        aligned[index] = scale * values + offset
    known = np.isfinite(depth_m)
    target = np.log(np.where(known, 1 / depth_m, 1.0))

    def loss(head: np.ndarray) -> tuple[float, np.ndarray]:
        predicted = np.clip(head[0] * aligned + head[1], 1e-12, None)
        ratio = (np.log(predicted + 1e-7) - target)[known]
        count, mean = len(ratio), ratio.mean()
        radicand = ratio.var(ddof=1) + 0.15 * mean**2
        slope = (ratio - mean) / (count - 1) + 0.15 * mean / count
        slope = slope / predicted[known]
        gradient = np.array([slope @ aligned[known], slope.sum()])
        return 10 * np.sqrt(radicand), 10 * gradient / np.sqrt(radicand)

    head = np.array([1.0, 0.0])
    for _ in range(50):
        head = minimize(loss, head, jac=True, method="L-BFGS-B", options={"maxiter": 20}).x
    return float(head[0]), float(head[1])


def median_seconds(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time of several runs, after one that is not counted."""
    run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure() -> list[dict[str, str]]:
    """One row a step."""
    disparity, repainted, depth_m = planted_inputs()
    aligned = align_painted(disparity, repainted)
    owner = np.where(np.isfinite(depth_m), 0, -1)
    align_s = median_seconds(lambda: align_painted(disparity, repainted))
    fit_s = median_seconds(lambda: fit(aligned.values, depth_m, owner))
    reference_s = median_seconds(lambda: as_the_reference(disparity, repainted, depth_m), repeats=1)
    total_s = align_s + fit_s

    def row(step: str, seconds: float) -> dict[str, str]:
        return {
            "step": step,
            "seconds": f"{seconds:.3f}",
            "times ours": f"{seconds / total_s:.2f}",
        }

    pixels = int(np.isfinite(depth_m).sum())
    return [
        row(f"align {COUNT} painted photos", align_s),
        row(f"fit SILog to {pixels:,} landmark pixels", fit_s),
        row("align + fit", total_s),
        row("the same, as the reference does it", reference_s),
    ]


if __name__ == "__main__":
    print(markdown(measure()))
