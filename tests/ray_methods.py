"""Methods for the tests of the Ray engine, in a module that its workers can import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mfh.errors import InputError
from mfh.evaluation.methods.base import Case, MethodSpec
from mfh.models import DownloadProgress
from mfh.records import MetricDepth


@dataclass(frozen=True)
class Product:
    """A plane whose depth is read off a product of matrices, which rounds as threads share it."""

    needs_truth: bool = False
    seeded: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {"method": "product"}

    def prepare(self, progress: DownloadProgress) -> None:
        """Nothing is needed."""

    def make(self) -> Product:
        return self

    def predict(self, case: Case) -> MetricDepth:
        left, right = np.random.default_rng(case.seed).normal(size=(2, 700, 700))
        product = left.astype(np.float32) @ right.astype(np.float32)
        height, width = case.photo.shape
        return MetricDepth(10 + np.abs(product[:height, :width]), case.photo.camera)


@dataclass(frozen=True)
class Rigged:
    """A method that does something else first for some photos.

    marks: a folder where each of its makings, and of the deaths that happen once, leaves a file.
    rules: by the name of a photo: "die", "die once", "hang once" (when it was predicted, saying in
        a file which process to kill), "refuse", "bug", "sleep", "truth".
    """

    inner: MethodSpec
    marks: str
    rules: Mapping[str, str] = field(default_factory=dict)
    needs_truth: bool = False
    seeded: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {"method": "rigged", **self.inner.as_dict()}

    def prepare(self, progress: DownloadProgress) -> None:
        """Nothing is needed."""

    def make(self) -> RiggedMethod:
        Path(self.marks, f"made_{os.getpid()}").touch()
        return RiggedMethod(self)


class RiggedMethod:
    def __init__(self, spec: Rigged) -> None:
        self._spec = spec
        self._method = spec.inner.make()

    def predict(self, case: Case) -> MetricDepth:
        rule = self._spec.rules.get(case.name, "")
        if rule.startswith("die"):
            mark = Path(self._spec.marks, f"died_{case.seed}")
            if rule == "die" or not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if rule == "refuse":
            raise InputError(f"{case.name}: refused")
        if rule == "bug":
            raise ZeroDivisionError("a bug of the method")
        if rule == "sleep":
            time.sleep(60)
        if rule == "truth":
            assert case.truth is not None
            return MetricDepth(case.truth, case.photo.camera)
        depth = self._method.predict(case)
        mark = Path(self._spec.marks, "hangs")
        if rule == "hang once" and not mark.exists():
            mark.with_suffix(".part").write_text(str(os.getpid()))
            mark.with_suffix(".part").rename(mark)
            time.sleep(60)
        return depth
