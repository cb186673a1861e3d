"""Other methods than Metric from Human for photos: `mfh predict --method` and `metric_depth`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import files_under, run_here
from PIL import Image
from tiny_clipseg import tiny_clipseg
from tiny_metric import write_tiny_glpn

import mfh
from mfh import api
from mfh.errors import InputError, MissingPartError, ModelError, SettingsError
from mfh.estimators import CLIP2Depth, HubEstimator, estimator_spec
from mfh.estimators.clip2depth import Clip2DepthConfig, save_model
from mfh.estimators.photo_estimator import PhotoEstimator
from mfh.estimators.specs import SPECS
from mfh.models import Weights
from mfh.progress import Progress
from mfh.records import Intrinsics
from mfh.results import read_depth_npz
from mfh.settings import Settings

HEIGHT, WIDTH = 64, 96
K = {"fx": 80.0, "fy": 80.0, "cx": 48.0, "cy": 32.0}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a camera, and photos."""
    folder = tmp_path_factory.mktemp("given")
    write_tiny_glpn(folder / "model")
    (folder / "K.json").write_text(json.dumps(K))
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(image).save(folder / "photos" / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def clip2depth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP2Depth that was not trained, and the CLIPSeg it is made of beside it."""
    from mfh.estimators.clip2depth.network import Clip2DepthNetwork

    folder = tmp_path_factory.mktemp("clip2depth")
    base = tiny_clipseg(folder / "clipseg")
    config = Clip2DepthConfig(tokens=8, max_depth_m=20.0)
    network = Clip2DepthNetwork.from_clipseg(Weights.local(base), config)
    trained_on = {"data_set": "noise"}
    save_model(folder / "model", network, trained_on=trained_on, base={"id": str(base)})
    return folder


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The models that were made, by name; none is kept from another test."""
    names: list[str] = []
    made = HubEstimator.__init__

    def remember(self: HubEstimator, weights: Weights, **options: Any) -> None:
        made(self, weights, **options)
        names.append(self.name)

    monkeypatch.setattr(HubEstimator, "__init__", remember)
    api._estimator.cache_clear()
    yield names
    api._estimator.cache_clear()


def truth(given: Path, name: str = "a") -> np.ndarray:
    """The depth that the model itself gives."""
    photo = mfh.load_photo(given / "photos" / f"{name}.png", given / "K.json")
    return HubEstimator(Weights.local(given / "model"), device="cpu").predict(photo).depth_m


def test_a_photo_has_the_depth_of_the_estimator(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = run_here(
        capsys,
        *("predict", given / "photos" / "a.png", "--method", f"hub:{given / 'model'}"),
        *("-k", given / "K.json", "--out", tmp_path, "--device", "cpu", "-f", "npz,png"),
    )
    assert status == 0, printed
    assert "estimating depth" not in printed
    assert "GLPN (model)" in printed and "does not take the camera" in printed
    assert files_under(tmp_path) == ["depth.npz", "depth.png", "report.html", "summary.json"]
    result = read_depth_npz(tmp_path / "depth.npz")
    np.testing.assert_array_equal(result.depth_m, truth(given))
    assert result.head is None and result.camera.fx == 80
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["method"]["method"] == "hub"
    assert "config.json" in summary["method"]["files"]
    assert "settings" not in summary and "painting" in summary
    assert list(summary["seconds"]) == ["estimated"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "GLPN (model)" in page and "All settings" not in page


def test_several_photos_share_the_model_and_one_that_fails_stops_none(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], loaded: list[str]
) -> None:
    (tmp_path / "d.png").write_bytes(b"no photo")
    status, printed = run_here(
        capsys,
        *("predict", given / "photos", tmp_path / "d.png", "-m", f"hub:{given / 'model'}"),
        *("-k", given / "K.json", "--out", tmp_path / "out", "--device", "cpu"),
    )
    assert status == 1
    assert loaded == ["GLPN (model)"]
    assert "1 of 4 photos failed" in printed and "d.png" in printed
    assert printed.count("does not take the camera") == 1, "what concerns all is said once"
    for name in "abc":
        stored = read_depth_npz(tmp_path / "out" / name / "depth.npz")
        np.testing.assert_array_equal(stored.depth_m, truth(given, name))


@pytest.mark.parametrize("mirror", ["", "randomised@"])
def test_a_clip2depth(
    given: Path, clip2depth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mirror: str
) -> None:
    text = f"clip2depth:{mirror}{clip2depth / 'model'}"
    status, printed = run_here(
        capsys,
        *("predict", given / "photos" / "a.png", "--method", text, "-k", given / "K.json"),
        *("--out", tmp_path, "--device", "cpu", "--format", "npz"),
    )
    assert status == 0, printed
    photo = mfh.load_photo(given / "photos" / "a.png", given / "K.json")
    own = CLIP2Depth(
        clip2depth / "model",
        base=Weights.local(clip2depth / "clipseg"),
        mirror="randomised" if mirror else "trained",
        device="cpu",
    )
    result = read_depth_npz(tmp_path / "depth.npz")
    np.testing.assert_array_equal(result.depth_m, own.predict(photo).depth_m)
    method = json.loads((tmp_path / "summary.json").read_text())["method"]
    assert method["mirror"] == ("randomised" if mirror else "trained")
    assert set(method["sha256"]) == {"config.json", "clip2depth.safetensors"}


def test_a_clip2depth_that_is_not_there(tmp_path: Path, given: Path) -> None:
    with pytest.raises(SettingsError, match="no published weights; `mfh train clip2depth` makes"):
        estimator_spec("clip2depth")
    with pytest.raises(SettingsError, match="names no folder"):
        estimator_spec("clip2depth:randomised@")
    with pytest.raises(
        InputError, match="there is no such folder; `mfh train clip2depth` writes it"
    ):
        estimator_spec(f"clip2depth:{tmp_path / 'nowhere'}")
    for word in ("randomized", "detached"):
        with pytest.raises(SettingsError, match=f"'{word}' is unknown.*folder is 'randomised@'"):
            estimator_spec(f"clip2depth:{word}@{given / 'model'}")
    with pytest.raises(ModelError, match="it is no CLIP2Depth"):
        estimator_spec(f"clip2depth:{given / 'model'}")


def test_the_clipseg_of_a_clip2depth_is_named_where_it_is_missing(
    clip2depth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    base = clip2depth / "clipseg"
    base.rename(clip2depth / "elsewhere")
    try:
        spec = estimator_spec(f"clip2depth:{clip2depth / 'model'}")
        assert spec is not None
        with pytest.raises(MissingPartError, match="mfh models get clipseg"):
            spec.make()
    finally:
        (clip2depth / "elsewhere").rename(base)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--landmark", "3,4=2.5"], "--landmark: method 'hub:a/b' does not take this; leave it"),
        (["--use", "people=DIR"], "--use: method"),
        (["--disparity-space", "depth"], "--disparity-space: method"),
        (["--paint", "never", "-n", 8], "--paint, --paintings: method 'hub:a/b' does not take the"),
        (["--target-error", 0.1, "--seed", 0], "--target-error, --seed: method"),
        (["--low-memory", "--preset", "fast"], "--preset fast, --low-memory: method"),
        (["--set", "painter.steps=30"], "--set painter.steps=...: method"),
        (["--set", "paintings=0"], "paintings"),
    ],
)
def test_what_is_metric_from_humans_is_refused(
    given: Path, capsys: pytest.CaptureFixture[str], options: list[object], named: str
) -> None:
    photo = given / "photos" / "a.png"
    status, printed = run_here(capsys, "predict", photo, "--method", "hub:a/b", *options)
    assert status == 1
    assert named in printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zoedepth", "method 'zoedepth' is unknown; there are mfh, hub:MODEL, metric3d"),
        ("a/b", "did you mean 'hub:a/b'?"),
        ("simulated", "method 'simulated' is unknown"),
        ("files:/tmp", "method 'files:/tmp' is unknown"),
        ("unidepth:huge", "'huge' is no size"),
    ],
)
def test_other_texts_are_refused(
    given: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    photo = given / "photos" / "a.png"
    status, printed = run_here(capsys, "predict", photo, "--method", text)
    assert status == 1
    assert message in printed
    with pytest.raises(SettingsError) as raised:
        mfh.metric_depth(photo, method=text)
    assert message in str(raised.value)


def test_every_form_begins_with_its_kind() -> None:
    assert all(spec.form.startswith(kind) for kind, spec in SPECS.items())
    assert estimator_spec("mfh") is None and estimator_spec("hub:") is None


@pytest.mark.parametrize("photos", ["photos/a.png", "photos"])
def test_a_model_that_is_missing_is_named_with_the_command_that_gets_it(
    given: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photos: str,
) -> None:
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    status, printed = run_here(
        capsys,
        *("predict", given / photos, "--method", "hub:apple/DepthPro-hf", "--offline"),
        *("--out", tmp_path / "out"),
    )
    assert status == 1
    assert "mfh models get apple/DepthPro-hf" in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("photos", ["photos/a.png", "photos"])
def test_ctrl_c_says_that_it_starts_again(
    given: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photos: str,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HubEstimator, "predict", interrupted)
    status, printed = run_here(
        capsys,
        *("predict", given / photos, "-m", f"hub:{given / 'model'}", "--out", tmp_path),
        *("--device", "cpu"),
    )
    assert status == 130
    assert "interrupted; the same command starts again" in printed
    assert files_under(tmp_path) == []


class _Told(Progress):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, stage: str, total: int) -> None:
        self.told.append(f"start {stage} {total}")

    def finish(self, stage: str, note: str) -> None:
        self.told.append(f"finish {stage}")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_metric_depth_keeps_the_model_for_the_next_call(given: Path, loaded: list[str]) -> None:
    text = f"hub:{given / 'model'}"
    for name in "abc":
        result = mfh.metric_depth(
            given / "photos" / f"{name}.png", given / "K.json", method=text, device="cpu"
        )
        np.testing.assert_array_equal(result.depth_m, truth(given, name))
    # One for the three calls, and one for each time that the truth was asked for.
    assert len(loaded) == 1 + 3


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_folder_whose_files_have_changed_is_loaded_again(
    given: Path, tmp_path: Path, loaded: list[str]
) -> None:
    photo = np.asarray(Image.open(given / "photos" / "a.png"))
    write_tiny_glpn(tmp_path / "model")

    def call() -> None:
        mfh.metric_depth(photo, given / "K.json", method=f"hub:{tmp_path / 'model'}", device="cpu")

    call()
    call()
    assert len(loaded) == 1
    (tmp_path / "model" / "README.md").write_text("trained further")
    call()
    assert len(loaded) == 2


