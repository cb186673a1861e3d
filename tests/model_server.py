"""A web server on this machine that serves files in pieces, and misbehaves when told to."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ModelServer:
    """What it serves by path, and how.

    drop_after: by path, after how many bytes the connection breaks off, one entry a request.
    statuses: by path, with which status requests are refused, one entry a request.
    types: by path, the content type; `redirects`: where to go instead.
    ranges: whether it serves pieces; `pause_s`: how long it waits after each 50 kB.
    requests: path and "Range" header of every request so far; `headers`: all headers of them.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    drop_after: dict[str, list[int]] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    etag: str = ""
    pause_s: float = 0.0
    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def add_hub_model(self, model_id: str, files: dict[str, bytes], commit: str = "c" * 40) -> None:
        """Serve a repository as the model hub does; safetensors are stored with Git LFS."""
        siblings = []
        for path, content in files.items():
            entry = {"rfilename": path, "size": len(content), "blobId": git_oid(content)}
            if path.endswith(".safetensors"):
                entry["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 1}
            siblings.append(entry)
            for revision in (commit, "main"):
                self.files[f"/{model_id}/resolve/{revision}/{path}"] = content
        listing = json.dumps({"id": model_id, "sha": commit, "siblings": siblings}).encode()
        self.files[f"/api/models/{model_id}"] = listing
        self.files[f"/api/models/{model_id}/revision/{commit}"] = listing


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serving() -> Iterator[ModelServer]:
    """A server, as long as the block lasts."""
    model_server = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, model_server)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    model_server.url = f"http://127.0.0.1:{httpd.server_port}"
    try:
        yield model_server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, server: ModelServer) -> None:
    path = request.path.partition("?")[0]
    server.requests.append((path, request.headers.get("Range", "")))
    server.headers.append(dict(request.headers))
    if path in server.redirects:
        request.send_response(302)
        request.send_header("Location", server.redirects[path])
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    status = server.statuses[path].pop(0) if server.statuses.get(path) else 200
    if path not in server.files:
        status = 404
    if status != 200:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    content = server.files[path]
    etag = server.etag or f'"{sha256(content)[:16]}"'
    piece = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    start = int(piece[1]) if piece and server.ranges else 0
    if start and request.headers.get("If-Range", etag) != etag:
        start = 0
    if start >= len(content) and start:
        request.send_response(416)
        request.send_header("Content-Range", f"bytes */{len(content)}")
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.send_header("Content-Length", str(len(content) - start))
    request.send_header("Content-Type", server.types.get(path, "application/octet-stream"))
    request.send_header("ETag", etag)
    request.end_headers()
    drops = server.drop_after.get(path)
    end = start + drops.pop(0) if drops else len(content)
    for piece_start in range(start, end, 50_000):
        try:
            request.wfile.write(content[piece_start : min(end, piece_start + 50_000)])
        except OSError:  # the client has gone
            return
        time.sleep(server.pause_s)
    if end < len(content):
        request.wfile.flush()
        request.close_connection = True
        request.connection.shutdown(2)
