"""Questions with their answers as tokens. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from PIL import Image

from mfh.errors import MfhError, ModelError
from mfh.estimators.depthlm.training.examples import Example
from mfh.estimators.depthlm.vlm_network import ImageTextNetwork

IGNORED = -100
"""The label of tokens that the loss leaves out: prompt, image and padding."""

FAILED = "failed"
"""Under which a batch has the error of a photo in it, in place of tokens."""

UNREADABLE = "unreadable"
"""Under which a batch tells of photos that could not be read, if others took their places."""


@dataclass(frozen=True)
class Batches(ImageTextNetwork):
    """A model's questions and answers as its tokens; as a data loader's `collate_fn` has it.

    A prompt has the very tokens that it has when the model is asked: the answer's tokens are made
    by themselves and follow it, with the token that ends an answer. Padding comes last.

    wants_token_types: whether the model reads `token_type_ids`.
    """

    wants_token_types: bool = False

    @classmethod
    def of(cls, loaded: ImageTextNetwork) -> Batches:
        """Those of a model; it keeps no weights, so that the workers of a data loader can have it.

        Raises `ModelError` for a tokenizer that knows no token to end an answer with.
        """
        tokenizer = loaded.processor.tokenizer
        if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
            raise ModelError(
                f"{loaded.name}: its tokenizer has no token that ends an answer (eos_token in "
                "tokenizer_config.json), so it cannot be taught when to stop; get the files again"
            )
        wants = "token_type_ids" in signature(loaded.network.forward).parameters
        return cls(None, loaded.processor, loaded.template, loaded.kind, loaded.name, wants)

    def __call__(self, examples: Sequence[Example | MfhError]) -> dict[str, Any]:
        """Tokens (B, L) and the labels of the loss, and the images as the model takes them."""
        whole = []
        for example in examples:
            if isinstance(example, MfhError):
                return {FAILED: example}
            whole.append(example)
        tokenizer = self.processor.tokenizer
        inputs = dict(
            self.processor(
                text=[self.prompt(each.question) for each in whole],
                images=[[Image.fromarray(image) for image in e.question.images] for e in whole],
                return_tensors="pt",
                padding=True,
                # The template has put them in.
                add_special_tokens=False,
            )
        )
        if not self.wants_token_types:
            # Tokenizers of no class of their own give them unasked.
            inputs.pop("token_type_ids", None)
        shape, asked = inputs["input_ids"].shape, inputs["attention_mask"].bool()
        answers = [
            torch.tensor(
                [
                    *tokenizer(each.answer, add_special_tokens=False)["input_ids"],
                    tokenizer.eos_token_id,
                ]
            )
            for each in whole
        ]
        # Images may be tensors or, in lists, of several sizes.
        per_token = [n for n, values in inputs.items() if getattr(values, "shape", ()) == shape]
        rows = {
            name: [v[m] for v, m in zip(inputs[name], asked, strict=True)] for name in per_token
        }
        prompts = rows["input_ids"]
        said = {
            "input_ids": (answers, tokenizer.pad_token_id),
            "attention_mask": ([torch.ones_like(each) for each in answers], 0),
        }
        nothing = [torch.zeros_like(each) for each in answers]
        for name in per_token:
            ends, padding = said.get(name, (nothing, 0))
            inputs[name] = _padded(rows[name], ends, padding)
        unasked = [torch.full_like(each, IGNORED) for each in prompts]
        inputs["labels"] = _padded(unasked, answers, IGNORED)
        unreadable = [text for each in whole for text in each.unreadable]
        if unreadable:
            inputs[UNREADABLE] = unreadable
        return inputs


def _padded(
    begins: Sequence[torch.Tensor], ends: Sequence[torch.Tensor], padding: int
) -> torch.Tensor:
    rows = [torch.cat(each) for each in zip(begins, ends, strict=True)]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
