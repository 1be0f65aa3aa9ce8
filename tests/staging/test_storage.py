"""Lists, deques, dicts and sets in storage against Python's own: random operations, order, errors and what is refused."""

from __future__ import annotations

import bisect
import heapq
import sys
import warnings
from collections import deque

import numpy as np
import pytest

from hybrid.core.errors import TraceError
from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function


def lists(ops, vals, _):
    xs, log = [3, 1, 2], []
    for k in range(len(ops)):
        o, v = ops[k], int(vals[k])
        if o == 0:
            xs.append(v)
        elif o == 1:
            if xs:
                log.append(xs.pop())
        elif o == 2:
            if xs:
                log.append(xs.pop(v % len(xs)))
        elif o == 3:
            xs.insert(v - 5, v)
        elif o == 4:
            if v in xs:
                xs.remove(v)
                log.append(-7)
        elif o == 5:
            xs.reverse()
        elif o == 6:
            xs.sort(reverse=True)
        elif o == 7:
            log.append(xs.count(v))
            if v in xs:
                log.append(xs.index(v))
        elif o == 8:
            xs.sort(key=lambda q: (q % 3, -q))
        elif xs:
            log.append(min(xs))
            log.append(max(xs) + sum(xs))
    return xs, log


def heaps(ops, a, b):
    heap, log = [], []
    for k in range(len(ops)):
        item, o = (int(a[k]), float(b[k]), k), ops[k]
        if o < 5:
            heapq.heappush(heap, item)
        elif o == 5 and heap:
            log.append(heapq.heappop(heap))
        elif o == 6 and heap:
            log.append(heapq.heapreplace(heap, item))
        elif o == 7:
            log.append(heapq.heappushpop(heap, item))
        elif o == 8:
            heap.sort(key=lambda t: -t[2])
            heapq.heapify(heap)
    return heap, log


def ties(ops, a, b):
    """Items that are equal but not the same: `heapq` says which of them comes first."""
    heap, log = [], []
    for k in range(len(ops)):
        if ops[k] < 6:
            heapq.heappush(heap, int(a[k]))
        elif heap:
            log.append(heapq.heappop(heap))
    return heap, log


def deques(ops, vals, _):
    q, log = deque([1, 2]), []
    for k in range(len(ops)):
        o, v = ops[k], int(vals[k])
        if o == 0:
            q.append(v)
        elif o == 1:
            q.appendleft(v)
        elif o == 2 and q:
            log.append(q.pop())
        elif o == 3 and q:
            log.append(q.popleft())
        elif o == 4:
            q.rotate(v - 5)
        elif o == 5:
            q.extend([v, v + 1])
        elif o == 6:
            q.extendleft((v, v + 1))
        elif o == 7 and q:
            log.append(q[v % len(q)] - q[-1])
        elif o == 8:
            log.append(len(q) + q.count(v))
        elif o == 9 and len(q) > 3:
            q.reverse()
    return q, log


def dicts(ops, a, b):
    d, log = {}, []
    for k in range(len(ops)):
        key, o = (int(a[k]), int(b[k])), ops[k]
        if o < 3:
            d[key] = k
        elif o == 3:
            log.append(d.get(key, -1))
        elif o == 4 and key in d:
            del d[key]
        elif o == 5:
            log.append(d.pop(key, -2))
        elif o == 6:
            log.append(d.setdefault(key, k))
        elif o == 7:
            t = len(d)
            for (x, y), v in d.items():
                t = t * 3 % 1000003 + x * 5 + y + v
            log.append(t)
        elif o == 8 and key in d:
            d[key] += 100
        elif o == 9 and k % 17 == 0:
            d.clear()
    return d, log, list(d), list(d.values())


def sets(ops, vals, _):
    s, log = set(), []
    for k in range(len(ops)):
        o, v = ops[k], int(vals[k])
        if o < 4:
            s.add(v)
        elif o == 4:
            s.discard(v)
        elif o == 5 and v in s:
            s.remove(v)
        elif o == 6:
            log.append(len(s) + (v in s))
        elif o == 7 and s:
            log.append(max(s) + sum(s))
    return sorted(s), log


def rows(ops, a, b):
    adj, found, log = [[] for _ in range(3)], {}, []
    for k in range(len(ops)):
        o = ops[k]
        if o < 4:
            adj[a[k] % 3].append((int(a[k]), float(b[k])))
        elif o == 4 and adj[a[k] % 3]:
            log.append(adj[a[k] % 3].pop())
        elif o == 5:
            adj[a[k] % 3].sort()
        elif o == 6:
            found.setdefault(int(a[k]), []).append(k)
        elif o == 7:
            log.append((len(adj[a[k] % 3]), 0.5))
        elif o == 8:
            for row in adj:
                for pair in row:
                    log.append(pair)
    return adj, found, log


