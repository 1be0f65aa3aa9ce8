"""What a trace must not do, because compiled code would not do it again: draw random numbers, print, read clocks and files.

While a function is traced, calls from its code into C functions with such effects are refused before they happen, and
the state of the random generators it can reach is compared and put back.
"""

from __future__ import annotations

import _io
import contextlib
import importlib
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import BuiltinFunctionType, FrameType, ModuleType
from typing import Any

import numpy as np

from hybrid.control.effects import stop
from hybrid.core import forks, npyrandom
from hybrid.core.errors import TraceError
from hybrid.frontend.draws import GENERATORS, LEGACY
from hybrid.ir import trace as tr
from hybrid.ir.graph import Source

_OURS = (str(Path(__file__).parents[1]) + "/", str(Path(np.__file__).parent) + "/")
_HANDLERS = _OURS[0] + "control/"
_STDLIB = sysconfig.get_path("stdlib") + "/"
_IMPURE = frozenset((print, input, eval, exec, globals))
_IMPURE_MODULES = frozenset(
    (
        "time",
        "posix",
        "nt",
        "io",
        "_io",
        "_socket",
        "_signal",
        "_posixsubprocess",
        "_warnings",
        "atexit",
        "gc",
        "_uuid",
        "resource",
        "_locale",
        "select",
        "fcntl",
        "termios",
        "syslog",
        "pwd",
        "grp",
        "_tracemalloc",
        "_ssl",
        "_posixshmem",
        "_multiprocessing",
    )
)
_IMPURE_CLASSES = frozenset(("Random", "socket"))
_CLOCKS = frozenset(("now", "today", "utcnow"))
# Modules of the libraries whose functions have no effects; the array libraries are known to this package.
_PURE = frozenset((
    "builtins", "math", "cmath", "functools", "_functools", "itertools", "operator", "_operator", "typing", "collections",
    "_collections_abc", "dataclasses", "abc", "enum", "types", "copy", "numbers", "fractions", "contextlib",
    "heapq", "_heapq", "bisect", "_bisect", "string", "_string", "struct", "_struct", "array", "re", "textwrap", "binascii",
    "zlib",
    "numpy", "scipy", "hybrid", "ml_dtypes",
))  # fmt: skip


UNSEEN = "it draws random numbers from NumPy where tracing cannot see it"


