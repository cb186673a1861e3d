"""A user's SMPL file as the `.npz` that is kept; whatever is no SMPL model is told by name."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import smpl_files

from mfh.errors import InputError, OutputError
from mfh.people.smpl import convert_smpl
from mfh.people.smpl.sources import arrays_of

KEPT = {
    "v_template": ((6890, 3), np.float32),
    "shapedirs": ((6890, 3, 10), np.float32),
    "posedirs": ((6890, 3, 207), np.float32),
    "J_regressor": ((24, 6890), np.float32),
    "weights": ((6890, 24), np.float32),
    "faces": ((13776, 3), np.int32),
    "parents": ((24,), np.int32),
}


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    return smpl_files.random_smpl(7)


def assert_kept(path: Path, data: dict[str, np.ndarray]) -> None:
    with np.load(path, allow_pickle=False) as file:
        kept = dict(file)
    assert {name: (array.shape, array.dtype) for name, array in kept.items()} == {
        **KEPT,
        "source_name": ((), kept["source_name"].dtype),
        "source_sha256": ((), np.dtype("<U64")),
    }
    for name in ("v_template", "posedirs", "J_regressor", "weights"):
        np.testing.assert_array_equal(kept[name], data[name].astype(np.float32), err_msg=name)
    np.testing.assert_array_equal(kept["shapedirs"], data["shapedirs"][..., :10].astype("f4"))
    np.testing.assert_array_equal(kept["faces"], data["f"])
    assert tuple(kept["parents"]) == smpl_files.PARENTS


@pytest.mark.parametrize(
    "form", ["1.0.0", "1.1.0", "sliced", "pickled by Python 3", "npz", "npz of float32"]
)
def test_every_form_gives_the_same_file(form: str, data, tmp_path: Path) -> None:
    source, target = tmp_path / "SMPL_NEUTRAL.pkl", tmp_path / "models" / "smpl.npz"
    if form == "pickled by Python 3":
        source.write_bytes(pickle.dumps(data))
    elif form.startswith("npz"):
        source = tmp_path / "smpl.npz"
        numbers = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in data.items()}
        smpl_files.write_npz(source, data if form == "npz" else numbers)
    else:
        protocol = 0 if form == "1.1.0" else 2
        smpl_files.write_official_pickle(source, data, protocol=protocol, selected=form == "sliced")
    summary = convert_smpl(source, target)
    assert_kept(target, data)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    with np.load(target) as file:
        assert (str(file["source_name"]), str(file["source_sha256"])) == (source.name, digest)
    assert (summary.source_name, summary.source_sha256) == (source.name, digest)
    assert (summary.vertices, summary.joints, summary.faces) == (6890, 24, 13776)
    assert (summary.betas, summary.betas_in_source) == (10, 10)
    assert summary.stature_m == pytest.approx(np.ptp(data["v_template"][:, 1]), abs=1e-6)
    assert [path.name for path in target.parent.iterdir()] == ["smpl.npz"]


def test_a_kept_file_can_be_given_again(data, tmp_path: Path) -> None:
    convert_smpl(smpl_files.write_npz(tmp_path / "a.npz", data), tmp_path / "b.npz")
    convert_smpl(tmp_path / "b.npz", tmp_path / "c.npz")
    assert_kept(tmp_path / "c.npz", data)


def test_the_first_10_of_many_coefficients_are_kept(tmp_path: Path) -> None:
    many = smpl_files.random_smpl(8, betas=20)
    source = smpl_files.write_official_pickle(tmp_path / "m.pkl", many)
    assert convert_smpl(source, tmp_path / "m.npz").betas_in_source == 20
    assert_kept(tmp_path / "m.npz", many)


def refusal(source: Path) -> str:
    target = source.with_name("target.npz")
    with pytest.raises(InputError) as caught:
        convert_smpl(source, target)
    assert not target.exists()
    assert str(caught.value).startswith(f"{source}: ")
    return str(caught.value).removeprefix(f"{source}: ")


def archive_of(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("smpl/models/basicmodel_f_lbs_10_207_0_v1.1.0.pkl", b"x")
    elif kind == "tar":
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("smpl/models/basicmodel_f_lbs_10_207_0_v1.1.0.pkl"))
    elif kind == "gzip":
        return gzip.compress(b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; download the model again"),
        (b"<!DOCTYPE html>\n<html><title>Sign In</title>", "is a web page, not an SMPL model; "),
        (b"\n  <HTML lang='en'>", "log in with a browser, then download the model again"),
        (archive_of("zip"), "is a zip archive; unpack it and give the model in it, e.g. "),
        (archive_of("tar"), "is a tar archive; unpack it"),
        (archive_of("gzip"), "is a gzip archive; unpack it"),
        (b"\x93NUMPY\x01\x00", "is an .npy file, which holds one array"),
        (
            b"\x80\x02}q\x00.",
            "lacks v_template, shapedirs, posedirs, J_regressor, weights, faces, ",
        ),
        (b"hello, this is text\n", "is not an SMPL file (.pkl or .npz); give the one you downl"),
        (b"# heading\n", "is not an SMPL file (.pkl or .npz); "),
        (b"}h\x07.", "is damaged at byte "),
        (pickle.dumps([1, 2]), "holds a list; an SMPL model is a dictionary of arrays; "),
        (pickle.dumps({"pose": 1, "betas": 2}), "it holds betas, pose"),
    ],
)
def test_other_files_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    source = tmp_path / "SMPL_NEUTRAL.pkl"
    source.write_bytes(content)
    assert message in refusal(source)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.pkl")
    assert "is a folder; give the SMPL file in it" in refusal(tmp_path)


@pytest.mark.parametrize("kept", [0.999, 0.5, 0.01])
@pytest.mark.parametrize("form", ["2", "0", "npz"])
def test_a_download_cut_short(form: str, kept: float, small, tmp_path: Path) -> None:
    source = tmp_path / "SMPL_NEUTRAL.pkl"
    if form == "npz":
        smpl_files.write_npz(tmp_path / "whole.npz", small)
        whole = (tmp_path / "whole.npz").read_bytes()
    else:
        whole = smpl_files.pickled_by_python_2(smpl_files.official(small), int(form))
    source.write_bytes(whole[: int(len(whole) * kept)])
    message = refusal(source)
    assert "is damaged at byte" in message or "not a readable .npz file" in message


@pytest.fixture(scope="module")
def small(data) -> dict[str, np.ndarray]:
    """The same without most of its size."""
    return {**data, "posedirs": data["posedirs"][:100]}


def changed(name: str, change):
    return lambda data: {**data, name: change(data[name])}


def with_value(index, value):
    def change(array: np.ndarray) -> np.ndarray:
        copy = array.astype(np.int64 if array.dtype.kind == "u" else array.dtype)
        copy[index] = value
        return copy

    return change


def parents_of(data: dict, parents: np.ndarray) -> dict:
    """The model with its tree as one array, as it is kept."""
    return {**{k: v for k, v in data.items() if k != "kintree_table"}, "parents": parents}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("v_template", lambda a: a[:-1]), "v_template is (6889, 3); an SMPL model has"),
        (changed("v_template", lambda a: a * 1000), "tall along y; expected 1.4 to 2.1 m: divide"),
        (changed("v_template", lambda a: a * 0.5), "tall along y; expected 1.4 to 2.1 m"),
        (changed("v_template", with_value((5, 1), np.nan)), "v_template (float64) holds NaN"),
        (changed("shapedirs", lambda a: a[..., :9]), "shapedirs is (6890, 3, 9); an SMPL model"),
        (changed("shapedirs", lambda a: a[..., 0]), "shapedirs is (6890, 3); an SMPL model has"),
        (changed("shapedirs", with_value((0, 0, 0), np.inf)), "shapedirs (float64) holds NaN, inf"),
        (changed("posedirs", lambda a: a[..., :189]), "posedirs is (6890, 3, 189); an SMPL model"),
        (changed("v_template", lambda a: np.float64(1)), "v_template is (); an SMPL model has"),
        (lambda data: parents_of(data, np.int64(1)), "parents is (); an SMPL model has (24,)"),
        (changed("kintree_table", lambda a: np.int64(1)), "kintree_table is () int64; expected"),
        (
            changed("posedirs", lambda a: a.astype(float) * 1e200),
            "numbers too large for float32 or what are no",
        ),
        (changed("J_regressor", lambda a: a[:23]), "J_regressor is (23, 6890); an SMPL model has"),
        (changed("J_regressor", lambda a: a * 3), "outside the body; the file is damaged"),
        (changed("weights", lambda a: a.T), "weights is (24, 6890); an SMPL model has (6890, 24)"),
        (changed("weights", with_value(42, 0.5)), "the weights of vertex 42 sum to 12; expected 1"),
        (changed("weights", lambda a: a > 0), "weights (bool) holds NaN, infinities, numbers "),
        (changed("f", lambda a: a[1:]), "faces is (13775, 3); an SMPL model has (13776, 3)"),
        (changed("f", lambda a: a + 1), "refer to vertices 1 to 6890; expected whole numbers from"),
        (changed("f", lambda a: a.astype(float)), "faces (float64) refer to vertices"),
        (
            changed("kintree_table", lambda a: a[0]),
            "kintree_table is (24,) uint32; expected (2, 24",
        ),
        (changed("kintree_table", lambda a: a[:, ::-1]), "lists the joints as [23, 22, 21"),
        (
            changed("kintree_table", with_value((0, 5), 9)),
            "and for each other one an earlier joint",
        ),
        (changed("kintree_table", with_value((0, 5), -1)), "and for each other one an earlier"),
        (lambda data: {k: v for k, v in data.items() if k != "f"}, "lacks faces, which an SMPL"),
    ],
)
def test_wrong_arrays_are_named(change, message: str, data, tmp_path: Path) -> None:
    assert message in refusal(smpl_files.write_npz(tmp_path / "model.npz", change(data)))


@pytest.mark.parametrize(
    ("vertices", "joints", "name"),
    [(6890, 52, "SMPL+H"), (10475, 55, "SMPL-X"), (778, 16, "MANO"), (5023, 5, "FLAME")],
)
def test_relatives_are_told_from_smpl(
    vertices: int, joints: int, name: str, data, tmp_path: Path
) -> None:
    relative = {
        **data,
        "v_template": np.zeros((vertices, 3)),
        "kintree_table": np.array([[0] + [0] * (joints - 1), range(joints)]),
    }
    message = refusal(smpl_files.write_npz(tmp_path / "model.npz", relative))
    assert f"is an {name} model ({vertices} vertices, {joints} joints); HMR 2.0 needs" in message


def test_pickled_objects_in_npz_are_refused(data, tmp_path: Path) -> None:
    pickled = {**data, "J_regressor": np.array(None)}
    message = refusal(smpl_files.write_npz(tmp_path / "model.npz", pickled))
    assert message.startswith("J_regressor is a pickled Python object, which mfh does not run")
    assert "by its toarray()), or give the official .pkl file" in message
    # Beside what is needed they do no harm.
    unused = {**data, "pose_training_info": np.array(None)}
    convert_smpl(smpl_files.write_npz(tmp_path / "u.npz", unused), tmp_path / "v.npz")


def test_an_npz_that_declares_more_than_it_holds(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 3)}
    )
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:
        archive.writestr("v_template.npy", header.getvalue() + b"12345678")
    assert "v_template declares (1099511627776, 3) float64, " in refusal(tmp_path / "model.npz")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_changed_npz_gives_an_array_or_an_error(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    whole = smpl_files.write_npz(tmp_path / "m.npz", {"f": np.arange(6).reshape(2, 3)}).read_bytes()
    for _ in range(3000):
        damaged = bytearray(whole)
        damaged[generator.integers(len(damaged))] = generator.integers(256)
        try:
            arrays_of(bytes(damaged), ["f"], tmp_path)
        except InputError as error:
            assert str(error).startswith(str(tmp_path))


def test_a_target_that_cannot_be_written(data, tmp_path: Path) -> None:
    source = smpl_files.write_npz(tmp_path / "a.npz", data)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make folder"):
        convert_smpl(source, tmp_path / "file" / "smpl.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        convert_smpl(source, tmp_path / "folder.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "file", "folder.npz"]


def test_importing_and_converting_need_no_torch() -> None:
    code = "import sys, mfh.people.smpl as s; s.convert_smpl; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
