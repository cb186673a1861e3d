from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_results import (
    SIMULATED,
    known_distances,
    metric_depth,
    painted_photos,
    recorded_texts,
    robust_depth,
)
from PIL import Image

from mfh.errors import OutputError
from mfh.progress import Progress
from mfh.records import Counts, Photo
from mfh.results import read_depth_npz, write_results

NAMES = {
    "depth.npz", "depth_mm.png", "depth.png", "points.ply", "painted.png", "report.html",
    "summary.json",
}  # fmt: skip


class Steps(Progress):
    def __init__(self) -> None:
        self.total = 0
        self.done = 0

    def start(self, stage: str, total: int) -> None:
        self.total = total

    def advance(self, stage: str) -> None:
        self.done += 1


def arguments(**changes: Any) -> dict[str, Any]:
    depth_m = np.repeat(np.linspace(80, 2, 90, dtype=np.float32)[:, None], 120, 1)
    result = metric_depth(depth_m, parts=SIMULATED)
    painted, landmarks = painted_photos(2)
    return {
        "photo": Photo(np.full((90, 120, 3), 100, np.uint8), result.camera, "street"),
        "result": result,
        "images": painted,
        "landmarks": landmarks,
        "verdicts": ["", "nobody found"],
        **changes,
    }


def test_all_files_are_written_and_agree(tmp_path: Path) -> None:
    steps = Steps()
    given = arguments(errors={"abs_rel": 0.01}, timings={"head": 0.5}, progress=steps)
    paths = write_results(tmp_path / "new" / "folder", **given)
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == NAMES
    assert {path.name for path in paths.values()} == NAMES
    assert steps.done == steps.total == len(NAMES)
    result = given["result"]
    assert np.array_equal(read_depth_npz(paths["depth"]).depth_m, result.depth_m)
    summary = json.loads(paths["summary"].read_text(encoding="utf-8"))
    assert summary["simulated"] is True
    assert summary["files"]["point_cloud"] == "points.ply"
    assert summary["too_far_for_png_px"] == np.count_nonzero(result.depth_m > 65.5345)
    for name in ("depth.png", "painted.png", "depth_mm.png"):
        with Image.open(tmp_path / "new" / "folder" / name) as picture:
            picture.load()
            assert "Simulated" in picture.info["Description"]
            assert f"px ({result.camera.source}" in picture.info["Description"]
    header = paths["point_cloud"].read_bytes()[:500]
    assert b"comment Simulated" in header
    assert f"120 x 90 px ({result.camera.source})".encode() in header
    assert summary["camera"]["source"] == result.camera.source
    assert read_depth_npz(paths["depth"]).camera == result.camera


def test_a_known_error_is_in_every_file(tmp_path: Path) -> None:
    steps = Steps()
    given = arguments(progress=steps)
    given["result"] = robust_depth(given["result"].depth_m)
    paths = write_results(tmp_path, **given)
    assert {path.name for path in tmp_path.iterdir()} == {*NAMES, "error.png"}
    assert steps.done == steps.total == len(NAMES) + 1
    words = "± 9 % (1 sigma; single points from ± 13 % near to more than ± 100 % far)"
    for name in ("depth.png", "error.png", "painted.png", "depth_mm.png"):
        with Image.open(tmp_path / name) as picture:
            assert words in picture.info["Description"]
    with Image.open(tmp_path / "error.png") as picture:
        assert picture.info["Description"].startswith("Error of the depth in per cent, ± 9 %")
    header = paths["point_cloud"].read_bytes().split(b"end_header")[0].decode("ascii")
    assert words.replace("±", "+/-") in header
    assert "property float relative_error" in header
    stored = read_depth_npz(paths["depth"]).relative_error_map
    assert stored is not None
    assert stored.shape == (90, 120)
    summary = json.loads(paths["summary"].read_text(encoding="utf-8"))
    assert summary["relative_error"] == 0.09
    assert summary["files"]["error_picture"] == "error.png"


def test_the_error_of_an_earlier_result_goes(tmp_path: Path) -> None:
    given = arguments()
    write_results(tmp_path, **{**given, "result": robust_depth(given["result"].depth_m)})
    assert (tmp_path / "error.png").exists()
    write_results(tmp_path, **given)
    assert {path.name for path in tmp_path.iterdir()} == NAMES


def test_known_distances_alone_show_the_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = recorded_texts(monkeypatch)
    given = arguments()
    depth_m = given["result"].depth_m
    nothing, _ = painted_photos(0, 90, 120)
    write_results(
        tmp_path,
        given["photo"],
        robust_depth(depth_m, counts=Counts(0, 0, 0, 0, points=1)),
        images=nothing.with_photo(given["photo"]),
        landmarks=[known_distances({(30, 40): 2.4}, 90, 120)],
        verdicts=[""],
    )
    x, y = (30.5 - 63) / 500.5, (40.5 - 43) / 501.25
    assert f"{2.4 * (1 + x**2 + y**2) ** 0.5:.2f} m" in texts
    assert "Nothing painted" in texts
    assert not any("outline" in text for text in texts)


def test_the_photo_is_shown_beside_paintings_where_it_was_measured_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = recorded_texts(monkeypatch)
    given = arguments()
    painted, landmarks = painted_photos(2, 90, 120)
    given["images"] = painted.with_photo(given["photo"])
    given["verdicts"] = ["", "", ""]
    nobody = known_distances({}, 90, 120)
    write_results(tmp_path, **{**given, "landmarks": [nobody, *landmarks]})
    assert "photo" not in texts
    point = known_distances({(30, 40): 2.4}, 90, 120)
    aside = [np.array([False]), np.array([False, True]), np.array([False, False])]
    write_results(tmp_path, **{**given, "landmarks": [point, *landmarks]}, set_aside=aside)
    assert texts[texts.index("photo") + 1] == "used"
    assert "(4.0 m)" in texts


def test_a_disk_that_fills_up_leaves_whole_files_and_no_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(tmp_path, **arguments())
    before = (tmp_path / "painted.png").read_bytes()
    save = Image.Image.save

    def full(self: Image.Image, path: Path, *rest: Any, **named: Any) -> None:
        save(self, path, *rest, **named)
        if self.width > 700:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OutputError, match=r"painted\.png: no space left on device; free some"):
        write_results(tmp_path, **arguments())
    assert {path.name for path in tmp_path.iterdir()} == NAMES - {"summary.json"}
    assert (tmp_path / "painted.png").read_bytes() == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make folder"):
        write_results(tmp_path / "file" / "folder", **arguments())
