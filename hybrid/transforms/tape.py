"""The tape: eager values that remember what they were computed from, and the way back from one of them.

A tracked value knows the storage that it shows, and the storage knows the node that computed what it holds; so writes through
views reach every other view, as in a trace. A node is the call of an operation's graph; going backward calls the graphs of
their derivatives, the latest call first. What a node needs of its operands is copied when somebody writes over it.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import sys
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from types import CodeType
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import GradientError
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Source
from hybrid.ir.lifted import Level, Lifted
from hybrid.ir.trace import Chain
from hybrid.transforms import levels
from hybrid.transforms.levels import Operation

SMALL = (
    1 << 14
)  # bytes of an array that nobody tracks up to which it is copied; of larger ones some elements are compared later
SAMPLES = 4096
_numbers = itertools.count()


class Leaf:
    """Where gradients arrive: an input of what is differentiated."""

    __slots__ = ("type", "grad", "hooks")

    def __init__(self, type: TensorType):
        self.type = type
        self.grad: Any = None
        self.hooks: dict[int, Callable] = {}

    def arrive(self, given: Any) -> None:
        """Add to the gradient."""
        self.grad = given if self.grad is None else self.grad + given


class Node:
    """One call of an operation: what its operands were computed by, and those of them that the way back needs."""

    __slots__ = ("number", "operation", "sources", "saved", "wanted", "line", "hooks", "kept", "__weakref__")

    def __init__(
        self, operation: Operation, sources: Sequence[Ref | None], wanted: tuple[bool, ...] | None = None, line: Any = None
    ):
        self.number = next(_numbers)
        self.operation, self.sources = operation, sources
        if wanted is None:
            wanted = tuple([source is not None and takes for source, takes in zip(sources, operation.takes)])
        self.wanted = wanted
        self.saved: Any = {}  # operands by place; None: freed
        self.line = line or _line()
        self.hooks: dict[int, dict[int, Callable]] | None = None  # by result
        self.kept: dict[int, Leaf] | None = None  # results whose gradients are kept

    def save(self, operands: Sequence[Any], tracked: Sequence[Tracked | None]) -> None:
        """Keep the operands that the way back needs."""
        for k in self.operation.backward(self.wanted, self.operation.smooth)[1]:
            t = tracked[k]
            if t is None:
                self.saved[k] = _watched(levels.data_of(operands[k]))
            else:
                self.saved[k] = t.value
                t.saved_by(self, k)

    def taken(self, k: int) -> Any:
        """What was saved of an operand."""
        data = self.saved[k]
        if type(data) is not Watched:
            return data
        if not data.unchanged:
            raise GradientError(f"{self.operation.name} needs an operand as it was, and it was written since",
                                got=f"{self.operation.graph.inputs[k].type} that no gradient flows through", at=self.source,
                                fix="write into a copy of it")  # fmt: skip
        return data.array

    @property
    def source(self) -> Source:
        """The user's line."""
        code, at = self.line
        line = next((line for start, end, line in code.co_lines() if start <= at < end and line), code.co_firstlineno)
        return Source(code.co_filename, line, code.co_name)


Ref = tuple[Node | Leaf, int]


def _line() -> tuple[CodeType, int]:
    """The user's code, and where in it: to look the line up takes longer."""
    frame = tr.user_frame() or sys._getframe()
    return frame.f_code, frame.f_lasti


