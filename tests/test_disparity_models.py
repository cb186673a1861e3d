"""Relative depth models: their input, their output, and what is said of files that do not fit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_disparity as tiny
import torch
from numpy.typing import NDArray
from PIL import Image

from mfh.disparity import MarigoldDisparity, TransformersDisparity, disparity_model
from mfh.disparity.input_size import input_size, reference_size
from mfh.errors import InputError, NotEnoughMemoryError, NumericsError, SettingsError
from mfh.models.weights import Weights
from mfh.part_settings import DisparitySettings
from mfh.records import Disparity, Intrinsics, PaintedPhotos, Photo

KINDS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "depth-anything": (tiny.write_tiny_depth_anything, "disparity"),
    "dpt": (tiny.write_tiny_dpt, "disparity"),
    "dpt-beit": (tiny.write_tiny_dpt_beit, "disparity"),
    "dpt-dinov2": (tiny.write_tiny_dpt_dinov2, "depth"),
    "zoedepth": (tiny.write_tiny_zoedepth, "disparity"),
    "zoedepth-nk": (lambda folder: tiny.write_tiny_zoedepth(folder, heads=2), "disparity"),
    "marigold": (tiny.write_tiny_marigold, "depth"),
}
SMALL = DisparitySettings(short_side_px=70)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Weights]:
    """Tiny models by kind, each written once."""
    root = tmp_path_factory.mktemp("models")

    def of(kind: str) -> Weights:
        folder = root / kind
        if not folder.is_dir():
            KINDS[kind][0](folder)
        return Weights.local(folder)

    return of


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What goes into the networks, which hand on its red channel as what they predict."""
    import transformers
    from transformers.modeling_outputs import DepthEstimatorOutput

    inputs = []

    def forward(_: Any, pixel_values: torch.Tensor) -> DepthEstimatorOutput:
        inputs.append(pixel_values)
        return DepthEstimatorOutput(predicted_depth=pixel_values[:, 0])

    for name in ("DepthAnything", "DPT", "ZoeDepth"):
        monkeypatch.setattr(getattr(transformers, f"{name}ForDepthEstimation"), "forward", forward)
    return inputs


