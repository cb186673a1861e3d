"""What a model was asked about a photo and what it said: `questions.json` of a run folder.

The file holds what the answers depend on (the model, the photo, its camera, the version of mfh)
and, for each question, the pixel and the answer. It is written after every round, so that a run
that is started again asks only what it has not asked yet.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mfh.errors import InputError
from mfh.estimators.depthlm.answers import Answer
from mfh.estimators.depthlm.asking import Asked
from mfh.estimators.depthlm.questions import Point
from mfh.estimators.depthlm.vlm import Answerer
from mfh.files import make_folder, write_json
from mfh.files.reading import read_json
from mfh.records import Photo

FILE = "questions.json"
FORMAT = 1


class QuestionRecord:
    """The answers that there are already about the pixels of a photo.

    folder: where `questions.json` is; None keeps nothing. A file that is damaged, or that depends
        on something else, is as good as none, and is written anew.
    """

    def __init__(self, folder: str | Path | None, photo: Photo, answerer: Answerer) -> None:
        self._path = None if folder is None else make_folder(folder) / FILE
        self._depends_on = _depends_on(photo, answerer)
        self._asked: dict[Point, Asked] = {} if self._path is None else self._read(self._path)

    def get(self, point_px: Point) -> Asked | None:
        """What was said about a point of the photo; None where it was not asked about."""
        return self._asked.get(point_px)

    def add(self, asked: Iterable[Asked]) -> None:
        """Keep answers. Raises `OutputError` where they cannot be written."""
        self._asked.update({(each.x_px, each.y_px): each for each in asked})
        if self._path is not None:
            said = [asdict(each) for each in self._asked.values()]
            write_json(
                self._path, {"format": FORMAT, "depends_on": self._depends_on, "asked": said}
            )

    def _read(self, path: Path) -> dict[Point, Asked]:
        try:
            content = read_json(path)
            if content["format"] != FORMAT or content["depends_on"] != self._depends_on:
                return {}
            asked = [
                Asked(**{**each, "answer": Answer(**each["answer"])}) for each in content["asked"]
            ]
        except (InputError, KeyError, TypeError):
            return {}
        return {(each.x_px, each.y_px): each for each in asked}


def _depends_on(photo: Photo, answerer: Answerer) -> Mapping[str, Any]:
    pixels = hashlib.sha256(np.ascontiguousarray(photo.image).data)
    pixels.update(repr(photo.image.shape).encode())
    plain: dict[str, Any] = json.loads(
        json.dumps(
            {
                "mfh": version("mfh"),
                "answerer": dict(answerer.fingerprint),
                "photo_sha256": pixels.hexdigest(),
                "camera": photo.camera.matrix.tolist(),
            }
        )
    )
    return plain
