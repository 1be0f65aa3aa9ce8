"""Arguments that are one array in two shapes: written through one of them, the other shows it, in compiled code."""

import numpy as np
import pytest

import hybrid as hy

RANDOM = np.random.default_rng(5)


def written(a, b):
    a[:, 0] = 1.5
    b += 1
    a *= 2
    b[::3] -= a.sum()
    return b[::2]


PAIRS = {
    "all": lambda a: (a, a.reshape(-1)),
    "some rows": lambda a: (a[1:3], a.reshape(-1)),
    "elements of some rows": lambda a: (a, a[1:3].reshape(-1)),
    "from a row on": lambda a: (a, a.reshape(-1)[6:]),
    "transposed": lambda a: (a.T, a.reshape(-1)),
    "columns": lambda a: (a[:, 1:3], a.reshape(-1)),
    "other rows": lambda a: (a, a.reshape(8, 3)),
    "three axes": lambda a: (a.reshape(2, 2, 6)[0], a.reshape(-1)),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_one_array_in_two_shapes(pair):
    f = hy.function(written, strict=True)
    for _ in range(3):
        x = RANDOM.standard_normal((4, 6))
        y = x.copy()
        want = written(*pair(x))
        a, b = pair(y)
        got = f(a, b)
        np.testing.assert_allclose(got, want, rtol=1e-13)
        np.testing.assert_allclose(y, x, rtol=1e-13)
        assert np.shares_memory(got, y) and got.strides == want.strides


def test_what_begins_within_a_row_is_left_to_python():
    f, x = hy.function(written), RANDOM.standard_normal((4, 6))
    y = x.copy()
    want = written(x, x.reshape(-1)[2:13])
    with pytest.warns(hy.FallbackWarning, match="shares memory with another one"):
        got = f(y, y.reshape(-1)[2:13])
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(y, x)
