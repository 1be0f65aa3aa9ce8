"""The tape: eager values that remember what they were computed from, and the way back from one of them.

A tracked value knows the storage that it shows, and the storage knows the node that computed what it holds; so writes through
views reach every other view, as in a trace. A node is the call of an operation's graph; going backward calls the graphs of
their derivatives, the latest call first. What a node needs of its operands is copied when somebody writes over it.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import GradientError
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, wrap
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.graph import Source
from hybrid.ir.lifted import DECISIONS, Level, Lifted
from hybrid.ir.trace import Chain, Trace
from hybrid.transforms import levels
from hybrid.transforms.arguments import Arguments
from hybrid.transforms.chains import put as chained_put
from hybrid.transforms.chains import view as chained_view
from hybrid.transforms.levels import Operation
from hybrid.transforms.saved import Watched, watched

LOGS = frozenset(("float()", "complex()", "item()", "tolist()", "pickling"))  # as in PyTorch, of tensors that require gradients
_numbers = itertools.count()
_arriving = threading.Lock()  # gradients of one leaf may come from several threads


class Leaf:
    """Where gradients arrive: an input of what is differentiated."""

    __slots__ = ("type", "grad", "hooks")

    def __init__(self, type: TensorType):
        self.type = type
        self.grad: Any = None
        self.hooks: dict[int, Callable] = {}

    def arrive(self, given: Any) -> None:
        """Add to the gradient: in its memory, as PyTorch does, unless either is part of a graph of its own."""
        with _arriving:
            if self.grad is None:
                self.grad = given
                return
            held, more = self.grad._data, given._data
            if type(held) is type(more) is np.ndarray and held.flags.writeable:
                np.add(held, more, out=held)
            else:
                self.grad = self.grad + given


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
        self.saved: Any = {}  # operands by place k, and at ~k who else saved what shares their memory; None: freed
        self.line = line or _line()
        self.hooks: dict[int, dict[int, Callable]] | None = None  # by result
        self.kept: dict[int, Leaf] | None = None  # results whose gradients are kept

    def save(self, operands: Sequence[Any], tracked: Sequence[Tracked | None]) -> None:
        """Keep the operands that the way back needs."""
        for k in self.operation.backward(self.wanted, self.operation.smooth)[1]:
            t = tracked[k]
            if t is not None:
                self.keep(k, t)
            elif self._writes(operands, data := levels.data_of(operands[k])):
                self.saved[k] = wrap(data).copy()._data
            else:
                self.saved[k] = self._of_others(k, data)

    def keep(self, k: int, tracked: Tracked) -> None:
        """Keep an operand that the tape tracks."""
        storage = tracked._storage
        if storage is not None and storage.shared is None and not tracked.chain:
            storage.shared = type(tracked.value) is np.ndarray and levels.shown_elsewhere(tracked.value)
        unseen = storage is not None and storage.shared is not False
        self.saved[k] = watched(tracked.value) if unseen else tracked.value
        self.saved[~k] = tracked.saved_by(self, k)

    def keep_all(self, places: Sequence[int], tracked: Sequence[Tracked | None], arrays: Sequence) -> None:
        """`keep`, in one call where nobody else shows the memory, and constants."""
        saved, me = self.saved, weakref.ref(self)
        for k in places:
            if (t := tracked[k]) is None:
                saved[k] = watched(arrays[k])
                continue
            if (storage := t._storage) is None:
                if (savers := t.savers) is None:
                    t.savers = [(me, k)]
                    saved[k], saved[~k] = t.value, t.savers
                    continue
            elif storage.shared is False:
                savers = storage.savers
            else:
                self.keep(k, t)
                continue
            savers.append((me, k))
            if len(savers) % MANY_SAVERS == 0:
                savers[:] = _alive(savers)
            saved[k], saved[~k] = t.value, savers

    def _writes(self, operands: Sequence[Any], data: Any) -> bool:
        """Whether the operation itself writes into this memory."""
        written = [levels.data_of(operands[k]) for k in self.operation.writes]
        return any([w is data or (_are_arrays(w, data) and np.may_share_memory(w, data)) for w in written])

    def _of_others(self, k: int, data: Any) -> Any:
        """An operand that this tape does not track; of lower tapes, which tell when it is written."""
        below = data
        while isinstance(below, Tracked):
            below.saved_by(self, k)
            below = below.value
        return watched(data) if below is data or isinstance(below, Lifted) else data

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

    def back(self, level: Tape, given: Sequence[Any], follow: bool) -> Sequence[Any]:
        """One step: from cotangents of the results to those of the operands that gradients flow to."""
        if self.saved is None:
            raise self.freed()
        call, used = self.operation.backward(self.wanted, tuple([g is not None for g in given]))
        operands = []
        for k in used:
            data, source = self.taken(k), self.sources[k]
            if follow and source is not None:
                tracked = Tracked(level, data, source)
                tracked.savers = self.saved[~k]  # who writes it writes what others of this storage saved
                if type(self.saved[k]) is Watched:
                    tracked.storage.share()
                data = tracked
            operands.append(wrap(data))
        return call(*operands, *(g for g in given if g is not None))

    def free(self) -> None:
        """Forget what the way back needs."""
        self.saved = None

    def freed(self) -> GradientError:
        return GradientError(f"{self.operation.name} has been differentiated already, and what that needs was freed",
                             at=self.source, fix="backward(retain_graph=True) the first time")  # fmt: skip

    @property
    def source(self) -> Source:
        """The user's line."""
        code, at = self.line
        line = next((line for start, end, line in code.co_lines() if start <= at < end and line), code.co_firstlineno)
        return Source(code.co_filename, line, code.co_name)


