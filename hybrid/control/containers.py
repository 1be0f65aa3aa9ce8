"""What stands in, while tracing, for functions that take or make containers: `sorted`, `heapq.heappush`, `deque`."""

from __future__ import annotations

import bisect
import builtins
import functools
import heapq
import itertools
import operator
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.control import algorithms, fixed, letters, substitutes
from hybrid.control.branch import choose, truth
from hybrid.control.items import atoms_of, has_arrays, inner_layout, is_traced, layout_of
from hybrid.control.iterables import Counted
from hybrid.control.join import Spec
from hybrid.control.lists import Listed, listed
from hybrid.control.logs import Logged
from hybrid.control.mapped import Mapped
from hybrid.control.own import Own, View, plain, released
from hybrid.control.perhaps import Perhaps, present
from hybrid.control.plain import Each
from hybrid.control.sets import SetOf
from hybrid.control.structure import is_parts, ordered_fields
from hybrid.control.tables import holds_traced, is_number
from hybrid.core import dtype as dt
from hybrid.core.errors import ROOM, TraceError
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.frontend import integers, texts, uncertain
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.editing import MAX_LISTED, number_of
from hybrid.frontend.indexing import setitem
from hybrid.frontend.values import NUMBERS, Value, active, assembled, operand, shape_of, sized, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Maybe
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import elementwise as e

FEW = 4  # known items that are added to a dict or set one by one
_KNOWN_ITEMS: tuple[type, ...] = (set, frozenset, dict, type({}.keys()), type({}.values()), type({}.items()))


# Comparisons ----------------------------------------------------------------------------------------------------------
def compared(name: str, left: Any, right: Any) -> Any:
    """A comparison of two things that are no traced numbers."""
    if name in ("eq", "ne") and (same := letters.equal(left, right)) is not NotImplemented:
        return same if name == "eq" else active().handlers.not_(same)
    if is_parts(left) and is_parts(right) and (is_traced(left) or is_traced(right)):
        return _ordered(active(), name, left, right)
    if name in ("eq", "ne") and (_may_be_tuple(left) or _may_be_tuple(right)):
        same = _equal_or_none(active(), left, right)
        return same if name == "eq" else active().handlers.not_(same)
    if name in _ORDERS and type(plain(left)) is type(plain(right)) is list:
        one, other = plain(left), plain(right)
        return _ordered(active(), name, one, other) if any(map(is_traced, one + other)) else getattr(operator, name)(one, other)
    if name in ("eq", "ne") and (isinstance(left, Listed) or isinstance(right, Listed)):
        same = left.equal(right) if isinstance(left, Listed) else right.equal(left)
        return same if name == "eq" else active().handlers.not_(same)
    kinds = {
        one.__class__ if type(one) is Chosen else type(one) for one in (left, right)
    }  # one of several instances of one class
    if len(kinds) == 1 and name in _ORDERS and (fields := ordered_fields(*kinds)):
        parts = [tuple(getattr(one, field) for field in fields) for one in (left, right)]
        return active().handlers.compare(name, *parts)
    return getattr(operator, name)(plain(left), plain(right))


def _is_ordered(x: Any) -> bool:
    """Whether something is compared part by part, as tuples are."""
    return is_parts(x) or bool(ordered_fields(type(x)))


_ORDERS = ("lt", "le", "gt", "ge")


def _may_be_tuple(x: Any) -> bool:
    return type(x) is Perhaps and isinstance(x.cls, type) and issubclass(x.cls, tuple)


def _equal_or_none(trace: Trace, left: Any, right: Any) -> Any:
    """`==` of what may be a tuple or None: both are none, or both are there and equal."""
    there, parts = [], []
    for x in (left, right):
        flag = x.flag() if _may_be_tuple(x) else x is not None
        there.append(flag if isinstance(flag, bool) else integers.python(trace, flag))
        parts.append(x.whole() if _may_be_tuple(x) else x)
    absent = _all(trace, [trace.handlers.not_(flag) for flag in there])
    if any(flag is False for flag in there):
        return absent
    return _any(trace, [absent, _all(trace, [*there, _verdict(trace, "eq", *parts)])])


