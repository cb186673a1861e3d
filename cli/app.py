"""`mfh app`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from .options import (
    DeviceOption,
    LowMemoryOption,
    OfflineOption,
    PresetOption,
    SetOption,
    settings_of,
)


def app(
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            help="Port of this machine to serve the page at; the first free one from 7860 on.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="Also make a public link, through Gradio's server: whoever has it uses the app.",
        ),
    ] = False,
    simulated: Annotated[
        bool,
        typer.Option("--simulated", help="Simulated stages: no weights, and no real depth."),
    ] = False,
    max_upload_mb: Annotated[
        int, typer.Option("--max-upload-mb", help="The largest photo that is taken, in MB.")
    ] = 50,
    preset: PresetOption = "default",
    device: DeviceOption = None,
    low_memory: LowMemoryOption = False,
    offline: OfflineOption = False,
    changes: SetOption = None,
) -> None:
    """A local page to drop a photo on, get depth, and measure in it."""
    from mfh.app import LearnedMethods, Methods, SimulatedMethods, serving  # noqa: PLC0415

    settings = settings_of(preset, changes, device=device, low_memory=low_memory or None)
    methods: Methods
    if simulated:
        methods = SimulatedMethods(settings)
    else:
        from mfh.models import ModelStore  # noqa: PLC0415

        methods = LearnedMethods(settings, ModelStore(offline=offline or None))
    with serving(methods, port=port, share=share, max_upload_mb=max_upload_mb) as address:
        typer.echo(f"mfh app at {address.local} (Ctrl-C ends it)")
        if address.share:
            typer.echo(f"shared with whoever has this link: {address.share}")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            typer.echo("\nclosed", err=True)
