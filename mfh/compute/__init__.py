"""Where the learned parts compute: device, precision, and batches that shrink to fit memory.

Exports `Placement`, `choose_device`, `device_name`, `choose_dtype`, `in_batches`,
`is_out_of_memory`.
"""

from mfh.compute.batches import in_batches
from mfh.compute.devices import choose_device, choose_dtype, device_name
from mfh.compute.memory import is_out_of_memory
from mfh.compute.placement import Placement

__all__ = [
    "Placement",
    "choose_device",
    "choose_dtype",
    "device_name",
    "in_batches",
    "is_out_of_memory",
]
