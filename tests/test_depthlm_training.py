"""Training DepthLM: what counts in the loss, and the training itself."""

from __future__ import annotations

import json
import math
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from commands import run_here
from depthlm_runs import BOTH, FOCAL, Bases, Steps, settings_of, tensors, write_labels
from safetensors.torch import save_file
from torch.optim.optimizer import register_optimizer_step_pre_hook

from mfh.compute import Placement
from mfh.errors import (
    MissingPartError,
    ModelError,
    NotEnoughMemoryError,
    NumericsError,
    OutputError,
    SettingsError,
)
from mfh.estimators.depthlm.loading import answerer_weights
from mfh.estimators.depthlm.models import model_kind
from mfh.estimators.depthlm.training.batches import IGNORED, Batches
from mfh.estimators.depthlm.training.examples import Example, Examples
from mfh.estimators.depthlm.training.labelled import labelled_files
from mfh.estimators.depthlm.training.steps import OrderedTrainer
from mfh.estimators.depthlm.training.training import Trained, train
from mfh.estimators.depthlm.training.unreadable import UnreadablePhotos
from mfh.estimators.depthlm.training.weights import load_to_train, to_store
from mfh.estimators.depthlm.vlm import VisionLanguageModel
from mfh.estimators.depthlm.vlm_network import load
from mfh.models import Weights


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labels(tmp_path_factory.mktemp("labels") / "set")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("models"))


# What counts in the loss


@BOTH
def test_only_the_answer_counts_after_the_very_prompt_that_is_asked(
    model: str, labels: Path, bases: Bases
) -> None:
    weights = Weights.local(bases[model])
    loaded = load(weights, model_kind(weights), Placement("cpu", "float32"), 8)
    collate = pickle.loads(pickle.dumps(Batches.of(loaded)))
    examples = Examples(labelled_files([labels]), 2, settings_of(tasks=("distance", "time")), FOCAL)
    # Answers of different lengths, so that one is padded.
    longer = replace(examples[1], answer=f"{examples[1].answer} {'m' * 99}")
    chosen = [examples[0], longer]
    batch = collate(chosen)
    tokenizer = loaded.processor.tokenizer
    for row, example in enumerate(chosen):
        assert isinstance(example, Example)
        ids, labelled = batch["input_ids"][row], batch["labels"][row]
        mask = batch["attention_mask"][row].bool()
        counted = labelled != IGNORED
        assert mask[counted].all() and (~mask).any() == (row == 0)
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


# The training


@BOTH
def test_it_learns_and_its_model_is_asked_at_its_focal_length(
    model: str, tmp_path: Path, labels: Path, bases: Bases
) -> None:
    files, base = labelled_files([labels]), Weights.local(bases[model])
    told = Steps()
    settings = settings_of(
        steps=8, batch=4, learning_rate=5e-3, focal_px=900, warmup=0.2, max_gradient_norm=0.1
    )
    with noted_steps() as noted:
        trained = train(files, base, tmp_path / "run", settings, device="cpu", progress=told)
    # Two steps of warm-up, then half a cosine to zero.
    shares = [0, 0.5, *(0.5 + 0.5 * math.cos(math.pi * step / 6) for step in range(6))]
    assert [rate for rate, _ in noted] == pytest.approx([5e-3 * share for share in shares])
    assert [norm for _, norm in noted] == pytest.approx([0.1] * 8, rel=1e-3)
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
    assert max(rates) == 5e-3 and rates[-1] < 5e-4
    norms = [float(line.split(",")[3]) for line in log[1:]]
    assert min(norms) > 0.2  # before they are scaled down
    asked = VisionLanguageModel(Weights.local(trained.model), device="cpu", max_new_tokens=4)
    assert asked.focal_px == 900
    assert {answerer_weights(each).name for each in (tmp_path / "run", trained.model)} == {"run"}
    example = Examples(files, 1, settings, 900)[0]
    assert isinstance(example, Example)
    (text,) = asked.answer([example.question])
    before = VisionLanguageModel(base, device="cpu", max_new_tokens=4)
    assert text != before.answer([example.question])[0]


@contextmanager
def noted_steps() -> Iterator[list[tuple[float, float]]]:
    """The learning rate and the norm of the gradient that each step of an optimizer takes."""
    noted = []

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        (rate,) = {group["lr"] for group in optimizer.param_groups}
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
        norms = [gradient.norm() for gradient in gradients if gradient is not None]
        noted.append((rate, torch.stack(norms).norm().item()))

    hook = register_optimizer_step_pre_hook(note)
    try:
        yield noted
    finally:
        hook.remove()


def test_weights_without_gradient_decay(tmp_path: Path, labels: Path, bases: Bases) -> None:
    base = Weights.local(bases["pixtral"])
    settings = settings_of(steps=3, weight_decay=0.2, learning_rate=0.5, warmup=0.4)
    trained = train(labelled_files([labels]), base, tmp_path / "run", settings, device="cpu")
    ((name, before),) = ((n, v) for n, v in tensors(base.folder).items() if "embed_tokens" in n)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base.folder)
    unsaid = tokenizer.convert_tokens_to_ids("Q")
    # Rates of 0, 0.25 and 0.5.
    kept = (1 - 0.2 * 0.25) * (1 - 0.2 * 0.5)
    torch.testing.assert_close(tensors(trained.model)[name][unsaid], before[unsaid] * kept)


