"""While, If-else, variables, sizes of the kernel's own, threads inside serial loops: every reader is the interpreter."""

import numpy as np
import pytest

from hybrid.codegen import estimate
from hybrid.codegen.llvm import emit_kernel, emit_module
from hybrid.codegen.python import compile_numba, interpret
from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim
from hybrid.loops.nest import (
    Accumulate,
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
    Ref,
    Scratch,
    Store,
    While,
    op,
    select,
)
from hybrid.loops.verify import verify
from hybrid.runtime import engine

D, L, U, B = dt.float64, dt.int64, dt.uint32, dt.bool_
I, J, K = (Affine.var(name) for name in "ijk")
N, M = Dim.symbol("n"), Dim.symbol("m")
ZERO = Affine.of(0)
RNG = np.random.default_rng(5)


def cell(name, dtype=D):
    return Load(name, ZERO, dtype)


def put(name, value):
    return Store(name, ZERO, value)


def agree(compiled, kernel, *args, target=None, numba=True, tolerance=0.0):
    """Every reader gives the code and the arrays of the interpreter, which are returned."""
    verify(kernel)
    runs = [interpret(kernel), compiled(kernel, target)] + [compile_numba(kernel)] * numba
    results = []
    for run in runs:
        own = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        results.append((run(*own), own))
    code, expected = results[0]
    for other, got in results[1:]:
        assert other == code
        for buffer, a, b in zip(kernel.buffers, got, expected):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=0, err_msg=buffer.name)
    return code, expected


def newton():
    x, a = cell("x"), Load("a", I, D)
    step = While((Let("error", op("abs", x * x - a)),), Ref("error", D) > a * 1e-12, (put("x", 0.5 * (x + a / x)),))
    body = (put("x", a), step, Store("out", I, x))
    return Kernel("k", (Buffer("a", D, N, "in"), Buffer("out", D, N, "out")), (Scratch("x", D, 1), For("i", N, body)))


def test_while(compiled, target):
    a = RNG.random(20) * 100 + 1
    _, (_, out, _) = agree(compiled, newton(), a, np.zeros(20), 20, target=target)
    np.testing.assert_allclose(out, np.sqrt(a), rtol=1e-12)


def test_while_that_never_runs_and_one_without_a_test(compiled):
    body = (
        Scratch("s", L, 1),
        put("s", Const(7, L)),
        While((), Const(False, B), (put("s", Const(0, L)),)),
        While((), cell("s", L) < 100, (put("s", cell("s", L) * 2),)),
        put("out", cell("s", L)),
    )
    code, (out,) = agree(compiled, Kernel("k", (Buffer("out", L, 1, "out"),), body), np.zeros(1, int))
    assert code == 0 and out[0] == 112


def test_accumulators_of_a_while(compiled, target):
    """Added to in the body, in the test and under branches; read inside, and of more terms than a block."""
    s = cell("s", L)
    body = (
        Scratch("s", L, 1),
        put("s", Const(0, L)),
        Declare("total", "add", D),
        Declare("most", "max", L),
        Accumulate("total", Const(0.25, D)),
        While(
            (Declare("odd", "add", L), Accumulate("odd", s & 1), Accumulate("most", (s * 37) & 63)),
            s < Index(Affine.of(N)),
            (
                Accumulate("odd", Const(10, L)),
                If(op("eq", Ref("odd", L), 11), (Accumulate("total", Const(0.1, D)),), (Accumulate("total", Const(1e9, D)),)),
                put("s", s + 1),
                Store("seen", ZERO, Ref("total", D)),
            ),
        ),
        Store("seen", Affine.of(1), Ref("total", D)),
        Store("top", ZERO, Ref("most", L)),
    )
    kernel = Kernel("k", (Buffer("seen", D, 2, "out"), Buffer("top", L, 1, "out")), body)
    for n in (0, 1, 7, 100):
        _, (seen, top, _) = agree(compiled, kernel, np.zeros(2), np.zeros(1, int), n, target=target, tolerance=1e-15)
        exact = 0.25 + n // 2 * 0.1 + -(-n // 2) * 1e9
        assert abs(seen[1] - exact) <= 1e-15 * exact and top[0] == max(s * 37 & 63 for s in range(n + 1))


@pytest.mark.parametrize("kind", ["serial", "vector", "flat"])
def test_branches_with_another_way(compiled, target, kind):
    x = Load("x", I, D)
    body = (
        If(
            x > 0,
            (Store("out", I, x * 2), If(x > 1, (Store("more", I, x),), (Store("more", I, -x),))),
            (Store("out", I, x - 1),),
        ),
    )
    buffers = (Buffer("x", D, N, "in"), Buffer("out", D, N, "out"), Buffer("more", D, N, "inout"))
    kernel = Kernel("k", buffers, (For("i", N, body, kind),))
    for n in (1, 37):
        agree(compiled, kernel, RNG.standard_normal(n), np.zeros(n), np.full(n, 9.0), n, target=target)


