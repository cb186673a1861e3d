"""What DepthLM is taught: questions about labelled photos, with their answers."""

from __future__ import annotations

import math
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from depthlm_runs import FOCAL, HEIGHT, TASKS, WIDTH, settings_of, write_labels

from mfh.errors import (
    InputError,
    SettingsError,
)
from mfh.estimators.depthlm.answers import parse_answer
from mfh.estimators.depthlm.asking import ray_length
from mfh.estimators.depthlm.training.crops import draw_window
from mfh.estimators.depthlm.training.examples import Example, Examples, answer_text
from mfh.estimators.depthlm.training.labelled import draw_photos, labelled_files
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.records import Intrinsics


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labels(tmp_path_factory.mktemp("labels") / "set")


def test_the_arrow_stands_at_the_label_whatever_the_crop(labels: Path) -> None:
    files = labelled_files([labels])
    settings = settings_of(
        crop_height_min_px=56, crop_height_max_px=56, crop_width_min_px=56, crop_width_max_px=58
    )
    examples = Examples(files, 40, settings, FOCAL)
    seen = set()
    for index in range(len(examples)):
        example = examples[index]
        assert isinstance(example, Example)
        (image,) = example.question.images
        assert image.shape[0] == HEIGHT and 56 <= image.shape[1] <= 58
        red = (image == (255, 0, 0)).all(axis=-1)
        rows, columns = np.nonzero(red)
        assert red.sum() == 9
        x, y = int(columns.max()) + 1, int(np.median(rows))
        photo = next(p for p in files[0].photos if p.sample.name == example.name)
        left = (WIDTH - image.shape[1]) // 2
        (label,) = np.flatnonzero((photo.x_px == x + left) & (photo.y_px == y))
        pixels = photo.photo().image
        np.testing.assert_array_equal(image[y, x], pixels[y, x + left])
        distance_m = photo.depth_m[label] * ray_length(photo.photo().camera, x + left, y)
        said = parse_answer(example.answer, example.question.unit).value
        assert said == pytest.approx(distance_m, abs=0.0051)
        seen.add((example.name, label))
    assert len(seen) > 12


def test_answers_of_all_tasks_follow_from_the_labels(tmp_path: Path) -> None:
    # So short a focal length that half a px shows in the distances.
    focal = 40.0
    path = write_labels(tmp_path / "set", intrinsics=[focal, focal, 31.0, 19.0, WIDTH, HEIGHT])
    files = labelled_files([path])
    examples = Examples(files, 100, settings_of(tasks=TASKS), focal)
    tasks = Counter()
    for example in examples:
        assert isinstance(example, Example)
        question = example.question
        tasks[question.task] += 1
        said = parse_answer(example.answer, question.unit)
        assert said.value is not None, said.refused
        written = example.answer.split()[-2]
        small = question.task in ("speed", "time") and said.value < 1
        assert written == f"{said.value:.{2 - math.floor(math.log10(said.value)) if small else 2}f}"
        numbers = [float(w) for w in question.text.replace(",", "").split() if w[0].isdigit()]
        photo = next(p for p in files[0].photos if p.sample.name == example.name)
        camera = photo.photo().camera
        x, y = (photo.x_px - camera.cx) / focal, (photo.y_px - camera.cy) / focal
        places = np.stack([x, y, np.ones_like(x)], axis=-1) * photo.depth_m[:, None]
        away = np.linalg.norm(places, axis=1)
        possible = {
            "distance": away,
            "depth": photo.depth_m,
            "speed": away / numbers[0] if numbers else away,
            "time": away / numbers[0] if numbers else away,
            "two points": np.linalg.norm(places[:, None] - places, axis=-1).ravel(),
        }[question.task]
        rounding = 0.0051 * said.value if small else 0.0051
        assert np.abs(possible - said.value).min() < rounding
    assert set(tasks) == set(TASKS)
    assert min(tasks.values()) > 8


def test_a_photo_with_one_label_is_not_asked_about_two(tmp_path: Path) -> None:
    files = labelled_files([write_labels(tmp_path / "set", labels=1)])
    for example in Examples(files, 4, settings_of(tasks=("two points",)), FOCAL):
        assert isinstance(example, Example)
        assert example.question.task == "distance"


