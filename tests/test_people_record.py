"""People as a record: what it refuses, and what a run folder keeps of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mfh.errors import InputError
from mfh.files import write_npz
from mfh.files.reading import read_npz
from mfh.records import Landmarks, People
from mfh.runs.record_files import read_people, write_people

NAN = np.nan


def people(count=2, **fields):
    return People(
        vertices_m=np.ones((count, 3, 3), np.float32),
        faces=np.array([[0, 1, 2]]),
        mask=np.ones((count, 4, 6), np.bool_),
        box_px=np.zeros((count, 4)),
        score=np.linspace(0.9, 0.5, count),
        **fields,
    )


def test_what_is_not_given_is_usual_and_nobody_was_refused():
    usual = people()
    assert usual.relative_error.dtype == np.float32
    assert usual.relative_error.shape == (2,)
    assert np.isnan(usual.relative_error).all()
    assert usual.refused == ()
    known = people(relative_error=[0.05, NAN], refused=["sits behind a table"])
    np.testing.assert_array_equal(known.relative_error, np.float32([0.05, NAN]))
    assert not known.relative_error.flags.writeable
    assert known.refused == ("sits behind a table",)


def test_nobody_may_have_been_refused():
    nobody = People.nobody(4, 6, ["is too small", "is cut off"])
    assert (len(nobody), nobody.mask.shape) == (0, (0, 4, 6))
    assert nobody.relative_error.shape == (0,)
    assert nobody.refused == ("is too small", "is cut off")
    assert People.nobody(4, 6).refused == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"relative_error": [0.1, 0]}, r"people: relative_error \[0.1\d*, 0.0\]; each must be pos"),
        ({"relative_error": [-0.1, 1]}, "positive and finite, or NaN where unknown"),
        ({"relative_error": [0.1, np.inf]}, "positive and finite"),
        ({"relative_error": [0.1]}, "people: 1 relative_error for 2 entries"),
        ({"relative_error": [[0.1], [0.1]]}, r"relative_error has shape \(2, 1\); expected \(P,\)"),
        ({"refused": "is cut off"}, "refused is 'is cut off'; expected a text for each"),
        ({"refused": ["is cut off", ""]}, "refused is .*; expected a text for each"),
        ({"refused": [3]}, "refused is .*; expected a text for each"),
    ],
)
def test_errors_and_refusals_that_are_none(fields, message):
    with pytest.raises(InputError, match=message):
        people(**fields)


@pytest.mark.parametrize("error", [0.0, -1.0, np.inf])
def test_errors_of_landmarks_are_checked_alike(error):
    owner = np.zeros((2, 2), np.int16)
    with pytest.raises(InputError, match="landmarks: relative_error .* positive and finite"):
        Landmarks(np.ones((2, 2)), owner, np.ones(1), relative_error=[error])


@pytest.mark.parametrize(
    "written",
    [
        people(),
        people(relative_error=[0.07, NAN], refused=("is cut off", "sits: too little is seen")),
        People.nobody(4, 6),
        People.nobody(4, 6, ["ist zu weit weg, und größer als das Bild"]),
    ],
    ids=["usual", "errors and refusals", "nobody", "nobody measured"],
)
def test_a_run_folder_keeps_errors_and_refusals(tmp_path, written):
    write_people(tmp_path, "0000", written)
    read = read_people(tmp_path, "0000")
    for name, value in vars(written).items():
        np.testing.assert_array_equal(getattr(read, name), value)
    assert isinstance(read.refused, tuple)


def test_a_run_folder_without_errors_and_refusals_is_read(tmp_path):
    write_people(tmp_path, "0000", people())
    arrays = read_npz(tmp_path / "0000.npz")
    older = {name: arrays[name] for name in arrays if name not in ("relative_error", "refused")}
    write_npz(tmp_path / "0000.npz", **older)
    read = read_people(tmp_path, "0000")
    assert np.isnan(read.relative_error).all()
    assert read.refused == ()


def test_a_copy_keeps_them():
    known = people(relative_error=[0.05, NAN], refused=["is cut off"])
    copied = replace(known, mask=~known.mask)
    np.testing.assert_array_equal(copied.relative_error, known.relative_error)
    assert copied.refused == known.refused
