"""In-place code under transforms inside transforms: second derivatives by every pair of modes, batches, written views."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import GradientError, TraceError

X = np.array([1.3, 0.7, -0.4])
ROWS = np.array([[1.3, 0.7, -0.4], [0.2, 0.5, 0.9]])


def into_zeros(x):
    y = hy.zeros(3, dtype=float)
    y[0] = x[0] * x[1]
    y[1:] = x[1:] ** 3 * x[0]
    return (y * y).sum()


def in_place(x):
    y = x * 1.0
    y += x * x
    y[1] *= x[0]
    return (y * x).sum()


def through_a_view(x):
    y = x * x
    v = y[::2]
    v *= x[1]
    y[0] = y[0] * y[2]
    return y.sum() * x[0]


def like_an_argument(x):
    y = np.zeros_like(x)
    w = y.reshape(3, 1)
    w[:] = (x**2)[:, None]
    y[1] = y[0] * y[1]
    return (y**2).sum()


def filled(x):
    y = x.copy()
    y[0] = x[1] ** 2
    y.fill(0)
    y += x**3
    return y.sum()


def on_a_diagonal(x):
    y = x[:, None] * np.zeros((3, 3))
    y[np.arange(3), np.arange(3)] = x**2
    y.T[0] += x**3
    return (y**2).sum()


def by_functions(x):
    y = x * x
    np.multiply(y, x, out=y)
    np.add.at(y, [0, 0, 1], x)
    return (y * y).sum()


FUNCTIONS = [into_zeros, in_place, through_a_view, like_an_argument, filled, on_a_diagonal, by_functions]
named = pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)


def second(f, x, h=1e-4):
    """Second derivatives by central differences."""
    steps = np.eye(len(x)) * h
    rows = [[f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b) for a in steps] for b in steps]
    return np.array(rows, float) / (4 * h * h)


def forward(f):
    return hy.jacobian(f, mode="forward")


def along(f, direction):
    return lambda x: hy.jvp(f, (x,), (direction,))[1]


def twice_along(f):
    return lambda x: np.array([[along(along(f, a), b)(x) for a in np.eye(3)] for b in np.eye(3)])


def forward_of_reverse(f):
    return lambda x: np.array([along(hy.grad(f), b)(x) for b in np.eye(3)])


def reverse_of_forward(f):
    return lambda x: np.array([hy.grad(along(f, b))(x) for b in np.eye(3)])


WAYS = {
    "forward of forward": lambda f: forward(forward(f)),
    "jvp of jvp": twice_along,
    "jvp of grad": forward_of_reverse,
    "grad of jvp": reverse_of_forward,
    "hessian": hy.hessian,
    "decorated outside": lambda f: hy.function(forward(forward(f)), strict=True),
    "decorated between": lambda f: forward(hy.function(forward(f))),
    "decorated inside": lambda f: forward(forward(hy.function(f))),
}


@pytest.mark.parametrize("way", WAYS)
@named
def test_second_derivatives(f, way):
    np.testing.assert_allclose(WAYS[way](f)(X), second(f, X), atol=2e-5)


def first(f, h=1e-6):
    return np.array([[(float(f(x + e)) - float(f(x - e))) / (2 * h) for e in np.eye(3) * h] for x in ROWS])


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if f is not into_zeros], ids=lambda f: f.__name__)
def test_batches_of_gradients_and_gradients_of_batches(f):
    values, gradients = np.array([float(f(x)) for x in ROWS]), first(f)

    def total(x):
        return hy.vmap(f)(x).sum()

    np.testing.assert_allclose(hy.vmap(f)(ROWS), values)
    np.testing.assert_allclose(hy.vmap(hy.vmap(f))(ROWS[None]), values[None])
    np.testing.assert_allclose(hy.vmap(hy.grad(f))(ROWS), gradients, atol=1e-7)
    np.testing.assert_allclose(hy.grad(total)(ROWS), gradients, atol=1e-7)
    np.testing.assert_allclose(hy.grad(lambda x: hy.vmap(hy.vmap(f))(x[None]).sum())(ROWS), gradients, atol=1e-7)
    np.testing.assert_allclose(hy.jvp(total, (ROWS,), (np.ones((2, 3)),))[1], gradients.sum(), atol=1e-7)
    np.testing.assert_allclose(hy.vmap(along(f, np.ones(3)))(ROWS), gradients.sum(1), atol=1e-7)


def test_results_that_are_views_have_tangents_in_a_trace():
    """They are recorded when they are read, which is before the tangents are."""

    def f(x):
        return (x * x).reshape(3, 1).T

    y, t = hy.function(lambda x: hy.jvp(f, (x,), (np.ones(3),)))(X)
    np.testing.assert_allclose(y, f(X))
    np.testing.assert_allclose(t, 2 * X[None])


def test_a_batch_writes_no_memory_that_is_seen_otherwise():
    def f(x):
        y = hy.zeros(3, dtype=float)
        v = y[1:]
        v[:] = x[1:]
        return y.sum()

    with pytest.raises(GradientError, match="each example's own is written into memory that is also seen"):
        hy.vmap(f)(ROWS)
    np.testing.assert_allclose(hy.function(hy.vmap(f))(ROWS), ROWS[:, 1:].sum(1))


def test_what_leaves_a_batch_otherwise_than_as_a_result_is_of_no_use():
    kept = hy.zeros(3, dtype=float)

    def f(x):
        kept[0] = x[0]
        return x.sum()

    hy.vmap(f)(ROWS)
    with pytest.raises(TraceError, match="used after all of them"):
        kept + 1


def test_arrays_of_numpys_own_are_traced_under_a_jacobian():
    def f(x):
        y = np.zeros(3)
        for i in range(3):
            y[i] = x[i] ** 3
        return y.sum()

    np.testing.assert_allclose(hy.function(forward(forward(f)), strict=True)(X), np.diag(6 * X), atol=1e-12)
