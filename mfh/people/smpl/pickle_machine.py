"""The part of pickle's stack language that builds data, read without running anything.

Python's own unpickler calls what a file names. This one never looks a name up: what a pickle wants
called becomes an `Instance`, the name with its arguments and state as data, for the caller to make
sense of. Opcodes are those of protocols 0 to 5, as Python's `pickletools` describes them.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mfh.errors import InputError
from mfh.people.smpl.pickle_literals import CONSTANTS, COUNTED, FIXED, LINES

Role = Literal["function", "class", "argument"]

# Official files need hundreds of opcodes, lists of plain numbers some hundred thousand.
_MOST_OPCODES = 1_000_000

# Hashing a nested tuple can take for ever, so only what is flat may be a key.
_KEYS = (str, int, float, bytes, type(None))


@dataclass(frozen=True)
class Global:
    """A name that a pickle refers to, e.g. "numpy.ndarray"; what it names is never imported.

    role: what the pickle may do with it: "function" (call it with arguments), "class" (make an
        instance) or "argument" (hand it to a function).
    """

    name: str
    role: Role


@dataclass(eq=False)
class Instance:
    """What a pickle wants made: by which name, from which arguments, with which state set."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


def run_pickle(
    data: bytes, find: Callable[[str, str], Global], refuse: Callable[[str], InputError]
) -> Any:
    """The value that a pickle describes: plain Python data, with an `Instance` for every call.

    find: gives the `Global` of a module and a name, or raises.
    refuse: makes the error for something a pickle of data never holds, given in words.

    Text of Python 2 is decoded as Latin-1. Raises `ValueError` for data that is damaged.
    """
    machine = _Machine(data, find, refuse)
    try:
        return machine.run()
    except InputError:
        raise
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(f"damaged at byte {machine.position} ({str(error)[:100]})") from error


