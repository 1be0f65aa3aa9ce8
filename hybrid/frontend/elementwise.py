"""NumPy's elementwise names. A row says which ufunc it is, how its operands promote, and what it records."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError
from hybrid.frontend import complexes, integers, uncertain, values
from hybrid.frontend.calls import FUNCTIONS, evaluate, implements, unsupported
from hybrid.frontend.values import (
    NUMBERS,
    Value,
    active,
    allocated,
    assembled,
    broadcast_shapes,
    concrete,
    converted,
    dtype_of,
    holds_tensor,
    kind_of,
    laid_out,
    like,
    operand,
    record_map,
    result_kind,
    shape_of,
    stretched,
    stretches,
    strong,
    symbol,
    tracing,
    unwrap,
    wrap,
)
from hybrid.ir import finite, lifted
from hybrid.ir import trace as tr
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e

_OPERATORS: dict[str, Callable] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "true_divide": operator.truediv,
    "floor_divide": operator.floordiv, "remainder": operator.mod, "power": operator.pow, "negative": operator.neg,
    "positive": operator.pos, "absolute": operator.abs, "equal": operator.eq, "not_equal": operator.ne, "less": operator.lt,
    "less_equal": operator.le, "greater": operator.gt, "greater_equal": operator.ge, "bitwise_and": operator.and_,
    "bitwise_or": operator.or_, "bitwise_xor": operator.xor, "invert": operator.invert, "left_shift": operator.lshift,
    "right_shift": operator.rshift,
}  # fmt: skip
Promotion = Callable[[tuple], np.dtype]
_BFLOAT16 = dt.bfloat16
# Operators by which Python floats raise, or turn complex, where NumPy's arithmetic gives an infinity or NaN.
_MAY_RAISE = frozenset(("true_divide", "floor_divide", "remainder", "power"))


# Operators by which NumPy's integer scalars say that they wrap around, where ufuncs say nothing.
_HEARD = {"add": e.scalar_add, "subtract": e.scalar_sub, "multiply": e.scalar_mul, "negative": e.scalar_neg,
          "absolute": e.scalar_abs}  # fmt: skip
_KEYWORDS = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
    for name, default in {"out": None, "where": True, "dtype": None, "casting": "same_kind"}.items()
]


def same(operands: tuple) -> np.dtype:
    return dt.promote(*map(dtype_of, operands))


def inexact(operands: tuple) -> np.dtype:
    """NumPy takes the first loop that each operand fits by itself: int8 and uint8 are computed in float16."""
    dtypes = [dtype_of(x) for x in operands]
    integers = [dtype for dtype in dtypes if isinstance(dtype, np.dtype) and dt.KIND[dtype] in "biu"]
    if len(integers) == len(dtypes):
        return dt.promote(*[dt.to_inexact(dtype) for dtype in integers])
    return dt.to_inexact(dt.promote(*dtypes))


def truth(operands: tuple) -> np.dtype:
    return dt.bool_


def division(operands: tuple) -> np.dtype:
    # NumPy divides integers of any width in float64.
    dtype = same(operands)
    return dtype if dt.is_inexact(dtype) else dt.float64


def arithmetic(operands: tuple) -> np.dtype:
    # NumPy has no boolean loop for these: it computes them in int8.
    dtype = same(operands)
    return dt.int8 if dtype == dt.bool_ else dtype


def _plain(operands: tuple) -> list | None:
    """The commonest operands with arrays for tensors; None for others, for bfloat16, and where no tensor is among them."""
    out, found, tensor = [], False, values.tensor_class
    for x in operands:
        kind = type(x)
        if kind is tensor:
            x = x._data
            found, kind = True, type(x)
        if kind is np.ndarray:
            if x.dtype is _BFLOAT16:
                return None
        elif kind not in NUMBERS:
            return None
        out.append(x)
    return out if found else None


def _is_real(ufunc: Any) -> bool:
    """Whether NumPy has no loop for complex numbers."""
    own = isinstance(ufunc, np.ufunc) and getattr(np, ufunc.__name__, None) is ufunc
    return own and not any("D" in types for types in ufunc.types)


class Elementwise:
    """A public elementwise function: NumPy's ufunc when eager, a primitive or a composition while tracing.

    A composition is a function of tensors that already have the promoted dtype. Keywords as NumPy's: `out`, `where`
    (with `out`), `dtype`.
    """

    def __init__(self, name: str, ufunc: Callable, promotion: Promotion, body: Primitive | Callable, doc: str = ""):
        self.__name__ = self.name = name
        self.ufunc, self.promotion, self.body = ufunc, promotion, body
        self.__doc__ = doc or f"NumPy's `{name}`, elementwise."
        self.real = _is_real(ufunc)

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else MethodType(self, instance)

    @property
    def __signature__(self) -> inspect.Signature:
        count = getattr(self.ufunc, "nin", 1)
        names = ["x"] if count == 1 else [f"x{place + 1}" for place in range(count)]
        operands = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
        return inspect.Signature([*operands, *_KEYWORDS])

    def __call__(self, *operands: Any, **keywords: Any) -> Any:
        try:
            if not keywords:
                if not tr.open_traces:
                    count = len(operands)
                    if count and type(x := operands[0]) is values.tensor_class:
                        data = x._data
                        if isinstance(data, lifted.Lifted) and count < 3:
                            return lifted.follow_one(self, x) if count == 1 else lifted.follow_two(self, x, operands[1])
                        if count == 1 and type(data) is np.ndarray and data.dtype is not _BFLOAT16:
                            return wrap(self.ufunc(data))
                    arrays = _plain(operands)
                    if arrays is not None:
                        return wrap(self.ufunc(*arrays))
                    return lifted.follow(self, operands, {}) if lifted.among(operands) else self.eager(operands)
                if tracing(*operands) is None:
                    return self.eager(operands)
            return self._with_keywords(operands, **keywords)
        except lifted.Followed:
            return lifted.follow(self, operands, keywords)

    def _with_keywords(
        self, operands: tuple, *, out: Any = None, where: Any = True, dtype: Any = None, casting: str = "same_kind", **rest: Any
    ) -> Any:
        destination = out[0] if isinstance(out, tuple) and len(out) == 1 else out
        trace = tracing(*operands, destination, where)
        if trace is None:
            if destination is None and where is True and dtype is None and casting == "same_kind" and not rest:
                return self.eager(operands)
            given = {"where": concrete(where)} if where is not True else {}
            given |= {"dtype": dt.canonical(dtype)} if dtype is not None else {}
            given |= {"out": concrete(destination), "casting": casting}
            result = finite.checked(self.name, self.ufunc, *map(concrete, operands), **given, **rest)
            if destination is not None:
                return destination
            return wrap(result) if holds_tensor((*operands, where)) else result
        if rest or casting != "same_kind":
            raise unsupported(f"np.{self.name}({', '.join(['casting', *rest])}=…)", "leave these keywords out")
        result = self.record(trace, operands, dtype=None if dtype is None else dt.canonical(dtype))
        if destination is not None and where is not True and strong(destination) != strong(result):
            raise unsupported("out= of another dtype with where=", "assign the result instead")  # NumPy converts both ways
        return result if destination is None else store(trace, destination, result, where)

    def eager(self, operands: tuple) -> Any:
        """NumPy's ufunc now; a tensor where an operand is one."""
        arrays = [concrete(x) for x in operands]
        for a in arrays:
            if type(a) is np.ndarray and a.dtype is dt.bfloat16:
                # NumPy's promotion has no rule for bfloat16 beside Python floats and wide integers.
                dtype = self.promotion(tuple(np.asarray(a) if isinstance(a, list) else a for a in arrays))
                arrays = [np.asarray(a).astype(dtype, copy=False) for a in arrays]
                break
        result = finite.checked(self.name, self.ufunc, *arrays) if tr.open_traces else self.ufunc(*arrays)
        return wrap(result) if holds_tensor(operands) else result

    def record(self, trace: tr.Trace, operands: tuple, *, dtype: np.dtype | None = None, python: bool = False) -> Any:
        """Append to the graph; `python` says that this is a Python operator, which keeps Python numbers Python numbers."""
        operands = tuple(assembled(trace, x) for x in operands)
        if any(map(uncertain.is_uncertain, operands)):
            compute = functools.partial(self._record, trace, dtype, python)
            apart = complexes.is_apart(self.name, operands)
            return uncertain.settle(trace, operands, self.promotion, compute, self.name in _MAY_RAISE, python, apart)
        if python:
            operands = complexes.taken(trace, operands)
            exact = integers.arithmetic(trace, self.name, operands)
            exact = complexes.arithmetic(trace, self.name, operands) if exact is None else exact
            if exact is not None:
                return exact
        if dtype is not None:
            _check_casts(self.name, operands, dtype)
        dtype = dtype or self.promotion(operands)
        if self.real and dt.is_complex(dtype):
            raise DTypeError(f"ufunc '{self.name}' did not contain a loop with signature matching types {dtype!r}")
        if (
            trace.catch is not None
            and python
            and self.name == "true_divide"
            and result_kind(operands, (), python=True) == "python"
        ):
            trace.assume(trace.one(e.ne, operand(trace, operands[1], dtype), tr.literal(0, dtype)), "a divisor is not zero")
        body = (self._heard(operands, dtype) if python else None) or self.body
        if isinstance(body, Primitive):
            result = record_map(trace, body, operands, dtype, python=python)
        else:
            result = body(*(prepared(trace, x, dtype) for x in operands))
            # Whatever its parts were, it is one ufunc, which gives scalars for arrays of rank 0.
            unwrap(laid_out(result, allocated(operands))).kind = result_kind(operands, shape_of(result))
            if python and all(kind_of(x) == "python" for x in operands):
                result = wrap(trace.fresh(tr.read(unwrap(result)), "python"))
        if python and self.name in _MAY_RAISE and kind_of(result) == "python":
            if trace.catch is not None and self.name == "power" and dtype == dt.float64:
                base, exponent = (operand(trace, x, dtype) for x in operands)
                _assume_power(trace, base, exponent, tr.read(unwrap(result)))
            integers.finite(trace, tr.read(unwrap(result)))
        return result

    def _heard(self, operands: tuple, dtype: np.dtype) -> Primitive | None:
        """What a Python operator on NumPy's integer scalars is; None for other operands, and for operators that are silent."""
        if self.name not in _HEARD or not dt.is_integer(dtype):
            return None
        return _HEARD[self.name] if {"scalar"} <= set(map(kind_of, operands)) <= {"scalar", "python"} else None

    def _record(self, trace: tr.Trace, dtype: np.dtype | None, python: bool, operands: tuple) -> Any:
        if python and not all(isinstance(x, (Value, np.ndarray)) or type(x) in NUMBERS for x in operands):
            return _OPERATORS[self.name](*operands)  # with an object that is no number
        if not holds_tensor(operands):
            return _OPERATORS[self.name](*operands) if python else self.ufunc(*operands, dtype=dtype)
        return self.record(trace, operands, dtype=dtype, python=python)

    def __repr__(self) -> str:
        return f"<hybrid function {self.name}>"


