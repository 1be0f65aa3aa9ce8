"""Complaints about what may be decorated, and about what functions take and return."""

import abc
import code
import contextlib
import copy
import dataclasses
import functools
import inspect
import io
import typing
from collections import namedtuple

import numpy as np
import pytest

import hybrid as hy
from tests.staging.conftest import same

X = np.arange(4.0)
strict = functools.partial(hy.function, strict=True)
Pair = namedtuple("Pair", "a b")


# microsoft/pylance-release#3832: staticmethod; tensorflow/tensorflow#28165, #38528, #29393: methods and the methods they call
def test_methods_of_every_kind():
    class Base(abc.ABC):
        scale = 2.0

        @abc.abstractmethod
        def weight(self): ...

        @hy.function(strict=True)
        def forward(self, x):
            return self._inner(x) * self.scale

        def _inner(self, x):
            total = x
            while total.max() < 50:
                total = total * 2 + self.weight()
            return total

        @classmethod
        @hy.function(strict=True)
        def of_class(cls, x):
            return x * cls.scale

        @hy.function(strict=True)
        @classmethod
        def turned(cls, x):
            return x + cls.scale

        @staticmethod
        @hy.function(strict=True)
        def of_none(x):
            return x - 1

        @hy.function(strict=True)
        @staticmethod
        def other(x):
            return x - 2

        @property
        @hy.function(strict=True)
        def size(self):
            return self.w.sum() * 2

        @functools.cached_property
        @hy.function(strict=True)
        def once(self):
            return self.w.sum() * 3

        @hy.function(strict=True)
        def __call__(self, x):
            return self.forward(x) + 1

        @hy.function(strict=True)
        def __add__(self, x):
            return self.w + x

        @hy.function(strict=True)
        def __getitem__(self, k):
            return self.w[k] * 2

    class Model(Base):
        scale = 3.0

        def __init__(self):
            self.w = np.ones(4)

        def weight(self):
            return 1.5

        @hy.function(strict=True)
        def forward(self, x):
            return super().forward(x) + 0.5

    plain, model = Model(), Model()
    want = plain.forward.__func__.eager(plain, X)
    for _ in range(3):
        np.testing.assert_array_equal(model.forward(X), want)
        np.testing.assert_array_equal(model(X), want + 1)
        np.testing.assert_array_equal(Model.of_class(X), X * 3)
        np.testing.assert_array_equal(model.of_class(X), X * 3)
        np.testing.assert_array_equal(Base.of_class(X), X * 2)
        np.testing.assert_array_equal(Model.turned(X), X + 3)
        np.testing.assert_array_equal(model.of_none(X), X - 1)
        np.testing.assert_array_equal(Model.other(X), X - 2)
        np.testing.assert_array_equal(model + X, X + 1)
        assert model.size == 8 and model.once == 12 and model[1] == 2
        np.testing.assert_array_equal(Model.forward(model, X), want)
    model.w[:] = 2
    assert model.size == 16 and model.once == 12 and model[1] == 4


def test_a_decorated_function_looks_like_what_it_decorates():
    def f(x: np.ndarray, k: float = 2.0, *args, j: int = 1, **kwargs) -> np.ndarray:
        """Says what it does."""
        return x * k

    g = hy.function(f)
    assert (g.__name__, g.__doc__, g.__module__, g.__qualname__) == (f.__name__, f.__doc__, f.__module__, f.__qualname__)
    assert inspect.signature(g) == inspect.signature(f) and g.__wrapped__ is f and callable(g)
    assert typing.get_type_hints(g) == typing.get_type_hints(f) and hy.function(g) is g
    np.testing.assert_array_equal(g(X, 3.0, 9, j=2, z=1), X * 3)


def test_lambdas_partials_nested_functions_and_callables():
    class Scale:
        def __init__(self, k):
            self.k = k

        def __call__(self, x):
            return x * self.k

    def make(k):
        @strict
        def inner(x):
            return x + k

        return inner

    one, two, scale = make(1.0), make(2.0), Scale(5.0)
    f = strict(functools.partial(lambda x, a, b: x * a + b, a=2.0, b=1.0))
    g = strict(functools.partial(functools.partial(lambda k, x: x - k, 3.0)))
    h = strict(scale)
    wrapped = strict(functools.wraps(make)(lambda x: x * 7))
    for _ in range(3):
        np.testing.assert_array_equal(one(X), X + 1)
        np.testing.assert_array_equal(two(X), X + 2)
        np.testing.assert_array_equal(f(X), X * 2 + 1)
        np.testing.assert_array_equal(f(X, b=5.0), X * 2 + 5)
        np.testing.assert_array_equal(g(X), X - 3)
        np.testing.assert_array_equal(h(X), X * 5)
        np.testing.assert_array_equal(wrapped(X), X * 7)
        np.testing.assert_array_equal(hy.function(np.sin)(X), np.sin(X))
    scale.k = 6.0
    np.testing.assert_array_equal(h(X), X * 6)


