"""Pickle's opcodes for plain values: what follows each in the file, and what it stands for."""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def _latin1(data: bytes) -> str:
    return data.decode("latin-1")


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _float(data: bytes) -> float:
    (value,) = struct.unpack(">d", data)
    return float(value)


def _int_of_line(line: bytes) -> int | bool:
    return {b"00": False, b"01": True}[line] if line in (b"00", b"01") else int(line)


def _string_of_line(line: bytes) -> str:
    """A str of Python 2 as its repr, which escapes all but printable ASCII."""
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ValueError("a string without its quotes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # for an escape that there is not
            return line[1:-1].decode("unicode_escape")
    except Warning as warning:
        raise ValueError(str(warning)) from warning


def _long_of_line(line: bytes) -> int:
    return int(line.removesuffix(b"L"))


def _unicode_of_line(line: bytes) -> str:
    return line.decode("raw_unicode_escape")


CONSTANTS: Mapping[bytes, Any] = {
    pickle.NONE: None,
    pickle.NEWTRUE: True,
    pickle.NEWFALSE: False,
    pickle.EMPTY_TUPLE: (),
}

# Opcode: the bytes of the length that follows it, and what the bytes after that are.
COUNTED: Mapping[bytes, tuple[int, Callable[[bytes], Any]]] = {
    pickle.SHORT_BINSTRING: (1, _latin1),
    pickle.BINSTRING: (4, _latin1),
    pickle.SHORT_BINUNICODE: (1, _utf8),
    pickle.BINUNICODE: (4, _utf8),
    pickle.BINUNICODE8: (8, _utf8),
    pickle.SHORT_BINBYTES: (1, bytes),
    pickle.BINBYTES: (4, bytes),
    pickle.BINBYTES8: (8, bytes),
    pickle.BYTEARRAY8: (8, bytes),
    pickle.LONG1: (1, _signed),
    pickle.LONG4: (4, _signed),
}

# Opcode: how many bytes follow it, and what they are.
FIXED: Mapping[bytes, tuple[int, Callable[[bytes], Any]]] = {
    pickle.BININT: (4, _signed),
    pickle.BININT1: (1, lambda data: data[0]),
    pickle.BININT2: (2, lambda data: int.from_bytes(data, "little")),
    pickle.BINFLOAT: (8, _float),
}

# Opcode: what the line after it is.
LINES: Mapping[bytes, Callable[[bytes], Any]] = {
    pickle.INT: _int_of_line,
    pickle.LONG: _long_of_line,
    pickle.FLOAT: float,
    pickle.STRING: _string_of_line,
    pickle.UNICODE: _unicode_of_line,
}
