"""The shorter eager forms: the bits, dtypes, layouts and errors of NumPy's own functions, as tensors."""

import functools
import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest

import hybrid as hy
from hybrid.frontend import quick
from hybrid.frontend.values import wrap

DTYPES = ("?", "i1", "u1", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", ">f4", ">i2")
SHAPES = ((), (1,), (8,), (1000,), (3, 5), (0,), (2, 0), (4, 1, 3))
BOUNDS = ((-1, 1), (None, 3), (-5, None), (None, None), (0.5, 2.5), (300, -300), (np.nan, 1.0), (-0.0, 0.0))
AXES = (None, 0, -1, 1, -3, (0, 1), ())


def _same(got, expected):
    assert type(got) is hy.Tensor
    got, expected = got.numpy(), np.asarray(expected)
    assert got.dtype == expected.dtype and got.shape == expected.shape and got.strides == expected.strides
    assert got.tobytes() == expected.tobytes()


def _outcome(function):
    with warnings.catch_warnings(record=True) as said, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            return function(), sorted(str(w.message) for w in said)
        except Exception as error:
            return type(error), str(error)


def _arrays(dtype, shape, rng):
    a = (rng.standard_normal(shape) * 100).astype(dtype)
    yield a
    if a.dtype.kind == "f" and a.size:
        special = a.copy()
        special.flat[0] = rng.choice([np.nan, np.inf, -0.0, np.finfo(a.dtype).tiny / 4])
        yield special
    if a.ndim > 1:
        yield a.T
        yield a[:, ::-1]


def _agree(function, a, *args, **kwargs):
    expected, said = _outcome(lambda: function(a, *args, **kwargs))
    ours = getattr(hy, function.__name__)
    got, heard = _outcome(lambda: ours(wrap(a), *args, **kwargs))
    if isinstance(expected, type):
        assert got is expected
    else:
        assert said == heard
        _same(got, expected)


def _exact_variance(a, ddof):
    """In rational numbers, from the elements as they are."""
    values = [Fraction(float(x)) for x in a]
    center = sum(values) / len(values)
    return float(sum((x - center) ** 2 for x in values) / (Fraction(len(values)) - Fraction(ddof)))


def _is_of_few_floats(a, axis, ddof):
    return a.dtype in (np.float32, np.float64) and a.ndim == 1 and axis is None and 0 <= ddof < a.size <= quick._FEW


@pytest.mark.parametrize("ddof", [0, 1, 0.5])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_variance_of_few_floats_is_nearly_correctly_rounded(dtype, ddof):
    rng = np.random.default_rng(1)
    for n in range(2, quick._FEW + 1):
        for scale, offset in ((1, 0), (1e-3, 1e3), (1e12, -1e12)):
            a = (rng.standard_normal(n) * scale + offset).astype(dtype)
            exact = _exact_variance(a, ddof)
            got = hy.var(wrap(a), ddof=ddof).numpy()
            assert got.dtype == a.dtype and got.shape == ()
            assert abs(float(got) - exact) <= (3 if dtype == "f8" else 0.51) * np.spacing(got)
            root = hy.std(wrap(a), ddof=ddof).numpy()
            assert root.dtype == a.dtype and abs(float(root) - math.sqrt(exact)) <= 2 * np.spacing(root)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [np.mean, np.var, np.std], ids=lambda f: f.__name__)
def test_moments_have_numpys_bits(function, dtype):
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        for a in _arrays(np.dtype(dtype), shape, rng):
            for axis in AXES:
                few = function is not np.mean and np.isfinite(a.sum())
                for keepdims in (False, True):
                    if keepdims or not (few and _is_of_few_floats(a, axis, 0)):
                        _agree(function, a, axis, keepdims=keepdims)
                for ddof in (1, 3, -2, 0.5, True, 1000) if function is not np.mean else ():
                    if not (few and _is_of_few_floats(a, axis, ddof)):
                        _agree(function, a, axis=axis, ddof=ddof)


def test_moments_over_more_elements_than_float32_counts():
    a = np.ones((1 << 24) + 3, np.float32)
    _agree(np.mean, a)


@pytest.mark.parametrize("dtype", DTYPES)
def test_clip_has_numpys_bits(dtype):
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        for a in _arrays(np.dtype(dtype), shape, rng):
            for low, high in BOUNDS:
                _agree(np.clip, a, low, high)
    x, low = hy.tensor([1.0, 5.0, -5.0]), hy.tensor([2.0, 2.0, 2.0])
    _same(hy.clip(x, low, 3.0), np.clip(x.numpy(), low.numpy(), 3.0))


@pytest.mark.parametrize("name", ["concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"])
def test_joins_have_numpys_bits(name):
    rng = np.random.default_rng(2)
    parts = [rng.standard_normal(shape).astype(d) for shape in ((), (3,), (2, 3), (3, 2)) for d in ("f4", "i8", "f8")]
    parts += [parts[-1].T]
    axes = ((), (0,), (1,), (-1,), (None,)) if name in ("concatenate", "stack") else ((),)
    for sequence, a, b, axis in itertools.product((list, tuple), parts, parts, axes):
        expected, _ = _outcome(functools.partial(getattr(np, name), sequence((a, b)), *axis))
        got, _ = _outcome(functools.partial(getattr(hy, name), sequence((wrap(a), wrap(b))), *axis))
        if isinstance(expected, type):
            assert got is expected
        else:
            _same(got, expected)


def test_joins_of_mixed_and_empty_sequences():
    x, a = hy.tensor([1.0, 2.0]), np.array([3.0, 4.0], np.float32)
    _same(hy.concatenate([x, a]), np.concatenate([x.numpy(), a]))
    _same(hy.hstack([x, 1.0]), np.hstack([x.numpy(), 1.0]))
    assert type(hy.stack([a, a])) is np.ndarray
    for name in ("concatenate", "stack", "hstack", "vstack"):
        with pytest.raises(ValueError):
            getattr(hy, name)([])


@pytest.mark.parametrize("function", sorted(quick.FORMS, key=lambda f: f.__name__), ids=lambda f: f.__name__)
def test_every_form_is_declared_and_keeps_layouts(function):
    more = {"dot": (np.ones((3, 2), np.float32),), "repeat": (2,), "reshape": ((3, 2),), "searchsorted": (0.5,),
            "swapaxes": (0, 1), "take": ([1, 0],), "where": (2.5, 1)}.get(function.__name__, ())  # fmt: skip
    for a in (np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(6, dtype=np.int16).reshape(3, 2).T):
        _agree(function, a[0] if function is np.searchsorted else a, *more)


def test_what_is_no_tensor_stays_numpys():
    assert type(hy.mean(np.ones(3))) is np.float64 and type(hy.mean([1, 2])) is np.float64
    assert type(hy.add(1, 2)) is np.int64 and type(hy.add(np.ones(2), 1)) is np.ndarray
    assert hy.take([3, 4], hy.tensor([1])).tolist() == [4]
    out = hy.zeros(2)
    assert hy.sum(hy.ones((2, 2)), axis=0, out=out) is out and out.tolist() == [2, 2]


def test_where_promotes_bfloat16_eagerly_as_compiled():
    x = hy.tensor([1.0, -2.0], dtype=hy.bfloat16)
    for way in (0.5, 2, x, hy.tensor([1.0, 2.0])):
        eager = hy.where(x > 0, x, way)
        compiled = hy.function(lambda t, way=way: hy.where(t > 0, t, way))(x)
        assert eager.dtype == compiled.dtype and (eager.numpy() == compiled.numpy()).all()