@pytest.fixture(scope="module")
def bfloat16_base(tmp_path_factory: pytest.TempPathFactory, bases: Bases) -> Weights:
    folder = tmp_path_factory.mktemp("bfloat16") / "pixtral"
    shutil.copytree(bases["pixtral"], folder)
    rounded = {name: values.bfloat16() for name, values in tensors(folder).items()}
    save_file(rounded, folder / "model.safetensors", {"format": "pt"})
    return Weights.local(folder)


@pytest.mark.parametrize(
    ("stored", "dtype"), [("auto", torch.bfloat16), ("float32", torch.float32)]
)
def test_in_bfloat16_small_steps_are_kept_until_the_end(
    stored: str, dtype: torch.dtype, tmp_path: Path, labels: Path, bfloat16_base: Weights
) -> None:
    base = bfloat16_base
    settings = settings_of(
        steps=2, precision="bfloat16", learning_rate=1e-6, warmup=0.0, stored=stored
    )
    seen = set()

    class Seen(OrderedTrainer):
        def training_step(self, model, inputs, *args):
            seen.update(each.dtype for each in model.parameters())
            return super().training_step(model, inputs, *args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mfh.estimators.depthlm.training.training.OrderedTrainer", Seen)
        trained = train(labelled_files([labels]), base, tmp_path / "run", settings, device="cpu")
    assert seen == {torch.float32}
    before, after = tensors(base.folder), tensors(trained.model)
    assert {each.dtype for each in after.values()} == {dtype}
    changes = torch.cat([(after[n].float() - before[n].float()).abs().ravel() for n in after])
    if stored == "float32":
        assert 0 < changes.max() < 3e-6
        assert (changes > 0).float().mean() > 0.5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_adapters_are_merged_in_float32(dtype: torch.dtype, bfloat16_base: Weights) -> None:
    pytest.importorskip("peft")
    kind = model_kind(bfloat16_base)
    settings = settings_of(lora=4, lora_alpha=8)
    network = load_to_train(bfloat16_base, kind, settings, torch.bfloat16).network
    expected = {}
    for name, module in network.named_modules():
        if hasattr(module, "get_base_layer"):
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            assert a.dtype == b.dtype == torch.float32
            torch.nn.init.normal_(b, 0, 0.02)
            whole = module.get_base_layer().weight.float() + 2 * b @ a
            expected[name.removeprefix("base_model.model.")] = whole.detach().to(dtype)
    merged = to_store(network, dtype)
    assert {each.dtype for each in merged.parameters()} == {dtype}
    assert len(expected) > 20
    for name, weight in expected.items():
        assert torch.equal(merged.get_submodule(name).weight, weight), name


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
    assert f'to ask it: mfh ask photo.jpg "320,240" --intrinsics K.json --model {run}\n' in printed
    stored = json.loads((run / "run.json").read_text())["training"]
    assert stored["tasks"] == ["distance", "two points"]
    assert [each["weight"] for each in stored["files"].values()] == [1, 2]
    assert stored["learning_rate"] == 1e-5
    rates = np.loadtxt(run / "steps.csv", delimiter=",", skiprows=1)[:, 2]
    assert rates.max() == pytest.approx(1e-5)
    assert "could not be read" not in printed
    (run / "unreadable.txt").write_text("line 3: 2.png\nline 4: 3.png\n")
    status, printed = run_here(capsys, *command)
    assert status == 0, printed
    assert "2 of these photos could not be read" in printed
    assert f"{run / 'unreadable.txt'} lists them" in printed
    status, printed = run_here(capsys, *command, "--seed", 3)
    assert status == 1
    assert "seed is 0 there and 3 here" in printed
    status, printed = run_here(capsys, *command, "--set", "momentum=1")
    assert status == 1
    assert "--set momentum: there are epochs, steps, batch" in printed


@pytest.mark.parametrize(
    ("tasks", "asked"),
    [
        (("speed", "distance"), '"320,240"'),
        (("depth",), '"320,240" --task depth'),
        (("speed",), '"320,240" --task speed --seconds 10'),
        (("time", "depth"), '"320,240" --task time --metres-per-second 2'),
        (("two points",), '"320,240" "480,240" --task two-points'),
    ],
)
def test_it_says_how_to_ask_what_was_taught(
    tasks: tuple[str, ...],
    asked: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mfh_cli.train_depthlm import _show

    monkeypatch.chdir(tmp_path)
    files = labelled_files([write_labels(Path("set"), count=1)])
    # Without the path it would be the model of the catalogue.
    run = Path("depthlm")
    run.mkdir()
    unreadable = UnreadablePhotos(run / "unreadable.txt", 1)
    _show(Trained(run / "model", 1, 1000.0, True, unreadable), files, run, tasks)
    printed = capsys.readouterr().out
    assert printed.startswith("trained 1 step on 1 photo, at a focal length of 1000 px; ")
    assert f"mfh ask photo.jpg {asked} --intrinsics K.json --model ./depthlm\n" in printed


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
