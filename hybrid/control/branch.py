"""`if` on a value that only a run knows: both ways are recorded, and one equation takes the one that holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hybrid.control.either import unmerged, usable
from hybrid.control.handles import each, is_handle, is_there, kinds_of, present
from hybrid.control.join import Join
from hybrid.control.letters import letters
from hybrid.control.own import Changes, Own, grow
from hybrid.control.perhaps import Perhaps
from hybrid.control.plain import UNDEFINED, Ends, State
from hybrid.control.watch import Holds, Watch
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.frontend import integers, uncertain
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.values import Value, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.lines import is_library
from hybrid.ir.primitive import Kind
from hybrid.ir.trace import Cell, Region, Symbol, Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

MANY = 3000  # branches of one function: to record them takes two seconds, to compile them many times that
FEW = 12  # operations on numbers that are cheaper computed on both ways than jumped over


def truth(trace: Trace, value: Any) -> bool | Atom:
    """Python's truth of a value: now, where it is known, else as a bool of the graph."""
    if (own := letters(value)) is not None:
        value = own
    if isinstance(value, Own):
        value = value.length()
    if type(value) is Perhaps and value.cls is list:
        value = value.parts[0].length()  # None has no items, either
    if type(value) is Perhaps:
        return value.flag() if value.parts else False
    if type(value) is Chosen:
        return value.holds(bool)
    if is_handle(value):
        return _is_true(trace, value)
    data = unwrap(value)
    if not isinstance(value, Value) or type(data) is not Symbol or data.type.size != 1:
        return bool(value)
    if data.maybe is not None and isinstance(data.maybe.instead, type):
        data = uncertain.certain(value)._data  # as true in either class
    elif data.maybe is not None and data.maybe.instead is not None:
        verdict = uncertain.pick(trace, value, lambda x: integers.python(trace, _atom(truth(trace, x))))
        return truth(trace, verdict)
    atom = tr.read(data)
    size = trace.size_of(atom) if data.kind == "python" and dt.is_integer(data.type.dtype) else None
    if size is not None and (known := trace.ask("ne", size, 0)) is not None:
        return known
    if atom.type.shape:
        atom = trace.one(v.reshape, atom, shape=())
    if atom.type.dtype != dt.bool_:
        atom = trace.one(e.convert, atom, dtype=dt.bool_)
    return bool(atom.value) if isinstance(atom, Literal) else atom


def _is_true(trace: Trace, value: Any) -> bool | Atom:
    """Python's truth of an instance in storage, which its class may say."""
    there = is_there(value)
    found = [next((name for name in ("__bool__", "__len__") if hasattr(kind, name)), None) for kind in kinds_of(value)]
    if not any(found):
        return True if there is None else there

    def asked(one: Any) -> Any:
        verdict = _is_true(trace, one)
        return verdict if isinstance(verdict, bool) else integers.python(trace, verdict)

    if there is not None:
        return truth(trace, choose(trace, there, lambda: asked(present(value)), lambda: False))
    if len(found) > 1:
        return truth(trace, each(value, asked))
    return truth(trace, trace.handlers.call(getattr(value, str(found[0])))())


def branch(trace: Trace, predicate: Atom, then: Callable, orelse: Callable, state: Any) -> None:
    """Record both ways, and join what they leave in the variables of `state`, in objects and in storage."""
    before, failure, unrolled = state.get(), trace.failure, len(trace.unrolled)
    while True:
        try:
            _record(trace, predicate, then, orelse, state)
            return
        except Holds as found:
            trace.held.update(found.places)
        except Changes as change:
            grow(change)
        state.set(before)
        trace.failure = failure
        del trace.unrolled[unrolled:]


def _record(trace: Trace, predicate: Atom, then: Callable, orelse: Callable, state: Any) -> None:
    trace.branches += 1
    if trace.branches > MANY:
        raise TraceError(f"more than {MANY} branches depend on values that are known at run time only")
    watch = Watch((then, orelse), state.get(), state.cells, trace.namespaces)
    state = watch.holding(trace, state)
    before, lists, unrolled = state.get(), usable(trace), len(trace.unrolled)
    merged: list[Own] = []  # on one way; on the other they are what they were
    sides: list[Region] = []
    left: list[tuple] = []
    for name, way in (("then", then), ("orelse", orelse)):
        side = Region(trace, name)
        side.predicate = predicate
        failed = trace.failure
        with side:
            state.set(before)
            try:
                way()
                watch.refuse("one way of a branch")
                left.append(state.get())
                sides.append(side)
                merged += unmerged(lists)
                continue
            except (Exception, Ends) as error:
                unmerged(lists)
                if type(error) is Ends and trace.failure is error.why:
                    trace.failure = failed
                if isinstance(error, (TraceError, tr.Concretise)) or trace.failure is not failed:
                    state.set(before)
                    watch.restore()
                    if (asked := _one_way(trace, predicate, trace.failure or error)) is not None:
                        trace.failure = asked if trace.failure is not failed else failed
                        raise asked from error
                    raise
                raised = error.kind if isinstance(error, Ends) else type(error)
                said = wording(error)
                if side.written or _differ(before, state.get()) or watch.changed() is not None:
                    raised = None  # what has changed stays so where the error is caught
                watch.restore()
        # Raising is for Python: the other way goes on without a branch.
        state.set(before)
        del trace.unrolled[unrolled:]
        other = trace.one(e.not_, predicate) if name == "then" else predicate
        trace.assume(other, "a way that raises is not taken", raised, said)
        (orelse if name == "then" else then)()
        return
    watch.both_or_neither(state, *left)
    join = Join(trace, predicate, tuple(sides), lambda name: name in state.live, lambda name: name in state.invented)
    try:
        state.set(before)  # so that nobody but `left` knows what a way has made
        join.variables(state.names, *left)
    except TraceError as error:
        raise tr.undecided(trace, predicate, error) from None
    for own in merged:
        own.merge()
    for side in sides:
        side.lose_outside()
    cells = _written(trace, sides, join)
    results = select(trace, predicate, sides, join.pairs)
    state.set(tuple(make(results) for _, make in join.makers))
    join.keep_apart()
    for cell, at in cells.items():
        trace.assign(cell, results[at])


