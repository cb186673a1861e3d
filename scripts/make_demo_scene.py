"""Make the demo scene: a rendered room with its exact depth and its camera.

Run from the repository root, with nothing but the project installed:

    python scripts/make_demo_scene.py            # about ten minutes on one core

It writes `demo_photo.png`, `demo_depth.png` and `demo_camera.json` into `mfh/simulation/data`,
which `mfh/simulation/demo_scene.py` reads. Everything is modelled and textured by code, so the
result belongs to the project alone; seeds are fixed. The steps are in `scripts/demo_room/`.

The photo is path traced with several hundred samples a pixel and denoised. The depth is that of
the rays through the pixels' centres, found from the triangles in double precision and stored in
16-bit steps of an eighth of a millimetre.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import warp as wp
from demo_room.denoise import denoise
from demo_room.room import SUN, SUN_LIGHT, make_room
from demo_room.tracer import Tracer, cast_pixels, trace
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]

OUTPUT = Path(__file__).parents[1] / "mfh" / "simulation" / "data"
SEED = 7
WIDTH, HEIGHT = 640, 480
FOCAL_PX, CX_PX, CY_PX = 540.0, 322.5, 236.5
EYE_M = (0.0, 1.5, 0.0)
PITCH_DEG = 8.5  # downwards
STEPS_PER_M = 8000
BATCHES = 16
WHITE_BALANCE = np.array([0.97, 1.0, 1.07])


def camera_axes() -> Array:
    """Rows: right, down and forward of the camera in the room's axes."""
    sine, cosine = np.sin(np.radians(PITCH_DEG)), np.cos(np.radians(PITCH_DEG))
    return np.array([[1, 0, 0], [0, -cosine, -sine], [0, -sine, cosine]])


def pixel_rays(scale: float) -> Array:
    """Rays through the pixels' centres with z = 1 in the camera frame, in room axes, (H, W, 3)."""
    width, height = round(WIDTH * scale), round(HEIGHT * scale)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack(
        [
            (x / scale - CX_PX) / FOCAL_PX,
            (y / scale - CY_PX) / FOCAL_PX,
            np.ones_like(x),
        ],
        axis=-1,
    )
    return rays @ camera_axes()


def exact_depth(tracer: Tracer, rays: Array) -> Array:
    """Depth z in the camera frame of each ray's first surface, (H, W), in metres."""
    flat = rays.reshape(-1, 3)
    face = wp.zeros(len(flat), dtype=int)
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    wp.launch(
        cast_pixels,
        len(flat),
        [tracer.mesh.id, wp.vec3(*EYE_M), wp.array(unit.astype(np.float32), dtype=wp.vec3), face],
    )
    hit = face.numpy()
    if (hit < 0).any():
        raise RuntimeError(f"{(hit < 0).sum()} rays leave the room")
    corner = tracer.arrays["vertices"].reshape(-1, 3, 3)[hit]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    # The ray is eye + depth * ray, because every ray has z = 1 in the camera frame.
    toward = np.einsum("na,na->n", corner[:, 0] - np.array(EYE_M), normal)
    return (toward / np.einsum("na,na->n", flat, normal)).reshape(rays.shape[:2])


def render(tracer: Tracer, scale: float, samples: int) -> dict[str, Array]:
    """Mean and variance of the mean of diffuse light and gloss, and mean reflectance and normal."""
    width, height = round(WIDTH * scale), round(HEIGHT * scale)
    f, cx, cy = FOCAL_PX * scale, CX_PX * scale, CY_PX * scale
    pitch = np.radians(PITCH_DEG)
    each = samples // BATCHES
    kept: dict[str, list[Array]] = {"diffuse": [], "gloss": [], "base": [], "facing": []}
    started = time.monotonic()
    for batch in range(BATCHES):
        buffers = [wp.zeros(width * height, dtype=wp.vec3) for _ in kept]
        wp.launch(
            trace,
            width * height,
            [
                tracer.data,
                wp.vec4(f, f, cx, cy),
                float(np.sin(pitch)),
                float(np.cos(pitch)),
                wp.vec3(*EYE_M),
                width,
                each,
                batch * each,
                *buffers,
            ],
        )
        for name, buffer in zip(kept, buffers, strict=True):
            kept[name].append(buffer.numpy().reshape(height, width, 3) / each)
        print(f"{batch + 1}/{BATCHES} after {time.monotonic() - started:.0f} s", flush=True)
    result = {name: np.mean(batches, axis=0) for name, batches in kept.items()}
    for name in ("diffuse", "gloss"):
        luminance = np.stack(kept[name]).mean(axis=-1)
        result[f"{name}_variance"] = luminance.var(axis=0, ddof=1) / BATCHES
    return result


