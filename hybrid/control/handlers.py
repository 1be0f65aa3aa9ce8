"""What converted code calls while a function is traced: Python's control flow, which the graph takes over where it must."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from itertools import pairwise
from types import BuiltinFunctionType, CodeType
from typing import Any

import numpy as np

from hybrid.control import (  # noqa: F401
    arrays,
    containers,
    either,
    folds,
    handles,
    inner,
    iterables,
    laid,
    queues,
    records,
    rows,
    sets,
    shelves,
    sparse,
    stacked,
    substitutes,
    united,
    written,
)
from hybrid.control.attempt import Attempt, give_back, known_containers, spelled_out
from hybrid.control.branch import branch, choose, truth
from hybrid.control.caught import Tries
from hybrid.control.comprehensions import NO_STATE, Comprehensions, nothing
from hybrid.control.effects import refuse_alike, refuse_debuggers, refuse_effects, refuse_files, refuse_picks, remembered
from hybrid.control.foreknown import is_plain, runs_out, turns
from hybrid.control.instances import SPECIAL, Instances
from hybrid.control.lists import Listed, listed
from hybrid.control.own import Changes, Own, View, grow, home, plain
from hybrid.control.perhaps import Perhaps, present
from hybrid.control.plain import Ends, Plain, State
from hybrid.control.producers import Produced, Producers
from hybrid.control.recursion import Recursion, closed_over
from hybrid.control.rolling import counted, enters, first_apart, may_peel, uncounted
from hybrid.control.root import behind
from hybrid.control.rounds import Enters, RoundRaises
from hybrid.control.tables import Tables, holds_traced, is_number
from hybrid.control.unrolled import rounds
from hybrid.control.watch import Holds
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shadows import put_into
from hybrid.core.shape import Dim
from hybrid.frontend import integers, islands, joining, texts, uncertain
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.values import NUMBERS, Value, active, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.requests import AT_FIRST, Recursive, Specialise, Writing
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

SHORT = 4  # rounds of a loop that are written out: what they compute fuses
COPIES = 128  # of a body in short loops in one another: 576 matrix products in eight loops took 17 s to compile, in loops 1.4
RECURSIONS = 2  # calls of a function by itself, each in another branch, that are recorded
REPEATED = 64  # calls of a function by itself that are recorded one by one
WRITTEN_OUT = 3_000  # operations beyond which it is not: those of a transform of 128 numbers in lists take 10 s to compile
MEMBERS = 64  # items of a container that a traced number is compared with, one by one
LONG = 2048  # rounds beyond which a loop that cannot be rolled is not written out


class Tracing(Instances, Comprehensions, Tries, Producers, Plain):
    """Control flow of one trace.

    Args:
        convert: gives the converted form of a user's function, or the function itself.
        opaque: whether a Python function that stays as it is might hide what it does.
        short: the most rounds of a loop that is written out.
        recursive: functions whose calls of themselves are those of a procedure.
        lists: whether loops over long lists of computed numbers are written out.
    """

    def __init__(
        self,
        convert: Callable[[Callable, Any], Callable],
        opaque: Callable[[Callable], bool] = lambda function: False,
        short: int = SHORT,
        recursive: Collection[CodeType] = (),
        writing: Writing = AT_FIRST,
    ):
        self.convert, self.opaque, self.short, self.lists, self.known = convert, opaque, short, writing.lists, writing.known
        self.countable = False  # whether a loop of Python's own numbers was recorded that might have ended while tracing
        super().__init__(writing.kept)
        self.tables = Tables()
        self.others = stacked.Others()
        self.changes, self.gaps = 0, False  # of sets and dicts in storage; whether one in a container gives something up
        self.copies = 1  # of what is being traced, made by the short loops around it
        self.ways: dict[Any, tuple] = {}  # how loops were recorded at last (`control.rolling`), by where they stand
        self.pushing, self.producing = {}, Counter()
        self.peeling = 0  # first rounds that are being made apart, within one another
        self.calls: dict[CodeType, list[int]] = {}  # the user's functions that are being called: how deep in branches
        self.recursive = recursive
        self.recursions: dict[CodeType, Recursion] = {}  # those that are being recorded
        self.refused: dict[CodeType, TraceError] = {}  # why functions that call themselves cannot be procedures
        self.recurred: Counter[CodeType] = Counter()  # calls of functions by themselves

    # branches -----------------------------------------------------------------------------------------------------------
    def branch(self, test: Any, then: Callable, orelse: Callable, state: State) -> None:
        trace = tr.current()
        verdict = truth(trace, test) if trace is not None else bool(test)
        if isinstance(verdict, bool):
            (then if verdict else orelse)()
        else:
            assert trace is not None
            branch(trace, verdict, then, orelse, state)

    def listed(self, items: Any) -> Any:
        return listed(tr.current(), items)

    def put_into(self, container: Any) -> Any:
        self.others.put_into(container)
        return put_into(container)

    def exchanged(self, items: Any, one: Any, other: Any) -> bool:
        return rows.exchanged(items, one, other)

    def operand(self, value: Any) -> Any:
        return sets.Operand(value) if type(value) is sets.SetOf else value

    def repeated(self, left: Any, right: Any) -> Any:
        trace, items, count = tr.current(), left, right
        if type(right) is list:
            items, count = right, left
        if trace is None or type(items) is not list or not integers.is_traced_integer(count):
            return left * right
        return containers.repeated(trace, items, count)

    def plain(self, value: Any) -> Any:
        return plain(value)

    def unpacked(self, value: Any, count: int) -> Any:
        trace = tr.current()
        return plain(value) if trace is None else plain(iterables.taken_apart(trace, value, count))

    def item(self, value: Any, index: Any) -> Any:
        """An item that only a run knows of what NumPy or Python holds."""
        trace = tr.current()
        if trace is None:
            return value[index]
        if type(value) in joining.CLASSES and holds_traced(index):
            return joining.joined(value, index)
        if type(value) in joining.GRIDS:
            return joining.grid(value, index)
        if type(value) is np.ndarray:
            if value.dtype in dt.SHORT and holds_traced(index):
                value = wrap(trace.capture(value, "ndarray"))
        elif type(index) is Chosen:
            return uncertain.pick(trace, index, lambda one: value[one])
        elif type(value) is Chosen:
            return uncertain.pick(trace, value, lambda one: self.item(one, index))
        elif type(value) in (list, tuple) and integers.is_traced_integer(index):
            found = self.tables.item(trace, value, index)
            if found is not None:
                return found
        elif type(value) is dict and holds_traced(index):
            entry = self.tables.entry(trace, value, index)
            if entry is not None:
                trace.assume(entry[1], "a key of a dict is there")
                return entry[0]
        elif type(value) is str and type(index) is slice:
            found = texts.part(value, index)
            if found is not None:
                return found
        elif type(value) in (str, bytes) and integers.is_traced_integer(index):
            found = self.tables.letter(trace, value, index)
            if found is not None:
                return found
        found = self.looked_up(value, index)
        return value[index] if found is NotImplemented else found

    def low(self, mask: Callable[[], Any], name: str, value: Callable[[Callable], Any]) -> Any:
        trace, known = tr.current(), mask()
        bits = known if name == "and_" else known - 1 if type(known) is int and known > 0 and not known & (known - 1) else None
        if trace is None or type(bits) is not int or not 0 <= bits < 2**63:
            return super().low(mask, name, value)
        given = value(integers.ring)
        if type(given) is integers.Ring and mask() is known:
            return integers.low_bits(trace, given, bits)
        given = given.exact() if type(given) is integers.Ring else given  # what was called has set another mask
        return getattr(operator, name)(given, mask())

    def choose(self, test: Any, then: Callable[[], Any], orelse: Callable[[], Any]) -> Any:
        trace = tr.current()
        verdict = truth(trace, test) if trace is not None else bool(test)
        return choose(trace, verdict, then, orelse) if trace is not None else (then if verdict else orelse)()

    def and_(self, *thunks: Callable[[], Any]) -> Any:
        value = thunks[0]()
        return value if len(thunks) == 1 else self.choose(value, lambda: self.and_(*thunks[1:]), lambda: value)

    def or_(self, *thunks: Callable[[], Any]) -> Any:
        value = thunks[0]()
        return value if len(thunks) == 1 else self.choose(value, lambda: value, lambda: self.or_(*thunks[1:]))

    def all_(self, *thunks: Callable[[], Any]) -> Any:
        value = self.not_(self.not_(thunks[0]()))
        return value if len(thunks) == 1 else self.choose(value, lambda: self.all_(*thunks[1:]), lambda: False)

    def any_(self, *thunks: Callable[[], Any]) -> Any:
        value = self.not_(self.not_(thunks[0]()))
        return value if len(thunks) == 1 else self.choose(value, lambda: True, lambda: self.any_(*thunks[1:]))

    def not_(self, value: Any) -> Any:
        trace = tr.current()
        verdict = truth(trace, value) if trace is not None else bool(value)
        if isinstance(verdict, bool):
            return not verdict
        assert trace is not None
        return integers.python(trace, trace.one(substitutes.NOT, verdict))

    def is_(self, left: Any, right: Any) -> Any:
        left, right = plain(left), plain(right)
        records.refuse_identity(tr.current(), left, right)
        refuse_alike(left, right)
        if (found := self.same(left, right)) is not None:
            return found
        if right is None or type(right) in (bool, np.bool_) or type(left) in (Perhaps, Chosen):
            left, right = right, left
        if any(isinstance(x, Listed) and x.is_merged for x in (left, right)):
            raise TraceError("which object it is is asked of a list that is one list or another", at=tr.user_line())
        if type(right) is Perhaps:
            if left is not None and left is not right and not isinstance(left, bool):
                raise TraceError("which object it is is asked of a tuple or list that may be None", at=tr.user_line())
            return self.not_(right.holds) if left is None else left is right
        if type(right) is Chosen and tr.current() is not None:
            return uncertain.pick(active(), left, right.is_) if uncertain.may_be_object(left) else right.is_(left)
        if left is not None and right is not None:
            united.refuse_identity(left, right)
            arrays.refuse_identity(left, right)
        if not (left is None or type(left) in (bool, np.bool_)) or not isinstance(right, Value) or tr.current() is None:
            return left is right
        return uncertain.pick(active(), right, lambda one: uncertain.is_known(left, one))

    def in_(self, item: Any, items: Any) -> Any:
        items = present(items)
        kind = type(items)
        if uncertain.may_be_object(item) and kind in _CONTAINERS:
            return uncertain.pick(active(), item, lambda one: self.in_(one, items))
        if isinstance(items, (Own, View)) and tr.current() is not None:
            return items.contains(item)
        if arrays.may_contain(items, item):
            return arrays.contains(items, item)
        if kind is Chosen and tr.current() is not None:
            return uncertain.pick(active(), items, lambda one: self.in_(item, one))
        if type(item) is Chosen and kind is str:
            return uncertain.pick(active(), item, lambda one: one in items)
        if tr.current() is None or kind not in _CONTAINERS or len(items) > MEMBERS:
            return item in items
        if type(item) is Chosen:
            return uncertain.pick(active(), item, lambda one: one in items)
        traced = integers.is_traced_integer if kind in (tuple, list) else lambda x: False
        plain = all(type(x) in NUMBERS and x == x for x in items if not traced(x))
        if not plain or not (is_number(item) or (type(item) is int and any(map(traced, items)))):
            return item in items
        equal = [functools.partial(operator.eq, item, one) for one in items]
        return self.any_(*equal) if equal else False

    def assert_(self, test: Any, message: Callable[[], Any] | None = None) -> None:
        trace = tr.current()
        verdict = truth(trace, test) if trace is not None else bool(test)
        if isinstance(verdict, bool):
            super().assert_(verdict, message)
        else:
            assert trace is not None
            trace.assume(verdict, "an assertion holds")

    def text(self, *pieces: Any) -> Any:
        return texts.text(pieces, printed=True)

    def written(self, *pieces: Any) -> Any:
        return texts.text(pieces)

    def percent(self, pattern: str, values: Any) -> Any:
        return texts.percent(pattern, values)

    def error(self, thunk: Callable[[], Any], kind: Any = None) -> Any:
        """What a `raise` raises. In a branch or loop it only ends its way, whatever its text, which may take a run to know."""
        trace = tr.current()
        if trace is None or home(trace.region) is None:
            return thunk()
        failure = trace.failure
        try:
            return thunk()
        except Changes:
            raise
        except Exception as error:
            asked = isinstance(error, (TraceError, tr.Concretise, Specialise))
            if not asked and trace.failure is failure:
                raise
            why = error if asked or trace.failure is None else trace.failure
            trace.failure = why  # should an `except:` catch it, the trace ends
            return Ends(why, kind)

    # loops --------------------------------------------------------------------------------------------------------------
    def for_(
        self, iterable: Iterable, body: Callable[[Any], None], state: State, stop: Callable[[], Any] | None = None
    ) -> None:
        if type(iterable) is Produced:
            self.pushed(iterable, body, state, stop)
        else:
            self._for(iterables.started(iterable), body, state, stop, known_containers(tr.current()))

    def _for(
        self, iterable: Iterable, body: Callable[[Any], None], state: State, stop: Callable[[], Any] | None, known: list
    ) -> None:
        trace = tr.current()
        items = iterables.counted(trace, iterable) or stacked.counted(trace, iterable) if trace is not None else None
        if trace is None or items is None:
            self._each(iterable, body, state, stop)
            return
        if isinstance(iterable, (Own, View)):
            owner = iterable if isinstance(iterable, Own) else iterable.owner
            owner.iterated += 1
            try:
                self.for_(iterables.Counted(*items), body, state, stop)
            finally:
                owner.iterated -= 1
            return
        count, item = items
        if not isinstance(count, Dim) and count <= self.short:
            trace.short = trace.short or count > 1
            if count > 1 and self.copies * count > COPIES:
                raise tr.TooLong(f"short loops in one another write out a body more than {COPIES} times", at=tr.user_line())
            self.copies *= max(count, 1)
            try:
                self._each((item(k) for k in range(count)), body, state, stop)
            finally:
                self.copies //= max(count, 1)
            return
        test = None if stop is None else lambda: self.not_(stop())
        attempt = Attempt(trace, state, item, test, body)
        try:
            with attempt.region, self.others.unchanged():
                counted(trace, count, item, test, body, attempt.held)
            attempt.accept()
        except Holds as found:
            attempt.undo()
            trace.held.update(found.places)
            self._for(iterable, body, state, stop, known)
        except Changes as change:
            attempt.undo()
            attempt.watch = None  # so that nobody but the user's variables knows what is in the container
            grow(change)
            self._for(iterable, body, state, stop, known)
        except RoundRaises as raised:
            attempt.undo()
            if test is None and not isinstance(count, Dim):
                raise raised.error from None
            self._not_entered(trace, enters(trace, count, test), raised)
        except (TraceError, tr.Concretise) as error:
            if attempt.holds_more(error):
                self._for(iterable, body, state, stop, known)
                return
            if isinstance(error, Enters) and may_peel(trace):
                attempt.forget(error)
                with first_apart(trace, enters(trace, count, test)):
                    body(item(0))
                    rest = functools.partial(self.for_, iterables.Counted(count - 1, lambda k: item(k + 1)), body, state, stop)
                    rest() if stop is None else self.branch(self.not_(stop()), rest, nothing, state.between())
                return
            if isinstance(error, tr.TooLong) or isinstance(count, Dim) or count > LONG:
                raise
            self.prefer_storage()
            why = error.what if isinstance(error, TraceError) else str(error)
            attempt.forget(error)
            give_back(known)
            with spelled_out(trace, f"a loop of {count} rounds is written out ({tr.user_line()}): {why}", count) as foresee:
                self._each((item(k) for k in range(count)), body, state, stop, foresee, why)

    def while_(
        self, test: Callable[[], Any], body: Callable[[], None], state: State, stop: Callable[[], Any] | None = None
    ) -> None:
        trace = tr.current()
        self._while(test, body, state, stop, known_containers(trace))

    def _while(
        self, test: Callable[[], Any], body: Callable[[], None], state: State, stop: Callable[[], Any] | None, known: list
    ) -> None:
        trace = tr.current()
        if trace is None:
            super().while_(test, body, state, stop)
            return
        condition = test if stop is None else lambda: self.all_(lambda: self.not_(stop()), test)
        if is_plain(state):
            if self.known and runs_out(trace, condition, body, state):
                return
            self.countable = True
        attempt = Attempt(trace, state, condition, body)
        try:
            with attempt.region:
                uncounted(trace, condition, body, attempt.held)
            attempt.accept()
        except Holds as found:
            attempt.undo()
            trace.held.update(found.places)
            self._while(test, body, state, stop, known)
        except Changes as change:
            attempt.undo()
            attempt.watch = None  # so that nobody but the user's variables knows what is in the container
            grow(change)
            self._while(test, body, state, stop, known)
        except RoundRaises as raised:
            attempt.undo()
            self._not_entered(trace, truth(trace, condition()), raised)
        except (TraceError, tr.Concretise) as error:
            if attempt.holds_more(error):
                self._while(test, body, state, stop, known)
                return
            if isinstance(error, Enters) and may_peel(trace) and (verdict := truth(trace, condition())) is not False:
                attempt.forget(error)
                with first_apart(trace, verdict):
                    body()
                    self._while(test, body, state, stop, known_containers(trace))
                return
            if isinstance(error, tr.TooLong):
                raise
            self.prefer_storage()
            attempt.forget(error)
            give_back(known)
            why = error.what if isinstance(error, TraceError) else str(error)
            with spelled_out(trace, f"a `while` loop is written out ({tr.user_line()}): {why}"):
                for _ in rounds(trace, body, turns(trace, condition, LONG, error), why):
                    body()

    @staticmethod
    def _not_entered(trace: Trace, enters: bool | Atom, raised: RoundRaises) -> None:
        """A loop whose rounds all raise: raising is for Python, and the trace is for calls in which it does not go round."""
        if enters is True:
            raise raised.error from None
        if enters is not False:
            trace.assume(trace.one(e.not_, enters), "a loop that raises does not go round")

    def _each(
        self, iterable: Iterable, body: Callable[[Any], None], state: State, stop: Callable[[], Any] | None,
        foresee: Callable[[int], None] = lambda done: None, why: str = "",
    ) -> None:  # fmt: skip
        """One round after another; once only a run knows whether the loop has been left, each round is a branch."""
        trace, unsure = tr.current(), False
        state = state.between()
        for done, item in enumerate(rounds(trace, body, iterable, why)):
            if unsure or stop is None:
                foresee(done)
            if unsure:
                assert stop is not None
                self.branch(self.not_(stop()), lambda item=item: body(item), nothing, state)
            else:
                body(item)
            verdict = False if stop is None else truth(trace, stop()) if trace is not None else bool(stop())
            if verdict is True:
                return
            unsure = verdict is not False
            if unsure and type(iterable) is iterables.Named:
                raise TraceError("how far an iterator has come only a run knows", at=tr.user_line(), fix="use a list")

    # calls --------------------------------------------------------------------------------------------------------------
    def call(self, function: Any) -> Any:
        known = type(function) in (BuiltinFunctionType, type) and function in SPECIAL and tr.current() is not None
        return self.special(function, self._call(function)) if known else self._call(function)

    def _call(self, function: Any) -> Any:
        trace = tr.current()
        if trace is None:
            return function
        refuse_debuggers(trace, function)
        refuse_files(trace, function)
        refuse_picks(trace, function)
        self.others.called(function)
        if sparse.is_product(function):
            return functools.partial(sparse.called, function)
        body = substitutes.written_out(function)
        if body is not None:
            return functools.partial(self._written, function, body)
        if function is object.__setattr__ and self.arenas:
            return handles.set_attribute
        if function is setattr and self.arenas:
            refuse = functools.partial(refuse_effects, trace, setattr, self.opaque)
            return functools.partial(handles.set_by_name, refuse if trace.region is not None else None)
        if type(function) is np.vectorize:
            return functools.partial(substitutes.vectorized, self.convert(written.vectorized, self), function)
        if id(getattr(function, "__func__", function)) in trace.reads.caches:
            return functools.partial(remembered, trace, function)
        found = containers.called(function)
        if folds.is_fold(function):
            return folds.of_array(self, function, found or substitutes.called(function) or function)
        if found is not None:
            return found
        found = substitutes.called(function) or self.constructor(function) or self.convert(function, self)
        if found is function and islands.is_library(function):
            return functools.partial(substitutes.library, islands.opened(function) if islands.is_closed(function) else function)
        if trace.region is not None and found is function:
            refuse_effects(trace, function, self.opaque)
        is_open, code = self._is_open(found), getattr(found, "__code__", None)
        made = found
        if trace.lists and not isinstance(getattr(function, "__self__", None), Own) and not is_open:
            made = functools.partial(substitutes.plainly, found)
        elif code is not None:  # nested functions of converted ones stay as they are, and call themselves, too
            made = functools.partial(self.called, trace, code, found)
        if found is not function or is_open or substitutes.keeps(function):
            return made
        return functools.partial(self.unseen, substitutes.looks(function), made)

    def _written(self, function: Callable, body: Callable, /, *args: Any, **kwargs: Any) -> Any:
        """A call of a library's function that is loops and branches."""
        given = substitutes.prepared(function, args, kwargs)
        if given is None and islands.is_closed(function):
            return substitutes.library(islands.opened(function), *args, **kwargs)
        if given is None:
            return (substitutes.called(function) or function)(*args, **kwargs)
        return self.convert(body, self)(*given[0], **given[1])

    def _is_open(self, function: Callable) -> bool:
        """Whether a function's control flow and calls come here."""
        return any(behind(cell.cell_contents) is self for cell in getattr(function, "__closure__", None) or ())

    def counts(self, items: Any) -> bool:
        """Whether a loop over something is one of the graph."""
        trace = tr.current()
        return trace is not None and iterables.counted(trace, items) is not None

    def builtin(self, function: Callable) -> Callable:
        """What stands in for a builtin, of anything but containers."""
        return substitutes.called(function) or function

    def algorithm(self, function: Callable) -> Callable:
        """A function of `control.algorithms` with its control flow open."""
        return self.convert(function, self)

    def called(self, trace: Trace, code: CodeType, function: Callable, /, *args: Any, **kwargs: Any) -> Any:
        """A call of the user's own function. One that calls itself in branch after branch becomes a procedure."""
        if code in self.recursions:
            return self.recursions[code].again(args, kwargs)
        if code in self.recursive and code not in self.refused:
            return self._recursion(trace, code, function, args, kwargs)
        depth = 0 if trace.region is None else trace.region.depth
        active = self.calls.setdefault(code, [])
        branches = len(active) > RECURSIONS and all(a < b for a, b in pairwise([*active[-RECURSIONS:], depth]))
        self.recurred[code] += bool(active)
        # Halves of halves of a size that varies: what is known of them grows faster than it can be proven.
        many = self.recurred[code] > REPEATED or (bool(trace.hints) and len(active) > RECURSIONS)
        if branches or (many and code not in self.refused):
            again = self.refused.get(code) or Recursive(code, function.__name__, tr.user_line())
            trace.fail(again)
            raise again
        if code in self.refused and trace.recorded > WRITTEN_OUT:
            what = f"`{function.__name__}` calls itself and is written out: {self.refused[code].what}"
            raise tr.TooMany(what, at=tr.user_line())
        active.append(depth)
        try:
            return function(*args, **kwargs)
        finally:
            active.pop()

    def _recursion(self, trace: Trace, code: CodeType, function: Callable, args: tuple, kwargs: dict) -> Any:
        """The first call of a function that calls itself as often as a run decides."""
        own = dataclasses.replace(NO_STATE, cells=tuple(cell for cell, _ in closed_over(function)))  # `Recursion` sees to them
        while True:
            attempt = Attempt(trace, own, functools.partial(function, *args, **kwargs))
            try:
                with attempt.region:
                    found = self.recursions[code] = Recursion(trace, function, args, kwargs, attempt)
                    value = found.record()
                attempt.accept()
                return value
            except Holds as held:
                attempt.undo()
                trace.held.update(held.places)
            except Changes as change:
                attempt.undo()
                grow(change)
            except (TraceError, tr.Concretise, Specialise) as error:
                attempt.undo()
                if isinstance(error, tr.TooLong) or not isinstance(error, TraceError):
                    raise
                self.refused[code] = error
                trace.notes.append(f"`{function.__name__}` calls itself, and is written out ({tr.user_line()}): {error.what}")
                self.recursions.pop(code, None)
                return self.called(trace, code, function, *args, **kwargs)
            finally:
                self.recursions.pop(code, None)


_CONTAINERS = frozenset((tuple, list, set, frozenset, dict))
