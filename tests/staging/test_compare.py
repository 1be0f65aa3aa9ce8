"""`f.verify()`: what it compares, and the operation it names when compiled code is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from hybrid.codegen import python
from hybrid.core.errors import CompileError
from hybrid.frontend.values import wrap
from hybrid.staging.compare import copied
from hybrid.staging.function import function


def line_of(f, offset):
    return f"test_compare.py:{f.__code__.co_firstlineno + offset}"


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_agreement_and_nothing_is_touched():
    steps = wrap(np.zeros(4))

    @function
    def count(pair, v):
        x, _ = pair
        steps[1:] += x
        v *= 2
        return x[::2] * 2, v[1:], {"n": len(v), "f": float(v[0])}

    for x in (np.ones(6)[::2], np.ones(6)[::-2], np.ones(3)):
        v = np.arange(3.0)
        verdict = count.verify((x, None), v)
        assert verdict and not verdict.differences and str(verdict) == "6 results agree", verdict
        assert v.tolist() == [0, 1, 2]
    assert steps.tolist() == [0, 0, 0, 0]
    assert bool(function(softmax).verify(wrap(np.ones((2, 3)))))


def test_a_call_that_machine_code_makes_is_compared_too(monkeypatch):
    f, x = function(softmax), np.ones((2, 3))
    f(x)
    before = f.stats()["native_calls"]
    assert f.verify(x)
    f(x), f(x)
    assert f.stats()["native_calls"] > before


def test_copies_keep_strides_and_shared_memory():
    base = np.arange(24.0).reshape(4, 6)
    given = (base[::-1, ::2], [base.T, base, base], np.frombuffer(b"12345678", np.int32))
    a, (b, c, d), e = copied(given)
    assert a.strides == given[0].strides and b.strides == base.T.strides and c is d and not e.flags.writeable
    np.testing.assert_array_equal(a, given[0])
    c[0, 0] = -1
    assert b[0, 0] == -1 and a[-1, 0] == -1 and base[0, 0] == 0
    t = wrap(base)
    u, v, w = copied((t, t, base[:0]))
    assert u is v and u._data is not base and w.shape == (0, 6)


@pytest.mark.parametrize("x", [np.linspace(0, 1, 12).reshape(3, 4)])
def test_the_wrong_operation_is_named(monkeypatch, x):
    monkeypatch.setitem(python._NUMPY, "exp", "exp2")
    f = function(softmax, backend="python")
    verdict = f.verify(x)
    assert not verdict and len(verdict.differences) == 1
    report = str(verdict)
    assert report.startswith("1 of 1 results differ between undecorated and compiled\n  result: ")
    assert f"first in exp at {line_of(softmax, 1)}: e = np.exp(" in report
    assert verdict.operation.name == "exp" and len(verdict.operation.operands) == 1
    assert "compiled, " in verdict.operation.what and "op by op, at index" in verdict.operation.what


def recurrence(x, n):
    state = x * 0.5
    for k in range(n):
        state = state * 0.5 + 1
        if k == 5:
            state = np.floor(state * 10) / 10
    return state


def test_the_round_of_a_loop_and_the_operation_in_it(monkeypatch):
    monkeypatch.setitem(python._NUMPY, "floor", "ceil")
    f, x = function(recurrence, backend="python"), np.array([0.3, 0.7])
    verdict = f.verify(x, 12)
    assert not verdict
    assert verdict.operation.name == "floor" and verdict.operation.rounds == (5,), verdict
    assert f"{line_of(recurrence, 5)}: state = np.floor(state * 10) / 10, in round 5" in str(verdict)


def test_rounds_of_a_while_loop(monkeypatch):
    @function(backend="python")
    def f(x):
        while x > 1:
            x = np.rint(x * 0.5 * 8) / 8
        return x

    monkeypatch.setitem(python._NUMPY, "rint", "ceil")
    verdict = f.verify(np.float64(10.1))
    assert not verdict and verdict.operation.name == "rint" and verdict.operation.rounds == (0,), verdict


def test_slices_whose_size_only_a_round_knows(monkeypatch):
    @function(backend="python")
    def f(a):
        out = np.zeros_like(a)
        for k in range(len(a)):
            out[k] = np.sqrt(a[:k]).sum()
        return out

    monkeypatch.setitem(python._NUMPY, "sqrt", "exp")
    verdict = f.verify(np.arange(1.0, 9.0))
    assert not verdict and verdict.operation.rounds[0] == 1, verdict


def test_only_the_whole_differs(monkeypatch):
    f, x = function(softmax), np.random.default_rng(0).standard_normal((4, 8))
    compiled, _ = f.__hybrid__._compiled((x,), {})
    wrong = softmax(x)
    wrong[2, 3] = np.nan
    monkeypatch.setattr(compiled.plan, "run", lambda arrays, seen=None: [wrong])
    verdict = f.verify(x)
    assert not verdict and verdict.operation is None
    assert "nan compiled" in str(verdict) and "at index (2, 3)" in str(verdict)
    assert "no operation alone: only the fused kernels differ" in str(verdict)


def test_types_views_and_writes_are_compared(monkeypatch):
    @function
    def f(x, out):
        out[:] = x
        return x[1:], float(x[0])

    compiled, _ = f.__hybrid__._compiled((np.ones(3), np.zeros(3)), {})
    real = type(compiled).__call__

    def wrong(self, values, bound):
        view, number = real(self, values, bound)
        bound[0][1][2] = 7
        return view.copy(), np.float64(number)

    monkeypatch.setattr(type(compiled), "__call__", wrong)
    report = str(f.verify(np.ones(3), np.zeros(3)))
    assert "result[0]: a view of an argument in one" in report
    assert "result[1]: float64 compiled, float undecorated" in report
    assert "`out` afterwards: 7.0 compiled, 1.0 undecorated, at index (2,)" in report
    assert "the trace itself is wrong" in report or "no operation alone" in report


def test_calls_that_are_pythons():
    @function
    def pick(x, i):
        return x[i] + 1

    verdict = pick.verify(np.arange(3.0), np.int64(9))
    assert verdict and "hands this call to Python, and raises IndexError" in str(verdict)
    x = np.zeros(4)

    @function
    def shift(a, b):
        a[:] = b + 1

    assert "shares memory" in str(shift.verify(x[1:], x[:-1]))
    with pytest.raises(CompileError, match="not compiled"):
        hy.function(lambda x: x.tobytes()).verify(np.ones(2))


def test_an_error_that_compiled_code_misses(monkeypatch):
    @function
    def f(x, i):
        return x[i] + 1

    compiled, _ = f.__hybrid__._compiled((np.arange(3.0), np.int64(1)), {})
    monkeypatch.setattr(type(compiled), "__call__", lambda self, values, bound: np.float64(0))
    verdict = f.verify(np.arange(3.0), np.int64(9))
    assert not verdict and "returns compiled, raises IndexError" in str(verdict)


@pytest.mark.parametrize("x", [np.linspace(0, 2, 24).reshape(4, 6)[:, ::2], np.linspace(0, 2, 12).reshape(3, 4).T])
def test_strided_arguments_are_searched_too(monkeypatch, x):
    monkeypatch.setitem(python._NUMPY, "exp", "exp2")
    verdict = function(softmax, backend="python").verify(x)
    assert not verdict and verdict.operation.name == "exp", verdict


def test_sizes_that_vary(monkeypatch):
    f = function(softmax, backend="python")
    for rows in (3, 5, 7):
        assert f.verify(np.linspace(0, 1, rows * 4).reshape(rows, 4))
    monkeypatch.setitem(python._NUMPY, "exp", "exp2")
    f.clear()
    for rows in (3, 5, 7):
        verdict = f.verify(np.linspace(0, 1, rows * 4).reshape(rows, 4))
        assert not verdict and verdict.operation.name == "exp", verdict
