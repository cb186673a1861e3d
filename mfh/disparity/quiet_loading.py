"""Model libraries kept silent while they load."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def quiet(*libraries: Any) -> Iterator[None]:
    """No progress bars, and of messages errors only; afterwards as it was.

    libraries: `transformers.utils.logging`, `diffusers.utils.logging`.
    """
    with ExitStack() as restore:
        for library in libraries:
            restore.callback(library.set_verbosity, library.get_verbosity())
            library.set_verbosity(logging.ERROR)
            if library.is_progress_bar_enabled():
                restore.callback(library.enable_progress_bar)
                library.disable_progress_bar()
        yield
