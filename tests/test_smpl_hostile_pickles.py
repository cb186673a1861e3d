"""Pickles that want something run, or more memory than there is: refused by name, nothing done."""

from __future__ import annotations

import copyreg
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import smpl_files

from mfh.errors import InputError
from mfh.people.smpl.pickle_reader import read_pickled_arrays


def refusal(data: bytes) -> str:
    started = time.perf_counter()
    with pytest.raises(InputError) as caught:
        read_pickled_arrays(data, ["v_template"], Path("model.pkl"))
    assert time.perf_counter() - started < 5
    assert str(caught.value).startswith("model.pkl: ")
    return str(caught.value)


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "was run"
    yield path
    assert not path.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_calls_are_refused_by_name(protocol: int, marker: Path) -> None:
    touch = f"import pathlib; pathlib.Path({str(marker)!r}).touch()"
    hostile = {
        f"{os.name}.system": Calls(os.system, f"touch '{marker}'"),
        ".eval": Calls(eval, f"open({str(marker)!r}, 'w')"),
        ".exec": Calls(exec, touch),
        ".getattr": Calls(getattr, "", "join"),
        ".__import__": Calls(__import__, "this"),
        ".open": Calls(open, str(marker), "w"),
        "numpy.fromstring": Calls(np.fromstring, "1"),
    }
    for name, call in hostile.items():
        for value in (call, {"v_template": call}, {"unused": [call], "v_template": np.eye(2)}):
            message = refusal(pickle.dumps(value, protocol))
            assert f"{name}, which mfh does not run; " in message, message
            assert "download the model again" in message


@pytest.mark.parametrize("module", ["posix", "nt", "os", "subprocess", "numpy.core.numeric.os"])
def test_names_are_refused_before_they_are_called(module: str) -> None:
    assert f"holds {module}.system, which" in refusal(f"c{module}\nsystem\n.".encode())
    assert f"holds {module}.system, which" in refusal(f"(i{module}\nsystem\n.".encode())
    stacked = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, "system"))
    assert f"holds {module}.system, which" in refusal(b"\x80\x04" + stacked + b"\x93.")


def test_a_name_is_shown_without_control_characters() -> None:
    message = refusal(b"c\x1b[31mos\nsystem\n.")
    assert r"holds '\x1b[31mos.system', which" in message
    assert len(refusal(b"c" + b"x" * 10_000 + b"\ny\n.")) < 500


def test_names_of_allowed_modules_lead_nowhere_else() -> None:
    for module, name in (
        ("chumpy.ch", "os.system"),
        ("chumpy", "ch.np.load"),
        ("numpy", "load"),
        ("numpy", "dtype.__reduce__"),
        ("scipy.sparse", "load_npz"),
        ("scipy.sparse.csc", "np.load"),
        ("builtins", "object.__subclasses__"),
        ("copyreg", "_extension_registry"),
        ("_codecs", "lookup"),
    ):
        stacked = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
        message = refusal(b"\x80\x04" + stacked + b"\x93)R.")
        assert f"holds {module}.{name}" in message or "called as a function" in message


def test_chumpy_is_not_called() -> None:
    assert "chumpy.ch.ChLambda, called as a function" in refusal(b"cchumpy.ch\nChLambda\n(I1\ntR.")
    assert "numpy.ndarray, called as a function" in refusal(b"cnumpy\nndarray\n(I9\ntR.")
    assert "numpy.ndarray, called as a class" in refusal(b"\x80\x02cnumpy\nndarray\n)\x81.")
    data = b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR."
    assert "numpy.ndarray, called as a class" in refusal(data)


@pytest.mark.parametrize(
    ("instruction", "name"),
    [
        (b"Pmarker\n", "PERSID"),
        (b"I1\nQ", "BINPERSID"),
        (b"\x82\x01", "EXT1"),
        (b"\x83\x01\x00", "EXT2"),
        (b"\x84\x01\x00\x00\x00", "EXT4"),
        (b"(cchumpy.ch\nCh\no", "OBJ"),
        (b"cchumpy.ch\nCh\n)}\x92", "NEWOBJ_EX"),
        (b"(\x91", "FROZENSET"),
        (b"\x97", "NEXT_BUFFER"),
        (b"\xff", "unknown (0xff)"),
    ],
)
def test_instructions_that_reach_outside_are_refused(instruction: bytes, name: str) -> None:
    assert f"the pickle instruction {name}" in refusal(b"\x80\x05" + instruction + b".")