def test_two_arrows_do_not_lie_over_each_other(tmp_path: Path) -> None:
    """Labels 2 to 4 px apart are not asked about together, others are."""
    near = [[20, 20], [24, 20], [22, 22]]
    settings = settings_of(tasks=("two points",))
    files = labelled_files([write_labels(tmp_path / "near", pixel_coords=near, depth=[2, 4, 8])])
    examples = Examples(files, 20, settings, FOCAL)
    assert {example.question.task for example in examples} == {"distance"}
    beside = [*near, [22, 33]]
    path = write_labels(tmp_path / "far", pixel_coords=beside, depth=[2, 4, 8, 100])
    tasks = Counter()
    for example in Examples(labelled_files([path]), 20, settings, FOCAL):
        tasks[example.question.task] += 1
        assert parse_answer(example.answer, "m").value > 90
    assert tasks == {"two points": 20}


def test_small_values_stay_answers() -> None:
    for task, unit in (("distance", "m"), ("speed", "m/s"), ("time", "s"), ("two points", "m")):
        small = 0.001 if task in ("speed", "time") else 0.01
        assert parse_answer(answer_text(task, 0.0004, 1.0), unit).value == small
        assert parse_answer(answer_text(task, 1234.5678, 1.0), unit).value == 1234.57


def test_small_speeds_and_times_keep_three_digits() -> None:
    for task in ("speed", "time"):
        assert answer_text(task, 0.033333, 1.0).endswith("<answer> 0.0333 </answer>")
        assert answer_text(task, 0.99, 1.0).endswith("<answer> 0.990 </answer>")
    for task in ("distance", "depth", "two points"):
        assert answer_text(task, 0.333, 0.333).endswith("<answer> 0.33 </answer>")


def test_labels_are_read_without_a_map_of_the_photo(tmp_path: Path) -> None:
    whole = [FOCAL, FOCAL, 31.0, 19.0, 10_000, 10_000]
    path = write_labels(tmp_path / "set", intrinsics=whole)
    tracemalloc.start()
    try:
        (file,) = labelled_files([path])
        assert not file.data_set.check().missing
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000 * 10_000 / 4  # bytes
    assert [len(photo.depth_m) for photo in file.photos] == [5] * 4


def test_another_photo_takes_the_place_of_one_that_cannot_be_read(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "set")
    files = labelled_files([path])
    before = list(Examples(files, 40, settings_of(), FOCAL))
    (tmp_path / "set/rgb/2.png").write_bytes(b"no photo")
    after = list(Examples(files, 40, settings_of(), FOCAL))
    others = set()
    for was, now in zip(before, after, strict=True):
        if was.name != "rgb/2":
            assert (now.name, now.answer, now.unreadable) == (was.name, was.answer, ())
            continue
        others.add(now.name)
        assert now.name != "rgb/2"
        assert set(map(type, now.unreadable)) == {str}
        assert "line 3: " in now.unreadable[0] and "2.png" in now.unreadable[0]
    assert others == {"rgb/0", "rgb/1", "rgb/3"}
    again = Examples(files, 40, settings_of(), FOCAL)
    assert [again[n].answer for n in range(40)] == [example.answer for example in after]
    for photo in (tmp_path / "set/rgb").iterdir():
        photo.write_bytes(b"no photo")
    (error,) = Examples(files, 1, settings_of(), FOCAL)
    assert isinstance(error, InputError)
    assert re.search(r"labels\.jsonl.*line \d: .*; nor can 9 others be read", str(error))


def test_crops_are_central_and_of_the_sizes_asked_for() -> None:
    camera = Intrinsics(2000, 1000, 1500, 700, 1500, 4000)
    random = np.random.default_rng(0)
    settings = TrainingSettings()
    # All around the middle, where every crop is.
    x, y = random.integers(1600, 2400, 50), random.integers(600, 900, 50)
    sides = []
    for _ in range(200):
        window, label, usable = draw_window(camera, x, y, settings, 1000, random)
        assert label in usable and len(usable) == 50
        assert abs(2 * window.left + window.width - 4000) <= 1
        assert abs(2 * window.top + window.height - 1500) <= 1
        sides.append((window.height, window.width / 2))  # in px of the view: fx is twice 1000
    least, most = np.min(sides, axis=0), np.max(sides, axis=0)
    assert (least >= (700, 1000)).all() and (least < (720, 1020)).all()
    assert (most <= (1200, 1400)).all() and (most > (1180, 1380)).all()
    # Smaller photos are taken whole, and never more than the model takes.
    window, _, _ = draw_window(camera, x, y, settings, 200, random)
    assert (window.top, window.left, window.height, window.width) == (0, 0, 1500, 4000)
    window, _, _ = draw_window(camera, x, y, settings, 1000, random, longest_px=600)
    assert (window.height, window.width) == (600, 1200)


