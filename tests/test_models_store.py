"""Getting, verifying and finding models: from their publishers, from mirrors, from folders."""

from __future__ import annotations

import ast
import errno
import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections import namedtuple
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from commands import files_under
from huggingface_hub import constants
from model_server import git_oid, serving, sha256

from mfh.errors import InputError, MissingPartError, OutputError, SettingsError
from mfh.models import DownloadProgress, Model, ModelStore
from mfh.models import download as download_module
from mfh.models.catalogue import ModelFile, find_model, hub_model
from mfh.models.needs import named_model
from mfh.models.receipts import RECEIPT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parent.parent
RNG = np.random.default_rng(1)
WEIGHTS = RNG.bytes(200_000)
CONFIG = b'{"model_type": "tiny"}'
CHECKPOINT = RNG.bytes(150_000)
COMMIT = "c" * 40
MEMBER = "logs/train/last.ckpt"
NAMES = {"title": "Tiny", "licence": "MIT", "commercial": True, "source": "https://example.org"}


def hub(**values) -> Model:
    """A model on the hub, of two files."""
    files = (ModelFile(path="config.json"), ModelFile(path="unet/model.safetensors"))
    defaults = {"name": "tiny", "id": "org/tiny", "obtain": "hub", "revision": COMMIT}
    parts = {"stage": "disparity", "part": "disparity", "files": files}
    return Model(**{**NAMES, **defaults, **parts, **values})


def at_url(*urls: str, member: str = "", **file) -> Model:
    """A model of one file at URLs."""
    path = member or "weights.pth"
    files = (ModelFile(path=path, urls=urls, member=member, **file),)
    return Model(
        name="direct",
        stage="people",
        part="mesh",
        id="x/direct",
        obtain="url",
        files=files,
        **NAMES,
    )