@pytest.mark.parametrize("kind", ["serial", "vector"])
@pytest.mark.parametrize("way", ["add", "max"])
def test_sums_in_both_ways_of_a_branch(compiled, target, kind, way):
    x = Load("x", I, D)
    inner = For("j", M, (Accumulate("a", Load("x", J, D)),))
    body = (
        Declare("a", way, D),
        For("i", N, (If(x > 0, (Accumulate("a", x),), (Accumulate("a", -x), *((inner,) * (kind == "serial")))),), kind),
        put("out", Ref("a", D)),
    )
    kernel = Kernel("k", (Buffer("x", D, N, "in"), Buffer("out", D, 1, "out")), body)
    kernel = kernel if kind == "serial" else Kernel("k", (*kernel.buffers, Buffer("unused", D, M, "in")), body)
    extra = [] if kind == "serial" else [np.zeros(3)]
    for n in (3, 50):
        agree(compiled, kernel, RNG.standard_normal(n), np.zeros(1), *extra, 3, n, target=target, tolerance=1e-14)


def test_terms_before_a_loop_that_does_not_run_are_kept(compiled, target):
    x = Load("x", I, D)
    for kind in ("serial", "vector"):
        body = (
            Declare("a", "add", D),
            Accumulate("a", Const(3, D)),
            For("i", N, (Accumulate("a", x),), kind),
            If(Index(Affine.of(M)) > 0, (For("i", N, (Accumulate("a", x),), kind),)),
            put("out", Ref("a", D)),
        )
        kernel = Kernel("k", (Buffer("x", D, N, "in"), Buffer("out", D, 1, "out")), body)
        for n, m, expected in ((0, 0, 3), (0, 1, 3), (40, 0, 43), (40, 1, 83), (2000, 1, 4003)):
            _, (_, out, *_) = agree(compiled, kernel, np.ones(n), np.zeros(1), m, n, target=target, numba=False)
            assert out[0] == expected


@pytest.mark.parametrize("kind", ["serial", "vector"])
def test_triangular_loops(compiled, target, kind):
    """Forward substitution: extents and offsets over the index outside."""
    row = Dim.symbol("i")
    product = Load("l", Affine({"j": 1}, row * N), D) * Load("x", J, D)
    body = (
        Declare("s", "add", D),
        For("j", row, (Accumulate("s", product),), kind),
        Store("x", I, (Load("b", I, D) - Ref("s", D)) / Load("l", (N + 1) * I, D)),
    )
    buffers = (Buffer("l", D, N * N, "in"), Buffer("b", D, N, "in"), Buffer("x", D, N, "inout"))
    kernel = Kernel("k", buffers, (For("i", N, body),))
    assert kernel.symbols == ("n",)
    for n in (0, 1, 5, 33, 90):
        matrix, b = np.tril(RNG.random((n, n))) + n * np.eye(n), RNG.random(n)
        _, (_, _, x, _) = agree(compiled, kernel, matrix.ravel(), b, np.zeros(n), n, target=target, tolerance=1e-12)
        np.testing.assert_allclose(matrix @ x, b, rtol=1e-12)


@pytest.mark.parametrize("kind", ["serial", "vector", "parallel", "flat"])
def test_extents_below_zero_run_nothing(compiled, target, kind):
    k = Dim.symbol("k")
    store = (Store("out", J, Const(1, D)),)
    for extent in (-3, k, k - 20, N - 40):
        body = (Let("k", Load("count", ZERO, L)), For("j", extent, store, kind))
        kernel = Kernel("k", (Buffer("count", L, 1, "in"), Buffer("out", D, 64, "inout"), Buffer("w", D, N, "in")), body)
        for count in (-5, 0, 3, 37):
            args = np.array([count]), np.zeros(64), np.zeros(9), 9
            _, (_, out, *_) = agree(compiled, kernel, *args, target=target, numba=kind == "serial")
            runs = {"k": count, "k-20": count - 20, "-3": -3, "n-40": -31}[str(extent)]
            assert out.sum() == max(0, runs)


