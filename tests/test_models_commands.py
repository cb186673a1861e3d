"""`mfh models` and `mfh doctor` as a user types them."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from commands import run_here, start
from huggingface_hub import constants
from model_server import serving, sha256
from smpl_files import random_smpl, write_official_pickle

from mfh.models import ModelStore, catalogue, find_model
from mfh.models import download as download_module
from mfh.models.receipts import RECEIPT
from mfh.settings import settings_from

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parent.parent
WEIGHTS = np.random.default_rng(2).bytes(50_000)
# What a preset uses where SMPL is, and where it is not.
BY_HMR2 = {"sd2-inpainting", "mask-rcnn", "hmr2", "smpl", "depth-anything-large"}
BY_ANNY = BY_HMR2 - {"hmr2", "smpl"} | {"keypoint-rcnn", "anny"}
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
    if model.obtain == "included":
        return
    place = folder / name
    entries = {}
    for file in model.files:
        (place / file.path).parent.mkdir(parents=True, exist_ok=True)
        (place / file.path).write_bytes(WEIGHTS)
        entries[file.path] = {"bytes": len(WEIGHTS), "sha256": sha256(WEIGHTS), "done": True}
    receipt = {"id": model.id, "revision": model.revision, "origin": "a test", "files": entries}
    (place / RECEIPT).write_text(json.dumps(receipt))


@pytest.fixture
def mask_rcnn_finds_people(monkeypatch):
    """Also in preset paper, whatever is installed."""
    monkeypatch.setattr("mfh.models.needs.detector_name", lambda _: "mask-rcnn")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("smpl", [False, True])
@pytest.mark.usefixtures("mask_rcnn_finds_people")
def test_the_list_fits_and_names_every_licence(capsys, folder, monkeypatch, columns, smpl):
    monkeypatch.setenv("COLUMNS", str(columns))
    put(folder, "mask-rcnn")
    if smpl:
        put(folder, "smpl")
    used = BY_HMR2 if smpl else BY_ANNY
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
        presets = ["paper"] if model.name in BY_HMR2 else []
        presets += ["default", "fast"] if model.name in used else []
        assert line.rstrip().endswith(", ".join(presets) if columns == 120 else "")
        assert ("*" in line.split()[1]) == (model.name in used)
        states = {"mask-rcnn": "ready", "anny": "included", "smpl": "ready" if smpl else "absent"}
        assert states.get(model.name, "absent") in line.split()
    assert "…" not in printed
    if smpl:
        assert "smpl: register at" not in printed
        return
    below = " ".join(printed[printed.index("smpl: register at") :].split())
    assert "register at https://smpl.is.tue.mpg.de, download SMPL for Python" in below
    assert "then: mfh models add smpl FILE; hmr2 is used then" in below


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.usefixtures("mask_rcnn_finds_people")
def test_the_list_of_what_allows_commercial_use(capsys, folder, monkeypatch, columns):
    """Of all models, and of what each preset uses here."""
    monkeypatch.setenv("COLUMNS", str(columns))
    printed = run_here(capsys, "models", "list", "--commercial")[1]
    models, presets = printed.split("commercial use of all that a preset uses on this machine")
    for name in ("smpl", "depth-anything-v2-large"):
        assert not re.search(rf"^ +{name} ", models, re.M)
    assert re.search(r"^ +sd2-inpainting \* ", models, re.M)
    presets = " ".join(presets.split())
    assert "paper no smpl (SMPL licence, non-commercial research) default, fast yes" in presets
    allowed = presets.partition("default, fast yes ")[2]
    for name in BY_ANNY:
        assert f"{name} ({find_model(name).licence})" in allowed, name
    assert "OpenRAIL licences allow it, but forbid the uses that they list" in presets
    put(folder, "smpl")
    printed = run_here(capsys, "models", "list", "--commercial")[1]
    presets = " ".join(printed[printed.index("commercial use of all") :].split())
    not_allowed = "paper, default, fast no smpl (SMPL licence, non-commercial research) OpenRAIL"
    assert not_allowed in presets


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
    for name in ("sd2-inpainting", "hmr2", "keypoint-rcnn", "depth-anything-large"):
        put(folder, name)
    detector = find_model("mask-rcnn").files[0].path
    server.files[f"/m/mask-rcnn/{detector}"] = WEIGHTS
    status, printed = run_here(capsys, "models", "get", "--mirror", f"{server.url}/m")
    assert status == 1  # the stand-in has not the digest of the real one
    assert re.search(r"mask-rcnn: .*could not be got\n.*SHA-256 \w+, expected 73cbd019", printed)
    assert "keypoint-rcnn: ready in" in printed
    assert "\nanny: comes with mfh\n" in printed
    assert "hmr2" not in printed
    assert "smpl" not in printed
    put(folder, "mask-rcnn")
    assert run_here(capsys, "models", "get", "--preset", "fast")[0] == 0
    status, printed = run_here(capsys, "models", "get", "--preset", "paper")
    assert status == 0
    assert "hmr2: ready in" in printed
    assert "mfh models add smpl FILE" in printed
    assert "https://smpl.is.tue.mpg.de" in printed
    put(folder, "smpl")
    status, printed = run_here(capsys, "models", "get")
    assert status == 0
    for name in BY_HMR2:
        assert f"{name}: ready in" in printed
    assert "keypoint-rcnn" not in printed


def test_what_comes_with_mfh_can_be_asked_for(capsys, folder):
    for command in ("get", "check"):
        assert run_here(capsys, "models", command, "anny") == (0, "anny: comes with mfh\n")
    assert "no models in" in run_here(capsys, "models", "check")[1], "it is none of the folder"


def test_who_adds_smpl_is_told_what_it_changes(capsys, folder, tmp_path):
    write_official_pickle(tmp_path / "SMPL.pkl", random_smpl())
    status, printed = run_here(capsys, "models", "add", "smpl", tmp_path / "SMPL.pkl")
    assert (status, printed) == (
        0,
        f"smpl: ready in {folder / 'smpl'}\npeople are measured by HMR 2.0 (4D-Humans) from now "
        "on; get it with: mfh models get hmr2 (2.5 GB)\n",
    )
    put(folder, "hmr2")
    added = ("models", "add", "smpl", tmp_path / "SMPL.pkl")
    assert run_here(capsys, *added)[1].endswith("by HMR 2.0 (4D-Humans) from now on\n")
    added = ("models", "add", "smpl-male", tmp_path / "SMPL.pkl")
    assert run_here(capsys, *added)[1] == f"smpl-male: ready in {folder / 'smpl-male'}\n"


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
        (("get", "sd-2"), "did you mean 'sd2-inpainting'"),
        (("get", "smpl"), "mfh models add smpl FILE"),
        (("add", "smpl", REPOSITORY / "README.md"), "README.md: is not an SMPL file (.pkl or .npz"),
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
    server.pause_s = 0.2
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


@pytest.mark.usefixtures("mask_rcnn_finds_people")
def test_doctor_begins_with_what_can_run_and_what_to_type(capsys, folder, monkeypatch):
    """Once, for presets that lack the same; first what nobody has to register for."""
    printed = doctor(capsys, monkeypatch)
    lines = printed.splitlines()
    assert re.match(r"can run +mfh demo, mfh simulate$", lines[0])
    assert "mfh predict --use" in lines[1]
    assert re.match(r"not yet +--preset default, --preset fast; type:", lines[2])
    assert re.match(r" +mfh models get  # 6.9 GB$", lines[3])
    assert re.match(r"not yet +--preset paper; type:", lines[4])
    assert [line.strip() for line in lines[5:7]] == [
        "mfh models get --preset paper  # 9.2 GB",
        "mfh models add smpl FILE",
    ]
    assert printed.count("https://smpl.is.tue.mpg.de") == 1
    assert re.search(r"note +Anny measures people in the other presets, without a reg", printed)
    assert re.search(r"\nready +anny\n", printed)
    assert re.search(
        r"\nabsent +depth-anything-large, hmr2, keypoint-rcnn, mask-rcnn, sd2-inpainting, smpl;",
        printed,
    )
    for name in BY_ANNY:
        put(folder, name)
    lines = doctor(capsys, monkeypatch).splitlines()
    assert [line.strip() for line in lines[1:3]] == [
        f"mfh predict --preset {preset}" for preset in ("default", "fast")
    ]
    assert re.match(r"not yet +--preset paper; type:", lines[4])
    for name in BY_HMR2:
        put(folder, name)
    printed = doctor(capsys, monkeypatch)
    assert "not yet" not in printed
    assert "Anny measures" not in printed
    assert [line.strip() for line in printed.splitlines()[1:4]] == [
        f"mfh predict --preset {preset}" for preset in ("paper", "default", "fast")
    ]
    (folder / "keypoint-rcnn" / RECEIPT).unlink()
    assert "not yet" not in doctor(capsys, monkeypatch), "nothing looks for joints then"
    put(folder, "keypoint-rcnn")
    ready = "anny, depth-anything-large, hmr2, keypoint-rcnn, mask-rcnn, sd2-inpainting, smpl"
    assert re.search(rf"\nready +{ready}\n", doctor(capsys, monkeypatch))
    (folder / "smpl" / "smpl.npz").unlink()
    (folder / "hmr2" / find_model("hmr2").files[0].path).write_bytes(b"")
    printed = doctor(capsys, monkeypatch)
    assert re.search(r"\ndamaged +hmr2, smpl; repair with: mfh models get NAME", printed)
    assert "not yet" in printed


def test_doctor_gives_presets_that_lack_different_models_their_own_commands(
    capsys, folder, monkeypatch
):
    monkeypatch.setattr("mfh.models.needs.find_spec", lambda name: object())
    real = settings_from

    def changed(preset):
        detector = {"people.detector": "vitdet-h" if preset == "paper" else "mask-rcnn"}
        return real(preset, **detector)

    monkeypatch.setattr("mfh_cli.doctor.settings_from", changed)
    printed = doctor(capsys, monkeypatch)
    assert re.search(r"\nnot yet +--preset paper; type:\n +mfh models get --preset paper ", printed)
    assert re.search(
        r"\nnot yet +--preset default, --preset fast; type:\n +mfh models get  #", printed
    )
    assert printed.count("https://smpl.is.tue.mpg.de") == 1
    assert "stands in" not in printed


def test_doctor_says_what_stands_in_for_the_detector_of_the_paper(capsys, folder, monkeypatch):
    monkeypatch.setattr(
        "mfh.models.needs.find_spec", lambda name: None if name == "timm" else object()
    )
    assert re.search(
        r"note +in --preset paper Mask R-CNN stands in for the paper's ViTDet-H, which needs timm: "
        r"pip install timm\n",
        doctor(capsys, monkeypatch),
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_doctor_fits_and_says_what_the_machine_has(capsys, folder, monkeypatch, columns):
    deep = folder / ("m" * 60) / ("n" * 60)
    monkeypatch.setenv("MFH_MODELS", str(deep))
    printed = doctor(capsys, monkeypatch, columns=columns)
    lines = printed.splitlines()
    assert f"models in   {deep}" in lines  # whole, however long
    assert max(len(line) for line in lines if str(deep) not in line) <= columns
    assert "…" not in printed
    for word in ("GPU", "CPU cores", "GB free", "detectron2", "pytorch3d", "torch"):
        assert word in printed
    monkeypatch.setenv("MFH_OFFLINE", "1")
    monkeypatch.setenv("MFH_MIRROR", "http://mirror")
    printed = doctor(capsys, monkeypatch)
    assert "not to be used" in printed
    assert "http://mirror" in printed


def test_packages_fill_a_few_lines_with_each_version_beside_its_name(capsys, folder, monkeypatch):
    lines = doctor(capsys, monkeypatch, columns=80).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("packages "))
    last = next(n for n, line in enumerate(lines) if line.startswith("optional "))
    assert last - first <= 6
    for name in ("numpy", "warp-lang", "typer"):
        assert any(f"{name} {version(name)}" in line for line in lines[first:last])


@pytest.mark.parametrize("how", ["cannot be imported", "fails when it is asked"])
def test_doctor_works_where_torch_is_broken(capsys, folder, monkeypatch, how):
    def fail():
        raise OSError("libcudart.so: cannot open shared object file")

    broken = SimpleNamespace(cuda=SimpleNamespace(is_available=fail), __spec__=object())
    monkeypatch.setitem(sys.modules, "torch", None if how == "cannot be imported" else broken)
    printed = doctor(capsys, monkeypatch)
    assert re.search(r"\n +torch \S+, broken: .+\n +pip install --force-reinstall torch\n", printed)
    assert re.search(r"^can run +mfh demo", printed)
    assert re.search(r"--preset fast; type:\n +pip install --force-reinstall torch\n", printed)
    assert re.search(r"GPU +none", printed)


def test_doctor_names_packages_that_are_missing_or_too_old(capsys, folder, monkeypatch):
    there = {"torch": "", "diffusers": "0.9.9", "rich": "13.0.0", "numpy": "2.4.6rc1"}
    lowest = ["torch>=2.6", "diffusers>=0.33", "rich>=13", "numpy>=1.26", "tomli>=2; python<'3'"]
    monkeypatch.setattr("mfh_cli.packages.requires", lambda _: lowest)
    monkeypatch.setattr("mfh_cli.packages.version_of", lambda name: there.get(name, ""))
    printed = doctor(capsys, monkeypatch)
    assert re.search(r'\n +torch missing\n +pip install "torch>=2.6"\n', printed)
    old = r'\n +diffusers 0.9.9 is too old\n +pip install "diffusers>=0.33"\n'
    assert re.search(old, printed)
    assert re.search(r", rich 13.0.0", printed)
    assert re.search(r"GPU +none", printed)
    commands = (
        r'type:\n +pip install "torch>=2.6"\n +pip install "diffusers>=0.33"\n +mfh models get '
    )
    assert re.search(commands, printed)
    there["numpy"] = ""
    printed = doctor(capsys, monkeypatch)
    assert "can run" not in printed
    assert re.search(r"^not yet +any command; type:\n", printed)


def test_doctor_knows_what_the_package_says_it_needs(monkeypatch):
    from mfh_cli.packages import dependencies

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    monkeypatch.setattr("mfh_cli.packages.requires", lambda _: project["dependencies"])
    bounds = {package.name: package.lowest for package in dependencies()}
    texts = [text for text in project["dependencies"] if not text.startswith("tomli")]
    assert [f"{name}>={lowest}" for name, lowest in sorted(bounds.items())] == sorted(texts)
    assert dependencies()[0].name == "torch"


@pytest.fixture
def unresolved(folder, monkeypatch):
    """No host's name can be resolved; gives which were asked for."""
    asked = []

    def getaddrinfo(host, *_, **__):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def sleep(_):
        raise AssertionError("it was waited for")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr("mfh.models.download.time.sleep", sleep)
    monkeypatch.setattr(constants, "ENDPOINT", "https://huggingface.co")
    return asked


