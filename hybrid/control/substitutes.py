"""What stands in, while tracing, for builtins and constructors that take no traced numbers."""

from __future__ import annotations

import builtins
import cmath
import functools
import math
import types
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.control import arrays, handles, iterables, lacking, recursive, shuffles, written
from hybrid.control.attributes import is_library
from hybrid.control.branch import choose, truth
from hybrid.control.iterables import Counted, is_traced
from hybrid.control.letters import length as letter_count
from hybrid.control.letters import letters
from hybrid.control.lists import Listed
from hybrid.control.own import Own, View, plain
from hybrid.control.perhaps import Perhaps, present
from hybrid.control.united import base_of, is_united
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.frontend import complexes, hosted, integers, texts, uncertain
from hybrid.frontend.calls import FUNCTIONS, unsupported
from hybrid.frontend.chosen import Chosen, refuse_any
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.draws import drawing, seeded
from hybrid.frontend.editing import Flat
from hybrid.frontend.elementwise import NAMES
from hybrid.frontend.integers import is_traced_integer
from hybrid.frontend.printing import printed
from hybrid.frontend.protocol import apply_function
from hybrid.frontend.values import (
    NUMBERS,
    Value,
    active,
    allocated,
    converted,
    holds_tensor,
    kind_of,
    laid_out,
    operand,
    shape_of,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r

NOT = e.not_


# Numbers ---------------------------------------------------------------------------------------------------------------
def _len(x: Any) -> Any:
    x = present(x)
    if (own := letters(x)) is not None:
        return letter_count(own)
    if builtins.type(x) is Chosen:
        return uncertain.pick(active(), x, builtins.len)
    if (is_traced(x) and shape_of(x)) or (isinstance(x, Counted) and not x.once):
        return integers.integer(active(), shape_of(x)[0] if isinstance(x, Value) else x.count)
    if type(own := getattr(builtins.type(x), "__len__", None)) is types.FunctionType and not is_library(x):
        return active().handlers.call(types.MethodType(own, x))()
    return x.length() if isinstance(x, (Own, View)) else builtins.len(x)


def _number(function: Callable, make: Callable) -> Callable:
    def converted(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 1 or kwargs or not is_traced(args[0]) or unwrap(args[0]).type.size != 1:
            return function(*args, **kwargs)
        if not shape_of(args[0]):
            return make(args[0])
        if function is not bool:  # NumPy has refused it since 2.4, and warned before
            raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
        return make(args[0].reshape(()))

    return converted


def _bool(x: Any) -> Any:
    verdict = truth(active(), x)
    return verdict if isinstance(verdict, bool) else integers.python(active(), verdict)


def _complex(*args: Any, **kwargs: Any) -> Any:
    numbers = all((is_traced(x) and not shape_of(x)) or type(x) in NUMBERS for x in args)
    if kwargs or not numbers or not 1 <= len(args) <= 2 or not any(map(is_traced, args)):
        return builtins.complex(*args, **kwargs)
    return complexes.to_complex(*args) if len(args) == 1 else complexes.joined(active(), *args)


def _isinstance(x: Any, classes: Any) -> Any:
    if type(x) is Perhaps:
        return choose(active(), x.flag(), lambda: isinstance((), classes), lambda: isinstance(None, classes))
    if handles.is_handle(x):
        there, found = handles.is_there(x), [issubclass(kind, classes) for kind in handles.kinds_of(x)]
        known = (lambda: found[0]) if len(set(found)) == 1 else lambda: handles.each(x, lambda one: isinstance(one, classes))
        return choose(active(), True if there is None else there, known, lambda: isinstance(None, classes))
    return uncertain.pick(active(), x, lambda one: lacking.is_instance(one, classes))


def _string(*args: Any, **kwargs: Any) -> Any:
    if len(args) != 1 or kwargs or isinstance(args[0], Own) or not texts.is_traced(args[0]):
        return builtins.str(*args, **kwargs)
    return args[0] if builtins.type(args[0]) is texts.Text else texts.text(((args[0], "", ""),))


def _type(*args: Any, **kwargs: Any) -> Any:
    if len(args) == 1 and is_united(args[0]):
        return base_of(args[0])
    if len(args) == 1 and handles.is_handle(args[0]):
        return handles.each(args[0], lambda one: one.__class__)
    if len(args) == 1 and builtins.type(args[0]) is texts.Text:
        return str
    if len(args) != 1 or kwargs or not (isinstance(args[0], Value) or builtins.type(args[0]) is Chosen):
        return builtins.type(*args, **kwargs)
    if builtins.type(args[0]) is Chosen and args[0].__class__ is not Chosen:
        return args[0].__class__
    return uncertain.pick(active(), args[0], lambda one: one.__class__)


def _sizes(function: Callable, /, *args: Any, **kwargs: Any) -> Any:
    """`np.shape` or `np.size`: what they give are Python integers, also where only a call knows them."""
    found = function(*args, **kwargs)
    if builtins.type(found) is tuple:
        return tuple(integers.integer(active(), size) if builtins.type(size) is Dim else size for size in found)
    return integers.integer(active(), found) if builtins.type(found) is Dim else found


_LASTING = (type, types.FunctionType, types.ModuleType)


def _id(x: Any) -> int:
    """The identity of an object that is one and the same in all of a trace: what is read of storage is made anew each time."""
    trace = tr.current()
    if trace is not None and not isinstance(x, _LASTING) and not trace.handlers.was_there(x):
        raise tr.TraceError("id() of an object that the function makes", at=tr.user_line(), fix="compare with `is`")
    return builtins.id(x)


def _itself(x: Any) -> Any:
    return x


def _extreme(function: Callable, better: Callable[[Any, Any], Any], primitive: Primitive) -> Callable:
    def extreme(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and isinstance(args[0], Listed):
            return args[0].extreme(primitive)
        if len(args) == 1 and type(args[0]) is types.GeneratorType:
            args = (list(args[0]),)
        items = args[0] if len(args) == 1 and type(args[0]) in (list, tuple) else args
        if kwargs or len(items) < 2 or not any(is_traced(x) and not shape_of(x) for x in items):
            return function(*args, **kwargs)
        best = items[0]
        for item in items[1:]:
            verdict = truth(active(), better(item, best))
            best = choose(active(), verdict, functools.partial(_itself, item), functools.partial(_itself, best))
        return best

    return extreme


def _quantified(function: Callable, primitive: Primitive, decides: bool) -> Callable:
    """`all` and `any`, up to the first item that decides for certain."""

    def quantified(items: Any) -> Any:
        if type(items) not in (list, tuple, types.GeneratorType):
            return function(items)
        trace, found = active(), None
        for item in items:
            verdict = truth(trace, item)
            if not isinstance(verdict, builtins.bool):
                found = verdict if found is None else trace.one(primitive, found, verdict)
            elif verdict is decides:
                return decides
        return not decides if found is None else integers.python(trace, found)

    return quantified


def library(function: Callable, /, *args: Any, **kwargs: Any) -> Any:
    """A call of NumPy's or SciPy's, which takes lists for arrays."""
    args = tuple(list(x) if type(x) is deque else present(x) for x in args)
    refuse_any((*args, *kwargs.values()))
    texts.refuse_any((*args, *kwargs.values()))
    given = [x for x in (*args, *kwargs.values()) if arrays.has_lists(x)]
    if given:
        args, kwargs = arrays.arrays(args, kwargs)
    args = with_arrays(function, args)
    if any(not isinstance(own, Own) or own.held is None for own in given):
        if function is np.block:  # to which a list is another level of blocks, and an array one block
            raise tr.TraceError("np.block joins a list of a length that only a run knows", at=tr.user_line())
        function = FUNCTIONS.get(function, function)  # NumPy itself would iterate over an array in place of a list
    elif type(function) is _DISPATCHED and any(type(x) in (list, tuple) and holds_tensor(x) for x in (*args, *kwargs.values())):
        return apply_function(function, args, kwargs)  # NumPy does not look into lists for whose function it is
    return function(*args, **kwargs)


def vectorized(converted: Callable, function: np.vectorize, /, *args: Any, **kwargs: Any) -> Any:
    """A call of what `np.vectorize` made; `converted`: what makes its results, one by one."""
    kinds = function.otypes
    plain = not kwargs and args and not function.excluded and function.signature is None and len(kinds or "d") == 1
    kinds = kinds[0] if kinds else None
    if not plain or not any(isinstance(x, Value) and type(x._data) is tr.Symbol for x in args):
        return function(*args, **kwargs)
    out, layout = converted(function.pyfunc, kinds, *args), allocated(args)
    return out if layout is None else laid_out(out.copy(), layout)


_KEEPERS = (Own, list, dict, deque)  # whose methods take anything


def plainly(function: Callable, /, *args: Any, **kwargs: Any) -> Any:
    """A call of what knows no containers but Python's own."""
    return function(*map(plain, args), **{name: plain(value) for name, value in kwargs.items()})


def keeps(function: Any) -> bool:
    """Whether it is a method of a container, which takes anything and gives what was there."""
    return isinstance(getattr(function, "__self__", None), _KEEPERS)


def looks(function: Any) -> bool:
    """Whether C code is called that may look at a text that it is given: Python's own functions, and all but users' classes."""
    if isinstance(function, type):
        named = issubclass(function, tuple) and hasattr(function, "_fields")
        return not (named or type(vars(function).get("__init__")) is types.FunctionType) or issubclass(function, BaseException)
    return not isinstance(getattr(function, "__func__", function), (types.FunctionType, functools.partial))


_DISPATCHED = type(np.concatenate)


def with_arrays(function: Any, args: tuple) -> tuple:
    """Arguments of a function of NumPy's, with arrays for lists of traced numbers: NumPy would make them itself."""
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        count = 2 if function.__name__ == "outer" else 1
    elif isinstance(function, np.ufunc) or _is_one_of(function, _COMBINING):
        count = len(args)
    else:
        count = 1 if _is_one_of(function, _REDUCING) else 0
    make = CONSTRUCTORS[np.asarray]
    return (*(make(x) if type(x) in (list, tuple) and holds_tensor(x) else x for x in args[:count]), *args[count:])


def _is_one_of(function: Any, known: frozenset) -> bool:
    return getattr(type(function), "__hash__", None) is not None and function in known


# Functions whose first argument is one array.
_REDUCING: frozenset[Any] = frozenset((
    np.argmin, np.argmax, np.min, np.max, np.amin, np.amax, np.sum, np.prod, np.mean, np.median, np.std, np.var, np.any, np.all,
    np.cumsum, np.cumprod, np.sort, np.argsort, np.diff, np.ptp, np.linalg.norm, np.count_nonzero, np.average,
    np.flip, np.tile, np.linalg.det, np.linalg.inv, np.linalg.slogdet, np.linalg.pinv, np.fft.fft, np.fft.ifft, np.fft.rfft,
    np.fft.irfft,
))  # fmt: skip
# Functions whose every list is an array.
_COMBINING: frozenset[Any] = frozenset((
    np.dot, np.vdot, np.inner, np.cross, np.kron, np.tensordot, np.einsum, np.polyval, np.linalg.solve,
))  # fmt: skip


_MATH = {"sqrt": "sqrt", "exp": "exp", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10", "log1p": "log1p",
         "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "sinh": "sinh",
         "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "fabs": "absolute",
         "atan2": "arctan2", "hypot": "hypot", "pow": "power", "copysign": "copysign", "fmod": "fmod", "exp2": "exp2",
         "cbrt": "cbrt", "erf": "erf", "erfc": "erfc", "lgamma": "gammaln", "nextafter": "nextafter"}  # fmt: skip


# Of `math`, what loops and branches are written for, by what its arguments have to be; and what Python computes itself.
_WRITTEN = {"integers": ("gcd", "lcm", "comb", "perm", "factorial", "isqrt"),
            "floats": ("degrees", "radians", "log", "modf", "hypot", "isclose", "frexp", "ldexp", "remainder", "ulp",
                       "dist")}  # fmt: skip
_HOSTED = ("dist", "frexp", "fsum", "gamma", "ldexp", "remainder", "sumprod", "ulp")
_CMATH = {name: _MATH[name] for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")}


_DOMAINS = {"sqrt": e.lt, "log": e.le, "log10": e.le, "log2": e.le}  # what an argument must not be than zero
# The greatest argument for which there is a float, and whether it is of both signs.
_LARGEST = {"exp": (709.782712893384, False), "expm1": (709.782712893384, False), "sinh": (710.4758600739439, True),
            "cosh": (710.4758600739439, True)}  # fmt: skip


def _math(function: Callable, name: str, dtype: np.dtype = dt.float64) -> Callable:
    """A function of `math` or `cmath` on traced numbers: a Python number, or Python's error where the result is not finite."""

    convert, python = (complexes.to_complex, complex) if dtype == dt.complex128 else (integers.to_float, float)

    def computed(*args: Any) -> Any:
        if not any(map(is_traced, args)) or any(map(shape_of, args)) or (python is complex and len(args) > 1):
            return function(*args)
        trace = active()
        given = [convert(x) if is_traced(x) else python(x) for x in args]
        if trace.catch is not None and name in _DOMAINS and dtype == dt.float64:
            outside = trace.one(_DOMAINS[name], operand(trace, given[0], dtype), tr.literal(0.0, dtype))
            trace.assume(trace.one(e.not_, outside), "a number is one that a function takes", ValueError)
        if trace.catch is not None and name in _LARGEST and dtype == dt.float64:
            trace.assume(
                _has_float(trace, operand(trace, given[0], dtype), *_LARGEST[name]), "a result is a float", OverflowError
            )
        atom = operand(trace, NAMES[name](*given), dtype)
        integers.finite(trace, atom)
        return integers.python(trace, atom)

    return computed


def _has_float(trace: tr.Trace, x: Any, largest: float, both: bool) -> Any:
    """Whether a function that grows has a float for a number; for infinities and NaN it has."""
    size = trace.one(e.abs, x) if both else x
    small = trace.one(e.not_, trace.one(e.gt, size, tr.literal(largest, dt.float64)))
    return trace.one(e.or_, small, trace.one(e.eq, size, tr.literal(math.inf, dt.float64)))


def _phase(z: Any) -> Any:
    if not is_traced(z) or shape_of(z):
        return cmath.phase(z)
    z = complexes.to_complex(z)
    return TABLE[math.atan2](z.imag, z.real)


def _polar(z: Any) -> Any:
    if not is_traced(z) or shape_of(z):
        return cmath.polar(z)
    return abs(complexes.to_complex(z)), _phase(z)


def _rect(r: Any, phi: Any) -> Any:
    if not (is_traced(r) or is_traced(phi)) or shape_of(r) or shape_of(phi):
        return cmath.rect(r, phi)
    r, phi = (integers.to_float(x) if is_traced(x) else float(x) for x in (r, phi))
    return TABLE[complex](r * TABLE[math.cos](phi), r * TABLE[math.sin](phi))


def _called_outside(function: Callable) -> Callable:
    """A function of `math` that Python computes: a host call where it is given traced numbers."""

    def computed(*args: Any, **kwargs: Any) -> Any:
        if not holds_tensor((*args, *kwargs.values())):
            return function(*args, **kwargs)
        made = hosted.called(function, args, kwargs)
        if made is NotImplemented:
            raise unsupported(f"math.{function.__name__}")
        return made

    return computed


def written_out(function: Any) -> Callable | None:
    """The source of a function that is loops and branches, to be converted; None for others."""
    name = getattr(function, "__name__", "")
    if function is np.apply_along_axis:
        return written.apply_along_axis
    if getattr(function, "__module__", None) == recursive.MODULE:
        return recursive.WRITTEN.get(name)
    if function is builtins.pow:
        return written.power
    if shuffles.is_written(function):
        return shuffles.WRITTEN[name]
    if getattr(math, name, None) is not function:
        return None
    whole = name in _WRITTEN["integers"]
    if not whole and name not in _WRITTEN["floats"]:
        return None
    return getattr(written, name)


def prepared(function: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict] | None:
    """Arguments of such a function; None where the function itself is to be called."""
    if shuffles.is_written(function):
        given = shuffles.prepared(function, args, kwargs)
        return None if given is None else (given, {})
    given = _given(function, args, kwargs)
    return None if given is None else (given, kwargs)


def _given(function: Any, args: tuple, kwargs: dict) -> tuple | None:
    """Arguments as Python's numbers; None where there is nothing traced among them."""
    if function is np.apply_along_axis:
        return args if holds_tensor(args[2:3]) and not isinstance(unwrap(args[2]), np.ndarray) else None
    if function.__module__ == recursive.MODULE:
        return args if recursive.is_written(function.__name__, args, kwargs) else None
    if function is builtins.pow:
        return args if len(args) == 3 and not kwargs and all(map(_is_whole, args)) and any(map(is_traced, args)) else None
    if (function is math.log and len(args) == 1) or (function is math.hypot and len(args) == 2):
        return None  # an operation of the graph
    if function is math.perm and len(args) == 1:
        args = (*args, *args)
    if function is math.dist:
        return _points(*args) if len(args) == 2 else None
    if not any(map(is_traced, (*args, *kwargs.values()))) or any(map(shape_of, args)) or any(map(uncertain.is_uncertain, args)):
        return None
    if function.__name__ in _WRITTEN["integers"]:
        if any(is_traced(x) and not isinstance(x, Dim) and not dt.is_integer(unwrap(x).type.dtype) for x in args):
            return None
        return tuple(integers.to_int(x) if is_traced(x) else x for x in args)
    if function is math.ldexp:
        if len(args) != 2 or not _is_whole(args[1]):
            return None
        return _float(args[0]), integers.to_int(args[1]) if is_traced(args[1]) else args[1]
    return tuple(map(_float, args))


def _float(x: Any) -> Any:
    return integers.to_float(x) if is_traced(x) else float(x)


def _is_whole(x: Any) -> bool:
    """Whether this is an integer of Python's."""
    return isinstance(x, (int, Dim)) or (is_traced(x) and kind_of(x) == "python" and dt.is_integer(unwrap(x).type.dtype))


def _points(p: Any, q: Any) -> tuple | None:
    """The coordinates of two points, those of one after those of the other; None where there are too many, or not numbers."""
    points: list[tuple] = []
    for point in (p, q):
        if is_traced(point) and len(shape_of(point)) == 1 and type(shape_of(point)[0]) is int:
            point = [point[k] for k in range(min(shape_of(point)[0], written.NEAR + 1))]
        if type(point) not in (tuple, list) or len(point) > written.NEAR or not all(map(_is_number, point)):
            return None
        points.append(tuple(map(_float, point)))
    both = (*points[0], *points[1])
    return both if len(points[0]) == len(points[1]) and any(map(is_traced, both)) else None


def _is_number(x: Any) -> bool:
    return type(x) in (int, float, bool) or (is_traced(x) and not shape_of(x) and not uncertain.is_uncertain(x))


def _rounded(function: Callable, name: str) -> Callable:
    def computed(x: Any) -> Any:
        if not is_traced(x) or shape_of(x):
            return function(x)
        given = unwrap(x)
        if function is math.trunc and given.kind == "scalar" and given.type.dtype != dt.float64:
            return function(given.type.dtype.type())  # NumPy's numbers have no `__trunc__`, but for those that are Python's too
        if dt.is_float(given.type.dtype):
            return integers.to_int(NAMES[name](x))
        # NumPy's integers have no `__floor__`: Python asks them for a float.
        return integers.to_int(x if given.kind == "python" else integers.to_float(x))

    return computed


def _predicate(function: Callable, name: str) -> Callable:
    def computed(x: Any) -> Any:
        if not is_traced(x) or shape_of(x) or (function.__module__ == "math" and dt.is_complex(unwrap(x).type.dtype)):
            return function(x)
        return _bool(NAMES[name](x))

    return computed


# What code may go on to write element by element, or read at computed places, is traced from the start; the others only
# where they are given traced values.
_FILLED: frozenset[Any] = frozenset((
    np.zeros, np.ones, np.empty, np.ndarray, np.full, np.eye, np.identity, np.zeros_like, np.ones_like, np.empty_like,
    np.full_like, np.arange, np.linspace, np.array,
))  # fmt: skip


def array_of_list(args: tuple, kwargs: dict, returned: bool = False) -> Any:
    """What `np.array` makes of a list that a branch or loop changes; None for anything else."""
    if not args or not isinstance(args[0], Listed) or not set(kwargs) <= {"dtype"} or len(args) > 2:
        return None
    return arrays.array(args[0], args[1] if len(args) == 2 else kwargs.get("dtype"), returned)


def _constructor(function: Callable, body: Callable) -> Callable:
    def construct(*args: Any, **kwargs: Any) -> Any:
        if function in (np.array, np.asarray) and (listed := array_of_list(args, kwargs)) is not None:
            return listed
        if args and type(args[0]) is deque:
            args = (list(args[0]), *args[1:])
        if args and type(args[0]) in (list, tuple) and arrays.has_lists(args[0]):
            args = (arrays.array_of(args[0]), *args[1:])
        if args and type(args[0]) is Flat:
            args = (args[0].copy(), *args[1:])
        if function in _FILLED or holds_tensor((*args, *kwargs.values())):
            return body(*args, **kwargs)
        return function(*args, **kwargs)

    return construct


def _numpy_number(dtype: np.dtype) -> Callable:
    """`np.uint32(x)` and its like, of a traced number: Python integers must fit, all others are cast. Arrays are, too."""

    def make(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 1 or kwargs or not holds_tensor(args):
            return dtype.type(*args, **kwargs)
        if not is_traced(args[0]) or shape_of(args[0]):
            return CONSTRUCTORS[np.asarray](args[0], dtype)
        trace, x = active(), uncertain.number(active(), args[0])
        own = strong(x)
        atom = operand(trace, x, own)
        if dt.is_integer(dtype) and (kind_of(x) == "python" or dt.is_float(own)):
            info, known = np.iinfo(dtype), trace.size_of(atom)
            for bound, comparison in ((info.min, e.ge), (min(info.max, np.iinfo(np.int64).max), e.le)):
                sure = known is not None and trace.bounds.nonnegative(
                    (known - bound) if comparison is e.ge else (bound - known)
                )
                if not sure and not (own == dt.int64 and abs(bound) >= 2**63 - 1):
                    trace.assume(trace.one(comparison, atom, tr.literal(bound, own)), f"a number fits {dtype}")
        return wrap(trace.fresh(converted(trace, atom, dtype), "tensor" if kind_of(x) == "tensor" else "scalar"))

    return make


def _seeded(function: Callable) -> Callable:
    """A source of random numbers, which is as good as its seed: without one it is another at every call."""

    def make(*args: Any, **kwargs: Any) -> Any:
        if not any(value is not None for value in (*args, *kwargs.values())):
            raise tr.TraceError(f"{function.__name__}() without a seed is new at every call", at=tr.user_line())
        if active().inside:
            raise tr.TraceError(f"{function.__name__}() makes a generator in a branch or loop", at=tr.user_line(),
                                fix="make it before")  # fmt: skip
        if function in (np.random.default_rng, np.random.RandomState) and len(args) == 1 and is_traced_integer(args[0]):
            return seeded(function, args[0])
        made = function(*args, **kwargs)
        active().seeded[id(made)] = made
        return made

    return make


def _generator(bits: Any) -> Any:
    made = np.random.Generator(bits)
    trace = active()
    (trace.seeded if id(bits) in trace.seeded else {})[id(made)] = made
    return made


TABLE: dict[Any, Callable] = {
    **{dtype.type: _numpy_number(dtype) for dtype in (dt.bool_, *dt.INTEGERS, dt.float16, dt.float32, dt.float64, *dt.COMPLEX)},
    **{function: _seeded(function) for function in (np.random.default_rng, np.random.RandomState, np.random.SeedSequence,
                                                    np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64)},
    np.random.Generator: _generator,
    builtins.print: printed, builtins.id: _id,
    **iterables.TABLE,
    builtins.len: _len, builtins.int: _number(int, integers.to_int), builtins.float: _number(float, integers.to_float),
    builtins.complex: _complex,
    **{function: functools.partial(_sizes, function) for function in (np.shape, np.size)},
    builtins.hasattr: lacking.has, builtins.getattr: lacking.get,
    builtins.isinstance: _isinstance, builtins.str: _string, builtins.type: _type,
    builtins.bool: _number(bool, _bool), builtins.min: _extreme(min, lambda a, b: a < b, r.min),
    builtins.max: _extreme(max, lambda a, b: a > b, r.max),
    builtins.all: _quantified(all, e.and_, False), builtins.any: _quantified(any, e.or_, True),
    **{getattr(math, name): _math(getattr(math, name), ours) for name, ours in _MATH.items()},
    **{getattr(cmath, name): _math(getattr(cmath, name), ours, dt.complex128) for name, ours in _CMATH.items()},
    **{getattr(math, name): _called_outside(getattr(math, name)) for name in _HOSTED if hasattr(math, name)},
    **{getattr(module, name): _predicate(getattr(module, name), name)
       for module in (math, cmath) for name in ("isnan", "isinf", "isfinite")},
    cmath.phase: _phase, cmath.polar: _polar, cmath.rect: _rect,
    math.floor: _rounded(math.floor, "floor"), math.ceil: _rounded(math.ceil, "ceil"),
    math.trunc: _rounded(math.trunc, "trunc"),
    **{function: _constructor(function, body) for function, body in CONSTRUCTORS.items()},
}  # fmt: skip


def called(function: Any) -> Callable | None:
    """What to call instead of a builtin or constructor, if anything."""
    lacking.refuse(function)
    try:
        return TABLE.get(function) or drawing(function) or _copying(function)
    except TypeError:  # not hashable
        return None


def _copying(function: Any) -> Callable | None:
    """The copy of an array that NumPy made of what tracing knows: traced values may be written into it."""
    array, trace = getattr(function, "__self__", None), tr.current()
    if trace is None or type(array) is not np.ndarray or array.dtype.kind not in "fc" or array.dtype not in dt.SHORT:
        return None
    return wrap(trace.capture(array, "ndarray")).copy if function.__name__ == "copy" else None
