"""What is seen of each measured person of a simulated scene, and how wrong its vote really is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metric_heads.cases import ERRORS, NEAR_CAP_M, Case, flow
from metric_heads.cues import cues_of_one, overlap_of_two
from mfh.head import fit
from mfh.head.votes import Votes, gather_votes, spread_of
from mfh.painting import strip_share
from mfh.prediction import Prediction
from mfh.records import LandmarkKind
from mfh.rendering import render_depth
from mfh.simulation import SimulatedWorld
from mfh.simulation.rooms import random_scene
from mfh.simulation.scene import Painting, paintings_of
from mfh.simulation.world import SimulatedView
from mfh.taking_part import images_taking_part, owners_of

_PAINTED = 48
_EVERY_PX = 3
"""AbsRel is over every third row and column: many scenes are kept, and only compared."""

_KIND: tuple[LandmarkKind, ...] = ("painted person",)

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene: O people painted into it who vote, in order of paintings.

    painting: (O,) in which painting, of those that take part in a fit.
    outcome: (O,) what was painted there, as `mfh.simulation.scene.Outcome`.
    error: (O,) the log of measured over true depth.
    vote_error: (O,) the same and the disparity's error there: the log of the measured depth over
        the one that the photo's disparity, with its best scale and offset, has there.
    disparity, depth_m, up, foot_m: their votes, as in `Votes`.
    cues: (O, 8), of `cues_of_one`; overlap: (O,), of the silhouette with somebody else's.
    spread: what the photo's disparity spans, as `fit_robust` takes it.
    map_disparity, map_true_m: (K,) of the pixels that AbsRel is about.
    """

    errors: str
    seed: int
    painting: NDArray[np.int64]
    outcome: NDArray[np.str_]
    error: Vector
    vote_error: Vector
    disparity: Vector
    depth_m: Vector
    up: Vector
    foot_m: Vector
    cues: Vector
    overlap: Vector
    spread: Vector
    map_disparity: NDArray[np.float32]
    map_true_m: NDArray[np.float32]

    @property
    def paintings(self) -> int:
        """In how many paintings somebody was measured."""
        return int(self.painting.max(initial=-1)) + 1

    def first(self, paintings: int) -> NDArray[np.bool_]:
        """Who is in the first so many paintings, (O,)."""
        return self.painting < paintings

    def votes(self, paintings: int) -> Votes:
        """The votes of those in the first so many paintings."""
        who = self.first(paintings)
        count = int(who.sum())
        return Votes(
            disparity=self.disparity[who],
            depth_m=self.depth_m[who],
            kind=_KIND * count,
            relative_error=np.full(count, np.nan),
            weight=np.ones(count),
            up=self.up[who],
            foot_m=self.foot_m[who],
        )

    def save(self, path: Path) -> None:
        """Write it as .npz, under another name first."""
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, **{each.name: getattr(self, each.name) for each in fields(self)})
        unfinished.replace(path)

    @classmethod
    def load(cls, path: Path) -> Scene:
        """The scene that `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            values: dict[str, Any] = dict(stored)
        values.update(errors=str(values["errors"]), seed=int(values["seed"]))
        return cls(**values)


def observe(case: Case) -> Scene:
    """Run a room's stages and look at everybody who was measured.

    Raises `NoLandmarksError` where nobody finds a place.
    """
    photo, true_m = random_scene(
        case.seed, "room", height=case.height, width=round(case.height * 4 / 3)
    )
    world = SimulatedWorld(photo, true_m, ERRORS[case.errors], case.seed)
    done = flow(world, _PAINTED, case.seed).run(photo)
    view = world.at(photo)
    true_m = np.where(true_m <= NEAR_CAP_M, true_m, np.float32(np.nan))
    return _scene(case, done, view, true_m)


def _scene(case: Case, done: Prediction, view: SimulatedView, true_m: NDArray[np.float32]) -> Scene:
    disparity = done.disparity.values[0]
    best = fit(disparity[None], true_m[None], method="log_l2")
    takes_part = images_taking_part(done.aligned, done.landmarks)
    takes_part[0] = False
    paintings = tuple(paintings_of(done.images))
    rows = list(
        chain.from_iterable(
            _people_in(done, view, paintings[image], image, number)
            for number, image in enumerate(np.flatnonzero(takes_part).tolist())
        )
    )
    column: Mapping[str, Any] = {
        name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())
    }
    known = np.zeros(disparity.shape, np.bool_)
    known[_EVERY_PX // 2 :: _EVERY_PX, _EVERY_PX // 2 :: _EVERY_PX] = True
    known &= np.isfinite(true_m)
    return Scene(
        errors=case.errors,
        seed=case.seed,
        vote_error=np.log(column["depth_m"] / best.apply(column["disparity"])),
        spread=spread_of(done.aligned.values[:1]),
        map_disparity=disparity[known],
        map_true_m=true_m[known],
        **column,
    )


def _people_in(
    done: Prediction, view: SimulatedView, painting: Painting, image: int, number: int
) -> Iterator[dict[str, Any]]:
    """A row of `Scene` for each person who votes in one painting."""
    people, landmarks = done.people[image], done.landmarks[image]
    values, scene = done.aligned.values[image], view.scene(painting)
    rendered_m = render_depth(people.vertices_m, people.faces, view.camera, device="cpu")
    silhouettes = np.isfinite(rendered_m) & painting.strip
    votes = gather_votes([(values, landmarks)])
    painted = strip_share(people.mask & np.isfinite(rendered_m), painting.strip) > 0
    for at, person in enumerate(owners_of(landmarks).tolist()):
        own = landmarks.owner == person
        shown = [own & figure.visible for figure in scene.figures]
        really = max(shown, key=np.count_nonzero)
        if not really.any():
            really = own
        true_m = 1 / np.median(1 / scene.depth_m[really].astype(np.float64))
        others = np.flatnonzero(painted & (np.arange(len(people)) != person))
        yield {
            "painting": number,
            "outcome": scene.outcome,
            "error": np.log(votes.depth_m[at] / true_m),
            "disparity": votes.disparity[at],
            "depth_m": votes.depth_m[at],
            "up": votes.up[at],
            "foot_m": votes.foot_m[at],
            "cues": cues_of_one(
                score=float(people.score[person]),
                mask=people.mask[person] & painting.strip,
                silhouette=silhouettes[person],
                vertices_m=people.vertices_m[person],
                faces=people.faces,
                camera=view.camera,
                disparity=values[own],
                depth_m=rendered_m[person][own],
            ),
            "overlap": max(
                (overlap_of_two(silhouettes[person], silhouettes[each]) for each in others),
                default=0.0,
            ),
        }
