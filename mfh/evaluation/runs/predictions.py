"""Predictions on disk: float32 metres, compressed, one file a photo."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfh.errors import InputError
from mfh.files import make_folder, remove_file, write_npz, write_text
from mfh.files.reading import begins_npz_array, read_npz
from mfh.photos import safe_name

FORMAT = 1
"""The version of the files: what another version wrote is refused."""

# Depth in floating point is mostly noise to a compressor. The fastest level saves a third, and the
# slowest hardly more, in twice the time.
_LEVEL = 1
_PART = re.compile(r"[\w.-]+")
_AGAIN = "remove it and run mfh evaluate again"


@dataclass(frozen=True, eq=False)
class StoredPrediction:
    """A prediction as it is kept.

    depth_m: (H, W) float32, metres; inf where the method says no more than "far".
    relative_error: 1 sigma the method itself expects, as a fraction; NaN where it cannot tell.
    seconds: how long it took.
    report: what else the method says, plain JSON values (counts, warnings, parts, device, worker).
    title: what messages call it; of one that was read, its file.
    sparse: whether it is of some pixels alone, and NaN elsewhere; 0 where one of them has no depth.
    """

    depth_m: NDArray[np.float32]
    relative_error: float = float("nan")
    seconds: float = float("nan")
    report: Mapping[str, Any] = field(default_factory=dict)
    title: str = "prediction"
    sparse: bool = False


class PredictionFolder:
    """The predictions of one row and one seed: `RUN/predictions/ROW/seed_K/NAME.npz`.

    A file holds the arrays `depth_m` (H, W) float32, `relative_error`, `seconds`, `report` (JSON
    text) and `format`, of a sparse one also `sparse`; `numpy.load(path)["depth_m"]` is all it takes
    to read one.

    A prediction that failed leaves `NAME.failed.txt` with the reason instead, which a later
    prediction removes.

    path: the folder, `RUN/predictions/ROW/seed_K`, which need not be there yet.

    Every method raises `InputError` for a name that is not one of a sample.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        """Whether there is a prediction of a sample that is whole, as far as a quick look tells.

        A disk that is full, or a copy that was broken off, leaves files that are not.
        """
        return begins_npz_array(self.file(name), "depth_m")

    def file(self, name: str) -> Path:
        """Where the prediction of a sample is, or would be."""
        return self._file(name, ".npz")

    def write(self, name: str, prediction: StoredPrediction) -> None:
        """Keep a prediction, atomically. Raises `OutputError`."""
        path = self.file(name)
        make_folder(path.parent)
        write_npz(
            path,
            level=_LEVEL,
            depth_m=np.ascontiguousarray(prediction.depth_m, np.float32),
            relative_error=np.float64(prediction.relative_error),
            seconds=np.float64(prediction.seconds),
            report=json.dumps(dict(prediction.report), ensure_ascii=False, allow_nan=False),
            format=FORMAT,
            **({"sparse": np.True_} if prediction.sparse else {}),
        )
        remove_file(self._file(name, ".failed.txt"))

    def read(self, name: str) -> StoredPrediction:
        """A prediction that was kept. Raises `InputError` naming the file."""
        path = self.file(name)
        try:
            arrays = read_npz(path)
        except InputError as error:
            raise InputError(f"{error}; {_AGAIN}") from error
        try:
            version = int(arrays["format"])
            depth_m = arrays["depth_m"]
            relative_error = float(arrays["relative_error"])
            seconds = float(arrays["seconds"])
            report = json.loads(str(arrays["report"]))
            sparse = bool(arrays.get("sparse", False))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: not a prediction of an evaluation ({error}); {_AGAIN}"
            ) from error
        if version != FORMAT:
            raise InputError(
                f"{path}: a prediction in format {version}, but this version reads {FORMAT}; "
                f"use the version of mfh that wrote it, or {_AGAIN}"
            )
        if depth_m.ndim != 2 or depth_m.dtype != np.float32:
            raise InputError(
                f"{path}: depth_m is {depth_m.dtype} {depth_m.shape}, not float32 (H, W); {_AGAIN}"
            )
        title = f"prediction {path}"
        return StoredPrediction(depth_m, relative_error, seconds, report, title, sparse)

    def failed(self, name: str, reason: str) -> None:
        """Keep why there is none, in place of one that was damaged. Raises `OutputError`."""
        remove_file(self.file(name))
        path = self._file(name, ".failed.txt")
        make_folder(path.parent)
        write_text(path, reason.encode("utf-8", "replace").decode("utf-8"))

    def failure(self, name: str) -> str:
        """Why there is none; "" where nothing was kept."""
        try:
            return self._file(name, ".failed.txt").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _file(self, name: str, suffix: str) -> Path:
        parts = name.split("/")
        if not all(_PART.fullmatch(part) and part == safe_name(part) for part in parts):
            raise InputError(
                f"sample {name!r}: names are letters, digits, '.', '-' and '_', joined by '/'; no "
                "part begins or ends with '.', is a device's name on Windows, or has over 100 "
                "letters"
            )
        return self.path.joinpath(*parts[:-1], parts[-1] + suffix)
