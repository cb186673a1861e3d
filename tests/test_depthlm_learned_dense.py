"""Dense depth and its evaluation, all by learned models: tiny ones that have learned to answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import transformers
from commands import run_here
from PIL import Image
from tiny_disparity import write_tiny_depth_anything
from tiny_vlm import tiny_pixtral, tiny_qwen

from mfh.estimators.depthlm.training.labelled import labelled_files
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.training.training import train
from mfh.models import Weights
from mfh.results import read_depth_npz

MODELS = {"qwen": tiny_qwen, "pixtral": tiny_pixtral}
HEIGHT, WIDTH, FOCAL_PX = 64, 96, 100.0
METRES = 3.0


def write_data(root: Path) -> Path:
    """Photos of noise, of which every labelled pixel is 3 m from the camera."""
    random = np.random.default_rng(0)
    (root / "rgb").mkdir(parents=True)
    lines = []
    for number in range(2):
        image = random.integers(0, 200, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(image).save(root / f"rgb/{number}.png")
        line = {
            "image": f"rgb/{number}.png",
            "intrinsics": [FOCAL_PX, FOCAL_PX, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT],
            "pixel_coords": random.integers((6, 6), (WIDTH - 6, HEIGHT - 6), (20, 2)).tolist(),
            "depth": [METRES] * 20,
            "labelled": "distance",
        }
        lines.append(json.dumps(line))
    (root / "labels.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "K.json").write_text(
        json.dumps({"fx": FOCAL_PX, "fy": FOCAL_PX, "cx": WIDTH / 2, "cy": HEIGHT / 2})
    )
    return root


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_a_model_that_has_learned_three_metres_gives_them_everywhere(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if model == "qwen" and not hasattr(transformers, "Qwen2_5_VLForConditionalGeneration"):
        pytest.skip("this transformers has no Qwen2.5-VL")
    data, base = write_data(tmp_path / "data"), MODELS[model](tmp_path / "base")
    settings = TrainingSettings(
        epochs=999, steps=50, batch=2, learning_rate=1e-2, max_gradient_norm=1.0, focal_px=FOCAL_PX
    )
    files = labelled_files([data / "labels.jsonl"])
    run = tmp_path / "run"
    train(files, Weights.local(base), run, settings, device="cpu", keep_activations=True)
    disparity = write_tiny_depth_anything(tmp_path / "disparity")
    chosen = ("--method", f"depthlm:{run}", "--device", "cpu", "--set", "depthlm.questions=8")
    chosen = (*chosen, "--set", f"disparity.model={disparity}")
    out = tmp_path / "out"
    words = ("predict", data / "rgb/0.png", "-k", data / "K.json", "--out", out, "-f", "npz")
    status, printed = run_here(capsys, *words, *chosen)
    assert status == 0, printed
    result = read_depth_npz(out / "depth.npz")
    assert result.depth_m.shape == (HEIGHT, WIDTH)
    assert np.median(result.depth_m) == pytest.approx(METRES, rel=0.1)
    said = json.loads((out / "questions.json").read_text(encoding="utf-8"))
    assert "3.00" in json.dumps(said)
    labels = data / "labels.jsonl"
    scored = ("evaluate", "labels", "--data", labels, "--limit", 1, "--out", tmp_path / "scores")
    status, printed = run_here(capsys, *scored, *chosen)
    assert status == 0, printed
    (row,) = json.loads((tmp_path / "scores/summary.json").read_text(encoding="utf-8"))["rows"]
    assert row["means"]["abs_rel"]["value"] < 0.25