def test_sizes_and_offsets_over_lets_and_the_index_of_lanes(compiled, target):
    """Products of indices, of an index with a number from memory, and squares, in a vector loop."""
    k, i, j = (Dim.symbol(name) for name in "kij")
    body = (
        Let("k", Load("k0", I, L)),
        For("j", 20, (
            Store("out", Affine({"j": 1, "i": 40}), Convert(Index(Affine({"j": k}, k * i + j * j + 3)), D)),
            Store("square", Affine({"i": 1}, 4 * j), Load("x", Affine({"j": j}, k), D)),
            Store("steps", Affine({"j": k}, 60 * i), Load("x", Affine({"j": i}, i * j * k), D)),
        ), "vector"),
    )  # fmt: skip
    buffers = (Buffer("k0", L, 4, "in"), Buffer("x", D, 800, "in"), Buffer("out", D, 160, "inout"),
               Buffer("square", D, 80, "inout"), Buffer("steps", D, 240, "inout"))  # fmt: skip
    kernel = Kernel("k", buffers, (For("i", 4, body),))
    args = np.array([1, 3, 2, 1]), RNG.random(800), np.zeros(160), np.zeros(80), np.zeros(240)
    runs = []
    for run in (interpret(kernel), compiled(kernel, target)):
        own = [a.copy() for a in args]
        assert run(*own) == 0
        runs.append(own)
    for got, expected in zip(*runs):
        np.testing.assert_array_equal(got, expected)


def test_checks_end_the_function_wherever_they_stand(compiled, target):
    s = cell("s", L)
    inner = While((Let("t", s),), Ref("t", L) < 5, (Check(Load("x", I, L) < 50, Code.PYTHON), put("s", s + 1)))
    for kind in ("serial", "parallel"):
        body = (Scratch("s", L, 1), put("s", Const(0, L)), inner, Store("out", I, s))
        kernel = Kernel("k", (Buffer("x", L, N, "in"), Buffer("out", L, N, "inout")), (For("i", N, body, kind),))
        x = np.arange(70)
        assert agree(compiled, kernel, x % 50, np.zeros(70, int), 70, target=target)[0] == Code.OK
        verify(kernel)
        for run in (interpret(kernel), compiled(kernel, target), compile_numba(kernel)):
            assert run(x.copy(), np.zeros(70, int), 70) == Code.PYTHON


def test_a_store_is_seen_by_the_next_load(compiled):
    """The same Load object before and after a store, in straight lines, loops and branches."""
    x = Load("x", ZERO, L)
    body = (
        put("x", x + 1),
        put("x", x * 3),
        For("i", 3, (put("x", x + 2), If(x > 9, (put("x", x - 1),), (put("x", x + 5),)), Store("log", I, x))),
        While((put("x", x + 1),), x < 40, (put("x", x + x),)),
        Store("log", Affine.of(3), x),
    )
    kernel = Kernel("k", (Buffer("x", L, 1, "inout"), Buffer("log", L, 4, "out")), body)
    _, (value, log) = agree(compiled, kernel, np.array([1]), np.zeros(4, int))
    assert (value[0], list(log)) == (67, [13, 14, 15, 67])


def test_variables_are_registers():
    """LLVM promotes scratch of one element: no memory but the buffers is touched."""
    s, x = cell("s", L), Load("x", I, L)
    body = (Scratch("s", L, 1), put("s", Const(1, L)), For("i", N, (put("s", s * 31 + x),)), put("out", s))
    kernel = Kernel("k", (Buffer("x", L, N, "in"), Buffer("out", L, 1, "out")), body)
    text = emit_kernel(kernel, host()).replace("define internal", "define")
    assert "alloca" in text
    assert "alloca" not in str(engine._optimised(emit_module([text]), host()))


def heavy(value):
    for _ in range(12):
        value = op("tanh", op("sin", value)) + 0.125
    return value


@pytest.mark.parametrize("n", [1, 40, 3000])
@pytest.mark.parametrize("kind", ["parallel", "flat"])
def test_threads_inside_serial_loops(compiled, target, kind, n):
    """A variable, a scratch array and the index outside are given to every range; short ranges stay in place."""
    table = Load("table", Affine({"i": 1}, Dim.symbol("r")), D)
    inner = For("i", N - Dim.symbol("r"), (
        Let("y", Load("x", I, D) + cell("s") + table),
        Check(Ref("y", D) < 1e6, Code.PYTHON),
        Store("x", I, heavy(Ref("y", D))),
    ), kind)  # fmt: skip
    fill = For("t", N, (Store("table", Affine.var("t"), Convert(Index(Affine.var("t")), D) * 0.001),), "vector")
    body = (
        Scratch("s", D, 1),
        Scratch("table", D, N),
        put("s", Const(0.5, D)),
        fill,
        For("r", 3, (If(Load("on", Affine.var("r"), B), (put("s", cell("s") + 1), inner)),)),
        put("sum", cell("s")),
    )
    buffers = (Buffer("on", B, 3, "in"), Buffer("x", D, N, "inout"), Buffer("sum", D, 1, "out"))
    kernel = Kernel("k", buffers, body)
    text = emit_kernel(kernel, target)
    assert "@hybrid_parallel" in text and "store double" in text
    args = np.array([True, False, True]), RNG.random(n), np.zeros(1), n
    code, (_, _, total, _) = agree(
        compiled, kernel, *args, target=target, numba=kind == "parallel" and n == 40, tolerance=1e-13
    )
    assert code == 0 and total[0] == 2.5
    verify(kernel)
    failing = np.full(n, 2e6)
    assert compiled(kernel, target)(args[0], failing, np.zeros(1), n) == Code.PYTHON