def pictures(count: int, height: int = 60, width: int = 84) -> NDArray[np.uint8]:
    """Smooth random colours, (count, H, W, 3)."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 4, 5, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((width, height))) for one in coarse])


def maps_of(part: Any, images: NDArray[np.uint8]) -> list[Disparity]:
    """The maps of images, of which the first is taken for the photo."""
    count, height, width = images.shape[:3]
    camera = Intrinsics(width, width, width / 2, height / 2, height, width)
    painted = PaintedPhotos(
        repainted=np.zeros((count, height, width), bool),
        prompts=("",) * count,
        seeds=range(count),
        images=images,
    )
    return list(part.estimate(Photo(images[0], camera), painted))


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        # 640 · 518/480 = 690.67 = 49.33 · 14
        ((480, 640), (518, 49 * 14)),
        ((640, 480), (49 * 14, 518)),
        # 1242 · 518/375 = 1715.6 = 122.54 · 14
        ((375, 1242), (518, 123 * 14)),
        ((2000, 2000), (518, 518)),
        ((50, 50), (518, 518)),
        # 520 · 518/519 = 519.0 = 37.07 · 14
        ((519, 520), (518, 518)),
    ],
)
def test_the_short_side_is_518_and_the_aspect_kept(
    photo: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert input_size(*photo, short_side_px=518, multiple_px=14) == expected


def test_a_short_side_that_is_no_multiple_goes_up() -> None:
    # 518 = 16.2 · 32 would be 512; 640 · 518/480 = 21.6 · 32.
    assert input_size(480, 640, short_side_px=518, multiple_px=32) == (17 * 32, 22 * 32)


def test_the_references_size() -> None:
    assert reference_size(14) == (392, 518)
    assert reference_size(32) == (384, 512)


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("depth-anything", {}, (518, 728)),
        ("depth-anything", {"aspect": "reference"}, (392, 518)),
        ("depth-anything", {"short_side_px": 70}, (70, 98)),
        ("dpt", {}, (64, 64)),
        ("dpt-beit", {}, (64, 64)),
        ("dpt-beit", {"short_side_px": 518}, (544, 736)),
        ("dpt-dinov2", {}, (70, 84)),
        ("zoedepth", {"aspect": "reference"}, (384, 512)),
        # Mirrored by 16 and 19 px a side: 92 x 122.
        ("zoedepth", {"short_side_px": 64}, (64, 96)),
    ],
)
def test_images_go_in_at_the_size_asked_for(
    weights: Callable[[str], Weights],
    seen: list[torch.Tensor],
    kind: str,
    options: dict[str, Any],
    expected: tuple[int, int],
) -> None:
    part = TransformersDisparity(weights(kind), DisparitySettings(batch=8, **options), device="cpu")
    maps = maps_of(part, pictures(2))
    assert [each.shape for each in seen] == [(2, 3, *expected)]
    assert [each.values.shape for each in maps] == [(1, 60, 84)] * 2


@pytest.mark.parametrize("size", [(60, 84), (84, 60), (45, 161), (375, 1242), (900, 700)])
def test_by_default_depth_anythings_short_side_is_518(
    weights: Callable[[str], Weights], seen: list[torch.Tensor], size: tuple[int, int]
) -> None:
    """As in the paper and the model's own code, whatever transformers' processor would choose."""
    for settings in (DisparitySettings(), DisparitySettings(short_side_px=518)):
        part = TransformersDisparity(weights("depth-anything"), settings, device="cpu")
        maps_of(part, pictures(1, *size))
    assert seen[0].shape[2:] == input_size(*size, 518, 14)
    assert torch.equal(*seen)


@pytest.mark.parametrize("kind", ["dpt", "dpt-beit", "zoedepth"])
@pytest.mark.parametrize("size", [(60, 84), (84, 60), (45, 161), (64, 64)])
def test_at_its_own_size_a_model_sees_what_its_own_processor_makes(
    weights: Callable[[str], Weights], seen: list[torch.Tensor], kind: str, size: tuple[int, int]
) -> None:
    import transformers

    settings = DisparitySettings(short_side_px=0, batch=8)
    images = pictures(2, *size)
    maps_of(TransformersDisparity(weights(kind), settings, device="cpu"), images)
    name = "ZoeDepthImageProcessor" if kind == "zoedepth" else "DPTImageProcessor"
    processor = getattr(transformers, name).from_pretrained(weights(kind).folder)
    expected = processor([Image.fromarray(image) for image in images], return_tensors="pt")
    assert torch.equal(seen[0], expected.pixel_values)


def test_pixels_are_resized_bicubically_and_normalised(
    weights: Callable[[str], Weights], seen: list[torch.Tensor]
) -> None:
    image = pictures(1)
    maps_of(TransformersDisparity(weights("depth-anything"), device="cpu"), image)
    resized = Image.fromarray(image[0]).resize((728, 518), Image.Resampling.BICUBIC)
    normal = (np.asarray(resized) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    # Both round to grey levels, twice: along the rows, then along the columns.
    np.testing.assert_allclose(
        seen[0][0].numpy(), normal.transpose(2, 0, 1), atol=2.01 / 255 / 0.224
    )


@pytest.mark.parametrize("kind", ["depth-anything", "dpt", "dpt-beit", "dpt-dinov2", "zoedepth"])
@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_predicted_of_a_pixel_comes_back_at_that_pixel(
    weights: Callable[[str], Weights], seen: list[torch.Tensor], kind: str, axis: int
) -> None:
    """A ramp of red (the other channels constant): half a pixel is one and a half levels of it."""
    height, width = 60, 84
    image = np.full((1, height, width, 3), 77, np.uint8)
    image[0, ..., 0] = 3 * np.arange(width) if axis else 3 * np.arange(height)[:, None]
    (found,) = maps_of(TransformersDisparity(weights(kind), SMALL, device="cpu"), image)
    mean, std = (0.485, 0.229) if kind == "depth-anything" else (0.5, 0.5)
    if kind == "dpt-dinov2":
        mean, std = 123.675 / 255, 58.395 / 255
    levels = 255 * (mean + std * found.values[0])
    # The outermost pixels lack neighbours to interpolate with. ZoeDepth's own resizing maps centres
    # of border pixels onto each other, which shifts what lies off the middle by up to 0.2 px.
    inner = np.s_[4:-4, 4:-4]
    tolerance = 1.0 if kind == "zoedepth" else 0.6
    np.testing.assert_allclose(levels[inner], image[0, ..., 0][inner], atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_depends_on_its_image_alone(weights: Callable[[str], Weights], kind: str) -> None:
    images = pictures(3)
    together, singly = (
        maps_of(
            disparity_model(
                weights(kind), DisparitySettings(short_side_px=70, batch=batch), device="cpu"
            ),
            images,
        )
        for batch in (3, 1)
    )
    alone = maps_of(disparity_model(weights(kind), SMALL, device="cpu"), images[2:])
    for one, other in zip([*together, together[2]], [*singly, *alone]):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-4, atol=1e-5)
    assert np.abs(together[0].values - together[1].values).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_maps_say_their_space_and_model(weights: Callable[[str], Weights], kind: str) -> None:
    part = disparity_model(weights(kind), SMALL, device="cpu")
    (found,) = maps_of(part, pictures(1))
    assert found.space == KINDS[kind][1]
    assert found.model == kind
    assert found.values.dtype == np.float32


def test_metric_models_give_depth(tmp_path: Path) -> None:
    folder = tiny.write_tiny_depth_anything(
        tmp_path / "metric", depth_estimation_type="metric", max_depth=20
    )
    part = TransformersDisparity(Weights.local(folder), SMALL, device="cpu")
    assert maps_of(part, pictures(1))[0].space == "depth"


def test_a_marigold_of_disparity_gives_disparity(tmp_path: Path) -> None:
    folder = tiny.write_tiny_marigold(tmp_path / "d", prediction_type="disparity", variant="fp16")
    part = disparity_model(Weights.local(folder), device="cpu")
    assert isinstance(part, MarigoldDisparity)
    assert maps_of(part, pictures(1))[0].space == "disparity"


@pytest.mark.parametrize("kind", ["depth-anything", "dpt", "dpt-beit"])
def test_maps_are_those_of_transformers_own_pipeline(
    weights: Callable[[str], Weights], kind: str
) -> None:
    """At the model's own size; where the photo has that of the output, they are equal."""
    import transformers

    folder = weights(kind).folder
    # Depth Anything predicts at the size of its input, DPT at twice that of patches of 8.
    side = 518 if kind == "depth-anything" else 64
    images = pictures(1, side, side)
    settings = DisparitySettings(short_side_px=0)
    (found,) = maps_of(TransformersDisparity(weights(kind), settings, device="cpu"), images)
    pipeline = transformers.pipeline(
        "depth-estimation",
        model=transformers.AutoModelForDepthEstimation.from_pretrained(folder),
        image_processor=transformers.DPTImageProcessor.from_pretrained(folder),
        device="cpu",
    )
    expected = pipeline(Image.fromarray(images[0]))["predicted_depth"].numpy()
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["zoedepth", "zoedepth-nk"])
def test_zoedepth_gives_the_relative_output_of_its_backbone(
    weights: Callable[[str], Weights], kind: str
) -> None:
    """Not the metric output; transformers' own but for how it is resized."""
    import transformers

    folder = weights(kind).folder
    images = pictures(1)
    settings = DisparitySettings(short_side_px=0)
    (found,) = maps_of(TransformersDisparity(weights(kind), settings, device="cpu"), images)
    network = transformers.ZoeDepthForDepthEstimation.from_pretrained(folder).eval()
    processor = transformers.ZoeDepthImageProcessor.from_pretrained(folder)
    relative = []
    network.relative_head.register_forward_hook(lambda *call: relative.append(call[2][0]))
    with torch.no_grad():
        output = network(**processor(Image.fromarray(images[0]), return_tensors="pt"))
    assert not torch.allclose(output.predicted_depth, relative[0], rtol=0.2)
    output.predicted_depth = relative[0]
    (expected,) = processor.post_process_depth_estimation(output, [images.shape[1:3]])
    values = expected["predicted_depth"].numpy()
    # Bicubic there, bilinear here.
    assert np.abs(found.values[0] - values).max() < 0.05 * np.ptp(values)


