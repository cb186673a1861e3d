"""Serving the page on this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfh.app.methods import Methods
from mfh.errors import MissingPartError, OutputError, SettingsError

LOOPBACK = "127.0.0.1"
MAX_UPLOAD_MB = 50
GRADIO = "gradio>=6.28"

# Whatever Gradio or a file on the page asks for, the browser reaches this server alone. Gradio's
# own scripts are inline, and its 3D viewer compiles WebAssembly.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; media-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Address:
    """Where the page is: on this machine, and for others where that was asked for."""

    local: str
    share: str | None = None


@contextmanager
def serving(
    methods: Methods,
    *,
    port: int | None = None,
    share: bool = False,
    max_upload_mb: int = MAX_UPLOAD_MB,
) -> Iterator[Address]:
    """Serve the page while the context lasts, to this machine alone.

    methods: what predicts.
    port: to listen at; the first free one from 7860 on if None.
    share: whether Gradio also makes a public link, through a server of its own, that whoever knows
        it can use.
    max_upload_mb: the largest file that is taken.

    All files of the app are in a temporary folder, which goes with the context.

    Raises `MissingPartError` where Gradio cannot be imported, `SettingsError` for a port that
    cannot be used or an impossible limit, and `OutputError` where the link cannot be made.
    """
    if max_upload_mb < 1:
        raise SettingsError(f"largest upload: {max_upload_mb} MB; it must be at least 1")
    if port is not None and not 1 <= port <= 65535:
        raise SettingsError(f"port: {port}; expected 1 to 65535")
    folder = Path(tempfile.mkdtemp(prefix="mfh-app-")).resolve()
    try:
        with _environment({"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(folder)}):
            blocks, sessions = _page(methods, folder)
            try:
                yield _launched(blocks, port=port, share=share, max_upload_mb=max_upload_mb)
            finally:
                sessions.close_all()
                blocks.close(verbose=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _page(methods: Methods, folder: Path) -> tuple[Any, Any]:
    try:
        import gradio  # noqa: F401, PLC0415 - an optional package
    except ImportError as error:
        raise MissingPartError(
            f"the app needs the package gradio, which cannot be imported ({error}); get it with: "
            f'pip install "{GRADIO}", or in the checkout: pip install -e ".[app]"'
        ) from error
    from mfh.app.events import Events  # noqa: PLC0415
    from mfh.app.page import page  # noqa: PLC0415
    from mfh.app.sessions import Sessions  # noqa: PLC0415

    sessions = Sessions(folder)
    return page(Events(methods, sessions)), sessions


def _launched(blocks: Any, *, port: int | None, share: bool, max_upload_mb: int) -> Address:
    from starlette.middleware import Middleware  # noqa: PLC0415 - comes with Gradio

    from mfh.app.style import CSS, theme  # noqa: PLC0415

    try:
        _, local, shared = blocks.launch(
            server_name=LOOPBACK,
            server_port=port,
            share=share,
            max_file_size=max_upload_mb * 2**20,
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            footer_links=[],
            theme=theme(),
            css=CSS,
            app_kwargs={"middleware": [Middleware(_OwnContentOnly)]},
        )
    except OSError as error:
        which = "7860 to 7959" if port is None else str(port)
        raise SettingsError(
            f"port {which} of {LOOPBACK} cannot be used ({error}); give a free one with --port"
        ) from error
    except RuntimeError as error:
        if not share:
            raise
        raise OutputError(
            f"no share link could be made ({error}); without --share the app works on this machine"
        ) from error
    return Address(local, shared)


class _OwnContentOnly:
    """ASGI middleware that tells browsers to ask nobody else for anything."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode())
                referrer = (b"referrer-policy", b"no-referrer")
                message = {**message, "headers": [*message["headers"], policy, referrer]}
            await send(message)

        await self._app(scope, receive, with_policy)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables while a context lasts: Gradio reads these from there alone."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
