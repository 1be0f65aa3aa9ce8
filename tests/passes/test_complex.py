"""Complex numbers in compiled code: every operation beside NumPy's over special values, layouts, loops, and random programs."""

from __future__ import annotations

import cmath
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hybrid.core import dtype as dt
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import evaluate
from hybrid.ir.primitive import Primitive
from hybrid.ir.verify import verify
from hybrid.ops import elementwise as e
from hybrid.passes import complex as pass_
from hybrid.passes.complex_rules import RULES
from hybrid.passes.pipeline import group
from hybrid.passes.steps import HostCall
from hybrid.staging.function import FallbackWarning, function
from tests import tools

BINARY = (e.add, e.sub, e.mul, e.div, e.eq, e.ne, e.lt, e.le, e.gt, e.ge)
FUNCTIONS = (e.neg, e.conj, e.real, e.imag, e.cabs, e.isnan, e.sqrt, e.exp, e.log, e.sin, e.cos, e.tan, e.sinh, e.cosh, e.tanh)
DTYPES = dt.COMPLEX


def make(re: Any, im: Any, dtype: np.dtype) -> np.ndarray:
    """A complex array of all pairs; `re + 1j*im` would lose infinities and signs."""
    re, im = np.meshgrid(np.asarray(re, dt.real_of(dtype)), np.asarray(im, dt.real_of(dtype)), indexing="ij")
    out = np.empty(re.size, dtype)
    out.real, out.imag = re.ravel(), im.ravel()
    return out


def special(dtype: np.dtype) -> np.ndarray:
    """Zeros, ones, numbers at which exp overflows, the ends of the range, infinities and NaN, in both parts and signs."""
    info = np.finfo(dt.real_of(dtype))
    edge = math.log(float(info.max))
    values = [0.0, 0.5, 1.0, 3.0, 40.25, 1e-3, edge * 1.0005, edge * 1.9, info.max, info.max / 3, info.tiny,
              3 * info.smallest_subnormal, np.inf, np.nan]  # fmt: skip
    values = np.array(values, info.dtype)
    both = np.concatenate([values, -values])
    return make(both, both, dtype)


def random(dtype: np.dtype, count: int = 3000, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=count) * 10.0 ** rng.uniform(-3, 1.2, count) for _ in range(2)]
    return (parts[0] + 1j * parts[1]).astype(dtype)


def agrees(primitive: Primitive, operands: tuple, backend: str, params: dict | None = None) -> None:
    sample = operands, params or {}
    graph, arrays = tools.application(primitive, [sample])
    (got,), want = tools.execute(graph, arrays, backend), np.asarray(evaluate(graph, *arrays)[0])
    assert not any(isinstance(step, HostCall) for step in tools.lower(graph).steps)
    if not tools.agree(primitive, sample, got, want):
        for k in np.ndindex(got.shape):
            one = tuple(a[k] if a.shape else a for a in operands)
            assert tools.agree(primitive, (tuple(map(np.asarray, one)), params or {}), got[k], want[k]), (
                f"{one}: {got[k]}, not {want[k]}"
            )
        raise AssertionError


# operations -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("primitive", FUNCTIONS, ids=str)
def test_functions_of_special_values(primitive, dtype):
    agrees(primitive, (special(dtype),), "llvm")
    agrees(primitive, (random(dtype),), "llvm")
    agrees(primitive, (special(dtype)[::5].copy(),), "python")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("primitive", BINARY, ids=str)
