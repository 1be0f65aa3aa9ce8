"""Sizes, shapes and tensor types. A size is an `int`, or a `Dim`: an integer polynomial over named symbols.

Sizes of arguments that change from call to call are symbols, and so are counters of loops and sizes that only a run knows.
Index arithmetic in the loop language uses the same class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from hybrid.core.dtype import SHORT
from hybrid.core.errors import ShapeError, TraceError

Monomial = tuple[str, ...]  # sorted symbol names, repeated for powers; () is the constant term


class Dim:
    """An immutable integer polynomial over size symbols, e.g. `2*n + 1` or `n*m`.

    >>> n = Dim.symbol("n")
    >>> 2 * (n + 1) - n, (n + 1) * (n - 1), n - n
    (n+2, n*n-1, 0)
    """

    __slots__ = ("terms", "_hash")
    terms: tuple[tuple[Monomial, int], ...]  # sorted, so that the constant one comes first
    _hash: int | None

    def __init__(self, terms: Mapping[Monomial, int]):
        self.terms = tuple(sorted((m, c) for m, c in terms.items() if c))
        self._hash = None

    @staticmethod
    def symbol(name: str) -> Dim:
        return Dim({(name,): 1})

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset(name for monomial, _ in self.terms for name in monomial)

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number this polynomial stands for when each symbol has the given size."""
        return sum(c * prod(sizes[name] for name in m) for m, c in self.terms)

    def _combine(self, other: object, sign: int) -> Size:
        if not isinstance(other, (int, Dim, np.integer)):
            return NotImplemented
        if not isinstance(other, Dim) and self.terms and self.terms[-1][0]:  # most sums are of a size and a number
            constant, rest = (0, self.terms) if self.terms[0][0] else (self.terms[0][1], self.terms[1:])
            constant += sign * int(other)
            return _made((((), constant), *rest) if constant else rest)
        terms = dict(self.terms)
        for monomial, c in _terms(other):
            terms[monomial] = terms.get(monomial, 0) + sign * c
        return _simplest(terms)

    def __add__(self, other):
        return self._combine(other, 1)

    __radd__ = __add__

    def __sub__(self, other):
        return self._combine(other, -1)

    def __rsub__(self, other):
        return (-self) + other

    def __neg__(self):
        return _simplest({m: -c for m, c in self.terms})

    def __mul__(self, other):
        if not isinstance(other, (int, Dim, np.integer)):
            return NotImplemented
        terms: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in _terms(other):
                key = tuple(sorted(m1 + m2))
                terms[key] = terms.get(key, 0) + c1 * c2
        return _simplest(terms)

    __rmul__ = __mul__

    def divide(self, other: Size) -> Size | None:
        """The exact quotient by an integer or a single monomial, or None where it is not one."""
        divisor = _terms(other)
        if len(divisor) != 1 or not divisor[0][1]:
            return None
        (monomial, c), out = divisor[0], {}
        for m, k in self.terms:
            rest = list(m)
            for name in monomial:
                if name not in rest:
                    return None
                rest.remove(name)
            if k % c:
                return None
            out[tuple(rest)] = k // c
        return _simplest(out)

    def split(self, symbol: str) -> tuple[Size, Size] | None:
        """`(a, b)` with `self = a*symbol + b`, neither of which mentions the symbol; None where a power of it comes in.

        >>> (2 * Dim.symbol("n") * Dim.symbol("m") + Dim.symbol("m") + 1).split("n")
        (2*m, m+1)
        """
        slope: dict[Monomial, int] = {}
        rest: dict[Monomial, int] = {}
        for monomial, c in self.terms:
            if symbol not in monomial:
                rest[monomial] = c
            elif monomial.count(symbol) > 1:
                return None
            else:
                at = monomial.index(symbol)
                slope[monomial[:at] + monomial[at + 1 :]] = c
        return _simplest(slope), _simplest(rest)

    def __eq__(self, other):
        return isinstance(other, Dim) and self.terms == other.terms

    def __lt__(self, other):
        """A refusal: as an error of Python's it would be taken for one of the user's."""
        raise TraceError(f"which of two sizes is less only a run knows: {self} and {other}")

    __le__ = __gt__ = __ge__ = __lt__

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.terms)
        return self._hash

    def __bool__(self):
        raise ShapeError("a symbolic size has no fixed truth value", got=str(self))

    def __repr__(self):
        out = ""
        for monomial, c in sorted(self.terms, key=lambda t: (-len(t[0]), t[0])):
            body = "*".join(monomial)
            text = body if abs(c) == 1 and body else f"{abs(c)}*{body}" if body else str(abs(c))
            out += ("-" if c < 0 else "+" if out else "") + text
        return out or "0"


