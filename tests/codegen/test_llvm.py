"""Loop nests as machine code, against the language's definition (`codegen.python.interpret`), NumPy and `math.fsum`."""

import math

import numpy as np
import pytest

from hybrid.codegen import estimate
from hybrid.codegen.llvm import emit_kernel, emit_module
from hybrid.codegen.python import interpret
from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim
from hybrid.loops.nest import (
    Accumulate,
    Buffer,
    Check,
    Code,
    Const,
    Convert,
    Declare,
    Expr,
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
    identity,
    op,
    select,
)

F, D, L = dt.float32, dt.float64, dt.int64
I, J, K = Affine.var("i"), Affine.var("j"), Affine.var("k")
N, M = Dim.symbol("n"), Dim.symbol("m")
SIZES = (0, 1, 7, 16, 17, 31, 64, 1000)
RNG = np.random.default_rng(3)


def randoms(count: int, dtype: np.dtype = F) -> np.ndarray:
    return (RNG.standard_normal(count) * 3).astype(dtype)


def pieces(count: int) -> str:
    """A stand-in for the threads: `@hybrid_parallel` cuts every range into `count` pieces and runs them backwards."""
    return f"""
define internal void @hybrid_parallel(ptr %task, i64 %extent, i64 %grain, ptr %data) {{
entry:
  br label %loop
loop:
  %left = phi i64 [ {count}, %entry ], [ %piece, %loop ]
  %piece = sub i64 %left, 1
  %a = mul i64 %piece, %extent
  %low = udiv i64 %a, {count}
  %b = mul i64 %left, %extent
  %high = udiv i64 %b, {count}
  call void %task(i64 %low, i64 %high, ptr %data)
  %more = icmp ugt i64 %piece, 0
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""


def check(compiled, kernel: Kernel, *args, target=None, parallel=None, exact: bool = True) -> None:
    """Machine code writes what the interpreter writes."""
    ours = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    theirs = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    assert compiled(kernel, target, parallel)(*ours) == interpret(kernel)(*theirs)
    for buffer, got, expected in zip(kernel.buffers, ours, theirs):
        if exact:
            np.testing.assert_array_equal(got, expected, err_msg=buffer.name)
        else:
            np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6, err_msg=buffer.name)


def map_kernel(value: Expr, count, kind: str = "vector", **inputs) -> Kernel:
    buffers = [Buffer(name, dtype, size, "in") for name, (dtype, size) in inputs.items()]
    return Kernel(
        "k", (*buffers, Buffer("out", value.dtype, count, "out")), (For("i", count, (Store("out", I, value),), kind),)
    )


# Vector loops


@pytest.mark.parametrize("kind", ("serial", "vector", "flat"))
def test_symbolic_extents_and_tails(compiled, target, kind):
    kernel = map_kernel(Load("x", I, F) * 2 + Convert(Index(I), F), N, kind, x=(F, N))
    run = compiled(kernel, target, pieces(3))
    for n in SIZES:
        x, out = randoms(n), np.zeros(n + 1, F)
        assert run(x, out, n) == 0
        np.testing.assert_array_equal(out[:n], x * 2 + np.arange(n, dtype=F))
        assert out[n] == 0, "wrote past the end"


@pytest.mark.parametrize("n", (1, 2, 3, 5, 8, 16, 17, 37))
def test_static_extents(compiled, target, n):
    kernel = map_kernel(Load("x", I, D) * Load("x", I, D), n, x=(D, n))
    check(compiled, kernel, randoms(n, D), np.zeros(n), target=target)


@pytest.mark.parametrize("dtype", (dt.bool_, dt.uint8, dt.float16, dt.bfloat16, F, D), ids=dt.SHORT.get)
def test_strides(compiled, target, dtype):
    """Consecutive, backwards, strided, broadcast and symbolic steps through memory, read and written."""
    n = 37
    x = (randoms(4 * n) > 0) if dtype == dt.bool_ else (randoms(4 * n) * 10).astype(dtype)
    offsets = {"a": I + 3, "b": I * -1 + (n - 1), "c": 2 * I, "d": Affine(None, 5), "e": I * -3 + 3 * n, "f": I * M,
               "g": 3 * I + 2, "k": 4 * I}  # fmt: skip
    buffers = [Buffer("x", dtype, 4 * n, "in"), *(Buffer(name, dtype, 4 * n, "out") for name in (*offsets, "s", "t"))]
    stores = [Store(name, I, Load("x", offset, dtype)) for name, offset in offsets.items()]
    stores += [Store("s", I * -1 + (n - 1), Load("x", I, dtype)), Store("t", I * M, Load("x", I, dtype))]
    kernel = Kernel("k", tuple(buffers), (For("i", n, tuple(stores), "vector"),))
    check(compiled, kernel, x, *(np.zeros(4 * n, dtype) for _ in range(10)), 4, target=target)


def test_gather_and_scatter(compiled, target):
    n = 41
    index = RNG.permutation(n)
    body = (
        Let("at", Convert(Load("index", I, dt.int32), L)),
        Store("out", Affine.var("at") + 1, Load("x", Affine.var("at") * 2, F)),
    )
    buffers = (Buffer("index", dt.int32, n, "in"), Buffer("x", F, 2 * n, "in"), Buffer("out", F, n + 1, "out"))
    check(compiled, Kernel("k", buffers, (For("i", n, body, "vector"),)), index.astype(np.int32), randoms(2 * n),
          np.zeros(n + 1, F), target=target)  # fmt: skip


def test_guarded_loads_do_not_touch_memory(compiled, target):
    """Padding: x[i - 3] inside, 0 outside, along, against and across the vector; and a guard the same for all lanes."""
    n = 40
    inside = (Index(I) >= 3) & (Index(I) < n + 3)
    never = Index(J) > 10**6
    far = 1 << 40
    values = (
        Load("x", I - 3, F, inside),
        Load("x", I * -1 + (n + 2), F, inside),
        Load("x", I * 2 - 6, F, (Index(I) >= 3) & (Index(I) < n // 2)),
        Load("x", I + far, F, never),
        Load("x", Affine(None, far), F, never),
        Load("x", J * far, F, Index(I) < 3) * 1,
        Load("x", I * 7 + far, F, never),
    )
    stores = tuple(Store("out", (n + 6) * at + I, value) for at, value in enumerate(values))
    kernel = Kernel(
        "k",
        (Buffer("x", F, n, "in"), Buffer("out", F, (n + 6) * 7, "out")),
        (For("j", 1, (For("i", n + 6, stores, "vector"),)),),
    )
    check(compiled, kernel, randoms(n), np.zeros((n + 6) * 7, F), target=target)


def test_uniform_values_inside_a_vector_loop(compiled, target):
    n = 33
    value = op("sqrt", Load("s", Affine(), F)) + select(Load("s", Affine(), F) > 2, Load("x", I, F), 1.0)
    for s in (1.5, 4.0):
        check(compiled, map_kernel(value, n, s=(F, 1), x=(F, n)), np.array([s], F), randoms(n), np.zeros(n, F), target=target)


@pytest.mark.parametrize("columns", (37, 150, N), ids=str)
def test_serial_loop_inside_a_vector_loop(compiled, target, columns):
    """Column sums: one accumulator for each lane; a short inner loop is written out, a long one folded in blocks."""
    for rows in (3, 16, 100, M):
        body = (
            Declare("s", "add", F),
            For("i", rows, (Accumulate("s", Load("x", I * columns + J, F)),)),
            Store("out", J, Ref("s", F)),
        )
        buffers = (Buffer("x", F, rows * columns, "in"), Buffer("out", F, columns, "out"))
        kernel = Kernel("k", buffers, (For("j", columns, body, "vector"),))
        sizes = {"m": 100, "n": 150}
        count, width = (size if isinstance(size, int) else size.evaluate(sizes) for size in (rows, columns))
        x, out = randoms(count * width), np.zeros(width, F)
        assert compiled(kernel, target)(x, out, *(sizes[name] for name in kernel.symbols)) == 0
        np.testing.assert_allclose(out, x.reshape(count, width).sum(0, dtype=D), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("kind", ("serial", "vector"))
def test_conditional_statements(compiled, target, kind):
    """A condition that varies masks the statements under it: stores, loads, inner loops, sums."""
    n, far = 29, 1 << 40
    x = Load("x", I, F)
    inner = For("k", 3, (Store("out", I * 3 + K, Load("x", I, F) * Convert(Index(K), F)),))
    body = (
        If(x > 0, (Let("y", x * 2), Accumulate("s", Ref("y", F)), inner, If(Index(I) < 4, (Store("first", I, Ref("y", F)),)))),
        If(Index(I) > 10**6, (Store("first", I, Load("x", Affine(None, far), F) + Load("x", I + far, F)),)),
        If(Load("x", Affine(), F) > 10, (Store("first", I, x),)),
    )
    kernel = Kernel(
        "k",
        (Buffer("x", F, n, "in"), Buffer("out", F, 3 * n, "out"), Buffer("first", F, n, "out"), Buffer("sum", F, 1, "out")),
        (Declare("s", "add", F), For("i", n, body, kind), Store("sum", Affine(), Ref("s", F))),
    )
    check(compiled, kernel, randoms(n), np.zeros(3 * n, F), np.zeros(n, F), np.zeros(1, F), target=target, exact=False)


# Elementary functions and rescue


@pytest.mark.parametrize("dtype", dt.FLOATS, ids=dt.SHORT.get)
def test_elementary_functions(compiled, target, dtype):
    names = ("exp", "log", "sin", "tanh", "sigmoid", "pow", "atan2", "fmod", "hypot", "lgamma", "mod", "floordiv", "cbrt")
    n = 19
    x, y = (abs(randoms(n, D)) + 0.5).astype(dtype), (abs(randoms(n, D)) + 0.25).astype(dtype)
    two = ("pow", "atan2", "fmod", "hypot", "mod", "floordiv")
    operands = (Load("x", I, dtype), Load("y", I, dtype))
    stores = tuple(Store("out", I + n * at, Op(name, operands[: 1 + (name in two)], dtype)) for at, name in enumerate(names))
    buffers = (Buffer("x", dtype, n, "in"), Buffer("y", dtype, n, "in"), Buffer("out", dtype, n * len(names), "out"))
    kernel = Kernel("k", buffers, (For("i", n, stores, "vector"),))
    ours, theirs = np.zeros(n * len(names), dtype), np.zeros(n * len(names), dtype)
    compiled(kernel, target)(x, y, ours)
    interpret(kernel)(x, y, theirs)
    tolerance = 8 * float(dt.ml_dtypes.finfo(dtype).eps)
    np.testing.assert_allclose(ours.astype(D), theirs.astype(D), rtol=tolerance, atol=tolerance)


def test_a_lane_alone_gives_what_a_vector_gives(compiled, target):
    """Values do not depend on where in the vector, or in the tail, they fall."""
    value = op("exp", Load("x", I, F)) / op("tanh", Load("x", I, F)) + op("pow", Load("x", I, F), 2.5)
    run = compiled(map_kernel(value, N, x=(F, N)), target)
    x = randoms(97)
    whole = np.zeros(97, F)
    run(x, whole, 97)
    for n in range(1, 18):
        part = np.zeros(n, F)
        run(x[97 - n :].copy(), part, n)
        np.testing.assert_array_equal(part.view(np.int32), whole[97 - n :].view(np.int32))


@pytest.mark.parametrize("hard", (0, 1, 33))
def test_rescue(compiled, target, hard):
    """Only the lanes in trouble get the platform's function, in vectors, tails and scalar code."""
    n = 33
    x = np.ones(n, F)
    x[RNG.permutation(n)[:hard]] = 9.0
    value = Rescue(Load("x", I, F) > 5, Load("x", I, F) * 100, "cbrt", (Load("x", I, F),))
    out = np.zeros(n, F)
    compiled(map_kernel(value, n, x=(F, n)), target)(x, out)
    np.testing.assert_allclose(out, np.where(x > 5, np.cbrt(x), x * 100), rtol=1e-6)