def archive(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """A .tar.gz of files, and of symbolic links."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as opened:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            opened.addfile(entry)
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A model hub with one model, and some files besides."""
    monkeypatch.setattr(download_module, "_PAUSE_S", 0.001)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf_cache"))
    for name in ("MFH_MODELS", "MFH_MIRROR", "MFH_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        files = {"config.json": CONFIG, "unet/model.safetensors": WEIGHTS, "README.md": b"readme"}
        running.add_hub_model("org/tiny", files)
        running.files["/weights.pth"] = WEIGHTS
        yield running


@pytest.fixture
def store(server, tmp_path):
    return ModelStore(tmp_path / "models")


@pytest.fixture
def no_network(monkeypatch):
    """Any use of the network fails the test."""

    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_hub_model_is_got_verified_and_found_again(server, store):
    model = hub()
    assert store.state(model).status == "absent"
    weights = store.get(model)
    assert weights.name == "Tiny"
    assert weights.file("unet/model.safetensors").read_bytes() == WEIGHTS
    assert files_under(store.path(model)) == sorted(
        [RECEIPT, "config.json", str(Path("unet/model.safetensors"))]
    )
    receipt = json.loads((store.path(model) / RECEIPT).read_text())
    assert receipt["revision"] == COMMIT
    assert receipt["files"]["unet/model.safetensors"] == {
        "bytes": len(WEIGHTS),
        "sha256": sha256(WEIGHTS),
        "done": True,
    }
    assert store.state(model, thorough=True).ready
    assert store.weights(model).identity == weights.identity


def test_getting_it_again_does_not_ask_the_network(server, store, no_network):
    model = hub()
    _place(store, model, {"config.json": CONFIG, "unet/model.safetensors": WEIGHTS})
    assert store.get(model).identity["revision"] == COMMIT
    assert server.requests == []
    for mirror in (store.folder / "not mounted", "http://127.0.0.1:9"):
        assert ModelStore(store.folder, mirror=mirror, offline=True).get(model)


def _place(store: ModelStore, model: Model, content: dict[str, bytes]) -> None:
    """Put files and a receipt where a model has them."""
    folder = store.path(model)
    entries = {}
    for path, data in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        entries[path] = {"bytes": len(data), "sha256": sha256(data), "done": True}
    receipt = {"id": model.id, "revision": model.revision, "origin": "a test", "files": entries}
    (folder / RECEIPT).write_text(json.dumps(receipt))


def test_a_connection_that_breaks_off_leaves_a_whole_model(server, store):
    path = f"/org/tiny/resolve/{COMMIT}/unet/model.safetensors"
    server.drop_after[path] = [1000, 50_000]
    store.get(hub())
    assert store.state(hub(), thorough=True).ready
    assert [given for at, given in server.requests if at == path] == [
        "",
        "bytes=1000-",
        "bytes=51000-",
    ]


def test_an_interrupted_get_is_partial_and_goes_on(server, store):
    class Interrupting(DownloadProgress):
        def start(self, name, total_bytes, present_bytes):
            if "safetensors" in name:
                raise KeyboardInterrupt

    model = hub()
    with pytest.raises(KeyboardInterrupt):
        store.get(model, Interrupting())
    state = store.state(model)
    assert state.status == "partial"
    assert [str(fault) for fault in state.faults] == ["unet/model.safetensors is missing"]
    with pytest.raises(MissingPartError, match=r"not complete in .*mfh models get tiny"):
        store.weights(model)
    before = len(server.requests)
    store.get(model)
    assert store.state(model).ready
    assert not [at for at, _ in server.requests[before:] if at.endswith("config.json")]


@pytest.mark.parametrize("content", [WEIGHTS[:-1], b"", WEIGHTS[:-1] + b"!"])
def test_a_corrupt_file_is_named_and_got_again(server, store, content):
    model = hub()
    store.get(model)
    target = store.path(model) / "unet/model.safetensors"
    content = (
        content.replace(b"!", bytes([WEIGHTS[-1] ^ 1])) if len(content) == 200_000 else content
    )
    target.write_bytes(content)
    if len(content) == len(WEIGHTS):
        assert store.state(model).ready  # sizes alone do not tell
    state = store.state(model, thorough=True)
    assert state.status == "damaged"
    assert state.faults[0].path == "unet/model.safetensors"
    assert "expected" in state.faults[0].reason
    store.get(model)
    assert target.read_bytes() == WEIGHTS


def test_a_file_that_was_removed_is_damage(store):
    model = hub()
    store.get(model)
    (store.path(model) / "config.json").unlink()
    state = store.state(model)
    assert (state.status, str(state.faults[0])) == ("damaged", "config.json is missing")
    with pytest.raises(MissingPartError, match="config.json is missing; get it with: mfh models"):
        store.weights(model)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"../x": {}}}'])
def test_a_damaged_receipt_is_named_and_written_anew(store, text):
    model = hub()
    store.get(model)
    (store.path(model) / RECEIPT).write_text(text)
    assert store.state(model).status == "damaged"
    store.get(model)
    assert store.state(model).ready


def test_files_without_a_receipt_are_taken_over_if_they_are_right(server, store):
    model = hub()
    store.get(model)
    (store.path(model) / RECEIPT).unlink()
    assert store.state(model).status == "partial"
    server.requests.clear()
    store.get(model)
    assert store.state(model).ready
    assert not [at for at, _ in server.requests if "resolve" in at]


def test_another_revision_is_got_when_the_catalogue_asks_for_it(server, store):
    store.get(hub())
    other = "d" * 40
    server.add_hub_model(
        "org/tiny", {"config.json": b"{}", "unet/model.safetensors": WEIGHTS}, commit=other
    )
    newer = hub(revision=other)
    state = store.state(newer)
    assert state.status == "partial"
    assert "revision" in state.faults[0].reason
    server.requests.clear()
    weights = store.get(newer)
    assert weights.identity["revision"] == other
    assert weights.file("config.json").read_bytes() == b"{}"
    assert not [at for at, _ in server.requests if "safetensors" in at]


def test_without_a_revision_the_first_commit_is_kept(server, store):
    model = hub(revision="")
    assert store.get(model).identity["revision"] == COMMIT
    server.add_hub_model("org/tiny", {"config.json": b"new"}, commit="e" * 40)
    (store.path(model) / "config.json").unlink()
    assert store.get(model).identity["revision"] == COMMIT
    assert (store.path(model) / "config.json").read_bytes() == CONFIG


