"""Reshapes that divide a size which varies: one trace for all sizes that are divided, and NumPy's error for the others."""

import numpy as np
import pytest

import hybrid as hy

RANDOM = np.random.default_rng(3)


def rows(x):
    return x.reshape(4, -1).sum(axis=1)


def triples(x):
    y = x.reshape(-1, 3)
    y[:, 1] = 7
    return y, y.T.copy()


def blocks(x):
    h, w = x.shape
    return x.reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3))


def folded(x):
    x.reshape(2, -1)[1] = 5
    return x.reshape(-1, 4).sum(axis=0)


def reversed_rows(x):
    return x[::-1].reshape(-1, 4).sum(axis=1)


def by_number(x):
    return x.reshape(len(x) // 3, 3).sum(axis=1)


@pytest.mark.parametrize(
    "program, sizes",
    [
        (rows, [(4 * k,) for k in range(1, 20)]),
        (triples, [(3 * k,) for k in (2, 5, 4, 9, 0, 1)]),
        (blocks, [(6, 8), (8, 10), (10, 10), (12, 4), (2, 30)]),
        (folded, [(6, 6), (8, 6), (10, 6), (12, 6)]),
        (by_number, [(9,), (12,), (30,), (3,)]),
    ],
)
def test_two_traces_serve_all_sizes_that_divide(program, sizes):
    f = hy.function(program, strict=True)
    for shape in sizes:
        x = RANDOM.standard_normal(shape)
        y = x.copy()
        want, got = program(x), f(y)
        for a, b in zip(want if type(want) is tuple else (want,), got if type(got) is tuple else (got,), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-12)
            assert np.shares_memory(b, y) == np.shares_memory(a, x)
        np.testing.assert_array_equal(x, y)
    assert f.stats()["traces"] == 2 and f.stats()["native_calls"] == len(sizes) - 2


@pytest.mark.parametrize("program", [rows, blocks, by_number])
def test_sizes_that_do_not_divide_raise_what_they_raise_undecorated(program):
    f, more = hy.function(program), (1,) * (program is blocks)
    for size in (12, 24, 13, 36, 7, 60):
        x = np.ones((size, *(10 * k for k in more)))
        try:
            want = program(x)
        except ValueError as error:
            with pytest.raises(ValueError) as raised:
                f(x)
            assert str(raised.value) == str(error)
        else:
            np.testing.assert_array_equal(f(x), want)
    assert f.stats()["traces"] == 2


def test_what_is_no_vector_in_memory_is_copied_as_ever():
    f = hy.function(reversed_rows)
    for n in (4, 6, 8, 10):
        x = RANDOM.standard_normal((n, 2))
        np.testing.assert_allclose(f(x), reversed_rows(x))
