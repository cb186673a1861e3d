"""HMR 2.0: a person's body and place in metres from one photo (Goel et al., ICCV 2023).

Exports `HMR2`, `HMR2Config`, `HMR2Regressor`, `load_checkpoint`. Importing it imports PyTorch; who
need not, imports it where it is used.
"""

from mfh.people.hmr2.checkpoint import load_checkpoint
from mfh.people.hmr2.config import HMR2Config
from mfh.people.hmr2.network import HMR2
from mfh.people.hmr2.regressor import HMR2Regressor

__all__ = ["HMR2", "HMR2Config", "HMR2Regressor", "load_checkpoint"]
