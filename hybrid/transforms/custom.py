"""`custom_gradient`: functions whose derivatives the user gives.

Eagerly the function runs as it stands, and its results remember the user's way back. In a trace they go through an equation
with a rule (`given.ruled`). A rule is ordinary code: what it computes can be differentiated again.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, GradientError, TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend import values
from hybrid.frontend.values import Value, wrap
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Level, Lifted
from hybrid.ir.trace import Symbol
from hybrid.transforms import given as recorded
from hybrid.transforms.duals import Dual, Duals
from hybrid.transforms.given import closed_over, no_forward, smooth
from hybrid.transforms.saved import unchanged, watched
from hybrid.transforms.tape import TAPE, Leaf, Node, Ref, Tape, Tracked, now, recording

Rule = TypeVar("Rule", bound=Callable[..., Any])


# Nodes with a way back of their own ------------------------------------------------------------------------------------------
class Way:
    """What a tape asks of an operation, of a call that says itself how to go back."""

    def __init__(self, name: str, outputs: Sequence[TensorType]):
        self.name, self.outputs = name, tuple(outputs)


class Given(Node):
    """A call on a tape with a way back of its own: `way(node, cotangents, follow)` gives one cotangent per source."""

    __slots__ = ("way",)

    def __init__(self, name: str, outputs: Sequence[TensorType], sources: Sequence[Ref], way: Callable[..., Sequence[Any]]):
        super().__init__(Way(name, outputs), sources, (True,) * len(sources))  # type: ignore[arg-type]
        self.way: Callable[..., Sequence[Any]] | None = way

    def back(self, level: Tape, given: Sequence[Any], follow: bool) -> Sequence[Any]:
        if self.way is None:
            raise self.freed()
        return self.way(self, given, follow)

    def free(self) -> None:
        self.saved = self.way = None


def levels_among(leaves: Sequence[Any]) -> Level | None:
    """The highest transform that follows one of these."""
    found = [leaf._data.level for leaf in leaves if isinstance(leaf, Value) and isinstance(leaf._data, Lifted)]
    return max(found, key=lambda level: level.number, default=None)


def without(level: Level, leaf: Any) -> Any:
    """A leaf without what a transform knows of it."""
    data = leaf._data if isinstance(leaf, Value) else None
    return wrap(data.value) if isinstance(data, Lifted) and data.level is level else leaf


def follows(level: Level, leaf: Any) -> bool:
    return isinstance(leaf, Value) and isinstance(leaf._data, Lifted) and leaf._data.level is level


def type_of(x: Any) -> TensorType:
    data = x._data if isinstance(x, Value) else np.asarray(x)
    data = data.type if type(data) is Symbol else data
    return TensorType(data.dtype, tuple(data.shape))


def zeros(type: TensorType) -> Any:
    trace = tr.current()
    if trace is None:
        return wrap(np.zeros(type.shape, type.dtype))
    from hybrid.transforms.terms import Recorder

    return wrap(trace.fresh(Recorder(trace.builder).full(0, type).atom, "tensor"))


def before(results: Sequence[Any], level: Tape, number: int) -> dict[Ref, None]:
    """What results depend on, as of nodes before a number: leaves, and results of such nodes."""
    found: dict[Ref, None] = {}
    pending = [leaf._data.source for leaf in results if follows(level, leaf)]
    seen: set[Ref] = set()
    while pending:
        ref = pending.pop()
        if ref in seen:
            continue
        seen.add(ref)
        where = ref[0]
        if isinstance(where, Leaf) or where.number < number:
            found[ref] = None
        else:
            pending += [source for source, wanted in zip(where.sources, where.wanted) if wanted and source is not None]
    return found


# Cotangents and tangents that a rule gives -----------------------------------------------------------------------------------
def _is_none(x: Any) -> bool:
    return x is None


def fitted(name: str, rule: str, found: Any, like: Any) -> list[Any]:
    """What a rule gave for one value, as tensors of the types of its leaves; None for zeros."""
    wanted, structure = tree.flatten(like, _is_none)
    if found is None:
        return [None] * len(wanted)
    parts, nesting = tree.flatten(found, _is_none)
    if nesting != structure:
        raise GradientError(f"{rule} of {name} gives what does not nest as its value does", got=nesting, expected=structure)
    return [_fitted(name, rule, part, leaf) for part, leaf in zip(parts, wanted)]


def _fitted(name: str, rule: str, part: Any, leaf: Any) -> Any:
    if part is None or not smooth_number(leaf):
        return None
    out: Any = part if isinstance(part, Value) else wrap(np.asarray(part))
    type, own = type_of(leaf), type_of(out)
    if own.shape != type.shape:
        raise GradientError(f"{rule} of {name} gives what has not its value's shape", got=own.shape, expected=type.shape,
                            at=tr.user_line())  # fmt: skip
    if own.dtype == type.dtype:
        return out
    if dt.is_complex(own.dtype) and not dt.is_complex(type.dtype):
        out = out.real
    return out.astype(type.dtype)


def smooth_number(leaf: Any) -> bool:
    return smooth(leaf) or isinstance(leaf, (float, complex, np.inexact))


def as_value(leaf: Any) -> Any:
    """A number that Python or NumPy made, as a tensor that has a derivative."""
    if isinstance(leaf, Value) or not isinstance(leaf, (float, complex, np.inexact)):
        return leaf
    array = np.asarray(leaf)
    return wrap(array) if array.dtype in dt.KIND else leaf


def _constant_of(trace: tr.Trace, leaf: Any) -> Any:
    """The same in a trace, where it stays the number that it is."""
    made = as_value(leaf)
    if made is leaf:
        return leaf
    kind = "scalar" if isinstance(leaf, np.generic) else "python"
    return wrap(trace.fresh(values.operand(trace, leaf, type_of(made).dtype), kind))


class _Holding:
    """Whether the arguments of a call are what they were: `()`."""

    def __init__(self, tracked: Sequence[Tracked | None], low: Sequence[Any]):
        self.storages = [(t.storage, t.storage.version) for t in tracked if t is not None]
        self.arrays = [data for leaf in low if smooth(leaf) and type(data := data_of(leaf)) is np.ndarray]
        self.kept = [watched(array) for array in self.arrays]

    def __call__(self) -> bool:
        if any(storage.version != version for storage, version in self.storages):
            return False
        return all(
            unchanged(kept) and (type(kept) is not np.ndarray or np.array_equal(kept, array, equal_nan=True))
            for kept, array in zip(self.kept, self.arrays)
        )


class custom_gradient:
    """A function whose derivative is given: used as a decorator.

    The simple form returns the value and the way back from a cotangent of it to one of each positional argument (alone, where
    there is one argument; None for zeros). It closes over whatever it needs:

    >>> @hy.custom_gradient
    ... def clipped(x):
    ...     return np.clip(x, 0, 1), lambda g: g  # as if it were not clipped
    >>> hy.grad(lambda x: clipped(x).sum())(np.array([-1.0, 0.5, 3.0]))
    array([1., 1., 1.])

    Or the function stays as it is, and `defvjp` gives two functions: `forward(*args)` returns the value and whatever
    `backward(kept, cotangent)` needs. `defjvp` gives the rule for forward mode, without which that is an error.

    The rules may be differentiated like any code. Of a method, the object is no argument, and keyword arguments are
    constants. What the function uses and gradients should flow to must be an argument. Arrays that it returns are new ones,
    also where it returns an argument.
    """

    def __init__(self, f: Callable[..., Any]):
        if not callable(f):
            raise ArgumentError("custom_gradient takes a function", got=type(f).__name__)
        functools.update_wrapper(self, f)
        self._f = f
        self._forward: Callable[..., Any] | None = None
        self._backward: Callable[..., Any] | None = None
        self._along: Callable[..., Any] | None = None

    __name__: str
    __calls__ = ("_f", "_forward", "_backward", "_along")  # functions of the user's: a trace holds for what these read
    _goes_back = True  # whether there is a way back
    _method = False  # whether it is called with an object first

    def __repr__(self) -> str:
        return f"<custom_gradient of {self._name}>"

    @property
    def _name(self) -> str:
        return getattr(self, "__name__", "a function")

    def __set_name__(self, owner: type, name: str) -> None:
        self._method = True

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def _bound(self, instance: Any) -> custom_gradient:
        """As a method of an object, which is no argument."""
        bound = custom_gradient(functools.partial(self._f, instance))
        bound.__name__ = self._name
        if self._forward is not None:
            bound._forward = functools.partial(self._forward, instance)
        bound._backward, bound._along = self._backward, self._along
        return bound

    def defvjp(self, forward: Callable[..., tuple[Any, Any]], backward: Callable[[Any, Any], Any]) -> custom_gradient:
        """Give the way back as two functions.

        Args:
            forward: called with the arguments; returns the value and what `backward` needs, in any nesting.
            backward: `backward(kept, cotangent)` returns a cotangent of each positional argument, as the simple form does.

        >>> @hy.custom_gradient
        ... def square(x):
        ...     return x * x
        >>> _ = square.defvjp(lambda x: (x * x, x), lambda x, g: 2 * x * g)
        >>> hy.grad(square)(3.0)
        6.0
        """
        self._forward, self._backward = forward, backward
        return self

    def defjvp(self, rule: Rule) -> Rule:
        """Give the rule for forward mode; may decorate it.

        Args:
            rule: `rule(primals, tangents)`, tuples with one item per positional argument, returns the tangent of the value.
                Tangents nest as the arguments do, with None for what has none, such as integers.

        >>> @hy.custom_gradient
        ... def square(x):
        ...     return x * x, lambda g: 2 * x * g
        >>> @square.defjvp
        ... def along(primals, tangents):
        ...     return 2 * primals[0] * tangents[0]
        >>> hy.jvp(square, (3.0,), (1.0,))
        (9.0, 6.0)
        """
        self._along = rule
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._method and args:
            return self._bound(args[0])(*args[1:], **kwargs)
        if tr.current() is not None:
            return self._recorded(args, kwargs)
        leaves = tree.flatten((args, kwargs))[0]
        level = levels_among(leaves)
        if level is None or (level is TAPE and not recording()):
            return self._plain(args, kwargs, leaves)
        if any(isinstance(x, Value) and isinstance(x._data, Lifted) for x in tree.flatten(kwargs)[0]):
            raise GradientError(f"{self._name} has a derivative by its positional arguments",
                                got="a keyword argument that gradients flow to", fix="pass it by position")  # fmt: skip
        if isinstance(level, Tape):
            return self._on_tape(level, args, kwargs)
        return self._along_duals(level, args, kwargs) if isinstance(level, Duals) else lifted.follow(self, args, kwargs)

    # The user's functions -----------------------------------------------------------------------------------------------
    def _ran(self, args: Sequence[Any], kwargs: dict) -> tuple[Any, Callable[[Any, Any], Any]]:
        """The value of a call, and the way back from a cotangent; that is told the value by which it is known to transforms."""
        made = opened(self._f if self._forward is None else self._forward)(*args, **kwargs)
        if not isinstance(made, tuple) or len(made) != 2 or (self._forward is None and not callable(made[1])):
            expected = "(value, pull), pull taking a cotangent of the value" if self._forward is None else "(value, kept)"
            raise ArgumentError(f"{self._name}, whose derivative is given, returns no pair", got=type(made).__name__,
                                expected=expected, fix="return both, or f.defvjp(forward, backward)")  # fmt: skip
        out, other = made
        if self._forward is None:
            return out, lambda g, known: opened(other)(g)
        results = {id(leaf): k for k, leaf in enumerate(tree.flatten(out)[0])}
        kept, structure = tree.flatten(other)

        def pull(g: Any, known: Callable[[], Sequence[Any]]) -> Any:
            inside = [known()[results[id(leaf)]] if isinstance(leaf, Value) and id(leaf) in results else leaf for leaf in kept]
            assert self._backward is not None
            return opened(self._backward)(tree.unflatten(structure, inside), g)

        return out, pull

    def _cotangents(self, found: Any, args: Sequence[Any]) -> list[Any]:
        """What the way back gave, for each leaf of the arguments."""
        alone = len(args) == 1 and not (type(found) is tuple and len(found) == 1 and type(args[0]) is not tuple)
        parts = (found,) if alone else found
        if not isinstance(parts, (tuple, list)) or len(parts) != len(args):
            raise GradientError(f"the way back of {self._name} gives no cotangent for each argument",
                                got=f"{len(parts)} of them" if isinstance(parts, (tuple, list)) else type(parts).__name__,
                                expected=f"a tuple of {len(args)}, None for zeros")  # fmt: skip
        return [leaf for part, arg in zip(parts, args) for leaf in fitted(self._name, "the way back", part, arg)]

    def _tangents(self, args: Sequence[Any], tangents: Sequence[Any], value: Any, kwargs: dict) -> list[Any]:
        """What the rule for forward mode gives, for each leaf of the value."""
        if self._along is None:
            raise no_forward(self._name)
        return fitted(self._name, "the forward rule", opened(self._along)(tuple(args), tuple(tangents)), value)

    # Eager ----------------------------------------------------------------------------------------------------------------
    def _plain(self, args: tuple, kwargs: dict, leaves: Sequence[Any]) -> Any:
        out = self._f(*args, **kwargs)
        if self._forward is None:
            if not isinstance(out, tuple) or len(out) != 2:
                return self._ran(args, kwargs)[0]  # which explains
            out = out[0]
        return tree.map_leaves(lambda leaf: own(leaf, leaves), out)

    def _on_tape(self, level: Tape, args: tuple, kwargs: dict) -> Any:
        leaves, structure = tree.flatten(list(args), _is_none)
        tracked = [leaf._data if follows(level, leaf) else None for leaf in leaves]
        sources = [t.source for t in tracked if t is not None]
        low = tree.unflatten(structure, [without(level, leaf) for leaf in leaves])
        holds = _Holding(tracked, tree.flatten(low, _is_none)[0])
        number = now()
        # On the tape of all tensors what the way back keeps is remembered, for derivatives of it; others have ended by then.
        out, pull = self._ran(args if level is TAPE else low, kwargs)
        if not holds():
            raise GradientError(f"{self._name}, whose derivative is given, writes into an argument", at=tr.user_line(),
                                fix="write into a copy of it")  # fmt: skip
        results, nesting = tree.flatten(out)
        if before(results, level, number).keys() - set(sources):
            raise closed_over(self._name)
        lower = levels_among(tree.flatten(low)[0])
        if lower is not None:
            below, _ = tree.flatten(self(*low, **kwargs))
        else:
            below = [own(without(level, leaf), leaves) for leaf in results]
        below = [as_value(leaf) for leaf in below]
        places = [k for k, leaf in enumerate(below) if smooth(leaf)]

        def way(node: Node, given: Sequence[Any], follow: bool) -> Sequence[Any]:
            def known() -> Sequence[Any]:
                return made if follow else below

            if not holds():  # the user's way back may have kept it, and would take it as it is now
                raise GradientError(f"an argument of {self._name}, whose derivative is given, was written since",
                                    at=node.source, fix="write into a copy of it")  # fmt: skip
            made = list(below)
            for place, k in enumerate(places):
                if follow:
                    made[k] = wrap(Tracked(level, data_of(below[k]), (node, place)))
            cotangents: list[Any] = [None] * len(below)
            for k, g, type in zip(places, given, node.operation.outputs):
                cotangents[k] = zeros(type) if g is None else g
            found = self._cotangents(pull(tree.unflatten(nesting, cotangents), known), args)
            return [zeros(type_of(leaf)) if g is None else g for g, leaf, t in zip(found, leaves, tracked) if t is not None]

        node = Given(self._name, [type_of(below[k]) for k in places], sources, way)
        out = list(below)
        for place, k in enumerate(places):
            out[k] = wrap(Tracked(level, data_of(below[k]), (node, place)))
        return tree.unflatten(nesting, out)

    def _along_duals(self, level: Duals, args: tuple, kwargs: dict) -> Any:
        leaves, structure = tree.flatten(list(args), _is_none)
        low = tree.unflatten(structure, [without(level, leaf) for leaf in leaves])
        out = tree.map_leaves(as_value, self(*low, **kwargs))
        results, nesting = tree.flatten(out)
        if any(follows(level, leaf) for leaf in results):
            raise closed_over(self._name)
        along: list[Any] = [None] * len(leaves)
        for k, leaf in enumerate(leaves):
            if follows(level, leaf):
                along[k] = wrap(leaf._data.tangent)
            elif smooth_number(leaf):
                along[k] = zeros(type_of(leaf))
        found = self._tangents(low, tree.unflatten(structure, along), out, kwargs)
        for k, (leaf, t) in enumerate(zip(results, found)):
            if smooth(leaf):
                tangent = zeros(type_of(leaf)) if t is None else t
                own = np.array(tangent._data) if type(tangent._data) is np.ndarray else tangent._data
                results[k] = wrap(Dual(level, data_of(leaf), own))
        return tree.unflatten(nesting, results)

    def _constant(self, args: tuple, kwargs: dict) -> Any:
        """A call in a trace of what tracing knows."""
        if self._forward is None:
            return self._ran(args, kwargs)[0]
        return opened(self._f)(*args, **kwargs)

    # In a trace -------------------------------------------------------------------------------------------------------------
    def _recorded(self, args: tuple, kwargs: dict) -> Any:
        leaves, structure = tree.flatten(list(args), _is_none)
        if not recorded.traced(leaves):
            return self._constant(args, kwargs)
        call = recorded.Call(leaves)
        trace, inner = call.trace, tree.unflatten(structure, call.leaves)
        out, pull = self._ran(inner, kwargs)
        if call.written:
            raise TraceError(f"{self._name}, whose derivative is given, writes into an argument", at=tr.user_line(),
                             fix="write into a copy of it")  # fmt: skip
        out = tree.map_leaves(lambda leaf: _constant_of(trace, leaf), out)
        results, nesting = tree.flatten(out)
        places = [k for k, leaf in enumerate(results) if smooth(leaf)]
        symbols = [values.symbol(trace, results[k]) for k in places]
        call.finished(symbols)
        types = [(atom.type, symbol.kind) for atom, symbol in zip(call.outputs, symbols)]

        def record_pull(made: list) -> Sequence[Any]:
            gs: list[Any] = [None] * len(results)
            known = list(results)
            for k, g, y in zip(places, made, made[len(places) :]):
                gs[k], known[k] = g, y
            found = self._cotangents(pull(tree.unflatten(nesting, gs), lambda: known), inner)
            return [zeros(atom.type) if found[k] is None else found[k] for k, atom in zip(call.places, call.inputs)]

        def record_push(made: list) -> Sequence[Any]:
            along: list[Any] = [None] * len(leaves)
            for k, t in zip(call.places, made):
                along[k] = t
            found = self._tangents(inner, tree.unflatten(structure, along), out, kwargs)
            return [zeros(atom.type) if found[k] is None else found[k] for k, atom in zip(places, call.outputs)]

        if not places:
            return out
        back = push = None
        if self._goes_back:
            back = recorded.aside(trace, f"{self._name}_back", [*types, *types], record_pull)
        if self._along is not None:
            given = [(atom.type, symbol.kind) for atom, symbol in zip(call.inputs, call.symbols)]
            push = recorded.aside(trace, f"{self._name}_along", given, record_push)
        for k, made in zip(places, recorded.record_ruled(call, symbols, self._name, back, push)):
            results[k] = made
        return tree.unflatten(nesting, results)


def data_of(leaf: Any) -> Any:
    return leaf._data if isinstance(leaf, Value) else leaf


def opened(f: Callable[..., Any]) -> Callable[..., Any]:
    """A user's function as a trace calls it: its branches and loops open."""
    trace = tr.current()
    return f if trace is None or trace.handlers is None else trace.handlers.call(f)


def own(leaf: Any, leaves: Sequence[Any]) -> Any:
    """A result in memory of its own."""
    data = data_of(leaf)
    if type(data) is not np.ndarray:
        return leaf
    arrays = [data_of(x) for x in leaves]
    if not any(np.may_share_memory(data, x) for x in (a.example() if isinstance(a, Lifted) else a for a in arrays)
               if isinstance(x, np.ndarray)):  # fmt: skip
        return leaf
    return wrap(data.copy()) if isinstance(leaf, Value) else data.copy()
