"""What fitted bodies cost against perfect ones: a comparison that is fair, and its figures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mfh.people.detection import Detections, Meshes, MeshRegressor
from mfh.records import Intrinsics, People
from mfh.simulation import SimulatedWorld
from mfh.simulation.bodies import load_bodies

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import people_in_paintings as page
from metric_heads import measurers
from metric_heads.cases import FIRST_SEED, flow
from metric_heads.measurers import FITTED, HMR2, PERFECT, Room, compare


class _Told:
    """A regressor that knows the meshes of a flow's people by their scores."""

    name = "told"
    fingerprint: Any = "told"
    device = "CPU"
    faces = load_bodies().faces

    def __init__(self, people: Sequence[People], factor: float) -> None:
        self._mesh_m = {
            float(score): np.float32(factor) * mesh_m
            for each in people
            for score, mesh_m in zip(each.score, each.vertices_m, strict=True)
        }

    def regress(
        self,
        images: Sequence[NDArray[np.uint8]],
        found: Sequence[Detections],
        camera: Intrinsics,
        prompts: Sequence[str] = (),
    ) -> list[Meshes]:
        return [
            Meshes(
                vertices_m=np.array(
                    [self._mesh_m[float(score)] for score in each.score], np.float32
                ).reshape(len(each), load_bodies().vertices_m.shape[1], 3),
                relative_error=np.full(len(each), np.nan, np.float32),
                refused=("",) * len(each),
            )
            for each in found
        ]


def _told(room: Room, paintings: int, factor: float) -> Callable[[SimulatedWorld], MeshRegressor]:
    """Makes a regressor that gives what the simulated HMR 2.0 gives, so much farther away."""

    def make(world: SimulatedWorld) -> MeshRegressor:
        return _Told(flow(world, paintings, room.seed).run(world.photo).people, factor)

    return make


def test_a_regressor_as_good_as_the_simulated_one_does_as_well() -> None:
    room = Room("default", FIRST_SEED + 2, 120)
    found = compare(room, _told(room, 10, 1.0), paintings=(4, 8))
    assert set(found.abs_rel) == set(product(measurers.HEADS, (4, 8), (PERFECT, HMR2, FITTED)))
    for head, count in product(measurers.HEADS, (4, 8)):
        assert found.abs_rel[head, count, FITTED] == pytest.approx(
            found.abs_rel[head, count, HMR2], rel=1e-4
        )
        assert found.abs_rel[head, count, PERFECT] != found.abs_rel[head, count, HMR2]
    np.testing.assert_array_equal(found.people[PERFECT][:, 0], 0)
    hmr2 = found.people[HMR2][:, 0]
    assert 0.02 < hmr2.std() < 0.07
    np.testing.assert_allclose(np.sort(found.people[FITTED][:, 0]), np.sort(hmr2), atol=1e-6)
    assert set(found.refused.values()) == {0}


def test_people_measured_too_far_make_the_room_too_large() -> None:
    room = Room("no painter errors", FIRST_SEED + 2, 120)
    found = compare(room, _told(room, 10, 1.2), paintings=(8,))
    expected = np.log(1.2)
    assert np.median(found.people[FITTED][:, 0]) == pytest.approx(expected, abs=0.03)
    assert found.abs_rel["SILog (paper)", 8, PERFECT] < 0.1
    assert found.abs_rel["SILog (paper)", 8, FITTED] == pytest.approx(0.2, abs=0.06)


def test_the_page_has_every_figure() -> None:
    room = Room("default", FIRST_SEED + 2, 120)
    found = compare(room, _told(room, 10, 1.1), paintings=(4, 8))
    text = page.document([found, replace(found, room=replace(room, seed=1))], 120)
    perfect = found.abs_rel["robust", 8, PERFECT]
    lost = found.abs_rel["robust", 8, FITTED] / perfect - 1
    row = next(line for line in text.splitlines() if line.startswith("| robust | 8 |"))
    assert row.startswith(f"| robust | 8 | 2 | 0 | {perfect:.3f} |")
    assert row.endswith(f"| {lost:+.0%} ({lost:+.0%} to {lost:+.0%}) |")
    assert f"| {HMR2} | {2 * len(found.people[HMR2])} | 0 |" in text


def test_a_loss_is_of_means_and_its_bounds_of_resampled_rooms() -> None:
    rng = np.random.default_rng(1)
    perfect = rng.uniform(0.1, 0.3, 60)
    figures = perfect * (1.1 + 0.2 * rng.standard_normal(60))
    lost, low, high = page.loss(figures, perfect)
    assert lost == pytest.approx(figures.mean() / perfect.mean() - 1)
    assert low < lost < high
    assert high - low == pytest.approx(4 * 0.2 / np.sqrt(60), rel=0.35)


@pytest.mark.slow
def test_fitted_bodies_cost_little_against_perfect_ones() -> None:
    """Few rooms, so that bounds are wide; the page has the figures over many."""
    found = [
        compare(Room("default", FIRST_SEED + index, 160), paintings=(8,)) for index in range(5)
    ]
    log_error = np.concatenate([each.people[FITTED][:, 0] for each in found])
    assert len(log_error) > 30
    assert sum(each.refused[FITTED] for each in found) <= 0.1 * len(log_error)
    assert abs(np.median(log_error)) < 0.05
    assert np.mean(np.abs(log_error) > 0.15) < 0.1
    given = [each.abs_rel for each in found if ("robust", 8, PERFECT) in each.abs_rel]
    perfect, fitted = (
        np.mean([each["robust", 8, name] for each in given]) for name in (PERFECT, FITTED)
    )
    assert len(given) >= 3
    assert fitted < perfect + 0.03
