"""Ways by which code reaches what no chain of names leads to: such a function is not traced, for nothing would be watched."""

from __future__ import annotations

import dis
import sys
import types
import weakref
from itertools import pairwise
from typing import Any

from hybrid.core.errors import TraceError
from hybrid.staging.chains import imports_of
from hybrid.staging.members import has_attributes

_BY_NAME = {
    "bit_generator": "it looks into a random generator's bits or state, which compiled code moves on only when it runs",
    "_getframe": "it looks at the frames that are running, which compiled code has not",
    "currentframe": "it looks at the frames that are running, which compiled code has not",
    "getrecursionlimit": "it looks at Python's limit of recursion, which tracing does not watch",
    "__getattribute__": "it reads an attribute past the name of it, which tracing does not follow",
}
_IMPORTING = frozenset(("import_module", "__import__"))
_MODULES = "it looks a module up in `sys.modules`, which tracing does not follow"
_WEAK: dict[type, str] = {
    **dict.fromkeys(weakref.ProxyTypes, "proxy"),
    weakref.ref: "reference",
    **dict.fromkeys((weakref.WeakValueDictionary, weakref.WeakKeyDictionary, weakref.WeakSet), "container"),
}


def refuse(code: types.CodeType) -> None:
    """TraceError for code that names such a way."""
    for name in code.co_names:
        if name in _BY_NAME:
            raise TraceError(_BY_NAME[name])
        if name in _IMPORTING and not _of_libraries(code):
            raise TraceError("it imports a module by name, which tracing does not follow", fix="import it by a statement")
    if "modules" in code.co_names and ("sys" in code.co_names or ("sys", 0) in imports_of(code)) and _takes_modules(code):
        raise TraceError(_MODULES, fix="import it by a statement")


def _takes_modules(code: types.CodeType) -> bool:
    """Whether code does more with `sys.modules` than to ask whether a name is in there."""
    ops = [op for op in dis.get_instructions(code) if op.opname not in ("CACHE", "EXTENDED_ARG", "PUSH_NULL")]
    return any(op.argval == "modules" and op.opname.startswith("LOAD_") and after.opname != "CONTAINS_OP"
               for op, after in pairwise(ops))  # fmt: skip


def _of_libraries(code: types.CodeType) -> bool:
    """Whether the modules that constants of some code name are libraries', where nothing changes."""
    found = [sys.modules[text] for text in code.co_consts if type(text) is str and text in sys.modules]
    return bool(found) and not any(map(has_attributes, found))


def refuse_value(value: Any, text: str) -> None:
    """TraceError for what leads on to something that may be another one at any time."""
    if isinstance(value, type) and value.__module__ == "decimal":
        raise TraceError(f"{text} computes with as many digits as a context says, which tracing does not watch")
    what = next((word for kind, word in _WEAK.items() if issubclass(type(value), kind)), None)
    if what:
        raise TraceError(f"{text} is a weak {what}, behind which tracing cannot look", fix="pass the object itself")
