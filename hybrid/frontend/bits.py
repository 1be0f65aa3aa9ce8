"""Bits: those of bytes packed and unpacked, how many are set, and the parts of which floats consist."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError
from hybrid.core.shape import Dim, normalize_axis
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import apply, cast, inexact, row, same, select
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate, stack
from hybrid.frontend.shaping import as_array, ravel, reshape
from hybrid.frontend.values import (
    Value,
    active,
    allocated,
    assembled,
    header_of,
    laid_out,
    result_kind,
    shape_of,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ops import elementwise as e


def _array(x: Any) -> Any:
    return as_array(assembled(active(), x))


# Integers ---------------------------------------------------------------------------------------------------------------
def _bit_count(x: Any) -> Any:
    """How many bits of the absolute value are set, counted in pairs, fours and bytes."""
    if not dt.is_integer(x.dtype):
        raise unsupported("np.bitwise_count of these")
    size = select(x < 0, 0 - x, x) if dt.KIND[x.dtype] == "i" else x
    n = cast(size, dt.uint64)
    if x.dtype != dt.int64 and dt.KIND[x.dtype] == "i":
        n = n & np.uint64(2 ** (8 * x.dtype.itemsize) - 1)  # the least integer is its own opposite
    n = n - ((n >> np.uint64(1)) & np.uint64(0x5555555555555555))
    n = (n & np.uint64(0x3333333333333333)) + ((n >> np.uint64(2)) & np.uint64(0x3333333333333333))
    n = (n + (n >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return cast((n * np.uint64(0x0101010101010101)) >> np.uint64(56), dt.uint8)


_UNSIGNED = dict(zip(dt.SIGNED, dt.UNSIGNED))


def _size(name: str, x: Any) -> Any:
    """The absolute value of integers, for which there is room in unsigned ones."""
    if not dt.is_integer(x.dtype):
        raise DTypeError(f"ufunc '{name}' did not contain a loop with signature matching types {x.dtype!r}")
    return _bits(apply(e.abs, x), _UNSIGNED[x.dtype]) if x.dtype in _UNSIGNED else x


def _gcd(a: Any, b: Any) -> Any:
    return _bits(apply(e.gcd, _size("gcd", a), _size("gcd", b)), a.dtype)


def _lcm(a: Any, b: Any) -> Any:
    one, other = _size("lcm", a), _size("lcm", b)
    common = apply(e.gcd, one, other)
    return _bits(select(common == 0, common, one // select(common == 0, common.dtype.type(1), common) * other), a.dtype)


row("gcd", same, _gcd)
row("lcm", same, _lcm)


def bitwise_count(x: Any, /) -> Any:
    """How many bits of the absolute values are set."""
    x = x if isinstance(x, Value) else _array(x)
    made = _bit_count(x)
    return laid_out(active().fresh(tr.read(unwrap(made)), result_kind((x,), shape_of(x))), allocated((x,)))


# Bytes ------------------------------------------------------------------------------------------------------------------
def _along(x: Any, axis: Any, name: str) -> tuple[Any, int]:
    """The array and the axis along which bits lie, all of it without `axis`."""
    if header_of(x) is not None or not shape_of(x) or any(isinstance(size, Dim) for size in shape_of(x)):
        raise unsupported(f"np.{name} of sizes that only a run knows, or of an array that is not in C order")
    x = ravel(x) if axis is None else x
    return x, normalize_axis(0 if axis is None else axis, len(shape_of(x)))


def _order(bitorder: str) -> range:
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return range(7, -1, -1) if bitorder == "big" else range(8)


def _lengthened(x: Any, along: int, by: int) -> Any:
    shape = tuple(by if k == along else size for k, size in enumerate(shape_of(x)))
    return concatenate([x, CONSTRUCTORS[np.array](np.zeros(shape, strong(x)))], along) if by else x


@implements(np.packbits)
def packbits(a: Any, axis: Any = None, bitorder: str = "big") -> Any:
    """Bytes whose bits say which elements are not zero, eight in each; the last is filled up with zeros."""
    x = _array(a)
    if not (dt.is_integer(strong(x)) or strong(x) == dt.bool_):
        raise TypeError("Expected an input array of integer or boolean data type")
    x, along = _along(x, axis, "packbits")
    shape, order = shape_of(x), _order(bitorder)
    x = _lengthened(cast(x != 0, np.uint8), along, -shape[along] % 8)
    count = shape_of(x)[along] // 8
    x = reshape(x, (*shape[:along], count, 8, *shape[along + 1 :]))
    head = (slice(None),) * (along + 1)
    out = getitem(x, (*head, 0)) << np.uint8(order[0])
    for k in range(1, 8):
        out = out | (getitem(x, (*head, k)) << np.uint8(order[k]))
    return laid_out(out, None)


@implements(np.unpackbits)
def unpackbits(a: Any, axis: Any = None, count: Any = None, bitorder: str = "big") -> Any:
    """The bits of bytes as numbers 0 and 1: `count` of them, or all but so many where that is negative."""
    x = _array(a)
    if strong(x) != dt.uint8:
        raise TypeError("Expected an input array of unsigned byte data type")
    if count is not None and type(count) is not int:
        raise unsupported("np.unpackbits of a number of bits that only a run knows")
    x, along = _along(x, axis, "unpackbits")
    parts = stack([(x >> np.uint8(k)) & np.uint8(1) for k in _order(bitorder)], along + 1)
    shape = shape_of(x)
    size = 8 * shape[along]
    out = reshape(parts, (*shape[:along], size, *shape[along + 1 :]), copy=True)
    if count is not None:
        if count < -size:
            raise ValueError(f"-count={-count} larger than number of elements")
        wanted = count if count >= 0 else size + count
        out = _lengthened(
            getitem(out, (*(slice(None),) * along, slice(None, wanted))), along, max(wanted - size, 0)
        ) + np.uint8(0)
    return laid_out(out, None)


# Floats -----------------------------------------------------------------------------------------------------------------
_FORMATS = {dt.float32: (dt.int32, 23, 8), dt.float64: (dt.int64, 52, 11)}  # integers as wide, bits of fraction and exponent


def _bits(x: Any, dtype: np.dtype) -> Any:
    """The same bits, read as another dtype of the same width."""
    trace = active()
    atom = trace.one(e.bitcast, tr.read(unwrap(x)), dtype=dtype)
    return wrap(trace.fresh(atom, unwrap(x).kind))


def _power_of_two(exponent: Any, dtype: np.dtype) -> Any:
    """2 to an integer power for which that is a normal number."""
    integer, fraction, width = _FORMATS[dtype]
    biased = cast(exponent, integer) + integer.type(2 ** (width - 1) - 1)
    return _bits(biased << integer.type(fraction), dtype)


def frexp(x: Any, /) -> tuple:
    """A fraction in [0.5, 1) with the sign of x, and the power of two that it is to be multiplied with, as int32."""
    given = x if isinstance(x, Value) else _array(x)
    own = inexact((given,))
    if own not in _FORMATS and own != dt.float16:
        raise unsupported(f"np.frexp of {own}")
    half = own == dt.float16  # whose parts float32 has, too
    own = dt.float32 if half else own
    x = cast(traced(given), own)
    integer, fraction, width = _FORMATS[own]
    tiny = u.absolute(x) < float(np.finfo(own).tiny)
    normal = select(tiny, x * float(2.0 ** (fraction + 2)), x)
    bits = _bits(normal, integer)
    exponent = ((bits >> integer.type(fraction)) & integer.type(2**width - 1)) - integer.type(2 ** (width - 1) - 2)
    plain = (x != 0) & u.isfinite(x)
    exponent = select(plain, exponent, integer.type(0))
    middle = exponent >> integer.type(1)
    part = normal * _power_of_two(-middle, own) * _power_of_two(middle - exponent, own)
    power = cast(select(tiny & plain, exponent - integer.type(fraction + 2), exponent), np.int32)
    part = select(plain, part, x)
    parts = cast(part, dt.float16) if half else part, power
    kind, made = result_kind((given,), shape_of(given)), allocated((given,))
    return tuple(laid_out(active().fresh(tr.read(unwrap(out)), kind), made) for out in parts)


def _neighbour(x: Any, y: Any) -> Any:
    """The next number from x towards y."""
    if x.dtype != dt.float16:
        return apply(e.nextafter, x, y)
    bits, one = _bits(x, dt.int16), np.int16(1)  # away from zero, the next number has the next bits
    away = _bits(select((y > x) == (x > 0), bits + one, bits - one), x.dtype)
    least = u.copysign(np.finfo(np.float16).smallest_subnormal, y)
    moved = select(x == y, y, select(x == 0, least, away))
    return select(u.isnan(x) | u.isnan(y), x + y, moved)


def _spacing(x: Any) -> Any:
    if strong(x) == dt.bfloat16:
        raise unsupported("np.spacing of bfloat16")
    infinite = strong(x).type(np.inf)
    if x.dtype != dt.float16:
        return _neighbour(x, select(x < 0, -infinite, infinite)) - x
    upwards = _neighbour(x, infinite) - x  # as NumPy goes in half precision
    return select(x == -infinite, strong(x).type(np.nan), upwards)


row("nextafter", inexact, _neighbour)
row("spacing", inexact, _spacing)


# Bessel's function ----------------------------------------------------------------------------------------------------------
# Coefficients of Cephes, as NumPy and SciPy have them: of e⁻ˣ·I₀(x) in x/2 - 2, 0 ≤ x ≤ 8, and of e⁻ˣ·√x·I₀(x) in 32/x - 2.
_SMALL = (
    -4.4153416464793395e-18, 3.3307945188222384e-17, -2.431279846547955e-16, 1.715391285555133e-15,
    -1.1685332877993451e-14, 7.676185498604936e-14, -4.856446783111929e-13, 2.95505266312964e-12, -1.726826291441556e-11,
    9.675809035373237e-11, -5.189795601635263e-10, 2.6598237246823866e-09, -1.300025009986248e-08, 6.046995022541919e-08,
    -2.670793853940612e-07, 1.1173875391201037e-06, -4.4167383584587505e-06, 1.6448448070728896e-05,
    -5.754195010082104e-05, 0.00018850288509584165, -0.0005763755745385824, 0.0016394756169413357, -0.004324309995050576,
    0.010546460394594998, -0.02373741480589947, 0.04930528423967071, -0.09490109704804764, 0.17162090152220877,
    -0.3046826723431984, 0.6767952744094761,
)  # fmt: skip
_LARGE = (
    -7.233180487874754e-18, -4.830504485944182e-18, 4.46562142029676e-17, 3.461222867697461e-17, -2.8276239805165836e-16,
    -3.425485619677219e-16, 1.7725601330565263e-15, 3.8116806693526224e-15, -9.554846698828307e-15,
    -4.150569347287222e-14, 1.54008621752141e-14, 3.8527783827421426e-13, 7.180124451383666e-13, -1.7941785315068062e-12,
    -1.3215811840447713e-11, -3.1499165279632416e-11, 1.1889147107846439e-11, 4.94060238822497e-10,
    3.3962320257083865e-09, 2.266668990498178e-08, 2.0489185894690638e-07, 2.8913705208347567e-06, 6.889758346916825e-05,
    0.0033691164782556943, 0.8044904110141088,
)  # fmt: skip


def _chebyshev(x: Any, coefficients: tuple[float, ...]) -> Any:
    last: Any = coefficients[0]
    before: Any = 0.0
    earlier: Any = 0.0
    for coefficient in coefficients[1:]:
        earlier, before = before, last
        last = x * before - earlier + coefficient
    return 0.5 * (last - earlier)


def scaled_bessel(x: Any) -> Any:
    """e⁻ˣ I₀(x) of numbers that are not negative, as Cephes approximates it."""
    near = x <= 8.0
    small, large = select(near, x, 8.0), select(near, 8.0, x)
    far = _chebyshev(32.0 / large - 2.0, _LARGE) / u.sqrt(large)
    return select(near, _chebyshev(small / 2.0 - 2, _SMALL), far)


@implements(np.i0)
def i0(x: Any) -> Any:
    """Bessel's modified function of the first kind and of order zero, as NumPy approximates it."""
    x = _array(x)
    if dt.is_complex(strong(x)):
        raise TypeError("i0 not supported for complex values")
    x = u.absolute(x if dt.is_float(strong(x)) else cast(x, np.float64))
    near = x <= 8.0
    small, large = select(near, x, 8.0), select(near, 8.0, x)
    low = u.exp(small) * _chebyshev(small / 2.0 - 2, _SMALL)
    high = u.exp(large) * _chebyshev(32.0 / large - 2.0, _LARGE) / u.sqrt(large)
    out = select(near, low, high)
    return laid_out(
        active().fresh(tr.read(unwrap(out)), "tensor" if unwrap(x).kind == "tensor" else "ndarray"), allocated((x,))
    )
