"""Metric depth models of transformers: their depth, their camera, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_disparity
import tiny_metric
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import interpolate

from mfh.errors import MissingPartError, ModelError, NumericsError, SettingsError
from mfh.estimators import HubEstimator
from mfh.estimators.hub import hub_weights
from mfh.models import ModelStore, Weights
from mfh.records import Intrinsics, Photo

KINDS: dict[str, Callable[[Path], Path]] = {
    "zoedepth": tiny_disparity.write_tiny_zoedepth,
    "zoedepth-nk": lambda folder: tiny_disparity.write_tiny_zoedepth(folder, heads=2),
    "depth-pro": tiny_metric.write_tiny_depth_pro,
    "depth-anything-metric": tiny_metric.write_tiny_metric_depth_anything,
    "dpt-dinov2": tiny_disparity.write_tiny_dpt_dinov2,
    "glpn": tiny_metric.write_tiny_glpn,
    "tips": tiny_metric.write_tiny_tips,
}
NEEDS = {"depth-pro": "DepthProForDepthEstimation", "tips": "Tipsv2DptForDepthEstimation"}
HEIGHT, WIDTH = 60, 84


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Tiny models by kind, each written once."""
    root = tmp_path_factory.mktemp("models")

    def of(kind: str) -> Path:
        if not hasattr(transformers, NEEDS.get(kind, "DPTForDepthEstimation")):
            pytest.skip(f"transformers {transformers.__version__} has no {NEEDS[kind]}")
        folder = root / kind
        return folder if folder.is_dir() else KINDS[kind](folder)

    return of


def photo(height: int = HEIGHT, width: int = WIDTH, fx: float = 100.0) -> Photo:
    """A photo of smooth random colours."""
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    image = np.asarray(Image.fromarray(coarse).resize((width, height)))
    return Photo(image, Intrinsics(fx, 110, width / 2, height / 2, height, width))


def estimator(folder: Path, **options: Any) -> HubEstimator:
    return HubEstimator(Weights.local(folder), device="cpu", **options)


