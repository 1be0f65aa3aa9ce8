"""What loops go over by places while tracing: `range`, `zip`, `enumerate`, `reversed` and `map` of traced things."""

from __future__ import annotations

import builtins
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.control import stacked
from hybrid.control.letters import letters
from hybrid.control.lists import Listed
from hybrid.control.own import Own, View, home, plain
from hybrid.control.perhaps import present
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size, product, symbols
from hybrid.frontend import integers
from hybrid.frontend.editing import Flat
from hybrid.frontend.values import Value, active, operand, shape_of, sized, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import elementwise as e

MOST = 1 << 40  # rounds of a loop: days, at a nanosecond each
PICKED = 1 << 20  # rows of a table of combinations or permutations: some megabytes
WRITTEN = 64  # items of known products that are gone through one by one: offsets of neighbours, whose branches are known, then
SIGNED = 1 << 10  # likewise, where there are negative integers: the class of a power hangs on its exponent's sign
Items = tuple[Size, Callable[[Any], Any]]  # how many, and the one at a place


class Counted:
    """An iterable whose items can be had by place: `range`, `zip`, `enumerate` or `reversed` of traced things."""

    def __init__(self, count: Size, item: Callable[[Any], Any], ask: Callable[[], Any] | None = None):
        self.count, self.item = count, item
        self.ask = ask  # for the count, in a way that says what depends on it
        self.once: Any = None  # for an iterator: the region that it was made in; then, that it is used up

    def iterator(self) -> Counted:
        """An iterator over the items: once, where it was made."""
        self.once = (home(active().region),)
        return self

    def __iter__(self) -> Iterator[Any]:
        if self.once:
            return iter(taken(self))
        if isinstance(self.count, Dim):
            if self.ask is not None:
                self.ask()
            error = tr.TraceError("Python iterates over something whose length only a run knows", at=tr.user_line())
            active().fail(error)  # `"".join` would make an error of its own of it
            raise error
        return (self.item(k) for k in builtins.range(self.count))

    def __len__(self) -> int:
        if self.once:
            raise TypeError("an iterator has no len()")
        return self.count  # type: ignore[return-value]

    def __bool__(self) -> bool:
        return bool(self.once or self.count)


class Named:
    """An iterator of Python's that has a name: who else has it sees how far it has come."""

    def __init__(self, iterator: Iterator):
        self.iterator = iterator

    def __iter__(self) -> Iterator:
        return self.iterator


class Replayed:
    """An iterator that is gone through on trial: what was taken from it can be had again."""

    def __init__(self, iterator: Iterator):
        self.items: list = []
        self.rest = iterator

    def __iter__(self) -> Iterator:
        at = 0
        while True:
            if at == len(self.items):
                try:
                    self.items.append(next(self.rest))
                except StopIteration:
                    return
            at += 1
            yield self.items[at - 1]


class Combined:
    """What `itertools.combinations` and its like gave. A loop has the items by place, everybody else as Python has them."""

    def __init__(self, iterator: Iterator, whole: Items):
        self.iterator, self.whole = iterator, whole
        self.begun = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self.begun = True
        return next(self.iterator)


def started(iterable: Any) -> Any:
    """What a loop goes over, an iterator without a name: `itertools.count()` is as good as a range."""
    if tr.current() is not None and type(iterable) is Combined and not iterable.begun:
        return Counted(*iterable.whole)
    if tr.current() is not None and type(iterable) is itertools.count:
        start, *step = iterable.__reduce__()[1]  # type: ignore[misc, str-unpack]
        by = step[0] if step else 1
        if type(start) is type(by) is int:
            return Counted(MOST, lambda k: start + by * k)
    return taken(iterable)


def taken(iterable: Any) -> Any:
    """What is iterated over now, and only now if it is an iterator: whoever goes on with it finds what is left."""
    trace = tr.current()
    if trace is not None and trace.inside and type(iterable) is Named:
        raise tr.TraceError("a branch or loop goes on with an iterator", at=tr.user_line(), fix="make it there")
    if trace is not None and type(iterable) is Flat:
        _use(trace, iterable.made, iterable.gone_through)
        iterable.gone_through = True
        return iterable.line
    if trace is None or not isinstance(iterable, Counted) or not iterable.once:
        return iterable
    _use(trace, iterable.once[0], len(iterable.once) > 1)
    iterable.once = (*iterable.once, "used")
    return Counted(iterable.count, iterable.item, iterable.ask)


