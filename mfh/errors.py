"""The errors `mfh` raises on purpose.

Each message says what was wrong, where, and what to do next. Everything derives from `MfhError`,
so that one `except` shields a caller; the second base is the built-in a caller would expect.
"""

from __future__ import annotations


class MfhError(Exception):
    """Anything `mfh` refuses or cannot do."""


class InputError(MfhError, ValueError):
    """A photo, array or file given by the user cannot be used."""


class CameraError(InputError):
    """Intrinsics that are malformed, impossible, or belong to another image size."""


class SettingsError(InputError):
    """An unknown setting, or a value outside its range."""


class MissingPartError(MfhError, RuntimeError):
    """A learned part, or the package or weights it needs, is not there."""


class ModelError(InputError):
    """A model's files are damaged, incomplete, or those of another model."""


class NotEnoughMemoryError(MfhError, MemoryError):
    """A learned part does not fit into memory, even one image at a time."""


class NumericsError(MfhError, ArithmeticError):
    """A learned part gave no numbers for a photo: of too low a precision, or damaged."""


class NoLandmarksError(MfhError, RuntimeError):
    """Nothing of known size was found, so there is no scale to give."""


class RunFolderError(MfhError, RuntimeError):
    """A run folder was made by another version, or is not one."""


class OutputError(MfhError, OSError):
    """A result could not be written; nothing half-written is left behind."""