# Accumulators


@pytest.mark.parametrize("dtype", tuple(d for d in dt.ALL if not dt.is_complex(d)), ids=dt.SHORT.get)
def test_accumulators(compiled, target, dtype):
    """Every operator over every dtype, at every size."""
    operators = ("add", "mul", "min", "max") + (() if dt.is_float(dtype) else ("and", "or"))
    body = tuple(Accumulate(name, Load("x", I, dtype)) for name in operators)
    kernel = Kernel(
        "k",
        (Buffer("x", dtype, N, "in"), Buffer("out", dtype, len(operators), "out")),
        (*(Declare(name, name, dtype) for name in operators), For("i", N, body, "vector"),
         *(Store("out", Affine(None, at), Ref(name, dtype)) for at, name in enumerate(operators))),
    )  # fmt: skip
    run = compiled(kernel, target)
    reducers = {
        "add": np.add,
        "mul": np.multiply,
        "min": np.minimum,
        "max": np.maximum,
        "and": np.bitwise_and,
        "or": np.bitwise_or,
    }
    for n in SIZES:
        x = randoms(n) > 0 if dtype == dt.bool_ else (randoms(n) / 3 + 1).astype(np.int64).astype(dtype)
        out = np.zeros(len(operators), dtype)
        assert run(x, out, n) == 0
        for name, got in zip(operators, out):
            working = x.astype(D) if dt.is_float(dtype) else x
            start = identity(name, dtype)
            with np.errstate(all="ignore"):
                expected = reducers[name].reduce(working, dtype=working.dtype, initial=start).astype(dtype)
            np.testing.assert_equal(got, expected, err_msg=f"{name} of {n}")


