"""Numbers that are of one class on some ways through a function and of another on others (`ir.trace.Maybe`).

`s = 0.0; for …: s += x[i]` leaves a NumPy number after the first round, and a Python float where there was none. Most
operations give the same for both: then they are recorded without looking. Others are recorded for each class, and one
equation takes what holds. Where even that has no one result, the call is Python's unless the number is what it is said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend.chosen import Chosen, register_each
from hybrid.frontend.values import (
    Value,
    dtype_of,
    kind_of,
    operand,
    recast,
    register_alike,
    shape_of,
    symbol,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known, Maybe
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import elementwise as e

EXACT_FLOAT = 1 << 53  # integers up to here are floats
_DTYPES = {bool: dt.bool_, int: dt.int64, float: dt.float64, complex: dt.complex128}
_CLASSES = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
Choose = Callable[[Trace, Atom, Callable[[], Any], Callable[[], Any]], Any]
_choose: list[Choose] = []  # branches of the graph enter themselves here, once


def register_choice(choose: Choose) -> None:
    _choose[:] = [choose]


def is_uncertain(x: Any) -> bool:
    return isinstance(x, Value) and type(x._data) is Symbol and x._data.maybe is not None


def refused(operands: tuple) -> Any:
    """NotImplemented for operands of which one is no number; TraceError where what is a number may be something else."""
    for x in operands:
        if is_uncertain(x) and not isinstance(x._data.maybe.instead, type):
            error = TraceError("an operator is given what only a run knows to be a number", at=tr.user_line())
            x._data.cell.trace.fail(error)
            raise error
    return NotImplemented


def certain(x: Any) -> Any:
    """The number, taken for what it is said to be."""
    if not is_uncertain(x):
        return x
    data = x._data
    return wrap(Symbol(data.cell, data.type, data.kind, data.chain, data._proto, data.argument))


def otherwise(x: Any) -> Any:
    """The number or object that an uncertain number is when it is not what it is said to be."""
    if not is_uncertain(x):
        return x
    data, instead = x._data, x._data.maybe.instead
    if isinstance(instead, Known):
        return instead.value
    if isinstance(instead, Value) or type(instead) is Chosen:
        return instead
    atom = recast(data.cell.trace, data.cell.value, _DTYPES[instead])
    return wrap(Symbol(Cell(data.cell.trace, atom, mutable=False), TensorType(_DTYPES[instead], (), weak=True), "python"))


def _is_shared(x: Any) -> bool:
    """Whether it has one value, whatever its class."""
    return not is_uncertain(x) or isinstance(x._data.maybe.instead, type)


def _is_number(x: Any) -> bool:
    """Whether it is a number, whatever its class."""
    while is_uncertain(x):
        instead = x._data.maybe.instead
        if isinstance(instead, type):
            return True
        if not isinstance(instead, Value):
            return False
        x = instead
    return True


def may_be_object(x: Any) -> bool:
    """Whether it may be something that is no number: a text, None, or an instance."""
    return is_uncertain(x) and x._data.maybe.instead is not None and not _is_number(x)


# Operations ------------------------------------------------------------------------------------------------------------
def settle(
    trace: Trace,
    operands: tuple,
    promotion: Callable[[tuple], np.dtype],
    compute: Callable[[tuple], Any],
    may_raise: bool,
    python: bool,
    apart: bool = False,
) -> Any:
    """The result of an elementwise function of operands of which some are uncertain.

    `compute`: the function itself, of operands that are all certain.
    `may_raise`: Python's operator raises an error for some numbers where NumPy's gives infinity.
    `apart`: the classes must be looked at one by one.
    """
    if not (apart and python) and _is_one(trace, operands, promotion, python):
        return _of_either(trace, operands, compute, may_raise, python)
    at = next(k for k, x in enumerate(operands) if is_uncertain(x))

    def given(x: Any) -> tuple:
        return (*operands[:at], x, *operands[at + 1 :])

    again = lambda x: settled(trace, given(x), promotion, compute, may_raise, python, apart)
    if operands[at]._data.maybe.instead is not None:
        failure = trace.failure
        try:
            return _choose[0](
                trace,
                operands[at]._data.maybe.holds,
                lambda: again(certain(operands[at])),
                lambda: again(otherwise(operands[at])),
            )
        except TraceError:
            if trace.failure is not failure:
                raise
    tr.exists(operands[at]._data)
    return again(certain(operands[at]))


def settled(
    trace: Trace,
    operands: tuple,
    promotion: Callable,
    compute: Callable[[tuple], Any],
    may_raise: bool,
    python: bool,
    apart: bool = False,
) -> Any:
    """The result of an elementwise function of any operands."""
    if not any(map(is_uncertain, operands)):
        return compute(operands)
    return settle(trace, operands, promotion, compute, may_raise, python, apart)


def _is_one(trace: Trace, operands: tuple, promotion: Callable[[tuple], np.dtype], python: bool) -> bool:
    """Whether an operation does the same with the numbers in any class."""
    unsure = [x for x in operands if is_uncertain(x)]
    if not all(map(_is_number, unsure)) or any(is_uncertain(x._data.maybe.instead) for x in unsure):
        return False
    dtype = promotion(tuple(map(certain, operands)))
    if dtype != promotion(tuple(map(otherwise, operands))):
        return False
    if python and _all_may_be_python(operands):
        return (
            all(map(_is_shared, unsure))
            and len({x._data.maybe.instead for x in unsure}) == 1
            and not any(_dtype(x) == dt.bool_ for x in operands)
        )
    if len(unsure) > 1 and any(kind_of(x) != "python" for x in map(otherwise, unsure)):
        return False
    return all(_is_shared(x) or (x._data.type.dtype == dtype and _fits(trace, x)) for x in unsure)


def _all_may_be_python(operands: tuple) -> bool:
    return all(kind_of(otherwise(x) if is_uncertain(x) else x) == "python" for x in operands)


def _fits(trace: Trace, x: Any) -> bool:
    """Whether a Python integer that is no NumPy number yet becomes one without an error."""
    dtype = x._data.type.dtype
    return not dt.is_integer(dtype) or dtype == dt.int64


def _of_either(trace: Trace, operands: tuple, compute: Callable[[tuple], Any], may_raise: bool, python: bool) -> Any:
    if not (python and _all_may_be_python(operands)):
        return compute(tuple(map(certain, operands)))  # a NumPy operand makes the result NumPy's
    unsure = [x for x in operands if is_uncertain(x)]
    holds: Atom | None = None  # one NumPy number makes the result NumPy's
    for x in unsure:
        own = x._data.maybe.holds
        if x._data.kind == "scalar" and own is not holds:
            holds = own if holds is None else trace.one(e.or_, holds, own)
    if not any(dt.is_inexact(_dtype(x)) for x in operands):
        # As Python computes them: a check hands over what NumPy would have cut down to 64 bits.
        out = compute(tuple(map(otherwise, operands)))
        if holds is not None and isinstance(out, Value):
            out = wrap(Symbol(out._data.cell, TensorType(out._data.type.dtype, ()), "scalar"))
        return out if holds is None else _marked(out, holds)
    out = compute(tuple(map(certain, operands)))
    data = unwrap(out)
    if may_raise and type(data) is Symbol and data.kind == "scalar":
        # NumPy's infinities and NaNs are Python's errors.
        number = tr.read(data)
        difference = trace.one(e.sub, number, number)
        finite = trace.one(e.eq, difference, tr.literal(0, number.type.dtype))
        trace.assume(finite if holds is None else trace.one(e.or_, finite, holds), "Python arithmetic gives a finite number")
    return out if holds is None else _marked(out, holds)


def _dtype(x: Any) -> np.dtype:
    data = unwrap(x)
    return data.type.dtype if type(data) is Symbol else np.asarray(data).dtype


def _marked(x: Any, holds: Atom) -> Any:
    """A NumPy number with its uncertainty: a Python number of the same value."""
    data = unwrap(x)
    if type(data) is not Symbol or data.kind != "scalar":
        return x
    maybe = Maybe(holds, _CLASSES[dt.KIND[data.type.dtype]])
    return wrap(Symbol(data.cell, data.type, data.kind, data.chain, data._proto, data.argument, maybe))


# Uses that ask for the value only ---------------------------------------------------------------------------------------
def shared(trace: Trace, value: Any, dtype: np.dtype, when: Atom) -> Atom:
    """A Python number in a dtype that has all of its class; integers become floats as far as those are exact."""
    atom = tr.read(symbol(trace, value))
    if atom.type.dtype == dt.int64 and not dt.is_integer(dtype):
        limit = tr.literal(EXACT_FLOAT, dt.int64)
        if isinstance(atom, Literal):
            exact: Atom = tr.literal(-EXACT_FLOAT <= atom.value <= EXACT_FLOAT, dt.bool_)
        else:
            exact = _within(trace, atom, limit)
        if not (isinstance(exact, Literal) and exact.value):
            trace.assume(_implied(trace, when, exact), "an integer is a float, too")
    return recast(trace, atom, dtype)


def _within(trace: Trace, atom: Atom, limit: Atom) -> Atom:
    low = tr.literal(-int(limit.value), dt.int64)  # type: ignore[union-attr]
    return trace.one(e.and_, trace.one(e.le, low, atom), trace.one(e.le, atom, limit))


def _implied(trace: Trace, when: Atom, what: Atom) -> Atom:
    if isinstance(when, Literal):
        return what if when.value else tr.literal(True, dt.bool_)
    return trace.one(e.or_, trace.one(e.not_, when), what)


def number(trace: Trace, x: Any) -> Any:
    """A number of one class that has the value of an uncertain one: where its class does not matter."""
    if not is_uncertain(x):
        return x
    if not _is_number(x):
        tr.exists(x._data)  # an object that is no number, or none at all
        return certain(x)
    if _is_shared(x):
        return otherwise(x) if dt.is_integer(x._data.type.dtype) else certain(x)
    said, other, holds = certain(x), number(trace, otherwise(x)), x._data.maybe.holds
    dtype = max((_dtype(said), _dtype(other)), key=lambda d: "biufc".index(dt.KIND[d]))
    if (dt.uint64 in (_dtype(said), _dtype(other)) and dt.is_integer(dtype)) or shape_of(other):
        tr.exists(x._data)
        return said
    wide = _DTYPES[_CLASSES[dt.KIND[dtype]]]
    no = trace.one(e.not_, holds)
    atom = trace.one(e.select, holds, shared(trace, said, wide, holds), shared(trace, other, wide, no))
    return wrap(Symbol(Cell(trace, atom, mutable=False), TensorType(wide, (), weak=True), "python"))


def alike(trace: Trace, parts: list, valued: bool = False) -> list:
    """What an array is made of, its uncertain numbers of one class where the array is the same for all of their classes."""
    parts = [present(trace, x) for x in parts]
    unsure, sure = [x for x in parts if is_uncertain(x)], [x for x in parts if not is_uncertain(x)]
    if valued:
        return [number(trace, x) for x in parts]
    if not sure or not all(map(_is_number, unsure)):
        return parts
    own = dt.promote(*(dt.promote(dtype_of(x)) for x in sure))
    found = [{dt.promote(own, dt.promote(dtype_of(way))) for way in _ways(x)} for x in unsure]
    if any(len(dtypes) > 1 for dtypes in found):
        return parts
    dtype = dt.promote(own, *(of_all for dtypes in found for of_all in dtypes))
    return [wrap(trace.fresh(operand(trace, number(trace, x), dtype), "scalar")) if is_uncertain(x) else x for x in parts]


def _ways(x: Any) -> Iterator[Any]:
    """The numbers of one class that a number may be."""
    while is_uncertain(x):
        yield certain(x)
        x = otherwise(x)
    yield x


register_alike(alike)


def present(trace: Trace, x: Any, elsewhere: Atom | None = None) -> Any:
    """An uncertain number of which it is taken for granted that it exists; `elsewhere`: when it is asked for in vain."""
    if not is_uncertain(x):
        return x
    data, maybe = x._data, x._data.maybe
    reached = maybe.holds if elsewhere is None else trace.one(e.or_, elsewhere, maybe.holds)
    if maybe.instead is None:
        trace.assume(reached, "a variable has a value")
        return certain(x)
    if not is_uncertain(maybe.instead):
        return x
    maybe = Maybe(maybe.holds, present(trace, maybe.instead, reached))
    return wrap(Symbol(data.cell, data.type, data.kind, data.chain, data._proto, data.argument, maybe))


def pick(trace: Trace, x: Any, function: Callable[[Any], Any]) -> Any:
    """`function(x)`, for each thing that an uncertain number, or one of several objects, may be."""
    if type(x) is Chosen:
        return _pick_object(trace, x, 0, len(x.options), function)
    if not is_uncertain(x):
        return function(x)
    if x._data.maybe.instead is None:
        tr.exists(x._data)
        return function(certain(x))
    return _choose[0](trace, x._data.maybe.holds, lambda: function(certain(x)), lambda: pick(trace, otherwise(x), function))


def _pick_object(trace: Trace, x: Chosen, first: int, end: int, function: Callable[[Any], Any]) -> Any:
    """`function` of the option that it is, from the first on: half of them are ruled out at a time."""
    if end - first == 1:
        return function(x.options[first].value)
    middle = (first + end) // 2
    return _choose[0](
        trace,
        x.less(middle),
        lambda: _pick_object(trace, x, first, middle, function),
        lambda: _pick_object(trace, x, middle, end, function),
    )


register_each(pick, lambda *ways: _choose[0](*ways))


def is_known(known: Any, value: Any) -> Any:
    """Whether a traced value is None, True or False, Python's or NumPy's: a bool of the same class may be."""
    if isinstance(known, np.bool_):
        if not isinstance(value, Value) or kind_of(value) != "scalar" or dtype_of(value) != dt.bool_:
            return value is known
        trace = value._data.cell.trace
        same = trace.one(e.eq, operand(trace, value, dt.bool_), operand(trace, known, dt.bool_))
        return wrap(Symbol(Cell(trace, same, mutable=False), TensorType(dt.bool_, (), weak=True), "python"))
    if known is None or not isinstance(value, Value) or kind_of(value) != "python" or not isinstance(value, bool):
        return value is known
    return value == known
