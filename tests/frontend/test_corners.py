"""Corner cases in which a decorated function must give what NumPy gives: types, dtypes, flags, who shares memory, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core.errors import GraphError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import TABLE, infer
from hybrid.staging.function import function

KINDS = ("bool", "int8", "uint8", "int64", "uint64", "float16", "float32", "float64", "complex64", "complex128")


def agree(expression: str, **values: Any) -> None:
    """`expression` of these values gives, decorated, what NumPy gives; an error is of NumPy's class."""
    f = eval(f"lambda {', '.join(values)}: {expression}", {"np": np, "special": scipy.special})
    mine, theirs = ([x.copy() if isinstance(x, np.ndarray) else x for x in values.values()] for _ in range(2))
    with np.errstate(all="ignore"):
        try:
            want = f(*mine)
        except (TypeError, ValueError, OverflowError) as error:
            expected = next(t for t in (TypeError, ValueError, OverflowError) if isinstance(error, t))
            with pytest.raises(expected):
                function(f, strict=True)(*theirs)
            return
        got = function(f, strict=True)(*theirs)
    for a, b in zip(want, got, strict=True) if isinstance(want, (tuple, list)) else ((want, got),):
        same(a, b)
        if isinstance(a, np.ndarray):
            assert a.flags.writeable == b.flags.writeable
            for x, y in zip(mine, theirs):
                if isinstance(x, np.ndarray):
                    assert (a is x, np.shares_memory(a, x)) == (b is y, np.shares_memory(b, y))
    for x, y in zip(mine, theirs):
        same(x, y)


def same(want: Any, got: Any) -> None:
    assert type(got) is type(want)
    if isinstance(want, (np.ndarray, np.generic)):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        tolerance = 1e-2 if want.dtype == np.float16 else 1e-5 if want.dtype in (np.float32, np.complex64) else 1e-12
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=0)
    else:
        assert got == want


# kinds of rank-0 results ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", ["array", "scalar"])
@pytest.mark.parametrize(
    "expression",
    ["np.copy(x)", "np.flip(x)", "np.positive(x)", "np.floor(x)", "np.trunc(x)", "np.rint(x)", "np.abs(x)", "np.sign(x)",
     "np.conjugate(x)", "x.conj()", "np.real(x)", "np.imag(x)", "np.angle(x)", "np.nan_to_num(x)", "np.round(x)",
     "np.square(x)", "np.reshape(x, ())", "np.squeeze(x)", "np.transpose(x)", "np.sinc(x)", "np.isnan(x)",
     "np.float_power(x, 2)", "x**2", "+x", "x.copy()", "x.astype(np.float32)", "x.astype(x.dtype)", "x[()]", "x.T",
     "x.reshape(())", "x.flatten()", "np.where(x, x, x)", "np.sum(x)", "np.cumsum(x)", "np.repeat(x, 2)", "np.tile(x, 2)",
     "np.einsum('->', x)", "np.kron(x, x)", "np.vdot(x, x)", "np.unstack(np.stack([x, x]))", "np.broadcast_to(x, (2,))",
     "np.broadcast_arrays(x, x)", "np.zeros_like(x)", "np.median(x)", "np.add(x, x, dtype=np.float64)", "np.deg2rad(x)",
     "np.quantile(x, 0.5)", "np.atleast_1d(x)", "np.roll(x, 1)"],
)  # fmt: skip
def test_kinds_of_rank_0(expression, value):
    for dtype in KINDS:
        if dtype.startswith("complex") and any(w in expression for w in ("nan_to_num", "rint", "median", "quantile")):
            continue  # refused, or not compiled, for complex numbers
        if dtype.startswith("complex") and "float32" in expression:
            continue  # NumPy warns
        if dtype.startswith("complex") and value == "array" and ("real" in expression or "imag" in expression):
            expression += " + 0"  # returned, the parts of a complex argument are copies
        x = np.array(True if dtype == "bool" else 2, dtype)
        agree(expression, x=x if value == "array" else x[()])


def test_rounding_numbers_gives_pythons_integers():
    assert type(function(round, strict=True)(np.float64(2.5))) is int
    for wrong in (np.array(2.5), np.bool_(True)):
        with pytest.raises(TypeError, match="__round__"):
            function(lambda x: round(x), strict=True)(wrong)


@pytest.mark.parametrize("name", ["erf", "erfc", "expit", "gammaln", "ndtr", "logit"])
def test_scipy_has_loops_for_two_dtypes(name):
    for dtype in ("bool", "int8", "int64", "float16", "float32", "float64"):
        agree(f"special.{name}(x)", x=np.array([0, 1]).astype(dtype))
    hard = np.array([-np.inf, np.inf, np.nan, 0.0, -0.0, 1e-320, -2.5, 0.5, 3.0])
    agree(f"special.{name}(x)", x=hard)
    agree(f"special.{name}(x)", x=hard.astype(np.float32))


