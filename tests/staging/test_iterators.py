"""`zip`, `enumerate`, `reversed`, `map` and generators: what was gone through once is used up."""

# ruff: noqa: B007, RUF007
import itertools

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import TraceError

X = np.abs(np.random.default_rng(0).normal(size=70))


def pairs(x):
    return zip(x, x[1:])


def doubled(x):
    for v in x:
        yield v * 2


def two_loops(x):
    z, total = zip(x, x[1:]), 0.0
    for a, b in z:
        total += a * b
    for a, b in z:
        total += 100.0
    return total


def after_a_break(x):
    z, total = enumerate(x), 0.0
    for i, a in z:
        total += a
        if total > 2:
            break
    for i, a in z:
        total += i * a
    return total


def two_lists(x):
    z = reversed(x)
    return list(z), list(z)


def in_a_loop(x):
    z, total = zip(x, x), 0.0
    for i in range(len(x)):
        for a, b in z:
            total += a * i
    return total


def in_a_branch(x):
    z, total = pairs(x), 0.0
    if x[0] > 0:
        for a, b in z:
            total += a
    for a, b in z:
        total += b
    return total


def two_sums(x):
    z = enumerate(x)
    return sum(a for i, a in z), sum(a for i, a in z)


def through_a_function(x):
    z = pairs(x)
    return sorted(z), sorted(z)


def extended(x):
    z, out = pairs(x), []
    out.extend(z)
    out.extend(z)
    return out


def mapped(x):
    z = map(float, x)
    return sum(z), sum(z)


def pythons_own(x):
    it, total = iter([1.0, 2.0, 3.0, 4.0, 5.0]), 0.0
    for w in it:
        total += w * x[0]
        if total > 0.2:
            break
    return total, list(it)


def a_generator(x):
    g, total = doubled(x), 0.0
    for w in g:
        total += w
        if total > 1:
            break
    return total + sum(g)


def pythons_own_in_a_loop(x):
    it, total = iter(range(5)), 0.0
    for i in range(len(x)):
        for k in it:
            total += x[i] * k
    return total


def lost_on_trial(x):
    return {int(v) for v in map(lambda a: a * 2, [1.0, 2.0, 3.0, 0.0]) if v > x[0]}


def looked_at(x):
    it = iter([1.0, 2.0, 30.0, 40.0])
    return any(v * x[0] > 1 for v in it), list(it)


def of_numpy(x):
    z, w, flat, total = np.ndenumerate(x), np.ndindex(2, 2), x.flat, 0.0
    for _, v in z:
        total += v
    for _, v in z:
        total += 100.0
    for v in flat:
        total += v
    for v in flat:
        total += 100.0
    return total, list(w), list(w)


def counting(x):
    c, total = itertools.count(5), 0.0
    for v, k in zip(x, c):
        total += v * k
    return total, next(c)


def asked(x):
    z = map(lambda v: v < 99, x)
    return all(z), any(z), list(z)


USED_UP = [
    of_numpy, counting, asked,
    lost_on_trial, looked_at,
    two_loops, after_a_break, two_lists, in_a_loop, in_a_branch, two_sums, through_a_function, extended, mapped, pythons_own,
    a_generator, pythons_own_in_a_loop,
]  # fmt: skip


@pytest.mark.parametrize("f", USED_UP)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_an_iterator_is_gone_through_once(f):
    compiled = hy.function(f)
    for x in (X, X[:9], X[:60], X[:50]):
        assert repr(compiled(x)) == repr(f(x))


def once_each(x):
    z = pairs(x)
    total = sum(a * b for a, b in z)
    for i in range(3):
        w = enumerate(x)
        for k, v in w:
            total += v * k * i
    return total, [a for a, b in zip(pairs(x), reversed(x))]


def of_numbers(x):
    total = 0.0
    for v in map(float, x):
        total += v
    for k, v in enumerate(map(lambda a, b: a * b, x, x[1:])):
        total += k * v
    return total, max(map(abs, x)), list(map(int, x * 10)), list(map(round, [float(x[0]), float(x[1])]))


def long_lists(x):
    total = 0.0
    for v in np.tile(x, 9).tolist():
        total += v
    return total


def lists_of_a_loop(x):
    total, best = 0.0, []
    for i, v in enumerate(x.tolist()):
        if v > 0.5:
            total += v
        elif v < 0.1:
            x[i + 1 :] *= 0.5
    for a, b in zip(x.tolist(), (x * 2).tolist()):
        if a + b > 1.0:
            best.append(a)
    return total, best, [v for v in x.tolist() if v > 1], sum(1 for v in x.tolist() if v > 1)


def counted_flat(x):
    x, total = x.reshape(2, -1), 0.0
    for k, v in enumerate(x.flat, start=2):
        if v > 0.5:
            total += k * v
    return total


@pytest.mark.parametrize("f", [once_each, of_numbers, long_lists, lists_of_a_loop, counted_flat])
def test_what_is_gone_through_once_is_compiled(f):
    compiled = hy.function(f, strict=True)
    for x in (X, X[:60], X[:50]):
        assert repr(compiled(x.copy())) == repr(f(x.copy()))