def test_without_a_network_a_model_says_what_to_do(capsys, folder, unresolved):
    status, printed = run_here(capsys, "models", "get", "depth-anything-small")
    assert status == 1
    place = folder / "depth-anything-small"
    assert printed == (
        "error: depth-anything-small: this machine has no way to huggingface.co (Name or service "
        "not known); on a machine with a network: mfh models get depth-anything-small, then copy "
        f"its folder to {place} here; or: mfh models get depth-anything-small --from DIR | "
        "--mirror DIR|URL\n"
    )


@pytest.mark.usefixtures("mask_rcnn_finds_people")
def test_without_a_network_each_host_is_asked_for_once(capsys, folder, unresolved):
    status, printed = run_here(capsys, "models", "get", "--preset", "paper")
    assert status == 1
    assert sorted(unresolved) == [
        "download.pytorch.org",
        "huggingface.co",
        "people.eecs.berkeley.edu",
        "www.cs.utexas.edu",
    ]
    names = "sd2-inpainting mask-rcnn hmr2 depth-anything-large"
    for name in names.split():
        assert f"error: {name}: this machine has no way to " in printed
    assert "no way to people.eecs.berkeley.edu or www.cs.utexas.edu (" in printed
    assert printed.count(f"on a machine with a network: mfh models get {names}\n") == 1
    assert f"then copy their folders into {folder} here\n" in printed
    # It is forgotten afterwards: a network may come back.
    run_here(capsys, "models", "get", "depth-anything-large")
    assert unresolved.count("huggingface.co") == 2


def test_a_folder_that_is_not_there_is_told_before_anything_else(capsys, folder, tmp_path):
    put(folder, "hmr2")
    for option in ("--from", "--mirror"):
        status, printed = run_here(capsys, "models", "get", option, tmp_path / "nowhere")
        assert status == 1
        assert printed == f"error: {tmp_path / 'nowhere'}: there is no such folder or file\n"


def test_the_store_of_commands_is_that_of_the_environment(folder):
    assert ModelStore().folder == folder
