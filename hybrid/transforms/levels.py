"""Operations as graphs: what a transform that follows eager code knows of an operation is the graph that tracing it gives.

An operation is any function of this library that a user's code calls. Its graph is found once for operands of the same types,
and so are the graphs derived from it; calls of them are operations again, which a transform of a lower level may follow.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import GradientError, HybridError, TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend import islands, values  # noqa: F401 (calls of libraries are operations, too)
from hybrid.frontend.values import Value, wrap
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.graph import Graph, Literal, evaluate, has_effects, symbols_of, walk
from hybrid.ir.lifted import Followed, Level, Lifted
from hybrid.ir.primitive import Kind
from hybrid.ir.requests import Concretise
from hybrid.ir.trace import Chain, Symbol, Trace
from hybrid.ops import view as v
from hybrid.transforms import forward, reverse
from hybrid.transforms.batch import batch
from hybrid.transforms.reverse import differentiable
from hybrid.transforms.terms import Recorder

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOST = 4096  # operations that are remembered
_WEAK = TensorType(dt.float64, (), weak=True)


# From a graph to a compiled function of arrays; `staging.followed` enters it.
compiler: Callable[[Graph], Callable[..., tuple]] | None = None


class Operation:
    """One operation on operands of given types, as a graph.

    Args:
        graph: its inputs are the operands, its outputs the results and then what is written into operands.
        name: what the user calls it.
        results: how many results it has.
        views: for each result, the operand that it is a view of and how, or None.
        writes: the operands that are written, in the order of the outputs.
    """

    def __init__(
        self, graph: Graph, name: str, results: int, views: Sequence[tuple[int, Chain] | None], writes: Sequence[int],
        native: bool = False,
    ):  # fmt: skip
        self.graph, self.name, self.results, self.native = graph, name, results, native
        self.nesting: tuple[tree.Structure, list] | None = None  # of what the call gives, and what in it is no result
        self.views, self.writes = tuple(views), tuple(writes)
        self.outputs = tuple(atom.type for atom in graph.outputs)
        self.smooth = tuple(differentiable(atom) for atom in graph.outputs)
        self.takes = tuple(differentiable(var) for var in graph.inputs)
        self.shows = any(view is not None for view in self.views)  # an operand, seen otherwise
        # Whether it gives numbers that are not already there.
        self.computes = any(s and (k >= results or self.views[k] is None) for k, s in enumerate(self.smooth))
        self._made: dict[Hashable, Any] = {}

    @cached_property
    def numbers(self) -> bool:
        """Whether Python takes numbers out of tensors in it."""
        return any(eqn.primitive is v.stop and eqn.params["tag"] == v.NUMBER for eqn in walk(self.graph))

    def refuse_numbers(self, followed: Sequence[Any]) -> None:
        """What is an error of eager code is one of a compiled function: a derivative would be lost."""
        key = "numbers", tuple([x is not None for x in followed])
        if key not in self._made:
            active = reverse.depending(self.graph.eqns, list(itertools.compress(self.graph.inputs, key[1])))
            self._made[key] = reverse.number_taken(self.graph.eqns, active)
        if (eqn := self._made[key]) is not None:
            raise lifted.lost(eqn.inputs[0].type, "a Python number", eqn.source)

    @cached_property
    def fresh(self) -> tuple[bool, ...]:
        """For each result, whether it has an operand's shape and nothing else of it: zeros, to be written, but no answers."""
        reached: set[Any] = set(self.graph.inputs)
        for eqn in self.graph.eqns:
            if not reached.isdisjoint(eqn.inputs):
                reached.update(eqn.outputs)
        outputs = self.graph.outputs[: self.results]
        return tuple([atom not in reached and atom.type.dtype != dt.bool_ for atom in outputs])

    def backward(self, wanted: tuple[bool, ...], given: tuple[bool, ...]) -> tuple[Call, tuple[int, ...]]:
        """The call that takes cotangents of some results to some operands, and the operands that it needs besides."""
        key = "backward", wanted, given
        if key not in self._made:
            graph = self._quiet(reverse.vjp(self.graph, wanted, given, results=False))
            used = {atom for eqn in graph.eqns for atom in eqn.inputs} | set(graph.outputs)
            count = len(self.graph.inputs)
            kept = tuple(k for k in range(count) if graph.inputs[k] in used)
            inputs = (*(graph.inputs[k] for k in kept), *graph.inputs[count:])
            self._made[key] = Call(graph.replace(inputs=inputs), f"the derivative of {self.name}", native=self.native), kept
        return self._made[key]

    def batched(self, mapped: tuple[bool, ...], size: int, randomness: str) -> tuple[Call, tuple[bool, ...]]:
        """The call for all examples, some operands having one for each, and which results then do."""
        key = "batched", mapped, size, randomness
        if key not in self._made:
            graph, have = batch(self.graph, mapped, size, randomness=randomness)
            self._made[key] = Call(graph, f"{self.name} of examples", native=self.native), have
        return self._made[key]

    def nested(self, results: Sequence[Any]) -> Any:
        """What the call gives, with these results in their places."""
        if self.nesting is None:
            return tuple(results[: self.results])
        structure, leaves = self.nesting
        source = iter(results)
        return tree.unflatten(structure, [next(source) if leaf is Value else leaf for leaf in leaves])

    def _quiet(self, graph: Graph) -> Graph:
        """A derivative's graph, which does not draw or print once more what the operation did."""
        if has_effects(graph):
            raise GradientError(f"{self.name} draws random numbers or prints, and its derivative would once more",
                                fix="draw first, and compute with what was drawn")  # fmt: skip
        return graph

    def forward(self, given: tuple[bool, ...]) -> tuple[Call, tuple[bool, ...]]:
        """The call that takes operands and some tangents to the tangents of results, and which results have one."""
        key = "forward", given
        if key not in self._made:
            graph, have = forward.jvp(self.graph, given)
            graph = self._quiet(reverse.pruned(graph.replace(outputs=graph.outputs[len(self.outputs) :])))
            self._made[key] = Call(graph, f"the derivative of {self.name}", native=self.native), have
        return self._made[key]


