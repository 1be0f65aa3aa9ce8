"""Comprehensions and generators while tracing: loops that collect what they make in a list of the trace.

They are written out, as Python's own, where the source has a known number of items, and no condition asks for what only a
run knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hybrid.control import folds, iterables, transposed
from hybrid.control.attempt import NO_STATE, Attempt, begins_with
from hybrid.control.branch import truth
from hybrid.control.handles import is_handle
from hybrid.control.items import is_traced, layout_of
from hybrid.control.lists import KINDS, Listed
from hybrid.control.own import Own, View, plain, released
from hybrid.control.plain import UNDEFINED, Each, Plain
from hybrid.control.structure import is_parts
from hybrid.control.unrolled import rounds
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim
from hybrid.ir import trace as tr
from hybrid.ir.graph import is_construct
from hybrid.ir.requests import Specialise
from hybrid.ir.trace import Trace

WRITTEN = 64  # items of a generator that are written out: what they compute fuses
CONSTRUCTS = 64  # branches and loops in the items of a list, beyond which they are made by a loop
FEW = 8  # items that are written out where each has loops of its own
MANY = 512  # lists that are written out: to record what changes one of them takes some 10 us for each
SHORT = 4  # items that show how many those are
ITEMS, EQUATIONS = 4096, 2048  # that are written out where all conditions are known
_LAZY = (any, all, next)  # they leave items unmade, whose making may raise


class _OnlyARunKnows(Exception):
    """Whether an item is taken."""


class Comprehensions(Plain):
    """The part of `Tracing` that knows of comprehensions, and of `zip(*points)`, which is one."""

    def transposed(self, function: Any, items: Any) -> Any:
        found = transposed.lines(items) if function is zip else None
        return self.call(function)(*items) if found is None else iter(found)

    def filtered(self, each: Each, function: Any = None) -> Any:
        trace = tr.current()
        if trace is None:
            return super().filtered(each)
        each = taken(each)
        if each.nested or each.asks or _source(trace, each) is not None:
            found = self._items_now(trace, each) if each.asks else None
            return self._gathered(trace, each, passed=_makes_arrays(function)) if found is None else found
        known = iterables.counted(trace, each.iterable)
        return (
            [each.item(x) for x in rounds(trace, each.item, plain(each.iterable))]
            if known is None
            else self._counted(trace, known, each.item)
        )

    def _counted(self, trace: Trace, known: tuple, item: Callable[[Any], Any]) -> Any:
        """A list of known length: item by item, or where they take much to compute by a loop for all but the first."""
        count, place = known
        if count > MANY and begins_with(trace, item, place, _is_container):
            out = self._gathered(trace, Each(iterables.Counted(count, place), None, item), loops=True)
            return out.counts(count) if isinstance(out, Listed) else out
        before, items = len(trace.builder.eqns), list[Any]()
        for k in rounds(trace, item, range(count)):
            made = trace.builder.eqns[before:] if k in (1, SHORT) else []
            many = k == SHORT and len(made) * (count - k) > EQUATIONS * k and layout_of(items) is not None
            lists = k == 1 and count > FEW and _holds_storage(items[0])
            if many or lists or sum(map(is_construct, made)) * (count - k) > CONSTRUCTS * k:
                rest = Each(iterables.Counted(count - k, lambda at, first=k: place(at + first)), None, item)  # type: ignore[misc]
                out = self._gathered(trace, rest, items, loops=True)
                return out.counts(count) if isinstance(out, Listed) else out
            items.append(item(place(k)))
        return items

    def collected(self, kind: str, each: Each) -> Any:
        trace = tr.current()
        if trace is None:
            return super().collected(kind, each)
        each = taken(each)
        cls: Any = {"set": set, "dict": dict}[kind]
        found = self._items_now(trace, each) if each.asks else None
        loops = each.nested or each.asks or _source(trace, each) is not None or (cls is dict and _of_lists(trace, each))
        if found is not None or not loops:
            return self.call(cls)(self.filtered(each) if found is None else found)
        out = KINDS[cls](trace, cls())

        def enter(x: Any, made: Any) -> None:
            if cls is set:
                out.add(made)
            else:
                key, value = made
                out[key] = value

        self._gather(trace, each, enter, loops=not each.nested and not each.asks)
        return released(out)

    def entered(self, kind: str, *items: Any) -> Any:
        trace, keys = tr.current(), items if kind == "set" else [key for key, _ in items]
        if trace is None or not any(map(is_traced, keys)):
            return super().entered(kind, *items)
        if kind == "set":
            out = KINDS[set](trace, set())
            for item in items:
                out.add(item)  # type: ignore[attr-defined]
            return released(out)
        out = KINDS[dict](trace, {})
        for key, value in items:
            out[key] = value  # type: ignore[index]
        return released(out)

    def generated(self, each: Each, lazy: bool = False) -> Any:
        trace = tr.current()
        if trace is None:
            return super().generated(each)
        each = taken(each)
        chosen = each.asks and (each.nested or not lazy)
        if chosen and (found := self._items_now(trace, each)) is not None:
            return found
        loops = chosen or (each.nested and not lazy) or _source(trace, each, WRITTEN) is not None
        return self._gathered(trace, each) if loops else self._lazily(each)

    def _items_now(self, trace: Trace, each: Each, first: bool = False) -> list | None:
        """The items, or the first, where all conditions are known: `[(y, x) for y in (0, 1) for x in (0, 1) if y != x]`."""
        if isinstance(each.iterable, (Own, View)):
            return None
        attempt, failure, before = Attempt(trace, NO_STATE, partial(each.item, each)), trace.failure, trace.recorded
        out: list[Any] = []

        def visit(each: Each) -> None:
            if type(each.iterable) is iterables.Named:
                raise _OnlyARunKnows  # what is taken from an iterator is gone
            for x in rounds(trace, each.item, plain(each.iterable)):
                if first and out:
                    return
                verdict = True if each.test is None else truth(trace, each.test(x))
                if not isinstance(verdict, bool) or trace.recorded - before > EQUATIONS or len(out) > ITEMS:
                    raise _OnlyARunKnows
                if verdict:
                    made = each.item(x)
                    visit(made) if each.nested else out.append(made)

        try:
            with attempt.region:
                visit(each)
        except (_OnlyARunKnows, TraceError, tr.Concretise, Specialise):
            attempt.undo()
            return None
        except Exception:
            attempt.region.absorb()
            raise
        if trace.failure is not failure:
            attempt.undo()
            return None
        attempt.region.absorb()
        return out

    def _lazily(self, each: Each) -> Iterator[Any]:
        for x in rounds(tr.current(), each.item, plain(each.iterable)):
            if each.test is None or each.test(x):
                made = each.item(x)
                if each.nested:
                    yield from self.generated(made)
                else:
                    yield made

    def fold(self, function: Callable, each: Each, *start: Any) -> Any:
        trace = tr.current()
        if trace is not None and function in _LAZY and type(each.iterable) is iterables.Named:
            raise TraceError("how far an iterator has come only a run knows", at=tr.user_line(), fix="use a list")
        each = taken(each)
        if trace is not None and function is next:
            return self._first(trace, each, *start)
        out = UNDEFINED if trace is None else folds.fold(trace.handlers, trace, function, each, start)
        return out if out is not UNDEFINED else self.call(function)(self.generated(each, function in _LAZY), *start)

    def _first(self, trace: Trace, each: Each, *default: Any) -> Any:
        """`next(item(x) for x in iterable if test(x))`."""
        found = self._items_now(trace, each, first=True)
        if found is not None:
            return next(iter(found), *default)
        return folds.first(trace.handlers, trace, each, default)

    def extended(self, method: Callable, each: Each) -> Any:
        trace, owner = tr.current(), getattr(method, "__self__", None)
        if trace is not None and type(owner) is str:  # which makes a list of it first
            return self.call(method)(self.generated(each))
        if trace is None or not isinstance(owner, Own):
            return self.call(method)(iter(each))
        each = taken(each)
        put = {"extend": "append", "update": "add"}.get(method.__name__, "appendleft")
        if put == "add" and not issubclass(owner.kind, set):
            return self.call(method)(self.generated(each))
        self._gather(trace, each, lambda x, made: self.call(getattr(owner, put))(made), loops=True)
        return None

    def _gathered(self, trace: Trace, each: Each, first: Sequence = (), loops: bool = False, passed: bool = False) -> Any:
        """A list of the items that loops make, after some that are known. `passed`: it is gone before anything is written."""
        out = Listed(trace, list(first))
        out.selects, out.passed = isinstance(each.iterable, Listed) and not each.nested, passed

        def take(x: Any, made: Any) -> None:
            out.selects = out.selects and made is x
            out.append(made)

        self._gather(trace, each, take, loops)
        if out.selects:
            out.shares, out.family = each.iterable.shares, each.iterable.family  # type: ignore[attr-defined]
        return released(out)

    def _gather(self, trace: Trace, each: Each, take: Callable[[Any, Any], None], loops: bool = False) -> None:
        """Call `take` with every item, and what it was made of; `loops`: in a loop, even where it could be written out."""
        each = taken(each)

        def go(x: Any) -> None:
            made = each.item(x)
            if each.nested:
                self._gather(trace, made, take, loops)
            else:
                take(x, made)

        def body(x: Any) -> None:
            if each.test is None:
                go(x)
            else:
                self.branch(each.test(x), lambda: go(x), nothing, NO_STATE)

        body.__wrapped__ = each.item  # type: ignore[attr-defined]  # which says where it stands
        source = each.iterable if loops else _source(trace, each)
        if source is not None:
            self.for_(source, body, NO_STATE)
            return
        for x in rounds(trace, each.item, plain(each.iterable)):
            body(x)


def _source(trace: Trace, each: Each, most: int | None = None) -> Any:
    """What a loop that is recorded goes over; None where it is written out, as at most `most` rounds are."""
    known = iterables.counted(trace, each.iterable)
    if known is None:
        return None
    if isinstance(each.iterable, (Own, View)):
        return each.iterable
    count = known[0]
    long = isinstance(count, Dim) or (most is not None and count ** (1 + each.nested) > most)
    return iterables.Counted(*known) if each.asks or long else None


def taken(each: Each) -> Each:
    """Such a loop that is gone through now."""
    source = iterables.started(each.iterable)
    if type(source) is iterables.Named or hasattr(type(source), "__next__"):
        source = iterables.Replayed(iter(source))
    return each if source is each.iterable else replace(each, iterable=source)


def _of_lists(trace: Trace, each: Each) -> bool:
    """Whether there are many items of known number, of which the first holds storage."""
    known = None if isinstance(each.iterable, (Own, View)) else iterables.counted(trace, each.iterable)
    if known is None or isinstance(known[0], Dim) or known[0] <= FEW:
        return False
    return begins_with(trace, each.item, known[1], _holds_storage)


def _makes_arrays(function: Any) -> bool:
    """Whether a function makes arrays of a list, and does not keep it."""
    name = getattr(function, "__module__", None)
    return type(name) is str and name.partition(".")[0] == "numpy" and not isinstance(function, type)


def _holds_storage(item: Any) -> bool:
    """Whether it is, or has in it, something in storage: each would be a kernel, or several."""
    if is_parts(item):
        return any(map(_holds_storage, item))
    return is_handle(item) or (isinstance(item, Own) and item.held is None)


def _is_container(item: Any) -> bool:
    return isinstance(plain(item), (list, dict, set))


def nothing() -> None:
    """The way that leaves an item out."""
