"""Pickled SMPL arrays in every form: of Python 2 and 3, NumPy 1 and 2, with and without chumpy."""

from __future__ import annotations

import base64
import builtins
import pickle
import sys
import types
import zlib
from pathlib import Path

import numpy as np
import pytest
import smpl_files
from scipy import sparse

from mfh.errors import InputError
from mfh.people.smpl.pickle_reader import read_pickled_arrays

ARRAYS = {
    "v_template": np.arange(12.0).reshape(3, 4),
    "shapedirs": np.arange(24.0).reshape(2, 3, 4)[..., :2],
    "J_regressor": np.array([[0, 0.5, 0], [1, 0, 0.25]]),
    "f": np.array([[0, 1, 2]], np.uint32),
    "posedirs": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "weights": np.arange(12.0).reshape(3, 4).T,
}

# Of `ARRAYS`, as Python 2.7.18's cPickle wrote them (zlib, base64): v_template a chumpy 0.70 array,
# shapedirs a slice of one, weights the transpose of one, J_regressor a csc_matrix of SciPy 1.2.3,
# with NumPy 1.16.6.
PROTOCOL_0 = (
    "eNrtl0uPmzAQgO/+FVVVlWjVRvgFRKq0K/WUHnJorpUQAYfQJmAZZ5v8+44d8ljCo3XVnvZgCRh7mMc3Y3uSSYyW3tpDab"
    "nfyeM0rZSY7vZbXSRKJUcUK5FWZa3VPtVIEjQ5zUNldpJLiiZzH+mlt/KQ/ioZvGI75hTpZnKmj1IgydFk6e2Zh2ABTIDZ"
    "Acyk8P9PHlosFvOPsMoM0Lea+z4Ivh18vzVw653cvoMNq3rpfQGzcyXqulIekiFK00oezbcX/lQKyQg8qtMCPK9lomoxhT"
    "cEI94lWhUHJGcojePVvoCIlHGMqtV3YSKBfbQABzD4CiEkYGpRZkUqavgfpiiHSOWt0OBzbCAwuY1FcRsLzH8jGLgjIL3B"
    "aYKRJToxVgXdVoVtq9bRrVWRQ4qasfYf+4ViSJj5j43xu+QgVVFq48AMzbmP4GNcbxIp4BPxwTpiUZMEGxFkQWqTdEI63S"
    "W0cZeBuxByN8xg0LtIG3NXdVzr49baxkDxdmWAINyY9lMU+Ubbd0iFAS/d2JpTolKZAC9zpFVS1rKqoVpIiPKGMhIZysgM"
    "FEImb5emG/R5A0XoX+ZSSyQ1RALDP0R84hr+Sqn11sQvK5Q+xs8gMN/ZS8RrAXxTQGGylTQAPQcPJUZzaNcWNrw0QgurSU"
    "hRZnVclebRqpsZA9jpR9aCTJTWAIbPBoDGruQwcmHxlJ8IjTE2NgYZ9P2nAWE0IMRDKzEbEg6qTXuFb3olb3sl73ol758u"
    "yLYoYQ0lOWCRNxQwdiLPUMC4kZns502mg45MhyclRr+hGXgzaLCoO+2zJu22kq+Zx3+R+Ylb8nyH+A9lewC/BzeCsAMH/M"
    "mpBj64YUwceAzcCnHqVkt0oC76JOFTsyM9x1rs5DbRBnTYj0w7zm8aMLcNmHc0YN5RWpxdGyxvlxbvKC0ejjRRHr020f/e"
    "RO2BpOlyfNa3uy/F1h4egystgaUlINet/ZalgFopu2cp4HcsmflBi6AgvCcoiEYICnr68StE/wSiP9/CHhxa9tRhz8MOPZ"
    "467JPcYV+49GM4cCd6bwovNICW4qd5xKjrcBOSrqoJaatqQnZfNSE/V41UYi2UEtnlGhIGl2IhcBMJbdEV2cEa1X3mCc81"
    "BnfH823w9t4V+e73rt47THuwETkfkUeDcj2yOh2Uq+HVeMR3POI7HvEdD/pu0cuBt/wE2vQX8Tn3Xg=="
)
PROTOCOL_2 = (
    "eNq9VdtW00AU7U1aQpGioHgFAbEiVrl5V6p4JdoHXfPoimkyMFm2ac7MVOlD1tIHxPyVn+An+An+gZ4kUzBB3lxOV7rbZH"
    "pm7332TD/lfMhWSXbTcrttr1ezOpzW2t2WdEzOzZ5mcGp1XCF515Ia5OJZmmvHTyGvZ3ZItrn7GgpVPYuv/Bc1xZY9j2pw"
    "hOS6K3pGz+KUgaqeJ9l7jUZj4xeO6E3PyGZAyhkcWbxyeMkmGdrAdbc4FaLDoWgJy0FqwjO5oDX8puFltE3JnW0NSpc/w6"
    "APWpUUHdd2LCpgiOXYPrNyyCy/w5CK06cyfDiVkEafDlIp2KY04Wii4sh+xc1bqmLl0IoTcb2fazH+UPh9DauX2ua2xx1X"
    "wqi+RAYMwUyPwjE9h0aSAdTjSQ7HE4uPhYsXdthwQCp/2paP+HaxZlMYQvZaFMZJvtUUcIIUP1Jni0kBJy2LRX3mtMNtii"
    "tvaZKbrvA6Ars1gV6e8uE0BsLsz7SYts40OIOPzvpwrkrKaP17asTtgPMBGTJsh8ue8QFvwKRlGM2ugwFyDUMTFFMz9RYu"
    "kOy2ufMapknBcFDSTINUDJt61LWF0XHDjwJmfbiIxaLqNnWx+FyAv0uovxRZrxe+sEpA3mUSo+9wph5DSWFF4ZjCCYVnFU"
    "4pnFY4q3CuHvmZ1FsN2CRDRZfRolDRPJtpMGR+Jcl8IQg7EbqK3gi4mhBRC0XkQhm7rPKVfEvKqKZoX0/RXKkn5c6n5C2m"
    "5KzWk7YspGxYSsm+kbKvlrJrec+eGG+iTUT7YEja9lqmpHCNhWG57sNiOixLyrxlFYcVZd5q0rwbB9p+8/+3fTDai1H3bv"
    "1l17yhLRoeibdR6h0f7oZbJtJ9z4f7ad0PYt2oeE0pricVPzyg+NGfGQnSGfn3mpPZm09lpZbK4mIqO8upbK6mshRlpIjH"
    "kim7AtZJ3qUf4fGBzfVkz6enyqdnSZ+eB2TE43STck5tdVq+iGzK7cIGKTj2tgA9YeTL0MhyfPz3D+tXhx7We9nq/w0UFB"
    "5RWFI4qLCscFhhReGowjGF4wplk60zVN6t/QbFR7S3"
)


