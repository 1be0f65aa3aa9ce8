"""Comprehensions and generators as loops that collect what they make in a list of the trace.

They are written out, as Python's own, where the source has a known number of items, and no condition asks for what only a
run knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hybrid.control import substitutes
from hybrid.control.lists import Listed
from hybrid.control.own import Own, View, plain, released
from hybrid.control.plain import Each, State
from hybrid.core.shape import Dim
from hybrid.ir.trace import Trace

if TYPE_CHECKING:
    from hybrid.control.handlers import Tracing

WRITTEN = 64  # items of a generator that are written out: what they compute fuses
_NO_STATE = State((), tuple, lambda values: None, frozenset(), frozenset(), frozenset())


def filtered(control: Tracing, trace: Trace, each: Each) -> Any:
    """The list."""
    if each.nested or _source(trace, each) is not None:
        return _gathered(control, trace, each)
    return [each.item(x) for x in plain(each.iterable) if each.test is None or each.test(x)]


def generated(control: Tracing, trace: Trace, each: Each) -> Any:
    """The list, or Python's generator."""
    loops = _source(trace, each, WRITTEN) is not None or (each.nested and each.asks)
    return _gathered(control, trace, each) if loops else _lazily(control, trace, each)


def _lazily(control: Tracing, trace: Trace, each: Each) -> Iterator[Any]:
    for x in plain(each.iterable):
        if each.test is None or each.test(x):
            made = each.item(x)
            if each.nested:
                yield from generated(control, trace, made)
            else:
                yield made


def _source(trace: Trace, each: Each, most: int | None = None) -> Any:
    """What a loop that is recorded goes over; None where it is written out, as at most `most` rounds are."""
    known = substitutes.counted(trace, each.iterable)
    if known is None:
        return None
    if isinstance(each.iterable, (Own, View)):
        return each.iterable
    count = known[0]
    long = isinstance(count, Dim) or (most is not None and count ** (1 + each.nested) > most)
    return substitutes.Counted(*known) if each.asks or long else None


def _gathered(control: Tracing, trace: Trace, each: Each) -> Any:
    out = Listed(trace, [])
    out.selects = isinstance(each.iterable, Listed) and not each.nested

    def take(x: Any, made: Any) -> None:
        out.selects = out.selects and made is x
        out.append(made)

    _gather(control, trace, each, take)
    if out.selects:
        out.shares, out.family = each.iterable.shares, each.iterable.family  # type: ignore[attr-defined]
    return released(out)


def _gather(control: Tracing, trace: Trace, each: Each, take: Callable[[Any, Any], None]) -> None:
    """Call `take` with every item, and what it was made of."""

    def go(x: Any) -> None:
        made = each.item(x)
        if each.nested:
            _gather(control, trace, made, take)
        else:
            take(x, made)

    def body(x: Any) -> None:
        if each.test is None:
            go(x)
        else:
            control.branch(each.test(x), lambda: go(x), lambda: None, _NO_STATE)

    source = _source(trace, each)
    if source is not None:
        control.for_(source, body, _NO_STATE)
        return
    for x in plain(each.iterable):
        body(x)
