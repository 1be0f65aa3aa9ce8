"""`@hybrid.function`: a callable that behaves as the function it decorates, only quicker.

A call goes to the native entry, whose guards recognise calls it has seen; a miss comes to `_slow`, which finds or makes
the trace for the call's key and runs it. What cannot be traced runs as plain Python and says so once.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
import types
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hybrid.core import config as settings
from hybrid.core import tree
from hybrid.core.config import config
from hybrid.core.errors import ArgumentError, HybridError, TraceError
from hybrid.frontend.values import Value
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol
from hybrid.runtime import profile
from hybrid.staging import entry
from hybrid.staging.compiled import Compiled
from hybrid.staging.inspect import Inspection
from hybrid.staging.signature import Leaf, describe_all
from hybrid.staging.tracing import trace


class FallbackWarning(UserWarning):
    """A decorated function, or a call of it, runs as plain Python; the message says why."""


_functions: weakref.WeakSet[Function] = weakref.WeakSet()
_aside = 0  # while positive, native entries are out of the way: eager mode, profiling, jit off
_aside_lock = threading.Lock()


class Function(Inspection):
    """A decorated function. Made by `hybrid.function`; calls take and return what the undecorated function does."""

    def __new__(cls, function: Callable, **options: Any) -> Function:
        # A class of its own, so that its `__call__` can be the builtin of this function's native entry.
        own = type(cls.__name__, (cls,), {"__module__": cls.__module__, "__slots__": ()})
        return super().__new__(own)

    def __init__(self, function: Callable, *, strict: bool = False, static: Sequence[int | str] = (), backend: str | None = None):
        functools.update_wrapper(self, function)
        self.function, self.strict, self.backend = function, strict, backend
        self._traces: OrderedDict[Any, Compiled] = OrderedDict()
        self._log: list[str] = []
        self._fallbacks: dict[Any, str] = {}
        self._lock = threading.RLock()
        self._signature = _signature(function)
        self._static = _static_names(self._signature, static)
        self._dispatcher: entry.Dispatcher | None = None
        slow = _weak_slow(weakref.ref(self))
        if entry.supported():
            self._dispatcher = entry.Dispatcher(slow, getattr(function, "__name__", "function"), getattr(function, "__doc__", None))
            call: Callable = self._dispatcher.callable
        else:
            call = staticmethod(slow)
        type(self).__call__ = call  # type: ignore[method-assign]
        _functions.add(self)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<hybrid.function {getattr(self.function, '__qualname__', self.function)!s}>"

    def __reduce__(self) -> Any:
        module, name = getattr(self.function, "__module__", None), getattr(self.function, "__qualname__", "")
        if _lookup(module, name) is self:
            return _lookup, (module, name)
        return _rebuild, (self.function, self.strict, tuple(self._static), self.backend)

    def __copy__(self) -> Function:
        return self

    def __deepcopy__(self, memo: dict) -> Function:
        return self

    @property
    def eager(self) -> Callable:
        """The undecorated function."""
        return self.function

    # calls ------------------------------------------------------------------------------------------------------------
    def _slow(self, *args: Any, **kwargs: Any) -> Any:
        """A call the native entry did not take."""
        if not config.jit or tr.state().eager:
            return self.function(*args, **kwargs)
        found = self._find(args, kwargs)
        if found is None:
            return self.function(*args, **kwargs)
        compiled, values = found
        if _overlapping(compiled, values):
            self._report("overlap", "a written argument shares memory with another one")
            return self.function(*args, **kwargs)
        return compiled(values)

    def _find(self, args: tuple, kwargs: dict) -> tuple[Compiled, list] | None:
        """The trace for these arguments and their leaves; None where plain Python must run."""
        bound = self._canonical(args, kwargs)
        values, structure = tree.flatten(bound)
        if tr.open_traces and tr.current() is not None and any(isinstance(v, Value) for v in values):
            return None  # inside another trace: inlined
        if any(isinstance(v, Value) and type(v._data) is Symbol for v in values):
            return None  # an escaped tensor: the function's first operation says so
        try:
            leaves = describe_all(values, self._static_flags(bound, values))
        except TraceError as error:
            return self._give_up(("leaf", error.what), error)
        key = (structure, leaves)
        compiled = self._traces.get(key)
        if compiled is None:
            compiled = self._compile(key, structure, leaves, values, args, kwargs)
            if compiled is None:
                return None
        return compiled, values

    def _canonical(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Arguments by position where the signature allows, defaults left out, so that equal calls have equal keys."""
        if self._signature is None:
            return args, dict(kwargs)
        bound = self._signature.bind(*args, **kwargs)
        return bound.args, bound.kwargs

    def _compile(self, key: Any, structure: tree.Structure, leaves: tuple[Leaf, ...], values: list, args: tuple, kwargs: dict) -> Compiled | None:
        with self._lock:
            compiled = self._traces.get(key)
            if compiled is not None:
                return compiled
            if key in self._fallbacks:
                return None
            reason = self._reason(structure, leaves)
            try:
                compiled = self._make(structure, leaves, values, reason)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                return self._give_up(key, error)
            self._traces[key] = compiled
            while len(self._traces) > config.max_traces:
                _, dropped = self._traces.popitem(last=False)
                if self._dispatcher and dropped.entry:
                    self._dispatcher.remove(dropped.entry)
            self._log.append(reason)
            self._push(compiled, args, kwargs)
            self._announce(compiled)
            return compiled

    def _make(self, structure: tree.Structure, leaves: tuple[Leaf, ...], values: list, reason: str) -> Compiled:
        name = getattr(self.function, "__name__", "function")
        traced = trace(self.function, name, structure, leaves, values, self._leaf_names(structure))
        return Compiled(traced, self.backend or config.backend, reason)

    def _push(self, compiled: Compiled, args: tuple, kwargs: dict) -> None:
        """Put the trace's native entry in front, if calls of this form can have one."""
        if self._dispatcher is None or _aside:
            compiled.plan  # noqa: B018  compile errors belong to the first call
            return
        bound_args, bound_kwargs = self._canonical(args, kwargs)
        given = (*args, *kwargs.values())
        plain = len(given) == len((*bound_args, *bound_kwargs.values())) and all(a is b for a, b in zip(given, (*bound_args, *bound_kwargs.values())))
        flat = plain and len(compiled.traced.leaves) == len(given)
        made = compiled.make_entry(len(args), tuple(kwargs), flat)
        if made is None:
            compiled.plan  # noqa: B018
            return
        spec, module = made
        compiled.module = module
        self._dispatcher.push(module, spec)

    def _repush(self) -> None:
        for compiled in self._traces.values():
            if self._dispatcher and compiled.entry:
                self._dispatcher.push(compiled.module, compiled.entry)

    # when tracing fails -----------------------------------------------------------------------------------------------
    def _give_up(self, key: Any, error: BaseException) -> None:
        """Plain Python from now on for this key; reported once, or raised where the function is strict."""
        if self.strict:
            raise error
        self._fallbacks[key] = _describe(error)
        if isinstance(error, HybridError):
            self._report(key, _describe(error))

    def _report(self, key: Any, reason: str) -> None:
        first = key not in self._fallbacks or self._fallbacks[key] == reason
        self._fallbacks[key] = reason
        message = f"{getattr(self.function, '__name__', self.function)} runs as plain Python: {reason}"
        if first and message not in self._log:
            self._log.append(message)
            warnings.warn(message, FallbackWarning, stacklevel=5)

    # names and statics ------------------------------------------------------------------------------------------------
    def _leaf_names(self, structure: tree.Structure) -> list[str]:
        """A name for every leaf, from the parameter it came through."""
        args, kwargs = structure.children
        names: list[str] = []
        parameters = list(self._signature.parameters.values()) if self._signature else []
        for k, child in enumerate(args.children):
            p = parameters[min(k, len(parameters) - 1)] if parameters else None
            base = f"arg{k}" if p is None else f"{p.name}{k - len(parameters) + 1}" if p.kind is p.VAR_POSITIONAL else p.name
            names += [base] if child.leaves == 1 else [f"{base}_{j}" for j in range(child.leaves)]
        for name, child in zip(kwargs.aux or (), kwargs.children):  # type: ignore[call-overload]
            names += [name] if child.leaves == 1 else [f"{name}_{j}" for j in range(child.leaves)]
        return names

    def _static_flags(self, bound: tuple[tuple, dict], values: list) -> list[bool]:
        if not self._static or self._signature is None:
            return [False] * len(values)
        flags: list[bool] = []
        parameters = list(self._signature.parameters)
        for k, value in enumerate(bound[0]):
            flags += [parameters[min(k, len(parameters) - 1)] in self._static] * len(tree.flatten(value)[0])
        for name, value in bound[1].items():
            flags += [name in self._static] * len(tree.flatten(value)[0])
        return flags

    def _reason(self, structure: tree.Structure, leaves: tuple[Leaf, ...]) -> str:
        """Why there is a new trace: the first one, or what differs from the last."""
        if not self._traces:
            return "first call"
        last_structure, last = next(reversed(self._traces))
        if last_structure != structure:
            return "the arguments are nested differently"
        names = self._leaf_names(structure)
        changed = [f"`{n}` changed {a} -> {b}" for n, a, b in zip(names, last, leaves) if a != b]
        return ", ".join(changed) or "the trace had been dropped"

    def _announce(self, compiled: Compiled) -> None:
        if config.debug:
            from hybrid.staging.inspect import announce

            announce(self, compiled)