def test_patterns_choose_files(server, store):
    model = hub(patterns=("*.md",), files=(ModelFile(path="config.json"),))
    store.get(model)
    assert files_under(store.path(model)) == ["README.md", "config.json", RECEIPT]
    with pytest.raises(MissingPartError, match=r"holds no \*\.onnx"):
        store.get(hub(name="t2", patterns=("*.onnx",), files=()))
    with pytest.raises(MissingPartError, match="holds no vae.json"):
        store.get(hub(name="t3", files=(ModelFile(path="vae.json"),)))


def test_a_digest_of_the_catalogue_has_to_agree_with_the_hub(server, store):
    model = hub(files=(ModelFile(path="unet/model.safetensors", sha256="0" * 64),))
    with pytest.raises(MissingPartError, match="has another unet/model.safetensors"):
        store.get(model)
    assert not [at for at, _ in server.requests if "resolve" in at]


def test_small_files_of_the_hub_are_verified_too(server, store):
    server.files[f"/org/tiny/resolve/{COMMIT}/config.json"] = CONFIG.replace(b"tiny", b"tinx")
    with pytest.raises(MissingPartError, match=r"(?s)config.json could not be got.*Git object id"):
        store.get(hub())
    assert len(git_oid(CONFIG)) == 40


def test_any_other_id_of_the_hub(server, store):
    files = {
        "model_index.json": b"{}",
        "all_in_one.safetensors": WEIGHTS,
        "unet/config.json": b"{}",
        "unet/model.safetensors": WEIGHTS,
        "unet/model.fp16.safetensors": WEIGHTS[:10],
        "unet/model.bin": WEIGHTS,
        "vae/model.fp16.safetensors": WEIGHTS[:10],
        ".gitattributes": b"",
    }
    server.add_hub_model("them/painter", files)
    model = hub_model("them/painter", "painter")
    with pytest.raises(MissingPartError, match="mfh models get them/painter"):
        store.weights(named_model("them/painter", "painter"))
    store.get(model)
    assert store.path(model).name == "them--painter"
    assert files_under(store.path(model)) == sorted(
        [
            RECEIPT,
            "model_index.json",
            "unet/config.json",
            "unet/model.safetensors",
            "vae/model.fp16.safetensors",
        ]
    )
    assert store.weights(named_model("them/painter", "painter")).identity["id"] == "them/painter"
    server.add_hub_model("them/pickles", {"config.json": b"{}", "model.bin": b"x"})
    with pytest.raises(MissingPartError, match=r"holds no \*\.safetensors"):
        store.get(hub_model("them/pickles", "disparity"))


def test_an_unknown_id_says_so(server, store):
    with pytest.raises(MissingPartError, match="them/nothing: the model hub has no such model"):
        store.get(hub_model("them/nothing", "painter"))


def test_the_users_cache_of_the_hub_is_used(server, store, tmp_path):
    snapshot = tmp_path / "hf_cache" / "models--org--tiny" / "snapshots" / COMMIT
    (snapshot / "unet").mkdir(parents=True)
    (snapshot / "unet" / "model.safetensors").write_bytes(WEIGHTS)
    store.get(hub())
    assert not [at for at, _ in server.requests if "safetensors" in at]
    # Offline as well, if all of it is there.
    (snapshot / "config.json").write_bytes(CONFIG)
    server.requests.clear()
    offline = ModelStore(store.folder.parent / "others", offline=True)
    assert offline.get(hub()).file("config.json").read_bytes() == CONFIG
    assert server.requests == []


def test_a_url_is_verified_by_the_beginning_of_a_digest(server, store):
    url = f"{server.url}/weights.pth"
    good = at_url(url, sha256=sha256(WEIGHTS)[:8])
    weights = store.get(good)
    assert weights.identity["content"] == store.weights(good).identity["content"]
    wrong = at_url(url, sha256="00000000")
    with pytest.raises(MissingPartError, match=r"(?s)SHA-256 .*expected 00000000; it is damaged"):
        ModelStore(store.folder.parent / "others").get(wrong)
    assert not list((store.folder.parent / "others").rglob("*.part*"))
    md5 = at_url(url, md5="ffffff")
    with pytest.raises(MissingPartError, match="MD5"):
        ModelStore(store.folder.parent / "more").get(md5)