def test_a_registered_extension_code_is_not_looked_up() -> None:
    copyreg.add_extension("os", "system", 240)
    try:
        assert "EXT1" in refusal(b"\x80\x02\x82\xf0.")
    finally:
        copyreg.remove_extension("os", "system", 240)


@pytest.mark.parametrize("key", ["__class__", "__dict__", "__setstate__", "__reduce__"])
def test_special_attributes_are_not_set(key: str) -> None:
    text = f"S'{key}'\n".encode()
    instance = b"\x80\x02cchumpy.ch\nCh\n)\x81"
    plain = instance + b"}" + text + b"I1\nsb."
    slots = instance + b"N}" + text + b"I1\ns\x86b."
    for data in (plain, slots):
        assert f"holds {key}, set on an instance of chumpy.ch.Ch, which" in refusal(data)


def test_attributes_of_what_is_no_instance_are_not_set() -> None:
    assert "attributes set on numpy.ndarray" in refusal(b"cnumpy\nndarray\n}S'x'\nI1\nsb.")
    assert "attributes set on chumpy.ch.Ch" in refusal(b"cchumpy.ch\nCh\n}S'x'\nI1\nsb.")
    assert "attributes set on dict" in refusal(b"}}S'x'\nI1\nsb.")
    twice = b"\x80\x02cchumpy.ch\nCh\n)\x81}b}b."
    assert "attributes set on chumpy.ch.Ch" in refusal(twice)
    assert "items for chumpy.ch.Ch" in refusal(b"\x80\x02cchumpy.ch\nCh\n)\x81I1\na.")


def array_of(shape: bytes, data: bytes = b"S'12345678'\n") -> bytes:
    """A dictionary with an array of float64 of any declared shape, protocol 0."""
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    dtype = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    state = b"(I1\n(" + shape + b"t" + dtype + b"I00\n" + data + b"t"
    return b"(dS'v_template'\n" + empty + state + b"bs."


def test_arrays_are_as_large_as_their_data() -> None:
    found, _ = read_pickled_arrays(array_of(b"I1\n"), ["v_template"], Path("model.pkl"))
    assert found["v_template"].tobytes() == b"12345678"
    assert "declares (1000000000000,) float64, 8000000000000 bytes, but holds 8" in refusal(
        array_of(b"I1000000000000\n")
    )
    assert "bytes, but holds 8" in refusal(array_of(b"L4294967296L\n" * 4))
    assert "bytes, but holds 8" in refusal(array_of(b"I0\n"))
    assert "has a shape that no array has" in refusal(array_of(b"I-1\n"))
    assert "has a shape that no array has" in refusal(array_of(b"F1.0\n"))
    assert "has a shape that no array has" in refusal(
        array_of(b"I0\nL1" + b"0" * 30 + b"L\n", b"S''\n")
    )
    huge = b"L" + str(1 << 61).encode() + b"L\n"
    assert "v_template" in refusal(array_of(b"I0\n" + huge + huge, b"S''\n"))
    assert "no tuple of up to 4 numbers" in refusal(array_of(b"I1\n" * 33))
    assert "has a list for data" in refusal(array_of(b"I1\n", b"(l"))


@pytest.mark.parametrize("code", [b"S'f1'", b"S'b8'", b"S'O8'", b"S'V8'", b"S'M8'", b"I8"])
def test_types_that_are_no_numbers(code: bytes) -> None:
    assert "not of numbers" in refusal(array_of(b"I1\n").replace(b"S'f8'", code))


def test_values_are_not_printed() -> None:
    doubled = b"(I1\nt" + b"2\x86" * 60  # printed, it would be 2 ** 60 numbers
    for place in (b"S'f8'\n", b"S'<'\n", b"S'12345678'\n"):
        assert len(refusal(array_of(b"I1\n").replace(place, doubled))) < 400
    assert len(refusal(b"F" + b"x" * 10_000 + b"\n.")) < 400


