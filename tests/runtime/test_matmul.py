"""Matrix products through BLAS: every layout, cut over threads by rows, columns and batch, BLAS' own threads put back."""

import os
import subprocess
import sys

import numpy as np
import pytest

from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ops.contract import dot_general
from hybrid.passes.pipeline import group
from hybrid.runtime import blas
from hybrid.runtime.matmul import cuts
from hybrid.runtime.plan import Plan
from hybrid.runtime.program import Gemm, Lowered, build


def lowered(a, b, contract, batch=((), ())) -> Lowered:
    builder = Builder("product")
    inputs = tuple(builder.input(TensorType(x.dtype, x.shape)) for x in (a, b))
    graph = builder.finish(builder.append(dot_general, inputs, {"contract": contract, "batch": batch}))
    return build(group(graph), {})


def check(low: Lowered, a, b, parallel: bool) -> None:
    (work,) = low.work
    assert isinstance(work, Gemm) and cuts(work) == parallel
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
        "for m, n, k in [(300, 129, 257), (513, 700, 100), (64, 2000, 300)]:\n"
        "    h.update(f(rng.random((m, k), 'f4'), rng.random((k, n), 'f4')).tobytes())\n"
        "print(h.hexdigest())"
    )
    run = lambda threads: (
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "HYBRID_THREADS": threads}, check=True, capture_output=True
        ).stdout
    )
    assert run("1") == run("2") == run("3")