class _Machine:
    def __init__(
        self, data: bytes, find: Callable[[str, str], Global], refuse: Callable[[str], InputError]
    ) -> None:
        self.position = 0
        self._data = data
        self._find = find
        self._refuse = refuse
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(_MOST_OPCODES):
            opcode = self._take(1)
            if opcode == pickle.STOP:
                return self._stack.pop()
            if opcode in CONSTANTS:
                self._stack.append(CONSTANTS[opcode])
            elif opcode in COUNTED:
                size, decode = COUNTED[opcode]
                self._stack.append(decode(self._take(self._unsigned(size))))
            elif opcode in FIXED:
                size, decode = FIXED[opcode]
                self._stack.append(decode(self._take(size)))
            elif opcode in LINES:
                self._stack.append(LINES[opcode](self._line()))
            elif opcode in _ACTIONS:
                _ACTIONS[opcode](self)
            else:
                raise self._refuse(f"the pickle instruction {_name_of(opcode)}")
        raise self._refuse(f"more than {_MOST_OPCODES} pickle instructions")

    # Reading

    def _take(self, count: int) -> bytes:
        taken = self._data[self.position : self.position + count]
        if len(taken) < count:
            raise ValueError(f"cut short: {count} bytes are announced, {len(taken)} are left")
        self.position += count
        return taken

    def _line(self) -> bytes:
        end = self._data.find(b"\n", self.position)
        if end < 0:
            raise ValueError("cut short: the end of a line is missing")
        line = self._data[self.position : end]
        self.position = end + 1
        return line

    def _unsigned(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    # Stack and memo

    def _mark(self) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _to_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._outer.pop()
        return items

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    # Containers

    def _tuple(self, count: int) -> None:
        items = [self._stack.pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def _extend(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def _add(self) -> None:
        items = self._to_mark()
        self._top(set).update(_key(item) for item in items)

    def _set_items(self, items: list[Any]) -> None:
        self._top(dict).update(_pairs(items))

    def _top(self, kind: type) -> Any:
        if type(self._stack[-1]) is not kind:
            found = self._stack[-1]
            what = found.name if isinstance(found, Instance | Global) else type(found).__name__
            raise self._refuse(f"items for {what}, which is no {kind.__name__}")
        return self._stack[-1]

    # What Python's unpickler would look up, call and set

    def _global_of_line(self) -> None:
        module, name = self._line().decode(), self._line().decode()
        self._stack.append(self._find(module, name))

    def _global_of_stack(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("the name of a global is not text")
        self._stack.append(self._find(module, name))

    def _old_instance(self) -> None:
        found = self._find(self._line().decode(), self._line().decode())
        raise self._refuse(f"{found.name}, as an instance of an old-style class")

    def _call(self, role: Role) -> None:
        arguments, called = self._stack.pop(), self._stack.pop()
        if not isinstance(called, Global) or not isinstance(arguments, tuple):
            raise ValueError("a call of what is no name, or with what is no tuple")
        name = called.name
        if name == _RECONSTRUCTOR and called.role == role:
            # How protocols 0 and 1 make an instance: the class, its base `object`, no base state.
            if not (len(arguments) == 3 and isinstance(arguments[0], Global)):
                raise ValueError("an instance without its class")
            name, called, arguments, role = arguments[0].name, arguments[0], (), "class"
        if called.role != role:
            raise self._refuse(f"{name}, called as a {role}")
        self._stack.append(Instance(name, arguments))

    def _build(self) -> None:
        state = self._stack.pop()
        built = self._stack[-1]
        if not isinstance(built, Instance) or built.state is not None:
            what = built.name if isinstance(built, Instance | Global) else type(built).__name__
            raise self._refuse(f"attributes set on {what}")
        for part in state if isinstance(state, tuple) else (state,):
            special = [key for key in part if _is_special(key)] if type(part) is dict else []
            if special:
                raise self._refuse(f"{special[0][:80]}, set on an instance of {built.name}")
        built.state = state


_RECONSTRUCTOR = "copyreg._reconstructor"

_NAMES = {opcode.code: opcode.name for opcode in pickletools.opcodes}


def _name_of(opcode: bytes) -> str:
    """An opcode in words, e.g. "PERSID (0x50)"."""
    return f"{_NAMES.get(opcode.decode('latin-1'), 'unknown')} (0x{opcode.hex()})"


def _is_special(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("__")


def _key(value: Any) -> Any:
    if not isinstance(value, _KEYS):
        raise ValueError(f"a {type(value).__name__} as a key")
    return value


def _pairs(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise ValueError("a key without a value")
    return {_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


_ACTIONS: Mapping[bytes, Callable[[_Machine], Any]] = {
    pickle.PROTO: lambda m: m._take(1),
    pickle.FRAME: lambda m: m._take(8),
    pickle.MARK: lambda m: m._mark(),
    pickle.POP: lambda m: m._pop(),
    pickle.POP_MARK: lambda m: m._to_mark(),
    pickle.DUP: lambda m: m._push(m._stack[-1]),
    pickle.PUT: lambda m: m._put(int(m._line())),
    pickle.BINPUT: lambda m: m._put(m._unsigned(1)),
    pickle.LONG_BINPUT: lambda m: m._put(m._unsigned(4)),
    pickle.MEMOIZE: lambda m: m._put(len(m._memo)),
    pickle.GET: lambda m: m._push(m._memo[int(m._line())]),
    pickle.BINGET: lambda m: m._push(m._memo[m._unsigned(1)]),
    pickle.LONG_BINGET: lambda m: m._push(m._memo[m._unsigned(4)]),
    pickle.TUPLE: lambda m: m._push(tuple(m._to_mark())),
    pickle.TUPLE1: lambda m: m._tuple(1),
    pickle.TUPLE2: lambda m: m._tuple(2),
    pickle.TUPLE3: lambda m: m._tuple(3),
    pickle.EMPTY_LIST: lambda m: m._push([]),
    pickle.LIST: lambda m: m._push(m._to_mark()),
    pickle.APPEND: lambda m: m._extend([m._stack.pop()]),
    pickle.APPENDS: lambda m: m._extend(m._to_mark()),
    pickle.EMPTY_DICT: lambda m: m._push({}),
    pickle.DICT: lambda m: m._push(_pairs(m._to_mark())),
    pickle.SETITEM: lambda m: m._set_items([m._stack.pop(), m._stack.pop()][::-1]),
    pickle.SETITEMS: lambda m: m._set_items(m._to_mark()),
    pickle.EMPTY_SET: lambda m: m._push(set()),
    pickle.ADDITEMS: lambda m: m._add(),
    pickle.GLOBAL: lambda m: m._global_of_line(),
    pickle.STACK_GLOBAL: lambda m: m._global_of_stack(),
    pickle.INST: lambda m: m._old_instance(),
    pickle.REDUCE: lambda m: m._call("function"),
    pickle.NEWOBJ: lambda m: m._call("class"),
    pickle.BUILD: lambda m: m._build(),
}