# several lambdas on one line, whose source is hard to tell apart
def test_lambdas_on_one_line():
    fs = [strict(lambda x: x + 1 if x.sum() > 0 else x - 1), strict(lambda x: x + 2 if x.sum() > 9 else x - 2)]
    for f in fs:
        assert f(np.float64(3.0)) == f.eager(np.float64(3.0))


# numba/numba#3501, #7798, #7646: functions from exec, the interpreter and notebooks
def test_functions_without_a_file():
    space = {"np": np, "hy": hy}
    exec(
        """
@hy.function(strict=True)
def f(x, n):
    for k in range(n):
        x = np.sin(x) + k
    return x
""",
        space,
    )
    np.testing.assert_allclose(space["f"](X, 3), space["f"].eager(X, 3), rtol=1e-13)
    console = code.InteractiveInterpreter({"np": np, "hy": hy, "X": X})
    for text in ("f = hy.function(lambda x: x * 2)", "y = f(X)", "@hy.function\ndef g(x):\n    return f(x) + 1\n", "z = g(X)"):
        assert not console.runsource(text, symbol="single")
    np.testing.assert_array_equal(console.locals["z"], X * 2 + 1)


# a cell run again: the new function is the one that counts
def test_a_notebooks_cell_run_twice(tmp_path):
    space = {"np": np, "hy": hy}
    for k, body in enumerate(("x + 1", "x * 5", "x + 1")):
        source = f"def helper(x):\n    return {body}\n@hy.function(strict=True)\ndef f(x):\n    return helper(x)\n"
        exec(compile(source, f"<ipython-input-{k}>", "exec"), space)
        np.testing.assert_array_equal(space["f"](X), eval(body, {"x": X}))


# the file changed after it was imported: the source no longer is that of the code
def test_a_file_that_was_edited_after_import(tmp_path):
    path = tmp_path / "edited.py"
    text = "def f(x, n):\n    for k in range(n):\n        x = x + {}\n    return x\n"
    path.write_text(text.format(1))
    space = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    path.write_text(text.format(100))
    f = hy.function(space["f"])
    np.testing.assert_array_equal(f(X, 3), X + 3)


# pytorch/pytorch#138157, #118996: decorated functions that call each other, and themselves
def test_recursion_and_decorated_calling_decorated():
    @hy.function
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    @hy.function
    def even(x, n):
        return x if n == 0 else odd(x + 1, n - 1)

    @hy.function
    def odd(x, n):
        return -x if n == 0 else even(x * 2, n - 1)

    for n in (1, 2, 5):
        np.testing.assert_allclose(power(X, n), X**n)
        want = X
        for k in range(n):
            want = want + 1 if k % 2 == 0 else want * 2
        np.testing.assert_array_equal(even(X, n), want if n % 2 == 0 else -want)

    @hy.function
    def endless(x):
        return endless(x + 1)

    with pytest.raises(RecursionError):
        endless(X)
    np.testing.assert_allclose(power(X, 3), X**3)


def test_decorators_around_and_inside():
    def twice(f):
        @functools.wraps(f)
        def inner(*args, **kwargs):
            return f(f(*args, **kwargs), **kwargs)

        return inner

    @hy.function(strict=True)
    @twice
    def inside(x, k=1.0):
        return x * 2 + k

    @twice
    @hy.function(strict=True)
    def around(x, k=1.0):
        return x * 2 + k

    for f in (inside, around):
        for k in (1.0, 3.0):
            np.testing.assert_array_equal(f(X, k=k), (X * 2 + k) * 2 + k)


