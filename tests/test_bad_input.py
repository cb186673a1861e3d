"""Bad input at the command line: a message, no stack trace, and nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import time

import numpy as np
import planted
import pytest
from commands import files_under, run_here, start
from PIL import Image

from mfh.pipeline import MetricFromHuman
from mfh.settings import Settings

K = {"fx": 110, "fy": 115, "cx": 60, "cy": 50}
# The planted people are no people; nothing is to be expected of them.
PLAIN_FIT = ("--set", "head_method=silog")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A photo, its camera file, and files for every stage."""
    folder = tmp_path_factory.mktemp("given")
    world = planted.World()
    settings = Settings(paintings=4, strip_min_ratio=0.4)
    MetricFromHuman(world, world, world, settings=settings).run(
        planted.photo(), folder=folder / "run"
    )
    Image.fromarray(planted.photo().image).save(folder / "photo.png")
    Image.fromarray(planted.photo().image).save(folder / "photo.jpg")
    (folder / "K.json").write_text(json.dumps(K))
    return folder


def use(given, **others):
    stages = {stage: given / "run" / stage for stage in ("painted", "people", "disparity")}
    return [f"--use={stage}={path}" for stage, path in {**stages, **others}.items()]


def predict(capsys, given, photo, *arguments, out, stages=None):
    return run_here(
        capsys, "predict", photo, *(stages or use(given)), *PLAIN_FIT, "--out", out, *arguments
    )


def refused(result, *said):
    status, printed = result
    text = " ".join(printed.split())
    assert status == 1
    assert printed.startswith("error: ")
    assert "Traceback" not in printed
    for words in said:
        assert words in text


def test_good_input_is_taken(capsys, given, tmp_path):
    status, printed = predict(
        capsys, given, given / "photo.png", "-k", given / "K.json", out=tmp_path / "out"
    )
    assert status == 0, printed
    stored = np.load(tmp_path / "out" / "depth.npz")
    np.testing.assert_allclose(stored["depth_m"], planted.scene_depth(), rtol=1e-4)
    assert "given: K.json" in printed
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["camera"]["source"] == "given"
    assert summary["simulated"] is False


def photos(given, folder):
    def save(name, image, **options):
        image.save(folder / name, **options)
        return folder / name

    whole = (given / "photo.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("not a photo")
    (folder / "folder.png").mkdir()
    huge = Image.new("1", (20000, 20000))
    return {
        "absent.jpg": (folder / "absent.jpg", "absent.jpg"),
        "folder.png": (folder / "folder.png", "folder.png"),
        "text.jpg": (folder / "text.jpg", "text.jpg"),
        "cut.jpg": (folder / "cut.jpg", "cut.jpg"),
        "1x1": (save("dot.png", Image.new("RGB", (1, 1))), "1 x 1"),
        "20000x20000": (save("huge.png", huge), "400"),
    }


@pytest.mark.parametrize(
    "name", ["absent.jpg", "folder.png", "text.jpg", "cut.jpg", "1x1", "20000x20000"]
)
def test_photos_that_cannot_be_used(capsys, given, tmp_path, name):
    path, said = photos(given, tmp_path)[name]
    refused(predict(capsys, given, path, out=tmp_path / "out"), said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "I;16"])
def test_photos_of_other_kinds_are_taken(capsys, given, tmp_path, mode):
    photo = Image.fromarray(planted.photo().image)
    if mode == "I;16":
        photo = Image.fromarray(np.asarray(photo.convert("L"), np.uint16) * 257)
    else:
        photo = photo.convert(mode)
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    photo.save(path)
    status, printed = predict(capsys, given, path, "-k", given / "K.json", out=tmp_path / "out")
    assert status == 0, printed


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ("[[0,0,0],[0,0,0],[0,0,0]]", "K.json"),
        ('{"fx": 110, "fy": NaN, "cx": 60, "cy": 50}', "fy"),
        ('{"fx": -110, "fy": 115, "cx": 60, "cy": 50}', "fx"),
        ("[[110, 0], [0, 115]]", "expected (3, 3)"),
        ('{"fx": 110, "fy": 115, "cx": 60, "cy": 50, "width": 128, "height": 128}', "128"),
        ("nonsense", "K.json"),
    ],
)
def test_cameras_that_cannot_be_used(capsys, given, tmp_path, camera, said):
    (tmp_path / "K.json").write_text(camera)
    refused(
        predict(
            capsys, given, given / "photo.png", "-k", tmp_path / "K.json", out=tmp_path / "out"
        ),
        said,
    )
    assert not (tmp_path / "out").exists()


def test_without_exif_the_camera_is_assumed_and_that_is_said(capsys, given, tmp_path):
    status, printed = predict(capsys, given, given / "photo.jpg", out=tmp_path / "out")
    text = " ".join(printed.split())
    assert status == 0
    assert "--intrinsics" in text and "--fov" in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["camera"]["source"] == "assumed"
    assert any("field of view" in warning for warning in summary["warnings"])