def _ordered(trace: Trace, name: str, left: Sequence, right: Sequence) -> Any:
    """Tuples, and lists, are compared by their first members that are not equal. A NaN there is Python's.

    What these give is the verdict, which is NumPy's where one of them is; where all are equal it is Python's.
    """
    for part in (*left, *right):
        if isinstance(part, Value) and type(part._data) is Symbol and dt.is_float(part._data.type.dtype):
            verdict = truth(trace, trace.handlers.compare("eq", part, part))  # in whichever class it is
            if verdict is not True:
                trace.assume(tr.literal(False, dt.bool_) if verdict is False else verdict, "members of tuples are no NaNs")
    if name in ("eq", "ne"):
        if len(left) != len(right):
            return name == "ne"
        same = _all(trace, [_verdict(trace, "eq", a, b) for a, b in zip(left, right)])
        return same if name == "eq" else trace.handlers.not_(same)
    shorter = min(len(left), len(right))
    out: Any = getattr(operator, name)(len(left), len(right))
    numpys: bool | Atom = False
    for k in reversed(range(shorter)):
        last = k == shorter - 1 and len(left) == len(right)
        verdict = _verdict(trace, name if last else name[0] + "t", left[k], right[k])
        decides = is_numpys(trace, verdict)
        same = True if last and decides is False else _verdict(trace, "eq", left[k], right[k])
        out = verdict if last else _any(trace, [verdict, _all(trace, [same, out])])
        numpys = _one_of(trace, truth(trace, same), numpys, decides)
    if numpys is False:
        return out if isinstance(out, bool) else integers.python(trace, _atom(truth(trace, out)))
    maybe = None if numpys is True else Maybe(_atom(numpys), bool)
    cell = Cell(trace, _atom(truth(trace, out)), mutable=False)
    return wrap(Symbol(cell, TensorType(dt.bool_, ()), "scalar", maybe=maybe))


def _one_of(trace: Trace, verdict: bool | Atom, one: bool | Atom, other: bool | Atom) -> bool | Atom:
    """One truth where a verdict holds, else another."""
    if isinstance(verdict, bool):
        return one if verdict else other
    return one if one is other else trace.one(e.select, verdict, _atom(one), _atom(other))


def _atom(verdict: bool | Atom) -> Atom:
    return tr.literal(verdict, dt.bool_) if isinstance(verdict, bool) else verdict


def is_numpys(trace: Trace, verdict: Any) -> bool | Atom:
    """Whether what a comparison gave is NumPy's, or Python's."""
    data = unwrap(verdict)
    if not isinstance(verdict, Value) or type(data) is not Symbol:
        return isinstance(verdict, np.generic)
    if data.kind not in ("scalar", "python"):
        raise TraceError("arrays are among the members of tuples that are compared", at=tr.user_line())
    if data.maybe is None or data.kind == "python":
        return data.kind == "scalar"
    instead = data.maybe.instead
    return _one_of(trace, data.maybe.holds, True, is_numpys(trace, instead) if isinstance(instead, Value) else False)


def _verdict(trace: Trace, name: str, a: Any, b: Any) -> Any:
    if name == "eq" and a is b:
        return True  # as CPython's containers have it, a NaN of tracing's too
    return trace.handlers.compare(name, a, b)


def _joined(trace: Trace, primitive: Any, verdicts: list, decides: bool) -> Any:
    """`and` or `or` of verdicts, without a branch."""
    out: Atom | None = None
    for verdict in verdicts:
        atom = truth(trace, verdict)  # in whichever class it is
        if isinstance(atom, bool):
            if atom is decides:
                return decides
            continue
        out = atom if out is None else trace.one(primitive, out, atom)
    return not decides if out is None else integers.python(trace, out)


def _all(trace: Trace, verdicts: list) -> Any:
    return _joined(trace, e.and_, verdicts, False)


def _any(trace: Trace, verdicts: list) -> Any:
    return _joined(trace, e.or_, verdicts, True)


