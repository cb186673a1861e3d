"""A small path tracer: diffuse and coated surfaces, lamps, window light and sun, sampled directly.

The estimator is the usual one (J. T. Kajiya, The Rendering Equation, SIGGRAPH 1986): at every
diffuse hit one point of a light and the sun are connected to it by shadow rays.
"""
# ruff: noqa: PLR0912, PLR0915, PLR1714, SIM102 (a kernel is one function, and has no sets)

import numpy as np
import warp as wp

from demo_room.scene import GLOSS
from demo_room.textures import albedo, has_relief, relief, window_view

wp.set_module_options({"enable_backward": False})

LAMP = wp.constant(11)
WINDOW = wp.constant(12)
BOUNCES = wp.constant(6)


@wp.struct
class SceneData:
    """Everything a ray needs to know."""

    mesh: wp.uint64
    blockers: wp.uint64
    normals: wp.array(dtype=wp.vec3)
    local: wp.array(dtype=wp.vec3)
    material: wp.array(dtype=int)
    colour: wp.array(dtype=wp.vec3)
    emits: wp.array(dtype=float)
    coat: wp.array(dtype=wp.vec2)
    light_face: wp.array(dtype=int)
    light_chance: wp.array(dtype=float)
    light_sum: wp.array(dtype=float)
    points: wp.array(dtype=wp.vec3)
    sun: wp.vec3
    sun_light: wp.vec3


@wp.struct
class Surface:
    """A place that a ray has hit."""

    p: wp.vec3
    flat: wp.vec3
    normal: wp.vec3
    face: int
    kind: int
    local: wp.vec3


@wp.func
def surface(data: SceneData, face: int, u: float, v: float, ray: wp.vec3):
    """The place on a face, its normals turned towards the ray."""
    a = data.points[face * 3]
    b = data.points[face * 3 + 1]
    c = data.points[face * 3 + 2]
    w = 1.0 - u - v
    s = Surface()
    s.p = a * u + b * v + c * w
    flat = wp.normalize(wp.cross(b - a, c - a))
    if wp.dot(flat, ray) > 0.0:
        flat = -flat
    n = data.normals[face * 3] * u + data.normals[face * 3 + 1] * v + data.normals[face * 3 + 2] * w
    n = wp.normalize(n)
    if wp.dot(n, flat) < 0.0:
        n = -n
    la = data.local[face * 3]
    lb = data.local[face * 3 + 1]
    lc = data.local[face * 3 + 2]
    s.local = la * u + lb * v + lc * w
    s.kind = data.material[face]
    s.face = face
    s.flat = flat
    if has_relief(s.kind):
        # The relief's slope along two directions of the face tilts the normal.
        e1 = wp.normalize(b - a)
        e2 = wp.cross(flat, e1)
        m = wp.dot(b - a, e1)
        x = wp.dot(c - a, e1)
        y = wp.dot(c - a, e2)
        step = 0.0012
        l1 = (lb - la) / m
        l2 = ((lc - la) - l1 * x) / y
        h = relief(s.kind, s.local)
        d1 = (relief(s.kind, s.local + l1 * step) - h) / step
        d2 = (relief(s.kind, s.local + l2 * step) - h) / step
        n = wp.normalize(n - e1 * wp.clamp(d1, -1.0, 1.0) - e2 * wp.clamp(d2, -1.0, 1.0))
    s.normal = n
    return s


@wp.func
def around(n: wp.vec3, x: float, y: float, z: float):
    """The direction with coordinates x, y across n and z along it."""
    t = wp.vec3(1.0, 0.0, 0.0)
    if wp.abs(n[0]) > 0.7:
        t = wp.vec3(0.0, 1.0, 0.0)
    t = wp.normalize(t - n * wp.dot(t, n))
    return t * x + wp.cross(n, t) * y + n * z