def sum_kernel(dtype: np.dtype, n, kind: str = "vector") -> Kernel:
    body = (
        Declare("s", "add", dtype),
        For("i", n, (Accumulate("s", Load("x", I, dtype)),), kind),
        Store("out", Affine(), Ref("s", dtype)),
    )
    return Kernel("k", (Buffer("x", dtype, n, "in"), Buffer("out", dtype, 1, "out")), body)


@pytest.mark.parametrize("kind", ("vector", "serial"))
@pytest.mark.parametrize("dtype", (F, D), ids=dt.SHORT.get)
def test_sums_are_as_accurate_as_pairwise(compiled, target, dtype, kind):
    run = compiled(sum_kernel(dtype, N, kind), target)
    eps = float(np.finfo(dtype).eps)
    for n in (100, 1000, 1_000_000):
        for values in (randoms(n, D), RNG.random(n), np.full(n, 0.1), randoms(n, D) * 10.0 ** RNG.integers(-6, 6, n)):
            x, out = values.astype(dtype), np.zeros(1, dtype)
            run(x, out, n)
            exact = math.fsum(x)
            # Blocks add 16 terms in sequence and 6 levels of a tree: well inside NumPy's (16 + 3 + log2(n/128)) eps sum|x|.
            error, bound = abs(float(out[0]) - exact), 0.25 * eps * float(abs(x).sum(dtype=D)) + eps * abs(exact)
            assert error <= max(bound, abs(float(x.sum()) - exact)), (n, error, bound)


