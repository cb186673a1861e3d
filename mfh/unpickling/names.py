"""Names that modules had before they were moved, as a pickle still has them."""

from __future__ import annotations

# Moved between Python 2 and 3, between NumPy 1 and 2, between versions of SciPy.
_MOVED = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
    "numpy.matrixlib.defmatrix": "numpy",
    "scipy.sparse.csc": "scipy.sparse",
    "scipy.sparse._csc": "scipy.sparse",
    "scipy.sparse.csr": "scipy.sparse",
    "scipy.sparse._csr": "scipy.sparse",
}


def canonical_name(module: str, name: str) -> str:
    """What a module's name is called today, e.g. "numpy._core.multiarray.scalar"."""
    return f"{_MOVED.get(module, module)}.{name}"
