"""Every simple operation and conversion, over every dtype, as machine code against NumPy: vectors, masked or scalar tails."""

import warnings

import ml_dtypes
import numpy as np
import pytest

import hybrid as hy
from hybrid.codegen import instructions
from hybrid.codegen.composed import COMPOSED
from hybrid.codegen.instructions import Emitter, Value, constant, is_simple, literal, symbol
from hybrid.codegen.llvm import emit_kernel
from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.scipyspecial import OPERATIONS
from hybrid.loops.nest import FOREIGN, ON_WORDS, OPS, Bitcast, Buffer, Convert, For, Kernel, Load, Op, Store, fma, op, select
from hybrid.loops.verify import takes

REAL = tuple(d for d in dt.ALL if not dt.is_complex(d))
NARROW = (dt.float16, dt.bfloat16)
I = Affine.var("i")


def samples(dtype: np.dtype, count: int = 150) -> np.ndarray:
    """Edge cases and random values of all magnitudes."""
    rng = np.random.default_rng(7)
    if dtype == dt.bool_:
        return rng.random(count) < 0.5
    if dt.is_integer(dtype):
        info = np.iinfo(dtype)
        edges = [0, 1, 2, 3, 7, info.max, info.min, info.max - 1, info.min + 1]
        small = rng.integers(max(info.min, -9), 10, count // 2)
        large = rng.integers(info.min, info.max, count - len(edges) - len(small), dtype, endpoint=True)
        return np.concatenate([np.array(edges, dtype), small.astype(dtype), large])
    with np.errstate(all="ignore"):
        edges = [0.0, -0.0, 1.0, -1.0, 0.5, -1.5, 2.5, np.inf, -np.inf, np.nan, 1e-40, -3e-5, 65504.0, 3e38]
        body = rng.standard_normal(count - len(edges)) * 10.0 ** rng.integers(-3, 4, count - len(edges))
        return np.concatenate([edges, body]).astype(dtype)


def pairs(dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Every edge against every edge, and random pairs."""
    values = samples(dtype)
    left, right = np.meshgrid(values[:14], values[:14])
    shuffled = np.random.default_rng(8).permutation(values)
    return np.concatenate([left.ravel(), values]), np.concatenate([right.ravel(), shuffled])


def wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype in NARROW else array


def guarded(function):
    """An integer division that gives 0 where the divisor is 0."""
    return lambda a, b: np.where(b == 0, 0, function(a, np.where(b == 0, 1, b)).astype(a.dtype)).astype(a.dtype)


def shifted(function):
    def shift(a, b):
        bits = 8 * a.dtype.itemsize
        outside = (b < 0) | (b >= bits)
        beyond = np.where(a < 0, -1, 0).astype(a.dtype) if function is np.right_shift else np.zeros_like(a)
        return np.where(outside, beyond, function(a, np.where(outside, 0, b).astype(a.dtype)))

    return shift


BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "min": np.minimum, "max": np.maximum,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
FLOAT = {
    "div": np.divide, "copysign": np.copysign, "neg": np.negative, "abs": np.abs, "floor": np.floor, "ceil": np.ceil,
    "trunc": np.trunc, "rint": np.rint, "sqrt": np.sqrt, "isnan": np.isnan, "mod": np.remainder, "floordiv": np.floor_divide,
    "fmod": np.fmod,
}  # fmt: skip
INTEGER = {
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert, "neg": np.negative, "abs": np.abs,
    "floordiv": guarded(np.floor_divide), "mod": guarded(np.remainder), "fmod": guarded(np.fmod),
    "shl": shifted(np.left_shift), "shr": shifted(np.right_shift),
    "pow": lambda a, b: np.where(b < 0, 0, np.power(a, np.where(b < 0, 0, b))).astype(a.dtype),
}  # fmt: skip
BOOL = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor, "not": np.logical_not}


def reference(dtype: np.dtype) -> dict:
    if dtype == dt.bool_:
        return {**{name: f for name, f in BINARY.items() if name != "sub"}, **BOOL}
    return {**BINARY, **(FLOAT if dt.is_float(dtype) else INTEGER)}


def elementwise(name: str, inputs: dict[str, np.dtype], values: list, count: int) -> Kernel:
    """One vector loop that stores each expression into an output of its own."""
    buffers = [Buffer(key, dtype, count, "in") for key, dtype in inputs.items()]
    buffers += [Buffer(f"out{at}", value.dtype, count, "out") for at, value in enumerate(values)]
    stores = tuple(Store(f"out{at}", I, value) for at, value in enumerate(values))
    return Kernel(name, tuple(buffers), (For("i", count, stores, "vector"),))


def run(compiled, target, inputs: dict[str, np.ndarray], values: list) -> list[np.ndarray]:
    count = len(next(iter(inputs.values())))
    kernel = elementwise("k", {key: array.dtype for key, array in inputs.items()}, values, count)
    outputs = [np.zeros(count, value.dtype) for value in values]
    assert compiled(kernel, target)(*inputs.values(), *outputs) == 0
    return outputs


def assert_same(got: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Equal bits, except that any NaN is as good as another."""
    expected = np.asarray(expected).astype(got.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        both_nan = (got != got) & (expected != expected)
    bits = f"u{got.itemsize}"
    wrong = np.flatnonzero((got.view(bits) != expected.view(bits)) & ~both_nan)
    assert not len(wrong), f"{what} at {wrong[:5]}: {got[wrong[:5]]} != {expected[wrong[:5]]}"


@pytest.mark.parametrize("dtype", REAL, ids=dt.SHORT.get)
def test_operations(compiled, target, dtype):
    a, b = pairs(dtype)
    x, y = Load("x", I, dtype), Load("y", I, dtype)
    names = reference(dtype)
    values = [Op(name, (x, y)[: OPS[name][0]], dt.bool_ if OPS[name][1] == "bool" else dtype) for name in names]
    outputs = run(compiled, target, {"x": a, "y": b}, values)
    with np.errstate(all="ignore"):
        for (name, function), got in zip(names.items(), outputs):
            expected = function(*(wide(operand) for operand in (a, b)[: OPS[name][0]]))
            assert_same(got, expected, f"{name} of {dtype}")


@pytest.mark.parametrize("dtype", REAL, ids=dt.SHORT.get)
def test_conversions(compiled, target, dtype):
    a = samples(dtype)
    values = [Convert(Load("x", I, dtype), other) for other in REAL if other != dtype]
    outputs = run(compiled, target, {"x": a}, values)
    for value, got in zip(values, outputs):
        with np.errstate(all="ignore"):
            keep = np.ones(len(a), bool)
            if dt.is_float(dtype) and dt.is_integer(value.dtype):
                # Beyond its range NumPy's own loops disagree with each other for uint32 and uint64.
                limits = np.iinfo(np.int64 if value.dtype in dt.UNSIGNED else value.dtype)
                keep = np.isfinite(a.astype(np.float64)) & (abs(a.astype(np.float64)) < float(limits.max))
                keep &= (a.astype(np.float64) > -1) | (value.dtype not in (dt.uint32, dt.uint64))
            expected = (wide(a) if dtype == dt.bfloat16 else a)[keep].astype(value.dtype)
        assert_same(got[keep], expected, f"{dtype} to {value.dtype}")


def test_conversions_out_of_range(compiled, target):
    """What x86's truncating conversions give: the most negative integer, then wrapped to narrower dtypes."""
    a = np.array([1e30, -1e30, np.nan, np.inf, 300.7, -1.5, 3e9, 1e19], np.float64)
    values = [Convert(Load("x", I, dt.float64), d) for d in (dt.int8, dt.uint8, dt.int32, dt.int64, dt.uint64)]
    i8, u8, i32, i64, u64 = run(compiled, target, {"x": a}, values)
    least = np.iinfo(np.int64).min
    assert i8.tolist() == [0, 0, 0, 0, 44, -1, 0, 0]
    assert u8.tolist() == [0, 0, 0, 0, 44, 255, 0, 0]
    assert i32.tolist() == [-(2**31)] * 4 + [300, -1] + [-(2**31)] * 2
    assert i64.tolist() == [least] * 4 + [300, -1, 3 * 10**9, least]
    assert u64.tolist() == [0, 2**63, 2**63, 0, 300, 2**64 - 1, 3 * 10**9, 10**19]


def test_double_to_half_rounds_once(compiled, target):
    a = np.array([1 + 2**-11 + 2**-40, 1 + 2**-11, 1 + 3 * 2**-11 - 2**-40, 65520.0, 65519.999, 2.0**-25, 2.0**-25 + 2.0**-60])
    (got,) = run(compiled, target, {"x": a}, [Convert(Load("x", I, dt.float64), dt.float16)])
    with np.errstate(over="ignore"):
        assert_same(got, a.astype(np.float16), "float64 to float16")


@pytest.mark.parametrize("dtype", (dt.float32, dt.float64), ids=dt.SHORT.get)
def test_fma_and_contraction(compiled, target, dtype):
    """fma rounds once; a product and a sum written apart round twice."""
    eps = float(np.finfo(dtype).eps)
    a = np.full(37, 1 + eps, dtype)
    b = np.full(37, 1 - eps, dtype)
    x, y = Load("x", I, dtype), Load("y", I, dtype)
    fused, apart = run(compiled, target, {"x": a, "y": b}, [fma(x, y, -1.0), x * y - 1.0])
    assert (fused == -(eps**2)).all()
    assert (apart == 0).all()


@pytest.mark.parametrize("dtype", NARROW, ids=dt.SHORT.get)
def test_narrow_floats_round_after_every_operation(compiled, target, dtype):
    a, b = pairs(dtype)
    x, y = Load("x", I, dtype), Load("y", I, dtype)
    (got, next_) = run(compiled, target, {"x": a, "y": b}, [x * y + x, op("nextafter", x, y)])
    with np.errstate(all="ignore"):
        product = (wide(a) * wide(b)).astype(dtype)
        assert_same(got, (wide(product) + wide(a)).astype(dtype), "x*y + x")
        assert_same(next_, np.nextafter(a, b), "nextafter")


def test_bitcast_select_and_constants(compiled, target):
    x = samples(dt.float32)
    loaded = Load("x", I, dt.float32)
    small = Convert(loaded, dt.int8)
    values = [
        Bitcast(loaded, dt.int32),
        Bitcast(Bitcast(loaded, dt.uint32), dt.float32),
        Bitcast(loaded > 0, dt.int8),
        Bitcast(Bitcast(small, dt.uint8), dt.int8),
        select(loaded > 0, loaded, float("-inf")),
        Bitcast(Convert(loaded, dt.bfloat16), dt.uint16),
    ]
    outputs = run(compiled, target, {"x": x}, values)
    with np.errstate(invalid="ignore", over="ignore"):
        assert_same(outputs[0], x.view(np.int32), "bits")
        assert_same(outputs[1], x, "round trip")
        assert_same(outputs[2], (x > 0).astype(np.int8), "bool bits")
        assert_same(outputs[4], np.where(x > 0, x, -np.inf).astype(np.float32), "select")
        assert_same(outputs[5].view(ml_dtypes.bfloat16), x.astype(ml_dtypes.bfloat16), "bfloat16 bits")


def test_literals_are_exact():
    assert literal(0.1, dt.float32) == "0x3FB99999A0000000"
    assert literal(float("nan"), dt.float64).startswith("0x7FF8")
    assert (literal(1.0, dt.float16), literal(1.0, dt.bfloat16)) == ("0xH3C00", "16256")
    assert (literal(True, dt.bool_), literal(-5, dt.int8), literal(2**64 - 1, dt.uint64)) == ("true", "-5", str(2**64 - 1))


def test_names_are_quoted_where_llvm_needs_it():
    assert symbol("k0.range1") == "k0.range1"
    assert symbol("a b") == '"a b"'


@pytest.mark.parametrize("dtype", REAL, ids=dt.SHORT.get)
def test_the_verifier_and_the_emitter_agree_on_what_has_a_meaning(dtype):
    known = [(name, arity) for name, (arity, _) in OPS.items() if not name.startswith(FOREIGN)]  # other tests may enter these
    for name, arity in known:
        whole = dtype == dt.uint64 if name in ON_WORDS else dt.is_float(dtype)
        meant = (
            dtype in (dt.float32, dt.float64) if name in OPERATIONS else is_simple(name, dtype) or (whole and name in COMPOSED)
        )
        assert meant == takes(name, dtype), name
        if not meant:
            with pytest.raises(CompileError, match=f"{name} has no meaning for {dt.SHORT[dtype]}"):
                emit_kernel(elementwise("k", {"x": dtype}, [Op(name, (Load("x", I, dtype),) * arity, dtype)], 4), host())


def test_floor_division_by_a_power_of_two_is_a_shift():
    e = Emitter({})
    quotient, remainder = instructions._floor_division(e, Value("%a", dt.int64), constant(8, dt.int64))
    text = "\n".join(map(str, e.lines))
    assert "ashr i64 %a, 3" in text and "and i64 %a, 7" in text and "sdiv" not in text
    assert quotient.dtype == remainder.dtype == dt.int64


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint32])
def test_floor_division_by_constants_is_that_of_numpy(dtype):
    info = np.iinfo(dtype)
    ends = [info.min, info.min + 1, info.max - 1, info.max]
    a = np.array([*range(max(info.min, -70), 71), *ends], dtype)
    for n in (1, 2, 4, 64, 3):
        quotient, remainder = hy.function(lambda x, n=n: (x // n, x % n), strict=True)(a)
        np.testing.assert_array_equal(quotient, a // n)
        np.testing.assert_array_equal(remainder, a % n)