class Comparison(Elementwise):
    """A comparison. Integers are compared with any Python integer, also one beyond their dtype."""

    def record(self, trace: tr.Trace, operands: tuple, *, dtype: np.dtype | None = None, python: bool = False) -> Any:
        if dtype is not None and dtype != dt.bool_:
            raise unsupported(f"np.{self.name} with dtype={dtype}")
        operands = tuple(assembled(trace, x) for x in operands)
        for place, x in enumerate(operands if not any(map(uncertain.is_uncertain, operands)) else ()):
            own = dtype_of(operands[1 - place])
            if type(x) is int and isinstance(own, np.dtype) and dt.is_integer(own):
                info = np.iinfo(own)
                if not info.min <= x <= info.max:
                    beyond = np.inf if x > info.max else -np.inf
                    answer = bool(self.ufunc(*((0, beyond) if place else (beyond, 0))))
                    shape = shape_of(operands[1 - place])
                    atom = stretched(trace, tr.literal(answer, dt.bool_), shape)
                    return laid_out(trace.fresh(atom, result_kind(operands, shape)), allocated(operands))
        return super().record(trace, operands, dtype=dtype, python=python)


def _check_casts(name: str, operands: tuple, dtype: np.dtype) -> None:
    for place, own in enumerate(map(dtype_of, operands)):
        if own is int or own is bool:
            continue  # they fit by value
        if not np.can_cast(dt.promote(own), dtype, "same_kind"):
            raise DTypeError(f"Cannot cast ufunc '{name}' input {place} from {own!r} to {dtype!r} by the rule 'same_kind'")


