"""One topology for all bodies: points tied to the full mesh, regions with clean borders."""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import numpy as np
from numpy.typing import NDArray

from bodies.mesh import (
    Array,
    Faces,
    nearest,
    normals,
    seen_from_outside,
    triangles,
)
from bodies.wardrobe import Wardrobe

REGIONS = ("skin", "eyes", "hair", "upper", "upper_arm", "forearm", "lower", "shin", "shoes")
# Faces kept of each part; hands may be coarse. Cutting the regions apart adds about 700.
PART_FACES = {"clothes": 3000, "head": 1500, "hands": 760, "eyes": 36}


@dataclass(frozen=True)
class Topology:
    """Points relative to the dressed mesh's triangles, then points cut into edges, and faces.

    corners, weights, lift: point i is `weights[i] @ vertices[corners[i]]`, lifted along the normal.
    edge, share: further points, on the way from one earlier point to another.
    """

    surface: Faces
    corners: Faces
    weights: Array
    lift: Array
    edge: list[Faces]
    share: list[Array]
    faces: Faces
    region: NDArray[np.uint8]

    def points(self, vertices: Array) -> Array:
        """The points for dressed vertices in any pose, (P, 3)."""
        out = normals(vertices, self.surface)
        on = np.einsum("pk,pka->pa", self.weights, vertices[self.corners])
        up = np.einsum("pk,pka->pa", self.weights, out[self.corners])
        points = on + self.lift[:, None] * up / np.linalg.norm(up, axis=1, keepdims=True)
        for edge, share in zip(self.edge, self.share, strict=True):
            new = points[edge[:, 0]] * (1 - share[:, None]) + points[edge[:, 1]] * share[:, None]
            points = np.concatenate([points, new])
        return points


def make_topology(wardrobe: Wardrobe) -> Topology:
    """Decimates the visible parts of the dressed mean figure and cuts the regions apart."""
    makehuman = wardrobe.makehuman
    vertices, _ = wardrobe.dress(wardrobe.mean, 0.016, 0.0)
    eyes = np.concatenate([triangles(makehuman.quads[f"helper-{side}-eye"]) for side in ("l", "r")])
    everything = np.concatenate([wardrobe.tights, wardrobe.body, eyes])
    visible = seen_from_outside(vertices, everything)
    _, body, eyes_seen = np.split(visible, np.cumsum([len(wardrobe.tights), len(wardrobe.body)]))
    hand = makehuman.share("wrist", "finger", "metacarpal")
    dressed = makehuman.share("spine", "breast", "clavicle", "shoulder", "upperarm", "lowerarm")
    bare = (dressed + wardrobe.leg + makehuman.share("root", "pelvis") < 0.75) | (hand > 0.25)
    near = np.zeros(len(vertices), bool)
    near[wardrobe.body[body & bare[wardrobe.body].any(axis=1)]] = True
    body_faces = wardrobe.body[near[wardrobe.body].any(axis=1)]
    on_hand = hand[body_faces].any(axis=1)
    parts = {
        "clothes": wardrobe.tights,
        "head": body_faces[~on_hand],
        "hands": body_faces[on_hand],
        "eyes": eyes[eyes_seen],
    }
    corners, weights, lift, faces, part_of = [], [], [], [], []
    count = 0
    for name, part in parts.items():
        used, local = np.unique(part, return_inverse=True)
        local = local.reshape(-1, 3)
        points, kept = fast_simplification.simplify(
            vertices[used].astype(np.float32), local.astype(np.int32), target_count=PART_FACES[name]
        )
        face, weight_ = nearest(vertices, part, points)
        corner = part[face]
        out = np.einsum("pk,pka->pa", weight_, normals(vertices, part)[corner])
        on = np.einsum("pk,pka->pa", weight_, vertices[corner])
        corners.append(corner)
        weights.append(weight_)
        lift.append(np.einsum("pa,pa->p", points - on, out / np.linalg.norm(out, axis=1)[:, None]))
        faces.append(kept.astype(np.int64) + count)
        part_of.append(np.full(len(kept), list(parts).index(name)))
        count += len(points)
    first = len(makehuman.weights)
    back = first + np.arange(len(wardrobe.ball))
    corners.append(np.repeat(back[:, None], 3, axis=1))
    weights.append(np.tile([1.0, 0.0, 0.0], (len(back), 1)))
    lift.append(np.zeros(len(back)))
    faces.append(wardrobe.ball_faces + count)
    part_of.append(np.full(len(wardrobe.ball_faces), len(parts)))
    surface = np.concatenate([*parts.values(), wardrobe.ball_faces + first])
    corner, weight_, face, part = map(np.concatenate, (corners, weights, faces, part_of))
    fields = wardrobe.hems(vertices[:first])
    fields["hair"] = wardrobe.fields["hair"]  # thick hair does not move the hairline
    return _cut_regions(
        wardrobe, fields, surface, corner, weight_, np.concatenate(lift), face, part
    )


