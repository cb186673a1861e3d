"""The part of pickle's stack language that builds data, read without running anything.

Python's own unpickler calls what a file names. This one never looks a name up: what a pickle wants
called becomes an `Instance`, the name with its arguments and state as data, for the caller to make
sense of. Opcodes are those of protocols 0 to 5, as Python's `pickletools` describes them.
"""

from __future__ import annotations

import pickle
import pickletools
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from mfh.errors import InputError
from mfh.unpickling.literals import CONSTANTS, COUNTED, FIXED, LINES
from mfh.unpickling.names import canonical_name
from mfh.unpickling.source import Source
from mfh.unpickling.values import FOREIGN, Foreign, Global, Instance, Role

# Arrays need some tens each, a network with its optimizer some hundred thousand.
_MOST_OPCODES = 1_000_000

# Hashing a nested tuple can take for ever, and so can a dictionary of large numbers of equal hash:
# only what is flat, and numbers of up to 64 bits, may be keys.
_KEYS = (str, int, float, bytes, type(None))
_KEY_BITS = 64


def run_pickle(
    stream: BinaryIO,
    role_of: Callable[[str], Role | None],
    refuse: Callable[[str], InputError],
    *,
    foreign: bool = False,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """The value that a pickle describes: plain Python data, with an `Instance` for every call.

    stream: is read from where it stands to the pickle's end, and can tell how long it is.
    role_of: the role of a name, as NumPy 2 and Python 3 call it; None is unknown.
    refuse: makes the error for something that a pickle of such data never holds, given in words.
    foreign: an unknown name stands for `FOREIGN`, and so does a key that is not flat; by default
        they are refused.
    persistent: gives what a persistent id stands for, a value that is none of the pickle's own, or
        raises `ValueError`; by default such ids are refused.

    Text of Python 2 is decoded as Latin-1. Raises `ValueError` for data that is damaged.
    """
    machine = _Machine(stream, role_of, refuse, foreign, persistent)
    try:
        return machine.run()
    except InputError:
        raise
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(
            f"damaged at byte {machine.source.position} ({str(error)[:100]})"
        ) from error


class _Machine:
    def __init__(
        self,
        stream: BinaryIO,
        role_of: Callable[[str], Role | None],
        refuse: Callable[[str], InputError],
        foreign: bool,
        persistent: Callable[[Any], Any] | None,
    ) -> None:
        self.source = Source(stream)
        self._role_of = role_of
        self._refuse = refuse
        self._foreign = foreign
        self._persistent = persistent
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        take, unsigned, line = self.source.take, self.source.unsigned, self.source.line
        for _ in range(_MOST_OPCODES):
            opcode = take(1)
            if opcode == pickle.STOP:
                return self._stack.pop()
            if opcode in CONSTANTS:
                self._stack.append(CONSTANTS[opcode])
            elif opcode in COUNTED:
                size, decode = COUNTED[opcode]
                self._stack.append(decode(take(unsigned(size))))
            elif opcode in FIXED:
                size, decode = FIXED[opcode]
                self._stack.append(decode(take(size)))
            elif opcode in LINES:
                self._stack.append(LINES[opcode](line()))
            elif opcode in _ACTIONS:
                _ACTIONS[opcode](self)
            else:
                raise self._refuse_instruction(opcode)
        raise self._refuse(f"more than {_MOST_OPCODES} pickle instructions")

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
        if self._stack[-1] is not FOREIGN:
            self._top(list).extend(items)

    def _add(self) -> None:
        items = self._to_mark()
        if self._stack[-1] is not FOREIGN:
            self._top(set).update(self._key(item) for item in items)

    def _set_items(self, items: list[Any]) -> None:
        if self._stack[-1] is not FOREIGN:
            self._top(dict).update(self._pairs(items))

    def _pairs(self, items: list[Any]) -> dict[Any, Any]:
        if len(items) % 2:
            raise ValueError("a key without a value")
        return {self._key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}

    def _key(self, value: Any) -> Any:
        large = isinstance(value, int) and value.bit_length() > _KEY_BITS
        if isinstance(value, _KEYS) and not large:
            return value
        if self._foreign:
            return FOREIGN
        raise ValueError(f"a {'large number' if large else type(value).__name__} as a key")

    def _top(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise self._refuse(f"items for {_kind(self._stack[-1])}, which is no {kind.__name__}")
        return self._stack[-1]

    # What Python's unpickler would look up, call and set

    def _find(self, module: str, name: str) -> Global | Foreign:
        known = canonical_name(module, name)
        role = self._role_of(known)
        if role is not None:
            return Global(known, role)
        if self._foreign:
            return FOREIGN
        shown = f"{module}.{name}"
        raise self._refuse(shown if re.fullmatch(r"[\w.]{1,80}", shown) else ascii(shown)[:80])

    def _global_of_line(self) -> None:
        module, name = self.source.line().decode(), self.source.line().decode()
        self._stack.append(self._find(module, name))

    def _global_of_stack(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("the name of a global is not text")
        self._stack.append(self._find(module, name))

    def _old_instance(self) -> None:
        found = self._find(self.source.line().decode(), self.source.line().decode())
        raise self._refuse(f"{_kind(found)}, as an instance of an old-style class")

    def _call(self, role: Role) -> None:
        arguments, called = self._stack.pop(), self._stack.pop()
        if not isinstance(called, Global | Foreign) or not isinstance(arguments, tuple):
            raise ValueError("a call of what is no name, or with what is no tuple")
        if isinstance(called, Foreign):
            self._stack.append(FOREIGN)
            return
        name = called.name
        if name == _RECONSTRUCTOR and called.role == role:
            # How protocols 0 and 1 make an instance: the class, its base `object`, no base state.
            if not (len(arguments) == 3 and isinstance(arguments[0], Global)):
                raise ValueError("an instance without its class")
            name, called, arguments, role = arguments[0].name, arguments[0], (), "class"
        if called.role == "dict" and not arguments:
            self._stack.append(OrderedDict())
            return
        if called.role != role:
            raise self._refuse(f"{name}, called as a {role}")
        self._stack.append(Instance(name, arguments))

    def _call_with_keywords(self) -> None:
        del self._stack[-2:]
        if self._stack.pop() is not FOREIGN:
            raise self._refuse_instruction(pickle.NEWOBJ_EX)
        self._stack.append(FOREIGN)

    def _frozen_set(self) -> None:
        items = self._to_mark()
        if not self._foreign:
            raise self._refuse_instruction(pickle.FROZENSET)
        self._stack.append(frozenset(self._key(item) for item in items))

    def _persistent_id(self) -> None:
        if self._persistent is None:
            raise self._refuse_instruction(pickle.BINPERSID)
        self._stack.append(self._persistent(self._stack.pop()))

    def _build(self) -> None:
        state = self._stack.pop()
        built = self._stack[-1]
        if built is FOREIGN or type(built) is OrderedDict:
            # What is beside the items of a dictionary is of no use here.
            return
        if not isinstance(built, Instance) or built.state is not None:
            raise self._refuse(f"attributes set on {_kind(built)}")
        for part in state if isinstance(state, tuple) else (state,):
            special = [key for key in part if _is_special(key)] if type(part) is dict else []
            if special:
                raise self._refuse(f"{special[0][:80]}, set on an instance of {built.name}")
        built.state = state

    def _refuse_instruction(self, opcode: bytes) -> InputError:
        name = _NAMES.get(opcode.decode("latin-1"), "unknown")
        return self._refuse(f"the pickle instruction {name} (0x{opcode.hex()})")


_RECONSTRUCTOR = "copyreg._reconstructor"

_NAMES = {opcode.code: opcode.name for opcode in pickletools.opcodes}


def _kind(value: Any) -> str:
    return value.name if isinstance(value, Instance | Global) else type(value).__name__


def _is_special(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("__")


_ACTIONS: Mapping[bytes, Callable[[_Machine], Any]] = {
    pickle.PROTO: lambda m: m.source.take(1),
    pickle.FRAME: lambda m: m.source.take(8),
    pickle.MARK: lambda m: m._mark(),
    pickle.POP: lambda m: m._pop(),
    pickle.POP_MARK: lambda m: m._to_mark(),
    pickle.DUP: lambda m: m._push(m._stack[-1]),
    pickle.PUT: lambda m: m._put(int(m.source.line())),
    pickle.BINPUT: lambda m: m._put(m.source.unsigned(1)),
    pickle.LONG_BINPUT: lambda m: m._put(m.source.unsigned(4)),
    pickle.MEMOIZE: lambda m: m._put(len(m._memo)),
    pickle.GET: lambda m: m._push(m._memo[int(m.source.line())]),
    pickle.BINGET: lambda m: m._push(m._memo[m.source.unsigned(1)]),
    pickle.LONG_BINGET: lambda m: m._push(m._memo[m.source.unsigned(4)]),
    pickle.TUPLE: lambda m: m._push(tuple(m._to_mark())),
    pickle.TUPLE1: lambda m: m._tuple(1),
    pickle.TUPLE2: lambda m: m._tuple(2),
    pickle.TUPLE3: lambda m: m._tuple(3),
    pickle.EMPTY_LIST: lambda m: m._push([]),
    pickle.LIST: lambda m: m._push(m._to_mark()),
    pickle.APPEND: lambda m: m._extend([m._stack.pop()]),
    pickle.APPENDS: lambda m: m._extend(m._to_mark()),
    pickle.EMPTY_DICT: lambda m: m._push({}),
    pickle.DICT: lambda m: m._push(m._pairs(m._to_mark())),
    pickle.SETITEM: lambda m: m._set_items([m._stack.pop(), m._stack.pop()][::-1]),
    pickle.SETITEMS: lambda m: m._set_items(m._to_mark()),
    pickle.EMPTY_SET: lambda m: m._push(set()),
    pickle.ADDITEMS: lambda m: m._add(),
    pickle.FROZENSET: lambda m: m._frozen_set(),
    pickle.GLOBAL: lambda m: m._global_of_line(),
    pickle.STACK_GLOBAL: lambda m: m._global_of_stack(),
    pickle.INST: lambda m: m._old_instance(),
    pickle.REDUCE: lambda m: m._call("function"),
    pickle.NEWOBJ: lambda m: m._call("class"),
    pickle.NEWOBJ_EX: lambda m: m._call_with_keywords(),
    pickle.BINPERSID: lambda m: m._persistent_id(),
    pickle.BUILD: lambda m: m._build(),
}
