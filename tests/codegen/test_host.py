"""Python called from kernels: what it is given and gives, in which order, and what becomes of its errors."""

import threading

import numpy as np
import pytest

from hybrid.codegen.llvm import emit_kernel
from hybrid.codegen.python import compile_numba, interpret
from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim
from hybrid.loops.nest import Buffer, Call, Code, For, If, Kernel, Let, Load, Scratch, Slot, Store
from hybrid.loops.verify import verify

D, B, H = dt.float64, dt.bool_, dt.float16
I, J, ZERO = Affine.var("i"), Affine.var("j"), Affine.of(0)
N, STEP = Dim.symbol("n"), Dim.symbol("i")
WAYS = ("llvm", "numba", "python")


@pytest.fixture(params=WAYS)
def build(request, compiled):
    def make(kernel):
        verify(kernel)
        return {"llvm": compiled, "numba": compile_numba, "python": interpret}[request.param](kernel)

    return make


def rounds(run, extent=4, dtype=D):
    """A loop that hands x[i, :] to Python through scratch memory, and writes what comes back into out."""
    row = Slot("row", dtype, (N,), (1,))
    body = (
        For("j", N, (Store("row", J, Load("x", Affine({"i": N, "j": 1}), dtype)),)),
        Call("row", run, (row,), (Slot("one", dtype, (), ()), Slot("line", dtype, (N, 1), (1, 1))), ("i", "n"), "here.py:1"),
        For("j", N, (Store("out", Affine({"i": N, "j": 1}), Load("line", J, dtype) + Load("one", ZERO, dtype)),)),
    )
    scratch = (Scratch("row", dtype, N), Scratch("one", dtype, 1), Scratch("line", dtype, N))
    buffers = Buffer("x", dtype, extent * N, "in"), Buffer("out", dtype, extent * N, "out")
    return Kernel("k", buffers, (*scratch, For("i", extent, body)))


@pytest.mark.parametrize("dtype", [D, H, dt.int8])
def test_arrays_and_sizes(build, dtype):
    seen = []

    def run(operands, sizes):
        seen.append((operands[0].copy(), dict(sizes)))
        return operands[0].max(), operands[0][::-1].reshape(-1, 1)

    x, out = np.arange(12).reshape(4, 3).astype(dtype), np.zeros(12, dtype)
    call = build(rounds(run, dtype=dtype))
    assert call(x.reshape(-1), out, 3) == Code.OK
    assert np.array_equal(out.reshape(4, 3), x[:, ::-1] + x.max(1, keepdims=True))
    assert [sizes for _, sizes in seen] == [{"i": i, "n": 3} for i in range(4)]
    assert all(np.array_equal(row, line) for (row, _), line in zip(seen, x))
    longer = np.zeros(20, dtype)
    assert call(np.ones(20, dtype), longer, 5) == Code.OK and (longer == 2).all()


@pytest.mark.parametrize(
    "give",
    [
        lambda row: (row.max(), row),  # one axis too few
        lambda row: (row.max(), row.astype(np.float32).reshape(-1, 1)),
        lambda row: (row.max(),),
        lambda row: 1 / 0,
    ],
)
def test_what_does_not_fit_is_pythons(build, give):
    calls = []
    call = build(rounds(lambda operands, sizes: calls.append(1) or give(operands[0])))
    assert call(np.ones(12), np.zeros(12), 3) == Code.PYTHON
    assert calls == [1]


def test_what_is_no_exception_reaches_the_caller(build):
    calls = []

    def run(operands, sizes):
        calls.append(sizes["i"])
        if sizes["i"] == 2:
            raise KeyboardInterrupt
        return operands[0].max(), operands[0].reshape(-1, 1)

    call = build(rounds(run))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            call(np.ones(12), np.zeros(12), 3)
    assert calls == [0, 1, 2, 0, 1, 2]


def test_strides_and_branches(build):
    """A transposed operand, a flag, and a call in one way of a branch."""
    given = Slot("x", D, (3, 4), (1, 3))
    call = Call("rows", lambda operands, sizes: (operands[0].sum(1),), (given,), (Slot("out", D, (3,), (2,)),))
    body = (Let("v", Load("flag", ZERO, B)), If(Load("flag", ZERO, B), (call,), (Store("out", ZERO, Load("x", ZERO, D)),)))
    kernel = Kernel("k", (Buffer("x", D, 12, "in"), Buffer("flag", B, 1, "in"), Buffer("out", D, 5, "inout")), body)
    x, out = np.arange(12.0), np.full(5, -1.0)
    run = build(kernel)
    assert run(x, np.array([True]), out) == Code.OK
    assert np.array_equal(out, [18, -1, 22, -1, 26])
    assert run(x, np.array([False]), out) == Code.OK and out[0] == 0


def test_operands_are_not_for_writing(build):
    def run(operands, sizes):
        operands[0][0] = 7
        return operands[0].max(), operands[0].reshape(-1, 1)

    assert build(rounds(run))(np.ones(12), np.zeros(12), 3) == Code.PYTHON


def test_threads(compiled):
    """The same code on several threads, each with memory of its own."""
    call = compiled(rounds(lambda operands, sizes: (operands[0].max(), np.sort(operands[0])[::-1].reshape(-1, 1))))
    wrong = []

    def work(k):
        x = np.random.default_rng(k).normal(size=(4, 50))
        want = np.sort(x)[:, ::-1] + x.max(1, keepdims=True)
        for _ in range(100):
            out = np.zeros(200)
            if call(x.reshape(-1), out, 50) or not np.array_equal(out.reshape(4, 50), want):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_address_stands_in_the_text():
    text = emit_kernel(rounds(lambda operands, sizes: ()), host())
    assert "@hybrid_host.k.0 = external global i8" in text and "inttoptr" not in text
