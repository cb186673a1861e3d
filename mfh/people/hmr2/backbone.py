"""The vision transformer of HMR 2.0: ViT-H as ViTPose has it (Xu et al., NeurIPS 2022).

Modules and parameters are named as in the published checkpoint, under `backbone`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from mfh.people.hmr2.config import HMR2Config

INPUT_HEIGHT_PX, INPUT_WIDTH_PX = 256, 192

_PATCH_PX = 16
_PADDING_PX = 2
_GRID = (INPUT_HEIGHT_PX // _PATCH_PX, INPUT_WIDTH_PX // _PATCH_PX)
_MLP_RATIO = 4
_NORM_EPS = 1e-6


class ViT(nn.Module):
    """Image (B, 3, 256, 192) to features (B, embed_dim, 16, 12)."""

    def __init__(self, config: HMR2Config) -> None:
        super().__init__()
        width = config.embed_dim
        self.patch_embed = PatchEmbed(width)
        # One embedding for each patch, after that of a class token which the network lacks.
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + _GRID[0] * _GRID[1], width))
        self.blocks = nn.ModuleList(Block(width, config.num_heads) for _ in range(config.depth))
        self.last_norm = nn.LayerNorm(width, eps=_NORM_EPS)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)

    def forward(self, image: Tensor) -> Tensor:
        """Features of normalised RGB."""
        tokens = self.patch_embed(image)
        # The class token's embedding is added to every patch, as in ViTPose.
        tokens = tokens + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            tokens = block(tokens)
        features: Tensor = self.last_norm(tokens).transpose(1, 2)
        return features.reshape(*features.shape[:2], *_GRID)


class PatchEmbed(nn.Module):
    """A linear map of each 16 x 16 px patch; the padding shifts the patches by 2 px."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, _PATCH_PX, stride=_PATCH_PX, padding=_PADDING_PX)

    def forward(self, image: Tensor) -> Tensor:
        """Tokens (B, 192, width)."""
        tokens: Tensor = self.proj(image).flatten(2).transpose(1, 2)
        return tokens


class Block(nn.Module):
    """A pre-norm transformer block (Dosovitskiy et al., ICLR 2021, Eq. 2 and 3)."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=_NORM_EPS)
        self.attn = Attention(width, num_heads)
        self.norm2 = nn.LayerNorm(width, eps=_NORM_EPS)
        self.mlp = Mlp(width, _MLP_RATIO * width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        tokens = tokens + self.attn(self.norm1(tokens))
        result: Tensor = tokens + self.mlp(self.norm2(tokens))
        return result


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        queries, keys, values = self.qkv(tokens).chunk(3, dim=-1)
        result: Tensor = self.proj(attend(queries, keys, values, self.num_heads))
        return result


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        result: Tensor = self.fc2(self.act(self.fc1(tokens)))
        return result


def attend(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """Attention in heads, of queries (B, N, width) to keys and values (B, M, width)."""
    q, k, v = (
        each.reshape(*each.shape[:2], heads, -1).transpose(1, 2) for each in (queries, keys, values)
    )
    mixed: Tensor = scaled_dot_product_attention(q, k, v)
    return mixed.transpose(1, 2).flatten(2)
