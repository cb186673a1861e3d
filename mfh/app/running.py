"""One prediction of the app: what was asked for, and the files that came of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from mfh.app.methods import Methods
from mfh.app.sessions import OpenPhoto
from mfh.app.watching import Watch, WatchedPainter
from mfh.prediction import Prediction
from mfh.results.formats import DEFAULT_FORMATS, FORMATS
from mfh.settings import Paint

SHOWN_FORMAT = "glb"
"""The format of the 3D view, which is always written."""


@dataclass(frozen=True)
class Asked:
    """What the page asks of a prediction, in place of what the settings say.

    paint, paintings: as in `mfh.Settings`; formats: names of `mfh.results.formats.FORMATS`.
    """

    paint: str
    paintings: int
    formats: Sequence[str] = DEFAULT_FORMATS


@dataclass(frozen=True)
class Outcome:
    """A prediction, its files by what they are, and what the user should know besides."""

    prediction: Prediction
    paths: Mapping[str, Path]
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> Path:
        """The mesh of the 3D view."""
        return self.paths[FORMATS[SHOWN_FORMAT].key]

    @property
    def downloads(self) -> tuple[Path, ...]:
        """The files to download; of a format that is a folder, its archive."""
        return tuple(
            path if path.is_file() else path.with_suffix(".zip") for path in self.paths.values()
        )


def predict(methods: Methods, opened: OpenPhoto, watch: Watch, asked: Asked) -> Outcome:
    """Predict the photo that is open, and write its results.

    The photo's run folder is kept as long as it is open: what is asked for again, with another
    camera or known distance, reuses what has been painted.

    Raises errors of `mfh.errors`, and `Stopped` where `watch` was told to stop.
    """
    settings = replace(
        methods.settings, paint=cast(Paint, asked.paint), paintings=int(asked.paintings)
    )
    photo, known = opened.photo, tuple(opened.distances)
    method = methods.method_for(photo, settings, known_distances=bool(known), progress=watch)
    if method.painter is not None:
        method.painter = WatchedPainter(method.painter, watch)
    folder = opened.folder / "run"
    prediction = method.run(photo, landmarks=known, folder=folder, progress=watch)
    paths = prediction.write(
        folder,
        formats=tuple(dict.fromkeys((*asked.formats, SHOWN_FORMAT))),
        settings=settings,
        progress=watch,
        **methods.extras(),
    )
    for path in paths.values():
        if path.is_dir():
            shutil.make_archive(str(path), "zip", root_dir=path.parent, base_dir=path.name)
    notes = methods.notes(settings, known_distances=bool(known))
    return Outcome(prediction, paths, notes)
