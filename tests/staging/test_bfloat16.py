"""Decorated code on NumPy's bfloat16 arrays gives the dtypes that NumPy gives; tensors keep bfloat16."""

import functools
import operator

import ml_dtypes
import numpy as np
import pytest

import hybrid as hy

BF = ml_dtypes.bfloat16
RNG = np.random.default_rng(0)
X = (RNG.standard_normal((3, 4)) * 5).astype(BF)
DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
)
BESIDE = [RNG.integers(1, 5, (3, 4)).astype(dtype) for dtype in DTYPES] + [
    X + X,
    2,
    2.5,
    True,
    1j,
    np.int64(3),
    np.float16(0.1),
    BF(1.5),
    0.1,
]
OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "eq")


def check(f, *args, strict=True):
    with np.errstate(all="ignore"):
        try:
            want = f(*args)
        except TypeError as error:
            with pytest.raises(type(error)):
                hy.function(f, strict=strict)(*args)
            return
        got = hy.function(f, strict=strict)(*args)
    assert type(got) is type(want) and got.dtype == want.dtype, f"{got.dtype} decorated, {want.dtype} undecorated"
    np.testing.assert_allclose(
        got.astype(complex), want.astype(complex), rtol=5e-2 if want.dtype == BF or not want.ndim else 1e-5, atol=1e-2
    )


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_promote_as_in_numpy(name):
    apply = getattr(operator, name)
    for other in BESIDE:
        if not (np.iscomplexobj(other) and name in ("floordiv", "mod", "lt")):
            check(lambda x, y: apply(x, y), X, other)
            if name != "pow" or np.result_type(other).kind != "i":
                check(lambda x, y: apply(y, x), X, other)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize(
    "other", [2, 2.5, np.ones((3, 4), np.int32), np.ones((3, 4), np.float32), X], ids=lambda o: str(np.result_type(o))
)
def test_functions_promote_as_in_numpy(other):
    composed = (lambda x, y: np.where(x > 0, x, y), lambda x, y: np.clip(x, -2, y), lambda x, y: np.multiply.outer(x, y))
    functions = (np.maximum, np.arctan2, np.hypot, np.copysign, *composed)
    for f in functions:
        check(functools.partial(f), X, other, strict=False)


PRODUCTS = (
    lambda x: x @ x.T,
    lambda x: np.matmul(x, x.T),
    lambda x: x @ np.arange(4),
    lambda x: np.dot(x, x[0]),
    lambda x: np.exp(x) * 0.5,
    lambda x: np.std(x, axis=0),
    lambda x: np.logaddexp(x, x),
    lambda x: np.float32(2) * x.mean(),
)


@pytest.mark.parametrize("f", PRODUCTS)
def test_products_and_compositions(f):
    check(f, X)


def test_in_place_it_stays_bfloat16():
    def f(x):
        x *= 2.5
        x[0] += np.float32(0.25)
        return x

    check(f, X.copy())


def test_tensors_stay_bfloat16():
    t = hy.asarray(X)
    for f in (lambda x: x * 2.5, lambda x: x + np.ones(4, np.int32), lambda x: x @ x.T):
        assert f(t).dtype == hy.function(f, strict=True)(t).dtype == hy.bfloat16


@pytest.mark.parametrize("other", [2, 2.5, np.float32(2)])
def test_outer_takes_python_numbers_for_arrays(other):
    x = np.ones(3, np.float32)
    for f in (lambda x: np.multiply.outer(x, other), lambda x, y=other: np.multiply.outer(y, x)):
        assert hy.function(f, strict=True)(x).dtype == f(x).dtype
    both = lambda x, y: np.add.outer(x, y)
    assert hy.function(both, strict=True)(x, other).dtype == both(x, other).dtype
