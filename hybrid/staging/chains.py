"""What a code object reads by name, found in its bytecode: chains of attributes and items, imports, and whether it writes."""

from __future__ import annotations

import dis
import sys
import types
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from hybrid.core import shadows

MISSING: Any = shadows.MISSING
_WRITERS = frozenset(("at", "copyto", "fill", "fill_diagonal", "partition", "place", "put", "put_along_axis", "putmask",
                      "random", "setflags", "shuffle", "sort"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chain:
    """`root.a.b["c"]`: where the root comes from, and the steps, each (is it an attribute, name)."""

    root: str  # global | local | free
    name: str
    steps: tuple[tuple[bool, Any], ...]
    stored: bool = False
    called: bool = field(default=False, compare=False)  # whether it is only loaded to be called there


# How bytecode marks what it loads to be called: 3.13 pushes nothing after it, and up to 3.11 methods have an instruction.
_NULL_AFTER, _METHODS = sys.version_info >= (3, 13), sys.version_info >= (3, 12)
_ASKING = (Chain("global", "getattr", ()), Chain("global", "hasattr", ()))  # with a constant these name an attribute, too


@lru_cache(1024)
def chains(code: types.CodeType) -> tuple[tuple[Chain, ...], frozenset[str]]:
    """The chains that a code object loads or stores, and the local names it rebinds."""
    found: dict[Chain, Chain] = {}
    rebound: set[str] = set()
    null = False  # whether the next value is loaded to be called

    def find(chain: Chain) -> None:
        known = found.get(chain)
        if known is None or known.called:
            found[chain] = chain

    chain: Chain | None = None
    copied: Chain | None = None
    constant: Any = MISSING
    asking = False  # whether what is loaded goes to a function that looks names up
    for op in dis.get_instructions(code):
        name = op.opname
        if name == "PUSH_NULL" and _NULL_AFTER and chain:
            chain = replace(chain, called=True)
        if name in ("CACHE", "EXTENDED_ARG", "PUSH_NULL", "RESUME", "NOP"):
            null = name == "PUSH_NULL" and not _NULL_AFTER
            continue
        start = _root(name, op.argval)
        if start is not None:
            if chain:
                find(chain)
            for extra in start[1][:-1]:
                find(Chain(start[0], extra, ()))
            asking = chain is not None and chain in _ASKING
            chain = Chain(start[0], start[1][-1], (), called=null or (name == "LOAD_GLOBAL" and bool((op.arg or 0) & 1)))
        elif name in ("LOAD_ATTR", "LOAD_METHOD") and chain and constant is MISSING:  # not a constant's: `"".join`
            called = name == "LOAD_METHOD" or (_METHODS and bool((op.arg or 0) & 1))
            chain = Chain(chain.root, chain.name, (*chain.steps, (True, op.argval)), called=called)
        elif name.startswith(("LOAD_CONST", "LOAD_SMALL_INT")) and chain:
            constant = op.argval
            if asking and type(constant) is str:
                find(Chain(chain.root, chain.name, (*chain.steps, (True, constant))))
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
                find(Chain(target.root, target.name, (*target.steps, (True, op.argval)), True))
            chain = None
        else:
            if name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                find(Chain("global", op.argval, ()))
            elif name.startswith(("STORE_FAST", "STORE_DEREF", "DELETE_FAST", "DELETE_DEREF")):
                names = op.argval if isinstance(op.argval, tuple) else (op.argval,)
                rebound.update(names)
                if name.endswith("DEREF"):
                    find(Chain("free", op.argval, ()))
            if chain:
                find(chain)
            chain = None
        constant, null = MISSING, False
    if chain:
        find(chain)
    return tuple(found.values()), frozenset(rebound)


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


@lru_cache(1024)
def cells_of(code: types.CodeType) -> frozenset[str]:
    """The variables of functions around it that a code object rebinds."""
    own = chains(code)[1] & set(code.co_freevars)
    inner = (cells_of(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return own.union(*inner) & set(code.co_freevars)


@lru_cache(1024)
def names_of(code: types.CodeType) -> frozenset[str]:
    """Every name that a code object or one in it may look up in its globals."""
    return frozenset(code.co_names).union(*(names_of(const) for const in code.co_consts if isinstance(const, types.CodeType)))
