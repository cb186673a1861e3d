"""The reference's results, reached through protocols and scoring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mfh.datasets.protocol import Crop, Protocol
from mfh.evaluation.runs.predictions import StoredPrediction
from mfh.evaluation.scoring.score import score

_REFERENCE_NAMES = {
    "delta1": "a1",
    "delta2": "a2",
    "delta3": "a3",
    "abs_rel": "abs_rel",
    "sq_rel": "sq_rel",
    "rmse": "rmse",
    "rmse_log": "rmse_log",
    "log10": "log_10",
    "silog": "silog",
}


@pytest.mark.parametrize(
    ("protocol", "arrays", "crop", "cap_m"),
    [("nyu", "nyu", "eigen", 10), ("kitti", "kitti", "garg", 80), ("eth3d", "nyu", "none", 80)],
)
def test_reference_results_are_reached(
    shared: Path, protocol: str, arrays: str, crop: Crop, cap_m: float
) -> None:
    with np.load(shared / "vectors" / "metrics.npz") as stored:
        true_m, predicted_m = stored[f"{arrays}_gt"], stored[f"{arrays}_pred"]
    expected = json.loads((shared / "vectors" / "metrics.json").read_text())[protocol]

    values = score(StoredPrediction(predicted_m), true_m, Protocol(max_m=cap_m, crop=crop))

    for name, reference_name in _REFERENCE_NAMES.items():
        assert values[name] == pytest.approx(expected[reference_name], rel=1e-5), name
