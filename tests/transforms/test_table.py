"""Generated from the primitive table: every row's derivative forward and backward, twice, on the row's samples."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special as ss

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core.errors import GradientError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Graph, evaluate, symbols_of
from hybrid.ir.primitive import NO_GRADIENT, TABLE, ZERO_GRADIENT, Kind, Primitive
from hybrid.ir.verify import verify
from hybrid.transforms import forward, reverse
from hybrid.transforms.terms import Recorder

sys.path.insert(0, str(Path(__file__).parent))
from derivatives import Arrays, Flags, backward_graph, check, chosen, differentiable, native

SMOOTH = {dt.float64, dt.complex128}
SOME = 4  # samples of a row that are differentiated twice
SYMMETRIC = {"cholesky", "eigh"}  # they read one triangle of what they take for a Hermitian matrix
JUMPS = {name for name, row in TABLE.items() if row.derivative is ZERO_GRADIENT}


# Graphs of one operation -------------------------------------------------------------------------------------------------
def graph_of(row: Primitive, operands: Sequence[Any], params: dict[str, Any]) -> Graph:
    builder = Builder(row.name)
    inputs = [builder.input(TensorType(np.asarray(x).dtype, np.shape(x))) for x in operands]
    recorder = Recorder(builder)
    xs = [recorder.term(var) for var in inputs]
    if row.name in SYMMETRIC:
        xs = [(x + x.mH) * 0.5 for x in xs]
    outputs = builder.append(row, tuple(x.atom for x in xs), params)
    if row.name in ("eigh", "svd"):  # vectors have phases that differences do not follow: products of them have none
        outputs = tuple(phaseless(row.name, [recorder.term(var) for var in outputs]))
    return builder.finish(outputs)


def phaseless(name: str, parts: list) -> list:
    if name == "eigh":
        w, v = parts
        weight = w.places(w.ndim - 1, w.shape).astype(w.dtype)
        return [w.atom, ((v * weight.expand_dims(-2)) @ v.mH).atom]
    u, s, vh = parts
    weight = s.places(s.ndim - 1, s.shape).astype(s.dtype) + 1
    return [((u * weight.expand_dims(-2)) @ u.mH).atom, s.atom, (vh.mH @ (vh * weight.expand_dims(-1))).atom, (u @ vh).atom]


def cases(row: Primitive, dtypes: set[np.dtype] = SMOOTH) -> list[tuple[Graph, Arrays]]:
    out = []
    for operands, params in row.sample(np.random.default_rng(0)):
        arrays = [np.asarray(x) for x in operands]
        inexact = [x for x in arrays if dt.is_inexact(x.dtype)]
        if inexact and any(x.size for x in inexact) and all(x.dtype in dtypes for x in inexact):
            graph = graph_of(row, arrays, params)
            results = [atom.type.dtype for atom in graph.outputs if differentiable(atom)]
            if results and set(results) <= dtypes:
                out.append((graph, arrays))
    return out


def rows(*without: Any) -> list[str]:
    """The operations with such derivatives, but for branches and loops."""
    given = ("recomputed", "ruled")  # whose derivatives are graphs among their params: test_checkpoint, test_custom
    names = [n for n in sorted(TABLE) if TABLE[n].kind is not Kind.CONTROL and n not in given]
    return [n for n in names if TABLE[n].derivative not in without]


def put(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[np.argsort(x[:, 1])[:2]] = x[2:4] * x[0]
    return x


DIFFERENTIABLE = rows(NO_GRADIENT, ZERO_GRADIENT)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_first_order(name):
    found = cases(TABLE[name])
    assert found
    for graph, arrays in found:
        check(graph, arrays)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_second_order(name):
    for graph, arrays in cases(TABLE[name])[:SOME]:
        back, more = backward_graph(graph, arrays)
        check(back, more)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_compiled(name):
    for graph, arrays in cases(TABLE[name])[:1]:
        check(graph, arrays, native)
        back, more = backward_graph(graph, arrays)
        check(back, more, native)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives_have_the_dtypes_of_their_values(name):
    for graph, arrays in cases(TABLE[name], {dt.float16, dt.bfloat16, dt.float32, dt.complex64}):
        flags = Flags(graph)
        wide = [np.asarray(np.ones(atom.type.shape), atom.type.dtype) for atom in graph.outputs if differentiable(atom)]
        pulled = reverse.vjp(graph, flags.inputs, flags.outputs, results=False)
        verify(pulled)
        for got, x in zip(evaluate(pulled, *arrays, *wide), chosen(arrays, flags.inputs), strict=True):
            assert (got.dtype, got.shape) == (x.dtype, x.shape)
        pushed, _ = forward.jvp(graph, flags.inputs, flags.outputs)
        verify(pushed)
        along = evaluate(pushed, *arrays, *chosen([np.ones_like(x) for x in arrays], flags.inputs))[len(graph.outputs) :]
        assert [x.dtype for x in along] == [x.dtype for x in wide]


@pytest.mark.parametrize("name", sorted(JUMPS))
def test_zero_gradients(name):
    for graph, arrays in cases(TABLE[name]):
        back, more = backward_graph(graph, arrays)
        assert all(not np.any(g) for g in evaluate(back, *more))


@pytest.mark.parametrize("name", [n for n in rows() if TABLE[n].derivative is NO_GRADIENT])
def test_no_gradient_is_said_aloud(name):
    """What has a result that could have a derivative and no rule: an error with the operation's name and a way out."""
    for graph, _ in cases(TABLE[name]):
        flags = Flags(graph)
        for differentiate in (reverse.vjp, forward.jvp):
            with pytest.raises(GradientError, match="has no derivative") as caught:
                differentiate(graph, flags.inputs, flags.outputs)
            assert caught.value.fix


SIZES = {
    "prod": lambda x: np.prod(x, axis=1) + np.prod(x),
    "cumprod": lambda x: np.cumprod(x, axis=0),
    "cummax": lambda x: np.maximum.accumulate(x, axis=0),
    "sort": lambda x: np.sort(x, axis=0),
    "max": lambda x: x.max(axis=0) * x.min(),
    "cumsum": lambda x: np.cumsum(x, axis=0),
    "fft": lambda x: np.fft.ifft(np.fft.fft(x, axis=0) * x, axis=0).real,
    "slices": lambda x: x[1:] - x[:-1] + x[::-1][1:],
    "take": lambda x: x[np.argsort(x[:, 0])],
    "solve": lambda x: np.linalg.solve(x.T @ x, x.T),
    "det": lambda x: np.linalg.det(x.T @ x),
    "softmax": lambda x: hy.softmax(x, axis=0),
    "logsumexp": lambda x: ss.logsumexp(x, axis=0),
    "cov": lambda x: np.cov(x),
    "pinv": lambda x: np.linalg.pinv(x),
    "put": put,
}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_sizes_that_only_a_run_knows(name):
    x = np.random.default_rng(3).normal(size=(7, 3))
    graph = hy.function(SIZES[name], strict=True).trace(hy.Spec((None, 3), "float64"))
    graph = graph if isinstance(graph, Graph) else graph.graph
    assert any(symbols_of(var.type) for var in graph.inputs)
    for run in (evaluate, native):
        check(graph, [x], run)
    check(*backward_graph(graph, [x]))