def test_the_next_address_is_tried(server, store):
    gone, page = f"{server.url}/gone", f"{server.url}/page"
    server.files["/page"], server.types["/page"] = b"<html>", "text/html"
    store.get(at_url(gone, page, f"{server.url}/weights.pth"))
    others = ModelStore(store.folder.parent / "others")
    with pytest.raises(MissingPartError, match="a web page in the place of the file"):
        others.get(at_url(gone, page))
    assert others.state(at_url(gone, page)).status == "absent"


def test_a_download_that_broke_off_is_kept_rather_than_begun_elsewhere(server, store):
    first, second = f"{server.url}/weights.pth", f"{server.url}/other"
    server.files["/other"] = WEIGHTS
    server.drop_after["/weights.pth"] = [1000]
    server.statuses["/weights.pth"] = [200, *[503] * 5]
    with pytest.raises(MissingPartError, match="4 times in a row; 1000 bytes are kept"):
        store.get(at_url(first, second))
    assert store.state(at_url(first, second)).status == "partial"
    store.get(at_url(first, second))
    assert server.requests[-1] == ("/weights.pth", "bytes=1000-")
    # Without a byte of it, the next address is as good.
    server.statuses["/weights.pth"] = [503] * 5
    ModelStore(store.folder.parent / "others").get(at_url(first, second))


def test_a_part_of_another_file_is_thrown_away(server, store):
    model = at_url(f"{server.url}/weights.pth", sha256=sha256(WEIGHTS)[:8])
    store.path(model).mkdir(parents=True)
    (store.path(model) / "weights.pth.part").write_bytes(b"of another file")
    assert store.get(model).file("weights.pth").read_bytes() == WEIGHTS


def test_one_file_is_taken_out_of_an_archive(server, store):
    packed = {"./data/secret.pkl": b"x" * 99, f"./{MEMBER}": CHECKPOINT, "../../evil": b"evil"}
    server.files["/all.tar.gz"] = archive(packed)
    server.drop_after["/all.tar.gz"] = [10_000]
    model = at_url(f"{server.url}/all.tar.gz", member=MEMBER)
    weights = store.get(model)
    assert weights.file(MEMBER).read_bytes() == CHECKPOINT
    assert files_under(weights.folder) == sorted([RECEIPT, str(Path(MEMBER))])
    assert not list(store.folder.parent.glob("evil*"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive({"other": b"x"}), "holds no logs/train/last.ckpt"),
        (archive({}, {MEMBER: "/etc/passwd"}), "is no plain file"),
        (archive({MEMBER: CHECKPOINT})[:-40_000], "is damaged"),
        (b"no archive at all" * 100, "is damaged"),
    ],
)
def test_a_bad_archive_is_named_and_removed(server, store, content, words):
    server.files["/all.tar.gz"] = content
    model = at_url(f"{server.url}/all.tar.gz", member=MEMBER)
    with pytest.raises(MissingPartError, match=words):
        store.get(model)
    assert files_under(store.path(model)) == [RECEIPT]


