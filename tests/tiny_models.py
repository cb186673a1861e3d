"""All learned models at once, tiny and random, in the official file formats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from smpl_files import random_smpl, write_official_pickle
from tiny_detector import write_tiny_mask_rcnn
from tiny_disparity import write_tiny_depth_anything
from tiny_hmr2 import TINY, write_tiny_hmr2
from tiny_painter import TINY_SIZE_PX, write_tiny_sd_inpainting

from mfh.people.hmr2 import HMR2

K = {"fx": 150.0, "fy": 155.0, "cx": 82.0, "cy": 58.0}


def write_models(folder: Path) -> dict[str, str]:
    """Write one model of each kind; gives the settings that name them.

    What is registered for lies in `SMPL_NEUTRAL.pkl`, to be added; `nobody` is a detector that
    finds nobody.
    """
    write_tiny_sd_inpainting(folder / "painter")
    write_tiny_mask_rcnn(folder / "detector")
    write_tiny_mask_rcnn(folder / "nobody", finds_people=False)
    write_tiny_hmr2(folder / "hmr2", _upright_network())
    write_tiny_depth_anything(folder / "disparity")
    write_official_pickle(folder / "SMPL_NEUTRAL.pkl", random_smpl())
    return {
        "painter.model": str(folder / "painter"),
        "painter.steps": "2",
        "painter.short_side_px": str(TINY_SIZE_PX),
        "people.detector": str(folder / "detector"),
        "people.model": str(folder / "hmr2"),
        "disparity.model": str(folder / "disparity"),
        "disparity.short_side_px": "112",
        "strip_min_ratio": "0.5",
    }


def write_photo(folder: Path) -> Path:
    """A photo of 160 x 120 px that is darker towards its top, and its camera file."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(40, 220, 120)[:, None, None]
    pixels = np.clip(ramp + rng.normal(0, 12, (120, 160, 3)), 0, 255).astype(np.uint8)
    path = folder / "room.png"
    Image.fromarray(pixels).save(path)
    (folder / "K.json").write_text(json.dumps(K))
    return path


def _upright_network() -> HMR2:
    """HMR 2.0 with random weights that takes everybody to stand upright in the crop."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = HMR2(TINY)
    head = network.smpl_head
    head.init_cam.copy_(torch.tensor([[0.9, 0.0, 0.0]]))
    for readout in (head.decpose, head.decshape, head.deccam):
        torch.nn.init.normal_(readout.weight, std=1e-3)
        torch.nn.init.zeros_(readout.bias)
    return network.eval()
