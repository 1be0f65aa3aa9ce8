"""What tests share: graphs of equations, their execution on every back end, and what "equal" means for each operation."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numba
import numpy as np

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core.shape import Shape, TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Graph, Var
from hybrid.ir.primitive import Kind, Primitive, Sample
from hybrid.ir.verify import verify
from hybrid.loops.verify import verify as verify_loops
from hybrid.ops import view
from hybrid.passes.pipeline import group
from hybrid.runtime.plan import Plan
from hybrid.runtime.program import Lowered, build


class Lending:
    """A decorated function that is compiled as a whole but for what SciPy computes, which is said and refused where strict."""

    def __init__(self, function: Any, **options: Any):
        self.function = hy.function(function, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", category=hy.FallbackWarning)
            warnings.filterwarnings("ignore", ".*: SciPy computes it$", hy.FallbackWarning)
            return self.function(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)


ROOT = Path(__file__).parents[1]
BACKENDS = ("llvm", "numba", "python")
ULPS = 4  # the project's bound for elementary functions
# Elementary functions: rounded to within ULPS. Every other elementwise operation gives NumPy's bits.
ELEMENTARY = frozenset((
    "pow", "hypot", "atan2", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sigmoid", "sin", "cos", "tan",
    "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "lgamma",
))  # fmt: skip
# Of complex functions, whose other values are the C library's: the most that was found is 3, and 7 for the last two.
COMPLEX_ULPS = {"cabs": ULPS, **dict.fromkeys(("sqrt", "exp", "log", "sin", "cos", "sinh", "cosh"), ULPS), "tan": 8, "tanh": 8}
NO_LONG_DOUBLE = frozenset(("erf", "erfc", "lgamma"))  # SciPy has these in double precision at most


# graphs and their execution -------------------------------------------------------------------------------------------
def application(primitive: Primitive, samples: Sequence[Sample]) -> tuple[Graph, list[np.ndarray]]:
    """A graph with one equation per sample, each on inputs of its own, and the arrays for those."""
    builder = Builder("samples")
    arrays: list[np.ndarray] = []
    outputs = []
    for operands, params in samples:
        inputs = tuple(builder.input(TensorType(a.dtype, a.shape)) for a in operands)
        arrays += operands
        outputs += builder.append(primitive, inputs, params)
    return verify(builder.finish(outputs)), arrays


def lower(graph: Graph, strides: Mapping[Var, Shape] | None = None) -> Lowered:
    """The graph as fused loops, every kernel checked."""
    lowered = build(group(graph, strides), strides or {})
    for kernel in lowered.kernels:
        verify_loops(kernel)
    return lowered


def application_on_slices(cases: Sequence[tuple[Primitive, Sample]]) -> tuple[Graph, list[np.ndarray]]:
    """As `application`, over slices of one input per dtype: equations of one shape share kernels, so few are compiled."""
    builder = Builder("samples")
    parts: dict[np.dtype, list[np.ndarray]] = {}
    for _, (operands, _) in cases:
        for a in operands:
            parts.setdefault(a.dtype, []).append(a.reshape(-1))
    arrays = {dtype: np.concatenate(lines) for dtype, lines in parts.items()}
    inputs = {dtype: builder.input(TensorType(dtype, array.shape)) for dtype, array in arrays.items()}
    begin = dict.fromkeys(arrays, 0)
    outputs: list[Atom] = []
    for primitive, (operands, params) in cases:
        views = []
        for a in operands:
            where = {"start": (begin[a.dtype],), "step": (1,), "shape": (a.size,)}
            line = builder.append(view.slice_, (inputs[a.dtype],), where)[0]
            views.append(builder.append(view.reshape, (line,), {"shape": a.shape})[0])
            begin[a.dtype] += a.size
        outputs += builder.append(primitive, tuple(views), params)
    return verify(builder.finish(outputs)), list(arrays.values())


def by_equation(graph: Graph, results: Sequence[np.ndarray]) -> list[tuple[np.ndarray, ...]]:
    """The results of an `application`, those of one equation together."""
    found = iter(results)
    return [tuple(np.asarray(next(found)) for _ in eqn.outputs) for eqn in graph.eqns]


def execute(
    graph: Graph, arrays: Sequence[np.ndarray], backend: str, strides: Mapping[Var, Shape] | None = None
) -> list[np.ndarray]:
    return Plan(lower(graph), backend).run(arrays)


@contextlib.contextmanager
def without_numbas_threads() -> Iterator[None]:
    """Numba compiles loops over `prange` as if over `range`, in a third of the time: for tests of what the loops compute."""
    njit = numba.njit
    numba.njit = lambda *args, parallel=False, **options: njit(*args, **options)
    try:
        yield
    finally:
        numba.njit = njit


# comparing ------------------------------------------------------------------------------------------------------------
def same_bits(got: np.ndarray, want: np.ndarray) -> bool:
    """Equal types, shapes and bits; one NaN is as good as another."""
    if (got.dtype, got.shape) != (want.dtype, want.shape):
        return False
    if not dt.is_inexact(got.dtype):
        return bool(np.array_equal(got, want))
    if dt.is_complex(got.dtype):
        return same_bits(got.real, want.real) and same_bits(got.imag, want.imag)
    nan = np.isnan(want)
    with np.errstate(invalid="ignore"):
        return bool(np.all(np.where(nan, np.isnan(got), (got == want) & (np.signbit(got) == np.signbit(want)))))


def same_values(got: np.ndarray, want: np.ndarray) -> bool:
    """As `same_bits`, but 0 and -0 are one."""
    zero = got.dtype.type(0)
    return same_bits(np.where(got == zero, zero, got), np.where(want == zero, zero, want))


def ulp(value: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The distance between neighbouring numbers of `dtype` at these (wider) values."""
    info = ml_dtypes.finfo(dtype)
    exponent = np.frexp(np.where(np.isfinite(value), value, 1))[1].astype(np.int64) - 1
    return np.ldexp(value.dtype.type(1), np.maximum(exponent, int(info.minexp)) - int(info.nmant))


