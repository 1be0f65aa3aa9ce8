"""Scalar functions that another compiler made: LLVM text, linked with the kernels that call them and inlined there.

A foreign function takes and gives 64-bit words, whatever its numbers are, so that to the loop language it is an operation
like any other: `Op("foreign.…", words)`. It has no effects, and reads nothing but its operands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hybrid.loops.nest import FOREIGN, OPS

SEPARATOR = "\n; ---- a foreign module\n"
_CALLED = re.compile(r"@(foreign\.\w+)")
_modules: dict[str, str] = {}


def register(name: str, arity: int, module: str) -> None:
    """Make a function of a module known as an operation. The module defines `i64 @name(i64, …)`."""
    OPS[name] = (arity, "same")
    _modules[name] = module


def linked(text: str) -> str:
    """A module's text, and after it those of the foreign functions it calls."""
    modules = dict.fromkeys(_modules[name] for name in dict.fromkeys(_CALLED.findall(text)) if name in _modules)
    return "".join((text, *(SEPARATOR + module for module in modules)))


def split(text: str) -> list[str]:
    """The modules of a text that `linked` gave, the caller's own first."""
    return text.split(SEPARATOR)


def any_called(names: Iterable[str]) -> bool:
    """Whether some of these operations are foreign functions."""
    return any(name.startswith(FOREIGN) for name in names)


def parameters(text: str) -> list[str]:
    """A list of LLVM parameters, cut at the commas that stand in no parentheses."""
    out, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            out.append("")
        else:
            out[-1] += letter
    return out if text else []
