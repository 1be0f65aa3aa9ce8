"""Decorating is invisible: calls, results, writes and errors are those of the undecorated function."""

from __future__ import annotations

import collections
import copy
import dataclasses
import doctest
import functools
import inspect
import math
import pickle
import pydoc
import sys
import traceback
import types

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.config import config
from hybrid.core.errors import CompileError, EscapeError, TraceError
from hybrid.staging.function import FallbackWarning, RetraceWarning, function

X = np.arange(12, dtype=np.float32).reshape(3, 4)
V = np.arange(5.0)
Pair = collections.namedtuple("Pair", "u v")


@dataclasses.dataclass
class Point:
    x: object
    y: object = 3


# Call forms ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("f", "args", "kwargs"),
    [
        (lambda a, b: a - b, (X, X + 1), {}),
        (lambda a, b: a - b, (X,), {"b": X + 1}),
        (lambda a, b: a - b, (), {"b": X + 1, "a": X}),
        (lambda a, b=2.0: a * b, (X,), {}),
        (lambda a, b=2.0: a * b, (X, 3.0), {}),
        (lambda *a: a[0] + a[1] * a[2], (X, X, X), {}),
        (lambda **k: k["a"] - k["b"], (), {"b": X, "a": X + 1}),
        (lambda a, *, b=3: a * b, (X,), {"b": 4}),
        (lambda a, /, b, *c, d, **e: a + b * c[0] - d / e["f"], (X, 2.0, X), {"d": X, "f": 3.0}),
        (lambda a, n, flag, none, s: a * n if flag and none is None and s == "q" else a, (X, 3, True, None, "q"), {}),
        (lambda: np.float64(3.0), (), {}),
        (functools.partial(lambda a, b: a - b, b=2.0), (X,), {}),
        (functools.partial(np.add, 1.0), (X,), {}),
        (np.tanh, (X,), {}),
    ],
)
def test_call_forms(f, args, kwargs, invisible):
    invisible(f, *args, **kwargs)


def test_native_entries_take_every_form_of_a_call():
    @function
    def f(a, b, c=1.0, *, d=None):
        return a - b * c if d is None else a

    calls = [
        ((X, X), {}),
        ((X,), {"b": X}),
        ((), {"b": X, "a": X}),
        ((X, X, 2.0), {}),
        ((X, X), {"c": 2.0}),
        ((X, X), {"d": None}),
    ]
    for args, kwargs in calls:
        for _ in range(3):
            np.testing.assert_array_equal(f(*args, **kwargs), f.eager(*args, **kwargs))
    assert f.stats()["native_calls"] == 2 * len(calls)


class Model:
    def __init__(self, w):
        self.w = w

    @function
    def method(self, x):
        return x * self.w

    @function
    @staticmethod
    def static(x):
        return x + 1

    @classmethod
    def plain(cls, x):
        return x - 1

    @function
    @classmethod
    def build(cls, x):
        return x * len(cls.__name__)

    def __call__(self, x):
        return x / self.w


def test_methods():
    one, two = Model(2.0), Model(3.0)
    for _ in range(2):
        assert one.method(V)[1] == 2 and two.method(V)[1] == 3 and Model.method(one, V)[1] == 2
        assert one.static(V)[1] == Model.static(V)[1] == 2
        assert one.build(V)[1] == Model.build(V)[1] == 5
    assert same_as(function(one.plain), V, V - 1) and same_as(function(two), V, V / 3)
    assert same_as(function(two.method), V, V * 3)


def same_as(f, x, want):
    return all(np.array_equal(f(x), want) for _ in range(3))


def test_closures_nested_functions_and_recursion(invisible):
    scale = 3.0

    @function
    def inner(x):
        return x * scale

    def outer(x):
        return inner(x) + inner(x + 1)

    def power(x, n):
        return x if n == 0 else power(x, n - 1) * 2

    invisible(outer, X)
    invisible(power, X, 3)

    @function
    def itself(x, n):
        return x if n == 0 else itself(x, n - 1) * 2

    np.testing.assert_array_equal(itself(X, 3), X * 8)
    assert itself.stats()["traces"] == 1