def wide(array: np.ndarray) -> np.ndarray:
    """The values in a dtype with more digits."""
    if not dt.is_float(array.dtype):
        return array
    return array.astype(np.longdouble if array.dtype == dt.float64 else np.float64)


def within(got: np.ndarray, exact: np.ndarray, units: float, slack: object = 0.0) -> bool:
    """At most `units` in the last place (plus `slack`) from the exact value; NaN and infinities where that has them."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        special = ~np.isfinite(rounded.astype(np.float64)) | ~np.isfinite(got.astype(np.float64))
        far = np.abs(got.astype(exact.dtype) - exact) > units * ulp(exact, got.dtype) + slack
        return bool(np.all(np.where(special, same_elements(got, rounded), ~far)))


def same_elements(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Where two arrays are equal, NaN to NaN."""
    return (got == want) | ((got != got) & (want != want))


def agree(primitive: Primitive, sample: Sample, got: np.ndarray, eager: np.ndarray) -> bool:
    """Whether a compiled result is right: the bits of eager execution, or within the bound of this kind of operation."""
    operands, params = sample
    if (got.dtype, got.shape) != (eager.dtype, eager.shape):
        return False
    if operands and any(dt.is_complex(a.dtype) for a in operands):
        return agree_complex(primitive, sample, got, eager)
    if not dt.is_float(got.dtype) or primitive.kind is Kind.OPAQUE or (primitive.body is None and primitive.kind is Kind.MAP):
        return same_bits(got, eager)
    if primitive.name in ELEMENTARY:
        return agree_elementary(primitive, operands, got, eager)
    if primitive.name == "sum":
        return _agree_sum(np.sum(wide(operands[0]), params["axes"]), np.sum(np.abs(wide(operands[0])), params["axes"]), got)
    if primitive.name == "prod":
        count = int(np.prod([operands[0].shape[a] for a in params["axes"]], dtype=np.int64))
        return within(got, np.prod(wide(operands[0]), params["axes"]), 1 + count)
    if primitive.kind is Kind.CONTRACT:
        magnitudes = primitive.eval(*(np.abs(wide(a)) for a in operands), **params)
        return _agree_sum(primitive.eval(*map(wide, operands), **params), magnitudes, got)
    if primitive.name in ("min", "max", "reduce_min", "reduce_max"):
        return same_values(got, eager)  # which of 0 and -0 is smaller is open in NumPy
    return same_bits(got, eager)


