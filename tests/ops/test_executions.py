"""Every row of the table gives on every back end what it gives eagerly, on its samples and on hard values."""

from __future__ import annotations

import itertools

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


def compare(primitive: Primitive, samples: list[Sample], backend: str) -> None:
    graph, arrays = tools.application(primitive, samples)
    results = tools.execute(graph, arrays, backend)
    for sample, got, eager in zip(samples, results, evaluate(graph, *arrays), strict=True):
        assert tools.agree(primitive, sample, got, np.asarray(eager)), f"{sample}\n{backend}: {got!r}\neager: {eager!r}"


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_samples(name, backend):
    primitive = TABLE[name]
    compare(primitive, list(primitive.sample(np.random.default_rng(1))), backend)


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
        rows = list(itertools.product(*(hard(t.dtype) for t in types)))
        out.append((tuple(np.array(column, t.dtype) for column, t in zip(zip(*rows), types, strict=True)), {}))
    return out


@pytest.mark.parametrize("name", [n for n in LOOPS if n not in ("iota", "convert", "bitcast")])
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_hard_values(name, backend):
    compare(TABLE[name], hard_samples(TABLE[name]), backend)
