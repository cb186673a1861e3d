"""The generative painter, on tiny models of random weights in the official folder layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import planted
import pytest
import torch
from numpy.typing import NDArray
from tiny_painter import (
    TINY_SIZE_PX,
    write_tiny_sd3,
    write_tiny_sd_inpainting,
    write_tiny_sdxl_inpainting,
)

from mfh.compute import placement
from mfh.errors import NotEnoughMemoryError, NumericsError, SettingsError
from mfh.models.weights import Weights
from mfh.painting import DiffusionPainter, plan_paintings
from mfh.part_settings import PainterSettings
from mfh.pipeline import MetricFromHuman
from mfh.records import Intrinsics, PaintingPlan, Photo
from mfh.settings import Settings

_SIZE = 60, 80
_KINDS = ("sd", "text-to-image", "sdxl", "sd3")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Weights]:
    folder = tmp_path_factory.mktemp("painters")
    return {
        "sd": Weights("a tiny painter", write_tiny_sd_inpainting(folder / "sd"), {"id": "tiny"}),
        # A checker that is named but not there: to load it would fail.
        "text-to-image": Weights.local(
            write_tiny_sd_inpainting(folder / "text", in_channels=4, safety_checker=True)
        ),
        "sdxl": Weights.local(write_tiny_sdxl_inpainting(folder / "sdxl")),
        "sd3": Weights.local(write_tiny_sd3(folder / "sd3")),
    }


@pytest.fixture(scope="session")
def photo() -> Photo:
    pixels = np.random.default_rng(1).integers(0, 256, (*_SIZE, 3), np.uint8)
    return Photo(pixels, Intrinsics(80, 80, 40, 30, *_SIZE))


@pytest.fixture(scope="session")
def plan() -> PaintingPlan:
    return plan_paintings(*_SIZE, 8, seed=2)


def _painter(weights: Weights, *, low_memory: bool = False, **settings: Any) -> DiffusionPainter:
    chosen = PainterSettings(**{"steps": 3, **settings})
    return DiffusionPainter(weights, chosen, device="cpu", low_memory=low_memory)


def _paint(painter: DiffusionPainter, photo: Photo, plan: PaintingPlan) -> NDArray[np.uint8]:
    return np.stack(list(painter.paint(photo, plan)))


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let painters compute in float64, which they do not offer."""
    monkeypatch.setattr(placement, "choose_dtype", lambda *_: torch.float64)
    # Older text encoders make their mask in the default precision.
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def _one(strip: slice, prompt: str = "a man", seed: int = 7) -> PaintingPlan:
    repainted = np.zeros((1, *_SIZE), np.bool_)
    repainted[:, :, strip] = True
    return PaintingPlan(repainted, (prompt,), (seed,))


@pytest.mark.parametrize("kind", _KINDS)
def test_a_painting_does_not_depend_on_the_batch(
    models: dict[str, Weights],
    photo: Photo,
    plan: PaintingPlan,
    kind: str,
    float64: None,
) -> None:
    """In float64, where sums do not round, bit by bit."""
    alone, three, eight = (
        _paint(_painter(models[kind], batch=batch), photo, plan) for batch in (1, 3, 8)
    )
    np.testing.assert_array_equal(alone, three)
    np.testing.assert_array_equal(alone, eight)
    assert len(np.unique(alone.reshape(8, -1), axis=0)) == 8


def test_in_float32_the_batch_changes_rounding_alone(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan
) -> None:
    alone = _paint(_painter(models["sd"], batch=1, steps=10), photo, plan)
    for batch in (3, 8):
        together = _paint(_painter(models["sd"], batch=batch, steps=10), photo, plan)
        difference = np.abs(together.astype(int) - alone)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 1e-3


def test_a_resumed_plan_goes_on_as_the_whole(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan
) -> None:
    painter = _painter(models["sd"], batch=1)
    whole = _paint(painter, photo, plan)
    np.testing.assert_array_equal(whole, _paint(painter, photo, plan))
    np.testing.assert_array_equal(whole[5:], _paint(painter, photo, plan.rest(5)))
    assert list(painter.paint(photo, plan.rest(8))) == []


