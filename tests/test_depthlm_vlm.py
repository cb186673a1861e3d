"""Image-text models that answer questions, on tiny random ones in the real ones' folders."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tiny_vlm import tiny_pixtral, tiny_qwen
from tokenizers import AddedToken

from mfh.errors import (
    InputError,
    MissingPartError,
    ModelError,
    NotEnoughMemoryError,
    SettingsError,
)
from mfh.estimators.depthlm.answers import CutText
from mfh.estimators.depthlm.asking import ask_camera_motion, ask_points, ask_tasks, ask_two_points
from mfh.estimators.depthlm.canonical import canonical_view
from mfh.estimators.depthlm.models import model_kind
from mfh.estimators.depthlm.questions import Question, distance_question
from mfh.estimators.depthlm.vlm import STAGE, VisionLanguageModel, _TrainedPrecision
from mfh.models import Weights, find_model
from mfh.progress import Progress
from mfh.records import Intrinsics, Photo

WRITERS = {"qwen": tiny_qwen, "pixtral": tiny_pixtral}
TASKS = ("distance", "depth", "speed", "time")
NO_QWEN = not hasattr(transformers, "Qwen2_5_VLForConditionalGeneration")


@pytest.fixture(scope="module", params=sorted(WRITERS))
def folder(request, tmp_path_factory) -> Path:
    if request.param == "qwen" and NO_QWEN:
        pytest.skip("this transformers has no Qwen2.5-VL")
    return WRITERS[request.param](tmp_path_factory.mktemp("models") / request.param)


@pytest.fixture(scope="module")
def pixtral(tmp_path_factory) -> Path:
    return tiny_pixtral(tmp_path_factory.mktemp("models") / "pixtral")


def a_model(folder: Path, **settings) -> VisionLanguageModel:
    settings = {"focal_px": 100, "max_new_tokens": 10, "device": "cpu", **settings}
    return VisionLanguageModel(Weights.local(folder), **settings)


def a_photo(height: int = 60, width: int = 80, focal_px: float = 100, seed: int = 0) -> Photo:
    image = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    camera = Intrinsics(focal_px, focal_px, width / 2, height / 2, height, width)
    return Photo(image, camera, "a photo")


def a_question(photo: Photo, point=(30.5, 20.5), focal_px: float = 100) -> Question:
    return distance_question(canonical_view(photo, focal_px), point)


def seen_sizes(model: VisionLanguageModel) -> list[tuple[int, int]]:
    """The sizes of images that reach the vision tower from now on, as it is called."""
    sizes: list[tuple[int, int]] = []
    network = model._network.network

    def qwen(_, args, kwargs):
        for _, height, width in kwargs["grid_thw"].tolist():
            sizes.append((height * 14, width * 14))

    def pixtral(_, args, kwargs):
        # Up to 4.48 a list of the images of each question, then a tensor.
        sizes.append(tuple(args[0][0][0].shape[-2:] if NO_QWEN else args[0].shape[-2:]))

    for name, tower in network.named_modules():
        if name.endswith(("visual", "vision_tower")):
            hook = qwen if name.endswith("visual") else pixtral
            tower.register_forward_pre_hook(hook, with_kwargs=True)
    return sizes


class Events(Progress):
    def __init__(self):
        self.events = []

    def start(self, stage, total):
        self.events.append(("start", stage, total))

    def advance(self, stage):
        self.events.append(("advance", stage))

    def finish(self, stage, note):
        self.events.append(("finish", stage, note))

    def warn(self, message):
        self.events.append(("warn", message))


# --- asking a model ------------------------------------------------------------------------------


def test_answers_do_not_depend_on_the_batch(folder):
    questions = [
        a_question(a_photo(height, width, seed=width), point)
        for height, width in [(60, 80), (90, 70), (56, 140), (61, 81)]
        for point in [(30.5, 20.5), (40.5, 50.5)]
    ]
    alone = a_model(folder, batch=1).answer(questions)
    together = a_model(folder, batch=4).answer(questions)
    assert together == alone
    assert len(set(alone)) > len(questions) / 2, "the images show in the answers"
    backwards = a_model(folder, batch=3).answer(questions[::-1])
    assert backwards == alone[::-1]


def test_questions_about_one_marked_image_share_its_encoding(folder):
    model = a_model(folder, batch=4)
    if not hasattr(model._network.network.base_model, "get_image_features"):
        pytest.skip("this transformers encodes images where nothing can be shared")
    sizes = seen_sizes(model)
    photo, points = a_photo(), [(30.5, 20.5), (50.5, 40.5)]
    asked = ask_tasks(photo, points, model, TASKS, seconds=2, metres_per_second=1)
    assert [(each.x_px, each.task) for each in asked] == [
        (x, task) for x, _ in points for task in TASKS
    ]
    assert len(sizes) == 2, "one encoding a mark"
    model.answer([a_question(photo)] * 3 + [a_question(photo, (9, 9))] + [a_question(photo)])
    assert len(sizes) == 4, "also where others are asked in between"


def test_shared_encodings_do_not_change_answers(folder):
    photo = a_photo()
    model = a_model(folder, batch=8)
    together = ask_tasks(photo, [(30, 20)], model, TASKS, seconds=2, metres_per_second=1)
    others = {"seconds": 2, "metres_per_second": 1}
    alone = [ask_points(photo, [(30, 20)], model, task=task, **others)[0] for task in TASKS]
    assert [each.answer.text for each in together] == [each.answer.text for each in alone]


def test_two_points_and_two_photos(folder):
    model = a_model(folder)
    sizes = seen_sizes(model)
    (pair,) = ask_two_points(a_photo(), [((10, 20), (60, 40))], model)
    assert (pair.a_px, pair.b_px) == ((10, 20), (60, 40))
    moved = ask_camera_motion(a_photo(), a_photo(90, 60, seed=1), model)
    assert pair.answer.text and moved.answer.text
    assert len(sizes) >= 2


def test_decoding_is_greedy_whatever_the_model_says_of_sampling(pixtral):
    model = a_model(pixtral)
    question = a_question(a_photo())
    network, processor = model._network.network, model._network.processor
    inputs = model._network._inputs([question])
    start = inputs["input_ids"].shape[1]
    with torch.inference_mode():
        for _ in range(10):
            logits = network(**inputs, use_cache=False).logits
            inputs["input_ids"] = torch.cat([inputs["input_ids"], logits[:, -1:].argmax(-1)], dim=1)
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    expected = processor.tokenizer.decode(inputs["input_ids"][0, start:], skip_special_tokens=True)
    assert model.answer([question]) == [expected.strip()]


def test_an_answer_ends_with_its_tag_or_a_token_of_its_end(folder):
    model = a_model(folder)
    config = model._network.network.generation_config
    assert config.stop_strings == ["</answer>"]
    tokenizer = model._network.processor.tokenizer
    assert {tokenizer.eos_token_id, tokenizer.pad_token_id} <= set(config.eos_token_id)
    question = a_question(a_photo())
    (whole,) = model.answer([question])
    network = model._network.network
    first = network.generate(
        **model._network._inputs([question]), tokenizer=tokenizer, max_new_tokens=4
    )[0, -1]
    config.eos_token_id = [int(first)]
    (cut,) = model.answer([question])
    assert len(cut) < len(whole) and whole.startswith(cut.rstrip("\ufffd"))


SAID = "It is 9 m to the wall. <answer> 12.57 </answer>"


def saying(model: VisionLanguageModel, monkeypatch, *said: str) -> None:
    """Have a model generate texts, one to a question, as long as it is allowed to."""
    loaded = model._network
    tokenizer, settings = loaded.processor.tokenizer, loaded.network.generation_config

    def generate(input_ids, **_):
        rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in said]
        ended = [[*row, tokenizer.eos_token_id] for row in rows]
        most = min(max(map(len, ended)), settings.max_new_tokens)
        padded = [(row + [tokenizer.pad_token_id] * most)[:most] for row in ended]
        return torch.cat([input_ids, torch.tensor(padded)], dim=1)

    monkeypatch.setattr(loaded.network, "generate", generate)


def test_an_answer_that_was_cut_off_is_none(folder, monkeypatch):
    """With one that ended, in the same batch."""
    photo, points = a_photo(), [(30.5, 20.5), (50.5, 40.5)]
    model = a_model(folder, batch=2)
    for most in (8, 24, 36, 38, len(SAID) - 1, len(SAID)):
        model._network.network.generation_config.max_new_tokens = most
        saying(model, monkeypatch, SAID, "3 m")
        cut, ended = (each.answer for each in ask_points(photo, points, model))
        assert ended.value == 3
        assert cut.text == SAID[:most].strip()
        assert cut.value == (12.57 if most == len(SAID) else None)
        assert most == len(SAID) or (
            cut.refused
            == f"the model was cut off after {most} tokens; raise depthlm.max_new_tokens"
        )


def test_an_answer_that_ends_with_its_last_token_is_whole(pixtral, monkeypatch):
    model = a_model(pixtral)
    for said, most in [("3.4 m", len("3.4 m") + 1), (SAID, len(SAID))]:
        model._network.network.generation_config.max_new_tokens = most
        saying(model, monkeypatch, said)
        (text,) = model.answer([a_question(a_photo())])
        assert text == said and not isinstance(text, CutText)


def test_a_prompt_may_begin_the_reasoning(pixtral, monkeypatch):
    model = a_model(pixtral, max_new_tokens=80)
    loaded = replace(model._network, template=model._network.template + "<think>\n")
    model.__dict__["_network"] = loaded
    for said, value in [("Perhaps 5 m", None), ("Perhaps 5 m.\n</think>\n3.4 m", 3.4)]:
        saying(model, monkeypatch, said)
        (asked,) = ask_points(a_photo(), [(30.5, 20.5)], model)
        assert asked.answer.text == "<think>" + said
        assert asked.answer.value == value


def test_tags_of_reasoning_may_be_special_tokens(pixtral, monkeypatch):
    model = a_model(pixtral, max_new_tokens=80)
    tags = ["[THINK]", "[/THINK]"]
    model._network.processor.tokenizer.add_tokens(
        [AddedToken(tag, special=True) for tag in tags], special_tokens=True
    )
    said = "[THINK]The wall is at 5 m[/THINK]3.4 m"
    saying(model, monkeypatch, said)
    (asked,) = ask_points(a_photo(), [(30.5, 20.5)], model)
    assert (asked.answer.text, asked.answer.value) == (said, 3.4)


def test_the_longest_answer_holds_thoughts_and_a_number():
    text = (
        "<think> Beyond the table and the wall behind it, so in a straight line 123.45 meters. "
        "</think> <answer> 123.45 </answer>"
    )
    # At worst a token for each character, as in the tiny models; those of real ones are longer.
    default = VisionLanguageModel.__init__.__kwdefaults__["max_new_tokens"]
    assert len(text) < default


# --- the size that reaches the vision tower ------------------------------------------------------


@pytest.mark.parametrize("side", [(60, 80), (77, 131), (224, 336)])
def test_images_keep_their_size_but_for_whole_patches(folder, tmp_path, side):
    """Whatever the processor's own limits: here they would shrink everything."""
    copy = Path(shutil.copytree(folder, tmp_path / "limited"))
    path = copy / "preprocessor_config.json"
    values = json.loads(path.read_text())
    if "max_pixels" in values:
        values |= {"max_pixels": 56 * 56, "do_resize": False}
    else:
        values["size"] = {"longest_edge": 48}
    path.write_text(json.dumps(values))
    model = a_model(copy, max_new_tokens=1)
    sizes = seen_sizes(model)
    model.answer([a_question(a_photo(*side))])
    to_whole, patch = (round, 28) if "max_pixels" in values else (math.ceil, 16)
    assert sizes == [tuple(to_whole(length / patch) * patch for length in side)]


