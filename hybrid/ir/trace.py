"""Recording: the active trace of this thread, storage cells that make views and writes pure, and the one way to record an op.

A traced array is a `Symbol`: a storage cell plus a chain of views. Reading applies the chain to the cell's current
value; writing puts the new elements back through the chain and gives the cell a new value. So `a[1:-1] += b` and writes
through `a.T` leave a pure graph, and every other view of the same storage sees them.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import numpy as np

from hybrid.core.errors import EscapeError, TraceError
from hybrid.core.shape import Quotient, Size, TensorType, contiguous_strides, symbols
from hybrid.ir.aliases import Storage
from hybrid.ir.builder import Builder
from hybrid.ir.catching import Assuming
from hybrid.ir.forms import Maybe
from hybrid.ir.graph import Atom, Eqn, Literal, Var
from hybrid.ir.lines import user_frame, user_line
from hybrid.ir.origin import behind, constant
from hybrid.ir.primitive import TABLE, Kind, Primitive
from hybrid.ir.requests import Concretise, TooLong, TooMany, most, too_many
from hybrid.ir.sizes import KnownSizes

MANY_CONSTRUCTS = 640  # branches and loops one after another, of which simplification may leave a half
MOST = 60_000  # operations of one trace: recording them takes about a second
DEEPEST = 48  # branches and loops inside each other
SNAPSHOT_BYTES = 1 << 20  # captured arrays up to this size are watched for writes while tracing; a comparison takes 0.1 ms
Chain = tuple[tuple[Primitive, Mapping[str, Any]], ...]


class Cell(Storage):
    """One block of storage: its current value, whether it was written, and what outlives the call.

    `home` is the region that made it. `mutable` cells are arrays; numbers never change. A `lost` cell holds, from some loop
    or branch on, what only a run can tell: the reason why nobody may look at it any more. A `frozen` one may be known under
    another name, depending on a condition: it cannot be written. A `shared` one may be an argument: it cannot be returned
    (why, and the condition). What is one with it in some runs (its aliases) is lost when it is written. It `may_be` other
    storage, whatever was decided; arguments among that it is `like`, and is returned where it holds something else. Where it is
    a new array or an argument itself, `given` says which one, and when it is new.
    """

    __slots__ = ("trace", "home", "_value", "origin", "written", "writeable", "mutable", "name", "lost", "shared", "frozen",
                 "may_be", "like", "given")  # fmt: skip

    def __init__(self, trace: Trace, value: Atom, writeable: bool = True, name: str = "", mutable: bool = True):
        super().__init__()
        self.trace, self.home, self._value, self.origin = trace, trace.region, value, value
        self.written, self.writeable, self.mutable, self.name = False, writeable, mutable, name
        self.lost = self.frozen = ""
        self.shared: tuple[TraceError, Atom] | None = None
        self.may_be: tuple[Cell, ...] = ()
        self.like: tuple[Cell, ...] = ()
        self.given: tuple[int, Atom] | None = None
        if trace.region is not None and trace.region.trial:
            trace.region.cells.append(self)

    @property
    def value(self) -> Atom:
        """What it holds where the trace stands now."""
        return self.trace.value_of(self)

    @value.setter
    def value(self, atom: Atom) -> None:
        self.trace.assign(self, atom)


class Region:
    """A body recorded apart: a branch, or a round of a loop. What it writes stays in `values` until the parts are joined.

    A loop's body knows arrays from around it as inputs of its own, since an earlier round may have written them:
    `entered` has, for each, that input and what the array held before the loop.
    """

    def __init__(self, trace: Trace, name: str, loop: bool = False, trial: bool = False):
        self.trace, self.outer, self.loop, self.trial = trace, trace.region, loop, trial  # trial: to be absorbed or dropped
        self.predicate: Atom | None = None  # of a branch: what decides whether it is taken
        self.depth: int = 1 if trace.region is None else trace.region.depth + 1
        if self.depth > DEEPEST:
            raise TooLong(f"branches and loops nest more than {DEEPEST} deep: a recursion whose end only a run knows",
                          at=user_line())  # fmt: skip
        self.rounds: Size | None = None  # of a loop, if they are counted
        self.builder = Builder(name, trace.builder)
        self.values: dict[Cell, Atom] = {}
        self.entered: dict[Cell, tuple[Var, Atom]] = {}
        self.sizes: dict[Atom, Size] = {}
        self.lost: dict[Storage, str] = {}  # storage from around it that nobody may look at any more, and why
        self.cells: list[Cell] = []  # made here, on trial
        self.heads: set[Cell] = set()  # arrays that variables bring into a round
        self.given: list[Any] = []  # lists from around a loop that each round puts into another (`control.lists`)
        self.keepers: dict[Cell, tuple] = {}  # which lists arrays were put into here (`control.families`)

    def __enter__(self) -> Region:
        self.trace.region, self.trace.builder = self, self.builder
        return self

    def __exit__(self, *error: object) -> None:
        assert self.builder.outer is not None
        self.trace.region, self.trace.builder = self.outer, self.builder.outer

    def absorb(self) -> None:
        """Make what was recorded here part of the region around it."""
        outer = self.builder.outer
        assert outer is not None and not self.loop
        outer.absorb(self.builder)
        (self.trace.sizes if self.outer is None else self.outer.sizes).update(self.sizes)
        for cell in self.cells:
            cell.home = self.outer
        if self.outer is not None and self.outer.trial:
            self.outer.cells += self.cells
        self.cells = []  # nobody else keeps what the program has done with
        for cell, atom in self.values.items():
            self.trace.assign(cell, atom)
        self.lose_outside()
        if self.outer is None:
            self.trace.count_constructs(self.builder.eqns)

    def lose_outside(self) -> None:
        """Let what was lost here be lost around it, too, and what was put into lists be in them."""
        for cell, why in self.lost.items():
            self.trace.lose(cell, why)
        for kept, families in self.keepers.items():
            self.trace.keeps(kept, *families)

    @property
    def written(self) -> dict[Cell, Atom]:
        """Storage from around it that it leaves with another value."""
        return {c: atom for c, atom in self.values.items() if c not in self.entered or self.entered[c][0] is not atom}


class Symbol:
    """A traced array: `cell` seen through `chain`.

    `kind` is what the undecorated code would hold: a "tensor", an "ndarray", a NumPy "scalar" or a "python" number.
    `proto` is a NumPy array of the right dtype, shape and strides over no memory, so that NumPy itself decides what is a view;
    symbolic sizes have their hints there.
    """

    __slots__ = ("cell", "chain", "type", "kind", "_proto", "argument", "maybe")

    def __init__(self, cell: Cell, type: TensorType, kind: str, chain: Chain = (), proto: np.ndarray | None = None,
                 argument: int | None = None, maybe: Maybe | None = None):  # fmt: skip
        self.cell, self.chain, self.type, self.kind, self._proto, self.argument = cell, chain, type, kind, proto, argument
        self.maybe = maybe

    @property
    def proto(self) -> np.ndarray:
        if self._proto is None:
            shape = self.cell.trace.hinted(self.type.shape)
            steps = contiguous_strides(shape)
            self._proto = prototype(self.type.dtype, shape, tuple(s * self.type.dtype.itemsize for s in steps))  # type: ignore[operator]
        return self._proto


def prototype(dtype: np.dtype, shape: tuple, strides: tuple) -> np.ndarray:
    """An array header over one element of storage: to be indexed and reshaped, never read."""
    return np.lib.stride_tricks.as_strided(np.empty(1, dtype), shape, strides)


class Trace(KnownSizes, Assuming):
    """The recording of one call. Use as a context manager: inside, operations on symbols go to `builder`."""

    def __init__(self, name: str, hints: Mapping[str, int] | None = None):
        self.builder = self.root = Builder(name)
        super().__init__(hints or {})
        Assuming.__init__(self)
        self.region: Region | None = None  # the innermost body being recorded, if any
        self.sizes: dict[Atom, Size] = {}  # numbers whose value is known as a polynomial over size symbols
        self.token: Cell | None = None  # what orders calls with effects
        self.prints: Any = None  # says whether `print` goes where it went as the trace began, and arrays look as they did
        self.drawn = 0  # calls of NumPy's random generators
        self.generators: dict[int, Any] = {}  # NumPy's random generators that outlive the call, by id: what draws name them by
        self.known: dict[Atom, np.ndarray] = {}  # arrays that are the same in every call
        self.held: dict[tuple, Any] = {}  # attributes and items of objects that branches and loops rebind
        self.namespaces: Sequence[Any] = ()  # globals that some code rebinds (`control.watch`)
        self.outside: Sequence[Any] = ()  # objects that some code may change and may have from no variable
        self.reads: Any = None  # what the traced code reads besides its arguments (`staging.reads`)
        self.seeded: dict[int, Any] = {}  # those that the traced code makes, and their parts
        self.addresses: dict[Any, tuple[Atom, Atom]] = {}  # of those that are made of computed seeds: what is drawn from
        self.asked: set[Cell] = set()  # whose layout made a difference
        self.unsure: set[Cell] = set()  # whose layout only a run knows
        self.turned: dict[Cell, Any] = {}  # those that are reversed or transposed on one way (`frontend.layouts`)
        self.orders: dict[Cell, tuple[int, ...]] = {}  # the axes of new storage from slowest to fastest, where not in C order
        self.ranges: dict[Atom, tuple[Size, Size]] = {}  # numbers whose least and greatest value are known
        self.bound: dict[str, Atom] = {}  # the numbers that symbols were given
        self.constructs = 0  # branches and loops that are in no other
        self.spelled: dict[str, int] = {}  # loops that are written out, in no other, and how many of these they took
        self.settled: dict[Any, dict[str, Any]] = {}  # what loops were carried as, by where they stand (`control.guesses`)
        self.spelling = ""  # the one that is being written out
        self.recorded = 0  # operations, those of attempts that were given up included
        self.variables: Sequence[Any] = ()  # those of functions around it that a recursion being recorded rebinds
        self.errors: dict[str, Any] = dict(np.geterr())  # what is done about floating-point errors around it
        self.followed: dict[int, Any] = {}  # captured tensors that a transform follows, by the ids of their arrays
        self.leaves: dict[int, list[Atom]] = {}  # the values that were read of those among them that are leaves
        self.leaf_of: dict[int, Any] = {}  # these, by the same ids
        self.gradients: dict[Any, Any] = {}  # the gradients of leaves, where the traced code has to do with them
        self.quiet: set[Eqn] = set()  # what was recorded where no gradients flow
        self.heard = self.asked_leaves = False  # whether the traced code asks for more to be done, or what requires gradients
        self.alive = True
        self.given: Sequence[Any] | None = None  # what the inputs are in this call, where functions may be called outside
        self.islands: list[str] = []  # calls of functions between compiled parts, and why
        self.varying: frozenset[str] | None = None  # those of them whose results vary in size; None: there may be none
        self.strict = False  # whether there may be none whatever they give
        self.outer: Trace | None = None
        self.captured: dict[int, Cell] = {}
        self.private: set[int] = set()  # ids of captured arrays that no code but ours reads
        self.streams: set[Cell] = set()  # generators of `hybrid.random` that numbers are drawn from
        self.cells: list[Cell] = []
        self.snapshots: dict[int, bytes] = {}  # contents of captured arrays, by id
        self.numbers: dict[Atom, int] = {}  # graph inputs that are numbers -> the argument
        self.checks: list[Atom] = []  # Python numbers that must be finite: where Python would have raised, they are not
        self.passing = False  # whether a list that is being made is gone before any array is written (`control.comprehensions`)
        self.short = self.stacked = False  # whether short loops were written out, and those over long lists were not
        self.prefers_storage = False  # whether some attempt was ended for the sake of storage for instances
        self.instances: dict[str, bool] = {}  # classes of users' of which it makes some by themselves; whether several
        self.handlers: Any = None  # what takes part in its control flow (`control.handlers`)
        self.branches = self.looked = 0  # recorded so far, with those of ways given up; objects looked at before them
        self.room = 1  # times as much room in them as there is at first
        self.lists: list[Any] = []  # those that the traced code makes (`control.lists`)
        self.keepers: dict[Cell, tuple] = {}  # which of them arrays were put into
        self.alike: frozenset[int] = frozenset()  # the ids of functions that stand for all that are made alike
        self.copies: dict[int, Any] = {}  # records of which storage has the parts, by their ids (`control.records`)
        self.returned: dict[int, tuple[Any, Any]] = {}  # containers that only a `return` knows, and how they nest
        self.notes: list[str] = []  # what `explain` says about how it was traced
        self.unrolled: list[Any] = []  # loops that are written out (`control.unrolled`)
        self.made: list[weakref.ref] = []  # every tensor over a symbol of this trace
        self.empty = self.scalars = False  # returned as arrays, lists may have no items; NumPy scalars became literals
        self.failure: BaseException | None = None  # what a `demand` raised, whether or not the traced code caught it

    def __enter__(self) -> Trace:
        self.outer = _state.trace
        _state.trace = self
        _count(1)
        return self

    def __exit__(self, *error: object) -> None:
        _state.trace = self.outer
        self.alive = False
        _count(-1)

    def argument(
        self, type: TensorType, kind: str, name: str, index: int, *, strides: tuple | None = None, writeable: bool = True
    ) -> Symbol:
        """A new input of the graph, with the caller's strides (in bytes) for view decisions."""
        cell = Cell(self, self.builder.input(type, name), writeable, name)
        self.cells.append(cell)
        if kind in ("scalar", "python"):
            self.numbers[cell.value] = index
        proto = None if strides is None else prototype(type.dtype, self.hinted(type.shape), self.hinted(strides))
        return Symbol(cell, type, kind, proto=proto, argument=index)

    def capture(self, array: np.ndarray, kind: str, private: bool = False) -> Symbol:
        """The symbol of an array that the traced code reached from outside; its contents are read at every call."""
        if private:
            self.private.add(id(array))
        cell = self.captured.get(id(array))
        if cell is None:
            cell = self.captured[id(array)] = Cell(
                self, self.builder.constant(array), bool(array.flags.writeable), "a captured array"
            )
            self._keep(cell)
            self.cells.append(cell)
            if array.nbytes <= SNAPSHOT_BYTES:
                self.snapshots[id(array)] = array.tobytes()
        else:
            self.unchanged(id(array))
        if array.shape != cell.origin.type.shape:
            raise TraceError("a NumPy array gets another shape where tracing cannot see it", at=user_line())
        type_ = TensorType(array.dtype, array.shape)
        return Symbol(cell, type_, kind, proto=prototype(array.dtype, array.shape, array.strides))

    def order(self) -> Cell:
        """What calls with effects read and write, so that they stay in order."""
        if self.token is None:
            self.token = Cell(self, literal(0, np.dtype(np.int64)))
            self._keep(self.token)
        return self.token

    @staticmethod
    def _keep(cell: Cell) -> None:
        """Make storage that of the whole call, whatever region is being recorded."""
        if cell.home is not None:
            if cell.home.trial:
                cell.home.cells.remove(cell)
            cell.home = None

    def fail(self, error: BaseException) -> None:
        """Note an error that ends this trace even where the traced code catches it."""
        self.failure = self.failure or error

    def unchanged(self, *keys: int) -> None:
        """Refuse captured arrays that plain NumPy wrote meanwhile, and undo that: a graph reads them as a call finds them."""
        for key in keys or self.snapshots:
            array, before = self.root.constants[key][1], self.snapshots.get(key)
            if before is not None and array.tobytes() != before:
                array[...] = np.frombuffer(before, array.dtype).reshape(array.shape)
                raise TraceError("a NumPy array that is not an argument is written where tracing cannot see it",
                                 got=f"shape {array.shape}", fix="pass it in as an argument", at=user_line())  # fmt: skip

    def record(
        self, primitive: Primitive, inputs: tuple[Atom, ...], params: Mapping[str, Any] | None = None
    ) -> tuple[Atom, ...]:
        self.recorded += 1
        if self.recorded > MOST:
            long = TooMany(f"the trace is longer than {MOST} operations", at=user_line(),
                           fix="let loops be loops: f.explain() tells which are written out, and why")  # fmt: skip
            self.fail(long)
            raise long
        if (errors := dict(np.geterr())) != self.errors:
            self._heed(errors)
        made = self.builder.append(primitive, inputs, params, user_line())
        if primitive.kind is Kind.CONTROL and self.region is None:
            self.count_constructs(self.builder.eqns[-1:])
        if _state.spy is not None:
            _state.spy(self, made, user_frame())
        return made

    def count_constructs(self, eqns: Sequence[Eqn]) -> None:
        """Give up early where a loop full of branches is written out: to record one takes some milliseconds."""
        self.constructs += sum(
            eqn.primitive.kind is Kind.CONTROL and eqn.primitive.body not in ("bind", "check") for eqn in eqns
        )
        self.foresee(0)

    def foresee(self, more: int) -> None:
        """Give up where there are, or will be, too many branches and loops."""
        if self.constructs + more > MANY_CONSTRUCTS:
            long = TraceError(too_many(MANY_CONSTRUCTS, self.spelling or most(self.spelled)), at=user_line())
            self.fail(long)
            raise long

    def _heed(self, errors: dict[str, Any]) -> None:
        """What the traced code itself asks NumPy to do about floating-point errors. What its caller asks for is the call's."""
        asked = {how for kind, how in errors.items() if how not in ("ignore", self.errors[kind])}
        if "raise" in asked:  # and may count on it, where the result is not used and so not computed
            error = TraceError("np.errstate asks for floating-point errors, which compiled code does not raise", at=user_line())
            self.fail(error)
            raise error
        self.heard = self.heard or bool(asked)

    def fresh(self, atom: Atom, kind: str) -> Symbol:
        """A new array holding `atom`."""
        return Symbol(Cell(self, atom, mutable=kind in ("tensor", "ndarray")), atom.type, kind)

    def one(self, primitive: Primitive, *inputs: Atom, **params: Any) -> Atom:
        return self.record(primitive, inputs, params)[0]

    # storage, seen from the innermost region
    def value_of(self, cell: Cell) -> Atom:
        lost, region = cell.lost, self.region
        while not lost and region is not None and region is not cell.home:
            lost, region = region.lost.get(cell, ""), region.outer
        if lost:
            raise TraceError(f"an array is read whose contents depend on {lost}", at=user_line())
        return self._value(cell, self.region)

    def lose(self, cell: Any, why: str) -> None:
        """From here on nobody may look at storage."""
        if self.region is None or cell.home is self.region:
            cell.lost, cell.written = cell.lost or why, True
        else:
            self.region.lost.setdefault(cell, why)

    def keeps(self, cell: Cell, *families: Any) -> None:
        """Note that an array has been put into lists of these families."""
        keepers = (self.region or self).keepers
        keepers[cell] = tuple(dict.fromkeys((*keepers.get(cell, ()), *families)))

    def _value(self, cell: Cell, region: Region | None) -> Atom:
        if region is None or cell.home is region:
            return cell._value
        if cell in region.values:
            return region.values[cell]
        outer = self._value(cell, region.outer)
        if region.loop and cell.mutable:
            var = region.builder.input(outer.type)
            region.entered[cell] = var, outer
            outer = region.values[cell] = var
        return outer

    def assign(self, cell: Cell, atom: Atom) -> None:
        if self.region is None or cell.home is self.region:
            cell._value, cell.written = atom, True
        else:
            self.region.values[cell] = atom

    # numbers that are sizes
    def size_of(self, atom: Atom) -> Size | None:
        """The polynomial over size symbols that a number is known to be, if any."""
        if isinstance(atom, Literal):
            return int(atom.value)
        region = self.region
        while region is not None:
            if atom in region.sizes:
                return region.sizes[atom]
            region = region.outer
        return self.sizes.get(atom)

    @property
    def inside(self) -> bool:
        """Whether what is recorded now becomes part of a branch or loop."""
        region = self.region
        while region is not None and region.trial:
            region = region.outer
        return region is not None

    def declare(self, symbol: str, quotient: Quotient) -> None:
        """Let the graph say for itself what a symbol is, before any body that mentions it."""
        (whole,) = self.root.append(TABLE["size"], (), {"value": quotient.dividend}, user_line())
        (rounded,) = self.root.append(TABLE["floordiv"], (whole, literal(quotient.divisor, whole.type.dtype)), {}, user_line())
        self.root.append(TABLE["bind"], (rounded,), {"symbol": symbol, "high": None}, user_line())

    def know_size(self, atom: Atom, size: Size) -> None:
        (self.sizes if self.region is None else self.region.sizes)[atom] = size


