"""What derivatives are said to be where there is none or several: zeros, ties, branch ends; and that nothing overflows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.special as ss

import hybrid as hy
from hybrid.ir.graph import Graph, evaluate
from hybrid.transforms import forward, reverse

INF, NAN = np.inf, np.nan
HUGE = np.array([-1000.0, 0.0, 1000.0])


def graph_of(f: Callable, *xs: np.ndarray) -> Graph:
    traced = hy.function(f, strict=True).trace(*xs)
    return traced if isinstance(traced, Graph) else traced.graph


def backward(graph: Graph) -> Graph:
    return reverse.vjp(graph, [True] * len(graph.inputs), [True] * len(graph.outputs), results=False)


def gradients(f: Callable, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of the sum of results."""
    graph = graph_of(f, *xs)
    return evaluate(backward(graph), *xs, *(np.ones(atom.type.shape, atom.type.dtype) for atom in graph.outputs))


def directional(f: Callable, *xs: np.ndarray) -> float:
    """Forward, along ones: the sum of what the gradients sum to."""
    graph = graph_of(f, *xs)
    pushed, _ = forward.jvp(graph, [True] * len(xs), [True] * len(graph.outputs))
    return float(np.sum(evaluate(pushed, *xs, *map(np.ones_like, xs))[-1]).real)


POINTS: list[tuple[str, Callable, list, list]] = [
    ("norm of zero", np.linalg.norm, [[0.0, 0.0]], [[0, 0]]),
    ("norm of a row of zeros", lambda x: np.linalg.norm(x, axis=1), [[[0.0, 0], [3, 4]]], [[[0, 0], [0.6, 0.8]]]),
    ("another norm of zero", lambda x: np.linalg.norm(x, 3), [[0.0, 0.0]], [[0, 0]]),
    ("deviation of equal numbers", np.std, [[1.0, 1.0]], [[0, 0]]),
    ("abs", np.abs, [[-1.0, 0, 2]], [[-1, 0, 1]]),
    ("hypot", np.hypot, [[0.0, 1e200], [0.0, 1e200]], [[0, 0.5**0.5], [0, 0.5**0.5]]),
    ("atan2", np.arctan2, [[0.0, 3], [0.0, 4]], [[0, 0.16], [0, -0.12]]),
    ("square as a power", lambda x: x**2.0, [[0.0, -3]], [[0, -6]]),
    ("power", np.power, [[0.0, 0, 2, 0], [2.0, 0, 0.5, 1]], [[0, 0, 0.5**1.5, 1], [0, 0, np.sqrt(2) * np.log(2), 0]]),
    ("base of a power below zero", lambda x, y: (x**y).sum(), [[-2.0], [3.0]], [[12], [NAN]]),
    ("sqrt behind where", lambda x: np.where(x > 0, np.sqrt(x), 0.0), [[0.0, 4, -1]], [[0, 0.25, 0]]),
    ("log behind where", lambda x: np.where(x > 0, np.log(x), 0.0), [[0.0, 4, -1]], [[0, 0.25, 0]]),
    ("quotient behind where", lambda x: np.where(x != 0, 1 / x, 0.0), [[0.0, 4]], [[0, -0.0625]]),
    ("remainder behind where", lambda x, y: np.where(y != 0, x % y, 0.0), [[5.0, 4], [0.0, 3]], [[0, 1], [0, -1]]),
    ("exp behind where", lambda x: np.where(x < 10, np.exp(x), 0.0), [[0.0, 1000]], [[1, 0]]),
    ("maximum of NaN behind where", lambda x: np.where(x[1] > 9, x.max(), 0.0), [[NAN, 1.0]], [[0, 0]]),
    ("x·log(y)", ss.xlogy, [[0.0, 0, 1], [0.0, 2, 2]], [[0, np.log(2), np.log(2)], [0, 0, 0.5]]),
    ("equal maxima", np.max, [[1.0, 3, 3, 0]], [[0, 0.5, 0.5, 0]]),
    ("equal operands", np.maximum, [[1.0, 2], [1.0, 3]], [[0.5, 0], [0.5, 1]]),
    ("a constant operand", lambda x: np.maximum(x, 0.0), [[-1.0, 0, 2]], [[0, 0, 1]]),
    ("running maximum", np.maximum.accumulate, [[1.0, 3, 3, 2, 4]], [[1, 3, 0, 0, 1]]),
    ("running minimum", np.minimum.accumulate, [[3.0, 3, 1, 2, 1]], [[2, 0, 3, 0, 0]]),
    ("product with a zero", np.prod, [[2.0, 0, 3]], [[0, 6, 0]]),
    ("product with zeros", np.prod, [[0.0, 0, 3]], [[0, 0, 0]]),
    ("running product with a zero", np.cumprod, [[2.0, 0, 3, 4]], [[1, 32, 0, 0]]),
    ("sorted ties", lambda x: np.sort(x) * np.array([1.0, 2, 3]), [[2.0, 2, 1]], [[2, 3, 1]]),
    ("interpolation at a knot", lambda x: np.interp(x, [0.0, 1, 2], [0.0, 1, 4]), [[0.0, 0.5, 1, 3]], [[1, 1, 3, 0]]),
    ("sinc", np.sinc, [[0.0, 1e-16]], [[0, -(np.pi**2) / 3 * 1e-16]]),
    ("sigmoid", hy.sigmoid, [HUGE], [[0, 0.25, 0]]),
    ("tanh", np.tanh, [HUGE], [[0, 1, 0]]),
    ("softplus", hy.softplus, [[-1000.0, 0, 1000, -INF, INF]], [[0, 0.5, 1, 0, 1]]),
    ("logaddexp", np.logaddexp, [HUGE, HUGE[::-1]], [[0, 0.5, 1], [1, 0.5, 0]]),
    ("elu", hy.elu, [HUGE], [[0, 1, 1]]),
    ("silu", hy.silu, [HUGE], [[0, 0.5, 1]]),
    ("log_softmax", lambda x: hy.log_softmax(x)[0], [HUGE], [[1, 0, -1]]),
    ("logsumexp", hy.logsumexp, [[-INF, 0.0, 0.0, -1000]], [[0, 0.5, 0.5, 0]]),
    ("eigenvalues that are equal", np.linalg.eigvalsh, [np.eye(2)], [np.eye(2)]),
    ("singular values that are equal", lambda x: np.linalg.svd(x)[1], [np.eye(2)], [np.eye(2)]),
    ("determinant of a singular matrix", np.linalg.det, [[[1.0, 2], [2, 4]]], [[[4, -2], [-2, 1]]]),
    ("determinant of zero", np.linalg.det, [np.zeros((3, 3))], [np.zeros((3, 3))]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "xs", "expected"), [row[1:] for row in POINTS], ids=[row[0] for row in POINTS])
