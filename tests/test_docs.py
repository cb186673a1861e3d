"""The documents: their code runs, and their tables and links are those of the code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pytest
from numpy.typing import NDArray
from PIL import Image

import mfh
from mfh.camera import project
from mfh.disparity import NOT_POSITIVE, NOTHING_TO_ALIGN
from mfh.settings import PRESETS, default_settings
from mfh.simulation import SimulatedErrors
from mfh.verdicts import DISAGREES, NO_PIXEL, NOBODY, OUTSIDE, SOMEBODY

_REPOSITORY = Path(__file__).resolve().parent.parent
_DOCS = _REPOSITORY / "docs"
_OWN_PARTS = _DOCS / "your_own_parts.md"
_SETTINGS = _DOCS / "settings.md"
_FACES = [[0, 1, 2], [0, 2, 3]]
_K = [[700.0, 0, 330], [0, 650, 230], [0, 0, 1]]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's Python defines, run in a folder with a photo and its camera."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    Image.fromarray(pixels).save("photo.jpg")
    Path("K.json").write_text(json.dumps(_K))
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", _OWN_PARTS.read_text("utf-8"), re.M | re.S)
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, str(_OWN_PARTS), "exec"), names)
    return names


def _standing_board(width_m: float = 1.0) -> NDArray[np.float64]:
    """A board of that width, 1 m high, upright about its own origin."""
    half = width_m / 2
    return np.array([[-half, -0.5, 0], [half, -0.5, 0], [half, 0.5, 0], [-half, 0.5, 0]])


def test_translation_agrees_with_the_crop_it_came_from(page: dict[str, Any]) -> None:
    """In the plane of a mesh's origin both cameras must see each point at the same place."""
    camera = mfh.Intrinsics(700, 700, 330, 230, 480, 640)
    s, tx, ty = 0.8, 0.05, -0.1
    centre_px, side_px = (410.0, 260.0), 300.0
    points_m = _standing_board()
    shift = page["translation_m"]((s, tx, ty), centre_px, side_px, camera)
    seen_px = project(points_m + shift, camera)
    in_crop_px = np.array(centre_px) + side_px / 2 * s * (points_m[:, :2] + (tx, ty))
    np.testing.assert_allclose(seen_px, in_crop_px, atol=1e-9)

    uneven = mfh.Intrinsics(720, 680, 330, 230, 480, 640)
    shift = page["translation_m"]((s, tx, ty), centre_px, side_px, uneven)
    origin_px = np.array(centre_px) + side_px / 2 * s * np.array([tx, ty])
    np.testing.assert_allclose(project(shift, uneven), origin_px, atol=1e-9)
    assert shift[2] == pytest.approx(2 * np.sqrt(720 * 680) / (side_px * s))


def test_files_made_as_the_page_says_give_the_planted_depth(page: dict[str, Any]) -> None:
    """The scale planted in flat people and a slanted disparity must come back."""
    photo, plan = page["photo"], page["plan"]
    height, width = photo.shape
    # 1 / depth is 0.05 * disparity + 0.02, which grows to the right.
    disparity = np.tile(np.linspace(1, 9, width, dtype=np.float32), (height, 1))
    Path("meshes").mkdir()
    Path("disparity").mkdir()
    np.save("disparity/photo.npy", disparity)
    for index, name in enumerate(plan.names):
        Image.fromarray(photo.image).save(f"painted/{name}.png")
        np.save(f"disparity/{name}.npy", (1 + index / 10) * disparity - 0.1 * index)
        column = float(np.flatnonzero(plan.repainted[index].any(axis=0)).mean())
        depth_m = 1 / (0.05 * np.interp(column, np.arange(width), disparity[0]) + 0.02)
        side_px = 60.0
        # A crop of that side, with a board of one fifth of its width at this depth.
        s = 2 * np.sqrt(photo.camera.fx * photo.camera.fy) / (side_px * depth_m)
        shift_m = page["translation_m"](
            (s, 0.0, 0.0), (column + 0.5, height / 2), side_px, photo.camera
        )
        mesh_m = _standing_board(12 * depth_m / photo.camera.fx)
        page["save_people"](f"meshes/{name}.npz", mesh_m[None], shift_m[None], _FACES)

    depth = mfh.metric_depth(
        "photo.jpg",
        "K.json",
        use={"painted": "painted", "people": "meshes", "disparity": "disparity"},
    )
    assert depth.counts.kept == len(plan) == 32
    assert depth.head.scale == pytest.approx(0.05, rel=0.02)
    assert depth.head.offset == pytest.approx(0.02, abs=0.005)