def _use(trace: Trace, made: Any, used: bool) -> None:
    """Refuse to go through an iterator anywhere but once where it was made."""
    if home(made) is not home(trace.region) or used:
        error = tr.TraceError("an iterator is used twice, or in a branch or loop it was not made in", at=tr.user_line(),
                              fix="make a list of it, or another one")  # fmt: skip
        trace.fail(error)
        raise error


def counted(trace: Trace, iterable: Any) -> Items | None:
    """The items of something whose rounds a loop can count; None for what Python must iterate over."""
    iterable = present(iterable)
    if isinstance(iterable, builtins.range):
        return len(iterable), lambda k: iterable.start + iterable.step * k
    if isinstance(iterable, Counted):
        return iterable.count, iterable.item
    if (own := letters(iterable)) is not None:
        if not isinstance(own, Own):
            return len(own), lambda k: trace.handlers.item(own, k)
        iterable = own
    if isinstance(iterable, (Own, View)):
        return iterable.rounds()
    if type(iterable) is Flat:
        iterable = iterable.line
    if isinstance(iterable, Value) and type(iterable._data) is Symbol and iterable._data.type.shape:
        return iterable._data.type.shape[0], lambda k: iterable[k]  # type: ignore[index]
    return None


def _part(trace: Trace, iterable: Any) -> Items | None:
    iterable = plain(present(iterable))
    if type(iterable) is np.ndarray and iterable.ndim and iterable.dtype in dt.SHORT:
        captured = wrap(trace.capture(iterable, "ndarray"))
        return len(iterable), lambda k: captured[k]
    if type(iterable) in (list, tuple):
        return len(iterable), stacked.of(trace, iterable) or (lambda k: trace.handlers.item(iterable, k))
    return counted(trace, iterable)


def is_traced(x: Any) -> bool:
    return isinstance(x, Dim) or (isinstance(x, Value) and type(x._data) is Symbol)


def _is_counted(x: Any) -> bool:
    return (
        isinstance(x, View)
        or (isinstance(x, Own) and x.held is None)
        or isinstance(x, (Counted, builtins.range))
        or (is_traced(x) and bool(shape_of(x)))
    )


# Iterables -------------------------------------------------------------------------------------------------------------
def _range(*args: Any) -> Any:
    trace = active()
    if not 1 <= len(args) <= 3 or not any(map(is_traced, args)):
        return builtins.range(*args)
    given = [integers.index(trace, x) for x in args]
    start, stop = (0, given[0]) if len(given) == 1 else given[:2]
    step = given[2] if len(given) == 3 else 1
    low, high, by = (integers.size_of(trace, x) for x in (start, stop, step))
    if by == 0:
        raise ValueError("range() arg 3 must not be zero")
    if isinstance(by, Dim) and not trace.bounds.nonnegative(by - 1):
        trace.assume(trace.one(e.gt, sized(trace, by), tr.literal(0, dt.int64)), "a range goes upwards")
    up = isinstance(by, Dim) or by > 0
    distance, stride = (high - low, by) if up else (low - high, -by)
    if stride != 1:
        rounded = sized(trace, distance + (stride - 1))
        count = _count(trace, trace.one(e.floordiv, rounded, sized(trace, stride)))
    elif trace.bounds.nonnegative(distance):
        count = distance
    else:
        count = _count(trace, sized(trace, distance))
    return Counted(count, lambda k: start + k if by == 1 else start + k * step, lambda: builtins.range(*args))


def _count(trace: Trace, rounds: Atom) -> Size:
    """A number of rounds as a size: none for negative ones, and few enough that counting them cannot overflow."""
    trace.assume(trace.one(e.lt, rounds, tr.literal(MOST, dt.int64)), "a loop ends one day")
    return integers.bound(trace, trace.one(e.maximum, rounds, tr.literal(0, dt.int64)), 0, MOST)


