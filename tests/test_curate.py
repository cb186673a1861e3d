"""Labelled pixels of any data set, and `mfh curate`."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import files_under, run_here
from data_set_trees import planted, write_kitti, write_nyu, write_photo, write_png, write_text
from filelock import FileLock
from small_rooms import rooms, write_rooms

from mfh.datasets import DataSet, open_data_set
from mfh.errors import InputError, OutputError, SettingsError
from mfh.estimators.depthlm.training.curation import curate


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def require_same_labels(data_set: DataSet, out: Path, labelled: str) -> int:
    """What the labels say is what the data set says at these pixels; gives how many there are."""
    count = 0
    written = open_data_set("labels", out, labelled=labelled)
    of_name = {sample.photo: sample for sample in data_set.samples()}
    for sample, original in zip(written.samples(), of_name.values(), strict=True):
        truth_m = written.truth(sample)
        known = np.isfinite(truth_m)
        np.testing.assert_allclose(truth_m[known], data_set.truth(original)[known], rtol=2e-6)
        assert data_set.protocol.valid(data_set.truth(original))[known].all()
        photo, before = written.photo(sample), data_set.photo(original)
        np.testing.assert_array_equal(photo.image, before.image)
        assert photo.camera.fx == before.camera.fx and photo.camera.cy == before.camera.cy
        count += int(known.sum())
    return count


@pytest.mark.parametrize("labelled", ["distance", "auto"])
def test_labels_are_straight_distances_that_lead_back_to_the_depth(
    tmp_path: Path, labelled: str
) -> None:
    data_set = rooms(tmp_path / "data")
    out = tmp_path / "sets" / "labels.jsonl"
    curated = curate(data_set, out, pixels=40)
    assert (curated.photos, curated.labels, curated.written) == (3, 120, 0)
    first = lines(out)[0]
    assert first["image"] == "../data/rgb/room_0.png"
    assert first["labelled"] == "distance"
    assert first["data_set"] == "photos with depth maps"
    assert first["camera"] == "given"
    assert require_same_labels(data_set, out, labelled) == 120
    # As distances they are longer than z, by the length of the ray.
    (x, y), (fx, fy, cx, cy, _, _) = first["pixel_coords"][0], first["intrinsics"]
    z_m = data_set.truth(data_set.samples()[0])[y, x]
    ray = np.sqrt(1 + ((x - cx) / fx) ** 2 + ((y - cy) / fy) ** 2)
    assert first["depth"][0] == pytest.approx(z_m * ray, rel=1e-6)
    # Older versions of filelock remove the lock.
    assert set(files_under(tmp_path / "sets")) - {".labels.jsonl.lock"} == {"labels.jsonl"}


def test_cameras_that_are_assumed_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    for folder in ("rgb", "depth"):
        (root / folder).mkdir(parents=True)
    write_photo(root / "rgb" / "a.png", 48, 64)
    np.save(root / "depth" / "a.npy", np.full((48, 64), 2.0, np.float32))
    out = tmp_path / "labels.jsonl"
    status, printed = run_here(capsys, "curate", "folder", "--data", root, "--out", out)
    assert status == 0, printed
    assert "the focal length of 1 photo is assumed" in printed
    assert lines(out)[0]["camera"] == "assumed"


def test_pixels_depend_on_photo_and_seed_alone(tmp_path: Path) -> None:
    data_set = rooms(tmp_path / "data")
    written = {}
    for name, options in {
        "all": {},
        "again": {},
        "one": {"limit": 1},
        "seed": {"seed": 1},
        "many": {"pixels": 10**6},
    }.items():
        out = tmp_path / f"{name}.jsonl"
        curate(data_set, out, **{"pixels": 30, **options})
        written[name] = lines(out)
    assert written["all"] == written["again"]
    assert written["one"] == written["all"][:1]
    assert written["seed"][0]["pixel_coords"] != written["all"][0]["pixel_coords"]
    pixels = [line["pixel_coords"] for line in written["all"]]
    assert pixels[0] != pixels[1]
    assert all(len({tuple(xy) for xy in each}) == 30 for each in pixels)
    # Over all of the photo, not in a corner.
    assert np.ptp(np.array(pixels[0]), axis=0).min() > 60
    valid = data_set.protocol.valid(data_set.truth(data_set.samples()[0]))
    assert len(written["many"][0]["depth"]) == valid.sum()


def test_labels_of_ibims_are_not_taken_for_its_own_depth(tmp_path: Path) -> None:
    core = tmp_path / "ibims1_core_raw"
    write_photo(core / "rgb" / "corridor_01.png", 480, 640)
    depth = planted(480, 640, a=(50, 60, 6000), b=(53, 600, 7000))
    write_png(core / "depth" / "corridor_01.png", depth)
    for mask in ("mask_invalid", "mask_transp"):
        write_png(core / mask / "corridor_01.png", np.full((480, 640), 1, np.uint8))
    write_text(core / "calib" / "corridor_01.txt", "559.62,558.14,361.87,241.99\n")
    write_text(core / "imagelist.txt", "corridor_01\n")
    data_set = open_data_set("ibims", core)
    out = tmp_path / "labels.jsonl"
    assert curate(data_set, out).labels == 2
    (sample,) = open_data_set("labels", out).samples()
    assert sample.extra["labelled"] == "distance"
    assert require_same_labels(data_set, out, "auto") == 2


def test_a_photo_that_is_a_part_of_its_file_is_written(tmp_path: Path) -> None:
    write_kitti(tmp_path / "kitti", ("2011_09_26_drive_0001", 5))
    data_set = open_data_set("kitti", tmp_path / "kitti", split="train")
    out = tmp_path / "labels.jsonl"
    curated = curate(data_set, out, pixels=500)
    assert curated.written == 1
    (line,) = lines(out)
    assert line["image"].startswith("labels_images/2011_09_26_drive_0001_sync/")
    assert line["intrinsics"][4:] == [1216, 352]
    assert require_same_labels(data_set, out, "auto") == 500


def test_what_was_cut_short_is_gone_on_with(tmp_path: Path) -> None:
    data_set = rooms(tmp_path / "data")
    out, whole = tmp_path / "labels.jsonl", tmp_path / "whole.jsonl"
    curate(data_set, whole, pixels=5)

    def stop(done: int, total: int) -> None:
        assert total == 3
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curate(data_set, out, pixels=5, progress=stop)
    assert not out.exists()
    part = tmp_path / "labels.jsonl.part"
    begun = part.read_text().split("\n")
    assert len(begun) == 4  # what it is of, two photos, the end
    part.write_text("\n".join([*begun[:2], begun[2][:7]]))  # cut within a line
    opened = []
    original = type(data_set).photo
    data = pytest.MonkeyPatch()
    data.setattr(type(data_set), "photo", lambda s, x: opened.append(x.name) or original(s, x))
    curate(data_set, out, pixels=5)
    data.undo()
    assert opened == ["rgb/room_1", "rgb/room_2"]
    assert out.read_bytes() == whole.read_bytes()
    assert not part.exists()


@pytest.mark.parametrize(
    "damaged", ["\0\0\0\0", "[1]", '{"image": "a'], ids=["nothing", "no object", "cut off"]
)
def test_lines_from_a_damaged_one_on_are_made_again(tmp_path: Path, damaged: str) -> None:
    data_set = rooms(tmp_path / "data")
    out, part = tmp_path / "labels.jsonl", tmp_path / "labels.jsonl.part"
    begun = _begun(data_set, out)
    whole = out.read_bytes()
    part.write_text("\n".join([*begun[:2], damaged, begun[3], ""]))
    curate(data_set, out, pixels=5)
    assert out.read_bytes() == whole


def _begun(data_set: DataSet, out: Path) -> list[str]:
    """Write labels; gives the lines of the part that they were made of."""
    kept: list[str] = []
    part = out.with_name(f"{out.name}.part")
    curate(data_set, out, pixels=5, progress=lambda *_: kept.append(part.read_text()))
    return kept[-1].splitlines()


def test_a_part_of_other_labels_is_not_gone_on_with(tmp_path: Path) -> None:
    data_set = rooms(tmp_path / "data")
    out, part = tmp_path / "labels.jsonl", tmp_path / "labels.jsonl.part"
    begun = _begun(data_set, out)
    first = lines(out)[0]

    def gone_on_with(**options: int) -> dict:
        part.write_text("\n".join([*begun, ""]))
        curate(data_set, out, **{"pixels": 5, **options})
        return lines(out)[0]

    assert len(gone_on_with(pixels=6)["depth"]) == 6
    assert gone_on_with(seed=1)["pixel_coords"] != first["pixel_coords"]
    # Depth that has changed, of the same time and then of the same size.
    depth = tmp_path / "data/depth/room_0.npy"
    before, depth_m = depth.stat(), np.load(depth)
    np.save(depth, 2 * depth_m.astype(np.float64))
    os.utime(depth, ns=(before.st_atime_ns, before.st_mtime_ns))
    np.testing.assert_allclose(gone_on_with()["depth"], np.multiply(first["depth"], 2), rtol=1e-6)
    np.save(depth, 2 * depth_m)
    os.utime(depth, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    assert gone_on_with()["depth"] != first["depth"]


def test_another_process_is_not_disturbed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = write_rooms(tmp_path / "data", 1), tmp_path / "labels.jsonl"
    command = ("curate", "folder", "--data", root, "--out", out)
    with FileLock(tmp_path / ".labels.jsonl.lock"):
        status, printed = run_here(capsys, *command)
    assert (status, out.exists()) == (1, False)
    assert "labels.jsonl: another process is writing labels there" in " ".join(printed.split())
    assert run_here(capsys, *command)[0] == 0


def test_depth_of_another_size_labels_the_pixels_it_is_of(tmp_path: Path) -> None:
    root = write_rooms(tmp_path / "data", 1)
    depth_m = np.full((24, 32), np.nan, np.float32)  # of a photo of 96 x 128 px
    depth_m[3, 5] = 2.5
    np.save(root / "depth/room_0.npy", depth_m)
    out = tmp_path / "labels.jsonl"
    curate(open_data_set("folder", root), out)
    (line,) = lines(out)
    assert line["pixel_coords"] == [[22, 14]]
    # Finer depth has several values in a pixel of the photo, of which one is taken.
    depth_m = np.tile(np.linspace(2, 3, 256, dtype=np.float32), (192, 1))
    np.save(root / "depth/room_0.npy", depth_m)
    curate(open_data_set("folder", root), out, pixels=20_000)
    (line,) = lines(out)
    assert len({tuple(xy) for xy in line["pixel_coords"]}) == len(line["depth"]) < 96 * 128
    assert line["pixel_coords"] == sorted(line["pixel_coords"], key=lambda xy: xy[::-1])


def test_the_smallest_depth_stays_a_depth(tmp_path: Path) -> None:
    root = write_rooms(tmp_path / "data", 1)
    depth_m = np.full((96, 128), 2, np.float32)
    depth_m[0, 0] = 1e-7
    np.save(root / "depth/room_0.npy", depth_m)
    out = tmp_path / "labels.jsonl"
    curate(open_data_set("folder", root, min_m=0), out, pixels=depth_m.size)
    assert lines(out)[0]["depth"][0] == 1e-6


def test_photos_without_depth_or_files_are_left_out(tmp_path: Path) -> None:
    root = write_rooms(tmp_path / "data", 3)
    np.save(root / "depth/room_1.npy", np.full((96, 128), 100, np.float32))
    (root / "rgb/room_2.png").unlink()
    data_set, out = open_data_set("folder", root), tmp_path / "labels.jsonl"
    curated = curate(data_set, out, pixels=5)
    assert curated.without_labels == ("rgb/room_1",)
    assert list(curated.missing) == ["rgb/room_2"]
    assert len(lines(out)) == 1
    np.save(root / "depth/room_0.npy", np.full((96, 128), 100, np.float32))
    with pytest.raises(InputError, match=r"none of 2 photos has depth that counts"):
        curate(data_set, tmp_path / "none.jsonl")
    there = sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock")
    assert there == ["data", "labels.jsonl"]


def test_unreadable_photos_are_left_out_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_rooms(tmp_path / "data", 3)
    (root / "rgb/room_0.png").write_bytes(b"no photo")
    (root / "depth/room_2.npy").write_bytes(b"no depth")
    data_set, out = open_data_set("folder", root), tmp_path / "labels.jsonl"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curate(data_set, out, pixels=5, progress=stop)
    opened = []
    with pytest.MonkeyPatch.context() as patched:
        truth = type(data_set).truth
        patched.setattr(type(data_set), "truth", lambda s, x: opened.append(x) or truth(s, x))
        curated = curate(data_set, out, pixels=5)
    assert [sample.name for sample in opened] == ["rgb/room_2"], "what was read is not read again"
    assert list(curated.unreadable) == ["rgb/room_0", "rgb/room_2"]
    assert "room_0.png" in curated.unreadable["rgb/room_0"]
    assert (curated.photos, curated.without_labels) == (1, ())
    assert [line["image"] for line in lines(out)] == ["data/rgb/room_1.png"]
    command = ("curate", "folder", "--data", root, "--out", out)
    status, printed = run_here(capsys, *command)
    assert status == 0
    assert "2 photos left out, as they cannot be read:" in printed
    assert "  rgb/room_2: " in printed and "of 1 photo of photos with depth maps" in printed
    np.save(root / "depth/room_1.npy", np.full((96, 128), 100, np.float32))
    status, printed = run_here(capsys, *command)
    printed = " ".join(printed.split())
    assert (status, "none of 1 photos has depth that counts" in printed) == (1, True)
    assert "; 2 more cannot be read, e.g." in printed
    (root / "rgb/room_1.png").unlink()
    status, printed = run_here(capsys, *command)
    assert (status, "none of 2 photos can be read, e.g." in " ".join(printed.split())) == (1, True)


def test_labels_of_test_photos_are_for_evaluating(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kitchen = tmp_path / "official_splits" / "test"
    write_nyu(kitchen, "kitchen/00000")
    write_text(
        tmp_path / "list.txt",
        "kitchen/rgb_00000.jpg kitchen/sync_depth_00000.png 518.8579\n",
    )
    out = tmp_path / "labels.jsonl"
    command = ("curate", "nyu", "--data", tmp_path, "--out", out, "--pixels", 3)
    status, printed = run_here(capsys, *command)
    printed = " ".join(printed.split())
    assert status == 0, printed
    assert "1 of 1 photos are not for training: they are of the official test split" in printed
    assert "for labels to train on: --data-option split=train" in printed
    assert f"mfh evaluate labels --data {out}" in printed
    assert "mfh train" not in printed
    write_kitti(tmp_path / "kitti", ("2011_09_26_drive_0001", 5))
    command = ("curate", "kitti", "--data", tmp_path / "kitti", "--out", out, "--pixels", 3)
    status, printed = run_here(capsys, *command, "--data-option", "split=train")
    assert (status, "not for training" in printed, "mfh train" in printed) == (0, False, True)


@pytest.mark.parametrize(
    ("code", "remedy"), [(errno.EACCES, "allow writing there"), (errno.ENOSPC, "free some space")]
)
def test_labels_that_cannot_be_written_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    data_set = rooms(tmp_path / "data")

    def fails(self: Path, content: bytes) -> None:
        raise OSError(code, "why not")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OutputError, match=rf"labels\.jsonl\.part: why not; {remedy}"):
        curate(data_set, tmp_path / "labels.jsonl")


def test_tasks_of_a_training_are_named_as_they_are_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("train", "depthlm", tmp_path, "--base", "base", "--task", "distance,nonsense")
    status, printed = run_here(capsys, *command)
    assert status == 1
    assert "--task nonsense: there are distance, depth, speed, time, two-points" in printed


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("labels.json", {}, "written to a .jsonl file"),
        ("labels.jsonl", {"pixels": 0}, "pixels is 0"),
        ("labels.jsonl", {"seed": -1}, "seed is -1"),
        ("labels.jsonl", {"limit": 0}, "limit is 0"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, out: str, options: dict[str, int], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        curate(rooms(tmp_path / "data"), tmp_path / out, **options)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_rooms(tmp_path / "data", 3)
    (root / "rgb/room_2.png").unlink()
    out = tmp_path / "labels.jsonl"
    command = ["curate", "folder", "--data", root, "--out", out, "--pixels", 7]
    status, printed = run_here(capsys, *command, "--data-option", "max_m=12")
    assert status == 0, printed
    assert "1 photo of photos with depth maps left out; not there:" in printed
    assert "room_2.png" in printed
    assert "14 labels of 2 photos of photos with depth maps: straight distances" in printed
    assert f"mfh train depthlm {out} --base MODEL --out RUN" in printed
    assert len(lines(out)) == 2
    status, printed = run_here(capsys, *command[:-2], "--limit", 0)
    assert status != 0


def test_it_loads_no_model_library(tmp_path: Path) -> None:
    root = write_rooms(tmp_path / "data", 1)
    code = (
        "import sys\nfrom mfh_cli.main import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'transformers', 'accelerate'} & set(sys.modules)\n"
    )
    given = ["curate", "folder", "--data", str(root), "--out", str(tmp_path / "l.jsonl")]
    subprocess.run([sys.executable, "-c", code, *given], check=True, capture_output=True)
