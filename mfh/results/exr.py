"""Depth as OpenEXR.

Sources: "OpenEXR File Layout" and "Technical Introduction to OpenEXR" (openexr.com), for scan-line
files of one part with ZIP compression.
"""

from __future__ import annotations

import struct
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfh.files import atomic_path
from mfh.records import MetricDepth
from mfh.results.captions import caption

_MAGIC = 20000630
_VERSION = 2  # scan lines, one part, no long names
_ZIP = 3
_ZIP_LINES = 16  # scan lines compressed together
_FLOAT = 2
# Depth is in "Z" by the format's own convention. OpenCV finds a file's "Z", but then reads "Y" all
# the same, and gives zeros where there is none. The second of two equal channels takes next to no
# room in a ZIP block.
_CHANNELS = ("Y", "Z")


def write_depth_exr(path: Path, depth: MetricDepth, image: NDArray[np.uint8] | None = None) -> Path:
    """Write depth as an OpenEXR file of 32-bit floats in metres, and return its path.

    Channel "Z" is depth along the optical axis, channel "Y" the same for readers that look for a
    grey picture. Infinite and unknown (NaN) depth are kept as they are. The attribute "comments"
    says all this, and names the error, the camera and simulation.

    image: not used; other formats' writers have it. Raises `OutputError`.
    """
    height, width = depth.depth_m.shape
    header = _header(height, width, _comments(depth))
    blocks = range(0, height, _ZIP_LINES)
    offsets: list[int] = []
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(header)
        file.write(bytes(8 * len(blocks)))
        for top in blocks:
            offsets.append(file.tell())
            block = _compressed(depth.depth_m[top : top + _ZIP_LINES])
            file.write(struct.pack("<ii", top, len(block)))
            file.write(block)
        file.seek(len(header))
        file.write(struct.pack(f"<{len(offsets)}Q", *offsets))
    return path


def _comments(depth: MetricDepth) -> str:
    what = (
        "Depth along the optical axis in metres, in channel Z and the same in Y; inf: farther than "
        "can be told; NaN: unknown"
    )
    return f"{caption(depth, what)}. Made by mfh {version('mfh')}."


def _header(height: int, width: int, comments: str) -> bytes:
    # Name, type, linearity, reserved bytes and sampling in x and y of each; in order of name.
    channels = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", _FLOAT, 0, 1, 1) for name in _CHANNELS
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes = (
        ("channels", "chlist", channels + b"\0"),
        ("comments", "string", comments.encode("utf-8")),
        ("compression", "compression", bytes([_ZIP])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", bytes([0])),  # increasing y
        ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
    )
    packed = b"".join(
        f"{name}\0{kind}\0".encode("ascii") + struct.pack("<i", len(value)) + value
        for name, kind, value in attributes
    )
    return struct.pack("<ii", _MAGIC, _VERSION) + packed + b"\0"


def _compressed(lines: NDArray[np.float32]) -> bytes:
    """Compress scan lines (h, W) by ZIP: bytes apart by place, differences, deflate."""
    # Each line holds all of its first channel, then all of its second.
    raw = np.repeat(lines.astype("<f4")[:, None], len(_CHANNELS), axis=1).tobytes()
    content = np.frombuffer(raw, np.uint8)
    apart = np.concatenate([content[::2], content[1::2]])
    differences = apart.copy()
    differences[1:] = apart[1:] - apart[:-1] + np.uint8(128)
    packed = zlib.compress(differences.tobytes(), 6)
    # A block that does not get smaller is stored as it is, which readers tell by its size.
    return packed if len(packed) < len(raw) else raw