def prepared(trace: tr.Trace, x: Any, dtype: np.dtype) -> Any:
    """An operand of a composition: a tensor of this dtype, Python numbers no longer weak."""
    kind = kind_of(x)
    if isinstance(x, Value) and type(x._data) is tr.Symbol and x._data.type.dtype == dtype and kind != "python":
        return x
    return laid_out(trace.fresh(operand(trace, x, dtype), "scalar" if kind == "python" else kind), like(x))


def apply(primitive: Primitive, *operands: Any, **params: Any) -> Any:
    """One primitive on traced operands that already have one dtype."""
    trace = active()
    return record_map(trace, primitive, operands, same(operands), **params)


def store(trace: tr.Trace, destination: Any, value: Any, where: Any = True, *, casting: Any = "same_kind") -> Any:
    """Write `value` into `destination` as NumPy's `out=` does: same-kind casting, broadcast, only where asked."""
    if not isinstance(destination, Value):
        raise unsupported("writing a traced value into an array that is not an argument",
                          "pass the array in as an argument, or make it with np.empty_like of a traced array")  # fmt: skip
    target = symbol(trace, destination)
    source = dtype_of(value)
    own = target.type.dtype
    if isinstance(source, type):  # a Python number
        fits = casting == "unsafe" or dt.promote(own, source) == own
    else:
        fits = np.can_cast(source, own, casting)
    if not fits:
        raise DTypeError(f"Cannot cast output from {source!r} to {target.type.dtype!r} with casting rule {casting!r}",
                         fix="convert the value, or write out of place")  # fmt: skip
    shape, given = target.type.shape, shape_of(value)
    if not stretches(given, shape):
        raise ValueError(f"non-broadcastable output operand with shape {shape} doesn't match the broadcast shape {given}")
    atom = stretched(trace, operand(trace, value, target.type.dtype), shape)
    if where is not True:
        mask = stretched(trace, operand(trace, where, dt.bool_), shape)
        atom = trace.one(e.select, mask, atom, tr.read(target))
    tr.write(target, atom)
    return destination


