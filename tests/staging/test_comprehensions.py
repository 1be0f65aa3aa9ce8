"""Comprehensions and generators whose items a run chooses, and lists whose items turn out to be of several kinds."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(5).standard_normal(20)
CASES = X, np.array([1.0, -1.0, 2.0, 0.6]), -np.ones(4), np.ones(5)


def same(f, *cases):
    """Compiled as a whole, a function gives what it gives undecorated."""
    compiled = function(f, strict=True)
    for case in cases or [(x,) for x in CASES]:
        assert alike(compiled(*case), f(*case)), case


def test_deques_and_dicts_of_generators():
    def halves(x):
        queue = deque(v for v in x if v > 0)
        total = 0.0
        while len(queue) > 1:
            a, b = queue.popleft(), queue.popleft()
            total += a * b
            if a > b:
                queue.append(a - b)
        return total

    def latest(x):
        queue = deque((v for v in x if v > 0), maxlen=3)
        return list(queue), queue

    def numbered(x):
        return dict((i, v) for i, v in enumerate(x) if v > 0)

    for f in (halves, latest, numbered):
        same(f)


def test_known_items_are_chosen_by_a_run():
    def some(x):
        a, b, c = x[0], x[1], x[2]
        return [v for v in (a, b, c) if v > 0], sorted(v for v in (a, b, c) if v > 0)

    def named(x):
        return [name for name, v in zip(["a", "b", "c"], x) if v > 0]

    def rows(x):
        return [[v for v in (x[i], x[i + 1]) if v > 0] for i in range(3)]

    for f in (some, named, rows):
        same(f)


def test_methods_that_take_items_of_generators():
    def extended(x):
        out = [0.0]
        out.extend(v for v in x if v > 0)
        out.extend(2 * v for v in x[:3])
        return out

    def sees_itself(x):
        out = []
        for k in range(3):
            out.extend(i % 4 for i in range(len(x)) if x[i] > k and (i % 4) not in out)
        return out

    def updated(x):
        found = set()
        found.update(int(10 * v) for v in x if v > 0)
        return sorted(found)

    def from_the_left(x):
        queue = deque()
        queue.extendleft(v for v in x if v > 0)
        return queue

    def parts(adj):
        seen, count = set(), 0
        for start in range(len(adj)):
            if start in seen:
                continue
            count += 1
            queue = deque([start])
            while queue:
                a = queue.popleft()
                if a in seen:
                    continue
                seen.add(a)
                queue.extend(j for j in range(len(adj)) if adj[a, j])
        return count

    class Sum:
        def __init__(self):
            self.total = 0.0

        def extend(self, items):
            for v in items:
                self.total += v

    def of_the_users(x):
        out = Sum()
        out.extend(2 * v for v in x)
        return out.total

    for f in (extended, sees_itself, updated, from_the_left, of_the_users):
        same(f)
    same(parts, (np.random.default_rng(0).random((9, 9)) < 0.1,), (np.eye(3) > 0,))


def test_dicts_and_sets_of_what_only_a_run_knows():
    def means(x):
        groups = {}
        for v in x:
            if int(v) not in groups:
                groups[int(v)] = []
            groups[int(v)].append(v)
        return {k: sum(items) / len(items) for k, items in groups.items()}

    def chosen(x):
        return {i: v for i, v in enumerate(x) if v > 0}, {int(10 * v) for v in x}

    def named(x):
        last = {"up" if v > 0 else "down": v for v in x}
        counts = Counter()
        for v in x:
            counts["p" if v > 0 else "n"] += 1
        return last, {name: n / len(x) for name, n in counts.items()}, sorted({name for name in counts})

    def known(x):
        names, y = ["a", "b", "c"], 3
        return {n: v for n, v in zip(names, x)}, {n: v for n, v in zip(names, x) if v > 0}, {y: x[0] for y in (1, 2)}, y

    def shadowed(x):
        set = dict = sorted  # noqa: F841
        return len({int(v) for v in x}), {1: x[0]}

    for f in (means, chosen, named, known, shadowed):
        same(f)


def pairs(x):
    out = []
    for i in range(len(x)):
        if x[i] > 0:
            out.append((i, x[i]))
    out.append((-1, None))
    return out


def labels(x):
    out = []
    for v in x:
        if v > 0:
            out.append("up")
    for v in x:
        if v < 0:
            out.append("down")
        elif v > 1:
            out.append(None)
    return out


def classes(x):
    out = []
    for i in range(len(x)):
        if x[i] > 0:
            out.append(i)
    for v in x:
        if v < 0:
            out.append(v)
            out.append(float(v) * 0.5)
    return out, len(out)


def values(x):
    out = {}
    for i in range(len(x)):
        if x[i] > 0:
            out[i] = x[i]
    for i in range(len(x)):
        if x[i] < -1:
            out[i] = None
    return out


def in_rows(x):
    out = [[] for _ in range(3)]
    for i in range(len(x)):
        out[i % 3].append(i)
    for v in x:
        if v > 0:
            out[int(v) % 3].append(v)
    return out


def in_records(x):
    out = []
    for i in range(len(x)):
        if x[i] > 0:
            out.append({"a": i, "b": None})
    for i in range(len(x)):
        if x[i] < 0:
            out.append({"a": i, "b": x[i]})
    return out


def replaced(x):
    out = []
    for i in range(len(x)):
        out.append((i, 0))
    for i in range(len(x)):
        if x[i] < 0:
            out[i] = (i, "negative")
    return out


@pytest.mark.parametrize("f", [pairs, labels, classes, values, in_rows, in_records, replaced], ids=lambda f: f.__name__)
def test_storage_takes_items_of_other_kinds(f):
    same(f)


def test_arrays_that_nobody_writes_are_items():
    def steps(x, tol):
        y, h = np.asarray(x, float), 2.0
        path = [y]
        for _ in range(50):
            new = y - h * y
            if new @ new < y @ y:
                y = new
                path.append(y)
            else:
                h *= 0.5
            if y @ y < tol:
                break
        return np.array(path), len(path)

    same(steps, ([3.0, 4.0], 1e-2), (np.array([0.3, 0.4]), 1e-2), ([0.3, 0.4], 5.0))


# ruff: noqa: B023  # functions that share a variable are what is tested
def functions_made(x):
    return [f(x[1]) for f in [lambda v: v * i for i in range(3)]]


def functions_made_of_items(x):
    return [f() for f in [lambda: v for v in x]]


def functions_in_rows(x):
    return [f(x[1]) for row in [[lambda v: v * i + j for j in range(2)] for i in range(3)] for f in row]


def functions_by_name(x):
    return {k: f() for k, f in {k: lambda: x[k] for k in (0, 2, 1)}.items()}


def functions_from_a_generator(x):
    return [f() for f in tuple((lambda: v) for v in x)]


def generators_made(x):
    return [list(g) for g in [(v * i for v in x) for i in range(3)]]


def maps_made(x):
    return [list(m) for m in [map(lambda v: v * i, x) for i in range(3)]]


def functions_that_are_used_up(x):
    return [list(map(lambda v: v * i, x)) for i in range(3)], [max(x, key=lambda v: v * i) for i in (1, -1)]


@pytest.mark.parametrize(
    "program",
    [
        functions_made, functions_made_of_items, functions_in_rows, functions_by_name, functions_from_a_generator,
        generators_made, maps_made, functions_that_are_used_up,
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_functions_that_a_comprehension_makes_share_its_variables(program):
    decorated = function(program)
    for n in (3, 4, 5, 30, 3):
        x = np.arange(n) + 1.0
        assert repr(decorated(x)) == repr(program(x))
