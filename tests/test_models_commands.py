"""`mfh models` and `mfh doctor` as a user types them."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from commands import run_here, start
from huggingface_hub import constants
from model_server import serving, sha256

from mfh.models import ModelStore, catalogue, find_model, needed
from mfh.models import download as download_module
from mfh.models.receipts import RECEIPT
from mfh.settings import settings_from

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parent.parent
WEIGHTS = np.random.default_rng(2).bytes(50_000)
DEFAULTS = {model.name for model in needed(settings_from())}
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder of models, and no network but this machine's."""
    for name in ("MFH_MIRROR", "MFH_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf_cache"))
    monkeypatch.setattr(download_module, "_PAUSE_S", 0.001)
    return tmp_path / "models"


@pytest.fixture
def server(folder, monkeypatch):
    with serving() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        running.add_hub_model("org/tiny", FILES)
        yield running


def put(folder: Path, name: str) -> None:
    """Make a model of the catalogue ready, with small files in the places of the real ones."""
    model = find_model(name)
    place = folder / name
    entries = {}
    for file in model.files:
        (place / file.path).parent.mkdir(parents=True, exist_ok=True)
        (place / file.path).write_bytes(WEIGHTS)
        entries[file.path] = {"bytes": len(WEIGHTS), "sha256": sha256(WEIGHTS), "done": True}
    receipt = {"id": model.id, "revision": model.revision, "origin": "a test", "files": entries}
    (place / RECEIPT).write_text(json.dumps(receipt))


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_fits_and_names_every_licence(capsys, folder, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    put(folder, "mask-rcnn")
    status, printed = run_here(capsys, "models", "list")
    assert status == 0
    lines = printed.splitlines()
    assert (
        max(map(len, lines[: lines.index(next(ln for ln in lines if "* is used" in ln))]))
        <= columns
    )
    for model in catalogue():
        line = next(ln for ln in lines if re.match(rf"\s+{model.name}( \*)? ", ln))
        assert model.licence.split()[0] in line
        assert ("yes" if model.commercial else "no") in line.split()
        presets = "paper, default, fast" if model.name in DEFAULTS and columns == 120 else ""
        assert line.rstrip().endswith(presets)
        assert ("*" in line.split()[1]) == model.default
        assert ("ready" in line) == (model.name == "mask-rcnn")
    assert "…" not in printed


def test_the_list_of_what_allows_commercial_use(capsys, folder):
    _, printed = run_here(capsys, "models", "list", "--commercial")
    for name in ("smpl", "depth-anything-v2-large"):
        assert not re.search(rf"\s{name}\s", printed)
    assert "sd2-inpainting" in printed


def test_getting_checking_and_repairing_an_id_of_the_hub(capsys, server, folder):
    status, printed = run_here(capsys, "models", "get", "org/tiny")
    assert (status, printed) == (0, f"org/tiny: ready in {folder / 'org--tiny'}\n")
    assert "org/tiny" in run_here(capsys, "models", "list")[1]
    status, printed = run_here(capsys, "models", "check")
    assert (status, printed) == (0, "org/tiny: whole and unchanged\n")
    (folder / "org--tiny" / "model.safetensors").write_bytes(WEIGHTS[::-1])
    status, printed = run_here(capsys, "models", "check")
    assert status == 1
    assert re.search(r"org/tiny: damaged\n  model.safetensors has SHA-256 \w+, expected", printed)
    assert "mfh models get org/tiny" in printed
    assert run_here(capsys, "models", "get", "org/tiny")[0] == 0
    assert run_here(capsys, "models", "check", "org/tiny")[0] == 0


def test_getting_what_a_preset_needs(capsys, server, folder, monkeypatch):
    """What is here already is kept, the rest is got, what has to be registered for is named."""
    for name in ("sd2-inpainting", "hmr2", "depth-anything-large"):
        put(folder, name)
    detector = find_model("mask-rcnn").files[0].path
    server.files[f"/m/mask-rcnn/{detector}"] = WEIGHTS
    status, printed = run_here(capsys, "models", "get", "--mirror", f"{server.url}/m")
    assert status == 1  # the stand-in has not the digest of the real one
    assert re.search(r"mask-rcnn: .*could not be got\n.*SHA-256 \w+, expected 73cbd019", printed)
    assert "hmr2: ready in" in printed
    assert "mfh models add smpl FILE" in printed
    assert "https://smpl.is.tue.mpg.de" in printed
    put(folder, "mask-rcnn")
    for preset in ("paper", "fast"):
        assert run_here(capsys, "models", "get", "--preset", preset)[0] == 0


def test_getting_from_a_folder_offline(capsys, folder, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    clone = tmp_path / "clone"
    clone.mkdir()
    for path, content in FILES.items():
        (clone / path).write_bytes(content)
    get = ("models", "get", "org/tiny", "--offline")
    status, printed = run_here(capsys, *get)
    assert status == 1
    assert "--from or --mirror" in printed
    assert run_here(capsys, *get, "--from", clone)[0] == 0
    assert run_here(capsys, "models", "check", "org/tiny")[0] == 0


def test_errors_end_a_command_with_a_sentence(capsys, server, folder, tmp_path):
    for arguments, words in [
        (("get", "sd2-inpaintin"), "did you mean 'sd2-inpainting'"),
        (("get", "smpl"), "mfh models add smpl FILE"),
        (("get", "org/nothing"), "the model hub has no such model"),
        (("get", "--preset", "papr"), "preset 'papr' is unknown"),
        (("add", "mask-rcnn", tmp_path / "x"), "mfh models get mask-rcnn"),
        (("add", "smpl", tmp_path / "missing.pkl"), "missing.pkl"),
        (("check", "vitdet-h"), "vitdet-h: absent"),
    ]:
        status, printed = run_here(capsys, "models", *arguments)
        assert status == 1, arguments
        assert words in printed, arguments
    assert "no models in" in run_here(capsys, "models", "check")[1]


def test_an_interrupted_get_says_how_to_go_on(capsys, server, folder, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mfh.models.download._receive", interrupt)
    status, printed = run_here(capsys, "models", "get", "org/tiny")
    assert status == 130
    assert "the same command goes on where this one stopped" in printed


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_leaves_a_part_that_is_gone_on_with(server, folder, monkeypatch):
    """In a process of its own, as a user stops it."""
    big = np.random.default_rng(3).bytes(3_000_000)
    server.add_hub_model("org/big", {"config.json": b"{}", "model.safetensors": big})
    server.pause_s = 0.02
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(folder.parent / "hf"))
    running = start("models", "get", "org/big")
    part = folder / "org--big" / "model.safetensors.part"
    until = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size):
        assert time.monotonic() < until
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "the same command goes on where this one stopped" in errors
    left = part.stat().st_size
    assert 0 < left < len(big)
    server.pause_s = 0
    running = start("models", "get", "org/big")
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert server.requests[-1][1] == f"bytes={left}-"
    assert (folder / "org--big" / "model.safetensors").read_bytes() == big
    assert not part.exists()


def doctor(capsys, monkeypatch, columns: int = 200) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    status, printed = run_here(capsys, "doctor")
    assert status == 0
    return printed


def test_doctor_names_what_each_preset_lacks(capsys, folder, monkeypatch):
    printed = doctor(capsys, monkeypatch)
    for preset, command in (
        ("paper", "mfh models get --preset paper"),
        ("default", "mfh models get "),
    ):
        line = next(ln for ln in printed.splitlines() if ln.startswith(f"--preset {preset}"))
        assert "cannot run yet" in line
        assert command in line
    assert "mfh models add smpl FILE  (register at https://smpl.is.tue.mpg.de)" in printed
    assert "absent models" in printed
    for model in needed(settings_from("paper")):
        put(folder, model.name)
    printed = doctor(capsys, monkeypatch)
    assert "cannot run yet" not in printed
    assert re.search(
        r"ready models +depth-anything-large, hmr2, mask-rcnn, sd2-inpainting", printed
    )
    (folder / "smpl" / "smpl.npz").unlink()
    (folder / "hmr2" / find_model("hmr2").files[0].path).write_bytes(b"")
    printed = doctor(capsys, monkeypatch)
    assert re.search(r"damaged models +hmr2, smpl", printed)
    assert re.search(r"--preset fast +cannot run yet +mfh models get --preset fast", printed)


def test_doctor_fits_and_says_what_the_machine_has(capsys, folder, monkeypatch):
    printed = doctor(capsys, monkeypatch, columns=80)
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    for word in ("GPU", "CPU cores", "GB free", "detectron2", "pytorch3d", "torch"):
        assert word in printed
    monkeypatch.setenv("MFH_OFFLINE", "1")
    monkeypatch.setenv("MFH_MIRROR", "http://mirror")
    printed = doctor(capsys, monkeypatch)
    assert "not to be used" in printed
    assert "http://mirror" in printed


@pytest.mark.parametrize("how", ["cannot be imported", "fails when it is asked"])
def test_doctor_works_where_torch_is_broken(capsys, folder, monkeypatch, how):
    def fail():
        raise OSError("libcudart.so: cannot open shared object file")

    broken = SimpleNamespace(cuda=SimpleNamespace(is_available=fail), __spec__=object())
    monkeypatch.setitem(sys.modules, "torch", None if how == "cannot be imported" else broken)
    printed = doctor(capsys, monkeypatch)
    line = next(ln for ln in printed.splitlines() if ln.startswith("torch "))
    assert "broken" in line
    assert "pip install" in line


def test_doctor_works_where_torch_is_missing(capsys, folder, monkeypatch):
    from mfh_cli import doctor as module

    real = module._version
    monkeypatch.setattr(module, "_version", lambda name: None if name == "torch" else real(name))
    printed = doctor(capsys, monkeypatch)
    assert re.search(r"torch +missing +pip install torch", printed)
    assert re.search(r"GPU +none", printed)


def test_doctor_knows_every_dependency():
    from mfh_cli.doctor import REQUIRED

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.match(r"[\w-]+", text)[0] for text in project["dependencies"]}
    assert names - {"tomli", "torch"} <= set(REQUIRED)


def test_the_store_of_commands_is_that_of_the_environment(folder):
    assert ModelStore().folder == folder
