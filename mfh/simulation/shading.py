"""Drawing figures into a photo so that they look as if they stood there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from mfh.camera import backproject, crop_intrinsics, resize_intrinsics
from mfh.masks import window_of
from mfh.records import Intrinsics
from mfh.rendering.warp_backend import cast
from mfh.simulation.figures import Figure
from mfh.simulation.floor import Floor
from mfh.simulation.noise import smooth_field
from mfh.simulation.srgb import to_linear, to_srgb

_SAMPLES = 2
"""Rays across a pixel, for smooth outlines."""
_SCENE_ALBEDO = 0.3
"""What scenes reflect on average; tells how strong the light in a photo is."""
_STRENGTH = (0.3, 1.3)
_KEY, _AMBIENT = 0.8, 0.5
_WRAP = 0.35
"""How far round a surface the key light reaches, as that of windows and lamps does."""
_FOLDS = 0.05
_SHADOW_CELL_M = 0.03
_SHADOWS = ((0.12, 0.05, 0.7), (1.3, 0.15, 0.55))
"""Contact and soft shadow: up to which height bodies cast it, its blur in m, its darkness."""
_ON_FLOOR_M = 0.15
_FADING = 0.06
"""How far from the strip's edge shadows reach their strength, as a fraction of the image."""
_LINEAR = to_linear(np.arange(256) / 255).astype(np.float32)
"""Linear light of the 256 sRGB levels."""


@dataclass(frozen=True, eq=False)
class Light:
    """The light of a photo.

    direction: (3,) unit vector towards the key light, camera frame.
    colour: (3,) linear RGB of a white surface in full light.
    grain: (3,) standard deviation of the photo's noise, in 8-bit units.
    """

    direction: NDArray[np.float64]
    colour: NDArray[np.float64]
    grain: NDArray[np.float64]


def light_of(image: NDArray[np.uint8], floor: Floor) -> Light:
    """Guess the light of a photo (H, W, 3): its strength and tint, and from which side it comes."""
    linear = _LINEAR[image]
    grey = linear.mean(axis=2)
    # Black borders and burnt-out windows say nothing about the light that falls on people.
    counted = (grey > 0.004) & (grey < 0.9)
    mean = (linear[counted] if counted.any() else linear.reshape(-1, 3)).mean(axis=0) + 1e-3
    tint = np.sqrt(np.clip(mean / mean.mean(), 0.6, 1.6))
    strength = np.clip(mean.mean() / _SCENE_ALBEDO, *_STRENGTH)

    half = image.shape[1] // 2
    left, right = float(grey[:, :half].mean()), float(grey[:, half:].mean())
    side = np.clip((right - left) / (right + left + 1e-6), -0.5, 0.5)
    to_right, forward = floor.ground_axes
    direction = (side + np.copysign(0.35, side)) * to_right - 0.6 * forward + 0.9 * floor.up
    detail = image - gaussian_filter(image.astype(np.float32), (1, 1, 0))
    # A quarter of normal noise is within 0.32 standard deviations; texture raises the rest.
    smoothest = np.abs(detail[counted]) if counted.any() else np.abs(detail).reshape(-1, 3)
    grain = np.percentile(smoothest, 25, axis=0) / 0.32
    return Light(direction / np.linalg.norm(direction), strength * tint, grain)