@pytest.mark.parametrize("rounds", [3, 100])  # few are written out
@pytest.mark.parametrize("program", [lists, heaps, ties, deques, dicts, sets, rows], ids=lambda f: f.__name__)
def test_random_operations_give_what_python_gives(program, rounds):
    compiled = function(program, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(12):
            rng = np.random.default_rng(seed)
            ops, a = rng.integers(0, 10, rounds), rng.integers(0, 8, rounds)
            args = ops, a, rng.integers(0, 4, rounds) / (2 if program is heaps else 1)
            assert repr(compiled(*args)) == repr(program(*args))
    assert "plain Python" not in compiled.explain()


X = np.array([3, 1, 4, 1, 5, 9, 2, 6])


def alike(f, *cases, strict=True):
    compiled = function(f, strict=strict)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases:
            outcomes = []
            for g in (f, compiled, compiled):
                try:
                    outcomes.append(repr(g(*case)))
                except Exception as error:
                    outcomes.append((type(error), str(error)))
            assert outcomes[0] == outcomes[1] == outcomes[2]


def test_errors_are_pythons():
    def popped(x):
        q = deque()
        for v in x:
            if v > 3:
                q.append(v)
        return q.popleft(), q.popleft()

    def looked(x, k):
        d = {}
        for v in x:
            d[int(v)] = 1
        return d[int(x[0]) + k]

    def removed(x, k):
        out = []
        for v in x:
            if v > 1:
                out.append(int(v))
        out.remove(k)
        return out, out.index(9), heapq.heappop(out)

    alike(popped, (X,), (X[:3],), (X[:2],))
    alike(looked, (X, 1), (X, 100))
    alike(removed, (X, 3), (X, 7), (X[:3], 3))


def test_order_that_depends_on_nan_is_pythons():
    def ordered(x):
        out, heap = [], []
        for v in x:
            out.append(float(v))
            heapq.heappush(heap, (float(v), 1))
        return sorted(out), sorted(out, reverse=True), heap, (float(x[0]), 1) == heap[0]

    alike(ordered, (np.array([3.0, 1.0, 2.0]),), (np.array([3.0, np.nan, 2.0, -0.0, 0.0, 1.0]),), strict=False)


def test_sorting_is_stable_both_ways():
    def ordered(x):
        out = []
        for i in range(len(x)):
            out.append((int(x[i]) % 3, i))
        return sorted(out, key=lambda t: t[0]), sorted(out, key=lambda t: t[0], reverse=True), sorted(out), max(out), min(out)

    alike(ordered, (np.arange(40),), (X,))


def test_other_names_are_the_same_container():
    def aliased(x):
        a = []
        b = a
        for v in x:
            if v > 2:
                a.append(int(v))
            else:
                b.append(-int(v))
        return a, b, len(b)

    def passed(x):
        def push(stack, v):
            stack.append(v)

        stack = []
        for v in x:
            push(stack, int(v))
            if len(stack) > 3:
                stack.pop()
        return stack, isinstance(stack, list), type(stack) is list

    alike(aliased, (X,))
    alike(passed, (X,))


def test_lists_change_meaning_no_more_than_in_python():
    def widened(x):
        out = [1, 2]
        for i in range(2):
            if x[i] > 2:
                out[i] = 7
        for v in x:
            if v > 100:
                out.append(0.5)
        return out

    def iterated(x):
        out = []
        for v in x:
            if v > 2:
                out.append(int(v))
        for v in out:
            if v > 5 and len(out) < 20:
                out.append(1)
        return out

    alike(widened, (X,), (X * 50,), strict=False)
    alike(iterated, (X,), strict=False)


def test_what_a_branch_gave_up_is_as_it_was():
    def inserted(x, k):
        out = [3, 1, 2]
        for i in range(2):
            if x[i] == 3:
                out.append(8)
                out[int(x[k])] = 7
        return out

    alike(inserted, (X, 1), (X, 5), (X[1:], 1))


def test_lists_in_lists():
    def rows(x, n):
        out = [[] for _ in range(n)]
        for i in range(len(x)):
            out[x[i] % n].append((i, float(x[i])))
            if len(out[x[i] % n]) > 2:
                out[x[i] % n].pop(0)
        return out, [len(row) for row in out], sum(len(row) for row in out)

    def twins(x):
        out = [[]] * 2
        for v in x:
            out[v % 2].append(int(v))
        return out

    def by_key(x):
        found = {}
        for v in x:
            found.setdefault(int(v) % 3, []).append(int(v))
        return found, max(len(row) for row in found.values())

    alike(rows, (X, 3), (X, 4), (X, 5), (X, 6))
    alike(twins, (X,), strict=False)
    alike(by_key, (X,))


def test_parts_and_comparisons():
    def parts(x):
        a, b = [], []
        for v in x:
            if v > 2:
                a.append(int(v))
                bisect.insort(b, int(v))
        c = a + b
        a += [1]
        return a == b, a != b, sorted(a[:-1]) == b, c, [v * 2 for v in b if v % 2], [v for v in reversed(a)], b[1:], 9 in b

    alike(parts, (X,), (X[:2],))


def test_sets_come_out_in_the_order_of_cpython():
    def seen(x, gone):
        s = {5}
        for v in x:
            s.add(int(v))
        for v in x:
            if v == gone:
                s.discard(int(v))
        return s

    rng = np.random.default_rng(0)
    alike(seen, *[(rng.integers(-50, 50, 30) * 8, gone) for gone in (1, 1, 40, 80)], (X * 10**15, 0))

    def visited(x):
        s = set()
        for v in x:
            s.add(int(v))
        out = []
        for v in s:
            out.append(v)
        return out

    alike(visited, (X,), (np.arange(30.0)[::-1] * 8,), strict=sys.version_info < (3, 14))


def test_keys_that_are_no_numbers_are_pythons():
    def by_value(x):
        d = {}
        for v in x:
            d[complex(v, 1)] = 1
        return d

    alike(by_value, (X,), strict=False)
    with pytest.raises(TraceError, match="integers, floats, names, or tuples"):
        function(by_value, strict=True)(X)


def test_what_is_not_compiled_says_why():
    def saved(x):
        out = []
        for v in x:
            if v > 2:
                out.append(int(v))
        return out < [3], str(out)

    with pytest.warns(FallbackWarning):
        assert function(saved)(X) == saved(X)