def test_arithmetic_of_special_values(primitive, dtype):
    values = special(dtype)
    some = values[:: 7 if primitive in (e.mul, e.div) else 29]
    agrees(primitive, (np.repeat(some, len(values)), np.tile(values, len(some))), "llvm")
    agrees(primitive, (values[::3].copy(), values[::-3].copy()), "python")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_conversions_and_choices(dtype):
    z = special(dtype)
    for target in (dt.bool_, dt.real_of(dtype), *DTYPES):
        if target != dtype:
            agrees(e.convert, (z,), "llvm", {"dtype": target})
    for source in (np.arange(5, dtype=np.int8), np.array([True, False]), np.array([-0.0, np.nan, np.inf, 2.5])):
        agrees(e.convert, (source,), "llvm", {"dtype": dtype})
    agrees(e.select, (np.arange(z.size) % 3 == 0, z, z[::-1].copy()), "llvm")
    agrees(e.complex_, (z.real.copy(), z.imag[::-1].copy()), "llvm")


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (2, 0, 3)])
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_shapes(shape, backend):
    rng = np.random.default_rng(5)
    for dtype in DTYPES:
        z, w = (np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype) for _ in range(2))
        for primitive in BINARY:
            if primitive is not e.mul or shape:  # a product of numbers is that of NumPy's scalars, not of its arrays
                agrees(primitive, (z, w), backend)
        for primitive in FUNCTIONS:
            agrees(primitive, (z,), backend)


def test_every_rule_with_numba():
    """Each in one precision, by turns, since Numba takes a second for some; `tests/sweeps/sweep_table.py` compiles all."""
    builder, arrays, outputs, cases = Builder("all"), [], [], []
    atoms = {}
    for dtype in DTYPES:
        z = random(dtype, 9)
        atoms[dtype] = tuple(builder.input(TensorType(dtype, z.shape)) for _ in range(2))
        arrays += [z, z[::-1].copy()]
    for k, primitive in enumerate((*FUNCTIONS, *BINARY)):
        count, at = 1 if primitive in FUNCTIONS else 2, k % len(DTYPES)
        outputs += builder.append(primitive, atoms[DTYPES[at]][:count])
        cases.append((primitive, tuple(arrays[2 * at : 2 * at + count])))
    graph = verify(builder.finish(outputs))
    with tools.without_numbas_threads():
        compiled = tools.execute(graph, arrays, "numba")
    eager = evaluate(graph, *arrays)
    for (row, operands), got, want in zip(cases, compiled, eager, strict=True):
        assert tools.agree(row, (operands, {}), got, want), f"{row}: {got}, not {want}"


def test_the_table_is_complete():
    assert set(RULES) >= {*FUNCTIONS, *BINARY, e.complex_, e.convert, e.select}


# structure --------------------------------------------------------------------------------------------------------------
def host_calls(f: Callable, *args: Any) -> list[str]:
    found, _ = function(f, strict=True).__hybrid__._compiled(args, {})
    return [step.eqn.primitive.name for step in found.lowered.program.steps if isinstance(step, HostCall)]


def test_arithmetic_is_one_kernel_that_loads_and_stores_whole_vectors():
    def f(z, c):
        return z * z + c

    z = random(dt.complex128, 1 << 15)
    compiled = function(f, strict=True)
    assert np.array_equal(compiled(z, z), f(z, z))
    assert len(list(compiled.__hybrid__._compiled((z, z), {})[0].lowered.kernels)) == 1 and not host_calls(f, z, z)
    assert "gather" not in compiled.llvm(z, z) and "scatter" not in compiled.llvm(z, z)
    assert "store <" in compiled.llvm(z, z) and "extractelement" not in compiled.llvm(z, z)


def test_graphs_without_complex_numbers_stay_as_they_are():
    builder = Builder("f")
    x = builder.input(TensorType(dt.float64, (3,)))
    graph = builder.finish(builder.append(e.add, (x, x)))
    assert pass_.split(graph) is graph and group(graph).graph is graph


def test_host_calls_take_and_give_arrays_in_one_piece():
    def f(z):
        return np.fft.fft(z * 2)[::-1] + 1, np.arcsin(z / 4), np.sort(np.abs(z))

    assert sorted(host_calls(f, random(dt.complex128, 16))) == ["asin", "fft", "sort"]
    same(f, random(dt.complex128, 16))


# programs ---------------------------------------------------------------------------------------------------------------
def outcome(f: Callable, args: tuple) -> tuple:
    """What a call gives or raises, and the arguments after it."""
    args = tuple(a.copy("K") if isinstance(a, np.ndarray) else a for a in args)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        try:
            out = f(*args)
        except Exception as error:
            return type(error), str(error), args
    return (*(out if type(out) is tuple else (out,)), *args)


