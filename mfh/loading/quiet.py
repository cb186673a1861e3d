"""Model libraries kept silent: what they print would be written over our own progress."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def quiet_loading(*libraries: str) -> Iterator[None]:
    """No progress bars, and of messages errors only; afterwards as it was.

    libraries: "diffusers", "transformers"; they are imported.
    """
    with ExitStack() as restore:
        for name in libraries:
            library = importlib.import_module(f"{name}.utils.logging")
            restore.callback(library.set_verbosity, library.get_verbosity())
            library.set_verbosity(logging.ERROR)
            if library.is_progress_bar_enabled():
                restore.callback(library.enable_progress_bar)
                library.disable_progress_bar()
        yield


@contextmanager
def quiet_painting() -> Iterator[None]:
    """Drop what diffusers says of its own code whenever it encodes and decodes in float32."""
    logger = logging.getLogger("diffusers.models.modeling_utils")
    logger.addFilter(_worth_telling)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*upcast_vae", FutureWarning)
            yield
    finally:
        logger.removeFilter(_worth_telling)


def _worth_telling(record: logging.LogRecord) -> bool:
    return "should be kept in float32" not in record.getMessage()
