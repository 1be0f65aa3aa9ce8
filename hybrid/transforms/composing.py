"""NumPy code as derivatives: what a Python function of arrays does, recorded as a graph on values of given types."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import GradientError, TraceError
from hybrid.core.shape import Dim, TensorType
from hybrid.frontend.hosted import called
from hybrid.frontend.values import Value, active, operand, wrap
from hybrid.ir.graph import Graph, Literal
from hybrid.ir.primitive import NO_GRADIENT, Composed, Partials
from hybrid.ir.requests import Concretise
from hybrid.ir.trace import Trace, literal
from hybrid.ops.elementwise import iota
from hybrid.ops.library import decoded
from hybrid.ops.view import broadcast
from hybrid.transforms.reverse import replay
from hybrid.transforms.terms import Term

NO_PART = object()  # in place of a result without a derivative
HINT = 5  # what sizes that only a run knows are taken for where code asks


def composed(function: Callable) -> Composed:
    """The derivative of a library function that NumPy code computes from other functions, given the same arguments."""

    def body(*xs: Term, **params: Any) -> tuple:
        return recorded(lambda *args, **kwargs: tree.flatten(function(*args, **kwargs))[0], xs, params)

    return Composed(body)


def elementwise(*partials: Callable | None) -> Partials:
    """The derivative of an elementwise library function: for each argument NumPy code that gives its partial derivative, of
    the result and the arguments; None: nobody wrote it down."""

    def rule(y: Term, *xs: Term, args: Any, kwargs: Any, **params: Any) -> tuple:
        params = {**params, "args": args, "kwargs": kwargs}
        places = [part[1] if isinstance(part, tuple) and part[0] == "operand" else None for part in args[1:]]
        known = dict(zip(places, partials))
        wanted = [known.get(k) for k in range(len(xs))]
        if len(kwargs) > 1:
            return (NO_GRADIENT,) * len(xs)
        made = iter(recorded(lambda *given: [p(*given) for p in wanted if p is not None], xs, params, (y,)))
        return tuple(NO_GRADIENT if p is None else next(made) for p in wanted)

    return Partials(rule, singular=True)


def array(x: Any) -> Any:
    """What `np.asarray` gives, which must not look at recorded values."""
    return x if isinstance(x, Value) else np.asarray(x)


# Made by operations, since a captured array has no place in the body of a loop.
def arange(*bounds: Any) -> Any:
    start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1) if len(bounds) == 2 else bounds
    count = max(-(-(stop - start) // step), 0) if not isinstance(stop, Dim) else stop
    places = wrap(active().fresh(active().one(iota, shape=(count,), axis=0), "ndarray"))
    return places if (start, step) == (0, 1) else places * step + start


def full(shape: Any, value: Any, dtype: Any = np.float64) -> Any:
    shape = shape if isinstance(shape, tuple) else (shape,)
    atom = active().one(broadcast, literal(value, np.dtype(dtype)), shape=shape)
    return wrap(active().fresh(atom, "ndarray"))


def zeros(shape: Any, dtype: Any = np.float64) -> Any:
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = np.float64) -> Any:
    return full(shape, 1, dtype)


def eye(size: Any) -> Any:
    return (arange(size)[:, None] == arange(size)).astype(np.float64)


def hosted(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """A call of a library function, which becomes a host call where it gets recorded values."""
    if not any(isinstance(x, Value) for x in args):
        return function(*args, **kwargs)
    made = called(function, args, kwargs)
    if made is NotImplemented:
        raise TraceError(f"{function.__name__} is called as no graph may call it")
    return made


def recorded(function: Callable, operands: Sequence[Term], params: Mapping[str, Any], results: Sequence[Term] = ()) -> tuple:
    """The parts of `function(*results, *args, **kwargs)` for the arguments of a `library` call: terms, None for `NO_PART`."""
    recorder = (*operands, *results)[0].recorder
    graph, given = _traced(function, operands, params, results)
    env = replay(recorder, graph, [x.atom for x in (*operands, *results)])
    terms = (recorder.term(env.get(atom, atom)) for atom in graph.outputs)
    return tuple(next(terms) if has else None for has in given)


def _traced(function: Callable, operands: Sequence[Term], params: Any, results: Sequence[Term]) -> tuple[Graph, list[bool]]:
    symbols = {s for x in (*operands, *results) for size in x.shape if isinstance(size, Dim) for s in size.symbols}
    trace = Trace(params["function"], {name: HINT + k for k, name in enumerate(sorted(symbols))})
    kinds = _kinds((params["args"], params["kwargs"]))
    try:
        with trace:
            given: list[Any] = [
                wrap(trace.argument(TensorType(x.dtype, x.shape, kinds.get(k) == "python"), kinds.get(k, "ndarray"), "", k))
                for k, x in enumerate(operands)
            ]
            for k, x in enumerate(operands):
                if isinstance(x.atom, Literal) and kinds.get(k) == "python":
                    given[k] = x.atom.value.item()  # which the function may decide by
            before = [wrap(trace.argument(x.type, "ndarray", "", len(given) + k)) for k, x in enumerate(results)]
            args, kwargs = (decoded(params[name], given, lambda kind, x: x) for name in ("args", "kwargs"))
            parts = function(*before, *args, **kwargs)
            there = [part is not NO_PART for part in parts]
            values = [array(part) for part in itertools.compress(parts, there)]
            return trace.root.finish([operand(trace, x, x.dtype) for x in values]), there
    except (TraceError, Concretise) as error:
        raise GradientError(f"the derivative of {params['function']} cannot be written down for these arguments",
                            got=error.what, fix="write it with operations that have one") from error  # fmt: skip


def _kinds(part: Any) -> dict[int, str]:
    """By operand, as what a call was given it."""
    if not isinstance(part, tuple):
        return {}
    if part and part[0] == "operand":
        return {part[1]: part[2]}
    return {k: kind for item in part for k, kind in _kinds(item).items()}