def test_stated_derivatives(f, xs, expected):
    xs = [np.asarray(x, np.float64) for x in xs]
    found = gradients(f, *xs)
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-20)
    if not any(np.isnan(got).any() for got in found):
        np.testing.assert_allclose(directional(f, *xs), sum(np.sum(got) for got in found), rtol=1e-9, atol=1e-12)


SECOND = [
    ("softplus", lambda x: hy.softplus(x), 0.0, 0.25),
    ("square", lambda x: x**2.0, 0.0, 2.0),
    ("cube", lambda x: x**3.0, 0.0, 0.0),
    ("product", lambda x: np.prod(np.stack((x, x, x + 2))), 0.0, 4.0),
    ("sinc", np.sinc, 0.0, -(np.pi**2) / 3),
    ("determinant", lambda x: np.linalg.det(np.stack((np.stack((x, x)), np.stack((-x, x))))), 0.0, 4.0),
]


@pytest.mark.parametrize(("f", "at", "expected"), [row[1:] for row in SECOND], ids=[row[0] for row in SECOND])
def test_second_derivatives(f, at, expected):
    graph = graph_of(f, np.asarray(at))
    first = backward(graph)
    second = reverse.vjp(first, [True, False], [True], results=False)
    found = evaluate(second, np.asarray(at), np.asarray(1.0), np.asarray(1.0))
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)


def test_the_last_of_values_written_to_one_place_has_the_derivative():
    def f(x, v):
        x = x.copy()
        x[np.array([1, 1, 0])] = v
        return x * np.array([1.0, 10.0, 100.0])

    dx, dv = gradients(f, np.zeros(3), np.ones(3))
    np.testing.assert_array_equal(dx, [0, 0, 100])
    np.testing.assert_array_equal(dv, [0, 10, 1])


@pytest.mark.parametrize(("exponent", "expected"), [(0.5, INF), (0.25, INF), (0.0, 0.0), (1.0, 1.0), (1.5, 0.0), (-1.0, -INF)])
def test_powers_of_zero_whose_exponent_only_a_call_knows(exponent, expected):
    """The square root that NumPy takes for 0.5 has the derivative of a square root."""

    def f(x, y):
        return (x**y).sum()

    x = np.zeros(3)
    for way in (hy.grad(f), hy.function(hy.grad(f), strict=True), hy.grad(hy.function(f, strict=True))):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(way(x, np.float64(exponent)), np.full(3, expected))
            np.testing.assert_array_equal(hy.grad(lambda x: (x**exponent).sum())(x), np.full(3, expected))
    np.testing.assert_allclose(hy.grad(f)(np.array([4.0]), 0.5), [0.25])
