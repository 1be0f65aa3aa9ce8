"""NumPy's floating-point warnings and errors: compiled calls say what undecorated ones say, at the same lines."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from hybrid import FallbackWarning, config, function
from hybrid.runtime import flags
from hybrid.staging.floats import FEW, QUIET
from hybrid.staging.traced import taken


@pytest.fixture(autouse=True)
def own_filters():
    """Those of a new interpreter."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        yield


def inverse(x):
    return 1 / x


def logarithms(x):
    a = np.log(x)
    b = np.sqrt(x - 1)
    return a + b


def scalars(x):
    return np.float64(1) / x, (x - 1) // x


def integers(a, b):
    return a // b


def narrowed(x):
    return x.astype(np.int32)


def grows(x):
    for _ in range(200):
        x = x * 10.0
    return x


def quiet_inside(x):
    with np.errstate(divide="ignore"):
        y = 1 / x
    return y + np.log(x - 1)


def picks(x):
    try:
        return 1 / x
    except FloatingPointError:
        return x * 0 - 1


def product(a, b):
    return a @ b


def complexes(x):
    return (1 + 1j) / x


ZEROS = np.zeros(3)
CASES = {
    inverse: (ZEROS,), logarithms: (np.array([0.0, 0.5, 3.0]),), scalars: (np.float64(0),),
    integers: (np.arange(5), np.array([1, 0, 2, 0, 3])), narrowed: (np.array([1.5, np.nan, 1e20]),),
    grows: (np.full(4, 1e200),),
    quiet_inside: (ZEROS,), product: (np.full((3, 3), 1e200), np.full((3, 3), 1e200)), complexes: (np.zeros(3, complex),),
}  # fmt: skip


def _twos(a):
    return type(a)(2) if isinstance(a, np.generic) else np.full_like(a, 2)


def said(f, *args, action="always"):
    """Text, file and line of the warnings of a call, and what it raised."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter(action)
        try:
            f(*args)
            error = None
        except (RuntimeWarning, FloatingPointError) as raised:
            error = type(raised), str(raised)
    return [(str(w.message), w.filename, w.lineno) for w in record if issubclass(w.category, RuntimeWarning)], error


@pytest.mark.parametrize("action", ["always", "default", "error", "ignore", "once"])
@pytest.mark.parametrize("program", CASES, ids=lambda f: f.__name__)
def test_warnings_are_those_of_the_undecorated_function(program, action):
    f, args = function(program), CASES[program]
    harmless = [_twos(a) for a in args]
    assert said(f, *harmless) == ([], None)
    want = said(program, *args, action=action)
    assert action == "ignore" or any(want)
    for _ in range(2):
        assert said(f, *args, action=action) == want
        assert said(f, *harmless, action=action) == ([], None)
    assert not f.stats()["fallbacks"]


@pytest.mark.parametrize("program", [*CASES, picks], ids=lambda f: f.__name__)
def test_errors_are_those_of_the_undecorated_function(program):
    f, args = function(program), CASES.get(program, (ZEROS,))
    f(*map(_twos, args))
    for _ in range(2 * FEW):
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            assert said(f, *args) == said(program, *args)
    assert said(f, *args) == said(program, *args)  # the error state changes back


def test_values_that_depend_on_an_error():
    f = function(picks)
    assert f(np.ones(3)).tolist() == [1.0] * 3
    for _ in range(2 * FEW):
        with np.errstate(all="raise"):
            assert f(ZEROS).tolist() == [-1.0] * 3


def test_handlers_are_called():
    f, kinds, lines = function(inverse), [], []

    class Log:
        def write(self, line):
            lines.append(line)

    f(np.ones(3))
    with np.errstate(all="call", call=lambda kind, bits: kinds.append(kind)):
        f(ZEROS), f(np.ones(3))
    with np.errstate(all="log", call=Log()):
        f(ZEROS), f(np.ones(3))
    assert kinds == ["divide by zero"] and lines == ["Warning: divide by zero encountered in divide\n"]


def test_once_per_line_by_default():
    """A new module's registry: the first call says it, the others do not."""
    f = function(inverse)
    globals().pop("__warningregistry__", None)
    with warnings.catch_warnings(record=True) as record:
        for _ in range(3 * FEW):
            f(ZEROS)
    (warning,) = record
    assert (warning.filename, warning.lineno) == (__file__, inverse.__code__.co_firstlineno + 1)
    assert Path(warning.filename).name == "test_warnings.py"