def test_paintings_come_as_they_are_asked_for(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan
) -> None:
    painter = _painter(models["sd"], batch=2)
    runs: list[int] = []
    run = painter._run

    def counted(*args: Any, **kwargs: Any) -> Any:
        runs.append(len(kwargs["seeds"]))
        return run(*args, **kwargs)

    painter._run = counted  # type: ignore[method-assign]
    paintings = painter.paint(photo, plan)
    assert runs == []
    next(paintings)
    next(paintings)
    assert runs == [2]
    assert len(list(paintings)) == 6
    assert runs == [2, 2, 2, 2]


def test_a_round_is_no_smaller_than_what_is_painted_at_once(models: dict[str, Weights]) -> None:
    assert _painter(models["sd"]).at_once == 1
    painter, world = _painter(models["sd"], batch=3, steps=1), planted.World()
    assert painter.at_once == 3
    batches: list[int] = []
    run = painter._run

    def counted(*args: Any, **kwargs: Any) -> Any:
        batches.append(len(kwargs["seeds"]))
        return run(*args, **kwargs)

    painter._run = counted  # type: ignore[method-assign]
    settings = Settings(paint="always", painting_round=1, target_error=0.9, strip_min_ratio=0.4)
    method = MetricFromHuman(painter, world, world, settings=settings)
    assert method.predict(planted.photo()).counts.painted == 3
    assert batches == [3]


@pytest.mark.parametrize("kind", _KINDS)
def test_seed_and_prompt_matter(models: dict[str, Weights], photo: Photo, kind: str) -> None:
    painter = _painter(models[kind])
    strip = slice(20, 60)
    first = _paint(painter, photo, _one(strip))
    for other in (_one(strip, seed=2**63 - 1), _one(strip, prompt="a woman")):
        assert np.abs(_paint(painter, photo, other)[:, :, 30:50] - first[:, :, 30:50]).mean() > 1


@pytest.mark.parametrize("kind", _KINDS)
def test_what_was_in_the_strip_does_not_show(
    models: dict[str, Weights], photo: Photo, kind: str, float64: None
) -> None:
    """Painting starts from noise alone: two photos that differ inside the strip become one."""
    # A photo of the size that is painted at, so that nothing of the strip is smeared out of it.
    size = TINY_SIZE_PX, 2 * TINY_SIZE_PX
    inside = np.zeros((1, *size), np.bool_)
    inside[:, :, 32:96] = True
    plan = PaintingPlan(inside, ("a man",), (1,))
    pixels = np.full((*size, 3), 90, np.uint8)
    changed = pixels.copy()
    changed[inside[0]] = 250
    camera = Intrinsics(64, 64, 64, 32, *size)
    painter = _painter(models[kind], paste_back=False)
    painted = [_paint(painter, Photo(each, camera), plan) for each in (pixels, changed)]
    if kind in {"sd", "sdxl"}:
        np.testing.assert_array_equal(*painted)
    else:  # The latents around the strip, which stay, have been encoded together with it.
        np.testing.assert_allclose(*(each[:, :, 56:72].astype(int) for each in painted), atol=8)


def test_unpainted_pixels_are_the_photos_own_or_the_models(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan
) -> None:
    pasted = _paint(_painter(models["sd"]), photo, plan)
    rendered = _paint(_painter(models["sd"], paste_back=False), photo, plan)
    for mask, back, raw in zip(plan.repainted, pasted, rendered, strict=True):
        np.testing.assert_array_equal(back[~mask], photo.image[~mask])
        assert np.abs(raw[~mask].astype(int) - photo.image[~mask]).mean() > 5
        columns = np.flatnonzero(mask[0])
        inner = slice(columns[0] + 4 * (columns[0] > 0), columns[-1] + 1 - 4 * (columns[-1] < 79))
        np.testing.assert_array_equal(back[:, inner], raw[:, inner])