class Effects:
    """A context around one trace.

    Args:
        values, reads: the arguments, and what else the function can reach; the random generators among them are watched, and
            C calls where one of them might lead to an effect (watching makes a trace three times as long).
        imports: whether it imports modules itself.
        failed: called with the error it raises, in case the traced code catches that.
    """

    def __init__(self, values: Sequence[Any], reads: Iterable[Any], imports: bool, failed: Callable[[BaseException], None]):
        self.failed = failed
        reads = list(reads)
        self.suspect = imports or any(map(_suspicious, (*values, *reads)))
        known = {id(g): g for g in (LEGACY, *reads) if isinstance(g, GENERATORS)}
        self.reached = list(known.values())
        self.generators = list({**known, **{id(g): g for g in values if isinstance(g, GENERATORS)}}.values())

    def __enter__(self) -> Effects:
        self.states = [state_of(g) for g in self.generators]
        self.before = sys.getprofile()
        if self.suspect:
            sys.setprofile(self._watch)
        _breakpoints.take()
        return self

    def __exit__(self, kind: Any, error: Any, tb: Any) -> None:
        _breakpoints.give_back()
        if self.suspect:
            _resume(self.before)
        before = zip(self.generators, self.states)
        drawn = [(g, state) for g, state in before if _flat(state_of(g)) != _flat(state)]
        for generator, state in drawn:
            put_back(generator, state)
        if drawn and error is None:
            raise TraceError(UNSEEN, fix="pass them in as an array")

    def _watch(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and _impure(function):
            at, by = _users_line(frame)
            if at is not None:
                what = f"it calls {by or _public(function)}(), whose effect or value is new at every call"
                error = TraceError(what, fix="call it outside, or leave this function undecorated", at=at)
                self.failed(error)
                raise error


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """What imports and Numba's compiler do (they read clocks and files) is no effect of the traced code."""
    before = sys.getprofile()
    sys.setprofile(None)
    try:
        yield
    finally:
        _resume(before)


def _resume(before: Any) -> None:
    """Go on profiling as before: by a function, or by cProfile, whose object is none and has to be asked."""
    if before is None or callable(before):
        sys.setprofile(before)
    else:
        before.enable()


class _Breakpoints:
    """`breakpoint()` while something is traced: in the trace it is refused, on other threads it is what it was."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth, self.before = 0, sys.breakpointhook

    def take(self) -> None:
        with self.lock:
            if self.depth == 0:
                self.before, sys.breakpointhook = sys.breakpointhook, self.hook
            self.depth += 1

    def give_back(self) -> None:
        with self.lock:
            self.depth -= 1
            if self.depth == 0 and sys.breakpointhook == self.hook:
                sys.breakpointhook = self.before

    def hook(self, *args: Any, **kwargs: Any) -> Any:
        trace = tr.current()
        if trace is not None:
            stop(trace, "breakpoint()")
        return self.before(*args, **kwargs)


_breakpoints = _Breakpoints()
forks.free_in_child(_breakpoints.lock)


def _suspicious(value: Any) -> bool:
    """Whether a value may lead out of the user's own code into something with effects."""
    if isinstance(value, ModuleType):
        name, file = value.__name__, getattr(value, "__file__", None) or ""
        return name.partition(".")[0] not in _PURE and (not file or is_library(file))
    kind = value if callable(value) and hasattr(value, "__module__") else type(value)
    module = getattr(kind, "__module__", None) or "builtins"
    if module.partition(".")[0] in _PURE:
        return callable(value) and isinstance(value, BuiltinFunctionType) and _impure(value)
    if module == "__main__" or module not in sys.modules:  # a notebook's, a prompt's, or of code that is run by `exec`
        return False
    return is_library(getattr(sys.modules[module], "__file__", None) or _STDLIB)


def is_library(file: str) -> bool:
    return file.startswith((_STDLIB, *_OURS, "<frozen")) or "site-packages" in file


def _impure(function: Any) -> bool:
    module = getattr(function, "__module__", None)
    owner = getattr(function, "__self__", None)
    if module in _IMPURE_MODULES or type(owner).__name__ in _IMPURE_CLASSES or isinstance(owner, _io._IOBase):
        return True
    if type(owner) is ContextVar and function.__name__ in ("set", "reset"):
        return True
    if isinstance(owner, type):
        return function.__name__ in _CLOCKS
    return module == "builtins" and function in _IMPURE


def _public(function: Any) -> str:
    """What a function of C is called in programs."""
    module = (getattr(function, "__module__", None) or "builtins").partition(".")[0]
    name = getattr(function, "__qualname__", function.__name__)
    return (
        name if module in ("builtins", "_io", "io") else f"{'os' if module in ('posix', 'nt') else module.lstrip('_')}.{name}"
    )


def _users_line(frame: FrameType | None) -> tuple[Source | None, str]:
    """The line of the user's that is responsible for a call, if it is the user's: the standard library acts for its caller.

    With the function of that library which the line calls.
    """
    by = ""
    while frame is not None:
        file = frame.f_code.co_filename
        handled = file.startswith(_HANDLERS)  # they call for the user
        if not handled and (file.startswith(_OURS) or file.startswith("<frozen importlib")):
            return None, ""
        if not handled and not file.startswith((_STDLIB, "<frozen ")):
            return Source(file, frame.f_lineno, frame.f_code.co_name), by
        if not handled:
            module = frame.f_globals.get("__name__", "")
            module = "os.path" if module in ("genericpath", "posixpath", "ntpath") else module
            by = f"{module}.{frame.f_code.co_qualname}".removesuffix(".__init__")
        frame = frame.f_back
    return None, ""


# what arrays look like as texts ------------------------------------------------------------------------------------------
class Options(dict):
    """How NumPy prints arrays, as a trace finds it; `asked`: whether something was printed."""

    asked = False

    def copy(self) -> dict:
        self.asked = True
        return dict(self)

    def __getitem__(self, name: Any) -> Any:
        self.asked = True
        return super().__getitem__(name)


def _printing() -> Any:
    """The context variable that holds these options; None where NumPy has them elsewhere."""
    try:
        return importlib.import_module("numpy._core.printoptions").format_options
    except (ImportError, AttributeError):
        return None


PRINTING: Any = _printing()


@contextlib.contextmanager
def texts() -> Iterator[Options]:
    """Notice texts of arrays, which are as the options say that are set now."""
    found = Options(PRINTING.get() if PRINTING is not None else {})
    token = PRINTING.set(found) if PRINTING is not None else None
    try:
        yield found
    finally:
        left = PRINTING is not None and PRINTING.get() is not found
        if token is not None:
            PRINTING.reset(token)
    if left:
        raise TraceError("it sets how arrays are printed", fix="set that outside of it")


def state_of(generator: Any) -> Any:
    """What a NumPy generator goes on from."""
    # A RandomState keeps the second of a pair of normal numbers besides its bits.
    return generator.get_state(legacy=False) if hasattr(generator, "get_state") else generator.bit_generator.state


def marked(generator: Any) -> Any:
    """The same, to be put back and for nothing else."""
    return npyrandom.mark(generator) or state_of(generator)


def same_state(a: Any, b: Any) -> bool:
    """Whether two generators of one class go on alike."""
    return _flat(state_of(a)) == _flat(state_of(b))


def put_back(generator: Any, state: Any) -> None:
    """Let a generator go on from an earlier state."""
    if isinstance(state, npyrandom.Mark):
        state.put_back()
    elif hasattr(generator, "set_state"):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state


def _flat(state: Any) -> Any:
    if isinstance(state, dict):
        return tuple((key, _flat(value)) for key, value in state.items())
    return state.tobytes() if isinstance(state, np.ndarray) else state
