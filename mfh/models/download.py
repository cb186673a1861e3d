"""Downloading one file: it resumes where it stopped, retries, and tells what a server did wrong.

What is here already lies in a file ending in `.part`, which stays when a download is interrupted.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mfh.errors import MissingPartError
from mfh.models.catalogue import ModelFile
from mfh.models.disk import writing
from mfh.models.hosts import remember_unknown, why_unknown
from mfh.models.progress import DownloadProgress

_BLOCK_BYTES = 2**20
_TIMEOUT_S = 30
# In a row without a single new byte.
_TRIES = 4
_PAUSE_S = 1.0
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class TransferError(MissingPartError):
    """A file could not be downloaded, or was not what it should be."""


class NotThereError(TransferError):
    """There is no such file at that address."""


class BrokenTransferError(TransferError):
    """The connection broke off too often; what arrived is kept, and can be gone on with."""


class UnknownHostError(TransferError):
    """A host whose name cannot be resolved: this machine has no way there."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"this machine has no way to {host} ({reason})")
        self.host = host
        self.reason = reason


class _BrokenOffError(Exception):
    """A connection that may do better next time."""


@dataclass(frozen=True)
class Address:
    """A URL, and headers that are for its host alone, never for one it redirects to."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


def download(
    address: Address, part: Path, file: ModelFile, label: str, progress: DownloadProgress
) -> None:
    """Download to `part`, going on with what it holds.

    file: what is known of the file; without a digest it is resumed only where the server
        confirms that it has not changed since.

    Raises `NotThereError`, `UnknownHostError`, `TransferError` for anything else a server or the
    network does, and `OutputError` where the disk is full or cannot be written. What was
    downloaded stays in `part`.
    """
    failures = 0
    while True:
        before = _size(part)
        try:
            _attempt(address, part, file, label, progress)
            return
        except UnknownHostError as error:
            if not _size(part):
                raise
            raise _kept(str(error), part) from error
        except _BrokenOffError as error:
            failures = 0 if _size(part) > before else failures + 1
            if failures >= _TRIES:
                message = f"{address.url}: {error}, {_TRIES} times in a row"
                if not _size(part):
                    raise TransferError(message) from error
                raise _kept(message, part) from error
            time.sleep(_PAUSE_S * 2 ** max(failures - 1, 0))


def _kept(why: str, part: Path) -> BrokenTransferError:
    return BrokenTransferError(
        f"{why}; {_size(part)} bytes are kept: the same command goes on from there"
    )


def read_json_from(address: Address) -> Any:
    """The JSON at an address. Raises `NotThereError`, `UnknownHostError` and `TransferError`."""
    failures = 0
    while True:
        try:
            with _opened(address, {}) as response:
                return json.loads(response.read())
        except ValueError as error:
            raise TransferError(f"{address.url}: did not answer with JSON ({error})") from error
        except (_BrokenOffError, http.client.HTTPException, OSError) as error:
            failures += 1
            if failures == _TRIES:
                raise TransferError(f"{address.url}: {error}, {_TRIES} times in a row") from error
            time.sleep(_PAUSE_S * 2 ** (failures - 1))


def discard(part: Path) -> None:
    """Remove what was downloaded so far. Raises `OutputError`."""
    for path in (part, _validator_path(part)):
        with writing(path):
            path.unlink(missing_ok=True)


def _attempt(
    address: Address, part: Path, file: ModelFile, label: str, progress: DownloadProgress
) -> None:
    present = _size(part)
    headers: dict[str, str] = {}
    if present:
        if not (file.sha256 or file.md5 or file.git_oid):
            validator = _saved_validator(part, address.url)
            if not validator:
                discard(part)
                present = 0
            headers["If-Range"] = validator
        if file.bytes is not None and present >= file.bytes:
            return
    if present:
        headers["Range"] = f"bytes={present}-"
    with _opened(address, headers if present else {}) as response:
        if response.status == 416 and _whole_length(response) == present:
            return
        start, total = _extent(response)
        if start not in {0, present}:
            discard(part)
            raise _BrokenOffError("the server has another file than before, or no pieces of it")
        _check_answer(address, response, file, total)
        if start == 0:
            discard(part)
        _save_validator(part, address.url, response)
        progress.start(label, total, start)
        _receive(response, part, start, total, label, progress)


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    total: int | None,
    label: str,
    progress: DownloadProgress,
) -> None:
    received = start
    with writing(part), part.open("ab" if start else "wb") as stream:
        while True:
            try:
                block = response.read(_BLOCK_BYTES)
            except (http.client.HTTPException, OSError) as error:
                raise _BrokenOffError(f"the connection broke off ({error})") from error
            if not block:
                break
            stream.write(block)
            received += len(block)
            progress.advance(label, len(block))
    if total is not None and received < total:
        raise _BrokenOffError(f"the connection broke off after {received} of {total} bytes")


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Where an answer starts in the file, and how long the whole file is; -1 is nowhere."""
    if response.status == 206:
        piece = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return (int(piece[1]), int(piece[2])) if piece else (-1, None)
    if response.status == 416:
        return -1, None
    length = response.headers.get("Content-Length")
    return 0, None if length is None else int(length)