class _Constant(Node):
    """Numbers that no gradient is asked of, remembered only since others may be written into them."""

    __slots__ = ("outputs",)
    name = "a constant"

    def __init__(self, type: TensorType):
        self.outputs = (type,)
        super().__init__(self, (), ())  # type: ignore[arg-type]

    def back(self, level: Tape, given: Sequence[Any], follow: bool) -> Sequence[Any]:
        return ()


Ref = tuple[Node | Leaf, int]


def now() -> int:
    """A number greater than those of all nodes there are, and smaller than those of nodes to come."""
    return next(_numbers)


def _line() -> tuple[CodeType, int]:
    """The user's code, and where in it: to look the line up takes longer."""
    frame = tr.user_frame() or sys._getframe()
    return frame.f_code, frame.f_lasti


def _are_arrays(*data: Any) -> bool:
    return all([type(x) is np.ndarray for x in data])


Savers = list[tuple[weakref.ref[Node], int]]  # who saved a value, and as which operand
MANY_SAVERS = 64


def _alive(savers: Savers) -> Savers:
    return [saver for saver in savers if saver[0]() is not None]


class Storage:
    """Memory that tracked values share: who computed what it holds, how often it was written, and who needs what it holds."""

    __slots__ = ("current", "version", "type", "savers", "shared", "others", "__weakref__")

    def __init__(self, current: Ref, type: TensorType, savers: Savers):
        self.current, self.version, self.type, self.savers = current, 0, type, savers
        self.shared: bool | None = False  # whether somebody may write it unseen; None: to be found out
        self.others: list[weakref.ref] = []  # of this memory that no chain of views leads to: the real part's

    def share(self) -> None:
        """Let writes that nobody tells of do no harm, from now on."""
        if not self.shared:
            self.shared = True
            for node, k in self._savers():
                node.saved[k] = watched(node.saved[k])

    def _savers(self) -> Iterator[tuple[Node, int]]:
        for reference, k in self.savers:
            node = reference()
            if node is not None and node.saved is not None:
                yield node, k

    def about_to_change(self) -> None:
        """Give those that saved what it holds copies of their own."""
        if any([other() is not None for other in self.others]):
            raise levels.parts_are_shown()
        for node, k in self._savers():
            data = node.saved[k]
            if type(data) is not Watched:
                node.saved[k] = wrap(data).copy()._data
            elif data.unchanged:
                node.saved[k] = data.array.copy()
        self.savers.clear()
        self.version += 1