@pytest.mark.parametrize("name", ["xlogy", "xlog1py"])
def test_scipy_products_of_logarithms(name):
    x = np.array([-np.inf, np.inf, np.nan, 0.0, -1.0, 1.0])
    agree(f"special.{name}(x[:, None], x)", x=x)
    agree(f"special.{name}(x, 2.0)", x=x.astype(np.float32))


# Python numbers beside arrays --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "uint64"])
@pytest.mark.parametrize(
    "expression",
    ["np.clip(a, -1, 2)", "np.clip(a, 0, 300)", "np.clip(a, 300, 400)", "np.clip(a, -5, -3)", "a.clip(0, 2**70)",
     "a == 300", "a < -1", "a >= 2**64", "a != 2**70", "np.less(-1, a)", "2**63 > a", "a == 2**63", "np.minimum(a, 300)",
     "a + 300", "np.where(a > 1, a, 300)", "np.select([a > 1], [a], 300)", "np.select([a > 1], [a], -1)",
     "np.full_like(a, 300)"],
)  # fmt: skip
def test_integers_beyond_the_dtype(expression, dtype):
    agree(expression, a=np.array([1, 2, 100, np.iinfo(dtype).max], dtype))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "bool"])
@pytest.mark.parametrize(
    "expression",
    ["np.select([a > 1], [a], p)", "np.select([a > 1], [p], a)", "np.where(a > 1, a, p)", "np.full_like(a, p)",
     "np.clip(a, 0, p)", "np.maximum(a, p)", "np.nan_to_num(a, nan=p)", "np.append(a, p)", "np.heaviside(a, p)",
     "np.sum(a, initial=p)", "np.max(a, initial=p)", "np.copyto(a, p)", "np.pad(a, 1, constant_values=p)",
     "np.where(a > p, 1, 0)"],
)  # fmt: skip
def test_run_time_floats_are_weak(expression, dtype):
    agree(expression, a=np.array([1, 2, 3]).astype(dtype), p=1.5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("expression", ["x**p", "np.power(x, p)", "x**np.array(p)", "x**np.array([p])", "np.float_power(x, p)"])
@pytest.mark.parametrize("p", [0.5, 2.0, -1.0, 0.0, 1.0, -0.5])
def test_run_time_powers(expression, p, dtype):
    hard = np.array([-np.inf, np.inf, np.nan, 0.0, -0.0, -1.0, 2.0, 1e-3], dtype)
    agree(expression, x=hard, p=p)
    with np.errstate(all="ignore"):
        f = eval(f"lambda x, p: {expression}", {"np": np})
        assert (np.signbit(f(hard, p)) == np.signbit(function(f, strict=True)(hard, p)))[f(hard, p) == 0].all()
    for x in hard:
        agree(expression, x=x, p=p)


# views and their flags ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("layout", ["C", "F", "backwards", "column", "empty"])
@pytest.mark.parametrize(
    "expression",
    ["np.repeat(a, 2, 0)", "np.repeat(a, 1, 1)", "np.tile(a, 1)", "np.einsum('ij->ji', a)", "np.einsum('ij->ij', a)",
     "a[:0]", "np.einsum('ii->i', a[:, :3])", "np.diagonal(a)", "np.diagonal(a, 1)", "np.diag(a)",
     "np.broadcast_to(a, a.shape)", "a[None]", "np.broadcast_to(a, (2,) + a.shape)",
     "np.broadcast_to(a * 2, (2,) + a.shape)", "np.broadcast_to(a, (2,) + a.shape)[0]", "np.diagonal(a * 2)",
     "np.expand_dims(a, 0)", "np.squeeze(a)", "np.atleast_3d(a)", "np.reshape(a, -1)", "np.ravel(a)", "a.T", "np.flip(a)",
     "np.rot90(a, 2)", "np.rot90(a, 0)", "np.array_split(a, 2)", "np.unstack(a)", "np.roll(a, 0)", "np.real(a)",
     "np.pad(a, 0)", "np.pad(a[:1], ((0, 2), (0, 0)), 'edge')", "np.imag(a)", "a[...]", "a.reshape(a.shape)", "a.conj()",
     "a.astype(a.dtype)", "a.astype(a.dtype, copy=False)", "np.copy(a)", "np.concatenate([a])", "a[[0]] if len(a) else a"],
)  # fmt: skip
def test_what_shares_memory_and_may_be_written(expression, layout):
    a = np.arange(12.0).reshape(3, 4)
    a = {"C": a, "F": np.asfortranarray(a), "backwards": a[::-1], "column": a[:, :1], "empty": a[:0]}[layout]
    if "[:, :3]" in expression and layout in ("column", "empty"):
        return  # the two axes differ
    if "edge" in expression and layout == "empty":
        return  # nothing to repeat
    shown = [x for x in [a] for _ in range(2)]
    f = eval(f"lambda a: {expression}", {"np": np})
    want, got = f(shown[0]), function(f, strict=True)(shown[1])
    for x, y in zip(want, got, strict=True) if isinstance(want, (tuple, list)) else ((want, got),):
        np.testing.assert_array_equal(y, x, strict=True)
        assert (y.flags.writeable, np.shares_memory(y, a), y is a) == (x.flags.writeable, np.shares_memory(x, a), x is a)


def test_the_view_of_a_diagonal_is_written():
    def f(a):
        np.einsum("ii->i", a)[1:] = 7.0
        np.einsum("ij->ji", a)[0, 2] += 1.0

    agree("np.einsum('ij->ji', a)", a=np.arange(6.0).reshape(2, 3))
    mine, theirs = np.arange(9.0).reshape(3, 3), np.arange(9.0).reshape(3, 3)
    f(mine)
    function(f, strict=True)(theirs)
    np.testing.assert_array_equal(theirs, mine)


def test_parts_of_complex_arrays_are_written():
    def f(z):
        z.real[1:] = 5.0
        z.imag *= 2.0

    mine, theirs = (np.arange(4) + 1j * np.arange(4) for _ in range(2))
    f(mine)
    function(f, strict=True)(theirs)
    np.testing.assert_array_equal(theirs, mine)


@pytest.mark.parametrize(
    "expression", ["a.fill(1.5)", "np.copyto(a, b)", "a.__setitem__(slice(1, None), b[1:])", "np.copyto(a, 2)"]
)
def test_complex_arguments_are_written(expression):
    agree(expression, a=np.ones(3, np.complex64), b=np.full(3, 2 + 1j, np.complex64))


def test_complex_results_are_arrays_of_their_own():
    for expression in ("np.copy(z)", "z.flatten()", "np.meshgrid(z, z)", "np.where(True, z, z)", "(z.copy(), z.copy())"):
        agree(expression, z=np.array([2 + 1j, 3]))


# malformed graphs --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name, types, params, words",
    [("add", 1, {}, "add takes 2 operands"), ("exp", 2, {}, "exp takes 1 operand"),
     ("sum", 1, {"axes": (2,)}, "distinct axes"), ("sum", 1, {"axes": (1, 0)}, "ascending"),
     ("reduce_max", 1, {"axes": (0, 0)}, "distinct axes"), ("sort", 1, {"axis": 2}, "sort"),
     ("argsort", 1, {"axis": -1, "kind": "stable"}, "argsort"), ("cumsum", 1, {"axis": 5}, "cumsum"),
     ("concatenate", 2, {"axis": 2}, "concatenate takes distinct axes")],
)  # fmt: skip
def test_malformed_equations_are_refused(name, types, params, words):
    with pytest.raises(GraphError, match=words):
        infer(TABLE[name], [TensorType(dt.float64, (2, 3))] * types, params)