def test_an_archive_is_read_to_its_end_before_its_file_is_taken(server, store):
    """Random numbers are stored as they are: only gzip's CRC-32 tells that one was changed."""
    good = archive({MEMBER: CHECKPOINT, "after": CHECKPOINT})
    bad = bytearray(good)
    bad[len(bad) // 4] ^= 1
    server.files["/all.tar.gz"] = bytes(bad)
    model = at_url(f"{server.url}/all.tar.gz", member=MEMBER)
    with pytest.raises(MissingPartError, match="is damaged .CRC check failed"):
        store.get(model)
    assert store.state(model).status == "absent"
    assert files_under(store.path(model)) == [RECEIPT]
    server.files["/all.tar.gz"] = good
    assert store.get(model).file(MEMBER).read_bytes() == CHECKPOINT


def test_weights_of_unknown_size_and_digest_are_about_as_large_as_expected(store, tmp_path):
    (tmp_path / "any.ckpt").write_bytes(b"x" * 870_000)
    with pytest.raises(MissingPartError, match=r"any.ckpt: is 0.9 MB, about 2.5 GB expected"):
        store.get(find_model("hmr2"), source=tmp_path / "any.ckpt")
    assert store.state(find_model("hmr2")).status == "absent"
    assert (tmp_path / "any.ckpt").is_file()
    small = replace(at_url("https://x/w"), download_gb=0.0017)
    assert store.get(small, source=tmp_path / "any.ckpt").name == "Tiny"
    # What is known beforehand decides alone.
    known = at_url("https://x/w", sha256=sha256(b"x" * 870_000))
    others = ModelStore(tmp_path / "others")
    assert others.get(replace(known, download_gb=1.0), source=tmp_path / "any.ckpt")


def test_a_member_cannot_be_placed_elsewhere():
    for path in ("../x", "/etc/x", "a/../../x", "C:/x", "a\\b", ""):
        with pytest.raises(InputError, match="no path inside"):
            ModelFile(path=path)


def _as_published(folder: Path) -> Path:
    (folder / "unet").mkdir(parents=True)
    (folder / "config.json").write_bytes(CONFIG)
    (folder / "unet" / "model.safetensors").write_bytes(WEIGHTS)
    return folder


@pytest.mark.parametrize(
    ("layout", "one_model"),
    [
        ("", True),
        ("tiny", False),
        ("org/tiny", False),
        (f"models--org--tiny/snapshots/{COMMIT}", False),
    ],
)
def test_folders_give_models_without_the_network(store, tmp_path, no_network, layout, one_model):
    _as_published(tmp_path / "disk" / layout)
    if one_model:
        weights = store.get(hub(), source=tmp_path / "disk")
    else:
        mirrored = ModelStore(store.folder, offline=True, mirror=tmp_path / "disk")
        weights = mirrored.get(hub())
    assert weights.file("unet/model.safetensors").read_bytes() == WEIGHTS
    assert (tmp_path / "disk" / layout / "config.json").read_bytes() == CONFIG


def test_a_folder_may_hold_the_archive_or_be_the_file(store, tmp_path, no_network):
    model = at_url("https://example.org/all.tar.gz", member=MEMBER)
    (tmp_path / "4d").mkdir()
    (tmp_path / "4d" / "all.tar.gz").write_bytes(archive({MEMBER: CHECKPOINT}))
    assert store.get(model, source=tmp_path / "4d").file(MEMBER).read_bytes() == CHECKPOINT
    others = ModelStore(tmp_path / "others")
    others.get(model, source=tmp_path / "4d" / "all.tar.gz")
    assert others.state(model, thorough=True).ready
    (tmp_path / "renamed.pth").write_bytes(WEIGHTS)
    single = at_url("https://example.org/w.pth", sha256=sha256(WEIGHTS)[:8])
    assert others.get(single, source=tmp_path / "renamed.pth").file("weights.pth").is_file()


def test_a_models_folder_is_a_mirror_for_others(server, store, tmp_path):
    """Served as it is, or mounted; also without a fixed revision or a list of files."""
    model = hub(revision="", files=(), patterns=("*.json", "unet/*"))
    identity = store.get(model).identity
    for file in files_under(store.folder):
        server.files[f"/mirror/{file}"] = (store.folder / file).read_bytes()
    server.requests.clear()
    served = ModelStore(tmp_path / "a", mirror=f"{server.url}/mirror").get(model)
    mounted = ModelStore(tmp_path / "b", mirror=store.folder, offline=True).get(model)
    assert served.identity == mounted.identity == identity
    assert all(at.startswith("/mirror/") for at, _ in server.requests)


def test_a_mirror_that_has_other_contents_is_refused(server, store, tmp_path):
    store.get(hub())
    for file in files_under(store.folder):
        server.files[f"/mirror/{file}"] = (store.folder / file).read_bytes()
    server.files["/mirror/tiny/unet/model.safetensors"] = WEIGHTS[::-1]
    with pytest.raises(MissingPartError, match="it is damaged, or another file"):
        ModelStore(tmp_path / "a", mirror=f"{server.url}/mirror").get(hub())
    known = (ModelFile(path="unet/model.safetensors", sha256="0" * 64),)
    with pytest.raises(MissingPartError, match="has another unet/model.safetensors"):
        ModelStore(tmp_path / "b", mirror=f"{server.url}/mirror").get(hub(files=known))
    with pytest.raises(MissingPartError, match="is of org/tiny cccccccccccc, not of org/tiny ddd"):
        ModelStore(tmp_path / "c", mirror=store.folder).get(hub(revision="d" * 40))


def test_a_mirror_in_the_layout_of_the_hub(server, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "secret")
    store = ModelStore(tmp_path / "models", mirror=server.url)
    assert store.get(hub()).identity["revision"] == COMMIT
    assert not [headers for headers in server.headers if "Authorization" in headers]


def test_a_plain_mirror_without_a_listing(server, tmp_path, monkeypatch):
    server.files = {"/m/tiny/config.json": CONFIG, "/m/tiny/unet/model.safetensors": WEIGHTS}
    store = ModelStore(tmp_path / "models", mirror=f"{server.url}/m/")
    assert store.get(hub()).file("config.json").read_bytes() == CONFIG
    server.files["/m/direct/all.tar.gz"] = archive({MEMBER: CHECKPOINT})
    assert store.get(at_url("https://example.org/all.tar.gz", member=MEMBER)).file(MEMBER).is_file()


def test_the_token_goes_to_the_hub(server, store, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    store.get(hub())
    assert {headers.get("Authorization") for headers in server.headers} == {"Bearer secret"}


def test_a_stand_in_of_git_lfs_is_named(store, tmp_path):
    folder = _as_published(tmp_path / "clone")
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    (folder / "unet" / "model.safetensors").write_bytes(pointer)
    with pytest.raises(MissingPartError, match="git lfs pull"):
        store.get(hub(), source=folder)


def test_a_folder_that_is_not_there(store, tmp_path):
    with pytest.raises(InputError, match="there is no such folder"):
        store.get(hub(), source=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingPartError, match=r"could not be got\n.*config.json: is not there"):
        store.get(hub(), source=tmp_path / "empty")


def test_what_was_looked_for_in_a_mirror_is_said(store, tmp_path, no_network):
    mirror = ModelStore(store.folder, mirror=tmp_path)
    packed = at_url("https://example.org/all.tar.gz", member=MEMBER)
    with pytest.raises(MissingPartError) as caught:
        mirror.get(packed)
    assert str(caught.value).splitlines()[1:] == [
        f"  {tmp_path / 'direct' / MEMBER}: is not there",
        f"  {tmp_path / 'direct' / 'all.tar.gz'}: is not there",
    ]
    patterns = hub(files=(), patterns=("*",))
    with pytest.raises(MissingPartError, match="under none of the names") as caught:
        mirror.get(patterns)
    for place in ("tiny", "org/tiny", f"models--org--tiny/snapshots/{COMMIT}"):
        assert str(tmp_path / place) in str(caught.value)
    (tmp_path / "file").write_bytes(b"x")
    for model in (hub(), patterns):
        with pytest.raises(MissingPartError, match="is one file, and tiny has more; give the fold"):
            store.get(model, source=tmp_path / "file")


def test_offline_never_uses_the_network(store, tmp_path, no_network):
    offline = ModelStore(store.folder, offline=True)
    for model in (hub(), at_url("http://127.0.0.1:9/w.pth"), hub(files=(), patterns=("*",))):
        assert offline.state(model).status == "absent"
        with pytest.raises(MissingPartError, match="--from or --mirror") as caught:
            offline.get(model)
        assert ("model hub" in str(caught.value)) == (model.obtain == "hub")
    with pytest.raises(MissingPartError, match="not to be used"):
        ModelStore(store.folder, offline=True, mirror="http://127.0.0.1:9").get(hub())


def test_the_environment_says_where_and_whether(monkeypatch, tmp_path):
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "m"))
    monkeypatch.setenv("MFH_MIRROR", "http://mirror")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    store = ModelStore()
    assert (store.folder, store.offline, store.mirror) == (tmp_path / "m", True, "http://mirror")
    assert ModelStore(offline=False).offline is False
    monkeypatch.delenv("MFH_MODELS")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert ModelStore().folder == tmp_path / "cache" / "mfh" / "models"
    assert ModelStore().offline is False