def _weak_slow(reference: weakref.ref) -> Callable:
    def slow(*args: Any, **kwargs: Any) -> Any:
        return reference()._slow(*args, **kwargs)

    return slow


def _signature(function: Callable) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _static_names(signature: inspect.Signature | None, static: Sequence[int | str]) -> frozenset[str]:
    if isinstance(static, (int, str)):
        static = (static,)
    names = list(signature.parameters) if signature else []
    out = set()
    for item in static:
        if isinstance(item, int) and -len(names) <= item < len(names):
            out.add(names[item])
        elif item in names:
            out.add(item)
        else:
            raise ArgumentError(f"static names no parameter: {item!r}", expected=", ".join(names))
    return frozenset(out)


def _overlapping(compiled: Compiled, values: list) -> bool:
    """Whether a written argument's memory overlaps another array's, other than being the very same one."""
    arrays = {k: v._data if isinstance(v, Value) else v for k, v in enumerate(values) if isinstance(v, (Value, np.ndarray))}
    written = [w for w in compiled.traced.writes if isinstance(w, int)]
    return any(
        arrays[w] is not other and np.may_share_memory(arrays[w], other) for w in written for k, other in arrays.items() if k != w
    )


def _describe(error: BaseException) -> str:
    if isinstance(error, HybridError):
        at = f" ({error.at}: {getattr(error.at, 'text', '')})" if error.at else ""
        return f"{error.what}{at}"
    return f"{type(error).__name__}: {error}"