def test_enumerate_of_a_flat_array_is_a_loop():
    x = np.random.default_rng(0).random((50, 40))
    compiled = hy.function(counted_flat, strict=True)
    assert compiled(x) == pytest.approx(counted_flat(x))
    assert len(compiled.graph(x).eqns) < 20


def test_the_second_time_is_refused():
    with pytest.raises(TraceError, match="an iterator is used twice"):
        hy.function(two_loops, strict=True)(X)


def first_place(x):
    return next(k for k in range(len(x)) if x[k] > 0.7), next((v for v in x if v > 9), -1.0)


def first_of_each(x):
    total = 0
    for k in range(len(x)):
        at = next((j for j in range(k, len(x)) if x[j] > x[k]), None)
        if at is None:
            continue
        total += at
    return total, next((n for n in ("a", "bb", "ccc") if len(n) > x[0] * 10), "none"), next(k for k in range(5) if k > 2)


def first_pair(x):
    return next(((i, v) for i, v in enumerate(x) if v > 1), None), next(((i, v) for i, v in enumerate(x) if v > 9), None)


def first_missing(x):
    have = {int(v * 9) for v in x}
    for k in itertools.count(3):
        if k * 0.1 > x[0]:
            break
    return next(k for k in itertools.count() if k not in have), k, [i for i, _ in zip(itertools.count(1, 2), x)][-1]


@pytest.mark.parametrize("f", [first_place, first_of_each, first_pair, first_missing])
def test_the_first_item_of_a_generator(f):
    compiled = hy.function(f, strict=True)
    for x in (X, X[:60], X[:50]):
        assert repr(compiled(x)) == repr(f(x))


def test_where_there_is_no_first_item_python_raises():
    f = hy.function(first_place)
    assert f(X) == first_place(X)
    with pytest.raises(StopIteration):
        f(X * 0)


def pairs_of_places(points, x):
    total, counts = 0.0, {}
    for i, j in itertools.combinations(range(len(x)), 2):
        total += x[i] * points[j, 0]
        counts[i] = counts.get(i, 0) + 1
    return total, counts


def pairs_of_items(points, x):
    total = 0.0
    for p, q in itertools.combinations(points, 2):
        total += p @ q
    nearest = min(abs(a - b) for a, b in itertools.combinations(x, 2))
    return total, nearest, sum(a * b * c for a, b, c in itertools.combinations_with_replacement(x, 3))


def orders(points, x):
    lengths = []
    for order in itertools.permutations(range(4)):
        lengths.append(sum(abs(x[order[k]] - x[order[k - 1]]) for k in range(4)))
    best = min(itertools.permutations(range(1, 5)), key=lambda p: abs(x[0] - x[p[0]]) + abs(x[p[1]] - x[p[2]]))
    return min(lengths), best


def grid(points, x):
    best = None
    for a, b, c in itertools.product(np.linspace(0, 1, 4), [0.1, 0.2, 0.5], (1.0, 2.0)):
        error = np.sum((x - a * b * c) ** 2)
        if best is None or error < best[0]:
            best = (error, a, b, c)
    return best, [(i, j) for i, j in itertools.product(range(2), repeat=2)]


def lists_of_pairs(points, x):
    pairs = list(itertools.combinations(range(len(x)), 2))
    found = {}
    for i, j in pairs:
        found[i, j] = x[i] * x[j]
    it = itertools.combinations("abc", 2)
    return found[0, 1], len(pairs), next(it), list(it), list(itertools.combinations([], 2)), list(itertools.product())


@pytest.mark.parametrize("f", [pairs_of_places, pairs_of_items, orders, grid, lists_of_pairs])
def test_combinations_are_loops(f):
    strict = hy.function(f, strict=True)
    for n in (7, 12, 5):
        for _ in range(2):
            points, x = X[: 2 * n].reshape(n, 2), X[n : 2 * n]
            got, want = strict(points, x), f(points, x)
            assert [type(part) for part in got] == [type(part) for part in want] if isinstance(want, tuple) else True
            np.testing.assert_equal(_rounded(got), _rounded(want))


def _rounded(x):
    if isinstance(x, (tuple, list)):
        return type(x)(map(_rounded, x))
    if isinstance(x, dict):
        return {k: _rounded(v) for k, v in x.items()}
    return np.round(x, 9) if isinstance(x, float) else x


def test_a_loop_over_pairs_is_one_loop():
    f = hy.function(pairs_of_places)
    f(X[:40].reshape(20, 2), X[:20])
    assert len(f.graph(X[:40].reshape(20, 2), X[:20]).eqns) < 60


def ranged(a):
    total, last = 0, 0
    for k in range(a[0], a[1]):
        total += k * 70_000 * a.shape[0]
        last = k
    return total, last, [k * 100_000 for k in range(a[2])], list(enumerate(a, a[0]))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.int16])
def test_ranges_of_numpys_integers_are_of_pythons(dtype):
    """They gave integers of the dtype, which overflow."""
    a = np.array([100, 105, 3], dtype)
    f = hy.function(ranged)
    for _ in range(2):
        assert repr(f(a)) == repr(ranged(a))
