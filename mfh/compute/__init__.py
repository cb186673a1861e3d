"""Where the learned parts compute: device, precision, and batches that shrink to fit memory.

Exports `choose_device`, `device_name`, `choose_dtype`, `in_batches`.
"""

from mfh.compute.batches import in_batches
from mfh.compute.devices import choose_device, choose_dtype, device_name

__all__ = ["choose_device", "choose_dtype", "device_name", "in_batches"]