# odd combinations -----------------------------------------------------------------------------------------------------------
def test_numbers_that_do_not_fit_are_not_put_along_an_axis():
    x, where = np.arange(12, dtype=np.uint8).reshape(3, 4), np.array([[0], [1], [2]])
    for value in (-1, 300, 7, 2.5, [[1], [2], [3]], np.int64(-1)):
        agree("np.put_along_axis(x, where, value, axis=1)", x=x.copy(), where=where, value=value)
    agree("np.put_along_axis(x, where, -1, axis=1)", x=x.copy(), where=where)


def test_results_without_a_place_of_their_own():
    x, place = hy.tensor([1.5, -2.25], dtype="float64"), np.zeros(2)
    parts, whole = np.modf(x, out=(None, place))
    np.testing.assert_array_equal(parts.numpy(), [0.5, -0.25])
    assert whole is place
    np.testing.assert_array_equal(place, [1.0, -2.0])


def test_deviations_of_half_precision_are_infinite_where_squares_are():
    x = np.array([[300, -300, 2, 1], [1, 2, 3, 4], [255, -255, 0, 0]], np.float16)
    for text in ("np.std(x, axis=1)", "np.var(x, axis=1)", "np.std(x, ddof=1)", "np.var(x, axis=0, where=x > 0)"):
        agree(text, x=x)
