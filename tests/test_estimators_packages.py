"""UniDepth and Metric3D by stand-ins for their packages, which keep what they are given."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mfh.errors import InputError, MissingPartError, ModelError, NotEnoughMemoryError
from mfh.estimators import Metric3D, UniDepth
from mfh.models import Weights
from mfh.records import Intrinsics, Photo

UNIDEPTH = """
    import torch, warnings
    from huggingface_hub import PyTorchModelHubMixin
    print("loud")
    GIVEN = []

    class UniDepthV2(torch.nn.Module, PyTorchModelHubMixin):
        def __init__(self, config, eps=1e-6, **kwargs):
            super().__init__()
            assert config["model"] == {"name": "tiny"}
            self.scale = torch.nn.Parameter(torch.zeros(1))

        def infer(self, rgb, camera=None, normalize=True):
            warnings.warn("defaults")
            GIVEN.append((rgb, camera))
            depth = self.scale * rgb[None, :1].float() * camera[:, None, :1, :1] + 1
            return {"depth": depth, "intrinsics": camera}
"""
METRIC3D = """
    dependencies = ["torch"]
    import torch
    from mono.network import Network
    GIVEN = []

    def metric3d_vit_small(pretrain=False):
        assert not pretrain
        return Network(GIVEN)
"""
METRIC3D_NETWORK = """
    import torch

    class Network(torch.nn.Module):
        def __init__(self, given):
            super().__init__()
            self.given = given
            self.scale = torch.nn.Parameter(torch.zeros(1))
            self.mask_token = torch.nn.Parameter(torch.zeros(1))

        def inference(self, data):
            self.given.append(data["input"])
            red = data["input"][:, :1] * 58.395 + 123.675
            return self.scale * red, torch.ones_like(red), {}
"""


def photo(height: int = 60, width: int = 84, fx: float = 400.0, fy: float = 410.0) -> Photo:
    """A photo whose red is a ramp from left to right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(20, 220, width).astype(np.uint8)
    image[..., 2] = 50
    return Photo(image, Intrinsics(fx, fy, width / 2 + 1, height / 2 - 1, height, width))


def write(path: Path, program: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(program), encoding="utf-8")


