"""Matrix products through BLAS: every layout, cut over threads by rows, columns and batch, BLAS' own threads put back; and
epilogues, which must give the bits of a kernel of their own.
"""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hybrid.codegen.target import host
from hybrid.core.config import config
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ops.contract import dot_general
from hybrid.passes.pipeline import group
from hybrid.runtime import blas, profile
from hybrid.runtime.matmul import cuts
from hybrid.runtime.plan import Plan
from hybrid.runtime.program import Gemm, Lowered, build
from hybrid.staging.function import function


def lowered(a, b, contract, batch=((), ())) -> Lowered:
    builder = Builder("product")
    inputs = tuple(builder.input(TensorType(x.dtype, x.shape)) for x in (a, b))
    graph = builder.finish(builder.append(dot_general, inputs, {"contract": contract, "batch": batch}))
    return build(group(graph), {})


def check(low: Lowered, a, b, parallel: bool) -> None:
    (work,) = low.work
    assert isinstance(work, Gemm) and cuts(work, host()) == parallel
    (eqn,) = low.graph.eqns
    (got,) = Plan(low).run([a, b])
    np.testing.assert_allclose(got, eqn.primitive.eval(a, b, **eqn.params), rtol=1e-4 if a.dtype == np.float32 else 1e-11)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("m", "n", "k"), [(40, 50, 60), (300, 129, 257), (129, 300, 257), (2, 700, 4000), (700, 3, 4000)])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_layouts(dtype, m, n, k, left, right):
    rng = np.random.default_rng(m + n)
    a = rng.random((k, m) if left else (m, k)).astype(dtype)
    b = rng.random((n, k) if right else (k, n)).astype(dtype)
    low = lowered(a, b, ((0 if left else 1,), (1 if right else 0,)))
    check(low, a, b, parallel=m * n * k >= 1 << 22 and max(m, n) > 64)


@pytest.mark.parametrize("shape", [(3, 5), (40,), (2, 3, 4)])
def test_batches(shape):
    rng = np.random.default_rng(0)
    a, b = rng.random((*shape, 60, 70)), rng.random((*shape, 70, 80))
    lead = tuple(range(len(shape)))
    check(lowered(a, b, ((len(shape) + 1,), (len(shape),)), (lead, lead)), a, b, parallel=True)


def test_blas_keeps_its_threads_outside():
    a = np.ones((300, 300))
    before = blas.set_threads(2)
    try:
        check(lowered(a, a, ((1,), (0,))), a, a, parallel=True)
        assert blas.set_threads(2) in (0, 2)
    finally:
        blas.set_threads(before)


def test_bits_do_not_depend_on_threads():
    program = (
        "import hashlib, numpy as np, hybrid as hy\n"
        "rng, f, h = np.random.default_rng(0), hy.function(lambda a, b: a @ b), hashlib.sha256()\n"
        "g = hy.function(lambda a, b, c: np.tanh(a @ b + c))\n"
        "for m, n, k in [(300, 129, 257), (513, 700, 100), (64, 2000, 300)]:\n"
        "    h.update(f(rng.random((m, k), 'f4'), rng.random((k, n), 'f4')).tobytes())\n"
        "    h.update(g(rng.random((2, m, k), 'f4'), rng.random((k, n), 'f4'), rng.random(n, 'f4')).tobytes())\n"
        "print(h.hexdigest())"
    )
    run = lambda threads: (
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "HYBRID_THREADS": threads}, check=True, capture_output=True
        ).stdout
    )
    assert run("1") == run("2") == run("3")


