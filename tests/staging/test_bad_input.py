"""Strange arguments give NumPy's result or NumPy's error, never a wrong number and never a crash."""

from __future__ import annotations

import collections
import enum
import fractions
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.staging.function import FallbackWarning, function

X = np.arange(12, dtype=np.float32).reshape(3, 4)


def double(a):
    return a * 2 + 1


class Color(enum.Enum):
    RED = 1


class Ordered(collections.OrderedDict):
    pass


@pytest.mark.parametrize(
    "a",
    [
        np.zeros((0, 3)),
        np.array(3.0),
        np.array(3, np.int8),
        X[::-1],
        X[:, ::-1],
        X[::2, ::3],
        X.T,
        np.asfortranarray(X),
        X[None, :, None],
        np.broadcast_to(np.float32(2), (3, 4)),
        np.broadcast_to(X[0], (5, 4)),
        np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32),
        np.zeros((3,) * 10),
        np.zeros((1,) * 32),
        np.array([np.nan, np.inf, -np.inf, -0.0]),
        X.astype(np.float16),
        X.astype(np.complex64),
        np.array([True, False]),
        X.astype(np.uint8),
        X.astype(np.int64),
        np.float32(2),
        np.float64("nan"),
        np.int64(3),
        np.bool_(True),
        2,
        True,
        2.5,
        -0.0,
        float("nan"),
        2j,
        10**30,
    ],
    ids=lambda a: f"{type(a).__name__}{getattr(a, 'shape', a)}",
)
def test_supported_values(a, invisible):
    invisible(double, a)


@pytest.mark.parametrize(
    ("f", "a"),
    [
        (double, np.array([1, 2.5], object)),
        (lambda a: a == a, np.array(["a", "b"])),
        (lambda a: a["x"] * 2, np.zeros(3, [("x", "f4"), ("y", "i8")])),
        (lambda a: a + np.timedelta64(1, "D"), np.array(["2020-01-01", "NaT"], "M8[D]")),
        (lambda a: a / 2, np.array([4, 6], "m8[s]")),
        (double, np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0])),
        (double, np.rec.array([(1.0,)], dtype=[("x", "f8")]).x.view(np.recarray)),
        (double, X.astype(">f4")),
        (double, X.astype(np.longdouble)),
        (double, np.longdouble(2)),
        (double, fractions.Fraction(1, 3)),
        (double, np.array(["abc"], "S3")),
        (lambda a: list(a.values()), Ordered(a=1)),
    ],
)
def test_unsupported_values_run_as_plain_python(f, a):
    decorated = function(f)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = f(a)
    except Exception as error:
        for _ in range(2):
            with pytest.raises(type(error)):
                decorated(a)
        return
    with pytest.warns(FallbackWarning):
        got = decorated(a)
    for result in (got, decorated(a)):
        assert type(result) is type(want) and np.array_equal(np.asarray(result).astype(str), np.asarray(want).astype(str))


def test_memory_maps(tmp_path):
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=(3,))
    f = function(double)
    with pytest.warns(FallbackWarning, match="memmap"):
        assert np.array_equal(f(mapped), [1, 1, 1])
    assert np.array_equal(f(np.asarray(mapped)), [1, 1, 1])


def test_iterators_are_not_used_up_by_a_trace():
    f = function(lambda a, rows: a + sum(rows))
    with pytest.warns(FallbackWarning, match="iterator"):
        for _ in range(3):
            assert f(1.0, iter([1.0, 2.0])) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" * 50,
        lambda: (1, "a", None),
        lambda: slice(0, 2),
        lambda: {1, 2},
        lambda: frozenset([1, 2]),
        lambda: range(3),
        lambda: b"ab",
        lambda: bytearray(b"ab"),
        lambda: [1, [2, 3]],
        lambda: {"a": {"b": 1}},
        lambda: np.dtype("f4"),
        lambda: Color.RED,
        lambda: 1 << 80,
        lambda: float,
        lambda: ...,
        lambda: np.float32,
    ],
)
def test_equal_static_values_share_a_trace(make):
    f = function(lambda a, s: a * 2)
    for _ in range(4):
        assert f(X, make())[0, 1] == 2
    assert f.stats()["traces"] == 1


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (0, False),
        ({1}, {2}),
        ({1}, {True}),
        (slice(1), slice(2)),
        ((1,), [1]),
        (bytearray(b"a"), bytearray(b"b")),
        ("1", b"1"),
        (np.int8, np.int16),
        ({"a": 1}, {"b": 1}),
        (None, ()),
    ],
)
def test_different_static_values_do_not(a, b):
    f = function(lambda x, s: (x + 1, repr(s)))
    for s in (a, b, a, b):
        assert f(X, s)[1] == repr(s)
    assert f.stats()["traces"] == 2


def test_negative_zero_and_nan_are_values_of_their_own():
    f = function(lambda x, s: x * np.copysign(1.0, s), static="s")
    assert [f(1.0, s) for s in (0.0, -0.0, 0.0, -0.0)] == [1, -1, 1, -1]
    for _ in range(3):
        f(1.0, float("nan"))
    assert f.stats()["traces"] == 3


def test_huge_arrays():
    wide = np.broadcast_to(np.float32(1), (1 << 40, 1 << 10))
    f = function(lambda a: a * 2)
    for _ in range(2):
        with pytest.raises(MemoryError):
            f(wide)
    assert function(lambda a: a[3, :4] * 2)(wide).tolist() == [2, 2, 2, 2]


def test_wrong_shapes_and_dtypes(invisible):
    for f, args in [
        (lambda a, b: a + b, (X, np.ones(5))),
        (lambda a, b: a @ b, (X, X)),
        (lambda a: a.reshape(7), (X,)),
        (lambda a: a & 1, (X,)),
        (lambda a: np.concatenate([a, a[0]]), (X,)),
        (lambda a: a[:, 9], (X,)),
        (lambda a: a[0.5], (X,)),
        (lambda a: a["q"], (X,)),
        (lambda a: a.sum(axis=2), (X,)),
        (lambda a: a.astype("nonsense"), (X,)),
        (lambda a: np.stack([a, a[:1]]), (X,)),
    ]:
        invisible(f, *args, compiled=False)


def test_an_index_out_of_bounds_at_run_time():
    f = function(lambda a, i: a[i])
    assert f(X, np.array([0, 2])).shape == (2, 4)
    for _ in range(2):
        with pytest.raises(IndexError):
            f(X, np.array([0, 3]))
    assert f(X, np.array([-3, 2]))[0, 1] == 1


def test_tensors_are_as_good_as_arrays():
    f = function(double)
    assert type(f(hy.tensor([1.0]))) is hy.Tensor and type(f(np.ones(1))) is np.ndarray
    assert f(hy.tensor([1.0]))[0] == 3


def test_an_interrupt_leaves_everything_usable():
    code = """
        import _thread, signal, threading, numpy as np
        signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in a shell's background begin without it
        from hybrid.staging.function import function
        x = np.random.default_rng(0).random((1500, 1500))
        f = function(lambda a: np.sin(a @ a).sum())
        f(x)
        for delay in (0.001, 0.02):
            try:
                threading.Timer(delay, _thread.interrupt_main).start()
                while True:
                    f(x)
                    function(lambda a: np.cos(a) + delay)(x[:3])
            except KeyboardInterrupt:
                pass
            assert np.isfinite(f(x)) and function(lambda a: a + 1)(x[:3]).shape == (3, 1500)
        print("usable")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "usable\n", done.stderr