def check_out(out: Any, result: Any, exact: bool = False) -> None:
    """TraceError for an `out` that the result does not fit as it is: NumPy refuses it, or computes otherwise.

    Args:
        exact: whether a dtype of its own is another computation, too.
    """
    ask = active().ask
    fits = isinstance(out, Value) and kind_of(out) in ("ndarray", "tensor") and len(shape_of(out)) == len(shape_of(result))
    if not fits or False in [ask("eq", a, b) for a, b in zip(shape_of(out), shape_of(result))]:
        raise unsupported("out= of another shape than the result", "assign the result instead")
    if exact and strong(out) != strong(result):
        raise unsupported("out= of another dtype than the result", "assign the result instead")


TABLE: dict[Callable, Elementwise] = {}  # by NumPy's ufunc
NAMES: dict[str, Elementwise] = {}


def row(
    name: str, promotion: Promotion, body: Primitive | Callable, ufunc: Any = None, *aliases: str, doc: str = ""
) -> Elementwise:
    """Enter an elementwise function under its name and aliases."""
    made = Elementwise(name, ufunc if ufunc is not None else getattr(np, name), promotion, body, doc)
    TABLE[made.ufunc] = made
    for word in (name, *aliases):
        NAMES[word] = made
    return made


def _rows(promotion: Promotion, **primitives: Primitive) -> None:
    for name, primitive in primitives.items():
        row(name, promotion, primitive)


_rows(same, add=e.add, multiply=e.mul, subtract=e.sub, negative=e.neg, minimum=e.minimum, maximum=e.maximum)
_rows(inexact, exp=e.exp, exp2=e.exp2, expm1=e.expm1, log=e.log, log2=e.log2, log10=e.log10, log1p=e.log1p, sin=e.sin,
      cos=e.cos, tan=e.tan, arcsin=e.asin, arccos=e.acos, arctan=e.atan, sinh=e.sinh, cosh=e.cosh, tanh=e.tanh, arcsinh=e.asinh,
      arccosh=e.acosh, arctanh=e.atanh, sqrt=e.sqrt, cbrt=e.cbrt, hypot=e.hypot, arctan2=e.atan2, copysign=e.copysign,
      nextafter=e.nextafter)  # fmt: skip
for _name, _primitive in {"equal": e.eq, "not_equal": e.ne, "less": e.lt, "less_equal": e.le, "greater": e.gt,
                          "greater_equal": e.ge}.items():  # fmt: skip
    TABLE[getattr(np, _name)] = NAMES[_name] = Comparison(_name, getattr(np, _name), same, _primitive)