# epilogues ------------------------------------------------------------------------------------------------------------
def numbers(*shape, dtype="f4", seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def same(got, want):
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def results(f, args, **settings):
    """What a fresh compilation of the function returns, as a tuple, and its lowered program."""
    with config.override(verify=True, **settings):
        compiled = function(f)
        out = compiled(*args)
        (trace,) = compiled.traces
        return out if isinstance(out, tuple) else (out,), trace.lowered


def bias(x, w, b):
    return np.maximum(x @ w + b, 0)


def masked(x, w):
    return np.where(np.arange(x.shape[1])[:, None, None] > 0, x @ w, 0)


def residual(x, w):
    return x + np.where(x @ w > 0, x @ w, 0.01 * x.T)


def several(x, w, b):
    p = x @ w
    return p, np.maximum(p, b), p > b, p.astype("f8") - 1


def gathered(x, w, b, where):
    return x @ w + b[where]


def grid(x, w, b):
    return (x.reshape(-1, x.shape[-1]) @ w).reshape(*x.shape[:-1], w.shape[1]) + b


def twice(x, w, v):
    return np.exp(x @ w) * (x @ v)


CASES = {
    "bias": (bias, (numbers(300, 257), numbers(257, 129), numbers(129))),
    "double": (bias, (numbers(70, 31, dtype="f8"), numbers(31, 90, dtype="f8"), numbers(90, dtype="f8"))),
    "few columns": (bias, (numbers(700, 400), numbers(400, 3), numbers(3))),
    "few rows": (bias, (numbers(3, 400), numbers(400, 700), numbers(700))),
    "left transposed": (bias, (numbers(257, 300).T, numbers(257, 129), numbers(129))),
    "right transposed": (bias, (numbers(300, 257), numbers(129, 257).T, numbers(129))),
    "index along the batch": (masked, (numbers(3, 2, 60, 70), numbers(3, 2, 70, 80))),
    "residual is an operand": (residual, (numbers(130, 130), numbers(130, 130, seed=1))),
    "several results": (several, (numbers(300, 257), numbers(257, 129), numbers(129))),
    "gathered": (gathered, (numbers(60, 50), numbers(50, 70), numbers(9), np.arange(70) % 9)),
    "batch": (bias, (numbers(3, 2, 60, 70), numbers(3, 2, 70, 80), numbers(2, 60, 1))),
    "batch of large ones": (bias, (numbers(2, 600, 70), numbers(2, 70, 530), numbers(530))),
    "rows of two axes": (bias, (numbers(6, 50, 70), numbers(70, 80), numbers(80))),
    "two axes apart again": (grid, (numbers(6, 50, 70), numbers(70, 80), numbers(80))),
    "two products": (twice, (numbers(200, 100), numbers(100, 90), numbers(100, 90, seed=1))),
}


@pytest.mark.parametrize("name", CASES)
def test_an_epilogue_gives_the_bits_of_a_kernel_of_its_own(name):
    f, args = CASES[name]
    got, low = results(f, args)
    assert low.products and any(work.epilogue for work in low.products)
    want, apart = results(f, args, disable_passes="epilogues")
    assert not any(work.epilogue for work in apart.products) and len(apart.work) == len(low.work) + 1
    same(got, want)
    tolerance = 1e-9 if got[0].dtype == np.float64 and args[0].dtype == np.float64 else 2e-3
    for a, b in zip(got, out if isinstance(out := f(*args), tuple) else (out,)):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("backend", ["python", "numba"])
@pytest.mark.parametrize("name", ["double", "several", "gathered", "batch", "residual"])
def test_epilogues_on_the_back_ends_that_are_python(name, backend):
    shapes = {
        "double": (bias, (numbers(40, 31, dtype="f8"), numbers(31, 40, dtype="f8"), numbers(40, dtype="f8"))),
        "several": (several, (numbers(33, 34), numbers(34, 35), numbers(35))),
        "gathered": (gathered, (numbers(33, 34), numbers(34, 35), numbers(9), np.arange(35) % 9)),
        "batch": (bias, (numbers(2, 33, 34), numbers(2, 34, 35), numbers(35))),
        "residual": (residual, (numbers(33, 33), numbers(33, 33, seed=1))),
    }
    f, args = shapes[name]
    got, low = results(f, args, backend=backend)
    assert any(work.epilogue for work in low.products)
    same(got, results(f, args, backend=backend, disable_passes="epilogues")[0])
    for a, b in zip(got, results(f, args)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_a_product_and_its_epilogue_are_one_piece_of_work():
    _, low = results(bias, CASES["bias"][1])
    (work,) = low.work
    assert work.epilogue is not None and work.loops == ("i0", "i1") and cuts(work, host()) and low.arena_size == 0
    assert "then on its panels\nkernel k0(" in str(low) and low.kernels == (work.epilogue,)
    f = function(bias)
    with profile.profile() as seen:
        f(*CASES["bias"][1])
    assert [event.name for event in seen.events] == ["g0+k0"]
    assert "g0+k0" in f.explain() and "then add, max on its panels" in f.explain()
    assert (f.stats()["kernels"], f.stats()["blas_calls"]) == (0, 1)


def test_nan_and_infinity_pass_through_an_epilogue():
    x, w, b = (np.array(a) for a in CASES["bias"][1])
    x[7, 3], x[20, 1], w[5, 100], b[::7] = np.nan, np.inf, -np.inf, np.nan
    with np.errstate(all="ignore"):
        (got,), _ = results(bias, (x, w, b))
        same((got,), results(bias, (x, w, b), disable_passes="epilogues")[0])
        assert np.isnan(got).tolist() == np.isnan(bias(x, w, b)).tolist()


def test_an_epilogue_checks_its_indices():
    x, w, b, where = CASES["gathered"][1]
    with pytest.raises(IndexError):
        function(gathered)(x, w, b, where + 1)


def test_what_does_not_walk_with_the_product_stays_apart():
    def positions(x, w, p):  # p changes with the second axis of rows that are one to the product
        return x @ w + p

    args = numbers(6, 50, 70), numbers(70, 80), numbers(50, 80)
    (got,), low = results(positions, args)
    assert not low.products[0].epilogue and len(low.work) == 2
    np.testing.assert_allclose(got, positions(*args), rtol=1e-4, atol=1e-4)

    def turned(x, w, b):  # a transposed product is that of the operands exchanged, and then walks with it
        return np.ascontiguousarray(np.tanh((x @ w.T).T * b[:, None]))  # else it lies as the first product does

    args = numbers(300, 257), numbers(129, 257), numbers(129)
    (got,), low = results(turned, args)
    assert low.products[0].epilogue and len(low.work) == 1
    np.testing.assert_allclose(got, turned(*args), rtol=1e-3, atol=1e-3)

    def between(x, w, v):  # the second product reads the first, and the sum both
        p = x @ w
        return p + p @ v

    (got,), low = results(between, (numbers(60, 50), numbers(50, 60), numbers(60, 60)))
    assert [bool(work.epilogue) for work in low.products] == [False, True] and len(low.work) == 2


def test_an_epilogue_does_not_write_over_an_operand_of_its_product():
    def update(x, w):
        x += x @ w
        return x.sum()

    x, w = numbers(300, 300), numbers(300, 300, seed=1)
    mine, theirs = x.copy(), x.copy()
    got, want = function(update)(mine, w), update(theirs, w)
    np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(got, want, rtol=1e-2, atol=1e-1)

    def chain(x, w):
        h = np.tanh(x)
        return h + h @ w

    (got,), _ = results(chain, (x, w))
    np.testing.assert_allclose(got, chain(x, w), rtol=1e-3, atol=1e-3)


def test_an_epilogue_writes_into_an_argument():
    def step(w, x, g):
        w -= 0.1 * (x.T @ g)

    w, x, g = numbers(300, 200), numbers(64, 300), numbers(64, 200)
    mine, theirs = w.copy(), w.copy()
    f = function(step)
    f(mine, x, g), step(theirs, x, g)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    (work,) = f.traces[0].lowered.work
    assert work.epilogue is not None and "w" in {buffer.name for buffer in work.buffers}


def test_a_costly_epilogue_is_shared_between_threads():
    def f(x, w):
        return np.tanh(np.exp(x @ w))

    _, low = results(f, (numbers(700, 4), numbers(4, 700)))
    (work,) = low.work
    assert cuts(work, host()) and not cuts(replace(work, epilogue=None), host())
