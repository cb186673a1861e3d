"""Pickles of each kind that is read: hostile ones do nothing, and take neither long nor much."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mfh.errors import InputError
from mfh.people.detectors.model_zoo_file import read_model_zoo_file
from mfh.people.hmr2.torch_file import read_index
from mfh.people.smpl.pickle_reader import read_pickled_arrays
from mfh.unpickling import ARRAY_NAMES, FOREIGN, Instance, array_of, run_pickle

Read = Callable[[bytes, Path], Any]


def read_smpl(data: bytes, folder: Path) -> Any:
    return read_pickled_arrays(data, ["model"], folder / "model.pkl")


def read_zoo(data: bytes, folder: Path) -> Any:
    (folder / "model.pkl").write_bytes(data)
    return read_model_zoo_file(folder / "model.pkl")


def read_checkpoint(data: bytes, folder: Path) -> Any:
    with zipfile.ZipFile(folder / "model.ckpt", "w") as archive:
        archive.writestr("model/data.pkl", data)
    return read_index(folder / "model.ckpt")


ALL_READERS = pytest.mark.parametrize("read", [read_smpl, read_zoo, read_checkpoint])


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def unharmed(tmp_path: Path) -> Any:
    """A marker that no pickle may make; names and functions that none may change."""
    marker = tmp_path / "was run"
    before = {name: dict(vars(module)) for name, module in _looked_after().items()}
    yield marker
    assert not marker.exists()
    for name, module in _looked_after().items():
        assert vars(module).keys() == before[name].keys()
        for key, value in vars(module).items():
            assert value is before[name][key]
    assert OrderedDict(a=1).get("a") == 1


def _looked_after() -> dict[str, Any]:
    names = [name for name in sys.modules if name.startswith(("mfh.unpickling", "mfh.people"))]
    return {name: sys.modules[name] for name in (*names, "builtins", "os", "copyreg")}


def attempt(read: Read, data: bytes, folder: Path) -> str:
    """What is wrong with a pickle; "" where it is read."""
    tracemalloc.start()
    started = time.perf_counter()
    try:
        read(data, folder)
    except InputError as error:
        assert str(folder) in str(error)
        assert len(str(error)) < 1000
        return str(error)
    finally:
        took_s = time.perf_counter() - started
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert took_s < 20  # while every allocation is traced
        assert peak < 1e6 + 600 * len(data)
    return ""


@ALL_READERS
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_calls_are_not_made(read: Read, protocol: int, unharmed: Path, tmp_path: Path) -> None:
    touch = f"import pathlib; pathlib.Path({str(unharmed)!r}).touch()"
    for call in (
        Calls(os.system, f"touch '{unharmed}'"),
        Calls(eval, f"open({str(unharmed)!r}, 'w')"),
        Calls(exec, touch),
        Calls(open, str(unharmed), "w"),
        Calls(Calls, Calls(getattr, Calls(__import__, "os"), "mkdir"), str(unharmed)),
        Calls(list, Calls(map, os.mkdir, [str(unharmed)])),
        Calls(setattr, "mfh.unpickling", "run_pickle", None),
    ):
        for value in (call, {"model": call}, {"model": {"weight": call}}, [{"x": call}]):
            error = attempt(read, pickle.dumps(value, protocol), tmp_path)
            assert error or read is read_checkpoint


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


BUILD_TARGETS = [
    ("_codecs", "encode"),
    ("__builtin__", "bytes"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch", "FloatStorage"),
]


@ALL_READERS
@pytest.mark.parametrize(("module", "name"), BUILD_TARGETS)
def test_attributes_of_names_are_not_set(
    read: Read, module: str, name: str, unharmed: Path, tmp_path: Path
) -> None:
    named = b"\x80\x04" + text(module) + text(name) + b"\x93"
    for attribute in ("__defaults__", "__code__", "__setstate__", "get", "value"):
        state = b"}" + text(attribute) + b"K\x01K\x02\x86s"
        for data in (named + state + b"b.", named + b"N" + state + b"\x86b."):
            assert attempt(read, data, tmp_path) or read is read_checkpoint


@ALL_READERS
@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02Nr\xff\xff\xff\xff.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"Np4000000000\n.",
        b"Np-1\n.",
        b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"x",
        b"\x80\x04\x8d" + (1 << 63).to_bytes(8, "little") + b"x",
        b"\x80\x05\x96" + (1 << 63).to_bytes(8, "little") + b"x",
        b"\x80\x04\x95" + (1 << 63).to_bytes(8, "little") + b".",
        b"T\xff\xff\xff\xffx",
        b"\x8b\xff\xff\xff\x7fx",
        b"\x8b\xff\xff\xff\xff.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"L" + b"9" * 100_000 + b"L\n.",
        b"F" + b"x" * 100_000 + b"\n.",
        b"N0" * 600_000 + b".",
        b"(" * 100_000 + b".",
        b"N" + b"\x85" * 100_000 + b".",
        b"]" + b"\x85\x81" * 300 + b".",
        b"}" + b"K\x01" + b"2\x86" * 200 + b"Ns.",
        b"\x80\x04\x8f(" + b"K\x01" + b"2\x86" * 200 + b"\x90.",
        b"\x80\x04\x8f(" + b"K\x01" + b"2\x86" * 200 + b"\x91.",
        b"]q\x00h\x00a.",
        b"}q\x00X\x05\x00\x00\x00modelh\x00s.",
        b"\x80\x02\x82\xf0.",
        b"(cos\nsystem\no.",
        b"(S'x'\nios\nsystem\n.",
        b"\x80\x02cos\nsystem\n)}\x92.",
        b"\x97.",
        b"\xff.",
        b"",
        b".",
        b"0.",
        b"NNR.",
        b"\x93.",
    ],
)
def test_lies_floods_and_nonsense(read: Read, data: bytes, unharmed: Path, tmp_path: Path) -> None:
    copyreg.add_extension("os", "system", 240)
    try:
        error = attempt(read, data, tmp_path)
    finally:
        copyreg.remove_extension("os", "system", 240)
    assert error or read is read_checkpoint


@ALL_READERS
def test_numbers_of_equal_hash_are_no_keys(read: Read, tmp_path: Path) -> None:
    """A dictionary of many would take hours."""
    prime = sys.hash_info.modulus
    keys = b"".join(
        b"\x8a" + bytes([len(each)]) + each + b"N"
        for each in ((i * prime).to_bytes(16, "little", signed=True) for i in range(2**8, 100_000))
    )
    error = attempt(read, b"\x80\x02}(" + keys + b"u.", tmp_path)
    assert "a large number as a key" in error or read is read_checkpoint


ARRAYS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "half": np.zeros(2, np.float16)}


def saved(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    with zipfile.ZipFile(stream) as archive:
        return archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))


VALID = {
    read_smpl: pickle.dumps({"model": ARRAYS["weight"], "l": [1, 2.5, "x"]}, 2),
    read_zoo: pickle.dumps({"model": OrderedDict(ARRAYS), "by": "x"}, 4),
    read_checkpoint: saved(
        {"state_dict": {"weight": torch.zeros(2, 3)}, "path": Path("x"), "keys": {1: {2}}}
    ),
}


@ALL_READERS
def test_every_cut_is_refused(read: Read, tmp_path: Path) -> None:
    assert attempt(read, VALID[read], tmp_path) == ""
    for length in range(len(VALID[read])):
        with pytest.raises(InputError):
            read(VALID[read][:length], tmp_path)


@ALL_READERS
def test_changed_bytes_give_a_value_or_an_error(read: Read, unharmed: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for _ in range(1500):
        changed = bytearray(VALID[read])
        for _ in range(generator.integers(1, 4)):
            changed[generator.integers(len(changed))] = generator.integers(256)
        try:
            read(bytes(changed), tmp_path)
        except InputError as error:
            assert str(tmp_path) in str(error)


def run(data: bytes, **options: Any) -> Any:
    return run_pickle(io.BytesIO(data), ARRAY_NAMES.get, InputError, **options)


def test_plain_values_of_every_protocol() -> None:
    value = {
        "none": None,
        "bool": [True, False],
        "int": [0, -1, 255, 65536, -(2**31), 2**70],
        "float": [0.5, float("inf")],
        "text": ["", "é\n", "x" * 300],
        "nested": [((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), {"a": {}}],
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert run(pickle.dumps(value, protocol)) == value


def test_a_pickle_may_follow_others_in_a_file() -> None:
    stream = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("second", 4) + b"rest")
    assert run_pickle(stream, ARRAY_NAMES.get, InputError) == [1]
    assert run_pickle(stream, ARRAY_NAMES.get, InputError) == "second"
    assert stream.read() == b"rest"


def test_calls_are_data() -> None:
    made = run(b"c_codecs\nencode\n(S'x'\nS'latin1'\ntR.")
    assert isinstance(made, Instance)
    assert (made.name, made.arguments, made.state) == ("_codecs.encode", ("x", "latin1"), None)


def test_unknown_names_are_refused_or_passed_over() -> None:
    data = pickle.dumps({"path": Path("x"), Path: 1, "set": {(1, (2, 3))}}, 4)
    with pytest.raises(InputError, match="pathlib"):
        run(data)
    assert run(data, foreign=True) == {"path": FOREIGN, FOREIGN: 1, "set": {FOREIGN}}


def test_persistent_ids_are_refused_or_given_to_the_caller() -> None:
    data = b"\x80\x02K\x07Q."
    with pytest.raises(InputError, match="BINPERSID"):
        run(data)
    assert run(data, persistent=lambda number: number + 1) == 8


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_out_as_they_were(protocol: int) -> None:
    arrays = {
        **ARRAYS,
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(5, dtype=">i4"),
        "scalar": np.array(7, np.uint8),
        "empty": np.zeros((0, 4), np.float64),
        "true": np.array([True]),
    }
    found = run(pickle.dumps(arrays, protocol))
    for name, array in arrays.items():
        made = array_of(found[name])
        assert (made.dtype, made.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(made, array)


def test_it_needs_no_model_library() -> None:
    code = "import sys, mfh.unpickling; print([n for n in ('torch', 'scipy') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