_rows(same, bitwise_and=e.and_, bitwise_or=e.or_, bitwise_xor=e.xor, invert=e.not_)
_rows(arithmetic, left_shift=e.shl, right_shift=e.shr)
_rows(truth, logical_and=e.and_, logical_or=e.or_, logical_xor=e.xor, logical_not=e.not_)
row("true_divide", division, e.div, np.true_divide, "divide")


@lifted.followable
def cast(x: Any, dtype: Any) -> Any:
    """The same values in another dtype; x itself where it has that dtype. As NumPy casts: floats lose their fraction.

    >>> hy.astype([1.7, -1.7], "int64")
    array([ 1, -1])
    """
    target = dt.canonical(dtype)
    if not tr.open_traces and type(x) is values.tensor_class:
        if type(x._data) is np.ndarray:
            return wrap(x._data.astype(target))
        if isinstance(x._data, lifted.Lifted):
            return lifted.follow(cast, (x, dtype), {})
    trace = tracing(x)
    if trace is None:
        return evaluate(lambda a: np.asarray(a).astype(target), x)
    own = dtype_of(x)
    if own == target:
        return x
    source = operand(trace, x, own if not isinstance(own, type) else dt.promote(own))
    out = converted(trace, source, target)
    # An array of rank 0 stays one, where a ufunc would give a scalar.
    kind = "ndarray" if kind_of(x) == "ndarray" else result_kind((x,), out.type.shape)
    return laid_out(trace.fresh(out, kind), like(x))


def _array_cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    return array.astype(dt.canonical(dtype))


cast.forms = _array_cast, _array_cast  # type: ignore[attr-defined]


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Elements of x where the condition holds, of y elsewhere.

    Args:
        condition: any dtype; nonzero counts as true.
        x, y: arrays or scalars, broadcast against the condition. Both or neither (neither: `nonzero`).

    >>> hy.where(hy.tensor([1.0, -2.0]) > 0, 1.0, 0.0)
    tensor([1., 0.], dtype=float64)
    """
    trace = active()
    if x is None and y is None:
        return FUNCTIONS[np.nonzero](condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    out = unwrap(select(condition, *(wrapped(part, (x, y)) for part in (x, y))))
    # np.where is no ufunc: on rank-0 operands it gives a rank-0 array.
    return wrap(trace.fresh(tr.read(out), "ndarray")) if out.kind == "scalar" else wrap(out)


def wrapped(x: Any, beside: tuple) -> Any:
    """A Python integer as np.where takes it: cut down to the bits of the dtype it is promoted to."""
    if type(x) is not int:
        return x
    beside = tuple(assembled(active(), other) for other in beside)
    return np.asarray(x, np.int64).astype(same(beside)).item() if dt.is_integer(same(beside)) else x


def select(condition: Any, x: Any, y: Any) -> Any:
    """`where` inside a trace, with a scalar for scalars as ufuncs give."""
    trace = active()
    condition, x, y = (assembled(trace, part) for part in (condition, x, y))
    dtype = same((x, y))
    shape = broadcast_shapes(shape_of(condition), shape_of(x), shape_of(y))
    mask = stretched(trace, operand(trace, condition, dt.bool_), shape)
    out = trace.one(e.select, mask, operand(trace, x, dtype, shape), operand(trace, y, dtype, shape))
    return laid_out(trace.fresh(out, result_kind((condition, x, y), shape)), allocated((condition, x, y)))


def _assume_power(trace: tr.Trace, base: Any, exponent: Any, result: Any) -> None:
    """What Python raises for a power of floats that is none, or none that there is."""
    one, zero = trace.one, tr.literal(0.0, dt.float64)
    infinite = lambda x: one(e.eq, one(e.abs, x), tr.literal(np.inf, dt.float64))
    of_zero = one(e.and_, one(e.eq, base, zero), one(e.lt, exponent, zero))
    trace.assume(one(e.not_, of_zero), "no power of zero is negative", ZeroDivisionError)
    given = one(e.or_, one(e.or_, infinite(base), infinite(exponent)), of_zero)
    trace.assume(one(e.or_, one(e.not_, infinite(result)), given), "a result is a float", OverflowError)
