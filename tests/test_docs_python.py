"""docs/python.md: its code runs on the demo's result, and what it says of it holds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from commands import run_here

from mfh.results.formats import FORMATS

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "python.md"
_TEXT = _PAGE.read_text("utf-8")

mpl.use("Agg")


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", _TEXT, re.M | re.S)
    assert [language for language, _ in blocks].count("python") == 8
    for language, block in blocks:
        if language == "python":
            exec(compile(block, str(_PAGE), "exec"), names)
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "mfh"
            status, printed = run_here(capsys, *arguments)
            assert status == 0, printed

    depth, small = names["depth"], names["small"]
    assert depth.points().shape == (480, 640, 3)
    assert depth.relative_error_map.shape == depth.depth_m.shape == (480, 640)
    assert small.camera.fx == pytest.approx(depth.camera.fx / 2)
    assert depth.distance(names["corners"], names["corners"][::-1]).shape == (4,)
    for path in ("room.npz", "room.png", "room.ply", "measured.png", "everything/depth_mm.png"):
        assert (tmp_path / path).stat().st_size > 10_000
    assert {path.name for path in (tmp_path / "for_blender").iterdir()} == {"depth.exr", "mesh.glb"}
    np.testing.assert_array_equal(names["photo"].camera.matrix, names["K"].double())
    assert names["distance_m"] > 1


def test_the_formats_of_the_page_are_those_there_are() -> None:
    named = re.findall(r'formats=(\[[^]]+\]|"[^"]+")', _TEXT)
    assert set(re.findall(r"\w+", " ".join(named))) <= set(FORMATS)
