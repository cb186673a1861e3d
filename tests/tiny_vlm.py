"""Vision language models of a few thousand random weights, in the folders the real ones come in.

`tiny_qwen` is laid out as Qwen/Qwen2.5-VL-3B-Instruct, `tiny_pixtral` as a Pixtral 12B that
transformers can read (a Llava with Pixtral's vision tower). Their tokenizers know single bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

# Vision tower and tokenizer are as large as they have to be; the processors are the real ones'.
QWEN_PROCESSOR: Mapping[str, Any] = {
    "min_pixels": 3136,
    "max_pixels": 12845056,
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2_5_VLProcessor",
}
PIXTRAL_PROCESSOR: Mapping[str, Any] = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "PixtralImageProcessor",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "patch_size": {"height": 16, "width": 16},
    "processor_class": "PixtralProcessor",
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"longest_edge": 1024},
}
QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for block in message['content'] %}{% if block['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in block %}{{ block['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# That of Pixtral's first conversions reads the text of a block from its "content".
PIXTRAL_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}[INST]{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{% for block in message['content'] %}"
    "{% if block['type'] == 'text' %}{{ block['content'] }}{% else %}[IMG]{% endif %}"
    "{% endfor %}{% endif %}[/INST]{% else %}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for block in message['content'] %}{{ block['content'] }}{% endfor %}{% endif %}"
    "{{ eos_token }}{% endif %}{% endfor %}"
)
_QWEN_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_PIXTRAL_TOKENS = (
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[IMG]",
    "[IMG_BREAK]",
    "[IMG_END]",
    "<pad>",
)


def tiny_qwen(folder: Path, seed: int = 0) -> Path:
    """Write a Qwen2.5-VL of two layers, with patches of 14 px, four of which make one token."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    ids = _write_tokenizer(
        folder,
        _QWEN_TOKENS,
        specials_first=False,
        tokenizer_class="Qwen2Tokenizer",
        bos_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        chat_template=QWEN_TEMPLATE,
    )
    config = Qwen2_5_VLConfig(
        vocab_size=len(ids),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=8192,
        rope_theta=10000.0,
        rope_scaling={"type": "mrope", "mrope_section": [2, 3, 3]},
        tie_word_embeddings=True,
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|im_end|>"],
        pad_token_id=ids["<|endoftext|>"],
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_heads": 2,
            "out_hidden_size": 32,
            "window_size": 56,
            "fullatt_block_indexes": [1],
        },
    )
    torch.manual_seed(seed)
    _write_network(folder, Qwen2_5_VLForConditionalGeneration(config))
    _write_json(folder / "preprocessor_config.json", QWEN_PROCESSOR)
    _write_json(folder / "chat_template.json", {"chat_template": QWEN_TEMPLATE})
    _write_generation(folder, ids["<|im_end|>"], ids["<|endoftext|>"])
    return folder


def tiny_pixtral(folder: Path, seed: int = 0) -> Path:
    """Write a Llava with a Pixtral of two layers, with patches of 16 px."""
    from transformers import (
        LlavaConfig,
        LlavaForConditionalGeneration,
        MistralConfig,
        PixtralVisionConfig,
    )

    ids = _write_tokenizer(
        folder,
        _PIXTRAL_TOKENS,
        specials_first=True,
        tokenizer_class="PreTrainedTokenizerFast",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=PIXTRAL_TEMPLATE,
    )
    config = LlavaConfig(
        vision_config=PixtralVisionConfig(
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            head_dim=16,
            image_size=1024,
            patch_size=16,
            rope_theta=10000.0,
        ),
        text_config=MistralConfig(
            vocab_size=len(ids),
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            max_position_embeddings=8192,
            sliding_window=None,
            bos_token_id=ids["<s>"],
            eos_token_id=ids["</s>"],
            pad_token_id=ids["<pad>"],
        ),
        image_token_index=ids["[IMG]"],
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=1,
        projector_hidden_act="gelu",
    )
    torch.manual_seed(seed)
    _write_network(folder, LlavaForConditionalGeneration(config))
    _write_json(folder / "preprocessor_config.json", PIXTRAL_PROCESSOR)
    _write_json(
        folder / "processor_config.json",
        {
            "image_break_token": "[IMG_BREAK]",
            "image_end_token": "[IMG_END]",
            "image_token": "[IMG]",
            "patch_size": 16,
            "processor_class": "PixtralProcessor",
        },
    )
    _write_json(folder / "chat_template.json", {"chat_template": PIXTRAL_TEMPLATE})
    _write_generation(folder, ids["</s>"], ids["<pad>"])
    return folder


def _write_tokenizer(
    folder: Path, specials: Sequence[str], *, specials_first: bool, **settings: Any
) -> dict[str, int]:
    """Write a tokenizer of bytes and special tokens; gives the ids of all its tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE

    folder.mkdir(parents=True, exist_ok=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*specials, *alphabet] if specials_first else [*alphabet, *specials]
    ids = {name: index for index, name in enumerate(names)}
    words = ids if specials_first else {name: ids[name] for name in alphabet}
    tokenizer = Tokenizer(BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in specials])
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(folder / "vocab.json", words)
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    added = {
        str(ids[name]): {
            "content": name,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for name in specials
    }
    others = [name for name in specials if name not in settings.values()]
    _write_json(
        folder / "tokenizer_config.json",
        {
            "added_tokens_decoder": added,
            "additional_special_tokens": others,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 8192,
            "padding_side": "right",
            **settings,
        },
    )
    return ids


def _write_network(folder: Path, network: Any) -> None:
    """Weights large enough that image and question show in the answer."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 2 * parameter[0].numel() ** -0.5)
    network.save_pretrained(folder)


def _write_generation(folder: Path, end: int, pad: int) -> None:
    """As Qwen2.5-VL's: it would sample, and likes no word that was said before."""
    values = {
        "do_sample": True,
        "eos_token_id": [end, pad],
        "pad_token_id": pad,
        "repetition_penalty": 1.05,
        "temperature": 0.1,
        "top_k": 1,
        "top_p": 0.001,
    }
    _write_json(folder / "generation_config.json", values)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