@pytest.mark.parametrize(
    ("kind", "short_side_px", "expected"),
    [
        ("sd", 0, (64, 88)),  # 85.3 px, up to a multiple of 8
        ("sd", 100, (104, 136)),
        ("sdxl", 0, (64, 88)),
        ("sd3", 0, (64, 96)),  # its patches of 2 x 2 latents need multiples of 16
    ],
)
def test_the_model_paints_at_its_own_size_or_the_one_set(
    models: dict[str, Weights],
    photo: Photo,
    kind: str,
    short_side_px: int,
    expected: tuple[int, int],
) -> None:
    painter = _painter(models[kind], short_side_px=short_side_px)
    decoded: list[tuple[int, int]] = []
    vae = painter._pipeline.vae
    vae.decoder.register_forward_hook(lambda *hook: decoded.append(tuple(hook[2].shape[2:])))
    assert _paint(painter, photo, _one(slice(20, 60))).shape == (1, *_SIZE, 3)
    assert decoded == [expected]


@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_each_prompt_is_embedded_once(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan, kind: str
) -> None:
    painter = _painter(models[kind], batch=3)
    asked: list[str] = []
    encode = painter._pipeline.encode_prompt

    def counted(**kwargs: Any) -> Any:
        if kwargs.get("prompt") is not None:
            asked.append(kwargs["prompt"])
        return encode(**kwargs)

    painter._pipeline.encode_prompt = lambda *args, **kwargs: (
        counted(**kwargs) if not args else encode(*args, **kwargs)
    )
    _paint(painter, photo, plan)
    _paint(painter, photo, plan)
    assert sorted(asked) == ["a man", "a woman"]


@pytest.mark.parametrize("kind", _KINDS)
def test_without_guidance_the_network_runs_once_a_step(
    models: dict[str, Weights], photo: Photo, kind: str
) -> None:
    batches: dict[float, list[int]] = {}
    for scale in (1.0, 20.0):
        painter = _painter(models[kind], guidance_scale=scale, steps=2, scheduler="model")
        network = getattr(painter._pipeline, "unet", None) or painter._pipeline.transformer
        seen = batches.setdefault(scale, [])
        network.register_forward_hook(lambda *hook, seen=seen: seen.append(len(hook[2][0])))
        _paint(painter, photo, _one(slice(20, 60)))
    assert set(batches[1.0]) == {1}
    assert set(batches[20.0]) == {2}


@pytest.mark.parametrize("scheduler", ["ddim", "pndm", "euler", "dpm++"])
@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_schedulers_keep_the_models_noise_schedule(
    models: dict[str, Weights], photo: Photo, kind: str, scheduler: Any
) -> None:
    painter = _painter(models[kind], scheduler=scheduler, steps=1)
    config = painter._pipeline.scheduler.config
    assert (config.beta_start, config.beta_schedule) == (0.00085, "scaled_linear")
    assert not config.get("clip_sample", False)
    assert _paint(painter, photo, _one(slice(20, 60))).std() > 1


def test_a_scheduler_of_another_kind_of_model_is_refused(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan
) -> None:
    painter = _painter(models["sd3"], scheduler="ddim")
    with pytest.raises(SettingsError, match=r"'ddim', which is not for a model with a FlowMatch"):
        next(painter.paint(photo, plan))


