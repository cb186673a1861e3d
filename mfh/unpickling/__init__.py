"""Pickles read as data: nothing in them is imported or run.

`run_pickle` gives plain Python data, with an `Instance` for each call that its caller allows for.
`array_of` makes a NumPy array of one; `ARRAY_NAMES` are the names that this takes. Importing this
package imports no model library.
"""

from mfh.unpickling.arrays import ARRAY_NAMES, array_of, shape_of
from mfh.unpickling.machine import run_pickle
from mfh.unpickling.values import FOREIGN, Global, Instance, Role

__all__ = [
    "ARRAY_NAMES",
    "FOREIGN",
    "Global",
    "Instance",
    "Role",
    "array_of",
    "run_pickle",
    "shape_of",
]
