"""Loading models of the transformers library from folders in the layout of the model hub.

Importing this module imports transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import transformers
from safetensors import SafetensorError

from mfh.compute import is_out_of_memory
from mfh.errors import MissingPartError, ModelError
from mfh.loading.foreign_code import refuse_code
from mfh.loading.quiet import quiet_loading
from mfh.models.weights import Weights

# The first fusion layer of DPT and its kin adds no residual: its residual unit never runs, and
# checkpoints may leave it out.
_NEVER_RUN = "neck.fusion_stage.layers.0.residual_layer1."


def load_pretrained(
    weights: Weights, network: str, processor: str, *, unused: Sequence[str] = (), **options: Any
) -> tuple[Any, Any]:
    """A depth network and its image processor, on the CPU.

    network, processor: the names of their classes in transformers. They are named, as its `Auto...`
        classes follow configurations to code elsewhere.
    unused: what the names of tensors begin with that the weights may lack.
    options: of `from_pretrained` of the network.

    Raises `ModelError` for files that are missing or damaged, and for code in the folder, and
    `MissingPartError` where the transformers installed has no such class. Lack of memory is passed
    on as it is.
    """
    refuse_code(weights)
    weights.file("preprocessor_config.json")
    processor_class, network_class = _class(weights, processor), _class(weights, network)
    try:
        with quiet_loading("transformers"):
            preprocessing = processor_class.from_pretrained(weights.folder, local_files_only=True)
            model, told = network_class.from_pretrained(
                weights.folder, local_files_only=True, output_loading_info=True, **options
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"{weights.name}: {weights.folder} cannot be loaded: {error}\n"
            "get the files again, or see `mfh models check`"
        ) from error
    missing = sorted(
        key for key in told["missing_keys"] if not key.startswith((_NEVER_RUN, *unused))
    )
    if missing:
        raise ModelError(
            f"{weights.name}: the weights in {weights.folder} lack {len(missing)} tensors, the "
            f"first is {missing[0]}; they are not those of the model that config.json tells of: "
            "get the files again, or see `mfh models check`"
        )
    return model, preprocessing


def _class(weights: Weights, name: str) -> Any:
    found = getattr(transformers, name, None)
    if found is None:
        raise MissingPartError(
            f"{weights.name} needs a later transformers than {transformers.__version__}, which has "
            f"no {name}: pip install --upgrade transformers"
        )
    return found
