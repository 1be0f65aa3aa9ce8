"""Row-major matrix products through the Fortran gemm, called from machine code."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError, DTypeError
from hybrid.loops.nest import Code
from hybrid.runtime import blas, engine

DTYPES = (dt.float32, dt.float64, dt.complex64, dt.complex128)


@pytest.fixture(scope="module")
def gemm():
    """gemm(a, b, c, alpha, beta, transa, transb, sizes=None) -> code, by a wrapper that reads its arguments from memory."""
    text = "".join(map(wrapped, DTYPES))
    module = engine.load(
        engine.compile_object(text, host()), tuple(f"run_{dt.SHORT[d]}" for d in DTYPES), blas.symbols(*DTYPES)
    )
    signature = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 5)

    def call(a, b, c, alpha=1, beta=0, transa=False, transb=False, sizes=None):
        m, k = a.shape[::-1] if transa else a.shape
        n = c.shape[1]
        leading = [array.strides[0] // array.itemsize for array in (a, b, c)]
        numbers = np.array([*(sizes or (m, n, k)), *leading, transa, transb], np.int64)
        scalars = np.array([alpha, beta], c.dtype)
        run = signature(module.address(f"run_{dt.SHORT[c.dtype]}"))
        return run(*(array.ctypes.data for array in (numbers, scalars, a, b, c)))

    return call


def wrapped(dtype):
    name, number = dt.SHORT[dtype], blas._LLVM[dtype]
    loads = "".join(f"  %p{i} = getelementptr i64, ptr %s, i64 {i}\n  %v{i} = load i64, ptr %p{i}\n" for i in range(8))
    return (
        blas.emit_gemm(dtype)
        + f"""
define i32 @run_{name}(ptr %s, ptr %scalars, ptr %a, ptr %b, ptr %c) {{
{loads}
  %ta = trunc i64 %v6 to i32
  %tb = trunc i64 %v7 to i32
  %alpha = load {number}, ptr %scalars
  %p.beta = getelementptr {number}, ptr %scalars, i64 1
  %beta = load {number}, ptr %p.beta
  %code = call i32 @hybrid_gemm_{name}(i64 %v0, i64 %v1, i64 %v2, ptr %a, i64 %v3, i32 %ta, ptr %b, i64 %v4, i32 %tb, ptr %c,
    i64 %v5, {number} %alpha, {number} %beta)
  ret i32 %code
}}
"""
    )


def sample(rng, shape, dtype):
    values = rng.standard_normal(shape)
    return (values + 1j * rng.standard_normal(shape) if dt.is_complex(dtype) else values).astype(dtype)


@pytest.mark.parametrize("transb", [False, True])
@pytest.mark.parametrize("transa", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_products_of_every_orientation(gemm, dtype, transa, transb):
    rng = np.random.default_rng(0)
    m, n, k = 7, 5, 9
    a, b = sample(rng, (k, m) if transa else (m, k), dtype), sample(rng, (n, k) if transb else (k, n), dtype)
    c = sample(rng, (m, n), dtype)
    expected = 2 * (a.T if transa else a) @ (b.T if transb else b) + c / 2
    assert gemm(a, b, c, 2, 0.5, transa, transb) == Code.OK
    np.testing.assert_allclose(c, expected, rtol=1e-4 if dtype.itemsize <= 8 and dtype != dt.float64 else 1e-12)


def test_rows_may_lie_apart(gemm):
    rng = np.random.default_rng(1)
    a, b, whole = sample(rng, (6, 20), dt.float64)[:, 3:7], sample(rng, (4, 9), dt.float64)[:, 1:6], np.zeros((6, 11))
    assert gemm(a, b, whole[:, 2:7]) == Code.OK
    np.testing.assert_allclose(whole[:, 2:7], a @ b)
    assert not whole[:, :2].any() and not whole[:, 7:].any()


def test_beta_zero_does_not_read_the_result(gemm):
    c = np.full((2, 2), np.nan)
    gemm(np.ones((2, 3)), np.ones((3, 2)), c)
    np.testing.assert_array_equal(c, 3)


@pytest.mark.parametrize("m, n, k", [(0, 3, 2), (3, 0, 2), (3, 2, 0), (1, 1, 1), (1, 4, 3), (4, 1, 3)])
def test_thin_and_empty(gemm, m, n, k):
    a, b, c = np.ones((m, k)), np.ones((k, n)), np.full((m, n), 7.0)
    assert gemm(a, b, c) == Code.OK
    np.testing.assert_array_equal(c, np.full((m, n), float(k)))


def test_one_row_of_any_stride(gemm):
    a = np.lib.stride_tricks.as_strided(np.arange(3.0), (1, 3), (0, 8))
    c = np.zeros((1, 2))
    gemm(a, np.ones((3, 2)), c)
    np.testing.assert_array_equal(c, 3)


def test_sizes_beyond_32_bits_are_an_error_code(gemm):
    c = np.full((1, 1), 5.0)
    assert gemm(np.ones((1, 1)), np.ones((1, 1)), c, sizes=(1, 1, 2**31)) == Code.MEMORY
    assert c[0, 0] == 5


def test_routines_by_name():
    dot = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_void_p] * 5)(blas.pointer("ddot"))
    x, n, one = np.arange(4.0), ctypes.c_int32(4), ctypes.c_int32(1)
    assert dot(ctypes.addressof(n), x.ctypes.data, ctypes.addressof(one), x.ctypes.data, ctypes.addressof(one)) == 14
    with pytest.raises(CompileError, match="no routine 'xgemm'"):
        blas.pointer("xgemm")
    with pytest.raises(DTypeError, match="no gemm for int32"):
        blas.emit_gemm(dt.int32)


def test_thread_count_of_the_blas():
    before = blas.set_threads(1)
    if before:
        assert blas.set_threads(before) == 1
        assert blas.set_threads(before) == before


def test_scipy_is_not_disturbed():
    code = """if True:
        import sys
        from hybrid.runtime import blas
        address = blas.pointer("sgemm")
        assert "scipy.linalg" not in sys.modules and "scipy.linalg.cython_blas" not in sys.modules
        import scipy.linalg
        assert scipy.linalg.blas.dgemm(1.0, [[1, 2]], [[1], [3]]) == 7
        assert "sgemm" in scipy.linalg.cython_blas.__pyx_capi__
        blas._extension.cache_clear()
        assert blas.pointer("sgemm") == address
    """
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
