"""Keeping other processes away from a file or folder while this one writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mfh.errors import MfhError, OutputError, RunFolderError
from mfh.files.writing import make_folder


@contextmanager
def locked(path: Path, *, timeout_s: float = -1, remedy: str) -> Iterator[None]:
    """Hold the lock `path`, a file in a folder that is there; whatever ends this process lets go.

    timeout_s: how long to wait for another process; for ever where it is negative.
    remedy: what to do where it cannot be locked at all, for the message.

    Raises `filelock.Timeout` where another process holds it, and `OutputError` where it cannot be
    written, or the drive has no locks.
    """
    lock = FileLock(path, timeout=timeout_s)
    try:
        lock.acquire()
    except Timeout:
        raise
    # Versions of filelock tell by NotImplementedError where the system knows no locks.
    except (OSError, NotImplementedError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise OutputError(
            f"{path}: cannot be locked ({why}), so that two processes could write there at once; "
            f"{remedy}"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def run_locked(folder: Path, doing: str) -> Iterator[None]:
    """Keep other processes from writing the folder of a run, which is made if it is not there.

    doing: what another process does that holds it, e.g. "training there".

    Raises `RunFolderError` where another process holds it, and `OutputError` as `locked` does.
    """
    busy = RunFolderError(
        f"{folder}: another process is {doing}; wait for it to end, or choose another folder with "
        "--out"
    )
    remedy = "allow writing there, or choose another folder with --out"
    with _locked_at_once(make_folder(folder) / "run.lock", busy, remedy):
        yield


@contextmanager
def file_locked(path: Path, doing: str) -> Iterator[None]:
    """Keep other processes from writing a file, whose folder is made if it is not there.

    The lock is a hidden file beside it, which stays: removing it could let two processes in.

    doing: what another process does that holds it, e.g. "writing labels there".

    Raises `OutputError` where another process holds it, and as `locked` does.
    """
    busy = OutputError(
        f"{path}: another process is {doing}; wait for it to end, or choose another file with --out"
    )
    remedy = "allow writing there, or choose another file with --out"
    with _locked_at_once(make_folder(path.parent) / f".{path.name}.lock", busy, remedy):
        yield


@contextmanager
def _locked_at_once(path: Path, busy: MfhError, remedy: str) -> Iterator[None]:
    """Hold the lock `path`, or raise `busy` where another process does."""
    # Only what taking the lock says is about another process.
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, timeout_s=0, remedy=remedy))
        except Timeout as error:
            raise busy from error
        yield
