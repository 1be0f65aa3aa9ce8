"""Draws of one number as C functions: what NumPy's methods call, so that loops need not call the methods.

Which function a method calls, and with what, is not promised. So it is tried: on generators of the same kind the method
and the function must give the same numbers and leave the same state. Where they do not, the method is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npyrandom
from hybrid.core.shape import Size
from hybrid.frontend import integers
from hybrid.frontend.values import NUMBERS, Value, operand, shape_of, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import draw as d
from hybrid.ops import elementwise as e

_ZERO = tr.literal(0, dt.int64)
TRIED = 64  # numbers


@dataclass(frozen=True, slots=True)
class Native:
    """A function, its operands after the generator, and the least and greatest number it gives, where they are known."""

    function: str
    operands: tuple[Atom, ...]
    range: tuple[Size, Size] | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """How a method becomes a function.

    Args:
        names: of the method's parameters, before `size`; `defaults` are the values of the last of them.
        prepare: gives the function's operands for those of the method, None where it does not apply.
        tried: parameters of the method, and what the function is given for them.
    """

    function: str
    names: tuple[str, ...]
    defaults: tuple[Any, ...]
    prepare: Callable[..., Native | None]
    tried: tuple[tuple[tuple, tuple], ...] = (((), ()),)


def is_number(method: str, args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether a call draws one number, whatever the values of its arguments."""
    form = _FORMS.get(method)
    return form is not None and _bound(form, args, kwargs) is not None


def single(method: str, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, tuple, dict[str, Any]] | None:
    """The shape that a call draws, and the arguments of a call that draws one of its numbers; None where that is not known."""
    if method in ("rand", "randn"):
        return (args, (), kwargs) if args and not kwargs else None
    form, rest = _FORMS.get(method), {name: value for name, value in kwargs.items() if name != "size"}
    if form is None or ("size" in kwargs) == (len(args) > len(form.names)):
        return None
    size, args = (kwargs["size"], args) if "size" in kwargs else (args[-1], args[:-1])
    return None if size is None or _bound(form, args, rest) is None else (size, args, rest)


def native(trace: Trace, generator: Any, call: d.Draw, args: tuple, kwargs: dict[str, Any]) -> Native | None:
    """The function for a call that NumPy accepts as far as its arguments are known; None where there is none."""
    form = _form_of(type(generator), call.method)
    if form is None or call.type is None or call.type.shape or call.result not in (float, int, np.int64):
        return None
    given, wanted = _bound(form, args, kwargs), dt.int64 if form.function == _BOUNDED else dt.float64
    if given is None or call.type.dtype != wanted or not all(map(_is_number, given)):
        return None
    kind: Any = type(generator)
    if not _agrees(kind, _bits(generator), call.method):
        return None
    return form.prepare(trace, type(generator), *given)


def _bound(form: _Form, args: tuple, kwargs: dict[str, Any]) -> list[Any] | None:
    """The parameters of the method by their places, if it draws one number of the usual type."""
    if len(args) > len(form.names) or not set(kwargs) <= {*form.names[len(args) :], "size", "dtype", "endpoint"}:
        return None
    usual = (int, np.int64) if form.function == _BOUNDED else (float, np.float64)
    if kwargs.get("size") is not None or kwargs.get("endpoint", False) is not False:
        return None
    if kwargs.get("dtype", usual[0]) not in (*usual, usual[1].__name__):
        return None
    first = len(form.names) - len(form.defaults)
    given = [*args, *(kwargs.get(name, form.defaults[k - first] if k >= first else _MISSING)
                      for k, name in enumerate(form.names) if k >= len(args))]  # fmt: skip
    return None if _MISSING in given else given


def _is_number(x: Any) -> bool:
    if isinstance(x, Value):
        return unwrap(x).type.shape == () and not dt.is_complex(unwrap(x).type.dtype)
    return x is None or type(x) in NUMBERS or isinstance(x, (np.integer, np.floating))


def _form_of(kind: type, method: str) -> _Form | None:
    return _LEGACY if (kind, method) == (np.random.RandomState, "standard_normal") else _FORMS.get(method)


def legacy_normal(generator: Any, method: str, args: tuple, kwargs: dict[str, Any]) -> list[Any] | None:
    """Mean and scale of one normal number of a `RandomState`, where that is computed of a standard one."""
    form = _FORMS["normal" if method == "normal" else "standard_normal"]
    if type(generator) is not np.random.RandomState or method not in ("normal", "randn"):
        return None
    given = _bound(form, args, kwargs)
    if (
        given is None
        or not all(map(_is_number, given))
        or not _agrees(np.random.RandomState, _bits(generator), "standard_normal")
    ):
        return None
    known = bool(given) and not isinstance(given[1], Value)
    return None if known and math.copysign(1.0, given[1]) < 0 else given


def stretched(trace: Trace, x: Any, loc: Any = None, scale: Any = None) -> Any:
    """`loc + scale * x` as NumPy computes it, in float64."""
    if loc is None:
        return x
    factor = _scale(trace, scale)
    if shape_of(x):
        return loc + scale * x
    product = trace.one(e.mul, factor, tr.read(unwrap(x)))
    return integers.python(trace, trace.one(e.add, operand(trace, loc, dt.float64), product))


def _bits(generator: Any) -> Any:
    return type(d.bits_of(generator))