def _whole_length(response: http.client.HTTPResponse) -> int:
    """How long the file is of which no more could be given; -1 where that is not said."""
    said = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return int(said[1]) if said else -1


def _check_answer(
    address: Address, response: http.client.HTTPResponse, file: ModelFile, total: int | None
) -> None:
    if response.headers.get_content_type() == "text/html" and not file.path.endswith(".html"):
        raise TransferError(
            f"{address.url}: answered with a web page in the place of the file, perhaps a proxy or "
            "a login; open it in a browser to see, or use --mirror or --from"
        )
    if None not in (total, file.bytes) and total != file.bytes:
        raise TransferError(
            f"{address.url}: has {total} bytes, expected {file.bytes}; it is another file, or was "
            "changed: try another --mirror"
        )


@contextmanager
def _opened(address: Address, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """An answer of status 200, 206 or 416."""
    request = urllib.request.Request(
        address.url, headers={"User-Agent": "mfh", "Accept-Encoding": "identity", **headers}
    )
    if request.type not in {"http", "https"}:
        raise TransferError(f"{address.url}: is no http or https address")
    host = urlsplit(address.url).hostname or ""
    if why_unknown(host):
        raise UnknownHostError(host, why_unknown(host))
    for name, value in address.headers.items():
        request.add_unredirected_header(name, value)
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            response = error
        else:
            error.close()
            raise _refused(address.url, error.code) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _unreachable(address.url, error) from error
    with response:
        yield response


def _refused(url: str, status: int) -> Exception:
    if status in _PASSING:
        return _BrokenOffError(f"the server answered with status {status}")
    if status in {404, 410}:
        return NotThereError(f"{url}: is not there (status {status})")
    if status in {401, 403}:
        return TransferError(
            f"{url}: is refused (status {status}); where the model asks for it, accept its terms "
            "on its page and log in with `hf auth login`, else use --mirror or --from"
        )
    return TransferError(f"{url}: the server answered with status {status}")


def _unreachable(url: str, error: Exception) -> Exception:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, socket.gaierror):
        # Another try a second later would not find it either.
        host, why = urlsplit(url).hostname or "", reason.strerror or str(reason)
        remember_unknown(host, why)
        return UnknownHostError(host, why)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return TransferError(
            f"{url}: its certificate cannot be verified ({reason.verify_message}); behind a proxy, "
            "set SSL_CERT_FILE to a file with its certificates"
        )
    return _BrokenOffError(f"cannot be reached ({reason})")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _validator_path(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _save_validator(part: Path, url: str, response: http.client.HTTPResponse) -> None:
    """Note what tells this version of the file from others: a strong ETag, else its date."""
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    path = _validator_path(part)
    with writing(path):
        path.write_text(json.dumps([url, validator]), encoding="utf-8")


def _saved_validator(part: Path, url: str) -> str:
    with suppress(OSError, ValueError, TypeError):
        saved_url, validator = json.loads(_validator_path(part).read_text(encoding="utf-8"))
        if saved_url == url:
            return str(validator)
    return ""