class Tracked(Lifted):
    """A value on a tape: a storage seen through a chain of views."""

    __slots__ = ("origin", "chain", "savers", "form", "_storage", "_seen")

    def __init__(
        self, level: Tape, value: Any, origin: Ref | None, storage: Storage | None = None, chain: Chain = (), form: Any = None
    ):
        self.level, self.value, self.origin, self.chain = level, value, origin, chain
        self.form = form  # one object for all arrays of a dtype, a shape and strides, once it is known: the array is ours alone
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
            self._storage = Storage(self.origin, type, [] if self.savers is None else self.savers)
        return self._storage

    def saved_by(self, node: Node, k: int) -> Savers:
        """Note who needs the value as it is, among all who do."""
        if self._storage is not None:
            savers = self._storage.savers
        elif self.savers is None:
            savers = self.savers = []
        else:
            savers = self.savers
        savers.append((weakref.ref(node), k))
        if len(savers) % MANY_SAVERS == 0:
            savers[:] = _alive(savers)
        return savers

    @property
    def source(self) -> Ref:
        """Who computed it as it is now."""
        if self._storage is None:
            assert self.origin is not None
            return self.origin
        if not self.chain:
            return self._storage.current
        if self._seen is None or self._seen[0] != self.storage.version:
            node = Node(chained_view(self.storage.type, self.chain), (self.storage.current,), (True,))
            self._seen = self.storage.version, (node, 0)
        return self._seen[1]

    @property
    def alone(self) -> bool:
        return self._storage is None or not (self._storage.shared or sys.getrefcount(self._storage) > levels.HELD)

    def array(self, what: str) -> np.ndarray:
        out = super().array(what)
        if what in DECISIONS or what in LOGS:
            return out
        self.storage.share()  # NumPy's array is in the same memory
        return out.view()

    def stopped(self) -> Any:
        self.storage.share()
        return self.value.stopped() if isinstance(self.value, Lifted) else self.value.view()

    def text(self) -> str:
        array = self.array("repr()")
        body = np.array2string(array, separator=", ", prefix="tensor(")
        return f"tensor({body}, dtype={array.dtype.name}, requires_grad=True)"


class _ThreadState(threading.local):
    quiet = 0.0  # tapes of lower numbers do not remember what is computed on this thread


thread_state = _ThreadState()


def recording(level: Level | None = None) -> bool:
    """Whether a tape, that of all tensors by default, remembers operations here."""
    return (0 if level is None else level.number) >= thread_state.quiet


@contextlib.contextmanager
def quiet(on: bool = True, below: float | None = None) -> Iterator[None]:
    """What is computed inside is not remembered by the tapes there are, or those below a number; with `on` false it is."""
    before, trace = thread_state.quiet, tr.current()
    thread_state.quiet = 0.0 if not on else max(before, lifted.next_number() if below is None else below)
    try:
        with contextlib.nullcontext() if trace is None else _apart(trace, on):
            yield
    finally:
        thread_state.quiet = before


@contextlib.contextmanager
def _apart(trace: Trace, on: bool) -> Iterator[None]:
    """What a trace records inside is told from what it records elsewhere, and derivatives pass it by."""
    builder = trace.builder
    first, builder.salt, before = len(builder.eqns), object() if on else None, builder.salt
    try:
        yield
    finally:
        builder.salt = before
        if on and trace.builder is builder:
            trace.quiet.update(builder.eqns[first:])