# Heaps ----------------------------------------------------------------------------------------------------------------
def _heap(function: Callable, algorithm: Callable) -> Callable:
    def changed(heap: Any, *args: Any) -> Any:
        if type(heap) is Logged:
            raise heap.refuse("keeping a heap in")
        if not isinstance(heap, Listed):
            return function(heap, *args)
        if heap.knows(*args):
            return function(heap.held, *args)
        heap.to_storage(*args)
        return heap.run(algorithm, *args)

    return changed


def _bisected(function: Callable, algorithm: Callable) -> Callable:
    def searched(items: Any, item: Any, *limits: Any, **kwargs: Any) -> Any:
        if _is_row(items) and not limits and not kwargs and "insort" not in function.__name__:
            return active().handlers.algorithm(algorithm)(items, item)
        if not isinstance(items, Listed) or limits or kwargs or items.knows(item):
            return function(plain(items), item, *limits, **kwargs)
        items.to_storage(item)
        return items.run(algorithm, item)

    return searched


def _is_row(items: Any) -> bool:
    """Whether something is a traced array of one axis."""
    return isinstance(items, Value) and type(items._data) is Symbol and len(items._data.type.shape) == 1


def _type(*args: Any) -> Any:
    return args[0].kind if len(args) == 1 and isinstance(args[0], Own) else substitutes.TABLE[builtins.type](*map(plain, args))


def _bool(*args: Any) -> Any:
    if len(args) != 1 or not isinstance(args[0], (Own, View)):
        return active().handlers.builtin(bool)(*args)
    verdict = truth(active(), args[0])
    return verdict if isinstance(verdict, bool) else integers.python(active(), verdict)


# Functions of what can be iterated over ---------------------------------------------------------------------------------
def _is_stored(x: Any) -> bool:
    """Whether the items of something are had one by one in a loop of the graph."""
    return isinstance(x, (Own, View, Counted)) or (
        isinstance(x, Value) and type(x._data) is Symbol and bool(x._data.type.shape)
    )


def _listed(x: Any) -> Listed:
    """A new list of the items of something."""
    if isinstance(x, Listed) and x.held is None:
        return x.copy() if type(x) is Listed else x.straight()
    out = listed(active(), [])
    out.extend(x)
    return out


def _list(*args: Any) -> Any:
    return released(_listed(args[0])) if len(args) == 1 and _is_stored(plain(args[0])) else builtins.list(*map(plain, args))


def _settled(x: Any) -> Any:
    """Items of which nobody asks for the order."""
    x = plain(x)
    if isinstance(x, SetOf) and x.held is not None:
        return builtins.list(x.held)
    return x.sorted() if isinstance(x, SetOf) else _listed(x) if isinstance(x, (Mapped, View)) else x


def _unordered(x: Any, key: Any) -> bool:
    """Whether nobody knows the order of its items, which tells which of two comes first that are equal by a key."""
    return key is not None and isinstance(plain(x), SetOf) and plain(x).held is None


def _assume_distinct(verdict: Any) -> None:
    trace = active()
    holds = truth(trace, verdict)
    if holds is not True:
        atom = tr.literal(False, dt.bool_) if holds is False else holds
        trace.assume(atom, "no two items of a set are equal by the key that orders them")


def _sorted(x: Any, /, *, key: Any = None, reverse: Any = False) -> Any:
    x, unordered = plain(x), _unordered(x, key)
    x = _settled(x) if isinstance(x, SetOf) else x
    out = _listed(x if _is_stored(x) else builtins.list(x))
    out.sort(key=key, reverse=reverse)
    if unordered:
        _assume_distinct(out.run(algorithms.are_distinct, key))
    return released(out)


def _folded(function: Callable, algorithm: Callable) -> Callable:
    """`sum`, `any`, `all` of items that only a run knows."""

    def folded(x: Any, *args: Any, **kwargs: Any) -> Any:
        x = _settled(x)
        if isinstance(x, Counted) and not kwargs:
            return active().handlers.fold(function, Each(x, None, lambda item: item), *args)
        if not isinstance(x, (Listed, Counted)):
            return active().handlers.builtin(function)(x, *args, **kwargs)
        if function is builtins.sum and sys.version_info >= (3, 12) and _may_be_floats(x):
            raise x.refuse("the sum, which Python compensates, of")
        arrays = function is builtins.sum and isinstance(x, Listed) and has_arrays(x.layout)
        return active().handlers.algorithm(algorithms.total_of_arrays if arrays else algorithm)(x, *args, **kwargs)

    return folded