class Call:
    """A graph as an operation of its own: a pure function of tensors that returns a tuple of them.

    `run` computes it from arrays; with `native` it, and what is derived from it, is compiled otherwise.
    """

    def __init__(self, graph: Graph, name: str, run: Callable[..., tuple] | None = None, native: bool = False):
        self.graph, self.__name__ = graph, name
        self._follows: dict[tuple[bool, ...], tuple[bool, ...]] = {}
        self.operation = Operation(graph, name, len(graph.outputs), [None] * len(graph.outputs), (), native)
        if run is not None:
            self._run = run  # type: ignore[assignment]

    @cached_property
    def shares(self) -> tuple[bool, ...]:
        """For each result, whether it is an operand or lies in the memory of one."""
        shown: set[Any] = {*self.graph.inputs, *(var for var, _ in self.graph.constants)}
        for eqn in self.graph.eqns:
            if eqn.primitive.kind is Kind.VIEW and eqn.inputs[0] in shown:
                shown.update(eqn.outputs)
        return tuple([atom in shown or isinstance(atom, Literal) for atom in self.graph.outputs])

    def follows(self, operands: Sequence[Any]) -> tuple[bool, ...]:
        """For each result, whether it has a derivative by those operands that a transform follows."""
        followed = tuple([isinstance(x._data, Lifted) for x in operands])
        if followed not in self._follows:
            reached = reverse.depending(self.graph.eqns, [var for var, has in zip(self.graph.inputs, followed) if has])
            self._follows[followed] = tuple([atom in reached for atom in self.graph.outputs])
        return self._follows[followed]

    def __call__(self, *operands: Any) -> tuple:
        data = [x._data for x in operands]
        if tr.current() is not None:
            return self._inlined(operands)
        if any(isinstance(x, Lifted) for x in data):
            return lifted.follow(self, operands, {})
        return tuple(map(wrap, self._run(*data)))

    @cached_property
    def _run(self) -> Callable[..., tuple]:
        """The graph as one Python function of arrays, where its sizes are numbers and nothing branches."""
        graph = self.graph
        if self.operation.native and compiler is not None:
            return compiler(graph)
        if any(eqn.primitive.kind is Kind.CONTROL or symbols_of(eqn) for eqn in graph.eqns):
            return functools.partial(evaluate, graph)
        names: dict[Any, str] = {}
        known: dict[str, Any] = {}

        def name(atom: Any) -> str:
            if isinstance(atom, Literal):
                return _entered(known, np.asarray(atom.value))
            return names[atom]

        names.update((var, f"x{k}") for k, var in enumerate(graph.inputs))
        names.update((var, _entered(known, array)) for var, array in graph.constants)
        lines = [f"def run({', '.join(names[var] for var in graph.inputs)}):"]
        for eqn in graph.eqns:
            function = functools.partial(eqn.primitive.eval, **eqn.params) if eqn.params else eqn.primitive.eval
            made = []
            for var in eqn.outputs:
                names[var] = f"t{len(names)}"
                made.append(names[var])
            if len(made) == 1 and eqn.primitive.kind is Kind.OPAQUE:
                function = functools.partial(_alone, function)
            target = ", ".join(made) + ("," if len(made) > 1 else "")
            lines.append(f"    {target} = {_entered(known, function)}({', '.join(map(name, eqn.inputs))})")
        lines.append(f"    return ({''.join(name(atom) + ', ' for atom in graph.outputs)})")
        exec("\n".join(lines), known)
        return known["run"]

    def _inlined(self, operands: Sequence[Any]) -> tuple:
        trace = values.active()
        atoms = [values.read(trace, x) for x in operands]
        env = reverse.replay(Recorder(trace.builder), self.graph, atoms)
        return tuple(wrap(trace.fresh(env.get(atom, atom), "tensor")) for atom in self.graph.outputs)