@pytest.mark.parametrize(
    ("stage", "content", "said"),
    [
        ("disparity", np.ones((3, 96, 128)), "expected the photo's map and one for each"),
        ("disparity", np.ones((5, 50, 50)), "50 x 50 px, but the photo is 128 x 96 px"),
        ("people", np.ones((5, 50, 50)), "no such folder"),
        ("painted", np.ones((5, 50, 50)), "no such folder"),
        ("nonsense", np.ones(1), "'nonsense' is unknown"),
    ],
)
def test_user_files_of_the_wrong_shape(capsys, given, tmp_path, stage, content, said):
    np.save(tmp_path / "wrong.npy", content)
    stages = use(given, **{stage: tmp_path / "wrong.npy"})
    result = predict(capsys, given, given / "photo.png", out=tmp_path / "out", stages=stages)
    refused(result, said)
    assert not list(tmp_path.glob("out/**/.mfh-*"))
    assert not (tmp_path / "out" / "summary.json").exists()


def test_missing_parts_are_named(capsys, given, tmp_path, monkeypatch):
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    command = ("predict", given / "photo.png", "--out", tmp_path / "out", "--offline")
    result = run_here(capsys, *command)
    refused(result, "Stable Diffusion 2", "--use painted=PATH", "mfh demo")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "painting=3"], "did you mean 'paintings'?"),
        (["--set", "paintings=many"], "expected a whole number"),
        (["--set", "fit_scale=maybe"], "expected true or false"),
        (["--set", "photo_people=twice"], "once, repeated"),
        (["--set", "paintings"], "expected NAME=VALUE"),
        (["--set", "paintings=0"], "1 to 4096"),
        (["--preset", "best"], "paper, default, fast"),
        (["--fov", "200"], "field of view is 200 degrees"),
        (["--fov", "60", "-k", "K.json"], "both"),
    ],
)
def test_settings_out_of_range(capsys, given, tmp_path, arguments, said):
    refused(predict(capsys, given, given / "photo.png", *arguments, out=tmp_path / "out"), said)
    assert not (tmp_path / "out").exists()


def test_a_stage_given_twice(capsys, given, tmp_path):
    twice = ["--use", f"people={tmp_path}"]
    refused(
        predict(capsys, given, given / "photo.png", *twice, out=tmp_path / "out"), "given twice"
    )
    assert not (tmp_path / "out").exists()


def test_compiled_kernels_that_cannot_be_kept(given, tmp_path):
    (tmp_path / "taken").write_text("")
    cache = f"import os; os.environ['WARP_CACHE_PATH'] = {str(tmp_path / 'taken')!r}"
    run = start("predict", given / "photo.png", *use(given), "--out", tmp_path / "out", code=cache)
    printed = run.communicate(timeout=120)[1]
    assert run.returncode == 1
    assert "error: cannot keep compiled kernels in" in printed
    assert "WARP_CACHE_PATH" in printed
    assert "Traceback" not in printed


def test_files_of_several_photos_lie_in_folders_of_their_names(capsys, given, tmp_path):
    for name in ("one", "two"):
        shutil.copy(given / "photo.png", tmp_path / f"{name}.png")
    for stage in ("painted", "people", "disparity"):
        shutil.copytree(given / "run" / stage, tmp_path / stage / "one")
    status, printed = run_here(
        capsys,
        *("predict", tmp_path / "one.png", tmp_path / "two.png", "-k", given / "K.json"),
        *(f"--use={stage}={tmp_path / stage}" for stage in ("painted", "people", "disparity")),
        *("--out", tmp_path / "out", *PLAIN_FIT),
    )
    assert status == 1
    assert "two: no such folder" in " ".join(printed.split())
    assert "1 of 2 photos failed" in printed
    stored = np.load(tmp_path / "out" / "one" / "depth.npz")
    np.testing.assert_allclose(stored["depth_m"], planted.scene_depth(), rtol=1e-4)
    assert not (tmp_path / "out" / "two").exists()


def test_what_to_paint_and_painted_photos_exclude_each_other(capsys, given, tmp_path):
    for option in ("--paintings", "--seed"):
        result = predict(capsys, given, given / "photo.png", option, 3, out=tmp_path / "out")
        refused(result, "--use painted=... gives painted photos; leave them out")