@wp.func
def direct(data: SceneData, s: Surface, rng: wp.uint32):
    """Light that arrives straight from lamps, windows and the sun: irradiance over pi."""
    total = wp.vec3(0.0, 0.0, 0.0)
    start = s.p + s.flat * 2.0e-4
    # A point on a light, chosen by its power.
    pick = wp.lower_bound(data.light_sum, wp.randf(rng))
    pick = wp.min(pick, data.light_face.shape[0] - 1)
    face = data.light_face[pick]
    a = data.points[face * 3]
    b = data.points[face * 3 + 1]
    c = data.points[face * 3 + 2]
    r = wp.sqrt(wp.randf(rng))
    t = wp.randf(rng)
    q = a * (1.0 - r) + b * (r * (1.0 - t)) + c * (r * t)
    cross = wp.cross(b - a, c - a)
    area = 0.5 * wp.length(cross)
    away = q - start
    distance = wp.length(away)
    way = away / distance
    cos_here = wp.dot(way, s.normal)
    cos_there = wp.abs(wp.dot(way, cross)) / (2.0 * area)
    if cos_here > 0.0 and wp.dot(way, s.flat) > 0.0 and cos_there > 1.0e-4:
        blocked = wp.mesh_query_ray_anyhit(data.blockers, start, way, distance - 3.0e-3)
        if not blocked:
            radiance = data.colour[face] * data.emits[face]
            weight = cos_here * cos_there * area
            weight /= distance * distance * data.light_chance[pick] * 3.14159265
            total += radiance * weight
    # The sun, half a degree wide and a little softened.
    angle = 6.2831853 * wp.randf(rng)
    spread = 0.012 * wp.sqrt(wp.randf(rng))
    way = wp.normalize(around(data.sun, spread * wp.cos(angle), spread * wp.sin(angle), 1.0))
    cos_here = wp.dot(way, s.normal)
    if cos_here > 0.0 and wp.dot(way, s.flat) > 0.0:
        if not wp.mesh_query_ray_anyhit(data.blockers, start, way, 50.0):
            total += data.sun_light * cos_here
    return total


@wp.func
def shiny(n: wp.vec3, ray: wp.vec3, roughness: float, rng: wp.uint32):
    """A reflected direction, spread by the roughness (Phong lobe of about that width)."""
    mirror = ray - n * (2.0 * wp.dot(ray, n))
    z = wp.pow(wp.randf(rng), 1.0 / (1.0 + 2.0 / (roughness * roughness)))
    r = wp.sqrt(wp.max(0.0, 1.0 - z * z))
    angle = 6.2831853 * wp.randf(rng)
    return wp.normalize(around(wp.normalize(mirror), r * wp.cos(angle), r * wp.sin(angle), z))


@wp.kernel
def trace(
    data: SceneData,
    camera: wp.vec4,
    sine: float,
    cosine: float,
    eye: wp.vec3,
    width: int,
    samples: int,
    first_sample: int,
    diffuse: wp.array(dtype=wp.vec3),
    gloss: wp.array(dtype=wp.vec3),
    base: wp.array(dtype=wp.vec3),
    facing: wp.array(dtype=wp.vec3),
):
    """Adds samples to every pixel: diffuse light / reflectance, gloss, reflectance."""
    i = wp.tid()
    px = i % width
    py = i / width
    rng = wp.rand_init(first_sample * 7 + 11, py * width + px)
    for k in range(samples):
        # A stratified place in the pixel.
        cell = first_sample + k
        jx = (float(cell % 8) + wp.randf(rng)) / 8.0
        jy = (float((cell / 8) % 8) + wp.randf(rng)) / 8.0
        x = (float(px) + jx - camera[2]) / camera[0]
        y = (float(py) + jy - camera[3]) / camera[1]
        ray = wp.normalize(wp.vec3(x, -y * cosine - sine, cosine - y * sine))
        origin = eye
        weight = wp.vec3(1.0, 1.0, 1.0)
        light = wp.vec3(0.0, 0.0, 0.0)
        first = wp.vec3(1.0, 1.0, 1.0)
        is_gloss = wp.int32(0)
        sees_lamps = wp.int32(1)
        going = wp.int32(1)
        for bounce in range(BOUNCES):
            if going == 1:
                hit = wp.mesh_query_ray(data.mesh, origin, ray, 60.0)
                if not hit.result:
                    going = 0
                else:
                    s = surface(data, hit.face, hit.u, hit.v, ray)
                    tint = data.colour[hit.face]
                    if s.kind == LAMP or s.kind == WINDOW:
                        going = 0
                        shine = tint * data.emits[hit.face]
                        if bounce == 0:
                            # Seen straight, lamps and sky would be white: shown as film shows them.
                            if s.kind == WINDOW:
                                shine = window_view(s.local) * 1.5
                            else:
                                shine = tint * (0.9 + 0.9 * wp.abs(wp.dot(ray, s.normal)))
                            facing[py * width + px] += s.normal
                            gloss[py * width + px] += shine
                            base[py * width + px] += wp.vec3(1.0, 1.0, 1.0)
                        elif sees_lamps == 1:
                            light += wp.cw_mul(weight, shine)
                    else:
                        rho = wp.min(albedo(s.kind, s.local, tint), wp.vec3(0.92, 0.92, 0.92))
                        rho = wp.max(rho, wp.vec3(0.004, 0.004, 0.004))
                        coat = data.coat[s.kind]
                        c = 1.0 - wp.min(1.0, wp.abs(wp.dot(ray, s.normal)))
                        mirror = coat[0] + (1.0 - coat[0]) * c * c * c * c * c * (1.0 - coat[1])
                        if coat[0] == 0.0:
                            mirror = 0.0
                        if bounce == 0:
                            base[py * width + px] += rho
                            facing[py * width + px] += s.normal
                        origin = s.p + s.flat * 2.0e-4
                        if wp.randf(rng) < mirror:
                            ray = shiny(s.normal, ray, coat[1], rng)
                            if s.kind == 10:
                                weight = wp.cw_mul(weight, tint)
                            if wp.dot(ray, s.flat) <= 0.0:
                                going = 0
                            if bounce == 0:
                                is_gloss = 1
                            sees_lamps = 1
                        else:
                            if bounce == 0:
                                first = rho
                            weight = wp.cw_mul(weight, rho)
                            light += wp.cw_mul(weight, direct(data, s, rng))
                            u = wp.randf(rng)
                            angle = 6.2831853 * wp.randf(rng)
                            r = wp.sqrt(u)
                            ray = around(
                                s.normal, r * wp.cos(angle), r * wp.sin(angle), wp.sqrt(1.0 - u)
                            )
                            if wp.dot(ray, s.flat) <= 0.0:
                                going = 0
                            sees_lamps = 0
                            if bounce > 1:
                                stay = wp.min(0.9, wp.max(weight[0], wp.max(weight[1], weight[2])))
                                if wp.randf(rng) > stay:
                                    going = 0
                                else:
                                    weight = weight / stay
        # One very bright path should not leave a speck.
        most = wp.max(light[0], wp.max(light[1], light[2]))
        if most > 12.0:
            light = light * (12.0 / most)
        if is_gloss == 1:
            gloss[py * width + px] += light
        else:
            diffuse[py * width + px] += wp.cw_div(light, first)