def test_wrong_calls_raise_pythons_own_errors(invisible):
    def f(a, b, *, c=1):
        return a

    for args, kwargs in [((X,), {}), ((X, X, X), {}), ((X, X), {"d": 1}), ((X, X), {"a": 1}), ((), {})]:
        invisible(f, *args, compiled=False, **kwargs)


def test_generators_and_coroutines_run_as_plain_python():
    def generate(x):
        yield x + 1
        yield x + 2

    async def wait(x):
        return x + 1

    decorated = function(generate)
    with pytest.warns(FallbackWarning, match="generate runs as plain Python: generator functions"):
        assert [a.sum() for a in decorated(V)] == [15, 20]
    with pytest.warns(FallbackWarning, match="async functions"):
        coroutine = function(wait)(V)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    with pytest.raises(TraceError, match="generator"):
        function(generate, strict=True)


def documented(x: float, *, scale: int = 2) -> float:
    """Scale.

    >>> documented(2.0)
    4.0
    """
    return x * scale


bare = documented
documented = function(documented)


def test_metadata_copies_and_pickles():
    assert documented.__name__ == "documented" and documented.__doc__ == bare.__doc__ and documented.__wrapped__ is bare
    assert documented.__module__ == __name__ and documented.__annotations__ == bare.__annotations__
    assert inspect.signature(documented) == inspect.signature(bare)
    assert documented.eager is bare and inspect.unwrap(documented) is bare
    assert copy.copy(documented) is documented and copy.deepcopy({"f": documented})["f"] is documented
    assert "documented(x: 'float'" in pydoc.render_doc(documented, renderer=pydoc.plaintext)
    assert repr(documented) == "<hybrid.function documented>"
    assert function(documented) is documented


def test_pickles_by_name_or_by_value_and_doctests_are_found():
    module = types.ModuleType("hybrid_test_module")
    exec("import hybrid as hy\n@hy.function\ndef f(x):\n    '>>> f(1)\\n2'\n    return x + 1", module.__dict__)
    sys.modules["hybrid_test_module"] = module
    try:
        assert pickle.loads(pickle.dumps(module.f)) is module.f
        (test,) = doctest.DocTestFinder(exclude_empty=True).find(module)
        assert doctest.DocTestRunner().run(test) == (0, 1)
    finally:
        del sys.modules["hybrid_test_module"]
    other = pickle.loads(pickle.dumps(function(np.tanh, backend="python")))
    assert other.backend == "python" and other.function is np.tanh


def test_static_parameters():
    f = function(lambda x, p: x * p, static="p")
    assert [f(V, 0.5)[2], f(V, 1.5)[2]] == [1.0, 3.0] and f.stats()["traces"] == 2
    with pytest.raises(hy.core.errors.ArgumentError, match="static names no parameter: 'q'"):
        function(lambda x: x, static=("q",))
    with pytest.raises(hy.core.errors.ArgumentError, match="decorates a callable"):
        function(3)


