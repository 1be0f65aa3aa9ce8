"""Lists that branches and loops change, with items and lengths that only a run knows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function
from tests.staging.conftest import same as alike

X = np.random.default_rng(0).random(200)


def same(f, *cases):
    """Compiled as a whole, a function gives what it gives undecorated."""
    compiled = function(f, strict=True)
    for case in cases:
        assert alike(compiled(*case), f(*case)), case


def test_items_are_appended():
    def indices(x, t):
        out = []
        for i in range(len(x)):
            if x[i] > t:
                out.append(i)
        return out

    def values(x, t):
        out = [0]
        for v in x:
            if v > t:
                break
            out.append(v)
        return out, len(out), out[-1]

    def pairs(x, low, high):
        out = []
        for i in range(len(x)):
            if x[i] > high:
                out.append((i, "buy", x[i]))
            elif x[i] < low:
                out.append((i, "sell", x[i]))
        return out

    def rows(x):
        out = []
        for i in range(20):
            row = []
            for j in range(10):
                if x[i * 10 + j] > 0.5:
                    row.append(j)
            out.append(len(row))
        return out

    same(indices, (X, 0.5), (X, 2.0), (X[:3], 0.5))
    same(values, (X, 0.9), (X, 0.0))
    same(pairs, (X, 0.1, 0.9), (X, 0.0, 1.0))
    same(rows, (X,))


def test_there_is_room_for_what_a_while_loop_appends_or_python_makes_it():
    def halves(x, tol):
        errors = []
        while x > tol:
            x = x / 2
            errors.append(x)
        return errors

    def many(n):
        out, k = [], 0
        while k < n.sum():
            out.append(k)
            k += 1
        return out

    same(halves, (1.0, 1e-9), (1.0, 2.0))
    same(many, (np.array([8000]),))
    compiled = function(many, strict=True)
    for _ in range(3):  # Python makes the first call, and the next trace has more room
        assert compiled(np.array([9000])) == list(range(9000))
    assert len(compiled.traces) == 1 and not compiled.explain().count("plain Python")


def test_stacks_and_queues():
    def flood(grid, r, c):
        seen = np.zeros(grid.shape, bool)
        seen[r, c], todo = True, [(r, c)]
        while todo:
            r, c = todo.pop()
            for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                a, b = r + dr, c + dc
                if 0 <= a < grid.shape[0] and 0 <= b < grid.shape[1] and not seen[a, b] and grid[a, b] > 0:
                    seen[a, b] = True
                    todo.append((a, b))
        return seen

    def distances(adjacent, start):
        out = np.full(len(adjacent), -1)
        out[start] = 0
        queue = [start]
        while queue:
            v = queue.pop(0)
            for w in range(len(adjacent)):
                if adjacent[v, w] and out[w] < 0:
                    out[w] = out[v] + 1
                    queue.append(w)
        return out

    rng = np.random.default_rng(1)
    same(flood, (rng.integers(0, 4, (12, 12)), 3, 3))
    same(distances, (rng.random((12, 12)) > 0.8, 3))


def test_items_at_places_and_parts():
    def f(x, t):
        out = [1, 2, 3]
        for i in range(len(x)):
            if x[i] > t:
                out.append(i)
        s = 0
        for k, q in enumerate(out[1:]):
            s += k * q
        last, first, least, most = out[-3:], out[:2], min(out), max(out)
        out.reverse()
        return s, last, first, least, most, out, out[::-1], np.array(out), np.array(out, dtype=np.float32)

    def counts(x):
        table = [0] * 10
        for v in x:
            table[int(v * 10)] += 1
        return table

    def weighted(x):
        w, s = [0.5, 0.25, 0.125, 0.0625, 0.03], 0.0
        for i in range(len(x)):
            s += w[i % 5] * x[i]
        return s

    same(f, (X, 0.5), (X, 2.0))
    same(counts, (X,))
    same(weighted, (X,))


def test_comprehensions_with_a_condition():
    def f(x, t):
        i = 5
        a = [i for i in range(len(x)) if x[i] > t]
        b = [v * 2 for v in x if v > t and v < 0.95]
        return a, b, [k for k in range(10) if k % 2], i, len(a)

    same(f, (X, 0.5), (X, 0.94), (X, 2.0))


def test_arrays_in_lists():
    def decay(y, t):
        ys = []
        for _ in range(30):
            y = y * 0.9
            if y[0] > t:
                ys.append(y)
        return ys

    def euler(y, end):
        ts, ys = [0.0], [y]
        t = 0.0
        while t < end:
            y, t = y - 0.1 * y, t + 0.1
            ts.append(t)
            ys.append(y)
        return np.array(ts), np.array(ys), len(ys)

    same(decay, (X[:3], 0.1), (X[:3], 2.0))
    same(euler, (X[:3], 2.0))


def test_arrays_that_are_written_or_known_under_other_names_stay_pythons():
    def written(x):
        ys, y = [], x.copy()
        for _ in range(6):
            y *= 0.9
            if y[0] > 0.1:
                ys.append(y)
        return ys

    def first_kept(y, end):
        ys, t = [y], 0.0
        while t < end:
            y, t = y * 0.9, t + 0.1
            ys.append(y)
        return ys

    def last_returned(x, t):
        ys, y = [], x.copy()
        for _ in range(10):
            y = y * 0.9
            ys.append(y)
            if y[0] < t:
                break
        return y, ys

    with pytest.warns(FallbackWarning):
        ys = function(written)(X[:3])
    assert len(ys) == 6 and all(y is ys[0] for y in ys)
    with pytest.warns(FallbackWarning):
        assert function(first_kept)(X, 1.0)[0] is X
    with pytest.warns(FallbackWarning):
        y, ys = function(last_returned)(X, 0.3)
    assert y is ys[-1]


def test_arrays_of_lists_are_arrays(invisible):
    def history(u, steps):
        states, times = [u], [0.0]
        for _ in range(steps):
            u = u * 0.5 + 1
            states.append(u.copy())
            times.append(times[-1] + 0.1)
        return np.stack(states), np.array(states).mean(axis=0), np.array(times) * 2, np.vstack(states), np.concatenate(states)

    def chosen(x):
        out = []
        for value in x:
            if value > 0.1:
                out.append(value * 2)
        a = np.array(out)
        return a.sum(), a[1:] * 2, a.size, np.sum(out), np.max(out)

    def converges(error):
        errors = []
        while error > 1e-3:
            error = error * 0.5
            errors.append(error)
        return np.array(errors), np.diff(errors), np.asarray(errors)[-1]

    for steps in (7, 12):
        invisible(history, X[:3], steps)
    invisible(chosen, X[:20])
    invisible(converges, 3.0)


@pytest.mark.parametrize("use", [lambda a: [*a], lambda a: a * 2, lambda a: a < [1], str])  # fmt: skip
def test_what_is_not_compiled_is_pythons(use):
    def f(x):
        out = []
        for i in range(len(x)):
            if x[i] > 0.2:
                out.append(i)
        return use(out)

    with pytest.warns(FallbackWarning):
        assert alike(function(f)(X[:20]), f(X[:20]))


def test_errors_are_pythons():
    def f(x, t):
        out = []
        for v in x:
            if v > t:
                out.append(v)
        return out.pop(), out[0]

    compiled = function(f)
    assert alike(compiled(X, 0.5), f(X, 0.5))
    with pytest.raises(IndexError, match="pop from empty list"):
        compiled(X, 2.0)


def test_a_list_is_what_every_name_of_it_says():
    def f(x):
        out = []
        other = out
        for v in x:
            if v > 0.5:
                out.append(v)
        other.append(1.0)
        return out, other

    a, b = function(f, strict=True)(X)
    assert a is b and alike(a, f(X)[0])


def test_numbers_that_exist_in_some_runs_only_are_appended():
    def f(x, t):
        out = []
        for i in range(len(x)):
            if x[i] > t:
                last = x[i] if x[i] > 0.7 else i
            if i >= 5:
                out.append(last)
        del out[-1]
        return out, last

    same(f, (X[1:40], 0.5))
    with pytest.raises(UnboundLocalError):
        function(f)(X[:40], 2.0)


def test_names_are_appended_twice_a_round():
    def marks(x):
        out, values = [], []
        for i in range(len(x)):
            if x[i] > 0.9:
                out.append("-")
                values.append(0.0)
                continue
            if x[i] < 0.1:
                out.append("-")
                values.append(1.0)
                continue
            out.append("-")
            values.append(x[i])
        return out, values

    same(marks, (X,), (X[:9],), (X[:1],))


def test_attributes_hold_lists():
    class Run:
        def __init__(self, start):
            self.times, self.values = [], [start]

        def step(self, t, v):
            if v > 0.5:
                self.times.append(t)
                self.values.append(v)

    @dataclass
    class Log:
        name: str
        items: list = field(default_factory=list)

    def methods(x):
        run = Run(0.5)
        for i in range(len(x)):
            run.step(i, x[i])
        return run.times, run.values, len(run.times), run.values[-1], np.array(run.values).max()

    def records(x):
        log = {"large": [], "small": [], "n": 0}
        for v in x:
            if v > 0.5:
                log["large"].append(v)
            else:
                log["small"].append(v)
            log["n"] += 1
        return log

    def factories(x):
        log = Log("z")
        for v in x:
            if v > 0.5:
                log.items.append(v)
        return log

    def known(x):
        run = Run(2)
        run.times = [1, 2, 3]
        t = run.times
        t.append(4)
        d = {"a": t, "b": [1.0, 2]}
        d["c"] = [5]
        match run.values:
            case []:
                empty = True
            case [*_]:
                empty = False
        return (
            d,
            run.times is t,
            f"{run.times}",
            [*run.times, 1],
            isinstance(t, list),
            sum(d["b"]) * x,
            t == [1, 2, 3, 4],
            empty,
        )

    same(methods, (X,), (X / 4,))
    same(records, (X,), (X / 4,))
    same(known, (X,))
    got, want = function(factories, strict=True)(X), factories(X)
    assert type(got) is Log and got == want and type(got.items) is list


def test_one_list_or_another():
    def early(x, t):
        if t < 0:
            return []
        if t > 9:
            return [t, 0.5]
        out = []
        for v in x:
            if v > t:
                out.append(v)
        return out

    def perhaps(x, t):
        out = []
        for i in range(len(x)):
            if x[i] > t:
                out.append((i, x[i]))
        return out if len(out) > 3 else None

    def asked(x, t):
        found = perhaps(x, t)
        if found is None:
            return "none", found
        return "some", found

    def best(x):
        best, value = [0.5, 1.0], 10.0
        for k in range(len(x)):
            trial = best.copy()
            trial[k % 2] += x[k] - 0.5
            v = sum(t * t for t in trial)
            if v < value:
                best, value = trial, v
        return best, value

    def row_after_row(x):
        before = []
        for k in range(10):
            row = [1.0]
            for j in range(len(before)):
                row.append(before[j] * x[k])
            before = row
        return before

    def swapped(x):
        a, b = [1.0], [2.0]
        for k in range(9):
            b.append(x[k])
            a, b = b, a
        return a, b

    def chosen(x):
        if x[0] > 0.5:
            r = [1, 2]
        else:
            r = [3]
        q = r
        for v in x:
            if v > 0.9:
                r.append(len(r))
        return r, len(q)

    same(early, (X, 0.5), (X, -1.0), (X, 10.0), (X, 2.0))
    same(perhaps, (X, 0.5), (X, 2.0))
    same(asked, (X, 0.5), (X, 2.0))
    same(best, (X,), (-X,))
    same(row_after_row, (X,))
    same(swapped, (X,))
    same(chosen, (X,), (1 - X,))


def test_lists_that_may_be_none_are_used():
    def find(x, t):
        out = []
        for i in range(len(x)):
            if x[i] > t:
                out.append(i)
        if len(out) > 3:
            return out
        return None

    def length(x, t):
        r = find(x, t)
        return 0 if r is None else len(r)

    def truth(x, t):
        r = find(x, t)
        if r:
            return sum(r)
        return -1

    def items(x, t):
        r = find(x, t)
        if r is None:
            return -1.0
        s = 0.0
        for i in r:
            s += x[i]
        return s + r[0]

    for f in (length, truth, items):
        same(f, (X, 0.5), (X, 2.0))


def test_lists_and_arrays_of_a_length_that_a_run_knows():
    def indices(x):
        basis = [3, 4, 5]
        for k in range(len(x)):
            if x[k] > 0.5:
                basis[k % 3] = k
        y = np.zeros(len(x))
        y[basis] = x[:3]
        return y, x[basis]

    def selected(x):
        top = x[x > 0.5].tolist()
        found = [0]
        for low in range(0, len(x), 50):
            found.extend((np.flatnonzero(x[low : low + 50] > 0.5) + low).tolist())
        return top, len(top), found

    same(indices, (X,), (X / 4,))
    same(selected, (X,), (X / 4,))


def test_sets_are_intersected():
    def sets(x):
        y = (x * 4).astype(int)
        s = set(y[y > 1].tolist()) & set(y[y < 3].tolist())
        t = set(y[:10]) & set(y[10:]) - {0}
        u = {1, 2, 9} - s
        v = s - {2}
        return bool(s), len(t), sorted(s), sorted(u), len(v), 2 in v, bool(v)

    same(sets, (X,), (X / 4,))


def test_arrays_of_lists_of_tuples():
    def points(x, t):
        out = []
        for i in range(1, len(x)):
            if x[i] > t:
                out.append((i, x[i] - x[i - 1]))
        found = np.array(out)
        return found, found[:, 1].sum(), found.shape

    def rows(x, t):
        out = []
        for i in range(1, len(x)):
            if x[i] > t:
                out.append((i, i + 1, i > 3))
        return np.array(out).reshape(-1, 3), np.array(out).T

    def mixed(x, t):
        out = [0.5]
        for v in x:
            if v > t:
                out.append(v)
        return np.array(out) * 2, np.array(out).max()

    same(points, (X, 0.5), (X, 0.9))
    same(rows, (X, 0.5), (X, 0.9))
    same(mixed, (X, 0.5), (X, 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        assert alike(function(rows)(X[:1], 0.5), rows(X[:1], 0.5))


def test_one_object_under_two_names():
    def dicts(x):
        if x[0] > 0.5:
            y = z = {"a": 1.0}
        else:
            y = z = {"a": 2.0}
        y["a"] = x[0]
        return y["a"] + z["a"], y is z

    def lists(x):
        if x[0] > 0.5:
            y = z = [1.0, 2.0]
        else:
            y = z = [3.0, 4.0]
        y[0] = x[0]
        return y, z[0], y is z

    def another(x):
        a = [1.0]
        b = a
        if x[0] > 0.5:
            a = [x[0], 2.0]
        a.append(x[1])
        return a, len(b)

    def later(x):
        a = [1.0]
        b = a
        for k in range(10):
            a.append(x[k])
            if x[k] > 0.5:
                a = a[:]
        return a, len(b)

    def exchanged(x):
        a, b = [1.0], [2.0]
        if x[0] > 0.5:
            a, b = b, a
        a.append(x[1])
        return a, b

    same(dicts, (X,), (1 - X,))
    same(lists, (X,), (1 - X,))

    def identical(x):
        a = [1.0]
        b = a
        for k in range(8):
            if x[k] > 0.5:
                b = [x[k]]
        return b is a, len(b)

    def maybe(x):
        def found(c):
            return [c] if c > 0.5 else None

        r = found(x[0])
        s = r
        if r is not None:
            r.append(2.0)
        return r, r is s

    same(maybe, (X,), (1 - X,))
    for f in (another, later, exchanged, identical):
        compiled = function(f)
        for x in (X, 1 - X):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FallbackWarning)
                assert alike(compiled(x), f(x))


def test_lists_that_start_empty_in_tuples_are_refused_with_a_reason():
    def beam(p, k):
        beams = [(0.0, [])]
        for t in range(len(p)):
            candidates = []
            for score, path in beams:
                for c in range(p.shape[1]):
                    candidates.append((score + p[t, c], path + [c]))  # adding is what is asked
            candidates.sort(key=lambda one: -one[0])
            beams = candidates[:k]
        return beams[0]

    p = np.arange(12.0).reshape(4, 3) % 5
    with pytest.warns(FallbackWarning, match="is read before it is known what is put into it"):
        assert function(beam)(p, 2) == beam(p, 2)
