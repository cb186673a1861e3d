"""What the app keeps for each browser tab, and the files that go when the tab is closed."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mfh.app.watching import Watch
from mfh.files import make_folder
from mfh.known_distances import KnownDistance
from mfh.prediction import Prediction
from mfh.records import Intrinsics, Photo


@dataclass(eq=False)
class OpenPhoto:
    """A photo that a tab has open.

    folder: of its own; its run folder is `folder / "run"`.
    of_photo: the intrinsics it was loaded with; `photo.camera` are those the user wants.
    prediction, model: the last result, and its mesh; None before there is one.
    """

    photo: Photo
    of_photo: Intrinsics
    folder: Path
    distances: list[KnownDistance] = field(default_factory=list)
    prediction: Prediction | None = None
    model: Path | None = None

    def picture_path(self, what: str) -> Path:
        """A new file for a picture of the page."""
        return make_folder(self.folder / "shown") / f"{what}-{next(_numbers):06d}.png"


class Session:
    """One tab: the photo it has open, and the prediction that is under way."""

    def __init__(self, folder: Path) -> None:
        self.opened: OpenPhoto | None = None
        self._folder = folder
        self._watch: Watch | None = None
        self._writing = 0
        self._lock = threading.Lock()

    def open(self, photo: Photo) -> OpenPhoto:
        """Open a photo in place of the one before, whose prediction is stopped."""
        with self._lock:
            folder = make_folder(self._folder / f"{next(_numbers):06d}")
            self.opened = OpenPhoto(photo, photo.camera, folder)
            self._stop()
            self._tidy()
            return self.opened

    def expect(self, watch: Watch) -> None:
        """A prediction is asked for, and may be stopped from now on; the one before is."""
        with self._lock:
            self._stop()
            self._watch = watch

    @property
    def expected(self) -> Watch | None:
        """The prediction that was asked for last; None where it is over."""
        return self._watch

    @contextmanager
    def writing(self, watch: Watch) -> Iterator[None]:
        """While a prediction goes on no folder is removed: it may write there."""
        with self._lock:
            self._writing += 1
        try:
            yield
        finally:
            with self._lock:
                self._writing -= 1
                if self._watch is watch:
                    self._watch = None
                self._tidy()

    def stop(self) -> None:
        """Stop the prediction that is under way, if any."""
        with self._lock:
            self._stop()

    def close(self) -> None:
        """The tab is closed: stop what is under way and remove its files."""
        with self._lock:
            self.opened = None
            self._stop()
            self._tidy()

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.stop()

    def _tidy(self) -> None:
        """Remove the folders of photos that are not open, unless a run may still write there."""
        if self._writing or not self._folder.is_dir():
            return
        kept = self.opened.folder if self.opened else None
        for folder in self._folder.iterdir():
            if folder != kept:
                shutil.rmtree(folder, ignore_errors=True)
        if kept is None:
            shutil.rmtree(self._folder, ignore_errors=True)


class Sessions:
    """The sessions of all tabs, by the name their page has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, tab: str) -> Session:
        """The session of a tab, a new one where there is none."""
        with self._lock:
            if tab not in self._sessions:
                self._sessions[tab] = Session(self._folder / f"tab-{next(_numbers):06d}")
            return self._sessions[tab]

    def close(self, tab: str) -> None:
        """The tab is closed."""
        with self._lock:
            session = self._sessions.pop(tab, None)
        if session is not None:
            session.close()

    def close_all(self) -> None:
        """The app ends."""
        for tab in list(self._sessions):
            self.close(tab)


_numbers = itertools.count()