def test_small_images_are_not_enlarged(folder):
    model = a_model(folder, max_new_tokens=1)
    sizes = seen_sizes(model)
    model.answer([a_question(a_photo(28, 30), (12, 12))])
    assert sizes in ([(28, 28)], [(32, 32)])


def test_an_image_beyond_the_models_positions_is_refused_and_asking_cuts_it(pixtral):
    model = a_model(pixtral, max_new_tokens=1)
    photo = a_photo(40, 1100)
    with pytest.raises(InputError, match=r"1100 x 40 px.*1024 px a side.*crop the photo"):
        model.answer([a_question(photo)])
    sizes = seen_sizes(model)
    ask_points(photo, [(1090, 20)], model)
    assert sizes == [(48, 1024)]
    assert model.longest_px == 1024


# --- memory, progress, numbers -------------------------------------------------------------------


def test_batches_are_halved_where_memory_does_not_suffice(pixtral, monkeypatch):
    model = a_model(pixtral, batch=4)
    questions = [a_question(a_photo(), (x, 20)) for x in (10, 20, 30, 40)]
    expected = model.answer(questions)
    kind, batches = type(model._network), []
    run = kind.answer

    def scarce(self, questions, **options):
        batches.append(len(questions))
        if len(questions) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(self, questions, **options)

    monkeypatch.setattr(kind, "answer", scarce)
    assert model.answer(questions) == expected
    assert batches == [4, 2, 1, 1, 1, 1]

    def never(self, questions, **options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(kind, "answer", never)
    with pytest.raises(NotEnoughMemoryError, match="use a smaller model"):
        model.answer(questions)


def test_progress(pixtral):
    events = Events()
    model = a_model(pixtral, max_new_tokens=1)
    model.answer([a_question(a_photo())] * 2, events)
    assert events.events[:3] == [("start", STAGE, 2), ("advance", STAGE), ("advance", STAGE)]
    assert events.events[3][0] == "finish"
    assert model.answer([]) == []


def test_a_model_that_resizes_as_it_likes_says_so(pixtral):
    model = a_model(pixtral, max_new_tokens=1)
    model._kind = replace(model._kind, patch_px=0)
    events = Events()
    model.answer([], events)
    assert "resizes images as it likes" in events.events[0][1]
    assert "100 px" in events.events[0][1]


def test_what_answers_depend_on(pixtral):
    model = a_model(pixtral)
    assert model.fingerprint == {
        "part": "vision language model",
        "weights": Weights.local(pixtral).identity,
        "focal_px": 100,
        "max_new_tokens": 10,
        "precision": "float32",
    }
    assert model.device == "CPU"
    with pytest.raises(SettingsError, match="max_new_tokens = 0"):
        a_model(pixtral, max_new_tokens=0)


def test_precision_is_the_one_of_training_on_a_gpu():
    for device, wanted, dtype in [
        ("cuda", "auto", torch.bfloat16),
        ("cuda", "float16", torch.float16),
        ("cpu", "auto", torch.float32),
    ]:
        placement = _TrainedPrecision("auto", wanted)
        placement.__dict__["device"] = torch.device(device)
        assert placement.dtype == dtype


def test_bfloat16_computes(folder):
    assert len(a_model(folder, precision="bfloat16").answer([a_question(a_photo())])) == 1


# --- which model it is ---------------------------------------------------------------------------


def write_config(folder: Path, **values) -> Weights:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values))
    return Weights.local(folder)