def test_sparse_matrices_are_of_the_size_of_a_regressor() -> None:
    matrix = smpl_files.compressed_columns(np.eye(3))
    matrix._shape = (1 << 30, 1 << 30)
    data = smpl_files.pickled_by_python_2({"v_template": matrix})
    assert "a sparse matrix of (1073741824, 1073741824), more than" in refusal(data)


@pytest.mark.parametrize("index", [-1, 3, 1 << 20])
def test_sparse_indices_stay_inside(index: int) -> None:
    matrix = smpl_files.compressed_columns(np.eye(3))
    matrix.indices = np.array([0, 1, index], np.int32)
    assert "v_template" in refusal(smpl_files.pickled_by_python_2({"v_template": matrix}))


def test_what_refers_to_itself_or_is_deep_ends() -> None:
    itself = smpl_files.chumpy("ch", "Ch")
    itself.x = itself
    assert "refers to itself" in refusal(smpl_files.pickled_by_python_2({"v_template": itself}))
    deep = np.eye(2)
    for _ in range(100):
        deep = smpl_files.chumpy("reordering", "transpose", a=deep, axes=None)
    assert "more than 16 terms" in refusal(smpl_files.pickled_by_python_2({"v_template": deep}))
    assert "holds a tuple; an SMPL model is a dictionary" in refusal(
        b"N" + b"\x85" * 300_000 + b"."
    )
    assert "holds a list" in refusal(b"]\x94h\x00a.".replace(b"\x94", b"q\x00"))


def test_lengths_and_counts_that_are_lies() -> None:
    assert "cut short: 4611686018427387904 bytes are announced" in refusal(
        b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"x"
    )
    assert "cut short" in refusal(b"T\xff\xff\xff\xffx")
    # A memo of 4 billion entries, one of them used.
    assert "holds a NoneType" in refusal(b"Nr\xff\xff\xff\xff.")
    assert "more than 1000000 pickle instructions" in refusal(b"N0" * 600_000 + b".")


def test_keys_that_take_for_ever_to_hash() -> None:
    doubled = b"I1\n" + b"2\x86" * 200
    assert "a tuple as a key" in refusal(b"}" + doubled + b"Ns.")
    assert "a tuple as a key" in refusal(b"\x80\x04\x8f(" + doubled + b"\x90.")


def test_keys_of_more_digits_than_python_writes() -> None:
    key = b"\x8b" + (10_000).to_bytes(4, "little") + b"\x7f" * 10_000
    assert "a large number as a key" in refusal(b"\x80\x02}" + key + b"K\x01s.")


@pytest.mark.parametrize(
    "data",
    [
        b".",
        b"0.",
        b"a.",
        b"(",
        b"}I1\nI2\n",
        b"h\x07.",
        b"t.",
        b"Sx\n.",
        b"\x93.",
        b"NNR.",
        b"Ix\n.",
    ],
)
def test_nonsense_is_damaged(data: bytes) -> None:
    assert "is damaged at byte" in refusal(data)


def test_every_cut_is_refused() -> None:
    model = {"v_template": smpl_files.chumpy("ch", "Ch", x=np.eye(2))}
    for protocol in (0, 2):
        data = smpl_files.pickled_by_python_2(model, protocol)
        for length in range(1, len(data)):
            refusal(data[:length])


def test_changed_bytes_give_an_array_or_an_error(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    model = {"v_template": smpl_files.compressed_columns(np.eye(3)), "f": np.arange(3)}
    for protocol in (0, 2):
        data = smpl_files.pickled_by_python_2(model, protocol)
        for _ in range(2000):
            changed = bytearray(data)
            for _ in range(generator.integers(1, 4)):
                changed[generator.integers(len(changed))] = generator.integers(256)
            try:
                read_pickled_arrays(bytes(changed), ["v_template", "f"], tmp_path)
            except InputError as error:
                assert str(error).startswith(str(tmp_path))
