"""Small operations on triangle meshes."""

from __future__ import annotations

import numpy as np
import trimesh
import warp as wp
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


def triangles(quads: Faces) -> Faces:
    """Each quad as two triangles."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def normals(vertices: Array, faces: Faces) -> Array:
    """Area-weighted vertex normals, (V, 3), zero where a vertex has no face."""
    corner = vertices[faces]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, faces[:, k], face)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def smoothed(vertices: Array, faces: Faces, rounds: int) -> Array:
    """Vertices smoothed without shrinking (Taubin, ICCV 1995); open edges stay."""
    pairs = np.unique(_edges(faces), axis=0)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    count = np.bincount(pairs[:, 0], minlength=len(vertices))[:, None]
    moves = count[:, 0] > 0
    moves[boundary(faces)] = False
    result = vertices.copy()
    for step in (0.5, -0.53) * rounds:
        total = np.zeros_like(vertices)
        np.add.at(total, pairs[:, 0], result[pairs[:, 1]])
        result[moves] += step * (total[moves] / count[moves] - result[moves])
    return result


def smoothstep(x: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _edges(faces: Faces) -> Faces:
    """Both ends of every face's edges, the smaller index first, (3F, 2)."""
    return np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)


def boundary(faces: Faces) -> Faces:
    """The vertices on open edges."""
    unique, count = np.unique(_edges(faces), axis=0, return_counts=True)
    return np.unique(unique[count == 1])


def icosphere() -> tuple[Array, Faces]:
    """A sphere of 162 vertices."""
    sphere = trimesh.creation.icosphere(subdivisions=2)
    return np.asarray(sphere.vertices), np.asarray(sphere.faces, np.int64)


@wp.kernel
def _count_escapes(
    mesh: wp.uint64,
    origins: wp.array(dtype=wp.vec3),
    normals_: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    escapes: wp.array(dtype=int),
):
    face = wp.tid()
    count = wp.int32(0)
    for k in range(directions.shape[0]):
        if wp.dot(directions[k], normals_[face]) > 0.0:
            hit = wp.mesh_query_ray(mesh, origins[face], directions[k], 10.0)
            if not hit.result:
                count += 1
    escapes[face] = count


@wp.kernel
def _nearest(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    face: wp.array(dtype=int),
    weight: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    query = wp.mesh_query_point_no_sign(mesh, points[i], 1.0)
    face[i] = query.face
    weight[i] = wp.vec3(query.u, query.v, 1.0 - query.u - query.v)


def _warp_mesh(vertices: Array, faces: Faces, winding_number: bool = False) -> wp.Mesh:
    return wp.Mesh(
        _vec3(vertices),
        wp.array(faces.astype(np.int32).ravel(), dtype=wp.int32),
        support_winding_number=winding_number,
    )


def _vec3(rows: Array) -> wp.array:
    return wp.array(np.ascontiguousarray(rows, np.float32), dtype=wp.vec3)


def nearest(vertices: Array, faces: Faces, points: Array) -> tuple[Faces, Array]:
    """The mesh's nearest point to each of (P, 3) points: its face (P,) and weights (P, 3)."""
    face = wp.zeros(len(points), dtype=int)
    weight = wp.zeros(len(points), dtype=wp.vec3)
    mesh = _warp_mesh(vertices, faces)
    wp.launch(_nearest, len(points), [mesh.id, _vec3(points), face, weight])
    return face.numpy().astype(np.int64), weight.numpy().astype(float)


def seen_from_outside(vertices: Array, faces: Faces) -> NDArray[np.bool_]:
    """(F,) whether enough rays from a face's middle reach the outside."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    k = np.arange(256)
    up = 1 - (2 * k + 1) / 256
    turn = k * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - up**2)
    directions = np.stack([flat * np.cos(turn), up, flat * np.sin(turn)], axis=1)
    escapes = wp.zeros(len(faces), dtype=int)
    mesh = _warp_mesh(vertices, faces)
    origins = _vec3(corner.mean(axis=1) + 1e-4 * normal)
    wp.launch(
        _count_escapes,
        len(faces),
        [mesh.id, origins, _vec3(normal), _vec3(directions), escapes],
    )
    return escapes.numpy() >= 4


@wp.kernel
def _depth_inside(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    depth: wp.array(dtype=float),
    way_out: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    query = wp.mesh_query_point_sign_winding_number(mesh, points[i], 1.0, 2.0, 0.5)
    step = wp.mesh_eval_position(mesh, query.face, query.u, query.v) - points[i]
    depth[i] = -query.sign * wp.length(step)
    way_out[i] = wp.normalize(step)


def depth_inside(vertices: Array, faces: Faces, probes: Faces) -> tuple[Array, Array]:
    """How deep each probed vertex is inside a nearly closed mesh, (P,), and its way out, (P, 3).

    Negative outside. The inside is where the winding number exceeds one half.
    """
    mesh = _warp_mesh(vertices, faces, winding_number=True)
    depth = wp.zeros(len(probes), dtype=float)
    way_out = wp.zeros(len(probes), dtype=wp.vec3)
    wp.launch(_depth_inside, len(probes), [mesh.id, _vec3(vertices[probes]), depth, way_out])
    return depth.numpy().astype(float), way_out.numpy().astype(float)
