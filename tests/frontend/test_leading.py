"""Running extremes and the largest few along an axis: on arrays, tensors and lists, eager and compiled, with gradients."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
ARRAYS = {
    "floats": RNG.normal(size=20),
    "ties": RNG.integers(0, 5, (4, 9)),
    "unsigned": RNG.integers(0, 255, (3, 4, 5), dtype=np.uint8),
    "NaN": np.array([1, np.nan, 3, np.nan, -np.inf, 3]),
    "half": np.arange(6, dtype=np.float16)[::-1],
    "bools": RNG.random((3, 4)) > 0.5,
    "columns": np.asfortranarray(RNG.integers(-3, 3, (5, 4))),
}


def leading(row, k, largest):
    """By Python: NaN is the largest, and of equals the first leads."""
    sign = -1.0 if largest else 1.0
    return sorted(range(len(row)), key=lambda j: (sign * np.isnan(row[j]), 0.0 if np.isnan(row[j]) else sign * float(row[j])))[
        :k
    ]


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("name", ARRAYS)
def test_top_k(name, largest):
    x = ARRAYS[name]
    for axis in range(-x.ndim, x.ndim):
        places = np.apply_along_axis(leading, axis, x, 3, largest)
        compiled = hy.function(lambda x: hy.top_k(x, 3, axis, largest), strict=True)  # noqa: B023
        for found in (hy.top_k(x, 3, axis, largest), compiled(x), hy.top_k(hy.tensor(x), 3, axis, largest)):
            assert found.indices.dtype == np.int64 and np.array_equal(np.asarray(found.indices), places)
            np.testing.assert_array_equal(np.asarray(found.values), np.take_along_axis(x, places, axis))
            assert np.asarray(found.values).dtype == x.dtype
        assert type(compiled(x).values) is np.ndarray


def test_none_and_all_and_too_many():
    x = np.array([2.0, 1.0])
    assert hy.top_k(x, 0).values.shape == (0,) and hy.top_k([2, 1], 2).indices.tolist() == [0, 1]
    for k in (-1, 3):
        with pytest.raises(ArgumentError, match="as many elements as the axis has"):
            hy.top_k(x, k)
    with pytest.raises(np.exceptions.AxisError):
        hy.top_k(x, 1, axis=1)


def test_gradients_flow_to_what_was_taken():
    x = np.array([1.0, 5.0, 3.0, 5.0])
    wanted = [0.0, 1.0, 0.0, 2.0]
    f = hy.grad(lambda x: (hy.top_k(x, 2).values * np.array([1.0, 2.0])).sum())
    np.testing.assert_array_equal(f(x), wanted)
    np.testing.assert_array_equal(hy.function(f, strict=True)(x), wanted)


@pytest.mark.parametrize("name", ARRAYS)
def test_running_extremes(name):
    x = ARRAYS[name]
    for ours, numpys in ((hy.cummax, np.maximum), (hy.cummin, np.minimum)):
        for axis in (None, *range(x.ndim)):
            wanted = numpys.accumulate(x.ravel() if axis is None else x, axis=axis or 0)
            compiled = hy.function(lambda x: ours(x, axis), strict=True)  # noqa: B023
            for found in (ours(x, axis), compiled(x), ours(hy.tensor(x), axis=axis)):
                assert np.asarray(found).dtype == wanted.dtype
                np.testing.assert_array_equal(np.asarray(found), wanted)
    assert hy.cummax([[1, 3], [2, 4]]).tolist() == [1, 3, 3, 4]
