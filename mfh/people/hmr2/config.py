"""The sizes of an HMR 2.0 network."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mfh.errors import SettingsError


@dataclass(frozen=True)
class HMR2Config:
    """Sizes of the network; the defaults are those of the published checkpoint, 671 M parameters.

    embed_dim: width of the vision transformer, and of the context that the decoder attends to.
    depth, num_heads: its blocks, and the attention heads of each.
    decoder_dim, decoder_depth: width and layers of the decoder.
    decoder_heads, decoder_dim_head: its attention heads, and the width of each.
    decoder_mlp_dim: hidden width of its feed-forward layers.

    Raises `SettingsError` for a size below 1, and an `embed_dim` that its heads do not divide.
    """

    embed_dim: int = 1280
    depth: int = 32
    num_heads: int = 16
    decoder_dim: int = 1024
    decoder_depth: int = 6
    decoder_heads: int = 8
    decoder_dim_head: int = 64
    decoder_mlp_dim: int = 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SettingsError(
                    f"HMR2Config: {field.name} is {value!r}; expected an integer of at least 1"
                )
        if self.embed_dim % self.num_heads:
            raise SettingsError(
                f"HMR2Config: {self.num_heads} heads do not divide embed_dim {self.embed_dim}; "
                "num_heads must be a divisor of it"
            )
