"""Methods named by texts: what they are, that they travel, and what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from tiny_metric import write_tiny_depth_pro, write_tiny_glpn

from mfh.errors import InputError, MissingPartError, SettingsError
from mfh.estimators.specs import HubSpec, Metric3DSpec, UniDepthSpec
from mfh.evaluation.methods.base import Case
from mfh.evaluation.methods.mfh_specs import OracleSpec, mfh_spec, oracle_settings
from mfh.evaluation.methods.rivals import EstimatorMethodSpec, FilesSpec, method_spec
from mfh.models import DownloadProgress
from mfh.records import Intrinsics, Photo
from mfh.settings import Settings
from mfh.simulation import SimulatedErrors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hub:Intel/zoedepth-nyu-kitti", HubSpec("Intel/zoedepth-nyu-kitti")),
        ("metric3d", Metric3DSpec("vit_large")),
        ("metric3d:vit_giant2", Metric3DSpec("vit_giant2")),
        ("metric3d:vit_small@DIR", Metric3DSpec("vit_small", "DIR")),
        ("metric3d@DIR", Metric3DSpec("vit_large", "DIR")),
        ("unidepth", UniDepthSpec("vitl14")),
        ("unidepth:vits14", UniDepthSpec("vits14")),
        ("unidepth:org/fine-tuned", UniDepthSpec("org/fine-tuned")),
        ("unidepth:DIR", UniDepthSpec("DIR")),
        ("hub:DIR", HubSpec("DIR")),
        ("files:DIR", FilesSpec("DIR")),
        ("files:mm@DIR", FilesSpec("DIR", 1000)),
        ("files:kitti@DIR", FilesSpec("DIR", 256)),
        ("files:512@DIR", FilesSpec("DIR", 512)),
        ("files:DIR/odd@name", FilesSpec("DIR/odd@name")),
    ],
)
def test_texts_name_methods(tmp_path: Path, text: str, expected: Any) -> None:
    (tmp_path / "odd@name").mkdir()

    def there(value: str) -> str:
        return value.replace("DIR", str(tmp_path))

    spec = method_spec(there(text))
    fields = {k: there(v) if isinstance(v, str) else v for k, v in vars(expected).items()}
    named = spec.estimator if isinstance(spec, EstimatorMethodSpec) else spec
    assert named == type(expected)(**fields)
    assert spec.as_dict() == named.as_dict()
    assert not spec.needs_truth and not spec.seeded
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(spec) == hash(pickle.loads(pickle.dumps(spec)))
    json.dumps(spec.as_dict(), allow_nan=False)


def test_device_and_precision_go_to_the_models() -> None:
    half = Settings(device="cpu", precision="bfloat16")
    assert method_spec("hub:a/b", half) == EstimatorMethodSpec(HubSpec("a/b", "cpu", "bfloat16"))
    on_cpu = method_spec("metric3d", Settings(device="cpu", precision="float32"))
    assert on_cpu == EstimatorMethodSpec(Metric3DSpec(device="cpu"))
    for text in ("metric3d", "unidepth"):
        with pytest.raises(SettingsError, match="precision is 'float16', but its package has one"):
            method_spec(text, Settings(precision="float16"))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("zoedepth", SettingsError, "'zoedepth' is unknown; there are mfh.*hub:MODEL.*files:"),
        ("hub:", SettingsError, "'hub:' is unknown; there are"),
        ("unidept", SettingsError, "did you mean 'unidepth'"),
        ("files", SettingsError, "'files' is unknown; there are"),
        ("org/model", SettingsError, "did you mean 'hub:org/model'"),
        ("metric3d:huge", SettingsError, "'huge' is no size; there are vit_small, vit_large"),
        ("unidepth:huge", SettingsError, "'huge' is no size .vits14, vitb14, vitl14., no folder"),
        ("files:/no/such/folder", InputError, "no such folder"),
        ("metric3d@/no/such/folder", InputError, "no such folder"),
        ("mfh:nonsense", SettingsError, "'mfh:nonsense' is unknown"),
    ],
)
def test_other_texts_are_refused(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        method_spec(text)


def test_our_own_method_comes_with_its_settings() -> None:
    assert method_spec("simulated") == mfh_spec("simulated", Settings())
    four = Settings(paintings=4)
    assert method_spec("mfh", four) == mfh_spec("mfh", four)
    errors = SimulatedErrors.none()
    silog = Settings(head_method="silog")
    assert method_spec("simulated:oracle", silog, errors) == OracleSpec(silog, errors)


def test_an_oracle_has_a_loss_of_the_paper_in_place_of_the_robust_head() -> None:
    assert Settings().head_method == "robust"
    assert method_spec("mfh:oracle") == OracleSpec(Settings(head_method="silog"))
    assert method_spec("mfh:oracle").as_dict()["settings"]["head_method"] == "silog"
    l1 = Settings(head_method="l1")
    assert oracle_settings(l1) == l1
    with pytest.raises(SettingsError, match="the robust head is for people"):
        OracleSpec(Settings()).make()


def photo() -> Photo:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return Photo(image, Intrinsics(80, 80, 48, 32, 64, 96), "rgb_1")


@pytest.mark.parametrize("write", [write_tiny_glpn, write_tiny_depth_pro])
def test_a_hub_model_predicts_a_case(tmp_path: Path, write: Any) -> None:
    if write is write_tiny_depth_pro and not hasattr(transformers, "DepthProForDepthEstimation"):
        pytest.skip(f"transformers {transformers.__version__} has no Depth Pro")
    spec = method_spec(f"hub:{write(tmp_path / 'm')}", Settings(device="cpu"))
    method = pickle.loads(pickle.dumps(spec)).make()
    result = method.predict(Case("scene/rgb_1", photo(), seed=3))
    assert result.depth_m.shape == (64, 96)
    assert result.device == "CPU" and result.parts["estimator"].endswith("(m)")
    again = method.predict(Case("scene/rgb_1", photo(), seed=4))
    np.testing.assert_array_equal(again.depth_m, result.depth_m)


def test_files_may_be_added_to_a_folder_of_predictions(tmp_path: Path) -> None:
    np.save(tmp_path / "rgb_1.npy", np.full((64, 96), 2.0, np.float32))
    spec = method_spec(f"files:{tmp_path}", names=["a/rgb_1"])
    before = spec.as_dict()
    assert before == {"method": "files", "folder": str(tmp_path), "png_units_per_m": None}
    assert before == method_spec(f"files:{tmp_path}").as_dict()
    assert before != method_spec(f"files:mm@{tmp_path}").as_dict()
    np.testing.assert_array_equal(spec.make().predict(Case("a/rgb_1", photo())).depth_m, 2)
    np.save(tmp_path / "rgb_1.npy", np.full((32, 48), 3.0, np.float32))
    np.save(tmp_path / "rgb_2.npy", np.full((64, 96), 4.0, np.float32))
    assert spec.as_dict() == before
    np.testing.assert_array_equal(spec.make().predict(Case("a/rgb_1", photo())).depth_m, 3)


def test_what_cannot_run_here_is_told_when_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mfh.estimators.unidepth.find_spec", lambda name: None)
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(MissingPartError, match="pip install"):
        method_spec("unidepth").make()
    with pytest.raises(MissingPartError, match="git clone"):
        method_spec("metric3d").make()
    with pytest.raises(MissingPartError, match="mfh models get apple/DepthPro-hf"):
        method_spec("hub:apple/DepthPro-hf").make()


class Said(DownloadProgress):
    """Remembers which files were downloaded."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def start(self, name: str, total_bytes: int | None, present_bytes: int) -> None:
        self.files.append(name)


def test_weights_are_downloaded_once_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_glpn(tmp_path / "mirror" / "org" / "tiny")
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MFH_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setattr("mfh.estimators.unidepth.find_spec", lambda name: name)
    spec = method_spec("hub:org/tiny", Settings(device="cpu"))
    first, again = Said(), Said()
    spec.prepare(first)
    assert any(name.endswith("model.safetensors") for name in first.files)
    spec.prepare(again)
    method_spec("unidepth:org/tiny").prepare(again)
    assert again.files == []
    monkeypatch.setenv("MFH_OFFLINE", "1")
    result = spec.make().predict(Case("a", photo()))
    assert {"estimator", "camera"} <= result.parts.keys()


def test_what_has_nothing_to_download_is_ready(tmp_path: Path) -> None:
    said = Said()
    for text in ("metric3d", "simulated", f"files:{tmp_path}"):
        method_spec(text).prepare(said)
    assert said.files == []


def test_naming_methods_loads_no_model_library() -> None:
    program = (
        "import sys; from mfh.evaluation.methods.rivals import method_spec; "
        "[method_spec(text) for text in ('hub:a/b', 'metric3d', 'unidepth', 'simulated')]; "
        "print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "set()"