def _may_be_floats(x: Any) -> bool:
    layout = x.layout if isinstance(x, Listed) else None
    return not isinstance(layout, Spec) or layout.maybe or (layout.kind == "python" and not dt.is_integer(layout.dtype))


def _extreme(function: Callable, algorithm: Callable) -> Callable:
    """`min` and `max`, by their keys."""

    def extreme(*args: Any, key: Any = None, **kwargs: Any) -> Any:
        given: Any = args[0] if args else None
        items: Any = _settled(given) if len(args) == 1 else args
        items = _listed(items) if isinstance(items, Counted) else items
        if not isinstance(items, Own) and isinstance(items, (*_KNOWN_ITEMS, Iterator)):
            items = builtins.list(items)  # type: ignore[call-overload]
        args = (items,) if len(args) == 1 else args
        whole = isinstance(items, Listed) and isinstance(items.layout, tuple)
        if (
            "default" in kwargs
            and isinstance(plain(items), (tuple, list, range))
            and not isinstance(plain(items), Own)
            and len(items) > 0
        ):
            del kwargs["default"]  # there is an item
        if kwargs.keys() == {"default"} and isinstance(items, Listed):
            default, trace = kwargs["default"], active()
            some = truth(trace, substitutes.TABLE[len](items) > 0)
            return choose(trace, some, lambda: extreme(items, key=key), lambda: default)
        line = key is not None and isinstance(items, Value) and is_traced(items) and len(shape_of(items)) == 1
        asked = (isinstance(items, (tuple, list, range, deque, Listed)) or line) and not kwargs
        if asked and not line and not isinstance(items, Listed):
            asked = len(items) > 0 and (key is not None or any(_is_ordered(x) and is_traced(x) for x in items))
            items = items if isinstance(items, range) else builtins.list(items)
        if asked and (whole or key is not None or not isinstance(items, Listed)):
            best = active().handlers.algorithm(algorithm)(items, key)
            if len(args) == 1 and _unordered(given, key):
                _assume_distinct(active().handlers.algorithm(algorithms.is_single)(items, best, key))
            return best
        kwargs = kwargs if key is None else {**kwargs, "key": key}
        return active().handlers.builtin(function)(*map(plain, args), **kwargs)

    return extreme


def _reduce(function: Callable, items: Any, *start: Any) -> Any:
    if not _is_stored(plain(items)):
        return functools.reduce(function, plain(items), *start)
    items = _settled(items)
    items = items if isinstance(items, Listed) else _listed(items)
    return items.run(algorithms.reduced_from if start else algorithms.reduced, function, *start)


def _accumulate(items: Any, function: Any = None, *, initial: Any = None) -> Any:
    if not _is_stored(plain(items)) or initial is not None:
        return itertools.accumulate(plain(items), function, initial=initial)
    return _iterator_of(items, algorithms.accumulated, function)


def _filter(function: Any, items: Any) -> Any:
    if not _is_stored(plain(items)) or function is None:
        return builtins.filter(function, plain(items))
    return _iterator_of(items, algorithms.kept, function)


def _iterator_of(items: Any, algorithm: Callable, function: Any) -> Counted:
    """An iterator over what an algorithm makes of some items."""
    out = listed(active(), [])
    active().handlers.algorithm(algorithm)(items if isinstance(items, Listed) else _listed(items), function, out)
    out.to_storage()
    return Counted(integers.size_of(active(), out.length()), out.__getitem__).iterator()


def _has_keys(kind: type, items: Any) -> bool:
    """Whether some keys that a container gets of a list are traced numbers, which have no hash."""
    if type(items) not in (list, tuple):
        return False
    if kind is not dict:
        return any(map(is_traced, items))
    return any(isinstance(pair, tuple) and len(pair) == 2 and is_traced(pair[0]) for pair in items)