# Results ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda v: v * 2 + 1, (3.0,)),
        (lambda v: (v // 2, v % 2, divmod(v, 2.0), abs(v), round(v), round(v, 1), -v, +v, v > 2, v == 2), (-3.5,)),
        (lambda v: (v * 2 + 1, v == 2j, -v, abs(v), v.real, v.conjugate()), (2j,)),
        (lambda v: (v.real, v.imag, v.is_integer(), v.hex()), (1.25,)),
        (lambda v: (v * 2 + 1, v > 1, abs(v), v * 2.0), (np.float32(2),)),
        (lambda v: (v + 1, v - np.int8(3), v / 2, v // 2), (np.int8(100),)),
        (lambda v: (np.sin(v), v + np.float32(1)), (2.0,)),
        (lambda v: f"{v:.2f} {v} {v!r}", (1.25,)),
        (lambda v: {1.25: "found"}[v], (1.25,)),
        (lambda v: (isinstance(v, float), isinstance(v, np.ndarray), int(v)), (1.25,)),
        (lambda a: isinstance(a, np.ndarray), (X,)),
        (lambda a: isinstance(a[0, 0], np.float32), (X,)),
        (lambda a: (a.sum(), a.max(), a.mean(), a[0, 0], a.argmax(), (a > 2).any(), a.shape, a.dtype, len(a), a.size), (X,)),
        (lambda a: (a + 1, a, a[...], a.sum()), (np.array(3.0),)),
        (lambda a, s: (s, a + 1, "lit", 3, None, True, 2.5, b"x", np.float32(3), ..., slice(1, 2), float), (X, "q")),
        (lambda a: [a, (a + 1, None), {"z": a * 2, "y": []}], (X,)),
        (lambda d: {"z": d["a"] + 1, "y": [d["b"], None, (d["a"],)]}, ({"a": X, "b": X * 2},)),
        (lambda p: Pair(p.u + p.v, p.u), (Pair(X, X + 1),)),
        (lambda a: Pair(a + 1, a), (X,)),
        (lambda p: Point(p.x + p.y, "s"), (Point(X),)),
        (lambda a: a * 2, (hy.tensor([1.0, 2.0]),)),
        (lambda a, b: (a + b, b + 1), (hy.tensor([1.0, 2.0]), np.ones(2, np.float32))),
        (lambda a, e: a * e, (X, [1.0, 2.0, 3.0, 4.0])),
        (lambda a, n: a[:n] * n, (X, 2)),
        (lambda a, s: a[s], (X, slice(0, 2))),
        (lambda a, n: a + n % 7, (X, 10**30)),
    ],
)
def test_values_and_types(f, args, invisible):
    invisible(f, *args)


def test_registered_classes(invisible):
    class Box:
        def __init__(self, x):
            self.x = x

        def __eq__(self, other):
            return np.array_equal(self.x, other.x)

    hy.core.tree.register(Box, lambda box: ([box.x], None), lambda aux, children: Box(*children))
    invisible(lambda box: Box(box.x * 2), Box(X))


def test_identity_of_results():
    @function
    def f(x, y, d):
        s = x + y
        return x, s, s, x[1:], s[1:], x.T, d, d["k"]

    d = {"k": [1]}
    for _ in range(3):
        x, y = X.copy(), X.copy()
        same_x, s, again, view, part, transposed, same_d, inner = f(x, y, d)
        assert same_x is x and s is again and same_d is d and inner is d["k"]
        assert view.base is x and transposed.base is x and np.shares_memory(part, s)
        view[0, 0] = 50
        part[0, 0] = 60
        assert x[1, 0] == 50 and s[1, 0] == 60


def test_arrays_made_inside_are_new_at_every_call():
    window = np.hanning(5)

    @function
    def f(x):
        kernel = np.hanning(5)
        return x + kernel, kernel, window, [1, 2]

    first, second = f(V), f(V)
    assert first[1] is not second[1] and first[2] is second[2] is window and first[3] is not second[3]
    first[1][:] = 100
    np.testing.assert_array_equal(f(V)[0], V + np.hanning(5))


def test_an_object_made_inside_is_not_returned_twice():
    class Thing:
        pass

    kept = Thing()
    f = function(lambda x: (x + 1, kept))
    assert f(V)[1] is kept and f(V)[1] is kept and not f.stats()["fallbacks"]
    g = function(lambda x: (x + 1, Thing()))
    assert g(V)[1] is not g(V)[1] and type(g(V)[1]) is Thing and not g.stats()["fallbacks"]


def test_an_object_whose_init_has_branches_is_not_returned_twice():
    class Scale:
        def __init__(self, v):
            self.v = 0.0
            if v > 0:
                self.v = 1.0

    f = function(lambda x: (x + 1, Scale(3)))
    assert f(V)[1] is not f(V)[1] and vars(f(V)[1]) == {"v": 1.0} and not f.stats()["fallbacks"]


# Numbers ---------------------------------------------------------------------------------------------------------------
def test_a_thousand_learning_rates_are_one_trace():
    @function
    def step(x, lr):
        return x - lr * x / 2.0

    for k in range(1000):
        assert step(V, k * 0.01)[2] == V[2] - k * 0.01 * V[2] / 2.0
    assert step.stats()["traces"] == 1 and step.stats()["native_calls"] == 999


@pytest.mark.filterwarnings("ignore::hybrid.staging.function.FallbackWarning")
@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda v: 1.0 / v, (0.0,)),
        (lambda a, v: a * (1.0 / v), (X, 0.0)),
        (lambda v: v**0.5, (-3.0,)),
        (lambda v: v**2, (1e308,)),
        (lambda v: v**-1, (0.0,)),
        (lambda v: v // 0.0, (1.0,)),
        (lambda v: v % 0.0, (1.0,)),
        (lambda v: v * v, (1e308,)),
        (lambda v: v / 2.0, (math.inf,)),
    ],
)
def test_python_arithmetic_raises_as_python_does(f, args, invisible):
    invisible(f, *args, compiled=False)