class _State(threading.local):
    trace: Trace | None = None
    eager: int = 0  # depth of `with hybrid.eager()`
    # For a debugger: called with the trace, what an operation gave, and the frame of the user's that it comes from.
    spy: Callable[[Trace, tuple[Atom, ...], FrameType | None], None] | None = None


_state = _State()
_lock = threading.Lock()
# How many traces are open on any thread, and reasons to look at eager operations: while it is zero, they skip every check.
open_traces = 0
_watching = 0


def _count(step: int) -> None:
    global open_traces
    with _lock:
        open_traces += step


def watch_eager(step: int) -> None:
    """One more or one fewer reason for eager operations to take the way on which they are looked at."""
    global _watching
    _watching += step
    _count(step)


def after_fork() -> None:
    """Forget the traces of other threads, which a child process does not have."""
    global open_traces, _lock
    _lock = threading.Lock()
    open_traces, trace = _watching, _state.trace
    while trace is not None:
        open_traces, trace = open_traces + 1, trace.outer


def current() -> Trace | None:
    """This thread's innermost open trace."""
    return _state.trace


def state() -> _State:
    return _state


@contextlib.contextmanager
def suspended() -> Iterator[None]:
    """Run code as if no trace were open on this thread."""
    before, _state.trace = _state.trace, None
    try:
        yield
    finally:
        _state.trace = before


