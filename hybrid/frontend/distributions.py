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
        dtype: of what it gives.
    """

    function: str
    names: tuple[str, ...]
    defaults: tuple[Any, ...]
    prepare: Callable[..., Native | None]
    tried: tuple[tuple[tuple, tuple], ...] = (((), ()),)
    dtype: np.dtype = dt.float64


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
    given = _bound(form, args, kwargs)
    if given is None or call.type.dtype != form.dtype or not all(map(_is_number, given)):
        return None
    kind: Any = type(generator)
    if not _agrees(kind, _bits(generator), call.method):
        return None
    return form.prepare(trace, type(generator), *given, **({"closed": True} if kwargs.get("endpoint") else {}))


def _bound(form: _Form, args: tuple, kwargs: dict[str, Any]) -> list[Any] | None:
    """The parameters of the method by their places, if it draws one number of the usual type."""
    if len(args) > len(form.names) or not set(kwargs) <= {*form.names[len(args) :], "size", "dtype", "endpoint"}:
        return None
    usual = (int, np.int64) if form.dtype == dt.int64 else (float, np.float64)
    if kwargs.get("size") is not None or not isinstance(kwargs.get("endpoint", False), bool):
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
    return (_LEGACY.get(method) if kind is np.random.RandomState else None) or _FORMS.get(method)


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
    product = trace.one(e.mul, factor, operand(trace, x, dt.float64))
    return integers.python(trace, trace.one(e.add, operand(trace, loc, dt.float64), product))


def _bits(generator: Any) -> Any:
    return type(d.bits_of(generator))


@cache
def _agrees(kind: type, bits: type, method: str) -> bool:
    """Whether a function gives what a method gives, and neither more nor less is drawn for it."""
    form = _form_of(kind, method)
    assert form is not None
    legacy = form.function == GAUSS
    ours = {GAUSS: npyrandom.legacy_gauss, EXPONENTIAL: npyrandom.legacy_exponential, BINOMIAL: npyrandom.binomial}
    function: Any = ours.get(form.function) or npyrandom.function(form.function)
    by_method, by_function = kind(bits(77)), kind(bits(77))
    source = d.bits_of(by_function)
    if function is None or npyrandom.lock_of(source) is None:
        return False
    address = npyrandom.gauss(by_function) if legacy else npyrandom.bitgen(source)
    if not address:
        return False
    for given, parameters in form.tried:
        if form.function == _BOUNDED:
            parameters = (*parameters, method == "interval" or kind is np.random.RandomState)
        for _ in range(TRIED):
            if d.drawn(by_method, method, *given) != function(address, *parameters):
                return False
    return str(_state(by_method)) == str(_state(by_function))


def _state(generator: Any) -> Any:
    with np.printoptions(threshold=10**6):
        return str(generator.get_state(legacy=False) if hasattr(generator, "get_state") else d.bits_of(generator).state)


# Parameters ------------------------------------------------------------------------------------------------------------
def _checked(function: str, *kinds: str) -> Callable[..., Native | None]:
    """One number for each parameter; `kinds`: what it must be, or Python raises."""

    def prepare(trace: Trace, kind: type, *given: Any) -> Native | None:
        atoms = []
        for what, x in zip(kinds, given, strict=True):
            whole = _integer(trace, x) if what == "a count" else None
            if what == "a count" and whole is None:
                return None
            atom = operand(trace, x, dt.float64) if whole is None else whole[0]
            if isinstance(x, Value):  # what is known, NumPy has accepted
                for holds in _KINDS[what](trace, atom):
                    trace.assume(holds, f"a parameter of {function.removeprefix('random_')} is {what}")
            atoms.append(atom)
        return Native(function, tuple(atoms))

    return prepare


def _above(least: float, or_equal: bool = False) -> Callable[[Trace, Atom], list[Atom]]:
    compare = e.ge if or_equal else e.gt
    return lambda trace, x: [trace.one(compare, x, tr.literal(least, x.type.dtype))]


def _below(most: float, or_equal: bool = True) -> Callable[[Trace, Atom], list[Atom]]:
    compare = e.le if or_equal else e.lt
    return lambda trace, x: [trace.one(compare, x, tr.literal(most, x.type.dtype))]


def _both(*tests: Callable[[Trace, Atom], list[Atom]]) -> Callable[[Trace, Atom], list[Atom]]:
    return lambda trace, x: [atom for test in tests for atom in test(trace, x)]


def _unsigned(trace: Trace, x: Atom) -> list[Atom]:
    """That the sign of zero is no minus either."""
    one, zero = tr.literal(1.0, dt.float64), tr.literal(0.0, dt.float64)
    return [trace.one(e.gt, trace.one(e.copysign, one, x), zero)]


# What NumPy demands of parameters, and what is less (`usual`) where it demands more of several together.
_KINDS: dict[str, Callable[[Trace, Atom], list[Atom]]] = {
    "a number": lambda trace, x: [],
    "positive": _above(0.0),
    "not negative": _both(_above(0.0, True), _unsigned),
    "above one": _above(1.0),
    "a share": _both(_above(0.0, True), _below(1.0)),
    "a share that is not zero": _both(_above(0.0), _below(1.0)),
    "a share that is not one": _both(_above(0.0, True), _below(1.0, False)),
    "a mean": _both(_above(0.0, True), _below(2.0**63 - 2.0**33)),
    "a usual share": _both(_above(1e-9), _below(1.0)),
    "a usual number": _both(_above(0.0), _below(1e9)),
    "a count": _both(_above(0, True), _below(2**62)),
}


def _scale(trace: Trace, scale: Any) -> Atom:
    atom = operand(trace, scale, dt.float64)
    if isinstance(scale, Value):  # what is known, NumPy has accepted
        for holds in _KINDS["not negative"](trace, atom):
            trace.assume(holds, "a scale is not negative")
    return atom


def _binomial(trace: Trace, kind: type, count: Any, share: Any) -> Native | None:
    found = _checked(BINOMIAL, "a share", "a count")(trace, kind, share, count)
    return None if found is None else Native(BINOMIAL, found.operands, (0, (1 << 62)))


def _triangular(trace: Trace, kind: type, left: Any, mode: Any, right: Any) -> Native:
    ends = [operand(trace, x, dt.float64) for x in (left, mode, right)]
    if any(isinstance(x, Value) for x in (left, mode, right)):
        in_order = [trace.one(e.le, ends[0], ends[1]), trace.one(e.le, ends[1], ends[2]), trace.one(e.lt, ends[0], ends[2])]
        for holds in in_order:
            trace.assume(holds, "the corners of a triangle are in order")
    return Native("random_triangular", tuple(ends))


def _hypergeometric(trace: Trace, kind: type, good: Any, bad: Any, sample: Any) -> Native | None:
    found = _checked("random_hypergeometric", *["a count"] * 3)(trace, kind, good, bad, sample)
    if found is not None and any(isinstance(x, Value) for x in (good, bad, sample)):
        first, second, drawn = found.operands
        most = tr.literal(400_000_000, dt.int64)  # NumPy takes less than 10^9 together
        for holds in (trace.one(e.lt, first, most), trace.one(e.lt, second, most),
                      trace.one(e.le, drawn, trace.one(e.add, first, second))):  # fmt: skip
            trace.assume(holds, "a sample is no larger than what it is drawn from")
    return found


def _uniform(trace: Trace, kind: type, low: Any, high: Any) -> Native:
    first, last = operand(trace, low, dt.float64), operand(trace, high, dt.float64)
    width = trace.one(e.sub, last, first)
    if isinstance(low, Value) or isinstance(high, Value):  # what is known, NumPy has accepted
        trace.assume(trace.one(e.ge, width, tr.literal(0.0, dt.float64)), "an interval has a width")
        trace.assume(trace.one(e.lt, width, tr.literal(math.inf, dt.float64)), "an interval is finite")
    return Native("random_uniform", (first, width))


def _bounded(trace: Trace, kind: type, low: Any, high: Any, closed: bool = False) -> Native | None:
    low, high = (0, low) if high is None else (low, high)
    ends = [_integer(trace, x) for x in (low, high)]
    if None in ends:
        return None
    (first, least), (end, beyond) = ends  # type: ignore[misc]
    if closed:
        if beyond is None or isinstance(high, Value):
            trace.assume(trace.one(e.lt, end, tr.literal(2**63 - 1, dt.int64)), "an interval of integers has an end")
        end, beyond = trace.one(e.add, end, tr.literal(1, dt.int64)), None if beyond is None else beyond + 1
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


GAUSS, EXPONENTIAL, BINOMIAL = "hybrid_legacy_gauss", "hybrid_legacy_exponential", "hybrid_binomial"
_ONE = tr.literal(1.0, dt.float64)
_BOUNDED, _MISSING = npyrandom.BOUNDED, object()


def _same(*given: tuple[float, ...]) -> tuple[tuple[tuple, tuple], ...]:
    """Parameters to be tried that the function takes as the method does."""
    return tuple((numbers, numbers) for numbers in given)


def _form(name: str, kinds: tuple[str, ...], names: tuple[str, ...], defaults: tuple[Any, ...], *tried: tuple[float, ...],
          dtype: np.dtype = dt.float64) -> _Form:  # fmt: skip
    return _Form(f"random_{name}", names, defaults, _checked(f"random_{name}", *kinds), _same(*(tried or ((),))), dtype)


_PLAIN = _form("standard_uniform", (), (), ())
_INTEGERS = _Form(_BOUNDED, ("low", "high"), (None,), _bounded, (
    ((7,), (0, 6, 7)), ((-5, 1000), (-5 % 2**64, 1004, 1023)), ((1,), (0, 0, 0)), ((2**31,), (0, 2**31 - 1, 2**31 - 1)),
    ((2**32,), (0, 2**32 - 1, 2**32 - 1)), ((3 * 2**40,), (0, 3 * 2**40 - 1, 2**42 - 1)),
), dt.int64)  # fmt: skip
_LEGACY = {
    "standard_normal": _Form(GAUSS, (), (), _checked(GAUSS)),
    "standard_exponential": _Form(EXPONENTIAL, (), (), lambda trace, kind: Native(EXPONENTIAL, (_ONE,)), (((), (1.0,)),)),
    "exponential": _Form(EXPONENTIAL, ("scale",), (1.0,), _checked(EXPONENTIAL, "not negative"), _same((2.5,))),
}
_PLACED = ("a number", "not negative"), ("loc", "scale"), (0.0, 1.0), (0.3, 1.7)
_FORMS = {
    **dict.fromkeys(("random", "random_sample", "rand"), _PLAIN),
    "uniform": _Form(
        "random_uniform", ("low", "high"), (0.0, 1.0), _uniform, (((), (0.0, 1.0)), ((-0.7, 0.1), (-0.7, 0.1 + 0.7)))
    ),
    "integers": _INTEGERS,
    "randint": _INTEGERS,
    "interval": _Form(_BOUNDED, ("high",), (), lambda trace, kind, high: _bounded(trace, np.random.RandomState, high, None), (
        ((7,), (0, 6, 7)), ((1000,), (0, 999, 1023)), ((1,), (0, 0, 0)), ((2**32,), (0, 2**32 - 1, 2**32 - 1)),
    ), dt.int64),
    "binomial": _Form(BINOMIAL, ("n", "p"), (), _binomial, tuple(
        ((n, p), (p, n)) for n, p in ((10, 0.3), (100, 0.5), (1000, 0.9), (7, 0.0), (0, 0.5))
    ), dt.int64),
    "hypergeometric": _Form("random_hypergeometric", ("ngood", "nbad", "nsample"), (), _hypergeometric,
                            _same((5, 6, 3), (100, 200, 60), (20, 4, 24)), dt.int64),
    "triangular": _Form("random_triangular", ("left", "mode", "right"), (), _triangular,
                        _same((0.0, 1.0, 3.0), (-1.0, -1.0, 2.0))),
    **{name: _form(name, *_PLACED) for name in ("normal", "laplace", "gumbel", "logistic")},
    "lognormal": _form("lognormal", ("a number", "not negative"), ("mean", "sigma"), (0.0, 1.0), (0.3, 0.7)),
    **{name: _form(name, (), (), ()) for name in ("standard_normal", "standard_exponential", "standard_cauchy")},
    **{name: _form(name, ("not negative",), ("scale",), (1.0,), (2.5,)) for name in ("exponential", "rayleigh")},
    "standard_gamma": _form("standard_gamma", ("not negative",), ("shape",), (), (0.4,), (1.0,), (3.5,)),
    "gamma": _form("gamma", ("not negative",) * 2, ("shape", "scale"), (1.0,), (0.4, 2.0), (1.0, 1.0), (3.5, 0.7)),
    "beta": _form("beta", ("positive",) * 2, ("a", "b"), (), (0.4, 0.7), (2.0, 3.0), (1.0, 1.0)),
    "f": _form("f", ("positive",) * 2, ("dfnum", "dfden"), (), (2.0, 5.0)),
    "noncentral_f": _form("noncentral_f", ("positive", "positive", "not negative"), ("dfnum", "dfden", "nonc"), (),
                          (2.0, 5.0, 0.5), (2.0, 5.0, 0.0)),
    "chisquare": _form("chisquare", ("positive",), ("df",), (), (3.0,)),
    "noncentral_chisquare": _form("noncentral_chisquare", ("positive", "not negative"), ("df", "nonc"), (),
                                  (3.0, 1.5), (0.7, 2.0)),
    "standard_t": _form("standard_t", ("positive",), ("df",), (), (4.0,)),
    "vonmises": _form("vonmises", ("a number", "not negative"), ("mu", "kappa"), (), (0.3, 2.0), (0.3, 1e-9), (0.3, 1e7)),
    "pareto": _form("pareto", ("positive",), ("a",), (), (3.0,)),
    "weibull": _form("weibull", ("not negative",), ("a",), (), (1.5,), (0.0,)),
    "power": _form("power", ("positive",), ("a",), (), (1.5,)),
    "wald": _form("wald", ("positive",) * 2, ("mean", "scale"), (), (1.5, 2.0)),
    "poisson": _form("poisson", ("a mean",), ("lam",), (1.0,), (0.0,), (3.0,), (50.0,), dtype=dt.int64),
    "geometric": _form("geometric", ("a share that is not zero",), ("p",), (), (0.1,), (0.6,), (1.0,), dtype=dt.int64),
    "zipf": _form("zipf", ("above one",), ("a",), (), (2.5,), dtype=dt.int64),
    "logseries": _form("logseries", ("a share that is not one",), ("p",), (), (0.4,), (0.95,), dtype=dt.int64),
    "negative_binomial": _form("negative_binomial", ("a usual number", "a usual share"), ("n", "p"), (), (3.0, 0.4),
                               (20.0, 0.9), dtype=dt.int64),
}  # fmt: skip
