"""Checkpoints are read as data: what they hold besides the network's tensors is passed over."""

from __future__ import annotations

import functools
import io
import os
import pickle
import sys
import time
import tracemalloc
import types
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_hmr2 import TINY, tiny_network

from mfh.errors import InputError, ModelError
from mfh.people.hmr2 import HMR2Config, load_checkpoint

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return dict(tiny_network().state_dict())


def assert_loaded(path: Path, state: State, config: HMR2Config | None = None) -> None:
    network = load_checkpoint(path, config)
    assert network.config == TINY
    assert not network.training
    loaded = network.state_dict()
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].dtype == torch.float32
        torch.testing.assert_close(loaded[name], tensor, atol=0, rtol=0)


def yacs_like_config(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Callable[[], None]]:
    """A nested config of a package, and what uninstalls that package."""
    module = types.ModuleType("throwaway_yacs.config")

    class CfgNode(dict):  # type: ignore[type-arg]
        """A dictionary with attributes, as yacs' own."""

        def __init__(self, values: dict[str, Any]) -> None:
            super().__init__(values)
            self.__dict__["__immutable__"] = True

    class Nodes(list):  # type: ignore[type-arg]
        """A list of a foreign class."""

    for kind in (CfgNode, Nodes):
        kind.__module__ = module.__name__
        kind.__qualname__ = kind.__name__
        setattr(module, kind.__name__, kind)
    parent = types.ModuleType("throwaway_yacs")
    monkeypatch.setitem(sys.modules, parent.__name__, parent)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    model = CfgNode({"IMAGE_SIZE": 256, "BACKBONE": CfgNode({"TYPE": "vit"})})
    config = CfgNode({"MODEL": model, "NODES": Nodes([1, 2, model])})

    def uninstall() -> None:
        monkeypatch.delitem(sys.modules, parent.__name__)
        monkeypatch.delitem(sys.modules, module.__name__)

    return config, uninstall


def lightning(state: State, config: Any) -> dict[str, Any]:
    """What a checkpoint of PyTorch Lightning holds, trained with an adversary."""
    return {
        "epoch": 35,
        "global_step": 1000000,
        "pytorch-lightning_version": "1.8.1",
        "state_dict": OrderedDict(
            **state,
            **{
                "discriminator.D_conv1.weight": torch.zeros(32, 9, 1, 1),
                "smpl.v_template": torch.zeros(6890, 3),
                "smpl.faces_tensor": torch.zeros(13776, 3, dtype=torch.int64),
                "initialized": torch.tensor(True),
            },
        ),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": defaultdict(int, a=1)}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"dirpath": Path("checkpoints")}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}}],
        "lr_schedulers": [functools.partial(print, 1)],
        "hparams_name": "cfg",
        "hyper_parameters": {"cfg": config, "best": np.float64(0.5), "seen": {1, 2}},
        "hparams_type": dict,
    }


@pytest.mark.parametrize("protocol", [2, 4])
def test_lightning_checkpoint_of_packages_that_are_not_there(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    config, uninstall = yacs_like_config(monkeypatch)
    path = tmp_path / "epoch=35-step=1000000.ckpt"
    torch.save(lightning(state, config), path, pickle_protocol=protocol)
    uninstall()
    assert_loaded(path, state)


def test_other_objects_of_training_are_passed_over(tmp_path: Path, state: State) -> None:
    others = {
        "keys": {("train", 0): 1, frozenset({1}): 2, Path: 3, 2**70: 4, torch.ones(1): 5},
        "sets": [{("a", 1)}, frozenset({"b"}), {Path("c")}],
        "callable": functools.partial(functools.partial(print, 1), sep=""),
        "keywords": Keywords(size=3),
        "numpy": [np.arange(3), np.random.default_rng(0), np.dtype("O")],
        "torch": [torch.Size([1]), torch.float16, torch.device("cpu"), torch.ones(2).to_sparse()],
        "generator": torch.get_rng_state(),
        "error": InputError("x"),
        "slice": slice(1, 2),
        "complex": 1j,
    }
    for protocol in (2, 3, 4, 5):
        path = tmp_path / "state.ckpt"
        torch.save({**others, "state_dict": state}, path, pickle_protocol=protocol)
        assert_loaded(path, state)


class Keywords:
    """Is made with keywords."""

    def __new__(cls, *, size: int) -> Keywords:
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, int]]:
        return (), {"size": 3}