def test_sums_cancel_exactly_between_blocks(compiled, target):
    n = 1 << 16
    x = np.zeros(n, F)
    x[0], x[5000], x[n - 1] = 1e20, 1.0, -1e20
    out = np.zeros(1, F)
    compiled(sum_kernel(F, N), target)(x, out, n)
    assert out[0] == 1.0


@pytest.mark.parametrize("kind", ("vector", "serial"))
def test_sums_of_special_values(compiled, target, kind):
    run = compiled(sum_kernel(F, N, kind), target)
    for special, expected in (
        ([np.inf], np.inf),
        ([-np.inf, -np.inf], -np.inf),
        ([np.inf, -np.inf], np.nan),
        ([np.nan], np.nan),
        ([3e38, 3e38], np.inf),
    ):
        for at in (0, 4000):
            x, out = np.ones(5000, F), np.zeros(1, F)
            x[at : at + 17 * len(special) : 17] = special
            run(x, out, 5000)
            np.testing.assert_equal(out[0], np.float32(expected))
    out = np.full(1, 7, F)
    run(np.full(3, -0.0, F), out, 3)
    assert str(out[0]) == "0.0"  # as np.sum


def test_minimum_and_maximum_keep_nan(compiled, target):
    for name in ("min", "max"):
        kernel = Kernel(
            "k",
            (Buffer("x", F, N, "in"), Buffer("out", F, 1, "out")),
            (
                Declare("m", name, F),
                For("i", N, (Accumulate("m", Load("x", I, F)),), "vector"),
                Store("out", Affine(), Ref("m", F)),
            ),
        )
        run = compiled(kernel, target)
        for at in (0, 17, 99):
            x, out = randoms(100), np.zeros(1, F)
            x[at] = np.nan
            run(x, out, 100)
            assert np.isnan(out[0])


