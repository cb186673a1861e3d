"""CLIP2Depth's network. Importing this module imports torch and transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from mfh.errors import InputError, ModelError, SettingsError
from mfh.estimators.clip2depth.clipseg import (
    CLIPSeg,
    embed_prompts,
    load_clipseg,
    patch_features,
)
from mfh.estimators.clip2depth.config import Clip2DepthConfig, Decoder, Mirror
from mfh.estimators.clip2depth.preprocessing import to_pixels
from mfh.models.weights import Weights

__all__ = ["Clip2DepthNetwork", "to_pixels"]

_MIRROR = "mirror"
_MIRROR_SIGMA = 0.02
_RANDOMISED_SEED = 0x6D6972726F72  # of no training, whose mirror this must not be again


class Clip2DepthNetwork(torch.nn.Module):
    """CLIPSeg whose prompt is a matrix of numbers, the mirror, and whose mask is depth.

    depth_m = min_depth_m + (max_depth_m - min_depth_m) * sigmoid(D(E_image(x), E_text(M)))

    with CLIP's encoders E, CLIPSeg's decoder D and the mirror M (arXiv 2402.03251, Sec. 3). The
    paper does not say how logits become metres; CLIPSeg's are made for a sigmoid.

    With "similarity" the decoder sees cosine similarities instead of reduced patch features, and
    has no FiLM. The patch features of each layer get there through CLIP's own final norm and
    projection, and each row of the mirror as a prompt of one token: our reading of Table 5.

    mirror: (tokens, D), from N(0, 0.02).
    size_px: the side of the square that photos are resized to.
    decoder_from, mirror_use: as `from_clipseg` was told.
    base_sha256: of the weights' file of the CLIPSeg it is built on.
    """

    def __init__(
        self,
        clipseg: CLIPSeg,
        config: Clip2DepthConfig,
        *,
        decoder: Decoder = "clipseg",
        mirror: Mirror = "trained",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.decoder_from: Decoder = decoder
        self.mirror_use: Mirror = mirror
        self.size_px = clipseg.size_px
        self.base_sha256 = clipseg.sha256
        self._mean, self._std = clipseg.mean, clipseg.std
        self.clipseg: Any = clipseg.network
        _check_fits(config, self.clipseg.config)
        width = self.clipseg.config.text_config.hidden_size
        self.mirror = torch.nn.Parameter(_random_mirror(config.tokens, width, seed))
        if decoder == "scratch":
            _reset(self.clipseg.decoder, seed)
        if config.conditioning == "similarity":
            _leave_to_similarity(self.clipseg.decoder)
        self.requires_grad_(requires_grad=False)
        for parameter in self.trained_parameters().values():
            parameter.requires_grad_()

    @classmethod
    def from_clipseg(
        cls,
        weights: Weights,
        config: Clip2DepthConfig,
        *,
        decoder: Decoder = "clipseg",
        mirror: Mirror = "trained",
        seed: int = 0,
    ) -> Clip2DepthNetwork:
        """A network to train: CLIPSeg and a random mirror, float32, on the CPU.

        decoder: "clipseg" begins with CLIPSeg's, "scratch" with random numbers (Table 4).
        mirror: "trained" together with the decoder; "detached" stays the random numbers it began
            with, while the decoder is trained (our reading of Table 3).
        seed: of all random numbers.

        Raises `ModelError` for files that are no CLIPSeg, and `SettingsError` where the mirror does
        not fit it.
        """
        return cls(load_clipseg(weights), config, decoder=decoder, mirror=mirror, seed=seed)

    def pixels(self, images: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Photos (H, W, 3) RGB of any sizes as (B, 3, size_px, size_px) float32 on the CPU."""
        return torch.stack(
            [to_pixels(image, self.size_px, self._mean, self._std) for image in images]
        )

    def condition(self) -> torch.Tensor:
        """What the text encoder makes of the mirror; differentiable in it.

        (1, E), the last token of one prompt (paper Sec. 3.1), or for "similarity" (tokens, E),
        normalised. It is the same for all photos.
        """
        if self.config.conditioning == "similarity":
            return normalize(embed_prompts(self.clipseg, self.mirror[:, None]), dim=-1)
        return embed_prompts(self.clipseg, self.mirror[None])

    def forward(self, pixels: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        """Depth (B, S, S) float32, in metres, of photos (B, 3, S, S) as `pixels` gives them.

        condition: what `condition` gave, where it is known; otherwise it is computed.

        Raises `InputError` for pixels of another shape.
        """
        patch_px = self.clipseg.config.vision_config.patch_size
        shape = tuple(pixels.shape)
        if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3] or shape[2] % patch_px:
            raise InputError(
                f"pixels are {shape}; expected (B, 3, S, S) with S a multiple of {patch_px}, as "
                "pixels() gives them"
            )
        features = patch_features(self.clipseg, pixels.to(self.mirror.dtype))
        condition = self.condition() if condition is None else condition.to(self.mirror.dtype)
        if self.config.conditioning == "similarity":
            features = [self._similarity(each, condition) for each in features]
            # Without FiLM the decoder takes no more than the batch's size from its condition.
            logits = self.clipseg.decoder(features, features[0]).logits
        else:
            logits = self.clipseg.decoder(features, condition.expand(shape[0], -1)).logits
        # At least float32: in half precision a depth of 10 m has steps of 8 mm.
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        low, high = self.config.min_depth_m, self.config.max_depth_m
        depth_m: torch.Tensor = low + (high - low) * logits.sigmoid()
        return depth_m

    def trained_parameters(self) -> dict[str, torch.nn.Parameter]:
        """Exactly what trains: the mirror unless it is detached, and the decoder but for FiLM.

        FiLM's two linear layers stay as they are (paper Sec. 3.2).
        """
        found = {name: each for name, each in self._own().items() if not _is_film(name)}
        if self.mirror_use == "detached":
            del found[_MIRROR]
        return found

    def trained_state(self) -> dict[str, torch.Tensor]:
        """Copies of all that differs from CLIPSeg's files, float32 on the CPU.

        The mirror, detached or not, the decoder, and FiLM where it does not come from CLIPSeg.
        """
        return {
            name: each.detach().to("cpu", torch.float32, copy=True).contiguous()
            for name, each in self._stored().items()
        }

    def load_trained_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take over what `trained_state` gave.

        Raises `ModelError` for tensors that are missing, too many, of other shapes or not finite,
        and leaves the network as it was.
        """
        own = self._stored()
        for name in sorted(set(own) ^ set(state)):
            fault = "is missing" if name in own else "does not belong there"
            raise ModelError(f"{name} {fault}: it is the state of another model than its config")
        for name, tensor in state.items():
            if tensor.shape != own[name].shape:
                raise ModelError(
                    f"{name} is {tuple(tensor.shape)}, expected {tuple(own[name].shape)}: it was "
                    "trained on a CLIPSeg of another size, or with other settings"
                )
            if not bool(tensor.isfinite().all()):
                raise ModelError(f"{name} holds NaN or infinite values: its training diverged")
        with torch.no_grad():
            for name, tensor in state.items():
                own[name].copy_(tensor)

    def randomise_mirror(self) -> None:
        """Replace the mirror by fresh random numbers, always the same ones (paper Sec. 4.3)."""
        with torch.no_grad():
            tokens, width = self.mirror.shape
            self.mirror.copy_(_random_mirror(tokens, width, _RANDOMISED_SEED))

    def _similarity(self, features: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Cosine similarities (B, 1 + patches, tokens) of patches with normalised embeddings."""
        clip = self.clipseg.clip
        with torch.no_grad():
            embedded = clip.visual_projection(clip.vision_model.post_layernorm(features))
            embedded = normalize(embedded, dim=-1)
        return embedded @ condition.T

    def _own(self) -> dict[str, torch.nn.Parameter]:
        decoder = self.clipseg.decoder.named_parameters(prefix="decoder")
        return {_MIRROR: self.mirror, **dict(decoder)}

    def _stored(self) -> dict[str, torch.nn.Parameter]:
        keep_film = self.decoder_from == "scratch"
        return {name: each for name, each in self._own().items() if keep_film or not _is_film(name)}


