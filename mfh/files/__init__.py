"""Files: written whole or not at all, read as data and never as code.

`writing` is what is exported here; `reading` and `user_files` say what is wrong with a file.
"""

from mfh.files.writing import (
    atomic_path,
    json_number,
    make_folder,
    output_error,
    remove_file,
    remove_temporaries,
    require_writable,
    write_json,
    write_npz,
    write_text,
)

__all__ = [
    "atomic_path",
    "json_number",
    "make_folder",
    "output_error",
    "remove_file",
    "remove_temporaries",
    "require_writable",
    "write_json",
    "write_npz",
    "write_text",
]
