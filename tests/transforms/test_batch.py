"""Batches of graphs: equal to one example after another, for every row of the table and through branches and loops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core.errors import AssumptionError, TraceError
from hybrid.core.shape import Dim, TensorType
from hybrid.export.saved import Saved
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Graph, evaluate, walk
from hybrid.ir.primitive import TABLE
from hybrid.ir.verify import verify
from hybrid.transforms.batch import batch
from hybrid.transforms.forward import jvp
from hybrid.transforms.reverse import vjp

SIZE = 3
ROWS = sorted(name for name, row in TABLE.items() if not row.effect and name not in ("again", "bind"))


def close(a: Any, b: Any) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape
    if not dt.is_inexact(a.dtype):
        np.testing.assert_array_equal(a, b)
        return
    tolerance = 0.05 if a.dtype.itemsize < 4 else 200 * np.finfo(a.dtype).eps
    wide = np.complex128 if dt.is_complex(a.dtype) else np.float64
    np.testing.assert_allclose(a.astype(wide), b.astype(wide), rtol=tolerance, atol=tolerance)


def one_each(graph: Graph, mapped: tuple[bool, ...], arrays: list) -> list[tuple]:
    """The results of each example by itself."""
    return [evaluate(graph, *(x[k] if has else x for x, has in zip(arrays, mapped))) for k in range(SIZE)]


def judge(graph: Graph, mapped: tuple[bool, ...], arrays: list, native: bool = False) -> Graph:
    """The batched graph, whose results are those of the examples."""
    made, have = batch(graph, mapped, SIZE)
    verify(made)
    wanted = one_each(graph, mapped, arrays)
    found = evaluate(made, *arrays)
    runs = [found]
    if native:
        out = Saved(made, {})(*arrays)
        runs.append(out if isinstance(out, tuple) else (out,))
    for results in runs:
        for k, (got, has) in enumerate(zip(results, have, strict=True)):
            close(got, np.stack([each[k] for each in wanted]) if has else wanted[0][k])
    return made


def subsets(count: int) -> list[tuple[bool, ...]]:
    return [flags for flags in itertools.product((False, True), repeat=count) if any(flags)]


# The table ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ROWS)
def test_every_row_with_every_choice_of_operands(name):
    row = TABLE[name]
    draws = [list(row.sample(np.random.default_rng(seed))) for seed in range(SIZE)]
    for cases in zip(*draws):
        operands, params = cases[0]
        operands = [np.asarray(x) for x in operands]
        builder = Builder(name)
        inputs = tuple(builder.input(TensorType(x.dtype, x.shape)) for x in operands)
        graph = builder.finish(builder.append(row, inputs, params))
        many = [np.stack([np.asarray(case[0][k]) for case in cases]) for k in range(len(operands))]
        choices = subsets(len(operands)) if len(operands) < 4 else [(True,) * len(operands)]
        for mapped in choices:
            judge(graph, mapped, [m if has else x for x, m, has in zip(operands, many, mapped)])


# Programs ---------------------------------------------------------------------------------------------------------------
def early_return(x):
    if x.sum() > 0:
        return x * x
    return np.exp(x)


def nested_branches(x, a):
    y = x * 2
    if x[0] > a:
        y = np.sin(x)
        if x[1] > 0:
            y[2] = 7.0
    elif x[2] > 0:
        y = y - a
    return y.sum(), y


def guarded_read(x, k):
    if k < x.shape[0]:
        return x[k] * 2
    return -1.0


def solve_where_regular(A, b):
    if A[0, 0] > 0:
        return np.linalg.solve(A, b)
    return b * 1


def substitution(L, b):
    n = b.shape[0]
    x = np.zeros(n)
    for i in range(n):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


def forward_and_back(A, x):
    n = x.shape[0]
    y = x.copy()
    for i in range(1, n):
        y[i] = (A[:i, :i] @ y[:i]).sum() / 40 + (y[:i] @ A[:i, i : i + 3]).sum() / 40 + x[i]
    return y


def matrix_product(A, B):
    n, m = A.shape
    k = B.shape[1]
    C = np.zeros((n, k))
    for i in range(n):
        for j in range(k):
            for l in range(m):
                C[i, j] += A[i, l] * B[l, j]
    return C


def until_large(x):
    y = x.copy()
    for i in range(60):
        if i > 4 and y[0] > 3.0:
            break
        y = y * 1.05 + np.sin(y) * 0.1
    return y


def halve(x, limit):
    count = 0
    while x > limit:
        x = x / 2
        count += 1
    return x, count


def running_sum(x, n):
    i = 0
    s = 0.0
    while i < n and x[i] > -2.0:
        s += x[i]
        i += 1
    return s, i


def smallest_factor_sum(n):
    total = 0
    while n > 1:
        d = 2
        while n % d:
            d += 1
        total += d
        n = n // d
    return total


def largest(x):
    m = x[0]
    at = 0
    for i in range(40):
        if x[i] > m:
            m = x[i]
            at = i
    return m, at


def two_back(x):
    s = 0.0
    for i in range(40):
        if i >= 2 and x[i] > 0:
            s += x[i - 2]
    return s


def heat(u):
    for _ in range(30):
        u = u.copy()
        u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def insertion_sort(x):
    x = x.copy()
    for i in range(1, x.shape[0]):
        v = x[i]
        j = i - 1
        while j >= 0 and x[j] > v:
            x[j + 1] = x[j]
            j -= 1
        x[j + 1] = v
    return x


def up_to(x, n):
    y = np.cumsum(x) * 2
    return y[:n].sum() + x[0], y


def look_up(table, i):
    a = table[i]
    b = table[i + 1]
    return np.sin(a) * b + table.sum()


def pointers(x, i):
    j = i
    for _ in range(10):
        j = (j * 7 + 3) % x.shape[0]
        x = x + x[j]
    return x, j


def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def histogram(idx, w):
    h = np.zeros(6)
    for i in range(idx.shape[0]):
        h[idx[i]] += w[i]
    return h


def gathered(x, idx):
    return x[idx] * 2, np.take(x, idx).sum()


def softmax_rows(x, w):
    z = x @ w
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def unchanged_state(x, c):
    k = 0
    y = c
    for i in range(30):
        k += i
        y = y + x[i % 5] * k
    return y, k


def masked_write(x):
    y = x.copy()
    y[y < 0] = 0
    return np.sort(y), np.argsort(x), np.linalg.norm(x)


_rng = np.random.default_rng(5)
_x5, _x40 = _rng.normal(size=(SIZE, 5)), _rng.normal(size=(SIZE, 40))
_L = np.tril(_rng.normal(size=(SIZE, 40, 40))) + 8 * np.eye(40)
_S = np.stack([np.eye(4) * 3 + 0.1, np.zeros((4, 4)), np.eye(4)])  # the second is singular, and not solved
PROGRAMS: dict[Any, list] = {
    early_return: [_x5],
    nested_branches: [_x5, np.array([-0.5, 0.0, 0.5])],
    guarded_read: [_x5, np.array([1, 7, 4])],
    solve_where_regular: [_S, _rng.normal(size=(SIZE, 4))],
    substitution: [_L, _x40],
    forward_and_back: [_rng.normal(size=(SIZE, 40, 43)), _x40],
    matrix_product: [_rng.normal(size=(SIZE, 9, 10)), _rng.normal(size=(SIZE, 10, 11))],
    until_large: [np.abs(_x5)],
    halve: [np.array([1.5, 900.0, 0.1]), np.array([1.0, 1.0, 0.5])],
    running_sum: [_x40, np.array([7, 0, 39])],
    smallest_factor_sum: [np.array([1, 84, 97])],
    largest: [_x40],
    two_back: [_x40],
    heat: [_x40],
    insertion_sort: [_x40],
    up_to: [_x40, np.array([3, 0, 40])],
    look_up: [_x40, np.array([3, 0, 38])],
    pointers: [_x5, np.array([3, 0, 4])],
    fibonacci: [np.array([3, 9, 1])],
    histogram: [_rng.integers(0, 6, (SIZE, 30)), _rng.normal(size=(SIZE, 30))],
    gathered: [_x5, _rng.integers(-5, 5, (SIZE, 4))],
    softmax_rows: [_rng.normal(size=(SIZE, 2, 3)), _rng.normal(size=(SIZE, 3, 4))],
    unchanged_state: [_x5, np.array([1.0, 2.0, 3.0])],
    masked_write: [_x5],
}


def traced(f: Any, arrays: list) -> Graph:
    return hy.function(f, strict=True).trace(*(x[0] for x in arrays))


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_programs(f):
    many = PROGRAMS[f]
    graph = traced(f, many)
    for mapped in subsets(len(many)):
        judge(graph, mapped, [x if has else x[0] for x, has in zip(many, mapped)], native=all(mapped))


@pytest.mark.parametrize(
    "f", [heat, substitution, nested_branches, largest, running_sum, softmax_rows], ids=lambda f: f.__name__
)
def test_batches_of_batches(f):
    many = PROGRAMS[f]
    graph = traced(f, many)
    every = (True,) * len(many)
    inner, _ = batch(graph, every, SIZE)
    outer, have = batch(inner, every, 2)
    assert all(have)
    twice = [np.stack([x, x[::-1]]) for x in many]
    for arrays in ([np.ascontiguousarray(x) for x in twice],):
        found = evaluate(verify(outer), *arrays)
        out = Saved(outer, {})(*arrays)
        native = out if isinstance(out, tuple) else (out,)
        for k, (got, compiled) in enumerate(zip(found, native)):
            wanted = np.stack([np.stack([e[k] for e in one_each(graph, every, [x[at] for x in arrays])]) for at in range(2)])
            close(got, wanted)
            close(compiled, wanted)


def inexact(atoms: Any) -> list[bool]:
    return [dt.is_inexact(atom.type.dtype) for atom in atoms]


DIFFERENTIATED = [early_return, nested_branches, guarded_read, solve_where_regular, substitution, until_large, heat, gathered,
                  softmax_rows, masked_write, largest, two_back, up_to, look_up]  # fmt: skip


@pytest.mark.parametrize("f", DIFFERENTIATED, ids=lambda f: f.__name__)
def test_derivatives_of_batches_are_batches_of_derivatives(f):
    many = PROGRAMS[f]
    graph = traced(f, many)
    every = (True,) * len(many)
    whole, have = batch(graph, every, SIZE)
    assert all(have)
    rng = np.random.default_rng(0)
    cotangents = [rng.normal(size=np.shape(x)) for x, has in zip(evaluate(whole, *many), inexact(graph.outputs)) if has]
    single = vjp(graph, inexact(graph.inputs), inexact(graph.outputs))
    judge(single, (True,) * len(single.inputs), [*many, *cotangents], native=True)
    batched = evaluate(batch(single, (True,) * len(single.inputs), SIZE)[0], *many, *cotangents)
    back = evaluate(vjp(whole, inexact(whole.inputs), inexact(whole.outputs)), *many, *cotangents)
    for a, b in zip(batched, back, strict=True):
        close(a, b)
    tangents = [rng.normal(size=x.shape) for x in many if dt.is_inexact(x.dtype)]
    pushed, _ = jvp(graph, inexact(graph.inputs))
    judge(pushed, (True,) * len(pushed.inputs), [*many, *tangents])
    along, _ = jvp(whole, inexact(whole.inputs))
    for a, b in zip(evaluate(along, *many, *tangents), evaluate(batch(pushed, (True,) * len(pushed.inputs), SIZE)[0],
                                                               *many, *tangents), strict=True):  # fmt: skip
        close(a, b)


# What a batched graph looks like -------------------------------------------------------------------------------------------
def primitives(graph: Graph) -> list[str]:
    return [eqn.primitive.name for eqn in walk(graph)]


def test_examples_that_go_different_ways_choose_where_nothing_can_happen_on_the_other():
    assert "cond" not in primitives(judge(traced(early_return, [_x5]), (True,), [_x5]))
    assert primitives(judge(traced(until_large, [_x5]), (True,), [_x5])).count("loop") == 1


def test_examples_go_their_own_ways_where_something_could_happen_on_the_other():
    matrices = PROGRAMS[solve_where_regular]
    made = judge(traced(solve_where_regular, matrices), (True, True), matrices)
    assert primitives(made)[:2] != ["solve", "solve"] and "cond" in primitives(made) and "loop" in primitives(made)


def test_a_condition_that_all_examples_share_stays_a_branch():
    def f(x, a):
        return np.sin(x) if a > 0 else x * a

    many = [_x5, np.array([0.5, -0.5, 1.0])]
    made = judge(traced(f, many), (True, False), [_x5, np.float64(-0.5)], native=True)
    assert "cond" in primitives(made) and "select" not in primitives(made)


def test_only_what_differs_gets_the_axis():
    def f(x, y):
        k = 0
        for i in range(30):
            k += i * y
        return x * 2, y + 1, k

    graph = traced(f, [_x5, np.arange(SIZE)])
    assert batch(graph, (True, False), SIZE)[1] == (True, False, False)
    assert batch(graph, (False, True), SIZE)[1] == (False, True, True)
    assert batch(graph, (False, False), SIZE)[1] == (False, False, False)


def test_a_matrix_that_all_examples_share_is_multiplied_once_and_factored_once():
    def f(A, x):
        return np.linalg.solve(A, A @ x)

    A = _rng.normal(size=(4, 4)) + 5 * np.eye(4)
    x = _rng.normal(size=(SIZE, 4))
    graph = hy.function(f, strict=True).trace(A, x[0])
    made = judge(graph, (False, True), [A, x], native=True)
    assert primitives(made).count("dot_general") == 1 and "transpose" not in primitives(made)[:2]
    (solve,) = (eqn for eqn in made.eqns if eqn.primitive.name == "solve")
    assert solve.inputs[0].type.shape == (4, 4)


def test_lines_of_the_program_stay():
    made, _ = batch(traced(substitution, PROGRAMS[substitution]), (True, True), SIZE)
    assert {eqn.source.function for eqn in walk(made) if eqn.source} == {"substitution"}
    assert sum(eqn.source is None for eqn in walk(made)) == 0


# Sizes ------------------------------------------------------------------------------------------------------------------
def test_batches_of_any_size():
    graph = traced(up_to, PROGRAMS[up_to])
    made, _ = batch(graph, (True, True), Dim.symbol("many"))
    verify(made)
    saved = Saved(made, {})
    for size in (0, 1, 5):
        x, n = _rng.normal(size=(size, 40)), _rng.integers(0, 40, size)
        each = [evaluate(graph, a, b) for a, b in zip(x, n)]
        for results in (evaluate(made, x, n), saved(x, n)):
            for k, got in enumerate(results):
                close(got, np.stack([e[k] for e in each]) if each else np.zeros((0, *got.shape[1:])))


def test_batches_of_arrays_of_any_size():
    def f(x, y):
        s = 0.0
        for i in range(x.shape[0]):
            if x[i] > 0:
                s += x[i] * y
        return s, x[1:] - x[:-1]

    graph = hy.function(f, strict=True).trace(hy.Spec((None,), "float64"), 0.5)
    made, _ = batch(graph, [True, False], Dim.symbol("many"))
    x = _rng.normal(size=(4, 9))
    each = [evaluate(graph, a, np.float64(0.5)) for a in x]
    for k, got in enumerate(evaluate(verify(made), x, np.float64(0.5))):
        close(got, np.stack([e[k] for e in each]))


def test_no_examples():
    for f in (early_return, halve, running_sum, heat):
        many = [x[:0] for x in PROGRAMS[f]]
        made, have = batch(traced(f, PROGRAMS[f]), (True,) * len(many), 0)
        assert all(np.shape(x)[0] == 0 for x, has in zip(evaluate(made, *many), have) if has)


# What is refused -----------------------------------------------------------------------------------------------------------
def test_examples_with_results_of_different_sizes_are_refused():
    def f(x, n):
        return x[:n] * 2

    graph = traced(f, [_x5, np.array([np.int64(3)] * SIZE)])
    if any(isinstance(size, Dim) for atom in graph.outputs for size in atom.type.shape):
        with pytest.raises(TraceError, match=r"different sizes(.|\n)*test_batch.py"):
            batch(graph, (True,) * len(graph.inputs), SIZE)

    def g(x):
        return np.unique(x)

    with pytest.raises(TraceError, match=r"different sizes(.|\n)*test_batch.py"):
        batch(traced(g, [_x5]), (True,), SIZE)


def test_sizes_that_differ_and_are_gone_again_are_taken_one_after_another():
    def f(x):
        return np.unique(x).sum()

    many = np.array([[1.0, 2.0, 1.0], [3.0, 3.0, 3.0], [1.0, 2.0, 3.0]])
    judge(traced(f, [many]), (True,), [many], native=True)


def test_assumptions_hold_for_the_examples_they_are_made_for():
    def f(x, i):
        if x[0] > 0:
            return x[i]
        return 0.0

    many = [np.array([[1.0, 2.0], [-1.0, 5.0], [4.0, 3.0]]), np.array([1, 9, 0])]
    graph = traced(f, many)
    judge(graph, (True, True), many, native=True)
    many[0][1, 0] = 1.0
    with pytest.raises((AssumptionError, IndexError)):
        evaluate(batch(graph, (True, True), SIZE)[0], *many)


# Random numbers ------------------------------------------------------------------------------------------------------------
def test_random_numbers_are_an_error_unless_said():
    generator = np.random.default_rng(3)

    def f(x):
        return x + generator.normal(size=2)

    def g(x):
        return generator.normal(x)

    graph = hy.function(f, strict=True).trace(np.zeros(2))
    with pytest.raises(TraceError, match=r"randomness(.|\n)*test_batch.py"):
        batch(graph, (True,), SIZE)
    with pytest.raises(ValueError, match="randomness"):
        batch(graph, (True,), SIZE, randomness="some")
    x = np.zeros((SIZE, 2))
    (same, *_) = evaluate(batch(graph, (True,), SIZE, randomness="same")[0], x)
    assert len(np.unique(same)) == 2
    (different, *_) = evaluate(batch(graph, (True,), SIZE, randomness="different")[0], x)
    assert len(np.unique(different)) == 6
    scaled = hy.function(g, strict=True).trace(np.zeros(2))
    with pytest.raises(TraceError, match="cannot be shared"):
        batch(scaled, (True,), SIZE, randomness="same")
    (around, *_) = evaluate(batch(scaled, (True,), SIZE, randomness="different")[0], x + np.arange(SIZE)[:, None] * 1e6)
    assert (np.abs(around - np.arange(SIZE)[:, None] * 1e6) < 100).all()


def test_random_numbers_in_a_loop_differ_from_example_to_example():
    generator = np.random.default_rng(3)

    def f(x):
        for _ in range(20):
            x = x + generator.normal()
        return x

    graph = hy.function(f, strict=True).trace(0.0)
    (drawn, *_) = evaluate(batch(graph, (True,), SIZE, randomness="different")[0], np.zeros(SIZE))
    assert len(np.unique(drawn)) == SIZE