def _is_film(name: str) -> bool:
    return name.startswith("decoder.film_")


def _check_fits(config: Clip2DepthConfig, clipseg: Any) -> None:
    if config.conditioning == "similarity":
        if config.tokens != clipseg.reduce_dim:
            raise SettingsError(
                f"tokens is {config.tokens}, but the decoder has {clipseg.reduce_dim} channels, "
                f"one for each token's similarity; use {clipseg.reduce_dim}"
            )
    elif config.tokens > clipseg.text_config.max_position_embeddings:
        raise SettingsError(
            f"tokens is {config.tokens}, but the text encoder has positions for "
            f"{clipseg.text_config.max_position_embeddings}; use as many or fewer"
        )


def _random_mirror(tokens: int, width: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((tokens, width), generator=generator) * _MIRROR_SIGMA


def _reset(decoder: torch.nn.Module, seed: int) -> None:
    """Give a decoder fresh weights, as PyTorch gives its layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in decoder.modules():
            if isinstance(
                module,
                torch.nn.Linear | torch.nn.LayerNorm | torch.nn.Conv2d | torch.nn.ConvTranspose2d,
            ):
                module.reset_parameters()


def _leave_to_similarity(decoder: Any) -> None:
    """Take what similarities replace out of a decoder: FiLM, and the reduction of features."""
    decoder.conditional_layer = -1
    decoder.film_mul, decoder.film_add = torch.nn.Identity(), torch.nn.Identity()
    decoder.reduces = torch.nn.ModuleList(torch.nn.Identity() for _ in decoder.reduces)