def live(symbol: Symbol) -> Trace:
    """The trace of a symbol, or `EscapeError` once that has ended."""
    trace = symbol.cell.trace
    if not trace.alive or trace is not _state.trace:
        raise EscapeError("a traced tensor was used outside the call that made it",
                          got=f"{symbol.type} from the trace of {trace.builder.name!r}", expected="values of the current call",
                          fix="return it from the decorated function instead of keeping it in a global or object")  # fmt: skip
    home = symbol.cell.home
    if home is not None and home is not trace.region and not _encloses(home, trace.region):
        raise TraceError("a value made inside a branch or loop is used outside it", got=symbol.type, at=user_line())
    return trace


def is_made_here(symbol: Symbol) -> bool:
    """Whether storage belongs to the innermost branch or loop that is being recorded, or there is none."""
    region = live(symbol).region
    return region is None or symbol.cell.home is region


def _encloses(home: Region, region: Region | None) -> bool:
    while region is not None and region is not home:
        region = region.outer
    return region is not None


def exists(symbol: Symbol) -> None:
    """Hand the call over to Python where an uncertain variable is not what it is said to be."""
    if symbol.maybe is not None:
        symbol.cell.trace.assume(symbol.maybe.holds, "a variable has the type that most paths give it")


def read(symbol: Symbol) -> Atom:
    """The current value: the cell's, seen through the chain."""
    trace = live(symbol)
    exists(symbol)
    atom = symbol.cell.value
    for primitive, params in symbol.chain:
        atom = trace.one(primitive, atom, **params)
    return atom