def forget(package: str) -> None:
    """Leave nothing imported of a package."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


@pytest.fixture
def unidepth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Any]]]:
    """The stand-in on the path; gives what it was given."""
    write(tmp_path / "site" / "unidepth" / "__init__.py", "")
    write(tmp_path / "site" / "unidepth" / "models" / "__init__.py", UNIDEPTH)
    monkeypatch.syspath_prepend(tmp_path / "site")
    forget("unidepth")
    yield lambda: sys.modules["unidepth.models"].GIVEN
    forget("unidepth")


@pytest.fixture
def unidepth_weights(tmp_path: Path) -> Weights:
    folder = tmp_path / "unidepth-v2-tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model": {"name": "tiny"}}), encoding="utf-8")
    save_file({"scale": torch.tensor([0.001])}, folder / "model.safetensors")
    return Weights.local(folder)


def test_unidepth_gets_bytes_and_intrinsics(
    unidepth: Callable[[], list[Any]],
    unidepth_weights: Weights,
    capsys: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    given = photo()
    part = UniDepth(unidepth_weights, device="cpu")
    result = part.predict(given)
    ((rgb, camera),) = unidepth()
    assert rgb.dtype == torch.uint8 and rgb.shape == (3, 60, 84)
    np.testing.assert_array_equal(rgb.numpy(), given.image.transpose(2, 0, 1))
    assert camera.dtype == torch.float32
    np.testing.assert_array_equal(camera.numpy(), [[[400, 0, 43], [0, 410, 29], [0, 0, 1]]])
    # 0.001 is of the stand-in's weights, 400 px is fx.
    expected = 0.001 * given.image[..., 0].astype(np.float32) * 400 + 1
    np.testing.assert_allclose(result.depth_m, expected, rtol=1e-6)
    assert result.camera is given.camera and result.warnings == ()
    assert result.parts == {
        "estimator": "UniDepthV2 (unidepth-v2-tiny)",
        "camera": "camera used: intrinsics",
    }
    assert result.device == "CPU" and result.head is None
    assert capsys.readouterr().out == "" and not list(recwarn)
    assert part.fingerprint["precision"] == "float32"


def test_unidepth_loads_once(
    unidepth: Callable[[], list[Any]], unidepth_weights: Weights, tmp_path: Path
) -> None:
    part = UniDepth(unidepth_weights, device="cpu")
    first = part.predict(photo())
    (unidepth_weights.folder / "model.safetensors").unlink()
    np.testing.assert_array_equal(part.predict(photo()).depth_m, first.depth_m)
    assert len(unidepth()) == 2


def test_unidepth_that_is_not_installed_is_told_with_the_install_line(
    unidepth_weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mfh.estimators.unidepth.find_spec", lambda name: None)
    with pytest.raises(
        MissingPartError, match=r"pip install .unidepth @ git\+https://github.com/lpiccinelli-eth"
    ):
        UniDepth(unidepth_weights, device="cpu").predict(photo())


def test_unidepth_without_what_it_needs_is_told(
    unidepth: Callable[[], list[Any]], unidepth_weights: Weights, tmp_path: Path
) -> None:
    write(tmp_path / "site" / "unidepth" / "models" / "__init__.py", "import no_such_package")
    with pytest.raises(MissingPartError, match="cannot be imported.*no_such_package"):
        UniDepth(unidepth_weights, device="cpu").predict(photo())


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_unidepth_weights_that_are_incomplete_are_refused(
    unidepth: Callable[[], list[Any]], unidepth_weights: Weights, name: str
) -> None:
    (unidepth_weights.folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        UniDepth(unidepth_weights, device="cpu").predict(photo())


def test_unidepth_weights_that_are_damaged_are_refused(
    unidepth: Callable[[], list[Any]], unidepth_weights: Weights
) -> None:
    (unidepth_weights.folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be loaded"):
        UniDepth(unidepth_weights, device="cpu").predict(photo())


def test_lack_of_memory_is_told_as_such(
    unidepth: Callable[[], list[Any]],
    unidepth_weights: Weights,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = UniDepth(unidepth_weights, device="cpu")
    part.predict(photo())

    def infer(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(sys.modules["unidepth.models"].UniDepthV2, "infer", infer)
    with pytest.raises(NotEnoughMemoryError):
        part.predict(photo())


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A clone of Metric3D with weights in it."""
    folder = tmp_path / "Metric3D"
    write(folder / "hubconf.py", METRIC3D)
    write(folder / "mono" / "network.py", METRIC3D_NETWORK)
    write_checkpoint(folder, {"scale": torch.tensor([0.05])})
    forget("mono")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    yield folder
    forget("mono")


def write_checkpoint(folder: Path, tensors: dict[str, Any]) -> Path:
    path = folder / "weight" / "metric_depth_vit_small_800k.pth"
    path.parent.mkdir(exist_ok=True)
    torch.save({"model_state_dict": tensors}, path)
    return path


