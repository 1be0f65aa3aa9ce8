"""What a code object reads by name, found in its bytecode: chains of attributes and items, imports, and whether it writes."""

from __future__ import annotations

import dis
import types
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MISSING = type("Missing", (), {"__repr__": lambda self: "nothing"})()
_WRITERS = frozenset(("at", "copyto", "fill", "fill_diagonal", "partition", "place", "put", "put_along_axis", "putmask",
                      "random", "setflags", "shuffle", "sort"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chain:
    """`root.a.b["c"]`: where the root comes from, and the steps, each (is it an attribute, name)."""

    root: str  # global | local | free
    name: str
    steps: tuple[tuple[bool, Any], ...]
    stored: bool = False


_ASKING = (Chain("global", "getattr", ()), Chain("global", "hasattr", ()))  # with a constant these name an attribute, too


@lru_cache(1024)
def chains(code: types.CodeType) -> tuple[tuple[Chain, ...], frozenset[str]]:
    """The chains that a code object loads or stores, and the local names it rebinds."""
    found: dict[Chain, None] = {}
    rebound: set[str] = set()
    chain: Chain | None = None
    copied: Chain | None = None
    constant: Any = MISSING
    asking = False  # whether what is loaded goes to a function that looks names up
    for op in dis.get_instructions(code):
        name = op.opname
        if name in ("CACHE", "EXTENDED_ARG", "PUSH_NULL", "RESUME", "NOP"):
            continue
        start = _root(name, op.argval)
        if start is not None:
            if chain:
                found[chain] = None
            for extra in start[1][:-1]:
                found[Chain(start[0], extra, ())] = None
            asking = chain is not None and chain in _ASKING
            chain = Chain(start[0], start[1][-1], ())
        elif name in ("LOAD_ATTR", "LOAD_METHOD") and chain and constant is MISSING:  # not a constant's: `"".join`
            chain = Chain(chain.root, chain.name, (*chain.steps, (True, op.argval)))
        elif name.startswith(("LOAD_CONST", "LOAD_SMALL_INT")) and chain:
            constant = op.argval
            if asking and type(constant) is str:
                found[Chain(chain.root, chain.name, (*chain.steps, (True, constant)))] = None
            asking = False
            continue
        elif (name == "BINARY_SUBSCR" or (name == "BINARY_OP" and op.argrepr == "[]")) and chain and constant is not MISSING:
            chain = Chain(chain.root, chain.name, (*chain.steps, (False, constant)))
        elif name == "COPY" and chain:
            copied = chain
            continue
        elif name in ("STORE_ATTR", "DELETE_ATTR"):
            target = chain or copied
            if target:
                found[Chain(target.root, target.name, (*target.steps, (True, op.argval)), True)] = None
            chain = None
        else:
            if name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                found[Chain("global", op.argval, ())] = None
            elif name.startswith(("STORE_FAST", "STORE_DEREF", "DELETE_FAST", "DELETE_DEREF")):
                names = op.argval if isinstance(op.argval, tuple) else (op.argval,)
                rebound.update(names)
                if name.endswith("DEREF"):
                    found[Chain("free", op.argval, ())] = None
            if chain:
                found[chain] = None
            chain = None
        constant = MISSING
    if chain:
        found[chain] = None
    return tuple(found), frozenset(rebound)


@lru_cache(1024)
def may_write(code: types.CodeType) -> bool:
    """Whether a code object has an item assignment, an in-place operator, or a call that writes into what it is given."""
    if not _WRITERS.isdisjoint(code.co_names) or any(type(c) is tuple and "out" in c for c in code.co_consts):
        return True
    return any(op.opname == "STORE_SUBSCR" or (op.opname == "BINARY_OP" and op.argrepr.endswith("="))
               for op in dis.get_instructions(code))  # fmt: skip


# Names of what changes a container.
_CHANGERS = frozenset((
    "append", "extend", "insert", "pop", "popitem", "remove", "clear", "update", "setdefault", "add", "discard", "sort",
    "reverse", "appendleft", "popleft", "extendleft", "rotate", "move_to_end", "subtract", "heappush", "heappop", "heapify",
    "heapreplace", "heappushpop", "insort", "insort_left", "insort_right", "shuffle", "setitem", "delitem", "setattr",
))  # fmt: skip
# Names of what sets attributes whose names only a run knows.
_ANY_ATTRIBUTE = frozenset(("setattr", "delattr", "vars", "__dict__", "__setattr__", "__delattr__"))


@lru_cache(1024)
def may_change(code: types.CodeType) -> bool:
    """Whether a code object may change a container; where none does, one that is another was changed by others."""
    deletes = any(op.opname == "DELETE_SUBSCR" for op in dis.get_instructions(code))
    return deletes or may_write(code) or not _CHANGERS.isdisjoint((*code.co_names, *code.co_consts))


@lru_cache(1024)
def attributes_stored(code: types.CodeType) -> frozenset[str] | None:
    """The attributes that a code object sets or deletes; None: any."""
    if not _ANY_ATTRIBUTE.isdisjoint((*code.co_names, *code.co_consts)):
        return None
    return frozenset(op.argval for op in dis.get_instructions(code) if op.opname in ("STORE_ATTR", "DELETE_ATTR"))


@lru_cache(1024)
def globals_of(code: types.CodeType) -> frozenset[str]:
    """The globals that a code object rebinds."""
    return frozenset(op.argval for op in dis.get_instructions(code) if op.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"))


@lru_cache(1024)
def imports_of(code: types.CodeType) -> tuple[tuple[str, int], ...]:
    """The modules that a code object imports: the name, and how many packages up it is meant to start."""
    ops = [op for op in dis.get_instructions(code) if op.opname != "EXTENDED_ARG"]
    return tuple((op.argval, int(ops[k - 2].argval or 0)) for k, op in enumerate(ops) if op.opname == "IMPORT_NAME")


def _root(opname: str, argument: Any) -> tuple[str, tuple[str, ...]] | None:
    """The names an instruction loads, in order: 3.13 and later load two locals at once."""
    if opname in ("LOAD_GLOBAL", "LOAD_NAME"):
        return "global", (argument,)
    if opname in ("LOAD_DEREF", "LOAD_CLASSDEREF"):
        return "free", (argument,)
    if opname.startswith("LOAD_FAST"):
        return "local", argument if isinstance(argument, tuple) else (argument,)
    return None
