"""The check that every traced test makes: trace a NumPy function, run its graph, compare with the function itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hybrid.core import tree
from hybrid.core.shape import TensorType
from hybrid.frontend.tensor import Tensor
from hybrid.frontend.values import symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Graph, evaluate
from hybrid.ir.verify import verify


def kind_of(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "ndarray"
    return "scalar" if isinstance(value, np.generic) else "python"


def argument(trace: tr.Trace, value: Any, index: int) -> Tensor:
    array = np.asarray(value)
    kind = kind_of(value)
    strides = array.strides if kind == "ndarray" else None
    type_ = TensorType(array.dtype, array.shape, kind == "python")
    return wrap(trace.argument(type_, kind, f"a{index}", index, strides=strides))


def record(function: Callable, *args: Any) -> tuple[Graph, list[str], tree.Structure, list[bool]]:
    """The graph of results and final argument contents, the results' kinds and structure, and which arguments were written."""
    with tr.Trace("f") as trace:
        inputs = [argument(trace, value, k) for k, value in enumerate(args)]
        leaves, structure = tree.flatten(function(*inputs))
        kinds = [symbol(trace, leaf).kind if isinstance(leaf, Tensor) else kind_of(leaf) for leaf in leaves]
        results = [tr.read(symbol(trace, leaf)) for leaf in leaves]
        cells = [x._data.cell for x in inputs]
        finals = [cell.value for cell in cells]
        return verify(trace.builder.finish([*results, *finals])), kinds, structure, [cell.written for cell in cells]


def same(got: Any, expected: Any, tolerance: float) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if got.dtype.kind in "fc":
        scale = np.finfo(got.dtype).eps
        np.testing.assert_allclose(got, expected, rtol=tolerance * scale, atol=tolerance * scale)
    elif got.dtype.kind == "V":
        np.testing.assert_allclose(got.astype(np.float32), expected.astype(np.float32), rtol=0.02)
    else:
        np.testing.assert_array_equal(got, expected)


def duplicate(value: Any) -> Any:
    return value.copy("K") if isinstance(value, np.ndarray) else value


@pytest.fixture
def traced() -> Callable[..., Graph]:
    """`traced(function, *args)`: the graph of the results alone."""
    return lambda function, *args: record(function, *args)[0]


@pytest.fixture
def check() -> Callable[..., Graph]:
    """`check(function, *args)`: values, dtypes, shapes, kinds and writes of the traced function are NumPy's."""

    def run(function: Callable, *args: Any, tolerance: float = 8.0) -> Graph:
        with np.errstate(all="ignore"):
            direct = [duplicate(a) for a in args]
            leaves, structure = tree.flatten(function(*direct))
            graph, kinds, traced_structure, written = record(function, *args)
            out = evaluate(graph, *(np.asarray(duplicate(a)) for a in args))
        assert [s.kind for s in traced_structure.children] == [s.kind for s in structure.children]
        assert len(kinds) == len(leaves)
        for got, expected, kind in zip(out, leaves, kinds):
            same(got, expected, tolerance)
            assert kind == kind_of(expected)
        for got, after, changed in zip(out[len(leaves) :], direct, written):
            same(got, after, tolerance if changed else 0)
        return graph

    return run


@pytest.fixture
def check_eager() -> Callable[..., None]:
    """`check_eager(function, *args)`: on tensors, the function gives tensors with NumPy's values and writes."""

    def run(function: Callable, *args: Any) -> None:
        with np.errstate(all="ignore"):
            direct = [duplicate(a) for a in args]
            tensors = [wrap(duplicate(a)) if isinstance(a, np.ndarray) else a for a in args]
            expected, _ = tree.flatten(function(*direct))
            got, _ = tree.flatten(function(*tensors))
        assert len(got) == len(expected)
        for a, b in zip(got, expected):
            if isinstance(b, (np.ndarray, np.generic)):
                assert isinstance(a, Tensor)
            same(a, b, 0)
        for a, b in zip(tensors, direct):
            same(a, b, 0)

    return run