def _alone(function: Callable, *arrays: Any) -> Any:
    """The only result, which some primitives give as one of several."""
    out = function(*arrays)
    return out[0] if type(out) is tuple else out


def _entered(known: dict[str, Any], value: Any) -> str:
    """The name under which a function finds a value."""
    name = f"k{len(known)}"
    known[name] = value
    return name


_known: OrderedDict[Hashable, Operation] = OrderedDict()


def follow(function: Callable, args: tuple, kwargs: dict) -> Any:
    """An operation some of whose operands a transform follows: the one of the highest level handles it."""
    levels = [x._data.level for x in _tensors((args, kwargs)) if isinstance(x._data, Lifted)]
    if not levels:
        raise Followed
    return max(levels, key=_number).apply(function, args, kwargs)


def _number(level: Level) -> int:
    return level.number


def _tensors(x: Any) -> list:
    """The tensors among arguments."""
    kind = type(x)
    if kind is values.tensor_class:
        return [x]
    if kind is tuple or kind is list:
        return [found for item in x for found in _tensors(item)]
    if kind is dict:
        return [found for item in x.values() for found in _tensors(item)]
    if kind is slice:
        return _tensors((x.start, x.stop, x.step))
    return []


def replaced(x: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments with other tensors for those among them."""
    kind = type(x)
    if kind is values.tensor_class:
        return change(x)
    if kind is tuple or kind is list:
        return kind([replaced(item, change) for item in x])
    if kind is dict:
        return {name: replaced(item, change) for name, item in x.items()}
    if kind is slice:
        return slice(*(replaced(item, change) for item in (x.start, x.stop, x.step)))
    return x


def operation(function: Callable, args: tuple, kwargs: dict, operands: list) -> Operation:
    """The graph of a call. `operands` gets what goes into it: tensors, arrays and floats, in order."""
    if hasattr(function, "by_library"):  # whose derivatives may decide by numbers
        args, kwargs = _with_numbers(args), _with_numbers(kwargs)
    try:
        forgets = _holds_code(args) or (bool(kwargs) and _holds_code(list(kwargs.values())))
        key: Any = function, _described(args, operands), _described(kwargs, operands) if kwargs else None
        hash(key)
    except TypeError:
        raise GradientError(f"{_name(function)} takes an argument that no transform follows", got=f"{args}"[:80]) from None
    if isinstance(function, Call):
        return function.operation
    try:
        if key not in _settled:
            return _traced(function, args, kwargs, operands) if forgets else _remembered(key, function, args, kwargs, operands)
    except Concretise as asked:
        if not all(isinstance(operands[k], float) for k in asked.arguments):
            what = f"{_name(function)} decides by values that a transform follows"
            fix = "decide before, and compute with what was decided"
            raise GradientError(what, got=asked.what, at=tr.user_line(), fix=fix) from None
        if len(_settled) >= MOST:
            _settled.clear()
        _settled.add(key)
    operands.clear()
    return operation(function, _with_numbers(args), _with_numbers(kwargs), operands)


def _remembered(key: Hashable, function: Callable, args: tuple, kwargs: dict, operands: Sequence[Any]) -> Operation:
    return remembered(key, lambda: _traced(function, args, kwargs, operands))


_settled: set[Hashable] = set()  # calls whose graphs depend on the values of numbers among their arguments


class Number(float):
    """A number that is no operand: the graph of a call depends on its value."""

    __slots__ = ()


def _with_numbers(x: Any) -> Any:
    """Arguments with numbers in place of floats."""
    if isinstance(x, float):
        return Number(x)
    if type(x) in (tuple, list):
        return type(x)([_with_numbers(item) for item in x])
    return {key: _with_numbers(item) for key, item in x.items()} if type(x) is dict else x


def _holds_code(args: Sequence[Any]) -> bool:
    """Whether there are functions among arguments, which may mean something else next time."""
    return any([_holds_code(x) if type(x) in (tuple, list) else type(x) in _CODE for x in args])


_CODE = (FunctionType, MethodType, functools.partial)


def remembered(key: Hashable, make: Callable[[], Operation]) -> Operation:
    """The operation of a key; the oldest are forgotten when there are many."""
    found = _known.get(key)
    if found is None:
        found = make()
        _known[key] = found
        while len(_known) > MOST:
            _known.popitem(last=False)
    return found


def data_of(x: Any) -> Any:
    """What an operand is below: the array or value of a tensor, an array for a number."""
    return x._data if isinstance(x, Value) else np.asarray(x)


def bottom(data: Any) -> Any:
    """The array under what transforms know."""
    while isinstance(data, Lifted):
        data = data.value
    return data


def apart(x: Any, operands: Sequence[Any]) -> Any:
    """A call's result in memory of its own, where it is an operand or a view of one."""
    data = x._data
    if type(data) is not np.ndarray or (data.base is None and not any([bottom(data_of(o)) is data for o in operands])):
        return x
    return wrap(data.copy())


HELD = 2  # references to what one object holds, as `sys.getrefcount` counts them: the object's, and its own


def overlap(made: Any, operand: Any) -> bool:
    """Whether a result that the graph knows for new numbers is in an operand's memory."""
    array = bottom(made)
    return array.base is not None and np.may_share_memory(array, bottom(operand))


def followed_like(data: Any, other: Any) -> Any:
    """New numbers as what follows another value follows them, so that what is written there may be written here."""
    while isinstance(other, Lifted):
        data = _under(data, other)
        other = other.value
    return data


def _under(data: Any, other: Lifted) -> Any:
    """A value that one more transform follows, below those of higher levels."""
    if not isinstance(data, Lifted) or data.level.number < other.level.number:
        return other.level.constant(data, other)
    if data.level is other.level:
        data.match(other)
    else:
        data.within(lambda x: _under(x, other))
    return data


def parts_are_shown() -> GradientError:
    return GradientError("a tensor is written while its real or imaginary part, in the same memory, is in use",
                         at=tr.user_line(), fix="write into a copy, x.real.copy()")  # fmt: skip


def viewed(array: np.ndarray, chain: Chain) -> np.ndarray:
    """A chain of views of an array, in the same memory."""
    for primitive, params in chain:
        array = primitive.eval(array, **params)
    return array


def refuse_shared(x: Any, what: str = "a value that gradients flow through") -> None:
    """Refuse to write what a transform follows into a plain tensor whose memory others show: it would not be followed there."""
    data = x._data
    if data.alone if isinstance(data, Lifted) else not shown_elsewhere(data):
        return
    raise GradientError(f"{what} is written into memory that is also seen otherwise: as a view, or as a NumPy array",
                        at=tr.user_line(), got=f"{data.dtype} of shape {data.shape}",
                        fix="write into a tensor of its own, x.clone(), or hybrid.zeros_like of an argument, and take views "
                            "after that")  # fmt: skip


def shown_elsewhere(array: np.ndarray) -> bool:
    """Whether anybody but one tensor holds an array, or what it is a view of: references are counted, less our own frames'."""
    owner = array
    while type(owner.base) is np.ndarray:
        owner = owner.base
    if owner.base is not None:
        return True
    own = _ALONE + (owner is array)
    frame: Any = sys._getframe(1)
    held = 0
    seen: set[int] = set()
    while frame is not None and sys.getrefcount(owner) - own > held and frame.f_code.co_filename.startswith(PACKAGE):
        held += _held(frame, owner, seen)
        frame = frame.f_back
    return sys.getrefcount(owner) - own > held


def _held(frame: Any, owner: np.ndarray, seen: set[int]) -> int:
    """How many references to an array the variables of a call are."""
    known = frame.f_locals
    times = 2 if type(known) is dict else 1  # up to Python 3.12 the call remembers the dict, which holds them, too
    held = 0
    for value in known.values():
        if value is owner:
            held += times
        elif type(value) is list and id(value) not in seen:
            seen.add(id(value))
            held += sum([item is owner for item in value])
    return held


_ALONE = 3  # references to what one tensor holds: the tensor's, or its view's, a variable's, and the count's own


def _name(function: Callable) -> str:
    return getattr(function, "__name__", "an operation")


def _described(x: Any, operands: list) -> Hashable:
    """What the graph of a call depends on, of an argument."""
    kind = type(x)
    if kind is values.tensor_class:
        operands.append(x)
        data = x._data
        if not data.flags.c_contiguous:
            return "tensor", data.dtype, data.shape, data.strides
        return "tensor", data.dtype, data.shape
    if kind is float:
        operands.append(x)
        return "float"
    if kind is tuple or kind is list:
        return kind, *[_described(item, operands) for item in x]
    if kind is dict:
        return tuple([(name, _described(item, operands)) for name, item in x.items()])
    if kind is slice:
        return slice, *[_described(item, operands) for item in (x.start, x.stop, x.step)]
    if kind is np.ndarray:
        operands.append(x)
        return "array", x.dtype, x.shape, x.strides
    if isinstance(x, np.generic):
        operands.append(x)
        return "scalar", x.dtype
    return kind, x


def _traced(function: Callable, args: tuple, kwargs: dict, operands: Sequence[Any]) -> Operation:
    name = _name(function)
    with Trace(name) as trace:
        symbols = [_symbol(trace, x, k) for k, x in enumerate(operands)]
        source = iter(symbols)

        def symbolic(x: Any) -> Any:
            if type(x) in (tuple, list):
                return type(x)([symbolic(item) for item in x])
            if type(x) is dict:
                return {key: symbolic(item) for key, item in x.items()}
            if type(x) is slice:
                return slice(*map(symbolic, (x.start, x.stop, x.step)))
            if type(x) is Number:
                return float(x)
            return wrap(next(source)) if _is_operand(x) else x

        try:
            out = function(*symbolic(args), **symbolic(kwargs))
            return _finished(trace, name, symbols, out)
        except Followed:
            raise GradientError(f"{name} holds a tensor that a transform follows, where none can be seen") from None
        except HybridError as error:
            fix = error.fix if not isinstance(error, TraceError) else "use functions that do, or hybrid.custom_gradient"
            raise GradientError(f"{name} has no derivative: {error.what}, and has no form for many examples either",
                                got=error.got, fix=fix, at=tr.user_line()) from error  # fmt: skip


def _is_operand(x: Any) -> bool:
    return type(x) in (values.tensor_class, float, np.ndarray) or isinstance(x, np.generic)


def _symbol(trace: Trace, x: Any, k: int) -> Symbol:
    if type(x) is float:
        return trace.argument(_WEAK, "python", f"x{k}", k)
    data = x._data if isinstance(x, Value) else x
    kind = "tensor" if isinstance(x, Value) else "scalar" if isinstance(x, np.generic) else "ndarray"
    strides = data.strides if isinstance(data, (np.ndarray, Lifted)) else None
    return trace.argument(TensorType(data.dtype, data.shape), kind, f"x{k}", k, strides=strides)


def _finished(trace: Trace, name: str, symbols: Sequence[Symbol], out: Any) -> Operation:
    homes = {symbol.cell: k for k, symbol in enumerate(symbols)}
    results, views = [], []
    leaves, structure = tree.flatten(out)
    for leaf in leaves:
        if not isinstance(leaf, Value):
            continue
        data = leaf._data
        if type(data) is not Symbol:
            data = values.symbol(trace, leaf)
        results.append(tr.read(data))
        # A view whose place only a run knows is a result of its own, which is known to lie in an operand's memory (`overlap`).
        late = any(symbols_of(tuple(params.values())) for _, params in data.chain)
        views.append((homes[data.cell], data.chain) if data.cell in homes and not late else None)
    writes = [k for k, symbol in enumerate(symbols) if symbol.cell.written]
    graph = trace.builder.finish([*results, *(symbols[k].cell.value for k in writes)])
    made = Operation(graph, name, len(results), views, writes)
    made.nesting = structure, [Value if isinstance(leaf, Value) else leaf for leaf in leaves]
    return made