def test_canonical_focal_lengths(tmp_path):
    pixtral = {"model_type": "llava", "vision_config": {"model_type": "pixtral"}}
    assert model_kind(write_config(tmp_path, **pixtral)).focal_px == 750
    assert model_kind(write_config(tmp_path, model_type="qwen2_5_vl")).focal_px == 1000
    weights = write_config(tmp_path, model_type="gemma3")
    assert model_kind(weights).focal_px == 1000
    assert not model_kind(weights).keeps_size
    (tmp_path / "mfh.json").write_text('{"focal_px": 640}')
    assert model_kind(weights).focal_px == 640
    assert model_kind(weights, 500).focal_px == 500
    with pytest.raises(SettingsError, match="must be positive"):
        model_kind(weights, -1)
    (tmp_path / "mfh.json").write_text('{"focal_px": "750"}')
    with pytest.raises(ModelError, match=r"mfh.json has no positive focal_px"):
        model_kind(weights)


def test_sizes_of_the_two_kinds(tmp_path):
    qwen = model_kind(write_config(tmp_path, model_type="qwen2_5_vl"))
    assert (qwen.patch_px, qwen.longest_px) == (28, 0)
    pixtral = {"model_type": "llava", "vision_config": {"model_type": "pixtral"}}
    kind = model_kind(write_config(tmp_path, **pixtral))
    assert (kind.patch_px, kind.longest_px) == (16, 1024)
    broken = {"model_type": "qwen2_5_vl", "vision_config": {"patch_size": 0}}
    with pytest.raises(ModelError, match="patch_size = 0"):
        model_kind(write_config(tmp_path, **broken))