def test_a_number_asked_for_its_value_becomes_static(invisible):
    invisible(lambda v: v if v > 0 else -v, -3.0)
    invisible(lambda a, v: a * math.sqrt(v), X, 4.0)
    invisible(lambda a, v, w: a * w if v * w > 1 else a, X, 4.0, 2.0)
    invisible(lambda a, v: [a * k for k in range(int(v))], X, 3.0)
    invisible(lambda a, flag: a * 2 if flag else a, X, np.bool_(True))
    f = function(lambda a, v, lr: a * math.sqrt(v) * lr)
    for v in (4.0, 9.0, 4.0):
        for lr in (1.0, 2.0):
            assert f(V, v, lr)[1] == math.sqrt(v) * lr
    assert f.stats()["traces"] == 1  # math.sqrt of a number is computed like any other


def test_many_values_of_a_static_number_are_bounded_and_reported():
    f = function(lambda a, v: a * 2 if v > 0.5 else a[:])
    with (
        config.override(max_traces=4),
        pytest.warns(RetraceWarning, match="traced 8 times for new values of `v`: a Python condition"),
    ):
        for k in range(12):
            assert f(V, k / 10)[1] == (2 if k > 5 else 1)
    assert f.stats()["traces"] == 4
    assert any("8 times" in line for line in f.__hybrid__._log)


def test_the_traces_in_use_are_kept():
    f = function(lambda a, n: a * n, static="n")
    with config.override(max_traces=3):
        f(V, 100), f(V, 100)
        for n in range(6):
            f(V, n)
            f(V, 100)  # a native call counts as use
    assert 100 in [leaves[1].value for _, leaves in f.__hybrid__._traces]


# Writes ----------------------------------------------------------------------------------------------------------------
def iadd(x):
    x += 1


def interior(x):
    x[1:-1] = x[:-2] + x[2:]
    return x.sum()


def transposed(x):
    y = x.T
    y[0] *= 3
    return y


def swap(x, y):
    x[:], y[:] = y + 0, x + 0


def through_out(x, out):
    np.multiply(x, 2, out=out)
    return out


@pytest.mark.parametrize(
    "layout", [lambda a: a, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a.T, np.asfortranarray, lambda a: a[::-2, ::-1]]
)
@pytest.mark.parametrize("f", [iadd, interior, transposed])
def test_writes_into_any_layout(f, layout):
    base, other = (np.random.default_rng(0).random((5, 6)) for _ in range(2))
    decorated = function(f)
    for _ in range(2):
        want = f(layout(base))
        got = decorated(layout(other))
        np.testing.assert_array_equal(other, base)
        assert (got is None and want is None) or np.allclose(got, want, rtol=1e-14)
    assert not decorated.stats()["fallbacks"]