def test_the_photos_own_people_and_its_disparity_suffice(page: dict[str, Any]) -> None:
    photo = page["photo"]
    height, width = photo.shape
    disparity = np.tile(np.linspace(1, 9, width, dtype=np.float32), (height, 1))
    Path("meshes").mkdir()
    np.save("disparity.npy", disparity)
    columns = np.array([width / 4, width / 2, 3 * width / 4])
    depth_m = 1 / (0.05 * np.interp(columns, np.arange(width) + 0.5, disparity[0]) + 0.02)
    shifts_m = np.stack(
        [(columns - photo.camera.cx) / photo.camera.fx, 0 * columns, 0 * columns + 1]
    )
    boards_m = [_standing_board(0.2)] * 3
    page["save_people"]("meshes/photo.npz", boards_m, (shifts_m * depth_m).T, _FACES)
    depth = mfh.metric_depth(
        "photo.jpg", "K.json", paint="never", use={"people": "meshes", "disparity": "disparity.npy"}
    )
    assert depth.counts.in_photo == 3
    seen = np.interp(columns / width, np.linspace(0, 1, 640), depth.depth_m[240])
    np.testing.assert_allclose(seen, depth_m, rtol=0.05)


def test_the_head_of_the_page_fits_a_planted_scale(page: dict[str, Any]) -> None:
    world = planted.World()
    head = page["MedianScale"]()
    run = mfh.MetricFromHuman(world, world, world, head=head).run(planted.photo())
    assert run.depth.counts.painted == 32
    assert run.head.used.all()
    votes = [
        1 / np.median((values * each.depth_m)[each.owner == 0])
        for values, each in zip(run.aligned.values, run.landmarks, strict=True)
        if (each.owner == 0).any()
    ]
    assert run.head.scale == pytest.approx(np.median(votes), rel=1e-3)


def test_written_plan_is_read_back(page: dict[str, Any]) -> None:
    """Masks, prompts and seeds written by the page's code are those drawn."""
    photo, plan = page["photo"], page["plan"]
    for name in plan.names:
        Image.fromarray(photo.image).save(f"painted/{name}.png")
    read = mfh.painting.PaintedFiles("painted").plan(photo)
    np.testing.assert_array_equal(read.repainted, plan.repainted)
    assert (read.names, read.prompts, read.seeds) == (plan.names, plan.prompts, plan.seeds)


def test_messages_explained_are_those_of_the_code() -> None:
    """Each reason to drop a painted photo is in the page's table."""
    text = _OWN_PARTS.read_text("utf-8")
    refused = f"{SOMEBODY}..."
    reasons = (NOBODY, refused, OUTSIDE, NO_PIXEL, NOTHING_TO_ALIGN, NOT_POSITIVE, DISAGREES)
    for reason in reasons:
        assert f"| {reason} |" in text


def _rows(text: str) -> dict[str, str]:
    """The second column of every table row, by each of the names in code in the first."""
    found: dict[str, str] = {}
    for first, second in re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", text, re.M):
        names = re.findall(r"`([\w.]+)`", first)
        values = second.split(", ") if len(names) > 1 else [second]
        found.update(zip(names, values, strict=True))
    return found


def _in_words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


@pytest.mark.parametrize(
    "defaults",
    [
        default_settings,
        lambda: SimulatedErrors.default().as_dict(),
    ],
    ids=["settings", "simulated errors"],
)
def test_settings_and_their_defaults_are_listed(defaults: Callable[[], dict[str, Any]]) -> None:
    """Every name is in the tables, with its default."""
    listed = _rows(_SETTINGS.read_text("utf-8"))
    expected = {name: _in_words(value) for name, value in defaults().items()}
    assert {name: listed.get(name) for name in expected} == expected


def test_presets_are_listed() -> None:
    """Every preset is in the table, with what it changes."""
    listed = _rows(_SETTINGS.read_text("utf-8"))
    for name, changes in PRESETS.items():
        said = ", ".join(f"`{setting}={value}`" for setting, value in changes.items())
        assert listed[name] == (said or "nothing")


@pytest.mark.parametrize("name", ["README.md", *sorted(p.name for p in _DOCS.glob("*.md"))])
def test_links_lead_to_files(name: str) -> None:
    """Every relative link of a page names a file of the repository."""
    path = (_REPOSITORY if name == "README.md" else _DOCS) / name
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).is_file(), target