def _container(kind: type) -> Callable:
    """`set(items)`, `dict(pairs)`, `Counter(items)` of items that only a run knows."""

    def made(*args: Any, **kwargs: Any) -> Any:
        items: Any = plain(args[0]) if len(args) == 1 and not kwargs else None
        items = builtins.list(items) if isinstance(items, Iterator) else items
        if items is None or not (_is_stored(items) or _has_keys(kind, items)):
            return kind(*map(plain, args if items is None else (items,)), **kwargs)
        if not _is_stored(items) and len(items) > FEW and layout_of(items) is not None:
            items = listed(active(), builtins.list(items))
            items.to_storage()  # one loop over them, however many there are
        if kind is dict and type(items) is Mapped and items.holds_lists() and active().region is None:
            return items.handed_on()
        if kind is set and isinstance(items, SetOf):
            return items.copy()
        out = listed(active(), kind())
        adding: dict[Any, Callable] = {dict: algorithms.add_pairs, Counter: algorithms.add_counts, set: algorithms.add_all}
        if isinstance(items, Mapped) and not isinstance(items, SetOf) and kind is not set:
            out.update(items)
            return released(out)
        active().handlers.algorithm(adding[kind])(out, items)
        return released(out)

    return made


def _deque(*args: Any, **kwargs: Any) -> Any:
    if not args or not _is_stored(plain(args[0])):
        return deque(*map(plain, args), **kwargs)
    out = listed(active(), deque((), *args[1:], **kwargs))
    out.extend(args[0])
    return released(out)


def _from_iterator(items: Any, dtype: Any = None, count: Any = -1, **kwargs: Any) -> Any:
    """`np.fromiter`, of items that a run knows."""
    made = active().handlers.call(builtins.list)(items)
    if kwargs or dtype is None or type(count) is not int or count != -1:
        return np.fromiter(made, dtype, count, **kwargs)  # type: ignore[arg-type]  # it may raise
    out = active().handlers.call(np.array)(made, dtype)
    return out if len(shape_of(out)) == 1 else np.fromiter(made, dtype)


MOST_COMPARED = 64  # items of a list, each of which is compared with another


TABLE: dict[Any, Callable] = {
    **{getattr(heapq, name): _heap(getattr(heapq, name), getattr(algorithms, name))
       for name in ("heappush", "heappop", "heapify", "heapreplace", "heappushpop")},
    **{kind: _container(kind) for kind in (dict, set, Counter)},
    **{getattr(bisect, name): _bisected(getattr(bisect, name), getattr(algorithms, name))
       for name in ("bisect_left", "bisect_right", "insort_left", "insort_right")},
    deque: _deque, builtins.type: _type, builtins.bool: _bool, builtins.list: _list, builtins.sorted: _sorted,
    builtins.sum: _folded(sum, algorithms.total), builtins.any: _folded(any, algorithms.some),
    builtins.all: _folded(all, algorithms.every), builtins.min: _extreme(min, algorithms.least),
    builtins.max: _extreme(max, algorithms.largest),
    functools.reduce: _reduce, itertools.accumulate: _accumulate, builtins.filter: _filter, np.fromiter: _from_iterator,
}  # fmt: skip


def _place_of(items: list | tuple, item: Any) -> Any:
    """`items.index(item)`, of some numbers, of which a run knows some."""
    same = assembled(active(), [active().handlers.compare("eq", one, item) for one in items])
    trace = active()
    trace.assume(operand(trace, np.any(same), dt.bool_), "an item is in a list")
    return integers.python(trace, operand(trace, np.argmax(same), dt.int64))


def repeated(trace: Trace, items: list, count: Any) -> Any:
    """`items * count`, for one item and a count that only a run knows."""
    layout = layout_of(items)
    if len(items) != 1 or layout is None or inner_layout(layout) is not None:
        raise TraceError("a list of several items is repeated as often as only a run knows", at=tr.user_line())
    out = Listed(trace, [])
    out.store([], layout, out.room)
    size = integers.steps(trace, integers.size_of(trace, count), 1)
    number = sized(trace, size)
    trace.assume(trace.one(e.le, number, tr.literal(out.capacity, dt.int64)), ROOM)
    for buffer, atom in zip(out.buffers, atoms_of(trace, items[0], layout)):
        setitem(buffer, slice(0, integers.python(trace, number)), wrap(trace.fresh(atom, "ndarray")))
    out._set_end(number)
    out.longest = None
    return out