def test_a_marigold_map_is_that_of_diffusers_own_pipeline(
    weights: Callable[[str], Weights],
) -> None:
    import diffusers

    images = pictures(2, 90, 130)
    maps = maps_of(MarigoldDisparity(weights("marigold"), device="cpu"), images)
    pipeline = diffusers.MarigoldDepthPipeline.from_pretrained(weights("marigold").folder)
    for image, found in zip(images, maps):
        generator = torch.Generator("cpu").manual_seed(0)
        expected = pipeline(Image.fromarray(image), generator=generator).prediction[0, ..., 0]
        np.testing.assert_allclose(found.values[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["depth-anything", "zoedepth", "marigold"])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_gives_nearly_the_same(
    weights: Callable[[str], Weights], kind: str, precision: Any
) -> None:
    exact, half = (
        maps_of(disparity_model(weights(kind), SMALL, device="cpu", precision=each), pictures(1))[
            0
        ].values
        for each in ("float32", precision)
    )
    difference = np.abs(half - exact)
    assert difference.max() > 0
    # Of a random Marigold many pixels differ by more.
    typical = np.median(difference) if kind == "marigold" else difference.max()
    assert typical < 0.1 * np.ptp(exact)


def test_weights_load_at_first_use_once_and_silently(
    weights: Callable[[str], Weights],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import transformers

    loaded = []
    load = transformers.DPTForDepthEstimation.from_pretrained
    monkeypatch.setattr(
        transformers.DPTForDepthEstimation,
        "from_pretrained",
        lambda *args, **options: loaded.append(args) or load(*args, **options),
    )
    part = TransformersDisparity(weights("dpt"), device="cpu")
    marigold = MarigoldDisparity(weights("marigold"), device="cpu")
    assert (part.name, part.device, marigold.device) == ("dpt", "CPU", "CPU")
    assert not loaded
    capfd.readouterr()
    for _ in range(2):
        maps_of(part, pictures(1))
        maps_of(marigold, pictures(1))
    assert len(loaded) == 1
    assert capfd.readouterr() == ("", "")


def test_fingerprints_tell_what_a_map_depends_on(weights: Callable[[str], Weights]) -> None:
    def of(kind: str = "dpt-beit", precision: Any = "auto", **settings: Any) -> str:
        part = disparity_model(weights(kind), DisparitySettings(**settings), precision=precision)
        fingerprint: Any = part
        return json.dumps(fingerprint.fingerprint, sort_keys=True)

    assert of() == of(batch=2) == of(model="elsewhere")
    different = [of(), of("depth-anything"), of(short_side_px=518), of(precision="bfloat16")]
    different += [of(aspect="reference"), of("marigold"), of("marigold", precision="bfloat16")]
    assert len(set(different)) == 7
    assert of("marigold") == of("marigold", short_side_px=518)


def test_importing_the_package_imports_no_model_library() -> None:
    code = (
        "import sys, mfh.disparity; "
        "print([name for name in ('torch', 'transformers', 'diffusers') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_model_of_one_size_refuses_the_references(weights: Callable[[str], Weights]) -> None:
    settings = DisparitySettings(aspect="reference")
    part = TransformersDisparity(weights("dpt"), settings, device="cpu")
    with pytest.raises(SettingsError, match="64 x 64 px only; leave it at 'kept'"):
        maps_of(part, pictures(1))


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Path]:
    """A Depth Anything of the test's own, to break."""
    yield tiny.write_tiny_depth_anything(tmp_path / "broken")


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def fails(folder: Path, kind: type[Exception] = InputError, **options: Any) -> str:
    """What is said where the model in a folder cannot be used."""
    with pytest.raises(kind) as caught:
        maps_of(disparity_model(Weights.local(folder), SMALL, device="cpu", **options), pictures(1))
    return str(caught.value)


def test_weights_that_lack_tensors_are_refused(damaged: Path) -> None:
    change_weights(damaged, lambda tensors: tensors.__delitem__("head.conv3.weight"))
    said = fails(damaged)
    assert "lack 1 tensors, the first is head.conv3.weight" in said
    assert "mfh models check" in said


def test_weights_of_another_size_are_refused(damaged: Path) -> None:
    change_weights(damaged, lambda tensors: tensors.update({"head.conv3.bias": torch.zeros(3)}))
    assert "cannot be loaded" in fails(damaged)


def test_a_file_cut_short_is_refused(damaged: Path) -> None:
    path = damaged / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    assert f"{damaged} cannot be loaded" in fails(damaged)


@pytest.mark.parametrize("name", ["model.safetensors", "preprocessor_config.json"])
def test_a_missing_file_is_named(damaged: Path, name: str) -> None:
    (damaged / name).unlink()
    assert name in fails(damaged)


@pytest.mark.parametrize(
    ("precision", "remedy"),
    [("float32", "mfh models check"), ("bfloat16", "use --set precision=float32")],
)
def test_maps_that_are_not_finite_or_say_nothing_are_refused(
    damaged: Path, precision: str, remedy: str
) -> None:
    change_weights(damaged, lambda tensors: tensors["head.conv3.bias"].fill_(torch.nan))
    said = fails(damaged, NumericsError, precision=precision)
    assert f"broken: its map, computed in {precision}, holds NaN or infinite values" in said
    assert remedy in said
    # Below 0 everywhere, which the last ReLU makes 0.
    change_weights(damaged, lambda tensors: tensors["head.conv3.bias"].fill_(-1e6))
    said = fails(damaged, precision=precision)
    assert f"computed in {precision}, is 0 everywhere" in said
    assert remedy in said


def test_other_models_are_refused_by_name(tmp_path: Path) -> None:
    assert "holds nothing, but neither config.json" in fails(tmp_path)
    (tmp_path / "depth_anything_v2_vitl.pth").touch()
    said = fails(tmp_path)
    assert "depth_anything_v2_vitl.pth" in said
    assert "-hf" in said
    config = tmp_path / "config.json"
    config.write_text("[]", encoding="utf-8")
    assert "config.json is no model's configuration" in fails(tmp_path)
    config.write_text('{"model_type": "glpn"}', encoding="utf-8")
    assert "type 'glpn'" in fails(tmp_path)
    index = tmp_path / "model_index.json"
    index.write_text('{"_class_name": "StableDiffusionPipeline"}', encoding="utf-8")
    assert "tells of a StableDiffusionPipeline" in fails(tmp_path)
    index.write_text("{", encoding="utf-8")
    assert "model_index.json: not a readable JSON file" in fails(tmp_path)


@pytest.mark.parametrize(
    ("file", "word"),
    [
        ("unet/diffusion_pytorch_model.safetensors", "conv_in.weight"),
        ("vae/diffusion_pytorch_model.safetensors", "quant_conv.bias"),
        ("text_encoder/model.safetensors", "layers.0.self_attn.q_proj.weight"),
    ],
)
def test_a_marigold_with_tensors_or_files_missing_is_refused(
    tmp_path: Path, file: str, word: str
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny.write_tiny_marigold(tmp_path / "m")
    path = folder / file
    tensors = {key: tensor for key, tensor in load_file(path).items() if word not in key}
    save_file(tensors, path, metadata={"format": "pt"})
    part = Path(file).parts[0]
    assert re.search(rf"{part} lacks \d tensors?, e.g. .*{word}; `mfh models check`", fails(folder))
    path.unlink()
    assert "cannot be loaded as a MarigoldDepthPipeline: " in fails(folder)
    shutil.rmtree(folder / part)
    assert f"{folder / part} is missing; `mfh models check`" in fails(folder)


def test_a_marigold_that_is_damaged_is_refused(tmp_path: Path) -> None:
    folder = tiny.write_tiny_marigold(tmp_path / "m")
    path = folder / "text_encoder" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    assert "text_encoder is damaged" in fails(folder)


@pytest.mark.parametrize(
    ("kind", "loader"),
    [
        ("depth-anything", "transformers.DepthAnythingForDepthEstimation.from_pretrained"),
        ("marigold", "diffusers.MarigoldDepthPipeline.from_pretrained"),
    ],
)
def test_a_model_that_does_not_fit_is_loaded_once_and_named(
    weights: Callable[[str], Weights], monkeypatch: pytest.MonkeyPatch, kind: str, loader: str
) -> None:
    tried = []

    def load(*_: Any, **__: Any) -> None:
        tried.append(1)
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loader, load)
    part = disparity_model(weights(kind), DisparitySettings(batch=8), device="cpu")
    with pytest.raises(NotEnoughMemoryError, match=f"^{kind} does not fit into the memory of CPU"):
        maps_of(part, pictures(3))
    assert len(tried) == 1