def test_accumulator_across_nested_loops(compiled, target):
    """A sum over two axes, and a sum that two loops in sequence add to."""
    rows, columns = 5, 70
    total = (Declare("s", "add", F), Declare("m", "max", F))
    inner = For(
        "j", columns, (Accumulate("s", Load("x", I * columns + J, F)), Accumulate("m", Load("x", I * columns + J, F))), "vector"
    )
    again = For("j", columns, (Accumulate("s", Load("x", J, F)),), "vector")
    stores = (Store("out", Affine(), Ref("s", F)), Store("out", Affine(None, 1), Ref("m", F)))
    body = (
        *total,
        For("i", rows, (inner,)),
        *stores,
        again,
        Accumulate("s", Const(1.5, F)),
        Store("out", Affine(None, 2), Ref("s", F)),
    )
    kernel = Kernel("k", (Buffer("x", F, rows * columns, "in"), Buffer("out", F, 3, "out")), body)
    check(compiled, kernel, randoms(rows * columns), np.zeros(3, F), target=target, exact=False)


def test_running_total_in_a_serial_loop(compiled, target):
    """A serial loop may read what it has accumulated so far: cumulative sums and maxima."""
    n = 50
    body = (
        Accumulate("s", Load("x", I, F)),
        Accumulate("m", Load("x", I, F)),
        Store("sums", I, Ref("s", F)),
        Store("tops", I, Ref("m", F)),
    )
    kernel = Kernel(
        "k",
        (Buffer("x", F, n, "in"), Buffer("sums", F, n, "out"), Buffer("tops", F, n, "out")),
        (Declare("s", "add", F), Declare("m", "max", F), For("i", n, body)),
    )
    check(compiled, kernel, randoms(n), np.zeros(n, F), np.zeros(n, F), target=target, exact=False)
    with pytest.raises(CompileError, match="read inside the vector loop"):
        loop = For("i", n, body, "vector")
        emit_kernel(Kernel("k", kernel.buffers, (*kernel.body[:2], loop)), host())


def softmax(rows, columns, kind: str) -> Kernel:
    at = I * columns + J
    body = (
        Declare("top", "max", F),
        For("j", columns, (Accumulate("top", Load("x", at, F)),), "vector"),
        Scratch("e", F, columns),
        Declare("sum", "add", F),
        For("j", columns, (Let("v", op("exp", Load("x", at, F) - Ref("top", F))), Store("e", J, Ref("v", F)),
                           Accumulate("sum", Ref("v", F))), "vector"),
        For("j", columns, (Store("out", at, Load("e", J, F) / Ref("sum", F)),), "vector"),
    )  # fmt: skip
    buffers = (Buffer("x", F, rows * columns, "in"), Buffer("out", F, rows * columns, "out"))
    return Kernel("softmax", buffers, (For("i", rows, body, kind),))


@pytest.mark.parametrize("columns", (10, 1000, 40_000))
def test_softmax_rows_with_scratch(compiled, target, columns):
    x = randoms(4 * columns)
    for kernel, sizes in ((softmax(4, columns, "parallel"), ()), (softmax(M, N, "parallel"), (4, columns))):
        out = np.zeros_like(x)
        assert compiled(kernel, target, pieces(3))(x, out, *sizes) == 0
        e = np.exp((x - x.reshape(4, -1).max(1).repeat(columns)).astype(D)).reshape(4, -1)
        np.testing.assert_allclose(out.reshape(4, -1), e / e.sum(1, keepdims=True), rtol=2e-6)


# Checks, threads


