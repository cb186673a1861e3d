"""An HMR 2.0 of a few thousand random weights and a body, in the files the real ones come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mfh.models.weights import Weights
from mfh.people.hmr2 import HMR2, HMR2Config
from mfh.people.hmr2.checkpoint import CHECKPOINT
from mfh.people.hmr2.regressor import BODY_FILE

# Heads as wide as the full network's, so that the sizes can be told from the tensors.
TINY = HMR2Config(
    embed_dim=80,
    depth=1,
    num_heads=1,
    decoder_dim=32,
    decoder_depth=2,
    decoder_heads=1,
    decoder_dim_head=64,
    decoder_mlp_dim=48,
)


def tiny_network(config: HMR2Config = TINY, seed: int = 0) -> HMR2:
    """A network whose camera is plausible: about the mean's, and moved by what it sees."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = HMR2(config)
        network.smpl_head.init_cam.copy_(torch.tensor([[0.9, 0.0, 0.2]]))
        torch.nn.init.normal_(network.smpl_head.deccam.weight, std=0.01)
    return network.eval()


def write_tiny_hmr2(folder: Path, network: HMR2 | None = None) -> Weights:
    """Write a checkpoint as `hmr2_data.tar.gz` holds it."""
    path = folder / CHECKPOINT
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": (network or tiny_network()).state_dict(), "epoch": 35}, path)
    return Weights.local(folder)


def write_tiny_smpl(folder: Path, vertices: int = 60, seed: int = 0) -> Weights:
    """Write a body of 24 joints and a cloud of vertices within half a metre."""
    rng = np.random.default_rng(seed)
    weights = rng.random((vertices, 24), np.float32) ** 8
    regressor = rng.random((24, vertices), np.float32) ** 8
    np.savez(
        folder / BODY_FILE,
        v_template=rng.uniform(-0.5, 0.5, (vertices, 3)).astype(np.float32),
        shapedirs=rng.normal(0, 0.01, (vertices, 3, 10)).astype(np.float32),
        posedirs=rng.normal(0, 0.001, (vertices, 3, 207)).astype(np.float32),
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        weights=weights / weights.sum(axis=1, keepdims=True),
        faces=np.stack([np.arange(vertices - 2) + k for k in range(3)], 1).astype(np.int32),
        parents=np.array([-1, *np.arange(23) // 2], np.int32),
        source_name=np.str_("tiny"),
        source_sha256=np.str_(f"{seed:064x}"),
    )
    return Weights.local(folder)