class Watched:
    """An array that nobody tracks, and enough of its elements to notice most writes."""

    __slots__ = ("array", "sample", "step")

    def __init__(self, array: np.ndarray):
        self.array, self.step = array, -(-array.size // SAMPLES)
        self.sample = array.flat[:: self.step]

    @property
    def unchanged(self) -> bool:
        return self.array.flat[:: self.step].tobytes() == self.sample.tobytes()


def _watched(data: Any) -> Any:
    if type(data) is not np.ndarray:
        return data
    return data.copy() if data.nbytes <= SMALL else Watched(data)


Savers = list[tuple[weakref.ref[Node], int]]  # who saved a value, and as which operand
MANY_SAVERS = 64


class Storage:
    """Memory that tracked values share: who computed what it holds, how often it was written, and who needs what it holds."""

    __slots__ = ("current", "version", "type", "savers")

    def __init__(self, current: Ref, type: TensorType, savers: Savers):
        self.current, self.version, self.type, self.savers = current, 0, type, savers

    def about_to_change(self) -> None:
        """Give those that saved what it holds copies of their own."""
        for reference, k in self.savers:
            node = reference()
            if node is not None and node.saved is not None:
                node.saved[k] = wrap(node.saved[k]).copy()._data
        self.savers.clear()
        self.version += 1


class Tracked(Lifted):
    """A value on a tape: a storage seen through a chain of views."""

    __slots__ = ("origin", "chain", "savers", "_storage", "_seen")

    def __init__(self, level: Tape, value: Any, origin: Ref | None, storage: Storage | None = None, chain: Chain = ()):
        self.level, self.value, self.origin, self.chain = level, value, origin, chain
        self._storage = storage  # None as long as nothing else shows it and nobody writes it
        self.savers: Savers | None = None
        self._seen: tuple[int, Ref] | None = None

    @property
    def tape(self) -> Tape:
        assert isinstance(self.level, Tape)
        return self.level

    @property
    def storage(self) -> Storage:
        if self._storage is None:
            assert self.origin is not None
            type = TensorType(self.value.dtype, tuple(self.value.shape))
            self._storage = Storage(self.origin, type, self.savers or [])
        return self._storage

    def saved_by(self, node: Node, k: int) -> None:
        """Note who needs the value as it is."""
        if self._storage is not None:
            savers = self._storage.savers
        elif self.savers is None:
            savers = self.savers = []
        else:
            savers = self.savers
        savers.append((weakref.ref(node), k))
        if len(savers) % MANY_SAVERS == 0:
            savers[:] = [saver for saver in savers if saver[0]() is not None]

    @property
    def source(self) -> Ref:
        """Who computed it as it is now."""
        if self._storage is None:
            assert self.origin is not None
            return self.origin
        if not self.chain:
            return self._storage.current
        if self._seen is None or self._seen[0] != self.storage.version:
            node = Node(_view(self.storage.type, self.chain), (self.storage.current,), (True,))
            self._seen = self.storage.version, (node, 0)
        return self._seen[1]

    def stopped(self) -> Any:
        return self.value.stopped() if isinstance(self.value, Lifted) else self.value

    def text(self) -> str:
        array = self.array("repr()")
        body = np.array2string(array, separator=", ", prefix="tensor(")
        return f"tensor({body}, dtype={array.dtype.name}, requires_grad=True)"


def _key(chain: Chain) -> Hashable:
    return tuple([(primitive, tuple(params.items())) for primitive, params in chain])


def _view(type: TensorType, chain: Chain) -> Operation:
    """A chain of views as an operation on the whole."""
    return levels.remembered(("view", type, _key(chain)), lambda: _made_view(type, chain))


def _made_view(type: TensorType, chain: Chain) -> Operation:
    builder = Builder("view")
    atom: Any = builder.input(type)
    for primitive, params in chain:
        atom = builder.append(primitive, (atom,), params)[0]
    return Operation(builder.finish([atom]), "a view", 1, [None], ())


def _put(type: TensorType, chain: Chain, given: TensorType) -> Operation:
    """A whole with new elements where a chain of views shows them, as an operation on the whole and these."""
    return levels.remembered(("put", type, given, _key(chain)), lambda: _made_put(type, chain, given))


def _made_put(type: TensorType, chain: Chain, given: TensorType) -> Operation:
    builder = Builder("put")
    whole, value = builder.input(type), builder.input(given)

    def bind(primitive: Any, *inputs: Any, **params: Any) -> Any:
        return builder.append(primitive, inputs, params)[0]

    bases: list[Any] = [whole]
    for primitive, params in chain[:-1]:
        bases.append(bind(primitive, bases[-1], **params))
    new: Any = value
    for (primitive, params), base in zip(reversed(chain), reversed(bases)):
        assert primitive.put is not None
        new = primitive.put(bind, base, new, **params)
    return Operation(builder.finish([new]), "a write through a view", 1, [None], ())


class _Thread(threading.local):
    since = 0  # levels of lower numbers do not remember what is computed on this thread


_thread = _Thread()


def recording(level: Level | None = None) -> bool:
    """Whether a tape, that of all tensors by default, remembers operations here."""
    return (0 if level is None else level.number) >= _thread.since


@contextlib.contextmanager
def quiet(on: bool = True) -> Iterator[None]:
    """What is computed inside is not remembered, but by transforms that begin there; with `on` false it is again."""
    before, _thread.since = _thread.since, Level().number if on else 0
    trace = tr.current()
    if trace is None:
        try:
            yield
        finally:
            _thread.since = before
        return
    builder = trace.builder
    first, salt = len(builder.eqns), builder.salt
    builder.salt = object() if on else None
    try:
        yield
    finally:
        _thread.since, builder.salt = before, salt
        if on and trace.builder is builder:
            trace.quiet.update(builder.eqns[first:])


class Tape(Level):
    """One transform backward: of all tensors that require gradients (number 0), or of one call of `grad`."""

    def lift(self, data: Any, leaf: Leaf) -> Tracked:
        return Tracked(self, data, (leaf, 0))

    def below(self, x: Any) -> Any:
        """A tensor without what this tape knows of it."""
        data = x._data
        return wrap(data.value) if isinstance(data, Tracked) and data.level is self else x

    def apply(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        """Compute below, and remember how where gradients are to flow."""
        operands: list[Any] = []
        operation = levels.operation(function, args, kwargs, operands)
        tracked = [self.tracked(x) for x in operands]
        node = None
        records = self.number >= _thread.since
        if records and operation.computes:
            for k in operation.writes:
                self._check_write(operands[k], tracked[k])
            node = Node(operation, [None if t is None else t.source for t in tracked])
            if any(node.wanted):
                node.save(operands, tracked)
            else:
                node = None
        for k in operation.writes:
            if (t := tracked[k]) is not None:
                t.storage.about_to_change()
        out = function(*levels.replaced(args, self.below), **levels.replaced(kwargs, self.below))
        if not records or (node is None and not operation.shows):
            return out
        out = self._results(operation, node, out, tracked)
        if node is None:
            return out
        for at, k in enumerate(operation.writes):
            self._write(operands[k], tracked[k], node, operation.results + at)
        return out

    def tracked(self, x: Any) -> Tracked | None:
        data = x._data if isinstance(x, Value) else None
        return data if isinstance(data, Tracked) and data.level is self else None

    def _results(self, operation: Operation, node: Node | None, out: Any, tracked: Sequence[Tracked | None]) -> Any:
        leaves, structure = tree.flatten(out)
        place = 0
        for k, leaf in enumerate(leaves):
            if not isinstance(leaf, Value):
                continue
            view = operation.views[place]
            if view is not None:
                if (base := tracked[view[0]]) is not None:
                    leaves[k] = wrap(Tracked(self, leaf._data, None, base.storage, (*base.chain, *view[1])))
            elif node is not None and operation.smooth[place]:
                leaves[k] = wrap(Tracked(self, leaf._data, (node, place)))
            place += 1
        return leaves[0] if structure is tree.LEAF else tree.unflatten(structure, leaves)

    def _check_write(self, x: Any, tracked: Tracked | None) -> None:
        if self.number == 0 and tracked is not None and isinstance(tracked.source[0], Leaf):
            raise GradientError("a tensor that gradients are asked for is written in place",
                                got=f"{tracked.storage.type}, a leaf", at=tr.user_line(),
                                fix="write into a copy, x = x.clone(), or inside `with hybrid.no_grad():`")  # fmt: skip
        if tracked is None and not isinstance(x, Value):
            raise GradientError("a value that gradients flow through is written into a NumPy array", at=tr.user_line(),
                                fix="write into a tensor: hybrid.asarray(array)")  # fmt: skip

    def _write(self, x: Any, tracked: Tracked | None, node: Node, place: int) -> None:
        """Let storage hold a node's result from now on."""
        if tracked is None:
            data = x._data
            x._data = Tracked(self, data, (node, place))
            return
        storage, current = tracked.storage, (node, place)
        if tracked.chain:
            operation = _put(storage.type, tracked.chain, node.operation.outputs[place])
            current = Node(operation, (storage.current, current), (True, True), node.line), 0
        storage.current = current


TAPE = Tape(0)


# Backward ---------------------------------------------------------------------------------------------------------------
def pull(
    level: Tape, roots: Sequence[tuple[Ref, Any]], arrive: Callable[[Leaf, Any], None], *, retain: bool, follow: bool
) -> None:
    """Take cotangents from roots to leaves, the latest node first.

    Args:
        arrive: called with each leaf and what reaches it.
        retain: keep what the nodes saved, so that the way can be gone again.
        follow: whether the steps of the way are themselves remembered on this level.
    """
    grads: dict[Ref, Any] = {}
    waiting: list[tuple[int, Node]] = []
    seen: set[Node] = set()

    def add(ref: Ref, given: Any) -> None:
        where = ref[0]
        if isinstance(where, Leaf):
            arrive(where, _hooked(where.hooks, given))
            return
        grads[ref] = grads[ref] + given if ref in grads else given
        if where not in seen:
            seen.add(where)
            heapq.heappush(waiting, (-where.number, where))

    for ref, given in roots:
        add(ref, given)
    with np.errstate(all="ignore"):  # a derivative may be infinite where its value is not
        _go_back(level, waiting, grads, add, retain, follow)


def _go_back(
    level: Tape, waiting: list[tuple[int, Node]], grads: dict[Ref, Any], add: Callable, retain: bool, follow: bool
) -> None:
    while waiting:
        node = heapq.heappop(waiting)[1]
        cotangents = []
        for place in range(len(node.operation.outputs)):
            g = grads.pop((node, place), None)
            if g is not None:
                if node.hooks is not None:
                    g = _hooked(node.hooks.get(place, {}), g)
                if node.kept is not None and place in node.kept:
                    node.kept[place].arrive(g)
            cotangents.append(g)
        sources = [source for source, wanted in zip(node.sources, node.wanted) if wanted and source is not None]
        for source, g in zip(sources, _pulled(level, node, cotangents, follow)):
            add(source, g)
        if not retain:
            node.saved = None


def _hooked(hooks: dict[int, Callable], given: Any) -> Any:
    for hook in list(hooks.values()):
        out = hook(given)
        given = given if out is None else out
    return given


def _pulled(level: Tape, node: Node, given: Sequence[Any], follow: bool) -> tuple:
    """One step: cotangents of the operands that gradients flow to."""
    if node.saved is None:
        raise GradientError(f"{node.operation.name} has been differentiated already, and what that needs was freed",
                            at=node.source, fix="backward(retain_graph=True) the first time")  # fmt: skip
    call, used = node.operation.backward(node.wanted, tuple([g is not None for g in given]))
    operands = []
    for k in used:
        data, source = node.taken(k), node.sources[k]
        if follow and source is not None:
            data = Tracked(level, data, source)
        operands.append(wrap(data))
    return call(*operands, *(g for g in given if g is not None))
