"""Downloading a file: resuming, retrying, and naming what a server did wrong."""

from __future__ import annotations

import shutil
import socket
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from model_server import ModelServer, serving, sha256

from mfh.errors import OutputError
from mfh.models import DownloadProgress
from mfh.models import download as module
from mfh.models.catalogue import ModelFile
from mfh.models.disk import require_room
from mfh.models.download import (
    Address,
    BrokenTransferError,
    NotThereError,
    TransferError,
    UnknownHostError,
    download,
    read_json_from,
)

CONTENT = np.random.default_rng(0).bytes(300_000)
PATH = "/weights.bin"


class Recorded(DownloadProgress):
    """What it was told."""

    def __init__(self) -> None:
        self.starts: list[tuple[int | None, int]] = []
        self.bytes = 0

    def start(self, name: str, total_bytes: int | None, present_bytes: int) -> None:
        self.starts.append((total_bytes, present_bytes))
        self.bytes = present_bytes

    def advance(self, name: str, count_bytes: int) -> None:
        self.bytes += count_bytes


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.001)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 10_000)
    with serving() as running:
        running.files[PATH] = CONTENT
        yield running


def fetch(server: ModelServer, part: Path, progress: DownloadProgress | None = None, **known):
    file = ModelFile(path="weights.bin", **known)
    download(Address(server.url + PATH), part, file, "weights", progress or DownloadProgress())


def test_a_file_arrives_whole_and_progress_counts_its_bytes(server, tmp_path):
    progress = Recorded()
    fetch(server, tmp_path / "w.part", progress)
    assert (tmp_path / "w.part").read_bytes() == CONTENT
    assert progress.starts == [(len(CONTENT), 0)]
    assert progress.bytes == len(CONTENT)


def test_a_connection_that_breaks_off_is_gone_on_with(server, tmp_path):
    server.drop_after[PATH] = [50_000, 70_000]
    progress = Recorded()
    fetch(server, tmp_path / "w.part", progress)
    assert (tmp_path / "w.part").read_bytes() == CONTENT
    assert [given for _, given in server.requests] == ["", "bytes=50000-", "bytes=120000-"]
    assert progress.bytes == len(CONTENT)


def test_what_an_interrupted_download_left_is_gone_on_with(server, tmp_path):
    part = tmp_path / "w.part"

    class Interrupting(DownloadProgress):
        def advance(self, name: str, count_bytes: int) -> None:
            if part.stat().st_size > 100_000:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server, part, Interrupting())
    left = part.stat().st_size
    assert 100_000 < left < len(CONTENT)
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={left}-"


def test_a_file_that_changed_in_between_is_begun_again(server, tmp_path):
    server.drop_after[PATH] = [50_000]
    server.statuses[PATH] = [200, 500, 500, 500, 500, 500, 500]
    with pytest.raises(TransferError, match="status 500, 4 times in a row; 50000 bytes are kept"):
        fetch(server, tmp_path / "w.part")
    server.statuses.clear()
    server.files[PATH] = CONTENT[::-1]
    fetch(server, tmp_path / "w.part")
    assert (tmp_path / "w.part").read_bytes() == CONTENT[::-1]


def test_without_a_validator_or_a_digest_nothing_is_gone_on_with(server, tmp_path):
    part = tmp_path / "w.part"
    part.write_bytes(b"of another file")
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert server.requests == [(PATH, "")]


def test_with_a_digest_a_part_from_elsewhere_is_gone_on_with(server, tmp_path):
    part = tmp_path / "w.part"
    part.write_bytes(CONTENT[:1000])
    fetch(server, part, sha256=sha256(CONTENT))
    assert part.read_bytes() == CONTENT
    assert server.requests == [(PATH, "bytes=1000-")]


def test_a_server_without_ranges_gives_the_whole_file_again(server, tmp_path):
    server.ranges = False
    server.drop_after[PATH] = [50_000]
    fetch(server, tmp_path / "w.part", sha256=sha256(CONTENT))
    assert (tmp_path / "w.part").read_bytes() == CONTENT


def test_a_part_that_is_whole_already_needs_no_more_bytes(server, tmp_path):
    part = tmp_path / "w.part"
    part.write_bytes(CONTENT)
    fetch(server, part, sha256=sha256(CONTENT))
    assert part.read_bytes() == CONTENT
    fetch(server, part, sha256=sha256(CONTENT), bytes=len(CONTENT))
    assert len(server.requests) == 1


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    part = tmp_path / "w.part"
    part.write_bytes(CONTENT + b"more")
    fetch(server, part, sha256=sha256(CONTENT))
    assert part.read_bytes() == CONTENT


