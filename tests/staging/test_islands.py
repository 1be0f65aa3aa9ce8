"""Library functions that have no compiled form: called between compiled parts, said once, refused where strict."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse.csgraph
import scipy.spatial
import scipy.stats

import hybrid as hy
from hybrid.core.errors import ArgumentError, TraceError
from hybrid.export import save
from hybrid.staging.fallback import FallbackWarning


def peaks(x):
    places, properties = scipy.signal.find_peaks(np.cos(x * 9), height=0)
    return x[places], places.size, properties["peak_heights"].sum()


def solved(a, b):
    return scipy.linalg.solve_toeplitz((a @ a.T + 9 * np.eye(len(b)))[0], b) * 10


def fitted(x):
    c = scipy.stats.rankdata(x**2)
    return c * 2, c


def smoothed(x):
    for _ in range(3):
        x = scipy.stats.rankdata(x * 1.1) + x
    return x, float(x[0]) if x.size > 9 else None


def quartiles(x):
    return scipy.stats.iqr(x) + x


def nested(x):
    return {"trend": scipy.stats.rankdata(x, "min"), "mode": str(np.result_type(x))}


SPLINE = scipy.interpolate.CubicSpline(np.arange(8), np.arange(8.0) ** 2)
TREE = scipy.spatial.cKDTree(np.arange(24.0).reshape(12, 2) % 5)
FROZEN = scipy.stats.gamma(2.5, scale=1.5)


def interpolated(x):
    return SPLINE(x / 5) * 2 + SPLINE(x, 1)


def nearest(x):
    far, which = TREE.query(np.stack((x, x + 1), 1) / 3)
    return far.sum() + which[0], which + 1


def likely(x):
    return (FROZEN.logpdf(x + 1) * 2).sum() + x[0]


def assigned(a, _):
    """A function of C code."""
    rows, columns = scipy.optimize.linear_sum_assignment(a * 2 - a.T)
    return a[rows, columns].sum() + 1


def routed(a, _):
    """A function of Cython's."""
    return scipy.sparse.csgraph.shortest_path(np.abs(a) + 1) * 2


DATA = {
    interpolated: lambda n: (np.linspace(0, 7, n),),
    nearest: lambda n: (np.linspace(0, 7, n),),
    likely: lambda n: (np.linspace(0, 7, n),),
    assigned: lambda n: (np.arange(float(n * n)).reshape(n, n) % 7, None),
    routed: lambda n: (np.arange(float(n * n)).reshape(n, n) % 7, None),
    peaks: lambda n: (np.linspace(0, 3, n),),
    solved: lambda n: (np.arange(float(n * n)).reshape(n, n) % 7, np.arange(float(n))),
    fitted: lambda n: (np.arange(float(n)),),
    smoothed: lambda n: (np.arange(float(n)) % 5,),
    quartiles: lambda n: (np.arange(float(n)) % 5,),
    nested: lambda n: (np.arange(float(n)) ** 2,),
}


def same(a, b):
    if isinstance(a, (tuple, dict)):
        pairs = zip(a, b) if isinstance(a, tuple) else ((a[key], b[key]) for key in (*a, *b))
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in pairs)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.allclose(a, b, 1e-10, 1e-12)
    return type(a) is type(b) and (a == b or abs(a - b) < 1e-9)


@pytest.mark.parametrize("program", DATA, ids=lambda f: f.__name__)
def test_the_rest_is_compiled(program):
    f = hy.function(program)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in (8, 8, 12, 20, 10, 31):
            assert same(f(*DATA[program](n)), program(*DATA[program](n))), n
    assert len(f.traces) == 2 and "island " in f.explain() and not f.stats()["fallbacks"]
    messages = {str(w.message) for w in caught if w.category is FallbackWarning}
    assert len(messages) == 1 and f"{__file__.rpartition('/')[2]}:" in messages.pop()


def test_strict_functions_have_none():
    with pytest.raises(TraceError, match="not compiled yet"):
        hy.function(fitted, strict=True)(np.arange(4.0))


def test_what_scipy_computes_in_loops_is_said_once_and_refused_where_strict():
    def damped(a):
        for k in range(9):
            a = scipy.linalg.expm(a * 0.1)
            for i in range(a.shape[0]):
                for j in range(a.shape[1]):
                    if a[i, j] < 0.5 * k:
                        a[i, j] += np.sin(a[j, i] * k)
        return a

    f = hy.function(damped)
    line = damped.__code__.co_firstlineno + 2
    with pytest.warns(
        FallbackWarning, match=rf"expm is called from compiled code \(test_islands.py:{line}\): SciPy computes"
    ) as said:
        for _ in range(2):
            np.testing.assert_allclose(f(np.eye(3)), damped(np.eye(3)))
    assert len(said) == 1 and len(f.traces) == 1 and not f.stats()["fallbacks"]
    assert re.search(rf"scipy.linalg.expm \(18 times, \d+\.\d µs each\) at test_islands.py:{line}", f.explain())
    with pytest.raises(TraceError, match=rf"(?s)scipy.linalg.expm is computed by SciPy.*test_islands.py:{line}"):
        hy.function(damped, strict=True)(np.eye(3))


