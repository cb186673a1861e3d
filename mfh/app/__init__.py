"""The app: a local page on which a photo becomes metric depth, to look at and to measure in.

`server.serve` runs it. `page` and `events` import Gradio, an optional package, and are themselves
imported only when the app is served; nothing else here does.
"""

from mfh.app.methods import LearnedMethods, Methods, SimulatedMethods
from mfh.app.server import Address, serving

__all__ = ["Address", "LearnedMethods", "Methods", "SimulatedMethods", "serving"]
