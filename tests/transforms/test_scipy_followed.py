"""SciPy's functions on values that a transform follows: by way of decorated functions, or an error that tells that way."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.fft as sf
import scipy.linalg as sl
import scipy.ndimage as nd
import scipy.signal as sg
import scipy.special as ss
import scipy.stats

import hybrid as hy
from hybrid.core.errors import GradientError
from hybrid.frontend import hosted
from hybrid.ir.primitive import NO_GRADIENT
from hybrid.ops.library import DERIVATIVES, function_of

pytestmark = pytest.mark.filterwarnings("ignore:.*SciPy computes it$:hybrid.staging.fallback.FallbackWarning")
RNG = np.random.default_rng(0)
X, V, K = RNG.normal(size=(11, 12)), RNG.normal(size=30), RNG.normal(size=(3, 3))
A = RNG.normal(size=(4, 4)) + 4 * np.eye(4)
S, U = A @ A.T, RNG.uniform(0.2, 0.8, 8)
WEIGHTS = RNG.normal(size=2000)
LINE = K[0]
# By name: what follows the operand, and the operand; a function instead where it is not the first argument.
CALLS = {
    nd.correlate1d: (LINE, X), nd.convolve1d: (LINE, X), nd.correlate: (K, X), nd.convolve: (K, X),
    nd.gaussian_filter1d: (1.0, X), nd.gaussian_filter: (1.0, X), nd.gaussian_laplace: (1.0, X),
    nd.gaussian_gradient_magnitude: (1.0, X), nd.sobel: (X,), nd.prewitt: (0, X), nd.laplace: (X,), nd.uniform_filter1d: (3, X),
    nd.uniform_filter: (3, X), nd.minimum_filter1d: (3, X), nd.maximum_filter1d: (4, X), nd.minimum_filter: (3, X),
    nd.maximum_filter: (2, X), nd.grey_erosion: (3, X), nd.grey_dilation: (3, X), nd.grey_opening: (3, X),
    nd.grey_closing: (3, X), nd.median_filter: (3, X), nd.rank_filter: (2, 3, X), nd.percentile_filter: (30, 3, X),
    sg.convolve: (V[:4], V), sg.correlate: (V[:4], V), sg.convolve2d: (K, X), sg.correlate2d: (K, X), sg.fftconvolve: (K, X),
    sg.medfilt: (3, V), sg.medfilt2d: (3, X), sg.savgol_filter: (5, 2, V), sg.detrend: (V,), sg.hilbert: (V,),
    sg.lfilter: lambda x: sg.lfilter([1.0, 0.5], [1.0, -0.4], x), sg.upfirdn: lambda x: sg.upfirdn(LINE, x, 2, 3),
    sg.wiener: (3, V),
    sl.inv: (A,), sl.det: (A,), sl.solve: (A[:, :2], A), sl.solve_triangular: (A[:, 0], A),
    sl.lstsq: lambda x: sl.lstsq(x, V[:11])[0],
    sl.cholesky: (S,), sl.cho_factor: lambda x: np.triu(sl.cho_factor(x)[0]),
    sl.cho_solve: lambda x: sl.cho_solve((np.linalg.cholesky(S), True), x[:4, 0]), sl.pinv: (X,), sl.norm: (X,),
    sl.eigvalsh: (S,), sl.eigh: lambda x: sl.eigh(x)[0], sl.svd: lambda x: sl.svd(x, full_matrices=False)[1], sl.svdvals: (X,),
    sl.qr: lambda x: sl.qr(x, mode="economic")[1], sl.lu: lambda x: sl.lu(x)[2], sl.expm: lambda x: sl.expm(x * 0.2),
    sl.sqrtm: (S,), sl.toeplitz: (V,), sl.circulant: (V,), sl.hankel: (V,), sl.eig: lambda x: sl.eig(x)[0], sl.eigvals: (S,),
    sl.solve_banded: lambda x: sl.solve_banded((1, 1), np.array([[0, 1, 1.0], [4, 4, 4], [1, 1, 0]]), x[:3]),
    sf.fft: (X,), sf.ifft: (7, X), sf.rfft: (None, 0, "ortho", X), sf.irfft: (X,), sf.fft2: (X,), sf.ifft2: ((3, 4), X),
    sf.rfft2: (X,), sf.irfft2: ((4, 5), X), sf.fftn: (None, (1,), X), sf.ifftn: ((4,), X), sf.rfftn: ((3,), X), sf.irfftn: (X,),
    ss.softmax: (1, X), ss.log_softmax: (0, X), ss.logsumexp: (1, X), ss.factorial: (U,),
    ss.multigammaln: lambda u: ss.multigammaln(u + 3, 2),
    ss.polygamma: lambda u: ss.polygamma(1, u), ss.zeta: lambda u: ss.zeta(3.0, u), ss.lambertw: lambda u: ss.lambertw(u).real,
}  # fmt: skip
ON = {sg.lfilter: V, sg.upfirdn: V, sl.lstsq: X, sl.cho_factor: S, sl.cho_solve: X, sl.eigh: S, sl.svd: X, sl.qr: X, sl.lu: A,
      sl.expm: A, sl.eig: S, sl.solve_banded: X, ss.multigammaln: U, ss.polygamma: U, ss.zeta: U, ss.lambertw: U}  # fmt: skip
SYMMETRIC = (sl.cholesky, sl.cho_factor, sl.eigvalsh, sl.eigh, sl.sqrtm, sl.eig, sl.eigvals)


def called(function):
    """A call as a function of its operand, and the operand."""
    how = CALLS[function]
    if not isinstance(how, tuple):
        return how, ON[function]
    *rest, x = how
    return lambda x: function(x, *rest), x


def weighed(y):
    y = np.ravel(y)
    return (np.real(y) * WEIGHTS[: y.shape[0]] + np.imag(y) * WEIGHTS[-y.shape[0] :]).sum()


def central(f, x, direction, h=1e-6):
    return (float(f(x + h * direction)) - float(f(x - h * direction))) / (2 * h)


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f"{f.__module__.split('.')[1]}.{f.__name__}")
def test_gradients_by_way_of_a_decorated_function(function):
    """`hy.value_and_grad` of eager code that calls it, tensors that require gradients, and a gradient that is compiled."""
    f, x = called(function)
    decorated = hy.function(f)

    def loss(x):
        return weighed(decorated(x))

    direction = RNG.normal(size=x.shape)
    direction = direction + direction.T if function in SYMMETRIC else direction
    wanted = central(lambda x: weighed(f(x)), x, direction)
    value, gradient = hy.value_and_grad(loss)(x)
    np.testing.assert_allclose(value, weighed(f(x)), rtol=1e-9)
    taped = hy.tensor(x, requires_grad=True)
    loss(taped).backward()
    for found in (gradient, np.asarray(taped.grad)):
        np.testing.assert_allclose((found * direction).sum(), wanted, rtol=1e-5, atol=1e-6)


def test_all_that_have_a_derivative_are_among_them():
    modules = ("scipy.ndimage", "scipy.signal", "scipy.linalg", "scipy.fft")
    having = {name for name, rule in DERIVATIVES.items() if rule is not NO_GRADIENT} | hosted.COMPOSED.keys()
    names = {name for name in having if name.rpartition(".")[0] in modules and "binary" not in name}
    assert {function_of(name) for name in names} <= CALLS.keys()


def test_a_librarys_function_is_decorated_as_it_is():
    blur = hy.function(nd.gaussian_filter, strict=True)
    np.testing.assert_allclose(blur(X, 1.0), nd.gaussian_filter(X, 1.0), rtol=1e-12)
    np.testing.assert_allclose(blur(X, sigma=1.0, mode="wrap"), nd.gaussian_filter(X, 1.0, mode="wrap"), rtol=1e-12)
    found = hy.grad(lambda x: (blur(x, 1.0) ** 2).sum())(X)
    np.testing.assert_allclose(found, hy.function(hy.grad(lambda x: (nd.gaussian_filter(x, 1.0) ** 2).sum()))(X), rtol=1e-9)
    with pytest.raises(RuntimeError, match="sequence argument must have length"):
        blur(X, [1.0, 2.0, 3.0])


def test_a_librarys_function_with_some_arguments_given():
    blur = functools.partial(nd.gaussian_filter, sigma=1.0)
    for f in (blur, lambda x: blur(x) * 2, lambda x: functools.partial(np.full_like, fill_value=3)(x) + blur(x)):
        np.testing.assert_allclose(hy.function(f, strict=True)(X), f(X), rtol=1e-12)
    decorated = hy.function(blur)
    found = hy.grad(lambda x: (decorated(x) ** 2).sum())(X)
    np.testing.assert_allclose(found, hy.function(hy.grad(lambda x: (blur(x) ** 2).sum()))(X), rtol=1e-9)


@pytest.mark.parametrize(
    "function",
    [nd.gaussian_filter, sg.savgol_filter, sl.solve, sf.fft, ss.softmax, scipy.stats.zscore],
    ids=lambda f: f.__name__,
)
def test_an_undecorated_call_is_an_error_that_tells_the_way(function):
    f, x = called(function) if function in CALLS else (function, X)
    name = f"scipy.{function.__module__.split('.')[1]}.{function.__name__}"
    for call in (lambda: f(hy.tensor(x, requires_grad=True)), lambda: hy.grad(lambda x: weighed(f(x)))(x)):
        with pytest.raises(
            GradientError, match=f"(?s){name} takes a value out.*hybrid.function\\({name}\\).*test_scipy_followed"
        ):
            call()


def test_what_has_no_derivative_says_so_where_it_is_decorated():
    for function in (sf.dct, nd.distance_transform_edt, nd.spline_filter):
        with pytest.raises(GradientError, match=f"{function.__name__} has no derivative"):
            hy.function(function)(hy.tensor(X, requires_grad=True)).sum().backward()


VIEWS = {
    "turned": lambda x: (x * 2).T,
    "steps": lambda x: np.sin(x)[::2, 1:],
    "two of one array": lambda x: (lambda y: (y.T, y[0]))(x * x),
    "a line": lambda x: np.exp(x).reshape(6, 22).T[1],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_what_a_decorated_function_makes_are_followed(name):
    """As SciPy's factors are, which lie in Fortran's order. What is written into one is in the other."""
    f = VIEWS[name]

    def loss(f):
        def of(x):
            y = f(x)
            first, last = y if isinstance(y, tuple) else (y, y)
            first[0] = first[1] * 3
            return (np.ravel(first) * np.arange(1, 1 + first.size)).sum() + (last**2).sum()

        return of

    decorated = hy.function(f)
    wanted = hy.grad(loss(f))(X)
    np.testing.assert_allclose(hy.grad(loss(decorated))(X), wanted, rtol=1e-12)
    np.testing.assert_allclose(hy.jvp(loss(decorated), (X,), (X,))[1], (wanted * X).sum(), rtol=1e-12)
    many = np.stack([X, 2 * X])
    np.testing.assert_allclose(hy.vmap(loss(decorated))(many), [loss(f)(x.copy()) for x in many], rtol=1e-12)


def test_vectors_of_eigenvalues_that_turn_out_to_be_real():
    def loss(x):
        return ((sl.eig(x)[1] * WEIGHTS[:4]) ** 2 * WEIGHTS[4:8, None]).sum()

    direction = RNG.normal(size=(4, 4))
    found = (hy.grad(hy.function(loss))(S) * direction).sum()
    np.testing.assert_allclose(found, central(loss, S, direction), rtol=1e-6)
