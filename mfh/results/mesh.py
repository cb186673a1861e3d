"""The surface that a photo shows, as a mesh with the photo on it, in binary glTF (.glb).

Source: "glTF 2.0 Specification" (Khronos Group) and its extension KHR_materials_unlit.
"""

from __future__ import annotations

import io
import json
import math
import struct
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.files import atomic_path
from mfh.records import MetricDepth
from mfh.results.captions import caption
from mfh.results.checks import same_size
from mfh.results.surface import Surface, surface_of

_MAX_TEXTURE_PX = 4096  # what every WebGL 2 device of today takes
_JPEG_QUALITY = 92

_FLOAT, _UINT32 = 5126, 5125
_VERTEX_BUFFER, _INDEX_BUFFER = 34962, 34963
_LINEAR, _LINEAR_MIPMAP_LINEAR, _CLAMP_TO_EDGE = 9729, 9987, 33071
_JSON_CHUNK, _BINARY_CHUNK = b"JSON", b"BIN\0"


def write_mesh(
    path: Path, depth: MetricDepth, image: NDArray[np.uint8], *, max_vertices: int = 400_000
) -> Path:
    """Write a .glb of the surface that the photo shows, with the photo as its texture.

    Frame: that of glTF, x right, y up, z backward, in metres, so that viewers show it upright and
    start in front of it; y and z have the opposite sign of the camera frame's. The camera is at the
    origin. Pixels of unknown or infinite depth, and those farther than 20 times the median depth,
    are left out; the surface is cut where a near thing ends before a far one (`surface_of`). Where
    nothing is left, the file holds an empty scene.

    image: (H, W, 3) uint8 RGB; it is stored as JPEG, its long side at most 4096 px.
    max_vertices: where there are more pixels, the vertices are those of an even grid of them.

    Returns the path. Raises `InputError` for an image of another size and a `max_vertices` below 1,
    `OutputError` where it cannot be written.
    """
    same_size("mesh", depth, image)
    surface = surface_of(depth.depth_m, depth.camera, max_vertices)
    what = "Metric depth of one photo as a mesh; x right, y up, z backward, in metres"
    asset = {
        "version": "2.0",
        "generator": f"mfh {version('mfh')}",
        "extras": {"description": caption(depth, what)},
    }
    content = _content(asset, surface, image) if len(surface.faces) else ({"asset": asset}, b"")
    with atomic_path(path) as temporary:
        temporary.write_bytes(_glb(*content))
    return path


def _content(
    asset: dict[str, Any], surface: Surface, image: NDArray[np.uint8]
) -> tuple[dict[str, Any], bytes]:
    """Give the JSON and the binary part of a scene that is one textured mesh."""
    positions = (surface.points_m * np.array([1, -1, -1], np.float32)).astype("<f4")
    buffers = [
        positions.tobytes(),
        surface.uv.astype("<f4").tobytes(),
        surface.faces.astype("<u4").tobytes(),
        _jpeg(image),
    ]
    starts = np.cumsum([0, *(_padded(len(buffer)) for buffer in buffers)]).tolist()
    views: list[dict[str, Any]] = [
        {"buffer": 0, "byteOffset": start, "byteLength": len(buffer)}
        for start, buffer in zip(starts, buffers, strict=False)
    ]
    for view, target in zip(views, (_VERTEX_BUFFER, _VERTEX_BUFFER, _INDEX_BUFFER), strict=False):
        view["target"] = target
    vertices = len(positions)
    accessors = [
        {
            "bufferView": 0,
            "componentType": _FLOAT,
            "count": vertices,
            "type": "VEC3",
            "min": positions.min(axis=0).tolist(),
            "max": positions.max(axis=0).tolist(),
        },
        {"bufferView": 1, "componentType": _FLOAT, "count": vertices, "type": "VEC2"},
        {
            "bufferView": 2,
            "componentType": _UINT32,
            "count": surface.faces.size,
            "type": "SCALAR",
        },
    ]
    primitive = {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}
    # The photo holds the light that was there; a viewer's lamps would light it a second time.
    material = {
        "name": "photo",
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicFactor": 0,
            "roughnessFactor": 1,
        },
        "doubleSided": True,
        "extensions": {"KHR_materials_unlit": {}},
    }
    sampler = {
        "magFilter": _LINEAR,
        "minFilter": _LINEAR_MIPMAP_LINEAR,
        "wrapS": _CLAMP_TO_EDGE,
        "wrapT": _CLAMP_TO_EDGE,
    }
    binary = b"".join(buffer.ljust(_padded(len(buffer)), b"\0") for buffer in buffers)
    scene = {
        "asset": asset,
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "photo", "mesh": 0}],
        "meshes": [{"name": "photo", "primitives": [primitive]}],
        "materials": [material],
        "textures": [{"sampler": 0, "source": 0}],
        "samplers": [sampler],
        "images": [{"name": "photo", "bufferView": 3, "mimeType": "image/jpeg"}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    return scene, binary


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    picture = Image.fromarray(image)
    picture.thumbnail((_MAX_TEXTURE_PX, _MAX_TEXTURE_PX), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=_JPEG_QUALITY)
    return content.getvalue()


def _padded(length: int) -> int:
    """Round up to a multiple of 4 bytes, which all parts of the format begin at."""
    return 4 * math.ceil(length / 4)


def _glb(scene: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(scene, separators=(",", ":"), allow_nan=False).encode("utf-8")
    chunks = [(_JSON_CHUNK, text.ljust(_padded(len(text)), b" "))]
    if binary:
        chunks.append((_BINARY_CHUNK, binary))
    body = b"".join(struct.pack("<I", len(chunk)) + kind + chunk for kind, chunk in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body
