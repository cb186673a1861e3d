"""What happens when something is done on the page: from the page's values to its new ones.

Handlers return updates as tuples, in the order in which `mfh.app.page` names their outputs. This
module imports Gradio; `mfh.app.server` imports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from mfh.app import markup
from mfh.app.camera_choice import chosen_camera
from mfh.app.methods import Methods
from mfh.app.pictures import clicked_point
from mfh.app.running import Asked, Outcome, predict
from mfh.app.sessions import OpenPhoto, Session, Sessions
from mfh.app.shown import photo_with_distances, result_with_points, tiles
from mfh.app.typed import Point, number_from, point_from, text_of
from mfh.app.watching import Stopped, Watch, watched
from mfh.errors import InputError, MfhError
from mfh.files import make_folder
from mfh.known_distances import KnownDistance, check_distances
from mfh.photos import load_photo
from mfh.records import MetricDepth
from mfh.results.colour_scale import depth_scale
from mfh.runs.record_files import write_png

_PAINTED = "painted-"
_NO_PHOTO = "Open a photo first."


class Events:
    """The handlers of the page, which know the tab they are called from by its request."""

    def __init__(self, methods: Methods, sessions: Sessions) -> None:
        self.methods = methods
        self._sessions = sessions

    def upload(self, path: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Open an uploaded photo; the uploaded file goes at once."""
        if path is None:
            return (gr.skip(),) * 7
        uploaded = Path(path)
        try:
            photo = load_photo(uploaded)
        except MfhError as error:
            failed = markup.refused(error, f"{uploaded.parent}/", f"{uploaded.parent}\\")
            return (None, failed, *(gr.skip(),) * 5)
        finally:
            uploaded.unlink(missing_ok=True)
        return (None, "", *self._opened(self._session(request).open(photo)))

    def open_demo(self, request: gr.Request) -> tuple[Any, ...]:
        """Open the demo room in place of an uploaded photo."""
        from mfh.simulation import load_demo_scene  # noqa: PLC0415 - few want it

        photo, _ = load_demo_scene()
        photo = replace(photo, camera=replace(photo.camera, note="with the demo room"))
        return (None, "", *self._opened(self._session(request).open(photo)))

    def set_camera(self, choice: str, text: str, request: gr.Request) -> tuple[Any, ...]:
        """Use the camera that was chosen; say what it is, or what is wrong with it."""
        asked = gr.update(visible=choice != "photo")
        opened = self._session(request).opened
        if opened is None:
            return asked, gr.skip()
        try:
            value = number_from(text, "camera")
            if choice == "photo" or value is not None:
                camera = chosen_camera(choice, value, opened.of_photo)
                opened.photo = replace(opened.photo, camera=camera)
        except MfhError as error:
            return asked, markup.camera(opened.photo.camera) + markup.refused(error)
        return asked, markup.camera(opened.photo.camera)

    def click_photo(self, click: gr.SelectData, request: gr.Request) -> Any:
        """Take the clicked place for the next known distance."""
        opened = self._session(request).opened
        if opened is None:
            return gr.skip()
        return text_of(clicked_point(click.index, *opened.photo.shape))

    def add_distance(self, place: str, metres: str, request: gr.Request) -> tuple[Any, ...]:
        """Add a known distance; outputs: the list, the photo, and the two texts."""
        kept = (gr.skip(),) * 3
        opened = self._session(request).opened
        if opened is None:
            return (markup.refused(_NO_PHOTO), *kept)
        try:
            known = [*opened.distances, _known_distance(place, metres)]
            check_distances(known, opened.photo)
        except MfhError as error:
            return (markup.distances(opened.distances) + markup.refused(error), *kept)
        opened.distances = known
        return markup.distances(known), str(photo_with_distances(opened)), "", ""

    def clear_distances(self, request: gr.Request) -> tuple[Any, ...]:
        """Forget all known distances."""
        opened = self._session(request).opened
        if opened is None:
            return markup.distances(()), gr.skip()
        opened.distances = []
        return markup.distances(()), str(photo_with_distances(opened))

    def expect(self, request: gr.Request) -> tuple[Any, ...]:
        """Say at once that a prediction will come; it may have to wait for another."""
        session = self._session(request)
        if session.opened is None:
            return markup.refused(_NO_PHOTO), gr.skip(), gr.skip()
        folder = make_folder(session.opened.folder / "shown")
        session.expect(
            Watch(lambda name, image: write_png(folder / f"{_PAINTED}{name}.png", image))
        )
        said = markup.said("Waiting for its turn: one prediction at a time.")
        return said, gr.update(interactive=False), gr.update(interactive=True)

    def predict(
        self, paint: str, paintings: float | None, formats: list[str], request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Predict; outputs: how it goes, the painted people, and the result's as in `_result`."""
        session = self._session(request)
        opened, watch = session.opened, session.expected
        if opened is None or watch is None:
            return
        asked = Asked(paint, int(paintings or 0), formats)
        nothing = (gr.skip(),) * 8
        with session.writing(watch):
            work = watched(lambda: predict(self.methods, opened, watch, asked), watch)
            shown: list[tuple[str, str]] = []
            while True:
                try:
                    next(work)
                except StopIteration as done:
                    outcome: Outcome = done.value
                    break
                except Stopped:
                    said = markup.said("Stopped. Predict goes on where this ended.")
                    yield (said, gr.skip(), *nothing)
                    return
                except MfhError as error:
                    yield (markup.refused(error), gr.skip(), *nothing)
                    return
                painted = [(str(path), "") for path in _painted_so_far(opened)]
                gallery = gr.skip() if painted == shown else gr.update(value=painted, visible=True)
                shown = painted
                yield (markup.progress(watch.stages), gallery, *nothing)
            opened.prediction, opened.model = outcome.prediction, outcome.model
            gallery = gr.update(value=tiles(opened, outcome.prediction), visible=True)
            yield (markup.progress(watch.stages), gallery, *self._result(opened, outcome))

    def show_model(self, request: gr.Request) -> str | None:
        """Show the result in 3D.

        Not an output of `predict`: what a generator gives last is sent twice, and Gradio's viewer
        stays empty where that happens while it is still being loaded.
        """
        opened = self._session(request).opened
        return str(opened.model) if opened and opened.model else None

    def stop(self, request: gr.Request) -> None:
        """Stop the prediction, which waits or is under way."""
        self._session(request).stop()

    def click_result(
        self, shown: str, a: str, b: str, click: gr.SelectData, request: gr.Request
    ) -> tuple[Any, ...]:
        """Take the clicked place for the next point; outputs: both points, and `measure`'s."""
        opened = self._session(request).opened
        if opened is None:
            return (gr.skip(),) * 4
        place = text_of(clicked_point(click.index, *opened.photo.shape))
        points = (a, place) if a and not b else (place, "")
        return (*points, *self.measure(shown, *points, request))

    def measure(self, shown: str, a: str, b: str, request: gr.Request) -> tuple[Any, ...]:
        """Measure between two points given as texts; outputs: the reading, and the picture."""
        opened = self._session(request).opened
        if opened is None or opened.prediction is None:
            return gr.skip(), gr.skip()
        try:
            given = (point_from(a, "point A"), point_from(b, "point B"))
        except MfhError as error:
            return markup.refused(error), gr.skip()
        return _measured(opened, opened.prediction.depth, shown, [each for each in given if each])

    def close(self, request: gr.Request) -> None:
        """The tab is closed."""
        self._sessions.close(str(request.session_hash))

    def _session(self, request: gr.Request) -> Session:
        return self._sessions.of(str(request.session_hash))

    def _opened(self, opened: OpenPhoto) -> tuple[Any, ...]:
        """Outputs: the photo, camera, what the camera is asked for, distances, and the result."""
        return (
            gr.update(value=str(photo_with_distances(opened)), visible=True),
            markup.camera(opened.photo.camera),
            "photo",
            markup.distances(()),
            gr.update(visible=False),
        )

    def _result(self, opened: OpenPhoto, outcome: Outcome) -> tuple[Any, ...]:
        """Outputs: the result's group, summary, reading, picture, scale, files, points."""
        depth = outcome.prediction.depth
        return (
            gr.update(visible=True),
            markup.result(depth, outcome.notes),
            *_measured(opened, depth, "depth", []),
            markup.scale_bar(depth_scale(depth.depth_m)),
            [str(path) for path in outcome.downloads],
            "",
            "",
        )


def _known_distance(place: str, metres: str) -> KnownDistance:
    """The known distance two texts tell. Raises `InputError`."""
    point, distance_m = point_from(place, "point"), number_from(metres, "distance")
    if point is None or distance_m is None:
        raise InputError("Click the point in the photo, or type its x and y, and give its distance")
    return KnownDistance(*point, distance_m)


def _measured(
    opened: OpenPhoto, depth: MetricDepth, shown: str, points: Sequence[Point]
) -> tuple[str, str]:
    """What is read between points, and the photo or its depth with them."""
    try:
        reading = markup.measurement(depth, points)
    except MfhError as error:
        reading = markup.refused(error)
    return reading, str(result_with_points(opened, depth, shown, points))


def _painted_so_far(opened: OpenPhoto) -> list[Path]:
    return sorted(opened.folder.glob(f"shown/{_PAINTED}*.png"))