def test_several_written_arguments(invisible):
    invisible(swap, X.copy(), X + 5)
    invisible(through_out, X, np.zeros_like(X))
    invisible(through_out, X.astype(np.float64), np.zeros((3, 4)))


def test_unaligned_arrays_are_written():
    raw = np.zeros(41, np.uint8)
    x = raw[1:].view(np.float64)
    f = function(iadd)
    for k in range(3):
        f(x)
        assert (x == k + 1).all()
    strided = x[::2]
    f(strided)
    np.testing.assert_array_equal(x, [4, 3, 4, 3, 4])


def test_overlapping_arguments():
    def shift(x, y):
        x += y
        return x

    f = function(shift)
    f(np.ones(4), np.ones(4))
    base, want = np.arange(5.0), np.arange(5.0)
    f(base[1:], base[:-1])
    shift(want[1:], want[:-1])
    np.testing.assert_array_equal(base, want)
    table = np.ones((4, 4))
    f(table[:, 0], table[:, 1])  # interleaved, but apart
    assert table[:, 0].tolist() == [2] * 4
    x = np.ones(4)
    f(x, x)
    assert x.tolist() == [2] * 4
    t = hy.tensor(np.ones(4))
    f(t, t.numpy())
    assert t.tolist() == [2] * 4


def test_arrays_that_may_not_be_written(invisible):
    fixed = X.copy()
    fixed.setflags(write=False)
    decorated = function(iadd)
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            decorated(fixed)
    with pytest.raises(ValueError):
        decorated(np.broadcast_to(X, (2, 3, 4)))
    window = np.lib.stride_tricks.as_strided(np.zeros(4), (3, 2), (8, 8))
    with pytest.warns(FallbackWarning, match="share memory"):
        decorated(window)


def test_containers_that_are_changed(invisible):
    def update(state, items, point, x):
        state["m"] = state["m"] * 0.9 + x
        state["new"] = {"deep": x}
        state["inner"]["n"] += 1
        items.append(items[0] + 1)
        point.x = point.x * 2
        return state["m"], items

    invisible(update, {"m": X.copy(), "inner": {"n": 1}}, [X.copy()], Point(X.copy()), X.copy())

    @function
    def step(state, x):
        state["w"] = state["w"] + x
        return state

    state = {"w": np.zeros(3), "other": "kept"}
    for k in range(4):
        assert step(state, np.ones(3)) is state and (state["w"] == k + 1).all()
    assert step.stats()["traces"] == 1
    both = ({"w": np.zeros(3)},) * 2
    f = function(lambda a, b: a.update(w=a["w"] + 1) or b["w"] * 1)
    with pytest.warns(FallbackWarning, match="twice"):
        assert f(*both).tolist() == [1, 1, 1]


def test_captured_arrays_are_read_and_written_at_every_call():
    table = np.zeros(3)
    weights = hy.tensor(np.ones(3))

    @function
    def f(x):
        nonlocal_weights = weights
        nonlocal_weights += 1
        return x + table + weights

    assert f(np.ones(3)).tolist() == [3, 3, 3]
    table[0] = 5
    assert f(np.ones(3)).tolist() == [9, 4, 4]
    assert weights.tolist() == [3, 3, 3] and not f.stats()["fallbacks"]


# Errors ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda a, b: a + b, (X, X[:, :2])),
        (lambda a: a[5], (X,)),
        (lambda d: d["q"], ({"a": X},)),
        (lambda a: a * (1 // 0), (X,)),
        (lambda a: a.foo, (X,)),
        (lambda a: a.sum(axis=7), (X,)),
        (lambda a: np.zeros((0, 3)).max() + a, (X,)),
        (lambda a: a.reshape(5, 5), (X,)),
        (lambda a: {a: 1}, (X,)),
        (lambda a: a @ a, (X,)),
        (lambda a: bool(a), (X,)),
    ],
)
def test_the_users_errors_are_the_users(f, args, invisible):
    invisible(f, *args, compiled=False)