def agree_complex(primitive: Primitive, sample: Sample, got: np.ndarray, eager: np.ndarray) -> bool:
    """As `agree`, of complex operands: NumPy's bits, or each part within the bound of this kind of operation."""
    operands, params = sample
    ulps = COMPLEX_ULPS.get(primitive.name, 0)
    pairs = [(got.real, eager.real), (got.imag, eager.imag)] if dt.is_complex(got.dtype) else [(got, eager)]
    if primitive.name == "sum":
        parts = operands[0].real, operands[0].imag
        return all(agree(primitive, ((part,), params), own, want) for part, (own, want) in zip(parts, pairs))
    if primitive.name == "prod":
        count = int(np.prod([operands[0].shape[a] for a in params["axes"]], dtype=np.int64))
        slack = 2 * count * np.finfo(pairs[0][0].dtype).eps * np.abs(eager).astype(np.longdouble)
        return all(within(own, want.astype(np.longdouble), 1, slack) for own, want in pairs)
    if primitive.kind is Kind.CONTRACT:
        magnitudes = primitive.eval(*map(np.abs, operands), **params)
        slack = 4 * np.finfo(pairs[0][0].dtype).eps * magnitudes.astype(np.longdouble)
        return all(within(own, want.astype(np.longdouble), 1, slack) for own, want in pairs)
    if not ulps:
        return same_bits(got, eager)
    return all(within(own, want.astype(np.longdouble), ulps) and same_zeros(own, want) for own, want in pairs)


def same_zeros(got: np.ndarray, want: np.ndarray) -> bool:
    """Whether zeros have the same sign."""
    return bool(np.all(np.where((got == 0) & (want == 0), np.signbit(got) == np.signbit(want), True)))


def agree_elementary(primitive: Primitive, operands: tuple, got: np.ndarray, eager: np.ndarray) -> bool:
    """NaN, infinities and zeros as eager has them; the rest within the bound of the exact value."""
    double = got.dtype == dt.float64
    if double and primitive.name in NO_LONG_DOUBLE:
        # Near its zeros at 1 and 2 lgamma is exact to an epsilon only, SciPy's included.
        slack = 2 * ULPS * np.finfo(np.float64).eps if primitive.name == "lgamma" else 0.0
        return within(got, eager.astype(np.longdouble), 2 * ULPS, slack)
    with np.errstate(all="ignore"):
        exact = np.asarray(primitive.eval(*map(wide, operands)))
        zeros = (exact == 0) & (eager == 0)
        if not np.all(np.where(zeros, (got == 0) & (np.signbit(got) == np.signbit(eager)), True)):
            return False
    return within(got, exact, ULPS if got.dtype.itemsize >= 4 else 1)


def _agree_sum(exact: np.ndarray, magnitudes: np.ndarray, got: np.ndarray) -> bool:
    """Half an ulp for the result's rounding, and two roundings of the accumulator relative to the sum of magnitudes."""
    accumulator = dt.float64 if got.dtype == dt.float64 else dt.float32
    return within(got, np.asarray(exact), 0.5, 2 * float(np.finfo(accumulator).eps) * magnitudes)


def in_subprocess(source, **environment):
    """Run a program with these environment variables; what it printed."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, cwd=ROOT,
                          env={**os.environ, "HYBRID_CACHE": "0", **environment})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done
