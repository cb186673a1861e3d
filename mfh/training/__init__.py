"""Photos with depth that models are trained on, and what any training needs.

Order, checkpoints, logs and the folder of a run. Importing this loads nothing of them.
"""

from typing import Literal

TrainingCrop = Literal["eigen", "none"]
"""Which labels count: those inside the data set's Eigen crop, or all."""
