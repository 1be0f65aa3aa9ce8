"""Checks of derivatives of graphs: against central differences, and forward against backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.export.saved import Saved
from hybrid.ir.graph import Graph, evaluate
from hybrid.ir.verify import verify
from hybrid.transforms import forward, reverse

STEP = 1e-6
Arrays = list[np.ndarray]


def differentiable(atom: Any) -> bool:
    return dt.is_inexact(atom.type.dtype)


def inner(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """Re Σ conj(a)·b."""
    return float(sum(np.sum(np.conj(x) * y).real for x, y in zip(a, b, strict=True)))


def direction(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    out = rng.normal(size=x.shape)
    return np.asarray(out + 1j * rng.normal(size=x.shape) if dt.is_complex(x.dtype) else out).astype(x.dtype)


def size(arrays: Sequence[np.ndarray]) -> float:
    return 1 + max((float(np.max(np.abs(a))) for a in arrays if a.size), default=0.0)


class Flags:
    """Which inputs and results of a graph have derivatives."""

    def __init__(self, graph: Graph):
        self.inputs = [differentiable(var) for var in graph.inputs]
        self.outputs = [differentiable(atom) for atom in graph.outputs]


def chosen(values: Sequence[Any], flags: Sequence[bool]) -> list:
    return [x for x, has in zip(values, flags) if has]


def check(graph: Graph, arrays: Arrays, run: Any = evaluate) -> None:
    """Forward is the central difference, and ⟨c, J t⟩ = ⟨Jᴴ c, t⟩."""
    rng, flags = np.random.default_rng(1), Flags(graph)
    tangents = [direction(rng, x) for x in chosen(arrays, flags.inputs)]
    pushed, _ = forward.jvp(graph, flags.inputs, flags.outputs)
    verify(pushed)
    along = run(pushed, *arrays, *tangents)[len(graph.outputs) :]
    expected = difference(graph, arrays, tangents, flags)
    for got, want, value in zip(along, expected, chosen(evaluate(graph, *arrays), flags.outputs), strict=True):
        assert (got.dtype, got.shape) == (value.dtype, value.shape)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=3e-6 * size(expected))
    cotangents = [direction(rng, x) for x in along]
    pulled = reverse.vjp(graph, flags.inputs, flags.outputs, results=False)
    verify(pulled)
    back = run(pulled, *arrays, *cotangents)
    for got, x in zip(back, chosen(arrays, flags.inputs), strict=True):
        assert (got.dtype, got.shape) == (x.dtype, x.shape)
    np.testing.assert_allclose(inner(back, tangents), inner(cotangents, along), rtol=1e-8, atol=1e-8 * size(along))


def difference(graph: Graph, arrays: Arrays, tangents: Arrays, flags: Flags) -> Arrays:
    """(f(x + ht) - f(x - ht)) / 2h."""
    ends = []
    for h in (STEP, -STEP):
        along = iter(tangents)
        moved = [x + h * next(along) if has else x for x, has in zip(arrays, flags.inputs)]
        ends.append(chosen(evaluate(graph, *moved), flags.outputs))
    return [(np.asarray(a) - b) / (2 * STEP) for a, b in zip(*ends)]


def native(graph: Graph, *arrays: np.ndarray) -> tuple:
    out = Saved(graph, {})(*arrays)
    return out if isinstance(out, tuple) else (out,)


def backward_graph(graph: Graph, arrays: Arrays) -> tuple[Graph, Arrays]:
    """The vjp graph, and operands for it."""
    rng, flags = np.random.default_rng(2), Flags(graph)
    results = [np.asarray(x) for x in evaluate(graph, *arrays)]
    cotangents = [direction(rng, x) for x in chosen(results, flags.outputs)]
    return reverse.vjp(graph, flags.inputs, flags.outputs, results=False), [*arrays, *cotangents]