def write(symbol: Symbol, value: Atom) -> None:
    """Replace the elements this symbol shows."""
    trace, cell = live(symbol), symbol.cell
    exists(symbol)
    aliases = cell.aliases() if cell.whole is cell else set()  # where it is a part, those of the whole are looked at
    for each in (cell, *aliases):
        if each.frozen:
            raise TraceError(f"an array is written, and {each.frozen}", at=user_line())
    if not cell.writeable or symbol.kind in ("scalar", "python"):
        raise ValueError("assignment destination is read-only")
    bases = [cell.value]
    for primitive, params in symbol.chain[:-1]:
        bases.append(trace.one(primitive, bases[-1], **params))
    for (primitive, params), base in zip(reversed(symbol.chain), reversed(bases), strict=False):
        if primitive.put is None:
            raise ValueError("assignment destination is read-only")
        value = primitive.put(trace.one, base, value, **params)
    cell.value = value
    for twin in aliases:
        trace.lose(twin, "which of several arrays a variable stands for")


def view(
    symbol: Symbol, primitive: Primitive, params: Mapping[str, Any], type: TensorType, kind: str, proto: np.ndarray
) -> Symbol:
    """A symbol that shares this one's storage."""
    live(symbol)
    exists(symbol)
    return Symbol(symbol.cell, type, kind, (*symbol.chain, (primitive, params)), proto)


