"""Arguments that lie in one another's memory and are written: compiled, with what NumPy would leave in them."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import hybrid as hy


def shift(a, b):
    a[1:] = a[:-1]
    b += a
    return a.sum()


def assign(a, b):
    b[...] = a
    return a, b


def several(a, b, c):
    a -= b
    b *= 2
    c[0] += 1
    return a[0], b.T, c


def loop(a, b):
    for i in range(len(a)):
        a[i] = a[i] + b[len(b) - 1 - i]
        if a[i] > 20:
            b[i] -= 1
    return a[0] if a[0] > b[0] else b[0]


def line(n=12):
    return np.arange(float(n))


def grid():
    return np.arange(20.0).reshape(4, 5)


CASES = {
    "stretches": (shift, lambda: (x := line(), (x[:6], x[3:9]))[1]),
    "apart": (shift, lambda: (x := line(), (x[:6], x[6:]))[1]),
    "the same": (shift, lambda: (line(),) * 2),
    "backwards": (shift, lambda: (x := line(), (x[::-1], x))[1]),
    "every other": (shift, lambda: (x := line(), (x[::2], x[1::2]))[1]),
    "every other and all": (loop, lambda: (x := line(), (x[::2], x[3:9]))[1]),
    "by one": (assign, lambda: (x := line(), (x[:-1], x[1:]))[1]),
    "transposes": (assign, lambda: (x := grid(), (x[:-1, :4].T, x[1:, 1:].T))[1]),
    "its own transpose": (assign, lambda: (x := np.arange(16.0).reshape(4, 4), (x, x.T))[1]),
    "rows and a column": (several, lambda: (x := grid(), (x[1:3], x[2:4], x[:, 2]))[1]),
    "two rows": (assign, lambda: (x := grid(), (x[1], x[2]))[1]),
    "another shape": (assign, lambda: (x := grid(), (x.reshape(-1)[:10].reshape(2, 5), x[1:3]))[1]),
    "one element": (loop, lambda: (x := line(), (x[3:4], x))[1]),
    "more axes": (assign, lambda: (x := grid(), (x[:, None, 1:3], x[:, None, 2:4]))[1]),
    "tensors": (shift, lambda: (x := line(), (hy.asarray(x)[:6], hy.asarray(x)[2:8]))[1]),
    "a tensor and an array": (assign, lambda: (x := line(), (hy.asarray(x)[:6], x[1:7]))[1]),
    "a tensor and its array": (shift, lambda: (x := line(), (hy.asarray(x), x))[1]),
    "float32": (shift, lambda: (x := line().astype(np.float32), (x[:6], x[1:7]))[1]),
}


def alike(want, got) -> None:
    assert type(got) is type(want)
    np.testing.assert_equal(np.asarray(got), np.asarray(want))


@pytest.mark.parametrize("name", CASES)
def test_as_numpy(name):
    function, make = CASES[name]
    compiled = hy.function(function, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", hy.FallbackWarning)
        for _ in range(3):
            plain, given = make(), make()
            want, got = function(*plain), compiled(*given)
            for a, b in zip(plain, given):
                alike(a, b)
            pairs = list(zip(want, got)) if isinstance(want, tuple) else [(want, got)]
            for a, b in pairs:
                alike(a, b)
                assert [a is x for x in plain] == [b is x for x in given]
                if isinstance(a, np.ndarray):
                    assert [np.shares_memory(a, x) for x in plain] == [np.shares_memory(b, x) for x in given]
    assert compiled.stats()["fallbacks"] == []


def test_arguments_apart_and_not_take_turns():
    compiled = hy.function(shift, strict=True)
    for _ in range(3):
        for k in (0, 2, 6):
            x, y = line(), line()
            assert shift(x[:6], x[k : k + 6]) == compiled(y[:6], y[k : k + 6])
            np.testing.assert_equal(y, x)
        compiled(line(6), line(6))
    assert len(compiled.traces) == 3 and compiled.stats()["native_calls"] >= 4


@pytest.mark.parametrize("seed", range(12))
def test_random_slices(seed):
    rng = np.random.default_rng(seed)

    def part(x, shape):
        for _ in range(100):
            cut = tuple(slice(int(rng.integers(0, 6)), int(rng.integers(3, 9)), int(rng.integers(1, 3))) for _ in range(2))
            view = x[cut][:: rng.choice([1, -1])]
            view = view.T if rng.random() < 0.3 else view
            if view.shape == shape:
                return view
        return x[: shape[0], : shape[1]]

    def program(a, b, c):
        a += b[::-1]
        c[1:] = a[:-1] * 2
        b[:, 0] = c[:, -1]
        return (a - c).sum(), b

    compiled = hy.function(program, strict=True)
    for shape in itertools.islice(itertools.cycle([(2, 2), (3, 2)]), 4):
        x = rng.normal(size=(8, 8))
        y = x.copy()
        state = rng.bit_generator.state
        plain = [part(x, shape) for _ in range(3)]
        rng.bit_generator.state = state
        given = [part(y, shape) for _ in range(3)]
        want, got = program(*plain), compiled(*given)
        np.testing.assert_allclose(y, x, atol=1e-14)
        np.testing.assert_allclose(got[0], want[0], atol=1e-12)
        np.testing.assert_allclose(got[1], want[1], atol=1e-14)


def test_memory_of_another_kind_is_left_to_python():
    def halves(a, b):
        a += 1
        return b.sum()

    compiled = hy.function(halves)
    x, y = np.arange(8.0), np.arange(8.0)
    with pytest.warns(hy.FallbackWarning, match="a written argument shares memory with another one"):
        assert compiled(x, x.view(np.int64)[::2]) == halves(y, y.view(np.int64)[::2])
    np.testing.assert_equal(x, y)