def _lookup(module: str | None, name: str) -> Any:
    if module is None:
        return None
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found


def _rebuild(function: Callable, strict: bool, static: tuple, backend: str | None) -> Function:
    return Function(function, strict=strict, static=static, backend=backend)


def function(
    f: Callable | None = None, *, strict: bool = False, static: Sequence[int | str] | int | str = (), backend: str | None = None
) -> Any:
    """Compile a function of arrays: same values, types, writes and errors, only quicker.

    Args:
        f: the function; leave it out to use `function(...)` as a decorator with options.
        strict: raise where the function cannot be compiled, instead of running it as plain Python with a warning.
        static: parameters (names or positions) whose values the compiled code may be specialised on.
            Ints, strings, bools and other objects always are; Python floats and arrays are run-time inputs otherwise.
        backend: "llvm", "numba" or "python"; default `hybrid.config.backend`.

    Returns:
        A callable with the same signature, and `f.eager`, `f.graph(...)`, `f.loops(...)`, `f.explain()` to look inside.

    >>> import numpy as np
    >>> @function
    ... def norm(x):
    ...     return np.sqrt((x * x).sum())
    >>> norm(np.array([3.0, 4.0]))
    np.float64(5.0)
    """
    options = {"strict": strict, "static": static, "backend": backend}
    if f is None:
        return lambda g: function(g, **options)  # type: ignore[arg-type]
    if isinstance(f, Function):
        return f
    if isinstance(f, (staticmethod, classmethod)):
        return type(f)(function(f.__func__, **options))  # type: ignore[arg-type]
    if not callable(f):
        raise ArgumentError("hybrid.function decorates a callable", got=f"{type(f).__name__}", fix="@hybrid.function above a def")
    return Function(f, **options)  # type: ignore[arg-type]


def _step_aside(step: int) -> None:
    global _aside
    with _aside_lock:
        _aside += step
        for f in list(_functions):
            if f._dispatcher is None:
                continue
            if _aside:
                f._dispatcher.clear()
            else:
                f._repush()


@contextmanager
def eager() -> Iterator[None]:
    """Inside this block every decorated function of this thread is plain Python, for pdb, print and breakpoints."""
    state = tr.state()
    state.eager += 1
    _step_aside(1)
    try:
        yield
    finally:
        state.eager -= 1
        _step_aside(-1)


def _settings_changed(name: str, before: object, after: object) -> None:
    if name == "jit" and before != after:
        _step_aside(-1 if after else 1)
    if name == "backend" and before != after:
        for f in list(_functions):
            if f.backend is None:
                f.clear()


profile.listeners.append(_step_aside)
settings.listeners.append(_settings_changed)