def _differ(before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Whether a way rebinds variables that others may see after an error; those that it binds are its function's own."""
    return any(old is not new and old is not UNDEFINED for old, new in zip(before, after))


def wording(error: BaseException) -> str | None:
    """What an error of the user's code says, where that is the text that it was made of, known while tracing."""
    if type(error) is Ends or type(error).__str__ not in (BaseException.__str__, Exception.__str__) or len(error.args) > 1:
        return None
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None or is_library(step.tb_frame.f_code.co_filename):
        return None
    return str(error) if all(type(arg) is str for arg in error.args) else None


def _one_way(trace: Trace, predicate: Atom, error: BaseException) -> Exception | None:
    """The request to fix the arguments that alone decide a branch, of which one way is refused: it may not be taken."""
    if not isinstance(error, TraceError) or isinstance(error, (Changes, Holds, tr.TooLong)):
        return None
    asked = tr.undecided(trace, predicate, error)
    return None if asked is error else asked


def _written(trace: Trace, sides: list[Region], join: Join) -> dict[Cell, int]:
    """Storage from outside that either way wrote, and which pair has its values."""
    cells: dict[Cell, int] = {}
    for cell in dict.fromkeys(cell for side in sides for cell in side.written):
        cells[cell] = len(join.pairs)
        both = []
        for side in sides:
            with side:
                both.append(cell.value)
        join.pairs.append((both[0], both[1]))
    return cells


def select(trace: Trace, predicate: Atom, sides: list[Region], pairs: list[tuple[Atom, Atom]]) -> list[Atom]:
    """The values of the way that holds."""
    first: dict[tuple, int] = {}  # of those that are alike
    same = [first.setdefault((_mark(a), _mark(b)), k) for k, (a, b) in enumerate(pairs)]
    different = [k for k, (a, b) in enumerate(pairs) if not _equal(a, b) and same[k] == k]
    results = [a for a, _ in pairs]
    if all(map(_cheap, sides)) and all(not pairs[k][0].type.shape for k in different):
        for side in sides:
            trace.builder.eqns += side.builder.eqns
        for k in different:
            results[k] = trace.one(e.select, predicate, *pairs[k])
        return [results[k] for k in same]
    bodies = [side.builder.body([pair[n] for pair in (pairs[k] for k in different)]) for n, side in enumerate(sides)]
    if not different and not any(body.eqns for body in bodies):
        return results
    free = tuple(dict.fromkeys(var for body in bodies for var in body.inputs))
    then, orelse = (body.replace(inputs=free) for body in bodies)
    out = trace.record(control.cond, (predicate, *free), {"then": then, "orelse": orelse})
    for k, atom in zip(different, out):
        results[k] = atom
    return [results[k] for k in same]


def _mark(atom: Atom) -> Any:
    return atom.key if isinstance(atom, Literal) else id(atom)


def _equal(a: Atom, b: Atom) -> bool:
    return a is b or (isinstance(a, Literal) and isinstance(b, Literal) and a.key == b.key)


def _cheap(side: Region) -> bool:
    """Whether computing a way in vain costs less than a jump."""
    eqns = side.builder.eqns
    return len(eqns) <= FEW and all(
        eqn.primitive.kind is Kind.MAP and not eqn.output.type.shape and eqn.primitive.cost <= 4 for eqn in eqns
    )


def choose(trace: Trace, verdict: bool | Atom, then: Callable[[], Any], orelse: Callable[[], Any]) -> Any:
    """A conditional expression."""
    if isinstance(verdict, bool):
        return (then if verdict else orelse)()
    box = _Box(trace.variables)
    branch(trace, verdict, lambda: box.put(then()), lambda: box.put(orelse()), box.state)
    return box.value


def _atom(verdict: bool | Atom) -> Atom:
    return tr.literal(verdict, dt.bool_) if isinstance(verdict, bool) else verdict


uncertain.register_choice(choose)


class _Box:
    """The variable of a conditional expression, and those that calls in it may rebind."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self.value: Any = UNDEFINED
        self.variables = variables
        names = ("value", *(variable.place.name for variable in variables))
        cells = tuple(variable.cell for variable in variables if variable.cell is not None)
        self.state = State(names, self._get, self._set, frozenset(names), frozenset(names), frozenset(), cells)

    def put(self, value: Any) -> None:
        self.value = value

    def _get(self) -> tuple:
        return (self.value, *(variable.get() for variable in self.variables))

    def _set(self, values: tuple) -> None:
        self.value = values[0]
        for variable, value in zip(self.variables, values[1:]):
            variable.set(value)
