"""HMR 2.0: from a person crop to body parameters and the crop's camera."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mfh.errors import InputError
from mfh.people.hmr2.backbone import INPUT_WIDTH_PX, ViT
from mfh.people.hmr2.config import HMR2Config
from mfh.people.hmr2.head import SMPLHead
from mfh.people.hmr2.rotations import rotations_from_6d

CROP_PX = 256

# A person is upright and narrow: the crop's outer columns are not looked at.
_MARGIN_PX = (CROP_PX - INPUT_WIDTH_PX) // 2


class BodyEstimate(NamedTuple):
    """SMPL parameters and weak-perspective camera of B crops, float32.

    global_orient: (B, 1, 3, 3), rotation of the pelvis in the camera's frame.
    body_pose: (B, 23, 3, 3), rotation of each joint relative to its parent.
    betas: (B, 10), shape coefficients.
    cam: (B, 3), (s, tx, ty): a point (x, y) of the mesh, in metres, is seen at
        `s * (x + tx, y + ty)`, in half crop sides from the crop's centre.
    """

    global_orient: Tensor
    body_pose: Tensor
    betas: Tensor
    cam: Tensor


class HMR2(nn.Module):
    """HMR 2.0 (Goel et al., "Humans in 4D", ICCV 2023), for inference.

    config: its sizes; full size by default.
    """

    def __init__(self, config: HMR2Config | None = None) -> None:
        super().__init__()
        self.config = config or HMR2Config()
        self.backbone = ViT(self.config)
        self.smpl_head = SMPLHead(self.config)

    def forward(self, crops: Tensor) -> BodyEstimate:
        """Estimate bodies and cameras of crops (B, 3, 256, 256): RGB, normalised as in `crops`.

        Raises `InputError` for crops of another shape.
        """
        if crops.shape[1:] != (3, CROP_PX, CROP_PX):
            raise InputError(
                f"HMR 2.0: crops are {tuple(crops.shape)}; expected (B, 3, {CROP_PX}, {CROP_PX})"
            )
        looked_at = crops[..., _MARGIN_PX:-_MARGIN_PX]
        readout = self.smpl_head(self.backbone(looked_at.to(self.backbone.pos_embed.dtype)))
        rotations = rotations_from_6d(readout.pose_6d.reshape(len(crops), -1, 6))
        return BodyEstimate(rotations[:, :1], rotations[:, 1:], readout.betas, readout.cam)

    def set_precision(self, dtype: torch.dtype) -> HMR2:
        """Let the transformers compute in `dtype`; what is read out of them stays in float32."""
        self.backbone.to(dtype)
        self.smpl_head.transformer.to(dtype)
        return self
