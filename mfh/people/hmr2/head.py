"""The head of HMR 2.0: a decoder that reads body and camera out of the image's features.

One token attends to the features and gives corrections to the mean pose, shape and camera
(Goel et al., "Humans in 4D", ICCV 2023, Sec. 3.2). Modules and parameters are named as in the
published checkpoint, under `smpl_head`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mfh.people.hmr2.backbone import attend
from mfh.people.hmr2.config import HMR2Config

POSE_NUMBERS = 24 * 6
SHAPE_NUMBERS = 10
CAMERA_NUMBERS = 3


class Readout(NamedTuple):
    """What the head gives: pose_6d (B, 144), betas (B, 10), cam (B, 3), float32."""

    pose_6d: Tensor
    betas: Tensor
    cam: Tensor


class SMPLHead(nn.Module):
    """Features (B, embed_dim, 16, 12) to the numbers of body and camera.

    The buffers are the mean parameters; a checkpoint brings them, until then they are a body at
    rest.
    """

    init_body_pose: Tensor
    init_betas: Tensor
    init_cam: Tensor

    def __init__(self, config: HMR2Config) -> None:
        super().__init__()
        self.transformer = Decoder(config)
        self.decpose = nn.Linear(config.decoder_dim, POSE_NUMBERS)
        self.decshape = nn.Linear(config.decoder_dim, SHAPE_NUMBERS)
        self.deccam = nn.Linear(config.decoder_dim, CAMERA_NUMBERS)
        self.register_buffer("init_body_pose", torch.eye(3)[:2].flatten().repeat(1, 24))
        self.register_buffer("init_betas", torch.zeros(1, SHAPE_NUMBERS))
        self.register_buffer("init_cam", torch.tensor([[1.0, 0.0, 0.0]]))

    def forward(self, features: Tensor) -> Readout:
        """Mean parameters and what the image adds to them."""
        # The decoder may compute in half precision; what it is read out with stays in float32.
        token = self.transformer(features.flatten(2).transpose(1, 2)).float()
        return Readout(
            pose_6d=self.init_body_pose + self.decpose(token),
            betas=self.init_betas + self.decshape(token),
            cam=self.init_cam + self.deccam(token),
        )


class Decoder(nn.Module):
    """One token that attends to a context (B, N, embed_dim), giving (B, decoder_dim)."""

    def __init__(self, config: HMR2Config) -> None:
        super().__init__()
        self.to_token_embedding = nn.Linear(1, config.decoder_dim)
        self.pos_embedding = nn.Parameter(torch.empty(1, 1, config.decoder_dim))
        self.transformer = DecoderLayers(config)
        nn.init.normal_(self.pos_embedding)

    def forward(self, context: Tensor) -> Tensor:
        """The token after all layers."""
        zero = context.new_zeros(len(context), 1, 1)
        token: Tensor = self.transformer(
            self.to_token_embedding(zero) + self.pos_embedding, context
        )
        return token.squeeze(1)


class DecoderLayers(nn.Module):
    """Layers of self-attention, cross-attention and feed-forward."""

    def __init__(self, config: HMR2Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_depth))

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """Tokens of the same shape."""
        for layer in self.layers:
            tokens = layer(tokens, context)
        return tokens


class DecoderLayer(nn.ModuleList):
    """Self-attention, cross-attention and feed-forward, each with a residual."""

    def __init__(self, config: HMR2Config) -> None:
        width, heads, dim_head = config.decoder_dim, config.decoder_heads, config.decoder_dim_head
        super().__init__(
            [
                PreNorm(width, SelfAttention(width, heads, dim_head)),
                PreNorm(width, CrossAttention(width, config.embed_dim, heads, dim_head)),
                PreNorm(width, FeedForward(width, config.decoder_mlp_dim)),
            ]
        )

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """Tokens of the same shape."""
        self_attention, cross_attention, feed_forward = self
        tokens = tokens + self_attention(tokens)
        tokens = tokens + cross_attention(tokens, context)
        result: Tensor = tokens + feed_forward(tokens)
        return result


class PreNorm(nn.Module):
    """Normalises what a layer is given."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, tokens: Tensor, *context: Tensor) -> Tensor:
        """What the layer makes of the normalised tokens; the context is given as it is."""
        result: Tensor = self.fn(self.norm(tokens), *context)
        return result


class SelfAttention(nn.Module):
    """Multi-head attention of tokens to each other."""

    def __init__(self, width: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * heads * dim_head, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * dim_head, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        queries, keys, values = self.to_qkv(tokens).chunk(3, dim=-1)
        result: Tensor = self.to_out(attend(queries, keys, values, self.heads))
        return result


class CrossAttention(nn.Module):
    """Multi-head attention of tokens to a context."""

    def __init__(self, width: int, context_width: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, heads * dim_head, bias=False)
        self.to_kv = nn.Linear(context_width, 2 * heads * dim_head, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * dim_head, width))

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """Tokens of the same shape."""
        keys, values = self.to_kv(context).chunk(2, dim=-1)
        result: Tensor = self.to_out(attend(self.to_q(tokens), keys, values, self.heads))
        return result


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        # The third place is the dropout's of training; parameters are named by their place.
        self.net = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Identity(), nn.Linear(hidden, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        result: Tensor = self.net(tokens)
        return result