def test_calls_that_say_nothing_new_stay_compiled():
    def f(x):
        return 1 / x

    g = function(f)
    with np.errstate(all="ignore"):
        for _ in range(5):
            g(ZEROS)
    assert g.stats()["native_calls"] >= 4 and g.stats()["traces"] == 1


def test_underflow_where_it_is_asked_for():
    f = function(lambda x: x * 1e-200)
    x = np.full(3, 1e-200)
    assert said(f, x) == ([], None)
    with np.errstate(under="raise"):
        assert said(f, x)[1] == (FloatingPointError, "underflow encountered in multiply")
    with np.errstate(under="warn"):
        assert [text for text, *_ in said(f, x)[0]] == ["underflow encountered in multiply"]


def scales(x, y):
    x /= y
    return x.sum()


def test_what_a_call_writes_is_written_once():
    """The first call keeps copies; so does each after one that has raised flags."""
    f = function(scales)
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 2.0])
    for _ in range(4):
        mine = x.copy()
        assert said(f, mine, y) == said(scales, x.copy(), y)
        assert mine.tolist() == [1.0, np.inf, 1.5]


@pytest.mark.parametrize("size", [3, 1000])
def test_a_call_that_writes_is_looked_at_after_the_first_with_flags(size):
    f = function(scales)
    x, ones = np.arange(1.0, size + 1), np.ones(size)
    y = ones.copy()
    y[1] = 0.0
    for _ in range(2):
        assert said(f, x.copy(), ones) == ([], None)
    assert f.stats()["native_calls"] > 0
    mine = x.copy()
    heard = said(f, mine, y)
    assert mine[1] == np.inf and np.array_equal(mine[2:], x[2:])
    if size == 3:  # so little that it is copied before each call
        assert heard == said(scales, x.copy(), y) and heard[0]
    else:  # written by the time the flags are seen: nothing is said, and the values are right
        assert heard == ([], None)
    mine = x.copy()
    with np.errstate(divide="raise"):
        assert said(f, mine, y)[1] == (FloatingPointError, "divide by zero encountered in divide")
    assert mine[1] == np.inf and np.array_equal(mine[2:], x[2:])  # NumPy raises after it has written
    before = f.stats()["native_calls"]
    for _ in range(2 * QUIET):
        f(x.copy(), ones)
    assert f.stats()["native_calls"] > before  # quiet long enough: no more copies


def test_what_little_a_call_writes_is_put_back_through_views_and_captured_arrays():
    kept = np.zeros((2, 3))

    def writes(x, y, z):
        x[::2] += 1
        y.T[...] = 2 / z[0]
        kept[1, 1:] = x[1]

    f = function(writes)
    for z in (1.0, 1.0, 0.0, 1.0):
        results = []
        for program in (writes, f):
            x, y, z_array = np.arange(6.0)[::-1], np.ones((2, 2)), np.full(1, z)
            kept[...] = 5
            results.append((said(program, x, y, z_array), x.tolist(), y.tolist(), kept.tolist()))
        assert str(results[0]).replace("inf", "i") == str(results[1]).replace("inf", "i")
        assert bool(results[0][0][0]) == (z == 0)


def test_draws_are_made_once():
    def draws(rng, x):
        return rng.standard_normal(3) / x

    want, got = np.random.default_rng(0), np.random.default_rng(0)
    f = function(draws)
    for _ in range(3):
        with np.errstate(all="ignore"):
            a = draws(want, ZEROS)
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            b = f(got, ZEROS)
        np.testing.assert_array_equal(a, b)
        assert [str(w.message) for w in record] == ["divide by zero encountered in divide"]


def test_flags_of_other_threads_are_seen():
    f, x = function(lambda x: np.sqrt(x) + np.exp(x)), np.ones(1 << 20)
    for place in (3, -3, len(x) // 2):
        y = x.copy()
        y[place] = -1.0
        with config.override(threads=2):
            f(x)
            assert [text for text, *_ in said(f, y)[0]] == ["invalid value encountered in sqrt"]
            assert said(f, x) == ([], None)


def test_calls_of_numpy_inside_loops():
    def inner(x, n):
        total = x * 0.0
        for k in range(n):
            total = total + np.sort(1 / (x - k))
        return total

    f = function(inner)
    x = np.array([2.5, 7.5, 9.5])
    f(x, 12)
    y = np.array([2.5, 7.0, 9.5])
    assert said(f, y, 12) == said(inner, y, 12) and said(inner, y, 12)[0]
    assert said(f, x, 12) == ([], None)


@pytest.mark.parametrize("size", [1, 3, 8, 17, 1003])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.int32])
def test_lanes_that_are_not_used_raise_nothing(dtype, size):
    x = (np.arange(size) + 1).astype(dtype)
    for program in (inverse, lambda x: 1 / x[::-1], lambda x: (1 / x[::2]).sum(), lambda x: np.log(abs(x) * 2.0)):
        f = function(program)
        f(x)
        compiled, call = f.__hybrid__._find((x,), {})
        seen = flags.Seen()
        compiled.plan.run([taken(compiled.traced.leaves[k], call.values[k]) for k in compiled.traced.inputs], seen)
        assert not seen.flags & ~8


