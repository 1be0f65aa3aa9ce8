"""Ways by which code reaches what no chain of names leads to: such a function is not traced, for nothing would be watched."""

from __future__ import annotations

import dis
import sys
import types
import weakref
from typing import Any

from hybrid.core.errors import TraceError
from hybrid.staging.chains import imports_of
from hybrid.staging.members import has_attributes

_FRAMES = "it looks at the frames that are running, which compiled code has not"
_BY_NAME = {
    "bit_generator": "it looks into a random generator's bits or state, which compiled code moves on only when it runs",
    "_getframe": _FRAMES,
    "currentframe": _FRAMES,
    "getrecursionlimit": "it looks at Python's limit of recursion, which tracing does not watch",
    "__getattribute__": "it reads an attribute past the name of it, which tracing does not follow",
}
# Functions of libraries, by their modules and names.
_THREAD = "it asks which thread it runs on, which tracing does not watch"
_COUNTS = "it looks at how Python keeps objects, which compiled code does in another way"
_STATE = "it asks how NumPy reports floating-point errors, which tracing does not watch"
_LOOKING = {
    ("sys", "_getframe"): _FRAMES,
    ("sys", "_current_frames"): _FRAMES,
    **dict.fromkeys((("inspect", name) for name in ("currentframe", "stack", "trace")), _FRAMES),
    **dict.fromkeys((("traceback", f"{what}_stack") for what in ("extract", "format", "print", "walk")), _FRAMES),
    **dict.fromkeys(
        (("threading", name) for name in ("current_thread", "currentThread", "active_count", "enumerate")), _THREAD
    ),
    **dict.fromkeys((("_thread", name) for name in ("get_ident", "get_native_id")), _THREAD),
    **dict.fromkeys((("sys", name) for name in ("getrefcount", "getallocatedblocks")), _COUNTS),
    **dict.fromkeys((("gc", name) for name in ("get_referrers", "get_referents", "get_objects", "get_count")), _COUNTS),
    **dict.fromkeys((("numpy", name) for name in ("geterr", "geterrcall", "getbufsize")), _STATE),
}
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)
_IMPORTING = frozenset(("import_module", "__import__"))
_DROPPED = "classes with `__del__` do something when an instance is dropped, which compiled code may not make at all"
_MODULES = "it looks a module up in `sys.modules`, which tracing does not follow"
_WEAK: dict[type, str] = {
    **dict.fromkeys(weakref.ProxyTypes, "proxy"),
    weakref.ref: "reference",
    **dict.fromkeys((weakref.WeakValueDictionary, weakref.WeakKeyDictionary, weakref.WeakSet), "container"),
}


def refuse(code: types.CodeType) -> None:
    """TraceError for code that names such a way, or has a class whose instances do something when they are dropped."""
    if any(isinstance(constant, types.CodeType) and "__del__" in constant.co_names for constant in code.co_consts):
        raise TraceError(_DROPPED)
    for name in code.co_names:
        if name in _BY_NAME:
            raise TraceError(_BY_NAME[name])
        if name in _IMPORTING and not _of_libraries(code):
            raise TraceError("it imports a module by name, which tracing does not follow", fix="import it by a statement")


def modules_of(code: types.CodeType) -> list[str]:
    """The modules of which code asks whether they have been imported. TraceError if it does more with `sys.modules`."""
    if "modules" not in code.co_names or not ("sys" in code.co_names or ("sys", 0) in imports_of(code)):
        return []
    ops = [op for op in dis.get_instructions(code) if op.opname not in ("CACHE", "EXTENDED_ARG", "PUSH_NULL")]
    asked = []
    for k, op in enumerate(ops):
        if op.argval == "modules" and op.opname.startswith("LOAD_"):
            name = ops[k - 2].argval if k > 1 and ops[k - 2].opname == "LOAD_CONST" else None  # before `sys`
            if ops[k + 1].opname != "CONTAINS_OP":
                raise TraceError(_MODULES, fix="import it by a statement")
            asked += [name] if type(name) is str else []  # of a computed name, the answer is that of the trace
    return asked


def must_be_alone(function: Any) -> str:
    """Why nobody may be between a function and its caller, or nothing: its own code looks at frames."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if not isinstance(code, types.CodeType):
        return ""
    module = getattr(function, "__globals__", {})
    named = [module.get(name) for name in code.co_names]
    held = [vars(value).get(name) for value in named if isinstance(value, types.ModuleType) for name in code.co_names]
    return _FRAMES if any(_why(value) is _FRAMES for value in (*named, *held)) else ""


def _of_libraries(code: types.CodeType) -> bool:
    """Whether the modules that constants of some code name are libraries', where nothing changes."""
    found = [sys.modules[text] for text in code.co_consts if type(text) is str and text in sys.modules]
    return bool(found) and not any(map(has_attributes, found))


def _why(value: Any) -> str | None:
    """Why a function of a library cannot be called by compiled code."""
    if not isinstance(value, (*_FUNCTIONS, type)):  # attributes of anything else may be the user's to find
        return None
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    return _LOOKING.get((module, name)) if type(module) is str and type(name) is str else None  # type: ignore[arg-type]


def refuse_class(cls: type) -> None:
    """TraceError for a class whose instances do something when they are dropped, in code that may make some."""
    if isinstance(getattr(cls, "__del__", None), types.FunctionType):
        raise TraceError(f"it may make instances of `{cls.__name__}`, and {_DROPPED}")


def refuse_value(value: Any, text: str) -> None:
    """TraceError for what leads on to something that may be another one at any time."""
    if why := _why(value):
        raise TraceError(why)
    watching = isinstance(value, (*_FUNCTIONS, type)) and value.__module__ in ("weakref", "_weakref", "_weakrefset")
    if watching:
        raise TraceError(f"{text} watches when an object is dropped, which compiled code may not make at all")
    if isinstance(value, type) and value.__module__ == "decimal":
        raise TraceError(f"{text} computes with as many digits as a context says, which tracing does not watch")
    what = next((word for kind, word in _WEAK.items() if issubclass(type(value), kind)), None)
    if what:
        raise TraceError(f"{text} is a weak {what}, behind which tracing cannot look", fix="pass the object itself")