def same(f: Callable, *args: Any, strict: bool = True, tolerance: float = 32) -> None:
    """The decorated function gives, writes and raises what the undecorated one does."""
    want, got = outcome(f, args), outcome(function(f, strict=strict), args)
    assert len(got) == len(want)
    for a, b in zip(got, want):
        assert type(a) is type(b), f"{a!r}, not {b!r}"
        if isinstance(b, (np.ndarray, np.generic, float, complex)):
            a, b = np.asarray(a), np.asarray(b)
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            eps = np.finfo(b.dtype).eps if b.dtype.kind in "fc" else 0
            scale = np.nanmax(np.abs(np.where(np.isfinite(b), b, 0)), initial=0) if b.dtype.kind in "fc" else 0
            np.testing.assert_allclose(a, b, rtol=tolerance * eps, atol=tolerance * eps * scale)
        elif isinstance(b, tuple):
            continue
        else:
            assert repr(a) == repr(b)


Z, W = random(dt.complex128, 24, 1), random(dt.complex128, 24, 2)
PROGRAMS: dict[str, Callable] = {
    "strided": lambda z, w: z[::2] * w[1::2] + z[::-2].conj(),
    "parts": lambda z, w: (z.real * w.imag, np.angle(z), abs(z) + 1, np.abs(w) < 2),
    "reshaped": lambda z, w: (z.reshape(4, 6).T * w.reshape(6, 4)).reshape(-1),
    "reduced": lambda z, w: (z.sum(), (z * w).reshape(4, 6).sum(axis=0), z.reshape(4, 6).mean(axis=1), np.mean(w)),
    "products": lambda z, w: (z.reshape(4, 6) @ w.reshape(6, 4), z @ w, np.vdot(z, w), np.outer(z[:3], w[:4])),
    "product": lambda z, w: (
        z[:7].prod() + w.reshape(4, 6).prod(axis=1),
        z.reshape(4, 6).prod(axis=0),
        z[:0].prod(),
        z[3:4].prod(),
    ),
    "chosen": lambda z, w: np.where(abs(z) > abs(w), z, w) + np.where(z == w, 0, 1j),
    "gathered": lambda z, w: z[np.array([3, -1, 0])] * w[[1, 1, 2]],
    "powers": lambda z, w: (z**2, z**3, w**-2, z**0.5, np.square(z), np.reciprocal(w), np.sign(z)),
    "mixed": lambda z, w: (z + 1, 2.5 * w, z / 3, z - w.real, 1j * w.imag, z * np.float32(2)),
    "kinds": lambda z, w: (np.isnan(z), np.isfinite(w / 0), np.isinf(w / 0), z.astype(np.complex64), (z * 0).astype(bool)),
    "ordered": lambda z, w: (z < w, z <= z, z.real > 0, z >= w),
    "joined": lambda z, w: np.concatenate([z * 2, w, z[:3] + 1j]),
    "stacked": lambda z, w: np.stack([z, w * 1j], axis=1).T,
    "variance": lambda z, w: (np.var(z), np.std(w)),
    "literal": lambda z, w: (np.zeros(3, complex) + 2j, np.full((2, 2), 1 + 1j), np.ones(2, np.complex64) * 1j),
    "norms": lambda z, w: (np.linalg.norm(z), np.sqrt((abs(z) ** 2).sum())),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_programs(name, dtype):
    same(PROGRAMS[name], Z.astype(dtype), W.astype(dtype))


def test_layouts():
    z = random(dt.complex128, 48).reshape(6, 8)
    for a in (z.T, z[::2, 1::3], np.asfortranarray(z), z[:, :1], z[:0], np.broadcast_to(z[0], (3, 8)), z[::-1]):
        same(lambda a: (a * a + 1, a.sum(axis=0), abs(a).T), a)


def test_writes():
    def f(z, w):
        z += w * 1j
        z[2:5] = w[:3] - 1
        z[::3] *= 2
        z.real[1] = 7
        z.imag += 1
        w[0] = z[-1]

    same(f, Z, W)
    same(f, Z.astype(np.complex64)[::2], W.astype(np.complex64)[:12])


def test_a_written_array_is_written_in_place():
    def f(z):
        z *= 2j

    compiled = function(f, strict=True)
    compiled(Z.copy())
    (kernel,) = compiled.__hybrid__._compiled((Z.copy(),), {})[0].lowered.kernels
    assert [buffer.role for buffer in kernel.buffers] == ["inout"]


# loops ------------------------------------------------------------------------------------------------------------------
def escapes(c, most):
    """Mandelbrot's, with Python's complex numbers."""
    z, n = 0j, 0
    while abs(z) <= 2 and n < most:
        z = z * z + c
        n += 1
    return n, z


def mandelbrot(width, height, most):
    out = np.zeros((height, width), np.int32)
    for row in range(height):
        for col in range(width):
            c = complex(-2.0 + 3.0 * col / width, -1.0 + 2.0 * row / height)
            z, n = 0j, 0
            while abs(z) <= 2 and n < most:
                z = z * z + c
                n += 1
            out[row, col] = n
    return out


def julia(z, c, most):
    out = np.full(z.size, most)
    for i in range(z.size):
        zi = z[i]
        for n in range(most):
            if zi.real * zi.real + zi.imag * zi.imag > 4.0:
                out[i] = n
                break
            zi = zi * zi + c
    return out


def butterflies(x):
    """In-place radix-2 FFT."""
    n = len(x)
    X = x.astype(complex)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            X[i], X[j] = X[j], X[i]
    length = 2
    while length <= n:
        w = np.exp(-2j * np.pi / length)
        for start in range(0, n, length):
            twiddle = 1.0 + 0j
            for k in range(length // 2):
                u, v = X[start + k], X[start + k + length // 2] * twiddle
                X[start + k] = u + v
                X[start + k + length // 2] = u - v
                twiddle *= w
        length <<= 1
    return X


def newton(z):
    for _ in range(20):
        z = z - (z**3 - 1) / (3 * z**2)
    return z


@pytest.mark.parametrize(
    "c", [0.3 + 0.5j, 2 + 2j, -1.0 + 0j, 1e308j, complex("nan"), complex(math.inf, 0), np.complex128(0.25j)]
)
def test_escape_times(c):
    same(escapes, c, 60, strict=False)


def test_fractals():
    same(mandelbrot, 12, 9, 40)
    same(julia, random(dt.complex128, 40), -0.4 + 0.6j, 30)
    same(julia, random(dt.complex64, 40), np.complex64(-0.4 + 0.6j), 30)
    same(newton, Z.reshape(4, 6))


def test_fast_fourier_transforms():
    x = np.random.default_rng(0).normal(size=64)
    np.testing.assert_allclose(function(butterflies, strict=True)(x), np.fft.fft(x), atol=1e-12)
    assert host_calls(butterflies, x) == []


def test_elements_that_change_places_do_not_copy_their_array():
    def f(z):
        for k in range(len(z) - 1):
            z[k], z[k + 1] = z[k + 1], z[k]
        return z.copy()

    for z in (Z, Z.real.copy()):
        same(f, z)
        found, _ = function(f, strict=True).__hybrid__._compiled((z,), {})
        (kernel,) = (kernel for kernel in found.lowered.kernels if "scratch" in str(kernel))
        assert all(stmt.size == 1 for stmt in kernel.body if hasattr(stmt, "size"))


def test_arrays_carried_by_loops():
    def f(z, w, n):
        total = 0j
        for k in range(n):
            z = z * w + k
            if abs(z[0]) > 50:
                z = z / abs(z[0])
            total += z[k % 3]
        return z, total

    same(f, Z, W / abs(W), 7)
    same(f, Z, W, 0)


# Python's complex numbers --------------------------------------------------------------------------------------------------
# No NaN: CPython 3.11's abs(nan+0j) raises if the call before it overflowed.
NUMBERS = (1.25 - 3.5j, 0.3 + 0.7j, 0j, complex(-0.0, -2.0), 1e308 + 1.7e308j, 1e-300j, complex(math.inf, 1))
SCALARS: dict[str, Callable] = {
    "quotient": lambda z, w: z / w,
    "mixed": lambda z, w: (1.5 / w + z / 2, z * 2, 3 - w, -z, z.conjugate()),
    "powers": lambda z, w: (z**2, z**5, w**-3, w**0, z**1),
    "sizes": lambda z, w: (abs(z), abs(w)),
    "order": lambda z, w: z < w,
    "equal": lambda z, w: (z == w, z != w, z == 1.0, bool(z)),
    "parts": lambda z, w: (z.real, w.imag, complex(z.real, w.imag), complex(z.imag), complex(z, w), complex(2, z.real)),
    "branch": lambda z, w: z * w if abs(z) > abs(w) else z - w,
}


@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("kinds", [(complex, complex), (np.complex128, complex), (np.complex128, np.complex128)])
def test_numbers_are_pythons_to_the_bit(name, kinds):
    decorated = function(SCALARS[name])
    for z in NUMBERS:
        for w in NUMBERS[:6]:
            args = kinds[0](z), kinds[1](w)
            want, got = outcome(SCALARS[name], args), outcome(decorated, args)
            assert repr(got) == repr(want), f"{args}"


def test_functions_of_cmath():
    def f(z):
        out = 0j
        for k in range(3):
            out += cmath.exp(z * k) + cmath.sqrt(z) - cmath.log(z + 3) * cmath.cos(z)
        return out

    same(f, 0.5 + 0.25j)
    same(f, -3 + 0j, strict=False)  # log(0) raises


# random programs ------------------------------------------------------------------------------------------------------------
STEPS = (
    "z * w", "z + w", "z - w.conj()", "z / (w + 3)", "np.where(abs(z) > 1, z, w)", "z[::-1]", "np.exp(z / 8)", "np.sqrt(z)",
    "z.real + 1j * w.imag", "np.conj(w) * z.imag", "np.roll(z, 2)", "z - z.mean()", "z * (w.real < 0)", "z / (1 + abs(z))",
    "z[idx]", "np.cumsum(z) / 9", "(z.reshape(4, 6) @ w.reshape(6, 4)).sum(axis=1).repeat(6) / 9", "np.sin(z / 4)",
)  # fmt: skip
WRITES = ("w[3:9] = z[:6]", "w[::2] += 1j", "w = z + w", "w[k] = z[-k - 1]", "w.real[2:4] = 0.5", "w[idx] = z[idx]")


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed):
    rng = np.random.default_rng(seed)
    lines = ["w = w.copy()"]
    for _ in range(int(rng.integers(4, 9))):
        if rng.random() < 0.65:
            lines.append(f"z = {rng.choice(STEPS)}")
        else:
            lines.append(str(rng.choice(WRITES)).replace("k", str(rng.integers(0, 9))))
    source = "def f(z, w, idx):\n" + "".join(f"    {line}\n" for line in [*lines, "return z, w"])
    scope: dict[str, Any] = {"np": np}
    exec(source, scope)
    dtype = DTYPES[seed % 2]
    same(scope["f"], Z.astype(dtype), W.astype(dtype), rng.permutation(24), strict=False, tolerance=512)


# sizes that vary ---------------------------------------------------------------------------------------------------------
def test_one_trace_serves_many_sizes():
    def f(z, w):
        out, total = np.zeros(len(z), complex), 0j
        for k in range(len(z)):
            total = total * 0.5 + z[k]
            out[k] = total / (1 + abs(total))
        w *= 2j
        return out, z * w + 1, np.abs(z).sum(), z.sum(), np.where(abs(z) > 1, z, w), z[::-1].conj(), z @ w

    decorated = function(f, strict=True, dynamic=True)
    for size in (4, 7, 10, 100, 1000):
        arrays = [random(dt.complex128, size, seed) for seed in (1, 2)]
        copies = [a.copy() for a in arrays]
        for got, want in zip((*decorated(*arrays), *arrays), (*f(*copies), *copies), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-9)
    assert len(decorated.traces) == 1