def draw(
    image: NDArray[np.uint8],
    figures: Sequence[Figure],
    strip: NDArray[np.bool_],
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
    floor: Floor,
    light: Light,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw figures and their shadows into a photo (H, W, 3); outside the strip it stays as it is.

    strip: (H, W) bool; depth_m: (H, W) dense depth of the photo, which hides what is behind it.
    """
    # One pixel more than the strip, so that its edges are seen as such.
    near_strip = window_of(strip, margin_px=1)
    strip, image_there, depth_there = strip[near_strip], image[near_strip], depth_m[near_strip]
    camera = _cropped(camera, near_strip)

    shade = _shadows(figures, depth_there, camera, floor, light)
    if not strip.all():
        # A shadow that ended at the strip's edge would show where it is.
        shade *= (distance_transform_edt(strip) / (_FADING * max(image.shape))).clip(0, 1)
    canvas = _LINEAR[image_there] * (1 - shade[..., None])

    silhouettes = np.any([figure.silhouette[near_strip] for figure in figures], axis=0)
    window = window_of(silhouettes, margin_px=2)
    reach_m = np.where(strip, depth_there, 0)[window]
    colour, alpha = _rendered(figures, reach_m, _cropped(camera, window), floor, light)
    folds = 1 + _FOLDS * smooth_field(alpha.shape, max(2.0, alpha.shape[0] / 40), rng)
    canvas[window] = canvas[window] * (1 - alpha[..., None]) + colour * folds[..., None]
    drawn = 255 * to_srgb(canvas)
    drawn[window] += alpha[..., None] * rng.standard_normal((*alpha.shape, 3)) * light.grain

    painted: NDArray[np.uint8] = image.copy()
    painted[near_strip][strip] = np.rint(drawn.clip(0, 255)).astype(np.uint8)[strip]
    return painted


def _rendered(
    figures: Sequence[Figure],
    reach_m: NDArray[np.float32],
    camera: Intrinsics,
    floor: Floor,
    light: Light,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give colour (H, W, 3), premultiplied and linear, and coverage (H, W) of figures.

    reach_m: (H, W), how far each pixel sees before something hides what is behind.
    """
    rays = resize_intrinsics(camera, _SAMPLES * camera.height, _SAMPLES * camera.width)
    nearest_m = reach_m.repeat(_SAMPLES, axis=0).repeat(_SAMPLES, axis=1)
    colour = np.zeros((*nearest_m.shape, 3), np.float32)
    covered = np.zeros(nearest_m.shape, np.bool_)
    for figure in figures:
        hits = cast(figure.vertices_m[None], figure.faces, rays, device="cpu")
        with np.errstate(invalid="ignore"):
            shown = hits.depth_m[0] < nearest_m
        face, weights = hits.face[0][shown], hits.barycentric[0][shown]
        weights = np.column_stack([weights, 1 - weights.sum(axis=1)])
        corners = _vertex_normals(figure)[figure.faces[face]]
        normals = np.einsum("nc,ncj->nj", weights, corners)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        colour[shown] = figure.face_colour[face] * _lit(normals, floor, light)
        nearest_m[shown] = hits.depth_m[0][shown]
        covered |= shown
    blocks = (camera.height, _SAMPLES, camera.width, _SAMPLES)
    return (
        colour.reshape(*blocks, 3).mean(axis=(1, 3)),
        covered.reshape(blocks).mean(axis=(1, 3), dtype=np.float32),
    )


def _lit(normals: NDArray[np.floating], floor: Floor, light: Light) -> NDArray[np.float32]:
    """Light (M, 3) that surfaces with these normals (M, 3) reflect per albedo."""
    key = np.maximum(0, (normals @ light.direction + _WRAP) / (1 + _WRAP))
    sky = 0.65 + 0.35 * (normals @ floor.up)
    return np.asarray((_KEY * key + _AMBIENT * sky)[:, None] * light.colour, np.float32)


def _vertex_normals(figure: Figure) -> NDArray[np.float32]:
    """Unit normals (V, 3) that face outwards, averaged over the faces around each vertex."""
    first, second, third = (figure.vertices_m[figure.faces[:, i]] for i in range(3))
    of_face = np.cross(second - first, third - first)
    normals = np.zeros_like(figure.vertices_m)
    for corner in range(3):
        np.add.at(normals, figure.faces[:, corner], of_face)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    # Six times the signed volume tells which way the faces are wound.
    outwards = np.sign((first * of_face).sum())
    return np.asarray(outwards * normals)


def _shadows(
    figures: Sequence[Figure],
    depth_m: NDArray[np.float32],
    camera: Intrinsics,
    floor: Floor,
    light: Light,
) -> NDArray[np.float64]:
    """Give the share (H, W) of the light that the figures keep from the floor."""
    shade = np.zeros(depth_m.shape)
    points_m = backproject(depth_m, camera)
    on_floor = np.abs(floor.height_m(points_m)) < _ON_FLOOR_M + 0.01 * depth_m
    axes = floor.ground_axes
    ground = points_m[on_floor] @ axes.T
    # How far a shadow falls beside what casts it, per metre of height.
    fall = -(axes @ light.direction) / (floor.up @ light.direction)
    for highest_m, blur_m, darkness in _SHADOWS:
        cast_at = []
        for figure in figures:
            height_m = floor.height_m(figure.vertices_m)
            low = height_m < highest_m
            cast_at.append(figure.vertices_m[low] @ axes.T + height_m[low, None] * fall)
        cover = _density(np.concatenate(cast_at), ground, blur_m)
        shade[on_floor] += (1 - shade[on_floor]) * darkness * cover
    return shade


def _density(
    cast_at: NDArray[np.floating], ground: NDArray[np.floating], blur_m: float
) -> NDArray[np.float64]:
    """Blur points (M, 2) of the ground into cover in [0, 1], and look it up elsewhere (K, 2)."""
    if not len(cast_at):
        return np.zeros(len(ground))
    origin = cast_at.min(axis=0) - 4 * blur_m
    cells = np.ceil((cast_at.max(axis=0) + 4 * blur_m - origin) / _SHADOW_CELL_M).astype(int) + 1
    cover = np.zeros(cells)
    index = ((cast_at - origin) / _SHADOW_CELL_M).astype(int)
    cover[tuple(index.T)] = 1
    cover = gaussian_filter(cover, blur_m / _SHADOW_CELL_M)
    cover /= cover.max()
    return np.asarray(
        map_coordinates(cover, ((ground - origin) / _SHADOW_CELL_M - 0.5).T, order=1, cval=0.0)
    )


def _cropped(camera: Intrinsics, window: tuple[slice, slice]) -> Intrinsics:
    rows, columns = window
    size_px = rows.stop - rows.start, columns.stop - columns.start
    return crop_intrinsics(camera, rows.start, columns.start, *size_px)
