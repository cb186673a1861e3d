"""NVIDIA Warp, started once and quietly; importing this module imports Warp."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mfh.errors import MissingPartError, OutputError

try:
    import warp
except ImportError as error:
    raise MissingPartError(
        f"the package warp-lang cannot be imported ({error}); get it with: pip install warp-lang"
    ) from error

# Warp's own annotations differ from release to release, and much of it is made at run time.
wp: Any = warp

_NO_DRIVER = b"Could not find or load the NVIDIA CUDA driver"


@contextmanager
def kernel_cache() -> Iterator[None]:
    """Run what may write into Warp's kernel cache: launches, and starting Warp.

    Raises `OutputError` where that folder cannot be made or written.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot keep compiled kernels in {wp.config.kernel_cache_dir} "
            f"({error.strerror or error}); set the environment variable WARP_CACHE_PATH to a "
            "folder that can be written"
        ) from error


def _start() -> None:
    """Start Warp without what it tells everybody: banner, no GPU, which Python it is to need next.

    Its native part writes that there is no GPU to the process's stderr whatever the log level.
    Anything else that it has to say is passed on.
    """
    # This silences a line for each kernel loaded, too. Releases before `log_level` have `quiet`.
    if hasattr(wp.config, "log_level"):
        wp.config.log_level = max(wp.config.log_level, wp.LOG_WARNING)
    else:
        wp.config.quiet = True
    try:
        stderr = os.dup(2)
    except OSError:  # a process without stderr, such as a windowed one
        _initialise()
        return
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    try:
        _initialise()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(writer)
        with os.fdopen(reader, "rb") as said:
            kept = [line for line in said if _NO_DRIVER not in line]
        sys.stderr.write(b"".join(kept).decode(errors="replace"))


def _initialise() -> None:
    with warnings.catch_warnings(), kernel_cache():
        warnings.filterwarnings("ignore", "Support for Python", FutureWarning)
        wp.init()


_start()
