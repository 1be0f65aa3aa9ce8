"""Generated from the primitive table: every row's types and values, on the row's own samples; derivatives in `transforms`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, TABLE, Derivative, Kind, Primitive, infer

ROWS = sorted(TABLE)


def samples(row: Primitive) -> list:
    return list(row.sample(np.random.default_rng(0)))


def as_tuple(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("name", ROWS)
def test_values_have_the_inferred_type(name):
    row = TABLE[name]
    cases = samples(row)
    assert cases or name == "again"  # which has a meaning inside a recursion alone: its sample is that of one
    for operands, params in cases:
        types = infer(row, [TensorType(np.asarray(x).dtype, np.shape(x)) for x in operands], params)
        with np.errstate(all="ignore"):
            results = as_tuple(row.eval(*operands, **params))
        assert [(t.dtype, t.shape) for t in types] == [(r.dtype, r.shape) for r in results]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_how_it_runs_and_differentiates(name):
    row = TABLE[name]
    assert isinstance(row.derivative, Derivative)
    assert row.body or row.index or row.regions or row.kind is Kind.CONTRACT or row.reason


def test_no_gradient_is_said_aloud():
    assert repr(NO_GRADIENT) == "NO_GRADIENT"
    assert all(TABLE[name].derivative is NO_GRADIENT for name in ("bitcast", "argsort", "eq", "iota"))