@pytest.mark.parametrize(("height", "width"), [(60, 84), (400, 300), (375, 1242), (1232, 2128)])
def test_metric3d_sees_a_canonical_camera(clone: Path, height: int, width: int) -> None:
    given = photo(height, width)
    part = Metric3D("vit_small", clone, device="cpu")
    result = part.predict(given)
    (seen,) = part._network.given
    assert seen.shape == (1, 3, 616, 1064) and seen.dtype == torch.float32
    scale = min(616 / height, 1064 / width)
    h, w = int(height * scale), int(width * scale)
    top, left = (616 - h) // 2, (1064 - w) // 2
    inside = seen[0, :, top : top + h, left : left + w].numpy()
    # Blue is 50 everywhere, green 0: RGB, with ImageNet's mean and deviation of bytes.
    np.testing.assert_allclose(inside[2], (50 - 103.53) / 57.375, rtol=1e-5)
    np.testing.assert_allclose(inside[1], (0 - 116.28) / 57.12, rtol=1e-5)
    seen[0, :, top : top + h, left : left + w] = 0
    assert not seen.any()
    # The stand-in's canonical depth is 0.05 m for each step of red; a focal length of 405 px, as
    # large as it gets by resizing, is compared with the canonical 1000 px.
    expected = 0.05 * given.image[..., 0].astype(np.float64) * 405 * scale / 1000
    np.testing.assert_allclose(result.depth_m, expected, atol=0.05 * 405 * scale / 1000 * 2)
    assert result.parts == {
        "estimator": "Metric3D v2 (vit_small)",
        "camera": "camera used: focal length",
    }
    assert result.depth_m.shape == (height, width)


def test_metric3d_is_capped_at_300_m_and_linear_in_the_focal_length(clone: Path) -> None:
    part = Metric3D("vit_small", clone, device="cpu")
    one, two = (part.predict(photo(fx=fx, fy=fx)).depth_m for fx in (300.0, 600.0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5)
    assert part.predict(photo(fx=1e6, fy=1e6)).depth_m.max() == 300


def test_metric3d_is_found_in_the_cache_of_torch_hub(clone: Path) -> None:
    hub = Path(os.environ["TORCH_HOME"]) / "hub"
    hub.mkdir(parents=True)
    with pytest.raises(MissingPartError, match="git clone https://github.com/YvanYin/Metric3D DIR"):
        Metric3D("vit_small", device="cpu")
    clone.rename(hub / "yvanyin_metric3d_main")
    checkpoints = hub / "checkpoints"
    (hub / "yvanyin_metric3d_main" / "weight").rename(checkpoints)
    assert Metric3D("vit_small", device="cpu").predict(photo()).depth_m.max() > 1


def test_metric3d_weights_that_are_not_here_are_told_with_the_command_that_gets_them(
    clone: Path,
) -> None:
    with pytest.raises(
        MissingPartError,
        match="hf download JUGGHM/Metric3D metric_depth_vit_large_800k.pth --local-dir .*weight",
    ):
        Metric3D("vit_large", clone)


def test_a_folder_that_is_no_clone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hubconf.py, so it is no clone"):
        Metric3D("vit_small", tmp_path)


def test_metric3d_without_what_it_needs_is_told(clone: Path) -> None:
    write(clone / "mono" / "network.py", "import mmengine_of_nobody")
    with pytest.raises(MissingPartError, match="mmengine_of_nobody.*pip install mmcv mmengine"):
        Metric3D("vit_small", clone, device="cpu").predict(photo())


def test_a_checkpoint_of_another_size_is_refused(clone: Path) -> None:
    write_checkpoint(clone, {"other": torch.zeros(1)})
    with pytest.raises(ModelError, match="lacks 1 tensors, the first is scale.*another size's"):
        Metric3D("vit_small", clone, device="cpu").predict(photo())


def test_code_in_a_checkpoint_is_not_run(clone: Path, tmp_path: Path) -> None:
    class Trace:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    write_checkpoint(clone, {"scale": Trace()})
    with pytest.raises(ModelError, match="damaged, or not its checkpoint"):
        Metric3D("vit_small", clone, device="cpu").predict(photo())
    assert not (tmp_path / "ran").exists()


def test_a_photo_larger_than_the_input_is_reduced_without_shifting(clone: Path) -> None:
    given = photo(1232, 2128)
    image = np.zeros((1232, 2128, 3), np.uint8)
    image[:, 1000:, 0] = 200
    result = Metric3D("vit_small", clone, device="cpu").predict(Photo(image, given.camera))
    row = result.depth_m[600]
    # Twice as large as the input, an edge keeps its place to a pixel of that.
    assert abs(int(np.argmax(row > row.max() / 2)) - 1000) <= 2
