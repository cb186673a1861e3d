"""Files that are cut short, changed or not what they seem end in one error that names them."""

from __future__ import annotations

import numpy as np
import pytest

from mfh.decoding import read_image
from mfh.errors import InputError
from mfh.files.reading import read_json, read_npy, read_npz


@pytest.fixture
def whole(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "whole.npy", np.arange(12.0).reshape(3, 4))
    np.savez_compressed(tmp_path / "whole.npz", a=rng.integers(0, 9, (20, 30)), text="words")
    return tmp_path


def test_arrays_come_back(whole):
    np.testing.assert_array_equal(read_npy(whole / "whole.npy"), np.arange(12.0).reshape(3, 4))
    arrays = read_npz(whole / "whole.npz")
    assert arrays["a"].shape == (20, 30)
    assert str(arrays["text"]) == "words"


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize(("name", "read"), [("whole.npy", read_npy), ("whole.npz", read_npz)])
def test_damaged_arrays_raise_nothing_else(whole, name, read):
    """Bytes changed at random reach the header's parser, the archive's and the decompressor's."""
    content = (whole / name).read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(400):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(256)
        (whole / name).write_bytes(damaged)
        try:
            read(whole / name)
        except InputError as error:
            refused += 1
            assert str(error).startswith(f"{whole / name}: ")
    assert refused > 50


@pytest.mark.parametrize("read", [read_json, read_npy, read_npz, read_image])
def test_what_is_absent_or_nonsense_is_named(tmp_path, read):
    with pytest.raises(InputError, match=r"none\.file: there is no such file"):
        read(tmp_path / "none.file")
    (tmp_path / "some.file").write_bytes(b"PK\x03\x04 {[ nonsense")
    with pytest.raises(InputError, match=r"some\.file: "):
        read(tmp_path / "some.file")


def test_pictures_that_run_other_programs_are_not_opened(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(InputError, match="not an image of a known format"):
        read_image(tmp_path / "photo.png")