def test_large_optimizer_states_are_read_over_quickly(tmp_path: Path, state: State) -> None:
    moments = {
        i: {name: torch.zeros(2) for name in ("step", "exp_avg", "exp_avg_sq")} for i in range(500)
    }
    others = {f"discriminator.{i}": torch.zeros(2) for i in range(600)}
    groups = [{"lr": 1e-4, "betas": (0.9, 0.999), "params": list(range(500))}]
    content = {
        "state_dict": OrderedDict(**state, **others),
        "optimizer_states": [{"state": moments, "param_groups": groups}] * 2,
        "loops": [{"seen": list(range(50_000))}],
    }
    torch.save(content, tmp_path / "large.ckpt")
    started = time.perf_counter()
    load_checkpoint(tmp_path / "large.ckpt")
    assert time.perf_counter() - started < 5


def test_plain_state_dicts(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "state.pt")
    assert_loaded(tmp_path / "state.pt", state)
    save_file(state, tmp_path / "state.safetensors")
    assert_loaded(tmp_path / "state.safetensors", state)
    torch.save({"state_dict": state}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert_loaded(tmp_path / "old.pt", state)


def test_parameters_views_and_other_precisions(tmp_path: Path, state: State) -> None:
    """A tensor may be a parameter, a transposed view, or one of several in one storage."""
    changed: dict[str, Any] = dict(state)
    qkv = "backbone.blocks.0.attn.qkv.weight"
    changed[qkv] = torch.nn.Parameter(state[qkv].T.contiguous().T)
    norms = torch.cat([state["backbone.last_norm.weight"], state["backbone.last_norm.bias"]])
    changed["backbone.last_norm.weight"], changed["backbone.last_norm.bias"] = norms.split(80)
    changed["smpl_head.init_cam"] = state["smpl_head.init_cam"].double()
    torch.save(changed, tmp_path / "state.pt")
    assert_loaded(tmp_path / "state.pt", state)

    halves = {name: tensor.half() for name, tensor in state.items()}
    torch.save(halves, tmp_path / "half.pt")
    assert_loaded(tmp_path / "half.pt", {name: t.float() for name, t in halves.items()})


def test_heads_that_shapes_do_not_tell(tmp_path: Path) -> None:
    config = HMR2Config(32, 1, 4, 32, 1, 2, 8, 48)
    torch.save(tiny_network(config).state_dict(), tmp_path / "state.pt")
    with pytest.raises(InputError, match=r"32 and 16 wide.*pass config="):
        load_checkpoint(tmp_path / "state.pt")
    assert load_checkpoint(tmp_path / "state.pt", config).config == config


def test_full_size_is_taken_for_granted_where_the_width_is_the_published_one(
    tmp_path: Path,
) -> None:
    """A block that is missing from the end must not pass for a shallower network."""
    torch.save({"backbone.pos_embed": torch.zeros(1, 193, 1280)}, tmp_path / "state.pt")
    # Of 5 + 32 * 12 tensors of the backbone and 12 + 6 * 17 of the head.
    with pytest.raises(InputError, match=r"502 missing \(backbone.patch_embed.proj.weight"):
        load_checkpoint(tmp_path / "state.pt")


def test_tensors_must_be_exactly_the_networks(tmp_path: Path, state: State) -> None:
    path = tmp_path / "state.pt"

    def refused(changed: State, message: str) -> None:
        torch.save(changed, path)
        with pytest.raises(InputError, match=message) as caught:
            load_checkpoint(path, TINY)
        assert str(path) in str(caught.value)
        assert "hmr2_data.tar.gz" in str(caught.value)

    lacking = {name: t for name, t in state.items() if not name.startswith("smpl_head.dec")}
    refused(lacking, r"6 missing \(smpl_head.decpose.weight, .*smpl_head.deccam.weight, \.\.\.\)")
    refused({**state, "backbone.cls_token": torch.zeros(1)}, r"1 unexpected \(backbone.cls_token\)")
    refused({**state, "neck.weight": torch.zeros(1)}, r"1 unexpected \(neck.weight\)")
    refused(
        {**state, "smpl_head.init_cam": torch.zeros(1, 4)},
        r"1 of another shape \(smpl_head.init_cam \(1, 4\) for \(1, 3\)\)",
    )
    refused(
        {**state, "smpl_head.init_cam": torch.zeros(1, 3, dtype=torch.int64)},
        r"1 not of real numbers \(smpl_head.init_cam torch.int64\)",
    )


def test_another_models_checkpoint(tmp_path: Path) -> None:
    torch.save({"state_dict": {"conv.weight": torch.zeros(3)}}, tmp_path / "other.ckpt")
    with pytest.raises(InputError, match=r"lacks backbone.pos_embed.*expected HMR 2.0's"):
        load_checkpoint(tmp_path / "other.ckpt")
    for content in ({"state_dict": {}}, {"state_dict": 3}, [1, 2], {"weight": "none"}):
        torch.save(content, tmp_path / "other.ckpt")
        with pytest.raises(InputError, match="holds no tensors by name"):
            load_checkpoint(tmp_path / "other.ckpt")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_checkpoint(tmp_path / "absent.ckpt")


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more", b"<html>not found</html>"])
def test_not_a_checkpoint(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a readable checkpoint.*get it again") as caught:
        load_checkpoint(path)
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".pt", ".old.pt", ".safetensors"])
def test_truncated_file(tmp_path: Path, state: State, suffix: str, kept: float) -> None:
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=suffix == ".pt")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        load_checkpoint(path)