def test_calls_of_one_function_in_a_loop_are_told_in_one_line():
    def f(x):
        s = 0.0
        for i in range(6):
            s = s + scipy.stats.rankdata(x * i) * x
        return s

    compiled, x = hy.function(f), np.arange(6.0)
    with pytest.warns(FallbackWarning, match="is called between compiled parts") as said:
        np.testing.assert_allclose(compiled(x), f(x))
    rows = [line for line in compiled.explain().splitlines() if line.startswith("  island ")]
    assert len(said) == len(rows) == 1 and rows[0].endswith("(6 of these calls)")


def test_what_has_loops_of_ours_is_compiled():
    f = hy.function(lambda x: scipy.special.gammaln(x) + scipy.signal.lfilter([1.0], [1.0, 0.5], x), strict=True)
    np.testing.assert_allclose(f(np.arange(1.0, 9.0)), f.eager(np.arange(1.0, 9.0)))


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_sizes_that_vary_with_values():
    def outliers(x):
        places, _ = scipy.signal.find_peaks(x)
        return x[places] * 2

    f, rng = hy.function(outliers), np.random.default_rng(0)
    for _ in range(8):
        x = rng.normal(size=30)
        np.testing.assert_array_equal(f(x), outliers(x))
    assert len(f.traces) == 1 and f.stats()["native_calls"] >= 4


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_functions_that_write_or_call_back_make_the_whole_function_plain():
    def writes(x):
        y = x * 2
        scipy.ndimage.gaussian_filter(x, 1.0, output=y)
        return y

    def calls(x):
        return scipy.optimize.minimize(lambda v: ((v - x) ** 2).sum(), np.zeros_like(x)).x

    for program in (writes, calls):
        f = hy.function(program)
        np.testing.assert_allclose(f(np.arange(3.0)), program(np.arange(3.0)), atol=1e-6)
        assert not f.traces


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_calls_with_numbers_are_left_to_python_unless_the_rest_is_much():
    def priced(spot, strike):
        return spot * scipy.stats.norm.cdf(np.log(spot / strike)) - strike

    def shifted(x, t):
        return np.cumsum(np.sin(x) * t) + SPLINE(t)

    f, g = hy.function(priced), hy.function(shifted)
    assert f(90.0, 100.0) == priced(90.0, 100.0) and not f.traces
    x = np.linspace(0, 9, 100_000)
    np.testing.assert_allclose(g(x, 2.5), shifted(x, 2.5))
    assert len(g.traces) == 1


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_objects_of_libraries_may_be_written_into():
    """What they give for arguments that are known while tracing counts on what they are made of."""
    poly, series = np.poly1d([1.0, 2.0, 3.0]), np.polynomial.Polynomial([1.0, 2.0, 3.0])
    spline = scipy.interpolate.CubicSpline(np.arange(6), np.arange(6.0) ** 2)
    line = scipy.interpolate.interp1d(np.arange(6), np.arange(6.0) ** 2)

    def program(x):
        slopes = poly.deriv()(2.0) + series.deriv()(2.0) + spline.derivative()(0.5)
        return (poly(0.5) + series(0.5) + spline(0.5) + line(0.5) + slopes) * x, spline(x) * 2 + poly(x)

    f, x = hy.function(program), np.linspace(0, 5, 7)
    for part in (poly.coeffs, series.coef, spline.c, line.y):
        for _ in range(3):
            assert same(f(x), program(x))
        part *= 2
        assert same(f(x), program(x))


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_errors_are_the_users():
    f = hy.function(solved)
    a, b = np.eye(3), np.arange(3.0)
    np.testing.assert_array_equal(f(a, b), b)
    for wrong in ((np.full((3, 3), np.nan), b), (a, np.arange(2.0))):
        with pytest.raises(Exception) as caught:
            f(*wrong)
        with pytest.raises(type(caught.value)):
            solved(*wrong)


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_a_graph_with_one_is_not_saved(tmp_path):
    with pytest.raises(ArgumentError, match="not compiled"):
        save(hy.function(fitted), tmp_path / "f.hy", np.arange(4.0))


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_where_arrays_lie_is_asked_of_the_arrays_themselves():
    def f(x):
        return np.may_share_memory(x, x[1:]), np.shares_memory(x, x.copy()), np.lib.array_utils.byte_bounds(x[1:])[0]

    x = np.arange(4.0)
    assert hy.function(f)(x) == f(x)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize(
    "shown",
    [
        np.array2string,
        np.array_repr,
        lambda x: (np.array_str(x), 2 * x),
        lambda x: np.array2string(x, precision=3) + "!",
        lambda x: [np.array_repr(x[1:])],
    ],
)
def test_texts_of_values_are_those_of_each_call(shown):
    def called(x):
        return shown(x)

    f = hy.function(called)
    for x in (np.ones(3), 2 * np.ones(3), np.arange(4.0), np.arange(5.0), np.arange(4.0) + 7):
        assert repr(f(x)) == repr(called(x))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_is_no_array_is_asked_where_nothing_else_is_wanted(monkeypatch):
    """A library's function that gives an array and a class, by what the values are."""

    def classified(x):
        return np.sort(x), int if (np.asarray(x) > 2).all() else float

    monkeypatch.setattr(scipy.stats, "classified", classified, raising=False)
    classified.__module__, classified.__code__ = "scipy.stats", classified.__code__.replace(co_filename=scipy.stats.__file__)
    f = hy.function(lambda x: (scipy.stats.classified(x)[1], x * 2))
    for x in (np.ones(3), 5 * np.ones(3), np.ones(3), 7 * np.ones(3)):
        assert f(x)[0] is classified(x)[1]