class Tape(Level):
    """One transform backward: of all tensors that require gradients (number 0), or of one call of `grad`."""

    def __init__(self, number: int | None = None):
        super().__init__(number)
        self.open = True  # whether what is computed is remembered
        self._leaves: list[Tracked] = []  # of a call's arguments
        self._arguments: Arguments | None = None
        self._taken: list[weakref.ref] = []  # tensors that were plain until a tracked value was written into them

    def lift(self, data: Any, leaf: Leaf, shared: bool | None = False) -> Tracked:
        """A leaf; `shared` where its memory may be written unseen, None where that is to be found out."""
        # Who holds the array itself may give it another shape.
        tracked = Tracked(self, data.view() if type(data) is np.ndarray else data, (leaf, 0))
        if shared is not False:
            tracked.storage.shared = shared
        if self.number != 0:
            self._leaves.append(tracked)
        return tracked

    def constant(self, data: Any, like: Any) -> Any:
        if not self.records:
            return data
        return Tracked(self, data, (_Constant(TensorType(data.dtype, tuple(data.shape))), 0))

    def began(self, others: Sequence[Any]) -> None:
        """All leaves of a call are there; the call's other arguments are these."""
        self._arguments = Arguments([leaf.value for leaf in self._leaves], others)

    def ended(self) -> None:
        """The call has run."""
        if self._arguments is not None:
            self._arguments.ended([leaf._storage is not None and leaf._storage.version > 0 for leaf in self._leaves])

    def _check_leaves(self, written: Tracked) -> None:
        """Refuse to write one argument that another shows, too."""
        if self._arguments is not None or len(self._leaves) > 1:
            arguments = self._arguments or Arguments(self._leaves, (), looks=False)
            arguments.check(written, [leaf.storage is written.storage for leaf in self._leaves])

    @property
    def records(self) -> bool:
        """Whether what is computed here and now is remembered."""
        return self.open and self.number >= thread_state.quiet

    def lets_out(self, what: str) -> bool:
        return not self.records or what in DECISIONS or (self.number == 0 and what in LOGS)

    @contextlib.contextmanager
    def reopened(self) -> Iterator[None]:
        """What is computed inside is remembered even where the tape has been closed."""
        before, self.open = self.open, True
        try:
            yield
        finally:
            self.open = before

    def close(self) -> None:
        """Remember nothing more; tensors of the caller that were written into keep what they hold and no more."""
        self.open = False
        for reference in self._taken:
            x = reference()
            if x is not None and isinstance(x._data, Tracked) and x._data.level is self:
                x._data = x._data.value
        self._taken.clear()
        self._leaves.clear()
        self._arguments = None

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
        records = self.records
        if records and self.number and operation.numbers:
            operation.refuse_numbers(tracked)
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
                self._check_leaves(t)
                t.storage.about_to_change()
        out = function(*levels.replaced(args, self.below), **levels.replaced(kwargs, self.below))
        if not records:
            for view in operation.views:
                if view is not None and (t := tracked[view[0]]) is not None:
                    t.storage.share()
            return out
        if node is None and not operation.shows:
            return out
        if isinstance(function, levels.Call) and not operation.shows:  # whose results may be operands, or views of them
            out = tuple([levels.apart(x, operands) for x in out])
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
                made = Tracked(self, leaf._data, (node, place))
                for base in tracked:
                    if base is not None and levels.overlap(made, base):
                        made.storage.share()
                        base.storage.share()
                        made.storage.others.append(weakref.ref(base.storage))
                        base.storage.others.append(weakref.ref(made.storage))
                leaves[k] = wrap(made)
            place += 1
        return leaves[0] if structure is tree.LEAF else tree.unflatten(structure, leaves)

    def _check_write(self, x: Any, tracked: Tracked | None) -> None:
        if self.number == 0 and tracked is not None and isinstance(tracked.storage.current[0], Leaf):
            raise GradientError("a tensor that gradients are asked for is written in place",
                                got=f"{tracked.storage.type}, a leaf", at=tr.user_line(),
                                fix="write into a copy, x = x.clone(), or inside `with hybrid.no_grad():`")  # fmt: skip
        if tracked is None and not isinstance(x, Value):
            raise GradientError("a value that gradients flow through is written into a NumPy array", at=tr.user_line(),
                                fix="write into a tensor, hybrid.zeros(shape)")  # fmt: skip
        if tracked is None:
            levels.refuse_shared(x)

    def _write(self, x: Any, tracked: Tracked | None, node: Node, place: int) -> None:
        """Let storage hold a node's result from now on."""
        if tracked is None:
            if node.operation.smooth[place]:
                x._data = Tracked(self, x._data, (node, place))
                self._taken = [r for r in self._taken if r() is not None] if len(self._taken) % 64 == 63 else self._taken
                self._taken.append(weakref.ref(x))
            return
        storage, current = tracked.storage, (node, place)
        if tracked.chain:
            operation = chained_put(storage.type, tracked.chain, node.operation.outputs[place])
            current = Node(operation, (storage.current, current), (True, True), node.line), 0
        storage.current = current


TAPE = Tape(0)
