"""Generator functions that loops go over: their code runs as a part of the trace, and the body of the loop where they yield."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


def up(n, step=1):
    k = 0
    while k < n:
        yield k
        k += step


def left_by_break(x):
    total = 0.0
    for k in up(len(x)):
        if x[k] < 0:
            break
        total += x[k]
    else:
        total += 100.0
    return total, k


def left_by_return(x, limit):
    for k in up(len(x), step=2):
        if x[k] > limit:
            return k, x[k]
    return None


def continued(x):
    count = 0
    for k in up(len(x)):
        if x[k] < 0.5:
            continue
        count += k
    return count


class Machine:
    def __init__(self):
        self.steps, self.seen = 0, np.zeros(5)

    def run(self, rounds):
        for k in range(rounds):
            self.steps += 1
            yield k * self.steps
            self.steps += 10  # not after the loop has been left
            self.seen[k % 5] += 1


def method(rounds, x):
    machine, total = Machine(), 0.0
    for value in machine.run(rounds):
        total += value * x
        machine.seen[0] += 0.5
        if total > 50:
            break
    return total, machine.steps, machine.seen


def method_to_the_end(rounds, x):
    machine, total = Machine(), 0.0
    for value in machine.run(rounds):
        total += value * x
        machine.steps -= 1
    return total, machine.steps, machine.seen


def windows_of_what_is_written(x):
    def windows(size):
        for k in range(len(x) - size + 1):
            yield x[k : k + size]

    sums = []
    for window in windows(3):
        x[0] += 1
        sums.append(window.sum())
    return np.array(sums)


def in_one_another(n):
    def squares(extra=-1):
        for k in range(n):
            yield k * k
        yield extra

    total = 0
    for a in squares():
        for b in squares(extra=3):
            total += a * b
    return total


def batches(X, y, size, rng):
    order = rng.permutation(len(X))
    for start in range(0, len(X), size):
        chosen = order[start : start + size]
        yield X[chosen], y[chosen]


def descent(X, y, size, epochs):
    rng, w, losses = np.random.default_rng(1), np.zeros(X.shape[1]), []
    for _ in range(epochs):
        total = 0.0
        for xs, ys in batches(X, y, size, rng):
            residual = xs @ w - ys
            total += (residual**2).sum()
            w -= 0.1 * xs.T @ residual / len(ys)
        losses.append(total / len(X))
    return w, losses


def visited(node):
    if node is None:
        return
    left, value, right = node
    yield from visited(left)
    yield value
    yield from visited(right)


def over_a_tree(node, x):
    total = 0.0
    for value in visited(node):
        total = total * 0.5 + value * x
    return total


def primes():
    found, n = [], 2
    while True:
        if all(n % p for p in found):
            found.append(n)
            yield n
        n += 1


def without_an_end(count):
    out = []
    for p in primes():
        if len(out) == count:
            break
        out.append(p)
    return out


def collected(x):
    def positive():
        for value in x:
            if value > 0:
                yield value

    return list(positive()), sum(positive()), max(positive(), default=0.0), sorted(positive(), reverse=True)


def numbered_and_zipped(x):
    total = 0.0
    for k, v in enumerate(up(len(x))):
        total += k * v * x[v]
    for v, p in zip(x, up(1000)):
        total += p * v
    return total


X = np.random.default_rng(3).random(30)
DIPPING = np.where(np.arange(30) == 7, -1.0, X)
TREE = ((None, 1.0, None), 2.0, ((None, 3.0, None), 4.0, None))


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (left_by_break, (X,)), (left_by_break, (DIPPING,)), (left_by_return, (X, 0.6)), (left_by_return, (X, 2.0)),
        (continued, (X,)), (method, (30, 0.1)), (method, (3, 0.1)), (method_to_the_end, (30, 0.1)),
        (windows_of_what_is_written, (X,)), (in_one_another, (10,)), (in_one_another, (2,)),
        (descent, (np.outer(X, [1.0, 2.0, X[0]]), X, 7, 3)), (over_a_tree, (TREE, 0.3)), (without_an_end, (40,)),
        (collected, (X - 0.5,)), (collected, (-X,)), (numbered_and_zipped, (X,)),
    ],
)  # fmt: skip
def test_loops_over_generators(function, args):
    """What they yield, when their code runs, and what it has changed where a loop is left are Python's."""
    decorated = hy.function(function, strict=True)
    for _ in range(2):
        given = [tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args) for _ in range(2)]
        want, got = function(*given[0]), decorated(*given[1])
        assert type(got) is type(want)
        for a, b in zip(want, got) if isinstance(want, tuple) else [(want, got)] if want is not None else []:
            np.testing.assert_allclose(b, a, rtol=1e-12)
        for a, b in zip(*given):
            assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


def test_a_long_loop_over_a_generator_stays_a_loop():
    def pixels(image):
        for row in range(image.shape[0] - 2):
            for column in range(image.shape[1] - 2):
                yield image[row : row + 3, column : column + 3], row, column

    @hy.function(strict=True)
    def convolved(image, kernel):
        out = np.zeros((image.shape[0] - 2, image.shape[1] - 2))
        for patch, row, column in pixels(image):
            out[row, column] = np.sum(patch * kernel)
        return out

    graph = str(convolved.graph(np.ones((50, 60)), np.ones((3, 3))))
    assert graph.count("loop(") == 2 and len(graph.splitlines()) < 60


def sums_of_one_buffer(n):
    def buffers():
        buffer = np.zeros(3)
        for k in range(n):
            buffer[k % 3] += k
            yield buffer

    return sum(buffers())


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_an_array_that_a_generator_yields_again_and_again_is_summed_as_it_was():
    np.testing.assert_array_equal(hy.function(sums_of_one_buffer)(7), sums_of_one_buffer(7))


def test_generators_that_are_sent_values_or_closed_stay_pythons():
    closed = []

    def careful(n):
        try:
            yield from range(n)
        finally:
            closed.append(n)

    def function(x):
        total = x
        for k in careful(3):
            total = total + k
        return total

    assert hy.function(function)(1.5) == 4.5
    assert closed
