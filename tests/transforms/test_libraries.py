"""Derivatives of NumPy's and SciPy's functions that are host calls: against differences, forward and backward, twice."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg as sl
import scipy.signal as sg
import scipy.special as ss

import hybrid as hy
from hybrid.core.errors import GradientError
from hybrid.ir.graph import Graph
from hybrid.ir.primitive import NO_GRADIENT
from hybrid.ops.library import DERIVATIVES
from hybrid.transforms import reverse

sys.path.insert(0, str(Path(__file__).parent))
from derivatives import backward_graph, check, native

pytestmark = pytest.mark.filterwarnings("ignore:.*SciPy computes it$:hybrid.staging.fallback.FallbackWarning")
rng = np.random.default_rng(0)
GIVEN = {
    "x": rng.uniform(0.2, 0.9, 7),
    "y": rng.uniform(0.2, 0.9, 7),
    "s": np.asarray(0.7),
    "A": rng.normal(size=(4, 4)) + 4 * np.eye(4),
    "B": rng.normal(size=(4, 2)),
    "T": rng.normal(size=(5, 3)),
    "Z": rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)) + 4 * np.eye(4),
    "z": rng.normal(size=7) + 1j * rng.normal(size=7),
    "N": np.where(np.arange(15).reshape(5, 3) % 4 == 1, np.nan, rng.normal(size=(5, 3))),
}


def symmetric(a: np.ndarray) -> np.ndarray:
    return a @ a.T + np.diag([1.0, 3.0, 6.0, 9.0])


CALLS: dict[str, Callable] = {
    "cov": lambda T: np.cov(T),
    "cov of two": lambda x, y: np.cov(x, y, ddof=0),
    "cov weighted": lambda T, y: np.cov(T, aweights=y[:3]),
    "corrcoef": lambda T: np.corrcoef(T, rowvar=False),
    "pinv": lambda T: np.linalg.pinv(T),
    "pinv wide": lambda T: sl.pinv(T.T),
    "lstsq": lambda T, x: np.linalg.lstsq(T, x[:5], rcond=None)[0],
    "slogdet": lambda A: np.linalg.slogdet(A)[1],
    "slogdet complex": lambda Z: np.linalg.slogdet(Z),
    "norm 2": lambda T: np.linalg.norm(T, 2),
    "norm nuc": lambda T: np.linalg.norm(T, "nuc"),
    "matrix_power": lambda A: np.linalg.matrix_power(A, 5),
    "matrix_power below zero": lambda A: np.linalg.matrix_power(A, -2),
    "multi_dot": lambda A, B: np.linalg.multi_dot([A, A, B]),
    "eigvalsh": lambda A: np.linalg.eigvalsh(symmetric(A)),
    "eigh of the upper triangle": lambda A: np.linalg.eigh(symmetric(A), "U")[0],
    "eigvals": lambda A: np.linalg.eigvals(A),
    "eig": lambda Z: np.linalg.eig(Z)[0],
    "svdvals": lambda T: np.linalg.svdvals(T),
    "cond": lambda A: np.linalg.cond(A),
    "cond 1": lambda A: np.linalg.cond(A, 1),
    "R": lambda T: np.linalg.qr(T, "r"),
    "tensorsolve": lambda A, x: np.linalg.tensorsolve(A, x[:4]),
    "tensorinv": lambda A: np.linalg.tensorinv(A, 1),
    "vecdot": lambda z, x: np.vecdot(z, x),
    "vector_norm": lambda x: np.linalg.vector_norm(x),
    "matrix_norm": lambda A: np.linalg.matrix_norm(A),
    "matvec": lambda A, x: np.matvec(A, x[:4]),
    "expm": lambda A: sl.expm(0.3 * A),
    "sqrtm": lambda A: sl.sqrtm(symmetric(A)),
    "solve_triangular": lambda A, B: sl.solve_triangular(A, B, lower=True),
    "solve_triangular transposed": lambda A, B: sl.solve_triangular(A, B, trans=1, unit_diagonal=True),
    "cho_factor": lambda A: np.triu(sl.cho_factor(symmetric(A))[0]),
    "lu": lambda A: sl.lu(A)[1:],
    "scipy inv": lambda A: sl.inv(A),
    "scipy solve": lambda A, B: sl.solve(A, B),
    "scipy det": lambda A: sl.det(A),
    "scipy eigh": lambda A: sl.eigh(symmetric(A))[0],
    "scipy svd": lambda T: sl.svd(T, full_matrices=False)[1],
    "scipy qr": lambda T: sl.qr(T, mode="economic"),
    "scipy cholesky": lambda A: sl.cholesky(symmetric(A), lower=True),
    "scipy norm": lambda A: sl.norm(A),
    "scipy lstsq": lambda T, x: sl.lstsq(T, x[:5])[0],
    "toeplitz": lambda x, y: sl.toeplitz(x, y),
    "circulant": lambda x: sl.circulant(x),
    "hankel": lambda x: sl.hankel(x),
    "solve_banded": lambda x, y: sl.solve_banded((2, 1), np.stack((x, y + 3, x, y)), x * y),
    "logsumexp": lambda T: ss.logsumexp(T, axis=1),
    "softmax": lambda T: ss.softmax(T, axis=0),
    "log_softmax": lambda T: ss.log_softmax(T, axis=1),
    "polyfit": lambda x, y: np.polyfit(x, y, 2),
    "polyval": lambda x, y: np.polynomial.polynomial.polyval(x, y),
    "chebval": lambda x, y: np.polynomial.chebyshev.chebval(x, y),
    "legval": lambda x, y: np.polynomial.legendre.legval(x, y),
    "hermval": lambda x, y: np.polynomial.hermite.hermval(x, y),
    "lagval": lambda x, y: np.polynomial.laguerre.lagval(x, y),
    "vander": lambda x: np.vander(x, 4),
    "legfit": lambda x, y: np.polynomial.legendre.legfit(x, y, 2),
    "polyadd": lambda x, y: np.polyadd(x, y[:3]),
    "polyder": lambda x: np.polyder(x, 2),
    "polyint": lambda x: np.polyint(x, 2),
    "poly": lambda x: np.poly(x),
    "nanvar": lambda N: np.nanvar(N, axis=0),
    "nanstd": lambda N: np.nanstd(N, ddof=1),
    "nanmedian": lambda N: np.nanmedian(N, axis=1),
    "nanpercentile": lambda N: np.nanpercentile(N, [30, 60], axis=0),
    "unwrap": lambda x: np.unwrap(x * 20),
    "diagflat": lambda x: np.diagflat(x, 1),
    "ediff1d": lambda x: np.ediff1d(x, to_begin=x[:1]),
    "choose": lambda x, y: np.choose([0, 1, 0, 1, 0, 1, 1], [x, y]),
    "partition": lambda x: np.partition(x, 3),
    "linspace": lambda x, y: np.linspace(x, y, 5),
    "geomspace": lambda s, x: np.geomspace(s, x[0], 5),
    "logspace": lambda s, x: np.logspace(s, x[0], 5),
    "putmask": lambda x: np.put(x.copy(), [1, 2], 5.0),
    "hfft": lambda z: np.fft.hfft(z),
    "ihfft": lambda x: np.fft.ihfft(x),
    "rfftn": lambda A: np.fft.rfftn(A, (3, 6), (0, 1)),
    "irfftn": lambda Z: np.fft.irfftn(Z),
    "signal.convolve": lambda x, y: sg.convolve(x, y[:4], "same"),
    "signal.convolve2d": lambda A, B: sg.convolve2d(A, B, "valid"),
    "fftconvolve": lambda z, x: sg.fftconvolve(z, x),
    "signal.correlate": lambda z, x: sg.correlate(z, x[:3], "valid"),
    "detrend": lambda T: sg.detrend(T, axis=0),
    "hilbert": lambda x: sg.hilbert(x),
    "lfilter": lambda x, y: sg.lfilter(y[:3], y[3:6] + 1, x),
    "gamma": lambda s: __import__("math").gamma(s),
    "dist": lambda x: __import__("math").dist(x, x[::-1]),
    "fsum": lambda x: __import__("math").fsum(x),
    "add.reduceat": lambda x: np.add.reduceat(x, [0, 2, 2, 4]),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x),
    "subtract.reduce": lambda x: np.subtract.reduce(x),
    "polygamma": lambda x: ss.polygamma(1, x),
    "zeta": lambda x: ss.zeta(3.0, x),
    "multigammaln": lambda x: ss.multigammaln(x + 3, 2),
    "betainc": lambda x: ss.betainc(0.7, 1.2, x),
    "gammainc": lambda x: ss.gammainc(0.7, x),
    "jv": lambda x: ss.jv(1.5, x),
    "kv": lambda x: ss.kv(1.5, x),
    "lambertw": lambda x: ss.lambertw(x).real,
    "i0": lambda x: np.i0(x),
    **{f"ss.{name}": (lambda f: lambda x: f(x))(getattr(ss, name)) for name in (
        "erfinv", "erfcinv", "ndtri", "log_ndtr", "gamma", "loggamma", "rgamma", "psi", "i0", "i0e", "i1", "i1e", "j0", "j1",
        "y0", "y1", "k0", "k1", "k0e", "ellipk", "ellipe", "spence", "expi", "exp1", "exprel", "entr", "dawsn", "log_expit",
        "exp10", "cosm1", "factorial",
    )},
    **{f"ss.{name}": (lambda f: lambda x, y: f(x, y))(getattr(ss, name)) for name in (
        "beta", "betaln", "rel_entr", "kl_div", "poch", "huber", "pseudo_huber", "binom", "boxcox", "inv_boxcox",
    )},
}  # fmt: skip


def traced(name: str) -> tuple[Graph, list[np.ndarray]]:
    f = CALLS[name]
    args = [GIVEN[key] for key in inspect.signature(f).parameters]
    given = [float(x) if x.shape == () else x for x in args]
    graph = hy.function(f).trace(*given)
    return (graph if isinstance(graph, Graph) else graph.graph), args


@pytest.mark.parametrize("name", sorted(CALLS))
def test_first_and_second_order(name):
    graph, args = traced(name)
    check(graph, args)
    check(*backward_graph(graph, args))


@pytest.mark.parametrize("name", ["expm", "lstsq", "ss.j0", "solve_banded", "slogdet", "lfilter"])
def test_compiled(name):
    check(*traced(name), native)


def polynomials(x):
    for _ in range(60):
        x = np.polyint(np.polyder(x)) * 0.9 + x * 0.1
    return x


def trends(x):
    for _ in range(60):
        x = sg.detrend(x) * 0.5 + np.sin(x)
    return x


def orders(x):
    for _ in range(60):
        x = np.sort(np.tanh(x)) + np.maximum.accumulate(x) * 0.1
        x = np.sin(x + np.cumprod(x)[::-1] * 0.1 + x.prod())
    return x


def exponentials(x):
    for _ in range(60):
        x = ss.softmax(x) + ss.j0(x)
    return x


@pytest.mark.parametrize("f", [polynomials, trends, orders, exponentials])
def test_in_loops(f):
    graph = hy.function(f).trace(GIVEN["x"])
    graph = graph if isinstance(graph, Graph) else graph.graph
    assert any(eqn.primitive.name == "loop" for eqn in graph.eqns)
    check(graph, [GIVEN["x"]])
    check(graph, [GIVEN["x"]], native)
    check(*backward_graph(graph, [GIVEN["x"]]))


@pytest.mark.parametrize("f", [
    lambda x: sg.sosfiltfilt([[1.0, 0, 0, 1, -0.5, 0]], x), lambda x: ss.owens_t(x, 2.0), lambda x: ss.jv(x, 1.0),
])  # fmt: skip
def test_a_function_without_a_derivative_is_named(f):
    graph = hy.function(f).trace(GIVEN["x"])
    graph = graph if isinstance(graph, Graph) else graph.graph
    with pytest.raises(GradientError, match=r"(sosfiltfilt|owens_t|jv) has no derivative"):
        reverse.vjp(graph, [True], [True])


def test_names_that_have_derivatives_are_functions_that_graphs_call():
    from hybrid.ops.library import function_of

    assert all(callable(function_of(name)) for name, rule in DERIVATIVES.items() if rule is not NO_GRADIENT)