@pytest.mark.parametrize("kind", ("serial", "vector", "flat", "parallel"))
def test_checks(compiled, target, kind):
    n = 70_000
    good = (Load("index", I, L) >= 0) & (Load("index", I, L) < 4)
    body = (Let("at", Load("index", I, L)), Check(good, Code.INDEX), Store("out", I, Load("x", Affine.var("at"), F)))
    buffers = (Buffer("index", L, n, "in"), Buffer("x", F, 4, "in"), Buffer("out", F, n, "out"))
    run = compiled(Kernel("k", buffers, (For("i", n, body, kind),)), target)
    x, index, out = randoms(4), RNG.integers(0, 4, n), np.zeros(n, F)
    assert run(index, x, out) == Code.OK
    np.testing.assert_array_equal(out, x[index])
    for at in (0, 1234, n - 1):
        broken = index.copy()
        broken[at] = 1 << 50
        assert run(broken, x, out) == Code.INDEX


def test_uniform_check_in_a_masked_branch(compiled, target):
    body = (If(Load("x", I, F) > 0, (Check(Load("ok", Affine(), F) > 0, Code.INDEX), Store("out", I, Load("x", I, F)))),)
    kernel = Kernel(
        "k", (Buffer("x", F, 20, "in"), Buffer("ok", F, 1, "in"), Buffer("out", F, 20, "out")), (For("i", 20, body, "vector"),)
    )
    run = compiled(kernel, target)
    assert run(-np.ones(20, F), np.zeros(1, F), np.zeros(20, F)) == Code.OK
    assert run(np.ones(20, F), np.zeros(1, F), np.zeros(20, F)) == Code.INDEX