def test_a_flipped_bit_is_found(tmp_path: Path, state: State) -> None:
    path = tmp_path / "state.pt"
    torch.save(state, path)
    content = bytearray(path.read_bytes())
    at = content.index(state["backbone.pos_embed"].numpy().tobytes())
    content[at + 1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a readable checkpoint.*CRC"):
        load_checkpoint(path)


def write_zip(path: Path, pickled: bytes, **records: bytes) -> None:
    """A file of `torch.save` made by hand."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, record in records.items():
            archive.writestr(f"archive/{name}", record)


class Calls:
    """Pickled as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_hostile_calls_do_nothing(tmp_path: Path, state: State, protocol: int) -> None:
    mark = tmp_path / "mark"
    module = tmp_path / "planted_module.py"
    module.write_text(f"open({str(mark)!r}, 'w')\nclass Planted: pass\n")
    hostile = {
        "system": Calls(os.system, f"touch {mark}"),
        "eval": Calls(eval, f"open({str(mark)!r}, 'w')"),
        "exec": Calls(exec, f"open({str(mark)!r}, 'w')"),
        "open": Calls(open, str(mark), "w"),
        "getattr": Calls(getattr, Calls(__import__, "os"), "system"),
        "partial": Calls(functools.partial, os.system, f"touch {mark}"),
        "list": Calls(list, Calls(map, os.system, [f"touch {mark}"])),
    }
    path = tmp_path / "hostile.ckpt"
    torch.save({**hostile, "state_dict": state}, path, pickle_protocol=protocol)
    assert_loaded(path, state)
    assert not mark.exists()

    # A call in place of a tensor is no tensor.
    name = "smpl_head.deccam.bias"
    torch.save({"state_dict": {**state, name: hostile["eval"]}}, path, pickle_protocol=protocol)
    with pytest.raises(InputError, match=rf"1 missing \({name}\)"):
        load_checkpoint(path, TINY)
    assert not mark.exists()


def test_no_module_is_imported(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "planted_module.py").write_text(f"open({str(mark)!r}, 'w')\nclass Planted: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    write_zip(tmp_path / "state.pt", b"cplanted_module\nPlanted\n)\x81.")
    with pytest.raises(InputError, match="holds no tensors by name"):
        load_checkpoint(tmp_path / "state.pt")
    assert "planted_module" not in sys.modules
    assert not mark.exists()


@pytest.mark.parametrize(
    "pickled",
    [
        # Calls a number; builds on a tensor's builder, on a stand-in's class and on a dictionary.
        b"K\x01)R.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}(X\x08\x00\x00\x00__code__K\x01u\x86b.",
        b"\x80\x02ccollections\nOrderedDict\nN}(X\x03\x00\x00\x00getK\x01u\x86b.",
        # A storage that is none, one of an unknown type, a tensor beyond its storage.
        b"\x80\x02K\x05Q.",
        b"\x80\x02(X\x07\x00\x00\x00storagecos\nsystem\nX\x01\x00\x00\x000K\x00tQ.",
        # Ends early, an unknown instruction, a memo that is not there.
        b"\x80\x02}(K\x01",
        b"\x80\x02\xff.",
        b"\x80\x02h\x07.",
        b"",
    ],
)
def test_pickles_made_by_hand(tmp_path: Path, pickled: bytes) -> None:
    write_zip(tmp_path / "state.pt", pickled)
    with pytest.raises(InputError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "state.pt")
    assert OrderedDict(a=1).get("a") == 1


def test_a_far_place_in_the_memo_takes_no_memory(tmp_path: Path) -> None:
    write_zip(tmp_path / "state.pt", b"\x80\x02}r\xff\xff\xff\x7f.")
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="holds no tensors by name"):
            load_checkpoint(tmp_path / "state.pt")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1e7


