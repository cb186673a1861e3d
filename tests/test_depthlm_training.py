"""Training DepthLM: what is asked, what counts in the loss, and the training itself."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from inspect import signature
from pathlib import Path

import killed_depthlm
import numpy as np
import pytest
import shared_depthlm
import torch
import transformers
from commands import run_here
from PIL import Image
from safetensors.torch import load_file
from tiny_vlm import tiny_pixtral, tiny_qwen

from mfh.compute import Placement
from mfh.errors import (
    InputError,
    MissingPartError,
    ModelError,
    NotEnoughMemoryError,
    NumericsError,
    OutputError,
    RunFolderError,
    SettingsError,
)
from mfh.estimators.depthlm.answers import parse_answer
from mfh.estimators.depthlm.asking import ray_length
from mfh.estimators.depthlm.loading import answerer_weights
from mfh.estimators.depthlm.models import model_kind
from mfh.estimators.depthlm.training.batches import FAILED, IGNORED, Batches
from mfh.estimators.depthlm.training.crops import draw_window
from mfh.estimators.depthlm.training.examples import Example, Examples, answer_text
from mfh.estimators.depthlm.training.labelled import draw_photos, labelled_files
from mfh.estimators.depthlm.training.settings import TrainingSettings
from mfh.estimators.depthlm.training.steps import OrderedTrainer
from mfh.estimators.depthlm.training.training import train
from mfh.estimators.depthlm.vlm import VisionLanguageModel
from mfh.estimators.depthlm.vlm_network import load
from mfh.models import Weights
from mfh.records import Intrinsics
from mfh.training.progress import TrainingProgress

MODELS = {"qwen": tiny_qwen, "pixtral": tiny_pixtral}
BOTH = pytest.mark.parametrize("model", list(MODELS))
# Older versions have Pixtral take one image at a time.
AT_ONCE = 1 + ("image_sizes" in signature(transformers.PixtralVisionModel.forward).parameters)
TASKS = ("distance", "depth", "speed", "time", "two points")
HEIGHT, WIDTH, FOCAL = 40, 60, 1000.0


def write_labels(root: Path, count: int = 4, labels: int = 5, **changed: object) -> Path:
    """Photos of noise with random labels; at focal 1000 px they are seen as they are."""
    random = np.random.default_rng(0)
    (root / "rgb").mkdir(parents=True)
    lines = []
    for number in range(count):
        image = random.integers(0, 200, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(image).save(root / f"rgb/{number}.png")
        line = {
            "image": f"rgb/{number}.png",
            "intrinsics": [FOCAL, FOCAL, 31.0, 19.0, WIDTH, HEIGHT],
            "pixel_coords": random.integers((6, 6), (WIDTH - 6, HEIGHT - 6), (labels, 2)).tolist(),
            "depth": random.uniform(1, 9, labels).tolist(),
        }
        lines.append(json.dumps({**line, **changed}))
    (root / "labels.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "labels.jsonl"


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labels(tmp_path_factory.mktemp("labels") / "set")


class Bases:
    """The tiny models, each written when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> Path:
        if name == "qwen" and not hasattr(transformers, "Qwen2_5_VLForConditionalGeneration"):
            pytest.skip("this transformers has no Qwen2.5-VL")
        path = self.folder / name
        return path if path.is_dir() else MODELS[name](path)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("models"))


def settings_of(**changes: object) -> TrainingSettings:
    usual = {"epochs": 99, "steps": 4, "batch": 2, "learning_rate": 1e-3, "max_gradient_norm": 1.0}
    return TrainingSettings(**{**usual, **changes})  # type: ignore[arg-type]