def test_the_share_of_a_thread_knows_no_inner_names():
    """What a range costs is a size over names outside it, whatever its inner loops depend on."""
    k, i = Dim.symbol("k"), Dim.symbol("i")
    add = (Accumulate("a", Load("x", J, D)),)
    triangle = (Declare("a", "add", D), For("j", i + 1, add), Store("y", I, Ref("a", D)))
    unknown = (Let("k", Load("c", I, L)), Declare("a", "add", D), For("j", k, add), Store("y", I, Ref("a", D)))
    for body in (triangle, unknown, (*unknown, While((), Const(True, B), (For("j", k, add),)))):
        loop = For("i", N, body, "parallel")
        cost = estimate.midway(estimate.picoseconds(loop.body, 1, host()), loop)
        assert isinstance(cost, int) or cost.symbols <= {"n"}
        kernel = Kernel("k", (Buffer("x", D, N, "in"), Buffer("y", D, N, "out"), Buffer("c", L, N, "in")), (loop,))
        assert "@hybrid_parallel" in emit_kernel(kernel, host())


def test_crc(compiled, target):
    import zlib

    c = cell("c", U)
    shifted = c >> Const(1, U)
    bit = If(op("ne", c & 1, 0), (put("c", shifted ^ 0xEDB88320),), (put("c", shifted),))
    body = (
        Scratch("c", U, 1),
        put("c", Const(0xFFFFFFFF, U)),
        For("i", N, (put("c", c ^ Convert(Load("x", I, dt.uint8), U)), For("b", 8, (bit,)))),
        put("out", ~c),
    )
    kernel = Kernel("k", (Buffer("x", dt.uint8, N, "in"), Buffer("out", U, 1, "out")), body)
    x = RNG.integers(0, 256, 300).astype(np.uint8)
    _, (_, out, _) = agree(compiled, kernel, x, np.zeros(1, np.uint32), 300, target=target)
    assert out[0] == zlib.crc32(x.tobytes())


def test_edit_distance(compiled, target):
    """The least of two integers along a recurrence, signed and not; both spellings."""
    width = M + 1
    for dtype in (L, U):

        def at(place, dtype=dtype):
            return Load("t", place, dtype)

        cost = Convert(op("ne", Load("a", I, dt.uint8), Load("b", J, dt.uint8)), dtype)
        up, left = at(width * I + J + 1) + 1, at(width * I + J + width) + 1
        least = select(up < left, up, left) if dtype == L else op("min", up, left)
        inner = (Let("u", least), Store("t", width * I + J + width + 1, op("min", Ref("u", dtype), at(width * I + J) + cost)))
        body = (
            For("p", N + 1, (Store("t", width * Affine.var("p"), Convert(Index(Affine.var("p")), dtype)),)),
            For("q", M + 1, (Store("t", Affine.var("q"), Convert(Index(Affine.var("q")), dtype)),)),
            For("i", N, (For("j", M, inner),)),
        )
        buffers = (Buffer("a", dt.uint8, N, "in"), Buffer("b", dt.uint8, M, "in"), Buffer("t", dtype, (N + 1) * width, "inout"))
        a, b = (np.frombuffer(text, np.uint8) for text in (b"structured", b"constructor"))
        table = np.zeros(11 * 12, dtype)
        _, (_, _, t, *_) = agree(compiled, Kernel("k", buffers, body), a, b, table, 11, 10, target=target)
        assert t[-1] == 6


def test_the_least_of_two_integers_is_no_jump():
    """Along a recurrence LLVM would rather jump, which random data predicts badly."""
    s = cell("s", L)
    least = op("min", s + 1, Load("x", I, L) + 1)
    body = (Scratch("s", L, 1), put("s", Const(0, L)), For("i", N, (put("s", least), Store("y", I, s))))
    kernel = Kernel("k", (Buffer("x", L, N, "in"), Buffer("y", L, N, "out")), body)
    text = emit_module([emit_kernel(kernel, host()).replace("define internal", "define")])
    assert str(engine._optimised(text, host())).count("!unpredictable") >= 1
    selects = "cmov" if host().triple.startswith("x86_64") else "csel"
    assert selects in engine.assembly(text, host())
