"""Saved predictions of any method: how they are found, and what they may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mfh.errors import InputError
from mfh.evaluation.methods.base import Case
from mfh.evaluation.methods.saved_predictions import SavedPredictions
from mfh.records import Intrinsics, Photo

HEIGHT, WIDTH = 6, 8
DEPTH = np.linspace(1, 9, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
NAME = "office_0001a/rgb_00045"


def case(name: str = NAME) -> Case:
    camera = Intrinsics(10, 10, WIDTH / 2, HEIGHT / 2, HEIGHT, WIDTH)
    return Case(name, Photo(np.zeros((HEIGHT, WIDTH, 3), np.uint8), camera))


def save(path: Path, values: Any = DEPTH) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


@pytest.mark.parametrize(
    "path",
    [
        f"{NAME}.npy",
        "office_0001a_rgb_00045.npy",
        "office_0001a-rgb_00045.npy",
        "rgb_00045.npy",
        "some/where/rgb_00045.npy",
    ],
)
def test_files_are_found_by_name_or_stem(tmp_path: Path, path: str) -> None:
    save(tmp_path / path)
    save(tmp_path / "office_0001a" / "rgb_00046.npy", 2 * DEPTH)
    result = SavedPredictions(tmp_path, [NAME]).predict(case())
    np.testing.assert_array_equal(result.depth_m, DEPTH)
    assert result.parts == {"estimator": f"files: {tmp_path.name}"}
    assert result.warnings == () and result.head is None


def test_the_whole_name_goes_before_the_stem(tmp_path: Path) -> None:
    save(tmp_path / f"{NAME}.npy")
    save(tmp_path / "other" / "rgb_00045.npy", 2 * DEPTH)
    np.testing.assert_array_equal(SavedPredictions(tmp_path, [NAME]).predict(case()).depth_m, DEPTH)


def test_names_may_hold_dots(tmp_path: Path) -> None:
    save(tmp_path / "a.b" / "1.5.npy")
    np.testing.assert_array_equal(
        SavedPredictions(tmp_path).predict(case("a.b/1.5")).depth_m, DEPTH
    )


def test_a_missing_file_is_told_by_all_that_was_looked_for(tmp_path: Path) -> None:
    save(tmp_path / "other.npy")
    with pytest.raises(InputError) as caught:
        SavedPredictions(tmp_path, [NAME]).predict(case())
    assert str(caught.value) == (
        f"{tmp_path}: holds no prediction of {NAME}; looked for {NAME}.*, "
        "office_0001a_rgb_00045.*, office_0001a-rgb_00045.*, rgb_00045.* (.npy, .npz, .png)"
    )


@pytest.mark.parametrize(
    "paths", [("a/rgb_00045.npy", "b/rgb_00045.npy"), (f"{NAME}.npy", f"{NAME}.npz")]
)
def test_two_files_that_may_be_meant_are_refused(tmp_path: Path, paths: tuple[str, str]) -> None:
    for path in paths:
        save(tmp_path / path)
        (tmp_path / path).with_name(Path(path).name + ".npy").unlink(missing_ok=True)
        (tmp_path / path).touch()
    with pytest.raises(InputError, match="both may be the prediction of office_0001a/rgb_00045"):
        SavedPredictions(tmp_path, [NAME]).predict(case())


def test_one_stem_is_not_taken_for_two_photos_whichever_is_asked_for_first(tmp_path: Path) -> None:
    path = save(tmp_path / "rgb_00045.npy")
    names = ["office/rgb_00045", "kitchen/rgb_00045", "kitchen/rgb_00046"]
    for name, other in (names[:2], names[1::-1]):
        with pytest.raises(InputError) as caught:
            SavedPredictions(tmp_path, names).predict(case(name))
        assert str(caught.value).endswith(
            f"; {path} may as well be of {other}: name files by the whole name"
        )
        assert ", rgb_00045.*" not in str(caught.value)
    save(tmp_path / "kitchen_rgb_00045.npy", 2 * DEPTH)
    found = SavedPredictions(tmp_path, names).predict(case(names[1]))
    np.testing.assert_array_equal(found.depth_m, 2 * DEPTH)


def test_a_stem_counts_only_where_all_photos_are_known(tmp_path: Path) -> None:
    save(tmp_path / "rgb_00045.npy")
    for names in ((), ["kitchen/rgb_00045"]):
        with pytest.raises(InputError, match="rgb_00045.npy may .*: name files by the whole name"):
            SavedPredictions(tmp_path, names).predict(case())


@pytest.mark.parametrize("key", ["depth_m", "depth", "pred", "anything"])
def test_an_npz_holds_depth_by_name_or_alone(tmp_path: Path, key: str) -> None:
    others = {} if key == "anything" else {"intrinsics": np.eye(3)}
    np.savez(tmp_path / "rgb_00045.npz", **{key: DEPTH[None].astype(np.float64)}, **others)
    np.testing.assert_array_equal(SavedPredictions(tmp_path, [NAME]).predict(case()).depth_m, DEPTH)


def test_an_npz_of_several_arrays_needs_the_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "rgb_00045.npz", a=DEPTH, b=DEPTH)
    with pytest.raises(InputError, match="one named depth_m or depth or pred"):
        SavedPredictions(tmp_path, [NAME]).predict(case())


@pytest.mark.parametrize("units", [1000.0, 256.0, 5000.0])
def test_a_png_has_its_scale(tmp_path: Path, units: float) -> None:
    stored = np.rint(DEPTH * units).astype(np.uint16)
    stored[2, 3] = 0
    Image.fromarray(stored).save(tmp_path / "rgb_00045.png")
    depth_m = SavedPredictions(tmp_path, [NAME], png_units_per_m=units).predict(case()).depth_m
    assert np.isnan(depth_m[2, 3])
    known = np.isfinite(depth_m)
    assert np.count_nonzero(~known) == 1
    np.testing.assert_allclose(depth_m[known], DEPTH[known], atol=0.5 / units + 1e-6)


def test_a_png_without_a_scale_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((HEIGHT, WIDTH), np.uint16)).save(tmp_path / "rgb_00045.png")
    with pytest.raises(InputError, match="files:mm@DIR, files:kitti@DIR"):
        SavedPredictions(tmp_path, [NAME]).predict(case())


def test_an_8_bit_png_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((HEIGHT, WIDTH), np.uint8)).save(tmp_path / "rgb_00045.png")
    with pytest.raises(InputError, match="8-bit grey, a picture of values"):
        SavedPredictions(tmp_path, [NAME], png_units_per_m=256).predict(case())


def test_another_size_of_the_same_aspect_is_resized_and_told(tmp_path: Path) -> None:
    save(tmp_path / "rgb_00045.npy", np.array([[1, 1, 3, 3]] * 3, np.float32))
    result = SavedPredictions(tmp_path, [NAME]).predict(case())
    # Pixel centres of the photo are at 0.25, 0.75, ... of the file's, whose are at 0.5, 1.5, ...
    np.testing.assert_allclose(result.depth_m, [[1, 1, 1, 1.5, 2.5, 3, 3, 3]] * 6)
    assert result.warnings == ("rgb_00045.npy is 4 x 3 px and was resized to the photo's 8 x 6 px",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((6, 6), np.float32), "6 x 6 px, but the photo is 8 x 6 px"),
        (np.ones((6, 8), np.int32), "expected depth in metres"),
        (np.ones((2, 6, 8), np.float32), "expected depth in metres"),
    ],
)
def test_what_cannot_be_the_depth_of_the_photo_is_refused(
    tmp_path: Path, values: Any, message: str
) -> None:
    save(tmp_path / "rgb_00045.npy", values)
    with pytest.raises(InputError, match=message):
        SavedPredictions(tmp_path, [NAME]).predict(case())


def test_folders_without_predictions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="holds no predictions; expected .npy, .npz, .png"):
        SavedPredictions(tmp_path, [NAME])
    with pytest.raises(InputError, match="no such folder"):
        SavedPredictions(tmp_path / "nowhere")
