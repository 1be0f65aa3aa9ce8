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

    with pytest.raises(TraceError, match="keeps values of all examples"):
        hy.vmap(f)(ROWS)
    with pytest.raises(TraceError, match="used after all of them"):  # it was written into, and there is no other copy
        kept + 1


def test_arrays_of_numpys_own_are_traced_under_a_jacobian():
    def f(x):
        y = np.zeros(3)
        for i in range(3):
            y[i] = x[i] ** 3
        return y.sum()

    np.testing.assert_allclose(hy.function(forward(forward(f)), strict=True)(X), np.diag(6 * X), atol=1e-12)


# Random programs -------------------------------------------------------------------------------------------------------------
STATEMENTS = [
    "{n} = np.sin({o}) + {n}",
    "{n} += {o} * {o}",
    "{n}[{i}] = {o}[{j}] * {o}[{i}]",
    "v = {n}[{view}]; v *= {o}[0]",
    "w = {n}[{view}]; w[:] = {o}[{j}] + 0.5",
    "m[{i}] = {o} * 0.7",
    "m.T[{j}] += {o}",
    "{n} = m @ {o} * 0.3",
    "np.add.at({n}, [0, 0, {i}], {o}[:3])",
    "{n}[{o} > 0.1] = 0.25",
    "np.multiply({n}, {o}, out={n})",
    "u = m.reshape(16); u[{i}:13] *= {o}[1]",
    "{n}, a = {o} * 1.5, {n} + 0.1",
]


def program(seed):
    rng = np.random.default_rng(seed)
    lines = ["a, b, m = x * 1.0, np.zeros_like(x), x[:, None] * x[None, :]"]
    for text in rng.choice(STATEMENTS, 7):
        n, o, view = rng.choice(["a", "b"]), rng.choice(["a", "b", "x"]), rng.choice(["::2", "1:3", "::-2", "2:"])
        lines.append(text.format(n=n, o=o, view=view, i=rng.integers(4), j=rng.integers(4)))
    source = "\n    ".join(["def f(x):", *lines, "return (a * np.cos(b)).sum() + (m * m).sum() * 0.1 + (b * b).sum()"])
    space = {"np": np}
    exec(source, space)
    return space["f"]


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_that_write(seed):
    f, rng = program(seed), np.random.default_rng(seed)
    x, a, b = rng.normal(size=(3, 4)) * 0.7
    rows, ways = np.stack([x, x * 0.9]), np.stack([a, b])

    def slope(x, along, h=1e-6):
        return (f(x + h * along) - f(x - h * along)) / (2 * h)

    def curve(h):
        return (f(x + h * a + h * b) - f(x + h * a - h * b) - f(x - h * a + h * b) + f(x - h * a - h * b)) / (4 * h * h)

    def total(rows):
        return hy.vmap(f)(rows).sum()

    one, both = slope(x, a), slope(rows[0], a) + slope(rows[1], b)
    np.testing.assert_allclose((hy.grad(f)(x) * a).sum(), one, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(hy.jvp(f, (x,), (a,))[1], one, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(hy.vmap(f)(rows), [f(row) for row in rows], rtol=1e-9)
    np.testing.assert_allclose((hy.vmap(hy.grad(f))(rows) * ways).sum(), both, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose((hy.grad(total)(rows) * ways).sum(), both, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(hy.jvp(total, (rows,), (ways,))[1], both, rtol=1e-4, atol=1e-5)
    second_order = curve(1e-4)
    if abs(second_order - curve(5e-5)) < 1e-3 * (1 + abs(second_order)):
        for found in (
            along(along(f, a), b)(x),
            b @ forward(forward(f))(x) @ a,
            (along(hy.grad(f), b)(x) * a).sum(),
            (hy.grad(along(f, a))(x) * b).sum(),
        ):
            np.testing.assert_allclose(found, second_order, rtol=3e-3, atol=3e-3)