@cache
def _agrees(kind: type, bits: type, method: str) -> bool:
    """Whether a function gives what a method gives, and neither more nor less is drawn for it."""
    form = _form_of(kind, method)
    assert form is not None
    legacy = form.function == GAUSS
    function = npyrandom.legacy_gauss if legacy else npyrandom.function(form.function)
    by_method, by_function = kind(bits(77)), kind(bits(77))
    source = d.bits_of(by_function)
    if function is None or npyrandom.lock_of(source) is None:
        return False
    address = npyrandom.gauss(by_function) if legacy else npyrandom.bitgen(source)
    if not address:
        return False
    for given, parameters in form.tried:
        if form.function == _BOUNDED:
            parameters = (*parameters, kind is np.random.RandomState)
        for _ in range(TRIED):
            if getattr(by_method, method)(*given) != function(address, *parameters):
                return False
    return str(_state(by_method)) == str(_state(by_function))


def _state(generator: Any) -> Any:
    with np.printoptions(threshold=10**6):
        return str(generator.get_state(legacy=False) if hasattr(generator, "get_state") else d.bits_of(generator).state)


# Parameters ------------------------------------------------------------------------------------------------------------
def _numbers(function: str) -> Callable[..., Native | None]:
    def prepare(trace: Trace, kind: type, *given: Any) -> Native:
        return Native(function, tuple(operand(trace, x, dt.float64) for x in given))

    return prepare


def _scaled(function: str) -> Callable[..., Native | None]:
    """The last parameter is a scale, which must not be negative: Python raises then."""

    def prepare(trace: Trace, kind: type, *given: Any) -> Native:
        return Native(function, (*(operand(trace, x, dt.float64) for x in given[:-1]), _scale(trace, given[-1])))

    return prepare


def _scale(trace: Trace, scale: Any) -> Atom:
    atom = operand(trace, scale, dt.float64)
    if isinstance(scale, Value):  # what is known, NumPy has accepted
        trace.assume(trace.one(e.gt, atom, tr.literal(0.0, dt.float64)), "a scale is positive")
    return atom


def _uniform(trace: Trace, kind: type, low: Any, high: Any) -> Native:
    first, last = operand(trace, low, dt.float64), operand(trace, high, dt.float64)
    width = trace.one(e.sub, last, first)
    if isinstance(low, Value) or isinstance(high, Value):  # what is known, NumPy has accepted
        trace.assume(trace.one(e.ge, width, tr.literal(0.0, dt.float64)), "an interval has a width")
        trace.assume(trace.one(e.lt, width, tr.literal(math.inf, dt.float64)), "an interval is finite")
    return Native("random_uniform", (first, width))


def _bounded(trace: Trace, kind: type, low: Any, high: Any) -> Native | None:
    low, high = (0, low) if high is None else (low, high)
    ends = [_integer(trace, x) for x in (low, high)]
    if None in ends:
        return None
    (first, least), (end, beyond) = ends  # type: ignore[misc]
    distance = trace.one(e.sub, trace.one(e.sub, end, first), tr.literal(1, dt.int64))
    if least is None or beyond is None or not trace.bounds.nonnegative(beyond - least - 1):
        # Where the difference of any two integers does not fit, it is negative.
        trace.assume(
            trace.one(e.and_, trace.one(e.gt, end, first), trace.one(e.ge, distance, _ZERO)), "there are integers between"
        )
    mask: Atom = _ZERO
    masked = kind is np.random.RandomState
    if masked:
        mask = distance
        for shift in (1, 2, 4, 8, 16, 32):
            mask = trace.one(e.or_, mask, trace.one(e.shr, mask, tr.literal(shift, dt.int64)))
    known = (least, beyond - 1) if least is not None and beyond is not None else None
    return Native(_BOUNDED, (first, distance, mask, tr.literal(int(masked), dt.int64)), known)


def _integer(trace: Trace, x: Any) -> tuple[Atom, Size | None] | None:
    """An integer, and the size it is known to be."""
    if not isinstance(x, Value):
        fits = type(x) in (int, bool) or isinstance(x, np.integer)
        return (tr.literal(int(x), dt.int64), int(x)) if fits and -(2**63) <= x < 2**63 else None
    dtype = unwrap(x).type.dtype
    if not dt.is_integer(dtype) or dtype == dt.uint64:
        return None
    atom = operand(trace, x, dt.int64)
    return atom, trace.size_of(atom)


GAUSS = "hybrid_legacy_gauss"
_BOUNDED, _MISSING = "random_bounded_uint64", object()
_PLAIN = _Form("random_standard_uniform", (), (), _numbers("random_standard_uniform"))
_INTEGERS = _Form(_BOUNDED, ("low", "high"), (None,), _bounded, (
    ((7,), (0, 6, 7)), ((-5, 1000), (-5 % 2**64, 1004, 1023)), ((1,), (0, 0, 0)), ((2**31,), (0, 2**31 - 1, 2**31 - 1)),
    ((2**32,), (0, 2**32 - 1, 2**32 - 1)), ((3 * 2**40,), (0, 3 * 2**40 - 1, 2**42 - 1)),
))  # fmt: skip
_LEGACY = _Form(GAUSS, (), (), _numbers(GAUSS))
_EXPONENTIAL = _Form("random_exponential", ("scale",), (1.0,), _scaled("random_exponential"), (((2.5,), (2.5,)),))
_FORMS = {
    **dict.fromkeys(("random", "random_sample", "rand"), _PLAIN),
    "uniform": _Form(
        "random_uniform", ("low", "high"), (0.0, 1.0), _uniform, (((), (0.0, 1.0)), ((-0.7, 0.1), (-0.7, 0.1 + 0.7)))
    ),
    "standard_normal": _Form("random_standard_normal", (), (), _numbers("random_standard_normal")),
    "normal": _Form("random_normal", ("loc", "scale"), (0.0, 1.0), _scaled("random_normal"), (((0.3, 1.7), (0.3, 1.7)),)),
    "standard_exponential": _Form("random_standard_exponential", (), (), _numbers("random_standard_exponential")),
    "exponential": _EXPONENTIAL,
    "integers": _INTEGERS,
    "randint": _INTEGERS,
}
