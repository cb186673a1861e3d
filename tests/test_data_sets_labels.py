"""Photos with labelled pixels: DepthLM's JSON lines."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mfh.datasets.labels import IBIMS_UNIT_M, Labels
from mfh.datasets.photo_files import differing, identities
from mfh.errors import InputError, SettingsError
from mfh.evaluation import depth_errors

HEIGHT, WIDTH = 48, 64
LINE = {
    "image": "rgb/a.png",
    "intrinsics": [50.0, 40.0, 32.0, 24.0, WIDTH, HEIGHT],
    "pixel_coords": [[32, 24], [62, 24], [32, 4]],
    "depth": [2.0, 3.0, 4.0],
}


def labels(root: Path, *lines: object, **options: object) -> Labels:
    (root / "rgb").mkdir(exist_ok=True)
    for line in lines:
        if isinstance(line, dict) and isinstance(line.get("image"), str):
            image = Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 30))
            image.save(root / line["image"].lstrip("/"))
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (root / "labels.jsonl").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return Labels(root, **options)


def known(truth: np.ndarray) -> dict[tuple[int, int], float]:
    return {(int(x), int(y)): float(truth[y, x]) for y, x in np.argwhere(np.isfinite(truth))}


def test_distances_become_z(tmp_path):
    data = labels(tmp_path, LINE)
    (sample,) = data.samples()
    assert sample.name == "rgb/a"
    truth = data.truth(sample)
    assert truth.dtype == np.float32 and truth.shape == (HEIGHT, WIDTH)
    # On the axis; 30 px right of it at f = 50 px: z = d / sqrt(1 + 0.36); 20 px above at f = 40 px.
    assert known(truth) == pytest.approx(
        {(32, 24): 2, (62, 24): 3 / math.sqrt(1.36), (32, 4): 4 / math.sqrt(1.25)}
    )
    photo = data.photo(sample)
    camera = photo.camera
    assert photo.shape == truth.shape
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (50, 40, 32, 24)
    assert camera.source == "given"


def test_another_line_leaves_a_photo_what_it_was(tmp_path):
    alone = labels(tmp_path, LINE)
    identity = identities(alone, alone.samples())
    more = labels(tmp_path, {**LINE, "image": "rgb/b.png"}, "", LINE)
    assert identities(more, more.samples())["rgb/a"] == identity["rgb/a"]
    for changes in ({"depth": [2.0, 3.0, 5.0]}, {"intrinsics": [51.0, *LINE["intrinsics"][1:]]}):
        changed = labels(tmp_path, {**LINE, **changes})
        now = identities(changed, changed.samples())
        assert differing(identity, now) == [("rgb/a", "truth")]


def test_labels_that_are_z_stay(tmp_path):
    data = labels(tmp_path, LINE, labelled="depth")
    truth = data.truth(data.samples()[0])
    assert known(truth) == {(32, 24): 2, (62, 24): 3, (32, 4): 4}


def test_whole_numbers_of_the_unit_of_ibims_are_z(tmp_path):
    units = {**LINE, "depth": [2000 * IBIMS_UNIT_M, 2001 * IBIMS_UNIT_M, 65535 * IBIMS_UNIT_M]}
    assert labels(tmp_path, units).samples()[0].extra["labelled"] == "depth"
    # One photo with other values makes them distances in the whole file.
    other = {**LINE, "image": "rgb/b.png"}
    both = labels(tmp_path, units, other).samples()
    assert [sample.extra["labelled"] for sample in both] == ["distance", "distance"]


def test_delta1_does_not_depend_on_distance_or_z(tmp_path):
    data = labels(tmp_path, LINE)
    truth = data.truth(data.samples()[0])
    z = np.full_like(truth, 2.6)
    # DepthLM compares distances: 2.6, 2.6 sqrt(1.36) and 2.6 sqrt(1.25) with 2, 3 and 4; the ratios
    # are 1.3, 1.011 and 1.376.
    assert depth_errors(z, truth, np.isfinite(truth))["delta1"] == pytest.approx(1 / 3)


def test_the_nearest_of_labels_that_share_a_pixel_counts(tmp_path):
    line = {**LINE, "pixel_coords": [[3, 5], [3, 5], [3.9, 5.2]], "depth": [4.0, 2.5, 3.0]}
    data = labels(tmp_path, line, labelled="depth")
    assert known(data.truth(data.samples()[0])) == {(3, 5): 2.5}


def test_a_focal_length_of_zero_is_the_other_one(tmp_path):
    data = labels(tmp_path, {**LINE, "intrinsics": [0, 40, 32, 24, WIDTH, HEIGHT]})
    assert data.photo(data.samples()[0]).camera.fx == 40


def test_images_lie_where_they_are_said_to(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "rgb").mkdir(parents=True)
    Image.new("RGB", (WIDTH, HEIGHT)).save(elsewhere / "rgb" / "a.png")
    rooted = {**LINE, "image": "/rgb/a.png"}
    data = labels(tmp_path, rooted)
    assert data.samples()[0].photo == tmp_path / "rgb" / "a.png"
    data = Labels(tmp_path / "labels.jsonl", images="elsewhere")
    (sample,) = data.samples()
    assert sample.photo == elsewhere / "rgb" / "a.png" and sample.name == "rgb/a"
    assert pickle.loads(pickle.dumps(data)) == data


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "a.png", ', "line 2: not readable as JSON"),
        ("3", "line 2: holds no JSON object"),
        ({"image": "a.png", "depth": []}, "line 2: intrinsics and pixel_coords missing; expected"),
        ({**LINE, "image": 7}, "line 2: image is 7; it must be a text"),
        ({**LINE, "image": "/"}, "line 2: image is '/'; it must be a path"),
        (LINE, r"line 2: 'rgb/a' is there already \(.*line 1\)"),
    ],
)
def test_lines_that_cannot_be_understood(tmp_path, line, message):
    first = json.dumps(LINE)
    with pytest.raises(InputError, match=message):
        labels(tmp_path, first, line if isinstance(line, str) else json.dumps(line)).samples()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixel_coords": [[0, 0], [64, 0], [0, 0]]}, r"pixel_coords\[1\] is \[64, 0\], outside"),
        ({"pixel_coords": [[0, 0], [0, 48], [0, 0]]}, r"outside the photo of 64 x 48 px"),
        ({"pixel_coords": [[0, 0], [0, 0], [-1, -1]]}, r"pixel_coords\[2\] is \[-1, -1\], outside"),
        ({"pixel_coords": [[0, 0], [0], [0, 0]]}, r"pixel_coords\[1\] is \[0\]; expected \[x, y\]"),
        ({"pixel_coords": [[0, 0]]}, "1 pixel_coords for 3 depth"),
        ({"pixel_coords": [], "depth": []}, "0 pixel_coords for 0 depth"),
        ({"pixel_coords": "all"}, "pixel_coords and depth must be lists"),
        ({"depth": [1, -2.0, 3]}, r"depth\[1\] is -2.0; it must be a positive number of metres"),
        ({"depth": [1, 2, math.nan]}, r"depth\[2\] is nan"),
        ({"depth": [math.inf, 2, 3]}, r"depth\[0\] is inf"),
        ({"depth": [0, 2, 3]}, r"depth\[0\] is 0"),
        ({"depth": [None, 2, 3]}, r"depth\[0\] is None"),
        ({"depth": [10**400, 2, 3]}, r"depth\[0\] is 1000"),
        ({"intrinsics": [50, 40, 32, 24]}, "must be six numbers"),
        ({"intrinsics": [50, 40, 32, 24, "64", 48]}, "must be six numbers"),
        ({"intrinsics": [50, 40, 32, 24, 64.5, 48]}, "width 64.5 and height 48; they must be whol"),
        ({"intrinsics": [50, 40, 32, 24, 0, 48]}, "width 0 and height 48"),
        ({"intrinsics": [50, 40, 32, 24, 10**6, 10**6]}, "at most 120 megapixels"),
        ({"intrinsics": [-50, 40, 32, 24, 64, 48]}, "both must be positive"),
        ({"intrinsics": [0, 0, 32, 24, 64, 48]}, "both must be positive"),
    ],
)
def test_wrong_labels_keep_one_photo_out(tmp_path, changes, message):
    wrong = {**LINE, "image": "rgb/b.png", **changes}
    data = labels(tmp_path, LINE, wrong)
    first, second = data.samples()
    with pytest.raises(InputError, match=f"labels.jsonl, line 2: .*{message}"):
        data.truth(second)
    assert data.truth(first).shape == (HEIGHT, WIDTH)
    checked = data.check()
    assert (checked.found, checked.expected) == (1, 2)
    assert "line 2" in checked.missing["rgb/b"]
    assert any(line.startswith("  wrong: ") for line in checked.lines)


def test_a_photo_of_another_size_than_its_intrinsics(tmp_path):
    data = labels(tmp_path, {**LINE, "intrinsics": [100, 80, 64, 48, 2 * WIDTH, 2 * HEIGHT]})
    (sample,) = data.samples()
    with pytest.raises(InputError, match=r"line 1: .*a.png is 64 x 48 px, but its .* 128 x 96 px"):
        data.photo(sample)


def test_photos_that_cannot_be_read(tmp_path):
    data = labels(tmp_path, LINE)
    (sample,) = data.samples()
    sample.photo.write_bytes(b"not a photo")
    with pytest.raises(InputError, match="line 1: .*a.png: is not an image of a known format"):
        data.photo(sample)
    sample.photo.unlink()
    with pytest.raises(InputError, match="line 1: .*a.png: there is no such file"):
        data.photo(sample)
    checked = data.check()
    assert checked.found == 0
    assert checked.missing == {"rgb/a": str(tmp_path / "rgb" / "a.png")}
    assert "  missing: rgb/a.png" in checked.lines
    assert "DepthLM_Official" in checked.lines[-1]


def test_folders_without_one_file_of_labels(tmp_path):
    with pytest.raises(InputError, match="holds no .jsonl file; give the path of one file"):
        Labels(tmp_path).samples()
    labels(tmp_path, LINE)
    (tmp_path / "more.jsonl").write_text("")
    # Of whatever they are for.
    with pytest.raises(InputError, match=r"more.jsonl; give the path of one file of labels; "):
        Labels(tmp_path).samples()
    with pytest.raises(InputError, match="more.jsonl: holds no photo"):
        Labels(tmp_path / "more.jsonl").samples()


def test_options_out_of_their_range(tmp_path):
    with pytest.raises(SettingsError, match="labelled 'z'; accepted: auto, distance, depth"):
        Labels(tmp_path, labelled="z")
    with pytest.raises(SettingsError, match="min_m = 0.001 and max_m = -3 m"):
        Labels(tmp_path, max_m=-3.0)


def test_labels_beyond_the_cap_are_told_of(tmp_path):
    data = labels(tmp_path, LINE, labelled="depth", max_m=3.5)
    assert "1 of them lie beyond max_m = 3.5 m and do not count" in data.check().lines


def test_real_labels_by_hand(shared):
    data = Labels(shared / "data" / "ibims1")
    samples = data.samples()
    assert len(samples) == 30
    assert samples[0].name == "rgb/corridor_01"
    checked = data.check()
    assert (checked.found, checked.expected, checked.missing) == (30, 30, {})
    assert checked.lines == (
        "layout: DepthLM's labelled pixels in labels.jsonl",
        "30 of 30 photos are there with all that belongs to them",
        "3000 labelled pixels, taken for z, along the optical axis (labelled = depth)",
    )
    truth = data.truth(samples[0])
    assert truth.shape == (480, 640) and len(known(truth)) == 100
    # Its first label is [519, 129], 2.41779... m = 3169 units of 50 / 65535 m.
    assert truth[129, 519] == pytest.approx(3169 * 50 / 65535)
    camera = data.photo(samples[0]).camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (559.62, 558.14, 361.87, 241.99)
    # As a distance: x = 157.13 / 559.62 = 0.280780, y = -112.99 / 558.14 = -0.202440, and
    # sqrt(1 + x^2 + y^2) = 1.058215.
    as_distance = Labels(shared / "data" / "ibims1", labelled="distance")
    truth = as_distance.truth(as_distance.samples()[0])
    assert truth[129, 519] == pytest.approx(2.417792 / 1.058215, rel=1e-5)


@pytest.mark.parametrize("name", ["kitchen_02", "kitchen_05", "factory_01", "corridor_09"])
def test_real_walls_are_flat_when_labels_are_z(shared, name):
    """On a plane 1 / z is linear in x and y; the largest plane is found by sampling."""
    flat = {}
    for labelled in ("depth", "distance"):
        data = Labels(shared / "data" / "ibims1", labelled=labelled)
        sample = next(s for s in data.samples() if s.name == f"rgb/{name}")
        truth, camera = data.truth(sample), data.photo(sample).camera
        rows, columns = np.nonzero(np.isfinite(truth))
        z = truth[rows, columns].astype(np.float64)
        x, y = (columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy
        points = np.stack([np.ones_like(x), x, y], axis=1)
        rng = np.random.default_rng(0)
        triples = np.stack([rng.choice(len(z), 3, replace=False) for _ in range(500)])
        corners = points[triples]
        usable = np.abs(np.linalg.det(corners)) > 1e-6
        planes = np.linalg.solve(corners[usable], 1 / z[triples[usable]][..., None])[..., 0]
        flat[labelled] = (np.abs(planes @ points.T * z - 1) < 0.004).sum(axis=1).max()
    assert flat["depth"] > 45
    assert flat["depth"] > 2 * flat["distance"]


def test_the_mean_over_photos_is_depthlms_mean_over_labels(shared):
    folder = shared / "data" / "ibims1"
    data = Labels(folder)
    deltas = []
    for sample in data.samples():
        truth = data.truth(sample)
        guess = np.full_like(truth, 3)
        deltas.append(depth_errors(guess, truth, data.protocol.valid(truth))["delta1"])
    lines = (folder / "labels.jsonl").read_text().splitlines()
    stored = np.concatenate([json.loads(line)["depth"] for line in lines])
    over_labels = (np.maximum(stored / 3, 3 / stored) < 1.25).mean()
    assert np.mean(deltas) == pytest.approx(over_labels)


def test_a_line_may_say_itself_what_its_labels_are(tmp_path):
    units = {**LINE, "depth": [IBIMS_UNIT_M * 40_000] * len(LINE["depth"])}
    said = labels(tmp_path, {**units, "labelled": "distance"})
    assert said.samples()[0].extra["labelled"] == "distance"
    asked = labels(tmp_path, {**units, "labelled": "distance"}, labelled="depth")
    assert asked.samples()[0].extra["labelled"] == "depth"
    with pytest.raises(InputError, match="line 1: labelled is 'z'; it must be distance or depth"):
        labels(tmp_path, {**LINE, "labelled": "z"}).samples()