# pytorch/pytorch#175943, #158772, #161610: namedtuples; #150110: views of dicts
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("f", [
    lambda x: None, lambda x: (), lambda x: (x,), lambda x: [x, None, (x * 2, [])],
    lambda x: {"a": x + 1, 3: None, (1, 2): x[0]},
    lambda x: Pair(x.sum(), Pair(1, "text")), lambda x: Pair(x, 2)._replace(a=x * 2), lambda x: x.sum(), lambda x: x.sum() > 3,
    lambda x: float(x[1]), lambda x: int(x[2]), lambda x: bool(x[0]), lambda x: x.shape, lambda x: x.dtype, lambda x: len(x),
    lambda x: np.array(3.0), lambda x: x[1:2], lambda x: x[..., 1], lambda x: np.float32(2) * x[0], lambda x: x[1] * 2,
    lambda x: 2 * 3, lambda x: "text", lambda x: x.astype(np.float32)[1], lambda x: (x > 1).sum(), lambda x: np.argmax(x),
    lambda x: x.max(keepdims=True), lambda x: np.asarray(x[0]), lambda x: x[()], lambda x: True, lambda x: 1 + 2j,
    lambda x: x[1] + 2j,
    lambda x: (x, x), lambda x: {"a": 1}.items(), lambda x: {1, 2}, lambda x: range(3), lambda x: slice(1, 2),
    lambda x: np.float64,
    lambda x: NotImplemented, lambda x: ..., lambda x: np.bool_(True), lambda x: x.T, lambda x: np.dtype("f4"),
    lambda x: b"bytes",
    lambda x: divmod(7, 2), lambda x: divmod(x[3], 2), lambda x: round(x[3], 1), lambda x: x[3] // 2, lambda x: -x[1],
    lambda x: x[1] ** 2,
])  # fmt: skip
def test_results_are_exactly_what_python_returns(f):
    decorated, want = hy.function(f), f(X)
    for _ in range(3):
        got = decorated(X.copy())
        assert type(got) is type(want)
        if isinstance(want, (np.ndarray, np.generic, tuple, list, float)):
            assert same(got, want)
        else:
            assert repr(got) == repr(want)


# pytorch/pytorch#141258: NumPy's scalars, 0-d arrays and Python's numbers are three kinds
@pytest.mark.parametrize("value", [2, 2.0, 2j, True, np.int8(2), np.uint16(2), np.int64(2), np.float16(2),
        np.float32(2), np.float64(2),
                                   np.complex64(2), np.bool_(True), np.array(2),
                                           np.array(2.0, "f"), hy.tensor(2.0)])  # fmt: skip
@pytest.mark.parametrize("f", [lambda x, v: x * v, lambda x, v: v + v, lambda x, v: (v, x + v), lambda x, v: x.astype("f") * v,
                               lambda x, v: np.add(x.astype("i1"), v), lambda x, v: v * 1.5,
                               lambda x, v: [v * True, abs(v)]])  # fmt: skip
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_numbers_keep_their_kind(f, value):
    try:
        want = f(X, copy.copy(value))
    except TypeError as error:
        with pytest.raises(type(error)):
            hy.function(f)(X, value)
        return
    decorated = hy.function(f)
    for _ in range(2):
        got = decorated(X, value)
        assert same(got, want), (got, want)


# numpy/numpy#8987, #10782 and their like: integers of an array wrap, Python's do not
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning", "ignore::RuntimeWarning")
def test_integers_wrap_where_numpys_do_and_grow_where_pythons_do():
    def factorial(n):
        out = 1
        for k in range(2, n + 1):
            out *= k
        return out

    def wraps(a):
        total = np.int64(1)
        for v in a:
            total = total * v
        return total, a * a, a.sum(), a.cumprod()

    decorated = hy.function(factorial)
    for n in (5, 20, 21, 30):
        assert decorated(n) == factorial(n) and type(decorated(n)) is int
    a = np.full(9, 200, np.int64)
    assert same(hy.function(wraps)(a), wraps(a))
    with np.errstate(over="ignore"):
        assert same(hy.function(wraps)(a.astype(np.uint8)), wraps(a.astype(np.uint8)))


@dataclasses.dataclass
class State:
    w: np.ndarray
    step: int = 0
    note: str = ""


# pytorch/pytorch#161610: what is given comes back as the same object
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_dataclasses_and_containers_keep_their_identity():
    def f(s, d, items):
        s.step += 1
        d["x"] = s.w * 2
        items[0] = items[0] + 1
        return s, d, items

    decorated = hy.function(f)
    s, d, items = State(X.copy()), {"x": X}, [X, None]
    for k in range(1, 4):
        out = decorated(s, d, items)
        assert out[0] is s and out[1] is d and out[2] is items and s.step == k
        np.testing.assert_array_equal(items[0], X + k)


def test_help_and_repr_do_not_compile():
    f = hy.function(lambda x: x)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        help(f)
    assert repr(f).startswith("<hybrid.function") and f.stats()["traces"] == 0 and f.explain()


def test_what_functions_are_asked_for_is_the_undecorated_ones():
    def plain(x, a=1.0, *, b=2.0):
        return x * a + b + len(X)

    def counted(f):
        return f.__code__.co_varnames[: f.__code__.co_argcount], f.__defaults__, f.__kwdefaults__, f.__globals__ is globals()

    decorated = hy.function(plain)
    assert counted(decorated) == counted(plain)
    assert decorated.__closure__ == plain.__closure__
    assert decorated(X).tolist() == plain(X).tolist()
    decorated.__defaults__ = (3.0,)
    decorated.__kwdefaults__ = {"b": 0.5}
    assert plain.__defaults__ == (3.0,)
    for _ in range(2):
        assert decorated(X).tolist() == plain(X).tolist()