def test_no_room_is_said_before_anything_is_downloaded(server, store, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(1, 1, 100_000))
    with pytest.raises(OutputError, match="GB are needed"):
        store.get(hub())
    assert not [at for at, _ in server.requests if "resolve" in at]


def test_two_at_once_download_once(server, store):
    notes: list[str] = []

    class Slow(DownloadProgress):
        def start(self, name, total_bytes, present_bytes):
            time.sleep(0.3)

        def say(self, message):
            notes.append(message)

    threads = [threading.Thread(target=store.get, args=(hub(), Slow())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.state(hub(), thorough=True).ready
    assert [m for m in notes if "another process is getting it" in m]
    assert len([at for at, _ in server.requests if "safetensors" in at]) == 1


def test_weights_are_told_apart_by_their_contents_not_their_place(server, store, tmp_path):
    here = store.get(hub()).identity
    there = ModelStore(tmp_path / "there").get(hub(), source=store.path(hub())).identity
    assert here == there
    assert json.loads(json.dumps(here)) == here
    folder = _as_published(tmp_path / "own")
    (folder / "config.json").write_bytes(b"{}")
    changed = hub(revision="")
    assert ModelStore(tmp_path / "w").get(changed, source=folder).identity != here


def test_names_folders_and_ids_are_told_apart(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert named_model("mask-rcnn", "detector").obtain == "url"
    assert named_model("Intel/dpt-large", "disparity").name == "dpt-large"
    assert named_model("org/other", "painter").obtain == "hub"
    _as_published(tmp_path / "own" / "model")
    for text in ("own/model", "./own/model", str(tmp_path / "own" / "model")):
        assert named_model(text, "disparity").obtain == "folder"
        weights = store.weights(named_model(text, "disparity"))
        assert weights.file("config.json").read_bytes() == CONFIG
    with pytest.raises(SettingsError, match="did you mean 'sd2-inpainting'"):
        named_model("sd2-inpaint", "painter")
    with pytest.raises(SettingsError, match="mask-rcnn is a detector, not a painter"):
        named_model("mask-rcnn", "painter")
    for text in ("./nothing", "/no/where", "a/b/c", "~/nothing-at-all"):
        with pytest.raises(SettingsError, match="there is no such folder"):
            named_model(text, "painter")


def test_what_has_to_be_registered_for_says_where(store):
    model = find_model("smpl", "body")
    words = r"(?s)https://smpl\.is\.tue\.mpg\.de.*mfh models add smpl FILE"
    with pytest.raises(MissingPartError, match=words):
        store.get(model)
    with pytest.raises(MissingPartError, match=words):
        store.weights(model)
    with pytest.raises(InputError, match="mfh models get mask-rcnn"):
        store.add(find_model("mask-rcnn"), "file.pth", lambda source, target: None)


def test_a_registered_model_is_added(store, tmp_path):
    def convert(source: Path, target: Path) -> None:
        if source.read_bytes() != b"official":
            raise InputError(f"{source}: is no SMPL model")
        np.savez(target, v_template=np.zeros(3))

    model = find_model("smpl-male", "body")
    (tmp_path / "bad.pkl").write_bytes(b"bad")
    with pytest.raises(InputError, match="is no SMPL model"):
        store.add(model, tmp_path / "bad.pkl", convert)
    assert store.state(model).status == "absent"
    (tmp_path / "good.pkl").write_bytes(b"official")
    weights = store.add(model, tmp_path / "good.pkl", convert)
    assert weights.file("smpl.npz").is_file()
    assert store.get(model).identity == weights.identity
    assert store.weights(named_model("smpl-male", "body")).name == "SMPL, male"


def test_what_comes_with_mfh_is_ready_everywhere(store):
    model = find_model("anny", "mesh")
    assert str(store.state(model)) == "Anny (anny) comes with mfh"
    assert store.get(model).file(model.files[0].path).is_file()
    assert store.weights(model).identity == {"id": "naver/anny"}
    assert not store.folder.exists()


def test_what_comes_with_mfh_and_is_lost_is_told(store):
    model = replace(find_model("anny"), files=(ModelFile(path="people/lost.npz"),))
    words = r"people/lost\.npz is missing; anny comes with mfh: install mfh again$"
    with pytest.raises(MissingPartError, match=words):
        store.get(model)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOLCK, "No locks available"),
        OSError(errno.ENOSYS, "Function not implemented"),
        NotImplementedError("FileSystem does not appear to support flock"),
    ],
)
def test_a_drive_without_locks_is_named(tmp_path, monkeypatch, error):
    def acquire(*_, **__):
        raise error

    monkeypatch.setattr("mfh.models.store.FileLock.acquire", acquire)
    with pytest.raises(OutputError, match="this drive has no locks") as caught:
        ModelStore(tmp_path).get(hub())
    assert "set MFH_MODELS to a folder there" in str(caught.value)
    assert str(tmp_path / ".locks") in str(caught.value)


