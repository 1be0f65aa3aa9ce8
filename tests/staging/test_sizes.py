"""Sizes that vary become symbols: one trace for all of them, with the values, types, writes and errors of plain Python."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.bounds import Bounds
from hybrid.core.errors import ArgumentError, ShapeError
from hybrid.export import load, save

SIZES = (8, 9, 10, 1, 100, 3, 17, 300, 0)


def rng(*key):
    return np.random.default_rng(key)


def normal(*shape):
    return rng(*shape).normal(size=shape)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x):
    m = x.mean(-1, keepdims=True)
    return (x - m) / np.sqrt(((x - m) ** 2).mean(-1, keepdims=True) + 1e-5)


def perceptron(x, w, b, v):
    return np.maximum(x @ w + b, 0) @ v


def heat(u):
    for _ in range(10):
        u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def forward_substitution(lower, b):
    n = len(b)
    x = np.zeros(n)
    for i in range(n):
        x[i] = (b[i] - lower[i, :i] @ x[:i]) / lower[i, i]
    return x


def halves(x):
    n = len(x) // 2
    return x[:n] + x[-n:] if n else x.sum()


def red_black(u):
    u[::2] += 1
    u[1::2] -= 1
    return u.sum()


def neighbours(u):
    return np.roll(u, 1) + np.roll(u, -1)


def by_length(x):
    if len(x) > 5:
        return x * 2
    return x + 1


def flattened(x):
    return x.reshape(x.shape[0], -1).sum(1)


def outer(x, y):
    return x[:, None] * y[None, :]


def gram(a):
    return a.T @ a


def statistics(x):
    return x.argmax(), x.max(), x.std(), np.median(x[:3])


def padded(x):
    out = np.zeros((x.shape[0] + 2, x.shape[1] + 2))
    out[1:-1, 1:-1] = x
    return out


def convolved(x, k):
    n = len(x) - len(k) + 1
    out = np.empty(n)
    for i in range(n):
        out[i] = (x[i : i + len(k)] * k).sum()
    return out


def views(x):
    return x[None], x.T, x[::-1], x[1:]


def taken(x, i):
    return x[i]


def product(a, b):
    return a @ b


def counted(x):
    return np.arange(len(x)) * x, np.ones_like(x), np.full(len(x), 2.0), x.size, x.shape


def picked(p, labels):
    return -np.log(p[np.arange(len(p)), labels]).mean(), np.trace(p @ p.T), np.diag(p @ p.T)


def columns(x):
    return x.sum(0), x.mean(0), x.T.copy()


PROGRAMS = {
    softmax: lambda n: (normal(n, 7),),
    layer_norm: lambda n: (normal(n, 7),),
    perceptron: lambda n: (normal(n, 30), normal(30, 50), normal(50), normal(50, 10)),
    heat: lambda n: (normal(n + 2),),
    forward_substitution: lambda n: (np.tril(normal(n, n)) + 3 * np.eye(n), normal(n)),
    halves: lambda n: (normal(n),),
    red_black: lambda n: (normal(n),),
    neighbours: lambda n: (normal(n + 1),),
    by_length: lambda n: (normal(n),),
    flattened: lambda n: (normal(n + 1, 3, 4),),
    outer: lambda n: (normal(n), normal(n + 2)),
    gram: lambda n: (normal(n, 40),),
    statistics: lambda n: (normal(n + 3),),
    padded: lambda n: (normal(n, n + 1),),
    convolved: lambda n: (normal(n + 5), normal(3)),
    views: lambda n: (normal(n, 3),),
    taken: lambda n: (normal(9), rng(n).integers(-9, 9, size=n)),
    product: lambda n: (normal(n, 60), normal(60, n)),
    counted: lambda n: (normal(n),),
    picked: lambda n: (np.abs(normal(n + 1, 5)) + 1, rng(n).integers(0, 5, size=n + 1)),
    columns: lambda n: (np.asfortranarray(normal(n, 5)),),
}
# Traces for all sizes: two, and those of sizes that mean something of their own.
TRACES = {halves: 4, views: 3, by_length: 4, red_black: 4, neighbours: 3}


def outcome(f, args):
    copies = [a.copy(order="A") for a in args]
    try:
        return f(*copies), copies
    except Exception as error:
        return type(error), []


def same(a, b):
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, np.generic)):
        return (
            type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and np.allclose(a, b, 1e-9, 1e-12, equal_nan=True)
        )
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_one_trace_serves_all_sizes(program):
    f = hy.function(program)
    for n in SIZES:
        args = PROGRAMS[program](n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = outcome(program, args)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", hy.FallbackWarning)
            got = outcome(f, args)
        assert got[0] is want[0] if isinstance(want[0], type) else same(got[0], want[0]), (n, got, want)
        assert all(map(same, got[1], want[1])), n
    assert len(f.traces) <= TRACES.get(program, 2), f.explain()
    assert not f.stats()["fallbacks"]


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("program", [softmax, perceptron, red_black, padded], ids=lambda f: f.__name__)
def test_on_other_back_ends(program, backend):
    f = hy.function(program, backend=backend, dynamic=True)
    for n in (4, 7, 12):
        args = PROGRAMS[program](n)
        assert same(outcome(f, args)[0], outcome(program, args)[0])
    assert len(f.traces) == 1


def test_a_thousand_batch_sizes_take_two_traces():
    f = hy.function(softmax)
    for n in rng(0).permutation(np.arange(1, 1001)):
        x = np.ones((n, 3))
        assert f(x).shape == (n, 3)
    stats = f.stats()
    assert stats["traces"] == 2 and stats["calls"] == 1000 and stats["native_calls"] >= 997


def test_sizes_that_are_equal_in_all_calls_share_a_symbol():
    f = hy.function(lambda x, y: (x * y).sum())
    for n in (4, 5, 6):
        f(np.ones(n), np.ones(n))
    assert "(x: f64[n1], y: f64[n1])" in f.explain()
    with pytest.raises(ValueError, match="broadcast"):
        f(np.ones(4), np.ones(5))
    assert f(np.ones(7), np.ones(7)) == 7 and len(f.traces) == 2


def test_sizes_that_part_get_symbols_of_their_own():
    f = hy.function(lambda x, y: x.sum() + y.sum())
    for m, n in ((4, 4), (5, 5), (6, 9), (10, 7)):
        assert f(np.ones(m), np.ones(n)) == m + n
    assert len(f.traces) == 3


def test_broadcasting_joins_symbols_that_parted():
    f = hy.function(lambda x, y: x + y if len(x) != 6 else x.sum() + y.sum())
    assert f(np.ones(4), np.ones(4)).shape == (4,)
    assert f(np.ones(6), np.ones(3)) == 9
    for n in (5, 7, 11, 13):
        assert f(np.ones(n), np.ones(n)).shape == (n,)


def test_code_that_needs_the_number_gets_it():
    def f(x):
        return [x[k] * k for k in range(len(x))], np.ones((1,) * len(x)) * x.shape[0], f"{x.shape[0]} rows"

    g = hy.function(f)
    for n in (3, 4, 5):
        assert repr(g(np.arange(float(n)))) == repr(f(np.arange(float(n))))
    assert len(g.traces) == 3 and "needs the value of a size" in g.explain()


LAYOUTS = [
    lambda n: np.zeros(2 * n * n)[::2].reshape(n, n), lambda n: np.zeros((n, n)), lambda n: np.zeros((n, 9))[:, :n],
    lambda n: np.zeros((n, n)).T, lambda n: np.zeros((9, n))[:n],
]  # fmt: skip


def test_views_that_depend_on_how_an_array_lies():
    def written(a):
        flat = a.reshape(-1)
        flat[0] = -1
        return flat

    f = hy.function(written, dynamic=True)
    for n in (2, 3, 5):
        for make in LAYOUTS:
            a, b = make(n), make(n)
            np.testing.assert_array_equal(f(a), written(b))
            np.testing.assert_array_equal(a, b)


def test_dynamic_and_signature():
    f = hy.function(softmax, dynamic=True)
    for n in (5, 2, 9):
        assert f(np.ones((n, n))).shape == (n, n)
    assert len(f.traces) == 1
    f = hy.function(softmax, dynamic=False)
    for n in (5, 2, 9):
        f(np.ones((n, 3)))
    assert len(f.traces) == 3
    f = hy.function(product, dynamic={"a": 0, "b": -1})
    for n in (5, 2, 9):
        assert f(np.ones((n, 3)), np.ones((3, n))).shape == (n, n)
    assert len(f.traces) == 1
    f = hy.function(signature=[hy.Spec((None, 3), "float64"), hy.Spec("batch")])(lambda x, y: (x.sum(0), y.mean()))
    for n in (5, 2, 9):
        assert f(np.ones((n, 3)), np.ones(n, np.float32))[1] == 1
    assert len(f.traces) == 1
    with pytest.raises(ArgumentError, match="`x` is not what the signature says"):
        f(np.ones((4, 2)), np.ones(3, np.float32))


@pytest.mark.parametrize("options", [{"dynamic": {"q": 0}}, {"dynamic": 3}, {"signature": 3}, {"signature": [hy.Spec(3)] * 3}])
def test_bad_declarations(options):
    with pytest.raises(ArgumentError):
        hy.function(lambda x: x, **options)


def test_a_graph_with_open_sizes_is_saved(tmp_path):
    f = hy.function(red_black)
    g = hy.function(softmax)
    save(g, tmp_path / "g.hy", hy.Spec((None, 3), "float64"))
    for n in (2, 5, 0):
        np.testing.assert_allclose(load(tmp_path / "g.hy")(normal(n, 3)), softmax(normal(n, 3)) if n else np.empty((0, 3)))
    with pytest.raises(ShapeError):
        load(tmp_path / "g.hy")(normal(2, 4))
    save(f, tmp_path / "f.hy", hy.Spec(None, "float64"))
    total, written = load(tmp_path / "f.hy")(np.zeros(7))
    assert total == 1 and written["u"].tolist() == [1, -1, 1, -1, 1, -1, 1]
    f = hy.function(by_length)
    save(f, tmp_path / "f.hy", hy.Spec("n", "float64"))
    with pytest.raises(ShapeError, match="other sizes"):
        load(tmp_path / "f.hy")(np.zeros(3))
    assert load(tmp_path / "f.hy")(np.ones(6)).tolist() == [2] * 6


def test_numba_source_takes_any_size():
    f = hy.function(red_black, dynamic=True)
    namespace: dict = {}
    exec(f.numba(np.ones(5)), namespace)
    u = np.zeros(6)
    assert namespace["red_black"](u) == 0 and u.tolist() == [1, -1] * 3


def halving(x):
    """Parts of parts, whose sizes are quotients of quotients."""
    order, stack = [], [np.arange(len(x))]
    while stack:
        part = stack.pop()
        if len(part) == 0:
            continue
        middle = len(part) // 2
        order.append(x[part[middle]])
        stack.append(part[:middle])
        stack.append(part[middle + 1 :])
    return np.array(order)


def test_many_facts_about_sizes_do_not_make_each_proof_long(monkeypatch):
    steps, lowest = [0], Bounds.lowest

    def counted(self, size):
        steps[0] += 1
        return lowest(self, size)

    monkeypatch.setattr(Bounds, "lowest", counted)
    decorated = hy.function(halving)
    for n in (40, 23, 30):
        np.testing.assert_array_equal(decorated(normal(n)), halving(normal(n)))
    assert steps[0] < 300_000


def test_sizes_that_must_be_numbers_are_not_compiled_for_ever(monkeypatch):
    monkeypatch.setattr("hybrid.staging.function.MANY_SIZES", 3)

    @hy.function
    def f(x):
        return x + len("x" * len(x))

    with pytest.warns(hy.FallbackWarning, match="sizes are others again and again"):
        for n in range(2, 12):
            x = np.arange(float(n))
            np.testing.assert_array_equal(f(x), f.eager(x))
    assert len(f.__hybrid__._traces) == 3
    assert f(np.ones(2)).shape == (2,)


def test_what_one_size_has_natively_it_keeps_when_other_sizes_need_python():
    def grid(x):
        n = x.shape[0]
        z = np.zeros((n, n, 3))
        z[:, :, 0] = x.reshape(-1, 1)
        return z.reshape(n * n, 3)

    f = hy.function(grid)
    for n in (5, 5, 0, 0):
        np.testing.assert_array_equal(f(np.arange(n)), grid(np.arange(n)))
    before = f.stats()["native_calls"]
    for _ in range(5):
        f(np.arange(5))
    assert f.stats()["native_calls"] == before + 5


def test_sizes_that_cannot_be_equal_are_numbers():
    """A size that would have to be another polynomial of itself cannot be a symbol; asking for that again and again hung."""

    def stuffed(x):
        out = np.zeros(2 * len(x) - 40)
        out += x
        return out

    f = hy.function(stuffed)
    assert np.array_equal(f(np.arange(40.0)), np.arange(40.0))
    for n in (41, 42):
        with pytest.raises(ValueError, match="broadcast"):
            f(np.arange(float(n)))
    assert np.array_equal(f(np.arange(40.0)), np.arange(40.0))


def test_every_third_of_three_times_as_many():
    def stuffed(x):
        out = np.zeros(3 * len(x))
        out[::3] = x
        out[1::3] = 2 * x
        return out

    f = hy.function(stuffed, strict=True)
    for n in (50, 60, 70):
        assert np.array_equal(f(np.arange(float(n))), stuffed(np.arange(float(n))))
    assert len(f.traces) == 2


def test_what_dynamic_and_signature_do_not_fit_is_said_with_what_was_expected():
    f = hy.function(lambda x: x * 2, dynamic={"x": (0, 1)})
    with pytest.raises(ArgumentError, match=r"`x` has no axis 1, which `dynamic` names\n +got: +f64\[3\]"):
        f(np.ones(3))
    np.testing.assert_array_equal(f(np.ones((3, 2))), np.full((3, 2), 2.0))
    assert hy.function(lambda x: x[0].sum() + x[1].sum(), dynamic={"x": 1})((np.ones(2), np.ones((2, 2)))) == 6
    g = hy.function(lambda a, b: a @ b, signature=[hy.Spec(("n", "m"), "float64"), hy.Spec(("m",), "float64")])
    with pytest.raises(ArgumentError, match=r"expected: Spec\(\('m',\), 'float64'\), where m = 4"):
        g(np.ones((3, 4)), np.ones(5))


def stretched_sum(x, y):
    return x + y


def stretched_pair(x, y, z):
    return x * y + z


def squares_around(x, m):
    return ((x - m) ** 2).sum(axis=0)


def sum_or_product(x, y):
    return x + y if len(x) == len(y) else x * y


@pytest.mark.parametrize(
    "program, count, most", [(stretched_sum, 2, 6), (stretched_pair, 3, 10), (squares_around, 2, 7), (sum_or_product, 2, 7)]
)
@pytest.mark.parametrize("seed", range(3))
def test_axes_that_are_sometimes_of_one_element_take_a_trace_for_each_such_pattern(program, count, most, seed):
    """And one or two before the pattern shows, not one for each size."""
    random, f = rng(seed), hy.function(program)
    for _ in range(50):
        n = random.choice((1, 2, 3, 5, 8, 13, 40))
        arrays = [normal(n if random.random() < 0.6 else 1, 3) for _ in range(count)]
        want, got = program(*arrays), f(*arrays)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want)
    assert len(f.traces) <= most
