from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from depth_scenes import HEIGHT, WIDTH, random_depth, result
from fake_results import SIMULATED
from numpy.typing import NDArray

from mfh.errors import OutputError
from mfh.records import Intrinsics
from mfh.results.exr import write_depth_exr


def attributes(content: bytes) -> tuple[dict[str, tuple[str, bytes]], int]:
    """The header's attributes, by name, and where the table of offsets begins."""
    assert struct.unpack_from("<ii", content) == (20000630, 2)
    found, at = {}, 8
    while content[at]:
        name, kind, _ = content[at : at + 300].split(b"\0", 2)
        at += len(name) + len(kind) + 2
        (size,) = struct.unpack_from("<i", content, at)
        found[name.decode()] = kind.decode(), content[at + 4 : at + 4 + size]
        at += 4 + size
    return found, at + 1


def channels(content: bytes, height: int, width: int) -> NDArray[np.float32]:
    """Both channels (2, H, W), by the layout's description."""
    _, table = attributes(content)
    blocks = -(-height // 16)
    lines: list[NDArray[np.float32]] = []
    for number, at in enumerate(struct.unpack_from(f"<{blocks}Q", content, table)):
        top, size = struct.unpack_from("<ii", content, at)
        assert top == 16 * number
        here = min(16, height - top)
        raw_size = here * width * 8
        packed = content[at + 8 : at + 8 + size]
        if size < raw_size:
            differences = np.frombuffer(zlib.decompress(packed), np.uint8).astype(np.int64)
            differences[1:] -= 128
            apart = (np.cumsum(differences) % 256).astype(np.uint8)
            raw = np.empty(raw_size, np.uint8)
            raw[::2], raw[1::2] = np.split(apart, [(raw_size + 1) // 2])
        else:
            raw = np.frombuffer(packed, np.uint8)
        lines.append(raw.view("<f4").reshape(here, 2, width))
    return np.concatenate(lines).swapaxes(0, 1)


def test_both_channels_hold_every_depth_as_it_is(tmp_path: Path) -> None:
    depth_m = random_depth()
    path = tmp_path / "depth.exr"
    assert write_depth_exr(path, result(depth_m)) == path
    content = path.read_bytes()
    found, _ = attributes(content)
    assert found["channels"][1].split(b"\0")[0] == b"Y"
    assert b"\0Z\0" in found["channels"][1]
    assert struct.unpack("<4i", found["dataWindow"][1]) == (0, 0, WIDTH - 1, HEIGHT - 1)
    for channel in channels(content, HEIGHT, WIDTH):
        assert np.array_equal(channel, depth_m, equal_nan=True)


@pytest.mark.parametrize("size", [(1, 1), (16, 3), (17, 5), (33, 1)])
def test_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    depth_m = np.linspace(0.5, 80, height * width, dtype=np.float32).reshape(size)
    camera = Intrinsics(50, 50, width / 2, height / 2, height, width)
    write_depth_exr(tmp_path / "depth.exr", result(depth_m, camera))
    stored = channels((tmp_path / "depth.exr").read_bytes(), height, width)
    assert np.array_equal(stored, [depth_m, depth_m])


def test_the_second_channel_takes_hardly_any_room(tmp_path: Path) -> None:
    depth_m = np.random.default_rng(0).uniform(1, 5, (48, 640)).astype(np.float32)
    camera = Intrinsics(500, 500, 320, 24, 48, 640)
    write_depth_exr(tmp_path / "depth.exr", result(depth_m, camera))
    assert (tmp_path / "depth.exr").stat().st_size < 1.1 * depth_m.nbytes


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    write_depth_exr(tmp_path / "depth.exr", result(random_depth(), parts=SIMULATED))
    kind, said = attributes((tmp_path / "depth.exr").read_bytes())[0]["comments"]
    assert kind == "string"
    words = said.decode("utf-8")
    assert words.startswith("Simulated. Depth along the optical axis in metres, in channel Z")
    assert "inf: farther than can be told; NaN: unknown" in words
    assert "fx 52.5 px" in words


def test_opencv_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = _opencv(monkeypatch)
    depth_m = random_depth()
    write_depth_exr(tmp_path / "depth.exr", result(depth_m))
    read = cv2.imread(str(tmp_path / "depth.exr"), cv2.IMREAD_UNCHANGED)
    assert read.dtype == np.float32
    assert np.array_equal(read, depth_m, equal_nan=True)


def test_openexr_reads_it(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")
    depth_m = random_depth()
    write_depth_exr(tmp_path / "depth.exr", result(depth_m))
    with openexr.File(str(tmp_path / "depth.exr"), separate_channels=True) as file:
        assert set(file.channels()) == {"Y", "Z"}
        assert np.array_equal(file.channels()["Z"].pixels, depth_m, equal_nan=True)
        assert "Depth along the optical axis" in file.header()["comments"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="make its folder first"):
        write_depth_exr(tmp_path / "missing" / "depth.exr", result(random_depth()))


def _opencv(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(os.environ, "OPENCV_IO_ENABLE_OPENEXR", "1")
    cv2 = pytest.importorskip("cv2")
    built = [line for line in cv2.getBuildInformation().splitlines() if "OpenEXR:" in line]
    if not built or built[0].split()[-1] == "NO":
        pytest.skip(f"OpenCV {cv2.__version__} was built without OpenEXR; 4.10 to 4.14 have it")
    return cv2
