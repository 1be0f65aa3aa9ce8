"""NumPy's and SciPy's names on values that a transform follows: as decorated, or an error that says what and where."""

import numpy as np
import pytest
import scipy.special as sp

import hybrid as hy
from hybrid.core.errors import GradientError, HybridError

RNG = np.random.default_rng(0)
X, Y, U = RNG.normal(size=8), RNG.normal(size=8), RNG.uniform(0.2, 0.8, 8)
M, N = RNG.normal(size=(4, 4)), RNG.normal(size=(3, 5))
S = M @ M.T + 4 * np.eye(4)
WEIGHTS = RNG.normal(size=64)


def weighed(y):
    return (np.ravel(y) * WEIGHTS[: np.size(y)]).sum()


def central(f, x, direction, h=1e-6):
    return (float(f(x + h * direction)) - float(f(x - h * direction))) / (2 * h)


FOLLOWED = {
    "linalg.norm inf": (lambda x: np.linalg.norm(x, np.inf), X),
    "linalg.norm -inf": (lambda x: np.linalg.norm(x, -np.inf), X),
    "linalg.norm 3": (lambda x: np.linalg.norm(x, 3.0), X),
    "linalg.cond inf": (lambda m: np.linalg.cond(m, np.inf), M),
    "linalg.pinv": (np.linalg.pinv, N),
    "linalg.lstsq": (lambda n: np.linalg.lstsq(n.T, X[:5], rcond=None)[0], N),
    "linalg.slogdet": (lambda m: np.linalg.slogdet(m)[1], S),
    "linalg.matrix_power": (lambda m: np.linalg.matrix_power(m, -2), S),
    "linalg.multi_dot": (lambda n: np.linalg.multi_dot([n, n.T, n]), N),
    "linalg.eigvalsh": (np.linalg.eigvalsh, S),
    "linalg.svdvals": (np.linalg.svdvals, N),
    "linalg.cross": (lambda n: np.linalg.cross(n[:, :3], n[:, 2:]), N),
    "quantile": (lambda x: np.quantile(x, 0.3), X),
    "quantiles": (lambda n: np.quantile(n, [0.1, 0.6], axis=1), N),
    "quantiles of several axes": (lambda n: np.quantile(n, np.array([[0.1], [0.6]]), axis=(0, 1), keepdims=True), N),
    "quantile by its place": (lambda u: np.quantile(X, u), U),
    "percentile": (lambda n: np.percentile(n, 30, axis=0), N),
    "median": (lambda n: np.median(n, axis=(0, 1)), N),
    "polyval": (lambda x: np.polyval([1.0, 2.0, 3.0], x), X),
    "polyval of coefficients": (lambda x: np.polyval(x, 0.7), X),
    "polyfit": (lambda x: np.polyfit(Y, x, 2), X),
    "polyder": (np.polyder, X),
    "trim_zeros": (lambda x: np.trim_zeros(np.where(np.arange(8) % 7 > 0, x, 0.0)), X),
    "ediff1d": (lambda x: np.ediff1d(x, to_begin=[0.0], to_end=9.0), X),
    "cov": (lambda n: np.cov(n), N),
    "partition": (lambda x: np.partition(x, 3)[3], X),
    "unwrap": (lambda x: np.unwrap(x * 5), X),
    "vander": (lambda x: np.vander(x, 3), X),
    "nanmedian": (lambda x: np.nanmedian(np.where(X > 0, x, np.nan)), X),
    "nanvar": (lambda x: np.nanvar(np.where(X > 0, x, np.nan)), X),
    "fft.rfft2": (lambda n: np.abs(np.fft.rfft2(n)), N),
    "geomspace": (lambda x: np.geomspace(1, 2 + x[0], 5), X),
    "i0": (np.i0, X),
    "flat item": (lambda n: n.flat[3] * n.flat[4], N),
    "flat slice": (lambda n: n.T.flat[2:9], N),
    "flat list": (lambda n: sum(v * v for v in n.flat), N),
    "j1": (sp.j1, X),
    "erfinv": (sp.erfinv, U),
    "beta": (lambda u: sp.beta(u, 2.0), U),
    "ellipk": (sp.ellipk, U),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_names_are_followed_without_a_decorator(name):
    f, x = FOLLOWED[name]

    def loss(x):
        return weighed(f(x))

    direction = RNG.normal(size=x.shape)
    if x is S:
        direction = direction + direction.T
    wanted = central(loss, x, direction)
    for _ in range(2):  # the second time as it is remembered
        np.testing.assert_allclose((hy.grad(loss)(x) * direction).sum(), wanted, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(hy.jvp(loss, (x,), (direction,))[1], wanted, rtol=1e-5, atol=1e-7)
    if name != "trim_zeros":
        many = np.stack([x, x * 1.1])
        np.testing.assert_allclose(hy.vmap(loss)(many), [loss(x), loss(x * 1.1)], rtol=1e-9)


UFUNCS = [(np.add, 2.0), (np.subtract, 1.0), (np.multiply, 2.0), (np.divide, 2.0), (np.power, 2.0), (np.minimum, 0.5),
          (np.maximum, 0.5), (np.negative, None), (np.exp, None)]  # fmt: skip


@pytest.mark.parametrize("ufunc,value", UFUNCS, ids=lambda x: getattr(x, "__name__", None))
@pytest.mark.parametrize("index", [[1, 2], [1, 1, 2, -1]])
def test_elements_that_a_ufunc_changes_at_places(ufunc, value, index):
    def f(x):
        y = x * 1.0
        ufunc.at(y, index, *(() if value is None else (value * x[: len(index)] if value == 2.0 else value,)))
        return weighed(y)

    wanted = np.array([central(f, U, e) for e in np.eye(8)])
    for way in (hy.grad(f), hy.function(hy.grad(f), strict=True)):
        np.testing.assert_allclose(way(U), wanted, rtol=1e-6, atol=1e-6)


def test_elements_at_many_places():
    index = RNG.integers(0, 8, 300)

    def f(x):
        y = x * 1.0
        np.subtract.at(y, index, np.resize(x, 300) ** 2)
        return weighed(y)

    np.testing.assert_allclose(hy.grad(f)(X), [central(f, X, e) for e in np.eye(8)], rtol=1e-5, atol=1e-5)

    def g(x):
        y = x * 1.0
        np.true_divide.at(y, index, 1.01)
        return weighed(y)

    with pytest.raises(GradientError, match="of more than 64 elements"):
        hy.grad(g)(X)


@pytest.mark.parametrize("ufunc", [np.multiply, np.maximum, np.minimum])
def test_elements_folded_at_many_places(ufunc):
    index, values = RNG.integers(0, 8, 80), RNG.uniform(0.8, 1.2, 80)

    def f(x, v):
        y = x * 1.0
        ufunc.at(y, index, v)
        return weighed(y)

    found = hy.function(hy.grad(f, (0, 1)), strict=True)(X, values)
    np.testing.assert_allclose(found[0], [central(lambda x: f(x, values), X, e) for e in np.eye(8)], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[1], [central(lambda v: f(X, v), values, e) for e in np.eye(80)], rtol=1e-5, atol=1e-5)


def test_factors_of_zero_have_a_derivative():
    def f(x, v):
        y = x * 1.0
        np.multiply.at(y, np.array([0, 0, 1, 1, 2, 3]), v)
        return np.sum(y * np.arange(1.0, 5))

    x, v = np.array([0.0, 2.0, 3.0, 4.0]), np.array([5.0, 7.0, 0.0, 3.0, 0.5, 0.0])
    found = hy.function(hy.grad(f, (0, 1)), strict=True)(x, v)
    np.testing.assert_array_equal(found[0], [35.0, 0.0, 1.5, 0.0])
    np.testing.assert_array_equal(found[1], [0.0, 0.0, 12.0, 0.0, 9.0, 16.0])


def test_flat_is_written():
    def f(n):
        m = n * 1.0
        m.flat[::6] = n[0, 0] ** 2
        m.T.flat[1] = 3.0
        return weighed(m)

    direction = RNG.normal(size=N.shape)
    np.testing.assert_allclose((hy.grad(f)(N) * direction).sum(), central(f, N, direction), rtol=1e-6)


NOT = {
    "apply_along_axis": lambda x: np.apply_along_axis(lambda v: v * v, 0, x).sum(),
    "roots": lambda x: abs(np.roots(x)).sum(),
    "vectorize": lambda x: np.vectorize(lambda v: v * v)(x).sum(),
}


@pytest.mark.parametrize("name", NOT)
def test_errors_of_others_say_what_and_where(name):
    for way in (lambda: hy.grad(NOT[name])(X), lambda: hy.jvp(NOT[name], (X,), (X,))):
        with pytest.raises(HybridError, match=r"(?s)(derivative|takes a value out).*fix:.*test_names_followed"):
            way()
