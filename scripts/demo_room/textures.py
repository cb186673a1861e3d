"""What the materials look like: reflectance and relief as functions of place, for Warp kernels.

`p` is a place in the shape's own coordinates, metres (leaves: along and across, 0..1 and -1..1).
"""
# ruff: noqa: PLR0911, PLR1714 (Warp has no sets, and a texture is a list of cases)

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def hashed(n: int):
    """A number in [0, 1) that looks random."""
    return wp.randf(wp.rand_init(7919, n))


@wp.func
def fbm(p: wp.vec3, octaves: int):
    """Fractal noise, about -1 to 1."""
    state = wp.rand_init(42)
    total = wp.float32(0.0)
    size = wp.float32(0.6)
    scale = wp.float32(1.0)
    for _ in range(octaves):
        total += size * wp.noise(state, p * scale)
        scale *= 2.03
        size *= 0.55
    return total


@wp.func
def blend(a: wp.vec3, b: wp.vec3, t: float):
    """A where t is 0, b where it is 1."""
    s = wp.clamp(t, 0.0, 1.0)
    return a * (1.0 - s) + b * s


@wp.func
def smoothly(low: float, high: float, x: float):
    """0 below low, 1 above high."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def wood_grain(p: wp.vec3):
    """Growth rings and fibres along x, about 0 to 1."""
    warp_ = fbm(wp.vec3(p[0] * 0.9, p[1] * 5.0, p[2] * 5.0), 3)
    rings = wp.sin((p[1] * 34.0 + p[2] * 47.0) + warp_ * 7.0 + p[0] * 0.8)
    fibre = fbm(wp.vec3(p[0] * 5.0, p[1] * 190.0, p[2] * 190.0), 2)
    return 0.5 + 0.28 * rings + 0.45 * fibre


@wp.func
def wood(p: wp.vec3, colour: wp.vec3):
    """Planed wood."""
    g = wp.clamp(wood_grain(p), 0.0, 1.0)
    dark = wp.cw_mul(colour, wp.vec3(0.62, 0.52, 0.43))
    return blend(dark, colour * 1.12, g)


@wp.func
def floor(p: wp.vec3, colour: wp.vec3):
    """Oak boards that run along y (of the floor's own coordinates)."""
    width = 0.155
    across = p[0] / width
    row = int(wp.floor(across))
    shift = hashed(row * 3 + 5) * 1.9
    along = (p[1] + shift) / 1.9
    piece = int(wp.floor(along))
    key = row * 131 + piece * 17
    tone = hashed(key)
    place = wp.vec3(p[1] + hashed(key + 1) * 40.0, p[0] + hashed(key + 2) * 9.0, hashed(key + 3))
    warp_ = fbm(wp.vec3(place[0] * 0.8, place[1] * 4.0, place[2] * 10.0), 3)
    rings = wp.sin(place[1] * 60.0 + warp_ * 9.0)
    fibre = fbm(wp.vec3(place[0] * 4.0, place[1] * 170.0, place[2]), 3)
    g = wp.clamp(0.52 + 0.2 * rings + 0.5 * fibre, 0.0, 1.0)
    light = blend(colour, wp.cw_mul(colour, wp.vec3(1.16, 1.08, 0.96)), hashed(key + 4))
    light = light * (0.74 + 0.44 * tone)
    shade = blend(wp.cw_mul(light, wp.vec3(0.62, 0.52, 0.43)), light * 1.1, g)
    fx = across - wp.floor(across)
    fy = along - wp.floor(along)
    edge = wp.min(wp.min(fx, 1.0 - fx) * width, wp.min(fy, 1.0 - fy) * 1.9)
    return shade * (0.35 + 0.65 * smoothly(0.0006, 0.0026, edge))


@wp.func
def brick_height(p: wp.vec3):
    """0 in the mortar, 1 on a brick."""
    wobble = 0.0025 * fbm(p * 9.0, 2)
    v = (p[1] + wobble) / 0.075
    row = wp.floor(v)
    u = (p[0] + wobble) / 0.24 + 0.5 * (row - 2.0 * wp.floor(row * 0.5))
    fu = (u - wp.floor(u)) * 0.24
    fv = (v - row) * 0.075
    edge = wp.min(wp.min(fu, 0.24 - fu), wp.min(fv, 0.075 - fv))
    return smoothly(0.003, 0.0085, edge)


@wp.func
def brick(p: wp.vec3, colour: wp.vec3):
    """Old bricks in a running bond, some of them paler."""
    v = p[1] / 0.075
    row = wp.floor(v)
    u = p[0] / 0.24 + 0.5 * (row - 2.0 * wp.floor(row * 0.5))
    key = int(row) * 57 + int(wp.floor(u))
    tone = 0.62 + 0.62 * hashed(key)
    warm = wp.cw_mul(
        colour, wp.vec3(1.0, 0.82 + 0.34 * hashed(key + 9), 0.78 + 0.4 * hashed(key + 9))
    )
    face = warm * tone * (1.0 + 0.35 * fbm(p * 42.0, 3))
    wash = smoothly(0.02, 0.55, fbm(p * 2.1, 4) + 0.15)
    pale = wp.vec3(0.66, 0.6, 0.53)
    face = blend(face, pale, 0.4 * wash)
    mortar = wp.vec3(0.5, 0.46, 0.4) * (1.0 + 0.2 * fbm(p * 60.0, 2))
    return blend(mortar, face, brick_height(p))


@wp.func
def rug(p: wp.vec3, colour: wp.vec3):
    """A woven rug 2.0 x 2.9 m: a medallion in a field of small motifs within three borders."""
    red = wp.vec3(0.27, 0.05, 0.04)
    navy = wp.vec3(0.035, 0.055, 0.12)
    cream = wp.vec3(0.52, 0.43, 0.31)
    gold = wp.vec3(0.5, 0.3, 0.1)
    x = wp.abs(p[0] - 1.0)
    z = wp.abs(p[1] - 1.45)
    rim = wp.min(1.0 - x, 1.45 - z)
    # The field: a lattice of lozenges.
    a = wp.sin((x + z) * 26.0)
    b = wp.sin((x - z) * 26.0)
    motif = a * b
    field = blend(red, gold, smoothly(0.62, 0.74, motif) * 0.6)
    field = blend(field, navy, smoothly(0.62, 0.74, -motif) * 0.9)
    # The medallion: nested diamonds with scalloped edges.
    d = x / 0.5 + z / 0.86
    d += 0.05 * wp.cos(wp.atan2(z, x * 1.7) * 24.0)
    field = blend(field, navy, smoothly(1.02, 1.0, d))
    field = blend(field, cream, smoothly(0.95, 0.93, d))
    field = blend(field, red, smoothly(0.87, 0.85, d))
    lace = wp.sin(x * 55.0) * wp.sin(z * 55.0)
    field = blend(
        field, blend(red, cream, smoothly(0.35, 0.5, lace) * 0.75), smoothly(0.85, 0.83, d)
    )
    field = blend(field, navy, smoothly(0.5, 0.48, d))
    field = blend(field, gold, smoothly(0.4, 0.38, d))
    field = blend(field, red, smoothly(0.32, 0.3, d))
    field = blend(field, cream, smoothly(0.12, 0.1, d))
    # The borders.
    run = x
    if 1.0 - x < 1.45 - z:
        run = z
    teeth = 0.5 + 0.5 * wp.sin(run * 72.0)
    # A vine with blossoms on both of its sides.
    vine = (rim - 0.136) - 0.028 * wp.sin(run * 21.0)
    blossom = wp.length(
        wp.vec2(wp.sin(run * 10.5) * 0.1, (rim - 0.136) * 1.4 - 0.03 * wp.sin(run * 21.0))
    )
    border = blend(navy, gold, smoothly(0.007, 0.005, wp.abs(vine)))
    border = blend(border, red, smoothly(0.034, 0.031, blossom))
    border = blend(border, cream, smoothly(0.019, 0.016, blossom))
    result = field
    result = blend(result, cream, smoothly(0.225, 0.222, rim))
    result = blend(result, border, smoothly(0.205, 0.202, rim))
    result = blend(result, gold, smoothly(0.068, 0.065, rim))
    result = blend(
        result, blend(red, cream, smoothly(0.4, 0.6, teeth)), smoothly(0.055, 0.052, rim)
    )
    result = blend(result, navy, smoothly(0.028, 0.025, rim))
    weave = wp.sin(p[0] * 900.0) * wp.sin(p[1] * 900.0)
    worn = 1.0 + 0.16 * fbm(p * 3.0, 3) + 0.12 * fbm(p * 60.0, 2) + 0.06 * weave
    return result * worn


@wp.func
def painting(p: wp.vec3, colour: wp.vec3):
    """Hills at sunset; colour[0] picks the picture, p[0] and p[1] are 0..1 across and up."""
    kind = int(colour[0] * 10.0 + 0.5)
    u = p[0]
    v = p[1]
    seed = float(kind) * 7.3
    sky = blend(wp.vec3(0.85, 0.5, 0.22), wp.vec3(0.24, 0.36, 0.46), smoothly(0.35, 1.0, v))
    if kind == 2:
        sky = blend(wp.vec3(0.8, 0.72, 0.55), wp.vec3(0.3, 0.45, 0.5), smoothly(0.3, 1.0, v))
    if kind == 3:
        sky = blend(wp.vec3(0.72, 0.62, 0.5), wp.vec3(0.62, 0.5, 0.4), v)
    sky = sky * (1.0 + 0.25 * fbm(wp.vec3(u * 2.0, v * 7.0, seed), 4))
    sun = wp.length(wp.vec2((u - 0.66) * 1.5, v - 0.62))
    result = blend(sky, wp.vec3(0.95, 0.75, 0.42), smoothly(0.105, 0.09, sun))
    for k in range(5):
        f = float(k)
        ridge = (
            0.52 - 0.1 * f + 0.16 * fbm(wp.vec3(u * (1.3 + 0.5 * f) + seed + f * 5.1, f, seed), 4)
        )
        tint = blend(wp.vec3(0.45, 0.33, 0.3), wp.vec3(0.035, 0.075, 0.075), f / 4.0)
        if kind == 2:
            tint = blend(wp.vec3(0.4, 0.46, 0.4), wp.vec3(0.05, 0.1, 0.05), f / 4.0)
        if kind == 3:
            tint = blend(wp.vec3(0.6, 0.25, 0.13), wp.vec3(0.1, 0.04, 0.04), f / 4.0)
        tint = tint * (1.0 + 0.3 * fbm(wp.vec3(u * 18.0, v * 18.0, seed + f), 3))
        result = blend(result, tint, smoothly(ridge + 0.004, ridge - 0.004, v))
    return result


@wp.func
def window_view(p: wp.vec3):
    """Radiance, before scaling, of the sky above far trees; p is metres on the pane."""
    sky = blend(wp.vec3(1.0, 0.94, 0.83), wp.vec3(0.7, 0.85, 1.0), smoothly(0.3, 1.7, p[1]))
    trees = fbm(wp.vec3(p[0] * 1.6, p[1] * 1.6, 4.0), 3)
    crown = smoothly(0.14, -0.1, p[1] - 0.62 - 0.42 * trees)
    green = blend(wp.vec3(0.16, 0.24, 0.08), wp.vec3(0.5, 0.58, 0.24), 0.5 + 0.8 * trees)
    return blend(sky, green, 0.9 * crown)


@wp.func
def albedo(kind: int, p: wp.vec3, colour: wp.vec3):
    """Diffuse reflectance."""
    if kind == 1:
        return floor(p, colour)
    if kind == 2:
        return wood(p, colour)
    if kind == 3:
        return colour * (1.0 + 0.035 * fbm(p * 1.3, 3) + 0.03 * fbm(p * 14.0, 2))
    if kind == 4:
        return brick(p, colour)
    if kind == 5:
        return rug(p, colour)
    if kind == 6:
        weave = wp.sin(p[0] * 520.0) * wp.sin(p[1] * 520.0 + p[2] * 520.0)
        return colour * (1.0 + 0.1 * fbm(p * 5.0, 3) + 0.14 * fbm(p * 90.0, 2) + 0.07 * weave)
    if kind == 7:
        rib = smoothly(0.10, 0.03, wp.abs(p[1]))
        side = wp.abs(wp.sin(p[0] * 24.0 - wp.abs(p[1]) * 5.0))
        vein = wp.max(rib, 0.5 * smoothly(0.14, 0.0, side))
        return blend(colour, colour * 1.9 + wp.vec3(0.02, 0.03, 0.01), 0.55 * vein)
    if kind == 8:
        return painting(p, colour)
    if kind == 9:
        return colour * (1.0 + 0.1 * fbm(p * 20.0, 3))
    if kind == 13:
        return colour * (1.0 + 0.22 * fbm(p * 30.0, 3))
    return colour


@wp.func
def relief(kind: int, p: wp.vec3):
    """Height of the surface in metres."""
    if kind == 3:
        return 0.0011 * fbm(p * 9.0, 3) + 0.0004 * fbm(p * 55.0, 2)
    if kind == 4:
        return 0.007 * brick_height(p) + 0.0022 * fbm(p * 45.0, 3)
    if kind == 5:
        return 0.0012 * fbm(p * 110.0, 2)
    if kind == 6:
        return 0.0011 * fbm(p * 130.0, 2) + 0.004 * fbm(p * 6.0, 2)
    if kind == 13:
        return 0.0005 * fbm(p * 150.0, 2)
    if kind == 8:
        return 0.0006 * fbm(p * 45.0, 2)
    return 0.0


@wp.func
def has_relief(kind: int):
    """Whether `relief` varies."""
    return kind == 3 or kind == 4 or kind == 5 or kind == 6 or kind == 8 or kind == 13