def two_stage_sum(n: int, block: int) -> Kernel:
    """Partial sums in parallel into scratch, then their sum; a name bound outside is used inside."""
    partial = (
        Declare("s", "add", F),
        For("j", block, (Accumulate("s", Load("x", I * block + J, F) * Ref("scale", F)),), "vector"),
        Store("partial", I, Ref("s", F)),
    )
    body = (
        Let("scale", Load("scale", Affine(), F) + 1),
        Scratch("partial", F, n // block),
        For("i", n // block, partial, "parallel"),
        Declare("t", "add", F),
        For("i", n // block, (Accumulate("t", Load("partial", I, F)),), "vector"),
        Store("out", Affine(), Ref("t", F)),
        For("i", n, (Store("y", I, Load("x", I, F) - Ref("t", F)),), "flat"),
    )
    buffers = (Buffer("x", F, n, "in"), Buffer("scale", F, 1, "in"), Buffer("out", F, 1, "out"), Buffer("y", F, n, "out"))
    return Kernel("k", buffers, body)


def test_results_do_not_depend_on_the_number_of_threads(compiled, target):
    n = 1 << 18
    kernel, x, scale = two_stage_sum(n, 4096), randoms(n), np.ones(1, F)
    results = []
    for parallel in (None, pieces(1), pieces(2), pieces(7)):
        out, y = np.zeros(1, F), np.zeros(n, F)
        assert compiled(kernel, target, parallel)(x, scale, out, y) == 0
        results.append((out[0], y.tobytes()))
    assert all(result == results[0] for result in results)
    assert results[0][0] == pytest.approx(2 * x.sum(dtype=D), abs=1e-2)


def test_threads_run_the_engine_s_pool(compiled):
    n = 1 << 20
    kernel = map_kernel(op("exp", Load("x", I, F)) - 1, n, "flat", x=(F, n))
    x, out = randoms(n), np.zeros(n, F)
    assert compiled(kernel)(x, out) == 0
    np.testing.assert_allclose(out, np.exp(x.astype(D)) - 1, rtol=1e-4, atol=1e-6)


def test_short_loops_stay_on_one_thread():
    assert "hybrid_parallel" not in emit_kernel(map_kernel(Load("x", I, F) + 1, 1000, "flat", x=(F, 1000)), host())
    assert "hybrid_parallel" in emit_kernel(map_kernel(Load("x", I, F) + 1, 10**6, "flat", x=(F, 10**6)), host())
    assert "hybrid_parallel" in emit_kernel(map_kernel(Load("x", I, F) + 1, N, "flat", x=(F, N)), host())


def test_scratch_that_cannot_be_allocated(compiled, target):
    at = (Let("at", Load("index", I, L)), Store("s", Affine.var("at"), Convert(Index(I), F)))
    read = (Let("at", Load("index", I, L)), Store("out", I, Load("s", Affine.var("at"), F)))
    buffers = (Buffer("index", L, 9, "in"), Buffer("out", F, 9, "out"))
    run = compiled(Kernel("k", buffers, (Scratch("s", F, N), For("i", 9, at), For("i", 9, read))), target)
    index, out = RNG.permutation(9), np.zeros(9, F)
    assert run(index, out, 1 << 58) == Code.MEMORY
    assert (out == 0).all()
    assert run(index, out, 9) == Code.OK
    np.testing.assert_array_equal(out, np.arange(9))


# Text


def test_large_shared_expressions(compiled):
    """Six thousand nodes in one statement: each shared node once, in linear time."""
    layer: list[Expr] = [Load("x", I * 50 + at, F) for at in range(50)]
    for _ in range(40):
        layer = [(a + b) * 0.5 for a, b in zip(layer, layer[1:] + layer[:1])]
    total = layer[0]
    for value in layer[1:]:
        total = total + value
    kernel = map_kernel(total, 8, x=(F, 400))
    text = emit_kernel(kernel, host())
    assert text.count("fadd") == 40 * 50 + 49
    check(compiled, kernel, randoms(400), np.zeros(8, F))


def test_deep_expressions():
    """Ten thousand operations, each on the one before: no recursion."""
    value: Expr = Load("x", I, F)
    for _ in range(5000):
        value = (value + value) * 0.5
    text = emit_kernel(map_kernel(value, 64, x=(F, 64)), host())
    assert text.count("fadd") == text.count("fmul") == 5000


def test_emission_is_deterministic():
    kernel = two_stage_sum(1 << 18, 4096)
    assert emit_kernel(kernel, host()) == emit_kernel(two_stage_sum(1 << 18, 4096), host())


def test_modules_declare_once():
    a = emit_kernel(map_kernel(op("floor", Load("x", I, F)), 4, x=(F, 4)), host())
    b = a.replace("@k(", "@other(")
    module = emit_module(
        [a, b, "define void @mine() {\n  ret void\n}"], ["declare void @mine()", "declare double @sin(double)"]
    )
    assert module.count("declare <4 x float> @llvm.floor.v4f32") == 1
    assert "declare void @mine" not in module
    assert "declare double @sin(double)" in module


def test_malformed_nests_are_refused():
    cases = {
        "not in scope": map_kernel(Ref("nothing", F), 4),
        "another dtype": Kernel(
            "k", (Buffer("out", F, 1, "out"),), (Let("a", Const(1, D)), Store("out", Affine(), Ref("a", F)))
        ),
        "no such array": map_kernel(Load("nothing", I, F), 4),
        "not declared": Kernel("k", (), (Accumulate("nothing", Const(1, F)),)),
    }
    for message, kernel in cases.items():
        with pytest.raises(CompileError, match=message):
            emit_kernel(kernel, host())


def test_lanes_follow_what_a_loop_computes():
    target = host()

    def lanes(value: Expr, extent=N) -> int:
        return estimate.lanes(For("i", extent, (Store("out", I, value),), "vector"), target)

    x, wide = Load("x", I, F), Load("x", I, D)
    assert lanes(x * 2) == target.lanes(F)
    assert lanes(wide * 2) == target.lanes(D)
    assert lanes(Convert(Load("x", I, dt.uint8), F) * 2) == target.lanes(F)
    assert lanes(Load("x", I, dt.uint8)) == target.lanes(dt.uint8)
    assert lanes(Load("x", I, dt.float16) * 2) == target.lanes(F)
    assert lanes(x * 2, 1) == 1
    assert lanes(x * 2, 3) <= 4
    assert estimate.lanes(For("i", N, (Store("out", Affine(), x),), "vector"), target) == 1


def test_short_loops_in_one_another_are_not_all_written_out():
    def nest(depth: int) -> For:
        at = sum((Affine.var(f"i{k}") * 2**k for k in range(depth)), Affine())
        body: tuple = (Store("out", at, Load("x", at, F)),)
        for k in range(depth):
            body = (For(f"i{k}", 2, body),)
        return body[0]

    assert estimate.unrolls_fully(nest(2))
    assert not estimate.unrolls_fully(nest(12))
