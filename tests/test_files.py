from __future__ import annotations

import errno
import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mfh.errors import OutputError
from mfh.files import (
    atomic_path,
    json_number,
    make_folder,
    require_writable,
    write_json,
    write_npz,
    write_text,
)
from mfh.training.csv_log import CsvLog


def test_the_file_appears_whole_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_the_disk_has_all_of_it_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced = tmp_path / "a.txt", []

    def fsync(descriptor: int) -> None:
        assert not target.exists()
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(target, "words")
    assert (synced, target.read_text()) == ([5], "words")


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file_and_removes_the_temporary(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(failure), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "allow writing"),
        (errno.EROFS, "disk that can be written"),
        (errno.EIO, "check that disk"),
    ],
)
def test_errors_of_the_disk_name_file_cause_and_remedy(
    tmp_path: Path, code: int, remedy: str
) -> None:
    target = tmp_path / "depth.npz"
    with pytest.raises(OutputError) as caught, atomic_path(target) as temporary:
        temporary.write_text("half")
        raise OSError(code, "why not")
    assert str(caught.value).startswith(f"cannot write {target}: why not; ")
    assert remedy in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_write_cut_short_by_the_system_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="file size limits are a Unix feature")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OutputError, match="too large"):
            write_npz(tmp_path / "a.npz", level=0, a=np.zeros(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_a_file_or_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="parents is a file"):
        write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(OutputError, match="make its folder first"):
        write_text(tmp_path / "missing" / "a.txt", "x")
    with pytest.raises(OutputError, match="a folder has that name"):
        (tmp_path / "folder").mkdir()
        write_text(tmp_path / "folder", "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_an_error_about_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "input").read_text()


def test_make_folder(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b").is_dir()
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file has that name"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot make folder"):
        make_folder(tmp_path / "file" / "b")


def test_what_cannot_be_written_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "new" / "a.json"
    require_writable(target)
    target.write_text("old")
    require_writable(target)
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]
    with pytest.raises(OutputError, match="new: is a directory; a folder has that name"):
        require_writable(target.parent)

    def denied(self: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", denied)
    with pytest.raises(OutputError, match=r"a\.json: permission denied; allow writing there"):
        require_writable(target)


@pytest.mark.parametrize(
    ("code", "remedy"), [(errno.EACCES, "allow writing there"), (errno.ENOSPC, "free some space")]
)
def test_a_log_that_cannot_be_written_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    def fails(file: int) -> None:
        raise OSError(code, "why not")

    with CsvLog(tmp_path / "steps.csv", ("step",), last_step=0) as log:
        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(OutputError, match=rf"steps\.csv: why not; {remedy}"):
            log.sync()


def test_json_holds_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Straße", "x": json_number(np.float32(0.5))})
    text = (tmp_path / "a.json").read_bytes().decode("utf-8")
    assert json.loads(text) == {"name": "Straße", "x": 0.5}
    assert text.endswith("}\n")
    assert json_number(math.nan) is None
    assert json_number(-math.inf) is None
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", math.nan)
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("level", [0, 1, 6])
def test_npz_round_trip_without_pickle(tmp_path: Path, level: int) -> None:
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, level=level, x=np.eye(3), text="words", n=5)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["x"], np.eye(3))
        assert str(stored["text"]) == "words"
        assert int(stored["n"]) == 5
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with pytest.raises(TypeError, match="Python objects"):
        write_npz(tmp_path / "c.npz", x=np.array([None]))


def test_npz_takes_the_less_room_the_higher_its_level(tmp_path: Path) -> None:
    ramp = np.random.default_rng(0).integers(0, 9, 20_000)
    sizes = []
    for level in (0, 1, 9):
        write_npz(tmp_path / "a.npz", level=level, ramp=ramp)
        sizes.append((tmp_path / "a.npz").stat().st_size)
    assert sizes[0] > ramp.nbytes > sizes[1] > sizes[2]
