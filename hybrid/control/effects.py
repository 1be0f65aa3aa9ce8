"""Calls out of a body that is recorded once and run many times, or not at all: only of what does the same every time."""

from __future__ import annotations

import dataclasses
import dis
import functools
import types
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from hybrid.control import substitutes
from hybrid.control.own import Own
from hybrid.control.plain import Ends
from hybrid.control.tables import holds_traced
from hybrid.core import tree
from hybrid.core.errors import DebuggerError, HybridError, TraceError
from hybrid.frontend.values import Value
from hybrid.ir import trace as tr
from hybrid.ir.lines import is_library
from hybrid.ir.requests import Learned
from hybrid.ir.trace import Trace

# Modules whose functions have no effects and give the same for the same; `Watch` sees to what they do to containers.
_PURE = frozenset((
    "math", "cmath", "operator", "_operator", "functools", "_functools", "copy", "typing", "collections", "dataclasses",
    "numbers", "fractions", "abc", "enum", "types", "numpy", "scipy", "hybrid", "ml_dtypes", "contextlib",
))  # fmt: skip
_IMPURE = frozenset(("print", "input", "open", "next", "iter", "setattr", "delattr", "exec", "eval", "id", "__import__"))
_WARNING = (warnings.warn, warnings.warn_explicit)
# Objects whose methods only look at them, or change what `Watch` looks at.
_KNOWN = (Value, np.ndarray, np.generic, np.dtype, np.ufunc, str, bytes, int, float, complex, tuple, list, dict, set, frozenset,
          range, slice, type, types.ModuleType)  # fmt: skip


_FILES = frozenset(("load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "open_memmap",
                    "save", "savez", "savez_compressed", "savetxt"))  # fmt: skip
# Debuggers: what their functions are called for is to stop at the user's line, where values must be real.
_DEBUGGERS = frozenset(
    ("pdb", "bdb", "ipdb", "pudb", "wdb", "web_pdb", "remote_pdb", "rpdb", "pdbpp", "debugpy", "pydevd", "IPython")
)


