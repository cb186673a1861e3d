"""Where the learned parts compute: device, precision, and batches that shrink to fit memory.

Exports `LearnedPart`, what every learned part has in common, and what it is made of: `Placement`,
`choose_device`, `device_name`, `choose_dtype`, `in_batches`, `is_out_of_memory`.
"""

from mfh.compute.batches import in_batches
from mfh.compute.devices import choose_device, choose_dtype, device_name
from mfh.compute.learned_part import LearnedPart
from mfh.compute.memory import is_out_of_memory
from mfh.compute.placement import Placement

__all__ = [
    "LearnedPart",
    "Placement",
    "choose_device",
    "choose_dtype",
    "device_name",
    "in_batches",
    "is_out_of_memory",
]
