"""`sum`, `any`, `all`, `max` and `min` of generators and arrays as loops: `sum(a * b for a, b in zip(x, y))`.

Python's generators cannot be asked for one item after another in a loop that is recorded once. So the source hands over what
they iterate over and what they make of an item, and the loop is that which a user would have written.
"""

from __future__ import annotations

import builtins
import types
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hybrid.control import iterables
from hybrid.control.attempt import begins_with
from hybrid.control.branch import choose, truth
from hybrid.control.own import Own, View, plain
from hybrid.control.plain import UNDEFINED, Each, State
from hybrid.control.structure import is_parts, like
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.frontend import integers, uncertain
from hybrid.frontend.values import Value, shape_of, sized, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import elementwise as e

if TYPE_CHECKING:
    from hybrid.control.handlers import Tracing


class _Found:
    """The variables of `next(f(x) for x in xs if p(x))`."""

    def __init__(self, value: Any):
        self.value, self.found = value, False
        names = frozenset(("value", "found"))
        self.state = State(("value", "found"), lambda: (self.value, self.found), self._set, names, names, frozenset())

    def _set(self, values: tuple) -> None:
        self.value, self.found = values


def first(control: Tracing, trace: Trace, each: Each, default: tuple) -> Any:
    """The first item; without a default there is one, or Python raises its StopIteration."""
    box = _Found(default[0] if default else UNDEFINED)

    def take(value: Any) -> None:
        box.value, box.found = value, True

    _each(control, each, take, box, lambda: box.found)
    if not default:
        found = truth(trace, box.found)
        if found is not True:
            trace.assume(tr.literal(False, dt.bool_) if found is False else found, "there is a next item")
        return _certain(trace, box.value)
    return box.value


def _certain(trace: Trace, value: Any) -> Any:
    return like(value, [_certain(trace, part) for part in value]) if is_parts(value) else uncertain.present(trace, value)


class _Box:
    """The one variable of a fold."""

    def __init__(self, value: Any):
        self.value = value
        names = frozenset(("total",))
        self.state = State(("total",), lambda: (self.value,), self._set, names, names, frozenset())

    def _set(self, values: tuple) -> None:
        (self.value,) = values


def fold(control: Tracing, trace: Trace, function: Callable, each: Each, start: tuple) -> Any:
    """One of these functions of what a generator makes; UNDEFINED where Python must do it."""
    found = None if isinstance(each.iterable, (Own, View)) else iterables.counted(trace, each.iterable)
    if not is_fold(function):
        return UNDEFINED
    if found is None:
        known = each.asks and isinstance(plain(each.iterable), (list, tuple)) and not isinstance(plain(each.iterable), Own)
        return FOLDS[function](control, trace, each, start) if known and function in _ITEM_BY_ITEM else UNDEFINED
    if not each.asks and not isinstance(found[0], Dim) and found[0] ** (1 + each.nested) <= control.short:
        return UNDEFINED  # a few items: what they compute fuses
    return FOLDS[function](control, trace, each, start)


def _sum(control: Tracing, trace: Trace, each: Each, start: tuple) -> Any:
    total = _Box(start[0] if start else 0)

    def add(value: Any) -> None:
        total.value = total.value + value

    if not (each.asks or each.nested or isinstance(total.value, Value)):
        count, at = iterables.counted(trace, each.iterable)  # type: ignore[misc]
        if count != 0 and begins_with(trace, each.item, at, _is_array):
            _is_some(trace, count)
            add(each.item(at(0)))
            each = Each(iterables.Counted(count - 1, lambda k: at(k + 1)), None, each.item)
    _each(control, each, add, total)
    return total.value


def _is_some(trace: Trace, count: Any) -> None:
    """Hand the call over to Python where there is no item."""
    if isinstance(count, Dim) and not trace.bounds.nonnegative(count - 1):
        trace.assume(trace.one(e.gt, sized(trace, count), tr.literal(0, dt.int64)), "there is an item")


def _quantified(decides: bool) -> Callable:
    def quantified(control: Tracing, trace: Trace, each: Each, start: tuple) -> Any:
        decided = _Box(False)

        def look(value: Any) -> None:
            decided.value = control.not_(control.not_(value)) if decides else control.not_(value)

        _each(control, each, look, decided, lambda: decided.value)
        return decided.value if decides else control.not_(decided.value)

    return quantified


def _extreme(better: str) -> Callable:
    def extreme(control: Tracing, trace: Trace, each: Each, start: tuple) -> Any:
        count, at = iterables.counted(trace, each.iterable)  # type: ignore[misc]
        if each.asks or each.nested:
            return UNDEFINED  # which item is the first only a run knows
        _is_some(trace, count)
        best = _Box(each.item(at(0)))

        def compare(value: Any) -> None:
            def take() -> None:
                best.value = value

            control.branch(control.compare(better, value, best.value), take, lambda: None, best.state)

        _each(control, Each(iterables.Counted(count - 1, lambda k: at(k + 1)), None, each.item), compare, best)
        return best.value

    return extreme


def _each(
    control: Tracing, each: Each, take: Callable[[Any], None], box: _Box | _Found, stop: Callable[[], Any] | None = None
) -> None:
    """The loops of a generator, which rebind the variable of a box."""

    def go(x: Any) -> None:
        made = each.item(x)
        if each.nested:
            _each(control, made, take, box, stop)
        else:
            take(made)

    def body(x: Any) -> None:
        if each.test is None:
            go(x)
        else:
            control.branch(each.test(x), lambda: go(x), lambda: None, box.state)

    body.__wrapped__ = each.item  # type: ignore[attr-defined]  # which says where it stands
    control.for_(each.iterable, body, box.state, stop)


FOLDS: dict[Any, Callable] = {
    builtins.sum: _sum,
    builtins.any: _quantified(True),
    builtins.all: _quantified(False),
    builtins.max: _extreme("gt"),
    builtins.min: _extreme("lt"),
}

_ITEM_BY_ITEM = (builtins.sum, builtins.any, builtins.all)  # where a test may leave out any of some known items


def is_fold(function: Any) -> bool:
    """Whether something is one of these functions."""
    return type(function) is types.BuiltinFunctionType and function in FOLDS


def of_array(control: Tracing, function: Callable, usual: Callable) -> Callable:
    """The same functions of an array; `usual`: what they are of anything else."""

    def folded(*args: Any, **kwargs: Any) -> Any:
        trace = tr.current()
        if trace is not None and args and type(args[0]) is deque:
            args = list(args[0]), *args[1:]
        if trace is not None and kwargs.keys() == {"default"} and len(args) == 1 and _is_array(args[0]):
            some = truth(trace, integers.integer(trace, shape_of(args[0])[0]) > 0)
            return choose(trace, some, lambda: folded(*args), lambda: kwargs["default"])
        if trace is None or kwargs or not args or not _is_array(args[0]) or len(args) > (2 if function is sum else 1):
            return usual(*args, **kwargs)
        out = fold(control, trace, function, Each(args[0], None, lambda x: x), args[1:])
        return usual(list(args[0]), *args[1:]) if out is UNDEFINED else out

    return folded


def _is_array(x: Any) -> bool:
    data = unwrap(x)
    return isinstance(x, Value) and type(data) is Symbol and len(data.type.shape) > 0