def test_metric_depth_tells_and_writes_as_the_command(
    given: Path, tmp_path: Path, loaded: list[str]
) -> None:
    told = _Told()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        result = mfh.metric_depth(
            given / "photos" / "a.png",
            method=f"hub:{given / 'model'}",
            device="cpu",
            precision="float32",
            folder=tmp_path,
            progress=told,
        )
    said = [str(each.message) for each in warned if each.category is UserWarning]
    assert said == list(result.warnings)
    assert "Depth does not depend on it, but points and distances between them do" in said[0]
    assert "does not take the camera" in said[1]
    assert told.told == [
        "start estimated 1",
        "finish estimated",
        "start results 6",
        "finish results",
    ]
    assert "summary.json" in files_under(tmp_path)
    assert loaded == ["GLPN (model)"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"landmarks": [(3, 4, 2.5)]}, "landmarks: method"),
        ({"use": {"people": "x"}}, "use: method"),
        ({"disparity_space": "depth"}, "disparity_space: method"),
        ({"preset": "fast", "seed": 0}, "preset, seed: method"),
        ({"painter": {"steps": 30}}, "painter: method"),
    ],
)
def test_metric_depth_refuses_what_is_metric_from_humans(
    given: Path, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{named} 'hub:a/b' does not take"):
        mfh.metric_depth(given / "photos" / "a.png", method="hub:a/b", **options)


def test_a_device_that_is_not_here_is_told_before_anything_is_downloaded(
    given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("mfh.estimators.specs.hub_weights", lambda *_: pytest.fail("downloaded"))
    with pytest.raises(SettingsError, match="device cuda is not available"):
        mfh.metric_depth(given / "photos" / "a.png", method="hub:a/b", device="cuda")


def test_an_estimator_takes_no_known_distances(given: Path) -> None:
    spec = estimator_spec(f"hub:{given / 'model'}", Settings(device="cpu"))
    assert spec is not None
    method = PhotoEstimator.from_spec(spec, Settings(device="cpu"))
    camera = Intrinsics(80, 80, 48, 32, HEIGHT, WIDTH)
    photo = mfh.Photo(np.zeros((HEIGHT, WIDTH, 3), np.uint8), camera, "black")
    (distance,) = mfh.known_distances.load_distances((3, 4, 2.5))
    with pytest.raises(InputError, match="1 known distances are given, but this method takes none"):
        method.run(photo, landmarks=[distance])