def official(folder: Path) -> tuple[Any, Any]:
    """The library's own choice of processor and model."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForDepthEstimation.from_pretrained(folder).eval()
    return processor, model


def bilinear(values: torch.Tensor, height: int, width: int) -> NDArray[np.float32]:
    """A map (1, h, w) at another size."""
    return interpolate(values[:, None], (height, width), mode="bilinear")[0, 0].numpy()


@pytest.mark.parametrize("kind", ["depth-anything-metric", "glpn", "tips"])
def test_depth_is_what_the_official_classes_predict(
    folder_of: Callable[[str], Path], kind: str
) -> None:
    result = estimator(folder_of(kind)).predict(photo())
    processor, model = official(folder_of(kind))
    with torch.no_grad():
        inputs = processor(Image.fromarray(photo().image), return_tensors="pt")
        predicted = model(**inputs).predicted_depth
    np.testing.assert_allclose(result.depth_m, bilinear(predicted, HEIGHT, WIDTH), rtol=1e-5)
    assert result.depth_m.std() > 0.01


@pytest.mark.parametrize("kind", ["zoedepth", "zoedepth-nk"])
def test_zoedepth_is_unpadded_and_averaged_with_its_mirror_image(
    folder_of: Callable[[str], Path], kind: str
) -> None:
    result = estimator(folder_of(kind)).predict(photo())
    processor, model = official(folder_of(kind))
    with torch.no_grad():
        pixels = processor(Image.fromarray(photo().image), return_tensors="pt").pixel_values
        plain, flipped = model(pixels), model(pixels.flip(-1))
    mean = (plain.predicted_depth + flipped.predicted_depth.flip(-1)) / 2
    # floor(3 sqrt(60 / 2)) = 16 and floor(3 sqrt(84 / 2)) = 19 px are mirrored beyond each side.
    padded = bilinear(mean, HEIGHT + 32, WIDTH + 38)
    np.testing.assert_allclose(result.depth_m, padded[16:-16, 19:-19], rtol=1e-5)
    # The library's own way there is bicubic.
    (theirs,) = processor.post_process_depth_estimation(
        plain, source_sizes=[(HEIGHT, WIDTH)], outputs_flipped=flipped
    )
    np.testing.assert_allclose(result.depth_m, theirs["predicted_depth"], rtol=0.01)


def test_depth_pro_is_scaled_by_the_focal_length_of_the_photo(
    folder_of: Callable[[str], Path],
) -> None:
    result = estimator(folder_of("depth-pro")).predict(photo())
    processor, model = official(folder_of("depth-pro"))
    with torch.no_grad():
        outputs = model(**processor(Image.fromarray(photo().image), return_tensors="pt"))
    # What 84 px span at a focal length of 100 px takes the place of the model's own guess.
    fov_deg = 2 * np.degrees(np.arctan(WIDTH / 2 / 100))
    outputs.field_of_view = torch.tensor([fov_deg], dtype=torch.float32)
    (theirs,) = processor.post_process_depth_estimation(outputs, target_sizes=[(HEIGHT, WIDTH)])
    np.testing.assert_allclose(result.depth_m, theirs["predicted_depth"], rtol=1e-5)
    assert result.parts["camera"] == "camera used: focal length"
    assert result.warnings == ()


def test_depth_pro_is_linear_in_the_focal_length(folder_of: Callable[[str], Path]) -> None:
    part = estimator(folder_of("depth-pro"))
    near, far = (part.predict(photo(fx=fx)).depth_m for fx in (100.0, 150.0))
    np.testing.assert_allclose(far, 1.5 * near, rtol=1e-5)


def test_dpt_on_dinov2_takes_whole_patches_of_the_resized_photo(
    folder_of: Callable[[str], Path],
) -> None:
    result = estimator(folder_of("dpt-dinov2")).predict(photo(60, 90))
    _, model = official(folder_of("dpt-dinov2"))
    # 60 = 4.3 · 14 goes up to 70, as nothing is to be lost; 90 = 6.4 · 14 to 84.
    pixels = np.asarray(Image.fromarray(photo(60, 90).image).resize((84, 70), Image.BICUBIC))
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    normal = torch.tensor((pixels - mean) / std).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        expected = bilinear(model(normal).predicted_depth, 60, 90)
    np.testing.assert_allclose(result.depth_m, expected, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("kind", ["zoedepth", "depth-anything-metric"])
def test_models_of_one_camera_say_so(folder_of: Callable[[str], Path], kind: str) -> None:
    part = estimator(folder_of(kind))
    one, other = part.predict(photo()), part.predict(photo(fx=200.0))
    np.testing.assert_array_equal(one.depth_m, other.depth_m)
    assert one.parts == {"estimator": part.name, "camera": "camera not used"}
    assert one.warnings == (
        f"{part.name} does not take the camera: its metres hold for cameras like those it was "
        "trained with",
    )


def test_a_result_has_the_size_and_camera_of_the_photo(folder_of: Callable[[str], Path]) -> None:
    part = estimator(folder_of("depth-anything-metric"))
    given = photo(97, 61)
    result = part.predict(given)
    assert result.depth_m.shape == (97, 61) and result.depth_m.dtype == np.float32
    assert result.depth_m.min() > 0 and result.depth_m.max() <= 20
    assert result.camera is given.camera and result.device == "CPU"
    assert part.name == "Depth Anything, metric (depth-anything-metric)"


def test_half_precision_is_that_of_the_settings_and_of_the_fingerprint(
    folder_of: Callable[[str], Path],
) -> None:
    whole, half = (
        estimator(folder_of("depth-anything-metric"), precision=precision)
        for precision in ("auto", "bfloat16")
    )
    depths = [part.predict(photo()).depth_m for part in (whole, half)]
    np.testing.assert_allclose(*depths, rtol=0.05)
    assert not np.array_equal(*depths)
    assert [part.fingerprint["precision"] for part in (whole, half)] == ["float32", "bfloat16"]
    json.dumps(dict(whole.fingerprint), allow_nan=False)


def test_depth_that_is_not_finite_is_refused(
    folder_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(_: Any, pixel_values: torch.Tensor) -> Any:
        nan = torch.full_like(pixel_values[:, 0], torch.nan)
        return transformers.modeling_outputs.DepthEstimatorOutput(predicted_depth=nan)

    monkeypatch.setattr(transformers.DepthAnythingForDepthEstimation, "forward", forward)
    with pytest.raises(
        NumericsError, match="in float32, holds NaN or infinite values; the weights"
    ):
        estimator(folder_of("depth-anything-metric")).predict(photo())


def _config(folder: Path, **values: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "depth_anything"}, "relative depth.*--set disparity.model="),
        ({"model_type": "depth_anything", "depth_estimation_type": "relative"}, "relative depth"),
        ({"model_type": "dpt", "backbone_config": {"model_type": "beit"}}, "relative depth"),
        ({"model_type": "dpt"}, "relative depth"),
        ({"model_type": "prompt_depth_anything"}, "refines a depth map of a sensor"),
        ({"model_type": "chmv2"}, "height of trees"),
        ({"model_type": "bert"}, "whether that gives metres is not known; known are.*zoedepth"),
        ({"model_type": "zoedepth", "backbone": "org/beit"}, "backbone from elsewhere"),
        ({}, "no model_type"),
    ],
)
def test_other_models_are_refused_before_anything_is_loaded(
    tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    folder = _config(tmp_path / "m", **config)
    with pytest.raises(ModelError, match=message):
        estimator(folder)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="config.json is missing"):
        estimator(tmp_path)


def _spoiled(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "m"))


def test_only_safetensors_are_loaded(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    folder = _spoiled(folder_of("depth-anything-metric"), tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        estimator(folder).predict(photo())


def test_code_beside_the_weights_is_refused(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = _spoiled(folder_of("zoedepth"), tmp_path)
    (folder / "modeling.py").write_text("raise SystemExit", encoding="utf-8")
    with pytest.raises(ModelError, match="is a program"):
        estimator(folder).predict(photo())


def test_weights_of_another_model_are_refused(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = _spoiled(folder_of("depth-pro"), tmp_path)
    tensors = load_file(folder / "model.safetensors")
    first = min(name for name in tensors if name.startswith("head."))
    del tensors[first]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=f"lack 1 tensors, the first is {first}"):
        estimator(folder).predict(photo())


def test_a_library_too_old_for_a_model_is_named(
    folder_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mfh.loading import pretrained

    older = type("older", (), {"__version__": "4.48.0"})
    monkeypatch.setattr(pretrained, "transformers", older)
    part = estimator(folder_of("depth-pro"))
    with pytest.raises(MissingPartError, match="later transformers than 4.48.0.*pip install --upg"):
        part.predict(photo())


def test_a_model_of_the_hub_comes_from_a_mirror(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(folder_of("zoedepth"), mirror / "org" / "tiny-zoe")
    (mirror / "org" / "tiny-zoe" / "pytorch_model.bin").write_bytes(b"never fetched")
    store = ModelStore(tmp_path / "store", mirror=mirror, offline=False)
    weights = hub_weights("org/tiny-zoe", store)
    assert {path.name for path in weights.folder.iterdir()} == {
        "config.json", "mfh_model.json", "model.safetensors", "preprocessor_config.json",
    }  # fmt: skip
    part = HubEstimator(weights, device="cpu")
    assert part.name == "ZoeDepth (org/tiny-zoe)"
    assert part.fingerprint["weights"]["id"] == "org/tiny-zoe"
    revision = part.fingerprint["weights"]["revision"]
    assert part.predict(photo()).parts.get("revision", "") == revision
    # What is there needs no network.
    assert hub_weights("org/tiny-zoe", ModelStore(tmp_path / "store", offline=True)) == weights


def test_a_model_that_is_not_here_is_told_with_the_command_that_gets_it(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, offline=True)
    with pytest.raises(MissingPartError, match="mfh models get Intel/zoedepth-nyu-kitti"):
        hub_weights("Intel/zoedepth-nyu-kitti", store)


def test_a_text_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere: there is no such folder, and it is no id"):
        hub_weights("nowhere", ModelStore(tmp_path))


def test_nothing_is_loaded_before_the_first_prediction(folder_of: Callable[[str], Path]) -> None:
    program = (
        "import sys; from mfh.estimators import HubEstimator; from mfh.models import Weights; "
        f"print(HubEstimator(Weights.local({str(folder_of('zoedepth'))!r})).name); "
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert answer.stdout.split("\n")[:2] == ["ZoeDepth (zoedepth)", "set()"]