def test_building_on_a_stand_ins_class_changes_nothing(tmp_path: Path, state: State) -> None:
    pickled = b"\x80\x02cany\nClass\nN}(X\x08\x00\x00\x00__call__K\x01u\x86b."
    write_zip(tmp_path / "hostile.pt", pickled)
    with pytest.raises(InputError, match="holds no tensors by name"):
        load_checkpoint(tmp_path / "hostile.pt")
    torch.save({"state_dict": state, "path": Calls(Calls, 1)}, tmp_path / "state.pt")
    assert_loaded(tmp_path / "state.pt", state)


class Forger(pickle.Pickler):
    """Pickles tensors of a storage of three numbers."""

    STORAGE = object()

    def persistent_id(self, obj: Any) -> Any:
        if obj is self.STORAGE:
            return "storage", torch.FloatStorage, "0", "cpu", 3
        return None


@pytest.mark.parametrize(
    "view",
    [
        (0, (4,), (1,)),
        (3, (1,), (1,)),
        (0, (2,), (3,)),
        (-1, (1,), (1,)),
        (0, (-1,), (1,)),
        (0, (2**40,), (0.5,)),
        (0, (2**40,), (0,)),
        ("0", (1,), (1,)),
        (0, (), ("1",)),
    ],
)
def test_tensors_beyond_their_storage(tmp_path: Path, view: tuple[Any, ...]) -> None:
    path = tmp_path / "state.pt"
    stream = io.BytesIO()
    tensor = Calls(torch._utils._rebuild_tensor_v2, Forger.STORAGE, *view, False, OrderedDict())
    Forger(stream, 2).dump({"backbone.pos_embed": tensor})
    write_zip(path, stream.getvalue(), **{"data/0": bytes(12)})
    with pytest.raises(InputError, match="not a readable checkpoint"):
        load_checkpoint(path)


def test_compressed_records_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"}." + bytes(1_000_000))
    with pytest.raises(InputError, match="data.pkl is compressed, which torch.save does not do"):
        load_checkpoint(tmp_path / "bomb.pt")


def test_big_endian_files_are_refused(tmp_path: Path) -> None:
    write_zip(tmp_path / "state.pt", b"}.", byteorder=b"big")
    with pytest.raises(InputError, match="big-endian"):
        load_checkpoint(tmp_path / "state.pt")


def test_legacy_file_with_foreign_objects_is_refused(tmp_path: Path, state: State) -> None:
    mark = tmp_path / "mark"
    content = {"state_dict": state, "hostile": Calls(os.system, f"touch {mark}")}
    path = tmp_path / "old.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match="tensors that PyTorch before 1.6 has written"):
        load_checkpoint(path)
    assert not mark.exists()