def test_folders_without_a_model(tmp_path):
    with pytest.raises(ModelError, match=r"config.json is missing"):
        a_model(tmp_path)
    write_config(tmp_path, layers=2)
    with pytest.raises(ModelError, match="no model_type"):
        a_model(tmp_path)


def answer_from(folder: Path) -> list[str]:
    return a_model(folder).answer([a_question(a_photo())])


def test_models_that_are_not_asked_about_images(tmp_path):
    write_config(tmp_path, model_type="bert")
    with pytest.raises(ModelError, match="'bert', which is not asked about images"):
        answer_from(tmp_path)
    write_config(tmp_path, model_type="of_tomorrow")
    with pytest.raises(MissingPartError, match="no models of type 'of_tomorrow'"):
        answer_from(tmp_path)


def copied(folder: Path, to: Path, *without: str) -> Path:
    copy = Path(shutil.copytree(folder, to))
    for name in without:
        (copy / name).unlink()
    return copy


def test_files_that_are_missing(pixtral, tmp_path):
    with pytest.raises(ModelError, match=r"holds no \.safetensors"):
        answer_from(copied(pixtral, tmp_path / "1", "model.safetensors"))
    processors = ("preprocessor_config.json", "processor_config.json")
    with pytest.raises(ModelError, match="processor|cannot be loaded"):
        answer_from(copied(pixtral, tmp_path / "2", *processors))
    tokenizer = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt")
    with pytest.raises(ModelError, match="cannot be loaded|no processor"):
        answer_from(copied(pixtral, tmp_path / "3", *tokenizer))