def known(symbol: Symbol) -> np.ndarray | None:
    """The value where tracing knows it: a constant, or computed from what the function draws from a seed."""
    if isinstance(symbol.cell.value, Literal):
        return np.asarray(symbol.cell.value.value)
    trace = live(symbol)
    return constant(trace.builder, trace.known, read(symbol)) if trace.known else None


def demand(symbol: Symbol, what: str) -> np.ndarray:
    """The value Python asks for, where tracing knows it; else numbers become static, and arrays raise `TraceError`."""
    trace = live(symbol)
    if (value := known(symbol)) is not None:
        return value
    error = _with_static(trace, symbol.cell.value, what) or TraceError(
        f"{what} needs a value that is only known when the compiled code runs", got=f"a traced {symbol.type}",
        fix="use np.where or array operations, or leave this function undecorated", at=user_line(),
    )  # fmt: skip
    trace.fail(error)
    raise error


def undecided(trace: Trace, predicate: Atom, error: TraceError) -> Exception:
    """What to raise where two ways of a branch cannot be one: with the numbers it depends on static, there is one way."""
    return _with_static(trace, predicate, "a Python condition") or error


def of_arguments(symbol: Symbol) -> bool:
    """Whether a number is computed from arguments that are numbers themselves."""
    trace = live(symbol)
    return any(isinstance(part, int) for part in behind(trace.builder, trace.numbers, symbol.cell.value))


def _with_static(trace: Trace, atom: Atom, what: str) -> Exception | None:
    """The request to trace again with the numbers and sizes a value is computed from as parts of the code; None for others."""
    arguments, sizes = set(), set()
    for part in behind(trace.builder, trace.numbers, atom):
        if isinstance(part, int):
            arguments.add(part)
        elif part is None or not symbols(part) <= trace.hints.keys():
            return None
        else:
            sizes.add(part)
    if arguments:
        return Concretise(frozenset(arguments), what, user_line())
    return trace.specialise(what, *sizes) if sizes else None


def literal(value: Any, dtype: np.dtype, weak: bool = False) -> Literal:
    """A scalar written into the graph; out-of-range Python integers raise OverflowError as NumPy does."""
    return Literal(np.asarray(value, dtype)[()], TensorType(dtype, (), weak))
