"""The commands as a user types them: what they print, write, and leave out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import files_under, run_here
from PIL import Image
from simulated_room import room

from mfh.settings import settings_from
from mfh.simulation import load_demo_scene

NYU_K = {"fx": 518.8579, "fy": 519.46961, "cx": 325.58245, "cy": 253.73617}
KITTI_K = {"fx": 707.0493, "fy": 707.0493, "cx": 604.0814, "cy": 180.5066}
REPOSITORY = Path(__file__).resolve().parent.parent


def written(out):
    return json.loads((out / "summary.json").read_text())


@pytest.mark.parametrize(
    ("photo", "depth", "camera", "highest"),
    [
        ("nyu/rgb_00000.jpg", "nyu/sync_depth_00000.png", NYU_K, 0.01),
        ("nyu/living_room_rgb.png", "nyu/living_room_depth.png", NYU_K, 0.01),
        ("kitti/rgb_0000000005.png", "kitti/depth_0000000005.png", KITTI_K, 0.02),
    ],
)
def test_error_free_simulation_gives_the_truth(
    capsys, shared, tmp_path, photo, depth, camera, highest
):
    (tmp_path / "K.json").write_text(json.dumps(camera))
    status, printed = run_here(
        capsys,
        *("simulate", shared / "data" / photo, "--depth", shared / "data" / depth),
        *("--intrinsics", tmp_path / "K.json", "--errors", "none", "--target-error", 0),
        *("--out", tmp_path / "out"),
    )
    assert status == 0, printed
    summary = written(tmp_path / "out")
    assert summary["errors"]["abs_rel"] < highest
    assert summary["simulated"] is True
    assert "Simulated" in printed
    for stage in ("painter", "people", "disparity"):
        assert summary["parts"][stage].startswith("simulated")


def test_error_free_demo_gives_the_truth(capsys, tmp_path):
    """Up to what the robust head expects besides; the paper's fit goes by the people alone."""
    for options, highest in (
        (["--target-error", 0], 0.01),
        (["-n", 8, "--set", "head_method=silog"], 0.0005),
    ):
        status, printed = run_here(
            capsys, "demo", "--errors", "none", *options, "--out", tmp_path / "out"
        )
        assert status == 0, printed
        assert written(tmp_path / "out")["errors"]["abs_rel"] < highest


@pytest.mark.parametrize(("paint", "painted"), [("never", 0), ("always", 4)])
def test_people_who_stand_in_the_photo_count(capsys, tmp_path, paint, painted):
    status, printed = run_here(
        capsys,
        *("demo", "--errors", "none", "--people-in-photo", 2, "--paint", paint, "-n", 4),
        *("--out", tmp_path / "out"),
    )
    assert status == 0, printed
    summary = written(tmp_path / "out")
    assert summary["counts"]["in_photo"] == 2
    assert summary["counts"]["painted"] == painted
    assert summary["errors"]["abs_rel"] < 1.5 * summary["relative_error"]
    assert printed.count(summary["painting"]) == 1
    photo = np.asarray(Image.open(tmp_path / "out" / "photo" / "photo.png"))
    assert (photo != load_demo_scene()[0].image).any(axis=2).mean() > 0.02


