"""Image-text models of the transformers library.

Importing this module imports torch and transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any

import torch
import transformers
from PIL import Image
from safetensors import SafetensorError
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mfh.compute import Placement, is_out_of_memory
from mfh.errors import MissingPartError, ModelError
from mfh.estimators.depthlm.answers import CutText, is_reasoning_tag, reasoning_begun
from mfh.estimators.depthlm.models import ModelKind
from mfh.estimators.depthlm.questions import Question
from mfh.loading.foreign_code import refuse_code
from mfh.loading.quiet import quiet_loading
from mfh.models.weights import Weights

# What nothing of an answer comes after.
_END = "</answer>"
# No image has as many; the focal length decides on sizes, not what a processor came with.
_MOST_PIXELS = 2**30
_GET_AGAIN = "get the files again, or see `mfh models check`"
# What the libraries raise on files that are damaged, or are configured for something else.
_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    SafetensorError,
)


@dataclass(frozen=True)
class ImageTextNetwork:
    """A model that is loaded.

    network: its `generate` takes what `processor` makes of texts and images.
    template: its chat template, in Jinja.
    """

    network: Any
    processor: Any
    template: str
    kind: ModelKind
    name: str

    def answer(self, questions: Sequence[Question], *, encoded: dict[str, Any]) -> list[str]:
        """The texts that the model generates for questions, which are computed at once.

        A text that does not end where the model would end it is a `CutText`. One of a model whose
        template begins its reasoning begins with the tag of that.

        encoded: the features of images by `Question.images_key`; holds those of the questions
            afterwards.
        """
        inputs = self._inputs(questions)
        with torch.inference_mode(), self._encoding_once(questions, encoded):
            tokens = self.network.generate(**inputs, tokenizer=self.processor.tokenizer)
        said = tokens[:, inputs["input_ids"].shape[1] :]
        return [
            self._as_said(reasoning_begun(self.prompt(question)) + self._text(row), row)
            for question, row in zip(questions, said.tolist(), strict=True)
        ]

    def _text(self, tokens: Sequence[int]) -> str:
        """What tokens say, without special ones; in some models tags of reasoning are, and stay."""
        tokenizer = self.processor.tokenizer
        special = {
            number
            for number, token in tokenizer.added_tokens_decoder.items()
            if token.special and not is_reasoning_tag(token.content)
        }
        text: str = tokenizer.decode(
            [token for token in tokens if token not in special],
            clean_up_tokenization_spaces=False,
        )
        return text.strip()

    def _as_said(self, text: str, tokens: Sequence[int]) -> str:
        settings = self.network.generation_config
        ends = {*settings.eos_token_id, settings.pad_token_id}
        if tokens[-1] in ends or _END in text:
            return text
        return CutText(text, settings.max_new_tokens)

    def _inputs(self, questions: Sequence[Question]) -> Any:
        inputs = self.processor(
            text=[self.prompt(question) for question in questions],
            images=[[Image.fromarray(each) for each in q.images] for q in questions],
            return_tensors="pt",
            padding=True,
            # The template has put them in.
            add_special_tokens=False,
        )
        if "token_type_ids" not in signature(self.network.forward).parameters:
            # Tokenizers of no class of their own give them unasked.
            inputs.pop("token_type_ids", None)
        return inputs.to(self.network.device, dtype=self.network.dtype)

    def prompt(self, question: Question) -> str:
        """A question in the chat template, up to where the answer begins."""
        # Templates read the text from "text", that of Pixtral's first conversions from "content".
        text = {"type": "text", "text": question.text, "content": question.text}
        content = [*({"type": "image"} for _ in question.images), text]
        prompt: str = self.processor.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=self.template,
            tokenize=False,
            add_generation_prompt=True,
        )
        mark = getattr(self.processor, "image_token", None)
        images = prompt.count(mark) if mark else len(question.images)
        if question.text not in prompt or images != len(question.images):
            raise ModelError(
                f"{self.name}: its chat template leaves out the question or its image; give a "
                "model whose template takes images"
            )
        return prompt

    @contextmanager
    def _encoding_once(
        self, questions: Sequence[Question], encoded: dict[str, Any]
    ) -> Iterator[None]:
        """While this lasts, the model encodes the same images only once.

        Each question's images are encoded by themselves, so that their features do not depend on
        what else is in the batch.
        """
        owner = self.network.base_model
        if not (self.kind.keeps_size and hasattr(owner, "get_image_features")):
            yield
            return
        keys = [question.images_key for question in questions]
        for key in set(encoded) - set(keys):
            del encoded[key]
        original: Callable[..., Any] = owner.get_image_features

        @wraps(original)
        def features(*args: Any, **kwargs: Any) -> Any:
            given = {**dict(zip(signature(original).parameters, args, strict=False)), **kwargs}
            for key, question in zip(keys, questions, strict=True):
                if key not in encoded:
                    alone = self._inputs([question])
                    given |= {name: alone[name] for name in given if name in alone}
                    encoded[key] = _features_only(original(**given))
            return _joined([encoded[key] for key in keys])

        owner.get_image_features = features
        try:
            yield
        finally:
            del owner.get_image_features


def _features_only(result: Any) -> Any:
    """What the language model reads, without the states of all layers, which are far larger."""
    if hasattr(result, "pooler_output"):
        return BaseModelOutputWithPooling(pooler_output=result.pooler_output)
    return result


def _joined(parts: Sequence[Any]) -> Any:
    """The features of several questions' images as one, in whichever form transformers has them.

    A tensor (..., tokens, channels); a sequence of tensors, one an image; or, in later versions,
    such a sequence in an output.
    """
    first = parts[0]
    if isinstance(first, torch.Tensor):
        return torch.cat(list(parts), dim=-2)
    if hasattr(first, "pooler_output"):
        return BaseModelOutputWithPooling(pooler_output=_joined([p.pooler_output for p in parts]))
    return tuple(each for part in parts for each in part)


def load(
    weights: Weights, kind: ModelKind, placement: Placement, max_new_tokens: int
) -> ImageTextNetwork:
    """Load a model from files in the layout of the model hub, from safetensors only.

    Raises `MissingPartError` where the transformers installed does not know the model, and
    `ModelError` for files that are missing or damaged, code in the folder, and a model that is not
    asked about images in a chat. Lack of memory is passed on as it is.
    """
    library: Any = transformers  # of which some versions have types for some of this
    refuse_code(weights)
    _require_image_text(weights, kind)
    if not any(weights.folder.glob("*.safetensors")):
        raise ModelError(
            f"{weights.name}: {weights.folder} holds no .safetensors, the only weights that are "
            "loaded; get the model in that format"
        )
    try:
        with quiet_loading("transformers"):
            processor = library.AutoProcessor.from_pretrained(weights.folder, local_files_only=True)
            template = _template(weights, processor)
            network, told = library.AutoModelForImageTextToText.from_pretrained(
                weights.folder,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                **{_dtype_name(): placement.dtype},
            )
    except ImportError as error:
        raise MissingPartError(
            f"{weights.name}: {kind.model_type} needs a package that is not installed: {error}"
        ) from error
    except _ERRORS as error:
        if is_out_of_memory(error) or isinstance(error, ModelError):
            raise
        raise ModelError(
            f"{weights.name}: {weights.folder} cannot be loaded: {error}\n{_GET_AGAIN}"
        ) from error
    missing = sorted(told["missing_keys"])
    if missing:
        raise ModelError(
            f"{weights.name}: the weights in {weights.folder} lack {len(missing)} tensors, the "
            f"first is {missing[0]}; {_GET_AGAIN}"
        )
    _keep_sizes(processor.image_processor, kind)
    tokenizer = processor.tokenizer
    # What is generated follows the prompt.
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    network = network.to(placement.device).eval()
    # In the place of the model's own, of which `generate` would take all that is not said.
    network.generation_config = library.GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=_ends(network, tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        stop_strings=[_END],
    )
    return ImageTextNetwork(network, processor, template, kind, weights.name)


def _require_image_text(weights: Weights, kind: ModelKind) -> None:
    known = transformers.CONFIG_MAPPING
    if kind.model_type not in known:
        raise MissingPartError(
            f"{weights.name}: transformers {transformers.__version__} has no models of type "
            f"{kind.model_type!r}; a later one may: pip install --upgrade transformers, or give "
            "another model"
        )
    if known[kind.model_type] not in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise ModelError(
            f"{weights.name}: {weights.folder / 'config.json'} tells of a model of type "
            f"{kind.model_type!r}, which is not asked about images; give an image-text model, as "
            "facebook/DepthLM"
        )


def _template(weights: Weights, processor: Any) -> str:
    """The chat template; that of the tokenizer where the processor has none."""
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None or getattr(processor, "image_processor", None) is None:
        raise ModelError(
            f"{weights.name}: {weights.folder} holds no processor of images and texts, as "
            f"preprocessor_config.json and tokenizer.json; {_GET_AGAIN}"
        )
    template = processor.chat_template or tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not isinstance(template, str):
        raise ModelError(
            f"{weights.name}: {weights.folder} has no chat template (chat_template.jinja or "
            ".json), so how it is asked is not known; give a model that was trained to be asked, "
            "or get the file of the model it was made from"
        )
    return template


def _keep_sizes(processor: Any, kind: ModelKind) -> None:
    """Lift the limits that an image processor came with, beyond which it would shrink images."""
    if not kind.keeps_size:
        return
    processor.do_resize = True
    if kind.longest_px:
        processor.size = {"longest_edge": kind.longest_px}
        return
    # Numbers of pixels, whatever their names say; before transformers 5 they have two.
    fewest = kind.patch_px**2
    processor.size = {"shortest_edge": fewest, "longest_edge": _MOST_PIXELS}
    if getattr(processor, "max_pixels", None) is not None:
        processor.min_pixels, processor.max_pixels = fewest, _MOST_PIXELS


def _ends(network: Any, tokenizer: Any) -> list[int]:
    """The tokens that end an answer, as the model or its tokenizer says."""
    told = network.generation_config.eos_token_id
    ends = [told] if isinstance(told, int) else list(told or [])
    return sorted({*ends, tokenizer.eos_token_id} - {None})


def _dtype_name() -> str:
    """What `from_pretrained` calls the precision: `torch_dtype` until transformers 4.56."""
    major, minor = (int(number) for number in transformers.__version__.split(".")[:2])
    return "dtype" if (major, minor) >= (4, 56) else "torch_dtype"