def test_tracebacks_show_the_users_lines_only():
    def deep(x):
        return x + np.ones(77)

    @function
    def f(x):
        return deep(x)

    def files():
        try:
            f(X)
        except ValueError as error:
            return [frame.name for frame in traceback.extract_tb(error.__traceback__)], error
        raise AssertionError

    names, error = files()
    assert names == ["files", "f", "deep"] and error.__cause__ is None and error.__context__ is None
    with config.override(hide_frames=False):
        assert "slow" in files()[0]


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (lambda a: a * 2 if a.sum() > 0 else a[:], "an array is returned, and `value` is one array or another"),
        (lambda a: a.tobytes(), r"\.tobytes"),
        (lambda a: str(a), "text"),
        (lambda a: a[a > 2].tobytes(), ""),
    ],
)
def test_what_needs_values_runs_as_plain_python_and_says_so_once(f, reason, invisible):
    decorated = function(f)
    with pytest.warns(FallbackWarning, match=rf"<lambda> runs as plain Python: .*{reason}.*test_function\.py:\d+") as record:
        got = decorated(X)
    want = f(X)
    assert (got == want) if not isinstance(want, np.ndarray) else np.array_equal(got, want)
    assert len(record) == 1 and record[0].filename == __file__
    decorated(X), decorated(X[:2])
    assert len(decorated.stats()["fallbacks"]) <= 2
    with pytest.raises((TraceError, TypeError)):
        function(f, strict=True)(X)
    with pytest.raises(CompileError, match="this call is not compiled"):
        decorated.graph(X)


def test_a_caught_question_still_ends_the_trace():
    @function
    def f(x):
        try:
            return x * np.frombuffer(x.tobytes()).max()
        except TypeError:
            return x

    with pytest.warns(FallbackWarning):
        assert f(V)[1] == 1 * max(V)


def test_after_many_refusals_for_one_reason_new_shapes_are_not_traced():
    traced = []

    def f(x):
        traced.append(1)
        return x * 2 if x.sum() > 0 else x[:]

    decorated = function(f)
    with pytest.warns(FallbackWarning):
        for n in range(1, 30):
            decorated(np.ones(n))
    assert len(traced) == 29  # the eight traces that failed have left nothing behind


def test_errors_that_pass_do_not_stay():
    scale = [None]

    @function
    def f(x):
        return x * scale[0]

    with pytest.raises(TypeError):
        f(V)
    scale[0] = 2.0
    assert f(V)[1] == 2 and not f.stats()["fallbacks"]


def test_escaping_tensors():
    kept, found = ValueError(), []  # whose arguments are no place that the trace watches

    @function
    def f(x):
        found.append(kept.args[0]) if kept.args else None
        kept.args = (x + 1,)
        return x

    with pytest.warns(FallbackWarning, match="kept somewhere after the call"):
        f(V)
    (escaped,) = found
    with pytest.raises(EscapeError, match="outside"):
        escaped + 1
    assert repr(escaped) == "<traced f64[5] in f>"
    with pytest.raises(EscapeError):
        function(lambda x: x + 1)(escaped)

    def keep(x):
        kept.x = x + 1

    with pytest.raises(EscapeError, match="kept somewhere"):
        function(keep, strict=True)(V)


def test_user_exceptions_and_interrupts_leave_no_trace_open():
    from hybrid.ir import trace as tr

    @function
    def f(x, error):
        raise error

    for error in (KeyboardInterrupt(), SystemExit(), ZeroDivisionError()):
        with pytest.raises(type(error)):
            f(V, error)
        assert tr.open_traces == 0 and tr.current() is None
    assert function(lambda x: x + 1)(V)[0] == 1


@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 3), (0,)])
def test_results_own_their_memory_from_the_first_call_on(shape):
    f, x = function(lambda x: x + 1), np.ones(shape)
    for _ in range(3):
        got, want = f(x), x + 1
        assert got.flags.owndata and got.base is None and got.strides == want.strides
        got.resize((5,), refcheck=False)