def develop(buffers: dict[str, Array], places_m: Array) -> NDArray[np.uint8]:
    """The photo: denoised, exposed, with a little halation, through a film curve, sRGB."""
    normal = buffers["facing"] / np.maximum(
        np.linalg.norm(buffers["facing"], axis=-1, keepdims=True), 1e-6
    )
    guides = (normal.astype(np.float32), places_m.astype(np.float32))
    diffuse = denoise(buffers["diffuse"], buffers["diffuse_variance"], *guides, strength=5.0)
    gloss = denoise(buffers["gloss"], buffers["gloss_variance"], *guides, strength=3.0, rounds=3)
    light = (diffuse * buffers["base"] + gloss) * WHITE_BALANCE * 1.35
    glow = np.minimum(np.maximum(light - 1.1, 0), 1.5)
    reach = light.shape[1] / 640
    light = light + 0.07 * sum(gaussian_filter(glow, (s * reach, s * reach, 0)) for s in (3, 9, 24))
    encoded = film(light)
    dither = np.random.default_rng(SEED).uniform(-0.5, 0.5, encoded.shape)
    return np.clip(encoded * 255 + 0.5 * dither, 0, 255).round().astype(np.uint8)


def film(light: Array) -> Array:
    """A filmic curve (J. Hable, Filmic Tonemapping for Real-time Rendering, 2010), then sRGB."""

    def curve(x: Array) -> Array:
        return (x * (0.22 * x + 0.03) + 0.002) / (x * (0.22 * x + 0.3) + 0.06) - 0.02 / 0.6

    linear = np.clip(curve(2.3 * light) / curve(np.array(9.5)), 0, 1)
    grey = linear.mean(axis=-1, keepdims=True)
    linear = np.clip(grey + 1.02 * (linear - grey), 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded + 0.35 * (encoded * encoded * (3 - 2 * encoded) - encoded)


def main() -> None:
    """Renders and writes the three files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--samples", type=int, default=256, help="samples a pixel")
    parser.add_argument("--scale", type=float, default=1.0, help="size, for quick looks")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write into")
    arguments = parser.parse_args()

    tracer = Tracer(make_room(SEED).arrays(), SUN, SUN_LIGHT)
    rays = pixel_rays(arguments.scale)
    depth_m = exact_depth(tracer, rays)
    places_m = np.array(EYE_M) + depth_m[..., None] * rays
    photo = develop(render(tracer, arguments.scale, arguments.samples), places_m)

    arguments.output.mkdir(parents=True, exist_ok=True)
    height, width = depth_m.shape
    camera = {
        "fx": FOCAL_PX * arguments.scale,
        "fy": FOCAL_PX * arguments.scale,
        "cx": CX_PX * arguments.scale,
        "cy": CY_PX * arguments.scale,
        "width": width,
        "height": height,
    }
    (arguments.output / "demo_camera.json").write_text(json.dumps(camera, indent=2) + "\n")
    Image.fromarray(photo).save(arguments.output / "demo_photo.png", optimize=True)
    steps = np.round(depth_m * STEPS_PER_M).astype(np.uint16)
    Image.fromarray(steps).save(arguments.output / "demo_depth.png", optimize=True)
    print(f"depth {depth_m.min():.3f} to {depth_m.max():.3f} m")


if __name__ == "__main__":
    main()