UNARY = (
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "sinh",
    "cosh",
    "arccosh",
    "arctanh",
    "reciprocal",
    "square",
)
BINARY = ("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power", "fmod", "hypot", "logaddexp")
SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -0.5, 1e30, -1e30, 100.0, 800.0, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_where_numpy_reports_an_error_a_flag_is_raised(name, dtype):
    ufunc = getattr(np, name)
    f = function((lambda x: ufunc(x)) if ufunc.nin == 1 else lambda x, y: ufunc(x, y))
    for x in SPECIAL:
        for y in SPECIAL if ufunc.nin == 2 else [0.0]:
            args = [np.full(5, v, dtype) for v in (x, y)][: ufunc.nin]
            kinds = []
            with np.errstate(all="call", under="ignore", call=lambda kind, bits: kinds.append(kind)):  # noqa: B023
                ufunc(*args)
            compiled, call = f.__hybrid__._find(tuple(args), {})
            seen = flags.Seen()
            compiled.plan.run([taken(compiled.traced.leaves[k], call.values[k]) for k in compiled.traced.inputs], seen)
            assert seen.flags or not kinds, (name, args)


def test_threads_have_their_own_error_state():
    f, errors = function(inverse), []
    f(np.ones(3))

    def work():
        with np.errstate(all="raise"):
            try:
                f(ZEROS)
            except FloatingPointError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    with np.errstate(all="ignore"):
        for thread in threads:
            thread.start()
        assert said(f, ZEROS) == ([], None)
        for thread in threads:
            thread.join()
    assert errors == ["divide by zero encountered in divide"] * 4


def test_a_function_first_called_where_errors_are_raised_is_compiled():
    f = function(inverse, strict=True)
    with np.errstate(all="raise"):
        assert f(np.ones(3)).tolist() == [1.0] * 3
        assert said(f, ZEROS)[1] == (FloatingPointError, "divide by zero encountered in divide")
    assert f.stats()["traces"] == 1


def test_what_the_function_itself_asks_for_is_heard_each_time():
    kinds = []

    def counted(x):
        with np.errstate(divide="call"):
            return 1 / x

    f = function(counted)
    with np.errstate(all="ignore", call=lambda kind, bits: kinds.append(kind)):
        for _ in range(3 * FEW):
            f(ZEROS)
    assert kinds == ["divide by zero"] * 3 * FEW


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.mean(),
        lambda x: np.mean(x[:, None] * x[:, None], axis=0),
        lambda x: x.sum() / len(x),
        lambda x: x @ x / (x @ x),
        lambda x: np.std(x),
        lambda x: np.log(x.sum()),
        lambda x: np.zeros(3) / np.zeros(3) + len(x),
        lambda x: np.nanmean(x),
        lambda x: np.nanmean(np.ones((2, 1)) * x, axis=1),
    ],
)
def test_what_follows_from_sizes_alone_is_heard(f):
    """An empty array's mean is 0/0 before any call."""

    def said(g, x):
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            g(x)
        return sorted(str(w.message) for w in record if w.category is RuntimeWarning)

    for n in (0, 3):
        compiled, x = function(f), np.ones(n)
        assert said(compiled, x) == said(compiled, x) == said(f, x)