def test_of_several_photos_the_good_ones_are_done(capsys, given, tmp_path, monkeypatch):
    world = planted.World()
    parts = {"painter": world, "people": world, "disparity": world}
    monkeypatch.setattr("mfh.pipeline.parts_from", lambda *_: parts)
    monkeypatch.setattr("mfh.parts.LearnedParts.prepare", lambda *_: None)
    photos = [given / "photo.png", given / "photo.jpg", tmp_path / "absent.jpg"]
    status, printed = run_here(
        capsys,
        *("predict", *photos, "-k", given / "K.json", "--out", tmp_path / "out"),
        *("--paintings", 4, "--set", "strip_min_ratio=0.4", *PLAIN_FIT),
    )
    text = " ".join(printed.split())
    assert status == 1
    assert "2 of 3 photos failed:" in text
    assert "absent.jpg: there is no such file" in text
    assert f"photo.jpg: its results would replace those of {photos[0]}" in text
    stored = np.load(tmp_path / "out" / "photo" / "depth.npz")
    np.testing.assert_allclose(stored["depth_m"], planted.scene_depth(), rtol=1e-4)


def test_an_output_folder_that_is_a_file(capsys, given, tmp_path):
    (tmp_path / "taken").write_text("mine")
    refused(predict(capsys, given, given / "photo.png", out=tmp_path / "taken"), "taken")
    refused(predict(capsys, given, given / "photo.png", out=tmp_path / "taken" / "in"), "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_an_output_folder_that_cannot_be_written(capsys, given, tmp_path, monkeypatch):
    # Permission bits do not stop an administrator, so the refusal itself is stood in for.
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    result = predict(capsys, given, given / "photo.png", out=tmp_path / "out")
    refused(result, "out", "permission denied", "choose another folder")
    assert not (tmp_path / "out").exists()


def test_a_run_folder_of_another_version(capsys, given, tmp_path):
    (tmp_path / "run.json").write_text('{"format": 0}')
    refused(predict(capsys, given, given / "photo.png", out=tmp_path), "another version", "--out")
    assert files_under(tmp_path) == ["run.json"]


FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes to set")
def test_a_file_that_cannot_be_finished(given, tmp_path):
    run = start("predict", given / "photo.png", *use(given), "--out", tmp_path / "out", code=FULL)
    printed = run.communicate(timeout=120)[1]
    assert run.returncode == 1
    assert printed.startswith("error: cannot write")
    assert "file too large" in printed
    assert "Traceback" not in printed
    assert not list(tmp_path.rglob(".mfh-*"))
    assert not (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize("successes", [0, 3, 8, 9, 10])
def test_a_full_disk(capsys, given, tmp_path, monkeypatch, successes):
    written = 0
    save = Image.Image.save

    def save_until_full(self, path, *args, **kwargs):
        nonlocal written
        if written == successes:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += 1
        save(self, path, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "save", save_until_full)
    result = predict(capsys, given, given / "photo.png", out=tmp_path / "out")
    if result[0] == 0:
        pytest.fail(f"only {written} images are written, so the disk was never full")
    refused(result, "no space left", "free some space")
    assert not list(tmp_path.rglob(".mfh-*"))
    assert not (tmp_path / "out" / "summary.json").exists()
    # With room again, the same command finishes.
    monkeypatch.setattr(Image.Image, "save", save)
    status, printed = predict(capsys, given, given / "photo.png", out=tmp_path / "out")
    assert status == 0, printed


SLOW_PAINTER = """
import time
from mfh.simulation.painter import SimulatedPainter
paint = SimulatedPainter.paint
def slowly(self, photo, plan):
    for image in paint(self, photo, plan):
        time.sleep(0.3)
        yield image
SimulatedPainter.paint = slowly
"""


EIGHT = ("demo", "--paintings", "8", "--target-error", "0")


def stopped_demo(out, stop):
    run = start(*EIGHT, "--out", out, code=SLOW_PAINTER)
    deadline = time.monotonic() + 60
    while len(list(out.glob("painted.partial/0*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(stop)
    printed = run.communicate(timeout=60)[1]
    return run.returncode, printed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("stop", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_stopped_run_goes_on_where_it_stopped(capsys, tmp_path, stop):
    out = tmp_path / "stopped"
    status, printed = stopped_demo(out, getattr(signal, stop))
    assert not (out / "summary.json").exists()
    assert not (out / "painted").exists()
    kept = {p.name: p.stat().st_mtime_ns for p in out.glob("painted.partial/0*.png")}
    assert 3 <= len(kept) < 8
    if stop != "SIGKILL":
        assert status == 130
        assert "the same command goes on" in printed
        assert "Traceback" not in printed
        assert not list(out.rglob(".mfh-*"))

    status, printed = run_here(capsys, *EIGHT, "--out", out)
    assert status == 0, printed
    assert f"continued after {len(kept)} of 8" in printed
    for name, modified in kept.items():
        assert (out / "painted" / name).stat().st_mtime_ns == modified

    run_here(capsys, *EIGHT, "--out", tmp_path / "whole")
    resumed, whole = (np.load(f / "depth.npz")["depth_m"] for f in (out, tmp_path / "whole"))
    np.testing.assert_array_equal(resumed, whole)
    assert files_under(out) == files_under(tmp_path / "whole")