def test_where_memory_does_not_suffice_the_batch_is_halved(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan
) -> None:
    painter = _painter(models["sd"], batch=8)
    sizes: list[int] = []

    def refuse(_: Any, inputs: Sequence[Any]) -> None:
        sizes.append(len(inputs[0]) // 2)
        if sizes[-1] > 3:
            raise torch.OutOfMemoryError("out of memory")

    hook = painter._pipeline.unet.register_forward_pre_hook(refuse)
    halved = _paint(painter, photo, plan)
    assert sizes[0] == 8 and sizes[1] == 4 and set(sizes[2:]) == {2}
    hook.remove()
    twos = _paint(_painter(models["sd"], batch=2), photo, plan)
    np.testing.assert_array_equal(halved, twos)


def test_no_memory_for_one_painting(
    models: dict[str, Weights], photo: Photo, plan: PaintingPlan
) -> None:
    painter = _painter(models["sd"])

    def refuse(*_: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    painter._pipeline.unet.register_forward_pre_hook(refuse)
    with pytest.raises(NotEnoughMemoryError, match="one image at a time; use --low-memory"):
        next(painter.paint(photo, plan))


def test_a_model_that_does_not_fit_is_loaded_once_and_named(
    models: dict[str, Weights],
    photo: Photo,
    plan: PaintingPlan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import diffusers

    tried = []

    def load(*_: Any, **__: Any) -> None:
        tried.append(1)
        raise RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)")

    monkeypatch.setattr(diffusers.AutoPipelineForInpainting, "from_pretrained", load)
    message = "^a tiny painter does not fit into the memory of CPU; use --low-memory"
    with pytest.raises(NotEnoughMemoryError, match=message):
        next(_painter(models["sd"], batch=8).paint(photo, plan))
    assert len(tried) == 1


def test_low_memory_decodes_large_images_in_tiles(models: dict[str, Weights], photo: Photo) -> None:
    painter = _painter(models["sd"], low_memory=True, short_side_px=96)
    decoded: list[tuple[int, ...]] = []
    decoder = painter._pipeline.vae.decoder
    decoder.register_forward_hook(lambda *hook: decoded.append(tuple(hook[2].shape)))
    assert _paint(painter, photo, _one(slice(20, 60))).shape == (1, *_SIZE, 3)
    assert len(decoded) > 1
    assert max(max(shape[2:]) for shape in decoded) <= TINY_SIZE_PX


@pytest.mark.parametrize(
    ("value", "precision", "message"),
    [
        (float("nan"), "float16", r"0000 came out not a number \(NaN\) in float16; use --set "
         "precision=bfloat16 or --set precision=float32"),
        (-9.0, "bfloat16", "0000 came out black in bfloat16; use --set precision=float32"),
        (float("nan"), "float32", "in float32; the weights may be damaged"),
    ],
)  # fmt: skip
def test_a_painting_that_failed_is_not_passed_on(
    models: dict[str, Weights],
    photo: Photo,
    plan: PaintingPlan,
    value: float,
    precision: Any,
    message: str,
) -> None:
    settings = PainterSettings(steps=1)
    painter = DiffusionPainter(models["sd"], settings, device="cpu", precision=precision)
    decoder = painter._pipeline.vae.decoder
    decoder.register_forward_hook(lambda *hook: torch.full_like(hook[2], value))
    with pytest.raises(NumericsError, match=message):
        next(painter.paint(photo, plan))


def test_in_float16_sdxl_encodes_and_decodes_in_float32_without_a_word(
    models: dict[str, Weights],
    photo: Photo,
    plan: PaintingPlan,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    painter = DiffusionPainter(
        models["sdxl"], PainterSettings(steps=2), device="cpu", precision="float16"
    )
    used: list[tuple[str, torch.dtype]] = []
    vae = painter._pipeline.vae
    for part in ("encoder", "decoder"):
        getattr(vae, part).register_forward_hook(
            lambda *hook, part=part: used.append((part, hook[2].dtype))
        )
    unet = painter._pipeline.unet
    unet.register_forward_hook(lambda *hook: used.append(("unet", hook[2][0].dtype)))
    _paint(painter, photo, plan.rest(6))
    assert set(used) == {
        ("encoder", torch.float32),
        ("unet", torch.float16),
        ("decoder", torch.float32),
    }
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert [str(each.message) for each in recwarn if each.category is FutureWarning] == []


def test_name_device_and_fingerprint(models: dict[str, Weights]) -> None:
    painter = DiffusionPainter(models["sd"], device="cpu")
    assert painter.name == "a tiny painter"
    assert painter.device == "CPU"
    assert painter.fingerprint == {
        "part": "diffusion",
        "weights": {"id": "tiny"},
        "scheduler": "model",
        "steps": 50,
        "guidance_scale": 20.0,
        "short_side_px": 0,
        "paste_back": True,
        "precision": "float32",
        "tiled": False,
    }
    batched = DiffusionPainter(models["sd"], PainterSettings(batch=2), device="cpu")
    assert batched.fingerprint == painter.fingerprint
    half = DiffusionPainter(models["sd"], device="cpu", precision="bfloat16", low_memory=True)
    assert half.fingerprint == {**painter.fingerprint, "precision": "bfloat16", "tiled": True}
