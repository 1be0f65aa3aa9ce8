"""Every row of the table gives on every back end what it gives eagerly, on its samples and on hard values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import ml_dtypes
import numpy as np
import pytest

import hybrid.ops  # noqa: F401  fills the table
from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError
from hybrid.core.shape import TensorType
from hybrid.ir.graph import evaluate
from hybrid.ir.primitive import TABLE, Kind, Primitive, Sample, infer
from tests import tools

LOOPS = [name for name, row in TABLE.items() if row.kind is Kind.MAP and row.body is not None]
# What holds between values and sizes gives no result to compare: tests/staging/test_control.py runs it.
GIVING = [name for name in TABLE if name not in ("bind", "check", "again")]


def compare(primitive: Primitive, samples: Sequence[Sample], backend: str) -> None:
    graph, arrays = tools.application(primitive, samples)
    compiled = tools.by_equation(graph, tools.execute(graph, arrays, backend))
    eager = tools.by_equation(graph, evaluate(graph, *arrays))
    for sample, gots, wants in zip(samples, compiled, eager, strict=True):
        for got, want in zip(gots, wants, strict=True):
            assert tools.agree(primitive, sample, got, want), f"{sample}\n{backend}: {got!r}\neager: {want!r}"


@pytest.mark.parametrize("name", GIVING)
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_samples(name, backend):
    primitive = TABLE[name]
    compare(primitive, list(primitive.sample(np.random.default_rng(1))), backend)


def test_samples_numba():
    """One sample of every row, another place of its list for each; `tests/sweeps/sweep_table.py` compiles all of them, with
    Numba's threads, which `tests/fuzz` and `tests/codegen` compile."""
    cases: list[tuple[Primitive, Sample]] = []
    for k, row in enumerate(map(TABLE.__getitem__, GIVING)):
        samples = row.sample(np.random.default_rng(1))
        if row.kind is not Kind.OPAQUE:
            cases.append((row, samples[5 * k % len(samples)]))
    with tools.without_numbas_threads():
        compare_on_slices(cases, "numba")


def compare_on_slices(cases: Sequence[tuple[Primitive, Sample]], backend: str) -> None:
    graph, arrays = tools.application_on_slices(cases)
    compiled, eager = tools.execute(graph, arrays, backend), evaluate(graph, *arrays)
    for (primitive, sample), got, want in zip(cases, compiled, eager, strict=True):
        assert tools.agree(primitive, sample, got, np.asarray(want)), (
            f"{primitive} {sample}\n{backend}: {got!r}\neager: {want!r}"
        )


# hard values ----------------------------------------------------------------------------------------------------------
def hard(dtype: np.dtype) -> np.ndarray:
    """NaN, infinities, zeros, subnormals, the largest and smallest numbers, halves; or the ends of an integer's range."""
    if dtype == dt.bool_:
        return np.array([False, True])
    if dt.is_integer(dtype):
        info = np.iinfo(dtype)
        inside = [n for n in (-8, -7, -2, -1, 0, 1, 2, 3, 7, 8, 31, 63) if info.min <= n <= info.max]
        return np.array([info.min, info.min + 1, *inside, info.max - 1, info.max], dtype)
    info = ml_dtypes.finfo(dtype)
    values = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 7.0, 40.25, 1e-3, np.inf]
    ends = [info.max, info.smallest_normal, info.smallest_subnormal]
    half = np.array(values, dtype), np.array(ends, dtype), np.array([np.nan], dtype)
    return np.concatenate([half[0], half[1], -half[0], -half[1], half[2]])


OPEN = {"lgamma": -np.inf}  # infinite either way: C says inf, SciPy says -inf


def hard_samples(primitive: Primitive) -> list[Sample]:
    """All combinations of hard values, for every dtype the row takes."""
    out: list[Sample] = []
    arity = len(primitive.sample(np.random.default_rng(1))[0][0])
    for dtype in dt.ALL:
        if dt.is_complex(dtype):
            continue
        types = [TensorType(dtype, ())] * arity
        if primitive.name == "select":
            types[0] = TensorType(dt.bool_, ())
        try:
            infer(primitive, types, {})
        except DTypeError:
            continue
        rows = [row for row in itertools.product(*(hard(t.dtype) for t in types)) if OPEN.get(primitive.name) not in row]
        out.append((tuple(np.array(column, t.dtype) for column, t in zip(zip(*rows), types, strict=True)), {}))
    return out


@pytest.mark.parametrize("name", [n for n in LOOPS if n not in ("iota", "size", "convert", "bitcast", "special")])
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_hard_values(name, backend):
    compare(TABLE[name], hard_samples(TABLE[name]), backend)