def test_a_drive_that_cannot_be_written_is_not_said_to_have_no_locks(tmp_path, monkeypatch):
    def acquire(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("mfh.models.store.FileLock.acquire", acquire)
    with pytest.raises(OutputError, match="Permission denied; allow writing there"):
        ModelStore(tmp_path).get(hub())


@pytest.mark.skipif(sys.platform == "win32", reason="flock is Unix's")
def test_the_oldest_filelock_taken_tells_of_a_drive_without_locks(tmp_path, monkeypatch):
    """Older ones take that for a lock of another process, and wait for ever."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    (bound,) = [text for text in project["dependencies"] if text.startswith("filelock")]
    assert tuple(map(int, bound.partition(">=")[2].split("."))) >= (3, 20, 4)
    if tuple(map(int, version("filelock").split(".")[:3])) < (3, 20, 4):
        pytest.skip("an older filelock is installed here")

    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(OutputError, match="this drive has no locks"):
        ModelStore(tmp_path).get(hub())


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "no space left"), (errno.EROFS, "Read-only file system")]
)
@pytest.mark.parametrize("what", ["weights.pth.part.etag", "weights.pth.part", "last.ckpt.copy"])
def test_a_full_or_read_only_disk_is_named(server, store, monkeypatch, code, words, what):
    server.files["/all.tar.gz"] = archive({MEMBER: CHECKPOINT})
    packed = at_url(f"{server.url}/all.tar.gz", member=MEMBER)
    model = packed if what.endswith(".copy") else at_url(f"{server.url}/weights.pth")
    opened = Path.open

    def fail(path, mode="r", *rest, **more):
        if path.name == what and "r" not in mode:
            raise OSError(code, os.strerror(code))
        return opened(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(OutputError, match=f"cannot write .*{re.escape(what)}: {words}"):
        store.get(model)


def test_a_read_only_disk_is_named_when_a_part_is_thrown_away(tmp_path, monkeypatch):
    def unlink(path, missing_ok=False):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(OutputError, match="Read-only file system"):
        download_module.discard(tmp_path / "weights.part")


def test_models_know_nothing_of_the_parts_that_load_them():
    """Parts import `mfh.models`, which so may import none of them, not even late."""
    parts = ("painting", "people", "disparity", "parts", "api", "pipeline")
    for path in (REPOSITORY / "mfh" / "models").glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        names += [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
        assert not [name for name in names if name.startswith(tuple(f"mfh.{p}" for p in parts))]


def test_a_store_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        ModelStore(tmp_path / "file").get(hub())


def test_models_are_looked_at_without_the_heavy_libraries():
    code = (
        "import sys, mfh.models as m; s = m.ModelStore();"
        "[s.state(each) for each in m.catalogue()];"
        "print([n for n in ('torch', 'huggingface_hub', 'transformers') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