def read(data: bytes, *names: str) -> dict[str, np.ndarray]:
    return read_pickled_arrays(data, names or tuple(ARRAYS), Path("model.pkl"))[0]


def assert_the_arrays(found: dict[str, np.ndarray]) -> None:
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def small(*, with_chumpy: bool) -> dict[str, object]:
    if not with_chumpy:
        return {**ARRAYS, "bs_style": "lbs"}
    ch = smpl_files.chumpy("ch", "Ch", x=np.arange(24.0).reshape(2, 3, 4))
    chosen = np.arange(24).reshape(2, 3, 4)[..., :2]
    terms = {"a": ch, "idxs": chosen.ravel(), "preferred_shape": chosen.shape}
    flat = smpl_files.chumpy("ch", "Ch", x=np.arange(12.0))
    template = smpl_files.chumpy("reordering", "Reshape", a=flat, newshape=(3, -1))
    return {
        **ARRAYS,
        "v_template": template,
        "shapedirs": smpl_files.chumpy("reordering", "Select", **terms),
        "weights": smpl_files.chumpy("reordering", "transpose", a=template, axes=None),
        "J": smpl_files.chumpy("ch_ops", "add", a=flat, b=flat),
        "J_regressor": smpl_files.compressed_columns(ARRAYS["J_regressor"]),
    }


@pytest.mark.parametrize("written", [PROTOCOL_0, PROTOCOL_2], ids=["protocol 0", "protocol 2"])
def test_what_python_2_scipy_and_chumpy_wrote(written: str) -> None:
    assert_the_arrays(read(zlib.decompress(base64.b64decode(written))))