def test_a_passing_fault_of_the_server_is_waited_out(server, tmp_path):
    server.statuses[PATH] = [503, 429]
    fetch(server, tmp_path / "w.part")
    assert (tmp_path / "w.part").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (404, NotThereError, "is not there"),
        (410, NotThereError, "is not there"),
        (403, TransferError, "accept its terms"),
        (401, TransferError, "hf auth login"),
        (400, TransferError, "status 400"),
    ],
)
def test_a_refusal_says_what_to_do(server, tmp_path, status, error, words):
    server.statuses[PATH] = [status]
    with pytest.raises(error, match=words):
        fetch(server, tmp_path / "w.part")
    assert not (tmp_path / "w.part").exists()


def test_a_web_page_is_no_file(server, tmp_path):
    server.types[PATH] = "text/html; charset=utf-8"
    with pytest.raises(TransferError, match="a web page in the place of the file"):
        fetch(server, tmp_path / "w.part")


def test_a_file_of_another_size_is_not_downloaded(server, tmp_path):
    with pytest.raises(TransferError, match=r"has 300000 bytes, expected 299999"):
        fetch(server, tmp_path / "w.part", bytes=299_999)
    assert not (tmp_path / "w.part").exists()


def test_nobody_there_is_said_after_some_tries(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.001)
    with serving() as gone:
        pass
    with pytest.raises(TransferError, match="cannot be reached .*4 times in a row"):
        fetch(gone, tmp_path / "w.part")


def test_a_name_that_cannot_be_resolved_is_told_at_once(server, tmp_path, monkeypatch):
    def unresolved(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def sleep(_):
        raise AssertionError("it was waited for")

    server.drop_after[PATH] = [1000]
    server.statuses[PATH] = [200, 503, 503, 503, 503]
    with pytest.raises(TransferError, match="1000 bytes are kept"):
        fetch(server, tmp_path / "begun.part")
    monkeypatch.setattr(module.time, "sleep", sleep)
    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    for call in (
        lambda: fetch(server, tmp_path / "w.part"),
        lambda: read_json_from(Address(f"{server.url}/list")),
    ):
        with pytest.raises(
            UnknownHostError, match="no way to 127.0.0.1 .Name or service not known"
        ):
            call()
    with pytest.raises(BrokenTransferError, match="no way to .*; 1000 bytes are kept"):
        fetch(server, tmp_path / "begun.part")
    assert (tmp_path / "begun.part").read_bytes() == CONTENT[:1000]


def test_other_schemes_are_refused(tmp_path):
    (tmp_path / "w").write_bytes(b"x")
    file = ModelFile(path="w")
    for url in ((tmp_path / "w").as_uri(), "ftp://127.0.0.1/w"):
        with pytest.raises(TransferError, match="no http or https address"):
            download(Address(url), tmp_path / "w.part", file, "w", DownloadProgress())


def test_headers_of_a_host_are_not_sent_to_another(server, tmp_path):
    with serving() as other:
        other.files["/far"] = CONTENT
        server.redirects["/near"] = f"{other.url}/far"
        address = Address(f"{server.url}/near", {"Authorization": "Bearer secret"})
        download(address, tmp_path / "p", ModelFile(path="w"), "w", DownloadProgress())
        assert server.headers[0]["Authorization"] == "Bearer secret"
        assert "Authorization" not in other.headers[0]
    assert (tmp_path / "p").read_bytes() == CONTENT


def test_json_is_read_and_anything_else_named(server):
    server.files["/list"] = b'{"a": 1}'
    server.statuses["/list"] = [503]
    assert read_json_from(Address(f"{server.url}/list")) == {"a": 1}
    with pytest.raises(TransferError, match="did not answer with JSON"):
        read_json_from(Address(server.url + PATH))
    with pytest.raises(NotThereError):
        read_json_from(Address(f"{server.url}/nothing"))


def test_a_full_disk_is_named_and_what_arrived_kept(server, tmp_path, monkeypatch):
    part = tmp_path / "w.part"
    real = Path.open

    class Full:
        def __init__(self, stream):
            self._stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._stream.close()

        def write(self, block):
            if self._stream.tell() + len(block) > 100_000:
                raise OSError(28, "No space left on device")
            return self._stream.write(block)

    def opened(path, mode="r", **options):
        stream = real(path, mode, **options)
        return Full(stream) if path == part and mode in ("ab", "wb") else stream

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OutputError, match="no space left; free some, and the same command goes on"):
        fetch(server, part)
    assert part.stat().st_size == 100_000


def test_room_is_asked_for_beforehand(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 0, 10**9))
    require_room(tmp_path / "not" / "there" / "yet", 5e8)
    with pytest.raises(
        OutputError, match=r"5\.16 GB are needed, and 1\.00 GB are free.*MFH_MODELS"
    ):
        require_room(tmp_path, 5.16e9)
