"""Boxes of KITTI's objects, the depth in them, and what it says of their height."""

from __future__ import annotations

import math

import numpy as np
import pytest
from data_set_trees import write_text
from kitti_trees import label, write_objects

from mfh.datasets.base import LayoutError
from mfh.errors import InputError, SettingsError
from mfh.evaluation.consistency import charts
from mfh.evaluation.consistency.kitti_objects import (
    CLASSES,
    KittiObjects,
    LabelledObject,
    read_labels,
)
from mfh.evaluation.consistency.spatial import (
    ObjectDepth,
    class_scores,
    median_in_box,
    object_depths,
    rank_correlation,
)
from mfh.evaluation.consistency.temporal import PairScore
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.runs.run_file import RowInfo, RunInfo


def test_marks_at_the_edge_of_a_chart_are_whole(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(charts, "_save", lambda figure, path: figures.append(figure))
    row = RowInfo("ours", "Ours", (0,), {})
    score = PairScore("ours", 3, 4, 0.0)
    charts.draw_temporal(tmp_path / "t.png", [row], [score], "title")
    labelled = LabelledObject("0", "Car", (0, 0, 9, 9), 0.1, 0, 0)
    charts.draw_spatial(tmp_path / "s.png", [row], [ObjectDepth("ours", labelled, 0.1)])
    marks = [m for f in figures for axes in f.axes for m in (*axes.lines, *axes.collections)]
    assert len(marks) == 1 + 2 * len(CLASSES)
    assert not any(mark.get_clip_on() for mark in marks)


def test_labels_are_read(tmp_path):
    # A line as KITTI's training labels have them.
    line = "Car 0.10 1 -1.59 586.42 199.76 662.87 266.02 1.36 1.69 3.38 0.28 2.08 17.74 -1.58"
    other = label("Van", (0, 0, 9, 9), 5)
    nothing = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"
    path = tmp_path / "000007.txt"
    write_text(path, f"{line}\n{other}\n{nothing}\n")
    (car,) = read_labels(path)
    assert car == LabelledObject("000007", "Car", (586.42, 199.76, 662.87, 266.02), 17.74, 0.1, 1)
    assert car.height_px == pytest.approx(66.26)


@pytest.mark.parametrize("line", ["Car 0 0", "Car " + " ".join(["x"] * 14), "Car " + "nan " * 14])
def test_broken_labels_are_named(tmp_path, line):
    write_text(tmp_path / "000000.txt", f"\n{line}\n")
    with pytest.raises(InputError, match=r"000000\.txt, line 2: .* 14 numbers"):
        read_labels(tmp_path / "000000.txt")


def test_which_objects_count(tmp_path):
    box = (10, 10, 20, 30)
    root = write_objects(
        tmp_path,
        [
            [
                label("Car", box, 10),
                label("Car", box, 11, occluded=1, truncated=0.3),
                label("Car", box, 12, occluded=2),
                label("Car", box, 13, truncated=0.31),
                label("Pedestrian", box, 14, occluded=3, truncated=1),
                label("Cyclist", box, 81),
                label("Cyclist", (10, 30, 20, 30), 15),
                label("Tram", box, 16),
            ],
            [label("Truck", box, 17)],
        ],
    )
    assert [each.z_m for each in KittiObjects(root).objects] == [10, 11]
    assert [each.z_m for each in KittiObjects(root, 0, 0.0).objects] == [10]
    every = KittiObjects(root / "training", 3, 1.0)
    assert [each.z_m for each in every.objects] == [10, 11, 12, 13, 14]
    (sample,) = every.samples()
    photo = every.photo(sample)
    camera = photo.camera
    assert (photo.shape, photo.name) == ((48, 160), "000000")
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (700, 710, 80, 24)
    with pytest.raises(InputError, match="no depth maps"):
        every.truth(sample)
    (checked,) = (every.check(),)
    assert (checked.expected, checked.found) == (1, 1)


def test_bad_folders_say_where_to_get_the_data(tmp_path):
    with pytest.raises(LayoutError, match=r"expected training/image_2.*it is empty.*eval_object"):
        KittiObjects(tmp_path).samples()
    (tmp_path / "training" / "label_2").mkdir(parents=True)
    with pytest.raises(LayoutError, match=r"label_2: holds no labels.*eval_object"):
        KittiObjects(tmp_path).samples()
    write_objects(tmp_path, [[label("Car", (1, 1, 9, 9), 10, occluded=2)]])
    with pytest.raises(InputError, match="allow more"):
        KittiObjects(tmp_path).require_photos()
    (tmp_path / "training" / "image_2" / "000000.png").unlink()
    with pytest.raises(InputError, match=r"none of the 1 photos .*000000\.png.*eval_object"):
        KittiObjects(tmp_path, 2).require_photos()
    for limits in ((-1, 0.3), (4, 0.3), (1, 1.1)):
        with pytest.raises(SettingsError, match="expected 0"):
            KittiObjects(tmp_path, *limits)


def test_the_median_of_the_pixels_that_a_box_touches():
    depth_m = np.full((20, 30), 50, np.float32)
    depth_m[5:10, 7:12] = [[1, 2, 3, 4, 5]] * 5

    def median(box):
        return median_in_box(depth_m, LabelledObject("0", "Car", box, 1, 0, 0))

    # Pixel (7, 5) is centred at (7, 5): the box from -0.4 to +0.4 about the block is the block.
    assert median((7, 5, 11, 9)) == median((6.6, 4.6, 11.4, 9.4)) == 3
    assert median((7, 5, 7, 5)) == 1
    assert median((9, 5, 16, 9)) == 50
    assert median((-9, -9, 900, 900)) == 50
    with pytest.raises(InputError, match=r"outside of its 30 x 20 px"):
        median((40, 5, 50, 9))


def test_rank_correlation_by_hand():
    first = np.array([10.0, 20, 30, 40, 50])
    assert rank_correlation(first, first**3) == pytest.approx(1)
    assert rank_correlation(first, 1 / first) == pytest.approx(-1)
    # Squared differences of ranks 0, 1, 1, 1, 1: 1 - 6 * 4 / (5 * 24).
    assert rank_correlation(first, np.array([1.0, 3, 2, 5, 4])) == pytest.approx(0.8)
    # Equal values share ranks 1.5, 1.5, 3: correlation of (1, 2, 3) with those.
    assert rank_correlation(first[:3], np.array([7.0, 7, 9])) == pytest.approx(math.sqrt(0.75))
    assert math.isnan(rank_correlation(first, np.ones(5)))
    assert math.isnan(rank_correlation(np.array([]), np.array([])))


def test_scores_of_planted_depth(tmp_path):
    # Cars of one height: the higher in px, the nearer.
    heights = {6: 35.0, 12: 17.5, 20: 10.5, 30: 7.0}
    labels = [
        [label("Car", (20, 5, 60, 5 + height), z_m), label("Pedestrian", (90, 5, 99, 25), 8)]
        for height, z_m in heights.items()
    ]
    data_set = KittiObjects(write_objects(tmp_path, labels))
    samples = data_set.samples()
    rows = tuple(RowInfo(key, key.title(), (0,), {}) for key in ("good", "flat", "none"))
    names = tuple(sample.name for sample in samples)
    run = RunInfo(tmp_path / "run", data_set.name, data_set.root, rows, names)
    for name, z_m in zip(names, heights.values()):
        good = np.full((48, 160), 79, np.float32)
        good[:, 80:] = 8 * 0.75
        good[:, :80] = 1.1 * z_m
        run.predictions("good", 0).write(name, StoredPrediction(good))
        # NaN is scored as the cap, as in an evaluation.
        flat = np.full((48, 160), 20 if name != names[0] else np.nan, np.float32)
        run.predictions("flat", 0).write(name, StoredPrediction(flat))
    run.predictions("none", 0).failed(names[1], "out of film")
    depths, failed = object_depths(run, data_set, names)
    assert failed == [
        ("none", names[0], "not predicted yet"),
        ("none", names[1], "out of film"),
        ("none", names[2], "not predicted yet"),
        ("none", names[3], "not predicted yet"),
    ]
    assert len(depths) == 16
    scores = {(score.row, score.kind): score for score in class_scores(run, depths)}
    assert len(scores) == 9
    car = scores["good", "Car"]
    assert (car.count, car.label) == (4, "Good")
    assert car.rank_correlation == pytest.approx(-1)
    assert car.true_rank_correlation == pytest.approx(-1)
    assert car.abs_rel == pytest.approx(0.1, abs=1e-6)
    person = scores["good", "Pedestrian"]
    assert person.abs_rel == pytest.approx(0.25)
    assert math.isnan(person.rank_correlation), "all of one height"
    flat = scores["flat", "Car"]
    # 80 m and three times 20: ranks 4, 2, 2, 2 against heights 1 to 4.
    assert flat.rank_correlation == pytest.approx(-3 / math.sqrt(15))
    expected = [abs(80 - 35) / 35, *(abs(20 - z_m) / z_m for z_m in (17.5, 10.5, 7))]
    assert flat.abs_rel == pytest.approx(np.mean(expected))
    assert (scores["none", "Car"].count, scores["good", "Cyclist"].count) == (0, 0)
    # Only photos that are asked for.
    assert len(object_depths(run, data_set, names[:1])[0]) == 4