Size = int | Dim
Shape = tuple[Size, ...]


def _terms(size: object) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, Dim) else (((), int(size)),)  # type: ignore[call-overload]


def _simplest(terms: dict[Monomial, int]) -> Size:
    kept = sorted(term for term in terms.items() if term[1])
    if not kept:
        return 0
    return kept[0][1] if len(kept) == 1 and not kept[0][0] else _made(tuple(kept))


def _made(terms: tuple[tuple[Monomial, int], ...]) -> Dim:
    """A polynomial of terms that are in order and not all constant."""
    out = Dim.__new__(Dim)
    out.terms, out._hash = terms, None
    return out


def product(sizes: Iterable[Size]) -> Size:
    out: Size = 1
    for size in sizes:
        out = out * size
    return out


def evaluate(size: Size, sizes: Mapping[str, int]) -> int:
    return size.evaluate(sizes) if isinstance(size, Dim) else size


def symbols(*sizes: Size) -> frozenset[str]:
    """The symbols that sizes mention."""
    return frozenset(name for size in sizes if isinstance(size, Dim) for name in size.symbols)


@dataclass(frozen=True, slots=True)
class Quotient:
    """What a symbol stands for where it is no polynomial: `dividend // divisor`, rounded down."""

    dividend: Size
    divisor: int

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        return evaluate(self.dividend, sizes) // self.divisor


def divide(size: Size, by: Size) -> Size | None:
    """`size / by` where it is exact (also symbolically), else None."""
    if isinstance(size, Dim) or isinstance(by, Dim):
        return size.divide(by) if isinstance(size, Dim) else None
    return size // by if by and size % by == 0 else None


@dataclass(frozen=True, slots=True)
class TensorType:
    """What is known of a value before it exists: dtype, shape, and whether it is a weak Python scalar.

    >>> TensorType(np.dtype("float32"), (32, Dim.symbol("n")))
    f32[32,n]
    """

    dtype: np.dtype
    shape: Shape
    weak: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Size:
        return product(self.shape)

    @property
    def nbytes(self) -> Size:
        return self.size * self.dtype.itemsize

    def with_shape(self, shape: Shape) -> TensorType:
        return TensorType(self.dtype, shape)

    def with_dtype(self, dtype: np.dtype) -> TensorType:
        return TensorType(dtype, self.shape)

    def __repr__(self) -> str:
        return f"{SHORT[self.dtype]}[{','.join(map(str, self.shape))}]" + ("~" if self.weak else "")


def broadcast(*shapes: Shape) -> Shape:
    """NumPy's broadcast of shapes.

    >>> broadcast((3, 1), (4,)), broadcast((), (2,))
    ((3, 4), (2,))
    """
    rank = max((len(s) for s in shapes), default=0)
    out: list[Size] = []
    for axis in range(rank):
        result: Size = 1
        for shape in shapes:
            at = axis - (rank - len(shape))
            size = shape[at] if at >= 0 else 1
            if size == 1 or size == result:
                continue
            if result != 1:
                raise ShapeError("operands could not be broadcast together with shapes "
                                 + " ".join(f"({','.join(map(str, s))}{',' if len(s) == 1 else ''})" for s in shapes),
                                 expected="aligned at the right, each pair of sizes is equal or one of them is 1",
                                 fix="insert axes with a[:, None], or reshape")  # fmt: skip
            result = size
        out.append(result)
    return tuple(out)


def contiguous_strides(shape: Shape) -> Shape:
    """Strides in elements of a C-contiguous array."""
    out: list[Size] = []
    step: Size = 1
    for size in reversed(shape):
        out.append(step)
        step = step * size
    return tuple(reversed(out))


def normalize_axis(axis: int, ndim: int) -> int:
    """A non-negative axis, or NumPy's AxisError."""
    try:
        at = axis.__index__()
    except AttributeError:
        raise TypeError(f"an axis must be an integer, not {type(axis).__name__}") from None
    if not -ndim <= at < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return at + ndim if at < 0 else at


def normalize_axes(axis: object, ndim: int) -> tuple[int, ...]:
    """Sorted, unique, non-negative axes for None (all), one integer, or a sequence."""
    if axis is None:
        return tuple(range(ndim))
    items = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(normalize_axis(item, ndim) for item in items)
    if len(set(axes)) != len(axes):
        raise ValueError("duplicate value in 'axis'")
    return tuple(sorted(axes))