@pytest.mark.parametrize("name", ["nanmean", "nanmax", "nanmin", "nanvar", "nanmedian", "nansum"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_slices_of_nan_are_spoken_of(name, axis):
    def f(x):
        return getattr(np, name)(x, axis=axis)

    compiled = function(f)
    for x in (np.full((2, 3), np.nan), np.array([[np.nan] * 3, [1, 2, 3]]), np.ones((2, 3))):
        texts = [[text for text, _, _ in said(g, x)[0]] for g in (f, compiled, compiled)]
        assert texts[0] == texts[1] == texts[2]


# what libraries and the function itself say in words ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("program", "given"),
    [
        (lambda x: np.cov(x), np.ones((3, 1))),
        (lambda x: np.corrcoef(x) * 2, np.ones((2, 1))),
        (lambda x: np.median(x), np.zeros(0)),
        (lambda x: np.average(x) + 1, np.zeros(0)),
        (lambda x: np.nanmedian(x), np.full(3, np.nan)),
        (lambda x: np.polyfit(np.arange(3.0), x, 4), np.ones(3)),
    ],
)
def test_functions_of_numpy_warn_at_the_users_line(program, given):
    f = function(program, strict=True)
    for _ in range(6):
        want, got = said(program, given), said(f, given)
        assert want == got and want[0]


def test_other_threads_and_filters_do_not_notice_that_calls_are_listened_to():
    before = list(warnings.filters)
    f = function(lambda x: np.median(x) + 1)
    f(np.ones(3))
    said(f, np.zeros(0))
    assert warnings.filters == before
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("ignore")
        assert np.isnan(f(np.zeros(0)))
    assert not record


def test_a_function_that_warns_its_caller():
    """`stacklevel` counts none of our frames, whether the call is compiled, traced or plain Python's."""

    def careful(x):
        if x.sum() > 3:
            warnings.warn("large", RuntimeWarning, stacklevel=2)
        return x * 2

    def opens(x):
        with open(__file__):
            warnings.warn("opened", UserWarning, stacklevel=3)
        return x * 2

    def call(f, x):
        return f(x)

    for program in (careful, opens):
        f = function(program)
        for _ in range(3):
            lines = []
            for g in (program, f):
                with warnings.catch_warnings(record=True) as record:
                    warnings.simplefilter("always")
                    warnings.simplefilter("ignore", FallbackWarning)
                    np.testing.assert_array_equal(call(g, np.ones(5)), np.full(5, 2.0))
                lines.append([(str(w.message), w.filename, w.lineno) for w in record])
            assert lines[0] == lines[1] and len(lines[0]) == 1


def rows_of_none(x):
    rows = [word for word in ("a", "b") if word > "z"]
    return x.sum() + np.mean([len(row) for row in rows])


def logarithm_caught(x):
    try:
        y = np.log(-1.0)
    except Exception:
        y = 5.0
    return x + y


def scalars_wrapped(x):
    return x + np.uint8(200) * np.uint8(2)


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
@pytest.mark.parametrize("program", [lambda x: x + np.log(0.0), rows_of_none, logarithm_caught, scalars_wrapped])
def test_what_is_computed_from_constants_warns_at_every_call(program):
    """Such calls are Python's. The function does not catch what stands for a warning while it is traced."""
    f, x = function(program), np.arange(3.0)
    for _ in range(3):
        assert said(f, x) == said(program, x) and said(f, x)[0]
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.testing.assert_array_equal(f(x), program(x))
    quiet = function(lambda x: x + np.float64(np.inf), strict=True)
    assert said(quiet, x) == ([], None)


def root_of(a, rounds):
    x = a
    for _ in range(rounds):
        x, before = 0.5 * (x + a / x), x
        if abs(x - before) < 1e-12:
            break
    else:
        warnings.warn(f"no root after {rounds} rounds", RuntimeWarning, stacklevel=1)
    return x


def caught_in_a_way(a, rounds):
    if a < 3:
        try:
            warnings.warn("small", stacklevel=1)
        except Exception:
            a = 7.0
    return a * rounds


def caught_around(a, rounds):
    try:
        if a < 3:
            warnings.warn("small", stacklevel=1)
    except Exception:
        a = 7.0
    return a * rounds


@pytest.mark.parametrize("action", ["always", "error"])
@pytest.mark.parametrize("program", [root_of, caught_in_a_way, caught_around])
def test_a_way_on_which_the_function_warns_is_pythons(program, action):
    compiled = function(program)
    for a, rounds in ((5.0, 40), (2.0, 3), (5.0, 40), (2.0, 40), (2.5, 2)):
        found = []
        for f in (program, compiled):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter(action)
                warnings.simplefilter("ignore", FallbackWarning)
                try:
                    out = f(a, rounds)
                except RuntimeWarning as error:
                    out = str(error)
                found.append((out, [(w.category, str(w.message), w.lineno) for w in said]))
        assert found[0] == found[1]
    assert function(program, strict=True)(5.0, 40) == program(5.0, 40)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16])
def test_divisors_that_are_zeros_written_out(dtype):
    """What LLVM could compute itself is said, too."""
    programs = [lambda x: x // 0, lambda x: x % 0, lambda x: np.fmod(x, 0), lambda x: x // np.zeros(3, x.dtype),
                lambda x: x[0] % 0]  # fmt: skip
    x = np.array([1, 0, 1]).astype(dtype)
    for program in programs:
        f, want = function(program), said(program, x)
        assert want[0]
        for _ in range(2):
            assert said(f, x) == want