def _zip(*iterables: Any, strict: bool = False) -> Any:
    trace = active()
    parts = _parts(trace, iterables := tuple(map(taken, iterables)))
    if parts is None:
        own = builtins.zip(*iterables, strict=strict)
        found = _listed(trace, iterables)
        if found is None or (strict and len({count for count, _ in found}) > 1):
            return own
        return stacked.Beside(own, _shortest(trace, [n for n, _ in found]), lambda k: tuple(item(k) for _, item in found))
    counts = list(dict.fromkeys(count for count, _ in parts))
    if strict and len(counts) > 1:
        if not any(isinstance(count, Dim) for count in counts):
            return builtins.zip(*iterables, strict=True)
        for count in counts[1:]:
            same = trace.one(e.eq, sized(trace, counts[0]), sized(trace, count))
            trace.assume(same, "what zip takes together is equally long")
        counts = counts[:1]
    return Counted(_shortest(trace, counts), lambda k: tuple(item(k) for _, item in parts)).iterator()


def _parts(trace: Trace, iterables: tuple) -> list[Items] | None:
    """The items of iterables that are gone through together; None where Python must do it."""
    parts = [_part(trace, x) for x in iterables]
    return None if not any(map(_is_counted, iterables)) or None in parts else parts  # type: ignore[return-value]


def _listed(trace: Trace, iterables: tuple) -> list[Items] | None:
    """The items of lists, one of them a long one of computed numbers, and of others that are gone through together."""
    found: list[Any] = [_part(trace, x) for x in iterables]
    return None if None in found or not any(type(item) is stacked.Stacked for _, item in found) else found


def _map(function: Any, *iterables: Any) -> Any:
    trace = active()
    call, iterables = trace.handlers.call(function), tuple(map(taken, iterables))
    parts = _parts(trace, iterables)
    if parts is None:
        return builtins.map(call, *iterables)
    counts = list(dict.fromkeys(count for count, _ in parts))
    return Counted(_shortest(trace, counts), lambda k: call(*(item(k) for _, item in parts))).iterator()


def _shortest(trace: Trace, counts: list[Size]) -> Size:
    if not any(isinstance(count, Dim) for count in counts):
        return min(counts)  # type: ignore[type-var]
    if len(counts) == 1:
        return counts[0]
    least = functools.reduce(functools.partial(trace.one, e.minimum), (sized(trace, count) for count in counts))
    return integers.bound(trace, least, 0, MOST)


def _enumerate(iterable: Any, start: Any = 0) -> Any:
    start = integers.index(active(), start)
    part = _part(active(), iterable) if _is_counted(iterable := taken(iterable)) else None
    if part is None:
        own = builtins.enumerate(iterable, start)
        found = _listed(active(), (iterable,))
        return own if found is None else stacked.Beside(own, found[0][0], lambda k: (start + k, found[0][1](k)))  # type: ignore[arg-type]
    return Counted(part[0], lambda k: (start + k, part[1](k))).iterator()


def _reversed(iterable: Any) -> Any:
    part = _part(active(), iterable) if _is_counted(iterable) else None
    if part is None:
        return builtins.reversed(iterable)
    count, item = part
    return Counted(count, lambda k: item(integers.integer(active(), count - 1) - k)).iterator()


def _ndindex(*shape: Any) -> Any:
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    trace = active()
    if not all(isinstance(size, (int, Dim)) or is_traced(size) for size in sizes):
        return np.ndindex(*shape)
    sizes = tuple(integers.size_of(trace, size) for size in sizes)
    return Counted(product(sizes), lambda k: _unravelled(k, sizes)).iterator()


def _unravelled(k: Any, sizes: tuple) -> tuple:
    out: list[Any] = []
    for size in reversed(sizes[1:]):
        length = integers.integer(active(), size) if isinstance(size, Dim) else size
        out.append(k % length)
        k = k // length
    return (k, *reversed(out)) if sizes else ()


def _ndenumerate(arr: Any) -> Any:
    if not is_traced(arr):
        return np.ndenumerate(arr)
    sizes, line = shape_of(arr), Flat(arr).line
    return Counted(product(sizes), lambda k: (_unravelled(k, sizes), line[k])).iterator()


