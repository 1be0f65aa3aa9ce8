"""The Python interpreter's kernels against NumPy, and Numba's against the interpreter, over every op and dtype."""

import ml_dtypes
import numpy as np
import pytest
from scipy import special

from hybrid.codegen import python
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import ArgumentError, CompileError, DTypeError
from hybrid.core.shape import Dim
from hybrid.loops import nest
from hybrid.loops.nest import (
    Accumulate,
    Bitcast,
    Buffer,
    Check,
    Code,
    Const,
    Convert,
    Declare,
    For,
    If,
    Index,
    Kernel,
    Let,
    Load,
    Op,
    Ref,
    Rescue,
    Scratch,
    Store,
)  # fmt: skip
from hybrid.loops.verify import verify

I, J = Affine.var("i"), Affine.var("j")
F32, F64, I64 = dt.float32, dt.float64, dt.int64
REALS = (*dt.INTEGERS, *dt.FLOATS)
EVERY = (dt.bool_, *REALS)

# Loop-language op -> (NumPy's function, dtypes). Those of TRANSCENDENTAL may differ by a few units in the last place.
ARITHMETIC = {
    **{name: (function, EVERY) for name, function in (
        ("add", np.add), ("mul", np.multiply), ("min", np.minimum), ("max", np.maximum), ("eq", np.equal), ("ne", np.not_equal),
        ("lt", np.less), ("le", np.less_equal), ("gt", np.greater), ("ge", np.greater_equal))},
    **{name: (function, REALS) for name, function in (
        ("sub", np.subtract), ("neg", np.negative), ("abs", np.abs), ("floordiv", np.floor_divide), ("mod", np.remainder),
        ("fmod", np.fmod))},
    **{name: (function, (dt.bool_, *dt.INTEGERS)) for name, function in (
        ("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor), ("not", np.invert))},
    **{name: (function, dt.INTEGERS) for name, function in (("shl", np.left_shift), ("shr", np.right_shift))},
    **{name: (function, dt.FLOATS) for name, function in (
        ("div", np.divide), ("copysign", np.copysign), ("floor", np.floor), ("ceil", np.ceil), ("trunc", np.trunc),
        ("rint", np.rint), ("sqrt", np.sqrt), ("nextafter", np.nextafter), ("isnan", np.isnan))},
}  # fmt: skip
TRANSCENDENTAL = {
    **{name: getattr(np, name) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan",
                                            "sinh", "cosh", "tanh", "cbrt", "hypot")},
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "atan2": np.arctan2, "pow": np.power, "erf": special.erf, "erfc": special.erfc, "lgamma": special.gammaln,
    "sigmoid": special.expit,
}  # fmt: skip
EITHER_ZERO = ("o_min", "o_max", "o_nextafter")  # NumPy's choice between -0 and +0 varies with the CPU
SPECIAL_VALUES = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -7.0, 3e-39, 1e-6, 6e-8, 65504.0, np.inf, -np.inf, np.nan)


def values(dtype, rng):
    """Pairs of operands: every pair of special values or limits, then random ones."""
    if dtype == dt.bool_:
        hard = np.array([False, True])
    elif dt.is_float(dtype):
        hard = np.array(SPECIAL_VALUES).astype(dtype)
    else:
        info = np.iinfo(dtype)
        hard = np.array(
            [0, 1, 2, 3, 7, 8, 63, 64, info.max, info.max - 1, info.min, info.min + 1, -1 if info.min else 5], dtype
        )
    x, y = (a.ravel() for a in np.meshgrid(hard, hard))
    some = rng.normal(size=(2, 40)) * 10 if dt.is_float(dtype) else rng.integers(0, 2**62, (2, 40))
    return np.concatenate([x, some[0].astype(dtype)]), np.concatenate([y, some[1].astype(dtype)])


def operand(name, dtype):
    return Load(name, I, dtype)


def apply(name, dtype):
    arity, result = nest.OPS[name]
    return Op(name, tuple(operand(b, dtype) for b in "xyz"[:arity]), dt.bool_ if result == "bool" else dtype)


def kernel_of(results, inputs, size, name="k"):
    """One serial loop storing each expression in an output of its own."""
    buffers = [Buffer(b, d, size, "in") for b, d in inputs.items()]
    buffers += [Buffer(f"o_{b}", e.dtype, size, "out") for b, e in results.items()]
    body = tuple(Store(f"o_{b}", I, e) for b, e in results.items())
    return Kernel(name, tuple(buffers), (For("i", size, body),))


def run(run_kernel, kernel, *arrays, sizes=(), code=Code.OK):
    """Outputs by name; arrays are the `in` and `inout` buffers in order."""
    verify(kernel)
    given = iter(arrays)
    args = [next(given).copy() if b.role != "out" else np.zeros(int(b.size), b.dtype) for b in kernel.buffers]
    assert run_kernel(*args, *sizes) == code
    return {b.name: a for b, a in zip(kernel.buffers, args) if b.role != "in"}


def both(kernel, *arrays, sizes=(), code=Code.OK):
    """The interpreter's outputs, after checking that Numba's are equal to the bit."""
    slow = run(python.interpret(kernel), kernel, *arrays, sizes=sizes, code=code)
    fast = run(python.compile_numba(kernel), kernel, *arrays, sizes=sizes, code=code)
    for name in slow:
        assert_same(fast[name], slow[name], name, sign_of_zero=name not in EITHER_ZERO)
    return slow


def bits(array):
    return array.view(f"u{array.dtype.itemsize}")


def assert_same(got, want, what, sign_of_zero=True):
    """Equal bits, except that any NaN equals any other."""
    assert got.dtype == want.dtype, what
    same = (got == want) | (got != got) & (want != want)
    if sign_of_zero and dt.is_float(got.dtype):
        same &= (np.signbit(got) == np.signbit(want)) | (got != got)
    assert same.all(), f"{what}: {got[~same][:5]} != {want[~same][:5]} at {np.flatnonzero(~same)[:5]}"


def assert_near(got, want, what, ulps, absolute=False):
    same = (got == want) | (got != got) & (want != want)
    ordered = [
        np.where(b < 0, np.iinfo(b.dtype).min - b, b).astype(float) for b in (a.view(f"i{a.itemsize}") for a in (got, want))
    ]
    close = (np.abs(ordered[0] - ordered[1]) <= ulps) & np.isfinite(got)
    if absolute:
        close |= np.abs(got.astype(float) - want.astype(float)) <= 16 * float(ml_dtypes.finfo(got.dtype).eps)
    assert (same | close).all(), f"{what}: {got[~(same | close)][:5]} != {want[~(same | close)][:5]}"


@pytest.mark.parametrize("dtype", EVERY, ids=dt.SHORT.get)
def test_arithmetic_equals_numpy(dtype):
    x, y = values(dtype, np.random.default_rng(1))
    names = [name for name, (_, dtypes) in ARITHMETIC.items() if dtype in dtypes]
    kernel = kernel_of({name: apply(name, dtype) for name in names}, {"x": dtype, "y": dtype}, len(x))
    got = both(kernel, x, y)
    with np.errstate(all="ignore"):
        for name in names:
            function = ARITHMETIC[name][0]
            want = function(*(x, y)[: function.nin])
            want = want.astype(got[f"o_{name}"].dtype)
            assert_same(got[f"o_{name}"], want, name, sign_of_zero=f"o_{name}" not in EITHER_ZERO)


@pytest.mark.parametrize("dtype", dt.FLOATS, ids=dt.SHORT.get)
def test_transcendentals_are_near_numpy(dtype):
    x, y = values(dtype, np.random.default_rng(2))
    kernel = kernel_of({name: apply(name, dtype) for name in TRANSCENDENTAL}, {"x": dtype, "y": dtype}, len(x))
    slow, fast = (run(make(kernel), kernel, x, y) for make in (python.interpret, python.compile_numba))
    wide = [a.astype(F32) if dtype.itemsize == 2 else a for a in (x, y)]
    with np.errstate(all="ignore"):
        for name, function in TRANSCENDENTAL.items():
            want = function(*wide[: nest.OPS[name][0]]).astype(dtype)
            if name == "lgamma":
                want[np.isneginf(x)] = np.inf  # as in C; SciPy's says -inf
            # lgamma crosses zero, where only the absolute error is small; SciPy's erfc is hundreds of units off in its tail.
            assert_near(slow[f"o_{name}"], want, name, 1024 if name == "erfc" else 4, absolute=name == "lgamma")
            assert_near(fast[f"o_{name}"], slow[f"o_{name}"], name, 4, absolute=name == "lgamma")


@pytest.mark.parametrize("dtype", dt.INTEGERS, ids=dt.SHORT.get)
def test_integer_powers_wrap(dtype):
    x, _ = values(dtype, np.random.default_rng(3))
    y = (np.arange(len(x)) % 70).astype(dtype)
    got = both(kernel_of({"pow": apply("pow", dtype)}, {"x": dtype, "y": dtype}, len(x)), x, y)
    assert_same(got["o_pow"], x**y, "pow")


@pytest.mark.parametrize("sources", ((dt.bool_, *dt.SIGNED), dt.UNSIGNED, dt.FLOATS), ids=("signed", "unsigned", "float"))
def test_conversions_are_astype(sources):
    arrays = {}
    for source in sources:
        x, _ = values(source, np.random.default_rng(4))
        if dt.is_float(source):  # what lies beyond the integer's range is left to the CPU
            x = np.concatenate([x[np.isfinite(x) & (abs(x.astype(float)) < 128)], np.linspace(-99, 99, 41).astype(source)])
        arrays[f"x_{dt.SHORT[source]}"] = np.resize(x, 250)
    inputs = {name: x.dtype for name, x in arrays.items()}
    pairs = [(name, d) for name, s in inputs.items() for d in EVERY if not (dt.is_float(s) and dt.KIND[d] == "u")]
    converted = {f"{name}_{dt.SHORT[d]}": Convert(operand(name, inputs[name]), d) for name, d in pairs}
    got = both(kernel_of(converted, inputs, 250), *arrays.values())
    with np.errstate(all="ignore"):
        for name, target in pairs:
            assert_same(got[f"o_{name}_{dt.SHORT[target]}"], arrays[name].astype(target), f"{inputs[name]} to {target}")


def test_conversions_round_once():
    """float64 values beside the ties of float16, where rounding through float32 would go wrong."""
    tie = np.array([1 + 2.0**-11, 1 + 3 * 2.0**-11, 65519.99999999999, 65520.0, 2.0**-25, 3 * 2.0**-25])
    x = np.concatenate([tie, np.nextafter(tie, 0), np.nextafter(tie, np.inf), -tie])
    got = both(kernel_of({"h": Convert(operand("x", F64), dt.float16)}, {"x": F64}, len(x)), x)
    with np.errstate(all="ignore"):
        assert_same(got["o_h"], x.astype(np.float16), "f64 to f16")


def test_every_16_bit_float_survives_and_rounds():
    every = np.arange(2**16, dtype=np.uint16)
    for dtype in (dt.float16, dt.bfloat16):
        x = operand("x", dtype)
        kernel = kernel_of({"same": x, "wide": Convert(x, F32), "bits": Bitcast(x, dt.uint16)}, {"x": dtype}, len(every))
        got = run(python.compile_numba(kernel), kernel, every.view(dtype))
        with np.errstate(invalid="ignore"):
            finite = ~np.isnan(every.view(dtype))
        assert (bits(got["o_same"])[finite] == every[finite]).all() and (got["o_bits"][finite] == every[finite]).all()
        with np.errstate(invalid="ignore"):
            assert_same(got["o_wide"], every.view(dtype).astype(np.float32), str(dtype))
            assert np.isnan(got["o_same"][~finite]).all()


def test_bitcasts():
    x = np.array([0, 1, 0x3C00, 0x7BFF, 0x8001, 0xC123], np.uint16)
    w = np.array([0, 1, 0x3F800000, 0x7F7FFFFF, 0x80000001, 0xC1234567], np.uint32)
    d = np.array([0, 1, 0x3FF0000000000000, 2**63 + 1, 2**62, 5], np.uint64)
    u = {"x": operand("x", dt.uint16), "w": operand("w", dt.uint32), "d": operand("d", dt.uint64)}
    kernel = kernel_of(
        {
            "f16": Bitcast(u["x"], dt.float16), "bf16": Bitcast(u["x"], dt.bfloat16), "f32": Bitcast(u["w"], F32),
            "f64": Bitcast(u["d"], F64), "back": Bitcast(Bitcast(u["x"], dt.bfloat16), dt.int16),
            "sum": Bitcast(Bitcast(u["w"] + 1, F32), dt.int32), "half": Bitcast(Bitcast(u["x"], dt.float16), dt.bfloat16),
        },
        {"x": dt.uint16, "w": dt.uint32, "d": dt.uint64}, 6)  # fmt: skip
    got = both(kernel, x, w, d)
    wants = {"f16": x.view(np.float16), "bf16": x.view(dt.bfloat16), "f32": w.view(np.float32), "f64": d.view(np.float64),
             "back": x.view(np.int16), "sum": (w + np.uint32(1)).view(np.int32), "half": x.view(dt.bfloat16)}  # fmt: skip
    for name, want in wants.items():
        assert_same(got[f"o_{name}"], want, name)


@pytest.mark.parametrize("dtype", (F32, F64), ids=dt.SHORT.get)
def test_fma_rounds_once(dtype):
    rng = np.random.default_rng(5)
    eps, big, tiny = np.finfo(dtype).eps, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    cases = [(1 + eps, 1 + eps, -1), (1 + eps, 1 - eps, -1), (big, 2, -big), (big, 2, 0), (tiny, 0.5, tiny), (tiny, 0.5, 0),
             (1 + eps, 1 + eps, tiny), (1 + eps / 2, 1, eps / 2), (np.inf, 0, 1), (np.inf, 1, -np.inf), (-0.0, 1, -0.0),
             (0, 1, -0.0), (2, 3, -6), (big, big, -np.inf), (1 + eps, 2.0**-24, 1)]  # fmt: skip
    x, y, z = (np.concatenate([hard, more]).astype(dtype) for hard, more in zip(np.array(cases).T, rng.normal(size=(3, 300))))
    z[-150:] = -(x[-150:] * y[-150:])  # what remains is the rounding error of the product
    got = both(kernel_of({"fma": apply("fma", dtype)}, dict.fromkeys("xyz", dtype), len(x)), x, y, z)["o_fma"]
    assert (got[:3] == np.array([2 * eps + eps * eps, -(eps * eps), big], dtype)).all()
    assert got[5] == 0 and np.isnan(got[8]) and np.signbit(got[10]) and not np.signbit(got[11])
    assert (got[-150:] != 0).mean() > 0.9


def test_select_constants_and_indices():
    x = operand("x", dt.int8)
    kernel = kernel_of(
        {
            "select": Op("select", (Op("lt", (x, Const(3, dt.int8)), dt.bool_), x * 100, x - 100), dt.int8),
            "index": Index(3 * I - 7),
            "f32": Const(0.1, F32) * Convert(x, F32),
            "bf16": Const(0.1, dt.bfloat16) + Convert(x, dt.bfloat16),
            "inf": Const(-np.inf, F64),
            "u64": Const(2**64 - 1, dt.uint64),
            "i64": Const(-(2**63), I64),
            "true": Const(True, dt.bool_),
        },
        {"x": dt.int8}, 8)  # fmt: skip
    x = np.arange(8, dtype=np.int8)
    got = both(kernel, x)
    assert_same(got["o_select"], np.where(x < 3, x * np.int8(100), x - np.int8(100)), "select")
    assert got["o_index"].tolist() == [3 * v - 7 for v in range(8)]
    assert_same(got["o_f32"], np.float32(0.1) * x.astype(np.float32), "f32")
    assert_same(got["o_bf16"], dt.bfloat16.type(0.1) + x.astype(dt.bfloat16), "bf16")
    assert (got["o_inf"] == -np.inf).all() and (got["o_u64"] == 2**64 - 1).all() and (got["o_i64"] == -(2**63)).all()
    assert got["o_true"].all()


def row_softmax():
    """One parallel loop over rows, with a scratch row, two accumulators and vector loops inside."""
    n, m = Dim.symbol("n"), Dim.symbol("m")
    at = m * I + J
    top, total = Ref("top", F32), Ref("total", F32)
    body = (
        Declare("top", "max", F32),
        For("j", m, (Accumulate("top", Load("x", at, F32)),), "vector"),
        Scratch("e", F32, m),
        Declare("total", "add", F32),
        For("j", m, (Let("p", nest.op("exp", Load("x", at, F32) - top)), Store("e", J, Ref("p", F32)),
                     Accumulate("total", Ref("p", F32))), "vector"),
        For("j", m, (Store("out", at, Load("e", J, F32) / total),), "vector"),
    )  # fmt: skip
    return Kernel(
        "softmax", (Buffer("x", F32, n * m, "in"), Buffer("out", F32, n * m, "out")), (For("i", n, body, "parallel"),)
    )


def test_nest_with_symbolic_sizes():
    kernel = row_softmax()
    x = np.random.default_rng(6).normal(size=(5, 7)).astype(np.float32)
    want = np.exp(x - x.max(1, keepdims=True))
    want /= want.sum(1, keepdims=True)
    for make in (python.interpret, python.compile_numba):
        out = np.zeros(35, np.float32)
        assert make(kernel)(x.ravel(), out, 7, 5) == 0  # sizes in the order of kernel.symbols: m, n
        np.testing.assert_allclose(out.reshape(5, 7), want, rtol=1e-6)


def reductions(wanted):
    """Vector loops over one array each, all of symbolic size."""
    n = Dim.symbol("n")
    buffers, body = [], []
    for k, (op, dtype) in enumerate(wanted):
        buffers += [Buffer(f"x{k}", dtype, n, "in"), Buffer(f"out{k}", dtype, 1, "inout")]
        body += [Declare(f"acc{k}", op, dtype), For("i", n, (Accumulate(f"acc{k}", operand(f"x{k}", dtype)),), "vector"),
                 Store(f"out{k}", Affine(), Ref(f"acc{k}", dtype))]  # fmt: skip
    return Kernel("reductions", tuple(buffers), tuple(body))


def test_accumulators():
    cases = [
        ("add", dt.int8, np.add), ("mul", dt.uint16, np.multiply), ("min", I64, np.minimum), ("max", dt.float16, np.maximum),
        ("and", dt.int32, np.bitwise_and), ("or", dt.bool_, np.logical_or), ("add", dt.bfloat16, np.add),
        ("mul", F32, np.multiply), ("add", F64, np.add), ("max", dt.bool_, np.logical_or),
    ]  # fmt: skip
    kernel = reductions([case[:2] for case in cases])
    rng = np.random.default_rng(7)
    arrays = [rng.integers(1, 5, 33).astype(dtype) for _, dtype, _ in cases]
    for run_kernel in (python.interpret(kernel), python.compile_numba(kernel)):
        for size in (33, 0):
            outs = [np.zeros(1, dtype) for _, dtype, _ in cases]
            assert run_kernel(*(a for x, out in zip(arrays, outs) for a in (x[:size], out)), size) == 0
            for (op, dtype, function), x, out in zip(cases, arrays, outs):
                assert out[0] == (function.reduce(x, dtype=dtype) if size else nest.identity(op, dtype)), (op, dtype)


def test_float_sums_are_compensated():
    cases = {
        "cancellation": np.array([1e8, 1.0, -1e8] * 100, np.float32),
        "infinite": np.array([np.inf, 1.0], np.float32),
        "overflow": np.array([3e38, 3e38], np.float32),
        "undefined": np.array([np.inf, -np.inf], np.float32),
    }
    wants = {"cancellation": 100.0, "infinite": np.inf, "overflow": np.inf, "undefined": np.nan}
    kernel = reductions([("add", F32)])
    for run_kernel in (python.interpret(kernel), python.compile_numba(kernel)):
        for name, x in cases.items():
            out = np.zeros(1, np.float32)
            run_kernel(x, out, len(x))
            np.testing.assert_equal(out[0], np.float32(wants[name]))


def test_guards_do_not_touch_memory():
    """A shifted window over 4 elements, zero outside: x[i - 2] for i < 8, through a let-bound offset too."""
    inside = Op("and", (Op("ge", (Index(I), Const(2, I64)), dt.bool_), Op("lt", (Index(I), Const(6, I64)), dt.bool_)), dt.bool_)
    far = Load("x", Affine.var("k"), dt.bfloat16, Op("lt", (Ref("k", I64), Const(4, I64)), dt.bool_))
    body = (Let("k", Index(1000 * I)), Store("near", I, Load("x", I - 2, dt.bfloat16, inside)), Store("far", I, far))
    buffers = (Buffer("x", dt.bfloat16, 4, "in"), Buffer("near", dt.bfloat16, 8, "out"), Buffer("far", dt.bfloat16, 8, "out"))
    got = both(Kernel("window", buffers, (For("i", 8, body, "flat"),)), np.arange(1, 5).astype(dt.bfloat16))
    assert got["near"].astype(float).tolist() == [0, 0, 1, 2, 3, 4, 0, 0]
    assert got["far"].astype(float).tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("kind", ("serial", "parallel"))
def test_checks_report_their_code(kind):
    at = Load("index", I, I64)
    ok = Op("and", (Op("le", (Const(0, I64), at), dt.bool_), Op("lt", (at, Const(5, I64)), dt.bool_)), dt.bool_)
    body = (Check(ok, Code.INDEX), Let("k", at), Store("out", I, Load("x", Affine.var("k"), F32) * Ref("scale", F32)))
    buffers = (Buffer("x", F32, 5, "in"), Buffer("index", I64, 6, "in"), Buffer("out", F32, 6, "out"))
    kernel = Kernel("take", buffers, (Let("scale", Const(2, F32)), For("i", 6, body, kind)))
    x = np.arange(5, dtype=np.float32)
    assert both(kernel, x, np.array([4, 3, 2, 1, 0, 0]))["out"].tolist() == [8, 6, 4, 2, 0, 0]
    for make in (python.interpret, python.compile_numba):
        run(make(kernel), kernel, x, np.array([4, 3, 5, 1, 0, -1]), code=Code.INDEX)


def test_branches_rescue_and_awkward_names():
    x = operand("in", F64)
    rescued = Rescue(Op("gt", (Op("abs", (x,), F64), Const(100, F64)), dt.bool_), x * 2, "sin", (x,))
    body = (
        Let("range", x + x),
        If(Op("gt", (x, Const(0, F64)), dt.bool_), (Store("lambda", Affine.var("i"), Ref("range", F64) * rescued),)),
        If(Op("lt", (x, Const(-1e9, F64)), dt.bool_), ()),
    )
    buffers = (Buffer("in", F64, 3, "in"), Buffer("lambda", F64, 3, "inout"))
    kernel = Kernel("np", buffers, (For("i", 3, body),))
    x = np.array([1.0, -1.0, 1000.0])
    got = both(kernel, x, np.full(3, 7.0))["lambda"]
    np.testing.assert_allclose(got, [4, 7, 2000 * np.sin(1000)], rtol=1e-15)


def test_source_reads_as_numba():
    x = operand("x", F32)
    kernel = kernel_of({"y": x * 0.5 + nest.op("floordiv", x, 3.0)}, {"x": F32}, Dim.symbol("n"), name="half")
    source = python.emit(kernel, numba=True)
    assert source.startswith(
        'import numba\nimport numpy as np\n\n\n@numba.njit(error_model="numpy")\ndef float_floordiv(a, b):\n'
    )
    assert source.endswith(
        "# kernel half(x: in f32[n], o_y: out f32[n]; n)\n"
        '@numba.njit(error_model="numpy", nogil=True)\n'
        "def half(x, o_y, n):\n"
        "    for i in range(n):\n"
        "        t0 = x[i]\n"
        "        o_y[i] = t0 * np.float32(0.5) + np.float32(float_floordiv(t0, np.float32(3.0)))\n"
        "    return 0\n"
    )


def test_names_may_be_used_again():
    """An accumulator's name, once out of scope, for a scalar of another dtype; a loop index for another loop."""
    first = (Declare("a", "add", F32), For("i", 4, (Accumulate("a", operand("x", F32)),)), Store("out", J, Ref("a", F32)))
    again = (Let("a", Index(J + 1)), Store("out", J + 2, Load("out", J, F32) + Convert(Ref("a", I64), F32)))
    loops = (For("j", 2, first), For("j", 2, again), For("i", 2, (Store("out", I + 4, operand("x", F32)),), "vector"))
    kernel = Kernel("k", (Buffer("x", F32, 4, "in"), Buffer("out", F32, 6, "out")), loops)
    assert both(kernel, np.arange(4, dtype=np.float32))["out"].tolist() == [6, 6, 7, 8, 0, 1]


def test_wrong_arguments_teach():
    call = python.interpret(kernel_of({"y": operand("x", F32)}, {"x": F32}, 4))
    x = np.zeros(4, np.float32)
    with pytest.raises(ArgumentError, match="wrong number of arguments"):
        call(x)
    with pytest.raises(DTypeError, match="flat array for x"):
        call(x.astype(np.float64), x)
    with pytest.raises(DTypeError, match="flat array for o_y"):
        call(x, x.reshape(2, 2))


@pytest.mark.parametrize("name, dtype", [("div", dt.int32), ("sin", I64), ("sub", dt.bool_)])
def test_undefined_operations_are_refused(name, dtype):
    with pytest.raises(CompileError, match=f"{name} is not defined on {dtype}"):
        python.emit(kernel_of({"y": apply(name, dtype)}, {"x": dtype, "y": dtype}, 4))