def remembered(trace: Trace, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A call of a function that keeps what it gave, which must be nothing that only this trace knows."""
    cache = getattr(function, "__func__", function)
    try:
        found = trace.reads.ask(cache, functools.partial(substitutes.plainly, function, *args, **kwargs))
    except Learned as learned:
        trace.fail(learned)
        raise
    if any(isinstance(part, Own) or holds_traced(part) for part in tree.flatten(found)[0]):
        cache.cache_clear()
        error = TraceError(f"{function.__name__}() would keep a value that only a call knows", at=tr.user_line())
        trace.fail(error)
        raise error
    return found


def refuse_debuggers(trace: Trace, function: Any) -> None:
    """DebuggerError for a call that stops in a debugger: `pdb.set_trace()`, say."""
    module = getattr(function, "__module__", None)
    if isinstance(module, str) and module.partition(".")[0] in _DEBUGGERS:
        stop(trace, f"{module.partition('.')[0]}.{getattr(function, '__name__', type(function).__name__)}()")


def refuse_picks(trace: Trace, function: Any) -> None:
    """TraceError for `pop` of a set that is not the function's own: which item it gives depends on what it gave before."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, set) and getattr(function, "__name__", "") == "pop" and trace.reads.has(owner):
        trace.fail(error := TraceError("an item of a set is taken out, whichever that is", at=tr.user_line()))
        raise error


def refuse_files(trace: Trace, function: Any) -> None:
    """TraceError for a call of NumPy or SciPy that reads or writes a file: what is in it is another matter at every call."""
    name, module = getattr(function, "__name__", ""), getattr(function, "__module__", None) or ""
    of_numpys = name in _FILES and type(module) is str and module.partition(".")[0] == "numpy"
    of_arrays = name in ("tofile", "dump") and isinstance(getattr(function, "__self__", None), np.ndarray)
    if of_numpys or of_arrays or (type(module) is str and module.startswith(("scipy.io", "scipy.datasets"))):
        where = "np." if of_numpys else "." if of_arrays else f"{module.partition('._')[0]}."
        error = TraceError(f"{where}{name}() reads or writes a file, whose contents may be others at every call",
                           fix="read it outside, and pass the array in", at=tr.user_line())  # fmt: skip
        trace.fail(error)
        raise error


def stop(trace: Trace, what: str) -> NoReturn:
    """End the way that is being traced: Python stops there with real values."""
    error = DebuggerError(f"{what} stops in a debugger, where Python has to be", at=tr.user_line())
    if not trace.inside:
        trace.fail(error)
    raise error


def refuse_effects(trace: Trace, function: Any, opaque: Callable[[Callable], bool]) -> None:
    """TraceError for a call in a branch or loop that may do, or give, something else each time; a warning ends its way."""
    while isinstance(function, functools.partial):
        function = function.func
    if function in _WARNING and trace.region is not None and trace.region.predicate is not None:
        # Warning is for Python, as raising is: the other way goes on.
        trace.fail(why := TraceError("a way that warns is Python's", at=tr.user_line()))
        raise Ends(why)
    if not _repeatable(function, opaque):
        name = getattr(function, "__qualname__", None) or type(function).__name__
        raise TraceError(f"{name}() is called in a branch or loop, and may do something else each time", at=tr.user_line())


def _repeatable(function: Any, opaque: Callable[[Callable], bool]) -> bool:
    owner = getattr(function, "__self__", None)
    if isinstance(function, types.BuiltinFunctionType):
        if owner is None or isinstance(owner, types.ModuleType):
            module = function.__module__ or "builtins"
            if module == "builtins":
                return function.__name__ not in _IMPURE
            return _is_pure(module)
        return isinstance(owner, _KNOWN)
    if isinstance(function, (types.FunctionType, types.MethodType)):
        plain = getattr(function, "__func__", function)
        # What `hybrid.grad` and its like make is named after the user's function, which they call as the trace would.
        made = isinstance(plain, types.FunctionType) and (plain.__globals__.get("__name__") or "").startswith("hybrid.")
        return made or _is_pure(function.__module__ or "") or not opaque(plain)
    if isinstance(function, type) and (_is_record(function) or _is_seen(function, opaque)):
        return True
    module = getattr(function if isinstance(function, type) else type(function), "__module__", "") or ""
    return module == "builtins" or _is_pure(module) or not isinstance(function, type)


def _is_record(cls: type) -> bool:
    """Whether making an instance of a class only keeps what it is given: named tuples and plain dataclasses."""
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return "_tuple_new" in getattr(cls.__new__, "__globals__", ()) and cls.__init__ is object.__init__
    if not dataclasses.is_dataclass(cls) or cls.__new__ is not object.__new__ or hasattr(cls, "__post_init__"):
        return False
    if getattr(cls.__init__, "__code__", None) is None or cls.__init__.__code__.co_filename != "<string>":
        return False  # one of its own
    return all(field.default_factory in (dataclasses.MISSING, list, dict, set) for field in dataclasses.fields(cls))


def _is_seen(cls: type, opaque: Callable[[Callable], bool]) -> bool:
    """Whether making an instance of a class is its `__init__`, a function of the user's in which nothing is to convert."""
    initialise = getattr(cls, "__init__")  # noqa: B009  # a function, not a method of the class
    made = getattr(cls, "__new__", None) is object.__new__ and type(cls) is type
    return made and isinstance(initialise, types.FunctionType) and not opaque(initialise)


def _is_pure(module: str) -> bool:
    return module.partition(".")[0] in _PURE and not module.startswith("numpy.random")


def refuse_wording(trace: Trace, error: BaseException) -> None:
    """Let a trace fail whose code looks at an error in words that are ours, or that name a size only the call has."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None or not is_library(step.tb_frame.f_code.co_filename):
        return
    ours = step.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "hybrid"
    raised = step.tb_frame.f_code.co_code[step.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    if isinstance(error, HybridError) or (ours and (raised or trace.hints)):
        trace.fail(TraceError(f"what an error says is looked at: {type(error).__name__}", at=tr.user_line()))


def refuse_alike(left: Any, right: Any) -> None:
    """TraceError where it is asked which of two functions made alike one is: arguments that are alike share a trace."""
    trace = tr.current()
    if trace is None or type(left) is not types.FunctionType or type(right) is not types.FunctionType:
        return
    if left.__code__ is right.__code__ and not trace.alike.isdisjoint((id(left), id(right))):
        raise TraceError("which of two functions that are made alike one is only Python knows", at=tr.user_line())