def without_template(folder: Path, to: Path) -> Path:
    copy = copied(folder, to, "chat_template.json")
    path = copy / "tokenizer_config.json"
    values = json.loads(path.read_text())
    del values["chat_template"]
    path.write_text(json.dumps(values))
    return copy


def test_a_model_without_a_chat_template(pixtral, tmp_path):
    copy = without_template(pixtral, tmp_path / "copy")
    with pytest.raises(ModelError, match=r"no chat template.*how it is asked is not known"):
        answer_from(copy)
    template = {"chat_template": "{{ messages[0]['role'] }}"}
    (copy / "chat_template.json").write_text(json.dumps(template))
    with pytest.raises(ModelError, match="leaves out the question or its image"):
        answer_from(copy)


def test_the_tokenizers_own_template_will_do(pixtral, tmp_path):
    expected = answer_from(pixtral)
    assert answer_from(copied(pixtral, tmp_path / "copy", "chat_template.json")) == expected


def test_weights_that_lack_tensors(pixtral, tmp_path):
    from safetensors.torch import load_file, save_file

    copy = copied(pixtral, tmp_path / "copy")
    tensors = load_file(copy / "model.safetensors")
    tensors.pop(next(name for name in tensors if "linear_1.weight" in name))
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lack 1 tensors.*linear_1"):
        answer_from(copy)


def test_code_beside_the_weights_is_refused(pixtral, tmp_path):
    copy = copied(pixtral, tmp_path / "copy")
    path = copy / "config.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "auto_map": {"AutoModel": "code.Model"}}))
    with pytest.raises(ModelError, match="names code of its own"):
        answer_from(copy)
    path.write_text(json.dumps(values))
    (copy / "processing.py").write_text("raise SystemExit")
    with pytest.raises(ModelError, match="is a program"):
        answer_from(copy)


# --- the catalogue, and what importing loads -----------------------------------------------------


def test_catalogue():
    depthlm = find_model("facebook/DepthLM")
    assert (depthlm.name, depthlm.commercial) == ("depthlm", False)
    assert depthlm.part == "vision language model"
    assert find_model("Qwen/Qwen2.5-VL-7B-Instruct").commercial
    assert not find_model("Qwen/Qwen2.5-VL-3B-Instruct").commercial


def test_importing_loads_no_model_library():
    code = (
        "import sys, mfh.estimators.depthlm.asking, mfh.estimators.depthlm.vlm\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