@pytest.mark.parametrize("protocol", [0, 1, 2])
@pytest.mark.parametrize("with_chumpy", [False, True])
def test_the_forms_of_python_2(protocol: int, with_chumpy: bool) -> None:
    assert_the_arrays(
        read(smpl_files.pickled_by_python_2(small(with_chumpy=with_chumpy), protocol))
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("make", [sparse.csc_matrix, sparse.csr_matrix, sparse.csc_array, np.array])
def test_the_forms_of_python_3_without_chumpy(protocol: int, make) -> None:
    cleaned = {**ARRAYS, "J_regressor": make(ARRAYS["J_regressor"]), "bs_style": "lbs"}
    assert_the_arrays(read(pickle.dumps(cleaned, protocol)))


def install(value: object, monkeypatch) -> None:
    """Make the classes of stand-ins importable by the names they claim, so that pickle writes."""
    kind = type(value)
    if not kind.__module__.startswith(("chumpy.", "scipy.sparse.csc")):
        return
    names = [kind.__module__]
    if names[0] not in sys.modules or names[0].startswith("scipy"):
        names += ["chumpy"] if names[0].startswith("chumpy") else []
        for name in names:
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    value.__class__ = vars(sys.modules[kind.__module__]).setdefault(kind.__name__, kind)
    for part in vars(value).values():
        install(part, monkeypatch)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_forms_of_python_3_with_chumpy(protocol: int, monkeypatch) -> None:
    model = small(with_chumpy=True)
    for value in model.values():
        install(value, monkeypatch)
    data = pickle.dumps(model, protocol)
    monkeypatch.undo()
    assert "chumpy" not in sys.modules
    assert b"chumpy" in data
    assert_the_arrays(read(data))


def test_the_module_names_of_numpy_1_and_2() -> None:
    data = pickle.dumps(ARRAYS, 2)
    assert b"numpy._core" in data or b"numpy.core" in data
    first = data.replace(b"numpy._core", b"numpy.core")
    assert_the_arrays(read(first))
    assert_the_arrays(read(first.replace(b"numpy.core", b"numpy._core")))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_dense_matrix_and_other_byte_orders_and_types() -> None:
    arrays = {
        "matrix": np.asmatrix(np.eye(2)),
        "big": np.arange(4, dtype=">f4"),
        "empty": np.zeros((0, 3), np.int64),
        "half": np.arange(3, dtype=np.float16),
        "true": np.array([True, False]),
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        found = read(pickle.dumps(arrays, protocol), *arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


def test_other_values_are_read_over() -> None:
    others = {"n": np.float64(2), "s": {1, 2}, "l": [1, -2, 2**70, 1.5, None, True], "b": b"x\xff"}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        found, names = read_pickled_arrays(
            pickle.dumps({**others, "f": ARRAYS["f"]}, protocol), ["f"], Path("model.pkl")
        )
        np.testing.assert_array_equal(found["f"], ARRAYS["f"])
        assert names == ("n", "s", "l", "b", "f")


def test_nothing_is_imported_to_read(monkeypatch) -> None:
    data = smpl_files.pickled_by_python_2(small(with_chumpy=True))
    read(data)  # what reading itself needs is imported by now
    imported, find = [], builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__", lambda name, *rest: imported.append(name) or find(name, *rest)
    )
    read(data)
    monkeypatch.undo()
    assert not [name for name in imported if name.startswith("chumpy")]


def of(value: object) -> str:
    with pytest.raises(InputError) as caught:
        read(smpl_files.pickled_by_python_2({"v_template": value}), "v_template")
    assert str(caught.value).startswith("model.pkl: v_template ")
    assert "https://smpl.is.tue.mpg.de" in str(caught.value)
    return str(caught.value)


def test_what_is_no_array_is_named() -> None:
    flat = smpl_files.chumpy("ch", "Ch", x=np.arange(3.0))
    assert "is a list, not an array" in of([1.0])
    assert "is an array of Python objects" in of(np.array([None, 1]))
    assert "is an array of the type 'c16'" in of(np.array([1j]))
    assert "is a chumpy.ch_ops.add, which mfh cannot" in of(smpl_files.chumpy("ch_ops", "add"))
    assert "is a chumpy.ch.Ch without x" in of(smpl_files.chumpy("ch", "Ch"))
    select = {"a": flat, "idxs": np.array([0, 3])}
    assert "selects entries outside the 3" in of(
        smpl_files.chumpy("reordering", "Select", **select)
    )
    reshape = {"a": flat, "newshape": (2, 2)}
    assert "cannot reshape" in of(smpl_files.chumpy("reordering", "Reshape", **reshape))
