"""A run on disk: its records in open formats, and which of them can be reused.

`StageRunner` runs the stages, `RunFolder` keeps what they made, `record_files` has the formats.
"""

from mfh.runs.run_folder import RunFolder, StageKey
from mfh.runs.stage_runner import StageRunner, part_name

__all__ = ["RunFolder", "StageKey", "StageRunner", "part_name"]
