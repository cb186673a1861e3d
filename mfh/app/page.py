"""The page: what is on it, and which handler each part calls.

This module imports Gradio; `mfh.app.server` imports it.
"""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from mfh.app import markup
from mfh.app.camera_choice import QUESTIONS
from mfh.app.events import Events
from mfh.app.running import SHOWN_FORMAT
from mfh.decoding import photo_suffixes
from mfh.results.formats import DEFAULT_FORMATS, FORMATS
from mfh.settings import MOST_PAINTINGS, Paint

TITLE = "mfh: metres from one photo"

# Files of tabs whose closing went unnoticed: looked for hourly, and kept for a day.
_DELETE_CACHE_S = (3600, 86400)
_MOST_WAITING = 20
# What is typed or clicked while an earlier letter or click is dealt with is dealt with next.
_LAST_COUNTS: dict[str, Any] = {"trigger_mode": "always_last"}


def page(events: Events) -> Any:
    """The page, a `gradio.Blocks` that is not served yet.

    One prediction is under way at a time, others wait for theirs.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=_DELETE_CACHE_S) as blocks:
        gr.HTML(
            '<h1>Metres from one photo</h1><p class="mfh-lead">Depth of every pixel in metres, '
            "with people as the ruler.</p>"
        )
        if events.methods.notice:
            gr.HTML(markup.notice(events.methods.notice), elem_id="mfh-simulated")
        with gr.Row():
            with gr.Column(scale=3):
                shown = _photo(events)
            with gr.Column(scale=2):
                camera = _camera(events)
                known = _distances(events, shown["photo"])
        result = _prediction(events)
        opening = [
            shown["upload"],
            shown["said"],
            shown["photo"],
            camera["said"],
            camera["choice"],
            known,
            result,
        ]
        quietly = _quietly()
        shown["upload"].upload(events.upload, shown["upload"], opening, **quietly)
        shown["demo"].click(events.open_demo, None, opening, **quietly)
        blocks.unload(events.close)
    blocks.queue(default_concurrency_limit=4, max_size=_MOST_WAITING)
    return blocks


def _quietly() -> dict[str, Any]:
    """How handlers are called that take no time: no spinner over what they change, no API."""
    return {"show_progress": "hidden", "api_visibility": "private"}


def _photo(events: Events) -> dict[str, Any]:
    gr.HTML("<h2>1. Photo</h2>")
    upload = gr.File(
        label="Drop a photo, or choose one",
        file_types=sorted(photo_suffixes()),
        height=130,
        elem_id="mfh-upload",
    )
    demo = gr.Button("Take the demo room instead", size="sm", elem_id="mfh-demo")
    said = gr.HTML(elem_id="mfh-upload-said")
    photo = gr.Image(
        label="Photo",
        alt_text="The photo; click a point of known distance",
        interactive=False,
        buttons=[],
        visible=False,
        elem_id="mfh-photo",
        elem_classes="mfh-click",
    )
    return {"upload": upload, "demo": demo, "said": said, "photo": photo}


def _camera(events: Events) -> dict[str, Any]:
    gr.HTML("<h2>2. Camera</h2>")
    said = gr.HTML(markup.said("Read from the photo once there is one."), elem_id="mfh-camera")
    choice = gr.Radio(
        [(text, name) for name, text in QUESTIONS.items()],
        value="photo",
        label="Intrinsics",
        elem_id="mfh-camera-choice",
    )
    value = gr.Textbox(label="Its value", visible=False, elem_id="mfh-camera-value")
    for changed in (choice.input, value.change):
        changed(events.set_camera, [choice, value], [value, said], **_quietly(), **_LAST_COUNTS)
    return {"said": said, "choice": choice}


def _distances(events: Events, photo: Any) -> Any:
    gr.HTML("<h2>3. Known distances</h2>")
    gr.HTML(
        markup.said(
            "Optional. Click a point in the photo whose distance from the camera you measured."
        )
    )
    with gr.Row():
        place = gr.Textbox(label="Point x, y in px", min_width=120, elem_id="mfh-known-place")
        metres = gr.Textbox(label="Distance in m", min_width=120, elem_id="mfh-known-metres")
    with gr.Row():
        add = gr.Button("Add", size="sm", elem_id="mfh-known-add")
        clear = gr.Button("Remove all", size="sm")
    known = gr.HTML(markup.distances(()), elem_id="mfh-known")
    quietly = _quietly()
    photo.select(events.click_photo, None, place, **quietly, **_LAST_COUNTS)
    for done in (add.click, metres.submit):
        done(events.add_distance, [place, metres], [known, photo, place, metres], **quietly)
    clear.click(events.clear_distances, None, [known, photo], **quietly)
    return known


def _prediction(events: Events) -> Any:
    settings = events.methods.settings
    gr.HTML("<h2>4. Depth</h2>")
    with gr.Row():
        paint = gr.Radio(
            list(get_args(Paint)),
            value=settings.paint,
            label="Paint people",
            info="auto: where known distances or the photo's own people do not do",
            elem_id="mfh-paint",
        )
        paintings = gr.Number(
            label="Paintings at most",
            value=settings.paintings,
            precision=0,
            minimum=1,
            maximum=MOST_PAINTINGS,
            elem_id="mfh-paintings",
        )
    formats = gr.CheckboxGroup(
        [(f"{each.name}: {each.what}", each.name) for each in FORMATS.values()],
        value=[*DEFAULT_FORMATS, SHOWN_FORMAT],
        label="Files to download",
        elem_id="mfh-formats",
    )
    with gr.Row():
        predict = gr.Button("Predict depth", variant="primary", elem_id="mfh-predict")
        stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="mfh-stop")
    progress = gr.HTML(elem_id="mfh-progress")
    gallery = gr.Gallery(
        label="People, painted and measured",
        height="auto",
        object_fit="contain",
        buttons=[],
        visible=False,
        interactive=False,
        elem_id="mfh-gallery",
    )
    with gr.Column(visible=False, elem_id="mfh-result") as result:
        outputs, model = _result(events)
    quietly = _quietly()
    done = (
        predict.click(events.expect, None, [progress, predict, stop], queue=False, **quietly)
        .then(
            events.predict,
            [paint, paintings, formats],
            [progress, gallery, result, *outputs],
            concurrency_limit=1,
            **quietly,
        )
        .then(
            lambda: (gr.update(interactive=True), gr.update(interactive=False)),
            None,
            [predict, stop],
            queue=False,
            **quietly,
        )
    )
    done.then(events.show_model, None, model, **quietly)
    stop.click(events.stop, None, None, queue=False, **quietly)
    return result


def _result(events: Events) -> tuple[list[Any], Any]:
    """What a prediction gives; in the order of `Events.predict`, and the 3D view."""
    with gr.Row():
        with gr.Column(scale=3):
            gr.HTML("<h2>Measure</h2>")
            shown = gr.Radio([("Depth", "depth"), ("Photo", "photo")], value="depth", label="Shown")
            picture = gr.Image(
                label="Click two points",
                alt_text="Depth in colours; click two points to measure between them",
                interactive=False,
                buttons=["fullscreen"],
                elem_id="mfh-measure",
                elem_classes="mfh-click",
            )
            bar = gr.HTML()
        with gr.Column(scale=2):
            reading = gr.HTML(elem_id="mfh-reading")
            with gr.Row():
                points = [
                    gr.Textbox(
                        label=f"{name}: x, y in px", min_width=120, elem_id=f"mfh-point-{name}"
                    )
                    for name in "AB"
                ]
            summary = gr.HTML(elem_id="mfh-summary")
    model = gr.Model3D(label="3D view", interactive=False, height=420, elem_id="mfh-model")
    files = gr.File(
        label="Downloads", file_count="multiple", interactive=False, elem_id="mfh-files"
    )
    quietly = _quietly()
    picture.select(
        events.click_result,
        [shown, *points],
        [*points, reading, picture],
        **quietly,
        **_LAST_COUNTS,
    )
    gr.on(
        [*(each.submit for each in points), *(each.blur for each in points), shown.input],
        events.measure,
        [shown, *points],
        [reading, picture],
        **quietly,
        **_LAST_COUNTS,
    )
    return [summary, reading, picture, bar, files, *points], model
