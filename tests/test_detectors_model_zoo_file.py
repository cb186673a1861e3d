import collections
import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mfh.errors import InputError, ModelError
from mfh.people.detectors.model_zoo_file import read_model_zoo_file

ARRAYS = {
    "weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "transposed": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "half": np.array([0.5, -2], np.float16),
    "big endian": np.arange(5, dtype=">f4"),
    "counter": np.array(7, np.int64),
    "nothing": np.zeros((0, 4), np.float32),
}


def write(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_come_out_as_they_were(tmp_path, protocol):
    content = {
        "model": collections.OrderedDict(ARRAYS),
        "__author__": "Detectron2 Model Zoo",
        "iteration": np.int64(3),
    }
    tensors = read_model_zoo_file(write(tmp_path / "model.pkl", content, protocol))
    assert list(tensors) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert tensors[name].shape == array.shape
        np.testing.assert_array_equal(tensors[name].numpy(), array)
    assert tensors["half"].numpy().dtype == np.float16
    tensors["weight"][0] = 1


def test_written_by_numpy_1(tmp_path):
    content = pickle.dumps({"model": ARRAYS}, protocol=2)
    old = content.replace(b"numpy._core.", b"numpy.core.")
    new = content.replace(b"numpy.core.", b"numpy._core.")
    assert old != new
    for each in (old, new):
        (tmp_path / "model.pkl").write_bytes(each)
        tensors = read_model_zoo_file(tmp_path / "model.pkl")
        np.testing.assert_array_equal(tensors["weight"].numpy(), ARRAYS["weight"])


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("hostile", "named"),
    [
        (Calls(os.mkdir, "hostile"), f"{os.mkdir.__module__}.mkdir"),
        (Calls(eval, "__import__('os').mkdir('hostile')"), "builtins.eval"),
        (Calls(getattr, {}, "keys"), "builtins.getattr"),
        (Path("hostile"), "pathlib"),
        (np.array([{}], dtype=object), "backbone is an array of Python objects"),
        (np.zeros(2, dtype=[("a", "f4")]), "backbone is an array of the type 'V4'"),
        (np.array(["text"]), "backbone is an array of the type 'U4'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused_by_name(tmp_path, monkeypatch, hostile, named):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "model.pkl", {"model": {**ARRAYS, "backbone": hostile}})
    with pytest.raises(InputError, match=r"model\.pkl: not a readable weights file") as caught:
        read_model_zoo_file(path)
    assert named in str(caught.value)
    assert not Path("hostile").exists()


def test_an_array_whose_numbers_do_not_fill_it(tmp_path):
    path = write(tmp_path / "model.pkl", {"model": {"weight": np.arange(300, dtype=np.float32)}}, 2)
    # The shape (300,) is two bytes, little-endian.
    content = path.read_bytes().replace((300).to_bytes(2, "little"), (301).to_bytes(2, "little"))
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weight declares \(301,\) float32, 1204 bytes, but"):
        read_model_zoo_file(path)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps(ARRAYS)[:-40]])
def test_not_a_pickle(tmp_path, content):
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pkl: not a readable weights file"):
        read_model_zoo_file(path)


@pytest.mark.parametrize("content", [ARRAYS, [1], {"model": [1]}])
def test_another_pickle(tmp_path, content):
    with pytest.raises(InputError, match="holds no 'model'; expected a file of detectron2's"):
        read_model_zoo_file(write(tmp_path / "model.pkl", content))


@pytest.mark.parametrize(
    ("value", "what"),
    [(3.0, "float"), ("text", "str"), ([1, 2], "list"), (np.float32(1), r"numpy\S+scalar")],
)
def test_a_model_of_something_else(tmp_path, value, what):
    path = write(tmp_path / "model.pkl", {"model": {"backbone": value}})
    with pytest.raises(ModelError, match=f"weights file: backbone is a {what}, "):
        read_model_zoo_file(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_model_zoo_file(tmp_path / "model.pkl")


def test_memory_holds_each_number_about_once(tmp_path):
    """The published file has 2.8 GB: neither it nor its tensors may be there twice."""
    arrays = {str(i): np.full((2**20,), i, np.float32) for i in range(16)}
    path = write(tmp_path / "model.pkl", {"model": arrays})
    tracemalloc.start()
    try:
        tensors = read_model_zoo_file(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [tensor[-1].item() for tensor in tensors.values()] == list(range(16))
    assert peak < 1.3 * path.stat().st_size
