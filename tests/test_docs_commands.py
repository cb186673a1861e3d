"""Every command and option in the documents is one of the command line, and runs as far as it can.

- Whatever stands in a block or in a sentence is parsed by the real command line.
- What needs no weights runs: `demo`, `doctor`, `models list`, `models check`.
- `predict` needs weights. Each such command runs up to where they are missing: settings, photo,
  camera and known distances are read by then. Those of the guided first photo run to their end with
  simulated stages in the place of the learned ones, and so does the Python of every page.
- `models get` and `models add` are parsed, and the models they name looked up; what they do is
  tested in test_models_commands.py. Those of an evaluation are in test_docs_evaluation.py, and
  `--use` with the files it takes is in test_docs.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from commands import run_here
from docs_pages import DOCS, PAGES, blocks_of, commands_of, has_placeholder, inline_code_of, name_of
from PIL import Image

import mfh
from mfh.models.needs import named_model
from mfh.parts import LearnedParts
from mfh.simulation import SimulatedErrors, SimulatedWorld, simulated_parts
from mfh.simulation.rooms import random_scene

_ALL = {words: name_of(page) for page in PAGES for words in commands_of(page)}
_PREDICTIONS = [words for words in _ALL if words[0] == "predict" and not has_placeholder(words)]
_WITHOUT_WEIGHTS = {"demo", "doctor"}
_FIRST_PHOTO = DOCS / "first_photo.md"
# Their Python has tests of its own.
_ELSEWHERE = {
    "docs/evaluation.md",
    "docs/known_distances.md",
    "docs/python.md",
    "docs/your_own_parts.md",
}
_WITH_PYTHON = [
    page
    for page in PAGES
    if name_of(page) not in _ELSEWHERE
    and any(block.language == "python" for block in blocks_of(page))
]
_VGA, _LARGE = (480, 640), (1200, 1600)
_SIZES = {"docs/camera.md": _LARGE, "docs/when_people_do_not_fit.md": _LARGE}
"""The sizes (H, W) of the photos that pages speak of, where it is not 640x480."""


class _NoCommandError(Exception):
    """A command that the command line does not have."""


def _understood(words: tuple[str, ...]) -> dict[str, Any]:
    """The values of a command's parameters, none of a group alone, which shows its help.

    Raises `_NoCommandError`, and errors of click, or of the click that newer versions of typer
    bring along, where the command line does not understand it.
    """
    from mfh_cli.main import app

    command: Any = typer.main.get_command(app)
    name, rest = "mfh", list(words)
    while hasattr(command, "commands") and rest:
        name = rest.pop(0)
        if name not in command.commands:
            raise _NoCommandError(name)
        command = command.commands[name]
    if hasattr(command, "commands"):
        return {}
    parameters: dict[str, Any] = command.make_context(name, rest).params
    return parameters


@pytest.mark.parametrize("words", _ALL, ids=" ".join)
def test_commands_in_blocks_are_parsed(words: tuple[str, ...]) -> None:
    given = _understood(words)
    for name in given.get("names") or () if words[0] == "models" else ():
        assert has_placeholder((name,)) or named_model(name).name == name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_sentences_are_parsed(page: Path) -> None:
    """A command in a sentence may leave out what it needs, and have a placeholder for a number."""
    for code in inline_code_of(page):
        if not code.startswith("mfh "):
            continue
        words = tuple("ANY" if word == "..." else word for word in code.split()[1:])
        if words in (("--help",), ("--version",)):
            continue
        try:
            _understood(words)
        except Exception as error:
            left_out = type(error).__name__ == "MissingParameter"
            filled_in = type(error).__name__ == "BadParameter" and has_placeholder(words)
            assert left_out or filled_in, f"{code}: {error}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_options_in_sentences_are_options(page: Path) -> None:
    from mfh_cli.main import app

    known = {"--help", "--version"}
    waiting: list[Any] = [typer.main.get_command(app)]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        known |= {
            option for each in command.params for option in (*each.opts, *each.secondary_opts)
        }
    for code in inline_code_of(page):
        if code.startswith("--"):
            named = {word.split("=")[0] for word in code.split() if word.startswith("--")}
            assert named <= known, f"{name_of(page)}: {code}"


def test_what_is_no_command_would_be_found() -> None:
    assert len(_ALL) > 40
    assert len(_PREDICTIONS) > 15
    for words in (("predict", "a.jpg", "--nothing"), ("models", "fetch"), ("paint",)):
        with pytest.raises(Exception, match=r"(?i)no such option|fetch|paint"):
            _understood(words)


def _make_files(folder: Path, shape: tuple[int, int]) -> SimulatedWorld:
    """A photo, its camera and whatever else pages name, and what is true of the photo."""
    photo, depth_m = random_scene(1, height=240, width=320)
    height, width = shape
    image = Image.fromarray(photo.image).resize((width, height))
    camera = mfh.camera.resize_intrinsics(photo.camera, height, width)
    (folder / "holiday").mkdir()
    for name in ("photo.jpg", "holiday/1.jpg", "holiday/2.jpg"):
        image.save(folder / name)
    (folder / "K.json").write_text(json.dumps(camera.matrix.tolist()))
    (folder / "tape.csv").write_text("x,y,distance_m\n320,240,2.4\n")
    rows = np.arange(height) * 240 // height
    columns = np.arange(width) * 320 // width
    large = mfh.Photo(np.asarray(image), camera)
    return SimulatedWorld(large, depth_m[np.ix_(rows, columns)], SimulatedErrors.strength("mild"))


@pytest.fixture
def without_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No models, no network, and a terminal that is wide enough for a message."""
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "no models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no hub"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.usefixtures("without_models")
@pytest.mark.parametrize("words", _PREDICTIONS, ids=" ".join)
def test_predictions_need_nothing_but_their_models(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "--use" in words:
        pytest.skip("its files are made, and the command's settings run, in test_docs.py")
    _make_files(tmp_path, _LARGE)
    monkeypatch.chdir(tmp_path)
    status, printed = run_here(capsys, *words)
    assert status == 1
    other = {"--method", "-m"} & set(words)
    said = "get it with: mfh models get" if other else "models that this needs are missing:"
    assert said in printed, printed


@pytest.mark.slow
@pytest.mark.usefixtures("without_models")
@pytest.mark.parametrize(
    "words",
    [
        words
        for words in _ALL
        if (words[0] in _WITHOUT_WEIGHTS or words[:2] in (("models", "list"), ("models", "check")))
        and not has_placeholder(words)
    ],
    ids=" ".join,
)
def test_commands_without_weights_run(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    status, printed = run_here(capsys, *words)
    assert status == 0, printed


def _with_simulated_stages(patch: pytest.MonkeyPatch, world: SimulatedWorld) -> None:
    """Put simulated stages in the place of the learned ones, wherever settings ask for these."""

    def from_settings(
        cls: type[mfh.MetricFromHuman], settings: mfh.Settings, **_others: object
    ) -> mfh.MetricFromHuman:
        return cls(**simulated_parts(world), settings=settings)

    patch.setattr(mfh.MetricFromHuman, "from_settings", classmethod(from_settings))
    patch.setattr(LearnedParts, "prepare", lambda *_: None)


@pytest.fixture
def simulated(
    request: pytest.FixtureRequest,
    without_models: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder as a page speaks of it, in which simulated stages stand in for learned ones."""
    world = _make_files(tmp_path, _SIZES.get(name_of(request.param), _VGA))
    _with_simulated_stages(monkeypatch, world)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return request.param


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("simulated", _WITH_PYTHON, ids=name_of, indirect=True)
def test_pages_run_from_top_to_bottom(simulated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page's Python runs after the demos it reads, in the first photo after its predictions."""
    blocks = blocks_of(simulated)
    python = "".join(block.text for block in blocks if block.language == "python")
    names: dict[str, Any] = {}
    for block in blocks:
        for words in block.commands:
            out = words[words.index("--out") + 1] if "--out" in words else "mfh_out/demo"
            read = words[0] == "demo" and f"{out}/" in python
            walked = simulated == _FIRST_PHOTO and words[0] == "predict"
            if read or walked:
                status, printed = run_here(capsys, *words)
                assert status == 0, printed
        if block.language == "python":
            exec(compile(block.text, name_of(simulated), "exec"), names)