class Steps(TrainingProgress):
    """Keeps the losses; ends the training after a step, as Ctrl-C does."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.losses: dict[int, float] = {}
        self.begun = (0, 0, 0)

    def begin(self, done: int, total: int, photos: int, held_out: int) -> None:
        self.begun = (done, total, photos)
        assert held_out == 0

    def step(self, done: int, total: int, loss: float, seconds_left: float) -> None:
        assert seconds_left >= 0
        self.losses[done] = loss
        if done == self.stop_at:
            raise KeyboardInterrupt


# What is asked


def test_the_arrow_stands_at_the_label_whatever_the_crop(labels: Path) -> None:
    files = labelled_files([labels])
    settings = settings_of(
        crop_height_min_px=56, crop_height_max_px=56, crop_width_min_px=56, crop_width_max_px=58
    )
    examples = Examples(files, 40, settings, FOCAL)
    seen = set()
    for index in range(len(examples)):
        example = examples[index]
        assert isinstance(example, Example)
        (image,) = example.question.images
        assert image.shape[0] == HEIGHT and 56 <= image.shape[1] <= 58
        red = (image == (255, 0, 0)).all(axis=-1)
        rows, columns = np.nonzero(red)
        assert red.sum() == 9
        x, y = int(columns.max()) + 1, int(np.median(rows))
        photo = next(p for p in files[0].photos if p.sample.name == example.name)
        left = (WIDTH - image.shape[1]) // 2
        (label,) = np.flatnonzero((photo.x_px == x + left) & (photo.y_px == y))
        pixels = photo.photo().image
        np.testing.assert_array_equal(image[y, x], pixels[y, x + left])
        distance_m = photo.depth_m[label] * ray_length(photo.photo().camera, x + left, y)
        said = parse_answer(example.answer, example.question.unit).value
        assert said == pytest.approx(distance_m, abs=0.0051)
        seen.add((example.name, label))
    assert len(seen) > 12


def test_answers_of_all_tasks_follow_from_the_labels(labels: Path) -> None:
    files = labelled_files([labels])
    examples = Examples(files, 100, settings_of(tasks=TASKS), FOCAL)
    tasks = Counter()
    for example in examples:
        assert isinstance(example, Example)
        question = example.question
        tasks[question.task] += 1
        said = parse_answer(example.answer, question.unit)
        assert said.value is not None, said.refused
        assert example.answer.endswith(f"<answer> {said.value:.2f} </answer>")
        numbers = [float(w) for w in question.text.replace(",", "").split() if w[0].isdigit()]
        photo = next(p for p in files[0].photos if p.sample.name == example.name)
        camera = photo.photo().camera
        x, y = (photo.x_px - camera.cx) / FOCAL, (photo.y_px - camera.cy) / FOCAL
        places = np.stack([x, y, np.ones_like(x)], axis=-1) * photo.depth_m[:, None]
        away = np.linalg.norm(places, axis=1)
        possible = {
            "distance": away,
            "depth": photo.depth_m,
            "speed": away / numbers[0] if numbers else away,
            "time": away / numbers[0] if numbers else away,
            "two points": np.linalg.norm(places[:, None] - places, axis=-1).ravel(),
        }[question.task]
        assert np.abs(possible - said.value).min() < 0.0051
    assert set(tasks) == set(TASKS)
    assert min(tasks.values()) > 8


def test_a_photo_with_one_label_is_not_asked_about_two(tmp_path: Path) -> None:
    files = labelled_files([write_labels(tmp_path / "set", labels=1)])
    for example in Examples(files, 4, settings_of(tasks=("two points",)), FOCAL):
        assert isinstance(example, Example)
        assert example.question.task == "distance"


def test_small_values_stay_answers() -> None:
    for task, unit in (("distance", "m"), ("speed", "m/s"), ("time", "s"), ("two points", "m")):
        assert parse_answer(answer_text(task, 0.0004, 1.0), unit).value == 0.01
        assert parse_answer(answer_text(task, 1234.5678, 1.0), unit).value == 1234.57


def test_crops_are_central_and_of_the_sizes_asked_for() -> None:
    camera = Intrinsics(2000, 1000, 1500, 700, 1500, 4000)
    random = np.random.default_rng(0)
    settings = TrainingSettings()
    # All around the middle, where every crop is.
    x, y = random.integers(1600, 2400, 50), random.integers(600, 900, 50)
    sides = []
    for _ in range(200):
        window, label, usable = draw_window(camera, x, y, settings, 1000, random)
        assert label in usable and len(usable) == 50
        assert abs(2 * window.left + window.width - 4000) <= 1
        assert abs(2 * window.top + window.height - 1500) <= 1
        sides.append((window.height, window.width / 2))  # in px of the view: fx is twice 1000
    least, most = np.min(sides, axis=0), np.max(sides, axis=0)
    assert (least >= (700, 1000)).all() and (least < (720, 1020)).all()
    assert (most <= (1200, 1400)).all() and (most > (1180, 1380)).all()
    # Smaller photos are taken whole, and never more than the model takes.
    window, _, _ = draw_window(camera, x, y, settings, 200, random)
    assert (window.top, window.left, window.height, window.width) == (0, 0, 1500, 4000)
    window, _, _ = draw_window(camera, x, y, settings, 1000, random, longest_px=600)
    assert (window.height, window.width) == (600, 1200)


@pytest.mark.parametrize("place", [(0, 0), (3999, 1499), (3990, 5), (11, 700), (1999, 60)])
def test_a_crop_moves_to_a_label_that_is_alone(place: tuple[int, int]) -> None:
    camera = Intrinsics(2000, 1000, 2000, 750, 1500, 4000)
    random = np.random.default_rng(0)
    x, y = np.array([place[0]]), np.array([place[1]])
    for _ in range(20):
        window, label, usable = draw_window(camera, x, y, TrainingSettings(), 1000, random)
        assert (label, usable.tolist()) == (0, [0])
        assert 0 <= window.top <= 1500 - window.height
        assert 0 <= window.left <= 4000 - window.width
        # Its arrow has room, 5 px of the view, wherever the photo has it.
        left, top = place[0] - window.left, place[1] - window.top
        assert left >= min(10, place[0]) and window.width - 1 - left >= min(10, 3999 - place[0])
        assert top >= min(5, place[1]) and window.height - 1 - top >= min(5, 1499 - place[1])


def test_photos_come_in_rounds_and_files_by_their_weights(tmp_path: Path) -> None:
    paths = [write_labels(tmp_path / "a", 7), write_labels(tmp_path / "b", 3)]
    files = labelled_files(paths, [1, 3])
    drawn = draw_photos(files, 4000, seed=0)
    assert (drawn[:, 0] == 1).mean() == pytest.approx(0.75, abs=0.02)
    for number, count in enumerate((7, 3)):
        photos = drawn[drawn[:, 0] == number, 1]
        rounds = photos[: len(photos) // count * count].reshape(-1, count)
        assert (np.sort(rounds, axis=1) == np.arange(count)).all()
        assert len({tuple(each) for each in rounds.tolist()}) > 1
    np.testing.assert_array_equal(drawn, draw_photos(files, 4000, seed=0))
    assert (drawn != draw_photos(files, 4000, seed=1)).any()
    # Without weights, each photo as often.
    shares = draw_photos(labelled_files(paths), 4000, seed=0)[:, 0]
    assert shares.mean() == pytest.approx(0.3, abs=0.02)


def test_files_that_cannot_be_trained_on(tmp_path: Path, labels: Path) -> None:
    with pytest.raises(SettingsError, match="1 weights for 2 files"):
        labelled_files([labels, labels], [1])
    with pytest.raises(SettingsError, match="weight -1"):
        labelled_files([labels], [-1])
    with pytest.raises(InputError, match="there is no such file"):
        labelled_files([tmp_path / "none.jsonl"])
    broken = write_labels(tmp_path / "broken", depth=[1.0])
    with pytest.raises(InputError, match=r"line 1: 5 pixel_coords for 1 depth"):
        labelled_files([broken])
    away = write_labels(tmp_path / "away")
    for photo in (tmp_path / "away/rgb").iterdir():
        photo.rename(tmp_path / photo.name)
    with pytest.raises(InputError, match="none of its 4 photos is there"):
        labelled_files([away])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tasks": ("distance", "camera motion")}, "tasks is 'camera motion'"),
        ({"tasks": ()}, "tasks is ()"),
        ({"precision": "float16"}, "precision is 'float16'; accepted: auto"),
        ({"crop_width_max_px": 900}, "crop_width_max_px is 900; accepted: 1000"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"focal_px": 3.0}, "focal_px is 3.0"),
    ],
)
def test_settings_that_cannot_be(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        TrainingSettings(**changed)  # type: ignore[arg-type]
    assert message in str(error.value)


# What counts in the loss


@BOTH
def test_only_the_answer_counts_after_the_very_prompt_that_is_asked(
    model: str, labels: Path, bases: Bases
) -> None:
    weights = Weights.local(bases[model])
    loaded = load(weights, model_kind(weights), Placement("cpu", "float32"), 8)
    collate = pickle.loads(pickle.dumps(Batches.of(loaded)))
    examples = Examples(labelled_files([labels]), 2, settings_of(tasks=("distance", "time")), FOCAL)
    chosen = [examples[0], examples[1]]
    batch = collate(chosen)
    tokenizer = loaded.processor.tokenizer
    for row, example in enumerate(chosen):
        assert isinstance(example, Example)
        ids, labelled = batch["input_ids"][row], batch["labels"][row]
        mask = batch["attention_mask"][row].bool()
        counted = labelled != IGNORED
        assert labelled[counted].tolist() == ids[counted].tolist()
        said = ids[counted]
        assert tokenizer.decode(said[:-1]) == example.answer
        assert said[-1] == tokenizer.eos_token_id
        asked = loaded._inputs([example.question])["input_ids"][0]
        assert ids[mask & ~counted].tolist() == asked.tolist()
        # Prompt, answer, padding.
        assert (mask.int().diff() <= 0).all()
        assert counted[: len(asked)].sum() == 0
    alone = collate(chosen[:1])
    logits = loaded.network(**alone).logits[0, :-1].log_softmax(-1)
    of_answer = alone["labels"][0, 1:] != IGNORED
    surprise = -logits.gather(1, alone["input_ids"][0, 1:, None])[:, 0][of_answer]
    assert loaded.network(**alone).loss.item() == pytest.approx(surprise.mean().item(), rel=1e-4)


def test_what_is_wrong_with_a_photo_reaches_the_training(tmp_path: Path, bases: Bases) -> None:
    path = write_labels(tmp_path / "set")
    (tmp_path / "set/rgb/2.png").write_bytes(b"no photo")
    files = labelled_files([path])
    for workers in (0, 1):
        with pytest.raises(InputError, match=r"line 3: .*2\.png"):
            train(
                files,
                Weights.local(bases["pixtral"]),
                tmp_path / f"run{workers}",
                settings_of(steps=2),
                device="cpu",
                workers=workers,
            )
    weights = Weights.local(bases["pixtral"])
    loaded = load(weights, model_kind(weights), Placement("cpu", "float32"), 8)
    examples = Examples(files, 8, settings_of(), FOCAL)
    broken = next(each for each in examples if isinstance(each, InputError))
    assert Batches.of(loaded)([broken])[FAILED] is broken


# The training


@BOTH
def test_it_learns_and_its_model_is_asked_at_its_focal_length(
    model: str, tmp_path: Path, labels: Path, bases: Bases
) -> None:
    files, base = labelled_files([labels]), Weights.local(bases[model])
    told = Steps()
    settings = settings_of(steps=8, batch=4, learning_rate=5e-3, focal_px=900)
    trained = train(files, base, tmp_path / "run", settings, device="cpu", progress=told)
    losses = [told.losses[step] for step in range(1, 9)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert told.begun == (0, 8, 4)
    assert trained.model == tmp_path / "run/model"
    said = json.loads((trained.model / "mfh.json").read_text())
    assert said["focal_px"] == 900
    assert said["trained_on"][0]["photos"] == 4
    assert said["trained_on"][0]["labels"] == 20
    assert said["settings"]["tasks"] == ["distance"]
    log = (tmp_path / "run/steps.csv").read_text().splitlines()
    assert log[0] == "step,loss,learning_rate,gradient_norm"
    assert [float(line.split(",")[1]) for line in log[1:]] == pytest.approx(losses)
    rates = [float(line.split(",")[2]) for line in log[1:]]
    assert max(rates) == 5e-3 and rates[-1] < 3e-4
    asked = VisionLanguageModel(Weights.local(trained.model), device="cpu", max_new_tokens=4)
    assert asked.focal_px == 900
    assert {answerer_weights(each).name for each in (tmp_path / "run", trained.model)} == {"run"}
    example = Examples(files, 1, settings, 900)[0]
    assert isinstance(example, Example)
    (text,) = asked.answer([example.question])
    before = VisionLanguageModel(base, device="cpu", max_new_tokens=4)
    assert text != before.answer([example.question])[0]


@BOTH
def test_stopped_it_comes_to_the_same_model(
    model: str, tmp_path: Path, labels: Path, bases: Bases
) -> None:
    files, base = labelled_files([labels]), Weights.local(bases[model])
    settings = settings_of(steps=3, batch=4, tasks=TASKS)
    options = {"device": "cpu", "save_every": 2, "at_once": AT_ONCE}
    train(files, base, tmp_path / "whole", settings, **options)
    stopped = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(files, base, stopped, settings, progress=Steps(stop_at=3), **options)
    assert not (stopped / "model").exists()
    assert [path.name for path in (stopped / "checkpoints").iterdir()] == ["checkpoint-2"]
    told = Steps()
    train(files, base, stopped, settings, progress=told, **options)
    assert told.begun[0] == 2 and list(told.losses) == [3]
    for name in ("model/model.safetensors", "steps.csv", "model/config.json"):
        assert (stopped / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    told = Steps()
    train(files, base, stopped, settings, progress=told, **options)
    assert told.begun[0] == 3 and not told.losses
    with pytest.raises(RunFolderError, match="learning_rate is 0.001 there and 0.002 here"):
        train(files, base, stopped, replace(settings, learning_rate=2e-3), device="cpu")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="needs fork")
def test_killed_it_comes_to_the_same_model(tmp_path: Path, labels: Path, bases: Bases) -> None:
    run = tmp_path / "killed"
    program = Path(killed_depthlm.__file__)
    subprocess.run([sys.executable, program, labels, bases["pixtral"], run], check=True)
    # Killed after step 3, and then when the checkpoint of step 4 was not yet known to be whole.
    there = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert there == ["checkpoint-2", "checkpoint-4"]
    files, base = labelled_files([labels]), Weights.local(bases["pixtral"])
    told = Steps()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for folder in (run, tmp_path / "whole"):
            train(
                files,
                base,
                folder,
                killed_depthlm.SETTINGS,
                device="cpu",
                save_every=2,
                progress=told if folder == run else None,
            )
    finally:
        torch.set_num_threads(threads)
    assert told.begun[0] == 2
    for name in ("model/model.safetensors", "steps.csv"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="needs fork")
@BOTH
def test_two_processes_that_share_it_come_to_the_model_of_one(
    tmp_path: Path, labels: Path, bases: Bases, model: str
) -> None:
    runs = alone, copied, sharded = [tmp_path / name for name in ("alone", "copied", "sharded")]
    program = Path(shared_depthlm.__file__)
    subprocess.run([sys.executable, program, labels, bases[model], copied, sharded], check=True)
    train(
        labelled_files([labels]),
        Weights.local(bases[model]),
        alone,
        shared_depthlm.SETTINGS,
        device="cpu",
    )
    ones, *others = (load_file(run / "model/model.safetensors") for run in runs)
    for other in others:
        assert other.keys() == ones.keys()
        for name, values in ones.items():
            torch.testing.assert_close(other[name], values, rtol=1e-3, atol=1e-4)
    logs = [np.loadtxt(run / "steps.csv", delimiter=",", skiprows=1) for run in runs]
    for log in logs[1:]:
        np.testing.assert_allclose(log, logs[0], rtol=1e-3)


def test_in_bfloat16_small_steps_are_kept_until_the_end(
    tmp_path: Path, labels: Path, bases: Bases
) -> None:
    base = Weights.local(bases["pixtral"])
    settings = settings_of(steps=2, precision="bfloat16", learning_rate=1e-6, warmup=0.0)
    seen = set()

    class Seen(OrderedTrainer):
        def training_step(self, model, inputs, *args):
            seen.update(each.dtype for each in model.parameters())
            return super().training_step(model, inputs, *args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mfh.estimators.depthlm.training.training.OrderedTrainer", Seen)
        trained = train(labelled_files([labels]), base, tmp_path / "run", settings, device="cpu")
    assert seen == {torch.float32}
    assert {each.dtype for each in tensors(trained.model).values()} == {torch.bfloat16}


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


@BOTH
def test_a_frozen_vision_tower_stays_as_it_is(
    model: str, tmp_path: Path, labels: Path, bases: Bases
) -> None:
    base = Weights.local(bases[model])
    settings = settings_of(freeze_vision=True, steps=2)
    trained = train(labelled_files([labels]), base, tmp_path / "run", settings, device="cpu")
    before, after = tensors(base.folder), tensors(trained.model)
    assert before.keys() == after.keys()
    same = {name for name in before if torch.equal(before[name], after[name])}
    tower = {n for n in before if "vision_tower" in n or ("visual" in n and "merger" not in n)}
    assert tower and same == tower


@BOTH
def test_adapters_are_merged(model: str, tmp_path: Path, labels: Path, bases: Bases) -> None:
    pytest.importorskip("peft")
    files, base = labelled_files([labels]), Weights.local(bases[model])
    settings = settings_of(lora=4, steps=3, learning_rate=1e-2, freeze_vision=True)
    options = {"device": "cpu", "save_every": 2}
    trained = train(files, base, tmp_path / "run", settings, **options)
    stopped = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(files, base, stopped, settings, progress=Steps(stop_at=3), **options)
    assert train(files, base, stopped, settings, **options).steps == 3
    before, after = tensors(base.folder), tensors(trained.model)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    linear = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    for name in changed:
        assert any(part in name for part in (*linear, "merger", "multi_modal_projector")), name
    assert sum("q_proj" in name for name in changed) == 2  # of the language model alone
    again = tensors(stopped / "model")
    assert all(torch.equal(after[name], again[name]) for name in after)


def test_without_peft_it_says_how_to_get_it(
    tmp_path: Path, labels: Path, bases: Bases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    base = Weights.local(bases["pixtral"])
    with pytest.raises(MissingPartError, match="pip install peft"):
        train(labelled_files([labels]), base, tmp_path / "run", settings_of(lora=4), device="cpu")


def test_what_ends_a_training(
    tmp_path: Path, labels: Path, bases: Bases, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, base = labelled_files([labels]), Weights.local(bases["pixtral"])

    def out_of_memory(self: OrderedTrainer, *args: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def disk_full(self: OrderedTrainer, *args: object) -> None:
        raise RuntimeError("[enforce fail] . PytorchStreamWriter failed writing file data/3")

    def no_number(self: OrderedTrainer, *args: object) -> torch.Tensor:
        return torch.tensor(math.nan)

    with monkeypatch.context() as patched:
        patched.setattr(OrderedTrainer, "training_step", out_of_memory)
        with pytest.raises(NotEnoughMemoryError, match="use --at-once 1, no --keep-activations"):
            train(files, base, tmp_path / "large", settings_of(), device="cpu")
        patched.setattr(OrderedTrainer, "training_step", disk_full)
        with pytest.raises(OutputError, match="free some space there"):
            train(files, base, tmp_path / "full", settings_of(), device="cpu")
        patched.setattr(OrderedTrainer, "training_step", no_number)
        with pytest.raises(NumericsError, match=r"step 1: loss nan.* run away"):
            train(files, base, tmp_path / "away", settings_of(), device="cpu")
    with pytest.raises(SettingsError, match="batch is 2, which is not 1 processes times whole"):
        train(files, base, tmp_path / "odd", settings_of(), device="cpu", at_once=3)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(SettingsError, match="lora does not go with FSDP"):
        train(files, base, tmp_path / "both", settings_of(lora=4), device="cpu")


def test_a_model_that_resizes_images_is_not_trained(tmp_path: Path, labels: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "idefics3"}')
    with pytest.raises(ModelError, match="train Qwen2.5-VL or Pixtral"):
        train(labelled_files([labels]), Weights.local(tmp_path), tmp_path / "run", device="cpu")


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        ("qwen", {"Qwen2_5_VLDecoderLayer", "Qwen2_5_VLVisionBlock"}),
        ("pixtral", {"MistralDecoderLayer", "PixtralAttentionLayer"}),
    ],
)
def test_the_layers_that_fsdp_is_told_of_are_there(
    model: str, layers: set[str], bases: Bases
) -> None:
    weights = Weights.local(bases[model])
    loaded = load(weights, model_kind(weights), Placement("cpu", "float32"), 8)
    assert layers <= {type(module).__name__ for module in loaded.network.modules()}


# The command


def test_the_command(
    tmp_path: Path, labels: Path, bases: Bases, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = ["train", "depthlm", labels, labels, "--weight", 1, "--weight", 2, "--out", run]
    command += ["--base", bases["pixtral"], "--task", "distance,two-points", "--steps", 2]
    command += ["--batch", 2, "--workers", 0, "--device", "cpu", "--set", "warmup=0.5"]
    status, printed = run_here(capsys, *command)
    assert status == 0, printed
    assert "2 steps, on 8 photos\n" in printed
    assert "1/2 loss " in printed and " left" in printed
    assert "trained 2 steps on 8 photos, at a focal length of 750 px" in printed
    assert f'mfh ask photo.jpg "320,240" --model {run / "model"}' in printed
    stored = json.loads((run / "run.json").read_text())["training"]
    assert stored["tasks"] == ["distance", "two points"]
    assert [each["weight"] for each in stored["files"].values()] == [1, 2]
    status, printed = run_here(capsys, *command, "--seed", 3)
    assert status == 1
    assert "seed is 0 there and 3 here" in printed
    status, printed = run_here(capsys, *command, "--set", "momentum=1")
    assert status == 1
    assert "--set momentum: there are epochs, steps, batch" in printed


def test_help_loads_no_model_library() -> None:
    code = (
        "import sys\nfrom mfh_cli.main import app\n"
        "try:\n    app(['train', 'depthlm', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'transformers', 'accelerate', 'peft'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "--freeze-vision" in done