def test_as_many_people_as_have_a_place_stand_in_the_photo(capsys, tmp_path):
    photo, depth_m = room(96, 128)
    Image.fromarray(photo.image).save(tmp_path / "room.png")
    np.save(tmp_path / "depth.npy", depth_m)
    command = ("simulate", tmp_path / "room.png", "--depth", tmp_path / "depth.npy", "--fov", 64)
    status, printed = run_here(
        capsys, *command, "--people-in-photo", 9, "--paint", "never", "--out", tmp_path / "out"
    )
    assert status == 0, printed
    found = written(tmp_path / "out")["counts"]["in_photo"]
    assert 0 < found < 9
    assert f"{found} of 9 people have a place in the photo" in printed
    status, printed = run_here(capsys, *command, "--people-in-photo", -1)
    assert (status, printed) == (
        1,
        "error: simulation: -1 people in the photo; expected 0 or more\n",
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo as it is, in a process of its own, as a user runs it."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-c", "from mfh_cli.main import run; run()", "demo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "mfh_out" / "demo", done.stdout


def test_the_demo_writes_every_result(demo):
    out, printed = demo
    present = set(files_under(out))
    results = ("depth.npz", "depth_mm.png", "depth.png", "points.ply", "painted.png")
    assert present.issuperset((*results, "summary.json", "run.json"))
    assert not [name for name in present if ".partial" in name or ".mfh-" in name]
    assert "mfh_out/demo" in printed.replace("\\", "/")


def test_every_result_says_that_it_is_simulated(demo):
    out, printed = demo
    assert "imulated" in printed
    assert written(out)["simulated"] is True
    with np.load(out / "depth.npz") as stored:
        assert json.loads(str(stored["provenance"]))["simulated"] is True
    assert b"imulated" in (out / "points.ply").read_bytes()[:2000]
    assert "imulated" in str(Image.open(out / "depth_mm.png").text)


def test_results_agree_with_each_other(demo):
    out, _ = demo
    with np.load(out / "depth.npz") as stored:
        depth_m = stored["depth_m"]
        assert stored["intrinsics"].shape == (3, 3)
    millimetres = np.asarray(Image.open(out / "depth_mm.png"))
    near = depth_m < 65
    np.testing.assert_allclose(millimetres[near] / 1000, depth_m[near], atol=6e-4)
    summary = written(out)
    counts = summary["counts"]
    assert 4 <= counts["painted"] <= 32
    assert counts["kept"] + sum(counts["rejected"].values()) == counts["painted"]
    assert summary["head"]["method"] == settings_from().head_method
    assert summary["simulated_errors"]["person_size"] == 0.17
    assert set(summary["seconds"]) >= {"painted", "people", "disparity", "head"}


def test_every_record_is_in_the_run_folder(demo):
    out, _ = demo
    stages = {"painted", "people", "landmarks", "disparity", "aligned", "head"}
    for stage in stages:
        key = json.loads((out / stage / "stage.json").read_text())
        assert len(key["digest"]) == 64
        assert key["key"]["mfh"]
    painted = written(out)["counts"]["painted"]
    assert len(list((out / "people").glob("*.npz"))) == 1 + painted
    assert json.loads((out / "run.json").read_text())["settings"]["seed"] == 0
    assert (out / "photo" / "photo.png").exists()
    assert (out / "photo" / "camera.json").exists()


def test_the_same_demo_again_is_the_same_and_another_seed_is_not(capsys, demo, tmp_path):
    out, _ = demo
    first = np.load(out / "depth.npz")["depth_m"]
    run_here(capsys, "demo", "--out", tmp_path / "same")
    np.testing.assert_array_equal(np.load(tmp_path / "same" / "depth.npz")["depth_m"], first)
    run_here(capsys, "demo", "--seed", 1, "--out", tmp_path / "other")
    assert (np.load(tmp_path / "other" / "depth.npz")["depth_m"] != first).any()


def test_a_second_run_reuses_what_it_can_and_says_what_it_cannot(capsys, demo):
    out, _ = demo
    status, printed = run_here(capsys, "demo", "--out", out)
    assert status == 0
    assert printed.count("reused") == 6


def test_another_loss_fits_again_and_does_nothing_else(capsys, tmp_path):
    for method in ("silog", "log_l2"):
        status, printed = run_here(
            capsys, "demo", "-n", 8, "--set", f"head_method={method}", "--out", tmp_path
        )
        assert status == 0
    assert printed.count("reused") == 5
    assert 'recomputed: method "silog" -> "log_l2"' in printed


def test_a_smaller_target_paints_more_into_the_same_folder(capsys, tmp_path):
    painted = []
    for target in (0.5, 0.0, 0.5):
        status, printed = run_here(
            capsys, "demo", "-n", 8, "--target-error", target, "--out", tmp_path
        )
        assert status == 0, printed
        painted.append(written(tmp_path)["counts"]["painted"])
    assert painted[0] == painted[2] <= painted[1] == 8
    assert printed.count("reused") >= 4


def test_paint_never_says_what_else_there_is(capsys, tmp_path):
    status, printed = run_here(capsys, "demo", "--paint", "never", "--out", tmp_path / "out")
    assert status == 1
    said = " ".join(printed.split())
    assert "nothing was painted" in said
    assert "--paint auto" in said
    assert "--landmark x,y=METRES" in said
    assert (tmp_path / "out" / "people" / "photo.npz").is_file()


def test_simulated_errors_are_named(capsys, tmp_path):
    for arguments, said in (
        (["--errors", "wild"], "did you mean 'mild'?"),
        (["--error", "person_sise=0.2"], "there are person_size"),
        (["--error", "person_size=big"], "expected a number"),
        (["--error", "person_size=9"], "accepted: 0 to 1"),
    ):
        status, printed = run_here(capsys, "demo", *arguments, "--out", tmp_path / "out")
        assert status == 1
        assert said in " ".join(printed.split())
    assert not (tmp_path / "out").exists()


def test_python_m_mfh_is_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "mfh", "--version"], capture_output=True, text=True, check=False
    )
    assert re.fullmatch(r"mfh \d+\.\d+\.\d+\n", done.stdout)


def test_nobody_painted_says_so_with_counts(capsys, tmp_path):
    status, printed = run_here(
        capsys,
        *("demo", "--errors", "none", "--error", "nobody=1", "-n", 4, "--out", tmp_path / "out"),
    )
    assert status == 1
    assert "none of 4 painted photos" in printed
    assert "4 x nobody found" in printed
    assert "painted.png shows them" in " ".join(printed.split())
    assert (tmp_path / "out" / "painted.png").is_file()
    assert not (tmp_path / "out" / "summary.json").exists()


def test_doctor_lists_what_can_run(capsys):
    status, printed = run_here(capsys, "doctor")
    assert status == 0
    for word in ("mfh demo", "can run", "warp-lang", "GPU", "--preset paper"):
        assert word in printed


def test_importing_mfh_and_asking_for_help_load_no_model_library():
    program = (
        "import sys, mfh, mfh_cli.main\n"
        "heavy = {'torch', 'warp', 'scipy', 'matplotlib', 'PIL', 'trimesh'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert mfh.metric_depth and mfh.MetricFromHuman\n"
        "assert not {'torch', 'warp'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_example_of_an_own_part_runs():
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / "own_part.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    people, error = re.fullmatch(r"(\d+) people, AbsRel ([\d.]+)%\n", done.stdout).groups()
    assert int(people) > 0
    assert float(error) < 8


def test_the_readme_keeps_its_promises():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "pip install -e . && mfh demo" in readme
    assert 'pip install -e ".[test]" && pytest' in readme
    for target in ("docs/images/demo.jpg", "docs/benchmarks.md"):
        assert target in readme
        assert (REPOSITORY / target).is_file()
