"""Functions that call themselves as often as a run decides, against themselves undecorated."""

from __future__ import annotations

import copy
import math
import sys

import numpy as np
import pytest

from hybrid.core.errors import HybridError
from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import outcome
from tests.staging.conftest import same as alike

RNG = np.random.default_rng(7)


def same(f, *cases, backend=None):
    """Compiled as a whole, a function gives and leaves what it gives and leaves undecorated."""
    compiled = function(f, strict=True, backend=backend)
    for case in cases:
        assert alike(outcome(compiled, case, {}), outcome(f, case, {})), case


def number(*values):
    """What only a run knows."""
    return (np.array(values),)


# numbers ---------------------------------------------------------------------------------------------------------------
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def gcd(a, b):
    return a if b == 0 else gcd(b, a % b)


def power(x, n):
    if n == 0:
        return 1  # an int, where all others are floats
    half = power(x, n // 2)
    return half * half * x if n % 2 else half * half


def collatz(n):
    return 0 if n == 1 else 1 + collatz(n // 2 if n % 2 == 0 else 3 * n + 1)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def simpson(f, a, fa, b, fb, m, fm, whole, eps):
    left, right = (a + m) / 2, (m + b) / 2
    fl, fr = f(left), f(right)
    first, second = (m - a) / 6 * (fa + 4 * fl + fm), (b - m) / 6 * (fm + 4 * fr + fb)
    delta = first + second - whole
    if abs(delta) <= 15 * eps:
        return first + second + delta / 15
    return simpson(f, a, fa, m, fm, left, fl, first, eps / 2) + simpson(f, m, fm, b, fb, right, fr, second, eps / 2)


def integral(a, b, eps):
    def f(x):
        return math.sin(x) / (1 + x * x)

    m = (a + b) / 2
    return simpson(f, a, f(a), b, f(b), m, f(m), (b - a) / 6 * (f(a) + 4 * f(m) + f(b)), eps)


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_numbers(backend):
    same(lambda x: fib(int(x[0])), *map(number, (0, 1, 2, 11)), backend=backend)
    same(lambda x: ackermann(int(x[0]), int(x[1])), number(0, 0), number(2, 3), backend=backend)
    same(lambda x: gcd(int(x[0]), int(x[1])), number(12, 18), number(17, 5), backend=backend)
    same(lambda x, n: power(x, int(n[0])), (1.5, np.array([0])), (1.5, np.array([9])), backend=backend)
    same(lambda x: collatz(int(x[0])), number(1), number(27), backend=backend)
    same(lambda x: even(int(x[0])), number(9), number(40), backend=backend)
    same(integral, (0.0, 3.0, 1e-5), (0.0, 10.0, 1e-7), backend=backend)


def test_numba():
    same(lambda x: fib(int(x[0])), number(1), number(11), backend="numba")
    same(quicksorted, (RNG.normal(size=30),), backend="numba")


# arrays ----------------------------------------------------------------------------------------------------------------
def quicksort(a, lo, hi):
    if lo >= hi:
        return
    p = a[(lo + hi) // 2]
    i, j = lo, hi
    while i <= j:
        while a[i] < p:
            i += 1
        while a[j] > p:
            j -= 1
        if i <= j:
            a[i], a[j] = a[j], a[i]
            i += 1
            j -= 1
    quicksort(a, lo, j)
    quicksort(a, i, hi)


def quicksorted(x):
    a = x.copy()
    quicksort(a, 0, len(a) - 1)
    return a


def mergesort(a, tmp, lo, hi):
    if hi - lo <= 1:
        return
    mid = (lo + hi) // 2
    mergesort(a, tmp, lo, mid)
    mergesort(a, tmp, mid, hi)
    i, j = lo, mid
    for k in range(lo, hi):
        if i < mid and (j >= hi or a[i] <= a[j]):
            tmp[k] = a[i]
            i += 1
        else:
            tmp[k] = a[j]
            j += 1
    a[lo:hi] = tmp[lo:hi]


def flood(g, i, j, new):
    if i < 0 or j < 0 or i >= g.shape[0] or j >= g.shape[1] or g[i, j] != 0:
        return 0
    g[i, j] = new
    return 1 + flood(g, i + 1, j, new) + flood(g, i - 1, j, new) + flood(g, i, j + 1, new) + flood(g, i, j - 1, new)


def permutations(a, k, out):
    if k == len(a):
        out[0, 0] += 1
        out[out[0, 0]] = a
        return
    for i in range(k, len(a)):
        a[k], a[i] = a[i], a[k]
        permutations(a, k + 1, out)
        a[k], a[i] = a[i], a[k]


def depth_first(start, neighbours, node, seen, order):
    if seen[node]:
        return
    seen[node] = True
    order[order[-1]] = node
    order[-1] += 1
    for e in range(start[node], start[node + 1]):
        depth_first(start, neighbours, neighbours[e], seen, order)


def walked(start, neighbours):
    n = len(start) - 1
    seen, order = np.zeros(n, bool), np.zeros(n + 1, int)
    depth_first(start, neighbours, 0, seen, order)
    return order


def nearest(points, left, right, axis, q, node, best, distance):
    if node < 0:
        return best, distance
    d = 0.0
    for k in range(2):
        d += (points[node, k] - q[k]) ** 2
    if d < distance:
        best, distance = node, d
    diff = q[axis[node]] - points[node, axis[node]]
    near, far = (left[node], right[node]) if diff < 0 else (right[node], left[node])
    best, distance = nearest(points, left, right, axis, q, near, best, distance)
    if diff * diff < distance:
        best, distance = nearest(points, left, right, axis, q, far, best, distance)
    return best, distance


def tree(points):
    n = len(points)
    left, right, axis = -np.ones(n, int), -np.ones(n, int), np.zeros(n, int)

    def grow(index, depth):
        if len(index) == 0:
            return -1
        index = index[np.argsort(points[index, depth % 2])]
        node = index[len(index) // 2]
        axis[node] = depth % 2
        left[node] = grow(index[: len(index) // 2], depth + 1)
        right[node] = grow(index[len(index) // 2 + 1 :], depth + 1)
        return node

    return left, right, axis, int(grow(np.arange(n), 0))


def queries(points, left, right, axis, root, qs):
    out, distances = np.empty(len(qs), int), np.empty(len(qs))
    for i in range(len(qs)):
        out[i], distances[i] = nearest(points, left, right, axis, qs[i], root, -1, 1e300)
    return out, distances


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_arrays_are_written_in_place(backend):
    x = RNG.normal(size=60)
    same(quicksorted, (x,), (x[:7],), backend=backend)
    same(lambda x: mergesort(x, np.empty_like(x), 0, len(x)), (x,), backend=backend)
    grid = (RNG.random((9, 9)) < 0.3).astype(int)
    grid[3, 3] = 0
    same(lambda g, new: flood(g, 3, 3, new), (grid, 7), backend=backend)
    same(lambda a: permutations(a, 0, np.zeros((7, 3), int)), (np.arange(3),), backend=backend)
    same(walked, (np.array([0, 2, 3, 4, 4]), np.array([1, 2, 3, 0])), backend=backend)


def test_trees_in_arrays():
    points = RNG.random((100, 2))
    same(queries, (points, *tree(points), RNG.random((20, 2))))

    def height(left, right, node):
        return 0 if node < 0 else 1 + max(height(left, right, left[node]), height(left, right, right[node]))

    same(lambda left, right: height(left, right, 0), (np.array([1, 3, -1, -1, -1]), np.array([2, 4, -1, -1, -1])))


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_parts_of_arrays(backend):
    def sort(a):
        if len(a) <= 1:
            return
        p, i = a[-1], 0
        for j in range(len(a) - 1):
            if a[j] < p:
                a[i], a[j] = a[j], a[i]
                i += 1
        a[i], a[-1] = a[-1], a[i]
        sort(a[:i])
        sort(a[i + 1 :])

    def search(a, x):
        if len(a) == 0:
            return False
        m = len(a) // 2
        if a[m] == x:
            return True
        return search(a[m + 1 :], x) if a[m] < x else search(a[:m], x)

    x = RNG.normal(size=60)
    same(sort, (x,), (x[:1],), backend=backend)
    same(search, (np.sort(x), float(x[7])), (np.sort(x), 0.5), backend=backend)


def test_what_is_read_before_a_call_and_used_after_it():
    def shifted(a, k):
        if k == len(a):
            return 0.0
        before, row = a[k], a + 1.0
        a[k] = 0.0
        rest = shifted(a, k + 1)
        a[k] = before + a.sum()
        return rest + before * row[k] + row.sum()

    same(lambda a: shifted(a, int(a[0] * 0)), (np.arange(1.0, 5.0),))


def test_new_arrays_are_given_and_returned():
    def spread(v, n):
        if n == 0:
            return v * 2
        return spread(v + n, n - 1) - v

    same(lambda v, n: spread(v, int(n[0])), (np.ones(3), np.array([0])), (np.ones(3), np.array([5])))


# state -----------------------------------------------------------------------------------------------------------------
def queens(n):
    columns, up, down = np.zeros(n, bool), np.zeros(2 * n, bool), np.zeros(2 * n, bool)

    def place(row):
        if row == n:
            return 1
        count = 0
        for c in range(n):
            if not columns[c] and not up[row + c] and not down[row - c + n]:
                columns[c] = up[row + c] = down[row - c + n] = True
                count += place(row + 1)
                columns[c] = up[row + c] = down[row - c + n] = False
        return count

    return place(0)


def knapsack(weights, values, room):
    best, calls = 0.0, 0

    def pack(i, room, value):
        nonlocal best, calls
        calls += 1
        if value > best:
            best = value
        for k in range(i, len(weights)):
            if weights[k] <= room:
                pack(k + 1, room - weights[k], value + values[k])

    pack(0, room, 0.0)
    return best, calls


def subset(weights, target):
    calls = 0

    def reach(i, rest):
        nonlocal calls
        calls += 1
        if rest == 0:
            return True
        if i == len(weights) or rest < 0:
            return False
        return reach(i + 1, rest - weights[i]) or reach(i + 1, rest)

    return reach(0, target), calls


class Walker:
    def __init__(self):
        self.steps, self.total = 0, 0.0

    def walk(self, x, n):
        self.steps += 1
        if n > 0:
            self.total += x[n]
            self.walk(x, n - 1)
            self.walk(x, n // 2)


def walk(x, n):
    walker = Walker()
    walker.walk(x, int(n[0]))
    return walker.steps, walker.total


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_variables_of_functions_around_and_of_objects(backend):
    w = np.array([3.0, 34.0, 4.0, 12.0, 5.0, 2.0])
    same(queens, (5,), backend=backend)
    same(knapsack, (w, w[::-1].copy(), 20.0), (w, w, 1.0), backend=backend)
    same(subset, (w.astype(int), 9), (w.astype(int), 30), backend=backend)
    same(walk, (RNG.normal(size=9), np.array([7])), (RNG.normal(size=9), np.array([0])), backend=backend)


# what is put back after a call, which finds it changed
def deepest(n):
    """Marks of several kinds on the way to the deepest call, which counts them."""
    depth, path, marks, best = 0, [], {"turn": True, "steps": 0}, []

    def go(k):
        nonlocal depth
        if k == 0:
            if not best:
                best.extend(path)
            return depth + 10 * marks["steps"] + 100 * marks["turn"]
        depth += 1
        before, marks["turn"] = marks["turn"], k % 2 == 0
        marks["steps"] += 1
        path.append(k)
        found = go(k - 1) + go(k - 1)
        path.pop()
        marks["turn"] = before
        marks["steps"] -= 1
        depth -= 1
        return found

    return go(int(n[0])), best, depth


class Depth:
    def __init__(self):
        self.now = self.most = 0

    def down(self, n):
        self.most = max(self.most, self.now)
        if n > 0:
            self.now += 1
            self.down(n - 1)
            self.now -= 1
        return self.most


def callers_list(marks, n):
    """A list of the caller's, as long after a call as before."""

    def go(k):
        if k == 0:
            return len(marks)
        marks.append(k)
        found = go(k - 1)
        marks.pop()
        return found

    return go(int(n[0])), marks


def test_what_is_put_back_after_a_call():
    same(deepest, number(4), number(0), number(5))
    same(lambda n: Depth().down(int(n[0])), number(4), number(0))
    compiled = function(callers_list)
    with pytest.warns(FallbackWarning, match="a list is changed that compiled code leaves as it is"):
        compiled([], np.array([1]))
    for n in (3, 5):
        assert compiled([7], np.array([n])) == callers_list([7], np.array([n])) == (n + 1, [7])


# Python's limits, and what is refused ----------------------------------------------------------------------------------
def endless(n):
    return 1 + endless(n + 1) if n >= 0 else 0


@pytest.mark.filterwarnings("ignore:.*takes for granted")
def test_python_raises_its_own_errors():
    def down(n):
        return 0 if n == 0 else 1 + down(n - 1)

    def growing(n, x):
        return x if n == 0 else growing(n - 1, x * x + 1)

    def written(a, k):
        if k < 0:
            return 0
        a[k] += 1
        return written(a, k - 1) + a[k + 3]

    compiled = function(lambda x: endless(int(x[0])))
    with pytest.raises(RecursionError, match="maximum recursion depth"):
        compiled(np.array([0]))
    assert compiled(np.array([-1])) == 0
    compiled, before = function(lambda x: down(int(x[0]))), sys.getrecursionlimit()
    assert compiled(np.array([500])) == 500
    with pytest.raises(RecursionError):
        compiled(np.array([before + 10]))
    try:
        sys.setrecursionlimit(40_000)
        assert [compiled(np.array([n])) for n in (5000, 30_000)] == [5000, 30_000]
    finally:
        sys.setrecursionlimit(before)
    compiled = function(lambda x: growing(int(x[0]), int(x[1])))
    assert compiled(np.array([3, 1])) == 26 and compiled(np.array([9, 2])) == growing(9, 2) > 2**64
    compiled = function(lambda a, n: written(a, int(n[0])))
    for n in (1, 6):
        got, want = np.zeros(6), np.zeros(6)
        assert outcome(compiled, (got, np.array([n])), {})[0] == outcome(written, (want, n), {})[0]


def test_what_does_not_fit_is_refused_with_the_reason():
    def paths(n, path):
        return len(path) if n == 0 else paths(n - 1, path + [n])

    def longer(n, x):
        return x if n == 0 else longer(n - 1, np.append(x, n))

    def given_back(n, x):
        return x if n == 0 else given_back(n - 1, x + 1)

    for f, reason in ((paths, "argument `path`"), (longer, "argument `x`"), (given_back, "not always new")):
        compiled = function(lambda n, f=f: f(int(n[0]), [0] if f is paths else np.zeros(2)), strict=True)
        with pytest.raises(HybridError, match=reason):
            compiled(np.array([2]))


def test_the_kernel_says_what_it_does():
    compiled = function(lambda x: fib(int(x[0])), strict=True)
    text = str(compiled.loops(np.array([5])))
    assert "routine r0_k1(v0: i64, v1: i64, g0_k1: out i64[1]):" in text and "python recursion_limit()" in text
    assert copy.copy(compiled) is compiled