@pytest.mark.parametrize("place", [(0, 0), (3999, 1499), (3990, 5), (11, 700), (1999, 60)])
def test_a_crop_moves_to_a_label_that_is_alone(place: tuple[int, int]) -> None:
    camera = Intrinsics(2000, 1000, 2000, 750, 1500, 4000)
    random = np.random.default_rng(0)
    x, y = np.array([place[0]]), np.array([place[1]])
    for _ in range(20):
        window, label, usable = draw_window(camera, x, y, TrainingSettings(), 1000, random)
        assert (label, usable.tolist()) == (0, [0])
        assert 0 <= window.top <= 1500 - window.height
        assert 0 <= window.left <= 4000 - window.width
        # Its arrow has room, 5 px of the view, wherever the photo has it.
        left, top = place[0] - window.left, place[1] - window.top
        assert left >= min(10, place[0]) and window.width - 1 - left >= min(10, 3999 - place[0])
        assert top >= min(5, place[1]) and window.height - 1 - top >= min(5, 1499 - place[1])


def test_photos_come_in_rounds_and_files_by_their_weights(tmp_path: Path) -> None:
    paths = [write_labels(tmp_path / "a", 7), write_labels(tmp_path / "b", 3)]
    files = labelled_files(paths, [1, 3])
    drawn = draw_photos(files, 4000, seed=0)
    assert (drawn[:, 0] == 1).mean() == pytest.approx(0.75, abs=0.02)
    for number, count in enumerate((7, 3)):
        photos = drawn[drawn[:, 0] == number, 1]
        rounds = photos[: len(photos) // count * count].reshape(-1, count)
        assert (np.sort(rounds, axis=1) == np.arange(count)).all()
        assert len({tuple(each) for each in rounds.tolist()}) > 1
    np.testing.assert_array_equal(drawn, draw_photos(files, 4000, seed=0))
    assert (drawn != draw_photos(files, 4000, seed=1)).any()
    # Without weights, each photo as often.
    shares = draw_photos(labelled_files(paths), 4000, seed=0)[:, 0]
    assert shares.mean() == pytest.approx(0.3, abs=0.02)


def test_files_that_cannot_be_trained_on(tmp_path: Path, labels: Path) -> None:
    with pytest.raises(SettingsError, match="1 weights for 2 files"):
        labelled_files([labels, labels], [1])
    with pytest.raises(SettingsError, match="weight -1"):
        labelled_files([labels], [-1])
    with pytest.raises(InputError, match="there is no such file"):
        labelled_files([tmp_path / "none.jsonl"])
    broken = write_labels(tmp_path / "broken", depth=[1.0])
    with pytest.raises(InputError, match=r"line 1: 5 pixel_coords for 1 depth"):
        labelled_files([broken])
    away = write_labels(tmp_path / "away")
    for photo in (tmp_path / "away/rgb").iterdir():
        photo.rename(tmp_path / photo.name)
    with pytest.raises(InputError, match="none of its 4 photos is there"):
        labelled_files([away])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tasks": ("distance", "camera motion")}, "tasks is 'camera motion'"),
        ({"tasks": ()}, "tasks is ()"),
        ({"precision": "float16"}, "precision is 'float16'; accepted: auto"),
        ({"crop_width_max_px": 900}, "crop_width_max_px is 900; accepted: 1000"),
        ({"stored": "float16"}, "stored is 'float16'; accepted: auto"),
        ({"learning_rate": -1e-5}, "learning_rate is -1e-05; accepted: 0 to 1"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm is 0.0"),
        ({"focal_px": 3.0}, "focal_px is 3.0"),
    ],
)
def test_settings_that_cannot_be(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        TrainingSettings(**changed)  # type: ignore[arg-type]
    assert message in str(error.value)


def test_adapters_have_a_learning_rate_of_their_own() -> None:
    assert TrainingSettings().highest_rate == 1e-5
    assert TrainingSettings(lora=16).highest_rate == 1e-4
    assert TrainingSettings(lora=16, learning_rate=2e-5).highest_rate == 2e-5