@wp.kernel
def cast_pixels(
    mesh: wp.uint64,
    origin: wp.vec3,
    rays: wp.array(dtype=wp.vec3),
    face: wp.array(dtype=int),
):
    """The face that each ray meets first, -1 for none."""
    i = wp.tid()
    hit = wp.mesh_query_ray(mesh, origin, rays[i], 60.0)
    face[i] = -1
    if hit.result:
        face[i] = hit.face


class Tracer:
    """Holds a scene in Warp's arrays. See `Scene.arrays` for the input."""

    def __init__(self, arrays, sun, sun_light):
        self.arrays = arrays
        vertices = arrays["vertices"].astype(np.float32)
        emits = arrays["emits"]
        index = np.arange(len(vertices), dtype=np.int32)
        self.mesh = wp.Mesh(wp.array(vertices, dtype=wp.vec3), wp.array(index, dtype=int))
        panes = np.repeat(arrays["material"] == 12, 3)
        self.blockers = wp.Mesh(
            wp.array(vertices, dtype=wp.vec3), wp.array(index[~panes], dtype=int)
        )
        data = SceneData()
        data.mesh, data.blockers = self.mesh.id, self.blockers.id
        data.points = self.mesh.points
        data.normals = wp.array(arrays["normals"].astype(np.float32), dtype=wp.vec3)
        data.local = wp.array(arrays["local"].astype(np.float32), dtype=wp.vec3)
        data.material = wp.array(arrays["material"].astype(np.int32), dtype=int)
        data.colour = wp.array(arrays["colour"].astype(np.float32), dtype=wp.vec3)
        data.emits = wp.array(emits.astype(np.float32), dtype=float)
        data.coat = wp.array([GLOSS[k] for k in sorted(GLOSS)], dtype=wp.vec2)
        faces = np.flatnonzero(emits > 0)
        corner = vertices.reshape(-1, 3, 3)[faces]
        area = np.linalg.norm(
            np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1
        )
        power = area * emits[faces] * arrays["colour"][faces].mean(axis=1)
        chance = power / power.sum()
        data.light_face = wp.array(faces.astype(np.int32), dtype=int)
        data.light_chance = wp.array(chance.astype(np.float32), dtype=float)
        data.light_sum = wp.array(np.cumsum(chance).astype(np.float32), dtype=float)
        data.sun = wp.vec3(*(np.asarray(sun) / np.linalg.norm(sun)))
        data.sun_light = wp.vec3(*sun_light)
        self.data = data