def _picked(function: Callable) -> Callable:
    """`itertools.combinations` and its like: the places of the items stand in a table."""

    def picked(iterable: Any, *args: Any) -> Any:
        trace, pool = active(), _pool(taken(iterable))
        if not isinstance(pool, tuple) or args[:1] == (0,) or not all(type(arg) is int for arg in args):
            return function(pool, *args)
        count, item = pool
        places = itertools.islice(function(builtins.range(count), *args), PICKED + 1)
        table = np.array(list(places), np.int64)
        whole = function([item(k) for k in builtins.range(count)], *args)
        if not 0 < len(table) <= PICKED or _is_written_out(len(table), [iterable], 0):
            return whole
        captured = wrap(trace.capture(table, "ndarray", private=True))

        def at(k: Any) -> tuple:
            if type(k) is int:
                return tuple(item(place) for place in table[k].tolist())
            return tuple(item(_place(trace, captured[k, column], count)) for column in builtins.range(table.shape[1]))  # type: ignore[index]

        return Combined(whole, (len(table), at))

    return picked


def taken_apart(trace: Trace, value: Any, count: int) -> Any:
    """What so many variables take of a list or array whose length only a run knows; anything else as it is."""
    if isinstance(value, Listed) and value.held is None:
        size, what = operand(trace, value.length(), dt.int64), "a list has as many items"
    elif isinstance(value, Value) and (shape := shape_of(value)) and symbols(shape[0]) - trace.hints.keys():
        size, what = sized(trace, shape[0]), "an array has as many parts"
    else:
        return value
    same = trace.one(e.eq, size, tr.literal(count, dt.int64))
    trace.assume(same, f"{what} as are unpacked")
    return tuple(active().handlers.item(value, k) for k in builtins.range(count))


def _pool(iterable: Any) -> Any:
    """How many items there are to pick from, and the one at a place; what else Python is to pick from."""
    if isinstance(iterable, builtins.range):
        plain_range = (iterable.start, iterable.step) == (0, 1)
        return len(iterable), lambda k: k if plain_range else iterable.start + iterable.step * k
    part = _part(active(), iterable) if isinstance(iterable, (Value, np.ndarray)) else None
    if part is None and type(iterable) in (list, tuple):
        return len(iterable), lambda k: active().handlers.item(iterable, k)
    return iterable if part is None or isinstance(part[0], Dim) else part


def _is_written_out(rounds: Size, iterables: Sequence[Any], few: int) -> bool:
    """Whether a loop over what is picked from known numbers has rounds of its own."""
    if not all(isinstance(pool, (builtins.range, list, tuple)) for pool in iterables):
        return False
    signed = any(type(item) is int and item < 0 for pool in iterables for item in (*pool[:1], *pool[-1:]))
    return isinstance(rounds, int) and rounds <= (SIGNED if signed else few)


def _place(trace: Trace, found: Any, count: int) -> Any:
    atom = tr.read(found._data)
    trace.ranges[atom] = 0, count - 1
    return integers.python(trace, atom)


def _product(*iterables: Any, repeat: Any = 1) -> Any:
    pools = [_pool(taken(iterable)) for iterable in iterables]
    known = type(repeat) is int and all(isinstance(pool, tuple) for pool in pools)
    if not known or not pools or repeat < 1:
        return itertools.product(*iterables, repeat=repeat)
    pools *= repeat
    sizes = tuple(count for count, _ in pools)
    if _is_written_out(product(sizes), iterables, WRITTEN):
        return itertools.product(*iterables, repeat=repeat)
    whole = itertools.product(*([item(k) for k in builtins.range(count)] for count, item in pools))
    return Combined(whole, (product(sizes), lambda k: tuple(item(at) for (_, item), at in zip(pools, _unravelled(k, sizes)))))


TABLE: dict[Any, Callable] = {
    **{function: _picked(function) for function in (
        itertools.combinations, itertools.combinations_with_replacement, itertools.permutations)},
    itertools.product: _product,
    builtins.range: _range, builtins.zip: _zip, builtins.enumerate: _enumerate, builtins.map: _map,
    builtins.reversed: _reversed, np.ndindex: _ndindex, np.ndenumerate: _ndenumerate,
}  # fmt: skip