def _cut_regions(
    wardrobe: Wardrobe,
    fields: dict[str, Array],
    surface: Faces,
    corners: Faces,
    weights: Array,
    lift: Array,
    faces: Faces,
    part: Faces,
) -> Topology:
    """Splits faces along hems and hairline, and names each face's region."""
    values = {
        name: np.einsum("pk,pk->p", weights, np.append(field, np.full(162, -1.0))[corners])
        for name, field in fields.items()
    }
    edges, shares = [], []
    brow = [name for name in fields if name.startswith("brow")]
    for name in ("hair", "ear", *brow, "collar", "hem", "arm", "sleeve", "knee", "cuff"):
        if name in brow:
            chosen = (part == 1) & (values["face"][faces] > 0).all(axis=1)
        else:
            chosen = part == (1 if name in ("hair", "ear") else 0)
        faces, part, edge, share = cut(faces, part, values[name], chosen)
        for key, value in values.items():
            new = value[edge[:, 0]] * (1 - share) + value[edge[:, 1]] * share
            values[key] = np.append(value, np.zeros(len(new)) if key == name else new)
        edges.append(edge)
        shares.append(share)
    at = {name: value[faces].mean(axis=1) for name, value in values.items()}
    clothes = part == 0
    sides = np.maximum(at.pop("brow, left end"), at.pop("brow, right end"))
    on_brow = np.all([sides > 0, *(at[name] > 0 for name in at if name in (*brow, "face"))], axis=0)
    hairy = ((at["hair"] > 0) & (at["ear"] < 0)) | on_brow
    region = np.select(
        [
            part == 4,
            part == 3,
            (part == 1) & hairy,
            ~clothes | (at["collar"] > 0),
            (at["arm"] > 0) & (at["sleeve"] > 0),
            at["arm"] > 0,
            at["hem"] < 0,
            at["knee"] < 0,
            at["cuff"] < 0,
        ],
        [
            REGIONS.index(n)
            for n in (
                "hair",
                "eyes",
                "hair",
                "skin",
                "forearm",
                "upper_arm",
                "upper",
                "lower",
                "shin",
            )
        ],
        REGIONS.index("shoes"),
    ).astype(np.uint8)
    return Topology(surface, corners, weights, lift, edges, shares, faces, region)


def cut(
    faces: Faces, part: Faces, value: Array, chosen: NDArray[np.bool_]
) -> tuple[Faces, Faces, Faces, Array]:
    """Splits the chosen faces where a per-vertex value changes sign.

    Returns the faces, their parts, and the new points: the edge each lies on and where on it.
    """
    above = value > 0
    split = chosen & (above[faces].any(axis=1) != above[faces].all(axis=1))
    new: dict[tuple[int, int], int] = {}
    made: list[list[int]] = []

    def between(a: int, b: int) -> int:
        return new.setdefault((min(a, b), max(a, b)), len(value) + len(new))

    for face in faces[split]:
        lone = int(np.flatnonzero(above[face] != (above[face].sum() >= 2))[0])
        a, b, c = (int(face[(lone + k) % 3]) for k in range(3))
        ab, ac = between(a, b), between(a, c)
        made += [[a, ab, ac], [ab, b, c], [ab, c, ac]]
    edge = np.array(list(new), np.int64).reshape(-1, 2)
    start, end = value[edge[:, 0]], value[edge[:, 1]]
    share = np.clip(start / (start - end), 0.02, 0.98)
    faces = np.concatenate([faces[~split], np.array(made, np.int64).reshape(-1, 3)])
    return faces, np.concatenate([part[~split], np.repeat(part[split], 3)]), edge, share
