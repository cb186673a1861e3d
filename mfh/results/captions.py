"""What a file or picture of a result says about itself."""

from __future__ import annotations

from mfh.records import MetricDepth
from mfh.results.summary import camera_in_words
from mfh.results.uncertainty import error_in_words


def caption(result: MetricDepth, what: str, *, briefly: bool = False) -> str:
    """Say what is shown, how far it may be off, and by which camera; first if it is simulated.

    what: the words for it. briefly: of the camera only where it comes from.
    """
    simulated = "Simulated. " if result.simulated else ""
    comma = "," if result.knows_error else ";"
    camera = result.camera.source if briefly else camera_in_words(result.camera)
    return f"{simulated}{what}{comma} {error_in_words(result)}; camera: {camera}"
