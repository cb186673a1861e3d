"""Which learned parts `metric_depth` keeps from one call to the next."""

from __future__ import annotations

import numpy as np
import pytest

from mfh import api
from mfh.models import ModelStore, find_model


class _StoppedError(Exception):
    """Raised where the learned parts are known and the work would begin."""


def test_a_body_added_between_calls_is_used_by_the_next(monkeypatch, tmp_path):
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    taken = []

    def stop(*_, learned, **__):
        taken.append((learned, bool(learned.notes(["people"]))))
        raise _StoppedError

    monkeypatch.setattr(api.MetricFromHuman, "from_settings", stop)

    def call() -> None:
        with pytest.raises(_StoppedError):
            api.metric_depth(np.zeros((48, 64, 3), np.uint8), fov_deg=60.0, device="cpu")

    api._learned_parts.cache_clear()
    call()
    call()
    assert taken[0][0] is taken[1][0]
    ModelStore().add(find_model("smpl"), "SMPL.pkl", lambda _, file: file.write_bytes(b"smpl"))
    call()
    assert [by_anny for _, by_anny in taken] == [True, True, False]
    api._learned_parts.cache_clear()