def _unlisted(x: Any) -> Any:
    """`x.tolist()` of an array whose length only a run knows."""
    return plain(_listed(Counted(shape_of(x)[0], lambda k: number_of(x[k]))))


def gone_through(function: Any, short: int) -> Callable | None:
    """`x.tolist()` for a loop alone: the elements of a copy, where they are many, and not known."""
    of = getattr(function, "__self__", None)
    if not isinstance(of, Value) or type(of._data) is not Symbol or function.__name__ != "tolist":
        return None
    shape = shape_of(of)
    if len(shape) != 1 or (not isinstance(shape[0], Dim) and shape[0] <= short) or tr.known(of._data) is not None:
        return None

    def made() -> Counted:
        line = of.copy()  # type: ignore[attr-defined]
        return Counted(shape[0], lambda k: number_of(line[k]))

    return made


def _is_long(data: Symbol, size: Size) -> bool:
    """Whether so many elements, of which none is known, are made numbers by a loop."""
    return isinstance(size, Dim) or (size > MAX_LISTED and tr.known(data) is None)


def called(function: Any) -> Callable | None:
    """What to call instead of a function that takes or makes containers, if anything."""
    of: Any = getattr(function, "__self__", None)
    if isinstance(of, Value) and type(of._data) is Symbol and function.__name__ == "tolist":
        shape = shape_of(of)
        return functools.partial(_unlisted, of) if len(shape) == 1 and _is_long(of._data, shape[0]) else None
    if type(of) in (list, tuple) and function.__name__ == "index" and 0 < len(of) <= MOST_COMPARED and any(map(is_number, of)):
        return functools.partial(_indexed, of)
    if type(of) is dict and function.__name__ == "get":
        return functools.partial(_got, of)
    if type(of) is str:
        asked = functools.partial(_asked, function)
        return functools.partial(_OF_TEXTS[function.__name__], of) if function.__name__ in _OF_TEXTS else asked
    try:
        found = TABLE.get(function)
    except TypeError:  # not hashable
        return None
    return found and functools.partial(_presented, found)


def _joined_texts(between: str, items: Any) -> Any:
    """`between.join(items)`, of texts that only a run knows."""
    items = plain(items)
    if isinstance(items, (Counted, View)) or type(items) is Mapped:
        items = plain(_listed(items))
    if isinstance(items, Iterator):
        items = builtins.list(items)
    if isinstance(items, Listed) and items.held is None:
        return texts.joined_list(between, items.copy())
    if not isinstance(items, (list, tuple)) or not any(map(texts.is_traced, items)):
        return between.join(items)
    return texts.joined_few(between, items)


_OF_TEXTS: dict[str, Callable] = {"format": texts.formatted, "join": _joined_texts}


def _asked(method: Callable, /, *args: Any) -> Any:
    """A method of a text, given one of several objects: one for which it does not raise, if there are others."""
    at = next((k for k, arg in enumerate(args) if type(arg) is Chosen), None)
    if at is None:
        return method(*args)
    one = args[at].among(lambda option: method(*args[:at], option, *args[at + 1 :]))
    return uncertain.pick(active(), one, lambda option: _asked(method, *args[:at], option, *args[at + 1 :]))


def _indexed(items: list | tuple, item: Any, /, *limits: Any) -> Any:
    """The place of an item among some of which a run knows the numbers."""
    comparable = is_number(item) or type(item) in NUMBERS
    plain_numbers = all(is_number(one) or type(one) in NUMBERS for one in items)
    return _place_of(items, item) if comparable and plain_numbers and not limits else items.index(item, *limits)


def _got(entries: dict, key: Any, default: Any = None, /) -> Any:
    if type(key) is Chosen:
        return uncertain.pick(active(), key, lambda one: entries.get(one, default))
    entry = active().handlers.tables.entry(active(), entries, key) if holds_traced(key) else None
    if entry is None:
        return entries.get(key, default)
    value, there = entry
    return fixed.got(active(), value, there, default)


def _presented(function: Callable, /, *args: Any, **kwargs: Any) -> Any:
    return function(*map(present, args), **kwargs)
