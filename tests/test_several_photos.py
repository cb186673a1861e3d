"""Several photos in one command: what fails, what is printed, what is written."""

from __future__ import annotations

import gc
import json
import re
import weakref

import numpy as np
import planted
import pytest
from commands import run_here
from PIL import Image

from mfh.errors import InputError, ModelError, NoLandmarksError
from mfh.records import Photo


@pytest.fixture
def folder(tmp_path):
    """Four photos, and the camera of all of them."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a", "b", "c", "d"):
        Image.fromarray(planted.photo().image).save(photos / f"{name}.png")
    camera = {"fx": 110, "fy": 115, "cx": 60, "cy": 50}
    (tmp_path / "K.json").write_text(json.dumps(camera))
    return photos


class World(planted.World):
    """Parts that fail in the painting of chosen photos."""

    name = "planted"

    def __init__(self, failing):
        super().__init__()
        self.failing = failing
        self.painted = []

    def paint(self, photo, plan):
        self.painted.append(photo.name)
        if photo.name in self.failing:
            error = self.failing[photo.name]
            raise type(error)(*error.args)
        return super().paint(photo, plan)


@pytest.fixture
def predict(capsys, folder, tmp_path, monkeypatch):
    def run(world, *photos):
        parts = {"painter": world, "people": world, "disparity": world}
        monkeypatch.setattr("mfh.pipeline.parts_from", lambda *_: parts)
        monkeypatch.setattr("mfh.parts.LearnedParts.prepare", lambda *_: None)
        return run_here(
            capsys,
            *("predict", *(photos or [folder]), "-k", tmp_path / "K.json"),
            *("--out", tmp_path / "out", "--paintings", 4, "--set", "strip_min_ratio=0.4"),
        )

    return run


def test_each_photo_has_its_line_in_order(predict, tmp_path):
    status, printed = predict(World({"b": NoLandmarksError("nobody [there]")}))
    lines = [line for line in printed.splitlines() if line[:2] in {"1/", "2/", "3/", "4/"}]
    assert status == 1
    assert [line.split(":")[0] for line in lines] == [
        "1/4 a.png",
        "2/4 b.png",
        "3/4 c.png",
        "4/4 d.png",
    ]
    assert lines[1] == "2/4 b.png: failed: nobody [there]"
    assert re.search(r" m to .* m, ± \d+ % \(4 people, ", lines[0])
    assert str(tmp_path / "out" / "a") in lines[0]
    assert printed.rstrip().endswith(f"{tmp_path / 'photos' / 'b.png'}: nobody [there]")
    for name in "acd":
        stored = np.load(tmp_path / "out" / name / "depth.npz")
        error = np.log(stored["depth_m"] / planted.scene_depth())
        assert (np.abs(error) < 2 * stored["relative_error_map"]).all()


def test_a_note_that_concerns_all_is_said_once(capsys, predict, folder, tmp_path, monkeypatch):
    """Of one that differs in numbers alone, the numbers are."""
    (tmp_path / "K.json").unlink()
    Image.fromarray(planted.photo().image[:, :64]).save(folder / "b.png")
    world = World({})
    parts = {"painter": world, "people": world, "disparity": world}
    monkeypatch.setattr("mfh.pipeline.parts_from", lambda *_: parts)
    monkeypatch.setattr("mfh.parts.LearnedParts.prepare", lambda *_: None)
    _, printed = run_here(
        capsys,
        *("predict", folder, "--out", tmp_path / "out", "-n", 4, "--target-error", 0),
        *("--set", "people.model=hmr2"),
    )
    assert printed.count("--intrinsics") == 1
    lines = [line for line in printed.splitlines() if "/4 " in line]
    told = [line.partition(" note ")[2] for line in lines]
    assert told == ["", "1 (here 46)", "1", "1"]


def test_what_no_photo_would_do_without_ends_the_command(predict):
    world = World({"b": ModelError("painter: unet is damaged"), "a": InputError("too dark")})
    status, printed = predict(world)
    assert status == 1
    assert world.painted == ["a", "b"], "the others were not tried"
    assert "error: painter: unet is damaged" in printed
    assert "a.png: too dark" in printed, "what failed before is listed all the same"


def test_failed_photos_are_not_kept_in_memory(predict, monkeypatch):
    alive = weakref.WeakSet()
    made = Photo.__post_init__

    def remember(photo):
        made(photo)
        alive.add(photo)

    monkeypatch.setattr(Photo, "__post_init__", remember)
    predict(World(dict.fromkeys("abcd", NoLandmarksError("nobody"))))
    gc.collect()
    assert len(alive) == 0


def test_interrupted_by_an_error_of_another_kind_the_failures_are_listed(predict, capsys):
    world = World({"a": InputError("too dark"), "b": RuntimeError("a bug")})
    with pytest.raises(RuntimeError, match="a bug"):
        predict(world)
    assert "a.png: too dark" in capsys.readouterr().err


def test_names_that_differ_in_case_alone_do_not_share_a_folder(predict, folder):
    Image.fromarray(planted.photo().image).save(folder / "A.jpg")
    status, printed = predict(World({}))
    assert status == 1
    assert "its results would replace those of" in printed
    assert "1 of 5 photos failed" in printed


def test_a_stage_that_is_unknown_is_named_before_anything_is_done(capsys, folder, monkeypatch):
    monkeypatch.setattr("mfh.parts.LearnedParts.prepare", lambda *_: pytest.fail("prepared"))
    status, printed = run_here(capsys, "predict", folder, "--use", "paint=here")
    assert status == 1
    assert (
        "--use paint=here: stage 'paint' is unknown; there are painted, people, disparity"
        in printed
    )
